/*
 * test-index.c: what is saved is there after closing and opening, and nothing else is.
 */
#include "index-fixture.h"
#include "index-private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_empty(IndexFixture *fixture, gconstpointer data)
{
	guint64 store_id;

	(void)data;
	index_fixture_open(fixture);
	store_id = index_store_id(fixture->index);
	g_assert_cmpuint(store_id, !=, 0);
	g_assert_false(index_sizes_lie(fixture->index));
	g_assert_cmpuint(index_mailboxes(fixture->index)->len, ==, 0);
	g_assert_cmpuint(index_worn_ids(fixture->index)->len, ==, 0);
	index_fixture_check_messages(fixture, 1, 1, 0);
	index_fixture_reopen(fixture);
	g_assert_cmpuint(index_store_id(fixture->index), ==, store_id);
	g_assert_cmpint(fixture->n_messages, ==, 0);
}

static void
test_private(IndexFixture *fixture, gconstpointer data)
{
	static const char *const names[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"};
	mode_t old_umask = umask(0);

	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, 1);
	index_flush(fixture->index);
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = index_fixture_path(fixture, names[i]);
		struct stat status;

		g_assert_cmpint(lstat(path, &status), ==, 0);
		g_assert_cmphex(status.st_mode & 07777, ==, 0600);
	}
	umask(old_umask);
}

static void
test_sizes_lie(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	index_fixture_open(fixture);
	index_set_sizes_lie(fixture->index, TRUE);
	g_assert_true(index_sizes_lie(fixture->index));
	index_fixture_reopen(fixture);
	g_assert_true(index_sizes_lie(fixture->index));
	index_set_sizes_lie(fixture->index, FALSE);
	index_fixture_reopen(fixture);
	g_assert_false(index_sizes_lie(fixture->index));
}

/* --- mailboxes --- */

static const IndexMailbox mailboxes[] = {
	{.id = 0x7fffffff,
         .position = 0,
         .name = (char *)"INBOX",
         .path = (char *)"INBOX",
         .delimiter = '/',
         .selectable = TRUE,
         .uidvalidity = G_MAXUINT32},
	{.id = 9, .position = 1, .name = NULL, .path = (char *)"level"},
	{.id = 5,
         .position = 2,
         .name = (char *)"a\\\"b\xff/..",
         .path = (char *)"a\\\"b\xff/..",
         .delimiter = '\\'},
	{.id = 6,
         .position = 3,
         .name = (char *)"&U,BTFw-",
         .path = (char *)"\xe5\x8f\xb0\xe5\x8c\x97",
         .delimiter = '.',
         .selectable = TRUE},
};

static void
check_same(const IndexMailbox *a, const IndexMailbox *b)
{
	g_assert_cmpuint(a->id, ==, b->id);
	g_assert_cmpuint(a->position, ==, b->position);
	g_assert_cmpstr(a->name, ==, b->name);
	g_assert_cmpstr(a->path, ==, b->path);
	g_assert_cmpint(a->delimiter, ==, b->delimiter);
	g_assert_cmpint(a->selectable, ==, b->selectable);
	g_assert_cmpuint(a->uidvalidity, ==, b->uidvalidity);
}

static void
test_mailboxes(IndexFixture *fixture, gconstpointer data)
{
	const GArray *found;

	(void)data;
	index_fixture_open(fixture);
	for (guint i = G_N_ELEMENTS(mailboxes); i--;)
		index_save_mailbox(fixture->index, &mailboxes[i]);
	index_fixture_reopen(fixture);
	found = index_mailboxes(fixture->index);
	g_assert_cmpuint(found->len, ==, G_N_ELEMENTS(mailboxes));
	for (guint i = 0; i < found->len; i++) {
		const IndexMailbox *mailbox = &g_array_index(found, IndexMailbox, i);

		check_same(mailbox, &mailboxes[i]);
		g_assert_false(mailbox->state.complete);
	}
}

