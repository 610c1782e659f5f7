/*
 * attributes.h: what is known of messages and mailboxes besides names and bytes, as fs/ shows it in
 * extended attributes, mode bits and statfs; and what is done on the server at once.
 *
 * What memory holds is told from there. For the rest the server is asked, one round trip for each
 * question, and the answer is remembered for two seconds, so that a handler which asks once for the
 * length and once for the value asks the server once. Pointers in answers are good until the caller
 * returns to the loop.
 *
 * Errors of all that ask: IMAPFS_ERROR_UNSUPPORTED where the server does not offer it; STALE for
 * what is gone; those of the Remote's operation of that name.
 */
#pragma once

#include "imapfs/change.h"

/* --- messages --- */

/* The UID of message @id on the server; 0: it has none (yet). */
guint32 account_uid(Account *account, guint64 id);

/* UID FETCH (MODSEQ ...), as in RemoteOperations.details. */
CacheResult account_details(Account *account, guint64 id, const RemoteDetails **details,
                            Waiter *waiter, GError **error);

/* Whether the server offers @capability; FALSE also where that is not known yet. */
gboolean account_offers(const Account *account, RemoteCapabilities capability);

/* Whether @flags, as account_flags() tells them, have @word. */
gboolean flags_have(const char *flags, const char *word);

/* Whether all of @words, flags and keywords with a space between, may be set and taken away, as far
 * as is known now: FALSE with IMAPFS_ERROR_DENIED, READ_ONLY or NOT_PERMITTED. What else is in the
 * way, account_set_flags() tells or waits for; whoever has waited asks this again. */
gboolean account_may_set_flags(Account *account, guint64 id, const char *words, GError **error);

/* --- mailboxes --- */

typedef struct {
	gboolean selectable; /* else the figures mean nothing */
	RemoteSpecialUse special_use;
	gboolean subscription_known; /* else the next means nothing */
	gboolean subscribed;
	guint32 uidvalidity, uidnext; /* 0: not known */
	guint64 highestmodseq;        /* 0: not known, or there is none */
} MailboxFacts;

void mailbox_facts(const Mailbox *mailbox, MailboxFacts *facts);

typedef struct {
	gboolean messages_known, unseen_known; /* FALSE: the number means nothing */
	guint n_messages, n_unseen;            /* those without \Seen */
} MailboxCount;

/* As they are shown; where the mailbox has not been listed, what the server told last, or an
 * earlier mount has kept. */
void mailbox_count(const Mailbox *mailbox, MailboxCount *count);

/* The user's own rights (RFC 4314), if they are known; else NULL. */
const char *mailbox_known_rights(const Mailbox *mailbox);

/* Those, or MYRIGHTS; GETACL, one "identifier rights" a line, with "" for none; GETQUOTAROOT, one
 * "root resource usage limit" a line. */
CacheResult mailbox_rights(Mailbox *mailbox, const char **rights, Waiter *waiter, GError **error);
CacheResult mailbox_acl(Mailbox *mailbox, const char **acl, Waiter *waiter, GError **error);
CacheResult mailbox_quota(Mailbox *mailbox, const char **quota, Waiter *waiter, GError **error);

/* The annotation @entry, "/shared/comment", NULL: there is none; and the names of all, one a line.
 * Of the mailbox above the top level: the server's own. There are no names where the server refuses
 * to tell them. After the names the values of the first few
 * are asked for as well. */
CacheResult mailbox_metadata(Mailbox *mailbox, const char *entry, GBytes **value, Waiter *waiter,
                             GError **error);
CacheResult mailbox_metadata_names(Mailbox *mailbox, const char **names, Waiter *waiter,
                                   GError **error);

/* Whether anything at all can be done, as far as rights and a mailbox that the server opens
 * read-only tell: to the mailbox and what is in it, and to its messages, be it only to their flags
 * (AccountEvents tells when that changes). What in particular, the change itself finds out. */
gboolean mailbox_is_writable(const Mailbox *mailbox);
gboolean mailbox_has_writable_messages(const Mailbox *mailbox);

/* KiB that are used and can be used at the most, from memory; where that is older than a minute the
 * server is asked, without anybody waiting. FALSE: there is no quota, or it is not known. */
gboolean account_storage(Account *account, guint64 *usage, guint64 *limit);

/* --- errands: what is done on the server at once ---
 *
 * These do not go through the journal. Each begins when it is asked for and ends by itself;
 * errand_done() waits for that and tells what came of it. Once it is released nothing more is begun
 * for it. CACHE_PARKED: it has not begun.
 *
 * IMAPFS_ERROR_READ_ONLY on a read-only mount, and as above. */

typedef struct Errand Errand;

CacheResult errand_done(Errand *errand, Waiter *waiter, GError **error);
void errand_release(Errand *errand);

/* Sets @keyword of message @id if and only if nobody has set it: UID FETCH (FLAGS MODSEQ), UID
 * STORE (UNCHANGEDSINCE) (RFC 7162 3.1.3). Waits first for what is still to be done to the message.
 * IMAPFS_ERROR_EXISTS: somebody has; UNSUPPORTED: without CONDSTORE; UNKNOWN: the connection broke,
 * and whether it is set by this or by another nobody can tell; NOT_PERMITTED: a keyword that the
 * server does not keep; LIMIT: the message changes too fast. */
CacheResult account_claim(Account *account, guint64 id, const char *keyword, Errand **errand,
                          Waiter *waiter, GError **error);

/* SUBSCRIBE or UNSUBSCRIBE (RFC 3501 6.3.6). */
CacheResult mailbox_subscribe(Mailbox *mailbox, gboolean subscribed, Errand **errand,
                              Waiter *waiter, GError **error);

/* Makes the list so, one "identifier rights" a line: SETACL for what is new or other, DELETEACL for
 * what is missing, one after the other, last those that take the right to administer from somebody.
 * The first that is refused is the last, and the error says which were done.
 * IMAPFS_ERROR_USAGE: not such a list, or what is to be changed could not be told exactly. */
CacheResult mailbox_set_acl(Mailbox *mailbox, const char *acl, Errand **errand, Waiter *waiter,
                            GError **error);

/* SETMETADATA; NULL removes the entry. */
CacheResult mailbox_set_metadata(Mailbox *mailbox, const char *entry, GBytes *value,
                                 Errand **errand, Waiter *waiter, GError **error);
