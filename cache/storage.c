/*
 * Opening what is kept on disk, and closing it.
 *
 * Blocks are kept by message ids, which the index gives out: so the store belongs to one index
 * file, and starts anew with it.
 */
#include "storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DEFAULT_BYTES (2ULL * 1024 * 1024 * 1024)
#define PART_OF_FREE  10 /* of what is free on the disk, where that is less */
#define PATIENCE_US   (2 * G_USEC_PER_SEC)
#define LEAST_BYTES   (4ULL * 1024 * 1024)

static guint64
store_size(const AccountSettings *settings, int fd)
{
	struct statvfs disk;
	guint64 part;

	if (settings->cache_size)
		return settings->cache_size;
	if (fstatvfs(fd, &disk) < 0)
		return DEFAULT_BYTES;
	part = (guint64)disk.f_bavail * disk.f_frsize / PART_OF_FREE;
	return CLAMP(part, LEAST_BYTES, DEFAULT_BYTES);
}

static BlockStore *
open_blocks(const Storage *storage, const AccountSettings *settings, GError **error)
{
	int parent = folder_fd(storage->folder), fd;
	BlockStore *blocks;

	mkdirat(parent, "blocks", 0700);
	fd = openat(parent, "blocks", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "cannot open %s/blocks",
		            folder_path(storage->folder));
		return NULL;
	}
	blocks = block_store_open(storage->disk, fd, index_store_id(storage->index),
	                          store_size(settings, fd), error);
	close(fd);
	return blocks;
}

/* A mount that was just taken down may still be delivering. */
static Folder *
open_folder(const AccountSettings *settings, GError **error)
{
	gint64 until = g_get_monotonic_time() + PATIENCE_US;
	GError *cause = NULL;
	Folder *folder;

	while (!(folder = folder_open(settings->cache, settings->name, &cause)) &&
	       g_error_matches(cause, IMAPFS_ERROR, IMAPFS_ERROR_EXISTS) &&
	       g_get_monotonic_time() < until) {
		g_clear_error(&cause);
		g_usleep(PATIENCE_US / 20);
	}
	if (!folder)
		g_propagate_error(error, cause);
	return folder;
}

Storage *
storage_open(const AccountSettings *settings)
{
	Storage *storage = g_new0(Storage, 1);
	g_autoptr(GError) error = NULL;

	storage->folder = open_folder(settings, &error);
	if (storage->folder) {
		storage->disk = disk_new();
		storage->index = index_open(storage->folder, storage->disk, &error);
	}
	if (storage->index)
		storage->blocks = open_blocks(storage, settings, &error);
	if (storage->blocks)
		return storage;
	g_message("nothing is kept on disk: %s", error->message);
	storage_close(storage);
	return NULL;
}

void
storage_close(Storage *storage)
{
	g_clear_pointer(&storage->blocks, block_store_free);
	g_clear_pointer(&storage->index, index_free);
	g_clear_pointer(&storage->disk, disk_free);
	g_clear_pointer(&storage->folder, folder_close);
	g_free(storage);
}
