/*
 * Which mailboxes there are: NAMESPACE (RFC 2342), LIST (RFC 3501 6.3.8) and, in the same answer,
 * STATUS (RFC 5819), what a mailbox is for (RFC 6154), whether it is subscribed to (RFC 5258) and
 * the user's rights (RFC 8440). What it is for many servers tell in any answer to LIST, others only
 * if asked. Those that cannot say in it what is subscribed to are asked by LSUB (RFC 3501 6.3.9),
 * in the same round trip.
 *
 * LIST "" "*" shows other users' and shared mailboxes on most servers, not on all: a namespace of
 * which nothing was listed is asked for in a second round. A server whose extended LIST fails or is
 * empty is asked in the plain way, and not tempted again. Without STATUS in LIST's answer, but
 * where the figures are wanted, each mailbox is asked for its own in a last round: a few commands
 * at a time, for some servers stumble over many (Exchange over 50), and whatever they answer.
 */
#include "listed.h"
#include "remote-operations.h"

#include <string.h>

#define MAX_ASKED     500 /* mailboxes, for their STATUS one by one */
#define MAX_IN_FLIGHT 25  /* of these */

typedef enum { ROUND_ALL, ROUND_NAMESPACES, ROUND_FIGURES } Round;

typedef struct {
	Operation operation;
	const RemoteListHandler *handler;
	gpointer data;
	gboolean figures; /* are wanted */
	RemoteListMemory *memory;
	/* What this run asks for in LIST, as the server can: */
	gboolean extended;   /* any of it */
	gboolean status;     /* LIST-STATUS */
	gboolean subscribed; /* LIST-EXTENDED */
	gboolean rights;     /* LIST-MYRIGHTS */
	ListedMailboxes mailboxes;
	GPtrArray *prefixes; /* of other users' and shared namespaces */
	Round round;
	guint n_asked; /* of order, for their STATUS */
} List;

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	List *list = data;

	return listed_take(&list->mailboxes, response, list->rights);
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

/* Which are subscribed to is worth no error. */
static gboolean
on_lsub(const ImapResponse *response, gpointer data)
{
	return listed_take_lsub(&((List *)data)->mailboxes, response);
}

static void
on_lsub_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	List *list = data;

	list->memory->no_lsub |= tagged && error;
	operation_command_done(&list->operation, tagged, tagged ? NULL : error);
}

static const ImapCommandHandler lsub_handler = {.untagged = on_lsub, .done = on_lsub_done};

static const char *
list_items(const List *list)
{
	return session_has_modseqs(list->operation.session)
	               ? "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)"
	               : "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)";
}

/* RFC 5258 3.2, 6154 5, 8440 4, 5819 2. */
static void
list_write_options(const List *list, ImapCommand *command)
{
	const char *options[6] = {NULL};
	g_autofree char *joined = NULL;
	guint n = 0;

	if (list->subscribed)
		options[n++] = "SUBSCRIBED";
	if (session_has_capability(list->operation.session, "SPECIAL-USE"))
		options[n++] = "SPECIAL-USE";
	if (list->rights)
		options[n++] = "MYRIGHTS";
	if (list->status) {
		options[n++] = "STATUS";
		options[n++] = list_items(list);
	}
	joined = g_strjoinv(" ", (char **)options);
	command_text(command, " RETURN (%s)", joined);
}

static void
list_send_lsub(List *list, const char *pattern)
{
	ImapCommand *command = command_new("LSUB", &lsub_handler, list);

	command_text(command, "LSUB \"\" ");
	command_astring(command, pattern);
	operation_send(&list->operation, command);
}

static void
list_send(List *list, const char *prefix)
{
	ImapCommand *command = command_new("LIST", &list_handler, list);
	g_autofree char *pattern = g_strconcat(prefix, "*", NULL);

	command_text(command, "LIST \"\" ");
	command_astring(command, pattern);
	if (list->extended)
		list_write_options(list, command);
	operation_send(&list->operation, command);
	if (!list->subscribed && !list->memory->no_lsub)
		list_send_lsub(list, pattern);
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
	const GPtrArray *order = list->mailboxes.order;

	while (list->n_asked < MIN(order->len, MAX_ASKED)) {
		const Listed *listed = order->pdata[list->n_asked++];
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

/* RETURN stands in RFC 5258; who announces only what builds on it has it too. */
static void
list_choose_options(List *list)
{
	const ImapSession *session = list->operation.session;

	list->status = session_has_capability(session, "LIST-STATUS");
	list->subscribed = session_has_capability(session, "LIST-EXTENDED");
	list->extended = !list->memory->no_extended && (list->status || list->subscribed);
	list->status &= list->extended;
	list->subscribed &= list->extended;
	list->rights = list->extended && session_has_capability(session, "LIST-MYRIGHTS");
}

static void
list_start(Operation *operation)
{
	List *list = (List *)operation;
	ImapCommand *command;

	if (list->round == ROUND_FIGURES) {
		list_ask(list);
		return;
	}
	list_choose_options(list);
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
	const GPtrArray *order = list->mailboxes.order;

	for (guint i = 0; i < order->len; i++)
		if (g_str_has_prefix(((Listed *)order->pdata[i])->name, prefix))
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

static gboolean
list_should_ask_plainly(List *list, const GError *error)
{
	return list->extended &&
	       (error ? g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL) ||
	                        g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED)
	              : !list->mailboxes.order->len);
}

static gboolean
list_lacks_figures(const List *list)
{
	const GPtrArray *order = list->mailboxes.order;

	for (guint i = 0; i < order->len; i++) {
		const Listed *listed = order->pdata[i];

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
	else if (list->round != ROUND_FIGURES && list->figures && !list->status &&
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
		list->memory->no_extended = TRUE;
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
		listed_tell(&list->mailboxes, list->handler, list->data);
	list->handler->done(error, list->data);
	listed_clear(&list->mailboxes);
	g_ptr_array_unref(list->prefixes);
	operation_clear(operation);
	g_free(list);
}

void
remote_list(ImapPool *pool, gboolean figures, RemoteListMemory *memory,
            const RemoteListHandler *handler, gpointer data)
{
	List *list = g_new0(List, 1);

	list->handler = handler;
	list->data = data;
	list->figures = figures;
	list->memory = memory;
	listed_init(&list->mailboxes);
	list->prefixes = g_ptr_array_new_with_free_func(g_free);
	list->operation.start = list_start;
	list->operation.finish = list_finish;
	operation_submit(&list->operation, pool, NULL, 0);
}
