/*
 * What a mailbox holds: UID FETCH n:* for a listing (one round trip, SELECT or NOOP included), and
 * in the same round trip what has changed of the messages before that (remote-changes.c).
 *
 * A message is told as soon as its size, date and header have come. Servers may spread what was
 * asked for over several FETCH responses; such halves wait in a table, and what is still incomplete
 * at the end is told then. A half of nothing but flags may also be news of a message that has been
 * told: at the end it counts as that.
 */
#include "flags.h"
#include "scan-private.h"

#define MAX_TAKEN    20000000 /* FETCH responses in one listing */
#define MAX_VANISHED 1000000  /* ranges in one scan: they are but hints */
#define ASKED_AHEAD  2        /* parts on the way on one connection, so that it never idles */
#define TOLD_AT_ONCE 500      /* messages that were kept, in one turn of the loop */

/* A part that a lane has been asked for. */
typedef struct {
	ScanLane *lane;
	ScanPart *part;
} Ask;

static void
scan_tell(const RemoteMessage *message, gpointer data)
{
	Scan *scan = data;

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

/* The parts of a mailbox must all be of the same one. */
static void
scan_open(Scan *scan)
{
	guint32 uidvalidity = session_selected(scan->main.operation.session)->uidvalidity;

	if (scan->opened)
		return;
	scan->opened = TRUE;
	if (scan_parts_are_many(scan->parts))
		scan->main.operation.uidvalidity = uidvalidity;
	scan->handler->opened(uidvalidity, scan->data);
}

static void
scan_add(const RemoteMessage *message, gpointer data)
{
	Scan *scan = data;

	scan_part_add(scan->parts, scan->part, message);
}

/* News of a message that has come wait like halves. What is not asked for yet will come. */
static void
scan_take(Scan *scan, const ImapFetch *fetch)
{
	scan->part = scan_parts_find(scan->parts, fetch->uid);
	scan->last_uid = MAX(scan->last_uid, fetch->uid);
	if ((scan->part && scan->part->asked && !scan->part->ended) ||
	    !(fetch->has_size || fetch->has_internaldate || fetch->header))
		scan_halves_take(&scan->halves, fetch, scan_add, scan);
}

/* "n:*" brings the last message even if its UID is below n. */
static void
scan_take_fetch(ScanLane *lane, const ImapFetch *fetch)
{
	Scan *scan = lane->scan;

	if (lane == &scan->main)
		scan_open(scan);
	if (!lane->answered)
		scan_lane_answered(lane);
	if (fetch->uid > scan->after_uid && fetch->uid <= scan->until_uid)
		scan_take(scan, fetch);
	else if (changes_take(&scan->changes, fetch))
		scan_tell_flags(scan, fetch->uid, scan_halves_flags(&scan->halves, fetch));
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
lane_take_fetch(ScanLane *lane, const ImapResponse *response)
{
	Scan *scan = lane->scan;
	ImapFetch fetch;
	gboolean mine;

	if (scan->over || !imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	mine = scan_wants(scan, &fetch);
	if (mine && ++scan->n_taken > MAX_TAKEN)
		session_fail(lane->operation.session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		                         "a listing without an end"));
	else if (mine && operation_mailbox_valid(&lane->operation))
		scan_take_fetch(lane, &fetch);
	imap_fetch_clear(&fetch);
	return mine;
}

static gboolean
scan_take_vanished(Scan *scan, const ImapResponse *response)
{
	g_autoptr(UidSet) uids = uid_set_new();
	gboolean earlier;
	guint n_ranges;
	const UidRange *ranges;

	if (scan->changes.mode == CHANGES_NONE || !scan->handler->vanished ||
	    !operation_mailbox_valid(&scan->main.operation) ||
	    !imap_vanished_parse(response, uids, &earlier, NULL))
		return FALSE;
	scan_open(scan);
	ranges = uid_set_ranges(uids, &n_ranges);
	for (guint i = 0; i < n_ranges && scan->n_vanished < MAX_VANISHED; i++, scan->n_vanished++)
		scan->handler->vanished(ranges[i].first, ranges[i].last, scan->data);
	return TRUE;
}

static gboolean
lane_untagged(ScanLane *lane, const ImapResponse *response)
{
	if (g_str_equal(response->name, "FETCH"))
		return lane_take_fetch(lane, response);
	if (g_str_equal(response->name, "VANISHED") && lane == &lane->scan->main)
		return scan_take_vanished(lane->scan, response);
	return FALSE;
}

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	return lane_untagged(&((Scan *)data)->main, response);
}

/* What other lanes brought is told bit by bit, for the loop has others to look after. */
static gboolean
scan_tell_kept(Scan *scan)
{
	gboolean more = scan_parts_tell(scan->parts, TOLD_AT_ONCE);

	if (scan->news) {
		scan->news = FALSE;
		scan->handler->batch(scan->data);
	}
	return more;
}

static void
on_batch(gpointer data)
{
	Scan *scan = data;

	if (scan->over)
		return;
	scan_tell_kept(scan);
	scan_consider_lane(scan);
}

/* An EXAMINE of ours says nothing of the mailbox: it is read-only by it, and may keep no flags. */
static void
scan_note_access(Scan *scan, const ImapSelected *selected)
{
	gboolean examined = session_settings(scan->main.operation.session)->read_only;
	gboolean told = selected->permanent_flags &&
	                flags_from_permanent(selected->permanent_flags, scan->permanent_flags);

	scan->scanned.read_only = selected->read_only && !examined;
	scan->scanned.permanent_flags = NULL;
	if (told && !(examined && !scan->permanent_flags->len))
		scan->scanned.permanent_flags = scan->permanent_flags->str;
}

/* An empty mailbox has no "1:*": some servers call that an error. */
static const GError *
scan_note_reply(Scan *scan, const ImapResponse *tagged, const GError *error)
{
	const ImapSelected *selected = session_selected(scan->main.operation.session);

	if (!tagged || !selected->open || !operation_mailbox_valid(&scan->main.operation))
		return error;
	scan->scanned.exists = selected->exists;
	scan->scanned.uidvalidity = selected->uidvalidity;
	scan->scanned.uidnext = selected->uidnext;
	scan_note_access(scan, selected);
	changes_conclude(&scan->changes, &scan->main.operation);
	if (!selected->exists)
		error = NULL;
	if (!error)
		scan_open(scan);
	return error;
}

/* STALE here is said of a message (EXPUNGEISSUED), not of the mailbox. */
static void
lane_command_done(ScanLane *lane, const ImapResponse *tagged, const GError *error)
{
	g_autoptr(GError) refused = NULL;

	if (tagged && g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE)) {
		refused = g_error_copy(error);
		refused->code = IMAPFS_ERROR_FAILED;
		error = refused;
	}
	operation_command_done(&lane->operation, tagged, error);
}

