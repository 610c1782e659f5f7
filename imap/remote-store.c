/*
 * Changing and removing messages: UID STORE (RFC 3501 6.4.6, RFC 7162 3.1.3) and UID EXPUNGE (RFC
 * 4315 2.1).
 *
 * Adding or removing a flag twice, or expunging twice, is doing it once, so these are repeated
 * after a lost connection. What sets flags, or has a condition, is not: the second time it might
 * undo what others did in between, or be told that its own first time was somebody else's.
 *
 * CLOSE and EXPUNGE also remove what others have marked with \Deleted. They do not occur here, nor
 * anywhere.
 */
#include "change.h"
#include "flags.h"
#include "remote-operations.h"
#include "uid-set.h"

#include <string.h>

/* --- STORE --- */

typedef struct {
	Change change;
	const RemoteStoreHandler *handler;
	gpointer data;
	char sign;
	char *flags;
	guint64 unchanged_since;
	GHashTable *uids; /* those not told to be modified */
} Store;

/* UIDs that nobody asked about are not told. */
static void
store_tell_modified(Store *store, const char *text)
{
	g_autoptr(UidSet) set = uid_set_new();
	GHashTableIter iter;
	gpointer uid;

	if (!uid_set_parse(set, text, NULL))
		return;
	g_hash_table_iter_init(&iter, store->uids);
	while (g_hash_table_iter_next(&iter, &uid, NULL)) {
		if (!uid_set_contains(set, GPOINTER_TO_UINT(uid)))
			continue;
		g_hash_table_iter_remove(&iter);
		store->handler->modified(GPOINTER_TO_UINT(uid), store->data);
	}
}

static void
on_stored(const ImapResponse *tagged, const GError *error, gpointer data)
{
	ChangePiece *piece = data;
	Store *store = (Store *)piece->change;
	const char *text;

	if (tagged && store->unchanged_since && imap_response_has_code(tagged, "MODIFIED", &text))
		store_tell_modified(store, text);
	change_piece_done(piece, tagged, error);
}

/* Flags that nobody asked for: SILENT is silent about our own (RFC 7162 3.1.3), and no other command
 * is on its way here. Dovecot 2.3 lets two pass at the same moment, and the second hears of it so.
 * Others (Cyrus) do not, and tell one's own flags all the same. */
static gboolean
on_fetch(const ImapResponse *response, gpointer data)
{
	const Store *store = (Store *)((ChangePiece *)data)->change;
	ImapFetch fetch;

	if (!store->unchanged_since || !store->handler->disturbed ||
	    !session_is_dovecot(store->change.operation.session) || !g_str_equal(response->name, "FETCH") || !imap_fetch_parse(response, &fetch, NULL))
		return FALSE;
	if (fetch.has_flags && g_hash_table_contains(store->uids, GUINT_TO_POINTER(fetch.uid)))
		store->handler->disturbed(fetch.uid, store->data);
	imap_fetch_clear(&fetch);
	return FALSE;
}

static const ImapCommandHandler store_handler = {
	.untagged = on_fetch,
	.done = on_stored,
	.overhears = TRUE,
};

static void
store_write(ChangePiece *piece, ImapCommand *command)
{
	const Store *store = (Store *)piece->change;

	command_text(command, "UID STORE %s ", piece->uids);
	if (store->unchanged_since)
		command_text(command, "(UNCHANGEDSINCE %" G_GUINT64_FORMAT ") ",
		             store->unchanged_since);
	if (store->sign != '=')
		command_text(command, "%c", store->sign);
	command_text(command, "FLAGS.SILENT (%s)", store->flags);
}

static gboolean
store_check_session(const Store *store, const ImapSession *session, GError **error)
{
	if (store->unchanged_since && session_lacks_modseqs(session)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		            "STORE: the server cannot tell whether somebody else was first");
		return FALSE;
	}
	return flags_are_kept(store->flags, session_selected(session)->permanent_flags, error);
}

