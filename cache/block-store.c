/*
 * What the block store is asked.
 *
 * Changes take effect in the index at once, except that a block is there only when it has been
 * written. The log says the same in the order in which it was asked for; where something is dropped
 * or moved while its blocks are being written, both the blocks in hand and the log are told, so
 * that the index rebuilt from the log is the one in memory.
 */
#include "store-private.h"

#include "imapfs/error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MIB (1024 * 1024)

enum {
	MAX_QUEUED_BYTES = 32 * MIB,
	MAX_QUEUED_BLOCKS = 8192,
	READAHEAD_BYTES = 2 * MIB,
};

/* A read that is under way. */
typedef struct {
	DiskJob job;
	GList link; /* in store->gets */
	BlockStore *store;
	guint64 message;
	guint32 index;
	Segment *segment; /* a reference */
	int data_fd;
	guint32 offset, length, crc;
	gboolean is_void; /* dropped meanwhile */
	BlockStoreCallback callback;
	gpointer data;
	GBytes *bytes; /* the result */
} Get;

/* As a 32nd part, but neither many tiny nor, as each takes a descriptor, more than 512. */
static guint64
segment_bytes_for(guint64 max_bytes)
{
	guint64 bytes = CLAMP(max_bytes / 32, MIB, 64 * MIB);

	return CLAMP(max_bytes / 512, bytes, G_MAXUINT32 / 2);
}

BlockStore *
block_store_open(Disk *disk, int folder_fd, guint64 store_id, guint64 max_bytes, GError **error)
{
	BlockStore *store = g_new0(BlockStore, 1);

	store->disk = disk;
	store->store_id = store_id;
	store->statistics.max_bytes = MAX(max_bytes, STORE_MIN_BYTES);
	store->segment_bytes = segment_bytes_for(store->statistics.max_bytes);
	store->segments = g_ptr_array_new();
	block_index_init(&store->index);
	store->folder_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->folder_fd >= 0 && store_load(store, error))
		return store;
	if (store->folder_fd < 0)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "block store: %s",
		            g_strerror(errno));
	block_store_free(store);
	return NULL;
}

void
block_store_free(BlockStore *store)
{
	store_write(store);
	while (store->batch || store->eviction || store->gets.length)
		disk_flush(store->disk);
	store_clear_queues(store);
	disk_flush(store->disk); /* nobody refers to a segment now */
	for (guint i = 0; i < store->segments->len; i++)
		segment_close(store->segments->pdata[i]);
	g_ptr_array_unref(store->segments);
	block_index_clear(&store->index);
	if (store->folder_fd >= 0)
		close(store->folder_fd);
	g_free(store);
}

void
store_report_damage(BlockStore *store, Segment *segment, const char *what)
{
	store->statistics.n_damaged++;
	if (!segment->is_reported)
		g_message("block store: segment %u: %s", segment->number, what);
	segment->is_reported = TRUE;
}

/* --- reading --- */

gboolean
block_store_has(const BlockStore *store, guint64 message, guint32 index)
{
	return block_index_find(&store->index, message, index) != NULL;
}

static void
entry_is_damaged(BlockStore *store, BlockEntry *entry)
{
	guint64 message = entry->message;
	guint32 index = entry->index;

	store_report_damage(store, entry->segment, "a block is not what was written");
	block_store_drop(store, message, index);
}

GBytes *
block_store_get_now(BlockStore *store, guint64 message, guint32 index)
{
	BlockEntry *entry = block_index_find(&store->index, message, index);
	gboolean damaged;
	GBytes *bytes;

	if (!entry)
		return NULL;
	bytes = segment_read_now(entry->segment->data_fd, entry->offset, entry->length, entry->crc,
	                         &damaged);
	if (damaged)
		entry_is_damaged(store, entry);
	if (!bytes)
		return NULL;
	entry->is_hot = TRUE;
	store->statistics.n_hits++;
	return bytes;
}

static void
get_run(DiskJob *job)
{
	Get *get = (Get *)job;

	get->bytes = segment_read(get->data_fd, get->offset, get->length, get->crc);
}

/* The entry that was read: not one that has come since. */
static BlockEntry *
get_entry(const Get *get)
{
	BlockEntry *entry = block_index_find(&get->store->index, get->message, get->index);

	return entry && entry->segment == get->segment && entry->offset == get->offset ? entry
	                                                                               : NULL;
}

static void
get_done(DiskJob *job)
{
	Get *get = (Get *)job;
	BlockEntry *entry = get_entry(get);

	g_queue_unlink(&get->store->gets, &get->link);
	if (!get->bytes && entry)
		entry_is_damaged(get->store, entry);
	if (get->is_void)
		g_clear_pointer(&get->bytes, g_bytes_unref);
	if (get->bytes) {
		get->store->statistics.n_hits++;
		if (entry)
			entry->is_hot = TRUE;
	}
	get->callback(get->bytes, get->data);
	g_clear_pointer(&get->bytes, g_bytes_unref);
	segment_unref(get->segment);
	g_free(get);
}

gboolean
block_store_get(BlockStore *store, guint64 message, guint32 index, BlockStoreCallback callback,
                gpointer data)
{
	const BlockEntry *entry = block_index_find(&store->index, message, index);
	Get *get;

	if (!entry)
		return FALSE;
	get = g_new0(Get, 1);
	*get = (Get){
		.job = {.run = get_run, .done = get_done},
		.link = {.data = get},
		.store = store,
		.message = message,
		.index = index,
		.segment = segment_ref(entry->segment),
		.data_fd = entry->segment->data_fd,
		.offset = entry->offset,
		.length = entry->length,
		.crc = entry->crc,
		.callback = callback,
		.data = data,
	};
	g_queue_push_tail_link(&store->gets, &get->link);
	disk_push_urgent(store->disk, &get->job);
	return TRUE;
}

