/*
 * Drafts: making, writing, showing and closing them.
 */
#include "draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "changes.h"
#include "hidden.h"
#include "promise.h"
#include "rights.h"

#define MAX_BYTES   G_MAXUINT32 /* of a message: RFC 3501 numbers */
#define LOAD_BYTES  (8 * REMOTE_BLOCK_SIZE)
#define LOAD_PIECES 16
#define VIM_FIRST   4913 /* its test files: then 5036, ... */
#define VIM_STEP    123

Draft *
draft_of_handle(const Overlay *overlay, guint64 handle)
{
	return g_hash_table_lookup(overlay->drafts, &handle);
}

Draft *
draft_of_file(const Overlay *overlay, guint64 id)
{
	return g_hash_table_lookup(overlay->writers, &id);
}

gboolean
draft_name_is_scratch(const char *name)
{
	static const char *const patterns[] = {
		".*",    "*~",     "#*#",          "*.swp",        "*.swo",     "*.swx",
		"*.tmp", "*.part", "*.crdownload", "*.eml.??????", "sed??????",
	};

	for (guint i = 0; i < G_N_ELEMENTS(patterns); i++)
		if (g_pattern_match_simple(patterns[i], name))
			return TRUE;
	return strlen(name) <= 5 && strspn(name, "0123456789") == strlen(name) &&
	       atoi(name) >= VIM_FIRST && (atoi(name) - VIM_FIRST) % VIM_STEP == 0;
}

/* --- beginning and end --- */

static Draft *
draft_new(Overlay *overlay, guint64 handle, guint64 id, const char *name, const Message *like,
          GError **error)
{
	char *staged;
	int fd = journal_stage(overlay->journal, &staged, error);
	Draft *draft;

	if (fd < 0)
		return NULL;
	draft = g_new0(Draft, 1);
	draft->overlay = overlay;
	draft->handle = handle;
	draft->id = id;
	draft->staged = staged;
	draft->fd = fd;
	draft->n_open = 1;
	wait_queue_init(&draft->waiting);
	local_init(&draft->local, id, name, like);
	draft->local.draft = TRUE;
	draft->local.message.size_exact = TRUE;
	g_hash_table_insert(overlay->drafts, &draft->handle, draft);
	g_hash_table_insert(overlay->writers, &draft->id, draft);
	return draft;
}

static void
drop_prepared(Draft *draft)
{
	if (draft->prepared)
		journal_unstage(draft->overlay->journal, draft->prepared);
	g_clear_pointer(&draft->prepared, g_free);
	g_clear_pointer(&draft->why, g_free);
	g_clear_error(&draft->unfit);
}

/* At the end of a mount, or where its mailbox is gone: nobody has said that it may go, and its
 * bytes are here. */
static gboolean
is_precious(const Draft *draft)
{
	return draft->changed && !draft->unlinked && !draft->source && draft->shown &&
	       draft->local.message.size && draft->overlay->keeps &&
	       !draft_name_is_scratch(draft->local.message.name);
}

static void
draft_free(Draft *draft)
{
	Overlay *overlay = draft->overlay;

	g_hash_table_remove(overlay->drafts, &draft->handle);
	if (draft_of_file(overlay, draft->id) == draft)
		g_hash_table_remove(overlay->writers, &draft->id);
	drop_prepared(draft);
	close(draft->fd);
	if (is_precious(draft))
		g_message("what was written to %s and is on no server is kept: spool/%s",
		          draft->local.message.name, draft->staged);
	else
		journal_unstage(overlay->journal, draft->staged);
	g_free(draft->staged);
	wait_queue_wake(&draft->waiting, NULL);
	local_unshow(&draft->local, overlay->account);
	local_clear(&draft->local);
	g_free(draft);
}

