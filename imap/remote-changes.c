/*
 * The modseq that is reported must never be later than what was told, or a change is lost for good.
 * So it is the HIGHESTMODSEQ of a time before the question was answered (of SELECT, or as it stood
 * when the commands left), or the largest in a complete answer to CHANGEDSINCE, which leaves before
 * the question for new messages, so that these are not told in an older state. What the server says
 * of its HIGHESTMODSEQ in the middle of it counts the next time.
 */
#include "remote-changes.h"

static ChangesMode
changes_mode(const Changes *changes, const Operation *operation)
{
	if (!changes->wanted || !changes->until)
		return CHANGES_NONE;
	if (changes->only_all || !changes->since_modseq ||
	    session_lacks_modseqs(operation->session))
		return CHANGES_ALL;
	return session_has_qresync(operation->session) ? CHANGES_VANISHED : CHANGES_SINCE;
}

static gboolean
changes_are_since(const Changes *changes)
{
	return changes->mode >= CHANGES_SINCE;
}

void
changes_begin(Changes *changes, const Operation *operation)
{
	changes->mode = changes_mode(changes, operation);
	changes->began_modseq = session_selected(operation->session)->highestmodseq;
	changes->largest_modseq = changes->highestmodseq = 0;
	changes->answered = changes->ended = changes->failed = changes->missed = FALSE;
}

ImapCommand *
changes_command(const Changes *changes, const ImapCommandHandler *handler, gpointer data)
{
	ImapCommand *command = command_new("FETCH", handler, data);

	command_text(command, "UID FETCH 1:%u (UID FLAGS)", changes->until);
	if (changes_are_since(changes))
		command_text(command, " (CHANGEDSINCE %" G_GUINT64_FORMAT "%s)",
		             changes->since_modseq,
		             changes->mode == CHANGES_VANISHED ? " VANISHED" : "");
	return command;
}

/* Without a UID nobody knows whose flags they are (sequence numbers are not kept): once they may be
 * newer than what was told, it takes another question. */
gboolean
changes_take(Changes *changes, const ImapFetch *fetch)
{
	if (changes->mode == CHANGES_NONE || fetch->uid > changes->until ||
	    !(fetch->has_flags || fetch->has_modseq))
		return FALSE;
	if (!fetch->uid) {
		changes->missed |= fetch->has_flags && changes->answered;
		return FALSE;
	}
	changes->answered |= fetch->has_flags;
	if (fetch->has_modseq && !changes->ended)
		changes->largest_modseq = MAX(changes->largest_modseq, fetch->modseq);
	return TRUE;
}

/* RFC 7162 3.1.2.2: a mailbox without mod-sequences answers BAD, and has said NOMODSEQ. One that
 * has gone back in time (restored from a backup) does not know what is new. */
static gboolean
changes_mean_nothing(const Operation *operation, const Changes *changes)
{
	const ImapSelected *selected = session_selected(operation->session);

	return selected->lacks_modseqs || (!operation->was_open && selected->opened_modseq &&
	                                   selected->opened_modseq < changes->since_modseq);
}

static gboolean
is_refusal(const GError *error)
{
	return g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED) ||
	       g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED);
}

const GError *
changes_end(Changes *changes, const Operation *operation, const GError *error)
{
	changes->answered = changes->ended = TRUE;
	if (!changes_are_since(changes) || !session_selected(operation->session)->open)
		return error;
	if (is_refusal(error)) {
		session_forget_modseqs(operation->session);
		changes->failed = TRUE;
		return NULL;
	}
	if (!error && changes_mean_nothing(operation, changes))
		changes->failed = TRUE;
	return error;
}

void
changes_conclude(Changes *changes, const Operation *operation)
{
	const ImapSelected *selected = session_selected(operation->session);
	guint64 base = operation->was_open ? changes->began_modseq : selected->opened_modseq;

	if (selected->lacks_modseqs)
		changes->highestmodseq = 0;
	else if (changes_are_since(changes))
		changes->highestmodseq =
			MAX(base, MAX(changes->largest_modseq, changes->since_modseq));
	else if (changes->mode == CHANGES_NONE && changes->until)
		changes->highestmodseq = changes->since_modseq; /* nothing was told of them */
	else
		changes->highestmodseq = base;
}
