/*
 * What is known of a mailbox besides its entries.
 */
#include "flagged.h"
#include "flags-words.h"
#include "hidden.h"
#include "imapfs/attributes.h"
#include "local.h"

void
mailbox_facts(const Mailbox *mailbox, MailboxFacts *facts)
{
	*facts = (MailboxFacts){
		.selectable = mailbox->selectable && mailbox->name && mailbox->parent,
		.special_use = mailbox->special_use,
		.subscription_known = mailbox->subscription_told,
		.subscribed = mailbox->subscribed,
		.uidvalidity = mailbox->uidvalidity,
		.uidnext = MAX(mailbox->seen_uidnext,
	                       MAX(mailbox->synced.uidnext, mailbox->announced.uidnext)),
		.highestmodseq =
			MAX(mailbox->synced.highestmodseq, mailbox->announced.highestmodseq),
	};
}

/* --- counting --- */

/* Most messages share their flags with the one before: the strings are the same. */
typedef struct {
	const char *flags;
	gboolean seen;
} Memo;

static gboolean
is_seen(Memo *memo, const char *flags)
{
	if (memo->flags != flags) {
		memo->flags = flags;
		memo->seen = flags_words_contain(flags, "\\Seen");
	}
	return memo->seen;
}

static gboolean
is_planned_seen(const Mailbox *mailbox, const Message *message)
{
	GRefString *flags = mailbox_flags(mailbox, message);
	gboolean seen = flags_words_contain(flags, "\\Seen");

	g_ref_string_release(flags);
	return seen;
}

static gboolean
has_plans(const Mailbox *mailbox, const Message *message)
{
	return mailbox->planned_flags &&
	       g_hash_table_contains(mailbox->planned_flags, GUINT_TO_POINTER(message->uid));
}

/* Those on their way there. */
static void
count_arrivals(const Mailbox *mailbox, MailboxCount *count)
{
	for (guint i = 0; mailbox->locals && i < mailbox->locals->len; i++) {
		const Local *local = mailbox->locals->pdata[i];

		if (local->draft || local->turned)
			continue;
		count->n_messages++;
		count->n_unseen += !flags_words_contain(local->message.flags, "\\Seen");
	}
}

static void
count_known(const Mailbox *mailbox, MailboxCount *count)
{
	Memo memo = {NULL, FALSE};

	for (guint i = 0; i < mailbox->messages->len; i++) {
		const Message *message = &g_array_index(mailbox->messages, Message, i);

		if (mailbox_hides(mailbox, message))
			continue;
		count->n_messages++;
		count->n_unseen += has_plans(mailbox, message) ? !is_planned_seen(mailbox, message)
		                                               : !is_seen(&memo, message->flags);
	}
}

/* What the server told; offline, or where it tells nothing, what an earlier mount has kept. */
static void
count_told(const Mailbox *mailbox, MailboxCount *count)
{
	count->unseen_known = mailbox->figures_told;
	count->messages_known = mailbox->figures_told || mailbox->synced.complete;
	count->n_messages = mailbox->figures_told ? mailbox->told_messages : mailbox->synced.exists;
	count->n_unseen = mailbox->told_unseen;
}

void
mailbox_count(const Mailbox *mailbox, MailboxCount *count)
{
	*count = (MailboxCount){.messages_known = TRUE, .unseen_known = TRUE};
	if (mailbox->state == MAILBOX_COMPLETE)
		count_known(mailbox, count);
	else
		count_told(mailbox, count);
	count_arrivals(mailbox, count);
}
