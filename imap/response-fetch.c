/*
 * response-fetch.c: FETCH responses (RFC 3501 7.4.2).
 *
 * Items come in any order and are read one by one; those that nobody asked for, and values that
 * make no sense, are passed over. Only a response without a list, or with a UID that cannot be
 * one, is an error: what it says belongs to no message. This runs once for every message of a
 * listing, so it allocates nothing but the array of flags.
 */
#include "response.h"

#include "token.h"

#include <string.h>

#define SECONDS_PER_DAY 86400

/* Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that the
 * leap day is the last one: month m (March is 0) begins (153 * m + 2) / 5 days into the year. */
static gint64
days_from_civil(gint64 year, int month, int day)
{
	gint64 y = month > 2 ? year : year - 1;
	int m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* Reads up to @max_digits digits at *@text and moves behind them; -1 if there are none. */
static int
take_digits(const char **text, int max_digits)
{
	int value = 0, n = 0;

	for (; n < max_digits && g_ascii_isdigit(**text); n++, (*text)++)
		value = value * 10 + (**text - '0');
	return n > 0 ? value : -1;
}

static gboolean
take_char(const char **text, char c)
{
	if (**text != c)
		return FALSE;
	(*text)++;
	return TRUE;
}

/* 1 to 12 for an English month name, of which three letters count; 0 for anything else. */
static int
take_month(const char **text)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	char month[3];

	for (int i = 0; i < 3; i++) {
		if (!g_ascii_isalpha((*text)[i]))
			return 0;
		month[i] = g_ascii_tolower((*text)[i]);
	}
	while (g_ascii_isalpha(**text))
		(*text)++;
	for (int i = 0; i < 12; i++) {
		if (memcmp(names + 3 * i, month, 3) == 0)
			return i + 1;
	}
	return 0;
}

/* Seconds east of UTC for "-0700" or "-07:00"; 0 for anything else, such as "GMT" or nothing. */
static int
take_zone(const char *text)
{
	int sign = *text == '-' ? -1 : 1;

	if (*text != '+' && *text != '-')
		return 0;
	text++;
	int hours = take_digits(&text, 2);
	take_char(&text, ':');
	int minutes = take_digits(&text, 2);
	if (hours < 0 || minutes < 0 || minutes > 59)
		return 0;
	return sign * (hours * 3600 + minutes * 60);
}

/* "17-Jul-1996 02:44:25 -0700", the day perhaps with a space or nothing before it. */
static gboolean
parse_internaldate(const char *text, gint64 *seconds)
{
	while (*text == ' ')
		text++;
	int day = take_digits(&text, 2);
	gboolean ok = take_char(&text, '-');
	int month = take_month(&text);
	ok = take_char(&text, '-') && ok;
	int year = take_digits(&text, 4);
	ok = take_char(&text, ' ') && ok;
	int hour = take_digits(&text, 2);
	ok = take_char(&text, ':') && ok;
	int minute = take_digits(&text, 2);
	ok = take_char(&text, ':') && ok;
	int second = take_digits(&text, 2);
	while (*text == ' ')
		text++;

	if (!ok || day < 1 || day > 31 || month == 0 || year < 1 || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 60)
		return FALSE;
	*seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 +
	           second - take_zone(text);
	return TRUE;
}

/* The array of the last response that was done with, for the next. All of imap/ runs on one thread.
 */
static GPtrArray *spare_flags;

static void
read_flags(const ImapResponse *response, guint i, ImapFetch *fetch)
{
	if (!token_is(response, i, IMAP_TOKEN_OPEN))
		return;
	if (!fetch->flags)
		fetch->flags = spare_flags ? g_steal_pointer(&spare_flags) : g_ptr_array_new();
	g_ptr_array_set_size(fetch->flags, 0);
	fetch->has_flags = TRUE;
	guint end = token_skip(response, i);
	for (i++; i < end; i++) {
		if (response->tokens[i].length > 0 && token_is_text(&response->tokens[i]))
			g_ptr_array_add(fetch->flags, (gpointer)response->tokens[i].text);
	}
}

