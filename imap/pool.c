/*
 * The connections of one account.
 *
 *     ONLINE   at least one session is ready, or the last one ended in peace and the next job may
 *              open another; jobs wait for a session
 *     OFFLINE  a connection could not be made, or a server hung: jobs are refused at once. Attempts
 *              follow one another with growing delays, and a refused job brings the next one
 * forward
 *
 * A job's own commands, and whether to repeat them, are operation.c.
 */
#include "pool-private.h"

#include <string.h>

#define IDLE_CLOSE_US (60 * G_USEC_PER_SEC) /* a spare session idles so long */
#define KEEPALIVE_US                                                                               \
	(4 * 60 * G_USEC_PER_SEC) /* the last one says NOOP then (NAT forgets after 5 minutes) */
#define HOUSEKEEPING_S     15
#define RETRY_ON_DEMAND_US (1 * G_USEC_PER_SEC)  /* a user is waiting */
#define RETRY_REFUSED_US   (60 * G_USEC_PER_SEC) /* a password was refused: do not get locked out */
#define SHRINK_US          (60 * G_USEC_PER_SEC) /* the server wants fewer connections: for so long */
#define STARVING_US        (G_USEC_PER_SEC / 4) /* a job that waits longer goes before all others */
#define SLOW_LINE_BYTES    (8 * 1000 * 1000)    /* come through before a line is judged */
#define SLOW_LINE_RATE     10                   /* megabytes a second: bytes in a microsecond */

static void pool_pump(ImapPool *pool);

static guint
pool_n_connecting(const ImapPool *pool)
{
	guint n = 0;

	for (guint i = 0; i < pool->members->len; i++)
		n += !((PoolMember *)pool->members->pdata[i])->ready;
	return n;
}

static gboolean
pool_has_ready(const ImapPool *pool)
{
	return pool_n_connecting(pool) < pool->members->len;
}

static void
member_run(PoolMember *member, ImapJob *job)
{
	if (job->mailbox && !pool_member_has_selected(member, job->mailbox))
		session_select(member->session, job->mailbox);
	if (job->kind == JOB_AHEAD)
		pool_ahead_begin(member);
	if (job->kind != JOB_SHORT) {
		member->kind = job->kind;
		member->n_long++;
	}
	job->run(job, member->session);
}

/* --- connecting --- */

static void pool_member_ready(ImapSession *session, gpointer data);
static void pool_member_idle(ImapSession *session, gpointer data);
static void pool_member_closed(ImapSession *session, const GError *error, gpointer data);

static const ImapSessionEvents member_events = {
	.ready = pool_member_ready,
	.idle = pool_member_idle,
	.closed = pool_member_closed,
};

static void
member_free(gpointer data)
{
	PoolMember *member = data;

	session_free(member->session);
	g_free(member);
}

static void
pool_connect(ImapPool *pool)
{
	PoolMember *member;

	if (pool->closing || pool->settings->offline)
		return;
	member = g_new0(PoolMember, 1);
	g_clear_handle_id(&pool->retry, g_source_remove);
	pool->attempted_us = g_get_monotonic_time();
	pool->n_connections++;
	member->pool = pool;
	g_ptr_array_add(pool->members, member);
	member->session = session_new(pool->slow ? &pool->compressed : pool->settings,
	                              pool->context, &member_events, member);
}

static gboolean
pool_retry(gpointer data)
{
	ImapPool *pool = data;

	pool->retry = 0;
	if (!pool->members->len)
		pool_connect(pool);
	return G_SOURCE_REMOVE;
}

static void
pool_schedule_retry(ImapPool *pool)
{
	if (pool->retry || g_error_matches(pool->reason, IMAPFS_ERROR, IMAPFS_ERROR_DENIED))
		return;
	pool->retry = g_timeout_add(backoff_next(&pool->backoff), pool_retry, pool);
}

/* Until one session stands, one is tried at a time: else a wrong password would be refused several
 * times, and a server that wants only one connection would look like one that wants none. */
static gboolean
pool_may_grow(const ImapPool *pool)
{
	return pool->members->len < pool->settings->n_connections &&
	       (pool_has_ready(pool) || !pool->members->len) &&
	       pool_n_connecting(pool) < pool->jobs.length &&
	       (!pool->members->len || g_get_monotonic_time() >= pool->no_more_until_us);
}

/* --- on and off line --- */

static void
job_fail(ImapJob *job, const GError *reason)
{
	g_autoptr(GError) error = g_error_copy(reason);

	if (job->can_wait && error->code == IMAPFS_ERROR_DENIED)
		error->code = IMAPFS_ERROR_OFFLINE;
	job->fail(job, error);
}

