/*
 * test-account.c: the tree of mailboxes.
 */
#include "cache-fixture.h"

#include <string.h>

#define COLLIDING_ONE   "M73644"
#define COLLIDING_OTHER "M88463"

/* --- what a listing makes --- */

typedef struct {
	const char *path; /* and name */
	char delimiter;   /* 'x': no hierarchy */
} Listed;

typedef struct {
	const char *label;
	Listed listed[6];
	const char *tree;
} TreeRow;

static const TreeRow tree_rows[] = {
	{"nothing", {{NULL, 0}}, ""},
	{"flat", {{"A", '/'}, {"INBOX", '/'}}, "A INBOX"},
	{"levels", {{"A", '/'}, {"A/B", '/'}, {"A/B/C", '/'}}, "A A/B A/B/C"},
	{"dots", {{"A", '.'}, {"A.B", '.'}, {"A.B/C", '.'}}, "A A/B A/B%C"},
	{"no-hierarchy", {{"A", 'x'}, {"A/B", 'x'}}, "A A%B"},
	{"mixed-delimiters", {{"A", '/'}, {"A.b", '.'}, {"A/c.d", '/'}}, "A A/b A/c.d"},
	{"missing-parents", {{"A/B/C", '/'}, {"A/D", '/'}}, "A A/B A/B/C A/D"},
	{"child-before-parent", {{"A/B", '/'}, {"A", '/'}}, "A A/B"},
	{"trailing-delimiter", {{"A/", '/'}, {"A/B", '/'}}, "A A/B"},
	{"leading-delimiter", {{"/A", '/'}}, "% %/A"},
	{"inbox-small", {{"inbox", '/'}}, "INBOX"},
	{"inbox-mixed", {{"Inbox", '.'}, {"iNBOX.Work", '.'}}, "INBOX INBOX/Work"},
	{"inbox-child-first", {{"inbox/Work", '/'}, {"InBox", '/'}}, "INBOX INBOX/Work"},
	{"inbox-twice", {{"INBOX", '/'}, {"inbox", '/'}}, "INBOX"},
	{"inbox-below", {{"A", '/'}, {"A/inbox", '/'}}, "A A/inbox"},
	{"duplicates", {{"A", '/'}, {"A", '/'}}, "A"},
	{"only-a-delimiter", {{"/", '/'}}, "%"},
	{"empty-levels", {{"A//B", '/'}, {"A//C", '/'}}, "A A/% A/%/B A/%/C"},
};

static void
add_listed(FakeRemote *fake, const Listed *listed)
{
	for (; listed->path; listed++) {
		FakeMailbox *mailbox = fake_mailbox_add(fake, listed->path, 1);

		mailbox->delimiter = listed->delimiter == 'x' ? '\0' : listed->delimiter;
	}
}

static void
test_tree(gconstpointer data)
{
	const TreeRow *row = data;
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);

	add_listed(fixture->fake, row->listed);
	for (int round = 0; round < 3; round++) {
		g_autofree char *tree = NULL;

		fixture_list(fixture);
		tree = fixture_tree(account_root(fixture->account));
		g_assert_cmpstr(tree, ==, row->tree);
	}
	g_assert_cmpuint(fixture->n_gone, ==, 0);
}

/* Two names that make one file name: the later gets another, and each keeps its own messages. */
static void
test_names_that_look_alike(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	g_autofree char *before = NULL, *after = NULL, *messages = NULL;
	Mailbox *root;
	const Mailbox *other;

	fake_mailbox_add(fixture->fake, "A#", 1);
	fake_message_add(fake_mailbox_add(fixture->fake, "A%", 1), "m", 10);
	fixture_list(fixture);
	root = account_root(fixture->account);
	before = fixture_tree(root);
	g_assert_cmpuint(mailbox_n_children(root), ==, 2);
	g_assert_nonnull(mailbox_child(root, "A%"));
	other = mailbox_next_child(root, 0);
	if (other == mailbox_child(root, "A%"))
		other = mailbox_next_child(root, mailbox_id(other));
	g_assert_true(g_str_has_prefix(mailbox_file_name(other), "A%%~"));
	messages = fixture_messages(fixture, mailbox_file_name(other));
	g_assert_cmpstr(messages, ==, "1:m.eml");
	fixture_list(fixture);
	after = fixture_tree(root);
	g_assert_cmpstr(before, ==, after);
	g_assert_cmpuint(fixture->n_gone, ==, 0);
}

