/*
 * details.h: finding on the server what is asked about.
 */
#pragma once

#include "account-private.h"

/* CACHE_READY once the server has @mailbox, by the name that it has here. */
CacheResult mailbox_await_changes(const Mailbox *mailbox, Waiter *waiter, GError **error);

/* CACHE_READY: *@mailbox has *@uid, the message @id, on the server, and (@settled) no change of it
 * is still to be carried out. STALE: it is gone; UNSUPPORTED: it is no message yet. */
CacheResult message_await_server(Account *account, guint64 id, gboolean settled, Mailbox **mailbox,
                                 guint32 *uid, Waiter *waiter, GError **error);
