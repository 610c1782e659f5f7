/*
 * The bytes of messages: which to ask the server for, and when.
 *
 * What is asked for:
 *
 *     up to SMALL bytes           all of it, with the first read: one round trip for any reader
 *     more                        aligned pieces: the block that is wanted, and ahead of a reader
 * that goes on where it stopped, as many as its window allows (read-window.c) the last piece a
 * little beyond the announced end, so that its length proves the size of a message that is longer
 * than announced     the rest, until it ends
 *
 * A Fetch is one piece under way. Whoever wants a block of it waits for it; when a block comes, all
 * who wait look again. So however many ask, one piece is fetched once. When a fetch ends, the true
 * size of the message may be known; the layer above hears of a difference before any reader is
 * woken.
 */
#include "account-private.h"

#include <string.h>

#define SMALL            (2 * REMOTE_BLOCK_SIZE)
#define LEAST_MEMORY     (32 * REMOTE_BLOCK_SIZE) /* else a read pushes its own blocks out for ever */
#define PIECE_BLOCKS     8                        /* at the most in one command */
#define REST_BLOCKS      64 /* when looking for the end of a message that is longer than announced */
#define WINDOW_BLOCKS    64 /* 8 MiB: 50 ms at more than a gigabit a second */
#define REFUSED_FIRST_US (5 * G_USEC_PER_SEC)
#define REFUSED_LAST_US  (300 * G_USEC_PER_SEC)

typedef struct {
	Reader *reader;
	guint64 message;
	guint32 first, n_blocks; /* n_blocks 0: the whole message */
	gboolean contradicts;    /* what came shows that the message has another size ... */
	guint64 seen_end;        /* ... for it goes on at least until here ... */
	gboolean seen_last;      /* ... or ends here */
	WaitQueue waiting;
} Fetch;

/* A message that the server refused to send: not asked for again at once. */
typedef struct {
	GError *error;
	gint64 until_us, pause_us;
} Refusal;

struct Reader {
	Account *account;
	BlockCache *blocks;
	ReadWindows *windows;
	GPtrArray *fetches;   /* of Fetch, under way */
	GHashTable *refusals; /* message (gint64) -> Refusal */
};

static void
refusal_free(gpointer data)
{
	Refusal *refusal = data;

	g_error_free(refusal->error);
	g_free(refusal);
}

Reader *
reader_new(Account *account, guint64 memory)
{
	Reader *reader = g_new0(Reader, 1);
	guint64 window;

	memory = MAX(memory, LEAST_MEMORY);
	window = memory / 4 / REMOTE_BLOCK_SIZE;
	reader->account = account;
	reader->blocks = block_cache_new(memory);
	reader->windows = read_windows_new((guint)CLAMP(window, 1, WINDOW_BLOCKS));
	reader->fetches = g_ptr_array_new();
	reader->refusals = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, refusal_free);
	return reader;
}

void
reader_free(Reader *reader)
{
	block_cache_free(reader->blocks);
	read_windows_free(reader->windows);
	g_ptr_array_unref(reader->fetches);
	g_hash_table_unref(reader->refusals);
	g_free(reader);
}

BlockCacheStatistics
reader_statistics(const Reader *reader)
{
	return block_cache_statistics(reader->blocks);
}

static Message *
find_message(Account *account, guint64 id)
{
	Mailbox *mailbox = account_mailbox(account, (guint32)(id >> 32));

	return mailbox ? mailbox_find_message(mailbox, (guint32)id) : NULL;
}

static gboolean
is_small(const Message *message)
{
	return message->size <= SMALL;
}

/* --- refusals ------------------------------------------------------------------------------------
 */

static const GError *
current_refusal(Reader *reader, guint64 id)
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

/* --- sizes
 * ---------------------------------------------------------------------------------------- */

/* The bytes turned out to be others than those seen before: what lies around the end goes. */
static void
drop_blocks_around(Reader *reader, guint64 id, guint64 size, guint64 other)
{
	guint32 last = (guint32)(MAX(size, other) / REMOTE_BLOCK_SIZE);

	for (guint32 i = (guint32)(MIN(size, other) / REMOTE_BLOCK_SIZE); i <= last; i++)
		block_cache_drop(reader->blocks, id, i);
}

static void
learn_size(Reader *reader, guint64 id, Message *message, guint64 size, gboolean exact)
{
	Account *account = reader->account;
	gboolean lied = message->size != size, grew = size > message->size;

	if (lied && message->size_exact)
		drop_blocks_around(reader, id, size, message->size);
	message->size_exact = exact;
	if (!lied)
		return;
	if (!account->sizes_lie)
		g_info("the server's message sizes are not exact");
	account->sizes_lie = TRUE;
	message->size = size;
	account->events->size_changed(id, grew, account->data);
}

