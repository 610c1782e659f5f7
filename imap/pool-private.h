/*
 * pool-private.h: the parts of the pool that its files share.
 *
 *     pool.c         connections: making, keeping and ending them; jobs
 *     pool-choose.c  which session a job gets
 *     pool-ahead.c   whether two are to read ahead
 */
#pragma once

#include "backoff.h"
#include "pace.h"
#include "pool.h"

typedef struct {
	ImapPool *pool;
	ImapSession *session;
	guint n_long;     /* long jobs that run on it, all of one kind */
	ImapJobKind kind; /* of these */
	gboolean ready;
} PoolMember;

/* Messages that are read before anybody wants them. */
typedef struct {
	guint n_jobs;        /* under way */
	gint64 quiet_us;     /* monotonic; since when there have been none */
	gint64 paused_us;    /* how long there were none, in all, since it is measured */
	guint n_connections; /* that may be at it for one mailbox */
	gboolean joined;     /* the last of them is at work */
	Pace pace;           /* bytes */
} PoolAhead;

struct ImapPool {
	const ImapSettings *settings;
	ImapSettings compressed; /* the same with COMPRESS, for a slow line */
	gboolean slow;           /* the line is, and compression is left to us */
	SSL_CTX *context;
	GPtrArray *members; /* of PoolMember */
	GQueue jobs;        /* waiting, oldest first */
	GQueue refused;     /* jobs whose fail() is to be called */
	gboolean offline;
	GError *reason; /* why offline */
	guint retry;    /* source of the next attempt */
	Backoff backoff;
	gint64 attempted_us;
	gboolean closing;
	gint64 no_more_until_us; /* no further connections before that */
	guint housekeeping;
	guint refuse; /* source that refuses waiting jobs */
	guint tell;   /* source that tells those refused */
	RemoteCapabilities capabilities;
	ImapPoolListener listener;
	gpointer listener_data;
	ImapPoolObserver observer;
	gpointer observer_data;
	guint64 n_connections; /* ever */
	PoolAhead ahead;
};

/* --- pool-choose.c --- */

gboolean pool_member_is_usable(const PoolMember *member);
gboolean pool_member_has_selected(const PoolMember *member, const char *mailbox);

/* The best session for @job, NULL: none. @may_wait: also one on which it waits for others. */
PoolMember *pool_choose(ImapPool *pool, const ImapJob *job, gboolean may_wait);

/* Members at work for long. */
guint pool_n_taken(const ImapPool *pool);

/* --- pool-ahead.c --- */

/* A batch is about to be read ahead by @member; one has ended. */
void pool_ahead_begin(PoolMember *member);
void pool_ahead_end(ImapPool *pool);

/* Another batch is asked for: whether one more connection is to share in them from now on. */
gboolean pool_ahead_wants_another(ImapPool *pool);
