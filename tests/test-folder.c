/*
 * test-folder.c: the account's folder: its name, who may look into it, its lock, deleting it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"

#define ACCOUNT "user@mail.example.org:993"

typedef struct {
	char *base; /* a new folder */
	char *top;  /* base/imapfs */
	char *path; /* the account's folder */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
	g_autofree char *name = folder_account_name(ACCOUNT);

	(void)data;
	fixture->base = g_dir_make_tmp("imapfs-folder-XXXXXX", NULL);
	fixture->top = g_build_filename(fixture->base, "imapfs", NULL);
	fixture->path = g_build_filename(fixture->top, name, NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", fixture->base);

	(void)data;
	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
	g_free(fixture->base);
	g_free(fixture->top);
	g_free(fixture->path);
}

static void
check_mode(const char *path, mode_t mode)
{
	struct stat status;

	g_assert_cmpint(lstat(path, &status), ==, 0);
	g_assert_cmphex(status.st_mode & 07777, ==, mode);
}

static void
make_file(const Fixture *fixture, const char *name)
{
	g_autofree char *path = g_build_filename(fixture->path, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, "mail", -1, NULL));
}

static gboolean
is_there(const Fixture *fixture, const char *name)
{
	g_autofree char *path = g_build_filename(fixture->path, name, NULL);
	struct stat status;

	return !lstat(path, &status);
}

/* Opening must fail with @code and say @words. */
static void
check_refused(const Fixture *fixture, ImapfsError code, const char *words)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(folder_open(fixture->base, ACCOUNT, &error));
	g_assert_error(error, IMAPFS_ERROR, (int)code);
	if (!strstr(error->message, words))
		g_error("'%s' does not say '%s'", error->message, words);
}

static void
check_opens(const Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	Folder *folder = folder_open(fixture->base, ACCOUNT, &error);

	g_assert_no_error(error);
	folder_close(folder);
}

/* --- names --- */

static const struct {
	const char *account;
	const char *begins;
} names[] = {
	{"user@mail.example.org:993", "user@mail.example.org-993-"},
	{"../../etc:1", "_._.._etc-1-"},
	{"a/b@c:1", "a_b@c-1-"},
	{"", "-"},
	{".", "_-"},
	{"j\xc3\xb6rg@[::1]:143", "j__rg@_--1_-143-"},
	{"new\nline $(x)@h:1", "new_line___x_@h-1-"},
};

static void
test_names(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *name = folder_account_name(names[i].account);

		g_assert_true(g_str_has_prefix(name, names[i].begins));
		g_assert_cmpuint(strlen(name), <=, 100);
		g_assert_true(*name != '.');
		g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                              "0123456789@._-"),
		                 ==, strlen(name));
	}
}

static void
test_names_differ(void)
{
	g_autofree char *long_user = g_strnfill(300, 'u');
	g_autofree char *other_user = g_strconcat(long_user, "x", NULL);
	g_autofree char *a = folder_account_name("a/b@h:1"), *b = folder_account_name("a_b@h:1");
	g_autofree char *c = folder_account_name(long_user);
	g_autofree char *d = folder_account_name(other_user);

	g_assert_cmpstr(a, !=, b);
	g_assert_cmpstr(c, !=, d);
	g_assert_cmpuint(strlen(c), ==, 100);
}

/* --- opening --- */

static void
test_made_private(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *below = g_build_filename(fixture->base, "not", "there", NULL);
	g_autofree char *real = NULL, *lock = NULL;
	mode_t old_umask = umask(0);
	Folder *folder;

	(void)data;
	folder = folder_open(fixture->base, ACCOUNT, &error);
	g_assert_no_error(error);
	real = realpath(fixture->path, NULL);
	lock = g_build_filename(fixture->path, "lock", NULL);
	g_assert_cmpstr(folder_path(folder), ==, real);
	g_assert_cmpint(faccessat(folder_fd(folder), "lock", F_OK, 0), ==, 0);
	check_mode(fixture->top, 0700);
	check_mode(fixture->path, 0700);
	check_mode(lock, 0600);
	folder_close(folder);
	folder = folder_open(below, ACCOUNT, &error); /* makes the way there */
	g_assert_no_error(error);
	folder_close(folder);
	check_mode(below, 0700);
	umask(old_umask);
}

static void
test_open_to_others(Fixture *fixture, gconstpointer data)
{
	static const mode_t modes[] = {0755, 0710, 0701, 0770};

	(void)data;
	check_opens(fixture);
	for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
		g_assert_cmpint(g_chmod(fixture->path, modes[i]), ==, 0);
		check_refused(fixture, IMAPFS_ERROR_DENIED, "chmod 700");
	}
	g_assert_cmpint(g_chmod(fixture->path, 0700), ==, 0);
	g_assert_cmpint(g_chmod(fixture->top, 0755), ==, 0);
	check_refused(fixture, IMAPFS_ERROR_DENIED, "imapfs is open to other users (mode 0755)");
	g_assert_cmpint(g_chmod(fixture->top, 0700), ==, 0);
	check_opens(fixture);
}