/* --- change --- */

static void
check_tree(Fixture *fixture, const char *expected)
{
	g_autofree char *tree = NULL;

	fixture_list(fixture);
	tree = fixture_tree(account_root(fixture->account));
	g_assert_cmpstr(tree, ==, expected);
}

static void
test_come_and_go(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeRemote *fake = fixture->fake;
	guint64 version;

	fake_mailbox_add(fake, "A", 1);
	check_tree(fixture, "A");
	version = mailbox_version(account_root(fixture->account));
	check_tree(fixture, "A");
	g_assert_cmpuint(mailbox_version(account_root(fixture->account)), ==, version);
	fake_mailbox_add(fake, "B/C", 1);
	check_tree(fixture, "A B B/C");
	g_assert_cmpuint(mailbox_version(account_root(fixture->account)), >, version);
	g_assert_cmpuint(fixture->n_gone, ==, 0);
	fake_mailbox_remove(fake, "B/C");
	version = mailbox_version(account_root(fixture->account));
	check_tree(fixture, "A");
	g_assert_cmpstr(fixture->gone->str, ==, "C B ");
	g_assert_cmpuint(fixture->last_gone_parent, ==, 0);
	g_assert_cmpuint(mailbox_version(account_root(fixture->account)), >, version);
	fake_mailbox_remove(fake, "A");
	check_tree(fixture, "");
}

/* What is told of a mailbox that goes: its messages first, then itself. */
static void
test_goes_with_its_messages(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	guint64 id;

	fake_message_add(mailbox, "m", 10);
	fake_message_add(mailbox, "n", 10);
	id = fixture_open(fixture, "A", 1);
	g_assert_cmpuint(account_n_messages(fixture->account), ==, 2);
	fake_mailbox_remove(fixture->fake, "A");
	fixture_list(fixture);
	g_assert_cmpstr(fixture->gone->str, ==, "m.eml n.eml A ");
	g_assert_cmpuint(fixture->last_gone_id, ==, id >> 32 << 32);
	g_assert_null(account_mailbox(fixture->account, (guint32)(id >> 32)));
	g_assert_cmpuint(account_n_messages(fixture->account), ==, 0);
}

/* Its children keep a place in the tree; its messages are gone. */
static void
parent_goes(gboolean still_listed)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *parent = fake_mailbox_add(fixture->fake, "A", 1);
	g_autofree char *messages = NULL, *again = NULL;
	guint32 child;

	fake_message_add(parent, "m", 10);
	fake_mailbox_add(fixture->fake, "A/B", 1);
	fixture_open(fixture, "A", 1);
	child = fixture_mailbox_id(fixture, "A/B");
	if (still_listed)
		parent->unselectable = TRUE;
	else
		fake_mailbox_remove(fixture->fake, "A");
	check_tree(fixture, "A A/B");
	messages = fixture_messages(fixture, "A");
	g_assert_cmpstr(messages, ==, "");
	g_assert_cmpstr(fixture->gone->str, ==, "m.eml ");
	g_assert_cmpuint(fixture_mailbox_id(fixture, "A/B"), ==, child);
	g_assert_cmpuint(account_n_messages(fixture->account), ==, 0);

	if (still_listed)
		parent->unselectable = FALSE;
	else
		fake_message_add(fake_mailbox_add(fixture->fake, "A", 1), "m", 10);
	check_tree(fixture, "A A/B");
	again = fixture_messages(fixture, "A");
	g_assert_cmpstr(again, ==, "1:m.eml");
}

