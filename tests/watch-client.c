/*
 * watch-client.c: watches mailboxes of a real server, and says at once what is told.
 *
 *     watch-client PORT USER PASSWORD RENEWAL_MS
 *
 * Lines that come in: "watch NAME...", "watches NAME", "status". Lines that come out: "mailbox
 * NAME", "mailboxes", "watching all" (or some, nothing), "watches yes" (or no), "watching: ...".
 */
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls.h"
#include "watcher.h"

typedef struct {
	GMainLoop *loop;
	Watcher *watcher;
} Client;

static void
say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static void
on_mailbox(const char *mailbox, gpointer data)
{
	g_autofree char *line = g_strdup_printf("mailbox %s", mailbox);

	(void)data;
	say(line);
}

static void
on_mailboxes(gpointer data)
{
	(void)data;
	say("mailboxes");
}

static void
on_watching(RemoteWatching watching, gpointer data)
{
	static const char *const lines[] = {"watching nothing", "watching some", "watching all"};

	(void)data;
	say(lines[watching]);
}

static const RemoteWatchHandler handler = {
	.mailbox = on_mailbox,
	.mailboxes = on_mailboxes,
	.watching = on_watching,
};

static void
client_do(Client *client, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	g_autoptr(GString) status = g_string_new(NULL);

	if (g_str_equal(words[0], "watch")) {
		watcher_watch(client->watcher, (const char *const *)words + 1, &handler, NULL);
	} else if (g_str_equal(words[0], "watches")) {
		say(watcher_watches(client->watcher, words[1]) ? "watches yes" : "watches no");
	} else {
		watcher_status(client->watcher, status);
		say(g_strchomp(status->str));
	}
}

static gboolean
on_input(gint fd, GIOCondition condition, gpointer data)
{
	Client *client = data;
	char text[4096];
	ssize_t length = read(fd, text, sizeof(text) - 1);
	g_auto(GStrv) lines = NULL;

	(void)condition;
	if (length <= 0) {
		g_main_loop_quit(client->loop);
		return G_SOURCE_REMOVE;
	}
	text[length] = '\0';
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (**line)
			client_do(client, *line);
	return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
	Client client = {.loop = g_main_loop_new(NULL, FALSE)};
	ImapSettings settings = {
		.host = (char *)"127.0.0.1",
		.tls = IMAP_TLS_NONE,
		.n_connections = 4,
		.timeout_us = 10 * G_USEC_PER_SEC,
	};
	WatcherTimes times = watcher_times;
	SSL_CTX *context = tls_context_new(NULL, NULL);
	ImapPool *pool;

	g_assert_cmpint(argc, ==, 5);
	settings.port = (guint16)atoi(argv[1]);
	settings.user = argv[2];
	settings.password = argv[3];
	if (atoi(argv[4]))
		times.renewal_us = 1000 * (gint64)atoi(argv[4]);
	pool = pool_new(&settings, context);
	client.watcher = watcher_new(pool, &settings, context, &times);
	pool_start(pool, NULL, NULL);
	g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, &client);
	g_main_loop_run(client.loop);
	watcher_free(client.watcher);
	pool_free(pool);
	SSL_CTX_free(context);
	g_main_loop_unref(client.loop);
	return 0;
}
