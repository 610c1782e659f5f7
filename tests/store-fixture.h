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
	pthread_mutex_t gate; /* see store_fixture_hold_worker() */
} Fixture;

/* Makes a folder and opens a store in it. */
void store_fixture_init(Fixture *fixture, guint64 max_bytes);

/* Closes the store and deletes the folder. */
void store_fixture_clear(Fixture *fixture);

/* The Disk goes with the store, so that there is no thread in between. */
void store_fixture_open(Fixture *fixture);
void store_fixture_close(Fixture *fixture);
void store_fixture_reopen(Fixture *fixture);

/* Waits until all is written and done. */
void store_fixture_settle(Fixture *fixture);

/* The worker does nothing until it is released. */
void store_fixture_hold_worker(Fixture *fixture);
void store_fixture_release_worker(Fixture *fixture);

/* @length bytes that follow from @seed. */
GBytes *content_of(guint64 seed, gsize length);
gboolean is_content(GBytes *bytes, guint64 seed, gsize length);

void store_fixture_put(Fixture *fixture, guint64 message, guint32 index, guint64 seed,
                       gsize length);

/* What block_store_get() comes to; NULL: nothing. */
GBytes *store_fixture_get(Fixture *fixture, guint64 message, guint32 index);

/* The block must be there, by both ways of reading, and right. */
void store_fixture_check(Fixture *fixture, guint64 message, guint32 index, guint64 seed,
                         gsize length);

/* Sizes of all files in the folder. */
guint64 store_fixture_folder_bytes(const Fixture *fixture);

/* Counts messages of the log instead of printing them. */
void store_fixture_catch_messages(void);
guint store_fixture_take_messages(void);
