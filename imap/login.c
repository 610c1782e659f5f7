/*
 * Logging in: STARTTLS if wanted, capabilities, AUTHENTICATE or LOGIN, capabilities again, ID,
 * ENABLE, COMPRESS if wanted.
 *
 *     greeting --> [STARTTLS --> TLS -->] [CAPABILITY -->] AUTHENTICATE|LOGIN --> [CAPABILITY -->]
 *     [COMPRESS -->] ready
 *
 * The steps in brackets are left out where a round trip can be saved: a greeting or a login reply
 * may bring the capabilities. ID and ENABLE are not waited for. COMPRESS comes last, and its reply
 * is waited for: what follows that is deflated, the password before it is not. What was learned in
 * clear is forgotten when TLS begins. Nothing falls back: no secret leaves before TLS stands,
 * except to loopback or by the user's explicit word (tls=none).
 */
#include "login.h"

#include <string.h>

#include "auth.h"

static void login_authenticate(ImapSession *session);
static void login_finish(ImapSession *session);

static void
on_capability_before(const ImapResponse *tagged, const GError *error, gpointer data)
{
	(void)error; /* a server without CAPABILITY says so at the login */
	if (tagged)
		login_authenticate(data);
}

static const ImapCommandHandler capability_before = {.done = on_capability_before};

static void
login_with_capabilities(ImapSession *session)
{
	ImapCommand *command;

	if (session_knows_capabilities(session)) {
		login_authenticate(session);
		return;
	}
	command = command_new("CAPABILITY", &capability_before, session);
	command_text(command, "CAPABILITY");
	session_send(session, command);
}

void
login_tls_ready(ImapSession *session)
{
	session_forget_capabilities(session);
	login_with_capabilities(session);
}

static void
on_starttls(const ImapResponse *tagged, const GError *error, gpointer data)
{
	ImapSession *session = data;

	if (!tagged)
		return;
	if (error)
		session_fail(session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		                         "%s offers no STARTTLS, and without TLS nothing is sent",
		                         session_settings(session)->host));
	else
		session_start_tls(session);
}

static const ImapCommandHandler starttls = {.done = on_starttls};

void
login_begin(ImapSession *session, gboolean preauth)
{
	ImapCommand *command;

	if (session_settings(session)->tls == IMAP_TLS_STARTTLS) {
		if (preauth) { /* STARTTLS is not allowed any more: a way to keep us in clear */
			session_fail(
				session,
				g_error_new(
					IMAPFS_ERROR, IMAPFS_ERROR_TLS,
					"%s greets with PREAUTH, so that STARTTLS is impossible",
					session_settings(session)->host));
			return;
		}
		command = command_new("STARTTLS", &starttls, session);
		command_text(command, "STARTTLS");
		session_send(session, command);
		return;
	}
	if (preauth)
		login_finish(session);
	else
		login_with_capabilities(session);
}

static void
on_done_ignore(const ImapResponse *tagged, const GError *error, gpointer data)
{
	(void)tagged;
	(void)error;
	(void)data;
}

static gboolean
on_enabled(const ImapResponse *response, gpointer data)
{
	if (!g_str_equal(response->name, "ENABLED"))
		return FALSE;
	session_take_enabled(data, response);
	return TRUE;
}

static const ImapCommandHandler enable = {.untagged = on_enabled, .done = on_done_ignore};

/* ENABLE (RFC 5161): from then on there are mod-sequences, and with QRESYNC (RFC 7162 3.2.3)
 * VANISHED in place of EXPUNGE. */
static void
login_enable(ImapSession *session)
{
	gboolean qresync = session_has_capability(session, "QRESYNC");
	ImapCommand *command;

	if (!session_has_capability(session, "ENABLE") || !session_has_modseqs(session))
		return;
	command = command_new("ENABLE", &enable, session);
	command_text(command, "ENABLE %s", qresync ? "QRESYNC" : "CONDSTORE");
	session_send(session, command);
}

/* A server that refuses, or compresses already (COMPRESSIONACTIVE), is taken as it is. */
static void
on_compress(const ImapResponse *tagged, const GError *error, gpointer data)
{
	ImapSession *session = data;

	if (!tagged)
		return;
	if (!error)
		session_start_deflate(session);
	session_logged_in(session);
}

static const ImapCommandHandler compress = {.done = on_compress};

/* COMPRESS (RFC 4978), behind which nothing may be sent before its reply. For IMAP_COMPRESS_AUTO
 * see pool.c. */
static void
login_compress(ImapSession *session)
{
	ImapCommand *command;

	if (session_settings(session)->compress != IMAP_COMPRESS_ON ||
	    !session_has_capability(session, "COMPRESS=DEFLATE")) {
		session_logged_in(session);
		return;
	}
	command = command_new("COMPRESS", &compress, session);
	command_text(command, "COMPRESS DEFLATE");
	session_send(session, command);
}

