/*
 * Changing flags: of a message on the server by STORE; of a file that is not on its way yet, what
 * it will be sent with. What is on its way must get there first.
 */
#include <string.h>

#include "changes.h"
#include "flags-words.h"
#include "imapfs/attributes.h"
#include "rights.h"

/* Whose flags they are: a draft's, an arrival's or those of the message @uid, if it is one. */
typedef struct {
	Draft *draft;
	const Promise *arrival;
	Mailbox *mailbox; /* of the draft or the message; NULL: of neither */
	guint32 uid;
} Bearer;

static Bearer
bearer_of(Account *account, guint64 id)
{
	Overlay *overlay = account->overlay;
	guint64 file = overlay_resolve(overlay, id);
	Draft *draft = draft_of_file(overlay, file);
	Bearer bearer = {.uid = (guint32)file};

	bearer.arrival = promise_of_arrival(overlay, file);
	if (draft && draft->made && !bearer.arrival)
		bearer.draft = draft;
	bearer.mailbox = account_mailbox(account, bearer.draft ? draft->local.mailbox_id
	                                                       : (guint32)(file >> 32));
	if (!bearer.draft && bearer.mailbox && !mailbox_find_message(bearer.mailbox, bearer.uid))
		bearer.mailbox = NULL;
	return bearer;
}

/* Where nothing is sent from, anything may be set. */
static gboolean
may_set(const Bearer *bearer, const char *words, GError **error)
{
	return (bearer->draft && draft_name_is_scratch(bearer->draft->local.message.name)) ||
	       !bearer->mailbox || rights_allow_flags(bearer->mailbox, words, error);
}

/* A copy made by the server would have those of the original. */
static void
set_of_draft(Draft *draft, char sign, const char *words)
{
	Message *message = &draft->local.message;
	g_autofree char *flags = flags_words_apply(message->flags, sign, words);

	if (g_str_equal(flags, message->flags))
		return;
	draft->copied = FALSE;
	g_ref_string_release(message->flags);
	message->flags = g_ref_string_new_intern(flags);
}

static Change
store(Overlay *overlay, const Bearer *bearer, char sign, const char *words)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_FLAGS);

	entry->mailbox = g_strdup(overlay_name(bearer->mailbox));
	entry->uidvalidity = bearer->mailbox->uidvalidity;
	entry->uid = bearer->uid;
	entry->sign = sign;
	entry->flags = g_strdup(words);
	return changes_add(overlay, entry, 0, NULL);
}

CacheResult
account_set_flags(Account *account, guint64 id, char sign, const char *flags, Change *change,
                  Waiter *waiter, GError **error)
{
	Mailbox *involved[] = {NULL, NULL};
	CacheResult result;
	Bearer bearer;

	*change = 0;
	if (!changes_allowed(account, error))
		return CACHE_FAILED;
	bearer = bearer_of(account, id);
	if (bearer.arrival)
		return overlay_await_entry(account->overlay, bearer.arrival->id, waiter, error);
	if (!bearer.draft && !bearer.mailbox) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the message is gone");
		return CACHE_FAILED;
	}
	involved[0] = bearer.mailbox;
	result = rights_await(involved, waiter);
	if (result != CACHE_READY)
		return result;
	if (!may_set(&bearer, flags, error))
		return CACHE_FAILED;
	if (bearer.draft)
		set_of_draft(bearer.draft, sign, flags);
	else
		*change = store(account->overlay, &bearer, sign, flags);
	return CACHE_READY;
}

gboolean
account_may_set_flags(Account *account, guint64 id, const char *words, GError **error)
{
	Bearer bearer;

	if (!changes_allowed(account, error))
		return FALSE;
	bearer = bearer_of(account, id);
	return bearer.arrival || may_set(&bearer, words, error);
}
