/*
 * lexer.c: one response cut into tokens.
 *
 * A line is cut only when it is whole, and its head (lexer-head.c) says how the rest of it reads.
 * Servers are sloppy, so nearly everything is let through: parentheses need not balance, atoms hold
 * what no atom may, mailbox names lack their quotes, and a line that cannot be cut yields no
 * tokens. What leaves in doubt where the next response begins is an error, and so is anything in a
 * FETCH that cannot be cut: message bytes may hang on it.
 */
#include "lexer.h"

#include "imapfs/error.h"
#include "response.h"
#include "token.h"

#include <string.h>

#define KEEP_BYTES  (256 * 1024)          /* a larger buffer is given back after its response */
#define MAX_TOKENS  IMAP_PARSER_MAX_LINE  /* of one response */
#define MAX_LITERAL ((guint64)G_MAXINT64) /* RFC 9051: number64 has 63 bits */

/* Characters that end an atom, or may. The CR or LF that ends every line is among them. */
static const guint8 atom_stops[256] = {
	[' '] = 1, ['\t'] = 1, ['('] = 1, [')'] = 1, ['['] = 1, ['{'] = 1, ['\r'] = 1, ['\n'] = 1,
};

void
lexer_init(ImapLexer *lexer)
{
	*lexer = (ImapLexer){
		.bytes = g_byte_array_new(),
		.tokens = g_array_new(FALSE, FALSE, sizeof(ImapToken)),
		.starts = g_array_new(FALSE, FALSE, sizeof(guint32)),
	};
	lexer_reset(lexer);
}

void
lexer_clear(ImapLexer *lexer)
{
	g_byte_array_unref(lexer->bytes);
	g_array_unref(lexer->tokens);
	g_array_unref(lexer->starts);
}

void
lexer_reset(ImapLexer *lexer)
{
	if (lexer->bytes->len > KEEP_BYTES) {
		g_byte_array_unref(lexer->bytes);
		lexer->bytes = g_byte_array_new();
	}
	lexer->bytes->len = 0;
	lexer->tag = lexer->name = lexer->code = lexer->text = LEXER_NOWHERE;
	lexer->tag_length = lexer->name_length = 0;
	lexer->syntax = LEXER_TOKENS;
	lexer->mailbox_item = LEXER_NOWHERE;
	lexer->n_tokens = lexer->n_finished = lexer->n_items = lexer->depth = 0;
	lexer->response = (ImapResponse){.kind = IMAP_RESPONSE_UNTAGGED};
}

gboolean
lexer_fail(const ImapLexer *lexer, GError **error, const char *what)
{
	const char *line = (const char *)lexer->bytes->data + lexer->at;
	g_autofree char *printable = imap_printable(line, lexer->end - lexer->at);

	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "%s: \"%s\"", what, printable);
	return FALSE;
}

static inline ImapToken *
add_token(ImapLexer *lexer, ImapTokenType type, guint32 start, guint32 length)
{
	if (lexer->n_tokens == lexer->tokens->len) {
		guint n = MAX(lexer->n_tokens * 2, 64);
		g_array_set_size(lexer->tokens, n);
		g_array_set_size(lexer->starts, n);
	}
	ImapToken *token = &g_array_index(lexer->tokens, ImapToken, lexer->n_tokens);
	*token = (ImapToken){.type = type, .length = length};
	g_array_index(lexer->starts, guint32, lexer->n_tokens) = start;
	lexer->n_tokens++;
	if (lexer->depth == 0 && type != IMAP_TOKEN_OPEN) /* a list counts when it closes */
		lexer->n_items++;
	return token;
}

void
lexer_add_literal(ImapLexer *lexer, gsize start, guint64 size, gboolean streamed)
{
	ImapToken *token = add_token(lexer, IMAP_TOKEN_LITERAL, start, streamed ? 0 : size);

	token->streamed = streamed;
	token->size = size;
}

