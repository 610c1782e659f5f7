/*
 * The notifier thread.
 *
 * A reader must not be answered before the kernel knows the true size of what it reads, else it
 * takes the old size for the end. So attribute jobs are remembered until they are done, and a READ
 * waits for those of its node (notifier_await). These jobs take no page lock and so cannot wait for
 * that READ.
 */
#include "notifier.h"

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <string.h>

typedef struct {
	Notifier *notifier;
	guint64 parent, node;
	char *name; /* NULL: attributes of node */
} Job;

struct Notifier {
	struct fuse_session *session;
	GThread *thread;
	GAsyncQueue *jobs; /* of Job; the notifier itself as the last */
	GMutex quitting_lock;
	gboolean quitting;
	GHashTable *pending; /* node (gint64) -> number of attribute jobs not done */
	WaitQueue waiting;
	guint n_reports; /* jobs in the thread's hands or reported to the loop */
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

/* In the loop. */
static gboolean
job_reported(gpointer data)
{
	Job *job = data;
	Notifier *notifier = job->notifier;
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(notifier->pending, &job->node));

	if (n > 1)
		g_hash_table_replace(notifier->pending, g_memdup2(&job->node, sizeof(job->node)),
		                     GUINT_TO_POINTER(n - 1));
	else
		g_hash_table_remove(notifier->pending, &job->node);
	job_free(job);
	wait_queue_wake(&notifier->waiting, NULL);
	return G_SOURCE_REMOVE;
}

static gboolean
notifier_is_quitting(Notifier *notifier)
{
	gboolean quitting;

	g_mutex_lock(&notifier->quitting_lock);
	quitting = notifier->quitting;
	g_mutex_unlock(&notifier->quitting_lock);
	return quitting;
}

static gpointer
notifier_thread(gpointer data)
{
	Notifier *notifier = data;
	gpointer item;

	while ((item = g_async_queue_pop(notifier->jobs)) != notifier) {
		Job *job = item;

		if (!notifier_is_quitting(notifier))
			job_run(job);
		if (job->name || notifier_is_quitting(notifier))
			job_free(job);
		else
			g_idle_add_full(G_PRIORITY_DEFAULT, job_reported, job, NULL);
	}
	return NULL;
}

Notifier *
notifier_new(struct fuse_session *session)
{
	Notifier *notifier = g_new0(Notifier, 1);

	notifier->session = session;
	notifier->jobs = g_async_queue_new();
	notifier->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	wait_queue_init(&notifier->waiting);
	g_mutex_init(&notifier->quitting_lock);
	notifier->thread = g_thread_new("notifier", notifier_thread, notifier);
	return notifier;
}

void
notifier_free(Notifier *notifier)
{
	g_mutex_lock(&notifier->quitting_lock);
	notifier->quitting = TRUE;
	g_mutex_unlock(&notifier->quitting_lock);
	g_async_queue_push(notifier->jobs, notifier);
	g_thread_join(notifier->thread);
	while (g_hash_table_size(notifier->pending) && g_main_context_iteration(NULL, FALSE))
		;
	g_async_queue_unref(notifier->jobs);
	g_hash_table_unref(notifier->pending);
	g_mutex_clear(&notifier->quitting_lock);
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
	g_async_queue_push(notifier->jobs, job);
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
