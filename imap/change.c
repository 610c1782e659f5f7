/*
 * Changes: an operation waits for the mailbox that it is about to change.
 *
 *     no messages are named, mailbox open already, and the right one --> start()
 *     NOOP, perhaps behind a SELECT --its reply--> start(), or the end, or once more from SELECT on
 *
 * Behind a SELECT the NOOP costs no round trip of its own, and it holds the session: nobody else
 * selects another mailbox there in the meantime. Where the mailbox is open already, the round trip
 * is the price of not touching the wrong messages: in the meantime it may have been deleted, and
 * another one made of its name. Dovecot takes UIDs for that one's then, and says no more than
 * '* NO Internal error', in reply to whatever comes first.
 */
#include "change.h"

#include "uid-set.h"

#define LEAST_ROOM 1000 /* bytes for UIDs, however long the rest of a command is */
#define WORDS      128  /* bytes for the tag and the command's own words */

/* Whether the mailbox is as it must be; says what is wrong. */
static gboolean
change_may_start(Change *change)
{
	Operation *operation = &change->operation;

	if (!operation_mailbox_valid(operation)) {
		if (!session_selected(operation->session)->open &&
		    !session_select_error(operation->session))
			operation_fail_run(operation,
			                   g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
			                               "no answer to SELECT"));
		return FALSE;
	}
	if (!session_selected(operation->session)->read_only)
		return TRUE;
	operation_fail_run(operation, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_READ_ONLY,
	                                          "the server has opened the mailbox read-only"));
	return FALSE;
}

/* What is complained of behind a SELECT of this run's is not the mailbox. */
static gboolean
change_is_in_doubt(const Change *change)
{
	const ImapSelected *selected = session_selected(change->operation.session);

	return change->operation.was_open && selected->n_complaints != selected->opened_complaints;
}

static void
on_opened(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Change *change = data;

	change->operation.n_completed++; /* it is no way made */
	if (!error && change_is_in_doubt(change))
		operation_doubt_mailbox(&change->operation);
	else if (!error && change_may_start(change))
		change->start(change);
	operation_command_done(&change->operation, tagged, error);
}

static const ImapCommandHandler opened_handler = {.done = on_opened};

static void
change_start(Operation *operation)
{
	Change *change = (Change *)operation;
	ImapCommand *command;

	if (!operation->mailbox || operation->any_mailbox) {
		change->start(change);
		return;
	}
	if (session_selected(operation->session)->open && !change->pieces) {
		if (change_may_start(change))
			change->start(change);
		return;
	}
	command = command_new("NOOP", &opened_handler, change);
	command_text(command, "NOOP");
	operation_send(operation, command);
}

void
change_submit(Change *change, ImapPool *pool, const char *mailbox, guint32 uidvalidity)
{
	change->operation.start = change_start;
	change->operation.job.can_wait = TRUE;
	if (pool_settings(pool)->read_only)
		change_refuse(change, pool,
		              g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_READ_ONLY,
		                          "the account is mounted read-only"));
	else
		operation_submit(&change->operation, pool, mailbox, uidvalidity);
}

void
change_refuse(Change *change, ImapPool *pool, GError *error)
{
	operation_refuse(&change->operation, pool, error);
}

static void
piece_free(gpointer data)
{
	ChangePiece *piece = data;

	g_free(piece->uids);
	g_free(piece);
}

void
change_split_uids(Change *change, const guint32 *uids, guint n_uids, gsize n_other)
{
	gsize room = CHANGE_MAX_LINE - WORDS - MIN(n_other, CHANGE_MAX_LINE - WORDS);
	g_autoptr(UidSet) set = uid_set_new();
	g_autoptr(GPtrArray) strings = NULL;

	for (guint i = 0; i < n_uids; i++)
		uid_set_add(set, uids[i]);
	strings = uid_set_to_strings(set, MAX(room, LEAST_ROOM));
	change->pieces = g_ptr_array_new_with_free_func(piece_free);
	for (guint i = 0; i < strings->len; i++) {
		ChangePiece *piece = g_new0(ChangePiece, 1);

		piece->change = change;
		piece->uids = g_strdup(strings->pdata[i]);
		g_ptr_array_add(change->pieces, piece);
	}
}

void
change_send_pieces(Change *change, const char *name, const ImapCommandHandler *handler,
                   void (*write)(ChangePiece *piece, ImapCommand *command))
{
	for (guint i = 0; i < change->pieces->len; i++) {
		ChangePiece *piece = change->pieces->pdata[i];
		ImapCommand *command;

		if (change->once && piece->answered)
			continue;
		piece->answered = FALSE;
		command = command_new(name, handler, piece);
		command->once = change->once;
		write(piece, command);
		operation_send(&change->operation, command);
	}
}

void
change_piece_done(ChangePiece *piece, const ImapResponse *tagged, const GError *error)
{
	Change *change = piece->change;

	piece->answered = tagged != NULL;
	if (tagged && error && change->once && !change->refusal)
		change->refusal = g_error_copy(error);
	operation_command_done(&change->operation, tagged, error);
}

const GError *
change_verdict(const Change *change, const GError *error)
{
	gboolean unknown = g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);

	return change->refusal && !unknown ? change->refusal : error;
}

void
change_clear(Change *change)
{
	g_clear_pointer(&change->pieces, g_ptr_array_unref);
	g_clear_error(&change->refusal);
	operation_clear(&change->operation);
}
