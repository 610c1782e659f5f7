/*
 * test-watcher.c: what a Watcher says to servers of all kinds, and what it tells.
 *
 * The first connection is the pool's; the others are the watcher's.
 */
#include <string.h>
#include <sys/resource.h>

#include "scripted-server.h"
#include "tls.h"
#include "watcher.h"

#define HELLO_WITH(capabilities) "S: * PREAUTH [CAPABILITY IMAP4rev1 " capabilities "] hello"

#define EVENTS "MessageNew MessageExpunge FlagChange MailboxName"
#define NOTIFY "C: a NOTIFY SET (personal (" EVENTS " SubscriptionChange))"
#define IDLE   "C: b IDLE", "S: + idling"
#define DONE   "c: DONE", "S: $b OK"

#define NOTIFIED HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a OK", IDLE
#define EXAMINED(mailbox)                                                                          \
	HELLO_WITH("IDLE"), "C: a EXAMINE \"" mailbox "\"", "S: * 3 EXISTS", "S: $a OK", IDLE

#define SCRIPTS(...) ((const char *const *const[]){__VA_ARGS__, NULL})

typedef struct {
	const char *label;
	ScriptedServer *server;
	ImapSettings settings;
	WatcherTimes times;
	SSL_CTX *context;
	ImapPool *pool;
	Watcher *watcher;
	GString *log;            /* "all; mailbox INBOX; list; " */
	const char *const *next; /* mailboxes to be watched once one has changed, or NULL */
} Fixture;

static gint64 slept_us;
static gint64 timeout_us = 5 * G_USEC_PER_SEC;

static gint64
get_slept_us(void)
{
	return slept_us;
}

/* --- what is told --- */

static const RemoteWatchHandler handler;

static void
on_mailbox(const char *mailbox, gpointer data)
{
	Fixture *fixture = data;

	g_string_append_printf(fixture->log, "mailbox %s; ", mailbox);
	if (fixture->next)
		watcher_watch(fixture->watcher, fixture->next, &handler, fixture);
	fixture->next = NULL;
}

static void
on_mailboxes(gpointer data)
{
	g_string_append(((Fixture *)data)->log, "list; ");
}

static void
on_watching(RemoteWatching watching, gpointer data)
{
	static const char *const names[] = {"nothing; ", "some; ", "all; "};

	g_string_append(((Fixture *)data)->log, names[watching]);
}

static const RemoteWatchHandler handler = {
	.mailbox = on_mailbox,
	.mailboxes = on_mailboxes,
	.watching = on_watching,
};

/* --- the fixture --- */

/* The pool's server offers @capabilities, which is what the watcher goes by. */
static Fixture *
fixture_new(const char *label, const char *const *pool_script, const char *const *const *scripts,
            guint n_connections)
{
	Fixture *fixture = g_new0(Fixture, 1);

	fixture->label = label;
	fixture->log = g_string_new(NULL);
	fixture->server = scripted_server_new(label, NULL);
	scripted_server_add(fixture->server, pool_script);
	for (; *scripts; scripts++)
		scripted_server_add(fixture->server, *scripts);
	fixture->settings = (ImapSettings){
		.host = (char *)"127.0.0.1",
		.port = scripted_server_port(fixture->server),
		.tls = IMAP_TLS_NONE,
		.user = (char *)"joe",
		.password = (char *)"secret",
		.n_connections = n_connections,
		.timeout_us = timeout_us,
	};
	fixture->times = watcher_times;
	fixture->times.slept_us = get_slept_us;
	fixture->context = tls_context_new(NULL, NULL);
	fixture->pool = pool_new(&fixture->settings, fixture->context);
	fixture->watcher =
		watcher_new(fixture->pool, &fixture->settings, fixture->context, &fixture->times);
	return fixture;
}

static void
fixture_watch(Fixture *fixture, const char *const *mailboxes)
{
	g_autofree char *before = g_strdup(fixture->log->str);

	watcher_watch(fixture->watcher, mailboxes, &handler, fixture);
	g_assert_cmpstr(fixture->log->str, ==, before); /* nothing is told inside the call */
}

static void
fixture_begin(Fixture *fixture, const char *const *mailboxes)
{
	fixture_watch(fixture, mailboxes);
	pool_start(fixture->pool, NULL, NULL);
}

/* Waits until as much has been told, and compares. */
static void
check_told(Fixture *fixture, const char *expected)
{
	WAIT_UNTIL(fixture->label, fixture->log->len >= strlen(expected));
	g_assert_cmpstr(fixture->log->str, ==, expected);
}

static void
fixture_end(Fixture *fixture)
{
	watcher_free(fixture->watcher);
	pool_free(fixture->pool);
	scripted_server_free(fixture->server);
	SSL_CTX_free(fixture->context);
	g_string_free(fixture->log, TRUE);
	g_free(fixture);
}

#define POOL(capabilities) SCRIPT(HELLO_WITH(capabilities))
#define INBOX_ONLY         SCRIPT("INBOX")

static void
check_status(Fixture *fixture, const char *expected)
{
	g_autoptr(GString) text = g_string_new(NULL);

	watcher_status(fixture->watcher, text);
	if (!g_pattern_match_simple(expected, text->str))
		g_error("%s: %s", fixture->label, text->str);
}

/* --- NOTIFY --- */

typedef struct {
	const char *label;
	const char *const *script;
	const char *expected;
} NewsRow;

/* What the server says after NOTIFY, or after IDLE with INBOX open, and what is told of it. */
static void
check_news(const NewsRow *rows, guint n_rows, const char *capabilities)
{
	g_autofree char *hello =
		g_strdup_printf("S: * PREAUTH [CAPABILITY IMAP4rev1 %s] hello", capabilities);

	for (guint i = 0; i < 2 * n_rows; i++) {
		const NewsRow *row = &rows[i / 2];
		Fixture *fixture = fixture_new(row->label, SCRIPT(hello), SCRIPTS(row->script), 4);

		fixture_begin(fixture, INBOX_ONLY);
		check_told(fixture, strchr(capabilities, 'N') ? "all; " : "some; ");
		if (i % 2)
			scripted_server_split(fixture->server, 1);
		scripted_server_open_gate(fixture->server, 'a');
		check_told(fixture, row->expected);
		scripted_server_split(fixture->server, 0);
		fixture_end(fixture);
	}
}

