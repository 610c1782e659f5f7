/*
 * prefetch.h: reading ahead across messages.
 *
 * Tools walk directories: grep -r in the order of inode numbers, a shell's glob by name. Whoever
 * reads the next message of such an order is a walker, and the messages after it are asked for in
 * batches before it gets there. Several walkers are told apart; one that jumps is no walker any
 * more.
 *
 * Knows orders and windows, not fetches: what to ask for is handed to the reader (reader.c).
 */
#pragma once

#include "imapfs/account.h"

typedef struct Prefetcher Prefetcher;

typedef struct {
	/* Whether it makes sense to ask for this message: its bytes are neither here nor on their
	 * way. */
	gboolean (*is_missing)(guint64 message, gpointer data);
	/* Asks for these messages of a mailbox, whole. */
	void (*fetch)(Mailbox *mailbox, const guint32 *uids, guint n_uids, gpointer data);
} PrefetchCalls;

/* @max_bytes: how far ahead of its walkers it may be at the most. */
Prefetcher *prefetcher_new(const PrefetchCalls *calls, guint64 max_bytes, gpointer data);
void prefetcher_free(Prefetcher *prefetcher);

/* Message @uid is being read from its beginning on; may call fetch(). */
void prefetcher_note_read(Prefetcher *prefetcher, Mailbox *mailbox, guint32 uid);

/* It has been read to its end. */
void prefetcher_note_end(Prefetcher *prefetcher, const Mailbox *mailbox, guint32 uid);

/* @length bytes that were asked for have come: how fast tells how far ahead is worth while.
 * @first: before this one they were not on their way, but asked for. */
void prefetcher_note_arrival(Prefetcher *prefetcher, gsize length, gboolean first);
