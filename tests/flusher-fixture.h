/*
 * flusher-fixture.h: a flusher between a journal and a fake remote with the mailboxes A, B and C.
 */
#pragma once

#include "fake-remote.h"
#include "flusher.h"
#include "journal-fixture.h"

typedef struct {
	JournalFixture files;
	FakeRemote *fake;
	Flusher *flusher;
	guint32 uidnext;       /* what the owner says of any mailbox */
	gboolean uidnext_true; /* the truth, instead */
	gboolean dead;         /* what happens now happens to nobody */
	GString *told;         /* "done 1 failed 2:CODE ", by ids */
	guint32 last_new_uid;
	guint n_waits; /* how often the flusher began to wait */
	/* Called with each event, if set. */
	void (*on_told)(gpointer data, const JournalEntry *entry, const GError *error);
	gpointer data;
} FlusherFixture;

void flusher_fixture_set_up(FlusherFixture *fixture, gconstpointer in_memory);
void flusher_fixture_tear_down(FlusherFixture *fixture, gconstpointer data);

/* The daemon is killed at this moment, and comes back. Not in memory. */
void flusher_fixture_kill(FlusherFixture *fixture);

/* A turn of the loop or a step of the server's, by chance; FALSE: neither had anything to do. */
gboolean flusher_fixture_turn(FlusherFixture *fixture);

/* Until nothing is left to be carried out. */
void flusher_fixture_run(FlusherFixture *fixture);

/* "name name ...", of the messages without \Deleted, by UID. The caller's. */
char *flusher_fixture_list(FlusherFixture *fixture, const char *mailbox);

/* Entries as the owner would make them; the messages are in the mailboxes. */
JournalEntry *flusher_fixture_append(FlusherFixture *fixture, const char *to, const char *name);
JournalEntry *flusher_fixture_transfer(FlusherFixture *fixture, JournalKind kind, const char *from,
                                       guint32 uid, const char *to);
JournalEntry *flusher_fixture_remove(FlusherFixture *fixture, const char *mailbox, guint32 uid);

/* Adds without waiting; stops being deferred once the loop turns. */
void flusher_fixture_add(FlusherFixture *fixture, JournalEntry *entry);
