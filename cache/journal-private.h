/*
 * journal-private.h: the parts of a journal that its files share.
 *
 *     journal.c           opening, closing, the entries in memory
 *     journal-schema.c    the file: its tables, their versions, setting it aside
 *     journal-row.c       an entry as a row
 *     journal-names.c     names that messages were given here
 *     journal-names.c     names that messages were given here
 *     journal-write.c     the queue of writes and their transactions
 *     journal-spool.c     the bytes to be appended
 */
#pragma once

#include "journal.h"

#include <sqlite3.h>

#define JOURNAL_FILE "journal.sqlite"

typedef enum {
	JOURNAL_STATEMENT_BEGIN,
	JOURNAL_STATEMENT_COMMIT,
	JOURNAL_STATEMENT_SAVE,
	JOURNAL_STATEMENT_REMOVE,
	JOURNAL_STATEMENT_NAME,
	JOURNAL_STATEMENT_UNNAME,
	JOURNAL_STATEMENT_TOUCH,
	JOURNAL_N_STATEMENTS
} JournalStatement;

typedef struct JournalTransaction JournalTransaction;

struct Journal {
	const Folder *folder; /* NULL: in memory */
	Disk *disk;

	/* Of the loop. */
	GQueue entries;     /* of JournalEntry, by id */
	GHashTable *by_id;  /* &JournalEntry.id -> JournalEntry */
	GHashTable *names;  /* message -> name (journal-names.c) */
	guint64 last_id;    /* given out */
	guint64 last_added; /* committed */
	GQueue pending;     /* of JournalWrite, for the next transaction */
	JournalTransaction *running;
	guint n_holds;
	gboolean failing;     /* the last transaction failed, which has been logged */
	GHashTable *unsynced; /* names of staged files that have never been synced */
	void (*added)(gpointer data);
	gpointer added_data;

	/* The spool. */
	int spool_fd;             /* -1: in memory */
	GHashTable *memory_files; /* name -> descriptor */
	GPtrArray *orphans;       /* of char * */

	/* Of the worker, once the journal is open. */
	sqlite3 *db;
	sqlite3_stmt *statements[JOURNAL_N_STATEMENTS];
};

/* --- journal-schema.c --- */

/* Opens the file, or one in memory, checks it, brings it up to date. Sets @newer where it is of a
 * later version. An SQLite code. */
int journal_schema_open(const Folder *folder, sqlite3 **db, gboolean *newer, GError **error);

/* Renames the closed file to journal.sqlite.@word-N, the first N that is free, and logs it with
 * @cause as the reason. */
void journal_schema_set_aside(const Folder *folder, const char *word, const GError *cause);

/* --- journal-row.c --- */

/* Prepares the statements and reads all entries. An SQLite code. */
int journal_row_begin(Journal *journal);

/* On the worker. SQLite codes. */
int journal_row_save(Journal *journal, const JournalEntry *entry);
int journal_row_remove(Journal *journal, guint64 id);
int journal_row_step(Journal *journal, JournalStatement which);

/* --- journal-names.c --- */

/* SQLite codes. The first on the worker; the second when the file is opened. */
int journal_names_save(Journal *journal, const char *key, const char *name);
int journal_names_load(Journal *journal);

/* --- journal-write.c --- */

/* One thing to be done to the file. */
typedef struct {
	JournalEntry *row;     /* a copy of what is to be saved, or NULL */
	guint64 removed_id;    /* entry that is to be removed, or 0 */
	char *staged;          /* and its file, or NULL */
	char *named;           /* message that gets a name, or NULL ... */
	char *name;            /* ... which is NULL: none any more */
	JournalEntry *added;   /* joins the entries once it is committed, or NULL */
	JournalAdded on_added; /* ... and then this is called */
	gboolean settles;      /* all so far is to be on stable storage ... */
	GPtrArray *unsynced;   /* ... these files too, or NULL */
	JournalSettled on_settled;
	gpointer data;
} JournalWrite;

/* Takes @write, allocated with g_new0(). */
void journal_write_push(Journal *journal, JournalWrite *write);

/* Forgets what is pending: nothing more can be written. */
void journal_write_drop_pending(Journal *journal);

/* Begins a transaction with what is pending, unless one is running. */
void journal_write_run(Journal *journal);

/* --- journal.c --- */

/* Takes @entry, which is in the file now. */
void journal_take_entry(Journal *journal, JournalEntry *entry);

/* --- journal-spool.c --- */

gboolean journal_spool_open(Journal *journal, GError **error);
void journal_spool_close(Journal *journal);

/* Finds the orphans; the entries have been read. */
void journal_spool_find_orphans(Journal *journal);

/* On the worker. An errno, 0: good. Files that are not there have nothing to lose. */
int journal_spool_sync(const Journal *journal, const GPtrArray *names);

/* The entry that named this file is removed: what is in memory only goes now. */
void journal_spool_forget(Journal *journal, const char *name);

gboolean journal_spool_name_is_valid(const char *name);
