/*
 * test-login.c: from the greeting to a session that is logged in, or to the right error.
 *
 * Every row runs twice: with what the server says in one piece, and byte by byte.
 */
#include <gsasl.h>
#include <string.h>

#include "error-name.h"
#include "session-client.h"

/* "\0joe\0secret" */
#define JOE "AGpvZQBzZWNyZXQ="

#define GREETING       "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello"
#define LOGIN_GREETING "S: * OK [CAPABILITY IMAP4rev1] hello"
#define AUTHENTICATE   "C: a AUTHENTICATE PLAIN " JOE
#define LOGIN          "C: a LOGIN \"joe\" \"secret\""
#define IN             "S: $a OK [CAPABILITY IMAP4rev1 ESEARCH] in"

typedef struct {
	const char *label;
	const char *const *script;
	const char *outcome; /* "OK" once logged in, else the error */
	const char *words;   /* the capabilities, or what is in the error; NULL: any */
	ImapSettings settings;
} LoginRow;

#define ROW(row_label, row_script, row_outcome, ...)                                               \
	{                                                                                          \
		.label = row_label, .script = row_script, .outcome = row_outcome, ##__VA_ARGS__    \
	}

static Certificate *trusted, *another, *elsewhere;

static void
check_login(const LoginRow *row, gsize split)
{
	g_autofree char *label = g_strdup_printf("%s%s", row->label, split ? ", in bytes" : "");
	ScriptedServer *server = scripted_server_new(label, trusted);
	g_autoptr(SessionClient) client = NULL;
	g_autofree char *words = NULL;

	scripted_server_split(server, split);
	scripted_server_add(server, row->script);
	client = session_client_new(server, &row->settings);
	WAIT_UNTIL(label, client->ready || client->closed);
	if (g_str_equal(row->outcome, "OK"))
		WAIT_UNTIL(label, client->closed || scripted_server_is_done(server));
	words = client->error ? g_strdup(client->error->message)
	                      : session_capabilities(client->session);
	if (!g_str_equal(error_name(client->error), row->outcome) ||
	    (row->words && !strstr(words, row->words)))
		g_error("%s: %s: %s", label, error_name(client->error), words);
	if (client->error) {
		g_assert_false(client->ready);
		g_assert_null(strstr(client->error->message, "secret"));
	}
	session_client_end(client);
	scripted_server_free(server);
}

static void
check_logins(const LoginRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		check_login(&rows[i], 0);
		check_login(&rows[i], 1);
	}
}

/* The same without TLS. */
static void
check_logins_in_clear(const LoginRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		LoginRow row = rows[i];

		row.settings.tls = IMAP_TLS_NONE;
		check_logins(&row, 1);
	}
}

/* --- the ways in --- */

