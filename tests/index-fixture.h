/*
 * index-fixture.h: an index in a folder of its own, for its tests.
 */
#pragma once

#include "index.h"

typedef struct {
	char *base;
	Folder *folder;
	Disk *disk;
	Index *index;
	gint n_messages; /* lines logged with g_message() since the index was opened; atomic */
} IndexFixture;

/* A new folder; the index is not opened. */
void index_fixture_set_up(IndexFixture *fixture, gconstpointer data);
void index_fixture_tear_down(IndexFixture *fixture, gconstpointer data);

/* Opens the index, which must work; and closes it, if it is open. */
void index_fixture_open(IndexFixture *fixture);
void index_fixture_close(IndexFixture *fixture);
void index_fixture_reopen(IndexFixture *fixture);

/* Mailbox @id called "mailbox <id>", UIDVALIDITY 7. */
void index_fixture_save_mailbox(IndexFixture *fixture, guint32 id);

/* Messages @first to @last: sizes, dates and so on follow from the UID. */
void index_fixture_save_messages(IndexFixture *fixture, guint32 id, guint32 first, guint32 last);
void index_fixture_save_state(IndexFixture *fixture, guint32 id, guint32 exists);

/* The messages of mailbox @id, or NULL. The caller's. */
GArray *index_fixture_load(IndexFixture *fixture, guint32 id);

/* As index_fixture_save_messages() made it. */
void index_fixture_check_message(IndexFixture *fixture, const IndexMessage *message);

/* The messages of mailbox @id are @first to @last. */
void index_fixture_check_messages(IndexFixture *fixture, guint32 id, guint32 first, guint32 last);

/* As it was when the index was opened; NULL: there was none. */
const IndexMailbox *index_fixture_mailbox(const IndexFixture *fixture, guint32 id);

/* The path of file @name in the folder. */
char *index_fixture_path(const IndexFixture *fixture, const char *name);
gboolean index_fixture_has_file(const IndexFixture *fixture, const char *name);

/* Runs @sql on the file, as another program would. */
void index_fixture_sql(const IndexFixture *fixture, const char *sql);
