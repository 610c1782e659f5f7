/*
 * test-read-window.c: how far ahead to read.
 */
#include "read-window.h"

#define MAX_BLOCKS 32

/* A read by one reader: its first and last block, and how far ahead that is worth reading. */
typedef struct {
	guint32 first, last;
	guint ahead;
} Read;

typedef struct {
	const char *label;
	guint n_reads;
	Read reads[8];
} Row;

static const Row rows[] = {
	{"beginning", 1, {{0, 0, 0}}},
	{"in-sequence",
         8,
         {{0, 0, 0},
          {1, 1, 1},
          {2, 2, 12},
          {3, 3, 16},
          {4, 4, 20},
          {5, 5, 24},
          {6, 6, 28},
          {7, 7, 32}}},
	{"bounded", 4, {{0, 6, 0}, {7, 7, 1}, {8, 8, 32}, {9, 9, 32}}},
	{"asked-again", 6, {{0, 0, 0}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {2, 2, 12}, {2, 2, 12}}},
	{"in-small-steps", 6, {{0, 0, 0}, {0, 0, 0}, {0, 1, 1}, {1, 1, 1}, {1, 2, 12}, {2, 2, 12}}},
	{"in-large-steps", 4, {{0, 1, 0}, {2, 3, 2}, {4, 5, 24}, {6, 7, 32}}},
	{"jump-forward", 5, {{0, 0, 0}, {1, 1, 1}, {2, 2, 12}, {90, 90, 0}, {91, 91, 1}}},
	{"asked-again-late", 5, {{0, 0, 0}, {1, 1, 1}, {2, 2, 12}, {1, 1, 12}, {3, 3, 16}}},
	{"jump-back", 5, {{100, 100, 0}, {101, 101, 1}, {102, 102, 12}, {0, 0, 0}, {1, 1, 1}}},
	{"backwards", 4, {{9, 9, 0}, {8, 8, 0}, {7, 7, 0}, {6, 6, 0}}},
	{"begins-in-the-middle", 3, {{50, 50, 0}, {51, 51, 1}, {52, 52, 12}}},
	{"every-second", 4, {{0, 0, 0}, {2, 2, 0}, {4, 4, 0}, {6, 6, 0}}},
};

static void
test_row(gconstpointer data)
{
	const Row *row = data;
	ReadWindows *windows = read_windows_new(MAX_BLOCKS);

	for (guint i = 0; i < row->n_reads; i++) {
		const Read *read = &row->reads[i];

		g_assert_cmpuint(read_windows_ahead(windows, 42, read->first, read->last), ==,
		                 read->ahead);
	}
	read_windows_free(windows);
}

/* As many readers as are remembered do not disturb each other. */
static void
test_many_readers(void)
{
	ReadWindows *windows = read_windows_new(MAX_BLOCKS);

	for (guint32 block = 0; block < 4; block++)
		for (guint64 message = 1; message <= 32; message++)
			g_assert_cmpuint(read_windows_ahead(windows, message, block, block), ==,
			                 block > 1 ? 4 * (block + 1) : block);
	/* One more, and the one that was heard of least recently begins anew. */
	g_assert_cmpuint(read_windows_ahead(windows, 33, 0, 0), ==, 0);
	g_assert_cmpuint(read_windows_ahead(windows, 2, 4, 4), ==, 20);
	g_assert_cmpuint(read_windows_ahead(windows, 1, 4, 4), ==, 0);
	read_windows_free(windows);
}

static void
test_at_the_end_of_numbers(void)
{
	ReadWindows *windows = read_windows_new(MAX_BLOCKS);
	guint32 last = G_MAXUINT32 / 2;

	g_assert_cmpuint(read_windows_ahead(windows, 1, last - 1, last - 1), ==, 0);
	g_assert_cmpuint(read_windows_ahead(windows, 1, last, last + 8), ==, 9);
	g_assert_cmpuint(read_windows_ahead(windows, 1, 0, 0), ==, 0);
	read_windows_free(windows);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strconcat("/read-window/", rows[i].label, NULL);

		g_test_add_data_func(name, &rows[i], test_row);
	}
	g_test_add_func("/read-window/many-readers", test_many_readers);
	g_test_add_func("/read-window/at-the-end-of-numbers", test_at_the_end_of_numbers);
	return g_test_run();
}
