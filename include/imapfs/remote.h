/*
 * remote.h: a mail account far away, as the cache sees it.
 *
 * imap/ implements this over a pool of connections; the tests of cache/ implement it in memory.
 * Each operation takes a handler and its data, returns at once, and never calls the handler before
 * it has returned. Then the handler's functions are called from the main loop, done() exactly once
 * and last.
 *
 * Every operation ends: with an error at the latest one timeout after the server last made
 * progress with it (IMAPFS_ERROR_TIMED_OUT), or at once where no connection can be had
 * (IMAPFS_ERROR_OFFLINE). What a lost connection interrupted is repeated by the implementation; a
 * handler may then be told the same message, flags or block twice, never a wrong one.
 */
#pragma once

#include "imapfs/error.h"

/* Message bytes arrive in blocks of this many bytes, aligned to it; the last may be shorter. */
#define REMOTE_BLOCK_SIZE (128 * 1024)

typedef struct Remote Remote;

/* A mailbox as LIST and STATUS show it. What the server did not tell is 0. Strings are the
 * caller's. */
typedef struct {
	const char *name;    /* the server's own bytes: the only form that goes back to it */
	const char *path;    /* the same as UTF-8 where it can be decoded, else the same bytes */
	char delimiter;      /* between the levels of path, 0 where there are none */
	gboolean selectable; /* can hold messages (neither \Noselect nor \NonExistent) */
	guint32 uidvalidity;
	guint32 messages;
	guint32 uidnext;
	guint64 highestmodseq; /* RFC 7162 */
} RemoteMailbox;

typedef struct {
	void (*mailbox)(const RemoteMailbox *mailbox, gpointer data);
	void (*done)(const GError *error, gpointer data);
} RemoteListHandler;

/* A message as one FETCH shows it. */
typedef struct {
	guint32 uid;
	gboolean has_size;   /* the server gave a usable RFC822.SIZE */
	guint64 size;        /* bytes */
	gint64 internaldate; /* seconds since 1970, UTC; 0 if not told */
	const char *header;  /* the fields asked for, with their CRLFs; NULL if none were */
	gsize header_length; /* bytes */
	/* Flags and keywords in the one form that equal ones have: sorted without regard to case,
	 * each once, separated by single spaces, never \Recent. "": none. NULL: not told (more
	 * than 4 KiB are as good as not told). */
	const char *flags;
	const char *email_id; /* EMAILID (RFC 8474), or NULL */
} RemoteMessage;

/* What to bring up to date: the messages of one mailbox beyond those already known, and, if wanted,
 * those. */
typedef struct {
	const char *mailbox;       /* server's bytes */
	guint32 uidvalidity;       /* what it must be, or 0: whatever it is */
	guint32 after_uid;         /* tell of UIDs above this one; 0: of all */
	const char *header_fields; /* "DATE FROM ...", or NULL for none */
	gboolean changes;     /* also tell what has changed of the messages up to after_uid; not
	                       * without a uidvalidity, for they might be another mailbox's */
	guint64 since_modseq; /* since when: highestmodseq of an earlier scan of this UIDVALIDITY;
	                       * 0: not known, so the flags of all are told */
} RemoteScan;

/* How the mailbox stands at the end of a scan. */
typedef struct {
	guint32 uidvalidity;
	guint32 exists;        /* how many messages it holds */
	guint32 uidnext;       /* no later than the truth; 0: not told */
	guint64 highestmodseq; /* all changes up to this one have been told: the next since_modseq.
	                        * 0: none */
} RemoteScanned;

typedef struct {
	/* The mailbox is open. */
	void (*opened)(guint32 uidvalidity, gpointer data);
	void (*message)(const RemoteMessage *message, gpointer data);
	/* The flags, as in RemoteMessage, of a message up to after_uid, changed or not; or news of
	 * a later one, which message() need not have told. May be NULL. */
	void (*flags)(guint32 uid, const char *flags, gpointer data);
	/* The server says that these UIDs are expunged; both inclusive, any of them may never have
	 * been there. A hint, to be checked against the count: some servers' word is wrong, and
	 * others never give it. May be NULL. */
	void (*vanished)(guint32 first, guint32 last, gpointer data);
	/* All messages that one read from the network brought have been told. */
	void (*batch)(gpointer data);
	/* @scanned means nothing with an error. */
	void (*done)(const RemoteScanned *scanned, const GError *error, gpointer data);
} RemoteScanHandler;

