/*
 * What becomes of the names of mailboxes that the server tells.
 *
 *     RENAME  A X   "A/b" is shown as X/b; "X/b" is the same, if the server was faster than its
 *                   answer, and else is not believed
 *     DELETE  A     "A" is not shown
 *
 * These apply in the order of the journal, so a name can go through several. What has been carried
 * out is told of for a moment still, by listings that began before, and by servers that list from
 * indexes that lag behind (Dovecot's by a tenth of a second): such names are doomed until then.
 */
#include "fates.h"

#include <string.h>

#define NEVER  G_MAXINT64
#define LAG_US (3 * G_USEC_PER_SEC)

typedef struct {
	guint n; /* changes that say so */
	gint64 trusted_at_us;
	char delimiter; /* what is below it, too; or 0 */
} Doom;

/* --- dooms --- */

gint64
overlay_trust_again_us(void)
{
	return g_get_monotonic_time() + LAG_US;
}

void
overlay_doom(Overlay *overlay, const char *name, char delimiter)
{
	Doom *found = g_hash_table_lookup(overlay->doomed, name);

	if (!found) {
		found = g_new0(Doom, 1);
		g_hash_table_insert(overlay->doomed, g_strdup(name), found);
	}
	found->n++;
	found->trusted_at_us = NEVER;
	if (delimiter)
		found->delimiter = delimiter;
}

void
overlay_undoom(Overlay *overlay, const char *name, gboolean lags)
{
	Doom *found = name ? g_hash_table_lookup(overlay->doomed, name) : NULL;

	if (!found || --found->n)
		return;
	found->trusted_at_us = lags ? overlay_trust_again_us() : 0;
}

static gboolean
is_doomed(const Overlay *overlay, const char *name, char below)
{
	const Doom *found = g_hash_table_lookup(overlay->doomed, name);

	return found && found->trusted_at_us > overlay->account->listing_began_us &&
	       (!below || found->delimiter == below);
}

/* It, or what is above it. */
gboolean
overlay_ignores_name(const Overlay *overlay, const char *name)
{
	g_autofree char *above = NULL;

	if (!overlay || !overlay_has_moved(overlay))
		return FALSE;
	if (is_doomed(overlay, name, '\0'))
		return TRUE;
	above = g_strdup(name);
	for (gsize i = strlen(name); i-- > 1;) {
		if (!g_ascii_ispunct(name[i]))
			continue;
		above[i] = '\0';
		if (is_doomed(overlay, above, name[i]))
			return TRUE;
	}
	return FALSE;
}

void
overlay_forget_dooms(Overlay *overlay)
{
	GHashTableIter iter;
	gpointer found;

	g_hash_table_iter_init(&iter, overlay->doomed);
	while (g_hash_table_iter_next(&iter, NULL, &found))
		if (((const Doom *)found)->trusted_at_us <= overlay->account->listing_began_us)
			g_hash_table_iter_remove(&iter);
}

gboolean
overlay_has_moved(const Overlay *overlay)
{
	return g_hash_table_size(overlay->doomed) > 0;
}

/* --- fates --- */

static int
compare_promises(gconstpointer a, gconstpointer b)
{
	const Promise *one = *(Promise *const *)a, *other = *(Promise *const *)b;

	return (one->id > other->id) - (one->id < other->id);
}

void
fates_add(const Promise *promise)
{
	g_ptr_array_add(promise->overlay->fates, (gpointer)promise);
	g_ptr_array_sort(promise->overlay->fates, compare_promises);
}

void
fates_remove(const Promise *promise)
{
	g_ptr_array_remove(promise->overlay->fates, (gpointer)promise);
}

gboolean
name_is_within(const char *name, const char *above, char delimiter)
{
	gsize length = strlen(above);

	return strncmp(name, above, length) == 0 &&
	       (!name[length] || (delimiter && name[length] == delimiter));
}

