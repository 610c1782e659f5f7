/*
 * test-remote-details.c: what else is known of a message, and the quota of a mailbox.
 */
#include "details-recorder.h"

typedef struct {
	const char *label;
	const char *const *const *scripts;
	const char *expected;
} Row;

static void
check(const Row *rows, guint n_rows, Record *(*begin)(RemoteFixture *fixture))
{
	for (guint i = 0; i < 2 * n_rows; i++) {
		const Row *row = &rows[i / 2];
		RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_split(fixture.server, i % 2);
		record = begin(&fixture);
		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

/* --- details --- */

#define SELECT      "C: a SELECT \"box\""
#define OPENED      "S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK [READ-WRITE] done"
#define BARE        "S: * PREAUTH [CAPABILITY IMAP4rev1] hello", SELECT, "C: b UID FETCH 5 (UID FLAGS)"
#define RICH        "S: * PREAUTH [CAPABILITY IMAP4rev1 CONDSTORE OBJECTID] hello", SELECT, RICH_FETCH
#define GMAIL       "S: * PREAUTH [CAPABILITY IMAP4rev1 X-GM-EXT-1] hello", SELECT, GMAIL_FETCH
#define RICH_FETCH  "C: b UID FETCH 5 (UID FLAGS MODSEQ EMAILID THREADID)"
#define QUOTA_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 QUOTA] hello"
#define GMAIL_FETCH "C: b UID FETCH 5 (UID FLAGS X-GM-MSGID X-GM-THRID X-GM-LABELS)"

static Record *
begin_details(RemoteFixture *fixture)
{
	return record_details(fixture, "box", 7, 5);
}

static void
test_details(void)
{
	const Row rows[] = {
		{"flags alone",
	         SCRIPTS(SCRIPT(BARE, OPENED, "S: * 2 FETCH (UID 5 FLAGS (b \\SEEN a))",
	                        "S: $b OK")),
	         "modseq 0 [\\Seen a b]; "},
		{"all at once",
	         SCRIPTS(SCRIPT(RICH, OPENED,
	                        "S: * 2 FETCH (THREADID (T1) EMAILID (M-1_x) MODSEQ (12) FLAGS () "
	                        "UID 5)",
	                        "S: $b OK")),
	         "modseq 12 [] email M-1_x thread T1; "},
		{"in pieces, and news",
	         SCRIPTS(SCRIPT(RICH, OPENED, "S: * 2 FETCH (UID 5 FLAGS (a) MODSEQ (12))",
	                        "S: * 2 FETCH (UID 5 EMAILID (M1))",
	                        "S: * 1 FETCH (UID 4 FLAGS (x) EMAILID (M4))",
	                        "S: * 2 FETCH (FLAGS (y))",
	                        "S: * 2 FETCH (UID 5 FLAGS (b) MODSEQ (13))",
	                        "S: * 2 FETCH (UID 5 THREADID NIL)", "S: $b OK")),
	         "modseq 13 [b] email M1; "},
		{"not ids, and no numbers",
	         SCRIPTS(SCRIPT(RICH, OPENED,
	                        "S: * 2 FETCH (UID 5 EMAILID (\"a b\") THREADID (\"\") MODSEQ "
	                        "(9223372036854775808))",
	                        "S: * 2 FETCH (UID 5 EMAILID (()) THREADID {3}",
	                        "S: a/b MODSEQ (x) "
	                        "FLAGS ())",
	                        "S: $b OK")),
	         "modseq 0 []; "},
		{"of others only",
	         SCRIPTS(SCRIPT(BARE, OPENED, "S: * 1 FETCH (UID 4 FLAGS (x))",
	                        "S: * 2 FETCH (FLAGS (y))", "S: $b OK")),
	         "error STALE; "},
		{"gone", SCRIPTS(SCRIPT(BARE, OPENED, "S: $b OK")), "error STALE; "},
		{"gone, by a code", SCRIPTS(SCRIPT(BARE, OPENED, "S: $b NO [EXPUNGEISSUED] gone")),
	         "error STALE; "},
		{"empty, BAD",
	         SCRIPTS(SCRIPT(BARE, "S: * 0 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK",
	                        "S: $b BAD no such message")),
	         "error STALE; "},
		{"another mailbox",
	         SCRIPTS(SCRIPT(BARE, "S: * 2 EXISTS", "S: * OK [UIDVALIDITY 8] ok", "S: $a OK",
	                        "S: * 2 FETCH (UID 5 FLAGS ())", "S: $b OK")),
	         "error STALE; "},
		{"no mailbox",
	         SCRIPTS(SCRIPT(BARE, "S: $a NO [NONEXISTENT] no", "S: $b BAD what?")),
	         "error NOT_FOUND; "},
		{"lost, and repeated",
	         SCRIPTS(SCRIPT(RICH, OPENED, "S: * 2 FETCH (UID 5 FLAGS (a) EMAILID (M1))",
	                        "DROP"),
	                 SCRIPT(RICH, OPENED, "S: * 2 FETCH (UID 5 FLAGS (b))", "S: $b OK")),
	         "modseq 0 [b]; "},
		{"refused, then plainly",
	         SCRIPTS(SCRIPT(RICH, OPENED, "S: $b BAD what?", "C: c NOOP",
	                        "C: d UID FETCH 5 (UID FLAGS)", "S: $c OK",
	                        "S: * 2 FETCH (UID 5 FLAGS (a))", "S: $d OK")),
	         "modseq 0 [a]; "},
		{"refused altogether",
	         SCRIPTS(SCRIPT(RICH, OPENED, "S: $b BAD what?", "C: c NOOP",
	                        "C: d UID FETCH 5 (UID FLAGS)", "S: $c OK",
	                        "S: $d BAD what?")),
	         "error FAILED; "},
		{"nobody there", SCRIPTS(SCRIPT("DROP")), "error OFFLINE; "},
	};

	check(rows, G_N_ELEMENTS(rows), begin_details);
}

static void
test_gmail(void)
{
	const Row rows[] = {
		{"ids and labels",
	         SCRIPTS(SCRIPT(GMAIL, OPENED,
	                        "S: * 2 FETCH (X-GM-THRID 1266894439832287888 X-GM-MSGID "
	                        "1278455344230334865 X-GM-LABELS (\\Inbox \"\\\\Sent\" "
	                        "\"Entw&APw-rfe\" "
	                        "a(b \"two words\" {3}",
	                        "S: x\ny) UID 5 FLAGS (\\Seen))", "S: $b OK")),
	         "modseq 0 [\\Seen] email 1278455344230334865 thread 1266894439832287888 labels "
	         "\\Inbox|\\Sent|Entw\xc3\xbcrfe|a(b|two words|x\\x0ay; "},
		{"no labels",
	         SCRIPTS(SCRIPT(GMAIL, OPENED, "S: * 2 FETCH (X-GM-LABELS () UID 5 FLAGS ())",
	                        "S: $b OK")),
	         "modseq 0 [] labels ; "},
		{"nonsense",
	         SCRIPTS(SCRIPT(GMAIL, OPENED,
	                        "S: * 2 FETCH (X-GM-LABELS NIL X-GM-MSGID (1) X-GM-THRID NIL "
	                        "UID 5 FLAGS ())",
	                        "S: * 2 FETCH (UID 5 X-GM-LABELS)",
	                        "S: * 2 FETCH (UID 5 X-GM-LABELS ((a) b \"\" {0}", "S: ))",
	                        "S: $b OK")),
	         "modseq 0 [] labels a|b; "},
	};

	check(rows, G_N_ELEMENTS(rows), begin_details);
}

/* More labels than anybody has. */
static void
test_many_labels(void)
{
	g_autoptr(GString) line = g_string_new("S: * 2 FETCH (UID 5 FLAGS (a) X-GM-LABELS (");
	RemoteFixture fixture;
	g_autoptr(Record) record = NULL;

	for (guint i = 0; i < 5000; i++)
		g_string_append_printf(line, "label%u ", i);
	g_string_append(line, "))");
	fixture = remote_fixture_new("many labels",
	                             SCRIPTS(SCRIPT(GMAIL, OPENED, line->str, "S: $b OK")), 1, 0);
	record = record_details(&fixture, "box", 7, 5);
	record_check(record, "modseq 0 [a]; ");
	remote_fixture_free(&fixture);
}

/* Slow but sure is no silence. */
static void
test_slow(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"slow",
		SCRIPTS(SCRIPT(QUOTA_HELLO, SELECT, "C: b UID FETCH 5 (UID FLAGS)", OPENED,
	                       "WAIT 300", "S: * 2 FETCH (UID 5 FLAGS (a))", "WAIT 300",
	                       "S: * 2 FETCH (UID 5 FLAGS (b))", "WAIT 300", "S: $b OK",
	                       "C: c GETQUOTAROOT \"b x\"", "WAIT 300",
	                       "S: * QUOTAROOT \"b x\" r s", "WAIT 300",
	                       "S: * QUOTA r (STORAGE 1 2)", "WAIT 300", "S: $c OK")),
		1, 700 * 1000);
	g_autoptr(Record) details = begin_details(&fixture);
	g_autoptr(Record) quota = NULL;

	record_check(details, "modseq 0 [b]; ");
	quota = record_quota(&fixture, "b x");
	record_check(quota, "r STORAGE 1/2; done; ");
	remote_fixture_free(&fixture);
}

/* Two at once each hear what they asked for, and a listing what it did. */
static void
test_together(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"together",
		SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1] hello", SELECT,
	                       "C: b UID FETCH 5 (UID FLAGS)", "C: c UID FETCH 5 (UID FLAGS)",
	                       "C: d UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", OPENED,
	                       "S: * 1 FETCH (UID 5 FLAGS (a))", "S: $b OK",
	                       "S: * 1 FETCH (UID 5 FLAGS (b))", "S: $c OK",
	                       "S: * 1 FETCH (UID 5 FLAGS (c) RFC822.SIZE 9 INTERNALDATE "
	                       "\"17-Jul-1996 02:44:25 -0700\")",
	                       "S: $d OK")),
		1, 0);
	const RemoteScan scan = {.mailbox = "box", .uidvalidity = 7};
	g_autoptr(Record) first = record_details(&fixture, "box", 7, 5);
	g_autoptr(Record) second = record_details(&fixture, "box", 7, 5);
	g_autoptr(Record) third = record_scan(&fixture, &scan);

	record_check(first, "modseq 0 [a]; ");
	record_check(second, "modseq 0 [b]; ");
	record_check(third, "opened 7; 5 size 9 date 837596665 [c]; done 2; ");
	remote_fixture_free(&fixture);
}

