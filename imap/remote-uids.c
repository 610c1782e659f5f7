/*
 * Which UIDs a mailbox has: UID SEARCH ALL (RFC 3501 6.4.4), as ranges where the server can
 * (ESEARCH, RFC 4731).
 */
#include "remote-operations.h"

#include <string.h>

typedef struct {
	Operation operation;
	const RemoteUidsHandler *handler;
	gpointer data;
	char tag[sizeof(((ImapCommand *)NULL)->tag)];
	UidSet *uids;
	gboolean answered;
	guint32 exists;
} Uids;

static void
uids_fail(Uids *uids, const char *what)
{
	if (!uids->operation.error)
		uids->operation.error =
			g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "SEARCH: %s", what);
}

static void
uids_take(Uids *uids, const UidSet *found)
{
	guint n_ranges;
	const UidRange *ranges = uid_set_ranges(found, &n_ranges);

	uids->answered = TRUE;
	for (guint i = 0; i < n_ranges; i++)
		uid_set_add_range(uids->uids, ranges[i].first, ranges[i].last);
}

static gboolean
on_search(const ImapResponse *response, gpointer data)
{
	Uids *uids = data;
	g_autoptr(UidSet) found = uid_set_new();
	gboolean whole;
	const char *tag = NULL;

	if (!g_str_equal(response->name, "SEARCH") && !g_str_equal(response->name, "ESEARCH"))
		return FALSE;
	whole = imap_search_parse(response, found, &tag, NULL);
	if (tag && !g_str_equal(tag, uids->tag))
		return FALSE;
	if (!whole)
		uids_fail(uids, "an answer that makes no sense");
	else if (operation_mailbox_valid(&uids->operation))
		uids_take(uids, found);
	return TRUE;
}

/* What is not among the UIDs is taken for expunged, so no answer is not an empty one, except of a
 * mailbox that is. */
static void
on_searched(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Uids *uids = data;

	uids->exists = session_selected(uids->operation.session)->exists;
	if (tagged && !error && operation_mailbox_valid(&uids->operation) && !uids->answered &&
	    uids->exists)
		uids_fail(uids, "no answer");
	operation_command_done(&uids->operation, tagged, error);
}

static const ImapCommandHandler search_handler = {.untagged = on_search, .done = on_searched};

/* A session that had the mailbox selected already learns by NOOP what has changed since; one that
 * is just selecting it learns it from that. */
static void
operation_refresh_view(Operation *operation)
{
	if (session_selected(operation->session)->open)
		operation_send_noop(operation);
}

static void
uids_start(Operation *operation)
{
	Uids *uids = (Uids *)operation;
	ImapCommand *command = command_new("SEARCH", &search_handler, uids);

	g_clear_pointer(&uids->uids, uid_set_free);
	uids->uids = uid_set_new();
	uids->answered = FALSE;
	memcpy(uids->tag, command->tag, sizeof(uids->tag));
	operation_refresh_view(operation);
	command_text(command, session_has_capability(operation->session, "ESEARCH")
	                              ? "UID SEARCH RETURN (ALL) ALL"
	                              : "UID SEARCH ALL");
	operation_send(operation, command);
}

static void
uids_finish(Operation *operation, const GError *error)
{
	Uids *uids = (Uids *)operation;
	guint n_ranges = 0;
	const UidRange *ranges = error ? NULL : uid_set_ranges(uids->uids, &n_ranges);

	if (!error && operation_is_outdated(operation)) {
		operation_submit_again(operation);
		return;
	}
	for (guint i = 0; i < n_ranges; i++)
		uids->handler->range(ranges[i].first, ranges[i].last, uids->data);
	uids->handler->done(uids->exists, error, uids->data);
	g_clear_pointer(&uids->uids, uid_set_free);
	operation_clear(operation);
	g_free(uids);
}

void
remote_uids(ImapPool *pool, const char *mailbox, guint32 uidvalidity,
            const RemoteUidsHandler *handler, gpointer data)
{
	Uids *uids = g_new0(Uids, 1);

	uids->handler = handler;
	uids->data = data;
	uids->operation.start = uids_start;
	uids->operation.finish = uids_finish;
	operation_submit(&uids->operation, pool, mailbox, uidvalidity);
}
