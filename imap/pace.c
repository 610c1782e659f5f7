/*
 * Measured in stretches of half a second at least, each with one number of connections.
 */
#include "pace.h"

#include <time.h>

#define MEASURED_US (G_USEC_PER_SEC / 2)
#define SHORTEST_US (G_USEC_PER_SEC / 50) /* that says anything */
#define HELPS       1.25                  /* times as fast as before */
#define OURS        0.6 /* of the time at work ourselves: nobody else is waited for */

static gint64
thread_cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static gint64
pace_elapsed(const Pace *pace)
{
	return pace->began_us ? g_get_monotonic_time() - pace->began_us : 0;
}

void
pace_begin(Pace *pace, guint64 n_done)
{
	pace->began_us = g_get_monotonic_time();
	pace->cpu_us = thread_cpu_us();
	pace->n_done = n_done;
}

double
pace_rate(const Pace *pace, guint64 n_done)
{
	gint64 elapsed = pace_elapsed(pace);

	if (elapsed < SHORTEST_US || n_done < pace->n_done)
		return 0;
	return (double)(n_done - pace->n_done) * G_USEC_PER_SEC / (double)elapsed;
}

gboolean
pace_wants_more(Pace *pace, guint64 n_done, guint n_connections)
{
	gint64 elapsed = pace_elapsed(pace), cpu = thread_cpu_us() - pace->cpu_us;
	double rate = pace_rate(pace, n_done);

	if (pace->gave_up || elapsed < MEASURED_US)
		return FALSE;
	if ((double)cpu > OURS * (double)elapsed) {
		pace_begin(pace, n_done); /* it may be otherwise later */
		return FALSE;
	}
	if (n_connections > 1 && rate < HELPS * pace->before) {
		pace->gave_up = TRUE;
		return FALSE;
	}
	pace->before = rate;
	return TRUE;
}
