/*
 * What becomes of each entry of a batch when that has ended.
 */
#include "flusher-private.h"

#define MAX_UNKNOWN 10
#define LATE_LOOKS  4 /* a server that is slow to show it is slow to do it */

gboolean
flusher_kind_adds(JournalKind kind)
{
	return kind == JOURNAL_APPEND || kind == JOURNAL_COPY || kind == JOURNAL_MOVE;
}

FlusherBatch *
flusher_batch_new(Flusher *flusher)
{
	FlusherBatch *batch = g_new0(FlusherBatch, 1);
	g_autoptr(GPtrArray) entries = flusher_choose(flusher);

	batch->flusher = flusher;
	batch->first = entries->pdata[0];
	batch->kind = batch->first->kind;
	batch->state = batch->first->state;
	batch->n_items = entries->len;
	batch->items = g_new0(FlusherItem, entries->len);
	batch->uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	batch->by_uid = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < entries->len; i++) {
		FlusherItem *item = &batch->items[i];

		item->batch = batch;
		item->entry = entries->pdata[i];
		item->id = item->entry->id;
		item->new_uid = batch->state == JOURNAL_HALF ? item->entry->new_uid : 0;
		item->to_uidvalidity = item->entry->to_uidvalidity;
		g_hash_table_insert(batch->by_uid, GUINT_TO_POINTER(item->entry->uid), item);
	}
	return batch;
}

void
flusher_batch_free(FlusherBatch *batch)
{
	for (guint i = 0; i < batch->n_items; i++)
		g_clear_error(&batch->items[i].error);
	g_clear_pointer(&batch->candidates, g_array_unref);
	g_hash_table_unref(batch->by_uid);
	g_array_unref(batch->uids);
	g_free(batch->items);
	g_free(batch);
}

FlusherItem *
flusher_batch_find_uid(FlusherBatch *batch, guint32 uid)
{
	return g_hash_table_lookup(batch->by_uid, GUINT_TO_POINTER(uid));
}

static int
compare_uids(gconstpointer a, gconstpointer b)
{
	guint32 one = *(const guint32 *)a, other = *(const guint32 *)b;

	return one < other ? -1 : one > other;
}

/* Two entries may replace the same message. */
void
flusher_batch_sort_uids(FlusherBatch *batch)
{
	guint32 *uids = (guint32 *)(void *)batch->uids->data;
	guint n = 0;

	g_array_sort(batch->uids, compare_uids);
	for (guint i = 0; i < batch->uids->len; i++)
		if (!n || uids[n - 1] != uids[i])
			uids[n++] = uids[i];
	g_array_set_size(batch->uids, n);
}

void
flusher_batch_collect_uids(FlusherBatch *batch)
{
	g_array_set_size(batch->uids, 0);
	for (guint i = 0; i < batch->n_items; i++)
		g_array_append_val(batch->uids, batch->items[i].entry->uid);
	flusher_batch_sort_uids(batch);
}

void
flusher_batch_note_look(FlusherBatch *batch)
{
	batch->look_began_us = g_get_monotonic_time();
	if (!batch->n_looks++)
		batch->looked_us = batch->look_began_us;
}

void
flusher_batch_note_sight(FlusherBatch *batch)
{
	gint64 took_us = g_get_monotonic_time() - batch->look_began_us;

	batch->look_us = MAX(batch->look_us, took_us);
}

gboolean
flusher_batch_is_young(const FlusherBatch *batch)
{
	gint64 late_us = (gint64)batch->flusher->settings.late_ms * 1000;

	if (!late_us)
		return FALSE;
	return batch->look_began_us - batch->looked_us < MAX(late_us, batch->look_us * LATE_LOOKS);
}

/* --- outcomes --- */

void
flusher_item_settle(FlusherItem *item, FlusherOutcome outcome, const GError *error)
{
	g_clear_error(&item->error);
	item->outcome = outcome;
	item->error = error ? g_error_copy(error) : NULL;
}

void
flusher_batch_settle(FlusherBatch *batch, FlusherOutcome outcome, const GError *error)
{
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].outcome == OUTCOME_NONE)
			flusher_item_settle(&batch->items[i], outcome, error);
}

void
flusher_batch_fail(FlusherBatch *batch, const GError *error)
{
	gboolean refused = !flusher_is_transient(error) && error->code != IMAPFS_ERROR_UNKNOWN;

	if (refused && (batch->n_items == 1 || error->code == IMAPFS_ERROR_STALE)) {
		flusher_batch_settle(batch, OUTCOME_FAILED, error);
		return;
	}
	if (refused)
		batch->flusher->alone_until = batch->items[batch->n_items - 1].id;
	flusher_batch_settle(batch, OUTCOME_AGAIN, error);
}

/* --- the end --- */

/* A UID of what is to be replaced means nothing in another mailbox, and that has nothing that could
 * be replaced. */
