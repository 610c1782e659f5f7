/*
 * test-remote-read.c: message bytes, whole and in part, from servers good and bad, and over
 * connections that are lost on the way.
 */
#include <string.h>

#include "remote-recorder.h"

#define HELLO  "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"
#define SELECT HELLO, "C: a SELECT \"box\""
#define OPENED "S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK [READ-WRITE] done"
#define WHOLE  SELECT, "C: b UID FETCH 5 (UID BODY.PEEK[])", OPENED
#define PART   SELECT, "C: b UID FETCH 5 (UID BODY.PEEK[]<131072.262144>)", OPENED

/* The second look, where nothing came. */
#define AGAIN "C: c NOOP", "C: d UID FETCH 5 (UID BODY.PEEK[]*)", "C: e UID SEARCH UID 5"
#define THERE "S: * SEARCH 5", "S: $e OK"

typedef struct {
	const char *label;
	const char *const *const *scripts; /* one per connection */
	const char *expected;
	RemoteRead read;
} ReadRow;

/* In one piece, in pieces that end anywhere, and, where there are few, in bytes. */
static const gsize splits[] = {0, 10007, 1};

static void
check_reads(const ReadRow *rows, guint n_rows, guint n_splits)
{
	for (guint i = 0; i < n_splits * n_rows; i++) {
		const ReadRow *row = &rows[i / n_splits];
		RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_split(fixture.server, splits[i % n_splits]);
		record = record_read(&fixture, &row->read);
		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

static void
test_read(void)
{
	const RemoteRead whole = {.mailbox = "box", .uidvalidity = 7, .uid = 5};
	const ReadRow rows[] = {
		{"whole",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 100", "S: )",
	                        "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"flags on the way",
	         SCRIPTS(SCRIPT(WHOLE, "S: * 1 FETCH (FLAGS (\\Seen) UID 5)", "S: * 3 EXISTS",
	                        "s: * 1 FETCH (FLAGS (\\Seen) UID 5 BODY[] ", "L: 0 100", "S: )",
	                        "S: * 2 EXPUNGE", "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"flags behind it",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 100",
	                        "S:  FLAGS (\\Seen))", "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"UID behind it",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (BODY[] ", "L: 0 100", "S:  UID 5)",
	                        "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"another's UID behind it",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (BODY[] ", "L: 9 100", "S:  UID 6)",
	                        "s: * 1 FETCH (BODY[] ", "L: 0 100", "S:  UID 5)", "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"others' bytes",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 2 FETCH (UID 6 BODY[] ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[1] ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[]<100> ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 RFC822 ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 100", "S: )", "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"twice",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[] ", "L: 9 50", "S: )", "S: $b OK")),
	         "block 0+100; done 100; ", whole},
		{"empty",
	         SCRIPTS(SCRIPT(WHOLE, "S: * 1 FETCH (UID 5 BODY[] \"\")", "S: $b OK", AGAIN,
	                        "S: $c OK", "S: * 1 FETCH (UID 5 BODY[] \"\")", "S: $d OK", THERE)),
	         "done 0; ", whole},
		{"an empty literal",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 0", "S: )", "S: $b OK",
	                        AGAIN, "S: $c OK", "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 0", "S: )",
	                        "S: $d OK", THERE)),
	         "done 0; ", whole},
		{"NIL",
	         SCRIPTS(SCRIPT(WHOLE, "S: * 1 FETCH (UID 5 BODY[] NIL)", "S: $b OK", AGAIN,
	                        "S: $c OK", "S: * 1 FETCH (UID 5 BODY[] NIL)", "S: $d OK", THERE)),
	         "done 0; ", whole},
		{"NO, but all came",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 100", "S: )",
	                        "S: $b NO some other trouble")),
	         "block 0+100; done 100; ", whole},
		{"limited", SCRIPTS(SCRIPT(WHOLE, "S: $b NO [LIMIT] rate")), "error LIMIT; ",
	         whole},
		{"limited in words",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b NO Account exceeded bandwidth [THROTTLED]")),
	         "error LIMIT; ", whole},
		{"expunge issued", SCRIPTS(SCRIPT(WHOLE, "S: $b NO [EXPUNGEISSUED] gone")),
	         "error STALE; ", whole},
		{"another mailbox",
	         SCRIPTS(SCRIPT(SELECT, "C: b UID FETCH 5 (UID BODY.PEEK[])",
	                        "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 100", "S: )", "S: $b OK")),
	         "error STALE; ", whole},
		{"no such mailbox",
	         SCRIPTS(SCRIPT(SELECT, "C: b UID FETCH 5 (UID BODY.PEEK[])",
	                        "S: $a NO [NOPERM] no", "S: $b BAD what?")),
	         "error DENIED; ", whole},
	};

	check_reads(rows, G_N_ELEMENTS(rows), 3);
}

