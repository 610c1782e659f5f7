/*
 * journal-fixture.h: a journal in a folder of its own, for its tests and the flusher's.
 */
#pragma once

#include "journal.h"

typedef struct {
	char *base;     /* NULL: in memory */
	char *old_base; /* of a journal that is killed and not closed yet */
	Folder *folder;
	Disk *disk;
	Journal *journal;
} JournalFixture;

/* A new folder, or none; the journal is opened. */
void journal_fixture_set_up(JournalFixture *fixture, gboolean in_memory);
void journal_fixture_tear_down(JournalFixture *fixture);

void journal_fixture_open(JournalFixture *fixture);
void journal_fixture_close(JournalFixture *fixture);

/* The files are from now on what they are at this moment, after what has been pushed to the worker:
 * whatever the open journal still does is lost when it is closed. As kill -9, but for the memory.
 */
void journal_fixture_fork_files(JournalFixture *fixture);

/* Adds @entry and waits until it is committed. */
JournalEntry *journal_fixture_add(JournalFixture *fixture, JournalEntry *entry);

/* A staged file that holds @text; its name is the caller's. */
char *journal_fixture_stage(JournalFixture *fixture, const char *text, gsize length);

char *journal_fixture_path(const JournalFixture *fixture, const char *name);
gboolean journal_fixture_has_file(const JournalFixture *fixture, const char *name);
