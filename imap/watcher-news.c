/*
 * What was heard, until it is told.
 *
 * Of any number of responses only the names of the mailboxes are kept that they are about, until
 * the next turn of the loop: so what one read from the network brings is told once for each
 * mailbox. A server that names very many at once is not believed to mean each of them: then all
 * that is watched may have changed, which is what watching() says.
 */
#include "watcher-private.h"

#define MAX_MAILBOXES 1000 /* named in one turn of the loop */

static GHashTable *
new_names(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
watch_news_init(WatchNews *news)
{
	news->mailboxes = new_names();
	news->told = -1;
}

void
watch_news_clear(WatchNews *news)
{
	g_hash_table_unref(news->mailboxes);
}

const char *
watch_news_name(const char *mailbox)
{
	return g_ascii_strcasecmp(mailbox, "INBOX") == 0 ? "INBOX" : mailbox;
}

static void
note_mailbox(Watcher *watcher, const char *mailbox)
{
	WatchNews *news = &watcher->news;
	const char *name = watch_news_name(mailbox);

	watcher_turn_later(watcher);
	if (g_hash_table_contains(news->mailboxes, name))
		return;
	if (g_hash_table_size(news->mailboxes) < MAX_MAILBOXES)
		g_hash_table_add(news->mailboxes, g_strdup(name));
	else
		news->watching = TRUE;
}

static void
note_list(Watcher *watcher)
{
	watcher->news.list = TRUE;
	watcher_turn_later(watcher);
}

/* How many messages there are is also said by servers that have nothing else to say. */
static gboolean
is_about_selected(const ImapSession *session, const ImapResponse *response)
{
	static const char *const names[] = {"EXPUNGE", "FETCH", "UIDFETCH", NULL};

	if (g_str_equal(response->name, "VANISHED"))
		return TRUE;
	if (!response->has_number)
		return FALSE;
	if (g_str_equal(response->name, "EXISTS"))
		return response->number != session_selected(session)->exists;
	return g_strv_contains(names, response->name);
}

/* RFC 5465 5.8: from then on the server tells nothing. */
static gboolean
is_overflow(const WatchLine *line, const ImapResponse *response)
{
	return !line->mailbox && line->asked &&
	       imap_response_has_code(response, "NOTIFICATIONOVERFLOW", NULL);
}

static void
take_news(WatchLine *line, const ImapResponse *response)
{
	ImapStatus status;

	if (g_str_equal(response->name, "STATUS")) {
		if (imap_status_parse(response, &status, NULL))
			note_mailbox(line->watcher, status.name);
	} else if (g_str_equal(response->name, "LIST")) {
		note_list(line->watcher);
	} else if (line->mailbox && is_about_selected(line->session, response)) {
		note_mailbox(line->watcher, line->mailbox);
	}
}

void
watch_news_take(WatchLine *line, const ImapResponse *response)
{
	if (is_overflow(line, response))
		watcher_refuse(line->watcher, &line->watcher->no_notify);
	else if (line->standing)
		take_news(line, response);
}

/* That there is nothing is not told twice. */
static void
tell_watching(Watcher *watcher)
{
	RemoteWatching state = watcher_state(watcher);
	WatchNews *news = &watcher->news;

	if (!news->watching)
		return;
	news->watching = FALSE;
	if (state == REMOTE_WATCHING_NOTHING && news->told == (gint)state)
		return;
	news->told = (gint)state;
	watcher->handler->watching(state, watcher->data);
}

static void
tell_mailboxes(Watcher *watcher)
{
	g_autoptr(GHashTable) mailboxes = g_steal_pointer(&watcher->news.mailboxes);
	GHashTableIter iter;
	gpointer name;

	watcher->news.mailboxes = new_names();
	g_hash_table_iter_init(&iter, mailboxes);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		watcher->handler->mailbox(name, watcher->data);
}

/* Whatever the handler does in these calls leads to another turn at the most. */
void
watch_news_tell(Watcher *watcher)
{
	WatchNews *news = &watcher->news;

	if (!watcher->handler)
		return;
	tell_watching(watcher);
	if (g_hash_table_size(news->mailboxes))
		tell_mailboxes(watcher);
	if (news->list) {
		news->list = FALSE;
		watcher->handler->mailboxes(watcher->data);
	}
}
