/*
 * /dev/fuse in the main loop.
 *
 * Waking a sleeping process costs more than any request does. So after a request this source goes
 * on reading for a moment before it lets the loop sleep: whoever walks a tree sends the next
 * request within microseconds. It does so in short turns, between which sockets and timers have
 * theirs, only while requests keep coming, and only where a second processor lets the caller run
 * meanwhile.
 */
#include "fuse-source.h"

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>

#define LINGER_US 50  /* after the last request */
#define TURN_US   500 /* then the others have theirs */

typedef struct {
	GSource source;
	struct fuse_session *session;
	struct fuse_buf buffer;
	gpointer fd_tag;
	gboolean may_linger;
	gboolean lingering; /* the last turn ended with requests still coming */
	const FuseSourceEvents *events;
	gpointer data;
} FuseSource;

static gboolean
source_prepare(GSource *source, gint *timeout)
{
	*timeout = -1;
	return ((FuseSource *)source)->lingering;
}

static gboolean
source_check(GSource *source)
{
	FuseSource *self = (FuseSource *)source;

	return self->lingering || g_source_query_unix_fd(source, self->fd_tag);
}

/* Handles one request: 1; 0: there was none; -1: the end. */
static int
handle_one(FuseSource *self)
{
	int length = fuse_session_receive_buf(self->session, &self->buffer);

	if (length > 0) {
		fuse_session_process_buf(self->session, &self->buffer);
		return fuse_session_exited(self->session) ? -1 : 1;
	}
	if (fuse_session_exited(self->session) ||
	    (length < 0 && length != -EAGAIN && length != -EINTR))
		return -1;
	return length == 0 ? -1 : 0;
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	FuseSource *self = (FuseSource *)source;
	gint64 now = g_get_monotonic_time(), turn_end = now + TURN_US, last = now;
	int handled;

	(void)callback;
	(void)data;
	self->lingering = FALSE;
	while ((handled = handle_one(self)) >= 0) {
		now = g_get_monotonic_time();
		if (handled)
			last = now;
		else
			self->events->quiet(self->data);
		if (!handled && (!self->may_linger || now - last > LINGER_US))
			return G_SOURCE_CONTINUE;
		if (now > turn_end) {
			self->lingering = self->may_linger || handled;
			return G_SOURCE_CONTINUE;
		}
	}
	self->events->ended(self->data);
	return G_SOURCE_REMOVE;
}

static void
source_finalize(GSource *source)
{
	free(((FuseSource *)source)->buffer.mem);
}

static GSourceFuncs source_functions = {
	.prepare = source_prepare,
	.check = source_check,
	.dispatch = source_dispatch,
	.finalize = source_finalize,
};

GSource *
fuse_source_new(struct fuse_session *session, const FuseSourceEvents *events, gpointer data)
{
	GSource *source = g_source_new(&source_functions, sizeof(FuseSource));
	FuseSource *self = (FuseSource *)source;
	int fd = fuse_session_fd(session);

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	self->session = session;
	self->may_linger = g_get_num_processors() > 1;
	self->events = events;
	self->data = data;
	self->fd_tag = g_source_add_unix_fd(source, fd, G_IO_IN | G_IO_ERR | G_IO_HUP);
	/* Else GLib takes the descriptor out of the loop around each turn, and writes to its own
	 * eventfd both times, and reads it. No source of ours runs a loop inside a loop. */
	g_source_set_can_recurse(source, TRUE);
	g_source_attach(source, NULL);
	return source;
}