static void
on_changes_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Scan *scan = data;

	if (tagged)
		error = changes_end(&scan->changes, &scan->main.operation, error);
	lane_command_done(&scan->main, tagged, scan_note_reply(scan, tagged, error));
}

/* --- parts --- */

static gboolean
ask_untagged(const ImapResponse *response, gpointer data)
{
	return lane_untagged(((Ask *)data)->lane, response);
}

static void
ask_batch(gpointer data)
{
	on_batch(((Ask *)data)->lane->scan);
}

/* What a lane was told may be as old as its view of the mailbox, and of a repeated one there have
 * been several. */
static void
lane_note_view(ScanLane *lane)
{
	const ImapSelected *selected = session_selected(lane->operation.session);
	guint64 modseq = lane->operation.was_open ? lane->began_modseq : selected->opened_modseq;

	lane->scan->lowest_modseq = MIN(lane->scan->lowest_modseq, modseq);
}

static void
ask_end(const Ask *ask, gboolean complete)
{
	Scan *scan = ask->lane->scan;

	if (scan->over)
		return;
	if (!complete) {
		scan_part_put_back(scan->parts, ask->part);
		return;
	}
	lane_note_view(ask->lane);
	scan_part_end(scan->parts, ask->part);
	scan_parts_tell(scan->parts, TOLD_AT_ONCE); /* no batch(): halves may yet be told */
	scan_lane_ask(ask->lane);
}

