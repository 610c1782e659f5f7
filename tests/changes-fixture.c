/*
 * Every function asks as a request of the file system does, until there is an answer.
 */
#include "changes-fixture.h"

#include "overlay.h"

#include <string.h>

#define MAX_TURNS 200000

static void
fill(Fixture *fixture)
{
	static const char *const paths[] = {"A/m1", "A/m2", "A/m3", "B/n1", "C/c1"};

	fake_mailbox_add(fixture->fake, "INBOX", 9);
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *name = g_path_get_dirname(paths[i]);
		FakeMailbox *mailbox = fake_mailbox(fixture->fake, name);

		if (!mailbox)
			mailbox = fake_mailbox_add(fixture->fake, name, 11 + i);
		fake_message_add(mailbox, paths[i] + 2, 100 + i);
	}
	fixture_list(fixture);
	for (guint i = 0; i < 3; i++)
		changes_refresh(fixture, (const char *const[]){"A", "B", "C"}[i]);
}

Fixture *
changes_fixture_new(void)
{
	Fixture *fixture = fixture_new(0, NULL);

	fill(fixture);
	return fixture;
}

Fixture *
changes_fixture_new_kept(void)
{
	Fixture *fixture = fixture_new_kept();

	fill(fixture);
	return fixture;
}

/* --- going on --- */

static void
turn(Fixture *fixture, gboolean step)
{
	if (g_main_context_iteration(NULL, FALSE) || (step && fake_remote_step(fixture->fake)))
		return;
	g_usleep(50);
}

void
changes_turn(Fixture *fixture)
{
	turn(fixture, TRUE);
}

void
changes_commit(Fixture *fixture)
{
	const Overlay *overlay = fixture->account->overlay;
	gint64 until = g_get_monotonic_time() + 20000;

	for (guint n = 0; g_hash_table_size(overlay->uncommitted) || g_get_monotonic_time() < until;
	     n++) {
		g_assert_cmpuint(n, <, MAX_TURNS);
		turn(fixture, FALSE);
	}
}

gboolean
changes_has_kind(const Fixture *fixture, FakeKind kind)
{
	return fake_remote_has_kind(fixture->fake, kind);
}

void
changes_await_kind(Fixture *fixture, FakeKind kind)
{
	for (guint n = 0; !changes_has_kind(fixture, kind); n++) {
		g_assert_cmpuint(n, <, MAX_TURNS);
		turn(fixture, FALSE);
	}
}

typedef struct {
	Waiter waiter;
	Fixture *fixture;
	gboolean woken;
	GError *error;
	int code; /* the answer */
} Question;

static void
on_wake(Waiter *waiter, const GError *error)
{
	Question *question = (Question *)waiter;

	question->woken = TRUE;
	if (error)
		question->error = g_error_copy(error);
}

/* TRUE: it is to be asked again. */
static gboolean
is_open(Question *question, CacheResult result)
{
	g_assert_cmpint(result == CACHE_PARKED, ==, question->waiter.queue != NULL);
	g_assert_cmpint(result == CACHE_FAILED, ==, question->error != NULL);
	for (guint n = 0; question->waiter.queue; n++) {
		g_assert_cmpuint(n, <, MAX_TURNS);
		changes_turn(question->fixture);
	}
	question->code = question->error ? question->error->code : DONE;
	if (result == CACHE_PARKED && !question->error)
		return TRUE;
	g_clear_error(&question->error);
	return FALSE;
}

#define QUESTION(name, fixture_) Question name = {.waiter.wake = on_wake, .fixture = (fixture_)}

static void
note(Fixture *fixture, Change change)
{
	fixture->last_change = MAX(fixture->last_change, change);
}

/* "A/B/note.eml" -> "note.eml" and A/B; anew each time, for it may end meanwhile. */
static const char *
split(Fixture *fixture, const char *path, Mailbox **mailbox)
{
	const char *slash = strrchr(path, '/');
	g_autofree char *parent = slash ? g_strndup(path, (gsize)(slash - path)) : NULL;

	*mailbox = parent ? fixture_mailbox(fixture, parent) : account_root(fixture->account);
	g_assert_nonnull(*mailbox);
	return slash ? slash + 1 : path;
}

/* --- changes --- */

int
change_remove(Fixture *fixture, const char *path)
{
	QUESTION(question, fixture);
	CacheResult result;
	Change change;

	do {
		Mailbox *mailbox;
		const char *name = split(fixture, path, &mailbox);

		result = account_remove(fixture->account, mailbox, name, &change, &question.waiter,
		                        &question.error);
	} while (is_open(&question, result));
	note(fixture, change);
	return question.code;
}

static int
rename_either(Fixture *fixture, const char *from, const char *to, gboolean no_replace)
{
	QUESTION(question, fixture);
	CacheResult result;
	Change change;

	do {
		Mailbox *source, *target;
		const char *name = split(fixture, from, &source);
		const char *new_name = split(fixture, to, &target);

		result = account_rename(fixture->account, source, name, target, new_name,
		                        no_replace, &change, &question.waiter, &question.error);
	} while (is_open(&question, result));
	note(fixture, change);
	return question.code;
}

