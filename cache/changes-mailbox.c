/*
 * Making, removing and renaming mailboxes.
 */
#include "changes.h"

#include "hidden.h"
#include "keep.h"
#include "rights.h"

/* Servers that have levels have one character for all of them, or nearly. */
static char
delimiter_of(const Mailbox *parent)
{
	GHashTableIter iter;
	gpointer value;

	if (parent->delimiter)
		return parent->delimiter;
	g_hash_table_iter_init(&iter, parent->account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (((const Mailbox *)value)->delimiter)
			return ((const Mailbox *)value)->delimiter;
	return '\0';
}

char *
mailbox_level_name(const Mailbox *mailbox)
{
	if (!mailbox->parent)
		return NULL;
	if (overlay_name(mailbox))
		return g_strdup(overlay_name(mailbox));
	for (guint i = 0; i < mailbox->children->len; i++) {
		const Mailbox *child = mailbox->children->pdata[i];
		g_autofree char *name = mailbox_level_name(child);
		char *end = name ? strrchr(name, delimiter_of(child)) : NULL;

		if (!end || end == name)
			continue;
		*end = '\0';
		return g_steal_pointer(&name);
	}
	return NULL;
}

static gboolean
is_inbox(const Mailbox *mailbox)
{
	return !mailbox->parent->parent && g_str_equal(mailbox->file_name, "INBOX");
}

static gboolean
fail(GError **error, ImapfsError code, const char *name, const char *words)
{
	g_set_error(error, IMAPFS_ERROR, code, "%s: %s", name, words);
	return FALSE;
}

/* Fills what @entry says of the new name of a mailbox; the server's bytes for it into @place. */
static gboolean
name_mailbox(JournalEntry *entry, char **place, Mailbox *parent, const char *file_name,
             GError **error)
{
	Account *account = parent->account;
	RemoteMailboxName name = {.delimiter = delimiter_of(parent)};

	entry->name = account->rules->component(file_name);
	entry->parent = mailbox_level_name(parent);
	entry->delimiter = name.delimiter;
	if (!entry->name)
		return fail(error, IMAPFS_ERROR_USAGE, file_name, "no mailbox can be called so");
	if (parent->parent && (!entry->parent || !name.delimiter))
		return fail(error, IMAPFS_ERROR_NOT_PERMITTED, file_name,
		            "no mailbox can be below this one");
	if (!parent->parent && g_ascii_strcasecmp(entry->name, "INBOX") == 0)
		return fail(error, IMAPFS_ERROR_EXISTS, file_name, "there is only one INBOX");
	name.parent = entry->parent;
	name.component = entry->name;
	*place = account->remote->operations->mailbox_name(account->remote, &name, error);
	return *place != NULL;
}

CacheResult
account_make_mailbox(Account *account, Mailbox *parent, const char *name, Change *change,
                     Waiter *waiter, GError **error)
{
	g_autoptr(JournalEntry) entry = journal_entry_new(JOURNAL_CREATE);
	Mailbox *const involved[] = {parent, NULL};
	CacheResult result;
	Place place;

	*change = 0;
	if (!changes_allowed(account, error))
		return CACHE_FAILED;
	result = place_look(parent, name, &place, waiter, error);
	if (result != CACHE_READY)
		return result;
	if (!place_is_empty(&place)) {
		fail(error, IMAPFS_ERROR_EXISTS, name, "is there already");
		return CACHE_FAILED;
	}
	result = rights_await(involved, waiter);
	if (result != CACHE_READY)
		return result;
	if (!rights_allow(parent, RIGHTS_MAKE, error) ||
	    !name_mailbox(entry, &entry->mailbox, parent, name, error))
		return CACHE_FAILED;
	*change = changes_add(account->overlay, g_steal_pointer(&entry), 0, NULL);
	return CACHE_READY;
}

/* --- removing --- */

static gboolean
is_empty(const Mailbox *mailbox)
{
	guint64 cookie;

	return !mailbox->children->len && !mailbox_message_after(mailbox, 0) &&
	       !mailbox_next_draft((Mailbox *)mailbox, 0, &cookie);
}

static gboolean
may_go(const Mailbox *mailbox, GError **error)
{
	const char *name = mailbox->file_name;

	if (is_inbox(mailbox))
		return fail(error, IMAPFS_ERROR_NOT_PERMITTED, name, "is always there");
	if (!is_empty(mailbox))
		return fail(error, IMAPFS_ERROR_NOT_EMPTY, name, "is not empty");
	if (!overlay_name(mailbox))
		return fail(error, IMAPFS_ERROR_NOT_PERMITTED, name, "is no mailbox");
	return rights_allow(mailbox, RIGHTS_DELETE, error);
}

static Change
remove_mailbox(Mailbox *mailbox)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_DELETE);

	entry->mailbox = g_strdup(overlay_name(mailbox));
	entry->uidvalidity = mailbox->uidvalidity;
	return changes_add(mailbox->account->overlay, entry, 0, NULL);
}

