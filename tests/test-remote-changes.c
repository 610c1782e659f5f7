/*
 * test-remote-changes.c: what a scan tells of messages that are known already, from servers of each
 * kind.
 *
 * Every row runs with what the server says in one piece, and byte by byte.
 */
#include <string.h>

#include "remote-recorder.h"

typedef struct {
	const char *label;
	const char *const *script;
	const char *expected; /* of one scan after another, with "|" between */
	RemoteScan scan;      /* all but the mailbox */
} Row;

static void
check_row(const Row *row, gsize split)
{
	RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
	g_auto(GStrv) expected = g_strsplit(row->expected, "|", -1);
	RemoteScan scan = row->scan;

	scan.mailbox = "box";
	scripted_server_split(fixture.server, split);
	for (guint i = 0; expected[i]; i++) {
		g_autoptr(Record) record = record_scan(&fixture, &scan);

		record_check(record, expected[i]);
	}
	remote_fixture_free(&fixture);
}

static void
check_rows(const Row *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		check_row(&rows[i], 0);
		check_row(&rows[i], 1);
	}
}

#define PLAIN     "S: * PREAUTH [CAPABILITY IMAP4rev1] hi", "C: s SELECT \"box\""
#define CONDSTORE "S: * PREAUTH [CAPABILITY CONDSTORE] hi", "C: s SELECT \"box\""
#define QRESYNC                                                                                    \
	"S: * PREAUTH [CAPABILITY ENABLE QRESYNC] hi", "C: e ENABLE QRESYNC", "C: s SELECT \"box\""

#define OPENED "S: * 5 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: * OK [UIDNEXT 10] ok"
#define MODSEQ "S: * OK [HIGHESTMODSEQ 60] ok"
#define OK     "S: $s OK"

#define NEW       "UID FETCH 6:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
#define FLAGS     "UID FETCH 1:5 (UID FLAGS)"
#define SINCE     FLAGS " (CHANGEDSINCE 50)"
#define VANISHED  FLAGS " (CHANGEDSINCE 50 VANISHED)"
#define DATE      "INTERNALDATE \"17-Jul-1996 02:44:25 -0700\""
#define NEW_SEVEN "S: * 5 FETCH (UID 7 FLAGS (b a) RFC822.SIZE 9 " DATE ")"
#define SEVEN     "7 size 9 date 837596665 [a b]; "

static const RemoteScan since = {
	.uidvalidity = 7, .after_uid = 5, .changes = TRUE, .since_modseq = 50};
static const RemoteScan since_ever = {.uidvalidity = 7, .after_uid = 5, .changes = TRUE};

