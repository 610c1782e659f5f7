/*
 * What others change, as it happens.
 *
 *     the server tells (NOTIFY, IDLE)  -->  the mailbox is stale  --soon-->  brought up to date
 *     poll: a listing of the account   -->  those whose figures differ are stale
 *
 * What the server tells is only taken for a sign: what has changed, a scan finds out, as it does
 * when somebody opens the directory. So a sign too many costs a round trip, and one too few is made
 * good by the next listing. Signs that come together, or while the last were being followed, are
 * followed together.
 *
 * Where that fails, it is tried again, ever more seldom. A server without mod-sequences does not say
 * whose flags have changed: those of all messages are asked for, ever more seldom the more there are.
 *
 * Mailboxes that nobody has looked into in this mount are not brought up to date: that something
 * has changed in them is told, and no more.
 */
#include "watch.h"

#define MAX_RECENT   8  /* mailboxes in use that a server without NOTIFY is asked to watch */
#define SOON_MS      5 /* signs of one change come together */
#define APART_MS     50
#define LAG_MS       500  /* servers list from indexes that lag behind what they tell */
#define LISTS_MS     1000 /* between listings that the server makes necessary */
#define BEGIN_MS     300  /* the first command has the server, and the processors, for itself */
#define REWATCH_MS   2000 /* who walks the tree looks into many, one after the other */
#define RETRY_S      10   /* until what failed is tried again, and twice as long each time ... */
#define MAX_DOUBLED  5    /* ... so often */
#define NOTIFY_POLLS 15 /* where all is told, listings only make good what was missed */

struct Watch {
	Account *account;
	guint poll_seconds;
	RemoteWatching watching;
	GQueue recent;     /* ids of mailboxes (pointers), the last used one first */
	GHashTable *stale; /* ids of mailboxes (pointers) */
	GHashTable *failed; /* likewise, of those that could not be followed */
	guint n_retries;
	gint64 followed_at_us, listed_at_us;
	guint follow, poll, rewatch, relist, retry; /* sources */
	guint every_seconds;                        /* what poll is set to */
};

/* --- following --- */

static gboolean
is_followed(const Mailbox *mailbox)
{
	return mailbox->selectable && mailbox->state == MAILBOX_COMPLETE;
}

static gboolean
follow(gpointer data)
{
	Watch *watch = data;
	GHashTableIter iter;
	gpointer id;

	watch->follow = 0;
	watch->followed_at_us = g_get_monotonic_time();
	g_hash_table_iter_init(&iter, watch->stale);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		Mailbox *mailbox = account_mailbox(watch->account, GPOINTER_TO_UINT(id));

		g_hash_table_iter_remove(&iter);
		if (mailbox && is_followed(mailbox))
			mailbox_resync(mailbox);
	}
	return G_SOURCE_REMOVE;
}

static void
follow_soon(Watch *watch, Mailbox *mailbox)
{
	gint64 since_ms = (g_get_monotonic_time() - watch->followed_at_us) / 1000;
	guint wait_ms = (guint)CLAMP(APART_MS - since_ms, SOON_MS, APART_MS);

	mailbox->flags_known = FALSE;
	g_hash_table_add(watch->stale, GUINT_TO_POINTER(mailbox->id));
	if (!watch->follow)
		watch->follow = g_timeout_add(wait_ms, follow, watch);
}

/* Each mailbox at every second, fourth, ... of these, the more often it has failed. */
static gboolean
retry(gpointer data)
{
	Watch *watch = data;
	GHashTableIter iter;
	gpointer id;

	watch->n_retries++;
	g_hash_table_iter_init(&iter, watch->failed);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		Mailbox *mailbox = account_mailbox(watch->account, GPOINTER_TO_UINT(id));
		guint every = mailbox ? 1U << MIN(mailbox->n_failed - 1, MAX_DOUBLED) : 1;

		if (watch->n_retries % every)
			continue;
		g_hash_table_iter_remove(&iter);
		if (mailbox && is_followed(mailbox))
			follow_soon(watch, mailbox);
	}
	if (g_hash_table_size(watch->failed))
		return G_SOURCE_CONTINUE;
	watch->retry = 0;
	return G_SOURCE_REMOVE;
}

static gboolean
is_without_line(const GError *error)
{
	return error->code == IMAPFS_ERROR_OFFLINE || error->code == IMAPFS_ERROR_INTERRUPTED;
}

