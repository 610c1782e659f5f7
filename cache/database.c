/*
 * Opening an SQLite file that belongs to one user and may have been written by anybody.
 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
database_make_private(const Folder *folder, const char *name, GError **error)
{
	int fd = openat(folder_fd(folder), name,
	                O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat status;
	const char *words = NULL;

	if (fd < 0 || fstat(fd, &status))
		words = g_strerror(errno);
	else if (!S_ISREG(status.st_mode) || status.st_uid != geteuid())
		words = "not a file of this user";
	else if (fchmod(fd, 0600))
		words = g_strerror(errno);
	if (fd >= 0)
		close(fd);
	if (words)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s/%s: %s",
		            folder_path(folder), name, words);
	return !words;
}

int
database_configure(sqlite3 *db, guint log_bytes)
{
	g_autofree char *sql =
		g_strdup_printf("PRAGMA cell_size_check = ON; PRAGMA journal_mode = WAL;"
	                        "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF;"
	                        "PRAGMA journal_size_limit = %u",
	                        log_bytes);

	sqlite3_busy_timeout(db, 2000); /* somebody may look into the file with another program */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}
