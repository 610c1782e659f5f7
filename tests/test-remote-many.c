/*
 * test-remote-many.c: many messages with one command, from servers good and bad and over
 * connections that are lost, and how such commands share the connections with others.
 */
#include <string.h>

#include "error-name.h"
#include "remote-recorder.h"

#define HELLO        "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"
#define SELECT(name) "C: a SELECT \"" name "\""
#define OPENED       "S: * 9 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK [READ-WRITE] done"
#define MANY(set)    HELLO, SELECT("box"), "C: b UID FETCH " set " (UID BODY.PEEK[])", OPENED

/* The whole answer for one message. */
#define BODY(uid, length) "s: * 1 FETCH (UID " uid " BODY[] ", "L: 0 " length, "S: )"

/* --- what is told --- */

static void
on_block(guint32 uid, guint64 offset, GBytes *bytes, gpointer data)
{
	Record *record = data;
	gsize length;
	const guint8 *byte = g_bytes_get_data(bytes, &length);

	g_assert_false(record->done);
	g_assert_cmpuint(offset % REMOTE_BLOCK_SIZE, ==, 0);
	g_assert_cmpuint(length, <=, REMOTE_BLOCK_SIZE);
	for (gsize i = 0; i < length; i++)
		if (byte[i] != sample_byte(offset + i))
			g_error("%s: wrong byte at %" G_GUINT64_FORMAT, record->label, offset + i);
	g_string_append_printf(record->log, "%u: %" G_GUINT64_FORMAT "+%" G_GSIZE_FORMAT "; ", uid,
	                       offset, length);
}

static void
on_message(guint32 uid, guint64 end, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%u ends %" G_GUINT64_FORMAT "; ", uid, end);
}

static void
on_done(const GError *error, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	record->done = TRUE;
	if (error)
		g_string_append_printf(record->log, "error %s; ", error_name(error));
	else
		g_string_append(record->log, "done; ");
}

static const RemoteReadManyHandler handler = {
	.block = on_block,
	.message = on_message,
	.done = on_done,
};

/* @uids: 0 behind the last. */
static Record *
read_many(RemoteFixture *fixture, const char *mailbox, const guint32 *uids)
{
	RemoteReadMany read = {.mailbox = mailbox, .uidvalidity = 7, .uids = uids};
	Record *record = record_new(fixture->label);

	while (uids[read.n_uids])
		read.n_uids++;
	fixture->remote->operations->read_many(fixture->remote, &read, &handler, record);
	g_assert_cmpuint(record->log->len, ==, 0);
	return record;
}

static Record *
read_one(RemoteFixture *fixture, const char *mailbox)
{
	const RemoteRead read = {.mailbox = mailbox, .uidvalidity = 7, .uid = 5};

	return record_read(fixture, &read);
}

static void
check(Record *record, const char *expected)
{
	record_check(record, expected);
	record_free(record);
}

/* --- one command --- */

typedef struct {
	const char *label;
	const char *const *const *scripts; /* one per connection */
	guint32 uids[8];
	const char *expected;
} ManyRow;

/* In one piece, in pieces that end anywhere, and, where there are few, in bytes. */
static const gsize splits[] = {0, 10007, 1};

static void
check_rows(const ManyRow *rows, guint n_rows, guint n_splits)
{
	for (guint i = 0; i < n_splits * n_rows; i++) {
		const ManyRow *row = &rows[i / n_splits];
		RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 0);

		scripted_server_split(fixture.server, splits[i % n_splits]);
		check(read_many(&fixture, "box", row->uids), row->expected);
		remote_fixture_free(&fixture);
	}
}

