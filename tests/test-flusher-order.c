/*
 * test-flusher-order.c: which changes go together, and which may not pass which.
 */
#include "flusher-fixture.h"
#include "flusher-private.h"

#include <stdlib.h>
#include <string.h>

#define N_MESSAGES 4
#define N_MANY     300
#define N_RANDOM   200 /* queues of up to N_QUEUED changes */
#define N_QUEUED   30

static void
fill(FlusherFixture *fixture, const char *name, guint n)
{
	for (guint i = 1; i <= n; i++) {
		g_autofree char *text = g_strdup_printf("%s%u", name, i);

		fake_message_add(fake_mailbox(fixture->fake, name), text, 100 + i);
	}
}

static JournalEntry *
make_flags(FlusherFixture *fixture, guint32 uid, const char *flags)
{
	JournalEntry *entry = flusher_fixture_remove(fixture, "A", uid);

	entry->kind = JOURNAL_FLAGS;
	entry->sign = '+';
	entry->flags = g_strdup(flags);
	return entry;
}

static JournalEntry *
make_version(FlusherFixture *fixture, guint32 uid)
{
	JournalEntry *entry = flusher_fixture_append(fixture, "A", "version");

	entry->replaces = uid;
	entry->to_uidvalidity = fake_mailbox(fixture->fake, "A")->uidvalidity;
	return entry;
}

static JournalEntry *
make_create(void)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_CREATE);

	entry->mailbox = g_strdup("New");
	return entry;
}

/* "s1" and "f1" give flags to A's message 1, "m1", "c1" and "r1" move or copy it to B, or remove
 * it; "t1" moves it to C, "v1" replaces it; "b1" moves B's to A, "a" appends to B, "k" makes a
 * mailbox. */
static JournalEntry *
make(FlusherFixture *fixture, const char *word)
{
	guint32 uid = (guint32)atoi(word + 1);

	switch (*word) {
	case 's':
		return make_flags(fixture, uid, "\\Seen");
	case 'f':
		return make_flags(fixture, uid, "\\Flagged");
	case 'm':
		return flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", uid, "B");
	case 'c':
		return flusher_fixture_transfer(fixture, JOURNAL_COPY, "A", uid, "B");
	case 'b':
		return flusher_fixture_transfer(fixture, JOURNAL_MOVE, "B", uid, "A");
	case 'r':
		return flusher_fixture_remove(fixture, "A", uid);
	case 't':
		return flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", uid, "C");
	case 'v':
		return make_version(fixture, uid);
	case 'a':
		return flusher_fixture_append(fixture, "B", "new");
	default:
		return make_create();
	}
}

typedef struct {
	const char *label, *changes, *order;
	gboolean no_move;
} Row;

static const Row rows[] = {
	{"marked and moved", "s1 m1 s2 m2", "1 3 2 4 ", FALSE},
	{"sorted", "m1 c2 m3 c4", "1 3 2 4 ", FALSE},
	{"removed and moved", "r1 m2 r3 m4", "1 3 2 4 ", FALSE},
	{"two flags", "s1 f2 s3", "1 3 2 ", FALSE},
	{"the same message", "s1 f2 s2 s3", "1 4 2 3 ", FALSE},
	{"the same message, copied", "s1 f2 c2 m2", "1 2 3 4 ", FALSE},
	{"what is moved is marked first", "m1 s2 m2", "1 2 3 ", FALSE},
	{"into a mailbox that something leaves", "m1 b1 m2", "1 2 3 ", FALSE},
	{"what takes room", "c1 r2 c3", "1 2 3 ", FALSE},
	{"what takes room, too", "a r1 a", "1 2 3 ", FALSE},
	{"what takes room for a while", "m1 r2 m3", "1 2 3 ", TRUE},
	{"what makes room", "r1 c2 r3", "1 3 2 ", FALSE},
	{"a new version makes room", "a v1 a", "1 2 3 ", FALSE},
	{"moving may make room", "c1 m2 c3", "1 2 3 ", FALSE},
	{"moved by copying", "m1 t2 m3", "1 3 2 ", TRUE},
	{"a mailbox", "s1 k s2", "1 2 3 ", FALSE},
};

