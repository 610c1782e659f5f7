/*
 * The notifier thread.
 *
 * A reader must not be answered before the kernel knows the true size of what it reads, else it
 * takes the old size for the end. So attribute jobs are remembered until they are done, and a READ
 * waits for those of its node (notifier_await). These jobs take no page lock and so cannot wait for
 * that READ.
 */
#include "notifier.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <glib-unix.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
	Notifier *notifier;
	guint64 parent, node;
	char *name; /* NULL: attributes of node */
} Job;

struct Notifier {
	struct fuse_session *session;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the three below, and nothing else */
	pthread_cond_t wake;
	GQueue jobs; /* of Job, to be done */
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
job_run(const Job *job)
{
	struct fuse_session *session = job->notifier->session;
	size_t length = job->name ? strlen(job->name) : 0;
	int result;

	if (!job->name) {
		fuse_lowlevel_notify_inval_inode(session, job->node, -1, 0);
		return;
	}
	result = fuse_lowlevel_notify_delete(session, job->parent, job->node, job->name, length);
	if (result && result != -ENOENT)
		fuse_lowlevel_notify_inval_entry(session, job->parent, job->name, length);
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
await_job(Notifier *notifier)
{
	Job *job = NULL;

	pthread_mutex_lock(&notifier->lock);
	while (!notifier->quitting && !(job = g_queue_pop_head(&notifier->jobs)))
		pthread_cond_wait(&notifier->wake, &notifier->lock);
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
	Notifier *notifier = data;
	Job *job;

	while ((job = await_job(notifier))) {
		job_run(job);
		if (job->name)
			job_free(job);
		else
			report_job(notifier, job);
	}
	return NULL;
}

Notifier *
notifier_new(struct fuse_session *session)
{
	Notifier *notifier = g_new0(Notifier, 1);

	notifier->session = session;
	g_queue_init(&notifier->jobs);
	g_queue_init(&notifier->done);
	notifier->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	wait_queue_init(&notifier->waiting);
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_cond_init(&notifier->wake, NULL);
	notifier->report_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	notifier->report = g_unix_fd_add(notifier->report_fd, G_IO_IN, on_report, notifier);
	pthread_create(&notifier->thread, NULL, notifier_thread, notifier);
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
	pthread_cond_signal(&notifier->wake);
	pthread_mutex_unlock(&notifier->lock);
}

void
notifier_free(Notifier *notifier)
{
	notifier_stop(notifier);
	pthread_join(notifier->thread, NULL);
	g_source_remove(notifier->report);
	close(notifier->report_fd);
	free_all(&notifier->jobs);
	free_all(&notifier->done);
	pthread_cond_destroy(&notifier->wake);
	pthread_mutex_destroy(&notifier->lock);
	g_hash_table_unref(notifier->pending);
	g_free(notifier);
}

static void
notifier_push(Notifier *notifier, guint64 parent, guint64 node, const char *name)
{
	Job *job = g_new0(Job, 1);

	job->notifier = notifier;
	job->parent = parent;
	job->node = node;
	job->name = g_strdup(name);
	pthread_mutex_lock(&notifier->lock);
	g_queue_push_tail(&notifier->jobs, job);
	pthread_cond_signal(&notifier->wake);
	pthread_mutex_unlock(&notifier->lock);
}

void
notifier_entry_gone(Notifier *notifier, guint64 parent, guint64 child, const char *name)
{
	notifier_push(notifier, parent, child, name);
}

void
notifier_attributes_changed(Notifier *notifier, guint64 node)
{
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(notifier->pending, &node));

	g_hash_table_replace(notifier->pending, g_memdup2(&node, sizeof(node)),
	                     GUINT_TO_POINTER(n + 1));
	notifier_push(notifier, 0, node, NULL);
}

CacheResult
notifier_await(Notifier *notifier, guint64 node, Waiter *waiter)
{
	if (!g_hash_table_size(notifier->pending) ||
	    !g_hash_table_contains(notifier->pending, &node))
		return CACHE_READY;
	waiter_park(waiter, &notifier->waiting);
	return CACHE_PARKED;
}
