/*
 * An entry as a row of the file, and back. A row that makes no sense is left where it is, with a
 * warning: nobody can say what it asked for.
 */
#include "journal-private.h"

#include <string.h>

#define COLUMNS                                                                                    \
	"id, kind, state, mailbox, uidvalidity, uid, to_, to_uidvalidity, name, parent, "          \
	"delimiter,"                                                                               \
	" replaces, flags, sign, internaldate, staged, size, content_key, new_uid, uidnext, "      \
	"first_uidnext, "                                                                          \
	"error,"                                                                                   \
	" time"

static const char *const statement_texts[JOURNAL_N_STATEMENTS] = {
	[JOURNAL_STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[JOURNAL_STATEMENT_COMMIT] = "COMMIT",
	[JOURNAL_STATEMENT_SAVE] =
		"INSERT OR REPLACE INTO entries(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
		" ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
	[JOURNAL_STATEMENT_REMOVE] = "DELETE FROM entries WHERE id = ?1",
	[JOURNAL_STATEMENT_NAME] = "INSERT OR REPLACE INTO names(message, name) VALUES(?1, ?2)",
	[JOURNAL_STATEMENT_UNNAME] = "DELETE FROM names WHERE message = ?1",
	[JOURNAL_STATEMENT_TOUCH] = "UPDATE clock SET ticks = ticks + 1",
};

/* --- writing --- */

int
journal_row_step(Journal *journal, JournalStatement which)
{
	sqlite3_stmt *statement = journal->statements[which];
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Server's bytes are no text: they go in as they are. */
static void
bind_bytes(sqlite3_stmt *statement, int column, const char *bytes)
{
	if (bytes)
		sqlite3_bind_blob(statement, column, bytes, (int)strlen(bytes), SQLITE_STATIC);
}

int
journal_row_save(Journal *journal, const JournalEntry *entry)
{
	sqlite3_stmt *statement = journal->statements[JOURNAL_STATEMENT_SAVE];

	sqlite3_bind_int64(statement, 1, (gint64)entry->id);
	sqlite3_bind_int(statement, 2, (int)entry->kind);
	sqlite3_bind_int(statement, 3, (int)entry->state);
	bind_bytes(statement, 4, entry->mailbox);
	sqlite3_bind_int64(statement, 5, entry->uidvalidity);
	sqlite3_bind_int64(statement, 6, entry->uid);
	bind_bytes(statement, 7, entry->to);
	sqlite3_bind_int64(statement, 8, entry->to_uidvalidity);
	bind_bytes(statement, 9, entry->name);
	bind_bytes(statement, 10, entry->parent);
	sqlite3_bind_int(statement, 11, entry->delimiter);
	sqlite3_bind_int64(statement, 12, entry->replaces);
	bind_bytes(statement, 13, entry->flags);
	sqlite3_bind_int(statement, 14, entry->sign);
	sqlite3_bind_int64(statement, 15, entry->internaldate);
	bind_bytes(statement, 16, entry->staged);
	sqlite3_bind_int64(statement, 17, (gint64)entry->size);
	sqlite3_bind_int64(statement, 18, (gint64)entry->content_key);
	sqlite3_bind_int64(statement, 19, entry->new_uid);
	sqlite3_bind_int64(statement, 20, entry->uidnext);
	sqlite3_bind_int64(statement, 21, entry->first_uidnext);
	bind_bytes(statement, 22, entry->error);
	sqlite3_bind_int64(statement, 23, entry->time);
	return journal_row_step(journal, JOURNAL_STATEMENT_SAVE);
}

int
journal_row_remove(Journal *journal, guint64 id)
{
	sqlite3_bind_int64(journal->statements[JOURNAL_STATEMENT_REMOVE], 1, (gint64)id);
	return journal_row_step(journal, JOURNAL_STATEMENT_REMOVE);
}

/* --- reading --- */

typedef struct {
	sqlite3_stmt *statement;
	int column; /* the next */
	gboolean sane;
} Row;

static gint64
get_number(Row *row, gint64 min, gint64 max)
{
	int type = sqlite3_column_type(row->statement, row->column);
	gint64 number = sqlite3_column_int64(row->statement, row->column++);

	row->sane = row->sane && type == SQLITE_INTEGER && number >= min && number <= max;
	return number;
}

static guint32
get_uint32(Row *row)
{
	return (guint32)get_number(row, 0, G_MAXUINT32);
}

static char *
get_bytes(Row *row)
{
	int column = row->column++;
	const void *bytes = sqlite3_column_blob(row->statement, column);
	gsize length = (gsize)sqlite3_column_bytes(row->statement, column);

	if (sqlite3_column_type(row->statement, column) == SQLITE_NULL)
		return NULL;
	row->sane = row->sane && !(length && memchr(bytes, 0, length));
	return length ? g_strndup(bytes, length) : g_strdup("");
}

/* In the order of the columns. */
static void
get_entry(Row *row, JournalEntry *entry)
{
	entry->id = (guint64)get_number(row, 1, G_MAXINT64 - 1);
	entry->kind = (JournalKind)get_number(row, JOURNAL_APPEND, JOURNAL_RENAME);
	entry->state = (JournalState)get_number(row, JOURNAL_QUEUED, JOURNAL_FAILED);
	entry->mailbox = get_bytes(row);
	entry->uidvalidity = get_uint32(row);
	entry->uid = get_uint32(row);
	entry->to = get_bytes(row);
	entry->to_uidvalidity = get_uint32(row);
	entry->name = get_bytes(row);
	entry->parent = get_bytes(row);
	entry->delimiter = (char)get_number(row, 0, 0x7f);
	entry->replaces = get_uint32(row);
	entry->flags = get_bytes(row);
	entry->sign = (char)get_number(row, 0, 0x7f);
	entry->internaldate = get_number(row, G_MININT64, G_MAXINT64);
	entry->staged = get_bytes(row);
	entry->size = (guint64)get_number(row, 0, G_MAXINT64);
	entry->content_key = (guint64)get_number(row, G_MININT64, G_MAXINT64);
	entry->new_uid = get_uint32(row);
	entry->uidnext = get_uint32(row);
	entry->first_uidnext = get_uint32(row);
	entry->error = get_bytes(row);
	entry->time = get_number(row, G_MININT64, G_MAXINT64);
}

static void
load_row(Journal *journal, sqlite3_stmt *statement)
{
	Row row = {.statement = statement, .sane = TRUE};
	JournalEntry *entry = g_new0(JournalEntry, 1);

	get_entry(&row, entry);
	if (row.sane && (!entry->staged || journal_spool_name_is_valid(entry->staged))) {
		if (entry->staged)
			g_hash_table_add(journal->unsynced, g_strdup(entry->staged));
		journal_take_entry(journal, entry);
		return;
	}
	journal->last_id =
		MAX(journal->last_id, (guint64)MAX(sqlite3_column_int64(statement, 0), 0));
	g_warning("%s: entry %s makes no sense and is left alone", JOURNAL_FILE,
	          (const char *)sqlite3_column_text(statement, 0));
	journal_entry_free(entry);
}

static int
load_last_id(Journal *journal)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(journal->db, "SELECT seq FROM sqlite_sequence", -1,
	                              &statement, NULL);

	if (code)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		journal->last_id =
			(guint64)CLAMP(sqlite3_column_int64(statement, 0), 0, G_MAXINT64 - 1);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int
journal_row_begin(Journal *journal)
{
	sqlite3_stmt *statement;
	int code = SQLITE_OK;

	for (guint i = 0; !code && i < JOURNAL_N_STATEMENTS; i++)
		code = sqlite3_prepare_v3(journal->db, statement_texts[i], -1,
		                          SQLITE_PREPARE_PERSISTENT, &journal->statements[i], NULL);
	if (!code)
		code = load_last_id(journal);
	if (!code)
		code = journal_names_load(journal);
	if (code)
		return code;
	code = sqlite3_prepare_v2(journal->db, "SELECT " COLUMNS " FROM entries ORDER BY id", -1,
	                          &statement, NULL);
	if (code)
		return code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		load_row(journal, statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}
