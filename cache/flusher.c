/*
 * The queue: one batch of entries at a time is under way, the head of the journal and what can go
 * with it, and the next begins when that has ended. What an entry needs next follows from its state
 * in the journal and nothing else, so a daemon that comes back goes on where the last one died:
 *
 *     QUEUED  flusher-send.c    APPEND, COPY, MOVE, CREATE, DELETE, RENAME: noted as SENT on stable
 *                               storage, then sent; REMOVE, FLAGS: sent, for twice is once
 *               done          -> told, removed           refused, impossible -> FAILED
 *               copied only   -> HALF                    no connection       -> QUEUED, later again
 *               nobody knows  -> SENT, look
 *     SENT    flusher-look.c, flusher-list.c: what became of it?
 *               there         -> told, removed; or HALF  not there           -> QUEUED
 *     HALF    flusher-remove.c: the old message, or the one that is replaced, is removed
 *               removed       -> told, removed           refused             -> FAILED
 *     FAILED  passed over
 *
 * What a batch has come to is noted for all of its entries in one transaction: were an answered
 * entry forgotten and its unanswered twin still SENT, that would find the other's message and take
 * it for its own.
 *
 * A new entry begins a batch after a few milliseconds, so that a burst of them goes together; while
 * a batch is under way, further entries gather anyway.
 */
#include "flusher-private.h"

static gboolean on_source(gpointer data);

JournalEntry *
flusher_head(const Flusher *flusher)
{
	for (GList *link = journal_entries(flusher->journal)->head; link; link = link->next)
		if (((JournalEntry *)link->data)->state != JOURNAL_FAILED)
			return link->data;
	return NULL;
}

gboolean
flusher_is_transient(const GError *error)
{
	switch (error->code) {
	case IMAPFS_ERROR_OFFLINE:
	case IMAPFS_ERROR_TIMED_OUT:
	case IMAPFS_ERROR_LIMIT:
	case IMAPFS_ERROR_INTERRUPTED:
	case IMAPFS_ERROR_TLS:
		return TRUE;
	default:
		return FALSE;
	}
}

/* --- when --- */

static void
schedule(Flusher *flusher, guint delay_ms, gboolean waiting)
{
	g_clear_handle_id(&flusher->source, g_source_remove);
	if (flusher->stopped)
		return;
	flusher->waiting = waiting;
	flusher->source = delay_ms ? g_timeout_add(delay_ms, on_source, flusher)
	                           : g_idle_add_full(G_PRIORITY_DEFAULT, on_source, flusher, NULL);
}

static void
begin_batch(Flusher *flusher)
{
	FlusherBatch *batch = flusher_batch_new(flusher);

	flusher->batch = batch;
	switch (batch->state) {
	case JOURNAL_SENT:
		flusher_batch_settle(batch, OUTCOME_UNKNOWN, NULL);
		if (flusher_kind_adds(batch->kind))
			flusher_look(batch);
		else
			flusher_list(batch);
		break;
	case JOURNAL_HALF:
		flusher_remove_half(batch);
		break;
	default:
		flusher_send(batch);
	}
}

static gboolean
on_source(gpointer data)
{
	Flusher *flusher = data;

	flusher->source = 0;
	flusher->waiting = FALSE;
	if (flusher->batch && flusher_kind_adds(flusher->batch->kind))
		flusher_look(flusher->batch);
	else if (flusher->batch)
		flusher_list(flusher->batch);
	else if (flusher_head(flusher))
		begin_batch(flusher);
	return G_SOURCE_REMOVE;
}

/* Up to a quarter more, so that not all who lost one server come back at one moment. */
static void
schedule_retry(Flusher *flusher, gboolean waiting)
{
	guint delay_ms = flusher->delay_ms ? flusher->delay_ms * 2 : flusher->settings.retry_min_ms;

	flusher->delay_ms = CLAMP(delay_ms, 1, MAX(flusher->settings.retry_max_ms, 1));
	g_info("changes wait for %u ms: %s", flusher->delay_ms, flusher->trouble);
	schedule(flusher,
	         flusher->delay_ms +
	                 (guint)g_random_int_range(0, (gint32)flusher->delay_ms / 4 + 1),
	         waiting);
}

void
flusher_retry(Flusher *flusher, const GError *error)
{
	g_free(flusher->trouble);
	flusher->troubled_at_us = g_get_monotonic_time();
	flusher->no_line =
		error && flusher_is_transient(error) && error->code != IMAPFS_ERROR_INTERRUPTED;
	flusher->trouble = g_strdup(error ? error->message : "the server does not show it yet");
	schedule_retry(flusher, error != NULL);
	if (flusher_is_waiting(flusher) && flusher->events->waiting)
		flusher->events->waiting(flusher->data);
	wait_queue_wake(&flusher->waiters, NULL);
}

