/*
 * deflate.h: the bytes of a connection under COMPRESS=DEFLATE (RFC 4978): bytes in, bytes out.
 *
 * Raw deflate (RFC 1951), one stream in each direction for as long as the connection lasts. The
 * codec is pure (no sockets, no time, no callbacks) and bounded: it inflates into the caller's
 * buffer and not a byte further, so what a few packed bytes can grow to is never held anywhere.
 * stream-bytes.c calls it.
 */
#pragma once

#include <glib.h>

#include "imapfs/error.h"

typedef struct ImapDeflate ImapDeflate;

ImapDeflate *deflate_new(void);
void deflate_free(ImapDeflate *codec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapDeflate, deflate_free)

/* Appends @length bytes to @packed, deflated and flushed: the other side can inflate all of them.
 */
void deflate_pack(ImapDeflate *codec, const guint8 *data, gsize length, GByteArray *packed);

/* Inflates from @data (@length bytes; both move on behind what was used) into @buffer: at most
 * @size bytes, how many is returned. Fewer than @size: @data is used up. As many: call again, even
 * without new data, for there may be more.
 *
 * With an error, which is final, what is returned came before it (it may be a BYE):
 * IMAPFS_ERROR_PROTOCOL for what is not deflated data, IMAPFS_ERROR_OFFLINE for the end of the
 * stream, with which the server has said all that it will. */
gsize deflate_unpack(ImapDeflate *codec, const guint8 **data, gsize *length, guint8 *buffer,
                     gsize size, GError **error);
