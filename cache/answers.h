/*
 * answers.h: what the server was asked a moment ago.
 *
 * A question has a key that begins with what it is about. Whoever asks is parked until the answer
 * has come, joins those who ask the same, and has it for two seconds from then on.
 */
#pragma once

#include "account-private.h"

typedef enum {
	ANSWER_DETAILS,
	ANSWER_RIGHTS,
	ANSWER_ACL,
	ANSWER_METADATA,
	ANSWER_METADATA_NAMES,
	ANSWER_QUOTA,
} AnswerKind;

typedef struct {
	AnswerKind kind;
	const Mailbox *mailbox;
	guint32 uid;       /* DETAILS: ... */
	const char *entry; /* METADATA: "/shared/comment" */
} Question;

typedef struct {
	Account *account;
	char *key;
	AnswerKind kind;
	guint32 mailbox_id;
	gboolean coming, outdated;
	gboolean waking; /* those who waited: their queue must outlive that */
	gint64 told_at_us;
	WaitQueue waiting;
	WaitQueue undaunted; /* who go on whatever has come, and never hear an error */

	RemoteDetails details; /* strings are owned */
	GString *text;         /* RIGHTS, ACL, METADATA_NAMES, QUOTA */
	GBytes *bytes;         /* METADATA; NULL: there is no such entry */
	guint64 usage, limit;  /* QUOTA: of STORAGE, KiB; limit 0: there is none */
	gsize n_bytes;         /* of text and bytes, as account->n_answer_bytes counts them */
} Answer;

/* CACHE_READY: *@answer is there, until the return to the loop. */
CacheResult answer_ask(const Question *question, const Answer **answer, Waiter *waiter,
                       GError **error);

/* CACHE_READY: the answer is not on its way, be it here or not to be had. Asks nobody, and never
 * fails: who is woken looks what has become known. */
CacheResult answer_await(const Question *question, Waiter *waiter);

/* Asks before anybody waits. Nothing happens where the server does not offer it. */
void answer_ask_ahead(const Question *question);

/* What was answered of @kind about @mailbox is of the past, for it has been changed from here. */
void answers_forget(const Mailbox *mailbox, AnswerKind kind);

/* What was answered of anybody's quota, for several mailboxes may share one. */
void answers_forget_quota(Account *account);

void answers_free(Account *account);

/* --- what is done with some answers, whether or not somebody waits --- */

/* rights.c */
void rights_answered(Mailbox *mailbox, const char *rights);

/* quota.c: @limit 0: there is no quota. */
void quota_answered(const Mailbox *mailbox, guint64 usage, guint64 limit);
void quota_failed(const Mailbox *mailbox);

/* The account has been listed. */
void quota_listed(Account *account);