void
flusher_next(Flusher *flusher, const GError *retry)
{
	if (retry) {
		flusher_retry(flusher, retry);
	} else {
		flusher->delay_ms = 0;
		g_clear_pointer(&flusher->trouble, g_free);
		if (flusher_head(flusher))
			schedule(flusher, 0, FALSE);
		wait_queue_wake(&flusher->waiters, NULL);
	}
}

static void
on_added(gpointer data)
{
	Flusher *flusher = data;

	if (!flusher->batch && !flusher->source)
		schedule(flusher, flusher->settings.gather_ms, FALSE);
}

void
flusher_kick(Flusher *flusher)
{
	flusher->delay_ms = 0;
	if (flusher->waiting && flusher->source)
		schedule(flusher, 0, FALSE);
}

/* --- the owner's --- */

Flusher *
flusher_new(Journal *journal, Remote *remote, const FlusherSettings *settings,
            const FlusherEvents *events, gpointer data)
{
	Flusher *flusher = g_new0(Flusher, 1);

	flusher->journal = journal;
	flusher->remote = remote;
	flusher->settings = *settings;
	flusher->events = events;
	flusher->data = data;
	flusher->bounds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	wait_queue_init(&flusher->waiters);
	journal_listen(journal, on_added, flusher);
	if (flusher_head(flusher))
		schedule(flusher, 0, FALSE);
	return flusher;
}

void
flusher_stop(Flusher *flusher)
{
	flusher->stopped = TRUE;
	g_clear_handle_id(&flusher->source, g_source_remove);
}

void
flusher_free(Flusher *flusher)
{
	flusher_stop(flusher);
	journal_listen(flusher->journal, NULL, NULL);
	journal_flush(flusher->journal); /* so that what was to be noted calls back now */
	if (flusher->batch)
		flusher_batch_free(flusher->batch);
	g_clear_handle_id(&flusher->wake_source, g_source_remove);
	g_hash_table_unref(flusher->bounds);
	g_free(flusher->trouble);
	g_free(flusher);
}

gboolean
flusher_is_idle(const Flusher *flusher)
{
	return !flusher_head(flusher);
}

gboolean
flusher_is_waiting(const Flusher *flusher)
{
	return flusher->waiting && flusher->source;
}

gboolean
flusher_is_offline(const Flusher *flusher)
{
	return flusher->no_line && flusher_is_waiting(flusher);
}

gint64
flusher_waits_since_us(const Flusher *flusher)
{
	return g_get_monotonic_time() - flusher->troubled_at_us;
}

gboolean
flusher_is_done(const Flusher *flusher, guint64 until_id)
{
	const JournalEntry *head = flusher_head(flusher);

	return !head || head->id > until_id;
}

const char *
flusher_trouble(const Flusher *flusher)
{
	return flusher->trouble ? flusher->trouble : "no reason is known";
}

CacheResult
flusher_wait(Flusher *flusher, guint64 until_id, Waiter *waiter)
{
	if (flusher_is_done(flusher, until_id))
		return CACHE_READY;
	waiter_park(waiter, &flusher->waiters);
	return CACHE_PARKED;
}

static gboolean
is_in_batch(const FlusherBatch *batch, guint64 id)
{
	for (guint i = 0; batch && i < batch->n_items; i++)
		if (batch->items[i].id == id)
			return TRUE;
	return FALSE;
}

gboolean
flusher_is_sent(const Flusher *flusher, const JournalEntry *entry)
{
	return entry->state == JOURNAL_SENT || entry->state == JOURNAL_HALF ||
	       is_in_batch(flusher->batch, entry->id);
}

/* Not while somebody is in the middle of changing things. */
static gboolean
on_wake(gpointer data)
{
	Flusher *flusher = data;

	flusher->wake_source = 0;
	wait_queue_wake(&flusher->waiters, NULL);
	return G_SOURCE_REMOVE;
}

gboolean
flusher_cancel(Flusher *flusher, JournalEntry *entry)
{
	if (entry->state == JOURNAL_FAILED || flusher_is_sent(flusher, entry))
		return FALSE;
	journal_remove(flusher->journal, entry);
	if (!flusher->wake_source)
		flusher->wake_source = g_idle_add(on_wake, flusher);
	return TRUE;
}

void
flusher_status(const Flusher *flusher, GString *text)
{
	guint n_failed = 0, n = journal_entries(flusher->journal)->length;

	for (const GList *link = journal_entries(flusher->journal)->head; link; link = link->next)
		n_failed += ((const JournalEntry *)link->data)->state == JOURNAL_FAILED;
	g_string_append_printf(text, "changes_waiting: %u\nchanges_failed: %u\n", n - n_failed,
	                       n_failed);
	if (flusher->trouble)
		g_string_append_printf(text, "changes_wait_for: %s\n", flusher->trouble);
}
