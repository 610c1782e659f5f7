/*
 * What becomes of drafts: a message, by APPEND or, of a copy, by UID COPY.
 *
 * The disk worker makes of what was written a message as it goes over the line, in a staged file of
 * its own; then that is written down. From there on the draft is a version of what is on its way.
 */
#include "draft.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "changes.h"
#include "hidden.h"
#include "promise.h"

/* --- preparing --- */

typedef struct {
	DiskJob job;
	Overlay *overlay;
	guint64 handle;
	guint n_writes;
	int in_fd, out_fd;
	char *staged;
	MessageText text;
	GError *error;
} Preparation;

static void
preparation_run(DiskJob *job)
{
	Preparation *preparation = (Preparation *)job;

	message_text_copy(preparation->in_fd, preparation->out_fd, &preparation->text,
	                  &preparation->error);
}

static void
preparation_free(Preparation *preparation)
{
	close(preparation->in_fd);
	close(preparation->out_fd);
	if (preparation->staged)
		journal_unstage(preparation->overlay->journal, preparation->staged);
	g_free(preparation->staged);
	g_clear_error(&preparation->error);
	g_free(preparation);
}

/* The draft may have been closed, and what was written to it since is not in this. */
static void
preparation_done(DiskJob *job)
{
	Preparation *preparation = (Preparation *)job;
	Draft *draft = draft_of_handle(preparation->overlay, preparation->handle);

	if (draft && draft->n_writes == preparation->n_writes) {
		if (preparation->error)
			draft->unfit = g_steal_pointer(&preparation->error);
		else
			draft->prepared = g_steal_pointer(&preparation->staged);
		draft->text = preparation->text;
	}
	preparation_free(preparation);
	if (draft) {
		draft->preparing = FALSE;
		wait_queue_wake(&draft->waiting, NULL);
	}
}

static gboolean
begin_preparation(Draft *draft, GError **error)
{
	Overlay *overlay = draft->overlay;
	char *staged;
	int out_fd = journal_stage(overlay->journal, &staged, error);
	Preparation *preparation;

	if (out_fd < 0)
		return FALSE;
	preparation = g_new0(Preparation, 1);
	preparation->job.run = preparation_run;
	preparation->job.done = preparation_done;
	preparation->overlay = overlay;
	preparation->handle = draft->handle;
	preparation->n_writes = draft->n_writes;
	preparation->in_fd = fcntl(draft->fd, F_DUPFD_CLOEXEC, 0);
	preparation->out_fd = out_fd;
	preparation->staged = staged;
	draft->preparing = TRUE;
	disk_push_urgent(overlay->disk, &preparation->job);
	return TRUE;
}

/* The source must still be a message on the server; else its bytes are what is sent. */
static gboolean
can_copy(Draft *draft)
{
	Account *account = draft->overlay->account;
	const Mailbox *from;

	draft->source = overlay_resolve(draft->overlay, draft->source);
	from = account_mailbox(account, (guint32)(draft->source >> 32));
	return from && from->name && mailbox_find_message(from, (guint32)draft->source) &&
	       !promise_of_arrival(draft->overlay, draft->source);
}

CacheResult
draft_prepare(Draft *draft, Waiter *waiter, GError **error)
{
	CacheResult result;

	if (draft->prepared || (draft->copied && can_copy(draft)))
		return CACHE_READY;
	draft->copied = FALSE;
	result = draft_load(draft, waiter, error);
	if (result != CACHE_READY)
		return result;
	if (draft->unfit) { /* told once; who tries again may have changed it */
		g_propagate_error(error, g_steal_pointer(&draft->unfit));
		return CACHE_FAILED;
	}
	if (!draft->preparing && !begin_preparation(draft, error))
		return CACHE_FAILED;
	waiter_park(waiter, &draft->waiting);
	return CACHE_PARKED;
}

/* --- sending --- */

gboolean
draft_is_due(const Draft *draft, const char *name)
{
	return draft->changed && draft->shown && !draft_name_is_scratch(name);
}

/* An arrival that has not been sent yet need not be: this takes its place. */
CacheResult
draft_await_original(Draft *draft, Waiter *waiter, GError **error)
{
	const Promise *promise = promise_of_arrival(draft->overlay, draft->id);

	if (!promise || overlay_open_entry(draft->overlay, promise->id))
		return CACHE_READY;
	return overlay_await_entry(draft->overlay, promise->id, waiter, error);
}

