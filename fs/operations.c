/*
 * The table that libfuse calls: each call becomes a Request, and runs. Those that change something
 * are in the files of their handlers. FALLOCATE is left out on purpose: so the kernel learns that
 * there is none, and asks once.
 */
#include "operations.h"

#include <errno.h>
#include <string.h>

#include "control.h"
#include "events.h"
#include "file-name.h"
#include "imapfs/attributes.h"
#include "node.h"

#define MAX_BACKGROUND 64        /* read-aheads in flight; the kernel's own default is 12 */
#define FREE_BLOCKS    (1 << 28) /* 1 TiB: programs that copy look first whether there is room */
#define FREE_FILES     1000000000

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

/* Control files are held for the kernel (each was looked up once), and where a message has gone
 * that it knows by an older id. */
static void
forget(FileSystem *fs, fuse_ino_t node)
{
	if (node_is_local(node)) {
		control_forget(fs, node);
		events_forget(fs, node);
	} else if (node_is_message(node)) {
		g_hash_table_remove(fs->renewed, &node);
		account_forget_id(fs->account, node);
	}
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
	Request *request = request_new(req, OP_GETATTR, node, run_getattr);

	if (fi) { /* lseek(SEEK_END) */
		request->fi = *fi;
		request_hold(request, node);
	}
	request_run(request);
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

	request->fi = *fi;
	if (request->fs->tell_shrunk)
		filesystem_put_off(request->fs);
	request->size = size;
	request->offset = offset;
	request_run(request);
}

static void
op_poll(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
	(void)fi;
	events_poll(req, node, handle);
}

static void
op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
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

static void
op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	Request *request = request_new(req, OP_OTHER, node, run_listxattr);

	request->size = size;
	request_run(request);
}

/* Where there is no quota, there is room. */
static void
show_quota(const FileSystem *fs, struct statvfs *statistics)
{
	const guint64 kib_each = statistics->f_frsize / 1024;
	guint64 usage, limit;

	if (account_storage(fs->account, &usage, &limit)) {
		statistics->f_blocks = limit / kib_each;
		statistics->f_bfree = (limit - MIN(usage, limit)) / kib_each;
		statistics->f_bavail = statistics->f_bfree;
	} else if (!fs->options->read_only) {
		statistics->f_blocks = statistics->f_bfree = statistics->f_bavail = FREE_BLOCKS;
	}
}

/* Always from memory: desktops ask this of every mount, and must not hang on a dead line. */
static void
op_statfs(fuse_req_t req, fuse_ino_t node)
{
	const FileSystem *fs = fuse_req_userdata(req);
	struct statvfs statistics = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_files = account_n_messages(fs->account) + FREE_FILES,
		.f_ffree = FREE_FILES,
		.f_favail = FREE_FILES,
		.f_namemax = FILE_NAME_MAX,
	};

	(void)node;
	show_quota(fs, &statistics);
	fuse_reply_statfs(req, &statistics);
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
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.open = op_open,
	.read = op_read,
	.poll = op_poll,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.release = op_release,
	.copy_file_range = op_copy_file_range,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
	.setattr = op_setattr,
	.create = op_create,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.symlink = op_symlink,
	.link = op_link,
};
