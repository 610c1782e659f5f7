/*
 * test-parser.c: bytes and what the parser makes of them.
 *
 * Each row is fed whole, a byte at a time and cut at random, and must come out the same.
 */
#include "parser-dump.h"

#include <string.h>

#define N_RANDOM 20

typedef struct {
	const char *label;
	const char *bytes;
	const char *expected; /* see parser-dump.h */
} Row;

static const Row rows[] = {
	/* The frame. */
	{"status/ok", "* OK ready\r\n", "* OK <ready>\n"},
	{"status/no-text", "* OK\r\n", "* OK <>\n"},
	{"status/no-text-space", "* OK \r\n", "* OK <>\n"},
	{"status/code", "* OK [UIDNEXT 5] Predicted\r\n", "* OK [UIDNEXT 5] <Predicted>\n"},
	{"status/code-alone", "* OK [READ-ONLY]\r\n", "* OK [READ-ONLY] <>\n"},
	{"status/code-unclosed", "* NO [ALERT oops\r\n", "* NO <[ALERT oops>\n"},
	{"status/code-flags", "* OK [PERMANENTFLAGS (\\* a]b)] x]\r\n",
         "* OK [PERMANENTFLAGS (\\* a]b)] <x]>\n"},
	{"status/code-unbalanced", "* OK [PERMANENTFLAGS (a(b \\*)] x\r\n",
         "* OK [PERMANENTFLAGS (a(b \\*)] <x>\n"},
	{"status/code-quoted", "* NO [BADURL \"a]\\\"]\" 1] x\r\n",
         "* NO [BADURL \"a]\\\"]\" 1] <x>\n"},
	{"status/code-nested", "* NO [REFERRAL imap://[::1]/] x\r\n",
         "* NO [REFERRAL imap://[::1]/] <x>\n"},
	{"status/code-inch", "* OK [ALERT 5\" disk] x\r\n", "* OK [ALERT 5\" disk] <x>\n"},
	{"status/text-literal", "* OK text {5}\r\n* OK x\r\n", "* OK <text {5}>\n* OK <x>\n"},
	{"status/text-8-bit", "* BYE Sch\xf6n\r\n", "* BYE <Sch\\xf6n>\n"},
	{"status/text-quote", "* BAD \"unclosed (\r\n", "* BAD <\"unclosed (>\n"},
	{"status/preauth", "* PREAUTH hi\r\n", "* PREAUTH <hi>\n"},
	{"status/lower-case", "* ok [x] y\r\n", "* OK [x] <y>\n"},
	{"status/missing-ok", "* [COPYUID 1 2 3]\r\n", "* OK [COPYUID 1 2 3] <>\n"},
	{"status/missing-star", "[COPYUID 1 2 3] done\r\n", "* OK [COPYUID 1 2 3] <done>\n"},
	{"tagged/ok", "A1 OK [READ-WRITE] done\r\n", "A1 OK [READ-WRITE] <done>\n"},
	{"tagged/no-text", "A1 NO\r\n", "A1 NO <>\n"},
	{"tagged/other", "A1 FETCH (UID 5)\r\n", "error\n"},
	{"tagged/http", "HTTP/1.1 400 Bad Request\r\n", "error\n"},
	{"tagged/tag-alone", "A1\r\n", "error\n"},
	{"continuation/text", "+ go on [x] {5}\r\n", "+ <go on [x] {5}>\n"},
	{"continuation/bare", "+\r\n", "+ <>\n"},
	{"continuation/no-space", "+abc\r\n", "+ <abc>\n"},
	{"continuation/spaces", "+  abc\r\n", "+ < abc>\n"},
	{"line/lf", "* 3 EXISTS\n* OK x\n", "* 3 EXISTS\n* OK <x>\n"},
	{"line/cr-cr-lf", "* 3 EXISTS\r\r\n", "* 3 EXISTS\n"},
	{"line/empty", "\r\n\n* OK x\r\n\r\n* OK y\r\n", "* OK <x>\n* OK <y>\n"},
	{"line/star", "*\r\n* \r\n", "*\n*\n"},
	{"line/star-glued", "*OK x\r\n", "error\n"},
	{"line/control", "* OK a\033b\r\n", "* OK <a\\x1bb>\n"},
	{"line/spaces", "*  3   EXISTS  \r\n", "* 3 EXISTS\n"},
	{"line/unfinished", "* OK x", ""},
	{"number/max", "* 4294967295 EXISTS\r\n", "* 4294967295 EXISTS\n"},
	{"number/too-large", "* 4294967296 EXISTS\r\n", "error\n"},
	{"number/alone", "* 12\r\n", "* 12\n"},
	{"number/negative", "* -1 EXISTS\r\n", "* -1 EXISTS\n"},

	/* Tokens. */
	{"tokens/capability", "* CAPABILITY IMAP4rev1 LITERAL + AUTH=PLAIN \r\n",
         "* CAPABILITY IMAP4rev1 LITERAL + AUTH=PLAIN\n"},
	{"tokens/lower-case", "* capability idle\r\n", "* CAPABILITY idle\n"},
	{"tokens/flags", "* FLAGS (\\Seen a] b+ {x} a\"b ~c)\r\n",
         "* FLAGS ( \\Seen a] b+ {x} a\"b ~c )\n"},
	{"tokens/list-glued", "* FLAGS(\\Seen)\r\n", "* FLAGS ( \\Seen )\n"},
	{"tokens/quoted", "* ID (\"na\\\"me\" \"a\\\\b\" \"\" \"\xe4\")\r\n",
         "* ID ( \"na\"me\" \"a\\b\" \"\" \"\\xe4\" )\n"},
	{"tokens/literal", "* ID ({4}\r\nname {3+}\r\na\r\n ~{1}\r\nx {0}\r\n)\r\n",
         "* ID ( {4}name {3}a\\x0d\\x0a {1}x {0} )\n"},
	{"tokens/literal-nul", "* ID {2+}\r\n)(\r\n", "* ID {2})(\n"},
	{"tokens/brace", "* FLAGS ({5} {} {5 {-5} {5}x)\r\n", "* FLAGS ( {5} {} {5 {-5} {5}x )\n"},
	{"tokens/brace-end", "* FLAGS x {}\r\n* FLAGS {a}\r\n* FLAGS {5} \r\n",
         "* FLAGS x {}\n* FLAGS {a}\n* FLAGS {5}\n"},
	{"tokens/unbalanced", "* X (a (b\r\n* X a))\r\n", "* X ( a ( b\n* X a ) )\n"},
	{"tokens/unclosed-quote", "* X a \"b\r\n* OK x\r\n", "* X\n* OK <x>\n"},
	{"tokens/unclosed-quote-literal", "* X a \"b {5}\r\n", "error\n"},
	{"tokens/escape-at-end", "* X \"b\\\r\n", "* X\n"},
	{"tokens/cr", "* X a\rb\r\n", "* X\n"},
	{"tokens/literal-63-bits", "* X {9223372036854775808}\r\n", "error\n"},
	{"tokens/literal-huge", "* X {99999999999999999999999999}\r\n", "error\n"},
	{"tokens/literal-over-limit", "* X {1048577}\r\n", "error\n"},
	{"search/numbers", "* SEARCH 2 84 882 \r\n", "* SEARCH 2 84 882 \n"},
	{"search/none", "* SEARCH\r\n* SEARCH \r\n", "* SEARCH\n* SEARCH\n"},
	{"search/modseq", "* SEARCH 2 (MODSEQ 9)\r\n", "* SEARCH 2 (MODSEQ 9)\n"},
	{"esearch", "* ESEARCH (TAG \"A1\") UID ALL 1:5\r\n",
         "* ESEARCH ( TAG \"A1\" ) UID ALL 1:5\n"},
	{"vanished", "* VANISHED (EARLIER) 1:5,9\r\n", "* VANISHED ( EARLIER ) 1:5,9\n"},

	/* Mailbox names. */
	{"list/quoted", "* LIST (\\Sent) \"/\" \"a b\"\r\n", "* LIST ( \\Sent ) \"/\" \"a b\"\n"},
	{"list/atom", "* LIST () \"/\" INBOX\r\n", "* LIST ( ) \"/\" INBOX\n"},
	{"list/spaces", "* LIST () \"/\" a  b\r\n", "* LIST ( ) \"/\" a  b\n"},
	{"list/trailing-space", "* LIST () \"/\" a \r\n", "* LIST ( ) \"/\" a\n"},
	{"list/tab", "* LIST () \"/\" a\tb\r\n", "* LIST ( ) \"/\" a\\x09b\n"},
	{"list/8-bit", "* LIST () NIL Entw\xfcrfe\r\n", "* LIST ( ) NIL Entw\\xfcrfe\n"},
	{"list/nil", "* LIST () NIL NIL\r\n", "* LIST ( ) NIL NIL\n"},
	{"list/parentheses", "* LIST () \"/\" Work (old)\r\n", "* LIST ( ) \"/\" Work (old)\n"},
	{"list/leading-parenthesis", "* LIST () \"/\" (old) Work\r\n",
         "* LIST ( ) \"/\" (old) Work\n"},
	{"list/quotes-inside", "* LIST () \"/\" a (\"b\")\r\n", "* LIST ( ) \"/\" a (\"b\")\n"},
	{"list/literal", "* LIST () \"/\" {3}\r\na\"b\r\n", "* LIST ( ) \"/\" {3}a\"b\n"},
	{"list/literal-extended", "* LIST () \"/\" {1}\r\na (\"OLDNAME\" (x))\r\n",
         "* LIST ( ) \"/\" {1}a ( \"OLDNAME\" ( x ) )\n"},
	{"list/brace-in-name", "* LIST () \"/\" a {3}\r\n", "* LIST ( ) \"/\" a {3}\n"},
	{"list/extended", "* LIST () \"/\" a b (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
         "* LIST ( ) \"/\" a b ( \"CHILDINFO\" ( \"SUBSCRIBED\" ) )\n"},
	{"list/extended-atom", "* LIST () \"/\" a (oldname ({1}\r\nb))\r\n",
         "* LIST ( ) \"/\" a ( oldname ( {1}b ) )\n"},
	{"list/extended-empty", "* LIST () \"/\" a ()\r\n", "* LIST ( ) \"/\" a ( )\n"},
	{"list/extended-quoted", "* LIST () \"/\" \"a\" (\"X\" (y))\r\n",
         "* LIST ( ) \"/\" \"a\" ( \"X\" ( y ) )\n"},
	{"list/unclosed", "* LIST () \"/\" \"a\r\n", "* LIST\n"},
	{"status/atom", "* STATUS a (MESSAGES 3 UIDNEXT 5)\r\n",
         "* STATUS a ( MESSAGES 3 UIDNEXT 5 )\n"},
	{"status/spaces", "* STATUS a (b) c (MESSAGES 3) \r\n",
         "* STATUS a (b) c ( MESSAGES 3 )\n"},
	{"status/literal", "* STATUS {1}\r\na (MESSAGES 3)\r\n", "* STATUS {1}a ( MESSAGES 3 )\n"},
	{"namespace", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
         "* NAMESPACE ( ( \"\" \"/\" ) ) NIL NIL\n"},

	/* FETCH. */
	{"fetch/listing", "* 1 FETCH (UID 5 FLAGS (\\Seen) RFC822.SIZE 44)\r\n",
         "* 1 FETCH ( UID 5 FLAGS ( \\Seen ) RFC822.SIZE 44 )\n"},
	{"fetch/flags", "* 1 FETCH (FLAGS (a(b [c] d]+ {e} f\"))\r\n",
         "* 1 FETCH ( FLAGS ( a(b [c] d]+ {e} f\" ) )\n"},
	{"fetch/flags-glued", "* 1 FETCH (FLAGS(\\Seen)UID 5)\r\n",
         "* 1 FETCH ( FLAGS ( \\Seen ) UID 5 )\n"},
	{"fetch/stream", "* 1 FETCH (UID 5 BODY[] {5}\r\nhello)\r\n",
         "stream<hello>* 1 FETCH ( UID 5 BODY[] {5}~ )\n"},
	{"fetch/stream-first", "* 1 FETCH (body[]<10> {2}\r\n)\r UID 5)\r\n",
         "stream<)\\x0d>* 1 FETCH ( body[]<10> {2}~ UID 5 )\n"},
	{"fetch/stream-empty", "* 1 FETCH (BODY[] {0}\r\n)\r\n",
         "stream<>* 1 FETCH ( BODY[] {0}~ )\n"},
	{"fetch/stream-glued", "* 1 FETCH (BODY[]{2}\r\nab)\r\n",
         "stream<ab>* 1 FETCH ( BODY[] {2}~ )\n"},
	{"fetch/stream-binary", "* 1 FETCH (BINARY[1] ~{2}\r\na\x01)\r\n",
         "stream<a\\x01>* 1 FETCH ( BINARY[1] {2}~ )\n"},
	{"fetch/stream-rfc822", "* 1 FETCH (RFC822 {2}\r\nab RFC822.TEXT {1}\r\nc)\r\n",
         "stream<ab>stream<c>* 1 FETCH ( RFC822 {2}~ RFC822.TEXT {1}~ )\n"},
	{"fetch/keep", "* 1 FETCH (BODY[HEADER.FIELDS (DATE \"a]b\")] {3}\r\nab\n UID 5)\r\n",
         "* 1 FETCH ( BODY[HEADER.FIELDS (DATE \"a]b\")] {3}ab\\x0a UID 5 )\n"},
	{"fetch/keep-and-stream", "* 1 FETCH (BODY[HEADER] {1}\r\na BODY[] {1}\r\nb)\r\n",
         "stream<b>* 1 FETCH ( BODY[HEADER] {1}a BODY[] {1}~ )\n"},
	{"fetch/quoted", "* 1 FETCH (BODY[] \"a\" BODY[1]\"b\" BODY[2] NIL)\r\n",
         "* 1 FETCH ( BODY[] \"a\" BODY[1] \"b\" BODY[2] NIL )\n"},
	{"fetch/section-glued", "* 1 FETCH (BODY[]x 5 BODY[<1 y)\r\n", "error\n"},
	{"fetch/envelope-literal", "* 1 FETCH (ENVELOPE (NIL {3}\r\na]b))\r\n",
         "* 1 FETCH ( ENVELOPE ( NIL {3}a]b ) )\n"},
	{"fetch/body-in-list", "* 1 FETCH (X (BODY[] {1}\r\na))\r\n",
         "* 1 FETCH ( X ( BODY[] {1}a ) )\n"},
	{"fetch/section-unclosed", "* 1 FETCH (BODY[HEADER.FIELDS (X {1}\r\n", "error\n"},
	{"fetch/unclosed-quote", "* 1 FETCH (ENVELOPE (\"a\r\n", "error\n"},
	{"fetch/literal-huge", "* 1 FETCH (BODY[] {9223372036854775808}\r\n", "error\n"},
	{"fetch/literal-63-bits", "* 1 FETCH (BODY[] {9223372036854775807}\r\nabc", "stream<abc"},
	{"fetch/keep-over-limit", "* 1 FETCH (BODY[HEADER] {1048577}\r\nabc", "error\n"},
	{"uidfetch", "* 5 UIDFETCH (FLAGS ())\r\n", "* 5 UIDFETCH ( FLAGS ( ) )\n"},
};