/* A listing takes news of flags for its own, and does not keep them from whoever has asked. */
static void
test_behind_a_listing(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"behind a listing",
		SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1] hello", SELECT,
	                       "C: b UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
	                       "C: c UID FETCH 5 (UID FLAGS)", OPENED,
	                       "S: * 1 FETCH (UID 5 FLAGS (a) RFC822.SIZE 9 INTERNALDATE "
	                       "\"17-Jul-1996 02:44:25 -0700\")",
	                       "S: * 1 FETCH (UID 5 FLAGS (b))", "S: $c OK", "S: $b OK")),
		1, 0);
	const RemoteScan scan = {.mailbox = "box", .uidvalidity = 7};
	g_autoptr(Record) listing = record_scan(&fixture, &scan);
	g_autoptr(Record) details = record_details(&fixture, "box", 7, 5);

	record_check(details, "modseq 0 [b]; ");
	record_check(listing, "opened 7; 5 size 9 date 837596665 [a]; 5 [b]; done 2; ");
	remote_fixture_free(&fixture);
}

/* What another command was told says nothing of whether the message is still there. */
static void
test_gone_behind_a_listing(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"gone behind a listing",
		SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1] hello", SELECT,
	                       "C: b UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
	                       "C: c UID FETCH 5 (UID FLAGS)", OPENED,
	                       "S: * 1 FETCH (UID 5 FLAGS (a) RFC822.SIZE 9 INTERNALDATE "
	                       "\"17-Jul-1996 02:44:25 -0700\")",
	                       "S: $b OK", "S: * 1 EXPUNGE", "S: $c OK")),
		1, 0);
	const RemoteScan scan = {.mailbox = "box", .uidvalidity = 7};
	g_autoptr(Record) listing = record_scan(&fixture, &scan);
	g_autoptr(Record) details = record_details(&fixture, "box", 7, 5);

	record_check(details, "error STALE; ");
	record_check(listing, "opened 7; 5 size 9 date 837596665 [a]; done 2; ");
	remote_fixture_free(&fixture);
}