static void
test_blocks(void)
{
	const RemoteRead whole = {.mailbox = "box", .uidvalidity = 7, .uid = 5};
	const RemoteRead part = {.mailbox = "box",
	                         .uidvalidity = 7,
	                         .uid = 5,
	                         .offset = REMOTE_BLOCK_SIZE,
	                         .length = 2 * REMOTE_BLOCK_SIZE};
	const ReadRow rows[] = {
		{"whole, one block and a byte",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 131073", "S: )",
	                        "S: $b OK")),
	         "block 0+131072; block 131072+1; done 131073; ", whole},
		{"whole, kept before its UID",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (BODY[] ", "L: 0 300000", "S:  UID 5)",
	                        "S: $b OK")),
	         "block 0+131072; block 131072+131072; block 262144+37856; done 300000; ", whole},
		{"all of a part",
	         SCRIPTS(SCRIPT(PART, "s: * 1 FETCH (UID 5 BODY[]<131072> ", "L: 131072 262144",
	                        "S: )", "S: $b OK")),
	         "block 131072+131072; block 262144+131072; done 393216; ", part},
		{"the end in a part",
	         SCRIPTS(SCRIPT(PART, "s: * 1 FETCH (UID 5 BODY[]<131072> ", "L: 131072 200000",
	                        "S: )", "S: $b OK")),
	         "block 131072+131072; block 262144+68928; done 331072; ", part},
		{"the end before a part",
	         SCRIPTS(SCRIPT(PART, "S: * 1 FETCH (UID 5 BODY[]<131072> \"\")", "S: $b OK", AGAIN,
	                        "S: $c OK", "S: * 1 FETCH (UID 5 BODY[]<131072> \"\")", "S: $d OK",
	                        THERE)),
	         "done 131072; ", part},
		{"the end before a part, NIL",
	         SCRIPTS(SCRIPT(PART, "S: * 1 FETCH (UID 5 BODY[]<131072> NIL)", "S: $b OK", AGAIN,
	                        "S: $c OK", "S: * 1 FETCH (UID 5 BODY[]<131072> NIL)", "S: $d OK",
	                        THERE)),
	         "done 131072; ", part},
		{"more than was asked for",
	         SCRIPTS(SCRIPT(PART, "s: * 1 FETCH (UID 5 BODY[]<131072> ", "L: 131072 262145",
	                        "S: )", "S: $b OK")),
	         "error PROTOCOL; ", part},
		{"more than was asked for, kept",
	         SCRIPTS(SCRIPT(PART, "s: * 1 FETCH (BODY[]<131072> ", "L: 131072 262145",
	                        "S:  UID 5)", "S: $b OK")),
	         "error PROTOCOL; ", part},
		{"another part",
	         SCRIPTS(SCRIPT(PART, "s: * 1 FETCH (UID 5 BODY[]<0> ", "L: 0 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[]<131072> ", "L: 131072 100", "S: )",
	                        "S: $b OK")),
	         "block 131072+100; done 131172; ", part},
	};

	check_reads(rows, G_N_ELEMENTS(rows), 2);
}

/* Blocks are told before the server has sent all. */
static void
test_streaming(void)
{
	const RemoteRead whole = {.mailbox = "box", .uidvalidity = 7, .uid = 5};
	RemoteFixture fixture = remote_fixture_new(
		"streaming",
		SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 131172 131072", "GATE a",
	                       "WAIT 1", "HANG")),
		1, 300 * 1000);
	g_autoptr(Record) record = record_read(&fixture, &whole);

	WAIT_UNTIL("streaming", record->log->len);
	g_assert_cmpstr(record->log->str, ==, "block 0+131072; ");
	scripted_server_open_gate(fixture.server, 'a');
	record_check(record, "block 0+131072; error TIMED_OUT; ");
	remote_fixture_free(&fixture);
}

