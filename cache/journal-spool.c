/*
 * The bytes of messages that are to be appended: a file each in spool/, or, where nothing is kept,
 * a file that has no name at all. Names are made here from random numbers, and nowhere else.
 *
 * A file that no entry names may be all that is left of what somebody was writing: it is reported
 * and never deleted.
 */
#include "journal-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_NAME  "spool"
#define MAX_ATTEMPTS 100

static int
fail_errno(GError **error, const char *name, int error_number)
{
	g_set_error(error, IMAPFS_ERROR,
	            error_number == ENOENT                             ? IMAPFS_ERROR_NOT_FOUND
	            : error_number == ENOSPC || error_number == EDQUOT ? IMAPFS_ERROR_QUOTA
	                                                               : IMAPFS_ERROR_FAILED,
	            "%s/%s: %s", FOLDER_NAME, name, g_strerror(error_number));
	return -1;
}

gboolean
journal_spool_name_is_valid(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= NAME_MAX;
}

gboolean
journal_spool_open(Journal *journal, GError **error)
{
	struct stat status;

	if (!journal->folder)
		return TRUE;
	if (mkdirat(folder_fd(journal->folder), FOLDER_NAME, 0700) && errno != EEXIST) {
		fail_errno(error, "", errno);
		return FALSE;
	}
	journal->spool_fd = openat(folder_fd(journal->folder), FOLDER_NAME,
	                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (journal->spool_fd < 0 || fstat(journal->spool_fd, &status)) {
		fail_errno(error, "", errno);
		return FALSE;
	}
	if (status.st_uid == geteuid() && !(status.st_mode & 077))
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED,
	            "%s/%s is open to other users: chmod 700 it", folder_path(journal->folder),
	            FOLDER_NAME);
	return FALSE;
}

void
journal_spool_close(Journal *journal)
{
	GHashTableIter iter;
	gpointer fd;

	if (journal->spool_fd >= 0)
		close(journal->spool_fd);
	g_hash_table_iter_init(&iter, journal->memory_files);
	while (g_hash_table_iter_next(&iter, NULL, &fd))
		close(GPOINTER_TO_INT(fd));
}

static gboolean
is_named(const Journal *journal, const char *name)
{
	for (const GList *link = journal->entries.head; link; link = link->next)
		if (g_strcmp0(((const JournalEntry *)link->data)->staged, name) == 0)
			return TRUE;
	return FALSE;
}

void
journal_spool_find_orphans(Journal *journal)
{
	int fd = journal->spool_fd < 0
	                 ? -1
	                 : openat(journal->spool_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((found = readdir(directory)))
		if (journal_spool_name_is_valid(found->d_name) && !is_named(journal, found->d_name))
			g_ptr_array_add(journal->orphans, g_strdup(found->d_name));
	closedir(directory);
}

const GPtrArray *
journal_orphans(const Journal *journal)
{
	return journal->orphans;
}

static int
make_file(Journal *journal, const char *name)
{
	int fd, copy;

	if (journal->spool_fd >= 0)
		return openat(journal->spool_fd, name,
		              O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	fd = memfd_create("imapfs", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		close(fd);
	else
		g_hash_table_insert(journal->memory_files, g_strdup(name), GINT_TO_POINTER(fd));
	return copy;
}

int
journal_stage(Journal *journal, char **name, GError **error)
{
	for (guint n = 0;; n++) {
		g_autofree char *made = g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
		int fd = make_file(journal, made);

		if (fd >= 0) {
			*name = g_steal_pointer(&made);
			return fd;
		}
		if (errno != EEXIST || n == MAX_ATTEMPTS)
			return fail_errno(error, made, errno);
	}
}

static void
forget_memory_file(Journal *journal, const char *name)
{
	gpointer fd;

	if (!g_hash_table_lookup_extended(journal->memory_files, name, NULL, &fd))
		return;
	close(GPOINTER_TO_INT(fd));
	g_hash_table_remove(journal->memory_files, name);
}

void
journal_unstage(Journal *journal, const char *name)
{
	if (journal->spool_fd >= 0)
		unlinkat(journal->spool_fd, name, 0);
	else
		forget_memory_file(journal, name);
}

void
journal_spool_forget(Journal *journal, const char *name)
{
	if (journal->spool_fd < 0)
		forget_memory_file(journal, name);
}

static int
open_file(Journal *journal, const char *name)
{
	gpointer fd;

	if (journal->spool_fd >= 0)
		return openat(journal->spool_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (g_hash_table_lookup_extended(journal->memory_files, name, NULL, &fd))
		return fcntl(GPOINTER_TO_INT(fd), F_DUPFD_CLOEXEC, 0);
	errno = ENOENT;
	return -1;
}

GBytes *
journal_staged_bytes(Journal *journal, const JournalEntry *entry, GError **error)
{
	g_autoptr(GError) cause = NULL;
	GMappedFile *file;
	GBytes *bytes;
	int fd = open_file(journal, entry->staged ? entry->staged : "");

	if (fd < 0) {
		fail_errno(error, entry->staged ? entry->staged : "(none)", errno);
		return NULL;
	}
	file = g_mapped_file_new_from_fd(fd, FALSE, &cause);
	close(fd);
	if (!file) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s/%s: %s", FOLDER_NAME,
		            entry->staged, cause->message);
		return NULL;
	}
	bytes = g_mapped_file_get_bytes(file);
	g_mapped_file_unref(file);
	return bytes;
}

static int
sync_file(int spool_fd, const char *name)
{
	int fd = openat(spool_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int error_number;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	error_number = fsync(fd) ? errno : 0;
	close(fd);
	return error_number;
}

int
journal_spool_sync(const Journal *journal, const GPtrArray *names)
{
	int error_number = 0;

	if (journal->spool_fd < 0 || !names->len)
		return 0;
	for (guint i = 0; i < names->len && !error_number; i++)
		error_number = sync_file(journal->spool_fd, names->pdata[i]);
	if (!error_number && fsync(journal->spool_fd))
		error_number = errno;
	return error_number;
}
