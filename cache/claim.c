/*
 * Claims: setting a keyword if and only if nobody has set it.
 *
 *     looking     FETCH (FLAGS MODSEQ): the keyword is there --> somebody has it
 *     storing     STORE (UNCHANGEDSINCE that mod-sequence): MODIFIED --> looking
 *                 the line broke, or another was at it in that moment --> looking, in doubt
 *     confirming  FETCH twice more: the message is still there, and has the keyword --> done
 *
 * In doubt, a keyword that is there may be ours or another's, and nobody can tell: that is an
 * error, never a success. One that is not there is stored once more: should the first attempt only
 * now reach the message, its condition does not hold any more.
 *
 * Servers answer OK to a STORE of a message that somebody has expunged in between, perhaps after
 * having claimed it, so that only a later look shows that there was one. A connection may show such
 * a message until its next command has ended: hence two looks.
 *
 * Two of this account never meet: who claims a message that is being claimed waits for the first.
 */
#include "answers.h"
#include "details.h"
#include "errand.h"
#include "flags-words.h"
#include "rights.h"

#define MAX_ATTEMPTS 16
#define N_LOOKS      2 /* that must find it */
#define MAX_MISSES   3 /* of connections that have not heard of it yet */

typedef struct {
	Errand errand;
	guint32 mailbox_id, uid, uidvalidity;
	char *mailbox; /* server's bytes */
	char *keyword;
	guint n_attempts;
	gboolean modified;       /* by another, since it was looked at ... */
	gboolean disturbed;      /* ... or just while it was stored */
	gboolean doubtful;       /* an attempt of ours may have been carried out, or may yet be */
	gboolean stored;         /* for certain, if there was a message ... */
	guint n_found, n_missed; /* ... as so many looks since show, or do not */
} Claim;

static void claim_look(Claim *claim);

static void
claim_free(Errand *errand)
{
	Claim *claim = (Claim *)errand;

	g_free(claim->mailbox);
	g_free(claim->keyword);
	g_free(claim);
}

/* Takes @error. */
static void
claim_end(Claim *claim, GError *error)
{
	Account *account = claim->errand.account;
	const Mailbox *mailbox = account_mailbox(account, claim->mailbox_id);

	if (mailbox)
		answers_forget(mailbox, ANSWER_DETAILS);
	account->claims = g_list_remove(account->claims, claim);
	errand_end(&claim->errand, error);
}

static void
claim_fail(Claim *claim, ImapfsError code, const char *words)
{
	claim_end(claim,
	          g_error_new(IMAPFS_ERROR, (gint)code, "claiming %s: %s", claim->keyword, words));
}

/* Whether it is ours nobody knows, if an attempt may have been carried out. */
static gboolean
is_unsure(const Claim *claim)
{
	return claim->doubtful || claim->stored;
}

static void
claim_fail_unless_unsure(Claim *claim, ImapfsError code, const char *words)
{
	claim_fail(claim, is_unsure(claim) ? IMAPFS_ERROR_UNKNOWN : code, words);
}

/* What the server says of one attempt says nothing of those before. A message that is gone is
 * NOT_FOUND: were it STALE, the kernel would make the call once more by itself, and what came of
 * the first would be lost. */
static void
claim_fail_with(Claim *claim, const GError *error)
{
	gboolean gone = g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE);

	if (gone)
		claim_fail(claim, IMAPFS_ERROR_NOT_FOUND, error->message);
	else
		claim_fail_unless_unsure(claim, (ImapfsError)error->code, error->message);
}

/* --- storing --- */

static void
on_modified(guint32 uid, gpointer data)
{
	Claim *claim = data;

	claim->modified |= uid == claim->uid;
}

/* MODIFIED comes with OK or with NO (RFC 7162 3.1.3): an error beside it says no more. */
static void
on_stored(const GError *error, gpointer data)
{
	Claim *claim = data;

	if (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN)) {
		claim->doubtful = TRUE;
	} else if (error && !claim->modified) {
		claim_fail_with(claim, error);
		return;
	} else {
		claim->stored = !claim->modified && !claim->disturbed;
		claim->doubtful |= !claim->modified && claim->disturbed;
	}
	claim_look(claim);
}

static void
on_disturbed(guint32 uid, gpointer data)
{
	Claim *claim = data;

	claim->disturbed |= uid == claim->uid;
}

static const RemoteStoreHandler store_handler = {
	.modified = on_modified,
	.disturbed = on_disturbed,
	.done = on_stored,
};

static void
claim_store(Claim *claim, guint64 modseq)
{
	Remote *remote = claim->errand.account->remote;
	const RemoteStore store = {
		.mailbox = claim->mailbox,
		.uidvalidity = claim->uidvalidity,
		.uids = &claim->uid,
		.n_uids = 1,
		.sign = '+',
		.flags = claim->keyword,
		.unchanged_since = modseq,
	};

	claim->modified = claim->disturbed = FALSE;
	remote->operations->store(remote, &store, &store_handler, claim);
}

/* --- looking --- */

