/*
 * flusher.h: carries out what stands in the journal, on the server, in the order of its entries.
 *
 * The overlay starts it and hears what came of each entry; nobody else calls it. Everything here
 * returns at once and is called from the loop; events come from the loop. An entry is the journal's
 * and may be removed, by whoever listens, once it has failed.
 *
 * Each change is made once, whatever breaks: what may not be done twice is noted as sent, on stable
 * storage, before it is sent, and looked for before it is sent again. What the server refuses
 * fails; what cannot be delivered waits, and everything behind it waits too.
 */
#pragma once

#include "imapfs/remote.h"
#include "imapfs/wait.h"
#include "journal.h"

typedef struct Flusher Flusher;

typedef struct {
	/* Done; will be removed from the journal when this returns. new_uid and to_uidvalidity are
	 * filled in where they are known, and the new name of what was created or renamed in
	 * mailbox or to: entries behind it that need them may be given them now (journal_update()),
	 * and it is all in the file together or not at all. Where the daemon dies at this moment,
	 * the next one tells it again. */
	void (*done)(const JournalEntry *entry, gpointer data);
	/* Refused or impossible. It stays in the journal, with the words, until somebody removes
	 * it: now, if that is wanted. IMAPFS_ERROR_STALE: the message is gone, or its mailbox is
	 * another one now. NOT_EMPTY: there are messages in a mailbox that was to be deleted. */
	void (*failed)(JournalEntry *entry, const GError *error, gpointer data);
	/* A UID below which a mailbox (server's bytes) gets no new message, as the server has shown
	 * it since the program began (not earlier: what has been added since then would be taken
	 * for new). 0: not known; the server is asked. */
	guint32 (*uidnext)(const char *mailbox, gpointer data);
	/* Something could not be done now: flusher_is_waiting(). Told each time it is tried in
	 * vain. May be NULL. */
	void (*waiting)(gpointer data);
} FlusherEvents;

typedef struct {
	/* So that the key of a message on the server is that of the entry that put it there. */
	const char *header_fields; /* that content_key() needs, CONTENT_KEY_FIELDS among them;
	                            * NULL: entries that copy or move have no keys */
	/* 0: none. @appended: by the header alone, as content_key_of_header() does, whatever else
	 * the server tells. */
	guint64 (*content_key)(const RemoteMessage *message, gboolean appended);
	gboolean shares; /* a mailbox that is there already is as good as one that CREATE makes:
	                  * another client was faster, or the server says so of its own (Dovecot,
	                  * now and then, where the mailbox is opened at the same moment) */
	guint gather_ms; /* how long entries are waited for that may go together; 0: not at all */
	guint late_ms;   /* what was sent may be carried out so long after the connection broke, and
	                * longer where the server is slow; 0: not */
	guint retry_min_ms, retry_max_ms; /* between attempts, doubled each time */
} FlusherSettings;

#define FLUSHER_GATHER_MS    3
#define FLUSHER_LATE_MS      1500
#define FLUSHER_RETRY_MIN_MS 250
#define FLUSHER_RETRY_MAX_MS 30000

/* Begins with what the journal holds. All that is pointed to stays the caller's and must outlive
 * the flusher; strings of @settings too. Listens to @journal. */
Flusher *flusher_new(Journal *journal, Remote *remote, const FlusherSettings *settings,
                     const FlusherEvents *events, gpointer data);

/* Sends nothing any more. What is under way may still end, and is then noted. */
void flusher_stop(Flusher *flusher);

/* Whatever the Remote has under way must have ended, or never call back. What is not done stays in
 * the journal. Callbacks of the journal that are due are called. Before journal_free(). */
void flusher_free(Flusher *flusher);

/* There is a connection again: what waits to be tried again is tried now. */
void flusher_kick(Flusher *flusher);

/* Nothing is left to be carried out (what failed is not). */
gboolean flusher_is_idle(const Flusher *flusher);

/* Something could not be done now (no connection, a limit, a connection that broke) and is tried
 * again later. FALSE while it is tried. */
gboolean flusher_is_waiting(const Flusher *flusher);

/* flusher_is_waiting(), and not just for one connection that broke: none can be had. */
gboolean flusher_is_offline(const Flusher *flusher);

/* How long ago it was last tried in vain, in microseconds. */
gint64 flusher_waits_since_us(const Flusher *flusher);

/* It has been sent, or is about to be: it may be done already. */
gboolean flusher_is_sent(const Flusher *flusher, const JournalEntry *entry);

/* Everything up to and including entry @until_id is done or has failed. */
gboolean flusher_is_done(const Flusher *flusher, guint64 until_id);

/* What went wrong last, for people. */
const char *flusher_trouble(const Flusher *flusher);

/* CACHE_READY: everything up to and including entry @until_id, usually journal_last_id(), is done
 * or has failed. Else @waiter is parked. There is no error. Waiters are also woken whenever the
 * flusher begins to wait. */
CacheResult flusher_wait(Flusher *flusher, guint64 until_id, Waiter *waiter);

/* Removes @entry from the journal without carrying it out. FALSE: it has been sent, or is about to
 * be, or has failed; it is left as it is. */
gboolean flusher_cancel(Flusher *flusher, JournalEntry *entry);

/* Appends "name: value" lines. */
void flusher_status(const Flusher *flusher, GString *text);

/* Whether what was sent with @sent bytes may be @found bytes long there: some servers (mbox files)
 * add the line end that the last line lacks. */
static inline gboolean
flusher_is_size(JournalKind kind, guint64 sent, guint64 found)
{
	return found == sent || (kind == JOURNAL_APPEND && found == sent + 2);
}
