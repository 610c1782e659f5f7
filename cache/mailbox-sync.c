/*
 * Keeping the messages of a mailbox like the server's.
 *
 * One sync is one round trip when nothing was expunged:
 *
 *     load: what an earlier mount kept, the first time; if the account's listing shows that
 *       nothing has changed since, that is all
 *     scan: every message above the last known UID, what changed of the others, and how many the
 *       mailbox holds
 *       the counts agree          --> done: UIDs only ever grow, so the sets agree too (not after a
 *                                     scan that broke off: it may have left holes)
 *       they agree without those that the server calls vanished
 *                                 --> these are forgotten, done
 *       they do not               --> uids: which are left; what is not among them is forgotten,
 *                                     if that in turn agrees with the server's count
 *       another UIDVALIDITY       --> everything is forgotten, scan again; the mailbox gets another
 *                                     id as soon as that tells the new UIDVALIDITY
 *
 * A sync that breaks off leaves what has come; the next one goes on from there. Callbacks name the
 * mailbox by id and find it again, for it may be gone by then.
 */
#include "flagged.h"
#include "hidden.h"
#include "keep.h"
#include "overlay.h"
#include "reattach.h"
#include "watch.h"
#include "rights.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_AT_ONCE  150 /* messages: a READDIR of 32 KiB */
#define SHOWN_AFTER_MS 20
#define FLAGS_APART_US G_GINT64_CONSTANT(1000) /* for each message in the mailbox */
#define MAX_VANISHED   (1 << 20) /* numbers: if more are told, the counts will not agree */

typedef struct {
	Account *account;
	guint32 mailbox_id;
	guint32 known_until;   /* messages up to this UID are not looked at */
	gboolean restarted;    /* after a change of UIDVALIDITY */
	gboolean reopened;     /* ... and what the mailbox is now has been found out */
	gboolean from_start;   /* a hole was found: all messages are asked for */
	gboolean with_changes; /* what changed was asked for */
	GArray *left;          /* of guint32 pairs: ranges of UIDs that the server still has */
	GArray *vanished;      /* likewise: that it says it has not */
	IndexState state;      /* what the mailbox is like if this ends well */
	IndexState announced;  /* before it began */
	guint show_later;      /* source that shows what has come since, should nothing more come */
} Sync;

static void sync_scan(Sync *sync, Mailbox *mailbox, guint32 after_uid);
static void sync_begin(Mailbox *mailbox);

/* NULL: it is gone, or only its level is left. */
static Mailbox *
sync_mailbox(const Sync *sync)
{
	Mailbox *mailbox = account_mailbox(sync->account, sync->mailbox_id);

	return mailbox && mailbox->selectable ? mailbox : NULL;
}

static void
sync_free(Sync *sync)
{
	g_clear_handle_id(&sync->show_later, g_source_remove);
	g_array_unref(sync->left);
	g_array_unref(sync->vanished);
	g_free(sync);
}

/* The list is like the server's: so it is kept. */
static void
sync_note_state(const Sync *sync, Mailbox *mailbox)
{
	const IndexState *old = &mailbox->synced;
	IndexState state = sync->state;

	state.exists = mailbox->messages->len;
	state.complete = TRUE;
	state.holey = mailbox->holey;
	if (!sync->with_changes && sync->known_until)
		state.highestmodseq = old->highestmodseq;
	if (!old->complete || old->exists != state.exists || old->uidnext != state.uidnext ||
	    old->highestmodseq != state.highestmodseq || old->holey != state.holey) {
		mailbox->synced = state;
		keep_state(mailbox);
	}
	mailbox->followed = sync->announced;
	mailbox->flags_known |= sync->with_changes || !sync->known_until;
	reattach_listed(mailbox);
}

/* Then it may have another name to the server than is known here. */
static gboolean
is_being_renamed(const Mailbox *mailbox)
{
	return mailbox->next_name || mailbox->trusted_at_us > g_get_monotonic_time();
}