void
drafts_clear(Overlay *overlay)
{
	GHashTableIter iter;
	gpointer draft;

	while (g_hash_table_iter_init(&iter, overlay->drafts),
	       g_hash_table_iter_next(&iter, NULL, &draft))
		draft_free(draft);
}

/* --- showing --- */

/* What it is a version of may have another name or place by now, or none. */
static void
hide_original(Draft *draft, Mailbox **mailbox, char **name)
{
	Account *account = draft->overlay->account;
	Promise *promise = promise_of_arrival(draft->overlay, draft->id);
	const Message *message = account_message(account, draft->id, mailbox);

	*name = message ? g_strdup(message->name) : NULL;
	if (promise)
		local_unshow(&promise->local, account);
	else if (*mailbox)
		mailbox_hide(*mailbox, message->uid, draft->handle);
}

static void
draft_show(Draft *draft)
{
	g_autofree char *name = NULL;
	Mailbox *mailbox = NULL;

	if (draft->shown)
		return;
	hide_original(draft, &mailbox, &name);
	draft->shown = TRUE;
	if (!mailbox)
		return;
	local_rename(&draft->local, draft->overlay->account, name);
	local_show(&draft->local, mailbox);
}

/* An arrival that was shown nowhere while the draft stood in its place. */
static void
show_arrival(Draft *draft, Promise *promise, guint32 mailbox_id)
{
	Mailbox *mailbox = account_mailbox(draft->overlay->account, mailbox_id);

	if (mailbox && !promise->local.mailbox_id &&
	    !mailbox_name_is_taken(mailbox, promise->local.message.name))
		local_show(&promise->local, mailbox);
}

void
draft_unshow(Draft *draft, gboolean back)
{
	Account *account = draft->overlay->account;
	Promise *promise = promise_of_arrival(draft->overlay, draft->id);
	Mailbox *mailbox = account_mailbox(account, (guint32)(draft->id >> 32));
	guint32 shown_in = draft->local.mailbox_id;

	local_unshow(&draft->local, account);
	draft->shown = FALSE;
	if (!back || !shown_in)
		return;
	if (promise)
		show_arrival(draft, promise, shown_in);
	else if (mailbox)
		mailbox_unhide(mailbox, (guint32)draft->id, draft->handle);
	account->events->content_changed(draft->id, account->data);
}

void
draft_drop_if_unused(Draft *draft)
{
	if (draft->n_open || ((draft->made || draft->held) && draft->local.mailbox_id))
		return;
	if (draft->shown && !draft->made && draft->local.mailbox_id)
		draft_unshow(draft, TRUE);
	draft_free(draft);
}

void
draft_unlink(Draft *draft)
{
	draft->unlinked = TRUE;
	local_unshow(&draft->local, draft->overlay->account);
	draft_drop_if_unused(draft);
}

void
draft_follow(Overlay *overlay, guint64 from, guint64 to)
{
	Draft *draft = draft_of_file(overlay, from);
	Mailbox *mailbox = account_mailbox(overlay->account, (guint32)(to >> 32));

	if (!draft)
		return;
	g_hash_table_remove(overlay->writers, &draft->id);
	draft->id = draft->local.id = to;
	g_hash_table_insert(overlay->writers, &draft->id, draft);
	if (draft->shown && mailbox)
		mailbox_hide(mailbox, (guint32)to, draft->handle);
}

/* --- opening and closing --- */

guint64
draft_create(Account *account, Mailbox *mailbox, const char *name, GError **error)
{
	Overlay *overlay = account->overlay;
	Draft *draft;
	guint64 id;

	if (!changes_allowed(account, error) || !changes_check_target(mailbox, name, error))
		return 0;
	if (mailbox_name_is_taken(mailbox, name)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_EXISTS, "%s is there already", name);
		return 0;
	}
	id = overlay_new_id(overlay);
	draft = draft_new(overlay, id, id, name, NULL, error);
	if (!draft)
		return 0;
	draft->made = draft->shown = TRUE;
	local_show(&draft->local, mailbox);
	return id;
}

