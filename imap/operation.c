/*
 * Operations: jobs made of commands, and the rule by which they are repeated.
 *
 * Only a connection that ended (IMAPFS_ERROR_OFFLINE) is a reason to repeat, and only once: a
 * server that hangs has cost the user a time-out already, and what a server refuses it refuses
 * again. A command that must not be carried out twice, once any of it was sent, ends with
 * IMAPFS_ERROR_UNKNOWN instead (session.c), and that is never repeated.
 */
#include "operation.h"

#define MAX_RUNS   2
#define MAX_ROUNDS 3
#define MAX_LOST   16

static void operation_end_run(Operation *operation, gboolean lost);

static void
operation_run(ImapJob *job, ImapSession *session)
{
	Operation *operation = (Operation *)job;

	operation->session = session;
	operation->n_runs++;
	operation->n_completed = session_traffic(session)->n_completed;
	operation->was_open = session_selected(session)->open;
	operation->n_changes = session_selected(session)->n_changes;
	operation->n_complaints = session_selected(session)->n_complaints;
	operation->outdated = FALSE;
	operation->mismatched = FALSE;
	operation->session_used = FALSE;
	operation->once = FALSE;
	operation->refused = FALSE;
	operation->n_pending = 1; /* held while commands are being added */
	operation->start(operation);
	if (--operation->n_pending == 0) /* there was nothing to send */
		operation_end_run(operation, FALSE);
}

static void
operation_fail(ImapJob *job, const GError *error)
{
	Operation *operation = (Operation *)job;

	operation->finish(operation, error);
}

static void
operation_init(Operation *operation, ImapPool *pool)
{
	operation->pool = pool;
	operation->job.run = operation_run;
	operation->job.fail = operation_fail;
}

void
operation_submit(Operation *operation, ImapPool *pool, const char *mailbox, guint32 uidvalidity)
{
	operation_init(operation, pool);
	operation->mailbox = g_strdup(mailbox);
	operation->uidvalidity = uidvalidity;
	operation->job.mailbox = operation->mailbox;
	pool_submit(pool, &operation->job);
}

void
operation_refuse(Operation *operation, ImapPool *pool, GError *error)
{
	operation_init(operation, pool);
	pool_refuse(pool, &operation->job, error);
}

void
operation_fail_run(Operation *operation, GError *error)
{
	if (operation->error)
		g_error_free(error);
	else
		operation->error = error;
}

static void
operation_repeat(Operation *operation)
{
	g_clear_error(&operation->error);
	pool_submit(operation->pool, &operation->job);
}

void
operation_submit_again(Operation *operation)
{
	operation->n_runs = 0;
	operation_repeat(operation);
}

void
operation_finish_later(Operation *operation)
{
	pool_refuse(operation->pool, &operation->job, NULL);
}

void
operation_clear(Operation *operation)
{
	g_free(operation->mailbox);
	g_clear_error(&operation->error);
}

void
operation_send(Operation *operation, ImapCommand *command)
{
	operation->n_pending++;
	operation->session_used = TRUE;
	operation->once |= command->once;
	session_send(operation->session, command);
}

void
operation_doubt_mailbox(Operation *operation)
{
	operation->mismatched = TRUE;
	operation_fail_run(operation, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
	                                          "the server has lost the mailbox"));
}

gboolean
operation_mailbox_valid(Operation *operation)
{
	const ImapSelected *selected = session_selected(operation->session);

	if (!selected->open)
		return FALSE;
	if (!operation->uidvalidity || selected->uidvalidity == operation->uidvalidity)
		return TRUE;
	operation->mismatched = TRUE;
	operation_fail_run(operation,
	                   g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE,
	                               "the mailbox is another one now (UIDVALIDITY %u, was %u)",
	                               selected->uidvalidity, operation->uidvalidity));
	return FALSE;
}

/* Whatever a connection ends of, it is no verdict on what it was to carry. */
static GError *
operation_copy_error(const Operation *operation, gboolean answered, const GError *error)
{
	GError *copy = g_error_copy(error);

	if (!answered && operation->job.can_wait && copy->code != IMAPFS_ERROR_TIMED_OUT &&
	    copy->code != IMAPFS_ERROR_INTERRUPTED && copy->code != IMAPFS_ERROR_UNKNOWN)
		copy->code = IMAPFS_ERROR_OFFLINE;
	return copy;
}