static void
ask_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	g_autofree Ask *ask = data;
	ScanLane *lane = ask->lane;

	lane->n_asked--;
	if (lane == &lane->scan->main)
		error = scan_note_reply(lane->scan, tagged, error);
	ask_end(ask, tagged && !error && operation_mailbox_valid(&lane->operation));
	lane_command_done(lane, tagged, error);
}

static void
lane_send(ScanLane *lane, ScanPart *part)
{
	static const ImapCommandHandler handler = {
		.untagged = ask_untagged,
		.batch = ask_batch,
		.done = ask_done,
	};
	const Scan *scan = lane->scan;
	Ask *ask = g_new0(Ask, 1);
	ImapCommand *command = command_new("FETCH", &handler, ask);

	ask->lane = lane;
	ask->part = part;
	command_text(command, "UID FETCH %u:", part->first);
	if (part->last == G_MAXUINT32)
		command_text(command, "*");
	else
		command_text(command, "%u", part->last);
	command_text(command, " (UID FLAGS INTERNALDATE RFC822.SIZE");
	if (session_has_capability(lane->operation.session, "OBJECTID"))
		command_text(command, " EMAILID");
	if (scan->header_fields)
		command_text(command, " BODY.PEEK[HEADER.FIELDS (%s)]", scan->header_fields);
	command_text(command, ")");
	lane->n_asked++;
	operation_send(&lane->operation, command);
}

void
scan_lane_ask(ScanLane *lane)
{
	ScanPart *part;

	while (lane->n_asked < ASKED_AHEAD &&
	       (part = scan_parts_take(lane->scan->parts, scan_pace_messages(lane->scan))))
		lane_send(lane, part);
}

/* --- the main lane --- */

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
	operation_send(&scan->main.operation, command);
}

static void
scan_send_changes(Scan *scan)
{
	static const ImapCommandHandler handler = {
		.untagged = on_untagged,
		.batch = on_batch,
		.done = on_changes_done,
	};

	operation_send(&scan->main.operation, changes_command(&scan->changes, &handler, scan));
}

static void
scan_cut(Scan *scan)
{
	g_clear_pointer(&scan->parts, scan_parts_free);
	scan->parts = scan_parts_new(scan->after_uid + 1, scan->until_uid, scan->messages,
	                             scan->uidnext, scan_tell, scan);
	scan->scanned = (RemoteScanned){0};
	scan->lowest_modseq = G_MAXUINT64;
}

/* The flags of all messages are many, and somebody waits for the new ones. What ended well and is
 * asked again all the same (the mailbox was in doubt) is asked again from its beginning. */
static void
scan_start(Operation *operation)
{
	Scan *scan = (Scan *)operation;

	if (scan_parts_are_over(scan->parts))
		scan_cut(scan);
	if (!scan_parts_have_more(scan->parts))
		return; /* others are at the rest already */
	scan->opened = FALSE;
	if (!scan->lanes->len)
		scan_halves_reset(&scan->halves);
	scan->main.began_modseq = session_selected(operation->session)->highestmodseq;
	changes_begin(&scan->changes, operation);
	if (session_selected(operation->session)->open)
		scan_send_noop(scan);
	if (scan->changes.mode >= CHANGES_SINCE)
		scan_send_changes(scan);
	scan_lane_ask(&scan->main);
	if (scan->changes.mode == CHANGES_ALL)
		scan_send_changes(scan);
}

