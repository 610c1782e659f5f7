/*
 * password.h: where the password comes from.
 *
 * In this order: password_command, password_file, $IMAPFS_PASSWORD_FD, the terminal. Never the
 * command line, which every user of the machine can read.
 */
#pragma once

#include "options.h"

/* The password, or NULL and @error (IMAPFS_ERROR_USAGE, or _DENIED for an empty one, _TIMED_OUT for
 * a command that does not end within a minute). A command is run with /bin/sh -c in a process of
 * its own; a file must not be readable by others; of each the first line counts. Blocks; called
 * before the loop exists. From the call on the process neither dumps core nor can be traced by its
 * user, except with -d. Caller wipes and frees with password_free(). */
char *password_get(const Options *options, GError **error);

/* Wipes and frees. NULL is fine. */
void password_free(char *password);
