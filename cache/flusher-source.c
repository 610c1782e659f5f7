/*
 * What is left in the mailbox that messages were to be copied or moved from, and what those are.
 *
 * A message that is still there, and of which nobody knows whether it is in the target as well, is
 * removed only if the one there is the same. Where the entry has no content key, as without file
 * names that are made from headers, the message's own header is asked for, one message at a time:
 * that is needed after a broken connection only, and for those with a new message of their size in
 * the target.
 */
#include "flusher-private.h"

/* --- which are left --- */

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
		flusher_batch_find_uid(batch, uid)->left = TRUE;
	}
}

/* --- what they are --- */

static void read_next_key(FlusherBatch *batch);

static void
on_opened(guint32 uidvalidity, gpointer data)
{
	(void)uidvalidity;
	(void)data;
}

static void
on_message(const RemoteMessage *message, gpointer data)
{
	FlusherItem *item = data;

	if (message->uid == item->entry->uid)
		item->header_key = item->batch->flusher->settings.content_key(message, TRUE);
}

static void
on_batch(gpointer data)
{
	(void)data;
}

/* What cannot be read has no key. */
static void
on_scanned(const RemoteScanned *scanned, const GError *error, gpointer data)
{
	FlusherItem *item = data;

	(void)scanned;
	if (error && (flusher_is_transient(error) || error->code == IMAPFS_ERROR_UNKNOWN))
		item->batch->source_found(item->batch, error);
	else
		read_next_key(item->batch);
}

static const RemoteScanHandler scan_handler = {
	.opened = on_opened,
	.message = on_message,
	.batch = on_batch,
	.done = on_scanned,
};

static void
read_key(FlusherItem *item)
{
	Remote *remote = item->batch->flusher->remote;
	const RemoteScan scan = {
		.mailbox = item->entry->mailbox,
		.uidvalidity = item->entry->uidvalidity,
		.after_uid = item->entry->uid - 1,
		.until_uid = item->entry->uid,
		.header_fields = flusher_look_fields(item->batch),
	};

	item->header_asked = TRUE;
	remote->operations->scan(remote, &scan, &scan_handler, item);
}

static gboolean
needs_key(const FlusherItem *item)
{
	return item->left && item->outcome == OUTCOME_UNKNOWN && !item->entry->content_key &&
	       !item->header_asked && flusher_look_has_size(item->batch, item->entry->size);
}

static void
read_next_key(FlusherBatch *batch)
{
	if (batch->flusher->stopped) /* it stays SENT, for next time */
		return;
	for (guint i = 0; i < batch->n_items; i++)
		if (needs_key(&batch->items[i])) {
			read_key(&batch->items[i]);
			return;
		}
	batch->source_found(batch, NULL);
}

/* --- both --- */

/* In a mailbox that is gone nothing is left. */
static void
on_left_done(guint32 exists, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	(void)exists;
	if (error && error->code != IMAPFS_ERROR_NOT_FOUND && error->code != IMAPFS_ERROR_STALE) {
		batch->source_found(batch, error);
		return;
	}
	batch->source_gone = error != NULL;
	read_next_key(batch);
}

static const RemoteUidsHandler left_handler = {.range = on_left, .done = on_left_done};

void
flusher_source_find(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;

	for (guint i = 0; i < batch->n_items; i++) {
		batch->items[i].left = batch->items[i].header_asked = FALSE;
		batch->items[i].header_key = 0;
	}
	flusher_batch_collect_uids(batch);
	remote->operations->uids(remote, batch->first->mailbox, batch->first->uidvalidity,
	                         &left_handler, batch);
}
