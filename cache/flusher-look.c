/*
 * Finding out what became of messages that were sent to a mailbox: those that are new there since
 * are compared by size and content key, each is taken for one entry at the most, the lowest UID
 * first, and none that an answer named. Of two entries with the same content it does not matter
 * which one's message is which, only how many there are.
 *
 *             new one there   old one there   nothing was answered    OK was answered
 *     APPEND  yes             -               done                    done
 *             no              -               queued again            done, UID not known
 *     COPY    yes             -               done                    done
 *             no              yes             queued again            failed
 *             no              no              queued again            failed: gone
 *     MOVE    yes             no              done                    done
 *             yes             yes             half done               half done
 *             no              no              done (*)                failed: gone
 *             no              yes             queued again            failed
 *             no              no mailbox      failed: gone            failed: gone
 *
 *     (*) somebody may have moved it on. "Queued again" of what is gone then fails for that.
 *
 * Some servers do not show at once what they have just stored: an OK is believed for a few looks.
 * Size alone is not enough where nothing was answered and there is a key to be had: a message that
 * is there twice is better than one that is gone.
 *
 * What a broken connection brought to the server may be carried out later than that broke: what was
 * not answered and is not found is looked for again until it is not young any more, and so long
 * nothing is said of the others that were not found, for theirs would be taken for its. A MOVE that
 * was sent again may after all have been done by the first attempt, and is then among what was new
 * at that time: the second says OK to a message that is not there (RFC 3501, section 6.4.8). Only
 * where the source is gone, and there is a key, for else it might be another that is like it.
 */
#include "flusher-private.h"

#include "content-key.h"

#define MAX_LOOKS 3

typedef struct {
	guint32 uid;
	gboolean has_size;
	guint64 size;
	guint64 content_key;
	guint64 header_key; /* the same, by the header alone */
	gboolean taken;
} Candidate;

static void look_failed(FlusherBatch *batch, const GError *error);

static gboolean
has_size(const Candidate *candidate, guint64 size, JournalKind kind)
{
	return !size || !candidate->has_size || flusher_is_size(kind, size, candidate->size);
}

gboolean
flusher_look_has_size(const FlusherBatch *batch, guint64 size)
{
	for (guint i = 0; i < batch->candidates->len; i++)
		if (has_size(&g_array_index(batch->candidates, Candidate, i), size, batch->kind))
			return TRUE;
	return FALSE;
}

/* What was appended may well have none of the fields that make a key: then the other has none
 * either. */
static gboolean
has_key(const Candidate *candidate, const FlusherItem *item)
{
	gboolean has_sizes = candidate->has_size && item->entry->size;
	guint64 key = item->entry->content_key;

	if (item->batch->kind == JOURNAL_APPEND)
		return candidate->header_key == key && (key || has_sizes);
	if (key)
		return candidate->content_key == key;
	if (item->left && item->outcome == OUTCOME_UNKNOWN)
		return item->header_key && candidate->header_key == item->header_key;
	return has_sizes;
}

/* --- what became of each --- */

/* From which UID on a message may be the item's. @left: it is still in the source. */
static guint32
bound_of(const JournalEntry *entry, gboolean left)
{
	if (entry->kind != JOURNAL_MOVE || left || !entry->first_uidnext || !entry->content_key)
		return entry->uidnext;
	return MIN(entry->first_uidnext, entry->uidnext);
}

/* Takes the lowest that is like the item's. FALSE: there is none. */
static gboolean
take_candidate(FlusherBatch *batch, FlusherItem *item)
{
	const JournalEntry *entry = item->entry;

	for (guint i = 0; i < batch->candidates->len; i++) {
		Candidate *candidate = &g_array_index(batch->candidates, Candidate, i);

		if (candidate->taken || candidate->uid < bound_of(entry, item->left) ||
		    !has_size(candidate, entry->size, entry->kind) || !has_key(candidate, item))
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

static void
settle_unanswered(FlusherItem *item)
{
	g_autoptr(GError) error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN,
	                                      "the connection broke before it was done");
	g_autoptr(GError) gone =
		g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE,
	                    "the connection broke, and the mailbox that it was in is gone");

	if (item->batch->kind != JOURNAL_MOVE || item->left)
		flusher_item_settle(item, OUTCOME_AGAIN, error);
	else if (item->batch->source_gone)
		flusher_item_settle(item, OUTCOME_FAILED, gone);
	else
		flusher_item_settle(item, OUTCOME_DONE, NULL);
}

static void
settle_answered(FlusherItem *item)
{
	g_autoptr(GError) error = NULL;

	if (item->batch->kind == JOURNAL_APPEND) {
		flusher_item_settle(item, OUTCOME_DONE, NULL);
		return;
	}
	error = item->left ? g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_FAILED,
	                                 "the server says that it is done, but it is not there")
	                   : g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE,
	                                 "the message was gone before");
	flusher_item_settle(item, OUTCOME_FAILED, error);
}

