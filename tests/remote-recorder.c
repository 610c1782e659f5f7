/*
 * Handlers that write down what they are told.
 */
#include "remote-recorder.h"

#include <string.h>

#include "error-name.h"

Record *
record_new(const char *label)
{
	Record *record = g_new0(Record, 1);

	record->label = label;
	record->log = g_string_new(NULL);
	record->message = g_string_new(NULL);
	return record;
}

void
record_free(Record *record)
{
	g_string_free(record->log, TRUE);
	g_string_free(record->message, TRUE);
	g_free(record);
}

void
record_check(Record *record, const char *expected)
{
	WAIT_UNTIL(record->label, record->done);
	if (!g_str_equal(record->log->str, expected))
		g_error("%s: expected: %s\ngot: %s\n%s", record->label, expected, record->log->str,
		        record->message->str);
}

void
record_end(Record *record, const GError *error)
{
	g_assert_false(record->done);
	record->done = TRUE;
	if (!error)
		return;
	g_string_append_printf(record->log, "error %s; ", error_name(error));
	g_string_assign(record->message, error->message);
}

Record *
record_begun(Record *record)
{
	g_assert_cmpuint(record->log->len, ==, 0);
	g_assert_false(record->done);
	return record;
}

void
record_done(const GError *error, gpointer data)
{
	Record *record = data;

	if (!error)
		g_string_append(record->log, "done; ");
	record_end(record, error);
}

const RemoteDoneHandler record_done_handler = {.done = record_done};

static void
record_end_number(Record *record, guint64 number, const GError *error)
{
	if (!error)
		g_string_append_printf(record->log, "done %" G_GUINT64_FORMAT "; ", number);
	record_end(record, error);
}

/* --- list --- */

static void
write_special_use(Record *record, RemoteSpecialUse use)
{
	static const char *const names[] = {"drafts",  "sent", "trash",  "junk",
	                                    "archive", "all",  "flagged"};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (use & 1u << i)
			g_string_append_printf(record->log, " %s", names[i]);
}

static void
on_mailbox(const RemoteMailbox *mailbox, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%s", mailbox->path);
	if (!g_str_equal(mailbox->name, mailbox->path))
		g_string_append_printf(record->log, " = %s", mailbox->name);
	if (mailbox->delimiter)
		g_string_append_printf(record->log, " '%c'", mailbox->delimiter);
	if (!mailbox->selectable)
		g_string_append(record->log, " noselect");
	write_special_use(record, mailbox->special_use);
	if (mailbox->uidvalidity || mailbox->messages)
		g_string_append_printf(record->log, " %u/%u", mailbox->messages,
		                       mailbox->uidvalidity);
	if (mailbox->uidnext)
		g_string_append_printf(record->log, " next %u", mailbox->uidnext);
	if (mailbox->highestmodseq)
		g_string_append_printf(record->log, " modseq %" G_GUINT64_FORMAT,
		                       mailbox->highestmodseq);
	if (mailbox->unseen)
		g_string_append_printf(record->log, " unseen %u", mailbox->unseen);
	if (mailbox->subscribed)
		g_string_append(record->log, " subscribed");
	if (mailbox->rights)
		g_string_append_printf(record->log, " rights %s", mailbox->rights);
	g_string_append(record->log, "; ");
}

static void
on_list_done(const GError *error, gpointer data)
{
	record_end_number(data, 0, error);
}

Record *
record_list(RemoteFixture *fixture, gboolean figures)
{
	static const RemoteListHandler handler = {.mailbox = on_mailbox, .done = on_list_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->list(fixture->remote, figures, &handler, record);
	g_assert_false(record->done);
	return record;
}

/* --- scan --- */

static void
on_opened(guint32 uidvalidity, gpointer data)
{
	Record *record = data;

	g_string_append_printf(record->log, "opened %u; ", uidvalidity);
}

static void
on_message(const RemoteMessage *message, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%u", message->uid);
	if (message->has_size)
		g_string_append_printf(record->log, " size %" G_GUINT64_FORMAT, message->size);
	if (message->internaldate)
		g_string_append_printf(record->log, " date %" G_GINT64_FORMAT,
		                       message->internaldate);
	if (message->header)
		g_string_append_printf(record->log, " <%.*s>", (int)message->header_length,
		                       message->header);
	if (message->flags)
		g_string_append_printf(record->log, " [%s]", message->flags);
	if (message->email_id)
		g_string_append_printf(record->log, " email %s", message->email_id);
	g_string_append(record->log, "; ");
}

static void
on_flags(guint32 uid, const char *flags, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%u [%s]; ", uid, flags);
}

static void
on_vanished(guint32 first, guint32 last, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "vanished %u:%u; ", first, last);
}

static void
on_batch(gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	record->n_batches++;
}

