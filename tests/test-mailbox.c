/*
 * test-mailbox.c: the messages of a mailbox, and keeping them like the server's.
 */
#include "cache-fixture.h"

#include <string.h>

/* An account that has been listed, with a mailbox A of messages "m1" to "m@n". */
static Fixture *
fixture_with(guint n, FakeMailbox **mailbox)
{
	Fixture *fixture = fixture_new(0, NULL);

	*mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	for (guint i = 1; i <= n; i++) {
		g_autofree char *name = g_strdup_printf("m%u", i);

		fake_message_add(*mailbox, name, 100 + i);
	}
	fixture_list(fixture);
	return fixture;
}

static void
check_messages(Fixture *fixture, const char *expected)
{
	g_autofree char *messages = fixture_messages(fixture, "A");

	g_assert_cmpstr(messages, ==, expected);
}

static guint32
id_of(Fixture *fixture)
{
	return fixture_mailbox_id(fixture, "A");
}

static Ask *
ask_refreshed(Fixture *fixture)
{
	return ask_synced(fixture, id_of(fixture), mailbox_refresh(fixture_mailbox(fixture, "A")));
}

/* --- a first listing --- */

static void
test_listing(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	const Message *message;

	g_assert_null(mailbox_message(fixture_mailbox(fixture, "A"), 1));
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
	message = mailbox_message(fixture_mailbox(fixture, "A"), 2);
	g_assert_cmpuint(message->size, ==, 102);
	g_assert_cmpint(message->internaldate, ==, 1000000002);
	g_assert_false(message->size_exact);
	g_assert_false(account_sizes_lie(fixture->account));
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 1);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_UIDS], ==, 0);
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 2);
}

static void
test_empty(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(0, &mailbox);
	g_autoptr(Ask) lookup = NULL;

	check_messages(fixture, "");
	lookup = ask_lookup(fixture, id_of(fixture), "m1.eml");
	g_assert_true(lookup->answered);
	g_assert_cmpuint(lookup->uid, ==, 0);
}

static void
test_last_uid_of_all(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(1, &mailbox);

	mailbox->next_uid = G_MAXUINT32 - 1;
	fake_message_add(mailbox, "last but one", 10);
	fake_message_add(mailbox, "last", 10);
	for (int round = 0; round < 2; round++)
		check_messages(fixture, "1:m1.eml 4294967294:last but one.eml 4294967295:last.eml");
	fake_message_expunge(mailbox, 1);
	check_messages(fixture, "4294967294:last but one.eml 4294967295:last.eml");
	fake_message_expunge(mailbox, G_MAXUINT32);
	check_messages(fixture, "4294967294:last but one.eml");
}

/* Answers come as soon as the messages have come, not when all have. */
static void
test_streams(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(1000, &mailbox);
	g_autoptr(Ask) first = NULL, second = NULL, lookup = NULL, far = NULL, never = NULL;

	fixture->fake->batch = 200;
	first = ask_next(fixture, id_of(fixture), 0);
	lookup = ask_lookup(fixture, id_of(fixture), "m150.eml");
	far = ask_lookup(fixture, id_of(fixture), "m900.eml");
	never = ask_lookup(fixture, id_of(fixture), "x.eml");
	ask_check_uid(first, 1);
	ask_check_uid(lookup, 150);
	g_assert_false(far->answered);
	second = ask_next(fixture, id_of(fixture), 200);
	g_assert_false(second->answered);
	ask_check_uid(second, 201);
	g_assert_null(mailbox_message(fixture_mailbox(fixture, "A"), 800));
	ask_check_uid(far, 900);
	g_assert_false(never->answered);
	ask_check_uid(never, 0);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 1);
}

