/*
 * Deleting what is kept of an account. Only regular files with names that imapfs gives are deleted;
 * whatever else is found stays, and so do the folders that hold it. The lock goes last, so that no
 * mount begins in a folder that is half deleted.
 */
#include "folder-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names that are ours: in the account's folder itself (NULL), or in one inside it. */
static const struct {
	const char *folder;
	const char *pattern;
} known[] = {
	{NULL, "index*"},     {NULL, "journal*"},  {NULL, "lock"},
	{"blocks", "*.data"}, {"blocks", "*.log"}, {"spool", "*"},
};

static const char *const inner_folders[] = {"blocks", "spool"};

/* Appends @name to the list of what was left. */
static void
note_left(GString *left, const char *folder, const char *name)
{
	g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : g_strdup(name);
	g_autofree char *shown = g_filename_display_name(path);

	g_string_append_printf(left, "%s%s", left->len ? ", " : "", shown);
}

static gboolean
is_known(const char *folder, const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (g_strcmp0(folder, known[i].folder) == 0 &&
		    g_pattern_match_simple(known[i].pattern, name))
			return TRUE;
	return FALSE;
}

static gboolean
is_inner_folder(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(inner_folders); i++)
		if (g_str_equal(name, inner_folders[i]))
			return TRUE;
	return FALSE;
}

static gboolean
delete_file(int fd, const char *folder, const char *name)
{
	struct stat status;

	return is_known(folder, name) && !fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(status.st_mode) && !unlinkat(fd, name, 0);
}

/* The names in the folder, for deleting while reading may skip some; NULL: it cannot be read. */
static GPtrArray *
list_names(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	GPtrArray *names;
	const struct dirent *entry;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return NULL;
	}
	names = g_ptr_array_new_with_free_func(g_free);
	while ((entry = readdir(directory)))
		if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
			g_ptr_array_add(names, g_strdup(entry->d_name));
	closedir(directory);
	return names;
}

/* Deletes the files of folder @folder, whose descriptor is @fd, except the lock. */
static void
delete_files(int fd, const char *folder, GString *left)
{
	g_autoptr(GPtrArray) names = list_names(fd);

	if (!names) {
		note_left(left, folder, "*");
		return;
	}
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];

		if (!folder && (g_str_equal(name, "lock") || is_inner_folder(name)))
			continue;
		if (!delete_file(fd, folder, name))
			note_left(left, folder, name);
	}
}

static void
delete_inner_folder(const Folder *folder, const char *name, GString *left)
{
	int fd = openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		if (errno != ENOENT)
			note_left(left, NULL, name);
		return;
	}
	delete_files(fd, name, left);
	close(fd);
	unlinkat(folder->fd, name, AT_REMOVEDIR);
}

static void
delete_all(const Folder *folder, GString *left)
{
	for (guint i = 0; i < G_N_ELEMENTS(inner_folders); i++)
		delete_inner_folder(folder, inner_folders[i], left);
	delete_files(folder->fd, NULL, left);
	if (!delete_file(folder->fd, NULL, "lock"))
		note_left(left, NULL, "lock");
	if (unlinkat(folder->top_fd, folder->name, AT_REMOVEDIR) && !left->len)
		note_left(left, NULL, ".");
}

static gboolean
is_kept(const char *base, const char *account)
{
	g_autofree char *name = folder_account_name(account);
	g_autofree char *path =
		g_build_filename(base ? base : g_get_user_cache_dir(), "imapfs", name, NULL);
	struct stat status;

	return !lstat(path, &status);
}

gboolean
folder_forget(const char *base, const char *account, GError **error)
{
	g_autoptr(GString) left = g_string_new(NULL);
	g_autoptr(GError) cause = NULL;
	Folder *folder = NULL;
	gboolean kept = is_kept(base, account);

	if (kept)
		folder = folder_open_locked(base, account, FALSE, &cause);
	if (!kept || g_error_matches(cause, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND,
		            "nothing is kept of %s in %s/imapfs", account,
		            base ? base : g_get_user_cache_dir());
		return FALSE;
	}
	if (!folder) {
		g_propagate_prefixed_error(error, g_steal_pointer(&cause),
		                           "what is kept of %s: ", account);
		return FALSE;
	}
	delete_all(folder, left);
	if (left->len)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "not deleted from %s: %s",
		            folder->path, left->str);
	folder_close(folder);
	return !left->len;
}
