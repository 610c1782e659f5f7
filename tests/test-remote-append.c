/*
 * test-remote-append.c: new messages: the forms of literals, what servers refuse, several at once,
 * and connections that are lost on the way.
 */
#include "change-recorder.h"

#define HELLO(capabilities) "S: * PREAUTH [CAPABILITY IMAP4rev1 " capabilities "] hello"
#define SELECT              "C: a SELECT \"box\""
#define OPENED              "S: * OK [UIDVALIDITY 7] ok", "S: $a OK [READ-WRITE] done"

typedef struct {
	const char *label;
	const char *const *const *scripts; /* one per connection */
	const char *expected;
	gsize length; /* of the content; 0: that is "hi" */
	RemoteAppend append;
} AppendRow;

static GBytes *
content_new(gsize length)
{
	char *bytes = g_strnfill(length, 'x');

	return length ? g_bytes_new_take(bytes, length)
	              : (g_free(bytes), g_bytes_new_static("hi", 2));
}

static void
check_append_within(const AppendRow *row, gsize split, gint64 timeout_us)
{
	RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, timeout_us);
	g_autoptr(GBytes) content = content_new(row->length);
	RemoteAppend append = row->append;
	g_autoptr(Record) record = NULL;

	append.mailbox = "box";
	if (!append.content)
		append.content = content;
	scripted_server_split(fixture.server, split);
	record = record_append(&fixture, &append);
	record_check(record, row->expected);
	remote_fixture_free(&fixture);
}

static void
check_append(const AppendRow *row, gsize split)
{
	check_append_within(row, split, 600 * 1000);
}

static void
check_appends(const AppendRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		check_append(&rows[i], 0);
		check_append(&rows[i], 1);
	}
}

/* --- what is sent --- */

static void
test_arguments(void)
{
	const RemoteAppend plain = {0};
	const RemoteAppend flags = {.flags = "\\Seen $Junk"};
	const RemoteAppend odd = {.flags = "caf\\xe9 \\Seen caf\xc3\xa9"};
	const RemoteAppend date = {.internaldate = 837596665};
	const RemoteAppend both = {.flags = "\\Draft", .internaldate = 1};
	const RemoteAppend old = {.internaldate = -2208988800};
	const AppendRow rows[] = {
		{"plain",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {2+}", "c: hi",
	                        OPENED, "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, plain},
		{"flags",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT,
	                        "C: b APPEND \"box\" (\\Seen $Junk) {2+}", "c: hi", OPENED,
	                        "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, flags},
		{"flags that can only be shown",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" (\\Seen) {2+}",
	                        "c: hi", OPENED, "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, odd},
		{"date",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT,
	                        "C: b APPEND \"box\" \"17-Jul-1996 09:44:25 +0000\" {2+}", "c: hi",
	                        OPENED, "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, date},
		{"both",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT,
	                        "C: b APPEND \"box\" (\\Draft) \"01-Jan-1970 00:00:01 +0000\" {2+}",
	                        "c: hi", OPENED, "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, both},
		{"before 1970",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT,
	                        "C: b APPEND \"box\" \"01-Jan-1900 00:00:00 +0000\" {2+}", "c: hi",
	                        OPENED, "S: $b OK")),
	         "done 0/0; ", 0, old},
		{"the server does not tell where",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {2+}", "c: hi",
	                        OPENED, "S: $b OK done")),
	         "done 0/0; ", 0, plain},
		{"nonsense instead",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {2+}", "c: hi",
	                        OPENED, "S: $b OK [APPENDUID 7] done")),
	         "done 0/0; ", 0, plain},
	};

	check_appends(rows, G_N_ELEMENTS(rows));
}

