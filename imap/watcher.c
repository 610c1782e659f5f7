/*
 * Which connections watch, and what.
 *
 * Every reason to have others (watch(), the pool, a refusal) only asks for a turn: then it is
 * looked which there should be, what there is is led there with as few connections made as
 * possible, and the handler is told. While the pool is off line there are none: the server may be
 * one that lets in only so many, and the pool comes first.
 */
#include "watcher-private.h"

#include <string.h>

#define MAX_LINES 4                    /* for IDLE */
#define SLEPT_US  (5 * G_USEC_PER_SEC) /* that matter */

const WatcherTimes watcher_times = {
	.renewal_us = 4 * 60 * G_USEC_PER_SEC,
	.answer_us = 15 * G_USEC_PER_SEC,
	.resumed_us = 5 * G_USEC_PER_SEC,
	.settled_us = 60 * G_USEC_PER_SEC,
	.no_more_us = 120 * G_USEC_PER_SEC,
	.refused_us = 60 * G_USEC_PER_SEC,
	.slept_us = wake_slept_us,
};

/* --- which there should be --- */

static gboolean
watcher_may_connect(const Watcher *watcher)
{
	return watcher->handler && !pool_is_offline(watcher->pool) &&
	       pool_capabilities(watcher->pool);
}

static gboolean
watcher_notifies(const Watcher *watcher)
{
	return (pool_capabilities(watcher->pool) & REMOTE_NOTIFY) &&
	       !refusal_holds(&watcher->no_notify);
}

static gboolean
watcher_idles(const Watcher *watcher)
{
	return (pool_capabilities(watcher->pool) & REMOTE_IDLE) &&
	       !refusal_holds(&watcher->no_idle);
}

/* The mailboxes that a connection is for each; one NULL: all. */
static GPtrArray *
watcher_targets(const Watcher *watcher)
{
	GPtrArray *targets = g_ptr_array_new();
	guint max = CLAMP(watcher->settings.n_connections / 2, 1, MAX_LINES);

	if (!watcher_may_connect(watcher))
		return targets;
	if (watcher_notifies(watcher)) {
		g_ptr_array_add(targets, NULL);
		return targets;
	}
	if (!watcher_idles(watcher))
		return targets;
	for (char **name = watcher->wanted; *name && targets->len < max; name++)
		if (!watcher_refuses_mailbox(watcher, *name))
			g_ptr_array_add(targets, *name);
	return targets;
}

/* Takes that target out; FALSE if it is not among them. */
static gboolean
take_target(GPtrArray *targets, const char *mailbox)
{
	for (guint i = 0; i < targets->len; i++) {
		if (g_strcmp0(targets->pdata[i], mailbox) == 0) {
			g_ptr_array_remove_index(targets, i);
			return TRUE;
		}
	}
	return FALSE;
}

/* Those whose mailbox stays, stay; the others turn to what is new, or go. */
static void
watcher_arrange(Watcher *watcher)
{
	g_autoptr(GPtrArray) targets = watcher_targets(watcher);
	g_autoptr(GPtrArray) left = g_ptr_array_new();

	for (guint i = 0; i < watcher->lines->len; i++) {
		WatchLine *line = watcher->lines->pdata[i];

		if (!take_target(targets, line->mailbox))
			g_ptr_array_add(left, line);
	}
	for (guint i = 0; i < left->len; i++) {
		if (!targets->len) {
			g_ptr_array_remove(watcher->lines, left->pdata[i]);
			continue;
		}
		watch_line_assign(left->pdata[i], targets->pdata[0]);
		g_ptr_array_remove_index(targets, 0);
	}
	for (guint i = 0; i < targets->len; i++)
		g_ptr_array_add(watcher->lines, watch_line_new(watcher, targets->pdata[i]));
}

/* One at a time, as nobody waits for them: else a password that was changed would be refused
 * several times. */
static gboolean
watcher_may_log_in(const Watcher *watcher)
{
	for (guint i = 0; i < watcher->lines->len; i++)
		if (((WatchLine *)watcher->lines->pdata[i])->state == LINE_CONNECTING)
			return FALSE;
	return !refusal_holds(&watcher->no_login);
}

static void
watcher_connect(Watcher *watcher)
{
	for (guint i = 0; i < watcher->lines->len; i++) {
		WatchLine *line = watcher->lines->pdata[i];

		if (watch_line_is_due(line) && watcher_may_log_in(watcher))
			watch_line_connect(line);
	}
}

/* That there is nothing to be had is told once as well. */
static void
watcher_note_nothing(Watcher *watcher)
{
	if (watcher_may_connect(watcher) && !watcher->lines->len && watcher->news.told < 0)
		watcher->news.watching = TRUE;
}

static gboolean
watcher_turn(gpointer data)
{
	Watcher *watcher = data;

	watcher->turn = 0;
	watcher_arrange(watcher);
	watcher_connect(watcher);
	watcher_await_refusals(watcher);
	watcher_note_nothing(watcher);
	watch_news_tell(watcher);
	return G_SOURCE_REMOVE;
}

void
watcher_turn_later(Watcher *watcher)
{
	if (!watcher->turn)
		watcher->turn = g_idle_add_full(G_PRIORITY_DEFAULT, watcher_turn, watcher, NULL);
}

