/*
 * mailbox-name.c: components of mailbox names to file names and back.
 *
 * The way out decides what is escaped, in one function. The way back undoes every %XX and then
 * asks the way out whether it would have made just this file name, so the two cannot disagree.
 */
#include "mailbox-name.h"

#include "file-name.h"

#include <string.h>

#define HASH_LENGTH 8

/* The name of our directory of control files at the root. */
#define CONTROL_NAME ".imapfs"

/* Names of more bytes are treated as if they were not UTF-8. They are cut in any case, and bringing
 * marks into normal form takes time that grows with the square of their number. */
#define NORMALIZE_MAX 4096

/* What stands for a component without a byte; a '%' alone is no escape. */
#define EMPTY_NAME "%"

/* A file name while it is written. */
typedef struct {
	GString *out;
	gsize cut;             /* the last place where it may be cut, if it gets too long */
	gboolean after_escape; /* the last character was escaped */
} Escaper;

static gboolean
is_hidden(gunichar c)
{
	switch (g_unichar_type(c)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_FORMAT:
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
		return TRUE;
	default:
		return FALSE;
	}
}

static gboolean
is_reserved(const char *name)
{
	return g_str_equal(name, ".") || g_str_equal(name, "..") || g_str_equal(name, CONTROL_NAME);
}

/* TRUE if @name ends as cut names do, so that one must be told from the other. */
static gboolean
looks_cut(const char *name, gsize length)
{
	return length > HASH_LENGTH && name[length - HASH_LENGTH - 1] == '~' &&
	       strspn(name + length - HASH_LENGTH, FILE_NAME_HASH_DIGITS) == HASH_LENGTH;
}

static void
append_escape(GString *out, const char *bytes, gsize size)
{
	for (gsize i = 0; i < size; i++)
		g_string_append_printf(out, "%%%02X", (guint)(guchar)bytes[i]);
}

/* Writes one character of @size bytes. */
static void
escaper_append(Escaper *escaper, const char *bytes, gsize size, gboolean escape, gboolean mark)
{
	/* A mark on the digits of an escape could join with them in NFC and break it. */
	escape = escape || (mark && escaper->after_escape);
	if (escaper->out->len + 1 + HASH_LENGTH <= FILE_NAME_MAX && !mark)
		escaper->cut = escaper->out->len;
	if (escape)
		append_escape(escaper->out, bytes, size);
	else
		g_string_append_len(escaper->out, bytes, (gssize)size);
	escaper->after_escape = escape;
}

/* Makes a name that is too long short. */
static void
escaper_cut(Escaper *escaper)
{
	char hash[HASH_LENGTH];

	file_name_hash(hash, sizeof(hash), escaper->out->str, escaper->out->len, 0);
	g_string_truncate(escaper->out, escaper->cut);
	g_string_append_c(escaper->out, '~');
	g_string_append_len(escaper->out, hash, sizeof(hash));
}

static gboolean
is_forbidden(gunichar c)
{
	return c == '%' || c == '/' || is_hidden(c);
}

/* Writes all of @name, which is UTF-8 in NFC. In one that is not (@utf8 is FALSE) the bytes above
 * 0x7f are no characters, even where some of them happen to look like one: none of them stays. */
static void
escape_name(Escaper *escaper, const char *name, gboolean utf8)
{
	gsize length = strlen(name);
	const char *dot = is_reserved(name) ? name : NULL;
	const char *tilde = looks_cut(name, length) ? name + length - HASH_LENGTH - 1 : NULL;
	const char *next;

	for (const char *at = name; *at != '\0'; at = next) {
		gboolean raw = !utf8 && (guchar)*at >= 0x80;
		gunichar c = raw ? (guchar)*at : g_utf8_get_char(at);
		gboolean escape = raw || is_forbidden(c) || at == dot || at == tilde;

		next = raw ? at + 1 : g_utf8_next_char(at);
		escaper_append(escaper, at, (gsize)(next - at), escape,
		               utf8 && g_unichar_ismark(c));
	}
}

char *
mailbox_name_escape(const char *component)
{
	g_autofree char *composed = NULL;
	Escaper escaper = {.out = NULL};

	if (*component == '\0')
		return g_strdup(EMPTY_NAME);
	escaper.out = g_string_new(NULL);
	if (strlen(component) <= NORMALIZE_MAX && g_utf8_validate(component, -1, NULL))
		composed = g_utf8_normalize(component, -1, G_NORMALIZE_NFC);
	escape_name(&escaper, composed != NULL ? composed : component, composed != NULL);
	if (escaper.out->len > FILE_NAME_MAX)
		escaper_cut(&escaper);
	return g_string_free(escaper.out, FALSE);
}

/* @file_name without its escapes, or NULL if one is broken. */
static char *
decode_escapes(const char *file_name)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (const char *at = file_name; *at != '\0'; at++) {
		if (*at != '%') {
			g_string_append_c(out, *at);
			continue;
		}
		if (!g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2]))
			return NULL;
		g_string_append_c(out, (char)(g_ascii_xdigit_value(at[1]) << 4 |
		                              g_ascii_xdigit_value(at[2])));
		at += 2;
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

char *
mailbox_name_unescape(const char *file_name)
{
	g_autofree char *component = NULL;
	g_autofree char *again = NULL;

	if (g_str_equal(file_name, EMPTY_NAME))
		return g_strdup("");
	component = decode_escapes(file_name);
	if (component == NULL)
		return NULL;
	again = mailbox_name_escape(component);
	return g_str_equal(again, file_name) ? g_steal_pointer(&component) : NULL;
}
