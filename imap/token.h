/*
 * token.h: reading single tokens and lists of them (private to the lexer and the response*.c
 * files).
 *
 * A value is an atom, a string, a literal, or a list from its '(' to the ')' that matches it. Lists
 * that never close end with the response.
 */
#pragma once

#include "parser.h"

#include <string.h>

#define NUMBER_MAX G_MAXINT64 /* RFC 9051: number64 and mod-sequences have 63 bits */

/* Whether @text, of @length bytes, begins with @word, without case. Nearly every server writes
 * upper case, and this runs many times for each message of a listing, so the exact comparison comes
 * first. */
static inline gboolean
text_has_prefix(const char *text, gsize length, const char *word)
{
	gsize n;

	if (length == 0 || ((text[0] ^ word[0]) & ~0x20) != 0 || length < (n = strlen(word)))
		return FALSE;
	return memcmp(text, word, n) == 0 || g_ascii_strncasecmp(text, word, n) == 0;
}

/* The same for all of @text. */
static inline gboolean
text_equals(const char *text, gsize length, const char *word)
{
	return text_has_prefix(text, length, word) && length == strlen(word);
}

/* Reads all of @text as a decimal number of at most @max: no sign, no fraction. */
gboolean number_parse(const char *text, guint64 max, guint64 *number);

/* An atom that is a number of at most @max. */
gboolean token_is_number(const ImapToken *token, guint64 max, guint64 *number);

/* An atom equal to @word, without case. */
static inline gboolean
token_is_atom(const ImapToken *token, const char *word)
{
	return token && token->type == IMAP_TOKEN_ATOM &&
	       text_equals(token->text, token->length, word);
}

/* Atom, string or kept literal without a NUL in it: what an astring may be. */
gboolean token_is_text(const ImapToken *token);

/* The token at @i, or NULL behind the last. */
static inline const ImapToken *
token_at(const ImapResponse *response, guint i)
{
	return i < response->n_tokens ? &response->tokens[i] : NULL;
}

static inline gboolean
token_is(const ImapResponse *response, guint i, ImapTokenType type)
{
	return i < response->n_tokens && response->tokens[i].type == type;
}

/* The index of the token behind the list that begins at token @i. */
guint token_skip_list(const ImapResponse *response, guint i);

/* The index of the token behind the value that begins at token @i. */
static inline guint
token_skip(const ImapResponse *response, guint i)
{
	return token_is(response, i, IMAP_TOKEN_OPEN) ? token_skip_list(response, i)
	                                              : MIN(i + 1, response->n_tokens);
}

/* Sets @error to @what and returns FALSE. */
gboolean response_fail(const ImapResponse *response, GError **error, const char *what);
