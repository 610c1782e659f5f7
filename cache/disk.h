/*
 * disk.h: work that may wait for the disk, done by one thread.
 *
 * The loop pushes jobs; the worker runs them one after the other and the loop is told of each that
 * is done. A job carries everything that its run() may touch: the worker owns no state. All
 * functions are called from the thread that made the Disk, and never from a run().
 */
#pragma once

#include <glib.h>

typedef struct Disk Disk;
typedef struct DiskJob DiskJob;

/* Embedded in what the job is about, and left alone between the push and done(). */
struct DiskJob {
	void (*run)(DiskJob *job);  /* on the worker; may free the job where done is NULL */
	void (*done)(DiskJob *job); /* on the loop, in the order of the runs; may free the job, push
	                             * others and flush, but not free the Disk; or NULL */
	DiskJob *next;              /* the Disk's own */
};

/* done()s will be called from the thread's default main context. The thread itself is begun with
 * the first push, so that a program may still fork before. */
Disk *disk_new(void);

/* Runs and reports what was pushed, and what is pushed by those reports, then ends the thread. */
void disk_free(Disk *disk);

/* @job will run after all that were pushed before. */
void disk_push(Disk *disk, DiskJob *job);

/* @job, which somebody waits for, will run before all that were not pushed like this. */
void disk_push_urgent(Disk *disk, DiskJob *job);

/* Waits until all that was pushed has run, and calls its done()s. */
void disk_flush(Disk *disk);
