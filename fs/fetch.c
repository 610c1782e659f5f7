/*
 * imapfs --fetch: walk, read, look whether it is kept.
 *
 *     walk     once, for what is to be done: every file that is not kept yet, with its size
 *     read     each in turn, which lets the daemon read ahead; the kernel's copy is not asked
 *     look     the daemon writes behind; what it dropped because its disk was slower is read again
 */
#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "imapfs/error.h"
#include "progress.h"

#define ATTRIBUTE "user.imap.cached"
#define N_ROUNDS  4      /* of reading what is still not kept */
#define SETTLE_US 200000 /* for what is being written */
#define BUFFER    (1024 * 1024)

typedef struct {
	GPtrArray *missing; /* of char *: paths */
	guint64 n_bytes;    /* of these */
	guint64 n_kept;     /* there already */
	guint n_failed;
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

static void
look_at(Fetch *fetch, const FTSENT *entry)
{
	Kept answer = ask(entry->fts_accpath);

	if (answer == NOT_TOLD) {
		failed(fetch, entry->fts_path, errno);
	} else if (answer == KEPT) {
		fetch->n_kept++;
	} else {
		g_ptr_array_add(fetch->missing, g_strdup(entry->fts_path));
		fetch->n_bytes += (guint64)entry->fts_statp->st_size;
	}
}

static void
walk(Fetch *fetch, char **paths)
{
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_F)
			look_at(fetch, entry);
		else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		         entry->fts_info == FTS_NS)
			failed(fetch, entry->fts_path, entry->fts_errno);
	}
	if (tree)
		fts_close(tree);
}

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

/* Reads what is missing; leaves in fetch->missing what was read and is still not kept. */
static void
read_missing(Fetch *fetch)
{
	g_autofree char *buffer = g_malloc(BUFFER);
	g_autoptr(GPtrArray) paths = g_steal_pointer(&fetch->missing);

	fetch->missing = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < paths->len; i++) {
		const char *path = paths->pdata[i];
		int failure = read_through(fetch, path, buffer);

		fetch->progress.n_messages++;
		progress_show(&fetch->progress);
		if (failure == 0)
			g_ptr_array_add(fetch->missing, g_strdup(path));
		else if (failure != ENOENT && failure != ESTALE) /* gone: nothing to have */
			failed(fetch, path, failure);
	}
	g_usleep(SETTLE_US);
	for (guint i = fetch->missing->len; i-- > 0;)
		if (ask(fetch->missing->pdata[i]) == KEPT)
			g_ptr_array_remove_index(fetch->missing, i);
}

static void
fetch_all(Fetch *fetch)
{
	guint n = fetch->missing->len;

	progress_begin(&fetch->progress, n, fetch->n_bytes);
	for (guint round = 0; round < N_ROUNDS && fetch->missing->len; round++)
		read_missing(fetch);
	progress_end(&fetch->progress);
	for (guint i = 0; i < fetch->missing->len; i++)
		fprintf(stderr, "imapfs: %s: there is no room for it (cache_size=)\n",
		        (const char *)fetch->missing->pdata[i]);
	fetch->n_failed += fetch->missing->len;
	printf("%u messages fetched, %" G_GUINT64_FORMAT " were here already\n",
	       n > fetch->n_failed ? n - fetch->n_failed : 0, fetch->n_kept);
}

gboolean
fetch_paths(char **paths, GError **error)
{
	Fetch fetch = {0};

	for (char **path = paths; *path; path++)
		if (!check_path(*path, error))
			return FALSE;
	fetch.missing = g_ptr_array_new_with_free_func(g_free);
	walk(&fetch, paths);
	fetch_all(&fetch);
	g_ptr_array_unref(fetch.missing);
	if (!fetch.n_failed)
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%u could not be fetched",
	            fetch.n_failed);
	return FALSE;
}
