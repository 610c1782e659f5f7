/*
 * Walkers, and how far ahead of each to read.
 *
 * A walker's window is in bytes. It doubles with each step that was foreseen, up to what the line
 * brings in LEAD_SECONDS while it is not kept waiting: enough to keep any line full, and little
 * enough that somebody else's read, behind all that on the same line, waits only for that long. It
 * is refilled when half of it has been used, so that the next batch is asked for while the last one
 * still comes in.
 *
 * In a small mailbox a random reader takes a step by chance, so only a step to the very next
 * message is taken at its word; a longer one must be followed by another. What is ahead of all
 * walkers is bounded by memory, and they share that.
 *
 * A walker that reads only the first bytes of each file (a file manager that looks for types) gets
 * nothing of which it would leave most unread.
 */
#include "prefetch.h"

#include <string.h>

#include "account-private.h"

#define N_WALKERS    8
#define MAX_STEP     16           /* messages that a walker may skip (find -name, gaps) */
#define FIRST_WINDOW (32 * 1024)  /* bytes */
#define LEAST_LIMIT  (256 * 1024) /* bytes; whatever the rate */
#define LEAD_SECONDS 0.35
#define SNIFFED                                                                                    \
	(32 * 1024) /* bytes: of a longer message, one who reads its beginning may leave the rest  \
	             */
#define LARGE        (256 * 1024) /* bytes: only for those who have read a message to its end */
#define LARGEST      (4 * 1024 * 1024)
#define BATCH        512         /* messages in one command */
#define LIVE_STEPS   64          /* a walker that has taken none of the last so many may be gone */
#define SAMPLE_BYTES (64 * 1024) /* that the rate is measured by, at least ... */
#define SAMPLE_US    5000        /* ... and for so long */

typedef enum { ORDER_UNKNOWN, ORDER_UID, ORDER_NAME, N_ORDERS } Order;

typedef struct {
	guint32 mailbox_id; /* 0: none */
	Order order;
	guint32 last;    /* UID that was read last */
	guint32 ahead;   /* UID up to which messages have been asked for; 0: none */
	guint64 lead;    /* bytes between the two */
	guint64 window;  /* bytes that lead may be */
	guint n_steps;   /* in this order */
	guint64 stepped; /* the last one's number among those of all walkers; 0: none */
	gboolean ended;  /* last was read to its end */
	gboolean sniffs; /* leaves long messages unread */
	gboolean whole;  /* has read a long message to its end */
} Walker;

struct Prefetcher {
	const PrefetchCalls *calls;
	gpointer data;
	guint64 max_bytes;
	Walker walkers[N_WALKERS]; /* most recent first */
	guint64 n_steps;           /* of all of them */
	double bytes_per_second;   /* while bytes come; 0: not measured yet */
	gint64 arrived_us;         /* the last of them */
	gint64 sampled_us;         /* within batches */
	guint64 n_sampled;
};

Prefetcher *
prefetcher_new(const PrefetchCalls *calls, guint64 max_bytes, gpointer data)
{
	Prefetcher *prefetcher = g_new0(Prefetcher, 1);

	prefetcher->calls = calls;
	prefetcher->max_bytes = max_bytes;
	prefetcher->data = data;
	return prefetcher;
}

void
prefetcher_free(Prefetcher *prefetcher)
{
	g_free(prefetcher);
}

/* --- orders --- */

/* Where message @uid stands; -1: nowhere. */
static gint64
place_of(Mailbox *mailbox, Order order, guint32 uid)
{
	return order == ORDER_NAME ? mailbox_rank(mailbox, uid) : mailbox_index(mailbox, uid);
}

static const Message *
message_at(Mailbox *mailbox, Order order, gint64 place)
{
	return order == ORDER_NAME ? mailbox_message_by_rank(mailbox, place)
	                           : mailbox_message_by_index(mailbox, place);
}

