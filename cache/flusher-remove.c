/*
 * Removing messages: STORE +FLAGS.SILENT \Deleted, and, once that is answered, UID EXPUNGE of the
 * same. Without UIDPLUS they keep \Deleted and stay, for any other way would take away what others
 * have marked as well. Both may be repeated, so nothing is noted before.
 *
 *     REMOVE                              the message
 *     HALF: MOVE                          the message in its old place,
 *     HALF: MOVE, COPY, APPEND            then the one that is replaced
 *
 * That the other half is done is on stable storage before anything goes.
 */
#include "flusher-private.h"

static void
on_expunged(const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	batch->removed(batch, g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED)
	                              ? NULL
	                              : error);
}

static const RemoteDoneHandler expunge_handler = {.done = on_expunged};

static void
expunge(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	const RemoteExpunge arguments = {
		.mailbox = batch->removing,
		.uidvalidity = batch->removing_uidvalidity,
		.uids = (const guint32 *)(void *)batch->uids->data,
		.n_uids = batch->uids->len,
	};

	remote->operations->expunge(remote, &arguments, &expunge_handler, batch);
}

static void
on_deleted(const GError *error, gpointer data)
{
	FlusherBatch *batch = data;
	g_autoptr(GError) stopped = NULL;

	if (error) {
		batch->removed(batch, error);
	} else if (batch->flusher->stopped) {
		stopped = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED, "stopping");
		batch->removed(batch, stopped);
	} else {
		expunge(batch);
	}
}

static const RemoteStoreHandler deleted_handler = {.done = on_deleted};

/* Removes batch->uids, then calls @removed. */
static void
remove_uids(FlusherBatch *batch, const char *mailbox, guint32 uidvalidity,
            void (*removed)(FlusherBatch *batch, const GError *error))
{
	Remote *remote = batch->flusher->remote;
	RemoteStore store = {
		.mailbox = mailbox, .uidvalidity = uidvalidity, .sign = '+', .flags = "\\Deleted"};

	flusher_batch_sort_uids(batch);
	store.uids = (const guint32 *)(void *)batch->uids->data;
	store.n_uids = batch->uids->len;
	batch->removing = mailbox;
	batch->removing_uidvalidity = uidvalidity;
	batch->removed = removed;
	remote->operations->store(remote, &store, &deleted_handler, batch);
}

static void
finish(FlusherBatch *batch, const GError *error)
{
	if (error)
		flusher_batch_fail(batch, error);
	else
		flusher_batch_settle(batch, OUTCOME_DONE, NULL);
	flusher_batch_end(batch);
}

void
flusher_remove(FlusherBatch *batch)
{
	flusher_batch_collect_uids(batch);
	remove_uids(batch, batch->first->mailbox, batch->first->uidvalidity, finish);
}

/* --- the other half --- */

static void
finish_half(FlusherBatch *batch, const GError *error)
{
	g_autoptr(GError) cause = NULL;

	if (error)
		cause = g_error_new(IMAPFS_ERROR, error->code,
		                    "it is there, but %s could not be"
		                    " removed: %s",
		                    batch->removing == batch->first->to ? "the one it replaces"
		                                                        : "the old one",
		                    error->message);
	finish(batch, cause);
}

static void
remove_replaced(FlusherBatch *batch, const GError *error)
{
	if (error) {
		finish_half(batch, error);
		return;
	}
	g_array_set_size(batch->uids, 0);
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].entry->replaces)
			g_array_append_val(batch->uids, batch->items[i].entry->replaces);
	if (batch->uids->len)
		remove_uids(batch, batch->first->to, batch->first->to_uidvalidity, finish_half);
	else
		finish_half(batch, NULL);
}

static void
on_noted(const GError *error, gpointer data)
{
	FlusherBatch *batch = data;
	g_autoptr(GError) cause = NULL;

	if (error || batch->flusher->stopped) {
		cause = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED, "not sent: %s",
		                    error ? error->message : "stopping");
		finish(batch, cause);
	} else if (batch->kind == JOURNAL_MOVE) {
		flusher_batch_collect_uids(batch);
		remove_uids(batch, batch->first->mailbox, batch->first->uidvalidity,
		            remove_replaced);
	} else {
		remove_replaced(batch, NULL);
	}
}

void
flusher_remove_half(FlusherBatch *batch)
{
	journal_settle(batch->flusher->journal, FALSE, on_noted, batch);
}
