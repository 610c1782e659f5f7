/*
 * local.h: what is shown in a mailbox and has no UID there.
 *
 * A Local is the visible part of a draft (draft.h) or of a message on its way (promise.h), whose
 * owner allocates it, embeds it first, and sets all but its number. It is in one mailbox at the
 * most. Once it has become a message it stays, as a ghost, for those who read the directory and had
 * passed the messages before: so nobody misses it, and nobody sees it twice.
 */
#pragma once

#include "account-private.h"

typedef struct {
	Message message;    /* uid 0; name and flags are owned */
	guint64 id;         /* what the kernel calls it */
	guint32 mailbox_id; /* where it is shown; 0: nowhere */
	gboolean draft;     /* a Draft's; else a Promise's, or a ghost */
	guint32 number;     /* its place in listings: they only grow */
	guint32 turned;     /* a ghost: how many had turned into messages with it; else 0 */
	gint64 turned_at_us;
} Local;

/* Sets name (copied), size, date and flags (referenced; NULL: none) of @local. */
void local_init(Local *local, guint64 id, const char *name, const Message *like);
void local_clear(Local *local);

/* Shows @local in @mailbox, where its name must be free; takes it out again. */
void local_show(Local *local, Mailbox *mailbox);
void local_unshow(Local *local, Account *account);

/* Gives it another name (copied). */
void local_rename(Local *local, Account *account, const char *name);

/* Gives it other flags (copied). */
void local_set_flags(Local *local, const char *flags);

/* It is message @id now: becomes a ghost, which frees itself later. */
void local_turn(Local *local, Account *account, guint64 id);

Local *local_find(const Mailbox *mailbox, const char *name);

/* Whether @message is a Local's, and of which. */
static inline const Local *
local_of(const Message *message)
{
	return message->uid ? NULL : (const Local *)(const void *)message;
}

/* Lets go of all in @mailbox, which ends. */
void local_abandon(Mailbox *mailbox);
