/*
 * message-name.c: the file name of a message from four fields of its header.
 *
 * A mailbox that is listed for the first time gets 100,000 names at once, so the common case is
 * cheap: the fields are found in one pass without a copy, and a value of plain ASCII goes into the
 * name as it stands. GMime decodes encoded words, but need not parse an address around them, and
 * sees the rest: raw 8-bit text, addresses of unusual form, and every date. Both ways must give the
 * same name; the test compares them.
 *
 * A '.' stands between the parts and never in one, so that a script may split a name there.
 */
#include "message-name.h"

#include "file-name.h"
#include "header.h"

#include <gmime/gmime.h>
#include <string.h>

#define SUFFIX      ".eml"
#define NO_SENDER   "unknown"
#define NO_SUBJECT  "no-subject"
#define DAY_LENGTH  10 /* 2026-11-20 */
#define ZONE_LENGTH 6  /* " +0100" */
#define HASH_LENGTH 5
#define SENDER_MAX  60

/* What a name of ours may take, so that message_name_with_uid() has room for "~4294967295". */
#define NAME_MAX_BYTES (FILE_NAME_MAX - 11)

/* ".k3f9q.eml" */
#define TAIL_LENGTH (1 + HASH_LENGTH + sizeof(SUFFIX) - 1)

/* Years of Date that we believe. */
#define YEAR_MIN 1970
#define YEAR_MAX 2100

/* The last second of 9999: no INTERNALDATE can say more. */
#define INTERNALDATE_MAX G_GINT64_CONSTANT(253402300799)

enum { DATE, FROM, SUBJECT, MESSAGE_ID, N_FIELDS };

static const char *const field_names[N_FIELDS] = {"Date", "From", "Subject", "Message-ID"};

void
message_name_init(void)
{
	header_init();
}

/* Date, or NULL if there is none to believe. The day is that of the sender's clock, which the zone
 * does not change, and without the zone GMime needs half the time. */
static GDateTime *
decode_date(Span date)
{
	g_autofree char *text = header_value(date);
	g_autoptr(GDateTime) decoded = NULL;
	char *zone = text + strlen(text) - MIN(strlen(text), ZONE_LENGTH);
	int year;

	if (zone[0] == ' ' && (zone[1] == '+' || zone[1] == '-') &&
	    strspn(zone + 2, "0123456789") == ZONE_LENGTH - 2)
		*zone = '\0';
	decoded = g_mime_utils_header_decode_date(text);
	if (decoded == NULL)
		return NULL;
	year = g_date_time_get_year(decoded);
	return year >= YEAR_MIN && year <= YEAR_MAX ? g_steal_pointer(&decoded) : NULL;
}

static void
put_number(char *out, gsize n_digits, int number)
{
	for (; n_digits > 0; number /= 10)
		out[--n_digits] = (char)('0' + number % 10);
}

static gsize
put_day(char *out, Span date, gint64 internaldate)
{
	g_autoptr(GDateTime) day = date.length > 0 ? decode_date(date) : NULL;
	int year, month, day_of_month;

	if (day == NULL)
		day = g_date_time_new_from_unix_utc(CLAMP(internaldate, 0, INTERNALDATE_MAX));
	g_date_time_get_ymd(day, &year, &month, &day_of_month);
	put_number(out, 4, year);
	out[4] = '-';
	put_number(out + 5, 2, month);
	out[7] = '-';
	put_number(out + 8, 2, day_of_month);
	return DAY_LENGTH;
}

/* The first of @from as GMime reads it, each NULL or empty if it has none. Caller frees both. */
static void
decode_from(Span from, char **name, char **address)
{
	g_autofree char *text = header_value(from);
	InternetAddressList *list = internet_address_list_parse(header_options(), text);
	InternetAddress *first = NULL;

	if (list != NULL)
		first = internet_address_list_get_address(list, 0);
	/* Without any address, what stands there is all that there is to show. */
	*name = first != NULL ? g_strdup(internet_address_get_name(first))
	                      : g_mime_utils_header_decode_text(header_options(), text);
	if (first != NULL && INTERNET_ADDRESS_IS_MAILBOX(first))
		*address = g_strdup(
			internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first)));
	g_clear_object(&list);
}

/* TRUE if all of @span are letters, digits or of @others. */
static gboolean
span_is_made_of(Span span, const char *others)
{
	for (gsize i = 0; i < span.length; i++) {
		if (!g_ascii_isalnum(span.bytes[i]) &&
		    (span.bytes[i] == '\0' || strchr(others, span.bytes[i]) == NULL))
			return FALSE;
	}
	return TRUE;
}

/* Words of letters, digits and @others with one '.' between two, and nothing that GMime would have
 * to make sense of. */
static gboolean
is_plain_half(const char *start, const char *end, const char *others)
{
	const char *dot;

	for (; (dot = memchr(start, '.', (gsize)(end - start))) != NULL; start = dot + 1) {
		if (dot == start || !span_is_made_of((Span){start, (gsize)(dot - start)}, others))
			return FALSE;
	}
	return start < end && span_is_made_of((Span){start, (gsize)(end - start)}, others);
}

static gboolean
is_plain_address(Span address)
{
	const char *end = address.bytes + address.length;
	const char *at = memchr(address.bytes, '@', address.length);

	return at != NULL && is_plain_half(address.bytes, at, "-_+") &&
	       is_plain_half(at + 1, end, "-");
}