CacheResult
draft_await_rights(Mailbox *mailbox, const char *name, Waiter *waiter)
{
	Mailbox *const involved[] = {mailbox, NULL};

	return draft_name_is_scratch(name) ? CACHE_READY : rights_await(involved, waiter);
}

static Draft *
find_draft(Account *account, guint64 *id)
{
	Overlay *overlay = account->overlay;
	Draft *draft = draft_of_handle(overlay, *id);

	if (draft)
		return draft;
	*id = overlay_resolve(overlay, *id);
	return draft_of_file(overlay, *id);
}

/* A new version takes the place of the old one. CACHE_READY: it may. */
static CacheResult
await_replacing(Account *account, guint64 id, Waiter *waiter, GError **error)
{
	Mailbox *involved[] = {NULL, NULL};
	CacheResult result;

	account_message(account, id, &involved[0]);
	result = rights_await(involved, waiter);
	if (result != CACHE_READY || !involved[0])
		return result;
	return rights_allow(involved[0], RIGHTS_INSERT, error) &&
	                       rights_allow(involved[0], RIGHTS_REMOVE, error)
	               ? CACHE_READY
	               : CACHE_FAILED;
}

CacheResult
draft_open(Account *account, guint64 id, gboolean truncate, guint64 *handle, Waiter *waiter,
           GError **error)
{
	CacheResult result = CACHE_READY;
	const Message *message;
	Draft *draft;

	if (!changes_allowed(account, error))
		return CACHE_FAILED;
	draft = find_draft(account, &id);
	message = draft ? NULL : account_message(account, id, NULL);
	if (!draft && !message) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the message is gone");
		return CACHE_FAILED;
	}
	if (!draft)
		result = await_replacing(account, id, waiter, error);
	if (result != CACHE_READY)
		return result;
	if (draft) {
		draft->n_open++;
	} else {
		draft = draft_new(account->overlay, overlay_new_id(account->overlay), id,
		                  message->name, message, error);
		if (!draft)
			return CACHE_FAILED;
		draft->source = id;
	}
	*handle = draft->handle;
	return truncate ? draft_resize(account, draft->handle, 0, waiter, error) : CACHE_READY;
}

void
draft_close(Account *account, guint64 handle)
{
	Draft *draft = account->overlay ? draft_of_handle(account->overlay, handle) : NULL;

	if (!draft || !draft->n_open)
		return;
	draft->n_open--;
	draft_drop_if_unused(draft);
}

/* --- writing --- */

static gboolean
fail_errno(GError **error, const char *what)
{
	int code = errno == ENOSPC || errno == EDQUOT ? IMAPFS_ERROR_QUOTA : IMAPFS_ERROR_FAILED;

	g_set_error(error, IMAPFS_ERROR, code, "%s a staged file: %s", what, g_strerror(errno));
	return FALSE;
}

static gboolean
write_all(int fd, const char *bytes, gsize length, guint64 offset, GError **error)
{
	while (length) {
		gssize n = pwrite(fd, bytes, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_errno(error, "writing");
		bytes += n;
		length -= (gsize)n;
		offset += (gsize)n;
	}
	return TRUE;
}

CacheResult
draft_load(Draft *draft, Waiter *waiter, GError **error)
{
	Account *account = draft->overlay->account;
	struct iovec iov[LOAD_PIECES];
	guint n_iov = 0;

	while (draft->source) {
		CacheResult result = account_read(account, draft->source, draft->loaded, LOAD_BYTES,
		                                  iov, LOAD_PIECES, &n_iov, waiter, error);

		if (result != CACHE_READY)
			return result;
		for (guint i = 0; i < n_iov; i++) {
			if (!write_all(draft->fd, iov[i].iov_base, iov[i].iov_len, draft->loaded,
			               error))
				return CACHE_FAILED;
			draft->loaded += iov[i].iov_len;
		}
		if (!n_iov) {
			draft->source = 0;
			draft->local.message.size = draft->loaded;
		}
	}
	return CACHE_READY;
}

static void
draft_touch(Draft *draft, guint64 size)
{
	draft_show(draft);
	drop_prepared(draft);
	draft->n_writes++;
	draft->changed = TRUE;
	draft->copied = draft->time_set = FALSE;
	draft->local.message.size = size;
	draft->local.message.internaldate = g_get_real_time() / G_USEC_PER_SEC;
}

static Draft *
draft_to_change(Account *account, guint64 handle, guint64 size, GError **error)
{
	Draft *draft = account->overlay ? draft_of_handle(account->overlay, handle) : NULL;

	if (!draft)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the file is closed");
	else if (size > MAX_BYTES)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TOO_BIG,
		            "longer than a message can be");
	return size > MAX_BYTES ? NULL : draft;
}

