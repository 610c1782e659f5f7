/*
 * A session and the log of what it tells.
 */
#include "session-client.h"

#include <string.h>

#include "error-name.h"
#include "tls.h"

typedef struct {
	SessionClient *client;
	const char *name, *takes;
} Sent;

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	Sent *sent = data;

	if (g_strcmp0(response->name, sent->takes) != 0)
		return FALSE;
	g_string_append_printf(sent->client->log, "%s: *", sent->name);
	if (response->has_number)
		g_string_append_printf(sent->client->log, " %u", response->number);
	g_string_append_printf(sent->client->log, " %s; ", response->name);
	return TRUE;
}

static void
on_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Sent *sent = data;

	(void)tagged;
	g_string_append_printf(sent->client->log, "%s %s; ", sent->name, error_name(error));
	sent->client->n_done++;
	g_free(sent);
}

static const ImapCommandHandler handler = {.untagged = on_untagged, .done = on_done};

static ImapCommand *
make_command(SessionClient *client, const char *name, const char *text, const char *takes)
{
	Sent *sent = g_new0(Sent, 1);
	ImapCommand *command = command_new(name, &handler, sent);

	sent->client = client;
	sent->name = name;
	sent->takes = takes;
	command_text(command, "%s", text);
	return command;
}

void
session_client_send(SessionClient *client, const char *name, const char *text, const char *takes)
{
	session_send(client->session, make_command(client, name, text, takes));
}

void
session_client_send_astring(SessionClient *client, const char *name, const char *text,
                            const char *astring)
{
	ImapCommand *command = make_command(client, name, text, NULL);

	command_astring(command, astring);
	session_send(client->session, command);
}

static void
on_ready(ImapSession *session, gpointer data)
{
	SessionClient *client = data;

	g_assert_true(session == client->session);
	g_assert_false(client->ready);
	client->ready = TRUE;
}

static void
on_idle(ImapSession *session, gpointer data)
{
	SessionClient *client = data;

	g_assert_true(session == client->session);
	g_assert_true(client->ready);
}

static void
on_closed(ImapSession *session, const GError *error, gpointer data)
{
	SessionClient *client = data;

	g_assert_true(session == client->session);
	g_assert_false(client->closed);
	g_assert_cmpuint(session_n_commands(session), ==, 0);
	client->closed = TRUE;
	client->error = g_error_copy(error);
	g_string_append_printf(client->log, "closed %s; ", error_name(error));
}

static const ImapSessionEvents events = {.ready = on_ready, .idle = on_idle, .closed = on_closed};

SessionClient *
session_client_new(const ScriptedServer *server, const ImapSettings *settings)
{
	SessionClient *client = g_new0(SessionClient, 1);
	g_autoptr(GError) error = NULL;

	client->settings = *settings;
	client->settings.port = scripted_server_port(server);
	if (!settings->host)
		client->settings.host = (char *)"127.0.0.1";
	if (!settings->user)
		client->settings.user = (char *)"joe";
	if (!settings->password)
		client->settings.password = (char *)"secret";
	if (!settings->timeout_us)
		client->settings.timeout_us = 5 * G_USEC_PER_SEC;
	client->log = g_string_new(NULL);
	client->context = tls_context_new(settings->ca_file, &error);
	g_assert_no_error(error);
	client->session = session_new(&client->settings, client->context, &events, client);
	return client;
}

void
session_client_end(SessionClient *client)
{
	g_clear_pointer(&client->session, session_free);
}

void
session_client_free(SessionClient *client)
{
	session_client_end(client);
	SSL_CTX_free(client->context);
	g_clear_error(&client->error);
	g_string_free(client->log, TRUE);
	g_free(client);
}
