/*
 * keep.h: what the account tells its index on disk, and has from it.
 *
 * Every function does nothing where nothing is kept on disk. Messages are saved many at a time;
 * keep_state() comes last, so that a state is never on disk without its messages.
 */
#pragma once

#include "account-private.h"

/* Builds the tree that the last mount left. TRUE if there was one. */
gboolean keep_load_tree(Account *account);

/* What LIST told of the mailbox, if that has changed. */
void keep_mailbox(Mailbox *mailbox);

/* The mailbox with @id is no more, nor are its messages and their bytes. */
void keep_no_mailbox(Account *account, guint32 id);

/* A new message; its flags; its true size; its new name; that those in [@first, @last] are gone. */
void keep_message(Mailbox *mailbox, const Message *message);
void keep_flags(Mailbox *mailbox, const Message *message);
void keep_size(Mailbox *mailbox, const Message *message);
void keep_name(Mailbox *mailbox, const Message *message);
void keep_no_messages(Mailbox *mailbox, guint32 first, guint32 last);

/* Sends what has been put together, and then mailbox->synced if it is another than before. */
void keep_flush(Mailbox *mailbox);
void keep_state(Mailbox *mailbox);

/* What may be done in it, as SELECT told last. */
void keep_access(Mailbox *mailbox);

/* Brings the messages that are kept of @mailbox into memory, then calls @loaded; not before this
 * returns. The mailbox may be gone by then. */
void keep_load_messages(Mailbox *mailbox, void (*loaded)(guint32 mailbox_id, gpointer data),
                        gpointer data);
