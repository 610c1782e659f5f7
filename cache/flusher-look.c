/*
 * Finding out what became of messages that were sent to a mailbox: those that are new there since
 * are compared by size and content key, each is taken for one entry at the most, the lowest UID
 * first, and none that an answer named. Of two entries with the same content it does not matter
 * which one's message is which, only how many there are.
 *
 *             new one there   old one there   nothing was answered    OK was answered
 *     APPEND  yes             -               done                    -
 *             no              -               queued again            -
 *     COPY    yes             -               done                    done
 *             no              yes             queued again            failed
 *             no              no              queued again            failed: gone
 *     MOVE    yes             no              done                    done
 *             yes             yes             half done               half done
 *             no              no              done (*)                failed: gone
 *             no              yes             queued again            failed
 *
 *     (*) somebody may have moved it on. "Queued again" of what is gone then fails for that.
 *
 * Some servers do not show at once what they have just stored: an OK is believed for a few looks.
 */
#include "flusher-private.h"

#define MAX_LOOKS 3

typedef struct {
	guint32 uid;
	gboolean has_size;
	guint64 size;
	guint64 content_key;
	gboolean taken;
} Candidate;

static void look_failed(FlusherBatch *batch, const GError *error);

/* --- what became of each --- */

static gboolean
is_like(const Candidate *candidate, const JournalEntry *entry)
{
	gboolean by_size = candidate->has_size && entry->size;
	gboolean by_key = candidate->content_key && entry->content_key;

	return (by_size || by_key) && (!by_size || candidate->size == entry->size) &&
	       (!by_key || candidate->content_key == entry->content_key);
}

/* Takes the lowest that is like the item's. FALSE: there is none. */
static gboolean
take_candidate(FlusherBatch *batch, FlusherItem *item)
{
	const JournalEntry *entry = item->entry;
	for (guint i = 0; i < batch->candidates->len; i++) {
		Candidate *candidate = &g_array_index(batch->candidates, Candidate, i);

		if (candidate->taken || candidate->uid < entry->uidnext ||
		    !is_like(candidate, entry))
			continue;
		candidate->taken = TRUE;
		item->new_uid = candidate->uid;
		item->to_uidvalidity = batch->opened;
		return TRUE;
	}
	return FALSE;
}

static void
take_named(FlusherBatch *batch, guint32 uid)
{
	for (guint i = 0; i < batch->candidates->len; i++) {
		Candidate *candidate = &g_array_index(batch->candidates, Candidate, i);

		candidate->taken = candidate->taken || candidate->uid == uid;
	}
}

static gboolean
is_done(const FlusherItem *item)
{
	return item->outcome == OUTCOME_DONE || item->outcome == OUTCOME_HALF;
}

/* What is done has first choice: by the UID that was told, or by what it is. */
static void
take_for_done(FlusherBatch *batch)
{
	for (guint i = 0; i < batch->n_items; i++)
		if (is_done(&batch->items[i]) && batch->items[i].new_uid)
			take_named(batch, batch->items[i].new_uid);
	for (guint i = 0; i < batch->n_items; i++)
		if (is_done(&batch->items[i]) && !batch->items[i].new_uid)
			take_candidate(batch, &batch->items[i]);
}

static void
settle_missing(FlusherItem *item, gboolean left)
{
	gboolean answered = item->outcome == OUTCOME_UNTOLD;
	gboolean move = item->batch->kind == JOURNAL_MOVE;
	g_autoptr(GError) error = NULL;

	if (!answered && move && !left) {
		flusher_item_settle(item, OUTCOME_DONE, NULL);
	} else if (!answered) {
		error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN,
		                    "the connection broke before it was done");
		flusher_item_settle(item, OUTCOME_AGAIN, error);
	} else {
		error = left ? g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_FAILED,
		                           "the server says that it is done, but it is not there")
		             : g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE,
		                           "the message was gone before");
		flusher_item_settle(item, OUTCOME_FAILED, error);
	}
}

static void
settle_item(FlusherItem *item)
{
	FlusherBatch *batch = item->batch;
	gboolean left = g_hash_table_contains(batch->left, GUINT_TO_POINTER(item->entry->uid));

	if (!take_candidate(batch, item))
		settle_missing(item, left);
	else
		flusher_item_settle(
			item, batch->kind == JOURNAL_MOVE && left ? OUTCOME_HALF : OUTCOME_DONE,
			NULL);
}

static gboolean
is_open(const FlusherItem *item)
{
	return item->outcome == OUTCOME_UNKNOWN || item->outcome == OUTCOME_UNTOLD;
}

/* Fewer are there than the server has put there. */
static gboolean
is_worth_another_look(const FlusherBatch *batch)
{
	guint n_untold = 0;

	for (guint i = 0; i < batch->n_items; i++)
		n_untold += batch->items[i].outcome == OUTCOME_UNTOLD;
	return !batch->n_told && n_untold > batch->candidates->len && batch->n_looks < MAX_LOOKS;
}

static void
settle_all(FlusherBatch *batch)
{
	if (is_worth_another_look(batch)) {
		flusher_retry(batch->flusher, NULL);
		return;
	}
	take_for_done(batch);
	for (guint i = 0; i < batch->n_items; i++)
		if (is_open(&batch->items[i]))
			settle_item(&batch->items[i]);
	flusher_batch_end(batch);
}

