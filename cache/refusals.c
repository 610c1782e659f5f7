/*
 * What the server refused, or what had become impossible: told in the log, in .imapfs/errors, and
 * once to whoever waits for changes of that mailbox.
 */
#include "draft.h"
#include "promise.h"

#include <string.h>

#define MAX_REFUSALS 1000 /* then the oldest are forgotten */

typedef struct {
	Change change;
	GError *error;
	guint32 mailboxes[2]; /* ids */
	gboolean told;
	char *line;
} Refusal;

static const char *
kind_name(JournalKind kind)
{
	static const char *const names[] = {
		[JOURNAL_APPEND] = "APPEND", [JOURNAL_MOVE] = "MOVE",
		[JOURNAL_COPY] = "COPY",     [JOURNAL_REMOVE] = "EXPUNGE",
		[JOURNAL_FLAGS] = "STORE",   [JOURNAL_CREATE] = "CREATE",
		[JOURNAL_DELETE] = "DELETE", [JOURNAL_RENAME] = "RENAME",
	};

	return kind < G_N_ELEMENTS(names) && names[kind] ? names[kind] : "?";
}

static void
append_path(const Overlay *overlay, GString *text, const char *name)
{
	const Mailbox *mailbox = overlay_find_mailbox(overlay, name);
	guint start = (guint)text->len;

	if (!mailbox) {
		g_string_append(text, name);
		return;
	}
	for (; mailbox->parent; mailbox = mailbox->parent) {
		if (text->len > start)
			g_string_insert_c(text, start, '/');
		g_string_insert(text, start, mailbox->file_name);
	}
}

/* "MOVE INBOX uid 42 to Archive/2026/note.eml" */
static void
append_change(const Overlay *overlay, GString *text, const JournalEntry *entry)
{
	g_string_append(text, kind_name(entry->kind));
	if (entry->mailbox) {
		g_string_append_c(text, ' ');
		append_path(overlay, text, entry->mailbox);
	}
	if (entry->uid)
		g_string_append_printf(text, " uid %u", entry->uid);
	if (entry->flags && entry->kind == JOURNAL_FLAGS)
		g_string_append_printf(text, " %c%s", entry->sign, entry->flags);
	if (entry->to) {
		g_string_append(text, entry->mailbox ? " to " : " ");
		append_path(overlay, text, entry->to);
		if (entry->name && entry->kind != JOURNAL_RENAME)
			g_string_append_printf(text, "/%s", entry->name);
	}
}

static void
append_time(GString *text, gint64 seconds)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
	g_autofree char *formatted = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ ") : NULL;

	g_string_append(text, formatted ? formatted : "- ");
}

/* One line, whatever names and servers say. */
static char *
end_line(GString *text)
{
	for (gsize i = 0; i < text->len; i++)
		if (g_ascii_iscntrl(text->str[i]))
			text->str[i] = '?';
	g_string_append_c(text, '\n');
	return g_string_free(text, FALSE);
}

static void
refusal_free(gpointer data)
{
	Refusal *refusal = data;

	g_clear_error(&refusal->error);
	g_free(refusal->line);
	g_free(refusal);
}

static Refusal *
add_refusal(Overlay *overlay, const JournalEntry *entry, gint64 time, const char *words)
{
	Refusal *refusal = g_new0(Refusal, 1);
	GString *text = g_string_new(NULL);

	append_time(text, time);
	append_change(overlay, text, entry);
	g_string_append_printf(text, ": %s", words);
	refusal->line = end_line(text);
	refusal->change = entry->id;
	g_queue_push_tail(&overlay->refusals, refusal);
	if (overlay->refusals.length > MAX_REFUSALS)
		refusal_free(g_queue_pop_head(&overlay->refusals));
	return refusal;
}

void
refusal_note(Overlay *overlay, const JournalEntry *entry, guint32 from_id, guint32 to_id,
             const GError *error)
{
	Refusal *refusal =
		add_refusal(overlay, entry, g_get_real_time() / G_USEC_PER_SEC, error->message);

	refusal->error = g_error_copy(error);
	refusal->mailboxes[0] = from_id;
	refusal->mailboxes[1] = to_id;
	g_message("not done: %.*s", (int)strlen(refusal->line) - 1, refusal->line);
}

void
refusal_remember(Overlay *overlay, const JournalEntry *entry)
{
	add_refusal(overlay, entry, entry->time, entry->error ? entry->error : "refused")->told =
		TRUE;
}

const GError *
refusal_of(Overlay *overlay, Change change)
{
	for (GList *link = overlay->refusals.tail; link; link = link->prev) {
		Refusal *refusal = link->data;

		if (refusal->change != change || !refusal->error)
			continue;
		refusal->told = TRUE;
		return refusal->error;
	}
	return NULL;
}

const GError *
refusal_next(Overlay *overlay, guint32 mailbox_id)
{
	for (GList *link = overlay->refusals.head; link; link = link->next) {
		Refusal *refusal = link->data;

		if (refusal->told || (mailbox_id && refusal->mailboxes[0] != mailbox_id &&
		                      refusal->mailboxes[1] != mailbox_id))
			continue;
		refusal->told = TRUE;
		return refusal->error;
	}
	return NULL;
}

void
refusals_clear(Overlay *overlay)
{
	g_queue_clear_full(&overlay->refusals, refusal_free);
}

/* --- for people --- */

void
account_describe_errors(Account *account, GString *text)
{
	const Overlay *overlay = account->overlay;

	for (GList *link = overlay ? overlay->refusals.head : NULL; link; link = link->next)
		g_string_append(text, ((const Refusal *)link->data)->line);
}

/* Nothing more will be tried, and nothing is kept of it but words. */
static gboolean
is_over(const JournalEntry *entry)
{
	return entry->state == JOURNAL_FAILED && entry->kind != JOURNAL_APPEND;
}

static const char *
state_name(const Overlay *overlay, const JournalEntry *entry)
{
	if (entry->state == JOURNAL_FAILED)
		return "refused";
	return flusher_is_sent(overlay->flusher, entry) ? "sent" : "waiting";
}

void
refusal_describe(const Overlay *overlay, GString *text, const char *state,
                 const JournalEntry *entry)
{
	GString *line = g_string_new(NULL);
	g_autofree char *ended = NULL;

	append_time(line, entry->time);
	g_string_append_printf(line, "%s: ", state);
	append_change(overlay, line, entry);
	if (entry->staged)
		g_string_append_printf(line, " (%" G_GUINT64_FORMAT " bytes in spool/%s)",
		                       entry->size, entry->staged);
	if (entry->error)
		g_string_append_printf(line, ": %s", entry->error);
	ended = end_line(line);
	g_string_append(text, ended);
}

guint
account_n_pending(const Account *account)
{
	guint n = 0;

	for (GList *link = account->overlay ? journal_entries(account->overlay->journal)->head : NULL;
	     link; link = link->next)
		n += !is_over(link->data);
	return n;
}

void
account_describe_pending(Account *account, GString *text)
{
	const Overlay *overlay = account->overlay;
	const GPtrArray *orphans = overlay ? journal_orphans(overlay->journal) : NULL;

	if (!overlay)
		return;
	for (GList *link = journal_entries(overlay->journal)->head; link; link = link->next)
		if (!is_over(link->data))
			refusal_describe(overlay, text, state_name(overlay, link->data),
			                 link->data);
	unsent_describe(overlay, text);
	for (guint i = 0; i < orphans->len; i++)
		g_string_append_printf(text,
		                       "- unfinished: a file that was on no server when a "
		                       "mount ended (spool/%s)\n",
		                       (const char *)orphans->pdata[i]);
}
