/*
 * Opening the account's folder: each level under the descriptor of the one above, so that nobody
 * can put something else in its place between a look and a use.
 *
 * The folder above ours is the user's own and may be a link to wherever. The lock is a flock(), so
 * it ends with the process, however that ends. Whoever deletes a folder holds its lock; who locks
 * a file that was deleted meanwhile begins again.
 */
#include "folder-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 100
#define HASH_DIGITS    12
#define MAX_ATTEMPTS   5
#define LOCK_ATTEMPTS  20
#define LOCK_PAUSE_US  (100 * 1000)

char *
folder_account_name(const char *account)
{
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, account, -1);
	GString *name = g_string_new_len(
		account, (gssize)MIN(strlen(account), NAME_MAX_BYTES - HASH_DIGITS - 1));

	for (char *c = name->str; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("@._-", *c))
			*c = *c == ':' ? '-' : '_';
	if (*name->str == '.')
		*name->str = '_';
	g_string_append_printf(name, "-%.*s", HASH_DIGITS, hash);
	return g_string_free(name, FALSE);
}

static int
fail(GError **error, ImapfsError code, const char *name, const char *words)
{
	g_set_error(error, IMAPFS_ERROR, code, "%s %s", name, words);
	return -1;
}

/* @error_number: of the system call that failed on @name. */
static int
fail_errno(GError **error, const char *name, int error_number)
{
	g_set_error(error, IMAPFS_ERROR,
	            error_number == ENOENT  ? IMAPFS_ERROR_NOT_FOUND
	            : error_number == EROFS ? IMAPFS_ERROR_READ_ONLY
	                                    : IMAPFS_ERROR_FAILED,
	            "%s: %s", name, g_strerror(error_number));
	return -1;
}

/* Whether @fd, a folder or file called @name, belongs to this user and nobody else. */
static gboolean
check_private(int fd, const char *name, GError **error)
{
	struct stat status;

	if (fstat(fd, &status)) {
		fail_errno(error, name, errno);
	} else if (status.st_uid != geteuid()) {
		fail(error, IMAPFS_ERROR_DENIED, name,
		     "belongs to another user: remove it, or choose another folder");
	} else if (status.st_mode & 077) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED,
		            "%s is open to other users (mode %04o): chmod %o it", name,
		            status.st_mode & 07777U, S_ISDIR(status.st_mode) ? 0700U : 0600U);
	} else {
		return TRUE;
	}
	return FALSE;
}

/* Folder @name in @parent, made if @create. -1: failed. */
static int
open_level(int parent, const char *name, gboolean create, GError **error)
{
	struct stat status;
	int fd;

	if (create && mkdirat(parent, name, 0700) && errno != EEXIST)
		return fail_errno(error, name, errno);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
		gboolean link = !fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) &&
		                S_ISLNK(status.st_mode);

		return fail(error, IMAPFS_ERROR_DENIED, name,
		            link ? "is a symbolic link, which is not followed: put a folder there"
		                 : "is in the way: a folder belongs there");
	}
	if (fd < 0)
		return fail_errno(error, name, errno);
	if (check_private(fd, name, error))
		return fd;
	close(fd);
	return -1;
}

static int
open_base(const char *base, gboolean create, GError **error)
{
	int fd;

	if (!base)
		base = g_get_user_cache_dir();
	if (create && g_mkdir_with_parents(base, 0700))
		return fail_errno(error, base, errno);
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_errno(error, base, errno) : fd;
}

static gboolean
open_levels(Folder *folder, const char *base, gboolean create, GError **error)
{
	int base_fd = open_base(base, create, error);

	if (base_fd < 0)
		return FALSE;
	folder->top_fd = open_level(base_fd, "imapfs", create, error);
	close(base_fd);
	if (folder->top_fd >= 0)
		folder->fd = open_level(folder->top_fd, folder->name, create, error);
	return folder->fd >= 0;
}

