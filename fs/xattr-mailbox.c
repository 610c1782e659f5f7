/*
 * What a mailbox is like: figures, what it is for, and whether it is subscribed to.
 */
#include <errno.h>
#include <sys/xattr.h>

#include "imapfs/attributes.h"
#include "xattr.h"

/* FALSE: there are none, for it holds no messages or is gone, and the request is answered. */
static gboolean
figures(Request *request, MailboxFacts *facts)
{
	const Mailbox *mailbox = xattr_mailbox(request);

	if (!mailbox)
		return FALSE;
	mailbox_facts(mailbox, facts);
	if (!facts->selectable)
		request_reply_errno(request, ENODATA);
	return facts->selectable;
}

static void
reply_number_if(Request *request, gboolean known, guint64 number)
{
	if (known)
		xattr_reply_number(request, number);
	else
		request_reply_errno(request, ENODATA);
}

void
xattr_get_messages(Request *request, const char *rest)
{
	MailboxFacts facts;
	MailboxCount count;

	(void)rest;
	if (!figures(request, &facts))
		return;
	mailbox_count(node_mailbox(request->fs, request->node), &count);
	reply_number_if(request, count.messages_known, count.n_messages);
}

void
xattr_get_unseen(Request *request, const char *rest)
{
	MailboxFacts facts;
	MailboxCount count;

	(void)rest;
	if (!figures(request, &facts))
		return;
	mailbox_count(node_mailbox(request->fs, request->node), &count);
	reply_number_if(request, count.unseen_known, count.n_unseen);
}

void
xattr_get_uidvalidity(Request *request, const char *rest)
{
	MailboxFacts facts;

	(void)rest;
	if (figures(request, &facts))
		reply_number_if(request, facts.uidvalidity != 0, facts.uidvalidity);
}

void
xattr_get_uidnext(Request *request, const char *rest)
{
	MailboxFacts facts;

	(void)rest;
	if (figures(request, &facts))
		reply_number_if(request, facts.uidnext != 0, facts.uidnext);
}

void
xattr_get_highestmodseq(Request *request, const char *rest)
{
	MailboxFacts facts;

	(void)rest;
	if (figures(request, &facts))
		reply_number_if(request, facts.highestmodseq != 0, facts.highestmodseq);
}

/* --- what it is for --- */

/* "\Sent \Archive"; caller frees. */
static char *
uses_text(RemoteSpecialUse uses)
{
	static const char *const words[] = {"\\Drafts",  "\\Sent", "\\Trash",  "\\Junk",
	                                    "\\Archive", "\\All",  "\\Flagged"};
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (uses & 1U << i)
			g_string_append_printf(text, "%s%s", text->len ? " " : "", words[i]);
	return g_string_free(text, FALSE);
}

void
xattr_get_special_use(Request *request, const char *rest)
{
	const Mailbox *mailbox = xattr_mailbox(request);
	g_autofree char *text = NULL;
	MailboxFacts facts;

	(void)rest;
	if (!mailbox)
		return;
	mailbox_facts(mailbox, &facts);
	text = uses_text(facts.special_use);
	xattr_reply_text_or_none(request, text, TRUE);
}

/* --- the names --- */

static void
list_counts(const Mailbox *mailbox, GString *names)
{
	MailboxCount count;

	mailbox_count(mailbox, &count);
	if (count.messages_known)
		xattr_list_add(names, "user.imap.messages", "");
	if (count.unseen_known)
		xattr_list_add(names, "user.imap.unseen", "");
}

gboolean
xattr_list_figures(Request *request, GString *names)
{
	const Mailbox *mailbox = node_mailbox(request->fs, request->node);
	MailboxFacts facts = {0};

	if (mailbox)
		mailbox_facts(mailbox, &facts);
	if (facts.selectable)
		list_counts(mailbox, names);
	if (facts.selectable && facts.uidvalidity)
		xattr_list_add(names, "user.imap.uidvalidity", "");
	if (facts.selectable && facts.uidnext)
		xattr_list_add(names, "user.imap.uidnext", "");
	if (facts.selectable && facts.highestmodseq)
		xattr_list_add(names, "user.imap.highestmodseq", "");
	if (facts.special_use)
		xattr_list_add(names, "user.imap.special_use", "");
	if (mailbox && mailbox_parent(mailbox) && facts.subscription_known)
		xattr_list_add(names, "user.imap.subscribed", "");
	return TRUE;
}

/* --- subscribing --- */

void
xattr_get_subscribed(Request *request, const char *rest)
{
	const Mailbox *mailbox = xattr_mailbox(request);
	MailboxFacts facts;
	gboolean known;

	(void)rest;
	if (!mailbox)
		return;
	mailbox_facts(mailbox, &facts);
	known = mailbox_parent(mailbox) && facts.subscription_known;
	xattr_reply_text_or_none(request, !known ? NULL : facts.subscribed ? "1" : "0", FALSE);
}

void
xattr_set_subscribed(Request *request, const char *rest)
{
	Mailbox *mailbox = xattr_mailbox_for_errand(request);
	gboolean subscribed;
	GError *error = NULL;

	(void)rest;
	if (!mailbox)
		return;
	if (request->removes || request->flags & XATTR_CREATE) {
		request_reply_errno(request, request->removes ? EPERM : EEXIST);
		return;
	}
	subscribed = g_str_equal(request->text, "1");
	if (!subscribed && !g_str_equal(request->text, "0")) {
		request_reply_errno(request, EINVAL);
		return;
	}
	if (request_go_on(request,
	                  mailbox_subscribe(mailbox, subscribed, &request->errand, &request->waiter,
	                                    &error),
	                  &error))
		request_reply_when_done(request);
}
