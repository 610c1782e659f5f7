/*
 * One connection: it sends commands one after another without waiting, and gives each reply to the
 * command it belongs to.
 *
 *     CONNECTING --greeting--> LOGIN --login.c--> READY --> CLOSED
 *     (any state) --error, BYE, silence--> CLOSED
 *
 * A command is in one of two queues: unsent (its head may wait for the server's "+" in the middle
 * of a literal) and sent. Servers answer in order but need not, so tagged replies are found by tag,
 * and untagged data is offered to the sent commands from the oldest on: each takes what it asked
 * for. Data about the selected mailbox and about the session itself is taken here, whatever command
 * is in flight.
 *
 * The end is prepared by session_fail() and carried out at the next turn of the loop, so that no
 * handler ever finds its session gone under it.
 */
#include "session-private.h"

#include <string.h>

#include "login.h"

#define BYTES_OF_PROGRESS (64 * 1024)
#define READS_PER_TURN    4   /* then the loop looks after others */
#define WATCH_MS          200 /* how often silence is measured while something is awaited */
#define DOUBT_US          (5 * G_USEC_PER_SEC) /* one that may have died: to show that it lives */

/* --- the end --- */

void
session_finish_command(ImapCommand *command, const ImapResponse *tagged, const GError *error)
{
	command->handler->done(tagged, error, command->data);
	command_free(command);
}

/* The server may have carried out what it was sent, without a word reaching us. */
static void
session_drop_command(ImapCommand *command, const GError *error)
{
	g_autoptr(GError) unknown = NULL;

	if (command->once && command->n_parts_sent) {
		unknown = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN,
		                      "%s: whether it was carried out is not known: %s",
		                      command->name, error->message);
		error = unknown;
	}
	session_finish_command(command, NULL, error);
}

static void
session_drop_commands(ImapSession *session, const GError *error)
{
	ImapCommand *command;

	session->streaming = NULL;
	while ((command = g_queue_pop_head(&session->sent)))
		session_drop_command(command, error);
	while ((command = g_queue_pop_head(&session->unsent)))
		session_drop_command(command, error);
}

static void
session_disconnect(ImapSession *session)
{
	g_clear_handle_id(&session->watch, g_source_remove);
	g_clear_pointer(&session->stream, stream_free);
	session->state = SESSION_CLOSED;
}

static gboolean
session_end(gpointer data)
{
	ImapSession *session = data;

	session->ending = 0;
	session_disconnect(session);
	session_drop_commands(session, session->error);
	session->events->closed(session, session->error, session->data);
	return G_SOURCE_REMOVE;
}

void
session_fail(ImapSession *session, GError *error)
{
	if (session->error) {
		g_error_free(error);
		return;
	}
	session->error = error;
	session->ending = g_idle_add_full(G_PRIORITY_DEFAULT, session_end, session, NULL);
}

void
session_protocol_error(ImapSession *session, const char *what)
{
	session_fail(session, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "%s: %s",
	                                  session->settings->host, what));
}

/* --- silence --- */

static gboolean
session_is_open_ended(const ImapSession *session)
{
	const ImapCommand *command = g_queue_peek_head((GQueue *)&session->sent);

	return session_n_commands(session) == 1 && command && command->open_ended;
}

static gboolean
session_awaits_something(const ImapSession *session)
{
	return session->state != SESSION_READY ||
	       (session_n_commands(session) && !session_is_open_ended(session));
}

static gint64
session_patience(const ImapSession *session)
{
	return session->in_doubt ? MIN(DOUBT_US, session->settings->timeout_us)
	                         : session->settings->timeout_us;
}

/* While a message leaves, bit by bit, the server need not say anything. */
static void
session_note_sending(ImapSession *session)
{
	guint64 n_taken = session->stream ? stream_n_taken(session->stream) : 0;

	if (n_taken > session->n_taken)
		session->progress_us = g_get_monotonic_time();
	session->n_taken = n_taken;
}

/* Silence after a long idleness means a line that died unnoticed, so what was asked may be asked
 * again elsewhere; silence in the middle of work means a server that hangs. */
static gboolean
session_watch(gpointer data)
{
	ImapSession *session = data;
	gint64 silence;

	session_note_sending(session);
	silence = g_get_monotonic_time() - session->progress_us;
	if (!session_awaits_something(session)) {
		session->watch = 0;
		return G_SOURCE_REMOVE;
	}
	if (silence > session_patience(session))
		session_fail(session,
		             g_error_new(IMAPFS_ERROR,
		                         session->in_doubt ? IMAPFS_ERROR_OFFLINE
		                                           : IMAPFS_ERROR_TIMED_OUT,
		                         "no answer from %s for %.0f s", session->settings->host,
		                         (double)silence / G_USEC_PER_SEC));
	return G_SOURCE_CONTINUE;
}

void
session_start_watch(ImapSession *session)
{
	if (session->watch)
		return;
	session->progress_us = g_get_monotonic_time();
	session->watch = g_timeout_add(WATCH_MS, session_watch, session);
}

void
session_progress(ImapSession *session)
{
	session->progress_us = g_get_monotonic_time();
	session->n_streamed = 0;
	session->n_since_progress = 0;
	session->in_doubt = FALSE;
}

