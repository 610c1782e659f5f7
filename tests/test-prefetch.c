/*
 * test-prefetch.c: reading ahead across messages: who is a walker, how far ahead of it is read, and
 * what that costs.
 */
#include "walk.h"

static void
read_beginning(Setup *setup, FakeMailbox *mailbox, guint32 uid, gsize length)
{
	g_autoptr(Ask) ask = ask_read(setup->fixture, id_in(setup, mailbox, uid), 0, length);

	ask_check_bytes(ask, fake_message(mailbox, uid));
}

static guint64
bytes_of(FakeMailbox *mailbox, const GArray *path)
{
	guint64 n_bytes = 0;

	for (guint i = 0; i < path->len; i++)
		n_bytes += fake_message(mailbox, g_array_index(path, guint32, i))->size;
	return n_bytes;
}

/* --- one walker --- */

typedef struct {
	const char *label;
	guint n;
	guint64 least, most; /* bytes of a message */
	Order order;
	guint gap;
	guint demands; /* at the most */
	guint batches; /* at the most */
} WalkRow;

static const WalkRow walk_rows[] = {
	{"uid", 300, 5000, 5000, BY_UID, 1, 2, 40},
	{"uid-mixed-sizes", 300, 500, 60 * KIB, BY_UID, 1, 2, 120},
	{"uid-gaps-2", 300, 5000, 5000, BY_UID, 2, 3, 40},
	{"uid-gaps-16", 600, 5000, 5000, BY_UID, 16, 5, 40},
	{"uid-many", 2500, 2000, 8000, BY_UID, 1, 2, 120},
	{"uid-empty-ones", 300, 0, 2, BY_UID, 1, 2, 4},
	{"uid-up-to-small", 200, 1000, 250 * KIB, BY_UID, 1, 2, 120},
	{"name", 300, 5000, 5000, BY_NAME, 1, 3, 40},
	{"name-mixed-sizes", 300, 500, 60 * KIB, BY_NAME, 1, 3, 120},
	{"name-gaps-2", 300, 5000, 5000, BY_NAME, 2, 4, 40},
	{"name-gaps-16", 600, 5000, 5000, BY_NAME, 16, 5, 40},
	{"name-many", 2500, 2000, 8000, BY_NAME, 1, 3, 120},
};

static void
test_walk(gconstpointer data)
{
	const WalkRow *row = data;
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", row->n, row->least, row->most);
	g_autoptr(GArray) path = path_of(mailbox, row->order, row->gap, 1);

	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	g_test_message("%u demands, %u batches", setup.fake->reads->len, setup.fake->many->len);
	g_assert_cmpuint(setup.fake->reads->len, <=, row->demands);
	g_assert_cmpuint(setup.fake->many->len, <=, row->batches);
	g_assert_cmpuint(setup.fake->n_bytes, <=, all_bytes(mailbox));
	for (guint32 uid = 1; uid <= row->n; uid++)
		g_assert_cmpuint(times_asked(&setup, uid), <=, 1);
}

/* --- several walkers --- */

typedef struct {
	const char *label;
	guint n_mailboxes;
	guint n_walkers;
	Order orders[4]; /* the walkers begin at different places */
	guint gap;
	gboolean in_turns; /* else as chance has it */
	guint demands;
} CrowdRow;

