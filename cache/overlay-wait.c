/*
 * Who waits for a change.
 *
 *     committed      it is in the journal's file
 *     settled        ... and that, with the bytes that it is about, is on stable storage
 *     carried out    the server has done it, or refused
 *     synced         so is everything before it
 *
 * Without a connection the last two fail, or are content with stable storage: see each.
 */
#include "draft.h"
#include "promise.h"

#define TRIED_JUST_NOW_US (G_USEC_PER_SEC / 20)

static GError *
waiting_error(const Overlay *overlay)
{
	return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
	                   "changes cannot be sent to the server now: %s",
	                   flusher_trouble(overlay->flusher));
}

static CacheResult
await_commit(Overlay *overlay, Waiter *waiter)
{
	waiter_park(waiter, &overlay->committing);
	return CACHE_PARKED;
}

CacheResult
overlay_await_commit(Overlay *overlay, guint64 id, Waiter *waiter)
{
	return g_hash_table_contains(overlay->uncommitted, &id) ? await_commit(overlay, waiter)
	                                                        : CACHE_READY;
}

CacheResult
overlay_await_entry(Overlay *overlay, guint64 id, Waiter *waiter, GError **error)
{
	if (overlay_await_commit(overlay, id, waiter) == CACHE_PARKED)
		return CACHE_PARKED;
	if (flusher_is_offline(overlay->flusher)) {
		g_propagate_error(error, waiting_error(overlay));
		return CACHE_FAILED;
	}
	if (flusher_wait(overlay->flusher, id, waiter) == CACHE_PARKED)
		return CACHE_PARKED;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "it is gone");
	return CACHE_FAILED;
}

static gboolean
is_lost(Overlay *overlay, Change change, GError **error)
{
	GError *lost = g_hash_table_lookup(overlay->lost, &change);

	if (!lost)
		return FALSE;
	g_propagate_error(error, g_error_copy(lost));
	g_hash_table_remove(overlay->lost, &change);
	return TRUE;
}

CacheResult
account_committed(Account *account, Change change, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;

	if (!change)
		return CACHE_READY;
	if (overlay_await_commit(overlay, change, waiter) == CACHE_PARKED)
		return CACHE_PARKED;
	return is_lost(overlay, change, error) ? CACHE_FAILED : CACHE_READY;
}

static void
on_settled(const GError *error, gpointer data)
{
	Overlay *overlay = data;

	g_clear_error(&overlay->unsettled);
	if (!error)
		overlay->settled = overlay->settling;
	else
		overlay->unsettled = g_error_copy(error);
	overlay->settle_tried = overlay->settling;
	overlay->settling = 0;
	wait_queue_wake(&overlay->committing, NULL);
}

void
overlay_settle(Overlay *overlay)
{
	if (overlay->settling)
		return;
	overlay->settling = journal_last_given(overlay->journal);
	journal_settle(overlay->journal, TRUE, on_settled, overlay);
}

CacheResult
account_settled(Account *account, Change change, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;
	CacheResult result = account_committed(account, change, waiter, error);

	if (result != CACHE_READY || !change || overlay->settled >= change)
		return result;
	if (overlay->unsettled && overlay->settle_tried >= change) {
		g_propagate_error(error, g_error_copy(overlay->unsettled));
		return CACHE_FAILED;
	}
	overlay_settle(overlay);
	return await_commit(overlay, waiter);
}

/* Where nothing is kept, what cannot be sent is taken back, and not done. */
static CacheResult
carried_out_offline(Account *account, Change change, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;
	JournalEntry *entry = journal_entry(overlay->journal, change);

	if (overlay->keeps)
		return account_settled(account, change, waiter, error);
	if (!entry || !flusher_cancel(overlay->flusher, entry))
		return flusher_wait(overlay->flusher, change, waiter);
	promise_break(promise_find(overlay, change));
	g_propagate_error(error, waiting_error(overlay));
	return CACHE_FAILED;
}

/* Whoever wrote it knows now, so it must not be sent again; but programs do not always look, so the
 * bytes are kept for a while. */
static void
keep_refused(Overlay *overlay, JournalEntry *entry)
{
	entry->uidnext = 1;
	journal_update(overlay->journal, entry);
}

CacheResult
account_carried_out(Account *account, Change change, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;
	CacheResult result = account_committed(account, change, waiter, error);
	const GError *refusal;

	if (result != CACHE_READY || !change)
		return result;
	refusal = refusal_of(overlay, change);
	if (refusal) {
		JournalEntry *entry = journal_entry(overlay->journal, change);

		if (entry && entry->kind == JOURNAL_APPEND && !entry->uidnext)
			keep_refused(overlay, entry);
		g_propagate_error(error, g_error_copy(refusal));
		return CACHE_FAILED;
	}
	if (!promise_find(overlay, change))
		return CACHE_READY;
	if (flusher_is_offline(overlay->flusher))
		return carried_out_offline(account, change, waiter, error);
	if (flusher_wait(overlay->flusher, change, waiter) == CACHE_PARKED)
		return CACHE_PARKED;
	return CACHE_READY;
}

static gboolean
is_uncommitted_until(const Overlay *overlay, Change change)
{
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, overlay->uncommitted);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		if (*(const guint64 *)id <= change)
			return TRUE;
	return FALSE;
}

static guint32
mailbox_of_id(Account *account, guint64 id)
{
	Mailbox *mailbox = NULL;

	if (!id || !(guint32)id)
		return (guint32)(id >> 32);
	account_message(account, id, &mailbox);
	return mailbox ? mailbox->id : message_is_draft(id) ? 0 : (guint32)(id >> 32);
}

/* Whoever asks has it tried once more, if that was not just now. */
static gboolean
is_hopeless(Overlay *overlay)
{
	if (!flusher_is_offline(overlay->flusher))
		return FALSE;
	if (flusher_waits_since_us(overlay->flusher) < TRIED_JUST_NOW_US)
		return TRUE;
	flusher_kick(overlay->flusher);
	return FALSE;
}

/* The bytes of a file are safe on stable storage here; who asks of a directory wants to know that
 * everybody can see it. */
static CacheResult
synced_offline(Account *account, guint64 id, Change change, Waiter *waiter, GError **error)
{
	if ((guint32)id && account->overlay->keeps)
		return account_settled(account, change, waiter, error);
	g_propagate_error(error, waiting_error(account->overlay));
	return CACHE_FAILED;
}

/* What never goes to a server waits for none. */
static gboolean
is_scratch(const Overlay *overlay, guint64 id)
{
	const Draft *draft = draft_of_handle(overlay, id);

	return draft && draft->made && draft->shown &&
	       draft_name_is_scratch(draft->local.message.name);
}

CacheResult
account_synced(Account *account, guint64 id, Change change, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;
	const GError *refusal;

	if (!overlay || is_scratch(overlay, id))
		return CACHE_READY;
	if (is_uncommitted_until(overlay, change))
		return await_commit(overlay, waiter);
	if (!flusher_is_done(overlay->flusher, change) && is_hopeless(overlay))
		return synced_offline(account, id, change, waiter, error);
	if (flusher_wait(overlay->flusher, change, waiter) == CACHE_PARKED)
		return CACHE_PARKED;
	refusal = refusal_next(overlay, mailbox_of_id(account, id));
	if (!refusal)
		return CACHE_READY;
	g_propagate_error(error, g_error_copy(refusal));
	return CACHE_FAILED;
}

Change
account_last_change(const Account *account)
{
	return account->overlay ? journal_last_given(account->overlay->journal) : 0;
}

gboolean
account_keeps_changes(const Account *account)
{
	return account->overlay && account->overlay->keeps;
}
