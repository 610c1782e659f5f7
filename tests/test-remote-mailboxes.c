/*
 * test-remote-mailboxes.c: mailboxes made, renamed and removed, names that cannot be, read-only
 * mounts, and what a Remote tells of the server's abilities.
 */
#include "change-recorder.h"

typedef struct {
	const char *label;
	const char *const *script; /* NULL: no connection */
	const char *expected;
	RemoteMailboxName name;
} NameRow;

/* --- names --- */

/* The name is known before there is a mailbox of it. */
static void
check_mailbox_name(RemoteFixture *fixture, const NameRow *row)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *name =
		fixture->remote->operations->mailbox_name(fixture->remote, &row->name, &error);
	g_autofree char *expected = g_strdup_printf("done %s; ", name);

	if (g_str_has_prefix(row->expected, "done "))
		g_assert_cmpstr(row->expected, ==, expected);
	g_assert_true(!name == !!error);
	g_assert_cmpint(g_str_equal(row->expected, "error USAGE; "), ==, error != NULL);
	g_assert_true(!error || g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE));
}

static void
check_names(const NameRow *rows, guint n_rows, const char *renamed)
{
	for (guint i = 0; i < n_rows; i++) {
		const NameRow *row = &rows[i];
		RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
		g_autoptr(Record) record = renamed ? record_rename(&fixture, renamed, &row->name)
		                                   : record_create(&fixture, &row->name);

		record_check(record, row->expected);
		check_mailbox_name(&fixture, row);
		remote_fixture_free(&fixture);
	}
}

#define CREATE(name) SCRIPT(WRITE_HELLO, "C: a CREATE " name, "S: $a OK")

static void
test_create(void)
{
	const NameRow rows[] = {
		{"at the top", CREATE("\"a\""), "done a; ", {NULL, '/', "a", NULL}},
		{"below", CREATE("\"x/a\""), "done x/a; ", {"x", '/', "a", NULL}},
		{"below, by a dot",
	         CREATE("\"INBOX.a/b\""),
	         "done INBOX.a/b; ",
	         {"INBOX", '.', "a/b", NULL}},
		{"no levels", CREATE("\"a/b\""), "done a/b; ", {NULL, 0, "a/b", NULL}},
		{"not ASCII, below what is encoded already",
	         CREATE("\"Entw&APw-rfe/Stra&AN8-e\""),
	         "done Entw&APw-rfe/Stra&AN8-e; ",
	         {"Entw&APw-rfe", '/',
	          "Stra\xc3\x9f"
	          "e",
	          NULL}},
		{"an ampersand", CREATE("\"a &- b\""), "done a &- b; ", {NULL, '/', "a & b", NULL}},
		{"quotes", CREATE("\"a\\\"b\\\\\""), "done a\"b\\; ", {NULL, '/', "a\"b\\", NULL}},
		{"the server's bytes",
	         SCRIPT(WRITE_HELLO, "C: a CREATE {2+}", "c: \xc3\xa9", "S: $a OK"),
	         "done \xc3\xa9; ",
	         {NULL, 0, NULL, "\xc3\xa9"}},
		{"above it the server's bytes",
	         SCRIPT(BARE_HELLO, "C: a CREATE {4}", "S: +", "c: \xc3\xa9/a", "S: $a OK"),
	         "done \xc3\xa9/a; ",
	         {"\xc3\xa9", '/', "a", NULL}},
		{"a line break in the server's bytes breaks nothing",
	         SCRIPT(WRITE_HELLO, "C: a CREATE {12+}", "c: a", "c: x LOGOUT/b", "S: $a OK"),
	         "done a\nx LOGOUT/b; ",
	         {"a\nx LOGOUT", '/', "b", NULL}},
		{"the delimiter", NULL, "error USAGE; ", {"x", '/', "a/b", NULL}},
		{"the delimiter, by the encoding",
	         NULL,
	         "error USAGE; ",
	         {"x", '&', "\xc3\xa9", NULL}},
		{"a line break", NULL, "error USAGE; ", {NULL, '/', "a\r\nb", NULL}},
		{"a control character", NULL, "error USAGE; ", {NULL, '/', "a\x7f", NULL}},
		{"another control character",
	         NULL,
	         "error USAGE; ",
	         {NULL, '/', "a\xc2\x85", NULL}},
		{"nothing", NULL, "error USAGE; ", {"x", '/', "", NULL}},
		{"not UTF-8", NULL, "error USAGE; ", {NULL, '/', "\xff", NULL}},
		{"below, without levels", NULL, "error USAGE; ", {"x", 0, "a", NULL}},
		{"there already",
	         SCRIPT(WRITE_HELLO, "C: a CREATE \"a\"", "S: $a NO [ALREADYEXISTS] x"),
	         "error EXISTS; ",
	         {NULL, '/', "a", NULL}},
		{"there already, in words",
	         SCRIPT(WRITE_HELLO, "C: a CREATE \"a\"", "S: $a NO Mailbox already exists"),
	         "error EXISTS; ",
	         {NULL, '/', "a", NULL}},
		{"not allowed",
	         SCRIPT(WRITE_HELLO, "C: a CREATE \"a\"", "S: $a NO [NOPERM] x"),
	         "error DENIED; ",
	         {NULL, '/', "a", NULL}},
		{"not possible",
	         SCRIPT(WRITE_HELLO, "C: a CREATE \"a\"", "S: $a NO [CANNOT] x"),
	         "error DENIED; ",
	         {NULL, '/', "a", NULL}},
		{"lost",
	         SCRIPT(WRITE_HELLO, "C: a CREATE \"a\"", "DROP"),
	         "error UNKNOWN; ",
	         {NULL, '/', "a", NULL}},
	};

	check_names(rows, G_N_ELEMENTS(rows), NULL);
}

