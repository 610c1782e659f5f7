/*
 * journal.h: what is to be changed on the server, written down before anybody is told that it was
 * done. The only way to change the server: fs/ and the overlay add entries, the flusher (flusher.h)
 * carries them out in their order and removes them.
 *
 * One SQLite file in the account's folder, apart from the index: that can be had from the server
 * again, this cannot. Bytes of messages to be appended lie beside it, a file each, in spool/. It is
 * opened before serving begins; from then on everything here returns at once, is called from the
 * loop, and calls back from the loop, never before it has returned.
 *
 * What is committed survives the daemon, however that dies; what is settled, also the machine.
 */
#pragma once

#include "disk.h"
#include "folder.h"

typedef struct Journal Journal;

/* Numbers are in the file. */
typedef enum {
	JOURNAL_APPEND = 1, /* staged bytes to the mailbox to */
	JOURNAL_MOVE = 2,   /* message uid of mailbox to the mailbox to */
	JOURNAL_COPY = 3,   /* the same */
	JOURNAL_REMOVE = 4, /* message uid of mailbox */
	JOURNAL_FLAGS = 5,  /* of message uid of mailbox */
	JOURNAL_CREATE = 6, /* mailbox */
	JOURNAL_DELETE = 7, /* mailbox */
	JOURNAL_RENAME = 8, /* mailbox; to is its new name */
} JournalKind;

typedef enum {
	JOURNAL_QUEUED = 0, /* not sent */
	JOURNAL_SENT = 1,   /* sent; until it is answered nobody knows what came of it */
	JOURNAL_HALF = 2,   /* appended, copied or moved; what shall go has still to be removed */
	JOURNAL_FAILED = 3, /* refused, or impossible; kept until it is dismissed */
} JournalState;

/* Strings are the entry's own. Numbers that are not known are 0, strings NULL. The owner sets all
 * but id and what is marked (*), which the flusher sets. */
typedef struct {
	guint64 id; /* they are carried out in this order; given by journal_add() */
	JournalKind kind;
	JournalState state;  /* (*) */
	char *mailbox;       /* server's bytes; of CREATE NULL where name and parent tell it */
	guint32 uidvalidity; /* of mailbox; needed wherever there is a uid */
	guint32 uid;
	char *to;               /* server's bytes; of RENAME NULL where name and parent tell it */
	guint32 to_uidvalidity; /* 0: any; (*) once it is known */
	char *name;             /* file name it shall have there, UTF-8; CREATE and RENAME without
	                         * mailbox or to: the last component of the new name */
	char *parent;          /* of that: the mailbox above it, server's bytes; NULL: at the top */
	char delimiter;        /* of that: between the two; 0: there are no levels */
	guint32 replaces;      /* UID in to that goes once this is there; needs to_uidvalidity */
	char *flags;           /* of APPEND and FLAGS, as in RemoteAppend and RemoteStore */
	char sign;             /* of FLAGS, as in RemoteStore */
	gint64 internaldate;   /* seconds since 1970 */
	char *staged;          /* APPEND: name of its file, from journal_stage() */
	guint64 size;          /* bytes, as RFC822.SIZE will be told */
	guint64 content_key;   /* as the flusher's content_key() will tell; of APPEND
	                      * content_key_of_header() */
	guint32 new_uid;       /* (*) in to */
	guint32 uidnext;       /* (*) of to, before it was sent: what is new is not below. Of a
	                      * FAILED one not 0: it must not be sent again. Of a mailbox
	                      * 1: it was sent before, and it is not known what came of it */
	guint32 first_uidnext; /* (*) the same, when it was sent for the first time, if nobody knows
	                        * what came of that */
	char *error;           /* (*) why it failed, for people */
	gint64 time;           /* when it was added: seconds since 1970; journal_add() fills it */
	GList link;            /* the journal's */
} JournalEntry;

/* Whether it is about a mailbox, and not about messages. */
static inline gboolean
journal_kind_is_of_mailbox(JournalKind kind)
{
	return kind == JOURNAL_CREATE || kind == JOURNAL_DELETE || kind == JOURNAL_RENAME;
}

JournalEntry *journal_entry_new(JournalKind kind);
JournalEntry *journal_entry_copy(const JournalEntry *entry);
void journal_entry_free(JournalEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalEntry, journal_entry_free)

