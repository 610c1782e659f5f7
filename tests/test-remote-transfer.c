/*
 * test-remote-transfer.c: messages copied and moved: where they have gone, as servers tell it, what
 * servers refuse, and connections that are lost on the way.
 */
#include <string.h>

#include "change-recorder.h"

static const guint32 uids[] = {5, 7, 8};

typedef struct {
	const char *label;
	const char *const *const *scripts; /* one per connection */
	const char *expected;
	gboolean move;
} TransferRow;

static void
check_transfer(const TransferRow *row, gsize split)
{
	RemoteFixture fixture = remote_fixture_new(row->label, row->scripts, 1, 600 * 1000);
	const RemoteTransfer transfer = {
		.from = "box",
		.from_uidvalidity = 7,
		.uids = uids,
		.n_uids = G_N_ELEMENTS(uids),
		.to = "to",
		.move = row->move,
	};
	g_autoptr(Record) record = NULL;

	scripted_server_split(fixture.server, split);
	record = record_transfer(&fixture, &transfer);
	record_check(record, row->expected);
	remote_fixture_free(&fixture);
}

static void
check_transfers(const TransferRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		check_transfer(&rows[i], 0);
		check_transfer(&rows[i], 1);
	}
}

#define COPY WRITE_HELLO, OPEN_BOX, "C: b UID COPY 5,7:8 \"to\""
#define MOVE WRITE_HELLO, OPEN_BOX, "C: b UID MOVE 5,7:8 \"to\""

static void
test_copy(void)
{
	const TransferRow rows[] = {
		{"tagged", SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID 9 5,7:8 1:3] done")),
	         "5 as 1; 7 as 2; 8 as 3; copied 9; ", FALSE},
		{"not told", SCRIPTS(SCRIPT(COPY, "S: $b OK done")), "copied 0; ", FALSE},
		{"untagged", SCRIPTS(SCRIPT(COPY, "S: * OK [COPYUID 9 5,7:8 1:3]", "S: $b OK")),
	         "5 as 1; 7 as 2; 8 as 3; copied 9; ", FALSE},
		{"both",
	         SCRIPTS(SCRIPT(COPY, "S: * OK [COPYUID 9 5,7:8 1:3]",
	                        "S: $b OK [COPYUID 9 5,7:8 1:3] done")),
	         "5 as 1; 7 as 2; 8 as 3; copied 9; ", FALSE},
		{"some are gone",
	         SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID 9 5,8 4294967294:4294967295]")),
	         "5 as 4294967294; 8 as 4294967295; copied 9; ", FALSE},
		{"in another order", SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID 9 8,5,7 3:1]")),
	         "8 as 1; 5 as 2; 7 as 3; copied 9; ", FALSE},
		{"nonsense", SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID 9 5,7:8 1:2]")), "copied 0; ",
	         FALSE},
		{"four thousand million",
	         SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID 9 1:4294967295 1:4294967295]")),
	         "copied 0; ", FALSE},
		{"others than asked for", SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID 9 1:2 1:2]")),
	         "copied 0; ", FALSE},
		{"empty", SCRIPTS(SCRIPT(COPY, "S: $b OK [COPYUID] done")), "copied 0; ", FALSE},
	};

	check_transfers(rows, G_N_ELEMENTS(rows));
}

