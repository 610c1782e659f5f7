/*
 * test-changes.c: messages and drafts that have been changed, until the server has carried it out.
 */
#include "changes-fixture.h"

#include "draft.h"

#include <string.h>

static void
check_id(Fixture *fixture, guint64 id, const char *path)
{
	Mailbox *mailbox = NULL;
	const Message *message = account_message(fixture->account, id, &mailbox);
	g_autofree char *name = g_path_get_basename(path);

	g_assert_nonnull(message);
	g_assert_nonnull(mailbox);
	g_assert_cmpstr(message->name, ==, name);
	g_assert_true(g_str_has_prefix(path, mailbox_file_name(mailbox)));
}

/* --- single changes --- */

static void
test_remove(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	g_assert_cmpint(change_remove(fixture, "A/m2.eml"), ==, DONE);
	changes_check(fixture, "A", "m1.eml m3.eml");
	changes_check_server(fixture, "A", "m1 m2 m3");
	g_assert_cmpint(change_remove(fixture, "A/m2.eml"), ==, IMAPFS_ERROR_NOT_FOUND);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "m1 m3");
	changes_check(fixture, "A", "m1.eml m3.eml");
	changes_refresh(fixture, "A");
	changes_check(fixture, "A", "m1.eml m3.eml");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_EXPUNGE], ==, 1);
	g_assert_cmpstr(fixture->came->str, ==, "");
}

static void
test_nothing_there(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	g_assert_cmpint(change_remove(fixture, "A"), ==, IMAPFS_ERROR_NOT_PERMITTED);
	g_assert_cmpint(change_remove(fixture, "x.eml"), ==, IMAPFS_ERROR_NOT_FOUND);
}

static const struct {
	const char *label, *from, *to;
	gboolean no_replace;
	int code;
	const char *a, *b; /* what is shown at once */
	const char *server_a, *server_b;
} renames[] = {
	{"across", "A/m1.eml", "B/m1.eml", FALSE, DONE, "m2.eml m3.eml", "n1.eml +m1.eml", "m2 m3",
         "m1 n1"},
	{"across-other-name", "A/m1.eml", "B/x.eml", FALSE, DONE, "m2.eml m3.eml", "n1.eml +x.eml",
         "m2 m3", "m1 n1"},
	{"across-new", "A/m1.eml", "B/x.eml", TRUE, DONE, "m2.eml m3.eml", "n1.eml +x.eml", "m2 m3",
         "m1 n1"},
	{"within", "A/m1.eml", "A/x.eml", FALSE, DONE, "x.eml m2.eml m3.eml", "n1.eml", "m1 m2 m3",
         "n1"},
	{"over", "A/m1.eml", "B/n1.eml", FALSE, DONE, "m2.eml m3.eml", "+n1.eml", "m2 m3", "m1"},
	{"over-within", "A/m1.eml", "A/m2.eml", FALSE, DONE, "m2.eml m3.eml", "n1.eml", "m1 m3",
         "n1"},
	{"not-over", "A/m1.eml", "B/n1.eml", TRUE, IMAPFS_ERROR_EXISTS, "m1.eml m2.eml m3.eml",
         "n1.eml", "m1 m2 m3", "n1"},
	{"not-over-within", "A/m1.eml", "A/m2.eml", TRUE, IMAPFS_ERROR_EXISTS,
         "m1.eml m2.eml m3.eml", "n1.eml", "m1 m2 m3", "n1"},
	{"same", "A/m1.eml", "A/m1.eml", FALSE, DONE, "m1.eml m2.eml m3.eml", "n1.eml", "m1 m2 m3",
         "n1"},
	{"missing", "A/x.eml", "B/x.eml", FALSE, IMAPFS_ERROR_NOT_FOUND, "m1.eml m2.eml m3.eml",
         "n1.eml", "m1 m2 m3", "n1"},
	{"to-the-top", "A/m1.eml", "m1.eml", FALSE, IMAPFS_ERROR_DENIED, "m1.eml m2.eml m3.eml",
         "n1.eml", "m1 m2 m3", "n1"},
	{"over-a-mailbox", "A/m1.eml", "B", FALSE, IMAPFS_ERROR_DENIED, "m1.eml m2.eml m3.eml",
         "n1.eml", "m1 m2 m3", "n1"},
	{"no-name", "A/m1.eml", "B/a\nb", FALSE, IMAPFS_ERROR_USAGE, "m1.eml m2.eml m3.eml",
         "n1.eml", "m1 m2 m3", "n1"},
};

static void
test_rename(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, renames[row].from);
	int code = renames[row].no_replace
	                   ? change_rename_new(fixture, renames[row].from, renames[row].to)
	                   : change_rename(fixture, renames[row].from, renames[row].to);

	g_assert_cmpint(code, ==, renames[row].code);
	for (guint round = 0; round < 2; round++) {
		changes_check(fixture, "A", renames[row].a);
		changes_check(fixture, "B", renames[row].b);
		if (code == DONE)
			check_id(fixture, id, renames[row].to);
		if (!round)
			changes_commit(fixture);
	}
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", renames[row].server_a);
	changes_check_server(fixture, "B", renames[row].server_b);
	changes_refresh(fixture, "A");
	changes_refresh(fixture, "B");
	changes_check(fixture, "A", renames[row].a);
	if (code == DONE)
		check_id(fixture, id, renames[row].to);
	g_assert_cmpstr(fixture->gone->str, ==, "");
	g_assert_cmpstr(fixture->came->str, ==, "");
}

