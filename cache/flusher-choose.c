/*
 * Which entries go together.
 *
 * A batch is what one command can carry: entries of the same kind and state, about the same
 * mailboxes. No message is in it twice, for a set of UIDs names it once: the second copy is another
 * batch. The first entry is that at the head of the journal.
 *
 * People mark a message and move it, and then the next: so an entry may pass others, where the
 * order makes no difference:
 *
 *     nothing passes       what makes, removes or renames mailboxes, or is about the same message
 *     what adds a message  nor what takes one out of that mailbox, whose name it may have
 *     what takes room      nor what may make some
 *
 * So what is added to a mailbox by different commands may arrive in another order.
 *
 * What was sent, and nobody knows what came of it, was sent by one batch, and is one again.
 */
#include "flusher-private.h"

#define MAX_APPENDS      64
#define MAX_APPEND_BYTES (8 * 1024 * 1024)
#define MAX_PASSED       1000 /* so that a long queue is not gone through for each of its entries */

typedef struct {
	GPtrArray *entries;
	GHashTable *uids; /* of these */
	guint64 n_bytes;
	guint n_passed;
	GHashTable *messages;    /* "UID mailbox" that those which are passed are about */
	GHashTable *emptied;     /* mailboxes that they take something from */
	gboolean removes, moves; /* what they do: both may make room */
} Choice;

static gboolean
names_message(JournalKind kind)
{
	return kind == JOURNAL_MOVE || kind == JOURNAL_COPY || kind == JOURNAL_REMOVE ||
	       kind == JOURNAL_FLAGS;
}

static gboolean
is_alike(const JournalEntry *a, const JournalEntry *b)
{
	return a->kind == b->kind && a->state == b->state && a->sign == b->sign &&
	       a->uidvalidity == b->uidvalidity && a->to_uidvalidity == b->to_uidvalidity &&
	       g_strcmp0(a->mailbox, b->mailbox) == 0 && g_strcmp0(a->to, b->to) == 0 &&
	       (a->kind != JOURNAL_FLAGS || g_strcmp0(a->flags, b->flags) == 0);
}

static gboolean
is_single(const Flusher *flusher, const JournalEntry *entry)
{
	return entry->id <= flusher->alone_until || journal_kind_is_of_mailbox(entry->kind);
}

static gboolean
is_full(const Choice *choice, const JournalEntry *next)
{
	return next->kind == JOURNAL_APPEND && next->state == JOURNAL_QUEUED &&
	       (choice->entries->len >= MAX_APPENDS ||
	        choice->n_bytes + next->size > MAX_APPEND_BYTES);
}

/* --- passing --- */

static char *
message_key(const char *mailbox, guint32 uid)
{
	return g_strdup_printf("%" G_GUINT32_FORMAT " %s", uid, mailbox ? mailbox : "");
}

static gboolean
is_passed(const Choice *choice, const char *mailbox, guint32 uid)
{
	g_autofree char *key = message_key(mailbox, uid);

	return g_hash_table_contains(choice->messages, key);
}

static void
pass(Choice *choice, const JournalEntry *entry)
{
	choice->n_passed++;
	choice->removes |= entry->kind == JOURNAL_REMOVE || entry->replaces;
	choice->moves |= entry->kind == JOURNAL_MOVE;
	if (names_message(entry->kind))
		g_hash_table_add(choice->messages, message_key(entry->mailbox, entry->uid));
	if (entry->mailbox && (entry->kind == JOURNAL_REMOVE || entry->kind == JOURNAL_MOVE))
		g_hash_table_add(choice->emptied, entry->mailbox);
	if (!entry->replaces || !entry->to)
		return;
	g_hash_table_add(choice->messages, message_key(entry->to, entry->replaces));
	g_hash_table_add(choice->emptied, entry->to);
}

/* A message that is moved may leave the quota's mailboxes. Without MOVE (RFC 6851) there are two of
 * it for a while. */
static gboolean
waits_for_room(const Flusher *flusher, const Choice *choice, JournalKind kind)
{
	RemoteCapabilities can = flusher->remote->operations->capabilities(flusher->remote);

	if (kind == JOURNAL_MOVE)
		return choice->removes && !(can & REMOTE_MOVE);
	return flusher_kind_adds(kind) && (choice->removes || choice->moves);
}

static gboolean
may_pass(const Flusher *flusher, const Choice *choice, const JournalEntry *entry)
{
	if (!choice->n_passed)
		return TRUE;
	if (names_message(entry->kind) && is_passed(choice, entry->mailbox, entry->uid))
		return FALSE;
	if (entry->replaces && is_passed(choice, entry->to, entry->replaces))
		return FALSE;
	if (entry->to && g_hash_table_contains(choice->emptied, entry->to))
		return FALSE;
	return !waits_for_room(flusher, choice, entry->kind);
}

/* --- choosing --- */

/* SENT is what an earlier process has left, until it is known what came of it. */
static JournalEntry *
choose_first(Flusher *flusher)
{
	GList *link = flusher->resumed ? NULL : journal_entries(flusher->journal)->head;

	for (; link; link = link->next)
		if (((JournalEntry *)link->data)->state == JOURNAL_SENT)
			return link->data;
	flusher->resumed = TRUE;
	return flusher_head(flusher);
}

static gboolean
may_join(const Flusher *flusher, const Choice *choice, const JournalEntry *entry)
{
	if (names_message(entry->kind) &&
	    g_hash_table_contains(choice->uids, GUINT_TO_POINTER(entry->uid)))
		return FALSE;
	return entry->state == JOURNAL_SENT || may_pass(flusher, choice, entry);
}

static void
join(Choice *choice, JournalEntry *entry)
{
	g_ptr_array_add(choice->entries, entry);
	g_hash_table_add(choice->uids, GUINT_TO_POINTER(entry->uid));
	choice->n_bytes += entry->size;
}

/* FALSE: the batch ends before @entry. */
static gboolean
consider(const Flusher *flusher, Choice *choice, JournalEntry *entry)
{
	gboolean alike = is_alike(choice->entries->pdata[0], entry);

	if (journal_kind_is_of_mailbox(entry->kind) || (alike && is_full(choice, entry)))
		return FALSE;
	if (alike && may_join(flusher, choice, entry))
		join(choice, entry);
	else
		pass(choice, entry);
	return choice->n_passed < MAX_PASSED;
}

GPtrArray *
flusher_choose(Flusher *flusher)
{
	g_autoptr(GHashTable) uids = g_hash_table_new(NULL, NULL);
	g_autoptr(GHashTable) messages =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) emptied = g_hash_table_new(g_str_hash, g_str_equal);
	JournalEntry *first = choose_first(flusher);
	Choice choice = {.uids = uids, .messages = messages, .emptied = emptied};
	GList *link = first->link.next;

	choice.entries = g_ptr_array_new();
	join(&choice, first);
	while (link && !is_single(flusher, first)) {
		JournalEntry *entry = link->data;

		if (entry->state != JOURNAL_FAILED && !consider(flusher, &choice, entry))
			break;
		link = link->next;
	}
	return choice.entries;
}
