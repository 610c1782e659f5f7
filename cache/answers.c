/*
 * What the server was asked a moment ago.
 *
 *     coming   --done-->    told: answers for KEEP_US
 *              --error-->   forgotten; whoever waited hears it, the next one asks again
 *              --refused--> told, of the names of annotations: none
 *
 * One that has been outdated by a change of ours while it was coming is told to nobody: those who
 * wait look again, and ask once more.
 */
#include "answers.h"

#include <string.h>

#include "details.h"
#include "imapfs/attributes.h"

#define KEEP_US     (2 * G_USEC_PER_SEC)
#define MAX_ANSWERS 1024        /* then those that are too old are dropped, or all that are told */
#define MAX_BYTES   (16U << 20) /* likewise: one annotation alone may be long */

static void
answer_clear(Answer *answer)
{
	g_free((char *)answer->details.flags);
	g_free((char *)answer->details.email_id);
	g_free((char *)answer->details.thread_id);
	g_free((char *)answer->details.labels);
	answer->details = (RemoteDetails){0};
	g_clear_pointer(&answer->bytes, g_bytes_unref);
	g_string_truncate(answer->text, 0);
	answer->usage = answer->limit = 0;
	answer->account->n_answer_bytes -= answer->n_bytes;
	answer->n_bytes = 0;
}

static void
answer_count_bytes(Answer *answer)
{
	gsize n_bytes = answer->text->len + (answer->bytes ? g_bytes_get_size(answer->bytes) : 0);

	answer->account->n_answer_bytes += n_bytes - answer->n_bytes;
	answer->n_bytes = n_bytes;
}

static void
answer_free(gpointer data)
{
	Answer *answer = data;

	answer_clear(answer);
	g_string_free(answer->text, TRUE);
	g_free(answer->key);
	g_free(answer);
}

static gboolean
is_fresh(const Answer *answer)
{
	return !answer->coming && !answer->outdated &&
	       g_get_monotonic_time() - answer->told_at_us < KEEP_US;
}

/* --- which are kept --- */

static gboolean
is_old(gpointer key, gpointer value, gpointer data)
{
	const Answer *answer = value;
	const gboolean *all = data;

	(void)key;
	if (answer->coming || answer->waking || answer->waiting.waiters.length ||
	    answer->undaunted.waiters.length)
		return FALSE;
	return *all || !is_fresh(answer);
}

static gboolean
are_too_many(const Account *account)
{
	return g_hash_table_size(account->answers) >= MAX_ANSWERS ||
	       account->n_answer_bytes > MAX_BYTES;
}

static void
make_room(Account *account)
{
	gboolean all = FALSE;

	if (!are_too_many(account))
		return;
	g_hash_table_foreach_remove(account->answers, is_old, &all);
	all = are_too_many(account);
	if (all)
		g_hash_table_foreach_remove(account->answers, is_old, &all);
}

static Answer *
answer_new(Account *account, const Question *question, char *key)
{
	Answer *answer = g_new0(Answer, 1);

	answer->account = account;
	answer->key = key;
	answer->kind = question->kind;
	answer->mailbox_id = question->mailbox->id;
	answer->outdated = TRUE;
	answer->text = g_string_new(NULL);
	wait_queue_init(&answer->waiting);
	wait_queue_init(&answer->undaunted);
	return answer;
}

static char *
key_of(const Question *question)
{
	return g_strdup_printf("%d %u %u %s", question->kind, question->mailbox->id, question->uid,
	                       question->entry ? question->entry : "");
}

static Answer *
find(const Question *question)
{
	Account *account = question->mailbox->account;
	g_autofree char *key = key_of(question);
	Answer *answer;

	if (!account->answers)
		account->answers =
			g_hash_table_new_full(g_str_hash, g_str_equal, NULL, answer_free);
	answer = g_hash_table_lookup(account->answers, key);
	if (answer)
		return answer;
	make_room(account);
	answer = answer_new(account, question, g_steal_pointer(&key));
	g_hash_table_insert(account->answers, answer->key, answer);
	return answer;
}

/* What has come unasked, where it is not being asked for. */
static void
answer_tell_bytes(const Question *question, GBytes *bytes)
{
	Answer *answer = find(question);

	if (answer->coming)
		return;
	answer_clear(answer);
	answer->bytes = g_bytes_ref(bytes);
	answer->outdated = FALSE;
	answer->told_at_us = g_get_monotonic_time();
	answer_count_bytes(answer);
}

/* --- the answers come --- */