/* A whole listing, whatever the size of the batches. */
static void
test_batches(void)
{
	static const guint batches[] = {1, 7, 149, 150, 499, 500, 0};

	for (guint i = 0; i < G_N_ELEMENTS(batches); i++) {
		FakeMailbox *mailbox;
		g_autoptr(Fixture) fixture = fixture_with(500, &mailbox);
		guint32 uid = 0;

		fixture->fake->batch = batches[i];
		for (;;) {
			g_autoptr(Ask) next = ask_next(fixture, id_of(fixture), uid);

			ask_check_uid(next, uid < 500 ? uid + 1 : 0);
			if (!next->uid)
				break;
			uid = next->uid;
		}
		g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 1);
	}
}

/* Where messages come in no order, nobody passes by one that has yet to come. */
static void
test_unordered(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(5, &mailbox);
	g_autoptr(Ask) last = NULL;

	fixture->fake->backwards = TRUE;
	fixture->fake->batch = 2;
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml 5:m5.eml");
	last = ask_next(fixture, id_of(fixture), 4);
	ask_check_uid(last, 5);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 1);
	g_assert_cmpuint(fixture->n_gone, ==, 0);
}

/* A single message that comes first cannot be known to be out of order. Then a second listing shows
 * the rest, for the version has changed. */
static void
test_unordered_one_by_one(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(5, &mailbox);
	guint64 version;

	fixture->fake->backwards = TRUE;
	fixture->fake->batch = 1;
	version = mailbox_version(fixture_mailbox(fixture, "A"));
	g_free(fixture_messages(fixture, "A"));
	fixture_settle(fixture);
	g_assert_cmpuint(mailbox_version(fixture_mailbox(fixture, "A")), >, version);
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml 5:m5.eml");
}

static void
test_told_twice(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);

	fixture->fake->repeats = TRUE;
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_UIDS], ==, 0);
}

static void
test_size_not_told(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(2, &mailbox);

	fake_message(mailbox, 2)->hides_size = TRUE;
	check_messages(fixture, "1:m1.eml 2:m2.eml");
	g_assert_cmpuint(mailbox_message(fixture_mailbox(fixture, "A"), 2)->size, ==, 0);
	g_assert_true(account_sizes_lie(fixture->account));
}

/* --- what breaks off --- */

/* What has come stays; the next listing goes on behind it. */
static void
test_broken_off(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(5, &mailbox);
	g_autoptr(Ask) first = NULL, third = NULL, lookup = NULL;

	fixture->fake->batch = 1;
	fake_remote_fail(fixture->fake, FAKE_SCAN, IMAPFS_ERROR_OFFLINE, 4); /* 2 and 2 batches */
	first = ask_next(fixture, id_of(fixture), 0);
	ask_check_uid(first, 1);
	third = ask_next(fixture, id_of(fixture), 2);
	lookup = ask_lookup(fixture, id_of(fixture), "m4.eml");
	ask_check_error(third, IMAPFS_ERROR_OFFLINE);
	ask_check_error(lookup, IMAPFS_ERROR_OFFLINE);
	g_assert_nonnull(mailbox_message(fixture_mailbox(fixture, "A"), 2));
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml 5:m5.eml");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_UIDS], ==, 1);
}

/* The upper half has come first and then no more: the lower half is asked for again. */
static void
test_holes_are_filled(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(6, &mailbox);
	g_autoptr(Ask) ask = NULL;

	fixture->fake->backwards = TRUE;
	fake_remote_fail(fixture->fake, FAKE_SCAN, IMAPFS_ERROR_OFFLINE, 3);
	ask = ask_next(fixture, id_of(fixture), 0);
	ask_check_error(ask, IMAPFS_ERROR_OFFLINE);
	g_assert_null(mailbox_message(fixture_mailbox(fixture, "A"), 3));
	ask_free(g_steal_pointer(&ask));
	ask = ask_refreshed(fixture);
	fixture_settle(fixture);
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml 5:m5.eml 6:m6.eml");
	g_assert_cmpuint(fixture->n_gone, ==, 0);
}

