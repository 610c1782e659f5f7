/*
 * What else a fake remote tells of messages and mailboxes: details, rights, annotations and quota.
 */
#include "fake-change.h"

#include <string.h>

/* --- carrying out --- */

static void
do_details(FakeChange *change)
{
	FakeMailbox *mailbox = fake_change_open(change, change->mailbox, change->uidvalidity);
	const FakeMessage *message =
		mailbox ? fake_message(mailbox, g_array_index(change->uids, guint32, 0)) : NULL;

	if (!mailbox)
		return;
	if (!message) {
		fake_change_fail(change, IMAPFS_ERROR_STALE, "expunged");
		return;
	}
	change->details.lacks_modseqs = mailbox->hides_modseqs;
	if (!mailbox->hides_modseqs && !mailbox->keeps_modseqs_back)
		change->details.modseq = message->modseq;
	change->details.flags = g_strdup(message->flags);
}

static gboolean
append_rights(gpointer identifier, gpointer rights, gpointer text)
{
	const char *letters = rights;

	g_string_append_printf(text, "%s %s\n", (char *)identifier, *letters ? letters : "\"\"");
	return FALSE;
}

static gboolean
may_administer(const FakeMailbox *mailbox)
{
	const char *rights =
		mailbox->administrator ? g_tree_lookup(mailbox->acl, mailbox->administrator) : "a";

	return rights && strchr(rights, 'a');
}

static void
do_set_acl(FakeChange *change, FakeMailbox *mailbox)
{
	if (!may_administer(mailbox))
		fake_change_fail(change, IMAPFS_ERROR_DENIED, "no right to administer");
	else if (change->flags)
		g_tree_replace(mailbox->acl, g_strdup(change->to), g_strdup(change->flags));
	else
		g_tree_remove(mailbox->acl, change->to);
}

static void
do_set_metadata(FakeChange *change, FakeMailbox *mailbox)
{
	if (change->content)
		g_tree_replace(mailbox->metadata, g_strdup(change->to),
		               g_bytes_ref(change->content));
	else
		g_tree_remove(mailbox->metadata, change->to);
}

static void
do_metadata(FakeChange *change, FakeMailbox *mailbox)
{
	GBytes *value = g_tree_lookup(mailbox->metadata, change->to);

	change->bytes = value ? g_bytes_ref(value) : NULL;
}

static void
do_of_mailbox(FakeChange *change)
{
	FakeMailbox *mailbox = fake_change_open(change, change->mailbox, 0);

	if (!mailbox)
		return;
	if (change->kind == FAKE_RIGHTS)
		g_string_assign(change->text, mailbox->rights ? mailbox->rights : "lrswipkxtea");
	else if (change->kind == FAKE_ACL)
		g_tree_foreach(mailbox->acl, append_rights, change->text);
	else if (change->kind == FAKE_SET_ACL)
		do_set_acl(change, mailbox);
	else if (change->kind == FAKE_METADATA)
		do_metadata(change, mailbox);
	else if (change->kind == FAKE_SET_METADATA)
		do_set_metadata(change, mailbox);
}

gboolean
fake_details_carry_out(FakeChange *change)
{
	if (change->kind < FAKE_DETAILS)
		return FALSE;
	if (change->kind == FAKE_DETAILS)
		do_details(change);
	else
		do_of_mailbox(change);
	return TRUE;
}

/* --- answering --- */

static void
answer_quota(FakeChange *change)
{
	const FakeMailbox *mailbox = fake_mailbox(change->fake, change->mailbox);

	if (!change->error && mailbox && mailbox->quota_limit) {
		change->handler.quota->resource("", "MESSAGE", 1, 1000, change->data);
		change->handler.quota->resource("User quota", "STORAGE", mailbox->quota_usage,
		                                mailbox->quota_limit, change->data);
	}
	change->handler.quota->done(change->error, change->data);
}

static gboolean
tell_entry(gpointer entry, gpointer value, gpointer data)
{
	FakeChange *change = data;

	change->handler.metadata->entry(entry, change->fake->hides_values ? NULL : value,
	                                change->data);
	return FALSE;
}

static void
answer_all_metadata(FakeChange *change)
{
	const FakeMailbox *mailbox = fake_mailbox(change->fake, change->mailbox);

	if (!change->error && mailbox)
		g_tree_foreach(mailbox->metadata, tell_entry, change);
	change->handler.metadata->done(change->error, change->data);
}

gboolean
fake_details_answer(FakeChange *change)
{
	switch (change->kind) {
	case FAKE_DETAILS:
		change->handler.details->done(&change->details, change->error, change->data);
		return TRUE;
	case FAKE_RIGHTS:
	case FAKE_ACL:
		change->handler.text->done(change->error ? NULL : change->text->str, change->error,
		                           change->data);
		return TRUE;
	case FAKE_METADATA:
		change->handler.bytes->done(change->bytes, change->error, change->data);
		return TRUE;
	case FAKE_ALL_METADATA:
		answer_all_metadata(change);
		return TRUE;
	case FAKE_QUOTA:
		answer_quota(change);
		return TRUE;
	case FAKE_SET_ACL:
	case FAKE_SET_METADATA:
		change->handler.done->done(change->error, change->data);
		return TRUE;
	default:
		return FALSE;
	}
}

/* --- the operations --- */

static void
fake_details(Remote *remote, const RemoteMessageId *message, const RemoteDetailsHandler *handler,
             gpointer data)
{
	FakeChange *change = fake_change_new(remote, FAKE_DETAILS, message->mailbox,
	                                     message->uidvalidity, handler, data);

	g_assert_cmpuint(message->uid, !=, 0);
	g_array_append_val(change->uids, message->uid);
}

static void
fake_rights(Remote *remote, const char *mailbox, const RemoteTextHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_RIGHTS, mailbox, 0, handler, data);
}

static void
fake_acl(Remote *remote, const char *mailbox, const RemoteTextHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_ACL, mailbox, 0, handler, data);
}

static void
fake_set_acl(Remote *remote, const char *mailbox, const char *identifier, const char *rights,
             const RemoteDoneHandler *handler, gpointer data)
{
	FakeChange *change = fake_change_new(remote, FAKE_SET_ACL, mailbox, 0, handler, data);

	change->to = g_strdup(identifier);
	change->flags = g_strdup(rights);
}

static void
fake_metadata(Remote *remote, const char *mailbox, const char *entry,
              const RemoteBytesHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_METADATA, mailbox, 0, handler, data)->to = g_strdup(entry);
}

static void
fake_all_metadata(Remote *remote, const char *mailbox, const RemoteMetadataHandler *handler,
                  gpointer data)
{
	fake_change_new(remote, FAKE_ALL_METADATA, mailbox, 0, handler, data);
}

static void
fake_set_metadata(Remote *remote, const char *mailbox, const char *entry, GBytes *value,
                  const RemoteDoneHandler *handler, gpointer data)
{
	FakeChange *change = fake_change_new(remote, FAKE_SET_METADATA, mailbox, 0, handler, data);

	change->to = g_strdup(entry);
	change->content = value ? g_bytes_ref(value) : NULL;
}

static void
fake_quota(Remote *remote, const char *mailbox, const RemoteQuotaHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_QUOTA, mailbox, 0, handler, data);
}

void
fake_details_fill(RemoteOperations *operations)
{
	operations->details = fake_details;
	operations->rights = fake_rights;
	operations->acl = fake_acl;
	operations->set_acl = fake_set_acl;
	operations->metadata = fake_metadata;
	operations->all_metadata = fake_all_metadata;
	operations->set_metadata = fake_set_metadata;
	operations->quota = fake_quota;
}
