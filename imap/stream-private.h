/*
 * stream-private.h: the parts of a stream that its files share.
 *
 *     stream.c        connecting, TLS, the source in the main loop
 *     stream-bytes.c  bytes in and out: socket, TLS, deflate
 */
#pragma once

#include "deflate.h"
#include "stream.h"

typedef enum { STATE_CONNECTING, STATE_HANDSHAKE, STATE_OPEN, STATE_FAILED } StreamState;

struct ImapStream {
	const ImapSettings *settings;
	SSL_CTX *context;
	const ImapStreamEvents *events;
	gpointer data;
	StreamState state;
	GCancellable *connecting;
	GSocketConnection *connection;
	int fd;
	SSL *ssl;           /* NULL in clear */
	ImapDeflate *codec; /* NULL: not compressed */
	GSource *source;
	gpointer fd_tag;
	GIOCondition watched;
	gboolean maybe_more;    /* the last read did not run dry */
	gboolean write_blocked; /* the socket was full */
	gboolean tell_drained;  /* the owner wants to write more */
	gboolean told_drained;  /* that was the last event, so reading comes first now */
	guint64 n_taken;        /* bytes by the socket, ever */
	GByteArray *unsent;     /* as the owner wrote it */
	GByteArray *packed_out; /* deflated; what the socket takes, once there is a codec */
	GByteArray *packed_in;  /* as it came from the socket, to be inflated */
	gsize n_sent;           /* bytes of unsent, or of packed_out, that are gone already */
	gsize n_unpacked;       /* bytes of packed_in that are used already */
	GError *error;
};

/* --- stream.c --- */

/* Takes @error, to be told at the next turn of the loop; the first one counts. */
void stream_fail(ImapStream *stream, GError *error);

/* The connection is lost; 0: in good order. */
void stream_fail_errno(ImapStream *stream, int errnum);

/* What a call of OpenSSL that gave @result means: TRUE to try again when the socket is ready, else
 * the stream has failed. */
gboolean stream_would_block(ImapStream *stream, int result);

/* --- stream-bytes.c --- */

/* Whether something waits to be written. */
gboolean stream_has_unsent(const ImapStream *stream);

/* Writes as much as the socket takes. */
void stream_flush(ImapStream *stream);
