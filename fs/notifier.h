/*
 * notifier.h: telling the kernel what changed behind its back.
 *
 * The kernel's notification calls may wait for locks that a request in the loop's hands would
 * release, so threads of their own make them. These own no state: they take jobs from queues and
 * report back to the loop.
 */
#pragma once

#include <glib.h>

#include "imapfs/wait.h"

struct fuse_session;

typedef struct Notifier Notifier;

/* Starts the threads. @session must outlive the notifier, and be mounted while jobs are queued. */
Notifier *notifier_new(struct fuse_session *session);

/* From now on no job is begun: to be called before the session is unmounted. */
void notifier_stop(Notifier *notifier);

/* Finishes the job in hand, forgets the others. The session must be unmounted, so that nothing
 * blocks. */
void notifier_free(Notifier *notifier);

/* Directory @parent has no entry @name (it was @child) any more; inotify watchers hear of it. */
void notifier_entry_gone(Notifier *notifier, guint64 parent, guint64 child, const char *name);

/* Directory @parent may have an entry @name, which the kernel may believe is not there. */
void notifier_entry_came(Notifier *notifier, guint64 parent, const char *name);

/* What the kernel has of the listing of @directory is to be asked for again, also by those who have
 * it open. */
void notifier_listing_changed(Notifier *notifier, guint64 directory);

/* The attributes of @node are to be asked for again. */
void notifier_attributes_changed(Notifier *notifier, guint64 node);

/* CACHE_READY once the kernel has been told of all attributes that changed of @node; 0: of any. */
CacheResult notifier_await(Notifier *notifier, guint64 node, Waiter *waiter);