/* The queues must outlive the waking, and whoever is woken may ask the same anew. */
static void
answer_end(Answer *answer, const GError *error)
{
	answer->coming = FALSE;
	answer->told_at_us = g_get_monotonic_time();
	answer_count_bytes(answer);
	if (error)
		g_hash_table_steal(answer->account->answers, answer->key);
	answer->waking = TRUE;
	wait_queue_wake(&answer->waiting, answer->outdated ? NULL : error);
	wait_queue_wake(&answer->undaunted, NULL);
	answer->waking = FALSE;
	if (error)
		answer_free(answer);
}

static Mailbox *
answer_mailbox(const Answer *answer)
{
	return account_mailbox(answer->account, answer->mailbox_id);
}

static void
on_details(const RemoteDetails *details, const GError *error, gpointer data)
{
	Answer *answer = data;

	if (!error)
		answer->details = (RemoteDetails){
			.modseq = details->modseq,
			.lacks_modseqs = details->lacks_modseqs,
			.flags = g_strdup(details->flags),
			.email_id = g_strdup(details->email_id),
			.thread_id = g_strdup(details->thread_id),
			.labels = g_strdup(details->labels),
		};
	answer_end(answer, error);
}

static void
on_text(const char *text, const GError *error, gpointer data)
{
	Answer *answer = data;
	Mailbox *mailbox = answer_mailbox(answer);

	if (!error)
		g_string_assign(answer->text, text);
	if (mailbox && answer->outdated && answer->kind == ANSWER_RIGHTS)
		mailbox->rights_asked_at_us = 0; /* to be asked for again */
	else if (!error && mailbox && answer->kind == ANSWER_RIGHTS)
		rights_answered(mailbox, text);
	answer_end(answer, error);
}

static void
on_bytes(GBytes *bytes, const GError *error, gpointer data)
{
	Answer *answer = data;

	if (!error && bytes)
		answer->bytes = g_bytes_ref(bytes);
	answer_end(answer, error);
}

/* Who lists the names asks for the values next. */
static void
on_entry(const char *entry, GBytes *value, gpointer data)
{
	Answer *answer = data;
	const Question question = {
		.kind = ANSWER_METADATA, .mailbox = answer_mailbox(answer), .entry = entry};

	g_string_append_printf(answer->text, "%s\n", entry);
	if (question.mailbox && value && !answer->outdated)
		answer_tell_bytes(&question, value);
}

/* By the server, not for want of one. */
static gboolean
is_refusal(const GError *error)
{
	return error && !g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE) &&
	       !g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_TIMED_OUT) &&
	       !g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED);
}

/* Whoever lists attributes asks twice, for the length and for the names, and shows none if there
 * are none to be had. */
static void
on_entries(const GError *error, gpointer data)
{
	Answer *answer = data;
	gboolean refused = is_refusal(error);

	if (refused)
		g_string_truncate(answer->text, 0);
	answer_end(answer, refused ? NULL : error);
}

/* Of several roots that with the least room counts. */
static void
on_resource(const char *root, const char *resource, guint64 usage, guint64 limit, gpointer data)
{
	Answer *answer = data;
	gboolean is_storage = g_ascii_strcasecmp(resource, "STORAGE") == 0 && limit;
	guint64 room = limit > usage ? limit - usage : 0;
	guint64 least = answer->limit > answer->usage ? answer->limit - answer->usage : 0;

	g_string_append_printf(answer->text, "%s %s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
	                       *root ? root : "\"\"", resource, usage, limit);
	if (!is_storage || (answer->limit && least <= room))
		return;
	answer->usage = usage;
	answer->limit = limit;
}

static void
on_quota(const GError *error, gpointer data)
{
	Answer *answer = data;
	const Mailbox *mailbox = answer_mailbox(answer);

	if (mailbox && error)
		quota_failed(mailbox);
	else if (mailbox)
		quota_answered(mailbox, answer->usage, answer->limit);
	answer_end(answer, error);
}

static const RemoteDetailsHandler details_handler = {.done = on_details};
static const RemoteTextHandler text_handler = {.done = on_text};
static const RemoteBytesHandler bytes_handler = {.done = on_bytes};
static const RemoteMetadataHandler metadata_handler = {.entry = on_entry, .done = on_entries};
static const RemoteQuotaHandler quota_handler = {.resource = on_resource, .done = on_quota};

/* --- asking --- */

/* The top of the account stands for the server itself (RFC 5464). */
static const char *
name_of(const Mailbox *mailbox)
{
	return mailbox->parent ? mailbox->name : "";
}

