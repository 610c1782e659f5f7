/*
 * account.h: what this machine knows of a mail account: its mailboxes, their messages, the bytes of
 * these. fs/ asks here, and nowhere else.
 *
 * Every question is answered from memory or not at all: where the answer is not there, the cache
 * asks the server (once, however many ask), parks the caller's Waiter and says CACHE_PARKED. A
 * Mailbox or Message pointer is good until the caller returns to the loop, not longer: keep ids.
 *
 * A message is named by one number, its mailbox's id << 32 | its UID. A mailbox's id is made from
 * its name and UIDVALIDITY, so the same message has the same number in every mount.
 */
#pragma once

#include "imapfs/remote.h"
#include "imapfs/wait.h"

#include <sys/uio.h>

typedef struct Account Account;
typedef struct Mailbox Mailbox;

typedef struct {
	guint32 uid;
	gboolean
		size_exact; /* all bytes have been seen: size is the truth, not the server's word */
	gboolean growing;   /* its size is just turning out to be another than the server said */
	guint64 size;       /* bytes */
	gint64 internaldate; /* seconds since 1970, UTC */
	guint64 content_key; /* the same for the same message elsewhere; 0: not known */
	char *flags;         /* as in RemoteMessage, as the server told; a GRefString. See
	                      * account_flags() */
	char *name;          /* file name */
} Message;

/* How names are made; they belong to the layer above. Each returns a new string. */
typedef struct {
	const char *header_fields; /* that message() needs, or NULL: the UID is enough */
	char *(*message)(const RemoteMessage *message);
	char *(*message_again)(const char *name, guint32 uid); /* the first choice is taken */
	char *(*mailbox)(const char *component);
	char *(*component)(const char *file_name); /* the way back; NULL: there is none */
} NameRules;

/* What changed under the layer above. Called from the main loop, before any waiter is woken. */
/* What has changed on the server, as far as it is known here. */
typedef enum {
	ACCOUNT_MESSAGE_NEW,
	ACCOUNT_MESSAGE_GONE,
	ACCOUNT_MESSAGE_FLAGS,
	ACCOUNT_MAILBOX_CREATED,
	ACCOUNT_MAILBOX_GONE,
	ACCOUNT_MAILBOX_CHANGED, /* in a mailbox whose messages are not known: it is not said what */
} AccountChange;

typedef struct {
	/* Directory @parent has entry @name, which was @id (a message or a mailbox << 32), no more.
	 */
	void (*entry_gone)(guint64 parent, guint64 id, const char *name, gpointer data);
	/* A message turned out to be longer (@grew) or shorter than the server said. */
	void (*size_changed)(guint64 message, gboolean grew, gpointer data);
	/* Directory @parent has an entry @name that the kernel may believe is not there: what could
	 * not be changed is back. */
	void (*entry_came)(guint64 parent, const char *name, gpointer data);
	/* The bytes of @message are others than those that the kernel holds. */
	void (*content_changed)(guint64 message, gpointer data);
	/* For whoever waits for that. Of a mailbox that is listed for the first time nothing is told.
	 * @message is NULL of what is about mailboxes. */
	void (*changed)(AccountChange change, const Mailbox *mailbox, const Message *message,
	                gpointer data);
	/* How soon that is told of what others change. */
	void (*watching)(RemoteWatching watching, gpointer data);
	/* The messages of @mailbox (its id << 32) can now be changed, or no more
	 * (mailbox_has_writable_messages()). May be NULL. */
	void (*access_changed)(guint64 mailbox, gpointer data);
} AccountEvents;

typedef enum { ACCOUNT_TRASH_AUTO, ACCOUNT_TRASH_YES, ACCOUNT_TRASH_NO } AccountTrash;

typedef struct {
	gboolean read_only; /* nothing can be changed */
	AccountTrash trash; /* removed messages go to the mailbox with \Trash (RFC 6154), unless
	                     * they are in it; auto: where the server else only takes off a label */
	gboolean sync;      /* who changes anything waits for the server: mkdir is exclusive */
	gboolean writeback; /* who closes a file waits for account_settled(), not for the server */
	guint64 memory;     /* bytes of message blocks to hold at the most */
	const char *root;   /* path of the mailbox to show, '/' between its file names, or NULL */
	const char *name;   /* of the account on this machine, "user@host:port"; NULL: nothing is
	                     * kept on disk */
	const char *cache;  /* directory for that, or NULL: $XDG_CACHE_HOME */
	guint64 cache_size; /* bytes of message blocks on disk at the most; 0: 2 GiB, or a tenth of
	                     * what is free there if that is less */
} AccountSettings;

static inline guint64
message_id(guint32 mailbox_id, guint32 uid)
{
	return (guint64)mailbox_id << 32 | uid;
}

/* @remote, @rules and @events stay the caller's and must outlive the account. Reads what is kept of
 * it on disk, so that this waits for the disk; what cannot be read or is in use by another mount is
 * logged, and done without. Begins a thread. */