static void
scan_tell_half(const RemoteMessage *message, gpointer data)
{
	if (message->has_size || message->internaldate || message->header)
		scan_tell(message, data);
	else
		scan_tell_flags(data, message->uid, message->flags);
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
	scan->main.operation.outdated |= scan->changes.missed;
	return operation_is_outdated(&scan->main.operation);
}

/* What SELECT said of UIDNEXT may be long ago. */
static void
scan_conclude(Scan *scan)
{
	scan_halves_tell_rest(&scan->halves, scan_tell_half, scan);
	if (scan->scanned.uidnext && scan->scanned.uidnext <= scan->last_uid)
		scan->scanned.uidnext = scan->last_uid == G_MAXUINT32 ? 0 : scan->last_uid + 1;
	scan->scanned.highestmodseq = scan->changes.highestmodseq;
	if (scan_parts_are_many(scan->parts))
		scan->scanned.highestmodseq = MIN(scan->scanned.highestmodseq, scan->lowest_modseq);
}

static void
scan_free(Scan *scan)
{
	scan_parts_free(scan->parts);
	scan_halves_clear(&scan->halves);
	g_ptr_array_unref(scan->lanes);
	g_free(scan->header_fields);
	g_string_free(scan->permanent_flags, TRUE);
	operation_clear(&scan->main.operation);
	g_free(scan);
}

/* Lanes that have not ended hold the scan a little longer. */
static void
scan_end(Scan *scan, const GError *error)
{
	if (!error)
		scan_conclude(scan);
	scan->over = TRUE;
	scan->handler->done(&scan->scanned, error, scan->data);
	if (!scan->lanes->len)
		scan_free(scan);
}

/* The main lane has ended, and whatever else there is to do may be others'. */
static void
scan_finish(Operation *operation, const GError *error)
{
	Scan *scan = (Scan *)operation;

	if (error || (scan_parts_are_over(scan->parts) && !scan_goes_on(scan)))
		scan_end(scan, error);
	else if (scan_parts_are_over(scan->parts) || scan_parts_have_more(scan->parts))
		operation_submit_again(operation);
	else if (scan_tell_kept(scan) || scan_parts_are_over(scan->parts))
		operation_finish_later(operation);
	else
		scan->main_waits = TRUE;
}

void
scan_settle(Scan *scan)
{
	if (scan->over && !scan->lanes->len)
		scan_free(scan);
	else if (!scan->over && scan->main_waits) {
		scan->main_waits = FALSE;
		operation_finish_later(&scan->main.operation);
	}
}

void
remote_scan(ImapPool *pool, const RemoteScan *arguments, const RemoteScanHandler *handler,
            gpointer data)
{
	Scan *scan = g_new0(Scan, 1);

	scan->handler = handler;
	scan->data = data;
	scan->after_uid = MIN(arguments->after_uid, G_MAXUINT32 - 1);
	scan->until_uid = arguments->until_uid ? arguments->until_uid : G_MAXUINT32;
	scan->header_fields = g_strdup(arguments->header_fields);
	scan->permanent_flags = g_string_new(NULL);
	scan->changes.wanted = arguments->changes && arguments->uidvalidity;
	scan->changes.until = scan->after_uid;
	if (arguments->since_modseq <= G_MAXINT64)
		scan->changes.since_modseq = arguments->since_modseq;
	if (!scan->after_uid && !arguments->until_uid) {
		scan->messages = arguments->messages;
		scan->uidnext = arguments->uidnext;
	}
	scan->lanes = g_ptr_array_new();
	scan_halves_init(&scan->halves, scan->header_fields != NULL);
	scan_cut(scan);
	scan->main.scan = scan;
	scan->main.operation.job.kind = scan->after_uid ? JOB_SHORT : JOB_LISTING;
	scan->main.operation.start = scan_start;
	scan->main.operation.finish = scan_finish;
	operation_submit(&scan->main.operation, pool, arguments->mailbox, arguments->uidvalidity);
}
