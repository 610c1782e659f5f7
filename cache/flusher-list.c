/*
 * Finding out whether a mailbox was created, deleted or renamed, by a listing.
 *
 *     CREATE  it is there               done; else queued again
 *     DELETE  it is not, or only as a   done; else queued again
 *             level above others
 *     RENAME  the old name is not there done; else queued again
 *             and the new one is
 *
 * A new name of which only the component is known is recognized by its path.
 */
#include "flusher-private.h"

typedef struct {
	FlusherBatch *batch;
	GHashTable *paths; /* name -> path, of all that can be opened */
	GHashTable *names; /* path -> name, of all */
} Listing;

static void
on_mailbox(const RemoteMailbox *mailbox, gpointer data)
{
	Listing *listing = data;

	if (mailbox->selectable)
		g_hash_table_insert(listing->paths, g_strdup(mailbox->name),
		                    g_strdup(mailbox->path));
	g_hash_table_insert(listing->names, g_strdup(mailbox->path), g_strdup(mailbox->name));
}

static const char *
path_of(const Listing *listing, const char *name)
{
	GHashTableIter iter;
	gpointer path, found;

	g_hash_table_iter_init(&iter, listing->names);
	while (g_hash_table_iter_next(&iter, &path, &found))
		if (g_str_equal(found, name))
			return path;
	return NULL;
}

/* The new mailbox's name, as the server calls it; NULL: it is not there. */
static const char *
find_new(const Listing *listing, const JournalEntry *entry, const char *whole)
{
	const char *parent = entry->parent ? path_of(listing, entry->parent) : NULL;
	g_autofree char *path = NULL;

	if (whole)
		return path_of(listing, whole) ? whole : NULL;
	if (!entry->parent)
		return g_hash_table_lookup(listing->names, entry->name);
	if (!parent)
		return NULL;
	path = g_strdup_printf("%s%c%s", parent, entry->delimiter, entry->name);
	return g_hash_table_lookup(listing->names, path);
}

static gboolean
is_made(const Listing *listing, JournalEntry *entry)
{
	gboolean create = entry->kind == JOURNAL_CREATE;
	char **place = create ? &entry->mailbox : &entry->to;
	const char *name;

	if (entry->kind == JOURNAL_DELETE)
		return !g_hash_table_contains(listing->paths, entry->mailbox);
	name = find_new(listing, entry, *place);
	if (!name || (!create && path_of(listing, entry->mailbox)))
		return FALSE;
	if (!*place)
		*place = g_strdup(name);
	return TRUE;
}

static void
on_listed(const GError *error, gpointer data)
{
	Listing *listing = data;
	FlusherBatch *batch = listing->batch;
	gboolean done = !error && is_made(listing, batch->first);
	g_autoptr(GError) cause = NULL;

	if (!error)
		flusher_batch_note_sight(batch);
	g_hash_table_unref(listing->paths);
	g_hash_table_unref(listing->names);
	g_free(listing);
	if (error || (!done && flusher_batch_is_young(batch))) {
		flusher_retry(batch->flusher, error);
		return;
	}
	if (!done)
		cause = g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN,
		                    "the connection broke before it was done");
	flusher_item_settle(&batch->items[0], done ? OUTCOME_DONE : OUTCOME_AGAIN, cause);
	flusher_batch_end(batch);
}

static const RemoteListHandler list_handler = {.mailbox = on_mailbox, .done = on_listed};

void
flusher_list(FlusherBatch *batch)
{
	Remote *remote = batch->flusher->remote;
	Listing *listing;

	if (batch->flusher->stopped) /* it stays SENT, for next time */
		return;
	flusher_batch_note_look(batch);
	listing = g_new0(Listing, 1);
	listing->batch = batch;
	listing->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	listing->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	remote->operations->list(remote, FALSE, &list_handler, listing);
}
