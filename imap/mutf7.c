/*
 * mutf7.c: modified UTF-7, the encoding of mailbox names (RFC 3501 5.1.3).
 *
 * Printable ASCII stands for itself, "&-" for '&', and everything else is UTF-16 in base64 (with
 * ',' for '/', without padding) between '&' and '-'.
 */
#include "mutf7.h"

#include <string.h>

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Bits on their way through base64; fewer than six are left between characters. */
typedef struct {
	guint32 bits;
	guint n_bits;
} Bits;

static void
encode_unit(GString *out, Bits *pending, guint16 unit)
{
	pending->bits = pending->bits << 16 | unit;
	for (pending->n_bits += 16; pending->n_bits >= 6; pending->n_bits -= 6)
		g_string_append_c(out, base64[pending->bits >> (pending->n_bits - 6) & 63]);
}

static void
encode_character(GString *out, Bits *pending, gunichar c)
{
	if (c >= 0x10000) {
		encode_unit(out, pending, 0xd800 + ((c - 0x10000) >> 10));
		encode_unit(out, pending, 0xdc00 + ((c - 0x10000) & 0x3ff));
	} else {
		encode_unit(out, pending, c);
	}
}

static gboolean
is_direct(gunichar c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* The run of characters at @text that need base64. Returns what follows it. */
static const char *
encode_run(GString *out, const char *text)
{
	Bits pending = {0, 0};

	g_string_append_c(out, '&');
	for (; *text && !is_direct(g_utf8_get_char(text)); text = g_utf8_next_char(text))
		encode_character(out, &pending, g_utf8_get_char(text));
	if (pending.n_bits > 0)
		g_string_append_c(out, base64[pending.bits << (6 - pending.n_bits) & 63]);
	g_string_append_c(out, '-');
	return text;
}

char *
mutf7_encode(const char *text)
{
	GString *out = g_string_new(NULL);

	while (*text) {
		if (!is_direct(g_utf8_get_char(text))) {
			text = encode_run(out, text);
			continue;
		}
		g_string_append_c(out, *text);
		if (*text++ == '&')
			g_string_append_c(out, '-');
	}
	return g_string_free(out, FALSE);
}

/* Adds the next UTF-16 unit. *@high is the first half of a pair that waits for its second, or 0. */
static gboolean
decode_unit(GString *out, guint16 unit, guint16 *high)
{
	gboolean is_low = unit >= 0xdc00 && unit <= 0xdfff;

	if (unit == 0 || is_low != (*high != 0))
		return FALSE;
	if (is_low) {
		gunichar c = 0x10000 + ((gunichar)(*high - 0xd800) << 10) + (unit - 0xdc00);
		g_string_append_unichar(out, c);
		*high = 0;
	} else if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
	} else {
		g_string_append_unichar(out, unit);
	}
	return TRUE;
}

/* The base64 from behind the '&' at *@name to its '-', moving *@name behind that. */
static gboolean
decode_run(GString *out, const char **name)
{
	Bits pending = {0, 0};
	guint16 high = 0;

	for (; **name != '-'; (*name)++) {
		const char *digit = **name ? strchr(base64, **name) : NULL;
		if (!digit)
			return FALSE;
		pending.bits = pending.bits << 6 | (guint32)(digit - base64);
		pending.n_bits += 6;
		if (pending.n_bits < 16)
			continue;
		pending.n_bits -= 16;
		if (!decode_unit(out, pending.bits >> pending.n_bits & 0xffff, &high))
			return FALSE;
	}
	(*name)++;
	return high == 0;
}

char *
mutf7_decode(const char *name)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (const char *at = name; *at;) {
		if (!is_direct((guchar)*at))
			return NULL;
		if (*at != '&') {
			g_string_append_c(out, *at++);
		} else if (at[1] == '-') {
			g_string_append_c(out, '&');
			at += 2;
		} else {
			at++;
			if (!decode_run(out, &at))
				return NULL;
		}
	}
	/* Padding bits, base64 where ASCII would do, one run where two are: all seen here at once.
	 */
	g_autofree char *again = mutf7_encode(out->str);
	return strcmp(again, name) == 0 ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}
