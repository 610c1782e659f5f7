/*
 * session-private.h: the parts of a session that its files share.
 *
 *     session.c               beginning, silence and end
 *     session-send.c          commands on their way out; SELECT
 *     session-receive.c       replies on their way in, and whose they are
 *     session-capabilities.c  what the server can do
 */
#pragma once

#include "parser.h"
#include "session.h"

#define SESSION_READ_SIZE (64 * 1024)

struct ImapSession {
	const ImapSettings *settings;
	const ImapSessionEvents *events;
	gpointer data;
	ImapSessionState state;
	ImapStream *stream;
	ImapParser *parser;
	GHashTable *capabilities; /* upper-case names; NULL: not known */
	gboolean qresync;         /* is in use */
	gboolean refuses_modseqs; /* CHANGEDSINCE was refused */
	gboolean is_dovecot;      /* by its own word (ID) */
	GQueue unsent, sent;      /* of ImapCommand */
	ImapCommand *streaming;   /* takes the literal that is coming in, or NULL: nobody does */
	gsize n_streamed;         /* bytes of literals since the last progress */
	gint64 streamed_us;       /* when the last ones came */
	gsize n_since_progress;   /* bytes of anything */
	ImapSelected selected;
	gboolean ever_selected; /* so that commands in flight may be about a mailbox */
	GError *select_error;
	ImapTraffic traffic;
	gboolean greeted;
	gboolean in_doubt;  /* nothing was heard since a long idleness */
	gint64 progress_us; /* when the server last did something for a command */
	guint64 n_taken;    /* by the socket, when that was last looked at */
	gint64 idle_since_us;
	guint watch;  /* source measuring silence */
	guint ending; /* source that carries out session_fail() */
	GError *error;
	guint8 buffer[SESSION_READ_SIZE];
};

/* --- session.c --- */

/* The server did something for a command: silence is measured from now. */
void session_progress(ImapSession *session);

/* Measures silence while anything is awaited. */
void session_start_watch(ImapSession *session);

/* The server broke the protocol; @what says how. */
void session_protocol_error(ImapSession *session, const char *what);

/* Calls @command's done() and frees it. */
void session_finish_command(ImapCommand *command, const ImapResponse *tagged, const GError *error);

/* --- session-send.c --- */

void session_write(ImapSession *session, const char *bytes, gsize length);

/* The command of which a part is sent, the rest waiting for the server's "+" or for the socket, or
 * NULL. */
ImapCommand *session_blocked(const ImapSession *session);

/* Frees what is known of the selected mailbox. */
void session_clear_selected(ImapSession *session);

/* The server said "+" to it. */
void session_unblock(ImapSession *session);

/* Sends whatever need not wait. */
void session_flush(ImapSession *session);

/* A protocol line for the log (-d), made printable. */
void session_log(ImapSession *session, const char *direction, const char *bytes, gssize length);

/* --- session-receive.c --- */

/* Handles @length bytes of session->buffer; FALSE when the session is at its end. */
gboolean session_parse(ImapSession *session, gsize length);

/* Tells the commands in flight that what was read has been handled. */
void session_tell_batch(ImapSession *session);

/* --- session-capabilities.c --- */

void session_set_capabilities(ImapSession *session, const char *list);
void session_take_capability_response(ImapSession *session, const ImapResponse *response);
