/*
 * Each operation is a job: what was asked, and how far its answer has come. The server's state is
 * looked at when the job takes its first step, as a server looks when the command arrives.
 */
#include "fake-remote.h"

#include <string.h>

typedef struct {
	FakeRemote *fake;
	FakeKind kind;
	gboolean started;
	guint n_told; /* mailboxes, messages, ranges or blocks */
	GError *error;
	FakeChange *change; /* then nothing of what follows */

	/* What was asked. */
	char *mailbox;
	guint32 uidvalidity, after_uid, until_uid;
	gboolean changes;
	guint64 since_modseq;
	guint32 uid;
	guint64 offset, length;
	union {
		const RemoteListHandler *list;
		const RemoteScanHandler *scan;
		const RemoteUidsHandler *uids;
		const RemoteReadHandler *read;
		const RemoteReadManyHandler *many;
	} handler;
	gpointer data;

	/* The answer. */
	GPtrArray *names; /* of mailboxes */
	GArray *uids;
	guint next;            /* in one of these */
	GArray *changed;       /* UIDs whose flags are to be told first */
	GArray *vanished;      /* likewise as vanished */
	guint64 highestmodseq; /* when the scan was taken up */
	guint32 uidnext;       /* likewise */
	guint in_batch;        /* messages told since the last batch */
	guint64 seed, end;     /* of the message */
	guint64 at;            /* offset after the last block */
	gboolean in_message;   /* of many */
	gboolean told_twice;
} Job;

static void
job_free(gpointer data)
{
	Job *job = data;

	g_clear_error(&job->error);
	g_clear_pointer(&job->change, fake_change_free);
	g_free(job->mailbox);
	g_ptr_array_unref(job->names);
	g_array_unref(job->uids);
	g_array_unref(job->changed);
	g_array_unref(job->vanished);
	g_free(job);
}

static void
message_free(gpointer data)
{
	FakeMessage *message = data;

	g_free(message->name);
	g_free(message->flags);
	g_free(message->email_id);
	g_free(message);
}

static void
many_free(gpointer data)
{
	FakeMany *many = data;

	g_free(many->mailbox);
	g_array_unref(many->uids);
	g_free(many);
}

static void
mailbox_free(gpointer data)
{
	FakeMailbox *mailbox = data;

	g_ptr_array_unref(mailbox->messages);
	g_array_unref(mailbox->vanished);
	g_free(mailbox->rights);
	g_free(mailbox->permanent_flags);
	g_tree_unref(mailbox->acl);
	g_tree_unref(mailbox->metadata);
	g_free(mailbox->name);
	g_free(mailbox->path);
	g_free(mailbox);
}

/* --- the bytes --- */

static guint64
word_at(guint64 seed, guint64 index)
{
	guint64 word = (seed << 32 | 1) * 0x9e3779b97f4a7c15ULL + index * 0xbf58476d1ce4e5b9ULL;

	word = (word ^ word >> 30) * 0x94d049bb133111ebULL;
	return word ^ word >> 31;
}

/* @offset: a multiple of 8. */
static GBytes *
bytes_new(guint64 seed, guint64 offset, gsize length)
{
	guint8 *bytes = g_malloc(length + 8);

	for (gsize i = 0; i < length; i += 8) {
		guint64 word = GUINT64_TO_LE(word_at(seed, (offset + i) / 8));

		memcpy(bytes + i, &word, 8);
	}
	return g_bytes_new_take(bytes, length);
}

void
fake_bytes_check(guint64 seed, guint64 offset, const guint8 *bytes, gsize length)
{
	gsize skip = offset % 8;
	g_autoptr(GBytes) block = bytes_new(seed, offset - skip, skip + length);
	const guint8 *expected = (const guint8 *)g_bytes_get_data(block, NULL) + skip;

	if (!length || memcmp(bytes, expected, length) == 0)
		return;
	for (gsize i = 0; i < length; i++)
		if (bytes[i] != expected[i])
			g_error("byte %" G_GUINT64_FORMAT " is wrong", offset + i);
}

