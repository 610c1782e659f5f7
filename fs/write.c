/*
 * From CREATE, or OPEN for writing, over WRITE and FLUSH to RELEASE.
 *
 * What is written goes into a draft, whose id is the kernel's handle of the file (fi->fh; 0: open
 * for reading). Each close of it (FLUSH) delivers what has been written since the last, and tells
 * what the server says to it.
 *
 * Memory that a program mapped may be written to after the last close; of what comes so, only the
 * end of the file (RELEASE) delivers the last.
 */
#include <errno.h>
#include <fcntl.h>

#include "attributes.h"
#include "events.h"
#include "node.h"
#include "operations.h"
#include "settle.h"

/* --- create --- */

/* FALSE: it cannot be made, and the request is answered. */
static gboolean
create_draft(Request *request, struct fuse_entry_param *entry)
{
	Account *account = request->fs->account;
	Mailbox *mailbox = request_directory(request, request->node, request->name);
	g_autoptr(GError) error = NULL;

	if (!mailbox ||
	    !request_go_on(request, draft_await_rights(mailbox, request->name, &request->waiter),
	                   NULL))
		return FALSE;
	request->draft = draft_create(account, mailbox, request->name, &error);
	if (!request->draft) {
		request_reply_error(request, error);
		return FALSE;
	}
	entry_of_message(request->fs, mailbox, account_message(account, request->draft, NULL),
	                 entry);
	return TRUE;
}

static void
run_create(Request *request)
{
	struct fuse_entry_param entry;

	if (!create_draft(request, &entry))
		return;
	request->fi.fh = request->draft;
	request_reply_create(request, &entry);
}

void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
          struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_CHANGE, parent, run_create);

	(void)mode;
	request->name = g_strdup(name);
	request->fi = *fi;
	request_run(request);
}

static void
run_mknod(Request *request)
{
	struct fuse_entry_param entry;

	if (create_draft(request, &entry))
		request_reply_entry(request, &entry);
}

void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	Request *request = request_new(req, OP_CHANGE, parent, run_mknod);

	(void)device;
	request->name = g_strdup(name);
	if (S_ISREG(mode) || request->fs->options->read_only)
		request_run(request);
	else
		request_reply_errno(request, EPERM);
}

/* --- open --- */

/* The kernel may keep no pages from before: what it has of them may be an older version's. */
void
open_for_writing(Request *request)
{
	FileSystem *fs = request->fs;
	gboolean truncate = (request->fi.flags & O_TRUNC) != 0;
	GError *error = NULL;

	if (fs->options->read_only || !node_is_message(request->node)) {
		request_reply_errno(request, fs->options->read_only ? EROFS : EACCES);
		return;
	}
	if (!request_go_on(request,
	                   draft_open(fs->account, request->node, truncate, &request->draft,
	                              &request->waiter, &error),
	                   &error))
		return;
	g_hash_table_remove(fs->renewed, &request->node);
	request->fi.fh = request->draft;
	request->fi.direct_io = (request->fi.flags & O_APPEND) != 0;
	request_reply_open(request);
}

/* --- write ---
 *
 * Where a file ends that is written to with O_APPEND the kernel may know wrong, for it does not
 * ask: so such writes bypass its cache, and the draft knows the end. */

static void
run_write(Request *request)
{
	GError *error = NULL;
	CacheResult result = draft_write(request->fs->account, request->fi.fh, request->offset,
	                                 request->bytes, request->size, &request->waiter, &error);

	if (result == CACHE_PARKED && !request->has_bytes) {
		request->bytes = g_memdup2(request->bytes, request->size);
		request->has_bytes = TRUE;
	}
	if (request_go_on(request, result, &error))
		request_reply_written(request, request->size);
}

void
op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
         struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_WRITE, node, run_write);

	request->fi = *fi;
	request->bytes = bytes;
	request->size = size;
	request->offset = fi->flags & O_APPEND ? DRAFT_END : offset;
	if (fi->writepage)
		g_hash_table_add(request->fs->mapped, g_memdup2(&fi->fh, sizeof(fi->fh)));
	if (fi->fh)
		request_run(request);
	else
		request_reply_errno(request, EBADF);
}

/* --- flush, release --- */

static void
run_flush(Request *request)
{
	if (request_delivered(request, request->fi.fh) && request_told(request))
		request_reply_errno(request, 0);
}

void
op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_OTHER, node, run_flush);

	request->fi = *fi;
	if (fi->fh)
		request_run(request);
	else /* on a read-only mount, not to be asked again */
		request_reply_errno(request, request->fs->options->read_only ? ENOSYS : 0);
}

/* Nobody hears how it goes; what goes wrong is in .imapfs/errors. */
static void
run_release(Request *request)
{
	GError *error = NULL;

	request->optional = TRUE;
	if (request->failed ||
	    request_go_on(request,
	                  draft_deliver(request->fs->account, request->draft, &request->change,
	                                &request->waiter, &error),
	                  &error))
		request_reply_errno(request, 0);
}

void
op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	FileSystem *fs = fuse_req_userdata(req);
	Request *request;

	if (events_has(fs, node))
		events_release(fs, node);
	if (fi->fh && g_hash_table_remove(fs->mapped, &fi->fh)) {
		request = request_new(req, OP_OTHER, node, run_release);
		request->draft = fi->fh;
		request_run(request);
		return;
	}
	if (fi->fh)
		draft_close(fs->account, fi->fh);
	request_reply_released(req);
}
