/*
 * draft.h: files that are being written.
 *
 *     made      a new file, shown from the beginning; its own, until it is delivered
 *     version   of a file that there is: shown in its place from the first change on
 *
 *               changed              delivered                    closed for the last time
 *     made      shown                becomes a version of that    stays, if it is shown
 *     version   shown, that hidden   that is shown, not this      goes; if shown, that is back
 *
 * "Not shown" is also: not read. Bytes are in a staged file of the journal's; until the first write
 * they may be another message's (source). A draft lives as long as it is open or shown.
 */
#pragma once

#include "message-text.h"
#include "overlay.h"

typedef struct {
	Local local; /* where it is shown; local.mailbox_id is 0 once it is unlinked */
	Overlay *overlay;
	guint64 handle; /* what it is written by */
	guint64 id;     /* of the file that it is, or is a version of */
	gboolean made, shown, changed;
	gboolean unlinked;  /* by the user: nobody will miss it */
	gboolean held;      /* could not be delivered now, for there is no connection */
	gboolean time_set;  /* by the user, since it was written to */
	gboolean flags_set; /* all of them; else those of the Local are added to others */
	guint64 source;     /* the message whose bytes these are; 0: its own file's */
	guint64 loaded;     /* bytes of source that are in the file */
	gboolean copied;    /* all of source, and nothing else */
	char *staged;
	int fd;
	guint n_open;

	guint n_writes; /* how often it was changed */
	gboolean preparing;
	char *prepared;    /* staged file with what is to be sent; NULL: not yet */
	MessageText text;  /* what is in that */
	GError *unfit;     /* why it is no message */
	char *why;         /* it could not be sent; NULL: it was not tried, or was changed since */
	WaitQueue waiting; /* for these */
} Draft;

Draft *draft_of_handle(const Overlay *overlay, guint64 handle);

/* That is, or is a version of, file @id, as resolved. */
Draft *draft_of_file(const Overlay *overlay, guint64 id);

/* File @from is called @to from now on. */
void draft_follow(Overlay *overlay, guint64 from, guint64 to);

/* Takes it out of its directory; who has it open goes on. May free it. */
void draft_unlink(Draft *draft);

/* What it is shown instead of is shown again, or is to be done with as the caller likes (@back
 * FALSE).
 */
void draft_unshow(Draft *draft, gboolean back);

/* Frees it if nobody has it open and it is shown nowhere. */
void draft_drop_if_unused(Draft *draft);

/* Brings all bytes of its source into its own file. */
CacheResult draft_load(Draft *draft, Waiter *waiter, GError **error);

/* Frees all, and their files. */
void drafts_clear(Overlay *overlay);

/* Whether programs use such names for what is no document. */
gboolean draft_name_is_scratch(const char *name);

/* --- draft-deliver.c --- */

/* Whether there is anything in it that a message of this name should have. */
gboolean draft_is_due(const Draft *draft, const char *name);

/* CACHE_READY: it can be sent. FAILED: it is no message. */
CacheResult draft_prepare(Draft *draft, Waiter *waiter, GError **error);

/* Writes down that it goes to @to as @name, in place of message @replaces (a UID there, or 0), and
 * of what it is a version of: that must not be on its way any more. It has been prepared. The
 * change. */
Change draft_send(Draft *draft, Mailbox *to, const char *name, guint32 replaces);

/* CACHE_READY: what it is a version of is a message on the server, or will never be. */
CacheResult draft_await_original(Draft *draft, Waiter *waiter, GError **error);

/* --- unsent.c --- */

/* It was to be sent to @mailbox, and could not. */
void draft_note_failure(Draft *draft, const Mailbox *mailbox, const GError *error);

/* Draft, closed files that could not be sent: in @mailbox_id, 0: anywhere; in the order in which they
 * came. Caller frees the list. */
GPtrArray *unsent_list(const Overlay *overlay, guint32 mailbox_id);

/* A line for each file that is closed and could not be sent. */
void unsent_describe(const Overlay *overlay, GString *text);

/* --- held.c --- */

Held *held_new(Overlay *overlay);
void held_free(Held *held);

/* What is held may have now what it waits for: it is tried once more, when the loop turns. NULL: it
 * is the end. */
void held_deliver(Held *held);

/* --- draft-flags.c --- */

/* Of a new file: @sign and @words as in account_set_flags(). FALSE with IMAPFS_ERROR_UNSUPPORTED:
 * it is a copy. */
gboolean draft_change_flags(Draft *draft, char sign, const char *words, GError **error);

/* Gives a new file the flags that it will be sent to @to with; @replaced: those of what it replaces
 * there, or NULL. Before draft_send(). */
void draft_settle_flags(Draft *draft, const Mailbox *to, const char *replaced);

/* Those of @words that what arrives in @to can have. Caller frees. */
char *draft_kept_flags(const Mailbox *to, const char *words);
