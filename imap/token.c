/*
 * token.c: reading single tokens and lists of them.
 */
#include "token.h"

#include "imapfs/error.h"
#include "response.h"

#include <string.h>

#define MAX_DIGITS 19 /* as many as 64 bits always hold */

gboolean
number_parse(const char *text, guint64 max, guint64 *number)
{
	guint64 value = 0;
	guint n = 0;

	for (; n < MAX_DIGITS && g_ascii_isdigit(text[n]); n++)
		value = value * 10 + (text[n] - '0');
	*number = value;
	return n > 0 && text[n] == '\0' && value <= max;
}

gboolean
token_is_number(const ImapToken *token, guint64 max, guint64 *number)
{
	return token && token->type == IMAP_TOKEN_ATOM && number_parse(token->text, max, number);
}

gboolean
token_is_text(const ImapToken *token)
{
	if (!token || token->type == IMAP_TOKEN_OPEN || token->type == IMAP_TOKEN_CLOSE)
		return FALSE;
	return !token->streamed && !memchr(token->text, '\0', token->length);
}

guint
token_skip_list(const ImapResponse *response, guint i)
{
	guint depth = 0;

	for (; i < response->n_tokens; i++) {
		if (response->tokens[i].type == IMAP_TOKEN_OPEN)
			depth++;
		else if (response->tokens[i].type == IMAP_TOKEN_CLOSE && --depth == 0)
			return i + 1;
	}
	return i;
}

gboolean
response_fail(const ImapResponse *response, GError **error, const char *what)
{
	g_autofree char *name = imap_printable(response->name, -1);

	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "%s response: %s", name, what);
	return FALSE;
}
