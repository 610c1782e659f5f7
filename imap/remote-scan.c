/*
 * What a mailbox holds: UID FETCH n:* for a listing (one round trip, SELECT or NOOP included), and
 * in the same round trip what has changed of the messages before that (remote-changes.c).
 *
 * A message is told as soon as its size, date and header have come. Servers may spread what was
 * asked for over several FETCH responses; such halves wait in a table, and what is still incomplete
 * at the end is told then. A half of nothing but flags may also be news of a message that has been
 * told: at the end it counts as that.
 */
#include "remote-changes.h"
#include "remote-operations.h"

#include <string.h>

#define MAX_HALVES                                                                                 \
	100000                /* messages waiting for their other half, which a server may never   \
	                       * send */
#define MAX_TAKEN    20000000 /* FETCH responses in one listing */
#define MAX_VANISHED 1000000  /* ranges in one scan: they are but hints */

typedef struct {
	RemoteMessage message; /* strings owned */
} Half;

typedef struct {
	Operation operation;
	const RemoteScanHandler *handler;
	gpointer data;
	guint32 after_uid;
	char *header_fields;
	Changes changes;
	gboolean opened;
	gboolean news; /* messages or flags were told since the last batch() */
	guint n_taken, n_vanished;
	GHashTable *halves; /* uid -> Half */
	GString *flags;     /* of the message at hand */
	RemoteScanned scanned;
	guint32 last_uid; /* the highest that came */
} Scan;

static void
half_free(gpointer data)
{
	Half *half = data;

	g_free((char *)half->message.header);
	g_free((char *)half->message.flags);
	g_free((char *)half->message.email_id);
	g_free(half);
}

static void
scan_tell(Scan *scan, const RemoteMessage *message)
{
	scan->news = TRUE;
	scan->handler->message(message, scan->data);
}

static void
scan_tell_flags(Scan *scan, guint32 uid, const char *flags)
{
	if (!scan->handler->flags || !flags)
		return;
	scan->news = TRUE;
	scan->handler->flags(uid, flags, scan->data);
}

static gboolean
scan_is_whole(const Scan *scan, const RemoteMessage *message, const ImapFetch *fetch)
{
	return fetch->has_size && fetch->has_internaldate &&
	       (!scan->header_fields || message->header);
}

static void
half_take_string(const char **mine, const char *news)
{
	if (!news)
		return;
	g_free((char *)*mine);
	*mine = g_strdup(news);
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
	half_take_string(&half->message.flags, news->flags);
	half_take_string(&half->message.email_id, news->email_id);
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

/* NULL where there are none, or more than anybody needs. */
static const char *
scan_read_flags(Scan *scan, const ImapFetch *fetch)
{
	return fetch->has_flags && imap_flags_to_text(fetch->flags, scan->flags) ? scan->flags->str
	                                                                         : NULL;
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
		.flags = scan_read_flags(scan, fetch),
		.email_id = fetch->emailid,
	};

	scan->last_uid = MAX(scan->last_uid, fetch->uid);
	if (scan_is_whole(scan, &message, fetch) &&
	    !g_hash_table_contains(scan->halves, GUINT_TO_POINTER(fetch->uid)))
		scan_tell(scan, &message);
	else
		scan_take_half(scan, &message);
}

/* "n:*" brings the last message even if its UID is below n. */
static void
scan_take_fetch(Scan *scan, const ImapFetch *fetch)
{
	scan_open(scan);
	if (fetch->uid > scan->after_uid)
		scan_take(scan, fetch);
	else if (changes_take(&scan->changes, fetch))
		scan_tell_flags(scan, fetch->uid, scan_read_flags(scan, fetch));
}

/* Whether @fetch may be an answer to this. News without a UID are heard, and left to others. */
static gboolean
scan_wants(Scan *scan, const ImapFetch *fetch)
{
	if (!fetch->uid) {
		changes_take(&scan->changes, fetch);
		return FALSE;
	}
	if (fetch->has_body)
		return FALSE;
	if (fetch->has_size || fetch->has_internaldate || fetch->header)
		return TRUE;
	if (fetch->uid > scan->after_uid)
		return fetch->has_flags;
	return (fetch->has_flags || fetch->has_modseq) && scan->changes.mode != CHANGES_NONE;
}

static gboolean
on_fetch(Scan *scan, const ImapResponse *response)
{
	ImapFetch fetch;
	gboolean mine;

	if (!imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	mine = scan_wants(scan, &fetch);
	if (mine && ++scan->n_taken > MAX_TAKEN)
		session_fail(scan->operation.session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		                         "a listing without an end"));
	else if (mine && operation_mailbox_valid(&scan->operation))
		scan_take_fetch(scan, &fetch);
	imap_fetch_clear(&fetch);
	return mine;
}