/* How many messages further @to is than @from; 0: not further, or too far for a step. */
static guint
step_length(Mailbox *mailbox, Order order, guint32 from, guint32 to)
{
	gint64 here = place_of(mailbox, order, from), there = place_of(mailbox, order, to);

	return here >= 0 && there > here && there - here <= MAX_STEP ? (guint)(there - here) : 0;
}

/* --- windows --- */

/* A walker's share of the memory. */
static guint64
share(const Prefetcher *prefetcher)
{
	guint n = 0;

	for (guint i = 0; i < N_WALKERS; i++) {
		guint64 stepped = prefetcher->walkers[i].stepped;

		n += stepped && prefetcher->n_steps - stepped < LIVE_STEPS;
	}
	return prefetcher->max_bytes / MAX(n, 1);
}

static guint64
window_limit(const Prefetcher *prefetcher)
{
	guint64 limit = (guint64)(prefetcher->bytes_per_second * LEAD_SECONDS);

	return MIN(MAX(limit, LEAST_LIMIT), share(prefetcher));
}

void
prefetcher_note_arrival(Prefetcher *prefetcher, gsize length, gboolean first)
{
	gint64 now = g_get_monotonic_time(), elapsed = now - prefetcher->arrived_us;
	double rate;

	prefetcher->arrived_us = now;
	if (first)
		return;
	prefetcher->sampled_us += elapsed;
	prefetcher->n_sampled += length;
	if (prefetcher->sampled_us < SAMPLE_US || prefetcher->n_sampled < SAMPLE_BYTES)
		return;
	rate = (double)prefetcher->n_sampled * G_USEC_PER_SEC / (double)prefetcher->sampled_us;
	prefetcher->bytes_per_second =
		prefetcher->bytes_per_second ? (prefetcher->bytes_per_second + rate) / 2 : rate;
	prefetcher->sampled_us = 0;
	prefetcher->n_sampled = 0;
}

static gboolean
is_worth_it(const Walker *walker, const Message *message, guint64 bound)
{
	if (walker->sniffs && message->size > SNIFFED)
		return FALSE;
	return message->size <= MIN(walker->whole ? LARGEST : LARGE, bound);
}

/* Asks for what comes next, until the window is full. */
static void
walker_fill(Prefetcher *prefetcher, Walker *walker, Mailbox *mailbox)
{
	gint64 place =
		place_of(mailbox, walker->order, walker->ahead ? walker->ahead : walker->last);
	guint64 bound = share(prefetcher);
	guint32 uids[BATCH];
	guint n_uids = 0;
	const Message *message;

	while (place >= 0 && walker->lead < walker->window && n_uids < BATCH &&
	       (message = message_at(mailbox, walker->order, ++place)) &&
	       (!walker->lead || walker->lead + message->size <= bound)) {
		walker->ahead = message->uid;
		walker->lead += message->size;
		if (is_worth_it(walker, message, bound) &&
		    prefetcher->calls->is_missing(message_id(mailbox->id, message->uid),
		                                  prefetcher->data))
			uids[n_uids++] = message->uid;
	}
	if (n_uids)
		prefetcher->calls->fetch(mailbox, uids, n_uids, prefetcher->data);
}

/* --- walkers --- */

/* What lay between is not ahead any more. */
static void
walker_pass(Walker *walker, Mailbox *mailbox, guint32 uid)
{
	gint64 place = place_of(mailbox, walker->order, walker->last);
	gint64 end = place_of(mailbox, walker->order, uid);
	gint64 ahead = walker->ahead ? place_of(mailbox, walker->order, walker->ahead) : -1;

	if (ahead <= end) { /* overtaken, or gone */
		walker->ahead = 0;
		walker->lead = 0;
	}
	while (walker->ahead && place < end) {
		const Message *message = message_at(mailbox, walker->order, ++place);

		walker->lead -= MIN(walker->lead, message->size);
	}
}

static void
walker_learn_habit(Walker *walker, const Mailbox *mailbox)
{
	const Message *message = mailbox_message(mailbox, walker->last);

	if (!message || message->size <= SNIFFED)
		return;
	walker->whole = walker->ended;
	walker->sniffs = !walker->ended;
}

