/*
 * Asking for notifications of all mailboxes (NOTIFY, RFC 5465).
 *
 * They are asked for with no mailbox open, so that the server tells of all in the same way, by
 * STATUS; of messages that come nothing is asked for. "personal" are the mailboxes of this user;
 * those of others, and shared ones, are named by where they begin (NAMESPACE, RFC 2342). Shared
 * ones may begin anyhow (Cyrus): such cannot be named, and are not told of.
 */
#include "watcher-private.h"

#include <string.h>

#define MAX_NAMESPACES 50

/* --- namespaces --- */

static void
namespace_free(gpointer data)
{
	WatchNamespace *space = data;

	g_free(space->prefix);
	g_free(space);
}

GPtrArray *
watch_namespaces_new(void)
{
	return g_ptr_array_new_with_free_func(namespace_free);
}

static void
on_namespace(int kind, const char *prefix, char delimiter, gpointer data)
{
	Watcher *watcher = data;
	gsize length = strlen(prefix);
	WatchNamespace *space;

	if (watcher->namespaces->len >= MAX_NAMESPACES)
		return;
	space = g_new0(WatchNamespace, 1);
	space->prefix = g_strdup(prefix);
	if (length && delimiter && prefix[length - 1] == delimiter)
		space->name_length = length - 1;
	space->personal = kind == 0;
	g_ptr_array_add(watcher->namespaces, space);
}

static gboolean
is_told_of(const Watcher *watcher, const WatchNamespace *space)
{
	return space->personal || (space->name_length && !watcher->no_foreign);
}

static gboolean
is_named(const Watcher *watcher, const WatchNamespace *space)
{
	return !space->personal && is_told_of(watcher, space);
}

static gboolean
watcher_names_any(const Watcher *watcher)
{
	for (guint i = 0; i < watcher->namespaces->len; i++)
		if (is_named(watcher, watcher->namespaces->pdata[i]))
			return TRUE;
	return FALSE;
}

gboolean
watcher_leaves_out(const Watcher *watcher)
{
	for (guint i = 0; i < watcher->namespaces->len; i++)
		if (!is_told_of(watcher, watcher->namespaces->pdata[i]))
			return TRUE;
	return watcher->namespaces->len >= MAX_NAMESPACES;
}

/* The top of a namespace may be a mailbox, too. */
static gboolean
namespace_has(const WatchNamespace *space, const char *mailbox)
{
	return g_str_has_prefix(mailbox, space->prefix) ||
	       (strlen(mailbox) == space->name_length &&
	        strncmp(mailbox, space->prefix, space->name_length) == 0);
}

/* The narrowest, or NULL. Of two that are called alike it is not this user's. */
static const WatchNamespace *
watcher_namespace_of(const Watcher *watcher, const char *mailbox)
{
	const WatchNamespace *best = NULL;

	for (guint i = 0; i < watcher->namespaces->len; i++) {
		const WatchNamespace *space = watcher->namespaces->pdata[i];

		if (namespace_has(space, mailbox) &&
		    (!best || strlen(space->prefix) >= strlen(best->prefix)))
			best = space;
	}
	return best;
}

/* A server that tells no namespaces has none but this user's. */
gboolean
watcher_is_notified(const Watcher *watcher, const char *mailbox)
{
	const WatchNamespace *space = watcher_namespace_of(watcher, mailbox);

	if (!watcher->namespaces->len || g_str_equal(watch_news_name(mailbox), "INBOX"))
		return TRUE;
	return space && is_told_of(watcher, space);
}

/* --- asking --- */

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	WatchLine *line = data;

	if (!g_str_equal(response->name, "NAMESPACE"))
		return FALSE;
	imap_namespace_parse(response, on_namespace, line->watcher, NULL);
	return TRUE;
}

static void
on_namespace_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	WatchLine *line = data;

	if (!tagged || watch_line_takes_a_break(line, error))
		return;
	line->watcher->knows_namespaces = TRUE;
	line->asked = FALSE; /* for notifications not yet */
}

static const ImapCommandHandler namespace_handler = {
	.untagged = on_untagged,
	.done = on_namespace_done,
};

/* What may be the reason is left out the next time. BADEVENT (RFC 5465 5): of the events only one
 * can be done without. */
static void
on_notify_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	WatchLine *line = data;
	Watcher *watcher = line->watcher;

	if (!tagged || !error || watch_line_takes_a_break(line, error))
		return;
	g_info("NOTIFY refused: %s", error->message);
	if (imap_response_has_code(tagged, "BADEVENT", NULL) && !watcher->fewer_events) {
		watcher->fewer_events = TRUE;
		line->asked = FALSE;
	} else if (watcher_names_any(watcher)) {
		watcher->no_foreign = TRUE;
		line->asked = FALSE;
	} else {
		watcher->fewer_events = watcher->no_foreign = FALSE; /* for the next time */
		watcher_refuse(watcher, &watcher->no_notify);
	}
}

static const ImapCommandHandler notify_handler = {.done = on_notify_done};

static void
add_namespaces(ImapCommand *command, const Watcher *watcher, const char *events)
{
	const char *separator = "";

	command_text(command, " (subtree (");
	for (guint i = 0; i < watcher->namespaces->len; i++) {
		const WatchNamespace *space = watcher->namespaces->pdata[i];
		g_autofree char *name = g_strndup(space->prefix, space->name_length);

		if (!is_named(watcher, space))
			continue;
		command_text(command, "%s", separator);
		command_astring(command, name);
		separator = " ";
	}
	command_text(command, ") (%s))", events);
}

static void
send_notify(WatchLine *line)
{
	ImapCommand *command = command_new("NOTIFY", &notify_handler, line);
	const Watcher *watcher = line->watcher;
	const char *events = watcher->fewer_events
	                             ? "MessageNew MessageExpunge FlagChange MailboxName"
	                             : "MessageNew MessageExpunge FlagChange MailboxName "
	                               "SubscriptionChange";

	command_text(command, "NOTIFY SET (personal (%s))", events);
	if (watcher_names_any(watcher))
		add_namespaces(command, watcher, events);
	session_send(line->session, command);
}

static void
send_namespace(WatchLine *line)
{
	ImapCommand *command = command_new("NAMESPACE", &namespace_handler, line);

	g_ptr_array_set_size(line->watcher->namespaces, 0);
	command_text(command, "NAMESPACE");
	session_send(line->session, command);
}

static void
on_unselect_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	WatchLine *line = data;

	if (!tagged)
		return;
	if (error)
		session_fail(line->session, g_error_copy(error)); /* it is open still */
	session_forget_selected(line->session);
	line->asked = FALSE; /* for notifications not yet */
}

static const ImapCommandHandler unselect_handler = {.done = on_unselect_done};

/* UNSELECT (RFC 3691) or, where the server does not know that, another connection. */
static void
send_unselect(WatchLine *line)
{
	ImapCommand *command;

	if (!session_offers(line->session, "UNSELECT")) {
		session_fail(line->session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
		                         "%s cannot leave a mailbox without opening another",
		                         line->watcher->settings.host));
		return;
	}
	command = command_new("UNSELECT", &unselect_handler, line);
	command_text(command, "UNSELECT");
	session_send(line->session, command);
}

void
watch_line_ask_for_all(WatchLine *line)
{
	if (session_selected(line->session)->name)
		send_unselect(line);
	else if (!line->watcher->knows_namespaces &&
	         session_has_capability(line->session, "NAMESPACE"))
		send_namespace(line);
	else
		send_notify(line);
}
