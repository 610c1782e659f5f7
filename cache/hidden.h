/*
 * hidden.h: messages that are on the server and not shown (hidden.c).
 */
#pragma once

#include "account-private.h"

/* Who hides a message that may be one that is just being sent; else the number of a change, or the
 * handle of a draft. */
#define HIDDEN_BY_SUSPICION G_MAXUINT64

/* Whether nobody is to be shown @message, and who says so (0: nobody). */
gboolean mailbox_hides(const Mailbox *mailbox, const Message *message);
guint64 mailbox_hidden_by(const Mailbox *mailbox, guint32 uid);

/* Hides message @uid, known or not, for @reason (not 0), which takes the place of any other. */
void mailbox_hide(Mailbox *mailbox, guint32 uid, guint64 reason);

/* Shows it again, if it was hidden for @reason, and tells the layer above. */
void mailbox_unhide(Mailbox *mailbox, guint32 uid, guint64 reason);

/* Hidden message @uid is gone from the server: it will leave the list soon, or now. */
void mailbox_expunged(Mailbox *mailbox, guint32 uid);
void mailbox_forget_expunged(Mailbox *mailbox);

/* Message @uid, which left the list, need not be hidden any more. */
void mailbox_forget_hidden(Mailbox *mailbox, guint32 uid);
