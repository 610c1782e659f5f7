/*
 * test-block-cache.c: blocks, found again and forgotten.
 */
#include "block-cache.h"

static GBytes *
bytes_of(gsize length)
{
	return g_bytes_new_take(g_malloc0(length + 1), length);
}

static void
put(BlockCache *cache, guint64 message, guint32 index, gsize length)
{
	g_autoptr(GBytes) bytes = bytes_of(length);

	block_cache_put(cache, message, index, bytes);
}

static void
test_get(void)
{
	BlockCache *cache = block_cache_new(1000);
	g_autoptr(GBytes) bytes = bytes_of(10);

	g_assert_null(block_cache_get(cache, 1, 0));
	block_cache_put(cache, 1, 0, bytes);
	g_assert_true(block_cache_get(cache, 1, 0) == bytes);
	g_assert_null(block_cache_get(cache, 1, 1));
	g_assert_null(block_cache_get(cache, 0, 1));
	g_assert_null(block_cache_get(cache, 1ULL << 32, 0));
	g_assert_cmpuint(block_cache_statistics(cache).n_hits, ==, 1);
	g_assert_cmpuint(block_cache_statistics(cache).n_misses, ==, 4);
	block_cache_free(cache);
}

static void
test_has_is_no_use(void)
{
	BlockCache *cache = block_cache_new(20);

	put(cache, 1, 0, 10);
	put(cache, 1, 1, 10);
	g_assert_true(block_cache_has(cache, 1, 0));
	put(cache, 1, 2, 10);
	g_assert_false(block_cache_has(cache, 1, 0));
	g_assert_true(block_cache_has(cache, 1, 1));
	g_assert_cmpuint(block_cache_statistics(cache).n_hits, ==, 0);
	g_assert_cmpuint(block_cache_statistics(cache).n_misses, ==, 0);
	block_cache_free(cache);
}

static void
test_least_recently_used_goes(void)
{
	BlockCache *cache = block_cache_new(30);

	put(cache, 1, 0, 10);
	put(cache, 1, 1, 10);
	put(cache, 1, 2, 10);
	g_assert_nonnull(block_cache_get(cache, 1, 0));
	put(cache, 1, 3, 10);
	g_assert_true(block_cache_has(cache, 1, 0));
	g_assert_false(block_cache_has(cache, 1, 1));
	put(cache, 1, 4, 20);
	g_assert_false(block_cache_has(cache, 1, 0));
	g_assert_false(block_cache_has(cache, 1, 2));
	g_assert_true(block_cache_has(cache, 1, 3));
	g_assert_cmpuint(block_cache_statistics(cache).n_bytes, ==, 30);
	block_cache_free(cache);
}

static void
test_put_again_replaces(void)
{
	BlockCache *cache = block_cache_new(100);
	g_autoptr(GBytes) second = bytes_of(30);

	put(cache, 1, 0, 50);
	block_cache_put(cache, 1, 0, second);
	g_assert_true(block_cache_get(cache, 1, 0) == second);
	block_cache_put(cache, 1, 0, second);
	g_assert_true(block_cache_get(cache, 1, 0) == second);
	g_assert_cmpuint(block_cache_statistics(cache).n_bytes, ==, 30);
	g_assert_cmpuint(block_cache_statistics(cache).n_blocks, ==, 1);
	block_cache_free(cache);
}

static void
test_larger_than_the_cache(void)
{
	BlockCache *cache = block_cache_new(10);

	put(cache, 1, 0, 5);
	put(cache, 1, 1, 100);
	g_assert_false(block_cache_has(cache, 1, 0));
	g_assert_true(block_cache_has(cache, 1, 1));
	put(cache, 1, 2, 5);
	g_assert_false(block_cache_has(cache, 1, 1));
	g_assert_true(block_cache_has(cache, 1, 2));
	block_cache_free(cache);
}

