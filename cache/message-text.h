/*
 * message-text.h: a file that somebody has written, as a message goes over the line (RFC 5322).
 *
 * To be run on the disk worker: it knows nothing but its two descriptors, and takes as long as
 * reading and writing take. Memory: three buffers of 64 KiB and the header.
 */
#pragma once

#include <glib.h>

#define MESSAGE_TEXT_MAX_HEADER (1024 * 1024) /* bytes */

typedef struct {
	guint64 size;        /* bytes written */
	guint64 content_key; /* content_key_of_header() */
	gboolean has_nul;    /* NUL bytes, which only some servers take */
} MessageText;

/* Copies all of @in_fd, from offset 0 on, to @out_fd where that stands. Line ends of any kind
 * become CRLF, and the last line gets one. What was written to @out_fd is of no use with an error:
 * IMAPFS_ERROR_USAGE: not an Internet message, and the words say why; QUOTA: the disk is full;
 * FAILED. */
gboolean message_text_copy(int in_fd, int out_fd, MessageText *text, GError **error);