/* --- one after the other --- */

/* Of what changes_step() takes. */
static const struct {
	const char *label, *steps;
	const char *a, *b, *c; /* in the end */
	const char *server_a, *server_b, *server_c;
	int n_transfers; /* when nothing was sent in between; -1: any */
} sequences[] = {
	{"home", "A/m1.eml>B/m1.eml B/m1.eml>A/m1.eml", "m1.eml m2.eml m3.eml", "n1.eml", "c1.eml",
         "m1 m2 m3", "n1", "c1", 0},
	{"home-other-name", "A/m1.eml>B/m1.eml B/m1.eml>A/x.eml", "m2.eml m3.eml x.eml", "n1.eml",
         "c1.eml", "m1 m2 m3", "n1", "c1", 0},
	{"home-over-other", "A/m1.eml>B/m1.eml B/m1.eml>A/m2.eml", "m2.eml m3.eml", "n1.eml",
         "c1.eml", "m1 m3", "n1", "c1", 0},
	{"home-over-its-own-successor", "A/m1.eml>B/m1.eml A/m2.eml>A/m1.eml B/m1.eml>A/m1.eml",
         "m1.eml m3.eml", "n1.eml", "c1.eml", "m1 m3", "n1", "c1", 0},
	{"onward", "A/m1.eml>B/m1.eml B/m1.eml>C/m1.eml", "m2.eml m3.eml", "n1.eml",
         "c1.eml m1.eml", "m2 m3", "n1", "c1 m1", 1},
	{"onward-over", "A/m1.eml>B/m1.eml B/m1.eml>C/c1.eml", "m2.eml m3.eml", "n1.eml", "c1.eml",
         "m2 m3", "n1", "m1", 1},
	{"over-and-onward", "A/m1.eml>B/n1.eml B/n1.eml>C/m1.eml", "m2.eml m3.eml", "",
         "c1.eml m1.eml", "m2 m3", "", "c1 m1", 1},
	{"over-and-home", "A/m1.eml>B/n1.eml B/n1.eml>A/m1.eml", "m1.eml m2.eml m3.eml", "",
         "c1.eml", "m1 m2 m3", "", "c1", 0},
	{"over-and-over", "A/m1.eml>B/n1.eml A/m2.eml>B/n1.eml", "m3.eml", "n1.eml", "c1.eml", "m3",
         "m2", "c1", 1},
	{"over-an-arrival", "A/m1.eml>B/x.eml A/m2.eml>B/x.eml", "m3.eml", "n1.eml x.eml", "c1.eml",
         "m3", "m2 n1", "c1", 1},
	{"renamed-where-it-goes", "A/m1.eml>B/m1.eml B/m1.eml>B/y.eml", "m2.eml m3.eml",
         "n1.eml y.eml", "c1.eml", "m2 m3", "m1 n1", "c1", 1},
	{"renamed-over-where-it-goes", "A/m1.eml>B/m1.eml B/m1.eml>B/n1.eml", "m2.eml m3.eml",
         "n1.eml", "c1.eml", "m2 m3", "m1", "c1", 1},
	{"renamed-first", "A/m1.eml>A/x.eml A/x.eml>B/x.eml", "m2.eml m3.eml", "n1.eml x.eml",
         "c1.eml", "m2 m3", "m1 n1", "c1", 1},
	{"removed-on-its-way", "A/m1.eml>B/m1.eml -B/m1.eml", "m2.eml m3.eml", "n1.eml", "c1.eml",
         "m2 m3", "n1", "c1", 0},
	{"over-and-removed", "A/m1.eml>B/n1.eml -B/n1.eml", "m2.eml m3.eml", "", "c1.eml", "m2 m3",
         "", "c1", 0},
	{"swapped", "A/m1.eml>A/t A/m2.eml>A/m1.eml A/t>A/m2.eml", "m1.eml m2.eml m3.eml", "n1.eml",
         "c1.eml", "m1 m2 m3", "n1", "c1", 0},
	{"exchanged", "A/m1.eml>B/t B/n1.eml>A/m1.eml B/t>B/n1.eml", "m1.eml m2.eml m3.eml",
         "n1.eml", "c1.eml", "m2 m3 n1", "m1", "c1", 2},
	{"place-of-one-that-left", "A/m1.eml>B/m1.eml A/m2.eml>A/m1.eml", "m1.eml m3.eml",
         "m1.eml n1.eml", "c1.eml", "m2 m3", "m1 n1", "c1", 1},
	{"place-of-one-removed", "-A/m1.eml A/m2.eml>A/m1.eml", "m1.eml m3.eml", "n1.eml", "c1.eml",
         "m2 m3", "n1", "c1", 0},
	{"saved", "+A/new.eml", "m1.eml m2.eml m3.eml new.eml", "n1.eml", "c1.eml",
         "Subject: new m1 m2 m3", "n1", "c1", 0},
	{"saved-and-removed", "+A/new.eml -A/new.eml", "m1.eml m2.eml m3.eml", "n1.eml", "c1.eml",
         "m1 m2 m3", "n1", "c1", 0},
	{"saved-and-moved", "+A/new.eml A/new.eml>B/new.eml", "m1.eml m2.eml m3.eml",
         "n1.eml new.eml", "c1.eml", "m1 m2 m3", "Subject: new n1", "c1", 0},
	{"saved-and-moved-there-and-back", "+A/new.eml A/new.eml>B/new.eml B/new.eml>A/new.eml",
         "m1.eml m2.eml m3.eml new.eml", "n1.eml", "c1.eml", "Subject: new m1 m2 m3", "n1", "c1",
         0},
	{"saved-twice", "+A/new.eml +A/new.eml", "m1.eml m2.eml m3.eml new.eml", "n1.eml", "c1.eml",
         "Subject: new m1 m2 m3", "n1", "c1", 0},
	{"saved-over", "+A/m1.eml", "m1.eml m2.eml m3.eml", "n1.eml", "c1.eml", "Subject: m1 m2 m3",
         "n1", "c1", 0},
	{"saved-over-twice", "+A/m1.eml +A/m1.eml", "m1.eml m2.eml m3.eml", "n1.eml", "c1.eml",
         "Subject: m1 m2 m3", "n1", "c1", 0},
	{"saved-over-and-removed", "+A/m1.eml -A/m1.eml", "m2.eml m3.eml", "n1.eml", "c1.eml",
         "m2 m3", "n1", "c1", 0},
	{"saved-over-and-moved", "+A/m1.eml A/m1.eml>B/m1.eml", "m2.eml m3.eml", "m1.eml n1.eml",
         "c1.eml", "m2 m3", "Subject: m1 n1", "c1", 0},
	{"saved-over-and-moved-over", "+A/m1.eml A/m1.eml>B/n1.eml", "m2.eml m3.eml", "n1.eml",
         "c1.eml", "m2 m3", "Subject: m1", "c1", 0},
	{"moved-and-saved-over", "A/m1.eml>B/m1.eml +B/m1.eml", "m2.eml m3.eml", "m1.eml n1.eml",
         "c1.eml", "m2 m3", "Subject: m1 n1", "c1", 0},
	{"moved-over-and-saved-over", "A/m1.eml>B/n1.eml +B/n1.eml", "m2.eml m3.eml", "n1.eml",
         "c1.eml", "m2 m3", "Subject: n1", "c1", 0},
	{"saved-aside-and-put-in-place", "+A/.new A/.new>A/m1.eml", "m1.eml m2.eml m3.eml",
         "n1.eml", "c1.eml", "Subject: .new m2 m3", "n1", "c1", 0},
	{"saved-with-backup", "A/m1.eml>A/m1.eml~ +A/m1.eml -A/m1.eml~", "m1.eml m2.eml m3.eml",
         "n1.eml", "c1.eml", "Subject: m1 m2 m3", "n1", "c1", 0},
	{"saved-aside-and-moved-over", "+A/.new A/.new>B/n1.eml", "m1.eml m2.eml m3.eml", "n1.eml",
         "c1.eml", "m1 m2 m3", "Subject: .new", "c1", 0},
	{"moved-where-one-was-saved", "+B/x.eml A/m1.eml>B/x.eml", "m2.eml m3.eml", "n1.eml x.eml",
         "c1.eml", "m2 m3", "m1 n1", "c1", 1},
	{"moved-where-one-was-saved-over", "+B/n1.eml A/m1.eml>B/n1.eml", "m2.eml m3.eml", "n1.eml",
         "c1.eml", "m2 m3", "m1", "c1", 1},
	{"renamed-over-what-was-saved", "+A/x.eml A/m1.eml>A/x.eml", "m2.eml m3.eml x.eml",
         "n1.eml", "c1.eml", "m1 m2 m3", "n1", "c1", 0},
	{"saved-and-renamed-over", "+A/x.eml A/x.eml>A/m1.eml", "m1.eml m2.eml m3.eml", "n1.eml",
         "c1.eml", "Subject: x m2 m3", "n1", "c1", 0},
};

