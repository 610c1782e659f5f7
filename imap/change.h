/*
 * change.h: what the operations that change the account have in common.
 *
 * A change is an Operation that is refused on a read-only mount, and whose commands wait until the
 * session has the mailbox open, as the one that is meant, and not read-only. So a UID can never
 * reach a mailbox that has taken another's name (UIDVALIDITY, RFC 3501 2.3.1.1).
 */
#pragma once

#include "operation.h"

/* Bytes of a command: what every server takes (RFC 2683 3.2.1.5, RFC 7162 4). */
#define CHANGE_MAX_LINE 8000

typedef struct Change Change;

/* The messages of one command. */
typedef struct {
	Change *change;
	char *uids; /* "1:3,7" */
	gboolean answered;
} ChangePiece;

struct Change {
	Operation operation; /* first */
	/* Sends the commands, as Operation's start(), which the caller leaves NULL. */
	void (*start)(Change *change);
	gboolean once;     /* no piece may be carried out twice */
	GPtrArray *pieces; /* of ChangePiece, or NULL */
	GError *refusal;   /* the first one, of any piece in any run */
};

/* operation_submit(), or refuses. With operation.any_mailbox, set by the caller, nothing is waited
 * for. @mailbox NULL: any session will do. */
void change_submit(Change *change, ImapPool *pool, const char *mailbox, guint32 uidvalidity);

/* Ends the change with @error, which is taken, without sending anything. Instead of
 * change_submit(). */
void change_refuse(Change *change, ImapPool *pool, GError *error);

/* Cuts UIDs into pieces that leave room for @n_other bytes in each command. */
void change_split_uids(Change *change, const guint32 *uids, guint n_uids, gsize n_other);

/* In start(): a command named @name for each piece, to which @write adds its words. Pieces that
 * were answered in an earlier run are left out if they may be carried out only once. The command's
 * data is the ChangePiece; its done() must call change_piece_done(). */
void change_send_pieces(Change *change, const char *name, const ImapCommandHandler *handler,
                        void (*write)(ChangePiece *piece, ImapCommand *command));
void change_piece_done(ChangePiece *piece, const ImapResponse *tagged, const GError *error);

/* In finish(): what to tell, where @error is what it was called with. */
const GError *change_verdict(const Change *change, const GError *error);

/* Releases what these calls took, and operation_clear(). */
void change_clear(Change *change);
