/*
 * What is read when the index is opened: what belongs to the file as a whole, the mailboxes, the
 * ids that are worn, the sets of flags.
 *
 * A row that makes no sense is as good as none. The id of such a mailbox is worn, for something may
 * be kept under it.
 */
#include "index-private.h"

#include <string.h>

static const char *const statement_texts[INDEX_N_STATEMENTS] = {
	[INDEX_BEGIN] = "BEGIN IMMEDIATE",
	[INDEX_COMMIT] = "COMMIT",
	[INDEX_SAVE_META] = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)",
	[INDEX_RESET_OTHER] = "UPDATE mailboxes SET uidnext = 0, highestmodseq = 0, exists_ = 0,"
			      " complete = 0, holey = 0, permanent_flags = NULL, read_only = 0"
			      " WHERE id = ?1 AND uidvalidity NOT IN (0, ?2)",
	[INDEX_SAVE_MAILBOX] =
		"INSERT INTO mailboxes"
		" (id, position, name, path, delimiter, selectable, uidvalidity)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(id) DO UPDATE SET position = ?2,"
		" name = ?3, path = ?4, delimiter = ?5, selectable = ?6, uidvalidity = ?7",
	[INDEX_SAVE_STATE] = "UPDATE mailboxes SET uidnext = ?2, highestmodseq = ?3, exists_ = ?4,"
			     " complete = ?5, holey = ?6 WHERE id = ?1",
	[INDEX_SAVE_ACCESS] =
		"UPDATE mailboxes SET permanent_flags = ?2, read_only = ?3 WHERE id = ?1",
	[INDEX_DELETE_MAILBOX] = "DELETE FROM mailboxes WHERE id = ?1",
	[INDEX_WEAR_ID] = "INSERT OR IGNORE INTO worn_ids VALUES(?1)",
	[INDEX_SAVE_FLAG_SET] = "INSERT INTO flag_sets VALUES(?1, ?2)",
	[INDEX_SAVE_MESSAGE] =
		"INSERT OR REPLACE INTO messages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[INDEX_SAVE_FLAGS] = "UPDATE messages SET flags = ?3 WHERE mailbox = ?1 AND uid = ?2",
	[INDEX_SAVE_SIZE] =
		"UPDATE messages SET size = ?3, size_exact = ?4 WHERE mailbox = ?1 AND uid = ?2",
	[INDEX_SAVE_NAME] = "UPDATE messages SET name = ?3 WHERE mailbox = ?1 AND uid = ?2",
	[INDEX_DELETE_MESSAGES] =
		"DELETE FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3",
	[INDEX_LOAD_MESSAGES] =
		"SELECT uid, size, size_exact, internaldate, flags, content_key, name"
		" FROM messages WHERE mailbox = ?1 ORDER BY uid",
};

static int
prepare_statements(Index *index)
{
	int code = SQLITE_OK;

	for (guint i = 0; !code && i < INDEX_N_STATEMENTS; i++)
		code = sqlite3_prepare_v3(index->db, statement_texts[i], -1,
		                          SQLITE_PREPARE_PERSISTENT, &index->statements[i], NULL);
	return code;
}

typedef void (*RowHandler)(sqlite3_stmt *row, gpointer data);

/* Calls @handler for each row that @sql gives. An SQLite code. */
static int
for_each_row(sqlite3 *db, const char *sql, RowHandler handler, gpointer data)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code)
		return code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		handler(statement, data);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static gboolean
get_uint32(sqlite3_stmt *row, int column, guint32 *value)
{
	gint64 number = sqlite3_column_int64(row, column);

	*value = (guint32)number;
	return number == *value;
}

/* --- what belongs to the file as a whole --- */

static void
on_number(sqlite3_stmt *row, gpointer data)
{
	*(gint64 *)data = sqlite3_column_int64(row, 0);
}

static int
save_value(Index *index, const char *key, gint64 number)
{
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_META);

	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, number);
	return index_step(index, statement);
}

static int
load_values(Index *index)
{
	gint64 store_id = 0, sizes_lie = 0;
	int code = for_each_row(index->db, "SELECT value FROM meta WHERE key = 'store_id'",
	                        on_number, &store_id);

	if (!code)
		code = for_each_row(index->db, "SELECT value FROM meta WHERE key = 'sizes_lie'",
		                    on_number, &sizes_lie);
	index->sizes_lie = sizes_lie != 0;
	index->store_id = (guint64)store_id;
	if (code || store_id)
		return code;
	while (!index->store_id)
		index->store_id = (guint64)g_random_int() << 32 | g_random_int();
	return save_value(index, "store_id", (gint64)index->store_id);
}

/* --- mailboxes, worn ids, sets of flags --- */

void
index_mailbox_clear(gpointer data)
{
	IndexMailbox *mailbox = data;

	g_free(mailbox->name);
	g_free(mailbox->path);
	g_free(mailbox->permanent_flags);
}