/* --- starting --- */

static void
start_list(Job *job)
{
	FakeRemote *fake = job->fake;

	for (guint i = 0; i < fake->mailboxes->len; i++)
		g_ptr_array_add(job->names,
		                g_strdup(((FakeMailbox *)fake->mailboxes->pdata[i])->name));
}

static int
compare_downwards(gconstpointer a, gconstpointer b)
{
	guint32 one = *(const guint32 *)a, other = *(const guint32 *)b;

	return one < other ? 1 : one > other ? -1 : 0;
}

/* What is to be told of the messages up to after_uid. */
static void
start_changes(Job *job, const FakeMailbox *mailbox)
{
	guint64 since = mailbox->hides_modseqs ? 0 : job->since_modseq;

	for (guint i = 0; i < mailbox->messages->len; i++) {
		const FakeMessage *message = mailbox->messages->pdata[i];

		if (message->uid <= job->after_uid && message->flags && message->modseq > since)
			g_array_append_val(job->changed, message->uid);
	}
	for (guint i = 0; i < mailbox->vanished->len; i++) {
		const FakeVanished *vanished = &g_array_index(mailbox->vanished, FakeVanished, i);

		if (since && !job->fake->hides_vanished && vanished->uid <= job->after_uid &&
		    vanished->modseq > since)
			g_array_append_val(job->vanished, vanished->uid);
	}
}

static void
start_scan(Job *job, FakeMailbox *mailbox)
{
	job->uidnext = mailbox->next_uid;
	if (job->changes)
		start_changes(job, mailbox);
	if (!mailbox->hides_modseqs)
		job->highestmodseq = job->changes || !job->after_uid ? mailbox->highestmodseq
		                                                     : job->since_modseq;
	for (guint i = 0; i < mailbox->messages->len; i++) {
		const FakeMessage *message = mailbox->messages->pdata[i];

		if (message->uid > job->after_uid && message->uid <= job->until_uid &&
		    message->uid != job->fake->scan_omits)
			g_array_append_val(job->uids, message->uid);
	}
	if (job->fake->backwards)
		g_array_sort(job->uids, compare_downwards);
	job->handler.scan->opened(mailbox->uidvalidity, job->data);
}

static void
start_uids(Job *job, const FakeMailbox *mailbox)
{
	for (guint i = 0; i < mailbox->messages->len; i++) {
		const FakeMessage *message = mailbox->messages->pdata[i];

		if (message->uid != job->fake->search_omits)
			g_array_append_val(job->uids, message->uid);
	}
}

static void
start_read(Job *job, FakeMailbox *mailbox)
{
	const FakeMessage *message = fake_message(mailbox, job->uid);

	job->at = job->offset;
	if (!message) {
		g_set_error(&job->error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "expunged");
		return;
	}
	if (message->refusal >= 0)
		g_set_error(&job->error, IMAPFS_ERROR, message->refusal, "refused");
	job->seed = message->seed;
	job->end = message->size;
	if (job->length)
		job->end = MIN(job->end, job->offset + job->length);
}

/* Each message in turn is swapped with one of those that follow. */
static void
start_many(Job *job)
{
	GArray *uids = job->uids;

	for (guint i = 0; job->fake->many_mixed && i < uids->len; i++) {
		guint other =
			(guint)g_rand_int_range(job->fake->rand, (gint32)i, (gint32)uids->len);
		guint32 uid = g_array_index(uids, guint32, i);

		g_array_index(uids, guint32, i) = g_array_index(uids, guint32, other);
		g_array_index(uids, guint32, other) = uid;
	}
}

static void
job_start(Job *job)
{
	FakeMailbox *mailbox = job->mailbox ? fake_mailbox(job->fake, job->mailbox) : NULL;

	job->started = TRUE;
	if (job->kind == FAKE_LIST) {
		start_list(job);
		return;
	}
	if (!mailbox || mailbox->unselectable) {
		g_set_error(&job->error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND, "no such mailbox");
		return;
	}
	if (job->uidvalidity && job->uidvalidity != mailbox->uidvalidity) {
		g_set_error(&job->error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "another mailbox");
		return;
	}
	if (job->kind == FAKE_SCAN)
		start_scan(job, mailbox);
	else if (job->kind == FAKE_UIDS)
		start_uids(job, mailbox);
	else if (job->kind == FAKE_MANY)
		start_many(job);
	else
		start_read(job, mailbox);
}

