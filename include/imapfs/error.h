/*
 * error.h: the one error domain of imapfs.
 *
 * Every layer reports failures as a GError of this domain, each level adding its words once with
 * g_prefix_error(). The code says what the failure means, never where it happened: imap/ maps
 * what a server answers (RFC 5530) to a code in one table, fs/ maps a code to an errno in another.
 */
#pragma once

#include <glib.h>

typedef enum {
	IMAPFS_ERROR_FAILED,    /* the server said no and gave no reason that we know */
	IMAPFS_ERROR_NOT_FOUND, /* no such mailbox or message (any more) */
	IMAPFS_ERROR_STALE, /* the mailbox is another one now (UIDVALIDITY), or the message expunged
	                     */
	IMAPFS_ERROR_DENIED,    /* wrong password, or no right to do this */
	IMAPFS_ERROR_EXISTS,    /* the mailbox is there already */
	IMAPFS_ERROR_QUOTA,     /* over quota */
	IMAPFS_ERROR_LIMIT,     /* the server limits us (rate, size, connections): later may work */
	IMAPFS_ERROR_OFFLINE,   /* no connection, and none can be made now */
	IMAPFS_ERROR_TIMED_OUT, /* no progress for longer than the user allows */
	IMAPFS_ERROR_INTERRUPTED, /* the caller gave up */
	IMAPFS_ERROR_PROTOCOL,    /* the server sent what no server may send */
	IMAPFS_ERROR_TLS,         /* no trustworthy TLS connection */
	IMAPFS_ERROR_USAGE,       /* an option, a URL or a file of the user's is wrong */
	IMAPFS_ERROR_UNSUPPORTED, /* the server cannot do this */
	IMAPFS_ERROR_READ_ONLY,   /* mounted read-only, or a mailbox that is */
	IMAPFS_ERROR_TOO_BIG,     /* a larger message than the server takes */
	IMAPFS_ERROR_NOT_EMPTY,     /* a mailbox that is to go has something in it */
	IMAPFS_ERROR_NOT_PERMITTED, /* can be done to no mailbox of that kind */
	IMAPFS_ERROR_UNKNOWN, /* the connection broke; whether it was carried out is not known */
} ImapfsError;

#define IMAPFS_ERROR (imapfs_error_quark())

static inline GQuark
imapfs_error_quark(void)
{
	return g_quark_from_static_string("imapfs-error");
}
