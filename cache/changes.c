/*
 * Changing messages: removing and renaming.
 *
 * A name stands for a message on the server, for one on its way (an arrival), or for a draft. What
 * is on its way and has not been sent can be sent elsewhere, or not at all; what has been sent must
 * get there first. All that one call writes down is in the journal together or not at all.
 */
#include "changes.h"

#include <string.h>

#include "flagged.h"
#include "hidden.h"
#include "rights.h"

#define HIDDEN_IN_BETWEEN (G_MAXUINT64 - 1)

/* --- what may be done --- */

gboolean
changes_allowed(const Account *account, GError **error)
{
	if (account->overlay)
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_READ_ONLY, "mounted read-only");
	return FALSE;
}

/* --- writing down --- */

Change
changes_add(Overlay *overlay, JournalEntry *entry, guint64 local_id, const Message *like)
{
	g_autoptr(JournalEntry) copy = journal_entry_copy(entry);
	Change change = overlay_add(overlay, entry);

	copy->time = g_get_real_time() / G_USEC_PER_SEC;
	promise_make(overlay, change, copy, local_id, like);
	return change;
}

Change
changes_add_removal(Overlay *overlay, Mailbox *mailbox, guint32 uid)
{
	JournalEntry *entry;

	if (!mailbox || !overlay_name(mailbox))
		return 0;
	entry = journal_entry_new(JOURNAL_REMOVE);
	entry->mailbox = g_strdup(overlay_name(mailbox));
	entry->uidvalidity = mailbox->uidvalidity;
	entry->uid = uid;
	return changes_add(overlay, entry, 0, NULL);
}

static JournalEntry *
make_move(const Mailbox *from, const Message *message, const Mailbox *to, const char *name,
          guint32 replaces)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_MOVE);

	entry->mailbox = g_strdup(overlay_name(from));
	entry->uidvalidity = from->uidvalidity;
	entry->uid = message->uid;
	entry->to = g_strdup(overlay_name(to));
	entry->name = g_strdup(name);
	entry->replaces = replaces;
	entry->to_uidvalidity = replaces ? to->uidvalidity : 0;
	entry->size = message->size;
	entry->content_key = message->content_key;
	entry->internaldate = message->internaldate;
	return entry;
}

static Change
add_move(Mailbox *from, const Message *message, Mailbox *to, const char *name, guint32 replaces)
{
	return changes_add(from->account->overlay, make_move(from, message, to, name, replaces),
	                   message_id(from->id, message->uid), message);
}

guint32
changes_withdraw(Promise *promise, const Mailbox *to)
{
	Overlay *overlay = promise->overlay;
	Account *account = overlay->account;
	Mailbox *target = account_mailbox(account, promise->to_id);
	guint32 replaces = target ? promise->replaces : 0;

	if (promise->kind == JOURNAL_MOVE)
		changes_add_removal(overlay, account_mailbox(account, promise->from_id),
		                    promise->uid);
	if (replaces && to != target) {
		changes_add_removal(overlay, target, replaces);
		replaces = 0;
	} else if (replaces) {
		mailbox_hide(target, replaces, HIDDEN_IN_BETWEEN);
	}
	overlay_withdraw(overlay, promise->id);
	promise_break(promise);
	return replaces;
}

/* --- what a name stands for --- */

CacheResult
place_look(Mailbox *mailbox, const char *name, Place *place, Waiter *waiter, GError **error)
{
	const Message *message;
	const Local *local;
	CacheResult result;

	*place = (Place){.child = mailbox_child(mailbox, name)};
	if (place->child)
		return CACHE_READY;
	result = mailbox_lookup(mailbox, name, &message, waiter, error);
	if (result != CACHE_READY || !message)
		return result;
	local = local_of(message);
	if (local && local->draft)
		place->draft = (Draft *)local;
	else if (local)
		place->arrival = (Promise *)local;
	else
		place->message = message;
	return CACHE_READY;
}

gboolean
place_is_empty(const Place *place)
{
	return !place->child && !place->draft && !place->arrival && !place->message;
}

