/*
 * fetch.h: imapfs --fetch, which makes messages available offline.
 *
 * A program of its own, beside the daemon: it reads the files of a mount, and the daemon keeps what
 * it was asked for. Whether a message is kept is told by its attribute user.imap.cached.
 */
#pragma once

#include <glib.h>

/* Reads every message at or below @paths (NULL-terminated) that is not yet kept, and says on
 * standard error how far it is. Ended at any moment, the next call goes on where this one stopped.
 * FALSE if something could not be had: each such thing has been said, @error says how many.
 * IMAPFS_ERROR_USAGE: a path is not in a mount of imapfs, or that mount keeps nothing. */
gboolean fetch_paths(char **paths, GError **error);
