/*
 * request.h: park and re-run.
 *
 * A handler never waits. It runs from its top; what it needs and the cache does not have, the cache
 * gets, and the handler returns after request_park(). When that thing has come, the handler runs
 * from its top again; when it cannot come, or the caller gives up, or too much time passes, the
 * request is answered with an error. So a handler is straight-line code, and must look first and
 * act last, for it may run many times. What it did change it notes in the request (settle.h).
 */
#pragma once

#include "filesystem.h"
#include "imapfs/attributes.h"

typedef struct Request Request;
typedef void (*RequestHandler)(Request *request);

struct Request {
	Waiter waiter; /* first: to be handed to the cache */
	FileSystem *fs;
	fuse_req_t req;
	RequestHandler run;
	GList link;         /* in fs->parked */
	GList holder;       /* in fs->holders, while there is anything in ... */
	fuse_ino_t held[4]; /* nodes whose locks the kernel holds until this is answered */
	guint n_held;
	gint64 deadline_us;
	gboolean interruptible; /* libfuse knows whom to tell */
	gboolean local;    /* it waits for this machine alone: not to be given up, nor too late */
	gboolean endless;  /* it waits for what may never come: not too late, but may be given up */
	gboolean optional; /* the handler goes on without what cannot come ... */
	gboolean failed;   /* ... and this is so */
	fuse_ino_t node;
	char *name;               /* lookup, changes of a directory, xattrs */
	fuse_ino_t other;         /* rename: the new directory; copy: the source */
	char *text;               /* rename: the new name; setxattr: the value, size bytes */
	gboolean sets_xattr;      /* setxattr or ... */
	gboolean removes;         /* ... removexattr */
	Errand *errand;           /* setxattr: under way; to be released */
	struct fuse_file_info fi; /* open, opendir; fh: the draft, or 0 */
	size_t size;              /* read, readdir, getxattr, write, copy: bytes */
	off_t offset;             /* setattr: the new size */
	const char *bytes;        /* write: libfuse's ... */
	gboolean has_bytes;       /* ... or ours, to be freed */
	guint flags;              /* rename, setxattr; setattr: what to set */
	gint64 time;              /* setattr: seconds since 1970 */
	gboolean told;            /* of a changed file: the kernel is being told */
	guint step;               /* of those that do one thing after another: how many are done */
	guint64 draft;    /* open, and closed with the request unless that hands it to the kernel */
	gboolean changed; /* made, and not to be made again ... */
	Change change;    /* ... as this one, or 0 */
	gboolean plus;    /* readdir: with attributes */
	gboolean behind;  /* read: has let others go first */
	gboolean begun;   /* opendir: the tickets below are valid */
	gboolean delivered; /* fsyncdir: what waited has been sent */
	guint64 list_ticket, sync_ticket;
};

/* A request for @node, counted as @op. The caller fills in the rest and calls request_run(). */
Request *request_new(fuse_req_t req, Op op, fuse_ino_t node, RequestHandler run);

/* The kernel holds the lock of @node until the request is answered (news.c): of OP_LOOKUP,
 * OP_READDIR, OP_WRITE and OP_CHANGE it is known that they hold that of their node. */
void request_hold(Request *request, fuse_ino_t node);
gboolean request_holds(const Request *request, fuse_ino_t node);

void request_run(Request *request);

/* What the cache answered: TRUE if the handler may go on. If not, the request is parked, or
 * answered with *@error, which is freed (NULL where the question cannot fail): the handler returns
 * at once. Of an optional one, TRUE also for a failure. */
gboolean request_go_on(Request *request, CacheResult result, GError **error);

/* Answers it with what comes of its errand, once that has ended. */
void request_reply_when_done(Request *request);

/* Every request ends with one of these, which free it. */
void request_reply_errno(Request *request, int errnum);
void request_reply_error(Request *request, const GError *error);
void request_reply_entry(Request *request, const struct fuse_entry_param *entry);
void request_reply_attr(Request *request, const struct stat *attr, double timeout);
void request_reply_open(Request *request);
void request_reply_create(Request *request, const struct fuse_entry_param *entry);
void request_reply_written(Request *request, size_t length);
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