static gboolean
on_id(const ImapResponse *response, gpointer data)
{
	if (!g_str_equal(response->name, "ID"))
		return FALSE;
	session_take_id(data, response);
	return TRUE;
}

static const ImapCommandHandler id = {.untagged = on_id, .done = on_done_ignore};

/* Some servers serve only clients that name themselves (RFC 2971). Nobody waits for the answer. */
static void
login_finish(ImapSession *session)
{
	if (session_has_capability(session, "ID")) {
		ImapCommand *command = command_new("ID", &id, session);

		command_text(command, "ID (\"name\" \"imapfs\" \"version\" \"%s\")",
		             IMAPFS_VERSION);
		session_send(session, command);
	}
	login_enable(session);
	login_compress(session);
}

static void
on_capability_after(const ImapResponse *tagged, const GError *error, gpointer data)
{
	(void)error;
	if (tagged)
		login_finish(data);
}

static const ImapCommandHandler capability_after = {.done = on_capability_after};

/* A login's reply may bring the capabilities, except where a proxy rewrote them (iCloud). */
static void
login_succeeded(ImapSession *session)
{
	ImapCommand *command;

	if (session_knows_capabilities(session) &&
	    !session_has_capability(session, "XAPPLEPUSHSERVICE")) {
		login_finish(session);
		return;
	}
	command = command_new("CAPABILITY", &capability_after, session);
	command_text(command, "CAPABILITY");
	session_send(session, command);
}

/* A NO to a login is a wrong password unless its code says something else (RFC 5530). */
static GError *
login_error(ImapSession *session, const GError *error)
{
	const ImapSettings *settings = session_settings(session);
	ImapfsError code = error->code;

	if (code == IMAPFS_ERROR_FAILED || code == IMAPFS_ERROR_PROTOCOL)
		code = IMAPFS_ERROR_DENIED;
	return g_error_new(IMAPFS_ERROR, code, "%s does not let %s in: %s", settings->host,
	                   settings->user, error->message);
}

static void
login_result(ImapSession *session, const ImapResponse *tagged, const GError *error)
{
	if (!tagged)
		return; /* the connection is lost: the session tells */
	if (error)
		session_fail(session, login_error(session, error));
	else
		login_succeeded(session);
}

typedef struct {
	ImapSession *session;
	ImapAuth *auth;
} Authentication;

static char *
on_challenge(const char *text, gpointer data, GError **error)
{
	Authentication *authentication = data;

	return auth_step(authentication->auth, text, error);
}

static void
on_authenticated(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Authentication *authentication = data;
	g_autoptr(GError) incomplete = NULL;

	if (!error && !auth_finished(authentication->auth, &incomplete))
		error = incomplete;
	login_result(authentication->session, tagged, error);
	auth_free(authentication->auth);
	g_free(authentication);
}

static const ImapCommandHandler authenticate = {
	.continuation = on_challenge,
	.done = on_authenticated,
};

static void
on_login(const ImapResponse *tagged, const GError *error, gpointer data)
{
	login_result(data, tagged, error);
}

static const ImapCommandHandler login = {.done = on_login};

static void
login_plainly(ImapSession *session)
{
	const ImapSettings *settings = session_settings(session);
	ImapCommand *command = command_new("LOGIN", &login, session);

	command_text(command, "LOGIN ");
	command_astring(command, settings->user);
	command_text(command, " ");
	command_secret(command, settings->password);
	session_send(session, command); /* LITERAL+ still counts */
	session_forget_capabilities(session);
}

/* AUTHENTICATE (RFC 3501 6.2.2), with the initial response in the same line where that is known
 * (RFC 4959). */
static void
login_sasl(ImapSession *session, ImapAuth *auth)
{
	Authentication *authentication = g_new0(Authentication, 1);
	ImapCommand *command = command_new("AUTHENTICATE", &authenticate, authentication);

	authentication->session = session;
	authentication->auth = auth;
	command_text(command, "AUTHENTICATE %s", auth_mechanism(auth));
	if (auth_client_first(auth) && session_has_capability(session, "SASL-IR")) {
		g_autofree char *initial = auth_step(auth, "", NULL);

		if (initial) {
			command_text(command, " ");
			command_secret_word(command, *initial ? initial : "=");
			explicit_bzero(initial, strlen(initial));
		}
	}
	session_forget_capabilities(session);
	session_send(session, command);
}

static void
login_authenticate(ImapSession *session)
{
	ImapAuth *auth;

	/* Asked of the TLS object itself: whatever went wrong before, no secret leaves in clear. */
	if (session_settings(session)->tls != IMAP_TLS_NONE && !session_tls_version(session)) {
		session_fail(session, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		                                  "no TLS: the password is not sent"));
		return;
	}
	auth = auth_new(session_settings(session), session);
	if (auth)
		login_sasl(session, auth);
	else if (!session_has_capability(session, "LOGINDISABLED"))
		login_plainly(session);
	else
		session_fail(session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		                         "%s offers no way to log in that this program knows",
		                         session_settings(session)->host));
}
