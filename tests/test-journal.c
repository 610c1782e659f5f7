/*
 * test-journal.c: what was committed is there again, whatever became of the daemon; what could not
 * be written is not taken for written.
 */
#include "journal-fixture.h"
#include "journal-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_KILLS 12

static JournalEntry *
entry_full(guint32 uid)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_MOVE);

	entry->mailbox = g_strdup("A\xff'\"");
	entry->uidvalidity = G_MAXUINT32;
	entry->uid = uid;
	entry->to = g_strdup("");
	entry->to_uidvalidity = 7;
	entry->name = g_strdup("r\xc3\xa9sum\xc3\xa9.eml");
	entry->parent = g_strdup("P");
	entry->delimiter = '/';
	entry->replaces = 3;
	entry->flags = g_strdup("\\Seen word");
	entry->sign = '+';
	entry->internaldate = G_MININT64;
	entry->size = 1234567890123;
	entry->content_key = G_MAXUINT64;
	return entry;
}

static void
check_full(const JournalEntry *entry, guint32 uid)
{
	g_autoptr(JournalEntry) wanted = entry_full(uid);

	g_assert_nonnull(entry);
	g_assert_cmpint((int)entry->kind, ==, JOURNAL_MOVE);
	g_assert_cmpstr(entry->mailbox, ==, wanted->mailbox);
	g_assert_cmpuint(entry->uidvalidity, ==, wanted->uidvalidity);
	g_assert_cmpuint(entry->uid, ==, uid);
	g_assert_cmpstr(entry->to, ==, wanted->to);
	g_assert_cmpuint(entry->to_uidvalidity, ==, wanted->to_uidvalidity);
	g_assert_cmpstr(entry->name, ==, wanted->name);
	g_assert_cmpstr(entry->parent, ==, wanted->parent);
	g_assert_cmpint(entry->delimiter, ==, wanted->delimiter);
	g_assert_cmpuint(entry->replaces, ==, wanted->replaces);
	g_assert_cmpstr(entry->flags, ==, wanted->flags);
	g_assert_cmpint(entry->sign, ==, wanted->sign);
	g_assert_cmpint(entry->internaldate, ==, wanted->internaldate);
	g_assert_cmpuint(entry->size, ==, wanted->size);
	g_assert_cmpuint(entry->content_key, ==, wanted->content_key);
	g_assert_cmpint(entry->time, >, 1000000000);
}

static JournalEntry *
nth(const JournalFixture *fixture, guint n)
{
	return g_queue_peek_nth((GQueue *)journal_entries(fixture->journal), n);
}

static guint
count(const JournalFixture *fixture)
{
	return journal_entries(fixture->journal)->length;
}

static void
reopen(JournalFixture *fixture)
{
	journal_fixture_close(fixture);
	journal_fixture_open(fixture);
}

/* --- entries --- */

static void
test_entries(JournalFixture *fixture, gconstpointer data)
{
	JournalEntry *entry;

	(void)data;
	g_assert_cmpuint(count(fixture), ==, 0);
	for (guint32 uid = 1; uid <= 5; uid++)
		journal_fixture_add(fixture, entry_full(uid));
	entry = nth(fixture, 1);
	entry->state = JOURNAL_SENT;
	entry->uidnext = 99;
	entry->first_uidnext = 98;
	journal_update(fixture->journal, entry);
	entry = nth(fixture, 2);
	entry->state = JOURNAL_FAILED;
	entry->error = g_strdup("no");
	entry->new_uid = 5;
	journal_update(fixture->journal, entry);
	journal_remove(fixture->journal, nth(fixture, 3));
	reopen(fixture);
	g_assert_cmpuint(count(fixture), ==, 4);
	check_full(nth(fixture, 0), 1);
	g_assert_cmpint((int)nth(fixture, 0)->state, ==, JOURNAL_QUEUED);
	check_full(nth(fixture, 1), 2);
	g_assert_cmpint((int)nth(fixture, 1)->state, ==, JOURNAL_SENT);
	g_assert_cmpuint(nth(fixture, 1)->uidnext, ==, 99);
	g_assert_cmpuint(nth(fixture, 1)->first_uidnext, ==, 98);
	g_assert_cmpstr(nth(fixture, 2)->error, ==, "no");
	g_assert_cmpuint(nth(fixture, 2)->new_uid, ==, 5);
	check_full(nth(fixture, 3), 5);
	g_assert_cmpuint(journal_last_id(fixture->journal), ==, 5);
	g_assert_true(journal_entry(fixture->journal, 5) == nth(fixture, 3));
	g_assert_null(journal_entry(fixture->journal, 4));
	journal_fixture_add(fixture, entry_full(6));
	g_assert_cmpuint(nth(fixture, 4)->id, ==, 6);
	journal_remove(fixture->journal, nth(fixture, 4));
	reopen(fixture);
	journal_fixture_add(fixture, entry_full(7));
	g_assert_cmpuint(nth(fixture, 4)->id, ==, 7);
}

