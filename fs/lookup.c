/*
 * LOOKUP and GETATTR: from names and nodes to attributes.
 */
#include <errno.h>
#include <string.h>

#include "attributes.h"
#include "control.h"
#include "file-name.h"
#include "node.h"
#include "operations.h"

/* The kernel remembers that there is none, for a moment: mail may arrive. */
static void
reply_no_entry(Request *request)
{
	const struct fuse_entry_param entry = {.entry_timeout = KEEP_BRIEFLY_SECONDS};

	request_reply_entry(request, &entry);
}

static void
lookup_message(Request *request, Mailbox *mailbox)
{
	struct fuse_entry_param entry;
	const Message *message;
	GError *error = NULL;

	if (!request_go_on(
		    request,
		    mailbox_lookup(mailbox, request->name, &message, &request->waiter, &error),
		    &error))
		return;
	if (!message) {
		reply_no_entry(request);
		return;
	}
	entry_of_message(request->fs, mailbox, message, &entry);
	request_reply_entry(request, &entry);
}

void
run_lookup(Request *request)
{
	FileSystem *fs = request->fs;
	Mailbox *parent, *child;
	struct fuse_entry_param entry;

	if (request->node == NODE_CONTROL) {
		control_lookup_file(request);
		return;
	}
	if (strlen(request->name) > FILE_NAME_MAX) {
		request_reply_errno(request, ENAMETOOLONG);
		return;
	}
	if (request->node == FUSE_ROOT_ID && g_str_equal(request->name, CONTROL_NAME)) {
		control_lookup_directory(request);
		return;
	}
	parent = node_mailbox(fs, request->node);
	if (!parent) {
		request_reply_errno(request, ESTALE);
		return;
	}
	child = mailbox_child(parent, request->name);
	if (!child) {
		lookup_message(request, parent);
		return;
	}
	entry_of_mailbox(fs, child, &entry);
	request_reply_entry(request, &entry);
}

/* Of one that was removed while it is open too. */
static void
getattr_message(Request *request)
{
	Account *account = request->fs->account;
	guint64 id = node_or_draft(request->node, &request->fi);
	const Message *message;
	Mailbox *mailbox;
	struct stat attr;

	if (!request_go_on(request, account_await_size(account, id, &request->waiter), NULL))
		return;
	message = account_message(account, id, &mailbox);
	if (!message) {
		request_reply_errno(request, ESTALE);
		return;
	}
	attributes_of_message(request->fs, request->node, mailbox, message, &attr);
	attr.st_nlink = mailbox ? 1 : 0;
	request_reply_attr(request, &attr, mailbox ? attributes_keep_seconds(message) : 0);
}

void
run_getattr(Request *request)
{
	const Mailbox *mailbox;
	struct stat attr;

	if (node_is_local(request->node)) {
		control_getattr(request);
		return;
	}
	if (node_is_message(request->node)) {
		getattr_message(request);
		return;
	}
	mailbox = node_mailbox(request->fs, request->node);
	if (!mailbox) {
		request_reply_errno(request, ESTALE);
		return;
	}
	attributes_of_mailbox(request->fs, mailbox, &attr);
	request_reply_attr(request, &attr, KEEP_BRIEFLY_SECONDS);
}