/* A message that every search tells and no scan ever does is asked for once, not for ever. */
static void
test_hole_that_stays(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(4, &mailbox);

	fixture->fake->scan_omits = 2;
	check_messages(fixture, "1:m1.eml 3:m3.eml 4:m4.eml");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], <=, 2);
	check_messages(fixture, "1:m1.eml 3:m3.eml 4:m4.eml");
	g_assert_cmpuint(fixture->n_gone, ==, 0);
}

static void
test_every_error_ends_the_wait(void)
{
	for (ImapfsError code = IMAPFS_ERROR_FAILED; code <= IMAPFS_ERROR_READ_ONLY; code++) {
		FakeMailbox *mailbox;
		g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
		g_autoptr(Ask) next = NULL, lookup = NULL;

		if (code == IMAPFS_ERROR_STALE || code == IMAPFS_ERROR_NOT_FOUND)
			continue; /* the one begins anew, the other takes the mailbox away */
		fake_remote_fail(fixture->fake, FAKE_SCAN, code, 2);
		next = ask_next(fixture, id_of(fixture), 2);
		lookup = ask_lookup(fixture, id_of(fixture), "m3.eml");
		ask_check_error(next, code);
		ask_check_error(lookup, code);
		check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
		fixture_settle(fixture);
	}
}

/* A server that calls the mailbox another one each time is believed once in a sync. */
static void
test_always_stale(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) next = NULL;

	fake_remote_fail(fixture->fake, FAKE_SCAN, IMAPFS_ERROR_STALE, 1);
	next = ask_next(fixture, id_of(fixture), 0);
	while (fixture->fake->n_operations[FAKE_SCAN] < 2)
		g_assert_true(fake_remote_step(fixture->fake));
	fake_remote_fail(fixture->fake, FAKE_SCAN, IMAPFS_ERROR_STALE, 1);
	ask_check_error(next, IMAPFS_ERROR_STALE);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 2);
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
}

/* While a sync finds out whose the name is now, nobody is let in to be shown the old one's list. */
static void
test_replaced(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) first = NULL, second = NULL;

	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
	mailbox->uidvalidity++;
	first = ask_refreshed(fixture);
	while (fixture->fake->n_operations[FAKE_SCAN] < 3)
		g_assert_true(fake_remote_step(fixture->fake));
	second = ask_refreshed(fixture);
	g_assert_false(first->answered || second->answered);
	ask_check_error(second, IMAPFS_ERROR_STALE);
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
}

static void
test_not_found_lists_the_account(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) next = NULL;

	fake_mailbox_remove(fixture->fake, "A");
	next = ask_next(fixture, id_of(fixture), 0);
	ask_check_error(next, IMAPFS_ERROR_NOT_FOUND);
	fixture_settle(fixture);
	g_assert_null(fixture_mailbox(fixture, "A"));
}

/* --- change --- */

static void
test_new_mail(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(2, &mailbox);
	guint64 version;

	check_messages(fixture, "1:m1.eml 2:m2.eml");
	version = mailbox_version(fixture_mailbox(fixture, "A"));
	check_messages(fixture, "1:m1.eml 2:m2.eml");
	g_assert_cmpuint(mailbox_version(fixture_mailbox(fixture, "A")), ==, version);
	fake_message_add(mailbox, "new", 10);
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:new.eml");
	g_assert_cmpuint(mailbox_version(fixture_mailbox(fixture, "A")), >, version);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_UIDS], ==, 0);
}

/* What changes at the server between two listings, and what it costs to find out. */
typedef struct {
	const char *label;
	guint32 expunged[4];
	guint n_new;
	gint exists_bias;
	guint32 search_omits;
	const char *messages, *gone;
	guint n_searches;
} ChangeRow;

