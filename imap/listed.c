/*
 * Which answers there are, and what becomes of them. Any may come before the LIST that it belongs
 * to, except LSUB, which is asked for behind it.
 */
#include "listed.h"

#include <string.h>

#include "mutf7.h"

#define MAX_MAILBOXES 100000

static void
listed_free(gpointer data)
{
	Listed *listed = data;

	g_free(listed->name);
	g_free(listed->path);
	g_free(listed->rights);
	g_free(listed);
}

void
listed_init(ListedMailboxes *mailboxes)
{
	mailboxes->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	mailboxes->order = g_ptr_array_new_with_free_func(listed_free);
}

void
listed_clear(ListedMailboxes *mailboxes)
{
	g_hash_table_unref(mailboxes->by_name);
	g_ptr_array_unref(mailboxes->order);
}

static Listed *
listed_mailbox(ListedMailboxes *mailboxes, const char *name)
{
	Listed *listed = g_hash_table_lookup(mailboxes->by_name, name);

	if (listed || mailboxes->order->len >= MAX_MAILBOXES)
		return listed;
	listed = g_new0(Listed, 1);
	listed->name = g_strdup(name);
	listed->path = mutf7_decode(name);
	if (!listed->path)
		listed->path = g_strdup(name);
	g_hash_table_insert(mailboxes->by_name, listed->name, listed);
	g_ptr_array_add(mailboxes->order, listed);
	return listed;
}

static RemoteSpecialUse
special_use(ImapListAttributes attributes)
{
	static const struct {
		ImapListAttributes attribute;
		RemoteSpecialUse use;
	} table[] = {
		{IMAP_LIST_DRAFTS, REMOTE_USE_DRAFTS},   {IMAP_LIST_SENT, REMOTE_USE_SENT},
		{IMAP_LIST_TRASH, REMOTE_USE_TRASH},     {IMAP_LIST_JUNK, REMOTE_USE_JUNK},
		{IMAP_LIST_ARCHIVE, REMOTE_USE_ARCHIVE}, {IMAP_LIST_ALL, REMOTE_USE_ALL},
		{IMAP_LIST_FLAGGED, REMOTE_USE_FLAGGED},
	};
	RemoteSpecialUse use = REMOTE_USE_NONE;

	for (guint i = 0; i < G_N_ELEMENTS(table); i++)
		use |= attributes & table[i].attribute ? table[i].use : REMOTE_USE_NONE;
	return use;
}

static gboolean
take_list(ListedMailboxes *mailboxes, const ImapResponse *response)
{
	ImapList parsed;
	Listed *listed;

	if (!imap_list_parse(response, &parsed, NULL))
		return FALSE;
	listed = *parsed.name ? listed_mailbox(mailboxes, parsed.name) : NULL;
	if (listed) {
		listed->listed = TRUE;
		listed->delimiter = parsed.delimiter;
		listed->selectable = !(parsed.attributes & IMAP_LIST_NOSELECT);
		listed->subscribed = (parsed.attributes & IMAP_LIST_SUBSCRIBED) != 0;
		listed->special_use = special_use(parsed.attributes);
	}
	return TRUE;
}

static gboolean
take_status(ListedMailboxes *mailboxes, const ImapResponse *response)
{
	ImapStatus parsed;
	Listed *listed;

	if (!imap_status_parse(response, &parsed, NULL))
		return FALSE;
	listed = listed_mailbox(mailboxes, parsed.name);
	if (listed) {
		listed->uidvalidity = parsed.uidvalidity;
		listed->messages = parsed.messages;
		listed->uidnext = parsed.uidnext;
		listed->unseen = parsed.unseen;
		listed->highestmodseq = parsed.highestmodseq;
		listed->has_figures = TRUE;
	}
	return TRUE;
}

static gboolean
take_rights(ListedMailboxes *mailboxes, const ImapResponse *response)
{
	const char *name, *rights;
	Listed *listed;

	if (!imap_myrights_parse(response, &name, &rights, NULL))
		return FALSE;
	listed = listed_mailbox(mailboxes, name);
	if (listed) {
		g_free(listed->rights);
		listed->rights = g_strdup(rights);
	}
	return TRUE;
}

gboolean
listed_take(ListedMailboxes *mailboxes, const ImapResponse *response, gboolean rights)
{
	if (g_str_equal(response->name, "LIST"))
		return take_list(mailboxes, response);
	if (g_str_equal(response->name, "STATUS"))
		return take_status(mailboxes, response);
	if (rights && g_str_equal(response->name, "MYRIGHTS"))
		return take_rights(mailboxes, response);
	return FALSE;
}

/* With \Noselect it is only above one that is subscribed to (RFC 3501 6.3.9), or gone. */
gboolean
listed_take_lsub(ListedMailboxes *mailboxes, const ImapResponse *response)
{
	ImapList parsed;
	Listed *listed;

	if (!g_str_equal(response->name, "LSUB") || !imap_list_parse(response, &parsed, NULL))
		return FALSE;
	listed = g_hash_table_lookup(mailboxes->by_name, parsed.name);
	if (listed && !(parsed.attributes & IMAP_LIST_NOSELECT))
		listed->subscribed = TRUE;
	return TRUE;
}

static gint
compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp((*(const Listed *const *)a)->path, (*(const Listed *const *)b)->path);
}

static void
tell(const Listed *listed, const RemoteListHandler *handler, gpointer data)
{
	RemoteMailbox mailbox = {
		.name = listed->name,
		.path = listed->path,
		.delimiter = listed->delimiter,
		.selectable = listed->selectable,
		.special_use = listed->special_use,
		.uidvalidity = listed->uidvalidity,
		.messages = listed->messages,
		.uidnext = listed->uidnext,
		.highestmodseq = listed->highestmodseq,
		.unseen = listed->unseen,
		.subscribed = listed->subscribed,
		.rights = listed->rights,
	};

	handler->mailbox(&mailbox, data);
}

void
listed_tell(ListedMailboxes *mailboxes, const RemoteListHandler *handler, gpointer data)
{
	g_ptr_array_sort(mailboxes->order, compare_paths);
	for (guint i = 0; i < mailboxes->order->len; i++) {
		const Listed *listed = mailboxes->order->pdata[i];

		if (listed->listed)
			tell(listed, handler, data);
	}
}
