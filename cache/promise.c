/*
 * Promises about messages.
 *
 *                hides                 shows in the target      kept: the message there is ...
 *     APPEND     what it replaces      what was written         new
 *     MOVE       the source, and that  the source               the source: its id leads there
 *     COPY       what it replaces      a copy                   new
 *     REMOVE     the message
 *     FLAGS                            other flags
 *
 * What is shown keeps its id, and its place in listings, until it has become a message: then the
 * id leads to that (overlay_set_alias()).
 */
#include "promise.h"

#include "answers.h"
#include "draft.h"
#include "flagged.h"
#include "flags-words.h"
#include "hidden.h"
#include "keep.h"
#include "reader-private.h"

Promise *
promise_find(const Overlay *overlay, Change id)
{
	return g_hash_table_lookup(overlay->promises, &id);
}

Promise *
promise_of_arrival(const Overlay *overlay, guint64 id)
{
	return g_hash_table_lookup(overlay->arrivals, &id);
}

guint64
overlay_new_id(Overlay *overlay)
{
	return DRAFT_BITS | ++overlay->n_drafts;
}

static gboolean
brings_message(const Promise *promise)
{
	return promise->kind == JOURNAL_APPEND || promise->kind == JOURNAL_MOVE ||
	       promise->kind == JOURNAL_COPY;
}

void
promise_free(Promise *promise)
{
	if (promise->local.message.name) {
		promise->local.mailbox_id = 0;
		local_clear(&promise->local);
	}
	g_clear_pointer(&promise->bytes, g_bytes_unref);
	g_free(promise->old_file_name);
	g_free(promise->old_name);
	g_free(promise->new_name);
	g_free(promise);
}

static void
promise_end(Promise *promise)
{
	Overlay *overlay = promise->overlay;

	g_hash_table_remove(overlay->promises, &promise->id);
	if (promise_of_arrival(overlay, promise->local.id) == promise)
		g_hash_table_remove(overlay->arrivals, &promise->local.id);
	overlay->n_unplaced -= !promise->placed;
	promise_free(promise);
}

/* --- making and placing --- */

/* What the entry alone tells of the message. */
static Message
message_of_entry(const JournalEntry *entry)
{
	return (Message){
		.size = entry->size,
		.size_exact = TRUE,
		.internaldate = entry->internaldate ? entry->internaldate : entry->time,
		.content_key = entry->content_key,
	};
}

static guint64
choose_local_id(const Promise *promise, const JournalEntry *entry)
{
	guint64 id = 0;

	if (entry->kind == JOURNAL_MOVE)
		id = message_id(promise->from_id, promise->uid);
	else if (entry->kind == JOURNAL_APPEND && promise->replaces)
		id = message_id(promise->to_id, promise->replaces);
	if (id && !promise_of_arrival(promise->overlay, id))
		return id;
	return overlay_new_id(promise->overlay);
}

/* Those that an APPEND gives; of a MOVE and a COPY, those of the message, @from. */
static GRefString *
flags_of_arrival(const Promise *promise, const JournalEntry *entry, const Mailbox *from)
{
	const Message *message = from ? mailbox_find_message(from, promise->uid) : NULL;

	return message ? mailbox_flags(from, message)
	               : g_ref_string_new_intern(entry->flags ? entry->flags : "");
}

static void
init_local(Promise *promise, const JournalEntry *entry, const Mailbox *from, guint64 id,
           const Message *like)
{
	Message message = message_of_entry(entry);
	const char *name = entry->name ? entry->name : "message.eml";

	message.flags = flags_of_arrival(promise, entry, from);
	local_init(&promise->local, id, name, like ? like : &message);
	g_ref_string_release(promise->local.message.flags);
	promise->local.message.flags = message.flags;
	promise->local.message.size = message.size;
	promise->local.message.content_key = message.content_key;
	if (entry->kind == JOURNAL_APPEND) {
		promise->local.message.internaldate = message.internaldate;
		promise->local.message.size_exact = TRUE;
	}
}

/* Only names that an earlier mount gave can be taken by now. */
static void
show_local(Promise *promise, Mailbox *to)
{
	const Overlay *overlay = promise->overlay;
	char *again;

	if (mailbox_name_is_taken(to, promise->local.message.name)) {
		again = overlay->account->rules->message_again(promise->local.message.name,
		                                               (guint32)promise->id);
		local_rename(&promise->local, overlay->account, again);
		g_free(again);
	}
	g_hash_table_insert(overlay->arrivals, &promise->local.id, promise);
	local_show(&promise->local, to);
}

/* A message that is moved under its own name will be called so by itself. */
static gboolean
is_given(const Promise *promise, const JournalEntry *entry, const Mailbox *from,
         const Message *like)
{
	return promise->kind != JOURNAL_MOVE || !like || g_strcmp0(entry->name, like->name) != 0 ||
	       overlay_given_name(from, promise->uid) ||
	       !promise->overlay->account->rules->header_fields;
}

