/*
 * The fields of a header are found in one pass without a copy, for 100,000 messages are named at
 * once (message-name.c).
 */
#include "header.h"

#include <string.h>

/* GMime 3.2.13 joins encoded words of one charset before it decodes their base64, and stops at the
 * padding of the first. A word of nothing in the other encoding behind that keeps them apart. */
#define PADDED_END "=?="
#define EMPTY_WORD " =?utf-8?Q?\?= "

static GMimeParserOptions *parser_options;

void
header_init(void)
{
	/* What raw 8-bit text may be. Not what the locale says: names are the same everywhere. */
	const char *charsets[] = {"utf-8", "windows-1252", NULL};

	if (parser_options != NULL)
		return;
	g_mime_init();
	parser_options = g_mime_parser_options_new();
	g_mime_parser_options_set_fallback_charsets(parser_options, charsets);
}

GMimeParserOptions *
header_options(void)
{
	return parser_options;
}

Span
span_trim(const char *start, const char *end)
{
	while (start < end && g_ascii_isspace(*start))
		start++;
	while (start < end && g_ascii_isspace(end[-1]))
		end--;
	return (Span){start, (gsize)(end - start)};
}

gboolean
header_is_continuation(char byte)
{
	return ((guchar)byte & 0xc0) == 0x80;
}

/* Half a character at the end would make GMime doubt that all the others are UTF-8. */
static gsize
cut_at_character(Span value, gsize limit)
{
	gsize length = value.length;

	if (length > limit) {
		for (length = limit; length > 0 && header_is_continuation(value.bytes[length]);)
			length--;
	}
	return length;
}

char *
header_value_until(Span value, gsize limit)
{
	gsize length = cut_at_character(value, limit);
	GString *text;

	text = g_string_new_len(value.bytes, (gssize)length);
	for (gsize i = 0; i < length; i++) {
		if (text->str[i] == '\r' || text->str[i] == '\n' || text->str[i] == '\0')
			text->str[i] = ' ';
	}
	if (strstr(text->str, PADDED_END) != NULL)
		g_string_replace(text, PADDED_END, PADDED_END EMPTY_WORD, 0);
	return g_string_free(text, FALSE);
}

char *
header_value(Span value)
{
	return header_value_until(value, HEADER_VALUE_MAX);
}

gboolean
span_is_plain(Span value)
{
	for (gsize i = 0; i < value.length; i++) {
		guchar byte = (guchar)value.bytes[i];

		if (byte >= 0x80 ||
		    (byte == '=' && i + 1 < value.length && value.bytes[i + 1] == '?'))
			return FALSE;
	}
	return TRUE;
}

/* Where the line at @at ends and the next one begins. */
static const char *
line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (gsize)(end - at));

	return newline != NULL ? newline + 1 : end;
}

/* The index of the field that the line at @at begins, or @n_names; its value begins at @value. */
static guint
match_field(const char *const *names, guint n_names, const char *at, const char *end,
            const char **value)
{
	const char *colon = memchr(at, ':', (gsize)(end - at));
	const char *name_end = colon;
	guint i;

	if (colon == NULL)
		return n_names;
	*value = colon + 1;
	while (name_end > at && (name_end[-1] == ' ' || name_end[-1] == '\t'))
		name_end--;
	for (i = 0; i < n_names; i++) {
		gsize length = strlen(names[i]);

		if ((gsize)(name_end - at) == length &&
		    g_ascii_strncasecmp(at, names[i], length) == 0)
			break;
	}
	return i;
}

void
header_find(const char *const *names, guint n_names, Span *fields, const char *header, gsize length)
{
	const char *end = header + length;
	const char *next;

	for (const char *at = header; at < end && *at != '\n'; at = next) {
		const char *value = NULL;
		guint field;

		if (*at == '\r' && at + 1 < end && at[1] == '\n')
			break;
		next = line_end(at, end);
		field = match_field(names, n_names, at, next, &value);
		while (next < end && (*next == ' ' || *next == '\t'))
			next = line_end(next, end);
		if (field < n_names && fields[field].bytes == NULL)
			fields[field] = span_trim(value, next);
	}
}
