/*
 * The file: its tables, how those of older versions become the present ones, and what happens to a
 * file that is of no use.
 *
 * The version is PRAGMA user_version; step i of the table makes version i + 1 of version i. What is
 * of a later version or damaged is renamed, not deleted: it can all be had from the server again,
 * but whoever looks into what went wrong wants to see it.
 */
#include "database.h"
#include "index-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "index.sqlite"
#define LOG_BYTES (4 * 1024 * 1024)

/* Values of meta: store_id (64 bits), sizes_lie (0 or 1). flag_sets is what
 * messages.flags means. Times, sizes and numbers are as in index.h. */
static const char version_1[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE mailboxes("
	"    id INTEGER PRIMARY KEY, position INTEGER NOT NULL,"
	"    name BLOB, path TEXT NOT NULL, delimiter INTEGER NOT NULL,"
	"    selectable INTEGER NOT NULL, uidvalidity INTEGER NOT NULL,"
	"    uidnext INTEGER NOT NULL DEFAULT 0, highestmodseq INTEGER NOT NULL DEFAULT 0,"
	"    exists_ INTEGER NOT NULL DEFAULT 0, complete INTEGER NOT NULL DEFAULT 0,"
	"    holey INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE worn_ids(id INTEGER PRIMARY KEY);"
	"CREATE TABLE flag_sets(id INTEGER PRIMARY KEY, flags TEXT NOT NULL UNIQUE);"
	"CREATE TABLE messages("
	"    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL,"
	"    size_exact INTEGER NOT NULL, internaldate INTEGER NOT NULL, flags INTEGER NOT NULL,"
	"    content_key INTEGER NOT NULL, name TEXT NOT NULL,"
	"    PRIMARY KEY(mailbox, uid)) WITHOUT ROWID;";

/* What may be done, as SELECT told. */
static const char version_2[] =
	"ALTER TABLE mailboxes ADD COLUMN permanent_flags TEXT;"
	"ALTER TABLE mailboxes ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0";

static const char *const steps[] = {version_1, version_2};

static int
get_version(sqlite3 *db, int *version)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);

	if (code)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int
migrate_once(sqlite3 *db, const char *step, guint version)
{
	g_autofree char *sql =
		g_strdup_printf("BEGIN; %s; PRAGMA user_version = %u; COMMIT", step, version);
	int code = sqlite3_exec(db, sql, NULL, NULL, NULL);

	if (code)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

int
index_schema_migrate(sqlite3 *db, const char *const *all_steps, guint n_steps)
{
	int version = 0, code = get_version(db, &version);

	if (!code && version < 0)
		return SQLITE_CORRUPT;
	for (guint i = (guint)version; !code && i < n_steps; i++)
		code = migrate_once(db, all_steps[i], i + 1);
	return code;
}

/* An error in our own SQL can only mean that the tables are not those that the version promises. */
gboolean
index_schema_is_damage(int code)
{
	switch (code & 0xff) {
	case SQLITE_ERROR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		return TRUE;
	default:
		return FALSE;
	}
}

const char *
index_schema_words(sqlite3 *db, int code)
{
	return db && sqlite3_errcode(db) != SQLITE_OK ? sqlite3_errmsg(db) : sqlite3_errstr(code);
}

int
index_schema_open(const Folder *folder, sqlite3 **db, gboolean *newer, GError **error)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
	g_autofree char *path = g_build_filename(folder_path(folder), FILE_NAME, NULL);
	int version = 0, code;

	if (!database_make_private(folder, FILE_NAME, error))
		return SQLITE_CANTOPEN;
	code = sqlite3_open_v2(path, db, flags, NULL);
	if (!code)
		code = database_configure(*db, LOG_BYTES);
	if (!code)
		code = get_version(*db, &version);
	*newer = version > (int)G_N_ELEMENTS(steps);
	if (!code)
		code = *newer ? SQLITE_CANTOPEN
		              : index_schema_migrate(*db, steps, G_N_ELEMENTS(steps));
	if (code)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s: %s", path,
		            *newer ? "made by a later version of imapfs"
		                   : index_schema_words(*db, code));
	return code;
}

void
index_schema_set_aside(const Folder *folder, const char *word)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	int fd = folder_fd(folder);

	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *from = g_strconcat(FILE_NAME, suffixes[i], NULL);
		g_autofree char *to = g_strconcat(FILE_NAME, ".", word, suffixes[i], NULL);

		unlinkat(fd, to, 0);
		renameat(fd, from, fd, to);
	}
}
