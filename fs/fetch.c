/*
 * imapfs --fetch: walk, read, look whether it is kept.
 *
 *     walk     once, for what is to be done: every file that is not kept yet, with its size
 *     read     each in turn, which lets the daemon read ahead; the kernel's copy is not asked
 *     look     the daemon writes behind; what it dropped because its disk was slower is read again
 */
#include "fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "imapfs/error.h"
#include "progress.h"

#define ATTRIBUTE "user.imap.cached"
#define SETTLE_US 200000 /* for what is being written */
#define BUFFER    (1024 * 1024)

typedef struct {
	GPtrArray *missing; /* of char *: paths */
	guint64 n_bytes;    /* of these */
	guint64 n_kept;     /* there already */
	guint n_failed;
	gboolean offline;
	Progress progress;
} Fetch;

typedef enum { KEPT, NOT_KEPT, NEVER_KEPT, NOT_TOLD } Kept;

/* What the daemon says; NOT_TOLD: it does not, with errno. */
static Kept
ask(const char *path)
{
	char value[8] = "";

	if (lgetxattr(path, ATTRIBUTE, value, sizeof(value) - 1) < 0)
		return NOT_TOLD;
	if (strcmp(value, "yes") == 0)
		return KEPT;
	return strcmp(value, "never") == 0 ? NEVER_KEPT : NOT_KEPT;
}

static void
failed(Fetch *fetch, const char *path, int failure)
{
	fetch->n_failed++;
	progress_end(&fetch->progress);
	fprintf(stderr, "imapfs: %s: %s\n", path, g_strerror(failure));
}

/* Meanwhile: then there is nothing to be had. */
static gboolean
is_gone(int failure)
{
	return failure == ENOENT || failure == ESTALE;
}

static gboolean
check_path(const char *path, GError **error)
{
	Kept answer = ask(path);
	const char *why = g_strerror(errno);

	if (answer == KEPT || answer == NOT_KEPT)
		return TRUE;
	if (answer == NEVER_KEPT)
		why = "this mount keeps nothing on disk (cache=memory, or another mount does)";
	else if (errno == ENODATA || errno == EOPNOTSUPP)
		why = "not in a mount of imapfs";
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "%s: %s", path, why);
	return FALSE;
}

/* --- walking --- */

static void walk(Fetch *fetch, const char *path);

static void
look_at(Fetch *fetch, const char *path, guint64 size)
{
	Kept answer = ask(path);

	if (answer == KEPT) {
		fetch->n_kept++;
	} else if (answer != NOT_TOLD) {
		g_ptr_array_add(fetch->missing, g_strdup(path));
		fetch->n_bytes += size;
	} else if (!is_gone(errno)) {
		failed(fetch, path, errno);
	}
}

/* A mailbox that cannot be listed fails in the middle, which no listing of names alone would tell.
 */
static void
walk_directory(Fetch *fetch, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (errno = 0, entry = readdir(directory))) {
		g_autofree char *child = g_build_filename(path, entry->d_name, NULL);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			walk(fetch, child);
	}
	if (errno)
		failed(fetch, path, errno);
	if (directory)
		closedir(directory);
}

static void
walk(Fetch *fetch, const char *path)
{
	struct stat attributes;

	if (lstat(path, &attributes) < 0) {
		if (!is_gone(errno))
			failed(fetch, path, errno);
	} else if (S_ISDIR(attributes.st_mode)) {
		walk_directory(fetch, path);
	} else if (S_ISREG(attributes.st_mode)) {
		look_at(fetch, path, (guint64)attributes.st_size);
	}
}

/* --- reading --- */

/* The kernel may have its own copy, which says nothing of the daemon's. 0 or an errno. */
static int
read_through(Fetch *fetch, const char *path, char *buffer)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	int failure;

	if (fd < 0)
		return errno;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	while ((n = read(fd, buffer, BUFFER)) > 0) {
		fetch->progress.n_bytes += (guint64)n;
		fetch->progress.n_moved += (guint64)n;
		progress_show(&fetch->progress);
	}
	failure = n < 0 ? errno : 0;
	close(fd);
	return failure;
}

/* Reads all of @paths; without a line there is no use in going on. */
static void
read_all(Fetch *fetch, const GPtrArray *paths)
{
	g_autofree char *buffer = g_malloc(BUFFER);

	for (guint i = 0; i < paths->len && !fetch->offline; i++) {
		int failure = read_through(fetch, paths->pdata[i], buffer);

		fetch->progress.n_messages++;
		progress_show(&fetch->progress);
		if (failure && !is_gone(failure))
			failed(fetch, paths->pdata[i], failure);
		fetch->offline = failure == EHOSTDOWN;
	}
	g_usleep(SETTLE_US);
}

/* Of @paths those that are there and not kept. */
static GPtrArray *
still_missing(const GPtrArray *paths)
{
	GPtrArray *missing = g_ptr_array_new();

	for (guint i = 0; i < paths->len; i++)
		if (ask(paths->pdata[i]) == NOT_KEPT)
			g_ptr_array_add(missing, paths->pdata[i]);
	return missing;
}

/* As long as that helps: where there is no room, what comes pushes out what came before. */
static void
fetch_all(Fetch *fetch)
{
	g_autoptr(GPtrArray) missing = g_ptr_array_ref(fetch->missing);
	guint n = fetch->missing->len, n_before = G_MAXUINT;

	progress_begin(&fetch->progress, n, fetch->n_bytes);
	while (missing->len && missing->len <= n_before / 2 && !fetch->offline) {
		n_before = missing->len;
		read_all(fetch, missing);
		g_ptr_array_unref(missing);
		missing = still_missing(fetch->missing);
	}
	progress_end(&fetch->progress);
	printf("%u messages fetched, %" G_GUINT64_FORMAT " were here already\n", n - missing->len,
	       fetch->n_kept);
	if (missing->len && !fetch->n_failed)
		fprintf(stderr, "imapfs: there is no room for %u of them (cache_size=)\n",
		        missing->len);
	fetch->n_failed = MAX(fetch->n_failed, missing->len);
}

gboolean
fetch_paths(char **paths, GError **error)
{
	Fetch fetch = {0};

	for (char **path = paths; *path; path++)
		if (!check_path(*path, error))
			return FALSE;
	fetch.missing = g_ptr_array_new_with_free_func(g_free);
	for (char **path = paths; *path; path++)
		walk(&fetch, *path);
	fetch_all(&fetch);
	g_ptr_array_unref(fetch.missing);
	if (!fetch.n_failed)
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%u could not be fetched",
	            fetch.n_failed);
	return FALSE;
}