static void
test_literals(void)
{
	g_autoptr(GBytes) nul = g_bytes_new_static("a\0b", 3);
	const RemoteAppend plain = {0};
	const RemoteAppend binary = {.content = nul};
	const AppendRow rows[] = {
		{"synchronising",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {2}", OPENED, "S: + go",
	                        "c: hi", "S: $b OK")),
	         "done 0/0; ", 0, plain},
		{"LITERAL-, 4096 bytes",
	         SCRIPTS(SCRIPT(HELLO("LITERAL-"), SELECT, "C: b APPEND \"box\" {4096+}", "B: 4098",
	                        OPENED, "S: $b OK")),
	         "done 0/0; ", 4096, plain},
		{"LITERAL-, 4097 bytes",
	         SCRIPTS(SCRIPT(HELLO("LITERAL-"), SELECT, "C: b APPEND \"box\" {4097}", OPENED,
	                        "S: +", "B: 4099", "S: $b OK")),
	         "done 0/0; ", 4097, plain},
		{"IMAP4rev2",
	         SCRIPTS(SCRIPT(HELLO("IMAP4rev2"), SELECT, "C: b APPEND \"box\" {4096+}",
	                        "B: 4098", OPENED, "S: $b OK [APPENDUID 7 12] ok")),
	         "done 7/12; ", 4096, plain},
		{"LITERAL+, below 100 KiB",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {102399+}",
	                        "B: 102401", OPENED, "S: $b OK")),
	         "done 0/0; ", 102399, plain},
		{"LITERAL+, 100 KiB: the server may refuse",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {102400}", OPENED,
	                        "S: + go", "B: 102402", "S: $b OK")),
	         "done 0/0; ", 102400, plain},
		{"several times what is queued at once",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {3000000}", OPENED,
	                        "S: + go", "B: 3000002", "S: $b OK [APPENDUID 7 12] ok")),
	         "done 7/12; ", 3000000, plain},
		{"NUL bytes",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+ BINARY"), SELECT, "C: b APPEND \"box\" ~{3+}",
	                        "B: 5", OPENED, "S: $b OK")),
	         "done 0/0; ", 0, binary},
		{"NUL bytes, synchronising",
	         SCRIPTS(SCRIPT(HELLO("BINARY"), SELECT, "C: b APPEND \"box\" ~{3}", OPENED, "S: +",
	                        "B: 5", "S: $b OK")),
	         "done 0/0; ", 0, binary},
		{"NUL bytes, not taken", SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, OPENED)),
	         "error USAGE; ", 0, binary},
	};

	check_appends(rows, G_N_ELEMENTS(rows));
}

/* --- what is refused --- */

static void
test_refused(void)
{
	g_autoptr(GBytes) empty = g_bytes_new_static("", 0);
	const RemoteAppend plain = {0};
	const RemoteAppend valid = {.uidvalidity = 7};
	const RemoteAppend nothing = {.content = empty};
	const RemoteAppend injected = {.flags = "\\Seen) {2+}\r\nx"};
	const RemoteAppend nested = {.flags = "(\\Seen)"};
#define ASKED HELLO("X"), SELECT, "C: b APPEND \"box\" {2}", OPENED
	const AppendRow rows[] = {
		{"no such mailbox",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {2}",
	                        "S: $a NO no such mailbox", "S: $b NO [TRYCREATE] create it")),
	         "error NOT_FOUND; ", 0, plain},
		{"not to be selected, but appended to",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {2}", "S: $a NO [NOPERM]",
	                        "S: +", "c: hi", "S: $b OK [APPENDUID 7 12] ok")),
	         "done 7/12; ", 0, plain},
		{"full", SCRIPTS(SCRIPT(ASKED, "S: $b NO [OVERQUOTA] full")), "error QUOTA; ", 0,
	         plain},
		{"full, in words", SCRIPTS(SCRIPT(ASKED, "S: $b NO Quota exceeded")),
	         "error QUOTA; ", 0, plain},
		{"full, when all has come",
	         SCRIPTS(SCRIPT(ASKED, "S: +", "c: hi", "S: $b NO [OVERQUOTA] full")),
	         "error QUOTA; ", 0, plain},
		{"too big", SCRIPTS(SCRIPT(ASKED, "S: $b NO [TOOBIG] no")), "error TOO_BIG; ", 0,
	         plain},
		{"too much", SCRIPTS(SCRIPT(ASKED, "S: $b NO [LIMIT] later")), "error LIMIT; ", 0,
	         plain},
		{"not allowed", SCRIPTS(SCRIPT(ASKED, "S: $b NO [NOPERM] no")), "error DENIED; ", 0,
	         plain},
		{"not liked", SCRIPTS(SCRIPT(ASKED, "S: $b BAD no")), "error FAILED; ", 0, plain},
		{"APPENDLIMIT", SCRIPTS(SCRIPT(HELLO("APPENDLIMIT=1"), SELECT, OPENED)),
	         "error TOO_BIG; ", 0, plain},
		{"APPENDLIMIT that allows it",
	         SCRIPTS(SCRIPT(HELLO("APPENDLIMIT=2 LITERAL+"), SELECT, "C: b APPEND \"box\" {2+}",
	                        "c: hi", OPENED, "S: $b OK")),
	         "done 0/0; ", 0, plain},
		{"refused in the middle of a literal",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {60000000}", OPENED,
	                        "S: +", "B: 1000000", "S: $b NO [TOOBIG] enough", "EOF")),
	         "error TOO_BIG; ", 60000000, plain},
		{"another mailbox",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "S: * OK [UIDVALIDITY 8] ok", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; ", 0, valid},
		{"the right mailbox",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), OPEN_BOX, "C: b APPEND \"box\" {2+}", "c: hi",
	                        "S: $b OK")),
	         "done 0/0; ", 0, valid},
		{"read-only",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "S: * OK [UIDVALIDITY 7] ok",
	                        "S: $a OK [READ-ONLY] ok", "S: $n OK")),
	         "error READ_ONLY; ", 0, valid},
		{"nothing in it", SCRIPTS(NULL), "error USAGE; ", 0, nothing},
		{"flags with a command in them", SCRIPTS(NULL), "error USAGE; ", 0, injected},
		{"flags in parentheses", SCRIPTS(NULL), "error USAGE; ", 0, nested},
	};

	check_appends(rows, G_N_ELEMENTS(rows));
}

