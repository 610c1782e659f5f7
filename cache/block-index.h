/*
 * block-index.h: where each block of the block store is.
 *
 * A hash table by (message, index) that is also a list per segment, in the order of the offsets.
 * Entries lie in one array and name each other by position, which makes them small: 48 bytes each,
 * and four for the table. A pointer to an entry is good until the next block_index_put(). Knows
 * nothing of files.
 */
#pragma once

#include <glib.h>

typedef struct Segment Segment;

#define BLOCK_NONE G_MAXUINT32 /* no entry */

/* The entries of a segment. */
typedef struct {
	guint32 first, last; /* BLOCK_NONE: empty */
} BlockList;

typedef struct {
	guint64 message;
	Segment *segment; /* NULL: the entry is free */
	guint32 index;
	guint32 offset;      /* bytes */
	guint32 length : 31; /* bytes */
	guint32 is_hot : 1;  /* read since it was written */
	guint32 crc;
	guint32 chain;          /* next with the same hash, or next free one */
	guint32 previous, next; /* in the segment */
} BlockEntry;

typedef struct {
	BlockEntry *entries;
	guint32 *buckets;  /* first entry of each chain */
	guint32 n_entries; /* of the array that have ever been used */
	guint32 n_allocated, n_buckets;
	guint32 n_blocks;  /* in use */
	guint32 max_index; /* no block has a higher one */
	guint32 free;
} BlockIndex;

void block_index_init(BlockIndex *index);
void block_index_clear(BlockIndex *index);

/* NULL: not there. */
BlockEntry *block_index_find(const BlockIndex *index, guint64 message, guint32 block);

/* The entry at @position of a list. */
BlockEntry *block_index_at(const BlockIndex *index, guint32 position);

/* Adds a copy of @entry (its key, place, length and CRC) to the end of its segment's list, in place
 * of what was there for the same key. */
void block_index_put(BlockIndex *index, const BlockEntry *entry);

void block_index_remove(BlockIndex *index, BlockEntry *entry);

/* Blocks of @from become blocks of @to; where @to has one of the same index, that stays and the
 * other is removed. Returns how many blocks @from had. */
guint block_index_move(BlockIndex *index, guint64 from, guint64 to);

/* Removes all whose message is in the mailbox (message >> 32); returns how many. */
guint block_index_forget(BlockIndex *index, guint32 mailbox_id);

/* Removes all of a segment. */
void block_index_empty(BlockIndex *index, BlockList *list);

/* Memory taken, in bytes. */
gsize block_index_memory(const BlockIndex *index);
