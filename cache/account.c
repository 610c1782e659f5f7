/*
 * The tree of mailboxes: making, finding and removing them. Keeping it like the server's is
 * account-list.c.
 *
 * A mailbox's id is the first 31 bits of a hash of its path and UIDVALIDITY (the next free number,
 * should two hash alike), so that inode numbers are the same in every mount without anything being
 * stored. Where the UIDVALIDITY becomes known only later, the id is worn once the mailbox is gone:
 * another one of that name must not find its blocks.
 */
#include "answers.h"
#include "keep.h"
#include "local.h"
#include "overlay.h"
#include "promise.h"
#include "reattach.h"
#include "watch.h"

#include <string.h>

/* "/Archive/2026" */
static char *
mailbox_path(const Mailbox *mailbox)
{
	GString *seed = g_string_new(NULL);

	for (const Mailbox *level = mailbox; level->parent; level = level->parent) {
		g_string_prepend(seed, level->file_name);
		g_string_prepend_c(seed, '/');
	}
	return g_string_free(seed, FALSE);
}

static gboolean
id_is_free(const Account *account, guint32 id)
{
	gpointer key = GUINT_TO_POINTER(id);

	return id && !g_hash_table_contains(account->mailboxes, key) &&
	       !g_hash_table_contains(account->worn_ids, key);
}

guint32
mailbox_natural_id(const Mailbox *mailbox)
{
	g_autofree char *path = mailbox_path(mailbox);
	g_autofree char *seed = g_strdup_printf("%u%s", mailbox->uidvalidity, path);
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize length = sizeof(digest);
	guint32 id;

	g_checksum_update(checksum, (const guchar *)seed, -1);
	g_checksum_get_digest(checksum, digest, &length);
	memcpy(&id, digest, sizeof(id));
	return GUINT32_FROM_LE(id) & 0x7fffffff;
}

static guint32
choose_id(const Account *account, const Mailbox *mailbox)
{
	guint32 id = mailbox_natural_id(mailbox);

	if (account->wanted_id && id_is_free(account, account->wanted_id))
		return account->wanted_id;
	while (!id_is_free(account, id))
		id = (id + 1) & 0x7fffffff;
	return id;
}

