/*
 * fake-remote.h: a mail account in memory, as a Remote.
 *
 * A test sets up mailboxes and messages, changes them behind the cache's back, and takes the
 * answers one step at a time: a step is the server's taking up a command (a scan tells then that
 * the mailbox is open), or one call of one handler. Nothing happens between steps, and nothing here
 * ever waits, so a test that steps a bounded number of times cannot hang.
 *
 * Message bytes are a function of the message's seed and the offset; none are stored. Of what is
 * appended the first line is kept, as the message's name.
 *
 * A change (fake-changes.c) takes two steps: it is carried out, and it is answered.
 */
#pragma once

#include "imapfs/remote.h"

typedef struct {
	guint32 uid;
	char *name;        /* told as the header */
	guint64 size;      /* bytes, in truth */
	guint64 told_size; /* bytes, as RFC822.SIZE */
	gboolean hides_size;
	guint64 seed;       /* of its bytes */
	char *flags;        /* in the one form that equal ones have; NULL: not told */
	char *email_id;     /* or NULL */
	guint64 modseq;     /* of the last change of its flags */
	gboolean disturbed; /* another's change is told within every STORE that has a condition */
	int refusal;        /* the ImapfsError that every read of it ends with; -1: none */
} FakeMessage;

typedef struct {
	guint32 uid;
	guint64 modseq; /* of its expunge */
} FakeVanished;

typedef struct {
	char *name, *path;
	char delimiter;
	gboolean unselectable;
	gboolean hides_status; /* LIST tells neither UIDVALIDITY nor the number of messages */
	guint32 uidvalidity;
	guint32 next_uid;
	guint64 highestmodseq;
	gboolean hides_modseqs; /* NOMODSEQ: scans tell the flags of all, and no highestmodseq */
	gboolean keeps_modseqs_back; /* there are some, and details do not tell them */
	GPtrArray *messages;         /* of FakeMessage, by UID */
	GArray *vanished;            /* of FakeVanished, in the order of their expunge */
	gboolean refuses;            /* whatever is to be put there: IMAPFS_ERROR_QUOTA */
	gboolean subscribed;
	char *rights;          /* MYRIGHTS; NULL: all */
	gboolean lists_rights; /* with LIST */
	char *permanent_flags; /* or NULL */
	gboolean read_only;
	GTree *acl;                       /* identifier -> rights */
	const char *administrator;        /* who changes it, if still allowed to; or NULL */
	GTree *metadata;                  /* "/shared/comment" -> GBytes */
	guint64 quota_usage, quota_limit; /* of STORAGE, KiB */
} FakeMailbox;

typedef enum {
	FAKE_LIST,
	FAKE_SCAN,
	FAKE_UIDS,
	FAKE_READ,
	FAKE_MANY,
	FAKE_APPEND,
	FAKE_TRANSFER,
	FAKE_STORE,
	FAKE_EXPUNGE,
	FAKE_CREATE,
	FAKE_RENAME,
	FAKE_DELETE,
	FAKE_SUBSCRIBE,
	FAKE_DETAILS,
	FAKE_RIGHTS,
	FAKE_ACL,
	FAKE_SET_ACL,
	FAKE_METADATA,
	FAKE_ALL_METADATA,
	FAKE_SET_METADATA,
	FAKE_QUOTA,
	FAKE_N_KINDS
} FakeKind;

typedef struct FakeChange FakeChange;

/* Whose step is next, of the operations under way. */
typedef enum { FAKE_OLDEST, FAKE_NEWEST, FAKE_RANDOM } FakeOrder;

typedef struct {
	guint32 uid;
	guint64 offset, length;
} FakeRead;

/* One read of many messages. */
typedef struct {
	char *mailbox;
	guint32 uidvalidity;
	GArray *uids; /* of guint32 */
} FakeMany;