/* If the mailbox could not be opened, that is the reason for whatever failed after it, and what
 * went well after it means nothing. */
static void
operation_note_error(Operation *operation, gboolean answered, const GError *error)
{
	gboolean needs_mailbox = operation->mailbox && !operation->any_mailbox;
	const GError *cause = needs_mailbox ? session_select_error(operation->session) : NULL;

	if (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN)) {
		g_clear_error(&operation->error);
		cause = error; /* it counts for more than any other */
	}
	if (!operation->error && (cause || error))
		operation->error = operation_copy_error(operation, answered, cause ? cause : error);
}

/* The session has a mailbox selected that has gone under it: then its name may stand for another by
 * now. Some servers only complain of that. */
static gboolean
operation_lost_mailbox(const Operation *operation)
{
	return operation->mismatched ||
	       session_selected(operation->session)->n_complaints != operation->n_complaints;
}

/* A connection that did some work before it broke is no reason to give up: on a line that breaks
 * now and then, what is pipelined gets through bit by bit. */
static gboolean
operation_made_way(Operation *operation)
{
	/* Its own SELECT or NOOP is no way made. */
	return session_traffic(operation->session)->n_completed > operation->n_completed + 1 &&
	       ++operation->n_lost < MAX_LOST;
}

/* What is not known to have failed, or was answered, must not be done twice. */
static gboolean
operation_may_repeat(const Operation *operation, gboolean lost, gboolean stale)
{
	return (lost || (stale && !operation->once)) && operation->n_runs < MAX_RUNS &&
	       !g_error_matches(operation->error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);
}

/* Nothing is repeated for that, but the next one opens the mailbox anew. Dovecot answers once with
 * NO [SERVERBUG] when another mailbox has taken the name, and takes what comes next for that one.
 */
static gboolean
operation_leaves_doubt(const Operation *operation)
{
	const ImapSelected *selected = session_selected(operation->session);

	return (operation->refused && operation->mailbox && !operation->any_mailbox) ||
	       (selected->miscounted && !session_n_commands(operation->session));
}

/* @lost: by the connection. Where nothing was sent this runs inside operation_submit(), and must
 * not call finish() before that has returned. */
static void
operation_end_run(Operation *operation, gboolean lost)
{
	gboolean stale = operation->was_open && operation_lost_mailbox(operation);
	gboolean sent = operation->session_used;

	if (stale || operation_leaves_doubt(operation))
		session_forget_selected(operation->session);
	if (stale && operation->mismatched && operation->mailbox)
		pool_forget_mailbox(operation->pool, operation->mailbox); /* others have it too */
	if (lost && operation_made_way(operation))
		operation->n_runs--;
	pool_job_done(operation->pool, &operation->job, operation->session);
	operation->session = NULL;
	if (operation_may_repeat(operation, lost, stale))
		operation_repeat(operation);
	else if (operation->error && !sent)
		pool_refuse(operation->pool, &operation->job, g_steal_pointer(&operation->error));
	else
		operation->finish(operation, operation->error);
}

void
operation_command_done(Operation *operation, const ImapResponse *tagged, const GError *error)
{
	const ImapSelected *selected = session_selected(operation->session);
	gboolean lost;

	operation_note_error(operation, tagged != NULL, error);
	operation->refused |= tagged && error &&
	                      (operation->job.can_wait ||
	                       g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_LIMIT));
	lost = !tagged && g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE);
	if (--operation->n_pending)
		return;
	operation->outdated = selected->miscounted ||
	                      (operation->was_open && selected->n_changes != operation->n_changes);
	operation_end_run(operation, lost);
}

gboolean
operation_is_outdated(Operation *operation)
{
	return operation->outdated && ++operation->n_rounds < MAX_ROUNDS;
}

void
operation_on_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	operation_command_done(data, tagged, error);
}

void
operation_send_noop(Operation *operation)
{
	static const ImapCommandHandler handler = {.done = operation_on_done};
	ImapCommand *command = command_new("NOOP", &handler, operation);

	command_text(command, "NOOP");
	operation_send(operation, command);
}