/* Takes the quotes off a display name, FALSE if it needs GMime. */
static gboolean
unquote_plain(Span *name)
{
	if (name->length < 2 || name->bytes[0] != '"')
		return span_is_made_of(*name, " -");
	if (name->bytes[name->length - 1] != '"')
		return FALSE;
	*name = (Span){name->bytes + 1, name->length - 2};
	return span_is_made_of(*name, " !#$%&'()*+,-./:;<>@[]^_`{|}~");
}

/* TRUE for encoded words (RFC 2047) with blanks between them, and no character that means something
 * to a parser of addresses. */
static gboolean
is_encoded_phrase(Span name)
{
	const char *end = name.bytes + name.length;
	const char *word_end;

	for (const char *at = name.bytes; at < end; at = word_end) {
		while (g_ascii_isspace(*at))
			at++;
		for (word_end = at; word_end < end && !g_ascii_isspace(*word_end);)
			word_end++;
		if (word_end - at < 8 || memcmp(at, "=?", 2) != 0 ||
		    memcmp(word_end - 2, "?=", 2) != 0 ||
		    !span_is_made_of((Span){at, (gsize)(word_end - at)}, "=?_-+/*"))
			return FALSE;
	}
	return name.length > 0;
}

/* Splits what nearly every From field is: "Alice Smith" <alice@example.org>, the same without the
 * quotes, or with encoded words, or alice@example.org. FALSE if it is anything else. */
static gboolean
split_plain_from(Span from, Span *name, Span *address)
{
	const char *end = from.bytes + from.length;
	const char *open = NULL;

	if (from.length == 0)
		return TRUE;
	if (end[-1] != '>') {
		*address = from;
		return is_plain_address(*address);
	}
	for (open = end - 1; open > from.bytes && *open != '<';)
		open--;
	*name = span_trim(from.bytes, open);
	*address = (Span){open + 1, (gsize)(end - open) - 2};
	return *open == '<' && (is_encoded_phrase(*name) || unquote_plain(name)) &&
	       is_plain_address(*address);
}

static char *
decode_phrase(Span phrase)
{
	g_autofree char *text = header_value(phrase);

	return g_mime_utils_header_decode_phrase(header_options(), text);
}

static gsize
put_literal(char *out, const char *text)
{
	gsize length = strlen(text);

	memcpy(out, text, length);
	return length;
}

static gsize
put_sender(char *out, Span from)
{
	g_autofree char *decoded_name = NULL;
	g_autofree char *decoded_address = NULL;
	Span name = {"", 0}, address = {"", 0};
	gsize length;

	if (!split_plain_from(from, &name, &address)) {
		decode_from(from, &decoded_name, &decoded_address);
		name = (Span){decoded_name, decoded_name != NULL ? strlen(decoded_name) : 0};
		address = (Span){decoded_address,
		                 decoded_address != NULL ? strlen(decoded_address) : 0};
	} else if (!span_is_plain(name)) {
		decoded_name = decode_phrase(name);
		name = (Span){decoded_name, strlen(decoded_name)};
	}
	length = file_name_clean(out, SENDER_MAX, name.bytes, name.length);
	if (length == 0)
		length = file_name_clean(out, SENDER_MAX, address.bytes, address.length);
	return length > 0 ? length : put_literal(out, NO_SENDER);
}

static gsize
put_subject(char *out, gsize limit, Span subject)
{
	g_autofree char *text = NULL;
	g_autofree char *decoded = NULL;
	gsize length;

	if (span_is_plain(subject)) {
		length = file_name_clean(out, limit, subject.bytes, subject.length);
	} else {
		text = header_value(subject);
		decoded = g_mime_utils_header_decode_text(header_options(), text);
		length = file_name_clean(out, limit, decoded, strlen(decoded));
	}
	return length > 0 ? length : put_literal(out, NO_SUBJECT);
}

char *
message_name_from_header(const char *header, gsize length, gint64 internaldate, guint64 size)
{
	Span fields[N_FIELDS] = {{NULL, 0}};
	char name[NAME_MAX_BYTES + 1];
	Span identity;
	gsize n;

	header_find(field_names, N_FIELDS, fields, header, length);
	n = put_day(name, fields[DATE], internaldate);
	name[n++] = '.';
	n += put_sender(name + n, fields[FROM]);
	name[n++] = '.';
	n += put_subject(name + n, NAME_MAX_BYTES - TAIL_LENGTH - n, fields[SUBJECT]);
	name[n++] = '.';
	/* Servers differ in the empty line that ends the header. */
	identity = fields[MESSAGE_ID];
	if (identity.length == 0)
		identity = span_trim(header, header + length);
	file_name_hash(name + n, HASH_LENGTH, identity.bytes, identity.length, size);
	n += HASH_LENGTH;
	n += put_literal(name + n, SUFFIX);
	return g_strndup(name, n);
}

char *
message_name_from_uid(guint32 uid)
{
	return g_strdup_printf("%" G_GUINT32_FORMAT SUFFIX, uid);
}

char *
message_name_with_uid(const char *name, guint32 uid)
{
	gsize stem = strlen(name);
	const char *suffix = g_str_has_suffix(name, SUFFIX) ? SUFFIX : "";
	g_autofree char *tail = g_strdup_printf("~%" G_GUINT32_FORMAT "%s", uid, suffix);
	gsize limit = FILE_NAME_MAX - strlen(tail);

	stem -= strlen(suffix);
	/* A name that a user gave may be so long that something must go, whole characters only. */
	if (stem > limit) {
		for (stem = limit; stem > 0 && header_is_continuation(name[stem]);)
			stem--;
	}
	return g_strdup_printf("%.*s%s", (int)stem, name, tail);
}
