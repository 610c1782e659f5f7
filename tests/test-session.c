/*
 * test-session.c: one session that is logged in: pipelining, literals, what comes unasked, and
 * every way to end.
 */
#include "session.h"

#include <string.h>

#include "error-name.h"
#include "session-client.h"

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"

typedef struct {
	const char *label;
	ScriptedServer *server;
	SessionClient *client;
} Fixture;

static Fixture
begin_with(const char *label, const char *const *script, gsize split, ImapSettings settings)
{
	Fixture fixture = {.label = label, .server = scripted_server_new(label, NULL)};

	settings.tls = IMAP_TLS_NONE;
	scripted_server_split(fixture.server, split);
	scripted_server_add(fixture.server, script);
	fixture.client = session_client_new(fixture.server, &settings);
	WAIT_UNTIL(label, fixture.client->ready || fixture.client->closed);
	g_assert_no_error(fixture.client->error);
	return fixture;
}

static Fixture
begin(const char *label, const char *const *script)
{
	return begin_with(label, script, 0, (ImapSettings){0});
}

static void
end(Fixture *fixture, const char *log)
{
	session_client_end(fixture->client);
	if (!g_str_equal(fixture->client->log->str, log))
		g_error("%s: expected: %s\ngot: %s", fixture->label, log,
		        fixture->client->log->str);
	session_client_free(fixture->client);
	scripted_server_free(fixture->server);
}

static void
await_done(Fixture *fixture, guint n_done)
{
	WAIT_UNTIL(fixture->label, fixture->client->n_done >= n_done || fixture->client->closed);
}

/* --- many at once --- */

#define N_PIPELINED 100

/* Answers nothing until all commands are here, and then the last one first. */
static char *
answer_backwards(const char *line, gpointer data)
{
	GPtrArray *tags = data;
	GString *answer = g_string_new(NULL);

	g_ptr_array_add(tags, g_strndup(line, strcspn(line, " ")));
	for (guint i = tags->len; tags->len == N_PIPELINED && i-- > 0;)
		g_string_append_printf(answer, "%s OK done%s", (char *)tags->pdata[i],
		                       i ? "\r\n" : "");
	return g_string_free(answer, FALSE);
}

static void
test_pipelining(void)
{
	const char *script[N_PIPELINED + 2] = {HELLO};
	g_autoptr(GPtrArray) tags = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) log = g_string_new(NULL);
	char names[N_PIPELINED][8];
	Fixture fixture;

	for (guint i = 0; i < N_PIPELINED; i++)
		script[i + 1] = "X";
	fixture = begin("pipelining", script);
	scripted_server_hook(fixture.server, answer_backwards, tags);
	for (guint i = 0; i < N_PIPELINED; i++) {
		g_snprintf(names[i], sizeof(names[i]), "%u", i);
		session_client_send(fixture.client, names[i], "NOOP", NULL);
	}
	g_assert_cmpuint(session_n_commands(fixture.client->session), ==, N_PIPELINED);
	await_done(&fixture, N_PIPELINED);
	g_assert_cmpuint(session_n_commands(fixture.client->session), ==, 0);
	g_assert_cmpuint(session_traffic(fixture.client->session)->n_commands, ==, N_PIPELINED);
	for (guint i = N_PIPELINED; i-- > 0;)
		g_string_append_printf(log, "%u OK; ", i);
	end(&fixture, log->str);
}

/* A server may send the second half of an answer only once the first is acknowledged. */
static void
test_acknowledges(void)
{
	const char *script[2 * N_PIPELINED + 2] = {HELLO};
	Fixture fixture = {.label = "acknowledges", .server = scripted_server_new("nagle", NULL)};
	ImapSettings settings = {.tls = IMAP_TLS_NONE};
	gint64 begin = g_get_monotonic_time();

	for (guint i = 0; i < N_PIPELINED; i++) {
		script[2 * i + 1] = "C: a NOOP";
		script[2 * i + 2] = "S: $a OK done";
	}
	scripted_server_nagle(fixture.server);
	scripted_server_split(fixture.server, 10);
	scripted_server_add(fixture.server, script);
	fixture.client = session_client_new(fixture.server, &settings);
	WAIT_UNTIL("acknowledges", fixture.client->ready);
	for (guint i = 0; i < N_PIPELINED; i++) {
		session_client_send(fixture.client, "NOOP", "NOOP", NULL);
		await_done(&fixture, i + 1);
	}
	g_test_message("%d in %d ms", N_PIPELINED, (int)((g_get_monotonic_time() - begin) / 1000));
	g_assert_cmpint(g_get_monotonic_time() - begin, <, N_PIPELINED * 20 * 1000);
	session_client_end(fixture.client);
	session_client_free(fixture.client);
	scripted_server_free(fixture.server);
}

