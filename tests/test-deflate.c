/*
 * test-deflate.c: the codec of COMPRESS=DEFLATE against itself and against plain zlib, cut in every
 * way, and against what no honest server sends.
 */
#include <string.h>
#include <zlib.h>

#include "deflate.h"
#include "error-name.h"

#define GUARD 0xa5

/* --- what is sent --- */

static GByteArray *
make_text(GRand *lots, gsize length)
{
	GByteArray *text = g_byte_array_new();

	while (text->len < length) {
		g_autofree char *line = g_strdup_printf(
			"* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE %d)\r\n",
			g_rand_int_range(lots, 1, 9), text->len, g_rand_int_range(lots, 1, 100000));

		g_byte_array_append(text, (guint8 *)line, (guint)strlen(line));
	}
	g_byte_array_set_size(text, (guint)length);
	return text;
}

static GByteArray *
make_noise(GRand *lots, gsize length)
{
	GByteArray *noise = g_byte_array_new();

	g_byte_array_set_size(noise, (guint)length);
	for (gsize i = 0; i < length; i++)
		noise->data[i] = (guint8)g_rand_int(lots);
	return noise;
}

/* @length zeros at zlib's highest level, with @flush at the end. */
static GByteArray *
make_zeros(gsize length, int flush)
{
	static const guint8 zeros[65536];
	GByteArray *packed = g_byte_array_new();
	z_stream out = {0};

	g_assert_cmpint(deflateInit2(&out, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), ==, Z_OK);
	g_byte_array_set_size(packed, (guint)(length / 500 + 1024));
	out.next_out = packed->data;
	out.avail_out = packed->len;
	for (gsize done = 0; done < length; done += sizeof(zeros)) {
		out.next_in = (guint8 *)zeros;
		out.avail_in = (uInt)MIN(sizeof(zeros), length - done);
		g_assert_cmpint(deflate(&out, Z_NO_FLUSH), ==, Z_OK);
	}
	deflate(&out, flush);
	g_assert_cmpuint(out.avail_out, >, 0);
	g_byte_array_set_size(packed, packed->len - out.avail_out);
	deflateEnd(&out);
	return packed;
}

/* --- taking it in --- */

/* Gives @data to the codec and takes what comes, in pieces of at most @size bytes; nothing may be
 * written behind a piece. */
static void
take(ImapDeflate *codec, const guint8 *data, gsize length, gsize size, GByteArray *taken,
     GError **error)
{
	g_autofree guint8 *buffer = g_malloc(size + 16);
	gsize n;

	do {
		memset(buffer + size, GUARD, 16);
		n = deflate_unpack(codec, &data, &length, buffer, size, error);
		g_assert_cmpuint(n, <=, size);
		for (guint i = 0; i < 16; i++)
			g_assert_cmpuint(buffer[size + i], ==, GUARD);
		g_byte_array_append(taken, buffer, (guint)n);
	} while (n == size && !*error);
	g_assert_true(*error || length == 0);
}

static void
assert_same(const GByteArray *a, const GByteArray *b)
{
	g_assert_cmpmem(a->data, a->len, b->data, b->len);
}

/* --- round trips --- */

typedef struct {
	gsize length;
	gsize piece; /* bytes packed at once */
	gsize cut;   /* bytes given at once */
	gsize size;  /* of the reader's buffer */
} RoundTrip;

static void
check_round_trip(const RoundTrip *row, const GByteArray *text)
{
	g_autoptr(ImapDeflate) sender = deflate_new();
	g_autoptr(ImapDeflate) receiver = deflate_new();
	g_autoptr(GByteArray) packed = g_byte_array_new();
	g_autoptr(GByteArray) taken = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	for (gsize at = 0; at < text->len; at += row->piece)
		deflate_pack(sender, text->data + at, MIN(row->piece, text->len - at), packed);
	for (gsize at = 0; at < packed->len; at += row->cut)
		take(receiver, packed->data + at, MIN(row->cut, packed->len - at), row->size, taken,
		     &error);
	g_assert_no_error(error);
	assert_same(taken, text);
}

static void
test_round_trips(void)
{
	static const RoundTrip rows[] = {
		{1, 1, 1, 1},
		{100, 1, 1, 1},
		{100, 100, 1, 1000},
		{4096, 4096, 4096, 4096},
		{65536, 7, 3, 65536},
		{65537, 65537, 1, 1},
		{1000000, 1000000, 1000000, 65536},
		{1000000, 333, 16384, 65536},
		{1000000, 65536, 1, 65536},
		{1000000, 100000, 16384, 1},
	};
	g_autoptr(GRand) lots = g_rand_new_with_seed(1);

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GByteArray) text = make_text(lots, rows[i].length);
		g_autoptr(GByteArray) noise = make_noise(lots, rows[i].length);

		check_round_trip(&rows[i], text);
		check_round_trip(&rows[i], noise);
	}
}