static void
test_memory(void)
{
	JournalFixture fixture = {0};
	JournalEntry *entry = entry_full(1);
	g_autoptr(GBytes) bytes = NULL;

	journal_fixture_set_up(&fixture, TRUE);
	entry->staged = journal_fixture_stage(&fixture, "hello", 5);
	entry = journal_fixture_add(&fixture, entry);
	bytes = journal_staged_bytes(fixture.journal, entry, NULL);
	g_assert_cmpuint(g_bytes_get_size(bytes), ==, 5);
	journal_remove(fixture.journal, entry);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), 5, "hello", 5);
	reopen(&fixture);
	g_assert_cmpuint(count(&fixture), ==, 0);
	journal_fixture_tear_down(&fixture);
}

typedef struct {
	JournalFixture *fixture;
	guint n_called, n_listened, n_failed;
	guint64 last_id;
} Calls;

static void
on_added(JournalEntry *entry, const GError *error, gpointer data)
{
	Calls *calls = data;

	calls->n_called++;
	g_assert_true((entry == NULL) == (error != NULL));
	if (!entry) {
		calls->n_failed++;
		return;
	}
	g_assert_cmpuint(entry->id, >, calls->last_id);
	g_assert_true(journal_entry(calls->fixture->journal, entry->id) == entry);
	calls->last_id = entry->id;
}

static void
on_listen(gpointer data)
{
	((Calls *)data)->n_listened++;
}

/* Many share a transaction, and each is told after it. */
static void
test_group(JournalFixture *fixture, gconstpointer data)
{
	Calls calls = {.fixture = fixture};

	(void)data;
	journal_listen(fixture->journal, on_listen, &calls);
	for (guint32 uid = 1; uid <= 2000; uid++)
		journal_add(fixture->journal, entry_full(uid), on_added, &calls);
	g_assert_cmpuint(calls.n_called, ==, 0);
	g_assert_cmpuint(count(fixture), ==, 0);
	journal_flush(fixture->journal);
	g_assert_cmpuint(calls.n_called, ==, 2000);
	g_assert_cmpuint(calls.n_listened, ==, 2);
	g_assert_cmpuint(calls.n_failed, ==, 0);
	reopen(fixture);
	g_assert_cmpuint(count(fixture), ==, 2000);
}

static void
on_settled(const GError *error, gpointer data)
{
	g_assert_no_error(error);
	(*(guint *)data)++;
}

static void
test_settle(JournalFixture *fixture, gconstpointer data)
{
	JournalEntry *entry = entry_full(1);
	guint n_settled = 0;

	(void)data;
	entry->staged = journal_fixture_stage(fixture, "x", 1);
	journal_add(fixture->journal, entry, NULL, NULL);
	journal_settle(fixture->journal, TRUE, on_settled, &n_settled);
	journal_settle(fixture->journal, FALSE, on_settled, &n_settled);
	g_assert_cmpuint(n_settled, ==, 0);
	journal_flush(fixture->journal);
	g_assert_cmpuint(n_settled, ==, 2);
	g_assert_cmpuint(g_hash_table_size(fixture->journal->unsynced), ==, 0);
}

