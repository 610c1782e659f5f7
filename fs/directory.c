/*
 * OPENDIR and READDIR.
 *
 * Opening a mailbox brings its list of messages, and the account's list of mailboxes, up to date:
 * both are asked for at once, in one round trip. If nothing changed since the kernel last listed
 * the directory, its own copy is used and no READDIR comes.
 *
 * A READDIR cookie tells what was last shown, not how much: mailboxes by their id, then messages by
 * their UID. So entries that come or go meanwhile shift nothing, and seekdir is exact:
 *
 *     1 "."   2 ".."   id + 2 a child mailbox   2^32 + UID a message   2^62 + n without a UID yet
 *
 * While a first listing streams in, READDIR answers with what has come, and waits only when it has
 * nothing to show.
 */
#include <errno.h>

#include "attributes.h"
#include "control.h"
#include "node.h"
#include "operations.h"

#define COOKIE_DOTS     2
#define COOKIE_MESSAGES (1LL << 32)
#define COOKIE_DRAFTS   (1LL << 62)

/* Whether the kernel's copy of the listing is that of this version; from now on it is. */
static gboolean
listing_is_current(FileSystem *fs, const Mailbox *mailbox)
{
	gpointer key = GUINT_TO_POINTER(mailbox_id(mailbox));
	gpointer version = GSIZE_TO_POINTER(mailbox_version(mailbox) + 1);
	gboolean current = g_hash_table_lookup(fs->listed, key) == version;

	g_hash_table_insert(fs->listed, key, version);
	return current;
}

static void
opendir_begin(Request *request, Mailbox *mailbox)
{
	FileSystem *fs = request->fs;

	request->begun = TRUE;
	request->list_ticket = account_refresh(fs->account, request->node != FUSE_ROOT_ID);
	request->sync_ticket = mailbox_refresh(mailbox);
}

void
run_opendir(Request *request)
{
	FileSystem *fs = request->fs;
	Mailbox *mailbox;
	GError *error = NULL;

	if (request->node == NODE_CONTROL) {
		request_reply_open(request);
		return;
	}
	mailbox = node_mailbox(fs, request->node);
	if (!mailbox) {
		request_reply_errno(request, ESTALE);
		return;
	}
	if (!request->begun)
		opendir_begin(request, mailbox);
	if (!request_go_on(
		    request,
		    account_refreshed(fs->account, request->list_ticket, &request->waiter, &error),
		    &error) ||
	    !request_go_on(
		    request,
		    mailbox_refreshed(mailbox, request->sync_ticket, &request->waiter, &error),
		    &error))
		return;
	request->fi.cache_readdir = 1;
	request->fi.keep_cache = listing_is_current(fs, mailbox);
	request_reply_open(request);
}

/* A listing being put together. */
typedef struct {
	Request *request;
	char *bytes;
	size_t used;
} Listing;

/* FALSE when it does not fit any more. */
static gboolean
listing_add(Listing *listing, const char *name, const struct fuse_entry_param *entry, off_t cookie)
{
	const Request *request = listing->request;
	size_t room = request->size - listing->used;
	char *place = listing->bytes + listing->used;
	size_t needed =
		request->plus
			? fuse_add_direntry_plus(request->req, place, room, name, entry, cookie)
			: fuse_add_direntry(request->req, place, room, name, &entry->attr, cookie);

	if (needed > room)
		return FALSE;
	listing->used += needed;
	return TRUE;
}

/* "." and "..": without a node, for they are not looked up by being listed. */
static gboolean
listing_add_dots(Listing *listing, const Mailbox *mailbox)
{
	FileSystem *fs = listing->request->fs;
	const Mailbox *parent = mailbox_parent(mailbox);
	struct fuse_entry_param entry = {0};
	off_t offset = listing->request->offset;

	attributes_of_mailbox(fs, mailbox, &entry.attr);
	if (offset < 1 && !listing_add(listing, ".", &entry, 1))
		return FALSE;
	attributes_of_mailbox(fs, parent && entry.attr.st_ino != FUSE_ROOT_ID ? parent : mailbox,
	                      &entry.attr);
	return offset >= COOKIE_DOTS || listing_add(listing, "..", &entry, COOKIE_DOTS);
}

