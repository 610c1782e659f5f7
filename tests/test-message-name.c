/*
 * test-message-name.c: names of messages, from tables of fields and from garbage.
 *
 * Names are pinned to the byte, hashes too: users keep them in scripts, so a change that breaks a
 * row here breaks somebody's files.
 */
#include "fs/file-name.h"
#include "fs/message-name.h"

#include <string.h>

/* Gives the hash "r1s3y". */
#define MESSAGE_ID "Message-ID: <1@example.org>\r\n"

/* The parts between the dots. */
enum { PART_DAY, PART_SENDER, PART_SUBJECT, PART_HASH, PART_SUFFIX, N_PARTS };

typedef struct {
	const char *label;
	const char *value;
	const char *expected;
} Row;

/* Fails unless @name keeps every promise of the header file. */
static void
check_name(const char *name)
{
	g_auto(GStrv) parts = g_strsplit(name, ".", -1);
	g_autofree char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_NFC);

	g_assert_true(g_utf8_validate(name, -1, NULL));
	g_assert_cmpuint(strlen(name), <=, 255 - strlen("~4294967295"));
	g_assert_cmpstr(name, ==, composed);
	g_assert_cmpuint(g_strv_length(parts), ==, N_PARTS);
	g_assert_cmpuint(strlen(parts[PART_DAY]), ==, 10);
	g_assert_cmpuint(strlen(parts[PART_SENDER]), <=, 60);
	g_assert_cmpuint(strlen(parts[PART_HASH]), ==, 5);
	g_assert_cmpstr(parts[PART_SUFFIX], ==, "eml");
	for (guint i = 0; i < N_PARTS; i++) {
		g_assert_cmpint(parts[i][0], !=, '\0');
		g_assert_cmpint(parts[i][0], !=, '-');
		g_assert_false(g_str_has_suffix(parts[i], "-"));
		g_assert_null(strstr(parts[i], "--"));
	}
	for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		g_assert_true(g_unichar_isalnum(c) || (c >= 0x80 && g_unichar_ismark(c)) ||
			      (c < 0x80 && strchr("-_+@.", (int)c) != NULL));
	}
}

/* One part of the name of a message whose only other field is a Message-ID. */
static char *
part_of(guint part, const char *field, const char *value)
{
	g_autofree char *header = g_strdup_printf("%s: %s\r\n" MESSAGE_ID "\r\n", field, value);
	g_autofree char *name = message_name_from_header(header, strlen(header), 0, 0);
	g_auto(GStrv) parts = g_strsplit(name, ".", -1);

	check_name(name);
	g_assert_cmpstr(parts[PART_HASH], ==, "r1s3y");
	return g_strdup(parts[part]);
}

static void
check_rows(guint part, const char *field, const Row *rows, gsize n_rows)
{
	for (gsize i = 0; i < n_rows; i++) {
		g_autofree char *got = part_of(part, field, rows[i].value);

		if (!g_str_equal(got, rows[i].expected))
			g_test_fail_printf("%s: got %s, not %s", rows[i].label, got,
					   rows[i].expected);
	}
}

static void
test_dates(void)
{
	static const Row rows[] = {
		{"usual", "Fri, 20 Nov 2026 10:11:12 +0100", "2026-11-20"},
		{"day of the sender, not of UTC", "Fri, 20 Nov 2026 23:30:00 -0800", "2026-11-20"},
		{"comment", "Fri, 20 Nov 2026 00:11:12 +0100 (CET)", "2026-11-20"},
		{"no weekday, no seconds, named zone", "20 Nov 2026 10:11 EST", "2026-11-20"},
		{"two digits", "20 Nov 26 10:11:12 +0100", "2026-11-20"},
		{"asctime", "Fri Nov 20 10:11:12 2026", "2026-11-20"},
		{"zone before the year", "Fri Nov 20 10:11:12 +0100 2026", "2026-11-20"},
		{"folded", "Fri,\r\n 20 Nov 2026\r\n\t10:11:12 +0100", "2026-11-20"},
		{"no such zone", "Fri, 20 Nov 2026 23:11:12 +9999", "2026-11-20"},
		{"no such day", "31 Feb 2026 10:00:00 +0000", "1970-01-01"},
		{"before mail", "1 Jan 1960 00:00:00 +0000", "1970-01-01"},
		{"far future", "1 Jan 2999 00:00:00 +0000", "1970-01-01"},
		{"year that overflows", "1 Jan 99999999999 00:00:00 +0000", "1970-01-01"},
		{"words", "yesterday", "1970-01-01"},
		{"empty", "", "1970-01-01"},
		{"only a zone", "+0100", "1970-01-01"},
		{"raw bytes", "\xff\xfe\x80", "1970-01-01"},
	};

	check_rows(PART_DAY, "Date", rows, G_N_ELEMENTS(rows));
}