/* --- fetches
 * -------------------------------------------------------------------------------------- */

static Fetch *
find_fetch(const Reader *reader, guint64 id, guint32 index)
{
	for (guint i = 0; i < reader->fetches->len; i++) {
		Fetch *fetch = reader->fetches->pdata[i];

		if (fetch->message == id && index >= fetch->first &&
		    (!fetch->n_blocks || index - fetch->first < fetch->n_blocks))
			return fetch;
	}
	return NULL;
}

/* The one that is on its way to an end that is not where it was announced. */
static Fetch *
find_end_fetch(const Reader *reader, guint64 id)
{
	for (guint i = 0; i < reader->fetches->len; i++) {
		Fetch *fetch = reader->fetches->pdata[i];

		if (fetch->message == id && (fetch->contradicts || fetch->n_blocks == REST_BLOCKS))
			return fetch;
	}
	return NULL;
}

static void fetch_begin(Reader *reader, guint64 id, guint32 first, guint32 n_blocks);

/* Whether a block that ends at @end shows that the message does not have the size that is known. */
static gboolean
contradicts_size(Fetch *fetch, guint64 end, gboolean is_short)
{
	Message *message = find_message(fetch->reader->account, fetch->message);

	if (!message || end == message->size || (end < message->size && !is_short))
		return FALSE;
	fetch->contradicts = TRUE;
	fetch->seen_end = MAX(fetch->seen_end, end);
	fetch->seen_last = is_short;
	message->growing = TRUE;
	return TRUE;
}

/* Who waits for a block that contradicts the size is woken once the true size has been told. */
static void
on_block(guint64 offset, GBytes *bytes, gpointer data)
{
	Fetch *fetch = data;
	gsize size = g_bytes_get_size(bytes);

	block_cache_put(fetch->reader->blocks, fetch->message,
	                (guint32)(offset / REMOTE_BLOCK_SIZE), bytes);
	if (!contradicts_size(fetch, offset + size, size < REMOTE_BLOCK_SIZE))
		wait_queue_wake(&fetch->waiting, NULL);
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
	return fetch->n_blocks && fetch->contradicts && !message->size_exact &&
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
static void
on_done(guint64 end, const GError *error, gpointer data)
{
	Fetch *fetch = data;
	Reader *reader = fetch->reader;
	Message *message = find_message(reader->account, fetch->message);

	g_ptr_array_remove_fast(reader->fetches, fetch);
	if (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED))
		note_refusal(reader, fetch->message, error);
	if (message && error)
		fetch_broke(fetch, message);
	else if (message)
		fetch_ended(fetch, message, end);
	if (message)
		message->growing = find_end_fetch(reader, fetch->message) != NULL;
	wait_queue_wake(&fetch->waiting, error);
	g_free(fetch);
}

static const RemoteReadHandler read_handler = {.block = on_block, .done = on_done};

static void
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
	Fetch *fetch = g_new0(Fetch, 1);

	fetch->reader = reader;
	fetch->message = id;
	fetch->first = first;
	fetch->n_blocks = n_blocks;
	wait_queue_init(&fetch->waiting);
	g_ptr_array_add(reader->fetches, fetch);
	account->remote->operations->read(account->remote, &read, &read_handler, fetch);
}

/* --- what to ask for
 * -------------------------------------------------------------------------------- */

static gboolean
is_wanted(Reader *reader, guint64 id, guint32 index)
{
	return !block_cache_has(reader->blocks, id, index) && !find_fetch(reader, id, index);
}

/* Asks for the missing blocks among [@first, @end), in pieces. */
static void
ask_for_blocks(Reader *reader, guint64 id, guint32 first, guint32 end)
{
	while (first < end) {
		guint32 n = 0;

		while (n < PIECE_BLOCKS && first + n < end && is_wanted(reader, id, first + n))
			n++;
		if (n)
			fetch_begin(reader, id, first, n);
		first += MAX(n, 1);
	}
}

/* The block after the last one: asking for it as well proves the size where that is a multiple. */
static guint32
end_block(const Message *message)
{
	return (guint32)MIN(message->size / REMOTE_BLOCK_SIZE + 1, G_MAXUINT32 / 2);
}

/* Reads on before the reader gets there; small steps are saved up until they are worth a command.
 */
static void
read_ahead(Reader *reader, guint64 id, const Message *message, guint32 first, guint32 last)
{
	guint n_ahead = read_windows_ahead(reader->windows, id, first, last);
	guint32 end = MIN(last + 1 + n_ahead, end_block(message));
	guint32 next = last + 1;

	while (next < end && !is_wanted(reader, id, next))
		next++;
	if (next < end && (end - next >= MIN(PIECE_BLOCKS, n_ahead) || end == end_block(message)))
		ask_for_blocks(reader, id, next, end);
}

