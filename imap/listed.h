/*
 * listed.h: mailboxes, as the answers to LIST, LSUB, STATUS and MYRIGHTS tell of them one by one.
 *
 * A part of remote-list.c, which asks. What is told of a mailbox that LIST did not name stays
 * untold. All strings are bounded in number, for a server may send what it likes.
 */
#pragma once

#include "imapfs/remote.h"
#include "response.h"

typedef struct {
	char *name, *path;
	char delimiter;
	gboolean selectable, subscribed;
	gboolean listed; /* LIST has named it */
	RemoteSpecialUse special_use;
	gboolean has_figures;
	guint32 uidvalidity, messages, uidnext, unseen;
	guint64 highestmodseq;
	char *rights; /* or NULL */
} Listed;

typedef struct {
	GHashTable *by_name; /* name -> Listed */
	GPtrArray *order;    /* the same, as they came */
} ListedMailboxes;

void listed_init(ListedMailboxes *mailboxes);
void listed_clear(ListedMailboxes *mailboxes);

/* LIST, or what may come with it: STATUS, and MYRIGHTS if @rights were asked for. FALSE: it is
 * something else. */
gboolean listed_take(ListedMailboxes *mailboxes, const ImapResponse *response, gboolean rights);

/* LSUB, where LIST cannot tell which are subscribed to. */
gboolean listed_take_lsub(ListedMailboxes *mailboxes, const ImapResponse *response);

/* Tells of those that LIST has named, in the order of their paths. */
void listed_tell(ListedMailboxes *mailboxes, const RemoteListHandler *handler, gpointer data);
