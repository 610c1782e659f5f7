/*
 * literal-blocks.h: a literal of message bytes, cut into blocks as it streams in.
 *
 * A block is given out when it is full, or when the literal has come to its announced end, so that
 * a lost connection can never make a message look shorter than it is.
 */
#pragma once

#include "imapfs/remote.h"

typedef struct {
	guint64 next;      /* offset in the message after the last byte that came */
	guint64 announced; /* bytes of the literal that have not come yet */
	guint8 *block;     /* the block that is coming, as large as it will be; or NULL */
	gsize block_size, n_filled;
} LiteralBlocks;

/* What to do with a block: @bytes are the message's from @offset on. */
typedef void (*LiteralBlocksEmit)(guint64 offset, GBytes *bytes, gpointer data);

/* A literal of @size bytes begins at @origin; what was left of another is forgotten. */
void literal_blocks_begin(LiteralBlocks *blocks, guint64 origin, guint64 size);

/* The next @length bytes, never more than were announced. */
void literal_blocks_add(LiteralBlocks *blocks, const guint8 *bytes, gsize length,
                        LiteralBlocksEmit emit, gpointer data);

/* The literal is at its end: gives out the last block. */
void literal_blocks_end(LiteralBlocks *blocks, LiteralBlocksEmit emit, gpointer data);

void literal_blocks_clear(LiteralBlocks *blocks);