static void
check(const char *bytes, gsize length, const char *expected)
{
	g_autofree char *whole = parser_dump(bytes, length, length, NULL, NULL);
	g_autofree char *cut = parser_dump(bytes, length, 1, NULL, NULL);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);

	g_assert_cmpstr(whole, ==, expected);
	g_assert_cmpstr(cut, ==, expected);
	for (int i = 0; i < N_RANDOM; i++) {
		g_autofree char *random = parser_dump(bytes, length, 7, rand, NULL);
		g_assert_cmpstr(random, ==, expected);
	}
}

static void
test_row(gconstpointer data)
{
	const Row *row = data;

	check(row->bytes, strlen(row->bytes), row->expected);
}

/* All rows without errors, one after the other: nothing of a response is left for the next. */
static void
test_sequence(void)
{
	g_autoptr(GString) bytes = g_string_new(NULL), expected = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (!g_str_has_suffix(rows[i].expected, "\n") ||
		    g_str_has_suffix(rows[i].expected, "error\n"))
			continue;
		g_string_append(bytes, rows[i].bytes);
		g_string_append(expected, rows[i].expected);
	}
	check(bytes->str, bytes->len, expected->str);
}

static void
test_nul(void)
{
	check("* OK a\0b\r\n", 10, "error\n");
	check("* X {3}\r\na\0b\r\n", 14, "* X {3}a\\x00b\n");
}

