/*
 * Names that messages were given here: what the server does not know, and cannot be asked for
 * again. They are few, so all of them are in memory.
 *
 * A message is meant by what the server knows it by, not by this cache's ids: those are as
 * disposable as the index.
 */
#include "journal-private.h"

#include <stdlib.h>
#include <string.h>

/* "1700000000 42 INBOX" */
static char *
make_key(const char *mailbox, guint32 uidvalidity, guint32 uid)
{
	return g_strdup_printf("%u %u %s", uidvalidity, uid, mailbox);
}

/* Where the mailbox's name begins in @key. */
static const char *
key_mailbox(const char *key)
{
	const char *space = strchr(key, ' ');

	space = space ? strchr(space + 1, ' ') : NULL;
	return space ? space + 1 : "";
}

const char *
journal_name(const Journal *journal, const char *mailbox, guint32 uidvalidity, guint32 uid)
{
	g_autofree char *key = NULL;

	if (!g_hash_table_size(journal->names))
		return NULL;
	key = make_key(mailbox, uidvalidity, uid);
	return g_hash_table_lookup(journal->names, key);
}

/* Takes @key. */
static void
set_name(Journal *journal, char *key, const char *name, JournalSettled callback, gpointer data)
{
	JournalWrite *write = g_new0(JournalWrite, 1);

	write->named = g_strdup(key);
	write->name = g_strdup(name);
	write->on_settled = callback;
	write->data = data;
	if (name) {
		g_hash_table_replace(journal->names, key, g_strdup(name));
	} else {
		g_hash_table_remove(journal->names, key);
		g_free(key);
	}
	journal_write_push(journal, write);
}

void
journal_set_name(Journal *journal, const char *mailbox, guint32 uidvalidity, guint32 uid,
                 const char *name, JournalSettled callback, gpointer data)
{
	set_name(journal, make_key(mailbox, uidvalidity, uid), name, callback, data);
}

static gboolean
is_or_is_below(const char *mailbox, const char *other, char delimiter)
{
	gsize length = strlen(other);

	return strncmp(mailbox, other, length) == 0 &&
	       (!mailbox[length] || (delimiter && mailbox[length] == delimiter));
}

void
journal_move_names(Journal *journal, const char *from, const char *to, char delimiter)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, journal->names);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (is_or_is_below(key_mailbox(key), from, delimiter))
			g_ptr_array_add(keys, g_strdup(key));
	for (guint i = 0; i < keys->len; i++) {
		const char *old = keys->pdata[i];
		g_autofree char *name = g_strdup(g_hash_table_lookup(journal->names, old));
		const char *mailbox = key_mailbox(old);

		set_name(journal,
		         g_strdup_printf("%.*s%s%s", (int)(mailbox - old), old, to,
		                         mailbox + strlen(from)),
		         name, NULL, NULL);
		set_name(journal, g_strdup(old), NULL, NULL, NULL);
	}
}

guint64
journal_next_id(Journal *journal)
{
	return ++journal->last_id;
}

/* --- on the worker --- */

int
journal_names_save(Journal *journal, const char *key, const char *name)
{
	JournalStatement which = name ? JOURNAL_STATEMENT_NAME : JOURNAL_STATEMENT_UNNAME;
	sqlite3_stmt *statement = journal->statements[which];

	sqlite3_bind_blob(statement, 1, key, (int)strlen(key), SQLITE_STATIC);
	if (name)
		sqlite3_bind_blob(statement, 2, name, (int)strlen(name), SQLITE_STATIC);
	return journal_row_step(journal, which);
}

/* --- when it is opened --- */

static char *
get_bytes(sqlite3_stmt *statement, int column)
{
	const char *bytes = sqlite3_column_blob(statement, column);

	return g_strndup(bytes ? bytes : "", (gsize)sqlite3_column_bytes(statement, column));
}

static void
load_name(Journal *journal, sqlite3_stmt *statement)
{
	g_autofree char *key = get_bytes(statement, 0);
	g_autofree char *name = get_bytes(statement, 1);

	if (*name && !strchr(name, '/') && g_utf8_validate(name, -1, NULL) && *key_mailbox(key))
		g_hash_table_replace(journal->names, g_steal_pointer(&key), g_steal_pointer(&name));
}

int
journal_names_load(Journal *journal)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(journal->db, "SELECT message, name FROM names", -1,
	                              &statement, NULL);

	if (code)
		return code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		load_name(journal, statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}