/* Either all or nothing is in a copy of the file, whenever it is made. */
static void
test_hold(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint32 uid = 1; uid <= 3; uid++)
		journal_fixture_add(fixture, entry_full(uid));
	journal_hold(fixture->journal);
	journal_remove(fixture->journal, nth(fixture, 0));
	journal_remove(fixture->journal, nth(fixture, 0));
	disk_flush(fixture->disk);
	journal_fixture_fork_files(fixture);
	journal_release(fixture->journal);
	reopen(fixture);
	g_assert_cmpuint(count(fixture), ==, 3);
	journal_hold(fixture->journal);
	journal_remove(fixture->journal, nth(fixture, 0));
	journal_remove(fixture->journal, nth(fixture, 0));
	journal_release(fixture->journal);
	journal_fixture_fork_files(fixture);
	reopen(fixture);
	g_assert_cmpuint(count(fixture), ==, 1);
}

/* --- the spool --- */

static void
test_staged(JournalFixture *fixture, gconstpointer data)
{
	JournalEntry *entry = entry_full(1);
	g_autofree char *path = NULL, *orphan = NULL, *name = NULL;
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(GError) error = NULL;
	struct stat status;

	(void)data;
	entry->staged = journal_fixture_stage(fixture, "hello\0", 6);
	name = g_build_filename("spool", entry->staged, NULL);
	path = journal_fixture_path(fixture, name);
	g_assert_cmpint(lstat(path, &status), ==, 0);
	g_assert_cmphex(status.st_mode & 07777, ==, 0600);
	journal_fixture_add(fixture, entry);
	orphan = journal_fixture_stage(fixture, "lost", 4);
	reopen(fixture);
	g_assert_cmpuint(journal_orphans(fixture->journal)->len, ==, 1);
	g_assert_cmpstr(journal_orphans(fixture->journal)->pdata[0], ==, orphan);
	bytes = journal_staged_bytes(fixture->journal, nth(fixture, 0), &error);
	g_assert_no_error(error);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "hello\0", 6);
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_null(journal_staged_bytes(fixture->journal, nth(fixture, 0), &error));
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND);
	journal_unstage(fixture->journal, orphan);
	reopen(fixture);
	g_assert_cmpuint(journal_orphans(fixture->journal)->len, ==, 0);
}

/* The file goes with the entry, and not before that is gone from the file. */
static void
test_staged_removed(JournalFixture *fixture, gconstpointer data)
{
	JournalEntry *entry = entry_full(1);
	g_autofree char *name = NULL;

	(void)data;
	entry->staged = journal_fixture_stage(fixture, "hello", 5);
	name = g_build_filename("spool", entry->staged, NULL);
	entry = journal_fixture_add(fixture, entry);
	journal_hold(fixture->journal);
	journal_remove(fixture->journal, entry);
	disk_flush(fixture->disk);
	g_assert_true(journal_fixture_has_file(fixture, name));
	journal_release(fixture->journal);
	journal_flush(fixture->journal);
	g_assert_false(journal_fixture_has_file(fixture, name));
}

/* --- what can happen to the file --- */

static void
sql(JournalFixture *fixture, const char *text)
{
	g_autofree char *path = g_strconcat(fixture->base, "/imapfs/", NULL);
	g_autofree char *account = folder_account_name("user@host:993");
	g_autofree char *file = g_build_filename(path, account, JOURNAL_FILE, NULL);
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, text, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(db);
}

static void
test_newer(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint n = 1; n <= 2; n++) {
		g_autofree char *aside = g_strdup_printf(JOURNAL_FILE ".newer-%u", n);

		journal_fixture_add(fixture, entry_full(1));
		journal_fixture_close(fixture);
		sql(fixture, "PRAGMA user_version = 99");
		g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*later version*kept as*");
		journal_fixture_open(fixture);
		g_test_assert_expected_messages();
		g_assert_cmpuint(count(fixture), ==, 0);
		g_assert_true(journal_fixture_has_file(fixture, aside));
	}
}

