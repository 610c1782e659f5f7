/*
 * More connections for one listing: each is asked for other parts of it, as long as that makes it
 * faster (pace.h). The pool keeps one connection for those who are in a hurry, and knows when the
 * server wants no more of them.
 */
#include "scan-private.h"

#define MAX_LANES    4    /* the main one included */
#define WORTH_S      1.5  /* what is left must take so long */
#define FIRST_PART   5000 /* messages, before anything has been measured */
#define LARGEST_PART 50000

guint
scan_pace_messages(const Scan *scan)
{
	double rate = pace_rate(&scan->pace, scan_parts_n_come(scan->parts));

	if (!scan->pace.began_us || rate <= 0)
		return FIRST_PART;
	return (guint)MIN(rate / (scan->lanes->len + 1), LARGEST_PART);
}

void
scan_lane_answered(ScanLane *lane)
{
	lane->answered = TRUE;
	pace_begin(&lane->scan->pace, scan_parts_n_come(lane->scan->parts));
}

/* --- a lane --- */

static gboolean
lane_has_own_session(const ScanLane *lane)
{
	const Scan *scan = lane->scan;

	for (guint i = 0; i < scan->lanes->len; i++) {
		const ScanLane *other = scan->lanes->pdata[i];

		if (other != lane && other->operation.session == lane->operation.session)
			return FALSE;
	}
	return scan->main.operation.session != lane->operation.session;
}

/* A view that is open already may be an old one. */
static void
lane_start(Operation *operation)
{
	ScanLane *lane = (ScanLane *)operation;

	if (lane->scan->over || !lane_has_own_session(lane) ||
	    !scan_parts_have_more(lane->scan->parts))
		return;
	lane->began_modseq = session_selected(operation->session)->highestmodseq;
	if (operation->was_open)
		operation_send_noop(operation);
	scan_lane_ask(lane);
}

static void
lane_finish(Operation *operation, const GError *error)
{
	ScanLane *lane = (ScanLane *)operation;
	Scan *scan = lane->scan;

	if (error)
		g_info("a connection that joined a listing: %s", error->message);
	scan->alone |= error || !lane->answered;
	g_ptr_array_remove_fast(scan->lanes, lane);
	operation_clear(operation);
	g_free(lane);
	scan_settle(scan);
}

static void
scan_add_lane(Scan *scan)
{
	ScanLane *lane = g_new0(ScanLane, 1);

	g_info("%u messages are left of a large mailbox: another connection joins",
	       scan_parts_n_left(scan->parts));
	lane->scan = scan;
	lane->operation.job.kind = JOB_LISTING;
	lane->operation.start = lane_start;
	lane->operation.finish = lane_finish;
	g_ptr_array_add(scan->lanes, lane);
	operation_submit(&lane->operation, scan->main.operation.pool, scan->main.operation.mailbox,
	                 scan->main.operation.uidvalidity);
}

/* --- when --- */

static gboolean
scan_lanes_have_answered(const Scan *scan)
{
	for (guint i = 0; i < scan->lanes->len; i++)
		if (!((ScanLane *)scan->lanes->pdata[i])->answered)
			return FALSE;
	return scan->main.answered;
}

/* Whether what is left takes long. */
static gboolean
scan_is_worth_more(const Scan *scan)
{
	double rate = pace_rate(&scan->pace, scan_parts_n_come(scan->parts));

	return scan_parts_have_more(scan->parts) && scan_parts_n_left(scan->parts) > WORTH_S * rate;
}

void
scan_consider_lane(Scan *scan)
{
	if (!scan->alone && !scan->over && scan->lanes->len + 1 < MAX_LANES &&
	    scan_parts_are_many(scan->parts) && scan_lanes_have_answered(scan) &&
	    scan_is_worth_more(scan) && pool_has_room(scan->main.operation.pool) &&
	    pace_wants_more(&scan->pace, scan_parts_n_come(scan->parts), scan->lanes->len + 1))
		scan_add_lane(scan);
}
