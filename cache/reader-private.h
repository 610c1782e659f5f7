/*
 * reader-private.h: what the files of the reader share.
 *
 *     reader.c    which bytes to ask for, and when
 *     fetches.c   what has been asked for, and what its coming tells
 *     prefetch.c  whole messages before anybody asks (prefetch.h)
 *     stored.c    blocks that are kept on disk
 */
#pragma once

#include "account-private.h"
#include "prefetch.h"

#define REST_BLOCKS                                                                                \
	64 /* in one piece, when looking for the end of a message that is longer than announced */

typedef struct {
	Reader *reader;
	guint64 message;
	char *mailbox;           /* that it was asked for in; NULL: with others */
	guint32 first, n_blocks; /* n_blocks 0: the whole message */
	gboolean contradicts;    /* what came shows that the message has another size ... */
	guint64 seen_end;        /* ... for it goes on at least until here ... */
	gboolean seen_last;      /* ... or ends here */
	gconstpointer batch;     /* of many for which nobody has asked; NULL: asked for alone */
	WaitQueue waiting;
} Fetch;

struct Reader {
	Account *account;
	BlockCache *blocks;
	ReadWindows *windows;
	Prefetcher *prefetcher;
	GHashTable *fetches;  /* message (gint64) -> GPtrArray of Fetch, under way */
	GHashTable *refusals; /* message (gint64) -> Refusal */
};

/* --- reader.c --- */

/* As account_read(), account_await_size() and account_is_kept(), of a message on the server. */
CacheResult reader_read(Account *account, guint64 id, guint64 offset, gsize length,
                        struct iovec *iov, guint max_iov, guint *n_iov, Waiter *waiter,
                        GError **error);
CacheResult reader_await_size(Account *account, guint64 id, Waiter *waiter);
gboolean reader_is_kept(Account *account, guint64 id);

/* Whether these bytes of a message of @size can be read without asking the server. */
gboolean reader_has(Account *account, guint64 id, guint64 size, guint64 offset, gsize length);

/* Message @from, of @size bytes, is called @to from now on. */
void reader_move_blocks(Account *account, guint64 from, guint64 to, guint64 size);

/* --- stored.c --- */

/* The block from disk, if it is there and comes without waiting; NULL: not so. */
GBytes *stored_block_now(Reader *reader, guint64 id, guint32 index);

/* Whether the block is on disk. */
gboolean stored_has(const Reader *reader, guint64 id, guint32 index);

/* Brings a block that is on disk, as a Fetch. */
void stored_fetch(Reader *reader, guint64 id, guint32 index);

/* A block has come from the server; it is void. */
void stored_put(Reader *reader, guint64 id, guint32 index, GBytes *bytes);
void stored_drop(Reader *reader, guint64 id, guint32 index);

/* --- fetches.c --- */

void fetches_init(Reader *reader);
void fetches_clear(Reader *reader);

/* The one that brings block @index of message @id, or NULL. */
Fetch *fetch_find(const Reader *reader, guint64 id, guint32 index);

/* The one that is on its way to an end that is not where the server said, or NULL. */
Fetch *fetch_find_end(const Reader *reader, guint64 id);

/* One that somebody waits for, or NULL. */
Fetch *fetch_find_awaited(const Reader *reader, guint64 id);

/* A new one, to be ended with fetch_finish(). */
Fetch *fetch_new(Reader *reader, guint64 id, guint32 first, guint32 n_blocks);

/* A block of it has come. */
void fetch_take_block(Fetch *fetch, guint64 offset, GBytes *bytes);

/* The end of it: all has come, up to offset @end; or it @broke, with @error for who waits (NULL:
 * they look again). Frees it. */
void fetch_finish(Fetch *fetch, gboolean broke, guint64 end, const GError *error);

/* Asks for @n_blocks blocks from @first on, or for the whole message if @n_blocks is 0. */
void fetch_begin(Reader *reader, guint64 id, guint32 first, guint32 n_blocks);

/* Asks for whole messages that nobody waits for yet; whoever comes to want one joins. */
void fetch_many(Reader *reader, Mailbox *mailbox, const guint32 *uids, guint n_uids);

/* Why the server would not send message @id a short while ago, or NULL. */
const GError *fetch_refusal(Reader *reader, guint64 id);

Message *reader_find_message(Account *account, guint64 id);
