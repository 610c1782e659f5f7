/*
 * Sending what is queued.
 *
 *     may be done twice     REMOVE, FLAGS                           send
 *     changes mailboxes     CREATE, RENAME                   note,  send
 *                           DELETE                           note,  empty?,  send
 *     adds messages         APPEND, COPY, MOVE        bound, note,  send
 *
 * bound: from which UID on new messages of the target will be found, should nobody know what came
 * of it. note: the entries are SENT, and that is on stable storage.
 *
 * Where a message is now may not be told even where the answer is OK (APPENDUID, COPYUID), and of
 * several messages for some only; what was not told is looked for. A MOVE that only copied is half
 * done.
 */
#include "flusher-private.h"

static void
send_end(FlusherBatch *batch)
{
	for (guint i = 0; i < batch->n_items; i++)
		if (batch->items[i].outcome == OUTCOME_UNKNOWN ||
		    batch->items[i].outcome == OUTCOME_UNTOLD) {
			if (flusher_kind_adds(batch->kind))
				flusher_look(batch);
			else
				flusher_list(batch);
			return;
		}
	flusher_batch_end(batch);
}

static FlusherOutcome
outcome_of(const GError *error)
{
	if (!error)
		return OUTCOME_DONE;
	if (error->code == IMAPFS_ERROR_UNKNOWN)
		return OUTCOME_UNKNOWN;
	return flusher_is_transient(error) ? OUTCOME_AGAIN : OUTCOME_FAILED;
}

static void
not_sent(FlusherBatch *batch, const char *words)
{
	g_autoptr(GError) error =
		g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED, "not sent: %s", words);

	flusher_batch_settle(batch, OUTCOME_AGAIN, error);
	flusher_batch_end(batch);
}

/* --- appending --- */

static void
on_appended(guint32 uidvalidity, guint32 uid, gboolean replaced, const GError *error, gpointer data)
{
	FlusherItem *item = data;

	item->replaced = replaced;
	if (!error && uid && uidvalidity) {
		item->new_uid = uid;
		item->to_uidvalidity = uidvalidity;
		item->batch->n_told++;
	}
	flusher_item_settle(item, !error && !item->new_uid ? OUTCOME_UNTOLD : outcome_of(error),
	                    error);
	if (!--item->batch->n_under_way)
		send_end(item->batch);
}

static const RemoteAppendHandler append_handler = {.done = on_appended};

static void
send_append(FlusherItem *item)
{
	FlusherBatch *batch = item->batch;
	Remote *remote = batch->flusher->remote;
	const JournalEntry *entry = item->entry;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) content = journal_staged_bytes(batch->flusher->journal, entry, &error);
	const RemoteAppend append = {
		.mailbox = entry->to,
		.uidvalidity = entry->to_uidvalidity,
		.content = content,
		.flags = entry->flags,
		.internaldate = entry->internaldate,
		.replaces = entry->replaces,
	};

	if (!content) {
		flusher_item_settle(item, OUTCOME_FAILED, error);
		return;
	}
	batch->n_under_way++;
	remote->operations->append(remote, &append, &append_handler, item);
}

static void
send_appends(FlusherBatch *batch)
{
	for (guint i = 0; i < batch->n_items; i++)
		send_append(&batch->items[i]);
	if (!batch->n_under_way)
		send_end(batch);
}

/* --- copying and moving --- */

static void
on_transferred(guint32 uid, guint32 new_uid, gpointer data)
{
	FlusherBatch *batch = data;
	FlusherItem *item = flusher_batch_find_uid(batch, uid);

	if (!item || item->new_uid || !new_uid)
		return;
	item->new_uid = new_uid;
	batch->n_told++;
}

/* With one message, or where each is told, a refusal means that the rest was not done. */
static void
settle_untold(FlusherBatch *batch, const GError *error)
{
	RemoteCapabilities can =
		batch->flusher->remote->operations->capabilities(batch->flusher->remote);

	if (!error) {
		flusher_batch_settle(batch, OUTCOME_UNTOLD, NULL);
	} else if (outcome_of(error) == OUTCOME_UNKNOWN) {
		flusher_batch_settle(batch, OUTCOME_UNKNOWN, error);
	} else if (outcome_of(error) == OUTCOME_FAILED && batch->n_items > 1 &&
	           !(can & REMOTE_UIDPLUS)) {
		batch->flusher->alone_until = batch->items[batch->n_items - 1].id;
		flusher_batch_settle(batch, OUTCOME_UNKNOWN, NULL);
	} else {
		flusher_batch_fail(batch, error);
	}
}

