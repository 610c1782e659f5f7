/*
 * The journal and its flusher: what is written down, carried out, kept or refused.
 *
 * A change is first written, by the disk worker: until then it is uncommitted, and shows already.
 * If it cannot be written it is lost, and taken back. Then the flusher carries it out, and it is
 * kept or refused.
 */
#include "overlay.h"

#include "content-key.h"
#include "draft.h"
#include "hidden.h"
#include "keep.h"
#include "promise.h"
#include "reattach.h"
#include "storage.h"

#define REFUSALS_KEPT_SECONDS (7 * 24 * 60 * 60)

/* --- writing down --- */

typedef struct {
	Overlay *overlay;
	Change change;
} Write;

static Write *
write_new(Overlay *overlay, Change change)
{
	gpointer n = g_hash_table_lookup(overlay->uncommitted, &change);
	Write *write = g_new(Write, 1);

	*write = (Write){overlay, change};
	g_hash_table_replace(overlay->uncommitted, g_memdup2(&change, sizeof(change)),
	                     GUINT_TO_POINTER(GPOINTER_TO_UINT(n) + 1));
	return write;
}

static void
write_ended(Write *write, const GError *error)
{
	Overlay *overlay = write->overlay;
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(overlay->uncommitted, &write->change));

	if (n > 1)
		g_hash_table_replace(overlay->uncommitted,
		                     g_memdup2(&write->change, sizeof(write->change)),
		                     GUINT_TO_POINTER(n - 1));
	else
		g_hash_table_remove(overlay->uncommitted, &write->change);
	if (error)
		g_hash_table_replace(overlay->lost,
		                     g_memdup2(&write->change, sizeof(write->change)),
		                     g_error_copy(error));
	wait_queue_wake(&overlay->committing, NULL);
	g_free(write);
}

static void
on_added(JournalEntry *entry, const GError *error, gpointer data)
{
	Write *write = data;
	Promise *promise = entry ? NULL : promise_find(write->overlay, write->change);

	if (promise)
		promise_break(promise);
	write_ended(write, error);
}

static void
on_updated(const GError *error, gpointer data)
{
	write_ended(data, error);
}

Change
overlay_add(Overlay *overlay, JournalEntry *entry)
{
	Write *write = g_new(Write, 1);
	Change change = journal_add(overlay->journal, entry, on_added, write);

	*write = (Write){overlay, change};
	g_hash_table_insert(overlay->uncommitted, g_memdup2(&change, sizeof(change)),
	                    GUINT_TO_POINTER(1));
	return change;
}

void
overlay_update(Overlay *overlay, const JournalEntry *entry)
{
	journal_update_then(overlay->journal, entry, on_updated, write_new(overlay, entry->id));
}

Change
overlay_give_name(Mailbox *mailbox, guint32 uid, const char *name)
{
	Overlay *overlay = mailbox->account->overlay;
	Change change;

	if (!overlay || !mailbox->name || (!name && !overlay_given_name(mailbox, uid)))
		return 0;
	change = journal_next_id(overlay->journal);
	journal_set_name(overlay->journal, mailbox->name, mailbox->uidvalidity, uid, name,
	                 on_updated, write_new(overlay, change));
	return change;
}

const char *
overlay_given_name(const Mailbox *mailbox, guint32 uid)
{
	const Overlay *overlay = mailbox->account->overlay;

	return overlay && mailbox->name
	               ? journal_name(overlay->journal, mailbox->name, mailbox->uidvalidity, uid)
	               : NULL;
}

void
overlay_withdraw(Overlay *overlay, Change id)
{
	gboolean withdrawn = flusher_cancel(overlay->flusher, journal_entry(overlay->journal, id));

	g_assert(withdrawn);
	journal_barrier(overlay->journal, on_updated, write_new(overlay, id));
}

/* --- what the flusher tells --- */

static void
on_done(const JournalEntry *entry, gpointer data)
{
	Promise *promise = promise_find(data, entry->id);

	if (promise)
		promise_keep(promise, entry);
	held_deliver(((Overlay *)data)->held);
}

/* It stays in the journal: its words for whoever looks later, and what was to be appended because
 * these bytes are nowhere else. */
static void
on_failed(JournalEntry *entry, const GError *error, gpointer data)
{
	Overlay *overlay = data;
	Promise *promise = promise_find(overlay, entry->id);

	refusal_note(overlay, entry, promise ? promise->from_id : 0, promise ? promise->to_id : 0,
	             error);
	if (promise)
		promise_break(promise);
	held_deliver(overlay->held);
}

