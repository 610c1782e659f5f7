/*
 * What else is known of a message: UID FETCH of mod-sequence (RFC 7162), flags, the ids of RFC 8474
 * and Gmail's (X-GM-EXT-1), what of that the server offers.
 *
 * One that refuses them all the same, such as a mailbox without mod-sequences (RFC 7162 3.1.2.2),
 * is asked for the flags alone in a second round. One that may have been heard of only in the
 * answer to another command is asked for once more.
 */
#include "remote-operations.h"

#include <string.h>

#define MAX_ID     255 /* bytes (RFC 8474 7) */
#define MAX_UNSEEN 3

typedef struct {
	Operation operation;
	const RemoteDetailsHandler *handler;
	gpointer data;
	guint32 uid;
	gboolean plain;         /* only the flags are asked for */
	gboolean lacks_modseqs; /* by the server's word */
	gboolean answered;      /* the message is there */
	gboolean listed;        /* it was in the answer to a listing */
	gboolean in_doubt;      /* whether it was in the answer to this */
	gboolean again;         /* asked for that reason */
	gboolean unseen;        /* by a session that was open, and may not have heard of it yet */
	guint n_unseen;         /* how often */
	guint64 modseq;
	char *email_id, *thread_id; /* or NULL */
	GString *flags, *labels;    /* or NULL */
} Details;

static void
details_reset(Details *details)
{
	details->answered = details->listed = details->in_doubt = FALSE;
	details->modseq = 0;
	g_clear_pointer(&details->email_id, g_free);
	g_clear_pointer(&details->thread_id, g_free);
	if (details->flags)
		g_string_free(g_steal_pointer(&details->flags), TRUE);
	if (details->labels)
		g_string_free(g_steal_pointer(&details->labels), TRUE);
}

/* --- what comes --- */

/* RFC 8474 4: letters, digits, '-' and '_'. */
static gboolean
is_id(const char *text)
{
	gsize n = 0;

	while (g_ascii_isalnum(text[n]) || text[n] == '-' || text[n] == '_')
		n++;
	return n > 0 && n <= MAX_ID && !text[n];
}

static void
take_id(char **id, const char *text)
{
	if (*id || !text || !is_id(text))
		return;
	*id = g_strdup(text);
}

/* The last one is the newest. */
static void
details_take_flags(Details *details, const ImapFetch *fetch)
{
	if (!details->flags)
		details->flags = g_string_new(NULL);
	if (!imap_flags_to_text(fetch->flags, details->flags))
		g_string_free(g_steal_pointer(&details->flags), TRUE);
}

static void
details_take_labels(Details *details, const ImapResponse *response, const ImapFetch *fetch)
{
	if (!details->labels)
		details->labels = g_string_new(NULL);
	if (!imap_labels_to_text(response, fetch, details->labels))
		g_string_free(g_steal_pointer(&details->labels), TRUE);
}

/* A message may be in the answer to a listing, and be gone before this is answered. What comes
 * while this is the oldest command is taken for its answer; servers may answer in any order, so
 * before that it is what comes behind the listing's row and is none itself. */
static void
details_note_answer(Details *details, const ImapFetch *fetch)
{
	if (session_is_oldest(details->operation.session, details))
		details->answered = TRUE;
	else if (fetch->has_size || fetch->has_internaldate || fetch->header || fetch->has_body)
		details->listed = TRUE;
	else if (details->listed || details->again)
		details->answered = TRUE;
	else
		details->in_doubt = TRUE;
}

static void
details_take(Details *details, const ImapResponse *response, const ImapFetch *fetch)
{
	details_note_answer(details, fetch);
	/* Never one that is later than the flags: whoever makes it a condition believes these. */
	if (fetch->has_modseq && (fetch->has_flags || !details->modseq))
		details->modseq = fetch->modseq;
	if (fetch->has_flags)
		details_take_flags(details, fetch);
	if (fetch->labels)
		details_take_labels(details, response, fetch);
	take_id(&details->email_id, fetch->emailid ? fetch->emailid : fetch->gm_msgid);
	take_id(&details->thread_id, fetch->threadid ? fetch->threadid : fetch->gm_thrid);
}