static void
check_sequence(Fixture *fixture, guint row)
{
	changes_check_names(fixture, "A", sequences[row].a);
	changes_check_names(fixture, "B", sequences[row].b);
	changes_check_names(fixture, "C", sequences[row].c);
}

/* What has been told to be gone is not there. */
static void
check_gone(Fixture *fixture)
{
	const Mailbox *mailbox =
		account_mailbox(fixture->account, (guint32)(fixture->last_gone_parent >> 32));
	g_auto(GStrv) names = g_strsplit(fixture->gone->str, " ", -1);
	g_autofree char *path = NULL;

	if (!fixture->n_gone)
		return;
	path = g_strconcat(mailbox_file_name(mailbox), "/", names[fixture->n_gone - 1], NULL);
	g_assert_cmpuint(changes_id(fixture, path), !=, fixture->last_gone_id);
}

static void
check_sequence_done(Fixture *fixture, guint row)
{
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_sequence(fixture, row);
	changes_check_server(fixture, "A", sequences[row].server_a);
	changes_check_server(fixture, "B", sequences[row].server_b);
	changes_check_server(fixture, "C", sequences[row].server_c);
	changes_refresh(fixture, "A");
	changes_refresh(fixture, "B");
	changes_refresh(fixture, "C");
	check_sequence(fixture, row);
	check_gone(fixture);
}

static void
test_sequence(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data) / N_PACES;
	ChangePace pace = GPOINTER_TO_UINT(data) % N_PACES;
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_auto(GStrv) steps = g_strsplit(sequences[row].steps, " ", -1);

	gint64 began_us = g_get_monotonic_time();
	gboolean at_once;

	fixture->fake->offline = pace == OFFLINE;
	for (char **step = steps; *step; step++) {
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
		if (step[1])
			changes_go_on(fixture, pace);
	}
	/* On a slow machine the flusher may have begun in between. */
	at_once = pace == AT_ONCE && g_get_monotonic_time() - began_us < FLUSHER_GATHER_MS * 1000;
	check_sequence(fixture, row);
	if (pace == OFFLINE)
		changes_go_online(fixture);
	check_sequence_done(fixture, row);
	if (at_once && sequences[row].n_transfers >= 0)
		g_assert_cmpint((int)fixture->fake->n_operations[FAKE_TRANSFER], ==,
		                sequences[row].n_transfers);
}