static void
test_answers(void)
{
	const ManyRow rows[] = {
		{"in order",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "100"), BODY("6", "20"), "S: $b OK")),
	         {5, 6},
	         "5: 0+100; 5 ends 100; 6: 0+20; 6 ends 20; done; "},
		{"a compressed set, answered in any order",
	         SCRIPTS(SCRIPT(MANY("3,5:7,9"), BODY("9", "9"), BODY("5", "5"), BODY("7", "7"),
	                        BODY("3", "3"), BODY("6", "6"), "S: $b OK")),
	         {9, 5, 3, 6, 7},
	         "9: 0+9; 9 ends 9; 5: 0+5; 5 ends 5; 7: 0+7; 7 ends 7; 3: 0+3; 3 ends 3; "
	         "6: 0+6; 6 ends 6; done; "},
		{"one",
	         SCRIPTS(SCRIPT(MANY("4294967295"), BODY("4294967295", "10"), "S: $b OK")),
	         {4294967295},
	         "4294967295: 0+10; 4294967295 ends 10; done; "},
		{"asked for twice",
	         SCRIPTS(SCRIPT(MANY("5"), BODY("5", "10"), "S: $b OK")),
	         {5, 5},
	         "5: 0+10; 5 ends 10; done; "},
		{"UIDs behind the bytes",
	         SCRIPTS(SCRIPT(MANY("5:6"), "s: * 1 FETCH (BODY[] ", "L: 0 10", "S:  UID 6)",
	                        "s: * 1 FETCH (BODY[] ", "L: 0 20", "S:  UID 5)", "S: $b OK")),
	         {5, 6},
	         "6: 0+10; 6 ends 10; 5: 0+20; 5 ends 20; done; "},
		{"flags around and between",
	         SCRIPTS(SCRIPT(MANY("5:6"), "S: * 3 FETCH (FLAGS () UID 5)", "S: * 10 EXISTS",
	                        "s: * 1 FETCH (FLAGS (\\Seen) UID 5 BODY[] ", "L: 0 10",
	                        "S:  FLAGS ())", "S: * 8 EXPUNGE", BODY("6", "20"), "S: $b OK")),
	         {5, 6},
	         "5: 0+10; 5 ends 10; 6: 0+20; 6 ends 20; done; "},
		{"a string",
	         SCRIPTS(SCRIPT(MANY("5:6"), "S: * 1 FETCH (UID 5 BODY[] \"A\")", BODY("6", "2"),
	                        "S: $b OK")),
	         {5, 6},
	         "5: 0+1; 5 ends 1; 6: 0+2; 6 ends 2; done; "},
		{"none of one, and NIL",
	         SCRIPTS(SCRIPT(MANY("5:7"), "S: * 1 FETCH (UID 5 BODY[] NIL)",
	                        "S: * 1 FETCH (UID 6 BODY[] \"\")", "s: * 1 FETCH (UID 7 BODY[] ",
	                        "L: 0 0", "S: )", "S: $b OK")),
	         {5, 6, 7},
	         "5 ends 0; 6 ends 0; 7 ends 0; done; "},
		{"some left out",
	         SCRIPTS(SCRIPT(MANY("5:8"), BODY("6", "10"), "S: $b OK")),
	         {5, 6, 7, 8},
	         "6: 0+10; 6 ends 10; done; "},
		{"all left out", SCRIPTS(SCRIPT(MANY("5:8"), "S: $b OK")), {5, 6, 7, 8}, "done; "},
		{"one twice",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "10"), "s: * 1 FETCH (UID 5 BODY[] ",
	                        "L: 9 50", "S: )", BODY("6", "20"), "S: $b OK")),
	         {5, 6},
	         "5: 0+10; 5 ends 10; 6: 0+20; 6 ends 20; done; "},
		{"others' bytes and other bytes",
	         SCRIPTS(SCRIPT(MANY("5:6"), "s: * 2 FETCH (UID 4 BODY[] ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[1] ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 BODY[]<100> ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (UID 5 RFC822 ", "L: 9 100", "S: )",
	                        "s: * 1 FETCH (BODY[] ", "L: 9 100", "S:  UID 4)", BODY("5", "10"),
	                        "S: $b OK")),
	         {5, 6},
	         "5: 0+10; 5 ends 10; done; "},
	};

	check_rows(rows, G_N_ELEMENTS(rows), 3);
}

static void
test_blocks(void)
{
	const ManyRow rows[] = {
		{"blocks",
	         SCRIPTS(SCRIPT(MANY("5:7"), BODY("5", "300000"), BODY("6", "131072"),
	                        BODY("7", "131073"), "S: $b OK")),
	         {5, 6, 7},
	         "5: 0+131072; 5: 131072+131072; 5: 262144+37856; 5 ends 300000; "
	         "6: 0+131072; 6 ends 131072; "
	         "7: 0+131072; 7: 131072+1; 7 ends 131073; done; "},
		{"blocks, kept",
	         SCRIPTS(SCRIPT(MANY("5:6"), "s: * 1 FETCH (BODY[] ", "L: 0 300000", "S:  UID 5)",
	                        BODY("6", "10"), "S: $b OK")),
	         {5, 6},
	         "5: 0+131072; 5: 131072+131072; 5: 262144+37856; 5 ends 300000; "
	         "6: 0+10; 6 ends 10; done; "},
	};

	check_rows(rows, G_N_ELEMENTS(rows), 2);
}

