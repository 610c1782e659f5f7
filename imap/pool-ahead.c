/*
 * Reading ahead over two connections.
 *
 * Batches are read one behind another on one connection. As long as there is always one on its way,
 * and it is neither the line nor us that they wait for, a second connection joins (pace.h); then
 * each has one of the two batches that a walker has under way. If that brings no more bytes, or
 * when the walk is over, one is enough again.
 */
#include "pool-private.h"

#define MAX_AHEAD 2              /* connections: no walker asks for more batches at a time */
#define QUIET_US  G_USEC_PER_SEC /* then what comes next is another walk */
#define PAUSED    0.2            /* of the time: then it is the walker that is waited for */

static guint64
pool_n_bytes(const ImapPool *pool)
{
	guint64 n_bytes = 0;

	for (guint i = 0; i < pool->members->len; i++) {
		const PoolMember *member = pool->members->pdata[i];

		n_bytes += session_traffic(member->session)->n_flowed;
	}
	return n_bytes;
}

static void
pool_measure_ahead(ImapPool *pool)
{
	pool->ahead.paused_us = 0;
	pace_begin(&pool->ahead.pace, pool_n_bytes(pool));
}

void
pool_ahead_begin(PoolMember *member)
{
	PoolAhead *ahead = &member->pool->ahead;
	gint64 pause_us = ahead->n_jobs ? 0 : g_get_monotonic_time() - ahead->quiet_us;

	ahead->paused_us += pause_us;
	ahead->n_jobs++;
	if (pause_us > QUIET_US) {
		*ahead = (PoolAhead){.n_jobs = 1, .n_connections = 1};
		pool_measure_ahead(member->pool);
	} else if (ahead->n_connections > 1 && !ahead->joined && ahead->n_jobs > 1 &&
	           !member->n_long) {
		ahead->joined = TRUE;
		pool_measure_ahead(member->pool);
	}
}

void
pool_ahead_end(ImapPool *pool)
{
	if (--pool->ahead.n_jobs == 0)
		pool->ahead.quiet_us = g_get_monotonic_time();
}

static gboolean
ahead_is_waited_for(const PoolAhead *ahead)
{
	gint64 elapsed = g_get_monotonic_time() - ahead->pace.began_us;

	return ahead->n_jobs && (double)ahead->paused_us < PAUSED * (double)elapsed;
}

gboolean
pool_ahead_wants_another(ImapPool *pool)
{
	PoolAhead *ahead = &pool->ahead;

	if ((ahead->n_connections > 1 && !ahead->joined) || !ahead_is_waited_for(ahead) ||
	    (ahead->n_connections < MAX_AHEAD && !pool_has_room(pool)))
		return FALSE;
	if (!pace_wants_more(&ahead->pace, pool_n_bytes(pool), ahead->n_connections)) {
		if (ahead->pace.gave_up)
			ahead->n_connections = 1;
		return FALSE;
	}
	if (ahead->n_connections == MAX_AHEAD) {
		ahead->pace = (Pace){0}; /* it helps, and there is nothing more to find out */
		return FALSE;
	}
	g_info("reading ahead waits for the server: another connection joins");
	ahead->n_connections++;
	ahead->joined = FALSE;
	return TRUE;
}
