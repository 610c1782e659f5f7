/*
 * What has been asked for of the bytes of messages, and what its coming tells.
 *
 * A Fetch is one piece under way. Whoever wants a block of it waits for it; when a block comes, all
 * who wait look again. So however many ask, one piece is fetched once. When a fetch ends, the true
 * size of the message may be known; the layer above hears of a difference before any reader is
 * woken.
 */
#include "keep.h"
#include "promise.h"
#include "reader-private.h"

#include <string.h>

#define REFUSED_FIRST_US (5 * G_USEC_PER_SEC)
#define REFUSED_LAST_US  (300 * G_USEC_PER_SEC)

/* A message that the server refused to send: not asked for again at once. */
typedef struct {
	GError *error;
	gint64 until_us, pause_us;
} Refusal;

static void
refusal_free(gpointer data)
{
	Refusal *refusal = data;

	g_error_free(refusal->error);
	g_free(refusal);
}

Message *
reader_find_message(Account *account, guint64 id)
{
	Mailbox *mailbox = account_mailbox(account, (guint32)(id >> 32));

	return mailbox ? mailbox_find_message(mailbox, (guint32)id) : NULL;
}

/* --- refusals --- */

const GError *
fetch_refusal(Reader *reader, guint64 id)
{
	const Refusal *refusal = g_hash_table_lookup(reader->refusals, &id);

	return refusal && g_get_monotonic_time() < refusal->until_us ? refusal->error : NULL;
}

static void
note_refusal(Reader *reader, guint64 id, const GError *error)
{
	const Refusal *previous = g_hash_table_lookup(reader->refusals, &id);
	Refusal *refusal = g_new0(Refusal, 1);

	refusal->pause_us =
		previous ? MIN(previous->pause_us * 2, REFUSED_LAST_US) : REFUSED_FIRST_US;
	refusal->until_us = g_get_monotonic_time() + refusal->pause_us;
	refusal->error = g_error_copy(error);
	g_hash_table_replace(reader->refusals, g_memdup2(&id, sizeof(id)), refusal);
}

/* --- sizes --- */

/* The bytes turned out to be others than those seen before: what lies around the end goes. */
static void
drop_blocks_around(Reader *reader, guint64 id, guint64 size, guint64 other)
{
	guint32 last = (guint32)(MAX(size, other) / REMOTE_BLOCK_SIZE);

	for (guint32 i = (guint32)(MIN(size, other) / REMOTE_BLOCK_SIZE); i <= last; i++) {
		block_cache_drop(reader->blocks, id, i);
		stored_drop(reader, id, i);
	}
}

/* Only where the last block is full, for else its length is the proof, and is kept with it. */
static void
keep_proof(Account *account, guint64 id, const Message *message)
{
	if (message->size_exact && message->size && message->size % REMOTE_BLOCK_SIZE == 0)
		keep_size(account_mailbox(account, (guint32)(id >> 32)), message);
}

static void
learn_size(Reader *reader, guint64 id, Message *message, guint64 size, gboolean exact)
{
	Account *account = reader->account;
	gboolean lied = message->size != size, grew = size > message->size;

	if (lied && message->size_exact)
		drop_blocks_around(reader, id, size, message->size);
	message->size_exact = exact;
	if (!lied) {
		keep_proof(account, id, message);
		return;
	}
	if (!account->sizes_lie)
		g_info("the server's message sizes are not exact");
	account->sizes_lie = TRUE;
	message->size = size;
	keep_size(account_mailbox(account, (guint32)(id >> 32)), message);
	account->events->size_changed(id, grew, account->data);
}

/* --- fetches --- */

static GPtrArray *
fetches_of(const Reader *reader, guint64 id)
{
	return g_hash_table_lookup(reader->fetches, &id);
}

