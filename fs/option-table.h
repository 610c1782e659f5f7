/*
 * option-table.h: the words that -o and the configuration file understand, and what each does.
 *
 * One table serves both, so that an option means the same wherever it is written. Private to
 * options.c, which decides in which order the two are read.
 */
#pragma once

#include <glib.h>

#include "options.h"

/* Options.tls while no tls= was seen; the URL then decides. */
#define OPTION_TLS_UNSET ((OptionsTls)-1)

/* Does what @word ("ro", "timeout=60", "-f") of the command line says: changes @options, or appends
 * to @fuse_words (of char *) what libfuse is to have. IMAPFS_ERROR_USAGE says what is wrong with
 * it. */
gboolean option_table_apply_word(const char *word, Options *options, GPtrArray *fuse_words,
                                 GError **error);

/* The same for a line "@key=@value" of the configuration file, where a word that stands alone on
 * the command line has the value true or false. */
gboolean option_table_apply_key(const char *key, const char *value, Options *options,
                                GPtrArray *fuse_words, GError **error);
