/*
 * Blocks in a hash table, threaded on a list from the most to the least recently used.
 *
 * Invariants: every block is in both; n_bytes is the sum of their sizes; n_bytes exceeds max_bytes
 * only while there is a single block.
 */
#include "block-cache.h"

typedef struct {
	guint64 message;
	guint32 index;
	GBytes *bytes;
	GList link; /* in lru */
} Block;

struct BlockCache {
	GHashTable *blocks; /* Block is its own key */
	GQueue lru;         /* most recently used first */
	BlockCacheStatistics statistics;
};

static guint
block_hash(gconstpointer key)
{
	const Block *block = key;
	guint64 mixed = (block->message ^ (guint64)block->index << 20) * 0x9e3779b97f4a7c15ULL;

	return (guint)(mixed >> 32);
}

static gboolean
block_equal(gconstpointer a, gconstpointer b)
{
	const Block *one = a, *other = b;

	return one->message == other->message && one->index == other->index;
}

static void
block_free(gpointer data)
{
	Block *block = data;

	g_bytes_unref(block->bytes);
	g_free(block);
}

BlockCache *
block_cache_new(guint64 max_bytes)
{
	BlockCache *cache = g_new0(BlockCache, 1);

	cache->blocks = g_hash_table_new_full(block_hash, block_equal, NULL, block_free);
	cache->statistics.max_bytes = max_bytes;
	g_queue_init(&cache->lru);
	return cache;
}

void
block_cache_free(BlockCache *cache)
{
	g_hash_table_unref(cache->blocks);
	g_free(cache);
}

static Block *
block_find(const BlockCache *cache, guint64 message, guint32 index)
{
	Block key = {.message = message, .index = index};

	return g_hash_table_lookup(cache->blocks, &key);
}

GBytes *
block_cache_get(BlockCache *cache, guint64 message, guint32 index)
{
	Block *block = block_find(cache, message, index);

	if (!block) {
		cache->statistics.n_misses++;
		return NULL;
	}
	cache->statistics.n_hits++;
	g_queue_unlink(&cache->lru, &block->link);
	g_queue_push_head_link(&cache->lru, &block->link);
	return block->bytes;
}

gboolean
block_cache_has(BlockCache *cache, guint64 message, guint32 index)
{
	return block_find(cache, message, index) != NULL;
}

static void
block_remove(BlockCache *cache, Block *block)
{
	cache->statistics.n_bytes -= g_bytes_get_size(block->bytes);
	cache->statistics.n_blocks--;
	g_queue_unlink(&cache->lru, &block->link);
	g_hash_table_remove(cache->blocks, block);
}

void
block_cache_drop(BlockCache *cache, guint64 message, guint32 index)
{
	Block *block = block_find(cache, message, index);

	if (block)
		block_remove(cache, block);
}

void
block_cache_put(BlockCache *cache, guint64 message, guint32 index, GBytes *bytes)
{
	Block *block;

	block_cache_drop(cache, message, index);
	block = g_new0(Block, 1);
	block->message = message;
	block->index = index;
	block->bytes = g_bytes_ref(bytes);
	block->link.data = block;
	g_hash_table_add(cache->blocks, block);
	g_queue_push_head_link(&cache->lru, &block->link);
	cache->statistics.n_bytes += g_bytes_get_size(bytes);
	cache->statistics.n_blocks++;
	while (cache->statistics.n_bytes > cache->statistics.max_bytes && cache->lru.length > 1)
		block_remove(cache, cache->lru.tail->data);
}

BlockCacheStatistics
block_cache_statistics(const BlockCache *cache)
{
	return cache->statistics;
}