/* With an old list in hand nobody is told of a failure: that list is shown. */
static void
sync_end(Sync *sync, const GError *error)
{
	Mailbox *mailbox = account_mailbox(sync->account, sync->mailbox_id);

	if (mailbox && mailbox->selectable && !error)
		sync_note_state(sync, mailbox);
	if (mailbox && sync->restarted && !sync->reopened) /* memory has none of them */
		keep_no_messages(mailbox, 1, G_MAXUINT32);
	sync_free(sync);
	if (!mailbox)
		return;
	keep_flush(mailbox);
	overlay_mailbox_listed(mailbox);
	mailbox_flags_listed(mailbox);
	mailbox->n_syncs_done = mailbox->n_syncs_begun;
	mailbox->replaced = FALSE;
	watch_synced(mailbox, error);
	if (!error && mailbox->selectable && mailbox->state != MAILBOX_COMPLETE) {
		mailbox->state = MAILBOX_COMPLETE;
		if (mailbox->unordered)
			mailbox_touch(mailbox);
	}
	if (error)
		g_info("listing %s: %s", mailbox->file_name, error->message);
	else
		g_info("listed %s: %u messages", mailbox->file_name, mailbox->messages->len);
	if (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND) &&
	    is_being_renamed(mailbox)) {
		error = NULL; /* who waits asks again, by the new name */
	} else if (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND)) {
		mailbox_become_level(mailbox); /* some servers go on listing it */
		account_refresh(mailbox->account, FALSE);
		error = mailbox->children->len ? NULL : error;
	}
	if (mailbox->selectable && mailbox->n_syncs_wanted > mailbox->n_syncs_begun)
		sync_begin(mailbox);
	wait_queue_wake(&mailbox->syncing, mailbox->state == MAILBOX_COMPLETE ? NULL : error);
}

/* --- which messages are left --- */

static void
on_range(guint32 first, guint32 last, gpointer data)
{
	Sync *sync = data;
	const guint32 range[] = {first, last};

	g_array_append_vals(sync->left, range, 2);
}

/* The server's word alone is no reason to forget anything: the count must agree (on_scanned). */
static void
on_vanished(guint32 first, guint32 last, gpointer data)
{
	Sync *sync = data;
	const guint32 range[] = {first, last};

	if (sync->vanished->len < MAX_VANISHED)
		g_array_append_vals(sync->vanished, range, 2);
}

static int
compare_ranges(gconstpointer a, gconstpointer b)
{
	guint32 first = *(const guint32 *)a, other = *(const guint32 *)b;

	return (first > other) - (first < other);
}

/* Ascending and disjoint, and no further than what was known: servers say 1:4294967295. */
static GArray *
merge_ranges(GArray *pairs, guint32 until)
{
	guint n = pairs->len / 2, n_merged = 0;
	guint32(*ranges)[2] = (guint32(*)[2])pairs->data;

	if (n)
		qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (guint i = 0; i < n; i++) {
		guint32 last = MIN(ranges[i][1], until);

		if (ranges[i][0] > last)
			continue;
		if (n_merged && ranges[i][0] <= ranges[n_merged - 1][1]) {
			ranges[n_merged - 1][1] = MAX(ranges[n_merged - 1][1], last);
			continue;
		}
		ranges[n_merged][0] = ranges[i][0];
		ranges[n_merged++][1] = last;
	}
	return g_array_set_size(pairs, n_merged * 2);
}

static gboolean
forget_vanished(const Sync *sync, Mailbox *mailbox, guint32 exists)
{
	const GArray *ranges = merge_ranges(sync->vanished, sync->known_until);
	guint n_gone = 0;

	for (guint i = 0; i < ranges->len; i += 2)
		n_gone += mailbox_count_messages(mailbox, g_array_index(ranges, guint32, i),
		                                 g_array_index(ranges, guint32, i + 1));
	if (mailbox->messages->len - n_gone != exists)
		return FALSE;
	mailbox_forget_ranges(mailbox, ranges);
	return TRUE;
}

/* How many, up to and including UID @until. */
static guint64
count_left(const Sync *sync, guint32 until)
{
	guint64 n = 0;

	for (guint i = 0; i + 1 < sync->left->len; i += 2) {
		guint32 first = g_array_index(sync->left, guint32, i);
		guint32 last = MIN(g_array_index(sync->left, guint32, i + 1), until);

		n += first <= last ? (guint64)last - first + 1 : 0;
	}
	return n;
}

