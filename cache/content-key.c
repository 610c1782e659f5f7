/*
 * content-key.c: of each field only the words count: what is printable ASCII, with single spaces
 * between. '?' is left out as well, for some servers put it where there was another character.
 */
#include "content-key.h"

#include <string.h>

static const char *
line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (gsize)(end - line));

	return newline ? newline + 1 : end;
}

static gboolean
is_empty_line(const char *line, const char *end)
{
	return *line == '\n' || (*line == '\r' && end - line > 1 && line[1] == '\n');
}

/* Behind the field's last continuation. */
static const char *
field_end(const char *field, const char *end)
{
	do
		field = line_end(field, end);
	while (field < end && (*field == ' ' || *field == '\t'));
	return field;
}

/* Behind the colon; NULL: it is another field. */
static const char *
field_value(const char *field, const char *end, const char *name)
{
	gsize length = strlen(name);

	if ((gsize)(end - field) <= length || g_ascii_strncasecmp(field, name, length) != 0)
		return NULL;
	for (field += length; field < end && (*field == ' ' || *field == '\t'); field++)
		;
	return field < end && *field == ':' ? field + 1 : NULL;
}

static void
append_words(GString *text, const char *value, const char *end)
{
	gsize begin = text->len;
	gboolean space = FALSE;

	for (; value < end; value++) {
		if (g_ascii_isspace(*value)) {
			space = TRUE;
		} else if (g_ascii_isgraph(*value) && *value != '?') {
			if (space && text->len > begin)
				g_string_append_c(text, ' ');
			g_string_append_c(text, *value);
			space = FALSE;
		}
	}
}

/* One that is empty is as good as none. */
static void
append_field(GString *text, const char *name, const char *value, const char *end)
{
	gsize begin = text->len;

	append_words(text, value, end);
	if (text->len == begin)
		return;
	g_string_insert(text, (gssize)begin, ":");
	g_string_insert(text, (gssize)begin, name);
	g_string_append_c(text, '\n');
}

static void
append_first(GString *text, const char *name, const char *header, const char *end)
{
	while (header < end && !is_empty_line(header, end)) {
		const char *next = field_end(header, end);
		const char *value = field_value(header, next, name);

		if (value) {
			append_field(text, name, value, next);
			return;
		}
		header = next;
	}
}

static guint64
hash(const GString *text)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize length = sizeof(digest);
	guint64 key;

	g_checksum_update(checksum, (const guchar *)text->str, (gssize)text->len);
	g_checksum_get_digest(checksum, digest, &length);
	memcpy(&key, digest, sizeof(key));
	key = GUINT64_FROM_LE(key) & G_MAXINT64;
	return key ? key : 1;
}

guint64
content_key_of_header(const char *header, gsize length)
{
	static const char *const names[] = {"date", "from", "subject", "message-id"};
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; length && i < G_N_ELEMENTS(names); i++)
		append_first(text, names[i], header, header + length);
	return text->len ? hash(text) : 0;
}
