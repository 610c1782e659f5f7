/*
 * test-scan-parts.c: in which order messages are told, whoever brings them first.
 */
#include "scan-parts.h"

static void
on_told(const RemoteMessage *message, gpointer data)
{
	g_array_append_val((GArray *)data, message->uid);
}

static void
add(ScanParts *parts, ScanPart *part, guint32 first, guint32 last)
{
	for (guint32 uid = first; uid <= last; uid++) {
		const RemoteMessage message = {.uid = uid, .header = "a: b", .header_length = 4};

		g_assert_true(scan_parts_find(parts, uid) == part);
		scan_part_add(parts, part, &message);
	}
}

static void
check_told(const GArray *told, guint n)
{
	g_assert_cmpuint(told->len, ==, n);
	for (guint i = 0; i < n; i++)
		g_assert_cmpuint(g_array_index(told, guint32, i), ==, i + 1);
}

static void
check_part(const ScanPart *part, guint32 first, guint32 last)
{
	g_assert_nonnull(part);
	g_assert_cmpuint(part->first, ==, first);
	g_assert_cmpuint(part->last, ==, last);
}

/* What is small, or not known, or cannot be, is not cut. */
static void
test_one_part(void)
{
	const struct {
		guint32 first, messages, uidnext;
	} rows[] = {
		{1, 0, 0},         {1, 19999, 20000}, {1, 30000, 0},          {1, 30000, 30000},
		{5, 30000, 30001}, {40000, 30000, 7}, {1, 30000, 4294967295}, {1, G_MAXUINT32, 9},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GArray) told = g_array_new(FALSE, FALSE, sizeof(guint32));
		ScanParts *parts = scan_parts_new(rows[i].first, G_MAXUINT32, rows[i].messages,
		                                  rows[i].uidnext, on_told, told);
		ScanPart *part = scan_parts_take(parts, G_MAXUINT / 2);

		check_part(part, rows[i].first, G_MAXUINT32);
		g_assert_null(scan_parts_take(parts, 5000));
		g_assert_false(scan_parts_have_more(parts));
		scan_part_end(parts, part);
		g_assert_false(scan_parts_tell(parts, 1));
		g_assert_true(scan_parts_are_over(parts));
		scan_parts_free(parts);
	}
}

/* 30,000 messages, every second UID: parts of as many messages as asked for, and a last one without
 * an end. */
static void
test_cuts(void)
{
	g_autoptr(GArray) told = g_array_new(FALSE, FALSE, sizeof(guint32));
	ScanParts *parts = scan_parts_new(1, G_MAXUINT32, 30000, 60001, on_told, told);

	g_assert_true(scan_parts_are_many(parts));
	check_part(scan_parts_take(parts, 5000), 1, 10000);
	check_part(scan_parts_take(parts, 10), 10001, 12000);          /* no part is tiny */
	check_part(scan_parts_take(parts, 20000), 12001, G_MAXUINT32); /* nor is the rest */
	g_assert_null(scan_parts_take(parts, 5000));
	g_assert_cmpuint(scan_parts_n_left(parts), ==, 30000);
	scan_parts_free(parts);
}

static ScanParts *
three_parts(GArray *told, ScanPart **part)
{
	ScanParts *parts = scan_parts_new(1, G_MAXUINT32, 30000, 30001, on_told, told);

	for (guint i = 0; i < 3; i++)
		part[i] = scan_parts_take(parts, i < 2 ? 10000 : 30000);
	check_part(part[0], 1, 10000);
	check_part(part[1], 10001, 20000);
	check_part(part[2], 20001, G_MAXUINT32);
	return parts;
}

static void
test_order(void)
{
	g_autoptr(GArray) told = g_array_new(FALSE, FALSE, sizeof(guint32));
	ScanPart *part[3];
	ScanParts *parts = three_parts(told, part);

	add(parts, part[1], 10001, 10100);
	add(parts, part[2], 20001, 20100);
	check_told(told, 0);
	add(parts, part[0], 1, 10000);
	check_told(told, 10000);
	scan_part_end(parts, part[0]);
	g_assert_true(scan_parts_tell(parts, 60));
	check_told(told, 10060);
	add(parts, part[1], 10101, 10110); /* behind those that wait */
	check_told(told, 10060);
	g_assert_false(scan_parts_tell(parts, 60));
	check_told(told, 10110);
	add(parts, part[1], 10111, 20000);
	check_told(told, 20000);
	scan_part_end(parts, part[2]);
	g_assert_false(scan_parts_tell(parts, 1000));
	check_told(told, 20000);
	scan_part_end(parts, part[1]);
	g_assert_false(scan_parts_tell(parts, 1000));
	check_told(told, 20100);
	g_assert_true(scan_parts_are_over(parts));
	g_assert_cmpuint(scan_parts_n_come(parts), ==, 20100);
	scan_parts_free(parts);
}

/* A part that broke off is the next to be taken, and what came of it is not told. */
static void
test_put_back(void)
{
	g_autoptr(GArray) told = g_array_new(FALSE, FALSE, sizeof(guint32));
	ScanPart *part[3];
	ScanParts *parts = three_parts(told, part);

	add(parts, part[1], 10001, 15000);
	scan_part_put_back(parts, part[1]);
	g_assert_cmpuint(scan_parts_n_come(parts), ==, 0);
	g_assert_true(scan_parts_have_more(parts));
	g_assert_true(scan_parts_take(parts, 1) == part[1]);
	add(parts, part[1], 10001, 20000);
	scan_part_end(parts, part[1]);
	add(parts, part[0], 1, 10000);
	scan_part_end(parts, part[0]);
	while (scan_parts_tell(parts, 500))
		;
	check_told(told, 20000);
	g_assert_false(scan_parts_are_over(parts));
	scan_parts_free(parts);
}

/* Nothing but the first part is begun while much is kept, and there is an end of keeping. */
static void
test_bounds(void)
{
	g_autoptr(GArray) told = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_autofree char *header = g_strnfill(100000, 'x');
	ScanParts *parts = scan_parts_new(1, G_MAXUINT32, 100000, 100001, on_told, told);
	ScanPart *first = scan_parts_take(parts, 10000), *second = scan_parts_take(parts, 10000);
	RemoteMessage message = {.header = header, .header_length = 100000, .flags = "x"};

	for (message.uid = 10001; message.uid <= 10100; message.uid++)
		scan_part_add(parts, second, &message);
	g_assert_null(scan_parts_take(parts, 10000));
	scan_part_put_back(parts, first);
	g_assert_true(scan_parts_take(parts, 10000) == first);
	for (; message.uid <= 10400; message.uid++)
		scan_part_add(parts, second, &message);
	scan_part_end(parts, second); /* too much has come: all of it is asked for again */
	g_assert_false(second->ended);
	g_assert_true(scan_parts_take(parts, 10000) == second);
	scan_part_end(parts, first);
	g_assert_false(scan_parts_tell(parts, 500));
	g_assert_cmpuint(told->len, ==, 0);
	scan_part_add(parts, second, &message);
	g_assert_cmpuint(told->len, ==, 1);
	scan_parts_free(parts);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/scan-parts/one", test_one_part);
	g_test_add_func("/scan-parts/cuts", test_cuts);
	g_test_add_func("/scan-parts/order", test_order);
	g_test_add_func("/scan-parts/put-back", test_put_back);
	g_test_add_func("/scan-parts/bounds", test_bounds);
	return g_test_run();
}
