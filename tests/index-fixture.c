/*
 * index-fixture.c: an index in a folder of its own. Messages are made from their UIDs, so that what
 * comes back can be checked without keeping what was saved.
 */
#include "index-fixture.h"

#include <sqlite3.h>
#include <string.h>

#define ACCOUNT "user@host:993"

static const char *const flags[] = {"", "\\Seen", "\\Answered \\Seen", "$Label1 \\Flagged \\Seen"};

static void
on_log(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
	IndexFixture *fixture = data;

	(void)domain;
	(void)level;
	g_test_message("%s", text);
	g_assert_null(strstr(text, "not an error"));
	g_atomic_int_inc(&fixture->n_messages);
}

void
index_fixture_set_up(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	if (!fixture->base)
		fixture->base = g_dir_make_tmp("imapfs-index-XXXXXX", NULL);
	fixture->folder = folder_open(fixture->base, ACCOUNT, NULL);
	g_assert_nonnull(fixture->folder);
	g_log_set_handler("cache", G_LOG_LEVEL_MESSAGE, on_log, fixture);
}

void
index_fixture_tear_down(IndexFixture *fixture, gconstpointer data)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", fixture->base);

	(void)data;
	index_fixture_close(fixture);
	folder_close(fixture->folder);
	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
	g_free(fixture->base);
}

void
index_fixture_open(IndexFixture *fixture)
{
	g_autoptr(GError) error = NULL;

	fixture->n_messages = 0;
	fixture->disk = disk_new();
	fixture->index = index_open(fixture->folder, fixture->disk, &error);
	g_assert_no_error(error);
	g_assert_nonnull(fixture->index);
}

void
index_fixture_close(IndexFixture *fixture)
{
	g_clear_pointer(&fixture->index, index_free);
	g_clear_pointer(&fixture->disk, disk_free);
}

void
index_fixture_reopen(IndexFixture *fixture)
{
	index_fixture_close(fixture);
	index_fixture_open(fixture);
}

void
index_fixture_save_mailbox(IndexFixture *fixture, guint32 id)
{
	g_autofree char *name = g_strdup_printf("mailbox %u", id);
	const IndexMailbox mailbox = {
		.id = id,
		.position = id,
		.name = name,
		.path = name,
		.delimiter = '/',
		.selectable = TRUE,
		.uidvalidity = 7,
	};

	index_save_mailbox(fixture->index, &mailbox);
}

static char *
message_name(guint32 uid)
{
	return g_strdup_printf("2026-11-20.Alice-Smith.Re-Budget-for-2027.%05x.eml", uid);
}

void
index_fixture_save_messages(IndexFixture *fixture, guint32 id, guint32 first, guint32 last)
{
	GArray *messages = index_messages_new();

	for (guint32 uid = first; uid <= last; uid++) {
		const IndexMessage message = {
			.uid = uid,
			.size = uid * 1000ULL,
			.size_exact = uid % 2,
			.internaldate = 1700000000 + uid,
			.content_key = G_MAXUINT64 - uid,
			.flags = index_intern_flags(fixture->index,
		                                    flags[uid % G_N_ELEMENTS(flags)]),
			.name = message_name(uid),
		};

		g_array_append_val(messages, message);
	}
	index_save_messages(fixture->index, id, messages);
}

void
index_fixture_save_state(IndexFixture *fixture, guint32 id, guint32 exists)
{
	const IndexState state = {
		.uidnext = exists + 1,
		.highestmodseq = exists * 3ULL,
		.exists = exists,
		.complete = TRUE,
	};

	index_save_state(fixture->index, id, &state);
}

typedef struct {
	gboolean called;
	GArray *messages;
} Loaded;

static void
on_loaded(GArray *messages, gpointer data)
{
	Loaded *loaded = data;

	g_assert_false(loaded->called);
	loaded->called = TRUE;
	loaded->messages = messages;
}

GArray *
index_fixture_load(IndexFixture *fixture, guint32 id)
{
	Loaded loaded = {0};

	index_load_messages(fixture->index, id, on_loaded, &loaded);
	g_assert_false(loaded.called);
	while (!loaded.called)
		g_main_context_iteration(NULL, TRUE);
	return loaded.messages;
}

void
index_fixture_check_message(IndexFixture *fixture, const IndexMessage *message)
{
	guint32 uid = message->uid;
	g_autofree char *name = message_name(uid);

	g_assert_cmpuint(message->size, ==, uid * 1000ULL);
	g_assert_cmpint(message->size_exact, ==, uid % 2);
	g_assert_cmpint(message->internaldate, ==, 1700000000 + uid);
	g_assert_cmpuint(message->content_key, ==, G_MAXUINT64 - uid);
	g_assert_true(message->flags ==
	              index_intern_flags(fixture->index, flags[uid % G_N_ELEMENTS(flags)]));
	g_assert_cmpstr(message->name, ==, name);
}

void
index_fixture_check_messages(IndexFixture *fixture, guint32 id, guint32 first, guint32 last)
{
	g_autoptr(GArray) messages = index_fixture_load(fixture, id);

	g_assert_nonnull(messages);
	g_assert_cmpuint(messages->len, ==, last + 1 - first);
	for (guint i = 0; i < messages->len; i++) {
		const IndexMessage *message = &g_array_index(messages, IndexMessage, i);

		g_assert_cmpuint(message->uid, ==, first + i);
		index_fixture_check_message(fixture, message);
	}
}

const IndexMailbox *
index_fixture_mailbox(const IndexFixture *fixture, guint32 id)
{
	const GArray *mailboxes = index_mailboxes(fixture->index);

	for (guint i = 0; i < mailboxes->len; i++)
		if (g_array_index(mailboxes, IndexMailbox, i).id == id)
			return &g_array_index(mailboxes, IndexMailbox, i);
	return NULL;
}

char *
index_fixture_path(const IndexFixture *fixture, const char *name)
{
	return g_build_filename(folder_path(fixture->folder), name, NULL);
}

gboolean
index_fixture_has_file(const IndexFixture *fixture, const char *name)
{
	g_autofree char *path = index_fixture_path(fixture, name);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

void
index_fixture_sql(const IndexFixture *fixture, const char *sql)
{
	g_autofree char *path = index_fixture_path(fixture, "index.sqlite");
	char *words = NULL;
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	sqlite3_exec(db, sql, NULL, NULL, &words);
	g_assert_cmpstr(words, ==, NULL);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}
