/*
 * watch.h: what others change, as it happens (watch.c).
 */
#pragma once

#include "account-private.h"

typedef struct Watch Watch;

/* account_watch(); ends with the account. */
void watch_free(Watch *watch);

/* Somebody looks into @mailbox: it is one of those to be watched. */
void watch_used(Mailbox *mailbox);

/* The server has another name for it now. */
void watch_renamed(const Mailbox *mailbox);

/* A sync has ended, which did not go well where there is an @error. */
void watch_synced(Mailbox *mailbox, const GError *error);

/* A listing of the account has ended well: what differs from what is known is asked for. */
void watch_listed(Account *account);
