/*
 * Writing what is queued.
 *
 * One batch of them at a time is with the worker, which writes the blocks
 * with one call and their records with another; whatever comes meanwhile is the next batch, so that
 * batches grow with the load. What is being carried over goes first, since room comes of it. The
 * loop says where everything goes and fills in the records; the worker adds the CRCs.
 */
#include "store-private.h"

#include <unistd.h>

enum {
	BATCH_BYTES = 512 * 1024, /* not much, so that a reader need not wait for long */
	BATCH_OPS = 512,          /* below IOV_MAX */
};

struct StoreBatch {
	DiskJob job;
	BlockStore *store;
	Segment *segment; /* the last of the store, or a new one */
	gboolean is_new, opens, is_carrying;
	int close_fds[2]; /* of the segment before; -1: none */
	guint64 store_id;
	guint64 data_offset, log_offset;
	GQueue ops; /* of StoreOp */
	guint n_ops;
	GBytes **blocks; /* of each op, NULL where it is no block */
	guint8 *records;
	struct iovec *iov; /* of blocks that are not empty */
	guint n_iov;
	guint32 *crcs; /* by the worker */
	int error;     /* by the worker: an errno */
};

/* --- on the worker --- */

static int
batch_write(StoreBatch *batch)
{
	struct iovec log = {batch->records, batch->n_ops * SEGMENT_RECORD_SIZE};
	const Segment *segment = batch->segment;
	int error = batch->opens
	                    ? segment_open_to_append(batch->segment, batch->is_new, batch->store_id)
	                    : 0;

	if (!error)
		error = segment_write(segment->write_fd, batch->iov, batch->n_iov,
		                      batch->data_offset);
	if (!error)
		error = segment_write(segment->log_fd, &log, 1, batch->log_offset);
	return error;
}

static void
batch_run(DiskJob *job)
{
	StoreBatch *batch = (StoreBatch *)job;

	for (gsize i = 0; i < G_N_ELEMENTS(batch->close_fds); i++)
		if (batch->close_fds[i] >= 0)
			close(batch->close_fds[i]);
	for (guint i = 0; i < batch->n_ops; i++) {
		gsize length = 0;
		gconstpointer bytes =
			batch->blocks[i] ? g_bytes_get_data(batch->blocks[i], &length) : NULL;

		batch->crcs[i] = segment_crc(bytes, length);
		segment_seal_record(batch->records + i * SEGMENT_RECORD_SIZE, batch->crcs[i]);
	}
	batch->error = batch_write(batch);
}

/* --- in the loop: a batch that is done --- */

/* What was carried over has no place any more where a newer block is. */
static gboolean
is_still_wanted(const BlockStore *store, const StoreOp *op)
{
	const BlockEntry *entry;

	if (!op->bytes || op->is_void)
		return FALSE;
	entry = block_index_find(&store->index, op->message, op->record.index);
	return !op->source ||
	       (entry && entry->segment == op->source && entry->offset == op->source_offset);
}

static void
op_written(BlockStore *store, Segment *segment, const StoreOp *op, guint32 crc)
{
	const BlockEntry entry = {
		.message = op->message,
		.segment = segment,
		.index = op->record.index,
		.offset = op->record.offset,
		.length = op->record.length & G_MAXINT32,
		.crc = crc,
	};

	if (is_still_wanted(store, op))
		block_index_put(&store->index, &entry);
}

static void
batch_free(StoreBatch *batch)
{
	g_free(batch->blocks);
	g_free(batch->records);
	g_free(batch->iov);
	g_free(batch->crcs);
	g_free(batch);
}

/* What is there can still be read, but nothing is written behind what may be garbage. */
static void
batch_failed(const StoreBatch *batch)
{
	BlockStore *store = batch->store;

	g_message("block store: segment %u: %s: no more blocks are stored", batch->segment->number,
	          g_strerror(batch->error));
	store->is_silent = TRUE;
	batch->segment->is_whole = FALSE;
	store->statistics.n_refused += store->puts.length;
	if (batch->is_new) {
		store->statistics.n_bytes -= batch->segment->data_end + batch->segment->log_end;
		batch->segment->is_doomed = TRUE;
		segment_unref(batch->segment);
	}
	store_clear_queues(store);
}

static void
batch_done(DiskJob *job)
{
	StoreBatch *batch = (StoreBatch *)job;
	BlockStore *store = batch->store;
	GList *link;

	store->batch = NULL;
	if (batch->error)
		batch_failed(batch);
	else if (batch->is_new)
		g_ptr_array_add(store->segments, batch->segment);
	for (guint i = 0; (link = g_queue_pop_head_link(&batch->ops)); i++) {
		StoreOp *op = link->data;

		if (!batch->error)
			op_written(store, batch->segment, op, batch->crcs[i]);
		store_op_free(store, op);
	}
	batch_free(batch);
	store_evict_further(store);
	store_write(store);
}

