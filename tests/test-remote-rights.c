/*
 * test-remote-rights.c: the rights to a mailbox, asked for and set.
 */
#include "details-recorder.h"

typedef struct {
	const char *label;
	const char *const *const *scripts;
	const char *expected;
	const char *mailbox; /* NULL: "b x" */
} Row;

static void
check(const Row *rows, guint n_rows, Record *(*begin)(RemoteFixture *, const char *))
{
	for (guint i = 0; i < 2 * n_rows; i++) {
		const Row *row = &rows[i / 2];
		RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_split(fixture.server, i % 2);
		record = begin(&fixture, row->mailbox ? row->mailbox : "b x");
		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

#define HELLO      "S: * PREAUTH [CAPABILITY IMAP4rev1 ACL RIGHTS=kxte LITERAL+] hello"
#define BARE_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"
#define MYRIGHTS   HELLO, "C: a MYRIGHTS \"b x\""
#define GETACL     HELLO, "C: a GETACL \"b x\""

static void
test_rights(void)
{
	const Row rows[] = {
		{"all", SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS \"b x\" lrswipkxtea", "S: $a OK")),
	         "text lrswipkxtea; ", NULL},
		{"none", SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS {3}", "S: b x \"\"", "S: $a OK")),
	         "text ; ", NULL},
		{"of another mailbox",
	         SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS b lrs", "S: * MYRIGHTS \"B x\" lrs",
	                        "S: $a OK")),
	         "error PROTOCOL; ", NULL},
		{"and of another one",
	         SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS \"b x\" l", "S: * MYRIGHTS b lrs",
	                        "S: $a OK")),
	         "text l; ", NULL},
		{"INBOX, however it is written",
	         SCRIPTS(SCRIPT(HELLO, "C: a MYRIGHTS \"inbox\"", "S: * MYRIGHTS INBOX l",
	                        "S: $a OK")),
	         "text l; ", "inbox"},
		{"not ASCII",
	         SCRIPTS(SCRIPT(HELLO, "C: a MYRIGHTS {2+}", "c: \xc3\xa9",
	                        "S: * MYRIGHTS \"\xc3\xa9\" l", "S: $a OK")),
	         "text l; ", "\xc3\xa9"},
		{"nonsense",
	         SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS", "S: * MYRIGHTS \"b x\"",
	                        "S: * MYRIGHTS \"b x\" (l)", "S: * MYRIGHTS \"b x\" \"l r\"",
	                        "S: * MYRIGHTS \"b x\" \xc3\xa9", "S: * MYRIGHTS (\"b x\") l",
	                        "S: $a OK")),
	         "error PROTOCOL; ", NULL},
		{"longer than there are letters",
	         SCRIPTS(SCRIPT(
			 MYRIGHTS,
			 "S: * MYRIGHTS \"b x\" "
			 "lrswipkxtealrswipkxtealrswipkxtealrswipkxtealrswipkxtealrswipkxtea",
			 "S: $a OK")),
	         "error PROTOCOL; ", NULL},
		{"refused", SCRIPTS(SCRIPT(MYRIGHTS, "S: $a NO [NOPERM] no")), "error DENIED; ",
	         NULL},
		{"no such mailbox",
	         SCRIPTS(SCRIPT(MYRIGHTS, "S: $a NO Mailbox doesn't exist: b x")),
	         "error NOT_FOUND; ", NULL},
		{"not offered", SCRIPTS(SCRIPT(BARE_HELLO)), "error UNSUPPORTED; ", NULL},
		{"lost, and repeated",
	         SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS \"b x\" lr", "DROP"),
	                 SCRIPT(MYRIGHTS, "S: * MYRIGHTS \"b x\" l", "S: $a OK")),
	         "text l; ", NULL},
		{"lost, and repeated without an answer",
	         SCRIPTS(SCRIPT(MYRIGHTS, "S: * MYRIGHTS \"b x\" lr", "DROP"),
	                 SCRIPT(MYRIGHTS, "S: $a OK")),
	         "error PROTOCOL; ", NULL},
		{"nobody there", SCRIPTS(SCRIPT("DROP")), "error OFFLINE; ", NULL},
	};

	check(rows, G_N_ELEMENTS(rows), record_rights);
}

