/*
 * response-quota.c: how much there may be: QUOTAROOT and QUOTA (RFC 9208 5).
 */
#include "response.h"

#include "token.h"

gboolean
imap_quotaroot_parse(const ImapResponse *response, const char **mailbox, ImapQuotaRootFound found,
                     gpointer data, GError **error)
{
	const ImapToken *name = token_at(response, 0);

	*mailbox = token_is_text(name) ? name->text : NULL;
	if (!*mailbox)
		return response_fail(response, error, "mailbox name expected");
	for (guint i = 1; i < response->n_tokens; i++)
		if (!token_is_text(&response->tokens[i]))
			return response_fail(response, error, "names of roots expected");
	for (guint i = 1; i < response->n_tokens; i++)
		found(response->tokens[i].text, data);
	return TRUE;
}

/* What is no resource, usage and limit is left out: "-1" and 2^64 have been seen. */
gboolean
imap_quota_parse(const ImapResponse *response, ImapQuotaFound found, gpointer data, GError **error)
{
	const ImapToken *root = token_at(response, 0);
	guint64 usage, limit;

	if (!token_is_text(root))
		return response_fail(response, error, "name of a root expected");
	if (!token_is(response, 1, IMAP_TOKEN_OPEN))
		return response_fail(response, error, "list expected");
	for (guint i = 2; i + 2 < response->n_tokens; i += 3) {
		const ImapToken *resource = &response->tokens[i];

		if (token_is_text(resource) && resource->length > 0 &&
		    token_is_number(&response->tokens[i + 1], NUMBER_MAX, &usage) &&
		    token_is_number(&response->tokens[i + 2], NUMBER_MAX, &limit))
			found(root->text, resource->text, usage, limit, data);
	}
	return TRUE;
}
