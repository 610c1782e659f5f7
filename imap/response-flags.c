/*
 * response-flags.c: the flags of a message as one line of text, so that two can be compared.
 */
#include "response.h"

#include <string.h>

#define MAX_FLAGS 4096 /* bytes of text */

/* RFC 3501 2.3.2, in its own spelling: servers may use another. */
static const char *
flag_spelling(const char *flag)
{
	static const char *const names[] = {"\\Answered", "\\Deleted", "\\Draft", "\\Flagged",
	                                    "\\Seen"};

	for (guint i = 0; *flag == '\\' && i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(flag, names[i]) == 0)
			return names[i];
	return flag;
}

/* A flag is an atom, of 7-bit characters (RFC 3501 9), but some servers let others store what they
 * like. That is shown as well as it can be: what is no UTF-8, and what would make a terminal do
 * something or another flag look like this one, as "\x9b", a byte at a time. It can be seen and not
 * be set (flags.h). */
static char *
flag_shown(const char *flag)
{
	for (const char *c = flag; *c; c++)
		if ((guchar)*c >= 0x80)
			return imap_printable(flag, -1);
	return g_strdup(flag);
}

/* \Recent is about this session, not about the message. What no atom can be would look like two. */
static gboolean
flag_counts(const char *flag)
{
	for (const char *c = flag; *c; c++)
		if ((guchar)*c <= ' ' || *c == 0x7f)
			return FALSE;
	return *flag && g_ascii_strcasecmp(flag, "\\Recent") != 0;
}

static gint
compare_flags(gconstpointer a, gconstpointer b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;
	gint order = g_ascii_strcasecmp(one, other);

	return order ? order : strcmp(one, other);
}

gboolean
imap_flags_to_text(GPtrArray *flags, GString *text)
{
	const char *last = "";

	g_string_truncate(text, 0);
	for (guint i = 0; i < flags->len; i++)
		flags->pdata[i] = (gpointer)flag_spelling(flags->pdata[i]);
	if (flags->len > 1)
		g_ptr_array_sort(flags, compare_flags);
	for (guint i = 0; i < flags->len; i++) {
		const char *flag = flags->pdata[i];
		g_autofree char *shown = NULL;

		if (!flag_counts(flag) || g_ascii_strcasecmp(flag, last) == 0)
			continue;
		shown = flag_shown(flag);
		if (text->len + strlen(shown) >= MAX_FLAGS)
			return FALSE;
		if (text->len)
			g_string_append_c(text, ' ');
		g_string_append(text, shown);
		last = flag;
	}
	return TRUE;
}
