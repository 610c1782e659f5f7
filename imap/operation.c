/*
 * Operations: jobs made of commands, and the rule by which they are repeated.
 *
 * Only a connection that ended (IMAPFS_ERROR_OFFLINE) is a reason to repeat, and only once: a
 * server that hangs has cost the user a time-out already, and what a server refuses it refuses
 * again.
 */
#include "operation.h"

#define MAX_RUNS   2
#define MAX_ROUNDS 3
#define MAX_LOST   16

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
	operation->n_pending = 1; /* held while commands are being added */
	operation->start(operation);
	if (--operation->n_pending == 0) { /* there was nothing to send */
		pool_job_done(operation->pool, job, session);
		operation->finish(operation, operation->error);
	}
}

static void
operation_fail(ImapJob *job, const GError *error)
{
	Operation *operation = (Operation *)job;

	operation->finish(operation, error);
}

void
operation_submit(Operation *operation, ImapPool *pool, const char *mailbox, guint32 uidvalidity)
{
	operation->pool = pool;
	operation->mailbox = g_strdup(mailbox);
	operation->uidvalidity = uidvalidity;
	operation->job.mailbox = operation->mailbox;
	operation->job.run = operation_run;
	operation->job.fail = operation_fail;
	pool_submit(pool, &operation->job);
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
operation_clear(Operation *operation)
{
	g_free(operation->mailbox);
	g_clear_error(&operation->error);
}

void
operation_send(Operation *operation, ImapCommand *command)
{
	operation->n_pending++;
	session_send(operation->session, command);
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
	if (!operation->error)
		operation->error =
			g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE,
		                    "the mailbox is another one now (UIDVALIDITY %u, was %u)",
		                    selected->uidvalidity, operation->uidvalidity);
	return FALSE;
}

/* If the mailbox could not be opened, that is the reason for whatever failed after it, and what
 * went well after it means nothing. */
static void
operation_note_error(Operation *operation, const GError *error)
{
	const GError *cause = operation->mailbox ? session_select_error(operation->session) : NULL;

	if (!operation->error && (cause || error))
		operation->error = g_error_copy(cause ? cause : error);
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

void
operation_command_done(Operation *operation, const ImapResponse *tagged, const GError *error)
{
	const ImapSelected *selected = session_selected(operation->session);
	gboolean lost, stale;

	operation_note_error(operation, error);
	lost = !tagged && g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE);
	if (--operation->n_pending)
		return;
	operation->outdated = selected->miscounted ||
	                      (operation->was_open && selected->n_changes != operation->n_changes);
	stale = operation->was_open && operation_lost_mailbox(operation);
	if (stale || (selected->miscounted && !session_n_commands(operation->session)))
		session_forget_selected(operation->session);
	if (lost && operation_made_way(operation))
		operation->n_runs--;
	pool_job_done(operation->pool, &operation->job, operation->session);
	operation->session = NULL;
	if ((lost || stale) && operation->n_runs < MAX_RUNS)
		operation_repeat(operation);
	else
		operation->finish(operation, operation->error);
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