/* --- telling --- */

static guint32
exists(const Job *job)
{
	const FakeMailbox *mailbox = fake_mailbox(job->fake, job->mailbox);

	return mailbox ? (guint32)((gint)mailbox->messages->len + job->fake->exists_bias) : 0;
}

/* Each tell_...() calls one handler function, and returns FALSE if there was nothing to tell. */
static gboolean
tell_mailbox(Job *job)
{
	RemoteMailbox told = {0};
	const FakeMailbox *mailbox;

	if (job->next >= job->names->len)
		return FALSE;
	mailbox = fake_mailbox(job->fake, job->names->pdata[job->next++]);
	if (!mailbox)
		return TRUE;
	told.name = mailbox->name;
	told.path = mailbox->path;
	told.delimiter = mailbox->delimiter;
	told.selectable = !mailbox->unselectable;
	told.subscribed = mailbox->subscribed;
	told.rights = mailbox->lists_rights ? mailbox->rights : NULL;
	if (!mailbox->hides_status && !mailbox->unselectable) {
		told.uidvalidity = mailbox->uidvalidity;
		told.messages = mailbox->messages->len;
		told.uidnext = mailbox->next_uid;
		told.highestmodseq = mailbox->hides_modseqs ? 0 : mailbox->highestmodseq;
	}
	job->handler.list->mailbox(&told, job->data);
	return TRUE;
}

static void
tell_message(Job *job, const FakeMessage *message)
{
	const RemoteMessage told = {
		.uid = message->uid,
		.has_size = !message->hides_size,
		.size = message->hides_size ? 0 : message->told_size,
		.internaldate = 1000000000 + message->uid,
		.header = message->name,
		.header_length = strlen(message->name),
		.flags = message->flags,
		.email_id = message->email_id,
	};

	job->handler.scan->message(&told, job->data);
	if (job->fake->repeats)
		job->handler.scan->message(&told, job->data);
	job->in_batch++;
}

static guint32
take_first(GArray *uids)
{
	guint32 uid = g_array_index(uids, guint32, 0);

	g_array_remove_index(uids, 0);
	return uid;
}

/* One UID that vanished, or the flags of one message. */
static gboolean
tell_change(Job *job, FakeMailbox *mailbox)
{
	const RemoteScanHandler *handler = job->handler.scan;
	guint n_times = job->fake->repeats ? 2 : 1;
	const FakeMessage *message;
	guint32 uid;

	if (job->vanished->len) {
		uid = take_first(job->vanished);
		for (guint i = 0; handler->vanished && i < n_times; i++)
			handler->vanished(uid, uid, job->data);
		return TRUE;
	}
	if (!job->changed->len)
		return FALSE;
	uid = take_first(job->changed);
	message = mailbox ? fake_message(mailbox, uid) : NULL;
	for (guint i = 0; message && message->flags && handler->flags && i < n_times; i++)
		handler->flags(uid, message->flags, job->data);
	return TRUE;
}

static gboolean
tell_batch_or_message(Job *job)
{
	FakeMailbox *mailbox = fake_mailbox(job->fake, job->mailbox);
	gboolean over = job->next >= job->uids->len;
	const FakeMessage *message;

	if (tell_change(job, mailbox))
		return TRUE;
	if (job->in_batch && (over || job->in_batch == job->fake->batch)) {
		job->in_batch = 0;
		job->handler.scan->batch(job->data);
		return TRUE;
	}
	if (over)
		return FALSE;
	message = mailbox ? fake_message(mailbox, g_array_index(job->uids, guint32, job->next))
	                  : NULL;
	job->next++;
	if (message)
		tell_message(job, message);
	return TRUE;
}