static void
test_refused(void)
{
	const ManyRow rows[] = {
		{"NO", SCRIPTS(SCRIPT(MANY("5:6"), "S: $b NO no")), {5, 6}, "error FAILED; "},
		{"NO, and some came",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("6", "10"), "S: $b NO [LIMIT] no")),
	         {5, 6},
	         "6: 0+10; 6 ends 10; error LIMIT; "},
		{"expunged meanwhile",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("6", "10"), "S: $b NO [EXPUNGEISSUED] gone")),
	         {5, 6},
	         "6: 0+10; 6 ends 10; error STALE; "},
		{"another mailbox",
	         SCRIPTS(SCRIPT(HELLO, SELECT("box"), "C: b UID FETCH 5:6 (UID BODY.PEEK[])",
	                        "S: * OK [UIDVALIDITY 8]", "S: $a OK", BODY("5", "10"),
	                        BODY("6", "10"), "S: $b OK")),
	         {5, 6},
	         "error STALE; "},
		{"another mailbox, kept",
	         SCRIPTS(SCRIPT(HELLO, SELECT("box"), "C: b UID FETCH 5:6 (UID BODY.PEEK[])",
	                        "S: * OK [UIDVALIDITY 8]", "S: $a OK", "s: * 1 FETCH (BODY[] ",
	                        "L: 0 10", "S:  UID 5)", "S: $b OK")),
	         {5, 6},
	         "error STALE; "},
		{"no such mailbox",
	         SCRIPTS(SCRIPT(HELLO, SELECT("box"), "C: b UID FETCH 5:6 (UID BODY.PEEK[])",
	                        "S: $a NO [NONEXISTENT] no", "S: $b BAD what?")),
	         {5, 6},
	         "error NOT_FOUND; "},
		{"gigabytes",
	         SCRIPTS(SCRIPT(MANY("5:6"), "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 5000000000 0",
	                        "EOF")),
	         {5, 6},
	         "error PROTOCOL; "},
		{"nonsense",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "10"), "S: 1.12345678 OK", "EOF")),
	         {5, 6},
	         "5: 0+10; 5 ends 10; error PROTOCOL; "},
	};

	check_rows(rows, G_N_ELEMENTS(rows), 3);
}

/* --- lost connections --- */

/* One message whole, another up to the second block. */
#define CUT                                                                                        \
	SCRIPT(MANY("5:8"), BODY("6", "10"), "s: * 1 FETCH (UID 7 BODY[] ", "L: 0 300000 200000",  \
	       "DROP")
#define BEFORE_CUT "6: 0+10; 6 ends 10; 7: 0+131072; "

/* Only those that have not come are asked for again. */
static void
test_cut(void)
{
	const ManyRow rows[] = {
		{"cut in a literal",
	         SCRIPTS(CUT, SCRIPT(MANY("5,7:8"), BODY("8", "8"), BODY("7", "300000"),
	                             BODY("5", "5"), "S: $b OK")),
	         {5, 6, 7, 8},
	         BEFORE_CUT "8: 0+8; 8 ends 8; 7: 0+131072; 7: 131072+131072; 7: 262144+37856; "
	                    "7 ends 300000; 5: 0+5; 5 ends 5; done; "},
		{"cut twice",
	         SCRIPTS(CUT, SCRIPT(MANY("5,7:8"), BODY("5", "5"), "s: * 1 FETCH (UID 7 BODY[] ",
	                             "L: 0 300000 1000", "DROP")),
	         {5, 6, 7, 8},
	         BEFORE_CUT "5: 0+5; 5 ends 5; error OFFLINE; "},
		{"cut before anything",
	         SCRIPTS(SCRIPT(HELLO, SELECT("box"), "DROP"),
	                 SCRIPT(MANY("5:6"), BODY("5", "5"), "S: $b OK")),
	         {5, 6},
	         "5: 0+5; 5 ends 5; done; "},
		{"BYE",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), "S: * BYE tired", "DROP"),
	                 SCRIPT(MANY("6"), BODY("6", "6"), "S: $b OK")),
	         {5, 6},
	         "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; "},
		{"reset in a kept literal",
	         SCRIPTS(SCRIPT(MANY("5:6"), "s: * 1 FETCH (BODY[] ", "L: 0 300000 200000",
	                        "WAIT 50", "RESET"),
	                 SCRIPT(MANY("5:6"), BODY("6", "6"), BODY("5", "5"), "S: $b OK")),
	         {5, 6},
	         "6: 0+6; 6 ends 6; 5: 0+5; 5 ends 5; done; "},
		{"cut behind a literal",
	         SCRIPTS(SCRIPT(MANY("5:6"), "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "DROP"),
	                 SCRIPT(MANY("6"), BODY("6", "6"), "S: $b OK")),
	         {5, 6},
	         "5: 0+10; 5 ends 10; 6: 0+6; 6 ends 6; done; "},
		{"cut behind the last one",
	         SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), BODY("6", "6"), "DROP"),
	                 SCRIPT(HELLO, SELECT("box"), OPENED)),
	         {5, 6},
	         "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; "},
		{"another mailbox afterwards",
	         SCRIPTS(CUT, SCRIPT(HELLO, SELECT("box"), "C: b UID FETCH 5,7:8 (UID BODY.PEEK[])",
	                             "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                             "s: * 1 FETCH (UID 7 BODY[] ", "L: 9 10", "S: )", "S: $b OK")),
	         {5, 6, 7, 8},
	         BEFORE_CUT "error STALE; "},
	};

	check_rows(rows, G_N_ELEMENTS(rows), 2);
}