static void
on_transfer_done(guint32 to_uidvalidity, gboolean moved, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;
	gboolean half = batch->kind == JOURNAL_MOVE && !moved;

	for (guint i = 0; i < batch->n_items; i++) {
		FlusherItem *item = &batch->items[i];

		if (!item->new_uid)
			continue;
		if (to_uidvalidity)
			item->to_uidvalidity = to_uidvalidity;
		flusher_item_settle(item, half ? OUTCOME_HALF : OUTCOME_DONE, NULL);
	}
	settle_untold(batch, error);
	send_end(batch);
}

static const RemoteTransferHandler transfer_handler = {
	.transferred = on_transferred,
	.done = on_transfer_done,
};

static void
send_transfer(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	RemoteTransfer transfer = {
		.from = batch->first->mailbox,
		.from_uidvalidity = batch->first->uidvalidity,
		.to = batch->first->to,
		.move = batch->kind == JOURNAL_MOVE,
	};

	flusher_batch_collect_uids(batch);
	transfer.uids = (const guint32 *)(void *)batch->uids->data;
	transfer.n_uids = batch->uids->len;
	remote->operations->transfer(remote, &transfer, &transfer_handler, batch);
}

/* --- flags --- */

static void
on_stored(const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	if (error)
		flusher_batch_fail(batch, error);
	else
		flusher_batch_settle(batch, OUTCOME_DONE, NULL);
	flusher_batch_end(batch);
}

static const RemoteStoreHandler store_handler = {.done = on_stored};

static void
send_flags(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	RemoteStore store = {
		.mailbox = batch->first->mailbox,
		.uidvalidity = batch->first->uidvalidity,
		.sign = batch->first->sign,
		.flags = batch->first->flags,
	};

	flusher_batch_collect_uids(batch);
	store.uids = (const guint32 *)(void *)batch->uids->data;
	store.n_uids = batch->uids->len;
	remote->operations->store(remote, &store, &store_handler, batch);
}

/* --- mailboxes: one at a time --- */

/* Where it was sent before, and nobody knew what came of it, the refusal may tell. */
static gboolean
is_done_before(const FlusherBatch *batch, const GError *error)
{
	return g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_EXISTS) ||
	       (batch->kind == JOURNAL_RENAME &&
	        g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND));
}

static gboolean
shares(const FlusherBatch *batch)
{
	return batch->kind == JOURNAL_CREATE && batch->flusher->settings.shares;
}

static void
on_mailbox_done(const GError *error, gpointer data)
{
	FlusherBatch *batch = data;
	FlusherOutcome outcome = outcome_of(error);

	if (batch->kind == JOURNAL_DELETE &&
	    g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND))
		outcome = OUTCOME_DONE;
	if ((batch->first->uidnext || shares(batch)) && is_done_before(batch, error))
		outcome = batch->kind == JOURNAL_CREATE ? OUTCOME_DONE : OUTCOME_UNKNOWN;
	flusher_batch_settle(batch, outcome, error);
	send_end(batch);
}

static const RemoteDoneHandler delete_handler = {.done = on_mailbox_done};

static void
on_message_found(guint32 first, guint32 last, gpointer data)
{
	((FlusherBatch *)data)->n_found += last - first + 1;
}

/* A mailbox that is only a level above others cannot be opened, and holds nothing. */
static void
on_searched(guint32 exists, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;
	Remote *remote = batch->flusher->remote;
	guint32 n = MAX(batch->n_found, exists);
	g_autoptr(GError) cause = NULL;

	if (error && error->code != IMAPFS_ERROR_NOT_FOUND) {
		on_mailbox_done(error, batch);
	} else if (!error && n) {
		cause = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_NOT_EMPTY,
		                    n == 1 ? "not deleted: %u message is in it"
		                           : "not deleted: %u messages are in it",
		                    n);
		on_mailbox_done(cause, batch);
	} else if (batch->flusher->stopped) {
		not_sent(batch, "stopping");
	} else {
		remote->operations->delete (remote, batch->first->mailbox, &delete_handler, batch);
	}
}

static const RemoteUidsHandler search_handler = {.range = on_message_found, .done = on_searched};

/* DELETE takes the messages with it, and somebody may have put some there in the meantime. */
static void
send_delete(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;

	batch->n_found = 0;
	remote->operations->uids(remote, batch->first->mailbox, batch->first->uidvalidity,
	                         &search_handler, batch);
}

