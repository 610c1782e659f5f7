/*
 * The writes, one by one: each has a struct with its arguments, which begins with an IndexWrite, a
 * function that carries it out on the worker, and the public one that pushes it.
 *
 * Many messages are many writes, so that who loads another mailbox meanwhile need not wait for all
 * of them.
 */
#include "index-private.h"

#include <string.h>

#define ROWS_AT_A_TIME 2000

/* --- what belongs to the file as a whole --- */

typedef struct {
	IndexWrite base;
	gboolean sizes_lie;
} SizesLieWrite;

static int
write_sizes_lie(Index *index, IndexWrite *write)
{
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_META);

	sqlite3_bind_text(statement, 1, "sizes_lie", -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 2, ((SizesLieWrite *)write)->sizes_lie != 0);
	return index_step(index, statement);
}

void
index_set_sizes_lie(Index *index, gboolean sizes_lie)
{
	SizesLieWrite *write;

	if (!index->sizes_lie == !sizes_lie)
		return;
	index->sizes_lie = sizes_lie;
	write = g_new0(SizesLieWrite, 1);
	write->base.write = write_sizes_lie;
	write->sizes_lie = sizes_lie;
	index_write_push(index, 0, &write->base);
}

/* --- mailboxes --- */

typedef struct {
	IndexWrite base;
	IndexMailbox mailbox;
} MailboxWrite;

static int
delete_messages(Index *index, guint32 mailbox, guint32 first, guint32 last)
{
	sqlite3_stmt *statement = index_statement(index, INDEX_DELETE_MESSAGES);

	sqlite3_bind_int64(statement, 1, mailbox);
	sqlite3_bind_int64(statement, 2, first);
	sqlite3_bind_int64(statement, 3, last);
	return index_step(index, statement);
}

/* Messages of another UIDVALIDITY are other messages. */
static int
forget_other(Index *index, const IndexMailbox *mailbox)
{
	sqlite3_stmt *statement = index_statement(index, INDEX_RESET_OTHER);
	int code;

	sqlite3_bind_int64(statement, 1, mailbox->id);
	sqlite3_bind_int64(statement, 2, mailbox->uidvalidity);
	code = index_step(index, statement);
	if (code || !sqlite3_changes(index->db))
		return code;
	return delete_messages(index, mailbox->id, 0, G_MAXUINT32);
}

static int
write_mailbox(Index *index, IndexWrite *write)
{
	const IndexMailbox *mailbox = &((MailboxWrite *)write)->mailbox;
	int code = forget_other(index, mailbox);
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_MAILBOX);

	if (code)
		return code;
	sqlite3_bind_int64(statement, 1, mailbox->id);
	sqlite3_bind_int64(statement, 2, mailbox->position);
	if (mailbox->name)
		sqlite3_bind_blob(statement, 3, mailbox->name, (int)strlen(mailbox->name),
		                  SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, mailbox->path, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 5, mailbox->delimiter);
	sqlite3_bind_int(statement, 6, mailbox->selectable != 0);
	sqlite3_bind_int64(statement, 7, mailbox->uidvalidity);
	return index_step(index, statement);
}

static void
clear_mailbox(IndexWrite *write)
{
	MailboxWrite *mailbox = (MailboxWrite *)write;

	g_free(mailbox->mailbox.name);
	g_free(mailbox->mailbox.path);
}

void
index_save_mailbox(Index *index, const IndexMailbox *mailbox)
{
	MailboxWrite *write = g_new0(MailboxWrite, 1);

	g_assert(mailbox->id && mailbox->id <= INDEX_MAX_ID);
	write->base.write = write_mailbox;
	write->base.clear = clear_mailbox;
	write->mailbox = *mailbox;
	write->mailbox.name = g_strdup(mailbox->name);
	write->mailbox.path = g_strdup(mailbox->path);
	index_write_push(index, mailbox->id, &write->base);
}

typedef struct {
	IndexWrite base;
	IndexState state;
} StateWrite;

static int
write_state(Index *index, IndexWrite *write)
{
	const IndexState *state = &((StateWrite *)write)->state;
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_STATE);

	sqlite3_bind_int64(statement, 1, write->mailbox);
	sqlite3_bind_int64(statement, 2, state->uidnext);
	sqlite3_bind_int64(statement, 3, (gint64)state->highestmodseq);
	sqlite3_bind_int64(statement, 4, state->exists);
	sqlite3_bind_int(statement, 5, state->complete != 0);
	sqlite3_bind_int(statement, 6, state->holey != 0);
	return index_step(index, statement);
}