/* What is shown can be read, wherever it has to be fetched from meanwhile. */
static void
test_sequence_read(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data) / N_PACES_ONLINE;
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_auto(GStrv) steps = g_strsplit(sequences[row].steps, " ", -1);

	for (char **step = steps; *step; step++) {
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
		changes_go_on(fixture, GPOINTER_TO_UINT(data) % N_PACES_ONLINE);
	}
	changes_check_readable(fixture, "A", sequences[row].a);
	changes_check_readable(fixture, "B", sequences[row].b);
	changes_check_readable(fixture, "C", sequences[row].c);
	check_sequence_done(fixture, row);
}

/* --- drafts --- */

static const struct {
	const char *name;
	gboolean scratch;
} scratches[] = {
	{"note.eml", FALSE},     {"note", FALSE},
	{".note.eml.swp", TRUE}, {"note.eml~", TRUE},
	{"#note#", TRUE},        {"#note", FALSE},
	{"note.tmp", TRUE},      {"tmp", FALSE},
	{"4913", TRUE},          {"4913.eml", FALSE},
	{"sedAbC123", TRUE},     {"sedAbC12", FALSE},
	{"sediments", TRUE},     {"note.eml.Ab12Cd", TRUE},
	{"note.eml.bak", FALSE}, {".", TRUE},
	{"a.part", TRUE},        {"a.crdownload", TRUE},
	{"a.swx", TRUE},         {"", FALSE},
};

static void
test_scratch(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(scratches); i++) {
		g_test_message("%s", scratches[i].name);
		g_assert_cmpint(draft_name_is_scratch(scratches[i].name), ==, scratches[i].scratch);
	}
}

static void
test_draft(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_create(fixture, "A/new.eml");

	changes_check(fixture, "A", "m1.eml m2.eml m3.eml +new.eml");
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	g_assert_cmpuint(fixture->last_change, ==, 0);
	g_assert_cmpint(change_write(fixture, draft, "Subject: new\n"), ==, DONE);
	g_assert_cmpint(change_write(fixture, draft, "\nHello.\n"), ==, DONE);
	g_assert_cmpuint(account_message(fixture->account, draft, NULL)->size, ==, 21);
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	g_assert_cmpuint(fixture->last_change, !=, 0);
	draft_close(fixture->account, draft);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml +new.eml");
	check_id(fixture, draft, "A/new.eml");
	g_assert_cmpuint(account_message(fixture->account, draft, NULL)->size, ==, 24);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "Subject: new m1 m2 m3");
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml new.eml");
	check_id(fixture, draft, "A/new.eml");
	changes_refresh(fixture, "A");
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml new.eml");
	g_assert_cmpstr(fixture->gone->str, ==, "");
}

static void
test_draft_twice(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_autoptr(GError) error = NULL;
	guint64 draft = change_create(fixture, "A/new.eml");

	g_assert_cmpuint(
		draft_create(fixture->account, fixture_mailbox(fixture, "A"), "new.eml", &error),
		==, 0);
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_EXISTS);
	draft_close(fixture->account, draft);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml +new.eml");
	g_assert_cmpint(change_remove(fixture, "A/new.eml"), ==, DONE);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	g_assert_cmpuint(account_last_change(fixture->account), ==, 0);
}

