/*
 * test-remote-metadata.c: annotations, of mailboxes and of the server.
 */
#include "details-recorder.h"

#include <string.h>

typedef struct {
	const char *label;
	const char *const *const *scripts;
	const char *expected;
	const char *mailbox; /* NULL: "b x" */
	const char *entry;   /* NULL: "/shared/comment" */
} Row;

#define HELLO      "S: * PREAUTH [CAPABILITY IMAP4rev1 METADATA LITERAL+] hello"
#define BARE_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 METADATA] hello"
#define NONE_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"
#define MAXSIZE    "C: a GETMETADATA (MAXSIZE 1048576) "
#define GET        HELLO, MAXSIZE "\"b x\" \"/shared/comment\""
#define MIB        (1024 * 1024)

static void
check_value(const Row *row, gsize split)
{
	RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);
	g_autoptr(Record) record = NULL;

	scripted_server_split(fixture.server, split);
	record = record_metadata(&fixture, row->mailbox ? row->mailbox : "b x",
	                         row->entry ? row->entry : "/shared/comment");
	record_check(record, row->expected);
	remote_fixture_free(&fixture);
}

static void
test_value(void)
{
	const Row rows[] = {
		{"quoted",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment \"a b\")",
	                        "S: $a OK")),
	         "value a b; ", NULL, NULL},
		{"literal, in other letters",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA {3}", "S: b x ({15}", "S: /SHARED/Comment {4}",
	                        "S: a\r\nb)", "S: $a OK")),
	         "value a\r\nb; ", NULL, NULL},
		{"empty",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment \"\")", "S: $a OK")),
	         "value ; ", NULL, NULL},
		{"empty literal",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment {0}", "S: )",
	                        "S: $a OK")),
	         "value ; ", NULL, NULL},
		{"an atom",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment word[1])",
	                        "S: $a OK")),
	         "value word[1]; ", NULL, NULL},
		{"NIL",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment nil)", "S: $a OK")),
	         "no value; ", NULL, NULL},
		{"\"NIL\"",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment \"NIL\")",
	                        "S: $a OK")),
	         "value NIL; ", NULL, NULL},
		{"nothing", SCRIPTS(SCRIPT(GET, "S: $a OK")), "no value; ", NULL, NULL},
		{"among others",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA y (/shared/comment z)",
	                        "S: * METADATA \"b x\" (/private/comment p /shared/comment s "
	                        "/shared/commenta t)",
	                        "S: * METADATA \"b x\" (/private/comment p)",
	                        "S: * METADATA \"B X\" (/shared/comment z)", "S: $a OK")),
	         "value s; ", NULL, NULL},
		{"unsolicited",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" /shared/comment",
	                        "S: * METADATA \"b x\" (/shared/comment s)",
	                        "S: * METADATA \"b x\" /shared/comment /private/comment",
	                        "S: * METADATA \"b x\"", "S: $a OK")),
	         "value s; ", NULL, NULL},
		{"of the server",
	         SCRIPTS(SCRIPT(HELLO, MAXSIZE "\"\" \"/shared/admin\"",
	                        "S: * METADATA \"b x\" (/shared/admin no)",
	                        "S: * METADATA \"\" (/shared/admin \"mailto:a\")", "S: $a OK")),
	         "value mailto:a; ", "", "/shared/admin"},
		{"of the server, by METADATA-SERVER",
	         SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 METADATA-SERVER] hello",
	                        MAXSIZE "\"\" \"/shared/admin\"",
	                        "S: * METADATA \"\" (/shared/admin x)", "S: $a OK")),
	         "value x; ", "", "/shared/admin"},
		{"of a mailbox, with METADATA-SERVER",
	         SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 METADATA-SERVER] hello")),
	         "error UNSUPPORTED; ", NULL, NULL},
		{"not offered", SCRIPTS(SCRIPT(NONE_HELLO)), "error UNSUPPORTED; ", NULL, NULL},
		{"too long, by the server's word",
	         SCRIPTS(SCRIPT(GET, "S: $a OK [METADATA LONGENTRIES 2000000] long")),
	         "error TOO_BIG; ", NULL, NULL},
		{"no answer that can be understood",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA", "S: * METADATA (", "S: * METADATA y (a",
	                        "S: * METADATA \"b x\" (/shared/comment)", "S: $a OK")),
	         "error PROTOCOL; ", NULL, NULL},
		{"a list for a value",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment (a))", "S: $a OK")),
	         "error PROTOCOL; ", NULL, NULL},
		{"more behind the list",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment a) b", "S: $a OK")),
	         "error PROTOCOL; ", NULL, NULL},
		{"a list without its end",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment a", "S: $a OK")),
	         "value a; ", NULL, NULL},
		{"no such mailbox", SCRIPTS(SCRIPT(GET, "S: $a NO [NONEXISTENT] no")),
	         "error NOT_FOUND; ", NULL, NULL},
		{"refused", SCRIPTS(SCRIPT(GET, "S: $a NO [NOPERM] no")), "error DENIED; ", NULL,
	         NULL},
		{"no private ones", SCRIPTS(SCRIPT(GET, "S: $a NO [METADATA NOPRIVATE] no")),
	         "error UNSUPPORTED; ", NULL, NULL},
		{"lost, and repeated",
	         SCRIPTS(SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment a)", "DROP"),
	                 SCRIPT(GET, "S: * METADATA \"b x\" (/shared/comment NIL)", "S: $a OK")),
	         "no value; ", NULL, NULL},
	};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++)
		check_value(&rows[i / 2], i % 2);
}

