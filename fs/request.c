/*
 * A request's life.
 *
 *     running --request_go_on(CACHE_PARKED)--> parked --woken--> running
 *     parked --woken with an error, interrupted, too late--> answered
 *     running --request_reply_...--> answered (and freed)
 *
 * The lower layers promise that whatever is waited for comes or fails within the user's time limit.
 * The deadline here is a net below them: no trickle of almost-progress holds a process for ever.
 * What waits for the local disk is not given up: it takes no time, and what it waits for is done.
 */
#include "request.h"

#include <errno.h>

#include "news.h"

#define DEADLINES    4  /* times the user's timeout, from the first wait on */
#define MAX_RELEASED 16 /* unanswered: the kernel counts them as background work */

int
error_to_errno(const GError *error)
{
	static const int errnos[] = {
		[IMAPFS_ERROR_FAILED] = EIO,          [IMAPFS_ERROR_NOT_FOUND] = ENOENT,
		[IMAPFS_ERROR_STALE] = ESTALE,        [IMAPFS_ERROR_DENIED] = EACCES,
		[IMAPFS_ERROR_EXISTS] = EEXIST,       [IMAPFS_ERROR_QUOTA] = EDQUOT,
		[IMAPFS_ERROR_LIMIT] = EAGAIN,        [IMAPFS_ERROR_OFFLINE] = EHOSTDOWN,
		[IMAPFS_ERROR_TIMED_OUT] = ETIMEDOUT, [IMAPFS_ERROR_INTERRUPTED] = EINTR,
		[IMAPFS_ERROR_PROTOCOL] = EIO,        [IMAPFS_ERROR_TLS] = EHOSTDOWN,
		[IMAPFS_ERROR_USAGE] = EINVAL,        [IMAPFS_ERROR_UNSUPPORTED] = EOPNOTSUPP,
		[IMAPFS_ERROR_READ_ONLY] = EROFS,     [IMAPFS_ERROR_TOO_BIG] = EFBIG,
		[IMAPFS_ERROR_UNKNOWN] = EIO,         [IMAPFS_ERROR_NOT_EMPTY] = ENOTEMPTY,
		[IMAPFS_ERROR_NOT_PERMITTED] = EPERM,
	};

	if (error->domain != IMAPFS_ERROR || error->code < 0 ||
	    error->code >= (int)G_N_ELEMENTS(errnos))
		return EIO;
	return errnos[error->code];
}

/* It has been answered. */
static void
let_go(Request *request)
{
	if (!request->n_held)
		return;
	g_queue_unlink(&request->fs->holders, &request->holder);
	news_let_go(request->fs->news);
}

static void
request_free(Request *request)
{
	if (request->draft)
		draft_close(request->fs->account, request->draft);
	if (request->errand)
		errand_release(request->errand);
	if (request->has_bytes)
		g_free((char *)request->bytes);
	g_free(request->name);
	g_free(request->text);
	let_go(request);
	g_slice_free(Request, request);
}

/* --- parking --- */

static void
request_unpark(Request *request)
{
	waiter_cancel(&request->waiter);
	g_queue_unlink(&request->fs->parked, &request->link);
}

static void
request_wake(Waiter *waiter, const GError *error)
{
	Request *request = (Request *)waiter;

	request_unpark(request);
	request->local = FALSE;
	if (error && !request->optional) {
		request_reply_error(request, error);
		return;
	}
	request->failed |= error != NULL;
	request_run(request);
}

static void
request_interrupted(fuse_req_t req, void *data)
{
	Request *request = data;

	(void)req;
	if (request->local)
		return;
	request_unpark(request);
	request_reply_errno(request, EINTR);
}

static gboolean
requests_check_deadlines(gpointer data)
{
	FileSystem *fs = data;
	gint64 now = g_get_monotonic_time();
	GList *link = fs->parked.head;

	while (link) {
		Request *request = link->data;

		link = link->next;
		if (request->local || request->endless || now < request->deadline_us)
			continue;
		request_unpark(request);
		/* What an errand has begun may yet be done: nobody may take it for undone. */
		request_reply_errno(request, request->errand ? EIO : ETIMEDOUT);
	}
	if (fs->parked.length)
		return G_SOURCE_CONTINUE;
	fs->deadline_timer = 0;
	return G_SOURCE_REMOVE;
}

static void
request_set_deadline(Request *request)
{
	FileSystem *fs = request->fs;

	if (!request->deadline_us)
		request->deadline_us =
			g_get_monotonic_time() +
			(gint64)fs->options->timeout_seconds * DEADLINES * G_USEC_PER_SEC;
	if (!fs->deadline_timer)
		fs->deadline_timer = g_timeout_add_seconds(1, requests_check_deadlines, fs);
}

/* The waiter is in a queue already. An interrupt that came before now is answered here: libfuse
 * would call back at once, while holding a lock of the very request that the answer frees. */