static void
test_notify(void)
{
	const NewsRow rows[] = {
		{"a message",
	         SCRIPT(NOTIFIED, "GATE a", "S: * STATUS \"a b\" (MESSAGES 1 UIDNEXT 5)",
	                "c: DONE"),
	         "all; mailbox a b; "},
		{"a mailbox", SCRIPT(NOTIFIED, "GATE a", "S: * LIST () \"/\" new", "c: DONE"),
	         "all; list; "},
		{"renamed",
	         SCRIPT(NOTIFIED, "GATE a", "S: * LIST () \"/\" new (\"OLDNAME\" (\"old\"))",
	                "c: DONE"),
	         "all; list; "},
		{"a literal",
	         SCRIPT(NOTIFIED, "GATE a", "S: * STATUS {3}", "S: x\"y (HIGHESTMODSEQ 7)",
	                "c: DONE"),
	         "all; mailbox x\"y; "},
		{"INBOX in other letters",
	         SCRIPT(NOTIFIED, "GATE a", "S: * STATUS inbox ()", "S: * LIST () \"/\" new",
	                "c: DONE"),
	         "all; mailbox INBOX; list; "},
		{"what is no news",
	         SCRIPT(NOTIFIED, "GATE a", "S: * OK Still here", "S: * 3 EXISTS", "S: * STATUS",
	                "S: * STATUS (x", "S: * SEARCH 1", "S: * STATUS z ()", "c: DONE"),
	         "all; mailbox z; "},
	};

	check_news(rows, G_N_ELEMENTS(rows), "NOTIFY IDLE");
}

/* What comes together is told once for each mailbox; a server without IDLE is kept awake. */
static void
test_notify_alone(void)
{
	Fixture *fixture =
		fixture_new("notify alone", POOL("NOTIFY"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY"), NOTIFY, "S: $a OK", "C: b NOOP",
	                                   "S: $b OK", "C: b NOOP", "S: * STATUS x (MESSAGES 2)",
	                                   "S: * STATUS x (MESSAGES 3)", "S: * LIST () NIL y",
	                                   "S: * STATUS x (MESSAGES 3)", "S: * LIST () NIL z",
	                                   "S: $b OK", "HANG")),
	                    4);

	fixture->times.renewal_us = 50 * 1000;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; mailbox x; list; ");
	fixture->times.renewal_us = 60 * G_USEC_PER_SEC;
	g_assert_true(watcher_watches(fixture->watcher, "anything"));
	check_status(fixture, "watching: all mailboxes (*bytes out)\n");
	fixture_end(fixture);
}

static void
test_notify_refused(void)
{
	static const char *const ways[] = {"S: $a NO [CANNOT] no", "S: $a BAD what?"};

	for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
		Fixture *fixture =
			fixture_new("notify refused", POOL("NOTIFY IDLE"),
		                    SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, ways[i],
		                                   "C: a EXAMINE \"INBOX\"", "S: * 3 EXISTS",
		                                   "S: $a OK", IDLE, "S: * 4 EXISTS", "c: DONE")),
		                    2);

		fixture_begin(fixture, SCRIPT("INBOX", "second"));
		check_told(fixture, "some; mailbox INBOX; ");
		g_assert_true(watcher_watches(fixture->watcher, "INBOX"));
		g_assert_false(watcher_watches(fixture->watcher, "second"));
		fixture_end(fixture);
	}
}

static void
test_notify_fewer_events(void)
{
	Fixture *fixture =
		fixture_new("fewer events", POOL("NOTIFY IDLE"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY,
	                                   "S: $a NO [BADEVENT (MessageNew MessageExpunge)] no",
	                                   "C: a NOTIFY SET (personal (" EVENTS "))", "S: $a OK",
	                                   IDLE, "c: DONE")),
	                    4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	fixture_end(fixture);
}

static void
test_notify_overflow(void)
{
	Fixture *fixture = fixture_new(
		"overflow", POOL("NOTIFY IDLE"),
		SCRIPTS(SCRIPT(NOTIFIED, "GATE a", "S: * OK [NOTIFICATIONOVERFLOW] too much", DONE,
	                       "C: a EXAMINE \"INBOX\"", "S: * 3 EXISTS", "S: $a OK", IDLE,
	                       "S: * 4 EXISTS", "c: DONE")),
		4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	scripted_server_open_gate(fixture->server, 'a');
	check_told(fixture, "all; nothing; some; mailbox INBOX; ");
	fixture_end(fixture);
}

/* It may come before the line stands. */
static void
test_notify_overflow_early(void)
{
	const char *const *const scripts[] = {
		SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: * OK [NOTIFICATIONOVERFLOW] too much",
	               "S: $a OK", "C: a EXAMINE \"INBOX\"", "S: $a OK", IDLE, "c: DONE"),
		SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a OK", "C: b IDLE",
	               "S: * OK [NOTIFICATIONOVERFLOW] too much", "S: + idling", DONE,
	               "C: a EXAMINE \"INBOX\"", "S: $a OK", IDLE, "c: DONE"),
	};

	for (guint i = 0; i < G_N_ELEMENTS(scripts); i++) {
		Fixture *fixture =
			fixture_new("early overflow", POOL("NOTIFY IDLE"), SCRIPTS(scripts[i]), 4);

		fixture_begin(fixture, INBOX_ONLY);
		check_told(fixture, "some; ");
		fixture_end(fixture);
	}
}

#define NAMESPACES(others, subtree)                                                                \
	HELLO_WITH("NOTIFY IDLE NAMESPACE"), "C: a NAMESPACE",                                     \
		"S: * NAMESPACE ((\"INBOX.\" \".\")) " others, "S: $a OK",                         \
		"C: a NOTIFY SET (personal (" EVENTS " SubscriptionChange))" subtree

#define FOREIGN                                                                                    \
	NAMESPACES("((\"#shared.\" \".\")) ((\"Other users/\" \"/\"))",                            \
	           " (subtree (\"#shared\" \"Other users\") (" EVENTS " SubscriptionChange))")

/* Of other users' mailboxes, and shared ones that begin like any. */
#define NAMELESS                                                                                   \
	NAMESPACES("((\"user.\" \".\")(\"~\" \".\")) ((\"\" \".\"))",                              \
	           " (subtree (\"user\") (" EVENTS " SubscriptionChange))")

/* The mailboxes of others are named; a server that does not like that is asked for this user's.
 * Those that cannot be named, or were refused, are not said to be told of. */