/* Where that cannot be told apart it is asked for once more, and not again. */
static void
test_in_doubt(void)
{
	static const char *const answers[] = {"S: * 1 FETCH (UID 5 FLAGS (b))", "S: * 1 EXPUNGE"};
	static const char *const expected[] = {"modseq 0 [b]; ", "error STALE; "};

	for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
		RemoteFixture fixture = remote_fixture_new(
			"in doubt",
			SCRIPTS(SCRIPT(BARE, "C: c UID FETCH 5 (UID FLAGS)", OPENED,
		                       "S: * 1 FETCH (UID 5 FLAGS (a))", "S: $b OK", "S: $c OK",
		                       "C: d NOOP", "C: e UID FETCH 5 (UID FLAGS)", "S: $d OK",
		                       answers[i], "S: $e OK")),
			1, 0);
		g_autoptr(Record) first = record_details(&fixture, "box", 7, 5);
		g_autoptr(Record) second = record_details(&fixture, "box", 7, 5);

		record_check(first, "modseq 0 [a]; ");
		record_check(second, expected[i]);
		remote_fixture_free(&fixture);
	}
}

/* A session that has had the mailbox open for a while need not have heard of what is new. */
static void
test_unseen(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"unseen",
		SCRIPTS(SCRIPT(BARE, OPENED, "S: * 1 FETCH (UID 5 FLAGS (a))", "S: $b OK",
	                       "C: c NOOP", "C: d UID FETCH 6 (UID FLAGS)", "S: * 2 EXISTS",
	                       "S: $c OK", "S: * 2 FETCH (UID 6 FLAGS (b))", "S: $d OK")),
		1, 0);
	g_autoptr(Record) first = record_details(&fixture, "box", 7, 5);
	g_autoptr(Record) second = NULL;

	record_check(first, "modseq 0 [a]; ");
	second = record_details(&fixture, "box", 7, 6);
	record_check(second, "modseq 0 [b]; ");
	remote_fixture_free(&fixture);
}

