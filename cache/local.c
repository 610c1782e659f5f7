/*
 * Locals in their mailboxes.
 *
 * A place in the listing is a number that only grows, together with how many had turned into
 * messages when the reader passed the messages: a ghost that turned later it has not seen.
 */
#include "local.h"

#include "imapfs/change.h"
#include "overlay.h"

#define GHOST_US (10 * G_USEC_PER_SEC)

void
local_init(Local *local, guint64 id, const char *name, const Message *like)
{
	local->id = id;
	local->message = (Message){
		.size = like ? like->size : 0,
		.size_exact = !like || like->size_exact,
		.internaldate = like ? like->internaldate : g_get_real_time() / G_USEC_PER_SEC,
		.content_key = like ? like->content_key : 0,
		.flags = like ? g_ref_string_acquire(like->flags) : g_ref_string_new_intern(""),
		.name = g_strdup(name),
	};
}

void
local_clear(Local *local)
{
	g_assert(!local->mailbox_id);
	g_clear_pointer(&local->message.name, g_free);
	g_clear_pointer(&local->message.flags, g_ref_string_release);
}

Local *
local_find(const Mailbox *mailbox, const char *name)
{
	return mailbox->local_names ? g_hash_table_lookup(mailbox->local_names, name) : NULL;
}

/* Index of the first with a number of at least @number. */
static guint
lower_bound(const Mailbox *mailbox, guint64 number)
{
	guint low = 0, high = mailbox->locals->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (((const Local *)mailbox->locals->pdata[middle])->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
mailbox_add_local(Mailbox *mailbox, Local *local)
{
	if (!mailbox->locals) {
		mailbox->locals = g_ptr_array_new();
		mailbox->local_names = g_hash_table_new(g_str_hash, g_str_equal);
	}
	local->mailbox_id = mailbox->id;
	g_ptr_array_insert(mailbox->locals, (gint)lower_bound(mailbox, local->number), local);
}

void
local_show(Local *local, Mailbox *mailbox)
{
	g_assert(!local->mailbox_id);
	local->number = ++mailbox->account->overlay->n_locals;
	mailbox_add_local(mailbox, local);
	g_hash_table_replace(mailbox->local_names, local->message.name, local);
	mailbox_touch(mailbox);
}

void
local_unshow(Local *local, Account *account)
{
	Mailbox *mailbox = local->mailbox_id ? account_mailbox(account, local->mailbox_id) : NULL;

	local->mailbox_id = 0;
	if (!mailbox)
		return;
	g_ptr_array_remove_index(mailbox->locals, lower_bound(mailbox, local->number));
	if (local_find(mailbox, local->message.name) == local)
		g_hash_table_remove(mailbox->local_names, local->message.name);
	mailbox_touch(mailbox);
}

void
local_rename(Local *local, Account *account, const char *name)
{
	Mailbox *mailbox = local->mailbox_id ? account_mailbox(account, local->mailbox_id) : NULL;
	char *copy = g_strdup(name);

	if (mailbox && local_find(mailbox, local->message.name) == local)
		g_hash_table_remove(mailbox->local_names, local->message.name);
	g_free(local->message.name);
	local->message.name = copy;
	if (!mailbox)
		return;
	g_hash_table_replace(mailbox->local_names, copy, local);
	mailbox_touch(mailbox);
}

void
local_set_flags(Local *local, const char *flags)
{
	GRefString *old = local->message.flags;

	local->message.flags = g_ref_string_new_intern(flags);
	g_ref_string_release(old);
}

/* --- ghosts --- */

static gboolean
drop_ghosts(gpointer data)
{
	Overlay *overlay = data;
	gint64 now = g_get_monotonic_time();
	Local *ghost;

	while ((ghost = g_queue_peek_head(&overlay->ghosts)) &&
	       now - ghost->turned_at_us >= GHOST_US) {
		g_queue_pop_head(&overlay->ghosts);
		local_unshow(ghost, overlay->account);
		local_clear(ghost);
		g_free(ghost);
	}
	if (ghost)
		return G_SOURCE_CONTINUE;
	overlay->ghost_timer = 0;
	return G_SOURCE_REMOVE;
}

void
local_turn(Local *local, Account *account, guint64 id)
{
	Overlay *overlay = account->overlay;
	Mailbox *mailbox = local->mailbox_id ? account_mailbox(account, local->mailbox_id) : NULL;
	Local *ghost;

	local_unshow(local, account);
	if (!mailbox)
		return;
	ghost = g_new0(Local, 1);
	local_init(ghost, id, local->message.name, &local->message);
	ghost->number = local->number;
	ghost->turned = ++overlay->n_turned;
	ghost->turned_at_us = g_get_monotonic_time();
	mailbox_add_local(mailbox, ghost);
	g_queue_push_tail(&overlay->ghosts, ghost);
	if (!overlay->ghost_timer)
		overlay->ghost_timer = g_timeout_add_seconds(5, drop_ghosts, overlay);
}

void
local_abandon(Mailbox *mailbox)
{
	for (guint i = 0; mailbox->locals && i < mailbox->locals->len; i++)
		((Local *)mailbox->locals->pdata[i])->mailbox_id = 0;
	g_clear_pointer(&mailbox->locals, g_ptr_array_unref);
	g_clear_pointer(&mailbox->local_names, g_hash_table_unref);
}

/* --- what is told of them --- */

guint64
mailbox_message_id(const Mailbox *mailbox, const Message *message)
{
	const Local *local = local_of(message);

	return local ? local->id : message_id(mailbox->id, message->uid);
}

const Message *
mailbox_next_draft(Mailbox *mailbox, guint64 cookie, guint64 *next_cookie)
{
	const Overlay *overlay = mailbox->account->overlay;
	guint32 turned = cookie ? (guint32)(cookie >> 32) : overlay ? overlay->n_turned : 0;
	guint i = mailbox->locals ? lower_bound(mailbox, (cookie & G_MAXUINT32) + 1) : 0;

	for (; mailbox->locals && i < mailbox->locals->len; i++) {
		const Local *local = mailbox->locals->pdata[i];

		if (local->turned && local->turned <= turned)
			continue;
		*next_cookie = (guint64)turned << 32 | local->number;
		return &local->message;
	}
	return NULL;
}
