/*
 * Which mailboxes there are: NAMESPACE (RFC 2342), LIST (RFC 3501 6.3.8) and, in the same answer,
 * STATUS (RFC 5819).
 *
 * LIST "" "*" shows other users' and shared mailboxes on most servers, not on all: a namespace of
 * which nothing was listed is asked for in a second round. A server whose extended LIST fails or is
 * empty is asked in the plain way, and not tempted again.
 */
#include "remote-operations.h"

#include <string.h>

#include "mutf7.h"

#define MAX_MAILBOXES 100000

typedef struct {
	char *name, *path;
	char delimiter;
	gboolean selectable, listed;
	guint32 uidvalidity, messages;
} Listed;

typedef struct {
	Operation operation;
	const RemoteListHandler *handler;
	gpointer data;
	gboolean *no_list_status;
	gboolean extended;     /* this run asked for LIST-STATUS */
	GHashTable *mailboxes; /* name -> Listed */
	GPtrArray *order;      /* the same, as they came */
	GPtrArray *prefixes;   /* of other users' and shared namespaces */
	gboolean second_round; /* listing prefixes */
} List;

static void
listed_free(gpointer data)
{
	Listed *listed = data;

	g_free(listed->name);
	g_free(listed->path);
	g_free(listed);
}

static Listed *
list_mailbox(List *list, const char *name)
{
	Listed *listed = g_hash_table_lookup(list->mailboxes, name);

	if (listed || list->order->len >= MAX_MAILBOXES)
		return listed;
	listed = g_new0(Listed, 1);
	listed->name = g_strdup(name);
	listed->path = mutf7_decode(name);
	if (!listed->path)
		listed->path = g_strdup(name);
	g_hash_table_insert(list->mailboxes, listed->name, listed);
	g_ptr_array_add(list->order, listed);
	return listed;
}

static gboolean
list_take_list(List *list, const ImapResponse *response)
{
	ImapList parsed;
	Listed *listed;

	if (!imap_list_parse(response, &parsed, NULL))
		return FALSE;
	listed = *parsed.name ? list_mailbox(list, parsed.name) : NULL;
	if (listed) {
		listed->listed = TRUE;
		listed->delimiter = parsed.delimiter;
		listed->selectable = !(parsed.attributes & IMAP_LIST_NOSELECT);
	}
	return TRUE;
}

/* May come before the LIST that it belongs to. */
static gboolean
list_take_status(List *list, const ImapResponse *response)
{
	ImapStatus parsed;
	Listed *listed;

	if (!imap_status_parse(response, &parsed, NULL))
		return FALSE;
	listed = list_mailbox(list, parsed.name);
	if (listed) {
		listed->uidvalidity = parsed.uidvalidity;
		listed->messages = parsed.messages;
	}
	return TRUE;
}

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	if (g_str_equal(response->name, "LIST"))
		return list_take_list(data, response);
	if (g_str_equal(response->name, "STATUS"))
		return list_take_status(data, response);
	return FALSE;
}

static const ImapCommandHandler list_handler = {.untagged = on_untagged, .done = operation_on_done};

static void
on_namespace_found(int kind, const char *prefix, char delimiter, gpointer data)
{
	List *list = data;

	(void)delimiter;
	if (kind != 0 && *prefix && list->prefixes->len < 100)
		g_ptr_array_add(list->prefixes, g_strdup(prefix));
}

static gboolean
on_namespace(const ImapResponse *response, gpointer data)
{
	return g_str_equal(response->name, "NAMESPACE") &&
	       imap_namespace_parse(response, on_namespace_found, data, NULL);
}

/* Some servers refuse it although they announce it: then there are no namespaces. */
static void
on_namespace_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	operation_command_done(data, tagged, tagged ? NULL : error);
}

static const ImapCommandHandler namespace_handler = {
	.untagged = on_namespace,
	.done = on_namespace_done,
};

