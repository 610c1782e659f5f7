/*
 * test-flags-words.c: sets of flags, as strings.
 */
#include "flags-words.h"

static const struct {
	const char *label;
	const char *flags;
	char sign;
	const char *words;
	const char *expected;
} rows[] = {
	{"nothing", "", '+', "", ""},
	{"add-to-none", "", '+', "\\Seen", "\\Seen"},
	{"add", "\\Seen", '+', "\\Flagged", "\\Flagged \\Seen"},
	{"add-many", "b", '+', "c a", "a b c"},
	{"add-there", "\\Seen", '+', "\\Seen", "\\Seen"},
	{"add-there-in-other-case", "\\Seen", '+', "\\SEEN", "\\Seen"},
	{"add-twice", "", '+', "a A a", "a"},
	{"add-nothing", "b a", '+', "", "a b"},
	{"remove", "\\Flagged \\Seen", '-', "\\Seen", "\\Flagged"},
	{"remove-in-other-case", "Work", '-', "wORK", ""},
	{"remove-many", "a b c d", '-', "d b", "a c"},
	{"remove-all", "a b", '-', "a b", ""},
	{"remove-not-there", "a", '-', "b", "a"},
	{"remove-from-none", "", '-', "a", ""},
	{"remove-prefix", "work", '-', "wor", "work"},
	{"remove-longer", "wor", '-', "work", "wor"},
	{"replace", "a b", '=', "c", "c"},
	{"replace-by-none", "a b", '=', "", ""},
	{"replace-sorts", "", '=', "b \\Seen a", "\\Seen a b"},
	{"replace-keeps-new-case", "seen", '=', "SEEN", "SEEN"},
	{"sorted-without-case", "", '+', "b A", "A b"},
	{"spaces", " a  b ", '+', "  c", "a b c"},
};

static void
test_row(gconstpointer data)
{
	const char *label = data;

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *flags = NULL;

		if (rows[i].label != label)
			continue;
		flags = flags_words_apply(rows[i].flags, rows[i].sign, rows[i].words);
		g_assert_cmpstr(flags, ==, rows[i].expected);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strconcat("/flags-words/", rows[i].label, NULL);

		g_test_add_data_func(path, rows[i].label, test_row);
	}
	return g_test_run();
}
