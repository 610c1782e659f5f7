/*
 * Handlers that write down what they are told.
 */
#include "details-recorder.h"

#define MAX_SHOWN 100 /* bytes of a value */

static void
write_lines(Record *record, const char *text)
{
	g_autofree char *line = g_strdelimit(g_strdup(text), "\n", '|');

	g_string_append(record->log, line);
}

/* --- details --- */

static void
write_details(Record *record, const RemoteDetails *details)
{
	g_string_append_printf(record->log, "modseq %" G_GUINT64_FORMAT, details->modseq);
	if (details->flags)
		g_string_append_printf(record->log, " [%s]", details->flags);
	if (details->email_id)
		g_string_append_printf(record->log, " email %s", details->email_id);
	if (details->thread_id)
		g_string_append_printf(record->log, " thread %s", details->thread_id);
	if (details->labels) {
		g_string_append(record->log, " labels ");
		write_lines(record, details->labels);
	}
	g_string_append(record->log, "; ");
}

static void
on_details(const RemoteDetails *details, const GError *error, gpointer data)
{
	g_assert_true(!details == !!error);
	if (details)
		write_details(data, details);
	record_end(data, error);
}

Record *
record_details(RemoteFixture *fixture, const char *mailbox, guint32 uidvalidity, guint32 uid)
{
	static const RemoteDetailsHandler handler = {.done = on_details};
	const RemoteMessageId message = {mailbox, uidvalidity, uid};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->details(fixture->remote, &message, &handler, record);
	return record_begun(record);
}

/* --- text --- */

static void
on_text(const char *text, const GError *error, gpointer data)
{
	Record *record = data;

	g_assert_true(!text == !!error);
	if (text) {
		g_string_append(record->log, "text ");
		write_lines(record, text);
		g_string_append(record->log, "; ");
	}
	record_end(record, error);
}

static const RemoteTextHandler text_handler = {.done = on_text};

Record *
record_rights(RemoteFixture *fixture, const char *mailbox)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->rights(fixture->remote, mailbox, &text_handler, record);
	return record_begun(record);
}

Record *
record_acl(RemoteFixture *fixture, const char *mailbox)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->acl(fixture->remote, mailbox, &text_handler, record);
	return record_begun(record);
}

/* --- values --- */

/* As it is, or only how much of it there is. */
static void
write_value(Record *record, GBytes *bytes)
{
	gsize length;
	const char *value = g_bytes_get_data(bytes, &length);

	if (length > MAX_SHOWN) {
		g_string_append_printf(record->log, "value of %" G_GSIZE_FORMAT "; ", length);
		return;
	}
	g_string_append(record->log, "value ");
	for (gsize i = 0; i < length; i++) {
		if (value[i])
			g_string_append_c(record->log, value[i]);
		else
			g_string_append(record->log, "NUL");
	}
	g_string_append(record->log, "; ");
}

static void
on_value(GBytes *bytes, const GError *error, gpointer data)
{
	Record *record = data;

	g_assert_false(bytes && error);
	if (bytes)
		write_value(record, bytes);
	else if (!error)
		g_string_append(record->log, "no value; ");
	record_end(record, error);
}

Record *
record_metadata(RemoteFixture *fixture, const char *mailbox, const char *entry)
{
	static const RemoteBytesHandler handler = {.done = on_value};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->metadata(fixture->remote, mailbox, entry, &handler, record);
	return record_begun(record);
}

static void
on_entry(const char *entry, GBytes *value, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%s ", entry);
	if (value)
		write_value(record, value);
	else
		g_string_append(record->log, "long; ");
}

/* --- changes --- */

Record *
record_all_metadata(RemoteFixture *fixture, const char *mailbox)
{
	static const RemoteMetadataHandler handler = {.entry = on_entry, .done = record_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->all_metadata(fixture->remote, mailbox, &handler, record);
	return record_begun(record);
}

Record *
record_set_acl(RemoteFixture *fixture, const char *mailbox, const char *identifier,
               const char *rights)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->set_acl(fixture->remote, mailbox, identifier, rights,
	                                     &record_done_handler, record);
	return record_begun(record);
}

Record *
record_set_metadata(RemoteFixture *fixture, const char *mailbox, const char *entry, GBytes *value)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->set_metadata(fixture->remote, mailbox, entry, value,
	                                          &record_done_handler, record);
	return record_begun(record);
}

/* --- quota --- */

static void
on_resource(const char *root, const char *resource, guint64 usage, guint64 limit, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%s %s %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "; ",
	                       root, resource, usage, limit);
}

Record *
record_quota(RemoteFixture *fixture, const char *mailbox)
{
	static const RemoteQuotaHandler handler = {.resource = on_resource, .done = record_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->quota(fixture->remote, mailbox, &handler, record);
	return record_begun(record);
}
