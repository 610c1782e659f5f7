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
	guint64 draft = node_or_draft(request->node, &request->fi);

	if ((!message_is_draft(draft) || (request_delivered(request, draft) && request_told(request))) &&
	    is_synced(request, draft))
		request_reply_errno(request, 0);
}

static void
run_fsyncdir(Request *request)
{
	guint64 directory = request->node == FUSE_ROOT_ID ? 0 : request->node;
	GError *error = NULL;

	if (!is_synced(request, directory))
		return;
	if (account_all_sent(request->fs->account, directory, &error)) {
		request_reply_errno(request, 0);
	} else {
		request_reply_error(request, error);
		g_error_free(error);
	}
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
