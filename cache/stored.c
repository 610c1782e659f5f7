/*
 * Message bytes that are kept on disk, as the reader has them.
 *
 * A block that the kernel still has in memory is read at once. Any other is a Fetch like one from
 * the server: brought by the disk worker, shared by all who want it. Its length says of the
 * message's size what a server's answer would; a block that turns out to be damaged is none, and
 * then the server is asked.
 */
#include "reader-private.h"

static BlockStore *
store_of(const Reader *reader)
{
	const Account *account = reader->account;

	return account->storage && !account->closing ? account->storage->blocks : NULL;
}

gboolean
stored_has(const Reader *reader, guint64 id, guint32 index)
{
	const BlockStore *store = store_of(reader);

	return store && block_store_has(store, id, index);
}

/* Whether it tells nothing new about the size: what does must be heard of in the right order. */
static gboolean
agrees(const Reader *reader, guint64 id, guint32 index, gsize size)
{
	const Message *message = reader_find_message(reader->account, id);
	guint64 end = (guint64)index * REMOTE_BLOCK_SIZE + size;

	return message && (size == REMOTE_BLOCK_SIZE ? end <= message->size : end == message->size);
}

GBytes *
stored_block_now(Reader *reader, guint64 id, guint32 index)
{
	BlockStore *store = store_of(reader);
	g_autoptr(GBytes) bytes = store ? block_store_get_now(store, id, index) : NULL;

	if (!bytes || !agrees(reader, id, index, g_bytes_get_size(bytes)))
		return NULL;
	block_cache_put(reader->blocks, id, index, bytes);
	return block_cache_get(reader->blocks, id, index);
}

static void
on_stored(GBytes *bytes, gpointer data)
{
	Fetch *fetch = data;
	guint64 offset = (guint64)fetch->first * REMOTE_BLOCK_SIZE;

	if (!bytes) {
		fetch_finish(fetch, TRUE, 0, NULL);
		return;
	}
	fetch_take_block(fetch, offset, bytes);
	fetch_finish(fetch, FALSE, offset + g_bytes_get_size(bytes), NULL);
}

void
stored_fetch(Reader *reader, guint64 id, guint32 index)
{
	Fetch *fetch = fetch_new(reader, id, index, 1);

	if (!block_store_get(store_of(reader), id, index, on_stored, fetch))
		on_stored(NULL, fetch);
}

void
stored_put(Reader *reader, guint64 id, guint32 index, GBytes *bytes)
{
	BlockStore *store = store_of(reader);
	const Mailbox *mailbox = account_mailbox(reader->account, (guint32)(id >> 32));

	/* Without a UIDVALIDITY nobody can tell later whose they were. */
	if (store && mailbox && mailbox->uidvalidity && !block_store_has(store, id, index))
		block_store_put(store, id, index, bytes);
}

void
stored_drop(Reader *reader, guint64 id, guint32 index)
{
	BlockStore *store = store_of(reader);

	if (store)
		block_store_drop(store, id, index);
}
