/*
 * What a mailbox holds: UID FETCH n:* for a listing (one round trip, SELECT or NOOP included), UID
 * SEARCH ALL for the bare set of UIDs.
 *
 * A message is told as soon as all that was asked for has come. Servers may spread that over
 * several FETCH responses; such halves wait in a table, and what is still incomplete at the end is
 * told then.
 */
#include "remote-operations.h"

#include <string.h>

#define MAX_HALVES                                                                                 \
	100000             /* messages waiting for their other half, which a server may never send \
	                    */
#define MAX_TAKEN 20000000 /* FETCH responses in one listing */

typedef struct {
	RemoteMessage message; /* header owned */
} Half;

typedef struct {
	Operation operation;
	const RemoteScanHandler *handler;
	gpointer data;
	guint32 after_uid;
	char *header_fields;
	gboolean opened;
	gboolean news; /* messages were told since the last batch() */
	guint n_taken;
	GHashTable *halves; /* uid -> Half */
	guint32 exists;
} Scan;

static void
half_free(gpointer data)
{
	Half *half = data;

	g_free((char *)half->message.header);
	g_free(half);
}

static void
scan_tell(Scan *scan, const RemoteMessage *message)
{
	scan->news = TRUE;
	scan->handler->message(message, scan->data);
}

static gboolean
scan_is_whole(const Scan *scan, const RemoteMessage *message, const ImapFetch *fetch)
{
	return fetch->has_size && fetch->has_internaldate &&
	       (!scan->header_fields || message->header);
}

static void
half_merge(Half *half, const RemoteMessage *news)
{
	if (news->has_size) {
		half->message.has_size = TRUE;
		half->message.size = news->size;
	}
	if (news->internaldate)
		half->message.internaldate = news->internaldate;
	if (news->header && !half->message.header) {
		half->message.header = g_memdup2(news->header, news->header_length + 1);
		half->message.header_length = news->header_length;
	}
}

static void
scan_take_half(Scan *scan, const RemoteMessage *news)
{
	Half *half = g_hash_table_lookup(scan->halves, GUINT_TO_POINTER(news->uid));

	if (!half) {
		if (g_hash_table_size(scan->halves) >= MAX_HALVES)
			return;
		half = g_new0(Half, 1);
		half->message.uid = news->uid;
		g_hash_table_insert(scan->halves, GUINT_TO_POINTER(news->uid), half);
	}
	half_merge(half, news);
	if (half->message.has_size && half->message.internaldate &&
	    (!scan->header_fields || half->message.header)) {
		scan_tell(scan, &half->message);
		g_hash_table_remove(scan->halves, GUINT_TO_POINTER(news->uid));
	}
}

static void
scan_open(Scan *scan)
{
	if (scan->opened)
		return;
	scan->opened = TRUE;
	scan->handler->opened(session_selected(scan->operation.session)->uidvalidity, scan->data);
}

static void
scan_take(Scan *scan, const ImapFetch *fetch)
{
	RemoteMessage message = {
		.uid = fetch->uid,
		.has_size = fetch->has_size,
		.size = fetch->size,
		.internaldate = fetch->internaldate,
		.header = fetch->header,
		.header_length = fetch->header_length,
	};

	scan_open(scan);
	if (scan_is_whole(scan, &message, fetch))
		scan_tell(scan, &message);
	else
		scan_take_half(scan, &message);
}

/* "n:*" brings the last message even if its UID is below n. */
static gboolean
on_fetch(const ImapResponse *response, gpointer data)
{
	Scan *scan = data;
	ImapFetch fetch;
	gboolean mine;

	if (!g_str_equal(response->name, "FETCH") || !imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	mine = fetch.uid && !fetch.has_body &&
	       (fetch.has_size || fetch.has_internaldate || fetch.header);
	if (mine && ++scan->n_taken > MAX_TAKEN)
		session_fail(scan->operation.session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		                         "a listing without an end"));
	else if (mine && fetch.uid > scan->after_uid && operation_mailbox_valid(&scan->operation))
		scan_take(scan, &fetch);
	imap_fetch_clear(&fetch);
	return mine;
}

static void
on_batch(gpointer data)
{
	Scan *scan = data;

	if (!scan->news)
		return;
	scan->news = FALSE;
	scan->handler->batch(scan->data);
}

/* An empty mailbox has no "1:*": some servers call that an error. */
static void
on_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Scan *scan = data;
	const ImapSelected *selected = session_selected(scan->operation.session);
	g_autoptr(GError) refused = NULL;

	if (tagged && selected->open && operation_mailbox_valid(&scan->operation)) {
		scan->exists = selected->exists;
		if (!selected->exists)
			error = NULL;
		if (!error)
			scan_open(scan);
	}
	if (tagged && g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE)) {
		refused =
			g_error_copy(error); /* of a message (EXPUNGEISSUED), not of the mailbox */
		refused->code = IMAPFS_ERROR_FAILED;
		error = refused;
	}
	operation_command_done(&scan->operation, tagged, error);
}

static const ImapCommandHandler fetch_handler = {
	.untagged = on_fetch,
	.batch = on_batch,
	.done = on_done,
};

/* A session that had the mailbox selected already learns by NOOP what has changed since; one that
 * is just selecting it learns it from that. */
static void
operation_refresh_view(Operation *operation)
{
	if (session_selected(operation->session)->open)
		operation_send_noop(operation);
}

static void
scan_start(Operation *operation)
{
	Scan *scan = (Scan *)operation;
	ImapCommand *command = command_new("FETCH", &fetch_handler, scan);

	scan->opened = FALSE;
	g_hash_table_remove_all(scan->halves);
	operation_refresh_view(operation);
	command_text(command, "UID FETCH %u:* (UID INTERNALDATE RFC822.SIZE", scan->after_uid + 1);
	if (scan->header_fields)
		command_text(command, " BODY.PEEK[HEADER.FIELDS (%s)]", scan->header_fields);
	command_text(command, ")");
	operation_send(operation, command);
}

static gboolean
tell_half(gpointer key, gpointer value, gpointer data)
{
	(void)key;
	scan_tell(data, &((Half *)value)->message);
	return TRUE;
}

static void
scan_finish(Operation *operation, const GError *error)
{
	Scan *scan = (Scan *)operation;

	if (!error && operation_is_outdated(operation)) {
		operation_submit_again(operation);
		return;
	}
	if (!error)
		g_hash_table_foreach_remove(scan->halves, tell_half, scan);
	scan->handler->done(scan->exists, error, scan->data);
	g_hash_table_unref(scan->halves);
	g_free(scan->header_fields);
	operation_clear(operation);
	g_free(scan);
}

void
remote_scan(ImapPool *pool, const RemoteScan *arguments, const RemoteScanHandler *handler,
            gpointer data)
{
	Scan *scan = g_new0(Scan, 1);

	scan->handler = handler;
	scan->data = data;
	scan->after_uid = MIN(arguments->after_uid, G_MAXUINT32 - 1);
	scan->header_fields = g_strdup(arguments->header_fields);
	scan->halves = g_hash_table_new_full(NULL, NULL, NULL, half_free);
	scan->operation.job.kind = scan->after_uid ? JOB_SHORT : JOB_LISTING;
	scan->operation.start = scan_start;
	scan->operation.finish = scan_finish;
	operation_submit(&scan->operation, pool, arguments->mailbox, arguments->uidvalidity);
}

/* --- the bare set of UIDs --- */

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
