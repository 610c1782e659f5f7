/*
 * Keeping the tree like the server's: LIST, mark and sweep.
 *
 * Names come as whole paths, parents before children. Each is cut at its own delimiter and made
 * into file names; levels that no mailbox has are made as empty directories. INBOX is spelled in
 * capitals whatever the server says. What a complete listing did not show is removed.
 */
#include "keep.h"

#define LAZY_TIMES 4 /* a listing will do for the lazy for so many times as long as it took */
#define FRESH_US   (2 * G_USEC_PER_SEC) /* the first one for so long at least */

static void listing_begin(Account *account);

static Mailbox *
child_by_name(const Mailbox *parent, const char *name)
{
	Mailbox *mailbox = g_hash_table_lookup(parent->account->by_name, name);

	return mailbox && mailbox->parent == parent ? mailbox : NULL;
}

/* Two names of the server's may look alike as file names (composed and decomposed letters). The
 * later then takes its id's number along; which is later is the server's order, so it stays. */
static char *
unused_file_name(Mailbox *parent, const char *component, const char *name)
{
	g_autofree char *file_name = parent->account->rules->mailbox(component);
	Mailbox *taken = mailbox_child(parent, file_name);
	g_autofree char *digest = NULL;

	if ((!taken || !taken->name) && !g_hash_table_contains(parent->names, file_name))
		return g_steal_pointer(&file_name);
	digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
	return g_strdup_printf("%.200s%%~%.8s", file_name, digest);
}

static gboolean
is_inbox(const Mailbox *parent, const char *component)
{
	return !parent->parent && g_ascii_strcasecmp(component, "INBOX") == 0;
}

/* The level called @component between others, which may or may not be a mailbox itself. */
static Mailbox *
level_below(Mailbox *parent, const char *component)
{
	g_autofree char *file_name = is_inbox(parent, component)
	                                     ? g_strdup("INBOX")
	                                     : parent->account->rules->mailbox(component);
	Mailbox *level = mailbox_child(parent, file_name);

	if (!level)
		level = mailbox_new(parent->account, parent, 0, g_steal_pointer(&file_name));
	return level;
}

static Mailbox *
leaf_below(Mailbox *parent, const char *component, const RemoteMailbox *remote)
{
	Account *account = parent->account;
	Mailbox *leaf = child_by_name(parent, remote->name);
	char *file_name;

	if (!leaf && is_inbox(parent, component)) {
		leaf = mailbox_child(parent, "INBOX");
		if (!leaf)
			return mailbox_new(account, parent, remote->uidvalidity, g_strdup("INBOX"));
	}
	if (leaf)
		return leaf;
	file_name = unused_file_name(parent, component, remote->name);
	leaf = mailbox_child(parent, file_name);
	if (!leaf)
		return mailbox_new(account, parent, remote->uidvalidity, file_name);
	g_free(file_name);
	return leaf; /* so far only a level */
}

/* What the index has to be told of, should it be news. */
static void
leaf_note(Mailbox *leaf, const RemoteMailbox *remote)
{
	guint32 position = leaf->account->n_positions++;

	leaf->unsaved |= leaf->position != position || leaf->delimiter != remote->delimiter ||
	                 leaf->selectable != remote->selectable ||
	                 (remote->uidvalidity && leaf->uidvalidity != remote->uidvalidity) ||
	                 g_strcmp0(leaf->path, remote->path) != 0;
	leaf->position = position;
	leaf->delimiter = remote->delimiter;
	g_free(leaf->path);
	leaf->path = g_strdup(remote->path);
	leaf->announced = (IndexState){
		.exists = remote->messages,
		.uidnext = remote->uidnext,
		.highestmodseq = remote->highestmodseq,
	};
}

static void
leaf_update(Mailbox *leaf, const RemoteMailbox *remote)
{
	if (!remote->selectable)
		mailbox_become_level(leaf);
	if (!leaf->name)
		mailbox_set_name(leaf, remote->name);
	leaf_note(leaf, remote);
	leaf->selectable = remote->selectable;
	leaf->list_generation = leaf->account->list_generation;
	if (!remote->uidvalidity || leaf->uidvalidity == remote->uidvalidity)
		return;
	if (leaf->uidvalidity) {
		mailbox_become_another(leaf, remote->uidvalidity);
		mailbox_abandon_sync(leaf);
	}
	leaf->uidvalidity = remote->uidvalidity;
}