static gboolean
tell_range(Job *job)
{
	guint32 first, last;

	if (job->next >= job->uids->len)
		return FALSE;
	first = last = g_array_index(job->uids, guint32, job->next++);
	while (job->next < job->uids->len &&
	       g_array_index(job->uids, guint32, job->next) == last + 1)
		last = g_array_index(job->uids, guint32, job->next++);
	job->handler.uids->range(first, last, job->data);
	return TRUE;
}

static gboolean
tell_block(Job *job)
{
	g_autoptr(GBytes) bytes = NULL;
	gsize size;

	if (job->at >= job->end)
		return FALSE;
	size = (gsize)MIN(job->end - job->at, REMOTE_BLOCK_SIZE);
	bytes = bytes_new(job->seed, job->at, size);
	job->handler.read->block(job->at, bytes, job->data);
	job->fake->n_bytes += size;
	if (job->fake->repeats && !job->told_twice) {
		job->told_twice = TRUE;
		return TRUE;
	}
	job->told_twice = FALSE;
	job->at += size;
	return TRUE;
}

/* Takes up the next message that there is and that is not refused. */
static gboolean
begin_next_of_many(Job *job)
{
	const FakeMailbox *mailbox = fake_mailbox(job->fake, job->mailbox);
	guint omits = job->fake->many_omits, empties = job->fake->many_empties;

	if (mailbox && mailbox->uidvalidity != job->uidvalidity)
		return FALSE;
	while (mailbox && job->next < job->uids->len) {
		const FakeMessage *message;

		job->uid = g_array_index(job->uids, guint32, job->next++);
		message = fake_message((FakeMailbox *)mailbox, job->uid);
		if (!message || message->refusal >= 0 || (omits && job->next % omits == 0))
			continue;
		job->seed = message->seed;
		job->at = 0;
		job->end = empties && job->next % empties == 0 ? 0 : message->size;
		job->in_message = TRUE;
		return TRUE;
	}
	return FALSE;
}

static gboolean
tell_many(Job *job)
{
	g_autoptr(GBytes) bytes = NULL;
	gsize size;

	if (!job->in_message && !begin_next_of_many(job))
		return FALSE;
	if (job->at >= job->end) {
		job->in_message = FALSE;
		job->handler.many->message(job->uid, job->end, job->data);
		return TRUE;
	}
	size = (gsize)MIN(job->end - job->at, REMOTE_BLOCK_SIZE);
	bytes = bytes_new(job->seed, job->at, size);
	job->handler.many->block(job->uid, job->at, bytes, job->data);
	job->fake->n_bytes += size;
	job->told_twice = job->fake->repeats && !job->told_twice;
	if (!job->told_twice)
		job->at += size;
	return TRUE;
}

static gboolean
job_tell(Job *job)
{
	switch (job->kind) {
	case FAKE_LIST:
		return tell_mailbox(job);
	case FAKE_SCAN:
		return tell_batch_or_message(job);
	case FAKE_UIDS:
		return tell_range(job);
	case FAKE_MANY:
		return tell_many(job);
	default:
		return tell_block(job);
	}
}

static void
done_scan(Job *job)
{
	const FakeMailbox *mailbox = fake_mailbox(job->fake, job->mailbox);
	RemoteScanned scanned = {0};

	if (!job->error && mailbox) {
		scanned.uidvalidity = mailbox->uidvalidity;
		scanned.exists = exists(job);
		scanned.uidnext = job->uidnext;
		scanned.highestmodseq = job->highestmodseq;
		scanned.permanent_flags = mailbox->permanent_flags;
		scanned.read_only = mailbox->read_only;
	}
	job->handler.scan->done(&scanned, job->error, job->data);
}

static void
job_done(Job *job)
{
	const GError *error = job->error;

	switch (job->kind) {
	case FAKE_LIST:
		job->handler.list->done(error, job->data);
		break;
	case FAKE_SCAN:
		done_scan(job);
		break;
	case FAKE_UIDS:
		job->handler.uids->done(error ? 0 : exists(job), error, job->data);
		break;
	case FAKE_MANY:
		job->handler.many->done(error, job->data);
		break;
	default:
		job->handler.read->done(job->at, error, job->data);
	}
}

