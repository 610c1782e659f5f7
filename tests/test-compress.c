/*
 * test-compress.c: COMPRESS=DEFLATE (RFC 4978): when it is asked for, where it begins, and what may
 * come of it.
 *
 * Rows run with what the server says in one piece, byte by byte, and in pieces of seven.
 */
#include <string.h>

#include "error-name.h"
#include "session-client.h"

#define OFFERED  "S: * PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello"
#define COMPRESS "C: z COMPRESS DEFLATE"
#define ACTIVE   "S: $z OK DEFLATE active"

static const gsize splits[] = {0, 1, 7};

static Certificate *certificate;

/* --- whether --- */

typedef struct {
	const char *label;
	const char *const *script; /* the last line is a NOOP */
	gboolean compressed;
	ImapCompress compress;
	const char *host; /* NULL: 127.0.0.1 */
	gboolean tls;
} CompressRow;

#define ROW(row_label, row_script, is_compressed, ...)                                             \
	{                                                                                          \
		.label = row_label, .script = row_script, .compressed = is_compressed,             \
		##__VA_ARGS__                                                                      \
	}

#define NOOP "C: n NOOP", "S: * 3 EXISTS", "S: $n OK done"

/* Logs in, and says NOOP. */
static void
check_compress(const CompressRow *row, gsize split)
{
	const ImapSettings settings = {
		.tls = row->tls ? IMAP_TLS_IMPLICIT : IMAP_TLS_NONE,
		.ca_file = certificate->file,
		.host = (char *)row->host,
		.compress = row->compress,
	};
	ScriptedServer *server = scripted_server_new(row->label, certificate);
	g_autoptr(SessionClient) client = NULL;

	scripted_server_split(server, split);
	scripted_server_add(server, row->script);
	client = session_client_new(server, &settings);
	WAIT_UNTIL(row->label, client->ready || client->closed);
	g_assert_no_error(client->error);
	if (session_is_compressed(client->session) != row->compressed)
		g_error("%s: compressed or not", row->label);
	session_client_send(client, "NOOP", "NOOP", NULL);
	WAIT_UNTIL(row->label, client->n_done || client->closed);
	g_assert_cmpstr(client->log->str, ==, "NOOP OK; ");
	session_client_end(client);
	scripted_server_free(server);
}

static void
check_compresses(const CompressRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++)
		for (guint j = 0; j < G_N_ELEMENTS(splits); j++)
			check_compress(&rows[i], splits[j]);
}

static void
test_settings(void)
{
	const char *const *plainly = SCRIPT(OFFERED, NOOP);
	const char *const *deflated = SCRIPT(OFFERED, COMPRESS, ACTIVE, "DEFLATE", NOOP);
	const CompressRow rows[] = {
		ROW("on", deflated, TRUE, .compress = IMAP_COMPRESS_ON),
		ROW("off", plainly, FALSE, .compress = IMAP_COMPRESS_OFF),
		ROW("auto, to 127.0.0.1", plainly, FALSE),
		ROW("auto, elsewhere", plainly, FALSE, .host = "0.0.0.0"), /* which leads here */
	};

	check_compresses(rows, G_N_ELEMENTS(rows));
}