static void
test_parent_goes(void)
{
	parent_goes(FALSE);
}

static void
test_parent_becomes_a_level(void)
{
	parent_goes(TRUE);
}

static void
test_last_child_goes_with_its_levels(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);

	fake_mailbox_add(fixture->fake, "A", 1);
	fake_mailbox_add(fixture->fake, "A/B", 1);
	check_tree(fixture, "A A/B");
	fake_mailbox_remove(fixture->fake, "A");
	check_tree(fixture, "A A/B");
	fake_mailbox_remove(fixture->fake, "A/B");
	check_tree(fixture, "");
}

/* --- ids --- */

static void
test_ids_are_the_same_everywhere(void)
{
	g_autoptr(Fixture) one = fixture_new(0, NULL), other = fixture_new(0, NULL);
	static const char *const paths[] = {"A", "A/B", "C", "INBOX"};

	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		fake_mailbox_add(one->fake, paths[i], 5 + i);
	for (guint i = G_N_ELEMENTS(paths); i-- > 0;)
		if (!g_str_equal(paths[i], "A/B"))
			fake_mailbox_add(other->fake, paths[i], 5 + i);
	fake_mailbox_add(other->fake, "A/B", 6);
	fixture_list(one);
	fixture_list(other);
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		guint32 id = fixture_mailbox_id(one, paths[i]);

		g_assert_cmpuint(id, ==, fixture_mailbox_id(other, paths[i]));
		g_assert_cmpuint(id, >, 0);
		g_assert_cmpuint(id, <=, 0x7fffffff);
		g_assert_true(account_mailbox(one->account, id) == fixture_mailbox(one, paths[i]));
	}
}

/* These two names and UIDVALIDITY 1 hash to the same 31 bits. */
static void
test_ids_that_collide(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	guint32 one, other;

	fake_mailbox_add(fixture->fake, COLLIDING_ONE, 1);
	fake_mailbox_add(fixture->fake, COLLIDING_OTHER, 1);
	fixture_list(fixture);
	one = fixture_mailbox_id(fixture, COLLIDING_ONE);
	other = fixture_mailbox_id(fixture, COLLIDING_OTHER);
	g_assert_cmpuint(other, ==, one + 1);
	fixture_list(fixture);
	g_assert_cmpuint(fixture_mailbox_id(fixture, COLLIDING_OTHER), ==, other);
}

static void
test_no_such_id(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);

	g_assert_null(account_mailbox(fixture->account, 0));
	g_assert_null(account_mailbox(fixture->account, 5));
}

/* --- UIDVALIDITY --- */

/* The mailbox is deleted and made again under its name, with one message that has an old UID. */
static FakeMessage *
replace_mailbox(Fixture *fixture, guint32 uidvalidity, gboolean hides_status)
{
	FakeMailbox *mailbox;

	fake_mailbox_remove(fixture->fake, "A");
	mailbox = fake_mailbox_add(fixture->fake, "A", uidvalidity);
	mailbox->hides_status = hides_status;
	return fake_message_add(mailbox, "new", 20);
}

static void
check_replaced(Fixture *fixture, guint64 old_id, const FakeMessage *message)
{
	guint64 id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	g_autofree char *messages = fixture_messages(fixture, "A");
	g_autoptr(Ask) ask = NULL;

	g_assert_cmpstr(messages, ==, "1:new.eml");
	id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	g_assert_cmpuint(id, !=, old_id);
	g_assert_null(account_mailbox(fixture->account, (guint32)(old_id >> 32)));
	ask = ask_read(fixture, id, 0, 100);
	ask_check_bytes(ask, message);
}

typedef struct {
	const char *label;
	gboolean hides_status; /* the change is found by the scan */
	gboolean list_first;   /* it is found by a listing */
} ReplaceRow;

