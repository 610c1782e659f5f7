/*
 * config-file.h: $XDG_CONFIG_HOME/imapfs/config, a group of options for each account.
 *
 *     [work]
 *     url=imaps://alice@imap.example.org
 *     password_command=pass show work
 *     ro=true
 *
 * Private to options.c.
 */
#pragma once

#include <glib.h>

#include "options.h"

/* The file's name, for messages. Caller frees. */
char *config_file_path(void);

/* Applies the group [@account] to @options, appends what is libfuse's to @fuse_words and gives the
 * group's url= in @url (caller frees). IMAPFS_ERROR_USAGE names the file and the key; it may be
 * that others can write the file, that it or the group is missing, or that a key or value is
 * unknown. */
gboolean config_file_apply(const char *account, Options *options, GPtrArray *fuse_words, char **url,
                           GError **error);