static const CrowdRow crowd_rows[] = {
	{"two-by-uid", 1, 2, {BY_UID, BY_UID}, 1, TRUE, 4},
	{"two-by-name", 1, 2, {BY_NAME, BY_NAME}, 1, TRUE, 6},
	{"two-by-either", 1, 2, {BY_UID, BY_NAME}, 1, TRUE, 6},
	{"two-in-two", 2, 2, {BY_UID, BY_UID}, 1, TRUE, 4},
	{"two-in-two-by-name", 2, 2, {BY_NAME, BY_NAME}, 1, TRUE, 6},
	{"four-by-uid", 1, 4, {BY_UID, BY_UID, BY_UID, BY_UID}, 1, TRUE, 12},
	{"four-by-name", 1, 4, {BY_NAME, BY_NAME, BY_NAME, BY_NAME}, 1, TRUE, 16},
	{"four-by-either", 1, 4, {BY_UID, BY_NAME, BY_UID, BY_NAME}, 1, TRUE, 16},
	{"four-in-two", 2, 4, {BY_UID, BY_NAME, BY_UID, BY_NAME}, 1, TRUE, 12},
	{"four-in-two-with-gaps", 2, 4, {BY_UID, BY_NAME, BY_UID, BY_NAME}, 5, TRUE, 20},
	{"four-by-chance", 1, 4, {BY_UID, BY_UID, BY_UID, BY_UID}, 1, FALSE, 12},
	{"four-by-either-by-chance", 1, 4, {BY_UID, BY_NAME, BY_UID, BY_NAME}, 1, FALSE, 16},
	{"four-in-two-by-chance", 2, 4, {BY_UID, BY_NAME, BY_UID, BY_NAME}, 3, FALSE, 20},
};

static void
test_crowd(gconstpointer data)
{
	const CrowdRow *row = data;
	g_auto(Setup) setup = setup_new(0);
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	FakeMailbox *mailboxes[4];
	GArray *paths[4];
	guint at[4], n_left = row->n_walkers;

	for (guint i = 0; i < row->n_walkers; i++) {
		gboolean fresh = i < row->n_mailboxes;

		mailboxes[i] = fresh ? add_mailbox(&setup, i ? "B" : "A", 400, 3000, 9000)
		                     : mailboxes[i % row->n_mailboxes];
		paths[i] = path_of(mailboxes[i], row->orders[i], row->gap, i);
		at[i] = i * paths[i]->len / row->n_walkers;
	}
	for (guint turn = 0; n_left; turn++) {
		guint i = (row->in_turns ? turn : g_rand_int(rand)) % row->n_walkers;

		if (at[i] >= paths[i]->len)
			continue;
		read_whole(&setup, mailboxes[i], g_array_index(paths[i], guint32, at[i]++));
		n_left -= at[i] == paths[i]->len;
	}
	fixture_settle(setup.fixture);
	g_test_message("%u demands, %u batches", setup.fake->reads->len, setup.fake->many->len);
	g_assert_cmpuint(setup.fake->reads->len, <=, row->demands);
	for (guint i = 0; i < row->n_walkers; i++)
		g_array_unref(paths[i]);
}

/* One command with several workers: xargs -P. They overtake one another now and then. */
static void
test_workers(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 600, 3000, 9000);
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	g_autoptr(GArray) path = path_of(mailbox, BY_UID, 1, 1);

	for (guint i = 0; i + 4 < path->len; i++) {
		guint other = i + (guint)g_rand_int_range(rand, 0, 4);
		guint32 uid = g_array_index(path, guint32, i);

		g_array_index(path, guint32, i) = g_array_index(path, guint32, other);
		g_array_index(path, guint32, other) = uid;
	}
	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, <=, 12);
	g_assert_cmpuint(setup.fake->n_bytes, <=, all_bytes(mailbox));
}

/* --- those who are no walkers --- */

typedef struct {
	const char *label;
	guint n, n_reads;
	guint64 least, most;
	guint factor; /* bytes fetched at the most, in those asked for */
} RandomRow;

static const RandomRow random_rows[] = {
	{"30-of-300", 300, 30, 3000, 9000, 4},     {"100-of-1000", 1000, 100, 3000, 9000, 4},
	{"200-of-5000", 5000, 200, 3000, 9000, 4}, {"1000-of-5000", 5000, 1000, 3000, 9000, 4},
	{"mixed", 1000, 100, 500, 60 * KIB, 4},    {"long", 1000, 100, 1000, 250 * KIB, 4},
};