static void
test_notify_namespaces(void)
{
	const struct {
		const char *const *script;
		const char *expected;
		const char *watched[5], *unwatched[5];
	} rows[] = {
		{SCRIPT(FOREIGN, "S: $a OK", IDLE, "c: DONE"),
	         "all; ",
	         {"INBOX", "inbox", "INBOX.x", "#shared.x", "Other users/x"},
	         {"elsewhere"}},
		{SCRIPT(FOREIGN, "S: $a NO no", NOTIFY, "S: $a OK", IDLE, "c: DONE"),
	         "some; ",
	         {"INBOX", "inbox", "INBOX.x"},
	         {"#shared.x", "#shared", "Other users/x", "elsewhere"}},
		{SCRIPT(NAMELESS, "S: $a OK", IDLE, "c: DONE"),
	         "some; ",
	         {"INBOX", "INBOX.x", "user.x", "user"},
	         {"board", "board.x", "INBOXES", "users", "~joe.x"}},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture *fixture =
			fixture_new("namespaces", POOL("NOTIFY IDLE"), SCRIPTS(rows[i].script), 4);

		fixture_begin(fixture, INBOX_ONLY);
		check_told(fixture, rows[i].expected);
		for (guint j = 0; j < 5 && rows[i].watched[j]; j++)
			g_assert_true(watcher_watches(fixture->watcher, rows[i].watched[j]));
		for (guint j = 0; j < 5 && rows[i].unwatched[j]; j++)
			g_assert_false(watcher_watches(fixture->watcher, rows[i].unwatched[j]));
		fixture_end(fixture);
	}
}

/* They are asked for once. */
static void
test_notify_namespaces_again(void)
{
	Fixture *fixture = fixture_new(
		"namespaces again", POOL("NOTIFY IDLE"),
		SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE NAMESPACE"), "C: a NAMESPACE",
	                       "S: $a BAD no", NOTIFY, "S: $a OK", IDLE, "GATE a", "DROP"),
	                SCRIPT(HELLO_WITH("NOTIFY IDLE NAMESPACE"), NOTIFY, "S: $a OK", IDLE,
	                       "c: DONE")),
		4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	scripted_server_open_gate(fixture->server, 'a');
	check_told(fixture, "all; nothing; all; ");
	fixture_end(fixture);
}

/* IDLE is not for every server where no mailbox is open. */
static void
test_notify_idle_refused(void)
{
	Fixture *fixture = fixture_new(
		"idle refused", POOL("NOTIFY IDLE"),
		SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a OK", "C: b IDLE",
	                       "S: $b BAD not now", "GATE a", "S: * STATUS x (MESSAGES 2)")),
		4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	scripted_server_open_gate(fixture->server, 'a');
	check_told(fixture, "all; mailbox x; ");
	fixture_end(fixture);
}

#define AGAIN_US (200 * 1000) /* a first refusal is believed for so long in these tests */

/* It is asked for again in a while: where no mailbox is open, over another connection if need be.
 */
static void
test_notify_again(void)
{
	const struct {
		const char *const *scripts[3];
	} rows[] = {
		{{SCRIPT(HELLO_WITH("NOTIFY IDLE UNSELECT"), NOTIFY, "S: $a NO not now",
	                 "C: a EXAMINE \"INBOX\"", "S: $a OK", IDLE, DONE, "C: a UNSELECT",
	                 "S: $a OK", NOTIFY, "S: $a OK", IDLE, "c: DONE")}},
		{{SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a NO not now",
	                 "C: a EXAMINE \"INBOX\"", "S: $a OK", IDLE, DONE, "EOF"),
	          SCRIPT(NOTIFIED, "c: DONE")}},
		{{SCRIPT(HELLO_WITH("NOTIFY IDLE UNSELECT"), NOTIFY, "S: $a NO not now",
	                 "C: a EXAMINE \"INBOX\"", "S: $a OK", IDLE, DONE, "C: a UNSELECT",
	                 "S: $a BAD what?", "EOF"),
	          SCRIPT(NOTIFIED, "c: DONE")}},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture *fixture =
			fixture_new("notify again", POOL("NOTIFY IDLE"), rows[i].scripts, 2);

		fixture->times.refused_us = AGAIN_US;
		fixture_begin(fixture, INBOX_ONLY);
		check_told(fixture, "some; nothing; all; ");
		fixture_end(fixture);
	}
}

static void
test_notify_again_after_overflow(void)
{
	Fixture *fixture =
		fixture_new("again after overflow", POOL("NOTIFY IDLE"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE UNSELECT"), NOTIFY, "S: $a OK",
	                                   IDLE, "S: * OK [NOTIFICATIONOVERFLOW] too much", DONE,
	                                   "C: a EXAMINE \"INBOX\"", "S: $a OK", IDLE, DONE,
	                                   "C: a UNSELECT", "S: $a OK", NOTIFY, "S: $a OK", IDLE,
	                                   "S: * STATUS x ()", "c: DONE")),
	                    4);

	fixture->times.refused_us = AGAIN_US;
	fixture_begin(fixture, INBOX_ONLY);
	WAIT_UNTIL("again after overflow", g_str_has_suffix(fixture->log->str, "mailbox x; "));
	g_assert_true(g_str_has_suffix(fixture->log->str, "some; nothing; all; mailbox x; "));
	fixture_end(fixture);
}

/* IDLE without a mailbox is tried again as well, when the line is renewed. */
static void
test_notify_idle_again(void)
{
	Fixture *fixture =
		fixture_new("notify, idle again", POOL("NOTIFY IDLE"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a OK",
	                                   "C: b IDLE", "S: $b NO not now", "C: b NOOP", "S: $b OK",
	                                   IDLE, "S: * STATUS x ()", "c: DONE")),
	                    4);

	fixture->times.refused_us = AGAIN_US;
	fixture->times.renewal_us = AGAIN_US + 50 * 1000;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	fixture->times.renewal_us = 60 * G_USEC_PER_SEC;
	check_told(fixture, "all; mailbox x; ");
	fixture_end(fixture);
}

/* --- IDLE --- */

static void
test_idle(void)
{
	const NewsRow rows[] = {
		{"arrived", SCRIPT(EXAMINED("INBOX"), "GATE a", "S: * 4 EXISTS", "c: DONE"),
	         "some; mailbox INBOX; "},
		{"expunged", SCRIPT(EXAMINED("INBOX"), "GATE a", "S: * 2 EXPUNGE", "c: DONE"),
	         "some; mailbox INBOX; "},
		{"vanished", SCRIPT(EXAMINED("INBOX"), "GATE a", "S: * VANISHED 7", "c: DONE"),
	         "some; mailbox INBOX; "},
		{"flagged",
	         SCRIPT(EXAMINED("INBOX"), "GATE a", "S: * 2 FETCH (FLAGS (\\Seen))", "c: DONE"),
	         "some; mailbox INBOX; "},
		{"a mailbox",
	         SCRIPT(EXAMINED("INBOX"), "GATE a", "S: * LIST () \"/\" x", "c: DONE"),
	         "some; list; "},
		{"what is no news",
	         SCRIPT(EXAMINED("INBOX"), "GATE a", "S: * OK Still here", "S: * 3 EXISTS",
	                "S: * 0 RECENT", "S: * OK [HIGHESTMODSEQ 7] x", "S: * LIST () \"/\" x",
	                "c: DONE"),
	         "some; list; "},
	};

	check_news(rows, G_N_ELEMENTS(rows), "IDLE");
}