static gboolean
pool_refuse_jobs(gpointer data)
{
	ImapPool *pool = data;
	GQueue refused = pool->jobs;
	ImapJob *job;

	pool->refuse = 0;
	g_queue_init(&pool->jobs);
	while ((job = g_queue_pop_head(&refused)))
		job_fail(job, pool->reason);
	return G_SOURCE_REMOVE;
}

static void
pool_refuse_later(ImapPool *pool)
{
	if (!pool->refuse)
		pool->refuse = g_idle_add_full(G_PRIORITY_DEFAULT, pool_refuse_jobs, pool, NULL);
}

static gboolean
pool_tell_refused(gpointer data)
{
	ImapPool *pool = data;
	GQueue refused = pool->refused;
	ImapJob *job;

	pool->tell = 0;
	g_queue_init(&pool->refused);
	while ((job = g_queue_pop_head(&refused))) {
		g_autoptr(GError) error = g_steal_pointer(&job->refusal);

		job->fail(job, error);
	}
	return G_SOURCE_REMOVE;
}

void
pool_refuse(ImapPool *pool, ImapJob *job, GError *error)
{
	job->refusal = error;
	g_queue_push_tail(&pool->refused, job);
	if (!pool->tell)
		pool->tell = g_idle_add_full(G_PRIORITY_DEFAULT, pool_tell_refused, pool, NULL);
}

/* The reason that later jobs are told: the network is down, or the password is wrong, but never
 * again a time-out, for they do not wait. */
static void
pool_go_offline(ImapPool *pool, const GError *error)
{
	g_clear_error(&pool->reason);
	pool->reason = g_error_copy(error);
	if (error->code != IMAPFS_ERROR_DENIED)
		pool->reason->code = IMAPFS_ERROR_OFFLINE;
	if (!pool->offline && !pool->listener) /* the first failure is the listener's to tell */
		g_message("offline: %s", error->message);
	pool->offline = TRUE;
	pool_refuse_later(pool);
	pool_schedule_retry(pool);
}

static void
pool_go_online(ImapPool *pool)
{
	if (pool->offline)
		g_message("online again");
	pool->offline = FALSE;
	g_clear_error(&pool->reason);
	g_clear_handle_id(&pool->retry, g_source_remove);
	g_clear_handle_id(&pool->refuse, g_source_remove);
	backoff_reset(&pool->backoff);
}

static void
pool_tell_observer(ImapPool *pool)
{
	if (pool->observer)
		pool->observer(pool->observer_data);
}

static void
pool_tell_listener(ImapPool *pool, const GError *error)
{
	ImapPoolListener listener = pool->listener;

	pool->listener = NULL;
	if (listener)
		listener(error, pool->listener_data);
}

static void
pool_member_ready(ImapSession *session, gpointer data)
{
	PoolMember *member = data;
	ImapPool *pool = member->pool;

	member->ready = TRUE;
	pool->capabilities = session_remote_capabilities(session);
	g_info("connected to %s", pool->settings->host);
	pool_go_online(pool);
	pool_tell_listener(pool, NULL);
	pool_tell_observer(pool);
	pool_pump(pool);
}

static void
pool_member_idle(ImapSession *session, gpointer data)
{
	(void)session;
	pool_pump(((PoolMember *)data)->pool);
}

/* When one session hangs, the others that idle are most likely dead too: nobody should have to wait
 * for each of them in turn. Those at work have a deadline of their own. */
static void
pool_drop_idle(ImapPool *pool)
{
	for (guint i = pool->members->len; i-- > 0;) {
		PoolMember *member = pool->members->pdata[i];

		if (member->ready && session_n_commands(member->session) == 0)
			member_free(g_ptr_array_remove_index_fast(pool->members, i));
	}
}

/* A connection that was refused while others stand means that the server wants no more of them. */
static void
pool_member_closed(ImapSession *session, const GError *error, gpointer data)
{
	PoolMember *member = data;
	ImapPool *pool = member->pool;
	gboolean was_ready = member->ready;

	(void)session;
	g_info("connection ended: %s", error->message);
	g_ptr_array_remove_fast(pool->members, member);
	if (error->code == IMAPFS_ERROR_TIMED_OUT)
		pool_drop_idle(pool);
	if (!was_ready && pool_has_ready(pool))
		pool->no_more_until_us = g_get_monotonic_time() + SHRINK_US;
	else if (!was_ready || (error->code == IMAPFS_ERROR_TIMED_OUT && !pool_has_ready(pool)))
		pool_go_offline(pool, error);
	pool_tell_listener(pool, error);
	pool_tell_observer(pool);
	pool_pump(pool);
	member_free(member); /* and @error with it */
}

/* --- jobs --- */

