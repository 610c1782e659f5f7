/*
 * What the server has refused.
 *
 * No refusal is believed for good: a server may be at a loss just now and not say so by a code (RFC
 * 5530), a mailbox may be made again. So each has a time (refusal.h), after which a turn of the
 * watcher's does as if there had been none. A mailbox that somebody uses meanwhile, which calls
 * watch(), is tried again sooner.
 */
#include "watcher-private.h"

#define LONGEST_US       ((gint64)60 * 60 * G_USEC_PER_SEC)
#define LONGEST_LOGIN_US (15 * 60 * G_USEC_PER_SEC)

void
watcher_refuse(Watcher *watcher, Refusal *refusal)
{
	refusal_note(refusal, watcher->times->refused_us, LONGEST_US);
	watcher_turn_later(watcher);
}

void
watcher_refuse_mailbox(Watcher *watcher, const char *mailbox)
{
	Refusal *refusal = g_hash_table_lookup(watcher->refused, mailbox);

	if (!refusal) {
		refusal = g_new0(Refusal, 1);
		g_hash_table_insert(watcher->refused, g_strdup(mailbox), refusal);
	}
	watcher_refuse(watcher, refusal);
}

void
watcher_refuse_login(Watcher *watcher)
{
	refusal_note(&watcher->no_login, watcher->times->no_more_us, LONGEST_LOGIN_US);
}

gboolean
watcher_refuses_mailbox(const Watcher *watcher, const char *mailbox)
{
	const Refusal *refusal = g_hash_table_lookup(watcher->refused, mailbox);

	return refusal && refusal_holds(refusal);
}

/* What is not wanted is forgotten. */
static gboolean
wanted_again(gpointer name, gpointer refusal, gpointer wanted)
{
	if (!g_strv_contains(wanted, name))
		return TRUE;
	refusal_shorten(refusal);
	return FALSE;
}

void
watcher_shorten_refusals(Watcher *watcher)
{
	g_hash_table_foreach_remove(watcher->refused, wanted_again, watcher->wanted);
}

void
watcher_forget_refusals(Watcher *watcher)
{
	g_hash_table_remove_all(watcher->refused);
	watcher->no_idle = watcher->no_notify = watcher->no_login = (Refusal){0};
	watcher->fewer_events = watcher->no_foreign = FALSE;
}

/* --- when the first is over --- */

static gboolean
on_over(gpointer data)
{
	Watcher *watcher = data;

	watcher->refusals_over = 0;
	watcher_turn_later(watcher);
	return G_SOURCE_REMOVE;
}

static gint64
earlier(gint64 first_us, const Refusal *refusal)
{
	return refusal_holds(refusal) ? MIN(first_us, refusal->until_us) : first_us;
}

void
watcher_await_refusals(Watcher *watcher)
{
	gint64 first_us = earlier(G_MAXINT64, &watcher->no_login);
	GHashTableIter iter;
	gpointer refusal;

	first_us = earlier(first_us, &watcher->no_idle);
	first_us = earlier(first_us, &watcher->no_notify);
	g_hash_table_iter_init(&iter, watcher->refused);
	while (g_hash_table_iter_next(&iter, NULL, &refusal))
		first_us = earlier(first_us, refusal);
	g_clear_handle_id(&watcher->refusals_over, g_source_remove);
	if (first_us < G_MAXINT64) {
		gint64 left_ms = (first_us - g_get_monotonic_time()) / 1000 + 1;

		watcher->refusals_over = g_timeout_add((guint)MAX(left_ms, 1), on_over, watcher);
	}
}
