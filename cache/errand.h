/*
 * errand.h: something that is done on the server at once, while somebody waits.
 *
 * Each kind embeds an Errand first. It begins operations of the Remote one after the other and ends
 * once; when nobody waits any more it begins no other.
 */
#pragma once

#include "account-private.h"
#include "imapfs/attributes.h"

struct Errand {
	Account *account;
	gboolean ended, waking, released;
	GError *error;
	WaitQueue waiting;
	void (*free)(Errand *errand);
};

void errand_init(Errand *errand, Account *account, void (*free)(Errand *errand));

/* Takes @error (NULL: it went well). May free @errand. */
void errand_end(Errand *errand, GError *error);

/* Whether errands may be begun: IMAPFS_ERROR_READ_ONLY; UNSUPPORTED, where the server does not
 * offer @capability, or (@implemented FALSE) nobody can ask for it. */
gboolean errand_allowed(const Account *account, RemoteCapabilities capability, gboolean implemented,
                        GError **error);

/* CACHE_READY: the server has @mailbox, by its name. */
CacheResult errand_await_mailbox(const Mailbox *mailbox, Waiter *waiter, GError **error);