static void
list_send(List *list, const char *prefix)
{
	ImapCommand *command = command_new("LIST", &list_handler, list);
	g_autofree char *pattern = g_strconcat(prefix, "*", NULL);

	command_text(command, "LIST \"\" ");
	command_astring(command, pattern);
	if (list->extended)
		command_text(command, " RETURN (STATUS (MESSAGES UIDVALIDITY))");
	operation_send(&list->operation, command);
}

static void
list_start(Operation *operation)
{
	List *list = (List *)operation;
	ImapCommand *command;

	list->extended =
		!*list->no_list_status && session_has_capability(operation->session, "LIST-STATUS");
	if (list->second_round) {
		for (guint i = 0; i < list->prefixes->len; i++)
			list_send(list, list->prefixes->pdata[i]);
		return;
	}
	g_ptr_array_set_size(list->prefixes, 0);
	if (session_has_capability(operation->session, "NAMESPACE")) {
		command = command_new("NAMESPACE", &namespace_handler, list);
		command_text(command, "NAMESPACE");
		operation_send(operation, command);
	}
	list_send(list, "");
}

static gboolean
list_has_prefix(const List *list, const char *prefix)
{
	for (guint i = 0; i < list->order->len; i++)
		if (g_str_has_prefix(((Listed *)list->order->pdata[i])->name, prefix))
			return TRUE;
	return FALSE;
}

/* Leaves the namespaces of which nothing was listed; whether there are any. */
static gboolean
list_lacks_namespaces(List *list)
{
	for (guint i = list->prefixes->len; i-- > 0;)
		if (list_has_prefix(list, list->prefixes->pdata[i]))
			g_ptr_array_remove_index(list->prefixes, i);
	return list->prefixes->len > 0;
}

static gint
compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp((*(const Listed *const *)a)->path, (*(const Listed *const *)b)->path);
}

static void
list_tell(List *list)
{
	g_ptr_array_sort(list->order, compare_paths);
	for (guint i = 0; i < list->order->len; i++) {
		const Listed *listed = list->order->pdata[i];
		RemoteMailbox mailbox = {
			.name = listed->name,
			.path = listed->path,
			.delimiter = listed->delimiter,
			.selectable = listed->selectable,
			.uidvalidity = listed->uidvalidity,
			.messages = listed->messages,
		};

		if (listed->listed)
			list->handler->mailbox(&mailbox, list->data);
	}
}

static gboolean
list_should_ask_plainly(List *list, const GError *error)
{
	return list->extended &&
	       (error ? g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL) ||
	                        g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED)
	              : !list->order->len);
}

static void
list_finish(Operation *operation, const GError *error)
{
	List *list = (List *)operation;

	if (list_should_ask_plainly(list, error)) {
		*list->no_list_status = TRUE;
		operation_submit_again(operation);
		return;
	}
	if (!error && !list->second_round && list_lacks_namespaces(list)) {
		list->second_round = TRUE;
		operation_submit_again(operation);
		return;
	}
	if (list->second_round)
		error = NULL; /* the account's own mailboxes are here */
	if (!error)
		list_tell(list);
	list->handler->done(error, list->data);
	g_hash_table_unref(list->mailboxes);
	g_ptr_array_unref(list->order);
	g_ptr_array_unref(list->prefixes);
	operation_clear(operation);
	g_free(list);
}

void
remote_list(ImapPool *pool, gboolean *no_list_status, const RemoteListHandler *handler,
            gpointer data)
{
	List *list = g_new0(List, 1);

	list->handler = handler;
	list->data = data;
	list->no_list_status = no_list_status;
	list->mailboxes = g_hash_table_new(g_str_hash, g_str_equal);
	list->order = g_ptr_array_new_with_free_func(listed_free);
	list->prefixes = g_ptr_array_new_with_free_func(g_free);
	list->operation.start = list_start;
	list->operation.finish = list_finish;
	operation_submit(&list->operation, pool, NULL, 0);
}
