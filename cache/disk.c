/*
 * The disk worker.
 *
 * A job goes through three queues: one of the two that the worker takes from, then, when it has
 * run, that of what is to be reported. The loop takes the last as a whole into a queue of its own
 * (reporting) and goes through that; a done() that flushes goes on with the same queue, so the
 * order stays. The eventfd is written only when a report is the first in its queue: many jobs done
 * in a row wake the loop once. The lock is pthread's since the thread sanitizer does not see
 * GLib's.
 */
#include "disk.h"

#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
	DiskJob *head, **tail;
} Jobs;

struct Disk {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the next six, and nothing else */
	pthread_cond_t wake;  /* for the worker: there is a job, or quitting */
	pthread_cond_t idle;  /* for disk_flush: nothing is left to run */
	Jobs urgent, normal, done;
	gboolean running, quitting;

	gboolean started; /* these are the loop's */
	Jobs reporting;
	int report_fd; /* eventfd: there is something in done */
	GSource *source;
};

static void
jobs_init(Jobs *jobs)
{
	jobs->head = NULL;
	jobs->tail = &jobs->head;
}

static void
jobs_push(Jobs *jobs, DiskJob *job)
{
	job->next = NULL;
	*jobs->tail = job;
	jobs->tail = &job->next;
}

static DiskJob *
jobs_pop(Jobs *jobs)
{
	DiskJob *job = jobs->head;

	if (!job)
		return NULL;
	jobs->head = job->next;
	if (!jobs->head)
		jobs->tail = &jobs->head;
	return job;
}

/* Appends all of @from, which is empty then. */
static void
jobs_take(Jobs *jobs, Jobs *from)
{
	if (!from->head)
		return;
	*jobs->tail = from->head;
	jobs->tail = from->tail;
	jobs_init(from);
}

/* --- on the worker, with the lock held except while a job runs --- */

static DiskJob *
await_job(Disk *disk)
{
	DiskJob *job;

	while (!(job = jobs_pop(&disk->urgent)) && !(job = jobs_pop(&disk->normal))) {
		pthread_cond_signal(&disk->idle);
		if (disk->quitting)
			return NULL;
		pthread_cond_wait(&disk->wake, &disk->lock);
	}
	return job;
}

static void
report_job(Disk *disk, DiskJob *job)
{
	gboolean first = !disk->done.head;

	jobs_push(&disk->done, job);
	if (first)
		eventfd_write(disk->report_fd, 1);
}

static void *
disk_thread(void *data)
{
	Disk *disk = data;
	DiskJob *job;

	pthread_mutex_lock(&disk->lock);
	while ((job = await_job(disk))) {
		gboolean silent = !job->done;

		disk->running = TRUE;
		pthread_mutex_unlock(&disk->lock);
		job->run(job);
		pthread_mutex_lock(&disk->lock);
		disk->running = FALSE;
		if (!silent)
			report_job(disk, job);
	}
	pthread_mutex_unlock(&disk->lock);
	return NULL;
}

/* --- in the loop --- */

static void
deliver_reports(Disk *disk)
{
	DiskJob *job;

	pthread_mutex_lock(&disk->lock);
	jobs_take(&disk->reporting, &disk->done);
	pthread_mutex_unlock(&disk->lock);
	while ((job = jobs_pop(&disk->reporting)))
		job->done(job);
}

static gboolean
on_report(gint fd, GIOCondition condition, gpointer data)
{
	eventfd_t n;

	(void)condition;
	eventfd_read(fd, &n);
	deliver_reports(data);
	return G_SOURCE_CONTINUE;
}

Disk *
disk_new(void)
{
	g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
	Disk *disk = g_new0(Disk, 1);

	jobs_init(&disk->urgent);
	jobs_init(&disk->normal);
	jobs_init(&disk->done);
	jobs_init(&disk->reporting);
	pthread_mutex_init(&disk->lock, NULL);
	pthread_cond_init(&disk->wake, NULL);
	pthread_cond_init(&disk->idle, NULL);
	disk->report_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	disk->source = g_unix_fd_source_new(disk->report_fd, G_IO_IN);
	g_source_set_callback(disk->source, G_SOURCE_FUNC(on_report), disk, NULL);
	g_source_attach(disk->source, context);
	return disk;
}

/* The worker is to see no signals: they are the loop's. */
static void
disk_start(Disk *disk)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&disk->thread, NULL, disk_thread, disk);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		g_error("cannot begin a thread: %s", g_strerror(error));
	disk->started = TRUE;
}

static void
push(Disk *disk, Jobs *jobs, DiskJob *job)
{
	if (!disk->started)
		disk_start(disk);
	pthread_mutex_lock(&disk->lock);
	jobs_push(jobs, job);
	pthread_cond_signal(&disk->wake);
	pthread_mutex_unlock(&disk->lock);
}

void
disk_push(Disk *disk, DiskJob *job)
{
	push(disk, &disk->normal, job);
}

void
disk_push_urgent(Disk *disk, DiskJob *job)
{
	push(disk, &disk->urgent, job);
}

void
disk_flush(Disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	while (disk->urgent.head || disk->normal.head || disk->running)
		pthread_cond_wait(&disk->idle, &disk->lock);
	pthread_mutex_unlock(&disk->lock);
	deliver_reports(disk);
}

static gboolean
has_work(Disk *disk)
{
	gboolean result;

	pthread_mutex_lock(&disk->lock);
	result = disk->urgent.head || disk->normal.head || disk->running || disk->done.head;
	pthread_mutex_unlock(&disk->lock);
	return result;
}

void
disk_free(Disk *disk)
{
	while (has_work(disk))
		disk_flush(disk);
	if (disk->started) {
		pthread_mutex_lock(&disk->lock);
		disk->quitting = TRUE;
		pthread_cond_signal(&disk->wake);
		pthread_mutex_unlock(&disk->lock);
		pthread_join(disk->thread, NULL);
	}
	g_source_destroy(disk->source);
	g_source_unref(disk->source);
	close(disk->report_fd);
	pthread_cond_destroy(&disk->idle);
	pthread_cond_destroy(&disk->wake);
	pthread_mutex_destroy(&disk->lock);
	g_free(disk);
}