/* It may hold anything. */
static void
test_binary(void)
{
	const Row row = {"binary",
	                 SCRIPTS(SCRIPT(GET, "s: * METADATA \"b x\" (/shared/comment ~{3}\r\n",
	                                "r: 610062", "S: )", "S: $a OK")),
	                 "value aNULb; ", NULL, NULL};

	check_value(&row, 0);
	check_value(&row, 1);
}

static void
check_size(guint64 size, const char *expected)
{
	g_autofree char *head = g_strdup_printf(
		"s: * METADATA \"b x\" (/shared/comment {%" G_GUINT64_FORMAT "}\r\n", size);
	g_autofree char *body = g_strdup_printf("MANY %" G_GUINT64_FORMAT " x", size);
	const Row row = {"size",
	                 SCRIPTS(SCRIPT(GET, head, body, "S: )", "S: $a OK", "C: b GETMETADATA *",
	                                "S: * METADATA \"b x\" (/shared/comment a)", "S: $b OK")),
	                 expected, NULL, NULL};
	RemoteFixture fixture = remote_fixture_new(row.label, row.scripts, 1, 0);
	g_autoptr(Record) record = record_metadata(&fixture, "b x", "/shared/comment");
	g_autoptr(Record) next = NULL;

	record_check(record, expected);
	next = record_metadata(&fixture, "b x", "/shared/comment");
	record_check(next, "value a; ");
	remote_fixture_free(&fixture);
}

/* What is too long is passed over, and the connection goes on. */
static void
test_sizes(void)
{
	check_size(MIB, "value of 1048576; ");
	check_size(MIB + 1, "error TOO_BIG; ");
	check_size(3 * MIB, "error TOO_BIG; ");
}

static void
test_entries(void)
{
	static const char *const wrong[] = {
		"",
		"/",
		"comment",
		"/comment",
		"/shared",
		"/shared/",
		"/private/a/",
		"/private//a",
		"/sharedcomment",
		"/shared/a*",
		"/shared/a%b",
		"/shared/a\r\nb LOGOUT",
		"/shared/a\tb",
		"/shared/\xc3\xa9",
		"/shared/\x7f",
		" /shared/a",
	};
	g_autofree char *rest = g_strnfill(900, 'x');
	g_autofree char *long_one = g_strconcat("/shared/", rest, NULL);
	RemoteFixture fixture = remote_fixture_new("entries", SCRIPTS(NULL), 1, 0);

	for (guint i = 0; i < G_N_ELEMENTS(wrong) + 1; i++) {
		const char *entry = i < G_N_ELEMENTS(wrong) ? wrong[i] : long_one;
		g_autoptr(GBytes) value = g_bytes_new_static("x", 1);
		g_autoptr(Record) got = record_metadata(&fixture, "x", entry);
		g_autoptr(Record) set = record_set_metadata(&fixture, "x", entry, value);

		record_check(got, "error USAGE; ");
		record_check(set, "error USAGE; ");
	}
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 0);
	remote_fixture_free(&fixture);
}

/* --- all --- */

#define ALL HELLO, "C: a GETMETADATA (DEPTH infinity) \"b x\" (/private /shared)"

static void
check_all(const Row *row, gsize split)
{
	RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);
	g_autoptr(Record) record = NULL;

	scripted_server_split(fixture.server, split);
	record = record_all_metadata(&fixture, row->mailbox ? row->mailbox : "b x");
	record_check(record, row->expected);
	remote_fixture_free(&fixture);
}