/* Finds "{123}" or "{123+}" at the end of the line. */
static guint32
find_literal(const ImapLexer *lexer, guint32 start)
{
	const guint8 *bytes = lexer->bytes->data;
	guint32 at = lexer->end;

	if (at == start || bytes[--at] != '}')
		return LEXER_NOWHERE;
	if (at > start && bytes[at - 1] == '+')
		at--;
	guint32 digits_end = at;
	while (at > start && g_ascii_isdigit(bytes[at - 1]))
		at--;
	if (at == digits_end || at == start || bytes[at - 1] != '{')
		return LEXER_NOWHERE;
	return at - 1;
}

static gboolean
read_literal_size(const ImapLexer *lexer, guint64 *size, GError **error)
{
	const guint8 *bytes = lexer->bytes->data;

	*size = 0;
	for (guint32 at = lexer->literal + 1; g_ascii_isdigit(bytes[at]); at++) {
		guint digit = bytes[at] - '0';
		if (*size > (MAX_LITERAL - digit) / 10)
			return lexer_fail(lexer, error, "literal too long");
		*size = *size * 10 + digit;
	}
	return TRUE;
}

/* At a literal, "~{123}" (RFC 3516) included. */
static gboolean
at_literal(const ImapLexer *lexer)
{
	return lexer->at == lexer->literal ||
	       (lexer->at + 1 == lexer->literal && lexer_peek(lexer) == '~');
}

/* From the '[' of a section to behind its "]" or "]<0>". */
static gboolean
take_section(ImapLexer *lexer, GError **error)
{
	const char *bytes = (const char *)lexer->bytes->data;
	guint32 close = lexer_find_bracket(bytes, lexer->at, lexer->end);

	if (close == lexer->end)
		return lexer_fail(lexer, error, "section without its end");
	lexer->at = close + 1;
	if (lexer_peek(lexer) == '<') {
		const char *origin_end = memchr(bytes + close, '>', lexer->end - close);
		lexer->at = origin_end ? (guint32)(origin_end - bytes) + 1 : lexer->end;
	}
	return TRUE;
}

/* Whether the stop character at @at is part of the atom after all. Flags hold '(' and '[' without
 * being quoted, and '{' is nothing special unless a literal begins there. */
static gboolean
is_in_atom(const ImapLexer *lexer, guint32 at)
{
	switch (lexer->bytes->data[at]) {
	case '(':
		return lexer->depth >= 2;
	case '[':
		return lexer->syntax != LEXER_FETCH || lexer->depth != 1;
	case '{':
		return at != lexer->literal;
	default:
		return FALSE;
	}
}

static gboolean
take_atom(ImapLexer *lexer, GError **error)
{
	const guint8 *bytes = lexer->bytes->data;
	guint32 start = lexer->at, at = start;

	for (;;) {
		while (!atom_stops[bytes[at]])
			at++;
		if (is_in_atom(lexer, at)) {
			at++;
			continue;
		}
		lexer->at = at;
		if (bytes[at] != '[')
			break;
		if (!take_section(lexer, error))
			return FALSE;
		if (lexer_peek(lexer) == '"' || at_literal(lexer)) /* the space is missing */
			break;
		at = lexer->at;
	}
	add_token(lexer, IMAP_TOKEN_ATOM, start, lexer->at - start);
	return TRUE;
}

static guint32
unescape(char *text, guint32 length)
{
	char *to = memchr(text, '\\', length);

	if (!to)
		return length;
	for (const char *from = to; from < text + length; from++) {
		if (*from == '\\')
			from++;
		*to++ = *from;
	}
	return to - text;
}

static gboolean
take_quoted(ImapLexer *lexer, GError **error)
{
	char *bytes = (char *)lexer->bytes->data;
	guint32 start = lexer->at + 1;
	guint32 close = lexer_find_quote(bytes, lexer->at, lexer->end);

	if (close == lexer->end)
		return lexer_fail(lexer, error, "quoted string without its end");
	add_token(lexer, IMAP_TOKEN_STRING, start, unescape(bytes + start, close - start));
	lexer->at = close + 1;
	return TRUE;
}

