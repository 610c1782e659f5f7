/*
 * Between the account in memory and its index on disk.
 *
 * A mailbox's row is written when a listing has changed it, messages as they come (some hundred in
 * one go), and the state of a mailbox, which says that its messages are all there, when a sync has
 * ended. All of that is carried out in order, later, by the disk worker.
 */
#include "keep.h"

#include "hidden.h"
#include "overlay.h"
#include "storage.h"

#define MANY 1000 /* messages put together before they are sent */

static Index *
index_of(const Account *account)
{
	return account->storage ? account->storage->index : NULL;
}

/* --- mailboxes --- */

static void
take_row(Account *account, const IndexMailbox *row)
{
	const RemoteMailbox remote = {
		.name = row->name,
		.path = row->path,
		.delimiter = row->delimiter,
		.selectable = row->selectable,
		.uidvalidity = row->uidvalidity,
		.messages = row->state.exists,
	};
	Mailbox *mailbox;

	g_hash_table_remove(account->worn_ids, GUINT_TO_POINTER(row->id));
	mailbox = account_take_mailbox(account, &remote, row->id);
	if (mailbox->id != row->id) { /* two rows that are one now: what was kept is of no use */
		keep_no_mailbox(account, row->id);
		g_hash_table_add(account->worn_ids, GUINT_TO_POINTER(row->id));
		return;
	}
	mailbox->unsaved = mailbox->subscription_told = FALSE;
	mailbox->synced = row->state;
	mailbox->permanent_flags = g_strdup(row->permanent_flags);
	mailbox->read_only = row->read_only;
	mailbox->early_id = row->id != mailbox_natural_id(mailbox);
	if (row->selectable && row->uidvalidity)
		mailbox->state = MAILBOX_STORED;
	else /* whose they are is not certain */
		block_store_forget_mailbox(account->storage->blocks, row->id);
}

gboolean
keep_load_tree(Account *account)
{
	Index *index = index_of(account);
	const GArray *rows = index ? index_mailboxes(index) : NULL;
	const GArray *worn = index ? index_worn_ids(index) : NULL;

	for (guint i = 0; worn && i < worn->len; i++)
		g_hash_table_add(account->worn_ids,
		                 GUINT_TO_POINTER(g_array_index(worn, guint32, i)));
	for (guint i = 0; rows && i < rows->len; i++) /* until its own row is taken, nobody's */
		g_hash_table_add(account->worn_ids,
		                 GUINT_TO_POINTER(g_array_index(rows, IndexMailbox, i).id));
	for (guint i = 0; rows && i < rows->len; i++)
		take_row(account, &g_array_index(rows, IndexMailbox, i));
	account->sizes_lie = index && index_sizes_lie(index);
	return rows && rows->len > 0;
}

void
keep_mailbox(Mailbox *mailbox)
{
	Index *index = index_of(mailbox->account);
	const IndexMailbox row = {
		.id = mailbox->id,
		.position = mailbox->position,
		.name = mailbox->name,
		.path = mailbox->path,
		.delimiter = mailbox->delimiter,
		.selectable = mailbox->selectable,
		.uidvalidity = mailbox->uidvalidity,
	};

	/* One that was made or renamed here is saved when a listing has told its path. */
	if (!index || !mailbox->unsaved || !mailbox->name || !mailbox->path)
		return;
	mailbox->unsaved = FALSE;
	index_save_mailbox(index, &row);
}

void
keep_no_mailbox(Account *account, guint32 id)
{
	if (!account->storage)
		return;
	index_remove_mailbox(account->storage->index, id);
	block_store_forget_mailbox(account->storage->blocks, id);
}

/* --- messages --- */

/* Such names need not be kept, and those that are kept, of mounts with other rules, stay. */
static gboolean
is_named_by_uid(const Mailbox *mailbox)
{
	return !mailbox->account->rules->header_fields;
}

void
keep_message(Mailbox *mailbox, const Message *message)
{
	Index *index = index_of(mailbox->account);
	const IndexMessage row = {
		.uid = message->uid,
		.size = message->size,
		.size_exact = message->size_exact,
		.internaldate = message->internaldate,
		.content_key = message->content_key,
		.flags = index ? index_intern_flags(index, message->flags) : NULL,
		.name = index ? g_strdup(is_named_by_uid(mailbox) ? "" : message->name) : NULL,
	};

	if (!index)
		return;
	if (!mailbox->unsaved_messages)
		mailbox->unsaved_messages = index_messages_new();
	g_array_append_val(mailbox->unsaved_messages, row);
	if (mailbox->unsaved_messages->len >= MANY)
		keep_flush(mailbox);
}

void
keep_flags(Mailbox *mailbox, const Message *message)
{
	Index *index = index_of(mailbox->account);
	IndexFlags row = {.uid = message->uid};

	if (!index)
		return;
	row.flags = index_intern_flags(index, message->flags);
	if (!mailbox->unsaved_flags)
		mailbox->unsaved_flags = g_array_new(FALSE, FALSE, sizeof(IndexFlags));
	g_array_append_val(mailbox->unsaved_flags, row);
	if (mailbox->unsaved_flags->len >= MANY)
		keep_flush(mailbox);
}

