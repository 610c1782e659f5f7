/*
 * A non-blocking connection, as one source of the main loop.
 *
 *     CONNECTING --TCP--> HANDSHAKE --TLS--> OPEN          (implicit TLS)
 *     CONNECTING --TCP--> OPEN --stream_start_tls--> HANDSHAKE --> OPEN
 *     any --> FAILED
 *
 * Nothing is reported from inside a call of the owner's: an error found while writing is kept and
 * told at the next turn of the loop. Writing only queues; all that one turn of the loop queues
 * leaves in one piece. What becomes of the bytes is stream-bytes.c.
 */
#include "stream-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tls.h"

#define DEAD_PEER_MS 60000        /* unacknowledged bytes for so long: the kernel gives up */
#define KERNEL_BYTES (128 * 1024) /* that wait in the socket: more would hide a line that is slow */

typedef struct {
	GSource source;
	ImapStream *stream;
} StreamSource;

void
stream_fail(ImapStream *stream, GError *error)
{
	if (stream->state == STATE_FAILED) {
		g_error_free(error);
		return;
	}
	stream->state = STATE_FAILED;
	stream->error = error;
}

void
stream_fail_errno(ImapStream *stream, int errnum)
{
	stream_fail(stream, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
	                                "connection to %s lost: %s", stream->settings->host,
	                                errnum ? g_strerror(errnum) : "closed by the server"));
}

