/*
 * What the index, or the server's word of one message, tells.
 *
 * user.imap.cached: "yes" where all of a message, or of every message of a mailbox, is kept on disk
 * and can be read offline; "no" where not; "never" where nothing is kept at all.
 */
#include <errno.h>

#include "imapfs/attributes.h"
#include "xattr.h"

/* --- from memory --- */

static gboolean
mailbox_is_kept(const FileSystem *fs, Mailbox *mailbox)
{
	guint32 uid = 0;

	if (!mailbox_is_listed(mailbox))
		return FALSE;
	for (const Message *message; (message = mailbox_message_after(mailbox, uid));) {
		uid = message->uid;
		if (!account_is_kept(fs->account, mailbox_message_id(mailbox, message)))
			return FALSE;
	}
	return TRUE;
}

void
xattr_get_cached(Request *request, const char *rest)
{
	FileSystem *fs = request->fs;
	Mailbox *mailbox;
	gboolean all;

	(void)rest;
	if (!account_keeps(fs->account)) {
		xattr_reply_text(request, "never");
		return;
	}
	mailbox = node_is_message(request->node) ? NULL : node_mailbox(fs, request->node);
	all = mailbox ? mailbox_is_kept(fs, mailbox) : account_is_kept(fs->account, request->node);
	xattr_reply_text(request, all ? "yes" : "no");
}

void
xattr_get_uid(Request *request, const char *rest)
{
	guint32 uid = account_uid(request->fs->account, request->node);

	(void)rest;
	if (uid)
		xattr_reply_number(request, uid);
	else
		request_reply_errno(request, ENODATA);
}

gboolean
xattr_list_uid(Request *request, GString *names)
{
	if (account_uid(request->fs->account, request->node))
		xattr_list_add(names, "user.imap.uid", "");
	return TRUE;
}

/* Of what is still on its way: that which it will have, or nearly. */
void
xattr_get_internaldate(Request *request, const char *rest)
{
	const Message *message = account_message(request->fs->account, request->node, NULL);
	g_autoptr(GDateTime) date =
		message ? g_date_time_new_from_unix_utc(message->internaldate) : NULL;
	g_autofree char *text = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	(void)rest;
	if (!message)
		request_reply_errno(request, ESTALE);
	else
		xattr_reply_text_or_none(request, text, TRUE);
}

void
xattr_get_mime_type(Request *request, const char *rest)
{
	(void)rest;
	xattr_reply_text(request, "message/rfc822");
}

/* --- asked for by name --- */

/* NULL: as with request_go_on(). What is not on the server yet has nothing of this. */
static const RemoteDetails *
details(Request *request)
{
	Account *account = request->fs->account;
	const RemoteDetails *found;
	GError *error = NULL;

	if (!account_uid(account, request->node)) {
		request_reply_errno(request, ENODATA);
		return NULL;
	}
	if (!request_go_on(
		    request,
		    account_details(account, request->node, &found, &request->waiter, &error),
		    &error))
		return NULL;
	return found;
}

void
xattr_get_modseq(Request *request, const char *rest)
{
	const RemoteDetails *found = details(request);

	(void)rest;
	if (found && found->modseq)
		xattr_reply_number(request, found->modseq);
	else if (found)
		request_reply_errno(request, ENODATA);
}

void
xattr_get_emailid(Request *request, const char *rest)
{
	const RemoteDetails *found = details(request);

	(void)rest;
	if (found)
		xattr_reply_text_or_none(request, found->email_id, TRUE);
}

void
xattr_get_threadid(Request *request, const char *rest)
{
	const RemoteDetails *found = details(request);

	(void)rest;
	if (found)
		xattr_reply_text_or_none(request, found->thread_id, TRUE);
}

/* One a line; "" where there are none. */
void
xattr_get_labels(Request *request, const char *rest)
{
	const RemoteDetails *found;

	(void)rest;
	if (!account_offers(request->fs->account, REMOTE_GMAIL)) {
		request_reply_errno(request, ENODATA);
		return;
	}
	found = details(request);
	if (found)
		xattr_reply_text_or_none(request, found->labels, FALSE);
}
