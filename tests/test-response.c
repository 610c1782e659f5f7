/*
 * test-response.c: what responses mean.
 */
#include "response.h"

#include <string.h>

/* The one response in @bytes, header and body literals kept. */
static const ImapResponse *
parse(ImapParser *parser, const char *bytes)
{
	ImapParserEvent event;

	imap_parser_feed(parser, (const guint8 *)bytes, strlen(bytes));
	while ((event = imap_parser_next(parser, NULL)) == IMAP_PARSER_LITERAL)
		imap_parser_keep_literal(parser);
	g_assert_cmpint(event, ==, IMAP_PARSER_RESPONSE);
	return imap_parser_response(parser);
}

/* FETCH */

typedef struct {
	const char *label, *bytes;
	const char *expected; /* see dump_fetch(); NULL: an error */
} FetchRow;

static const FetchRow fetch_rows[] = {
	{"listing",
         "* 1 FETCH (UID 5 FLAGS (\\Seen $Junk) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" "
         "RFC822.SIZE 4286 BODY[HEADER.FIELDS (DATE SUBJECT)] {6}\r\na: b\r\n)\r\n",
         "uid 5 size 4286 date 837596665 flags \\Seen $Junk header <a: b>"},
	{"other-order", "* 1 FETCH (RFC822.SIZE 10 FLAGS () MODSEQ (7) UID 4294967295)\r\n",
         "uid 4294967295 size 10 flags modseq 7"},
	{"lower-case", "* 1 fetch (uid 5 flags (a) rfc822.size 3 body[] \"x\")\r\n",
         "uid 5 size 3 flags a body 0 <x>"},
	{"flags-only", "* 1 FETCH (FLAGS (\\Deleted))\r\n", "uid 0 flags \\Deleted"},
	{"flags-twice", "* 1 FETCH (FLAGS (a) FLAGS (b))\r\n", "uid 0 flags b"},
	{"flags-parentheses", "* 1 FETCH (FLAGS (a(b c) UID 5)\r\n", "uid 5 flags a(b c"},
	{"flags-closed-too-early", "* 1 FETCH (FLAGS (a(b) c) UID 5)\r\n", "uid 5 flags a(b"},
	{"flags-nil", "* 1 FETCH (FLAGS NIL UID 5)\r\n", "uid 5"},
	{"size-float", "* 1 FETCH (UID 5 RFC822.SIZE 9.3736e+06)\r\n", "uid 5"},
	{"size-negative", "* 1 FETCH (RFC822.SIZE -1 UID 5)\r\n", "uid 5"},
	{"size-nil", "* 1 FETCH (RFC822.SIZE NIL UID 5)\r\n", "uid 5"},
	{"size-63-bits", "* 1 FETCH (RFC822.SIZE 9223372036854775807)\r\n",
         "uid 0 size 9223372036854775807"},
	{"size-64-bits", "* 1 FETCH (RFC822.SIZE 9223372036854775808)\r\n", "uid 0"},
	{"uid-0", "* 1 FETCH (UID 0)\r\n", "uid 0"},
	{"uid-33-bits", "* 1 FETCH (UID 4294967296)\r\n", NULL},
	{"uid-negative", "* 1 FETCH (UID -5)\r\n", NULL},
	{"uid-missing", "* 1 FETCH (UID)\r\n", "uid 0"},
	{"date-bad", "* 1 FETCH (UID 5 INTERNALDATE \"yesterday\")\r\n", "uid 5"},
	{"date-nil", "* 1 FETCH (UID 5 INTERNALDATE NIL)\r\n", "uid 5"},
	{"header-nil", "* 1 FETCH (BODY[HEADER.FIELDS (DATE)] NIL)\r\n", "uid 0 header <>"},
	{"header-empty", "* 1 FETCH (BODY[HEADER.FIELDS (DATE)] {0}\r\n)\r\n", "uid 0 header <>"},
	{"header-quoted", "* 1 FETCH (BODY[HEADER.FIELDS (DATE)] \"a\\\"\")\r\n",
         "uid 0 header <a\">"},
	{"body-nil", "* 1 FETCH (UID 5 BODY[]<1024> NIL)\r\n", "uid 5 body 1024 <>"},
	{"body-empty", "* 1 FETCH (UID 5 BODY[]<1024> \"\")\r\n", "uid 5 body 1024 <>"},
	{"body-literal", "* 1 FETCH (UID 5 BODY[]<0> {3}\r\na)b)\r\n", "uid 5 body 0 <a)b>"},
	{"body-origin-bad", "* 1 FETCH (UID 5 BODY[]<x> \"a\")\r\n", "uid 5"},
	{"body-atom", "* 1 FETCH (UID 5 BODY[] {-5})\r\n", "uid 5"},
	{"body-structure", "* 1 FETCH (BODY (\"TEXT\" (\"A\" \"B\") UID 6) UID 5)\r\n", "uid 5"},
	{"emailid", "* 1 FETCH (EMAILID (M6d99ac) UID 5)\r\n", "uid 5 emailid M6d99ac"},
	{"emailid-bare", "* 1 FETCH (EMAILID M6d UID 5)\r\n", "uid 5 emailid M6d"},
	{"emailid-empty", "* 1 FETCH (EMAILID () UID 5)\r\n", "uid 5"},
	{"threadid", "* 1 FETCH (THREADID (T6d) UID 5 EMAILID NIL)\r\n", "uid 5 threadid T6d"},
	{"threadid-nil", "* 1 FETCH (THREADID NIL UID 5)\r\n", "uid 5"},
	{"gmail", "* 1 FETCH (X-GM-THRID 1 X-GM-MSGID 2 X-GM-LABELS () UID 5)\r\n", "uid 5 gm 2 1"},
	{"unknown", "* 1 FETCH (X-GM-LABELS (\"a (b)\" c) X (((UID 6))) UID 5)\r\n", "uid 5"},
	{"unclosed", "* 1 FETCH (UID 5 FLAGS (a\r\n", "uid 5 flags a"},
	{"empty", "* 1 FETCH ()\r\n", "uid 0"},
	{"no-list", "* 1 FETCH UID 5\r\n", NULL},
	{"nothing", "* 1 FETCH\r\n", NULL},
	{"uidfetch", "* 5 UIDFETCH (FLAGS ())\r\n", "uid 5 flags"},
};

