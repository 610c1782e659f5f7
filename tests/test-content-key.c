/*
 * test-content-key.c: headers of the same message, and of others.
 */
#include "content-key.h"

#include <string.h>

#define DATE    "Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
#define FROM    "From: Alice <alice@example.org>\r\n"
#define SUBJECT "Subject: Budget for 2027\r\n"
#define ID      "Message-ID: <1@example.org>\r\n"
#define ALL     DATE FROM SUBJECT ID

typedef struct {
	const char *label, *one, *other;
	gboolean same;
} Row;

static const Row rows[] = {
	{"the same", ALL, ALL, TRUE},
	{"another order", ALL, ID SUBJECT FROM DATE, TRUE},
	{"an empty line behind it", ALL, ALL "\r\n", TRUE},
	{"a body", ALL, ALL "\r\nSubject: no\r\n", TRUE},
	{"other fields", ALL, "Received: x\r\n y\r\n" DATE FROM "To: x\r\n" SUBJECT ID, TRUE},
	{"folded", DATE FROM SUBJECT ID,
         DATE "From: Alice\r\n <alice@example.org>\r\nSubject:\r\n\tBudget\r\n   for 2027\r\n" ID,
         TRUE},
	{"LF alone", "Subject: a\r\n b\r\nDate: c\r\n", "Subject: a\n b\nDate: c\n", TRUE},
	{"names in any case", SUBJECT, "SUBJECT: Budget for 2027\r\n", TRUE},
	{"no space", SUBJECT, "Subject:Budget for 2027\r\n", TRUE},
	{"space before the colon", SUBJECT, "Subject : Budget for 2027\r\n", TRUE},
	{"no end of the line", SUBJECT, "Subject: Budget for 2027", TRUE},
	{"the first of each", SUBJECT, SUBJECT "Subject: another\r\n", TRUE},
	{"8 bits for '?'", "Subject: f\xc3\xbcr\r\n", "Subject: f??r\r\n", TRUE},
	{"8 bits for other ones", "Subject: f\xc3\xbcr\r\n", "Subject: f\xfcr\r\n", TRUE},
	{"empty and none", "Date: x\r\nSubject:\r\n", "Date: x\r\nSubject: \r\n\r\n", TRUE},
	{"another date", ALL, "Date: Fri, 20 Nov 2026 10:00:01 +0100\r\n" FROM SUBJECT ID, FALSE},
	{"another sender", ALL, DATE "From: alice@example.org\r\n" SUBJECT ID, FALSE},
	{"another subject", ALL, DATE FROM "Subject: Budget for 2028\r\n" ID, FALSE},
	{"another Message-ID", ALL, DATE FROM SUBJECT "Message-ID: <2@example.org>\r\n", FALSE},
	{"one less", ALL, DATE FROM SUBJECT, FALSE},
	{"words run together", SUBJECT, "Subject: Budgetfor 2027\r\n", FALSE},
	{"a value elsewhere", "Subject: x\r\n", "From: x\r\n", FALSE},
	{"two for one", "Date: x\r\nFrom: y\r\n", "Date: x from:y\r\n", FALSE},
	{"begins the same", DATE SUBJECT, DATE "Subject-X: Budget for 2027\r\n", FALSE},
};

static const Row none[] = {
	{"nothing", "", NULL, FALSE},
	{"an empty line", "\r\n", NULL, FALSE},
	{"others", "To: x\r\nDates: y\r\nX: Date: z\r\n", NULL, FALSE},
	{"in a continuation", "To: x\r\n Date: y\r\n", NULL, FALSE},
	{"in the body", "To: x\r\n\r\n" ALL, NULL, FALSE},
	{"in the body, LF", "To: x\n\n" ALL, NULL, FALSE},
	{"no colon", "Date\r\nSubject", NULL, FALSE},
	{"all empty", "Date:\r\nFrom: \r\n \r\nSubject:", NULL, FALSE},
	{"a lone CR", "\r", NULL, FALSE},
};

static guint64
key_of(const char *header)
{
	/* Without a NUL behind it, so that reading on is found. */
	gsize length = strlen(header);
	g_autofree char *copy = g_memdup2(header, length);

	return content_key_of_header(copy, length);
}

static void
test_pairs(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		guint64 one = key_of(rows[i].one), other = key_of(rows[i].other);

		g_test_message("%s", rows[i].label);
		g_assert_true((one == other) == rows[i].same);
		g_assert_true(one && other && one <= G_MAXINT64 && other <= G_MAXINT64);
	}
}

static void
test_none(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(none); i++) {
		g_test_message("%s", none[i].label);
		g_assert_cmpuint(key_of(none[i].one), ==, 0);
	}
}

/* It stands in files, so it stays the same. */
static void
test_value(void)
{
	g_assert_cmphex(key_of(ALL), ==, 0x3102aebcf3d4e7de);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/content-key/pairs", test_pairs);
	g_test_add_func("/content-key/none", test_none);
	g_test_add_func("/content-key/value", test_value);
	return g_test_run();
}
