/*
 * What the kernel must hear of directories, and when.
 *
 * To forget an entry it takes the lock of the directory, and that of what the entry is. During some
 * requests it holds these itself, until they are answered, which may take as long as a server does:
 *
 *     LOOKUP, READDIR                          the directory's, together with others
 *     CREATE, MKNOD, MKDIR, UNLINK, RMDIR,     the directory's (both), alone; and that of a mailbox
 *     RENAME                                   which is removed or renamed
 *     FSYNC, SETATTR, SETXATTR, REMOVEXATTR,   the node's, alone
 *     WRITE, COPY_FILE_RANGE, lseek(SEEK_END)
 *
 * A process that is killed while one of its threads waits so never ends, nor does whoever waits for
 * its answers. So what is about a directory is told when no such request about it, or about the
 * entry, is in our hands. That is soon: those that hold a lock alone come one after the other, and
 * at each answer there is a moment when none is there; those that share one wait for nothing but
 * the first listing of a mailbox. All others (OPENDIR, GETATTR, READ ...) may be there without end,
 * where a directory is in steady use, and do not count.
 *
 *     entry gone or come --> told at once, or kept with its directory until a lock is let go
 *     listing changed    --> told at once, then what follows of all directories PAUSE_MS later
 */
#include "news.h"

#include "request.h"

#define PAUSE_MS 50 /* a listing that is dropped again and again would be read again as often */

typedef struct {
	fuse_ino_t directory, child;
	char *name;
	gboolean came;
} Entry;

struct News {
	FileSystem *fs;
	GHashTable *kept;  /* node of a directory (gint64) -> GQueue of Entry, in their order */
	GHashTable *stale; /* of nodes (gint64) of directories whose listings are told later */
	guint pause;       /* source: since the last was told */
};

static void
entry_free(gpointer data)
{
	Entry *entry = data;

	g_free(entry->name);
	g_free(entry);
}

static void
entries_free(gpointer data)
{
	g_queue_free_full(data, entry_free);
}

News *
news_new(FileSystem *fs)
{
	News *news = g_new0(News, 1);

	news->fs = fs;
	news->kept = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, entries_free);
	news->stale = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return news;
}

void
news_free(News *news)
{
	g_clear_handle_id(&news->pause, g_source_remove);
	g_hash_table_unref(news->kept);
	g_hash_table_unref(news->stale);
	g_free(news);
}

/* --- entries --- */

static gboolean
is_held(const News *news, fuse_ino_t node)
{
	for (const GList *link = news->fs->holders.head; link; link = link->next)
		if (request_holds(link->data, node))
			return TRUE;
	return FALSE;
}

/* Whether it can be: then it is told. */
static gboolean
entry_try(const News *news, const Entry *entry)
{
	if (is_held(news, entry->directory) || (entry->child && is_held(news, entry->child)))
		return FALSE;
	if (entry->came)
		notifier_entry_came(news->fs->notifier, entry->directory, entry->name);
	else
		notifier_entry_gone(news->fs->notifier, entry->directory, entry->child,
		                    entry->name);
	return TRUE;
}

/* As many as can be told; TRUE: all. */
static gboolean
entries_try(gpointer directory, gpointer value, gpointer data)
{
	GQueue *entries = value;
	const Entry *entry;

	(void)directory;
	while ((entry = g_queue_peek_head(entries)) && entry_try(data, entry))
		entry_free(g_queue_pop_head(entries));
	return !entries->length;
}

/* Only what is held has anything kept, so there are never more directories than such requests. */
void
news_let_go(News *news)
{
	if (news->fs->notifier && g_hash_table_size(news->kept))
		g_hash_table_foreach_remove(news->kept, entries_try, news);
}

/* Takes @entry. */
static void
news_add(News *news, Entry *entry)
{
	GQueue *entries = g_hash_table_lookup(news->kept, &entry->directory);

	if (!entries && entry_try(news, entry)) {
		entry_free(entry);
		return;
	}
	if (!entries) {
		entries = g_queue_new();
		g_hash_table_insert(news->kept, g_memdup2(&entry->directory, sizeof(guint64)),
		                    entries);
	}
	g_queue_push_tail(entries, entry);
}

static Entry *
entry_new(fuse_ino_t directory, const char *name)
{
	Entry *entry = g_new0(Entry, 1);

	entry->directory = directory;
	entry->name = g_strdup(name);
	return entry;
}

void
news_entry_gone(News *news, fuse_ino_t directory, fuse_ino_t child, const char *name)
{
	Entry *entry = entry_new(directory, name);

	entry->child = child;
	news_add(news, entry);
}

void
news_entry_came(News *news, fuse_ino_t directory, const char *name)
{
	Entry *entry = entry_new(directory, name);

	entry->came = TRUE;
	news_add(news, entry);
}

/* --- listings: no lock is taken that a request of ours could hold --- */

static gboolean
on_pause_end(gpointer data)
{
	News *news = data;
	GHashTableIter iter;
	gpointer directory;

	if (!g_hash_table_size(news->stale) || !news->fs->notifier) {
		news->pause = 0;
		return G_SOURCE_REMOVE;
	}
	g_hash_table_iter_init(&iter, news->stale);
	while (g_hash_table_iter_next(&iter, &directory, NULL))
		notifier_listing_changed(news->fs->notifier, *(const guint64 *)directory);
	g_hash_table_remove_all(news->stale);
	return G_SOURCE_CONTINUE;
}

void
news_listing_changed(News *news, fuse_ino_t directory)
{
	if (!news->fs->notifier)
		return;
	if (news->pause) {
		g_hash_table_add(news->stale, g_memdup2(&directory, sizeof(directory)));
		return;
	}
	notifier_listing_changed(news->fs->notifier, directory);
	news->pause = g_timeout_add(PAUSE_MS, on_pause_end, news);
}
