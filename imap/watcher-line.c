/*
 * One connection that watches.
 *
 *     DOWN --> CONNECTING --login--> OPENING --NOTIFY or EXAMINE--> ENTERING --"+"--> WATCHING
 *     WATCHING --renewal, DONE--> ENDING --> ENTERING
 *     (any state) --lost, or no answer in time--> DOWN --delay--> CONNECTING
 *
 * NOTIFY is asked for with no mailbox open, so that the server tells of all in the same way, by
 * STATUS. It may do so outside of any command; some servers wait for IDLE all the same. One that
 * has no IDLE is kept awake with NOOP.
 *
 * Each step begins when the command before it has ended (line_proceed). A session is freed only at
 * its end, by a timer, or in a turn of the watcher's, never in a handler of its own commands.
 */
#include "watcher-private.h"

#define SHORTEST_IDLE_US G_USEC_PER_SEC /* that a server ends by itself: it does not want it */

static void line_end(WatchLine *line);
static void line_lost(WatchLine *line, const GError *error);

/* --- the timer --- */

static void
line_set_timer(WatchLine *line, gint64 delay_us, GSourceFunc function)
{
	g_clear_handle_id(&line->timer, g_source_remove);
	line->timer = g_timeout_add((guint)(delay_us / 1000), function, line);
}

static gboolean
on_overdue(gpointer data)
{
	WatchLine *line = data;
	g_autoptr(GError) error = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
	                                      "%s does not answer", line->watcher->settings.host);

	line->timer = 0;
	line_lost(line, error);
	return G_SOURCE_REMOVE;
}

static gboolean
on_renewal(gpointer data)
{
	WatchLine *line = data;

	line->timer = 0;
	watcher_look_for_sleep(line->watcher);
	if (line->state == LINE_WATCHING)
		watch_line_renew(line, line->watcher->times->answer_us);
	return G_SOURCE_REMOVE;
}

static gboolean
on_retry(gpointer data)
{
	WatchLine *line = data;

	line->timer = 0;
	watcher_turn_later(line->watcher);
	return G_SOURCE_REMOVE;
}

/* --- what is told of it --- */

static void
line_stands(WatchLine *line)
{
	line->state = LINE_WATCHING;
	line_set_timer(line, line->watcher->times->renewal_us, on_renewal);
	if (line->standing)
		return;
	line->standing = TRUE;
	if (!line->stood_us)
		line->stood_us = g_get_monotonic_time();
	line->watcher->news.watching = TRUE;
	watcher_turn_later(line->watcher);
}

static void
line_stands_no_more(WatchLine *line)
{
	if (!line->standing)
		return;
	line->standing = FALSE;
	line->watcher->news.watching = TRUE;
	watcher_turn_later(line->watcher);
}

/* What will pass (RFC 5530) is no answer for good: a new connection asks again, in a while. */
gboolean
watch_line_takes_a_break(WatchLine *line, const GError *error)
{
	if (!g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_LIMIT))
		return FALSE;
	session_fail(line->session, g_error_copy(error));
	return TRUE;
}

/* --- IDLE, or NOOP --- */

static gboolean
line_idles(const WatchLine *line)
{
	return !refusal_holds(&line->no_idle) && session_offers(line->session, "IDLE");
}

/* Whether what the server is asked to tell is what is wanted now. */
static gboolean
line_is_prepared(const WatchLine *line)
{
	const ImapSelected *selected = session_selected(line->session);

	if (!line->mailbox)
		return line->asked && !refusal_holds(&line->watcher->no_notify);
	return selected->open && g_strcmp0(selected->name, line->mailbox) == 0;
}

/* It may have been turned to another mailbox meanwhile. */
static char *
on_idling(const char *text, gpointer data, GError **error)
{
	WatchLine *line = data;

	(void)text;
	(void)error;
	line->accepted = TRUE;
	if (line->state != LINE_ENTERING)
		return NULL;
	if (line_is_prepared(line)) {
		line_stands(line);
	} else {
		line_end(line);
		line_set_timer(line, line->watcher->times->answer_us, on_overdue);
	}
	return NULL;
}

