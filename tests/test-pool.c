/*
 * test-pool.c: which connection a job gets, how many there are, and what becomes of jobs when there
 * is none.
 *
 * Jobs are operations of a Remote: reads of one small message of some mailbox.
 */
#include <stdio.h>
#include <string.h>

#include "error-name.h"
#include "change-recorder.h"

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"

/* Steps for a read of mailbox a: its lines, tags a and b, and their answers. */
#define SELECT(name) "C: a SELECT \"" name "\""
#define FETCH        "C: b UID FETCH 5 (UID BODY.PEEK[])"
#define SELECTED     "S: $a OK"
#define FETCHED      "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )", "S: $b OK"

#define READ "block 0+10; done 10; "

static Record *
read_from(RemoteFixture *fixture, const char *mailbox)
{
	const RemoteRead read = {.mailbox = mailbox, .uid = 5};

	return record_read(fixture, &read);
}

static void
check(Record *record, const char *expected)
{
	record_check(record, expected);
	record_free(record);
}

/* --- which connection --- */

static void
test_prefers_selected(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"prefers",
		SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, "GATE a", FETCHED, FETCH,
	                       FETCHED),
	                SCRIPT(HELLO, SELECT("two"), FETCH, SELECTED, FETCHED, FETCH, FETCHED)),
		2, 0);
	Record *first = read_from(&fixture, "one"), *second;

	WAIT_UNTIL("prefers", scripted_server_n_accepted(fixture.server));
	test_linger(50);
	second = read_from(&fixture, "two");
	check(second, READ);
	scripted_server_open_gate(fixture.server, 'a');
	check(first, READ);
	check(read_from(&fixture, "two"), READ);
	check(read_from(&fixture, "one"), READ);
	remote_fixture_free(&fixture);
}

/* Jobs for the same mailbox share a connection, without waiting. */
static void
test_pipelines(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"pipelines",
		SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED, FETCH,
	                       "C: c UID FETCH 5 *", "C: d UID FETCH 5 *", FETCHED,
	                       "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )", "S: $c OK",
	                       "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )", "S: $d OK")),
		4, 0);
	Record *records[3];

	check(read_from(&fixture, "one"), READ);
	for (guint i = 0; i < G_N_ELEMENTS(records); i++)
		records[i] = read_from(&fixture, "one");
	for (guint i = 0; i < G_N_ELEMENTS(records); i++)
		check(records[i], READ);
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 1);
	remote_fixture_free(&fixture);
}

#define LISTING "C: c UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"

static void
test_bulk(void)
{
	const RemoteScan all = {.mailbox = "one"};
	RemoteFixture fixture =
		remote_fixture_new("bulk",
	                           SCRIPTS(SCRIPT(HELLO, SELECT("one"), LISTING, "S: * 1 EXISTS",
	                                          SELECTED, "GATE a", "S: $c OK", FETCH, FETCHED),
	                                   SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED)),
	                           2, 0);
	Record *scan = record_scan(&fixture, &all), *third;

	test_linger(50);
	check(read_from(&fixture, "one"), READ);
	scripted_server_open_gate(fixture.server, 'a');
	check(scan, "opened 0; done 1; ");
	/* The longest unused one, of two that are as good. */
	third = read_from(&fixture, "one");
	check(third, READ);
	remote_fixture_free(&fixture);
}

/* With one connection a read goes behind the listing, at once. */
static void
test_bulk_alone(void)
{
	const RemoteScan all = {.mailbox = "one"};
	RemoteFixture fixture =
		remote_fixture_new("bulk alone",
	                           SCRIPTS(SCRIPT(HELLO, SELECT("one"), LISTING, "S: * 1 EXISTS",
	                                          SELECTED, FETCH, "S: $c OK", FETCHED)),
	                           1, 0);
	Record *scan = record_scan(&fixture, &all), *read;

	test_linger(50);
	read = read_from(&fixture, "one");
	check(scan, "opened 0; done 1; ");
	check(read, READ);
	remote_fixture_free(&fixture);
}

