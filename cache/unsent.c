/*
 * Files that were closed and could not be sent, because they are no messages or there was no line:
 * told to who closed them, and to all who look, until they are changed, renamed or removed.
 */
#include "draft.h"

static gboolean
is_unsent(const Draft *draft)
{
	return draft->why && (draft->made || draft->held) && !draft->n_open && !draft->unlinked &&
	       draft_is_due(draft, draft->local.message.name);
}

static JournalEntry *
make_entry(const Draft *draft, const Mailbox *mailbox)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_APPEND);

	entry->to = g_strdup(overlay_name(mailbox));
	entry->name = g_strdup(draft->local.message.name);
	entry->error = g_strdup(draft->why);
	return entry;
}

/* What is tried again and again is told once. */
void
draft_note_failure(Draft *draft, const Mailbox *mailbox, const GError *error)
{
	g_autoptr(JournalEntry) entry = NULL;

	if (!error || g_strcmp0(draft->why, error->message) == 0)
		return;
	g_free(draft->why);
	draft->why = g_strdup(error->message);
	if (draft->held)
		return;
	entry = make_entry(draft, mailbox);
	entry->time = g_get_real_time() / G_USEC_PER_SEC;
	refusal_remember(draft->overlay, entry);
}

static gint
compare_numbers(gconstpointer a, gconstpointer b)
{
	const Draft *one = *(Draft *const *)a, *other = *(Draft *const *)b;

	return one->local.number < other->local.number ? -1 : 1;
}

GPtrArray *
unsent_list(const Overlay *overlay, guint32 mailbox_id)
{
	GPtrArray *list = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, overlay->drafts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Draft *draft = value;

		if (is_unsent(draft) && (!mailbox_id || draft->local.mailbox_id == mailbox_id))
			g_ptr_array_add(list, value);
	}
	g_ptr_array_sort(list, compare_numbers);
	return list;
}

static const Draft *
first_unsent(const Overlay *overlay, guint32 mailbox_id)
{
	g_autoptr(GPtrArray) list = unsent_list(overlay, mailbox_id);

	return list->len ? list->pdata[0] : NULL;
}

static const Draft *
closed_draft(const Overlay *overlay, guint64 id)
{
	const Draft *draft = draft_of_handle(overlay, id);

	if (!draft)
		draft = draft_of_file(overlay, overlay_resolve(overlay, id));
	return draft && is_unsent(draft) ? draft : NULL;
}

guint64
account_unsent(Account *account, guint64 id)
{
	const Overlay *overlay = account->overlay;
	const Draft *draft;

	if (!overlay)
		return 0;
	draft = (guint32)id || message_is_draft(id) ? closed_draft(overlay, id)
	                                            : first_unsent(overlay, (guint32)(id >> 32));
	return draft ? draft->handle : 0;
}

void
unsent_describe(const Overlay *overlay, GString *text)
{
	g_autoptr(GPtrArray) list = unsent_list(overlay, 0);

	for (guint i = 0; i < list->len; i++) {
		const Draft *draft = list->pdata[i];
		const Mailbox *mailbox = account_mailbox(overlay->account, draft->local.mailbox_id);
		g_autoptr(JournalEntry) entry = NULL;

		if (!mailbox)
			continue;
		entry = make_entry(draft, mailbox);
		entry->time = draft->local.message.internaldate;
		entry->size = draft->local.message.size;
		entry->staged = g_strdup(draft->staged);
		refusal_describe(overlay, text, "not sent", entry);
	}
}
