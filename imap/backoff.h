/*
 * backoff.h: how long to wait before a connection is tried again: longer each time, and half of it
 * left to chance, so that many clients do not come back all at once.
 */
#pragma once

#include <glib.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS  60000

typedef struct {
	guint next_ms; /* at the most; 0: none has failed yet */
} Backoff;

/* The delay before the next attempt, in milliseconds; the one after that waits longer. */
static inline guint
backoff_next(Backoff *backoff)
{
	guint most_ms = backoff->next_ms ? backoff->next_ms : BACKOFF_FIRST_MS;

	backoff->next_ms = MIN(most_ms * 2, BACKOFF_LAST_MS);
	return most_ms / 2 + (guint)g_random_int_range(0, (gint32)most_ms / 2 + 1);
}

static inline void
backoff_reset(Backoff *backoff)
{
	backoff->next_ms = 0;
}