/* A few bytes now and then are no progress. */
static void
test_trickle(void)
{
	const RemoteRead whole = {.mailbox = "box", .uidvalidity = 7, .uid = 5};
	RemoteFixture fixture =
		remote_fixture_new("trickle",
	                           SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ",
	                                          "L: 0 131072 100", "TRICKLE 50 x")),
	                           1, 300 * 1000);
	g_autoptr(Record) record = record_read(&fixture, &whole);

	record_check(record, "error TIMED_OUT; ");
	remote_fixture_free(&fixture);
}

/* --- lost connections --- */

#define CUT SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 200000 150000", "DROP")

static void
test_cut(void)
{
	const RemoteRead whole = {.mailbox = "box", .uidvalidity = 7, .uid = 5};
	const ReadRow rows[] = {
		{"cut in the literal, then whole",
	         SCRIPTS(CUT, SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 200000", "S: )",
	                             "S: $b OK")),
	         "block 0+131072; block 0+131072; block 131072+68928; done 200000; ", whole},
		{"cut twice", SCRIPTS(CUT, CUT), "block 0+131072; block 0+131072; error OFFLINE; ",
	         whole},
		{"cut before anything, then whole",
	         SCRIPTS(SCRIPT(SELECT, "DROP"), SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ",
	                                                "L: 0 10", "S: )", "S: $b OK")),
	         "block 0+10; done 10; ", whole},
		{"BYE, then whole",
	         SCRIPTS(SCRIPT(WHOLE, "S: * BYE tired", "DROP"),
	                 SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )",
	                        "S: $b OK")),
	         "block 0+10; done 10; ", whole},
		{"reset, then whole",
	         SCRIPTS(SCRIPT(WHOLE, "RESET"), SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ",
	                                                "L: 0 10", "S: )", "S: $b OK")),
	         "block 0+10; done 10; ", whole},
		{"cut, and another mailbox after",
	         SCRIPTS(CUT, SCRIPT(SELECT, "C: b UID FETCH 5 (UID BODY.PEEK[])",
	                             "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                             "s: * 1 FETCH (UID 5 BODY[] ", "L: 9 10", "S: )", "S: $b OK")),
	         "block 0+131072; error STALE; ", whole},
		{"cut behind the literal, twice: it came",
	         SCRIPTS(SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )", "DROP"),
	                 SCRIPT(WHOLE, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )", "DROP")),
	         "block 0+10; block 0+10; done 10; ", whole},
		{"nonsense is not repeated", SCRIPTS(SCRIPT(WHOLE, "S: 1.12345678 OK", "EOF")),
	         "error PROTOCOL; ", whole},
	};

	check_reads(rows, G_N_ELEMENTS(rows), 2);
}

/* --- OK without the bytes --- */