static void
test_links(Fixture *fixture, gconstpointer data)
{
	g_autofree char *elsewhere = g_strconcat(fixture->base, "/elsewhere", NULL);
	g_autofree char *lock = g_strconcat(fixture->path, "/lock", NULL);

	(void)data;
	g_assert_cmpint(g_mkdir(elsewhere, 0700), ==, 0);
	g_assert_cmpint(symlink(elsewhere, fixture->top), ==, 0);
	check_refused(fixture, IMAPFS_ERROR_DENIED, "symbolic link");
	g_assert_cmpint(unlink(fixture->top), ==, 0);
	check_opens(fixture);
	g_assert_cmpint(unlink(lock), ==, 0);
	g_assert_cmpint(symlink("/dev/null", lock), ==, 0);
	check_refused(fixture, IMAPFS_ERROR_FAILED, "lock");
	g_assert_cmpint(unlink(lock), ==, 0);
	g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
	g_assert_cmpint(symlink(elsewhere, fixture->path), ==, 0);
	check_refused(fixture, IMAPFS_ERROR_DENIED, "symbolic link");
	g_assert_cmpint(unlink(fixture->path), ==, 0);
	g_assert_true(g_file_set_contents(fixture->path, "", 0, NULL));
	check_refused(fixture, IMAPFS_ERROR_DENIED, "in the way");
}

/* The folder above ours may be a link: many have their cache elsewhere. */
static void
test_base_is_a_link(Fixture *fixture, gconstpointer data)
{
	g_autofree char *link = g_strconcat(fixture->base, "/link", NULL);
	g_autofree char *real = NULL;
	g_autoptr(GError) error = NULL;
	Folder *folder;

	(void)data;
	g_assert_cmpint(symlink(".", link), ==, 0);
	folder = folder_open(link, ACCOUNT, &error);
	g_assert_no_error(error);
	real = realpath(fixture->path, NULL);
	g_assert_cmpstr(folder_path(folder), ==, real);
	folder_close(folder);
}

static void
test_other_owner(Fixture *fixture, gconstpointer data)
{
	(void)data;
	if (geteuid() != 0) {
		g_test_skip("only root can give folders away");
		return;
	}
	check_opens(fixture);
	g_assert_cmpint(chown(fixture->path, 65534, 65534), ==, 0);
	check_refused(fixture, IMAPFS_ERROR_DENIED, "belongs to another user");
	g_assert_cmpint(chown(fixture->path, 0, 0), ==, 0);
	g_assert_cmpint(chown(fixture->top, 65534, 65534), ==, 0);
	check_refused(fixture, IMAPFS_ERROR_DENIED, "belongs to another user");
}

/* As a user who is not root, who could write anyway. */
static void
test_read_only(Fixture *fixture, gconstpointer data)
{
	int status;
	pid_t child;

	(void)data;
	g_assert_cmpint(g_chmod(fixture->base, 0555), ==, 0);
	child = fork();
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534))
			_exit(2);
		check_refused(fixture, IMAPFS_ERROR_FAILED, "imapfs: Permission denied");
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(g_chmod(fixture->base, 0700), ==, 0);
	g_assert_cmpint(status, ==, 0);
}

static void
test_lock(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	Folder *folder = folder_open(fixture->base, ACCOUNT, &error), *other;

	(void)data;
	g_assert_no_error(error);
	check_refused(fixture, IMAPFS_ERROR_EXISTS, "in use by another mount");
	other = folder_open(fixture->base, "other@host:993", &error);
	g_assert_no_error(error);
	folder_close(other);
	folder_close(folder);
	check_opens(fixture);
}