/* As version 2 left it. */
static void
test_older(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	journal_fixture_add(fixture, entry_full(1));
	journal_fixture_close(fixture);
	sql(fixture, "ALTER TABLE entries DROP COLUMN first_uidnext; PRAGMA user_version = 2");
	journal_fixture_open(fixture);
	g_assert_cmpuint(count(fixture), ==, 1);
	check_full(nth(fixture, 0), 1);
	g_assert_cmpuint(nth(fixture, 0)->first_uidnext, ==, 0);
}

static void
damage(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char junk[2000];

	memset(junk, 0x55, sizeof(junk));
	g_assert_cmpint(pwrite(fd, junk, sizeof(junk), 10), ==, (gssize)sizeof(junk));
	close(fd);
}

static void
test_damaged(JournalFixture *fixture, gconstpointer data)
{
	g_autofree char *path = journal_fixture_path(fixture, JOURNAL_FILE);
	g_autofree char *name = journal_fixture_stage(fixture, "x", 1);
	JournalEntry *entry = entry_full(1);

	(void)data;
	entry->staged = g_strdup(name);
	journal_fixture_add(fixture, entry);
	journal_fixture_close(fixture);
	damage(path);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*kept as*damaged-1*");
	journal_fixture_open(fixture);
	g_test_assert_expected_messages();
	g_assert_cmpuint(count(fixture), ==, 0);
	g_assert_cmpuint(journal_orphans(fixture->journal)->len, ==, 1);
	g_assert_true(journal_fixture_has_file(fixture, JOURNAL_FILE ".damaged-1"));
}

static void
test_senseless(JournalFixture *fixture, gconstpointer data)
{
	static const char *const changes[] = {
		"kind = 0",           "kind = 9",      "kind = 'x'",  "state = 4",
		"uid = -1",           "uid = 1 << 32", "size = -1",   "mailbox = x'610062'",
		"staged = '../lock'", "staged = '.x'", "staged = ''", "delimiter = 200",
	};

	(void)data;
	for (guint32 uid = 0; uid <= G_N_ELEMENTS(changes); uid++)
		journal_fixture_add(fixture, entry_full(uid + 1));
	journal_fixture_close(fixture);
	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		g_autofree char *text =
			g_strdup_printf("UPDATE entries SET %s WHERE id = %u", changes[i], i + 1);

		sql(fixture, text);
		g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*makes no sense*");
	}
	journal_fixture_open(fixture);
	g_test_assert_expected_messages();
	g_assert_cmpuint(count(fixture), ==, 1);
	journal_fixture_add(fixture, entry_full(77));
	g_assert_cmpuint(nth(fixture, 1)->id, ==, G_N_ELEMENTS(changes) + 2);
}

static void
limit_pages(JournalFixture *fixture, const char *text)
{
	disk_flush(fixture->disk);
	g_assert_cmpint(sqlite3_exec(fixture->journal->db, text, NULL, NULL, NULL), ==, SQLITE_OK);
}

/* Adds are refused; what was to be noted is noted later. */
static void
test_full(JournalFixture *fixture, gconstpointer data)
{
	Calls calls = {.fixture = fixture};
	JournalEntry *entry;

	(void)data;
	journal_fixture_add(fixture, entry_full(1));
	entry = journal_fixture_add(fixture, entry_full(2));
	limit_pages(fixture, "PRAGMA max_page_count = 1");
	entry->state = JOURNAL_FAILED;
	entry->error = g_strnfill(20000, 'x');
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*full*");
	journal_update(fixture->journal, entry);
	journal_flush(fixture->journal);
	journal_add(fixture->journal, entry_full(3), on_added, &calls);
	journal_add(fixture->journal, entry_full(4), on_added, &calls);
	journal_flush(fixture->journal);
	g_test_assert_expected_messages();
	g_assert_cmpuint(calls.n_failed, ==, 2);
	g_assert_cmpuint(count(fixture), ==, 2);
	limit_pages(fixture, "PRAGMA max_page_count = 10000");
	journal_fixture_add(fixture, entry_full(5));
	reopen(fixture);
	g_assert_cmpuint(count(fixture), ==, 3);
	g_assert_cmpuint(strlen(nth(fixture, 1)->error), ==, 20000);
	check_full(nth(fixture, 2), 5);
}