#define FLAGGED   HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" ($X) {2+}", "c: hi", OPENED
#define UNFLAGGED "C: c APPEND \"box\" {2+}", "c: hi"
#define BOTH      HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" (\\Seen $X) {2+}", "c: hi", OPENED
#define SYSTEM    "C: c APPEND \"box\" (\\Seen) {2+}", "c: hi"

static void
test_flags_refused(void)
{
	const RemoteAppend flags = {.flags = "$X"}, both = {.flags = "\\Seen $X"};
	const AppendRow rows[] = {
		{"Zimbra",
	         SCRIPTS(SCRIPT(FLAGGED, "S: $b NO APPEND failed", UNFLAGGED,
	                        "S: $c OK [APPENDUID 7 12] ok")),
	         "done 7/12; ", 0, flags},
		{"Gmail",
	         SCRIPTS(SCRIPT(FLAGGED, "S: $b BAD Unable to parse flag $X", UNFLAGGED,
	                        "S: $c OK")),
	         "done 0/0; ", 0, flags},
		{"by a code",
	         SCRIPTS(SCRIPT(FLAGGED, "S: $b NO [LIMIT] Too many keywords", UNFLAGGED,
	                        "S: $c OK")),
	         "done 0/0; ", 0, flags},
		{"a keyword among others",
	         SCRIPTS(SCRIPT(BOTH, "S: $b NO [LIMIT] Too many keywords", SYSTEM, "S: $c OK")),
	         "done 0/0; ", 0, both},
		{"all of them",
	         SCRIPTS(SCRIPT(BOTH, "S: $b NO no", SYSTEM, "S: $c NO no",
	                        "C: d APPEND \"box\" {2+}", "c: hi", "S: $d OK")),
	         "done 0/0; ", 0, both},
		{"twice",
	         SCRIPTS(SCRIPT(FLAGGED, "S: $b NO APPEND failed", UNFLAGGED,
	                        "S: $c NO APPEND failed")),
	         "error FAILED; ", 0, flags},
		{"for another reason", SCRIPTS(SCRIPT(FLAGGED, "S: $b NO [OVERQUOTA] full")),
	         "error QUOTA; ", 0, flags},
	};

	check_appends(rows, G_N_ELEMENTS(rows));
}

#define REPLACE HELLO("LITERAL+ REPLACE"), OPEN_BOX, "C: b UID REPLACE 5 \"box\" {2+}", "c: hi"
#define INSTEAD                                                                                    \
	"C: c SELECT \"box\"", "C: d NOOP", "S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok",         \
		"S: $c OK [READ-WRITE] done", "S: $d OK", "C: e APPEND \"box\" {2+}", "c: hi"

