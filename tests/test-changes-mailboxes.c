/*
 * test-changes-mailboxes.c: mailboxes that have been made, removed or renamed, until the server has
 * carried it out.
 */
#include "changes-fixture.h"

#include <string.h>

static void
check_tree(Fixture *fixture, const char *expected)
{
	g_autofree char *tree = fixture_tree(account_root(fixture->account));

	g_assert_cmpstr(tree, ==, expected);
}

static int
compare_strings(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
check_server_tree(const Fixture *fixture, const char *expected)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *tree = NULL;

	for (guint i = 0; i < fixture->fake->mailboxes->len; i++)
		g_ptr_array_add(names, ((FakeMailbox *)fixture->fake->mailboxes->pdata[i])->name);
	g_ptr_array_sort(names, compare_strings);
	g_ptr_array_add(names, NULL);
	tree = g_strjoinv(" ", (char **)names->pdata);
	g_assert_cmpstr(tree, ==, expected);
}

/* With A/sub, which has the message s1. */
static Fixture *
fixture_with_levels(Fixture *fixture)
{
	fake_message_add(fake_mailbox_add(fixture->fake, "A/sub", 21), "s1", 200);
	fixture_list(fixture);
	changes_refresh(fixture, "A/sub");
	return fixture;
}

/* --- what cannot be --- */

static const struct {
	const char *label, *step;
	int code;
} impossible[] = {
	{"make-there", "^A", IMAPFS_ERROR_EXISTS},
	{"make-there-below", "^A/sub", IMAPFS_ERROR_EXISTS},
	{"make-message-there", "^A/m1.eml", IMAPFS_ERROR_EXISTS},
	{"make-inbox", "^inbox", IMAPFS_ERROR_EXISTS},
	{"make-no-name", "^a%b", IMAPFS_ERROR_USAGE},
	{"remove-not-there", "!X", IMAPFS_ERROR_NOT_FOUND},
	{"remove-with-messages", "!C", IMAPFS_ERROR_NOT_EMPTY},
	{"remove-with-children", "!A", IMAPFS_ERROR_NOT_EMPTY},
	{"remove-inbox", "!INBOX", IMAPFS_ERROR_NOT_PERMITTED},
	{"remove-message", "!A/m1.eml", IMAPFS_ERROR_NOT_FOUND},
	{"rename-inbox", "INBOX>X", IMAPFS_ERROR_NOT_PERMITTED},
	{"rename-to-inbox", "C>Inbox", IMAPFS_ERROR_EXISTS},
	{"rename-into-itself", "A>A/X", IMAPFS_ERROR_NOT_PERMITTED},
	{"rename-into-its-child", "A>A/sub/X", IMAPFS_ERROR_NOT_PERMITTED},
	{"rename-over-messages", "B>C", IMAPFS_ERROR_NOT_EMPTY},
	{"rename-over-children", "B>A", IMAPFS_ERROR_NOT_EMPTY},
	{"rename-over-a-message", "B>A/m1.eml", IMAPFS_ERROR_EXISTS},
	{"rename-over-inbox", "B>INBOX", IMAPFS_ERROR_NOT_PERMITTED},
	{"rename-no-name", "B>a%b", IMAPFS_ERROR_USAGE},
};

static void
test_impossible(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	g_assert_cmpint(changes_step(fixture, impossible[row].step), ==, impossible[row].code);
	check_tree(fixture, "A A/sub B C INBOX");
	g_assert_cmpuint(account_last_change(fixture->account), ==, 0);
}

/* --- one after the other --- */