/* Whether the lock that is held is still the one in the folder, and the folder in its place. */
static gboolean
lock_is_there(const Folder *folder)
{
	struct stat mine, found, folder_mine, folder_found;

	return !fstat(folder->lock_fd, &mine) &&
	       !fstatat(folder->fd, "lock", &found, AT_SYMLINK_NOFOLLOW) &&
	       mine.st_ino == found.st_ino && !fstat(folder->fd, &folder_mine) &&
	       !fstatat(folder->top_fd, folder->name, &folder_found, AT_SYMLINK_NOFOLLOW) &&
	       folder_mine.st_ino == folder_found.st_ino;
}

static gboolean
take_lock(Folder *folder, GError **error)
{
	folder->lock_fd = openat(folder->fd, "lock",
	                         O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (folder->lock_fd < 0) {
		fail_errno(error, "lock", errno);
		return FALSE;
	}
	if (!check_private(folder->lock_fd, "lock", error))
		return FALSE;
	for (guint i = 0; i < LOCK_ATTEMPTS; i++) { /* the last mount may be writing yet */
		if (!flock(folder->lock_fd, LOCK_EX | LOCK_NB))
			return TRUE;
		if (errno != EWOULDBLOCK)
			break;
		g_usleep(LOCK_PAUSE_US);
	}
	if (errno == EWOULDBLOCK)
		fail(error, IMAPFS_ERROR_EXISTS, folder->name, "is in use by another mount");
	else
		fail_errno(error, "lock", errno);
	return FALSE;
}

/* The kernel's word, so that SQLite, which wants a path, meets no link on the way. */
static gboolean
find_path(Folder *folder, GError **error)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", folder->fd);
	g_autoptr(GError) cause = NULL;

	folder->path = g_file_read_link(link, &cause);
	if (!folder->path)
		fail(error, IMAPFS_ERROR_FAILED, folder->name, cause->message);
	return folder->path != NULL;
}

static Folder *
try_open(const char *base, const char *account, gboolean create, GError **error)
{
	Folder *folder = g_new0(Folder, 1);

	folder->top_fd = folder->fd = folder->lock_fd = -1;
	folder->name = folder_account_name(account);
	if (open_levels(folder, base, create, error) && take_lock(folder, error) &&
	    find_path(folder, error))
		return folder;
	folder_close(folder);
	return NULL;
}

/* A folder that was deleted between two steps is made again. */
Folder *
folder_open_locked(const char *base, const char *account, gboolean create, GError **error)
{
	g_autoptr(GError) cause = NULL;

	for (guint i = 0; i < MAX_ATTEMPTS; i++) {
		Folder *folder;

		g_clear_error(&cause);
		folder = try_open(base, account, create, &cause);
		if (folder && lock_is_there(folder))
			return folder;
		if (folder)
			folder_close(folder);
		else if (!create || !g_error_matches(cause, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND))
			break;
	}
	if (cause)
		g_propagate_error(error, g_steal_pointer(&cause));
	else
		fail(error, IMAPFS_ERROR_FAILED, account, "is being deleted by another imapfs");
	return NULL;
}

Folder *
folder_open(const char *base, const char *account, GError **error)
{
	Folder *folder = folder_open_locked(base, account, TRUE, error);

	if (!folder)
		g_prefix_error(error, "the folder for what is kept of %s in %s: ", account,
		               base ? base : g_get_user_cache_dir());
	return folder;
}

void
folder_close(Folder *folder)
{
	if (folder->lock_fd >= 0)
		close(folder->lock_fd);
	if (folder->fd >= 0)
		close(folder->fd);
	if (folder->top_fd >= 0)
		close(folder->top_fd);
	g_free(folder->name);
	g_free(folder->path);
	g_free(folder);
}

int
folder_fd(const Folder *folder)
{
	return folder->fd;
}

const char *
folder_path(const Folder *folder)
{
	return folder->path;
}
