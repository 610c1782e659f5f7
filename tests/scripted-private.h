/*
 * scripted-private.h: what the files of the scripted server share.
 *
 *     scripted-server.c  listening, bytes in and out
 *     scripted-steps.c   what the steps of a script do
 *     scripted-deflate.c COMPRESS=DEFLATE
 */
#pragma once

#include "scripted-server.h"

typedef struct ScriptedDeflate ScriptedDeflate;

typedef struct {
	ScriptedServer *server;
	guint number; /* from 1 */
	const char *const *steps;
	int fd; /* -1: closed */
	SSL *ssl;
	ScriptedDeflate *codec; /* NULL: not compressed */
	gboolean eof;
	GString *input, *output;
	char *tags[26];
	gint64 waits_until; /* monotonic microseconds, of WAIT and TRICKLE; 0: does not wait */
	guint timer, watch;
	GIOCondition watched;
} Connection;

struct ScriptedServer {
	char *label;
	SSL_CTX *context;
	int fd; /* -1: connections are refused */
	guint watch;
	guint16 port;
	GPtrArray *scripts;
	GPtrArray *connections;
	gsize split;
	gboolean nagles;
	guint32 gates;
	char *(*hook)(const char *line, gpointer data);
	gpointer hook_data;
};

/* --- scripted-server.c --- */

/* Reads, takes steps and writes, as far as that goes now. */
void connection_pump(Connection *connection);

void connection_close(Connection *connection);

/* --- scripted-steps.c --- */

/* Takes the step (scripted-server.h); whether it is done. */
gboolean connection_step(Connection *connection, const char *step);

/* Takes a line, which must be LOGOUT. */
void connection_take_logout(Connection *connection);

/* Ends the test. */
void connection_complain(const Connection *connection, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* --- scripted-deflate.c --- */

/* Bytes to the client and from it, deflated or not. */
void connection_say(Connection *connection, const char *bytes, gsize length);
void connection_hear(Connection *connection, const char *bytes, gsize length);

void connection_begin_deflate(Connection *connection);
void connection_free_deflate(Connection *connection);

/* Ends the deflated stream to the client. */
void connection_end_deflate(Connection *connection);
