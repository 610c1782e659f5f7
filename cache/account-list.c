/*
 * Keeping the tree like the server's: LIST, mark and sweep.
 *
 * Names come as whole paths, parents before children. Each is cut at its own delimiter and made
 * into file names; levels that no mailbox has are made as empty directories. INBOX is spelled in
 * capitals whatever the server says. What a complete listing did not show is removed.
 */
#include "answers.h"
#include "keep.h"
#include "overlay.h"
#include "promise.h"
#include "rights.h"
#include "watch.h"

#define MAX_LEVELS 100
#define LAZY_TIMES 4 /* a listing will do for the lazy for so many times as long as it took */
#define FRESH_US   (2 * G_USEC_PER_SEC) /* the first one for so long at least */

static void listing_begin(Account *account);

static Mailbox *
child_by_name(const Mailbox *parent, const char *name)
{
	Mailbox *mailbox = g_hash_table_lookup(parent->account->by_name, name);

	return mailbox && mailbox->parent == parent ? mailbox : NULL;
}

/* It is to be made here, and somebody else was faster. */
static gboolean
is_same(const Mailbox *planned, const char *name)
{
	return planned->planned && g_strcmp0(overlay_name(planned), name) == 0;
}

/* Two names of the server's may look alike as file names (composed and decomposed letters). The
 * later then takes its id's number along; which is later is the server's order, so it stays. */