/* --- quota --- */

#define QUOTA QUOTA_HELLO, "C: a GETQUOTAROOT \"b x\""

static Record *
begin_quota(RemoteFixture *fixture)
{
	return record_quota(fixture, "b x");
}

static void
test_quota(void)
{
	const Row rows[] = {
		{"two roots",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT \"b x\" \"\" {6}", "S: my all",
	                        "S: * QUOTA \"\" (STORAGE 10 512)",
	                        "S: * QUOTA \"my all\" (STORAGE 20 30 MESSAGE 1 "
	                        "9223372036854775807)",
	                        "S: * QUOTA \"other\" (STORAGE 1 2)", "S: $a OK")),
	         " STORAGE 10/512; my all STORAGE 20/30; my all MESSAGE 1/9223372036854775807; "
	         "done; "},
		{"QUOTA before QUOTAROOT, and twice",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTA r (STORAGE 10 512)",
	                        "S: * QUOTA s (STORAGE 10 512)", "S: * QUOTAROOT \"b x\" r",
	                        "S: * QUOTA r (STORAGE 11 512)", "S: $a OK")),
	         "r STORAGE 11/512; done; "},
		{"none", SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT \"b x\"", "S: $a OK")), "done; "},
		{"no limits",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT \"b x\" r", "S: * QUOTA r ()", "S: $a OK")),
	         "done; "},
		{"another mailbox",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT \"b\" r", "S: * QUOTA r (STORAGE 1 2)",
	                        "S: $a OK")),
	         "error PROTOCOL; "},
		{"nothing", SCRIPTS(SCRIPT(QUOTA, "S: $a OK")), "error PROTOCOL; "},
		{"nonsense",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT", "S: * QUOTAROOT ()", "S: * QUOTA",
	                        "S: * QUOTAROOT \"b x\" r (s)", "S: * QUOTAROOT \"b x\" r",
	                        "S: * QUOTA r", "S: * QUOTA r STORAGE 1 2", "S: * QUOTA () ()",
	                        "S: * QUOTA r (STORAGE -1 2 MESSAGE 1 NIL () 1 2 \"\" 1 2 "
	                        "X 99999999999999999999 2 Y 1",
	                        "S: * QUOTA r (A\x01 1 2 B 1)", "S: $a OK")),
	         "r A\\x01 1/2; done; "},
		{"INBOX has no case",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT \"B X\" r", "S: $a OK")),
	         "error PROTOCOL; "},
		{"refused", SCRIPTS(SCRIPT(QUOTA, "S: $a NO [NOPERM] no")), "error DENIED; "},
		{"no such mailbox", SCRIPTS(SCRIPT(QUOTA, "S: $a NO [NONEXISTENT] no")),
	         "error NOT_FOUND; "},
		{"not offered", SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1] hello")),
	         "error UNSUPPORTED; "},
		{"by RFC 9208 alone",
	         SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 QUOTA=RES-STORAGE] hello",
	                        "C: a GETQUOTAROOT \"b x\"", "S: * QUOTAROOT \"b x\"", "S: $a OK")),
	         "done; "},
		{"lost, and repeated",
	         SCRIPTS(SCRIPT(QUOTA, "S: * QUOTAROOT \"b x\" r", "S: * QUOTA r (STORAGE 1 2)",
	                        "DROP"),
	                 SCRIPT(QUOTA, "S: * QUOTAROOT \"b x\" s", "S: * QUOTA s (STORAGE 3 4)",
	                        "S: $a OK")),
	         "s STORAGE 3/4; done; "},
	};

	check(rows, G_N_ELEMENTS(rows), begin_quota);
}