/* Which UIDs a mailbox has. */
typedef struct {
	void (*range)(guint32 first, guint32 last,
	              gpointer data); /* inclusive, ascending, disjoint */
	void (*done)(guint32 exists, const GError *error, gpointer data);
} RemoteUidsHandler;

typedef struct {
	const char *mailbox; /* server's bytes */
	guint32 uidvalidity; /* of that mailbox; another one is IMAPFS_ERROR_STALE */
	guint32 uid;
	guint64 offset; /* bytes, a multiple of REMOTE_BLOCK_SIZE */
	guint64 length; /* bytes, a multiple of REMOTE_BLOCK_SIZE; 0: all of the message, offset 0
	                 */
} RemoteRead;

typedef struct {
	/* Bytes from @offset on: REMOTE_BLOCK_SIZE of them, or fewer at the end of what was asked
	 * for or of the message, and then only once the server's whole answer has come. */
	void (*block)(guint64 offset, GBytes *bytes, gpointer data);
	/* @end: offset after the last byte that came. Less than asked for means that the message
	 * ends there. IMAPFS_ERROR_STALE: the message is expunged. */
	void (*done)(guint64 end, const GError *error, gpointer data);
} RemoteReadHandler;

/* Whole messages of one mailbox, before anybody waits for them. */
typedef struct {
	const char *mailbox; /* server's bytes */
	guint32 uidvalidity;
	const guint32 *uids;
	guint n_uids;
} RemoteReadMany;

typedef struct {
	/* As in RemoteReadHandler. */
	void (*block)(guint32 uid, guint64 offset, GBytes *bytes, gpointer data);
	/* All of it has come: @end bytes. What the server leaves out is never told. */
	void (*message)(guint32 uid, guint64 end, gpointer data);
	void (*done)(const GError *error, gpointer data);
} RemoteReadManyHandler;

typedef struct {
	/* Every mailbox of the account, in the order of their paths (parents before children).
	 * LIST, RFC 3501 6.3.8; STATUS in the same answer where the server can (RFC 5819);
	 * NAMESPACE (RFC 2342). Where it cannot, and @figures are wanted, STATUS (RFC 3501 6.3.10)
	 * of the first 500 mailboxes, which takes further round trips; what that does not tell of a
	 * mailbox stays 0. */
	void (*list)(Remote *remote, gboolean figures, const RemoteListHandler *handler,
	             gpointer data);
	/* SELECT or EXAMINE (or NOOP), UID FETCH n:*, and UID FETCH 1:n (FLAGS) for the changes,
	 * with CHANGEDSINCE and VANISHED where the server can (RFC 7162), in one round trip.
	 * Strings are copied. */
	void (*scan)(Remote *remote, const RemoteScan *scan, const RemoteScanHandler *handler,
	             gpointer data);
	/* UID SEARCH ALL (RFC 3501 6.4.4, RFC 4731). */
	void (*uids)(Remote *remote, const char *mailbox, guint32 uidvalidity,
	             const RemoteUidsHandler *handler, gpointer data);
	/* UID FETCH BODY.PEEK[]<offset.length> (RFC 3501 6.4.5). Never sets \Seen. */
	void (*read)(Remote *remote, const RemoteRead *read, const RemoteReadHandler *handler,
	             gpointer data);
	/* UID FETCH a,b,c (BODY.PEEK[]): behind other such work, and never in the way of read(). */
	void (*read_many)(Remote *remote, const RemoteReadMany *read,
	                  const RemoteReadManyHandler *handler, gpointer data);
	/* Appends "name: value" lines about the connections. */
	void (*status)(Remote *remote, GString *text);
} RemoteOperations;

struct Remote {
	const RemoteOperations *operations;
};