static void
test_random_cuts(void)
{
	g_autoptr(GRand) lots = g_rand_new_with_seed(2);

	for (guint round = 0; round < 200; round++) {
		g_autoptr(GByteArray) text =
			make_text(lots, (gsize)g_rand_int_range(lots, 1, 50000));
		g_autoptr(ImapDeflate) sender = deflate_new();
		g_autoptr(ImapDeflate) receiver = deflate_new();
		g_autoptr(GByteArray) packed = g_byte_array_new();
		g_autoptr(GByteArray) taken = g_byte_array_new();
		g_autoptr(GError) error = NULL;

		for (gsize at = 0, n; at < text->len; at += n) {
			n = (gsize)g_rand_int_range(lots, 1, 5000);
			n = MIN(n, text->len - at);
			deflate_pack(sender, text->data + at, n, packed);
		}
		for (gsize at = 0, n; at < packed->len; at += n) {
			n = (gsize)g_rand_int_range(lots, 1, 3000);
			n = MIN(n, packed->len - at);
			take(receiver, packed->data + at, n,
			     (gsize)g_rand_int_range(lots, 1, 20000), taken, &error);
		}
		g_assert_no_error(error);
		assert_same(taken, text);
	}
}

/* What was packed can be read at once, and small as it is it gets smaller by being repeated. */
static void
test_flush(void)
{
	static const char line[] = "4711.deadbeef UID FETCH 17 (UID BODY.PEEK[]<0.131072>)\r\n";
	g_autoptr(ImapDeflate) sender = deflate_new();
	g_autoptr(ImapDeflate) receiver = deflate_new();

	for (guint i = 0; i < 100; i++) {
		g_autoptr(GByteArray) packed = g_byte_array_new();
		g_autoptr(GByteArray) taken = g_byte_array_new();
		g_autoptr(GError) error = NULL;

		deflate_pack(sender, (const guint8 *)line, strlen(line), packed);
		g_assert_cmpmem(packed->data + packed->len - 4, 4, "\0\0\xff\xff", 4);
		if (i)
			g_assert_cmpuint(packed->len, <, strlen(line) / 3);
		take(receiver, packed->data, packed->len, 4096, taken, &error);
		g_assert_no_error(error);
		g_assert_cmpmem(taken->data, taken->len, line, strlen(line));
	}
}