static gboolean
on_fetch(const ImapResponse *response, gpointer data)
{
	Details *details = data;
	gboolean mine;
	ImapFetch fetch;

	if (!g_str_equal(response->name, "FETCH") || !imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	mine = fetch.uid == details->uid && operation_mailbox_valid(&details->operation);
	if (mine)
		details_take(details, response, &fetch);
	imap_fetch_clear(&fetch);
	return mine;
}

static gboolean
details_should_ask_again(const Details *details)
{
	return details->in_doubt && !details->answered;
}

/* An empty mailbox has no UIDs: some servers call that an error. */
static void
on_fetched(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Details *details = data;
	const ImapSelected *selected = session_selected(details->operation.session);

	if (tagged && selected->open && !selected->exists)
		error = NULL;
	details->lacks_modseqs = session_lacks_modseqs(details->operation.session);
	details->unseen = tagged && !error && !details->answered && !details->again &&
	                  details->operation.was_open && details->n_unseen < MAX_UNSEEN;
	if (tagged && !error && operation_mailbox_valid(&details->operation) &&
	    !details->answered && !details->unseen && !details_should_ask_again(details))
		operation_fail_run(&details->operation,
		                   g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE,
		                               "FETCH: no message with UID %u", details->uid));
	operation_command_done(&details->operation, tagged, error);
}

/* A listing of the same mailbox may be under way, and the server's word of this message is for
 * both.
 */
static const ImapCommandHandler fetch_handler = {
	.untagged = on_fetch,
	.done = on_fetched,
	.overhears = TRUE,
};

/* --- what is asked --- */

static void
details_write_items(const Details *details, ImapCommand *command)
{
	const ImapSession *session = details->operation.session;

	if (!session_lacks_modseqs(session))
		command_text(command, " MODSEQ");
	if (session_has_capability(session, "OBJECTID"))
		command_text(command, " EMAILID THREADID");
	if (session_has_capability(session, "X-GM-EXT-1"))
		command_text(command, " X-GM-MSGID X-GM-THRID X-GM-LABELS");
}

/* A session that has had the mailbox open for a while need not have heard of a message that is new,
 * and might tell flags of some time ago: NOOP (RFC 3501 6.1.2) brings it up to date, in Dovecot 2.3
 * only for the commands that are sent when it has been answered. */
static void
details_start(Operation *operation)
{
	Details *details = (Details *)operation;
	ImapCommand *command = command_new("FETCH", &fetch_handler, details);

	details_reset(details);
	if (session_selected(operation->session)->open)
		operation_send_noop(operation);
	command_text(command, "UID FETCH %u (UID FLAGS", details->uid);
	if (!details->plain)
		details_write_items(details, command);
	command_text(command, ")");
	operation_send(operation, command);
}

static gboolean
details_should_ask_plainly(const Details *details, const GError *error)
{
	return !details->plain && (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED) ||
	                           g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED));
}

static void
details_tell(const Details *details, const GError *error)
{
	const RemoteDetails told = {
		.modseq = details->modseq,
		.lacks_modseqs = details->lacks_modseqs,
		.flags = details->flags ? details->flags->str : NULL,
		.email_id = details->email_id,
		.thread_id = details->thread_id,
		.labels = details->labels ? details->labels->str : NULL,
	};

	details->handler->done(error ? NULL : &told, error, details->data);
}

static void
details_finish(Operation *operation, const GError *error)
{
	Details *details = (Details *)operation;

	if (details_should_ask_plainly(details, error)) {
		details->plain = TRUE;
		operation_submit_again(operation);
		return;
	}
	if (!error && (details->unseen || details_should_ask_again(details))) {
		details->again |= !details->unseen;
		details->n_unseen += details->unseen;
		operation_submit_again(operation);
		return;
	}
	details_tell(details, error);
	details_reset(details);
	operation_clear(operation);
	g_free(details);
}

void
remote_details(ImapPool *pool, const RemoteMessageId *message, const RemoteDetailsHandler *handler,
               gpointer data)
{
	Details *details = g_new0(Details, 1);

	details->handler = handler;
	details->data = data;
	details->uid = message->uid;
	details->operation.start = details_start;
	details->operation.finish = details_finish;
	operation_submit(&details->operation, pool, message->mailbox, message->uidvalidity);
}