void
keep_size(Mailbox *mailbox, const Message *message)
{
	Index *index = index_of(mailbox->account);

	if (!index)
		return;
	keep_flush(mailbox);
	index_save_size(index, mailbox->id, message->uid, message->size, message->size_exact);
	if (mailbox->account->sizes_lie && !index_sizes_lie(index))
		index_set_sizes_lie(index, TRUE);
}

void
keep_name(Mailbox *mailbox, const Message *message)
{
	Index *index = index_of(mailbox->account);

	if (!index || is_named_by_uid(mailbox))
		return;
	keep_flush(mailbox);
	index_save_name(index, mailbox->id, message->uid, message->name);
}

void
keep_no_messages(Mailbox *mailbox, guint32 first, guint32 last)
{
	Index *index = index_of(mailbox->account);

	if (!index)
		return;
	keep_flush(mailbox);
	index_forget_messages(index, mailbox->id, first, last);
}

void
keep_flush(Mailbox *mailbox)
{
	Index *index = index_of(mailbox->account);

	if (mailbox->unsaved_messages || mailbox->unsaved_flags)
		keep_mailbox(mailbox);
	if (mailbox->unsaved_messages)
		index_save_messages(index, mailbox->id,
		                    g_steal_pointer(&mailbox->unsaved_messages));
	if (mailbox->unsaved_flags)
		index_save_flags(index, mailbox->id, g_steal_pointer(&mailbox->unsaved_flags));
}

void
keep_state(Mailbox *mailbox)
{
	Index *index = index_of(mailbox->account);

	if (!index)
		return;
	keep_mailbox(mailbox);
	keep_flush(mailbox);
	index_save_state(index, mailbox->id, &mailbox->synced);
}

void
keep_access(Mailbox *mailbox)
{
	Index *index = index_of(mailbox->account);

	if (!index)
		return;
	keep_mailbox(mailbox);
	index_save_access(index, mailbox->id, mailbox->permanent_flags, mailbox->read_only);
}

/* --- loading --- */

typedef struct {
	Account *account;
	guint32 mailbox_id;
	void (*loaded)(guint32 mailbox_id, gpointer data);
	gpointer data;
} Load;

static char *
take_name(const Mailbox *mailbox, IndexMessage *row)
{
	const RemoteMessage remote = {.uid = row->uid};
	const char *given = overlay_given_name(mailbox, row->uid);

	if (given)
		return g_strdup(given);
	return is_named_by_uid(mailbox) ? mailbox->account->rules->message(&remote)
	                                : g_steal_pointer(&row->name);
}

/* Up to the first whose name is not known: the server is asked for the rest. */
static void
take_messages(Mailbox *mailbox, GArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		IndexMessage *row = &g_array_index(rows, IndexMessage, i);
		Message message = {
			.uid = row->uid,
			.size_exact = row->size_exact,
			.size = row->size,
			.internaldate = row->internaldate,
			.content_key = row->content_key,
		};

		if (!*row->name && !is_named_by_uid(mailbox))
			break;
		if (mailbox_find_message(mailbox, row->uid))
			continue;
		message.name = take_name(mailbox, row);
		message.flags = g_ref_string_new_intern(row->flags);
		if (!mailbox_hidden_by(mailbox, row->uid))
			message.name = mailbox_claim_name(mailbox, row->uid, message.name);
		mailbox_take_message(mailbox, &message);
	}
}

static void
on_loaded(GArray *rows, gpointer data)
{
	Load *load = data;
	Mailbox *mailbox = account_mailbox(load->account, load->mailbox_id);

	if (mailbox && mailbox->state == MAILBOX_STORED) {
		const IndexState *synced = &mailbox->synced;
		guint n;

		if (rows)
			take_messages(mailbox, rows);
		n = mailbox->messages->len;
		mailbox->state = rows && synced->complete && n >= synced->exists ? MAILBOX_COMPLETE
		                                                                 : MAILBOX_UNKNOWN;
		mailbox->holey = synced->holey || n < synced->exists ||
		                 (!synced->uidnext && n != synced->exists);
		mailbox->known_until = mailbox_last_uid(mailbox);
		if (synced->uidnext) /* what we have put there since is no sign */
			mailbox->known_until = MIN(mailbox->known_until, synced->uidnext - 1);
	}
	if (rows)
		g_array_unref(rows);
	load->loaded(load->mailbox_id, load->data);
	g_free(load);
}

void
keep_load_messages(Mailbox *mailbox, void (*loaded)(guint32 mailbox_id, gpointer data),
                   gpointer data)
{
	Load *load = g_new0(Load, 1);

	load->account = mailbox->account;
	load->mailbox_id = mailbox->id;
	load->loaded = loaded;
	load->data = data;
	index_load_messages(mailbox->account->storage->index, mailbox->id, on_loaded, load);
}