static const struct {
	const char *label, *steps;
	const char *tree;        /* in the end, on the server as well */
	const char *path, *list; /* of one mailbox, and what is in it, and there on the server */
	const char *server;
} sequences[] = {
	{"made", "^D", "A A/sub B C D INBOX", "D", "", ""},
	{"made-below", "^C/D", "A A/sub B C C/D INBOX", "C/D", "", ""},
	{"made-in-levels", "^D ^D/E ^D/E/F", "A A/sub B C D D/E D/E/F INBOX", "D/E", "", ""},
	{"made-and-filled", "^D A/m1.eml>D/m1.eml +D/new.eml", "A A/sub B C D INBOX", "D",
         "m1.eml new.eml", "Subject: new m1"},
	{"made-and-removed", "^D !D", "A A/sub B C INBOX", "C", "c1.eml", "c1"},
	{"made-twice", "^D !D ^D", "A A/sub B C D INBOX", "D", "", ""},
	{"made-and-renamed", "^D D>E", "A A/sub B C E INBOX", "E", "", ""},
	{"made-filled-and-renamed", "^D A/m1.eml>D/x.eml D>E", "A A/sub B C E INBOX", "E", "x.eml",
         "m1"},
	{"made-renamed-and-filled", "^D D>E A/m1.eml>E/x.eml", "A A/sub B C E INBOX", "E", "x.eml",
         "m1"},
	{"emptied-and-removed", "-C/c1.eml !C", "A A/sub B INBOX", "B", "n1.eml", "n1"},
	{"removed-and-made", "-C/c1.eml !C ^C", "A A/sub B C INBOX", "C", "", ""},
	{"removed-made-and-filled", "-C/c1.eml !C ^C A/m1.eml>C/m1.eml", "A A/sub B C INBOX", "C",
         "m1.eml", "m1"},
	{"removed-with-child", "-A/sub/s1.eml !A/sub", "A B C INBOX", "A", "m1.eml m2.eml m3.eml",
         "m1 m2 m3"},
	{"renamed", "C>X", "A A/sub B INBOX X", "X", "c1.eml", "c1"},
	{"renamed-with-children", "A>X", "B C INBOX X X/sub", "X/sub", "s1.eml", "s1"},
	{"renamed-below", "B>A/X", "A A/X A/sub C INBOX", "A/X", "n1.eml", "n1"},
	{"renamed-to-the-top", "A/sub>X", "A B C INBOX X", "X", "s1.eml", "s1"},
	{"renamed-twice", "A>X X>Y", "B C INBOX Y Y/sub", "Y/sub", "s1.eml", "s1"},
	{"renamed-and-back", "A>X X>A", "A A/sub B C INBOX", "A/sub", "s1.eml", "s1"},
	{"renamed-and-child-out", "A>X X/sub>Y", "B C INBOX X Y", "Y", "s1.eml", "s1"},
	{"child-renamed-and-parent", "A/sub>A/t A>X", "B C INBOX X X/t", "X/t", "s1.eml", "s1"},
	{"renamed-in-a-circle", "B>T C>B T>C", "A A/sub B C INBOX", "B", "c1.eml", "c1"},
	{"renamed-over-empty", "-C/c1.eml B>C", "A A/sub C INBOX", "C", "n1.eml", "n1"},
	{"renamed-and-filled", "C>X A/m1.eml>X/m1.eml +X/new.eml", "A A/sub B INBOX X", "X",
         "c1.eml m1.eml new.eml", "Subject: new c1 m1"},
	{"filled-and-renamed", "A/m1.eml>C/m1.eml +C/new.eml C>X", "A A/sub B INBOX X", "X",
         "c1.eml m1.eml new.eml", "Subject: new c1 m1"},
	{"filled-renamed-and-removed", "A/m1.eml>C/m1.eml C>X -X/c1.eml", "A A/sub B INBOX X", "X",
         "m1.eml", "m1"},
	{"name-given-and-renamed", "A/sub/s1.eml>A/sub/y.eml A>X", "B C INBOX X X/sub", "X/sub",
         "y.eml", "s1"},
	{"renamed-and-name-given", "A>X X/sub/s1.eml>X/sub/y.eml", "B C INBOX X X/sub", "X/sub",
         "y.eml", "s1"},
	{"arrival-out-after-rename", "A/m1.eml>C/m1.eml C>X X/m1.eml>B/m1.eml", "A A/sub B INBOX X",
         "B", "m1.eml n1.eml", "m1 n1"},
	{"moved-out-and-removed", "C/c1.eml>B/c1.eml !C", "A A/sub B INBOX", "B", "c1.eml n1.eml",
         "c1 n1"},
	{"emptied-renamed-and-removed", "C/c1.eml>B/c1.eml C>X !X", "A A/sub B INBOX", "B",
         "c1.eml n1.eml", "c1 n1"},
	{"emptied-on-the-way", "C>X X/c1.eml>B/c1.eml !X", "A A/sub B INBOX", "B", "c1.eml n1.eml",
         "c1 n1"},
};