/* The only value of a list of one, or the value itself where the list is missing. */
static const ImapToken *
unwrap(const ImapResponse *response, guint i)
{
	return token_at(response, token_is(response, i, IMAP_TOKEN_OPEN) ? i + 1 : i);
}

/* An nstring: text NULL for what is none. */
static void
read_nstring(const ImapToken *token, const char **text, gsize *length)
{
	if (token->type == IMAP_TOKEN_STRING ||
	    (token->type == IMAP_TOKEN_LITERAL && !token->streamed)) {
		*text = token->text;
		*length = token->length;
	} else if (token_is_atom(token, "NIL")) {
		*text = "";
		*length = 0;
	}
}

/* Reads "<131072>". */
static gboolean
parse_origin(const char *text, guint64 *origin)
{
	char digits[24];
	gsize length = strlen(text);

	if (length < 3 || length >= sizeof(digits) || text[0] != '<' || text[length - 1] != '>')
		return FALSE;
	memcpy(digits, text + 1, length - 2);
	digits[length - 2] = '\0';
	return number_parse(digits, NUMBER_MAX, origin);
}

/* Which item @name is. @origin receives that of "BODY[]<origin>". */
static ImapLiteralKind
section_kind(const ImapToken *name, guint64 *origin)
{
	*origin = 0;
	if (!text_has_prefix(name->text, name->length, "BODY["))
		return IMAP_LITERAL_OTHER;
	const char *section = name->text + strlen("BODY[");
	if (section[0] == ']' && (section[1] == '\0' || parse_origin(section + 1, origin)))
		return IMAP_LITERAL_BODY;
	if (text_has_prefix(section, name->length - strlen("BODY["), "HEADER"))
		return IMAP_LITERAL_HEADER;
	return IMAP_LITERAL_OTHER;
}

static void
read_body(const ImapToken *value, guint64 origin, ImapFetch *fetch)
{
	fetch->body = NULL;
	fetch->body_length = 0;
	fetch->body_origin = origin;
	fetch->body_streamed = value->streamed;
	read_nstring(value, &fetch->body, &fetch->body_length);
	fetch->has_body = fetch->body_streamed || fetch->body;
}

typedef enum {
	ITEM_OTHER,
	ITEM_UID,
	ITEM_FLAGS,
	ITEM_SIZE,
	ITEM_DATE,
	ITEM_MODSEQ,
	ITEM_EMAILID,
	ITEM_THREADID,
	ITEM_GM_MSGID,
	ITEM_GM_THRID,
	ITEM_GM_LABELS,
} Item;

static Item
look_up_item(const ImapToken *name)
{
	static const struct {
		const char *name;
		Item item;
	} table[] = {
		{"UID", ITEM_UID},
		{"FLAGS", ITEM_FLAGS},
		{"RFC822.SIZE", ITEM_SIZE},
		{"INTERNALDATE", ITEM_DATE},
		{"MODSEQ", ITEM_MODSEQ},
		{"EMAILID", ITEM_EMAILID},
		{"THREADID", ITEM_THREADID},
		{"X-GM-MSGID", ITEM_GM_MSGID},
		{"X-GM-THRID", ITEM_GM_THRID},
		{"X-GM-LABELS", ITEM_GM_LABELS},
	};

	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
		if (text_equals(name->text, name->length, table[i].name))
			return table[i].item;
	}
	return ITEM_OTHER;
}

static gboolean
read_uid(const ImapResponse *response, const ImapToken *value, ImapFetch *fetch, GError **error)
{
	guint64 number;

	if (!token_is_number(value, G_MAXUINT32, &number))
		return response_fail(response, error, "UID is not a number");
	fetch->uid = number;
	return TRUE;
}

static void
read_text(const ImapToken *token, const char **text)
{
	if (token_is_text(token) && !token_is_atom(token, "NIL"))
		*text = token->text;
}

