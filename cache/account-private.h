/*
 * account-private.h: the parts of an account that its files share.
 *
 *     account.c         the tree of mailboxes
 *     account-list.c    keeping the tree up to date (LIST)
 *     mailbox.c         the messages of one mailbox
 *     mailbox-sync.c    keeping them up to date (FETCH, SEARCH)
 *     reader.c          the bytes of messages
 *     keep.c            what is kept of all this on disk (keep.h)
 *     reattach.c        finding the bytes of messages again under other UIDs
 */
#pragma once

#include "block-cache.h"
#include "imapfs/account.h"
#include "read-window.h"
#include "storage.h"

typedef struct Reader Reader;

struct Account {
	Remote *remote;
	const NameRules *rules;
	const AccountEvents *events;
	gpointer data;
	char *root_path; /* file names with '/' between, or NULL */

	Mailbox *top;          /* above the top level: always there */
	GHashTable *mailboxes; /* id -> Mailbox */
	GHashTable *worn_ids;  /* set of ids that are not given out again */
	guint32 wanted_id;     /* for the next mailbox, if it is free; 0: any */
	guint32 n_positions;   /* mailboxes seen in this listing */
	GHashTable *by_name;   /* Mailbox.name (not owned) -> Mailbox */

	/* Listing. Tickets: a refresh that began as number n is done when n_listed >= n. */
	guint64 n_listings_begun, n_listings_done, n_listings_wanted;
	gint64 listed_at_us, listing_began_us, listing_took_us;
	guint list_generation;
	guint n_listed;  /* listings that went well */
	gboolean listed; /* the tree is a server's, if an earlier mount's */
	WaitQueue listing;
	Storage *storage;  /* or NULL: nothing is kept on disk */
	GList *reattaches; /* under way (reattach.c) */
	gboolean closing;  /* the server may not be asked any more */

	Reader *reader;
	gboolean sizes_lie;
};

typedef enum {
	MAILBOX_UNKNOWN,  /* nothing is known of its messages, or only a beginning */
	MAILBOX_STORED,   /* what is known of its messages is on disk */
	MAILBOX_COMPLETE, /* all messages of some moment are known */
} MailboxState;

struct Mailbox {
	Account *account;
	guint32 id;
	Mailbox *parent; /* NULL: the top */
	char *file_name;
	char *name; /* server's bytes; NULL: not on the server, only a level in others' names */
	gboolean selectable;
	guint32 uidvalidity; /* 0: not known yet */
	gboolean early_id;   /* made before the UIDVALIDITY was known */
	char *path;          /* as in RemoteMailbox, and so is the delimiter */
	char delimiter;
	guint32 position;        /* in the order of LIST */
	gboolean unsaved;        /* the index has not these, or others */
	IndexState announced;    /* as STATUS told */
	GPtrArray *children;     /* of Mailbox, by id; owned by account->mailboxes */
	GHashTable *child_names; /* Mailbox.file_name (not owned) -> Mailbox */
	guint list_generation;

	MailboxState state;
	GArray *messages;  /* of Message, by UID */
	GHashTable *names; /* Message.name (not owned) -> uid */
	guint64 version;
	GArray *by_name; /* of guint32: indices of messages in the order of names; or NULL */
	GArray *ranks;   /* of guint32: where each message stands in by_name */
	guint64 by_name_version; /* of the list that these are of */
	gint64 changed_at;
	IndexState synced;        /* when it was last in sync with the server */
	gboolean flags_known;     /* since then by way of unknown changes, too */
	GArray *unsaved_messages; /* of IndexMessage, on their way to the index; or NULL */
	GArray *unsaved_flags;    /* of IndexFlags, likewise */