static gboolean
on_vanished(Scan *scan, const ImapResponse *response)
{
	g_autoptr(UidSet) uids = uid_set_new();
	gboolean earlier;
	guint n_ranges;
	const UidRange *ranges;

	if (scan->changes.mode == CHANGES_NONE || !scan->handler->vanished ||
	    !operation_mailbox_valid(&scan->operation) ||
	    !imap_vanished_parse(response, uids, &earlier, NULL))
		return FALSE;
	scan_open(scan);
	ranges = uid_set_ranges(uids, &n_ranges);
	for (guint i = 0; i < n_ranges && scan->n_vanished < MAX_VANISHED; i++, scan->n_vanished++)
		scan->handler->vanished(ranges[i].first, ranges[i].last, scan->data);
	return TRUE;
}

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	if (g_str_equal(response->name, "FETCH"))
		return on_fetch(data, response);
	if (g_str_equal(response->name, "VANISHED"))
		return on_vanished(data, response);
	return FALSE;
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
scan_end_command(Scan *scan, const ImapResponse *tagged, const GError *error)
{
	const ImapSelected *selected = session_selected(scan->operation.session);
	g_autoptr(GError) refused = NULL;

	if (tagged && selected->open && operation_mailbox_valid(&scan->operation)) {
		scan->scanned.exists = selected->exists;
		scan->scanned.uidvalidity = selected->uidvalidity;
		scan->scanned.uidnext = selected->uidnext;
		changes_conclude(&scan->changes, &scan->operation);
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

static void
on_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	scan_end_command(data, tagged, error);
}

static void
on_changes_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Scan *scan = data;

	if (tagged)
		error = changes_end(&scan->changes, &scan->operation, error);
	scan_end_command(scan, tagged, error);
}

/* News of flags come with whatever is in flight. */
static void
scan_send_noop(Scan *scan)
{
	static const ImapCommandHandler handler = {
		.untagged = on_untagged,
		.batch = on_batch,
		.done = operation_on_done,
	};
	ImapCommand *command = command_new("NOOP", &handler, scan);

	command_text(command, "NOOP");
	operation_send(&scan->operation, command);
}

static void
scan_send_changes(Scan *scan)
{
	static const ImapCommandHandler handler = {
		.untagged = on_untagged,
		.batch = on_batch,
		.done = on_changes_done,
	};

	operation_send(&scan->operation, changes_command(&scan->changes, &handler, scan));
}

static void
scan_send_fetch(Scan *scan)
{
	static const ImapCommandHandler handler = {
		.untagged = on_untagged,
		.batch = on_batch,
		.done = on_done,
	};
	ImapCommand *command = command_new("FETCH", &handler, scan);

	command_text(command, "UID FETCH %u:* (UID FLAGS INTERNALDATE RFC822.SIZE",
	             scan->after_uid + 1);
	if (session_has_capability(scan->operation.session, "OBJECTID"))
		command_text(command, " EMAILID");
	if (scan->header_fields)
		command_text(command, " BODY.PEEK[HEADER.FIELDS (%s)]", scan->header_fields);
	command_text(command, ")");
	operation_send(&scan->operation, command);
}

/* The flags of all messages are many, and somebody waits for the new ones. */
static void
scan_start(Operation *operation)
{
	Scan *scan = (Scan *)operation;

	scan->opened = FALSE;
	scan->scanned = (RemoteScanned){0};
	g_hash_table_remove_all(scan->halves);
	changes_begin(&scan->changes, operation);
	if (session_selected(operation->session)->open)
		scan_send_noop(scan);
	if (scan->changes.mode >= CHANGES_SINCE)
		scan_send_changes(scan);
	scan_send_fetch(scan);
	if (scan->changes.mode == CHANGES_ALL)
		scan_send_changes(scan);
}

static gboolean
tell_half(gpointer key, gpointer value, gpointer data)
{
	const RemoteMessage *message = &((Half *)value)->message;

	(void)key;
	if (message->has_size || message->internaldate || message->header)
		scan_tell(data, message);
	else
		scan_tell_flags(data, message->uid, message->flags);
	return TRUE;
}

/* Whether it takes another round: the server could not say what has changed, or the answer was an
 * old one. */
static gboolean
scan_goes_on(Scan *scan)
{
	if (scan->changes.failed) {
		scan->changes.only_all = TRUE;
		return TRUE;
	}
	scan->operation.outdated |= scan->changes.missed;
	return operation_is_outdated(&scan->operation);
}

/* What SELECT said of UIDNEXT may be long ago. */
static void
scan_conclude(Scan *scan)
{
	g_hash_table_foreach_remove(scan->halves, tell_half, scan);
	if (scan->scanned.uidnext && scan->scanned.uidnext <= scan->last_uid)
		scan->scanned.uidnext = scan->last_uid == G_MAXUINT32 ? 0 : scan->last_uid + 1;
	scan->scanned.highestmodseq = scan->changes.highestmodseq;
}

static void
scan_finish(Operation *operation, const GError *error)
{
	Scan *scan = (Scan *)operation;

	if (!error && scan_goes_on(scan)) {
		operation_submit_again(operation);
		return;
	}
	if (!error)
		scan_conclude(scan);
	scan->handler->done(&scan->scanned, error, scan->data);
	g_hash_table_unref(scan->halves);
	g_string_free(scan->flags, TRUE);
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
	scan->changes.wanted = arguments->changes && arguments->uidvalidity;
	scan->changes.until = scan->after_uid;
	if (arguments->since_modseq <= G_MAXINT64)
		scan->changes.since_modseq = arguments->since_modseq;
	scan->flags = g_string_new(NULL);
	scan->halves = g_hash_table_new_full(NULL, NULL, NULL, half_free);
	scan->operation.job.kind = scan->after_uid ? JOB_SHORT : JOB_LISTING;
	scan->operation.start = scan_start;
	scan->operation.finish = scan_finish;
	operation_submit(&scan->operation, pool, arguments->mailbox, arguments->uidvalidity);
}