/* --- names --- */

static void
set_name(JournalFixture *fixture, const char *mailbox, guint32 uid, const char *name)
{
	journal_set_name(fixture->journal, mailbox, 7, uid, name, NULL, NULL);
}

static void
check_name(const JournalFixture *fixture, const char *mailbox, guint32 uid, const char *name)
{
	g_assert_cmpstr(journal_name(fixture->journal, mailbox, 7, uid), ==, name);
}

static void
test_names(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	check_name(fixture, "a", 1, NULL);
	set_name(fixture, "a", 1, "one.eml");
	set_name(fixture, "a", 2, "two.eml");
	set_name(fixture, "ab", 1, "other.eml");
	set_name(fixture, "a b", 1, "space.eml");
	set_name(fixture, "a", 1, "anew.eml");
	set_name(fixture, "a", 2, NULL);
	set_name(fixture, "a", 3, NULL);
	for (guint round = 0; round < 2; round++) {
		check_name(fixture, "a", 1, "anew.eml");
		check_name(fixture, "a", 2, NULL);
		check_name(fixture, "a", 3, NULL);
		check_name(fixture, "a", 11, NULL);
		check_name(fixture, "ab", 1, "other.eml");
		check_name(fixture, "a b", 1, "space.eml");
		check_name(fixture, "b", 1, NULL);
		g_assert_null(journal_name(fixture->journal, "a", 8, 1));
		reopen(fixture);
	}
}

static void
on_named(const GError *error, gpointer data)
{
	g_assert_no_error(error);
	*(gboolean *)data = TRUE;
}

static void
test_name_told(JournalFixture *fixture, gconstpointer data)
{
	gboolean told = FALSE;

	(void)data;
	journal_set_name(fixture->journal, "a", 7, 1, "one.eml", on_named, &told);
	g_assert_false(told);
	check_name(fixture, "a", 1, "one.eml");
	journal_flush(fixture->journal);
	g_assert_true(told);
}

/* Of the mailboxes a, a/b, a/b/c, ab, a.b and b, which each hold one message. */
static const struct {
	const char *label, *from, *to;
	char delimiter;
	const char *expected[6];
} moves[] = {
	{"leaf", "a/b/c", "x", '/', {"a", "a/b", "x", "ab", "a.b", "b"}},
	{"with-children", "a", "x", '/', {"x", "x/b", "x/b/c", "ab", "a.b", "b"}},
	{"middle", "a/b", "x/y", '/', {"a", "x/y", "x/y/c", "ab", "a.b", "b"}},
	{"other-delimiter", "a", "x", '.', {"x", "a/b", "a/b/c", "ab", "x.b", "b"}},
	{"no-levels", "a", "x", '\0', {"x", "a/b", "a/b/c", "ab", "a.b", "b"}},
	{"longer", "b", "bb", '/', {"a", "a/b", "a/b/c", "ab", "a.b", "bb"}},
	{"deeper", "b", "a/x", '/', {"a", "a/b", "a/b/c", "ab", "a.b", "a/x"}},
	{"below-its-old-name", "a", "a/z", '/', {"a/z", "a/z/b", "a/z/b/c", "ab", "a.b", "b"}},
	{"unknown", "q", "x", '/', {"a", "a/b", "a/b/c", "ab", "a.b", "b"}},
};

static void
check_move(JournalFixture *fixture, guint row)
{
	static const char *const mailboxes[] = {"a", "a/b", "a/b/c", "ab", "a.b", "b"};

	for (guint i = 0; i < G_N_ELEMENTS(mailboxes); i++)
		set_name(fixture, mailboxes[i], i + 1, mailboxes[i] + strlen(mailboxes[i]) - 1);
	journal_move_names(fixture->journal, moves[row].from, moves[row].to, moves[row].delimiter);
	for (guint round = 0; round < 2; round++) {
		for (guint i = 0; i < G_N_ELEMENTS(mailboxes); i++) {
			check_name(fixture, moves[row].expected[i], i + 1,
			           mailboxes[i] + strlen(mailboxes[i]) - 1);
			if (!g_str_equal(mailboxes[i], moves[row].expected[i]))
				check_name(fixture, mailboxes[i], i + 1, NULL);
		}
		reopen(fixture);
	}
	for (guint i = 0; i < G_N_ELEMENTS(mailboxes); i++)
		set_name(fixture, moves[row].expected[i], i + 1, NULL);
}