CacheResult
place_await(const Place *place, Waiter *waiter, GError **error)
{
	const Promise *promise = place->arrival;

	if (place->draft)
		return draft_await_original(place->draft, waiter, error);
	if (!promise || overlay_open_entry(promise->overlay, promise->id))
		return CACHE_READY;
	return overlay_await_entry(promise->overlay, promise->id, waiter, error);
}

/* Of a draft: what it is a version of. */
static guint32
clear_draft(Draft *draft, Mailbox *mailbox)
{
	Promise *promise = promise_of_arrival(draft->overlay, draft->id);
	guint32 uid = draft->made || message_is_draft(draft->id) ? 0 : (guint32)draft->id;

	if (promise)
		uid = changes_withdraw(promise, mailbox);
	draft_unlink(draft);
	return uid;
}

guint32
place_clear(const Place *place, Mailbox *mailbox)
{
	if (place->draft)
		return clear_draft(place->draft, mailbox);
	if (place->arrival)
		return changes_withdraw(place->arrival, mailbox);
	return place->message ? place->message->uid : 0;
}

static Change rename_arrival(const Renaming *renaming, Promise *promise, JournalEntry *entry);

/* --- removing --- */

static void
remove_uid(Mailbox *mailbox, guint32 uid, Mailbox *trash, const char *name)
{
	const Message *message = trash ? mailbox_find_message(mailbox, uid) : NULL;

	if (message)
		add_move(mailbox, message, trash, name, 0);
	else
		changes_add_removal(mailbox->account->overlay, mailbox, uid);
}

static gboolean
may_redirect(const Promise *promise, const Mailbox *to)
{
	const JournalEntry *entry = overlay_open_entry(promise->overlay, promise->id);

	return entry && overlay_stays(entry, overlay_name(to));
}

/* What is moved, and was not sent yet, goes there instead. */
static Change
rename_to_trash(Promise *promise, Mailbox *mailbox, Mailbox *trash, const char *name)
{
	Overlay *overlay = promise->overlay;
	g_autofree char *again = NULL;
	Renaming renaming = {.from = mailbox, .to = trash, .name = name};
	Change change;

	if (mailbox_name_is_taken(trash, name))
		renaming.name = again =
			overlay->account->rules->message_again(name, (guint32)promise->id);
	journal_hold(overlay->journal);
	change = rename_arrival(&renaming, promise, overlay_open_entry(overlay, promise->id));
	journal_release(overlay->journal);
	return change;
}

static Change
remove_place(const Place *place, Mailbox *mailbox, const char *name)
{
	Overlay *overlay = mailbox->account->overlay;
	Mailbox *trash = changes_trash(mailbox);
	Change before = account_last_change(mailbox->account), after;
	Change change = place->arrival ? place->arrival->id : 0;
	guint32 uid;

	if (place->message && trash)
		return add_move(mailbox, place->message, trash, name, 0);
	if (place->arrival && place->arrival->kind == JOURNAL_MOVE && trash &&
	    may_redirect(place->arrival, trash))
		return rename_to_trash(place->arrival, mailbox, trash, name);
	journal_hold(overlay->journal);
	uid = place_clear(place, mailbox);
	if (uid)
		remove_uid(mailbox, uid, trash, name);
	journal_release(overlay->journal);
	after = account_last_change(mailbox->account);
	return after > before ? after : change;
}

CacheResult
account_remove(Account *account, Mailbox *mailbox, const char *name, Change *change, Waiter *waiter,
               GError **error)
{
	CacheResult result;
	Place place;

	*change = 0;
	if (!changes_allowed(account, error))
		return CACHE_FAILED;
	result = place_look(mailbox, name, &place, waiter, error);
	if (result == CACHE_READY && !place_is_empty(&place))
		result = place_await(&place, waiter, error);
	if (result != CACHE_READY)
		return result;
	if (place_is_empty(&place) || place.child) {
		g_set_error(error, IMAPFS_ERROR,
		            place.child ? IMAPFS_ERROR_NOT_PERMITTED : IMAPFS_ERROR_NOT_FOUND,
		            "there is no message %s", name);
		return CACHE_FAILED;
	}
	result = changes_await_removal(mailbox, &place, waiter);
	if (result != CACHE_READY)
		return result;
	if (!changes_check_removal(mailbox, &place, error))
		return CACHE_FAILED;
	*change = remove_place(&place, mailbox, name);
	return CACHE_READY;
}