/* Blocks are told before the server has sent all of the message, and a server that then says
 * nothing more is given up. */
static void
test_streaming(void)
{
	const guint32 uids[] = {5, 6, 0};
	RemoteFixture fixture = remote_fixture_new(
		"streaming",
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "10"), "s: * 1 FETCH (UID 6 BODY[] ",
	                       "L: 0 131172 131072", "GATE a", "HANG")),
		1, 300 * 1000);
	Record *record = read_many(&fixture, "box", uids);

	WAIT_UNTIL("streaming", strstr(record->log->str, "6: "));
	g_assert_cmpstr(record->log->str, ==, "5: 0+10; 5 ends 10; 6: 0+131072; ");
	scripted_server_open_gate(fixture.server, 'a');
	check(record, "5: 0+10; 5 ends 10; 6: 0+131072; error TIMED_OUT; ");
	remote_fixture_free(&fixture);
}

/* The account is unmounted in the midst. */
static void
test_freed(void)
{
	const guint32 uids[] = {5, 6, 0}, others[] = {8, 0};
	RemoteFixture fixture =
		remote_fixture_new("freed",
	                           SCRIPTS(SCRIPT(MANY("5:6"), "s: * 1 FETCH (UID 5 BODY[] ",
	                                          "L: 0 200000 150000", "HANG")),
	                           1, 0);
	Record *record = read_many(&fixture, "box", uids), *other;

	WAIT_UNTIL("freed", record->log->len);
	other = read_many(&fixture, "another box", others);
	remote_fixture_free(&fixture);
	check(record, "5: 0+131072; error INTERRUPTED; ");
	check(other, "error INTERRUPTED; ");
}

/* --- connections --- */

#define MORE(letter, set) "C: " letter " UID FETCH " set " (UID BODY.PEEK[])"

/* The next batch is asked for while the last one still comes, on the same session, although there
 * might be others. */
static void
test_pipelined(void)
{
	const guint32 one[] = {5, 6, 0}, two[] = {7, 8, 0}, three[] = {9, 0};
	RemoteFixture fixture = remote_fixture_new(
		"pipelined",
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), MORE("c", "7:8"), MORE("d", "9"),
	                       BODY("6", "6"), "S: $b OK", BODY("7", "7"), BODY("8", "8"),
	                       "S: $c OK", BODY("9", "9"), "S: $d OK")),
		4, 0);
	Record *records[3];

	records[0] = read_many(&fixture, "box", one);
	WAIT_UNTIL("pipelined", records[0]->log->len);
	records[1] = read_many(&fixture, "box", two);
	records[2] = read_many(&fixture, "box", three);
	check(records[0], "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; ");
	check(records[1], "7: 0+7; 7 ends 7; 8: 0+8; 8 ends 8; done; ");
	check(records[2], "9: 0+9; 9 ends 9; done; ");
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 1);
	remote_fixture_free(&fixture);
}

/* A pipeline that is cut: each command is repeated for what it lacks, one behind the other. */
static void
test_pipeline_cut(void)
{
	const guint32 one[] = {5, 6, 0}, two[] = {7, 8, 0};
	RemoteFixture fixture = remote_fixture_new(
		"pipeline cut",
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), MORE("c", "7:8"), "DROP"),
	                SCRIPT(MANY("6"), MORE("c", "7:8"), BODY("6", "6"), "S: $b OK",
	                       BODY("7", "7"), BODY("8", "8"), "S: $c OK")),
		1, 0);
	Record *first = read_many(&fixture, "box", one), *second;

	WAIT_UNTIL("pipeline cut", first->log->len);
	second = read_many(&fixture, "box", two);
	check(first, "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; ");
	check(second, "7: 0+7; 7 ends 7; 8: 0+8; 8 ends 8; done; ");
	remote_fixture_free(&fixture);
}

