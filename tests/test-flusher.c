/*
 * test-flusher.c: what each kind of change comes to, whatever the server answers.
 */
#include "flusher-fixture.h"
#include "flusher-private.h"

#include <string.h>

#define NEVER_MS 1000000

static FakeMailbox *
mailbox(FlusherFixture *fixture, const char *name)
{
	return fake_mailbox(fixture->fake, name);
}

static void
fill(FlusherFixture *fixture, const char *name, guint n)
{
	for (guint i = 1; i <= n; i++) {
		g_autofree char *text = g_strdup_printf("%s%u", name, i);

		fake_message_add(mailbox(fixture, name), text, 100 + i);
	}
}

static void
check_list(FlusherFixture *fixture, const char *name, const char *wanted)
{
	g_autofree char *list = flusher_fixture_list(fixture, name);

	g_assert_cmpstr(list, ==, wanted);
}

static void
add_transfer(FlusherFixture *fixture, JournalKind kind, guint32 uid)
{
	flusher_fixture_add(fixture, flusher_fixture_transfer(fixture, kind, "A", uid, "B"));
}

static guint
n_asked(const FlusherFixture *fixture, FakeKind kind)
{
	return fixture->fake->n_operations[kind];
}

static void
arm(FlusherFixture *fixture, FakeKind kind, ImapfsError code, gboolean after)
{
	fake_remote_fail(fixture->fake, kind, code, after);
}

/* --- what goes well --- */

static void
test_append(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("new%u", i);

		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", name));
	}
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "new0 new1 new2");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 done 3 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, 3);
	g_assert_cmpuint(journal_entries(fixture->files.journal)->length, ==, 0);
}

static void
test_append_many(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint i = 0; i < 150; i++)
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "same"));
	journal_flush(fixture->files.journal);
	while (!fixture->told->len) {
		g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), <=, 64);
		flusher_fixture_turn(fixture);
	}
	flusher_fixture_run(fixture);
	g_assert_cmpuint(mailbox(fixture, "A")->messages->len, ==, 150);
}

/* A thousand rm are a handful of commands. */
static void
test_remove_many(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 1000);
	for (guint32 uid = 1; uid <= 1000; uid++)
		flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", uid));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "");
	g_assert_cmpuint(mailbox(fixture, "A")->messages->len, ==, 0);
	g_assert_cmpuint(n_asked(fixture, FAKE_STORE), <=, 3);
	g_assert_cmpuint(n_asked(fixture, FAKE_EXPUNGE), <=, 3);
}

static void
test_remove_no_uidplus(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->fake->no_uidplus = TRUE;
	fill(fixture, "A", 2);
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 1));
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 99)); /* gone */
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A2");
	g_assert_cmpuint(mailbox(fixture, "A")->messages->len, ==, 2);
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 ");
}

typedef struct {
	const char *label;
	JournalKind kind;
	gboolean no_move, no_uidplus, hides_uids;
	int unknown; /* -1: the connection breaks before, 1: after; 0: not */
} TransferRow;

static const TransferRow transfers[] = {
	{"move", JOURNAL_MOVE, FALSE, FALSE, FALSE, 0},
	{"move-by-copy", JOURNAL_MOVE, TRUE, FALSE, FALSE, 0},
	{"move-no-uidplus", JOURNAL_MOVE, FALSE, TRUE, FALSE, 0},
	{"move-by-copy-no-uidplus", JOURNAL_MOVE, TRUE, TRUE, FALSE, 0},
	{"move-by-copy-untold", JOURNAL_MOVE, TRUE, FALSE, TRUE, 0},
	{"move-broken-before", JOURNAL_MOVE, FALSE, FALSE, FALSE, -1},
	{"move-broken-after", JOURNAL_MOVE, FALSE, FALSE, FALSE, 1},
	{"move-by-copy-broken-before", JOURNAL_MOVE, TRUE, FALSE, FALSE, -1},
	{"move-by-copy-broken-after", JOURNAL_MOVE, TRUE, FALSE, FALSE, 1},
	{"copy", JOURNAL_COPY, FALSE, FALSE, FALSE, 0},
	{"copy-no-uidplus", JOURNAL_COPY, FALSE, TRUE, FALSE, 0},
	{"copy-broken-before", JOURNAL_COPY, FALSE, FALSE, FALSE, -1},
	{"copy-broken-after", JOURNAL_COPY, FALSE, FALSE, FALSE, 1},
};