/* --- renaming --- */

/* The one that had the name goes by itself. */
static Change
clear_target(const Renaming *renaming)
{
	guint32 uid = place_clear(&renaming->target, renaming->to);

	return uid ? changes_add_removal(renaming->to->account->overlay, renaming->to, uid) : 0;
}

/* Within a mailbox a name is only this machine's. */
static Change
rename_message(const Renaming *renaming)
{
	const Message *message = renaming->source.message;
	Mailbox *to = renaming->to;
	guint32 uid = message->uid;
	Change change, name_change;

	if (renaming->from != to)
		return add_move(renaming->from, message, to, renaming->name,
		                place_clear(&renaming->target, to));
	change = clear_target(renaming);
	mailbox_set_message_name(to, mailbox_find_message(to, uid), renaming->name);
	name_change = overlay_give_name(to, uid, renaming->name);
	return change ? change : name_change;
}

/* Back to where it comes from: it stays there. */
static Change
rename_home(const Renaming *renaming, Promise *promise)
{
	Overlay *overlay = promise->overlay;
	Change change = promise->id;
	guint32 uid = promise->uid;
	Message *message;

	clear_target(renaming);
	if (promise->replaces)
		changes_add_removal(overlay, renaming->from, promise->replaces);
	mailbox_forget_hidden(renaming->to, uid);
	overlay_withdraw(overlay, change);
	promise_break(promise);
	message = mailbox_find_message(renaming->to, uid);
	if (message)
		mailbox_set_message_name(renaming->to, message, renaming->name);
	overlay_give_name(renaming->to, uid, renaming->name);
	return change;
}

static Change
redirect(const Renaming *renaming, Promise *promise, JournalEntry *entry)
{
	Overlay *overlay = promise->overlay;
	Mailbox *to = renaming->to;
	guint32 replaces = place_clear(&renaming->target, to);

	if (promise->replaces)
		changes_add_removal(overlay, renaming->from, promise->replaces);
	local_unshow(&promise->local, overlay->account);
	g_free(entry->to);
	entry->to = g_strdup(overlay_name(to));
	entry->replaces = promise->replaces = replaces;
	entry->to_uidvalidity = replaces ? to->uidvalidity : 0;
	promise->to_id = to->id;
	if (replaces)
		mailbox_hide(to, replaces, promise->id);
	return promise->id;
}

static Change
rename_arrival(const Renaming *renaming, Promise *promise, JournalEntry *entry)
{
	Overlay *overlay = promise->overlay;

	if (renaming->from != renaming->to && promise->kind == JOURNAL_MOVE &&
	    renaming->to->id == promise->from_id)
		return rename_home(renaming, promise);
	if (renaming->from != renaming->to)
		redirect(renaming, promise, entry);
	else
		clear_target(renaming);
	local_rename(&promise->local, overlay->account, renaming->name);
	promise->given = TRUE;
	if (!promise->local.mailbox_id)
		local_show(&promise->local, renaming->to);
	g_free(entry->name);
	entry->name = g_strdup(renaming->name);
	overlay_update(overlay, entry);
	return promise->id;
}

/* Under its own mailbox's roof even what is being sent may get another name. */
static CacheResult
await_arrival(const Renaming *renaming, Promise *promise, JournalEntry **entry, Waiter *waiter,
              GError **error)
{
	Overlay *overlay = promise->overlay;

	*entry = overlay_open_entry(overlay, promise->id);
	if (*entry && !overlay_stays(*entry, overlay_name(renaming->to)))
		*entry = NULL;
	if (!*entry && renaming->from == renaming->to)
		*entry = journal_entry(overlay->journal, promise->id);
	return *entry ? CACHE_READY : overlay_await_entry(overlay, promise->id, waiter, error);
}

static gboolean
is_no_message(const Renaming *renaming, GError **error)
{
	const Draft *draft = renaming->source.draft;

	if (draft_name_is_scratch(renaming->name) || draft->local.message.size ||
	    (!renaming->target.message && !renaming->target.arrival))
		return FALSE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "an empty file is no message");
	return TRUE;
}

