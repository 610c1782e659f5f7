/*
 * test-block-store-damage.c: whatever happens to the files, no block is ever returned wrong.
 */
#include "store-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((guint64)1024 * 1024)

enum { N_BLOCKS = 4, LENGTH = 21 };

/* A small segment: messages 1 to 4, of which 3 has been moved to 9, and 5, which has been dropped.
 */
static void
make_segment(Fixture *fixture)
{
	store_fixture_init(fixture, 64 * MIB);
	for (guint i = 1; i <= N_BLOCKS + 1; i++)
		store_fixture_put(fixture, i, 0, i, LENGTH);
	store_fixture_settle(fixture);
	block_store_move(fixture->store, 3, 9);
	block_store_drop(fixture->store, 5, 0);
	store_fixture_close(fixture);
}

/* Returns how many blocks are there. What is lost may have been a move or a drop. */
static guint
check_segment(Fixture *fixture)
{
	static const guint messages[] = {1, 2, 3, 4, 5, 9};
	guint n_there = 0;

	for (guint i = 0; i < G_N_ELEMENTS(messages); i++) {
		guint64 seed = messages[i] == 9 ? 3 : messages[i];
		g_autoptr(GBytes) now = block_store_get_now(fixture->store, messages[i], 0);
		g_autoptr(GBytes) bytes = store_fixture_get(fixture, messages[i], 0);

		g_assert_true(!now || is_content(now, seed, LENGTH));
		g_assert_true(!bytes || is_content(bytes, seed, LENGTH));
		n_there += bytes != NULL;
	}
	return n_there;
}

/* The store goes on: what is put now is there, also when it is opened again. */
static void
check_goes_on(Fixture *fixture)
{
	store_fixture_put(fixture, 77, 0, 77, 500);
	store_fixture_settle(fixture);
	store_fixture_check(fixture, 77, 0, 77, 500);
	store_fixture_reopen(fixture);
	store_fixture_check(fixture, 77, 0, 77, 500);
	check_segment(fixture);
}

static char *
read_file(const Fixture *fixture, const char *name, gsize *length)
{
	g_autofree char *path = g_build_filename(fixture->path, name, NULL);
	char *bytes;

	g_assert_true(g_file_get_contents(path, &bytes, length, NULL));
	return bytes;
}