static void
test_replace(void)
{
	const RemoteAppend replace = {.uidvalidity = 7, .replaces = 5};
	const RemoteAppend any = {.replaces = 5};
	const RemoteAppend all = {
		.uidvalidity = 7, .replaces = 5, .flags = "\\Seen", .internaldate = 1};
	const AppendRow rows[] = {
		{"told before",
	         SCRIPTS(SCRIPT(REPLACE, "S: * OK [APPENDUID 7 12] ok", "S: * 3 EXISTS",
	                        "S: * 1 EXPUNGE", "S: $b OK done")),
	         "done 7/12 replaced; ", 0, replace},
		{"told at the end",
	         SCRIPTS(SCRIPT(REPLACE, "S: * 3 EXISTS", "S: * 1 EXPUNGE",
	                        "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12 replaced; ", 0, replace},
		{"never told", SCRIPTS(SCRIPT(REPLACE, "S: $b OK done")), "done 0/0 replaced; ", 0,
	         replace},
		{"with flags and a date",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+ REPLACE"), OPEN_BOX,
	                        "C: b UID REPLACE 5 \"box\" (\\Seen) \"01-Jan-1970 00:00:01 "
	                        "+0000\" {2+}",
	                        "c: hi", "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12 replaced; ", 0, all},
		{"not offered",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), OPEN_BOX, "C: b APPEND \"box\" {2+}", "c: hi",
	                        "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, replace},
		{"in any mailbox",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+ REPLACE"), SELECT, "C: b APPEND \"box\" {2+}",
	                        "c: hi", OPENED, "S: $b OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, any},
		{"not known",
	         SCRIPTS(SCRIPT(REPLACE, "S: $b BAD what?", INSTEAD,
	                        "S: $e OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, replace},
		{"the old one is gone",
	         SCRIPTS(SCRIPT(REPLACE, "S: $b NO [NONEXISTENT] no such message", INSTEAD,
	                        "S: $e OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, replace},
		{"refused, and so is APPEND",
	         SCRIPTS(SCRIPT(REPLACE, "S: $b NO no", INSTEAD, "S: $e NO [OVERQUOTA] full")),
	         "error QUOTA; ", 0, replace},
		{"refused half way",
	         SCRIPTS(SCRIPT(REPLACE, "S: * OK [APPENDUID 7 12] ok", "S: $b NO not removed")),
	         "done 7/12; ", 0, replace},
		{"full", SCRIPTS(SCRIPT(REPLACE, "S: $b NO [OVERQUOTA] full")), "error QUOTA; ", 0,
	         replace},
		{"too big", SCRIPTS(SCRIPT(REPLACE, "S: $b NO [TOOBIG] no")), "error TOO_BIG; ", 0,
	         replace},
		{"another mailbox",
	         SCRIPTS(SCRIPT(HELLO("REPLACE"), SELECT_BOX, "S: * OK [UIDVALIDITY 8] ok",
	                        "S: $a OK", "S: $n OK")),
	         "error STALE; ", 0, replace},
		{"flags refused",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+ REPLACE"), OPEN_BOX, "C: b UID REPLACE 5 *",
	                        "c: hi", "S: $b NO no", "C: c SELECT \"box\"", "C: d NOOP",
	                        "S: * OK [UIDVALIDITY 7] ok", "S: $c OK", "S: $d OK",
	                        "C: e APPEND \"box\" (\\Seen) *", "c: hi", "S: $e NO no",
	                        "C: f SELECT \"box\"", "C: g NOOP", "S: * OK [UIDVALIDITY 7] ok",
	                        "S: $f OK", "S: $g OK", "C: h APPEND \"box\" \"*\" {2+}", "c: hi",
	                        "S: $h OK [APPENDUID 7 12] done")),
	         "done 7/12; ", 0, all},
	};

	check_appends(rows, G_N_ELEMENTS(rows));
}

/* --- lost connections --- */

static void
test_cut(void)
{
	const RemoteAppend plain = {0};
	const RemoteAppend valid = {.uidvalidity = 7};
	const RemoteAppend replace = {.uidvalidity = 7, .replaces = 5};
#define SENT HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {2+}", "c: hi"
	const AppendRow rows[] = {
		{"behind it", SCRIPTS(SCRIPT(SENT, "DROP")), "error UNKNOWN; ", 0, plain},
		{"behind it, with BYE", SCRIPTS(SCRIPT(SENT, OPENED, "S: * BYE tired", "DROP")),
	         "error UNKNOWN; ", 0, plain},
		{"before its literal",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {2}", "DROP")),
	         "error UNKNOWN; ", 0, plain},
		{"in its literal",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {60000000}", OPENED,
	                        "S: +", "B: 1000000", "RESET")),
	         "error UNKNOWN; ", 60000000, plain},
		{"silence behind it", SCRIPTS(SCRIPT(SENT, OPENED, "HANG")), "error UNKNOWN; ", 0,
	         plain},
		{"silence in its literal",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {60000000}", OPENED,
	                        "S: +", "STALL 1800", "DROP")),
	         "error UNKNOWN; ", 60000000, plain},
		{"before it, then done",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "DROP"),
	                 SCRIPT(HELLO("LITERAL+"), OPEN_BOX, "C: b APPEND \"box\" {2+}", "c: hi",
	                        "S: $b OK [APPENDUID 7 12] ok")),
	         "done 7/12; ", 0, valid},
		{"before it, twice",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "DROP"),
	                 SCRIPT(HELLO("X"), SELECT_BOX, "DROP")),
	         "error OFFLINE; ", 0, valid},
		{"before it, with BYE and a reason",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "S: * BYE [CONTACTADMIN] no", "DROP")),
	         "error OFFLINE; ", 0, valid},
		{"before it, in confusion",
	         SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "S: what OK", "EOF")), "error OFFLINE; ", 0,
	         valid},
		{"the login is refused",
	         SCRIPTS(SCRIPT("S: * OK [CAPABILITY IMAP4rev1] hi", "C: a LOGIN *",
	                        "S: $a NO [AUTHENTICATIONFAILED] no", "EOF")),
	         "error OFFLINE; ", 0, plain},
		{"silence before it", SCRIPTS(SCRIPT(HELLO("X"), SELECT_BOX, "HANG")),
	         "error TIMED_OUT; ", 0, valid},
		{"behind a REPLACE", SCRIPTS(SCRIPT(REPLACE, "DROP")), "error UNKNOWN; ", 0,
	         replace},
		{"in the middle of a REPLACE",
	         SCRIPTS(SCRIPT(REPLACE, "S: * OK [APPENDUID 7 12] ok", "DROP")), "error UNKNOWN; ",
	         0, replace},
		{"a warning is no reason to repeat it",
	         SCRIPTS(SCRIPT(HELLO("LITERAL+"), OPEN_BOX, "C: b APPEND \"box\" {2+}", "c: hi",
	                        "S: * NO [ALERT] nearly full", "S: $b OK [APPENDUID 7 12] ok")),
	         "done 7/12; ", 0, valid},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_append(&rows[i], 0);
}

