/*
 * test-password.c: the four places where a password may come from.
 *
 * The terminal is a pseudo-terminal whose other side the test holds: it types, and looks whether
 * the terminal echoes.
 */
#include "fs/password.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "imapfs/error.h"

static char *test_directory;

/* Asks with @options: @expected is the password, or "!" and what the error must say. */
static void
check_password(const char *label, const Options *options, const char *expected, int code)
{
	g_autoptr(GError) error = NULL;
	char *password = password_get(options, &error);
	gboolean right = *expected != '!'
				 ? g_strcmp0(password, expected) == 0
				 : password == NULL && g_error_matches(error, IMAPFS_ERROR, code) &&
					   strstr(error->message, expected + 1) != NULL;

	if (!right)
		g_error("%s: '%s', %s", label, password, error ? error->message : "no error");
	password_free(password);
}

/* --- password_command --- */

typedef struct {
	const char *label;
	const char *command;
	const char *expected;
	int code;
} CommandRow;

static const CommandRow command_rows[] = {
	{"plain", "echo secret", "secret", 0},
	{"without a newline", "printf secret", "secret", 0},
	{"first line only", "printf 'secret\\nuser: al\\n'", "secret", 0},
	{"CR LF", "printf 'secret\\r\\nmore'", "secret", 0},
	{"CR inside", "printf 'se\\rcret\\r'", "se\rcret\r", 0},
	{"spaces stay", "echo ' a b '", " a b ", 0},
	{"any bytes", "printf '\\303\\274\\377'", "\xc3\xbc\xff", 0},
	{"in pieces", "printf sec; sleep 0.1; echo ret; echo more", "secret", 0},
	{"a shell's command", "a=x; test $a = x && echo \"$a,$a\" | tr , y", "xyx", 0},
	{"leaves something running", "echo secret; sleep 7 2>&- &", "secret", 0},
	{"closes its output", "echo secret; exec >&-; sleep 0.1", "secret", 0},
	{"much output", "echo secret; head -c 300000 /dev/zero", "secret", 0},
	{"NUL later", "printf 'secret\\nx\\0'", "secret", 0},
	{"empty", "true", "!empty", IMAPFS_ERROR_DENIED},
	{"empty line", "echo; echo secret", "!empty", IMAPFS_ERROR_DENIED},
	{"NUL", "printf 'sec\\0ret\\n'", "!NUL", IMAPFS_ERROR_USAGE},
	{"64 KiB", "head -c 65537 /dev/zero | tr '\\0' x", "!longer", IMAPFS_ERROR_USAGE},
	{"fails", "echo secret; exit 3", "!password_command: exited with status 3",
	 IMAPFS_ERROR_USAGE},
	{"not found", "exec /nonexistent/x 2>&-", "!status 127", IMAPFS_ERROR_USAGE},
	{"killed", "kill -9 $$", "!signal 9", IMAPFS_ERROR_USAGE},
};

static void
test_command(gconstpointer data)
{
	const CommandRow *row = data;
	Options options = {.password_command = (char *)row->command, .password_fd = -1};
	gint64 begun_us = g_get_monotonic_time();

	check_password(row->label, &options, row->expected, row->code);
	g_assert_cmpint(g_get_monotonic_time() - begun_us, <, 5 * G_USEC_PER_SEC);
}