/* Each command takes what it asked for, whatever else is in flight. */
static void
test_untagged(void)
{
	Fixture fixture =
		begin("untagged", SCRIPT(HELLO, "C: a ONE", "C: b TWO", "S: * LIST () NIL x",
	                                 "S: * STATUS x ()", "S: * 5 FETCH (UID 1)", "S: $b OK",
	                                 "S: * STATUS y ()", "S: * LIST () NIL y",
	                                 "S: $a NO [NONEXISTENT] no"));

	session_client_send(fixture.client, "ONE", "ONE", "STATUS");
	session_client_send(fixture.client, "TWO", "TWO", "LIST");
	await_done(&fixture, 2);
	end(&fixture, "TWO: * LIST; ONE: * STATUS; TWO OK; ONE: * STATUS; ONE NOT_FOUND; ");
}

/* --- literals --- */

static void
test_literals(void)
{
	Fixture fixture = begin("literals", SCRIPT(HELLO, "C: a ONE {1}", "S: + go", "c: \x01",
	                                           "C: b TWO \"x\"", "C: c THREE {1}", "S: $a OK",
	                                           "S: $b OK", "S: $c NO no", "C: d FOUR \"x\"",
	                                           "S: + for no reason", "S: $d OK"));

	session_client_send_astring(fixture.client, "ONE", "ONE ", "\x01");
	session_client_send_astring(fixture.client, "TWO", "TWO ", "x");
	session_client_send_astring(fixture.client, "THREE", "THREE ", "\x02");
	session_client_send_astring(fixture.client, "FOUR", "FOUR ", "x");
	await_done(&fixture, 4);
	end(&fixture, "ONE OK; TWO OK; THREE FAILED; FOUR OK; ");
}