/* Opens the journal in @folder (NULL: in memory, nothing is kept), making it where it is missing,
 * and reads its entries. A damaged one, or one of a later version of imapfs, is set aside with a
 * warning in the log, and a new one begun. @folder and @disk stay the caller's and must outlive the
 * journal. May wait for the disk. The error is of the disk, and the words say where. */
Journal *journal_open(const Folder *folder, Disk *disk, GError **error);

/* Waits until all is written; callbacks that are due are called. */
void journal_free(Journal *journal);

/* Waits likewise. */
void journal_flush(Journal *journal);

/* JournalEntry, all that have been committed and not removed, by id. The journal's. */
const GQueue *journal_entries(const Journal *journal);

/* NULL: it is gone. */
JournalEntry *journal_entry(const Journal *journal, guint64 id);

/* That of the last entry that has been committed; 0: there never was one. */
guint64 journal_last_id(const Journal *journal);

/* That of the last entry that was added, committed or not. */
guint64 journal_last_given(const Journal *journal);

/* @entry has been committed and is in journal_entries(), or NULL: it could not be written, and must
 * not be carried out (IMAPFS_ERROR_QUOTA: the disk is full; READ_ONLY; FAILED). */
typedef void (*JournalAdded)(JournalEntry *entry, const GError *error, gpointer data);

/* Takes @entry, which is the journal's from now on, and which must not be looked at before
 * @callback (may be NULL). Many that are added while the disk is busy share one transaction.
 * Returns the entry's id. */
guint64 journal_add(Journal *journal, JournalEntry *entry, JournalAdded callback, gpointer data);

/* Calls @added whenever entries have been committed, after their own callbacks. One may listen. */
void journal_listen(Journal *journal, void (*added)(gpointer data), gpointer data);

typedef void (*JournalSettled)(const GError *error, gpointer data);

/* Writes @entry as it is now. What cannot be written is logged once, and tried again with whatever
 * is written next. */
void journal_update(Journal *journal, const JournalEntry *entry);

/* The same, and calls @callback once it has been tried, from the loop. */
void journal_update_then(Journal *journal, const JournalEntry *entry, JournalSettled callback,
                         gpointer data);

/* Calls @callback once all that was asked for before has been tried to be written, from the loop:
 * the error, if any, is that of what goes together with this. */
void journal_barrier(Journal *journal, JournalSettled callback, gpointer data);

/* Frees @entry, forgets it, and then deletes its staged file. */
void journal_remove(Journal *journal, JournalEntry *entry);

/* The name that message @uid of @mailbox (server's bytes) was given here, or NULL. The journal's.
 */
const char *journal_name(const Journal *journal, const char *mailbox, guint32 uidvalidity,
                         guint32 uid);

/* Notes it (NULL: it has none any more); @callback, which may be NULL, as for
 * journal_update_then(). */
void journal_set_name(Journal *journal, const char *mailbox, guint32 uidvalidity, guint32 uid,
                      const char *name, JournalSettled callback, gpointer data);

/* Mailbox @from is called @to now, and so are those below it. */
void journal_move_names(Journal *journal, const char *from, const char *to, char delimiter);

/* An id that no entry has or will have. */
guint64 journal_next_id(Journal *journal);

/* What is added, updated and removed between the two is in the file all together or not at all.
 * May be nested. */
void journal_hold(Journal *journal);
void journal_release(Journal *journal);

/* Calls @callback once everything so far is on stable storage: all entries, and with @staged also
 * the bytes that they are to append (fsync). With an error, it may not be. */
void journal_settle(Journal *journal, gboolean staged, JournalSettled callback, gpointer data);

/* A new, empty file (mode 0600) for an APPEND's bytes, opened for reading and writing; the
 * descriptor and @name are the caller's. Waits for the disk as long as making a file takes. -1:
 * failed. */
int journal_stage(Journal *journal, char **name, GError **error);

/* Deletes a staged file that no entry names. */
void journal_unstage(Journal *journal, const char *name);

/* The bytes to be appended, mapped; the caller's. IMAPFS_ERROR_NOT_FOUND: the file is gone. */
GBytes *journal_staged_bytes(Journal *journal, const JournalEntry *entry, GError **error);

/* Names (char *) of files in spool/ that no entry named when the journal was opened: what was being
 * written when the daemon died. The journal's. */
const GPtrArray *journal_orphans(const Journal *journal);