/* While a message is on its way out, or at its end, a server may be silent for longer than that. */
void
session_doubt(ImapSession *session)
{
	if (session->state != SESSION_READY || session_blocked(session))
		return;
	session->in_doubt = TRUE;
	session->progress_us = g_get_monotonic_time();
}

/* --- the stream's events --- */

/* Whatever it is, so much of it is no trickle: a long line, header fields. */
static void
session_note_bytes(ImapSession *session, gsize length)
{
	session->n_since_progress += length;
	if (session->n_since_progress >= BYTES_OF_PROGRESS)
		session_progress(session);
}

static void
on_readable(ImapStream *stream, gpointer data)
{
	ImapSession *session = data;

	for (int i = 0; i < READS_PER_TURN && !session->error; i++) {
		gsize length = stream_read(stream, session->buffer, SESSION_READ_SIZE);

		if (length == 0)
			break;
		session->traffic.n_bytes_in += length;
		session_note_bytes(session, length);
		if (!session_parse(session, length))
			break;
	}
	session_tell_batch(session);
}

static void
on_connected(ImapStream *stream, gpointer data)
{
	ImapSession *session = data;

	session_progress(session);
	if (session->greeted && stream_tls_version(stream))
		login_tls_ready(session);
}

static void
on_failed(ImapStream *stream, const GError *error, gpointer data)
{
	ImapSession *session = data;

	(void)stream;
	session_fail(session, g_error_copy(error));
	session_disconnect(
		session); /* the stream would tell again and again; @error goes with it */
}

static void
on_drained(ImapStream *stream, gpointer data)
{
	(void)stream;
	session_flush(data);
}

static const ImapStreamEvents stream_events = {
	.connected = on_connected,
	.readable = on_readable,
	.failed = on_failed,
	.drained = on_drained,
};

/* --- its own calls --- */

ImapSession *
session_new(const ImapSettings *settings, SSL_CTX *context, const ImapSessionEvents *events,
            gpointer data)
{
	ImapSession *session = g_new0(ImapSession, 1);

	session->settings = settings;
	session->events = events;
	session->data = data;
	session->parser = imap_parser_new();
	g_queue_init(&session->sent);
	g_queue_init(&session->unsent);
	session->stream = stream_new(settings, context, &stream_events, session);
	session_start_watch(session);
	return session;
}

void
session_free(ImapSession *session)
{
	g_autoptr(GError) error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED,
	                                      "connection closed by this side");

	g_clear_handle_id(&session->ending, g_source_remove);
	if (session->state == SESSION_READY && !session_blocked(session)) {
		session_write(session, "bye LOGOUT\r\n", 12);
		if (!session->sent.length)
			stream_let_leave(session->stream);
	}
	session_disconnect(session);
	session_drop_commands(session, session->error ? session->error : error);
	session_forget_capabilities(session);
	imap_parser_free(session->parser);
	session_clear_selected(session);
	g_clear_error(&session->select_error);
	g_clear_error(&session->error);
	g_free(session);
}

/* Bytes that came together with the reply to STARTTLS were not sent under TLS: a forger's. */
void
session_start_tls(ImapSession *session)
{
	if (imap_parser_pending(session->parser)) {
		session_fail(session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		                         "%s sent more than its reply to STARTTLS: somebody may be "
		                         "tampering with the connection",
		                         session->settings->host));
		return;
	}
	session_forget_capabilities(session);
	stream_start_tls(session->stream);
}

/* Bytes that came together with the reply to COMPRESS are the first of the deflated ones. */
void
session_start_deflate(ImapSession *session)
{
	gsize length;
	const guint8 *data = imap_parser_take_pending(session->parser, &length);

	stream_start_deflate(session->stream, data, length);
}

void
session_logged_in(ImapSession *session)
{
	session->state = SESSION_READY;
	session->idle_since_us = g_get_monotonic_time();
	session->events->ready(session, session->data);
}

const ImapSelected *
session_selected(const ImapSession *session)
{
	return &session->selected;
}

const GError *
session_select_error(const ImapSession *session)
{
	return session->select_error;
}

ImapSessionState
session_state(const ImapSession *session)
{
	return session->error ? SESSION_CLOSED : session->state;
}

guint
session_n_commands(const ImapSession *session)
{
	return session->sent.length + session->unsent.length;
}

gboolean
session_is_oldest(const ImapSession *session, gconstpointer data)
{
	const ImapCommand *command = g_queue_peek_head((GQueue *)&session->sent);

	return command && command->data == data;
}

gint64
session_idle_since(const ImapSession *session)
{
	return session->idle_since_us;
}

const ImapTraffic *
session_traffic(const ImapSession *session)
{
	return &session->traffic;
}

const ImapSettings *
session_settings(const ImapSession *session)
{
	return session->settings;
}

const char *
session_tls_version(const ImapSession *session)
{
	return session->stream ? stream_tls_version(session->stream) : NULL;
}

gboolean
session_is_compressed(const ImapSession *session)
{
	return session->stream && stream_is_deflated(session->stream);
}