static void
test_transfer(FlusherFixture *fixture, gconstpointer data)
{
	const TransferRow *row = data;

	fixture->fake->no_move = row->no_move;
	fixture->fake->no_uidplus = row->no_uidplus;
	fixture->fake->hides_uids = row->hides_uids;
	if (row->unknown)
		arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, row->unknown > 0);
	fill(fixture, "A", 3);
	fill(fixture, "B", 1);
	fake_message_add(mailbox(fixture, "B"), "A1", 101); /* an old twin */
	add_transfer(fixture, row->kind, 1);
	add_transfer(fixture, row->kind, 3);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", row->kind == JOURNAL_MOVE ? "A2" : "A1 A2 A3");
	check_list(fixture, "B", "B1 A1 A1 A3");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, 4);
	if (row->kind == JOURNAL_MOVE && !row->no_uidplus)
		g_assert_cmpuint(mailbox(fixture, "A")->messages->len, ==, 1);
}

/* A set names a message once, however often it is to be copied. */
static void
test_copy_twice(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 1);
	add_transfer(fixture, JOURNAL_COPY, 1);
	add_transfer(fixture, JOURNAL_COPY, 1);
	flusher_fixture_run(fixture);
	check_list(fixture, "B", "A1 A1");
}

static void
test_replaces(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry;

	(void)data;
	fill(fixture, "A", 2);
	fill(fixture, "B", 3);
	entry = flusher_fixture_append(fixture, "B", "new");
	entry->replaces = 2;
	flusher_fixture_add(fixture, entry);
	entry = flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", 1, "B");
	entry->to_uidvalidity = 12;
	entry->replaces = 3;
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A2");
	check_list(fixture, "B", "B1 new A1");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 ");
}

typedef struct {
	const char *label;
	gboolean half; /* what is replaced stays where the connection breaks */
	gboolean hides_uids;
	gboolean gone; /* what is to be replaced, already */
	int unknown;   /* as in TransferRow */
	guint n_stores;
} ReplaceRow;

static const ReplaceRow replacements[] = {
	{"at-once", FALSE, FALSE, FALSE, 0, 0},      {"untold", FALSE, TRUE, FALSE, 0, 0},
	{"gone", FALSE, FALSE, TRUE, 0, 1},          {"broken-before", FALSE, FALSE, FALSE, -1, 0},
	{"broken-after", FALSE, FALSE, FALSE, 1, 1}, {"broken-between", TRUE, FALSE, FALSE, 1, 1},
};

/* By a server with REPLACE. */
static void
test_replace(FlusherFixture *fixture, gconstpointer data)
{
	const ReplaceRow *row = data;
	JournalEntry *entry = flusher_fixture_append(fixture, "A", "new");

	fixture->fake->replaces = TRUE;
	fixture->fake->replaces_half = row->half;
	fixture->fake->hides_uids = row->hides_uids;
	if (row->unknown)
		arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, row->unknown > 0);
	fill(fixture, "A", 3);
	entry->replaces = 2;
	if (row->gone)
		fake_message_expunge(mailbox(fixture, "A"), 2);
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A1 A3 new");
	g_assert_cmpuint(mailbox(fixture, "A")->messages->len, ==, 3);
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, 4);
	g_assert_cmpuint(n_asked(fixture, FAKE_STORE), ==, row->n_stores);
}

/* Nothing is removed for what has failed. */
static void
test_replaces_refused(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry;

	(void)data;
	fill(fixture, "B", 1);
	mailbox(fixture, "B")->refuses = TRUE;
	entry = flusher_fixture_append(fixture, "B", "new");
	entry->replaces = 1;
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	check_list(fixture, "B", "B1");
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:5 ");
}

static void
test_flags(FlusherFixture *fixture, gconstpointer data)
{
	static const char *const flags[] = {"\\Seen", "\\Seen", "refused", "\\Flagged"};

	(void)data;
	fill(fixture, "A", 4);
	for (guint32 uid = 1; uid <= 4; uid++) {
		JournalEntry *entry = flusher_fixture_remove(fixture, "A", uid);

		entry->kind = JOURNAL_FLAGS;
		entry->sign = '+';
		entry->flags = g_strdup(flags[uid - 1]);
		flusher_fixture_add(fixture, entry);
	}
	flusher_fixture_run(fixture);
	g_assert_cmpstr(fake_message(mailbox(fixture, "A"), 2)->flags, ==, "\\Seen");
	g_assert_cmpstr(fake_message(mailbox(fixture, "A"), 4)->flags, ==, "\\Flagged");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 failed 3:3 done 4 ");
}

/* --- mailboxes --- */

