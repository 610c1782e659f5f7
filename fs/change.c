/*
 * UNLINK, RENAME, MKDIR and RMDIR: what changes the entries of a directory.
 */
#include <errno.h>
#include <stdio.h>

#include "attributes.h"
#include "node.h"
#include "operations.h"
#include "settle.h"

static Request *
change_new(fuse_req_t req, fuse_ino_t parent, const char *name, RequestHandler run)
{
	Request *request = request_new(req, OP_CHANGE, parent, run);

	request->name = g_strdup(name);
	return request;
}

/* A mailbox that is removed or renamed is locked like the directory that it is in. */
static void
hold_child(Request *request, fuse_ino_t parent, const char *name)
{
	const Mailbox *directory = node_mailbox(request->fs, parent);
	const Mailbox *child = directory ? mailbox_child(directory, name) : NULL;

	if (child)
		request_hold(request, node_of_mailbox(request->fs, child));
}

/* --- unlink --- */

static gboolean
remove_message(Request *request)
{
	Mailbox *mailbox = request_directory(request, request->node, request->name);
	GError *error = NULL;

	return mailbox && request_made(request,
	                               account_remove(request->fs->account, mailbox, request->name,
	                                              &request->change, &request->waiter, &error),
	                               &error);
}

static void
run_unlink(Request *request)
{
	if ((request->changed || remove_message(request)) && request_settled(request))
		request_reply_errno(request, 0);
}

void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	request_run(change_new(req, parent, name, run_unlink));
}

/* --- rename --- */

static gboolean
rename_entry(Request *request)
{
	Mailbox *from = request_directory(request, request->node, request->name), *to;
	GError *error = NULL;

	if (!from)
		return FALSE;
	to = request_directory(request, request->other, request->text);
	return to && request_made(request,
	                          account_rename(request->fs->account, from, request->name, to,
	                                         request->text, request->flags & RENAME_NOREPLACE,
	                                         &request->change, &request->waiter, &error),
	                          &error);
}

static void
run_rename(Request *request)
{
	if ((request->changed || rename_entry(request)) && request_settled(request) &&
	    request_told(request))
		request_reply_errno(request, 0);
}

void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
          const char *new_name, unsigned int flags)
{
	Request *request = change_new(req, parent, name, run_rename);

	request->other = new_parent;
	request->text = g_strdup(new_name);
	request->flags = flags;
	request_hold(request, new_parent);
	hold_child(request, parent, name);
	hold_child(request, new_parent, new_name);
	if (flags & ~(unsigned int)RENAME_NOREPLACE)
		request_reply_errno(request, EINVAL);
	else
		request_run(request);
}

/* --- mkdir --- */

static gboolean
make_mailbox(Request *request)
{
	Mailbox *parent = request_directory(request, request->node, request->name);
	GError *error = NULL;

	return parent &&
	       request_made(request,
	                    account_make_mailbox(request->fs->account, parent, request->name,
	                                         &request->change, &request->waiter, &error),
	                    &error);
}

static void
run_mkdir(Request *request)
{
	Mailbox *parent, *child;
	struct fuse_entry_param entry;

	if ((!request->changed && !make_mailbox(request)) || !request_settled(request))
		return;
	parent = node_mailbox(request->fs, request->node);
	child = parent ? mailbox_child(parent, request->name) : NULL;
	if (!child) { /* gone again while this waited */
		request_reply_errno(request, ESTALE);
		return;
	}
	entry_of_mailbox(request->fs, child, &entry);
	request_reply_entry(request, &entry);
}

void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)mode;
	request_run(change_new(req, parent, name, run_mkdir));
}

/* --- rmdir --- */

static void
refresh_begin(Request *request, Mailbox *child)
{
	request->begun = TRUE;
	request->list_ticket = account_refresh(request->fs->account, FALSE);
	request->sync_ticket = mailbox_refresh(child);
}

/* TRUE once it is known what the mailbox holds, or that this cannot be known now; FALSE: the
 * request is parked. */
static gboolean
is_refreshed(Request *request, Mailbox *child)
{
	Account *account = request->fs->account;
	Waiter *waiter = &request->waiter;
	const Message *first;
	GError *error = NULL;

	if (!request->begun)
		refresh_begin(request, child);
	return request->failed ||
	       (request_go_on(request,
	                      account_refreshed(account, request->list_ticket, waiter, &error),
	                      &error) &&
	        request_go_on(request,
	                      mailbox_refreshed(child, request->sync_ticket, waiter, &error),
	                      &error) &&
	        request_go_on(request, mailbox_next_message(child, 0, &first, waiter, &error),
	                      &error));
}

/* Whether it is empty is for the server to say, if it can be asked. */
static gboolean
remove_mailbox(Request *request)
{
	Mailbox *parent = request_directory(request, request->node, request->name), *child;
	GError *error = NULL;

	if (!parent)
		return FALSE;
	child = mailbox_child(parent, request->name);
	request->optional = TRUE;
	if (child && !is_refreshed(request, child))
		return FALSE;
	request->optional = FALSE;
	return request_made(request,
	                    account_remove_mailbox(request->fs->account, parent, request->name,
	                                           &request->change, &request->waiter, &error),
	                    &error);
}

static void
run_rmdir(Request *request)
{
	if ((request->changed || remove_mailbox(request)) && request_settled(request))
		request_reply_errno(request, 0);
}

void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Request *request = change_new(req, parent, name, run_rmdir);

	hold_child(request, parent, name);
	request_run(request);
}

/* --- what a mail account does not have --- */

static void
reply_not_permitted(fuse_req_t req)
{
	const FileSystem *fs = fuse_req_userdata(req);

	fuse_reply_err(req, fs->options->read_only ? EROFS : EPERM);
}

void
op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	reply_not_permitted(req);
}

void
op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t new_parent, const char *new_name)
{
	(void)node;
	(void)new_parent;
	(void)new_name;
	reply_not_permitted(req);
}
