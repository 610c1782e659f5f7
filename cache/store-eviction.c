/*
 * Making room: the oldest segment goes.
 *
 * What was read of it since it was written is carried over to the newest segment, at most half a
 * segment of it. That is done in rounds: the worker reads a few of these blocks, the writer writes
 * them, and only then comes the next round, so that little memory is taken and readers come in
 * between. A block stays where it was until it has been written again.
 *
 * Room is made while one and a half segments are still free. Ordinary blocks may fill the first of
 * these; the half is for what is carried over. So there are never more than max_bytes.
 */
#include "store-private.h"

enum {
	ROUND_BYTES = 512 * 1024,
	MAX_SEGMENTS = 640, /* each has a file open */
};

/* A block that is to be carried over. */
typedef struct {
	Record record;
	GBytes *bytes; /* by the worker; NULL: damaged */
} Carried;

struct StoreEviction {
	DiskJob job; /* reads a round */
	BlockStore *store;
	Segment *segment; /* a reference */
	int data_fd;
	guint64 budget; /* bytes that may still be carried over */
	gboolean is_reading;
	GArray *round; /* of Carried */
};

guint64
store_writable_bytes(const BlockStore *store)
{
	return store->statistics.max_bytes - store->segment_bytes / 2;
}

Segment *
store_take_oldest(BlockStore *store)
{
	Segment *segment = g_ptr_array_steal_index(store->segments, 0);

	block_index_empty(&store->index, &segment->blocks);
	store->statistics.n_bytes -= segment->data_end + segment->log_end;
	segment->is_doomed = TRUE;
	return segment;
}

static void
eviction_free(StoreEviction *eviction)
{
	eviction->store->eviction = NULL;
	segment_unref(eviction->segment);
	g_array_unref(eviction->round);
	g_free(eviction);
}

/* --- a round --- */

static void
round_run(DiskJob *job)
{
	StoreEviction *eviction = (StoreEviction *)job;

	for (guint i = 0; i < eviction->round->len; i++) {
		Carried *carried = &g_array_index(eviction->round, Carried, i);

		carried->bytes = segment_read(eviction->data_fd, carried->record.offset,
		                              carried->record.length, carried->record.crc);
	}
}

/* It may have been dropped, moved or written anew while it was being read. What is carried over
 * overtakes what is queued, and must not overtake a change that came before: then it is lost. */
static void
carry(StoreEviction *eviction, const Carried *carried)
{
	const Record *record = &carried->record;
	BlockStore *store = eviction->store;
	const BlockEntry *entry = block_index_find(&store->index, record->message, record->index);

	if (!entry || entry->segment != eviction->segment || entry->offset != record->offset)
		return;
	if (!carried->bytes) {
		store_report_damage(store, eviction->segment, "a block is not what was written");
		block_store_drop(store, record->message, record->index);
	} else if (!store->is_silent && !store->n_marks &&
	           !store_is_queued(store, record->message, record->index)) {
		store_queue_carried(store, record, carried->bytes, eviction->segment);
	}
}

static void
round_done(DiskJob *job)
{
	StoreEviction *eviction = (StoreEviction *)job;
	BlockStore *store = eviction->store;

	eviction->is_reading = FALSE;
	for (guint i = 0; i < eviction->round->len; i++) {
		Carried *carried = &g_array_index(eviction->round, Carried, i);

		carry(eviction, carried);
		g_clear_pointer(&carried->bytes, g_bytes_unref);
	}
	store_evict_further(store);
	store_write(store);
}

static void
round_add(StoreEviction *eviction, BlockEntry *entry)
{
	const Carried carried = {
		.record =
			{
				.kind = RECORD_BLOCK,
				.message = entry->message,
				.index = entry->index,
				.offset = entry->offset,
				.length = entry->length,
				.crc = entry->crc,
			},
	};

	entry->is_hot = FALSE;
	eviction->budget -= entry->length + SEGMENT_RECORD_SIZE;
	g_array_append_val(eviction->round, carried);
}

/* The next blocks that were read, as far as there is room for them. */
static void
round_collect(StoreEviction *eviction)
{
	const BlockIndex *index = &eviction->store->index;
	guint64 n_bytes = 0;

	g_array_set_size(eviction->round, 0);
	for (guint32 at = eviction->segment->blocks.first;
	     at != BLOCK_NONE && n_bytes < ROUND_BYTES; at = block_index_at(index, at)->next) {
		BlockEntry *entry = block_index_at(index, at);

		if (!entry->is_hot ||
		    (guint64)entry->length + SEGMENT_RECORD_SIZE > eviction->budget)
			continue;
		n_bytes += entry->length + SEGMENT_RECORD_SIZE;
		round_add(eviction, entry);
	}
}

/* --- rounds, and the end --- */

void
store_evict_further(BlockStore *store)
{
	StoreEviction *eviction = store->eviction;

	if (!eviction || eviction->is_reading || (store_is_carrying(store) && !store->is_silent))
		return;
	if (store->is_silent) {
		eviction_free(eviction);
		return;
	}
	round_collect(eviction);
	if (eviction->round->len) {
		eviction->is_reading = TRUE;
		disk_push(store->disk, &eviction->job);
		return;
	}
	segment_unref(store_take_oldest(store));
	eviction_free(eviction);
}

static gboolean
needs_room(const BlockStore *store)
{
	return store->segments->len > MAX_SEGMENTS ||
	       store->statistics.n_bytes + store->segment_bytes > store_writable_bytes(store);
}

static void
eviction_begin(BlockStore *store, Segment *segment)
{
	StoreEviction *eviction = g_new0(StoreEviction, 1);

	eviction->job = (DiskJob){.run = round_run, .done = round_done};
	eviction->store = store;
	eviction->segment = segment_ref(segment);
	eviction->data_fd = segment->data_fd;
	eviction->budget = store->segment_bytes / 2;
	eviction->round = g_array_new(FALSE, FALSE, sizeof(Carried));
	store->eviction = eviction;
}

/* One of which nothing was read is over at once. */
void
store_evict(BlockStore *store)
{
	while (!store->eviction && needs_room(store) && store->segments->len &&
	       store->segments->pdata[0] != store_current_segment(store)) {
		eviction_begin(store, store->segments->pdata[0]);
		store_evict_further(store);
	}
}
