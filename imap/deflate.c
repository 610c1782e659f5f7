/*
 * The codec of COMPRESS=DEFLATE: zlib without header and checksum (negative window bits).
 *
 * What goes out is commands, short and alike: the cheapest level finds all that there is to find
 * in them. What comes in may be anything: an error is remembered, and told with the bytes in front
 * of it and ever after.
 */
#include "deflate.h"

#include <zlib.h>

#define WINDOW_BITS  (-15) /* raw, 32 KiB of history */
#define MEMORY_LEVEL 8     /* zlib's default: 128 KiB */
#define PACK_STEP    4096
#define MAX_STEP     (1024 * 1024 * 1024) /* zlib counts in uInt */

struct ImapDeflate {
	z_stream out, in;
	int failure; /* of inflate(): Z_OK, Z_STREAM_END or an error */
};

ImapDeflate *
deflate_new(void)
{
	ImapDeflate *codec = g_new0(ImapDeflate, 1);

	/* These fail for want of memory alone, which ends the program elsewhere too. */
	if (deflateInit2(&codec->out, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
	                 Z_DEFAULT_STRATEGY) != Z_OK ||
	    inflateInit2(&codec->in, WINDOW_BITS) != Z_OK)
		g_error("zlib cannot be initialised");
	return codec;
}

void
deflate_free(ImapDeflate *codec)
{
	if (!codec)
		return;
	deflateEnd(&codec->out);
	inflateEnd(&codec->in);
	g_free(codec);
}

/* One call of deflate(), with some room; whether it used all of that, so that there may be more. */
static gboolean
pack_step(z_stream *out, GByteArray *packed)
{
	guint start = packed->len;

	g_byte_array_set_size(packed, start + PACK_STEP);
	out->next_out = packed->data + start;
	out->avail_out = PACK_STEP;
	deflate(out, Z_SYNC_FLUSH); /* Z_BUF_ERROR: there was nothing left to write */
	g_byte_array_set_size(packed, start + PACK_STEP - out->avail_out);
	return out->avail_out == 0;
}

void
deflate_pack(ImapDeflate *codec, const guint8 *data, gsize length, GByteArray *packed)
{
	z_stream *out = &codec->out;

	g_assert(length <= MAX_STEP);
	if (length == 0)
		return; /* an empty block would be sent for nothing */
	out->next_in = (guint8 *)data;
	out->avail_in = (uInt)length;
	while (pack_step(out, packed))
		;
	g_assert(out->avail_in == 0);
}

static void
set_failure(const ImapDeflate *codec, GError **error)
{
	if (codec->failure == Z_STREAM_END)
		g_set_error_literal(error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
		                    "the compressed stream was ended by the server");
	else
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		            "the compressed data is corrupt: %s",
		            codec->in.msg ? codec->in.msg : zError(codec->failure));
}

gsize
deflate_unpack(ImapDeflate *codec, const guint8 **data, gsize *length, guint8 *buffer, gsize size,
               GError **error)
{
	z_stream *in = &codec->in;
	gsize used, given;

	size = MIN(size, MAX_STEP);
	in->next_out = buffer;
	in->avail_out = (uInt)size;
	in->next_in = (guint8 *)*data;
	in->avail_in = (uInt)MIN(*length, MAX_STEP);
	if (codec->failure == Z_OK) {
		int result = inflate(in, Z_SYNC_FLUSH);

		if (result != Z_BUF_ERROR) /* nothing to do now: no fault */
			codec->failure = result;
	}
	used = (gsize)(in->next_in - *data);
	given = (gsize)(in->next_out - buffer);
	*data += used;
	*length -= used;
	if (codec->failure != Z_OK)
		set_failure(codec, error);
	return given;
}