/* @unknown: as in TransferRow. */
static void
test_mailboxes(FlusherFixture *fixture, gconstpointer data)
{
	static const FakeKind kinds[] = {FAKE_CREATE, FAKE_RENAME, FAKE_DELETE};
	int unknown = GPOINTER_TO_INT(data) - 1;
	JournalEntry *entry;

	for (guint i = 0; unknown && i < G_N_ELEMENTS(kinds); i++)
		arm(fixture, kinds[i], IMAPFS_ERROR_UNKNOWN, unknown > 0);
	entry = journal_entry_new(JOURNAL_CREATE);
	entry->parent = g_strdup("A");
	entry->delimiter = '/';
	entry->name = g_strdup("New");
	flusher_fixture_add(fixture, entry);
	entry = journal_entry_new(JOURNAL_RENAME);
	entry->mailbox = g_strdup("B");
	entry->to = g_strdup("D");
	flusher_fixture_add(fixture, entry);
	entry = journal_entry_new(JOURNAL_DELETE);
	entry->mailbox = g_strdup("C");
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 done 3 ");
	g_assert_nonnull(mailbox(fixture, "A/New"));
	g_assert_nonnull(mailbox(fixture, "D"));
	g_assert_null(mailbox(fixture, "B"));
	g_assert_null(mailbox(fixture, "C"));
}

static void
test_create_exists(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_CREATE);

	(void)data;
	entry->mailbox = g_strdup("A");
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:4 ");
}

static JournalEntry *
delete_entry(const char *name)
{
	JournalEntry *entry = journal_entry_new(JOURNAL_DELETE);

	entry->mailbox = g_strdup(name);
	return entry;
}

/* Nothing is ever deleted with a mailbox. */
static void
test_delete_filled(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 2);
	flusher_fixture_add(fixture, delete_entry("A"));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A1 A2");
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:16 ");
	g_assert_cmpuint(n_asked(fixture, FAKE_DELETE), ==, 0);
}

/* Nor when it is sent for the second time, and something has come since the first. */
static void
test_delete_filled_later(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	arm(fixture, FAKE_DELETE, IMAPFS_ERROR_UNKNOWN, FALSE);
	flusher_fixture_add(fixture, delete_entry("A"));
	while (!n_asked(fixture, FAKE_LIST))
		flusher_fixture_turn(fixture);
	fill(fixture, "A", 1);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A1");
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:16 ");
	g_assert_cmpuint(n_asked(fixture, FAKE_DELETE), ==, 1);
}

static void
test_delete_another(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry = delete_entry("A");

	(void)data;
	entry->uidvalidity = 10;
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	g_assert_nonnull(mailbox(fixture, "A"));
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:2 ");
}

/* Only a level above others. */
static void
test_delete_level(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	mailbox(fixture, "A")->unselectable = TRUE;
	flusher_fixture_add(fixture, delete_entry("A"));
	flusher_fixture_run(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
	g_assert_cmpuint(n_asked(fixture, FAKE_DELETE), ==, 1);
}

static void
test_delete_offline(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	arm(fixture, FAKE_UIDS, IMAPFS_ERROR_OFFLINE, 0);
	flusher_fixture_add(fixture, delete_entry("A"));
	flusher_fixture_run(fixture);
	g_assert_null(mailbox(fixture, "A"));
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
	g_assert_cmpuint(n_asked(fixture, FAKE_UIDS), ==, 2);
}

/* --- what goes wrong --- */

static void
test_append_unknown(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	for (guint after = 0; after <= 1; after++) {
		arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, after);
		for (guint i = 0; i < 3; i++) /* twins */
			flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "twin"));
		flusher_fixture_run(fixture);
		g_assert_cmpuint(mailbox(fixture, "A")->messages->len, ==, 3 + 3 * after);
	}
	g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), ==, 3 + 1 + 3);
}

/* The server gets to it only after the first look, in which there is something else that is new. */
static void
test_append_late(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->flusher->settings.late_ms = NEVER_MS;
	arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, 0);
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "new"));
	while (!n_asked(fixture, FAKE_APPEND))
		flusher_fixture_turn(fixture);
	fake_message_add(mailbox(fixture, "A"), "other", 105);
	while (n_asked(fixture, FAKE_SCAN) < 3)
		flusher_fixture_turn(fixture);
	fake_message_add(mailbox(fixture, "A"), "new", strlen("new\r\n"));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "other new");
	g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), ==, 1);
	g_assert_cmpuint(fixture->last_new_uid, ==, 2);
}

/* A server that is slow to show what there is may be as slow to do it. */
static void
test_append_slow(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->flusher->settings.late_ms = 1;
	arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, 0);
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "new"));
	while (!n_asked(fixture, FAKE_SCAN))
		flusher_fixture_turn(fixture);
	g_usleep(300000);
	while (n_asked(fixture, FAKE_SCAN) < 2)
		flusher_fixture_turn(fixture);
	fake_message_add(mailbox(fixture, "A"), "new", strlen("new\r\n"));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "new");
	g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), ==, 1);
}

