/*
 * The file system as a whole, and its side of the account: how names are made, and what the kernel
 * must hear.
 */
#include "filesystem.h"

#include "events.h"
#include "mailbox-name.h"
#include "message-name.h"
#include "news.h"
#include "node.h"

#define SHRUNK_MS 500

FileSystem *
filesystem_new(const Options *options)
{
	FileSystem *fs = g_new0(FileSystem, 1);

	fs->options = options;
	fs->mounted_at = g_get_real_time() / G_USEC_PER_SEC;
	g_queue_init(&fs->parked);
	g_queue_init(&fs->holders);
	fs->news = news_new(fs);
	fs->released = g_ptr_array_new();
	wait_queue_init(&fs->behind);
	fs->listed = g_hash_table_new(NULL, NULL);
	fs->shrunk = g_array_new(FALSE, FALSE, sizeof(guint64));
	fs->renewed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	fs->mapped = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	fs->snapshots = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
	                                      (GDestroyNotify)g_bytes_unref);
	fs->streams =
		g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, events_stream_free);
	return fs;
}

void
filesystem_free(FileSystem *fs)
{
	g_clear_handle_id(&fs->deadline_timer, g_source_remove);
	g_clear_handle_id(&fs->tell_shrunk, g_source_remove);
	g_clear_handle_id(&fs->wake_behind, g_source_remove);
	g_ptr_array_unref(fs->released);
	g_hash_table_unref(fs->listed);
	news_free(fs->news);
	g_array_unref(fs->shrunk);
	g_hash_table_unref(fs->renewed);
	g_hash_table_unref(fs->mapped);
	g_hash_table_unref(fs->snapshots);
	g_hash_table_unref(fs->streams);
	g_free(fs);
}

static fuse_ino_t
directory_node(const FileSystem *fs, guint64 id)
{
	const Mailbox *root = account_root(fs->account);

	return id == 0 || (root && id == message_id(mailbox_id(root), 0)) ? FUSE_ROOT_ID : id;
}

/* Until the mount stands there is no kernel to tell, and perhaps no account yet. */
static void
on_entry_gone(guint64 parent, guint64 id, const char *name, gpointer data)
{
	FileSystem *fs = data;

	if (fs->notifier)
		news_entry_gone(fs->news, directory_node(fs, parent), id, name);
}

static void
on_entry_came(guint64 parent, const char *name, gpointer data)
{
	FileSystem *fs = data;

	if (fs->notifier)
		news_entry_came(fs->news, directory_node(fs, parent), name);
}

/* Whoever opens it from now on gets no old pages (open_message()). Those who have it open keep what
 * they have read: telling the kernel to drop its pages would make it ignore the sizes that it is
 * being told at that moment, and copies would be cut. */
static void
on_content_changed(guint64 message, gpointer data)
{
	FileSystem *fs = data;

	if (!fs->notifier)
		return;
	g_hash_table_add(fs->renewed, g_memdup2(&message, sizeof(message)));
	notifier_attributes_changed(fs->notifier, message);
}

/* A reader that gets less than it asked for shows the kernel by itself where the file ends; but not
 * if the kernel has heard in between that its attributes are void. So of a file that shrank it
 * hears only when nobody has read anything for a while, so that all have been answered. (Files that
 * were opened past its cache are no matter.) */
static gboolean
tell_shrunk(gpointer data)
{
	FileSystem *fs = data;

	fs->tell_shrunk = 0;
	for (guint i = 0; i < fs->shrunk->len; i++)
		notifier_attributes_changed(fs->notifier, g_array_index(fs->shrunk, guint64, i));
	g_array_set_size(fs->shrunk, 0);
	return G_SOURCE_REMOVE;
}

void
filesystem_put_off(FileSystem *fs)
{
	g_clear_handle_id(&fs->tell_shrunk, g_source_remove);
	fs->tell_shrunk = g_timeout_add(SHRUNK_MS, tell_shrunk, fs);
}

static void
on_size_changed(guint64 message, gboolean grew, gpointer data)
{
	FileSystem *fs = data;

	if (!fs->notifier)
		return;
	if (grew) {
		notifier_attributes_changed(fs->notifier, message);
		return;
	}
	g_array_append_val(fs->shrunk, message);
	filesystem_put_off(fs);
}

/* Of a directory that nobody has read yet the kernel has no listing. */
static void
tell_listing(const FileSystem *fs, const Mailbox *directory)
{
	if (directory && g_hash_table_contains(fs->listed, GUINT_TO_POINTER(mailbox_id(directory))))
		news_listing_changed(fs->news, node_of_mailbox(fs, directory));
}

/* The kernel first: who hears of new mail may begin to read the directory again. */
static void
on_changed(AccountChange change, const Mailbox *mailbox, const Message *message, gpointer data)
{
	if (change == ACCOUNT_MESSAGE_NEW || change == ACCOUNT_MESSAGE_GONE)
		tell_listing(data, mailbox);
	else if (change == ACCOUNT_MAILBOX_CREATED || change == ACCOUNT_MAILBOX_GONE)
		tell_listing(data, mailbox_parent(mailbox));
	events_changed(data, change, mailbox, message);
}

static void
on_watching(RemoteWatching watching, gpointer data)
{
	events_watching(data, watching);
}

/* Seldom: somebody has given or taken a right. */
static void
on_access_changed(guint64 id, gpointer data)
{
	FileSystem *fs = data;
	const Mailbox *mailbox = account_mailbox(fs->account, (guint32)(id >> 32));
	guint32 uid = 0;

	if (!fs->notifier || !mailbox)
		return;
	for (const Message *message; (message = mailbox_message_after(mailbox, uid));) {
		uid = message->uid;
		notifier_attributes_changed(fs->notifier, mailbox_message_id(mailbox, message));
	}
}

const AccountEvents filesystem_events = {
	.entry_gone = on_entry_gone,
	.size_changed = on_size_changed,
	.entry_came = on_entry_came,
	.content_changed = on_content_changed,
	.changed = on_changed,
	.watching = on_watching,
	.access_changed = on_access_changed,
};

static char *
name_by_header(const RemoteMessage *message)
{
	return message_name_from_header(message->header ? message->header : "",
	                                message->header_length, message->internaldate,
	                                message->has_size ? message->size : 0);
}

static char *
name_by_uid(const RemoteMessage *message)
{
	return message_name_from_uid(message->uid);
}

const NameRules *
filesystem_name_rules(const Options *options)
{
	static const NameRules by_header = {
		.header_fields = MESSAGE_NAME_FIELDS,
		.message = name_by_header,
		.message_again = message_name_with_uid,
		.mailbox = mailbox_name_escape,
		.component = mailbox_name_unescape,
	};
	static const NameRules by_uid = {
		.message = name_by_uid,
		.message_again = message_name_with_uid,
		.mailbox = mailbox_name_escape,
		.component = mailbox_name_unescape,
	};

	return options->names_uid ? &by_uid : &by_header;
}