Mailbox *
account_take_mailbox(Account *account, const RemoteMailbox *remote, guint32 wanted_id)
{
	const char delimiter[] = {remote->delimiter, '\0'};
	g_auto(GStrv) components = NULL;
	Mailbox *level = account->top;
	Mailbox *leaf;
	char **component;

	if (remote->delimiter) {
		components = g_strsplit(remote->path, delimiter, -1);
	} else {
		components = g_new0(char *, 2);
		components[0] = g_strdup(remote->path);
	}
	/* "Archive/" with nothing behind the delimiter is Archive. */
	for (component = components;
	     component[0] && component[1] && (*component[1] || component[2]); component++)
		level = level_below(level, *component);
	account->wanted_id = wanted_id;
	leaf = leaf_below(level, *component ? *component : "", remote);
	account->wanted_id = 0;
	leaf_update(leaf, remote);
	return leaf;
}

static void
on_mailbox(const RemoteMailbox *remote, gpointer data)
{
	account_take_mailbox(data, remote, 0);
}

static void
keep_tree(const Mailbox *mailbox)
{
	for (guint i = 0; i < mailbox->children->len; i++) {
		keep_mailbox(mailbox->children->pdata[i]);
		keep_tree(mailbox->children->pdata[i]);
	}
}

static gboolean
is_swept(const Mailbox *mailbox)
{
	return mailbox->list_generation != mailbox->account->list_generation;
}

static void
sweep(Mailbox *mailbox)
{
	for (guint i = mailbox->children->len; i-- > 0;) {
		Mailbox *child = mailbox->children->pdata[i];

		sweep(child);
		if (is_swept(child) && !child->children->len)
			mailbox_remove(child);
		else if (is_swept(child))
			mailbox_become_level(child);
	}
}

/* Nobody's account becomes empty: that is a server's bad moment, for which nothing that is kept is
 * to be deleted. */
static GError *
judge_listing(const Account *account, const GError *error)
{
	if (error || account->n_positions || !account->storage ||
	    !g_hash_table_size(account->mailboxes))
		return error ? g_error_copy(error) : NULL;
	return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "the server lists no mailboxes");
}

/* What an earlier mount has left stands in for a line that is down, and for nothing else. */
static gboolean
is_worth_telling(const Account *account, const GError *error)
{
	return !account->listed || (!account->listed_at_us && error->code != IMAPFS_ERROR_OFFLINE &&
	                            error->code != IMAPFS_ERROR_TIMED_OUT);
}

static void
on_listed(const GError *reported, gpointer data)
{
	Account *account = data;
	g_autoptr(GError) error = judge_listing(account, reported);

	if (error)
		g_info("listing the account: %s", error->message);
	if (!error) {
		sweep(account->top);
		keep_tree(account->top);
		account->listed = TRUE;
		account->n_listed++;
		account->listed_at_us = g_get_monotonic_time();
		account->listing_took_us = account->listed_at_us - account->listing_began_us;
	}
	account->n_listings_done = account->n_listings_begun;
	if (account->n_listings_wanted > account->n_listings_begun)
		listing_begin(account);
	wait_queue_wake(&account->listing,
	                error && is_worth_telling(account, error) ? error : NULL);
}

static const RemoteListHandler list_handler = {.mailbox = on_mailbox, .done = on_listed};

static void
listing_begin(Account *account)
{
	account->n_listings_begun++;
	account->list_generation++;
	account->n_positions = 0;
	account->listing_began_us = g_get_monotonic_time();
	account->remote->operations->list(account->remote, !account->n_listed, &list_handler,
	                                  account);
}

/* Mounting lists the account: who mounts and then looks into it need not wait for that twice. */
gboolean
account_is_fresh(const Account *account)
{
	return account->n_listed == 1 && g_get_monotonic_time() - account->listed_at_us < FRESH_US;
}

/* One that is under way may have passed what the caller wants to see: then another follows it. */
guint64
account_refresh(Account *account, gboolean lazy)
{
	gboolean busy = account->n_listings_begun > account->n_listings_done;

	if (lazy && (account_is_fresh(account) ||
	             (account->listed_at_us && g_get_monotonic_time() - account->listed_at_us <
	                                               account->listing_took_us * LAZY_TIMES)))
		return account->n_listings_done;
	if (lazy && busy)
		return account->n_listings_begun;
	account->n_listings_wanted = account->n_listings_begun + 1;
	if (!busy)
		listing_begin(account);
	return account->n_listings_wanted;
}

CacheResult
account_refreshed(Account *account, guint64 ticket, Waiter *waiter, GError **error)
{
	(void)error; /* the waiter hears it */
	if (account->n_listings_done >= ticket)
		return CACHE_READY;
	waiter_park(waiter, &account->listing);
	return CACHE_PARKED;
}