static void
write_file(const Fixture *fixture, const char *name, const char *bytes, gsize length)
{
	int fd = openat(fixture->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	g_assert_cmpint(write(fd, bytes, length), ==, (gssize)length);
	close(fd);
}

/* The two files as they were. */
typedef struct {
	char *data, *log;
	gsize data_length, log_length;
} Saved;

static void
save(const Fixture *fixture, Saved *saved)
{
	saved->data = read_file(fixture, "1.data", &saved->data_length);
	saved->log = read_file(fixture, "1.log", &saved->log_length);
}

static void
restore(const Fixture *fixture, const Saved *saved)
{
	static const char *const others[] = {"2.data", "2.log", "3.data", "3.log"};

	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		unlinkat(fixture->folder_fd, others[i], 0);
	write_file(fixture, "1.data", saved->data, saved->data_length);
	write_file(fixture, "1.log", saved->log, saved->log_length);
}

static void
saved_clear(Saved *saved)
{
	g_free(saved->data);
	g_free(saved->log);
}

/* @name is made to hold @bytes: then the store is opened and used. At most one line is said. */
static void
try_file(Fixture *fixture, const char *name, const char *bytes, gsize length)
{
	write_file(fixture, name, bytes, length);
	store_fixture_take_messages();
	store_fixture_open(fixture);
	check_segment(fixture);
	g_assert_cmpuint(store_fixture_take_messages(), <=, 1);
	check_goes_on(fixture);
	store_fixture_close(fixture);
}

static void
test_flip_each(gconstpointer data)
{
	const char *name = data;
	Fixture fixture;
	Saved saved;
	gsize length;

	make_segment(&fixture);
	save(&fixture, &saved);
	length = g_str_has_suffix(name, "log") ? saved.log_length : saved.data_length;
	for (gsize i = 0; i < length; i++) {
		char *bytes = g_str_has_suffix(name, "log") ? saved.log : saved.data;
		g_autofree char *flipped = g_memdup2(bytes, length);

		flipped[i] ^= (char)(1 << i % 8);
		restore(&fixture, &saved);
		try_file(&fixture, name, flipped, length);
	}
	saved_clear(&saved);
	store_fixture_open(&fixture);
	store_fixture_clear(&fixture);
}

static void
test_truncate_each(gconstpointer data)
{
	const char *name = data;
	Fixture fixture;
	Saved saved;
	gsize length;

	make_segment(&fixture);
	save(&fixture, &saved);
	length = g_str_has_suffix(name, "log") ? saved.log_length : saved.data_length;
	for (gsize i = 0; i < length; i++) {
		restore(&fixture, &saved);
		try_file(&fixture, name, g_str_has_suffix(name, "log") ? saved.log : saved.data, i);
	}
	saved_clear(&saved);
	store_fixture_open(&fixture);
	store_fixture_clear(&fixture);
}

/* --- what happens to the files of a store --- */

static void
delete_data(const Fixture *fixture)
{
	g_assert_cmpint(unlinkat(fixture->folder_fd, "1.data", 0), ==, 0);
}

static void
delete_log(const Fixture *fixture)
{
	g_assert_cmpint(unlinkat(fixture->folder_fd, "1.log", 0), ==, 0);
}

static void
delete_both(const Fixture *fixture)
{
	delete_data(fixture);
	delete_log(fixture);
}

static void
resize(const Fixture *fixture, const char *name, off_t length)
{
	int fd = openat(fixture->folder_fd, name, O_WRONLY | O_CLOEXEC);

	g_assert_cmpint(ftruncate(fd, length), ==, 0);
	close(fd);
}

static void
truncate_data(const Fixture *fixture)
{
	resize(fixture, "1.data", 30);
}

static void
zeros_behind_log(const Fixture *fixture)
{
	resize(fixture, "1.log", 4096);
}

static void
garbage_behind_data(const Fixture *fixture)
{
	resize(fixture, "1.data", 4096);
}

static void
folder_for_data(const Fixture *fixture)
{
	delete_data(fixture);
	g_assert_cmpint(mkdirat(fixture->folder_fd, "1.data", 0700), ==, 0);
}

static void
link_for_log(const Fixture *fixture)
{
	g_assert_cmpint(renameat(fixture->folder_fd, "1.log", fixture->folder_fd, "log"), ==, 0);
	g_assert_cmpint(symlinkat("log", fixture->folder_fd, "1.log"), ==, 0);
}

static void
fifo_for_log(const Fixture *fixture)
{
	delete_log(fixture);
	g_assert_cmpint(mkfifoat(fixture->folder_fd, "1.log", 0600), ==, 0);
}

static void
other_number(const Fixture *fixture)
{
	g_assert_cmpint(renameat(fixture->folder_fd, "1.log", fixture->folder_fd, "4.log"), ==, 0);
	g_assert_cmpint(renameat(fixture->folder_fd, "1.data", fixture->folder_fd, "4.data"), ==,
	                0);
}

static void
foreign_files(const Fixture *fixture)
{
	write_file(fixture, "x.log", "x", 1);
	write_file(fixture, "01.log", "x", 1);
	write_file(fixture, "0.log", "x", 1);
	write_file(fixture, "99999999999.log", "x", 1);
	write_file(fixture, "5.data", "x", 1);
	write_file(fixture, "6.log", "x", 1);
}

/* @n_closed and @n_open: how many blocks are there afterwards, when it happens to a store that is
 * closed, or open. Each but a foreign file is worth @n_messages lines. */
typedef struct {
	const char *label;
	void (*happens)(const Fixture *fixture);
	guint n_closed, n_messages_closed;
	guint n_open, n_messages_open;
} Damage;

static const Damage damages[] = {
	{"data deleted", delete_data, 0, 1, 4, 0},
	{"log deleted", delete_log, 0, 0, 4, 0},
	{"both deleted", delete_both, 0, 0, 4, 0},
	{"data truncated", truncate_data, 1, 1, 1, 1},
	{"zeros behind the log", zeros_behind_log, 4, 1, 4, 0},
	{"garbage behind the data", garbage_behind_data, 4, 1, 4, 0},
	{"a folder for the data", folder_for_data, 0, 1, 4, 0},
	{"a link for the log", link_for_log, 0, 0, 4, 0},
	{"a fifo for the log", fifo_for_log, 0, 0, 4, 0},
	{"files renamed", other_number, 0, 0, 4, 0},
	{"foreign files", foreign_files, 4, 0, 4, 0},
};

static void
test_closed(gconstpointer data)
{
	const Damage *damage = data;
	Fixture fixture;

	make_segment(&fixture);
	damage->happens(&fixture);
	store_fixture_take_messages();
	store_fixture_open(&fixture);
	g_assert_cmpuint(check_segment(&fixture), ==, damage->n_closed);
	g_assert_cmpuint(store_fixture_take_messages(), ==, damage->n_messages_closed);
	check_goes_on(&fixture);
	store_fixture_clear(&fixture);
}

static void
test_open(gconstpointer data)
{
	const Damage *damage = data;
	Fixture fixture;

	make_segment(&fixture);
	store_fixture_open(&fixture);
	damage->happens(&fixture);
	store_fixture_take_messages();
	g_assert_cmpuint(check_segment(&fixture), ==, damage->n_open);
	g_assert_cmpuint(store_fixture_take_messages(), ==, damage->n_messages_open);
	store_fixture_reopen(&fixture);
	check_segment(&fixture);
	check_goes_on(&fixture);
	store_fixture_clear(&fixture);
}

/* --- what cannot be written --- */

/* Puts a megabyte, which is not stored and said once, and reads what was there before. */
static void
check_silent(Fixture *fixture)
{
	store_fixture_take_messages();
	for (guint i = 100; i < 120; i++)
		store_fixture_put(fixture, i, 0, i, 100000);
	store_fixture_settle(fixture);
	g_assert_cmpuint(store_fixture_take_messages(), ==, 1);
	g_assert_cmpuint(block_store_statistics(fixture->store).n_refused, >, 0);
	store_fixture_put(fixture, 200, 0, 200, 10);
	store_fixture_settle(fixture);
	g_assert_false(block_store_has(fixture->store, 200, 0));
	g_assert_cmpuint(check_segment(fixture), ==, N_BLOCKS);
	for (guint i = 100; i < 120; i++) {
		g_autoptr(GBytes) bytes = store_fixture_get(fixture, i, 0);

		g_assert_true(!bytes || is_content(bytes, i, 100000));
	}
	block_store_drop(fixture->store, 1, 0);
	g_assert_false(block_store_has(fixture->store, 1, 0));
	g_assert_cmpuint(store_fixture_take_messages(), ==, 0);
}

/* A file may not grow: as a disk that fails, but for anybody. */
static void
test_write_fails(void)
{
	struct rlimit before, limit = {0};
	Fixture fixture;

	make_segment(&fixture);
	store_fixture_open(&fixture);
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
	limit = (struct rlimit){150000, before.rlim_max};
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	check_silent(&fixture);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
	store_fixture_reopen(&fixture);
	store_fixture_take_messages();
	check_goes_on(&fixture);
	store_fixture_clear(&fixture);
}

static gboolean
mount_small(const Fixture *fixture, unsigned long flags)
{
	return mount("tmpfs", fixture->path, "tmpfs", flags, "size=512k") == 0;
}

/* Moves the fixture onto a file system of its own. FALSE: it may not. */
static gboolean
use_small_disk(Fixture *fixture)
{
	if (!mount_small(fixture, 0))
		return FALSE;
	close(fixture->folder_fd);
	fixture->folder_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_fixture_open(fixture);
	for (guint i = 1; i <= N_BLOCKS; i++)
		store_fixture_put(fixture, i == 3 ? 9 : i, 0, i, LENGTH);
	store_fixture_close(fixture);
	return TRUE;
}

static void
leave_small_disk(Fixture *fixture)
{
	g_autofree char *path = g_strdup(fixture->path);

	store_fixture_close(fixture);
	close(fixture->folder_fd);
	g_assert_cmpint(umount2(path, MNT_DETACH), ==, 0);
	fixture->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_fixture_open(fixture);
	store_fixture_clear(fixture);
}

static void
test_small_disk(gconstpointer data)
{
	gboolean read_only = GPOINTER_TO_INT(data);
	Fixture fixture;

	store_fixture_init(&fixture, 64 * MIB);
	store_fixture_close(&fixture);
	if (!use_small_disk(&fixture)) {
		g_test_skip("mounting takes root");
		store_fixture_open(&fixture);
		store_fixture_clear(&fixture);
		return;
	}
	if (read_only)
		g_assert_true(mount_small(&fixture, MS_REMOUNT | MS_RDONLY));
	store_fixture_open(&fixture);
	check_silent(&fixture);
	store_fixture_reopen(&fixture);
	g_assert_cmpuint(check_segment(&fixture), ==, N_BLOCKS);
	leave_small_disk(&fixture);
}

/* The only error there is. */
static void
test_no_folder(void)
{
	g_autoptr(GError) error = NULL;
	Disk *disk = disk_new();

	g_assert_null(block_store_open(disk, -1, 1, 64 * MIB, &error));
	g_assert_nonnull(error);
	disk_free(disk);
}

static void
add_tests(const char *path, const char *label, gconstpointer data, GTestDataFunc test)
{
	g_autofree char *name = g_strdup_printf("/block-store-damage/%s/%s", path, label);

	g_test_add_data_func(name, data, test);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	store_fixture_catch_messages();
	add_tests("flip-each-byte", "data", "1.data", test_flip_each);
	add_tests("flip-each-byte", "log", "1.log", test_flip_each);
	add_tests("truncate-at-each", "data", "1.data", test_truncate_each);
	add_tests("truncate-at-each", "log", "1.log", test_truncate_each);
	for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
		add_tests("while-closed", damages[i].label, &damages[i], test_closed);
		add_tests("while-open", damages[i].label, &damages[i], test_open);
	}
	add_tests("cannot-write", "disk full", GINT_TO_POINTER(FALSE), test_small_disk);
	add_tests("cannot-write", "read-only", GINT_TO_POINTER(TRUE), test_small_disk);
	g_test_add_func("/block-store-damage/cannot-write/error", test_write_fails);
	g_test_add_func("/block-store-damage/no-folder", test_no_folder);
	return g_test_run();
}
