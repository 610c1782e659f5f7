/*
 * progress.h: how far a long piece of work is, on one line of a terminal.
 *
 * Nothing is shown where standard error is no terminal, nor more often than a few times a second.
 */
#pragma once

#include <glib.h>

typedef struct {
	guint64 n_messages, n_bytes;         /* done */
	guint64 total_messages, total_bytes; /* to be done */
	guint64 n_moved; /* bytes done that had to be fetched: the rate is theirs */
	gint64 began_us, shown_us;
	gboolean terminal;
} Progress;

void progress_begin(Progress *progress, guint64 total_messages, guint64 total_bytes);

/* Shows the state if the last time is long enough ago. */
void progress_show(Progress *progress);

/* Removes the line. */
void progress_end(Progress *progress);

/* The line at @now_us, at most @width columns; a new string. */
char *progress_line(const Progress *progress, gint64 now_us, guint width);