int
change_rename(Fixture *fixture, const char *from, const char *to)
{
	return rename_either(fixture, from, to, FALSE);
}

int
change_rename_new(Fixture *fixture, const char *from, const char *to)
{
	return rename_either(fixture, from, to, TRUE);
}

int
change_flags(Fixture *fixture, const char *path, char sign, const char *flags)
{
	QUESTION(question, fixture);
	guint64 id = changes_id(fixture, path);
	CacheResult result;
	Change change;

	do
		result = account_set_flags(fixture->account, id, sign, flags, &change,
		                           &question.waiter, &question.error);
	while (is_open(&question, result));
	note(fixture, change);
	return question.code;
}

typedef CacheResult (*ChangeMailbox)(Account *, Mailbox *, const char *, Change *, Waiter *,
                                     GError **);

static int
change_mailbox(Fixture *fixture, const char *path, ChangeMailbox function)
{
	QUESTION(question, fixture);
	CacheResult result;
	Change change;

	do {
		Mailbox *parent;
		const char *name = split(fixture, path, &parent);

		result = function(fixture->account, parent, name, &change, &question.waiter,
		                  &question.error);
	} while (is_open(&question, result));
	note(fixture, change);
	return question.code;
}

int
change_make_mailbox(Fixture *fixture, const char *path)
{
	return change_mailbox(fixture, path, account_make_mailbox);
}

int
change_remove_mailbox(Fixture *fixture, const char *path)
{
	return change_mailbox(fixture, path, account_remove_mailbox);
}

/* --- drafts --- */

guint64
change_create(Fixture *fixture, const char *path)
{
	g_autoptr(GError) error = NULL;
	Mailbox *mailbox;
	const char *name = split(fixture, path, &mailbox);
	guint64 draft = draft_create(fixture->account, mailbox, name, &error);

	g_assert_no_error(error);
	g_assert_true(message_is_draft(draft));
	return draft;
}

guint64
change_open(Fixture *fixture, const char *path, gboolean truncate)
{
	QUESTION(question, fixture);
	guint64 id = changes_id(fixture, path), draft = 0;
	CacheResult result;

	do
		result = draft_open(fixture->account, id, truncate, &draft, &question.waiter,
		                    &question.error);
	while (is_open(&question, result));
	g_assert_cmpint(question.code, ==, DONE);
	return draft;
}

int
change_write(Fixture *fixture, guint64 draft, const char *text)
{
	QUESTION(question, fixture);
	CacheResult result;

	do
		result = draft_write(fixture->account, draft, DRAFT_END, text, strlen(text),
		                     &question.waiter, &question.error);
	while (is_open(&question, result));
	return question.code;
}

int
change_deliver(Fixture *fixture, guint64 draft)
{
	QUESTION(question, fixture);
	CacheResult result;
	Change change;

	do
		result = draft_deliver(fixture->account, draft, &change, &question.waiter,
		                       &question.error);
	while (is_open(&question, result));
	note(fixture, change);
	return question.code;
}

int
change_copy(Fixture *fixture, guint64 draft, const char *source)
{
	QUESTION(question, fixture);
	guint64 id = changes_id(fixture, source), length = 0;
	CacheResult result;

	do
		result = draft_copy(fixture->account, draft, id, &length, &question.waiter,
		                    &question.error);
	while (is_open(&question, result));
	return question.code;
}

int
change_save(Fixture *fixture, const char *path)
{
	guint64 draft = changes_id(fixture, path) ? change_open(fixture, path, TRUE)
	                                          : change_create(fixture, path);
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *text = NULL;
	char *dot = strrchr(name, '.');
	int code;

	if (dot && dot > name)
		*dot = '\0';
	text = g_strdup_printf("Subject: %s\r\n\r\nHello.\r\n", name);
	code = change_write(fixture, draft, text);
	if (code == DONE)
		code = change_deliver(fixture, draft);
	draft_close(fixture->account, draft);
	return code;
}

/* --- many --- */

int
changes_step(Fixture *fixture, const char *step)
{
	g_auto(GStrv) paths = g_strsplit(step, ">", 2);

	switch (*step) {
	case '-':
		return change_remove(fixture, step + 1);
	case '+':
		return change_save(fixture, step + 1);
	case '^':
		return change_make_mailbox(fixture, step + 1);
	case '!':
		return change_remove_mailbox(fixture, step + 1);
	default:
		return change_rename(fixture, paths[0], paths[1]);
	}
}

const char *const change_pace_names[N_PACES] = {"at-once", "committed", "sent", "carried-out",
                                                "offline"};

