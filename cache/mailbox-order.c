/*
 * The orders in which tools walk a mailbox: by UID, which is the order of inode numbers and of
 * readdir, and by name, which is the order of a shell's glob.
 *
 * The order of names is made when somebody first asks, and anew when the list has changed.
 */
#include "account-private.h"

#include <string.h>

gint64
mailbox_index(Mailbox *mailbox, guint32 uid)
{
	const Message *message = mailbox_find_message(mailbox, uid);

	return message ? message - (const Message *)(void *)mailbox->messages->data : -1;
}

const Message *
mailbox_message_by_index(Mailbox *mailbox, gint64 index)
{
	if (index < 0 || index >= mailbox->messages->len)
		return NULL;
	return &g_array_index(mailbox->messages, Message, index);
}

static gint
compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
	const Mailbox *mailbox = data;
	const guint32 *one = a, *other = b;

	return strcmp(g_array_index(mailbox->messages, Message, *one).name,
	              g_array_index(mailbox->messages, Message, *other).name);
}

static void
sort_by_name(Mailbox *mailbox)
{
	guint n = mailbox->messages->len;

	g_clear_pointer(&mailbox->by_name, g_array_unref);
	g_clear_pointer(&mailbox->ranks, g_array_unref);
	mailbox->by_name = g_array_sized_new(FALSE, FALSE, sizeof(guint32), n);
	mailbox->ranks = g_array_sized_new(FALSE, FALSE, sizeof(guint32), n);
	for (guint32 i = 0; i < n; i++)
		g_array_append_val(mailbox->by_name, i);
	g_array_sort_with_data(mailbox->by_name, compare_names, mailbox);
	g_array_set_size(mailbox->ranks, n);
	for (guint32 i = 0; i < n; i++)
		g_array_index(mailbox->ranks, guint32,
		              g_array_index(mailbox->by_name, guint32, i)) = i;
	mailbox->by_name_version = mailbox->version;
}

/* While the first listing still comes in, names would be sorted again and again. */
static gboolean
has_order_of_names(Mailbox *mailbox)
{
	if (mailbox->state != MAILBOX_COMPLETE)
		return FALSE;
	if (!mailbox->by_name || mailbox->by_name_version != mailbox->version ||
	    mailbox->by_name->len != mailbox->messages->len)
		sort_by_name(mailbox);
	return TRUE;
}

gint64
mailbox_rank(Mailbox *mailbox, guint32 uid)
{
	gint64 index = mailbox_index(mailbox, uid);

	if (index < 0 || !has_order_of_names(mailbox))
		return -1;
	return g_array_index(mailbox->ranks, guint32, index);
}

const Message *
mailbox_message_by_rank(Mailbox *mailbox, gint64 rank)
{
	if (rank < 0 || rank >= mailbox->messages->len || !has_order_of_names(mailbox))
		return NULL;
	return mailbox_message_by_index(mailbox, g_array_index(mailbox->by_name, guint32, rank));
}