/* Of two that are alike one was answered, but not where it is, and of the other nobody knows. The
 * server shows the former when there is something else that is new. */
static void
test_twin_late(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->fake->hides_uids = TRUE;
	fixture->flusher->settings.late_ms = 20;
	fixture->flusher->settings.gather_ms = 50;
	arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, 0);
	for (guint i = 0; i < 2; i++)
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "twin"));
	fixture->fake->scan_omits = 1;
	while (!mailbox(fixture, "A")->messages->len)
		flusher_fixture_turn(fixture);
	fake_message_add(mailbox(fixture, "A"), "other", 50);
	while (n_asked(fixture, FAKE_SCAN) < 2)
		flusher_fixture_turn(fixture);
	fixture->fake->scan_omits = 0;
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "twin other twin");
}

static void
await_queued_again(FlusherFixture *fixture)
{
	while (!n_asked(fixture, FAKE_SCAN) ||
	       flusher_head(fixture->flusher)->state != JOURNAL_QUEUED)
		flusher_fixture_turn(fixture);
}

enum { LATE_KILLED, LATE_ANSWERED, LATE_BROKEN, N_LATE }; /* in memory, but for the first */
static const char *const late_labels[N_LATE] = {"killed", "answered", "broken"};

/* ... or not before it is about to be sent again: that finds nothing to be moved. */
static void
test_move_late(FlusherFixture *fixture, gconstpointer data)
{
	guint way = GPOINTER_TO_UINT(data);

	arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, 0);
	fill(fixture, "A", 2);
	fill(fixture, "B", 1);
	fake_message_add(mailbox(fixture, "B"), "A1", 101); /* an old twin */
	add_transfer(fixture, JOURNAL_MOVE, 1);
	await_queued_again(fixture);
	fake_message_expunge(mailbox(fixture, "A"), 1);
	fake_message_add(mailbox(fixture, "B"), "A1", 101);
	if (way == LATE_BROKEN)
		arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, 0);
	if (way == LATE_KILLED)
		flusher_fixture_kill(fixture);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A2");
	check_list(fixture, "B", "B1 A1 A1");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, 3);
	g_assert_cmpuint(n_asked(fixture, FAKE_TRANSFER), ==, 2);
}

/* ... of which the second was not sent. */
static void
test_move_late_twice(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, 0);
	fill(fixture, "A", 2);
	fill(fixture, "B", 1);
	add_transfer(fixture, JOURNAL_MOVE, 1);
	await_queued_again(fixture);
	arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_OFFLINE, 0);
	while (n_asked(fixture, FAKE_TRANSFER) < 2 ||
	       flusher_head(fixture->flusher)->state != JOURNAL_QUEUED)
		flusher_fixture_turn(fixture);
	fake_message_expunge(mailbox(fixture, "A"), 1);
	fake_message_add(mailbox(fixture, "B"), "A1", 101);
	flusher_fixture_run(fixture);
	check_list(fixture, "B", "B1 A1");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
}

/* Nobody can tell then, so it is not said to be done. */
static void
test_move_unknown_mailbox_gone(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, 0);
	fill(fixture, "A", 1);
	add_transfer(fixture, JOURNAL_MOVE, 1);
	while (!n_asked(fixture, FAKE_TRANSFER))
		flusher_fixture_turn(fixture);
	while (!n_asked(fixture, FAKE_SCAN)) /* it has been answered */
		flusher_fixture_turn(fixture);
	fake_mailbox_remove(fixture->fake, "A");
	flusher_fixture_run(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:2 ");
}

/* OK, but not where: it is looked for. */
static void
test_append_untold(FlusherFixture *fixture, gconstpointer data)
{
	fixture->fake->no_uidplus = data != NULL;
	fixture->fake->hides_uids = TRUE;
	fill(fixture, "A", 1);
	fake_message_add(mailbox(fixture, "A"), "twin", 6);
	for (guint i = 0; i < 3; i++)
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "twin"));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A1 twin twin twin twin");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 done 3 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, 5);
	g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), ==, 3);
}

/* The server does not show it at once, or never. */
static void
test_append_untold_late(FlusherFixture *fixture, gconstpointer data)
{
	gboolean never = data != NULL;

	fixture->fake->hides_uids = TRUE;
	fixture->fake->scan_omits = 1;
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "new"));
	while (n_asked(fixture, FAKE_SCAN) < 2)
		flusher_fixture_turn(fixture);
	if (!never)
		fixture->fake->scan_omits = 0;
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "new");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, never ? 0 : 1);
	g_assert_cmpuint(n_asked(fixture, FAKE_SCAN), ==, never ? 3 : 2);
	g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), ==, 1);
}