/* Index of the first child with an id of at least @id. */
static guint
children_lower_bound(const Mailbox *parent, guint32 id)
{
	guint low = 0, high = parent->children->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (((Mailbox *)parent->children->pdata[middle])->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
message_clear(gpointer data)
{
	Message *message = data;

	g_free(message->name);
	g_ref_string_release(message->flags);
}

static Mailbox *
mailbox_alloc(Account *account, char *file_name)
{
	Mailbox *mailbox = g_new0(Mailbox, 1);

	mailbox->account = account;
	mailbox->file_name = file_name;
	mailbox->children = g_ptr_array_new();
	mailbox->child_names = g_hash_table_new(g_str_hash, g_str_equal);
	mailbox->messages = g_array_new(FALSE, FALSE, sizeof(Message));
	g_array_set_clear_func(mailbox->messages, message_clear);
	mailbox->names = g_hash_table_new(g_str_hash, g_str_equal);
	mailbox->changed_at = g_get_real_time() / G_USEC_PER_SEC;
	wait_queue_init(&mailbox->syncing);
	return mailbox;
}

static void
mailbox_free(Mailbox *mailbox)
{
	g_clear_pointer(&mailbox->by_name, g_array_unref);
	g_clear_pointer(&mailbox->ranks, g_array_unref);
	g_hash_table_unref(mailbox->names);
	g_array_unref(mailbox->messages);
	g_ptr_array_unref(mailbox->children);
	g_hash_table_unref(mailbox->child_names);
	g_clear_pointer(&mailbox->unsaved_messages, g_array_unref);
	g_clear_pointer(&mailbox->unsaved_flags, g_array_unref);
	g_clear_pointer(&mailbox->hidden, g_hash_table_unref);
	g_clear_pointer(&mailbox->planned_flags, g_hash_table_unref);
	g_clear_pointer(&mailbox->expunged, g_array_unref);
	local_abandon(mailbox);
	g_free(mailbox->rights);
	g_free(mailbox->permanent_flags);
	g_free(mailbox->next_name);
	g_free(mailbox->name);
	g_free(mailbox->path);
	g_free(mailbox->file_name);
	g_free(mailbox);
}

void
account_tell_mailbox(const Mailbox *mailbox, AccountChange change)
{
	Account *account = mailbox->account;

	if (account->n_listed && account->events->changed)
		account->events->changed(change, mailbox, NULL, account->data);
}

void
account_tell_message(const Mailbox *mailbox, const Message *message, AccountChange change)
{
	Account *account = mailbox->account;

	if (mailbox->state == MAILBOX_COMPLETE && account->events->changed)
		account->events->changed(change, mailbox, message, account->data);
}

void
mailbox_touch(Mailbox *mailbox)
{
	mailbox->version++;
	mailbox->changed_at = g_get_real_time() / G_USEC_PER_SEC;
}

static void
tell_entry_gone(Mailbox *mailbox)
{
	Account *account = mailbox->account;

	account->events->entry_gone(message_id(mailbox->parent->id, 0), message_id(mailbox->id, 0),
	                            mailbox->file_name, account->data);
}

/* Enters the mailbox, which has its parent and UIDVALIDITY, into the tree under an id. */
static void
mailbox_enter(Mailbox *mailbox)
{
	Account *account = mailbox->account;

	mailbox->id = choose_id(account, mailbox);
	mailbox->early_id = !mailbox->uidvalidity;
	g_hash_table_insert(account->mailboxes, GUINT_TO_POINTER(mailbox->id), mailbox);
	g_ptr_array_insert(mailbox->parent->children,
	                   (gint)children_lower_bound(mailbox->parent, mailbox->id), mailbox);
	g_hash_table_insert(mailbox->parent->child_names, mailbox->file_name, mailbox);
	mailbox_touch(mailbox->parent);
}

static void
mailbox_leave(Mailbox *mailbox)
{
	Account *account = mailbox->account;

	tell_entry_gone(mailbox);
	mailbox_touch(mailbox->parent);
	g_ptr_array_remove_index(mailbox->parent->children,
	                         children_lower_bound(mailbox->parent, mailbox->id));
	g_hash_table_remove(mailbox->parent->child_names, mailbox->file_name);
	g_hash_table_remove(account->mailboxes, GUINT_TO_POINTER(mailbox->id));
	if (mailbox->early_id && mailbox->uidvalidity)
		g_hash_table_add(account->worn_ids, GUINT_TO_POINTER(mailbox->id));
}

/* Its id stays, though another would now be made of its path. */
void
mailbox_relocate(Mailbox *mailbox, Mailbox *parent, const char *file_name)
{
	Mailbox *old = mailbox->parent;

	account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_GONE);
	mailbox_touch(old);
	g_ptr_array_remove_index(old->children, children_lower_bound(old, mailbox->id));
	g_hash_table_remove(old->child_names, mailbox->file_name);
	g_free(mailbox->file_name);
	mailbox->file_name = g_strdup(file_name);
	mailbox->parent = parent;
	mailbox->early_id = TRUE;
	g_ptr_array_insert(parent->children, (gint)children_lower_bound(parent, mailbox->id),
	                   mailbox);
	g_hash_table_insert(parent->child_names, mailbox->file_name, mailbox);
	mailbox_touch(parent);
	account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_CREATED);
}

Mailbox *
mailbox_new(Account *account, Mailbox *parent, guint32 uidvalidity, char *file_name)
{
	Mailbox *mailbox = mailbox_alloc(account, file_name);

	mailbox->parent = parent;
	mailbox->uidvalidity = uidvalidity;
	mailbox_enter(mailbox);
	account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_CREATED);
	return mailbox;
}