static void
test_acl(void)
{
	const Row rows[] = {
		{"several",
	         SCRIPTS(SCRIPT(
			 GETACL,
			 "S: * ACL \"b x\" alice lrswipkxtea -bob w anyone \"\" \"a group\" lr "
			 "{8}",
			 "S: \xc3\xa9 a\n\xe2\x80\xae l", "S: $a OK")),
	         "text alice lrswipkxtea|-bob w|anyone \"\"|a group lr|\xc3\xa9 "
	         "a\xef\xbf\xbd\xef\xbf\xbd l; ",
	         NULL},
		{"no text",
	         SCRIPTS(SCRIPT(GETACL, "S: * ACL \"b x\" \"\" l \"a\xff\xc3\" r", "S: $a OK")),
	         "text \xef\xbf\xbd l|a\xef\xbf\xbd\xef\xbf\xbd r; ", NULL},
		{"nobody", SCRIPTS(SCRIPT(GETACL, "S: * ACL \"b x\"", "S: $a OK")), "text ; ",
	         NULL},
		{"twice: the last counts",
	         SCRIPTS(SCRIPT(GETACL, "S: * ACL \"b x\" a l b r", "S: * ACL \"b x\" c l",
	                        "S: $a OK")),
	         "text c l; ", NULL},
		{"of another mailbox", SCRIPTS(SCRIPT(GETACL, "S: * ACL b a l", "S: $a OK")),
	         "error PROTOCOL; ", NULL},
		{"nonsense",
	         SCRIPTS(SCRIPT(GETACL, "S: * ACL", "S: * ACL (", "S: * ACL \"b x\" a",
	                        "S: * ACL \"b x\" a l b", "S: * ACL \"b x\" a (l)",
	                        "S: * ACL \"b x\" (a l)", "S: * ACL \"b x\" a +l", "S: $a OK")),
	         "error PROTOCOL; ", NULL},
		{"refused", SCRIPTS(SCRIPT(GETACL, "S: $a NO [NOPERM] no")), "error DENIED; ",
	         NULL},
		{"not offered", SCRIPTS(SCRIPT(BARE_HELLO)), "error UNSUPPORTED; ", NULL},
	};

	check(rows, G_N_ELEMENTS(rows), record_acl);
}

/* As long as one that can be sent: nothing of it is left out. Longer: that shows. */
static void
test_long_identifier(void)
{
	for (gsize length = 900; length <= 901; length++) {
		g_autofree char *name = g_strnfill(length, 'x');
		g_autofree char *line = g_strdup_printf("S: * ACL \"b x\" %s l", name);
		g_autofree char *expected =
			g_strdup_printf("text %s%s l; ", name, length > 900 ? "\xef\xbf\xbd" : "");
		RemoteFixture fixture =
			remote_fixture_new("long", SCRIPTS(SCRIPT(GETACL, line, "S: $a OK")), 1, 0);
		g_autoptr(Record) record = record_acl(&fixture, "b x");

		record_check(record, expected);
		remote_fixture_free(&fixture);
	}
}

static void
check_many_identifiers(guint n, const char *expected_start)
{
	g_autoptr(GString) line = g_string_new("S: * ACL \"b x\"");
	RemoteFixture fixture;
	g_autoptr(Record) record = NULL;

	for (guint i = 0; i < n; i++)
		g_string_append_printf(line, " user%u lr", i);
	fixture = remote_fixture_new("many identifiers",
	                             SCRIPTS(SCRIPT(GETACL, line->str, "S: $a OK")), 1, 0);
	record = record_acl(&fixture, "b x");
	WAIT_UNTIL("many identifiers", record->done);
	g_assert_true(g_str_has_prefix(record->log->str, expected_start));
	remote_fixture_free(&fixture);
}

static void
test_many_identifiers(void)
{
	check_many_identifiers(1000, "text user0 lr|user1 lr|");
	check_many_identifiers(1001, "error TOO_BIG; ");
}

/* --- setting --- */

typedef struct {
	const char *label;
	const char *const *const *scripts; /* of "b x" */
	const char *expected;
	const char *identifier, *rights;
} SetRow;

#define SET(identifier, rights)                                                                    \
	SCRIPTS(SCRIPT(HELLO, "C: a SETACL \"b x\" " identifier " " rights, "S: $a OK"))
#define NOTHING SCRIPTS(NULL)