static char *
dump_fetch(const ImapFetch *fetch)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "uid %u", fetch->uid);
	if (fetch->has_size)
		g_string_append_printf(out, " size %" G_GUINT64_FORMAT, fetch->size);
	if (fetch->has_internaldate)
		g_string_append_printf(out, " date %" G_GINT64_FORMAT, fetch->internaldate);
	if (fetch->has_flags)
		g_string_append(out, " flags");
	for (guint i = 0; fetch->has_flags && i < fetch->flags->len; i++)
		g_string_append_printf(out, " %s", (char *)fetch->flags->pdata[i]);
	if (fetch->has_modseq)
		g_string_append_printf(out, " modseq %" G_GUINT64_FORMAT, fetch->modseq);
	if (fetch->emailid)
		g_string_append_printf(out, " emailid %s", fetch->emailid);
	if (fetch->threadid)
		g_string_append_printf(out, " threadid %s", fetch->threadid);
	if (fetch->gm_msgid || fetch->gm_thrid)
		g_string_append_printf(out, " gm %s %s", fetch->gm_msgid, fetch->gm_thrid);
	if (fetch->header)
		g_string_append_printf(out, " header <%.*s>", (int)strcspn(fetch->header, "\r"),
		                       fetch->header);
	if (fetch->has_body)
		g_string_append_printf(out, " body %" G_GUINT64_FORMAT " <%s>", fetch->body_origin,
		                       fetch->body);
	return g_string_free(out, FALSE);
}

static void
test_fetch(gconstpointer data)
{
	const FetchRow *row = data;
	g_autoptr(ImapParser) parser = imap_parser_new();
	g_autoptr(GError) error = NULL;
	ImapFetch fetch;

	if (!imap_fetch_parse(parse(parser, row->bytes), &fetch, &error)) {
		g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL);
		g_assert_null(row->expected);
		return;
	}
	g_assert_no_error(error);
	g_autofree char *dump = dump_fetch(&fetch);
	g_assert_cmpstr(dump, ==, row->expected);
	imap_fetch_clear(&fetch);
}

/* INTERNALDATE */

typedef struct {
	const char *date;
	gint64 seconds; /* G_MININT64: not a date */
} DateRow;