static void
test_internaldates(void)
{
	static const struct {
		gint64 internaldate;
		const char *day;
	} rows[] = {
		{0, "1970-01-01."},	     {1795219199, "2026-11-20."}, /* 23:59:59 UTC */
		{1795219200, "2026-11-21."}, {-1, "1970-01-01."},
		{G_MININT64, "1970-01-01."}, {G_MAXINT64, "9999-12-31."},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = message_name_from_header("", 0, rows[i].internaldate, 0);

		check_name(name);
		g_assert_true(g_str_has_prefix(name, rows[i].day));
	}
}

static void
test_senders(void)
{
	static const Row rows[] = {
		{"quoted", "\"Alice Smith\" <alice@example.org>", "Alice-Smith"},
		{"unquoted", "Alice Smith <alice@example.org>", "Alice-Smith"},
		{"address", "alice@example.org", "alice@example-org"},
		{"address in brackets", "<alice.smith+x@example.org>", "alice-smith+x@example-org"},
		{"comment", "alice@example.org (Alice Smith)", "Alice-Smith"},
		{"comma", "\"Smith, Alice\" <alice@example.org>", "Smith-Alice"},
		{"escaped quote", "\"Alice \\\"Al\\\" Smith\" <a@b>", "Alice-Al-Smith"},
		{"first of two", "Alice <a@b>, Bob <b@c>", "Alice"},
		{"empty name", "\"\" <alice@example.org>", "alice@example-org"},
		{"name of nothing", "\"...\" <alice@example.org>", "alice@example-org"},
		{"group", "Friends: Alice <a@b>;", "Friends"},
		{"no address", "Alice Smith", "Alice-Smith"},
		{"nothing", "", "unknown"},
		{"empty address", "<>", "unknown"},
		{"brackets the wrong way", "> Alice <", "Alice"},
		{"encoded", "=?utf-8?q?Alice_M=C3=BCller?= <a@b>", "Alice-Müller"},
		{"encoded in quotes", "\"=?iso-8859-1?Q?M=FCller?=\" <a@b>", "Müller"},
		{"encoded in two words", "=?utf-8?B?w6k=?= =?utf-8?B?w6k=?= <a@b>", "éé"},
		{"raw UTF-8", "Alice Müller <a@b>", "Alice-Müller"},
		{"raw Latin-1", "Alice M\xfcller <a@b>", "Alice-Müller"},
		{"folded", "\"Alice\r\n Smith\"\r\n <a@b>", "Alice-Smith"},
		{"path", "\"../../etc/passwd\" <a@b>", "etc-passwd"},
		{"for a shell", "\"-rf $(x) `y` ;|&*?\" <a@b>", "rf-x-y"},
	};

	check_rows(PART_SENDER, "From", rows, G_N_ELEMENTS(rows));
}