void
index_save_state(Index *index, guint32 mailbox, const IndexState *state)
{
	StateWrite *write = g_new0(StateWrite, 1);

	write->base.write = write_state;
	write->state = *state;
	index_write_push(index, mailbox, &write->base);
}

typedef struct {
	IndexWrite base;
	char *permanent_flags; /* or NULL */
	gboolean read_only;
} AccessWrite;

static int
write_access(Index *index, IndexWrite *write)
{
	const AccessWrite *access = (AccessWrite *)write;
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_ACCESS);

	sqlite3_bind_int64(statement, 1, write->mailbox);
	if (access->permanent_flags)
		sqlite3_bind_text(statement, 2, access->permanent_flags, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 3, access->read_only != 0);
	return index_step(index, statement);
}

static void
clear_access(IndexWrite *write)
{
	g_free(((AccessWrite *)write)->permanent_flags);
}

void
index_save_access(Index *index, guint32 mailbox, const char *permanent_flags, gboolean read_only)
{
	AccessWrite *write = g_new0(AccessWrite, 1);

	write->base.write = write_access;
	write->base.clear = clear_access;
	write->permanent_flags = g_strdup(permanent_flags);
	write->read_only = read_only;
	index_write_push(index, mailbox, &write->base);
}

static int
write_removal(Index *index, IndexWrite *write)
{
	static const IndexStatement statements[] = {INDEX_DELETE_MAILBOX, INDEX_WEAR_ID};
	int code = delete_messages(index, write->mailbox, 0, G_MAXUINT32);

	for (guint i = 0; !code && i < G_N_ELEMENTS(statements); i++) {
		sqlite3_stmt *statement = index_statement(index, statements[i]);

		sqlite3_bind_int64(statement, 1, write->mailbox);
		code = index_step(index, statement);
	}
	return code;
}

void
index_remove_mailbox(Index *index, guint32 mailbox)
{
	IndexWrite *write = g_new0(IndexWrite, 1);

	write->write = write_removal;
	index_write_push(index, mailbox, write);
}

/* --- flags --- */

/* The id of @flags, which are interned. Worker only. */
static int
find_flags_id(Index *index, const char *flags, guint *id)
{
	sqlite3_stmt *statement;
	int code;

	*id = GPOINTER_TO_UINT(g_hash_table_lookup(index->ids_by_flags, flags));
	if (*id)
		return SQLITE_OK;
	*id = ++index->last_flags_id;
	statement = index_statement(index, INDEX_SAVE_FLAG_SET);
	sqlite3_bind_int64(statement, 1, *id);
	sqlite3_bind_text(statement, 2, flags, -1, SQLITE_STATIC);
	code = index_step(index, statement);
	if (code)
		return code;
	g_hash_table_insert(index->flags_by_id, GUINT_TO_POINTER(*id), (gpointer)flags);
	g_hash_table_insert(index->ids_by_flags, (gpointer)flags, GUINT_TO_POINTER(*id));
	return SQLITE_OK;
}

/* --- many messages --- */

/* Elements [begin, end) of an array, which the writes share. */
typedef struct {
	IndexWrite base;
	GArray *array;
	guint begin, end;
} RowsWrite;

static void
clear_rows(IndexWrite *write)
{
	g_array_unref(((RowsWrite *)write)->array);
}

/* Takes @array. */
static void
push_rows(Index *index, guint32 mailbox, GArray *array, int (*run)(Index *, IndexWrite *))
{
	for (guint begin = 0; begin < array->len; begin += ROWS_AT_A_TIME) {
		RowsWrite *write = g_new0(RowsWrite, 1);

		write->base.write = run;
		write->base.clear = clear_rows;
		write->array = g_array_ref(array);
		write->begin = begin;
		write->end = MIN(begin + ROWS_AT_A_TIME, array->len);
		index_write_push(index, mailbox, &write->base);
	}
	g_array_unref(array);
}