/* More than anybody has is cut off. */
static void
test_quota_many(void)
{
	g_autoptr(GString) roots = g_string_new("S: * QUOTAROOT \"b x\"");
	g_autoptr(GString) figures = g_string_new("S: * QUOTA r0 (");
	RemoteFixture fixture;
	g_autoptr(Record) record = NULL;
	g_auto(GStrv) told = NULL;

	for (guint i = 0; i < 5000; i++) {
		g_string_append_printf(roots, " r%u", i);
		g_string_append_printf(figures, "x%u 1 2 ", i);
	}
	g_string_append(figures, ")");
	fixture = remote_fixture_new(
		"many", SCRIPTS(SCRIPT(QUOTA, roots->str, figures->str, "S: $a OK")), 1, 0);
	record = record_quota(&fixture, "b x");
	WAIT_UNTIL("many", record->done);
	told = g_strsplit(record->log->str, "; ", -1);
	g_assert_cmpuint(g_strv_length(told), ==, 202);
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-details/details", test_details);
	g_test_add_func("/remote-details/gmail", test_gmail);
	g_test_add_func("/remote-details/many-labels", test_many_labels);
	g_test_add_func("/remote-details/slow", test_slow);
	g_test_add_func("/remote-details/together", test_together);
	g_test_add_func("/remote-details/behind-a-listing", test_behind_a_listing);
	g_test_add_func("/remote-details/gone-behind-a-listing", test_gone_behind_a_listing);
	g_test_add_func("/remote-details/in-doubt", test_in_doubt);
	g_test_add_func("/remote-details/unseen", test_unseen);
	g_test_add_func("/remote-details/quota", test_quota);
	g_test_add_func("/remote-details/quota-many", test_quota_many);
	return g_test_run();
}