static guint32
on_uidnext(const char *name, gpointer data)
{
	const Overlay *overlay = data;
	const Mailbox *mailbox = g_hash_table_lookup(overlay->account->by_name, name);

	return mailbox ? mailbox->seen_uidnext : 0;
}

static guint64
content_key(const RemoteMessage *message, gboolean appended)
{
	if (appended)
		return message->header
		               ? content_key_of_header(message->header, message->header_length)
		               : 0;
	return reattach_key(message);
}

static const FlusherEvents flusher_events = {
	.done = on_done,
	.failed = on_failed,
	.uidnext = on_uidnext,
};

/* --- beginning and end --- */

static void
open_journal(Overlay *overlay)
{
	const Storage *storage = overlay->account->storage;
	g_autoptr(GError) error = NULL;

	if (storage) {
		overlay->disk = storage->disk;
		overlay->journal = journal_open(storage->folder, storage->disk, &error);
		overlay->keeps = overlay->journal != NULL;
	}
	if (overlay->journal)
		return;
	if (error)
		g_message("%s; each change waits for the server", error->message);
	if (!overlay->disk) {
		overlay->disk = disk_new();
		overlay->own_disk = TRUE;
	}
	overlay->journal = journal_open(NULL, overlay->disk, NULL);
	g_assert(overlay->journal);
}

static void
try_again(Overlay *overlay, JournalEntry *entry)
{
	entry->state = JOURNAL_QUEUED;
	g_clear_pointer(&entry->error, g_free);
	journal_update(overlay->journal, entry);
}

/* What an earlier mount could not append is tried once more, unless somebody was told that it was
 * refused, or it is there and only what it replaces is too (uidnext). What else was refused is to
 * be read for a while. */
static void
take_entries(Overlay *overlay)
{
	gint64 old = g_get_real_time() / G_USEC_PER_SEC - REFUSALS_KEPT_SECONDS;
	GList *next;

	for (GList *link = journal_entries(overlay->journal)->head; link; link = next) {
		JournalEntry *entry = link->data;

		next = link->next;
		if (entry->state == JOURNAL_FAILED && entry->kind == JOURNAL_APPEND &&
		    !entry->uidnext) {
			try_again(overlay, entry);
		} else if (entry->state == JOURNAL_FAILED) {
			if (entry->time < old)
				journal_remove(overlay->journal, entry);
			else
				refusal_remember(overlay, entry);
			continue;
		}
		promise_make(overlay, entry->id, entry, 0, NULL);
	}
	if (g_hash_table_size(overlay->promises))
		g_message("%u changes of an earlier mount are still to be carried out",
		          g_hash_table_size(overlay->promises));
}

static GHashTable *
table_of_numbers(GDestroyNotify free_value)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_value);
}

static void
overlay_begin_flusher(Overlay *overlay)
{
	const FlusherSettings settings = {
		.header_fields = overlay->account->rules->header_fields ? CONTENT_KEY_FIELDS : NULL,
		.content_key = content_key,
		.shares = !overlay->account->sync,
		.gather_ms = FLUSHER_GATHER_MS,
		.late_ms = FLUSHER_LATE_MS,
		.retry_min_ms = FLUSHER_RETRY_MIN_MS,
		.retry_max_ms = FLUSHER_RETRY_MAX_MS,
	};

	overlay->flusher = flusher_new(overlay->journal, overlay->account->remote, &settings,
	                               &flusher_events, overlay);
}

Overlay *
overlay_new(Account *account)
{
	Overlay *overlay = g_new0(Overlay, 1);

	account->overlay = overlay;
	overlay->account = account;
	overlay->promises = g_hash_table_new(g_int64_hash, g_int64_equal);
	overlay->arrivals = g_hash_table_new(g_int64_hash, g_int64_equal);
	overlay->drafts = g_hash_table_new(g_int64_hash, g_int64_equal);
	overlay->writers = g_hash_table_new(g_int64_hash, g_int64_equal);
	overlay->aliases = table_of_numbers(g_free);
	overlay->uncommitted = table_of_numbers(NULL);
	overlay->lost = table_of_numbers((GDestroyNotify)g_error_free);
	overlay->fates = g_ptr_array_new();
	overlay->doomed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	overlay->held = held_new(overlay);
	wait_queue_init(&overlay->committing);
	open_journal(overlay);
	take_entries(overlay);
	overlay_begin_flusher(overlay);
	return overlay;
}