/* Messages above the last UID that was looked at have come since and are left alone. */
static void
forget_what_is_not_left(const Sync *sync, Mailbox *mailbox)
{
	g_autoptr(GArray) gone = g_array_new(FALSE, FALSE, sizeof(guint32));
	guint32 until = MAX(sync->known_until, mailbox->known_until);
	guint32 last_known = MIN(mailbox_last_uid(mailbox), until), next = 1;

	for (guint i = 0; i < sync->left->len && next && next <= last_known; i += 2) {
		guint32 first = g_array_index(sync->left, guint32, i);
		const guint32 gap[] = {next, MIN(first - 1, last_known)};

		if (first > next && mailbox_count_messages(mailbox, gap[0], gap[1]))
			g_array_append_vals(gone, gap, 2);
		next = g_array_index(sync->left, guint32, i + 1) + 1; /* 0: there are no more */
	}
	if (next && next <= last_known) {
		const guint32 gap[] = {next, last_known};

		g_array_append_vals(gone, gap, 2);
	}
	mailbox_forget_ranges(mailbox, gone);
}

/* A scan that broke off on a server that sends messages in no order leaves holes. */
static gboolean
fill_holes(Sync *sync, Mailbox *mailbox)
{
	guint32 until = MAX(sync->known_until, mailbox_last_uid(mailbox));

	if (sync->from_start || count_left(sync, until) <= mailbox->messages->len)
		return FALSE;
	sync->from_start = TRUE;
	g_array_set_size(sync->left, 0);
	g_array_set_size(sync->vanished, 0);
	sync_scan(sync, mailbox, 0);
	return TRUE;
}

static void
on_uids(guint32 exists, const GError *error, gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	if (mailbox && !error && count_left(sync, G_MAXUINT32) == exists) {
		forget_what_is_not_left(sync, mailbox);
		if (fill_holes(sync, mailbox))
			return;
		mailbox->holey = FALSE;
	} else if (mailbox && !error) {
		g_info("%s: SEARCH and EXISTS (%u) do not agree: nothing is forgotten",
		       mailbox->file_name, exists);
	}
	sync_end(sync, error);
}

static const RemoteUidsHandler uids_handler = {.range = on_range, .done = on_uids};

/* --- what is new --- */

/* The new id is made from the new UIDVALIDITY, so it is taken only here. */
static void
on_opened(guint32 uidvalidity, gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	if (!mailbox)
		return;
	mailbox->replaced = FALSE;
	if (sync->restarted && mailbox->uidvalidity != uidvalidity) {
		mailbox_become_another(mailbox, uidvalidity);
		sync->mailbox_id = mailbox->id;
	} else if (sync->restarted && !sync->reopened) {
		keep_no_messages(mailbox, 1, G_MAXUINT32); /* what is left of them comes again */
	}
	sync->reopened = sync->restarted;
	mailbox->unsaved |= !mailbox->uidvalidity;
	if (!mailbox->uidvalidity)
		mailbox->uidvalidity = uidvalidity;
}

static void
on_message(const RemoteMessage *message, gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	if (!mailbox || message->uid <= sync->known_until)
		return;
	mailbox_add_message(mailbox, message);
	mailbox->known_until = MAX(mailbox->known_until, message->uid);
	mailbox->n_unseen++;
}

static void
on_flags(guint32 uid, const char *flags, gpointer data)
{
	Mailbox *mailbox = sync_mailbox(data);

	if (mailbox)
		mailbox_set_flags(mailbox, uid, flags);
}

static void
sync_show(Sync *sync, Mailbox *mailbox)
{
	g_clear_handle_id(&sync->show_later, g_source_remove);
	mailbox->n_unseen = 0;
	mailbox->woken_at_us = g_get_monotonic_time();
	wait_queue_wake(&mailbox->syncing, NULL);
}

static gboolean
sync_show_later(gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	sync->show_later = 0;
	if (mailbox && !mailbox->unordered)
		sync_show(sync, mailbox);
	return G_SOURCE_REMOVE;
}