CacheResult
account_remove_mailbox(Account *account, Mailbox *parent, const char *name, Change *change,
                       Waiter *waiter, GError **error)
{
	Mailbox *mailbox = mailbox_child(parent, name);
	Mailbox *const involved[] = {mailbox, NULL};
	CacheResult result;

	*change = 0;
	if (!changes_allowed(account, error))
		return CACHE_FAILED;
	if (!mailbox) {
		fail(error, IMAPFS_ERROR_NOT_FOUND, name, "there is no such mailbox");
		return CACHE_FAILED;
	}
	if (!is_inbox(mailbox) && mailbox->selectable && !mailbox->children->len) {
		result = mailbox_await_messages(mailbox, waiter, error);
		if (result != CACHE_READY)
			return result;
	}
	result = rights_await(involved, waiter);
	if (result != CACHE_READY)
		return result;
	if (!may_go(mailbox, error))
		return CACHE_FAILED;
	*change = remove_mailbox(mailbox);
	return CACHE_READY;
}

/* --- renaming --- */

static gboolean
is_below(const Mailbox *mailbox, const Mailbox *other)
{
	for (; mailbox; mailbox = mailbox->parent)
		if (mailbox == other)
			return TRUE;
	return FALSE;
}

static gboolean
may_be_renamed(const Mailbox *mailbox, const Mailbox *to, const Place *target, GError **error)
{
	const char *name = mailbox->file_name;

	if (is_inbox(mailbox))
		return fail(error, IMAPFS_ERROR_NOT_PERMITTED, name, "is always there");
	if (!overlay_name(mailbox))
		return fail(error, IMAPFS_ERROR_NOT_PERMITTED, name,
		            "is only a level in the names of others");
	if (is_below(to, mailbox))
		return fail(error, IMAPFS_ERROR_NOT_PERMITTED, name, "cannot be below itself");
	if (!rights_allow(mailbox, RIGHTS_DELETE, error) ||
	    (to != mailbox->parent && !rights_allow(to, RIGHTS_MAKE, error)))
		return FALSE;
	if (target->child)
		return may_go(target->child, error);
	if (!place_is_empty(target))
		return fail(error, IMAPFS_ERROR_EXISTS, name, "a message is called so");
	return TRUE;
}

CacheResult
changes_rename_mailbox(Mailbox *mailbox, Mailbox *to, const char *new_name, const Place *target,
                       Change *change, GError **error)
{
	Overlay *overlay = mailbox->account->overlay;
	g_autoptr(JournalEntry) entry = journal_entry_new(JOURNAL_RENAME);

	if (!may_be_renamed(mailbox, to, target, error) ||
	    !name_mailbox(entry, &entry->to, to, new_name, error))
		return CACHE_FAILED;
	entry->mailbox = g_strdup(overlay_name(mailbox));
	entry->uidvalidity = mailbox->uidvalidity;
	journal_hold(overlay->journal);
	if (target->child)
		remove_mailbox(target->child);
	*change = changes_add(overlay, g_steal_pointer(&entry), 0, NULL);
	journal_release(overlay->journal);
	return CACHE_READY;
}