static JournalEntry *
make_append(Draft *draft)
{
	const Message *message = &draft->local.message;
	JournalEntry *entry = journal_entry_new(JOURNAL_APPEND);
	GRefString *flags = account_flags(draft->overlay->account, draft->id);

	entry->staged = g_steal_pointer(&draft->prepared);
	entry->size = draft->text.size;
	entry->content_key = draft->text.content_key;
	entry->internaldate = message->internaldate;
	entry->flags = flags && *flags ? g_strdup(flags) : NULL;
	if (flags)
		g_ref_string_release(flags);
	return entry;
}

static JournalEntry *
make_copy(const Draft *draft)
{
	const Message *message = &draft->local.message;
	const Mailbox *from =
		account_mailbox(draft->overlay->account, (guint32)(draft->source >> 32));
	JournalEntry *entry = journal_entry_new(JOURNAL_COPY);

	entry->mailbox = g_strdup(overlay_name(from));
	entry->uidvalidity = from->uidvalidity;
	entry->uid = (guint32)draft->source;
	entry->size = message->size;
	entry->content_key = message->content_key;
	entry->internaldate = message->internaldate;
	return entry;
}

/* What it was a version of: a message there, or an arrival that has not been sent, whose own
 * replacement this has to make. */
static guint32
take_over(Draft *draft, const Mailbox *to)
{
	Overlay *overlay = draft->overlay;
	Promise *promise = promise_of_arrival(overlay, draft->id);
	guint32 mailbox_id = (guint32)(draft->id >> 32), uid = (guint32)draft->id;

	if (promise)
		return changes_withdraw(promise, to);
	if (draft->made || message_is_draft(draft->id))
		return 0;
	if (mailbox_id == to->id)
		return uid;
	changes_add_removal(overlay, account_mailbox(overlay->account, mailbox_id), uid);
	return 0;
}

/* Whichever the new message does not replace is removed by itself. */
Change
draft_send(Draft *draft, Mailbox *to, const char *name, guint32 replaces)
{
	Overlay *overlay = draft->overlay;
	gboolean other_bytes = !draft->copied && draft->text.size != draft->local.message.size;
	JournalEntry *entry = draft->copied ? make_copy(draft) : make_append(draft);
	guint32 original;
	Change change;

	draft_unshow(draft, FALSE);
	journal_hold(overlay->journal);
	original = take_over(draft, to);
	if (original && replaces)
		changes_add_removal(overlay, to, original);
	entry->to = g_strdup(overlay_name(to));
	entry->name = g_strdup(name);
	entry->replaces = replaces ? replaces : original;
	entry->to_uidvalidity = entry->replaces ? to->uidvalidity : 0;
	change = changes_add(overlay, entry, draft->id, &draft->local.message);
	if (overlay->account->writeback) /* in one transaction: it is one sync less */
		overlay_settle(overlay);
	journal_release(overlay->journal);
	draft->made = draft->changed = FALSE;
	if (other_bytes)
		overlay->account->events->content_changed(draft->id, overlay->account->data);
	return change;
}

CacheResult
draft_deliver(Account *account, guint64 handle, Change *change, Waiter *waiter, GError **error)
{
	Draft *draft = account->overlay ? draft_of_handle(account->overlay, handle) : NULL;
	Mailbox *mailbox = draft ? account_mailbox(account, draft->local.mailbox_id) : NULL;
	g_autofree char *name = NULL;
	GError *failure = NULL;
	CacheResult result;

	*change = 0;
	if (!draft || draft->unlinked || !draft_is_due(draft, draft->local.message.name))
		return CACHE_READY;
	if (!mailbox) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE,
		            "%s cannot be written: its mailbox, or the message, is gone",
		            draft->local.message.name);
		return CACHE_FAILED;
	}
	result = draft_prepare(draft, waiter, &failure);
	if (result == CACHE_READY)
		result = draft_await_original(draft, waiter, &failure);
	if (result != CACHE_PARKED)
		draft->held = g_error_matches(failure, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE);
	if (failure) {
		draft_note_failure(draft, mailbox, failure);
		g_propagate_error(error, failure);
	}
	if (result != CACHE_READY)
		return result;
	name = g_strdup(draft->local.message.name);
	draft_settle_flags(draft, mailbox, NULL);
	*change = draft_send(draft, mailbox, name, 0);
	draft_drop_if_unused(draft);
	return CACHE_READY;
}
