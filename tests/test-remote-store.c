/*
 * test-remote-store.c: flags changed and messages expunged, each only where that is safe.
 */
#include "change-recorder.h"

static const guint32 uids[] = {8, 5, 7};

typedef struct {
	const char *label;
	const char *const *const *scripts; /* one per connection */
	const char *expected;
	char sign;
	const char *flags;
	guint64 unchanged_since;
} StoreRow;

static void
check_store(const StoreRow *row, gsize split)
{
	RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 600 * 1000);
	const RemoteStore store = {
		.mailbox = "box",
		.uidvalidity = 7,
		.uids = uids,
		.n_uids = G_N_ELEMENTS(uids),
		.sign = row->sign ? row->sign : '+',
		.flags = row->flags ? row->flags : "\\Seen",
		.unchanged_since = row->unchanged_since,
	};
	g_autoptr(Record) record = NULL;

	scripted_server_split(fixture.server, split);
	record = record_store(&fixture, &store);
	record_check(record, row->expected);
	remote_fixture_free(&fixture);
}

static void
check_stores(const StoreRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		check_store(&rows[i], 0);
		check_store(&rows[i], 1);
	}
}

#define OPEN  WRITE_HELLO, OPEN_BOX
#define STORE "C: b UID STORE 5,7:8 +FLAGS.SILENT (\\Seen)"

static void
test_store(void)
{
	const StoreRow rows[] = {
		{"add", SCRIPTS(SCRIPT(OPEN, STORE, "S: $b OK")), "done; ", 0, NULL, 0},
		{"remove",
	         SCRIPTS(SCRIPT(OPEN, "C: b UID STORE 5,7:8 -FLAGS.SILENT (\\Seen $a)",
	                        "S: $b OK")),
	         "done; ", '-', "\\Seen $a", 0},
		{"set", SCRIPTS(SCRIPT(OPEN, "C: b UID STORE 5,7:8 FLAGS.SILENT ()", "S: $b OK")),
	         "done; ", '=', "", 0},
		{"refused", SCRIPTS(SCRIPT(OPEN, STORE, "S: $b NO [NOPERM] no")), "error DENIED; ",
	         0, NULL, 0},
		{"another mailbox",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; ", 0, NULL, 0},
		{"read-only",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 7]",
	                        "S: $a OK [READ-ONLY]", "S: $n OK")),
	         "error READ_ONLY; ", 0, NULL, 0},
		{"no flags", SCRIPTS(NULL), "error USAGE; ", 0, "", 0},
		{"no flag", SCRIPTS(NULL), "error USAGE; ", 0, "\\", 0},
		{"two words", SCRIPTS(NULL), "error USAGE; ", 0, "a  b", 0},
		{"a command", SCRIPTS(NULL), "error USAGE; ", 0, "a)\r\nb", 0},
		{"not ASCII", SCRIPTS(NULL), "error USAGE; ", 0, "\xc3\xa9", 0},
	};

	check_stores(rows, G_N_ELEMENTS(rows));
}

#define OPEN_KEEPING(flags)                                                                        \
	WRITE_HELLO, SELECT_BOX, "S: * OK [PERMANENTFLAGS (" flags ")] ok",                        \
		"S: * OK [UIDVALIDITY 7]", "S: $a OK", "S: $n OK"

static void
test_permanent_flags(void)
{
	const StoreRow rows[] = {
		{"kept", SCRIPTS(SCRIPT(OPEN_KEEPING("\\Answered \\SEEN"), STORE, "S: $b OK")),
	         "done; ", 0, NULL, 0},
		{"not kept", SCRIPTS(SCRIPT(OPEN_KEEPING("\\Answered \\*"))),
	         "error NOT_PERMITTED; ", 0, NULL, 0},
		{"none kept", SCRIPTS(SCRIPT(OPEN_KEEPING(""))), "error NOT_PERMITTED; ", 0, NULL,
	         0},
		{"any keyword",
	         SCRIPTS(SCRIPT(OPEN_KEEPING("\\*"), "C: b UID STORE 5,7:8 +FLAGS.SILENT (word)",
	                        "S: $b OK")),
	         "done; ", 0, "word", 0},
		{"this keyword, and Gmail's brackets",
	         SCRIPTS(SCRIPT(OPEN_KEEPING("a]b word"),
	                        "C: b UID STORE 5,7:8 +FLAGS.SILENT (word)", "S: $b OK")),
	         "done; ", 0, "word", 0},
		{"not this keyword", SCRIPTS(SCRIPT(OPEN_KEEPING("\\Seen wor"))),
	         "error NOT_PERMITTED; ", 0, "\\Seen word", 0},
	};

	check_stores(rows, G_N_ELEMENTS(rows));
}

