/*
 * test-block-store.c: blocks on disk, found again by whoever opens the folder next.
 *
 * What a block holds follows from a number (its seed), so whatever the store returns can be
 * checked.
 */
#include "store-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((guint64)1024 * 1024)

static void
test_round_trip(void)
{
	static const gsize lengths[] = {0, 1, 100, 4096, REMOTE_BLOCK_SIZE - 1, REMOTE_BLOCK_SIZE};
	Fixture fixture;

	store_fixture_init(&fixture, 64 * MIB);
	for (guint32 i = 0; i < G_N_ELEMENTS(lengths); i++)
		store_fixture_put(&fixture, 7, i, i, lengths[i]);
	g_assert_false(block_store_has(fixture.store, 7, 0));
	store_fixture_settle(&fixture);
	for (guint round = 0; round < 2; round++) {
		for (guint32 i = 0; i < G_N_ELEMENTS(lengths); i++)
			store_fixture_check(&fixture, 7, i, i, lengths[i]);
		g_assert_false(block_store_has(fixture.store, 7, 6));
		g_assert_false(block_store_has(fixture.store, 8, 0));
		store_fixture_reopen(&fixture);
	}
	g_assert_cmpuint(block_store_statistics(fixture.store).n_segments, ==, 1);
	store_fixture_clear(&fixture);
}

/* A row is what is done to messages a (mailbox 1), b (2) and c (1): "pa" puts block 0, "Pa" block
 * 1, "da" drops block 0, "mab" moves, "f1" forgets the mailbox, "s" waits for the disk, "r"
 * reopens. Then those that are there, with the place among the puts that their bytes are of. */
typedef struct {
	const char *label, *steps, *there;
} Row;

static const Row rows[] = {
	{"put", "pa", "a0=0"},
	{"drop before it is written", "pa da", ""},
	{"drop", "pa s da", ""},
	{"drop and put again", "pa s da pb pa", "a0=2 b0=1"},
	{"drop and put again, not waiting", "pa da pa", "a0=1"},
	{"put twice", "pa s pa", "a0=0"},
	{"move", "pa Pa s mab", "b0=0 b1=1"},
	{"move before it is written", "pa Pa mab", "b0=0 b1=1"},
	{"move half written", "pa s Pa mab", "b0=0 b1=1"},
	{"move onto another", "pb pa Pa s mab", "b0=0 b1=2"},
	{"move onto one that is being written", "pa s pb mab", "b0=1"},
	{"move what is being written onto another", "pb s pa Pa mab", "b0=0 b1=2"},
	{"move what both are being written", "pa pb mab", "b0=1"},
	{"move and move on", "pa s mab mbc", "c0=0"},
	{"move and back", "pa s mab s mba", "a0=0"},
	{"move to itself", "pa s maa", "a0=0"},
	{"move and put again", "pa s mab pa", "a0=1 b0=0"},
	{"move and drop", "pa s mab db", ""},
	{"move nothing", "pb s mab", "b0=0"},
	{"forget", "pa pb pc s f1", "b0=1"},
	{"forget before it is written", "pa pb pc f1", "b0=1"},
	{"forget what moved there", "pb s mba f1", ""},
	{"forget and put again", "pa s f1 pa", "a0=1"},
	{"reopen", "pa Pb r pc", "a0=0 b1=1 c0=2"},
	{"drop after reopening", "pa pb r da", "b0=1"},
	{"move after reopening", "pa r mab r mbc", "c0=0"},
};

static guint64
message_of(char name)
{
	return (name == 'b' ? 2ULL : 1ULL) << 32 | (guint64)name;
}

static void
do_step(Fixture *fixture, const char *step, guint64 *n_puts)
{
	guint32 index = step[0] == 'P';

	switch (step[0]) {
	case 'p':
	case 'P':
		store_fixture_put(fixture, message_of(step[1]), index, (*n_puts)++, 50);
		break;
	case 'd':
		block_store_drop(fixture->store, message_of(step[1]), 0);
		g_assert_false(block_store_has(fixture->store, message_of(step[1]), 0));
		break;
	case 'm':
		block_store_move(fixture->store, message_of(step[1]), message_of(step[2]));
		break;
	case 'f':
		block_store_forget_mailbox(fixture->store, (guint32)(step[1] - '0'));
		break;
	case 's':
		store_fixture_settle(fixture);
		break;
	default:
		store_fixture_reopen(fixture);
	}
}

