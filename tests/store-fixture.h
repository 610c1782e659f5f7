/*
 * store-fixture.h: a block store in a folder of its own, and blocks that can be checked.
 */
#pragma once

#include "block-store.h"
#include "imapfs/remote.h"

#include <pthread.h>

typedef struct {
	char *path; /* of the folder */
	int folder_fd;
	guint64 store_id, max_bytes;
	Disk *disk;
	BlockStore *store;
	pthread_mutex_t gate; /* see fixture_hold_worker() */
} Fixture;

/* Makes a folder and opens a store in it. */
void fixture_init(Fixture *fixture, guint64 max_bytes);

/* Closes the store and deletes the folder. */
void fixture_clear(Fixture *fixture);

/* The Disk goes with the store, so that there is no thread in between. */
void fixture_open(Fixture *fixture);
void fixture_close(Fixture *fixture);
void fixture_reopen(Fixture *fixture);

/* Waits until all is written and done. */
void fixture_settle(Fixture *fixture);

/* The worker does nothing until it is released. */
void fixture_hold_worker(Fixture *fixture);
void fixture_release_worker(Fixture *fixture);

/* @length bytes that follow from @seed. */
GBytes *content_of(guint64 seed, gsize length);
gboolean is_content(GBytes *bytes, guint64 seed, gsize length);

void fixture_put(Fixture *fixture, guint64 message, guint32 index, guint64 seed, gsize length);

/* What block_store_get() comes to; NULL: nothing. */
GBytes *fixture_get(Fixture *fixture, guint64 message, guint32 index);

/* The block must be there, by both ways of reading, and right. */
void fixture_check(Fixture *fixture, guint64 message, guint32 index, guint64 seed, gsize length);

/* Sizes of all files in the folder. */
guint64 fixture_folder_bytes(const Fixture *fixture);

/* Counts messages of the log instead of printing them. */
void fixture_catch_messages(void);
guint fixture_take_messages(void);
