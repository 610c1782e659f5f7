/*
 * The scripted server under COMPRESS=DEFLATE, by zlib itself and not by the codec that is tested.
 */
#include "scripted-private.h"

#include <zlib.h>

struct ScriptedDeflate {
	z_stream out, in;
};

void
connection_begin_deflate(Connection *connection)
{
	ScriptedDeflate *codec = g_new0(ScriptedDeflate, 1);

	if (connection->input->len)
		connection_complain(connection, "too early: %s", connection->input->str);
	g_assert_cmpint(deflateInit2(&codec->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 9,
	                             Z_DEFAULT_STRATEGY),
	                ==, Z_OK);
	g_assert_cmpint(inflateInit2(&codec->in, -15), ==, Z_OK);
	connection->codec = codec;
}

void
connection_free_deflate(Connection *connection)
{
	if (!connection->codec)
		return;
	deflateEnd(&connection->codec->out);
	inflateEnd(&connection->codec->in);
	g_clear_pointer(&connection->codec, g_free);
}

static void
connection_deflate(Connection *connection, const char *bytes, gsize length, int flush)
{
	z_stream *out = &connection->codec->out;
	char buffer[4096];

	out->next_in = (Bytef *)bytes;
	out->avail_in = (uInt)length;
	do {
		out->next_out = (Bytef *)buffer;
		out->avail_out = sizeof(buffer);
		deflate(out, flush);
		g_string_append_len(connection->output, buffer,
		                    (gssize)(sizeof(buffer) - out->avail_out));
	} while (out->avail_out == 0);
}

void
connection_say(Connection *connection, const char *bytes, gsize length)
{
	if (connection->codec)
		connection_deflate(connection, bytes, length, Z_SYNC_FLUSH);
	else
		g_string_append_len(connection->output, bytes, (gssize)length);
}

void
connection_end_deflate(Connection *connection)
{
	connection_deflate(connection, "", 0, Z_FINISH);
}

void
connection_hear(Connection *connection, const char *bytes, gsize length)
{
	z_stream *in = connection->codec ? &connection->codec->in : NULL;
	char buffer[4096];

	if (!in) {
		g_string_append_len(connection->input, bytes, (gssize)length);
		return;
	}
	in->next_in = (Bytef *)bytes;
	in->avail_in = (uInt)length;
	do {
		int result;

		in->next_out = (Bytef *)buffer;
		in->avail_out = sizeof(buffer);
		result = inflate(in, Z_SYNC_FLUSH);
		if (result != Z_OK && result != Z_BUF_ERROR)
			connection_complain(connection, "not deflated: %s",
			                    in->msg ? in->msg : zError(result));
		g_string_append_len(connection->input, buffer,
		                    (gssize)(sizeof(buffer) - in->avail_out));
	} while (in->avail_out == 0);
}
