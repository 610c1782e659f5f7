/*
 * promise.h: one entry of the journal, as it shows in the tree until it has been carried out.
 *
 *     made      what it takes away is hidden, what it brings is shown as a Local
 *     placed    ... in mailboxes that are known; where an earlier mount wrote it, that may be later
 *     kept      carried out: what was hidden is forgotten, the Local becomes a message
 *     broken    refused, or taken back: everything is as it was
 */
#pragma once

#include "overlay.h"

typedef struct {
	Local local; /* of APPEND, COPY and MOVE: what it brings */
	Overlay *overlay;
	Change id; /* the entry's */
	JournalKind kind;
	gboolean placed;
	guint32 from_id, uid;      /* what is moved, copied, removed, or gets other flags */
	guint32 to_id, replaces;   /* where it goes, and what it replaces there */
	gboolean given;            /* its name, by the user: another than it would have by itself */
	GBytes *bytes;             /* of APPEND: its file, once somebody has read it */
	guint32 mailbox_id;        /* of CREATE and RENAME: what is made or renamed */
	guint32 old_parent_id;     /* of RENAME: where it was ... */
	char *old_file_name;       /* ... and how it was called */
	char delimiter;            /* of RENAME */
	char *old_name, *new_name; /* to the server: of RENAME; and the old one of DELETE */
} Promise;

/* Makes and places what @entry says, whose id is @id; @local_id: of what it brings, 0: the
 * message's that is moved or replaced, or a new one. @like: that message, or NULL. */
Promise *promise_make(Overlay *overlay, Change id, const JournalEntry *entry, guint64 local_id,
                      const Message *like);

/* Tries to place one that is not, from its @entry. */
void promise_place(Promise *promise, const JournalEntry *entry);

/* Both free it. */
void promise_keep(Promise *promise, const JournalEntry *entry);
void promise_break(Promise *promise);

/* Frees it without a change to the tree, which ends. */
void promise_free(Promise *promise);

Promise *promise_find(const Overlay *overlay, Change id);

/* That brings the message with this id; NULL: none. */
Promise *promise_of_arrival(const Overlay *overlay, guint64 id);

/* A new id for what has no UID. */
guint64 overlay_new_id(Overlay *overlay);

/* --- promise-mailbox.c --- */

void promise_place_mailbox(Promise *promise, const JournalEntry *entry);
void promise_keep_unplaced(const Promise *promise, const JournalEntry *entry);
void promise_keep_mailbox(Promise *promise, const JournalEntry *entry);
void promise_break_mailbox(Promise *promise);

/* --- fates.c --- */

/* Whether what a listing tells about @name is of the past. */
gboolean overlay_ignores_name(const Overlay *overlay, const char *name);

/* Whether any mailbox stands in another place than the server says, or did so a moment ago. */
gboolean overlay_has_moved(const Overlay *overlay);

/* What a listing tells as @name, if it stands in another place already, itself or with what is
 * above it; NULL: it does not, or is not known. */
Mailbox *overlay_find_moved(const Overlay *overlay, const char *name);

/* Whether @mailbox, or what is above it, stands in another place than the server says. */
gboolean mailbox_is_moved(const Mailbox *mailbox);

/* Whether what a listing tells as @name, and is not known by that, is going to be removed. */
gboolean overlay_removes_name(const Overlay *overlay, const char *name);

/* Sets what @mailbox will be called, by what it is called now. */
void overlay_plan_name(const Overlay *overlay, Mailbox *mailbox);

/* Whether the server may be renaming @mailbox (NULL: any) just now: then listings may be in the
 * middle of it. */
gboolean overlay_is_renaming(const Overlay *overlay, const Mailbox *mailbox);

/* Waits until it is known what the server calls @mailbox. */
CacheResult overlay_await_name(Overlay *overlay, const Mailbox *mailbox, Waiter *waiter,
                               GError **error);

void overlay_forget_dooms(Overlay *overlay);
