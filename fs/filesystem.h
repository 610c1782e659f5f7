/*
 * filesystem.h: the file system as a whole: what every operation can reach.
 *
 *     fuse-source.c   requests from the kernel, as a source of the main loop
 *     request.c       a request's life: run, park, run again, answer
 *     operations.c    the table that libfuse calls
 *     lookup.c directory.c file.c control.c    the operations that only look
 *     change.c write.c sync.c setattr.c copy.c    those that change something
 *     xattr.c         extended attributes (xattr.h)
 *     settle.c        making a change once, and waiting until it is where it must be
 *     events.c        telling whoever reads .imapfs/events what changed on the server
 *     news.c notifier.c    telling the kernel what changed behind its back: when, and how
 */
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "imapfs/account.h"
#include "imapfs/remote.h"
#include "notifier.h"
#include "options.h"

typedef enum {
	OP_LOOKUP,
	OP_GETATTR,
	OP_OPENDIR,
	OP_READDIR,
	OP_OPEN,
	OP_READ,
	OP_WRITE,
	OP_CHANGE, /* of anything but bytes */
	OP_OTHER,
	N_OPS,
} Op;

typedef struct {
	Account *account;
	Notifier *notifier;
	const Options *options;
	GQueue parked;        /* of Request */
	GPtrArray *released;  /* of fuse_req_t: RELEASE, for whose answer nobody waits */
	guint deadline_timer; /* while requests are parked */
	GHashTable *listed;   /* mailbox id -> version of the listing that the kernel holds */
	GArray *shrunk;      /* of nodes whose attributes the kernel is to hear of a little later */
	guint tell_shrunk;   /* source */
	GHashTable *renewed; /* of nodes (gint64) of whose bytes the kernel may have old pages */
	GHashTable *mapped;  /* of drafts (gint64) written to through memory since RELEASE */
	WaitQueue behind;    /* READs past an end that others are still to be shown (file.c) */
	guint wake_behind;   /* source */
	GQueue holders;      /* of Request, during which the kernel holds locks */
	struct News *news;   /* what the kernel is to hear of directories (news.c) */
	GHashTable
		*snapshots;  /* node -> GBytes: control files as they were looked up (control.c) */
	guint64 n_snapshots; /* ever */
	GHashTable *streams; /* node -> Stream: .imapfs/events as it was looked up (events.c) */
	guint n_streams_open;
	RemoteWatching watching;
	guint64 n_requests[N_OPS];
	gint64 mounted_at; /* seconds since 1970 */
} FileSystem;

FileSystem *filesystem_new(const Options *options);
void filesystem_free(FileSystem *fs);

/* Somebody reads: what the kernel is to hear of files that shrank, it hears when nobody has read
 * for a while. */
void filesystem_put_off(FileSystem *fs);

/* The table for fuse_session_new(); its user data is a FileSystem with account and notifier set. */
extern const struct fuse_lowlevel_ops filesystem_operations;

/* The names and events that an Account wants; data is a FileSystem. */
extern const AccountEvents filesystem_events;
const NameRules *filesystem_name_rules(const Options *options);