/* A server that ends it again and again must not be asked again and again. */
static void
line_ended_by_server(WatchLine *line)
{
	if (g_get_monotonic_time() - line->idle_us < SHORTEST_IDLE_US)
		session_fail(line->session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE, "%s ends IDLE at once",
		                         line->watcher->settings.host));
}

/* NOTIFY does; else there is no way. */
static void
line_do_without_idle(WatchLine *line)
{
	if (line->mailbox)
		watcher_refuse(line->watcher, &line->watcher->no_idle);
	else
		line_stands(line);
}

/* A NO to one that had been accepted says nothing of the next: it is "at this time" (RFC 2177). */
static void
line_idle_ended(WatchLine *line, const GError *error)
{
	if (watch_line_takes_a_break(line, error))
		return;
	if (error && !line->accepted)
		watcher_refuse(line->watcher, &line->no_idle);
	else if (line->state != LINE_ENDING)
		line_ended_by_server(line);
}

static void
on_idle_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	WatchLine *line = data;

	if (!tagged)
		return; /* the connection is lost: the session tells */
	line_idle_ended(line, error);
	line->state = LINE_OPENING;
	g_clear_handle_id(&line->timer, g_source_remove);
}

static const ImapCommandHandler idle = {.continuation = on_idling, .done = on_idle_done};

static void
on_noop_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	WatchLine *line = data;

	(void)error;
	if (!tagged)
		return;
	line->state = LINE_OPENING;
	g_clear_handle_id(&line->timer, g_source_remove);
}

static const ImapCommandHandler noop = {.done = on_noop_done};

/* How long it may take is for the timer to say, not for the session. */
static void
line_send(WatchLine *line, const char *name, const ImapCommandHandler *handler)
{
	ImapCommand *command = command_new(name, handler, line);

	command->open_ended = TRUE;
	command_text(command, "%s", name);
	session_send(line->session, command);
}

static void
line_enter(WatchLine *line)
{
	if (!line_idles(line)) {
		line_do_without_idle(line);
		return;
	}
	line->state = LINE_ENTERING;
	line->accepted = FALSE;
	line->idle_us = g_get_monotonic_time();
	line_set_timer(line, line->watcher->times->answer_us, on_overdue);
	line_send(line, "IDLE", &idle);
}

/* Ends IDLE, or asks for a sign of life without it. */
static void
line_end(WatchLine *line)
{
	line->state = LINE_ENDING;
	if (session_n_commands(line->session))
		session_send_line(line->session, "DONE");
	else
		line_send(line, "NOOP", &noop);
}

void
watch_line_renew(WatchLine *line, gint64 limit_us)
{
	if (line->state == LINE_WATCHING)
		line_end(line);
	if (line->state == LINE_ENDING || line->state == LINE_ENTERING)
		line_set_timer(line, limit_us, on_overdue);
}

/* --- step by step --- */

static void
line_refuse_mailbox(WatchLine *line)
{
	const GError *error = session_select_error(line->session);

	if (watch_line_takes_a_break(line, error))
		return;
	g_info("cannot watch a mailbox: %s", error ? error->message : "it does not open");
	watcher_refuse_mailbox(line->watcher, line->mailbox);
}

/* No command is under way: which is next. */
static void
line_proceed(WatchLine *line)
{
	line->state = LINE_OPENING;
	g_clear_handle_id(&line->timer, g_source_remove);
	if (line_is_prepared(line)) {
		line_enter(line);
	} else if (!line->asked) {
		line->asked = TRUE;
		if (line->mailbox)
			session_select(line->session, line->mailbox);
		else
			watch_line_ask_for_all(line);
	} else if (line->mailbox) {
		line_refuse_mailbox(line);
	}
}

static void
on_idle(ImapSession *session, gpointer data)
{
	if (session_n_commands(session) == 0)
		line_proceed(data);
}