static const ChangeRow change_rows[] = {
	{"nothing", {0}, 0, 0, 0, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml", "", 0},
	{"first", {1}, 0, 0, 0, "2:m2.eml 3:m3.eml 4:m4.eml", "m1.eml ", 1},
	{"middle", {2, 3}, 0, 0, 0, "1:m1.eml 4:m4.eml", "m2.eml m3.eml ", 1},
	{"last", {4}, 0, 0, 0, "1:m1.eml 2:m2.eml 3:m3.eml", "m4.eml ", 1},
	{"apart", {1, 3}, 0, 0, 0, "2:m2.eml 4:m4.eml", "m1.eml m3.eml ", 1},
	{"all", {1, 2, 3, 4}, 0, 0, 0, "", "m1.eml m2.eml m3.eml m4.eml ", 1},
	{"one-gone-one-new", {2}, 1, 0, 0, "1:m1.eml 3:m3.eml 4:m4.eml 5:new.eml", "m2.eml ", 1},
	{"all-gone-one-new", {1, 2, 3, 4}, 1, 0, 0, "5:new.eml", "m1.eml m2.eml m3.eml m4.eml ", 1},
	{"count-too-low", {0}, 0, -1, 0, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml", "", 1},
	{"count-too-high", {0}, 0, 1, 0, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml", "", 1},
	{"count-is-nothing", {0}, 0, -4, 0, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml", "", 1},
	{"search-incomplete", {1}, 0, 0, 3, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml", "", 1},
	{"expunged-and-count-wrong", {1}, 0, -1, 0, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml", "", 1},
};

static void
test_change(gconstpointer data)
{
	const ChangeRow *row = data;
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(4, &mailbox);
	guint64 version;

	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml");
	version = mailbox_version(fixture_mailbox(fixture, "A"));
	for (guint i = 0; i < G_N_ELEMENTS(row->expunged) && row->expunged[i]; i++)
		fake_message_expunge(mailbox, row->expunged[i]);
	for (guint i = 0; i < row->n_new; i++)
		fake_message_add(mailbox, "new", 10);
	fixture->fake->hides_vanished = TRUE;
	fixture->fake->exists_bias = row->exists_bias;
	fixture->fake->search_omits = row->search_omits;
	check_messages(fixture, row->messages);
	g_assert_cmpstr(fixture->gone->str, ==, row->gone);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_UIDS], ==, row->n_searches);
	g_assert_cmpint(mailbox_version(fixture_mailbox(fixture, "A")) > version, ==,
	                *row->gone || row->n_new);
	if (*row->gone)
		g_assert_cmpuint(fixture->last_gone_parent, ==, message_id(id_of(fixture), 0));
}

/* Mail comes between the scan and the search: it is no reason to forget anything. */
static void
test_mail_during_a_search(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) ask = NULL;

	fixture->fake->hides_vanished = TRUE;
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
	fake_message_expunge(mailbox, 2);
	ask = ask_refreshed(fixture);
	while (!fixture->fake->n_operations[FAKE_UIDS])
		g_assert_true(fake_remote_step(fixture->fake));
	fake_message_add(mailbox, "new", 10);
	ask_wait(ask);
	fixture_settle(fixture);
	g_assert_cmpstr(fixture->gone->str, ==, "m2.eml ");
	check_messages(fixture, "1:m1.eml 3:m3.eml 4:new.eml");
}

/* The server's word that messages are gone is taken where the counts agree, and then saves a
 * search. */
static void
test_vanished(void)
{
	for (guint lies = 0; lies < 2; lies++) {
		FakeMailbox *mailbox;
		g_autoptr(Fixture) fixture = fixture_with(4, &mailbox);

		check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml");
		fake_message_expunge(mailbox, 2);
		fake_message_expunge(mailbox, 3);
		fixture->fake->exists_bias = lies ? 1 : 0;
		check_messages(fixture,
		               lies ? "1:m1.eml 2:m2.eml 3:m3.eml 4:m4.eml" : "1:m1.eml 4:m4.eml");
		g_assert_cmpuint(fixture->fake->n_operations[FAKE_UIDS], ==, lies);
	}
}

static void
test_old_list_when_offline(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(2, &mailbox);

	fixture->fake->hides_vanished = TRUE;
	check_messages(fixture, "1:m1.eml 2:m2.eml");
	fake_message_expunge(mailbox, 1);
	fixture->fake->offline = TRUE;
	check_messages(fixture, "1:m1.eml 2:m2.eml");
	fixture->fake->offline = FALSE;
	fake_remote_fail(fixture->fake, FAKE_UIDS, IMAPFS_ERROR_OFFLINE, 0);
	check_messages(fixture, "1:m1.eml 2:m2.eml");
	check_messages(fixture, "2:m2.eml");
}

/* A refresh that comes while another is under way sees what the other has passed. */
static void
test_refresh_during_refresh(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(2, &mailbox);
	g_autoptr(Ask) first = NULL, second = NULL, third = NULL;

	check_messages(fixture, "1:m1.eml 2:m2.eml");
	first = ask_refreshed(fixture);
	g_assert_true(fake_remote_step(fixture->fake));
	fake_message_add(mailbox, "new", 10); /* too late for the first */
	second = ask_refreshed(fixture);
	third = ask_refreshed(fixture);
	ask_wait(first);
	g_assert_null(mailbox_message(fixture_mailbox(fixture, "A"), 3));
	g_assert_false(second->answered);
	ask_wait(second);
	g_assert_nonnull(mailbox_message(fixture_mailbox(fixture, "A"), 3));
	g_assert_true(third->answered);
	fixture_settle(fixture);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 3);
}

/* The first listing is not waited for by who only opens: it is shown as it grows. */
static void
test_first_refresh_is_not_awaited(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(2, &mailbox);
	g_autoptr(Ask) one = ask_refreshed(fixture), other = ask_refreshed(fixture);

	g_assert_true(one->answered);
	g_assert_true(other->answered);
	fixture_settle(fixture);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 1);
}

static void
test_level_has_no_messages(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	g_autofree char *of_level = NULL;
	g_autoptr(Ask) of_top = NULL;

	fake_mailbox_add(fixture->fake, "A/B", 1);
	fake_mailbox_add(fixture->fake, "C", 1)->unselectable = TRUE;
	fixture_list(fixture);
	of_level = fixture_messages(fixture, "A");
	g_assert_cmpstr(of_level, ==, "");
	g_free(of_level);
	of_level = fixture_messages(fixture, "C");
	g_assert_cmpstr(of_level, ==, "");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, 0);
}