static void
test_names_moved(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint i = 0; i < G_N_ELEMENTS(moves); i++) {
		g_test_message("%s", moves[i].label);
		check_move(fixture, i);
	}
}

static void
test_next_id(JournalFixture *fixture, gconstpointer data)
{
	guint64 id;

	(void)data;
	journal_fixture_add(fixture, entry_full(1));
	id = journal_next_id(fixture->journal);
	g_assert_cmpuint(id, >, nth(fixture, 0)->id);
	g_assert_cmpuint(journal_fixture_add(fixture, entry_full(2))->id, >, id);
}

/* --- killed --- */

static void
on_added_tell(JournalEntry *entry, const GError *error, gpointer data)
{
	guint64 id = entry->id;

	g_assert_no_error(error);
	g_assert_cmpint(write(GPOINTER_TO_INT(data), &id, sizeof(id)), ==, sizeof(id));
}

static void
add_until_killed(JournalFixture *fixture, int fd)
{
	journal_fixture_open(fixture);
	for (guint32 uid = (guint32)journal_last_id(fixture->journal) + 1;; uid++) {
		journal_add(fixture->journal, entry_full(uid), on_added_tell, GINT_TO_POINTER(fd));
		while (g_main_context_iteration(NULL, FALSE))
			;
	}
}

/* The highest id that the child was told is committed. */
static guint64
add_and_be_killed(JournalFixture *fixture)
{
	guint64 id, last = 0;
	int ends[2];
	pid_t child;

	g_assert_cmpint(pipe(ends), ==, 0);
	child = fork();
	g_assert_cmpint(child, >=, 0);
	if (!child)
		add_until_killed(fixture, ends[1]);
	close(ends[1]);
	g_assert_cmpint(read(ends[0], &last, sizeof(last)), ==, sizeof(last));
	g_usleep((gulong)g_random_int_range(100, 30000));
	g_assert_cmpint(kill(child, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
	while (read(ends[0], &id, sizeof(id)) == sizeof(id))
		last = id;
	close(ends[0]);
	return last;
}

/* No thread may be there when the child begins: the journal is closed. */
static void
test_killed(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint n = 0; n < N_KILLS; n++) {
		guint64 told;

		journal_fixture_close(fixture);
		told = add_and_be_killed(fixture);
		journal_fixture_open(fixture);
		g_assert_cmpuint(journal_last_id(fixture->journal), >=, told);
		g_assert_cmpuint(count(fixture), ==, journal_last_id(fixture->journal));
		check_full(nth(fixture, count(fixture) - 1), count(fixture));
	}
}

static void
set_up(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	journal_fixture_set_up(fixture, FALSE);
}

static void
tear_down(JournalFixture *fixture, gconstpointer data)
{
	(void)data;
	journal_fixture_tear_down(fixture);
}

static void
add(const char *name, void (*test)(JournalFixture *, gconstpointer))
{
	g_autofree char *path = g_strconcat("/journal/", name, NULL);

	g_test_add(path, JournalFixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("killed", test_killed);
	add("entries", test_entries);
	g_test_add_func("/journal/memory", test_memory);
	add("group", test_group);
	add("settle", test_settle);
	add("hold", test_hold);
	add("names", test_names);
	add("name-told", test_name_told);
	add("names-moved", test_names_moved);
	add("next-id", test_next_id);
	add("staged", test_staged);
	add("staged-removed", test_staged_removed);
	add("older", test_older);
	add("newer", test_newer);
	add("damaged", test_damaged);
	add("senseless", test_senseless);
	add("full", test_full);
	return g_test_run();
}
