/*
 * flags.c: lists of flags.
 */
#include "flags.h"

#include <string.h>

#include "response.h"

/* Gmail has keywords with ']' in them. */
static gboolean
is_atom_char(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\", c);
}

static gboolean
is_flag(const char *flag)
{
	if (*flag == '\\')
		flag++;
	if (!*flag)
		return FALSE;
	while (is_atom_char(*flag))
		flag++;
	return !*flag;
}

gboolean
flags_check(const char *flags, GError **error)
{
	g_auto(GStrv) words = g_strsplit(flags, " ", -1);

	for (char **word = words; *word; word++) {
		g_autofree char *printable = NULL;

		if (is_flag(*word))
			continue;
		printable = imap_printable(*word, -1);
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "\"%s\" is not a flag",
		            printable);
		return FALSE;
	}
	return TRUE;
}

static gboolean
has_word(char **words, const char *word)
{
	for (; *words; words++)
		if (g_ascii_strcasecmp(*words, word) == 0)
			return TRUE;
	return FALSE;
}

gboolean
flags_are_kept(const char *flags, const char *permanent, GError **error)
{
	g_auto(GStrv) words = g_strsplit(flags, " ", -1);
	g_auto(GStrv) kept = permanent ? g_strsplit_set(permanent, " ()", -1) : NULL;

	for (char **word = words; kept && *word; word++) {
		gboolean is_keyword = (*word)[0] != '\\';

		if (has_word(kept, *word) || (is_keyword && has_word(kept, "\\*")))
			continue;
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED,
		            "the mailbox does not keep the flag %s", *word);
		return FALSE;
	}
	return TRUE;
}