/* Nor may it be looked at. */
static void
test_append_untold_unseen(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry = flusher_fixture_append(fixture, "A", "new");

	(void)data;
	fixture->fake->hides_uids = TRUE;
	fill(fixture, "A", 1);
	arm(fixture, FAKE_SCAN, IMAPFS_ERROR_DENIED, 0);
	entry->replaces = 1;
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "new");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
	g_assert_cmpuint(fixture->last_new_uid, ==, 0);
}

/* One that was answered and one that was not: what is there is the former's. */
static void
test_append_untold_twin(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->fake->hides_uids = TRUE;
	arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, FALSE);
	for (guint i = 0; i < 2; i++)
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "twin"));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "twin twin");
	g_assert_cmpstr(fixture->told->str, ==, "done 2 done 1 ");
}

/* --- what is like what --- */

typedef struct {
	const char *label;
	JournalKind kind;   /* of a message from A to B; or APPEND to B */
	const char *name;   /* of it; its header */
	const char *other;  /* of one of the same size that somebody else puts into B; or NULL */
	gboolean keyless;   /* the entry has no content key */
	gboolean after;     /* the connection breaks after it is carried out */
	const char *wanted; /* in B */
} LikeRow;

static const LikeRow likes[] = {
	{"append", JOURNAL_APPEND, "mine", "else", FALSE, FALSE, "else mine"},
	{"append-after", JOURNAL_APPEND, "mine", "else", FALSE, TRUE, "mine else"},
	{"append-bare", JOURNAL_APPEND, "bare", "else", TRUE, FALSE, "else bare"},
	{"append-bare-after", JOURNAL_APPEND, "bare", "else", TRUE, TRUE, "bare else"},
	{"append-others-bare", JOURNAL_APPEND, "mine", "bare", FALSE, FALSE, "bare mine"},
	{"move", JOURNAL_MOVE, "mine", "else", FALSE, FALSE, "else mine"},
	{"move-others-bare", JOURNAL_MOVE, "mine", "bare", FALSE, FALSE, "bare mine"},
	{"move-keyless", JOURNAL_MOVE, "mine", "else", TRUE, FALSE, "else mine"},
	{"move-keyless-after", JOURNAL_MOVE, "mine", "else", TRUE, TRUE, "mine else"},
	{"move-keyless-alone", JOURNAL_MOVE, "mine", NULL, TRUE, FALSE, "mine"},
	{"move-bare", JOURNAL_MOVE, "bare", "bars", TRUE, FALSE, "bars bare"},
	{"move-bare-after", JOURNAL_MOVE, "bare", NULL, TRUE, TRUE, "bare bare"},
	{"copy-keyless", JOURNAL_COPY, "mine", "else", TRUE, FALSE, "else mine"},
	{"copy-keyless-after", JOURNAL_COPY, "mine", "else", TRUE, TRUE, "mine else"},
};

/* The server only copies, so what is taken for a copy costs the message. */
static void
test_like(FlusherFixture *fixture, gconstpointer data)
{
	const LikeRow *row = data;
	JournalEntry *entry;
	FakeKind kind = row->kind == JOURNAL_APPEND ? FAKE_APPEND : FAKE_TRANSFER;

	fixture->fake->no_move = TRUE;
	arm(fixture, kind, IMAPFS_ERROR_UNKNOWN, row->after);
	fake_message_add(mailbox(fixture, "A"), row->name, 6);
	entry = row->kind == JOURNAL_APPEND
	                ? flusher_fixture_append(fixture, "B", row->name)
	                : flusher_fixture_transfer(fixture, row->kind, "A", 1, "B");
	if (row->keyless)
		entry->content_key = 0;
	flusher_fixture_add(fixture, entry);
	while (!n_asked(fixture, FAKE_SCAN))
		flusher_fixture_turn(fixture);
	if (row->other)
		fake_message_add(mailbox(fixture, "B"), row->other, 6);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", row->kind == JOURNAL_MOVE ? "" : row->name);
	check_list(fixture, "B", row->wanted);
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
}

/* The header cannot be read now: later. */
static void
test_like_offline(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry;

	(void)data;
	fixture->fake->no_move = TRUE;
	arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, TRUE);
	fill(fixture, "A", 1);
	entry = flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", 1, "B");
	entry->content_key = 0;
	flusher_fixture_add(fixture, entry);
	while (n_asked(fixture, FAKE_SCAN) < 2)
		flusher_fixture_turn(fixture);
	arm(fixture, FAKE_SCAN, IMAPFS_ERROR_OFFLINE, 0);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "");
	check_list(fixture, "B", "A1");
	g_assert_cmpuint(n_asked(fixture, FAKE_SCAN), ==, 4);
}

