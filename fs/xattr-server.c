/*
 * What only the server knows of a mailbox: rights (RFC 4314), annotations (RFC 5464) and quota (RFC
 * 9208).
 *
 * An annotation "/shared/comment" is the attribute user.imap.metadata.shared/comment.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "imapfs/attributes.h"
#include "xattr.h"

typedef CacheResult (*AskText)(Mailbox *mailbox, const char **text, Waiter *waiter, GError **error);

static void
reply_answer(Request *request, AskText ask)
{
	Mailbox *mailbox = xattr_mailbox(request);
	const char *text = NULL;
	GError *error = NULL;

	if (mailbox &&
	    request_go_on(request, ask(mailbox, &text, &request->waiter, &error), &error))
		xattr_reply_text(request, text);
}

/* --- rights --- */

void
xattr_get_myrights(Request *request, const char *rest)
{
	(void)rest;
	reply_answer(request, mailbox_rights);
}

gboolean
xattr_list_myrights(Request *request, GString *names)
{
	const Mailbox *mailbox = node_mailbox(request->fs, request->node);

	if (mailbox && mailbox_known_rights(mailbox))
		xattr_list_add(names, "user.imap.myrights", "");
	return TRUE;
}

void
xattr_get_acl(Request *request, const char *rest)
{
	(void)rest;
	reply_answer(request, mailbox_acl);
}

void
xattr_set_acl(Request *request, const char *rest)
{
	Mailbox *mailbox = xattr_mailbox_for_errand(request);
	GError *error = NULL;

	(void)rest;
	if (!mailbox)
		return;
	if (request->removes || request->flags & XATTR_CREATE) {
		request_reply_errno(request, request->removes ? EPERM : EEXIST);
		return;
	}
	if (request_go_on(request,
	                  mailbox_set_acl(mailbox, request->text, &request->errand,
	                                  &request->waiter, &error),
	                  &error))
		request_reply_when_done(request);
}

/* --- quota --- */

void
xattr_get_quota(Request *request, const char *rest)
{
	(void)rest;
	reply_answer(request, mailbox_quota);
}

/* --- annotations --- */

/* What follows the slash of an entry's name (RFC 5464 3.2): below private or shared. */
static gboolean
is_entry(const char *rest)
{
	if (g_ascii_strncasecmp(rest, "private/", 8) != 0 &&
	    g_ascii_strncasecmp(rest, "shared/", 7) != 0)
		return FALSE;
	if (g_str_has_suffix(rest, "/") || strstr(rest, "//"))
		return FALSE;
	for (; *rest; rest++)
		if (*rest < ' ' || *rest > '~' || *rest == '*' || *rest == '%')
			return FALSE;
	return TRUE;
}

/* *@value, NULL if there is none; FALSE: as with request_go_on(). */
static gboolean
look_up(Request *request, Mailbox *mailbox, const char *rest, GBytes **value)
{
	g_autofree char *entry = g_strconcat("/", rest, NULL);
	GError *error = NULL;

	return request_go_on(
		request, mailbox_metadata(mailbox, entry, value, &request->waiter, &error), &error);
}

void
xattr_get_metadata(Request *request, const char *rest)
{
	Mailbox *mailbox = xattr_mailbox(request);
	GBytes *value = NULL;

	if (!mailbox)
		return;
	if (!is_entry(rest))
		request_reply_errno(request, ENODATA);
	else if (!look_up(request, mailbox, rest, &value))
		return;
	else if (!value)
		request_reply_errno(request, ENODATA);
	else
		xattr_reply_bytes(request, g_bytes_get_data(value, NULL), g_bytes_get_size(value));
}

/* The one round trip that listing takes. */
gboolean
xattr_list_metadata(Request *request, GString *names)
{
	Mailbox *mailbox = node_mailbox(request->fs, request->node);
	g_auto(GStrv) list = NULL;
	const char *text = NULL;
	GError *error = NULL;

	if (!mailbox || request->failed || !account_offers(request->fs->account, REMOTE_METADATA))
		return TRUE;
	if (!request_go_on(request,
	                   mailbox_metadata_names(mailbox, &text, &request->waiter, &error),
	                   &error))
		return FALSE;
	list = g_strsplit(text ? text : "", "\n", -1);
	for (char **entry = list; *entry; entry++)
		if (**entry == '/' && is_entry(*entry + 1))
			xattr_list_add(names, XATTR_METADATA, *entry + 1);
	return TRUE;
}

/* Whether it is there or not as XATTR_CREATE, XATTR_REPLACE and removexattr() want it; FALSE: as
 * with request_go_on(). No claim: another may set it in between. */
static gboolean
may_set(Request *request, Mailbox *mailbox, const char *rest)
{
	GBytes *value = NULL;
	gboolean create = request->flags & XATTR_CREATE;

	if (!request->flags && !request->removes)
		return TRUE;
	if (!look_up(request, mailbox, rest, &value))
		return FALSE;
	if (create == !value)
		return TRUE;
	request_reply_errno(request, create ? EEXIST : ENODATA);
	return FALSE;
}

static void
set_entry(Request *request, Mailbox *mailbox, const char *rest)
{
	g_autofree char *entry = g_strconcat("/", rest, NULL);
	g_autoptr(GBytes) value =
		request->removes ? NULL : g_bytes_new(request->text, request->size);
	GError *error = NULL;

	if (request_go_on(request,
	                  mailbox_set_metadata(mailbox, entry, value, &request->errand,
	                                       &request->waiter, &error),
	                  &error))
		request_reply_when_done(request);
}

void
xattr_set_metadata(Request *request, const char *rest)
{
	Mailbox *mailbox = xattr_mailbox_for_errand(request);

	if (!mailbox)
		return;
	if (!is_entry(rest))
		request_reply_errno(request, request->removes ? ENODATA : EINVAL);
	else if (may_set(request, mailbox, rest))
		set_entry(request, mailbox, rest);
}
