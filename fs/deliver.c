/*
 * The end of a mount that changed something: the mount is gone, what was changed is not yet all on
 * the server. Where it is kept on disk, the next mount can do what this one cannot.
 */
#include "deliver.h"

typedef struct {
	Waiter waiter;
	GMainLoop *loop;
	gboolean over; /* no use in waiting any longer */
} Delivery;

static gboolean
is_refusal(const GError *error)
{
	return !g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE) &&
	       !g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_TIMED_OUT);
}

/* One that was refused has been logged; the others go on. */
static void
on_woken(Waiter *waiter, const GError *error)
{
	Delivery *delivery = (Delivery *)waiter;

	delivery->over |= error && !is_refusal(error);
	g_main_loop_quit(delivery->loop);
}

static gboolean
on_late(gpointer data)
{
	Delivery *delivery = data;

	delivery->over = TRUE;
	g_main_loop_quit(delivery->loop);
	return G_SOURCE_CONTINUE;
}

/* Each refusal is told once. */
static gboolean
is_delivered(Delivery *delivery, Account *account, Change last)
{
	CacheResult result;

	do {
		g_autoptr(GError) error = NULL;

		result = account_synced(account, 0, last, &delivery->waiter, &error);
		delivery->over |= error && !is_refusal(error);
	} while (result == CACHE_FAILED && !delivery->over);
	return result != CACHE_PARKED;
}

static void
report_pending(Account *account)
{
	guint n = account_n_pending(account);

	if (n && account_keeps_changes(account))
		g_message("%u changes are not on the server yet; the next mount delivers them", n);
	else if (n)
		g_warning("%u changes did not reach the server and are lost", n);
}

void
deliver_changes(Account *account, GMainLoop *loop, guint seconds, const gboolean *stop)
{
	Delivery delivery = {.waiter = {.wake = on_woken}, .loop = loop};
	Change last = account_last_change(account);
	guint timer = g_timeout_add_seconds(seconds, on_late, &delivery);

	while (!*stop && !delivery.over && !is_delivered(&delivery, account, last))
		g_main_loop_run(loop);
	waiter_cancel(&delivery.waiter);
	g_source_remove(timer);
	report_pending(account);
}