static void
test_random_reader(gconstpointer data)
{
	const RandomRow *row = data;
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", row->n, row->least, row->most);
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	g_autoptr(GArray) path = g_array_new(FALSE, FALSE, sizeof(guint32));

	for (guint i = 0; i < row->n_reads; i++) {
		guint32 uid = (guint32)g_rand_int_range(rand, 1, (gint32)row->n + 1);

		g_array_append_val(path, uid);
	}
	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	g_test_message("%.2f times", (double)setup.fake->n_bytes / bytes_of(mailbox, path));
	g_assert_cmpuint(setup.fake->n_bytes, <=, row->factor * bytes_of(mailbox, path));
}

static guint
n_asked_ahead(const Setup *setup, FakeMailbox *mailbox, guint64 longer_than)
{
	guint n = 0;

	for (guint i = 0; i < setup->fake->many->len; i++) {
		const FakeMany *many = setup->fake->many->pdata[i];

		for (guint k = 0; k < many->uids->len; k++) {
			guint32 uid = g_array_index(many->uids, guint32, k);

			n += fake_message(mailbox, uid)->size > longer_than;
		}
	}
	return n;
}

/* head -c 100: the kernel reads 16 KiB of each. */
static void
test_sniffer(gconstpointer data)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 200, 1000, GPOINTER_TO_UINT(data) * KIB);
	guint n_long = 0;

	for (guint32 uid = 1; uid <= 200; uid++) {
		n_long += fake_message(mailbox, uid)->size > 64 * KIB;
		read_beginning(&setup, mailbox, uid, 16 * KIB);
	}
	fixture_settle(setup.fixture);
	g_test_message("%u of %u long ones ahead", n_asked_ahead(&setup, mailbox, 64 * KIB),
	               n_long);
	g_assert_cmpuint(n_asked_ahead(&setup, mailbox, 64 * KIB), <=, 2);
	g_assert_cmpuint(n_asked_ahead(&setup, mailbox, 256 * KIB), ==, 0);
	g_assert_cmpuint(n_asked_ahead(&setup, mailbox, 0), >, 0);
}

/* Who then reads all of them is no sniffer any more. */
static void
test_sniffer_no_more(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 200, 60 * KIB, 200 * KIB);
	guint n;

	for (guint32 uid = 1; uid <= 50; uid++)
		read_beginning(&setup, mailbox, uid, 16 * KIB);
	n = setup.fake->reads->len;
	for (guint32 uid = 51; uid <= 200; uid++)
		read_whole(&setup, mailbox, uid);
	g_assert_cmpuint(setup.fake->reads->len - n, <=, 3);
}

/* Long messages come ahead once one was read to its end. */
static void
test_long_messages(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 40, 300 * KIB, 3 * MIB);
	guint n_first;

	read_whole(&setup, mailbox, 1);
	g_assert_cmpuint(setup.fake->many->len, ==, 0);
	n_first = setup.fake->reads->len;
	read_whole(&setup, mailbox, 2);
	g_assert_cmpuint(n_asked_ahead(&setup, mailbox, 256 * KIB), >, 0);
	n_first = setup.fake->reads->len;
	for (guint32 uid = 3; uid <= 40; uid++)
		read_whole(&setup, mailbox, uid);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, ==, n_first);
	g_assert_cmpuint(setup.fake->n_bytes, <=, all_bytes(mailbox) + 2 * BLOCK);
}

/* Among short ones a very long one is left to whoever reads it, and the next ones come all the
 * same. */
static void
test_very_long_message(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 0, 0, 0);
	guint n_before;

	for (guint i = 0; i < 200; i++)
		add_message(mailbox, i == 100 ? 30 * MIB : 4000);
	g_free(fixture_messages(setup.fixture, "A"));
	for (guint32 uid = 1; uid <= 100; uid++)
		read_whole(&setup, mailbox, uid);
	n_before = setup.fake->reads->len;
	read_beginning(&setup, mailbox, 101, 16 * KIB);
	g_assert_cmpuint(setup.fake->reads->len, ==, n_before + 1);
	for (guint32 uid = 102; uid <= 200; uid++)
		read_whole(&setup, mailbox, uid);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, ==, n_before + 1);
	g_assert_cmpuint(setup.fake->n_bytes, <, 2 * MIB);
}

