/*
 * The notifier threads, each with a lane of jobs.
 *
 * A reader must not be answered before the kernel knows the true size of what it reads, else it
 * takes the old size for the end. So attribute jobs are remembered until they are done, and a READ
 * waits for those of its node (notifier_await). These jobs take no lock and so cannot wait for that
 * READ; and have a lane of their own, so as not to stand behind a job that does: entries are locked
 * with their directory while a RENAME there is in the loop's hands.
 */
#include "notifier.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <glib-unix.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef enum { JOB_ATTRIBUTES, JOB_ENTRY_GONE, JOB_ENTRY_CAME, JOB_LISTING } JobKind;

typedef struct {
	JobKind kind;
	guint64 parent, node;
	char *name; /* entries */
} Job;

/* What waits for a lock of the kernel, and what never does. */
typedef enum { LANE_QUICK, LANE_SLOW, N_LANES } LaneKind;

typedef struct {
	Notifier *notifier;
	pthread_t thread;
	pthread_cond_t wake;
	GQueue jobs; /* of Job, to be done */
} Lane;

struct Notifier {
	struct fuse_session *session;
	pthread_mutex_t
		lock; /* guards done, quitting and the jobs of all lanes, and nothing else */
	Lane lanes[N_LANES];
	GQueue done; /* of Job, to be reported */
	gboolean quitting;
	int report_fd;       /* eventfd: there is something in done */
	guint report;        /* source that reads it */
	GHashTable *pending; /* node (gint64) -> number of attribute jobs not done */
	WaitQueue waiting;
};

static void
job_free(Job *job)
{
	g_free(job->name);
	g_free(job);
}

/* A directory that still has cached entries cannot be deleted, but its name can be made to be asked
 * for. */
static void
tell_entry_gone(struct fuse_session *session, const Job *job)
{
	size_t length = strlen(job->name);
	int result =
		fuse_lowlevel_notify_delete(session, job->parent, job->node, job->name, length);

	if (result && result != -ENOENT)
		fuse_lowlevel_notify_inval_entry(session, job->parent, job->name, length);
}

/* For a name that the kernel does not know it would go on showing the listing that it has. */
static void
tell_entry_came(struct fuse_session *session, const Job *job)
{
	fuse_lowlevel_notify_inval_entry(session, job->parent, job->name, strlen(job->name));
	fuse_lowlevel_notify_inval_inode(session, job->parent, 0, 0);
}

static void
job_run(struct fuse_session *session, const Job *job)
{
	switch (job->kind) {
	case JOB_ATTRIBUTES:
		fuse_lowlevel_notify_inval_inode(session, job->node, -1, 0);
		break;
	case JOB_ENTRY_GONE:
		tell_entry_gone(session, job);
		break;
	case JOB_ENTRY_CAME:
		tell_entry_came(session, job);
		break;
	case JOB_LISTING:
		fuse_lowlevel_notify_inval_inode(session, job->node, 0, 0);
		break;
	}
}

static void
job_reported(Notifier *notifier, Job *job)
{
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(notifier->pending, &job->node));

	if (n > 1)
		g_hash_table_replace(notifier->pending, g_memdup2(&job->node, sizeof(job->node)),
		                     GUINT_TO_POINTER(n - 1));
	else
		g_hash_table_remove(notifier->pending, &job->node);
	job_free(job);
}

static GQueue
take_all(Notifier *notifier, GQueue *queue)
{
	GQueue taken;

	pthread_mutex_lock(&notifier->lock);
	taken = *queue;
	g_queue_init(queue);
	pthread_mutex_unlock(&notifier->lock);
	return taken;
}

/* In the loop. */
static gboolean
on_report(gint fd, GIOCondition condition, gpointer data)
{
	Notifier *notifier = data;
	eventfd_t n;
	GQueue done;
	Job *job;

	(void)condition;
	eventfd_read(fd, &n);
	done = take_all(notifier, &notifier->done);
	while ((job = g_queue_pop_head(&done)))
		job_reported(notifier, job);
	wait_queue_wake(&notifier->waiting, NULL);
	return G_SOURCE_CONTINUE;
}

/* The next job, when there is one; NULL: time to quit. */
static Job *
await_job(Lane *lane)
{
	Notifier *notifier = lane->notifier;
	Job *job = NULL;

	pthread_mutex_lock(&notifier->lock);
	while (!notifier->quitting && !(job = g_queue_pop_head(&lane->jobs)))
		pthread_cond_wait(&lane->wake, &notifier->lock);
	pthread_mutex_unlock(&notifier->lock);
	return job;
}

