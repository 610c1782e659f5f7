/*
 * flags.h: lists of flags (RFC 3501 2.3.2), as words with single spaces between them.
 *
 * Pure functions. A list from above is checked here before it is put into a command: a flag is sent
 * as it is, neither quoted nor as a literal.
 */
#pragma once

#include "imapfs/error.h"

/* Whether @flags can be sent: atoms, one backslash in front of system flags. */
gboolean flags_check(const char *flags, GError **error);

/* Whether a mailbox with these PERMANENTFLAGS ("(\Seen \*)"; NULL: not told, so all) keeps @flags.
 * IMAPFS_ERROR_DENIED names the first one that it does not. */
gboolean flags_are_kept(const char *flags, const char *permanent, GError **error);
