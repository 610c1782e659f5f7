/*
 * daemon.h: going into the background, but only once the mount stands.
 *
 * The fork comes first, before any thread, socket or TLS state exists (none of them survives one).
 * The child does everything, still on the terminal, so that a password command may ask there; the
 * parent waits to hear how it went and exits with the child's verdict.
 */
#pragma once

#include <glib.h>

/* Opens /dev/null for each of the descriptors 0 to 2 that is closed. main() calls this before
 * anything else, or the first socket would become the standard output of every helper that is
 * started. */
void daemon_open_standard_descriptors(void);

/* Forks. In the parent it never returns: it waits for daemon_ready() or the child's end and exits
 * 0 or with the child's status (1 if a signal ended it). In the child it returns at once. On
 * failure returns FALSE with
 * @error IMAPFS_ERROR_FAILED. */
gboolean daemon_fork(GError **error);

/* In the child: the mount stands. New session, working directory /, standard descriptors to
 * /dev/null (kept open), and the parent exits with 0. Does nothing if daemon_fork() was not called.
 */
void daemon_ready(void);