static gboolean
take_parenthesis(ImapLexer *lexer, GError **error)
{
	gboolean open = lexer_peek(lexer) == '(';

	if (open && lexer->depth == IMAP_PARSER_MAX_DEPTH)
		return lexer_fail(lexer, error, "lists nested too deeply");
	if (!open && lexer->depth > 0)
		lexer->depth--;
	add_token(lexer, open ? IMAP_TOKEN_OPEN : IMAP_TOKEN_CLOSE, lexer->at, 0);
	if (open)
		lexer->depth++;
	lexer->at++;
	return TRUE;
}

/* Whether @list, the '(' in a LIST response and what follows, is extended data (RFC 5258): an empty
 * list, or one that begins with a name that we know or that is quoted, and its value. So the name
 * in "Work (old)" is all of it. */
static gboolean
is_extended_data(const char *list, guint32 length)
{
	static const char *const names[] = {"childinfo ", "oldname "};

	if (length == 2 && list[1] == ')')
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		gsize n = strlen(names[i]);
		if (length > n && g_ascii_strncasecmp(list + 1, names[i], n) == 0)
			return TRUE;
	}
	guint32 close = length > 1 && list[1] == '"' ? lexer_find_quote(list, 1, length) : length;
	return close + 1 < length && list[close + 1] == ' ';
}

/* Where an unquoted mailbox name ends that begins at the cursor. Some servers quote neither spaces
 * nor tabs nor parentheses, so it is the rest of the line without what must follow it in STATUS,
 * and without what looks like extended data in LIST. */
static guint32
find_mailbox_end(const ImapLexer *lexer)
{
	const char *bytes = (const char *)lexer->bytes->data;
	gboolean is_list = lexer->mailbox_item > 0;
	guint32 end = lexer->end;

	for (guint32 at = lexer->at; at + 1 < lexer->end; at++) {
		if (bytes[at] != ' ' || bytes[at + 1] != '(')
			continue;
		if (is_list && is_extended_data(bytes + at + 1, lexer->end - at - 1))
			return at;
		if (!is_list)
			end = at;
	}
	return end;
}

static void
take_mailbox(ImapLexer *lexer)
{
	const guint8 *bytes = lexer->bytes->data;
	guint32 next = find_mailbox_end(lexer), end = next;

	while (end > lexer->at && bytes[end - 1] == ' ')
		end--;
	add_token(lexer, IMAP_TOKEN_ATOM, lexer->at, end - lexer->at);
	lexer->at = next;
}

static gboolean
take_token(ImapLexer *lexer, GError **error)
{
	char first = lexer_peek(lexer);

	if (lexer->n_tokens == MAX_TOKENS)
		return lexer_fail(lexer, error, "too many words");
	if (first == '"')
		return take_quoted(lexer, error);
	if (lexer->depth == 0 && lexer->n_items == lexer->mailbox_item) {
		take_mailbox(lexer);
		return TRUE;
	}
	if (first == '(' || first == ')')
		return take_parenthesis(lexer, error);
	return take_atom(lexer, error);
}

/* The tokens up to the end of the line or to a literal. */
static LexerResult
take_tokens(ImapLexer *lexer, guint64 *size, GError **error)
{
	for (lexer_skip_spaces(lexer); lexer->at < lexer->end; lexer_skip_spaces(lexer)) {
		if (at_literal(lexer))
			return read_literal_size(lexer, size, error) ? LEXER_LITERAL : LEXER_ERROR;
		if (!take_token(lexer, error))
			return LEXER_ERROR;
	}
	return LEXER_WHOLE;
}

/* The same; but what cannot be cut is forgiven, without tokens, where nothing depends on it:
 * outside FETCH, if the line cannot have ended with a literal. */
static LexerResult
take_tokens_forgiving(ImapLexer *lexer, guint64 *size, GError **error)
{
	gboolean forgive = lexer->syntax != LEXER_FETCH && lexer->literal == LEXER_NOWHERE;
	g_autoptr(GError) local_error = NULL;
	LexerResult result;

	if (memchr(lexer->bytes->data + lexer->at, '\r', lexer->end - lexer->at)) {
		lexer_fail(lexer, &local_error, "CR inside a line");
		result = LEXER_ERROR;
	} else {
		result = take_tokens(lexer, size, &local_error);
	}
	if (result == LEXER_ERROR && forgive) {
		lexer->n_tokens = 0;
		return LEXER_WHOLE;
	}
	if (local_error)
		g_propagate_error(error, g_steal_pointer(&local_error));
	return result;
}

