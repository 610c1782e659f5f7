/*
 * Annotations of mailboxes (RFC 5464), read.
 */
#include "answers.h"
#include "imapfs/attributes.h"

CacheResult
mailbox_metadata(Mailbox *mailbox, const char *entry, GBytes **value, Waiter *waiter,
                 GError **error)
{
	const Question question = {.kind = ANSWER_METADATA, .mailbox = mailbox, .entry = entry};
	const Answer *answer;
	CacheResult result = answer_ask(&question, &answer, waiter, error);

	if (result == CACHE_READY)
		*value = answer->bytes;
	return result;
}

CacheResult
mailbox_metadata_names(Mailbox *mailbox, const char **names, Waiter *waiter, GError **error)
{
	const Question question = {.kind = ANSWER_METADATA_NAMES, .mailbox = mailbox};
	const Answer *answer;
	CacheResult result = answer_ask(&question, &answer, waiter, error);

	if (result == CACHE_READY)
		*names = answer->text->str;
	return result;
}
