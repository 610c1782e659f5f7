/*
 * The account below is real, the remote a fake, the clock the program's own plus what a test adds.
 */
#include "cache-fixture.h"

#include <string.h>
#include <time.h>

#define MAX_STEPS 1000000
#define MAX_IOV   16

static gint64 passed_us;

/* Stands in for GLib's, in the cache as well. */
gint64
g_get_monotonic_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 + passed_us;
}

void
fixture_pass_time(gint64 us)
{
	passed_us += us;
}

/* --- names: as simple as can be --- */

static char *
name_of_message(const RemoteMessage *message)
{
	if (!message->header)
		return g_strdup_printf("%u.eml", message->uid);
	return g_strdup_printf("%.*s.eml", (int)message->header_length, message->header);
}

static char *
name_of_message_again(const char *name, guint32 uid)
{
	return g_strdup_printf("%.*s~%u.eml", (int)(strlen(name) - strlen(".eml")), name, uid);
}

/* '#' and '%' look alike here. */
static char *
name_of_mailbox(const char *component)
{
	return *component ? g_strdelimit(g_strdup(component), "/#", '%') : g_strdup("%");
}

/* The way back, where there is one. */
static char *
component_of_name(const char *file_name)
{
	return strchr(file_name, '%') ? NULL : g_strdup(file_name);
}

static const NameRules rules = {
	.header_fields = "SUBJECT",
	.message = name_of_message,
	.message_again = name_of_message_again,
	.mailbox = name_of_mailbox,
	.component = component_of_name,
};

/* --- events --- */

static const Message *
message_of(Fixture *fixture, guint64 id)
{
	const Mailbox *mailbox = account_mailbox(fixture->account, (guint32)(id >> 32));

	return mailbox ? mailbox_message(mailbox, (guint32)id) : NULL;
}

/* The file system sees this size from now on. */
static void
remember_size(Fixture *fixture, guint64 id, guint64 size)
{
	g_hash_table_replace(fixture->told_sizes, g_memdup2(&id, sizeof(id)),
	                     g_memdup2(&size, sizeof(size)));
}

static void
on_entry_gone(guint64 parent, guint64 id, const char *name, gpointer data)
{
	Fixture *fixture = data;

	g_assert_nonnull(name);
	g_string_append_printf(fixture->gone, "%s ", name);
	fixture->n_gone++;
	fixture->last_gone_parent = parent;
	fixture->last_gone_id = id;
}

static void
on_size_changed(guint64 id, gboolean grew, gpointer data)
{
	Fixture *fixture = data;

	(void)grew;
	fixture->n_size_changes++;
	remember_size(fixture, id, message_of(fixture, id)->size);
}

static void
on_entry_came(guint64 parent, const char *name, gpointer data)
{
	Fixture *fixture = data;

	(void)parent;
	g_string_append_printf(fixture->came, "%s ", name);
}

static void
on_content_changed(guint64 id, gpointer data)
{
	Fixture *fixture = data;

	fixture->n_content_changes++;
	g_hash_table_remove(fixture->told_sizes, &id);
}

static void
on_changed(AccountChange change, const Mailbox *mailbox, const Message *message, gpointer data)
{
	static const char *const words[] = {
		[ACCOUNT_MESSAGE_NEW] = "new",         [ACCOUNT_MESSAGE_GONE] = "gone",
		[ACCOUNT_MESSAGE_FLAGS] = "flags",     [ACCOUNT_MAILBOX_CREATED] = "made",
		[ACCOUNT_MAILBOX_GONE] = "removed",    [ACCOUNT_MAILBOX_CHANGED] = "changed",
	};
	Fixture *fixture = data;

	g_string_append_printf(fixture->changes, "%s %s", words[change],
	                       mailbox_file_name(mailbox));
	if (message)
		g_string_append_printf(fixture->changes, "/%s", message->name);
	if (change == ACCOUNT_MESSAGE_FLAGS)
		g_string_append_printf(fixture->changes, "(%s)", message->flags);
	g_string_append_c(fixture->changes, ' ');
}

static void
on_watching(RemoteWatching watching, gpointer data)
{
	Fixture *fixture = data;

	g_string_append_printf(fixture->changes, "watching %u ", watching);
}

static void
on_access_changed(guint64 mailbox, gpointer data)
{
	(void)mailbox;
	((Fixture *)data)->n_access_changes++;
}