static void
test_move(void)
{
	const TransferRow rows[] = {
		{"untagged",
	         SCRIPTS(SCRIPT(MOVE, "S: * OK [COPYUID 9 5,7:8 1:3] moved", "S: * 1 EXPUNGE",
	                        "S: * VANISHED 7:8", "S: $b OK")),
	         "5 as 1; 7 as 2; 8 as 3; moved 9; ", TRUE},
		{"tagged, behind the EXPUNGEs",
	         SCRIPTS(SCRIPT(MOVE, "S: * 1 EXPUNGE", "S: * 1 EXPUNGE", "S: * 1 EXPUNGE",
	                        "S: $b OK [COPYUID 9 5,7:8 1:3]")),
	         "5 as 1; 7 as 2; 8 as 3; moved 9; ", TRUE},
		{"Exchange: no OK", SCRIPTS(SCRIPT(MOVE, "S: [COPYUID 9 5,7:8 1:3]", "S: $b OK")),
	         "5 as 1; 7 as 2; 8 as 3; moved 9; ", TRUE},
		{"home.pl: no OK either",
	         SCRIPTS(SCRIPT(MOVE, "S: * [COPYUID 9 5,7:8 1:3]", "S: $b OK")),
	         "5 as 1; 7 as 2; 8 as 3; moved 9; ", TRUE},
		{"in parts",
	         SCRIPTS(SCRIPT(MOVE, "S: * OK [COPYUID 9 5 1]", "S: * 1 EXPUNGE",
	                        "S: * OK [COPYUID 9 7:8 2:3]", "S: $b OK")),
	         "5 as 1; 7 as 2; 8 as 3; moved 9; ", TRUE},
		{"not all",
	         SCRIPTS(SCRIPT(MOVE, "S: * OK [COPYUID 9 5 1]", "S: * 1 EXPUNGE",
	                        "S: $b NO [OVERQUOTA] full")),
	         "5 as 1; error QUOTA; ", TRUE},
		{"the server cannot",
	         SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hello", OPEN_BOX,
	                        "C: b UID COPY 5,7:8 \"to\"", "S: $b OK [COPYUID 9 5,7:8 1:3]")),
	         "5 as 1; 7 as 2; 8 as 3; copied 9; ", TRUE},
		{"IMAP4rev2 can",
	         SCRIPTS(SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 IMAP4rev2] hello", OPEN_BOX,
	                        "C: b UID MOVE 5,7:8 \"to\"", "S: $b OK")),
	         "moved 0; ", TRUE},
	};

	check_transfers(rows, G_N_ELEMENTS(rows));
}

static void
test_refused(void)
{
	const TransferRow rows[] = {
		{"no such mailbox to go to", SCRIPTS(SCRIPT(COPY, "S: $b NO [TRYCREATE] no")),
	         "error NOT_FOUND; ", FALSE},
		{"full", SCRIPTS(SCRIPT(MOVE, "S: $b NO [OVERQUOTA] full")), "error QUOTA; ", TRUE},
		{"throttled", SCRIPTS(SCRIPT(MOVE, "S: $b NO [THROTTLED] later")), "error LIMIT; ",
	         TRUE},
		{"another mailbox",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; ", TRUE},
		{"no UIDVALIDITY at all",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: $a OK", "S: $n OK")), "error STALE; ",
	         TRUE},
		{"no such mailbox to come from",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: $a NO [NONEXISTENT]", "S: $n OK")),
	         "error NOT_FOUND; ", TRUE},
		{"answers in the wrong order",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 7]", "S: $n OK",
	                        "S: $a OK")),
	         "error OFFLINE; ", TRUE},
		{"read-only",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 7]",
	                        "S: $a OK [READ-ONLY]", "S: $n OK")),
	         "error READ_ONLY; ", TRUE},
	};

	check_transfers(rows, G_N_ELEMENTS(rows));
}

static void
test_cut(void)
{
	const TransferRow rows[] = {
		{"behind it", SCRIPTS(SCRIPT(MOVE, "DROP")), "error UNKNOWN; ", TRUE},
		{"half way",
	         SCRIPTS(SCRIPT(MOVE, "S: * OK [COPYUID 9 5 1]", "S: * 1 EXPUNGE", "DROP")),
	         "5 as 1; error UNKNOWN; ", TRUE},
		{"a copy", SCRIPTS(SCRIPT(COPY, "RESET")), "error UNKNOWN; ", FALSE},
		{"silence", SCRIPTS(SCRIPT(COPY, "HANG")), "error UNKNOWN; ", FALSE},
		{"before it, then done",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "DROP"),
	                 SCRIPT(MOVE, "S: * OK [COPYUID 9 5,7:8 1:3]", "S: $b OK")),
	         "5 as 1; 7 as 2; 8 as 3; moved 9; ", TRUE},
		{"before it, then another mailbox",
	         SCRIPTS(SCRIPT(WRITE_HELLO, SELECT_BOX, "DROP"),
	                 SCRIPT(WRITE_HELLO, SELECT_BOX, "S: * OK [UIDVALIDITY 8]", "S: $a OK",
	                        "S: $n OK")),
	         "error STALE; ", TRUE},
		{"a warning is no reason to repeat it",
	         SCRIPTS(SCRIPT(COPY, "S: * NO nearly full", "S: $b OK")), "copied 0; ", FALSE},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_transfer(&rows[i], 0);
}

