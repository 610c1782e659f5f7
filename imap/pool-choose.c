/*
 * Which session a job gets: one that has its mailbox selected, else one that is free; whoever is in
 * a hurry is put behind no long job, and one session is always left to those.
 *
 * Who must be alone gets a session that has nothing to do, and nobody else gets it meanwhile.
 *
 * Reading ahead goes one batch behind another on one session; where there are to be two
 * (pool-ahead.c), each batch goes to the one that has fewer of them.
 */
#include "pool-private.h"

#define PIPELINE_MAX 64 /* commands on one session before others are used */

gboolean
pool_member_is_usable(const PoolMember *member)
{
	return member->ready && session_state(member->session) == SESSION_READY;
}

gboolean
pool_member_has_selected(const PoolMember *member, const char *mailbox)
{
	return g_strcmp0(session_selected(member->session)->name, mailbox) == 0;
}

guint
pool_n_taken(const ImapPool *pool)
{
	guint n_taken = 0;

	for (guint i = 0; i < pool->members->len; i++)
		n_taken += ((PoolMember *)pool->members->pdata[i])->n_long > 0;
	return n_taken;
}

/* One session is always left to those who are in a hurry, where there may be more than one. */
static gboolean
pool_is_nearly_taken(const ImapPool *pool)
{
	guint n_taken = pool_n_taken(pool);

	return n_taken > 0 && n_taken + 1 >= pool->settings->n_connections;
}

gboolean
pool_has_room(const ImapPool *pool)
{
	return !pool->offline && !pool_is_nearly_taken(pool) &&
	       (pool_n_taken(pool) < pool->members->len ||
	        g_get_monotonic_time() >= pool->no_more_until_us);
}

static guint
pool_n_ahead(const ImapPool *pool, const char *mailbox)
{
	guint n_ahead = 0;

	for (guint i = 0; i < pool->members->len; i++) {
		const PoolMember *member = pool->members->pdata[i];

		n_ahead += member->n_long && member->kind == JOB_AHEAD &&
		           pool_member_has_selected(member, mailbox);
	}
	return n_ahead;
}

/* Of joining those batches that @member reads ahead. Any free session is better where one more is
 * to be at it, and none is otherwise. */
static int
join_cost(const PoolMember *member, const ImapJob *job)
{
	if (pool_n_ahead(member->pool, job->mailbox) < member->pool->ahead.n_connections)
		return 2 * PIPELINE_MAX - 1;
	return (int)member->n_long - G_MAXINT;
}

static gboolean
disturbs(const PoolMember *member, const ImapJob *job)
{
	if (member->n_long && member->kind == JOB_ALONE)
		return TRUE;
	return job->kind == JOB_ALONE && session_n_commands(member->session);
}

/* Lower is better; G_MAXINT: not this one. */
static int
member_cost(const PoolMember *member, const ImapJob *job, gboolean may_wait)
{
	guint n_commands = session_n_commands(member->session);
	gboolean selected = !job->mailbox || pool_member_has_selected(member, job->mailbox);
	gboolean joins = member->n_long && job->kind == JOB_AHEAD && member->kind == JOB_AHEAD;

	if (!pool_member_is_usable(member) || disturbs(member, job))
		return G_MAXINT;
	if (selected && joins)
		return join_cost(member, job);
	if (job->kind != JOB_SHORT && !member->n_long && pool_is_nearly_taken(member->pool))
		return G_MAXINT;
	if (selected && !member->n_long && n_commands < PIPELINE_MAX)
		return (int)n_commands;
	if (session_may_select(member->session) && !member->n_long)
		return PIPELINE_MAX + (int)n_commands;
	/* Behind a long job, or many short ones, only if nothing better will come. */
	return selected && may_wait ? 2 * PIPELINE_MAX + (int)n_commands : G_MAXINT;
}

PoolMember *
pool_choose(ImapPool *pool, const ImapJob *job, gboolean may_wait)
{
	PoolMember *best = NULL;
	int best_cost = G_MAXINT;

	for (guint i = 0; i < pool->members->len; i++) {
		PoolMember *member = pool->members->pdata[i];
		int cost = member_cost(member, job, may_wait);

		/* Among idle ones, the one idle for longest: its mailbox is least in use. */
		if (cost < best_cost ||
		    (best && cost == best_cost && cost == PIPELINE_MAX &&
		     session_idle_since(member->session) < session_idle_since(best->session))) {
			best = member;
			best_cost = cost;
		}
	}
	return best;
}