static const AccountEvents events = {
	.entry_gone = on_entry_gone,
	.size_changed = on_size_changed,
	.entry_came = on_entry_came,
	.content_changed = on_content_changed,
	.changed = on_changed,
	.watching = on_watching,
	.access_changed = on_access_changed,
};

/* --- questions --- */

static Ask *
ask_new(Fixture *fixture, CacheResult (*question)(Ask *ask, GError **error))
{
	Ask *ask = g_new0(Ask, 1);

	ask->fixture = fixture;
	ask->question = question;
	ask->bytes = g_byte_array_new();
	return ask;
}

void
ask_free(Ask *ask)
{
	waiter_cancel(&ask->waiter);
	g_clear_error(&ask->error);
	g_byte_array_unref(ask->bytes);
	g_free(ask->name);
	g_free(ask->answer_name);
	g_free(ask);
}

static void
ask_run(Ask *ask)
{
	CacheResult result = ask->question(ask, &ask->error);

	ask->answered = result != CACHE_PARKED;
	g_assert_cmpint(result == CACHE_PARKED, ==, ask->waiter.queue != NULL);
	g_assert_cmpint(result == CACHE_FAILED, ==, ask->error != NULL);
}

static void
ask_wake(Waiter *waiter, const GError *error)
{
	Ask *ask = (Ask *)waiter;

	g_assert_false(ask->answered);
	g_assert_null(waiter->queue);
	ask->n_woken++;
	if (error) {
		ask->answered = TRUE;
		ask->error = g_error_copy(error);
		return;
	}
	ask_run(ask);
}

static Ask *
ask_start(Ask *ask)
{
	ask->waiter.wake = ask_wake;
	ask_run(ask);
	return ask;
}

/* As a request does: by id, anew each time. */
static Mailbox *
ask_mailbox(const Ask *ask, GError **error)
{
	Mailbox *mailbox = account_mailbox(ask->fixture->account, ask->mailbox);

	if (!mailbox)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_STALE, "no such mailbox");
	return mailbox;
}

static CacheResult
question_listed(Ask *ask, GError **error)
{
	return account_refreshed(ask->fixture->account, ask->ticket, &ask->waiter, error);
}

static CacheResult
question_synced(Ask *ask, GError **error)
{
	Mailbox *mailbox = ask_mailbox(ask, error);

	return mailbox ? mailbox_refreshed(mailbox, ask->ticket, &ask->waiter, error)
	               : CACHE_FAILED;
}

static CacheResult
ask_take_message(Ask *ask, CacheResult result, const Message *message)
{
	if (result != CACHE_READY || !message)
		return result;
	ask->uid = message->uid;
	ask->size = message->size;
	ask->answer_name = g_strdup(message->name);
	remember_size(ask->fixture, message_id(ask->mailbox, message->uid), message->size);
	return result;
}

static CacheResult
question_next(Ask *ask, GError **error)
{
	Mailbox *mailbox = ask_mailbox(ask, error);
	const Message *message = NULL;
	CacheResult result;

	if (!mailbox)
		return CACHE_FAILED;
	result = mailbox_next_message(mailbox, ask->after_uid, &message, &ask->waiter, error);
	return ask_take_message(ask, result, message);
}

static CacheResult
question_lookup(Ask *ask, GError **error)
{
	Mailbox *mailbox = ask_mailbox(ask, error);
	const Message *message = NULL;
	CacheResult result;

	if (!mailbox)
		return CACHE_FAILED;
	result = mailbox_lookup(mailbox, ask->name, &message, &ask->waiter, error);
	return ask_take_message(ask, result, message);
}

static CacheResult
question_size(Ask *ask, GError **error)
{
	CacheResult result = account_await_size(ask->fixture->account, ask->id, &ask->waiter);
	const Message *message = message_of(ask->fixture, ask->id);

	(void)error;
	if (result == CACHE_READY && message)
		ask->size = message->size;
	return result;
}

/* What the layer above knows of the message's size must cover what it is given, and where it is
 * given less than it wanted, end there. */
static void
check_read(const Ask *ask)
{
	const Message *message = message_of(ask->fixture, ask->id);
	const guint64 *told = g_hash_table_lookup(ask->fixture->told_sizes, &ask->id);
	guint64 end = ask->offset + ask->bytes->len;

	g_assert_cmpuint(ask->bytes->len, <=, ask->length);
	if (!message)
		return;
	if (told)
		g_assert_cmpuint(*told, ==, message->size);
	if (ask->bytes->len)
		g_assert_cmpuint(end, <=, message->size);
	if (ask->bytes->len && ask->bytes->len < ask->length)
		g_assert_cmpuint(end, ==, message->size);
}

