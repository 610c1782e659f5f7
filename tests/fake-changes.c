/*
 * The changes that a fake remote can make. Each carries itself out on the server's state in one
 * step, all or nothing as a server would, and is answered in the next; or the connection breaks
 * before, between or after.
 */
#include "fake-change.h"

#include <string.h>

typedef struct {
	guint32 uid, new_uid;
} Pair;

void
fake_change_free(FakeChange *change)
{
	g_clear_error(&change->error);
	g_clear_pointer(&change->content, g_bytes_unref);
	g_array_unref(change->uids);
	g_array_unref(change->pairs);
	g_array_unref(change->modified);
	g_string_free(change->text, TRUE);
	g_clear_pointer(&change->bytes, g_bytes_unref);
	g_free((char *)change->details.flags);
	g_free(change->mailbox);
	g_free(change->to);
	g_free(change->flags);
	g_free(change);
}

void
fake_change_fail(FakeChange *change, ImapfsError code, const char *words)
{
	g_clear_error(&change->error);
	change->error = g_error_new_literal(IMAPFS_ERROR, (gint)code, words);
}

/* --- carrying out --- */

FakeMailbox *
fake_change_open(FakeChange *change, const char *name, guint32 uidvalidity)
{
	FakeMailbox *mailbox = fake_mailbox(change->fake, name);

	if (!mailbox || mailbox->unselectable) {
		fake_change_fail(change, IMAPFS_ERROR_NOT_FOUND, "no such mailbox");
		return NULL;
	}
	if (uidvalidity && uidvalidity != mailbox->uidvalidity) {
		fake_change_fail(change, IMAPFS_ERROR_STALE, "another mailbox");
		return NULL;
	}
	return mailbox;
}

static void
note_pair(FakeChange *change, guint32 uid, guint32 new_uid)
{
	const Pair pair = {uid, new_uid};

	g_array_append_val(change->pairs, pair);
}

static void
do_append(FakeChange *change)
{
	FakeMailbox *mailbox = fake_change_open(change, change->mailbox, change->uidvalidity);
	gsize size;
	const char *text = g_bytes_get_data(change->content, &size);
	const char *end = text ? memchr(text, '\r', size) : NULL;
	g_autofree char *name = g_strndup(text, end ? (gsize)(end - text) : size);
	FakeMessage *message;

	if (!mailbox)
		return;
	if (mailbox->refuses || g_str_has_prefix(name, "refuse")) {
		fake_change_fail(change, IMAPFS_ERROR_QUOTA, "over quota");
		return;
	}
	message = fake_message_add(mailbox, name, size);
	if (change->flags) {
		g_free(message->flags);
		message->flags = g_strdup(change->flags);
	}
	note_pair(change, 0, message->uid);
	change->to_uidvalidity = mailbox->uidvalidity;
	change->replaced = change->replaces && fake_message(mailbox, change->replaces);
	if (change->replaced && !(change->breaks && change->fake->replaces_half))
		fake_message_expunge(mailbox, change->replaces);
}

/* One that is refused stops them all. */
static gboolean
is_refused(FakeChange *change, FakeMailbox *from, const FakeMailbox *to)
{
	if (to->refuses)
		fake_change_fail(change, IMAPFS_ERROR_QUOTA, "over quota");
	for (guint i = 0; i < change->uids->len; i++) {
		const FakeMessage *message =
			fake_message(from, g_array_index(change->uids, guint32, i));

		if (message && message->refusal >= 0)
			fake_change_fail(change, (ImapfsError)message->refusal, "refused");
	}
	return change->error != NULL;
}

static void
transfer_one(FakeChange *change, FakeMailbox *from, FakeMailbox *to, guint32 uid)
{
	const FakeMessage *message = fake_message(from, uid);
	FakeMessage *copy;

	if (!message)
		return;
	copy = fake_message_add(to, message->name, message->size);
	copy->seed = message->seed;
	g_free(copy->flags);
	copy->flags = g_strdup(message->flags);
	note_pair(change, uid, copy->uid);
	if (change->moved)
		fake_message_expunge(from, uid);
}

static void
do_transfer(FakeChange *change)
{
	FakeMailbox *from = fake_change_open(change, change->mailbox, change->uidvalidity);
	FakeMailbox *to = from ? fake_change_open(change, change->to, 0) : NULL;

	change->moved = change->move && !change->fake->no_move;
	if (!to || is_refused(change, from, to))
		return;
	for (guint i = 0; i < change->uids->len; i++)
		transfer_one(change, from, to, g_array_index(change->uids, guint32, i));
	change->to_uidvalidity = to->uidvalidity;
}

