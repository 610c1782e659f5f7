/*
 * node.h: node ids are arithmetic.
 *
 *     1                       the root
 *     mailbox id << 32        a mailbox
 *     mailbox id << 32 | UID  a message
 *     top two bits 11         a message that has, or had when it was looked up, no UID yet
 *     top two bits 10         what is no mail: .imapfs, and snapshots of its files
 *
 * So there is no table of inodes, and nothing to leak; st_ino is the node id, and for what is on
 * the server the same in every mount. A message that was moved since the kernel heard of it is
 * found by its old node too, until the kernel forgets that.
 */
#pragma once

#include "filesystem.h"
#include "imapfs/change.h"

#define NODE_LOCAL    (1ULL << 63)
#define NODE_CONTROL  (NODE_LOCAL | 1)  /* .imapfs */
#define NODE_SNAPSHOT (NODE_LOCAL | 16) /* and all above it */

static inline gboolean
node_is_local(fuse_ino_t node)
{
	return (node & DRAFT_BITS) == NODE_LOCAL;
}

static inline gboolean
node_is_message(fuse_ino_t node)
{
	return message_is_draft(node) ||
	       (node != FUSE_ROOT_ID && !node_is_local(node) && (guint32)node != 0);
}

/* The mailbox that a directory's node stands for, NULL if it is gone. */
static inline Mailbox *
node_mailbox(const FileSystem *fs, fuse_ino_t node)
{
	if (node == FUSE_ROOT_ID)
		return account_root(fs->account);
	if (node_is_message(node) || node_is_local(node))
		return NULL;
	return account_mailbox(fs->account, (guint32)(node >> 32));
}

/* The message that an open file is, or else its node: what the cache is to be asked for. */
static inline guint64
node_or_draft(fuse_ino_t node, const struct fuse_file_info *fi)
{
	return fi->fh ? fi->fh : node;
}

static inline fuse_ino_t
node_of_mailbox(const FileSystem *fs, const Mailbox *mailbox)
{
	if (mailbox == account_root(fs->account))
		return FUSE_ROOT_ID;
	return message_id(mailbox_id(mailbox), 0);
}
