/*
 * The bytes of messages: which to ask the server for, and when.
 *
 * What is asked for:
 *
 *     up to SMALL bytes          all of it, with the first read: one round trip for any reader
 *     more                       aligned pieces: the block that is wanted, and ahead of a reader that
 *                                goes on where it stopped, as many as its window allows
 *                                (read-window.c)
 *     the last piece             a little beyond the announced end, so that its length proves the
 *                                size
 *     of a longer one than that  the rest, until it ends
 *     the messages after it      of one who reads a mailbox message after message (prefetch.c)
 *
 * What has been asked for is the concern of fetches.c.
 */
#include "reader-private.h"

#include <string.h>

#define SMALL         (2 * REMOTE_BLOCK_SIZE)
#define LEAST_MEMORY  (32 * REMOTE_BLOCK_SIZE) /* else a read pushes its own blocks out for ever */
#define PIECE_BLOCKS  8                        /* at the most in one command */
#define WINDOW_BLOCKS 64                       /* 8 MiB: 50 ms at more than a gigabit a second */
#define AHEAD_BYTES   (16 * 1024 * 1024)       /* of whole messages, at the most */

/* It is nowhere here, nor on its way. */
static gboolean
is_wanted(Reader *reader, guint64 id, guint32 index)
{
	return !block_cache_has(reader->blocks, id, index) && !stored_has(reader, id, index) &&
	       !fetch_find(reader, id, index);
}

static gboolean
is_missing(guint64 message, gpointer data)
{
	return is_wanted(data, message, 0);
}

static void
fetch_ahead(Mailbox *mailbox, const guint32 *uids, guint n_uids, gpointer data)
{
	fetch_many(data, mailbox, uids, n_uids);
}

static const PrefetchCalls prefetch_calls = {.is_missing = is_missing, .fetch = fetch_ahead};

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
	reader->prefetcher = prefetcher_new(&prefetch_calls, MIN(memory / 4, AHEAD_BYTES), reader);
	fetches_init(reader);
	return reader;
}

void
reader_free(Reader *reader)
{
	block_cache_free(reader->blocks);
	read_windows_free(reader->windows);
	prefetcher_free(reader->prefetcher);
	fetches_clear(reader);
	g_free(reader);
}

BlockCacheStatistics
reader_statistics(const Reader *reader)
{
	return block_cache_statistics(reader->blocks);
}

static gboolean
is_small(const Message *message)
{
	return message->size <= SMALL;
}

/* --- what to ask for --- */

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

/* Those of blocks @first to @last that are on disk and not here. */
static void
ask_for_stored(Reader *reader, guint64 id, guint32 first, guint32 last)
{
	for (guint32 i = first; i <= last; i++)
		if (stored_has(reader, id, i) && !block_cache_has(reader->blocks, id, i) &&
		    !fetch_find(reader, id, i))
			stored_fetch(reader, id, i);
}

/* Blocks from @first on are not here: asks for them, and parks. */
static CacheResult
await_blocks(Reader *reader, guint64 id, guint32 first, guint32 last, Waiter *waiter,
             GError **error)
{
	const Message *message = reader_find_message(reader->account, id);
	const GError *refusal = fetch_refusal(reader, id);
	Fetch *fetch;

	ask_for_stored(reader, id, first, last);
	if (message && !refusal)
		ask_for_wanted(reader, id, message, first, last);
	fetch = fetch_find(reader, id, first);
	if (fetch) {
		waiter_park(waiter, &fetch->waiting);
		return CACHE_PARKED;
	}
	if (!message) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the message is gone");
		return CACHE_FAILED;
	}
	g_propagate_error(error, g_error_copy(refusal));
	return CACHE_FAILED;
}

static gboolean
is_past_end(const Message *message, guint64 offset)
{
	return message && message->size_exact && offset >= message->size;
}

static GBytes *
find_block(Reader *reader, guint64 id, guint32 index)
{
	GBytes *block = block_cache_get(reader->blocks, id, index);

	return block ? block : stored_block_now(reader, id, index);
}

/* The bytes that are here, as far as they go without a gap; the first block that is missing, or
 * G_MAXUINT32 if none is. */
