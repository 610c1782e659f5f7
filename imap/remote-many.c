/*
 * Reading many messages with one command: UID FETCH a,b,c (UID BODY.PEEK[]) (RFC 3501 6.4.5).
 *
 * Nobody waits for any single one of them, so nothing is done about those that the server leaves
 * out: whoever wants such a message asks for it alone (remote-read.c), and hears why it cannot be
 * had. So one bad message spoils nothing. After a lost connection the command is repeated for those
 * that have not come.
 */
#include "literal-blocks.h"
#include "remote-operations.h"
#include "uid-set.h"

typedef struct {
	Operation operation;
	const RemoteReadManyHandler *handler;
	gpointer data;
	GHashTable *missing; /* UIDs that have not come */
	guint32 streaming;   /* the UID whose literal is coming, or 0 */
	LiteralBlocks blocks;
} Many;

static void
on_block(guint64 offset, GBytes *bytes, gpointer data)
{
	Many *many = data;

	many->handler->block(many->streaming, offset, bytes, many->data);
}

static void
many_data(const guint8 *bytes, gsize length, gpointer data)
{
	Many *many = data;

	literal_blocks_add(&many->blocks, bytes, length, on_block, many);
}

static void
many_end(gpointer data)
{
	Many *many = data;

	literal_blocks_end(&many->blocks, on_block, many);
	many->handler->message(many->streaming, many->blocks.next, many->data);
	many->streaming = 0;
}

static gboolean
on_literal(guint32 uid, guint64 origin, guint64 size, gpointer data)
{
	Many *many = data;

	if (origin || !g_hash_table_contains(many->missing, GUINT_TO_POINTER(uid)) ||
	    !operation_mailbox_valid(&many->operation))
		return FALSE;
	if (size > REMOTE_MAX_WHOLE) {
		session_fail(many->operation.session,
		             g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL,
		                         "a message of %" G_GUINT64_FORMAT " bytes", size));
		return FALSE;
	}
	g_hash_table_remove(many->missing, GUINT_TO_POINTER(uid));
	many->streaming = uid;
	literal_blocks_begin(&many->blocks, 0, size);
	return TRUE;
}

/* The bytes came as a string, or before their UID: they are all here now. */
static gboolean
on_fetch(const ImapResponse *response, gpointer data)
{
	ImapFetch fetch;
	gboolean mine;

	if (!g_str_equal(response->name, "FETCH") || !imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	mine = fetch.has_body && !fetch.body_streamed &&
	       on_literal(fetch.uid, fetch.body_origin, fetch.body_length, data);
	if (mine) {
		many_data((const guint8 *)fetch.body, fetch.body_length, data);
		many_end(data);
	}
	imap_fetch_clear(&fetch);
	return mine;
}

static const ImapCommandHandler fetch_handler = {
	.untagged = on_fetch,
	.literal = on_literal,
	.literal_data = many_data,
	.literal_end = many_end,
	.done = operation_on_done,
};

/* A message that was cut short is missing still. */
static void
many_start(Operation *operation)
{
	Many *many = (Many *)operation;
	ImapCommand *command;
	g_autoptr(UidSet) uids = uid_set_new();
	g_autofree char *set = NULL;
	GHashTableIter iter;
	gpointer uid;

	if (many->streaming)
		g_hash_table_add(many->missing, GUINT_TO_POINTER(many->streaming));
	many->streaming = 0;
	if (!g_hash_table_size(many->missing))
		return; /* only the end of the answer was lost */
	command = command_new("FETCH", &fetch_handler, many);
	g_hash_table_iter_init(&iter, many->missing);
	while (g_hash_table_iter_next(&iter, &uid, NULL))
		uid_set_add(uids, GPOINTER_TO_UINT(uid));
	set = uid_set_to_string(uids);
	command_text(command, "UID FETCH %s (UID BODY.PEEK[])", set);
	operation_send(operation, command);
}

static void
many_finish(Operation *operation, const GError *error)
{
	Many *many = (Many *)operation;

	many->handler->done(error, many->data);
	literal_blocks_clear(&many->blocks);
	g_hash_table_unref(many->missing);
	operation_clear(operation);
	g_free(many);
}

void
remote_read_many(ImapPool *pool, const RemoteReadMany *arguments,
                 const RemoteReadManyHandler *handler, gpointer data)
{
	Many *many = g_new0(Many, 1);

	many->handler = handler;
	many->data = data;
	many->missing = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < arguments->n_uids; i++)
		g_hash_table_add(many->missing, GUINT_TO_POINTER(arguments->uids[i]));
	many->operation.job.kind = JOB_AHEAD;
	many->operation.start = many_start;
	many->operation.finish = many_finish;
	operation_submit(&many->operation, pool, arguments->mailbox, arguments->uidvalidity);
}