/* The owner's word is older than what was put there. */
static void
test_old_bound(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->uidnext_true = FALSE;
	fixture->uidnext = 1;
	for (guint i = 0; i < 2; i++) {
		fixture->fake->no_uidplus = i;
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "twin"));
		flusher_fixture_run(fixture);
		arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, FALSE);
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "twin"));
		flusher_fixture_run(fixture);
	}
	check_list(fixture, "A", "twin twin twin twin");
}

/* What was known of a mailbox is not true of the next one with its name. */
static void
test_made_again(FlusherFixture *fixture, gconstpointer data)
{
	static const JournalKind kinds[] = {JOURNAL_DELETE, JOURNAL_CREATE};
	JournalEntry *entry;

	(void)data;
	for (guint i = 0; i < 3; i++)
		flusher_fixture_add(fixture, flusher_fixture_append(fixture, "B", "twin"));
	for (guint32 uid = 1; uid <= 3; uid++)
		flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "B", uid));
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		entry = journal_entry_new(kinds[i]);
		entry->mailbox = g_strdup("B");
		flusher_fixture_add(fixture, entry);
	}
	flusher_fixture_run(fixture);
	arm(fixture, FAKE_APPEND, IMAPFS_ERROR_UNKNOWN, TRUE);
	entry = flusher_fixture_append(fixture, "B", "twin");
	entry->to_uidvalidity = 0;
	flusher_fixture_add(fixture, entry);
	flusher_fixture_run(fixture);
	check_list(fixture, "B", "twin");
}

/* It is given up some time, rather than sent for ever, and not before the line has had its time: each
 * attempt but the first waits for longer. */
static void
test_never_found(FlusherFixture *fixture, gconstpointer data)
{
	gint64 began_us = g_get_monotonic_time();

	fixture->flusher->settings.late_ms = data ? 1 : 0;
	fixture->fake->unknown_percent = 100;
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "x"));
	g_random_set_seed(1);
	while (!fixture->told->len) {
		FakeMailbox *box = mailbox(fixture, "A");

		flusher_fixture_turn(fixture);
		while (box->messages->len) /* somebody else takes it away at once */
			g_ptr_array_remove_index(box->messages, 0);
	}
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:0 ");
	g_assert_cmpuint(n_asked(fixture, FAKE_APPEND), ==, 10);
	g_assert_cmpint(g_get_monotonic_time() - began_us, >, 8 * 2000);
}

static void
test_guilty(FlusherFixture *fixture, gconstpointer data)
{
	fixture->fake->no_uidplus = data != NULL;
	fill(fixture, "A", 5);
	fake_message(mailbox(fixture, "A"), 3)->refusal = IMAPFS_ERROR_DENIED;
	for (guint32 uid = 1; uid <= 5; uid++)
		add_transfer(fixture, JOURNAL_MOVE, uid);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A3");
	check_list(fixture, "B", "A1 A2 A4 A5");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 failed 3:3 done 4 done 5 ");
	g_assert_cmpuint(journal_entries(fixture->files.journal)->length, ==, 1);
}

static void
test_gone(FlusherFixture *fixture, gconstpointer data)
{
	fixture->fake->no_uidplus = data != NULL;
	fill(fixture, "A", 3);
	for (guint32 uid = 1; uid <= 3; uid++)
		add_transfer(fixture, JOURNAL_MOVE, uid);
	add_transfer(fixture, JOURNAL_COPY, 2);
	fake_message_expunge(mailbox(fixture, "A"), 2);
	flusher_fixture_run(fixture);
	check_list(fixture, "B", "A1 A3");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 failed 2:2 done 3 failed 4:2 ");
}

static void
test_stale(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 3);
	add_transfer(fixture, JOURNAL_MOVE, 1);
	add_transfer(fixture, JOURNAL_MOVE, 2);
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 3));
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "new"));
	mailbox(fixture, "A")->uidvalidity = 99;
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A1 A2 A3");
	g_assert_cmpstr(fixture->told->str, ==, "failed 1:2 failed 2:2 failed 3:2 failed 4:2 ");
	g_assert_cmpuint(n_asked(fixture, FAKE_TRANSFER), ==, 1);
}

static void
test_nonsense(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 1);
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 0));
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 1));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "");
	g_assert_cmpint((int)fixture->told->len, >, 0);
	g_assert_nonnull(strstr(fixture->told->str, "failed 1:12 "));
}

/* Order is kept while nothing can be sent. */
static void
test_offline(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 2);
	fixture->fake->offline = TRUE;
	add_transfer(fixture, JOURNAL_MOVE, 1);
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 2));
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "new"));
	while (fixture->n_waits < 5)
		flusher_fixture_turn(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "");
	fixture->fake->offline = FALSE;
	flusher_kick(fixture->flusher);
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "new");
	check_list(fixture, "B", "A1");
	g_assert_cmpstr(fixture->told->str, ==, "done 1 done 2 done 3 ");
}