/* A slow line is no silence: what the socket takes counts. */
static void
test_slow(void)
{
	const AppendRow row = {
		"slow",
		SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {20000000}", OPENED, "S: +",
	                       "B: 8000000", "STALL 1500", "B: 4000000", "STALL 1500", "B: 4000000",
	                       "STALL 1500", "B: 4000002", "S: $b OK")),
		"done 0/0; ",
		20000000,
		{0}};

	check_append_within(&row, 0, 4 * G_USEC_PER_SEC);
}

/* The end of the program is a lost connection too. */
static void
test_freed(void)
{
	RemoteFixture fixture =
		remote_fixture_new("freed", SCRIPTS(SCRIPT(SENT, "GATE a", "EOF")), 1, 0);
	g_autoptr(GBytes) content = content_new(0);
	const RemoteAppend append = {.mailbox = "box", .content = content};
	g_autoptr(Record) record = record_append(&fixture, &append);

	WAIT_UNTIL("freed", scripted_server_n_accepted(fixture.server));
	test_linger(50);
	scripted_server_open_gate(fixture.server, 'a');
	remote_fixture_free(&fixture);
	record_check(record, "error UNKNOWN; ");
}

/* --- several --- */

/* All on one connection, before the first is answered, and each with its own answer. */
static void
test_together(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"together",
		SCRIPTS(SCRIPT(HELLO("LITERAL+"), SELECT, "C: b APPEND \"box\" {2+}", "c: hi",
	                       "C: c APPEND \"box\" (\\Seen) {2+}", "c: hi",
	                       "C: d APPEND \"box\" {2+}", "c: hi", OPENED,
	                       "S: $b OK [APPENDUID 7 12] ok", "S: $d OK [APPENDUID 7 14] ok",
	                       "S: $c NO [OVERQUOTA] full")),
		4, 0);
	static const char *const expected[] = {"done 7/12; ", "error QUOTA; ", "done 7/14; "};
	g_autoptr(GBytes) content = content_new(0);
	RemoteAppend append = {.mailbox = "box", .content = content};
	Record *records[3];

	for (guint i = 0; i < 3; i++) {
		append.flags = i == 1 ? "\\Seen" : NULL;
		records[i] = record_append(&fixture, &append);
	}
	for (guint i = 0; i < 3; i++) {
		record_check(records[i], expected[i]);
		record_free(records[i]);
	}
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 1);
	remote_fixture_free(&fixture);
}