void
mailbox_remove(Mailbox *mailbox)
{
	g_autoptr(GError) error =
		g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the mailbox is gone");

	while (mailbox->children->len)
		mailbox_remove(mailbox->children->pdata[0]);
	account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_GONE);
	mailbox->state = MAILBOX_UNKNOWN; /* nothing is told of each message */
	mailbox_drop_messages(mailbox, 1, G_MAXUINT32);
	mailbox_leave(mailbox);
	keep_no_mailbox(mailbox->account, mailbox->id);
	mailbox_set_name(mailbox, NULL);
	local_abandon(mailbox);
	wait_queue_wake(&mailbox->syncing, error);
	mailbox_free(mailbox);
}

/* Children stay: they are mailboxes of their own. */
void
mailbox_become_another(Mailbox *mailbox, guint32 uidvalidity)
{
	guint32 old_id = mailbox->id;

	keep_flush(mailbox);
	account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_GONE);
	mailbox->state = MAILBOX_UNKNOWN; /* of each message nothing is told */
	mailbox_drop_messages(mailbox, 1, G_MAXUINT32);
	mailbox_touch(mailbox);
	mailbox_leave(mailbox);
	mailbox->uidvalidity = uidvalidity;
	mailbox->synced = (IndexState){0};
	mailbox->figures_told = FALSE;
	mailbox->unsaved = TRUE;
	g_clear_pointer(&mailbox->permanent_flags, g_free);
	mailbox->read_only = FALSE;
	mailbox_enter(mailbox);
	account_tell_mailbox(mailbox, ACCOUNT_MAILBOX_CREATED);
	overlay_mailbox_became(mailbox, old_id);
	reattach_begin(mailbox, old_id);
}

void
mailbox_set_name(Mailbox *mailbox, const char *name)
{
	if (mailbox->name &&
	    g_hash_table_lookup(mailbox->account->by_name, mailbox->name) == mailbox)
		g_hash_table_remove(mailbox->account->by_name, mailbox->name);
	g_free(mailbox->name);
	mailbox->name = g_strdup(name);
	if (name && !(mailbox->planned && g_hash_table_contains(mailbox->account->by_name, name)))
		g_hash_table_replace(mailbox->account->by_name, mailbox->name, mailbox);
	watch_renamed(mailbox);
}

void
mailbox_become_level(Mailbox *mailbox)
{
	gboolean was_selectable = mailbox->selectable;

	mailbox->state = MAILBOX_UNKNOWN;
	if (was_selectable)
		mailbox_forget_messages(mailbox, 1, G_MAXUINT32);
	mailbox->announced = mailbox->synced = (IndexState){0};
	mailbox->figures_told = FALSE;
	mailbox->selectable = FALSE;
	mailbox->unsaved |= was_selectable;
	if (was_selectable && mailbox->name)
		keep_state(mailbox);
	mailbox_set_name(mailbox, NULL);
	g_clear_pointer(&mailbox->next_name, g_free);
}

Account *
account_new(Remote *remote, const AccountSettings *settings, const NameRules *rules,
            const AccountEvents *events, gpointer data)
{
	Account *account = g_new0(Account, 1);

	account->remote = remote;
	account->rules = rules;
	account->events = events;
	account->data = data;
	account->root_path = g_strdup(settings->root);
	account->trash = settings->trash;
	account->sync = settings->sync;
	account->writeback = settings->writeback;
	account->mailboxes = g_hash_table_new(NULL, NULL);
	account->worn_ids = g_hash_table_new(NULL, NULL);
	account->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	account->top = mailbox_alloc(account, g_strdup(""));
	account->top->state = MAILBOX_COMPLETE;
	wait_queue_init(&account->listing);
	account->storage = settings->name ? storage_open(settings) : NULL;
	account->reader = reader_new(account, settings->memory);
	account->listed = keep_load_tree(account);
	if (!settings->read_only)
		overlay_new(account);
	return account;
}

/* What is under way ends now, and finds nobody. */
static void
account_close_storage(Account *account)
{
	GHashTableIter iter;
	gpointer mailbox;

	if (!account->storage)
		return;
	g_hash_table_iter_init(&iter, account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox))
		keep_flush(mailbox);
	account->closing = TRUE;
	disk_flush(account->storage->disk);
	reattach_give_up(account);
	storage_close(account->storage);
}