/* Nothing more is asked for, however much was ahead. */
static void
test_pattern_breaks(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = fake_mailbox_add(setup.fake, "A", 1);
	guint n_many;

	for (guint i = 0; i < 2000; i++) {
		char name[16];

		g_snprintf(name, sizeof(name), "%05u", i);
		fake_message_add(mailbox, name, 5000);
	}
	fixture_open(setup.fixture, "A", 1);
	for (guint32 uid = 1; uid <= 60; uid++)
		read_whole(&setup, mailbox, uid);
	n_many = setup.fake->many->len;
	g_assert_cmpuint(n_many, >, 0);
	for (guint32 uid = 1990; uid > 1000; uid -= 17)
		read_whole(&setup, mailbox, uid);
	g_assert_cmpuint(setup.fake->many->len, ==, n_many);
}

/* --- windows --- */

/* Bytes that were asked for ahead and that a walker by UID, now at @uid, has not come to. */
static guint64
lead_before(const Setup *setup, FakeMailbox *mailbox, guint32 uid)
{
	guint64 n_bytes = 0;

	for (guint i = 0; i < setup->fake->many->len; i++) {
		const FakeMany *many = setup->fake->many->pdata[i];

		for (guint k = 0; k < many->uids->len; k++) {
			guint32 ahead = g_array_index(many->uids, guint32, k);

			if (ahead > uid)
				n_bytes += fake_message(mailbox, ahead)->size;
		}
	}
	return n_bytes;
}

typedef struct {
	const char *label;
	guint64 memory;
	guint64 size;
	guint n;
	gint64 pause_us;  /* in which a message comes */
	guint64 at_least; /* bytes that the window becomes */
	guint64 at_most;
} WindowRow;

static const WindowRow window_rows[] = {
	{"plenty", 0, 8000, 1500, 0, 250 * KIB, 16 * MIB},
	{"little-memory", 4 * MIB, 8000, 800, 0, 200 * KIB, 1 * MIB},
	{"less-than-least-memory", 1, 8000, 800, 0, 200 * KIB, 1 * MIB},
	{"eight-megabytes", 8 * MIB, 60 * KIB, 300, 0, 200 * KIB, 2 * MIB},
	{"long-messages-little-memory", 4 * MIB, 700 * KIB, 30, 0, 0, 1 * MIB},
	{"longer-than-a-quarter-of-memory", 4 * MIB, 1500 * KIB, 20, 0, 0, 1 * MIB},
	{"fast-line", 0, 60 * KIB, 700, 1500, 3 * MIB, 16 * MIB},
	{"slow-line", 0, 8000, 800, 80000, 200 * KIB, 264 * KIB},
	{"a-megabyte-a-second", 0, 8000, 1500, 8000, 200 * KIB, 400 * KIB},
};

static void
test_window(gconstpointer data)
{
	const WindowRow *row = data;
	g_auto(Setup) setup = setup_new(row->memory);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", row->n, row->size, row->size);
	guint64 most = 0;

	for (guint32 uid = 1; uid <= row->n; uid++) {
		guint64 doubled = 32 * KIB << MIN(uid < 2 ? 0 : uid - 2, 20), lead;

		fixture_pass_time(row->pause_us);
		read_whole(&setup, mailbox, uid);
		lead = lead_before(&setup, mailbox, uid);
		g_assert_cmpuint(lead, <=, doubled + row->size);
		most = MAX(most, lead);
	}
	g_test_message("at most %u KiB ahead", (guint)(most / KIB));
	g_assert_cmpuint(most, >=, row->at_least);
	g_assert_cmpuint(most, <=, row->at_most);
}

