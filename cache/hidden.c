/*
 * Messages that are on the server and not shown: the journal says that they go, or somebody writes
 * a new version, or they may be what is just being sent there.
 *
 * Whoever hides a message names a reason, and only the same reason shows it again. What is certain
 * to be gone from the server leaves the list a moment later, many at a time, for each time the
 * others are moved together.
 */
#include "hidden.h"

#include "keep.h"
#include "local.h"
#include "overlay.h"

/* Without UIDPLUS nothing of ours is ever expunged, so that nothing of others' is: what has
 * \Deleted counts as gone. */
static gboolean
is_deleted(const Mailbox *mailbox, const Message *message)
{
	const Overlay *overlay = mailbox->account->overlay;

	return overlay && strstr(message->flags, "\\Deleted") && overlay_hides_deleted(overlay);
}

gboolean
mailbox_hides(const Mailbox *mailbox, const Message *message)
{
	return (mailbox->hidden &&
	        g_hash_table_contains(mailbox->hidden, GUINT_TO_POINTER(message->uid))) ||
	       is_deleted(mailbox, message);
}

static void
take_name(Mailbox *mailbox, const Message *message)
{
	gpointer uid = g_hash_table_lookup(mailbox->names, message->name);

	if (GPOINTER_TO_UINT(uid) == message->uid)
		g_hash_table_remove(mailbox->names, message->name);
}

void
mailbox_hide(Mailbox *mailbox, guint32 uid, guint64 reason)
{
	const Message *message = mailbox_find_message(mailbox, uid);

	if (!mailbox->hidden)
		mailbox->hidden = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_hash_table_insert(mailbox->hidden, GUINT_TO_POINTER(uid),
	                    g_memdup2(&reason, sizeof(reason)));
	if (message)
		take_name(mailbox, message);
	mailbox_touch(mailbox);
}

guint64
mailbox_hidden_by(const Mailbox *mailbox, guint32 uid)
{
	const guint64 *reason =
		mailbox->hidden ? g_hash_table_lookup(mailbox->hidden, GUINT_TO_POINTER(uid))
				: NULL;

	return reason ? *reason : 0;
}

/* Its name may have been given to another meanwhile. */
static void
give_name(Mailbox *mailbox, Message *message)
{
	char *again;

	if (mailbox_name_is_taken(mailbox, message->name)) {
		again = mailbox->account->rules->message_again(message->name, message->uid);
		mailbox_set_message_name(mailbox, message, again);
		g_free(again);
		return;
	}
	g_hash_table_replace(mailbox->names, message->name, GUINT_TO_POINTER(message->uid));
	mailbox_touch(mailbox);
}

void
mailbox_unhide(Mailbox *mailbox, guint32 uid, guint64 reason)
{
	Account *account = mailbox->account;
	Message *message;

	if (!reason || mailbox_hidden_by(mailbox, uid) != reason)
		return;
	g_hash_table_remove(mailbox->hidden, GUINT_TO_POINTER(uid));
	message = mailbox_find_message(mailbox, uid);
	if (!message)
		return;
	give_name(mailbox, message);
	account->events->entry_came(message_id(mailbox->id, 0), message->name, account->data);
	if (reason == HIDDEN_BY_SUSPICION)
		account_tell_message(mailbox, message, ACCOUNT_MESSAGE_NEW);
}

/* --- what is gone --- */

static int
compare_uids(gconstpointer a, gconstpointer b)
{
	guint32 one = *(const guint32 *)a, other = *(const guint32 *)b;

	return (one > other) - (one < other);
}

/* What is kept stays in agreement: otherwise the next mount would miss messages, and list anew. */
static void
forget_ranges(Mailbox *mailbox, const GArray *ranges)
{
	guint n_before = mailbox->messages->len;

	mailbox_forget_ranges(mailbox, ranges);
	if (!mailbox->synced.complete)
		return;
	mailbox->synced.exists -= MIN(mailbox->synced.exists, n_before - mailbox->messages->len);
	keep_state(mailbox);
}

void
mailbox_forget_expunged(Mailbox *mailbox)
{
	g_autoptr(GArray) uids = g_steal_pointer(&mailbox->expunged);
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(guint32));

	if (!uids)
		return;
	g_array_sort(uids, compare_uids);
	for (guint i = 0; i < uids->len; i++) {
		guint32 uid = g_array_index(uids, guint32, i);
		const guint32 range[] = {uid, uid};

		if (ranges->len && g_array_index(ranges, guint32, ranges->len - 1) + 1 >= uid)
			g_array_index(ranges, guint32, ranges->len - 1) = uid;
		else
			g_array_append_vals(ranges, range, 2);
	}
	forget_ranges(mailbox, ranges);
}

/* Of a list that has not been loaded, or is just being: then it stays hidden. */
static void
forget_stored(Mailbox *mailbox, guint32 uid)
{
	if (mailbox->state == MAILBOX_COMPLETE) {
		mailbox_forget_hidden(mailbox, uid);
		return;
	}
	keep_no_messages(mailbox, uid, uid);
	if (!mailbox->synced.complete || !mailbox->synced.exists)
		return;
	mailbox->synced.exists--;
	keep_state(mailbox);
}

void
mailbox_expunged(Mailbox *mailbox, guint32 uid)
{
	if (!mailbox_find_message(mailbox, uid)) {
		forget_stored(mailbox, uid);
		return;
	}
	if (!mailbox->expunged)
		mailbox->expunged = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_array_append_val(mailbox->expunged, uid);
	overlay_tidy_later(mailbox->account->overlay);
}

void
mailbox_forget_hidden(Mailbox *mailbox, guint32 uid)
{
	if (mailbox->hidden)
		g_hash_table_remove(mailbox->hidden, GUINT_TO_POINTER(uid));
}
