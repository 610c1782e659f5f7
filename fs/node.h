/*
 * node.h: node ids are arithmetic.
 *
 *     1                       the root
 *     mailbox id << 32        a mailbox
 *     mailbox id << 32 | UID  a message
 *     top bit set             what is no mail: .imapfs, and snapshots of its files
 *
 * So there is no table of inodes, nothing to leak and nothing that FORGET must undo for mail;
 * st_ino is the node id, and the same in every mount.
 */
#pragma once

#include "filesystem.h"

#define NODE_LOCAL    (1ULL << 63)
#define NODE_CONTROL  (NODE_LOCAL | 1)  /* .imapfs */
#define NODE_SNAPSHOT (NODE_LOCAL | 16) /* and all above it */

static inline gboolean
node_is_local(fuse_ino_t node)
{
	return (node & NODE_LOCAL) != 0;
}

static inline gboolean
node_is_message(fuse_ino_t node)
{
	return node != FUSE_ROOT_ID && !node_is_local(node) && (guint32)node != 0;
}

/* The mailbox that a directory's node stands for, NULL if it is gone. */
static inline Mailbox *
node_mailbox(const FileSystem *fs, fuse_ino_t node)
{
	if (node == FUSE_ROOT_ID)
		return account_root(fs->account);
	return (guint32)node ? NULL : account_mailbox(fs->account, (guint32)(node >> 32));
}

static inline const Message *
node_message(const FileSystem *fs, fuse_ino_t node)
{
	Mailbox *mailbox = account_mailbox(fs->account, (guint32)(node >> 32));

	return mailbox ? mailbox_message(mailbox, (guint32)node) : NULL;
}

static inline fuse_ino_t
node_of_mailbox(const FileSystem *fs, const Mailbox *mailbox)
{
	if (mailbox == account_root(fs->account))
		return FUSE_ROOT_ID;
	return message_id(mailbox_id(mailbox), 0);
}
