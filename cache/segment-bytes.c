/*
 * Reading and writing the files of a segment: whole or not at all, and blocks only as they were
 * written.
 */
#include "segment.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

guint32
segment_crc(gconstpointer bytes, gsize length)
{
	return length ? (guint32)crc32_z(0, bytes, length) : 0;
}

gssize
segment_read_up_to(int fd, void *buffer, gsize length, guint64 offset)
{
	gsize n = 0;

	while (n < length) {
		gssize more = pread(fd, (char *)buffer + n, length - n, (off_t)(offset + n));

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -1;
		if (!more)
			break;
		n += (gsize)more;
	}
	return (gssize)n;
}

static GBytes *
checked(void *bytes, guint32 length, guint32 crc)
{
	if (segment_crc(bytes, length) == crc)
		return g_bytes_new_take(bytes, length);
	g_free(bytes);
	return NULL;
}

GBytes *
segment_read(int data_fd, guint32 offset, guint32 length, guint32 crc)
{
	void *bytes = g_malloc(MAX(length, 1));

	if (segment_read_up_to(data_fd, bytes, length, offset) == (gssize)length)
		return checked(bytes, length, crc);
	g_free(bytes);
	return NULL;
}

GBytes *
segment_read_now(int data_fd, guint32 offset, guint32 length, guint32 crc, gboolean *damaged)
{
	void *bytes = g_malloc(MAX(length, 1));
	struct iovec iov = {bytes, length};
	GBytes *result;

	*damaged = FALSE;
	if (length && preadv2(data_fd, &iov, 1, offset, RWF_NOWAIT) != (gssize)length) {
		g_free(bytes);
		return NULL;
	}
	result = checked(bytes, length, crc);
	*damaged = !result;
	return result;
}

int
segment_write(int fd, struct iovec *iov, guint n_iov, guint64 offset)
{
	while (n_iov) {
		gboolean is_stuck;
		gssize n = pwritev(fd, iov, (int)n_iov, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		is_stuck = !n;
		offset += (guint64)n;
		for (; n_iov && (gsize)n >= iov->iov_len; iov++, n_iov--)
			n -= (gssize)iov->iov_len;
		if (!n_iov)
			break;
		if (is_stuck)
			return EIO;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= (gsize)n;
	}
	return 0;
}