static char *
list_blocks(Fixture *fixture, guint64 n_puts)
{
	GString *list = g_string_new(NULL);

	for (char name = 'a'; name <= 'c'; name++)
		for (guint32 index = 0; index < 2; index++) {
			g_autoptr(GBytes) bytes =
				store_fixture_get(fixture, message_of(name), index);
			guint64 seed = 0;

			while (bytes && !is_content(bytes, seed, 50))
				g_assert_cmpuint(++seed, <, n_puts);
			if (bytes)
				g_string_append_printf(list, "%s%c%u=%u", list->len ? " " : "",
				                       name, index, (guint)seed);
		}
	return g_string_free(list, FALSE);
}

static void
test_row(gconstpointer data)
{
	const Row *row = data;
	g_auto(GStrv) steps = g_strsplit(row->steps, " ", -1);
	guint64 n_puts = 0;
	Fixture fixture;

	store_fixture_init(&fixture, 64 * MIB);
	for (guint i = 0; steps[i]; i++)
		do_step(&fixture, steps[i], &n_puts);
	for (guint round = 0; round < 2; round++) {
		g_autofree char *there = NULL;

		store_fixture_settle(&fixture);
		there = list_blocks(&fixture, n_puts);
		g_assert_cmpstr(there, ==, row->there);
		store_fixture_reopen(&fixture);
	}
	store_fixture_clear(&fixture);
}

/* --- random work against a table --- */

enum { N_MESSAGES = 24, N_INDEXES = 3, N_KEYS = N_MESSAGES * N_INDEXES };

typedef struct {
	gboolean present;
	guint64 seed;
} ModelBlock;

typedef struct {
	Fixture fixture;
	GRand *rand;
	ModelBlock blocks[N_KEYS];
	guint64 n_puts;
	guint n_gets;
	guint64 max_length;   /* bytes of a block */
	gboolean may_be_gone; /* evicted: what is there is right all the same */
} Model;

static gsize
model_length(const Model *model, guint64 seed)
{
	return seed * 7919 % model->max_length;
}

static guint64
model_message(guint i)
{
	return (guint64)(i / 8 + 1) << 32 | (i % 8 + 1);
}

static void
model_put(Model *model, guint i)
{
	ModelBlock *block = &model->blocks[i];

	if (block->present && !model->may_be_gone)
		return;
	if (!block->present)
		*block = (ModelBlock){TRUE, ++model->n_puts};
	store_fixture_put(&model->fixture, model_message(i / N_INDEXES), i % N_INDEXES, block->seed,
	                  model_length(model, block->seed));
}

/* Whether a block that is gone in the store, but not in the model, would make the two differ. */
static gboolean
model_cannot_tell(const Model *model, guint from, guint to)
{
	gboolean both = FALSE;

	for (guint i = 0; i < N_INDEXES; i++)
		both |= model->blocks[from * N_INDEXES + i].present &&
		        model->blocks[to * N_INDEXES + i].present;
	return model->may_be_gone && both;
}

static void
model_move(Model *model, guint from, guint to)
{
	if (model_cannot_tell(model, from, to))
		return;
	block_store_move(model->fixture.store, model_message(from), model_message(to));
	for (guint i = 0; i < N_INDEXES && from != to; i++) {
		ModelBlock *one = &model->blocks[from * N_INDEXES + i];
		ModelBlock *other = &model->blocks[to * N_INDEXES + i];

		if (one->present && !other->present)
			*other = *one;
		one->present = FALSE;
	}
}

static void
model_forget(Model *model, guint mailbox)
{
	block_store_forget_mailbox(model->fixture.store, mailbox + 1);
	for (guint i = mailbox * 8 * N_INDEXES; i < (mailbox + 1) * 8 * N_INDEXES; i++)
		model->blocks[i].present = FALSE;
}

typedef struct {
	Model *model;
	guint64 seed;
} ModelGet;