static void
test_nothing(void)
{
	g_autoptr(ImapDeflate) codec = deflate_new();
	g_autoptr(GByteArray) packed = g_byte_array_new();
	g_autoptr(GByteArray) taken = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	deflate_pack(codec, (const guint8 *)"", 0, packed);
	g_assert_cmpuint(packed->len, ==, 0);
	take(codec, (const guint8 *)"", 0, 10, taken, &error);
	take(codec, (const guint8 *)"", 0, 10, taken, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(taken->len, ==, 0);
}

/* Plain zlib understands what is sent. */
static void
test_zlib_reads_it(void)
{
	g_autoptr(GRand) lots = g_rand_new_with_seed(3);
	g_autoptr(GByteArray) text = make_text(lots, 100000);
	g_autoptr(ImapDeflate) sender = deflate_new();
	g_autoptr(GByteArray) packed = g_byte_array_new();
	g_autofree guint8 *buffer = g_malloc(text->len);
	z_stream in = {0};

	deflate_pack(sender, text->data, text->len, packed);
	g_assert_cmpint(inflateInit2(&in, -15), ==, Z_OK);
	in.next_in = packed->data;
	in.avail_in = packed->len;
	in.next_out = buffer;
	in.avail_out = text->len;
	g_assert_cmpint(inflate(&in, Z_SYNC_FLUSH), ==, Z_OK);
	g_assert_cmpmem(buffer, text->len - in.avail_out, text->data, text->len);
	inflateEnd(&in);
}

/* --- what no honest server sends --- */

/* A hundred megabytes in a hundred kilobytes: a step gives a buffer's worth and no more. */
static void
test_bomb(void)
{
	const gsize length = 100 * 1024 * 1024;
	g_autoptr(GByteArray) packed = make_zeros(length, Z_SYNC_FLUSH);
	g_autoptr(ImapDeflate) codec = deflate_new();
	g_autofree guint8 *buffer = g_malloc(65536);
	const guint8 *data = packed->data;
	gsize left = packed->len, total = 0, n;
	g_autoptr(GError) error = NULL;

	g_assert_cmpuint(packed->len, <, length / 900);
	do {
		gsize before = left;

		n = deflate_unpack(codec, &data, &left, buffer, 65536, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(before - left, <, 1024);
		total += n;
	} while (n == 65536);
	g_assert_cmpuint(total, ==, length);
	g_assert_cmpuint(left, ==, 0);
}

/* @expected comes first (NULL: anything), then the error, which stays. */
static void
check_failure(const char *label, const guint8 *data, gsize length, const char *expected,
              const char *code)
{
	for (gsize cut = 1; cut <= length; cut += MAX(length - 1, 1)) {
		g_autoptr(ImapDeflate) codec = deflate_new();
		g_autoptr(GByteArray) taken = g_byte_array_new();
		g_autoptr(GError) error = NULL, again = NULL;

		for (gsize at = 0; at < length && !error; at += cut)
			take(codec, data + at, MIN(cut, length - at), 64, taken, &error);
		if (!g_str_equal(error_name(error), code))
			g_error("%s: %s", label, error_name(error));
		if (expected)
			g_assert_cmpmem(taken->data, taken->len, expected, strlen(expected));
		g_byte_array_set_size(taken, 0);
		take(codec, data, length, 64, taken, &again);
		g_assert_cmpstr(error_name(again), ==, code);
		g_assert_cmpuint(taken->len, ==, 0);
	}
}

#define BYTES(text) (const guint8 *)text, sizeof(text) - 1

static void
test_corrupt(void)
{
	/* A stored block of 2 bytes, "hi". */
	check_failure("invalid block type", BYTES("\x07"), "", "PROTOCOL");
	check_failure("invalid stored length", BYTES("\x00\x02\x00\xfd\xfe"), "", "PROTOCOL");
	check_failure("plain text", BYTES("* OK still here\r\n"), NULL, "PROTOCOL");
	check_failure("distance too far", BYTES("\x4b\x04\x62\xff\xff\xff"), NULL, "PROTOCOL");
	check_failure("data, then garbage", BYTES("\x00\x02\x00\xfd\xffhi\x07"), "hi", "PROTOCOL");
	check_failure("a header of gzip", BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "",
	              "PROTOCOL");
}

static void
test_end_of_stream(void)
{
	check_failure("data, then the end", BYTES("\x01\x02\x00\xfd\xffhi"), "hi", "OFFLINE");
	check_failure("data, the end, more", BYTES("\x01\x02\x00\xfd\xffhi* OK\r\n"), "hi",
	              "OFFLINE");
	check_failure("the end at once", BYTES("\x03\x00"), "", "OFFLINE");
}

/* Whatever a byte turns into, there is an end and an answer. */
static void
test_flipped_bits(void)
{
	g_autoptr(GRand) lots = g_rand_new_with_seed(4);
	g_autoptr(GByteArray) text = make_text(lots, 600);
	g_autoptr(ImapDeflate) sender = deflate_new();
	g_autoptr(GByteArray) packed = g_byte_array_new();
	guint n_errors = 0;

	deflate_pack(sender, text->data, text->len, packed);
	for (gsize i = 0; i < packed->len * 8; i++) {
		g_autoptr(ImapDeflate) receiver = deflate_new();
		g_autoptr(GByteArray) taken = g_byte_array_new();
		g_autoptr(GError) error = NULL;

		packed->data[i / 8] ^= (guint8)(1 << i % 8);
		take(receiver, packed->data, packed->len, 256, taken, &error);
		packed->data[i / 8] ^= (guint8)(1 << i % 8);
		g_assert_cmpuint(taken->len, <=, packed->len * 1032);
		n_errors += error != NULL;
	}
	g_assert_cmpuint(n_errors, >, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/deflate/round-trips", test_round_trips);
	g_test_add_func("/deflate/random-cuts", test_random_cuts);
	g_test_add_func("/deflate/flush", test_flush);
	g_test_add_func("/deflate/nothing", test_nothing);
	g_test_add_func("/deflate/zlib-reads-it", test_zlib_reads_it);
	g_test_add_func("/deflate/bomb", test_bomb);
	g_test_add_func("/deflate/corrupt", test_corrupt);
	g_test_add_func("/deflate/end-of-stream", test_end_of_stream);
	g_test_add_func("/deflate/flipped-bits", test_flipped_bits);
	return g_test_run();
}
