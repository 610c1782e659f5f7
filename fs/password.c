/*
 * password.c: where the password comes from.
 *
 * Four sources, one rule: the first line is the password. What was read lives in a Secret, which is
 * wiped on every way out; the one copy that leaves is the caller's to wipe.
 */
#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_MAX       (64 * 1024)
#define COMMAND_LIMIT_US (60 * G_USEC_PER_SEC)
#define COMMAND_STEP_MS  10 /* how often to look whether the command has ended */

typedef struct {
	gsize length;
	char bytes[SECRET_MAX + 1]; /* one more, to see that it is too long */
} Secret;

static void
secret_free(Secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
	g_free(secret);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_free)

static gboolean
refuse(GError **error, const char *why)
{
	g_set_error_literal(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, why);
	return FALSE;
}

static gboolean
secret_has_line(const Secret *secret)
{
	return memchr(secret->bytes, '\n', secret->length) != NULL;
}

/* Reads once. FALSE at the end of @fd; a Secret that is full takes no more but lets @fd run dry. */
static gboolean
secret_read(Secret *secret, int fd)
{
	gsize room = sizeof(secret->bytes) - secret->length;
	char rest[512];
	ssize_t got;

	do
		got = room > 0 ? read(fd, secret->bytes + secret->length, room)
		               : read(fd, rest, sizeof(rest));
	while (got < 0 && errno == EINTR);
	if (got > 0 && room > 0)
		secret->length += (gsize)got;
	explicit_bzero(rest, sizeof(rest));
	return got > 0;
}

static void
secret_read_line(Secret *secret, int fd)
{
	while (!secret_has_line(secret) && secret->length <= SECRET_MAX && secret_read(secret, fd))
		;
}

/* The first line of @secret as the password. */
static char *
secret_take_line(const Secret *secret, GError **error)
{
	const char *newline = memchr(secret->bytes, '\n', secret->length);
	gsize length = newline != NULL ? (gsize)(newline - secret->bytes) : secret->length;

	if (length > 0 && newline != NULL && secret->bytes[length - 1] == '\r')
		length--;
	if (length == 0)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED, "the password is empty");
	else if (length > SECRET_MAX)
		refuse(error, "the password is longer than 64 KiB");
	else if (memchr(secret->bytes, '\0', length) != NULL)
		refuse(error, "the password contains a NUL byte, which IMAP cannot send");
	else
		return g_strndup(secret->bytes, length);
	return NULL;
}

/* Its standard input and error stay ours, so that the command may ask the user. */
static gboolean
spawn_command(const char *command, GPid *pid, int *output, GError **error)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	g_autoptr(GError) reason = NULL;

	if (g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
	                             G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, NULL,
	                             NULL, pid, NULL, output, NULL, &reason))
		return TRUE;
	return refuse(error, reason->message);
}

/* Ends only the shell: in a process group of its own the command could not ask at the terminal. */
static void
end_command(GPid pid, int *status)
{
	kill(pid, SIGTERM);
	g_usleep(COMMAND_STEP_MS * 1000);
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
}

/* Collects the output of @pid until it has ended. What it left running in the background may hold
 * the pipe open for ever, so the end of the output is not waited for. FALSE if time is up. */
static gboolean
collect_output(Secret *secret, GPid pid, int output, int *status)
{
	gint64 deadline_us = g_get_monotonic_time() + COMMAND_LIMIT_US;
	struct pollfd source = {.fd = output, .events = POLLIN};
	gboolean ended = FALSE;

	while (g_get_monotonic_time() < deadline_us) {
		gboolean silent = poll(&source, 1, COMMAND_STEP_MS) <= 0;

		if (ended && silent)
			return TRUE;
		if (!silent && !secret_read(secret, output))
			source.fd = -1; /* poll() then only waits */
		if (!ended)             /* also if SIGCHLD is ignored, and the status thus lost */
			ended = waitpid(pid, status, WNOHANG) != 0;
	}
	if (!ended)
		end_command(pid, status);
	return FALSE;
}

static gboolean
check_status(int status, GError **error)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	if (WIFEXITED(status))
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "exited with status %d",
		            WEXITSTATUS(status));
	else
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "was ended by signal %d (%s)",
		            WTERMSIG(status), g_strsignal(WTERMSIG(status)));
	return FALSE;
}

static char *
password_from_command(const char *command, GError **error)
{
	g_autoptr(Secret) secret = g_new0(Secret, 1);
	char *password = NULL;
	int status = 0;
	int output = -1;
	GPid pid;

	if (!spawn_command(command, &pid, &output, error)) {
		g_prefix_error(error, "password_command: ");
		return NULL;
	}
	if (!collect_output(secret, pid, output, &status))
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TIMED_OUT,
		            "did not end within a minute");
	else if (check_status(status, error))
		password = secret_take_line(secret, error);
	close(output);
	g_spawn_close_pid(pid);
	if (password == NULL)
		g_prefix_error(error, "password_command: ");
	return password;
}