static char *
repeat(const char *prefix, const char *piece, gsize n, const char *suffix)
{
	GString *bytes = g_string_new(prefix);

	for (gsize i = 0; i < n; i++)
		g_string_append(bytes, piece);
	g_string_append(bytes, suffix);
	return g_string_free(bytes, FALSE);
}

/* What comes of @bytes when it is fed in chunks as a socket gives them: the end of the dump. */
static void
check_end(char *bytes, const char *end)
{
	g_autofree char *owned = bytes;
	g_autofree char *dump = parser_dump(owned, strlen(owned), 16384, NULL, NULL);

	g_assert_true(g_str_has_suffix(dump, end));
}

static void
test_limits(void)
{
	check_end(repeat("* OK ", "x", 65000, "\r\n"), "xx>\n");
	check_end(repeat("* OK ", "x", 66000, "\r\n"), "error\n");
	check_end(repeat("* OK ", "x", 200000, ""), "error\n");
	check_end(repeat("* SEARCH", " 1234567", 1000000, "\r\n"), " 1234567\n");
	check_end(repeat("* SEARCH", " 1234567", 2200000, ""), "error\n");
	check_end(repeat("* VANISHED 1", ",1234567", 1000000, "\r\n"), ",1234567\n");
	check_end(repeat("* ESEARCH", " a", 66000, "\r\n"), "* ESEARCH\n");
	check_end(repeat("* X ", "(", 64, "\r\n"), "( ( (\n");
	check_end(repeat("* X ", "(", 65, "\r\n"), "* X\n");
	check_end(repeat("* 1 FETCH ", "(", 65, "\r\n"), "error\n");
	check_end(repeat("* X ", "()", 30000, "\r\n"), "( ) ( )\n");
	check_end(repeat("* X", " {1}\r\na", 10000, "\r\n"), "{1}a {1}a\n");
	check_end(repeat("* X", " {1}\r\na", 20000, "\r\n"), "error\n");
}