/* --- what is told --- */

RemoteWatching
watcher_state(const Watcher *watcher)
{
	for (guint i = 0; i < watcher->lines->len; i++) {
		const WatchLine *line = watcher->lines->pdata[i];

		if (line->standing)
			return line->mailbox || watcher_leaves_out(watcher) ? REMOTE_WATCHING_SOME
			                                                    : REMOTE_WATCHING_ALL;
	}
	return REMOTE_WATCHING_NOTHING;
}

static gboolean
line_watches(const WatchLine *line, const char *mailbox)
{
	if (!line->standing)
		return FALSE;
	if (!line->mailbox)
		return watcher_is_notified(line->watcher, mailbox);
	return g_str_equal(watch_news_name(line->mailbox), watch_news_name(mailbox));
}

gboolean
watcher_watches(const Watcher *watcher, const char *mailbox)
{
	for (guint i = 0; i < watcher->lines->len; i++) {
		if (line_watches(watcher->lines->pdata[i], mailbox))
			return TRUE;
	}
	return FALSE;
}

static void
line_status(const WatchLine *line, GString *text)
{
	g_autofree char *mailbox = imap_printable(line->mailbox ? line->mailbox : "", -1);
	const ImapTraffic *traffic = line->session ? session_traffic(line->session) : NULL;

	g_string_append_printf(text, "%s%s", line->mailbox ? "mailbox " : "all mailboxes", mailbox);
	if (!line->standing)
		g_string_append(text, line->session ? " (connecting)" : " (not connected)");
	if (traffic)
		g_string_append_printf(text,
		                       " (%" G_GUINT64_FORMAT " commands, %" G_GUINT64_FORMAT
		                       " bytes in, %" G_GUINT64_FORMAT " bytes out)",
		                       traffic->n_commands, traffic->n_bytes_in,
		                       traffic->n_bytes_out);
}

void
watcher_status(const Watcher *watcher, GString *text)
{
	g_string_append(text, "watching: ");
	for (guint i = 0; i < watcher->lines->len; i++) {
		g_string_append(text, i ? ", " : "");
		line_status(watcher->lines->pdata[i], text);
	}
	g_string_append(text, watcher->lines->len ? "\n" : "nothing\n");
}

/* --- what happens around it --- */

static void
on_pool_changed(gpointer data)
{
	Watcher *watcher = data;
	gboolean is_offline = pool_is_offline(watcher->pool);

	if (watcher->was_offline && !is_offline)
		watcher_forget_refusals(watcher); /* there are no lines yet that go by them */
	watcher->was_offline = is_offline;
	watcher_turn_later(watcher);
}

void
watcher_look_for_sleep(Watcher *watcher)
{
	gint64 slept_us = watcher->times->slept_us();
	gint64 just_now_us = slept_us - watcher->slept_us;

	watcher->slept_us = slept_us;
	if (just_now_us < SLEPT_US)
		return;
	for (guint i = 0; i < watcher->lines->len; i++)
		watch_line_renew(watcher->lines->pdata[i], watcher->times->resumed_us);
	pool_doubt_connections(watcher->pool);
}

static void
on_woken(gpointer data)
{
	watcher_look_for_sleep(data);
}

/* --- its own calls --- */

void
watcher_watch(Watcher *watcher, const char *const *mailboxes, const RemoteWatchHandler *handler,
              gpointer data)
{
	if (watcher->handler && (watcher->handler != handler || watcher->data != data)) {
		watcher->news.told = -1;
		watcher->news.watching = TRUE;
	}
	watcher->handler = handler;
	watcher->data = data;
	g_strfreev(watcher->wanted);
	watcher->wanted = g_strdupv((char **)mailboxes);
	watcher_shorten_refusals(watcher);
	watcher_turn_later(watcher);
}

Watcher *
watcher_new(ImapPool *pool, const ImapSettings *settings, SSL_CTX *context,
            const WatcherTimes *times)
{
	Watcher *watcher = g_new0(Watcher, 1);

	watcher->pool = pool;
	watcher->settings = *settings;
	watcher->settings.read_only = TRUE;
	watcher->context = context;
	watcher->times = times;
	watcher->slept_us = times->slept_us();
	watcher->wake = wake_new(on_woken, watcher);
	watcher->wanted = g_new0(char *, 1);
	watcher->lines = g_ptr_array_new_with_free_func(watch_line_free);
	watcher->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	watcher->namespaces = watch_namespaces_new();
	watch_news_init(&watcher->news);
	pool_set_observer(pool, on_pool_changed, watcher);
	return watcher;
}

void
watcher_free(Watcher *watcher)
{
	pool_set_observer(watcher->pool, NULL, NULL);
	wake_free(watcher->wake);
	g_ptr_array_unref(watcher->lines);
	g_clear_handle_id(&watcher->turn, g_source_remove);
	g_clear_handle_id(&watcher->refusals_over, g_source_remove);
	g_hash_table_unref(watcher->refused);
	g_ptr_array_unref(watcher->namespaces);
	watch_news_clear(&watcher->news);
	g_strfreev(watcher->wanted);
	g_free(watcher);
}