/* What there was no line for is followed when the account has been listed over the next one. */
void
watch_synced(Mailbox *mailbox, const GError *error)
{
	Watch *watch = mailbox->account->watch;
	gpointer id = GUINT_TO_POINTER(mailbox->id);

	if (!watch)
		return;
	if (error && is_followed(mailbox) && is_without_line(error)) {
		g_hash_table_add(watch->stale, id);
	} else if (error && is_followed(mailbox)) {
		mailbox->n_failed++;
		g_hash_table_add(watch->failed, id);
		if (!watch->retry)
			watch->retry = g_timeout_add_seconds(RETRY_S, retry, watch);
	} else {
		mailbox->n_failed = 0;
		g_hash_table_remove(watch->failed, id);
	}
}

/* A first listing may have passed what has changed now: another follows it. */
static void
mailbox_is_stale(Watch *watch, Mailbox *mailbox)
{
	if (is_followed(mailbox))
		follow_soon(watch, mailbox);
	else if (mailbox->n_syncs_begun > mailbox->n_syncs_done)
		mailbox->n_syncs_wanted = mailbox->n_syncs_begun + 1;
	else
		account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_CHANGED);
}

/* --- listings --- */

static gboolean
are_same(const IndexState *told, const IndexState *known)
{
	return told->uidnext == known->uidnext && told->exists == known->exists &&
	       (!told->highestmodseq || told->highestmodseq == known->highestmodseq);
}

/* What was followed once and never comes to agree is not followed again and again. */
static gboolean
is_news(const Mailbox *mailbox)
{
	const IndexState *told = &mailbox->announced;

	return told->uidnext && !are_same(told, &mailbox->synced) &&
	       !are_same(told, &mailbox->followed);
}

/* Without mod-sequences NOTIFY does not tell of flags. */
static gboolean
is_told_all(const Watch *watch, const Mailbox *mailbox)
{
	Remote *remote = watch->account->remote;

	return watch->watching != REMOTE_WATCHING_NOTHING && mailbox->synced.highestmodseq &&
	       mailbox->name && remote->operations->watches(remote, mailbox->name);
}

static gboolean
is_inbox(const char *name)
{
	return g_ascii_strcasecmp(name, "INBOX") == 0;
}