Account *account_new(Remote *remote, const AccountSettings *settings, const NameRules *rules,
                     const AccountEvents *events, gpointer data);
void account_free(Account *account);

/* Whether its mailboxes are known: the account was listed, now or in an earlier mount. */
gboolean account_is_known(const Account *account);

/* Whether anything is kept on disk, and whether all of message @id is. */
gboolean account_keeps(const Account *account);
gboolean account_is_kept(Account *account, guint64 id);

/* Deletes what is kept of account @name (as in AccountSettings) in @cache, or $XDG_CACHE_HOME if
 * that is NULL. IMAPFS_ERROR_NOT_FOUND: nothing is; IMAPFS_ERROR_EXISTS: it is mounted. */
gboolean account_forget(const char *cache, const char *name, GError **error);

/* The mailbox shown as the root: after the first refresh. NULL if the account has no such mailbox.
 */
Mailbox *account_root(Account *account);

/* The mailbox with @id, or NULL: there is none (any more). */
Mailbox *account_mailbox(Account *account, guint32 id);

/* Begins to list the account's mailboxes anew and says when that is done: to be given to
 * account_refreshed(). With @lazy, one that is younger than four
 * times as long as it took will do: who walks a tree need not wait for a listing at each step. */
guint64 account_refresh(Account *account, gboolean lazy);

/* CACHE_READY once the listing @ticket is done. Fails only where there never was one. */
CacheResult account_refreshed(Account *account, guint64 ticket, Waiter *waiter, GError **error);

/* Bytes [@offset, @offset + @length) of message @id, as pointers into blocks: sets @n_iov, at most
 * @max_iov of them. Fewer bytes than asked for: the message ends there. Good until the return to
 * the loop. IMAPFS_ERROR_STALE: the message is gone and these bytes are not here. */
CacheResult account_read(Account *account, guint64 id, guint64 offset, gsize length,
                         struct iovec *iov, guint max_iov, guint *n_iov, Waiter *waiter,
                         GError **error);

/* CACHE_READY once the size of message @id may be told: not while somebody waits for bytes that may
 * show it to be wrong. For a kernel that hears a size between asking for bytes and getting fewer of
 * them believes the size, and pads the file with zeros. */
CacheResult account_await_size(Account *account, guint64 id, Waiter *waiter);

/* Whether the server was caught with a wrong RFC822.SIZE: then no size is to be trusted that is not
 * exact. */
gboolean account_sizes_lie(const Account *account);

/* From a moment later on what others change on the server is found out as soon as it tells (NOTIFY,
 * RFC 5465; IDLE, RFC 2177), and the account is listed every @poll_seconds (0: never). To be called
 * once at most, and not before the account can be told of events. */
void account_watch(Account *account, guint poll_seconds);

/* Messages known to be in the account, for statfs. */
guint64 account_n_messages(const Account *account);

/* Appends "name: value" lines about the connections and the cache. */
void account_status(Account *account, GString *text);

/* --- a mailbox --- */

guint32 mailbox_id(const Mailbox *mailbox);
Mailbox *mailbox_parent(const Mailbox *mailbox); /* NULL above the top level */
const char *mailbox_file_name(const Mailbox *mailbox);
gint64
mailbox_changed_at(const Mailbox *mailbox); /* seconds since 1970: when a change was last seen */
guint mailbox_n_children(const Mailbox *mailbox);

/* The child mailbox called @name, and the one with the lowest id above @after_id; or NULL. */
Mailbox *mailbox_child(const Mailbox *mailbox, const char *name);
Mailbox *mailbox_next_child(const Mailbox *mailbox, guint32 after_id);

/* A number that grows when the list of entries changes other than by being read for the first time.
 */
guint64 mailbox_version(const Mailbox *mailbox);

/* Begins to bring the list of messages up to date and says when that is done, to be given to
 * mailbox_refreshed(). What another client did before this call will then be seen. */
guint64 mailbox_refresh(Mailbox *mailbox);

/* CACHE_READY once refresh @ticket is done, has failed (an old list is better than none), or is the
 * first: that one is watched by mailbox_next_message() as it grows. */
CacheResult mailbox_refreshed(Mailbox *mailbox, guint64 ticket, Waiter *waiter, GError **error);

/* The message @uid if it is known; no question is asked. */
const Message *mailbox_message(const Mailbox *mailbox, guint32 uid);

/* Whether all messages of some moment are known, and the first known one above @after_uid, or NULL;
 * no question is asked. */
gboolean mailbox_is_listed(const Mailbox *mailbox);
const Message *mailbox_message_after(const Mailbox *mailbox, guint32 after_uid);

/* The message with the lowest UID above @after_uid into @message, NULL after the last. While the
 * first listing streams in, answers as soon as that message has come. */
CacheResult mailbox_next_message(Mailbox *mailbox, guint32 after_uid, const Message **message,
                                 Waiter *waiter, GError **error);

/* The message with file name @name into @message, NULL if there is none. */
CacheResult mailbox_lookup(Mailbox *mailbox, const char *name, const Message **message,
                           Waiter *waiter, GError **error);