#define OPEN_WITH_ID(name)                                                                         \
	"S: * PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS CONDSTORE ID] hello", "C: i ID *",             \
		"S: * ID (\"version\" NIL \"name\" \"" name "\")", "S: $i OK", OPEN_BOX
#define FLAGS_TOLD                                                                                 \
	"S: * 1 FETCH (UID 5 MODSEQ (100))", "S: * 2 FETCH (UID 7 MODSEQ (101) FLAGS (\\Seen))",   \
		"S: * 9 FETCH (UID 99 FLAGS ())"
#define CONDITIONAL "C: b UID STORE 5,7:8 (UNCHANGEDSINCE 99) +FLAGS.SILENT (\\Seen)"

static void
test_unchanged_since(void)
{
	const StoreRow rows[] = {
		{"all",
	         SCRIPTS(SCRIPT(OPEN, CONDITIONAL, "S: * 1 FETCH (UID 5 MODSEQ (100))",
	                        "S: $b OK")),
	         "done; ", 0, NULL, 99},
		{"flags told, as some do", SCRIPTS(SCRIPT(OPEN, CONDITIONAL, FLAGS_TOLD, "S: $b OK")),
	         "done; ", 0, NULL, 99},
		{"flags told, by one who is not Dovecot",
	         SCRIPTS(SCRIPT(OPEN_WITH_ID("Cyrus IMAPD"), CONDITIONAL, FLAGS_TOLD, "S: $b OK")),
	         "done; ", 0, NULL, 99},
		{"flags told by Dovecot, so another was at it",
	         SCRIPTS(SCRIPT(OPEN_WITH_ID("Dovecot"), CONDITIONAL, FLAGS_TOLD, "S: $b OK")),
	         "disturbed 7; done; ", 0, NULL, 99},
		{"one was changed", SCRIPTS(SCRIPT(OPEN, CONDITIONAL, "S: $b OK [MODIFIED 7] no")),
	         "modified 7; done; ", 0, NULL, 99},
		{"more than asked for",
	         SCRIPTS(SCRIPT(OPEN, CONDITIONAL, "S: $b OK [MODIFIED 1:5,9:4294967295] no")),
	         "modified 5; done; ", 0, NULL, 99},
		{"nonsense", SCRIPTS(SCRIPT(OPEN, CONDITIONAL, "S: $b OK [MODIFIED x] no")),
	         "done; ", 0, NULL, 99},
		{"NO", SCRIPTS(SCRIPT(OPEN, CONDITIONAL, "S: $b NO [MODIFIED 7] gone")),
	         "modified 7; error FAILED; ", 0, NULL, 99},
		{"no CONDSTORE", SCRIPTS(SCRIPT(BARE_HELLO, OPEN_BOX)), "error UNSUPPORTED; ", 0,
	         NULL, 99},
	};

	check_stores(rows, G_N_ELEMENTS(rows));
}

