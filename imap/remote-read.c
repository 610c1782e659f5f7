/*
 * Reading message bytes: UID FETCH BODY.PEEK[] (RFC 3501 6.4.5), cut into blocks as they stream in.
 *
 * A block is handed on when it is full, or when the server's literal has come to its announced end,
 * so that a lost connection can never make a message look shorter than it is.
 *
 * Servers may answer OK and send nothing: for an expunged message, for one that this connection has
 * not heard of yet, for one that they cannot read. So nothing is asked for once more, behind a
 * NOOP, together with a SEARCH that tells whether the message exists at all.
 */
#include "literal-blocks.h"
#include "remote-operations.h"

typedef struct {
	Operation operation;
	const RemoteReadHandler *handler;
	gpointer data;
	guint32 uid;
	guint64 origin, length; /* bytes; length 0: the whole message */
	LiteralBlocks blocks;
	gboolean complete; /* the whole literal has come */
	gboolean second_round;
	gboolean searched; /* and existing is the answer */
	UidSet *existing;
} Read;

static void
on_block(guint64 offset, GBytes *bytes, gpointer data)
{
	Read *read = data;

	read->handler->block(offset, bytes, read->data);
}

static void
read_data(const guint8 *bytes, gsize length, gpointer data)
{
	Read *read = data;

	literal_blocks_add(&read->blocks, bytes, length, on_block, read);
}

static void
read_end(gpointer data)
{
	Read *read = data;

	literal_blocks_end(&read->blocks, on_block, read);
	read->complete = TRUE;
}

/* More than was asked for is no answer, and nobody waits for its end. */
static gboolean
read_wants(Read *read, guint32 uid, guint64 origin, guint64 size)
{
	if (uid != read->uid || origin != read->origin || read->complete ||
	    !operation_mailbox_valid(&read->operation))
		return FALSE;
	if (size <= (read->length ? read->length : REMOTE_MAX_WHOLE))
		return TRUE;
	session_fail(read->operation.session,
	             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
	                         "%" G_GUINT64_FORMAT " bytes sent where %" G_GUINT64_FORMAT
	                         " were asked for",
	                         size, read->length));
	return FALSE;
}

static gboolean
on_literal(guint32 uid, guint64 origin, guint64 size, gpointer data)
{
	Read *read = data;

	if (!read_wants(read, uid, origin, size))
		return FALSE;
	literal_blocks_begin(&read->blocks, read->origin, size);
	return TRUE;
}

/* The bytes came as a string, or before their UID: they are all here now. */
static gboolean
on_fetch(const ImapResponse *response, gpointer data)
{
	Read *read = data;
	ImapFetch fetch;
	gboolean mine;

	if (!g_str_equal(response->name, "FETCH") || !imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	mine = fetch.has_body && fetch.uid == read->uid && fetch.body_origin == read->origin;
	if (mine && !fetch.body_streamed &&
	    on_literal(fetch.uid, fetch.body_origin, fetch.body_length, read)) {
		read_data((const guint8 *)fetch.body, fetch.body_length, read);
		read_end(read);
	}
	imap_fetch_clear(&fetch);
	return mine;
}

static const ImapCommandHandler fetch_handler = {
	.untagged = on_fetch,
	.literal = on_literal,
	.literal_data = read_data,
	.literal_end = read_end,
	.done = operation_on_done,
};

static gboolean
on_search(const ImapResponse *response, gpointer data)
{
	Read *read = data;

	return (g_str_equal(response->name, "SEARCH") || g_str_equal(response->name, "ESEARCH")) &&
	       imap_search_parse(response, read->existing, NULL, NULL);
}

static void
on_searched(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Read *read = data;

	read->searched = !error;
	operation_command_done(&read->operation, tagged, error);
}

static const ImapCommandHandler search_handler = {.untagged = on_search, .done = on_searched};

static void
read_send_fetch(Read *read)
{
	ImapCommand *command = command_new("FETCH", &fetch_handler, read);

	command_text(command, "UID FETCH %u (UID BODY.PEEK[]", read->uid);
	if (read->length)
		command_text(command, "<%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT ">", read->origin,
		             read->length);
	command_text(command, ")");
	operation_send(&read->operation, command);
}

static void
read_start(Operation *operation)
{
	Read *read = (Read *)operation;
	ImapCommand *command;

	read->complete = FALSE;
	if (read->second_round) {
		operation_send_noop(operation);
	}
	read_send_fetch(read);
	if (read->second_round) {
		command = command_new("SEARCH", &search_handler, read);
		command_text(command, "UID SEARCH UID %u", read->uid);
		operation_send(operation, command);
	}
}

static gboolean
read_is_empty(const Read *read)
{
	return !read->complete || read->blocks.next == read->origin;
}

/* OK without any bytes, or a refusal that is not about rate or line: worth a second look. */
static gboolean
read_is_doubtful(Read *read, const GError *error)
{
	return read_is_empty(read) &&
	       (!read->second_round || operation_is_outdated(&read->operation)) &&
	       (!error || g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED) ||
	        g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND));
}

/* After a second look: nothing where the message is, is all that there is to read. */
static GError *
read_missing(const Read *read, const GError *error)
{
	if (read->searched && !uid_set_contains(read->existing, read->uid))
		return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the message is gone");
	if (read->complete)
		return NULL;
	if (error)
		return g_error_copy(error);
	return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_FAILED,
	                   "the server lists the message but does not send it");
}

static GError *
read_verdict(const Read *read, const GError *error)
{
	gboolean answered = !error || g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED);
	GError *verdict;

	if (!read_is_empty(read))
		return NULL;
	verdict = answered && read->second_round ? read_missing(read, error)
	          : error                        ? g_error_copy(error)
	                                         : NULL;
	if (verdict)
		g_prefix_error(&verdict, "FETCH uid %u: ", read->uid);
	return verdict;
}

static void
read_free(Read *read)
{
	operation_clear(&read->operation);
	literal_blocks_clear(&read->blocks);
	uid_set_free(read->existing);
	g_free(read);
}

static void
read_finish(Operation *operation, const GError *error)
{
	Read *read = (Read *)operation;
	g_autoptr(GError) verdict = NULL;

	if (read_is_doubtful(read, error)) {
		read->second_round = TRUE;
		operation_submit_again(operation);
		return;
	}
	verdict = read_verdict(read, error);
	read->handler->done(read->blocks.next, verdict, read->data);
	read_free(read);
}

void
remote_read(ImapPool *pool, const RemoteRead *arguments, const RemoteReadHandler *handler,
            gpointer data)
{
	Read *read = g_new0(Read, 1);

	read->handler = handler;
	read->data = data;
	read->uid = arguments->uid;
	read->origin = arguments->offset;
	read->length = arguments->length;
	read->blocks.next = arguments->offset;
	read->existing = uid_set_new();
	read->operation.start = read_start;
	read->operation.finish = read_finish;
	operation_submit(&read->operation, pool, arguments->mailbox, arguments->uidvalidity);
}
