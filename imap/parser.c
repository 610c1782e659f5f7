/*
 * parser.c: bytes in, responses out.
 *
 * Collects lines and literals, hands each line to the lexer when it is whole, and keeps the limits.
 *
 *   state          what the next byte is                     leaves when
 *   PARSER_LINE    of a line                                 its LF came: to any of the others
 *   PARSER_WHOLE   the first of the next response            at the next call
 *   PARSER_OFFER   of a literal that the caller may keep     at the next call
 *   PARSER_KEEP    of a literal that becomes a token         it is complete: to PARSER_LINE
 *   PARSER_STREAM  of a literal that passes through          the caller was told of its end
 *   PARSER_FAILED  never looked at                           never
 */
#include "parser.h"

#include "imapfs/error.h"
#include "lexer.h"

#include <string.h>

typedef enum {
	PARSER_LINE,
	PARSER_WHOLE,
	PARSER_OFFER,
	PARSER_KEEP,
	PARSER_STREAM,
	PARSER_FAILED,
} ParserState;

struct ImapParser {
	ParserState state;
	const guint8 *data; /* what is left of the chunk; the caller's */
	gsize length;
	ImapLexer lexer;
	gsize line_start;    /* in the lexer's bytes */
	gsize line_bytes;    /* of the response, outside literals */
	gsize literal_bytes; /* kept, of the response */
	guint64 literal_size;
	guint64 literal_left; /* bytes still to come */
	gsize literal_start;  /* in the lexer's bytes, of a kept one */
	const guint8 *stream_data;
	gsize stream_length;
	GError *error;
};

ImapParser *
imap_parser_new(void)
{
	ImapParser *parser = g_new0(ImapParser, 1);

	lexer_init(&parser->lexer);
	return parser;
}

void
imap_parser_free(ImapParser *parser)
{
	if (!parser)
		return;
	lexer_clear(&parser->lexer);
	g_clear_error(&parser->error);
	g_free(parser);
}

void
imap_parser_feed(ImapParser *parser, const guint8 *data, gsize length)
{
	g_assert(parser->length == 0 || parser->state == PARSER_FAILED);
	parser->data = data;
	parser->length = length;
}

gsize
imap_parser_pending(const ImapParser *parser)
{
	return parser->length;
}

const guint8 *
imap_parser_take_pending(ImapParser *parser, gsize *length)
{
	*length = parser->length;
	parser->length = 0;
	return parser->data;
}

static void
skip_data(ImapParser *parser, gsize length)
{
	parser->data += length;
	parser->length -= length;
}

static ImapParserEvent
fail(ImapParser *parser, const char *what)
{
	g_set_error_literal(&parser->error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, what);
	parser->state = PARSER_FAILED;
	return IMAP_PARSER_ERROR;
}

static void
begin_response(ImapParser *parser)
{
	lexer_reset(&parser->lexer);
	parser->line_start = parser->line_bytes = parser->literal_bytes = 0;
	parser->state = PARSER_LINE;
}

/* How long the line may be that @line begins: the answer to a search names every message. */
static gsize
line_limit(const GByteArray *line)
{
	static const char *const names[] = {"* SEARCH ", "* ESEARCH ", "* VANISHED ", "* SORT "};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		gsize n = strlen(names[i]);
		if (line->len >= n && g_ascii_strncasecmp((char *)line->data, names[i], n) == 0)
			return IMAP_PARSER_MAX_SEARCH;
	}
	return IMAP_PARSER_MAX_LINE;
}

static gboolean
literal_fits(const ImapParser *parser)
{
	return parser->literal_size <= IMAP_PARSER_MAX_LITERAL - parser->literal_bytes;
}

static ImapParserEvent
begin_literal(ImapParser *parser)
{
	parser->literal_left = parser->literal_size;
	if (lexer_literal_is_message(&parser->lexer) ||
	    (lexer_literal_may_be_long(&parser->lexer) && !literal_fits(parser))) {
		parser->state = PARSER_OFFER;
		return IMAP_PARSER_LITERAL;
	}
	imap_parser_keep_literal(parser);
	return parser->state == PARSER_FAILED ? IMAP_PARSER_ERROR : IMAP_PARSER_MORE;
}