/* The bytes of a column, which need not be UTF-8; NULL where it is NULL or a NUL is in them. */
static char *
get_bytes(sqlite3_stmt *row, int column)
{
	const void *bytes = sqlite3_column_blob(row, column);
	gsize length = (gsize)sqlite3_column_bytes(row, column);

	if (!length) /* then SQLite gives no bytes, not even none */
		return sqlite3_column_type(row, column) == SQLITE_NULL ? NULL : g_strdup("");
	return memchr(bytes, 0, length) ? NULL : g_strndup(bytes, length);
}

static gboolean
get_state(sqlite3_stmt *row, IndexState *state)
{
	gboolean valid = get_uint32(row, 7, &state->uidnext);

	state->highestmodseq = (guint64)sqlite3_column_int64(row, 8);
	valid = get_uint32(row, 9, &state->exists) && valid;
	state->complete = sqlite3_column_int(row, 10) != 0;
	state->holey = sqlite3_column_int(row, 11) != 0;
	return valid;
}

/* Flags that make no sense are as good as not told. */
static void
get_access(sqlite3_stmt *row, IndexMailbox *mailbox)
{
	g_autofree char *flags = get_bytes(row, 12);

	if (flags && g_utf8_validate(flags, -1, NULL))
		mailbox->permanent_flags = g_steal_pointer(&flags);
	mailbox->read_only = sqlite3_column_int(row, 13) != 0;
}

static gboolean
get_mailbox(sqlite3_stmt *row, IndexMailbox *mailbox)
{
	gint64 delimiter = sqlite3_column_int64(row, 4);
	gboolean has_name = sqlite3_column_type(row, 2) != SQLITE_NULL;

	mailbox->name = get_bytes(row, 2);
	mailbox->path = get_bytes(row, 3);
	mailbox->delimiter = (char)delimiter;
	mailbox->selectable = sqlite3_column_int(row, 5) != 0;
	if (!get_state(row, &mailbox->state))
		mailbox->state = (IndexState){0};
	get_access(row, mailbox);
	return get_uint32(row, 1, &mailbox->position) && has_name == (mailbox->name != NULL) &&
	       mailbox->path && *mailbox->path && delimiter >= 0 && delimiter < 0x80 &&
	       get_uint32(row, 6, &mailbox->uidvalidity);
}

static void
on_mailbox(sqlite3_stmt *row, gpointer data)
{
	Index *index = data;
	IndexMailbox mailbox = {0};

	if (!get_uint32(row, 0, &mailbox.id) || !mailbox.id || mailbox.id > INDEX_MAX_ID)
		return;
	if (get_mailbox(row, &mailbox)) {
		g_array_append_val(index->mailboxes, mailbox);
		return;
	}
	g_array_append_val(index->worn_ids, mailbox.id);
	index_mailbox_clear(&mailbox);
}

static void
on_worn_id(sqlite3_stmt *row, gpointer data)
{
	Index *index = data;
	guint32 id;

	if (get_uint32(row, 0, &id) && id && id <= INDEX_MAX_ID)
		g_array_append_val(index->worn_ids, id);
}

static void
on_flag_set(sqlite3_stmt *row, gpointer data)
{
	Index *index = data;
	g_autofree char *text = get_bytes(row, 1);
	const char *flags;
	guint32 id;

	if (!get_uint32(row, 0, &id))
		return;
	index->last_flags_id = MAX(index->last_flags_id, id);
	if (!text || !g_utf8_validate(text, -1, NULL))
		return;
	flags = index_intern_flags(index, text);
	g_hash_table_insert(index->flags_by_id, GUINT_TO_POINTER(id), (gpointer)flags);
	g_hash_table_insert(index->ids_by_flags, (gpointer)flags, GUINT_TO_POINTER(id));
}

/* Sets that no message has are not worth looking for until there are many. */
static int
prune_flag_sets(sqlite3 *db)
{
	return sqlite3_exec(db,
	                    "DELETE FROM flag_sets WHERE (SELECT count(*) FROM flag_sets) > 1000"
	                    " AND id NOT IN (SELECT flags FROM messages)",
	                    NULL, NULL, NULL);
}

static int
load_rows(Index *index)
{
	static const struct {
		const char *sql;
		RowHandler handler;
	} tables[] = {
		{"SELECT id, position, name, path, delimiter, selectable, uidvalidity, uidnext,"
	         " highestmodseq, exists_, complete, holey, permanent_flags, read_only FROM "
	         "mailboxes ORDER BY position, id",
	         on_mailbox},
		{"SELECT id FROM worn_ids", on_worn_id},
		{"SELECT id, flags FROM flag_sets", on_flag_set},
	};
	int code = prune_flag_sets(index->db);

	for (guint i = 0; !code && i < G_N_ELEMENTS(tables); i++)
		code = for_each_row(index->db, tables[i].sql, tables[i].handler, index);
	return code;
}

int
index_begin(Index *index, GError **error)
{
	int code = prepare_statements(index);

	if (!code)
		code = load_values(index);
	if (!code)
		code = load_rows(index);
	if (code)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s/index.sqlite: %s",
		            folder_path(index->folder), index_schema_words(index->db, code));
	return code;
}
