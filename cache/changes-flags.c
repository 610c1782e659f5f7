/*
 * Changing flags: of a message on the server by STORE; of what is not on its way yet, what it will
 * be sent with. What is on its way must get there first.
 */
#include "changes.h"
#include "flagged.h"
#include "flags-words.h"
#include "imapfs/attributes.h"
#include "rights.h"

/* Whose flags they are: a draft's, an arrival's, or those of message @uid of the mailbox. */
typedef struct {
	Draft *draft;
	Promise *arrival;
	Mailbox *mailbox; /* whose rights count; NULL: nobody's */
	guint32 uid;
} Bearer;

static Bearer
bearer_of(Account *account, guint64 id)
{
	Overlay *overlay = account->overlay;
	guint64 file = overlay_resolve(overlay, id);
	Mailbox *mailbox = account_mailbox(account, (guint32)(file >> 32));
	Draft *draft = draft_of_file(overlay, file);
	Bearer bearer = {.arrival = promise_of_arrival(overlay, file), .uid = (guint32)file};

	if (bearer.arrival)
		bearer.mailbox = account_mailbox(account, bearer.arrival->to_id);
	else if (mailbox && mailbox_find_message(mailbox, bearer.uid))
		bearer.mailbox = mailbox;
	else if (draft && (draft->made || draft->shown))
		bearer.draft = draft;
	if (bearer.draft && !draft_name_is_scratch(draft->local.message.name))
		bearer.mailbox = account_mailbox(account, draft->local.mailbox_id);
	return bearer;
}

/* What is not on the server takes some of @words, and leaves out the others. */
static gboolean
may_set(const Bearer *bearer, const char *words, GError **error)
{
	g_autofree char *kept = NULL;

	if (!bearer->mailbox)
		return TRUE;
	if (bearer->draft || bearer->arrival)
		kept = draft_kept_flags(bearer->mailbox, words);
	return (kept && *kept) || rights_allow_flags(bearer->mailbox, words, error);
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

/* What was not sent yet is sent with them. FALSE: it has been, or is no APPEND. */
static gboolean
amend(Overlay *overlay, const Bearer *bearer, char sign, const char *words)
{
	JournalEntry *entry = overlay_open_entry(overlay, bearer->arrival->id);
	Draft *version = draft_of_file(overlay, bearer->arrival->local.id);
	g_autofree char *flags = NULL;

	if (!entry || entry->kind != JOURNAL_APPEND || !bearer->mailbox)
		return FALSE;
	flags = flags_words_apply(entry->flags ? entry->flags : "", sign, words);
	g_free(entry->flags);
	entry->flags = draft_kept_flags(bearer->mailbox, flags);
	local_set_flags(&bearer->arrival->local, entry->flags);
	if (version)
		local_set_flags(&version->local, entry->flags);
	overlay_update(overlay, entry);
	return TRUE;
}

static CacheResult
set(Overlay *overlay, const Bearer *bearer, char sign, const char *words, Change *change,
    Waiter *waiter, GError **error)
{
	if (bearer->draft)
		return draft_change_flags(bearer->draft, sign, words, error) ? CACHE_READY
		                                                             : CACHE_FAILED;
	if (bearer->arrival && !amend(overlay, bearer, sign, words))
		return overlay_await_entry(overlay, bearer->arrival->id, waiter, error);
	*change = bearer->arrival ? bearer->arrival->id : store(overlay, bearer, sign, words);
	return CACHE_READY;
}

/* Some servers refuse to set an empty list: so those that are there are taken away. */
static CacheResult
set_none(Account *account, guint64 id, Change *change, Waiter *waiter, GError **error)
{
	GRefString *present = account_flags(account, id);
	CacheResult result = CACHE_READY;

	if (present && *present)
		result = account_set_flags(account, id, '-', present, change, waiter, error);
	g_clear_pointer(&present, g_ref_string_release);
	return result;
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
	if (!bearer.draft && !bearer.arrival && !bearer.mailbox) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "the message is gone");
		return CACHE_FAILED;
	}
	if (sign == '=' && !*flags && !bearer.draft)
		return set_none(account, id, change, waiter, error);
	involved[0] = bearer.mailbox;
	result = rights_await(involved, waiter);
	if (result != CACHE_READY)
		return result;
	if (!may_set(&bearer, flags, error))
		return CACHE_FAILED;
	return set(account->overlay, &bearer, sign, flags, change, waiter, error);
}

gboolean
account_may_set_flags(Account *account, guint64 id, const char *words, GError **error)
{
	Bearer bearer;

	if (!changes_allowed(account, error))
		return FALSE;
	bearer = bearer_of(account, id);
	return may_set(&bearer, words, error);
}