static void
on_mailbox_named(const char *name, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;
	JournalEntry *entry = batch->first;
	char **place = batch->kind == JOURNAL_CREATE ? &entry->mailbox : &entry->to;

	if (!error && name && !*place)
		*place = g_strdup(name);
	on_mailbox_done(error, data);
}

static const RemoteMailboxHandler mailbox_handler = {.done = on_mailbox_named};

static void
send_mailbox(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	const JournalEntry *entry = batch->first;
	const RemoteMailboxName name = {
		.parent = entry->parent,
		.delimiter = entry->delimiter,
		.component = entry->name,
		.whole = batch->kind == JOURNAL_CREATE ? entry->mailbox : entry->to,
	};

	if (batch->kind == JOURNAL_CREATE)
		remote->operations->create(remote, &name, &mailbox_handler, batch);
	else if (batch->kind == JOURNAL_RENAME)
		remote->operations->rename(remote, entry->mailbox, &name, &mailbox_handler, batch);
	else
		send_delete(batch);
}

/* --- all of them --- */

static void
send_now(FlusherBatch *batch)
{
	switch (batch->kind) {
	case JOURNAL_APPEND:
		send_appends(batch);
		break;
	case JOURNAL_COPY:
	case JOURNAL_MOVE:
		send_transfer(batch);
		break;
	case JOURNAL_REMOVE:
		flusher_remove(batch);
		break;
	case JOURNAL_FLAGS:
		send_flags(batch);
		break;
	default:
		send_mailbox(batch);
	}
}

static void
on_noted(const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	if (error || batch->flusher->stopped)
		not_sent(batch, error ? error->message : "stopping");
	else
		send_now(batch);
}

static void
note(FlusherBatch *batch, guint32 uidnext)
{
	Journal *journal = batch->flusher->journal;

	journal_hold(journal);
	for (guint i = 0; i < batch->n_items; i++) {
		batch->items[i].entry->state = JOURNAL_SENT;
		batch->items[i].entry->uidnext = uidnext;
		journal_update(journal, batch->items[i].entry);
	}
	journal_settle(journal, FALSE, on_noted, batch);
	journal_release(journal);
}

static void
on_bound(FlusherBatch *batch, guint32 uidnext, const GError *error)
{
	if (error) {
		flusher_batch_fail(batch, error);
		flusher_batch_end(batch);
	} else if (batch->flusher->stopped) {
		not_sent(batch, "stopping");
	} else {
		note(batch, uidnext);
	}
}

/* What makes no sense is nobody's fault but ours, or came out of a file; it is not carried out. */
static gboolean
makes_sense(const JournalEntry *entry)
{
	switch (entry->kind) {
	case JOURNAL_APPEND:
		return entry->to && (!entry->replaces || entry->to_uidvalidity);
	case JOURNAL_COPY:
	case JOURNAL_MOVE:
		return entry->mailbox && entry->uidvalidity && entry->uid && entry->to &&
		       (!entry->replaces || entry->to_uidvalidity);
	case JOURNAL_REMOVE:
		return entry->mailbox && entry->uidvalidity && entry->uid;
	case JOURNAL_FLAGS:
		return entry->mailbox && entry->uidvalidity && entry->uid && entry->flags;
	case JOURNAL_CREATE:
		return entry->mailbox || entry->name;
	case JOURNAL_RENAME:
		return entry->mailbox && (entry->to || entry->name);
	default:
		return entry->mailbox != NULL;
	}
}

static gboolean
refuse_nonsense(FlusherBatch *batch)
{
	g_autoptr(GError) error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
	                                      "this change cannot be sent: it lacks something");
	gboolean any = FALSE;

	for (guint i = 0; i < batch->n_items; i++) {
		if (makes_sense(batch->items[i].entry))
			continue;
		flusher_item_settle(&batch->items[i], OUTCOME_FAILED, error);
		any = TRUE;
	}
	return any;
}

void
flusher_send(FlusherBatch *batch)
{
	if (refuse_nonsense(batch)) { /* the others begin again without it */
		flusher_batch_settle(batch, OUTCOME_AGAIN, NULL);
		flusher_batch_end(batch);
	} else if (flusher_kind_adds(batch->kind)) {
		batch->bound = on_bound;
		flusher_bound_find(batch);
	} else if (batch->kind == JOURNAL_REMOVE || batch->kind == JOURNAL_FLAGS) {
		send_now(batch);
	} else {
		note(batch, batch->first->uidnext);
	}
}