static int
write_message(Index *index, guint32 mailbox, const IndexMessage *message)
{
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_MESSAGE);
	guint flags;
	int code = find_flags_id(index, message->flags, &flags);

	if (code)
		return code;
	sqlite3_bind_int64(statement, 1, mailbox);
	sqlite3_bind_int64(statement, 2, message->uid);
	sqlite3_bind_int64(statement, 3, (gint64)MIN(message->size, G_MAXINT64));
	sqlite3_bind_int(statement, 4, message->size_exact != 0);
	sqlite3_bind_int64(statement, 5, message->internaldate);
	sqlite3_bind_int64(statement, 6, flags);
	sqlite3_bind_int64(statement, 7, (gint64)message->content_key);
	sqlite3_bind_text(statement, 8, message->name, -1, SQLITE_STATIC);
	return index_step(index, statement);
}

static int
write_messages(Index *index, IndexWrite *write)
{
	const RowsWrite *rows = (RowsWrite *)write;
	int code = SQLITE_OK;

	for (guint i = rows->begin; !code && i < rows->end; i++)
		code = write_message(index, write->mailbox,
		                     &g_array_index(rows->array, IndexMessage, i));
	return code;
}

void
index_save_messages(Index *index, guint32 mailbox, GArray *messages)
{
	push_rows(index, mailbox, messages, write_messages);
}

static int
write_flags(Index *index, IndexWrite *write)
{
	const RowsWrite *rows = (RowsWrite *)write;
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_FLAGS);
	int code = SQLITE_OK;

	for (guint i = rows->begin; !code && i < rows->end; i++) {
		const IndexFlags *row = &g_array_index(rows->array, IndexFlags, i);
		guint flags;

		code = find_flags_id(index, row->flags, &flags);
		if (code)
			break;
		sqlite3_bind_int64(statement, 1, write->mailbox);
		sqlite3_bind_int64(statement, 2, row->uid);
		sqlite3_bind_int64(statement, 3, flags);
		code = index_step(index, statement);
	}
	return code;
}

void
index_save_flags(Index *index, guint32 mailbox, GArray *flags)
{
	push_rows(index, mailbox, flags, write_flags);
}

/* --- one message, or a range of them --- */

typedef struct {
	IndexWrite base;
	guint32 uid;  /* or the first */
	guint32 last; /* of a range */
	guint64 size;
	gboolean exact;
	char *name;
} MessageWrite;

static void
clear_message(IndexWrite *write)
{
	g_free(((MessageWrite *)write)->name);
}

static void
push_message(Index *index, guint32 mailbox, int (*run)(Index *, IndexWrite *),
             const MessageWrite *arguments)
{
	MessageWrite *write = g_memdup2(arguments, sizeof(*arguments));

	write->base.write = run;
	write->base.clear = clear_message;
	index_write_push(index, mailbox, &write->base);
}

static int
write_size(Index *index, IndexWrite *write)
{
	const MessageWrite *message = (MessageWrite *)write;
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_SIZE);

	sqlite3_bind_int64(statement, 1, write->mailbox);
	sqlite3_bind_int64(statement, 2, message->uid);
	sqlite3_bind_int64(statement, 3, (gint64)MIN(message->size, G_MAXINT64));
	sqlite3_bind_int(statement, 4, message->exact != 0);
	return index_step(index, statement);
}

void
index_save_size(Index *index, guint32 mailbox, guint32 uid, guint64 size, gboolean exact)
{
	const MessageWrite arguments = {.uid = uid, .size = size, .exact = exact};

	push_message(index, mailbox, write_size, &arguments);
}

static int
write_name(Index *index, IndexWrite *write)
{
	const MessageWrite *message = (MessageWrite *)write;
	sqlite3_stmt *statement = index_statement(index, INDEX_SAVE_NAME);

	sqlite3_bind_int64(statement, 1, write->mailbox);
	sqlite3_bind_int64(statement, 2, message->uid);
	sqlite3_bind_text(statement, 3, message->name, -1, SQLITE_STATIC);
	return index_step(index, statement);
}

void
index_save_name(Index *index, guint32 mailbox, guint32 uid, const char *name)
{
	const MessageWrite arguments = {.uid = uid, .name = g_strdup(name)};

	push_message(index, mailbox, write_name, &arguments);
}

static int
write_forget(Index *index, IndexWrite *write)
{
	const MessageWrite *message = (MessageWrite *)write;

	return delete_messages(index, write->mailbox, message->uid, message->last);
}

void
index_forget_messages(Index *index, guint32 mailbox, guint32 first, guint32 last)
{
	const MessageWrite arguments = {.uid = first, .last = last};

	push_message(index, mailbox, write_forget, &arguments);
}
