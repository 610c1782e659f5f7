/*
 * response-rights.c: who may do what with a mailbox: MYRIGHTS and ACL (RFC 4314 3.6 and 3.8).
 */
#include "response.h"

#include "token.h"

#include <string.h>

#define MAX_RIGHTS 64 /* letters: there are 26, and ten digits */

gboolean
imap_is_rights(const char *text)
{
	gsize n = 0;

	while (g_ascii_isalnum(text[n]))
		n++;
	return !text[n] && n <= MAX_RIGHTS;
}

/* The mailbox that the response is about, or NULL. */
static const char *
read_mailbox(const ImapResponse *response)
{
	const ImapToken *token = token_at(response, 0);

	return token_is_text(token) ? token->text : NULL;
}

static const char *
read_rights(const ImapResponse *response, guint i)
{
	const ImapToken *token = token_at(response, i);

	return token_is_text(token) && imap_is_rights(token->text) ? token->text : NULL;
}

gboolean
imap_myrights_parse(const ImapResponse *response, const char **mailbox, const char **rights,
                    GError **error)
{
	*mailbox = read_mailbox(response);
	*rights = read_rights(response, 1);
	if (!*mailbox)
		return response_fail(response, error, "mailbox name expected");
	if (!*rights)
		return response_fail(response, error, "rights expected");
	return TRUE;
}

gboolean
imap_acl_parse(const ImapResponse *response, const char **mailbox, ImapAclFound found,
               gpointer data, GError **error)
{
	*mailbox = read_mailbox(response);
	if (!*mailbox)
		return response_fail(response, error, "mailbox name expected");
	for (guint i = 1; i < response->n_tokens; i += 2)
		if (!token_is_text(token_at(response, i)) || !read_rights(response, i + 1))
			return response_fail(response, error, "identifier and rights expected");
	for (guint i = 1; i < response->n_tokens; i += 2)
		found(response->tokens[i].text, response->tokens[i + 1].text, data);
	return TRUE;
}