static void
read_section(const ImapToken *name, const ImapToken *value, ImapFetch *fetch)
{
	guint64 origin;
	ImapLiteralKind kind = section_kind(name, &origin);

	if (kind == IMAP_LITERAL_BODY)
		read_body(value, origin, fetch);
	else if (kind == IMAP_LITERAL_HEADER)
		read_nstring(value, &fetch->header, &fetch->header_length);
}

static gboolean
read_item(const ImapResponse *response, const ImapToken *name, guint i, ImapFetch *fetch,
          GError **error)
{
	const ImapToken *value = &response->tokens[i], *only = unwrap(response, i);

	switch (look_up_item(name)) {
	case ITEM_UID:
		return read_uid(response, value, fetch, error);
	case ITEM_FLAGS:
		read_flags(response, i, fetch);
		break;
	case ITEM_SIZE:
		fetch->has_size = token_is_number(value, NUMBER_MAX, &fetch->size);
		break;
	case ITEM_DATE:
		fetch->has_internaldate = value->type == IMAP_TOKEN_STRING &&
		                          parse_internaldate(value->text, &fetch->internaldate);
		break;
	case ITEM_MODSEQ:
		fetch->has_modseq = token_is_number(only, NUMBER_MAX, &fetch->modseq);
		break;
	case ITEM_EMAILID:
		read_text(only, &fetch->emailid);
		break;
	case ITEM_THREADID:
		read_text(only, &fetch->threadid);
		break;
	case ITEM_GM_MSGID:
		read_text(value, &fetch->gm_msgid);
		break;
	case ITEM_GM_THRID:
		read_text(value, &fetch->gm_thrid);
		break;
	case ITEM_GM_LABELS:
		if (value->type == IMAP_TOKEN_OPEN)
			fetch->labels = i;
		break;
	default:
		read_section(name, value, fetch);
	}
	return TRUE;
}

/* The name of the item at *@i, with *@i moved to its value; NULL at the end of the response. A ')'
 * where a name should be is passed over, for the sake of unquoted parentheses in flags. */
static const ImapToken *
next_item(const ImapResponse *response, guint *i)
{
	for (; *i + 1 < response->n_tokens; (*i)++) {
		if (token_is(response, *i, IMAP_TOKEN_ATOM) &&
		    !token_is(response, *i + 1, IMAP_TOKEN_CLOSE))
			return &response->tokens[(*i)++];
	}
	return NULL;
}

gboolean
imap_fetch_parse(const ImapResponse *response, ImapFetch *fetch, GError **error)
{
	const ImapToken *name;
	guint i = 1;

	memset(fetch, 0, sizeof(*fetch));
	if (!token_is(response, 0, IMAP_TOKEN_OPEN))
		return response_fail(response, error, "list expected");
	if (strcmp(response->name, "UIDFETCH") == 0) /* RFC 9586: the number is the UID */
		fetch->uid = response->number;
	while ((name = next_item(response, &i))) {
		if (!read_item(response, name, i, fetch, error)) {
			imap_fetch_clear(fetch);
			return FALSE;
		}
		i = token_skip(response, i);
	}
	return TRUE;
}

void
imap_fetch_clear(ImapFetch *fetch)
{
	if (!spare_flags)
		spare_flags = g_steal_pointer(&fetch->flags);
	g_clear_pointer(&fetch->flags, g_ptr_array_unref);
}

ImapLiteralKind
imap_fetch_literal(const ImapResponse *response, guint32 *uid, guint64 *origin)
{
	const ImapToken *name;
	guint64 number;
	guint i = 1;

	*uid = strcmp(response->name, "UIDFETCH") == 0 ? response->number : 0;
	*origin = 0;
	if (!response->has_number) /* METADATA */
		return IMAP_LITERAL_OTHER;
	while ((name = next_item(response, &i))) {
		if (token_is_atom(name, "UID") &&
		    token_is_number(&response->tokens[i], G_MAXUINT32, &number))
			*uid = number;
		i = token_skip(response, i);
	}
	name = response->n_tokens > 0 ? &response->tokens[response->n_tokens - 1] : NULL;
	if (!name || name->type != IMAP_TOKEN_ATOM)
		return IMAP_LITERAL_OTHER;
	return section_kind(name, origin);
}
