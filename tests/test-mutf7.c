/*
 * test-mutf7.c: modified UTF-7.
 */
#include "mutf7.h"

typedef struct {
	const char *label, *name;
	const char *text; /* NULL: @name is not to be decoded */
} Row;

static const Row rows[] = {
	{"ascii", "INBOX/a b~\\", "INBOX/a b~\\"},
	{"empty", "", ""},
	{"ampersand", "a&-b", "a&b"},
	{"rfc-3501", "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
         "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	{"umlaut", "Entw&APw-rfe", "Entw\xc3\xbcrfe"},
	{"two-units", "&AOQA9g-", "\xc3\xa4\xc3\xb6"},
	{"pair", "&2D3cTA-", "\xf0\x9f\x91\x8c"},
	{"slash-in-base64", "&,,8-", "\xef\xbf\xbf"},
	{"tab", "a&AAk-b", "a\tb"},
	{"delete", "&AH8-", "\177"},
	{"ampersand-after-run", "&APw-&-", "\xc3\xbc&"},

	{"unclosed", "&APw", NULL},
	{"ampersand-alone", "a & b", NULL},
	{"ampersand-at-end", "a&", NULL},
	{"8-bit", "Entw\xfcrfe", NULL},
	{"utf-8", "Entw\xc3\xbcrfe", NULL},
	{"control", "a\tb", NULL},
	{"not-base64", "&A!w-", NULL},
	{"slash", "&//8-", NULL},
	{"ascii-in-base64", "&AGE-", NULL},
	{"ampersand-in-base64", "&ACY-", NULL},
	{"two-runs", "&APw-&APY-", NULL},
	{"padding-bits", "&APx-", NULL},
	{"superfluous-digit", "&APwA-", NULL},
	{"half-a-unit", "&AP-", NULL},
	{"nul", "&AAA-", NULL},
	{"high-alone", "&2D0-", NULL},
	{"low-alone", "&3Ew-", NULL},
	{"high-high", "&2D3YPQ-", NULL},
	{"high-then-other", "&2D0A,A-", NULL},
};

static void
test_row(gconstpointer data)
{
	const Row *row = data;
	g_autofree char *text = mutf7_decode(row->name);

	g_assert_cmpstr(text, ==, row->text);
	if (text) {
		g_autofree char *name = mutf7_encode(text);
		g_assert_cmpstr(name, ==, row->name);
	}
}

/* Any text comes back. */
static void
test_random(void)
{
	static const gunichar characters[] = {'a',  '&',    '-',    ' ',     0x7f,
	                                      0xe4, 0x20ac, 0xffff, 0x1f44c, 0x10ffff};
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);

	for (int i = 0; i < 5000; i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		for (int n = g_rand_int_range(rand, 0, 12); n > 0; n--) {
			int k = g_rand_int_range(rand, 0, G_N_ELEMENTS(characters));
			g_string_append_unichar(text, characters[k]);
		}
		g_autofree char *name = mutf7_encode(text->str);
		g_autofree char *again = mutf7_decode(name);
		g_assert_cmpstr(again, ==, text->str);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strconcat("/mutf7/", rows[i].label, NULL);
		g_test_add_data_func(name, &rows[i], test_row);
	}
	g_test_add_func("/mutf7/random", test_random);
	return g_test_run();
}