/* INBOX has no case. */
static void
test_idle_inbox(void)
{
	Fixture *fixture =
		fixture_new("inbox", POOL("IDLE"),
	                    SCRIPTS(SCRIPT(EXAMINED("Inbox"), "S: * 4 EXISTS", "c: DONE")), 2);

	fixture_begin(fixture, SCRIPT("Inbox"));
	check_told(fixture, "some; mailbox INBOX; ");
	g_assert_true(watcher_watches(fixture->watcher, "INBOX"));
	g_assert_true(watcher_watches(fixture->watcher, "inbox"));
	g_assert_false(watcher_watches(fixture->watcher, "INBOX.x"));
	fixture_end(fixture);
}

/* One connection for each of the first few, but never more than half as many as the pool may have.
 */
static void
test_idle_some(void)
{
	Fixture *fixture = fixture_new(
		"some", POOL("IDLE"),
		SCRIPTS(SCRIPT(EXAMINED("x"), "c: DONE"), SCRIPT(EXAMINED("y"), "c: DONE")), 5);

	fixture_begin(fixture, SCRIPT("x", "y", "z"));
	WAIT_UNTIL("some", watcher_watches(fixture->watcher, "x") &&
	                           watcher_watches(fixture->watcher, "y"));
	test_linger(20);
	g_assert_false(watcher_watches(fixture->watcher, "z"));
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 3);
	check_status(fixture, "watching: mailbox x (*), mailbox y (*)\n");
	fixture_end(fixture);
}

static void
test_idle_refused(void)
{
	Fixture *fixture = fixture_new(
		"refused", POOL("IDLE"),
		SCRIPTS(SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"x\"", "S: * 3 EXISTS",
	                       "S: $a OK", "C: b IDLE", "S: $b BAD what?")),
		2);

	fixture_begin(fixture, SCRIPT("x"));
	check_told(fixture, "nothing; ");
	test_linger(50);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 2);
	fixture_end(fixture);
}

/* In a while it is asked for again. */
static void
test_idle_again(void)
{
	Fixture *fixture =
		fixture_new("idle again", POOL("IDLE"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"x\"", "S: $a OK",
	                                   "C: b IDLE", "S: $b NO not at this time", "EOF"),
	                            SCRIPT(EXAMINED("x"), "c: DONE")),
	                    2);

	fixture->times.refused_us = AGAIN_US;
	fixture_begin(fixture, SCRIPT("x"));
	check_told(fixture, "nothing; some; ");
	fixture_end(fixture);
}

/* Of one that the server had accepted, a NO at its end says nothing about the next. */
static void
test_idle_ends_with_no(void)
{
	static const char *const ends[] = {"S: $b NO try later", "S: $b BAD DONE what?"};

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
		Fixture *fixture = fixture_new("ends with no", POOL("IDLE"),
		                               SCRIPTS(SCRIPT(EXAMINED("INBOX"), "c: DONE", ends[i],
		                                              IDLE, "S: * 4 EXISTS", "c: DONE")),
		                               4);

		fixture->times.renewal_us = 50 * 1000;
		fixture_begin(fixture, INBOX_ONLY);
		check_told(fixture, "some; ");
		fixture->times.renewal_us = 60 * G_USEC_PER_SEC;
		check_told(fixture, "some; mailbox INBOX; ");
		g_assert_true(watcher_watches(fixture->watcher, "INBOX"));
		fixture_end(fixture);
	}
}

/* A mailbox that cannot be opened: the next one is watched. */
static void
test_idle_no_mailbox(void)
{
	Fixture *fixture =
		fixture_new("no mailbox", POOL("IDLE"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"gone\"",
	                                   "S: $a NO [NONEXISTENT] no", "C: a EXAMINE \"x\"",
	                                   "S: * 3 EXISTS", "S: $a OK", IDLE, "c: DONE")),
	                    2);

	fixture_begin(fixture, SCRIPT("gone", "x"));
	check_told(fixture, "some; ");
	g_assert_false(watcher_watches(fixture->watcher, "gone"));
	g_assert_true(watcher_watches(fixture->watcher, "x"));
	fixture_watch(fixture, SCRIPT("gone", "x", "y")); /* not asked for again */
	test_linger(20);
	check_told(fixture, "some; ");
	fixture_end(fixture);
}

#define UNAVAILABLE                                                                                \
	SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"INBOX\"", "S: $a NO Server Unavailable. 15",    \
	       "EOF")

/* It is tried again in a while, and each time that is longer. */
static void
test_idle_mailbox_again(void)
{
	Fixture *fixture = fixture_new("mailbox again", POOL("IDLE"),
	                               SCRIPTS(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE,
	                                       SCRIPT(EXAMINED("INBOX"), "c: DONE")),
	                               4);
	gint64 began_us = g_get_monotonic_time();

	fixture->times.refused_us = AGAIN_US;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "nothing; some; ");
	g_assert_cmpint(g_get_monotonic_time() - began_us, >=, (1 + 2 + 4) * AGAIN_US);
	fixture_end(fixture);
}

/* And sooner if somebody uses it, but not each time that anybody uses any. */
static void
test_idle_mailbox_wanted(void)
{
	Fixture *fixture =
		fixture_new("mailbox wanted", POOL("IDLE"),
	                    SCRIPTS(UNAVAILABLE, SCRIPT(EXAMINED("INBOX"), "c: DONE")), 4);

	fixture->times.refused_us = 4 * AGAIN_US;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "nothing; ");
	fixture_watch(fixture, INBOX_ONLY);
	test_linger(50);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 2);
	test_linger(AGAIN_US / 1000);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 2);
	fixture_watch(fixture, INBOX_ONLY);
	test_linger(50);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 3);
	check_told(fixture, "nothing; some; ");
	fixture_end(fixture);
}

