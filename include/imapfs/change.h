/*
 * change.h: changing what an account holds, as fs/ does it.
 *
 * Every change is written into a journal, shows in the tree at once, and reaches the server a
 * little later, together with others. A function that makes one looks first: CACHE_PARKED means
 * that nothing has been done, and the caller asks again when it is woken; CACHE_READY that the
 * change is made in the tree and on its way into the journal. Then it must not be asked for again,
 * and
 * *@change is its number (0: there is nothing to write down), for account_committed() and
 * account_carried_out(). Errors mean that nothing was done.
 *
 * Errors of them all: IMAPFS_ERROR_READ_ONLY on a read-only mount; OFFLINE where what is to be
 * changed is being sent, the line broke, and nobody knows where it is now; STALE for what is gone.
 *
 * A message that has no UID yet has an id of its own (message_is_draft()): a file that is being
 * written or has just been created, copied or moved. Its id stays good, and leads to the message,
 * once that is on the server.
 */
#pragma once

#include "imapfs/account.h"

typedef guint64 Change;

#define DRAFT_BITS (3ULL << 62)

static inline gboolean
message_is_draft(guint64 id)
{
	return (id & DRAFT_BITS) == DRAFT_BITS;
}

/* --- messages --- */

/* The message @id, whatever it is now; NULL: it is gone. *@mailbox, unless NULL: where it is shown
 * (NULL: nowhere any more, though its bytes can still be read by who has it open). */
const Message *account_message(Account *account, guint64 id, Mailbox **mailbox);

/* The flags of message @id, as in RemoteMessage, with all that is to be done to them; NULL: it is
 * gone. Caller frees with g_ref_string_release(). */
char *account_flags(Account *account, guint64 id);

/* The id of @message, which is shown in @mailbox: what readdir and lookup answer. */
guint64 mailbox_message_id(const Mailbox *mailbox, const Message *message);

/* What is shown in @mailbox and has no UID yet, one after the other: @cookie is 0 at first, which
 * is to be asked at the moment when the messages have been passed, and then what *@next_cookie was
 * set to (62 bits). NULL after the last. Nothing is told that was among the messages then. */
const Message *mailbox_next_draft(Mailbox *mailbox, guint64 cookie, guint64 *next_cookie);

/* Which was just forgotten by the kernel: nobody will ask for it by this id any more, unless
 * lookup or readdir tells it anew. */
void account_forget_id(Account *account, guint64 id);

/* STORE +FLAGS \Deleted and UID EXPUNGE (RFC 4315), or UID MOVE to \Trash where the mount says so.
 * IMAPFS_ERROR_NOT_FOUND: there is no message @name. */
CacheResult account_remove(Account *account, Mailbox *mailbox, const char *name, Change *change,
                           Waiter *waiter, GError **error);

/* Renames a message, or what is still a draft, or a mailbox with all below it; replaces the
 * message, or empty mailbox, that is called @new_name. UID MOVE (RFC 6851), RENAME (RFC
 * 3501 6.3.5). IMAPFS_ERROR_NOT_FOUND; EXISTS: there is one and @no_replace is set; NOT_EMPTY: a
 * mailbox that is to be replaced has something in it; NOT_PERMITTED: INBOX, or a mailbox into
 * itself; USAGE: not a name that can be given, or a draft that is no message. A draft that becomes
 * a message is delivered, as by draft_deliver(). */
CacheResult account_rename(Account *account, Mailbox *from, const char *name, Mailbox *to,
                           const char *new_name, gboolean no_replace, Change *change,
                           Waiter *waiter, GError **error);

/* STORE (RFC 3501 6.4.6): @sign and @flags as in RemoteStore. */
CacheResult account_set_flags(Account *account, guint64 id, char sign, const char *flags,
                              Change *change, Waiter *waiter, GError **error);

/* INTERNALDATE of what has not been delivered yet, seconds since 1970; a message's cannot be
 * changed, and is left as it is without an error. */
void account_set_time(Account *account, guint64 id, gint64 internaldate);

/* --- mailboxes --- */

/* CREATE (RFC 3501 6.3.3). IMAPFS_ERROR_EXISTS; USAGE: no such name can be given. */
CacheResult account_make_mailbox(Account *account, Mailbox *parent, const char *name,
                                 Change *change, Waiter *waiter, GError **error);

/* DELETE (RFC 3501 6.3.4). Looks at what is known: the caller brings that up to date before
 * (account_refresh(), mailbox_refresh()); the flusher asks the server once more.
 * IMAPFS_ERROR_NOT_FOUND; NOT_EMPTY; NOT_PERMITTED: INBOX. */