typedef struct {
	DiskJob job;
	Segment *segment; /* a reference */
	int data_fd;
	guint64 begin, end;
} Readahead;

static void
readahead_run(DiskJob *job)
{
	const Readahead *readahead = (Readahead *)job;

	posix_fadvise(readahead->data_fd, (off_t)readahead->begin,
	              (off_t)(readahead->end - readahead->begin), POSIX_FADV_WILLNEED);
}

static void
readahead_done(DiskJob *job)
{
	segment_unref(((Readahead *)job)->segment);
	g_free(job);
}

/* A reader that goes on asks for each block: only the first asks the kernel. */
void
block_store_readahead(BlockStore *store, guint64 message, guint32 index)
{
	const BlockEntry *entry = block_index_find(&store->index, message, index);
	Readahead *readahead;

	if (!entry || (entry->segment->number == store->advised.number &&
	               entry->offset >= store->advised.begin &&
	               entry->offset + entry->length <= store->advised.end))
		return;
	readahead = g_new0(Readahead, 1);
	readahead->job = (DiskJob){.run = readahead_run, .done = readahead_done};
	readahead->segment = segment_ref(entry->segment);
	readahead->data_fd = entry->segment->data_fd;
	readahead->begin = entry->offset;
	readahead->end = MIN((guint64)entry->offset + READAHEAD_BYTES, entry->segment->data_end);
	store->advised.number = entry->segment->number;
	store->advised.begin = readahead->begin;
	store->advised.end = readahead->end;
	disk_push_urgent(store->disk, &readahead->job);
}

/* --- changing --- */

void
block_store_put(BlockStore *store, guint64 message, guint32 index, GBytes *bytes)
{
	const BlockEntry *entry = block_index_find(&store->index, message, index);
	gsize length = g_bytes_get_size(bytes);
	const Record record = {
		.kind = RECORD_BLOCK,
		.message = message,
		.index = index,
		.length = (guint32)length,
	};

	g_assert(length <= REMOTE_BLOCK_SIZE);
	if (entry && entry->length == length)
		return;
	if (store->is_silent || store->puts.length >= MAX_QUEUED_BLOCKS ||
	    store->statistics.n_queued_bytes + length > MAX_QUEUED_BYTES) {
		store->statistics.n_refused++;
		return;
	}
	store_queue(store, &record, bytes);
}

static gboolean
is_block(const StoreOp *op, const Record *key)
{
	return op->message == key->message && op->record.index == key->index;
}

static gboolean
is_in_mailbox(const StoreOp *op, const Record *key)
{
	return op->message >> 32 == key->other;
}

void
block_store_drop(BlockStore *store, guint64 message, guint32 index)
{
	const Record record = {.kind = RECORD_DROP, .message = message, .index = index};
	BlockEntry *entry = block_index_find(&store->index, message, index);
	gboolean logged = store_cancel(store, is_block, &record);

	for (GList *link = store->gets.head; link; link = link->next) {
		Get *get = link->data;

		get->is_void |= get->message == message && get->index == index;
	}
	if (entry)
		block_index_remove(&store->index, entry);
	if (entry || logged)
		store_queue(store, &record, NULL);
}

/* What @to has of its own stays, also where it is still to be written. */
static gboolean
remove_superseded(BlockStore *store, guint64 from, guint64 to)
{
	gboolean removed = FALSE;

	for (GList *link = store->puts.head; link; link = link->next) {
		const StoreOp *op = link->data;
		BlockEntry *entry =
			op->message == to && !op->source && !op->is_void
				? block_index_find(&store->index, from, op->record.index)
				: NULL;

		if (entry)
			block_index_remove(&store->index, entry);
		removed |= entry != NULL;
	}
	return removed;
}

void
block_store_move(BlockStore *store, guint64 from, guint64 to)
{
	const Record record = {.kind = RECORD_MOVE, .message = from, .other = to};
	gboolean logged;

	if (from == to)
		return;
	logged = store_rename_queued(store, from, to);
	logged |= remove_superseded(store, from, to);
	for (GList *link = store->gets.head; link; link = link->next) {
		Get *get = link->data;

		if (get->message == from)
			get->message = to;
	}
	if (block_index_move(&store->index, from, to) || logged)
		store_queue(store, &record, NULL);
}

void
block_store_forget_mailbox(BlockStore *store, guint32 mailbox_id)
{
	const Record record = {.kind = RECORD_FORGET, .other = mailbox_id};
	gboolean logged = store_cancel(store, is_in_mailbox, &record);

	for (GList *link = store->gets.head; link; link = link->next) {
		Get *get = link->data;

		get->is_void |= get->message >> 32 == mailbox_id;
	}
	if (block_index_forget(&store->index, mailbox_id) || logged)
		store_queue(store, &record, NULL);
}

BlockStoreStatistics
block_store_statistics(const BlockStore *store)
{
	BlockStoreStatistics statistics = store->statistics;

	statistics.n_blocks = store->index.n_blocks;
	statistics.n_segments = store->segments->len;
	statistics.n_memory = block_index_memory(&store->index);
	return statistics;
}