/* Several kept literals may not add up to more than one of them may have. */
static void
test_literal_limit(void)
{
	gsize half = IMAP_PARSER_MAX_LITERAL / 2;
	g_autofree char *a = repeat("* X {524288}\r\n", "a", half, " {524288}\r\n");

	check_end(repeat(a, "b", half, "\r\n"), "bbb\n");
	check_end(repeat(a, "b", half, " {1}\r\nc"), "error\n");
}

/* A value for which there is no room streams, and what comes behind it is kept. */
static void
test_long_values(void)
{
	gsize most = IMAP_PARSER_MAX_LITERAL;

	check_end(repeat("* METADATA a (/x {1048576}\r\n", "x", most, ")\r\n"), "xxx )\n");
	check_end(repeat("* METADATA a (/x {1048577}\r\n", "x", most + 1, " y {1}\r\nz)\r\n"),
	          "xxx>* METADATA a ( /x {1048577}~ y {1}z )\n");
	check_end(repeat("* METADATA a (/x {1048576}\r\n", "x", most, " y {1}\r\nz)\r\n"),
	          "xxx y {1}~ )\n");
	check_end(repeat("* METADATA {1048577}\r\n", "x", most + 1, "\r\n"), "error\n");
}

/* An error is final, and says what the server sent. */
static void
test_error(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	g_autoptr(GError) error = NULL;
	static const char bytes[] = "* OK x\r\n\x1b[0m nonsense\r\n* OK y\r\n";

	imap_parser_feed(parser, (const guint8 *)bytes, strlen(bytes));
	g_assert_cmpint(imap_parser_next(parser, NULL), ==, IMAP_PARSER_RESPONSE);
	g_assert_cmpint(imap_parser_next(parser, &error), ==, IMAP_PARSER_ERROR);
	g_assert_cmpstr(error->message, ==, "not an IMAP response: \"\\x1b[0m nonsense\"");
	g_assert_cmpint(imap_parser_next(parser, NULL), ==, IMAP_PARSER_ERROR);
}

/* Bytes behind a response stay visible: behind the OK of STARTTLS there must be none. */
static void
test_pending(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	static const char bytes[] = "A1 OK begin\r\n* injected\r\n";

	imap_parser_feed(parser, (const guint8 *)bytes, strlen(bytes));
	g_assert_cmpint(imap_parser_next(parser, NULL), ==, IMAP_PARSER_RESPONSE);
	g_assert_cmpuint(imap_parser_pending(parser), ==, strlen("* injected\r\n"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strconcat("/parser/row/", rows[i].label, NULL);
		g_test_add_data_func(name, &rows[i], test_row);
	}
	g_test_add_func("/parser/sequence", test_sequence);
	g_test_add_func("/parser/nul", test_nul);
	g_test_add_func("/parser/limits", test_limits);
	g_test_add_func("/parser/literal-limit", test_literal_limit);
	g_test_add_func("/parser/long-values", test_long_values);
	g_test_add_func("/parser/error", test_error);
	g_test_add_func("/parser/pending", test_pending);
	return g_test_run();
}
