/*
 * SETATTR: a size, or the time of what is not delivered yet. Owner and rights are the mount's: who
 * sets them to what they are has succeeded.
 */
#include <errno.h>

#include "node.h"
#include "operations.h"
#include "settle.h"

#define STEP_RESIZED 1

static int
judge_owner(const Options *options, const struct stat *attr, int to_set)
{
	gboolean given_away = (to_set & FUSE_SET_ATTR_UID && attr->st_uid != options->uid) ||
	                      (to_set & FUSE_SET_ATTR_GID && attr->st_gid != options->gid);

	return given_away ? EPERM : 0;
}

static int
judge(const FileSystem *fs, fuse_ino_t node, const struct stat *attr, int to_set)
{
	if (fs->options->read_only)
		return EROFS;
	if (node_is_local(node))
		return EPERM;
	if (to_set & FUSE_SET_ATTR_SIZE && !node_is_message(node))
		return EISDIR;
	return judge_owner(fs->options, attr, to_set);
}

/* The draft in hand gets its new size, once: it may be written to while this waits. */
static gboolean
is_resized(Request *request, guint64 draft)
{
	GError *error = NULL;

	if (request->step == STEP_RESIZED)
		return TRUE;
	if (!request_go_on(request,
	                   draft_resize(request->fs->account, draft, (guint64)request->offset,
	                                &request->waiter, &error),
	                   &error))
		return FALSE;
	request->step = STEP_RESIZED;
	return TRUE;
}

/* truncate(2) opens, writes and closes in one. */
static gboolean
is_resized_by_name(Request *request)
{
	GError *error = NULL;

	if (!request->draft &&
	    !request_go_on(request,
	                   draft_open(request->fs->account, request->node, request->offset == 0,
	                              &request->draft, &request->waiter, &error),
	                   &error))
		return FALSE;
	return is_resized(request, request->draft) && request_delivered(request, request->draft);
}

static void
run_setattr(Request *request)
{
	guint64 draft = request->fi.fh;
	gboolean size = (request->flags & FUSE_SET_ATTR_SIZE) != 0;

	if (size && !(draft ? is_resized(request, draft) : is_resized_by_name(request)))
		return;
	if (!size && request->flags & FUSE_SET_ATTR_MTIME && node_is_message(request->node))
		account_set_time(request->fs->account, node_or_draft(request->node, &request->fi),
		                 request->time);
	request->run = run_getattr; /* and not again what was done */
	request_run(request);
}

void
op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
           struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_CHANGE, node, run_setattr);
	int errnum = judge(request->fs, node, attr, to_set);

	if (fi)
		request->fi = *fi;
	request->flags = (guint)to_set;
	request->offset = attr->st_size;
	request->time = to_set & FUSE_SET_ATTR_MTIME_NOW ? g_get_real_time() / G_USEC_PER_SEC
	                                                 : attr->st_mtim.tv_sec;
	if (errnum)
		request_reply_errno(request, errnum);
	else
		request_run(request);
}