static void
store_start(Change *change)
{
	Store *store = (Store *)change;
	GError *error = NULL;

	if (store_check_session(store, change->operation.session, &error))
		change_send_pieces(change, "STORE", &store_handler, store_write);
	else
		operation_fail_run(&change->operation, error);
}

static void
store_finish(Operation *operation, const GError *error)
{
	Store *store = (Store *)operation;

	store->handler->done(change_verdict(&store->change, error), store->data);
	change_clear(&store->change);
	g_hash_table_unref(store->uids);
	g_free(store->flags);
	g_free(store);
}

static gboolean
store_check(const RemoteStore *arguments, GError **error)
{
	if (*arguments->flags)
		return flags_check(arguments->flags, error);
	if (arguments->sign == '=')
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "STORE: no flags");
	return FALSE;
}

static Store *
store_new(const RemoteStore *arguments, const RemoteStoreHandler *handler, gpointer data)
{
	Store *store = g_new0(Store, 1);

	store->handler = handler;
	store->data = data;
	store->sign = arguments->sign;
	store->flags = g_strdup(arguments->flags);
	store->unchanged_since = arguments->unchanged_since;
	store->uids = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < arguments->n_uids; i++)
		g_hash_table_add(store->uids, GUINT_TO_POINTER(arguments->uids[i]));
	return store;
}

void
remote_store(ImapPool *pool, const RemoteStore *arguments, const RemoteStoreHandler *handler,
             gpointer data)
{
	Store *store = store_new(arguments, handler, data);
	Change *change = &store->change;
	GError *error = NULL;

	g_assert(arguments->uidvalidity && arguments->n_uids);
	g_assert(strchr("+-=", arguments->sign));
	change_split_uids(change, arguments->uids, arguments->n_uids, strlen(store->flags));
	change->once = arguments->sign == '=' || arguments->unchanged_since;
	if (arguments->unchanged_since)
		change->operation.job.kind = JOB_ALONE;
	change->start = store_start;
	change->operation.finish = store_finish;
	if (store_check(arguments, &error))
		change_submit(change, pool, arguments->mailbox, arguments->uidvalidity);
	else
		change_refuse(change, pool, error);
}

/* --- EXPUNGE --- */

typedef struct {
	Change change;
	const RemoteDoneHandler *handler;
	gpointer data;
} Expunge;

static void
on_expunged(const ImapResponse *tagged, const GError *error, gpointer data)
{
	change_piece_done(data, tagged, error);
}

static const ImapCommandHandler expunge_handler = {.done = on_expunged};

static void
expunge_write(ChangePiece *piece, ImapCommand *command)
{
	command_text(command, "UID EXPUNGE %s", piece->uids);
}

static void
expunge_start(Change *change)
{
	if (session_offers(change->operation.session, "UIDPLUS"))
		change_send_pieces(change, "EXPUNGE", &expunge_handler, expunge_write);
	else
		operation_fail_run(&change->operation,
		                   g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		                               "EXPUNGE: the server cannot remove single messages "
		                               "(no UIDPLUS)"));
}

static void
expunge_finish(Operation *operation, const GError *error)
{
	Expunge *expunge = (Expunge *)operation;

	expunge->handler->done(error, expunge->data);
	change_clear(&expunge->change);
	g_free(expunge);
}

void
remote_expunge(ImapPool *pool, const RemoteExpunge *arguments, const RemoteDoneHandler *handler,
               gpointer data)
{
	Expunge *expunge = g_new0(Expunge, 1);
	Change *change = &expunge->change;

	g_assert(arguments->uidvalidity && arguments->n_uids);
	expunge->handler = handler;
	expunge->data = data;
	change_split_uids(change, arguments->uids, arguments->n_uids, 0);
	change->start = expunge_start;
	change->operation.finish = expunge_finish;
	change_submit(change, pool, arguments->mailbox, arguments->uidvalidity);
}
