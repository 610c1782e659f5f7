/*
 * test-index-faults.c: what can happen to a file: it is killed while it is written, damaged, of
 * another version, in the way, or on a disk that is full.
 *
 * Whatever happens, the index opens (or says why not) and gives nothing that was not saved; the log
 * has one line about it.
 */
#include "index-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_KILLS        30
#define MAX_WITHIN_US  2000000
#define N_DAMAGES      60
#define KILLED_MAILBOX 1

/* --- killed --- */

/* Saves messages and then that all of them are there, for ever. */
static void
write_until_killed(IndexFixture *fixture, guint32 n)
{
	for (;;) {
		guint32 more = g_random_int_range(1, 4000);

		index_fixture_save_messages(fixture, KILLED_MAILBOX, n + 1, n + more);
		n += more;
		index_fixture_save_state(fixture, KILLED_MAILBOX, n);
		if (g_random_boolean())
			index_flush(fixture->index);
		while (g_main_context_iteration(NULL, FALSE))
			;
		if (n > 100000)
			pause();
	}
}

/* How many messages the index promises; all of them are there. */
static guint32
check_promise(IndexFixture *fixture)
{
	const IndexMailbox *mailbox = index_fixture_mailbox(fixture, KILLED_MAILBOX);
	g_autoptr(GArray) messages = index_fixture_load(fixture, KILLED_MAILBOX);
	guint32 promised = mailbox ? mailbox->state.exists : 0;

	g_assert_nonnull(messages);
	g_assert_cmpuint(messages->len, >=, promised);
	for (guint i = 0; i < messages->len; i++) {
		const IndexMessage *message = &g_array_index(messages, IndexMessage, i);

		g_assert_cmpuint(message->uid, ==, i + 1);
		index_fixture_check_message(fixture, message);
	}
	return promised;
}

/* After @within_us at the latest. No thread may be there when the child begins: the index is
 * closed. */