static ImapParserEvent
end_line(ImapParser *parser)
{
	LexerResult result = lexer_take_line(&parser->lexer, parser->line_start,
	                                     &parser->literal_size, &parser->error);

	switch (result) {
	case LEXER_WHOLE:
		parser->state = PARSER_WHOLE;
		return IMAP_PARSER_RESPONSE;
	case LEXER_LITERAL:
		return begin_literal(parser);
	case LEXER_NOTHING:
		begin_response(parser);
		return IMAP_PARSER_MORE;
	default:
		parser->state = PARSER_FAILED;
		return IMAP_PARSER_ERROR;
	}
}

/* The take_ functions say IMAP_PARSER_MORE too when the chunk goes on but there is no event. */
static ImapParserEvent
take_line(ImapParser *parser)
{
	GByteArray *bytes = parser->lexer.bytes;
	const guint8 *lf = memchr(parser->data, '\n', parser->length);
	gsize n = lf ? (gsize)(lf - parser->data) + 1 : parser->length;

	g_byte_array_append(bytes, parser->data, n);
	skip_data(parser, n);
	parser->line_bytes += n;
	if (parser->line_bytes > IMAP_PARSER_MAX_LINE && parser->line_bytes > line_limit(bytes))
		return fail(parser, "line too long");
	return lf ? end_line(parser) : IMAP_PARSER_MORE;
}

static ImapParserEvent
take_kept(ImapParser *parser)
{
	GByteArray *bytes = parser->lexer.bytes;
	gsize n = MIN(parser->literal_left, parser->length);

	g_byte_array_append(bytes, parser->data, n);
	skip_data(parser, n);
	parser->literal_left -= n;
	if (parser->literal_left > 0)
		return IMAP_PARSER_MORE;
	g_byte_array_append(bytes, (const guint8 *)"", 1);
	lexer_add_literal(&parser->lexer, parser->literal_start, parser->literal_size, FALSE);
	parser->line_start = bytes->len;
	parser->state = PARSER_LINE;
	return IMAP_PARSER_MORE;
}

static ImapParserEvent
take_streamed(ImapParser *parser)
{
	gsize n = MIN(parser->literal_left, parser->length);

	if (parser->literal_left == 0) {
		lexer_add_literal(&parser->lexer, 0, parser->literal_size, TRUE);
		parser->line_start = parser->lexer.bytes->len;
		parser->state = PARSER_LINE;
		return IMAP_PARSER_LITERAL_END;
	}
	if (n == 0)
		return IMAP_PARSER_MORE;
	parser->stream_data = parser->data;
	parser->stream_length = n;
	parser->literal_left -= n;
	skip_data(parser, n);
	return IMAP_PARSER_LITERAL_DATA;
}

ImapParserEvent
imap_parser_next(ImapParser *parser, GError **error)
{
	ImapParserEvent event = IMAP_PARSER_MORE;

	if (parser->state == PARSER_WHOLE)
		begin_response(parser);
	else if (parser->state == PARSER_OFFER)
		parser->state = PARSER_STREAM;
	do {
		if (parser->state == PARSER_KEEP)
			event = take_kept(parser);
		else if (parser->state == PARSER_STREAM)
			event = take_streamed(parser);
		else if (parser->state == PARSER_FAILED)
			event = IMAP_PARSER_ERROR;
		else if (parser->length > 0)
			event = take_line(parser);
	} while (event == IMAP_PARSER_MORE && parser->length > 0);
	if (event == IMAP_PARSER_ERROR && error)
		*error = g_error_copy(parser->error);
	return event;
}

const ImapResponse *
imap_parser_response(ImapParser *parser)
{
	return lexer_response(&parser->lexer);
}

guint64
imap_parser_literal_size(const ImapParser *parser)
{
	return parser->literal_size;
}

void
imap_parser_keep_literal(ImapParser *parser)
{
	if (!literal_fits(parser)) {
		fail(parser, "literals too long");
		return;
	}
	parser->literal_bytes += parser->literal_size;
	parser->literal_start = parser->lexer.bytes->len;
	parser->state = PARSER_KEEP;
}

const guint8 *
imap_parser_literal_data(const ImapParser *parser, gsize *length)
{
	*length = parser->stream_length;
	return parser->stream_data;
}