static gboolean
is_offered(const Account *account, AnswerKind kind)
{
	const RemoteOperations *operations = account->remote->operations;
	const struct {
		RemoteCapabilities capability;
		gboolean implemented;
	} needs[] = {
		[ANSWER_DETAILS] = {REMOTE_KNOWN, operations->details != NULL},
		[ANSWER_RIGHTS] = {REMOTE_ACL, operations->rights != NULL},
		[ANSWER_ACL] = {REMOTE_ACL, operations->acl != NULL},
		[ANSWER_METADATA] = {REMOTE_METADATA, operations->metadata != NULL},
		[ANSWER_METADATA_NAMES] = {REMOTE_METADATA, operations->all_metadata != NULL},
		[ANSWER_QUOTA] = {REMOTE_QUOTA, operations->quota != NULL},
	};

	return needs[kind].implemented && (account_offers(account, needs[kind].capability) ||
	                                   !account_offers(account, REMOTE_KNOWN));
}

/* Only of the server as a whole can be asked without a mailbox. */
static gboolean
has_place(const Question *question)
{
	gboolean of_server =
		question->kind == ANSWER_METADATA || question->kind == ANSWER_METADATA_NAMES;

	return question->mailbox->parent ? question->mailbox->name != NULL : of_server;
}

static gboolean
check(const Question *question, GError **error)
{
	if (has_place(question) && is_offered(question->mailbox->account, question->kind))
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
	            "the server does not tell this of %s", question->mailbox->file_name);
	return FALSE;
}

static void
begin(Answer *answer, const Question *question)
{
	Remote *remote = answer->account->remote;
	const RemoteOperations *operations = remote->operations;
	const char *name = name_of(question->mailbox);
	const RemoteMessageId message = {name, question->mailbox->uidvalidity, question->uid};

	answer_clear(answer);
	answer->coming = TRUE;
	answer->outdated = FALSE;
	if (answer->kind == ANSWER_DETAILS)
		operations->details(remote, &message, &details_handler, answer);
	else if (answer->kind == ANSWER_RIGHTS)
		operations->rights(remote, name, &text_handler, answer);
	else if (answer->kind == ANSWER_ACL)
		operations->acl(remote, name, &text_handler, answer);
	else if (answer->kind == ANSWER_METADATA)
		operations->metadata(remote, name, question->entry, &bytes_handler, answer);
	else if (answer->kind == ANSWER_METADATA_NAMES)
		operations->all_metadata(remote, name, &metadata_handler, answer);
	else
		operations->quota(remote, name, &quota_handler, answer);
}

CacheResult
answer_ask(const Question *question, const Answer **answer, Waiter *waiter, GError **error)
{
	Answer *found;

	CacheResult result = mailbox_await_changes(question->mailbox, waiter, error);

	if (result != CACHE_READY)
		return result;
	if (!check(question, error))
		return CACHE_FAILED;
	found = find(question);
	*answer = found;
	if (is_fresh(found))
		return CACHE_READY;
	if (!found->coming)
		begin(found, question);
	waiter_park(waiter, &found->waiting);
	return CACHE_PARKED;
}

CacheResult
answer_await(const Question *question, Waiter *waiter)
{
	const Account *account = question->mailbox->account;
	g_autofree char *key = key_of(question);
	Answer *answer = account->answers ? g_hash_table_lookup(account->answers, key) : NULL;

	if (!answer || !answer->coming)
		return CACHE_READY;
	waiter_park(waiter, &answer->undaunted);
	return CACHE_PARKED;
}

void
answer_ask_ahead(const Question *question)
{
	Answer *answer;

	if (!check(question, NULL))
		return;
	answer = find(question);
	if (!is_fresh(answer) && !answer->coming)
		begin(answer, question);
}

/* @mailbox: NULL for all. */
static void
forget(const Account *account, const Mailbox *mailbox, AnswerKind kind)
{
	GHashTableIter iter;
	gpointer value;

	if (!account->answers)
		return;
	g_hash_table_iter_init(&iter, account->answers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Answer *answer = value;

		if (answer->kind == kind && (!mailbox || answer->mailbox_id == mailbox->id))
			answer->outdated = TRUE;
	}
}

void
answers_forget(const Mailbox *mailbox, AnswerKind kind)
{
	forget(mailbox->account, mailbox, kind);
}

void
answers_forget_quota(Account *account)
{
	forget(account, NULL, ANSWER_QUOTA);
}

void
answers_free(Account *account)
{
	g_clear_pointer(&account->answers, g_hash_table_unref);
}
