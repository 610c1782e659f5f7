/*
 * OPEN and READ. What is opened for writing goes on in write.c.
 */
#include <errno.h>
#include <fcntl.h>

#include "control.h"
#include "events.h"
#include "node.h"
#include "operations.h"

#define MAX_PIECES 16 /* blocks in one READ: the kernel asks for 1 MiB at the most */

/* Where sizes cannot be trusted, a file whose end nobody has seen yet is read past the kernel's
 * cache, which would cut it at the size it was told. */
static gboolean
needs_direct_io(const FileSystem *fs, const Message *message)
{
	return account_sizes_lie(fs->account) && !message->size_exact;
}

/* What the kernel read under an id that leads to another message by now may be an older version's.
 */
static gboolean
may_keep_cache(const Request *request, const Message *message)
{
	gboolean own = message->uid && (guint32)request->node == message->uid &&
	               !message_is_draft(request->node);

	return !g_hash_table_remove(request->fs->renewed, &request->node) && own;
}

/* On a read-only mount the kernel need not ask: it opens files by itself from the first ENOSYS on.
 */
static void
open_message(Request *request, const Message *message)
{
	FileSystem *fs = request->fs;

	if (fs->options->read_only && !account_sizes_lie(fs->account)) {
		request_reply_errno(request, ENOSYS);
		return;
	}
	request->fi.direct_io = needs_direct_io(fs, message);
	request->fi.keep_cache = may_keep_cache(request, message);
	request->fi.noflush = 1;
	request_reply_open(request);
}

void
run_open(Request *request)
{
	const Message *message;

	/* Whoever looks at an open file's size must not find that of an older version. */
	if (!request_go_on(request,
	                   notifier_await(request->fs->notifier, request->node, &request->waiter),
	                   NULL))
		return;
	if ((request->fi.flags & O_ACCMODE) != O_RDONLY || (request->fi.flags & O_TRUNC)) {
		open_for_writing(request);
		return;
	}
	if (events_has(request->fs, request->node)) {
		events_open(request);
		return;
	}
	if (node_is_local(request->node)) {
		request->fi.keep_cache = 1;
		request->fi.noflush = 1;
		request_reply_open(request);
		return;
	}
	message = account_message(request->fs->account, request->node, NULL);
	if (message)
		open_message(request, message);
	else
		request_reply_errno(request, ESTALE);
}

static void
read_control(Request *request)
{
	GBytes *bytes = control_bytes(request->fs, request->node);
	gsize size;
	const char *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;

	if (!bytes)
		request_reply_errno(request, ESTALE);
	else if ((guint64)request->offset >= size)
		request_reply_buffer(request, NULL, 0);
	else
		request_reply_buffer(request, data + request->offset,
		                     MIN(request->size, size - (gsize)request->offset));
}

#define BEHIND_MS 2

static gboolean
wake_behind(gpointer data)
{
	FileSystem *fs = data;

	fs->wake_behind = 0;
	wait_queue_wake(&fs->behind, NULL);
	return G_SOURCE_REMOVE;
}

static gboolean
others_read_before(const FileSystem *fs, const Request *request)
{
	for (GList *link = fs->parked.head; link; link = link->next) {
		const Request *other = link->data;

		if (other->run == run_read && other->node == request->node &&
		    other->offset < request->offset)
			return TRUE;
	}
	return FALSE;
}

/* From a READ that gets fewer bytes than it asked for the kernel learns where the file ends, but
 * not if one that began later has been answered before: then it takes the beginning of that one for
 * the end, and pads the file up to there. So nothing at all, past an end that differs from what the
 * server said, is answered last. */
static gboolean
must_wait_behind(Request *request)
{
	FileSystem *fs = request->fs;

	if (!account_sizes_lie(fs->account) ||
	    (request->behind && !others_read_before(fs, request)))
		return FALSE;
	request->behind = TRUE;
	waiter_park(&request->waiter, &fs->behind);
	if (!fs->wake_behind)
		fs->wake_behind = g_timeout_add(BEHIND_MS, wake_behind, fs);
	return TRUE;
}

/* Before a reader is answered, the kernel must know the true size of what it reads. */
void
run_read(Request *request)
{
	FileSystem *fs = request->fs;
	struct iovec iov[MAX_PIECES];
	guint n_iov = 0;
	GError *error = NULL;

	if (events_has(fs, request->node)) {
		events_read(request);
		return;
	}
	if (node_is_local(request->node)) {
		read_control(request);
		return;
	}
	if (!request_go_on(request,
	                   account_read(fs->account, node_or_draft(request->node, &request->fi),
	                                (guint64)request->offset, request->size, iov, MAX_PIECES,
	                                &n_iov, &request->waiter, &error),
	                   &error) ||
	    !request_go_on(request, notifier_await(fs->notifier, request->node, &request->waiter),
	                   NULL))
		return;
	if (!n_iov && request->size && must_wait_behind(request)) {
		request_go_on(request, CACHE_PARKED, NULL);
		return;
	}
	request_reply_iov(request, iov, n_iov);
}
