/*
 * Bytes in and out of a stream.
 *
 *     stream_write --> unsent ----------------------> [TLS] --> socket
 *     stream_write --> unsent --deflate--> packed_out --> [TLS] --> socket
 *
 *     stream_read <----------------------- [TLS] <-- socket
 *     stream_read <--inflate-- packed_in <-- [TLS] <-- socket
 *
 * What is inflated goes straight into the reader's buffer, so that no more of it exists than that
 * holds; the rest waits in packed form, or inside zlib, as a few bytes of it.
 */
#include "stream-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#define PACKED_SIZE      (16 * 1024) /* read at once: a record of TLS */
#define REFILLS_PER_READ 16 /* of packed_in: what inflates to nothing must not hold up the loop */

/* --- out --- */

static gssize
raw_write(ImapStream *stream, const guint8 *data, gsize length)
{
	gssize n;

	ERR_clear_error();
	errno = 0;
	if (stream->ssl) {
		n = SSL_write(stream->ssl, data, (int)MIN(length, G_MAXINT));
		if (n > 0 || stream_would_block(stream, (int)n))
			return MAX(n, 0);
		return -1;
	}
	n = send(stream->fd, data, length, MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR) {
		stream->write_blocked = TRUE;
		return 0;
	}
	stream_fail_errno(stream, errno);
	return -1;
}

static void
wipe(GByteArray *bytes)
{
	explicit_bzero(bytes->data, bytes->len); /* it may be a password */
	g_byte_array_set_size(bytes, 0);
}

/* The bytes that the socket is to take. */
static GByteArray *
stream_wire(ImapStream *stream)
{
	if (!stream->codec)
		return stream->unsent;
	if (stream->unsent->len) {
		deflate_pack(stream->codec, stream->unsent->data, stream->unsent->len,
		             stream->packed_out);
		wipe(stream->unsent);
	}
	return stream->packed_out;
}

gboolean
stream_has_unsent(const ImapStream *stream)
{
	return stream->unsent->len || (stream->codec && stream->packed_out->len);
}

void
stream_flush(ImapStream *stream)
{
	GByteArray *wire = stream_wire(stream);

	stream->write_blocked = FALSE;
	while (stream->n_sent < wire->len) {
		gssize n =
			raw_write(stream, wire->data + stream->n_sent, wire->len - stream->n_sent);

		if (n < 0)
			return;
		if (n == 0)
			break;
		stream->n_sent += n;
		stream->n_taken += n;
	}
	if (stream->n_sent == wire->len && stream->n_sent) {
		wipe(wire);
		stream->n_sent = 0;
	}
}

void
stream_write(ImapStream *stream, const void *data, gsize length)
{
	g_byte_array_append(stream->unsent, data, length);
}

gsize
stream_n_waiting(const ImapStream *stream)
{
	return stream->unsent->len + (stream->codec ? stream->packed_out->len : 0);
}

void
stream_tell_drained(ImapStream *stream)
{
	stream->tell_drained = TRUE;
}

guint64
stream_n_taken(const ImapStream *stream)
{
	return stream->n_taken;
}

/* --- in --- */

static gssize
raw_read(ImapStream *stream, guint8 *buffer, gsize size)
{
	gssize n;

	ERR_clear_error();
	errno = 0;
	if (stream->ssl) {
		n = SSL_read(stream->ssl, buffer, (int)MIN(size, G_MAXINT));
		if (n <= 0)
			stream_would_block(stream, (int)n);
		return MAX(n, 0);
	}
	n = recv(stream->fd, buffer, size, 0);
	if (n == 0)
		stream_fail_errno(stream, 0);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		stream_fail_errno(stream, errno);
	return MAX(n, 0);
}

/* Whether there is something to inflate now. */
static gboolean
stream_refill(ImapStream *stream)
{
	GByteArray *packed = stream->packed_in;

	if (stream->n_unpacked < packed->len)
		return TRUE;
	g_byte_array_set_size(packed, PACKED_SIZE);
	g_byte_array_set_size(packed, (guint)raw_read(stream, packed->data, PACKED_SIZE));
	stream->n_unpacked = 0;
	return packed->len > 0;
}

static gsize
stream_unpack(ImapStream *stream, guint8 *buffer, gsize size)
{
	const guint8 *data = stream->packed_in->data + stream->n_unpacked;
	gsize length = stream->packed_in->len - stream->n_unpacked;
	GError *error = NULL;
	gsize n = deflate_unpack(stream->codec, &data, &length, buffer, size, &error);

	stream->n_unpacked = stream->packed_in->len - length;
	if (error) {
		g_prefix_error(&error, "%s: ", stream->settings->host);
		stream_fail(stream, error);
	}
	return n;
}

/* First what zlib still has inside, then what is there, then what the socket has. */
static gsize
read_packed(ImapStream *stream, guint8 *buffer, gsize size)
{
	gsize total = 0;

	for (guint i = 0; i < REFILLS_PER_READ && stream->state == STATE_OPEN; i++) {
		total += stream_unpack(stream, buffer + total, size - total);
		if (total == size)
			break;
		if (stream->state == STATE_OPEN && !stream_refill(stream))
			return total;
	}
	stream->maybe_more = stream->state == STATE_OPEN;
	return total;
}

static gsize
read_plain(ImapStream *stream, guint8 *buffer, gsize size)
{
	gsize total = 0;

	while (total < size && stream->state == STATE_OPEN) {
		gssize n = raw_read(stream, buffer + total, size - total);

		if (n == 0)
			return total;
		total += n;
		if (!stream->ssl)
			break; /* one recv(2) took what there was */
	}
	stream->maybe_more = stream->state == STATE_OPEN;
	return total;
}

gsize
stream_read(ImapStream *stream, guint8 *buffer, gsize size)
{
	stream->maybe_more = FALSE;
	return stream->codec ? read_packed(stream, buffer, size) : read_plain(stream, buffer, size);
}

/* --- COMPRESS --- */

void
stream_start_deflate(ImapStream *stream, const guint8 *data, gsize length)
{
	g_assert(!stream->codec);
	stream->codec = deflate_new();
	stream->packed_out = stream->unsent; /* what was written before is not deflated */
	stream->unsent = g_byte_array_new();
	stream->packed_in = g_byte_array_sized_new(PACKED_SIZE);
	g_byte_array_append(stream->packed_in, data, (guint)length);
	stream->maybe_more |= length > 0;
}

gboolean
stream_is_deflated(const ImapStream *stream)
{
	return stream->codec != NULL;
}
