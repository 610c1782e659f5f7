/*
 * events.h: .imapfs/events, a file that never ends: one JSON object a line for each change on the
 * server (events.c).
 */
#pragma once

#include "request.h"

#define EVENTS_NAME "events"

/* The answer to a lookup: a new node, which is a stream of its own from its opening on. */
void events_lookup(Request *request);

/* Whether @node is such a stream. The others are about such nodes only. */
gboolean events_has(const FileSystem *fs, fuse_ino_t node);
void events_getattr(Request *request);
void events_open(Request *request);
void events_read(Request *request);
void events_release(FileSystem *fs, fuse_ino_t node);
void events_forget(FileSystem *fs, fuse_ino_t node);

/* The answer to a POLL of any node. */
void events_poll(fuse_req_t req, fuse_ino_t node, struct fuse_pollhandle *handle);

/* What is told to all that are open. */
void events_changed(FileSystem *fs, AccountChange change, const Mailbox *mailbox,
                    const Message *message);
void events_watching(FileSystem *fs, RemoteWatching watching);

/* The kernel asks for nothing any more. */
void events_end(FileSystem *fs);

void events_stream_free(gpointer stream);
