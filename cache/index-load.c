/*
 * Loading the messages of a mailbox, each time when a mailbox is entered first.
 *
 * The file may have been written by anybody: a row is taken only if all of it makes sense.
 */
#include "index-private.h"

#include <string.h>

#define MAX_NAME_BYTES 255

typedef struct {
	DiskJob job;
	Index *index;
	guint32 mailbox;
	GArray *messages; /* NULL: they cannot be read */
	IndexLoaded callback;
	gpointer data;
} Load;

static void
message_clear(gpointer data)
{
	g_free(((IndexMessage *)data)->name);
}

GArray *
index_messages_new(void)
{
	GArray *messages = g_array_new(FALSE, FALSE, sizeof(IndexMessage));

	g_array_set_clear_func(messages, message_clear);
	return messages;
}

static gboolean
name_is_valid(const char *name, gsize length)
{
	return name && length <= MAX_NAME_BYTES && !memchr(name, '/', length) &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       g_utf8_validate(name, (gssize)length, NULL);
}

/* The message in a row, whose UID is above @after_uid; its name is the row's. FALSE: it makes no
 * sense. */
static gboolean
get_message(Index *index, sqlite3_stmt *row, guint32 after_uid, IndexMessage *message)
{
	gint64 uid = sqlite3_column_int64(row, 0), size = sqlite3_column_int64(row, 1);
	gint64 flags = sqlite3_column_int64(row, 4);

	message->name = (char *)sqlite3_column_text(row, 6);
	if (uid <= after_uid || uid > G_MAXUINT32 || size < 0 || flags <= 0 ||
	    flags > G_MAXUINT32 ||
	    !name_is_valid(message->name, (gsize)sqlite3_column_bytes(row, 6)))
		return FALSE;
	message->uid = (guint32)uid;
	message->size = (guint64)size;
	message->size_exact = sqlite3_column_int(row, 2) != 0;
	message->internaldate = sqlite3_column_int64(row, 3);
	message->content_key = (guint64)sqlite3_column_int64(row, 5);
	message->flags = g_hash_table_lookup(index->flags_by_id, GUINT_TO_POINTER((guint)flags));
	return message->flags != NULL;
}

static int
load_rows(Index *index, sqlite3_stmt *statement, GArray *messages)
{
	guint32 last_uid = 0;
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		IndexMessage message;

		if (!get_message(index, statement, last_uid, &message))
			continue;
		message.name = g_strdup(message.name);
		last_uid = message.uid;
		g_array_append_val(messages, message);
	}
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static void
load_run(DiskJob *job)
{
	Load *load = (Load *)job;
	Index *index = load->index;
	sqlite3_stmt *statement = index_statement(index, INDEX_LOAD_MESSAGES);
	int code;

	load->messages = index_messages_new();
	sqlite3_bind_int64(statement, 1, load->mailbox);
	code = load_rows(index, statement, load->messages);
	sqlite3_reset(statement);
	if (!code)
		return;
	g_clear_pointer(&load->messages, g_array_unref);
	index_write_fail(index, code);
}

static void
load_done(DiskJob *job)
{
	Load *load = (Load *)job;

	load->callback(load->messages, load->data);
	g_free(load);
}

void
index_load_messages(Index *index, guint32 mailbox, IndexLoaded callback, gpointer data)
{
	Load *load = g_new0(Load, 1);

	load->job.run = load_run;
	load->job.done = load_done;
	load->index = index;
	load->mailbox = mailbox;
	load->callback = callback;
	load->data = data;
	if (g_hash_table_contains(index->saving, GUINT_TO_POINTER(mailbox)))
		disk_push(index->disk, &load->job);
	else
		disk_push_urgent(index->disk, &load->job);
}
