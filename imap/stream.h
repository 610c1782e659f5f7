/*
 * stream.h: a connection as a stream of bytes, in clear or under TLS, deflated or not.
 *
 * Non-blocking, driven by a source in the main loop. What is written is queued and leaves as the
 * socket takes it. The owner is told when there is something to read, when TLS stands, and when
 * the connection is lost; it may free the stream in any of these calls.
 */
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>

#include "imapfs/error.h"
#include "imapfs/imap.h"

typedef struct ImapStream ImapStream;

typedef struct {
	void (*connected)(ImapStream *stream, gpointer data); /* TCP, and TLS if it was asked for */
	void (*readable)(ImapStream *stream, gpointer data);  /* call stream_read() */
	void (*failed)(ImapStream *stream, const GError *error, gpointer data); /* final */
	/* All that was written has left, as stream_tell_drained() asked to be told. */
	void (*drained)(ImapStream *stream, gpointer data);
} ImapStreamEvents;

/* Begins to connect to the settings' host (GSocketClient: every address is tried), then TLS at
 * once with IMAP_TLS_IMPLICIT. @settings and @context stay the caller's and must outlive the
 * stream. */
ImapStream *stream_new(const ImapSettings *settings, SSL_CTX *context,
                       const ImapStreamEvents *events, gpointer data);
void stream_free(ImapStream *stream);

/* What has been written and is still here then leaves all the same. Else it is dropped, also when
 * this process is killed: after a broken connection it is found out what became of a command, and
 * nothing of it must get to the server later than that. */
void stream_let_leave(ImapStream *stream);

/* Turns to TLS now (after STARTTLS, RFC 3501 6.2.1); connected() is called again. */
void stream_start_tls(ImapStream *stream);

/* From now on what is written is deflated and what is read is inflated (after COMPRESS DEFLATE,
 * RFC 4978), beginning with the @length bytes at @data, which were read behind the server's OK. */
void stream_start_deflate(ImapStream *stream, const guint8 *data, gsize length);
gboolean stream_is_deflated(const ImapStream *stream);

/* Up to @size bytes into @buffer: how many, or 0 when there are none now (or the stream failed,
 * which failed() then tells). */
gsize stream_read(ImapStream *stream, guint8 *buffer, gsize size);

/* Queues a copy of @length bytes. */
void stream_write(ImapStream *stream, const void *data, gsize length);

/* Bytes of memory that hold what was written and has not left yet: who has much to write waits
 * while these are many. */
gsize stream_n_waiting(const ImapStream *stream);

/* Calls drained(), once, when nothing waits to be written any more. */
void stream_tell_drained(ImapStream *stream);

/* Bytes that the socket has taken so far: where they grow, the line lives. */
guint64 stream_n_taken(const ImapStream *stream);

/* "TLSv1.3" and the like, or NULL in clear: asked of the TLS object itself. */
const char *stream_tls_version(const ImapStream *stream);
