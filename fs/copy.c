/*
 * COPY_FILE_RANGE: a whole message into a new, empty file is copied by the server. For anything
 * else the kernel, told that it is not supported, reads and writes.
 */
#include <errno.h>

#include "node.h"
#include "operations.h"

/* The kernel asks for no more than the size that it knows: less than all is a part. */
static void
run_copy(Request *request)
{
	Account *account = request->fs->account;
	const Message *source = account_message(account, request->other, NULL);
	guint64 length = 0;
	GError *error = NULL;

	if (!source || request->size < source->size) {
		request_reply_errno(request, source ? EOPNOTSUPP : ESTALE);
		return;
	}
	if (request_go_on(request,
	                  draft_copy(account, request->fi.fh, request->other, &length,
	                             &request->waiter, &error),
	                  &error))
		request_reply_written(request, MIN(length, request->size));
}

void
op_copy_file_range(fuse_req_t req, fuse_ino_t source, off_t source_offset,
                   struct fuse_file_info *source_fi, fuse_ino_t node, off_t offset,
                   struct fuse_file_info *fi, size_t length, int flags)
{
	Request *request = request_new(req, OP_WRITE, node, run_copy);

	(void)flags;
	request->fi = *fi;
	request->other = node_or_draft(source, source_fi);
	request->size = length;
	if (source_offset || offset || !fi->fh || !node_is_message(source))
		request_reply_errno(request, EOPNOTSUPP);
	else
		request_run(request);
}