typedef struct {
	Remote remote;
	GPtrArray *mailboxes; /* of FakeMailbox, in the order of a LIST */

	/* Knobs. */
	FakeOrder order;
	GRand *rand;
	guint batch;             /* messages; 0: all of a scan in one */
	gboolean backwards;      /* scans tell the highest UID first */
	gboolean hides_values;   /* annotations are too long to be told with all */
	gboolean repeats;        /* each message, flags, vanished UID and block is told twice */
	gboolean hides_vanished; /* CONDSTORE without QRESYNC */
	gint exists_bias;        /* added to the truth at the end of scans and searches */
	guint32 search_omits;    /* a UID that searches do not tell, or 0 */
	guint32 scan_omits;      /* a UID that scans do not tell, or 0 */
	guint many_omits;    /* of so many messages in a read of many one is left out; 0: none is */
	guint many_empties;  /* of so many one is told as empty; 0: none is */
	gboolean many_mixed; /* reads of many tell their messages in any order */
	gboolean offline;    /* everything ends with IMAPFS_ERROR_OFFLINE */
	gboolean no_move, no_uidplus; /* the server cannot do it */
	gboolean hides_uids;          /* it has UIDPLUS, but never tells new UIDs */
	gboolean replaces;            /* it has REPLACE */
	RemoteCapabilities offers;    /* and all this */
	gboolean replaces_half;       /* where the connection breaks, what is replaced stays */
	/* Of so many changes in a hundred the connection breaks, before or after it is carried out:
	 * IMAPFS_ERROR_UNKNOWN, or TIMED_OUT (and not carried out) for what may be repeated. */
	guint unknown_percent;
	guint n_breaks_left; /* at the most so many times */

	/* What has been asked. */
	guint n_operations[FAKE_N_KINDS];
	guint64 n_bytes; /* of messages, delivered */
	GArray *reads;   /* of FakeRead */
	GPtrArray *many; /* of FakeMany */

	/* What is to be watched, and whom to tell of it: a test calls the handler. */
	char **watched;
	const RemoteWatchHandler *watcher;
	gpointer watcher_data;

	GPtrArray *jobs; /* under way, oldest first */
	struct {
		gboolean armed;
		ImapfsError code;
		guint after;
	} failures[FAKE_N_KINDS];
} FakeRemote;

FakeRemote *fake_remote_new(void);

/* Ends what is under way with IMAPFS_ERROR_INTERRUPTED: to be called before the cache is freed. */
void fake_remote_stop(FakeRemote *fake);
void fake_remote_free(FakeRemote *fake);

/* @path with '/' between the levels is the server's name as well. Owned by @fake. */
FakeMailbox *fake_mailbox_add(FakeRemote *fake, const char *path, guint32 uidvalidity);
void fake_mailbox_remove(FakeRemote *fake, const char *name);
FakeMailbox *fake_mailbox(FakeRemote *fake, const char *name);

/* The message gets the next UID and seed of its own. Owned by @mailbox. */
FakeMessage *fake_message_add(FakeMailbox *mailbox, const char *name, guint64 size);
void fake_message_expunge(FakeMailbox *mailbox, guint32 uid);

/* A change with a modseq of its own, as adding and expunging are. */
void fake_message_set_flags(FakeMailbox *mailbox, guint32 uid, const char *flags);
FakeMessage *fake_message(FakeMailbox *mailbox, guint32 uid);

/* Fails unless the @length bytes are those of @seed at @offset. */
void fake_bytes_check(guint64 seed, guint64 offset, const guint8 *bytes, gsize length);

/* The next operation of @kind that takes a step ends with @code instead, once it has told @after
 * mailboxes, messages, ranges or blocks. */
void fake_remote_fail(FakeRemote *fake, FakeKind kind, ImapfsError code, guint after);

/* The connection breaks and nobody is told: what has not been carried out may be or not. */
void fake_remote_kill(FakeRemote *fake);

/* Calls one handler. FALSE: nothing is under way. */
gboolean fake_remote_step(FakeRemote *fake);

/* The same for the oldest operation of @kind. FALSE: there is none. */
gboolean fake_remote_step_kind(FakeRemote *fake, FakeKind kind);
gboolean fake_remote_has_kind(const FakeRemote *fake, FakeKind kind);

/* --- between fake-remote.c and fake-changes.c --- */

/* Puts @change, which is taken, among what is under way. */
void fake_change_push(FakeRemote *fake, FakeKind kind, FakeChange *change);

/* FALSE: it is over, and has been answered. */
gboolean fake_change_step(FakeChange *change);

/* It ends: interrupted before, or nobody knows. */
void fake_change_stop(FakeChange *change);
void fake_change_kill(FakeChange *change);
void fake_change_free(FakeChange *change);

void fake_changes_fill(RemoteOperations *operations);
