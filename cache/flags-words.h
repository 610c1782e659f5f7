/*
 * flags-words.h: sets of flags and keywords, as in RemoteMessage: "\Seen word".
 */
#pragma once

#include <glib.h>

/* @flags with @words added ('+'), taken away ('-') or put in their place ('='): in the one form
 * that equal ones have, sorted without regard to case, each once. Caller frees. */
char *flags_words_apply(const char *flags, char sign, const char *words);

/* Whether @flags have @word. */
gboolean flags_words_contain(const char *flags, const char *word);