/* What is no message stays here, can be mended, and goes then. */
static void
test_no_message(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_create(fixture, "A/new.eml");

	g_assert_cmpint(change_write(fixture, draft, "just words\n"), ==, DONE);
	g_assert_cmpint(change_deliver(fixture, draft), ==, IMAPFS_ERROR_USAGE);
	draft_close(fixture->account, draft);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml +new.eml");
	g_assert_cmpint(change_rename(fixture, "A/new.eml", "B/n1.eml"), ==, IMAPFS_ERROR_USAGE);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml +new.eml");
	changes_check(fixture, "B", "n1.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "m1 m2 m3");
	g_assert_cmpint(change_save(fixture, "A/new.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "Subject: new m1 m2 m3");
}

static void
test_empty_over(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	draft_close(fixture->account, change_create(fixture, "A/new.eml"));
	g_assert_cmpint(change_rename(fixture, "A/new.eml", "A/m1.eml"), ==, IMAPFS_ERROR_USAGE);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml +new.eml");
	g_assert_cmpint(change_rename(fixture, "A/new.eml", "B/x.eml"), ==, DONE);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	changes_check(fixture, "B", "n1.eml +x.eml");
	g_assert_cmpuint(account_last_change(fixture->account), ==, 0);
}

static void
test_version(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m2.eml"),
		draft = change_open(fixture, "A/m2.eml", TRUE);

	changes_check(fixture, "A", "m1.eml m3.eml +m2.eml");
	g_assert_cmpuint(account_message(fixture->account, id, NULL)->size, ==, 0);
	g_assert_cmpint(change_write(fixture, draft, "Subject: two\r\n\r\n"), ==, DONE);
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	changes_check(fixture, "A", "m1.eml m3.eml +m2.eml");
	draft_close(fixture->account, draft);
	check_id(fixture, id, "A/m2.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "Subject: two m1 m3");
	changes_check(fixture, "A", "m1.eml m3.eml m2.eml");
	check_id(fixture, id, "A/m2.eml");
	g_assert_cmpuint(account_message(fixture->account, id, NULL)->size, ==, 16);
	changes_refresh(fixture, "A");
	changes_check(fixture, "A", "m1.eml m3.eml m2.eml");
}

/* What is opened and not changed stays, and so does what is changed and not delivered. */
static void
test_version_given_up(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m2.eml");
	guint64 draft = change_open(fixture, "A/m2.eml", FALSE);

	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	draft_close(fixture->account, draft);
	draft = change_open(fixture, "A/m2.eml", TRUE);
	g_assert_cmpint(change_write(fixture, draft, "words"), ==, DONE);
	changes_check(fixture, "A", "m1.eml m3.eml +m2.eml");
	g_assert_cmpint(change_deliver(fixture, draft), ==, IMAPFS_ERROR_USAGE);
	draft_close(fixture->account, draft);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	check_id(fixture, id, "A/m2.eml");
	g_assert_cmpuint(account_message(fixture->account, id, NULL)->size, ==, 101);
	g_assert_cmpuint(fixture->n_content_changes, >, 0);
	g_assert_cmpuint(account_last_change(fixture->account), ==, 0);
}

/* Whose directory entry goes while it is written, or that gets another name. */
static void
test_open_meanwhile(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_create(fixture, "A/new.eml"), version;

	g_assert_cmpint(change_write(fixture, draft, "Subject: new\n\n"), ==, DONE);
	g_assert_cmpint(change_remove(fixture, "A/new.eml"), ==, DONE);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	g_assert_cmpint(change_write(fixture, draft, "more\n"), ==, DONE);
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	draft_close(fixture->account, draft);
	version = change_open(fixture, "A/m1.eml", TRUE);
	g_assert_cmpint(change_write(fixture, version, "Subject: one\n\n"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "A/x.eml"), ==, DONE);
	changes_check(fixture, "A", "m2.eml m3.eml +x.eml");
	g_assert_cmpint(change_deliver(fixture, version), ==, DONE);
	draft_close(fixture->account, version);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "Subject: one m2 m3");
	changes_check(fixture, "A", "m2.eml m3.eml x.eml");
}

/* Removed, or renamed, with the draft open and not changed yet. */
static void
test_opened_and_removed(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_open(fixture, "A/m1.eml", FALSE);

	g_assert_cmpint(change_remove(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(change_remove(fixture, "A/m2.eml"), ==, DONE);
	draft_close(fixture->account, draft);
	changes_check(fixture, "A", "m3.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "m3");
}

static void
test_copy(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_create(fixture, "B/copy.eml");

	g_assert_cmpint(change_copy(fixture, draft, "A/m1.eml"), ==, DONE);
	g_assert_cmpuint(account_message(fixture->account, draft, NULL)->size, ==, 100);
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	draft_close(fixture->account, draft);
	changes_check(fixture, "B", "n1.eml +copy.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "m1 m2 m3");
	changes_check_server(fixture, "B", "m1 n1");
	changes_refresh(fixture, "B");
	changes_check(fixture, "B", "n1.eml copy.eml");
	check_id(fixture, draft, "B/copy.eml");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_READ], ==, 0);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_APPEND], ==, 0);
}

/* Only into what is empty, and of what is on the server. */
static void
test_copy_impossible(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_create(fixture, "B/copy.eml");

	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "C/m1.eml"), ==, DONE);
	g_assert_cmpint(change_copy(fixture, draft, "C/m1.eml"), ==, IMAPFS_ERROR_UNSUPPORTED);
	g_assert_cmpint(change_write(fixture, draft, "x"), ==, DONE);
	g_assert_cmpint(change_copy(fixture, draft, "A/m2.eml"), ==, IMAPFS_ERROR_UNSUPPORTED);
	draft_close(fixture->account, draft);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

/* The copy's source goes before it is sent: the COPY goes first. */
static void
test_copy_and_remove(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 draft = change_create(fixture, "B/copy.eml");

	g_assert_cmpint(change_copy(fixture, draft, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	draft_close(fixture->account, draft);
	g_assert_cmpint(change_remove(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_server(fixture, "A", "m2 m3");
	changes_check_server(fixture, "B", "m1 n1");
	changes_check(fixture, "B", "n1.eml copy.eml");
}

/* --- flags --- */

static void
check_flags(Fixture *fixture, guint64 id, const char *expected)
{
	char *flags = account_flags(fixture->account, id);

	g_assert_cmpstr(flags, ==, expected);
	g_ref_string_release(flags);
}

/* A listing that tells the old ones, before, while and after the change is made, is of no account;
 * what is refused leaves no trace. */
static void
test_flags_listed(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m1.eml");

	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "\\Seen"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "refused"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "work"), ==, DONE);
	check_flags(fixture, id, "\\Seen refused work");
	mailbox_set_flags(fixture_mailbox(fixture, "A"), 1, "\\Flagged");
	check_flags(fixture, id, "\\Flagged \\Seen refused work");
	mailbox_set_flags(fixture_mailbox(fixture, "A"), 1, "");
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	check_flags(fixture, id, "\\Seen work");
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	check_flags(fixture, changes_id(fixture, "B/m1.eml"), "\\Seen work");
}

static void
test_flags(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m1.eml");

	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "\\Seen"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "work"), ==, DONE);
	check_flags(fixture, id, "\\Seen work");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	g_assert_cmpstr(fake_message(fake_mailbox(fixture->fake, "A"), 1)->flags, ==,
	                "\\Seen work");
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '-', "work"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	g_assert_cmpstr(fake_message(fake_mailbox(fixture->fake, "A"), 1)->flags, ==, "\\Seen");
}

/* Of what is on its way: once it is there. */
static void
test_flags_of_arrival(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "B/m1.eml", '+', "\\Seen"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	g_assert_cmpstr(fake_message(fake_mailbox(fixture->fake, "B"), 2)->flags, ==, "\\Seen");
}

/* --- refused --- */

static void
check_refused(Fixture *fixture, const char *words)
{
	g_autoptr(GString) text = g_string_new(NULL);

	account_describe_errors(fixture->account, text);
	g_assert_nonnull(strstr(text->str, words));
	g_assert_true(g_str_has_suffix(text->str, "\n"));
	g_assert_cmpint(changes_finish(fixture), ==, DONE); /* told once */
}

static void
test_remove_refused(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m2.eml");

	fake_remote_fail(fixture->fake, FAKE_STORE, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(change_remove(fixture, "A/m2.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_DENIED);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	check_id(fixture, id, "A/m2.eml");
	g_assert_cmpstr(fixture->came->str, ==, "m2.eml ");
	check_refused(fixture, "EXPUNGE A uid 2");
}

static void
test_move_refused(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m1.eml");

	fake_message(fake_mailbox(fixture->fake, "A"), 1)->refusal = IMAPFS_ERROR_DENIED;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/n1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_DENIED);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	changes_check(fixture, "B", "n1.eml");
	changes_check_server(fixture, "B", "n1");
	check_id(fixture, id, "A/m1.eml");
	g_assert_nonnull(strstr(fixture->came->str, "m1.eml "));
	g_assert_nonnull(strstr(fixture->came->str, "n1.eml "));
	g_assert_cmpstr(fixture->gone->str, ==, "n1.eml ");
	check_refused(fixture, "MOVE A uid 1 to B/n1.eml");
}

/* Its old name has been given to another meanwhile. */
static void
test_move_refused_and_name_taken(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fake_message(fake_mailbox(fixture->fake, "A"), 1)->refusal = IMAPFS_ERROR_DENIED;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A/m2.eml", "A/m1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_DENIED);
	changes_check(fixture, "A", "m1~1.eml m1.eml m3.eml");
	changes_check(fixture, "B", "n1.eml");
}

/* The words are the mailbox's that it is about. */
static void
test_refusal_told_of_its_mailbox(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_autoptr(GError) error = NULL;
	Waiter waiter = {0};
	guint64 other = message_id(fixture_mailbox_id(fixture, "C"), 0);
	guint64 own = message_id(fixture_mailbox_id(fixture, "B"), 0);

	fake_mailbox(fixture->fake, "B")->refuses = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	while (changes_turn(fixture), !strstr(fixture->came->str, "m1.eml"))
		;
	g_assert_cmpint(
		account_synced(fixture->account, other, fixture->last_change, &waiter, &error), ==,
		CACHE_READY);
	g_assert_cmpint(
		account_synced(fixture->account, own, fixture->last_change, &waiter, &error), ==,
		CACHE_FAILED);
	g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_QUOTA);
	check_refused(fixture, "MOVE A uid 1 to B/m1.eml");
}

/* The bytes are nowhere else: they are kept, and it says where. */
static void
test_append_refused(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_autoptr(GString) pending = g_string_new(NULL);

	fake_mailbox(fixture->fake, "A")->refuses = TRUE;
	g_assert_cmpint(change_save(fixture, "A/new.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_QUOTA);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	g_assert_cmpstr(fixture->gone->str, ==, "new.eml ");
	account_describe_pending(fixture->account, pending);
	g_assert_nonnull(strstr(pending->str, "refused: APPEND A/new.eml"));
	check_refused(fixture, "APPEND A/new.eml");
}

static void
test_version_refused(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m1.eml");

	fake_mailbox(fixture->fake, "A")->refuses = TRUE;
	g_assert_cmpint(change_save(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_QUOTA);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	check_id(fixture, id, "A/m1.eml");
	g_assert_cmpuint(account_message(fixture->account, id, NULL)->size, ==, 100);
}

static void
test_flags_refused(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "refused"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_DENIED);
	check_flags(fixture, changes_id(fixture, "A/m1.eml"), "");
	check_refused(fixture, "STORE A uid 1 +refused");
}

/* --- listings meanwhile --- */

/* The server has it, and has not said so: a listing shows it once. */
static void
check_suspected(const char *path, FakeKind kind, const char *in_between, const char *after)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_autoptr(Ask) synced = NULL;
	guint32 mailbox = fixture_mailbox_id(fixture, "B");

	if (kind == FAKE_APPEND)
		g_assert_cmpint(change_save(fixture, path), ==, DONE);
	else
		g_assert_cmpint(change_rename(fixture, "A/m1.eml", path), ==, DONE);
	changes_await_kind(fixture, kind);
	g_assert_true(fake_remote_step_kind(fixture->fake, kind));
	synced = ask_synced(fixture, mailbox, mailbox_refresh(fixture_mailbox(fixture, "B")));
	while (!synced->answered)
		g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_SCAN) ||
		              fake_remote_step_kind(fixture->fake, FAKE_UIDS));
	g_assert_true(changes_has_kind(fixture, kind));
	changes_check(fixture, "B", in_between);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check(fixture, "B", after);
	changes_refresh(fixture, "B");
	changes_check(fixture, "B", after);
	g_assert_cmpstr(fixture->gone->str, ==, "");
}

static void
test_suspected(void)
{
	check_suspected("B/new.eml", FAKE_APPEND, "n1.eml +new.eml", "n1.eml new.eml");
	check_suspected("B/x.eml", FAKE_TRANSFER, "n1.eml +x.eml", "n1.eml x.eml");
	check_suspected("B/m1.eml", FAKE_TRANSFER, "n1.eml +m1.eml", "n1.eml m1.eml");
}

/* Another client's looks like it: shown in the end. */
static void
test_suspected_wrongly(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_autoptr(Ask) synced = NULL;

	fake_message_add(fake_mailbox(fixture->fake, "B"), "other", 100);
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	changes_await_kind(fixture, FAKE_TRANSFER);
	synced = ask_synced(fixture, fixture_mailbox_id(fixture, "B"),
	                    mailbox_refresh(fixture_mailbox(fixture, "B")));
	while (!synced->answered)
		g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_SCAN) ||
		              fake_remote_step_kind(fixture->fake, FAKE_UIDS));
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check(fixture, "B", "n1.eml other.eml m1.eml");
}

