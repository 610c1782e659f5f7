/*
 * Ids that lead to others, and the bytes of what is here only.
 *
 *     the handle of a draft       its own file; before that was written to, the original
 *     what is being written anew  the draft that somebody writes
 *     an arrival                  APPEND: its staged file; COPY: the original; MOVE: the message in
 *                                 its old place, and, once that may be gone, where it is then
 *     what has become a message   that
 */
#include "overlay.h"

#include <unistd.h>

#include "draft.h"
#include "flagged.h"
#include "hidden.h"
#include "promise.h"
#include "reader-private.h"

#define MAX_ALIASES 65536 /* then the oldest lead nowhere any more */

/* --- ids --- */

void
overlay_set_alias(Overlay *overlay, guint64 from, guint64 to)
{
	guint64 *key;

	g_hash_table_remove(overlay->aliases,
	                    &to); /* it is a message: no server leads us in circles */
	if (from == to)
		return;
	key = g_memdup2(&from, sizeof(from));
	if (!g_hash_table_contains(overlay->aliases, &from))
		g_queue_push_tail(&overlay->alias_order, g_memdup2(&from, sizeof(from)));
	g_hash_table_replace(overlay->aliases, key, g_memdup2(&to, sizeof(to)));
	draft_follow(overlay, from, to);
	while (overlay->alias_order.length > MAX_ALIASES) {
		key = g_queue_pop_head(&overlay->alias_order);
		g_hash_table_remove(overlay->aliases, key);
		g_free(key);
	}
}

guint64
overlay_resolve(const Overlay *overlay, guint64 id)
{
	guint64 *first = g_hash_table_lookup(overlay->aliases, &id), *next = first;

	if (!first)
		return id;
	for (; next; next = g_hash_table_lookup(overlay->aliases, &id))
		id = *next;
	*first = id; /* the next time it is shorter */
	return id;
}

void
account_forget_id(Account *account, guint64 id)
{
	Overlay *overlay = account->overlay;

	if (overlay && g_hash_table_size(overlay->aliases))
		g_hash_table_remove(overlay->aliases, &id);
}

/* The draft that is read where @id is, and what else it leads to. */
static Draft *
find_draft(const Overlay *overlay, guint64 *id)
{
	Draft *draft = draft_of_handle(overlay, *id);

	if (draft && draft->shown)
		return draft;
	*id = overlay_resolve(overlay, draft ? draft->id : *id);
	draft = draft_of_file(overlay, *id);
	return draft && draft->shown ? draft : NULL;
}

static const Message *
shown_in(Account *account, const Local *local, Mailbox **mailbox)
{
	if (mailbox)
		*mailbox = local->mailbox_id ? account_mailbox(account, local->mailbox_id) : NULL;
	return &local->message;
}

const Message *
account_message(Account *account, guint64 id, Mailbox **mailbox)
{
	const Overlay *overlay = account->overlay;
	const Draft *draft = overlay ? find_draft(overlay, &id) : NULL;
	const Promise *promise = overlay ? promise_of_arrival(overlay, id) : NULL;
	const Message *message;
	Mailbox *place;

	if (draft)
		return shown_in(account, &draft->local, mailbox);
	if (promise)
		return shown_in(account, &promise->local, mailbox);
	place = account_mailbox(account, (guint32)(id >> 32));
	message = place ? mailbox_find_message(place, (guint32)id) : NULL;
	if (mailbox)
		*mailbox = message && !mailbox_hides(place, message) ? place : NULL;
	return message;
}

/* Of a file that is being written, those of the message that it is a new version of. */
char *
account_flags(Account *account, guint64 id)
{
	const Overlay *overlay = account->overlay;
	guint64 file = overlay ? overlay_resolve(overlay, id) : id;
	const Promise *promise = overlay ? promise_of_arrival(overlay, file) : NULL;
	const Mailbox *place = account_mailbox(account, (guint32)(file >> 32));
	const Message *message = place ? mailbox_find_message(place, (guint32)file) : NULL;

	if (message && !promise)
		return mailbox_flags(place, message);
	message = account_message(account, id, NULL);
	return message ? g_ref_string_acquire(message->flags) : NULL;
}

/* --- bytes --- */

static CacheResult
read_file(Overlay *overlay, int fd, guint64 offset, gsize length, struct iovec *iov, guint *n_iov,
          GError **error)
{
	gssize n;

	overlay->buffer = g_realloc(overlay->buffer, length);
	n = pread(fd, overlay->buffer, length, (off_t)offset);
	if (n < 0) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "reading a staged file: %s",
		            g_strerror(errno));
		return CACHE_FAILED;
	}
	iov[0] = (struct iovec){overlay->buffer, (gsize)n};
	*n_iov = n > 0;
	return CACHE_READY;
}

