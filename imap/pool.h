/*
 * pool.h: the connections to one account, and who may use which.
 *
 * Work comes as jobs. The pool gives a job to a session that has its mailbox selected, else to an
 * idle one, else makes a new connection while the account allows it. It keeps at least one
 * connection while the server lets it, closes others when they idle, reconnects with growing
 * delays, and while there is no connection and none can be made, refuses jobs at once instead of
 * letting them wait.
 */
#pragma once

#include "session.h"

typedef struct ImapPool ImapPool;
typedef struct ImapJob ImapJob;

/* How long a job keeps a session busy: nobody who is in a hurry is put behind a long one. */
typedef enum {
	JOB_SHORT,
	JOB_LISTING, /* a whole mailbox is listed */
	JOB_SENDING, /* a large message is sent */
	JOB_AHEAD, /* messages are read before anybody wants them; one behind another on one session
	            */
	JOB_ALONE, /* short, but nothing else is said on its session, as it judges what it hears */
} ImapJobKind;

struct ImapJob {
	const char *mailbox; /* server's bytes, owned by the job; NULL: any session will do */
	gint64 submitted_us; /* the pool's: monotonic */
	ImapJobKind kind;
	gboolean can_wait; /* and be tried again later: a refused login is told as
	                    * IMAPFS_ERROR_OFFLINE, so that it does not look like a refused job */
	GError *refusal;   /* the pool's: what fail() is about to be told */
	/* Send the commands now. With a mailbox, that one is selected, or its SELECT is on the way.
	 */
	void (*run)(ImapJob *job, ImapSession *session);
	/* No connection: IMAPFS_ERROR_OFFLINE, _DENIED or _INTERRUPTED. Or refused. */
	void (*fail)(ImapJob *job, const GError *error);
};

/* How the first connection went: NULL once its session is ready. */
typedef void (*ImapPoolListener)(const GError *error, gpointer data);

/* A connection has logged in, or one has ended: the pool may be on or off line now. */
typedef void (*ImapPoolObserver)(gpointer data);

ImapPool *pool_new(const ImapSettings *settings, SSL_CTX *context);
void pool_free(ImapPool *pool);

/* Makes the first connection; @listener hears once how that went. */
void pool_start(ImapPool *pool, ImapPoolListener listener, gpointer data);

/* Queues @job; run() or fail() is called later, exactly once. */
void pool_submit(ImapPool *pool, ImapJob *job);

/* Calls the job's fail() at the next turn of the loop, instead of running it. Takes @error, which
 * may be NULL. */
void pool_refuse(ImapPool *pool, ImapJob *job, GError *error);

/* The job's last command has ended. */
void pool_job_done(ImapPool *pool, ImapJob *job, ImapSession *session);

/* Whether one more long job would probably get a connection of its own. */
gboolean pool_has_room(const ImapPool *pool);

/* The mailbox of that name is gone, or another one, and so are those below it: whoever wants one
 * of them selects it anew. */
void pool_forget_mailbox(ImapPool *pool, const char *mailbox);

/* This machine has slept: asks every connection whether it lives, and waits only a short while for
 * that and for whatever else is on its way there. */
void pool_doubt_connections(ImapPool *pool);

const ImapSettings *pool_settings(const ImapPool *pool);

/* Whether no connection could be made lately, or none is to be made. */
gboolean pool_is_offline(const ImapPool *pool);

/* One observer; NULL: none. */
void pool_set_observer(ImapPool *pool, ImapPoolObserver observer, gpointer data);

/* What the server could do at the last login; 0 before the first. */
RemoteCapabilities pool_capabilities(const ImapPool *pool);

/* Appends "name: value" lines. */
void pool_status(ImapPool *pool, GString *text);
