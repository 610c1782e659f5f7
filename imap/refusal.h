/*
 * refusal.h: what a server has refused, and until when that is believed: longer each time that it
 * is refused again. What was well for as long as that since is refused for the first time again.
 */
#pragma once

#include <glib.h>

typedef struct {
	gint64 until_us; /* monotonic; 0: never refused */
	gint64 pause_us; /* from the last refusal till then; 0: never refused */
} Refusal;

static inline gboolean
refusal_holds(const Refusal *refusal)
{
	return g_get_monotonic_time() < refusal->until_us;
}

/* Refused, for @first_us or, again, for twice as long as before, but never longer than @last_us.
 * One that holds already stays as it is. */
static inline void
refusal_note(Refusal *refusal, gint64 first_us, gint64 last_us)
{
	gint64 over_us = g_get_monotonic_time() - refusal->until_us;

	if (over_us < 0)
		return;
	refusal->pause_us =
		over_us > refusal->pause_us ? first_us : MIN(2 * refusal->pause_us, last_us);
	refusal->until_us += over_us + refusal->pause_us;
}

/* Somebody asks for it: a quarter of the time is enough. */
static inline void
refusal_shorten(Refusal *refusal)
{
	gint64 left_us = refusal->until_us - g_get_monotonic_time();

	if (left_us > 0 && left_us < refusal->pause_us / 4 * 3)
		refusal->until_us -= left_us;
}