static const DateRow date_rows[] = {
	{"01-Jan-1970 00:00:00 +0000", 0},
	{" 1-Jan-1970 00:00:00 +0000", 0},
	{"1-Jan-1970 00:00:00 +0000", 0},
	{"31-Dec-1969 23:59:59 +0000", -1},
	{"17-Jul-1996 02:44:25 -0700", 837596665},
	{"17-JUL-1996 02:44:25 -0700", 837596665},
	{"17-July-1996 02:44:25 -07:00", 837596665},
	{"29-Feb-2000 12:00:00 +0530", 951805800},
	{"29-Feb-2024 23:59:60 +0000", 1709251200},
	{"01-Mar-2024 00:00:00 +0000", 1709251200},
	{"31-Dec-2099 23:59:59 +0000", 4102444799},
	{"01-Mar-2100 00:00:00 +0000", 4107542400},
	{"01-Jan-1601 00:00:00 +0000", -11644473600},
	{"17-Jul-1996 09:44:25", 837596665},
	{"17-Jul-1996 09:44:25 GMT", 837596665},
	{"17-Jul-1996  09:44:25 +0000", G_MININT64},
	{"00-Jul-1996 02:44:25 -0700", G_MININT64},
	{"32-Jul-1996 02:44:25 -0700", G_MININT64},
	{"17-Juy-1996 02:44:25 -0700", G_MININT64},
	{"17-07-1996 02:44:25 -0700", G_MININT64},
	{"17-Jul-1996 24:44:25 -0700", G_MININT64},
	{"17-Jul-1996 02:44 -0700", G_MININT64},
	{"17-Jul-0000 02:44:25 -0700", G_MININT64},
	{"", G_MININT64},
};

static void
test_dates(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(date_rows); i++) {
		const DateRow *row = &date_rows[i];
		g_autoptr(ImapParser) parser = imap_parser_new();
		g_autofree char *line =
			g_strdup_printf("* 1 FETCH (INTERNALDATE \"%s\")\r\n", row->date);
		ImapFetch fetch;
		g_test_message("%s", row->date);
		g_assert_true(imap_fetch_parse(parse(parser, line), &fetch, NULL));
		g_assert_cmpint(fetch.has_internaldate, ==, row->seconds != G_MININT64);
		if (fetch.has_internaldate)
			g_assert_cmpint(fetch.internaldate, ==, row->seconds);
		imap_fetch_clear(&fetch);
	}
}

/* Our few lines against GLib's calendar, a day in 37 for 500 years. */
static void
test_calendar(void)
{
	g_autoptr(GDateTime) start = g_date_time_new_utc(1650, 1, 1, 3, 4, 5);

	for (int day = 0; day < 500 * 365; day += 37) {
		static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
		g_autoptr(ImapParser) parser = imap_parser_new();
		g_autoptr(GDateTime) date = g_date_time_add_days(start, day);
		g_autofree char *line = g_strdup_printf(
			"* 1 FETCH (INTERNALDATE \"%02d-%s-%04d 03:04:05 +0000\")\r\n",
			g_date_time_get_day_of_month(date), months[g_date_time_get_month(date) - 1],
			g_date_time_get_year(date));
		ImapFetch fetch;
		g_assert_true(imap_fetch_parse(parse(parser, line), &fetch, NULL));
		g_assert_cmpint(fetch.internaldate, ==, g_date_time_to_unix(date));
		imap_fetch_clear(&fetch);
	}
}

/* Which item a literal belongs to. */

typedef struct {
	const char *label, *bytes; /* up to the literal */
	ImapLiteralKind kind;
	guint32 uid;
	guint64 origin;
} LiteralRow;