/* "done 2; ", and what else was told: "done 2 next 9 modseq 5 keeps [\Seen] read-only; ". */
static void
on_scanned(const RemoteScanned *scanned, const GError *error, gpointer data)
{
	Record *record = data;

	record_end_number(record, scanned->exists, error);
	if (error)
		return;
	g_string_truncate(record->log, record->log->len - strlen("; "));
	if (scanned->uidnext)
		g_string_append_printf(record->log, " next %u", scanned->uidnext);
	if (scanned->highestmodseq)
		g_string_append_printf(record->log, " modseq %" G_GUINT64_FORMAT,
		                       scanned->highestmodseq);
	if (scanned->permanent_flags)
		g_string_append_printf(record->log, " keeps [%s]", scanned->permanent_flags);
	if (scanned->read_only)
		g_string_append(record->log, " read-only");
	g_string_append(record->log, "; ");
	record->uidvalidity = scanned->uidvalidity;
}

static void
on_exists_done(guint32 exists, const GError *error, gpointer data)
{
	record_end_number(data, exists, error);
}

Record *
record_scan(RemoteFixture *fixture, const RemoteScan *scan)
{
	static const RemoteScanHandler handler = {
		.opened = on_opened,
		.message = on_message,
		.flags = on_flags,
		.vanished = on_vanished,
		.batch = on_batch,
		.done = on_scanned,
	};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->scan(fixture->remote, scan, &handler, record);
	g_assert_cmpuint(record->log->len, ==, 0);
	return record;
}

/* --- uids --- */

static void
on_range(guint32 first, guint32 last, gpointer data)
{
	Record *record = data;

	g_string_append_printf(record->log, "%u:%u; ", first, last);
}

Record *
record_uids(RemoteFixture *fixture, const char *mailbox, guint32 uidvalidity)
{
	static const RemoteUidsHandler handler = {.range = on_range, .done = on_exists_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->uids(fixture->remote, mailbox, uidvalidity, &handler, record);
	g_assert_cmpuint(record->log->len, ==, 0);
	return record;
}

/* --- read --- */

static void
on_block(guint64 offset, GBytes *bytes, gpointer data)
{
	Record *record = data;
	gsize length;
	const guint8 *byte = g_bytes_get_data(bytes, &length);

	g_assert_false(record->done);
	g_assert_cmpuint(offset % REMOTE_BLOCK_SIZE, ==, 0);
	g_assert_cmpuint(length, <=, REMOTE_BLOCK_SIZE);
	for (gsize i = 0; i < length; i++)
		if (byte[i] != sample_byte(offset + i))
			g_error("%s: wrong byte at %" G_GUINT64_FORMAT, record->label, offset + i);
	g_string_append_printf(record->log, "block %" G_GUINT64_FORMAT "+%" G_GSIZE_FORMAT "; ",
	                       offset, length);
}

static void
on_read_done(guint64 end, const GError *error, gpointer data)
{
	record_end_number(data, end, error);
}

Record *
record_read(RemoteFixture *fixture, const RemoteRead *read)
{
	static const RemoteReadHandler handler = {.block = on_block, .done = on_read_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->read(fixture->remote, read, &handler, record);
	g_assert_cmpuint(record->log->len, ==, 0);
	return record;
}

/* --- the Remote --- */

static RemoteFixture
fixture_new(const char *label, guint n_connections, gint64 timeout_us, gboolean read_only)
{
	RemoteFixture fixture = {.label = label, .server = scripted_server_new(label, NULL)};
	g_autoptr(GError) error = NULL;
	ImapSettings settings = {
		.host = g_strdup("127.0.0.1"),
		.port = scripted_server_port(fixture.server),
		.tls = IMAP_TLS_NONE,
		.user = g_strdup("joe"),
		.password = g_strdup("secret"),
		.read_only = read_only,
		.n_connections = n_connections ? n_connections : 1,
		.timeout_us = timeout_us ? timeout_us : 5 * G_USEC_PER_SEC,
	};

	fixture.remote = imap_remote_new(&settings, &error);
	g_assert_no_error(error);
	return fixture;
}

RemoteFixture
remote_fixture_new(const char *label, const char *const *const *scripts, guint n_connections,
                   gint64 timeout_us)
{
	RemoteFixture fixture = fixture_new(label, n_connections, timeout_us, FALSE);

	for (; *scripts; scripts++)
		scripted_server_add(fixture.server, *scripts);
	return fixture;
}

RemoteFixture
remote_fixture_new_read_only(const char *label)
{
	return fixture_new(label, 1, 0, TRUE);
}

void
remote_fixture_free(RemoteFixture *fixture)
{
	imap_remote_free(fixture->remote);
	scripted_server_free(fixture->server);
}

char *
remote_status_value(RemoteFixture *fixture, const char *name)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *prefix = g_strconcat(name, ": ", NULL);
	const char *value;

	fixture->remote->operations->status(fixture->remote, text);
	value = strstr(text->str, prefix);
	return value ? g_strndup(value + strlen(prefix), strcspn(value + strlen(prefix), "\n"))
	             : NULL;
}