/* --- names --- */

static void
test_same_name(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(0, &mailbox);
	g_autoptr(Ask) first = NULL, second = NULL, gone = NULL;

	for (int i = 0; i < 3; i++)
		fake_message_add(mailbox, "m", 10);
	check_messages(fixture, "1:m.eml 2:m~2.eml 3:m~3.eml");
	first = ask_lookup(fixture, id_of(fixture), "m.eml");
	ask_check_uid(first, 1);
	second = ask_lookup(fixture, id_of(fixture), "m~2.eml");
	ask_check_uid(second, 2);
	/* A name stays with its message, and what has become free is given to the next. */
	fake_message_expunge(mailbox, 1);
	check_messages(fixture, "2:m~2.eml 3:m~3.eml");
	gone = ask_lookup(fixture, id_of(fixture), "m.eml");
	ask_check_uid(gone, 0);
	fake_message_add(mailbox, "m", 10);
	check_messages(fixture, "2:m~2.eml 3:m~3.eml 4:m.eml");
}

static void
test_name_of_a_child_mailbox(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(0, &mailbox);

	fake_mailbox_add(fixture->fake, "A/m.eml", 1);
	fixture_list(fixture);
	fake_message_add(mailbox, "m", 10);
	check_messages(fixture, "1:m~1.eml");
}

/* Even a second choice can be taken, by a message that is called so: nobody crashes, and each is
 * still listed. */
static void
test_second_choice_taken(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(0, &mailbox);
	g_autofree char *messages = NULL;

	fake_message_add(mailbox, "m~3", 10);
	fake_message_add(mailbox, "m", 10);
	fake_message_add(mailbox, "m", 10);
	messages = fixture_messages(fixture, "A");
	fake_message_expunge(mailbox, 1);
	check_messages(fixture, "2:m.eml 3:m~3.eml");
	fake_message_expunge(mailbox, 3);
	check_messages(fixture, "2:m.eml");
}