static void
write_and_be_killed(IndexFixture *fixture, guint32 n, guint within_us)
{
	pid_t child = fork();

	g_assert_cmpint(child, >=, 0);
	if (!child) {
		g_random_set_seed((guint32)getpid());
		index_fixture_open(fixture);
		index_fixture_save_mailbox(fixture, KILLED_MAILBOX);
		write_until_killed(fixture, n);
	}
	g_usleep((gulong)g_random_int_range(1000, (gint)within_us));
	g_assert_cmpint(kill(child, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
}

static void
test_killed(IndexFixture *fixture, gconstpointer data)
{
	guint32 promised = 0, n_grown = 0;
	guint within_us = 120000;

	(void)data;
	for (guint i = 0; i < N_KILLS; i++) {
		guint32 before = promised;

		write_and_be_killed(fixture, promised, within_us);
		index_fixture_open(fixture);
		g_assert_cmpint(fixture->n_messages, ==, 0);
		promised = check_promise(fixture);
		g_assert_cmpuint(promised, >=, before);
		n_grown += promised > before;
		if (!n_grown) /* a slow machine */
			within_us = MIN(within_us * 2, MAX_WITHIN_US);
		if (promised > 50000) {
			index_remove_mailbox(fixture->index, KILLED_MAILBOX);
			promised = 0;
		}
		index_fixture_close(fixture);
	}
	g_test_message("%u of %d got something written", n_grown, N_KILLS);
	g_assert_cmpuint(n_grown, >, 0);
}

/* --- damaged, and of another version --- */

static void
fill(IndexFixture *fixture)
{
	index_fixture_open(fixture);
	for (guint32 id = 1; id <= 3; id++) {
		index_fixture_save_mailbox(fixture, id);
		index_fixture_save_messages(fixture, id, 1, 700);
		index_fixture_save_state(fixture, id, 700);
	}
	index_remove_mailbox(fixture->index, 3);
	index_fixture_close(fixture);
}

/* What is given makes sense, whatever was in the file. */
static void
check_sense(IndexFixture *fixture, guint32 id)
{
	g_autoptr(GArray) messages = index_fixture_load(fixture, id);
	guint32 last_uid = 0;

	for (guint i = 0; messages && i < messages->len; i++) {
		const IndexMessage *message = &g_array_index(messages, IndexMessage, i);

		g_assert_cmpuint(message->uid, >, last_uid);
		g_assert_true(g_utf8_validate(message->name, -1, NULL));
		g_assert_true(*message->name && !strchr(message->name, '/'));
		g_assert_true(g_utf8_validate(message->flags, -1, NULL));
		last_uid = message->uid;
	}
}

static void
use(IndexFixture *fixture)
{
	const GArray *mailboxes = index_mailboxes(fixture->index);

	for (guint i = 0; i < mailboxes->len; i++)
		check_sense(fixture, g_array_index(mailboxes, IndexMailbox, i).id);
	index_fixture_save_mailbox(fixture, 9);
	index_fixture_save_messages(fixture, 9, 1, 300);
	index_fixture_save_messages(fixture, 1, 500, 900);
	index_remove_mailbox(fixture->index, 2);
	check_sense(fixture, 9);
	check_sense(fixture, 1);
}

/* The file again and again, each time with some other bytes, or too short. */
static void
test_damaged_anyhow(IndexFixture *fixture, gconstpointer data)
{
	g_autofree char *path = NULL, *bytes = NULL;
	guint n_noticed = 0;
	gsize length;

	(void)data;
	fill(fixture);
	path = index_fixture_path(fixture, "index.sqlite");
	g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
	for (guint i = 0; i < N_DAMAGES; i++) {
		g_autofree char *damaged = g_memdup2(bytes, length);
		guint n_flips = i % 4 ? 1U << g_test_rand_int_range(0, 10) : 0;
		gsize kept = n_flips ? length : (gsize)g_test_rand_int_range(1, (gint32)length);

		for (guint j = 0; j < n_flips; j++)
			damaged[g_test_rand_int_range(0, (gint32)length)] ^=
				(char)(1 << g_test_rand_int_range(0, 8));
		g_assert_true(g_file_set_contents(path, damaged, (gssize)kept, NULL));
		index_fixture_open(fixture);
		use(fixture);
		index_fixture_close(fixture);
		g_assert_cmpint(fixture->n_messages, <=, 2); /* at the opening, and later */
		n_noticed += fixture->n_messages > 0;
	}
	g_test_message("%u of %d noticed", n_noticed, N_DAMAGES);
	g_assert_cmpuint(n_noticed, >, N_DAMAGES / 4);
}

/* Each must be set aside under a name, and a new file begun. */
static const struct {
	const char *label;
	const char *sql;  /* what is done to a good file; NULL: it is other bytes altogether */
	const char *word; /* the ending of the old file */
} useless[] = {
	{"newer", "PRAGMA user_version = 1000", "newer"},
	{"not-sqlite", NULL, "damaged"},
	{"negative-version", "PRAGMA user_version = -1", "damaged"},
	{"no-table", "DROP TABLE messages", "damaged"},
	{"other-columns", "DROP TABLE messages; CREATE TABLE messages(a)", "damaged"},
	{"other-program", "PRAGMA user_version = 0", "damaged"},
};

static void
test_useless(IndexFixture *fixture, gconstpointer data)
{
	g_autofree char *aside = NULL;
	guint row = GPOINTER_TO_UINT(data);
	guint64 store_id;

	fill(fixture);
	index_fixture_open(fixture);
	store_id = index_store_id(fixture->index);
	index_fixture_close(fixture);
	if (useless[row].sql) {
		index_fixture_sql(fixture, useless[row].sql);
	} else {
		g_autofree char *path = index_fixture_path(fixture, "index.sqlite");

		g_assert_true(g_file_set_contents(path, "From: nobody\n", -1, NULL));
	}
	index_fixture_open(fixture);
	g_assert_cmpint(fixture->n_messages, ==, 1);
	g_assert_cmpuint(index_store_id(fixture->index), !=, store_id);
	g_assert_cmpuint(index_mailboxes(fixture->index)->len, ==, 0);
	aside = g_strconcat("index.sqlite.", useless[row].word, NULL);
	g_assert_true(index_fixture_has_file(fixture, aside));
	index_fixture_save_mailbox(fixture, 1);
	index_fixture_reopen(fixture);
	g_assert_cmpint(fixture->n_messages, ==, 0);
	g_assert_nonnull(index_fixture_mailbox(fixture, 1));
}

/* Nothing is written after what could not be written, and the next mount begins anew. */
static void
test_damaged_while_open(IndexFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture);
	index_fixture_open(fixture);
	index_fixture_sql(fixture, "ALTER TABLE messages RENAME TO elsewhere");
	index_fixture_save_messages(fixture, 1, 701, 800);
	index_fixture_save_state(fixture, 1, 800);
	index_flush(fixture->index);
	index_fixture_save_mailbox(fixture, 8);
	index_fixture_save_messages(fixture, 1, 801, 900);
	g_assert_null(index_fixture_load(fixture, 1));
	g_assert_null(index_fixture_load(fixture, 2));
	index_fixture_close(fixture);
	g_assert_cmpint(fixture->n_messages, ==, 1);
	g_assert_true(index_fixture_has_file(fixture, "index.sqlite.damaged"));
	index_fixture_open(fixture);
	g_assert_cmpuint(index_mailboxes(fixture->index)->len, ==, 0);
}

/* --- in the way, read-only, full --- */

static void
check_not_opened(IndexFixture *fixture, const char *words)
{
	g_autoptr(GError) error = NULL;
	Disk *disk = disk_new();

	g_assert_null(index_open(fixture->folder, disk, &error));
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED);
	if (!strstr(error->message, words))
		g_error("'%s' does not say '%s'", error->message, words);
	disk_free(disk);
}

