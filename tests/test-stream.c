/*
 * test-stream.c: what becomes of the bytes that are still here when a connection ends.
 */
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_BYTES (4 * 1024 * 1024)

typedef struct {
	ImapSettings settings;
	int listener;
	ImapStream *stream;
	gboolean connected;
} Fixture;

static void
on_connected(ImapStream *stream, gpointer data)
{
	(void)stream;
	((Fixture *)data)->connected = TRUE;
}

static void
on_readable(ImapStream *stream, gpointer data)
{
	(void)stream;
	(void)data;
}

static void
on_failed(ImapStream *stream, const GError *error, gpointer data)
{
	(void)stream;
	(void)data;
	g_error("%s", error->message);
}

static const ImapStreamEvents events = {
	.connected = on_connected,
	.readable = on_readable,
	.failed = on_failed,
};

/* A server that has little room for what it has not read. */
static void
listen_somewhere(Fixture *fixture)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int room = 4096;

	fixture->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fixture->listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	g_assert_cmpint(bind(fixture->listener, (struct sockaddr *)&address, length), ==, 0);
	g_assert_cmpint(listen(fixture->listener, 1), ==, 0);
	getsockname(fixture->listener, (struct sockaddr *)&address, &length);
	fixture->settings.port = ntohs(address.sin_port);
}

/* Until the socket takes no more. */
static void
write_until_full(Fixture *fixture)
{
	g_autofree char *bytes = g_malloc0(N_BYTES);
	gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC / 5;
	guint64 n_taken = 0;

	stream_write(fixture->stream, bytes, N_BYTES);
	while (g_get_monotonic_time() < until) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
		if (stream_n_taken(fixture->stream) == n_taken)
			continue;
		n_taken = stream_n_taken(fixture->stream);
		until = g_get_monotonic_time() + G_USEC_PER_SEC / 5;
	}
	g_assert_cmpuint(n_taken, >, 0);
	g_assert_cmpuint(n_taken, <, N_BYTES);
}

static guint64
read_all(int fd)
{
	static char buffer[65536];
	guint64 n = 0;
	gssize result;

	while ((result = read(fd, buffer, sizeof(buffer))) > 0)
		n += (guint64)result;
	g_assert_true(result == 0 || errno == ECONNRESET);
	close(fd);
	return n;
}

static void
test_end(gconstpointer data)
{
	gboolean leaves = data != NULL;
	Fixture fixture = {.settings = {.host = (char *)"127.0.0.1", .tls = IMAP_TLS_NONE}};
	guint64 n_taken;
	int fd;

	listen_somewhere(&fixture);
	fixture.stream = stream_new(&fixture.settings, NULL, &events, &fixture);
	while (!fixture.connected)
		g_main_context_iteration(NULL, TRUE);
	fd = accept(fixture.listener, NULL, NULL);
	write_until_full(&fixture);
	n_taken = stream_n_taken(fixture.stream);
	if (leaves)
		stream_let_leave(fixture.stream);
	stream_free(fixture.stream);
	if (leaves)
		g_assert_cmpuint(read_all(fd), ==, n_taken);
	else
		g_assert_cmpuint(read_all(fd), <, n_taken);
	close(fixture.listener);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/stream/end/dropped", NULL, test_end);
	g_test_add_data_func("/stream/end/leaves", GINT_TO_POINTER(1), test_end);
	return g_test_run();
}