/* The longest password that is allowed arrives whole. */
static void
test_command_longest(void)
{
	Options options = {.password_command = (char *)"head -c 65536 /dev/zero | tr '\\0' x; echo",
			   .password_fd = -1};
	g_autoptr(GError) error = NULL;
	char *password = password_get(&options, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(strspn(password, "x"), ==, 65536);
	g_assert_cmpuint(strlen(password), ==, 65536);
	password_free(password);
}

/* --- password_file --- */

typedef struct {
	const char *label;
	const char *content;
	guint mode;
	const char *expected;
	int code;
} FileRow;

static const FileRow file_rows[] = {
	{"plain", "secret\n", 0600, "secret", 0},
	{"without a newline", "secret", 0400, "secret", 0},
	{"first line only", "secret\r\nmore\n", 0600, "secret", 0},
	{"empty", "", 0600, "!password_file /", IMAPFS_ERROR_DENIED},
	{"empty line", "\nsecret\n", 0600, "!empty", IMAPFS_ERROR_DENIED},
	{"group may read", "secret\n", 0640, "!chmod 600", IMAPFS_ERROR_USAGE},
	{"others may read", "secret\n", 0604, "!chmod 600", IMAPFS_ERROR_USAGE},
	{"others may write", "secret\n", 0602, "!chmod 600", IMAPFS_ERROR_USAGE},
};

static void
test_file(gconstpointer data)
{
	const FileRow *row = data;
	g_autofree char *path = g_build_filename(test_directory, "password", NULL);
	Options options = {.password_file = path, .password_fd = -1};

	g_assert_true(g_file_set_contents(path, row->content, -1, NULL));
	g_assert_cmpint(g_chmod(path, (mode_t)row->mode), ==, 0);
	check_password(row->label, &options, row->expected, row->code);
	g_remove(path);
}

/* Names that are no regular file of their own. */
static void
test_file_kinds(void)
{
	const struct {
		const char *label;
		const char *target; /* of a symbolic link; NULL for a FIFO that somebody fills */
		const char *expected;
	} rows[] = {
		{"link to a file", "private", "secret"},
		{"link to an open file", "public", "!chmod 600"},
		{"link to nothing", "nothing", "!No such file"},
		{"device", "/dev/null", "!neither"},
		{"directory", "/", "!neither"},
		{"FIFO", NULL, "piped"},
	};
	g_autofree char *name = g_build_filename(test_directory, "name", NULL);
	g_autofree char *fill = g_strdup_printf("echo piped >'%s' &", name);

	g_assert_true(g_file_set_contents("private", "secret\n", -1, NULL));
	g_assert_true(g_file_set_contents("public", "secret\n", -1, NULL));
	g_assert_cmpint(g_chmod("private", 0600), ==, 0);
	g_assert_cmpint(g_chmod("public", 0644), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		Options options = {.password_file = name, .password_fd = -1};

		if (rows[i].target != NULL)
			g_assert_cmpint(symlink(rows[i].target, name), ==, 0);
		else
			g_assert_true(mkfifo(name, 0644) == 0 && system(fill) == 0);
		check_password(rows[i].label, &options, rows[i].expected, IMAPFS_ERROR_USAGE);
		g_remove(name);
	}
	g_remove("private");
	g_remove("public");
}

/* --- the descriptor --- */

static void
test_descriptor(void)
{
	const struct {
		const char *label;
		const char *bytes;
		gboolean stays_open; /* the writer keeps its end */
		const char *expected;
		int code;
	} rows[] = {
		{"line", "secret\n", FALSE, "secret", 0},
		{"no newline", "secret", FALSE, "secret", 0},
		{"open after the line", "secret\n", TRUE, "secret", 0},
		{"empty", "", FALSE, "!IMAPFS_PASSWORD_FD", IMAPFS_ERROR_DENIED},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		Options options = {0};
		int fds[2];

		g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
		g_assert_cmpint(write(fds[1], rows[i].bytes, strlen(rows[i].bytes)), >=, 0);
		if (!rows[i].stays_open)
			close(fds[1]);
		options.password_fd = fds[0];
		check_password(rows[i].label, &options, rows[i].expected, rows[i].code);
		g_assert_cmpint(fcntl(fds[0], F_GETFD), ==, -1); /* it was closed */
		if (rows[i].stays_open)
			close(fds[1]);
	}
}

/* Standard input must not become a free number, which the next socket would get. */
static void
test_standard_input(void)
{
	g_autofree char *link = NULL;
	Options options = {.password_fd = STDIN_FILENO};
	int saved = dup(STDIN_FILENO);
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	g_assert_cmpint(write(fds[1], "secret\n", 7), ==, 7);
	dup2(fds[0], STDIN_FILENO);
	check_password("stdin", &options, "secret", 0);
	link = g_file_read_link("/proc/self/fd/0", NULL);
	g_assert_cmpstr(link, ==, "/dev/null");
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

/* --- which of them --- */

static void
test_order(void)
{
	Options options = {.password_command = (char *)"echo command",
			   .password_file = (char *)"file",
			   .password_fd = 999};

	g_assert_true(g_file_set_contents("file", "file", -1, NULL));
	g_assert_cmpint(g_chmod("file", 0600), ==, 0);
	check_password("command first", &options, "command", 0);
	options.password_command = NULL;
	check_password("then the file", &options, "file", 0);
	g_remove("file");
	password_free(NULL);
}

/* --- the terminal --- */

typedef struct {
	const char *label;
	const char *typed;
	const char *outcome; /* what ask_in_child() reports, or NULL if a signal ends it */
	int signal;
} TerminalRow;

static const TerminalRow terminal_rows[] = {
	{"line", "secret\n", "=secret", 0},
	{"corrected", "secrex\177t\n", "=secret", 0},
	{"empty", "\n", "!the password is empty", 0},
	{"end of file", "\004", "!the password is empty", 0},
	{"interrupted", "sec\003", NULL, SIGINT},
	{"quit", "sec\034", NULL, SIGQUIT},
};

/* Becomes the only process of a new session on the terminal, asks, and writes the outcome. */
static void
ask_in_child(const char *terminal, int report)
{
	Options options = {
		.password_fd = -1,
		.user = (char *)"al",
		.host = (char *)"h",
		.debug = TRUE}; /* dumps nothing here, but leaves the leak checker alone */
	g_autoptr(GError) error = NULL;
	char *password;
	int fd;

	setsid();
	fd = open(terminal, O_RDWR);
	ioctl(fd, TIOCSCTTY, 0);
	signal(SIGQUIT, SIG_DFL);
	password = password_get(&options, &error);
	dprintf(report, "%c%s", password != NULL ? '=' : '!',
		password != NULL ? password : error->message);
	_exit(0);
}

static char *
read_until(int fd, const char *awaited)
{
	GString *text = g_string_new(NULL);
	struct pollfd source = {.fd = fd, .events = POLLIN};
	char byte;

	while ((awaited == NULL || strstr(text->str, awaited) == NULL) &&
	       poll(&source, 1, 5000) > 0 && read(fd, &byte, 1) == 1)
		g_string_append_c(text, byte);
	return g_string_free(text, FALSE);
}

static gboolean
echoes(int terminal)
{
	struct termios state;

	g_assert_cmpint(tcgetattr(terminal, &state), ==, 0);
	return (state.c_lflag & ECHO) != 0;
}

static void
test_terminal(gconstpointer data)
{
	const TerminalRow *row = data;
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int held, report[2], status;
	pid_t pid;

	g_assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
	held = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC); /* keeps its state */
	g_assert_cmpint(pipe2(report, O_CLOEXEC), ==, 0);
	pid = fork();
	if (pid == 0)
		ask_in_child(ptsname(terminal), report[1]);
	close(report[1]);

	g_autofree char *prompt = read_until(terminal, "Password of al at h: ");
	g_assert_true(g_str_has_suffix(prompt, "Password of al at h: "));
	g_assert_false(echoes(held));
	g_assert_cmpint(write(terminal, row->typed, strlen(row->typed)), >, 0);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(echoes(held));
	g_assert_cmpint(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ==, row->signal);
	g_autofree char *outcome = read_until(report[0], NULL);
	g_assert_cmpstr(outcome, ==, row->outcome != NULL ? row->outcome : "");
	g_autofree char *shown = read_until(terminal, "\n");
	g_assert_cmpstr(shown, ==, "\r\n"); /* and nothing of what was typed */
	close(report[0]);
	close(terminal);
	close(held);
}

static void
test_no_terminal(void)
{
	g_autofree char *outcome = NULL;
	int report[2];
	pid_t pid;

	g_assert_cmpint(pipe2(report, O_CLOEXEC), ==, 0);
	pid = fork();
	if (pid == 0)
		ask_in_child("/dev/null", report[1]);
	close(report[1]);
	outcome = read_until(report[0], NULL);
	g_assert_nonnull(strstr(outcome, "!there is no terminal"));
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	close(report[0]);
}

/* --- memory --- */

static void
test_no_dump(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	g_test_skip("left out under sanitizers");
#else
	Options options = {.password_command = (char *)"echo x", .password_fd = -1, .debug = TRUE};

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	password_free(password_get(&options, NULL));
	g_assert_cmpint(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), ==, 1);
	options.debug = FALSE;
	password_free(password_get(&options, NULL));
	g_assert_cmpint(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), ==, 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
}

#define ADD_ROWS(prefix, rows, function)                                                           \
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                           \
		g_autofree char *path = g_strdup_printf("/password/" prefix "/%s", rows[i].label); \
		g_test_add_data_func(path, &rows[i], function);                                    \
	}

int
main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	test_directory = g_dir_make_tmp("imapfs-password-XXXXXX", NULL);
	g_assert_true(test_directory != NULL && g_chdir(test_directory) == 0);
	ADD_ROWS("command", command_rows, test_command);
	ADD_ROWS("file", file_rows, test_file);
	ADD_ROWS("terminal", terminal_rows, test_terminal);
	g_test_add_func("/password/command/longest", test_command_longest);
	g_test_add_func("/password/file/kinds", test_file_kinds);
	g_test_add_func("/password/descriptor", test_descriptor);
	g_test_add_func("/password/standard input", test_standard_input);
	g_test_add_func("/password/order", test_order);
	g_test_add_func("/password/no terminal", test_no_terminal);
	g_test_add_func("/password/no dump", test_no_dump);
	status = g_test_run();
	g_rmdir(test_directory);
	g_free(test_directory);
	return status;
}
