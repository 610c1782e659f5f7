/*
 * FSYNC and FSYNCDIR: once these are answered, all that was changed before is on the server, and
 * whatever it refused has been told. Of the root, all of the account.
 */
#include <errno.h>

#include "node.h"
#include "operations.h"
#include "settle.h"

/* What was changed before this was asked for. */
static gboolean
is_synced(Request *request, guint64 id)
{
	Account *account = request->fs->account;
	GError *error = NULL;

	if (!request->begun)
		request->sync_ticket = account_last_change(account);
	request->begun = TRUE;
	return request_go_on(
		request,
		account_synced(account, id, request->sync_ticket, &request->waiter, &error),
		&error);
}

static void
run_fsync(Request *request)
{
	guint64 file = node_or_draft(request->node, &request->fi);
	guint64 draft =
		request->fi.fh ? request->fi.fh : account_unsent(request->fs->account, file);

	if ((!draft || (request_delivered(request, draft) && request_told(request))) &&
	    is_synced(request, file))
		request_reply_errno(request, 0);
}

/* What could not be sent before is tried once more, one file after the other. */
static gboolean
are_delivered(Request *request, guint64 directory)
{
	guint64 draft;

	while ((draft = account_unsent(request->fs->account, directory)) || request->change) {
		if (!request_delivered(request, draft))
			return FALSE;
		request->changed = FALSE;
		request->change = 0;
	}
	return TRUE;
}

static void
run_fsyncdir(Request *request)
{
	guint64 directory = request->node == FUSE_ROOT_ID ? 0 : request->node;

	if (!request->delivered) {
		if (!is_synced(request, directory) || !are_delivered(request, directory))
			return;
		request->delivered = TRUE;
		request->begun = FALSE; /* what has been sent since has to get there as well */
	}
	if (is_synced(request, directory))
		request_reply_errno(request, 0);
}

/* On a read-only mount the kernel need not ask again. */
static void
fsync_begin(fuse_req_t req, fuse_ino_t node, const struct fuse_file_info *fi, RequestHandler run)
{
	Request *request = request_new(req, OP_OTHER, node, run);

	request->fi = *fi;
	request_hold(request, node);
	if (request->fs->options->read_only)
		request_reply_errno(request, ENOSYS);
	else if (node_is_local(node))
		request_reply_errno(request, 0);
	else
		request_run(request);
}

void
op_fsync(fuse_req_t req, fuse_ino_t node, int data_only, struct fuse_file_info *fi)
{
	(void)data_only;
	fsync_begin(req, node, fi, run_fsync);
}

void
op_fsyncdir(fuse_req_t req, fuse_ino_t node, int data_only, struct fuse_file_info *fi)
{
	(void)data_only;
	fsync_begin(req, node, fi, run_fsyncdir);
}