/* --- memory --- */

static void
test_cached(gconstpointer data)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 300, 100, 20000);
	g_autoptr(GArray) path = path_of(mailbox, GPOINTER_TO_UINT(data), 1, 1);
	g_autoptr(GArray) other = path_of(mailbox, !GPOINTER_TO_UINT(data), 2, 1);
	guint n_reads, n_many;

	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	n_reads = setup.fake->reads->len;
	n_many = setup.fake->many->len;
	walk(&setup, mailbox, path);
	walk(&setup, mailbox, other);
	g_assert_cmpuint(setup.fake->reads->len, ==, n_reads);
	g_assert_cmpuint(setup.fake->many->len, ==, n_many);
}

typedef struct {
	const char *label;
	guint64 memory;
	guint n_walkers;
	guint n;
	guint64 least, most;
	double factor; /* bytes fetched, in those of the mailbox */
} MemoryRow;

static const MemoryRow memory_rows[] = {
	{"one-short", 1, 1, 1500, 1000, 20000, 1.1},
	{"one-mixed", 4 * MIB, 1, 200, 1000, 250 * KIB, 1.1},
	{"one-long", 4 * MIB, 1, 30, 300 * KIB, 3 * MIB, 1.3},
	{"two-short", 4 * MIB, 2, 1500, 1000, 20000, 1.1},
	{"four-short", 4 * MIB, 4, 1500, 1000, 20000, 1.3},
	{"four-mixed", 4 * MIB, 4, 200, 1000, 250 * KIB, 1.5},
	{"four-long", 4 * MIB, 4, 40, 300 * KIB, 3 * MIB, 2.5},
	{"four-long-more-memory", 32 * MIB, 4, 40, 300 * KIB, 3 * MIB, 1.5},
};

/* Each walker has a part of the mailbox: what is pushed out before it is read is fetched twice. */
static void
test_little_memory(gconstpointer data)
{
	const MemoryRow *row = data;
	g_auto(Setup) setup = setup_new(row->memory);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", row->n, row->least, row->most);

	for (guint32 step = 0; step < row->n / row->n_walkers; step++)
		for (guint i = 0; i < row->n_walkers; i++)
			read_whole(&setup, mailbox, 1 + i * (row->n / row->n_walkers) + step);
	fixture_settle(setup.fixture);
	g_test_message("%.2f times", (double)setup.fake->n_bytes / all_bytes(mailbox));
	g_assert_cmpfloat((double)setup.fake->n_bytes, <=, row->factor * all_bytes(mailbox));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD_ROWS("/prefetch/walk/", walk_rows, test_walk);
	ADD_ROWS("/prefetch/crowd/", crowd_rows, test_crowd);
	g_test_add_func("/prefetch/workers", test_workers);
	ADD_ROWS("/prefetch/random-reader/", random_rows, test_random_reader);
	g_test_add_data_func("/prefetch/sniffer", GUINT_TO_POINTER(250), test_sniffer);
	g_test_add_data_func("/prefetch/sniffer-long", GUINT_TO_POINTER(1000), test_sniffer);
	g_test_add_func("/prefetch/sniffer-no-more", test_sniffer_no_more);
	g_test_add_func("/prefetch/long-messages", test_long_messages);
	g_test_add_func("/prefetch/very-long-message", test_very_long_message);
	g_test_add_func("/prefetch/pattern-breaks", test_pattern_breaks);
	ADD_ROWS("/prefetch/window/", window_rows, test_window);
	g_test_add_data_func("/prefetch/cached/uid", GUINT_TO_POINTER(BY_UID), test_cached);
	g_test_add_data_func("/prefetch/cached/name", GUINT_TO_POINTER(BY_NAME), test_cached);
	ADD_ROWS("/prefetch/little-memory/", memory_rows, test_little_memory);
	return g_test_run();
}
