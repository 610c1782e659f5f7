/*
 * lexer-head.c: what kind of response a line begins, and status responses whole.
 *
 *   + text                  continuation; the space may be missing
 *   tag OK [code] text      tagged; never anything but a status
 *   * OK [code] text        untagged status; so are "* [code] text" and "[code] text"
 *   * 12 FETCH ...          untagged with a number
 *   * LIST ...              untagged
 */
#include "lexer.h"

#include "token.h"

#include <string.h>

#define MAX_BALANCED 4096 /* bytes in which brackets must balance */

guint32
lexer_find_quote(const char *bytes, guint32 at, guint32 end)
{
	const char *quote = memchr(bytes + at + 1, '"', end - at - 1);

	if (!quote || !memchr(bytes + at, '\\', quote - (bytes + at)))
		return quote ? (guint32)(quote - bytes) : end;
	for (at++; at < end && bytes[at] != '"'; at++) {
		if (bytes[at] == '\\')
			at++;
	}
	return MIN(at, end);
}

/* Characters that mean something between '[' and ']'. The LF that ends every line is among them. */
static const guint8 bracket_stops[256] = {
	['['] = 1, [']'] = 1, ['('] = 1, [')'] = 1, ['"'] = 1, ['\n'] = 1,
};

/* What stands in quotes or parentheses does not count: header field names may be quoted, and flags
 * in PERMANENTFLAGS may hold ']' without being quoted. If that does not come out even, or not soon,
 * the first ']' is the best guess; looking on to the end would let a line full of "[(]" cost its
 * length squared. */
guint32
lexer_find_bracket(const char *bytes, guint32 at, guint32 end)
{
	const char *first = memchr(bytes + at, ']', end - at);
	guint32 limit = MIN(end, at + MAX_BALANCED);
	guint brackets = 0, parentheses = 0;

	if (!first)
		return end;
	for (guint32 i = at; i < limit; i++) {
		while (!bracket_stops[(guchar)bytes[i]])
			i++;
		if (bytes[i] == '(')
			parentheses++;
		else if (bytes[i] == ')' && parentheses > 0)
			parentheses--;
		else if (bytes[i] == '[' && parentheses == 0)
			brackets++;
		else if (bytes[i] == ']' && parentheses == 0 && --brackets == 0)
			return i;
		else if (bytes[i] == '"' && (bytes[i - 1] == ' ' || bytes[i - 1] == '('))
			i = lexer_find_quote(bytes, i, limit);
	}
	return first - bytes;
}

static guint32
take_word(ImapLexer *lexer, guint32 *length)
{
	const guint8 *bytes = lexer->bytes->data;
	guint32 start = lexer->at, at = start;

	while (at < lexer->end && bytes[at] != ' ' && bytes[at] != '\t' && bytes[at] != '(')
		at++;
	lexer->at = at;
	*length = at - start;
	return start;
}

/* The 12 of "* 12 FETCH", if there is one. */
static gboolean
take_number(ImapLexer *lexer, GError **error)
{
	const guint8 *bytes = lexer->bytes->data;
	guint32 at = lexer->at;
	guint64 number = 0;

	for (; at < lexer->end && g_ascii_isdigit(bytes[at]); at++) {
		number = number * 10 + (bytes[at] - '0');
		if (number > G_MAXUINT32)
			return lexer_fail(lexer, error, "number too large");
	}
	if (at == lexer->at || (at < lexer->end && bytes[at] != ' '))
		return TRUE;
	lexer->response.has_number = TRUE;
	lexer->response.number = number;
	lexer->at = at;
	lexer_skip_spaces(lexer);
	return TRUE;
}