static void
test_subjects(void)
{
	static const Row rows[] = {
		{"usual", "Re: Budget for 2027", "Re-Budget-for-2027"},
		{"none", "", "no-subject"},
		{"only punctuation", " -- !? -- ", "no-subject"},
		{"dots", "..hidden.tar.gz.", "hidden-tar-gz"},
		{"kept", "a_b+c@d", "a_b+c@d"},
		{"folded", "one\r\n two\n\tthree", "one-two-three"},
		{"encoded", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
		{"split inside a character", "=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"},
		{"spaces in an encoded word", "=?utf-8?Q?a b?=", "a-b"},
		{"unknown charset", "=?x-nothing?Q?abc?=", "abc"},
		{"broken base64", "=?utf-8?B?YWJj*ZGVm?=", "abcdef"},
		{"never closed", "=?utf-8?Q?abc", "utf-8-Q-abc"},
		{"Japanese", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
		{"raw UTF-8", "日本語 テスト", "日本語-テスト"},
		{"raw Latin-1", "caf\xe9 bar", "café-bar"},
		{"raw euro of Windows", "\x80\x35", "5"},
		{"decomposed", "cafe\xcc\x81", "café"},
		{"mark without a letter", "- \xcc\x81 a", "a"},
		{"mark after a digit", "1\xcc\x81 a", "1́-a"},
		{"Devanagari", "नमस्ते दुनिया", "नमस्ते-दुनिया"},
		{"bidi",
		 "a\xe2\x80\xae"
		 "b\xe2\x81\xa6"
		 "c\xe2\x80\x8f",
		 "a-b-c"},
		{"zero width",
		 "a\xe2\x80\x8b"
		 "b\xef\xbb\xbf"
		 "c\xe2\x80\x8d"
		 "d",
		 "a-b-c-d"},
		{"separators",
		 "a\xe2\x80\xa8"
		 "b\xe2\x80\xa9"
		 "c\xc2\xa0"
		 "d",
		 "a-b-c-d"},
		{"unseen letters",
		 "a\xe3\x85\xa4"
		 "b\xef\xb8\x8f"
		 "c\xe1\x85\xa0",
		 "a-b-c"},
		{"symbols and private use",
		 "a\xf0\x9f\x98\x80"
		 "b\xee\x80\x80"
		 "c",
		 "a-b-c"},
		{"unassigned",
		 "a\xf3\x90\x80\x80"
		 "b\xef\xbf\xbf"
		 "c",
		 "a-b-c"},
		{"controls",
		 "a\001b\x7f"
		 "c\x1b[1md",
		 "a-b-c-1md"},
		{"slashes", "a/b\\c", "a-b-c"},
		{"fullwidth slash", "a／b", "a-b"},
	};

	check_rows(PART_SUBJECT, "Subject", rows, G_N_ELEMENTS(rows));
}

/* Whole headers, with what stands around the fields. */
static void
test_headers(void)
{
#define HEADER(label, text, name)                                                                  \
	{                                                                                          \
		label, text, sizeof(text) - 1, name                                                \
	}
	static const struct {
		const char *label;
		const char *header;
		gsize length;
		const char *expected;
	} rows[] = {
		HEADER("as in the manual",
		       "Date: Fri, 20 Nov 2026 10:11:12 +0100\r\n"
		       "From: \"Alice Smith\" <alice@example.org>\r\n"
		       "Subject: Re: Budget for 2027\r\n" MESSAGE_ID "\r\n",
		       "2026-11-20.Alice-Smith.Re-Budget-for-2027.r1s3y.eml"),
		HEADER("other order and case, bare LF, no end",
		       "MESSAGE-ID:<1@example.org>\nsubject :x\nFROM\t: a@b",
		       "1970-01-01.a@b.x.r1s3y.eml"),
		HEADER("the first of two",
		       "Subject: one\r\nSubject: two\r\n" MESSAGE_ID "Message-ID: <2@b>\r\n",
		       "1970-01-01.unknown.one.r1s3y.eml"),
		HEADER("nothing after the header", MESSAGE_ID "\r\nSubject: body\r\n",
		       "1970-01-01.unknown.no-subject.r1s3y.eml"),
		HEADER("line without a colon",
		       "From me to you\r\n " MESSAGE_ID MESSAGE_ID "Subject: x\r\n\r\n",
		       "1970-01-01.unknown.x.r1s3y.eml"),
		HEADER("longer names",
		       "X-Subject: a\r\nSubject-X: b\r\nSubjec: c\r\n: d\r\n" MESSAGE_ID,
		       "1970-01-01.unknown.no-subject.r1s3y.eml"),
		HEADER("NULs",
		       "Sub\0ject: a\r\nSubject: b\0c\r\nFrom: \0Alice\0 <a@b>\r\n" MESSAGE_ID,
		       "1970-01-01.Alice.b-c.r1s3y.eml"),
		HEADER("folded Message-ID", "Message-ID:\r\n <1@example.org>  \r\n\r\n",
		       "1970-01-01.unknown.no-subject.r1s3y.eml"),
		HEADER("Message-ID with a space", "Message-ID: <a b>\r\n",
		       "1970-01-01.unknown.no-subject.wvqek.eml"),
		HEADER("no Message-ID", "Subject: Hi\r\n\r\n", "1970-01-01.unknown.Hi.wrtj3.eml"),
		HEADER("no Message-ID, another server", "Subject: Hi\r\n",
		       "1970-01-01.unknown.Hi.wrtj3.eml"),
		HEADER("nothing", "", "1970-01-01.unknown.no-subject.werc8.eml"),
	};
#undef HEADER

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		/* An exact copy lets a sanitizer see a read behind the end. */
		g_autofree char *copy = g_memdup2(rows[i].header, rows[i].length);
		g_autofree char *name = message_name_from_header(copy, rows[i].length, 0, 0);

		check_name(name);
		if (!g_str_equal(name, rows[i].expected))
			g_test_fail_printf("%s: got %s, not %s", rows[i].label, name,
					   rows[i].expected);
	}
}

/* Plain values do not go through GMime. The same values with something behind them that makes
 * nothing of the name, but that only GMime understands, must give the same. */
static void
test_fast_is_slow(void)
{
	static const char *const senders[] = {
		"\"Alice Smith\" <alice@example.org>",
		"Alice Smith <alice@example.org>",
		"alice@example.org",
		"a@b",
		"<alice@example.org>",
		"\"\" <alice@example.org>",
		"\"--\" <alice@example.org>",
		"\"Smith, Alice (x) [y] <z> @;:.\" <alice@example.org>",
		"\"a\"<b-c_d+e@f-g.h>",
		"\"Alice Smith\"\r\n <alice@example.org>",
		"\"x\" <a.b@c.d>",
		"Alice  -  Smith   <alice@example.org>",
		"=?utf-8?Q?Jos=C3=A9_N=C3=BA=C3=B1ez?= <jose@example.es>",
		"=?koi8-r?B?7sHUwczY0Q==?=\r\n =?koi8-r?B?6dfBzs/XwQ==?= <n@example.ru>",
		"=?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@example.jp>",
		"=?utf-8?B?4LiqIOC4?= =?utf-8?B?og==?= <a@b>",
		"=?gb2312?B?zfXQocP3?=<a@b>",
		"=?utf-8?Q?=22a=22_=3Cb=40c=3E?= <a@b>",
		"=?utf-8?Q?a?= =?x-unknown?Q?b=E9?= =?utf-8*en?q?c?= <a@b>",
		"=?utf-8?Q?=?= <a@b>",
		"=?utf-8?X?abc?= <a@b>",
		"=?utf-8?Q?a?b?= <a@b>",
		"=?Q?abcdefg?= <a@b>",
		"=?utf-8?Q?a?==?utf-8?Q?b?= <a@b>",
		"=?utf-8?B?w6k?= =?utf-8?B?w6k?= <a@b>",
	};
	static const char *const subjects[] = {
		"Re: Budget for 2027",
		"",
		"  a  b  ",
		"= ? x = ",
		"a\r\n b",
		"\"quoted\" (comment) <angle> \\back",
		"\x1b$B$\"\x1b(B",
		"a\001b\tc",
	};
	static const char *const dates[] = {
		"Fri, 20 Nov 2026 23:59:59 +0100",
		"Fri, 20 Nov 2026 00:00:00 -1200",
		"20 Nov 2026 +0100",
		"20 Nov -2026",
		"2026-11-20 +0100",
		"31 Feb 2026 10:00:00 +0100",
		"Fri, 20 Nov 2026 25:00:00 +0100",
		"20 +2026",
	};
	static const struct {
		guint part;
		const char *field;
		const char *behind;
		const char *const *values;
		gsize n_values;
	} rows[] = {
		{PART_SENDER, "From", ", Bob <b@c>", senders, G_N_ELEMENTS(senders)},
		{PART_SUBJECT, "Subject", " =?utf-8?Q?=21?=", subjects, G_N_ELEMENTS(subjects)},
		{PART_DAY, "Date", " (x)", dates, G_N_ELEMENTS(dates)},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (gsize j = 0; j < rows[i].n_values; j++) {
			const char *value = rows[i].values[j];
			g_autofree char *longer = g_strconcat(value, rows[i].behind, NULL);
			g_autofree char *fast = part_of(rows[i].part, rows[i].field, value);
			g_autofree char *slow = part_of(rows[i].part, rows[i].field, longer);

			g_assert_cmpstr(fast, ==, slow);
		}
	}
}

/* @n_times @text. */
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
		guint part;
		const char *field;
		const char *text; /* repeated far beyond every limit */
		gsize length;	  /* that stays of it */
	} rows[] = {
		{"ASCII", PART_SUBJECT, "Subject", "a", 215},
		{"no '-' at the end", PART_SUBJECT, "Subject", "abcd ", 214},
		{"two bytes", PART_SUBJECT, "Subject", "é", 214},
		{"four bytes", PART_SUBJECT, "Subject", "𠀀", 212},
		{"letter and mark", PART_SUBJECT, "Subject", "x\xcc\x81", 213},
		{"letter and two marks", PART_SUBJECT, "Subject", "x\xcc\xa7\xcc\x81", 215},
		{"encoded", PART_SUBJECT, "Subject", "=?utf-8?Q?=C3=A9?= ", 214},
		{"ASCII sender", PART_SENDER, "From", "a", 60},
		{"sender", PART_SENDER, "From", "日", 60},
		{"sender with marks", PART_SENDER, "From", "xx\xcc\xa7\xcc\x81y", 57},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *value = repeat(rows[i].text, 1000);
		g_autofree char *got = part_of(rows[i].part, rows[i].field, value);

		if (strlen(got) != rows[i].length)
			g_test_fail_printf("%s: %zu bytes, not %zu", rows[i].label, strlen(got),
					   rows[i].length);
	}
}

