/*
 * wait.h: parking until a thing arrives.
 *
 * Whoever needs something that is not there yet puts a Waiter of its own into the WaitQueue of that
 * thing and returns to the loop. When the thing arrives, every waiter is woken with NULL and looks
 * again from the top; when it cannot arrive, every waiter is woken with the error. A waiter is in
 * at most one queue, leaves it before it is woken, and may be taken out at any time.
 */
#pragma once

#include <glib.h>

typedef struct Waiter Waiter;

typedef struct {
	GQueue waiters;
} WaitQueue;

struct Waiter {
	void (*wake)(Waiter *waiter, const GError *error); /* may free the waiter */
	WaitQueue *queue;                                  /* NULL: not parked */
	GList link;
};

/* What a question to the cache comes to. */
typedef enum {
	CACHE_READY,  /* the answer is there */
	CACHE_PARKED, /* the waiter has been queued: ask again when it is woken */
	CACHE_FAILED, /* the error is set */
} CacheResult;

static inline void
wait_queue_init(WaitQueue *queue)
{
	g_queue_init(&queue->waiters);
}

static inline void
waiter_park(Waiter *waiter, WaitQueue *queue)
{
	g_assert(!waiter->queue);
	waiter->link.data = waiter;
	waiter->queue = queue;
	g_queue_push_tail_link(&queue->waiters, &waiter->link);
}

/* Takes @waiter out of its queue, if it is in one. */
static inline void
waiter_cancel(Waiter *waiter)
{
	if (!waiter->queue)
		return;
	g_queue_unlink(&waiter->queue->waiters, &waiter->link);
	waiter->queue = NULL;
}

/* Wakes those that wait now; those that park again while this runs wait for the next time. The
 * queue itself must stay until this returns. */
static inline void
wait_queue_wake(WaitQueue *queue, const GError *error)
{
	for (guint n = queue->waiters.length; n && queue->waiters.head; n--) {
		Waiter *waiter = queue->waiters.head->data;

		waiter_cancel(waiter);
		waiter->wake(waiter, error);
	}
}