static void
test_flows(void)
{
	const LoginRow rows[] = {
		ROW("capabilities in the greeting, SASL-IR", SCRIPT(GREETING, AUTHENTICATE, IN),
	            "OK", .words = "ESEARCH IMAP4REV1"),
		ROW("capabilities asked for",
	            SCRIPT("S: * OK hello", "C: a CAPABILITY",
	                   "S: * CAPABILITY IMAP4rev1 auth=plain sasl-ir", "S: $a OK done",
	                   "C: b AUTHENTICATE PLAIN " JOE, "S: $b OK in", "C: c CAPABILITY",
	                   "S: * CAPABILITY IMAP4rev1 IDLE", "S: $c OK done"),
	            "OK", .words = "IDLE IMAP4REV1"),
		ROW("capabilities untagged before the login's OK",
	            SCRIPT(GREETING, AUTHENTICATE, "S: * CAPABILITY IMAP4rev1 X", "S: $a OK in"),
	            "OK", .words = "IMAP4REV1 X"),
		ROW("capabilities from before the login do not count after",
	            SCRIPT("S: * OK [CAPABILITY SASL-IR AUTH=PLAIN COMPRESS=DEFLATE] hi",
	                   AUTHENTICATE, "S: $a OK in", "C: b CAPABILITY", "S: $b BAD what?"),
	            "OK", .words = ""),
		ROW("no CAPABILITY command at all",
	            SCRIPT("S: * OK hello", "C: a CAPABILITY", "S: $a BAD what?",
	                   "C: b LOGIN \"joe\" \"secret\"", "S: $b OK in", "C: c CAPABILITY",
	                   "S: $c BAD what?"),
	            "OK"),
		ROW("capabilities rewritten by a proxy",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK [CAPABILITY XAPPLEPUSHSERVICE] in",
	                   "C: b CAPABILITY", "S: * CAPABILITY IMAP4rev1 ID2", "S: $b OK done"),
	            "OK", .words = "ID2 IMAP4REV1"),
		ROW("spaces and unknown words in the capabilities",
	            SCRIPT("S: * OK [CAPABILITY  SASL-IR LITERAL + AUTH=PLAIN ] hi", AUTHENTICATE,
	                   IN),
	            "OK"),
		ROW("continuation",
	            SCRIPT("S: * OK [CAPABILITY AUTH=PLAIN] hi", "C: a AUTHENTICATE PLAIN", "S: + ",
	                   "c: " JOE, IN),
	            "OK"),
		ROW("asked for what came already",
	            SCRIPT(GREETING, AUTHENTICATE, "S: + ", "c: " JOE, IN), "OK"),
		ROW("continuation without a space",
	            SCRIPT("S: * OK [CAPABILITY AUTH=PLAIN] hi", "C: a AUTHENTICATE PLAIN", "S: +",
	                   "c: " JOE, IN),
	            "OK"),
		ROW("lines end with LF",
	            SCRIPT("s: * OK [CAPABILITY AUTH=PLAIN] hi\n", "C: a AUTHENTICATE PLAIN",
	                   "s: + \n", "c: " JOE, "s: $a OK [CAPABILITY X] in\n"),
	            "OK", .words = "X"),
		ROW("CRAM-MD5",
	            SCRIPT("S: * OK [CAPABILITY SASL-IR AUTH=CRAM-MD5] hi",
	                   "C: a AUTHENTICATE CRAM-MD5", "S: + PDFAaD4=", "c: am9lI*", IN),
	            "OK"),
		ROW("PLAIN before others",
	            SCRIPT("S: * OK [CAPABILITY AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 AUTH=PLAIN SASL-IR] "
	                   "hi",
	                   AUTHENTICATE, IN),
	            "OK"),
		ROW("LOGIN", SCRIPT(LOGIN_GREETING, LOGIN, IN), "OK", .words = "ESEARCH"),
		ROW("unknown mechanisms, LOGIN",
	            SCRIPT("S: * OK [CAPABILITY AUTH=GSSAPI AUTH=XOAUTH2] hello", LOGIN, IN), "OK"),
		ROW("PREAUTH", SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 X] hello joe"), "OK",
	            .words = "IMAP4REV1 X"),
		ROW("ID",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK [CAPABILITY ID] in",
	                   "C: b ID (\"name\" \"imapfs\" \"version\" \"*\")", "S: * ID NIL",
	                   "S: $b OK done"),
	            "OK"),
		ROW("data before the login is not listened to",
	            SCRIPT(GREETING, AUTHENTICATE, "S: * 5 EXISTS", "S: * LIST () NIL x",
	                   "S: * 1 FETCH (UID 1)", "S: * VANISHED 1:4294967295", IN),
	            "OK"),
	};

	check_logins_in_clear(rows, G_N_ELEMENTS(rows));
}

/* ENABLE goes by what is announced after the login, and nothing waits for its answer. */
static void
test_enable(void)
{
	const ImapSettings compressing = {.compress = IMAP_COMPRESS_ON};
	const LoginRow rows[] = {
		ROW("QRESYNC",
	            SCRIPT(GREETING, AUTHENTICATE,
	                   "S: $a OK [CAPABILITY ENABLE CONDSTORE QRESYNC] in",
	                   "C: b ENABLE QRESYNC", "S: * ENABLED QRESYNC", "S: $b OK"),
	            "OK"),
		ROW("with ID",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK [CAPABILITY ID ENABLE QRESYNC] in",
	                   "C: b ID *", "C: c ENABLE QRESYNC", "S: $b OK", "S: $c OK"),
	            "OK"),
		ROW("CONDSTORE alone",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK [CAPABILITY ENABLE CONDSTORE] in",
	                   "C: b ENABLE CONDSTORE", "S: * ENABLED CONDSTORE", "S: $b OK"),
	            "OK"),
		ROW("refused",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK [CAPABILITY ENABLE QRESYNC] in",
	                   "C: b ENABLE QRESYNC", "S: $b BAD what?"),
	            "OK"),
		ROW("no ENABLE",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK [CAPABILITY CONDSTORE QRESYNC] in"),
	            "OK"),
		ROW("before the login only",
	            SCRIPT("S: * OK [CAPABILITY SASL-IR AUTH=PLAIN ENABLE QRESYNC] hi",
	                   "S: * ENABLED QRESYNC", AUTHENTICATE, IN),
	            "OK"),
		ROW("PREAUTH",
	            SCRIPT("S: * PREAUTH [CAPABILITY ENABLE QRESYNC] hi", "C: a ENABLE QRESYNC",
	                   "S: $a OK"),
	            "OK"),
		ROW("before COMPRESS",
	            SCRIPT(GREETING, AUTHENTICATE,
	                   "S: $a OK [CAPABILITY ENABLE QRESYNC COMPRESS=DEFLATE] in",
	                   "C: b ENABLE QRESYNC", "C: c COMPRESS DEFLATE", "S: * ENABLED QRESYNC",
	                   "S: $b OK", "S: $c NO"),
	            "OK", .settings = compressing),
	};

	check_logins_in_clear(rows, G_N_ELEMENTS(rows));
}

