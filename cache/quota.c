/*
 * Quota (RFC 9208): of a mailbox, as the server tells it, and of the account, for statfs.
 *
 * statfs must never wait for a dead line, so it tells what was told last and asks on the side; for
 * the first one the server is asked when the account has been listed. Nor
 * may it make anybody log in: desktops ask every minute, and a password that was refused would be
 * tried as often. So after a failure it asks no more until a listing of the account has gone well.
 */
#include "answers.h"
#include "imapfs/attributes.h"

#define OLD_US (60 * G_USEC_PER_SEC)

CacheResult
mailbox_quota(Mailbox *mailbox, const char **quota, Waiter *waiter, GError **error)
{
	const Question question = {.kind = ANSWER_QUOTA, .mailbox = mailbox};
	const Answer *answer;
	CacheResult result = answer_ask(&question, &answer, waiter, error);

	if (result == CACHE_READY)
		*quota = answer->text->str;
	return result;
}

/* The mailbox that stands for the account: that which is mounted, else INBOX. */
static const Mailbox *
representative(Account *account)
{
	const Mailbox *root = account_root(account);

	if (root && root->name && root->selectable)
		return root;
	return mailbox_child(account->top, "INBOX");
}

/* What is told of others, which may be somebody else's, is not the account's. */
void
quota_answered(const Mailbox *mailbox, guint64 usage, guint64 limit)
{
	Account *account = mailbox->account;

	if (mailbox != representative(account))
		return;
	account->storage_usage = usage;
	account->storage_limit = limit;
}

void
quota_failed(const Mailbox *mailbox)
{
	if (mailbox == representative(mailbox->account))
		mailbox->account->storage_in_vain = TRUE;
}

static gboolean
is_to_be_asked_for(const Account *account)
{
	gint64 age_us = g_get_monotonic_time() - account->storage_asked_at_us;

	return account_offers(account, REMOTE_QUOTA) && !account->storage_in_vain &&
	       (!account->storage_asked_at_us || age_us > OLD_US);
}

static void
ask_for_storage(Account *account)
{
	const Question question = {.kind = ANSWER_QUOTA, .mailbox = representative(account)};

	if (!question.mailbox || !is_to_be_asked_for(account))
		return;
	account->storage_asked_at_us = g_get_monotonic_time();
	answer_ask_ahead(&question);
}

/* So that the first statfs has something to tell. */
void
quota_listed(Account *account)
{
	if (account->n_listed == 1)
		ask_for_storage(account);
}

gboolean
account_storage(Account *account, guint64 *usage, guint64 *limit)
{
	ask_for_storage(account);
	*usage = account->storage_usage;
	*limit = account->storage_limit;
	return *limit != 0;
}