static CacheResult
read_staged(Promise *promise, guint64 offset, gsize length, struct iovec *iov, guint *n_iov,
            Waiter *waiter, GError **error)
{
	Overlay *overlay = promise->overlay;
	const JournalEntry *entry = journal_entry(overlay->journal, promise->id);
	const char *bytes;
	gsize size;

	if (overlay_await_commit(overlay, promise->id, waiter) == CACHE_PARKED)
		return CACHE_PARKED;
	if (!promise->bytes && entry)
		promise->bytes = journal_staged_bytes(overlay->journal, entry, error);
	if (!promise->bytes) {
		if (error && !*error)
			g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "it is gone");
		return CACHE_FAILED;
	}
	bytes = g_bytes_get_data(promise->bytes, &size);
	*n_iov = offset < size;
	if (*n_iov)
		iov[0] = (struct iovec){(void *)(bytes + offset), MIN(length, size - offset)};
	return CACHE_READY;
}

/* What an earlier mount wrote down may be about a mailbox that has not been looked into in this. Of
 * one that has been removed here, the server has still to do what empties it: that is waited for. */
static CacheResult
await_source(Account *account, const Promise *promise, Waiter *waiter, GError **error)
{
	Mailbox *from = account_mailbox(account, promise->from_id);
	CacheResult result = CACHE_READY;

	if (from && !mailbox_find_message(from, promise->uid))
		result = mailbox_await_messages(from, waiter, error);
	if (result != CACHE_READY || (from && mailbox_find_message(from, promise->uid)))
		return result;
	return overlay_await_entry(account->overlay, promise->id, waiter, error);
}

/* What is being moved may be gone from where it was: what is not here is then waited for. */
static CacheResult
await_move(Account *account, const Promise *promise, Waiter *waiter, GError **error)
{
	const JournalEntry *entry = journal_entry(account->overlay->journal, promise->id);

	if (entry && flusher_is_sent(account->overlay->flusher, entry))
		return overlay_await_entry(account->overlay, promise->id, waiter, error);
	return await_source(account, promise, waiter, error);
}

/* Bytes that are not here are to be asked for where the server has them. */
static CacheResult
await_place(Account *account, const Promise *promise, guint64 id, guint64 offset, gsize length,
            Waiter *waiter, GError **error)
{
	const Mailbox *mailbox = account_mailbox(account, (guint32)(id >> 32));
	CacheResult result = CACHE_READY;
	const Message *message;

	if (!promise && !(mailbox && mailbox->next_name))
		return CACHE_READY;
	message = promise ? &promise->local.message : reader_find_message(account, id);
	if (message && reader_has(account, id, message->size, offset, length))
		return CACHE_READY;
	if (promise)
		result = await_move(account, promise, waiter, error);
	if (result != CACHE_READY || !mailbox)
		return result;
	return overlay_await_name(account->overlay, mailbox, waiter, error);
}

/* The copy's bytes are those of the original, while that is all there is. */
static CacheResult
read_original(Account *account, const Promise *promise, guint64 offset, gsize length,
              struct iovec *iov, guint max_iov, guint *n_iov, Waiter *waiter, GError **error)
{
	guint64 id = message_id(promise->from_id, promise->uid);
	CacheResult result = CACHE_READY;

	if (!reader_has(account, id, promise->local.message.size, offset, length))
		result = await_source(account, promise, waiter, error);
	if (result != CACHE_READY)
		return result;
	return account_read(account, id, offset, length, iov, max_iov, n_iov, waiter, error);
}

CacheResult
account_read(Account *account, guint64 id, guint64 offset, gsize length, struct iovec *iov,
             guint max_iov, guint *n_iov, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;
	Draft *draft = overlay ? find_draft(overlay, &id) : NULL;
	CacheResult result = CACHE_READY;
	Promise *promise;

	*n_iov = 0;
	if (draft && !draft->source)
		return read_file(overlay, draft->fd, offset, length, iov, n_iov, error);
	if (draft)
		id = overlay_resolve(overlay, draft->source);
	promise = overlay ? promise_of_arrival(overlay, id) : NULL;
	if (promise && promise->kind == JOURNAL_APPEND)
		return read_staged(promise, offset, length, iov, n_iov, waiter, error);
	if (promise && promise->kind == JOURNAL_COPY)
		return read_original(account, promise, offset, length, iov, max_iov, n_iov, waiter,
		                     error);
	if (overlay)
		result = await_place(account, promise, id, offset, length, waiter, error);
	if (result != CACHE_READY)
		return result;
	return reader_read(account, id, offset, length, iov, max_iov, n_iov, waiter, error);
}

/* Only of messages on the server can the size be wrong. */
CacheResult
account_await_size(Account *account, guint64 id, Waiter *waiter)
{
	const Overlay *overlay = account->overlay;

	if (overlay && find_draft(overlay, &id))
		return CACHE_READY;
	return reader_await_size(account, id, waiter);
}

gboolean
account_is_kept(Account *account, guint64 id)
{
	const Overlay *overlay = account->overlay;
	const Promise *promise;

	if (overlay && find_draft(overlay, &id))
		return TRUE;
	promise = overlay ? promise_of_arrival(overlay, id) : NULL;
	if (promise && promise->kind == JOURNAL_COPY)
		id = message_id(promise->from_id, promise->uid);
	else if (promise && promise->kind == JOURNAL_APPEND)
		return TRUE;
	return reader_is_kept(account, id);
}
