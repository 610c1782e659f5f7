/*
 * response-metadata.c: annotations of a mailbox or of the server: METADATA (RFC 5464 4.4).
 *
 *   METADATA mailbox (entry value entry value)   the answer to a question
 *   METADATA mailbox entry entry                 unsolicited: these have changed
 */
#include "response.h"

#include "token.h"

#include <string.h>

static gboolean
is_value(const ImapToken *token)
{
	return token && token->type != IMAP_TOKEN_OPEN && token->type != IMAP_TOKEN_CLOSE;
}

static ImapAnnotation
read_annotation(const ImapToken *entry, const ImapToken *value)
{
	ImapAnnotation annotation = {.entry = entry->text};

	annotation.too_long = value->streamed;
	if (value->streamed || token_is_atom(value, "NIL"))
		return annotation;
	annotation.value = value->text;
	annotation.length = value->length;
	return annotation;
}

/* Where the list ends, which may never have been closed. FALSE: it is no list of pairs. */
static gboolean
find_end(const ImapResponse *response, guint *end)
{
	guint n = response->n_tokens;

	*end = token_is(response, n - 1, IMAP_TOKEN_CLOSE) ? n - 1 : n;
	for (guint i = 2; i < *end; i += 2)
		if (!token_is_text(token_at(response, i)) || i + 1 >= *end ||
		    !is_value(token_at(response, i + 1)))
			return FALSE;
	return TRUE;
}

gboolean
imap_metadata_parse(const ImapResponse *response, const char **mailbox, ImapMetadataFound found,
                    gpointer data, GError **error)
{
	const ImapToken *name = token_at(response, 0);
	guint end;

	*mailbox = token_is_text(name) ? name->text : NULL;
	if (!*mailbox)
		return response_fail(response, error, "mailbox name expected");
	if (!token_is(response, 1, IMAP_TOKEN_OPEN))
		return TRUE;
	if (!find_end(response, &end))
		return response_fail(response, error, "entries and values expected");
	for (guint i = 2; i < end; i += 2) {
		ImapAnnotation annotation =
			read_annotation(&response->tokens[i], &response->tokens[i + 1]);

		found(&annotation, data);
	}
	return TRUE;
}