static void
request_park(Request *request)
{
	g_queue_push_tail_link(&request->fs->parked, &request->link);
	if (request->local)
		return;
	request_set_deadline(request);
	if (fuse_req_interrupted(request->req)) {
		request_interrupted(request->req, request);
		return;
	}
	if (request->interruptible)
		return;
	request->interruptible = TRUE;
	fuse_req_interrupt_func(request->req, request_interrupted, request);
}

gboolean
request_go_on(Request *request, CacheResult result, GError **error)
{
	if (result == CACHE_READY)
		return TRUE;
	if (result == CACHE_PARKED) {
		request_park(request);
		return FALSE;
	}
	if (request->optional) {
		request->failed = TRUE;
		g_clear_error(error);
		return TRUE;
	}
	request_reply_error(request, *error);
	g_clear_error(error);
	return FALSE;
}

void
request_reply_when_done(Request *request)
{
	GError *error = NULL;

	if (request_go_on(request, errand_done(request->errand, &request->waiter, &error), &error))
		request_reply_errno(request, 0);
}

/* Whoever closes one file in order to open the next waits for the latter's answer alone. */
void
request_reply_released(fuse_req_t req)
{
	FileSystem *fs = fuse_req_userdata(req);

	if (fs->released->len == MAX_RELEASED)
		requests_answer_released(fs);
	g_ptr_array_add(fs->released, req);
}

void
requests_answer_released(FileSystem *fs)
{
	for (guint i = 0; i < fs->released->len; i++)
		fuse_reply_err(fs->released->pdata[i], 0);
	g_ptr_array_set_size(fs->released, 0);
}

void
requests_answer_all(FileSystem *fs, int errnum)
{
	requests_answer_released(fs);
	while (fs->parked.length) {
		Request *request = fs->parked.head->data;

		request_unpark(request);
		request_reply_errno(request, errnum);
	}
}

/* --- beginning and end --- */

void
request_hold(Request *request, fuse_ino_t node)
{
	g_assert(request->n_held < G_N_ELEMENTS(request->held));
	if (!request->n_held)
		g_queue_push_tail_link(&request->fs->holders, &request->holder);
	request->held[request->n_held++] = node;
}

gboolean
request_holds(const Request *request, fuse_ino_t node)
{
	for (guint i = 0; i < request->n_held; i++)
		if (request->held[i] == node)
			return TRUE;
	return FALSE;
}

Request *
request_new(fuse_req_t req, Op op, fuse_ino_t node, RequestHandler run)
{
	static const gboolean holds[N_OPS] = {
		[OP_LOOKUP] = TRUE,
		[OP_READDIR] = TRUE,
		[OP_WRITE] = TRUE,
		[OP_CHANGE] = TRUE,
	};
	Request *request = g_slice_new0(Request);

	request->waiter.wake = request_wake;
	request->link.data = request->holder.data = request;
	request->fs = fuse_req_userdata(req);
	request->fs->n_requests[op]++;
	request->req = req;
	request->node = node;
	request->run = run;
	if (holds[op])
		request_hold(request, node);
	return request;
}

void
request_run(Request *request)
{
	request->run(request);
}

void
request_reply_errno(Request *request, int errnum)
{
	fuse_reply_err(request->req, errnum);
	request_free(request);
}

/* The kernel would make EOPNOTSUPP of an EAGAIN from setxattr(2). */
void
request_reply_error(Request *request, const GError *error)
{
	int errnum = error_to_errno(error);

	g_info("%s", error->message);
	request_reply_errno(request, errnum == EAGAIN && request->sets_xattr ? EBUSY : errnum);
}

void
request_reply_entry(Request *request, const struct fuse_entry_param *entry)
{
	fuse_reply_entry(request->req, entry);
	request_free(request);
}

void
request_reply_attr(Request *request, const struct stat *attr, double timeout)
{
	fuse_reply_attr(request->req, attr, timeout);
	request_free(request);
}

/* Who gave up meanwhile has no file, and will not close it. */
void
request_reply_open(Request *request)
{
	if (!fuse_reply_open(request->req, &request->fi))
		request->draft = 0;
	request_free(request);
}

void
request_reply_create(Request *request, const struct fuse_entry_param *entry)
{
	if (!fuse_reply_create(request->req, entry, &request->fi))
		request->draft = 0;
	request_free(request);
}

void
request_reply_written(Request *request, size_t length)
{
	fuse_reply_write(request->req, length);
	request_free(request);
}

void
request_reply_buffer(Request *request, const char *bytes, size_t length)
{
	fuse_reply_buf(request->req, bytes, length);
	request_free(request);
}

void
request_reply_xattr_size(Request *request, size_t length)
{
	fuse_reply_xattr(request->req, length);
	request_free(request);
}

void
request_reply_iov(Request *request, const struct iovec *iov, guint n_iov)
{
	fuse_reply_iov(request->req, iov, (int)n_iov);
	request_free(request);
}
