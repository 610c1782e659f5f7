/*
 * The scripted server. Each connection is pumped whenever anything may have changed for it: read
 * what there is, take as many steps as can be taken, write what the socket takes.
 */
#include "scripted-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#define PATIENCE_US  (10 * G_USEC_PER_SEC)
#define FINISHING_US (5 * G_USEC_PER_SEC)

/* --- bytes --- */

void
connection_close(Connection *connection)
{
	g_clear_handle_id(&connection->watch, g_source_remove);
	g_clear_handle_id(&connection->timer, g_source_remove);
	g_clear_pointer(&connection->ssl, SSL_free);
	connection_free_deflate(connection);
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
	connection->eof = TRUE;
	g_string_truncate(connection->input, 0);
}

static gssize
connection_receive(Connection *connection, char *buffer, gsize size)
{
	gssize n;

	if (!connection->ssl)
		return recv(connection->fd, buffer, size, 0);
	ERR_clear_error();
	n = SSL_read(connection->ssl, buffer, (int)size);
	if (n > 0)
		return n;
	errno = EAGAIN;
	return SSL_get_error(connection->ssl, (int)n) == SSL_ERROR_WANT_READ ? -1 : 0;
}

static void
connection_read(Connection *connection)
{
	char buffer[16384];
	gssize n;

	while ((n = connection_receive(connection, buffer, sizeof(buffer))) > 0)
		connection_hear(connection, buffer, (gsize)n);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		connection->eof = TRUE;
}

static void
connection_write(Connection *connection)
{
	gsize split = connection->server->split;

	while (connection->output->len) {
		gsize length =
			split ? MIN(split, connection->output->len) : connection->output->len;
		gssize n =
			connection->ssl
				? SSL_write(connection->ssl, connection->output->str, (int)length)
				: send(connection->fd, connection->output->str, length, 0);

		if (n <= 0)
			return;
		g_string_erase(connection->output, 0, n);
		if (split)
			return;
	}
}

static gboolean
on_ready(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	connection_pump(data);
	return G_SOURCE_CONTINUE;
}

static void
connection_watch(Connection *connection)
{
	GIOCondition wanted = connection->output->len ? G_IO_OUT : 0;

	if (connection->fd < 0)
		return;
	if (!connection->eof &&
	    !(*connection->steps && g_str_has_prefix(*connection->steps, "STALL ")))
		wanted |= G_IO_IN;
	if (connection->watch && wanted == connection->watched)
		return;
	g_clear_handle_id(&connection->watch, g_source_remove);
	connection->watched = wanted;
	if (wanted)
		connection->watch = g_unix_fd_add(connection->fd, wanted, on_ready, connection);
}

/* A client that sends bytes before its first handshake is read by that, not here. */
static gboolean
connection_may_read(const Connection *connection)
{
	const char *step = *connection->steps;

	return connection->fd >= 0 && !connection->eof &&
	       !(step && (g_str_equal(step, "TLS") || g_str_equal(step, "NOTLS") ||
	                  g_str_has_prefix(step, "STALL ")));
}

void
connection_pump(Connection *connection)
{
	gboolean moved;

	do {
		moved = FALSE;
		if (connection_may_read(connection))
			connection_read(connection);
		while (*connection->steps && connection_step(connection, *connection->steps)) {
			connection->steps++;
			moved = TRUE;
		}
		if (!*connection->steps)
			connection_take_logout(connection);
		if (connection->fd >= 0 && connection->output->len) {
			connection_write(connection);
			moved |= connection->output->len == 0; /* what waited for that */
		}
	} while (moved);
	connection_watch(connection);
}

/* --- the server --- */

static gboolean
on_accept(gint fd, GIOCondition condition, gpointer data)
{
	ScriptedServer *server = data;
	Connection *connection = g_new0(Connection, 1);
	int one = 1;

	(void)condition;
	connection->server = server;
	connection->number = server->connections->len + 1;
	connection->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	g_assert_cmpint(connection->fd, >=, 0);
	if (!server->nagles)
		setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	connection->input = g_string_new(NULL);
	connection->output = g_string_new(NULL);
	g_ptr_array_add(server->connections, connection);
	if (connection->number > server->scripts->len)
		connection_complain(connection, "not expected");
	connection->steps = server->scripts->pdata[connection->number - 1];
	connection_pump(connection);
	return G_SOURCE_CONTINUE;
}

static void
connection_free(gpointer data)
{
	Connection *connection = data;

	connection_close(connection);
	g_string_free(connection->input, TRUE);
	g_string_free(connection->output, TRUE);
	for (guint i = 0; i < G_N_ELEMENTS(connection->tags); i++)
		g_free(connection->tags[i]);
	g_free(connection);
}