/* The same message may come twice in a pipeline: each command takes its own. */
static void
test_pipelined_overlap(void)
{
	const guint32 one[] = {5, 6, 0}, two[] = {6, 7, 0};
	RemoteFixture fixture = remote_fixture_new(
		"overlap",
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), MORE("c", "6:7"), BODY("6", "6"),
	                       "S: $b OK", BODY("6", "6"), BODY("7", "7"), "S: $c OK")),
		4, 0);
	Record *first = read_many(&fixture, "box", one), *second;

	WAIT_UNTIL("overlap", first->log->len);
	second = read_many(&fixture, "box", two);
	check(first, "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; ");
	check(second, "6: 0+6; 6 ends 6; 7: 0+7; 7 ends 7; done; ");
	remote_fixture_free(&fixture);
}

#define ONE "C: b UID FETCH 5 (UID BODY.PEEK[])", OPENED, BODY("5", "10"), "S: $b OK"

/* Who is in a hurry gets another session, with the same mailbox or with another. */
static void
check_overtakes(const char *label, const char *mailbox, const char *const *script)
{
	const guint32 uids[] = {5, 6, 0};
	RemoteFixture fixture = remote_fixture_new(
		label,
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), "GATE a", BODY("6", "6"), "S: $b OK"),
	                script),
		2, 0);
	Record *many = read_many(&fixture, "box", uids);

	WAIT_UNTIL(label, many->log->len);
	check(read_one(&fixture, mailbox), "block 0+10; done 10; ");
	g_assert_false(many->done);
	scripted_server_open_gate(fixture.server, 'a');
	check(many, "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; ");
	remote_fixture_free(&fixture);
}

static void
test_overtaken(void)
{
	check_overtakes("the same mailbox", "box", SCRIPT(HELLO, SELECT("box"), ONE));
	check_overtakes("another mailbox", "two", SCRIPT(HELLO, SELECT("two"), ONE));
}

/* Where there is only one connection a short read goes right behind. */
static void
test_alone(void)
{
	const guint32 uids[] = {5, 6, 0};
	RemoteFixture fixture = remote_fixture_new(
		"alone",
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), MORE("c", "5"), BODY("6", "6"),
	                       "S: $b OK", BODY("5", "10"), "S: $c OK")),
		1, 0);
	Record *many = read_many(&fixture, "box", uids), *one;

	WAIT_UNTIL("alone", many->log->len);
	one = read_one(&fixture, "box");
	check(many, "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; ");
	check(one, "block 0+10; done 10; ");
	remote_fixture_free(&fixture);
}

/* The last connection is not for reading ahead: of two mailboxes the second one waits, while
 * somebody in a hurry gets through. */
static void
test_leaves_one(void)
{
	const guint32 uids[] = {5, 6, 0};
	RemoteFixture fixture = remote_fixture_new(
		"leaves one",
		SCRIPTS(SCRIPT(MANY("5:6"), BODY("5", "5"), "GATE a", BODY("6", "6"), "S: $b OK"),
	                SCRIPT(HELLO, SELECT("three"), ONE, SELECT("two"),
	                       "C: b UID FETCH 5:6 (UID BODY.PEEK[])", OPENED, BODY("5", "1"),
	                       "S: $b OK")),
		2, 0);
	Record *first = read_many(&fixture, "box", uids), *second;

	WAIT_UNTIL("leaves one", first->log->len);
	second = read_many(&fixture, "two", uids);
	test_linger(50);
	check(read_one(&fixture, "three"), "block 0+10; done 10; ");
	test_linger(50);
	g_assert_cmpuint(second->log->len, ==, 0);
	scripted_server_open_gate(fixture.server, 'a');
	check(first, "5: 0+5; 5 ends 5; 6: 0+6; 6 ends 6; done; ");
	check(second, "5: 0+1; 5 ends 1; done; ");
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-many/answers", test_answers);
	g_test_add_func("/remote-many/blocks", test_blocks);
	g_test_add_func("/remote-many/refused", test_refused);
	g_test_add_func("/remote-many/cut", test_cut);
	g_test_add_func("/remote-many/streaming", test_streaming);
	g_test_add_func("/remote-many/freed", test_freed);
	g_test_add_func("/remote-many/pipelined", test_pipelined);
	g_test_add_func("/remote-many/pipeline-cut", test_pipeline_cut);
	g_test_add_func("/remote-many/pipelined-overlap", test_pipelined_overlap);
	g_test_add_func("/remote-many/overtaken", test_overtaken);
	g_test_add_func("/remote-many/alone", test_alone);
	g_test_add_func("/remote-many/leaves-one", test_leaves_one);
	return g_test_run();
}