static void
test_all(void)
{
	const Row rows[] = {
		{"several",
	         SCRIPTS(SCRIPT(ALL, "S: * METADATA \"b x\" (/shared/b \"x\" /private/a {1}",
	                        "S: x)",
	                        "S: * METADATA \"b x\" (/SHARED/B \"x\" \"/shared/x y\" \"\")",
	                        "S: * METADATA y (/shared/c \"x\")",
	                        "S: * METADATA \"b x\" /shared/d", "S: $a OK")),
	         "/private/a value x; /shared/b value x; /shared/x y value ; done; ", NULL, NULL},
		{"none that are there",
	         SCRIPTS(SCRIPT(ALL, "S: * METADATA \"b x\" (/private NIL /shared/a NIL)",
	                        "S: $a OK")),
	         "done; ", NULL, NULL},
		{"none", SCRIPTS(SCRIPT(ALL, "S: $a OK")), "done; ", NULL, NULL},
		{"what are no names is left out",
	         SCRIPTS(SCRIPT(ALL,
	                        "S: * METADATA \"b x\" (comment a /shared/ a /shared/a//b a "
	                        "\"/shared/a\xc3\xa9\" a /shared/b a \"\" a {10}",
	                        "S: /shared/\r\n a)", "S: $a OK")),
	         "/shared/b value a; done; ", NULL, NULL},
		{"nonsense",
	         SCRIPTS(SCRIPT(ALL, "S: * METADATA \"b x\" (/shared/b a /shared/c)",
	                        "S: $a OK")),
	         "error PROTOCOL; ", NULL, NULL},
		{"of the server",
	         SCRIPTS(SCRIPT(HELLO, "C: a GETMETADATA (DEPTH infinity) \"\" (/private /shared)",
	                        "S: * METADATA \"\" (/shared/admin a)", "S: $a OK")),
	         "/shared/admin value a; done; ", "", NULL},
		{"refused", SCRIPTS(SCRIPT(ALL, "S: $a NO [NOPERM] no")), "error DENIED; ", NULL,
	         NULL},
		{"not offered", SCRIPTS(SCRIPT(NONE_HELLO)), "error UNSUPPORTED; ", NULL, NULL},
		{"lost, and repeated",
	         SCRIPTS(SCRIPT(ALL, "S: * METADATA \"b x\" (/shared/a a)", "DROP"),
	                 SCRIPT(ALL, "S: * METADATA \"b x\" (/shared/b a)", "S: $a OK")),
	         "/shared/b value a; done; ", NULL, NULL},
		{"nobody there", SCRIPTS(SCRIPT("DROP")), "error OFFLINE; ", NULL, NULL},
	};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++)
		check_all(&rows[i / 2], i % 2);
}

/* Values that do not fit are passed over. */
static void
test_all_with_long_values(void)
{
	const Row row = {"long values",
	                 SCRIPTS(SCRIPT(ALL, "s: * METADATA \"b x\" (/shared/a {1000000}\r\n",
	                                "MANY 1000000 x", "s:  /shared/b {2000000}\r\n",
	                                "MANY 2000000 y", "s:  /shared/c {1000}\r\n", "MANY 1000 z",
	                                "S:  /shared/d x)", "S: $a OK")),
	                 "/shared/a long; /shared/b long; /shared/c value of 1000; /shared/d value x; done; ", NULL, NULL};

	check_all(&row, 0);
}

static void
check_n_entries(guint n, const char *expected_start)
{
	g_autoptr(GString) line = g_string_new("S: * METADATA \"b x\" (");
	RemoteFixture fixture;
	g_autoptr(Record) record = NULL;

	for (guint i = 0; i < n; i++)
		g_string_append_printf(line, "/shared/%04u \"\" ", i);
	g_string_append(line, ")");
	fixture = remote_fixture_new(
		"many names", SCRIPTS(SCRIPT(ALL, line->str, line->str, "S: $a OK")), 1, 0);
	record = record_all_metadata(&fixture, "b x");
	WAIT_UNTIL("many names", record->done);
	g_assert_true(g_str_has_prefix(record->log->str, expected_start));
	remote_fixture_free(&fixture);
}

static void
test_many_entries(void)
{
	check_n_entries(1000, "/shared/0000 value ; /shared/0001 value ; ");
	check_n_entries(1001, "error TOO_BIG; ");
}

