/*
 * watcher.h: the connections on which the server tells what others change.
 *
 * They are none of the pool's and never carry its work; they log in like those, once the pool has
 * shown that the server lets this user in and what it can do. With NOTIFY (RFC 5465) there is one,
 * for all mailboxes; else there are a few, each of which opens one mailbox and says IDLE (RFC
 * 2177). What the server says on them is only a sign that there is something new.
 *
 * All calls return at once; the handler is called from the main loop only.
 */
#pragma once

#include "pool.h"

typedef struct Watcher Watcher;

typedef struct {
	gint64 renewal_us; /* before a silent connection is forgotten on its way (NAT) */
	gint64 answer_us;  /* for the server to answer that */
	gint64 resumed_us; /* the same after this machine slept, when the line is probably dead */
	gint64 settled_us; /* a connection that stood so long has not failed */
	gint64 no_more_us; /* the server wants fewer connections: for so long */
	gint64 refused_us; /* until what was refused is asked for again, the first time */
	gint64 (*slept_us)(void); /* how long this machine has slept in all */
} WatcherTimes;

extern const WatcherTimes watcher_times;

/* All stay the caller's and must outlive the watcher, the pool's observer included. */
Watcher *watcher_new(ImapPool *pool, const ImapSettings *settings, SSL_CTX *context,
                     const WatcherTimes *times);
void watcher_free(Watcher *watcher);

/* As in RemoteOperations (imapfs/remote.h). */
void watcher_watch(Watcher *watcher, const char *const *mailboxes,
                   const RemoteWatchHandler *handler, gpointer data);
gboolean watcher_watches(const Watcher *watcher, const char *mailbox);

/* This machine may have slept: if so, asks every connection whether it lives, the pool's as well.
 */
void watcher_look_for_sleep(Watcher *watcher);

/* Appends a line. */
void watcher_status(const Watcher *watcher, GString *text);
