/*
 * GETXATTR: what is known of a file besides its bytes.
 *
 * user.imap.cached: "yes" where all of a message, or of every message of a mailbox, is kept on disk
 * and can be read offline; "no" where not; "never" where nothing is kept at all.
 *
 * Names outside "user." are answered with EOPNOTSUPP and never with ENODATA: programs that ask for
 * security.selinux of every file remember the former for the whole device.
 */
#include <errno.h>
#include <string.h>

#include "node.h"
#include "operations.h"

static void
reply_text(Request *request, const char *text)
{
	size_t length = strlen(text);

	if (request->size == 0)
		request_reply_xattr_size(request, length);
	else if (request->size < length)
		request_reply_errno(request, ERANGE);
	else
		request_reply_buffer(request, text, length);
}

static gboolean
mailbox_is_kept(const FileSystem *fs, Mailbox *mailbox)
{
	guint32 uid = 0;

	if (!mailbox_is_listed(mailbox))
		return FALSE;
	for (const Message *message; (message = mailbox_message_after(mailbox, uid));) {
		uid = message->uid;
		if (!account_is_kept(fs->account, message_id(mailbox_id(mailbox), uid)))
			return FALSE;
	}
	return TRUE;
}

static void
reply_cached(Request *request)
{
	FileSystem *fs = request->fs;
	Mailbox *mailbox;
	gboolean all;

	if (node_is_local(request->node)) {
		request_reply_errno(request, ENODATA);
		return;
	}
	if (!account_keeps(fs->account)) {
		reply_text(request, "never");
		return;
	}
	mailbox = node_is_message(request->node) ? NULL : node_mailbox(fs, request->node);
	all = mailbox ? mailbox_is_kept(fs, mailbox) : account_is_kept(fs->account, request->node);
	reply_text(request, all ? "yes" : "no");
}

void
run_getxattr(Request *request)
{
	if (g_str_equal(request->name, "user.imap.cached"))
		reply_cached(request);
	else
		request_reply_errno(request, g_str_has_prefix(request->name, "user.") ? ENODATA
		                                                                      : EOPNOTSUPP);
}