static void
on_ready(ImapSession *session, gpointer data)
{
	WatchLine *line = data;

	line->state = LINE_OPENING;
	line->watcher->no_login = (Refusal){0};
	watcher_turn_later(line->watcher); /* others may be waiting for that */
	if (session_n_commands(session) == 0)
		line_proceed(line);
}

static void
on_heard(ImapSession *session, const ImapResponse *response, gpointer data)
{
	(void)session;
	watch_news_take(data, response);
}

/* --- beginning and end --- */

static gboolean
another_stands(const WatchLine *line)
{
	const GPtrArray *lines = line->watcher->lines;

	for (guint i = 0; i < lines->len; i++)
		if (lines->pdata[i] != line && ((WatchLine *)lines->pdata[i])->standing)
			return TRUE;
	return FALSE;
}

/* One that was refused while another stands means that the server wants no more of them. */
static gint64
line_delay_us(WatchLine *line)
{
	const WatcherTimes *times = line->watcher->times;

	if (line->state == LINE_CONNECTING && another_stands(line))
		return times->no_more_us;
	if (line->stood_us && g_get_monotonic_time() - line->stood_us >= times->settled_us)
		backoff_reset(&line->backoff);
	return (gint64)backoff_next(&line->backoff) * 1000;
}

/* A server may refuse the login as well where it wants no more connections. */
static void
line_wait(WatchLine *line, const GError *error)
{
	if (line->state == LINE_CONNECTING && error->code == IMAPFS_ERROR_DENIED)
		watcher_refuse_login(line->watcher);
	else
		line_set_timer(line, line_delay_us(line), on_retry);
	watcher_turn_later(line->watcher); /* another one may be waiting for this one */
}

/* Takes the session with it, and @error, which may be the session's. */
static void
line_lost(WatchLine *line, const GError *error)
{
	g_info("watching ended: %s", error->message);
	line_wait(line, error);
	line_stands_no_more(line);
	line->state = LINE_DOWN;
	line->asked = FALSE;
	line->stood_us = 0;
	g_clear_pointer(&line->session, session_free);
}

static void
on_closed(ImapSession *session, const GError *error, gpointer data)
{
	(void)session;
	line_lost(data, error);
}

static const ImapSessionEvents events = {
	.ready = on_ready,
	.idle = on_idle,
	.heard = on_heard,
	.closed = on_closed,
};

gboolean
watch_line_is_due(const WatchLine *line)
{
	return line->state == LINE_DOWN && !line->timer;
}

void
watch_line_connect(WatchLine *line)
{
	Watcher *watcher = line->watcher;

	line->state = LINE_CONNECTING;
	line->session = session_new(&watcher->settings, watcher->context, &events, line);
}

WatchLine *
watch_line_new(Watcher *watcher, const char *mailbox)
{
	WatchLine *line = g_new0(WatchLine, 1);

	line->watcher = watcher;
	line->mailbox = g_strdup(mailbox);
	return line;
}

void
watch_line_assign(WatchLine *line, const char *mailbox)
{
	g_free(line->mailbox);
	line->mailbox = g_strdup(mailbox);
	line->asked = FALSE;
	line->no_idle = (Refusal){0};
	line_stands_no_more(line);
	if (line->state == LINE_WATCHING && session_n_commands(line->session)) {
		line_end(line);
		line_set_timer(line, line->watcher->times->answer_us, on_overdue);
	} else if (line->state >= LINE_OPENING && session_n_commands(line->session) == 0) {
		line_proceed(line);
	}
}

void
watch_line_free(gpointer data)
{
	WatchLine *line = data;

	line_stands_no_more(line);
	g_clear_handle_id(&line->timer, g_source_remove);
	if (line->state == LINE_WATCHING && session_n_commands(line->session))
		session_send_line(line->session, "DONE");
	g_clear_pointer(&line->session, session_free);
	g_free(line->mailbox);
	g_free(line);
}
