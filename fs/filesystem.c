/*
 * The file system as a whole, and its side of the account: how names are made, and what the kernel
 * must hear.
 */
#include "filesystem.h"

#include "mailbox-name.h"
#include "message-name.h"
#include "node.h"

#define SHRUNK_MS 500

FileSystem *
filesystem_new(const Options *options)
{
	FileSystem *fs = g_new0(FileSystem, 1);

	fs->options = options;
	fs->mounted_at = g_get_real_time() / G_USEC_PER_SEC;
	g_queue_init(&fs->parked);
	fs->released = g_ptr_array_new();
	wait_queue_init(&fs->behind);
	fs->listed = g_hash_table_new(NULL, NULL);
	fs->shrunk = g_array_new(FALSE, FALSE, sizeof(guint64));
	fs->snapshots = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
	                                      (GDestroyNotify)g_bytes_unref);
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
	g_array_unref(fs->shrunk);
	g_hash_table_unref(fs->snapshots);
	g_free(fs);
}

/* Until the mount stands there is no kernel to tell, and it knows nothing yet. */
static void
on_entry_gone(guint64 parent, guint64 id, const char *name, gpointer data)
{
	FileSystem *fs = data;
	const Mailbox *root = account_root(fs->account);
	gboolean at_root = parent == 0 || (root && parent == message_id(mailbox_id(root), 0));

	if (fs->notifier)
		notifier_entry_gone(fs->notifier, at_root ? FUSE_ROOT_ID : parent, id, name);
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

const AccountEvents filesystem_events = {
	.entry_gone = on_entry_gone,
	.size_changed = on_size_changed,
};

static char *
name_by_header(const RemoteMessage *message)
{
	return message_name_from_header(message->header ? message->header : "",
	                                message->header_length, message->internaldate);
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
	};
	static const NameRules by_uid = {
		.message = name_by_uid,
		.message_again = message_name_with_uid,
		.mailbox = mailbox_name_escape,
	};

	return options->names_uid ? &by_uid : &by_header;
}