void
account_free(Account *account)
{
	GHashTableIter iter;
	gpointer mailbox;

	g_clear_pointer(&account->watch, watch_free);
	if (account->overlay)
		overlay_free(account->overlay);
	account_close_storage(account);
	reader_free(account->reader);
	answers_free(account);
	g_hash_table_iter_init(&iter, account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox))
		mailbox_free(mailbox);
	g_hash_table_unref(account->mailboxes);
	g_hash_table_unref(account->worn_ids);
	g_hash_table_unref(account->by_name);
	mailbox_free(account->top);
	g_free(account->root_path);
	g_free(account);
}

Mailbox *
account_root(Account *account)
{
	g_auto(GStrv) names = NULL;
	Mailbox *mailbox = account->top;

	if (!account->root_path)
		return mailbox;
	names = g_strsplit(account->root_path, "/", -1);
	for (char **name = names; *name && mailbox; name++)
		if (**name)
			mailbox = mailbox_child(mailbox, *name);
	return mailbox;
}

Mailbox *
account_mailbox(Account *account, guint32 id)
{
	return g_hash_table_lookup(account->mailboxes, GUINT_TO_POINTER(id));
}

gboolean
account_is_known(const Account *account)
{
	return account->listed;
}

gboolean
account_keeps(const Account *account)
{
	return account->storage != NULL;
}

gboolean
account_forget(const char *cache, const char *name, GError **error)
{
	return folder_forget(cache, name, error);
}

gboolean
account_sizes_lie(const Account *account)
{
	return account->sizes_lie;
}

guint64
account_n_messages(const Account *account)
{
	GHashTableIter iter;
	gpointer value;
	guint64 n = 0;

	g_hash_table_iter_init(&iter, account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Mailbox *mailbox = value;

		n += mailbox->state == MAILBOX_COMPLETE ? mailbox->messages->len
		                                        : mailbox->announced.exists;
	}
	return n;
}

void
account_status(Account *account, GString *text)
{
	BlockCacheStatistics cache = reader_statistics(account->reader);

	account->remote->operations->status(account->remote, text);
	if (account->overlay)
		flusher_status(account->overlay->flusher, text);
	g_string_append_printf(
		text,
		"mailboxes: %u\nmessages: %" G_GUINT64_FORMAT "\nsizes_trusted: %s\n"
		"cache_blocks: %" G_GUINT64_FORMAT "\ncache_bytes: %" G_GUINT64_FORMAT
		"\ncache_limit: %" G_GUINT64_FORMAT "\ncache_hits: %" G_GUINT64_FORMAT
		"\ncache_misses: %" G_GUINT64_FORMAT "\n",
		g_hash_table_size(account->mailboxes), account_n_messages(account),
		account->sizes_lie ? "no" : "yes", cache.n_blocks, cache.n_bytes, cache.max_bytes,
		cache.n_hits, cache.n_misses);
}

guint32
mailbox_id(const Mailbox *mailbox)
{
	return mailbox->id;
}

Mailbox *
mailbox_parent(const Mailbox *mailbox)
{
	return mailbox->parent;
}

const char *
mailbox_file_name(const Mailbox *mailbox)
{
	return mailbox->file_name;
}

gint64
mailbox_changed_at(const Mailbox *mailbox)
{
	return mailbox->changed_at;
}

guint
mailbox_n_children(const Mailbox *mailbox)
{
	return mailbox->children->len;
}

guint64
mailbox_version(const Mailbox *mailbox)
{
	return mailbox->version;
}

Mailbox *
mailbox_child(const Mailbox *mailbox, const char *name)
{
	return g_hash_table_lookup(mailbox->child_names, name);
}

Mailbox *
mailbox_next_child(const Mailbox *mailbox, guint32 after_id)
{
	guint i = children_lower_bound(mailbox, after_id + 1);

	return i < mailbox->children->len ? mailbox->children->pdata[i] : NULL;
}