static void
test_set(void)
{
	g_autofree char *long_name = g_strnfill(901, 'x'), *many_rights = g_strnfill(65, 'l');
	const SetRow rows[] = {
		{"set", SET("\"bob\"", "\"lrs\""), "done; ", "bob", "lrs"},
		{"added", SET("\"bob\"", "\"+w0\""), "done; ", "bob", "+w0"},
		{"taken away", SET("\"-bob\"", "\"-w\""), "done; ", "-bob", "-w"},
		{"none", SET("\"a \\\"b\\\\\"", "\"\""), "done; ", "a \"b\\", ""},
		{"not ASCII",
	         SCRIPTS(SCRIPT(HELLO, "C: a SETACL \"b x\" {2+}", "c: \xc3\xa9 \"l\"",
	                        "S: $a OK")),
	         "done; ", "\xc3\xa9", "l"},
		{"removed", SCRIPTS(SCRIPT(HELLO, "C: a DELETEACL \"b x\" \"bob\"", "S: $a OK")),
	         "done; ", "bob", NULL},
		{"no identifier", NOTHING, "error USAGE; ", "", "l"},
		{"a line break", NOTHING, "error USAGE; ", "a\r\nb LOGOUT", "l"},
		{"a control character", NOTHING, "error USAGE; ", "a\x7f", "l"},
		{"not UTF-8", NOTHING, "error USAGE; ", "\xff", "l"},
		{"could not be told", NOTHING, "error USAGE; ", "a\xef\xbf\xbd", NULL},
		{"too long", NOTHING, "error USAGE; ", long_name, "l"},
		{"no rights", NOTHING, "error USAGE; ", "bob", "l r"},
		{"no rights either", NOTHING, "error USAGE; ", "bob", "++l"},
		{"rights on two lines", NOTHING, "error USAGE; ", "bob", "l\r\n"},
		{"rights beyond ASCII", NOTHING, "error USAGE; ", "bob", "\xc3\xa9"},
		{"too many rights", NOTHING, "error USAGE; ", "bob", many_rights},
		{"no identifier to remove", NOTHING, "error USAGE; ", "", NULL},
		{"not offered", SCRIPTS(SCRIPT(BARE_HELLO)), "error UNSUPPORTED; ", "bob", "l"},
		{"refused",
	         SCRIPTS(SCRIPT(HELLO, "C: a SETACL \"b x\" \"bob\" \"l\"",
	                        "S: $a NO [NOPERM] no")),
	         "error DENIED; ", "bob", "l"},
		{"repeated",
	         SCRIPTS(SCRIPT(HELLO, "C: a SETACL \"b x\" \"bob\" \"l\"", "DROP"),
	                 SCRIPT(HELLO, "C: a SETACL \"b x\" \"bob\" \"l\"", "S: $a OK")),
	         "done; ", "bob", "l"},
		{"repeated once",
	         SCRIPTS(SCRIPT(HELLO, "C: a SETACL \"b x\" \"bob\" \"l\"", "DROP"),
	                 SCRIPT(HELLO, "C: a SETACL \"b x\" \"bob\" \"l\"", "DROP")),
	         "error OFFLINE; ", "bob", "l"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		RemoteFixture fixture = remote_fixture_new(rows[i].label, rows[i].scripts, 1, 0);
		g_autoptr(Record) record =
			record_set_acl(&fixture, "b x", rows[i].identifier, rows[i].rights);

		record_check(record, rows[i].expected);
		remote_fixture_free(&fixture);
	}
}

static void
test_read_only(void)
{
	RemoteFixture fixture = remote_fixture_new_read_only("read-only");
	g_autoptr(Record) record = record_set_acl(&fixture, "x", "bob", "l");
	g_autoptr(Record) removed = record_set_acl(&fixture, "x", "bob", NULL);

	record_check(record, "error READ_ONLY; ");
	record_check(removed, "error READ_ONLY; ");
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 0);
	remote_fixture_free(&fixture);
}

/* What comes bit by bit, to several at once, is no silence. */
static void
test_slow(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"slow",
		SCRIPTS(SCRIPT(HELLO, "C: a MYRIGHTS \"x\"", "C: b GETACL \"x\"", "WAIT 300",
	                       "S: * MYRIGHTS x l", "WAIT 300", "S: * ACL x b l", "WAIT 300",
	                       "S: * ACL x b lr", "WAIT 300", "S: $b OK", "S: $a OK")),
		1, 700 * 1000);
	g_autoptr(Record) rights = record_rights(&fixture, "x");
	g_autoptr(Record) acl = record_acl(&fixture, "x");

	record_check(rights, "text l; ");
	record_check(acl, "text b lr; ");
	remote_fixture_free(&fixture);
}

/* In one round trip, each with its own answer. */
static void
test_together(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"together",
		SCRIPTS(SCRIPT(HELLO, "C: a MYRIGHTS \"x\"", "C: b MYRIGHTS \"y\"",
	                       "C: c GETACL \"x\"", "C: d GETACL \"y\"", "S: * MYRIGHTS y lr",
	                       "S: * ACL y a l", "S: * MYRIGHTS x l", "S: * ACL x b l", "S: $d OK",
	                       "S: $c OK", "S: $b OK", "S: $a OK")),
		1, 0);
	g_autoptr(Record) rights = record_rights(&fixture, "x");
	g_autoptr(Record) others = record_rights(&fixture, "y");
	g_autoptr(Record) acl = record_acl(&fixture, "x");
	g_autoptr(Record) other = record_acl(&fixture, "y");

	record_check(rights, "text l; ");
	record_check(others, "text lr; ");
	record_check(acl, "text b l; ");
	record_check(other, "text a l; ");
	remote_fixture_free(&fixture);
}

/* Even if the Remote is freed before. */
static void
test_freed(void)
{
	RemoteFixture fixture = remote_fixture_new("freed", SCRIPTS(NULL), 1, 0);
	g_autoptr(Record) refused = record_set_acl(&fixture, "x", "", "l");
	g_autoptr(Record) asked = record_rights(&fixture, "x");

	remote_fixture_free(&fixture);
	record_check(refused, "error USAGE; ");
	record_check(asked, "error INTERRUPTED; ");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-rights/rights", test_rights);
	g_test_add_func("/remote-rights/acl", test_acl);
	g_test_add_func("/remote-rights/long-identifier", test_long_identifier);
	g_test_add_func("/remote-rights/many-identifiers", test_many_identifiers);
	g_test_add_func("/remote-rights/set", test_set);
	g_test_add_func("/remote-rights/read-only", test_read_only);
	g_test_add_func("/remote-rights/slow", test_slow);
	g_test_add_func("/remote-rights/together", test_together);
	g_test_add_func("/remote-rights/freed", test_freed);
	return g_test_run();
}