/* --- many --- */

#define N_MANY 5000

static RemoteTransfer
every_other_uid(guint32 *many)
{
	for (guint i = 0; i < N_MANY; i++)
		many[i] = 100000 + 2 * i;
	return (RemoteTransfer){
		.from = "box", .from_uidvalidity = 7, .uids = many, .n_uids = N_MANY, .to = "to"};
}

/* Answers UID COPY a,b,c with the same UIDs plus 900000, and says how long lines were. */
static char *
answer_copy(const char *line, gpointer data)
{
	gsize *longest = data;
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	g_auto(GStrv) copied = g_strsplit(words[3], ",", -1);
	GString *text = g_string_new(NULL);

	g_assert_cmpstr(words[2], ==, "COPY");
	*longest = MAX(*longest, strlen(line) + 2);
	g_string_printf(text, "%s OK [COPYUID 9 %s ", words[0], words[3]);
	for (guint i = 0; copied[i]; i++)
		g_string_append_printf(text, i ? ",%u" : "%u",
		                       (guint)g_ascii_strtoull(copied[i], NULL, 10) + 900000);
	g_string_append(text, "] done");
	return g_string_free(text, FALSE);
}

static void
test_many(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"many", SCRIPTS(SCRIPT(WRITE_HELLO, OPEN_BOX, "X", "X", "X", "X", "X")), 1, 0);
	guint32 many[N_MANY];
	const RemoteTransfer transfer = every_other_uid(many);
	gsize longest = 0;
	g_autoptr(Record) record = NULL;

	scripted_server_hook(fixture.server, answer_copy, &longest);
	record = record_transfer(&fixture, &transfer);
	WAIT_UNTIL("many", record->done);
	g_assert_true(g_str_has_prefix(record->log->str, "100000 as 1000000; 100002 as 1000002; "));
	g_assert_true(g_str_has_suffix(record->log->str, "109998 as 1009998; copied 9; "));
	g_assert_cmpuint(longest, >, 7500);
	g_assert_cmpuint(longest, <=, 8000);
	remote_fixture_free(&fixture);
}

/* One refused, one cut off: nothing is known of the latter, which counts for more. */
static void
test_many_cut(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"many, cut",
		SCRIPTS(SCRIPT(WRITE_HELLO, OPEN_BOX, "C: b UID COPY *", "C: c UID COPY *",
	                       "C: d UID COPY *", "C: e UID COPY *", "C: f UID COPY *",
	                       "S: $b NO [OVERQUOTA] full", "S: $d OK", "DROP")),
		1, 0);
	guint32 many[N_MANY];
	const RemoteTransfer transfer = every_other_uid(many);
	g_autoptr(Record) record = record_transfer(&fixture, &transfer);

	record_check(record, "error UNKNOWN; ");
	remote_fixture_free(&fixture);
}

/* One carried out, but not told of, the others refused: it is not known what is still to be done.
 */
static void
test_many_untold(void)
{
	static const struct {
		const char *answer, *expected;
	} rows[] = {
		{"S: $b OK", "error UNKNOWN; "},
		{"S: $b OK [COPYUID 9 100000 1]", "100000 as 1; error QUOTA; "},
		{"S: $b NO [OVERQUOTA] full", "error QUOTA; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		RemoteFixture fixture = remote_fixture_new(
			rows[i].answer,
			SCRIPTS(SCRIPT(WRITE_HELLO, OPEN_BOX, "C: b UID COPY *", "C: c UID COPY *",
		                       "C: d UID COPY *", "C: e UID COPY *", "C: f UID COPY *",
		                       rows[i].answer, "S: $c NO [OVERQUOTA]",
		                       "S: $d NO [OVERQUOTA]", "S: $e NO [OVERQUOTA]",
		                       "S: $f NO [OVERQUOTA]")),
			1, 0);
		guint32 many[N_MANY];
		const RemoteTransfer transfer = every_other_uid(many);
		g_autoptr(Record) record = record_transfer(&fixture, &transfer);

		record_check(record, rows[i].expected);
		remote_fixture_free(&fixture);
	}
}