static void
test_free_literals(void)
{
	static const struct {
		const char *hello;
		gsize length;
		const char *line;
	} rows[] = {
		{"S: * PREAUTH [CAPABILITY LITERAL+] hi", 5000, "C: a X {5000+}"},
		{"S: * PREAUTH [CAPABILITY LITERAL-] hi", 4096, "C: a X {4096+}"},
		{"S: * PREAUTH [CAPABILITY LITERAL-] hi", 4097, "C: a X {4097}"},
		{"S: * PREAUTH [CAPABILITY IMAP4rev2] hi", 4096, "C: a X {4096+}"},
		{"S: * PREAUTH hi", 1000, "C: a X {1000}"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *bytes = g_strnfill(rows[i].length, 'x');
		Fixture fixture = begin(rows[i].line, SCRIPT(rows[i].hello, rows[i].line, "S: +",
		                                             "c: xxx*", "S: $a OK"));

		session_client_send_astring(fixture.client, "X", "X ", bytes);
		await_done(&fixture, 1);
		end(&fixture, "X OK; ");
	}
}

/* --- the selected mailbox --- */

typedef struct {
	const char *label;
	const char *const *script; /* of SELECT and a NOOP behind it */
	const char *selected;      /* see selected_to_text() */
	gboolean read_only;
} SelectRow;

static char *
selected_to_text(const ImapSession *session)
{
	const ImapSelected *selected = session_selected(session);

	return g_strdup_printf(
		"%s %s, %u, validity %u, next %u%s", selected->name ? selected->name : "-",
		selected->open ? "open" : "closed", selected->exists, selected->uidvalidity,
		selected->uidnext, selected->read_only ? ", read-only" : "");
}

static void
check_select(const SelectRow *row, const char *mailbox, gsize split)
{
	Fixture fixture = begin_with(row->label, row->script, split,
	                             (ImapSettings){.read_only = row->read_only});
	g_autofree char *selected = NULL;

	session_select(fixture.client->session, mailbox);
	session_client_send(fixture.client, "NOOP", "NOOP", NULL);
	await_done(&fixture, 1);
	selected = selected_to_text(fixture.client->session);
	g_assert_cmpstr(selected, ==, row->selected);
	end(&fixture, "NOOP OK; ");
}

#define SELECT HELLO, "C: a SELECT \"box\"", "C: b NOOP"

static void
test_select(void)
{
	const SelectRow rows[] = {
		{"select",
	         SCRIPT(SELECT, "S: * 3 EXISTS", "S: * 1 RECENT", "S: * FLAGS (\\Seen)",
	                "S: * OK [UIDVALIDITY 7] ok", "S: * OK [UIDNEXT 9] ok",
	                "S: $a OK [READ-WRITE] done", "S: $b OK"),
	         "box open, 3, validity 7, next 9", FALSE},
		{"examine",
	         SCRIPT(HELLO, "C: a EXAMINE \"box\"", "C: b NOOP", "S: * 3 EXISTS",
	                "S: * OK [UIDVALIDITY 4294967295] ok", "S: $a OK [READ-ONLY] done",
	                "S: $b OK"),
	         "box open, 3, validity 4294967295, next 0, read-only", TRUE},
		{"the last EXISTS counts",
	         SCRIPT(SELECT, "S: * 500 EXISTS", "S: * 1000 EXISTS", "S: * 3 EXISTS", "S: $a OK",
	                "S: $b OK"),
	         "box open, 3, validity 0, next 0", FALSE},
		{"news behind SELECT",
	         SCRIPT(SELECT, "S: * 3 EXISTS", "S: $a OK", "S: * 2 EXPUNGE", "S: * 2 EXPUNGE",
	                "S: * 7 EXISTS", "S: * 1 EXPUNGE", "S: * 1 FETCH (FLAGS ())",
	                "S: * 3 RECENT", "S: * OK [HIGHESTMODSEQ 5] hm", "S: $b OK"),
	         "box open, 6, validity 0, next 0", FALSE},
		{"vanished",
	         SCRIPT(SELECT, "S: * 9 EXISTS", "S: $a OK", "S: * VANISHED 5,7:9",
	                "S: * VANISHED (EARLIER) 1:4", "S: * VANISHED x", "S: $b OK"),
	         "box open, 5, validity 0, next 0", FALSE},
		{"more vanished than there were",
	         SCRIPT(SELECT, "S: * 2 EXISTS", "S: $a OK", "S: * VANISHED 1:4294967295",
	                "S: $b OK"),
	         "box open, 0, validity 0, next 0", FALSE},
		{"vanished among the rest of what a session hears",
	         SCRIPT(SELECT, "S: * 9 EXISTS", "S: $a OK", "S: * VANISHED 1,1,2:3,2",
	                "S: * 2 EXPUNGE", "S: * VANISHED (EARLIER) 1:4294967295", "S: $b OK"),
	         "box open, 5, validity 0, next 0", FALSE},
		{"more expunged than there were",
	         SCRIPT(SELECT, "S: * 1 EXISTS", "S: $a OK", "S: * 1 EXPUNGE", "S: * 1 EXPUNGE",
	                "S: * 5 EXPUNGE", "S: $b OK"),
	         "box open, 0, validity 0, next 0", FALSE},
		{"refused",
	         SCRIPT(SELECT, "S: * 3 EXISTS", "S: $a NO [NONEXISTENT] no", "S: $b OK"),
	         "- closed, 3, validity 0, next 0", FALSE},
		{"nonsense",
	         SCRIPT(SELECT, "S: * 3 EXISTS", "S: * OK [UIDVALIDITY] hm", "S: * OK [] hm",
	                "S: * OK [UIDNEXT", "S: * OK", "S: * EXISTS", "S: * 5", "S: * 3 NONSENSE (",
	                "S: $a OK", "S: $b OK"),
	         "box open, 3, validity 0, next 0", FALSE},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		check_select(&rows[i], "box", 0);
		check_select(&rows[i], "box", 1);
	}
}

static void
test_select_names(void)
{
	static const struct {
		const char *mailbox, *line, *rest;
	} rows[] = {
		{"a b", "C: a SELECT \"a b\"", NULL},
		{"a\"\\", "C: a SELECT \"a\\\"\\\\\"", NULL},
		{"trailing ", "C: a SELECT \"trailing \"", NULL},
		{"\xc3\xa9", "C: a SELECT {2}", "c: \xc3\xa9"},
		{"", "C: a SELECT \"\"", NULL},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *const literal[] = {HELLO,      rows[i].line, "S: +",     rows[i].rest,
		                               "S: $a OK", "C: b NOOP",  "S: $b OK", NULL};
		const char *const quoted[] = {HELLO,       rows[i].line, "S: $a OK",
		                              "C: b NOOP", "S: $b OK",   NULL};
		g_autofree char *selected =
			g_strconcat(rows[i].mailbox, " open, 0, validity 0, next 0", NULL);
		const SelectRow row = {rows[i].line, rows[i].rest ? literal : quoted, selected,
		                       FALSE};

		check_select(&row, rows[i].mailbox, 0);
	}
}

/* Nothing of the mailbox before counts for the next; why one could not be opened is remembered. */
static void
test_select_again(void)
{
	Fixture fixture = begin(
		"select again",
		SCRIPT(HELLO, "C: a SELECT \"one\"", "S: * 5 EXISTS", "S: * OK [UIDVALIDITY 7] ok",
	               "S: $a OK [READ-ONLY] done", "C: b NOOP", "S: $b OK", "C: a SELECT \"two\"",
	               "S: $a NO [NOPERM] no", "C: b NOOP", "S: $b OK", "C: a SELECT \"one\"",
	               "S: * 4 EXISTS", "S: $a OK", "C: b NOOP", "S: $b OK"));
	static const struct {
		const char *mailbox, *selected, *error;
	} rows[] = {
		{"one", "one open, 5, validity 7, next 0, read-only", "OK"},
		{"two", "- closed, 0, validity 0, next 0", "DENIED"},
		{"one", "one open, 4, validity 0, next 0", "OK"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *selected = NULL;

		session_select(fixture.client->session, rows[i].mailbox);
		session_client_send(fixture.client, "NOOP", "NOOP", NULL);
		await_done(&fixture, i + 1);
		selected = selected_to_text(fixture.client->session);
		g_assert_cmpstr(selected, ==, rows[i].selected);
		g_assert_cmpstr(error_name(session_select_error(fixture.client->session)), ==,
		                rows[i].error);
	}
	end(&fixture, "NOOP OK; NOOP OK; NOOP OK; ");
}

/* --- the end --- */

typedef struct {
	const char *label;
	const char *const *script; /* behind HELLO and lines a and b */
	const char *log;
} EndRow;

#define TWO HELLO, "C: a ONE", "C: b TWO"

static void
test_ends(void)
{
	const EndRow rows[] = {
		{"BYE", SCRIPT(TWO, "S: * BYE tired", "HANG"),
	         "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"BYE again and again", SCRIPT(TWO, "S: * BYE tired", "TRICKLE 10 * BYE tired"),
	         "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"BYE with a reason", SCRIPT(TWO, "S: * BYE [LIMIT] rate", "HANG"),
	         "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"BYE between", SCRIPT(TWO, "S: $a OK", "S: * BYE tired", "S: $b OK", "HANG"),
	         "ONE OK; TWO OFFLINE; closed OFFLINE; "},
		{"gone", SCRIPT(TWO, "DROP"), "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"gone between", SCRIPT(TWO, "S: $b OK", "DROP"),
	         "TWO OK; ONE OFFLINE; closed OFFLINE; "},
		{"gone in a line", SCRIPT(TWO, "s: $b OK", "DROP"),
	         "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"reset", SCRIPT(TWO, "RESET"), "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"unknown tag", SCRIPT(TWO, "S: 2.12345678 OK", "EOF"),
	         "ONE PROTOCOL; TWO PROTOCOL; closed PROTOCOL; "},
		{"a tag twice", SCRIPT(TWO, "S: $a OK", "S: $a OK", "EOF"),
	         "ONE OK; TWO PROTOCOL; closed PROTOCOL; "},
		{"a literal too long", SCRIPT(TWO, "S: * LIST () NIL {1048577}", "HANG"),
	         "ONE PROTOCOL; TWO PROTOCOL; closed PROTOCOL; "},
		{"a literal far too long", SCRIPT(TWO, "S: * LIST () NIL {4294967295}", "HANG"),
	         "ONE PROTOCOL; TWO PROTOCOL; closed PROTOCOL; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows) * 2; i++) {
		const EndRow *row = &rows[i / 2];
		Fixture fixture = begin_with(row->label, row->script, i % 2, (ImapSettings){0});

		session_client_send(fixture.client, "ONE", "ONE", NULL);
		session_client_send(fixture.client, "TWO", "TWO", NULL);
		WAIT_UNTIL(row->label, fixture.client->closed);
		g_assert_cmpint(session_state(fixture.client->session), ==, SESSION_CLOSED);
		/* Too late, but told. */
		session_client_send(fixture.client, "LATE", "LATE", NULL);
		session_client_end(fixture.client);
		g_assert_true(g_str_has_prefix(strstr(fixture.client->log->str, "LATE ") +
		                                       strlen("LATE "),
		                               error_name(fixture.client->error)));
		g_string_truncate(fixture.client->log, strstr(fixture.client->log->str, "LATE") -
		                                               fixture.client->log->str);
		end(&fixture, row->log);
	}
}

/* --- silence --- */

/* Not a server that hangs, but a line that has died meanwhile: what was asked may be asked again.
 */
static void
test_doubt(void)
{
	const EndRow rows[] = {
		{"dead", SCRIPT(TWO, "HANG"), "ONE OFFLINE; TWO OFFLINE; closed OFFLINE; "},
		{"alive", SCRIPT(TWO, "WAIT 100", "S: $a OK", "HANG"),
	         "ONE OK; TWO TIMED_OUT; closed TIMED_OUT; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture fixture = begin_with(rows[i].label, rows[i].script, 0,
		                             (ImapSettings){.timeout_us = 300 * 1000});

		session_client_send(fixture.client, "ONE", "ONE", NULL);
		session_client_send(fixture.client, "TWO", "TWO", NULL);
		session_doubt(fixture.client->session);
		WAIT_UNTIL(rows[i].label, fixture.client->closed);
		end(&fixture, rows[i].log);
	}
}

static void
test_silence(void)
{
	const EndRow rows[] = {
		{"silence", SCRIPT(TWO, "HANG"),
	         "ONE TIMED_OUT; TWO TIMED_OUT; closed TIMED_OUT; "},
		{"silence behind a reply", SCRIPT(TWO, "S: $b OK", "HANG"),
	         "TWO OK; ONE TIMED_OUT; closed TIMED_OUT; "},
		{"still here", SCRIPT(TWO, "TRICKLE 50 * OK still here"),
	         "ONE TIMED_OUT; TWO TIMED_OUT; closed TIMED_OUT; "},
		{"a line that never ends", SCRIPT(TWO, "s: * OK ", "HANG"),
	         "ONE TIMED_OUT; TWO TIMED_OUT; closed TIMED_OUT; "},
		{"data for nobody", SCRIPT(TWO, "TRICKLE 50 * STATUS x ()"),
	         "ONE TIMED_OUT; TWO TIMED_OUT; closed TIMED_OUT; "},
		{"news", SCRIPT(TWO, "TRICKLE 50 * 5 EXISTS"),
	         "ONE TIMED_OUT; TWO TIMED_OUT; closed TIMED_OUT; "},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture fixture = begin_with(rows[i].label, rows[i].script, 0,
		                             (ImapSettings){.timeout_us = 300 * 1000});
		gint64 start_us = g_get_monotonic_time();

		session_client_send(fixture.client, "ONE", "ONE", NULL);
		session_client_send(fixture.client, "TWO", "TWO", NULL);
		WAIT_UNTIL(rows[i].label, fixture.client->closed);
		g_assert_cmpint(g_get_monotonic_time() - start_us, >=, 300 * 1000);
		g_assert_cmpint(g_get_monotonic_time() - start_us, <, 3 * G_USEC_PER_SEC);
		end(&fixture, rows[i].log);
	}
}

/* News of messages that a later command takes do not help the one that the server is at. */
static void
test_silence_of_the_first(void)
{
	Fixture fixture =
		begin_with("silence of the first", SCRIPT(TWO, "TRICKLE 50 * 2 FETCH (FLAGS ())"),
	                   0, (ImapSettings){.timeout_us = 300 * 1000});

	session_client_send(fixture.client, "ONE", "ONE", NULL);
	session_client_send(fixture.client, "TWO", "TWO", "FETCH");
	WAIT_UNTIL("silence of the first", fixture.client->closed);
	g_assert_true(g_str_has_suffix(fixture.client->log->str,
	                               "ONE TIMED_OUT; TWO TIMED_OUT; closed TIMED_OUT; "));
	session_client_free(fixture.client);
	scripted_server_free(fixture.server);
}

/* Slow but sure is no silence; and nothing is awaited of a session without commands. */
static void
test_slowness(void)
{
	Fixture fixture = begin_with("slowness",
	                             SCRIPT(HELLO, "C: a ONE", "WAIT 200", "S: * LIST () NIL x",
	                                    "WAIT 200", "S: * LIST () NIL x", "WAIT 200",
	                                    "S: * LIST () NIL x", "WAIT 200", "S: $a OK"),
	                             0, (ImapSettings){.timeout_us = 500 * 1000});

	session_client_send(fixture.client, "ONE", "ONE", "LIST");
	await_done(&fixture, 1);
	test_linger(800);
	g_assert_false(fixture.client->closed);
	end(&fixture, "ONE: * LIST; ONE: * LIST; ONE: * LIST; ONE OK; ");
}

/* --- the rest --- */

static void
test_alert(void)
{
	Fixture fixture;

	g_test_expect_message("imap", G_LOG_LEVEL_MESSAGE,
	                      "127.0.0.1 says: quota\\x07 \\xe2\\x80\\xae exceeded");
	fixture = begin("alert",
	                SCRIPT(HELLO, "C: a ONE", "S: * OK [ALERT] quota\x07 \xe2\x80\xae exceeded",
	                       "S: $a OK"));
	session_client_send(fixture.client, "ONE", "ONE", NULL);
	await_done(&fixture, 1);
	end(&fixture, "ONE OK; ");
}

static void
test_capabilities(void)
{
	Fixture fixture = begin("capabilities", SCRIPT(HELLO, "C: a ONE",
	                                               "S: * CAPABILITY b A Esearch", "S: $a OK"));

	g_assert_true(session_has_capability(fixture.client->session, "IMAP4REV1"));
	session_client_send(fixture.client, "ONE", "ONE", NULL);
	await_done(&fixture, 1);
	g_assert_true(session_has_capability(fixture.client->session, "ESEARCH"));
	g_assert_false(session_has_capability(fixture.client->session, "IMAP4REV1"));
	g_assert_false(session_has_capability(fixture.client->session, "ESEARC"));
	end(&fixture, "ONE OK; ");
}

/* The owner may go at any moment. */
static void
test_free(void)
{
	static const char *const silent[] = {"HANG", NULL};
	static const char *const greeting[] = {"S: * OK hi", "C: a CAPABILITY", "HANG", NULL};
	static const char *const *const scripts[] = {silent, greeting};
	const ImapSettings settings = {.tls = IMAP_TLS_NONE};
	const ImapSettings tls = {.tls = IMAP_TLS_IMPLICIT};
	Fixture fixture = begin("free", SCRIPT(TWO, "EOF"));

	session_client_send(fixture.client, "ONE", "ONE", NULL);
	session_client_send(fixture.client, "TWO", "TWO", NULL);
	test_linger(50);
	end(&fixture, "ONE INTERRUPTED; TWO INTERRUPTED; ");
	fixture = begin("logout", SCRIPT(HELLO, "c: * LOGOUT", "HANG"));
	end(&fixture, "");
	for (guint i = 0; i < 2 * G_N_ELEMENTS(scripts); i++) {
		ScriptedServer *server = scripted_server_new("free early", NULL);
		SessionClient *client;

		scripted_server_add(server, i == 3 ? silent : scripts[i / 2]);
		client = session_client_new(server, i == 3 ? &tls : &settings);
		if (i)
			WAIT_UNTIL("free early", scripted_server_n_accepted(server));
		if (i)
			test_linger(50);
		session_client_free(client);
		if (i)
			scripted_server_free(server);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/session/pipelining", test_pipelining);
	g_test_add_func("/session/acknowledges", test_acknowledges);
	g_test_add_func("/session/untagged", test_untagged);
	g_test_add_func("/session/literals", test_literals);
	g_test_add_func("/session/free-literals", test_free_literals);
	g_test_add_func("/session/select", test_select);
	g_test_add_func("/session/select-names", test_select_names);
	g_test_add_func("/session/select-again", test_select_again);
	g_test_add_func("/session/ends", test_ends);
	g_test_add_func("/session/silence", test_silence);
	g_test_add_func("/session/doubt", test_doubt);
	g_test_add_func("/session/slowness", test_slowness);
	g_test_add_func("/session/alert", test_alert);
	g_test_add_func("/session/capabilities", test_capabilities);
	g_test_add_func("/session/silence-of-the-first", test_silence_of_the_first);
	g_test_add_func("/session/free", test_free);
	return g_test_run();
}