static const ReplaceRow replace_rows[] = {
	{"by-list", FALSE, TRUE},
	{"by-scan", FALSE, FALSE},
	{"by-scan-without-status", TRUE, FALSE},
	{"by-scan-after-a-listing-without-status", TRUE, TRUE},
};

/* Again and again, for the old ids and blocks must not come back. */
static void
test_replaced(gconstpointer data)
{
	const ReplaceRow *row = data;
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	const FakeMessage *message = fake_message_add(mailbox, "old", 10);
	guint64 id;

	mailbox->hides_status = row->hides_status;
	id = fixture_open(fixture, "A", 1);
	fixture_read_through(fixture, id, message, 100);
	for (guint32 uidvalidity = 2; uidvalidity < 6; uidvalidity++) {
		message = replace_mailbox(fixture, uidvalidity, row->hides_status);
		if (row->list_first)
			fixture_list(fixture);
		if (!row->list_first || row->hides_status) {
			guint32 old = fixture_mailbox_id(fixture, "A");
			g_autoptr(Ask) ask = ask_synced(
				fixture, old, mailbox_refresh(fixture_mailbox(fixture, "A")));

			ask_wait(ask);
			fixture_settle(fixture);
		}
		check_replaced(fixture, id, message);
		id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	}
}

/* The same id as in an account that has never seen the old mailbox. */
static void
test_replaced_has_the_id_of_a_new_mount(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL), other = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);

	fake_message_add(mailbox, "old", 10);
	fake_mailbox_add(other->fake, "A", 2);
	fixture_open(fixture, "A", 1);
	replace_mailbox(fixture, 2, FALSE);
	mailbox_refresh(fixture_mailbox(fixture, "A"));
	fixture_settle(fixture);
	fixture_list(other);
	g_assert_cmpuint(fixture_mailbox_id(fixture, "A"), ==, fixture_mailbox_id(other, "A"));
	fixture_list(fixture);
	g_assert_cmpuint(fixture_mailbox_id(fixture, "A"), ==, fixture_mailbox_id(other, "A"));
}

/* A listing tells of the new mailbox while the old one is being scanned. */
static void
test_replaced_during_a_scan(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	const FakeMessage *message;
	g_autoptr(Ask) next = NULL;
	guint64 old_id;

	fake_message_add(mailbox, "old", 10);
	fixture_list(fixture);
	old_id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	next = ask_next(fixture, fixture_mailbox_id(fixture, "A"), 0);
	message = replace_mailbox(fixture, 2, FALSE);
	account_refresh(fixture->account, FALSE);
	while (fake_remote_step_kind(fixture->fake, FAKE_LIST))
		;
	g_assert_cmpuint(fixture_mailbox_id(fixture, "A"), !=, old_id >> 32);
	ask_check_error(next, IMAPFS_ERROR_STALE);
	check_replaced(fixture, old_id, message);
}

/* Deleted and made again, with a listing between that shows neither; no STATUS tells them apart. */
static void
test_removed_and_made_again(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	const FakeMessage *message = fake_message_add(mailbox, "old", 10);
	guint64 id;

	mailbox->hides_status = TRUE;
	id = fixture_open(fixture, "A", 1);
	fixture_read_through(fixture, id, message, 100);
	fake_mailbox_remove(fixture->fake, "A");
	check_tree(fixture, "");
	mailbox = fake_mailbox_add(fixture->fake, "A", 2);
	mailbox->hides_status = TRUE;
	message = fake_message_add(mailbox, "new", 20);
	check_tree(fixture, "A");
	check_replaced(fixture, id, message);
}

