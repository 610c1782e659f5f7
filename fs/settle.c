/*
 * Making a change once, and waiting until it is where it must be.
 *
 *     what                    default             sync      writeback
 *     names and flags         journal written     server    journal written
 *     what a file contains    server              server    on stable storage
 *
 * Without a journal's file everything waits for the server.
 */
#include "settle.h"

#include <errno.h>
#include <string.h>

#include "control.h"
#include "file-name.h"
#include "node.h"

gboolean
request_made(Request *request, CacheResult result, GError **error)
{
	if (!request_go_on(request, result, error))
		return FALSE;
	request->changed = TRUE;
	return TRUE;
}

/* Waiting for the server may be given up, and then the change is made all the same. */
static gboolean
await_server(Request *request)
{
	GError *error = NULL;

	return request_go_on(request,
	                     account_carried_out(request->fs->account, request->change,
	                                         &request->waiter, &error),
	                     &error);
}

typedef CacheResult (*AwaitLocal)(Account *account, Change change, Waiter *waiter, GError **error);

static gboolean
await_disk(Request *request, AwaitLocal await)
{
	GError *error = NULL;

	request->local = TRUE;
	if (!request_go_on(request,
	                   await(request->fs->account, request->change, &request->waiter, &error),
	                   &error))
		return FALSE;
	request->local = FALSE;
	return TRUE;
}

gboolean
request_settled(Request *request)
{
	const FileSystem *fs = request->fs;

	if (!request->change)
		return TRUE;
	if (fs->options->sync || !account_keeps_changes(fs->account))
		return await_server(request);
	return await_disk(request, account_committed);
}

gboolean
request_delivered(Request *request, guint64 draft)
{
	const FileSystem *fs = request->fs;
	GError *error = NULL;

	if (!request->changed && !request_made(request,
	                                       draft_deliver(fs->account, draft, &request->change,
	                                                     &request->waiter, &error),
	                                       &error))
		return FALSE;
	if (!request->change)
		return TRUE;
	if (fs->options->writeback && account_keeps_changes(fs->account))
		return await_disk(request, account_settled);
	return await_server(request);
}

/* A message has other bytes than were written where line ends became CRLF: whoever hears that it is
 * written must find its true size. */
gboolean
request_told(Request *request)
{
	Notifier *notifier = request->fs->notifier;

	if (request->change && !request->told && node_is_message(request->node))
		notifier_attributes_changed(notifier, request->node);
	request->told = TRUE;
	return request_go_on(request, notifier_await(notifier, 0, &request->waiter), NULL);
}

/* .imapfs is no mail, and stays as it is. */
static int
judge_directory(const FileSystem *fs, fuse_ino_t node, const char *name)
{
	if (fs->options->read_only)
		return EROFS;
	if (node_is_local(node) || (node == FUSE_ROOT_ID && g_str_equal(name, CONTROL_NAME)))
		return EPERM;
	return strlen(name) > FILE_NAME_MAX ? ENAMETOOLONG : 0;
}

Mailbox *
request_directory(Request *request, fuse_ino_t node, const char *name)
{
	int errnum = judge_directory(request->fs, node, name);
	Mailbox *mailbox = errnum ? NULL : node_mailbox(request->fs, node);

	if (!mailbox)
		request_reply_errno(request, errnum ? errnum : ESTALE);
	return mailbox;
}
