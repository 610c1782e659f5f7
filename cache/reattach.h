/*
 * reattach.h: finding the bytes of messages again when their mailbox has become another one.
 *
 * A server may give a mailbox a new UIDVALIDITY, and all its messages other UIDs, without any of
 * them having changed (RFC 3501 section 2.3.1.1). What is kept on disk of the old ones is then
 * given to those new ones that are certainly the same.
 */
#pragma once

#include "account-private.h"

/* The same number for the same message under whatever UID: made of EMAILID (RFC 8474), else of the
 * header fields, if Message-ID is among them. 0: there is none. */
guint64 reattach_key(const RemoteMessage *message);

/* @mailbox was @old_id until now. */
void reattach_begin(Mailbox *mailbox, guint32 old_id);

/* The mailbox has been listed completely. */
void reattach_listed(const Mailbox *mailbox);

/* At the end, when nothing is being loaded any more. */
void reattach_give_up(Account *account);