/* Those already answered are safe, those not yet sent are sent again, the one between is not known
 * of. */
static void
test_together_cut(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"together, cut",
		SCRIPTS(SCRIPT(HELLO("X"), SELECT, "C: b APPEND \"box\" {2}", OPENED, "S: +",
	                       "c: hi", "S: $b OK [APPENDUID 7 12] ok", "C: c APPEND \"box\" {2}",
	                       "S: +", "c: hi", "C: d APPEND \"box\" {2}", "DROP"),
	                SCRIPT(HELLO("X"), SELECT, "C: e APPEND \"box\" {2}", OPENED, "S: +",
	                       "c: hi", "S: $e OK [APPENDUID 7 15] ok")),
		1, 0);
	static const char *const expected[] = {"done 7/12; ", "error UNKNOWN; ", "error UNKNOWN; ",
	                                       "done 7/15; "};
	g_autoptr(GBytes) content = content_new(0);
	const RemoteAppend append = {.mailbox = "box", .content = content};
	Record *records[4];

	for (guint i = 0; i < 4; i++)
		records[i] = record_append(&fixture, &append);
	for (guint i = 0; i < 4; i++) {
		record_check(records[i], expected[i]);
		record_free(records[i]);
	}
	remote_fixture_free(&fixture);
}

/* Refused for its flags, perhaps, and then there is nobody to be asked once more: an end, too. */
static void
test_flags_refused_cut(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"flags refused, cut",
		SCRIPTS(SCRIPT(FLAGGED, "S: $b OK", "C: c APPEND \"box\" ($X) {2+}", "c: hi",
	                       "C: d APPEND \"box\" ($X) {2+}", "c: hi", "S: * NO [ALERT] hm",
	                       "S: $c NO APPEND failed", "DROP"),
	                SCRIPT("DROP")),
		1, 0);
	static const char *const expected[] = {"done 0/0; ", "error OFFLINE; ", "error UNKNOWN; "};
	g_autoptr(GBytes) content = content_new(0);
	const RemoteAppend append = {.mailbox = "box", .content = content, .flags = "$X"};
	Record *records[3];

	for (guint i = 0; i < 3; i++) {
		records[i] = record_append(&fixture, &append);
		if (i == 0)
			record_check(records[i], expected[i]);
	}
	for (guint i = 0; i < 3; i++) {
		record_check(records[i], expected[i]);
		record_free(records[i]);
	}
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-append/arguments", test_arguments);
	g_test_add_func("/remote-append/literals", test_literals);
	g_test_add_func("/remote-append/refused", test_refused);
	g_test_add_func("/remote-append/flags-refused", test_flags_refused);
	g_test_add_func("/remote-append/flags-refused-cut", test_flags_refused_cut);
	g_test_add_func("/remote-append/replace", test_replace);
	g_test_add_func("/remote-append/cut", test_cut);
	g_test_add_func("/remote-append/slow", test_slow);
	g_test_add_func("/remote-append/freed", test_freed);
	g_test_add_func("/remote-append/together", test_together);
	g_test_add_func("/remote-append/together-cut", test_together_cut);
	return g_test_run();
}