/* A letter with more marks than a name has room for stays a letter with some of them. */
static void
test_many_marks(void)
{
	g_autofree char *marks = repeat("\xcc\xb6", 500);
	g_autofree char *value = g_strconcat("x", marks, NULL);
	g_autofree char *got = part_of(PART_SUBJECT, "Subject", value);

	g_assert_true(g_str_has_prefix(got, "x\xcc\xb6"));
	g_assert_cmpuint(strlen(got), ==, 215);
}

/* A megabyte of anything is a name, and soon. */
static void
test_garbage(void)
{
	static const char *const texts[] = {
		"(",	")", "\"",   "<",  ",",	    ";",    "=?utf-8?q?a?= ", "g:", "\xcc\xa7",
		"\xff", "[", "a@b,", "\n", "\r\n ", "\001", "=?utf-8?b?",     "\r", "\xf0\x9f",
	};
	static const char *const fields[] = {"", "Date: ", "From: ", "Subject: ", "Message-ID: "};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *text = repeat(texts[i], (1 << 20) / strlen(texts[i]));

		for (gsize j = 0; j < G_N_ELEMENTS(fields); j++) {
			g_autofree char *header = g_strconcat(fields[j], text, NULL);
			g_autofree char *name = message_name_from_header(header, strlen(header), 0, 0);

			check_name(name);
		}
	}
}