/* Without mod-sequences the flags of all are asked for, behind the new messages. */
static void
test_plain(void)
{
	const RemoteScan news = {.after_uid = 5, .since_modseq = 50};
	const RemoteScan nowhere = {.after_uid = 5, .changes = TRUE};
	const RemoteScan first = {.changes = TRUE, .since_modseq = 50};
	const Row rows[] = {
		{"flags of all",
	         SCRIPT(PLAIN, "C: a " NEW, "C: b " FLAGS, OPENED, OK, NEW_SEVEN, "S: $a OK",
	                "S: * 1 FETCH (UID 2 FLAGS (\\Seen \\Recent))",
	                "S: * 2 FETCH (FLAGS () UID 3)", "S: $b OK"),
	         "opened 7; " SEVEN "2 [\\Seen]; 3 []; done 5 next 10; ", since},
		{"an old message among the new ones",
	         SCRIPT(PLAIN, "C: a " NEW, "C: b " FLAGS, OPENED, OK,
	                "S: * 5 FETCH (UID 5 FLAGS (x) RFC822.SIZE 9 " DATE ")", "S: $a OK",
	                "S: $b OK"),
	         "opened 7; 5 [x]; done 5 next 10; ", since},
		{"changes are not wanted",
	         SCRIPT(PLAIN, "C: a " NEW, OPENED, MODSEQ, OK, "S: * 1 FETCH (UID 2 FLAGS (x))",
	                "S: * VANISHED 3", NEW_SEVEN, "S: $a OK"),
	         "opened 7; " SEVEN "done 4 next 10 modseq 50; ", news},
		{"no mailbox in particular",
	         SCRIPT(PLAIN, "C: a " NEW, OPENED, OK, "S: * 1 FETCH (UID 2 FLAGS (x))",
	                "S: $a OK"),
	         "opened 7; done 5 next 10; ", nowhere},
		{"nothing is known",
	         SCRIPT(PLAIN, "C: a UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", OPENED,
	                MODSEQ, OK, NEW_SEVEN, "S: $a OK"),
	         "opened 7; " SEVEN "done 5 next 10 modseq 60; ", first},
		{"a mailbox that is empty now",
	         SCRIPT(PLAIN, "C: a " NEW, "C: b " FLAGS, "S: * 0 EXISTS",
	                "S: * OK [UIDVALIDITY 7] ok", OK, "S: $a BAD none", "S: $b BAD none"),
	         "opened 7; done 0; ", since},
		{"refused",
	         SCRIPT(PLAIN, "C: a " NEW, "C: b " FLAGS, OPENED, OK, "S: $a OK", "S: $b NO no"),
	         "opened 7; error FAILED; ", since},
		{"another mailbox",
	         SCRIPT(PLAIN, "C: a " NEW, "C: b " FLAGS, "S: * 5 EXISTS",
	                "S: * OK [UIDVALIDITY 8] ok", OK, "S: * 1 FETCH (UID 2 FLAGS (x))",
	                "S: $a OK", "S: * 1 FETCH (UID 2 FLAGS (x))", "S: * VANISHED 1",
	                "S: $b OK"),
	         "error STALE; ", since},
		{"no such mailbox",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, "S: $s NO [NONEXISTENT] no",
	                "S: $b BAD no mailbox", "S: $a BAD no mailbox"),
	         "error NOT_FOUND; ", since},
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

static void
test_condstore(void)
{
	const Row rows[] = {
		{"changes",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, MODSEQ, OK,
	                "S: * 1 FETCH (UID 2 MODSEQ (55) FLAGS (\\Seen))", "S: $b OK", NEW_SEVEN,
	                "S: $a OK"),
	         "opened 7; 2 [\\Seen]; " SEVEN "done 5 next 10 modseq 60; ", since},
		{"later ones than SELECT knew, and then the same again",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, MODSEQ, OK,
	                "S: * 1 FETCH (UID 2 MODSEQ (65) FLAGS (\\Seen))", "S: $b OK", "S: $a OK",
	                "C: n NOOP", "C: b " SINCE, "C: a " NEW, "S: $n OK",
	                "S: * 1 FETCH (UID 2 FLAGS () MODSEQ (9223372036854775807))", "S: $b OK",
	                "S: $a OK"),
	         "opened 7; 2 [\\Seen]; done 5 next 10 modseq 65; |"
	         "opened 7; 2 []; done 5 next 10 modseq 9223372036854775807; ",
	         since},
		{"not after the answer, not of a new message, and not 64 bits",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, MODSEQ, OK,
	                "S: * 1 FETCH (UID 2 MODSEQ (9223372036854775808) FLAGS (x))",
	                "S: * 5 FETCH (UID 7 FLAGS (a) MODSEQ (71))", "S: $b OK",
	                "S: * 1 FETCH (UID 3 FLAGS (y) MODSEQ (72))",
	                "S: * OK [HIGHESTMODSEQ 73] now", NEW_SEVEN, "S: $a OK"),
	         "opened 7; 2 [x]; 3 [y]; " SEVEN "done 5 next 10 modseq 60; ", since},
		{"since when is not known",
	         SCRIPT(CONDSTORE, "C: a " NEW, "C: b " FLAGS, OPENED, MODSEQ, OK, "S: $a OK",
	                "S: * 1 FETCH (UID 2 FLAGS (x) MODSEQ (65))", "S: $b OK"),
	         "opened 7; 2 [x]; done 5 next 10 modseq 60; ", since_ever},
		{"NOMODSEQ, and BAD: all, and not tempted again",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, "S: * OK [NOMODSEQ] none",
	                OK, "S: $b BAD no", "S: $a OK", "C: n NOOP", "C: a " NEW, "C: b " FLAGS,
	                "S: $n OK", "S: $a OK", "S: * 1 FETCH (UID 2 FLAGS (x))", "S: $b OK",
	                "C: n NOOP", "C: a " NEW, "C: b " FLAGS, "S: $n OK", "S: $a OK",
	                "S: $b OK"),
	         "opened 7; opened 7; 2 [x]; done 5 next 10; |opened 7; done 5 next 10; ", since},
		{"NOMODSEQ, and OK all the same",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, "S: * OK [NOMODSEQ] none",
	                OK, "S: $b OK", "S: $a OK", "C: n NOOP", "C: a " NEW, "C: b " FLAGS,
	                "S: $n OK", "S: $a OK", "S: * 1 FETCH (UID 2 FLAGS (x))", "S: $b OK"),
	         "opened 7; opened 7; 2 [x]; done 5 next 10; ", since},
		{"refused though there is a HIGHESTMODSEQ",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, MODSEQ, OK, "S: $b NO no",
	                "S: $a OK", "C: n NOOP", "C: a " NEW, "C: b " FLAGS, "S: $n OK", "S: $a OK",
	                "S: $b OK"),
	         "opened 7; opened 7; done 5 next 10; ", since},
		{"later is no refusal",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, MODSEQ, OK,
	                "S: $b NO [LIMIT] later", "S: $a OK"),
	         "opened 7; error LIMIT; ", since},
		{"restored from a backup",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED,
	                "S: * OK [HIGHESTMODSEQ 40] ok", OK, "S: $b OK", "S: $a OK", "C: n NOOP",
	                "C: a " NEW, "C: b " FLAGS, "S: $n OK", "S: $a OK",
	                "S: * 1 FETCH (UID 2 FLAGS (x))", "S: $b OK"),
	         "opened 7; opened 7; 2 [x]; done 5 next 10 modseq 40; ", since},
		{"no HIGHESTMODSEQ told",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, OK,
	                "S: * 1 FETCH (UID 2 FLAGS (x) MODSEQ (55))", "S: $b OK", "S: $a OK"),
	         "opened 7; 2 [x]; done 5 next 10 modseq 55; ", since},
		{"a HIGHESTMODSEQ of 64 bits, and none at all",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED,
	                "S: * OK [HIGHESTMODSEQ 9223372036854775808] ok",
	                "S: * OK [HIGHESTMODSEQ -1] ok", "S: * OK [HIGHESTMODSEQ] ok", OK,
	                "S: $b OK", "S: $a OK"),
	         "opened 7; done 5 next 10 modseq 50; ", since},
		{"an empty mailbox has nothing to refuse",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, "S: * 0 EXISTS",
	                "S: * OK [UIDVALIDITY 7] ok", OK, "S: $b OK", "S: $a BAD none"),
	         "opened 7; done 0 modseq 50; ", since},
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