static void
test_mailbox_again(IndexFixture *fixture, gconstpointer data)
{
	IndexMailbox mailbox = mailboxes[3];

	(void)data;
	index_fixture_open(fixture);
	index_save_mailbox(fixture->index, &mailbox);
	index_fixture_save_messages(fixture, mailbox.id, 1, 9);
	index_fixture_save_state(fixture, mailbox.id, 9);
	mailbox.position = 70;
	mailbox.uidvalidity = 12; /* was not known */
	index_save_mailbox(fixture->index, &mailbox);
	index_fixture_reopen(fixture);
	check_same(index_fixture_mailbox(fixture, mailbox.id), &mailbox);
	g_assert_true(index_fixture_mailbox(fixture, mailbox.id)->state.complete);
	index_fixture_check_messages(fixture, mailbox.id, 1, 9);
	mailbox.uidvalidity = 13; /* was another */
	index_save_mailbox(fixture->index, &mailbox);
	index_fixture_reopen(fixture);
	g_assert_false(index_fixture_mailbox(fixture, mailbox.id)->state.complete);
	index_fixture_check_messages(fixture, mailbox.id, 1, 0);
}

static void
test_state(IndexFixture *fixture, gconstpointer data)
{
	const IndexState state = {G_MAXUINT32, G_MAXUINT64 / 2, G_MAXUINT32, TRUE, TRUE};
	const IndexState *found;

	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, 1);
	index_fixture_save_mailbox(fixture, 2);
	index_save_state(fixture->index, 1, &state);
	index_fixture_save_mailbox(fixture, 1);
	index_save_state(fixture->index, 3, &state); /* there is none */
	index_fixture_reopen(fixture);
	found = &index_fixture_mailbox(fixture, 1)->state;
	g_assert_cmpuint(found->uidnext, ==, state.uidnext);
	g_assert_cmpuint(found->highestmodseq, ==, state.highestmodseq);
	g_assert_cmpuint(found->exists, ==, state.exists);
	g_assert_true(found->complete && found->holey);
	g_assert_false(index_fixture_mailbox(fixture, 2)->state.complete);
	g_assert_null(index_fixture_mailbox(fixture, 3));
}

static void
test_removed(IndexFixture *fixture, gconstpointer data)
{
	const GArray *worn;

	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, 1);
	index_fixture_save_mailbox(fixture, 2);
	index_fixture_save_messages(fixture, 1, 1, 10);
	index_fixture_save_messages(fixture, 2, 1, 10);
	index_remove_mailbox(fixture->index, 1);
	index_remove_mailbox(fixture->index, 1);
	index_fixture_reopen(fixture);
	worn = index_worn_ids(fixture->index);
	g_assert_cmpuint(worn->len, ==, 1);
	g_assert_cmpuint(g_array_index(worn, guint32, 0), ==, 1);
	g_assert_null(index_fixture_mailbox(fixture, 1));
	index_fixture_check_messages(fixture, 1, 1, 0);
	index_fixture_check_messages(fixture, 2, 1, 10);
}

/* --- messages --- */

static void
test_messages(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_messages(fixture, 1, 1, 5000);
	index_fixture_save_messages(fixture, 2, 4000, 4010);
	index_fixture_save_messages(fixture, 1, 4900, 10000);
	index_fixture_check_messages(fixture, 1, 1, 10000); /* before they are written */
	index_fixture_check_messages(fixture, 2, 4000, 4010);
	index_fixture_reopen(fixture);
	index_fixture_check_messages(fixture, 1, 1, 10000);
	index_fixture_check_messages(fixture, 2, 4000, 4010);
	index_save_messages(fixture->index, 3, index_messages_new());
}

typedef struct {
	DiskJob job;
	int fd;
} Blocker;

static void
block(DiskJob *job)
{
	char byte;

	g_assert_cmpint(read(((Blocker *)job)->fd, &byte, 1), ==, 1);
}

static void
on_loaded_in_order(GArray *messages, gpointer data)
{
	GString *order = data;

	g_string_append_printf(order, " %u", messages->len);
	g_array_unref(messages);
}

