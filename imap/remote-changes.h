/*
 * remote-changes.h: what has changed of the messages of a mailbox that are known already.
 *
 * A part of a scan (remote-scan.c). It decides how the server is asked, and says since when to ask
 * the next time:
 *
 *     NONE      nobody wants to know, or no message is known
 *     ALL       UID FETCH 1:n (UID FLAGS)
 *     SINCE     the same with (CHANGEDSINCE m)              where there are mod-sequences
 *     VANISHED  the same with (CHANGEDSINCE m VANISHED)     where QRESYNC is in use (RFC
 * 7162 3.2.6)
 *
 * Whether the mailbox has mod-sequences may be known only when it is open, and the question has
 * left by then. An answer that means nothing makes a further round, by ALL.
 */
#pragma once

#include "operation.h"

typedef enum { CHANGES_NONE, CHANGES_ALL, CHANGES_SINCE, CHANGES_VANISHED } ChangesMode;

typedef struct {
	gboolean wanted;
	guint32 until;        /* the last UID that is known */
	guint64 since_modseq; /* what is known is not older than this; 0: it may be */
	gboolean only_all;    /* CHANGEDSINCE did not work */

	/* Of this run: */
	ChangesMode mode;
	guint64 began_modseq;   /* the session's HIGHESTMODSEQ then, where the mailbox was open */
	guint64 largest_modseq; /* in the answer */
	gboolean answered;      /* flags have come, or the end of them */
	gboolean ended;
	gboolean failed; /* the answer means nothing */
	gboolean missed; /* flags have changed of a message that was not named */
	guint64 highestmodseq;
} Changes;

/* A run begins, on @operation's session. */
void changes_begin(Changes *changes, const Operation *operation);

/* The question. Not with CHANGES_NONE. */
ImapCommand *changes_command(const Changes *changes, const ImapCommandHandler *handler,
                             gpointer data);

/* A FETCH response of the mailbox has come. Whether it is about a message known already, and was
 * wanted. */
gboolean changes_take(Changes *changes, const ImapFetch *fetch);

/* The command ended with @error. What is no error of the operation becomes NULL. */
const GError *changes_end(Changes *changes, const Operation *operation, const GError *error);

/* The scan's last command ended: takes down highestmodseq. */
void changes_conclude(Changes *changes, const Operation *operation);