/* A failure that the test has ordered for operations of this kind. */
static void
job_meet_fate(Job *job)
{
	FakeRemote *fake = job->fake;

	if (fake->offline) {
		g_clear_error(&job->error);
		g_set_error(&job->error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE, "offline");
	}
	if (job->error || !fake->failures[job->kind].armed ||
	    job->n_told < fake->failures[job->kind].after)
		return;
	fake->failures[job->kind].armed = FALSE;
	g_set_error(&job->error, IMAPFS_ERROR, (gint)fake->failures[job->kind].code, "ordered");
}

static void
job_step(Job *job)
{
	if (job->change) {
		if (fake_change_step(job->change))
			return;
		g_ptr_array_remove(job->fake->jobs, job);
		job_free(job);
		return;
	}
	job_meet_fate(job);
	if (!job->started && !job->error) {
		job_start(job);
		return;
	}
	if (!job->error && job_tell(job)) {
		job->n_told++;
		return;
	}
	g_ptr_array_remove(job->fake->jobs, job);
	job_done(job);
	job_free(job);
}

gboolean
fake_remote_step(FakeRemote *fake)
{
	guint i = 0;

	if (!fake->jobs->len)
		return FALSE;
	if (fake->order == FAKE_NEWEST)
		i = fake->jobs->len - 1;
	else if (fake->order == FAKE_RANDOM)
		i = (guint)g_rand_int_range(fake->rand, 0, (gint32)fake->jobs->len);
	job_step(fake->jobs->pdata[i]);
	return TRUE;
}

gboolean
fake_remote_step_kind(FakeRemote *fake, FakeKind kind)
{
	for (guint i = 0; i < fake->jobs->len; i++) {
		if (((Job *)fake->jobs->pdata[i])->kind != kind)
			continue;
		job_step(fake->jobs->pdata[i]);
		return TRUE;
	}
	return FALSE;
}

gboolean
fake_remote_has_kind(const FakeRemote *fake, FakeKind kind)
{
	for (guint i = 0; i < fake->jobs->len; i++)
		if (((const Job *)fake->jobs->pdata[i])->kind == kind)
			return TRUE;
	return FALSE;
}

/* --- the Remote --- */

static Job *
job_new(Remote *remote, FakeKind kind, const char *mailbox, guint32 uidvalidity, gpointer data)
{
	FakeRemote *fake = (FakeRemote *)remote;
	Job *job = g_new0(Job, 1);

	job->fake = fake;
	job->kind = kind;
	job->mailbox = g_strdup(mailbox);
	job->uidvalidity = uidvalidity;
	job->data = data;
	job->names = g_ptr_array_new_with_free_func(g_free);
	job->uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	job->changed = g_array_new(FALSE, FALSE, sizeof(guint32));
	job->vanished = g_array_new(FALSE, FALSE, sizeof(guint32));
	fake->n_operations[kind]++;
	g_ptr_array_add(fake->jobs, job);
	return job;
}

static void
fake_list(Remote *remote, gboolean figures, const RemoteListHandler *handler, gpointer data)
{
	(void)figures;
	job_new(remote, FAKE_LIST, NULL, 0, data)->handler.list = handler;
}

static void
fake_scan(Remote *remote, const RemoteScan *scan, const RemoteScanHandler *handler, gpointer data)
{
	Job *job = job_new(remote, FAKE_SCAN, scan->mailbox, scan->uidvalidity, data);

	g_assert_nonnull(scan->mailbox);
	job->after_uid = scan->after_uid;
	job->until_uid = scan->until_uid ? scan->until_uid : G_MAXUINT32;
	job->changes = scan->changes;
	job->since_modseq = scan->since_modseq;
	job->handler.scan = handler;
}

static void
fake_uids(Remote *remote, const char *mailbox, guint32 uidvalidity,
          const RemoteUidsHandler *handler, gpointer data)
{
	g_assert_nonnull(mailbox);
	job_new(remote, FAKE_UIDS, mailbox, uidvalidity, data)->handler.uids = handler;
}

