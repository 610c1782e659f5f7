/*
 * test-uid-set.c: sets of UIDs.
 */
#include "uid-set.h"

#include "imapfs/error.h"

typedef struct {
	const char *label, *text;
	const char *expected; /* NULL: an error */
	guint64 count;
} Row;

static const Row rows[] = {
	{"one", "5", "5", 1},
	{"ranges", "1,3:5,7:*", "1,3:5,7:4294967295", 4294967293},
	{"all", "1:*", "1:4294967295", 4294967295},
	{"star", "*", "4294967295", 1},
	{"star-star", "*:*", "4294967295", 1},
	{"backwards", "5:3", "3:5", 3},
	{"star-first", "*:4294967294", "4294967294:4294967295", 2},
	{"unsorted", "9,1:3,5,4", "1:5,9", 6},
	{"descending", "9,8,7,5,4", "4:5,7:9", 5},
	{"overlapping", "1:10,3:4,8:12", "1:12", 12},
	{"overlapping-unsorted", "8:12,1:10,3:4", "1:12", 12},
	{"covers-all", "5,7,9,1:20", "1:20", 20},
	{"touching", "1:2,3:4", "1:4", 4},
	{"duplicates", "5,5,5", "5", 1},
	{"zero", "0,5,0:2", "1:2,5", 3},
	{"max", "4294967295,4294967294", "4294967294:4294967295", 2},
	{"empty", "", NULL, 0},
	{"too-large", "4294967296", NULL, 0},
	{"huge", "99999999999999999999999999", NULL, 0},
	{"trailing-comma", "5,", NULL, 0},
	{"leading-comma", ",5", NULL, 0},
	{"half-range", "5:", NULL, 0},
	{"two-colons", "5:6:7", NULL, 0},
	{"space", "5, 6", NULL, 0},
	{"negative", "-5", NULL, 0},
	{"words", "NIL", NULL, 0},
};

static void
test_row(gconstpointer data)
{
	const Row *row = data;
	g_autoptr(UidSet) set = uid_set_new();
	g_autoptr(GError) error = NULL;
	gboolean ok = uid_set_parse(set, row->text, &error);
	g_autofree char *text = uid_set_to_string(set);

	g_assert_cmpint(ok, ==, row->expected != NULL);
	g_assert_cmpstr(text, ==, ok ? row->expected : "");
	g_assert_cmpuint(uid_set_count(set), ==, row->count);
	if (!ok)
		g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL);
}

static void
test_unchanged_on_error(void)
{
	g_autoptr(UidSet) set = uid_set_new();

	g_assert_true(uid_set_parse(set, "5:7", NULL));
	g_assert_false(uid_set_parse(set, "1:9,x", NULL));
	g_autofree char *text = uid_set_to_string(set);
	g_assert_cmpstr(text, ==, "5:7");
}

static void
test_empty(void)
{
	g_autoptr(UidSet) set = uid_set_new();
	guint n = 1;

	uid_set_add(set, 0);
	uid_set_ranges(set, &n);
	g_assert_cmpuint(n, ==, 0);
	g_assert_false(uid_set_contains(set, 0));
	g_assert_false(uid_set_contains(set, 1));
}

static void
test_contains(void)
{
	g_autoptr(UidSet) set = uid_set_new();

	g_assert_true(uid_set_parse(set, "3:5,9,4294967295", NULL));
	for (guint32 uid = 0; uid < 20; uid++)
		g_assert_cmpint(uid_set_contains(set, uid), ==, (uid >= 3 && uid <= 5) || uid == 9);
	g_assert_true(uid_set_contains(set, G_MAXUINT32));
	g_assert_false(uid_set_contains(set, G_MAXUINT32 - 1));
}

/* Random ranges in random order, asked now and then, against an array of booleans. */
static void
test_random(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);

	for (int round = 0; round < 300; round++) {
		g_autoptr(UidSet) set = uid_set_new();
		gboolean model[201] = {FALSE};
		for (int i = 0; i < 30; i++) {
			guint32 first = g_rand_int_range(rand, 1, 190);
			guint32 last = first + g_rand_int_range(rand, 0, 10);
			uid_set_add_range(set, first, last);
			for (guint32 uid = first; uid <= last; uid++)
				model[uid] = TRUE;
			guint32 probe = g_rand_int_range(rand, 1, 201);
			if (g_rand_boolean(rand))
				g_assert_cmpint(uid_set_contains(set, probe), ==, model[probe]);
		}
		for (guint32 uid = 1; uid <= 200; uid++)
			g_assert_cmpint(uid_set_contains(set, uid), ==, model[uid]);
	}
}

/* A million UIDs backwards, as a hostile or careless server may send them. */
static void
test_many_backwards(void)
{
	g_autoptr(UidSet) set = uid_set_new();
	guint n;

	for (guint32 uid = 2000000; uid > 0; uid -= 2)
		uid_set_add(set, uid);
	uid_set_ranges(set, &n);
	g_assert_cmpuint(n, ==, 1000000);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strconcat("/uid-set/parse/", rows[i].label, NULL);
		g_test_add_data_func(name, &rows[i], test_row);
	}
	g_test_add_func("/uid-set/unchanged-on-error", test_unchanged_on_error);
	g_test_add_func("/uid-set/empty", test_empty);
	g_test_add_func("/uid-set/contains", test_contains);
	g_test_add_func("/uid-set/random", test_random);
	g_test_add_func("/uid-set/many-backwards", test_many_backwards);
	return g_test_run();
}