static gboolean
listing_add_children(Listing *listing, const Mailbox *mailbox)
{
	off_t offset = listing->request->offset;
	guint32 after = offset > COOKIE_DOTS ? (guint32)(offset - COOKIE_DOTS) : 0;
	struct fuse_entry_param entry;
	const Mailbox *child;

	if (offset >= COOKIE_MESSAGES)
		return TRUE;
	while ((child = mailbox_next_child(mailbox, after))) {
		after = mailbox_id(child);
		entry_of_mailbox(listing->request->fs, child, &entry);
		if (!listing_add(listing, mailbox_file_name(child), &entry,
		                 (off_t)after + COOKIE_DOTS))
			return FALSE;
	}
	return TRUE;
}

/* What comes after the messages that fit; CACHE_READY means that there is nothing to wait for. */
static CacheResult
listing_add_messages(Listing *listing, Mailbox *mailbox, gboolean *all, GError **error)
{
	Request *request = listing->request;
	guint32 after = request->offset > COOKIE_MESSAGES
	                        ? (guint32)(request->offset - COOKIE_MESSAGES)
	                        : 0;
	struct fuse_entry_param entry;
	const Message *message;
	CacheResult result;

	while ((result = mailbox_next_message(mailbox, after, &message, &request->waiter, error)) ==
	               CACHE_READY &&
	       message) {
		after = message->uid;
		entry_of_message(request->fs, mailbox, message, &entry);
		if (!listing_add(listing, message->name, &entry, COOKIE_MESSAGES + after))
			return CACHE_READY;
	}
	*all = result == CACHE_READY;
	return result;
}

static void
listing_add_drafts(Listing *listing, Mailbox *mailbox)
{
	const Request *request = listing->request;
	guint64 cookie =
		request->offset >= COOKIE_DRAFTS ? (guint64)(request->offset - COOKIE_DRAFTS) : 0;
	struct fuse_entry_param entry;
	const Message *message;

	while ((message = mailbox_next_draft(mailbox, cookie, &cookie))) {
		entry_of_message(request->fs, mailbox, message, &entry);
		if (!listing_add(listing, message->name, &entry, COOKIE_DRAFTS + (off_t)cookie))
			return;
	}
}

/* Messages, and after the last of them those that have no UID yet. */
static CacheResult
listing_add_files(Listing *listing, Mailbox *mailbox, GError **error)
{
	gboolean all = listing->request->offset >= COOKIE_DRAFTS;
	CacheResult result = CACHE_READY;

	if (!all)
		result = listing_add_messages(listing, mailbox, &all, error);
	if (all)
		listing_add_drafts(listing, mailbox);
	return result;
}

void
run_readdir(Request *request)
{
	g_autofree char *bytes = NULL;
	Listing listing = {.request = request};
	CacheResult result = CACHE_READY;
	GError *error = NULL;
	Mailbox *mailbox;

	if (request->node == NODE_CONTROL) {
		control_readdir(request);
		return;
	}
	mailbox = node_mailbox(request->fs, request->node);
	if (!mailbox) {
		request_reply_errno(request, ESTALE);
		return;
	}
	listing.bytes = bytes = g_malloc(request->size);
	if (listing_add_dots(&listing, mailbox) && listing_add_children(&listing, mailbox))
		result = listing_add_files(&listing, mailbox, &error);
	if (listing.used) { /* show what there is; the next call waits, or hears the error */
		waiter_cancel(&request->waiter);
		g_clear_error(&error);
		result = CACHE_READY;
	}
	if (request_go_on(request, result, &error))
		request_reply_buffer(request, bytes, listing.used);
}
