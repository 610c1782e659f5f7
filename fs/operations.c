/*
 * The table that libfuse calls: each call becomes a Request, and runs. What would change mail is
 * answered with EROFS.
 */
#include "operations.h"

#include <errno.h>
#include <string.h>

#include "control.h"
#include "node.h"

#define MAX_BACKGROUND 64 /* read-aheads in flight; the kernel's own default is 12 */

static void
op_init(void *userdata, struct fuse_conn_info *conn)
{
	const unsigned unwanted = FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
	                          FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
	                          FUSE_CAP_SPLICE_MOVE;
	const unsigned wanted = FUSE_CAP_READDIRPLUS | FUSE_CAP_EXPLICIT_INVAL_DATA |
	                        FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS;

	(void)userdata;
	conn->want &= ~unwanted;
	conn->want |= wanted & conn->capable;
	conn->max_background = MAX_BACKGROUND;
}

static void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Request *request = request_new(req, OP_LOOKUP, parent, run_lookup);

	request->name = g_strdup(name);
	request_run(request);
}

/* Only control files are held for the kernel; each was looked up once. */
static void
forget(FileSystem *fs, fuse_ino_t node)
{
	if (node >= NODE_SNAPSHOT)
		control_forget(fs, node);
}

static void
op_forget(fuse_req_t req, fuse_ino_t node, uint64_t n)
{
	(void)n;
	forget(fuse_req_userdata(req), node);
	fuse_reply_none(req);
}

static void
op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(fuse_req_userdata(req), forgets[i].ino);
	fuse_reply_none(req);
}

static void
op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	(void)fi;
	request_run(request_new(req, OP_GETATTR, node, run_getattr));
}

static void
op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_OPENDIR, node, run_opendir);

	request->fi = *fi;
	request_run(request);
}

static void
readdir_begin(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, gboolean plus)
{
	Request *request = request_new(req, OP_READDIR, node, run_readdir);

	request->size = size;
	request->offset = offset;
	request->plus = plus;
	request_run(request);
}

static void
op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *fi)
{
	(void)fi;
	readdir_begin(req, node, size, offset, FALSE);
}

static void
op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
               struct fuse_file_info *fi)
{
	(void)fi;
	readdir_begin(req, node, size, offset, TRUE);
}

static void
op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_OPEN, node, run_open);

	request->fi = *fi;
	request_run(request);
}

static void
op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *fi)
{
	Request *request = request_new(req, OP_READ, node, run_read);

	(void)fi;
	if (request->fs->tell_shrunk)
		filesystem_put_off(request->fs);
	request->size = size;
	request->offset = offset;
	request_run(request);
}

static void
op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	(void)node;
	(void)fi;
	request_reply_released(req);
}

static void
op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	Request *request = request_new(req, OP_OTHER, node, run_getxattr);

	request->name = g_strdup(name);
	request->size = size;
	request_run(request);
}

/* Always from memory: desktops ask this of every mount, and must not hang on a dead line. */
static void
op_statfs(fuse_req_t req, fuse_ino_t node)
{
	const FileSystem *fs = fuse_req_userdata(req);
	struct statvfs statistics = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_files = account_n_messages(fs->account),
		.f_namemax = 255,
	};

	(void)node;
	fuse_reply_statfs(req, &statistics);
}

/* --- what would change mail --- */

static void
op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
           struct fuse_file_info *fi)
{
	(void)node;
	(void)attr;
	(void)to_set;
	(void)fi;
	fuse_reply_err(req, EROFS);
}

static void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)device;
	fuse_reply_err(req, EROFS);
}

static void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	op_mknod(req, parent, name, mode, 0);
}

static void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
          struct fuse_file_info *fi)
{
	(void)fi;
	op_mknod(req, parent, name, mode, 0);
}

static void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	op_mknod(req, parent, name, 0, 0);
}

static void
op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	op_mknod(req, parent, name, 0, 0);
}

static void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
          const char *new_name, unsigned int flags)
{
	(void)new_parent;
	(void)new_name;
	(void)flags;
	op_mknod(req, parent, name, 0, 0);
}

static void
op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t new_parent, const char *new_name)
{
	(void)node;
	op_mknod(req, new_parent, new_name, 0, 0);
}

const struct fuse_lowlevel_ops filesystem_operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_release,
	.open = op_open,
	.read = op_read,
	.release = op_release,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.create = op_create,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
};