void
scripted_server_listen(ScriptedServer *server)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(server->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int one = 1;

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server->fd, (struct sockaddr *)&address, length) != 0 ||
	    listen(server->fd, 16) != 0 ||
	    getsockname(server->fd, (struct sockaddr *)&address, &length) != 0)
		g_error("%s: %s", server->label, g_strerror(errno));
	server->port = ntohs(address.sin_port);
	server->watch = g_unix_fd_add(server->fd, G_IO_IN, on_accept, server);
}

void
scripted_server_stop(ScriptedServer *server)
{
	g_clear_handle_id(&server->watch, g_source_remove);
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
}

/* Old versions of TLS are spoken too, for the client to refuse. */
static SSL_CTX *
make_context(const Certificate *certificate)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_mode(context,
	                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	g_assert_cmpint(SSL_CTX_use_certificate(context, certificate->x509), ==, 1);
	g_assert_cmpint(SSL_CTX_use_PrivateKey(context, certificate->key), ==, 1);
	return context;
}

ScriptedServer *
scripted_server_new(const char *label, const Certificate *certificate)
{
	ScriptedServer *server = g_new0(ScriptedServer, 1);

	signal(SIGPIPE, SIG_IGN);
	server->label = g_strdup(label);
	server->context = certificate ? make_context(certificate) : NULL;
	server->scripts = g_ptr_array_new();
	server->connections = g_ptr_array_new_with_free_func(connection_free);
	scripted_server_listen(server);
	return server;
}

/* The script that is not followed to its end, or NULL; @step receives where it stands. */
static const char *
unfinished_step(const ScriptedServer *server)
{
	for (guint i = 0; i < server->scripts->len; i++) {
		const Connection *connection =
			i < server->connections->len ? server->connections->pdata[i] : NULL;

		if (!connection)
			return "a connection";
		if (*connection->steps)
			return *connection->steps;
		if (connection->output->len && connection->fd >= 0 && !connection->eof)
			return "the last bytes";
	}
	return NULL;
}

gboolean
scripted_server_is_done(const ScriptedServer *server)
{
	return !unfinished_step(server);
}

void
scripted_server_free(ScriptedServer *server)
{
	gint64 deadline_us = g_get_monotonic_time() + FINISHING_US;
	const char *step;

	while ((step = unfinished_step(server))) {
		if (g_get_monotonic_time() > deadline_us)
			g_error("%s: the server still waits at: %s", server->label, step);
		g_main_context_iteration(NULL, FALSE);
	}
	scripted_server_stop(server);
	g_ptr_array_unref(server->connections);
	g_ptr_array_unref(server->scripts);
	SSL_CTX_free(server->context);
	g_free(server->label);
	g_free(server);
}

void
scripted_server_add(ScriptedServer *server, const char *const *script)
{
	g_ptr_array_add(server->scripts, (gpointer)script);
}

void
scripted_server_limit_tls(ScriptedServer *server, int version)
{
	SSL_CTX_set_max_proto_version(server->context, version);
}

void
scripted_server_nagle(ScriptedServer *server)
{
	server->nagles = TRUE;
}

void
scripted_server_split(ScriptedServer *server, gsize n_bytes)
{
	server->split = n_bytes;
}

void
scripted_server_hook(ScriptedServer *server, char *(*hook)(const char *line, gpointer data),
                     gpointer data)
{
	server->hook = hook;
	server->hook_data = data;
}

void
scripted_server_open_gate(ScriptedServer *server, char gate)
{
	server->gates |= 1u << (gate - 'a');
	for (guint i = 0; i < server->connections->len; i++)
		connection_pump(server->connections->pdata[i]);
}

guint16
scripted_server_port(const ScriptedServer *server)
{
	return server->port;
}

guint
scripted_server_n_accepted(const ScriptedServer *server)
{
	return server->connections->len;
}

guint
scripted_server_n_open(const ScriptedServer *server)
{
	guint n = 0;

	for (guint i = 0; i < server->connections->len; i++)
		n += !((const Connection *)server->connections->pdata[i])->eof;
	return n;
}

/* --- the main loop --- */

void
test_turn(const char *label, gint64 *deadline_us)
{
	gint64 now_us = g_get_monotonic_time();

	if (!*deadline_us)
		*deadline_us = now_us + PATIENCE_US;
	if (now_us > *deadline_us)
		g_error("%s: nothing happens any more", label);
	if (!g_main_context_iteration(NULL, FALSE))
		g_usleep(100);
}

void
test_linger(guint milliseconds)
{
	gint64 end_us = g_get_monotonic_time() + milliseconds * 1000;

	while (g_get_monotonic_time() < end_us)
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(100);
}