static void
check_n_waiting(RemoteFixture *fixture, const char *expected)
{
	g_autofree char *waiting = NULL;

	test_linger(50);
	waiting = remote_status_value(fixture, "waiting");
	g_assert_cmpstr(waiting, ==, expected);
}

#define CONDITIONAL "C: c UID STORE 5 (UNCHANGEDSINCE 99) +FLAGS.SILENT (taken)"

/* Flags that come within a conditional STORE are another's doing, so nothing of ours may be on its
 * way there: it begins when the connection has nothing to do, and the next when it has ended. */
static void
test_alone(void)
{
	static const guint32 uids[] = {5};
	const RemoteStore conditional = {.mailbox = "box",
	                                 .uidvalidity = 7,
	                                 .uids = uids,
	                                 .n_uids = 1,
	                                 .sign = '+',
	                                 .flags = "taken",
	                                 .unchanged_since = 99};
	RemoteFixture fixture = remote_fixture_new(
		"alone",
		SCRIPTS(SCRIPT(WRITE_HELLO, SELECT("box"), FETCH, "S: * OK [UIDVALIDITY 7] ok",
	                       SELECTED, "GATE a", FETCHED, "C: n NOOP", "S: $n OK", CONDITIONAL,
	                       "GATE b", "S: $c OK", FETCH, FETCHED)),
		1, 0);
	Record *first = read_from(&fixture, "box"), *second, *store;

	check_n_waiting(&fixture, "0");
	store = record_store(&fixture, &conditional);
	check_n_waiting(&fixture, "1");
	scripted_server_open_gate(fixture.server, 'a');
	check(first, READ);
	check_n_waiting(&fixture, "0");
	second = read_from(&fixture, "box");
	check_n_waiting(&fixture, "1");
	scripted_server_open_gate(fixture.server, 'b');
	check(store, "done; ");
	check(second, READ);
	remote_fixture_free(&fixture);
}

/* --- how many --- */

typedef struct {
	ScriptedServer *server;
	guint most;
} Busy;

static char *
answer_slowly(const char *line, gpointer data)
{
	Busy *busy = data;
	g_autofree char *tag = g_strndup(line, strcspn(line, " "));

	busy->most = MAX(busy->most, scripted_server_n_open(busy->server));
	if (strstr(line, "FETCH"))
		return g_strdup_printf("* 1 FETCH (UID 5 BODY[] \"A\")\r\n%s OK", tag);
	return g_strdup_printf("%s OK", tag);
}

static void
test_never_more(void)
{
	static const char *const script[] = {HELLO, "AUTO", NULL};
	RemoteFixture fixture =
		remote_fixture_new("never more", SCRIPTS(script, script, script), 3, 0);
	Busy busy = {.server = fixture.server};
	Record *records[30];

	scripted_server_hook(fixture.server, answer_slowly, &busy);
	for (guint i = 0; i < G_N_ELEMENTS(records); i++) {
		char mailbox[16];

		snprintf(mailbox, sizeof(mailbox), "box %u", i % 10);
		records[i] = read_from(&fixture, mailbox);
	}
	for (guint i = 0; i < G_N_ELEMENTS(records); i++)
		check(records[i], "block 0+1; done 1; ");
	g_assert_cmpuint(busy.most, ==, 3);
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 3);
	remote_fixture_free(&fixture);
}

/* What the server says to the second connection, which it does not want. */
static void
check_shrinks(const char *label, const char *const *refusal)
{
	RemoteFixture fixture = remote_fixture_new(
		label,
		SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, "GATE a", FETCHED,
	                       SELECT("two"), FETCH, SELECTED, "GATE b", FETCHED, SELECT("three"),
	                       FETCH, SELECTED, FETCHED),
	                refusal),
		3, 0);
	Record *first = read_from(&fixture, "one"), *second, *third;

	test_linger(50);
	second = read_from(&fixture, "two");
	WAIT_UNTIL(label, scripted_server_n_accepted(fixture.server) == 2);
	test_linger(50);
	g_assert_false(second->done);
	scripted_server_open_gate(fixture.server, 'a');
	check(first, READ);
	test_linger(50);
	third = read_from(&fixture, "three");
	test_linger(50);
	scripted_server_open_gate(fixture.server, 'b');
	check(second, READ);
	check(third, READ);
	remote_fixture_free(&fixture);
}

