/*
 * flusher-private.h: the parts of a flusher that its files share.
 *
 *     flusher.c          the queue, waiting, trying again
 *     flusher-choose.c   which entries go together
 *     flusher-batch.c    what becomes of each
 *     flusher-send.c     sending what is queued
 *     flusher-bound.c    from which UID on a mailbox's messages are new
 *     flusher-look.c     finding out what became of messages that were sent
 *     flusher-source.c   the same, where they came from
 *     flusher-list.c     the same for mailboxes
 *     flusher-remove.c   removing messages
 */
#pragma once

#include "flusher.h"

typedef struct FlusherBatch FlusherBatch;

struct Flusher {
	Journal *journal;
	Remote *remote;
	FlusherSettings settings;
	const FlusherEvents *events;
	gpointer data;

	FlusherBatch *batch; /* under way, or NULL */
	guint source;        /* that begins the next one, or goes on with this one */
	gboolean waiting;    /* source is there because something could not be done now */
	guint delay_ms;      /* before the next attempt; 0: nothing went wrong */
	guint64 alone_until; /* entries up to this id are sent one by one */
	gboolean resumed;    /* what an earlier process had sent is settled */
	guint n_unknown; /* times in a row that something was sent in vain, it is not known why */
	GHashTable *bounds; /* mailbox -> FlusherBound */
	WaitQueue waiters;
	guint wake_source;
	gboolean stopped;
	gboolean no_line; /* what went wrong last is that there is no connection */
	gint64 troubled_at_us;
	char *trouble; /* what went wrong last, or NULL */
};

/* What an entry of a batch has come to. */
typedef enum {
	OUTCOME_NONE,    /* nothing yet */
	OUTCOME_DONE,    /* new_uid is known, or never will be */
	OUTCOME_HALF,    /* it is there; something has still to be removed */
	OUTCOME_AGAIN,   /* not done, and may be later */
	OUTCOME_UNTOLD,  /* the server said OK, but not what it did */
	OUTCOME_UNKNOWN, /* it may be done or not */
	OUTCOME_FAILED,
} FlusherOutcome;

typedef struct {
	FlusherBatch *batch;
	guint64 id;
	JournalEntry *entry;
	FlusherOutcome outcome;
	guint32 new_uid, to_uidvalidity; /* 0: not told */
	gboolean replaced;               /* what it replaces is gone */
	GError *error;                   /* of FAILED, UNKNOWN and AGAIN */

	/* flusher-source.c */
	gboolean left;         /* it is still in the source */
	gboolean header_asked; /* what it is has been asked for */
	guint64 header_key;    /* content_key() of its header; 0: none, or not asked for */
} FlusherItem;

struct FlusherBatch {
	Flusher *flusher;
	JournalKind kind;
	JournalState state; /* of its entries when it began */
	JournalEntry *first;
	FlusherItem *items;
	guint n_items;
	GHashTable *by_uid; /* JournalEntry.uid -> FlusherItem */
	guint n_under_way;  /* operations of the Remote */
	GArray *uids;       /* of guint32, ascending: what the operation under way is about */

	guint32 n_found; /* messages in the mailbox that is to be deleted */

	/* flusher-bound.c */
	guint32 last_uid; /* in the target */
	void (*bound)(FlusherBatch *batch, guint32 uidnext, const GError *error);

	/* flusher-remove.c */
	const char *removing; /* from this mailbox (an entry's) ... */
	guint32 removing_uidvalidity;
	void (*removed)(FlusherBatch *batch, const GError *error);

	/* flusher-look.c */
	guint n_looks;
	gint64 looked_us;     /* for the first time */
	gint64 look_began_us; /* the last time */
	gint64 look_us;       /* that the slowest took */
	guint32 opened;       /* UIDVALIDITY of the target */
	guint n_told;         /* items with a new_uid when the answer had come */
	GArray *candidates;   /* of messages in the target */

	/* flusher-source.c */
	gboolean source_gone; /* the mailbox, or it is another one */
	void (*source_found)(FlusherBatch *batch, const GError *error);
};

/* --- flusher.c --- */

/* Tries again later: to begin a batch, or to go on with the one under way. @error NULL: not because
 * something could not be done, but to look once more. */
void flusher_retry(Flusher *flusher, const GError *error);

/* The batch has ended. @retry: why not all of it could be done now, or NULL. */
void flusher_next(Flusher *flusher, const GError *retry);

/* Not done, and may be later: no connection, no time, a limit. */
gboolean flusher_is_transient(const GError *error);

/* The first entry that is to be carried out; NULL: none. */
JournalEntry *flusher_head(const Flusher *flusher);

/* --- flusher-choose.c --- */

/* The entries that go next, together: at least one. */
GPtrArray *flusher_choose(Flusher *flusher);

/* --- flusher-batch.c --- */

FlusherBatch *flusher_batch_new(Flusher *flusher);
void flusher_batch_free(FlusherBatch *batch);

/* Notes what each entry has come to, tells it, and frees the batch. None is NONE, UNTOLD or
 * UNKNOWN. */
void flusher_batch_end(FlusherBatch *batch);

/* @outcome of those that have none yet. */
void flusher_batch_settle(FlusherBatch *batch, FlusherOutcome outcome, const GError *error);

/* An operation that was about all entries has ended with @error (not UNKNOWN): settles those that
 * have no outcome. A refusal of many may be meant for one of them: they go one by one. */
void flusher_batch_fail(FlusherBatch *batch, const GError *error);

/* It is looked for now; the server has shown what there is. Whether that began so recently that what
 * was sent may still come to be. */
void flusher_batch_note_look(FlusherBatch *batch);
void flusher_batch_note_sight(FlusherBatch *batch);
gboolean flusher_batch_is_young(const FlusherBatch *batch);

void flusher_item_settle(FlusherItem *item, FlusherOutcome outcome, const GError *error);
/* Makes batch->uids those of the entries; puts them in order, each once. */
void flusher_batch_collect_uids(FlusherBatch *batch);
void flusher_batch_sort_uids(FlusherBatch *batch);
FlusherItem *flusher_batch_find_uid(FlusherBatch *batch, guint32 uid);

/* Whether it puts a message into a mailbox. */
gboolean flusher_kind_adds(JournalKind kind);

/* --- flusher-send.c, flusher-look.c, flusher-list.c, flusher-remove.c --- */

/* Each begins and calls flusher_batch_end() some time. */
void flusher_send(FlusherBatch *batch);
void flusher_look(FlusherBatch *batch);
void flusher_list(FlusherBatch *batch);
void flusher_remove_half(FlusherBatch *batch);
void flusher_remove(FlusherBatch *batch);

/* --- flusher-look.c, flusher-source.c --- */

/* What to ask for of headers. */
const char *flusher_look_fields(const FlusherBatch *batch);

/* Whether a message that is new in the target may have this size (0: not known). */
gboolean flusher_look_has_size(const FlusherBatch *batch, guint64 size);

/* Notes which of the batch's messages are left in the source, and the header_key of those that
 * cannot be told otherwise, then calls batch->source_found. */
void flusher_source_find(FlusherBatch *batch);

/* --- flusher-bound.c --- */

/* Calls batch->bound, at once or later, with the UID from which on messages in the batch's target
 * are new. */
void flusher_bound_find(FlusherBatch *batch);

/* Message @uid was put there; 0: it is not known which. */
void flusher_bound_note(Flusher *flusher, const char *mailbox, guint32 uidvalidity, guint32 uid);

/* Mailboxes have been made, deleted or renamed: a name may mean another one now. */
void flusher_bound_forget_all(Flusher *flusher);
