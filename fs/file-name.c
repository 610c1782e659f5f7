/*
 * file-name.c: one part of a file name from any text, and short hashes.
 *
 * A part is built from left to right by rules that look at one character at a time, so a cut part
 * is always the beginning of the uncut one. The rule is a list of what may stay, not of what must
 * go: what Unicode adds tomorrow is then a '-' until somebody looks at it.
 */
#include "file-name.h"

#include <string.h>

/* No part is longer than 255 bytes, so what stands behind this many can matter only after a lot of
 * punctuation. Sorting thousands of marks into normal form takes time that grows with their square.
 */
#define TEXT_MAX 2048

#define SHA256_LENGTH 32

/* A part while it is written. */
typedef struct {
	char *out;
	gsize length;
	gsize limit;
	gsize last_start;   /* where the last character that is no mark begins, with a '-' before it
	                     */
	gboolean in_letter; /* a mark that comes now has something to stand on */
	gboolean has_gap;   /* something was left out since the last character */
} Part;

void
file_name_hash(char *out, gsize n_characters, const void *bytes, gsize length, guint64 number)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[SHA256_LENGTH];
	gsize digest_length = sizeof(digest);

	g_assert(n_characters <= SHA256_LENGTH);
	g_checksum_update(checksum, bytes, (gssize)length);
	if (number) {
		char text[24];

		g_snprintf(text, sizeof(text), "\n%" G_GUINT64_FORMAT, number);
		g_checksum_update(checksum, (const guchar *)text, -1);
	}
	g_checksum_get_digest(checksum, digest, &digest_length);
	for (gsize i = 0; i < n_characters; i++) {
		gsize bit = i * 5;
		guint pair = (guint)digest[bit / 8] << 8 | digest[bit / 8 + 1];

		out[i] = FILE_NAME_HASH_DIGITS[pair >> (11 - bit % 8) & 31];
	}
}

/* Letters and marks that show nothing: two names that differ only in these look the same. */
static gboolean
is_unseen(gunichar c)
{
	static const struct {
		gunichar first, last;
	} ranges[] = {
		{0x034f, 0x034f},   /* combining grapheme joiner */
		{0x115f, 0x1160},   /* Hangul fillers */
		{0x17b4, 0x17b5},   /* Khmer inherent vowels */
		{0x180b, 0x180f},   /* Mongolian variation selectors */
		{0x3164, 0x3164},   /* Hangul filler */
		{0xfe00, 0xfe0f},   /* variation selectors */
		{0xffa0, 0xffa0},   /* halfwidth Hangul filler */
		{0xe0100, 0xe01ef}, /* more variation selectors */
	};

	for (gsize i = 0; i < G_N_ELEMENTS(ranges); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return TRUE;
	}
	return FALSE;
}

static gboolean
is_letter(gunichar c)
{
	return c < 0x80 ? g_ascii_isalnum((char)c) : g_unichar_isalnum(c) && !is_unseen(c);
}

/* Enclosing marks are left out: they make symbols of letters. */
static gboolean
is_mark(gunichar c)
{
	GUnicodeType type;

	if (c < 0x80)
		return FALSE;
	type = g_unichar_type(c);
	return (type == G_UNICODE_NON_SPACING_MARK || type == G_UNICODE_SPACING_MARK) &&
	       !is_unseen(c);
}

/* Puts the character of @size bytes at @bytes into @part, FALSE if there is no room. */
static gboolean
part_append(Part *part, const char *bytes, gsize size, gboolean mark)
{
	gsize needed = size + (part->has_gap ? 1 : 0);

	if (needed > part->limit - part->length) {
		/* A letter without its accents is another letter: leave it out too. */
		if (mark && part->last_start > 0)
			part->length = part->last_start;
		return FALSE;
	}
	if (!mark)
		part->last_start = part->length;
	if (part->has_gap)
		part->out[part->length++] = '-';
	memcpy(part->out + part->length, bytes, size);
	part->length += size;
	part->has_gap = FALSE;
	return TRUE;
}

/* @text is valid UTF-8 in NFC, or ASCII with NULs. */
static gsize
clean_characters(char *out, gsize limit, const char *text, gsize length)
{
	Part part = {.out = out, .limit = limit};
	const char *end = text + length;
	gsize size;

	for (const char *at = text; at < end; at += size) {
		guchar byte = (guchar)*at;
		gunichar c = byte < 0x80 ? byte : g_utf8_get_char(at);
		gboolean letter = is_letter(c);
		gboolean mark = !letter && part.in_letter && is_mark(c);

		size = byte < 0x80 ? 1 : (gsize)(g_utf8_next_char(at) - at);
		part.in_letter = letter || mark;
		if (!part.in_letter && c != '_' && c != '+' && c != '@')
			part.has_gap = part.length > 0;
		else if (!part_append(&part, at, size, mark))
			break;
	}
	return part.length;
}

static gboolean
all_bytes_below(const char *text, gsize length, guchar limit)
{
	for (gsize i = 0; i < length; i++) {
		if ((guchar)text[i] >= limit)
			return FALSE;
	}
	return TRUE;
}

gboolean
file_name_is_composed(const char *text)
{
	static const struct {
		gunichar first, last;
	} ranges[] = {
		{0x0000, 0x02ff},   /* Latin */
		{0x0388, 0x0482},   /* Greek, Cyrillic */
		{0x4e00, 0x9fff},   /* Han */
		{0x309b, 0x30ff},   /* katakana */
		{0x3030, 0x3098},   /* hiragana */
		{0xac00, 0xd7a3},   /* Hangul syllables */
		{0x061b, 0x064a},   /* Arabic letters */
		{0x05d0, 0x05ea},   /* Hebrew letters */
		{0x0e01, 0x0e37},   /* Thai letters */
		{0x048a, 0x0590},   /* more Cyrillic, Armenian */
		{0x0375, 0x037d},   /* Greek signs */
		{0x037f, 0x0386},   /* more of them */
		{0x2002, 0x20cf},   /* punctuation, currencies */
		{0x3001, 0x3029},   /* punctuation of the East */
		{0xff01, 0xff9d},   /* full and half width */
		{0x1f000, 0x1fbff}, /* emoji */
	};

	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		gsize i = 0;

		while (c < ranges[i].first || c > ranges[i].last) {
			if (++i == G_N_ELEMENTS(ranges))
				return FALSE;
		}
	}
	return TRUE;
}

gsize
file_name_clean(char *out, gsize limit, const char *text, gsize length)
{
	g_autofree char *valid = NULL;
	g_autofree char *composed = NULL;

	length = MIN(length, TEXT_MAX);
	if (all_bytes_below(text, length, 0x80))
		return clean_characters(out, limit, text, length);
	valid = g_utf8_make_valid(text, (gssize)length);
	if (file_name_is_composed(valid))
		return clean_characters(out, limit, valid, strlen(valid));
	composed = g_utf8_normalize(valid, -1, G_NORMALIZE_NFC);
	return clean_characters(out, limit, composed, strlen(composed));
}
