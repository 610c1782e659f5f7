/*
 * Entries in an array, chained from a table that is about as long.
 *
 * Invariants: an entry in use is in the chain of its key and in the list of its segment; one not in
 * use is in the chain of free ones; n_blocks of the n_entries are in use. The array grows by a
 * quarter, not to the double, since it is what counts.
 */
#include "block-index.h"
#include "segment.h"

enum { MIN_BUCKETS = 64 };

void
block_index_init(BlockIndex *index)
{
	*index = (BlockIndex){.n_buckets = MIN_BUCKETS, .free = BLOCK_NONE};
	index->buckets = g_new(guint32, MIN_BUCKETS);
	memset(index->buckets, 0xff, MIN_BUCKETS * sizeof(guint32));
}

void
block_index_clear(BlockIndex *index)
{
	g_free(index->entries);
	g_free(index->buckets);
}

static guint32 *
bucket_of(const BlockIndex *index, guint64 message, guint32 block)
{
	guint64 mixed = (message ^ (guint64)block << 40 ^ block) * 0x9e3779b97f4a7c15ULL;

	return &index->buckets[(mixed >> 32) & (index->n_buckets - 1)];
}

BlockEntry *
block_index_at(const BlockIndex *index, guint32 position)
{
	return &index->entries[position];
}

static guint32
position_of(const BlockIndex *index, const BlockEntry *entry)
{
	return (guint32)(entry - index->entries);
}

BlockEntry *
block_index_find(const BlockIndex *index, guint64 message, guint32 block)
{
	guint32 at = *bucket_of(index, message, block);

	while (at != BLOCK_NONE) {
		BlockEntry *entry = &index->entries[at];

		if (entry->message == message && entry->index == block)
			return entry;
		at = entry->chain;
	}
	return NULL;
}

static void
chain_add(BlockIndex *index, BlockEntry *entry)
{
	guint32 *bucket = bucket_of(index, entry->message, entry->index);

	entry->chain = *bucket;
	*bucket = position_of(index, entry);
}

static void
chain_remove(BlockIndex *index, const BlockEntry *entry)
{
	guint32 *at = bucket_of(index, entry->message, entry->index);

	while (*at != position_of(index, entry))
		at = &index->entries[*at].chain;
	*at = entry->chain;
}

static void
list_append(BlockIndex *index, BlockEntry *entry)
{
	BlockList *list = &entry->segment->blocks;
	guint32 position = position_of(index, entry);

	entry->next = BLOCK_NONE;
	entry->previous = list->last;
	if (list->last == BLOCK_NONE)
		list->first = position;
	else
		index->entries[list->last].next = position;
	list->last = position;
}

static void
list_remove(BlockIndex *index, const BlockEntry *entry)
{
	BlockList *list = &entry->segment->blocks;

	if (entry->previous == BLOCK_NONE)
		list->first = entry->next;
	else
		index->entries[entry->previous].next = entry->next;
	if (entry->next == BLOCK_NONE)
		list->last = entry->previous;
	else
		index->entries[entry->next].previous = entry->previous;
}

static void
grow_buckets(BlockIndex *index)
{
	index->n_buckets *= 2;
	g_free(index->buckets);
	index->buckets = g_new(guint32, index->n_buckets);
	memset(index->buckets, 0xff, index->n_buckets * sizeof(guint32));
	for (guint32 i = 0; i < index->n_entries; i++)
		if (index->entries[i].segment)
			chain_add(index, &index->entries[i]);
}

static BlockEntry *
entry_take(BlockIndex *index)
{
	BlockEntry *entry;

	if (index->free != BLOCK_NONE) {
		entry = &index->entries[index->free];
		index->free = entry->chain;
		return entry;
	}
	if (index->n_entries == index->n_allocated) {
		index->n_allocated += MAX(64, index->n_allocated / 4);
		index->entries = g_renew(BlockEntry, index->entries, index->n_allocated);
	}
	return &index->entries[index->n_entries++];
}

void
block_index_put(BlockIndex *index, const BlockEntry *entry)
{
	BlockEntry *old = block_index_find(index, entry->message, entry->index), *added;

	if (old)
		block_index_remove(index, old);
	/* All that are in use are in chains, and the new one is not yet. */
	if (index->n_blocks == index->n_buckets)
		grow_buckets(index);
	added = entry_take(index);
	*added = *entry;
	chain_add(index, added);
	list_append(index, added);
	index->max_index = MAX(index->max_index, entry->index);
	index->n_blocks++;
}

void
block_index_remove(BlockIndex *index, BlockEntry *entry)
{
	chain_remove(index, entry);
	list_remove(index, entry);
	entry->segment = NULL;
	entry->chain = index->free;
	index->free = position_of(index, entry);
	index->n_blocks--;
}

static void
move_entry(BlockIndex *index, BlockEntry *entry, guint64 to)
{
	if (block_index_find(index, to, entry->index)) {
		block_index_remove(index, entry);
		return;
	}
	chain_remove(index, entry);
	entry->message = to;
	chain_add(index, entry);
}

/* Looks up every index there may be, or goes through all, whatever is less. */
guint
block_index_move(BlockIndex *index, guint64 from, guint64 to)
{
	gboolean by_index = index->max_index < index->n_entries;
	guint n_moved = 0;

	for (guint32 i = 0; i < (by_index ? index->max_index + 1 : index->n_entries); i++) {
		BlockEntry *entry =
			by_index ? block_index_find(index, from, i) : &index->entries[i];

		if (!entry || !entry->segment || entry->message != from)
			continue;
		move_entry(index, entry, to);
		n_moved++;
	}
	return n_moved;
}

guint
block_index_forget(BlockIndex *index, guint32 mailbox_id)
{
	guint n_forgotten = 0;

	for (guint32 i = 0; i < index->n_entries; i++) {
		BlockEntry *entry = &index->entries[i];

		if (!entry->segment || entry->message >> 32 != mailbox_id)
			continue;
		block_index_remove(index, entry);
		n_forgotten++;
	}
	return n_forgotten;
}

void
block_index_empty(BlockIndex *index, BlockList *list)
{
	while (list->first != BLOCK_NONE)
		block_index_remove(index, &index->entries[list->first]);
}

gsize
block_index_memory(const BlockIndex *index)
{
	return index->n_allocated * sizeof(BlockEntry) + index->n_buckets * sizeof(guint32);
}
