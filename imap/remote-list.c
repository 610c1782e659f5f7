/*
 * Which mailboxes there are: NAMESPACE (RFC 2342), LIST (RFC 3501 6.3.8) and, in the same answer,
 * STATUS (RFC 5819).
 *
 * LIST "" "*" shows other users' and shared mailboxes on most servers, not on all: a namespace of
 * which nothing was listed is asked for in a second round. A server whose extended LIST fails or is
 * empty is asked in the plain way, and not tempted again. Without STATUS in LIST's answer, but
 * where the figures are wanted, each mailbox is asked for its own in a last round: a few commands
 * at a time, for some servers stumble over many (Exchange over 50), and whatever they answer.
 */
#include "remote-operations.h"

#include <string.h>

#include "mutf7.h"

#define MAX_MAILBOXES 100000
#define MAX_ASKED     500 /* mailboxes, for their STATUS one by one */
#define MAX_IN_FLIGHT 25  /* of these */

typedef struct {
	char *name, *path;
	char delimiter;
	gboolean selectable, listed;
	gboolean has_figures;
	guint32 uidvalidity, messages, uidnext;
	guint64 highestmodseq;
} Listed;

typedef enum { ROUND_ALL, ROUND_NAMESPACES, ROUND_FIGURES } Round;

typedef struct {
	Operation operation;
	const RemoteListHandler *handler;
	gpointer data;
	gboolean figures; /* are wanted */
	gboolean *no_list_status;
	gboolean extended;     /* this run asked for LIST-STATUS */
	GHashTable *mailboxes; /* name -> Listed */
	GPtrArray *order;      /* the same, as they came */
	GPtrArray *prefixes;   /* of other users' and shared namespaces */
	Round round;
	guint n_asked; /* of order, for their STATUS */
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
		listed->uidnext = parsed.uidnext;
		listed->highestmodseq = parsed.highestmodseq;
		listed->has_figures = TRUE;
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

static const char *
list_items(const List *list)
{
	return session_has_modseqs(list->operation.session)
	               ? "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
	               : "(MESSAGES UIDNEXT UIDVALIDITY)";
}

static void
list_send(List *list, const char *prefix)
{
	ImapCommand *command = command_new("LIST", &list_handler, list);
	g_autofree char *pattern = g_strconcat(prefix, "*", NULL);

	command_text(command, "LIST \"\" ");
	command_astring(command, pattern);
	if (list->extended)
		command_text(command, " RETURN (STATUS %s)", list_items(list));
	operation_send(&list->operation, command);
}

/* --- figures one by one --- */

static void list_ask_next(List *list);

static void
on_status_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	List *list = data;

	if (tagged)
		list_ask_next(list);
	operation_command_done(&list->operation, tagged, tagged ? NULL : error);
}

/* The mailbox that this session has selected is left out (RFC 3501 6.3.10). */
static gboolean
list_should_ask(const List *list, const Listed *listed)
{
	const char *selected = session_selected(list->operation.session)->name;

	return listed->listed && listed->selectable && !listed->has_figures &&
	       g_strcmp0(listed->name, selected) != 0;
}

static void
list_ask_next(List *list)
{
	static const ImapCommandHandler handler = {.untagged = on_untagged, .done = on_status_done};

	while (list->n_asked < MIN(list->order->len, MAX_ASKED)) {
		const Listed *listed = list->order->pdata[list->n_asked++];
		ImapCommand *command;

		if (!list_should_ask(list, listed))
			continue;
		command = command_new("STATUS", &handler, list);
		command_text(command, "STATUS ");
		command_astring(command, listed->name);
		command_text(command, " %s", list_items(list));
		operation_send(&list->operation, command);
		return;
	}
}

/* What has been answered already is not asked again, should the connection break. */
static void
list_ask(List *list)
{
	list->n_asked = 0;
	for (guint i = 0; i < MAX_IN_FLIGHT; i++)
		list_ask_next(list);
}

/* --- rounds --- */

static void
list_start(Operation *operation)
{
	List *list = (List *)operation;
	ImapCommand *command;

	if (list->round == ROUND_FIGURES) {
		list_ask(list);
		return;
	}
	list->extended =
		!*list->no_list_status && session_has_capability(operation->session, "LIST-STATUS");
	if (list->round == ROUND_NAMESPACES) {
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
			.uidnext = listed->uidnext,
			.highestmodseq = listed->highestmodseq,
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

static gboolean
list_lacks_figures(const List *list)
{
	for (guint i = 0; i < list->order->len; i++) {
		const Listed *listed = list->order->pdata[i];

		if (listed->listed && listed->selectable && !listed->has_figures)
			return TRUE;
	}
	return FALSE;
}

/* After a round that went well, or that may fail. */
static gboolean
list_goes_on(List *list)
{
	if (list->round == ROUND_ALL && list_lacks_namespaces(list))
		list->round = ROUND_NAMESPACES;
	else if (list->round != ROUND_FIGURES && list->figures && !list->extended &&
	         list_lacks_figures(list))
		list->round = ROUND_FIGURES;
	else
		return FALSE;
	return TRUE;
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
	if (list->round != ROUND_ALL)
		error = NULL; /* the account's own mailboxes are here */
	if (!error && list_goes_on(list)) {
		operation_submit_again(operation);
		return;
	}
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
remote_list(ImapPool *pool, gboolean figures, gboolean *no_list_status,
            const RemoteListHandler *handler, gpointer data)
{
	List *list = g_new0(List, 1);

	list->handler = handler;
	list->data = data;
	list->figures = figures;
	list->no_list_status = no_list_status;
	list->mailboxes = g_hash_table_new(g_str_hash, g_str_equal);
	list->order = g_ptr_array_new_with_free_func(listed_free);
	list->prefixes = g_ptr_array_new_with_free_func(g_free);
	list->operation.start = list_start;
	list->operation.finish = list_finish;
	operation_submit(&list->operation, pool, NULL, 0);
}
