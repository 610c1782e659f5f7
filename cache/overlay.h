/*
 * overlay.h: what has been changed here and not yet on the server.
 *
 *     overlay.c            beginning, ending, writing changes down, carrying them out
 *     overlay-wait.c       waiting for them
 *     promise.c            one change of a message: what it hides and shows until it is carried out
 *     promise-mailbox.c    the same for a mailbox
 *     fates.c              what becomes of the names of mailboxes
 *     refusals.c           what the server refused
 *     draft.c              files that are being written
 *     draft-deliver.c      ... and what becomes of them
 *     overlay-read.c       ids that lead to others, and the bytes of what is here only
 *     changes*.c           what fs/ asks for (imapfs/change.h)
 *
 * The tree that is shown is the server's, as it is known, with the journal's entries carried out on
 * top. So the overlay follows from the journal alone: a mount that begins with entries makes the
 * same promises as the one that wrote them.
 */
#pragma once

#include "flusher.h"
#include "imapfs/change.h"
#include "local.h"

typedef struct Held Held;

struct Overlay {
	Account *account;
	Disk *disk;
	gboolean own_disk;
	gboolean keeps; /* the journal is on disk */
	Journal *journal;
	Flusher *flusher;

	GHashTable *promises; /* &Promise.id -> Promise */
	GHashTable *arrivals; /* &Local.id -> Promise: those that bring a message */
	GHashTable *aliases;  /* id -> id of what it has become */
	GQueue alias_order;   /* the same keys, oldest first */
	guint n_unplaced;     /* promises about mailboxes that are not known yet */
	GHashTable *doomed;   /* name of a mailbox that goes -> Doom (fates.c) */
	GPtrArray *fates;     /* of Promise, by id: mailboxes that are to be renamed or removed */

	GHashTable *drafts;  /* &Draft.handle -> Draft */
	GHashTable *writers; /* &Draft.id -> Draft: what the file is that it is a version of */
	guint64 n_drafts;    /* numbers given out */
	Held *held;          /* those that wait for a connection */

	char *buffer; /* what was last read of a draft */

	guint32 n_locals, n_turned;
	GQueue ghosts; /* of Local, oldest first */
	guint ghost_timer;
	guint tidy; /* source */

	GHashTable *uncommitted; /* change -> number of writes that are not in the file yet */
	GHashTable *lost;        /* change -> GError: why it never will be */
	WaitQueue committing;
	Change settling, settled; /* the last change that is being, or is, on stable storage */
	Change settle_tried;
	GError *unsettled; /* why that one is not; or NULL */
	GQueue refusals;   /* of Refusal, oldest first */
};

/* --- overlay.c --- */

/* Opens the account's journal and shows what is in it; waits for the disk. */
Overlay *overlay_new(Account *account);

/* The Remote must not call back any more. Waits until all is written. */
void overlay_free(Overlay *overlay);

/* Takes @entry and writes it down: its number. Callers make a promise of it. */
Change overlay_add(Overlay *overlay, JournalEntry *entry);

/* Writes @entry anew; account_committed() of its id waits for that as well. */
void overlay_update(Overlay *overlay, const JournalEntry *entry);

/* Message @uid of @mailbox, which is called so already, was given its name by the user; NULL: is
 * gone. The change, for account_committed(). */
Change overlay_give_name(Mailbox *mailbox, guint32 uid, const char *name);
const char *overlay_given_name(const Mailbox *mailbox, guint32 uid);

/* Whether deleted messages stay on the server, with \Deleted. */
gboolean overlay_hides_deleted(const Overlay *overlay);

/* Whether @message, which a scan tells of @mailbox, may be one that is being sent there. */
gboolean overlay_suspects(Mailbox *mailbox, const RemoteMessage *message);

/* @mailbox is another one now, with another id: what is on its way there goes to this one. */
void overlay_mailbox_became(Mailbox *mailbox, guint32 old_id);

/* Entry @id, which can still be changed, is not to be carried out; account_committed() of it waits
 * until that is in the file. */
void overlay_withdraw(Overlay *overlay, Change id);

/* A scan of @mailbox, or a listing of the account, has ended well, or not. */
void overlay_mailbox_listed(Mailbox *mailbox);
void overlay_account_listed(Overlay *overlay);

/* Drops from the lists what is gone, a moment later. */
void overlay_tidy_later(Overlay *overlay);

/* The entry, if it can still be changed: it has been committed, was not sent, and the mailboxes
 * that it is about are not made, removed or renamed after it. */
JournalEntry *overlay_open_entry(Overlay *overlay, guint64 id);

/* Whether the mailbox that will be called @name at the end of the journal is called so at @entry.
 */
gboolean overlay_stays(const JournalEntry *entry, const char *name);

/* What @mailbox will be called when all that is in the journal has been carried out; NULL: it is no
 * mailbox. And the one that will be called @name. */
const char *overlay_name(const Mailbox *mailbox);
Mailbox *overlay_find_mailbox(const Overlay *overlay, const char *name);

/* --- overlay-wait.c --- */

/* Parks until entry @id has been committed, or cannot be; READY: it has. */
CacheResult overlay_await_commit(Overlay *overlay, guint64 id, Waiter *waiter);

/* CACHE_READY never: parks until the change that entry @id is may have ended. FAILED: nobody knows
 * when that will be. */
CacheResult overlay_await_entry(Overlay *overlay, guint64 id, Waiter *waiter, GError **error);

/* Asks for all that has been written down so far to be on stable storage, if that is not just under
 * way; account_settled() waits for it. */
void overlay_settle(Overlay *overlay);

/* --- overlay-read.c --- */

/* @from is called @to from now on. */
void overlay_set_alias(Overlay *overlay, guint64 from, guint64 to);

/* What @id leads to. */
guint64 overlay_resolve(const Overlay *overlay, guint64 id);

/* --- refusals.c --- */

void refusal_note(Overlay *overlay, const JournalEntry *entry, guint32 from_id, guint32 to_id,
                  const GError *error);
/* The same of an earlier mount's: nobody waits for it. */
void refusal_remember(Overlay *overlay, const JournalEntry *entry);
const GError *refusal_of(Overlay *overlay, Change change);
/* Appends a line about @entry: "TIME STATE: APPEND ...". */
void refusal_describe(const Overlay *overlay, GString *text, const char *state,
                      const JournalEntry *entry);
const GError *refusal_next(Overlay *overlay, guint32 mailbox_id);
void refusals_clear(Overlay *overlay);
