/*
 * What of the changes may be made, as far as names and rights tell.
 *
 * Rights that are not known yet are waited for before anything is written down; what cannot be
 * known is allowed, and the server says no.
 */
#include "changes.h"

#include <string.h>

#include "rights.h"

/* --- where messages may be put, and taken from --- */

static gboolean
is_good_name(const char *name)
{
	if (!*name || strlen(name) > NAME_MAX || !g_utf8_validate(name, -1, NULL))
		return FALSE;
	for (const char *at = name; *at; at++)
		if (g_ascii_iscntrl(*at))
			return FALSE;
	return TRUE;
}

static gboolean
may_remove(const Mailbox *mailbox, const Place *place, GError **error)
{
	return !place->message || rights_allow(mailbox, RIGHTS_REMOVE, error);
}

static gboolean
check_name(const Mailbox *mailbox, const char *name, GError **error)
{
	if (!mailbox->selectable || !overlay_name(mailbox))
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED, "%s cannot hold messages",
		            *mailbox->file_name ? mailbox->file_name : "the top directory");
	else if (!is_good_name(name))
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		            "a name must be UTF-8 without control characters");
	else
		return TRUE;
	return FALSE;
}

/* What stays here needs no right. */
gboolean
changes_check_target(const Mailbox *mailbox, const char *name, GError **error)
{
	return check_name(mailbox, name, error) &&
	       (draft_name_is_scratch(name) || rights_allow(mailbox, RIGHTS_INSERT, error));
}

/* --- removing --- */

static Mailbox *
find_trash(const Account *account)
{
	GHashTableIter iter;
	gpointer mailbox;

	g_hash_table_iter_init(&iter, account->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &mailbox))
		if (((const Mailbox *)mailbox)->special_use & REMOTE_USE_TRASH)
			return mailbox;
	return NULL;
}

Mailbox *
changes_trash(const Mailbox *mailbox)
{
	const Account *account = mailbox->account;
	Remote *remote = account->remote;
	gboolean labels = remote->operations->capabilities(remote) & REMOTE_GMAIL;
	Mailbox *trash;

	if (account->trash == ACCOUNT_TRASH_NO || (account->trash == ACCOUNT_TRASH_AUTO && !labels))
		return NULL;
	if (mailbox->special_use & (REMOTE_USE_TRASH | REMOTE_USE_JUNK))
		return NULL;
	trash = find_trash(account);
	return trash && trash->selectable && overlay_name(trash) ? trash : NULL;
}

/* Of what is here only, nothing goes to the trash. */
static Mailbox *
trash_of_place(const Mailbox *mailbox, const Place *place)
{
	const Promise *arrival = place->arrival;

	return place->message || (arrival && arrival->kind == JOURNAL_MOVE) ? changes_trash(mailbox)
	                                                                    : NULL;
}

CacheResult
changes_await_removal(Mailbox *mailbox, const Place *place, Waiter *waiter)
{
	Mailbox *const involved[] = {mailbox, trash_of_place(mailbox, place), NULL};

	return rights_await(place->draft ? involved + 2 : involved, waiter);
}

gboolean
changes_check_removal(const Mailbox *mailbox, const Place *place, GError **error)
{
	const Mailbox *trash = trash_of_place(mailbox, place);

	return may_remove(mailbox, place, error) &&
	       (!trash || rights_allow(trash, RIGHTS_INSERT, error));
}

/* --- renaming --- */

/* Another name in the same mailbox is no matter of the server's. */
gboolean
changes_check_renaming(const Renaming *renaming, GError **error)
{
	gboolean stays = renaming->from == renaming->to && !renaming->source.draft;

	if (!(stays ? check_name(renaming->to, renaming->name, error)
	            : changes_check_target(renaming->to, renaming->name, error)))
		return FALSE;
	return (stays || may_remove(renaming->from, &renaming->source, error)) &&
	       may_remove(renaming->to, &renaming->target, error);
}

/* As changes_check_renaming() and changes_rename_mailbox() want to know them. */
CacheResult
changes_await_renaming(const Renaming *renaming, Waiter *waiter)
{
	const Place *source = &renaming->source;
	Mailbox *moved = source->child, *replaced = renaming->target.child;
	Mailbox *const of_mailboxes[] = {moved, renaming->to, replaced, NULL};
	Mailbox *const of_messages[] = {renaming->to, renaming->from, NULL};

	if (moved)
		return rights_await(of_mailboxes, waiter);
	if (source->draft && draft_name_is_scratch(renaming->name))
		return CACHE_READY;
	if (renaming->from == renaming->to && !source->draft && place_is_empty(&renaming->target))
		return CACHE_READY;
	return rights_await(of_messages, waiter);
}
