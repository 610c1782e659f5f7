/*
 * index.h: what is known of the account's mailboxes and messages, kept on disk between mounts.
 *
 * One SQLite file in the account's folder. It is opened and its mailboxes are read before serving
 * begins; from then on the disk worker alone works on it, and everything here returns at once and
 * is called from the loop. Writes are carried out in the order of the calls and reach the file in
 * that order, so a state saved after its messages is never found without them, whatever kills the
 * process. Power loss may take the last of what was written, from the end.
 *
 * When the file cannot be written any more, that is logged once, what was written before stays as
 * it is, and saving does nothing from then on: the mount works without.
 */
#pragma once

#include "disk.h"
#include "folder.h"

typedef struct Index Index;

/* What a mailbox was like when it was last completely in sync. */
typedef struct {
	guint32 uidnext;
	guint64 highestmodseq;
	guint32 exists;    /* messages */
	gboolean complete; /* all messages of some moment have been saved */
	gboolean holey;    /* messages may be missing below the last UID */
} IndexState;

/* A mailbox, or a level in the names of others. Ids are the caller's, 31 bits and never 0. */
typedef struct {
	guint32 id;
	guint32 position; /* in the order of LIST */
	char *name;       /* server's bytes; NULL: a level only */
	char *path;       /* as in RemoteMailbox: may be other than UTF-8 */
	char delimiter;   /* 0: none */
	gboolean selectable;
	guint32 uidvalidity; /* 0: not known yet */
	/* Not saved by index_save_mailbox(). */
	IndexState state;
	char *permanent_flags; /* as in RemoteScanned; NULL: not known, or all */
	gboolean read_only;    /* by the server's word */
} IndexMailbox;

typedef struct {
	guint32 uid;
	gboolean size_exact;
	guint64 size;        /* bytes */
	gint64 internaldate; /* seconds since 1970, UTC */
	guint64 content_key; /* 0: none */
	const char *flags;   /* "": none; from index_intern_flags() */
	char *name;          /* file name, valid UTF-8; "": not known */
} IndexMessage;

typedef struct {
	guint32 uid;
	const char *flags; /* from index_intern_flags() */
} IndexFlags;

/* Opens the index in @folder, making it where it is missing. One of a later version of imapfs, or
 * a damaged one, is set aside with one line in the log, and a new one begun. Both @folder and @disk
 * stay the caller's and must outlive the index. The error is of the disk. */
Index *index_open(const Folder *folder, Disk *disk, GError **error);

/* Waits until all is written; loads that are under way are answered. */
void index_free(Index *index);

/* Waits until all that was saved is in the file. */
void index_flush(Index *index);

/* A random number that is another one for each new file: what else is kept by mailbox ids belongs
 * to this file, or is worth nothing. */
guint64 index_store_id(const Index *index);

/* Whether the server was caught with a wrong RFC822.SIZE. */
gboolean index_sizes_lie(const Index *index);
void index_set_sizes_lie(Index *index, gboolean sizes_lie);

/* What the file held when it was opened: IndexMailbox, in the order of positions, and guint32, the
 * ids that may not be given out again. The index's. */
const GArray *index_mailboxes(const Index *index);
const GArray *index_worn_ids(const Index *index);

/* The one copy of @flags, which lives as long as the index. */
const char *index_intern_flags(Index *index, const char *flags);

/* All but the state and what may be done. Should another UIDVALIDITY have been known under this id
 * (0 is another, too), these and the messages are forgotten. Copies. */
void index_save_mailbox(Index *index, const IndexMailbox *mailbox);

/* Of a mailbox that has been saved. Copies. */
void index_save_state(Index *index, guint32 mailbox, const IndexState *state);
void index_save_access(Index *index, guint32 mailbox, const char *permanent_flags,
                       gboolean read_only);

/* Forgets the mailbox and its messages; its id is worn from now on. */
void index_remove_mailbox(Index *index, guint32 mailbox);

/* An empty array of IndexMessage, which frees the names in it (where not NULL). */
GArray *index_messages_new(void);

/* Takes @messages. One with a known UID is replaced. */
void index_save_messages(Index *index, guint32 mailbox, GArray *messages);

/* Takes @flags, of IndexFlags. Unknown UIDs are left alone, here and below. */
void index_save_flags(Index *index, guint32 mailbox, GArray *flags);

void index_save_size(Index *index, guint32 mailbox, guint32 uid, guint64 size, gboolean exact);
void index_save_name(Index *index, guint32 mailbox, guint32 uid, const char *name);

/* The messages with UIDs in [@first, @last]. */
void index_forget_messages(Index *index, guint32 mailbox, guint32 first, guint32 last);

/* @messages: of IndexMessage, by ascending UID, now the callback's with all its strings; NULL: they
 * cannot be read. What makes no sense in the file has been left out, so where there are fewer than
 * state.exists says, the rest is to be asked for again. No two have one UID; that no two have one
 * name is not looked at. */
typedef void (*IndexLoaded)(GArray *messages, gpointer data);

/* Loads all messages of a mailbox, as they are after everything that has been saved so far, and
 * calls @callback from the loop, exactly once, not before this returns. Ahead of what is being
 * written, except where that is of the same mailbox. */
void index_load_messages(Index *index, guint32 mailbox, IndexLoaded callback, gpointer data);