/* The answer is lost: looked for, and there once. */
static void
test_answer_lost(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fake_remote_fail(fixture->fake, FAKE_TRANSFER, IMAPFS_ERROR_UNKNOWN, 1);
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/x.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_refresh(fixture, "B");
	changes_check_server(fixture, "A", "m2 m3");
	changes_check_server(fixture, "B", "m1 n1");
	changes_check(fixture, "A", "m2.eml m3.eml");
	changes_check(fixture, "B", "n1.eml x.eml");
}

/* --- directories that are being read --- */

static char *
next_draft(Fixture *fixture, guint64 *cookie)
{
	const Message *message = mailbox_next_draft(fixture_mailbox(fixture, "B"), *cookie, cookie);

	return g_strdup(message ? message->name : "");
}

/* Who has passed the messages sees an arrival that becomes one; who has not sees it there. */
static void
test_cookies(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	g_autofree char *first = NULL, *second = NULL, *third = NULL, *end = NULL;
	guint64 cookie = 0;

	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A/m2.eml", "B/m2.eml"), ==, DONE);
	first = next_draft(fixture, &cookie);
	g_assert_cmpstr(first, ==, "m1.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check(fixture, "B", "n1.eml m1.eml m2.eml");
	g_assert_cmpint(change_rename(fixture, "A/m3.eml", "B/m3.eml"), ==, DONE);
	second = next_draft(fixture, &cookie);
	g_assert_cmpstr(second, ==, "m2.eml");
	third = next_draft(fixture, &cookie);
	g_assert_cmpstr(third, ==, "m3.eml");
	end = next_draft(fixture, &cookie);
	g_assert_cmpstr(end, ==, "");
	changes_check(fixture, "B", "n1.eml m1.eml m2.eml +m3.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

/* --- what others do meanwhile --- */

/* @listed: we hear of it before it is tried. */
static void
check_target_removed(gboolean listed)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();
	guint64 id = changes_id(fixture, "A/m1.eml");

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	changes_commit(fixture);
	fake_mailbox_remove(fixture->fake, "B");
	fixture->fake->offline = FALSE;
	if (listed) {
		fixture_list(fixture);
		g_assert_null(fixture_mailbox(fixture, "B"));
	}
	changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	check_id(fixture, id, "A/m1.eml");
	changes_check_server(fixture, "A", "m1 m2 m3");
}

static void
test_target_removed(void)
{
	check_target_removed(FALSE);
	check_target_removed(TRUE);
}

static void
test_source_removed(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_remove(fixture, "A/m2.eml"), ==, DONE);
	changes_commit(fixture);
	fake_mailbox_remove(fixture->fake, "A");
	fixture->fake->offline = FALSE;
	fixture_list(fixture);
	changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	changes_check(fixture, "B", "n1.eml");
	changes_check_server(fixture, "B", "n1");
}

static void
test_source_expunged(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	changes_commit(fixture);
	fake_message_expunge(fake_mailbox(fixture->fake, "A"), 1);
	changes_go_online(fixture);
	changes_refresh(fixture, "A");
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_STALE);
	changes_check(fixture, "B", "n1.eml");
	changes_refresh(fixture, "A");
	changes_check(fixture, "A", "m2.eml m3.eml");
}