void
changes_go_on(Fixture *fixture, ChangePace pace)
{
	if (pace == COMMITTED || pace == SENT)
		changes_commit(fixture);
	if (pace == SENT && fixture->fake->jobs->len)
		fake_remote_step(fixture->fake);
	if (pace == CARRIED_OUT)
		g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

/* --- looking --- */

guint64
changes_id(Fixture *fixture, const char *path)
{
	QUESTION(question, fixture);
	const Message *message;
	CacheResult result;
	Mailbox *mailbox;

	do {
		const char *name = split(fixture, path, &mailbox);

		message = NULL;
		result = mailbox_lookup(mailbox, name, &message, &question.waiter, &question.error);
	} while (is_open(&question, result));
	return message ? mailbox_message_id(mailbox, message) : 0;
}

static void
check_readable(Fixture *fixture, const char *path)
{
	QUESTION(question, fixture);
	guint64 id = changes_id(fixture, path);
	struct iovec iov;
	CacheResult result;
	guint n_iov;

	do
		result = account_read(fixture->account, id, 0, 4096, &iov, 1, &n_iov,
		                      &question.waiter, &question.error);
	while (is_open(&question, result));
	g_assert_cmpint(question.code, ==, DONE);
	g_assert_cmpuint(n_iov, ==, 1);
	g_assert_cmpuint(iov.iov_len, >, 0);
}

void
changes_check_readable(Fixture *fixture, const char *path, const char *names)
{
	g_auto(GStrv) each = g_strsplit(names, " ", -1);

	for (char **name = each; *name; name++) {
		g_autofree char *file = g_strconcat(path, "/", *name, NULL);

		check_readable(fixture, file);
	}
}

int
changes_finish(Fixture *fixture)
{
	QUESTION(question, fixture);
	CacheResult result;

	do
		result = account_synced(fixture->account, 0, account_last_change(fixture->account),
		                        &question.waiter, &question.error);
	while (is_open(&question, result));
	for (guint n = 0; n < 20; n++) /* what follows it in the loop */
		changes_turn(fixture);
	fixture_settle(fixture);
	return question.code;
}

void
changes_go_online(Fixture *fixture)
{
	fixture->fake->offline = FALSE;
	flusher_kick(fixture->account->overlay->flusher);
}

char *
changes_list(Fixture *fixture, const char *path)
{
	Mailbox *mailbox = fixture_mailbox(fixture, path);
	GString *list = g_string_new(NULL);
	const Message *message;
	guint64 cookie = 0;

	for (guint32 uid = 0; (message = mailbox_message_after(mailbox, uid)); uid = message->uid)
		g_string_append_printf(list, "%s%s", list->len ? " " : "", message->name);
	while ((message = mailbox_next_draft(mailbox, cookie, &cookie)))
		g_string_append_printf(list, "%s+%s", list->len ? " " : "", message->name);
	return g_string_free(list, FALSE);
}

void
changes_check(Fixture *fixture, const char *path, const char *expected)
{
	g_autofree char *list = changes_list(fixture, path);

	g_assert_cmpstr(list, ==, expected);
}

static int
compare_strings(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
join_sorted(char **names)
{
	qsort(names, g_strv_length(names), sizeof(char *), compare_strings);
	return g_strjoinv(" ", names);
}

void
changes_check_names(Fixture *fixture, const char *path, const char *expected)
{
	g_autofree char *any = g_strconcat(path, "/?", NULL);
	guint64 none = changes_id(fixture, any); /* so that the list is there */
	g_autofree char *list = changes_list(fixture, path), *sorted = NULL;
	g_auto(GStrv) names = g_strsplit(list, " ", -1);

	g_assert_cmpuint(none, ==, 0);
	for (char **name = names; *name; name++) {
		g_autofree char *whole = NULL;

		if (**name == '+')
			memmove(*name, *name + 1, strlen(*name));
		whole = g_strconcat(path, "/", *name, NULL);
		g_assert_cmpuint(changes_id(fixture, whole), !=, 0);
	}
	sorted = join_sorted(names);
	g_assert_cmpstr(sorted, ==, expected);
}

void
changes_check_server(Fixture *fixture, const char *mailbox, const char *expected)
{
	const GPtrArray *messages = fake_mailbox(fixture->fake, mailbox)->messages;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *sorted = NULL;

	for (guint i = 0; i < messages->len; i++) {
		const FakeMessage *message = messages->pdata[i];

		if (!strstr(message->flags, "\\Deleted"))
			g_ptr_array_add(names, message->name);
	}
	g_ptr_array_add(names, NULL);
	sorted = join_sorted((char **)names->pdata);
	g_assert_cmpstr(sorted, ==, expected);
}

/* It may turn out to be another one. */
void
changes_refresh(Fixture *fixture, const char *path)
{
	for (guint n = 0; n < 2; n++) {
		Mailbox *mailbox = fixture_mailbox(fixture, path);
		g_autoptr(Ask) ask =
			ask_synced(fixture, mailbox_id(mailbox), mailbox_refresh(mailbox));

		ask_wait(ask);
		fixture_settle(fixture);
	}
}