/* A session that is always given more work for its mailbox would never be free for another one. */
static gboolean
pool_starves(const ImapPool *pool)
{
	const ImapJob *oldest = g_queue_peek_head((GQueue *)&pool->jobs);

	return oldest && (oldest->kind == JOB_SHORT || oldest->kind == JOB_ALONE) &&
	       g_get_monotonic_time() - oldest->submitted_us > STARVING_US;
}

static void
pool_pump(ImapPool *pool)
{
	GList *link = pool->jobs.head;

	while (link && !pool->offline) {
		GList *next = link->next;
		ImapJob *job = link->data;
		PoolMember *member;

		if (link != pool->jobs.head && pool_starves(pool))
			return;
		member = pool_choose(pool, job, FALSE);
		if (!member && !pool_may_grow(pool) && !pool_n_connecting(pool))
			member = pool_choose(pool, job, TRUE);
		if (member) {
			g_queue_delete_link(&pool->jobs, link);
			member_run(member, job);
			next = pool->jobs.head; /* the job may have changed the queue */
		} else if (pool_may_grow(pool)) {
			pool_connect(pool);
		}
		link = next;
	}
}

static void
pool_attempt_on_demand(ImapPool *pool)
{
	gint64 pause_us = g_error_matches(pool->reason, IMAPFS_ERROR, IMAPFS_ERROR_DENIED)
	                          ? RETRY_REFUSED_US
	                          : RETRY_ON_DEMAND_US;

	if (!pool->members->len && g_get_monotonic_time() - pool->attempted_us > pause_us)
		pool_connect(pool);
}

void
pool_submit(ImapPool *pool, ImapJob *job)
{
	job->submitted_us = g_get_monotonic_time();
	if (job->kind == JOB_AHEAD && pool_ahead_wants_another(pool) &&
	    pool_n_taken(pool) == pool->members->len)
		pool_connect(pool);
	g_queue_push_tail(&pool->jobs, job);
	if (pool->offline) {
		pool_attempt_on_demand(pool);
		pool_refuse_later(pool);
		return;
	}
	pool_pump(pool);
}

void
pool_job_done(ImapPool *pool, ImapJob *job, ImapSession *session)
{
	if (job->kind == JOB_AHEAD)
		pool_ahead_end(pool);
	for (guint i = 0; i < pool->members->len; i++) {
		PoolMember *member = pool->members->pdata[i];

		if (member->session == session && job->kind != JOB_SHORT)
			member->n_long--;
	}
}

void
pool_forget_mailbox(ImapPool *pool, const char *mailbox)
{
	for (guint i = 0; i < pool->members->len; i++) {
		PoolMember *member = pool->members->pdata[i];

		const char *selected = session_selected(member->session)->name;

		/* What only begins like it is selected once more than need be. */
		if (selected && g_str_has_prefix(selected, mailbox))
			session_forget_selected(member->session);
	}
}

const ImapSettings *
pool_settings(const ImapPool *pool)
{
	return pool->settings;
}

gboolean
pool_is_offline(const ImapPool *pool)
{
	return pool->offline;
}

void
pool_set_observer(ImapPool *pool, ImapPoolObserver observer, gpointer data)
{
	pool->observer = observer;
	pool->observer_data = data;
}

RemoteCapabilities
pool_capabilities(const ImapPool *pool)
{
	return pool->capabilities;
}

/* --- its own calls --- */

static void
on_noop_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	(void)tagged;
	(void)error;
	(void)data;
}

static const ImapCommandHandler noop = {.done = on_noop_done};

static void
member_say_noop(PoolMember *member)
{
	ImapCommand *command = command_new("NOOP", &noop, NULL);

	command_text(command, "NOOP");
	session_send(member->session, command);
}

void
pool_doubt_connections(ImapPool *pool)
{
	for (guint i = 0; i < pool->members->len; i++) {
		PoolMember *member = pool->members->pdata[i];

		if (!pool_member_is_usable(member))
			continue;
		if (session_n_commands(member->session) == 0)
			member_say_noop(member);
		session_doubt(member->session);
	}
}

/* What is deflated has been at work for every byte at the server, which few deflate faster than a
 * line of 120 Mbit/s carries it as it is: so only a line that has shown itself slow is compressed.
 * It takes a new connection: COMPRESS is part of the login. */
static gboolean
member_should_compress(const PoolMember *member)
{
	const ImapTraffic *traffic = session_traffic(member->session);

	return member->pool->settings->compress == IMAP_COMPRESS_AUTO &&
	       !session_is_compressed(member->session) &&
	       session_has_capability(member->session, "COMPRESS=DEFLATE") &&
	       traffic->n_flowed >= SLOW_LINE_BYTES &&
	       traffic->n_flowed < (guint64)traffic->flowed_us * SLOW_LINE_RATE;
}