/* A server sends a few messages at a time; a listing that is shown as many at a time as fit into
 * one READDIR costs a tenth of the requests. */
static void
on_batch(gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	if (!mailbox || mailbox->unordered)
		return;
	if (mailbox->n_unseen >= SHOWN_AT_ONCE ||
	    g_get_monotonic_time() - mailbox->woken_at_us >= SHOWN_AFTER_MS * 1000)
		sync_show(sync, mailbox);
	else if (!sync->show_later)
		sync->show_later = g_timeout_add(SHOWN_AFTER_MS, sync_show_later, sync);
}

/* The name now belongs to another mailbox: once more, with whatever UIDVALIDITY it has. */
static gboolean
sync_restart(Sync *sync, Mailbox *mailbox, const GError *error)
{
	if (sync->restarted || !g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE))
		return FALSE;
	sync->restarted = mailbox->replaced = TRUE;
	keep_flush(mailbox);
	mailbox->state = MAILBOX_UNKNOWN;
	mailbox_drop_messages(mailbox, 1, G_MAXUINT32);
	g_array_set_size(sync->vanished, 0);
	sync_scan(sync, mailbox, 0);
	return TRUE;
}

static void
on_scanned(const RemoteScanned *scanned, const GError *error, gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	if (mailbox && error && sync_restart(sync, mailbox, error))
		return;
	if (mailbox && (error || !sync->known_until))
		mailbox->holey = error != NULL;
	if (mailbox && !error) {
		sync->state.uidnext = scanned->uidnext;
		sync->state.highestmodseq = scanned->highestmodseq;
		mailbox->seen_uidnext = scanned->uidnext;
		rights_scanned(mailbox, scanned);
	}
	if (!mailbox || error ||
	    (!mailbox->holey && (scanned->exists == mailbox->messages->len ||
	                         forget_vanished(sync, mailbox, scanned->exists)))) {
		sync_end(sync, error);
		return;
	}
	mailbox->account->remote->operations->uids(mailbox->account->remote, mailbox->name,
	                                           mailbox->uidvalidity, &uids_handler, sync);
}

static const RemoteScanHandler scan_handler = {
	.opened = on_opened,
	.message = on_message,
	.flags = on_flags,
	.vanished = on_vanished,
	.batch = on_batch,
	.done = on_scanned,
};

/* Without mod-sequences every change of flags costs the flags of all messages: when there is a sign
 * of one, and not too often where these are many. */
static gboolean
asks_for_flags(Mailbox *mailbox)
{
	gint64 now = g_get_monotonic_time();

	if (mailbox->synced.highestmodseq)
		return TRUE;
	if (mailbox->flags_known || (mailbox->flags_asked_at_us &&
	                             now - mailbox->flags_asked_at_us <
	                                     mailbox->messages->len * FLAGS_APART_US))
		return FALSE;
	mailbox->flags_asked_at_us = now;
	return TRUE;
}

static void
sync_scan(Sync *sync, Mailbox *mailbox, guint32 after_uid)
{
	RemoteScan scan;

	sync->with_changes = asks_for_flags(mailbox);
	scan = (RemoteScan){
		.mailbox = mailbox->name,
		.uidvalidity = sync->restarted ? 0 : mailbox->uidvalidity,
		.after_uid = after_uid,
		.changes = sync->with_changes,
		.since_modseq = mailbox->synced.highestmodseq,
		.messages = mailbox->announced.exists,
		.uidnext = mailbox->announced.uidnext,
		.header_fields = mailbox->account->rules->header_fields,
	};

	sync->known_until = after_uid;
	mailbox->unordered = FALSE;
	mailbox->n_unseen = 0;
	mailbox->woken_at_us = 0; /* the first are shown at once */
	mailbox->account->remote->operations->scan(mailbox->account->remote, &scan, &scan_handler,
	                                           sync);
}

void
mailbox_abandon_sync(Mailbox *mailbox)
{
	g_autoptr(GError) error =
		g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the mailbox is another one now");

	mailbox->n_syncs_done = mailbox->n_syncs_wanted = mailbox->n_syncs_begun;
	wait_queue_wake(&mailbox->syncing, error);
}