static void
place_arrival(Promise *promise, const JournalEntry *entry, Mailbox *from, guint64 id,
              const Message *like)
{
	Mailbox *to = overlay_find_mailbox(promise->overlay, entry->to);

	if (!to || (entry->kind != JOURNAL_APPEND && !from))
		return;
	promise->to_id = to->id;
	promise->replaces = entry->replaces;
	promise->given = is_given(promise, entry, from, like);
	init_local(promise, entry, from, id ? id : choose_local_id(promise, entry), like);
	if (promise->kind == JOURNAL_MOVE)
		mailbox_hide(from, promise->uid, promise->id);
	if (promise->replaces)
		mailbox_hide(to, promise->replaces, promise->id);
	show_local(promise, to);
	promise->placed = TRUE;
}

static void
place(Promise *promise, const JournalEntry *entry, guint64 id, const Message *like)
{
	Mailbox *from = NULL;

	if (journal_kind_is_of_mailbox(entry->kind)) {
		if (entry->mailbox && (entry->to || entry->kind != JOURNAL_RENAME))
			promise_place_mailbox(promise, entry);
		return;
	}
	from = overlay_find_mailbox(promise->overlay, entry->mailbox);
	promise->uid = entry->uid;
	promise->from_id = from ? from->id : 0;
	if (brings_message(promise)) {
		place_arrival(promise, entry, from, id, like);
	} else if (from && promise->kind == JOURNAL_REMOVE) {
		mailbox_hide(from, promise->uid, promise->id);
		promise->placed = TRUE;
	} else if (from) {
		mailbox_plan_flags(from, promise->uid, promise->id, entry->sign,
		                   entry->flags ? entry->flags : "");
		promise->placed = TRUE;
	}
}

void
promise_place(Promise *promise, const JournalEntry *entry)
{
	place(promise, entry, 0, NULL);
	promise->overlay->n_unplaced -= promise->placed;
}

Promise *
promise_make(Overlay *overlay, Change id, const JournalEntry *entry, guint64 local_id,
             const Message *like)
{
	Promise *promise = g_new0(Promise, 1);

	promise->overlay = overlay;
	promise->id = id;
	promise->kind = entry->kind;
	g_hash_table_insert(overlay->promises, &promise->id, promise);
	place(promise, entry, local_id, like);
	overlay->n_unplaced += !promise->placed;
	return promise;
}

/* --- keeping --- */

/* Without UIDPLUS it has \Deleted now, and is there still. */
static void
keep_removed(const Overlay *overlay, guint32 mailbox_id, guint32 uid)
{
	Mailbox *mailbox = account_mailbox(overlay->account, mailbox_id);
	const Message *message = mailbox ? mailbox_find_message(mailbox, uid) : NULL;
	g_autofree char *flags = NULL;

	if (!mailbox || !uid)
		return;
	overlay_give_name(mailbox, uid, NULL); /* before anything else has it in the file */
	if (!overlay_hides_deleted(overlay)) {
		mailbox_expunged(mailbox, uid);
		return;
	}
	if (message) {
		flags = flags_words_apply(message->flags, '+', "\\Deleted");
		mailbox_set_flags(mailbox, uid, flags);
		account_tell_message(mailbox, message, ACCOUNT_MESSAGE_GONE);
	}
	mailbox_forget_hidden(mailbox, uid);
}

static void
insert_message(Mailbox *mailbox, guint32 uid, const Message *like, gboolean has_servers_key)
{
	Message message = *like;

	if (!has_servers_key)
		message.content_key = 0; /* until a scan tells it */
	message.uid = uid;
	message.size_exact = FALSE;
	message.name = g_strdup(like->name);
	message.flags = g_ref_string_acquire(like->flags);
	keep_message(mailbox, &message);
	mailbox_take_message(mailbox, &message);
	mailbox->early = mailbox->state != MAILBOX_COMPLETE;
	mailbox_touch(mailbox);
}

static void
call_otherwise(Mailbox *mailbox, Message *message, const char *name)
{
	Account *account = mailbox->account;

	if (g_str_equal(message->name, name) || mailbox_name_is_taken(mailbox, name))
		return;
	account->events->entry_gone(message_id(mailbox->id, 0),
	                            message_id(mailbox->id, message->uid), message->name,
	                            account->data);
	mailbox_set_message_name(mailbox, message, name);
}