static const LiteralRow literal_rows[] = {
	{"body", "* 1 FETCH (UID 5 BODY[] {1}\r\n", IMAP_LITERAL_BODY, 5, 0},
	{"body-partial", "* 1 FETCH (UID 5 BODY[]<131072> {1}\r\n", IMAP_LITERAL_BODY, 5, 131072},
	{"body-before-uid", "* 1 FETCH (BODY[]<7> {1}\r\n", IMAP_LITERAL_BODY, 0, 7},
	{"header", "* 1 FETCH (FLAGS () UID 5 body[header.fields (DATE)] {1}\r\n",
         IMAP_LITERAL_HEADER, 5, 0},
	{"text", "* 1 FETCH (UID 5 BODY[TEXT] {1}\r\n", IMAP_LITERAL_OTHER, 5, 0},
	{"part", "* 1 FETCH (UID 5 BODY[1]<3> {1}\r\n", IMAP_LITERAL_OTHER, 5, 0},
	{"rfc822", "* 1 FETCH (UID 5 RFC822 {1}\r\n", IMAP_LITERAL_OTHER, 5, 0},
	{"uid-inside", "* 1 FETCH (X (UID 6) BODY[] {1}\r\n", IMAP_LITERAL_BODY, 0, 0},
	{"uidfetch", "* 5 UIDFETCH (BODY[] {1}\r\n", IMAP_LITERAL_BODY, 5, 0},
};

static void
test_literal(gconstpointer data)
{
	const LiteralRow *row = data;
	g_autoptr(ImapParser) parser = imap_parser_new();
	guint32 uid;
	guint64 origin;

	imap_parser_feed(parser, (const guint8 *)row->bytes, strlen(row->bytes));
	g_assert_cmpint(imap_parser_next(parser, NULL), ==, IMAP_PARSER_LITERAL);
	const ImapResponse *response = imap_parser_response(parser);
	g_assert_cmpint(imap_fetch_literal(response, &uid, &origin), ==, row->kind);
	g_assert_cmpuint(uid, ==, row->uid);
	g_assert_cmpuint(origin, ==, row->origin);
	g_assert_cmpuint(imap_parser_literal_size(parser), ==, 1);
}

static void
test_streamed(void)
{
	static const char bytes[] = "* 1 FETCH (BODY[]<9> {3}\r\nabc UID 5)\r\n";
	g_autoptr(ImapParser) parser = imap_parser_new();
	ImapFetch fetch;

	imap_parser_feed(parser, (const guint8 *)bytes, strlen(bytes));
	while (imap_parser_next(parser, NULL) != IMAP_PARSER_RESPONSE)
		;
	g_assert_true(imap_fetch_parse(imap_parser_response(parser), &fetch, NULL));
	g_assert_true(fetch.has_body && fetch.body_streamed);
	g_assert_null(fetch.body);
	g_assert_cmpuint(fetch.body_origin, ==, 9);
	g_assert_cmpuint(fetch.uid, ==, 5);
	imap_fetch_clear(&fetch);
}

/* LIST */

typedef struct {
	const char *label, *bytes;
	gboolean ok;
	int attributes;
	char delimiter;
	const char *name;
} ListRow;

static const ListRow list_rows[] = {
	{"plain", "* LIST () \"/\" INBOX\r\n", TRUE, 0, '/', "INBOX"},
	{"attributes", "* LIST (\\hasnochildren \\Sent \\X) \".\" \"Sent\"\r\n", TRUE,
         IMAP_LIST_HAS_NO_CHILDREN | IMAP_LIST_SENT, '.', "Sent"},
	{"nonexistent", "* LIST (\\NonExistent) \"/\" a\r\n", TRUE, IMAP_LIST_NOSELECT, '/', "a"},
	{"flat", "* LIST () NIL a\r\n", TRUE, 0, '\0', "a"},
	{"flat-empty", "* LIST () \"\" a\r\n", TRUE, 0, '\0', "a"},
	{"backslash", "* LIST () \"\\\\\" a\\b\r\n", TRUE, 0, '\\', "a\\b"},
	{"delimiter-atom", "* LIST () / a\r\n", TRUE, 0, '/', "a"},
	{"delimiter-long", "* LIST () \"ab\" a\r\n", FALSE, 0, 0, NULL},
	{"nil", "* LIST () NIL NIL\r\n", TRUE, 0, '\0', "NIL"},
	{"tab", "* LIST () \"/\" a\tb c\r\n", TRUE, 0, '/', "a\tb c"},
	{"literal", "* LIST () \"/\" {3}\r\na\"b\r\n", TRUE, 0, '/', "a\"b"},
	{"extended", "* LIST () \"/\" a (CHILDINFO (\"SUBSCRIBED\"))\r\n", TRUE, 0, '/', "a"},
	{"empty-name", "* LIST (\\Noselect) \"/\" \"\"\r\n", TRUE, IMAP_LIST_NOSELECT, '/', ""},
	{"no-attributes", "* LIST \"/\" a\r\n", FALSE, 0, 0, NULL},
	{"no-name", "* LIST () \"/\"\r\n", FALSE, 0, 0, NULL},
	{"no-delimiter", "* LIST ()\r\n", FALSE, 0, 0, NULL},
	{"unclosed", "* LIST (\\Sent\r\n", FALSE, 0, 0, NULL},
	{"nothing", "* LIST\r\n", FALSE, 0, 0, NULL},
};

