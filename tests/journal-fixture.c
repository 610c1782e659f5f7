/*
 * journal-fixture.c: the files of a journal that is killed are copied by the worker, between two
 * transactions, as a process that dies would leave them (a half written transaction is SQLite's to
 * undo); then the journal goes on in the copies.
 */
#include "journal-fixture.h"

#include <string.h>
#include <unistd.h>

#define ACCOUNT "user@host:993"

void
journal_fixture_open(JournalFixture *fixture)
{
	g_autoptr(GError) error = NULL;

	if (fixture->base) {
		fixture->folder = folder_open(fixture->base, ACCOUNT, &error);
		g_assert_no_error(error);
	}
	fixture->disk = disk_new();
	fixture->journal = journal_open(fixture->folder, fixture->disk, &error);
	g_assert_no_error(error);
}

/* Takes @command. */
static void
run(char *command)
{
	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
	g_free(command);
}

void
journal_fixture_close(JournalFixture *fixture)
{
	g_clear_pointer(&fixture->journal, journal_free);
	g_clear_pointer(&fixture->disk, disk_free);
	g_clear_pointer(&fixture->folder, folder_close);
	if (fixture->old_base)
		run(g_strdup_printf("rm -rf '%s'", fixture->old_base));
	g_clear_pointer(&fixture->old_base, g_free);
}

void
journal_fixture_set_up(JournalFixture *fixture, gboolean in_memory)
{
	if (!in_memory)
		fixture->base = g_dir_make_tmp("imapfs-journal-XXXXXX", NULL);
	journal_fixture_open(fixture);
}

void
journal_fixture_tear_down(JournalFixture *fixture)
{
	journal_fixture_close(fixture);
	if (fixture->base)
		run(g_strdup_printf("rm -rf '%s'", fixture->base));
	g_clear_pointer(&fixture->base, g_free);
}

typedef struct {
	DiskJob job;
	char *from, *to;
	gint done; /* atomic */
} CopyJob;

static void
copy_files(DiskJob *job)
{
	CopyJob *copy = (CopyJob *)job;

	run(g_strdup_printf("cp -a '%s' '%s'", copy->from, copy->to));
	g_atomic_int_set(&copy->done, 1);
}

/* The loop must not turn meanwhile, or what is killed would go on. */
void
journal_fixture_fork_files(JournalFixture *fixture)
{
	CopyJob copy = {.job.run = copy_files, .from = fixture->base};

	copy.to = g_strconcat(fixture->base, "x", NULL);
	disk_push(fixture->disk, &copy.job);
	while (!g_atomic_int_get(&copy.done))
		g_usleep(50);
	fixture->base = copy.to;
	g_free(fixture->old_base);
	fixture->old_base = copy.from;
}

typedef struct {
	gboolean called;
	JournalEntry *entry;
} Added;

static void
on_added(JournalEntry *entry, const GError *error, gpointer data)
{
	Added *added = data;

	g_assert_no_error(error);
	added->called = TRUE;
	added->entry = entry;
}

JournalEntry *
journal_fixture_add(JournalFixture *fixture, JournalEntry *entry)
{
	Added added = {0};

	journal_add(fixture->journal, entry, on_added, &added);
	g_assert_false(added.called);
	while (!added.called)
		g_main_context_iteration(NULL, TRUE);
	return added.entry;
}

char *
journal_fixture_stage(JournalFixture *fixture, const char *text, gsize length)
{
	g_autoptr(GError) error = NULL;
	char *name = NULL;
	int fd = journal_stage(fixture->journal, &name, &error);

	g_assert_no_error(error);
	g_assert_cmpint(write(fd, text, length), ==, (gssize)length);
	close(fd);
	return name;
}

char *
journal_fixture_path(const JournalFixture *fixture, const char *name)
{
	return g_build_filename(folder_path(fixture->folder), name, NULL);
}

gboolean
journal_fixture_has_file(const JournalFixture *fixture, const char *name)
{
	g_autofree char *path = journal_fixture_path(fixture, name);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}