/* A load waits for the writes of its own mailbox, and for no others. */
static void
test_load_ahead(IndexFixture *fixture, gconstpointer data)
{
	g_autoptr(GString) order = g_string_new(NULL);
	Blocker blocker = {.job.run = block};
	int ends[2];

	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_messages(fixture, 2, 1, 22);
	index_flush(fixture->index);
	g_assert_cmpint(pipe(ends), ==, 0);
	blocker.fd = ends[0];
	disk_push(fixture->disk, &blocker.job);
	index_fixture_save_messages(fixture, 1, 1, 11);
	index_load_messages(fixture->index, 1, on_loaded_in_order, order);
	index_load_messages(fixture->index, 2, on_loaded_in_order, order);
	g_assert_cmpint(write(ends[1], "", 1), ==, 1);
	index_flush(fixture->index);
	g_assert_cmpstr(order->str, ==, " 22 11");
	close(ends[0]);
	close(ends[1]);
}

static void
test_extremes(IndexFixture *fixture, gconstpointer data)
{
	GArray *messages = index_messages_new();
	g_autofree char *long_name = g_strnfill(255, 'n');
	IndexMessage message = {
		.uid = G_MAXUINT32, .size = G_MAXUINT64, .internaldate = G_MININT64};
	const IndexMessage *found;

	(void)data;
	index_fixture_open(fixture);
	message.flags = index_intern_flags(fixture->index, "\xc3\xa9t\xc3\xa9");
	message.name = g_strdup(long_name);
	g_array_append_val(messages, message);
	index_save_messages(fixture->index, INDEX_MAX_ID, messages);
	index_fixture_reopen(fixture);
	messages = index_fixture_load(fixture, INDEX_MAX_ID);
	g_assert_cmpuint(messages->len, ==, 1);
	found = &g_array_index(messages, IndexMessage, 0);
	g_assert_cmpuint(found->uid, ==, G_MAXUINT32);
	g_assert_cmpuint(found->size, ==, G_MAXINT64);
	g_assert_cmpint(found->internaldate, ==, G_MININT64);
	g_assert_cmpstr(found->flags, ==, "\xc3\xa9t\xc3\xa9");
	g_assert_cmpstr(found->name, ==, long_name);
	g_array_unref(messages);
}

static void
save_changes(IndexFixture *fixture)
{
	GArray *flags = g_array_new(FALSE, FALSE, sizeof(IndexFlags));
	const IndexFlags rows[] = {
		{3, index_intern_flags(fixture->index, "\\Deleted")},
		{5, index_intern_flags(fixture->index, "")},
		{99, index_intern_flags(fixture->index, "\\Draft")}, /* no such message */
	};

	g_array_append_vals(flags, rows, G_N_ELEMENTS(rows));
	index_save_flags(fixture->index, 1, flags);
	index_save_size(fixture->index, 1, 4, 12345, TRUE);
	index_save_size(fixture->index, 1, 98, 1, TRUE);
	index_save_name(fixture->index, 1, 5, "note.eml");
	index_forget_messages(fixture->index, 1, 1, 2);
	index_forget_messages(fixture->index, 1, 7, G_MAXUINT32);
}

static void
test_changes(IndexFixture *fixture, gconstpointer data)
{
	g_autoptr(GArray) messages = NULL;
	const IndexMessage *found;

	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_messages(fixture, 1, 1, 9);
	save_changes(fixture);
	index_fixture_reopen(fixture);
	messages = index_fixture_load(fixture, 1);
	g_assert_cmpuint(messages->len, ==, 4);
	found = &g_array_index(messages, IndexMessage, 0);
	g_assert_cmpuint(found[0].uid, ==, 3);
	g_assert_cmpstr(found[0].flags, ==, "\\Deleted");
	g_assert_cmpuint(found[1].size, ==, 12345);
	g_assert_true(found[1].size_exact);
	g_assert_cmpstr(found[2].flags, ==, "");
	g_assert_cmpstr(found[2].name, ==, "note.eml");
	index_fixture_check_message(fixture, &found[3]);
}

/* --- what makes no sense --- */