/* What was seen on the way is shown from now on. */
static void
note_flags(const Claim *claim, const char *flags)
{
	Mailbox *mailbox = account_mailbox(claim->errand.account, claim->mailbox_id);

	if (mailbox && mailbox->uidvalidity == claim->uidvalidity)
		mailbox_set_flags(mailbox, claim->uid, flags);
}

/* It has been stored. */
static void
claim_confirm(Claim *claim, gboolean there)
{
	claim->n_found += there;
	claim->n_missed += !there;
	if (claim->n_found == N_LOOKS)
		claim_end(claim, NULL);
	else if (claim->n_missed == MAX_MISSES)
		claim_fail(claim, IMAPFS_ERROR_UNKNOWN, "it is not there any more");
	else
		claim_look(claim);
}

static void
claim_judge(Claim *claim, const RemoteDetails *details)
{
	gboolean there = flags_words_contain(details->flags, claim->keyword);

	if (claim->stored)
		claim_confirm(claim, there);
	else if (there && claim->doubtful)
		claim_fail(claim, IMAPFS_ERROR_UNKNOWN, "it is set, but by whom is not known");
	else if (there)
		claim_fail(claim, IMAPFS_ERROR_EXISTS, "somebody has it");
	else if (!details->modseq && details->lacks_modseqs)
		claim_fail_unless_unsure(claim, IMAPFS_ERROR_UNSUPPORTED,
		                         "the mailbox has no mod-sequences");
	else if (!details->modseq)
		claim_fail_unless_unsure(claim, IMAPFS_ERROR_FAILED,
		                         "the server does not tell the mod-sequence now");
	else if (++claim->n_attempts > MAX_ATTEMPTS)
		claim_fail_unless_unsure(claim, IMAPFS_ERROR_LIMIT, "the message changes too fast");
	else
		claim_store(claim, details->modseq);
}

static void
on_details(const RemoteDetails *details, const GError *error, gpointer data)
{
	Claim *claim = data;

	if (error) {
		claim_fail_with(claim, error);
		return;
	}
	if (!details->flags) {
		claim_fail_unless_unsure(claim, IMAPFS_ERROR_PROTOCOL,
		                         "the server does not tell the flags");
		return;
	}
	note_flags(claim, details->flags);
	claim_judge(claim, details);
}

static const RemoteDetailsHandler details_handler = {.done = on_details};

static void
claim_look(Claim *claim)
{
	Remote *remote = claim->errand.account->remote;
	const RemoteMessageId message = {claim->mailbox, claim->uidvalidity, claim->uid};

	if (claim->errand.released)
		claim_fail(claim, IMAPFS_ERROR_INTERRUPTED, "nobody waits for it any more");
	else
		remote->operations->details(remote, &message, &details_handler, claim);
}

/* --- beginning --- */

static Claim *
claim_new(const Mailbox *mailbox, guint32 uid, const char *keyword)
{
	Claim *claim = g_new0(Claim, 1);

	errand_init(&claim->errand, mailbox->account, claim_free);
	claim->mailbox_id = mailbox->id;
	claim->uidvalidity = mailbox->uidvalidity;
	claim->uid = uid;
	claim->mailbox = g_strdup(mailbox->name);
	claim->keyword = g_strdup(keyword);
	mailbox->account->claims = g_list_prepend(mailbox->account->claims, claim);
	return claim;
}

/* NULL: nobody claims it now. */
static Claim *
claim_of(const Mailbox *mailbox, guint32 uid)
{
	for (GList *link = mailbox->account->claims; link; link = link->next) {
		Claim *claim = link->data;

		if (claim->mailbox_id == mailbox->id && claim->uid == uid)
			return claim;
	}
	return NULL;
}

/* A server that tells no UIDVALIDITY might mean another message by that UID the next time. */
static gboolean
can_be_claimed(const Mailbox *mailbox, const char *keyword, GError **error)
{
	if (mailbox->uidvalidity)
		return rights_allow_flags(mailbox, keyword, error);
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED, "%s has no UIDVALIDITY",
	            mailbox->file_name);
	return FALSE;
}

CacheResult
account_claim(Account *account, guint64 id, const char *keyword, Errand **errand, Waiter *waiter,
              GError **error)
{
	const RemoteOperations *operations = account->remote->operations;
	Mailbox *mailbox;
	guint32 uid;
	CacheResult result;
	Claim *claim;

	if (!errand_allowed(account, REMOTE_CONDSTORE, operations->details != NULL, error))
		return CACHE_FAILED;
	result = message_await_server(account, id, TRUE, &mailbox, &uid, waiter, error);
	if (result != CACHE_READY)
		return result;
	if (!can_be_claimed(mailbox, keyword, error))
		return CACHE_FAILED;
	claim = claim_of(mailbox, uid);
	if (claim) {
		waiter_park(waiter, &claim->errand.waiting);
		return CACHE_PARKED;
	}
	claim = claim_new(mailbox, uid, keyword);
	*errand = &claim->errand;
	claim_look(claim);
	return CACHE_READY;
}