/* What stays is not touched, what is new takes over a connection that is not needed any more. */
static void
test_idle_other_list(void)
{
	Fixture *fixture = fixture_new("other list", POOL("IDLE"),
	                               SCRIPTS(SCRIPT(EXAMINED("x"), DONE, "C: a EXAMINE \"z\"",
	                                              "S: * 1 EXISTS", "S: $a OK", IDLE, "c: DONE"),
	                                       SCRIPT(EXAMINED("y"), "S: * 4 EXISTS", "GATE a",
	                                              "S: * 5 EXISTS", "c: DONE")),
	                               4);

	fixture->next = SCRIPT("y", "z");
	fixture_begin(fixture, SCRIPT("x", "y"));
	WAIT_UNTIL("other list", watcher_watches(fixture->watcher, "z"));
	g_assert_true(watcher_watches(fixture->watcher, "y"));
	g_assert_false(watcher_watches(fixture->watcher, "x"));
	g_string_truncate(fixture->log, 0);
	scripted_server_open_gate(fixture->server, 'a');
	WAIT_UNTIL("other list", strstr(fixture->log->str, "mailbox y; "));
	fixture_end(fixture);
}

/* The list changes before the connection for it is ready, several times. */
static void
test_idle_changes_of_mind(void)
{
	Fixture *fixture = fixture_new(
		"changes of mind", POOL("IDLE"),
		SCRIPTS(SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"x\"", "GATE a", "S: $a OK",
	                       "C: a EXAMINE \"y\"", "S: $a OK", "C: b IDLE", "GATE b",
	                       "S: + idling", DONE, "C: a EXAMINE \"z\"", "S: $a OK", IDLE, DONE,
	                       "C: a EXAMINE \"y\"", "S: $a OK", IDLE, "c: DONE")),
		2);

	fixture_begin(fixture, SCRIPT("x"));
	test_linger(20);
	fixture_watch(fixture, SCRIPT("y"));
	test_linger(20);
	scripted_server_open_gate(fixture->server, 'a');
	test_linger(20);
	fixture_watch(fixture, SCRIPT("z"));
	test_linger(20);
	scripted_server_open_gate(fixture->server, 'b');
	check_told(fixture, "some; ");
	g_assert_true(watcher_watches(fixture->watcher, "z"));
	fixture_watch(fixture, SCRIPT("y"));
	check_told(fixture, "some; nothing; some; ");
	g_assert_true(watcher_watches(fixture->watcher, "y"));
	fixture_end(fixture);
}

/* --- connections --- */

static void
test_neither(void)
{
	Fixture *fixture = fixture_new("neither", POOL("UIDPLUS"), SCRIPTS(NULL), 4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "nothing; ");
	fixture_watch(fixture, SCRIPT("x"));
	test_linger(50);
	check_told(fixture, "nothing; ");
	check_status(fixture, "watching: nothing\n");
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 1);
	fixture_end(fixture);
}

/* News that come while IDLE is renewed are news. */
static void
test_renewal(void)
{
	Fixture *fixture =
		fixture_new("renewal", POOL("IDLE"),
	                    SCRIPTS(SCRIPT(EXAMINED("INBOX"), "c: DONE", "S: * 4 EXISTS",
	                                   "S: $b OK", "C: b IDLE", "S: * 5 EXISTS", "S: + idling",
	                                   DONE, IDLE, "S: * 6 EXISTS", "c: DONE")),
	                    4);

	fixture->times.renewal_us = 50 * 1000;
	fixture_begin(fixture, INBOX_ONLY);
	WAIT_UNTIL("renewal", strlen(fixture->log->str) > strlen("some; mailbox INBOX; "));
	fixture->times.renewal_us = 60 * G_USEC_PER_SEC;
	WAIT_UNTIL("renewal", g_str_has_suffix(fixture->log->str, "mailbox INBOX; "));
	test_linger(200);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 2);
	fixture_end(fixture);
}

/* Nothing needs to be said on it for as long as that. */
static void
test_silence(void)
{
	Fixture *fixture;

	timeout_us = G_USEC_PER_SEC;
	fixture = fixture_new("silence", POOL("NOTIFY IDLE"),
	                      SCRIPTS(SCRIPT(NOTIFIED, "GATE a", "S: * LIST () NIL x", "c: DONE")),
	                      4);
	timeout_us = 5 * G_USEC_PER_SEC;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	test_linger(1500);
	scripted_server_open_gate(fixture->server, 'a');
	check_told(fixture, "all; list; ");
	fixture_end(fixture);
}

static void
test_no_answer(void)
{
	Fixture *fixture = fixture_new("no answer", POOL("IDLE"),
	                               SCRIPTS(SCRIPT(EXAMINED("INBOX"), "c: DONE", "EOF"),
	                                       SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"INBOX\"",
	                                              "S: $a OK", "C: b IDLE", "EOF"),
	                                       SCRIPT(EXAMINED("INBOX"), "GATE a", "c: DONE")),
	                               4);

	fixture->times.renewal_us = 50 * 1000;
	fixture->times.answer_us = 100 * 1000;
	fixture_begin(fixture, INBOX_ONLY);
	WAIT_UNTIL("no answer", watcher_watches(fixture->watcher, "INBOX"));
	WAIT_UNTIL("no answer", !watcher_watches(fixture->watcher, "INBOX"));
	fixture->times.renewal_us = 60 * G_USEC_PER_SEC;
	WAIT_UNTIL("no answer", scripted_server_n_accepted(fixture->server) == 4);
	check_told(fixture, "some; nothing; some; ");
	scripted_server_open_gate(fixture->server, 'a');
	fixture_end(fixture);
}

/* After a sleep a sign of life is asked for at once, and is not waited for as long. */
static void
test_sleep(void)
{
	Fixture *fixture = fixture_new(
		"sleep",
		SCRIPT(HELLO_WITH("IDLE"), "C: a NOOP", "S: $a OK", "C: b NOOP", "S: $b OK"),
		SCRIPTS(SCRIPT(EXAMINED("x"), DONE, IDLE, "c: DONE", "EOF"),
	                SCRIPT(EXAMINED("x"), "c: DONE")),
		2);

	fixture->times.resumed_us = 100 * 1000;
	fixture_begin(fixture, SCRIPT("x"));
	check_told(fixture, "some; ");
	slept_us += G_USEC_PER_SEC;
	watcher_look_for_sleep(fixture->watcher); /* not for so long */
	for (guint i = 0; i < 2; i++) {
		slept_us += 10 * G_USEC_PER_SEC;
		watcher_look_for_sleep(fixture->watcher);
		test_linger(50);
	}
	check_told(fixture, "some; nothing; some; ");
	fixture_end(fixture);
}

/* So is one of the pool's, before anybody needs it. */
static void
test_sleep_of_pool(void)
{
	Fixture *fixture;

	timeout_us = 500 * 1000;
	fixture = fixture_new(
		"sleep of the pool",
		SCRIPT(HELLO_WITH("UIDPLUS"), "C: a NOOP", "S: $a OK", "C: b NOOP", "EOF"),
		SCRIPTS(NULL), 4);
	timeout_us = 5 * G_USEC_PER_SEC;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "nothing; ");
	slept_us += G_USEC_PER_SEC;
	watcher_look_for_sleep(fixture->watcher); /* not for so long */
	for (guint i = 0; i < 2; i++) {
		test_linger(50);
		slept_us += 10 * G_USEC_PER_SEC;
		watcher_look_for_sleep(fixture->watcher);
	}
	WAIT_UNTIL("sleep of the pool", scripted_server_n_open(fixture->server) == 0);
	g_assert_false(pool_is_offline(fixture->pool)); /* as after a line that hangs */
	fixture_end(fixture);
}