static void
test_literals(void)
{
	const ImapSettings password = {.password = (char *)"p\xc3\xa4ss"};
	const ImapSettings both = {.user = (char *)"j\xc3\xb6", .password = (char *)"p\xc3\xa4ss"};
	const ImapSettings injection = {.password = (char *)"x\"\r\na LOGOUT"};
	const LoginRow rows[] = {
		ROW("quoted", SCRIPT(LOGIN_GREETING, "C: a LOGIN \"jo\\\"e\" \"sec\\\\ret\"", IN),
	            "OK", .settings = {.user = (char *)"jo\"e", .password = (char *)"sec\\ret"}),
		ROW("literal password",
	            SCRIPT(LOGIN_GREETING, "C: a LOGIN \"joe\" {5}", "S: + go", "c: p\xc3\xa4ss",
	                   IN),
	            "OK", .settings = password),
		ROW("literal password, LITERAL+",
	            SCRIPT("S: * OK [CAPABILITY LITERAL+] hi", "C: a LOGIN \"joe\" {5+}",
	                   "c: p\xc3\xa4ss", IN),
	            "OK", .settings = password),
		ROW("literal password, LITERAL-",
	            SCRIPT("S: * OK [CAPABILITY LITERAL-] hi", "C: a LOGIN \"joe\" {5+}",
	                   "c: p\xc3\xa4ss", IN),
	            "OK", .settings = password),
		ROW("literals both",
	            SCRIPT(LOGIN_GREETING, "C: a LOGIN {3}", "S: + user?", "c: j\xc3\xb6 {5}",
	                   "S: + password?", "c: p\xc3\xa4ss", IN),
	            "OK", .settings = both),
		ROW("literals both, LITERAL+",
	            SCRIPT("S: * OK [CAPABILITY LITERAL+] hi", "C: a LOGIN {3+}",
	                   "c: j\xc3\xb6 {5+}", "c: p\xc3\xa4ss", IN),
	            "OK", .settings = both),
		ROW("literal refused",
	            SCRIPT(LOGIN_GREETING, "C: a LOGIN \"joe\" {5}", "S: $a NO not so", "EOF"),
	            "DENIED", .words = "not so", .settings = password),
		ROW("OK to half a command",
	            SCRIPT(LOGIN_GREETING, "C: a LOGIN \"joe\" {5}", "S: $a OK in", "EOF"),
	            "PROTOCOL", .settings = password),
		ROW("a command in the password",
	            SCRIPT(LOGIN_GREETING, "C: a LOGIN \"joe\" {12}", "S: + go", "c: x\"",
	                   "c: a LOGOUT", IN),
	            "OK", .settings = injection),
	};

	check_logins_in_clear(rows, G_N_ELEMENTS(rows));
}

/* --- refusals --- */

/* Logs in by AUTHENTICATE, and by LOGIN; the server answers @answer. */
static void
check_refusal(const char *answer, const char *outcome)
{
	g_autofree char *line = g_strconcat("S: ", answer, NULL);
	const LoginRow rows[] = {
		ROW(answer, SCRIPT(GREETING, AUTHENTICATE, line, "EOF"), outcome),
		ROW(answer, SCRIPT(LOGIN_GREETING, LOGIN, line, "EOF"), outcome),
	};

	check_logins_in_clear(rows, G_N_ELEMENTS(rows));
}