	/* Syncing. Tickets as above. */
	guint64 n_syncs_begun, n_syncs_done, n_syncs_wanted;
	gint64 woken_at_us; /* when, in this sync, the waiting were last shown what has come ... */
	guint n_unseen;     /* ... and how many messages have come since */
	gboolean unordered; /* this sync's messages do not come in ascending order */
	gboolean replaced;  /* by another one, whose id is not known yet: nothing is shown of it */
	gboolean holey;     /* a scan broke off: messages may be missing below the last UID */
	WaitQueue syncing;  /* woken as messages come in, and at the end */
};

/* --- account.c --- */

/* Whether the account was listed just now, for the first time in this mount. */
gboolean account_is_fresh(const Account *account);

/* What a listing told, now or long ago; with the id @wanted_id, if that is free. */
Mailbox *account_take_mailbox(Account *account, const RemoteMailbox *remote, guint32 wanted_id);

/* A mailbox below @parent (or account->top). Takes @file_name. */
Mailbox *mailbox_new(Account *account, Mailbox *parent, guint32 uidvalidity, char *file_name);

/* Takes the mailbox and all below it out of the tree, tells the layer above, wakes with an error
 * whoever waits. */
void mailbox_remove(Mailbox *mailbox);

/* The mailbox under this name is another one: forgets all messages and takes another id. */
void mailbox_become_another(Mailbox *mailbox, guint32 uidvalidity);

/* The id that is made of its path and UIDVALIDITY, be it free or not. */
guint32 mailbox_natural_id(const Mailbox *mailbox);

/* What the server calls it, copied; NULL: nothing any more. */
void mailbox_set_name(Mailbox *mailbox, const char *name);

/* The mailbox is gone, but others may be below it: only the level stays. */
void mailbox_become_level(Mailbox *mailbox);

/* A change that a listing would show. */
void mailbox_touch(Mailbox *mailbox);

/* --- mailbox.c --- */

/* Adds what a scan told; known UIDs are left alone. */
void mailbox_add_message(Mailbox *mailbox, const RemoteMessage *message);

/* Adds @message, which has its name already; takes the strings in it. */
void mailbox_take_message(Mailbox *mailbox, const Message *message);

/* The server told the flags of a message anew. */
void mailbox_set_flags(Mailbox *mailbox, guint32 uid, const char *flags);

/* Forgets the messages in [@first, @last] and tells the layer above; on disk they stay, or not. */
void mailbox_drop_messages(Mailbox *mailbox, guint32 first, guint32 last);
void mailbox_forget_messages(Mailbox *mailbox, guint32 first, guint32 last);

/* The same for all in @ranges, of pairs of guint32, ascending and disjoint. */
void mailbox_forget_ranges(Mailbox *mailbox, const GArray *ranges);

/* How many messages there are in [@first, @last]. */
guint mailbox_count_messages(const Mailbox *mailbox, guint32 first, guint32 last);

Message *mailbox_find_message(const Mailbox *mailbox, guint32 uid);
guint32 mailbox_last_uid(const Mailbox *mailbox);

/* --- mailbox-order.c --- */

/* Where message @uid stands in the order of UIDs, and of names; -1: nowhere, or the order cannot be
 * told yet. And which message stands there; NULL: none. */
gint64 mailbox_index(Mailbox *mailbox, guint32 uid);
const Message *mailbox_message_by_index(Mailbox *mailbox, gint64 index);
gint64 mailbox_rank(Mailbox *mailbox, guint32 uid);
const Message *mailbox_message_by_rank(Mailbox *mailbox, gint64 rank);

/* --- mailbox-sync.c --- */

/* The mailbox has become another one: a sync that is under way has lost it and ends unheard. Wakes
 * with an error whoever waits for that. */
void mailbox_abandon_sync(Mailbox *mailbox);

/* CACHE_READY where a listing is complete, else starts or joins the one that makes it so. */
CacheResult mailbox_await_messages(Mailbox *mailbox, Waiter *waiter, GError **error);

/* --- reader.c --- */

Reader *reader_new(Account *account, guint64 memory);
void reader_free(Reader *reader);
BlockCacheStatistics reader_statistics(const Reader *reader);