static void
test_order(FlusherFixture *fixture, gconstpointer data)
{
	const Row *row = data;
	g_auto(GStrv) words = g_strsplit(row->changes, " ", -1);
	g_auto(GStrv) done = g_strsplit(row->order, " ", -1);
	g_autoptr(GString) wanted = g_string_new(NULL);

	fixture->fake->no_move = row->no_move;
	fill(fixture, "A", N_MESSAGES);
	fill(fixture, "B", N_MESSAGES);
	for (char **word = words; *word; word++)
		flusher_fixture_add(fixture, make(fixture, *word));
	for (char **id = done; **id; id++)
		g_string_append_printf(wanted, "done %s ", *id);
	flusher_fixture_run(fixture);
	g_assert_cmpstr(fixture->told->str, ==, wanted->str);
}

/* As many commands for many as for few. */
static void
test_many(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", N_MANY);
	for (guint32 uid = 1; uid <= N_MANY; uid++) {
		flusher_fixture_add(fixture, make_flags(fixture, uid, "\\Seen"));
		flusher_fixture_add(fixture,
		                    flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", uid, "B"));
	}
	flusher_fixture_run(fixture);
	g_assert_cmpuint(fake_mailbox(fixture->fake, "B")->messages->len, ==, N_MANY);
	g_assert_cmpstr(fake_message(fake_mailbox(fixture->fake, "B"), N_MANY)->flags, ==,
	                "\\Seen");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_STORE], <=, 4);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_TRANSFER], <=, 4);
}

/* --- whatever the queue --- */

static void
queue_at_random(FlusherFixture *fixture, guint32 seed)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

	fixture->fake->no_move = seed % 3 == 0;
	fixture->fake->no_uidplus = seed % 5 == 0;
	fill(fixture, "A", N_MESSAGES);
	fill(fixture, "B", N_MESSAGES);
	for (gint32 n = g_rand_int_range(rand, 2, N_QUEUED); n; n--) {
		const char kind = "sssffmmcbrtva"[g_rand_int_range(rand, 0, 13)];
		g_autofree char *word =
			g_strdup_printf("%c%d", kind, g_rand_int_range(rand, 1, N_MESSAGES + 1));

		flusher_fixture_add(fixture, make(fixture, word));
	}
}

static int
compare_strings(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
join_sorted(GPtrArray *strings)
{
	g_ptr_array_sort(strings, compare_strings);
	g_ptr_array_add(strings, NULL);
	return g_strjoinv(" ", (char **)strings->pdata);
}

/* What there is in each mailbox, and which changes failed. */
static char *
run(FlusherFixture *fixture)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) told = NULL;

	flusher_fixture_run(fixture);
	for (guint i = 0; i < fixture->fake->mailboxes->len; i++) {
		const FakeMailbox *mailbox = fixture->fake->mailboxes->pdata[i];

		for (guint n = 0; n < mailbox->messages->len; n++) {
			const FakeMessage *message = mailbox->messages->pdata[n];

			g_ptr_array_add(found, g_strdup_printf("%s/%s(%s)", mailbox->name,
			                                       message->name, message->flags));
		}
	}
	told = g_strsplit(fixture->told->str, " ", -1);
	for (char **word = told; *word && **word; word += 2)
		if (g_str_equal(*word, "failed"))
			g_ptr_array_add(found, g_strdup(word[1]));
	return join_sorted(found);
}

/* It comes to what it would come to one by one. */
static void
test_random(void)
{
	for (guint32 seed = 0; seed < N_RANDOM; seed++) {
		FlusherFixture together = {0}, alone = {0};
		g_autofree char *got = NULL, *wanted = NULL;

		flusher_fixture_set_up(&together, GINT_TO_POINTER(TRUE));
		flusher_fixture_set_up(&alone, GINT_TO_POINTER(TRUE));
		alone.flusher->alone_until = G_MAXUINT64;
		queue_at_random(&together, seed);
		queue_at_random(&alone, seed);
		got = run(&together);
		wanted = run(&alone);
		if (!g_str_equal(got, wanted))
			g_error("seed %u: %s\ninstead of %s", seed, got, wanted);
		flusher_fixture_tear_down(&together, NULL);
		flusher_fixture_tear_down(&alone, NULL);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/flusher-order/many", FlusherFixture, NULL, flusher_fixture_set_up, test_many,
	           flusher_fixture_tear_down);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strconcat("/flusher-order/", rows[i].label, NULL);

		g_test_add(path, FlusherFixture, &rows[i], flusher_fixture_set_up, test_order,
		           flusher_fixture_tear_down);
	}
	g_test_add_func("/flusher-order/random", test_random);
	return g_test_run();
}
