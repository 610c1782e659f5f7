/*
 * What is to be written: changes in the order in which they were asked for.
 *
 * A block that is queued can still be dropped, or become another message's. The log says what was
 * asked for in its order all the same, since changes that lie between may depend on it; only a
 * block that is dropped before the worker has it is left out altogether.
 */
#include "store-private.h"

static StoreOp *
op_new(BlockStore *store, const Record *record, GBytes *bytes)
{
	StoreOp *op = g_new0(StoreOp, 1);

	op->link.data = op->put_link.data = op;
	op->record = *record;
	op->message = record->message;
	store->n_marks += !bytes;
	if (bytes) {
		op->bytes = g_bytes_ref(bytes);
		store->statistics.n_queued_bytes += record->length;
		g_queue_push_tail_link(&store->puts, &op->put_link);
	}
	return op;
}

void
store_op_free(BlockStore *store, StoreOp *op)
{
	if (op->bytes) {
		g_bytes_unref(op->bytes);
		store->statistics.n_queued_bytes -= op->record.length;
		g_queue_unlink(&store->puts, &op->put_link);
	} else
		store->n_marks--;
	if (op->source)
		segment_unref(op->source);
	g_free(op);
}

void
store_queue(BlockStore *store, const Record *record, GBytes *bytes)
{
	if (store->is_silent)
		return;
	g_queue_push_tail_link(&store->ops, &op_new(store, record, bytes)->link);
	store_write(store);
}

void
store_queue_carried(BlockStore *store, const Record *record, GBytes *bytes, Segment *source)
{
	StoreOp *op = op_new(store, record, bytes);

	op->source = segment_ref(source);
	op->source_offset = record->offset;
	g_queue_push_tail_link(&store->carried, &op->link);
}

static void
clear_queue(BlockStore *store, GQueue *queue)
{
	GList *link;

	while ((link = g_queue_pop_head_link(queue)))
		store_op_free(store, link->data);
}

void
store_clear_queues(BlockStore *store)
{
	clear_queue(store, &store->ops);
	clear_queue(store, &store->carried);
}

/* --- changes of what is queued --- */

gboolean
store_is_queued(const BlockStore *store, guint64 message, guint32 index)
{
	for (const GList *link = store->puts.head; link; link = link->next) {
		const StoreOp *op = link->data;

		if (op->message == message && op->record.index == index && !op->is_void)
			return TRUE;
	}
	return FALSE;
}

/* What the worker has is void when it has been written. */
static void
op_cancel(BlockStore *store, StoreOp *op)
{
	if (op->is_in_batch) {
		op->is_void = TRUE;
		return;
	}
	g_queue_unlink(op->source ? &store->carried : &store->ops, &op->link);
	store_op_free(store, op);
}

gboolean
store_cancel(BlockStore *store, gboolean (*matches)(const StoreOp *op, const Record *key),
             const Record *key)
{
	gboolean logged = FALSE;

	for (GList *link = store->puts.head, *next; link; link = next) {
		StoreOp *op = link->data;

		next = link->next;
		if (!matches(op, key))
			continue;
		logged = TRUE;
		op_cancel(store, op);
	}
	return logged;
}

gboolean
store_rename_queued(BlockStore *store, guint64 from, guint64 to)
{
	gboolean logged = FALSE;

	for (GList *link = store->puts.head, *next; link; link = next) {
		StoreOp *op = link->data;

		next = link->next;
		if (op->message != from)
			continue;
		logged = TRUE;
		if (block_index_find(&store->index, to, op->record.index) ||
		    store_is_queued(store, to, op->record.index))
			op_cancel(store, op);
		else
			op->message = to;
	}
	return logged;
}