/* --- in the loop: the next batch --- */

gboolean
store_is_carrying(const BlockStore *store)
{
	return store->carried.length || (store->batch && store->batch->is_carrying);
}

const Segment *
store_current_segment(const BlockStore *store)
{
	Segment *last =
		store->segments->len ? store->segments->pdata[store->segments->len - 1] : NULL;

	if (store->batch)
		return store->batch->segment;
	return last && last->is_whole ? last : NULL;
}

/* Moves what can go together from @queue to @ops; returns the bytes of blocks and records. */
static guint64
take_ops(GQueue *queue, GQueue *ops)
{
	guint64 n_bytes = 0;
	GList *link;

	while (ops->length < BATCH_OPS && n_bytes < BATCH_BYTES &&
	       (link = g_queue_pop_head_link(queue))) {
		const StoreOp *op = link->data;

		n_bytes += op->record.length + SEGMENT_RECORD_SIZE;
		g_queue_push_tail_link(ops, link);
	}
	return n_bytes;
}

static void
batch_give_back(StoreBatch *batch, GQueue *queue)
{
	GList *link;

	while ((link = g_queue_pop_tail_link(&batch->ops)))
		g_queue_push_head_link(queue, link);
	batch_free(batch);
}

/* The last segment, or a new one where that is full or damaged. */
static void
batch_choose_segment(StoreBatch *batch, guint64 n_bytes)
{
	BlockStore *store = batch->store;
	Segment *last = (Segment *)store_current_segment(store);

	batch->segment = last;
	if (last && last->data_end + last->log_end + n_bytes > store->segment_bytes) {
		last->is_whole = FALSE;
		batch->close_fds[0] = last->write_fd;
		batch->close_fds[1] = last->log_fd;
		last->write_fd = last->log_fd = -1;
		batch->segment = NULL;
	}
	if (!batch->segment) {
		batch->is_new = TRUE;
		batch->segment = segment_new(store->disk, store->folder_fd, store->next_number++);
		batch->segment->is_whole = TRUE;
		batch->segment->log_end = SEGMENT_RECORD_SIZE;
		store->statistics.n_bytes += SEGMENT_RECORD_SIZE;
	}
	batch->opens = batch->segment->log_fd < 0;
}

static void
batch_add(StoreBatch *batch, StoreOp *op)
{
	Segment *segment = batch->segment;
	gsize length;

	op->is_in_batch = TRUE;
	op->record.offset = (guint32)segment->data_end;
	segment_encode_record(&op->record, batch->records + batch->n_ops * SEGMENT_RECORD_SIZE);
	batch->blocks[batch->n_ops++] = op->bytes;
	if (op->record.length) {
		batch->iov[batch->n_iov].iov_base = (void *)g_bytes_get_data(op->bytes, &length);
		batch->iov[batch->n_iov++].iov_len = length;
	}
	segment->data_end += op->record.length;
	segment->log_end += SEGMENT_RECORD_SIZE;
}

static void
batch_fill(StoreBatch *batch)
{
	guint n = batch->ops.length;

	batch->data_offset = batch->segment->data_end;
	batch->log_offset = batch->segment->log_end;
	batch->blocks = g_new0(GBytes *, n);
	batch->records = g_malloc(n * SEGMENT_RECORD_SIZE);
	batch->iov = g_new0(struct iovec, n);
	batch->crcs = g_new0(guint32, n);
	for (GList *link = batch->ops.head; link; link = link->next)
		batch_add(batch, link->data);
}

static StoreBatch *
batch_new(BlockStore *store, gboolean is_carrying)
{
	StoreBatch *batch = g_new0(StoreBatch, 1);

	batch->job = (DiskJob){.run = batch_run, .done = batch_done};
	batch->store = store;
	batch->store_id = store->store_id;
	batch->is_carrying = is_carrying;
	batch->close_fds[0] = batch->close_fds[1] = -1;
	return batch;
}

void
store_write(BlockStore *store)
{
	gboolean is_carrying = store->carried.length > 0;
	GQueue *queue = is_carrying ? &store->carried : &store->ops;
	StoreBatch *batch;
	guint64 n_bytes;

	if (store->batch || store->is_silent || !queue->length)
		return;
	store_evict(store);
	batch = batch_new(store, is_carrying);
	n_bytes = take_ops(queue, &batch->ops);
	if (!is_carrying && store->statistics.n_bytes + n_bytes + SEGMENT_RECORD_SIZE >
	                            store_writable_bytes(store)) {
		batch_give_back(batch, queue);
		return;
	}
	batch_choose_segment(batch, n_bytes);
	batch_fill(batch);
	store->statistics.n_bytes += n_bytes;
	store->batch = batch;
	disk_push(store->disk, &batch->job);
}