static void
test_list(gconstpointer data)
{
	const ListRow *row = data;
	g_autoptr(ImapParser) parser = imap_parser_new();
	g_autoptr(GError) error = NULL;
	ImapList list;

	if (!imap_list_parse(parse(parser, row->bytes), &list, &error)) {
		g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL);
		g_assert_false(row->ok);
		return;
	}
	g_assert_true(row->ok);
	g_assert_cmpint(list.attributes, ==, row->attributes);
	g_assert_cmpint(list.delimiter, ==, row->delimiter);
	g_assert_cmpstr(list.name, ==, row->name);
}

static void
test_list_nul(void)
{
	static const char bytes[] = "* LIST () \"/\" {3}\r\na\0b\r\n";
	g_autoptr(ImapParser) parser = imap_parser_new();
	ImapList list;

	imap_parser_feed(parser, (const guint8 *)bytes, sizeof(bytes) - 1);
	g_assert_cmpint(imap_parser_next(parser, NULL), ==, IMAP_PARSER_RESPONSE);
	g_assert_false(imap_list_parse(imap_parser_response(parser), &list, NULL));
}

/* Flags as text */

static void
test_flags_to_text(void)
{
	static const struct {
		const char *flags, *expected;
	} rows[] = {
		{"", ""},
		{"\\Seen", "\\Seen"},
		{"b a \\Seen B a", "\\Seen a B"},
		{"\\SEEN \\seen \\recent \\Recent", "\\Seen"},
		{"\\Seen $Junk \\Answered NonJunk", "$Junk \\Answered \\Seen NonJunk"},
		{"\\Draft \\Deleted \\Flagged \\X", "\\Deleted \\Draft \\Flagged \\X"},
		{"\"a b\" \"\" \"a\tb\" c \"x\x7f\"", "c"},
		{"\xc3\xa9 a", "a \xc3\xa9"},
		{"caf\xe9 a", "a caf\\xe9"},
		{"a\302\23331m b\342\200\256c d\342\200\250e",
		 "a\\xc2\\x9b31m b\\xe2\\x80\\xaec d\\xe2\\x80\\xa8e"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(ImapParser) parser = imap_parser_new();
		g_autofree char *line =
			g_strdup_printf("* 1 FETCH (FLAGS (%s))\r\n", rows[i].flags);
		g_autoptr(GString) text = g_string_new("old");
		ImapFetch fetch;

		g_assert_true(imap_fetch_parse(parse(parser, line), &fetch, NULL));
		g_assert_true(imap_flags_to_text(fetch.flags, text));
		g_assert_cmpstr(text->str, ==, rows[i].expected);
		imap_fetch_clear(&fetch);
	}
}

static void
test_flags_too_long(void)
{
	g_autoptr(GPtrArray) flags = g_ptr_array_new();
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *flag = g_strnfill(4095, 'x');

	g_ptr_array_add(flags, flag);
	g_assert_true(imap_flags_to_text(flags, text));
	g_ptr_array_add(flags, (gpointer) "y");
	g_assert_false(imap_flags_to_text(flags, text));
}

/* STATUS */

static void
test_status(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	ImapStatus status;

	g_assert_true(imap_status_parse(
		parse(parser, "* STATUS \"a b\" (messages 3 UIDNEXT 4294967295 UIDVALIDITY 7 "
	                      "UNSEEN 2 HIGHESTMODSEQ 9223372036854775807 SIZE 5000000000 X (y) "
	                      "RECENT 1) \r\n"),
		&status, NULL));
	g_assert_cmpstr(status.name, ==, "a b");
	g_assert_cmpint(status.has, ==, 63);
	g_assert_cmpuint(status.messages, ==, 3);
	g_assert_cmpuint(status.uidnext, ==, G_MAXUINT32);
	g_assert_cmpuint(status.uidvalidity, ==, 7);
	g_assert_cmpuint(status.unseen, ==, 2);
	g_assert_cmpuint(status.highestmodseq, ==, G_MAXINT64);
	g_assert_cmpuint(status.size, ==, 5000000000);
}

static void
test_status_sloppy(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	ImapStatus status;

	g_assert_true(imap_status_parse(parse(parser, "* STATUS NIL (MESSAGES -1 UIDNEXT "
	                                              "4294967296 UIDVALIDITY 5 UNSEEN NIL\r\n"),
	                                &status, NULL));
	g_assert_cmpstr(status.name, ==, "NIL");
	g_assert_cmpint(status.has, ==, IMAP_STATUS_UIDVALIDITY);
	g_assert_false(imap_status_parse(parse(parser, "* STATUS a\r\n"), &status, NULL));
	g_assert_false(imap_status_parse(parse(parser, "* STATUS\r\n"), &status, NULL));
}

/* NAMESPACE */

static void
found_namespace(int kind, const char *prefix, char delimiter, gpointer data)
{
	g_string_append_printf(data, "%d<%s>%c ", kind, prefix, delimiter ? delimiter : '-');
}

static void
test_namespace(void)
{
	static const struct {
		const char *bytes, *expected;
	} rows[] = {
		{"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n", "0<>/ "},
		{"* NAMESPACE NIL NIL ((\"\" \".\"))\r\n", "2<>. "},
		{"* NAMESPACE ((\"INBOX.\" \".\")(\"#mh/\" \"/\" \"X-PARAM\" (\"a\" \"b\"))) "
	         "((\"~\" \"/\")) ((\"#s\" NIL))\r\n",
	         "0<INBOX.>. 0<#mh/>/ 1<~>/ 2<#s>- "},
		{"* NAMESPACE () ((NIL NIL)) NIL\r\n", "1<>- "},
		{"* NAMESPACE ((\"\" \"/\")) NIL\r\n", NULL},
		{"* NAMESPACE (\"\" \"/\") NIL NIL\r\n", NULL},
		{"* NAMESPACE\r\n", NULL},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(ImapParser) parser = imap_parser_new();
		g_autoptr(GString) found = g_string_new(NULL);
		const ImapResponse *response = parse(parser, rows[i].bytes);
		gboolean ok = imap_namespace_parse(response, found_namespace, found, NULL);
		g_assert_cmpint(ok, ==, rows[i].expected != NULL);
		if (ok)
			g_assert_cmpstr(found->str, ==, rows[i].expected);
	}
}

/* SEARCH, ESEARCH, VANISHED */

static void
test_search(void)
{
	static const struct {
		const char *bytes;
		const char *expected; /* the set; NULL: an error */
		const char *tag;
	} rows[] = {
		{"* SEARCH 2 84 882\r\n", "2,84,882", NULL},
		{"* SEARCH\r\n", "", NULL},
		{"* SEARCH 0 3 2 1 0 \r\n", "1:3", NULL},
		{"* SEARCH 5 4294967295 (MODSEQ 917162500)\r\n", "5,4294967295", NULL},
		{"* SEARCH 4294967296\r\n", NULL, NULL},
		{"* SEARCH -1\r\n", NULL, NULL},
		{"* SEARCH 1,2\r\n", NULL, NULL},
		{"* ESEARCH (TAG \"A1\") UID ALL 1:3,5\r\n", "1:3,5", "A1"},
		{"* ESEARCH (TAG A1) UID COUNT 2 MIN 1 ALL 1:2 MODSEQ 7\r\n", "1:2", "A1"},
		{"* ESEARCH (TAG {2}\r\nA1) uid all 7\r\n", "7", "A1"},
		{"* ESEARCH (TAG \"A1\") UID\r\n", "", "A1"},
		{"* ESEARCH UID ALL 1:4294967295\r\n", "1:4294967295", NULL},
		{"* ESEARCH UID PARTIAL (1:10 5) ALL 3\r\n", "3", NULL},
		{"* ESEARCH (TAG \"A1\") ALL 1:3\r\n", NULL, "A1"},
		{"* ESEARCH (TAG \"A1\") UID ALL (1)\r\n", NULL, "A1"},
		{"* ESEARCH (TAG \"A1\") UID ALL 1:\r\n", NULL, "A1"},
		{"* ESEARCH (TAG \"A1) UID ALL 1:3\r\n", NULL, NULL},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(ImapParser) parser = imap_parser_new();
		g_autoptr(UidSet) uids = uid_set_new();
		const char *tag;
		g_test_message("%s", rows[i].bytes);
		gboolean ok = imap_search_parse(parse(parser, rows[i].bytes), uids, &tag, NULL);
		g_autofree char *text = uid_set_to_string(uids);
		g_assert_cmpint(ok, ==, rows[i].expected != NULL);
		g_assert_cmpstr(tag, ==, rows[i].tag);
		if (ok)
			g_assert_cmpstr(text, ==, rows[i].expected);
	}
}

static void
test_vanished(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	g_autoptr(UidSet) uids = uid_set_new();
	gboolean earlier;

	g_assert_true(imap_vanished_parse(parse(parser, "* VANISHED (EARLIER) 41,43:45\r\n"), uids,
	                                  &earlier, NULL));
	g_assert_true(earlier);
	g_assert_true(imap_vanished_parse(parse(parser, "* VANISHED 1:4294967295\r\n"), uids,
	                                  &earlier, NULL));
	g_assert_false(earlier);
	g_assert_cmpuint(uid_set_count(uids), ==, G_MAXUINT32);
	g_assert_false(imap_vanished_parse(parse(parser, "* VANISHED\r\n"), uids, &earlier, NULL));
	g_assert_false(
		imap_vanished_parse(parse(parser, "* VANISHED x\r\n"), uids, &earlier, NULL));
}

/* Codes and errors */

static void
test_code(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	const ImapResponse *response = parse(parser, "* OK [UidNext  42] x\r\n");
	const char *argument;

	g_assert_true(imap_response_has_code(response, "UIDNEXT", &argument));
	g_assert_cmpstr(argument, ==, "42");
	g_assert_false(imap_response_has_code(response, "UID", NULL));
	g_assert_false(imap_response_has_code(response, "UIDNEXTS", NULL));
	response = parse(parser, "* OK [READ-ONLY]\r\n");
	g_assert_true(imap_response_has_code(response, "READ-ONLY", &argument));
	g_assert_cmpstr(argument, ==, "");
	response = parse(parser, "* OK READ-ONLY\r\n");
	g_assert_false(imap_response_has_code(response, "READ-ONLY", NULL));
}

static void
test_errors(void)
{
	static const struct {
		const char *bytes;
		ImapfsError code;
		const char *message;
	} rows[] = {
		{"A NO [NOPERM] Keep out\r\n", IMAPFS_ERROR_DENIED, "FETCH: NO [NOPERM] Keep out"},
		{"A NO [overquota]\r\n", IMAPFS_ERROR_QUOTA, NULL},
		{"A NO [LIMIT 5] x\r\n", IMAPFS_ERROR_LIMIT, NULL},
		{"A NO [AUTHENTICATIONFAILED] x\r\n", IMAPFS_ERROR_DENIED, NULL},
		{"A NO [TRYCREATE] x\r\n", IMAPFS_ERROR_NOT_FOUND, NULL},
		{"A NO [ALREADYEXISTS] x\r\n", IMAPFS_ERROR_EXISTS, NULL},
		{"A NO Mailbox already exists\r\n", IMAPFS_ERROR_EXISTS, NULL},
		{"A NO slow down [THROTTLED]\r\n", IMAPFS_ERROR_LIMIT, NULL},
		{"A NO [ALERT] Too many simultaneous connections. (Failure)\r\n",
	         IMAPFS_ERROR_LIMIT, NULL},
		{"A BAD User is authenticated but not connected.\r\n", IMAPFS_ERROR_DENIED, NULL},
		{"A NO Permission denied\r\n", IMAPFS_ERROR_DENIED, NULL},
		{"A NO Invalid mailbox name\r\n", IMAPFS_ERROR_USAGE, NULL},
		{"A NO Invalid annotation entry\r\n", IMAPFS_ERROR_USAGE, NULL},
		{"A NO invalid annotation value\r\n", IMAPFS_ERROR_USAGE, NULL},
		{"A NO Invalid ACL identifier\r\n", IMAPFS_ERROR_USAGE, NULL},
		{"A BAD The Q right is not supported\r\n", IMAPFS_ERROR_USAGE, NULL},
		{"A NO You exceeded your mail quota.\r\n", IMAPFS_ERROR_QUOTA, NULL},
		{"A NO [LIMIT] Permission denied\r\n", IMAPFS_ERROR_LIMIT, NULL},
		{"A NO [X-NEW thing] x\r\n", IMAPFS_ERROR_FAILED, NULL},
		{"A BAD\r\n", IMAPFS_ERROR_FAILED, NULL},
		{"* BYE Session expired\r\n", IMAPFS_ERROR_OFFLINE, "FETCH: BYE Session expired"},
		{"* BYE Permission denied\r\n", IMAPFS_ERROR_OFFLINE, NULL},
		{"* BYE Too many simultaneous connections\r\n", IMAPFS_ERROR_LIMIT, NULL},
		{"* BYE [UNAVAILABLE] x\r\n", IMAPFS_ERROR_LIMIT, NULL},
		{"A NO a\033[2Jb\r\n", IMAPFS_ERROR_FAILED, "FETCH: NO a\\x1b[2Jb"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(ImapParser) parser = imap_parser_new();
		const ImapResponse *response = parse(parser, rows[i].bytes);
		g_autoptr(GError) error = imap_response_to_error(response, "FETCH");
		g_assert_error(error, IMAPFS_ERROR, (int)rows[i].code);
		if (rows[i].message)
			g_assert_cmpstr(error->message, ==, rows[i].message);
	}
}

static void
test_printable(void)
{
	static const struct {
		const char *bytes, *expected;
	} rows[] = {
		{"plain \\Seen", "plain \\Seen"},
		{"Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
		{"Gr\xfc\xdf", "Gr\\xfc\\xdf"},
		{"a\tb\177", "a\\x09b\\x7f"},
		{"\xe2\x80\xaegpj.exe", "\\xe2\\x80\\xaegpj.exe"},
		{"a\xe2\x80\xa8z", "a\\xe2\\x80\\xa8z"},
		{"\xc2\x85", "\\xc2\\x85"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"cut\xe2\x80", "cut\\xe2\\x80"},
		{"", ""},
	};
	g_autofree char *nul = imap_printable("a\0b", 3);
	g_autofree char *x = g_strnfill(300, 'x');
	g_autofree char *cut = imap_printable(x, -1);

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *printable = imap_printable(rows[i].bytes, -1);
		g_assert_cmpstr(printable, ==, rows[i].expected);
	}
	g_assert_cmpstr(nul, ==, "a\\x00b");
	g_assert_cmpuint(strlen(cut), ==, 200 + strlen("..."));
}

/* A function over each of the rows of a table. */
static void
add_rows(const char *path, gconstpointer rows, gsize n, gsize size, GTestDataFunc test)
{
	for (gsize i = 0; i < n; i++) {
		const char *row = (const char *)rows + i * size;
		g_autofree char *name = g_strconcat(path, *(const char *const *)row, NULL);
		g_test_add_data_func(name, row, test);
	}
}

#define ADD_ROWS(path, rows, test) add_rows(path, rows, G_N_ELEMENTS(rows), sizeof(*rows), test)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD_ROWS("/response/fetch/", fetch_rows, test_fetch);
	ADD_ROWS("/response/literal/", literal_rows, test_literal);
	ADD_ROWS("/response/list/", list_rows, test_list);
	g_test_add_func("/response/dates", test_dates);
	g_test_add_func("/response/calendar", test_calendar);
	g_test_add_func("/response/streamed", test_streamed);
	g_test_add_func("/response/list-nul", test_list_nul);
	g_test_add_func("/response/flags-to-text", test_flags_to_text);
	g_test_add_func("/response/flags-too-long", test_flags_too_long);
	g_test_add_func("/response/status", test_status);
	g_test_add_func("/response/status-sloppy", test_status_sloppy);
	g_test_add_func("/response/namespace", test_namespace);
	g_test_add_func("/response/search", test_search);
	g_test_add_func("/response/vanished", test_vanished);
	g_test_add_func("/response/code", test_code);
	g_test_add_func("/response/errors", test_errors);
	g_test_add_func("/response/printable", test_printable);
	return g_test_run();
}
