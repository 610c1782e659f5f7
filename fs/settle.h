/*
 * settle.h: making a change once, and waiting until it is where it must be.
 *
 * A handler runs from its top as often as it takes, but must change things once: so it asks
 * request_made() with what the cache answered, and from then on request->changed is set. Then the
 * caller waits, for the journal's file or for the server, as the mount's options say.
 */
#pragma once

#include "request.h"

/* The cache was asked for a change, with &request->change: TRUE once it is made. FALSE: the handler
 * returns at once, as with request_go_on(). */
gboolean request_made(Request *request, CacheResult result, GError **error);

/* TRUE once the caller may be told of the change: it is in the journal's file, or with -o sync, and
 * where there is no such file, carried out. FALSE as above. */
gboolean request_settled(Request *request);

/* TRUE once the kernel knows what attributes changed, of all files and of this one. */
gboolean request_told(Request *request);

/* TRUE once what was written to @draft is a message on the server, or with -o writeback on stable
 * storage here. FALSE as above. */
gboolean request_delivered(Request *request, guint64 draft);

/* The mailbox that is directory @node, in which something is to be changed. NULL: it cannot be, and
 * the request is answered. */
Mailbox *request_directory(Request *request, fuse_ino_t node, const char *name);
