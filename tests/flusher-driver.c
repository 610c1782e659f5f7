/*
 * flusher-driver.c: a flusher and an account of a real server, without a mount.
 *
 *     flusher-driver HOST PORT USER PASSWORD CA-FILE ENTRY...
 *
 * The words of an entry have tabs between them:
 *
 *     append MAILBOX UIDVALIDITY FILE UID      UID: of what it replaces, or 0
 *     copy, move MAILBOX UIDVALIDITY UID MAILBOX
 *     remove MAILBOX UIDVALIDITY UID
 *     delete MAILBOX
 *
 * They are written into a journal in memory all at once. What comes of each is told as one line,
 * "done 1 12" with the new UID or "failed 1 NOT_EMPTY", as it is known.
 */
#include <stdio.h>
#include <stdlib.h>

#include "content-key.h"
#include "error-name.h"
#include "flusher.h"
#include "imapfs/imap.h"
#include "journal-fixture.h"

typedef struct {
	JournalFixture files;
	Remote *remote;
	Flusher *flusher;
} Driver;

/* --- what is told --- */

static void
on_done(const JournalEntry *entry, gpointer data)
{
	(void)data;
	printf("done %" G_GUINT64_FORMAT " %u\n", entry->id, entry->new_uid);
}

static void
on_failed(JournalEntry *entry, const GError *error, gpointer data)
{
	(void)data;
	printf("failed %" G_GUINT64_FORMAT " %s\n", entry->id, error_name(error));
}

static guint32
on_uidnext(const char *mailbox, gpointer data)
{
	(void)mailbox;
	(void)data;
	return 0;
}

static guint64
content_key(const RemoteMessage *message, gboolean appended)
{
	(void)appended;
	return message->header ? content_key_of_header(message->header, message->header_length) : 0;
}

/* --- entries; words are those behind the name --- */

static guint32
to_uint(const char *word)
{
	return (guint32)strtoul(word, NULL, 10);
}

static JournalEntry *
append_entry(Driver *driver, char **words)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_APPEND);
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	gsize length;

	g_file_get_contents(words[2], &text, &length, &error);
	g_assert_no_error(error);
	entry->to = g_strdup(words[0]);
	entry->to_uidvalidity = to_uint(words[1]);
	entry->staged = journal_fixture_stage(&driver->files, text, length);
	entry->size = length;
	entry->content_key = content_key_of_header(text, length);
	entry->replaces = to_uint(words[3]);
	return entry;
}

static JournalEntry *
message_entry(JournalKind kind, char **words)
{
	JournalEntry *entry = journal_entry_new(kind);

	entry->mailbox = g_strdup(words[0]);
	if (!words[1])
		return entry;
	entry->uidvalidity = to_uint(words[1]);
	entry->uid = to_uint(words[2]);
	entry->to = g_strdup(words[3]);
	return entry;
}

static const struct {
	const char *name;
	guint n_words;
	JournalKind kind;
} kinds[] = {
	{"append", 4, JOURNAL_APPEND}, {"copy", 4, JOURNAL_COPY},     {"move", 4, JOURNAL_MOVE},
	{"remove", 3, JOURNAL_REMOVE}, {"delete", 1, JOURNAL_DELETE},
};

static void
driver_add(Driver *driver, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, "\t", -1);
	JournalEntry *entry = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (!g_str_equal(words[0], kinds[i].name))
			continue;
		g_assert_cmpuint(g_strv_length(words), ==, kinds[i].n_words + 1);
		entry = kinds[i].kind == JOURNAL_APPEND ? append_entry(driver, words + 1)
		                                        : message_entry(kinds[i].kind, words + 1);
	}
	g_assert_nonnull(entry);
	journal_add(driver->files.journal, entry, NULL, NULL);
}

/* --- all of it --- */

static Remote *
connect_to(char **argv)
{
	ImapSettings settings = {
		.host = g_strdup(argv[1]),
		.port = (guint16)atoi(argv[2]),
		.user = g_strdup(argv[3]),
		.password = g_strdup(argv[4]),
		.ca_file = g_strdup(argv[5]),
		.tls = IMAP_TLS_IMPLICIT,
		.n_connections = 2,
		.timeout_us = 10 * G_USEC_PER_SEC,
	};
	g_autoptr(GError) error = NULL;
	Remote *remote = imap_remote_new(&settings, &error);

	g_assert_no_error(error);
	return remote;
}

int
main(int argc, char **argv)
{
	static const FlusherEvents events = {
		.done = on_done, .failed = on_failed, .uidnext = on_uidnext};
	const FlusherSettings settings = {
		.header_fields = CONTENT_KEY_FIELDS,
		.content_key = content_key,
		.retry_min_ms = FLUSHER_RETRY_MIN_MS,
		.retry_max_ms = FLUSHER_RETRY_MAX_MS,
	};
	Driver driver = {0};

	g_assert_cmpint(argc, >, 5);
	journal_fixture_set_up(&driver.files, TRUE);
	driver.remote = connect_to(argv);
	driver.flusher =
		flusher_new(driver.files.journal, driver.remote, &settings, &events, &driver);
	for (int i = 6; i < argc; i++)
		driver_add(&driver, argv[i]);
	journal_flush(driver.files.journal);
	while (!flusher_is_idle(driver.flusher))
		g_main_context_iteration(NULL, TRUE);
	flusher_stop(driver.flusher);
	imap_remote_free(driver.remote);
	flusher_free(driver.flusher);
	journal_fixture_tear_down(&driver.files);
	return 0;
}