static void
test_cut(void)
{
	const StoreRow rows[] = {
		{"repeated", SCRIPTS(SCRIPT(OPEN, STORE, "DROP"), SCRIPT(OPEN, STORE, "S: $b OK")),
	         "done; ", 0, NULL, 0},
		{"repeated once", SCRIPTS(SCRIPT(OPEN, STORE, "DROP"), SCRIPT(OPEN, STORE, "DROP")),
	         "error OFFLINE; ", 0, NULL, 0},
		{"repeated, but it is another mailbox",
	         SCRIPTS(SCRIPT(OPEN, STORE, "DROP"),
	                 SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; ", 0, NULL, 0},
		{"silence", SCRIPTS(SCRIPT(OPEN, STORE, "HANG")), "error TIMED_OUT; ", 0, NULL, 0},
		{"with a condition", SCRIPTS(SCRIPT(OPEN, CONDITIONAL, "DROP")), "error UNKNOWN; ",
	         0, NULL, 99},
		{"setting",
	         SCRIPTS(SCRIPT(OPEN, "C: b UID STORE 5,7:8 FLAGS.SILENT (\\Seen)", "DROP")),
	         "error UNKNOWN; ", '=', NULL, 0},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_store(&rows[i], 0);
}

/* --- expunge --- */

typedef struct {
	const char *label;
	const char *const *const *scripts;
	const char *expected;
} ExpungeRow;

#define EXPUNGE "C: b UID EXPUNGE 5,7:8"

static void
test_expunge(void)
{
	const ExpungeRow rows[] = {
		{"done",
	         SCRIPTS(SCRIPT(OPEN, EXPUNGE, "S: * 1 EXPUNGE", "S: * VANISHED 7:8", "S: $b OK")),
	         "done; "},
		{"no UIDPLUS", SCRIPTS(SCRIPT(BARE_HELLO, OPEN_BOX)), "error UNSUPPORTED; "},
		{"IMAP4rev2",
	         SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev2] hello", OPEN_BOX, EXPUNGE,
	                        "S: $b OK")),
	         "done; "},
		{"refused", SCRIPTS(SCRIPT(OPEN, EXPUNGE, "S: $b NO [NOPERM] no")),
	         "error DENIED; "},
		{"repeated",
	         SCRIPTS(SCRIPT(OPEN, EXPUNGE, "DROP"), SCRIPT(OPEN, EXPUNGE, "S: $b OK")),
	         "done; "},
		{"another mailbox",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; "},
		{"another mailbox, after a loss",
	         SCRIPTS(SCRIPT(OPEN, EXPUNGE, "DROP"),
	                 SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; "},
		{"SELECT refused, NOOP not",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: $a NO [NONEXISTENT]", "S: $n OK")),
	         "error NOT_FOUND; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		const ExpungeRow *row = &rows[i];
		RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);
		const RemoteExpunge expunge = {.mailbox = "box",
		                               .uidvalidity = 7,
		                               .uids = uids,
		                               .n_uids = G_N_ELEMENTS(uids)};
		g_autoptr(Record) record = record_expunge(&fixture, &expunge);

		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

/* Marked and expunged in one go: nothing waits in between. */
static void
test_store_and_expunge(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"store and expunge",
		SCRIPTS(SCRIPT(OPEN, STORE, "S: $b OK", "C: m NOOP", "C: n NOOP", "S: $m OK",
	                       "S: $n OK", "C: c UID STORE 5,7:8 +FLAGS.SILENT (\\Deleted)",
	                       "C: d UID EXPUNGE 5,7:8", "S: $c OK", "S: $d OK")),
		1, 0);
	RemoteStore store = {.mailbox = "box",
	                     .uidvalidity = 7,
	                     .uids = uids,
	                     .n_uids = G_N_ELEMENTS(uids),
	                     .sign = '+',
	                     .flags = "\\Seen"};
	const RemoteExpunge expunge = {
		.mailbox = "box", .uidvalidity = 7, .uids = uids, .n_uids = G_N_ELEMENTS(uids)};
	g_autoptr(Record) first = record_store(&fixture, &store);
	g_autoptr(Record) second = NULL, third = NULL;

	record_check(first, "done; ");
	store.flags = "\\Deleted";
	second = record_store(&fixture, &store);
	third = record_expunge(&fixture, &expunge);
	record_check(second, "done; ");
	record_check(third, "done; ");
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-store/store", test_store);
	g_test_add_func("/remote-store/permanent-flags", test_permanent_flags);
	g_test_add_func("/remote-store/unchanged-since", test_unchanged_since);
	g_test_add_func("/remote-store/cut", test_cut);
	g_test_add_func("/remote-store/expunge", test_expunge);
	g_test_add_func("/remote-store/store-and-expunge", test_store_and_expunge);
	return g_test_run();
}
