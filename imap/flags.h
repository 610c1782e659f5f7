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

/* @flags of a message as they are shown (imap_flags_to_text()) without those that nobody could have
 * set by their rules: they are no atoms, and cannot be sent. A new string. */
char *flags_to_send(const char *flags);

/* Whether a mailbox with these PERMANENTFLAGS ("(\Seen \*)"; NULL: not told, so all) keeps @flags.
 * IMAPFS_ERROR_NOT_PERMITTED names the first one that it does not. */
gboolean flags_are_kept(const char *flags, const char *permanent, GError **error);

/* Writes what PERMANENTFLAGS has told ("(\Seen \*)") to @text, in the form of
 * imap_flags_to_text(). FALSE, and "" in @text: no list, or one of more than 4 KiB. */
gboolean flags_from_permanent(const char *permanent, GString *text);