static void
test_in_the_way(IndexFixture *fixture, gconstpointer data)
{
	g_autofree char *path = index_fixture_path(fixture, "index.sqlite");

	(void)data;
	g_assert_cmpint(symlink("/dev/null", path), ==, 0);
	check_not_opened(fixture, "index.sqlite: ");
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	check_not_opened(fixture, "index.sqlite: ");
	g_assert_cmpint(g_rmdir(path), ==, 0);
	index_fixture_open(fixture);
}

/* As a user who is not root, who could write anyway. */
static void
test_read_only(IndexFixture *fixture, gconstpointer data)
{
	int status;
	pid_t child;

	(void)data;
	g_assert_cmpint(fchmod(folder_fd(fixture->folder), 0500), ==, 0);
	if (geteuid() == 0)
		g_assert_cmpint(fchown(folder_fd(fixture->folder), 65534, 65534), ==, 0);
	child = fork();
	if (!child) {
		if (geteuid() == 0 && setuid(65534))
			_exit(2);
		check_not_opened(fixture, "index.sqlite: Permission denied");
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(fchmod(folder_fd(fixture->folder), 0700), ==, 0);
}

/* Mounts a file system of 1 MiB in a new place, seen by this process only. NULL: not allowed. */
static char *
mount_small_disk(void)
{
	g_autofree char *place = g_dir_make_tmp("imapfs-small-XXXXXX", NULL);

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", place, "tmpfs", 0, "size=1m,mode=0700")) {
		g_rmdir(place);
		return NULL;
	}
	return g_steal_pointer(&place);
}

/* Leaves @left bytes of the disk that folder @place is on. */
static void
fill_disk(const char *place, gsize left)
{
	g_autofree char *path = g_build_filename(place, "ballast", NULL);
	g_autofree char *bytes = g_malloc0(4096);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	off_t length = 0;

	while (write(fd, bytes, 4096) == 4096)
		length += 4096;
	g_assert_cmpint(ftruncate(fd, length - (off_t)left), ==, 0);
	close(fd);
}

static void
fill_and_save(IndexFixture *fixture)
{
	index_fixture_open(fixture);
	index_fixture_save_mailbox(fixture, KILLED_MAILBOX);
	index_fixture_save_messages(fixture, KILLED_MAILBOX, 1, 200);
	index_fixture_save_state(fixture, KILLED_MAILBOX, 200);
	index_flush(fixture->index);
	fill_disk(fixture->base, 300 * 1024);
	for (guint32 n = 200; n < 20000; n += 100) {
		index_fixture_save_messages(fixture, KILLED_MAILBOX, n + 1, n + 100);
		index_fixture_save_state(fixture, KILLED_MAILBOX, n + 100);
		if (n % 1000 == 0)
			index_flush(fixture->index);
	}
	index_flush(fixture->index);
	g_assert_cmpint(fixture->n_messages, ==, 1);
	check_promise(fixture); /* reading goes on */
	index_fixture_close(fixture);
	g_assert_cmpint(fixture->n_messages, ==, 1);
}

static void
test_disk_full(void)
{
	g_autofree char *place = mount_small_disk(), *ballast = NULL;
	IndexFixture fixture = {0};

	if (!place) {
		g_test_skip("a small disk cannot be mounted here");
		return;
	}
	fixture.base = g_build_filename(place, "cache", NULL);
	index_fixture_set_up(&fixture, NULL);
	fill_and_save(&fixture);
	ballast = g_build_filename(fixture.base, "ballast", NULL);
	g_assert_cmpint(unlink(ballast), ==, 0);
	index_fixture_open(&fixture);
	g_assert_cmpint(fixture.n_messages, ==, 0);
	g_assert_cmpuint(check_promise(&fixture), >=, 200);
	index_fixture_tear_down(&fixture, NULL);
	g_assert_cmpint(umount2(place, MNT_DETACH), ==, 0);
	g_rmdir(place);
}

static void
add(const char *name, gconstpointer data, void (*test)(IndexFixture *, gconstpointer))
{
	g_autofree char *path = g_strconcat("/index-faults/", name, NULL);

	g_test_add(path, IndexFixture, data, index_fixture_set_up, test, index_fixture_tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("killed", NULL, test_killed);
	add("damaged-anyhow", NULL, test_damaged_anyhow);
	for (guint i = 0; i < G_N_ELEMENTS(useless); i++)
		add(useless[i].label, GUINT_TO_POINTER(i), test_useless);
	add("damaged-while-open", NULL, test_damaged_while_open);
	add("in-the-way", NULL, test_in_the_way);
	add("read-only", NULL, test_read_only);
	g_test_add_func("/index-faults/disk-full", test_disk_full);
	return g_test_run();
}