static void
test_rename(void)
{
	const NameRow rows[] = {
		{"done",
	         SCRIPT(WRITE_HELLO, "C: a RENAME \"old &-\" \"x/&AOk-\"", "S: $a OK"),
	         "done x/&AOk-; ",
	         {"x", '/', "\xc3\xa9", NULL}},
		{"to the server's bytes",
	         SCRIPT(WRITE_HELLO, "C: a RENAME \"old &-\" \"&\"", "S: $a OK"),
	         "done &; ",
	         {NULL, 0, NULL, "&"}},
		{"gone",
	         SCRIPT(WRITE_HELLO, "C: a RENAME \"old &-\" \"a\"", "S: $a NO [NONEXISTENT] x"),
	         "error NOT_FOUND; ",
	         {NULL, '/', "a", NULL}},
		{"there already",
	         SCRIPT(WRITE_HELLO, "C: a RENAME \"old &-\" \"a\"", "S: $a NO [ALREADYEXISTS] x"),
	         "error EXISTS; ",
	         {NULL, '/', "a", NULL}},
		{"lost",
	         SCRIPT(WRITE_HELLO, "C: a RENAME \"old &-\" \"a\"", "DROP"),
	         "error UNKNOWN; ",
	         {NULL, '/', "a", NULL}},
		{"no name", NULL, "error USAGE; ", {NULL, '/', "a/", NULL}},
	};

	check_names(rows, G_N_ELEMENTS(rows), "old &-");
}

/* --- delete, subscribe --- */

typedef struct {
	const char *label;
	const char *const *const *scripts;
	const char *expected;
} DeleteRow;

