/*
 * What the server knows of a message besides what is listed, and finding it there.
 */
#include "details.h"

#include "answers.h"
#include "fates.h"
#include "flags-words.h"
#include "imapfs/attributes.h"
#include "promise.h"

gboolean
account_offers(const Account *account, RemoteCapabilities capability)
{
	return account->remote->operations->capabilities(account->remote) & capability;
}

gboolean
flags_have(const char *flags, const char *word)
{
	return flags_words_contain(flags, word);
}

/* --- where it is --- */

static CacheResult
await_promise(Overlay *overlay, const Promise *promise, Waiter *waiter, GError **error)
{
	return overlay_await_entry(overlay, promise->id, waiter, error);
}

/* What is below a mailbox that is renamed has its name from there. */
static const Promise *
promise_of_name(const Overlay *overlay, const char *name)
{
	for (guint i = 0; name && i < overlay->fates->len; i++) {
		const Promise *promise = overlay->fates->pdata[i];

		if (name_is_within(name, promise->old_name, promise->delimiter))
			return promise;
	}
	return NULL;
}

CacheResult
mailbox_await_changes(const Mailbox *mailbox, Waiter *waiter, GError **error)
{
	Overlay *overlay = mailbox->account->overlay;
	const Promise *of_name;
	GHashTableIter iter;
	gpointer value;

	if (!overlay || !(mailbox->planned || mailbox->next_name))
		return CACHE_READY;
	of_name = promise_of_name(overlay, mailbox->name);
	if (of_name)
		return await_promise(overlay, of_name, waiter, error);
	g_hash_table_iter_init(&iter, overlay->promises);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Promise *promise = value;

		if (promise->mailbox_id == mailbox->id)
			return await_promise(overlay, promise, waiter, error);
	}
	return CACHE_READY;
}

/* The last change of the message that is still to be carried out, if there is any. */
static const Promise *
pending_change(const Overlay *overlay, const Mailbox *mailbox, guint32 uid)
{
	const Promise *last = NULL;
	GHashTableIter iter;
	gpointer value;

	if (!mailbox->planned_flags && !mailbox->hidden)
		return NULL;
	g_hash_table_iter_init(&iter, overlay->promises);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Promise *promise = value;

		if (promise->from_id == mailbox->id && promise->uid == uid &&
		    (!last || promise->id > last->id))
			last = promise;
	}
	return last;
}

static CacheResult
fail(ImapfsError code, const char *words, GError **error)
{
	g_set_error_literal(error, IMAPFS_ERROR, (gint)code, words);
	return CACHE_FAILED;
}

CacheResult
message_await_server(Account *account, guint64 id, gboolean settled, Mailbox **mailbox,
                     guint32 *uid, Waiter *waiter, GError **error)
{
	Overlay *overlay = account->overlay;
	const Promise *promise;

	id = overlay ? overlay_resolve(overlay, id) : id;
	promise = overlay ? promise_of_arrival(overlay, id) : NULL;
	if (promise)
		return await_promise(overlay, promise, waiter, error);
	if (message_is_draft(id))
		return fail(IMAPFS_ERROR_UNSUPPORTED, "it is no message on the server", error);
	*mailbox = account_mailbox(account, (guint32)(id >> 32));
	*uid = (guint32)id;
	if (!*mailbox || !(*mailbox)->name || !mailbox_find_message(*mailbox, *uid))
		return fail(IMAPFS_ERROR_STALE, "the message is gone", error);
	promise = settled && overlay ? pending_change(overlay, *mailbox, *uid) : NULL;
	if (promise)
		return await_promise(overlay, promise, waiter, error);
	return mailbox_await_changes(*mailbox, waiter, error);
}

guint32
account_uid(Account *account, guint64 id)
{
	const Overlay *overlay = account->overlay;
	const Mailbox *mailbox;

	id = overlay ? overlay_resolve(overlay, id) : id;
	mailbox = account_mailbox(account, (guint32)(id >> 32));
	if (message_is_draft(id) || (overlay && promise_of_arrival(overlay, id)) || !mailbox)
		return 0;
	return mailbox_find_message(mailbox, (guint32)id) ? (guint32)id : 0;
}

/* --- what it is --- */

CacheResult
account_details(Account *account, guint64 id, const RemoteDetails **details, Waiter *waiter,
                GError **error)
{
	Question question = {.kind = ANSWER_DETAILS};
	const Answer *answer;
	Mailbox *mailbox;
	CacheResult result =
		message_await_server(account, id, FALSE, &mailbox, &question.uid, waiter, error);

	if (result != CACHE_READY)
		return result;
	question.mailbox = mailbox;
	result = answer_ask(&question, &answer, waiter, error);
	if (result == CACHE_READY)
		*details = &answer->details;
	return result;
}