/* --- setting --- */

#define SET(value) HELLO, "C: a SETMETADATA \"b x\" (\"/shared/comment\" " value
#define SET_BINARY                                                                                 \
	"S: * PREAUTH [CAPABILITY IMAP4rev1 METADATA LITERAL+ BINARY] hello",                      \
		"C: a SETMETADATA \"b x\" (\"/shared/comment\" ~{3+}"

static void
check_set(const char *label, const char *const *const *scripts, const char *value, gssize length,
          const char *expected)
{
	RemoteFixture fixture = remote_fixture_new(label, scripts, 1, 0);
	g_autoptr(GBytes) bytes =
		value ? g_bytes_new(value, length < 0 ? strlen(value) : (gsize)length) : NULL;
	g_autoptr(Record) record = record_set_metadata(&fixture, "b x", "/shared/comment", bytes);

	record_check(record, expected);
	remote_fixture_free(&fixture);
}

static void
test_set(void)
{
	const struct {
		const char *label;
		const char *const *const *scripts;
		const char *value;
		gssize length; /* -1: up to its NUL */
		const char *expected;
	} rows[] = {
		{"quoted", SCRIPTS(SCRIPT(SET("\"a \\\"b\\\\\")"), "S: $a OK")), "a \"b\\", -1,
	         "done; "},
		{"empty", SCRIPTS(SCRIPT(SET("\"\")"), "S: $a OK")), "", 0, "done; "},
		{"removed", SCRIPTS(SCRIPT(SET("NIL)"), "S: $a OK")), NULL, 0, "done; "},
		{"two lines", SCRIPTS(SCRIPT(SET("{4+}"), "c: a", "c: b)", "S: $a OK")), "a\r\nb",
	         -1, "done; "},
		{"not ASCII, and the server is asked first",
	         SCRIPTS(SCRIPT(BARE_HELLO, "C: a SETMETADATA \"b x\" (\"/shared/comment\" {2}",
	                        "S: +", "c: \xc3\xa9)", "S: $a OK")),
	         "\xc3\xa9", -1, "done; "},
		{"NUL", SCRIPTS(SCRIPT(SET_BINARY, "B: 6", "S: $a OK")), "a\0b", 3, "done; "},
		{"NUL, refused", SCRIPTS(SCRIPT(SET_BINARY, "B: 6", "S: $a NO [CANNOT] no NUL")),
	         "a\0b", 3, "error USAGE; "},
		{"NUL, and nothing is sent", SCRIPTS(SCRIPT(HELLO)), "a\0b", 3, "error USAGE; "},
		{"refused",
	         SCRIPTS(SCRIPT(SET("\"a\")"), "S: $a NO [METADATA MAXSIZE 1024] too long")), "a",
	         -1, "error TOO_BIG; "},
		{"too many", SCRIPTS(SCRIPT(SET("\"a\")"), "S: $a NO [METADATA TOOMANY] no")), "a",
	         -1, "error LIMIT; "},
		{"over quota", SCRIPTS(SCRIPT(SET("\"a\")"), "S: $a NO [OVERQUOTA] no")), "a", -1,
	         "error QUOTA; "},
		{"no such mailbox", SCRIPTS(SCRIPT(SET("\"a\")"), "S: $a NO [NONEXISTENT] no")),
	         "a", -1, "error NOT_FOUND; "},
		{"refused before it was sent",
	         SCRIPTS(SCRIPT(BARE_HELLO, "C: a SETMETADATA \"b x\" (\"/shared/comment\" {2}",
	                        "S: $a NO [NOPERM] no")),
	         "\xc3\xa9", -1, "error DENIED; "},
		{"not offered", SCRIPTS(SCRIPT(NONE_HELLO)), "a", -1, "error UNSUPPORTED; "},
		{"repeated",
	         SCRIPTS(SCRIPT(SET("\"a\")"), "DROP"), SCRIPT(SET("\"a\")"), "S: $a OK")), "a", -1,
	         "done; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_set(rows[i].label, rows[i].scripts, rows[i].value, rows[i].length,
		          rows[i].expected);
}

static void
test_set_large(void)
{
	g_autofree char *value = g_strnfill(MIB + 1, 'x');

	check_set("1 MiB", SCRIPTS(SCRIPT(SET("{1048576}"), "S: +", "B: 1048579", "S: $a OK")),
	          value, MIB, "done; ");
	check_set("more", SCRIPTS(NULL), value, MIB + 1, "error TOO_BIG; ");
}

static void
test_read_only(void)
{
	RemoteFixture fixture = remote_fixture_new_read_only("read-only");
	g_autoptr(Record) record = record_set_metadata(&fixture, "x", "/shared/comment", NULL);

	record_check(record, "error READ_ONLY; ");
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 0);
	remote_fixture_free(&fixture);
}

