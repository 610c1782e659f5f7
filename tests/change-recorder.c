/*
 * Handlers that write down what changes tell.
 */
#include "change-recorder.h"

/* --- append --- */

static void
on_appended(guint32 uidvalidity, guint32 uid, gboolean replaced, const GError *error, gpointer data)
{
	Record *record = data;

	if (!error)
		g_string_append_printf(record->log, "done %u/%u%s; ", uidvalidity, uid,
		                       replaced ? " replaced" : "");
	record_end(record, error);
}

Record *
record_append(RemoteFixture *fixture, const RemoteAppend *append)
{
	static const RemoteAppendHandler handler = {.done = on_appended};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->append(fixture->remote, append, &handler, record);
	return record_begun(record);
}

/* --- transfer --- */

static void
on_transferred(guint32 uid, guint32 new_uid, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "%u as %u; ", uid, new_uid);
}

static void
on_transfer_done(guint32 to_uidvalidity, gboolean moved, const GError *error, gpointer data)
{
	Record *record = data;

	if (!error)
		g_string_append_printf(record->log, "%s %u; ", moved ? "moved" : "copied",
		                       to_uidvalidity);
	record_end(record, error);
}

Record *
record_transfer(RemoteFixture *fixture, const RemoteTransfer *transfer)
{
	static const RemoteTransferHandler handler = {.transferred = on_transferred,
	                                              .done = on_transfer_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->transfer(fixture->remote, transfer, &handler, record);
	return record_begun(record);
}

/* --- store, expunge, delete, subscribe --- */

static void
on_modified(guint32 uid, gpointer data)
{
	Record *record = data;

	g_assert_false(record->done);
	g_string_append_printf(record->log, "modified %u; ", uid);
}

static void
on_disturbed(guint32 uid, gpointer data)
{
	Record *record = data;

	g_string_append_printf(record->log, "disturbed %u; ", uid);
}

Record *
record_store(RemoteFixture *fixture, const RemoteStore *store)
{
	static const RemoteStoreHandler handler = {
		.modified = on_modified, .disturbed = on_disturbed, .done = record_done};
	Record *record = record_new(fixture->label);

	fixture->remote->operations->store(fixture->remote, store, &handler, record);
	return record_begun(record);
}

Record *
record_expunge(RemoteFixture *fixture, const RemoteExpunge *expunge)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->expunge(fixture->remote, expunge, &record_done_handler,
	                                     record);
	return record_begun(record);
}

Record *
record_delete(RemoteFixture *fixture, const char *mailbox)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->delete (fixture->remote, mailbox, &record_done_handler,
	                                     record);
	return record_begun(record);
}

Record *
record_subscribe(RemoteFixture *fixture, const char *mailbox, gboolean subscribed)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->subscribe(fixture->remote, mailbox, subscribed,
	                                       &record_done_handler, record);
	return record_begun(record);
}

/* --- create, rename --- */

static void
on_named(const char *name, const GError *error, gpointer data)
{
	Record *record = data;

	g_assert_true(!name == !!error);
	if (!error)
		g_string_append_printf(record->log, "done %s; ", name);
	record_end(record, error);
}

static const RemoteMailboxHandler mailbox_handler = {.done = on_named};

Record *
record_create(RemoteFixture *fixture, const RemoteMailboxName *name)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->create(fixture->remote, name, &mailbox_handler, record);
	return record_begun(record);
}

Record *
record_rename(RemoteFixture *fixture, const char *mailbox, const RemoteMailboxName *name)
{
	Record *record = record_new(fixture->label);

	fixture->remote->operations->rename(fixture->remote, mailbox, name, &mailbox_handler,
	                                    record);
	return record_begun(record);
}