/* FALSE: it does not concern what is called *@name by then. */
static gboolean
apply_fate(const Promise *promise, char **name)
{
	char *next = NULL;

	if (promise->kind == JOURNAL_DELETE && !g_str_equal(*name, promise->old_name))
		return FALSE;
	if (promise->kind == JOURNAL_RENAME) {
		if (!name_is_within(*name, promise->old_name, promise->delimiter))
			return FALSE;
		next = g_strconcat(promise->new_name, *name + strlen(promise->old_name), NULL);
	}
	g_free(*name);
	*name = next;
	return TRUE;
}

/* @concerned: by any of them, though the name may be the same in the end. */
static char *
find_fate(const Overlay *overlay, const char *name, Change after, gboolean *concerned)
{
	char *fate = g_strdup(name);

	*concerned = FALSE;
	for (guint i = 0; fate && i < overlay->fates->len; i++) {
		const Promise *promise = overlay->fates->pdata[i];

		if (promise->id > after)
			*concerned |= apply_fate(promise, &fate);
	}
	return fate;
}

char *
overlay_fate(const Overlay *overlay, const char *name, Change after)
{
	gboolean concerned;

	return find_fate(overlay, name, after, &concerned);
}

/* --- what a listing tells of those that stand in another place already --- */

gboolean
mailbox_is_moved(const Mailbox *mailbox)
{
	for (; mailbox; mailbox = mailbox->parent)
		if (mailbox->relocated)
			return TRUE;
	return FALSE;
}

Mailbox *
overlay_find_moved(const Overlay *overlay, const char *name)
{
	Mailbox *mailbox = g_hash_table_lookup(overlay->account->by_name, name);
	g_autofree char *fate =
		!mailbox && overlay->fates->len ? overlay_fate(overlay, name, 0) : NULL;

	if (fate)
		mailbox = overlay_find_mailbox(overlay, fate);
	return mailbox && mailbox_is_moved(mailbox) ? mailbox : NULL;
}

/* One that is known here has gone, or will go, by that itself. */
gboolean
overlay_removes_name(const Overlay *overlay, const char *name)
{
	g_autofree char *fate = overlay_fate(overlay, name, 0);

	return !fate && !g_hash_table_contains(overlay->account->by_name, name);
}

/* Whatever has a name of its own on the server: what that will be, be it the same again. */
void
overlay_plan_name(const Overlay *overlay, Mailbox *mailbox)
{
	Change after = mailbox->planned ? mailbox->planned_by : 0;
	gboolean concerned;
	char *fate;

	if (!mailbox->name)
		return;
	fate = find_fate(overlay, mailbox->name, after, &concerned);
	g_free(mailbox->next_name);
	mailbox->next_name = concerned ? g_steal_pointer(&fate) : NULL;
	if (!mailbox->next_name)
		mailbox->relocated = FALSE;
	g_free(fate);
}

/* The one that the server may be at just now, or nobody knows whether it has done it, if @mailbox
 * (NULL: any) is to have another name; NULL: none. */
static const Promise *
find_sent(const Overlay *overlay, const Mailbox *mailbox)
{
	if (mailbox && !mailbox->next_name)
		return NULL;
	for (guint i = 0; i < overlay->fates->len; i++) {
		const Promise *promise = overlay->fates->pdata[i];
		const JournalEntry *entry = journal_entry(overlay->journal, promise->id);

		if (entry && (entry->uidnext || flusher_is_sent(overlay->flusher, entry)))
			return promise;
	}
	return NULL;
}

gboolean
overlay_is_renaming(const Overlay *overlay, const Mailbox *mailbox)
{
	return find_sent(overlay, mailbox) != NULL;
}

CacheResult
overlay_await_name(Overlay *overlay, const Mailbox *mailbox, Waiter *waiter, GError **error)
{
	const Promise *sent = find_sent(overlay, mailbox);

	return sent ? overlay_await_entry(overlay, sent->id, waiter, error) : CACHE_READY;
}