static void
test_refusals(void)
{
	static const struct {
		const char *answer, *outcome;
	} rows[] = {
		{"$a NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", "DENIED"},
		{"$a NO [AUTHORIZATIONFAILED] no", "DENIED"},
		{"$a NO [EXPIRED] no", "DENIED"},
		{"$a NO [CONTACTADMIN] no", "DENIED"},
		{"$a NO [ALERT] no", "DENIED"},
		{"$a NO", "DENIED"},
		{"$a BAD what?", "DENIED"},
		{"$a NO [PRIVACYREQUIRED] no", "TLS"},
		{"$a NO [UNAVAILABLE] Maximum number of connections", "LIMIT"},
		{"$a NO [INUSE] locked", "LIMIT"},
		{"$a NO [LIMIT] no", "LIMIT"},
		{"$a NO [ALERT] Too many simultaneous connections. (Failure)", "LIMIT"},
		{"* BYE go away", "OFFLINE"},
		{"* BYE [UNAVAILABLE] go away", "OFFLINE"},
		{"* BYE [AUTHENTICATIONFAILED] go away", "DENIED"},
		{"1.00000000 OK [CAPABILITY IMAP4rev1] in", "PROTOCOL"},
		{"$a PREAUTH in", "DENIED"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_refusal(rows[i].answer, rows[i].outcome);
}

static void
test_no_way_in(void)
{
	const LoginRow rows[] = {
		ROW("LOGINDISABLED",
	            SCRIPT("S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi", "EOF"),
	            "UNSUPPORTED"),
		ROW("LOGINDISABLED and a mechanism",
	            SCRIPT("S: * OK [CAPABILITY LOGINDISABLED SASL-IR AUTH=PLAIN] hi", AUTHENTICATE,
	                   IN),
	            "OK"),
		ROW("no greeting of IMAP", SCRIPT("S: HTTP/1.1 400 Bad Request", "EOF"),
	            "PROTOCOL"),
		ROW("NO for a greeting", SCRIPT("S: * NO go away", "EOF"), "PROTOCOL"),
		ROW("data for a greeting", SCRIPT("S: * 1 EXISTS", "EOF"), "PROTOCOL"),
		ROW("BYE for a greeting", SCRIPT("S: * BYE go away", "EOF"), "OFFLINE",
	            .words = "go away"),
		ROW("BYE for a greeting, too many",
	            SCRIPT("S: * BYE [ALERT] Too many simultaneous connections", "EOF"), "OFFLINE"),
		ROW("BYE after the greeting", SCRIPT("S: * OK hi", "S: * BYE tired", "HANG"),
	            "OFFLINE"),
		ROW("BYE and gone", SCRIPT("S: * BYE tired", "DROP"), "OFFLINE", .words = "tired"),
		ROW("gone at once", SCRIPT("DROP"), "OFFLINE"),
		ROW("gone in the greeting", SCRIPT("s: * OK hel", "DROP"), "OFFLINE"),
		ROW("gone after the greeting", SCRIPT(GREETING, "DROP"), "OFFLINE"),
		ROW("gone at the login", SCRIPT(GREETING, AUTHENTICATE, "DROP"), "OFFLINE"),
		ROW("gone in the answer", SCRIPT(GREETING, AUTHENTICATE, "s: $a O", "DROP"),
	            "OFFLINE"),
		ROW("reset at the login", SCRIPT(GREETING, AUTHENTICATE, "RESET"), "OFFLINE"),
		ROW("gone at the literal", SCRIPT(LOGIN_GREETING, "C: a LOGIN \"joe\" {1}", "DROP"),
	            "OFFLINE", .settings = {.password = (char *)"\x01"}),
		ROW("gone at CAPABILITY", SCRIPT("S: * OK hi", "C: a CAPABILITY", "DROP"),
	            "OFFLINE"),
		ROW("gone at the second CAPABILITY",
	            SCRIPT(GREETING, AUTHENTICATE, "S: $a OK in", "C: b CAPABILITY", "DROP"),
	            "OFFLINE"),
	};

	check_logins_in_clear(rows, G_N_ELEMENTS(rows));
}

/* --- secrets --- */

static void
on_log(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
	(void)domain;
	(void)level;
	g_string_append_printf(data, "%s\n", message);
}

/* Not even -d shows them. */
static void
test_log(void)
{
	const ImapSettings literal = {.password = (char *)"secret\xc3\xa9"};
	const LoginRow rows[] = {
		ROW("PLAIN", SCRIPT(GREETING, AUTHENTICATE, IN), "OK"),
		ROW("PLAIN in two lines",
	            SCRIPT("S: * OK [CAPABILITY AUTH=PLAIN] hi", "C: a AUTHENTICATE PLAIN", "S: + ",
	                   "c: " JOE, IN),
	            "OK"),
		ROW("LOGIN", SCRIPT(LOGIN_GREETING, LOGIN, IN), "OK"),
		ROW("LOGIN with a literal",
	            SCRIPT(LOGIN_GREETING, "C: a LOGIN \"joe\" {8}", "S: +", "c: secret*", IN),
	            "OK", .settings = literal),
	};
	g_autoptr(GString) log = g_string_new(NULL);
	gboolean enabled = g_log_get_debug_enabled();
	guint handler = g_log_set_handler("imap", G_LOG_LEVEL_MASK, on_log, log);

	g_log_set_debug_enabled(TRUE);
	check_logins_in_clear(rows, G_N_ELEMENTS(rows));
	g_log_set_debug_enabled(enabled);
	g_log_remove_handler("imap", handler);
	g_assert_nonnull(strstr(log->str, "LOGIN \"joe\" (secret)"));
	g_assert_nonnull(strstr(log->str, "AUTHENTICATE PLAIN (secret)"));
	g_assert_nonnull(strstr(log->str, "ESEARCH"));
	g_assert_null(strstr(log->str, JOE));
	g_assert_null(strstr(log->str, "secret\\"));
	g_assert_null(strstr(log->str, "\"secret"));
}

/* --- silence --- */

static void
test_silence(void)
{
	const ImapSettings impatient = {.timeout_us = 300 * 1000, .tls = IMAP_TLS_NONE};
	const ImapSettings impatient_tls = {.timeout_us = 300 * 1000, .tls = IMAP_TLS_IMPLICIT};
	const LoginRow rows[] = {
		ROW("no greeting", SCRIPT("HANG"), "TIMED_OUT", .words = "no answer",
	            .settings = impatient),
		ROW("half a greeting", SCRIPT("s: * OK", "HANG"), "TIMED_OUT",
	            .settings = impatient),
		ROW("no answer", SCRIPT(GREETING, AUTHENTICATE, "HANG"), "TIMED_OUT",
	            .settings = impatient),
		ROW("no challenge",
	            SCRIPT("S: * OK [CAPABILITY AUTH=PLAIN] hi", "C: a AUTHENTICATE PLAIN", "HANG"),
	            "TIMED_OUT", .settings = impatient),
		ROW("still here", SCRIPT(GREETING, AUTHENTICATE, "TRICKLE 50 * OK still here"),
	            "TIMED_OUT", .settings = impatient),
		ROW("no handshake", SCRIPT("HANG"), "TIMED_OUT", .settings = impatient_tls),
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_login(&rows[i], 0);
}

/* --- TLS --- */

static void
test_tls(void)
{
	const ImapSettings implicit = {.ca_file = trusted->file};
	const ImapSettings by_name = {.ca_file = trusted->file, .host = (char *)"localhost"};
	const ImapSettings untrusted = {.ca_file = another->file};
	const LoginRow rows[] = {
		ROW("implicit", SCRIPT("TLS", GREETING, AUTHENTICATE, IN), "OK", .words = "ESEARCH",
	            .settings = implicit),
		ROW("by name", SCRIPT("TLS", GREETING, AUTHENTICATE, IN), "OK",
	            .settings = by_name),
		ROW("PREAUTH", SCRIPT("TLS", "S: * PREAUTH hi"), "OK", .settings = implicit),
		ROW("untrusted", SCRIPT("NOTLS"), "TLS", .words = "cannot be trusted",
	            .settings = untrusted),
		ROW("no system's trust", SCRIPT("NOTLS"), "TLS", .words = "cannot be trusted",
	            .settings = {0}),
		ROW("no TLS there", SCRIPT(GREETING, "HANG"), "TLS", .settings = implicit),
		ROW("gone in the handshake", SCRIPT("c: *", "DROP"), "OFFLINE",
	            .settings = implicit),
		ROW("gone without close_notify", SCRIPT("TLS", GREETING, AUTHENTICATE, "DROP"),
	            "OFFLINE", .settings = implicit),
	};

	check_logins(rows, G_N_ELEMENTS(rows));
}

/* A server with @certificate, and TLS of @version at the most: refused. */
static void
check_tls_refused(const char *label, const Certificate *certificate, int version,
                  const ImapSettings *settings, const char *words)
{
	static const char *const at_once[] = {"NOTLS", NULL};
	static const char *const by_command[] = {"S: * OK hi", "C: a STARTTLS", "S: $a OK go",
	                                         "NOTLS", NULL};
	ScriptedServer *server = scripted_server_new(label, certificate);
	g_autoptr(SessionClient) client = NULL;

	if (version)
		scripted_server_limit_tls(server, version);
	scripted_server_add(server, settings->tls == IMAP_TLS_STARTTLS ? by_command : at_once);
	client = session_client_new(server, settings);
	WAIT_UNTIL(label, client->closed);
	g_assert_error(client->error, IMAPFS_ERROR, IMAPFS_ERROR_TLS);
	if (!strstr(client->error->message, words))
		g_error("%s: %s", label, client->error->message);
	scripted_server_free(server);
}

static void
test_tls_refused(void)
{
	for (ImapTls tls = IMAP_TLS_IMPLICIT; tls <= IMAP_TLS_STARTTLS; tls++) {
		const ImapSettings settings = {.ca_file = trusted->file, .tls = tls};
		const ImapSettings other_host = {.ca_file = elsewhere->file, .tls = tls};
		const ImapSettings other_name = {
			.ca_file = elsewhere->file, .tls = tls, .host = (char *)"localhost"};

		check_tls_refused("TLS 1.1", trusted, TLS1_1_VERSION, &settings, "");
		check_tls_refused("another certificate", another, 0, &settings, "self");
		check_tls_refused("another's address", elsewhere, 0, &other_host, "IP address");
		check_tls_refused("another's name", elsewhere, 0, &other_name, "ostname");
	}
}

static void
test_tls_1_2(void)
{
	const ImapSettings settings = {.ca_file = trusted->file};
	ScriptedServer *server = scripted_server_new("TLS 1.2", trusted);
	g_autoptr(SessionClient) client = NULL;

	scripted_server_limit_tls(server, TLS1_2_VERSION);
	scripted_server_add(server, SCRIPT("TLS", GREETING, AUTHENTICATE, IN));
	client = session_client_new(server, &settings);
	WAIT_UNTIL("TLS 1.2", client->ready || client->closed);
	g_assert_no_error(client->error);
	g_assert_cmpstr(session_tls_version(client->session), ==, "TLSv1.2");
	session_client_end(client);
	scripted_server_free(server);
}

/* --- STARTTLS --- */

static void
test_starttls(void)
{
	const ImapSettings settings = {.ca_file = trusted->file, .tls = IMAP_TLS_STARTTLS};
	const LoginRow rows[] = {
		ROW("STARTTLS",
	            SCRIPT("S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi",
	                   "C: a STARTTLS", "S: $a OK go", "TLS", "C: b CAPABILITY",
	                   "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR", "S: $b OK done",
	                   "C: a AUTHENTICATE PLAIN " JOE, IN),
	            "OK", .words = "ESEARCH", .settings = settings),
		ROW("nothing learned in clear counts",
	            SCRIPT("S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=CRAM-MD5] hi",
	                   "C: a STARTTLS", "S: * CAPABILITY IMAP4rev1 SASL-IR AUTH=CRAM-MD5",
	                   "S: $a OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=CRAM-MD5] go", "TLS",
	                   "C: b CAPABILITY", "S: * CAPABILITY IMAP4rev1", "S: $b OK done", LOGIN,
	                   IN),
	            "OK", .settings = settings),
		ROW("not offered", SCRIPT("S: * OK hi", "C: a STARTTLS", "S: $a NO what?", "EOF"),
	            "TLS", .words = "STARTTLS", .settings = settings),
		ROW("not known", SCRIPT("S: * OK hi", "C: a STARTTLS", "S: $a BAD what?", "EOF"),
	            "TLS", .words = "STARTTLS", .settings = settings),
		ROW("PREAUTH", SCRIPT("S: * PREAUTH hi", "EOF"), "TLS", .words = "PREAUTH",
	            .settings = settings),
		ROW("a line behind the OK",
	            SCRIPT("S: * OK hi", "C: a STARTTLS",
	                   "s: $a OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", "HANG"),
	            "TLS", .settings = settings),
		ROW("an answer to a login behind the OK",
	            SCRIPT("S: * OK hi", "C: a STARTTLS",
	                   "s: $a OK go\r\n2.00000000 OK in\r\n3.00000000 OK in\r\n", "HANG"),
	            "TLS", .settings = settings),
		ROW("OK to a STARTTLS not sent",
	            SCRIPT("S: * OK hi", "S: 1.00000000 OK go", "c: * STARTTLS", "EOF"), "PROTOCOL",
	            .settings = settings),
		ROW("BYE", SCRIPT("S: * OK hi", "C: a STARTTLS", "S: * BYE no", "EOF"), "OFFLINE",
	            .settings = settings),
		ROW("gone", SCRIPT("S: * OK hi", "C: a STARTTLS", "DROP"), "OFFLINE",
	            .settings = settings),
		ROW("gone in the handshake",
	            SCRIPT("S: * OK hi", "C: a STARTTLS", "S: $a OK go", "WAIT 50", "DROP"),
	            "OFFLINE", .settings = settings),
	};

	check_logins(rows, G_N_ELEMENTS(rows));
}

/* What lies behind the OK in the same packet is refused by name. */
static void
test_starttls_injection(void)
{
	const ImapSettings settings = {.ca_file = trusted->file, .tls = IMAP_TLS_STARTTLS};
	static const char *const bytes[] = {
		"s: $a OK go\r\n* OK [ALERT] forged\r\n",
		"s: $a OK go\r\n*",
		"s: $a OK go\r\n\n",
	};

	for (guint i = 0; i < G_N_ELEMENTS(bytes); i++) {
		const LoginRow row =
			ROW("injection", SCRIPT("S: * OK hi", "C: a STARTTLS", bytes[i], "EOF"),
		            "TLS", .words = "tampering", .settings = settings);

		check_login(&row, 0);
	}
}

/* --- SCRAM --- */

typedef struct {
	Gsasl *library;
	Gsasl_session *session;
} ScramServer;

static int
on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	(void)library;
	if (property == GSASL_PASSWORD)
		return gsasl_property_set(session, property, "secret");
	if (property == GSASL_SCRAM_ITER)
		return gsasl_property_set(session, property, "4096");
	return GSASL_NO_CALLBACK;
}

static char *
scram_answer(const char *line, gpointer data)
{
	ScramServer *scram = data;
	char *output = NULL, *answer;
	int result = gsasl_step64(scram->session, line, &output);

	if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
		return g_strdup("$a NO [AUTHENTICATIONFAILED] wrong");
	answer = g_strconcat("+ ", output, NULL);
	gsasl_free(output);
	return answer;
}

static void
check_scram(const char *mechanism, const char *password, const char *const *script,
            const char *outcome)
{
	ScramServer scram = {0};
	ImapSettings settings = {.tls = IMAP_TLS_NONE, .password = (char *)password};
	ScriptedServer *server = scripted_server_new(mechanism, NULL);
	g_autoptr(SessionClient) client = NULL;

	g_assert_cmpint(gsasl_init(&scram.library), ==, GSASL_OK);
	gsasl_callback_set(scram.library, on_property);
	g_assert_cmpint(gsasl_server_start(scram.library, mechanism, &scram.session), ==, GSASL_OK);
	scripted_server_hook(server, scram_answer, &scram);
	scripted_server_add(server, script);
	client = session_client_new(server, &settings);
	WAIT_UNTIL(mechanism, client->ready || client->closed);
	g_assert_cmpstr(error_name(client->error), ==, outcome);
	session_client_end(client);
	scripted_server_free(server);
	gsasl_finish(scram.session);
	gsasl_done(scram.library);
}

static void
test_scram(void)
{
	static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256"};

	for (guint i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
		g_autofree char *hello =
			g_strdup_printf("S: * OK [CAPABILITY AUTH=%s] hi", mechanisms[i]);
		g_autofree char *command = g_strdup_printf("C: a AUTHENTICATE %s", mechanisms[i]);

		check_scram(mechanisms[i], "secret",
		            SCRIPT(hello, command, "S: + ", "X", "X", "c: ", IN), "OK");
		check_scram(mechanisms[i], "wrong",
		            SCRIPT(hello, command, "S: + ", "X", "X", "EOF"), "DENIED");
		/* The server lets in without having shown that it knows the password. */
		check_scram(mechanisms[i], "secret",
		            SCRIPT(hello, command, "S: + ", "X", "c: *", IN, "EOF"), "DENIED");
		/* "v=" and a signature that is wrong. */
		check_scram(mechanisms[i], "secret",
		            SCRIPT(hello, command, "S: + ", "X", "c: *", "S: + dj1BQUFB", "EOF"),
		            "PROTOCOL");
	}
}

typedef struct {
	const char *suffix; /* of the server's first message, behind the nonce */
	gsize length;       /* bytes of it: there may be a NUL among them */
} Challenge;

/* Answers the client's first message with its nonce and the suffix. */
static char *
absurd_answer(const char *line, gpointer data)
{
	const Challenge *challenge = data;
	gsize length;
	g_autofree char *first = (char *)g_base64_decode(line, &length);
	g_autofree char *text = g_strndup(first, length);
	g_autofree char *encoded = NULL;
	g_autoptr(GString) answer = g_string_new(strstr(text, "r="));

	g_string_append_len(answer, challenge->suffix, (gssize)challenge->length);
	encoded = g_base64_encode((guchar *)answer->str, answer->len);
	return g_strconcat("+ ", encoded, NULL);
}

#define CHALLENGE(suffix)                                                                          \
	{                                                                                          \
		suffix, sizeof(suffix) - 1                                                         \
	}

/* The client must not begin to compute what would take hours. */
static void
test_scram_iterations(void)
{
	static const Challenge challenges[] = {
		CHALLENGE("x,s=QUJDRA==,i=4294967295"),
		CHALLENGE("x,s=QUJDRA==,i=600001"),
		CHALLENGE("x,s=QUJDRA==,i=99999999999999999999999"),
		CHALLENGE("x,s=QUJDRA==,i=1000000000,x=1"),
		CHALLENGE("x\0"
	                  "y,s=QUJDRA==,i=200000000"),
		CHALLENGE("x,s=QUJDRA==\0"
	                  ",i=200000000"),
	};

	for (guint i = 0; i < G_N_ELEMENTS(challenges); i++) {
		const ImapSettings settings = {.tls = IMAP_TLS_NONE};
		ScriptedServer *server = scripted_server_new(challenges[i].suffix, NULL);
		g_autoptr(SessionClient) client = NULL;
		gint64 start_us = g_get_monotonic_time();

		scripted_server_hook(server, absurd_answer, (gpointer)&challenges[i]);
		scripted_server_add(server,
		                    SCRIPT("S: * OK [CAPABILITY AUTH=SCRAM-SHA-256] hi",
		                           "C: a AUTHENTICATE SCRAM-SHA-256", "S: + ", "X", "EOF"));
		client = session_client_new(server, &settings);
		WAIT_UNTIL(challenges[i].suffix, client->closed);
		g_assert_cmpstr(error_name(client->error), ==, "PROTOCOL");
		g_assert_cmpint(g_get_monotonic_time() - start_us, <, 2 * G_USEC_PER_SEC);
		scripted_server_free(server);
	}
}

int
main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	trusted = certificate_new("IP:127.0.0.1,DNS:localhost");
	another = certificate_new("IP:127.0.0.1,DNS:localhost");
	elsewhere = certificate_new("IP:127.0.0.2,DNS:imap.example.org");
	g_test_add_func("/login/flows", test_flows);
	g_test_add_func("/login/enable", test_enable);
	g_test_add_func("/login/literals", test_literals);
	g_test_add_func("/login/refusals", test_refusals);
	g_test_add_func("/login/no-way-in", test_no_way_in);
	g_test_add_func("/login/log", test_log);
	g_test_add_func("/login/silence", test_silence);
	g_test_add_func("/login/tls", test_tls);
	g_test_add_func("/login/tls-refused", test_tls_refused);
	g_test_add_func("/login/tls-1.2", test_tls_1_2);
	g_test_add_func("/login/starttls", test_starttls);
	g_test_add_func("/login/starttls-injection", test_starttls_injection);
	g_test_add_func("/login/scram", test_scram);
	g_test_add_func("/login/scram-iterations", test_scram_iterations);
	result = g_test_run();
	certificate_free(trusted);
	certificate_free(another);
	certificate_free(elsewhere);
	return result;
}