static void
model_got(GBytes *bytes, gpointer data)
{
	g_autofree ModelGet *get = data;

	if (bytes)
		g_assert_true(is_content(bytes, get->seed, model_length(get->model, get->seed)));
	get->model->n_gets--;
}

static void
model_get(Model *model, guint i)
{
	ModelGet *get = g_new(ModelGet, 1);

	*get = (ModelGet){model, model->blocks[i].seed};
	if (block_store_get(model->fixture.store, model_message(i / N_INDEXES), i % N_INDEXES,
	                    model_got, get)) {
		g_assert_true(model->blocks[i].present);
		model->n_gets++;
	} else {
		g_free(get);
	}
}

static void
model_check(Model *model)
{
	store_fixture_settle(&model->fixture);
	g_assert_cmpuint(model->n_gets, ==, 0);
	for (guint i = 0; i < N_KEYS; i++) {
		const ModelBlock *block = &model->blocks[i];
		guint64 message = model_message(i / N_INDEXES);

		if (block->present && model->may_be_gone &&
		    !block_store_has(model->fixture.store, message, i % N_INDEXES))
			continue;
		if (block->present)
			store_fixture_check(&model->fixture, message, i % N_INDEXES, block->seed,
			                    model_length(model, block->seed));
		else
			g_assert_false(
				block_store_has(model->fixture.store, message, i % N_INDEXES));
	}
}

static void
model_step(Model *model)
{
	guint i = (guint)g_rand_int_range(model->rand, 0, N_KEYS);
	int what = g_rand_int_range(model->rand, 0, 400);

	if (what < 200)
		model_put(model, i);
	else if (what < 260)
		model_get(model, i);
	else if (what < 320) {
		block_store_drop(model->fixture.store, model_message(i / N_INDEXES), i % N_INDEXES);
		model->blocks[i].present = FALSE;
	} else if (what < 370)
		model_move(model, i / N_INDEXES,
		           (guint)g_rand_int_range(model->rand, 0, N_MESSAGES));
	else if (what < 373)
		model_forget(model, i % 3);
	else if (what < 380)
		store_fixture_settle(&model->fixture);
	else if (what < 383)
		store_fixture_reopen(&model->fixture);
	else
		g_main_context_iteration(NULL, FALSE);
}

static void
run_model(Model *model, guint n_steps, guint64 max_bytes)
{
	model->rand = g_rand_new_with_seed(5);
	store_fixture_init(&model->fixture, max_bytes);
	for (guint step = 0; step < n_steps; step++) {
		model_step(model);
		if (step % 500 == 0)
			model_check(model);
		g_assert_cmpuint(block_store_statistics(model->fixture.store).n_bytes, <=,
		                 max_bytes);
	}
	model_check(model);
	store_fixture_reopen(&model->fixture);
	model_check(model);
	g_assert_cmpuint(block_store_statistics(model->fixture.store).n_damaged, ==, 0);
	store_fixture_clear(&model->fixture);
	g_rand_free(model->rand);
}

static void
test_random(void)
{
	Model model = {.max_length = 3000};

	run_model(&model, 40000, 256 * MIB);
}

/* The same with so little room that blocks go and are carried over all the time. */
static void
test_random_eviction(void)
{
	Model model = {.max_length = 120000, .may_be_gone = TRUE};

	run_model(&model, 20000, 4 * MIB);
}

/* --- room --- */

/* Fills the store several times over; message 1 is read all the time, 2 never. */
static void
test_eviction(void)
{
	enum { LENGTH = 100000, N = 400 };
	Fixture fixture;

	store_fixture_init(&fixture, 4 * MIB);
	store_fixture_put(&fixture, 1, 0, 1, LENGTH);
	store_fixture_put(&fixture, 2, 0, 2, LENGTH);
	store_fixture_settle(&fixture);
	block_store_move(fixture.store, 1, 3);
	for (guint i = 0; i < N; i++) {
		store_fixture_put(&fixture, 100 + i, 0, 100 + i, LENGTH);
		g_assert_cmpuint(block_store_statistics(fixture.store).n_bytes, <=, 4 * MIB);
		store_fixture_settle(&fixture);
		g_assert_cmpuint(block_store_statistics(fixture.store).n_bytes, <=, 4 * MIB);
		g_assert_cmpuint(store_fixture_folder_bytes(&fixture), <=, 4 * MIB);
		store_fixture_check(&fixture, 3, 0, 1, LENGTH);
		if (i % 50 == 49)
			store_fixture_reopen(&fixture);
	}
	g_assert_false(block_store_has(fixture.store, 2, 0));
	g_assert_false(block_store_has(fixture.store, 100, 0));
	for (guint i = N - 15; i < N; i++)
		store_fixture_check(&fixture, 100 + i, 0, 100 + i, LENGTH);
	store_fixture_clear(&fixture);
}