/* --- what is left in the source --- */

static guint
first_not_below(const GArray *uids, guint32 uid)
{
	guint low = 0, high = uids->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(uids, guint32, middle) < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
on_left(guint32 first, guint32 last, gpointer data)
{
	FlusherBatch *batch = data;

	for (guint i = first_not_below(batch->uids, first); i < batch->uids->len; i++) {
		guint32 uid = g_array_index(batch->uids, guint32, i);

		if (uid > last)
			break;
		g_hash_table_add(batch->left, GUINT_TO_POINTER(uid));
	}
}

/* In a mailbox that is gone nothing is left. */
static void
on_left_done(guint32 exists, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	(void)exists;
	if (error && error->code != IMAPFS_ERROR_NOT_FOUND && error->code != IMAPFS_ERROR_STALE)
		look_failed(batch, error);
	else
		settle_all(batch);
}

static const RemoteUidsHandler left_handler = {.range = on_left, .done = on_left_done};

static void
look_in_source(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;

	if (batch->kind == JOURNAL_APPEND) {
		settle_all(batch);
	} else if (!batch->flusher->stopped) {
		flusher_batch_collect_uids(batch);
		remote->operations->uids(remote, batch->first->mailbox, batch->first->uidvalidity,
		                         &left_handler, batch);
	}
}

/* --- what is new in the target --- */

static void
on_opened(guint32 uidvalidity, gpointer data)
{
	((FlusherBatch *)data)->opened = uidvalidity;
}

static void
on_message(const RemoteMessage *message, gpointer data)
{
	FlusherBatch *batch = data;
	const Candidate candidate = {
		.uid = message->uid,
		.has_size = message->has_size,
		.size = message->size,
		.content_key = batch->flusher->settings.content_key(message),
	};

	g_array_append_val(batch->candidates, candidate);
}

static void
on_batch(gpointer data)
{
	(void)data;
}

static int
compare_candidates(gconstpointer a, gconstpointer b)
{
	guint32 one = ((const Candidate *)a)->uid, other = ((const Candidate *)b)->uid;

	return one < other ? -1 : one > other;
}

/* A message may have been told twice. */
static void
sort_candidates(GArray *candidates)
{
	guint n = 0;

	g_array_sort(candidates, compare_candidates);
	for (guint i = 0; i < candidates->len; i++) {
		const Candidate *candidate = &g_array_index(candidates, Candidate, i);

		if (!n || g_array_index(candidates, Candidate, n - 1).uid != candidate->uid)
			g_array_index(candidates, Candidate, n++) = *candidate;
	}
	g_array_set_size(candidates, n);
}

/* In a mailbox that is not there nothing was put. */
static void
on_scanned(const RemoteScanned *scanned, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	(void)scanned;
	if (error && error->code != IMAPFS_ERROR_NOT_FOUND) {
		look_failed(batch, error);
		return;
	}
	sort_candidates(batch->candidates);
	look_in_source(batch);
}

static const RemoteScanHandler scan_handler = {
	.opened = on_opened,
	.message = on_message,
	.batch = on_batch,
	.done = on_scanned,
};

/* --- looking --- */

/* Another mailbox, or one that may not be read: nobody will ever know. */
static void
look_failed(FlusherBatch *batch, const GError *error)
{
	g_autoptr(GError) cause = NULL;

	if (flusher_is_transient(error) || error->code == IMAPFS_ERROR_UNKNOWN) {
		flusher_retry(batch->flusher, error);
		return;
	}
	cause = g_error_new(IMAPFS_ERROR, error->code,
	                    "the connection broke, and whether it was done cannot be found out: %s",
	                    error->message);
	for (guint i = 0; i < batch->n_items; i++)
		if (is_open(&batch->items[i]))
			flusher_item_settle(&batch->items[i], OUTCOME_FAILED, cause);
	flusher_batch_end(batch);
}

/* Where nothing of the kind was noted, all messages would be new, and any may be an old one. */
static guint32
lowest_bound(const FlusherBatch *batch)
{
	guint32 lowest = G_MAXUINT32;

	for (guint i = 0; i < batch->n_items; i++)
		lowest = MIN(lowest, batch->items[i].entry->uidnext);
	return lowest;
}

void
flusher_look(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	RemoteScan scan = {
		.mailbox = batch->first->to,
		.uidvalidity = batch->first->to_uidvalidity,
		.header_fields = batch->flusher->settings.header_fields,
	};
	guint32 bound = lowest_bound(batch);
	g_autoptr(GError) error = NULL;

	if (batch->flusher->stopped) /* it stays SENT, for next time */
		return;
	if (!batch->candidates) {
		batch->candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
		batch->left = g_hash_table_new(NULL, NULL);
	}
	g_array_set_size(batch->candidates, 0);
	g_hash_table_remove_all(batch->left);
	batch->n_looks++;
	if (!bound || !scan.mailbox) {
		error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "nothing was noted of it");
		look_failed(batch, error);
		return;
	}
	scan.after_uid = bound - 1;
	remote->operations->scan(remote, &scan, &scan_handler, batch);
}
