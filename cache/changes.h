/*
 * changes.h: what the files that make changes share (change.h says what they offer).
 */
#pragma once

#include "draft.h"
#include "promise.h"

/* IMAPFS_ERROR_READ_ONLY: nothing can be changed. */
gboolean changes_allowed(const Account *account, GError **error);

/* Takes @entry, writes it down and makes its promise. */
Change changes_add(Overlay *overlay, JournalEntry *entry, guint64 local_id, const Message *like);

/* Writes down that message @uid goes. */
Change changes_add_removal(Overlay *overlay, Mailbox *mailbox, guint32 uid);

/* Takes back an arrival that has not been sent, because what it brings is not wanted any more: what
 * it would have taken away goes all the same. Returns the UID, hidden, of what it would have
 * replaced, if that is in @to, and else has written down that this goes. */
guint32 changes_withdraw(Promise *promise, const Mailbox *to);

/* What a name stands for. */
typedef struct {
	Mailbox *child;
	Draft *draft;
	Promise *arrival;
	const Message *message; /* on the server */
} Place;

CacheResult place_look(Mailbox *mailbox, const char *name, Place *place, Waiter *waiter,
                       GError **error);
gboolean place_is_empty(const Place *place);

/* CACHE_READY: it can be taken away. */
CacheResult place_await(const Place *place, Waiter *waiter, GError **error);

/* Frees the name; the UID of what is to be replaced or removed, or 0. */
guint32 place_clear(const Place *place, Mailbox *mailbox);

typedef struct {
	Mailbox *from, *to;
	const char *name; /* the new one */
	Place source, target;
} Renaming;

/* --- changes-rights.c --- */

/* Whether a message can be put there under this name: IMAPFS_ERROR_DENIED, USAGE, READ_ONLY. */
gboolean changes_check_target(const Mailbox *mailbox, const char *name, GError **error);

/* Where messages that are removed from @mailbox go instead; NULL: nowhere. */
Mailbox *changes_trash(const Mailbox *mailbox);

/* Whether what is there may be removed from @mailbox, and whether this renaming may be made, unless
 * it is a mailbox's: as above. */
gboolean changes_check_removal(const Mailbox *mailbox, const Place *place, GError **error);
gboolean changes_check_renaming(const Renaming *renaming, GError **error);

/* CACHE_READY: the rights that it takes are known, or cannot be. Never fails. */
CacheResult changes_await_removal(Mailbox *mailbox, const Place *place, Waiter *waiter);
CacheResult changes_await_renaming(const Renaming *renaming, Waiter *waiter);

/* --- changes-mailbox.c --- */

CacheResult changes_rename_mailbox(Mailbox *mailbox, Mailbox *to, const char *new_name,
                                   const Place *target, Change *change, GError **error);
