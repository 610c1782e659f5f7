/*
 * The messages of one mailbox: an array sorted by UID and a table of names.
 *
 * A file name is given once and stays with the message. The name rules make it from the message
 * alone; of two messages with one name the later keeps its UID in it.
 */
#include <string.h>

#include "draft.h"
#include "flagged.h"
#include "hidden.h"
#include "keep.h"
#include "local.h"
#include "reattach.h"

static guint32
uid_at(const Mailbox *mailbox, guint i)
{
	return g_array_index(mailbox->messages, Message, i).uid;
}

/* Index of the first message with a UID of at least @uid. No two messages have one UID, so not more
 * than lie between the first and @uid are before it, nor than lie up to the last behind it: where
 * few are missing, little is left to search. */
static guint
lower_bound(const Mailbox *mailbox, guint32 uid)
{
	guint n = mailbox->messages->len, low, high;

	if (!n || uid <= uid_at(mailbox, 0))
		return 0;
	if (uid > uid_at(mailbox, n - 1))
		return n;
	low = n - MIN(n, uid_at(mailbox, n - 1) - uid + 1);
	high = MIN(n, uid - uid_at(mailbox, 0));
	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (uid_at(mailbox, middle) < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

Message *
mailbox_find_message(const Mailbox *mailbox, guint32 uid)
{
	guint i = lower_bound(mailbox, uid);
	Message *message;

	if (i == mailbox->messages->len)
		return NULL;
	message = &g_array_index(mailbox->messages, Message, i);
	return message->uid == uid ? message : NULL;
}

const Message *
mailbox_message(const Mailbox *mailbox, guint32 uid)
{
	return mailbox_find_message(mailbox, uid);
}

guint32
mailbox_last_uid(const Mailbox *mailbox)
{
	guint n = mailbox->messages->len;

	return n ? g_array_index(mailbox->messages, Message, n - 1).uid : 0;
}

gboolean
mailbox_is_listed(const Mailbox *mailbox)
{
	return mailbox->state == MAILBOX_COMPLETE;
}

const Message *
mailbox_message_after(const Mailbox *mailbox, guint32 after_uid)
{
	guint i = after_uid == G_MAXUINT32 ? mailbox->messages->len
	                                   : lower_bound(mailbox, after_uid + 1);

	for (; i < mailbox->messages->len; i++) {
		const Message *message = &g_array_index(mailbox->messages, Message, i);

		if (!mailbox_hides(mailbox, message))
			return message;
	}
	return NULL;
}

gboolean
mailbox_name_is_taken(const Mailbox *mailbox, const char *name)
{
	return g_hash_table_contains(mailbox->names, name) || local_find(mailbox, name) ||
	       (mailbox->children->len && mailbox_child(mailbox, name));
}

/* A name that a user gave is not lost to one that is as good as gone. */
static gboolean
oust(Mailbox *mailbox, const char *name)
{
	guint32 uid = GPOINTER_TO_UINT(g_hash_table_lookup(mailbox->names, name));
	Message *other = uid ? mailbox_find_message(mailbox, uid) : NULL;
	g_autofree char *again = NULL;

	if (!other || overlay_given_name(mailbox, uid))
		return FALSE;
	again = mailbox->account->rules->message_again(name, uid);
	mailbox_set_message_name(mailbox, other, again);
	return TRUE;
}

char *
mailbox_claim_name(Mailbox *mailbox, guint32 uid, char *name)
{
	char *again;

	if (!mailbox_name_is_taken(mailbox, name) ||
	    (overlay_given_name(mailbox, uid) && oust(mailbox, name)))
		return name;
	again = mailbox->account->rules->message_again(name, uid);
	g_free(name);
	return again;
}

static char *
choose_name(Mailbox *mailbox, const RemoteMessage *message)
{
	const char *given = overlay_given_name(mailbox, message->uid);

	return mailbox_claim_name(mailbox, message->uid,
	                          given ? g_strdup(given)
	                                : mailbox->account->rules->message(message));
}

void
mailbox_set_message_name(Mailbox *mailbox, Message *message, const char *name)
{
	char *copy = g_strdup(name);

	if (g_hash_table_lookup(mailbox->names, message->name) == GUINT_TO_POINTER(message->uid))
		g_hash_table_remove(mailbox->names, message->name);
	g_free(message->name);
	message->name = copy;
	g_hash_table_replace(mailbox->names, copy, GUINT_TO_POINTER(message->uid));
	keep_name(mailbox, message);
	mailbox_touch(mailbox);
}

/* A UID below the last comes only from a server that does not keep to the order. */
void
mailbox_take_message(Mailbox *mailbox, const Message *message)
{
	guint i = lower_bound(mailbox, message->uid);

	if (i < mailbox->messages->len)
		mailbox->unordered = TRUE;
	g_array_insert_vals(mailbox->messages, i, message, 1);
	if (!mailbox_hides(mailbox, message))
		g_hash_table_replace(mailbox->names, message->name, GUINT_TO_POINTER(message->uid));
}

/* Of what was put there from here it is not known before. */
static void
learn_key(Mailbox *mailbox, Message *message, guint64 key)
{
	if (!key || message->content_key == key)
		return;
	message->content_key = key;
	keep_message(mailbox, message);
}

void
mailbox_add_message(Mailbox *mailbox, const RemoteMessage *remote)
{
	Message *known = mailbox_find_message(mailbox, remote->uid);
	Message message = {
		.uid = remote->uid,
		.size = remote->has_size ? remote->size : 0,
		.internaldate = remote->internaldate,
		.content_key = reattach_key(remote),
	};

	if (known) {
		if (remote->flags)
			mailbox_set_flags(mailbox, remote->uid, remote->flags);
		learn_key(mailbox, known, message.content_key);
		return;
	}
	if (!remote->has_size)
		mailbox->account->sizes_lie = TRUE;
	message.flags = g_ref_string_new_intern(remote->flags ? remote->flags : "");
	message.name = choose_name(mailbox, remote);
	if (mailbox->locals && overlay_suspects(mailbox, remote))
		mailbox_hide(mailbox, remote->uid, HIDDEN_BY_SUSPICION);
	mailbox_take_message(mailbox, &message);
	keep_message(mailbox, &message);
	if (mailbox->state == MAILBOX_COMPLETE) {
		mailbox_touch(mailbox);
		if (!mailbox_hides(mailbox, &message))
			account_tell_message(mailbox, &message, ACCOUNT_MESSAGE_NEW);
	}
}

/* Without UIDPLUS what has \Deleted is not shown. What is planned is told when it is done. */
static void
tell_flags(const Mailbox *mailbox, const Message *message, gboolean was_hidden)
{
	gboolean is_hidden = mailbox_hides(mailbox, message);

	if (is_hidden != was_hidden)
		account_tell_message(mailbox, message,
		                     is_hidden ? ACCOUNT_MESSAGE_GONE : ACCOUNT_MESSAGE_NEW);
	else if (!is_hidden && !mailbox_plans_flags(mailbox, message->uid))
		account_tell_message(mailbox, message, ACCOUNT_MESSAGE_FLAGS);
}

void
mailbox_set_flags(Mailbox *mailbox, guint32 uid, const char *flags)
{
	Message *message = mailbox_find_message(mailbox, uid);
	gboolean was_hidden;

	if (!message || g_str_equal(message->flags, flags))
		return;
	was_hidden = mailbox_hides(mailbox, message);
	g_ref_string_release(message->flags);
	message->flags = g_ref_string_new_intern(flags);
	keep_flags(mailbox, message);
	tell_flags(mailbox, message, was_hidden);
}

static void
forget_message(Mailbox *mailbox, const Message *message)
{
	Account *account = mailbox->account;

	guint64 reason = mailbox_hidden_by(mailbox, message->uid);

	if (reason ? reason != HIDDEN_BY_SUSPICION : !mailbox_hides(mailbox, message))
		account_tell_message(mailbox, message, ACCOUNT_MESSAGE_GONE);
	if (mailbox_hidden_by(mailbox, message->uid)) { /* nobody is shown it: nobody need hear */
		mailbox_forget_hidden(mailbox, message->uid);
		return;
	}
	if (g_hash_table_lookup(mailbox->names, message->name) == GUINT_TO_POINTER(message->uid))
		g_hash_table_remove(mailbox->names, message->name);
	account->events->entry_gone(message_id(mailbox->id, 0),
	                            message_id(mailbox->id, message->uid), message->name,
	                            account->data);
}

/* For certain, and for ever: with the name that it was given. */
static void
expunge_message(Mailbox *mailbox, const Message *message)
{
	overlay_give_name(mailbox, message->uid, NULL);
	forget_message(mailbox, message);
}

void
mailbox_drop_messages(Mailbox *mailbox, guint32 first, guint32 last)
{
	guint begin = lower_bound(mailbox, first), end = begin;

	while (end < mailbox->messages->len &&
	       g_array_index(mailbox->messages, Message, end).uid <= last)
		forget_message(mailbox, &g_array_index(mailbox->messages, Message, end++));
	if (begin == end)
		return;
	g_array_remove_range(mailbox->messages, begin, end - begin);
	if (!mailbox->messages->len)
		mailbox->known_until = 0;
	mailbox_touch(mailbox);
}

guint
mailbox_count_messages(const Mailbox *mailbox, guint32 first, guint32 last)
{
	guint end = last == G_MAXUINT32 ? mailbox->messages->len : lower_bound(mailbox, last + 1);

	return end - lower_bound(mailbox, first);
}

/* Those that stay are moved together once, however many the ranges are. */
void
mailbox_forget_ranges(Mailbox *mailbox, const GArray *ranges)
{
	Message *messages = (Message *)mailbox->messages->data;
	g_autoptr(GArray) gone = g_array_new(FALSE, FALSE, sizeof(Message));
	guint n_left = 0, range = 0;

	for (guint i = 0; i < mailbox->messages->len; i++) {
		while (range < ranges->len &&
		       g_array_index(ranges, guint32, range + 1) < messages[i].uid)
			range += 2;
		if (range < ranges->len && g_array_index(ranges, guint32, range) <= messages[i].uid)
			g_array_append_val(gone, messages[i]);
		else
			messages[n_left++] = messages[i];
	}
	if (!gone->len)
		return;
	memcpy(messages + n_left, gone->data, gone->len * sizeof(Message));
	for (guint i = 0; i < gone->len; i++)
		expunge_message(mailbox, &g_array_index(gone, Message, i));
	g_array_set_size(mailbox->messages, n_left);
	for (guint i = 0; i < ranges->len; i += 2)
		keep_no_messages(mailbox, g_array_index(ranges, guint32, i),
		                 g_array_index(ranges, guint32, i + 1));
	mailbox_touch(mailbox);
}

void
mailbox_forget_messages(Mailbox *mailbox, guint32 first, guint32 last)
{
	keep_no_messages(mailbox, first, last);
	mailbox_drop_messages(mailbox, first, last);
}

/* While messages come in without order, nobody may pass the place where one may yet appear. */
CacheResult
mailbox_next_message(Mailbox *mailbox, guint32 after_uid, const Message **message, Waiter *waiter,
                     GError **error)
{
	const Message *next = mailbox_message_after(mailbox, after_uid);

	if (!next ||
	    (mailbox->state != MAILBOX_COMPLETE && (mailbox->unordered || mailbox->early))) {
		CacheResult result = mailbox_await_messages(mailbox, waiter, error);

		if (result != CACHE_READY)
			return result;
	}
	*message = next;
	return CACHE_READY;
}

/* An index that an earlier mount has kept may be old, or behind what that mount knew when it was
 * killed: what is in it is shown at once, what is not may yet be there. */
static CacheResult
await_first_sync(Mailbox *mailbox, const char *name, Waiter *waiter, GError **error)
{
	CacheResult result = mailbox_await_messages(mailbox, waiter, error);

	if (result != CACHE_READY || mailbox->n_syncs_done || !mailbox->n_syncs_begun ||
	    draft_name_is_scratch(name))
		return result;
	waiter_park(waiter, &mailbox->syncing);
	return CACHE_PARKED;
}

CacheResult
mailbox_lookup(Mailbox *mailbox, const char *name, const Message **message, Waiter *waiter,
               GError **error)
{
	gpointer uid = g_hash_table_lookup(mailbox->names, name);
	const Local *local = uid ? NULL : local_find(mailbox, name);
	const Message *found = local ? &local->message : NULL;

	if (uid)
		found = mailbox_find_message(mailbox, GPOINTER_TO_UINT(uid));
	*message = found && !local && mailbox_hides(mailbox, found) ? NULL : found;
	return found ? CACHE_READY : await_first_sync(mailbox, name, waiter, error);
}
