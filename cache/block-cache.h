/*
 * block-cache.h: message bytes in memory.
 *
 * Blocks of REMOTE_BLOCK_SIZE bytes (the last of a message is shorter), by message and index. They
 * never change, so they are shared GBytes; the least recently used ones go when there are too many
 * bytes. Knows nothing of servers: what is not here is the reader's concern (reader.c).
 */
#pragma once

#include <glib.h>

typedef struct BlockCache BlockCache;

typedef struct {
	guint64 n_blocks, n_bytes, max_bytes;
	guint64 n_hits, n_misses;
} BlockCacheStatistics;

/* Holds at most @max_bytes, but always the block that was put last. */
BlockCache *block_cache_new(guint64 max_bytes);
void block_cache_free(BlockCache *cache);

/* The block, owned by the cache and good until the next put; NULL: not here. */
GBytes *block_cache_get(BlockCache *cache, guint64 message, guint32 index);

/* Whether it is here; counts as no use. */
gboolean block_cache_has(BlockCache *cache, guint64 message, guint32 index);

/* Takes a reference. Replaces what was there. */
void block_cache_put(BlockCache *cache, guint64 message, guint32 index, GBytes *bytes);

void block_cache_drop(BlockCache *cache, guint64 message, guint32 index);

BlockCacheStatistics block_cache_statistics(const BlockCache *cache);
