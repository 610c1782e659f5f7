/*
 * Cutting literals into blocks. Each byte is copied once, into a block of just the size that it
 * will have: the length of a literal is known before its first byte.
 */
#include "literal-blocks.h"

#include <string.h>

void
literal_blocks_begin(LiteralBlocks *blocks, guint64 origin, guint64 size)
{
	literal_blocks_clear(blocks);
	blocks->next = origin;
	blocks->announced = size;
}

static void
emit_block(LiteralBlocks *blocks, LiteralBlocksEmit emit, gpointer data)
{
	guint64 offset = blocks->next - blocks->n_filled;
	g_autoptr(GBytes) bytes =
		g_bytes_new_take(g_steal_pointer(&blocks->block), blocks->n_filled);

	blocks->n_filled = 0;
	emit(offset, bytes, data);
}

void
literal_blocks_add(LiteralBlocks *blocks, const guint8 *bytes, gsize length, LiteralBlocksEmit emit,
                   gpointer data)
{
	while (length) {
		gsize n;

		if (!blocks->block) {
			blocks->block_size = (gsize)MIN(blocks->announced, REMOTE_BLOCK_SIZE);
			blocks->block = g_malloc(blocks->block_size);
		}
		n = MIN(length, blocks->block_size - blocks->n_filled);
		memcpy(blocks->block + blocks->n_filled, bytes, n);
		blocks->n_filled += n;
		blocks->next += n;
		blocks->announced -= n;
		bytes += n;
		length -= n;
		if (blocks->n_filled == REMOTE_BLOCK_SIZE)
			emit_block(blocks, emit, data);
	}
}

void
literal_blocks_end(LiteralBlocks *blocks, LiteralBlocksEmit emit, gpointer data)
{
	if (blocks->block)
		emit_block(blocks, emit, data);
}

void
literal_blocks_clear(LiteralBlocks *blocks)
{
	g_clear_pointer(&blocks->block, g_free);
	blocks->n_filled = 0;
}
