/*
 * attributes.h: what stat(2) shows of mailboxes and messages, and how long the kernel may believe
 * it.
 */
#pragma once

#include "filesystem.h"
#include "imapfs/change.h"

/* What is shown changes only by what notifier.c tells, so the kernel may keep it for a day ... */
#define KEEP_SECONDS 86400.0
/* ... but for a directory's own times and links, and for names that do not exist: they may come. */
#define KEEP_BRIEFLY_SECONDS 1.0

void attributes_of_mailbox(const FileSystem *fs, const Mailbox *mailbox, struct stat *attr);

/* @mailbox: where it is shown; NULL: nowhere any more. */
void attributes_of_message(const FileSystem *fs, fuse_ino_t node, const Mailbox *mailbox,
                           const Message *message, struct stat *attr);

/* How long the kernel may believe these: not at all, of what is not on the server yet. */
double attributes_keep_seconds(const Message *message);

/* A control directory or file (.imapfs): read-only, of @size bytes. */
void attributes_of_control(const FileSystem *fs, fuse_ino_t node, gboolean directory, guint64 size,
                           struct stat *attr);

/* The answers to a lookup. */
void entry_of_mailbox(const FileSystem *fs, const Mailbox *mailbox, struct fuse_entry_param *entry);
void entry_of_message(const FileSystem *fs, const Mailbox *mailbox, const Message *message,
                      struct fuse_entry_param *entry);
