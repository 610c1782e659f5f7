/*
 * flagged.h: flags that messages are going to have (flagged.c).
 */
#pragma once

#include "account-private.h"
#include "imapfs/change.h"

/* Change @id of the journal gives message @uid, known or not, other flags: as in RemoteStore. */
void mailbox_plan_flags(Mailbox *mailbox, guint32 uid, Change id, char sign, const char *words);

/* The server has carried it out; or it never will be. */
void mailbox_keep_flags(Mailbox *mailbox, guint32 uid, Change id);
void mailbox_drop_flags(Mailbox *mailbox, guint32 uid, Change id);

gboolean mailbox_plans_flags(const Mailbox *mailbox, guint32 uid);

/* A listing has ended. */
void mailbox_flags_listed(Mailbox *mailbox);

/* The flags that @message of @mailbox has once all that is planned is carried out. The caller's. */
GRefString *mailbox_flags(const Mailbox *mailbox, const Message *message);