/* Slow but sure is no silence. */
static void
test_slow(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"slow",
		SCRIPTS(SCRIPT(HELLO, "C: a GETMETADATA (DEPTH *", "WAIT 300",
	                       "S: * METADATA x (/shared/a 1)", "WAIT 300",
	                       "S: * METADATA x (/shared/b 1)", "WAIT 300",
	                       "S: * METADATA x (/shared/c 1)", "WAIT 300", "S: $a OK")),
		1, 700 * 1000);
	g_autoptr(Record) all = record_all_metadata(&fixture, "x");

	record_check(all, "/shared/a value 1; /shared/b value 1; /shared/c value 1; done; ");
	remote_fixture_free(&fixture);
}

/* What is said of other mailboxes is no answer. */
static void
test_trickle(void)
{
	RemoteFixture fixture =
		remote_fixture_new("trickle",
	                           SCRIPTS(SCRIPT(HELLO, "C: a GETMETADATA *",
	                                          "TRICKLE 50 * METADATA y (/shared/a 1)")),
	                           1, 300 * 1000);
	g_autoptr(Record) all = record_all_metadata(&fixture, "x");

	record_check(all, "error TIMED_OUT; ");
	remote_fixture_free(&fixture);
}

/* In one round trip, each with its own answer. */
static void
test_together(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"together",
		SCRIPTS(SCRIPT(HELLO, "C: a GETMETADATA *", "C: b GETMETADATA *",
	                       "C: c GETMETADATA *", "S: * METADATA y (/shared/a 3)",
	                       "S: * METADATA x (/shared/b 2)", "S: * METADATA x (/shared/a 1)",
	                       "S: $c OK", "S: $b OK", "S: $a OK")),
		1, 0);
	g_autoptr(Record) first = record_metadata(&fixture, "x", "/shared/a");
	g_autoptr(Record) second = record_metadata(&fixture, "x", "/shared/b");
	g_autoptr(Record) third = record_metadata(&fixture, "y", "/shared/a");

	record_check(first, "value 1; ");
	record_check(second, "value 2; ");
	record_check(third, "value 3; ");
	remote_fixture_free(&fixture);
}

/* What one has asked for all hear, in whatever order it comes. */
static void
test_overheard(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"overheard",
		SCRIPTS(SCRIPT(HELLO, "C: a GETMETADATA (MAXSIZE *", "C: b GETMETADATA (DEPTH *",
	                       "C: c GETMETADATA (MAXSIZE *", "S: * METADATA x (/shared/a \"1\")",
	                       "S: $a OK", "s: * METADATA x (/shared/a 1 /shared/b {1048577}\r\n",
	                       "MANY 1048577 x", "S: )", "S: $b OK",
	                       "S: * METADATA x (/shared/b \"2\")", "S: $c OK")),
		1, 0);
	g_autoptr(Record) first = record_metadata(&fixture, "x", "/shared/a");
	g_autoptr(Record) all = record_all_metadata(&fixture, "x");
	g_autoptr(Record) last = record_metadata(&fixture, "x", "/shared/b");

	record_check(first, "value 1; ");
	record_check(all, "/shared/a value 1; /shared/b long; done; ");
	record_check(last, "value 2; ");
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-metadata/value", test_value);
	g_test_add_func("/remote-metadata/binary", test_binary);
	g_test_add_func("/remote-metadata/sizes", test_sizes);
	g_test_add_func("/remote-metadata/entries", test_entries);
	g_test_add_func("/remote-metadata/names", test_all);
	g_test_add_func("/remote-metadata/names-of-long-values", test_all_with_long_values);
	g_test_add_func("/remote-metadata/many-names", test_many_entries);
	g_test_add_func("/remote-metadata/set", test_set);
	g_test_add_func("/remote-metadata/set-large", test_set_large);
	g_test_add_func("/remote-metadata/read-only", test_read_only);
	g_test_add_func("/remote-metadata/slow", test_slow);
	g_test_add_func("/remote-metadata/trickle", test_trickle);
	g_test_add_func("/remote-metadata/together", test_together);
	g_test_add_func("/remote-metadata/overheard", test_overheard);
	return g_test_run();
}
