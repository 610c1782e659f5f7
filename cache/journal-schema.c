/*
 * The file: its tables, how those of older versions become the present ones, and what happens to a
 * file that is of no use.
 *
 * The version is PRAGMA user_version, as in the index. What is of a later version or damaged is
 * renamed, never deleted nor written over: it may be the only place where a change stands that
 * somebody was told is made.
 */
#include "journal-private.h"

#include "database.h"
#include "index-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* entries is JournalEntry; no id is ever given out again. clock counts commits that had to reach
 * stable storage. */
static const char version_1[] =
	"CREATE TABLE clock(ticks INTEGER NOT NULL); INSERT INTO clock VALUES(0);"
	"CREATE TABLE entries("
	"    id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, state INTEGER NOT NULL,"
	"    mailbox BLOB, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,"
	"    to_ BLOB, to_uidvalidity INTEGER NOT NULL, name BLOB, parent BLOB,"
	"    delimiter INTEGER NOT NULL, replaces INTEGER NOT NULL, flags BLOB,"
	"    sign INTEGER NOT NULL, internaldate INTEGER NOT NULL, staged BLOB,"
	"    size INTEGER NOT NULL, content_key INTEGER NOT NULL, new_uid INTEGER NOT NULL,"
	"    uidnext INTEGER NOT NULL, error BLOB, time INTEGER NOT NULL);";

/* message is "UIDVALIDITY UID mailbox". */
static const char version_2[] =
	"CREATE TABLE names(message BLOB PRIMARY KEY, name BLOB NOT NULL) WITHOUT ROWID;";

#define LOG_BYTES (1024 * 1024)

static const char version_3[] =
	"ALTER TABLE entries ADD COLUMN first_uidnext INTEGER NOT NULL DEFAULT 0;";

static const char *const steps[] = {version_1, version_2, version_3};

/* A journal whose name is lost with the power would be lost with it. */
static gboolean
make_file(const Folder *folder, GError **error)
{
	if (!database_make_private(folder, JOURNAL_FILE, error))
		return FALSE;
	if (fsync(folder_fd(folder)) == 0)
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s/%s: %s", folder_path(folder),
	            JOURNAL_FILE, g_strerror(errno));
	return FALSE;
}

/* The text or number that @sql gives, as text; NULL: it cannot be had, for the reason @code. */
static char *
get_value(sqlite3 *db, const char *sql, int *code)
{
	sqlite3_stmt *statement;
	char *value = NULL;

	*code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (*code)
		return NULL;
	*code = sqlite3_step(statement);
	if (*code == SQLITE_ROW)
		value = g_strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	if (value)
		*code = SQLITE_OK;
	else if (*code == SQLITE_ROW || *code == SQLITE_DONE)
		*code = SQLITE_CORRUPT;
	return value;
}

/* It is small, so all of it is looked at. */
static int
check(sqlite3 *db, gboolean *newer)
{
	int code;
	g_autofree char *verdict = get_value(db, "PRAGMA quick_check(1)", &code);
	g_autofree char *version = code ? NULL : get_value(db, "PRAGMA user_version", &code);

	if (code)
		return code;
	*newer = g_ascii_strtoll(version, NULL, 10) > (gint64)G_N_ELEMENTS(steps);
	if (*newer)
		return SQLITE_CANTOPEN;
	return g_str_equal(verdict, "ok") ? SQLITE_OK : SQLITE_CORRUPT;
}

int
journal_schema_open(const Folder *folder, sqlite3 **db, gboolean *newer, GError **error)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
	g_autofree char *path = folder ? g_build_filename(folder_path(folder), JOURNAL_FILE, NULL)
	                               : g_strdup(":memory:");
	int code;

	if (folder && !make_file(folder, error))
		return SQLITE_CANTOPEN;
	code = sqlite3_open_v2(path, db, flags, NULL);
	if (!code)
		code = database_configure(*db, LOG_BYTES);
	if (!code)
		code = check(*db, newer);
	if (!code)
		code = index_schema_migrate(*db, steps, G_N_ELEMENTS(steps));
	if (code)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s: %s", path,
		            *newer ? "made by a later version of imapfs"
		                   : index_schema_words(*db, code));
	return code;
}

static gboolean
is_there(const Folder *folder, const char *name)
{
	struct stat status;

	return !fstatat(folder_fd(folder), name, &status, AT_SYMLINK_NOFOLLOW);
}

static char *
find_free_name(const Folder *folder, const char *word)
{
	for (guint n = 1;; n++) {
		g_autofree char *name = g_strdup_printf("%s.%s-%u", JOURNAL_FILE, word, n);

		if (!is_there(folder, name))
			return g_steal_pointer(&name);
	}
}

void
journal_schema_set_aside(const Folder *folder, const char *word, const GError *cause)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""};
	g_autofree char *name = find_free_name(folder, word);
	int fd = folder_fd(folder);

	g_warning("%s; changes that are not yet on the server may be in it: it is kept as %s/%s,"
	          " and a new one begun",
	          cause->message, folder_path(folder), name);
	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *from = g_strconcat(JOURNAL_FILE, suffixes[i], NULL);
		g_autofree char *to = g_strconcat(name, suffixes[i], NULL);

		renameat(fd, from, fd, to);
	}
}
