/*
 * session-client.h: one session against a scripted server, with a log of what it tells.
 */
#pragma once

#include "scripted-server.h"
#include "session.h"

typedef struct {
	ImapSettings settings;
	SSL_CTX *context;
	ImapSession *session; /* NULL once session_client_end() was called */
	gboolean ready, closed;
	GError *error; /* of the end */
	guint n_done;
	GString *log; /* "NOOP OK; FETCH OFFLINE; closed OFFLINE; " */
} SessionClient;

/* Begins to connect. What @settings leaves at 0 becomes 127.0.0.1, user joe, password secret and 5
 * seconds. */
SessionClient *session_client_new(const ScriptedServer *server, const ImapSettings *settings);
void session_client_free(SessionClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SessionClient, session_client_free)

/* Frees the session. */
void session_client_end(SessionClient *client);

/* Sends @text. Untagged responses called @takes (NULL: none) are logged as "* 12 EXISTS", the end
 * as "NAME OK". */
void session_client_send(SessionClient *client, const char *name, const char *text,
                         const char *takes);

/* The same with a string behind @text that may have to go as a literal. */
void session_client_send_astring(SessionClient *client, const char *name, const char *text,
                                 const char *astring);
