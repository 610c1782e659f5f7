/*
 * What the server lets the user do in a mailbox.
 *
 * Rights come with the listing of the account (RFC 8440), else they are asked for when the mailbox
 * is opened, and again some minutes later; who wants to change something in it waits for the first
 * answer. What cannot be known is allowed: then the server says no.
 *
 *     told as      insert   remove         make   delete
 *     RFC 4314     i        t and e        k      x
 *     RFC 2086     i        d              c      c or d
 *
 * A server of the later kind tells c and d as well, for any one of the letters that they stand for,
 * so there they mean nothing.
 */
#include "rights.h"

#include <string.h>

#include "answers.h"
#include "flags-words.h"
#include "imapfs/attributes.h"
#include "keep.h"

#define ASK_AGAIN_US (300 * G_USEC_PER_SEC)

/* --- what is allowed --- */

static gboolean
has(const Mailbox *mailbox, char right)
{
	return strchr(mailbox->rights, right) != NULL;
}

static gboolean
is_old(const Mailbox *mailbox)
{
	return !strpbrk(mailbox->rights, "kxte");
}

static gboolean
has_right(const Mailbox *mailbox, RightsFor what)
{
	gboolean old;

	if (!mailbox->rights)
		return TRUE;
	old = is_old(mailbox);
	switch (what) {
	case RIGHTS_INSERT:
		return has(mailbox, 'i');
	case RIGHTS_REMOVE:
		return old ? has(mailbox, 'd') : has(mailbox, 't') && has(mailbox, 'e');
	case RIGHTS_MAKE:
		return has(mailbox, old ? 'c' : 'k');
	case RIGHTS_DELETE:
		return old ? has(mailbox, 'c') || has(mailbox, 'd') : has(mailbox, 'x');
	}
	return TRUE;
}

static gboolean
is_about_messages(RightsFor what)
{
	return what == RIGHTS_INSERT || what == RIGHTS_REMOVE;
}

static gboolean
fail(const Mailbox *mailbox, ImapfsError code, const char *words, GError **error)
{
	g_set_error(error, IMAPFS_ERROR, (gint)code, "%s: %s", mailbox->file_name, words);
	return FALSE;
}

gboolean
rights_allow(const Mailbox *mailbox, RightsFor what, GError **error)
{
	if (!has_right(mailbox, what))
		return fail(mailbox, IMAPFS_ERROR_DENIED, "no right to do this", error);
	if (mailbox->read_only && is_about_messages(what))
		return fail(mailbox, IMAPFS_ERROR_READ_ONLY, "the mailbox is read-only", error);
	return TRUE;
}

static char
right_for_flag(const Mailbox *mailbox, const char *word)
{
	if (g_ascii_strcasecmp(word, "\\Seen") == 0)
		return 's';
	if (g_ascii_strcasecmp(word, "\\Deleted") == 0)
		return is_old(mailbox) ? 'd' : 't';
	return 'w';
}

static gboolean
is_kept(const char *permanent, const char *word)
{
	return !permanent || flags_words_contain(permanent, word) ||
	       (*word != '\\' && flags_words_contain(permanent, "\\*"));
}

gboolean
rights_allow_flags(const Mailbox *mailbox, const char *words, GError **error)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);

	if (mailbox->read_only)
		return fail(mailbox, IMAPFS_ERROR_READ_ONLY, "the mailbox is read-only", error);
	for (char **word = list; *word; word++) {
		if (!**word)
			continue;
		if (mailbox->rights && !has(mailbox, right_for_flag(mailbox, *word)))
			return fail(mailbox, IMAPFS_ERROR_DENIED, "no right to set this flag",
			            error);
		if (!is_kept(mailbox->permanent_flags, *word))
			return fail(mailbox, IMAPFS_ERROR_NOT_PERMITTED,
			            "the server does not keep this flag", error);
	}
	return TRUE;
}

/* --- how that shows --- */

/* The kernel asks the same bit before an attribute is set as before a file is written, made or
 * removed. So who may do any of these is let through, and what of them is allowed is judged where
 * it is done. */
static gboolean
has_any(const Mailbox *mailbox, const char *letters)
{
	return !mailbox->rights || strpbrk(mailbox->rights, letters);
}

/* A mailbox without rights to its messages is opened read-only (RFC 4314 5.2), but that is about
 * those: it may have mailboxes below it, go, or be given rights all the same. */
gboolean
mailbox_is_writable(const Mailbox *mailbox)
{
	if (!mailbox->read_only)
		return has_any(mailbox, "ikxteaswcd");
	return mailbox->rights && has_any(mailbox, is_old(mailbox) ? "acd" : "akx");
}