static void
test_delete(void)
{
	const DeleteRow rows[] = {
		{"done", SCRIPTS(SCRIPT(WRITE_HELLO, "C: a DELETE \"b \\\"c\"", "S: $a OK")),
	         "done; "},
		{"gone",
	         SCRIPTS(SCRIPT(WRITE_HELLO, "C: a DELETE \"b \\\"c\"",
	                        "S: $a NO [NONEXISTENT] x")),
	         "error NOT_FOUND; "},
		{"others below it",
	         SCRIPTS(SCRIPT(WRITE_HELLO, "C: a DELETE \"b \\\"c\"",
	                        "S: $a NO [HASCHILDREN] x")),
	         "error EXISTS; "},
		{"lost", SCRIPTS(SCRIPT(WRITE_HELLO, "C: a DELETE \"b \\\"c\"", "DROP")),
	         "error UNKNOWN; "},
		{"nobody there", SCRIPTS(SCRIPT("DROP")), "error OFFLINE; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		RemoteFixture fixture = remote_fixture_new(rows[i].label, rows[i].scripts, 1, 0);
		g_autoptr(Record) record = record_delete(&fixture, "b \"c");

		record_check(record, rows[i].expected);
		remote_fixture_free(&fixture);
	}
}

static void
test_subscribe(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"subscribe",
		SCRIPTS(SCRIPT(WRITE_HELLO, "C: a SUBSCRIBE \"x\"", "DROP"),
	                SCRIPT(WRITE_HELLO, "C: a SUBSCRIBE \"x\"", "S: $a OK",
	                       "C: a UNSUBSCRIBE \"x\"", "S: $a NO [NONEXISTENT] no")),
		1, 0);
	g_autoptr(Record) first = record_subscribe(&fixture, "x", TRUE);
	g_autoptr(Record) second = NULL;

	record_check(first, "done; ");
	second = record_subscribe(&fixture, "x", FALSE);
	record_check(second, "error NOT_FOUND; ");
	remote_fixture_free(&fixture);
}

/* A session that has the mailbox open, or one that may be below it, opens the next one of that name
 * anew. */
static void
test_forgets(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"forgets",
		SCRIPTS(SCRIPT(WRITE_HELLO, OPEN_BOX, "C: b UID EXPUNGE 5", "S: $b OK",
	                       "C: a RENAME \"bo\" \"x\"", "S: $a OK", SELECT_BOX,
	                       "S: * OK [UIDVALIDITY 8]", "S: $a OK", "S: $n OK")),
		1, 0);
	const guint32 uid = 5;
	const RemoteExpunge expunge = {
		.mailbox = "box", .uidvalidity = 7, .uids = &uid, .n_uids = 1};
	const RemoteMailboxName name = {.component = "x"};
	g_autoptr(Record) first = record_expunge(&fixture, &expunge);
	g_autoptr(Record) second = NULL, third = NULL;

	record_check(first, "done; ");
	second = record_rename(&fixture, "bo", &name);
	record_check(second, "done x; ");
	third = record_expunge(&fixture, &expunge);
	record_check(third, "error STALE; ");
	remote_fixture_free(&fixture);
}

/* What waits for the old one to open is told whether it was carried out, and not that all is well
 * because there was nothing to be sent. */
static void
test_forgets_while_opening(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"forgets while opening",
		SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "C: d DELETE \"box\"",
	                       "S: * OK [UIDVALIDITY 7]", "S: $a OK", "S: $d OK", "S: $n OK",
	                       "C: b UID EXPUNGE 5", "S: $b NO [NONEXISTENT] gone")),
		1, 0);
	const guint32 uid = 5;
	const RemoteExpunge expunge = {
		.mailbox = "box", .uidvalidity = 7, .uids = &uid, .n_uids = 1};
	g_autoptr(Record) expunged = record_expunge(&fixture, &expunge);
	g_autoptr(Record) deleted = record_delete(&fixture, "box");

	record_check(deleted, "done; ");
	record_check(expunged, "error NOT_FOUND; ");
	remote_fixture_free(&fixture);
}

/* --- read-only mounts --- */

static void
test_read_only(void)
{
	RemoteFixture fixture = remote_fixture_new_read_only("read-only");
	g_autoptr(GBytes) content = g_bytes_new_static("hi", 2);
	const guint32 uid = 5;
	const RemoteAppend append = {.mailbox = "box", .content = content};
	const RemoteTransfer transfer = {
		.from = "box", .from_uidvalidity = 7, .uids = &uid, .n_uids = 1, .to = "to"};
	const RemoteStore store = {.mailbox = "box",
	                           .uidvalidity = 7,
	                           .uids = &uid,
	                           .n_uids = 1,
	                           .sign = '+',
	                           .flags = "\\Seen"};
	const RemoteExpunge expunge = {
		.mailbox = "box", .uidvalidity = 7, .uids = &uid, .n_uids = 1};
	const RemoteMailboxName name = {.component = "a"};
	Record *records[] = {
		record_append(&fixture, &append), record_transfer(&fixture, &transfer),
		record_store(&fixture, &store),   record_expunge(&fixture, &expunge),
		record_create(&fixture, &name),   record_rename(&fixture, "b", &name),
		record_delete(&fixture, "b"),     record_subscribe(&fixture, "b", TRUE),
	};

	for (guint i = 0; i < G_N_ELEMENTS(records); i++) {
		record_check(records[i], "error READ_ONLY; ");
		record_free(records[i]);
	}
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 0);
	remote_fixture_free(&fixture);
}

