/*
 * response-search.c: responses that name many messages: SEARCH, ESEARCH, VANISHED.
 */
#include "response.h"

#include "token.h"

#include <string.h>

/* SEARCH, all in one token: "2 84 882", perhaps with "(MODSEQ 917162500)" behind it (RFC 7162). */
static gboolean
read_search(const ImapResponse *response, UidSet *uids, GError **error)
{
	const char *at = response->n_tokens > 0 ? response->tokens[0].text : "";

	for (;;) {
		guint64 uid = 0;
		while (*at == ' ' || *at == '\t')
			at++;
		if (*at == '\0' || *at == '(')
			return TRUE;
		if (!g_ascii_isdigit(*at))
			return response_fail(response, error, "UID expected");
		for (; g_ascii_isdigit(*at) && uid <= G_MAXUINT32; at++)
			uid = uid * 10 + (*at - '0');
		if (uid > G_MAXUINT32)
			return response_fail(response, error, "UID too large");
		uid_set_add(uids, uid);
	}
}

/* (TAG "A282"), if the response begins with it. Returns the index of what follows. */
static guint
read_correlator(const ImapResponse *response, const char **tag)
{
	if (!token_is(response, 0, IMAP_TOKEN_OPEN))
		return 0;
	if (token_is_atom(token_at(response, 1), "TAG") && token_is_text(token_at(response, 2)))
		*tag = response->tokens[2].text;
	return token_skip(response, 0);
}

/* RFC 4731: ( TAG ...) UID MIN 1 ALL 1:17,21. Without the word UID the numbers are sequence
 * numbers, and would be taken for other messages. */
static gboolean
read_esearch(const ImapResponse *response, UidSet *uids, const char **tag, GError **error)
{
	guint i = read_correlator(response, tag);
	gboolean is_uid = token_is_atom(token_at(response, i), "UID");

	if (response->n_tokens ==
	    0) /* a line that could not be cut, and not a search without a hit */
		return response_fail(response, error, "no result");
	if (is_uid)
		i++;
	for (; i + 1 < response->n_tokens; i = token_skip(response, i + 1)) {
		const ImapToken *value = &response->tokens[i + 1];
		if (!token_is_atom(&response->tokens[i], "ALL"))
			continue;
		if (!is_uid)
			return response_fail(response, error, "UID expected");
		if (!token_is_text(value))
			return response_fail(response, error, "set expected");
		if (!uid_set_parse(uids, value->text, error))
			return FALSE;
	}
	return TRUE;
}

gboolean
imap_search_parse(const ImapResponse *response, UidSet *uids, const char **tag, GError **error)
{
	const char *found_tag = NULL;
	gboolean ok = strcmp(response->name, "ESEARCH") == 0
	                      ? read_esearch(response, uids, &found_tag, error)
	                      : read_search(response, uids, error);

	if (tag)
		*tag = found_tag;
	return ok;
}

gboolean
imap_vanished_parse(const ImapResponse *response, UidSet *uids, gboolean *earlier, GError **error)
{
	guint i = 0;

	*earlier = token_is(response, 0, IMAP_TOKEN_OPEN) &&
	           token_is_atom(token_at(response, 1), "EARLIER");
	if (*earlier)
		i = token_skip(response, 0);
	if (!token_is_text(token_at(response, i)))
		return response_fail(response, error, "set expected");
	return uid_set_parse(uids, response->tokens[i].text, error);
}