static void
check_sequence(Fixture *fixture, guint row)
{
	check_tree(fixture, sequences[row].tree);
	changes_check_names(fixture, sequences[row].path, sequences[row].list);
}

static void
test_sequence(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data) / N_PACES;
	ChangePace pace = GPOINTER_TO_UINT(data) % N_PACES;
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	g_auto(GStrv) steps = g_strsplit(sequences[row].steps, " ", -1);

	fixture->fake->offline = pace == OFFLINE;
	for (char **step = steps; *step; step++) {
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
		if (step[1])
			changes_go_on(fixture, pace);
	}
	check_sequence(fixture, row);
	if (pace == OFFLINE)
		changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_sequence(fixture, row);
	check_server_tree(fixture, sequences[row].tree);
	changes_check_server(fixture, sequences[row].path, sequences[row].server);
	for (guint round = 0; round < 2; round++) {
		fixture_list(fixture);
		changes_refresh(fixture, sequences[row].path);
		check_sequence(fixture, row);
		fixture_pass_time(10 * G_USEC_PER_SEC);
	}
}

/* What is shown can be read, wherever it has to be fetched from meanwhile. */
static void
test_sequence_read(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data) / N_PACES_ONLINE;
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	g_auto(GStrv) steps = g_strsplit(sequences[row].steps, " ", -1);

	for (char **step = steps; *step; step++) {
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
		changes_go_on(fixture, GPOINTER_TO_UINT(data) % N_PACES_ONLINE);
	}
	changes_check_readable(fixture, sequences[row].path, sequences[row].list);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	changes_check_readable(fixture, sequences[row].path, sequences[row].list);
}

/* What has been read can be read again without a line, though its mailbox is gone here. */
static void
test_read_offline(gconstpointer data)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	g_auto(GStrv) steps = g_strsplit(data, " ", -1);

	changes_check_readable(fixture, "C", "c1.eml");
	fixture->fake->offline = TRUE;
	for (char **step = steps; *step; step++) {
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
		changes_commit(fixture);
		changes_check_readable(fixture, "B", "c1.eml");
	}
}

static void
test_read_copy_offline(void)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	guint64 draft;

	changes_check_readable(fixture, "C", "c1.eml");
	fixture->fake->offline = TRUE;
	draft = change_create(fixture, "B/copy.eml");
	g_assert_cmpint(change_copy(fixture, draft, "C/c1.eml"), ==, DONE);
	g_assert_cmpint(change_deliver(fixture, draft), ==, DONE);
	draft_close(fixture->account, draft);
	g_assert_cmpint(changes_step(fixture, "-C/c1.eml"), ==, DONE);
	g_assert_cmpint(changes_step(fixture, "!C"), ==, DONE);
	changes_commit(fixture);
	changes_check_readable(fixture, "B", "copy.eml");
}

static void
list_only(Fixture *fixture)
{
	g_autoptr(Ask) ask = ask_listed(fixture, account_refresh(fixture->account, FALSE));

	while (!ask->answered)
		g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_LIST));
}

/* Listings at every moment, before, in the middle and after, change nothing of what is shown. */
static void
test_sequence_listed(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	g_auto(GStrv) steps = g_strsplit(sequences[row].steps, " ", -1);

	for (char **step = steps; *step; step++) {
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
		list_only(fixture);
	}
	for (guint i = 0; i < 300; i++) {
		list_only(fixture);
		check_sequence(fixture, row);
		changes_turn(fixture);
	}
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	list_only(fixture);
	check_sequence(fixture, row);
	check_server_tree(fixture, sequences[row].tree);
}