static guint32
collect(Reader *reader, guint64 id, guint64 offset, guint64 end, struct iovec *iov, guint max_iov,
        guint *n_iov)
{
	const Message *message = reader_find_message(reader->account, id);

	*n_iov = 0;
	while (offset < end && *n_iov < max_iov && !is_past_end(message, offset)) {
		guint32 index = (guint32)(offset / REMOTE_BLOCK_SIZE);
		gsize skip = offset % REMOTE_BLOCK_SIZE, size, n;
		GBytes *block = find_block(reader, id, index);
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

/* Nobody may be told an end while another is being looked for. */
static CacheResult
await_end(Account *account, guint64 id, Waiter *waiter)
{
	const Message *message = reader_find_message(account, id);
	Fetch *fetch = message && message->growing ? fetch_find_end(account->reader, id) : NULL;

	if (!fetch)
		return CACHE_READY;
	waiter_park(waiter, &fetch->waiting);
	return CACHE_PARKED;
}

/* What memory has, and the disk had no room for at the time, goes there now. FALSE: it has not. */
static gboolean
put_from_memory(Reader *reader, guint64 id, guint32 index)
{
	if (!block_cache_has(reader->blocks, id, index))
		return FALSE;
	stored_put(reader, id, index, block_cache_get(reader->blocks, id, index));
	return TRUE;
}

static gboolean
is_empty(const Account *account, const Message *message)
{
	return !message->size && !account->sizes_lie;
}

gboolean
reader_is_kept(Account *account, guint64 id)
{
	const Message *message = reader_find_message(account, id);
	gboolean kept = TRUE, here = TRUE;

	if (!message || is_empty(account, message))
		return message != NULL;
	/* A server may claim any size: the first block that is nowhere is the end of it. */
	for (guint64 offset = 0; here && offset < MAX(message->size, 1);
	     offset += REMOTE_BLOCK_SIZE) {
		guint32 index = (guint32)(offset / REMOTE_BLOCK_SIZE);

		if (stored_has(account->reader, id, index))
			continue;
		kept = FALSE;
		here = put_from_memory(account->reader, id, index);
	}
	return kept;
}

CacheResult
reader_await_size(Account *account, guint64 id, Waiter *waiter)
{
	const Message *message = reader_find_message(account, id);
	Fetch *fetch =
		message && !message->size_exact ? fetch_find_awaited(account->reader, id) : NULL;

	if (!fetch)
		return await_end(account, id, waiter);
	waiter_park(waiter, &fetch->waiting);
	return CACHE_PARKED;
}

/* The size is a multiple of the block size, so the last block looks full whether or not it is the
 * last: only the one behind it proves the end. */
static gboolean
lacks_proof(Reader *reader, guint64 id, guint32 last)
{
	const Message *message = reader_find_message(reader->account, id);

	return message && !message->size_exact &&
	       message->size == ((guint64)last + 1) * REMOTE_BLOCK_SIZE &&
	       !block_cache_has(reader->blocks, id, last + 1);
}

/* Who reads one message after another is read ahead of. */
static void
note_walk(Account *account, guint64 id, guint64 offset, gsize length)
{
	Mailbox *mailbox = account_mailbox(account, (guint32)(id >> 32));
	const Message *message = reader_find_message(account, id);

	if (!message)
		return;
	if (offset == 0)
		prefetcher_note_read(account->reader->prefetcher, mailbox, message->uid);
	if (offset + length >= message->size)
		prefetcher_note_end(account->reader->prefetcher, mailbox, message->uid);
}

gboolean
reader_has(Account *account, guint64 id, guint64 size, guint64 offset, gsize length)
{
	guint64 end = MIN(offset + length, MAX(size, offset));

	for (; offset < end; offset += REMOTE_BLOCK_SIZE - offset % REMOTE_BLOCK_SIZE)
		if (!block_cache_has(account->reader->blocks, id,
		                     (guint32)(offset / REMOTE_BLOCK_SIZE)) &&
		    !stored_has(account->reader, id, (guint32)(offset / REMOTE_BLOCK_SIZE)))
			return FALSE;
	return TRUE;
}

void
reader_move_blocks(Account *account, guint64 from, guint64 to, guint64 size)
{
	BlockCache *blocks = account->reader->blocks;
	guint32 last = (guint32)MIN(size / REMOTE_BLOCK_SIZE, G_MAXUINT16);

	for (guint32 i = 0; i <= last; i++) {
		GBytes *block =
			block_cache_has(blocks, from, i) ? block_cache_get(blocks, from, i) : NULL;

		if (!block)
			continue;
		g_bytes_ref(block);
		block_cache_drop(blocks, from, i);
		block_cache_put(blocks, to, i, block);
		g_bytes_unref(block);
	}
	if (account->storage && !account->closing)
		block_store_move(account->storage->blocks, from, to);
}

CacheResult
reader_read(Account *account, guint64 id, guint64 offset, gsize length, struct iovec *iov,
            guint max_iov, guint *n_iov, Waiter *waiter, GError **error)
{
	Reader *reader = account->reader;
	CacheResult result = await_end(account, id, waiter);
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
	note_walk(account, id, offset, length);
	message = reader_find_message(account, id);
	if (message && !is_small(message) && !is_past_end(message, offset) &&
	    result != CACHE_FAILED)
		read_ahead(reader, id, message, first, last);
	return result;
}