void
watch_listed(Account *account)
{
	Watch *watch = account->watch;
	GHashTableIter iter;
	gpointer value;

	if (!watch)
		return;
	g_hash_table_iter_init(&iter, account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (is_followed(value) && is_news(value))
			follow_soon(watch, value);
	if (g_hash_table_size(watch->stale) && !watch->follow)
		watch->follow = g_timeout_add(SOON_MS, follow, watch);
}

static void
follow_if_open(Watch *watch, Mailbox *mailbox, gboolean told)
{
	if (mailbox && is_followed(mailbox) && (told || !is_told_all(watch, mailbox)))
		follow_soon(watch, mailbox);
}

/* Of a mailbox that a connection of ours has open, servers list the figures that this has heard.
 * @told: also those of which the server tells. */
static void
follow_recent(Watch *watch, gboolean told)
{
	follow_if_open(watch, mailbox_child(watch->account->top, "INBOX"), told);
	for (const GList *link = watch->recent.head; link; link = link->next)
		follow_if_open(watch,
		               account_mailbox(watch->account, GPOINTER_TO_UINT(link->data)), told);
}

/* Where the login was refused nobody tries again who is not asked to, lest the account be locked. */
static gboolean
poll_now(gpointer data)
{
	Watch *watch = data;

	if (watch->account->refused)
		return G_SOURCE_CONTINUE;
	account_refresh(watch->account, FALSE);
	follow_recent(watch, FALSE);
	return G_SOURCE_CONTINUE;
}

static void
set_poll(Watch *watch)
{
	RemoteCapabilities offers =
		watch->account->remote->operations->capabilities(watch->account->remote);
	gboolean told_all =
		watch->watching == REMOTE_WATCHING_ALL && (offers & REMOTE_CONDSTORE);
	guint seconds = watch->poll_seconds * (told_all ? NOTIFY_POLLS : 1);

	if (seconds == watch->every_seconds)
		return;
	watch->every_seconds = seconds;
	g_clear_handle_id(&watch->poll, g_source_remove);
	if (seconds)
		watch->poll = g_timeout_add_seconds(seconds, poll_now, watch);
}

/* --- what the server tells --- */

/* INBOX may be listed in other letters (RFC 3501 5.1), but has that name here. */
static Mailbox *
find_mailbox(const Account *account, const char *name)
{
	Mailbox *mailbox = g_hash_table_lookup(account->by_name, name);

	if (!mailbox && is_inbox(name))
		mailbox = mailbox_child(account->top, "INBOX");
	return mailbox && mailbox->name ? mailbox : NULL;
}

static gboolean
relist(gpointer data)
{
	Watch *watch = data;

	watch->relist = 0;
	watch->listed_at_us = g_get_monotonic_time();
	account_refresh(watch->account, FALSE);
	return G_SOURCE_REMOVE;
}

/* Now, unless that was done just now; of what has only just happened (@lags) once more. */
static void
list_soon(Watch *watch, gboolean lags)
{
	if (g_get_monotonic_time() - watch->listed_at_us > LISTS_MS * 1000) {
		g_clear_handle_id(&watch->relist, g_source_remove);
		relist(watch);
		watch->relist = lags ? g_timeout_add(LAG_MS, relist, watch) : 0;
	} else if (!watch->relist) {
		watch->relist = g_timeout_add(LISTS_MS, relist, watch);
	}
}

static void
on_mailbox(const char *name, gpointer data)
{
	Watch *watch = data;
	Mailbox *mailbox = find_mailbox(watch->account, name);

	if (mailbox)
		mailbox_is_stale(watch, mailbox);
	else
		list_soon(watch, TRUE);
}

static void
on_mailboxes(gpointer data)
{
	list_soon(data, TRUE);
}

/* What happened before was perhaps not told. It is said again after each line that broke, and where
 * more has happened than could be told. */
static void
on_watching(RemoteWatching watching, gpointer data)
{
	Watch *watch = data;

	watch->watching = watching;
	set_poll(watch);
	watch->account->events->watching(watching, watch->account->data);
	if (watching == REMOTE_WATCHING_NOTHING)
		return;
	follow_recent(watch, TRUE);
	list_soon(watch, FALSE);
}

static const RemoteWatchHandler watch_handler = {
	.mailbox = on_mailbox,
	.mailboxes = on_mailboxes,
	.watching = on_watching,
};

/* --- which mailboxes --- */

/* INBOX, and those in use. */
static gboolean
rewatch(gpointer data)
{
	Watch *watch = data;
	Remote *remote = watch->account->remote;
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	watch->rewatch = 0;
	g_ptr_array_add(names, (gpointer) "INBOX");
	for (const GList *link = watch->recent.head; link; link = link->next) {
		const Mailbox *mailbox =
			account_mailbox(watch->account, GPOINTER_TO_UINT(link->data));

		if (mailbox && mailbox->name && !mailbox->planned && !is_inbox(mailbox->name))
			g_ptr_array_add(names, mailbox->name);
	}
	g_ptr_array_add(names, NULL);
	remote->operations->watch(remote, (const char *const *)names->pdata, &watch_handler, watch);
	return G_SOURCE_REMOVE;
}

static void
rewatch_soon(Watch *watch)
{
	if (!watch->rewatch)
		watch->rewatch = g_timeout_add(REWATCH_MS, rewatch, watch);
}

void
watch_used(Mailbox *mailbox)
{
	Watch *watch = mailbox->account->watch;
	gpointer id = GUINT_TO_POINTER(mailbox->id);

	if (!watch || (watch->recent.head && watch->recent.head->data == id))
		return;
	g_queue_remove(&watch->recent, id);
	g_queue_push_head(&watch->recent, id);
	if (watch->recent.length > MAX_RECENT)
		g_queue_pop_tail(&watch->recent);
	rewatch_soon(watch);
}

void
watch_renamed(const Mailbox *mailbox)
{
	Watch *watch = mailbox->account->watch;

	if (watch && g_queue_find(&watch->recent, GUINT_TO_POINTER(mailbox->id)))
		rewatch_soon(watch);
}

void
account_watch(Account *account, guint poll_seconds)
{
	Watch *watch = g_new0(Watch, 1);

	g_assert(!account->watch);
	account->watch = watch;
	watch->account = account;
	watch->poll_seconds = poll_seconds;
	watch->stale = g_hash_table_new(NULL, NULL);
	watch->failed = g_hash_table_new(NULL, NULL);
	set_poll(watch);
	watch->rewatch = g_timeout_add(BEGIN_MS, rewatch, watch);
}

void
watch_free(Watch *watch)
{
	g_clear_handle_id(&watch->follow, g_source_remove);
	g_clear_handle_id(&watch->poll, g_source_remove);
	g_clear_handle_id(&watch->rewatch, g_source_remove);
	g_clear_handle_id(&watch->relist, g_source_remove);
	g_clear_handle_id(&watch->retry, g_source_remove);
	g_hash_table_unref(watch->stale);
	g_hash_table_unref(watch->failed);
	g_queue_clear(&watch->recent);
	g_free(watch);
}
