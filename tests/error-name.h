/*
 * error-name.h: error codes as words, so that tables and messages of tests can be read.
 */
#pragma once

#include "imapfs/error.h"

/* "OK" for no error. */
static inline const char *
error_name(const GError *error)
{
	static const char *const names[] = {
		[IMAPFS_ERROR_FAILED] = "FAILED",
		[IMAPFS_ERROR_NOT_FOUND] = "NOT_FOUND",
		[IMAPFS_ERROR_STALE] = "STALE",
		[IMAPFS_ERROR_DENIED] = "DENIED",
		[IMAPFS_ERROR_EXISTS] = "EXISTS",
		[IMAPFS_ERROR_QUOTA] = "QUOTA",
		[IMAPFS_ERROR_LIMIT] = "LIMIT",
		[IMAPFS_ERROR_OFFLINE] = "OFFLINE",
		[IMAPFS_ERROR_TIMED_OUT] = "TIMED_OUT",
		[IMAPFS_ERROR_INTERRUPTED] = "INTERRUPTED",
		[IMAPFS_ERROR_PROTOCOL] = "PROTOCOL",
		[IMAPFS_ERROR_TLS] = "TLS",
		[IMAPFS_ERROR_USAGE] = "USAGE",
		[IMAPFS_ERROR_UNSUPPORTED] = "UNSUPPORTED",
		[IMAPFS_ERROR_READ_ONLY] = "READ_ONLY",
		[IMAPFS_ERROR_TOO_BIG] = "TOO_BIG",
		[IMAPFS_ERROR_NOT_EMPTY] = "NOT_EMPTY",
		[IMAPFS_ERROR_NOT_PERMITTED] = "NOT_PERMITTED",
		[IMAPFS_ERROR_UNKNOWN] = "UNKNOWN",
	};

	if (!error)
		return "OK";
	g_assert_cmpuint(error->domain, ==, IMAPFS_ERROR);
	g_assert_cmpint(error->code, <, (int)G_N_ELEMENTS(names));
	return names[error->code];
}