CacheResult
draft_write(Account *account, guint64 handle, gint64 offset, const void *bytes, gsize length,
            Waiter *waiter, GError **error)
{
	Draft *draft = draft_to_change(account, handle, (guint64)MAX(offset, 0) + length, error);
	CacheResult result = draft ? draft_load(draft, waiter, error) : CACHE_FAILED;
	guint64 begin;

	if (result != CACHE_READY)
		return result;
	begin = offset == DRAFT_END ? draft->local.message.size : (guint64)offset;
	if (!write_all(draft->fd, bytes, length, begin, error))
		return CACHE_FAILED;
	draft_touch(draft, MAX(draft->local.message.size, begin + length));
	return CACHE_READY;
}

CacheResult
draft_resize(Account *account, guint64 handle, guint64 size, Waiter *waiter, GError **error)
{
	Draft *draft = draft_to_change(account, handle, size, error);
	CacheResult result;

	if (!draft)
		return CACHE_FAILED;
	if (!size)
		draft->source = draft->loaded = 0;
	result = draft_load(draft, waiter, error);
	if (result != CACHE_READY)
		return result;
	if (size == draft->local.message.size && draft->shown)
		return CACHE_READY;
	if (ftruncate(draft->fd, (off_t)size) < 0) {
		fail_errno(error, "cutting");
		return CACHE_FAILED;
	}
	draft_touch(draft, size);
	return CACHE_READY;
}

static gboolean
may_copy(const Account *account, const Draft *draft, const Message *message, guint64 source)
{
	return message && message->uid && !draft->source && !draft->local.message.size &&
	       draft->made && !promise_of_arrival(account->overlay, source) &&
	       !(account->sizes_lie && !message->size_exact);
}

CacheResult
draft_copy(Account *account, guint64 handle, guint64 source, guint64 *length, Waiter *waiter,
           GError **error)
{
	Draft *draft = draft_to_change(account, handle, 0, error);
	const Message *message;

	(void)waiter;
	if (!draft)
		return CACHE_FAILED;
	source = overlay_resolve(account->overlay, source);
	message = account_message(account, source, NULL);
	if (!may_copy(account, draft, message, source)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		            "only all of a message can be copied on the server");
		return CACHE_FAILED;
	}
	draft_touch(draft, message->size);
	draft->source = source;
	draft->copied = TRUE;
	draft->loaded = 0;
	draft->local.message.internaldate = message->internaldate;
	draft->local.message.content_key = message->content_key;
	g_ref_string_release(draft->local.message.flags);
	draft->local.message.flags = account_flags(account, source);
	draft->flags_set = TRUE;
	*length = message->size;
	return CACHE_READY;
}

void
account_set_time(Account *account, guint64 id, gint64 internaldate)
{
	Draft *draft = account->overlay ? find_draft(account, &id) : NULL;

	if (!draft || !draft->shown || draft->copied)
		return;
	draft->local.message.internaldate = internaldate;
	draft->time_set = TRUE;
}