static void
look_up_syntax(ImapLexer *lexer)
{
	static const struct {
		const char *name;
		LexerSyntax syntax;
		guint32 mailbox_item;
	} table[] = {
		{"FETCH", LEXER_FETCH, LEXER_NOWHERE},
		{"UIDFETCH", LEXER_FETCH, LEXER_NOWHERE}, /* RFC 9586 */
		{"OK", LEXER_TEXT, LEXER_NOWHERE},
		{"NO", LEXER_TEXT, LEXER_NOWHERE},
		{"BAD", LEXER_TEXT, LEXER_NOWHERE},
		{"BYE", LEXER_TEXT, LEXER_NOWHERE},
		{"PREAUTH", LEXER_TEXT, LEXER_NOWHERE},
		{"SEARCH", LEXER_ONE_ATOM, LEXER_NOWHERE},
		{"SORT", LEXER_ONE_ATOM, LEXER_NOWHERE},
		{"LIST", LEXER_TOKENS, 2},
		{"LSUB", LEXER_TOKENS, 2},
		{"XLIST", LEXER_TOKENS, 2},
		{"STATUS", LEXER_TOKENS, 0},
		{"METADATA", LEXER_METADATA, LEXER_NOWHERE},
	};
	const char *name = (const char *)lexer->bytes->data + lexer->name;

	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
		if (text_equals(name, lexer->name_length, table[i].name)) {
			lexer->syntax = table[i].syntax;
			lexer->mailbox_item = table[i].mailbox_item;
			return;
		}
	}
}

static void
take_name(ImapLexer *lexer)
{
	lexer->name = take_word(lexer, &lexer->name_length);
	look_up_syntax(lexer);
}

static void
upper_case_name(ImapLexer *lexer)
{
	char *name = (char *)lexer->bytes->data + lexer->name;

	for (guint32 i = 0; i < lexer->name_length; i++)
		name[i] = g_ascii_toupper(name[i]);
}

/* The rest of the line as it is. */
static void
take_text(ImapLexer *lexer)
{
	lexer->syntax = LEXER_TEXT;
	lexer->text = lexer->at;
	lexer->bytes->data[lexer->end] = '\0';
}

static void
take_status(ImapLexer *lexer)
{
	char *bytes = (char *)lexer->bytes->data;
	guint32 close;

	lexer_skip_spaces(lexer);
	if (lexer_peek(lexer) == '[' &&
	    (close = lexer_find_bracket(bytes, lexer->at, lexer->end)) < lexer->end) {
		bytes[close] = '\0';
		lexer->code = lexer->at + 1;
		lexer->at = close + 1;
		lexer_skip_spaces(lexer);
	}
	take_text(lexer);
}

static gboolean
take_tagged(ImapLexer *lexer, GError **error)
{
	guint32 start = lexer->at;

	lexer->response.kind = IMAP_RESPONSE_TAGGED;
	lexer->tag = take_word(lexer, &lexer->tag_length);
	lexer_skip_spaces(lexer);
	take_name(lexer);
	if (lexer->syntax != LEXER_TEXT) {
		lexer->at = start;
		return lexer_fail(lexer, error, "not an IMAP response");
	}
	upper_case_name(lexer);
	take_status(lexer);
	return TRUE;
}

static void
take_continuation(ImapLexer *lexer)
{
	lexer->response.kind = IMAP_RESPONSE_CONTINUATION;
	lexer->at++;
	if (lexer_peek(lexer) == ' ')
		lexer->at++;
	take_text(lexer);
}

static gboolean
take_untagged(ImapLexer *lexer, GError **error)
{
	if (lexer_peek(lexer) == '[') { /* Exchange and home.pl leave the OK out */
		take_status(lexer);
		return TRUE;
	}
	if (!take_number(lexer, error))
		return FALSE;
	take_name(lexer);
	upper_case_name(lexer);
	if (lexer->syntax == LEXER_TEXT)
		take_status(lexer);
	return TRUE;
}

gboolean
lexer_take_head(ImapLexer *lexer, GError **error)
{
	char first = lexer_peek(lexer);

	if (first == '+') {
		take_continuation(lexer);
		return TRUE;
	}
	if (first == '[')
		return take_untagged(lexer, error);
	if (first != '*')
		return take_tagged(lexer, error);
	lexer->at++;
	if (lexer->at < lexer->end && lexer_peek(lexer) != ' ')
		return lexer_fail(lexer, error, "not an IMAP response");
	lexer_skip_spaces(lexer);
	return take_untagged(lexer, error);
}
