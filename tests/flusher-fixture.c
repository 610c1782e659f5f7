/*
 * flusher-fixture.c: messages are known by their names, which are their headers; what is appended
 * begins with its name.
 */
#include "flusher-fixture.h"

#include <string.h>

#define MAX_TURNS    2000000
#define APPENDED_BIT (1ULL << 40)

static void
on_done(const JournalEntry *entry, gpointer data)
{
	FlusherFixture *fixture = data;

	if (fixture->dead)
		return;
	fixture->last_new_uid = entry->new_uid;
	g_string_append_printf(fixture->told, "done %" G_GUINT64_FORMAT " ", entry->id);
	if (fixture->on_told)
		fixture->on_told(fixture->data, entry, NULL);
}

static void
on_failed(JournalEntry *entry, const GError *error, gpointer data)
{
	FlusherFixture *fixture = data;

	if (fixture->dead)
		return;
	g_assert_cmpint((int)entry->state, ==, JOURNAL_FAILED);
	g_assert_cmpstr(entry->error, ==, error->message);
	g_string_append_printf(fixture->told, "failed %" G_GUINT64_FORMAT ":%d ", entry->id,
	                       error->code);
	if (fixture->on_told)
		fixture->on_told(fixture->data, entry, error);
}

static guint32
on_uidnext(const char *name, gpointer data)
{
	FlusherFixture *fixture = data;
	const FakeMailbox *mailbox = fake_mailbox(fixture->fake, name);

	return fixture->uidnext_true && mailbox ? mailbox->next_uid : fixture->uidnext;
}

static void
on_waiting(gpointer data)
{
	FlusherFixture *fixture = data;

	g_assert_true(flusher_is_waiting(fixture->flusher));
	fixture->n_waits++;
}

static const FlusherEvents events = {
	.done = on_done,
	.failed = on_failed,
	.uidnext = on_uidnext,
	.waiting = on_waiting,
};

/* What begins with "bare" has none. */
static guint64
key_of(const char *name, gsize length)
{
	g_autofree char *text = g_strndup(name, length);

	return g_str_has_prefix(name, "bare") ? 0 : g_str_hash(text) + 1ULL;
}

/* Keys of the two kinds have nothing to do with each other. */
static guint64
content_key(const RemoteMessage *message, gboolean appended)
{
	guint64 key = message->header ? key_of(message->header, message->header_length) : 0;

	return key && appended ? key | APPENDED_BIT : key;
}

static void
flusher_start(FlusherFixture *fixture)
{
	const FlusherSettings settings = {
		.header_fields = "SUBJECT",
		.content_key = content_key,
		.retry_min_ms = 1,
		.retry_max_ms = 2,
	};

	fixture->flusher = flusher_new(fixture->files.journal, &fixture->fake->remote, &settings,
	                               &events, fixture);
}

void
flusher_fixture_set_up(FlusherFixture *fixture, gconstpointer in_memory)
{
	fixture->told = g_string_new(NULL);
	fixture->uidnext_true = TRUE;
	fixture->fake = fake_remote_new();
	fake_mailbox_add(fixture->fake, "A", 11);
	fake_mailbox_add(fixture->fake, "B", 12);
	fake_mailbox_add(fixture->fake, "C", 13);
	journal_fixture_set_up(&fixture->files, in_memory != NULL);
	flusher_start(fixture);
}

void
flusher_fixture_tear_down(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->dead = TRUE;
	flusher_stop(fixture->flusher);
	fake_remote_stop(fixture->fake);
	flusher_free(fixture->flusher);
	journal_fixture_tear_down(&fixture->files);
	fake_remote_free(fixture->fake);
	g_string_free(fixture->told, TRUE);
}

void
flusher_fixture_kill(FlusherFixture *fixture)
{

	journal_fixture_fork_files(&fixture->files);
	fixture->dead = TRUE;
	fake_remote_kill(fixture->fake);
	flusher_free(fixture->flusher);
	journal_fixture_close(&fixture->files);
	fixture->dead = FALSE;
	journal_fixture_open(&fixture->files);
	flusher_start(fixture);
}

gboolean
flusher_fixture_turn(FlusherFixture *fixture)
{
	gboolean loop_first = g_random_boolean();

	if (loop_first && g_main_context_iteration(NULL, FALSE))
		return TRUE;
	return fake_remote_step(fixture->fake) ||
	       (!loop_first && g_main_context_iteration(NULL, FALSE));
}

void
flusher_fixture_run(FlusherFixture *fixture)
{
	journal_flush(fixture->files.journal);
	for (guint n = 0; !flusher_is_idle(fixture->flusher); n++) {
		g_assert_cmpuint(n, <, MAX_TURNS);
		if (!flusher_fixture_turn(fixture))
			g_usleep(50);
	}
}

char *
flusher_fixture_list(FlusherFixture *fixture, const char *mailbox)
{
	const GPtrArray *messages = fake_mailbox(fixture->fake, mailbox)->messages;
	GString *list = g_string_new(NULL);

	for (guint i = 0; i < messages->len; i++) {
		const FakeMessage *message = messages->pdata[i];

		if (!strstr(message->flags, "\\Deleted"))
			g_string_append_printf(list, "%s%s", list->len ? " " : "", message->name);
	}
	return g_string_free(list, FALSE);
}

JournalEntry *
flusher_fixture_append(FlusherFixture *fixture, const char *to, const char *name)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_APPEND);
	g_autofree char *text = g_strconcat(name, "\r\n", NULL);

	entry->to = g_strdup(to);
	entry->to_uidvalidity = fake_mailbox(fixture->fake, to)->uidvalidity;
	entry->staged = journal_fixture_stage(&fixture->files, text, strlen(text));
	entry->size = strlen(text);
	entry->content_key = key_of(name, strlen(name));
	if (entry->content_key)
		entry->content_key |= APPENDED_BIT;
	entry->name = g_strdup(name);
	return entry;
}

JournalEntry *
flusher_fixture_transfer(FlusherFixture *fixture, JournalKind kind, const char *from, guint32 uid,
                         const char *to)
{
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, from);
	const FakeMessage *message = fake_message(mailbox, uid);
	JournalEntry *entry = journal_entry_new(kind);

	entry->mailbox = g_strdup(from);
	entry->uidvalidity = mailbox->uidvalidity;
	entry->uid = uid;
	entry->to = g_strdup(to);
	entry->size = message ? message->size : 7;
	entry->content_key = message ? key_of(message->name, strlen(message->name)) : 7;
	entry->name = g_strdup(message ? message->name : "?");
	return entry;
}

JournalEntry *
flusher_fixture_remove(FlusherFixture *fixture, const char *mailbox, guint32 uid)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_REMOVE);

	entry->mailbox = g_strdup(mailbox);
	entry->uidvalidity = fake_mailbox(fixture->fake, mailbox)->uidvalidity;
	entry->uid = uid;
	return entry;
}

void
flusher_fixture_add(FlusherFixture *fixture, JournalEntry *entry)
{
	journal_add(fixture->files.journal, entry, NULL, NULL);
}
