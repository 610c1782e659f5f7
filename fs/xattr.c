/*
 * GETXATTR, LISTXATTR, SETXATTR and REMOVEXATTR: the table of names.
 *
 * Names outside "user." are answered with EOPNOTSUPP and never with ENODATA: programs that ask for
 * security.selinux of every file remember the former for the whole device. What cannot be set is
 * answered so as well: programs that copy attributes say nothing of that, but complain of EPERM.
 *
 * Values are text, without a NUL but for one at the very end, where programs that write C strings
 * put it: it is dropped. Annotations may hold anything.
 */
#include "xattr.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "operations.h"

#define MESSAGE XATTR_OF_MESSAGE
#define MAILBOX XATTR_OF_MAILBOX
#define EITHER  (XATTR_OF_MESSAGE | XATTR_OF_MAILBOX)

/* In the order in which they are listed. */
static const Xattr table[] = {
	{XATTR_CACHED, EITHER, TRUE, xattr_get_cached, NULL, NULL},
	{XATTR_FLAGS, MESSAGE, TRUE, xattr_get_flags, xattr_set_flags, NULL},
	{XATTR_KEYWORD, MESSAGE, FALSE, xattr_get_keyword, xattr_set_keyword, xattr_list_keywords},
	{XATTR_TAGS, MESSAGE, FALSE, xattr_get_tags, xattr_set_tags, xattr_list_tags},
	{"user.imap.uid", MESSAGE, FALSE, xattr_get_uid, NULL, xattr_list_uid},
	{"user.imap.internaldate", MESSAGE, TRUE, xattr_get_internaldate, NULL, NULL},
	{"user.mime_type", MESSAGE, TRUE, xattr_get_mime_type, NULL, NULL},
	{"user.imap.subject", MESSAGE, TRUE, xattr_get_subject, NULL, NULL},
	{"user.imap.from", MESSAGE, TRUE, xattr_get_from, NULL, NULL},
	{"user.imap.to", MESSAGE, TRUE, xattr_get_to, NULL, NULL},
	{"user.imap.date", MESSAGE, TRUE, xattr_get_date, NULL, NULL},
	{"user.imap.message-id", MESSAGE, TRUE, xattr_get_message_id, NULL, NULL},
	{"user.imap.modseq", MESSAGE, FALSE, xattr_get_modseq, NULL, NULL},
	{"user.imap.emailid", MESSAGE, FALSE, xattr_get_emailid, NULL, NULL},
	{"user.imap.threadid", MESSAGE, FALSE, xattr_get_threadid, NULL, NULL},
	{"user.imap.labels", MESSAGE, FALSE, xattr_get_labels, NULL, NULL},
	{"user.imap.messages", MAILBOX, FALSE, xattr_get_messages, NULL, xattr_list_figures},
	{"user.imap.unseen", MAILBOX, FALSE, xattr_get_unseen, NULL, NULL},
	{"user.imap.uidvalidity", MAILBOX, FALSE, xattr_get_uidvalidity, NULL, NULL},
	{"user.imap.uidnext", MAILBOX, FALSE, xattr_get_uidnext, NULL, NULL},
	{"user.imap.highestmodseq", MAILBOX, FALSE, xattr_get_highestmodseq, NULL, NULL},
	{"user.imap.special_use", MAILBOX, FALSE, xattr_get_special_use, NULL, NULL},
	{"user.imap.subscribed", MAILBOX, FALSE, xattr_get_subscribed, xattr_set_subscribed, NULL},
	{"user.imap.myrights", MAILBOX, FALSE, xattr_get_myrights, NULL, xattr_list_myrights},
	{"user.imap.acl", MAILBOX, FALSE, xattr_get_acl, xattr_set_acl, NULL},
	{"user.imap.quota", MAILBOX, FALSE, xattr_get_quota, NULL, NULL},
	{XATTR_METADATA, MAILBOX, FALSE, xattr_get_metadata, xattr_set_metadata,
         xattr_list_metadata},
};

/* --- the table --- */

static guint
owner_of(fuse_ino_t node)
{
	if (node_is_local(node))
		return 0;
	return node_is_message(node) ? XATTR_OF_MESSAGE : XATTR_OF_MAILBOX;
}

static gboolean
is_called(const Xattr *xattr, const char *name, const char **rest)
{
	gsize length = strlen(xattr->name);

	*rest = "";
	if (xattr->name[length - 1] != '.')
		return g_str_equal(name, xattr->name);
	if (strncmp(name, xattr->name, length) != 0 || !name[length])
		return FALSE;
	*rest = name + length;
	return TRUE;
}

