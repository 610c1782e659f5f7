/*
 * The journal's entries in memory, and the calls that change them. What is in memory is what will
 * be in the file once all that is pending has been written, except for entries that are being
 * added: they are nowhere until they are committed.
 */
#include "journal-private.h"

#include "index-private.h"

/* --- entries --- */

JournalEntry *
journal_entry_new(JournalKind kind)
{
	JournalEntry *entry = g_new0(JournalEntry, 1);

	entry->kind = kind;
	return entry;
}

JournalEntry *
journal_entry_copy(const JournalEntry *entry)
{
	JournalEntry *copy = g_memdup2(entry, sizeof(*entry));

	copy->mailbox = g_strdup(entry->mailbox);
	copy->to = g_strdup(entry->to);
	copy->name = g_strdup(entry->name);
	copy->parent = g_strdup(entry->parent);
	copy->flags = g_strdup(entry->flags);
	copy->staged = g_strdup(entry->staged);
	copy->error = g_strdup(entry->error);
	copy->link = (GList){0};
	return copy;
}

void
journal_entry_free(JournalEntry *entry)
{
	g_free(entry->mailbox);
	g_free(entry->to);
	g_free(entry->name);
	g_free(entry->parent);
	g_free(entry->flags);
	g_free(entry->staged);
	g_free(entry->error);
	g_free(entry);
}

void
journal_take_entry(Journal *journal, JournalEntry *entry)
{
	entry->link.data = entry;
	g_queue_push_tail_link(&journal->entries, &entry->link);
	g_hash_table_insert(journal->by_id, &entry->id, entry);
	journal->last_added = entry->id;
	journal->last_id = MAX(journal->last_id, entry->id);
}

const GQueue *
journal_entries(const Journal *journal)
{
	return &journal->entries;
}

JournalEntry *
journal_entry(const Journal *journal, guint64 id)
{
	return g_hash_table_lookup(journal->by_id, &id);
}

guint64
journal_last_id(const Journal *journal)
{
	return journal->last_added;
}

guint64
journal_last_given(const Journal *journal)
{
	return journal->last_id;
}

/* --- opening and closing --- */

static Journal *
journal_alloc(const Folder *folder, Disk *disk)
{
	Journal *journal = g_new0(Journal, 1);

	journal->folder = folder;
	journal->disk = disk;
	journal->spool_fd = -1;
	journal->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	journal->unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	journal->memory_files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	journal->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	journal->orphans = g_ptr_array_new_with_free_func(g_free);
	return journal;
}

static void
journal_dispose(Journal *journal)
{
	JournalEntry *entry;

	for (guint i = 0; i < JOURNAL_N_STATEMENTS; i++)
		sqlite3_finalize(journal->statements[i]);
	sqlite3_close(journal->db);
	journal_spool_close(journal);
	g_hash_table_unref(journal->by_id);
	while ((entry = g_queue_peek_head(&journal->entries))) {
		g_queue_unlink(&journal->entries, &entry->link);
		journal_entry_free(entry);
	}
	g_hash_table_unref(journal->unsynced);
	g_hash_table_unref(journal->memory_files);
	g_hash_table_unref(journal->names);
	g_ptr_array_unref(journal->orphans);
	g_free(journal);
}

/* Opens the file as it is. Sets @aside to a word where it is of no use and may be set aside. */
static Journal *
try_open(const Folder *folder, Disk *disk, const char **aside, GError **error)
{
	Journal *journal = journal_alloc(folder, disk);
	gboolean newer = FALSE;
	int code;

	*aside = NULL;
	if (!journal_spool_open(journal, error)) {
		journal_dispose(journal);
		return NULL;
	}
	code = journal_schema_open(folder, &journal->db, &newer, error);
	if (!code && (code = journal_row_begin(journal)))
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s: %s", JOURNAL_FILE,
		            index_schema_words(journal->db, code));
	if (!code)
		return journal;
	*aside = newer ? "newer" : index_schema_is_damage(code) ? "damaged" : NULL;
	journal_dispose(journal);
	return NULL;
}

