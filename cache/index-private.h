/*
 * index-private.h: the parts of an index that its files share.
 *
 *     index.c           opening and closing
 *     index-begin.c     what is read when it is opened
 *     index-schema.c    the file: its tables, their versions, setting it aside
 *     index-write.c     the queue of writes and their transactions
 *     index-save.c      each write
 *     index-load.c      loading the messages of a mailbox
 */
#pragma once

#include "index.h"

#include <sqlite3.h>

#define INDEX_MAX_ID 0x7fffffff

typedef enum {
	INDEX_BEGIN,
	INDEX_COMMIT,
	INDEX_SAVE_META,
	INDEX_RESET_OTHER,
	INDEX_SAVE_MAILBOX,
	INDEX_SAVE_STATE,
	INDEX_SAVE_ACCESS,
	INDEX_DELETE_MAILBOX,
	INDEX_WEAR_ID,
	INDEX_SAVE_FLAG_SET,
	INDEX_SAVE_MESSAGE,
	INDEX_SAVE_FLAGS,
	INDEX_SAVE_SIZE,
	INDEX_SAVE_NAME,
	INDEX_DELETE_MESSAGES,
	INDEX_LOAD_MESSAGES,
	INDEX_N_STATEMENTS
} IndexStatement;

struct Index {
	const Folder *folder;
	Disk *disk;

	/* Of the loop. */
	guint64 store_id;
	gboolean sizes_lie;
	GArray *mailboxes;  /* of IndexMailbox */
	GArray *worn_ids;   /* of guint32 */
	GHashTable *flags;  /* set of flags, each interned */
	GHashTable *saving; /* mailbox -> number of writes under way */
	gint n_queued;      /* atomic: writes that have not run */

	/* Of the worker, once the index is open. */
	sqlite3 *db;
	sqlite3_stmt *statements[INDEX_N_STATEMENTS];
	GHashTable *flags_by_id;  /* id in flag_sets -> interned flags */
	GHashTable *ids_by_flags; /* the other way */
	guint last_flags_id;
	gboolean in_transaction;
	guint n_rows;       /* changed in this transaction, which ... */
	gint64 began_at_us; /* ... began then */
	gboolean failed;    /* nothing is written any more */
	gboolean damaged;   /* the file is to be set aside at the end */
};

/* --- index-schema.c --- */

/* Brings the file from its version to @n_steps, by the SQL of the steps in between, each in a
 * transaction of its own. An SQLite code. */
int index_schema_migrate(sqlite3 *db, const char *const *steps, guint n_steps);

/* Whether an SQLite code means that the file's contents are wrong, not the disk. */
gboolean index_schema_is_damage(int code);

/* What happened, for people: SQLite's own words, or at least those for @code. */
const char *index_schema_words(sqlite3 *db, int code);

/* Opens the file and migrates it. Sets @newer where it is of a later version. An SQLite code. */
int index_schema_open(const Folder *folder, sqlite3 **db, gboolean *newer, GError **error);

/* Renames the closed file to index.sqlite.@word. */
void index_schema_set_aside(const Folder *folder, const char *word);

/* --- index-begin.c --- */

/* Prepares the statements and reads all but the messages. An SQLite code. */
int index_begin(Index *index, GError **error);

/* Frees the strings of an IndexMailbox. */
void index_mailbox_clear(gpointer mailbox);

/* --- index-write.c --- */

/* A change to the file. Embedded in what carries its arguments. */
typedef struct IndexWrite IndexWrite;
struct IndexWrite {
	DiskJob job;
	Index *index;
	guint32 mailbox; /* 0: none */
	/* On the worker: an SQLite code. Adds to index->n_rows. */
	int (*write)(Index *index, IndexWrite *write);
	/* On the loop: frees what the write holds, then itself is freed. May be NULL. */
	void (*clear)(IndexWrite *write);
};

/* Takes @write, allocated with g_new0(). */
void index_write_push(Index *index, guint32 mailbox, IndexWrite *write);

/* On the worker. Logs what happened, once, and turns writing off. */
void index_write_fail(Index *index, int code);

/* On the worker. Statement @which, to be bound; and done with: steps it to the end and counts what
 * it changed. */
sqlite3_stmt *index_statement(Index *index, IndexStatement which);
int index_step(Index *index, sqlite3_stmt *statement);
