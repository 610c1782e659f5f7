/*
 * content-key.h: a number that is the same for the same message, whoever shows its header.
 *
 * Servers fold header fields anew, put them in another order, and show other bytes for those that
 * are no ASCII; none of that matters here. Pure.
 */
#pragma once

#include <glib.h>

/* What is looked at, as in RemoteScan. */
#define CONTENT_KEY_FIELDS "DATE FROM SUBJECT MESSAGE-ID"

/* Of the first of each of these fields in @header, which may hold any others and ends where it ends
 * or at an empty line; lines end with LF or CRLF. At most 63 bits. 0: none of them is there, or
 * there is nothing in any. */
guint64 content_key_of_header(const char *header, gsize length);
