/*
 * The steps of a script. Each is tried again whenever something has happened, until it says that it
 * is done.
 */
#include "scripted-private.h"

#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

void
connection_complain(const Connection *connection, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list arguments;

	va_start(arguments, format);
	message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_error("%s, connection %u: %s", connection->server->label, connection->number, message);
}

/* The next line without its end, or NULL; to be freed. */
static char *
take_line(Connection *connection)
{
	char *end = memchr(connection->input->str, '\n', connection->input->len);
	gsize length = end ? (gsize)(end - connection->input->str) : 0;
	char *line;

	if (!end)
		return NULL;
	line = g_strndup(connection->input->str, length);
	if (length && line[length - 1] == '\r')
		line[length - 1] = '\0';
	g_string_erase(connection->input, 0, (gssize)length + 1);
	return line;
}

static char *
await_line(Connection *connection, const char *what)
{
	char *line = take_line(connection);

	if (!line && connection->eof)
		connection_complain(connection, "the client has gone, expected: %s", what);
	return line;
}

static gboolean
step_command(Connection *connection, const char *pattern)
{
	g_autofree char *line = await_line(connection, pattern);
	char *space = line ? strchr(line, ' ') : NULL;

	if (!line)
		return FALSE;
	if (!space || !g_pattern_match_simple(pattern + 2, space + 1))
		connection_complain(connection, "expected: %s\ngot: %s", pattern, line);
	g_free(connection->tags[*pattern - 'a']);
	connection->tags[*pattern - 'a'] = g_strndup(line, space - line);
	return TRUE;
}

static gboolean
step_line(Connection *connection, const char *pattern)
{
	g_autofree char *line = await_line(connection, pattern);

	if (line && !g_pattern_match_simple(pattern, line))
		connection_complain(connection, "expected: %s\ngot: %s", pattern, line);
	return line != NULL;
}

static gboolean
step_take_bytes(Connection *connection, const char *number)
{
	gsize length = (gsize)g_ascii_strtoull(number, NULL, 10);

	if (connection->input->len < length) {
		if (connection->eof)
			connection_complain(connection, "the client has gone, expected bytes");
		return FALSE;
	}
	g_string_erase(connection->input, 0, (gssize)length);
	return TRUE;
}

static gboolean
step_bytes(Connection *connection, const char *text)
{
	g_autoptr(GString) bytes = g_string_new(NULL);

	for (; *text; text++) {
		if (text[0] == '$' && g_ascii_islower(text[1])) {
			g_string_append(bytes, connection->tags[text[1] - 'a']);
			text++;
		} else {
			g_string_append_c(bytes, *text);
		}
	}
	connection_say(connection, bytes->str, bytes->len);
	return TRUE;
}

static gboolean
step_send(Connection *connection, const char *text)
{
	g_autofree char *line = g_strconcat(text, "\r\n", NULL);

	return step_bytes(connection, line);
}

static gboolean
step_literal(Connection *connection, const char *arguments)
{
	char *end;
	guint64 offset = g_ascii_strtoull(arguments, &end, 10);
	guint64 announced = g_ascii_strtoull(end, &end, 10);
	guint64 length = *end ? g_ascii_strtoull(end, NULL, 10) : announced;
	g_autoptr(GString) bytes = g_string_new(NULL);

	g_string_append_printf(bytes, "{%" G_GUINT64_FORMAT "}\r\n", announced);
	for (guint64 i = 0; i < length; i++)
		g_string_append_c(bytes, (char)sample_byte(offset + i));
	connection_say(connection, bytes->str, bytes->len);
	return TRUE;
}

static gboolean
step_hook(Connection *connection, const char *arguments)
{
	ScriptedServer *server = connection->server;
	g_autofree char *line = await_line(connection, "a line for the hook");
	g_autofree char *answer = line ? server->hook(line, server->hook_data) : NULL;

	(void)arguments;
	return answer && (*answer ? step_send(connection, answer) : TRUE);
}

/* Hands every line to the hook. */
static gboolean
step_auto(Connection *connection, const char *arguments)
{
	ScriptedServer *server = connection->server;
	char *line;

	(void)arguments;
	while ((line = take_line(connection))) {
		g_autofree char *answer = g_str_has_suffix(line, " LOGOUT")
		                                  ? g_strdup("")
		                                  : server->hook(line, server->hook_data);

		if (*answer)
			step_send(connection, answer);
		g_free(line);
	}
	return connection->eof;
}

static void
connection_begin_tls(Connection *connection)
{
	if (connection->ssl)
		return;
	connection->ssl = SSL_new(connection->server->context);
	SSL_set_fd(connection->ssl, connection->fd);
}

/* What was read in clear before this step is what the client should not have sent. */
static gboolean
step_tls(Connection *connection, const char *arguments)
{
	int result;

	(void)arguments;
	if (connection->output->len)
		return FALSE;
	if (connection->input->len)
		connection_complain(connection, "in clear: %s", connection->input->str);
	connection_begin_tls(connection);
	ERR_clear_error();
	result = SSL_accept(connection->ssl);
	if (result != 1 && SSL_get_error(connection->ssl, result) != SSL_ERROR_WANT_READ)
		connection_complain(connection, "TLS: %s",
		                    ERR_reason_error_string(ERR_peek_last_error()));
	return result == 1;
}