Fetch *
fetch_find(const Reader *reader, guint64 id, guint32 index)
{
	GPtrArray *fetches = fetches_of(reader, id);

	for (guint i = 0; fetches && i < fetches->len; i++) {
		Fetch *fetch = fetches->pdata[i];

		if (index >= fetch->first &&
		    (!fetch->n_blocks || index - fetch->first < fetch->n_blocks))
			return fetch;
	}
	return NULL;
}

Fetch *
fetch_find_end(const Reader *reader, guint64 id)
{
	GPtrArray *fetches = fetches_of(reader, id);

	for (guint i = 0; fetches && i < fetches->len; i++) {
		Fetch *fetch = fetches->pdata[i];

		if (fetch->contradicts || fetch->n_blocks == REST_BLOCKS)
			return fetch;
	}
	return NULL;
}

Fetch *
fetch_find_awaited(const Reader *reader, guint64 id)
{
	GPtrArray *fetches = fetches_of(reader, id);

	for (guint i = 0; fetches && i < fetches->len; i++) {
		Fetch *fetch = fetches->pdata[i];

		if (fetch->waiting.waiters.length)
			return fetch;
	}
	return NULL;
}

static void
fetch_free(Fetch *fetch)
{
	g_free(fetch->mailbox);
	g_free(fetch);
}

Fetch *
fetch_new(Reader *reader, guint64 id, guint32 first, guint32 n_blocks)
{
	GPtrArray *fetches = fetches_of(reader, id);
	Fetch *fetch = g_new0(Fetch, 1);

	fetch->reader = reader;
	fetch->message = id;
	fetch->first = first;
	fetch->n_blocks = n_blocks;
	wait_queue_init(&fetch->waiting);
	if (!fetches) {
		fetches = g_ptr_array_new();
		g_hash_table_insert(reader->fetches, g_memdup2(&id, sizeof(id)), fetches);
	}
	g_ptr_array_add(fetches, fetch);
	return fetch;
}

static void
fetch_remove(Fetch *fetch)
{
	GPtrArray *fetches = fetches_of(fetch->reader, fetch->message);

	g_ptr_array_remove_fast(fetches, fetch);
	if (!fetches->len)
		g_hash_table_remove(fetch->reader->fetches, &fetch->message);
}

/* Whether a block that ends at @end shows that the message does not have the size that is known. */
static gboolean
contradicts_size(Fetch *fetch, guint64 end, gboolean is_short)
{
	Message *message = reader_find_message(fetch->reader->account, fetch->message);

	if (!message || end == message->size || (end < message->size && !is_short))
		return FALSE;
	fetch->contradicts = TRUE;
	fetch->seen_end = MAX(fetch->seen_end, end);
	fetch->seen_last = is_short;
	message->growing = TRUE;
	return TRUE;
}

/* Who waits for a block that contradicts the size is woken once the true size has been told. */
void
fetch_take_block(Fetch *fetch, guint64 offset, GBytes *bytes)
{
	gsize size = g_bytes_get_size(bytes);

	block_cache_put(fetch->reader->blocks, fetch->message,
	                (guint32)(offset / REMOTE_BLOCK_SIZE), bytes);
	if (!contradicts_size(fetch, offset + size, size < REMOTE_BLOCK_SIZE))
		wait_queue_wake(&fetch->waiting, NULL);
}

static void
on_block(guint64 offset, GBytes *bytes, gpointer data)
{
	Fetch *fetch = data;

	stored_put(fetch->reader, fetch->message, (guint32)(offset / REMOTE_BLOCK_SIZE), bytes);
	fetch_take_block(fetch, offset, bytes);
}

