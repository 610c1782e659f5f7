/*
 * Messages into another mailbox: UID MOVE (RFC 6851), else UID COPY (RFC 3501 6.4.7).
 *
 * Many messages go in several commands, sent one behind another. Where the messages have gone the
 * server tells in a COPYUID code (RFC 4315), tagged for COPY, untagged for MOVE, and sometimes the
 * other way round, so both are listened to.
 *
 * A message must never be copied twice: a command that has been answered, or of which any part was
 * sent, is not sent again.
 */
#include "change.h"
#include "remote-operations.h"

#include <string.h>

typedef struct {
	Change change;
	const RemoteTransferHandler *handler;
	gpointer data;
	char *to;
	gboolean move;        /* wanted */
	gboolean moves;       /* and what was sent does so */
	GHashTable *missing;  /* UIDs that have not been told of */
	gboolean carried_out; /* a command was */
	guint32 to_uidvalidity;
} Transfer;

static void
on_pair(guint32 uid, guint32 new_uid, gpointer data)
{
	Transfer *transfer = data;

	if (g_hash_table_remove(transfer->missing, GUINT_TO_POINTER(uid)))
		transfer->handler->transferred(uid, new_uid, transfer->data);
}

/* Whether it has a COPYUID that is about these messages. */
static gboolean
transfer_take_code(Transfer *transfer, const ImapResponse *response)
{
	guint n_missing = g_hash_table_size(transfer->missing);
	guint32 uidvalidity;

	if (!imap_copyuid_parse(response, n_missing, &uidvalidity, on_pair, transfer) ||
	    g_hash_table_size(transfer->missing) == n_missing)
		return FALSE;
	transfer->to_uidvalidity = uidvalidity;
	return TRUE;
}

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	return transfer_take_code((Transfer *)((ChangePiece *)data)->change, response);
}

static void
on_transferred(const ImapResponse *tagged, const GError *error, gpointer data)
{
	ChangePiece *piece = data;
	Transfer *transfer = (Transfer *)piece->change;

	if (tagged)
		transfer_take_code(transfer, tagged);
	transfer->carried_out |= tagged && !error;
	change_piece_done(piece, tagged, error);
}

static const ImapCommandHandler transfer_handler = {
	.untagged = on_untagged,
	.done = on_transferred,
};

static void
transfer_write(ChangePiece *piece, ImapCommand *command)
{
	command_text(command, "UID %s %s ", command->name, piece->uids);
	command_astring(command, ((Transfer *)piece->change)->to);
}

static void
transfer_start(Change *change)
{
	Transfer *transfer = (Transfer *)change;

	transfer->moves = transfer->move && session_offers(change->operation.session, "MOVE");
	change_send_pieces(change, transfer->moves ? "MOVE" : "COPY", &transfer_handler,
	                   transfer_write);
}

/* Where nothing is told of what went well, nobody knows what is still to be done. */
static GError *
transfer_verdict(const Transfer *transfer, const GError *error)
{
	const GError *verdict = change_verdict(&transfer->change, error);

	if (!verdict)
		return NULL;
	if (!transfer->carried_out || transfer->to_uidvalidity)
		return g_error_copy(verdict);
	return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN,
	                   "not all was carried out, and of what is not known: %s",
	                   verdict->message);
}

static void
transfer_finish(Operation *operation, const GError *error)
{
	Transfer *transfer = (Transfer *)operation;
	g_autoptr(GError) verdict = transfer_verdict(transfer, error);

	transfer->handler->done(transfer->to_uidvalidity, transfer->moves, verdict, transfer->data);
	change_clear(&transfer->change);
	g_hash_table_unref(transfer->missing);
	g_free(transfer->to);
	g_free(transfer);
}

void
remote_transfer(ImapPool *pool, const RemoteTransfer *arguments,
                const RemoteTransferHandler *handler, gpointer data)
{
	Transfer *transfer = g_new0(Transfer, 1);
	Change *change = &transfer->change;

	g_assert(arguments->from_uidvalidity && arguments->n_uids);
	transfer->handler = handler;
	transfer->data = data;
	transfer->to = g_strdup(arguments->to);
	transfer->move = arguments->move;
	transfer->missing = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < arguments->n_uids; i++)
		g_hash_table_add(transfer->missing, GUINT_TO_POINTER(arguments->uids[i]));
	change_split_uids(change, arguments->uids, arguments->n_uids, 2 * strlen(arguments->to));
	change->once = TRUE;
	change->start = transfer_start;
	change->operation.finish = transfer_finish;
	change_submit(change, pool, arguments->from, arguments->from_uidvalidity);
}