static void
test_empty_blocks(void)
{
	BlockCache *cache = block_cache_new(0);
	gsize size = 1;

	put(cache, 1, 7, 0);
	g_bytes_get_data(block_cache_get(cache, 1, 7), &size);
	g_assert_cmpuint(size, ==, 0);
	block_cache_drop(cache, 1, 7);
	block_cache_drop(cache, 1, 7);
	g_assert_false(block_cache_has(cache, 1, 7));
	g_assert_cmpuint(block_cache_statistics(cache).n_blocks, ==, 0);
	block_cache_free(cache);
}

/* A reader holds what it was given, whatever becomes of the cache. */
static void
test_bytes_are_shared(void)
{
	BlockCache *cache = block_cache_new(100);
	GBytes *held;

	put(cache, 1, 0, 10);
	held = g_bytes_ref(block_cache_get(cache, 1, 0));
	block_cache_drop(cache, 1, 0);
	block_cache_free(cache);
	g_assert_cmpuint(g_bytes_get_size(held), ==, 10);
	g_bytes_unref(held);
}

/* Random work against an array in which the oldest are found by looking at all. */
typedef struct {
	GBytes *bytes;
	guint64 used;
} ModelBlock;

static guint
model_oldest(const ModelBlock *model, guint n)
{
	guint oldest = G_MAXUINT;

	for (guint i = 0; i < n; i++)
		if (model[i].bytes && (oldest == G_MAXUINT || model[i].used < model[oldest].used))
			oldest = i;
	return oldest;
}

static guint64
model_bytes(const ModelBlock *model, guint n, guint *n_blocks)
{
	guint64 total = 0;

	*n_blocks = 0;
	for (guint i = 0; i < n; i++) {
		total += model[i].bytes ? g_bytes_get_size(model[i].bytes) : 0;
		*n_blocks += model[i].bytes ? 1 : 0;
	}
	return total;
}

static void
test_random(void)
{
	enum { N = 60, MAX_BYTES = 500 };
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	BlockCache *cache = block_cache_new(MAX_BYTES);
	ModelBlock model[N] = {{0}};
	guint n_blocks;

	for (guint64 now = 1; now < 20000; now++) {
		guint i = (guint)g_rand_int_range(rand, 0, N);
		guint64 message = i / 6;
		guint32 index = i % 6;
		GBytes *bytes;

		switch (g_rand_int_range(rand, 0, 5)) {
		case 0:
			block_cache_drop(cache, message, index);
			g_clear_pointer(&model[i].bytes, g_bytes_unref);
			break;
		case 1:
		case 2:
			bytes = bytes_of((gsize)g_rand_int_range(rand, 0, 60));
			block_cache_put(cache, message, index, bytes);
			g_clear_pointer(&model[i].bytes, g_bytes_unref);
			model[i] = (ModelBlock){bytes, now};
			while (model_bytes(model, N, &n_blocks) > MAX_BYTES)
				g_clear_pointer(&model[model_oldest(model, N)].bytes,
				                g_bytes_unref);
			break;
		default:
			g_assert_true(block_cache_get(cache, message, index) == model[i].bytes);
			model[i].used = now;
		}
		g_assert_cmpuint(block_cache_statistics(cache).n_bytes, ==,
		                 model_bytes(model, N, &n_blocks));
		g_assert_cmpuint(block_cache_statistics(cache).n_blocks, ==, n_blocks);
	}
	for (guint i = 0; i < N; i++)
		g_clear_pointer(&model[i].bytes, g_bytes_unref);
	block_cache_free(cache);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-cache/get", test_get);
	g_test_add_func("/block-cache/has-is-no-use", test_has_is_no_use);
	g_test_add_func("/block-cache/least-recently-used-goes", test_least_recently_used_goes);
	g_test_add_func("/block-cache/put-again-replaces", test_put_again_replaces);
	g_test_add_func("/block-cache/larger-than-the-cache", test_larger_than_the_cache);
	g_test_add_func("/block-cache/empty-blocks", test_empty_blocks);
	g_test_add_func("/block-cache/bytes-are-shared", test_bytes_are_shared);
	g_test_add_func("/block-cache/random", test_random);
	return g_test_run();
}