/* --- refused --- */

static const struct {
	const char *label, *steps;
	FakeKind kind; /* what the server refuses */
	const char *path, *list, *words;
} refusals[] = {
	{"make", "^D", FAKE_CREATE, "C", "c1.eml", "CREATE D"},
	{"make-filled", "^D A/m1.eml>D/m1.eml", FAKE_CREATE, "A", "m1.eml m2.eml m3.eml",
         "CREATE D"},
	{"make-with-child", "^D ^D/E", FAKE_CREATE, "C", "c1.eml", "CREATE D"},
	{"rename", "A>X", FAKE_RENAME, "A/sub", "s1.eml", "RENAME A to X"},
	{"rename-below", "A>B/X", FAKE_RENAME, "A/sub", "s1.eml", "RENAME A to B/X"},
	{"rename-filled", "A>X B/n1.eml>X/n1.eml", FAKE_RENAME, "B", "n1.eml", "RENAME A to X"},
	{"rename-twice", "A>X X>Y", FAKE_RENAME, "A/sub", "s1.eml", "RENAME A to X"},
	{"rename-thrice", "A>X X>Y Y>Z", FAKE_RENAME, "A/sub", "s1.eml", "RENAME A to X"},
	{"rename-and-child-out", "A>X X/sub>B/sub", FAKE_RENAME, "A/sub", "s1.eml",
         "RENAME A to X"},
};