/* A mount that is killed leaves no lock. */
static void
test_lock_of_the_killed(Fixture *fixture, gconstpointer data)
{
	int ready[2], status;
	char byte;
	pid_t child;

	(void)data;
	g_assert_cmpint(pipe(ready), ==, 0);
	child = fork();
	if (child == 0) {
		if (folder_open(fixture->base, ACCOUNT, NULL) && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	check_refused(fixture, IMAPFS_ERROR_EXISTS, "in use");
	g_assert_cmpint(kill(child, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	check_opens(fixture);
	close(ready[0]);
	close(ready[1]);
}

/* --- forgetting --- */

static void
check_not_forgotten(const Fixture *fixture, ImapfsError code, const char *words)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(folder_forget(fixture->base, ACCOUNT, &error));
	g_assert_error(error, IMAPFS_ERROR, (int)code);
	if (!strstr(error->message, words))
		g_error("'%s' does not say '%s'", error->message, words);
}

static void
make_all(const Fixture *fixture)
{
	static const char *const files[] = {
		"index.sqlite",         "index.sqlite-wal",
		"index.sqlite-shm",     "index.sqlite.newer",
		"index.sqlite.damaged", "blocks/00000001.data",
		"blocks/00000001.log",  "spool/1",
	};

	check_opens(fixture);
	for (guint i = 0; i < G_N_ELEMENTS(files); i++)
		make_file(fixture, files[i]);
}

static void
test_forget(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	(void)data;
	make_all(fixture);
	g_assert_true(folder_forget(fixture->base, ACCOUNT, &error));
	g_assert_no_error(error);
	g_assert_false(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
	g_assert_true(g_file_test(fixture->top, G_FILE_TEST_IS_DIR));
	check_not_forgotten(fixture, IMAPFS_ERROR_NOT_FOUND, "nothing is kept of " ACCOUNT);
	check_opens(fixture);
}

static void
test_forget_nothing(Fixture *fixture, gconstpointer data)
{
	(void)data;
	check_not_forgotten(fixture, IMAPFS_ERROR_NOT_FOUND, "nothing is kept");
	g_assert_false(g_file_test(fixture->top, G_FILE_TEST_EXISTS));
}

static void
test_forget_leaves_others(Fixture *fixture, gconstpointer data)
{
	(void)data;
	make_all(fixture);
	make_file(fixture, "notes.txt");
	make_file(fixture, "blocks/thesis.odt");
	make_file(fixture, "photos/index.jpg");
	check_not_forgotten(fixture, IMAPFS_ERROR_FAILED, "blocks/thesis.odt");
	g_assert_true(is_there(fixture, "notes.txt"));
	g_assert_true(is_there(fixture, "blocks/thesis.odt"));
	g_assert_true(is_there(fixture, "photos/index.jpg"));
	g_assert_false(is_there(fixture, "index.sqlite"));
	g_assert_false(is_there(fixture, "blocks/00000001.data"));
	g_assert_false(is_there(fixture, "spool"));
}

static void
test_forget_follows_no_links(Fixture *fixture, gconstpointer data)
{
	g_autofree char *elsewhere = g_strconcat(fixture->base, "/elsewhere", NULL);
	g_autofree char *mine = g_strconcat(elsewhere, "/mine.data", NULL);
	g_autofree char *blocks = g_strconcat(fixture->path, "/blocks", NULL);
	g_autofree char *index = g_strconcat(fixture->path, "/index.sqlite", NULL);

	(void)data;
	check_opens(fixture);
	g_assert_cmpint(g_mkdir(elsewhere, 0700), ==, 0);
	g_assert_true(g_file_set_contents(mine, "", 0, NULL));
	g_assert_cmpint(symlink(elsewhere, blocks), ==, 0);
	g_assert_cmpint(symlink(mine, index), ==, 0);
	check_not_forgotten(fixture, IMAPFS_ERROR_FAILED, "blocks, index.sqlite");
	g_assert_true(g_file_test(mine, G_FILE_TEST_EXISTS));
}

static void
test_forget_while_mounted(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	Folder *folder;

	(void)data;
	make_all(fixture);
	folder = folder_open(fixture->base, ACCOUNT, &error);
	g_assert_no_error(error);
	check_not_forgotten(fixture, IMAPFS_ERROR_EXISTS, "in use");
	g_assert_true(is_there(fixture, "index.sqlite"));
	g_assert_true(is_there(fixture, "lock"));
	folder_close(folder);
	g_assert_true(folder_forget(fixture->base, ACCOUNT, &error));
}

static void
add(const char *name, void (*test)(Fixture *, gconstpointer))
{
	g_autofree char *path = g_strconcat("/folder/", name, NULL);

	g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/folder/names", test_names);
	g_test_add_func("/folder/names-differ", test_names_differ);
	add("made-private", test_made_private);
	add("open-to-others", test_open_to_others);
	add("links", test_links);
	add("base-is-a-link", test_base_is_a_link);
	add("other-owner", test_other_owner);
	add("read-only", test_read_only);
	add("lock", test_lock);
	add("lock-of-the-killed", test_lock_of_the_killed);
	add("forget", test_forget);
	add("forget-nothing", test_forget_nothing);
	add("forget-leaves-others", test_forget_leaves_others);
	add("forget-follows-no-links", test_forget_follows_no_links);
	add("forget-while-mounted", test_forget_while_mounted);
	return g_test_run();
}
