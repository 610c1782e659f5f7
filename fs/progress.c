/*
 * One line that is written over itself:
 *
 *     1,204 of 10,000 messages, 12.5 MB of 109.0 MB, 4.1 MB/s, 0:24 left [##        ]
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHOW_US   (G_USEC_PER_SEC / 5)
#define BAR_WIDTH 20
#define WIDTH     80 /* where the terminal does not tell */

void
progress_begin(Progress *progress, guint64 total_messages, guint64 total_bytes)
{
	*progress = (Progress){
		.total_messages = total_messages,
		.total_bytes = total_bytes,
		.began_us = g_get_monotonic_time(),
		.terminal = isatty(STDERR_FILENO),
	};
}

/* What there is no telling of, as at the beginning, is left out. */
static void
append_rate(const Progress *progress, gint64 now_us, GString *line)
{
	guint64 spent_us = (guint64)MAX(now_us - progress->began_us, 1);
	guint64 rate = progress->n_moved * G_USEC_PER_SEC / spent_us;
	guint64 left = progress->total_bytes > progress->n_bytes
	                       ? progress->total_bytes - progress->n_bytes
	                       : 0;
	g_autofree char *rate_text = g_format_size(rate);

	if (!rate)
		return;
	left /= rate;
	g_string_append_printf(line, ", %s/s, %" G_GUINT64_FORMAT ":%02" G_GUINT64_FORMAT " left",
	                       rate_text, left / 60, left % 60);
}

static void
append_bar(const Progress *progress, GString *line)
{
	double part = progress->total_bytes
	                      ? (double)progress->n_bytes / (double)progress->total_bytes
	                      : 1.0;
	guint n = (guint)(CLAMP(part, 0.0, 1.0) * BAR_WIDTH);

	g_string_append(line, " [");
	for (guint i = 0; i < BAR_WIDTH; i++)
		g_string_append_c(line, i < n ? '#' : ' ');
	g_string_append_c(line, ']');
}

char *
progress_line(const Progress *progress, gint64 now_us, guint width)
{
	GString *line = g_string_new(NULL);
	g_autofree char *n_bytes = g_format_size(progress->n_bytes);
	g_autofree char *total_bytes = g_format_size(progress->total_bytes);

	g_string_append_printf(
		line, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " messages, %s of %s",
		progress->n_messages, progress->total_messages, n_bytes, total_bytes);
	append_rate(progress, now_us, line);
	if (g_utf8_strlen(line->str, -1) + BAR_WIDTH + 3 <= (glong)width)
		append_bar(progress, line);
	if (g_utf8_strlen(line->str, -1) > (glong)width)
		g_string_truncate(line, (gsize)(g_utf8_offset_to_pointer(line->str, (glong)width) -
		                                line->str));
	return g_string_free(line, FALSE);
}

static guint
terminal_width(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return WIDTH;
	return size.ws_col - 1U; /* in the last column some terminals begin a new line */
}

void
progress_show(Progress *progress)
{
	gint64 now = g_get_monotonic_time();
	g_autofree char *line = NULL;

	if (!progress->terminal || now - progress->shown_us < SHOW_US)
		return;
	progress->shown_us = now;
	line = progress_line(progress, now, terminal_width());
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
}

void
progress_end(Progress *progress)
{
	if (progress->terminal && progress->shown_us)
		fputs("\r\033[K", stderr);
}