static const char *const senseless_messages[] = {
	"0, 1, 0, 0, 1, 0, 'zero'",
	"-1, 1, 0, 0, 1, 0, 'negative'",
	"4294967296, 1, 0, 0, 1, 0, 'too high'",
	"101, -1, 0, 0, 1, 0, 'negative size'",
	"102, 1, 0, 0, 77, 0, 'unknown flags'",
	"103, 1, 0, 0, 0, 0, 'no flags'",
	"104, 1, 0, 0, -1, 0, 'negative flags'",
	"105, 1, 0, 0, 4294967297, 0, 'wide flags'",
	"107, 1, 0, 0, 1, 0, '.'",
	"108, 1, 0, 0, 1, 0, '..'",
	"109, 1, 0, 0, 1, 0, 'a/b'",
	"110, 1, 0, 0, 1, 0, CAST(x'61ff62' AS TEXT)",
	"111, 1, 0, 0, 1, 0, CAST(x'610062' AS TEXT)",
	"112, 1, 0, 0, 1, 0, printf('%256d', 1)",
	"'uid', 1, 0, 0, 1, 0, 'a word for a number'",
};

static void
test_senseless_messages(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, 1);
	index_fixture_save_messages(fixture, 1, 1, 50);
	index_flush(fixture->index);
	for (guint i = 0; i < G_N_ELEMENTS(senseless_messages); i++) {
		g_autofree char *sql = g_strdup_printf("INSERT INTO messages VALUES(1, %s)",
		                                       senseless_messages[i]);

		index_fixture_sql(fixture, sql);
	}
	index_fixture_check_messages(fixture, 1, 1, 50);
	index_fixture_reopen(fixture);
	index_fixture_check_messages(fixture, 1, 1, 50);
	g_assert_cmpint(fixture->n_messages, ==, 0);
}

static const char *const senseless_mailboxes[] = {
	"0, 1, 'n', 'zero', 47, 1, 1, 1, 1, 1, 1, 0",
	"-5, 1, 'n', 'negative', 47, 1, 1, 1, 1, 1, 1, 0",
	"2147483648, 1, 'n', 'too high', 47, 1, 1, 1, 1, 1, 1, 0",
	"101, -1, 'n', 'position', 47, 1, 1, 1, 1, 1, 1, 0",
	"102, 1, x'6e006e', 'NUL in name', 47, 1, 1, 1, 1, 1, 1, 0",
	"103, 1, 'n', '', 47, 1, 1, 1, 1, 1, 1, 0",
	"104, 1, 'n', 'delimiter', 128, 1, 1, 1, 1, 1, 1, 0",
	"105, 1, 'n', 'uidvalidity', 47, 1, 4294967296, 1, 1, 1, 1, 0",
	"106, 1, 'n', 'state', 47, 1, 1, 1, 1, -1, 1, 0",
};

/* Ids that could be ids are worn; a senseless state is none. */
static void
test_senseless_mailboxes(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, 1);
	index_flush(fixture->index);
	for (guint i = 0; i < G_N_ELEMENTS(senseless_mailboxes); i++) {
		g_autofree char *sql = g_strdup_printf("INSERT INTO mailboxes VALUES(%s, NULL, 0)",
		                                       senseless_mailboxes[i]);

		index_fixture_sql(fixture, sql);
	}
	index_fixture_sql(fixture,
	                  "INSERT INTO flag_sets VALUES(7, CAST(x'ff' AS TEXT)), (-1, 'x')");
	index_fixture_reopen(fixture);
	g_assert_cmpuint(index_mailboxes(fixture->index)->len, ==, 2);
	g_assert_nonnull(index_fixture_mailbox(fixture, 1));
	g_assert_false(index_fixture_mailbox(fixture, 106)->state.complete);
	g_assert_cmpuint(index_worn_ids(fixture->index)->len, ==, 5);
}

