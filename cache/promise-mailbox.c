/*
 * Promises about mailboxes.
 *
 *     CREATE  a mailbox of which the server knows nothing yet (planned)
 *     DELETE  none; listings that still tell of it are not believed (doomed)
 *     RENAME  it and all below it stand in the new place (relocated); to the server they have their
 *             old names until that is done, and listings tell these, or the new ones already; what
 *             they tell there that was not known is put to the rest
 *
 * What listings tell in the meantime is judged by fates.c.
 */
#include "promise.h"

#include <string.h>

#include "fates.h"
#include "keep.h"

#define NEVER G_MAXINT64

/* --- all that has a name, or one below it ---
 *
 * By names, not by places: what is below may have been put elsewhere since. */

static gboolean
is_named_within(const char *name, const JournalEntry *entry)
{
	return name && name_is_within(name, entry->mailbox, entry->delimiter);
}

static void
plan_names(const Overlay *overlay, const JournalEntry *entry)
{
	GHashTableIter iter;
	gpointer mailbox;

	g_hash_table_iter_init(&iter, overlay->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox))
		if (is_named_within(overlay_name(mailbox), entry))
			overlay_plan_name(overlay, mailbox);
}

static void
take_name(const Overlay *overlay, Mailbox *mailbox, const JournalEntry *entry)
{
	g_autofree char *name =
		g_strconcat(entry->to, mailbox->name + strlen(entry->mailbox), NULL);

	mailbox_set_name(mailbox, name);
	g_clear_pointer(&mailbox->path, g_free); /* the next listing tells it */
	mailbox->trusted_at_us = overlay_trust_again_us();
	overlay_plan_name(overlay, mailbox);
}

/* But what was made after the other was renamed. */
static void
take_names(const Overlay *overlay, const JournalEntry *entry)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, overlay->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Mailbox *mailbox = value;

		if (!mailbox->planned && is_named_within(mailbox->name, entry))
			take_name(overlay, mailbox, entry);
	}
}

/* --- placing --- */

/* The level that the server calls @name, or would; NULL: top. */
static Mailbox *
find_parent(const Overlay *overlay, const char *name)
{
	GHashTableIter iter;
	gpointer mailbox;

	if (!name)
		return overlay->account->top;
	mailbox = overlay_find_mailbox(overlay, name);
	if (mailbox)
		return mailbox;
	g_hash_table_iter_init(&iter, overlay->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox)) {
		g_autofree char *level = mailbox_level_name(mailbox);

		if (g_strcmp0(level, name) == 0)
			return mailbox;
	}
	return NULL;
}

static void
place_create(Promise *promise, const JournalEntry *entry)
{
	Account *account = promise->overlay->account;
	Mailbox *parent = find_parent(promise->overlay, entry->parent), *mailbox;
	g_autofree char *file_name = account->rules->mailbox(entry->name ? entry->name : "");

	if (!parent)
		return;
	promise->placed = TRUE;
	if (mailbox_name_is_taken(parent, file_name) || !entry->mailbox)
		return;
	mailbox = mailbox_new(account, parent, 0, g_steal_pointer(&file_name));
	mailbox->planned = TRUE;
	mailbox->planned_by = promise->id;
	mailbox_set_name(mailbox, entry->mailbox);
	mailbox->delimiter = entry->delimiter;
	mailbox->selectable = TRUE;
	mailbox->state = MAILBOX_COMPLETE;
	mailbox->trusted_at_us = NEVER;
	promise->mailbox_id = mailbox->id;
}

static void
place_delete(Promise *promise, const JournalEntry *entry)
{
	Mailbox *mailbox = overlay_find_mailbox(promise->overlay, entry->mailbox);

	promise->placed = TRUE;
	promise->old_name = g_strdup(entry->mailbox);
	overlay_doom(promise->overlay, entry->mailbox, '\0');
	fates_add(promise);
	if (mailbox && !mailbox->children->len)
		mailbox_remove(mailbox);
	else if (mailbox)
		mailbox_become_level(mailbox);
}

/* Then it cannot be put below that. */
static gboolean
is_above(const Mailbox *mailbox, const Mailbox *other)
{
	while (other && other != mailbox)
		other = other->parent;
	return other != NULL;
}

static void
place_rename(Promise *promise, const JournalEntry *entry)
{
	Account *account = promise->overlay->account;
	Mailbox *mailbox = overlay_find_mailbox(promise->overlay, entry->mailbox);
	Mailbox *parent = find_parent(promise->overlay, entry->parent);
	g_autofree char *file_name = account->rules->mailbox(entry->name ? entry->name : "");

	if (!mailbox || !parent || is_above(mailbox, parent))
		return;
	promise->placed = TRUE;
	promise->mailbox_id = mailbox->id;
	promise->old_parent_id = mailbox->parent->id;
	promise->old_file_name = g_strdup(mailbox->file_name);
	promise->old_name = g_strdup(entry->mailbox);
	promise->new_name = g_strdup(entry->to);
	promise->delimiter = entry->delimiter;
	overlay_doom(promise->overlay, entry->to, entry->delimiter); /* a listing may be ahead of us */
	fates_add(promise);
	plan_names(promise->overlay, entry);
	mailbox->relocated = TRUE;
	mailbox_relocate(mailbox, parent, file_name);
}

