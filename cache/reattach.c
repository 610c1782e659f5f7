/*
 * A mailbox with a new UIDVALIDITY: which of its messages are which of the old ones.
 *
 * Two are the same if their keys, sizes and dates are, and if neither the old nor the new mailbox
 * has a second one with that key. The old ones are loaded from the index as the mailbox changes,
 * the new ones come from a listing; whichever is complete last brings the two together.
 */
#include "reattach.h"

#include <string.h>
#include <zlib.h>

#include "keep.h"

typedef struct {
	Account *account;
	guint32 old_id, new_id;
	GHashTable *by_key; /* content key -> IndexMessage; NULL: not loaded yet */
	GArray *rows;       /* of IndexMessage, to which by_key points */
	gboolean listed;
} Reattach;

/* --- keys --- */

static gboolean
has_message_id(const char *header, gsize length)
{
	static const char field[] = "message-id:";
	const char *end = header + length;

	for (const char *line = header; line && line < end;) {
		if ((gsize)(end - line) > strlen(field) &&
		    g_ascii_strncasecmp(line, field, strlen(field)) == 0)
			return TRUE;
		line = memchr(line, '\n', (gsize)(end - line));
		line = line ? line + 1 : NULL;
	}
	return FALSE;
}

guint64
reattach_key(const RemoteMessage *message)
{
	guint64 key;

	if (message->email_id)
		key = (guint64)g_str_hash(message->email_id) << 32 |
		      crc32_z(0, (const Bytef *)message->email_id, strlen(message->email_id));
	else if (message->header && has_message_id(message->header, message->header_length))
		key = (guint64)adler32_z(1, (const Bytef *)message->header, message->header_length)
		              << 32 |
		      crc32_z(0, (const Bytef *)message->header, message->header_length);
	else
		return 0;
	return key & G_MAXINT64;
}

/* --- bringing together --- */

static void
give(const Reattach *reattach, const IndexMessage *old, const Message *message)
{
	block_store_move(reattach->account->storage->blocks, message_id(reattach->old_id, old->uid),
	                 message_id(reattach->new_id, message->uid));
}

static gboolean
are_same(const IndexMessage *old, const Message *message)
{
	return old && old->size == message->size && old->internaldate == message->internaldate;
}

/* Adds what is at @key to @by_key; of two with one key neither counts. */
static void
add_unique(GHashTable *by_key, guint64 *key, gpointer value)
{
	if (!*key)
		return;
	if (g_hash_table_contains(by_key, key))
		value = NULL;
	g_hash_table_replace(by_key, key, value);
}

static void
reattach_all(Reattach *reattach, Mailbox *mailbox)
{
	g_autoptr(GHashTable) by_key = g_hash_table_new(g_int64_hash, g_int64_equal);
	GHashTableIter iter;
	gpointer key, value;
	guint n = 0;

	for (guint i = 0; i < mailbox->messages->len; i++) {
		Message *message = &g_array_index(mailbox->messages, Message, i);

		add_unique(by_key, &message->content_key, message);
	}
	g_hash_table_iter_init(&iter, by_key);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const IndexMessage *old = g_hash_table_lookup(reattach->by_key, key);

		if (!value || !are_same(old, value))
			continue;
		give(reattach, old, value);
		n++;
	}
	g_info("%s is another mailbox now; %u of its messages are known", mailbox->file_name, n);
}

static void
reattach_end(Reattach *reattach)
{
	Account *account = reattach->account;

	block_store_forget_mailbox(account->storage->blocks, reattach->old_id);
	account->reattaches = g_list_remove(account->reattaches, reattach);
	g_hash_table_unref(reattach->by_key);
	g_array_unref(reattach->rows);
	g_free(reattach);
}

static void
reattach_try(Reattach *reattach)
{
	Mailbox *mailbox = account_mailbox(reattach->account, reattach->new_id);

	if (!reattach->by_key || (mailbox && !reattach->listed))
		return;
	if (mailbox)
		reattach_all(reattach, mailbox);
	reattach_end(reattach);
}

static void
on_loaded(GArray *rows, gpointer data)
{
	Reattach *reattach = data;

	reattach->rows = rows ? rows : index_messages_new();
	reattach->by_key = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (guint i = 0; i < reattach->rows->len; i++) {
		IndexMessage *row = &g_array_index(reattach->rows, IndexMessage, i);

		add_unique(reattach->by_key, &row->content_key, row);
	}
	reattach_try(reattach);
}

void
reattach_begin(Mailbox *mailbox, guint32 old_id)
{
	Account *account = mailbox->account;
	Reattach *reattach;

	if (!account->storage)
		return;
	reattach = g_new0(Reattach, 1);
	reattach->account = account;
	reattach->old_id = old_id;
	reattach->new_id = mailbox->id;
	account->reattaches = g_list_prepend(account->reattaches, reattach);
	index_load_messages(account->storage->index, old_id, on_loaded, reattach);
	index_remove_mailbox(account->storage->index, old_id);
}

void
reattach_listed(const Mailbox *mailbox)
{
	GList *next;

	for (GList *link = mailbox->account->reattaches; link; link = next) {
		Reattach *reattach = link->data;

		next = link->next;
		if (reattach->new_id != mailbox->id)
			continue;
		reattach->listed = TRUE;
		reattach_try(reattach);
	}
}

void
reattach_give_up(Account *account)
{
	while (account->reattaches)
		reattach_end(account->reattaches->data);
}
