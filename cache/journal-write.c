/*
 * The queue of writes, and the transactions that they are grouped into.
 *
 *     pending  --none is running-->  running (on the worker)  --committed-->  told
 *                                                             --failed----->  adds: told, forgotten
 *                                                                             others: pending again
 *
 * One transaction runs at a time and takes everything that is pending when it begins: a write alone
 * begins at once, those that come while the disk is busy go together. What could not be written
 * waits for the next write; it stands before that, so the file is never ahead of itself.
 */
#include "journal-private.h"

#include "index-private.h"

#include <fcntl.h>
#include <unistd.h>

struct JournalTransaction {
	DiskJob job;
	Journal *journal;
	GQueue writes; /* of JournalWrite */
	int code;      /* what SQLite said ... */
	char *words;   /* ... for people; NULL: it is committed */
};

static void
write_free(JournalWrite *write)
{
	g_clear_pointer(&write->row, journal_entry_free);
	g_clear_pointer(&write->added, journal_entry_free);
	g_clear_pointer(&write->unsynced, g_ptr_array_unref);
	g_free(write->staged);
	g_free(write->named);
	g_free(write->name);
	g_free(write);
}

/* --- on the worker --- */

static gboolean
settles(const JournalTransaction *transaction)
{
	for (const GList *link = transaction->writes.head; link; link = link->next)
		if (((const JournalWrite *)link->data)->settles)
			return TRUE;
	return FALSE;
}

/* The bytes first: an entry without its bytes would be worth nothing. */
static int
sync_staged(const JournalTransaction *transaction)
{
	int errno_ = 0;

	for (const GList *link = transaction->writes.head; link && !errno_; link = link->next) {
		const JournalWrite *write = link->data;

		if (write->unsynced)
			errno_ = journal_spool_sync(transaction->journal, write->unsynced);
	}
	return errno_;
}

static int
write_rows(Journal *journal, const GQueue *writes)
{
	int code = SQLITE_OK;

	for (const GList *link = writes->head; link && !code; link = link->next) {
		const JournalWrite *write = link->data;

		if (write->row)
			code = journal_row_save(journal, write->row);
		else if (write->removed_id)
			code = journal_row_remove(journal, write->removed_id);
		if (!code && write->named)
			code = journal_names_save(journal, write->named, write->name);
	}
	return code;
}