static void
wake(Waiter *waiter, const GError *error)
{
	(void)waiter;
	g_assert_no_error(error);
}

static void
test_wait(FlusherFixture *fixture, gconstpointer data)
{
	Waiter waiter = {.wake = wake};
	guint64 until;

	(void)data;
	fill(fixture, "A", 2);
	g_assert_cmpint((int)flusher_wait(fixture->flusher, 0, &waiter), ==, CACHE_READY);
	add_transfer(fixture, JOURNAL_MOVE, 1);
	journal_flush(fixture->files.journal);
	until = journal_last_id(fixture->files.journal);
	g_assert_false(flusher_is_idle(fixture->flusher));
	flusher_fixture_add(fixture, flusher_fixture_remove(fixture, "A", 2));
	while (flusher_wait(fixture->flusher, until, &waiter) == CACHE_PARKED)
		while (waiter.queue)
			flusher_fixture_turn(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "done 1 ");
}

/* Who waits hears at once that it may take long. */
static void
test_wait_offline(FlusherFixture *fixture, gconstpointer data)
{
	FakeKind kind = data ? FAKE_SCAN : FAKE_TRANSFER;
	Waiter waiter = {.wake = wake};

	fill(fixture, "A", 1);
	if (data) /* while it is looked for */
		arm(fixture, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, TRUE);
	arm(fixture, kind, IMAPFS_ERROR_OFFLINE, 0);
	add_transfer(fixture, JOURNAL_MOVE, 1);
	journal_flush(fixture->files.journal);
	g_assert_cmpint((int)flusher_wait(fixture->flusher, 1, &waiter), ==, CACHE_PARKED);
	while (waiter.queue)
		flusher_fixture_turn(fixture);
	g_assert_true(flusher_is_waiting(fixture->flusher));
	g_assert_cmpuint(fixture->n_waits, ==, 1);
	flusher_fixture_run(fixture);
	g_assert_false(flusher_is_waiting(fixture->flusher));
	check_list(fixture, "B", "A1");
}

/* To look once more is no waiting. */
static void
test_wait_look(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->fake->hides_uids = TRUE;
	fixture->fake->scan_omits = 1;
	flusher_fixture_add(fixture, flusher_fixture_append(fixture, "A", "new"));
	flusher_fixture_run(fixture);
	g_assert_cmpuint(n_asked(fixture, FAKE_SCAN), ==, 3);
	g_assert_cmpuint(fixture->n_waits, ==, 0);
}

