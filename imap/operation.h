/*
 * operation.h: what a Remote's operations have in common.
 *
 * An operation is a job that sends one or more commands at once. When the last has ended, finish()
 * is called with the first error among them; where the connection was lost under it and the
 * operation is safe to repeat (all that read are, and whatever has not been sent), it has first
 * been run again, once.
 */
#pragma once

#include "pool.h"

typedef struct Operation Operation;

struct Operation {
	ImapJob job; /* first, so that a job is its operation */
	ImapPool *pool;
	char *mailbox;         /* server's bytes, or NULL */
	guint32 uidvalidity;   /* that the mailbox must have; 0: any */
	ImapSession *session;  /* while commands are in flight */
	gboolean session_used; /* this run has sent something */
	gboolean once;         /* and among that a command that must not be carried out twice */
	gboolean refused;      /* one was, in a way that may mean that the mailbox is lost */
	guint n_pending;
	guint n_runs;         /* of this round */
	guint n_lost;         /* runs that a lost connection ended */
	guint64 n_completed;  /* by the session, before this run */
	GError *error;        /* the first one of this run */
	guint64 n_changes;    /* of the mailbox, before this run */
	guint64 n_complaints; /* likewise */
	gboolean was_open;    /* it was selected already */
	gboolean outdated;    /* it changed during the run: see operation_is_outdated() */
	guint n_rounds;       /* that were outdated */
	gboolean mismatched;  /* this run met another UIDVALIDITY */
	gboolean any_mailbox; /* whether the mailbox can be opened does not matter */
	/* Sends the commands, each with operation_send(). Called again for a repetition. */
	void (*start)(Operation *operation);
	/* The end: @error is the operation's, NULL if all went well. Frees the operation. */
	void (*finish)(Operation *operation, const GError *error);
};

/* Sets up the fields above (zeroed by the caller) and queues the operation. @mailbox is copied. */
void operation_submit(Operation *operation, ImapPool *pool, const char *mailbox,
                      guint32 uidvalidity);

/* Runs a further round of commands, on any session. To be called from finish() instead of freeing.
 */
void operation_submit_again(Operation *operation);

/* Calls finish() again at the next turn of the loop, without an error. Likewise. */
void operation_finish_later(Operation *operation);

/* Releases what operation_submit() took, not @operation itself. */
void operation_clear(Operation *operation);

/* The same for an operation that cannot be: finish() is called with @error, which is taken, from
 * the main loop. */
void operation_refuse(Operation *operation, ImapPool *pool, GError *error);

/* In start() or done(): this run has failed, which what was sent does not tell by itself. Takes
 * @error; the first one of a run counts. */
void operation_fail_run(Operation *operation, GError *error);

/* Sends @command as one of the operation's. Its handler's done() must call
 * operation_command_done(). */
void operation_send(Operation *operation, ImapCommand *command);

/* To be called from done(): @error as it came. May call finish(): touch nothing afterwards. */
void operation_command_done(Operation *operation, const ImapResponse *tagged, const GError *error);

/* That done(), for commands of which nothing else is to be noted; @data is the Operation. */
void operation_on_done(const ImapResponse *tagged, const GError *error, gpointer data);

/* Sends NOOP (RFC 3501 6.1.2) as one of the operation's commands. */
void operation_send_noop(Operation *operation);

/* In start() or done(): the mailbox may have become another one under the session: it is opened
 * anew, and the operation run again there, if that was not its second run. */
void operation_doubt_mailbox(Operation *operation);

/* Whether the mailbox now selected is the one that the operation means; if not, the operation will
 * end with IMAPFS_ERROR_STALE (or why it could not be opened), and what came must not be used. */
gboolean operation_mailbox_valid(Operation *operation);

/* In finish(): whether the answer may be older than the question, so that another round is worth
 * while. A server may carry out pipelined commands together, and then a NOOP brings its news only
 * after the command behind it has been answered from the old view (Dovecot does so). Says so a few
 * times only. */
gboolean operation_is_outdated(Operation *operation);