static void
test_random(void)
{
	static const char *const pieces[] = {
		"Date: ",
		"From: ",
		"Subject: ",
		"Message-ID: ",
		"\r\n",
		"\n",
		"\r\n ",
		"20 Nov 2026",
		" 10:11:12",
		" +0100",
		"\"",
		"Alice",
		"<",
		"a@b",
		">",
		",",
		";",
		":",
		"(",
		")",
		"\\",
		"=?utf-8?q?",
		"=?utf-8?b?",
		"=?gb2312?B?",
		"=?iso-2022-jp?B?",
		"?=",
		"=C3=A9",
		"w6k=",
		"é",
		"\xff",
		"e\xcc\x81",
		"\xcc\xa7",
		"\xe2\x80\xae",
		"日",
		"😀",
		"-",
		".",
		"क",
		"\xe0\xa5\x8d",
		"\xe1\x84\x80",
		"\xe1\x85\xa1",
	};

	for (guint i = 0; i < 20000; i++) {
		g_autoptr(GString) header = g_string_new(NULL);
		g_autofree char *copy = NULL;
		g_autofree char *name = NULL;

		for (gint n = g_test_rand_int_range(0, 40); n > 0; n--) {
			gint piece = g_test_rand_int_range(0, 2 * (gint)G_N_ELEMENTS(pieces));

			if (piece < (gint)G_N_ELEMENTS(pieces))
				g_string_append(header, pieces[piece]);
			else
				g_string_append_c(header, (char)g_test_rand_int_range(0, 256));
		}
		copy = g_memdup2(header->str, header->len);
		name = message_name_from_header(copy, header->len, g_test_rand_int(), 0);
		check_name(name);
	}
}