#define ENABLED      "S: * ENABLED QRESYNC", "S: $e OK"
#define FIRST_ANSWER "opened 7; done 5 next 10 modseq 60; "

/* The first scan of a session leaves before ENABLED comes; from then on, VANISHED. */
static void
test_qresync(void)
{
	const Row rows[] = {
		{"vanished earlier",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, ENABLED, OPENED, MODSEQ, OK,
	                "S: $b OK", "S: $a OK", "C: n NOOP", "C: b " VANISHED, "C: a " NEW,
	                "S: $n OK", "S: * VANISHED (EARLIER) 1:2,4",
	                "S: * 1 FETCH (UID 3 FLAGS (x) MODSEQ (61))", "S: $b OK", NEW_SEVEN,
	                "S: $a OK"),
	         FIRST_ANSWER "|opened 7; vanished 1:2; vanished 4:4; 3 [x]; " SEVEN
	                      "done 5 next 10 modseq 61; ",
	         since},
		{"OK, but not ENABLED",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, "S: $e OK enabled", OPENED, MODSEQ, OK,
	                "S: $b OK", "S: $a OK", "C: n NOOP", "C: b " SINCE, "C: a " NEW, "S: $n OK",
	                "S: $b OK", "S: $a OK"),
	         FIRST_ANSWER "|" FIRST_ANSWER, since},
		{"something else ENABLED",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, "S: * ENABLED",
	                "S: * ENABLED CONDSTORE", "S: $e OK", "S: * ENABLED QRESYNC", OPENED,
	                MODSEQ, OK, "S: $b OK", "S: $a OK", "C: n NOOP", "C: b " SINCE, "C: a " NEW,
	                "S: $n OK", "S: $b OK", "S: $a OK"),
	         FIRST_ANSWER "|" FIRST_ANSWER, since},
		{"vanished in the middle of UID FETCH: counted, and asked again",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, ENABLED, OPENED, MODSEQ, OK,
	                "S: $b OK", "S: $a OK", "C: n NOOP", "C: b " VANISHED, "C: a " NEW,
	                "S: $n OK", "S: * 1 FETCH (UID 3 FLAGS (x) MODSEQ (61))",
	                "S: * VANISHED 3:4", "S: $b OK", NEW_SEVEN, "S: $a OK", "C: n NOOP",
	                "C: b " VANISHED, "C: a " NEW, "S: $n OK", "S: * VANISHED (EARLIER) 3:4",
	                "S: $b OK", NEW_SEVEN, "S: $a OK"),
	         FIRST_ANSWER "|opened 7; 3 [x]; vanished 3:4; " SEVEN
	                      "opened 7; vanished 3:4; " SEVEN "done 3 next 10 modseq 60; ",
	         since},
		{"vanished while the mailbox is just being opened",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, ENABLED, OPENED, MODSEQ, OK,
	                "S: * VANISHED 2", "S: $b OK", "S: $a OK"),
	         "opened 7; vanished 2:2; done 4 next 10 modseq 60; ", since},
		{"all UIDs there can be, earlier",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, ENABLED, OPENED, MODSEQ, OK,
	                "S: * VANISHED (EARLIER) 1:4294967295", "S: * VANISHED (EARLIER) 0",
	                "S: * VANISHED (EARLIER) 4294967296", "S: * VANISHED (EARLIER) x",
	                "S: * VANISHED (EARLIER)", "S: $b OK", "S: $a OK"),
	         "opened 7; vanished 1:4294967295; done 5 next 10 modseq 60; ", since},
		{"more vanished than there were: the mailbox is opened anew",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, ENABLED, OPENED, MODSEQ, OK,
	                "S: * VANISHED 1:4294967295", "S: $b OK", "S: $a OK", "C: s SELECT \"box\"",
	                "C: b " VANISHED, "C: a " NEW, OPENED, MODSEQ, OK, "S: $b OK", "S: $a OK"),
	         "opened 7; vanished 1:4294967295; opened 7; done 5 next 10 modseq 60; ", since},
		{"answered from the old view, the news behind it",
	         SCRIPT(QRESYNC, "C: b " SINCE, "C: a " NEW, ENABLED, OPENED, MODSEQ, OK,
	                "S: $b OK", "S: $a OK", "C: n NOOP", "C: b " VANISHED, "C: a " NEW,
	                "S: $b OK", "S: $a OK", "S: * 3 FETCH (UID 3 FLAGS (x) MODSEQ (62))",
	                "S: * OK [HIGHESTMODSEQ 62] now", "S: $n OK", "C: n NOOP", "C: b " VANISHED,
	                "C: a " NEW, "S: $n OK", "S: * 3 FETCH (UID 3 FLAGS (x) MODSEQ (62))",
	                "S: $b OK", "S: $a OK"),
	         FIRST_ANSWER "|opened 7; 3 [x]; done 5 next 10 modseq 60; |"
	                      "opened 7; 3 [x]; done 5 next 10 modseq 62; ",
	         since},
		{"the same, of nobody knows which message: asked again",
	         SCRIPT(CONDSTORE, "C: b " SINCE, "C: a " NEW, OPENED, MODSEQ, OK, "S: $b OK",
	                "S: $a OK", "C: n NOOP", "C: b " SINCE, "C: a " NEW,
	                "S: * 1 FETCH (FLAGS (y))", "S: $b OK", "S: $a OK",
	                "S: * 3 FETCH (FLAGS (x) MODSEQ (62))", "S: $n OK", "C: n NOOP",
	                "C: b " SINCE, "C: a " NEW, "S: $n OK",
	                "S: * 3 FETCH (UID 3 FLAGS (x) MODSEQ (62))", "S: $b OK", "S: $a OK"),
	         FIRST_ANSWER "|opened 7; opened 7; 3 [x]; done 5 next 10 modseq 62; ", since},
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

