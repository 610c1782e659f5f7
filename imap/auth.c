/*
 * SASL mechanisms, in order of preference. PLAIN comes first: it goes out only under TLS or to
 * loopback, costs one round trip, and is what every server offers; the others are for servers
 * without it.
 */
#include "auth.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

/* A server may make SCRAM's key derivation as slow as it likes; this is well above any in use. */
#define SCRAM_MAX_ITERATIONS 600000
#define MAX_STEPS            8

typedef struct {
	const char *name;
	gboolean client_first;
} Mechanism;

static const Mechanism mechanisms[] = {
	{"PLAIN", TRUE},
	{"SCRAM-SHA-256", TRUE},
	{"SCRAM-SHA-1", TRUE},
	{"CRAM-MD5", FALSE},
};

struct ImapAuth {
	const Mechanism *mechanism;
	Gsasl_session *session;
	gboolean finished;
	guint n_steps;
};

static Gsasl *
library(void)
{
	static Gsasl *context;

	if (!context && gsasl_init(&context) != GSASL_OK)
		context = NULL;
	return context;
}

static const Mechanism *
choose_mechanism(const ImapSession *session)
{
	for (guint i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
		g_autofree char *capability = g_strconcat("AUTH=", mechanisms[i].name, NULL);

		if (session_has_capability(session, capability) &&
		    gsasl_client_support_p(library(), mechanisms[i].name))
			return &mechanisms[i];
	}
	return NULL;
}

ImapAuth *
auth_new(const ImapSettings *settings, const ImapSession *session)
{
	const Mechanism *mechanism = library() ? choose_mechanism(session) : NULL;
	Gsasl_session *client;
	ImapAuth *auth;

	if (!mechanism || gsasl_client_start(library(), mechanism->name, &client) != GSASL_OK)
		return NULL;
	gsasl_property_set(client, GSASL_AUTHID, settings->user);
	gsasl_property_set(client, GSASL_PASSWORD, settings->password);
	auth = g_new0(ImapAuth, 1);
	auth->mechanism = mechanism;
	auth->session = client;
	return auth;
}

void
auth_free(ImapAuth *auth)
{
	gsasl_finish(auth->session);
	g_free(auth);
}

const char *
auth_mechanism(const ImapAuth *auth)
{
	return auth->mechanism->name;
}

gboolean
auth_client_first(const ImapAuth *auth)
{
	return auth->mechanism->client_first;
}

/* "r=...,s=...,i=4096" (RFC 5802 5.1). A NUL could hide the number from here, not from the library.
 */
static gboolean
iterations_bearable(const char *challenge)
{
	gsize length;
	g_autofree guchar *decoded = g_base64_decode(challenge, &length);
	g_autofree char *text = g_strndup((const char *)decoded, length);
	const char *iterations = strstr(text, ",i=");

	if (memchr(decoded, '\0', length))
		return FALSE;
	return !iterations || g_ascii_strtoull(iterations + 3, NULL, 10) <= SCRAM_MAX_ITERATIONS;
}

char *
auth_step(ImapAuth *auth, const char *challenge, GError **error)
{
	char *output = NULL, *answer;
	int result;

	if (++auth->n_steps > MAX_STEPS) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		            "the server does not stop asking");
		return NULL;
	}
	if (g_str_has_prefix(auth->mechanism->name, "SCRAM") && !iterations_bearable(challenge)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		            "the server asks for an absurd number of SCRAM iterations");
		return NULL;
	}
	result = gsasl_step64(auth->session, challenge, &output);
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "%s: %s",
		            auth->mechanism->name, gsasl_strerror(result));
		return NULL;
	}
	auth->finished = result == GSASL_OK;
	answer = g_strdup(output ? output : "");
	if (output)
		explicit_bzero(output, strlen(output));
	gsasl_free(output);
	return answer;
}

gboolean
auth_finished(const ImapAuth *auth, GError **error)
{
	if (!auth->finished)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED,
		            "the server did not prove that it knows the password");
	return auth->finished;
}
