/*
 * lexer.h: one response cut into tokens, a line at a time (private to the parser).
 *
 * The parser collects the bytes of a response, lines and kept literals one after the other, in
 * @bytes; the lexer cuts each line as soon as it is whole. So the lexer never meets half a token,
 * and being resumable at every byte is the parser's business alone. Tokens are cut in place: the
 * arrays remember offsets, because @bytes may move while a literal arrives, and lexer_response()
 * makes pointers of them.
 */
#pragma once

#include "parser.h"

#define LEXER_NOWHERE G_MAXUINT32

/* How the rest of a response reads, once its name is known. */
typedef enum {
	LEXER_TOKENS,   /* atoms, strings, lists */
	LEXER_TEXT,     /* nothing is a token: status responses and continuations */
	LEXER_ONE_ATOM, /* SEARCH and SORT: numbers, millions perhaps, so one token holds them all
	                 */
	LEXER_FETCH,    /* tokens, and a section "BODY[...]<0>" is one atom */
	LEXER_METADATA, /* tokens, and literals may be longer than can be kept */
} LexerSyntax;

typedef struct {
	GByteArray *bytes; /* the response so far, filled by the parser */

	/* private */
	ImapResponse response;
	guint32 tag, name, code, text; /* offsets of its strings, LEXER_NOWHERE if none */
	guint32 tag_length, name_length;
	LexerSyntax syntax;
	guint32 mailbox_item; /* which item is a mailbox name, LEXER_NOWHERE if none */
	GArray *tokens;       /* of ImapToken; grows and never shrinks, n_tokens of them count */
	GArray *starts;       /* of guint32: offset of the text of each token */
	guint n_tokens;
	guint n_finished; /* of them, whose text points into @finished_bytes */
	const guint8 *finished_bytes;
	guint n_items;   /* tokens and lists outside parentheses */
	guint depth;     /* open parentheses */
	guint32 at, end; /* the line: next byte to look at, and where its CR LF is */
	guint32 literal; /* where "{123}" begins at the end of the line, or LEXER_NOWHERE */
} ImapLexer;

typedef enum {
	LEXER_WHOLE,   /* the response is complete */
	LEXER_LITERAL, /* the line ends with the length of a literal */
	LEXER_NOTHING, /* an empty line where a response could begin */
	LEXER_ERROR,
} LexerResult;

void lexer_init(ImapLexer *lexer);
void lexer_clear(ImapLexer *lexer);

/* Forgets the response, and gives memory back if it was a very large one. */
void lexer_reset(ImapLexer *lexer);

/* Cuts the line that begins at @start of @bytes and ends, with its LF, at the end of @bytes.
 * @size receives the length of the literal if one follows. LEXER_ERROR sets @error to
 * IMAPFS_ERROR_PROTOCOL. */
LexerResult lexer_take_line(ImapLexer *lexer, gsize start, guint64 *size, GError **error);

/* Whether the literal that follows is the value of a FETCH item made of message bytes. */
gboolean lexer_literal_is_message(const ImapLexer *lexer);

/* Whether the literal that follows may be passed over where it cannot be kept. */
gboolean lexer_literal_may_be_long(const ImapLexer *lexer);

/* Adds the literal of @size bytes that stands at @start of @bytes, with a NUL behind it, or was
 * streamed and left nothing there. */
void lexer_add_literal(ImapLexer *lexer, gsize start, guint64 size, gboolean streamed);

/* The response so far; valid until @bytes changes. */
const ImapResponse *lexer_response(ImapLexer *lexer);

/* Between lexer.c and lexer-head.c. */

/* Reads what stands before the tokens: tag, number, name, and all of a LEXER_TEXT. */
gboolean lexer_take_head(ImapLexer *lexer, GError **error);

/* Where the quoted string that opens at @at closes: at its '"', else @end. */
guint32 lexer_find_quote(const char *bytes, guint32 at, guint32 end);

/* The ']' that closes the '[' at @at, else @end. */
guint32 lexer_find_bracket(const char *bytes, guint32 at, guint32 end);

/* Sets @error to @what and the rest of the line, made printable. Returns FALSE. */
gboolean lexer_fail(const ImapLexer *lexer, GError **error, const char *what);

/* The byte at the cursor; at the end of the line, its CR or LF. */
static inline char
lexer_peek(const ImapLexer *lexer)
{
	return (char)lexer->bytes->data[lexer->at];
}

static inline void
lexer_skip_spaces(ImapLexer *lexer)
{
	const guint8 *bytes = lexer->bytes->data;
	guint32 at = lexer->at;

	while (bytes[at] == ' ' || bytes[at] == '\t')
		at++;
	lexer->at = at;
}