/* Sets of flags that nobody has go some day; those that somebody has, never. */
static void
test_many_flag_sets(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_messages(fixture, 1, 1, 50);
	index_flush(fixture->index);
	index_fixture_sql(fixture,
	                  "WITH RECURSIVE n(i) AS (SELECT 100 UNION SELECT i + 1 FROM n WHERE"
	                  " i < 1500) INSERT INTO flag_sets SELECT i, 'flag' || i FROM n");
	index_fixture_reopen(fixture);
	g_assert_cmpuint(g_hash_table_size(fixture->index->flags_by_id), ==, 4);
	index_fixture_save_messages(fixture, 1, 51, 60);
	index_fixture_reopen(fixture);
	index_fixture_check_messages(fixture, 1, 1, 60);
}

/* --- versions --- */

static guint
count_rows(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	guint n;

	g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	n = (guint)sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return n;
}

static void
test_migration(void)
{
	static const char *const steps[] = {
		"CREATE TABLE mail(a); INSERT INTO mail VALUES(1)",
		"ALTER TABLE mail ADD COLUMN b DEFAULT 5",
		"UPDATE mail SET b = 6; INSERT INTO nowhere VALUES(1)",
	};
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open(":memory:", &db), ==, SQLITE_OK);
	g_assert_cmpint(index_schema_migrate(db, steps, 1), ==, SQLITE_OK);
	g_assert_cmpuint(count_rows(db, "PRAGMA user_version"), ==, 1);
	g_assert_cmpint(index_schema_migrate(db, steps, 2), ==, SQLITE_OK);
	g_assert_cmpint(index_schema_migrate(db, steps, 2), ==, SQLITE_OK);
	g_assert_cmpuint(count_rows(db, "PRAGMA user_version"), ==, 2);
	/* A step that fails leaves everything as it was. */
	g_assert_cmpint(index_schema_migrate(db, steps, 3), !=, SQLITE_OK);
	g_assert_cmpuint(count_rows(db, "PRAGMA user_version"), ==, 2);
	g_assert_cmpuint(count_rows(db, "SELECT b FROM mail"), ==, 5);
	sqlite3_close(db);
}

/* --- speed --- */

/* With -m perf, as many as in a large mailbox. */
static void
test_many(IndexFixture *fixture, gconstpointer data)
{
	guint n = g_test_perf() ? 100000 : 12000;
	GArray *messages;
	gint64 began_at_us;

	(void)data;
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, 1);
	index_fixture_save_messages(fixture, 1, 1, n);
	index_fixture_save_state(fixture, 1, n);
	began_at_us = g_get_monotonic_time();
	index_flush(fixture->index);
	g_test_message("%u messages saved in %.1f ms", n,
	               (double)(g_get_monotonic_time() - began_at_us) / 1000);
	index_fixture_close(fixture);
	began_at_us = g_get_monotonic_time();
	index_fixture_open(fixture);
	g_test_message("opened in %.1f ms", (double)(g_get_monotonic_time() - began_at_us) / 1000);
	began_at_us = g_get_monotonic_time();
	messages = index_fixture_load(fixture, 1);
	g_test_message("%u messages loaded in %.1f ms", n,
	               (double)(g_get_monotonic_time() - began_at_us) / 1000);
	g_assert_cmpuint(messages->len, ==, n);
	g_array_unref(messages);
}

static void
add(const char *name, void (*test)(IndexFixture *, gconstpointer))
{
	g_autofree char *path = g_strconcat("/index/", name, NULL);

	g_test_add(path, IndexFixture, NULL, index_fixture_set_up, test, index_fixture_tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("empty", test_empty);
	add("private", test_private);
	add("sizes-lie", test_sizes_lie);
	add("mailboxes", test_mailboxes);
	add("mailbox-again", test_mailbox_again);
	add("state", test_state);
	add("removed", test_removed);
	add("messages", test_messages);
	add("load-ahead", test_load_ahead);
	add("extremes", test_extremes);
	add("changes", test_changes);
	add("senseless-messages", test_senseless_messages);
	add("senseless-mailboxes", test_senseless_mailboxes);
	add("many-flag-sets", test_many_flag_sets);
	g_test_add_func("/index/migration", test_migration);
	add("many", test_many);
	return g_test_run();
}