gboolean
mailbox_has_writable_messages(const Mailbox *mailbox)
{
	if (mailbox->read_only)
		return FALSE;
	/* One who may replace messages may mark them as deleted, with t, or with d of old. */
	return !mailbox->rights || has_any(mailbox, is_old(mailbox) ? "swd" : "swt");
}

/* --- how they become known --- */

static gboolean
can_be_asked(const Mailbox *mailbox)
{
	return mailbox->name && !mailbox->planned && mailbox->selectable &&
	       !mailbox->rights_listed && account_offers(mailbox->account, REMOTE_ACL) &&
	       mailbox->account->remote->operations->rights;
}

const char *
mailbox_known_rights(const Mailbox *mailbox)
{
	return mailbox->rights;
}

/* The kernel holds what messages look like for long. */
static void
tell_change(const Mailbox *mailbox, gboolean was_writable)
{
	const Account *account = mailbox->account;

	if (mailbox_has_writable_messages(mailbox) != was_writable &&
	    account->events->access_changed)
		account->events->access_changed(message_id(mailbox->id, 0), account->data);
}

static void
set_rights(Mailbox *mailbox, const char *rights)
{
	gboolean was_writable = mailbox_has_writable_messages(mailbox);

	mailbox->rights_outdated = FALSE;
	if (g_strcmp0(mailbox->rights, rights) == 0)
		return;
	g_free(mailbox->rights);
	mailbox->rights = g_strdup(rights);
	tell_change(mailbox, was_writable);
}

void
rights_listed(Mailbox *mailbox, const char *rights)
{
	mailbox->rights_listed = rights != NULL;
	if (rights)
		set_rights(mailbox, rights);
}

void
rights_scanned(Mailbox *mailbox, const RemoteScanned *scanned)
{
	gboolean was_writable = mailbox_has_writable_messages(mailbox);

	if (mailbox->read_only == scanned->read_only &&
	    g_strcmp0(mailbox->permanent_flags, scanned->permanent_flags) == 0)
		return;
	g_free(mailbox->permanent_flags);
	mailbox->permanent_flags = g_strdup(scanned->permanent_flags);
	mailbox->read_only = scanned->read_only;
	keep_access(mailbox);
	tell_change(mailbox, was_writable);
}

void
rights_answered(Mailbox *mailbox, const char *rights)
{
	set_rights(mailbox, rights);
}

void
rights_ask(Mailbox *mailbox)
{
	const Question question = {.kind = ANSWER_RIGHTS, .mailbox = mailbox};
	gint64 now = g_get_monotonic_time();

	if (!can_be_asked(mailbox) ||
	    (mailbox->rights_asked_at_us && now - mailbox->rights_asked_at_us < ASK_AGAIN_US))
		return;
	mailbox->rights_asked_at_us = now;
	answer_ask_ahead(&question);
}

static gboolean
are_wanted(const Mailbox *mailbox)
{
	return (!mailbox->rights || mailbox->rights_outdated) && !mailbox->next_name &&
	       can_be_asked(mailbox);
}

/* All are asked for before any is waited for: one round trip. */
CacheResult
rights_await(Mailbox *const *mailboxes, Waiter *waiter)
{
	CacheResult result = CACHE_READY;

	for (guint i = 0; mailboxes[i]; i++)
		if (are_wanted(mailboxes[i]))
			rights_ask(mailboxes[i]);
	for (guint i = 0; mailboxes[i] && result == CACHE_READY; i++) {
		const Question question = {.kind = ANSWER_RIGHTS, .mailbox = mailboxes[i]};

		if (are_wanted(mailboxes[i]))
			result = answer_await(&question, waiter);
	}
	return result;
}

/* What was known is believed until it is told anew. */
void
rights_forget(Mailbox *mailbox)
{
	answers_forget(mailbox, ANSWER_RIGHTS);
	answers_forget(mailbox, ANSWER_ACL);
	mailbox->rights_asked_at_us = 0;
	mailbox->rights_listed = FALSE;
	mailbox->rights_outdated = TRUE;
}

CacheResult
mailbox_rights(Mailbox *mailbox, const char **rights, Waiter *waiter, GError **error)
{
	const Question question = {.kind = ANSWER_RIGHTS, .mailbox = mailbox};
	const Answer *answer;
	CacheResult result;

	*rights = mailbox->rights;
	if (*rights && !mailbox->rights_outdated)
		return CACHE_READY;
	result = answer_ask(&question, &answer, waiter, error);
	if (result == CACHE_READY)
		*rights = answer->text->str;
	return result;
}