/* A mailbox that must be named in a literal: what the server never asked for was not sent, what it
 * was told of and answered is not told again. */
static void
test_many_in_literals(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"many, in literals",
		SCRIPTS(SCRIPT(BARE_HELLO, OPEN_BOX, "C: b UID COPY 100000,* {2}", "S: +",
	                       "c: \xc3\xa9", "S: $b NO [OVERQUOTA] full", "DROP")),
		1, 0);
	guint32 many[N_MANY];
	RemoteTransfer transfer = every_other_uid(many);
	g_autoptr(Record) record = NULL;

	transfer.to = "\xc3\xa9";
	record = record_transfer(&fixture, &transfer);
	record_check(record, "error UNKNOWN; ");
	remote_fixture_free(&fixture);
}

#define COPY_AGAIN "C: n NOOP", "S: $n OK", "C: b UID COPY 5,7:8 \"to\"", "S: $b OK"

/* The mailbox is open already, but may have become another one without anybody noticing, or the
 * server says that it has lost it: then it is opened anew. */
static void
test_open_already(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"open already",
		SCRIPTS(SCRIPT(COPY, "S: $b OK", COPY_AGAIN, COPY_AGAIN, "S: * OK [UIDVALIDITY 8]",
	                       "C: n NOOP", "S: $n OK", OPEN_BOX, "C: b UID COPY 5,7:8 \"to\"",
	                       "S: $b OK", "C: n NOOP", "S: * NO Internal error", "S: $n OK",
	                       OPEN_BOX, "C: b UID COPY 5,7:8 \"to\"", "S: $b OK")),
		1, 0);
	const RemoteTransfer transfer = {.from = "box",
	                                 .from_uidvalidity = 7,
	                                 .uids = uids,
	                                 .n_uids = G_N_ELEMENTS(uids),
	                                 .to = "to"};

	for (guint i = 0; i < 5; i++) {
		g_autoptr(Record) record = record_transfer(&fixture, &transfer);

		record_check(record, "copied 0; ");
	}
	remote_fixture_free(&fixture);
}

/* Dovecot tells only the first that comes that it has lost the mailbox; the next may be meant for
 * the one that has taken its name. */
static void
test_refused_before(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"refused before",
		SCRIPTS(SCRIPT(COPY, "S: $b NO [SERVERBUG] Internal error", SELECT_BOX,
	                       "S: * OK [UIDVALIDITY 8]", "S: $a OK", "S: $n OK")),
		1, 0);
	const RemoteTransfer transfer = {.from = "box",
	                                 .from_uidvalidity = 7,
	                                 .uids = uids,
	                                 .n_uids = G_N_ELEMENTS(uids),
	                                 .to = "to"};
	g_autoptr(Record) first = record_transfer(&fixture, &transfer);
	g_autoptr(Record) second = NULL;

	record_check(first, "error LIMIT; ");
	second = record_transfer(&fixture, &transfer);
	record_check(second, "error STALE; ");
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-transfer/copy", test_copy);
	g_test_add_func("/remote-transfer/move", test_move);
	g_test_add_func("/remote-transfer/refused", test_refused);
	g_test_add_func("/remote-transfer/cut", test_cut);
	g_test_add_func("/remote-transfer/many", test_many);
	g_test_add_func("/remote-transfer/many-cut", test_many_cut);
	g_test_add_func("/remote-transfer/many-untold", test_many_untold);
	g_test_add_func("/remote-transfer/many-in-literals", test_many_in_literals);
	g_test_add_func("/remote-transfer/open-already", test_open_already);
	g_test_add_func("/remote-transfer/refused-before", test_refused_before);
	return g_test_run();
}