/* The bytes came up to @end. Short of what was asked for, that is where the message ends. */
static void
fetch_learn(Fetch *fetch, Message *message, guint64 end)
{
	guint64 asked_until = ((guint64)fetch->first + fetch->n_blocks) * REMOTE_BLOCK_SIZE;
	gboolean at_end = !fetch->n_blocks || end < asked_until;
	gboolean nothing = end == (guint64)fetch->first * REMOTE_BLOCK_SIZE;

	if (at_end && !(nothing && end > message->size))
		/* Nothing at all past an unseen place proves only that it ends before. */
		learn_size(fetch->reader, fetch->message, message, end,
		           !nothing || end == 0 || end == message->size);
	else if (end > message->size && !nothing)
		learn_size(fetch->reader, fetch->message, message, end, FALSE);
}

/* The server's word was too small: nobody may be told an end before it is found. */
static gboolean
fetch_goes_on(const Fetch *fetch, const Message *message, guint64 end)
{
	return !fetch->reader->account->closing && fetch->n_blocks && fetch->contradicts &&
	       !message->size_exact &&
	       end == ((guint64)fetch->first + fetch->n_blocks) * REMOTE_BLOCK_SIZE;
}

/* An end that lies exactly here is remembered as an empty block. */
static void
fetch_note_nothing(const Fetch *fetch, guint64 end)
{
	g_autoptr(GBytes) nothing = g_bytes_new_static("", 0);

	if (end == (guint64)fetch->first * REMOTE_BLOCK_SIZE)
		block_cache_put(fetch->reader->blocks, fetch->message, fetch->first, nothing);
}

static void
fetch_ended(Fetch *fetch, Message *message, guint64 end)
{
	Reader *reader = fetch->reader;

	g_hash_table_remove(reader->refusals, &fetch->message);
	fetch_note_nothing(fetch, end);
	fetch_learn(fetch, message, end);
	if (fetch_goes_on(fetch, message, end))
		fetch_begin(reader, fetch->message, fetch->first + fetch->n_blocks, REST_BLOCKS);
}

/* What has come stays, and so does what it shows of the size. */
static void
fetch_broke(Fetch *fetch, Message *message)
{
	if (fetch->contradicts && !message->size_exact &&
	    (fetch->seen_last || fetch->seen_end > message->size))
		learn_size(fetch->reader, fetch->message, message, fetch->seen_end,
		           fetch->seen_last);
}

/* Who is woken and asks again must find no fetch that is over. */
void
fetch_finish(Fetch *fetch, gboolean broke, guint64 end, const GError *error)
{
	Reader *reader = fetch->reader;
	Message *message = reader_find_message(reader->account, fetch->message);

	fetch_remove(fetch);
	if (message && broke)
		fetch_broke(fetch, message);
	else if (message)
		fetch_ended(fetch, message, end);
	if (message)
		message->growing = fetch_find_end(reader, fetch->message) != NULL;
	wait_queue_wake(&fetch->waiting, error);
	fetch_free(fetch);
}

/* The message, or its mailbox. */
static gboolean
is_being_moved(const Fetch *fetch)
{
	Account *account = fetch->reader->account;
	const Overlay *overlay = account->overlay;
	const Mailbox *mailbox = account_mailbox(account, (guint32)(fetch->message >> 32));

	return overlay && (promise_of_arrival(overlay, fetch->message) ||
	                   overlay_resolve(overlay, fetch->message) != fetch->message ||
	                   (mailbox && g_strcmp0(mailbox->name, fetch->mailbox) != 0) ||
	                   (mailbox && overlay_is_renaming(overlay, mailbox)));
}

static gboolean
is_gone(const GError *error)
{
	return g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE) ||
	       g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND);
}

static void
on_done(guint64 end, const GError *error, gpointer data)
{
	Fetch *fetch = data;

	gboolean broke = error != NULL;

	if (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED))
		note_refusal(fetch->reader, fetch->message, error);
	if (is_gone(error) && is_being_moved(fetch))
		error = NULL; /* who waits looks where it is now */
	fetch_finish(fetch, broke, end, error);
}

static const RemoteReadHandler read_handler = {.block = on_block, .done = on_done};

