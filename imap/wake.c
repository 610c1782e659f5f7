/*
 * Nothing needs to run while nothing happens: the kernel cancels a timer of the wall clock when
 * that clock jumps, which it does at the end of every sleep.
 */
#include "wake.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct Wake {
	int fd;
	guint source;
	void (*woken)(gpointer data);
	gpointer data;
};

static gint64
clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Of these clocks only the first goes on meanwhile. */
gint64
wake_slept_us(void)
{
	return clock_us(CLOCK_BOOTTIME) - clock_us(CLOCK_MONOTONIC);
}

/* Far enough away never to expire. */
static void
wake_arm(Wake *wake)
{
	struct itimerspec never = {.it_value.tv_sec = (time_t)1 << 40};

	timerfd_settime(wake->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static gboolean
on_ready(gint fd, GIOCondition condition, gpointer data)
{
	Wake *wake = data;
	guint64 n_expired;
	gboolean cancelled = read(fd, &n_expired, sizeof(n_expired)) < 0 && errno == ECANCELED;

	(void)condition;
	if (!cancelled)
		return G_SOURCE_CONTINUE;
	wake_arm(wake);
	wake->woken(wake->data);
	return G_SOURCE_CONTINUE;
}

Wake *
wake_new(void (*woken)(gpointer data), gpointer data)
{
	Wake *wake = g_new0(Wake, 1);

	wake->woken = woken;
	wake->data = data;
	wake->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (wake->fd < 0)
		return wake; /* it is then noticed when a connection is renewed */
	wake_arm(wake);
	wake->source = g_unix_fd_add(wake->fd, G_IO_IN, on_ready, wake);
	return wake;
}

void
wake_free(Wake *wake)
{
	g_clear_handle_id(&wake->source, g_source_remove);
	if (wake->fd >= 0)
		close(wake->fd);
	g_free(wake);
}