static void
test_source_renumbered(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_remove(fixture, "A/m2.eml"), ==, DONE);
	changes_commit(fixture);
	fake_mailbox(fixture->fake, "A")->uidvalidity = 99;
	fixture->fake->offline = FALSE;
	changes_refresh(fixture, "A");
	changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_STALE);
	changes_refresh(fixture, "A");
	changes_check(fixture, "A", "m1.eml m2.eml m3.eml");
	changes_check(fixture, "B", "n1.eml");
	changes_check_server(fixture, "A", "m1 m2 m3");
	changes_check_server(fixture, "B", "n1");
}

/* What is on its way there arrives all the same; what it was to replace is not touched. */
static void
test_target_renumbered(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_save(fixture, "B/new.eml"), ==, DONE);
	changes_commit(fixture);
	fake_mailbox(fixture->fake, "B")->uidvalidity = 99;
	fixture->fake->offline = FALSE;
	changes_refresh(fixture, "B");
	changes_check_names(fixture, "B", "m1.eml n1.eml new.eml");
	changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_refresh(fixture, "B");
	changes_check(fixture, "B", "n1.eml m1.eml new.eml");
	changes_check_server(fixture, "B", "Subject: new m1 n1");
}

/* --- servers that can less --- */

static void
test_no_uidplus(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->no_uidplus = fixture->fake->no_move = TRUE;
	g_assert_cmpint(change_remove(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A/m2.eml", "B/x.eml"), ==, DONE);
	g_assert_cmpint(change_save(fixture, "A/new.eml"), ==, DONE);
	changes_check(fixture, "A", "m3.eml +new.eml");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_refresh(fixture, "A");
	changes_refresh(fixture, "B");
	changes_check_server(fixture, "A", "Subject: new m3");
	changes_check_server(fixture, "B", "m2 n1");
	g_assert_cmpuint(fake_mailbox(fixture->fake, "A")->messages->len, ==, 4);
	changes_check_names(fixture, "A", "m3.eml new.eml");
}

/* A name that is free to be given, though what had it is there. */
static void
test_deleted_name_is_free(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->no_uidplus = TRUE;
	g_assert_cmpint(change_remove(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	g_assert_cmpint(change_rename_new(fixture, "A/m2.eml", "A/m1.eml"), ==, DONE);
	changes_check(fixture, "A", "m1.eml m3.eml");
	changes_refresh(fixture, "A");
	changes_check_names(fixture, "A", "m1.eml m3.eml");
}

/* --- in another mount --- */

/* What was refused is read later, too; an APPEND is tried again. */
static void
test_refused_and_reopened(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new_kept();
	g_autoptr(GString) text = g_string_new(NULL);

	fake_mailbox(fixture->fake, "B")->refuses = TRUE;
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(change_save(fixture, "B/new.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_QUOTA);
	fake_mailbox(fixture->fake, "B")->refuses = FALSE;
	fixture_reopen(fixture);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	account_describe_errors(fixture->account, text);
	g_assert_nonnull(strstr(text->str, "MOVE A uid 1 to B/m1.eml"));
	fixture_list(fixture);
	changes_refresh(fixture, "B");
	changes_check_names(fixture, "B", "n1.eml new.eml");
	changes_check_server(fixture, "B", "Subject: new n1");
}

static void
add_paces(const char *kind, guint n_paces, GTestDataFunc test)
{
	for (guint i = 0; i < G_N_ELEMENTS(sequences) * n_paces; i++) {
		g_autofree char *path =
			g_strdup_printf("/changes/%s/%s/%s", kind, sequences[i / n_paces].label,
		                        change_pace_names[i % n_paces]);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test);
	}
}

static void
add_tables(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(renames); i++) {
		g_autofree char *path = g_strconcat("/changes/rename/", renames[i].label, NULL);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_rename);
	}
	add_paces("sequence", N_PACES, test_sequence);
	add_paces("sequence-read", N_PACES_ONLINE, test_sequence_read);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/changes/remove", test_remove);
	g_test_add_func("/changes/no-message-there", test_nothing_there);
	add_tables();
	g_test_add_func("/changes/draft/scratch", test_scratch);
	g_test_add_func("/changes/draft/new", test_draft);
	g_test_add_func("/changes/draft/twice", test_draft_twice);
	g_test_add_func("/changes/draft/no-message", test_no_message);
	g_test_add_func("/changes/draft/empty-over", test_empty_over);
	g_test_add_func("/changes/draft/version", test_version);
	g_test_add_func("/changes/draft/version-given-up", test_version_given_up);
	g_test_add_func("/changes/draft/open-meanwhile", test_open_meanwhile);
	g_test_add_func("/changes/draft/opened-and-removed", test_opened_and_removed);
	g_test_add_func("/changes/draft/copy", test_copy);
	g_test_add_func("/changes/draft/copy-impossible", test_copy_impossible);
	g_test_add_func("/changes/draft/copy-and-remove", test_copy_and_remove);
	g_test_add_func("/changes/flags", test_flags);
	g_test_add_func("/changes/flags-listed", test_flags_listed);
	g_test_add_func("/changes/flags-of-arrival", test_flags_of_arrival);
	g_test_add_func("/changes/refused/remove", test_remove_refused);
	g_test_add_func("/changes/refused/move", test_move_refused);
	g_test_add_func("/changes/refused/name-taken", test_move_refused_and_name_taken);
	g_test_add_func("/changes/refused/of-its-mailbox", test_refusal_told_of_its_mailbox);
	g_test_add_func("/changes/refused/append", test_append_refused);
	g_test_add_func("/changes/refused/version", test_version_refused);
	g_test_add_func("/changes/refused/flags", test_flags_refused);
	g_test_add_func("/changes/listing/suspected", test_suspected);
	g_test_add_func("/changes/listing/suspected-wrongly", test_suspected_wrongly);
	g_test_add_func("/changes/listing/answer-lost", test_answer_lost);
	g_test_add_func("/changes/cookies", test_cookies);
	g_test_add_func("/changes/others/target-removed", test_target_removed);
	g_test_add_func("/changes/others/source-removed", test_source_removed);
	g_test_add_func("/changes/others/source-expunged", test_source_expunged);
	g_test_add_func("/changes/others/source-renumbered", test_source_renumbered);
	g_test_add_func("/changes/others/target-renumbered", test_target_renumbered);
	g_test_add_func("/changes/no-uidplus", test_no_uidplus);
	g_test_add_func("/changes/deleted-name-is-free", test_deleted_name_is_free);
	g_test_add_func("/changes/refused-and-reopened", test_refused_and_reopened);
	return g_test_run();
}