/* The scan that would tell the new UIDVALIDITY is cut off; the next one finds it. */
static void
test_replaced_and_cut_off(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	const FakeMessage *message = fake_message_add(mailbox, "old", 10);
	guint64 id;

	mailbox->hides_status = TRUE;
	id = fixture_open(fixture, "A", 1);
	fixture_read_through(fixture, id, message, 100);
	message = replace_mailbox(fixture, 2, TRUE);
	mailbox_refresh(fixture_mailbox(fixture, "A"));
	while (fixture->fake->n_operations[FAKE_SCAN] < 3) /* STALE: scanned once more */
		g_assert_true(fake_remote_step(fixture->fake));
	fake_remote_fail(fixture->fake, FAKE_SCAN, IMAPFS_ERROR_OFFLINE, 0);
	fixture_settle(fixture);
	mailbox_refresh(fixture_mailbox(fixture, "A"));
	fixture_settle(fixture);
	check_replaced(fixture, id, message);
}

/* --- the root --- */

static void
test_root(void)
{
	static const struct {
		const char *label, *root, *tree; /* tree NULL: no such root */
	} rows[] = {
		{"none", NULL, "A A/B A/B/C INBOX"}, {"empty", "", "A A/B A/B/C INBOX"},
		{"one level", "A", "B B/C"},         {"two levels", "A/B", "C"},
		{"stray slashes", "/A//B/", "C"},    {"no children", "INBOX", ""},
		{"not there", "A/X", NULL},          {"not there at all", "X/Y", NULL},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(Fixture) fixture = fixture_new(0, rows[i].root);
		g_autofree char *tree = NULL;

		fake_mailbox_add(fixture->fake, "A", 1);
		fake_mailbox_add(fixture->fake, "A/B", 1);
		fake_mailbox_add(fixture->fake, "A/B/C", 1);
		fake_mailbox_add(fixture->fake, "INBOX", 1);
		fixture_list(fixture);
		if (account_root(fixture->account))
			tree = fixture_tree(account_root(fixture->account));
		if (g_strcmp0(tree, rows[i].tree) != 0)
			g_test_fail_printf("%s: got %s", rows[i].label, tree);
	}
}

/* --- refreshing --- */

static void
test_strict_follows_what_is_under_way(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	g_autoptr(Ask) first = NULL, second = NULL, third = NULL;

	fake_mailbox_add(fixture->fake, "A", 1);
	first = ask_listed(fixture, account_refresh(fixture->account, FALSE));
	g_assert_true(fake_remote_step(fixture->fake));
	fake_mailbox_add(fixture->fake, "B", 1); /* too late for the first */
	second = ask_listed(fixture, account_refresh(fixture->account, FALSE));
	third = ask_listed(fixture, account_refresh(fixture->account, FALSE));
	ask_wait(first);
	g_assert_null(fixture_mailbox(fixture, "B"));
	g_assert_false(second->answered);
	ask_wait(second);
	g_assert_nonnull(fixture_mailbox(fixture, "B"));
	g_assert_true(third->answered);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_LIST], ==, 2);
	fixture_settle(fixture);
}

static void
test_lazy(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	g_autoptr(Ask) first = NULL, joins = NULL, young = NULL, old = NULL;

	first = ask_listed(fixture, account_refresh(fixture->account, TRUE));
	joins = ask_listed(fixture, account_refresh(fixture->account, TRUE));
	fixture_pass_time(G_USEC_PER_SEC); /* a listing that takes so long ... */
	ask_wait(first);
	g_assert_true(joins->answered);
	fixture_pass_time(3 * G_USEC_PER_SEC); /* ... will do for four times that */
	young = ask_listed(fixture, account_refresh(fixture->account, TRUE));
	g_assert_true(young->answered);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_LIST], ==, 1);
	fixture_pass_time(2 * G_USEC_PER_SEC);
	old = ask_listed(fixture, account_refresh(fixture->account, TRUE));
	g_assert_false(old->answered);
	ask_wait(old);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_LIST], ==, 2);
}

