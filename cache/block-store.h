/*
 * block-store.h: message bytes on disk.
 *
 * Blocks of at most REMOTE_BLOCK_SIZE bytes by (message, index), kept in segments: files in one
 * folder that only grow (segment.h). The oldest segment goes as a whole when there is too much, and
 * what was read of it is carried over to the newest.
 *
 * A message's bytes never change: an id never stands for other bytes than before. So it does no
 * harm that a drop can be lost with the end of a log (after a crash of the system or a full disk):
 * the key then has its old bytes again. What is returned has passed its CRC; what has not is not
 * there, and one line in the log says so for each segment. When writing fails, the store goes on
 * reading, and writes no more until it is opened again.
 *
 * Everything is called from the loop, and what waits for the disk is done by the Disk. Callbacks
 * come from the loop. Two processes must not use one folder at a time: the caller holds a lock.
 */
#pragma once

#include "disk.h"

typedef struct BlockStore BlockStore;

typedef struct {
	guint64 n_blocks;  /* that can be had */
	guint64 n_bytes;   /* of all files, those of void blocks included */
	guint64 max_bytes; /* n_bytes never exceeds it */
	guint64 n_segments;
	guint64 n_hits;    /* blocks returned */
	guint64 n_damaged; /* blocks, and segments when opened, that were not what was written */
	guint64 n_refused; /* blocks not stored: too many waiting, or writing has failed */
	guint64 n_queued_bytes; /* waiting to be written */
	guint64 n_memory;       /* bytes of the index */
} BlockStoreStatistics;

/* Opens the store in @folder_fd (O_DIRECTORY; the store makes its own descriptor), reading the
 * logs: this blocks. Blocks only make sense with the index whose ids they use, so all that is there
 * of another @store_id is deleted. @max_bytes: at least 4 MiB are used. NULL: the folder cannot be
 * read (IMAPFS_ERROR_FAILED). Files that cannot be read are as if they were not there. */
BlockStore *block_store_open(Disk *disk, int folder_fd, guint64 store_id, guint64 max_bytes,
                             GError **error);

/* Writes what is queued and waits for it; callbacks that are due are called. The Disk stays. */
void block_store_free(BlockStore *store);

/* Whether the block is on disk; counts as no use. */
gboolean block_store_has(const BlockStore *store, guint64 message, guint32 index);

/* The block, if it is in the kernel's memory: never waits. The caller's reference. NULL: not there,
 * or to be asked for with block_store_get(). */
GBytes *block_store_get_now(BlockStore *store, guint64 message, guint32 index);

/* @bytes is the store's, or NULL: the block was damaged, or has been dropped meanwhile. */
typedef void (*BlockStoreCallback)(GBytes *bytes, gpointer data);

/* Reads the block. FALSE: it is not there, and @callback will not be called; else it is called
 * once, after this has returned. */
gboolean block_store_get(BlockStore *store, guint64 message, guint32 index,
                         BlockStoreCallback callback, gpointer data);

/* Takes a reference and writes the block some time later: it is there only from then on. With more
 * than 32 MiB or 8192 blocks waiting it is not stored at all. A block that is there with this
 * length stays as it is. */
void block_store_put(BlockStore *store, guint64 message, guint32 index, GBytes *bytes);

/* The block is void from now on, also where it is still being written. */
void block_store_drop(BlockStore *store, guint64 message, guint32 index);

/* The message @from is called @to from now on: all its blocks, those still being written too. Where
 * @to has a block already, that stays. */
void block_store_move(BlockStore *store, guint64 from, guint64 to);

/* All blocks of the mailbox (message >> 32) are void from now on. */
void block_store_forget_mailbox(BlockStore *store, guint32 mailbox_id);

/* Has the kernel read the block, and what follows it in its segment (2 MiB in all), before it is
 * asked for. */
void block_store_readahead(BlockStore *store, guint64 message, guint32 index);

BlockStoreStatistics block_store_statistics(const BlockStore *store);
