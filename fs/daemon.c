/*
 * daemon.c: going into the background, but only once the mount stands.
 *
 * Parent and child share a socket pair. The child sends one byte when the mount stands; if it ends
 * without, the parent reads the end of the stream and takes over the child's exit status. If the
 * parent is killed while it waits, the child is told by SIGTERM, because the user no longer wants
 * it.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "imapfs/error.h"

/* The child's end of the pair, -1 when nobody waits. */
static int ready_fd = -1;

void
daemon_open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* The status that a shell would see of @pid, or 1 after a signal. */
static int
wait_for_end(pid_t pid)
{
	int status;
	pid_t ended;

	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static G_NORETURN void
wait_for_verdict(int fd, pid_t pid)
{
	char byte;
	ssize_t got;

	do
		got = read(fd, &byte, sizeof(byte));
	while (got < 0 && errno == EINTR);
	/* _exit: what atexit() and stdio hold belongs to the child now */
	_exit(got == sizeof(byte) ? EXIT_SUCCESS : wait_for_end(pid));
}

static void
become_child(int fd, pid_t parent)
{
	ready_fd = fd;
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != parent) /* it had gone before that call */
		raise(SIGTERM);
}

static gboolean
fail(GError **error, const char *what)
{
	int code = errno;

	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "%s: %s", what, g_strerror(code));
	return FALSE;
}

gboolean
daemon_fork(GError **error)
{
	pid_t parent = getpid();
	int fds[2];
	pid_t pid;

	daemon_open_standard_descriptors();
	/* a pair of sockets, not a pipe: writing to one can be told not to raise SIGPIPE */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return fail(error, "socketpair");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		fail(error, "fork");
		close(fds[0]);
		close(fds[1]);
		return FALSE;
	}
	close(fds[pid == 0 ? 0 : 1]);
	if (pid > 0)
		wait_for_verdict(fds[0], pid);
	become_child(fds[1], parent);
	return TRUE;
}

void
daemon_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* the parent is about to end, and rightly */
	setsid();
	if (chdir("/") < 0)
		g_warning("chdir /: %s", g_strerror(errno));
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null >= 0)
		close(null);
	send(ready_fd, "", 1, MSG_NOSIGNAL);
	close(ready_fd);
	ready_fd = -1;
}