/* All that is there is read all the time: at most half of a segment is kept. */
static void
test_all_is_hot(void)
{
	enum { LENGTH = 5000, N = 6000 };
	guint n_there = 0;
	Fixture fixture;

	store_fixture_init(&fixture, 4 * MIB);
	for (guint i = 0; i < N; i++) {
		store_fixture_put(&fixture, i, 0, i, LENGTH);
		for (guint j = i % 10; j < i; j += 10) {
			g_autoptr(GBytes) bytes = block_store_get_now(fixture.store, j, 0);

			g_assert_true(!bytes || is_content(bytes, j, LENGTH));
		}
		if (i % 32 == 0)
			g_main_context_iteration(NULL, FALSE);
		if (i % 500 == 0)
			store_fixture_settle(&fixture);
		g_assert_cmpuint(block_store_statistics(fixture.store).n_bytes, <=, 4 * MIB);
	}
	store_fixture_settle(&fixture);
	for (guint i = 0; i < N; i++)
		n_there += block_store_has(fixture.store, i, 0);
	g_assert_cmpuint(n_there, >, 300);
	store_fixture_clear(&fixture);
}

static void
on_got(GBytes *bytes, gpointer data)
{
	guint *n_right = data;

	g_assert_true(bytes && is_content(bytes, 1, 100000));
	++*n_right;
}

/* A file that is being read stays, though it is evicted. */
static void
test_read_while_evicted(void)
{
	guint n_right = 0;
	Fixture fixture;

	store_fixture_init(&fixture, 4 * MIB);
	store_fixture_put(&fixture, 1, 0, 1, 100000);
	store_fixture_settle(&fixture);
	store_fixture_hold_worker(&fixture);
	for (guint i = 0; i < 30; i++)
		g_assert_true(block_store_get(fixture.store, 1, 0, on_got, &n_right));
	for (guint i = 0; i < 100; i++)
		store_fixture_put(&fixture, 100 + i, 0, 100 + i, 100000);
	store_fixture_release_worker(&fixture);
	store_fixture_settle(&fixture);
	g_assert_cmpuint(n_right, ==, 30);
	store_fixture_clear(&fixture);
}

static void
test_smaller_limit(void)
{
	Fixture fixture;

	store_fixture_init(&fixture, 64 * MIB);
	for (guint i = 0; i < 300; i++)
		store_fixture_put(&fixture, i, 0, i, 100000);
	fixture.max_bytes = 4 * MIB;
	store_fixture_reopen(&fixture);
	g_assert_cmpuint(block_store_statistics(fixture.store).n_bytes, <=, 4 * MIB);
	g_assert_cmpuint(store_fixture_folder_bytes(&fixture), <=, 4 * MIB);
	store_fixture_check(&fixture, 299, 0, 299, 100000);
	store_fixture_clear(&fixture);
}

/* The only segment is far too long now, but must not be in the way. */
static void
test_smaller_segments(void)
{
	Fixture fixture;

	store_fixture_init(&fixture, 2048 * MIB);
	for (guint i = 0; i < 35; i++)
		store_fixture_put(&fixture, i, 0, i, 100000);
	fixture.max_bytes = 4 * MIB;
	store_fixture_reopen(&fixture);
	store_fixture_check(&fixture, 0, 0, 0, 100000);
	for (guint i = 100; i < 120; i++)
		store_fixture_put(&fixture, i, 0, i, 100000);
	store_fixture_settle(&fixture);
	for (guint i = 100; i < 120; i++)
		store_fixture_check(&fixture, i, 0, i, 100000);
	store_fixture_check(&fixture, 0, 0, 0, 100000);
	store_fixture_clear(&fixture);
}