static CacheResult
question_read(Ask *ask, GError **error)
{
	struct iovec iov[MAX_IOV];
	guint n_iov = 0;
	CacheResult result = account_read(ask->fixture->account, ask->id, ask->offset, ask->length,
	                                  iov, MAX_IOV, &n_iov, &ask->waiter, error);

	if (result != CACHE_READY)
		return result;
	for (guint i = 0; i < n_iov; i++)
		g_byte_array_append(ask->bytes, iov[i].iov_base, (guint)iov[i].iov_len);
	check_read(ask);
	return result;
}

Ask *
ask_listed(Fixture *fixture, guint64 ticket)
{
	Ask *ask = ask_new(fixture, question_listed);

	ask->ticket = ticket;
	return ask_start(ask);
}

Ask *
ask_synced(Fixture *fixture, guint32 mailbox, guint64 ticket)
{
	Ask *ask = ask_new(fixture, question_synced);

	ask->mailbox = mailbox;
	ask->ticket = ticket;
	return ask_start(ask);
}

Ask *
ask_next(Fixture *fixture, guint32 mailbox, guint32 after_uid)
{
	Ask *ask = ask_new(fixture, question_next);

	ask->mailbox = mailbox;
	ask->after_uid = after_uid;
	return ask_start(ask);
}

Ask *
ask_lookup(Fixture *fixture, guint32 mailbox, const char *name)
{
	Ask *ask = ask_new(fixture, question_lookup);

	ask->mailbox = mailbox;
	ask->name = g_strdup(name);
	return ask_start(ask);
}

Ask *
ask_size(Fixture *fixture, guint64 id)
{
	Ask *ask = ask_new(fixture, question_size);

	ask->id = id;
	return ask_start(ask);
}

Ask *
ask_read(Fixture *fixture, guint64 id, guint64 offset, gsize length)
{
	Ask *ask = ask_new(fixture, question_read);

	ask->id = id;
	ask->offset = offset;
	ask->length = length;
	return ask_start(ask);
}

/* --- waiting --- */

/* Where the disk is asked first, its answer comes from the loop. */
static void
wait_for_disk(const Fixture *fixture)
{
	if (!fixture->cache)
		g_error("somebody waits, and nothing is under way");
	if (!g_main_context_iteration(NULL, FALSE))
		g_usleep(50);
}

void
ask_wait(Ask *ask)
{
	for (guint n = 0; !ask->answered; n++) {
		g_assert_cmpuint(n, <, MAX_STEPS);
		if (!fake_remote_step(ask->fixture->fake))
			wait_for_disk(ask->fixture);
	}
}

void
ask_check_error(Ask *ask, ImapfsError code)
{
	ask_wait(ask);
	g_assert_error(ask->error, IMAPFS_ERROR, (gint)code);
}

void
ask_check_bytes(Ask *ask, const FakeMessage *message)
{
	guint64 left = message->size > ask->offset ? message->size - ask->offset : 0;

	ask_wait(ask);
	g_assert_no_error(ask->error);
	g_assert_cmpuint(ask->bytes->len, ==, MIN(left, ask->length));
	fake_bytes_check(message->seed, ask->offset, ask->bytes->data, ask->bytes->len);
}

void
ask_check_uid(Ask *ask, guint32 uid)
{
	ask_wait(ask);
	g_assert_no_error(ask->error);
	g_assert_cmpuint(ask->uid, ==, uid);
}

void
fixture_settle(Fixture *fixture)
{
	for (guint n = 0; fake_remote_step(fixture->fake); n++)
		g_assert_cmpuint(n, <, MAX_STEPS);
}

/* --- the account --- */

static void
open_account(Fixture *fixture, guint64 memory, const char *root)
{
	const AccountSettings settings = {
		.memory = memory ? memory : 256 * MIB,
		.root = root,
		.name = fixture->cache ? "user@host:993" : NULL,
		.cache = fixture->cache,
		.cache_size = MIB,
	};

	fixture->account = account_new(&fixture->fake->remote, &settings, &rules, &events, fixture);
}

static Fixture *
fixture_alloc(void)
{
	Fixture *fixture = g_new0(Fixture, 1);

	fixture->fake = fake_remote_new();
	fixture->gone = g_string_new(NULL);
	fixture->came = g_string_new(NULL);
	fixture->changes = g_string_new(NULL);
	fixture->told_sizes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	return fixture;
}

