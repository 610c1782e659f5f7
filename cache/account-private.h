/*
 * account-private.h: the parts of an account that its files share.
 *
 *     account.c         the tree of mailboxes
 *     account-list.c    keeping the tree up to date (LIST)
 *     mailbox.c         the messages of one mailbox
 *     mailbox-sync.c    keeping them up to date (FETCH, SEARCH)
 *     reader.c          the bytes of messages
 *     hidden.c          messages that are not shown
 *     flagged.c         flags that messages are going to have
 *     local.c           what is shown and has no UID
 *     keep.c            what is kept of all this on disk (keep.h)
 *     reattach.c        finding the bytes of messages again under other UIDs
 *     answers.c         what else the server was asked a moment ago
 *     rights.c          what may be done
 */
#pragma once

#include "block-cache.h"
#include "imapfs/account.h"
#include "read-window.h"
#include "storage.h"

typedef struct Reader Reader;
typedef struct Overlay Overlay;

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
	GHashTable *by_name;   /* Mailbox.name (not owned) -> Mailbox; one that is only planned has
	                        * its name if no other has it */

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
	Overlay *overlay; /* or NULL: nothing can be changed */
	gboolean refused;     /* the last listing was: a wrong password */
	struct Watch *watch; /* NULL: nothing is watched */
	AccountTrash trash;
	gboolean sync, writeback;
	GList *claims; /* under way (claim.c) */
	GHashTable *answers; /* Answer.key (not owned) -> Answer (answers.h); or NULL */
	gsize n_answer_bytes; /* in all of them */
	guint64 storage_usage, storage_limit; /* KiB; limit 0: not known, or none (quota.c) */
	gint64 storage_asked_at_us;
	gboolean storage_in_vain; /* asked, or the account listed, since it was listed last */
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
	IndexState announced;    /* as STATUS told with the last listing; 0: it did not */
	GPtrArray *children;     /* of Mailbox, by id; owned by account->mailboxes */
	GHashTable *child_names; /* Mailbox.file_name (not owned) -> Mailbox */
	guint list_generation;

	MailboxState state;
	GArray *messages;  /* of Message, by UID */
	GHashTable *names; /* Message.name (not owned) -> uid, of those that are shown */
	guint64 version;
	GArray *by_name; /* of guint32: indices of messages in the order of names; or NULL */
	GArray *ranks;   /* of guint32: where each message stands in by_name */
	guint64 by_name_version; /* of the list that these are of */
	gint64 changed_at;
	IndexState synced;        /* when it was last in sync with the server */
	IndexState followed;      /* what a listing told before a sync that went well */
	guint n_failed;           /* syncs, one after the other (watch.c) */
	gboolean flags_known;     /* since then by way of unknown changes, too */
	gint64 flags_asked_at_us; /* of all messages: there are no mod-sequences */
	GArray *unsaved_messages; /* of IndexMessage, on their way to the index; or NULL */
	GArray *unsaved_flags;    /* of IndexFlags, likewise */
	guint32 known_until;      /* no message up to this UID is missing in the list */
	guint32 seen_uidnext;     /* as a scan of this mount told; 0: none did */
	RemoteSpecialUse special_use;
	gboolean subscription_told; /* in this mount; else the next means nothing */
	gboolean subscribed;
	/* As STATUS told last, be it in an earlier listing than the last. */
	gboolean figures_told;
	guint32 told_messages, told_unseen;

	/* What may be done (rights.c). */
	char *rights;              /* as in RemoteMailbox; NULL: not known */
	gboolean rights_listed;    /* by LIST, so that there is nothing to ask */
	gboolean rights_outdated;  /* changed from here since they were told */
	gint64 rights_asked_at_us; /* 0: never */
	char *permanent_flags;     /* as in RemoteScanned; NULL: not known, or all */
	gboolean read_only;        /* by the server's word */

	/* What the journal promises (overlay.h). */
	GHashTable *hidden;        /* UID -> who hides it; or NULL */
	GHashTable *planned_flags; /* UID -> what its flags become, in order (flagged.c); or NULL */
	GArray *expunged;          /* of guint32: hidden, and certain to be gone; or NULL */
	GPtrArray *locals;         /* of Local, by number; or NULL */
	GHashTable *local_names;   /* Message.name (not owned) -> Local, of those that are shown */
	char *next_name;           /* what the server will call it, NULL: what it does now */
	gboolean planned;          /* will be made: there is nothing on the server */
	guint64 planned_by;        /* by this change */
	gboolean relocated;        /* will be renamed: listings tell its old name */
	gint64 trusted_at_us; /* listings that began before do not know it, or not by this name */

	/* Syncing. Tickets as above. */
	guint64 n_syncs_begun, n_syncs_done, n_syncs_wanted;
	gint64 woken_at_us; /* when, in this sync, the waiting were last shown what has come ... */
	guint n_unseen;     /* ... and how many messages have come since */
	gboolean unordered; /* this sync's messages do not come in ascending order */
	gboolean replaced;  /* by another one, whose id is not known yet: nothing is shown of it */
	gboolean early;     /* what was put there is in the list before those with lower UIDs */
	gboolean holey;     /* a scan broke off: messages may be missing below the last UID */
	WaitQueue syncing;  /* woken as messages come in, and at the end */
};

/* --- account.c --- */

/* Tells the layer above. */
void account_tell_mailbox(const Mailbox *mailbox, AccountChange change);
void account_tell_message(const Mailbox *mailbox, const Message *message, AccountChange change);

/* Whether the account was listed just now, for the first time in this mount. */
gboolean account_is_fresh(const Account *account);

/* What a listing told, now or long ago; with the id @wanted_id, if that is free. */
Mailbox *account_take_mailbox(Account *account, const RemoteMailbox *remote, guint32 wanted_id);

/* A mailbox below @parent (or account->top). Takes @file_name. */
Mailbox *mailbox_new(Account *account, Mailbox *parent, guint32 uidvalidity, char *file_name);

/* Takes the mailbox and all below it out of the tree, tells the layer above, wakes with an error
 * whoever waits. */
void mailbox_remove(Mailbox *mailbox);

/* Puts it, and all below it, into another place, which is free; @file_name is copied. */
void mailbox_relocate(Mailbox *mailbox, Mailbox *parent, const char *file_name);

/* What the server calls this level, or would if it were a mailbox (changes-mailbox.c). NULL: it
 * cannot be told, or there is nothing above. Caller frees. */
char *mailbox_level_name(const Mailbox *mailbox);

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

/* Whether an entry of the directory has this name. */
gboolean mailbox_name_is_taken(const Mailbox *mailbox, const char *name);

/* The name for message @uid that is to be called @name (taken): that, if it is free, or was given
 * by the user and can be freed; else one with the UID in it. */
char *mailbox_claim_name(Mailbox *mailbox, guint32 uid, char *name);

/* Gives @message, which is shown, another name (copied), for as long as it stays here. */
void mailbox_set_message_name(Mailbox *mailbox, Message *message, const char *name);

/* The message with this UID, also where it is hidden. */
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

/* As mailbox_refresh(), without anybody looking into it. */
guint64 mailbox_resync(Mailbox *mailbox);

/* CACHE_READY where a listing is complete, else starts or joins the one that makes it so. */
CacheResult mailbox_await_messages(Mailbox *mailbox, Waiter *waiter, GError **error);

/* --- reader.c --- */

Reader *reader_new(Account *account, guint64 memory);
void reader_free(Reader *reader);
BlockCacheStatistics reader_statistics(const Reader *reader);