static void
fake_read(Remote *remote, const RemoteRead *read, const RemoteReadHandler *handler, gpointer data)
{
	FakeRemote *fake = (FakeRemote *)remote;
	const FakeRead asked = {read->uid, read->offset, read->length};
	Job *job = job_new(remote, FAKE_READ, read->mailbox, read->uidvalidity, data);

	g_assert_nonnull(read->mailbox);
	g_assert_cmpuint(read->offset % REMOTE_BLOCK_SIZE, ==, 0);
	g_assert_cmpuint(read->length % REMOTE_BLOCK_SIZE, ==, 0);
	g_assert_true(read->length || !read->offset);
	job->uid = read->uid;
	job->offset = read->offset;
	job->length = read->length;
	job->handler.read = handler;
	g_array_append_val(fake->reads, asked);
}

static void
fake_status(Remote *remote, GString *text)
{
	(void)remote;
	g_string_append(text, "fake: yes\n");
}

static void
fake_read_many(Remote *remote, const RemoteReadMany *read, const RemoteReadManyHandler *handler,
               gpointer data)
{
	Job *job = job_new(remote, FAKE_MANY, read->mailbox, read->uidvalidity, data);
	FakeMany *asked = g_new0(FakeMany, 1);

	g_assert_nonnull(read->mailbox);
	g_assert_cmpuint(read->n_uids, >, 0);
	g_array_append_vals(job->uids, read->uids, read->n_uids);
	job->handler.many = handler;
	asked->mailbox = g_strdup(read->mailbox);
	asked->uidvalidity = read->uidvalidity;
	asked->uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_array_append_vals(asked->uids, read->uids, read->n_uids);
	g_ptr_array_add(job->fake->many, asked);
}

void
fake_change_push(FakeRemote *fake, FakeKind kind, FakeChange *change)
{
	job_new(&fake->remote, kind, NULL, 0, NULL)->change = change;
}

static void
fake_watch(Remote *remote, const char *const *mailboxes, const RemoteWatchHandler *handler,
           gpointer data)
{
	FakeRemote *fake = (FakeRemote *)remote;

	g_strfreev(fake->watched);
	fake->watched = g_strdupv((char **)mailboxes);
	fake->watcher = handler;
	fake->watcher_data = data;
}

static gboolean
fake_watches(Remote *remote, const char *mailbox)
{
	const FakeRemote *fake = (const FakeRemote *)remote;

	return fake->watched && g_strv_contains((const char *const *)fake->watched, mailbox);
}

static RemoteOperations operations = {
	.watch = fake_watch,
	.watches = fake_watches,
	.list = fake_list,
	.scan = fake_scan,
	.uids = fake_uids,
	.read = fake_read,
	.read_many = fake_read_many,
	.status = fake_status,
};

FakeRemote *
fake_remote_new(void)
{
	FakeRemote *fake = g_new0(FakeRemote, 1);

	fake_changes_fill(&operations);
	fake->n_breaks_left = G_MAXUINT;
	fake->remote.operations = &operations;
	fake->mailboxes = g_ptr_array_new_with_free_func(mailbox_free);
	fake->rand = g_rand_new_with_seed(1);
	fake->reads = g_array_new(FALSE, FALSE, sizeof(FakeRead));
	fake->many = g_ptr_array_new_with_free_func(many_free);
	fake->jobs = g_ptr_array_new();
	return fake;
}

/* What ends may begin something new, but only so often. */
void
fake_remote_stop(FakeRemote *fake)
{
	for (guint n = 0; fake->jobs->len; n++) {
		Job *job = fake->jobs->pdata[0];

		g_assert_cmpuint(n, <, 10000);
		g_clear_error(&job->error);
		g_set_error(&job->error, IMAPFS_ERROR, IMAPFS_ERROR_INTERRUPTED, "stopped");
		fake->offline = FALSE;
		if (job->change)
			fake_change_stop(job->change);
		job_step(job);
	}
}

