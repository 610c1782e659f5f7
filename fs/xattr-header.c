/*
 * Fields of a message's header, decoded: UTF-8 without control characters. They are read like any
 * other bytes of the message, so that what was read before costs nothing, and else one round trip
 * brings them all. A field that is not there is empty.
 */
#include <errno.h>
#include <string.h>

#include "header.h"
#include "xattr.h"

#define HEADER_BYTES 65536 /* fields behind that are not found */
#define MAX_PIECES   8
#define LONG_VALUE   49152 /* decoded, it still fits into an attribute, or nearly */

/* The beginning of the message; FALSE: as with request_go_on(). */
static gboolean
read_header(Request *request, GString *header)
{
	struct iovec iov[MAX_PIECES];
	guint n_iov = 0;
	GError *error = NULL;

	if (!request_go_on(request,
	                   account_read(request->fs->account, request->node, 0, HEADER_BYTES, iov,
	                                MAX_PIECES, &n_iov, &request->waiter, &error),
	                   &error))
		return FALSE;
	for (guint i = 0; i < n_iov; i++)
		g_string_append_len(header, iov[i].iov_base, (gssize)iov[i].iov_len);
	return TRUE;
}

/* --- decoding --- */

/* NULL for an address list that is none. */
static char *
decode_addresses(Span value)
{
	g_autofree char *text = header_value(value);
	InternetAddressList *list = value.length <= HEADER_VALUE_MAX
	                                    ? internet_address_list_parse(header_options(), text)
	                                    : NULL;
	char *decoded = list ? internet_address_list_to_string(list, NULL, FALSE) : NULL;

	g_clear_object(&list);
	return decoded;
}

static char *
decode_text(Span value)
{
	g_autofree char *text = header_value_until(value, LONG_VALUE);

	return g_mime_utils_header_decode_text(header_options(), text);
}

/* "2026-11-20T09:30:00+01:00", in the sender's own zone. */
static char *
decode_date(Span value)
{
	g_autofree char *text = header_value(value);
	g_autoptr(GDateTime) date = g_mime_utils_header_decode_date(text);

	return date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%:z") : NULL;
}

/* Fit to be shown: whatever a sender wrote cannot steer a terminal. */
static char *
clean(char *text)
{
	char *valid = g_utf8_make_valid(text, -1);

	for (char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar letter = g_utf8_get_char(at);

		if (letter < 0x80 && g_ascii_iscntrl(*at))
			*at = ' ';
		else if (g_unichar_iscntrl(letter)) /* two bytes: U+0080 to U+009F */
			memcpy(at, "??", 2);
	}
	g_free(text);
	return g_strstrip(valid);
}

/* The blank that a continued line begins with is part of the value, the line's end is not. */
static char *
unfold(Span value)
{
	GString *text = g_string_sized_new(value.length);

	for (gsize i = 0; i < value.length; i++)
		if (value.bytes[i] != '\r' && value.bytes[i] != '\n')
			g_string_append_c(text, value.bytes[i] ? value.bytes[i] : ' ');
	return g_string_free(text, FALSE);
}

/* Caller frees. */
static char *
decode_field(Span value, char *(*decode)(Span value))
{
	g_autofree char *unfolded = unfold(value);
	const Span text = {unfolded, strlen(unfolded)};
	char *decoded = decode(text);

	return clean(decoded ? decoded : decode_text(text));
}

static void
reply_field(Request *request, const char *name, char *(*decode)(Span value))
{
	g_autoptr(GString) header = g_string_new(NULL);
	g_autofree char *text = NULL;
	Span value = {NULL, 0};

	if (!read_header(request, header))
		return;
	header_find(&name, 1, &value, header->str, header->len);
	if (value.length)
		text = decode_field(value, decode);
	xattr_reply_text(request, text ? text : "");
}

/* --- the table's --- */

void
xattr_get_subject(Request *request, const char *rest)
{
	(void)rest;
	reply_field(request, "Subject", decode_text);
}

void
xattr_get_from(Request *request, const char *rest)
{
	(void)rest;
	reply_field(request, "From", decode_addresses);
}

void
xattr_get_to(Request *request, const char *rest)
{
	(void)rest;
	reply_field(request, "To", decode_addresses);
}

void
xattr_get_date(Request *request, const char *rest)
{
	(void)rest;
	reply_field(request, "Date", decode_date);
}

void
xattr_get_message_id(Request *request, const char *rest)
{
	(void)rest;
	reply_field(request, "Message-ID", decode_text);
}
