/*
 * pace.h: whether one more connection makes a large piece of work faster.
 *
 * Nothing that one connection shows tells a slow server from a slow line: both send less than they
 * are asked for. What tells them apart is another connection: it makes a server faster that has a
 * processor or a disk to spare, and a full line not at all. So work that takes long is given a
 * second one. If it then goes faster by a quarter it gets a third, and so on; if it does not, that
 * was the last. Two on a full line cost nothing but a login, for no byte comes twice.
 *
 * Where this side is the slow one, which its own processor time shows, nothing is tried.
 */
#pragma once

#include <glib.h>

typedef struct {
	gint64 began_us, cpu_us; /* monotonic; of this thread. 0: not begun */
	guint64 n_done;          /* by then, of whatever is counted */
	double before;           /* a second, with one connection fewer; 0: there was none */
	gboolean gave_up;        /* more do not help */
} Pace;

/* Measures from now on: @n_done has been done so far. */
void pace_begin(Pace *pace, guint64 n_done);

/* Since then, a second. 0: too little time has passed to tell. */
double pace_rate(const Pace *pace, guint64 n_done);

/* Whether to let another connection join those @n_connections that have been at work since
 * pace_begin(). If so, pace_begin() is to be called again once it is at work. */
gboolean pace_wants_more(Pace *pace, guint64 n_done, guint n_connections);