static void
test_lost(void)
{
	static const char *const ends[] = {"DROP", "RESET", "S: * BYE for now", "S: x garbage"};

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
		Fixture *fixture = fixture_new(
			"lost", POOL("NOTIFY IDLE"),
			SCRIPTS(SCRIPT(NOTIFIED, "GATE a", ends[i]), SCRIPT(NOTIFIED, "c: DONE")),
			4);
		gint64 lost_us;

		fixture_begin(fixture, INBOX_ONLY);
		check_told(fixture, "all; ");
		scripted_server_open_gate(fixture->server, 'a');
		check_told(fixture, "all; nothing; ");
		lost_us = g_get_monotonic_time();
		g_assert_false(watcher_watches(fixture->watcher, "INBOX"));
		check_told(fixture, "all; nothing; all; ");
		g_assert_cmpint(g_get_monotonic_time() - lost_us, >=, 450 * 1000);
		fixture_end(fixture);
	}
}

/* A server that ends IDLE at once, every time, is not asked without a pause. */
static void
test_ends_at_once(void)
{
	Fixture *fixture = fixture_new("ends at once", POOL("IDLE"),
	                               SCRIPTS(SCRIPT(EXAMINED("INBOX"), "S: $b OK", "EOF"),
	                                       SCRIPT(EXAMINED("INBOX"), "S: $b OK", "EOF"),
	                                       SCRIPT(EXAMINED("INBOX"), "c: DONE")),
	                               4);
	gint64 began_us = g_get_monotonic_time();

	fixture_begin(fixture, INBOX_ONLY);
	WAIT_UNTIL("ends at once", scripted_server_n_accepted(fixture->server) == 4);
	g_assert_cmpint(g_get_monotonic_time() - began_us, >=, 1450 * 1000);
	WAIT_UNTIL("ends at once", watcher_watches(fixture->watcher, "INBOX"));
	fixture_end(fixture);
}

#define NO_LOGIN(refusal)                                                                          \
	SCRIPT("S: * OK [CAPABILITY IMAP4rev1 IDLE] hello", "C: a LOGIN *", refusal, "EOF")

/* The pool is logged in with the same password: there are too many connections just now. */
static void
test_login_refused(void)
{
	Fixture *fixture = fixture_new("login refused", POOL("IDLE"),
	                               SCRIPTS(NO_LOGIN("S: $a NO [AUTHENTICATIONFAILED] no")), 4);

	fixture_begin(fixture, INBOX_ONLY);
	test_linger(2000);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 2);
	check_status(fixture, "watching: mailbox INBOX (not connected)\n");
	fixture_end(fixture);
}

static void
test_login_refused_once(void)
{
	Fixture *fixture = fixture_new("login refused once", POOL("IDLE"),
	                               SCRIPTS(NO_LOGIN("S: $a NO too many connections"),
	                                       SCRIPT(EXAMINED("INBOX"), "c: DONE")),
	                               4);
	gint64 began_us = g_get_monotonic_time();

	fixture->times.no_more_us = 700 * 1000;
	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "some; ");
	g_assert_cmpint(g_get_monotonic_time() - began_us, >=, 700 * 1000);
	fixture_end(fixture);
}

/* The password may have been changed: one tries it, in a while again, and each time that is longer.
 */
static void
test_login_refused_again(void)
{
	Fixture *fixture = fixture_new("login refused again", POOL("IDLE"),
	                               SCRIPTS(NO_LOGIN("S: $a NO no"), NO_LOGIN("S: $a NO no"),
	                                       NO_LOGIN("S: $a NO no"),
	                                       SCRIPT("WAIT 100", EXAMINED("x"), "c: DONE"),
	                                       SCRIPT(EXAMINED("y"), "c: DONE")),
	                               4);
	gint64 began_us = g_get_monotonic_time();

	fixture->times.no_more_us = AGAIN_US;
	fixture_begin(fixture, SCRIPT("x", "y"));
	WAIT_UNTIL("login refused again", scripted_server_n_accepted(fixture->server) == 5);
	g_assert_cmpint(g_get_monotonic_time() - began_us, >=, (1 + 2 + 4) * AGAIN_US);
	test_linger(50);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 5);
	WAIT_UNTIL("login refused again", watcher_watches(fixture->watcher, "x") &&
	                                          watcher_watches(fixture->watcher, "y"));
	fixture_end(fixture);
}

/* Also where others were let in before it was changed. */
static void
test_login_refused_later(void)
{
	Fixture *fixture =
		fixture_new("login refused later", POOL("IDLE"),
	                    SCRIPTS(SCRIPT(EXAMINED("x"), "GATE a", "DROP"),
	                            SCRIPT(EXAMINED("y"), "GATE a", "DROP"),
	                            SCRIPT(EXAMINED("z"), "c: DONE"), NO_LOGIN("S: $a NO no")),
	                    6);

	fixture_begin(fixture, SCRIPT("x", "y", "z"));
	WAIT_UNTIL("login refused later", watcher_watches(fixture->watcher, "x") &&
	                                          watcher_watches(fixture->watcher, "y") &&
	                                          watcher_watches(fixture->watcher, "z"));
	scripted_server_open_gate(fixture->server, 'a');
	test_linger(2500);
	g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 5);
	fixture_end(fixture);
}

/* The second one of two is refused: the first goes on alone. */
static void
test_fewer_connections(void)
{
	const char *const *const refusals[] = {
		SCRIPT("WAIT 100", "S: * BYE [LIMIT] too many connections", "EOF"),
		SCRIPT("WAIT 100", "S: * OK [CAPABILITY IMAP4rev1 IDLE] hello", "C: a LOGIN *",
	               "S: $a NO no", "EOF"),
	};

	for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
		Fixture *fixture = fixture_new(
			"fewer connections", POOL("IDLE"),
			SCRIPTS(SCRIPT(EXAMINED("x"), "S: * 4 EXISTS", "c: DONE"), refusals[i]), 4);

		fixture_begin(fixture, SCRIPT("x", "y"));
		check_told(fixture, "some; mailbox x; ");
		test_linger(1500);
		g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 3);
		check_told(fixture, "some; mailbox x; ");
		check_status(fixture, "watching: mailbox x (*), mailbox y (not connected)\n");
		fixture_end(fixture);
	}
}