/* Asks for what is missing of blocks @first to @last, which somebody waits for. */
static void
ask_for_wanted(Reader *reader, guint64 id, const Message *message, guint32 first, guint32 last)
{
	guint32 end = last + 1;

	if (is_small(message)) {
		if (is_wanted(reader, id, first))
			fetch_begin(reader, id, 0, 0);
		return;
	}
	if (message->size % REMOTE_BLOCK_SIZE == 0 && end + 1 == end_block(message))
		end++;
	ask_for_blocks(reader, id, first, MAX(first + 1, MIN(end, end_block(message))));
}

/* Blocks from @first on are not here: asks for them, and parks. */
static CacheResult
await_blocks(Reader *reader, guint64 id, guint32 first, guint32 last, Waiter *waiter,
             GError **error)
{
	const Message *message = find_message(reader->account, id);
	const GError *refusal = current_refusal(reader, id);

	if (!message) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the message is gone");
		return CACHE_FAILED;
	}
	if (refusal) {
		g_propagate_error(error, g_error_copy(refusal));
		return CACHE_FAILED;
	}
	ask_for_wanted(reader, id, message, first, last);
	waiter_park(waiter, &find_fetch(reader, id, first)->waiting);
	return CACHE_PARKED;
}

static gboolean
is_past_end(const Message *message, guint64 offset)
{
	return message && message->size_exact && offset >= message->size;
}

/* The bytes that are here, as far as they go without a gap; the first block that is missing, or
 * G_MAXUINT32 if none is. */
static guint32
collect(Reader *reader, guint64 id, guint64 offset, guint64 end, struct iovec *iov, guint max_iov,
        guint *n_iov)
{
	const Message *message = find_message(reader->account, id);

	*n_iov = 0;
	while (offset < end && *n_iov < max_iov && !is_past_end(message, offset)) {
		guint32 index = (guint32)(offset / REMOTE_BLOCK_SIZE);
		gsize skip = offset % REMOTE_BLOCK_SIZE, size, n;
		GBytes *block = block_cache_get(reader->blocks, id, index);
		const guint8 *bytes = block ? g_bytes_get_data(block, &size) : NULL;

		if (!block)
			return index;
		if (skip >= size)
			break;
		n = (gsize)MIN(size - skip, end - offset);
		iov[(*n_iov)++] = (struct iovec){(void *)(bytes + skip), n};
		offset += n;
		if (size < REMOTE_BLOCK_SIZE)
			break; /* only the last block is short */
	}
	return G_MAXUINT32;
}

CacheResult
account_await_size(Account *account, guint64 id, Waiter *waiter)
{
	const Message *message = find_message(account, id);
	Fetch *fetch = message && message->growing ? find_end_fetch(account->reader, id) : NULL;

	if (!fetch)
		return CACHE_READY;
	waiter_park(waiter, &fetch->waiting);
	return CACHE_PARKED;
}

/* The size is a multiple of the block size, so the last block looks full whether or not it is the
 * last: only the one behind it proves the end. */
static gboolean
lacks_proof(Reader *reader, guint64 id, guint32 last)
{
	const Message *message = find_message(reader->account, id);

	return message && !message->size_exact &&
	       message->size == ((guint64)last + 1) * REMOTE_BLOCK_SIZE &&
	       !block_cache_has(reader->blocks, id, last + 1);
}

CacheResult
account_read(Account *account, guint64 id, guint64 offset, gsize length, struct iovec *iov,
             guint max_iov, guint *n_iov, Waiter *waiter, GError **error)
{
	Reader *reader = account->reader;
	CacheResult result = account_await_size(account, id, waiter);
	guint32 first, last, missing;
	const Message *message;

	*n_iov = 0;
	if (result != CACHE_READY || !length)
		return result;
	if (offset / REMOTE_BLOCK_SIZE >= G_MAXUINT32 / 2)
		return CACHE_READY; /* no message is that long */
	first = (guint32)(offset / REMOTE_BLOCK_SIZE);
	last = (guint32)((offset + length - 1) / REMOTE_BLOCK_SIZE);
	missing = collect(reader, id, offset, offset + length, iov, max_iov, n_iov);
	if (missing == G_MAXUINT32 && lacks_proof(reader, id, last))
		missing = last + 1;
	if (missing != G_MAXUINT32)
		result = await_blocks(reader, id, missing, MAX(missing, last), waiter, error);
	message = find_message(account, id);
	if (message && !is_small(message) && !is_past_end(message, offset) &&
	    result != CACHE_FAILED)
		read_ahead(reader, id, message, first, last);
	return result;
}