static CacheResult
await_draft(const Renaming *renaming, Waiter *waiter, GError **error)
{
	Draft *draft = renaming->source.draft;

	if (!draft->made && renaming->from != renaming->to) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		            "the message is being written");
		return CACHE_FAILED;
	}
	if (is_no_message(renaming, error))
		return CACHE_FAILED;
	if (!draft->made || !draft_is_due(draft, renaming->name))
		return CACHE_READY;
	return draft_prepare(draft, waiter, error);
}

/* Of what is there; NULL: nothing is, or what has none yet. */
static GRefString *
place_flags(const Place *place, const Mailbox *mailbox)
{
	if (place->message)
		return mailbox_flags(mailbox, place->message);
	if (place->draft && place->draft->made && !place->draft->flags_set)
		return NULL;
	if (place->draft)
		return account_flags(mailbox->account, place->draft->id);
	return place->arrival ? account_flags(mailbox->account, place->arrival->local.id) : NULL;
}

static Change
rename_draft(const Renaming *renaming)
{
	Draft *draft = renaming->source.draft;
	Change change;

	if (draft->made && draft_is_due(draft, renaming->name)) {
		GRefString *replaced = place_flags(&renaming->target, renaming->to);
		guint32 replaces = place_clear(&renaming->target, renaming->to);

		draft_settle_flags(draft, renaming->to, replaced);
		g_clear_pointer(&replaced, g_ref_string_release);
		change = draft_send(draft, renaming->to, renaming->name, replaces);
		draft_drop_if_unused(draft);
		return change;
	}
	change = clear_target(renaming);
	local_unshow(&draft->local, draft->overlay->account);
	local_rename(&draft->local, draft->overlay->account, renaming->name);
	local_show(&draft->local, renaming->to);
	return change;
}

static CacheResult
rename_place(const Renaming *renaming, Change *change, Waiter *waiter, GError **error)
{
	const Place *source = &renaming->source;
	Journal *journal = renaming->to->account->overlay->journal;
	CacheResult result = place_await(&renaming->target, waiter, error);
	JournalEntry *entry = NULL;

	if (result == CACHE_READY && source->arrival)
		result = await_arrival(renaming, source->arrival, &entry, waiter, error);
	if (result == CACHE_READY && source->draft)
		result = await_draft(renaming, waiter, error);
	if (result != CACHE_READY)
		return result;
	journal_hold(journal);
	if (source->draft)
		*change = rename_draft(renaming);
	else if (source->arrival)
		*change = rename_arrival(renaming, source->arrival, entry);
	else
		*change = rename_message(renaming);
	journal_release(journal);
	return CACHE_READY;
}

static gboolean
check_target(const Renaming *renaming, gboolean no_replace, GError **error)
{
	if (!changes_check_renaming(renaming, error))
		return FALSE;
	if (!renaming->target.child && (!no_replace || place_is_empty(&renaming->target)))
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_EXISTS, "%s is there already",
	            renaming->name);
	return FALSE;
}

CacheResult
account_rename(Account *account, Mailbox *from, const char *name, Mailbox *to, const char *new_name,
               gboolean no_replace, Change *change, Waiter *waiter, GError **error)
{
	Renaming renaming = {.from = from, .to = to, .name = new_name};
	CacheResult result;

	*change = 0;
	if (!changes_allowed(account, error))
		return CACHE_FAILED;
	result = place_look(from, name, &renaming.source, waiter, error);
	if (result == CACHE_READY && place_is_empty(&renaming.source)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND, "there is no %s", name);
		return CACHE_FAILED;
	}
	if (result == CACHE_READY)
		result = place_look(to, new_name, &renaming.target, waiter, error);
	if (result != CACHE_READY || (from == to && g_str_equal(name, new_name)))
		return result;
	if (renaming.source.child && renaming.target.child) {
		result = mailbox_await_messages(renaming.target.child, waiter, error);
		if (result != CACHE_READY)
			return result;
	}
	result = changes_await_renaming(&renaming, waiter);
	if (result != CACHE_READY)
		return result;
	if (renaming.source.child && !(no_replace && !place_is_empty(&renaming.target)))
		return changes_rename_mailbox(renaming.source.child, to, new_name, &renaming.target,
		                              change, error);
	if (!check_target(&renaming, no_replace, error))
		return CACHE_FAILED;
	return rename_place(&renaming, change, waiter, error);
}
