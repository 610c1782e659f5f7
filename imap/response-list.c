/*
 * response-list.c: responses about mailboxes: LIST, STATUS, NAMESPACE.
 */
#include "response.h"

#include "token.h"

#include <string.h>

static ImapListAttributes
look_up_attribute(const char *name)
{
	static const struct {
		const char *name;
		ImapListAttributes attribute;
	} table[] = {
		{"\\HasNoChildren", IMAP_LIST_HAS_NO_CHILDREN},
		{"\\HasChildren", IMAP_LIST_HAS_CHILDREN},
		{"\\Noselect", IMAP_LIST_NOSELECT},
		{"\\NonExistent", IMAP_LIST_NOSELECT},
		{"\\Noinferiors", IMAP_LIST_NOINFERIORS},
		{"\\Subscribed", IMAP_LIST_SUBSCRIBED},
		{"\\All", IMAP_LIST_ALL},
		{"\\Archive", IMAP_LIST_ARCHIVE},
		{"\\Drafts", IMAP_LIST_DRAFTS},
		{"\\Flagged", IMAP_LIST_FLAGGED},
		{"\\Junk", IMAP_LIST_JUNK},
		{"\\Sent", IMAP_LIST_SENT},
		{"\\Trash", IMAP_LIST_TRASH},
	};

	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
		if (g_ascii_strcasecmp(table[i].name, name) == 0)
			return table[i].attribute;
	}
	return 0;
}

/* NIL or "" for a flat hierarchy, else one character. */
static gboolean
read_delimiter(const ImapToken *token, char *delimiter)
{
	*delimiter = '\0';
	if (token_is_atom(token, "NIL"))
		return TRUE;
	if (!token_is_text(token) || token->length > 1)
		return FALSE;
	*delimiter = token->text[0];
	return TRUE;
}

gboolean
imap_list_parse(const ImapResponse *response, ImapList *list, GError **error)
{
	guint i = token_skip(response, 0);
	const ImapToken *name = token_at(response, i + 1);

	memset(list, 0, sizeof(*list));
	if (!token_is(response, 0, IMAP_TOKEN_OPEN))
		return response_fail(response, error, "attributes expected");
	for (guint k = 1; k < i; k++)
		list->attributes |= look_up_attribute(response->tokens[k].text);
	if (!read_delimiter(token_at(response, i), &list->delimiter))
		return response_fail(response, error, "delimiter expected");
	if (!token_is_text(name))
		return response_fail(response, error, "mailbox name expected");
	list->name = name->text; /* NIL is a name here like any other */
	return TRUE;
}

static void
read_status_item(ImapStatus *status, const ImapToken *name, const ImapToken *value)
{
	const struct {
		const char *name;
		ImapStatusItems item;
		guint32 *number;
		guint64 *number64;
	} table[] = {
		{"MESSAGES", IMAP_STATUS_MESSAGES, &status->messages, NULL},
		{"UIDNEXT", IMAP_STATUS_UIDNEXT, &status->uidnext, NULL},
		{"UIDVALIDITY", IMAP_STATUS_UIDVALIDITY, &status->uidvalidity, NULL},
		{"UNSEEN", IMAP_STATUS_UNSEEN, &status->unseen, NULL},
		{"HIGHESTMODSEQ", IMAP_STATUS_HIGHESTMODSEQ, NULL, &status->highestmodseq},
		{"SIZE", IMAP_STATUS_SIZE, NULL, &status->size},
	};
	guint64 number;

	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
		guint64 max = table[i].number ? G_MAXUINT32 : NUMBER_MAX;
		if (!token_is_atom(name, table[i].name) || !token_is_number(value, max, &number))
			continue;
		status->has |= table[i].item;
		if (table[i].number)
			*table[i].number = number;
		else
			*table[i].number64 = number;
	}
}

gboolean
imap_status_parse(const ImapResponse *response, ImapStatus *status, GError **error)
{
	const ImapToken *name = token_at(response, 0);
	guint i;

	memset(status, 0, sizeof(*status));
	if (!token_is_text(name))
		return response_fail(response, error, "mailbox name expected");
	if (!token_is(response, 1, IMAP_TOKEN_OPEN))
		return response_fail(response, error, "list expected");
	status->name = name->text;
	for (i = 2; i + 1 < response->n_tokens; i = token_skip(response, i + 1))
		read_status_item(status, &response->tokens[i], &response->tokens[i + 1]);
	return TRUE;
}

/* One namespace from its '(' at @i: prefix, delimiter, and extensions that do not matter. */
static gboolean
read_namespace(const ImapResponse *response, guint i, int kind, ImapNamespaceFound found,
               gpointer data)
{
	const ImapToken *prefix = token_at(response, i + 1);
	char delimiter;

	if (!token_is(response, i, IMAP_TOKEN_OPEN) || !token_is_text(prefix) ||
	    !read_delimiter(token_at(response, i + 2), &delimiter))
		return FALSE;
	found(kind, token_is_atom(prefix, "NIL") ? "" : prefix->text, delimiter, data);
	return TRUE;
}

gboolean
imap_namespace_parse(const ImapResponse *response, ImapNamespaceFound found, gpointer data,
                     GError **error)
{
	guint i = 0;

	for (int kind = 0; kind < 3; kind++) {
		guint end = token_skip(response, i);
		if (i == response->n_tokens)
			return response_fail(response, error, "three lists expected");
		if (token_is(response, i, IMAP_TOKEN_OPEN)) {
			for (i++; i + 1 < end; i = token_skip(response, i)) {
				if (!read_namespace(response, i, kind, found, data))
					return response_fail(response, error, "bad namespace");
			}
		}
		i = end;
	}
	return TRUE;
}