static int
compare_flags(gconstpointer a, gconstpointer b)
{
	return g_ascii_strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* Kept in the one form that equal flags have. */
static void
set_flag(FakeMailbox *mailbox, const FakeMessage *message, char sign, const char *flag)
{
	g_auto(GStrv) old = g_strsplit(sign == '=' ? "" : message->flags, " ", -1);
	g_autoptr(GPtrArray) flags = g_ptr_array_new();
	g_autofree char *joined = NULL;

	for (char **one = old; *one; one++)
		if (**one && !g_str_equal(*one, flag))
			g_ptr_array_add(flags, *one);
	if (sign != '-' && *flag)
		g_ptr_array_add(flags, (char *)flag);
	g_ptr_array_sort(flags, compare_flags);
	g_ptr_array_add(flags, NULL);
	joined = g_strjoinv(" ", (char **)flags->pdata);
	fake_message_set_flags(mailbox, message->uid, joined);
}

static void
do_store(FakeChange *change)
{
	FakeMailbox *mailbox = fake_change_open(change, change->mailbox, change->uidvalidity);

	if (mailbox && g_str_equal(change->flags, "refused"))
		fake_change_fail(change, IMAPFS_ERROR_DENIED, "no such flag");
	for (guint i = 0; mailbox && !change->error && i < change->uids->len; i++) {
		FakeMessage *message =
			fake_message(mailbox, g_array_index(change->uids, guint32, i));

		if (message && change->unchanged_since && message->modseq > change->unchanged_since)
			g_array_append_val(change->modified, message->uid);
		else if (message)
			set_flag(mailbox, message, change->sign, change->flags);
	}
}

static void
do_expunge(FakeChange *change)
{
	FakeMailbox *mailbox = fake_change_open(change, change->mailbox, change->uidvalidity);

	if (mailbox && change->fake->no_uidplus)
		fake_change_fail(change, IMAPFS_ERROR_UNSUPPORTED, "no UIDPLUS");
	for (guint i = 0; mailbox && !change->error && i < change->uids->len; i++) {
		guint32 uid = g_array_index(change->uids, guint32, i);
		const FakeMessage *message = fake_message(mailbox, uid);

		if (message && strstr(message->flags, "\\Deleted"))
			fake_message_expunge(mailbox, uid);
	}
}

static void
do_create(FakeChange *change)
{
	static guint32 uidvalidity = 5000;

	if (fake_mailbox(change->fake, change->to))
		fake_change_fail(change, IMAPFS_ERROR_EXISTS, "there is one");
	else
		fake_mailbox_add(change->fake, change->to, ++uidvalidity);
}

/* With all that is below it. */
static void
rename_mailboxes(FakeRemote *fake, const char *from, const char *to)
{
	g_autofree char *below = g_strconcat(from, "/", NULL);

	for (guint i = 0; i < fake->mailboxes->len; i++) {
		FakeMailbox *mailbox = fake->mailboxes->pdata[i];
		char *name;

		if (!g_str_equal(mailbox->name, from) && !g_str_has_prefix(mailbox->name, below))
			continue;
		name = g_strconcat(to, mailbox->name + strlen(from), NULL);
		g_free(mailbox->name);
		g_free(mailbox->path);
		mailbox->name = name;
		mailbox->path = g_strdup(name);
	}
}

static void
do_rename(FakeChange *change)
{
	if (!fake_change_open(change, change->mailbox, 0))
		return;
	if (fake_mailbox(change->fake, change->to)) {
		fake_change_fail(change, IMAPFS_ERROR_EXISTS, "there is one");
		return;
	}
	rename_mailboxes(change->fake, change->mailbox, change->to);
}

static void
do_delete(FakeChange *change)
{
	if (fake_change_open(change, change->mailbox, 0))
		fake_mailbox_remove(change->fake, change->mailbox);
}

static void
do_subscribe(FakeChange *change)
{
	FakeMailbox *mailbox = fake_change_open(change, change->mailbox, 0);

	if (mailbox)
		mailbox->subscribed = change->subscribed;
}

static void
carry_out(FakeChange *change, gboolean breaks)
{
	static void (*const functions[FAKE_N_KINDS])(FakeChange *) = {
		[FAKE_APPEND] = do_append, [FAKE_TRANSFER] = do_transfer,
		[FAKE_STORE] = do_store,   [FAKE_EXPUNGE] = do_expunge,
		[FAKE_CREATE] = do_create, [FAKE_RENAME] = do_rename,
		[FAKE_DELETE] = do_delete, [FAKE_SUBSCRIBE] = do_subscribe,
	};

	change->carried_out = TRUE;
	change->breaks = breaks;
	if (!fake_details_carry_out(change) && functions[change->kind])
		functions[change->kind](change);
}

/* --- answering --- */

static gboolean
tells_uids(const FakeChange *change)
{
	return !change->fake->no_uidplus && !change->fake->hides_uids &&
	       !g_error_matches(change->error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);
}

static void
answer_transfer(FakeChange *change)
{
	gboolean tells = tells_uids(change) && change->pairs->len;

	for (guint i = 0; tells && i < change->pairs->len; i++) {
		const Pair *pair = &g_array_index(change->pairs, Pair, i);

		change->handler.transfer->transferred(pair->uid, pair->new_uid, change->data);
	}
	change->handler.transfer->done(tells ? change->to_uidvalidity : 0, change->moved,
	                               change->error, change->data);
}

static void
answer_append(FakeChange *change)
{
	gboolean tells = tells_uids(change) && change->pairs->len;

	change->handler.append->done(tells ? change->to_uidvalidity : 0,
	                             tells ? g_array_index(change->pairs, Pair, 0).new_uid : 0,
	                             change->replaced && !change->error, change->error,
	                             change->data);
}

static void
tell_disturbed(FakeChange *change)
{
	FakeMailbox *mailbox = fake_mailbox(change->fake, change->mailbox);

	for (guint i = 0; mailbox && i < change->uids->len; i++) {
		const FakeMessage *message =
			fake_message(mailbox, g_array_index(change->uids, guint32, i));

		if (message && message->disturbed)
			change->handler.store->disturbed(message->uid, change->data);
	}
}

static void
answer_store(FakeChange *change)
{
	gboolean lost = g_error_matches(change->error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);

	for (guint i = 0; !lost && i < change->modified->len; i++)
		change->handler.store->modified(g_array_index(change->modified, guint32, i),
		                                change->data);
	if (change->unchanged_since)
		tell_disturbed(change);
	change->handler.store->done(change->error, change->data);
}

static void
answer(FakeChange *change)
{
	if (fake_details_answer(change))
		return;
	switch (change->kind) {
	case FAKE_APPEND:
		answer_append(change);
		break;
	case FAKE_TRANSFER:
		answer_transfer(change);
		break;
	case FAKE_STORE:
		answer_store(change);
		break;
	case FAKE_CREATE:
	case FAKE_RENAME:
		change->handler.mailbox->done(change->error ? NULL : change->to, change->error,
		                              change->data);
		break;
	default:
		change->handler.done->done(change->error, change->data);
	}
}

/* --- steps --- */

static gboolean
may_be_repeated(const FakeChange *change)
{
	return (change->kind == FAKE_STORE && !change->unchanged_since) ||
	       change->kind == FAKE_EXPUNGE || change->kind >= FAKE_SUBSCRIBE;
}

static gboolean
connection_breaks(FakeChange *change)
{
	FakeRemote *fake = change->fake;

	if (!fake->n_breaks_left ||
	    (guint)g_rand_int_range(fake->rand, 0, 100) >= fake->unknown_percent)
		return FALSE;
	fake->n_breaks_left--;
	return TRUE;
}

/* What ends it, before it is carried out. */
static void
meet_fate(FakeChange *change)
{
	FakeRemote *fake = change->fake;

	if (fake->offline) {
		fake_change_fail(change, IMAPFS_ERROR_OFFLINE, "offline");
	} else if (fake->failures[change->kind].armed) {
		fake->failures[change->kind].armed = FALSE;
		if (fake->failures[change->kind].after)
			carry_out(change, TRUE);
		fake_change_fail(change, fake->failures[change->kind].code, "ordered");
	} else if (connection_breaks(change)) {
		if (!may_be_repeated(change) && g_rand_boolean(fake->rand))
			carry_out(change, TRUE);
		fake_change_fail(change,
		                 may_be_repeated(change) ? IMAPFS_ERROR_TIMED_OUT
		                                         : IMAPFS_ERROR_UNKNOWN,
		                 "broken");
	}
}

gboolean
fake_change_step(FakeChange *change)
{
	if (!change->carried_out && !change->error) {
		meet_fate(change);
		if (!change->error)
			carry_out(change, FALSE);
		change->carried_out = TRUE;
		return TRUE;
	}
	answer(change);
	return FALSE;
}

void
fake_change_stop(FakeChange *change)
{
	gboolean unknown = change->carried_out && !may_be_repeated(change);

	fake_change_fail(change, unknown ? IMAPFS_ERROR_UNKNOWN : IMAPFS_ERROR_INTERRUPTED,
	                 "stopped");
}

void
fake_change_kill(FakeChange *change)
{
	if (!change->carried_out && !change->error && g_rand_boolean(change->fake->rand))
		carry_out(change, TRUE);
}

/* --- the operations --- */

FakeChange *
fake_change_new(Remote *remote, FakeKind kind, const char *mailbox, guint32 uidvalidity,
                gconstpointer handler, gpointer data)
{
	FakeChange *change = g_new0(FakeChange, 1);

	change->fake = (FakeRemote *)remote;
	change->kind = kind;
	change->mailbox = g_strdup(mailbox);
	change->uidvalidity = uidvalidity;
	change->handler.done = handler;
	change->data = data;
	change->uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	change->pairs = g_array_new(FALSE, FALSE, sizeof(Pair));
	change->modified = g_array_new(FALSE, FALSE, sizeof(guint32));
	change->text = g_string_new(NULL);
	fake_change_push(change->fake, kind, change);
	return change;
}

static void
take_uids(FakeChange *change, const guint32 *uids, guint n_uids)
{
	g_assert_cmpuint(change->uidvalidity, !=, 0);
	g_assert_cmpuint(n_uids, >, 0);
	for (guint i = 0; i < n_uids; i++)
		g_assert_true(uids[i] && (!i || uids[i] > uids[i - 1]));
	g_array_append_vals(change->uids, uids, n_uids);
}

static RemoteCapabilities
fake_capabilities(Remote *remote)
{
	const FakeRemote *fake = (FakeRemote *)remote;

	return REMOTE_KNOWN | (fake->no_move ? 0 : REMOTE_MOVE) |
	       (fake->no_uidplus ? 0 : REMOTE_UIDPLUS) | (fake->replaces ? REMOTE_REPLACE : 0) |
	       fake->offers;
}

static void
fake_append(Remote *remote, const RemoteAppend *append, const RemoteAppendHandler *handler,
            gpointer data)
{
	FakeChange *change = fake_change_new(remote, FAKE_APPEND, append->mailbox,
	                                     append->uidvalidity, handler, data);

	change->content = g_bytes_ref(append->content);
	change->flags = g_strdup(append->flags);
	change->replaces = change->fake->replaces ? append->replaces : 0;
}

static void
fake_transfer(Remote *remote, const RemoteTransfer *transfer, const RemoteTransferHandler *handler,
              gpointer data)
{
	FakeChange *change = fake_change_new(remote, FAKE_TRANSFER, transfer->from,
	                                     transfer->from_uidvalidity, handler, data);

	take_uids(change, transfer->uids, transfer->n_uids);
	change->to = g_strdup(transfer->to);
	change->move = transfer->move;
}

static void
fake_store(Remote *remote, const RemoteStore *store, const RemoteStoreHandler *handler,
           gpointer data)
{
	FakeChange *change = fake_change_new(remote, FAKE_STORE, store->mailbox, store->uidvalidity,
	                                     handler, data);

	take_uids(change, store->uids, store->n_uids);
	change->sign = store->sign;
	change->unchanged_since = store->unchanged_since;
	change->flags = g_strdup(store->flags);
}

static void
fake_expunge(Remote *remote, const RemoteExpunge *expunge, const RemoteDoneHandler *handler,
             gpointer data)
{
	take_uids(fake_change_new(remote, FAKE_EXPUNGE, expunge->mailbox, expunge->uidvalidity,
	                          handler, data),
	          expunge->uids, expunge->n_uids);
}

static char *
whole_name(const RemoteMailboxName *name)
{
	if (name->whole)
		return g_strdup(name->whole);
	if (!name->parent)
		return g_strdup(name->component);
	return g_strdup_printf("%s%c%s", name->parent, name->delimiter, name->component);
}

static char *
fake_mailbox_name(Remote *remote, const RemoteMailboxName *name, GError **error)
{
	(void)remote;
	(void)error;
	return whole_name(name);
}

static void
fake_create(Remote *remote, const RemoteMailboxName *name, const RemoteMailboxHandler *handler,
            gpointer data)
{
	fake_change_new(remote, FAKE_CREATE, NULL, 0, handler, data)->to = whole_name(name);
}

static void
fake_rename(Remote *remote, const char *mailbox, const RemoteMailboxName *name,
            const RemoteMailboxHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_RENAME, mailbox, 0, handler, data)->to = whole_name(name);
}

static void
fake_delete(Remote *remote, const char *mailbox, const RemoteDoneHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_DELETE, mailbox, 0, handler, data);
}

static void
fake_subscribe(Remote *remote, const char *mailbox, gboolean subscribed,
               const RemoteDoneHandler *handler, gpointer data)
{
	fake_change_new(remote, FAKE_SUBSCRIBE, mailbox, 0, handler, data)->subscribed = subscribed;
}

void
fake_changes_fill(RemoteOperations *operations)
{
	operations->capabilities = fake_capabilities;
	operations->append = fake_append;
	operations->transfer = fake_transfer;
	operations->store = fake_store;
	operations->expunge = fake_expunge;
	operations->mailbox_name = fake_mailbox_name;
	operations->create = fake_create;
	operations->rename = fake_rename;
	operations->delete = fake_delete;
	operations->subscribe = fake_subscribe;
	fake_details_fill(operations);
}
