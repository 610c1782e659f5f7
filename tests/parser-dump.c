/*
 * parser-dump.c: what the parser makes of some bytes, as text.
 */
#include "parser-dump.h"

#include "imapfs/error.h"
#include "response.h"

#include <string.h>

/* Bytes as they are, but printable ASCII only. */
static void
dump_bytes(GString *out, const char *bytes, gsize length)
{
	for (gsize i = 0; i < length; i++) {
		if (g_ascii_isprint(bytes[i]))
			g_string_append_c(out, bytes[i]);
		else
			g_string_append_printf(out, "\\x%02x", (guchar)bytes[i]);
	}
}

static void
dump_token(GString *out, const ImapToken *token)
{
	g_assert_cmpint(token->text[token->length], ==, '\0');
	g_string_append_c(out, ' ');
	if (token->type == IMAP_TOKEN_OPEN || token->type == IMAP_TOKEN_CLOSE)
		g_string_append_c(out, token->type == IMAP_TOKEN_OPEN ? '(' : ')');
	if (token->type == IMAP_TOKEN_STRING)
		g_string_append_c(out, '"');
	if (token->type == IMAP_TOKEN_LITERAL)
		g_string_append_printf(out, "{%" G_GUINT64_FORMAT "}", token->size);
	dump_bytes(out, token->text, token->length);
	if (token->type == IMAP_TOKEN_STRING)
		g_string_append_c(out, '"');
	if (token->streamed)
		g_string_append_c(out, '~');
}

static void
dump_response(GString *out, const ImapResponse *response)
{
	static const char *const kinds[] = {"*", "", "+"};

	g_string_append_printf(out, "%s%s", kinds[response->kind],
	                       response->tag ? response->tag : "");
	if (response->has_number)
		g_string_append_printf(out, " %u", response->number);
	if (response->name[0]) {
		g_string_append_c(out, ' ');
		dump_bytes(out, response->name, strlen(response->name));
	}
	for (guint i = 0; i < response->n_tokens; i++)
		dump_token(out, &response->tokens[i]);
	if (response->code) {
		g_string_append(out, " [");
		dump_bytes(out, response->code, strlen(response->code));
		g_string_append_c(out, ']');
	}
	if (response->text) {
		g_string_append(out, " <");
		dump_bytes(out, response->text, strlen(response->text));
		g_string_append_c(out, '>');
	}
	g_string_append_c(out, '\n');
}

static void
begin_literal(GString *out, ImapParser *parser, ParserDumpSee see)
{
	const ImapResponse *response = imap_parser_response(parser);
	guint32 uid;
	guint64 origin;

	if (see)
		see(response);
	if (imap_fetch_literal(response, &uid, &origin) == IMAP_LITERAL_HEADER)
		imap_parser_keep_literal(parser);
	else
		g_string_append(out, "stream<");
}

static void
dump_error(GString *out, ImapParser *parser, GError *error)
{
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL);
	g_assert_cmpint(imap_parser_next(parser, NULL), ==, IMAP_PARSER_ERROR);
	g_string_append(out, "error\n");
}

/* All events of one chunk. FALSE after an error. */
static gboolean
dump_chunk(GString *out, ImapParser *parser, ParserDumpSee see)
{
	for (;;) {
		g_autoptr(GError) error = NULL;
		const guint8 *data;
		gsize length;
		switch (imap_parser_next(parser, &error)) {
		case IMAP_PARSER_MORE:
			return TRUE;
		case IMAP_PARSER_RESPONSE:
			dump_response(out, imap_parser_response(parser));
			if (see)
				see(imap_parser_response(parser));
			break;
		case IMAP_PARSER_LITERAL:
			begin_literal(out, parser, see);
			break;
		case IMAP_PARSER_LITERAL_DATA:
			data = imap_parser_literal_data(parser, &length);
			dump_bytes(out, (const char *)data, length);
			break;
		case IMAP_PARSER_LITERAL_END:
			g_string_append_c(out, '>');
			break;
		case IMAP_PARSER_ERROR:
			dump_error(out, parser, error);
			return FALSE;
		}
	}
}

char *
parser_dump(const char *bytes, gsize length, gsize chunk, GRand *rand, ParserDumpSee see)
{
	g_autoptr(ImapParser) parser = imap_parser_new();
	GString *out = g_string_new(NULL);
	gboolean ok = TRUE;

	for (gsize at = 0; ok && at < length;) {
		gsize n = rand ? (gsize)g_rand_int_range(rand, 1, chunk + 1) : chunk;
		n = MIN(n, length - at);
		/* Of its own, so that a sanitizer sees any byte read outside it, or afterwards. */
		g_autofree guint8 *copy = g_memdup2(bytes + at, n);
		imap_parser_feed(parser, copy, n);
		ok = dump_chunk(out, parser, see);
		g_assert_true(!ok || imap_parser_pending(parser) == 0);
		at += n;
	}
	return g_string_free(out, FALSE);
}
