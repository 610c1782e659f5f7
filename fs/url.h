/*
 * url.h: imaps://[user@]host[:port][/mailbox], the IMAP URL (RFC 5092) as far as it names an
 * account.
 *
 * Private to options.c.
 */
#pragma once

#include <glib.h>

#include "options.h"

/* Whether @text is meant to be a URL at all, rather than the name of an account. */
gboolean url_is_one(const char *text);

/* Fills source, user, host, port, mailbox and tls of @options from @text. On entry tls holds what
 * tls= asked for, or OPTION_TLS_UNSET; the two must not contradict each other, and tls=none is for
 * this machine alone. IMAPFS_ERROR_USAGE, in words that never repeat a password. */
gboolean url_parse(const char *text, Options *options, GError **error);