/* A listing may have shown it already, under a name of its own. */
static void
arrive(const Promise *promise, Mailbox *to, guint32 uid)
{
	Message *message = mailbox_find_message(to, uid);
	gboolean news = !message || mailbox_hidden_by(to, uid) == HIDDEN_BY_SUSPICION;

	if (!message) {
		insert_message(to, uid, &promise->local.message, promise->kind != JOURNAL_APPEND);
	} else if (mailbox_hidden_by(to, uid) == HIDDEN_BY_SUSPICION) {
		mailbox_forget_hidden(to, uid);
		mailbox_set_message_name(to, message, promise->local.message.name);
	} else if (!mailbox_hidden_by(to, uid)) {
		call_otherwise(to, message, promise->local.message.name);
	}
	if (news)
		account_tell_message(to, mailbox_find_message(to, uid), ACCOUNT_MESSAGE_NEW);
	if (promise->given)
		overlay_give_name(to, uid, promise->local.message.name);
	keep_flush(to);
}

static gboolean
is_told(const Promise *promise, Mailbox *to, const JournalEntry *entry)
{
	if (!to || !entry->new_uid || !entry->to_uidvalidity)
		return FALSE;
	if (!to->uidvalidity) {
		to->uidvalidity = entry->to_uidvalidity;
		to->unsaved = TRUE;
	}
	(void)promise;
	return to->uidvalidity == entry->to_uidvalidity;
}

/* Where the server does not tell what it is there, the next listing does. */
static void
keep_arrival(Promise *promise, const JournalEntry *entry)
{
	Account *account = promise->overlay->account;
	Mailbox *to = account_mailbox(account, promise->to_id);
	Local *local = &promise->local;
	guint64 id = message_id(promise->to_id, entry->new_uid);

	if (promise->replaces)
		keep_removed(promise->overlay, promise->to_id, promise->replaces);
	g_hash_table_remove(promise->overlay->arrivals, &local->id);
	if (!is_told(promise, to, entry)) {
		local_unshow(local, account);
		if (to)
			mailbox_resync(to);
		return;
	}
	local_turn(local, account, id);
	if (promise->kind == JOURNAL_MOVE)
		reader_move_blocks(account, local->id, id, local->message.size);
	arrive(promise, to, entry->new_uid);
	overlay_set_alias(promise->overlay, local->id, id);
}

/* Done, or (@kept FALSE) not to be done. */
static void
end_flags(const Promise *promise, gboolean kept)
{
	Mailbox *mailbox = account_mailbox(promise->overlay->account, promise->from_id);

	if (mailbox && kept)
		mailbox_keep_flags(mailbox, promise->uid, promise->id);
	else if (mailbox)
		mailbox_drop_flags(mailbox, promise->uid, promise->id);
}

/* What the server told before is of the past. */
static void
forget_answers(const Promise *promise)
{
	Account *account = promise->overlay->account;
	const Mailbox *from = account_mailbox(account, promise->from_id);

	if (promise->kind == JOURNAL_FLAGS && from)
		answers_forget(from, ANSWER_DETAILS);
	if (brings_message(promise) || promise->kind == JOURNAL_REMOVE)
		answers_forget_quota(account);
}

void
promise_keep(Promise *promise, const JournalEntry *entry)
{
	forget_answers(promise);
	if (!promise->placed) {
		promise_keep_unplaced(promise, entry);
		promise_end(promise);
		return;
	}
	if (brings_message(promise))
		keep_arrival(promise, entry);
	if (promise->kind == JOURNAL_MOVE || promise->kind == JOURNAL_REMOVE)
		keep_removed(promise->overlay, promise->from_id, promise->uid);
	if (promise->kind == JOURNAL_FLAGS)
		end_flags(promise, TRUE);
	promise_keep_mailbox(promise, entry);
	overlay_tidy_later(promise->overlay);
	promise_end(promise);
}

/* --- breaking --- */

static void
unhide(const Promise *promise, guint32 mailbox_id, guint32 uid)
{
	Mailbox *mailbox = account_mailbox(promise->overlay->account, mailbox_id);

	if (mailbox && uid)
		mailbox_unhide(mailbox, uid, promise->id);
}

static void
break_arrival(Promise *promise)
{
	Account *account = promise->overlay->account;
	Local *local = &promise->local;
	guint32 shown_in = local->mailbox_id;

	g_hash_table_remove(promise->overlay->arrivals, &local->id);
	local_unshow(local, account);
	if (shown_in)
		account->events->entry_gone(message_id(shown_in, 0), local->id, local->message.name,
		                            account->data);
	unhide(promise, promise->to_id, promise->replaces);
	if (promise->replaces && local->id == message_id(promise->to_id, promise->replaces))
		account->events->content_changed(local->id, account->data);
}

void
promise_break(Promise *promise)
{
	if (!promise->placed) {
		promise_end(promise);
		return;
	}
	if (brings_message(promise))
		break_arrival(promise);
	if (promise->kind == JOURNAL_MOVE || promise->kind == JOURNAL_REMOVE)
		unhide(promise, promise->from_id, promise->uid);
	if (promise->kind == JOURNAL_FLAGS)
		end_flags(promise, FALSE);
	promise_break_mailbox(promise);
	overlay_tidy_later(promise->overlay);
	promise_end(promise);
}
