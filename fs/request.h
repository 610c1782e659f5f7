/*
 * request.h: park and re-run.
 *
 * A handler never waits. It runs from its top; what it needs and the cache does not have, the cache
 * gets, and the handler returns after request_park(). When that thing has come, the handler runs
 * from its top again; when it cannot come, or the caller gives up, or too much time passes, the
 * request is answered with an error. So a handler is straight-line code, and must look first and
 * act last, for it may run many times.
 */
#pragma once

#include "filesystem.h"

typedef struct Request Request;
typedef void (*RequestHandler)(Request *request);

struct Request {
	Waiter waiter; /* first: to be handed to the cache */
	FileSystem *fs;
	fuse_req_t req;
	RequestHandler run;
	GList link; /* in fs->parked */
	gint64 deadline_us;
	gboolean interruptible; /* libfuse knows whom to tell */
	fuse_ino_t node;
	char *name;               /* lookup, getxattr */
	struct fuse_file_info fi; /* open, opendir */
	size_t size;              /* read, readdir, getxattr: bytes */
	off_t offset;
	gboolean plus;   /* readdir: with attributes */
	gboolean behind; /* read: has let others go first */
	gboolean begun;  /* opendir: the tickets below are valid */
	guint64 list_ticket, sync_ticket;
};

/* A request for @node, counted as @op. The caller fills in the rest and calls request_run(). */
Request *request_new(fuse_req_t req, Op op, fuse_ino_t node, RequestHandler run);

void request_run(Request *request);

/* What the cache answered: TRUE if the handler may go on. If not, the request is parked, or
 * answered with *@error, which is freed (NULL where the question cannot fail): the handler returns
 * at once. */
gboolean request_go_on(Request *request, CacheResult result, GError **error);

/* Every request ends with one of these, which free it. */
void request_reply_errno(Request *request, int errnum);
void request_reply_error(Request *request, const GError *error);
void request_reply_entry(Request *request, const struct fuse_entry_param *entry);
void request_reply_attr(Request *request, const struct stat *attr, double timeout);
void request_reply_open(Request *request);
void request_reply_buffer(Request *request, const char *bytes, size_t length);
void request_reply_xattr_size(Request *request, size_t length);
void request_reply_iov(Request *request, const struct iovec *iov, guint n_iov);

/* The errno that stands for @error: the one table from errors to errnos. */
int error_to_errno(const GError *error);

/* Answers @req, a RELEASE, with 0, but not before somebody who waits: at
 * requests_answer_released(), which is to be called whenever no other request is there. */
void request_reply_released(fuse_req_t req);
void requests_answer_released(FileSystem *fs);

/* Answers whatever is parked, with @errnum. */
void requests_answer_all(FileSystem *fs, int errnum);