/* With WAL and synchronous = FULL a commit syncs the log, and with that all commits before. */
static int
commit(Journal *journal, const GQueue *writes, gboolean settled)
{
	int code = SQLITE_OK;

	if (settled)
		code = sqlite3_exec(journal->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	if (!code)
		code = journal_row_step(journal, JOURNAL_STATEMENT_BEGIN);
	if (!code)
		code = write_rows(journal, writes);
	if (!code && settled)
		code = journal_row_step(journal, JOURNAL_STATEMENT_TOUCH);
	if (!code)
		code = journal_row_step(journal, JOURNAL_STATEMENT_COMMIT);
	return code;
}

static void
delete_files(const JournalTransaction *transaction)
{
	for (const GList *link = transaction->writes.head; link; link = link->next) {
		const JournalWrite *write = link->data;

		if (write->staged && transaction->journal->spool_fd >= 0)
			unlinkat(transaction->journal->spool_fd, write->staged, 0);
	}
}

static void
transaction_run(DiskJob *job)
{
	JournalTransaction *transaction = (JournalTransaction *)job;
	Journal *journal = transaction->journal;
	gboolean settled = settles(transaction);
	int errno_ = settled ? sync_staged(transaction) : 0;

	if (errno_) {
		transaction->code = SQLITE_IOERR_FSYNC;
		transaction->words = g_strdup_printf("spool: %s", g_strerror(errno_));
		return;
	}
	transaction->code = commit(journal, &transaction->writes, settled);
	if (transaction->code)
		transaction->words = g_strdup(index_schema_words(journal->db, transaction->code));
	if (!sqlite3_get_autocommit(journal->db))
		sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
	if (settled)
		sqlite3_exec(journal->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	if (!transaction->code)
		delete_files(transaction);
}

/* --- on the loop --- */

static GError *
transaction_error(const JournalTransaction *transaction)
{
	ImapfsError code;

	if (!transaction->words)
		return NULL;
	switch (transaction->code & 0xff) {
	case SQLITE_FULL:
		code = IMAPFS_ERROR_QUOTA;
		break;
	case SQLITE_READONLY:
		code = IMAPFS_ERROR_READ_ONLY;
		break;
	default:
		code = IMAPFS_ERROR_FAILED;
	}
	return g_error_new(IMAPFS_ERROR, (gint)code, "%s: %s", JOURNAL_FILE, transaction->words);
}

static gboolean
adds_any(const GQueue *writes)
{
	for (const GList *link = writes->head; link; link = link->next)
		if (((const JournalWrite *)link->data)->added)
			return TRUE;
	return FALSE;
}

/* What is asked for is told; what was only to be noted is to be noted still. What was to take the
 * place of a removed entry may not be there now: so that one's bytes stay. Whoever waits for what
 * is noted is told of it as well: those writes end up in @told. */
static void
keep_for_next(Journal *journal, GQueue *writes, GQueue *told)
{
	gboolean added = adds_any(writes);
	GList *link = writes->tail, *previous;

	for (; link; link = previous) {
		JournalWrite *write = link->data, *teller;

		previous = link->prev;
		if (write->added || write->settles)
			continue;
		g_queue_unlink(writes, link);
		g_queue_push_head_link(&journal->pending, link);
		if (added)
			g_clear_pointer(&write->staged, g_free);
		if (!write->on_settled)
			continue;
		teller = g_new0(JournalWrite, 1);
		teller->on_settled = g_steal_pointer(&write->on_settled);
		teller->data = write->data;
		g_queue_push_head(told, teller);
	}
}

/* Whether somebody waits for what is pending. */
static gboolean
is_awaited(const Journal *journal)
{
	for (const GList *link = journal->pending.head; link; link = link->next) {
		const JournalWrite *write = link->data;

		if (write->added || write->settles)
			return TRUE;
	}
	return FALSE;
}

static void
unsync_again(Journal *journal, GPtrArray *names)
{
	for (guint i = 0; i < names->len; i++)
		g_hash_table_add(journal->unsynced, g_strdup(names->pdata[i]));
}

static void
tell(Journal *journal, JournalWrite *write, const GError *error)
{
	JournalEntry *entry = error ? NULL : g_steal_pointer(&write->added);

	if (entry)
		journal_take_entry(journal, entry);
	if (error && write->unsynced)
		unsync_again(journal, write->unsynced);
	if (error && write->added && write->added->staged)
		g_hash_table_remove(journal->unsynced, write->added->staged);
	if (write->on_added)
		write->on_added(entry, error, write->data);
	if (write->on_settled)
		write->on_settled(error, write->data);
}

/* Takes @writes. */
static void
tell_all(Journal *journal, GQueue *writes, const GError *error)
{
	gboolean added = FALSE;
	JournalWrite *write;

	while ((write = g_queue_pop_head(writes))) {
		added = added || (write->added && !error);
		tell(journal, write, error);
		write_free(write);
	}
	if (added && journal->added)
		journal->added(journal->added_data);
}

static void
transaction_done(DiskJob *job)
{
	JournalTransaction *transaction = (JournalTransaction *)job;
	Journal *journal = transaction->journal;
	g_autoptr(GError) error = transaction_error(transaction);
	GQueue told = G_QUEUE_INIT;

	if (error && !journal->failing)
		g_warning("%s", error->message);
	journal->failing = error != NULL;
	journal->running = NULL;
	if (error)
		keep_for_next(journal, &transaction->writes, &told);
	if (!error || is_awaited(journal))
		journal_write_run(journal);
	tell_all(journal, &told, error);
	tell_all(journal, &transaction->writes, error);
	g_free(transaction->words);
	g_free(transaction);
}

void
journal_write_run(Journal *journal)
{
	JournalTransaction *transaction;

	if (journal->running || journal->n_holds || !journal->pending.length)
		return;
	transaction = g_new0(JournalTransaction, 1);
	transaction->job.run = transaction_run;
	transaction->job.done = transaction_done;
	transaction->journal = journal;
	transaction->writes = journal->pending;
	g_queue_init(&journal->pending);
	journal->running = transaction;
	disk_push_urgent(journal->disk, &transaction->job);
}

void
journal_write_push(Journal *journal, JournalWrite *write)
{
	g_queue_push_tail(&journal->pending, write);
	journal_write_run(journal);
}

void
journal_write_drop_pending(Journal *journal)
{
	g_queue_clear_full(&journal->pending, (GDestroyNotify)write_free);
}