/* Whether the account's listing, which is quite new, tells of the mailbox what was last known. */
static gboolean
is_unchanged(const Mailbox *mailbox)
{
	const IndexState *synced = &mailbox->synced, *announced = &mailbox->announced;

	return mailbox->state == MAILBOX_COMPLETE && !mailbox->holey &&
	       account_is_fresh(mailbox->account) &&
	       mailbox->list_generation == mailbox->account->list_generation &&
	       announced->uidnext && announced->uidnext == synced->uidnext &&
	       announced->exists == synced->exists &&
	       announced->highestmodseq == synced->highestmodseq;
}

/* What was kept is shown at once to those who only look for a name. */
static void
on_loaded(guint32 mailbox_id, gpointer data)
{
	Sync *sync = data;
	Mailbox *mailbox = sync_mailbox(sync);

	(void)mailbox_id;
	if (sync->account->closing) {
		sync_free(sync);
		return;
	}
	if (!mailbox || is_unchanged(mailbox)) {
		sync->state = mailbox ? mailbox->synced : sync->state;
		sync->known_until = G_MAXUINT32;
		sync_end(sync, NULL);
		return;
	}
	if (mailbox->state == MAILBOX_COMPLETE)
		wait_queue_wake(&mailbox->syncing, NULL);
	sync_scan(sync, mailbox, mailbox->known_until);
}

static void
sync_begin(Mailbox *mailbox)
{
	Sync *sync = g_new0(Sync, 1);

	mailbox_forget_expunged(mailbox);
	sync->account = mailbox->account;
	sync->mailbox_id = mailbox->id;
	sync->announced = mailbox->announced;
	sync->left = g_array_new(FALSE, FALSE, sizeof(guint32));
	sync->vanished = g_array_new(FALSE, FALSE, sizeof(guint32));
	mailbox->n_syncs_begun++;
	if (mailbox->state == MAILBOX_STORED)
		keep_load_messages(mailbox, on_loaded, sync);
	else
		sync_scan(sync, mailbox, mailbox->known_until);
}

/* --- the questions --- */

static gboolean
is_busy(const Mailbox *mailbox)
{
	return mailbox->n_syncs_begun > mailbox->n_syncs_done;
}

/* One that is under way may have passed what the caller wants to see: then another follows it. The
 * first one is shared, for nobody has seen an older state. */
guint64
mailbox_resync(Mailbox *mailbox)
{
	if (!mailbox->selectable || mailbox->planned)
		return mailbox->n_syncs_done;
	rights_ask(mailbox);
	if (is_busy(mailbox) && mailbox->state != MAILBOX_COMPLETE)
		return mailbox->n_syncs_begun;
	mailbox->n_syncs_wanted = mailbox->n_syncs_begun + 1;
	if (!is_busy(mailbox))
		sync_begin(mailbox);
	return mailbox->n_syncs_wanted;
}

guint64
mailbox_refresh(Mailbox *mailbox)
{
	if (!mailbox->account->watch)
		mailbox->flags_known = FALSE;
	watch_used(mailbox);
	return mailbox_resync(mailbox);
}

CacheResult
mailbox_refreshed(Mailbox *mailbox, guint64 ticket, Waiter *waiter, GError **error)
{
	(void)error; /* the waiter hears it */
	if (mailbox->n_syncs_done >= ticket ||
	    (mailbox->state == MAILBOX_UNKNOWN && !mailbox->replaced))
		return CACHE_READY;
	waiter_park(waiter, &mailbox->syncing);
	return CACHE_PARKED;
}

CacheResult
mailbox_await_messages(Mailbox *mailbox, Waiter *waiter, GError **error)
{
	(void)error;
	if (!mailbox->selectable || mailbox->state == MAILBOX_COMPLETE)
		return CACHE_READY;
	if (!is_busy(mailbox)) {
		mailbox->n_syncs_wanted = mailbox->n_syncs_begun + 1;
		sync_begin(mailbox);
	}
	waiter_park(waiter, &mailbox->syncing);
	return CACHE_PARKED;
}