static void
report_job(Notifier *notifier, Job *job)
{
	pthread_mutex_lock(&notifier->lock);
	g_queue_push_tail(&notifier->done, job);
	pthread_mutex_unlock(&notifier->lock);
	eventfd_write(notifier->report_fd, 1);
}

static void *
notifier_thread(void *data)
{
	Lane *lane = data;
	Job *job;

	while ((job = await_job(lane))) {
		job_run(lane->notifier->session, job);
		if (job->kind == JOB_ATTRIBUTES)
			report_job(lane->notifier, job);
		else
			job_free(job);
	}
	return NULL;
}

static void
lane_start(Lane *lane, Notifier *notifier)
{
	lane->notifier = notifier;
	g_queue_init(&lane->jobs);
	pthread_cond_init(&lane->wake, NULL);
	pthread_create(&lane->thread, NULL, notifier_thread, lane);
}

Notifier *
notifier_new(struct fuse_session *session)
{
	Notifier *notifier = g_new0(Notifier, 1);

	notifier->session = session;
	g_queue_init(&notifier->done);
	notifier->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	wait_queue_init(&notifier->waiting);
	pthread_mutex_init(&notifier->lock, NULL);
	notifier->report_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	notifier->report = g_unix_fd_add(notifier->report_fd, G_IO_IN, on_report, notifier);
	for (guint i = 0; i < N_LANES; i++)
		lane_start(&notifier->lanes[i], notifier);
	return notifier;
}

static void
free_all(GQueue *jobs)
{
	Job *job;

	while ((job = g_queue_pop_head(jobs)))
		job_free(job);
}

void
notifier_stop(Notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	notifier->quitting = TRUE;
	for (guint i = 0; i < N_LANES; i++)
		pthread_cond_signal(&notifier->lanes[i].wake);
	pthread_mutex_unlock(&notifier->lock);
}

static void
lane_end(Lane *lane)
{
	pthread_join(lane->thread, NULL);
	pthread_cond_destroy(&lane->wake);
	free_all(&lane->jobs);
}

void
notifier_free(Notifier *notifier)
{
	notifier_stop(notifier);
	for (guint i = 0; i < N_LANES; i++)
		lane_end(&notifier->lanes[i]);
	g_source_remove(notifier->report);
	close(notifier->report_fd);
	free_all(&notifier->done);
	pthread_mutex_destroy(&notifier->lock);
	g_hash_table_unref(notifier->pending);
	g_free(notifier);
}

static void
notifier_push(Notifier *notifier, JobKind kind, guint64 parent, guint64 node, const char *name)
{
	Lane *lane = &notifier->lanes[kind == JOB_ATTRIBUTES ? LANE_QUICK : LANE_SLOW];
	Job *job = g_new0(Job, 1);

	job->kind = kind;
	job->parent = parent;
	job->node = node;
	job->name = g_strdup(name);
	pthread_mutex_lock(&notifier->lock);
	g_queue_push_tail(&lane->jobs, job);
	pthread_cond_signal(&lane->wake);
	pthread_mutex_unlock(&notifier->lock);
}

void
notifier_entry_gone(Notifier *notifier, guint64 parent, guint64 child, const char *name)
{
	notifier_push(notifier, JOB_ENTRY_GONE, parent, child, name);
}

void
notifier_entry_came(Notifier *notifier, guint64 parent, const char *name)
{
	notifier_push(notifier, JOB_ENTRY_CAME, parent, 0, name);
}

void
notifier_listing_changed(Notifier *notifier, guint64 directory)
{
	notifier_push(notifier, JOB_LISTING, 0, directory, NULL);
}

void
notifier_attributes_changed(Notifier *notifier, guint64 node)
{
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(notifier->pending, &node));

	g_hash_table_replace(notifier->pending, g_memdup2(&node, sizeof(node)),
	                     GUINT_TO_POINTER(n + 1));
	notifier_push(notifier, JOB_ATTRIBUTES, 0, node, NULL);
}

CacheResult
notifier_await(Notifier *notifier, guint64 node, Waiter *waiter)
{
	if (!g_hash_table_size(notifier->pending) ||
	    (node && !g_hash_table_contains(notifier->pending, &node)))
		return CACHE_READY;
	waiter_park(waiter, &notifier->waiting);
	return CACHE_PARKED;
}