void
fetch_begin(Reader *reader, guint64 id, guint32 first, guint32 n_blocks)
{
	Account *account = reader->account;
	const Mailbox *mailbox = account_mailbox(account, (guint32)(id >> 32));
	const RemoteRead read = {
		.mailbox = mailbox->name,
		.uidvalidity = mailbox->uidvalidity,
		.uid = (guint32)id,
		.offset = (guint64)first * REMOTE_BLOCK_SIZE,
		.length = (guint64)n_blocks * REMOTE_BLOCK_SIZE,
	};

	Fetch *fetch = fetch_new(reader, id, first, n_blocks);

	fetch->mailbox = g_strdup(mailbox->name);
	account->remote->operations->read(account->remote, &read, &read_handler, fetch);
}

/* --- many at once --- */

typedef struct {
	Reader *reader;
	guint32 mailbox_id;
	GArray *uids;   /* of guint32: what was asked for */
	gboolean begun; /* something of it has come */
} Batch;

/* The fetch that this message was asked for with: none if that is over. */
static Fetch *
batch_fetch(const Batch *batch, guint32 uid)
{
	Fetch *fetch = fetch_find(batch->reader, message_id(batch->mailbox_id, uid), 0);

	return fetch && fetch->batch == batch ? fetch : NULL;
}

static void
on_many_block(guint32 uid, guint64 offset, GBytes *bytes, gpointer data)
{
	Batch *batch = data;
	Fetch *fetch = batch_fetch(batch, uid);

	prefetcher_note_arrival(batch->reader->prefetcher, g_bytes_get_size(bytes), !batch->begun);
	batch->begun = TRUE;
	if (fetch)
		on_block(offset, bytes, fetch);
}

/* Servers send nothing where a message is expunged (RFC 2180 section 4.1.3): one that should not be
 * empty is asked for alone, where that is looked into. */
static void
on_many_message(guint32 uid, guint64 end, gpointer data)
{
	Fetch *fetch = batch_fetch(data, uid);
	const Message *message =
		fetch ? reader_find_message(fetch->reader->account, fetch->message) : NULL;

	if (fetch && (end || (message && !message->size)))
		on_done(end, NULL, fetch);
}

/* What has not come is nobody's loss: who waits for it asks for it alone. */
static void
on_many_done(const GError *error, gpointer data)
{
	Batch *batch = data;

	if (error)
		g_info("reading ahead: %s", error->message);
	for (guint i = 0; i < batch->uids->len; i++) {
		Fetch *fetch = batch_fetch(batch, g_array_index(batch->uids, guint32, i));

		if (fetch)
			fetch_finish(fetch, TRUE, 0, NULL);
	}
	g_array_unref(batch->uids);
	g_free(batch);
}

static const RemoteReadManyHandler many_handler = {
	.block = on_many_block,
	.message = on_many_message,
	.done = on_many_done,
};

void
fetch_many(Reader *reader, Mailbox *mailbox, const guint32 *uids, guint n_uids)
{
	const RemoteReadMany read = {
		.mailbox = mailbox->name,
		.uidvalidity = mailbox->uidvalidity,
		.uids = uids,
		.n_uids = n_uids,
	};
	Remote *remote = reader->account->remote;
	Batch *batch = g_new0(Batch, 1);

	batch->reader = reader;
	batch->mailbox_id = mailbox->id;
	batch->uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_array_append_vals(batch->uids, uids, n_uids);
	for (guint i = 0; i < n_uids; i++)
		fetch_new(reader, message_id(mailbox->id, uids[i]), 0, 0)->batch = batch;
	remote->operations->read_many(remote, &read, &many_handler, batch);
}

void
fetches_init(Reader *reader)
{
	reader->fetches = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
	                                        (GDestroyNotify)g_ptr_array_unref);
	reader->refusals = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, refusal_free);
}

void
fetches_clear(Reader *reader)
{
	g_hash_table_unref(reader->fetches);
	g_hash_table_unref(reader->refusals);
}