static void
test_shrinks(void)
{
	check_shrinks("BYE", SCRIPT("S: * BYE [UNAVAILABLE] too many", "DROP"));
	check_shrinks("gone", SCRIPT("DROP"));
	check_shrinks("NO",
	              SCRIPT("S: * OK [CAPABILITY IMAP4rev1] hi", "C: a LOGIN \"joe\" \"secret\"",
	                     "S: $a NO [ALERT] Too many simultaneous connections. (Failure)",
	                     "EOF"));
}

/* Nobody waits for the answer to ID, nor is another connection made because of it. */
static void
test_id(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"ID",
		SCRIPTS(SCRIPT("S: * OK [CAPABILITY IMAP4rev1] hi", "C: a LOGIN \"joe\" \"secret\"",
	                       "S: $a OK [CAPABILITY IMAP4rev1 ID] in", "C: c ID *", "WAIT 100",
	                       "S: $c OK", SELECT("one"), FETCH, SELECTED, FETCHED)),
		2, 0);

	check(read_from(&fixture, "one"), READ);
	remote_fixture_free(&fixture);
}

/* A connection that ended in peace is replaced when there is work, without a word. */
static void
test_replaces(void)
{
	static const char *const ends[] = {"DROP", "S: * BYE autologout"};

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
		RemoteFixture fixture = remote_fixture_new(
			ends[i],
			SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED, "GATE a",
		                       ends[i]),
		                SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED)),
			1, 0);

		check(read_from(&fixture, "one"), READ);
		scripted_server_open_gate(fixture.server, 'a');
		test_linger(50);
		check(read_from(&fixture, "one"), READ);
		remote_fixture_free(&fixture);
	}
}

/* --- whose turn --- */

/* A job for another mailbox waits while this one's follow one another, but not for long. */
static void
test_starving(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"starving",
		SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, "C: c UID FETCH 5 *",
	                       "GATE a", FETCHED, "s: * 1 FETCH (UID 5 BODY[] ", "L: 0 10", "S: )",
	                       "S: $c OK", SELECT("two"), FETCH, SELECTED, FETCHED, SELECT("one"),
	                       FETCH, SELECTED, FETCHED)),
		1, 0);
	Record *first = read_from(&fixture, "one"), *other, *soon, *late;

	test_linger(50);
	other = read_from(&fixture, "two");
	soon = read_from(&fixture, "one");
	test_linger(400);
	late = read_from(&fixture, "one");
	test_linger(50);
	scripted_server_open_gate(fixture.server, 'a');
	check(first, READ);
	check(soon, READ);
	check(other, READ);
	check(late, READ);
	remote_fixture_free(&fixture);
}

/* --- no connection --- */

/* Refused at once: @record was submitted at @start_us. */
static void
check_refused(Record *record, gint64 start_us, const char *expected)
{
	check(record, expected);
	g_assert_cmpint(g_get_monotonic_time() - start_us, <, G_USEC_PER_SEC / 2);
}

static void
test_offline_and_back(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"offline", SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED)), 2, 0);
	const RemoteScan all = {.mailbox = "one"};
	gint64 deadline_us = 0;
	gboolean online = FALSE;

	scripted_server_stop(fixture.server);
	for (guint i = 0; i < 3; i++)
		check_refused(read_from(&fixture, "one"), g_get_monotonic_time(),
		              "error OFFLINE; ");
	check_refused(record_list(&fixture, FALSE), g_get_monotonic_time(), "error OFFLINE; ");
	check_refused(record_uids(&fixture, "one", 0), g_get_monotonic_time(), "error OFFLINE; ");
	check_refused(record_scan(&fixture, &all), g_get_monotonic_time(), "error OFFLINE; ");
	scripted_server_listen(fixture.server);
	while (!online) {
		g_autofree char *state = remote_status_value(&fixture, "state");

		online = g_str_equal(state, "online");
		test_turn("offline", &deadline_us);
	}
	check(read_from(&fixture, "one"), READ);
	remote_fixture_free(&fixture);
}