static void
test_offline_before_the_first(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	g_autoptr(Ask) strict = NULL, lazy = NULL, later = NULL;

	fake_mailbox_add(fixture->fake, "A", 1);
	fixture->fake->offline = TRUE;
	strict = ask_listed(fixture, account_refresh(fixture->account, FALSE));
	lazy = ask_listed(fixture, account_refresh(fixture->account, TRUE));
	ask_check_error(strict, IMAPFS_ERROR_OFFLINE);
	ask_check_error(lazy, IMAPFS_ERROR_OFFLINE);
	fixture->fake->offline = FALSE;
	later = ask_listed(fixture, account_refresh(fixture->account, TRUE));
	ask_wait(later);
	g_assert_no_error(later->error);
	g_assert_nonnull(fixture_mailbox(fixture, "A"));
}

/* An old tree is better than none, and half a listing removes nothing. */
static void
test_offline_after_the_first(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);

	fake_mailbox_add(fixture->fake, "A", 1);
	fake_mailbox_add(fixture->fake, "B", 1);
	check_tree(fixture, "A B");
	fake_mailbox_remove(fixture->fake, "B");
	fake_remote_fail(fixture->fake, FAKE_LIST, IMAPFS_ERROR_OFFLINE, 1);
	check_tree(fixture, "A B");
	check_tree(fixture, "A");
}

static void
test_counts(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	g_autoptr(GString) text = g_string_new(NULL);

	for (int i = 0; i < 7; i++)
		fake_message_add(mailbox, "m", 10);
	fixture_list(fixture);
	g_assert_cmpuint(account_n_messages(fixture->account), ==, 7);
	fake_message_expunge(mailbox, 3);
	fixture_open(fixture, "A", 1);
	g_assert_cmpuint(account_n_messages(fixture->account), ==, 6);
	account_status(fixture->account, text);
	g_assert_nonnull(strstr(text->str, "fake: yes\n"));
	g_assert_nonnull(strstr(text->str, "mailboxes: 1\nmessages: 6\nsizes_trusted: yes\n"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(tree_rows); i++) {
		g_autofree char *name = g_strconcat("/account/tree/", tree_rows[i].label, NULL);

		g_test_add_data_func(name, &tree_rows[i], test_tree);
	}
	g_test_add_func("/account/names-that-look-alike", test_names_that_look_alike);
	g_test_add_func("/account/come-and-go", test_come_and_go);
	g_test_add_func("/account/goes-with-its-messages", test_goes_with_its_messages);
	g_test_add_func("/account/parent-goes", test_parent_goes);
	g_test_add_func("/account/parent-becomes-a-level", test_parent_becomes_a_level);
	g_test_add_func("/account/last-child-goes", test_last_child_goes_with_its_levels);
	g_test_add_func("/account/ids/same-everywhere", test_ids_are_the_same_everywhere);
	g_test_add_func("/account/ids/collide", test_ids_that_collide);
	g_test_add_func("/account/ids/none", test_no_such_id);
	for (guint i = 0; i < G_N_ELEMENTS(replace_rows); i++) {
		g_autofree char *name =
			g_strconcat("/account/replaced/", replace_rows[i].label, NULL);

		g_test_add_data_func(name, &replace_rows[i], test_replaced);
	}
	g_test_add_func("/account/replaced/same-id-as-new",
	                test_replaced_has_the_id_of_a_new_mount);
	g_test_add_func("/account/replaced/during-a-scan", test_replaced_during_a_scan);
	g_test_add_func("/account/replaced/removed-and-made-again", test_removed_and_made_again);
	g_test_add_func("/account/replaced/cut-off", test_replaced_and_cut_off);
	g_test_add_func("/account/root", test_root);
	g_test_add_func("/account/refresh/strict", test_strict_follows_what_is_under_way);
	g_test_add_func("/account/refresh/lazy", test_lazy);
	g_test_add_func("/account/refresh/offline-before-the-first", test_offline_before_the_first);
	g_test_add_func("/account/refresh/offline-after-the-first", test_offline_after_the_first);
	g_test_add_func("/account/counts", test_counts);
	return g_test_run();
}