void
fake_remote_kill(FakeRemote *fake)
{
	for (guint i = 0; i < fake->jobs->len; i++) {
		Job *job = fake->jobs->pdata[i];

		if (job->change)
			fake_change_kill(job->change);
		job_free(job);
	}
	g_ptr_array_set_size(fake->jobs, 0);
}

void
fake_remote_free(FakeRemote *fake)
{
	g_assert_cmpuint(fake->jobs->len, ==, 0);
	g_ptr_array_unref(fake->jobs);
	g_ptr_array_unref(fake->mailboxes);
	g_array_unref(fake->reads);
	g_ptr_array_unref(fake->many);
	g_rand_free(fake->rand);
	g_strfreev(fake->watched);
	g_free(fake);
}

void
fake_remote_fail(FakeRemote *fake, FakeKind kind, ImapfsError code, guint after)
{
	fake->failures[kind].armed = TRUE;
	fake->failures[kind].code = code;
	fake->failures[kind].after = after;
}

/* --- setting up --- */

static int
compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
	(void)data;
	return strcmp(a, b);
}

FakeMailbox *
fake_mailbox_add(FakeRemote *fake, const char *path, guint32 uidvalidity)
{
	FakeMailbox *mailbox = g_new0(FakeMailbox, 1);

	mailbox->name = g_strdup(path);
	mailbox->path = g_strdup(path);
	mailbox->delimiter = '/';
	mailbox->uidvalidity = uidvalidity;
	mailbox->next_uid = 1;
	mailbox->highestmodseq = 1;
	mailbox->vanished = g_array_new(FALSE, FALSE, sizeof(FakeVanished));
	mailbox->messages = g_ptr_array_new_with_free_func(message_free);
	mailbox->acl = g_tree_new_full(compare_names, NULL, g_free, g_free);
	mailbox->metadata =
		g_tree_new_full(compare_names, NULL, g_free, (GDestroyNotify)g_bytes_unref);
	g_ptr_array_add(fake->mailboxes, mailbox);
	return mailbox;
}

FakeMailbox *
fake_mailbox(FakeRemote *fake, const char *name)
{
	for (guint i = 0; i < fake->mailboxes->len; i++) {
		FakeMailbox *mailbox = fake->mailboxes->pdata[i];

		if (g_str_equal(mailbox->name, name))
			return mailbox;
	}
	return NULL;
}

void
fake_mailbox_remove(FakeRemote *fake, const char *name)
{
	g_assert_true(g_ptr_array_remove(fake->mailboxes, fake_mailbox(fake, name)));
}

FakeMessage *
fake_message_add(FakeMailbox *mailbox, const char *name, guint64 size)
{
	static guint64 n_seeds;
	FakeMessage *message = g_new0(FakeMessage, 1);

	message->uid = mailbox->next_uid++;
	message->name = g_strdup(name);
	message->size = message->told_size = size;
	message->seed = ++n_seeds;
	message->refusal = -1;
	message->flags = g_strdup("");
	message->modseq = ++mailbox->highestmodseq;
	g_ptr_array_add(mailbox->messages, message);
	return message;
}

FakeMessage *
fake_message(FakeMailbox *mailbox, guint32 uid)
{
	for (guint i = 0; i < mailbox->messages->len; i++) {
		FakeMessage *message = mailbox->messages->pdata[i];

		if (message->uid == uid)
			return message;
	}
	return NULL;
}

void
fake_message_expunge(FakeMailbox *mailbox, guint32 uid)
{
	const FakeVanished vanished = {uid, ++mailbox->highestmodseq};

	g_assert_true(g_ptr_array_remove(mailbox->messages, fake_message(mailbox, uid)));
	g_array_append_val(mailbox->vanished, vanished);
}

void
fake_message_set_flags(FakeMailbox *mailbox, guint32 uid, const char *flags)
{
	FakeMessage *message = fake_message(mailbox, uid);

	g_free(message->flags);
	message->flags = g_strdup(flags);
	message->modseq = ++mailbox->highestmodseq;
}