Journal *
journal_open(const Folder *folder, Disk *disk, GError **error)
{
	g_autoptr(GError) cause = NULL;
	const char *aside;
	Journal *journal = try_open(folder, disk, &aside, &cause);

	if (!journal && aside && folder) {
		journal_schema_set_aside(folder, aside, cause);
		g_clear_error(&cause);
		journal = try_open(folder, disk, &aside, &cause);
	}
	if (!journal) {
		g_propagate_prefixed_error(error, g_steal_pointer(&cause),
		                           "the list of changes to be made on the server: ");
		return NULL;
	}
	journal_spool_find_orphans(journal);
	return journal;
}

void
journal_flush(Journal *journal)
{
	do
		disk_flush(journal->disk);
	while (journal->running);
}

/* What could not be written has one more chance. */
void
journal_free(Journal *journal)
{
	journal_flush(journal);
	journal->n_holds = 0;
	journal_write_run(journal);
	journal_flush(journal);
	if (journal->pending.length)
		g_warning("%s: %u changes to what is to be done could not be written", JOURNAL_FILE,
		          journal->pending.length);
	journal_write_drop_pending(journal);
	journal_dispose(journal);
}

/* --- changes --- */

guint64
journal_add(Journal *journal, JournalEntry *entry, JournalAdded callback, gpointer data)
{
	JournalWrite *write = g_new0(JournalWrite, 1);
	guint64 id = ++journal->last_id;

	entry->id = id;
	entry->time = g_get_real_time() / G_USEC_PER_SEC;
	if (entry->staged)
		g_hash_table_add(journal->unsynced, g_strdup(entry->staged));
	write->row = journal_entry_copy(entry);
	write->added = entry;
	write->on_added = callback;
	write->data = data;
	journal_write_push(journal, write);
	return id;
}

void
journal_listen(Journal *journal, void (*added)(gpointer data), gpointer data)
{
	journal->added = added;
	journal->added_data = data;
}

void
journal_update_then(Journal *journal, const JournalEntry *entry, JournalSettled callback,
                    gpointer data)
{
	JournalWrite *write = g_new0(JournalWrite, 1);

	write->row = journal_entry_copy(entry);
	write->on_settled = callback;
	write->data = data;
	journal_write_push(journal, write);
}

void
journal_update(Journal *journal, const JournalEntry *entry)
{
	journal_update_then(journal, entry, NULL, NULL);
}

void
journal_barrier(Journal *journal, JournalSettled callback, gpointer data)
{
	JournalWrite *write = g_new0(JournalWrite, 1);

	write->on_settled = callback;
	write->data = data;
	journal_write_push(journal, write);
}

void
journal_remove(Journal *journal, JournalEntry *entry)
{
	JournalWrite *write = g_new0(JournalWrite, 1);

	write->removed_id = entry->id;
	write->staged = g_steal_pointer(&entry->staged);
	if (write->staged) {
		g_hash_table_remove(journal->unsynced, write->staged);
		journal_spool_forget(journal, write->staged);
	}
	g_queue_unlink(&journal->entries, &entry->link);
	g_hash_table_remove(journal->by_id, &entry->id);
	journal_entry_free(entry);
	journal_write_push(journal, write);
}

void
journal_hold(Journal *journal)
{
	journal->n_holds++;
}

void
journal_release(Journal *journal)
{
	g_assert(journal->n_holds);
	journal->n_holds--;
	journal_write_run(journal);
}

static GPtrArray *
steal_unsynced(Journal *journal)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, journal->unsynced);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		g_hash_table_iter_steal(&iter);
		g_ptr_array_add(names, name);
	}
	return names;
}

void
journal_settle(Journal *journal, gboolean staged, JournalSettled callback, gpointer data)
{
	JournalWrite *write = g_new0(JournalWrite, 1);

	write->settles = TRUE;
	write->unsynced = staged ? steal_unsynced(journal) : NULL;
	write->on_settled = callback;
	write->data = data;
	journal_write_push(journal, write);
}