static gboolean
step_no_tls(Connection *connection, const char *arguments)
{
	int result;

	(void)arguments;
	if (connection->output->len)
		return FALSE;
	connection_begin_tls(connection);
	ERR_clear_error();
	result = SSL_accept(connection->ssl);
	if (result == 1)
		connection_complain(connection, "the client accepted TLS");
	if (SSL_get_error(connection->ssl, result) == SSL_ERROR_WANT_READ)
		return FALSE;
	connection_close(connection);
	return TRUE;
}

static gboolean
step_deflate(Connection *connection, const char *arguments)
{
	if (g_str_equal(arguments, "D END"))
		connection_end_deflate(connection);
	else
		connection_begin_deflate(connection);
	return TRUE;
}

static gboolean
step_raw(Connection *connection, const char *digits)
{
	for (; digits[0] && digits[1]; digits += 2)
		g_string_append_c(connection->output, (char)(g_ascii_xdigit_value(digits[0]) << 4 |
		                                             g_ascii_xdigit_value(digits[1])));
	return TRUE;
}

static gboolean
step_many(Connection *connection, const char *arguments)
{
	char *text;
	guint64 n_times = g_ascii_strtoull(arguments, &text, 10);
	gsize length = strlen(text + 1);
	g_autoptr(GString) bytes = g_string_sized_new(n_times * length);

	while (n_times--)
		g_string_append_len(bytes, text + 1, (gssize)length);
	connection_say(connection, bytes->str, bytes->len);
	return TRUE;
}

static gboolean
on_timer(gpointer data)
{
	Connection *connection = data;

	connection->timer = 0;
	connection_pump(connection);
	return G_SOURCE_REMOVE;
}

/* Whether @milliseconds have passed since this was first asked. */
static gboolean
connection_waited(Connection *connection, guint milliseconds)
{
	if (!connection->waits_until)
		connection->waits_until = g_get_monotonic_time() + milliseconds * 1000;
	if (g_get_monotonic_time() >= connection->waits_until) {
		connection->waits_until = 0;
		return TRUE;
	}
	if (!connection->timer)
		connection->timer = g_timeout_add(MIN(milliseconds, 10), on_timer, connection);
	return FALSE;
}

static gboolean
step_wait(Connection *connection, const char *milliseconds)
{
	return connection_waited(connection, (guint)g_ascii_strtoull(milliseconds, NULL, 10));
}

static gboolean
step_gate(Connection *connection, const char *gate)
{
	return connection->server->gates >> (*gate - 'a') & 1;
}

static gboolean
step_trickle(Connection *connection, const char *arguments)
{
	char *text;
	guint milliseconds = (guint)g_ascii_strtoull(arguments, &text, 10);

	if (!connection->eof && connection_waited(connection, milliseconds)) {
		step_send(connection, text + 1);
		connection_waited(connection, milliseconds);
	}
	return connection->eof;
}

static gboolean
step_hang(Connection *connection, const char *arguments)
{
	(void)arguments;
	g_string_truncate(connection->input, 0);
	return connection->eof;
}

void
connection_take_logout(Connection *connection)
{
	g_autofree char *line = take_line(connection);

	if (line && !g_str_has_suffix(line, " LOGOUT"))
		connection_complain(connection, "unexpected: %s", line);
}

static gboolean
step_eof(Connection *connection, const char *arguments)
{
	(void)arguments;
	connection_take_logout(connection);
	return connection->eof;
}

static gboolean
step_drop(Connection *connection, const char *arguments)
{
	(void)arguments;
	if (connection->output->len)
		return FALSE;
	connection_close(connection);
	return TRUE;
}

static gboolean
step_reset(Connection *connection, const char *arguments)
{
	struct linger linger = {.l_onoff = 1};

	if (connection->output->len)
		return FALSE;
	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return step_drop(connection, arguments);
}

static const struct {
	const char *prefix;
	gboolean (*take)(Connection *connection, const char *arguments);
} steps[] = {
	{"C: ", step_command}, {"c: ", step_line},     {"S: ", step_send},
	{"s: ", step_bytes},   {"L: ", step_literal},  {"X", step_hook},
	{"TLS", step_tls},     {"NOTLS", step_no_tls}, {"STALL ", step_wait},
	{"WAIT ", step_wait},  {"GATE ", step_gate},   {"TRICKLE ", step_trickle},
	{"HANG", step_hang},   {"EOF", step_eof},      {"AUTO", step_auto},
	{"DROP", step_drop},   {"RESET", step_reset},  {"DEFLATE", step_deflate},
	{"r: ", step_raw},     {"MANY ", step_many},   {"B: ", step_take_bytes},
};

gboolean
connection_step(Connection *connection, const char *step)
{
	for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
		if (g_str_has_prefix(step, steps[i].prefix))
			return steps[i].take(connection, step + strlen(steps[i].prefix));
	connection_complain(connection, "no such step: %s", step);
	return FALSE;
}
