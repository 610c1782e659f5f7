/*
 * Opening and closing the index. A file that is of no use is set aside, and a new one begun; what
 * is wrong with the disk rather than with the file is the caller's to know.
 */
#include "index-private.h"

#define MAX_FLAG_SETS 65536

static Index *
index_alloc(const Folder *folder, Disk *disk)
{
	Index *index = g_new0(Index, 1);

	index->folder = folder;
	index->disk = disk;
	index->mailboxes = g_array_new(FALSE, FALSE, sizeof(IndexMailbox));
	g_array_set_clear_func(index->mailboxes, index_mailbox_clear);
	index->worn_ids = g_array_new(FALSE, FALSE, sizeof(guint32));
	index->flags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	index->saving = g_hash_table_new(NULL, NULL);
	index->flags_by_id = g_hash_table_new(NULL, NULL);
	index->ids_by_flags = g_hash_table_new(NULL, NULL);
	return index;
}

static void
close_file(Index *index)
{
	for (guint i = 0; i < INDEX_N_STATEMENTS; i++)
		sqlite3_finalize(index->statements[i]);
	sqlite3_close(index->db);
}

/* Frees what is in memory, of an index whose file is closed. */
static void
index_dispose(Index *index)
{
	g_hash_table_unref(index->ids_by_flags);
	g_hash_table_unref(index->flags_by_id);
	g_hash_table_unref(index->saving);
	g_hash_table_unref(index->flags);
	g_array_unref(index->worn_ids);
	g_array_unref(index->mailboxes);
	g_free(index);
}

/* Opens the file as it is. Sets @aside to a word where it is of no use and may be set aside. */
static Index *
try_open(const Folder *folder, Disk *disk, const char **aside, GError **error)
{
	Index *index = index_alloc(folder, disk);
	gboolean newer = FALSE;
	int code = index_schema_open(folder, &index->db, &newer, error);

	if (!code)
		code = index_begin(index, error);
	if (!code)
		return index;
	*aside = newer ? "newer" : index_schema_is_damage(code) ? "damaged" : NULL;
	close_file(index);
	index_dispose(index);
	return NULL;
}

Index *
index_open(const Folder *folder, Disk *disk, GError **error)
{
	g_autoptr(GError) cause = NULL;
	const char *aside = NULL;
	Index *index = try_open(folder, disk, &aside, &cause);

	if (index)
		return index;
	if (!aside) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	g_message("%s; it is set aside as index.sqlite.%s, and a new one begun", cause->message,
	          aside);
	index_schema_set_aside(folder, aside);
	return try_open(folder, disk, &aside, error);
}

void
index_flush(Index *index)
{
	disk_flush(index->disk);
}

void
index_free(Index *index)
{
	gboolean damaged;
	const Folder *folder = index->folder;

	index_flush(index);
	damaged = index->damaged;
	close_file(index);
	if (damaged)
		index_schema_set_aside(folder, "damaged");
	index_dispose(index);
}

guint64
index_store_id(const Index *index)
{
	return index->store_id;
}

gboolean
index_sizes_lie(const Index *index)
{
	return index->sizes_lie;
}

const GArray *
index_mailboxes(const Index *index)
{
	return index->mailboxes;
}

const GArray *
index_worn_ids(const Index *index)
{
	return index->worn_ids;
}

/* A server that goes on inventing keywords is not remembered beyond the last of a great many. */
const char *
index_intern_flags(Index *index, const char *flags)
{
	gpointer found = g_hash_table_lookup(index->flags, flags);

	if (!found && g_hash_table_size(index->flags) >= MAX_FLAG_SETS)
		return "";
	if (!found) {
		found = g_strdup(flags);
		g_hash_table_add(index->flags, found);
	}
	return found;
}