static void
free_promises(Overlay *overlay)
{
	GHashTableIter iter;
	gpointer promise, mailbox;

	g_hash_table_iter_init(&iter, overlay->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox)) /* which outlive what is in them */
		local_abandon(mailbox);
	g_hash_table_iter_init(&iter, overlay->promises);
	while (g_hash_table_iter_next(&iter, NULL, &promise)) {
		g_hash_table_iter_steal(&iter);
		promise_free(promise);
	}
}

static void
free_ghosts(Overlay *overlay)
{
	Local *ghost;

	while ((ghost = g_queue_pop_head(&overlay->ghosts))) {
		local_unshow(ghost, overlay->account);
		local_clear(ghost);
		g_free(ghost);
	}
}

void
overlay_free(Overlay *overlay)
{
	g_clear_pointer(&overlay->held, held_free);
	flusher_free(overlay->flusher);
	drafts_clear(overlay);
	journal_free(overlay->journal);
	free_promises(overlay);
	free_ghosts(overlay);
	refusals_clear(overlay);
	g_clear_handle_id(&overlay->ghost_timer, g_source_remove);
	g_clear_handle_id(&overlay->tidy, g_source_remove);
	if (overlay->own_disk)
		disk_free(overlay->disk);
	g_hash_table_unref(overlay->promises);
	g_hash_table_unref(overlay->arrivals);
	g_hash_table_unref(overlay->drafts);
	g_hash_table_unref(overlay->writers);
	g_hash_table_unref(overlay->aliases);
	g_queue_clear_full(&overlay->alias_order, g_free);
	g_hash_table_unref(overlay->uncommitted);
	g_hash_table_unref(overlay->lost);
	g_hash_table_unref(overlay->doomed);
	g_ptr_array_unref(overlay->fates);
	g_clear_error(&overlay->unsettled);
	g_free(overlay->buffer);
	overlay->account->overlay = NULL;
	g_free(overlay);
}

/* --- what others ask --- */

gboolean
overlay_hides_deleted(const Overlay *overlay)
{
	Remote *remote = overlay->account->remote;
	RemoteCapabilities can = remote->operations->capabilities(remote);

	return (can & REMOTE_KNOWN) && !(can & REMOTE_UIDPLUS);
}

static gboolean
is_sent(const Overlay *overlay, const Promise *promise)
{
	const JournalEntry *entry = journal_entry(overlay->journal, promise->id);

	return entry && flusher_is_sent(overlay->flusher, entry);
}

gboolean
overlay_suspects(Mailbox *mailbox, const RemoteMessage *message)
{
	const Overlay *overlay = mailbox->account->overlay;

	for (guint i = 0; overlay && i < mailbox->locals->len; i++) {
		const Local *local = mailbox->locals->pdata[i];
		const Promise *promise = promise_of_arrival(overlay, local->id);
		guint64 key;

		if (!promise || local->turned ||
		    !flusher_is_size(promise->kind, local->message.size, message->size))
			continue;
		key = content_key(message, promise->kind == JOURNAL_APPEND);
		if ((!key || !local->message.content_key || key == local->message.content_key) &&
		    is_sent(overlay, promise))
			return TRUE;
	}
	return FALSE;
}

static gboolean
awaits_arrival(const Mailbox *mailbox)
{
	const Overlay *overlay = mailbox->account->overlay;

	for (guint i = 0; mailbox->locals && i < mailbox->locals->len; i++) {
		const Local *local = mailbox->locals->pdata[i];
		const Promise *promise = promise_of_arrival(overlay, local->id);

		if (promise && !local->turned && is_sent(overlay, promise))
			return TRUE;
	}
	return FALSE;
}

/* Whatever was held back is nothing of ours, if nothing of ours is under way. */
void
overlay_mailbox_listed(Mailbox *mailbox)
{
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	GHashTableIter iter;
	gpointer uid, reason;

	if (!mailbox->account->overlay || !mailbox->hidden || awaits_arrival(mailbox))
		return;
	g_hash_table_iter_init(&iter, mailbox->hidden);
	while (g_hash_table_iter_next(&iter, &uid, &reason)) {
		guint32 number = GPOINTER_TO_UINT(uid);

		if (*(guint64 *)reason == HIDDEN_BY_SUSPICION)
			g_array_append_val(uids, number);
	}
	for (guint i = 0; i < uids->len; i++)
		mailbox_unhide(mailbox, g_array_index(uids, guint32, i), HIDDEN_BY_SUSPICION);
}

