/*
 * From which UID on the messages of a mailbox are new, before something is put there.
 *
 * It must not be higher than the UID that the next message gets, or what was sent is not found and
 * is sent again; and it must be above whatever was put there earlier, or an old message is taken
 * for a new one that is like it, which is then never sent. So a mailbox that got something from
 * here without the server telling the UID is asked again; else the owner's word and the highest UID
 * that was told will do.
 */
#include "flusher-private.h"

typedef struct {
	guint32 uidvalidity; /* 0: not known */
	guint32 uidnext;
	gboolean stale; /* something was put there, nobody knows under which UID */
} FlusherBound;

static FlusherBound *
bound_of(Flusher *flusher, const char *mailbox)
{
	FlusherBound *bound = g_hash_table_lookup(flusher->bounds, mailbox);

	if (!bound) {
		bound = g_new0(FlusherBound, 1);
		g_hash_table_insert(flusher->bounds, g_strdup(mailbox), bound);
	}
	return bound;
}

static guint32
after(guint32 uid)
{
	return uid < G_MAXUINT32 ? uid + 1 : uid;
}

void
flusher_bound_note(Flusher *flusher, const char *mailbox, guint32 uidvalidity, guint32 uid)
{
	FlusherBound *bound = bound_of(flusher, mailbox);

	if (!uid) {
		bound->stale = TRUE;
		return;
	}
	if (uidvalidity && bound->uidvalidity != uidvalidity) {
		bound->uidvalidity = uidvalidity;
		bound->uidnext = 0;
	}
	bound->uidnext = MAX(bound->uidnext, after(uid));
}

void
flusher_bound_forget_all(Flusher *flusher)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, flusher->bounds);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		*(FlusherBound *)value = (FlusherBound){.stale = TRUE};
}

static void
on_range(guint32 first, guint32 last, gpointer data)
{
	FlusherBatch *batch = data;

	(void)first;
	batch->last_uid = MAX(batch->last_uid, last);
}

static void
on_uids(guint32 exists, const GError *error, gpointer data)
{
	FlusherBatch *batch = data;

	(void)exists;
	if (!error)
		bound_of(batch->flusher, batch->first->to)->stale = FALSE;
	batch->bound(batch, after(batch->last_uid), error);
}

static const RemoteUidsHandler uids_handler = {.range = on_range, .done = on_uids};

void
flusher_bound_find(FlusherBatch *batch)
{
	Flusher *flusher = batch->flusher;
	const JournalEntry *first = batch->first;
	const FlusherBound *bound = bound_of(flusher, first->to);
	guint32 uidnext = flusher->events->uidnext(first->to, flusher->data);
	gboolean other = bound->uidvalidity && first->to_uidvalidity &&
	                 bound->uidvalidity != first->to_uidvalidity;

	if (uidnext && !bound->stale && !other) {
		batch->bound(batch, MAX(uidnext, bound->uidnext), NULL);
		return;
	}
	batch->last_uid = 0;
	flusher->remote->operations->uids(flusher->remote, first->to, first->to_uidvalidity,
	                                  &uids_handler, batch);
}