static void
test_cancel(FlusherFixture *fixture, gconstpointer data)
{
	JournalEntry *entry;

	(void)data;
	fill(fixture, "A", 2);
	entry = journal_fixture_add(&fixture->files,
	                            flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", 1, "B"));
	g_assert_false(flusher_is_sent(fixture->flusher, entry));
	g_assert_true(flusher_cancel(fixture->flusher, entry));
	g_assert_true(flusher_is_idle(fixture->flusher));
	entry = journal_fixture_add(&fixture->files,
	                            flusher_fixture_transfer(fixture, JOURNAL_MOVE, "A", 2, "B"));
	while (!n_asked(fixture, FAKE_TRANSFER))
		g_main_context_iteration(NULL, TRUE);
	g_assert_true(flusher_is_sent(fixture->flusher, entry));
	g_assert_false(flusher_cancel(fixture->flusher, entry));
	flusher_fixture_run(fixture);
	check_list(fixture, "A", "A1");
	check_list(fixture, "B", "A2");
}

static void
test_stop(FlusherFixture *fixture, gconstpointer data)
{
	(void)data;
	fill(fixture, "A", 1);
	add_transfer(fixture, JOURNAL_MOVE, 1);
	journal_flush(fixture->files.journal);
	flusher_stop(fixture->flusher);
	for (guint n = 0; n < 1000; n++)
		flusher_fixture_turn(fixture);
	check_list(fixture, "A", "A1");
	g_assert_cmpuint(n_asked(fixture, FAKE_TRANSFER), ==, 0);
	g_assert_false(flusher_is_idle(fixture->flusher));
}

/* --- killed --- */

/* At each turn of the way once. */
static void
test_kill_anywhere(gconstpointer data)
{
	gboolean no_move = data != NULL;

	for (guint when = 0; when < 40; when++) {
		FlusherFixture fixture = {0};
		JournalEntry *entry;

		flusher_fixture_set_up(&fixture, NULL);
		fixture.fake->no_move = no_move;
		fill(&fixture, "A", 2);
		fill(&fixture, "B", 1);
		add_transfer(&fixture, JOURNAL_MOVE, 1);
		entry = flusher_fixture_append(&fixture, "B", "new");
		entry->replaces = 1;
		flusher_fixture_add(&fixture, entry);
		journal_flush(fixture.files.journal);
		for (guint n = 0; n < when; n++)
			if (!flusher_fixture_turn(&fixture))
				g_usleep(200);
		flusher_fixture_kill(&fixture);
		flusher_fixture_run(&fixture);
		check_list(&fixture, "A", "A2");
		check_list(&fixture, "B", "A1 new");
		flusher_fixture_tear_down(&fixture, NULL);
	}
}

static void
add(const char *name, void (*test)(FlusherFixture *, gconstpointer), gconstpointer data)
{
	g_autofree char *path = g_strconcat("/flusher/", name, NULL);

	g_test_add(path, FlusherFixture, data, flusher_fixture_set_up, test,
	           flusher_fixture_tear_down);
}

static void
add_all(void)
{
	add("append", test_append, NULL);
	add("append-many", test_append_many, NULL);
	add("remove-many", test_remove_many, NULL);
	add("remove-no-uidplus", test_remove_no_uidplus, NULL);
	add("copy-twice", test_copy_twice, NULL);
	add("replaces", test_replaces, NULL);
	add("replaces-refused", test_replaces_refused, NULL);
	add("flags", test_flags, NULL);
	add("mailboxes", test_mailboxes, GINT_TO_POINTER(1));
	add("mailboxes-broken-before", test_mailboxes, GINT_TO_POINTER(0));
	add("mailboxes-broken-after", test_mailboxes, GINT_TO_POINTER(2));
	add("create-exists", test_create_exists, NULL);
	add("delete-filled", test_delete_filled, NULL);
	add("delete-filled-later", test_delete_filled_later, NULL);
	add("delete-another", test_delete_another, NULL);
	add("delete-level", test_delete_level, NULL);
	add("delete-offline", test_delete_offline, NULL);
	add("append-unknown", test_append_unknown, NULL);
	add("append-late", test_append_late, NULL);
	add("append-slow", test_append_slow, NULL);
	add("twin-late", test_twin_late, NULL);
	add("move-late/twice", test_move_late_twice, NULL);
	add("move-unknown-mailbox-gone", test_move_unknown_mailbox_gone, NULL);
	for (guint i = 0; i < N_LATE; i++) {
		g_autofree char *name = g_strconcat("move-late/", late_labels[i], NULL);

		add(name, test_move_late, GUINT_TO_POINTER(i));
	}
	add("append-untold", test_append_untold, NULL);
	add("append-untold-no-uidplus", test_append_untold, "no");
	add("append-untold-late", test_append_untold_late, NULL);
	add("append-untold-never", test_append_untold_late, "never");
	add("append-untold-unseen", test_append_untold_unseen, NULL);
	add("append-untold-twin", test_append_untold_twin, NULL);
	add("like-offline", test_like_offline, NULL);
	add("old-bound", test_old_bound, NULL);
	add("made-again", test_made_again, NULL);
	add("never-found", test_never_found, NULL);
	add("never-found/late", test_never_found, GINT_TO_POINTER(1));
	add("guilty", test_guilty, NULL);
	add("guilty-no-uidplus", test_guilty, "no");
	add("gone", test_gone, NULL);
	add("gone-no-uidplus", test_gone, "no");
	add("stale", test_stale, NULL);
	add("nonsense", test_nonsense, NULL);
	add("offline", test_offline, NULL);
	add("wait", test_wait, NULL);
	add("wait-offline", test_wait_offline, NULL);
	add("wait-offline-look", test_wait_offline, "look");
	add("wait-look", test_wait_look, NULL);
	add("cancel", test_cancel, NULL);
	add("stop", test_stop, NULL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_all();
	for (guint i = 0; i < G_N_ELEMENTS(transfers); i++)
		add(transfers[i].label, test_transfer, &transfers[i]);
	for (guint i = 0; i < G_N_ELEMENTS(replacements); i++) {
		g_autofree char *name = g_strconcat("replace-", replacements[i].label, NULL);

		add(name, test_replace, &replacements[i]);
	}
	for (guint i = 0; i < G_N_ELEMENTS(likes); i++) {
		g_autofree char *name = g_strconcat("like-", likes[i].label, NULL);

		add(name, test_like, &likes[i]);
	}
	g_test_add_data_func("/flusher/kill-anywhere", NULL, test_kill_anywhere);
	g_test_add_data_func("/flusher/kill-anywhere-no-move", "no", test_kill_anywhere);
	return g_test_run();
}