/* What was refused is told even if the Remote is freed before. */
static void
test_freed(void)
{
	RemoteFixture fixture = remote_fixture_new("freed", SCRIPTS(NULL), 1, 0);
	const RemoteMailboxName name = {.component = ""};
	g_autoptr(Record) record = record_create(&fixture, &name);

	remote_fixture_free(&fixture);
	record_check(record, "error USAGE; ");
}

/* --- capabilities --- */

static void
test_capabilities(void)
{
	const struct {
		const char *const *script;
		RemoteCapabilities expected;
	} rows[] = {
		{SCRIPT(BARE_HELLO, "C: a UNSUBSCRIBE *", "S: $a OK"), REMOTE_KNOWN},
		{SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 move uidplus REPLACE] hello",
	                "C: a UNSUBSCRIBE *", "S: $a OK"),
	         REMOTE_KNOWN | REMOTE_MOVE | REMOTE_UIDPLUS | REMOTE_REPLACE},
		{SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev2 QRESYNC X-GM-EXT-1] hello",
	                "C: a UNSUBSCRIBE *", "S: $a OK"),
	         REMOTE_KNOWN | REMOTE_MOVE | REMOTE_UIDPLUS | REMOTE_CONDSTORE | REMOTE_GMAIL |
	                 REMOTE_IDLE},
		{SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 NOTIFY idle] hello",
	                "C: a UNSUBSCRIBE *", "S: $a OK"),
	         REMOTE_KNOWN | REMOTE_NOTIFY | REMOTE_IDLE},
		{SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 ACL RIGHTS=kxte METADATA QUOTA NOTIFY "
	                "IDLE] hello",
	                "C: a UNSUBSCRIBE *", "S: $a OK"),
	         REMOTE_KNOWN | REMOTE_ACL | REMOTE_METADATA | REMOTE_QUOTA | REMOTE_NOTIFY |
	                 REMOTE_IDLE},
		{SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 METADATA-SERVER QUOTA=RES-STORAGE] "
	                "hello",
	                "C: a UNSUBSCRIBE *", "S: $a OK"),
	         REMOTE_KNOWN | REMOTE_METADATA | REMOTE_QUOTA},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		RemoteFixture fixture =
			remote_fixture_new("capabilities", SCRIPTS(rows[i].script), 1, 0);
		const RemoteOperations *operations = fixture.remote->operations;
		g_autoptr(Record) record = NULL;

		g_assert_cmpuint(operations->capabilities(fixture.remote), ==, 0);
		record = record_subscribe(&fixture, "x", FALSE);
		record_check(record, "done; ");
		g_assert_cmpuint(operations->capabilities(fixture.remote), ==, rows[i].expected);
		remote_fixture_free(&fixture);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-mailboxes/create", test_create);
	g_test_add_func("/remote-mailboxes/rename", test_rename);
	g_test_add_func("/remote-mailboxes/delete", test_delete);
	g_test_add_func("/remote-mailboxes/subscribe", test_subscribe);
	g_test_add_func("/remote-mailboxes/forgets", test_forgets);
	g_test_add_func("/remote-mailboxes/forgets-while-opening", test_forgets_while_opening);
	g_test_add_func("/remote-mailboxes/read-only", test_read_only);
	g_test_add_func("/remote-mailboxes/freed", test_freed);
	g_test_add_func("/remote-mailboxes/capabilities", test_capabilities);
	return g_test_run();
}