/* --- removal under a waiter --- */

static void
test_removed_under_waiters(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) next = NULL, lookup = NULL;

	next = ask_next(fixture, id_of(fixture), 0);
	lookup = ask_lookup(fixture, id_of(fixture), "m1.eml");
	fake_mailbox_remove(fixture->fake, "A");
	account_refresh(fixture->account, FALSE);
	while (fake_remote_step_kind(fixture->fake, FAKE_LIST))
		;
	g_assert_null(fixture_mailbox(fixture, "A"));
	g_assert_true(next->answered && lookup->answered);
	g_assert_error(next->error, IMAPFS_ERROR, IMAPFS_ERROR_STALE);
	g_assert_error(lookup->error, IMAPFS_ERROR, IMAPFS_ERROR_STALE);
	fixture_settle(fixture); /* the scan ends, and nobody is there */
}

static void
test_removed_under_refresh(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) refreshed = NULL;

	fixture->fake->hides_vanished = TRUE;
	check_messages(fixture, "1:m1.eml 2:m2.eml 3:m3.eml");
	fake_message_expunge(mailbox, 2);
	refreshed = ask_refreshed(fixture);
	while (!fixture->fake->n_operations[FAKE_UIDS])
		g_assert_true(fake_remote_step(fixture->fake));
	fake_mailbox_remove(fixture->fake, "A");
	account_refresh(fixture->account, FALSE);
	while (fake_remote_step_kind(fixture->fake, FAKE_LIST))
		;
	ask_check_error(refreshed, IMAPFS_ERROR_STALE);
	fixture_settle(fixture);
	g_assert_cmpstr(fixture->gone->str, ==, "m1.eml m2.eml m3.eml A ");
}

/* The mailbox becomes a mere level while its messages are being listed. */
static void
test_level_under_waiters(void)
{
	FakeMailbox *mailbox;
	g_autoptr(Fixture) fixture = fixture_with(3, &mailbox);
	g_autoptr(Ask) next = NULL;

	fake_mailbox_add(fixture->fake, "A/B", 1);
	fixture_list(fixture);
	fixture->fake->batch = 1;
	next = ask_next(fixture, id_of(fixture), 2);
	g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_SCAN));
	fake_mailbox_remove(fixture->fake, "A");
	account_refresh(fixture->account, FALSE);
	while (fake_remote_step_kind(fixture->fake, FAKE_LIST))
		;
	ask_wait(next);
	g_assert_cmpuint(next->uid, ==, 0);
	fixture_settle(fixture);
	check_messages(fixture, "");
	fake_message_add(fake_mailbox_add(fixture->fake, "A", 1), "again", 10);
	fixture_list(fixture);
	check_messages(fixture, "1:again.eml");
}

/* Mail comes and goes at random while it is listed, in any order and with failures: in the end the
 * cache and the server agree. */
static void
random_change(Fixture *fixture, FakeMailbox *mailbox, GRand *rand)
{
	guint n = mailbox->messages->len;

	switch (g_rand_int_range(rand, 0, 8)) {
	case 0:
	case 1:
		fake_message_add(mailbox, "m", 10);
		break;
	case 2:
	case 3:
		if (n)
			fake_message_expunge(mailbox,
			                     ((FakeMessage *)mailbox->messages
			                              ->pdata[g_rand_int_range(rand, 0, (gint)n)])
			                             ->uid);
		break;
	case 4:
		fake_remote_fail(fixture->fake, g_rand_boolean(rand) ? FAKE_SCAN : FAKE_UIDS,
		                 IMAPFS_ERROR_OFFLINE, (guint)g_rand_int_range(rand, 0, 4));
		break;
	case 5:
		fixture->fake->backwards = g_rand_boolean(rand);
		fixture->fake->hides_vanished = g_rand_boolean(rand);
		fixture->fake->batch = (guint)g_rand_int_range(rand, 0, 4);
		break;
	default:
		mailbox_refresh(fixture_mailbox(fixture, "A"));
	}
}

