/*
 * response-labels.c: Gmail's labels (X-GM-LABELS), which are named like mailboxes.
 */
#include "response.h"

#include "mutf7.h"
#include "token.h"

#include <string.h>

#define MAX_LABELS (16 * 1024) /* bytes of text */

/* On one line, whatever it is called. */
static char *
label_to_text(const char *label)
{
	g_autofree char *decoded = mutf7_decode(label);

	return imap_printable(decoded ? decoded : label, -1);
}

gboolean
imap_labels_to_text(const ImapResponse *response, const ImapFetch *fetch, GString *text)
{
	guint end = token_skip(response, fetch->labels);

	g_string_truncate(text, 0);
	if (!fetch->labels)
		return FALSE;
	for (guint i = fetch->labels + 1; i < end; i++) {
		const ImapToken *token = &response->tokens[i];
		g_autofree char *label = NULL;

		if (!token_is_text(token) || !token->length)
			continue;
		label = label_to_text(token->text);
		if (text->len + strlen(label) >= MAX_LABELS)
			return FALSE;
		g_string_append_printf(text, "%s%s", text->len ? "\n" : "", label);
	}
	return TRUE;
}