static void
settle_found(FlusherItem *item)
{
	gboolean half = item->batch->kind == JOURNAL_MOVE && item->left;

	if (take_candidate(item->batch, item))
		flusher_item_settle(item, half ? OUTCOME_HALF : OUTCOME_DONE, NULL);
}

/* Those with a key first, for one without would take the message of any that has its size. */
static void
settle_those_found(FlusherBatch *batch, FlusherOutcome outcome)
{
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].outcome == outcome && batch->items[i].entry->content_key)
			settle_found(&batch->items[i]);
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].outcome == outcome)
			settle_found(&batch->items[i]);
}

static void
settle_missing(FlusherBatch *batch)
{
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].outcome == OUTCOME_UNTOLD)
			settle_answered(&batch->items[i]);
		else if (batch->items[i].outcome == OUTCOME_UNKNOWN)
			settle_unanswered(&batch->items[i]);
}

static guint
count(const FlusherBatch *batch, FlusherOutcome outcome)
{
	guint n = 0;

	for (guint i = 0; i < batch->n_items; i++)
		n += batch->items[i].outcome == outcome;
	return n;
}

/* Fewer are there than the server has put there. */
static gboolean
is_worth_another_look(const FlusherBatch *batch)
{
	guint n_new = 0;

	for (guint i = 0; i < batch->candidates->len; i++)
		n_new +=
			g_array_index(batch->candidates, Candidate, i).uid >= batch->first->uidnext;
	return !batch->n_told && count(batch, OUTCOME_UNTOLD) > n_new && batch->n_looks < MAX_LOOKS;
}

/* What was answered has first choice. */
static void
settle_all(FlusherBatch *batch)
{
	if (is_worth_another_look(batch)) {
		flusher_retry(batch->flusher, NULL);
		return;
	}
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].new_uid)
			take_named(batch, batch->items[i].new_uid);
	settle_those_found(batch, OUTCOME_UNTOLD);
	settle_those_found(batch, OUTCOME_UNKNOWN);
	if (count(batch, OUTCOME_UNKNOWN) && flusher_batch_is_young(batch)) {
		flusher_retry(batch->flusher, NULL);
		return;
	}
	settle_missing(batch);
	flusher_batch_end(batch);
}

static void
on_source_found(FlusherBatch *batch, const GError *error)
{
	if (error)
		look_failed(batch, error);
	else
		settle_all(batch);
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
	const FlusherSettings *settings = &batch->flusher->settings;
	const Candidate candidate = {
		.uid = message->uid,
		.has_size = message->has_size,
		.size = message->size,
		.content_key = settings->content_key(message, FALSE),
		.header_key = settings->content_key(message, TRUE),
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
	flusher_batch_note_sight(batch);
	sort_candidates(batch->candidates);
	batch->source_found = on_source_found;
	if (batch->kind == JOURNAL_APPEND)
		settle_all(batch);
	else if (!batch->flusher->stopped)
		flusher_source_find(batch);
}

static const RemoteScanHandler scan_handler = {
	.opened = on_opened,
	.message = on_message,
	.batch = on_batch,
	.done = on_scanned,
};

/* --- looking --- */

const char *
flusher_look_fields(const FlusherBatch *batch)
{
	const char *fields = batch->flusher->settings.header_fields;

	return batch->kind == JOURNAL_APPEND || !fields ? CONTENT_KEY_FIELDS : fields;
}

static void
settle_unseen(FlusherItem *item, const GError *error)
{
	if (item->outcome == OUTCOME_UNTOLD && item->batch->kind == JOURNAL_APPEND)
		flusher_item_settle(item, OUTCOME_DONE, NULL);
	else if (item->outcome == OUTCOME_UNTOLD || item->outcome == OUTCOME_UNKNOWN)
		flusher_item_settle(item, OUTCOME_FAILED, error);
}

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
		settle_unseen(&batch->items[i], cause);
	flusher_batch_end(batch);
}

/* Where nothing of the kind was noted, all messages would be new, and any may be an old one. */
static guint32
lowest_bound(const FlusherBatch *batch)
{
	guint32 lowest = G_MAXUINT32;

	for (guint i = 0; i < batch->n_items; i++)
		lowest = MIN(lowest, bound_of(batch->items[i].entry, FALSE));
	return lowest;
}

void
flusher_look(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	RemoteScan scan = {
		.mailbox = batch->first->to,
		.uidvalidity = batch->first->to_uidvalidity,
		.header_fields = flusher_look_fields(batch),
	};
	guint32 bound = lowest_bound(batch);
	g_autoptr(GError) error = NULL;

	if (batch->flusher->stopped) /* it stays SENT, for next time */
		return;
	if (!batch->candidates)
		batch->candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
	g_array_set_size(batch->candidates, 0);
	flusher_batch_note_look(batch);
	if (!bound || !scan.mailbox) {
		error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "nothing was noted of it");
		look_failed(batch, error);
		return;
	}
	scan.after_uid = bound - 1;
	remote->operations->scan(remote, &scan, &scan_handler, batch);
}
