/*
 * rights.h: what the server lets the user do in a mailbox (RFC 4314, PERMANENTFLAGS, READ-ONLY).
 */
#pragma once

#include "account-private.h"

typedef enum {
	RIGHTS_INSERT, /* put messages there */
	RIGHTS_REMOVE, /* mark them as deleted, and expunge */
	RIGHTS_MAKE,   /* mailboxes below it */
	RIGHTS_DELETE, /* or rename the mailbox itself */
} RightsFor;

/* FALSE, with IMAPFS_ERROR_DENIED or READ_ONLY, where it is known that this cannot be done. */
gboolean rights_allow(const Mailbox *mailbox, RightsFor what, GError **error);

/* Whether @words, flags and keywords with a space between, can be set and taken away:
 * IMAPFS_ERROR_NOT_PERMITTED for one that the server does not keep; else as above. */
gboolean rights_allow_flags(const Mailbox *mailbox, const char *words, GError **error);

/* A listing told the rights, or not (NULL). */
void rights_listed(Mailbox *mailbox, const char *rights);

/* A scan has ended well. */
void rights_scanned(Mailbox *mailbox, const RemoteScanned *scanned);

/* The mailbox is opened: asks for its rights, if nobody has told them for a while. */
void rights_ask(Mailbox *mailbox);

/* CACHE_READY: what is known of the rights to @mailboxes, up to a NULL, is what can be known now.
 * PARKED: the server is asked. Never fails; who is woken asks again. */
CacheResult rights_await(Mailbox *const *mailboxes, Waiter *waiter);

/* They have been changed from here. */
void rights_forget(Mailbox *mailbox);
