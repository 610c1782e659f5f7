/*
 * test-mailbox-name.c: components of mailbox names to file names and back.
 */
#include "fs/mailbox-name.h"

#include <string.h>

#define RANDOM_ROUNDS 20000

/* Fails unless @file_name can be the name of a file. */
static void
check_file_name(const char *file_name)
{
	g_autofree char *composed = g_utf8_normalize(file_name, -1, G_NORMALIZE_NFC);

	g_assert_true(g_utf8_validate(file_name, -1, NULL));
	g_assert_cmpstr(file_name, ==, composed);
	g_assert_cmpuint(strlen(file_name), >, 0);
	g_assert_cmpuint(strlen(file_name), <=, 255);
	g_assert_null(strchr(file_name, '/'));
	g_assert_cmpstr(file_name, !=, ".");
	g_assert_cmpstr(file_name, !=, "..");
	g_assert_cmpstr(file_name, !=, ".imapfs");
}

/* There and back again: every row leads back, to @back where that is another form of the same. */
static void
test_escape(void)
{
	static const struct {
		const char *label;
		const char *component;
		const char *file_name;
		const char *back;
	} rows[] = {
		{"usual", "INBOX", "INBOX", NULL},
		{"spaces and symbols", "Sent Items (2026) & more: *?",
		 "Sent Items (2026) & more: *?", NULL},
		{"letters", "Entwürfe 日本", "Entwürfe 日本", NULL},
		{"empty", "", "%", NULL},
		{"percent", "100%", "100%25", NULL},
		{"looks escaped", "%2F", "%252F", NULL},
		{"slash", "a/b", "a%2Fb", NULL},
		{"dot", ".", "%2E", NULL},
		{"two dots", "..", "%2E.", NULL},
		{"three dots", "...", "...", NULL},
		{"hidden", ".hidden", ".hidden", NULL},
		{"our own", ".imapfs", "%2Eimapfs", NULL},
		{"nearly our own", ".imapfs2", ".imapfs2", NULL},
		{"controls", "a\001\t\r\n\x7f", "a%01%09%0D%0A%7F", NULL},
		{"C1", "a\xc2\x85", "a%C2%85", NULL},
		{"bidi", "a\xe2\x80\xae", "a%E2%80%AE", NULL},
		{"zero width",
		 "\xef\xbb\xbf"
		 "a\xe2\x80\x8b",
		 "%EF%BB%BFa%E2%80%8B", NULL},
		{"separators", "\xe2\x80\xa8\xe2\x80\xa9", "%E2%80%A8%E2%80%A9", NULL},
		{"no-break space", "a\xc2\xa0", "a\xc2\xa0", NULL},
		{"private use", "a\xef\xa3\xbf", "a\xef\xa3\xbf", NULL},
		{"decomposed", "u\xcc\x88", "ü", "ü"},
		{"Latin-1", "M\xfcll", "M%FCll", NULL},
		{"half UTF-8", "\xc3\xa9\xff", "%C3%A9%FF", NULL},
		{"overlong", "\xc0\xaf", "%C0%AF", NULL},
		{"surrogate", "\xed\xa0\x80", "%ED%A0%80", NULL},
		{"mark on an escape", "\n\xcc\x81x", "%0A%CC%81x", NULL},
		{"marks on an escape", "%\xcc\xa7\xcc\x81", "%25%CC%A7%CC%81", NULL},
		{"mark alone", "\xcc\x81x", "\xcc\x81x", NULL},
		{"looks cut", "a~0123abcd", "a%7E0123abcd", NULL},
		{"looks cut, and nothing else", "~0123abcd", "%7E0123abcd", NULL},
		{"looks cut, not UTF-8", "\xff~0123abcd", "%FF%7E0123abcd", NULL},
		{"tilde", "a~0123abcde", "a~0123abcde", NULL},
		{"tilde and other digits", "a~0123abcI", "a~0123abcI", NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *expected = rows[i].back != NULL ? rows[i].back : rows[i].component;
		g_autofree char *file_name = mailbox_name_escape(rows[i].component);
		g_autofree char *back = mailbox_name_unescape(file_name);

		check_file_name(file_name);
		if (g_strcmp0(file_name, rows[i].file_name) != 0)
			g_test_fail_printf("%s: got %s", rows[i].label, file_name);
		if (g_strcmp0(back, expected) != 0)
			g_test_fail_printf("%s: came back as %s", rows[i].label, back);
	}
}

static void
test_unescape_refuses(void)
{
	static const struct {
		const char *label;
		const char *file_name;
	} rows[] = {
		{"nothing", ""},
		{"percent at the end", "a%"},
		{"one digit", "a%2"},
		{"no digits", "a%zz"},
		{"sign", "a%+5"},
		{"small letters", "a%2f"},
		{"NUL", "a%00"},
		{"NUL and more", "a%00b"},
		{"needless", "%41"},
		{"UTF-8 that may stand", "%C3%A9"},
		{"half of a format character", "%E2%80\xae"},
		{"dot", "."},
		{"two dots", ".."},
		{"second dot escaped", ".%2E"},
		{"three dots", "%2E.."},
		{"our own", ".imapfs"},
		{"slash", "a/b"},
		{"control", "a\n"},
		{"not UTF-8", "M\xfcll"},
		{"decomposed", "u\xcc\x88"},
		{"cut", "a~0123abcd"},
		{"tilde that is not at its place", "a%7Eb"},
		{"mark behind an escape", "%0A\xcc\x81"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *component = mailbox_name_unescape(rows[i].file_name);

		if (component != NULL)
			g_test_fail_printf("%s: gave %s", rows[i].label, component);
	}
}

static char *
repeat(const char *text, gsize n_times)
{
	GString *out = g_string_sized_new(strlen(text) * n_times);

	while (n_times-- > 0)
		g_string_append(out, text);
	return g_string_free(out, FALSE);
}

static void
test_cut(void)
{
	static const struct {
		const char *label;
		const char *text;
		gsize n_times;
		gsize length;
		gboolean leads_back;
	} rows[] = {
		{"just fits", "a", 255, 255, TRUE},
		{"one too many", "a", 256, 255, FALSE},
		{"two bytes, fits", "é", 127, 254, TRUE},
		{"two bytes", "é", 128, 255, FALSE},
		{"three bytes", "日", 100, 255, FALSE},
		{"four bytes", "😀", 100, 253, FALSE},
		{"escapes, fit", "/", 85, 255, TRUE},
		{"escapes", "/", 86, 255, FALSE},
		{"escaped characters", "\xe2\x80\xae", 100, 252, FALSE},
		{"not UTF-8", "\xff", 100, 255, FALSE},
		{"letter and mark", "x\xcc\x81", 100, 255, FALSE},
		{"only marks", "\xcc\xb6", 200, 9, FALSE},
		{"very long", "\xcc\xa7\xcc\x81", 1 << 18, 255, FALSE},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *component = repeat(rows[i].text, rows[i].n_times);
		g_autofree char *file_name = mailbox_name_escape(component);
		g_autofree char *back = mailbox_name_unescape(file_name);

		check_file_name(file_name);
		if (strlen(file_name) != rows[i].length)
			g_test_fail_printf("%s: %zu bytes", rows[i].label, strlen(file_name));
		if ((back != NULL) != rows[i].leads_back)
			g_test_fail_printf("%s: came back as %s", rows[i].label, back);
	}
}

/* The hash is that of the whole, and stays what it is. */
static void
test_cut_names_differ(void)
{
	g_autofree char *text = repeat("a", 300);
	g_autofree char *one = mailbox_name_escape(text);
	g_autofree char *other = NULL;
	g_autofree char *literal = NULL;

	text[299] = 'b';
	other = mailbox_name_escape(text);
	g_assert_true(g_str_has_suffix(one, "aaa~k0tzmtzm"));
	g_assert_cmpstr(one, !=, other);
	/* A mailbox that is called what the cut one is shown as. */
	literal = mailbox_name_escape(one);
	check_file_name(literal);
	g_assert_cmpstr(literal, !=, one);
}

/* Up to @n_max pieces of what is likely to go wrong. Caller frees. */
static char *
random_component(gint n_max)
{
	static const char *const pieces[] = {
		"%",
		"/",
		".",
		"..",
		"~",
		"%2F",
		"a",
		"A",
		"é",
		"日",
		"😀",
		"\xff",
		"\xcc\x81",
		"\xe2\x80\xae",
		"\xcc\xa7",
		"0123abcd",
		"\n",
		"\xe1\x84\x80",
		"\xe1\x85\xa1",
		".imapfs",
	};
	GString *out = g_string_new(NULL);

	for (gint n = g_test_rand_int_range(0, n_max); n > 0; n--) {
		gint piece = g_test_rand_int_range(0, (gint)G_N_ELEMENTS(pieces) + 5);

		if (piece < (gint)G_N_ELEMENTS(pieces))
			g_string_append(out, pieces[piece]);
		else
			g_string_append_c(out, (char)g_test_rand_int_range(1, 256));
	}
	return g_string_free(out, FALSE);
}

/* What @component must come back as. Caller frees. */
static char *
canonical(const char *component)
{
	if (!g_utf8_validate(component, -1, NULL))
		return g_strdup(component);
	return g_utf8_normalize(component, -1, G_NORMALIZE_NFC);
}

/* Of components in NFC or not in UTF-8, and short enough, none gets lost and no two meet. */
static void
test_round_trip(void)
{
	for (guint i = 0; i < RANDOM_ROUNDS; i++) {
		g_autofree char *component = random_component(10);
		g_autofree char *expected = canonical(component);
		g_autofree char *file_name = mailbox_name_escape(component);
		g_autofree char *back = mailbox_name_unescape(file_name);

		check_file_name(file_name);
		g_assert_cmpstr(back, ==, expected);
	}
}

/* Whatever the way back accepts is what the way out makes. */
static void
test_back_and_there(void)
{
	for (guint i = 0; i < RANDOM_ROUNDS; i++) {
		g_autofree char *file_name = random_component(6);
		g_autofree char *component = mailbox_name_unescape(file_name);
		g_autofree char *again = NULL;

		if (component == NULL)
			continue;
		again = mailbox_name_escape(component);
		g_assert_cmpstr(again, ==, file_name);
	}
}

/* Different components, long ones too, never have one file name. */
static void
test_distinct(void)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	for (guint i = 0; i < RANDOM_ROUNDS; i++) {
		g_autofree char *component = random_component(i % 2 == 0 ? 4 : 120);
		g_autofree char *expected = canonical(component);
		g_autofree char *file_name = mailbox_name_escape(component);
		const char *earlier = g_hash_table_lookup(seen, file_name);

		check_file_name(file_name);
		if (earlier != NULL)
			g_assert_cmpstr(earlier, ==, expected);
		g_hash_table_insert(seen, g_steal_pointer(&file_name), g_steal_pointer(&expected));
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailbox-name/escape", test_escape);
	g_test_add_func("/mailbox-name/unescape-refuses", test_unescape_refuses);
	g_test_add_func("/mailbox-name/cut", test_cut);
	g_test_add_func("/mailbox-name/cut-names-differ", test_cut_names_differ);
	g_test_add_func("/mailbox-name/round-trip", test_round_trip);
	g_test_add_func("/mailbox-name/back-and-there", test_back_and_there);
	g_test_add_func("/mailbox-name/distinct", test_distinct);
	return g_test_run();
}