/* What a server says will pass is asked again, over another connection, before anything else. */
static void
test_refused_for_now(void)
{
	const struct {
		const char *const *scripts[3];
		const char *expected;
	} rows[] = {
		{{SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"INBOX\"",
	                 "S: $a NO [UNAVAILABLE] try again later", "EOF"),
	          SCRIPT(EXAMINED("INBOX"), "c: DONE")},
	         "some; "},
		{{SCRIPT(HELLO_WITH("IDLE"), "C: a EXAMINE \"INBOX\"", "S: $a OK", "C: b IDLE",
	                 "S: $b NO [SERVERBUG] oops", "EOF"),
	          SCRIPT(EXAMINED("INBOX"), "c: DONE")},
	         "some; "},
		{{SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a NO [INUSE] busy", "EOF"),
	          SCRIPT(NOTIFIED, "c: DONE")},
	         "all; "},
		{{SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a OK", "C: b IDLE",
	                 "S: $b NO [LIMIT] too many", "EOF"),
	          SCRIPT(NOTIFIED, "c: DONE")},
	         "all; "},
		{{SCRIPT(HELLO_WITH("NOTIFY IDLE NAMESPACE"), "C: a NAMESPACE",
	                 "S: $a NO [UNAVAILABLE] no", "EOF"),
	          SCRIPT(FOREIGN, "S: $a OK", IDLE, "c: DONE")},
	         "all; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		gboolean all = rows[i].expected[0] == 'a';
		Fixture *fixture =
			fixture_new("refused for now", all ? POOL("NOTIFY IDLE") : POOL("IDLE"),
		                    rows[i].scripts, 2);

		fixture_begin(fixture, SCRIPT("INBOX", "x"));
		check_told(fixture, rows[i].expected);
		g_assert_cmpuint(scripted_server_n_accepted(fixture->server), ==, 3);
		g_assert_true(watcher_watches(fixture->watcher, "INBOX"));
		fixture_end(fixture);
	}
}

/* What was refused for good is asked for again once the server has been away. */
static void
test_refused_before(void)
{
	Fixture *fixture =
		fixture_new("refused before", SCRIPT(HELLO_WITH("NOTIFY IDLE"), "GATE a", "DROP"),
	                    SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE"), NOTIFY, "S: $a NO no",
	                                   "C: a EXAMINE \"INBOX\"", "S: $a NO no", "EOF"),
	                            SCRIPT("S: * BYE going down", "EOF"), POOL("NOTIFY IDLE"),
	                            SCRIPT(NOTIFIED, "c: DONE")),
	                    4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "nothing; ");
	check_status(fixture, "watching: nothing\n");
	scripted_server_open_gate(fixture->server, 'a');
	test_linger(20);
	pool_start(fixture->pool, NULL, NULL); /* as the next job would */
	check_told(fixture, "nothing; all; ");
	fixture_end(fixture);
}

/* Where the pool cannot connect there is nothing for a watcher, who may even be the reason. */
static void
test_pool_offline(void)
{
	Fixture *fixture =
		fixture_new("pool offline", SCRIPT(HELLO_WITH("IDLE"), "GATE a", "DROP"),
	                    SCRIPTS(SCRIPT(EXAMINED("x"), "c: DONE", "EOF"),
	                            SCRIPT("S: * BYE [LIMIT] too many", "EOF"),
	                            SCRIPT(HELLO_WITH("IDLE")), SCRIPT(EXAMINED("x"), "c: DONE")),
	                    4);

	fixture_begin(fixture, SCRIPT("x"));
	check_told(fixture, "some; ");
	scripted_server_open_gate(fixture->server, 'a');
	test_linger(20);
	g_assert_true(watcher_watches(fixture->watcher, "x"));
	pool_start(fixture->pool, NULL, NULL); /* as the next job would */
	check_told(fixture, "some; nothing; some; ");
	fixture_end(fixture);
}

static void
test_before_login(void)
{
	Fixture *fixture = fixture_new(
		"before login", SCRIPT("S: * BYE not now", "EOF"),
		SCRIPTS(SCRIPT(HELLO_WITH("NOTIFY IDLE")), SCRIPT(NOTIFIED, "c: DONE")), 4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	fixture_end(fixture);
}

/* Another handler hears how things stand, and the first hears no more. */
static void
test_another_handler(void)
{
	Fixture *fixture =
		fixture_new("another handler", POOL("NOTIFY IDLE"),
	                    SCRIPTS(SCRIPT(NOTIFIED, "GATE a", "S: * STATUS x ()", "c: DONE")), 4);
	Fixture other = {.label = "other", .log = g_string_new(NULL)};

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	fixture_watch(fixture, SCRIPT("x")); /* nothing changes */
	watcher_watch(fixture->watcher, SCRIPT("x"), &handler, &other);
	scripted_server_open_gate(fixture->server, 'a');
	WAIT_UNTIL("other", other.log->len >= strlen("all; mailbox x; "));
	g_assert_nonnull(strstr(other.log->str, "all; "));
	g_assert_nonnull(strstr(other.log->str, "mailbox x; "));
	check_told(fixture, "all; ");
	fixture_end(fixture);
	g_string_free(other.log, TRUE);
}

/* What was heard and not told yet when the watcher goes is never told. */
static void
test_end(void)
{
	Fixture *fixture =
		fixture_new("end", POOL("NOTIFY IDLE"), SCRIPTS(SCRIPT(NOTIFIED, "HANG")), 4);

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "all; ");
	watcher_watch(fixture->watcher, SCRIPT("y"), &handler, NULL); /* a crash if it were told */
	watcher_free(fixture->watcher);
	test_linger(20);
	g_assert_cmpstr(fixture->log->str, ==, "all; ");
	pool_free(fixture->pool);
	scripted_server_free(fixture->server);
	SSL_CTX_free(fixture->context);
	g_string_free(fixture->log, TRUE);
	g_free(fixture);
}

