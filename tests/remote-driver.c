/*
 * remote-driver.c: changes an account of a real server, without a mount.
 *
 *     remote-driver HOST PORT USER PASSWORD CA-FILE CONNECTIONS OPERATION...
 *
 * With the CA file "-" it speaks in clear. The words of an operation have tabs between them:
 *
 *     append MAILBOX UIDVALIDITY FILE FLAGS SECONDS
 *     copy, move MAILBOX UIDVALIDITY UID,UID,... MAILBOX
 *     store MAILBOX UIDVALIDITY UID,UID,... +FLAGS UNCHANGEDSINCE
 *     expunge MAILBOX UIDVALIDITY UID,UID,...
 *     create PARENT DELIMITER NAME             PARENT may be empty: at the top
 *     rename MAILBOX PARENT DELIMITER NAME
 *     delete, subscribe, unsubscribe MAILBOX
 *     name PARENT DELIMITER NAME               what create() would call it
 *     list
 *     details MAILBOX UIDVALIDITY UID
 *     rights, acl, all-metadata, quota MAILBOX
 *     set-acl MAILBOX IDENTIFIER RIGHTS
 *     delete-acl MAILBOX IDENTIFIER
 *     metadata MAILBOX ENTRY
 *     set-metadata MAILBOX ENTRY VALUE         with \0 for a NUL, \n for a line break
 *     fill-metadata MAILBOX ENTRY N            with so many 'x'
 *     remove-metadata MAILBOX ENTRY
 *     capabilities                             as a number
 *     wait                                     for all of those before it
 *     pause                                    the same, then says so and waits for a line
 *
 * They are begun at once. What each has told comes out as one line, in their order, when all have
 * ended (change-recorder.h, details-recorder.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "change-recorder.h"
#include "details-recorder.h"

typedef struct {
	RemoteFixture fixture;
	GPtrArray *records; /* of Record */
	guint n_shown;
} Driver;

typedef struct {
	const char *mailbox;
	guint32 uidvalidity;
	guint32 *uids;
	guint n_uids;
} Messages;

static guint32
to_uint(const char *word)
{
	return (guint32)g_ascii_strtoull(word, NULL, 10);
}

/* The first three words; uids to be freed. */
static Messages
parse_messages(char **words)
{
	g_auto(GStrv) numbers = g_strsplit(words[2], ",", -1);
	Messages messages = {.mailbox = words[0], .uidvalidity = to_uint(words[1])};

	messages.n_uids = g_strv_length(numbers);
	messages.uids = g_new(guint32, messages.n_uids);
	for (guint i = 0; i < messages.n_uids; i++)
		messages.uids[i] = to_uint(numbers[i]);
	return messages;
}

static RemoteMailboxName
parse_name(char **words)
{
	return (RemoteMailboxName){
		.parent = *words[0] ? words[0] : NULL,
		.delimiter = *words[1],
		.component = words[2],
	};
}

/* --- the operations; words are those behind the name --- */

static Record *
begin_append(Driver *driver, char **words)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GMappedFile) file = g_mapped_file_new(words[2], FALSE, &error);
	g_autoptr(GBytes) content = NULL;
	RemoteAppend append = {
		.mailbox = words[0],
		.uidvalidity = to_uint(words[1]),
		.flags = words[3],
		.internaldate = g_ascii_strtoll(words[4], NULL, 10),
	};

	g_assert_no_error(error);
	append.content = content = g_mapped_file_get_bytes(file);
	return record_append(&driver->fixture, &append);
}

static Record *
begin_transfer(Driver *driver, char **words, gboolean move)
{
	Messages messages = parse_messages(words);
	g_autofree guint32 *uids = messages.uids;
	const RemoteTransfer transfer = {
		.from = messages.mailbox,
		.from_uidvalidity = messages.uidvalidity,
		.uids = uids,
		.n_uids = messages.n_uids,
		.to = words[3],
		.move = move,
	};

	return record_transfer(&driver->fixture, &transfer);
}

static Record *
begin_copy(Driver *driver, char **words)
{
	return begin_transfer(driver, words, FALSE);
}