/* The worker is held, so nothing is written. */
static void
test_queue_is_bounded(void)
{
	Fixture fixture;
	BlockStoreStatistics statistics;

	store_fixture_init(&fixture, 256 * MIB);
	store_fixture_hold_worker(&fixture);
	for (guint i = 0; i < 400; i++)
		store_fixture_put(&fixture, i, 0, i, REMOTE_BLOCK_SIZE);
	statistics = block_store_statistics(fixture.store);
	g_assert_cmpuint(statistics.n_queued_bytes, ==, 32 * MIB);
	g_assert_cmpuint(statistics.n_refused, ==, 400 - 256);
	store_fixture_release_worker(&fixture);
	store_fixture_settle(&fixture);
	g_assert_cmpuint(block_store_statistics(fixture.store).n_queued_bytes, ==, 0);
	g_assert_cmpuint(block_store_statistics(fixture.store).n_blocks, ==, 256);
	for (guint i = 0; i < 256; i++)
		store_fixture_check(&fixture, i, 0, i, REMOTE_BLOCK_SIZE);
	store_fixture_clear(&fixture);
}

static void
test_other_store(void)
{
	Fixture fixture;

	store_fixture_init(&fixture, 64 * MIB);
	store_fixture_put(&fixture, 1, 0, 1, 100);
	fixture.store_id++;
	store_fixture_reopen(&fixture);
	g_assert_false(block_store_has(fixture.store, 1, 0));
	g_assert_cmpuint(store_fixture_folder_bytes(&fixture), ==, 0);
	store_fixture_put(&fixture, 1, 0, 2, 100);
	store_fixture_settle(&fixture);
	g_assert_true(faccessat(fixture.folder_fd, "2.log", F_OK, 0) == 0);
	store_fixture_clear(&fixture);
}

static void
test_modes(void)
{
	Fixture fixture;
	GStatBuf status;
	g_autofree char *path = NULL;

	store_fixture_init(&fixture, 64 * MIB);
	store_fixture_put(&fixture, 1, 0, 1, 100);
	store_fixture_settle(&fixture);
	path = g_build_filename(fixture.path, "1.data", NULL);
	g_assert_cmpint(g_stat(path, &status), ==, 0);
	g_assert_cmpuint(status.st_mode & 0777, ==, 0600);
	block_store_readahead(fixture.store, 1, 0);
	block_store_readahead(fixture.store, 1, 1);
	store_fixture_clear(&fixture);
}

/* --- kills --- */

static guint64
kill_seed(guint64 message, guint32 index)
{
	return message * 31 + index;
}

static gsize
kill_length(guint64 message, guint32 index)
{
	return kill_seed(message, index) * 7919 % 20000;
}

/* Writes, and now and then drops, moves nothing, until it is killed. */
static void
write_until_killed(Fixture *fixture, guint32 seed)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

	store_fixture_open(fixture);
	for (;;) {
		guint64 message = (guint64)g_rand_int_range(rand, 0, 500);
		guint32 index = (guint32)g_rand_int_range(rand, 0, 4);

		if (g_rand_int_range(rand, 0, 10) == 0)
			block_store_drop(fixture->store, message, index);
		else
			store_fixture_put(fixture, message, index, kill_seed(message, index),
			                  kill_length(message, index));
		if (g_rand_int_range(rand, 0, 30) == 0)
			g_main_context_iteration(NULL, FALSE);
	}
}

static guint
check_all(Fixture *fixture)
{
	guint n_there = 0;

	for (guint64 message = 0; message < 500; message++)
		for (guint32 index = 0; index < 4; index++) {
			if (!block_store_has(fixture->store, message, index))
				continue;
			store_fixture_check(fixture, message, index, kill_seed(message, index),
			                    kill_length(message, index));
			n_there++;
		}
	return n_there;
}