CacheResult account_remove_mailbox(Account *account, Mailbox *parent, const char *name,
                                   Change *change, Waiter *waiter, GError **error);

/* --- drafts: files that are being written ---
 *
 * A draft is open as often as it was created or opened and not yet closed. What was written to it
 * becomes a message when it is delivered, unless its name is one that programs use for their own
 * scratch files: that stays here and goes when the mount does. */

/* A new, empty, open draft in @mailbox: its id. 0: failed (IMAPFS_ERROR_EXISTS, QUOTA, USAGE,
 * DENIED: not a mailbox that can hold messages). */
guint64 draft_create(Account *account, Mailbox *mailbox, const char *name, GError **error);

/* CACHE_READY once it is known, as far as that can be, whether a draft with that name may be
 * created there. Never fails. */
CacheResult draft_await_rights(Mailbox *mailbox, const char *name, Waiter *waiter);

/* Opens @id, a message or a draft, for writing: *@draft, a draft, which is @id itself if that is
 * one. A new version of a message shows in its place from the first change on, and replaces it when
 * delivered. With @truncate it is empty. */
CacheResult draft_open(Account *account, guint64 id, gboolean truncate, guint64 *draft,
                       Waiter *waiter, GError **error);

/* The end of a draft, for @offset. */
#define DRAFT_END (-1)

/* IMAPFS_ERROR_QUOTA: the disk is full. TOO_BIG: longer than a message can be (4 GiB). */
CacheResult draft_write(Account *account, guint64 draft, gint64 offset, const void *bytes,
                        gsize length, Waiter *waiter, GError **error);
CacheResult draft_resize(Account *account, guint64 draft, guint64 size, Waiter *waiter,
                         GError **error);

/* Makes an empty draft a copy of all of message @source, which takes UID COPY (RFC 3501 6.4.7) and
 * no bytes: *@length of them are then in it. IMAPFS_ERROR_UNSUPPORTED: not possible with these. */
CacheResult draft_copy(Account *account, guint64 draft, guint64 source, guint64 *length,
                       Waiter *waiter, GError **error);

/* Begins to deliver what has been written since it was last delivered: APPEND (RFC 3501 6.3.11), or
 * UID COPY. *@change is 0 where there is nothing to deliver. May park several times, and must then
 * be called again for the same draft. IMAPFS_ERROR_USAGE: it is not an Internet message. */
CacheResult draft_deliver(Account *account, guint64 draft, Change *change, Waiter *waiter,
                          GError **error);

/* As often as it was opened. What was not delivered of a new version of a message is lost with the
 * last; a new file that is none stays as it is until the end of the mount. */
void draft_close(Account *account, guint64 draft);

/* --- waiting --- */

/* CACHE_READY once @change is in the journal's file, so that it survives this process. FAILED: it
 * could not be written, and the tree is as before. */
CacheResult account_committed(Account *account, Change change, Waiter *waiter, GError **error);

/* CACHE_READY once the server has carried out @change, and, where there is no connection, once it
 * is on stable storage. FAILED: refused; the error, the server's words in it, is not told again by
 * account_synced(). */
CacheResult account_carried_out(Account *account, Change change, Waiter *waiter, GError **error);

/* CACHE_READY once @change, and the bytes that it is about, are on stable storage here, or on the
 * server. FAILED: they cannot be. */
CacheResult account_settled(Account *account, Change change, Waiter *waiter, GError **error);

/* The last change so far. */
Change account_last_change(const Account *account);

/* CACHE_READY once everything up to @change is on the server, and, where there is no connection and
 * @id is a file, once it is on stable storage here. FAILED: OFFLINE, it cannot be sent; or
 * something of the mailbox of @id (a message, draft or mailbox << 32; 0: anything) was refused
 * since this was last asked: each refusal is told once. */
CacheResult account_synced(Account *account, guint64 id, Change change, Waiter *waiter,
                           GError **error);

/* Whether changes survive this process. Where they do not, each should be waited for. */
gboolean account_keeps_changes(const Account *account);

/* What draft_deliver() takes, of file @id, or of the first one in mailbox @id (mailbox << 32; 0: of
 * all), if that is closed and could not be sent; 0: there is none. */
guint64 account_unsent(Account *account, guint64 id);

/* --- what is going on --- */

/* Appends one line for each change that failed, and was not dismissed: time, path, command, the
 * server's words. And one for each that is still to be carried out, or could not be delivered. */
void account_describe_errors(Account *account, GString *text);
void account_describe_pending(Account *account, GString *text);

/* How many of these the next mount can deliver. */
guint account_n_pending(const Account *account);