static gboolean
tidy(gpointer data)
{
	Overlay *overlay = data;
	GHashTableIter iter;
	gpointer mailbox;

	overlay->tidy = 0;
	g_hash_table_iter_init(&iter, overlay->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox)) {
		mailbox_forget_expunged(mailbox);
		keep_flush(mailbox);
		overlay_mailbox_listed(mailbox);
	}
	return G_SOURCE_REMOVE;
}

void
overlay_tidy_later(Overlay *overlay)
{
	if (!overlay->tidy)
		overlay->tidy = g_idle_add(tidy, overlay);
}

static void
place_all(Overlay *overlay)
{
	for (GList *link = journal_entries(overlay->journal)->head; link; link = link->next) {
		const JournalEntry *entry = link->data;
		Promise *promise = promise_find(overlay, entry->id);

		if (promise && !promise->placed)
			promise_place(promise, entry);
	}
}

void
overlay_account_listed(Overlay *overlay)
{
	if (!overlay)
		return;
	overlay_forget_dooms(overlay);
	if (overlay->n_unplaced)
		place_all(overlay);
	if (flusher_is_waiting(overlay->flusher))
		flusher_kick(overlay->flusher);
	held_deliver(overlay->held);
}

static void
follow_mailbox(Promise *promise, guint32 old_id, guint32 id)
{
	guint32 *const ids[] = {&promise->from_id, &promise->to_id, &promise->mailbox_id,
	                        &promise->old_parent_id};

	if (promise->to_id == old_id)
		promise->replaces = 0;
	for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
		if (*ids[i] == old_id)
			*ids[i] = id;
}

void
overlay_mailbox_became(Mailbox *mailbox, guint32 old_id)
{
	Overlay *overlay = mailbox->account->overlay;
	GHashTableIter iter;
	gpointer promise;

	g_clear_pointer(&mailbox->hidden, g_hash_table_unref);
	g_clear_pointer(&mailbox->planned_flags, g_hash_table_unref);
	g_clear_pointer(&mailbox->expunged, g_array_unref);
	for (guint i = 0; mailbox->locals && i < mailbox->locals->len; i++)
		((Local *)mailbox->locals->pdata[i])->mailbox_id = mailbox->id;
	if (!overlay)
		return;
	g_hash_table_iter_init(&iter, overlay->promises);
	while (g_hash_table_iter_next(&iter, NULL, &promise))
		follow_mailbox(promise, old_id, mailbox->id);
}

/* --- mailboxes by the names that entries use --- */

const char *
overlay_name(const Mailbox *mailbox)
{
	return mailbox->next_name ? mailbox->next_name : mailbox->name;
}

Mailbox *
overlay_find_mailbox(const Overlay *overlay, const char *name)
{
	const Account *account = overlay->account;
	Mailbox *mailbox = name ? g_hash_table_lookup(account->by_name, name) : NULL;
	GHashTableIter iter;
	gpointer value;

	if (!name || (mailbox && !mailbox->next_name))
		return mailbox;
	g_hash_table_iter_init(&iter, account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (g_strcmp0(overlay_name(value), name) == 0)
			return value;
	return NULL;
}

/* --- entries that can still be changed --- */

/* One is the other, or may be above it. */
static gboolean
are_related(const char *name, const char *other)
{
	return name && other && (g_str_has_prefix(name, other) || g_str_has_prefix(other, name));
}

gboolean
overlay_stays(const JournalEntry *entry, const char *name)
{
	for (const GList *link = entry->link.next; link; link = link->next) {
		const JournalEntry *later = link->data;

		if (journal_kind_is_of_mailbox(later->kind) &&
		    (are_related(name, later->mailbox) || are_related(name, later->to)))
			return FALSE;
	}
	return TRUE;
}

JournalEntry *
overlay_open_entry(Overlay *overlay, guint64 id)
{
	JournalEntry *entry = journal_entry(overlay->journal, id);

	if (!entry || g_hash_table_contains(overlay->uncommitted, &id) ||
	    entry->state != JOURNAL_QUEUED || flusher_is_sent(overlay->flusher, entry))
		return NULL;
	return overlay_stays(entry, entry->mailbox) && overlay_stays(entry, entry->to) ? entry
	                                                                               : NULL;
}