static Record *
begin_move(Driver *driver, char **words)
{
	return begin_transfer(driver, words, TRUE);
}

static Record *
begin_store(Driver *driver, char **words)
{
	Messages messages = parse_messages(words);
	g_autofree guint32 *uids = messages.uids;
	const RemoteStore store = {
		.mailbox = messages.mailbox,
		.uidvalidity = messages.uidvalidity,
		.uids = uids,
		.n_uids = messages.n_uids,
		.sign = *words[3],
		.flags = words[3] + 1,
		.unchanged_since = g_ascii_strtoull(words[4], NULL, 10),
	};

	return record_store(&driver->fixture, &store);
}

static Record *
begin_expunge(Driver *driver, char **words)
{
	Messages messages = parse_messages(words);
	g_autofree guint32 *uids = messages.uids;
	const RemoteExpunge expunge = {
		.mailbox = messages.mailbox,
		.uidvalidity = messages.uidvalidity,
		.uids = uids,
		.n_uids = messages.n_uids,
	};

	return record_expunge(&driver->fixture, &expunge);
}

static Record *
begin_create(Driver *driver, char **words)
{
	const RemoteMailboxName name = parse_name(words);

	return record_create(&driver->fixture, &name);
}

static Record *
begin_rename(Driver *driver, char **words)
{
	const RemoteMailboxName name = parse_name(words + 1);

	return record_rename(&driver->fixture, words[0], &name);
}

static Record *
begin_delete(Driver *driver, char **words)
{
	return record_delete(&driver->fixture, words[0]);
}

static Record *
begin_subscribe(Driver *driver, char **words)
{
	return record_subscribe(&driver->fixture, words[0], TRUE);
}

static Record *
begin_unsubscribe(Driver *driver, char **words)
{
	return record_subscribe(&driver->fixture, words[0], FALSE);
}

static Record *
begin_list(Driver *driver, char **words)
{
	(void)words;
	return record_list(&driver->fixture, FALSE);
}

static Record *
begin_details(Driver *driver, char **words)
{
	return record_details(&driver->fixture, words[0], to_uint(words[1]), to_uint(words[2]));
}

static Record *
begin_rights(Driver *driver, char **words)
{
	return record_rights(&driver->fixture, words[0]);
}

static Record *
begin_acl(Driver *driver, char **words)
{
	return record_acl(&driver->fixture, words[0]);
}

static Record *
begin_set_acl(Driver *driver, char **words)
{
	return record_set_acl(&driver->fixture, words[0], words[1], words[2]);
}

static Record *
begin_delete_acl(Driver *driver, char **words)
{
	return record_set_acl(&driver->fixture, words[0], words[1], NULL);
}

static Record *
begin_metadata(Driver *driver, char **words)
{
	return record_metadata(&driver->fixture, words[0], words[1]);
}

static Record *
begin_all_metadata(Driver *driver, char **words)
{
	return record_all_metadata(&driver->fixture, words[0]);
}

