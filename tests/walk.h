/*
 * walk.h: mailboxes to walk over, above a fake remote, and walkers through them.
 *
 * What a walker waits for is counted in demands: reads of one message, because nobody had asked for
 * it before. Each of them is a round trip.
 */
#pragma once

#include "cache-fixture.h"

#define PIECE (128 * KIB) /* what the kernel reads at once */

typedef enum { BY_UID, BY_NAME } Order;

typedef struct {
	Fixture *fixture;
	FakeRemote *fake;
} Setup;

/* @memory 0: plenty. */
Setup setup_new(guint64 memory);
void setup_clear(Setup *setup);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Setup, setup_clear)

/* A message whose name stands anywhere among the others. */
FakeMessage *add_message(FakeMailbox *mailbox, guint64 size);

/* A mailbox of @n messages with sizes from @least to @most, listed. */
FakeMailbox *add_mailbox(Setup *setup, const char *name, guint n, guint64 least, guint64 most);

guint64 id_in(const Setup *setup, const FakeMailbox *mailbox, guint32 uid);
guint64 all_bytes(const FakeMailbox *mailbox);

/* UIDs in the order in which they are walked, up to @gap - 1 left out between two. */
GArray *path_of(FakeMailbox *mailbox, Order order, guint gap, guint32 seed);

/* Fails unless all bytes are right: of one message, of all on a path. */
void read_whole(Setup *setup, FakeMailbox *mailbox, guint32 uid);
void walk(Setup *setup, FakeMailbox *mailbox, const GArray *path);

/* How often message @uid was asked for, alone or with others. */
guint times_asked(const Setup *setup, guint32 uid);

#define ADD_ROWS(prefix, rows, test)                                                               \
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {                                           \
		g_autofree char *name = g_strconcat(prefix, rows[i].label, NULL);                  \
                                                                                                   \
		g_test_add_data_func(name, &rows[i], test);                                        \
	}