gboolean
stream_would_block(ImapStream *stream, int result)
{
	int saved = errno;
	int reason = SSL_get_error(stream->ssl, result);

	if (reason == SSL_ERROR_WANT_READ)
		return TRUE;
	if (reason == SSL_ERROR_WANT_WRITE) {
		stream->write_blocked = TRUE;
		return TRUE;
	}
	/* A server that just closes is no fault of TLS's. */
	if (reason == SSL_ERROR_SSL &&
	    ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		stream_fail_errno(stream, 0);
	else if (stream->state == STATE_HANDSHAKE && reason == SSL_ERROR_SSL)
		stream_fail(stream, tls_handshake_error(stream->ssl, stream->settings->host));
	else
		stream_fail_errno(stream, reason == SSL_ERROR_SYSCALL ? saved : 0);
	return FALSE;
}

static void
stream_watch(ImapStream *stream)
{
	GIOCondition wanted = G_IO_IN | (stream->write_blocked ? G_IO_OUT : 0);

	if (wanted == stream->watched)
		return;
	stream->watched = wanted;
	g_source_modify_unix_fd(stream->source, stream->fd_tag, wanted);
}

/* Whether the handshake is done; if so the owner has been told, and may have freed the stream. */
static void
stream_handshake(ImapStream *stream)
{
	int result;

	ERR_clear_error();
	errno = 0;
	stream->write_blocked = FALSE;
	result = SSL_do_handshake(stream->ssl);
	if (result != 1) {
		stream_would_block(stream, result);
		return;
	}
	stream->state = STATE_OPEN;
	stream->maybe_more = TRUE; /* TLS 1.2: the greeting may be read already, behind Finished */
	stream->events->connected(stream, stream->data);
}

static gboolean
source_prepare(GSource *source, gint *timeout)
{
	ImapStream *stream = ((StreamSource *)source)->stream;

	*timeout = -1;
	if (stream->state == STATE_FAILED || stream->maybe_more)
		return TRUE;
	return stream->state == STATE_OPEN && !stream->write_blocked &&
	       (stream->tell_drained || stream_has_unsent(stream));
}

static gboolean
source_check(GSource *source)
{
	ImapStream *stream = ((StreamSource *)source)->stream;
	gint timeout;

	return source_prepare(source, &timeout) ||
	       (stream->fd_tag && g_source_query_unix_fd(source, stream->fd_tag));
}

/* Reading and writing take turns, else one who sends much would hear nothing. */
static void
stream_tell(ImapStream *stream, GIOCondition ready)
{
	gboolean readable = stream->maybe_more || (ready & ~G_IO_OUT);
	gboolean drained = stream->tell_drained && !stream_has_unsent(stream);

	if (drained && !(readable && stream->told_drained)) {
		stream->tell_drained = FALSE;
		stream->told_drained = TRUE;
		stream->events->drained(stream, stream->data);
	} else if (readable) {
		stream->told_drained = FALSE;
		stream->events->readable(stream, stream->data);
	}
}

/* Else the kernel waits for 40 ms, in case something is written that carries the acknowledgement,
 * and a server that has not set TCP_NODELAY (Courier, Cyrus) sends its next answer only after it. The
 * kernel soon forgets that it was told. */
static void
stream_acknowledge(const ImapStream *stream)
{
	int one = 1;

	if (stream->state == STATE_OPEN && !stream->maybe_more && !stream_has_unsent(stream))
		setsockopt(stream->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

/* At most one call of the owner's, and all but the last thing done: the owner may free the stream. */
static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	ImapStream *stream = ((StreamSource *)source)->stream;
	g_autoptr(GSource) alive = g_source_ref(source);
	GIOCondition ready = stream->fd_tag ? g_source_query_unix_fd(source, stream->fd_tag) : 0;

	(void)callback;
	(void)data;
	g_source_set_ready_time(source, -1);
	if (stream->state == STATE_OPEN)
		stream_flush(stream);
	if (stream->state == STATE_HANDSHAKE)
		stream_handshake(stream);
	else if (stream->state == STATE_OPEN)
		stream_tell(stream, ready);
	else if (stream->state == STATE_FAILED)
		stream->events->failed(stream, stream->error, stream->data);
	if (g_source_is_destroyed(source) || !stream->fd_tag)
		return G_SOURCE_CONTINUE;
	stream_watch(stream);
	stream_acknowledge(stream);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = {
	.prepare = source_prepare,
	.check = source_check,
	.dispatch = source_dispatch,
};

static void
stream_begin_tls(ImapStream *stream)
{
	GError *error = NULL;

	stream->ssl = tls_connection_new(stream->context, stream->settings->host, &error);
	if (!stream->ssl) {
		stream_fail(stream, error);
		return;
	}
	SSL_set_fd(stream->ssl, stream->fd);
	stream->state = STATE_HANDSHAKE;
	stream->maybe_more = FALSE;
	g_source_set_ready_time(stream->source, 0); /* the client speaks first */
}

static void
socket_tune(int fd)
{
	int one = 1, dead_ms = DEAD_PEER_MS, kernel_bytes = KERNEL_BYTES;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kernel_bytes, sizeof(kernel_bytes));
}

/* @drops: the kernel does not go on sending, for minutes on a dead line, what a closed connection has
 * left (RFC 9293, section 3.10.5: ABORT). */
static void
socket_set_end(int fd, gboolean drops)
{
	const struct linger linger = {.l_onoff = drops, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void
stream_adopt(ImapStream *stream, GSocketConnection *connection)
{
	stream->connection = connection;
	stream->fd = g_socket_get_fd(g_socket_connection_get_socket(connection));
	socket_tune(stream->fd);
	socket_set_end(stream->fd, TRUE);
	stream->watched = G_IO_IN;
	stream->fd_tag = g_source_add_unix_fd(stream->source, stream->fd, stream->watched);
	if (stream->settings->tls == IMAP_TLS_IMPLICIT) {
		stream_begin_tls(stream);
		return;
	}
	stream->state = STATE_OPEN;
	stream->events->connected(stream, stream->data);
}

/* "Could not connect to x: Connection refused": the last part says it all. */
static const char *
last_part(const char *message)
{
	const char *colon = g_strrstr(message, ": ");

	return colon ? colon + 2 : message;
}

static void
on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	GSocketConnection *connection;
	ImapStream *stream = data;

	connection =
		g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* the stream is gone */
	g_clear_object(&stream->connecting);
	if (connection)
		stream_adopt(stream, connection);
	else
		stream_fail(stream,
		            g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
		                        "cannot connect to %s port %u: %s", stream->settings->host,
		                        stream->settings->port, last_part(error->message)));
}

ImapStream *
stream_new(const ImapSettings *settings, SSL_CTX *context, const ImapStreamEvents *events,
           gpointer data)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	ImapStream *stream = g_new0(ImapStream, 1);

	stream->settings = settings;
	stream->context = context;
	stream->events = events;
	stream->data = data;
	stream->fd = -1;
	stream->unsent = g_byte_array_new();
	stream->connecting = g_cancellable_new();
	stream->source = g_source_new(&source_functions, sizeof(StreamSource));
	((StreamSource *)stream->source)->stream = stream;
	g_source_set_can_recurse(stream->source, TRUE); /* spares three syscalls (fuse-source.c) */
	g_source_attach(stream->source, NULL);
	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_connect_to_host_async(client, settings->host, settings->port,
	                                      stream->connecting, on_connected, stream);
	return stream;
}

void
stream_free(ImapStream *stream)
{
	if (stream->connecting)
		g_cancellable_cancel(stream->connecting);
	g_clear_object(&stream->connecting);
	g_source_destroy(stream->source);
	g_source_unref(stream->source);
	if (stream->ssl && stream->state == STATE_OPEN) {
		stream_flush(stream); /* a LOGOUT leaves if the socket takes it; nobody waits */
		SSL_shutdown(stream->ssl);
	} else if (stream->state == STATE_OPEN) {
		stream_flush(stream);
	}
	SSL_free(stream->ssl);
	g_clear_object(&stream->connection);
	g_byte_array_unref(stream->unsent);
	g_clear_pointer(&stream->packed_out, g_byte_array_unref);
	g_clear_pointer(&stream->packed_in, g_byte_array_unref);
	deflate_free(stream->codec);
	g_clear_error(&stream->error);
	g_free(stream);
}

void
stream_let_leave(ImapStream *stream)
{
	if (stream->fd >= 0)
		socket_set_end(stream->fd, FALSE);
}

void
stream_start_tls(ImapStream *stream)
{
	g_assert(stream->state == STATE_OPEN && !stream->ssl && !stream->unsent->len);
	stream_begin_tls(stream);
}

const char *
stream_tls_version(const ImapStream *stream)
{
	return stream->ssl && stream->state != STATE_HANDSHAKE ? SSL_get_version(stream->ssl)
	                                                       : NULL;
}