static void
test_kill(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(9);
	guint n_there = 0;
	Fixture fixture;

	store_fixture_init(&fixture, 8 * MIB);
	store_fixture_close(&fixture);
	/* On a slow machine the first 50 may all come before anything is written. */
	for (guint32 i = 0; i < 50 || (n_there == 0 && i < 200); i++) {
		pid_t child = fork();

		g_assert_cmpint(child, >=, 0);
		if (child == 0)
			write_until_killed(&fixture, i);
		g_usleep((gulong)g_rand_int_range(rand, 0, 20000 * (1 + (gint32)i / 50)));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		store_fixture_open(&fixture);
		n_there += check_all(&fixture);
		g_assert_cmpuint(block_store_statistics(fixture.store).n_damaged, <=, i + 1);
		store_fixture_close(&fixture);
	}
	g_test_message("%u blocks were there after kills", n_there);
	g_assert_cmpuint(n_there, >, 0);
	store_fixture_open(&fixture);
	store_fixture_clear(&fixture);
}

/* --- how long it takes --- */

static double
seconds_since(gint64 begin)
{
	return (double)(g_get_monotonic_time() - begin) / 1e6;
}

static void
test_rebuild(void)
{
	enum { N = 100000 };
	Fixture fixture;
	gint64 begin;

	store_fixture_init(&fixture, 1024 * MIB);
	for (guint i = 0; i < N; i++) {
		store_fixture_put(&fixture, i, 0, i, 10);
		if (i % 4096 == 0)
			store_fixture_settle(&fixture);
	}
	store_fixture_close(&fixture);
	begin = g_get_monotonic_time();
	store_fixture_open(&fixture);
	g_test_message("%d records in %.1f ms, %.2f MB of index", N, seconds_since(begin) * 1000,
	               (double)block_store_statistics(fixture.store).n_memory / 1e6);
	g_assert_cmpuint(block_store_statistics(fixture.store).n_blocks, ==, N);
	g_assert_cmpuint(block_store_statistics(fixture.store).n_memory, <=, 8000000);
	store_fixture_clear(&fixture);
}

static void
measure(gsize length, guint n)
{
	g_autoptr(GBytes) bytes = content_of(1, length);
	Fixture fixture;
	gint64 begin;
	double put;
	guint n_got = 0;

	store_fixture_init(&fixture, 1024 * MIB);
	begin = g_get_monotonic_time();
	for (guint i = 0; i < n; i++) {
		block_store_put(fixture.store, i, 0, bytes);
		if (i % 128 == 127)
			store_fixture_settle(&fixture);
	}
	store_fixture_settle(&fixture);
	put = seconds_since(begin);
	begin = g_get_monotonic_time();
	for (guint i = 0; i < n; i++) {
		g_autoptr(GBytes) got = block_store_get_now(fixture.store, i, 0);

		n_got += got != NULL;
	}
	g_test_message("%u blocks of %u bytes: put %.0f/s, get_now %.0f/s (%u of them)", n,
	               (guint)length, n / put, n / seconds_since(begin), n_got);
	store_fixture_clear(&fixture);
}

static void
test_throughput(void)
{
	measure(REMOTE_BLOCK_SIZE, 512);
	measure(4096, 8192);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	store_fixture_catch_messages();
	g_test_add_func("/block-store/round-trip", test_round_trip);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strdup_printf("/block-store/change/%s", rows[i].label);

		g_test_add_data_func(name, &rows[i], test_row);
	}
	g_test_add_func("/block-store/random", test_random);
	g_test_add_func("/block-store/random-eviction", test_random_eviction);
	g_test_add_func("/block-store/eviction", test_eviction);
	g_test_add_func("/block-store/all-is-hot", test_all_is_hot);
	g_test_add_func("/block-store/read-while-evicted", test_read_while_evicted);
	g_test_add_func("/block-store/smaller-limit", test_smaller_limit);
	g_test_add_func("/block-store/smaller-segments", test_smaller_segments);
	g_test_add_func("/block-store/queue-is-bounded", test_queue_is_bounded);
	g_test_add_func("/block-store/other-store", test_other_store);
	g_test_add_func("/block-store/modes", test_modes);
	g_test_add_func("/block-store/kill", test_kill);
	g_test_add_func("/block-store/rebuild", test_rebuild);
	g_test_add_func("/block-store/throughput", test_throughput);
	return g_test_run();
}