static char *
unused_file_name(Mailbox *parent, const char *component, const char *name)
{
	g_autofree char *file_name = parent->account->rules->mailbox(component);
	Mailbox *taken = mailbox_child(parent, file_name);
	g_autofree char *digest = NULL;

	if ((!taken || !taken->name || is_same(taken, name)) &&
	    !g_hash_table_contains(parent->names, file_name))
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

/* It could not be moved back there when its RENAME was refused. */
static void
correct_file_name(Mailbox *leaf, const char *component)
{
	Account *account = leaf->account;
	Mailbox *parent = leaf->parent;
	g_autofree char *file_name = account->rules->mailbox(component);

	if (leaf->relocated || is_inbox(parent, component) ||
	    g_str_equal(leaf->file_name, file_name) || mailbox_name_is_taken(parent, file_name))
		return;
	account->events->entry_gone(message_id(parent->id, 0), message_id(leaf->id, 0),
	                            leaf->file_name, account->data);
	mailbox_relocate(leaf, parent, file_name);
	account->events->entry_came(message_id(parent->id, 0), leaf->file_name, account->data);
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
	if (leaf) {
		correct_file_name(leaf, component);
		return leaf;
	}
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
	leaf->subscription_told = TRUE;
	leaf->subscribed = remote->subscribed;
	rights_listed(leaf, remote->rights);
}

static void
become_level(Mailbox *leaf)
{
	char *next_name = g_steal_pointer(&leaf->next_name); /* it has a name all the same */

	mailbox_become_level(leaf);
	leaf->next_name = next_name;
}

/* Of what has just got its name here, a listing that lags tells what had it before. */
static gboolean
is_of_the_past(const Mailbox *leaf, const RemoteMailbox *remote)
{
	return remote->uidvalidity && leaf->uidvalidity &&
	       remote->uidvalidity != leaf->uidvalidity &&
	       leaf->trusted_at_us > leaf->account->listing_began_us;
}

static void
leaf_identify(Mailbox *leaf, guint32 uidvalidity)
{
	if (!uidvalidity || leaf->uidvalidity == uidvalidity)
		return;
	if (leaf->uidvalidity) {
		mailbox_become_another(leaf, uidvalidity);
		mailbox_abandon_sync(leaf);
	}
	leaf->uidvalidity = uidvalidity;
}

/* Servers without LIST-STATUS tell nothing, any may leave it out for once (RFC 5819 2), and what
 * was kept of a mailbox is told by no server at all. */
static void
leaf_note_figures(Mailbox *leaf, const RemoteMailbox *remote)
{
	if (!remote->uidnext)
		return;
	leaf->figures_told = TRUE;
	leaf->told_messages = remote->messages;
	leaf->told_unseen = remote->unseen;
}

static void
leaf_update(Mailbox *leaf, const RemoteMailbox *remote)
{
	if (is_of_the_past(leaf, remote))
		return;
	if (!remote->selectable)
		become_level(leaf);
	if (!leaf->name)
		mailbox_set_name(leaf, remote->name);
	leaf_note(leaf, remote);
	leaf->selectable = remote->selectable;
	leaf->special_use = remote->special_use;
	leaf->list_generation = leaf->account->list_generation;
	leaf_identify(leaf, remote->uidvalidity);
	leaf_note_figures(leaf, remote);
}

/* The components of its path; one, if there are more than anybody makes. "Archive/" with nothing
 * behind the delimiter is Archive. */
static char **
split_path(const RemoteMailbox *remote)
{
	const char delimiter[] = {remote->delimiter, '\0'};
	char **components = NULL;
	guint n = 0;

	if (remote->delimiter) {
		components = g_strsplit(remote->path, delimiter, -1);
		n = g_strv_length(components);
	}
	if (n == 0 || n > MAX_LEVELS) {
		g_strfreev(components);
		components = g_new0(char *, 2);
		components[0] = g_strdup(remote->path);
	} else if (n > 1 && !*components[n - 1]) {
		g_clear_pointer(&components[n - 1], g_free);
	}
	return components;
}

/* The mailbox with these components, the last below @level. */
static Mailbox *
take_below(Mailbox *level, char **components, const RemoteMailbox *remote, guint32 wanted_id)
{
	Account *account = level->account;
	Mailbox *leaf;

	for (; components[1]; components++)
		level = level_below(level, *components);
	account->wanted_id = wanted_id;
	leaf = leaf_below(level, *components, remote);
	account->wanted_id = 0;
	leaf_update(leaf, remote);
	return leaf;
}

/* The length of @name up to its @n-th @delimiter. */
static gsize
prefix_length(const char *name, char delimiter, guint n)
{
	const char *at = name;

	for (; *at && (*at != delimiter || --n > 0); at++)
		;
	return (gsize)(at - name);
}

static Mailbox *
find_level(const Account *account, const char *name)
{
	Mailbox *level = g_hash_table_lookup(account->by_name, name);

	if (!level && account->overlay)
		level = overlay_find_moved(account->overlay, name);
	return level && !level->planned ? level : NULL;
}

/* The level above @remote that is nearest to it of those that have a name of their own: it may
 * stand in another place than that says. @n: how many of the @n_components that is. */
static Mailbox *
nearest_level(Account *account, const RemoteMailbox *remote, guint n_components, guint *n)
{
	Mailbox *level = NULL;

	for (*n = n_components; !level && *n > 1;) {
		gsize length = prefix_length(remote->name, remote->delimiter, --*n);
		g_autofree char *name = g_strndup(remote->name, length);

		level = find_level(account, name);
	}
	*n = level ? *n : 0;
	return level ? level : account->top;
}

Mailbox *
account_take_mailbox(Account *account, const RemoteMailbox *remote, guint32 wanted_id)
{
	g_auto(GStrv) components = split_path(remote);
	guint n;
	Mailbox *level = nearest_level(account, remote, g_strv_length(components), &n);
	Mailbox *leaf = take_below(level, components + n, remote, wanted_id);

	if (account->overlay && mailbox_is_moved(leaf))
		overlay_plan_name(account->overlay, leaf);
	return leaf;
}

/* --- what is to be changed --- */

/* What is to go from where @moved will be, or was put there by somebody else. */
static gboolean
is_another(const Mailbox *moved, const RemoteMailbox *remote)
{
	return g_strcmp0(moved->name, remote->name) != 0 && moved->uidvalidity &&
	       remote->uidvalidity && moved->uidvalidity != remote->uidvalidity;
}

/* By the name that the server has for it now, or by one that it will have. */
static gboolean
take_moved(Account *account, const RemoteMailbox *remote)
{
	Mailbox *moved = overlay_find_moved(account->overlay, remote->name);

	if (moved && !is_another(moved, remote))
		leaf_update(moved, remote);
	return moved != NULL;
}

/* Whether it is below one that stands in another place. */
static gboolean
is_below_moved(Account *account, const RemoteMailbox *remote)
{
	g_auto(GStrv) components = split_path(remote);
	guint n;

	return mailbox_is_moved(nearest_level(account, remote, g_strv_length(components), &n));
}

/* FALSE: it has been seen to, or is of no account. */
static gboolean
is_to_be_taken(Account *account, const RemoteMailbox *remote)
{
	const Overlay *overlay = account->overlay;

	if (!overlay || !overlay_has_moved(overlay))
		return TRUE;
	if (take_moved(account, remote) || overlay_removes_name(overlay, remote->name))
		return FALSE;
	return is_below_moved(account, remote) || !overlay_ignores_name(overlay, remote->name);
}

static void
on_mailbox(const RemoteMailbox *remote, gpointer data)
{
	if (is_to_be_taken(data, remote))
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

/* @renaming: the server may be in the middle of that, and tell neither the old nor the new name. */
static gboolean
is_swept(const Mailbox *mailbox, gboolean renaming)
{
	return mailbox->list_generation != mailbox->account->list_generation &&
	       mailbox->trusted_at_us <= mailbox->account->listing_began_us &&
	       !(renaming && mailbox->next_name);
}

static void
sweep(Mailbox *mailbox, gboolean renaming)
{
	for (guint i = mailbox->children->len; i-- > 0;) {
		Mailbox *child = mailbox->children->pdata[i];

		sweep(child, renaming);
		if (is_swept(child, renaming) && !child->children->len)
			mailbox_remove(child);
		else if (is_swept(child, renaming))
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
	account->refused = g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED);
	if (!error) {
		sweep(account->top,
		      account->overlay && overlay_is_renaming(account->overlay, NULL));
		keep_tree(account->top);
		account->listed = TRUE;
		account->n_listed++;
		account->listed_at_us = g_get_monotonic_time();
		account->listing_took_us = account->listed_at_us - account->listing_began_us;
		overlay_account_listed(account->overlay);
		watch_listed(account);
	}
	account->storage_in_vain = error != NULL;
	if (!error)
		quota_listed(account);
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
