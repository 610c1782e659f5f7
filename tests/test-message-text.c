/*
 * test-message-text.c: what files become, and which are refused.
 */
#include "message-text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "content-key.h"
#include "imapfs/error.h"

#define CHUNK 65536

typedef struct {
	MessageText text;
	GBytes *out;
	GError *error;
} Result;

static int
file_of(const void *bytes, gsize length)
{
	int fd = memfd_create("test", 0);

	g_assert_cmpint(fd, >=, 0);
	for (gsize at = 0; at < length;) {
		gssize n = write(fd, (const char *)bytes + at, length - at);

		g_assert_cmpint((int)n, >, 0);
		at += (gsize)n;
	}
	return fd; /* its position is at the end, which does not matter */
}

static GBytes *
bytes_of(int fd)
{
	off_t length = lseek(fd, 0, SEEK_END);
	char *bytes = g_malloc0((gsize)length + 1);

	g_assert_cmpint((int)pread(fd, bytes, (gsize)length, 0), ==, (int)length);
	return g_bytes_new_take(bytes, (gsize)length);
}

static Result
copy(const void *bytes, gsize length)
{
	Result result = {0};
	int in = file_of(bytes, length), out = file_of("", 0);
	gboolean done = message_text_copy(in, out, &result.text, &result.error);

	g_assert_true(done == !result.error);
	result.out = bytes_of(out);
	close(in);
	close(out);
	return result;
}

static void
result_clear(Result *result)
{
	g_bytes_unref(result->out);
	g_clear_error(&result->error);
}

static void
check_copy(const char *label, const GString *in, const GString *expected)
{
	Result result = copy(in->str, in->len);
	gsize length;
	const char *out = g_bytes_get_data(result.out, &length);

	g_assert_no_error(result.error);
	if (length != expected->len || memcmp(out, expected->str, length) != 0)
		g_error("%s: %" G_GSIZE_FORMAT " bytes: not what was expected", label, length);
	g_assert_cmpuint(result.text.size, ==, length);
	result_clear(&result);
}

/* --- line ends --- */

typedef struct {
	const char *label, *in, *out;
} EndRow;

/* Of bodies. */
static const EndRow ends[] = {
	{"CRLF", "a\r\nb\r\n", "a\r\nb\r\n"},
	{"LF", "a\nb\n", "a\r\nb\r\n"},
	{"CR", "a\rb\r", "a\r\nb\r\n"},
	{"all three", "a\rb\nc\r\nd\n", "a\r\nb\r\nc\r\nd\r\n"},
	{"empty lines", "\r\n\n\r\r\n\n", "\r\n\r\n\r\n\r\n\r\n"},
	{"CR CR LF", "a\r\r\nb\n", "a\r\n\r\nb\r\n"},
	{"LF CR", "a\n\rb\n", "a\r\n\r\nb\r\n"},
	{"no end", "a", "a"},
	{"no end, CR", "a\nb\r", "a\r\nb\r\n"},
	{"a dot", ".\n", ".\r\n"},
	{"8 bits", "\xc3\xa9\xff\n", "\xc3\xa9\xff\r\n"},
	{"nothing", "", ""},
};

/* Line ends of each kind at each place around the edge of a buffer. */
static void
test_ends(void)
{
	static const char head[] = "From: x\n\n", crlf_head[] = "From: x\r\n\r\n";

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
		const EndRow *row = &ends[i];

		for (gsize before = 0; before <= strlen(row->in) + 1; before++) {
			gsize pad = before ? CHUNK - strlen(head) - before + 1 : 0;
			g_autofree char *x = g_strnfill(pad, 'x');
			g_autoptr(GString) in = g_string_new(head), out = g_string_new(crlf_head);

			g_string_append_printf(in, "%s%s", x, row->in);
			g_string_append_printf(out, "%s%s", x, row->out);
			check_copy(row->label, in, out);
		}
	}
}

static void
test_large(void)
{
	g_autoptr(GString) in = g_string_new("From: x\n\n");
	g_autoptr(GString) out = g_string_new("From: x\r\n\r\n");

	for (guint i = 0; i < 100000; i++) {
		g_string_append_printf(in, "line %u\n\n", i);
		g_string_append_printf(out, "line %u\r\n\r\n", i);
	}
	check_copy("large", in, out);
	g_string_assign(in, "From: x\n\n");
	g_string_assign(out, "From: x\r\n\r\n");
	for (guint i = 0; i < 200000; i++) {
		g_string_append_c(in, '\n');
		g_string_append(out, "\r\n");
	}
	check_copy("nothing but line ends", in, out);
}

/* --- headers --- */

typedef struct {
	const char *label, *header;
} HeaderRow;