/* NULL: nothing of that name can be there. */
static const Xattr *
find(const Request *request, const char **rest)
{
	for (guint i = 0; i < G_N_ELEMENTS(table); i++)
		if (table[i].owners & owner_of(request->node) &&
		    is_called(&table[i], request->name, rest))
			return &table[i];
	return NULL;
}

/* --- answers --- */

void
xattr_list_add(GString *names, const char *name, const char *rest)
{
	if (strlen(name) + strlen(rest) > XATTR_NAME_MAX)
		return; /* nobody could ask for it */
	g_string_append(names, name);
	g_string_append(names, rest);
	g_string_append_c(names, '\0');
}

void
xattr_reply_bytes(Request *request, const char *bytes, size_t length)
{
	if (length > XATTR_MAX)
		request_reply_errno(request, E2BIG);
	else if (request->size == 0)
		request_reply_xattr_size(request, length);
	else if (request->size < length)
		request_reply_errno(request, ERANGE);
	else
		request_reply_buffer(request, bytes, length);
}

void
xattr_reply_text(Request *request, const char *text)
{
	xattr_reply_bytes(request, text, strlen(text));
}

void
xattr_reply_text_or_none(Request *request, const char *text, gboolean empty_is_none)
{
	if (!text || (empty_is_none && !*text))
		request_reply_errno(request, ENODATA);
	else
		xattr_reply_text(request, text);
}

Mailbox *
xattr_mailbox(Request *request)
{
	Mailbox *mailbox = node_mailbox(request->fs, request->node);

	if (!mailbox)
		request_reply_errno(request, ESTALE);
	return mailbox;
}

Mailbox *
xattr_mailbox_for_errand(Request *request)
{
	if (!request->errand)
		return xattr_mailbox(request);
	request_reply_when_done(request);
	return NULL;
}

void
xattr_reply_number(Request *request, guint64 number)
{
	char text[32];

	g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, number);
	xattr_reply_text(request, text);
}

/* --- the handlers --- */

void
run_getxattr(Request *request)
{
	const char *rest;
	const Xattr *xattr = find(request, &rest);

	if (xattr)
		xattr->get(request, rest);
	else
		request_reply_errno(request, g_str_has_prefix(request->name, "user.") ? ENODATA
		                                                                      : EOPNOTSUPP);
}

/* More names than the kernel can carry: as many as it can. */
static void
reply_names(Request *request, GString *names)
{
	while (names->len > XATTR_MAX) {
		const char *last = names->str + names->len - 1;

		while (last > names->str && last[-1])
			last--;
		g_string_truncate(names, (gsize)(last - names->str));
	}
	xattr_reply_bytes(request, names->str, names->len);
}

void
run_listxattr(Request *request)
{
	GString *names = g_string_new(NULL);
	guint owner = owner_of(request->node);
	gboolean goes_on = TRUE;

	request->optional = TRUE; /* what cannot come is not listed */
	for (guint i = 0; goes_on && i < G_N_ELEMENTS(table); i++) {
		if (!(table[i].owners & owner))
			continue;
		if (table[i].list)
			goes_on = table[i].list(request, names);
		else if (table[i].listed)
			xattr_list_add(names, table[i].name, "");
	}
	if (goes_on)
		reply_names(request, names);
	g_string_free(names, TRUE);
}

static void
run_setxattr(Request *request)
{
	const char *rest;
	const Xattr *xattr = find(request, &rest);

	xattr->set(request, rest);
}

static gboolean
is_sound(const Request *request)
{
	return g_str_has_prefix(request->name, XATTR_METADATA) || request->size == 0 ||
	       !memchr(request->text, '\0', request->size - 1);
}

static int
judge(const Request *request)
{
	const char *rest;
	const Xattr *xattr = find(request, &rest);

	if (request->fs->options->read_only)
		return EROFS;
	if (!xattr || !xattr->set)
		return EOPNOTSUPP;
	if (!is_sound(request))
		return EINVAL;
	return request->flags & XATTR_CREATE && xattr->listed ? EEXIST : 0;
}

static void
setxattr_begin(Request *request, const char *name)
{
	int errnum;

	request->name = g_strdup(name);
	request->sets_xattr = TRUE;
	errnum = judge(request);
	if (errnum)
		request_reply_errno(request, errnum);
	else
		request_run(request);
}

void
op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value, size_t size,
            int flags)
{
	Request *request = request_new(req, OP_CHANGE, node, run_setxattr);

	request->text = g_malloc(size + 1);
	memcpy(request->text, value, size);
	request->text[size] = '\0';
	request->size = size;
	request->flags = (guint)flags;
	setxattr_begin(request, name);
}

void
op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
	Request *request = request_new(req, OP_CHANGE, node, run_setxattr);

	request->text = g_strdup("");
	request->removes = TRUE;
	setxattr_begin(request, name);
}