static void
walker_step(Prefetcher *prefetcher, Walker *walker, Mailbox *mailbox, guint32 uid)
{
	gboolean is_sure =
		walker->n_steps++ || step_length(mailbox, walker->order, walker->last, uid) == 1;

	walker_learn_habit(walker, mailbox);
	walker_pass(walker, mailbox, uid);
	walker->last = uid;
	walker->ended = FALSE;
	walker->stepped = ++prefetcher->n_steps;
	if (is_sure)
		walker->window =
			MIN(MAX(walker->window * 2, FIRST_WINDOW), window_limit(prefetcher));
	if (walker->lead <= walker->window / 2)
		walker_fill(prefetcher, walker, mailbox);
}

static void
walker_to_front(Prefetcher *prefetcher, guint i)
{
	Walker walker = prefetcher->walkers[i];

	memmove(&prefetcher->walkers[1], &prefetcher->walkers[0], i * sizeof(Walker));
	prefetcher->walkers[0] = walker;
}

/* The walker whose next step in @order this is, at the front; NULL: none's. */
static Walker *
find_walker(Prefetcher *prefetcher, Mailbox *mailbox, Order order, guint32 uid)
{
	for (guint i = 0; i < N_WALKERS; i++) {
		const Walker *walker = &prefetcher->walkers[i];

		if (walker->mailbox_id == mailbox->id &&
		    (walker->order == order || walker->order == ORDER_UNKNOWN) &&
		    step_length(mailbox, order, walker->last, uid)) {
			walker_to_front(prefetcher, i);
			return &prefetcher->walkers[0];
		}
	}
	return NULL;
}

/* Orders look alike for a few steps: a walker of the one may turn out to go by the other. */
static Walker *
find_turned_walker(Prefetcher *prefetcher, Mailbox *mailbox, guint32 uid)
{
	for (guint i = 0; i < N_WALKERS; i++) {
		Walker *walker = &prefetcher->walkers[i];
		Order other = walker->order == ORDER_UID ? ORDER_NAME : ORDER_UID;

		if (walker->mailbox_id != mailbox->id ||
		    !step_length(mailbox, other, walker->last, uid))
			continue;
		walker->order = other;
		walker->ahead = 0;
		walker->lead = 0;
		walker->window = 0;
		walker->n_steps = 0;
		walker_to_front(prefetcher, i);
		return &prefetcher->walkers[0];
	}
	return NULL;
}

static gboolean
is_being_read(const Prefetcher *prefetcher, const Mailbox *mailbox, guint32 uid)
{
	for (guint i = 0; i < N_WALKERS; i++)
		if (prefetcher->walkers[i].mailbox_id == mailbox->id &&
		    prefetcher->walkers[i].last == uid)
			return TRUE;
	return FALSE;
}

void
prefetcher_note_read(Prefetcher *prefetcher, Mailbox *mailbox, guint32 uid)
{
	Walker *walker = NULL;
	Order order = ORDER_UID;

	if (is_being_read(prefetcher, mailbox, uid))
		return;
	for (; order < N_ORDERS && !walker; order++)
		walker = find_walker(prefetcher, mailbox, order, uid);
	if (walker && walker->order == ORDER_UNKNOWN)
		walker->order = order - 1;
	if (!walker)
		walker = find_turned_walker(prefetcher, mailbox, uid);
	if (walker) {
		walker_step(prefetcher, walker, mailbox, uid);
		return;
	}
	walker_to_front(prefetcher, N_WALKERS - 1);
	prefetcher->walkers[0] = (Walker){.mailbox_id = mailbox->id, .last = uid};
}

void
prefetcher_note_end(Prefetcher *prefetcher, const Mailbox *mailbox, guint32 uid)
{
	for (guint i = 0; i < N_WALKERS; i++) {
		Walker *walker = &prefetcher->walkers[i];

		if (walker->mailbox_id == mailbox->id && walker->last == uid)
			walker->ended = TRUE;
	}
}