static void
take_answer(FlusherItem *item)
{
	JournalEntry *entry = item->entry;

	entry->new_uid = item->new_uid;
	if (item->to_uidvalidity && item->to_uidvalidity != entry->to_uidvalidity)
		entry->replaces = 0;
	if (item->to_uidvalidity)
		entry->to_uidvalidity = item->to_uidvalidity;
	if (entry->replaces && !item->replaced && entry->state != JOURNAL_HALF)
		item->outcome = OUTCOME_HALF;
}

/* What was sent time and again, and never found, is not sent for ever. */
static void
give_up(FlusherItem *item)
{
	g_autoptr(GError) error =
		g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_FAILED,
	                    "sent %u times, and each time the connection broke", MAX_UNKNOWN);

	if (item->batch->flusher->n_unknown >= MAX_UNKNOWN)
		flusher_item_settle(item, OUTCOME_FAILED, error);
}

static void
queue_again(FlusherItem *item)
{
	JournalEntry *entry = item->entry;
	gboolean unknown = g_error_matches(item->error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);

	if (unknown && !entry->first_uidnext)
		entry->first_uidnext = entry->uidnext;
	entry->state = JOURNAL_QUEUED;
	entry->uidnext = unknown && journal_kind_is_of_mailbox(entry->kind) ? 1 : 0;
	entry->new_uid = 0;
	journal_update(item->batch->flusher->journal, entry);
}

/* Those that stay; nobody is told of them. */
static void
note_rest(FlusherItem *item)
{
	JournalEntry *entry = item->entry;
	Flusher *flusher = item->batch->flusher;
	gboolean done = item->outcome == OUTCOME_DONE || item->outcome == OUTCOME_HALF;

	if (done && flusher_kind_adds(entry->kind) && entry->state != JOURNAL_HALF) {
		flusher_bound_note(flusher, entry->to, item->to_uidvalidity, item->new_uid);
		take_answer(item);
	}
	if (g_error_matches(item->error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN))
		give_up(item);
	if (item->outcome == OUTCOME_HALF) {
		entry->state = JOURNAL_HALF;
		journal_update(flusher->journal, entry);
	} else if (item->outcome == OUTCOME_AGAIN && entry->state == JOURNAL_SENT) {
		queue_again(item);
	}
}

static void
tell_failed(Flusher *flusher, JournalEntry *entry, const GError *error)
{
	if (entry->state != JOURNAL_HALF)
		entry->uidnext = 0; /* nothing came of it */
	entry->state = JOURNAL_FAILED;
	g_free(entry->error);
	entry->error = g_strdup(error->message);
	journal_update(flusher->journal, entry);
	flusher->events->failed(entry, error, flusher->data);
}

static void
tell(FlusherItem *item)
{
	Flusher *flusher = item->batch->flusher;

	if (item->outcome == OUTCOME_FAILED) {
		tell_failed(flusher, item->entry, item->error);
	} else if (item->outcome == OUTCOME_DONE) {
		if (journal_kind_is_of_mailbox(item->entry->kind))
			flusher_bound_forget_all(flusher);
		flusher->events->done(item->entry, flusher->data);
		journal_remove(flusher->journal, item->entry);
	}
}

/* What has been looked for long enough is sent before it can come after all, but not time and again. */
static gboolean
is_looked_for(const FlusherBatch *batch)
{
	return batch->n_looks && !flusher_batch_is_young(batch) && batch->flusher->n_unknown <= 1;
}

/* Why it is not to be tried again at once; NULL: it may be. */
static const GError *
reason_to_wait(const FlusherBatch *batch)
{
	gboolean looked_for = is_looked_for(batch);

	for (guint i = 0; i < batch->n_items; i++) {
		const FlusherItem *item = &batch->items[i];

		if (item->outcome == OUTCOME_AGAIN && item->error &&
		    (flusher_is_transient(item->error) ||
		     (item->error->code == IMAPFS_ERROR_UNKNOWN && !looked_for)))
			return item->error;
	}
	return NULL;
}

static void
count_unknown(FlusherBatch *batch)
{
	gboolean any = FALSE;

	if (batch->flusher->n_unknown >= MAX_UNKNOWN)
		batch->flusher->n_unknown = 0;
	for (guint i = 0; i < batch->n_items; i++) {
		if (batch->items[i].outcome != OUTCOME_AGAIN) /* it goes on, if slowly */
			batch->flusher->n_unknown = batch->flusher->delay_ms = 0;
		any = any ||
		      g_error_matches(batch->items[i].error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);
	}
	batch->flusher->n_unknown += any;
}

void
flusher_batch_end(FlusherBatch *batch)
{
	Flusher *flusher = batch->flusher;
	g_autoptr(GError) wait = NULL;

	count_unknown(batch);
	flusher->batch = NULL;
	journal_hold(flusher->journal);
	for (guint i = 0; i < batch->n_items; i++)
		note_rest(&batch->items[i]);
	for (guint i = 0; i < batch->n_items; i++)
		tell(&batch->items[i]);
	journal_release(flusher->journal);
	if (reason_to_wait(batch))
		wait = g_error_copy(reason_to_wait(batch));
	flusher_batch_free(batch);
	flusher_next(flusher, wait);
}