void
promise_place_mailbox(Promise *promise, const JournalEntry *entry)
{
	if (promise->kind == JOURNAL_CREATE)
		place_create(promise, entry);
	else if (promise->kind == JOURNAL_DELETE)
		place_delete(promise, entry);
	else
		place_rename(promise, entry);
}

/* --- keeping --- */

static void
keep_create(const Promise *promise, const JournalEntry *entry)
{
	Account *account = promise->overlay->account;
	Mailbox *mailbox = account_mailbox(account, promise->mailbox_id);

	if (!mailbox)
		return;
	mailbox->planned = FALSE;
	mailbox->trusted_at_us = overlay_trust_again_us();
	if (entry->mailbox)
		mailbox_set_name(mailbox, entry->mailbox);
}

static void
keep_rename(const Promise *promise, const JournalEntry *entry)
{
	fates_remove(promise);
	journal_move_names(promise->overlay->journal, entry->mailbox, entry->to, entry->delimiter);
	take_names(promise->overlay, entry);
	overlay_doom(promise->overlay, entry->mailbox, entry->delimiter);
	overlay_undoom(promise->overlay, entry->mailbox, TRUE);
}

/* A mailbox that is not known (yet) has no name here that must be changed. */
void
promise_keep_unplaced(const Promise *promise, const JournalEntry *entry)
{
	Journal *journal = promise->overlay->journal;

	if (entry->kind == JOURNAL_RENAME)
		journal_move_names(journal, entry->mailbox, entry->to, entry->delimiter);
	else if (entry->to && entry->name && entry->new_uid && entry->to_uidvalidity)
		journal_set_name(journal, entry->to, entry->to_uidvalidity, entry->new_uid,
		                 entry->name, NULL, NULL);
}

void
promise_keep_mailbox(Promise *promise, const JournalEntry *entry)
{
	switch (promise->kind) {
	case JOURNAL_CREATE:
		keep_create(promise, entry);
		break;
	case JOURNAL_DELETE:
		fates_remove(promise);
		overlay_undoom(promise->overlay, promise->old_name, TRUE);
		break;
	case JOURNAL_RENAME:
		keep_rename(promise, entry);
		overlay_undoom(promise->overlay, promise->new_name, FALSE);
		break;
	default:
		return;
	}
	account_refresh(promise->overlay->account, FALSE);
}

/* --- breaking --- */

static void
break_create(const Promise *promise)
{
	Mailbox *mailbox = account_mailbox(promise->overlay->account, promise->mailbox_id);

	if (mailbox && !mailbox->children->len) {
		mailbox_remove(mailbox);
	} else if (mailbox) {
		mailbox->planned = FALSE;
		mailbox->trusted_at_us = 0;
		mailbox_become_level(mailbox);
	}
}

static void
plan_all(const Overlay *overlay)
{
	GHashTableIter iter;
	gpointer mailbox;

	g_hash_table_iter_init(&iter, overlay->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox))
		overlay_plan_name(overlay, mailbox);
}

/* Back to where it was, unless that is not possible any more: then a listing puts it there. */
static void
go_home(const Promise *promise, Mailbox *mailbox)
{
	Account *account = mailbox->account;
	Mailbox *parent = promise->old_parent_id ? account_mailbox(account, promise->old_parent_id)
	                                         : account->top;
	guint64 old_place = message_id(mailbox->parent->id, 0);

	if (!parent || is_above(mailbox, parent) ||
	    mailbox_name_is_taken(parent, promise->old_file_name))
		return;
	account->events->entry_gone(old_place, message_id(mailbox->id, 0), mailbox->file_name,
	                            account->data);
	mailbox_relocate(mailbox, parent, promise->old_file_name);
	account->events->entry_came(message_id(parent->id, 0), mailbox->file_name, account->data);
}

/* Of a chain the others may not concern it any more either. */
static void
break_rename(const Promise *promise)
{
	Mailbox *mailbox = account_mailbox(promise->overlay->account, promise->mailbox_id);
	gboolean was_relocated = mailbox && mailbox->relocated;

	fates_remove(promise);
	plan_all(promise->overlay);
	if (was_relocated)
		go_home(promise, mailbox);
}

void
promise_break_mailbox(Promise *promise)
{
	switch (promise->kind) {
	case JOURNAL_CREATE:
		break_create(promise);
		break;
	case JOURNAL_DELETE:
		fates_remove(promise);
		overlay_undoom(promise->overlay, promise->old_name, FALSE);
		break;
	case JOURNAL_RENAME:
		break_rename(promise);
		overlay_undoom(promise->overlay, promise->new_name, FALSE);
		break;
	default:
		return;
	}
	account_refresh(promise->overlay->account, FALSE);
}