/* --- messages --- */

#define LISTING PLAIN, "C: a UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", OPENED, OK
#define MAIL    "RFC822.SIZE 9 " DATE
#define TOLD    " size 9 date 837596665"

static void
test_flags(void)
{
	g_autofree char *keyword = g_strnfill(5000, 'k');
	g_autofree char *long_flags =
		g_strdup_printf("S: * 2 FETCH (UID 3 FLAGS (%s) " MAIL ")", keyword);
	const RemoteScan all = {0};
	const Row rows[] = {
		{"sorted, each once, without Recent",
	         SCRIPT(LISTING, "S: * 1 FETCH (UID 2 FLAGS (b \\SEEN \\Recent a B) " MAIL ")",
	                "S: * 2 FETCH (UID 3 FLAGS () " MAIL ")", "S: $a OK"),
	         "opened 7; 2" TOLD " [\\Seen a B]; 3" TOLD " []; done 5 next 10; ", all},
		{"too long", SCRIPT(LISTING, long_flags, "S: $a OK"),
	         "opened 7; 3" TOLD "; done 5 next 10; ", all},
		{"before the rest",
	         SCRIPT(LISTING, "S: * 1 FETCH (UID 2 FLAGS (x))", "S: * 1 FETCH (UID 2 " MAIL ")",
	                "S: $a OK"),
	         "opened 7; 2" TOLD " [x]; done 5 next 10; ", all},
		{"behind the rest",
	         SCRIPT(LISTING, "S: * 1 FETCH (UID 2 " MAIL ")", "S: * 1 FETCH (UID 2 FLAGS (x))",
	                "S: * 1 FETCH (UID 2 FLAGS (y))", "S: $a OK"),
	         "opened 7; 2" TOLD "; 2 [y]; done 5 next 10; ", all},
		{"a later message than UIDNEXT",
	         SCRIPT(LISTING, "S: * 1 FETCH (UID 20 FLAGS (x) " MAIL ")", "S: $a OK"),
	         "opened 7; 20" TOLD " [x]; done 5 next 21; ", all},
		{"EMAILID",
	         SCRIPT("S: * PREAUTH [CAPABILITY OBJECTID] hi", "C: s SELECT \"box\"",
	                "C: a UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID)", OPENED,
	                OK, "S: * 1 FETCH (UID 2 EMAILID (M1-_) FLAGS () " MAIL ")",
	                "S: * 2 FETCH (UID 3 EMAILID NIL FLAGS () " MAIL ")",
	                "S: * 3 FETCH (UID 4 EMAILID (M4) RFC822.SIZE 9)",
	                "S: * 3 FETCH (UID 4 " DATE ")", "S: $a OK"),
	         "opened 7; 2" TOLD " [] email M1-_; 3" TOLD " []; 4" TOLD
	         " email M4; done 5 next 10; ",
	         all},
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-changes/plain", test_plain);
	g_test_add_func("/remote-changes/condstore", test_condstore);
	g_test_add_func("/remote-changes/qresync", test_qresync);
	g_test_add_func("/remote-changes/flags", test_flags);
	return g_test_run();
}
