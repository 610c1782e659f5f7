/*
 * message-text.c: a file's bytes pass through here once, a buffer at a time. A line end may be
 * CRLF, LF or CR, and lie on the edge of a buffer. The header is gathered on the way, and looked at
 * as soon as it has come, so that what is no message is found out before all of it is copied.
 */
#include "message-text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "content-key.h"
#include "imapfs/error.h"

#define CHUNK (64 * 1024)

typedef struct {
	int out_fd;
	MessageText *text;
	GByteArray *out;    /* what this chunk has become */
	GByteArray *header; /* with CRLFs, without the empty line */
	gboolean in_header;
	gboolean after_cr; /* which may be half of a CRLF */
	gboolean in_line;  /* some of a line has come, and not its end */
} Copy;

/* --- what a message is --- */

static gboolean
refuse(GError **error, const char *words)
{
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "not an Internet message: %s", words);
	return FALSE;
}

/* Length of the field's name; 0: the line does not begin with one. Old messages have space before
 * the colon (RFC 5322 4.5). */
static gsize
name_length(const char *line, const char *end)
{
	const char *at = line;
	gsize length;

	while (at < end && g_ascii_isgraph(*at) && *at != ':')
		at++;
	length = (gsize)(at - line);
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at < end && *at == ':' ? length : 0;
}

/* One that every message has at least one of, on its way or before. */
static gboolean
is_usual(const char *name, gsize length)
{
	static const char *const names[] = {
		"From",     "Date",   "Subject",  "To",          "Cc",           "Message-ID",
		"Received", "Sender", "Reply-To", "Return-Path", "MIME-Version", "Delivered-To",
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (strlen(names[i]) == length && g_ascii_strncasecmp(name, names[i], length) == 0)
			return TRUE;
	return FALSE;
}

static gboolean
refuse_line(GError **error, guint number)
{
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
	            "not an Internet message: line %u is neither \"Name: value\" nor the "
	            "continuation of such a line, and no empty line before it ends the header",
	            number);
	return FALSE;
}

static gboolean
check_lines(const char *line, const char *end, GError **error)
{
	gboolean any = FALSE;

	for (guint number = 1; line < end; number++) {
		const char *next = (const char *)memchr(line, '\n', (gsize)(end - line)) + 1;
		gsize length = name_length(line, next);
		gboolean continues = number > 1 && (*line == ' ' || *line == '\t');

		if (!length && !continues)
			return refuse_line(error, number);
		any = any || (!continues && is_usual(line, length));
		line = next;
	}
	return any ||
	       refuse(error, "its header has neither From, Date, Subject nor any other field "
	                     "that messages have");
}

static gboolean
check_header(const GByteArray *header, GError **error)
{
	const char *text = (const char *)header->data, *end = text + header->len;

	if (!header->len)
		return refuse(error, "it does not begin with a header");
	if (header->len >= 5 && memcmp(text, "From ", 5) == 0 && !name_length(text, end))
		return refuse(error, "it begins with \"From \", as an mbox file does; each of the "
		                     "messages in that is to be a file of its own");
	return check_lines(text, end, error);
}

static gboolean
end_header(Copy *copy, GError **error)
{
	copy->in_header = FALSE;
	if (!check_header(copy->header, error))
		return FALSE;
	copy->text->content_key =
		content_key_of_header((const char *)copy->header->data, copy->header->len);
	return TRUE;
}

/* --- line ends --- */

static gboolean
add(Copy *copy, const guint8 *bytes, gsize length, GError **error)
{
	g_byte_array_append(copy->out, bytes, (guint)length);
	if (!copy->in_header)
		return TRUE;
	g_byte_array_append(copy->header, bytes, (guint)length);
	return copy->header->len <= MESSAGE_TEXT_MAX_HEADER ||
	       refuse(error, "its header has no end");
}

static gboolean
add_line_end(Copy *copy, GError **error)
{
	if (!copy->in_line && copy->in_header && !end_header(copy, error))
		return FALSE;
	copy->in_line = FALSE;
	return add(copy, (const guint8 *)"\r\n", 2, error);
}

static gsize
count_ordinary(const guint8 *bytes, gsize length)
{
	gsize n = 0;

	while (n < length && bytes[n] != '\r' && bytes[n] != '\n')
		n++;
	return n;
}

static gboolean
add_chunk(Copy *copy, const guint8 *bytes, gsize length, GError **error)
{
	while (length) {
		gsize n = count_ordinary(bytes, length);

		if (n) {
			copy->in_line = TRUE;
			if (!add(copy, bytes, n, error))
				return FALSE;
		} else {
			n = 1;
			if (!(copy->after_cr && *bytes == '\n') && !add_line_end(copy, error))
				return FALSE;
		}
		copy->after_cr = bytes[n - 1] == '\r';
		bytes += n;
		length -= n;
	}
	return TRUE;
}

/* A body may end without a line end, and stays as it is; a header may not. */
static gboolean
add_end(Copy *copy, GError **error)
{
	if (copy->in_line && copy->in_header && !add_line_end(copy, error))
		return FALSE;
	return !copy->in_header || end_header(copy, error);
}

/* --- reading and writing --- */

static gboolean
fail(GError **error, const char *what)
{
	int code = errno;

	g_set_error(error, IMAPFS_ERROR,
	            code == ENOSPC || code == EDQUOT ? IMAPFS_ERROR_QUOTA : IMAPFS_ERROR_FAILED,
	            "%s: %s", what, g_strerror(code));
	return FALSE;
}

static gboolean
write_out(Copy *copy, GError **error)
{
	const guint8 *bytes = copy->out->data;
	gsize left = copy->out->len;

	while (left) {
		gssize n = write(copy->out_fd, bytes, left);

		if (n < 0 && errno != EINTR)
			return fail(error, "cannot write the message");
		if (n > 0) {
			bytes += n;
			left -= (gsize)n;
		}
	}
	copy->text->size += copy->out->len;
	g_byte_array_set_size(copy->out, 0);
	return TRUE;
}

/* Bytes read; 0 at the end, -1: failed. */
static gssize
read_chunk(int fd, guint8 *buffer, guint64 offset, GError **error)
{
	gssize n;

	do
		n = pread(fd, buffer, CHUNK, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		fail(error, "cannot read what was written");
	return n;
}

static gboolean
copy_all(Copy *copy, int in_fd, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK);
	guint64 offset = 0;
	gssize n;

	while ((n = read_chunk(in_fd, buffer, offset, error)) > 0) {
		copy->text->has_nul = copy->text->has_nul || memchr(buffer, '\0', (gsize)n);
		if (!add_chunk(copy, buffer, (gsize)n, error) || !write_out(copy, error))
			return FALSE;
		offset += (guint64)n;
	}
	if (n == 0 && !offset)
		return refuse(error, "there is nothing in it");
	return n == 0 && add_end(copy, error) && write_out(copy, error);
}

gboolean
message_text_copy(int in_fd, int out_fd, MessageText *text, GError **error)
{
	Copy copy = {
		.out_fd = out_fd,
		.text = text,
		.out = g_byte_array_sized_new(2 * CHUNK + 2),
		.header = g_byte_array_new(),
		.in_header = TRUE,
	};
	gboolean done;

	*text = (MessageText){0};
	done = copy_all(&copy, in_fd, error);
	g_byte_array_unref(copy.out);
	g_byte_array_unref(copy.header);
	return done;
}