static void
check_agreement(Fixture *fixture, const FakeMailbox *mailbox)
{
	const Mailbox *known = fixture_mailbox(fixture, "A");

	memset(fixture->fake->failures, 0, sizeof(fixture->fake->failures));
	g_free(fixture_messages(fixture, "A"));
	g_assert_cmpuint(account_n_messages(fixture->account), ==, mailbox->messages->len);
	for (guint i = 0; i < mailbox->messages->len; i++)
		g_assert_nonnull(
			mailbox_message(known, ((FakeMessage *)mailbox->messages->pdata[i])->uid));
}

static void
test_random(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(11);

	for (int round = 0; round < 100; round++) {
		FakeMailbox *mailbox;
		g_autoptr(Fixture) fixture = fixture_with(5, &mailbox);

		for (int i = 0; i < 200; i++) {
			random_change(fixture, mailbox, rand);
			for (int n = g_rand_int_range(rand, 0, 6); n > 0; n--)
				fake_remote_step(fixture->fake);
			if (i % 50 == 49) {
				fixture_settle(fixture);
				check_agreement(fixture, mailbox);
			}
		}
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailbox/listing", test_listing);
	g_test_add_func("/mailbox/empty", test_empty);
	g_test_add_func("/mailbox/last-uid-of-all", test_last_uid_of_all);
	g_test_add_func("/mailbox/streams", test_streams);
	g_test_add_func("/mailbox/batches", test_batches);
	g_test_add_func("/mailbox/unordered", test_unordered);
	g_test_add_func("/mailbox/unordered-one-by-one", test_unordered_one_by_one);
	g_test_add_func("/mailbox/told-twice", test_told_twice);
	g_test_add_func("/mailbox/size-not-told", test_size_not_told);
	g_test_add_func("/mailbox/broken-off", test_broken_off);
	g_test_add_func("/mailbox/holes-are-filled", test_holes_are_filled);
	g_test_add_func("/mailbox/hole-that-stays", test_hole_that_stays);
	g_test_add_func("/mailbox/every-error", test_every_error_ends_the_wait);
	g_test_add_func("/mailbox/always-stale", test_always_stale);
	g_test_add_func("/mailbox/replaced", test_replaced);
	g_test_add_func("/mailbox/not-found", test_not_found_lists_the_account);
	g_test_add_func("/mailbox/new-mail", test_new_mail);
	for (guint i = 0; i < G_N_ELEMENTS(change_rows); i++) {
		g_autofree char *name = g_strconcat("/mailbox/change/", change_rows[i].label, NULL);

		g_test_add_data_func(name, &change_rows[i], test_change);
	}
	g_test_add_func("/mailbox/mail-during-a-search", test_mail_during_a_search);
	g_test_add_func("/mailbox/vanished", test_vanished);
	g_test_add_func("/mailbox/old-list-when-offline", test_old_list_when_offline);
	g_test_add_func("/mailbox/refresh-during-refresh", test_refresh_during_refresh);
	g_test_add_func("/mailbox/first-refresh-is-not-awaited", test_first_refresh_is_not_awaited);
	g_test_add_func("/mailbox/level-has-no-messages", test_level_has_no_messages);
	g_test_add_func("/mailbox/names/same", test_same_name);
	g_test_add_func("/mailbox/names/child-mailbox", test_name_of_a_child_mailbox);
	g_test_add_func("/mailbox/names/second-choice-taken", test_second_choice_taken);
	g_test_add_func("/mailbox/removed-under-waiters", test_removed_under_waiters);
	g_test_add_func("/mailbox/removed-under-refresh", test_removed_under_refresh);
	g_test_add_func("/mailbox/level-under-waiters", test_level_under_waiters);
	g_test_add_func("/mailbox/random", test_random);
	return g_test_run();
}
