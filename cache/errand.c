/*
 * What is done on the server at once, while somebody waits; and the simplest of them.
 */
#include "errand.h"

#include "answers.h"
#include "changes.h"
#include "details.h"

void
errand_init(Errand *errand, Account *account, void (*free)(Errand *errand))
{
	errand->account = account;
	errand->free = free;
	wait_queue_init(&errand->waiting);
}

static void
errand_free(Errand *errand)
{
	g_clear_error(&errand->error);
	errand->free(errand);
}

/* Who waits may release it. */
void
errand_end(Errand *errand, GError *error)
{
	errand->error = error;
	errand->ended = errand->waking = TRUE;
	wait_queue_wake(&errand->waiting, NULL);
	errand->waking = FALSE;
	if (errand->released)
		errand_free(errand);
}

CacheResult
errand_done(Errand *errand, Waiter *waiter, GError **error)
{
	if (!errand->ended) {
		waiter_park(waiter, &errand->waiting);
		return CACHE_PARKED;
	}
	if (!errand->error)
		return CACHE_READY;
	g_propagate_error(error, g_error_copy(errand->error));
	return CACHE_FAILED;
}

void
errand_release(Errand *errand)
{
	errand->released = TRUE;
	if (errand->ended && !errand->waking)
		errand_free(errand);
}

gboolean
errand_allowed(const Account *account, RemoteCapabilities capability, gboolean implemented,
               GError **error)
{
	if (!changes_allowed(account, error))
		return FALSE;
	if (implemented &&
	    (account_offers(account, capability) || !account_offers(account, REMOTE_KNOWN)))
		return TRUE;
	g_set_error_literal(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
	                    "the server cannot do this");
	return FALSE;
}

CacheResult
errand_await_mailbox(const Mailbox *mailbox, Waiter *waiter, GError **error)
{
	CacheResult result = mailbox_await_changes(mailbox, waiter, error);

	if (result != CACHE_READY || mailbox->name)
		return result;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED, "%s is no mailbox",
	            mailbox->file_name);
	return CACHE_FAILED;
}

/* --- SUBSCRIBE and SETMETADATA: one command --- */

typedef struct {
	Errand errand;
	guint32 mailbox_id;
	gboolean is_subscription, subscribed;
} Command;

static void
command_free(Errand *errand)
{
	g_free(errand);
}

static void
on_done(const GError *error, gpointer data)
{
	Command *command = data;
	Mailbox *mailbox = account_mailbox(command->errand.account, command->mailbox_id);

	if (!mailbox)
		mailbox = command->errand.account->top;
	if (command->is_subscription && !error && mailbox->parent) {
		mailbox->subscription_told = TRUE;
		mailbox->subscribed = command->subscribed;
	}
	if (!command->is_subscription) {
		answers_forget(mailbox, ANSWER_METADATA);
		answers_forget(mailbox, ANSWER_METADATA_NAMES);
	}
	errand_end(&command->errand, error ? g_error_copy(error) : NULL);
}

static const RemoteDoneHandler done_handler = {.done = on_done};

static Command *
command_new(const Mailbox *mailbox)
{
	Command *command = g_new0(Command, 1);

	errand_init(&command->errand, mailbox->account, command_free);
	command->mailbox_id = mailbox->id;
	return command;
}

CacheResult
mailbox_subscribe(Mailbox *mailbox, gboolean subscribed, Errand **errand, Waiter *waiter,
                  GError **error)
{
	Remote *remote = mailbox->account->remote;
	CacheResult result = errand_await_mailbox(mailbox, waiter, error);
	Command *command;

	if (result != CACHE_READY)
		return result;
	if (!errand_allowed(mailbox->account, REMOTE_KNOWN, TRUE, error))
		return CACHE_FAILED;
	command = command_new(mailbox);
	command->is_subscription = TRUE;
	command->subscribed = subscribed;
	*errand = &command->errand;
	remote->operations->subscribe(remote, mailbox->name, subscribed, &done_handler, command);
	return CACHE_READY;
}

CacheResult
mailbox_set_metadata(Mailbox *mailbox, const char *entry, GBytes *value, Errand **errand,
                     Waiter *waiter, GError **error)
{
	Remote *remote = mailbox->account->remote;
	const char *name = mailbox->parent ? mailbox->name : "";
	CacheResult result =
		mailbox->parent ? errand_await_mailbox(mailbox, waiter, error) : CACHE_READY;
	Command *command;

	if (result != CACHE_READY)
		return result;
	if (!errand_allowed(mailbox->account, REMOTE_METADATA,
	                    remote->operations->set_metadata != NULL, error))
		return CACHE_FAILED;
	command = command_new(mailbox);
	*errand = &command->errand;
	remote->operations->set_metadata(remote, name, entry, value, &done_handler, command);
	return CACHE_READY;
}