Fixture *
fixture_new(guint64 memory, const char *root)
{
	Fixture *fixture = fixture_alloc();

	open_account(fixture, memory, root);
	return fixture;
}

Fixture *
fixture_new_kept(void)
{
	Fixture *fixture = fixture_alloc();

	fixture->cache = g_dir_make_tmp("imapfs-changes-XXXXXX", NULL);
	open_account(fixture, 0, NULL);
	return fixture;
}

static void
close_account(Fixture *fixture)
{
	fake_remote_stop(fixture->fake);
	account_free(fixture->account);
}

void
fixture_reopen(Fixture *fixture)
{
	close_account(fixture);
	g_hash_table_remove_all(fixture->told_sizes);
	open_account(fixture, 0, NULL);
}

static void
remove_folder(const char *path)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", path);

	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

void
fixture_free(Fixture *fixture)
{
	close_account(fixture);
	fake_remote_free(fixture->fake);
	if (fixture->cache)
		remove_folder(fixture->cache);
	g_free(fixture->cache);
	g_string_free(fixture->gone, TRUE);
	g_string_free(fixture->came, TRUE);
	g_string_free(fixture->changes, TRUE);
	g_hash_table_unref(fixture->told_sizes);
	g_free(fixture);
}

void
fixture_list(Fixture *fixture)
{
	g_autoptr(Ask) ask = ask_listed(fixture, account_refresh(fixture->account, FALSE));

	ask_wait(ask);
	g_assert_no_error(ask->error);
}

Mailbox *
fixture_mailbox(Fixture *fixture, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	Mailbox *mailbox = account_root(fixture->account);

	for (char **name = names; *name && mailbox; name++)
		mailbox = mailbox_child(mailbox, *name);
	return mailbox;
}

guint32
fixture_mailbox_id(Fixture *fixture, const char *path)
{
	Mailbox *mailbox = fixture_mailbox(fixture, path);

	if (!mailbox)
		g_error("there is no %s", path);
	return mailbox_id(mailbox);
}

static void
collect_paths(const Mailbox *mailbox, const char *prefix, GPtrArray *paths)
{
	const Mailbox *child;
	guint n = 0;

	for (guint32 after = 0; (child = mailbox_next_child(mailbox, after));
	     after = mailbox_id(child), n++) {
		char *path = g_strconcat(prefix, mailbox_file_name(child), NULL);
		g_autofree char *below = g_strconcat(path, "/", NULL);

		g_assert_true(mailbox_parent(child) == mailbox);
		g_assert_true(mailbox_child(mailbox, mailbox_file_name(child)) == child);
		g_ptr_array_add(paths, path);
		collect_paths(child, below, paths);
	}
	g_assert_cmpuint(n, ==, mailbox_n_children(mailbox));
}

static int
compare_strings(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *
fixture_tree(const Mailbox *mailbox)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	collect_paths(mailbox, "", paths);
	g_ptr_array_sort(paths, compare_strings);
	g_ptr_array_add(paths, NULL);
	return g_strjoinv(" ", (char **)paths->pdata);
}

char *
fixture_messages(Fixture *fixture, const char *path)
{
	guint32 mailbox = fixture_mailbox_id(fixture, path), after = 0;
	guint64 ticket = mailbox_refresh(fixture_mailbox(fixture, path));
	g_autoptr(Ask) opened = ask_synced(fixture, mailbox, ticket);
	GString *list = g_string_new(NULL);

	ask_wait(opened);
	g_assert_no_error(opened->error);
	do {
		g_autoptr(Ask) next = ask_next(fixture, mailbox, after);

		ask_wait(next);
		g_assert_no_error(next->error);
		g_assert_true(!next->uid || next->uid > after);
		after = next->uid;
		if (after)
			g_string_append_printf(list, "%s%u:%s", list->len ? " " : "", next->uid,
			                       next->answer_name);
	} while (after);
	return g_string_free(list, FALSE);
}

guint64
fixture_open(Fixture *fixture, const char *path, guint32 uid)
{
	g_autofree char *list = NULL;

	fixture_list(fixture);
	list = fixture_messages(fixture, path);
	return message_id(fixture_mailbox_id(fixture, path), uid);
}

void
fixture_read_through(Fixture *fixture, guint64 id, const FakeMessage *message, gsize length)
{
	for (guint64 offset = 0;; offset += length) {
		g_autoptr(Ask) ask = ask_read(fixture, id, offset, length);

		ask_check_bytes(ask, message);
		if (ask->bytes->len < length)
			return;
	}
}