static gboolean
pool_keep_house(gpointer data)
{
	ImapPool *pool = data;
	gint64 now = g_get_monotonic_time();

	for (guint i = pool->members->len; i-- > 0;) {
		PoolMember *member = pool->members->pdata[i];
		gint64 idle_us = now - session_idle_since(member->session);

		if (!pool_member_is_usable(member) || session_n_commands(member->session))
			continue;
		if (!pool->slow && member_should_compress(member)) {
			g_info("the line is slow: connecting again, compressed");
			pool->slow = TRUE;
			member_free(g_ptr_array_remove_index_fast(pool->members, i));
			pool_connect(pool);
		} else if (pool->members->len > 1 && idle_us > IDLE_CLOSE_US) {
			member_free(g_ptr_array_remove_index_fast(pool->members, i));
		} else if (idle_us > KEEPALIVE_US) {
			member_say_noop(member);
		}
	}
	pool_pump(pool); /* more connections may be allowed again */
	return G_SOURCE_CONTINUE;
}

ImapPool *
pool_new(const ImapSettings *settings, SSL_CTX *context)
{
	ImapPool *pool = g_new0(ImapPool, 1);

	pool->settings = settings;
	pool->compressed = *settings;
	pool->compressed.compress = IMAP_COMPRESS_ON;
	pool->context = context;
	pool->members = g_ptr_array_new();
	g_queue_init(&pool->jobs);
	g_queue_init(&pool->refused);
	if (settings->offline) {
		pool->offline = TRUE;
		pool->reason = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE, "as asked");
	}
	pool->housekeeping = g_timeout_add_seconds(HOUSEKEEPING_S, pool_keep_house, pool);
	return pool;
}

void
pool_free(ImapPool *pool)
{
	g_source_remove(pool->housekeeping);
	g_clear_handle_id(&pool->retry, g_source_remove);
	g_clear_handle_id(&pool->refuse, g_source_remove);
	pool->closing = TRUE;
	pool->offline = TRUE; /* what ends now is not tried again */
	g_clear_error(&pool->reason);
	pool->reason = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED, "unmounted");
	while (pool->members->len) {
		PoolMember *member = g_ptr_array_steal_index(pool->members, 0);

		member_free(member);
	}
	while (pool->jobs.length || pool->refused.length) { /* each may leave something to do */
		g_clear_handle_id(&pool->refuse, g_source_remove);
		pool_refuse_jobs(pool);
		g_clear_handle_id(&pool->tell, g_source_remove);
		pool_tell_refused(pool);
	}
	g_clear_handle_id(&pool->refuse, g_source_remove);
	g_clear_handle_id(&pool->tell, g_source_remove);
	g_ptr_array_unref(pool->members);
	g_clear_error(&pool->reason);
	g_free(pool);
}

void
pool_start(ImapPool *pool, ImapPoolListener listener, gpointer data)
{
	pool->listener = listener;
	pool->listener_data = data;
	pool_connect(pool);
}

static void
member_status(const PoolMember *member, guint number, GString *text)
{
	static const char *const states[] = {"connecting", "logging in", "ready", "closed"};
	const ImapTraffic *traffic = session_traffic(member->session);
	const ImapSelected *selected = session_selected(member->session);
	g_autofree char *mailbox = imap_printable(selected->name ? selected->name : "-", -1);

	g_string_append_printf(text,
	                       "connection %u: %s, mailbox %s, %u in flight, %" G_GUINT64_FORMAT
	                       " commands, %" G_GUINT64_FORMAT " bytes in, %" G_GUINT64_FORMAT
	                       " bytes out\n",
	                       number, states[session_state(member->session)], mailbox,
	                       session_n_commands(member->session), traffic->n_commands,
	                       traffic->n_bytes_in, traffic->n_bytes_out);
}

void
pool_status(ImapPool *pool, GString *text)
{
	g_string_append_printf(text, "state: %s\n", pool->offline ? "offline" : "online");
	if (pool->reason)
		g_string_append_printf(text, "reason: %s\n", pool->reason->message);
	for (guint i = 0; i < pool->members->len; i++) {
		PoolMember *member = pool->members->pdata[i];
		g_autofree char *capabilities = session_capabilities(member->session);
		const char *tls = session_tls_version(member->session);

		if (i == 0)
			g_string_append_printf(text, "tls: %s\ncompression: %s\ncapabilities: %s\n",
			                       tls ? tls : "none",
			                       session_is_compressed(member->session) ? "deflate"
			                                                              : "none",
			                       capabilities);
		member_status(member, i + 1, text);
	}
	g_string_append_printf(text,
	                       "connections: %u open, %" G_GUINT64_FORMAT " made\nwaiting: %u\n",
	                       pool->members->len, pool->n_connections, pool->jobs.length);
}
