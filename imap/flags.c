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

/* As imap_flags_to_text() shows what is no atom. */
static gboolean
is_only_shown(const char *flag)
{
	for (const char *c = flag; *c; c++)
		if ((guchar)*c >= 0x80 || (c[0] == '\\' && c[1] == 'x' && g_ascii_isxdigit(c[2]) &&
		                           g_ascii_isxdigit(c[3])))
			return TRUE;
	return FALSE;
}

char *
flags_to_send(const char *flags)
{
	g_auto(GStrv) words = g_strsplit(flags, " ", -1);
	GString *sent = g_string_new(NULL);

	for (char **word = words; *word; word++)
		if (!is_only_shown(*word))
			g_string_append_printf(sent, "%s%s", sent->len ? " " : "", *word);
	return g_string_free(sent, FALSE);
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
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_PERMITTED,
		            "the mailbox does not keep the flag %s", *word);
		return FALSE;
	}
	return TRUE;
}

gboolean
flags_from_permanent(const char *permanent, GString *text)
{
	g_auto(GStrv) words = g_strsplit_set(permanent, " ()", -1);
	g_autoptr(GPtrArray) flags = g_ptr_array_new();

	for (char **word = words; *word; word++)
		if (is_flag(*word) || g_str_equal(*word, "\\*"))
			g_ptr_array_add(flags, *word);
	if (*permanent == '(' && imap_flags_to_text(flags, text))
		return TRUE;
	g_string_truncate(text, 0);
	return FALSE;
}