/* Cut while at work, and nobody there any more. */
static void
test_cut_and_gone(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"cut and gone", SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, "GATE a", "DROP")), 1,
		0);
	Record *record = read_from(&fixture, "one");
	gint64 start_us;

	test_linger(50);
	scripted_server_stop(fixture.server);
	start_us = g_get_monotonic_time();
	scripted_server_open_gate(fixture.server, 'a');
	check_refused(record, start_us, "error OFFLINE; ");
	remote_fixture_free(&fixture);
}

/* A server that hangs costs one time-out, not one for every job. */
static void
test_hung(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"hung",
		SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED, FETCH, "HANG")), 1,
		300 * 1000);
	Record *record;

	check(read_from(&fixture, "one"), READ);
	record = read_from(&fixture, "one");
	WAIT_UNTIL("hung", scripted_server_n_accepted(fixture.server));
	scripted_server_stop(fixture.server);
	check(record, "error TIMED_OUT; ");
	for (guint i = 0; i < 3; i++)
		check_refused(read_from(&fixture, "one"), g_get_monotonic_time(),
		              "error OFFLINE; ");
	remote_fixture_free(&fixture);
}

/* Of two connections one hangs at work: the other, idle, is not trusted either. */
static void
test_hung_among_two(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"hung among two",
		SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, "GATE a", FETCHED, FETCH,
	                       "HANG"),
	                SCRIPT(HELLO, SELECT("two"), FETCH, SELECTED, FETCHED, "EOF")),
		2, 300 * 1000);
	Record *first = read_from(&fixture, "one");

	test_linger(50);
	check(read_from(&fixture, "two"), READ);
	scripted_server_open_gate(fixture.server, 'a');
	check(first, READ);
	first = read_from(&fixture, "one");
	test_linger(50);
	scripted_server_stop(fixture.server);
	check(first, "error TIMED_OUT; ");
	check_refused(read_from(&fixture, "two"), g_get_monotonic_time(), "error OFFLINE; ");
	remote_fixture_free(&fixture);
}

/* No greeting at all: the jobs that wait for it are told one time-out later. */
static void
test_hung_greeting(void)
{
	RemoteFixture fixture =
		remote_fixture_new("hung greeting", SCRIPTS(SCRIPT("HANG")), 1, 300 * 1000);
	Record *first = read_from(&fixture, "one"), *second = read_from(&fixture, "two");

	WAIT_UNTIL("hung greeting", scripted_server_n_accepted(fixture.server));
	scripted_server_stop(fixture.server);
	check(first, "error OFFLINE; ");
	check(second, "error OFFLINE; ");
	remote_fixture_free(&fixture);
}

/* --- the first connection --- */

static void
on_connected(const GError *error, gpointer data)
{
	GString *log = data;

	g_string_append_printf(log, "connected %s; ", error_name(error));
}

static const char *const welcome[] = {HELLO, NULL};
static const char *const wrong[] = {"S: * OK [CAPABILITY IMAP4rev1] hi",
                                    "C: a LOGIN \"joe\" \"secret\"",
                                    "S: $a NO [AUTHENTICATIONFAILED] no", "EOF", NULL};
static const char *const busy_greeting[] = {"S: * BYE [UNAVAILABLE] later", "DROP", NULL};