static const HeaderRow good[] = {
	{"usual", "From: a\r\nDate: b\r\nSubject: c\r\n\r\nbody\r\n"},
	{"no body", "Subject: c\r\n\r\n"},
	{"no empty line", "Subject: c\r\n"},
	{"no end of the line", "Subject: c"},
	{"folded", "X-Long: a\n b\n\tc\nDate: d\n\n"},
	{"names of all kinds", "X!#$%&'*+-/0=?^_`{|}~: y\nTO: x\n\n"},
	{"space before the colon", "From : x\n\n"},
	{"empty values", "Received:\nTo:\n\n"},
	{"8 bits in a value", "Subject: \xc3\xa9\n\n"},
	{"CR alone", "Subject: c\rTo: d\r\rbody\r"},
	{"a line of spaces", "Subject: c\n \nTo: d\n\n"},
	{"From behind it", "Subject: c\n\nFrom here on\n"},
};

static void
test_good(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		Result result = copy(good[i].header, strlen(good[i].header));
		gsize length;
		const char *out = g_bytes_get_data(result.out, &length);

		g_test_message("%s", good[i].label);
		g_assert_no_error(result.error);
		g_assert_false(result.text.has_nul);
		g_assert_cmpuint(result.text.content_key, ==, content_key_of_header(out, length));
		g_assert_true(g_str_has_suffix(out, "\r\n"));
		result_clear(&result);
	}
}

/* With a word that is in the message. */
static const HeaderRow bad[] = {
	{"nothing in it", ""},
	{"header", "\n"},
	{"header", "\r\nFrom: x\r\n"},
	{"mbox", "From alice Fri Nov 20 10:00:00 2026\nFrom: x\nDate: y\n\nbody\n"},
	{"mbox", "From a@b: x\n\n"},
	{"line 1 ", "hello\n"},
	{"line 1 ", " From: x\n\n"},
	{"line 1 ", ": x\nFrom: y\n\n"},
	{"line 1 ", "\xef\xbb\xbf"
                    "From: x\n\n"},
	{"line 1 ", "%PDF-1.7\n"},
	{"line 2 ", "From: x\nand so on\n\n"},
	{"line 2 ", "From: x\nT\xc3\xb6: y\n\n"},
	{"line 3 ", "From: x\n y\nwhat?\n"},
	{"From, Date", "X: y\nSubjects: z\n\n"},
	{"From, Date", "key: value\n From: x\n"},
};

static void
test_bad(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		Result result = copy(bad[i].header, strlen(bad[i].header));

		g_test_message("%s", bad[i].header);
		g_assert_error(result.error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE);
		if (!strstr(result.error->message, bad[i].label))
			g_error("'%s': %s", bad[i].header, result.error->message);
		result_clear(&result);
	}
}

/* The empty line lies on the edge of a buffer. */
static void
test_header_edge(void)
{
	for (gsize before = 0; before < 6; before++) {
		g_autofree char *x = g_strnfill(CHUNK - strlen("X: ") - before, 'x');
		g_autofree char *in = g_strconcat("X: ", x, "\r\nTo: x\n\nFrom: y\n", NULL);
		Result result = copy(in, strlen(in));

		g_assert_no_error(result.error);
		g_assert_cmpuint(result.text.content_key, ==, 0);
		result_clear(&result);
	}
}

static void
test_header_length(void)
{
	for (gsize more = 0; more < 2; more++) {
		g_autofree char *x = g_strnfill(
			MESSAGE_TEXT_MAX_HEADER - strlen("To: x\r\nX: \r\n") + more, 'x');
		g_autofree char *in = g_strconcat("To: x\r\nX: ", x, "\r\n\r\nbody", NULL);
		Result result = copy(in, strlen(in));

		if (more)
			g_assert_error(result.error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE);
		else
			g_assert_no_error(result.error);
		result_clear(&result);
	}
}

static void
test_nul(void)
{
	static const char in[] = "From: x\n\na\0b";
	Result result = copy(in, sizeof(in) - 1);

	g_assert_no_error(result.error);
	g_assert_true(result.text.has_nul);
	g_assert_cmpmem(g_bytes_get_data(result.out, NULL), g_bytes_get_size(result.out),
	                "From: x\r\n\r\na\0b", 14);
	result_clear(&result);
}

/* --- what the disk says --- */

static void
test_full(void)
{
	int in = file_of("From: x\n\n", 9), out = open("/dev/full", O_WRONLY | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	MessageText text;

	g_assert_false(message_text_copy(in, out, &text, &error));
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_QUOTA);
	close(in);
	close(out);
}

static void
test_unreadable(void)
{
	int in = open("/dev/null", O_WRONLY | O_CLOEXEC), out = file_of("", 0);
	g_autoptr(GError) error = NULL;
	MessageText text;

	g_assert_false(message_text_copy(in, out, &text, &error));
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED);
	close(in);
	close(out);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/message-text/ends", test_ends);
	g_test_add_func("/message-text/large", test_large);
	g_test_add_func("/message-text/good", test_good);
	g_test_add_func("/message-text/bad", test_bad);
	g_test_add_func("/message-text/header-edge", test_header_edge);
	g_test_add_func("/message-text/header-length", test_header_length);
	g_test_add_func("/message-text/nul", test_nul);
	g_test_add_func("/message-text/full", test_full);
	g_test_add_func("/message-text/unreadable", test_unreadable);
	return g_test_run();
}