static void
test_answers(void)
{
	const CompressRow rows[] = {
		ROW("not offered", SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1] hello", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON),
		ROW("another algorithm",
	            SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=ZSTD] hello", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON),
		ROW("nobody knows", SCRIPT("S: * PREAUTH hello", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON),
		ROW("refused", SCRIPT(OFFERED, COMPRESS, "S: $z NO not now", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON),
		ROW("not known", SCRIPT(OFFERED, COMPRESS, "S: $z BAD what?", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON),
		ROW("active already",
	            SCRIPT(OFFERED, COMPRESS, "S: $z NO [COMPRESSIONACTIVE] by TLS", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON),
		ROW("something said meanwhile",
	            SCRIPT(OFFERED, COMPRESS, "S: * OK wait a moment", "S: * 1 EXISTS", ACTIVE,
	                   "DEFLATE", NOOP),
	            TRUE, .compress = IMAP_COMPRESS_ON),
		ROW("something said at once",
	            SCRIPT(OFFERED, COMPRESS, ACTIVE, "DEFLATE", "S: * OK deflated",
	                   "S: * 1 EXISTS", NOOP),
	            TRUE, .compress = IMAP_COMPRESS_ON),
		ROW("OK without a word, then at once",
	            SCRIPT(OFFERED, COMPRESS, "s: $z OK\r\n", "DEFLATE", "S: * OK deflated", NOOP),
	            TRUE, .compress = IMAP_COMPRESS_ON),
		ROW("ID before it",
	            SCRIPT("S: * OK [CAPABILITY AUTH=PLAIN SASL-IR COMPRESS=DEFLATE] hi",
	                   "C: a AUTHENTICATE PLAIN *",
	                   "S: $a OK [CAPABILITY ID COMPRESS=DEFLATE] in", "C: b ID (*)", COMPRESS,
	                   "S: * ID NIL", "S: $b OK done", ACTIVE, "DEFLATE", NOOP),
	            TRUE, .compress = IMAP_COMPRESS_ON),
		ROW("offered before the login only",
	            SCRIPT("S: * OK [CAPABILITY AUTH=PLAIN SASL-IR COMPRESS=DEFLATE] hi",
	                   "C: a AUTHENTICATE PLAIN *", "S: $a OK [CAPABILITY IMAP4rev1] in", NOOP),
	            FALSE, .compress = IMAP_COMPRESS_ON),
	};

	check_compresses(rows, G_N_ELEMENTS(rows));
}

static void
test_tls(void)
{
	const CompressRow rows[] = {
		ROW("under TLS",
	            SCRIPT("TLS", OFFERED, COMPRESS, ACTIVE, "DEFLATE", "S: * OK deflated", NOOP),
	            TRUE, .compress = IMAP_COMPRESS_ON, .tls = TRUE),
		ROW("under TLS, refused", SCRIPT("TLS", OFFERED, COMPRESS, "S: $z NO", NOOP), FALSE,
	            .compress = IMAP_COMPRESS_ON, .tls = TRUE),
	};

	check_compresses(rows, G_N_ELEMENTS(rows));
}

/* --- the end --- */

typedef struct {
	const char *label;
	const char *const *script;
	const char *outcome;
	const char *words; /* in the error */
} EndRow;

static void
check_end(const EndRow *row, gsize split)
{
	const ImapSettings settings = {
		.tls = IMAP_TLS_NONE,
		.compress = IMAP_COMPRESS_ON,
		.timeout_us = 500 * 1000,
	};
	ScriptedServer *server = scripted_server_new(row->label, NULL);
	g_autoptr(SessionClient) client = NULL;

	scripted_server_split(server, split);
	scripted_server_add(server, row->script);
	client = session_client_new(server, &settings);
	WAIT_UNTIL(row->label, client->ready || client->closed);
	if (client->ready)
		session_client_send(client, "NOOP", "NOOP", NULL);
	WAIT_UNTIL(row->label, client->closed);
	if (!g_str_equal(error_name(client->error), row->outcome) ||
	    !strstr(client->error->message, row->words))
		g_error("%s: %s: %s", row->label, error_name(client->error),
		        client->error->message);
	session_client_end(client);
	scripted_server_free(server);
}

#define BEGIN OFFERED, COMPRESS, ACTIVE, "DEFLATE"

static void
test_ends(void)
{
	const EndRow rows[] = {
		{"no answer", SCRIPT(OFFERED, COMPRESS, "HANG"), "TIMED_OUT", "no answer"},
		{"gone instead of an answer", SCRIPT(OFFERED, COMPRESS, "DROP"), "OFFLINE",
	         "closed"},
		{"gone behind the OK", SCRIPT(OFFERED, COMPRESS, ACTIVE, "DROP"), "OFFLINE", ""},
		{"BYE instead", SCRIPT(OFFERED, COMPRESS, "S: * BYE tired", "EOF"), "OFFLINE",
	         "tired"},
		{"BYE, deflated", SCRIPT(BEGIN, "C: n NOOP", "S: * BYE tired", "EOF"), "OFFLINE",
	         "tired"},
		{"BYE, and the stream ended",
	         SCRIPT(BEGIN, "C: n NOOP", "S: * BYE tired", "DEFLATED END", "EOF"), "OFFLINE",
	         "tired"},
		{"the stream ended", SCRIPT(BEGIN, "C: n NOOP", "DEFLATED END", "EOF"), "OFFLINE",
	         "ended by the server"},
		{"the stream ended and goes on in clear",
	         SCRIPT(BEGIN, "C: n NOOP", "DEFLATED END", "r: 2a204f4b0d0a", "EOF"), "OFFLINE",
	         "ended by the server"},
		{"not deflated at all",
	         SCRIPT(OFFERED, COMPRESS, ACTIVE, "S: * OK but not deflated", "EOF"), "PROTOCOL",
	         "corrupt"},
		{"corrupt later", SCRIPT(BEGIN, "C: n NOOP", "S: * 3 EXISTS", "r: 07", "EOF"),
	         "PROTOCOL", "corrupt"},
		{"cut in the middle", SCRIPT(BEGIN, "C: n NOOP", "r: 00ff0000ff4142", "DROP"),
	         "OFFLINE", "closed"},
		{"nothing, deflated, for ever",
	         SCRIPT(BEGIN, "C: n NOOP", "r: 000000ffff000000ffff", "HANG"), "TIMED_OUT",
	         "no answer"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		for (guint j = 0; j < G_N_ELEMENTS(splits); j++)
			check_end(&rows[i], splits[j]);
}

/* Few bytes that grow: what the parser refuses in clear it refuses here, at the same place. */
static void
test_bombs(void)
{
	const EndRow rows[] = {
		{"a line without end", SCRIPT(BEGIN, "C: n NOOP", "MANY 30000000 x", "EOF"),
	         "PROTOCOL", "line too long"},
		{"a literal to be held",
	         SCRIPT(BEGIN, "C: n NOOP", "s: * LIST () \"/\" {30000000}\r\n", "MANY 30000000 x",
	                "EOF"),
	         "PROTOCOL", ""},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		check_end(&rows[i], 0);
}

/* --- message bytes --- */

typedef struct {
	guint64 n_bytes;
	gboolean ended, done;
} Body;

static gboolean
on_literal(guint32 uid, guint64 origin, guint64 size, gpointer data)
{
	(void)size;
	(void)data;
	return uid == 7 && origin == 0;
}

static void
on_literal_data(const guint8 *bytes, gsize length, gpointer data)
{
	Body *body = data;

	for (gsize i = 0; i < length; i++)
		if (bytes[i] != sample_byte(body->n_bytes + i))
			g_error("byte %" G_GUINT64_FORMAT " is wrong", body->n_bytes + i);
	body->n_bytes += length;
}

static void
on_literal_end(gpointer data)
{
	((Body *)data)->ended = TRUE;
}

static void
on_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	g_assert_nonnull(tagged);
	g_assert_no_error(error);
	((Body *)data)->done = TRUE;
}

static const ImapCommandHandler body_handler = {
	.literal = on_literal,
	.literal_data = on_literal_data,
	.literal_end = on_literal_end,
	.done = on_done,
};

/* Many times the reader's buffer, which the last bytes must leave without another packet. */
static void
check_body(gsize length, gsize split)
{
	const ImapSettings settings = {.tls = IMAP_TLS_NONE, .compress = IMAP_COMPRESS_ON};
	g_autofree char *literal = g_strdup_printf("L: 0 %" G_GSIZE_FORMAT, length);
	ScriptedServer *server = scripted_server_new(literal, NULL);
	g_autoptr(SessionClient) client = NULL;
	ImapCommand *command;
	Body body = {0};

	scripted_server_split(server, split);
	scripted_server_add(server, SCRIPT(BEGIN, "C: f UID FETCH 7 BODY.PEEK*",
	                                   "s: * 1 FETCH (UID 7 BODY[] ", literal, "S: )",
	                                   "S: $f OK done"));
	client = session_client_new(server, &settings);
	WAIT_UNTIL(literal, client->ready || client->closed);
	command = command_new("FETCH", &body_handler, &body);
	command_text(command, "UID FETCH 7 BODY.PEEK[]");
	session_send(client->session, command);
	WAIT_UNTIL(literal, body.done || client->closed);
	g_assert_true(body.ended);
	g_assert_cmpuint(body.n_bytes, ==, length);
	g_assert_cmpuint(session_traffic(client->session)->n_bytes_in, >, length);
	session_client_end(client);
	scripted_server_free(server);
}

static void
test_bodies(void)
{
	static const gsize lengths[] = {0, 1, 1000, 65535, 65536, 65537, 262144, 5000000};

	for (guint i = 0; i < G_N_ELEMENTS(lengths); i++)
		check_body(lengths[i], 0);
	check_body(100000, 1);
	check_body(100000, 7);
	check_body(1000000, 5000);
}

int
main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	certificate = certificate_new("IP:127.0.0.1,DNS:localhost");
	g_test_add_func("/compress/settings", test_settings);
	g_test_add_func("/compress/answers", test_answers);
	g_test_add_func("/compress/tls", test_tls);
	g_test_add_func("/compress/ends", test_ends);
	g_test_add_func("/compress/bombs", test_bombs);
	g_test_add_func("/compress/bodies", test_bodies);
	result = g_test_run();
	certificate_free(certificate);
	return result;
}