static void
test_connect(void)
{
	static const struct {
		const char *label;
		const char *const *script;
		const char *log;
	} rows[] = {
		{"welcome", welcome, "connected OK; "},
		{"wrong password", wrong, "connected DENIED; "},
		{"too many", busy_greeting, "connected OFFLINE; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		RemoteFixture fixture =
			remote_fixture_new(rows[i].label, SCRIPTS(rows[i].script), 1, 0);
		g_autoptr(GString) log = g_string_new(NULL);

		imap_remote_connect(fixture.remote, on_connected, log);
		g_assert_cmpuint(log->len, ==, 0);
		WAIT_UNTIL(rows[i].label, log->len);
		scripted_server_stop(fixture.server);
		test_linger(50);
		g_assert_cmpstr(log->str, ==, rows[i].log);
		remote_fixture_free(&fixture);
	}
}

/* A wrong password is tried once: accounts get locked for less. */
static void
test_wrong_password(void)
{
	RemoteFixture fixture = remote_fixture_new("wrong password", SCRIPTS(wrong), 4, 0);
	Record *first = read_from(&fixture, "one");

	check(first, "error DENIED; ");
	test_linger(1500);
	check_refused(read_from(&fixture, "one"), g_get_monotonic_time(), "error DENIED; ");
	test_linger(50);
	g_assert_cmpuint(scripted_server_n_accepted(fixture.server), ==, 1);
	remote_fixture_free(&fixture);
}

/* The same where many jobs wait for the first connection. */
static void
test_wrong_password_many_jobs(void)
{
	RemoteFixture fixture =
		remote_fixture_new("wrong password, many jobs", SCRIPTS(wrong), 4, 0);
	Record *records[4];

	for (guint i = 0; i < G_N_ELEMENTS(records); i++)
		records[i] = read_from(&fixture, i % 2 ? "one" : "two");
	for (guint i = 0; i < G_N_ELEMENTS(records); i++)
		check(records[i], "error DENIED; ");
	remote_fixture_free(&fixture);
}

/* --- the end --- */

static void
test_free(void)
{
	static const char *const at_work[] = {HELLO, SELECT("one"), FETCH, "HANG", NULL};
	static const char *const connecting[] = {"HANG", NULL};
	static const char *const *const scripts[] = {at_work, connecting};

	for (guint i = 0; i < G_N_ELEMENTS(scripts); i++) {
		RemoteFixture fixture = remote_fixture_new("free", SCRIPTS(scripts[i]), 1, 0);
		Record *first = read_from(&fixture, "one"), *second = read_from(&fixture, "two");
		Record *list = record_list(&fixture, FALSE);

		test_linger(50);
		remote_fixture_free(&fixture);
		check(first, "error INTERRUPTED; ");
		check(second, "error INTERRUPTED; ");
		check(list, "error INTERRUPTED; ");
	}
}

static void
test_status(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"status", SCRIPTS(SCRIPT(HELLO, SELECT("one"), FETCH, SELECTED, FETCHED)), 1, 0);
	static const struct {
		const char *name, *value;
	} rows[] = {
		{"user", "joe"},
		{"state", "online"},
		{"tls", "none"},
		{"capabilities", "IMAP4REV1"},
		{"connections", "1 open, 1 made"},
		{"waiting", "0"},
		{"password", NULL},
	};
	g_autofree char *connection = NULL;

	check(read_from(&fixture, "one"), READ);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *value = remote_status_value(&fixture, rows[i].name);

		g_assert_cmpstr(value, ==, rows[i].value);
	}
	connection = remote_status_value(&fixture, "connection 1");
	g_assert_true(
		g_str_has_prefix(connection, "ready, mailbox one, 0 in flight, 2 commands, "));
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool/prefers-selected", test_prefers_selected);
	g_test_add_func("/pool/pipelines", test_pipelines);
	g_test_add_func("/pool/bulk", test_bulk);
	g_test_add_func("/pool/alone", test_alone);
	g_test_add_func("/pool/bulk-alone", test_bulk_alone);
	g_test_add_func("/pool/never-more", test_never_more);
	g_test_add_func("/pool/shrinks", test_shrinks);
	g_test_add_func("/pool/id", test_id);
	g_test_add_func("/pool/replaces", test_replaces);
	g_test_add_func("/pool/starving", test_starving);
	g_test_add_func("/pool/offline-and-back", test_offline_and_back);
	g_test_add_func("/pool/cut-and-gone", test_cut_and_gone);
	g_test_add_func("/pool/hung", test_hung);
	g_test_add_func("/pool/hung-among-two", test_hung_among_two);
	g_test_add_func("/pool/hung-greeting", test_hung_greeting);
	g_test_add_func("/pool/connect", test_connect);
	g_test_add_func("/pool/wrong-password", test_wrong_password);
	g_test_add_func("/pool/wrong-password-many-jobs", test_wrong_password_many_jobs);
	g_test_add_func("/pool/free", test_free);
	g_test_add_func("/pool/status", test_status);
	return g_test_run();
}
