/*
 * watcher-private.h: the parts of the watcher that its files share.
 *
 *     watcher.c           which connections there are, and for which mailboxes
 *     watcher-line.c      one connection: what it says, and when
 *     watcher-notify.c    asking for NOTIFY
 *     watcher-refusals.c  what the server has refused
 *     watcher-news.c      what was heard, until it is told
 */
#pragma once

#include "backoff.h"
#include "refusal.h"
#include "wake.h"
#include "watcher.h"

typedef enum {
	LINE_DOWN,       /* no connection; once there is no timer, a turn brings the next attempt */
	LINE_CONNECTING, /* until it is logged in */
	LINE_OPENING,    /* NOTIFY or EXAMINE is on its way, or was refused */
	LINE_ENTERING,   /* IDLE is on its way; the timer is its limit */
	LINE_WATCHING,   /* silent; the timer renews it */
	LINE_ENDING,     /* DONE or NOOP is on its way; the timer is its limit */
} WatchLineState;

/* One connection, or the wish for one. */
typedef struct {
	Watcher *watcher;
	char *mailbox; /* server's bytes; NULL: all of them, by NOTIFY */
	ImapSession *session;
	WatchLineState state;
	guint timer;
	gboolean asked;    /* for that mailbox, or for notifications */
	gboolean accepted; /* the last IDLE, by "+" */
	Refusal no_idle;   /* where NOTIFY does without */
	gboolean standing; /* what changes is told now */
	gint64 stood_us;   /* monotonic; since when */
	gint64 idle_us;    /* when the last IDLE was sent */
	Backoff backoff;
} WatchLine;

/* Where mailboxes begin that belong together (RFC 2342). */
typedef struct {
	char *prefix;      /* server's bytes */
	gsize name_length; /* without the delimiter at the end; 0: there is no name, or no delimiter
	                    * ("~"), so that NOTIFY cannot name it */
	gboolean personal; /* this user's own */
} WatchNamespace;

/* What was heard and is to be told. */
typedef struct {
	GHashTable *mailboxes; /* names, server's bytes */
	gboolean list;         /* which mailboxes there are */
	gboolean watching;     /* what is watched, or too much to name it */
	gint told;             /* the RemoteWatching told last, -1: none yet */
} WatchNews;

struct Watcher {
	ImapPool *pool;
	ImapSettings settings; /* the pool's, but to open mailboxes with EXAMINE */
	SSL_CTX *context;
	const WatcherTimes *times;
	Wake *wake;
	gint64 slept_us;
	char **wanted;                     /* mailboxes, most wanted first */
	const RemoteWatchHandler *handler; /* NULL: nobody has asked yet */
	gpointer data;
	GPtrArray *lines;    /* of WatchLine */
	GHashTable *refused; /* mailboxes that cannot be opened: names, Refusal */
	Refusal no_notify, no_idle, no_login;
	guint refusals_over;       /* source of the turn when the first of those is over */
	gboolean fewer_events;     /* one of those that NOTIFY names was */
	GPtrArray *namespaces;     /* of WatchNamespace */
	gboolean knows_namespaces; /* and so those */
	gboolean no_foreign;       /* NOTIFY was refused for those that are not personal */
	gboolean was_offline;      /* the pool, when last looked at */
	guint turn;                /* source of the next turn */
	WatchNews news;
};

/* --- watcher.c --- */

/* At the next turn of the loop, looks what connections there should be, and tells what is to be
 * told. */
void watcher_turn_later(Watcher *watcher);

/* --- watcher-line.c --- */

/* A connection for @mailbox (NULL: all, by NOTIFY), which is not made yet. */
WatchLine *watch_line_new(Watcher *watcher, const char *mailbox);
void watch_line_free(gpointer line);

/* It is down, and nothing is to be waited for: it may be made now. */
gboolean watch_line_is_due(const WatchLine *line);
void watch_line_connect(WatchLine *line);

/* Turns to another mailbox, over the connection that it has. */
void watch_line_assign(WatchLine *line, const char *mailbox);

/* Asks the server for a sign of life: it must come within @limit_us. */
void watch_line_renew(WatchLine *line, gint64 limit_us);

/* Whether @error (or NULL), with which a command of the line was refused, will pass: then its
 * session ends, and another one follows after a pause. */
gboolean watch_line_takes_a_break(WatchLine *line, const GError *error);

/* --- watcher-notify.c --- */

/* The next command that it takes to be told of all mailboxes. Clears line->asked if it takes
 * another. */
void watch_line_ask_for_all(WatchLine *line);

GPtrArray *watch_namespaces_new(void);

/* Whether that leaves out namespaces, and whether it tells of @mailbox. */
gboolean watcher_leaves_out(const Watcher *watcher);
gboolean watcher_is_notified(const Watcher *watcher, const char *mailbox);

/* --- watcher-refusals.c --- */

/* @refusal is one of @watcher's, whose end brings a turn, or of a line's. What it is of is not
 * asked for before its end. */
void watcher_refuse(Watcher *watcher, Refusal *refusal);
void watcher_refuse_mailbox(Watcher *watcher, const char *mailbox);
gboolean watcher_refuses_mailbox(const Watcher *watcher, const char *mailbox);

/* A line was not let in: the password may have been changed. None tries for a while, lest the
 * account be locked. */
void watcher_refuse_login(Watcher *watcher);

/* watch() was called: those in it are tried again sooner. */
void watcher_shorten_refusals(Watcher *watcher);

/* The server may be another one by now, or better. */
void watcher_forget_refusals(Watcher *watcher);

/* There will be a turn when the first of them is over. */
void watcher_await_refusals(Watcher *watcher);

/* --- watcher-news.c --- */

void watch_news_init(WatchNews *news);
void watch_news_clear(WatchNews *news);

/* What @mailbox is called where it is told: INBOX has no case (RFC 3501 5.1). */
const char *watch_news_name(const char *mailbox);

/* What @line has heard, be it standing yet or not. */
void watch_news_take(WatchLine *line, const ImapResponse *response);

/* Tells the handler. */
void watch_news_tell(Watcher *watcher);

RemoteWatching watcher_state(const Watcher *watcher);