/* "a\\0b\\n" as bytes. */
static GBytes *
parse_value(const char *text)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (; *text; text++) {
		gboolean escaped = text[0] == '\\' && (text[1] == '0' || text[1] == 'n');
		const char *byte = escaped ? (text[1] == 'n' ? "\n" : "") : text;

		g_byte_array_append(bytes, (const guint8 *)byte, 1);
		text += escaped;
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

static Record *
begin_set_metadata(Driver *driver, char **words)
{
	g_autoptr(GBytes) value = parse_value(words[2]);

	return record_set_metadata(&driver->fixture, words[0], words[1], value);
}

static Record *
begin_fill_metadata(Driver *driver, char **words)
{
	gsize length = to_uint(words[2]);
	g_autoptr(GBytes) value = g_bytes_new_take(g_strnfill(length, 'x'), length);

	return record_set_metadata(&driver->fixture, words[0], words[1], value);
}

static Record *
begin_remove_metadata(Driver *driver, char **words)
{
	return record_set_metadata(&driver->fixture, words[0], words[1], NULL);
}

static Record *
begin_quota(Driver *driver, char **words)
{
	return record_quota(&driver->fixture, words[0]);
}

static Record *
ended_record(Driver *driver)
{
	Record *record = record_new(driver->fixture.label);

	record->done = TRUE;
	return record;
}

static Record *
tell_name(Driver *driver, char **words)
{
	Remote *remote = driver->fixture.remote;
	const RemoteMailboxName name = parse_name(words);
	g_autofree char *bytes = remote->operations->mailbox_name(remote, &name, NULL);
	Record *record = ended_record(driver);

	g_string_append(record->log, bytes ? bytes : "none");
	return record;
}

static Record *
tell_capabilities(Driver *driver, char **words)
{
	Remote *remote = driver->fixture.remote;
	Record *record = ended_record(driver);

	(void)words;
	g_string_append_printf(record->log, "%d", remote->operations->capabilities(remote));
	return record;
}

/* --- their order --- */

static void
driver_wait(Driver *driver)
{
	for (; driver->n_shown < driver->records->len; driver->n_shown++) {
		Record *record = driver->records->pdata[driver->n_shown];

		WAIT_UNTIL(driver->fixture.label, record->done);
		printf("%s\n", record->log->str);
	}
	fflush(stdout);
}

static void
driver_pause(Driver *driver)
{
	char line[10];

	driver_wait(driver);
	printf("paused\n");
	fflush(stdout);
	g_assert_nonnull(fgets(line, sizeof(line), stdin));
}

static const struct {
	const char *name;
	guint n_words;
	Record *(*begin)(Driver *driver, char **words);
} operations[] = {
	{"append", 5, begin_append},
	{"copy", 4, begin_copy},
	{"move", 4, begin_move},
	{"store", 5, begin_store},
	{"expunge", 3, begin_expunge},
	{"create", 3, begin_create},
	{"rename", 4, begin_rename},
	{"delete", 1, begin_delete},
	{"subscribe", 1, begin_subscribe},
	{"unsubscribe", 1, begin_unsubscribe},
	{"list", 0, begin_list},
	{"details", 3, begin_details},
	{"rights", 1, begin_rights},
	{"acl", 1, begin_acl},
	{"set-acl", 3, begin_set_acl},
	{"delete-acl", 2, begin_delete_acl},
	{"metadata", 2, begin_metadata},
	{"all-metadata", 1, begin_all_metadata},
	{"set-metadata", 3, begin_set_metadata},
	{"fill-metadata", 3, begin_fill_metadata},
	{"remove-metadata", 2, begin_remove_metadata},
	{"quota", 1, begin_quota},
	{"name", 3, tell_name},
	{"capabilities", 0, tell_capabilities},
};

static void
driver_run(Driver *driver, const char *operation)
{
	g_auto(GStrv) words = g_strsplit(operation, "\t", -1);

	for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
		if (!g_str_equal(words[0], operations[i].name))
			continue;
		g_assert_cmpuint(g_strv_length(words), ==, operations[i].n_words + 1);
		g_ptr_array_add(driver->records, operations[i].begin(driver, words + 1));
		return;
	}
	g_assert_cmpstr(words[0], ==, "wait");
	driver_wait(driver);
}

static Remote *
connect_to(char **argv)
{
	gboolean clear = g_str_equal(argv[5], "-");
	ImapSettings settings = {
		.host = g_strdup(argv[1]),
		.port = (guint16)atoi(argv[2]),
		.user = g_strdup(argv[3]),
		.password = g_strdup(argv[4]),
		.tls = clear ? IMAP_TLS_NONE : IMAP_TLS_IMPLICIT,
		.ca_file = clear ? NULL : g_strdup(argv[5]),
		.n_connections = to_uint(argv[6]),
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
	Driver driver = {.fixture.label = "remote-driver"};

	g_assert_cmpint(argc, >, 6);
	driver.records = g_ptr_array_new_with_free_func((GDestroyNotify)record_free);
	driver.fixture.remote = connect_to(argv);
	for (int i = 7; i < argc; i++) {
		if (g_str_equal(argv[i], "pause"))
			driver_pause(&driver);
		else
			driver_run(&driver, argv[i]);
	}
	driver_wait(&driver);
	imap_remote_free(driver.fixture.remote);
	g_ptr_array_unref(driver.records);
	return 0;
}