/* The same through the operations of a Remote. */
static void
test_remote(void)
{
	Fixture fixture = {.label = "remote", .log = g_string_new(NULL)};
	ScriptedServer *server = scripted_server_new("remote", NULL);
	ImapSettings settings = {
		.host = g_strdup("127.0.0.1"),
		.port = scripted_server_port(server),
		.tls = IMAP_TLS_NONE,
		.user = g_strdup("joe"),
		.password = g_strdup("secret"),
		.n_connections = 4,
		.timeout_us = 5 * G_USEC_PER_SEC,
	};
	g_autoptr(GString) status = g_string_new(NULL);
	Remote *remote = imap_remote_new(&settings, NULL);

	scripted_server_add(server, POOL("NOTIFY IDLE"));
	scripted_server_add(server, SCRIPT(NOTIFIED, "S: * STATUS x ()", "c: DONE"));
	remote->operations->watch(remote, INBOX_ONLY, &handler, &fixture);
	imap_remote_connect(remote, NULL, NULL);
	check_told(&fixture, "all; mailbox x; ");
	g_assert_true(remote->operations->watches(remote, "INBOX"));
	g_assert_cmpint(remote->operations->capabilities(remote), ==,
	                REMOTE_KNOWN | REMOTE_NOTIFY | REMOTE_IDLE);
	remote->operations->status(remote, status);
	g_assert_nonnull(strstr(status->str, "\nwatching: all mailboxes ("));
	imap_remote_free(remote);
	scripted_server_free(server);
	g_string_free(fixture.log, TRUE);
}

/* --- floods --- */

static long
peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* 50,000 responses about messages cost no memory, and hardly any calls. */
static void
test_flood_of_messages(void)
{
	static const char *const script[] = {
		EXAMINED("INBOX"),
		"GATE a",
		"MANY 50000 * 2 FETCH (FLAGS (\\Seen $Word) UID 7)\r\n",
		"S: * LIST () NIL end",
		"c: DONE",
		NULL};
	Fixture *fixture = fixture_new("flood", POOL("IDLE"), SCRIPTS(script), 4);
	gint64 began_us;
	long before_kib;

	fixture_begin(fixture, INBOX_ONLY);
	check_told(fixture, "some; ");
	before_kib = peak_kib();
	began_us = g_get_monotonic_time();
	scripted_server_open_gate(fixture->server, 'a');
	WAIT_UNTIL("flood", g_str_has_suffix(fixture->log->str, "list; "));
	g_test_message("%.0f ms, %ld KiB more, %zu calls",
	               (double)(g_get_monotonic_time() - began_us) / 1000, peak_kib() - before_kib,
	               fixture->log->len / strlen("mailbox INBOX; "));
	g_assert_cmpuint(fixture->log->len, <, 1000 * strlen("mailbox INBOX; "));
	fixture_end(fixture);
}

static char *
name_many_mailboxes(const char *line, gpointer data)
{
	GString *text = g_string_new(NULL);

	(void)line;
	(void)data;
	for (guint i = 0; i < 50000; i++)
		g_string_append_printf(text, "* STATUS m%u (MESSAGES 1)\r\n", i);
	g_string_append(text, "* LIST () NIL end");
	return g_string_free(text, FALSE);
}

/* A server that names more mailboxes than there can be: all are to be looked at. */
static void
test_flood_of_names(void)
{
	Fixture *fixture = fixture_new("names", POOL("NOTIFY IDLE"),
	                               SCRIPTS(SCRIPT(NOTIFIED, "X", "HANG")), 4);

	scripted_server_hook(fixture->server, name_many_mailboxes, NULL);
	fixture->times.renewal_us = 50 * 1000;
	fixture_begin(fixture, INBOX_ONLY);
	WAIT_UNTIL("names", strstr(fixture->log->str, "list; "));
	g_assert_nonnull(strstr(fixture->log->str + strlen("all; "), "all; "));
	fixture_end(fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/watcher/notify", test_notify);
	g_test_add_func("/watcher/notify-alone", test_notify_alone);
	g_test_add_func("/watcher/notify-refused", test_notify_refused);
	g_test_add_func("/watcher/notify-fewer-events", test_notify_fewer_events);
	g_test_add_func("/watcher/notify-namespaces", test_notify_namespaces);
	g_test_add_func("/watcher/notify-namespaces-again", test_notify_namespaces_again);
	g_test_add_func("/watcher/notify-overflow", test_notify_overflow);
	g_test_add_func("/watcher/notify-overflow-early", test_notify_overflow_early);
	g_test_add_func("/watcher/notify-idle-refused", test_notify_idle_refused);
	g_test_add_func("/watcher/notify-again", test_notify_again);
	g_test_add_func("/watcher/notify-again-after-overflow", test_notify_again_after_overflow);
	g_test_add_func("/watcher/notify-idle-again", test_notify_idle_again);
	g_test_add_func("/watcher/idle", test_idle);
	g_test_add_func("/watcher/idle-inbox", test_idle_inbox);
	g_test_add_func("/watcher/idle-some", test_idle_some);
	g_test_add_func("/watcher/idle-refused", test_idle_refused);
	g_test_add_func("/watcher/idle-again", test_idle_again);
	g_test_add_func("/watcher/idle-ends-with-no", test_idle_ends_with_no);
	g_test_add_func("/watcher/idle-no-mailbox", test_idle_no_mailbox);
	g_test_add_func("/watcher/idle-mailbox-again", test_idle_mailbox_again);
	g_test_add_func("/watcher/idle-mailbox-wanted", test_idle_mailbox_wanted);
	g_test_add_func("/watcher/idle-other-list", test_idle_other_list);
	g_test_add_func("/watcher/idle-changes-of-mind", test_idle_changes_of_mind);
	g_test_add_func("/watcher/neither", test_neither);
	g_test_add_func("/watcher/renewal", test_renewal);
	g_test_add_func("/watcher/silence", test_silence);
	g_test_add_func("/watcher/no-answer", test_no_answer);
	g_test_add_func("/watcher/sleep", test_sleep);
	g_test_add_func("/watcher/sleep-of-pool", test_sleep_of_pool);
	g_test_add_func("/watcher/lost", test_lost);
	g_test_add_func("/watcher/ends-at-once", test_ends_at_once);
	g_test_add_func("/watcher/login-refused", test_login_refused);
	g_test_add_func("/watcher/login-refused-once", test_login_refused_once);
	g_test_add_func("/watcher/login-refused-again", test_login_refused_again);
	g_test_add_func("/watcher/login-refused-later", test_login_refused_later);
	g_test_add_func("/watcher/fewer-connections", test_fewer_connections);
	g_test_add_func("/watcher/refused-for-now", test_refused_for_now);
	g_test_add_func("/watcher/refused-before", test_refused_before);
	g_test_add_func("/watcher/pool-offline", test_pool_offline);
	g_test_add_func("/watcher/before-login", test_before_login);
	g_test_add_func("/watcher/another-handler", test_another_handler);
	g_test_add_func("/watcher/end", test_end);
	g_test_add_func("/watcher/remote", test_remote);
	g_test_add_func("/watcher/flood-of-messages", test_flood_of_messages);
	g_test_add_func("/watcher/flood-of-names", test_flood_of_names);
	return g_test_run();
}