static void
test_second_look(void)
{
	const RemoteRead whole = {.mailbox = "box", .uidvalidity = 7, .uid = 5};
	const ReadRow rows[] = {
		{"gone",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: * 1 EXPUNGE", "S: $c OK", "S: $d OK",
	                        "S: * SEARCH", "S: $e OK", AGAIN, "S: $c OK", "S: $d OK",
	                        "S: * SEARCH", "S: $e OK")),
	         "error STALE; ", whole},
		{"gone, NO",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b NO no such message", AGAIN, "S: $c OK",
	                        "S: $d NO no such message", "S: * SEARCH", "S: $e OK")),
	         "error STALE; ", whole},
		{"gone, and SEARCH says nothing",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: $c OK", "S: $d OK", "S: $e OK")),
	         "error STALE; ", whole},
		{"just come",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: * 3 EXISTS", "S: $c OK",
	                        "s: * 3 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )", "S: $d OK",
	                        "S: * SEARCH 5", "S: $e OK")),
	         "block 0+10; done 10; ", whole},
		{"listed, not sent",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: $c OK", "S: $d OK", "S: * SEARCH 5",
	                        "S: $e OK")),
	         "error FAILED; ", whole},
		{"listed, refused",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b NO cannot", AGAIN, "S: $c OK", "S: $d NO cannot",
	                        "S: * SEARCH 5", "S: $e OK")),
	         "error FAILED; ", whole},
		{"listed, not well",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: $c OK", "S: $d NO [SERVERBUG] oh",
	                        "S: * SEARCH 5", "S: $e OK")),
	         "error LIMIT; ", whole},
		{"empty, and gone",
	         SCRIPTS(SCRIPT(WHOLE, "S: * 1 FETCH (UID 5 BODY[] \"\")", "S: $b OK", AGAIN,
	                        "S: * 1 EXPUNGE", "S: $c OK", "S: $d OK", "S: * SEARCH", "S: $e OK",
	                        AGAIN, "S: $c OK", "S: $d OK", "S: * SEARCH", "S: $e OK")),
	         "error STALE; ", whole},
		{"another is listed",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: $c OK", "S: $d OK", "S: * SEARCH 6",
	                        "S: $e OK")),
	         "error STALE; ", whole},
		{"SEARCH refused",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "S: $c OK", "S: $d OK", "S: $e NO no")),
	         "error FAILED; ", whole},
		{"lost at the second look, and seen at the third",
	         SCRIPTS(SCRIPT(WHOLE, "S: $b OK", AGAIN, "DROP"),
	                 SCRIPT(SELECT, AGAIN, OPENED, "S: $c OK", "s: * 1 FETCH (UID 5 BODY[] ",
	                        "L: 0 10", "S: )", "S: $d OK", "S: * SEARCH 5", "S: $e OK")),
	         "block 0+10; done 10; ", whole},
	};

	check_reads(rows, G_N_ELEMENTS(rows), 3);
}

/* Several at once on one session, each with its own bytes. */
static void
test_together(void)
{
	const RemoteRead reads[] = {
		{.mailbox = "box", .uidvalidity = 7, .uid = 5, .length = REMOTE_BLOCK_SIZE},
		{.mailbox = "box",
	         .uidvalidity = 7,
	         .uid = 5,
	         .offset = REMOTE_BLOCK_SIZE,
	         .length = REMOTE_BLOCK_SIZE},
		{.mailbox = "box", .uidvalidity = 7, .uid = 6},
	};
	static const char *const expected[] = {
		"block 0+131072; done 131072; ",
		"block 131072+10; done 131082; ",
		"block 0+20; done 20; ",
	};
	RemoteFixture fixture = remote_fixture_new(
		"together",
		SCRIPTS(SCRIPT(SELECT, "C: b UID FETCH 5 (UID BODY.PEEK[]<0.131072>)",
	                       "C: c UID FETCH 5 (UID BODY.PEEK[]<131072.131072>)",
	                       "C: d UID FETCH 6 (UID BODY.PEEK[])", OPENED,
	                       "s: * 2 FETCH (UID 6 BODY[] ", "L: 0 20", "S: )", "S: $d OK",
	                       "s: * 1 FETCH (UID 5 BODY[]<131072> ", "L: 131072 10", "S: )",
	                       "s: * 1 FETCH (UID 5 BODY[]<0> ", "L: 0 131072", "S: )", "S: $b OK",
	                       "S: $c OK")),
		1, 0);
	Record *records[G_N_ELEMENTS(reads)];

	for (guint i = 0; i < G_N_ELEMENTS(reads); i++)
		records[i] = record_read(&fixture, &reads[i]);
	for (guint i = 0; i < G_N_ELEMENTS(reads); i++) {
		record_check(records[i], expected[i]);
		record_free(records[i]);
	}
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-read/read", test_read);
	g_test_add_func("/remote-read/blocks", test_blocks);
	g_test_add_func("/remote-read/streaming", test_streaming);
	g_test_add_func("/remote-read/trickle", test_trickle);
	g_test_add_func("/remote-read/cut", test_cut);
	g_test_add_func("/remote-read/second-look", test_second_look);
	g_test_add_func("/remote-read/together", test_together);
	return g_test_run();
}