static gboolean
is_taken_for_composed(gunichar c)
{
	char text[7] = {0};

	g_unichar_to_utf8(c, text);
	return file_name_is_composed(text);
}

/* What skips the normal form must not need it: a character that stays as it is, sorts with no other
 * and joins none before it. */
static void
test_composed(void)
{
	for (gunichar c = 1; c <= 0x10ffff; c++) {
		char text[7] = {0};
		g_autofree char *composed = NULL;
		gunichar first, second;

		if (!g_unichar_validate(c))
			continue;
		if (g_unichar_decompose(c, &first, &second) && second != 0)
			g_assert_false(is_taken_for_composed(second));
		if (!is_taken_for_composed(c))
			continue;
		g_unichar_to_utf8(c, text);
		composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
		g_assert_cmpstr(composed, ==, text);
		g_assert_cmpint(g_unichar_combining_class(c), ==, 0);
	}
}

static void
test_uids(void)
{
	g_autofree char *from_uid = message_name_from_uid(4294967295);
	g_autofree char *long_ascii = repeat("a", 255);
	g_autofree char *long_text = repeat("é", 127);
	const struct {
		const char *name;
		guint32 uid;
		const char *tail;
		gsize length;
	} rows[] = {
		{"2026-11-20.a.b.k3f9q.eml", 4711, "k3f9q~4711.eml", 29},
		{"note.eml", 1, "note~1.eml", 10},
		{"note", 1, "note~1", 6},
		{".eml", 1, "~1.eml", 6},
		{long_ascii, 4294967295, "aaa~4294967295", 255},
		{long_text, 4294967295, "é~4294967295", 255},
		{long_text, 429496729, "é~429496729", 254},
	};

	g_assert_cmpstr(from_uid, ==, "4294967295.eml");
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = message_name_with_uid(rows[i].name, rows[i].uid);

		g_assert_true(g_str_has_suffix(name, rows[i].tail));
		g_assert_cmpuint(strlen(name), ==, rows[i].length);
		g_assert_true(g_utf8_validate(name, -1, NULL));
	}
}

static void
test_hash(void)
{
	g_autofree char *text = repeat("a", 300);
	char hash[9] = {0};

	file_name_hash(hash, 8, text, strlen(text), 0);
	g_assert_cmpstr(hash, ==, "k0tzmtzm");
	file_name_hash(hash, 8, text, strlen(text), 4711);
	g_assert_cmpstr(hash, ==, "c3hfnxrt");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	message_name_init();
	message_name_init();
	g_test_add_func("/message-name/dates", test_dates);
	g_test_add_func("/message-name/internaldates", test_internaldates);
	g_test_add_func("/message-name/senders", test_senders);
	g_test_add_func("/message-name/subjects", test_subjects);
	g_test_add_func("/message-name/headers", test_headers);
	g_test_add_func("/message-name/fast-is-slow", test_fast_is_slow);
	g_test_add_func("/message-name/cut", test_cut);
	g_test_add_func("/message-name/many-marks", test_many_marks);
	g_test_add_func("/message-name/garbage", test_garbage);
	g_test_add_func("/message-name/random", test_random);
	g_test_add_func("/message-name/composed", test_composed);
	g_test_add_func("/message-name/uids", test_uids);
	g_test_add_func("/file-name/hash", test_hash);
	return g_test_run();
}
