/*
 * The queue of writes, and the transactions that they are grouped into.
 *
 * A transaction begins with the first write and ends when no other is queued, after many rows or
 * some time. Because writes are carried out in their order, what is in the file is at every moment
 * what it would be had everything after some write never happened.
 *
 *     writing  --an error-->  failed: the transaction is rolled back; nothing is written any more,
 *                             so that nothing is in the file that came after what is missing
 */
#include "index-private.h"

#define MAX_ROWS    5000
#define MAX_TIME_US (500 * 1000)

sqlite3_stmt *
index_statement(Index *index, IndexStatement which)
{
	return index->statements[which];
}

int
index_step(Index *index, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	index->n_rows += (guint)sqlite3_changes(index->db);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

void
index_write_fail(Index *index, int code)
{
	if (!index->failed)
		g_message("%s/index.sqlite: %s; changes are not kept from now on",
		          folder_path(index->folder), index_schema_words(index->db, code));
	index->failed = TRUE;
	index->damaged = index->damaged || index_schema_is_damage(code);
	if (!sqlite3_get_autocommit(index->db))
		sqlite3_exec(index->db, "ROLLBACK", NULL, NULL, NULL);
	index->in_transaction = FALSE;
}

static int
begin(Index *index)
{
	int code;

	if (index->in_transaction)
		return SQLITE_OK;
	code = index_step(index, index_statement(index, INDEX_BEGIN));
	index->in_transaction = !code;
	index->n_rows = 0;
	index->began_at_us = g_get_monotonic_time();
	return code;
}

static int
commit(Index *index)
{
	int code = index_step(index, index_statement(index, INDEX_COMMIT));

	index->in_transaction = code != SQLITE_OK;
	return code;
}

static gboolean
commit_is_due(const Index *index, gboolean last)
{
	return last || index->n_rows >= MAX_ROWS ||
	       g_get_monotonic_time() - index->began_at_us >= MAX_TIME_US;
}

static void
write_run(DiskJob *job)
{
	IndexWrite *write = (IndexWrite *)job;
	Index *index = write->index;
	gboolean last = g_atomic_int_dec_and_test(&index->n_queued);
	int code;

	if (index->failed)
		return;
	code = begin(index);
	if (!code)
		code = write->write(index, write);
	if (!code && commit_is_due(index, last))
		code = commit(index);
	if (code)
		index_write_fail(index, code);
}

static void
count_saving(Index *index, guint32 mailbox, int difference)
{
	gpointer key = GUINT_TO_POINTER(mailbox);
	int n = GPOINTER_TO_INT(g_hash_table_lookup(index->saving, key)) + difference;

	if (n)
		g_hash_table_insert(index->saving, key, GINT_TO_POINTER(n));
	else
		g_hash_table_remove(index->saving, key);
}

static void
write_done(DiskJob *job)
{
	IndexWrite *write = (IndexWrite *)job;

	count_saving(write->index, write->mailbox, -1);
	if (write->clear)
		write->clear(write);
	g_free(write);
}

void
index_write_push(Index *index, guint32 mailbox, IndexWrite *write)
{
	write->job.run = write_run;
	write->job.done = write_done;
	write->index = index;
	write->mailbox = mailbox;
	count_saving(index, mailbox, 1);
	g_atomic_int_inc(&index->n_queued);
	disk_push(index->disk, &write->job);
}