LexerResult
lexer_take_line(ImapLexer *lexer, gsize start, guint64 *size, GError **error)
{
	const guint8 *bytes = lexer->bytes->data;

	lexer->at = start;
	lexer->end = lexer->bytes->len - 1;
	while (lexer->end > start && bytes[lexer->end - 1] == '\r')
		lexer->end--;
	if (memchr(bytes + start, '\0', lexer->end - start)) {
		lexer_fail(lexer, error, "NUL inside a line");
		return LEXER_ERROR;
	}
	if (start == 0 && lexer->at == lexer->end)
		return LEXER_NOTHING;
	if (start == 0 && !lexer_take_head(lexer, error))
		return LEXER_ERROR;
	if (lexer->syntax == LEXER_TEXT)
		return LEXER_WHOLE;
	if (lexer->syntax == LEXER_ONE_ATOM) {
		lexer_skip_spaces(lexer);
		if (lexer->at < lexer->end)
			add_token(lexer, IMAP_TOKEN_ATOM, lexer->at, lexer->end - lexer->at);
		return LEXER_WHOLE;
	}
	lexer->literal = find_literal(lexer, lexer->at);
	return take_tokens_forgiving(lexer, size, error);
}

gboolean
lexer_literal_is_message(const ImapLexer *lexer)
{
	static const char *const prefixes[] = {"BODY[", "BINARY[", "RFC822"};

	if (lexer->syntax != LEXER_FETCH || lexer->depth != 1 || lexer->n_tokens == 0)
		return FALSE;
	const ImapToken *token = &g_array_index(lexer->tokens, ImapToken, lexer->n_tokens - 1);
	guint32 start = g_array_index(lexer->starts, guint32, lexer->n_tokens - 1);
	const char *text = (const char *)lexer->bytes->data + start;
	for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		if (token->type == IMAP_TOKEN_ATOM &&
		    text_has_prefix(text, token->length, prefixes[i]))
			return TRUE;
	}
	return FALSE;
}

gboolean
lexer_literal_may_be_long(const ImapLexer *lexer)
{
	return lexer->syntax == LEXER_METADATA && lexer->depth == 1;
}

static const char *
finish_string(const ImapLexer *lexer, guint32 start, guint32 length)
{
	char *string = (char *)lexer->bytes->data + start;

	string[length] = '\0';
	return string;
}

/* Tokens get their NULs only here: the byte behind a token may be one that was still to be cut. */
static void
finish_tokens(ImapLexer *lexer)
{
	ImapToken *tokens = (ImapToken *)lexer->tokens->data;
	const guint32 *starts = (const guint32 *)lexer->starts->data;
	guint8 *bytes = lexer->bytes->data;
	guint n = lexer->n_tokens;

	for (guint i = lexer->finished_bytes == bytes ? lexer->n_finished : 0; i < n; i++) {
		char *text = (char *)bytes + starts[i];
		tokens[i].text = text;
		text[tokens[i].length] = '\0';
	}
	lexer->n_finished = n;
	lexer->finished_bytes = bytes;
}

const ImapResponse *
lexer_response(ImapLexer *lexer)
{
	ImapResponse *response = &lexer->response;
	const char *bytes = (const char *)lexer->bytes->data;

	response->name = response->kind == IMAP_RESPONSE_CONTINUATION ? "" : "OK";
	if (lexer->name != LEXER_NOWHERE)
		response->name = finish_string(lexer, lexer->name, lexer->name_length);
	if (lexer->tag != LEXER_NOWHERE)
		response->tag = finish_string(lexer, lexer->tag, lexer->tag_length);
	response->code = lexer->code != LEXER_NOWHERE ? bytes + lexer->code : NULL;
	response->text = lexer->text != LEXER_NOWHERE ? bytes + lexer->text : NULL;
	finish_tokens(lexer);
	response->tokens = (const ImapToken *)lexer->tokens->data;
	response->n_tokens = lexer->n_tokens;
	return response;
}
