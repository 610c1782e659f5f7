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

/* What a mailbox is for (RFC 6154). */
typedef enum {
	REMOTE_USE_NONE = 0,
	REMOTE_USE_DRAFTS = 1 << 0,
	REMOTE_USE_SENT = 1 << 1,
	REMOTE_USE_TRASH = 1 << 2,
	REMOTE_USE_JUNK = 1 << 3,
	REMOTE_USE_ARCHIVE = 1 << 4,
	REMOTE_USE_ALL = 1 << 5,     /* shows the messages of all mailboxes */
	REMOTE_USE_FLAGGED = 1 << 6, /* likewise, those with \Flagged */
} RemoteSpecialUse;

/* A mailbox as LIST and STATUS show it. What the server did not tell is 0. Strings are the
 * caller's. */
typedef struct {
	const char *name;    /* the server's own bytes: the only form that goes back to it */
	const char *path;    /* the same as UTF-8 where it can be decoded, else the same bytes */
	char delimiter;      /* between the levels of path, 0 where there are none */
	gboolean selectable; /* can hold messages (neither \Noselect nor \NonExistent) */
	RemoteSpecialUse special_use; /* any of them; several mailboxes may have the same */
	guint32 uidvalidity;
	guint32 messages;
	guint32 uidnext;
	guint64 highestmodseq; /* RFC 7162 */
	guint32 unseen;
	gboolean subscribed;
	const char *rights; /* the user's own (RFC 4314) as letters, or NULL: not told
	                     * (LIST-MYRIGHTS, RFC 8440) */
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
	guint32 until_uid;         /* and up to this one; 0: of all */
	guint32 messages;          /* what a listing has told of it lately, or 0: the first scan */
	guint32 uidnext;           /* of a large one is cut by that */
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
	const char *permanent_flags; /* those that the server keeps, "\Seen work \*" (\*: and any
	                              * keyword); NULL: not told, which means all */
	gboolean read_only;          /* by the server's word; nothing but an EXAMINE of ours is no
	                              * such word */
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

/* --- changes ---
 *
 * Each opens the mailbox that it is about with SELECT (RFC 3501 6.3.1). One that names messages is
 * sent only once the SELECT of the connection that carries it has told the right UIDVALIDITY
 * (IMAPFS_ERROR_STALE otherwise) and no [READ-ONLY], and, where it is open already, a NOOP has
 * found the mailbox in order: two round trips, then, for those that leave together.
 *
 * Errors of them all: IMAPFS_ERROR_READ_ONLY, without a word to the server, on a read-only mount;
 * READ_ONLY for a mailbox that the server opens so; NOT_FOUND for a mailbox that is not there;
 * DENIED, QUOTA, LIMIT as the server says (RFC 5530); USAGE for arguments that cannot be sent.
 * Without a connection it is OFFLINE, also where the login was refused: DENIED is always about the
 * change itself.
 *
 * What a lost connection interrupts is repeated where doing it twice is doing it once (see each).
 * All else ends, once any of it may have reached the server, with IMAPFS_ERROR_UNKNOWN, be it for a
 * lost connection, a time-out or imap_remote_free(): whoever wants it done must first look whether
 * it is. OFFLINE, TIMED_OUT and INTERRUPTED then mean that it was not done. */

/* What the server can do, for those who must choose between ways. */
typedef enum {
	REMOTE_KNOWN = 1 << 0,     /* a connection has logged in, so the others mean something */
	REMOTE_MOVE = 1 << 1,      /* RFC 6851 */
	REMOTE_UIDPLUS = 1 << 2,   /* RFC 4315: expunge(), and new UIDs are told */
	REMOTE_CONDSTORE = 1 << 3, /* RFC 7162: unchanged_since */
	REMOTE_REPLACE = 1 << 4,   /* RFC 8508 */
	REMOTE_GMAIL = 1 << 5,     /* X-GM-EXT-1: an expunged message may only lose a label */
	REMOTE_ACL = 1 << 6,       /* RFC 4314 */
	REMOTE_METADATA = 1 << 7,  /* RFC 5464, be it for the server's own annotations alone */
	REMOTE_QUOTA = 1 << 8,     /* RFC 2087, RFC 9208 */
	REMOTE_NOTIFY = 1 << 9,    /* RFC 5465 */
	REMOTE_IDLE = 1 << 10,     /* RFC 2177 */
} RemoteCapabilities;

/* A new message. All is copied, or referenced, before append() returns. */
typedef struct {
	const char *mailbox; /* server's bytes */
	guint32 uidvalidity; /* what it must be, or 0: whatever it is, found out without waiting */
	GBytes *content;     /* with CRLF; sent bit by bit and never copied whole, so it may be a
	                      * large mapped file, which nobody may cut short */
	const char *flags;   /* "\Seen \Draft word", or NULL */
	gint64 internaldate; /* seconds since 1970, or 0: the server's own time */
	guint32 replaces;    /* UID in it that is to go at once, where the server can; needs a
	                      * uidvalidity; 0: none */
} RemoteAppend;

typedef struct {
	/* Where it is now; 0 and 0 if the server did not tell (without UIDPLUS). @replaced: what it
	 * replaces is gone; FALSE: that is still there, and the caller's to remove. */
	void (*done)(guint32 uidvalidity, guint32 uid, gboolean replaced, const GError *error,
	             gpointer data);
} RemoteAppendHandler;

/* Messages to be copied or moved. */
typedef struct {
	const char *from; /* server's bytes */
	guint32 from_uidvalidity;
	const guint32 *uids;
	guint n_uids;
	const char *to; /* server's bytes */
	gboolean move;  /* where the server can; see done() */
} RemoteTransfer;

typedef struct {
	/* Message @uid is in the other mailbox, as @new_uid. Never told where the server tells none
	 * (without UIDPLUS). What was told is so even if done() brings an error. */
	void (*transferred)(guint32 uid, guint32 new_uid, gpointer data);
	/* @to_uidvalidity: that of the new UIDs, 0 if not told. @moved: the server moves; FALSE:
	 * what was transferred is still in its old place too, and the caller's to remove. Messages
	 * that were gone already are left out without an error. IMAPFS_ERROR_UNKNOWN also if some
	 * of many commands failed where the server does not tell what the others did. */
	void (*done)(guint32 to_uidvalidity, gboolean moved, const GError *error, gpointer data);
} RemoteTransferHandler;

typedef struct {
	const char *mailbox; /* server's bytes */
	guint32 uidvalidity;
	const guint32 *uids;
	guint n_uids;
	char sign;               /* '+' adds, '-' removes, '=' sets */
	const char *flags;       /* "\Seen word"; "" only with '=' */
	guint64 unchanged_since; /* mod-sequence; 0: no condition */
} RemoteStore;

typedef struct {
	/* Left as it is: it was changed after unchanged_since. */
	void (*modified)(guint32 uid, gpointer data);
	/* Of a conditional one: another has changed the flags at the same moment, and not even the
	 * server's word that the condition held is certain: Dovecot 2.3 gives it to both of two,
	 * now and then. May be NULL. */
	void (*disturbed)(guint32 uid, gpointer data);
	void (*done)(const GError *error, gpointer data);
} RemoteStoreHandler;

typedef struct {
	const char *mailbox; /* server's bytes */
	guint32 uidvalidity;
	const guint32 *uids;
	guint n_uids;
} RemoteExpunge;

typedef struct {
	void (*done)(const GError *error, gpointer data);
} RemoteDoneHandler;

/* --- what else is known of a message or a mailbox --- */

typedef struct {
	const char *mailbox; /* server's bytes */
	guint32 uidvalidity;
	guint32 uid;
} RemoteMessageId;

/* What the server does not offer is 0 or NULL. */
typedef struct {
	guint64 modseq;         /* RFC 7162 */
	gboolean lacks_modseqs; /* the mailbox has none, for certain (NOMODSEQ, no CONDSTORE) */
	const char *flags;      /* as in RemoteMessage */
	const char *email_id;   /* RFC 8474, or X-GM-MSGID */
	const char *thread_id;  /* RFC 8474, or X-GM-THRID */
	const char *labels;     /* X-GM-LABELS: UTF-8, one a line */
} RemoteDetails;

typedef struct {
	/* IMAPFS_ERROR_STALE: the message is expunged. */
	void (*done)(const RemoteDetails *details, const GError *error, gpointer data);
} RemoteDetailsHandler;

/* In an identifier of an access control list: there is something that is no text, and which
 * cannot be sent (U+FFFD). */
#define REMOTE_UNTOLD "\xef\xbf\xbd"

typedef struct {
	/* @text is NULL with an error. */
	void (*done)(const char *text, const GError *error, gpointer data);
} RemoteTextHandler;

typedef struct {
	/* @bytes: NULL with an error, and where there is no such entry. */
	void (*done)(GBytes *bytes, const GError *error, gpointer data);
} RemoteBytesHandler;

typedef struct {
	/* @value: NULL where it is over 64 KiB, or the values of all would be over 4 MiB. */
	void (*entry)(const char *entry, GBytes *value, gpointer data);
	void (*done)(const GError *error, gpointer data);
} RemoteMetadataHandler;

typedef struct {
	/* One resource of one quota root: @usage and @limit are KiB for "STORAGE", a count for
	 * "MESSAGE" and the like. */
	void (*resource)(const char *root, const char *resource, guint64 usage, guint64 limit,
	                 gpointer data);
	void (*done)(const GError *error, gpointer data);
} RemoteQuotaHandler;

/* --- watching --- */

/* What is told of changes that others make. */
typedef enum {
	REMOTE_WATCHING_NOTHING, /* there is no connection, or the server knows no way */
	REMOTE_WATCHING_SOME,    /* IDLE (RFC 2177), or NOTIFY where it cannot name the mailboxes of
	                          * others: some mailboxes, see watches() */
	REMOTE_WATCHING_ALL,     /* NOTIFY (RFC 5465): all mailboxes, and which there are */
} RemoteWatching;

typedef struct {
	/* In @mailbox (server's bytes, but "INBOX" in whatever letters the server writes it)
	 * messages came or went, or have other flags. What comes together is told once; what we
	 * have done ourselves may be told as well. */
	void (*mailbox)(const char *mailbox, gpointer data);
	/* A mailbox was made, removed or renamed, or subscribed to or no more. */
	void (*mailboxes)(gpointer data);
	/* What is told from now on: called at every change of that, also of which mailboxes are
	 * among the SOME, and after every new connection. What changed before may not have been
	 * told. */
	void (*watching)(RemoteWatching watching, gpointer data);
} RemoteWatchHandler;

/* How a mailbox is to be called. */
typedef struct {
	const char *parent;    /* server's bytes of the mailbox above it, or NULL: at the top */
	char delimiter;        /* between the two; 0: there are no levels */
	const char *component; /* its own name, UTF-8, without delimiter or control characters */
	const char *whole;     /* server's bytes of all of it, instead of the others; or NULL */
} RemoteMailboxName;

typedef struct {
	/* @name: the server's bytes for it now, NULL with an error. */
	void (*done)(const char *name, const GError *error, gpointer data);
} RemoteMailboxHandler;

typedef struct {
	/* Every mailbox of the account, in the order of their paths (parents before children).
	 * LIST, RFC 3501 6.3.8; STATUS in the same answer where the server can (RFC 5819);
	 * what they are for (RFC 6154); NAMESPACE (RFC 2342). Where it cannot, and @figures are
	 * wanted, STATUS (RFC 3501 6.3.10) of the first 500 mailboxes, which takes further round
	 * trips; what that does not tell of a mailbox stays 0. */
	void (*list)(Remote *remote, gboolean figures, const RemoteListHandler *handler,
	             gpointer data);
	/* SELECT or EXAMINE (or NOOP), UID FETCH n:*, and UID FETCH 1:n (FLAGS) for the changes,
	 * with CHANGEDSINCE and VANISHED where the server can (RFC 7162), in one round trip. A
	 * large mailbox that is listed for the first time is asked for in parts, of several
	 * connections if that is faster; its messages are told in the order of these parts.
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

	/* 0 before the first login. */
	RemoteCapabilities (*capabilities)(Remote *remote);
	/* APPEND (RFC 3501 6.3.11), or UID REPLACE (RFC 8508); APPENDUID (RFC 4315). Those for one
	 * mailbox travel together, without waiting for one another, except from 100 KiB on: then
	 * the server is asked first (RFC 7888). Flags that the server does not like are left out.
	 * Never repeated. IMAPFS_ERROR_TOO_BIG: by the server's word, or before it is sent
	 * (APPENDLIMIT, RFC 7889). USAGE: nothing in it, or NUL bytes, which only some servers take
	 * (BINARY, RFC 3516). */
	void (*append)(Remote *remote, const RemoteAppend *append,
	               const RemoteAppendHandler *handler, gpointer data);
	/* UID MOVE (RFC 6851), else UID COPY (RFC 3501 6.4.7), in commands of at most 8000 bytes;
	 * COPYUID (RFC 4315). Never repeated. */
	void (*transfer)(Remote *remote, const RemoteTransfer *transfer,
	                 const RemoteTransferHandler *handler, gpointer data);
	/* UID STORE +FLAGS.SILENT (RFC 3501 6.4.6), conditional with RFC 7162 3.1.3. Repeated if it
	 * adds or removes without a condition. IMAPFS_ERROR_NOT_PERMITTED, before anything is sent:
	 * a flag that the mailbox does not keep (PERMANENTFLAGS). UNSUPPORTED, likewise: a
	 * condition, without CONDSTORE. */
	void (*store)(Remote *remote, const RemoteStore *store, const RemoteStoreHandler *handler,
	              gpointer data);
	/* UID EXPUNGE (RFC 4315 2.1): removes those that have \Deleted, and no others; nothing ever
	 * says CLOSE or EXPUNGE. Repeated. UNSUPPORTED, before anything is sent: without UIDPLUS.
	 */
	void (*expunge)(Remote *remote, const RemoteExpunge *expunge,
	                const RemoteDoneHandler *handler, gpointer data);
	/* The name that create() and rename() would give, without a word to the server; NULL and
	 * IMAPFS_ERROR_USAGE if it cannot be one. Caller frees. */
	char *(*mailbox_name)(Remote *remote, const RemoteMailboxName *name, GError **error);
	/* CREATE (RFC 3501 6.3.3) and RENAME (6.3.5). IMAPFS_ERROR_EXISTS: there is one already.
	 * USAGE: the name cannot be one. Never repeated. */
	void (*create)(Remote *remote, const RemoteMailboxName *name,
	               const RemoteMailboxHandler *handler, gpointer data);
	void (*rename)(Remote *remote, const char *mailbox, const RemoteMailboxName *name,
	               const RemoteMailboxHandler *handler, gpointer data);
	/* DELETE (6.3.4). EXISTS: there are others below it. Never repeated. */
	void (*delete)(Remote *remote, const char *mailbox, const RemoteDoneHandler *handler,
	               gpointer data);
	/* SUBSCRIBE or UNSUBSCRIBE (6.3.6, 6.3.7). Repeated. */
	void (*subscribe)(Remote *remote, const char *mailbox, gboolean subscribed,
	                  const RemoteDoneHandler *handler, gpointer data);

	/* UID FETCH (MODSEQ FLAGS EMAILID THREADID X-GM-LABELS), what of that the server offers.
	 * Repeated. */
	void (*details)(Remote *remote, const RemoteMessageId *message,
	                const RemoteDetailsHandler *handler, gpointer data);
	/* MYRIGHTS (RFC 4314 3.5): the letters. GETACL (3.3): "identifier rights", one a line,
	 * with "" for no rights; where an identifier cannot be told exactly, it has REMOTE_UNTOLD
	 * in it. These and all below: IMAPFS_ERROR_UNSUPPORTED, before anything is sent, where the
	 * server does not offer the extension; DENIED; NOT_FOUND. Repeated. */
	void (*rights)(Remote *remote, const char *mailbox, const RemoteTextHandler *handler,
	               gpointer data);
	void (*acl)(Remote *remote, const char *mailbox, const RemoteTextHandler *handler,
	            gpointer data);
	/* SETACL (3.1); with @rights NULL DELETEACL (3.2). USAGE: not an identifier or rights that
	 * can be sent, or the former with REMOTE_UNTOLD in it. */
	void (*set_acl)(Remote *remote, const char *mailbox, const char *identifier,
	                const char *rights, const RemoteDoneHandler *handler, gpointer data);
	/* GETMETADATA (RFC 5464 4.2) of one entry ("/shared/comment"), and of all. @mailbox "": of
	 * the server. TOO_BIG: over 1 MiB, or over 1,000 entries. */
	void (*metadata)(Remote *remote, const char *mailbox, const char *entry,
	                 const RemoteBytesHandler *handler, gpointer data);
	void (*all_metadata)(Remote *remote, const char *mailbox,
	                     const RemoteMetadataHandler *handler, gpointer data);
	/* SETMETADATA (4.3); NULL removes the entry. QUOTA, TOO_BIG and LIMIT by the server's
	 * word. USAGE: it has NUL bytes, and the server takes none. */
	void (*set_metadata)(Remote *remote, const char *mailbox, const char *entry, GBytes *value,
	                     const RemoteDoneHandler *handler, gpointer data);
	/* GETQUOTAROOT (RFC 9208 4.1.2): all roots of a mailbox. */
	void (*quota)(Remote *remote, const char *mailbox, const RemoteQuotaHandler *handler,
	              gpointer data);

	/* Tells of changes from now on, until the Remote is freed; another call takes the place of
	 * the first. @mailboxes: NULL-terminated names (server's bytes), most wanted first, for
	 * servers without NOTIFY, which are asked to watch the first few of them; all is copied. On
	 * connections of its own. A server that knows no way is not asked for any. */
	void (*watch)(Remote *remote, const char *const *mailboxes,
	              const RemoteWatchHandler *handler, gpointer data);
	/* Whether changes in @mailbox are told now. */
	gboolean (*watches)(Remote *remote, const char *mailbox);
} RemoteOperations;

struct Remote {
	const RemoteOperations *operations;
};