/* A pipe is whoever's made it; a file must be the user's alone. */
static gboolean
check_password_file(int fd, GError **error)
{
	struct stat attributes;

	if (fstat(fd, &attributes) < 0)
		return refuse(error, g_strerror(errno));
	if (S_ISFIFO(attributes.st_mode) || S_ISSOCK(attributes.st_mode))
		return TRUE;
	if (!S_ISREG(attributes.st_mode))
		return refuse(error, "is neither a regular file nor a pipe");
	if ((attributes.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return refuse(error, "is open to other users; chmod 600 it");
	return TRUE;
}

static char *
password_from_file(const char *path, GError **error)
{
	g_autoptr(Secret) secret = g_new0(Secret, 1);
	/* symbolic links are followed: managers of secrets use them, and what counts is the file */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *password = NULL;

	if (fd < 0) {
		refuse(error, g_strerror(errno));
	} else {
		if (check_password_file(fd, error)) {
			secret_read_line(secret, fd);
			password = secret_take_line(secret, error);
		}
		close(fd);
	}
	if (password == NULL)
		g_prefix_error(error, "password_file %s: ", path);
	return password;
}

static void
close_descriptor(int fd)
{
	int null = fd <= STDERR_FILENO ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	/* a standard descriptor must not become free for a socket to take */
	if (null < 0) {
		close(fd);
		return;
	}
	dup2(null, fd);
	close(null);
}

static char *
password_from_descriptor(int fd, GError **error)
{
	g_autoptr(Secret) secret = g_new0(Secret, 1);
	char *password;

	secret_read_line(secret, fd);
	close_descriptor(fd);
	g_unsetenv("IMAPFS_PASSWORD_FD"); /* the number may soon mean another file */
	password = secret_take_line(secret, error);
	if (password == NULL)
		g_prefix_error(error, "IMAPFS_PASSWORD_FD: ");
	return password;
}

/* One line from @tty. FALSE if one of the signals that @signals reports came instead; it stays
 * pending. */
static gboolean
read_tty_line(Secret *secret, int tty, int signals)
{
	struct pollfd sources[] = {
		{.fd = tty, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};

	for (;;) {
		if (poll(sources, G_N_ELEMENTS(sources), -1) < 0 && errno != EINTR)
			return TRUE;
		if (sources[1].revents != 0)
			return FALSE;
		if (sources[0].revents != 0 &&
		    (!secret_read(secret, tty) || secret_has_line(secret)))
			return TRUE;
	}
}

/* Holds back what would end or stop the process. A signalfd() then shows that one has come. */
static int
hold_signals(sigset_t *before)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM};
	sigset_t held;

	sigemptyset(&held);
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		sigaddset(&held, numbers[i]);
	sigprocmask(SIG_BLOCK, &held, before);
	return signalfd(-1, &held, SFD_CLOEXEC);
}

/* Asks once, without echo. A signal is only looked at, never taken: when the terminal is as it was
 * and the signals are let through again, it does what it would have done anyway. */
static gboolean
ask_once(Secret *secret, int tty, const char *prompt)
{
	struct termios shown, hidden;
	sigset_t before;
	int signals = hold_signals(&before);
	gboolean answered;

	tcgetattr(tty, &shown);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	tcsetattr(tty, TCSAFLUSH, &hidden);
	dprintf(tty, "%s", prompt);
	answered = read_tty_line(secret, tty, signals);
	dprintf(tty, "\n");
	tcsetattr(tty, TCSAFLUSH, &shown);
	close(signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return answered;
}

static char *
password_from_terminal(const Options *options, GError **error)
{
	g_autoptr(Secret) secret = g_new0(Secret, 1);
	g_autofree char *prompt =
		g_strdup_printf("Password of %s at %s: ", options->user, options->host);
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (tty < 0) {
		refuse(error, "there is no terminal to ask for the password; use password_command, "
		              "password_file or IMAPFS_PASSWORD_FD");
		return NULL;
	}
	/* still here after a signal: stopped and continued, or the signal is ignored */
	while (!ask_once(secret, tty, prompt))
		secret->length = 0;
	close(tty);
	return secret_take_line(secret, error);
}

/* From here on the process holds a secret: no core dumps, and no debugger of the same user. With -d
 * the user is looking for a fault and may want both; the leak checker of a test build is a
 * debugger. */
static void
protect_memory(const Options *options)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)options;
#else
	if (!options->debug)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

char *
password_get(const Options *options, GError **error)
{
	protect_memory(options);
	if (options->password_command != NULL)
		return password_from_command(options->password_command, error);
	if (options->password_file != NULL)
		return password_from_file(options->password_file, error);
	if (options->password_fd >= 0)
		return password_from_descriptor(options->password_fd, error);
	return password_from_terminal(options, error);
}

void
password_free(char *password)
{
	if (password == NULL)
		return;
	explicit_bzero(password, strlen(password));
	g_free(password);
}