static void
test_refused(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	g_auto(GStrv) steps = g_strsplit(refusals[row].steps, " ", -1);
	g_autoptr(GString) text = g_string_new(NULL);

	fake_remote_fail(fixture->fake, refusals[row].kind, IMAPFS_ERROR_DENIED, 0);
	for (char **step = steps; *step; step++)
		g_assert_cmpint(changes_step(fixture, *step), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	account_describe_errors(fixture->account, text);
	g_assert_nonnull(strstr(text->str, refusals[row].words));
	fixture_list(fixture);
	fixture_pass_time(10 * G_USEC_PER_SEC);
	fixture_list(fixture);
	check_tree(fixture, g_str_equal(refusals[row].label, "make-with-child")
	                            ? "A A/sub B C D D/E INBOX"
	                            : "A A/sub B C INBOX");
	changes_refresh(fixture, refusals[row].path);
	changes_check_names(fixture, refusals[row].path, refusals[row].list);
	while (changes_finish(fixture) != DONE) /* each refusal is told once */
		;
	g_assert_cmpint(change_rename(fixture, "A/sub", "A/tub"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	g_assert_nonnull(fake_mailbox(fixture->fake, "A/tub"));
}

/* What was to go from below the other, and then the other below it: it cannot go home. */
static void
test_refused_in_a_circle(void)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());
	g_autoptr(GString) text = g_string_new(NULL);

	fake_remote_fail(fixture->fake, FAKE_RENAME, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(change_rename(fixture, "A/sub", "X"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A", "X/A"), ==, DONE);
	changes_await_kind(fixture, FAKE_RENAME);
	while (fake_remote_has_kind(fixture->fake, FAKE_RENAME))
		fake_remote_step_kind(fixture->fake, FAKE_RENAME);
	list_only(fixture);
	account_describe_pending(fixture->account, text);
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	fixture_list(fixture);
	fixture_pass_time(10 * G_USEC_PER_SEC);
	fixture_list(fixture);
	check_tree(fixture, "B C INBOX X X/A X/A/sub");
}

/* Another's refusal does not make one forget that it is on its way away and back. */
static void
test_refused_beside_back(void)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	fake_remote_fail(fixture->fake, FAKE_RENAME, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(change_rename(fixture, "B", "T"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A", "X"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "X", "A"), ==, DONE);
	while (fixture_mailbox(fixture, "T"))
		changes_turn(fixture);
	for (guint i = 0; i < 100; i++) {
		list_only(fixture);
		check_tree(fixture, "A A/sub B C INBOX");
		changes_turn(fixture);
	}
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	check_server_tree(fixture, "A A/sub B C INBOX");
}

/* While a message is on its way, and nothing else can go on, the name is taken anew. */
static void
test_refused_name_taken(void)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	fake_remote_fail(fixture->fake, FAKE_RENAME, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(change_rename(fixture, "A", "X"), ==, DONE);
	g_assert_cmpint(change_make_mailbox(fixture, "A"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), !=, DONE);
	fixture_list(fixture);
	fixture_pass_time(10 * G_USEC_PER_SEC);
	fixture_list(fixture);
	fixture_list(fixture);
	check_tree(fixture, "A A/sub B C INBOX");
	changes_refresh(fixture, "A");
	changes_check_names(fixture, "A", "m1.eml m2.eml m3.eml");
}

static void
test_remove_refused(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fake_remote_fail(fixture->fake, FAKE_DELETE, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(change_remove(fixture, "C/c1.eml"), ==, DONE);
	g_assert_cmpint(change_remove_mailbox(fixture, "C"), ==, DONE);
	check_tree(fixture, "A B INBOX");
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_DENIED);
	fixture_list(fixture);
	check_tree(fixture, "A B C INBOX");
}

/* Another client's message, which we do not know of, keeps it. */
static void
test_remove_filled_meanwhile(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_remove(fixture, "C/c1.eml"), ==, DONE);
	g_assert_cmpint(change_remove_mailbox(fixture, "C"), ==, DONE);
	changes_commit(fixture);
	fake_message_add(fake_mailbox(fixture->fake, "C"), "other", 10);
	changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), ==, IMAPFS_ERROR_NOT_EMPTY);
	fixture_list(fixture);
	check_tree(fixture, "A B C INBOX");
	changes_refresh(fixture, "C");
	changes_check_names(fixture, "C", "other.eml");
}

/* --- listings meanwhile --- */

static const struct {
	const char *label, *step;
	FakeKind kind;
	const char *tree;
} listings[] = {
	{"make", "^D", FAKE_CREATE, "A A/sub B C D INBOX"},
	{"rename", "A>X", FAKE_RENAME, "B C INBOX X X/sub"},
	{"rename-below", "B>A/X", FAKE_RENAME, "A A/X A/sub C INBOX"},
	{"remove", "!E", FAKE_DELETE, "A A/sub B C INBOX"},
};

/* A listing before it is carried out, after that, and after the answer shows the same. */
static void
test_listed(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	if (listings[row].kind == FAKE_DELETE)
		fake_mailbox_add(fixture->fake, "E", 33);
	fixture_list(fixture);
	g_assert_cmpint(changes_step(fixture, listings[row].step), ==, DONE);
	for (guint n = 0; !changes_has_kind(fixture, listings[row].kind); n++) {
		g_assert_cmpuint(n, <, 10000);
		changes_turn(fixture);
	}
	for (guint round = 0; round < 2; round++) {
		g_autoptr(Ask) ask = ask_listed(fixture, account_refresh(fixture->account, FALSE));

		while (!ask->answered)
			g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_LIST));
		check_tree(fixture, listings[row].tree);
		if (!round)
			g_assert_true(fake_remote_step_kind(fixture->fake, listings[row].kind));
	}
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_tree(fixture, listings[row].tree);
	fixture_list(fixture);
	check_tree(fixture, listings[row].tree);
	fixture_pass_time(10 * G_USEC_PER_SEC);
	fixture_list(fixture);
	check_tree(fixture, listings[row].tree);
	check_server_tree(fixture, listings[row].tree);
}

/* What others have done below a mailbox that stands elsewhere already is shown there, whether the
 * server has renamed it yet or not. */
static const struct {
	const char *label, *removed, *made;
	gboolean carried_out;
	const char *tree;
} meanwhile[] = {
	{"made", NULL, "A/new", FALSE, "B C INBOX X X/new X/sub"},
	{"made-deep", NULL, "A/sub/deep", FALSE, "B C INBOX X X/sub X/sub/deep"},
	{"made-deeper", NULL, "A/new/deep", FALSE, "B C INBOX X X/new X/new/deep X/sub"},
	{"made-above", NULL, "AB", FALSE, "AB B C INBOX X X/sub"},
	{"renamed", "A/sub", "A/other", FALSE, "B C INBOX X X/other"},
	{"made-after", NULL, "X/new", TRUE, "B C INBOX X X/new X/sub"},
	{"removed-after", "X/sub", NULL, TRUE, "B C INBOX X"},
};

static void
change_elsewhere(Fixture *fixture, guint row)
{
	if (meanwhile[row].removed)
		fake_mailbox_remove(fixture->fake, meanwhile[row].removed);
	if (meanwhile[row].made)
		fake_mailbox_add(fixture->fake, meanwhile[row].made, 55);
}

/* Right after a RENAME listings are not believed that something is gone. */
static gboolean
is_shown_soon(guint row)
{
	return !meanwhile[row].carried_out || meanwhile[row].made;
}

static void
test_changed_meanwhile(gconstpointer data)
{
	guint row = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	if (!meanwhile[row].carried_out) /* what goes before keeps it waiting */
		g_assert_cmpint(change_remove(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A", "X"), ==, DONE);
	changes_commit(fixture);
	if (meanwhile[row].carried_out) {
		changes_await_kind(fixture, FAKE_RENAME);
		g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_RENAME));
	}
	change_elsewhere(fixture, row);
	list_only(fixture);
	if (is_shown_soon(row))
		check_tree(fixture, meanwhile[row].tree);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	list_only(fixture);
	if (is_shown_soon(row))
		check_tree(fixture, meanwhile[row].tree);
	fixture_pass_time(10 * G_USEC_PER_SEC);
	fixture_list(fixture);
	check_tree(fixture, meanwhile[row].tree);
}

/* A second of the same name does not hide the first from the listings. */
static void
test_made_anew(void)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	g_assert_cmpint(change_remove(fixture, "A/m1.eml"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A", "X"), ==, DONE);
	g_assert_cmpint(change_make_mailbox(fixture, "A"), ==, DONE);
	g_assert_cmpint(change_make_mailbox(fixture, "A/sub"), ==, DONE);
	g_assert_cmpint(change_remove_mailbox(fixture, "A/sub"), ==, DONE);
	changes_commit(fixture);
	list_only(fixture);
	check_tree(fixture, "A B C INBOX X X/sub");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	list_only(fixture);
	check_tree(fixture, "A B C INBOX X X/sub");
	changes_refresh(fixture, "X");
	changes_check_names(fixture, "X", "m2.eml m3.eml");
	check_server_tree(fixture, "A B C INBOX X X/sub");
}

/* What goes from below a mailbox that stands elsewhere already is not shown because the server
 * tells it by its old name. */
static void
test_remove_below(void)
{
	g_autoptr(Fixture) fixture = fixture_with_levels(changes_fixture_new());

	g_assert_cmpint(change_remove(fixture, "A/sub/s1.eml"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A", "X"), ==, DONE);
	g_assert_cmpint(change_remove_mailbox(fixture, "X/sub"), ==, DONE);
	changes_commit(fixture);
	list_only(fixture);
	check_tree(fixture, "B C INBOX X");
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	list_only(fixture);
	check_tree(fixture, "B C INBOX X");
	check_server_tree(fixture, "B C INBOX X");
}

/* A level that the server does not list takes nobody's id, in no mount. */
static void
test_unlisted_level(void)
{
	g_autoptr(Fixture) fixture = fixture_new_kept();
	guint32 id;

	fake_mailbox_add(fixture->fake, "L/M", 7);
	fake_mailbox_add(fixture->fake, "L/N", 8);
	fixture_list(fixture);
	id = fixture_mailbox_id(fixture, "L/M");
	for (guint i = 0; i < 2; i++) {
		fixture_reopen(fixture);
		g_assert_cmpuint(fixture_mailbox_id(fixture, "L/M"), ==, id);
		fixture_list(fixture);
		g_assert_cmpuint(fixture_mailbox_id(fixture, "L/M"), ==, id);
	}
}

/* Another client was faster: in the end there is one, and it is shown. */
static void
test_made_by_another(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offline = TRUE;
	g_assert_cmpint(change_make_mailbox(fixture, "D"), ==, DONE);
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "D/m1.eml"), ==, DONE);
	changes_commit(fixture);
	fake_message_add(fake_mailbox_add(fixture->fake, "D", 44), "d1", 10);
	changes_go_online(fixture);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	fixture_pass_time(10 * G_USEC_PER_SEC);
	fixture_list(fixture);
	check_tree(fixture, "A B C D INBOX");
	changes_refresh(fixture, "D");
	changes_check_names(fixture, "D", "d1.eml m1.eml");
}

static void
add_rows(const char *group, guint n, const char *(*label)(guint), GTestDataFunc test)
{
	for (guint i = 0; i < n; i++) {
		g_autofree char *path =
			g_strconcat("/changes-mailboxes/", group, "/", label(i), NULL);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test);
	}
}

static const char *
impossible_label(guint i)
{
	return impossible[i].label;
}

static const char *
refusal_label(guint i)
{
	return refusals[i].label;
}

static const char *
sequence_label(guint i)
{
	return sequences[i].label;
}

static const char *
meanwhile_label(guint i)
{
	return meanwhile[i].label;
}

static const char *
listing_label(guint i)
{
	return listings[i].label;
}

static void
add_paces(const char *kind, guint n_paces, GTestDataFunc test)
{
	for (guint i = 0; i < G_N_ELEMENTS(sequences) * n_paces; i++) {
		g_autofree char *path = g_strdup_printf("/changes-mailboxes/%s/%s/%s", kind,
		                                        sequences[i / n_paces].label,
		                                        change_pace_names[i % n_paces]);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_rows("impossible", G_N_ELEMENTS(impossible), impossible_label, test_impossible);
	add_paces("sequence", N_PACES, test_sequence);
	add_paces("sequence-read", N_PACES_ONLINE, test_sequence_read);
	g_test_add_data_func("/changes-mailboxes/read-offline/removed", "C/c1.eml>B/c1.eml !C",
	                     test_read_offline);
	g_test_add_data_func("/changes-mailboxes/read-offline/renamed-and-removed",
	                     "C/c1.eml>B/c1.eml C>X !X", test_read_offline);
	g_test_add_func("/changes-mailboxes/read-offline/copied", test_read_copy_offline);
	add_rows("sequence-listed", G_N_ELEMENTS(sequences), sequence_label, test_sequence_listed);
	g_test_add_func("/changes-mailboxes/refused/beside-back", test_refused_beside_back);
	g_test_add_func("/changes-mailboxes/refused/circle", test_refused_in_a_circle);
	g_test_add_func("/changes-mailboxes/refused/name-taken", test_refused_name_taken);
	add_rows("refused", G_N_ELEMENTS(refusals), refusal_label, test_refused);
	g_test_add_func("/changes-mailboxes/refused/remove", test_remove_refused);
	g_test_add_func("/changes-mailboxes/refused/filled-meanwhile",
	                test_remove_filled_meanwhile);
	add_rows("listed", G_N_ELEMENTS(listings), listing_label, test_listed);
	add_rows("meanwhile", G_N_ELEMENTS(meanwhile), meanwhile_label, test_changed_meanwhile);
	g_test_add_func("/changes-mailboxes/unlisted-level", test_unlisted_level);
	g_test_add_func("/changes-mailboxes/made-anew", test_made_anew);
	g_test_add_func("/changes-mailboxes/remove-below", test_remove_below);
	g_test_add_func("/changes-mailboxes/made-by-another", test_made_by_another);
	return g_test_run();
}
