/*
 * store-private.h: the block store, for its own files.
 *
 * block-store.c answers, store-load.c opens, store-queue.c holds what is to be written, which
 * store-writer.c writes, and store-eviction.c makes room.
 */
#pragma once

#include "block-store.h"
#include "imapfs/remote.h"
#include "segment.h"

#define STORE_MIN_BYTES (4 * 1024 * 1024) /* of all segments */

/* A change that is to be written. */
typedef struct {
	GList link;      /* in a queue, or the batch's */
	GList put_link;  /* in store->puts, a block only */
	Record record;   /* as it goes to the log: what was true when it was queued */
	guint64 message; /* whose block it is by now (block_store_move) */
	GBytes *bytes;   /* a block */
	Segment *source; /* carried over from here and record.offset, a reference; or NULL */
	guint32 source_offset;
	gboolean is_in_batch;
	gboolean is_void; /* dropped while it was in the batch */
} StoreOp;

typedef struct StoreBatch StoreBatch;
typedef struct StoreEviction StoreEviction;

struct BlockStore {
	Disk *disk;
	int folder_fd;
	guint64 store_id;
	guint64 segment_bytes; /* a segment is full with so many */
	BlockIndex index;
	GPtrArray *segments; /* of Segment, oldest first */
	guint32 next_number;
	BlockStoreStatistics statistics;

	GQueue ops;              /* of StoreOp, to be written in this order */
	GQueue carried;          /* of StoreOp, before those: blocks that are being carried over */
	guint n_marks;           /* changes in ops or the batch that are no blocks */
	GQueue puts;             /* of StoreOp: all blocks in ops, carried and the batch */
	StoreBatch *batch;       /* is being written; NULL: nothing */
	StoreEviction *eviction; /* of the oldest segment; NULL: there is room */
	gboolean is_silent;      /* writing has failed */

	GQueue gets; /* of Get: reads that are under way */
	struct {
		guint32 number; /* of a segment */
		guint64 begin, end;
	} advised; /* what was last read ahead */
};

/* Reads all logs. */
gboolean store_load(BlockStore *store, GError **error);

/* Says once for each segment that it is damaged. */
void store_report_damage(BlockStore *store, Segment *segment, const char *what);

/* Takes the oldest segment, and all that is in it, out of the store. The caller's reference; its
 * files go with the last. */
Segment *store_take_oldest(BlockStore *store);

/* Queues a change; @bytes for a block. */
void store_queue(BlockStore *store, const Record *record, GBytes *bytes);

/* Queues a block of @source to be written again. */
void store_queue_carried(BlockStore *store, const Record *record, GBytes *bytes, Segment *source);

void store_op_free(BlockStore *store, StoreOp *op);

/* Writes what can be written now. */
void store_write(BlockStore *store);

/* Whether the block is to be written. */
gboolean store_is_queued(const BlockStore *store, guint64 message, guint32 index);

/* Blocks that are to be written and match are void. TRUE: there were some, and what the log says of
 * them must be taken back. */
gboolean store_cancel(BlockStore *store, gboolean (*matches)(const StoreOp *op, const Record *key),
                      const Record *key);

/* Blocks of @from that are to be written become @to's. Returns as store_cancel(). */
gboolean store_rename_queued(BlockStore *store, guint64 from, guint64 to);

/* Drops all that is queued. */
void store_clear_queues(BlockStore *store);

/* The segment that is being appended to, which cannot be evicted; NULL: none, or one that is new.
 */
const Segment *store_current_segment(const BlockStore *store);

/* Whether blocks that are being carried over are still to be written. */
gboolean store_is_carrying(const BlockStore *store);

/* Begins to evict the oldest segments if room is getting short. */
void store_evict(BlockStore *store);

/* Goes on with it, after something has been written. */
void store_evict_further(BlockStore *store);

/* How many bytes of all files there may be when ordinary blocks are written: the rest is for what
 * is carried over. */
guint64 store_writable_bytes(const BlockStore *store);
