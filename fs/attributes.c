/*
 * From mailboxes and messages to struct stat.
 */
#include "attributes.h"

#include <string.h>

#include "imapfs/attributes.h"
#include "node.h"

#define BLOCK_SIZE REMOTE_BLOCK_SIZE /* st_blksize: what one read should ask for */

static void
attributes_init(const FileSystem *fs, fuse_ino_t node, mode_t type, mode_t permissions, gint64 time,
                struct stat *attr)
{
	const Options *options = fs->options;

	memset(attr, 0, sizeof(*attr));
	if (options->read_only)
		permissions &= ~0222U;
	attr->st_ino = node;
	attr->st_mode = type | (permissions & ~options->umask);
	attr->st_uid = options->uid;
	attr->st_gid = options->gid;
	attr->st_nlink = 1;
	attr->st_blksize = BLOCK_SIZE;
	attr->st_mtim.tv_sec = attr->st_ctim.tv_sec = attr->st_atim.tv_sec = time;
}

static void
attributes_set_size(struct stat *attr, guint64 size)
{
	attr->st_size = (off_t)MIN(size, (guint64)G_MAXINT64);
	attr->st_blocks = (blkcnt_t)(attr->st_size / 512 + (attr->st_size % 512 != 0));
}

void
attributes_of_mailbox(const FileSystem *fs, const Mailbox *mailbox, struct stat *attr)
{
	attributes_init(fs, node_of_mailbox(fs, mailbox), S_IFDIR,
	                mailbox_is_writable(mailbox) ? 0700 : 0500, mailbox_changed_at(mailbox),
	                attr);
	attr->st_nlink = 2 + mailbox_n_children(mailbox);
}

void
attributes_of_message(const FileSystem *fs, fuse_ino_t node, const Mailbox *mailbox,
                      const Message *message, struct stat *attr)
{
	gboolean writable = !mailbox || mailbox_has_writable_messages(mailbox);

	attributes_init(fs, node, S_IFREG, writable ? 0600 : 0400, message->internaldate, attr);
	/* Of an empty file the kernel would read nothing, and never find out that it is not empty.
	 */
	attributes_set_size(attr, message->size_exact ? message->size : MAX(message->size, 1));
}

double
attributes_keep_seconds(const Message *message)
{
	return message->uid ? KEEP_SECONDS : 0;
}

void
attributes_of_control(const FileSystem *fs, fuse_ino_t node, gboolean directory, guint64 size,
                      struct stat *attr)
{
	attributes_init(fs, node, directory ? S_IFDIR : S_IFREG, directory ? 0500 : 0400,
	                g_get_real_time() / G_USEC_PER_SEC, attr);
	attr->st_nlink = directory ? 2 : 1;
	attributes_set_size(attr, size);
}

void
entry_of_mailbox(const FileSystem *fs, const Mailbox *mailbox, struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){
		.ino = node_of_mailbox(fs, mailbox),
		.entry_timeout = KEEP_SECONDS,
		.attr_timeout = KEEP_BRIEFLY_SECONDS,
	};
	attributes_of_mailbox(fs, mailbox, &entry->attr);
}

void
entry_of_message(const FileSystem *fs, const Mailbox *mailbox, const Message *message,
                 struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){
		.ino = mailbox_message_id(mailbox, message),
		.entry_timeout = KEEP_SECONDS,
		.attr_timeout = attributes_keep_seconds(message),
	};
	attributes_of_message(fs, entry->ino, mailbox, message, &entry->attr);
}
