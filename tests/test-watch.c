/*
 * test-watch.c: what others change, as the server tells it, or as a listing of the account shows.
 */
#include "account-private.h"
#include "changes-fixture.h"

#include <string.h>

static void
begin_watching(Fixture *fixture, guint poll_seconds)
{
	account_watch(fixture->account, poll_seconds);
	while (!fixture->fake->watcher)
		g_main_context_iteration(NULL, TRUE);
}

/* A is open, B was never looked into. */
static Fixture *
watched_fixture_new(guint poll_seconds)
{
	Fixture *fixture = fixture_new(0, NULL);

	fake_message_add(fake_mailbox_add(fixture->fake, "A", 1), "m1", 100);
	fake_message_add(fake_mailbox(fixture->fake, "A"), "m2", 100);
	fake_message_add(fake_mailbox_add(fixture->fake, "B", 2), "n1", 100);
	fake_mailbox_add(fixture->fake, "INBOX", 3);
	fixture_list(fixture);
	begin_watching(fixture, poll_seconds);
	changes_refresh(fixture, "A");
	g_string_truncate(fixture->changes, 0);
	return fixture;
}

static void
settle_for(Fixture *fixture, guint quiet_ms)
{
	gint64 quiet_since = g_get_monotonic_time();

	while (g_get_monotonic_time() - quiet_since < quiet_ms * 1000) {
		if (g_main_context_iteration(NULL, FALSE) || fake_remote_step(fixture->fake))
			quiet_since = g_get_monotonic_time();
		else
			g_usleep(1000);
	}
}

/* Until nothing happens for longer than signs are waited for. */
static void
settle(Fixture *fixture)
{
	settle_for(fixture, 200);
}

/* Or listings. */
static void
settle_lists(Fixture *fixture)
{
	settle_for(fixture, 1200);
}

static void
tell(Fixture *fixture, const char *mailbox)
{
	fixture->fake->watcher->mailbox(mailbox, fixture->fake->watcher_data);
}

static void
check_changes(Fixture *fixture, const char *expected)
{
	settle(fixture);
	g_assert_cmpstr(fixture->changes->str, ==, expected);
	g_string_truncate(fixture->changes, 0);
}

static void
test_messages(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);
	FakeMailbox *a = fake_mailbox(fixture->fake, "A");

	fake_message_add(a, "m3", 100);
	tell(fixture, "A");
	check_changes(fixture, "new A/m3.eml ");
	fake_message_set_flags(a, 1, "\\Seen");
	tell(fixture, "A");
	check_changes(fixture, "flags A/m1.eml(\\Seen) ");
	fake_message_expunge(a, 2);
	tell(fixture, "A");
	check_changes(fixture, "gone A/m2.eml ");
	g_assert_cmpstr(fixture->gone->str, ==, "m2.eml ");
}

/* A sign costs nothing where nobody looks, and many signs together cost no more than one. */
static void
test_cost(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);
	guint n = fixture->fake->n_operations[FAKE_SCAN];

	tell(fixture, "B");
	check_changes(fixture, "changed B ");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, n);
	for (guint i = 0; i < 1000; i++)
		tell(fixture, "A");
	check_changes(fixture, "");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SCAN], ==, n + 1);
}

static void
test_mailboxes(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);

	fake_mailbox_add(fixture->fake, "D", 4);
	fixture->fake->watcher->mailboxes(fixture->fake->watcher_data);
	settle_lists(fixture);
	check_changes(fixture, "made D ");
	fake_mailbox_add(fixture->fake, "E", 5);
	tell(fixture, "E");
	settle_lists(fixture);
	check_changes(fixture, "made E ");
	fake_mailbox_remove(fixture->fake, "B");
	fixture->fake->watcher->mailboxes(fixture->fake->watcher_data);
	settle_lists(fixture);
	check_changes(fixture, "removed B ");
}

/* What happened before the server began to tell. */
static void
test_begun(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);

	fake_message_add(fake_mailbox(fixture->fake, "A"), "m3", 100);
	fixture->fake->watcher->watching(REMOTE_WATCHING_NOTHING, fixture->fake->watcher_data);
	check_changes(fixture, "watching 0 ");
	fixture->fake->watcher->watching(REMOTE_WATCHING_ALL, fixture->fake->watcher_data);
	settle_lists(fixture);
	check_changes(fixture, "watching 2 new A/m3.eml ");
}

static void
test_poll(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(1);
	gint64 begin = g_get_monotonic_time();

	fake_message_add(fake_mailbox(fixture->fake, "A"), "m3", 100);
	while (!fixture->changes->len && g_get_monotonic_time() - begin < 10 * G_USEC_PER_SEC)
		if (!g_main_context_iteration(NULL, FALSE) && !fake_remote_step(fixture->fake))
			g_usleep(1000);
	g_assert_cmpstr(fixture->changes->str, ==, "new A/m3.eml ");
}

/* INBOX first, then what was used last. */
static void
test_used(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);
	g_autofree char *names = NULL;

	changes_refresh(fixture, "B");
	settle_lists(fixture);
	settle_lists(fixture);
	names = g_strjoinv(" ", fixture->fake->watched);
	g_assert_cmpstr(names, ==, "INBOX B A");
}

/* However the server writes it. */
static void
test_inbox(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *inbox = fake_mailbox_add(fixture->fake, "Inbox", 3);
	g_autofree char *names = NULL;

	fixture_list(fixture);
	begin_watching(fixture, 0);
	changes_refresh(fixture, "INBOX");
	settle_lists(fixture);
	g_string_truncate(fixture->changes, 0);
	fake_message_add(inbox, "m1", 100);
	tell(fixture, "INBOX");
	check_changes(fixture, "new INBOX/m1.eml ");
	names = g_strjoinv(" ", fixture->fake->watched);
	g_assert_cmpstr(names, ==, "INBOX");
}

/* Our own changes are told once, when the server has them. */
static void
test_own(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);

	changes_refresh(fixture, "B");
	g_string_truncate(fixture->changes, 0);
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	tell(fixture, "A");
	tell(fixture, "B");
	settle_lists(fixture);
	g_assert_nonnull(strstr(fixture->changes->str, "new B/m1.eml "));
	g_assert_nonnull(strstr(fixture->changes->str, "gone A/m1.eml "));
	g_assert_cmpuint(fixture->changes->len, ==, strlen("new B/m1.eml gone A/m1.eml "));
}

static void
spin(Fixture *fixture, guint ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;

	while (g_get_monotonic_time() < end)
		if (!g_main_context_iteration(NULL, FALSE) && !fake_remote_step(fixture->fake))
			g_usleep(1000);
}

/* Lines that break again and again do not put off the poll. */
static void
test_poll_beside_watching(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(1);

	fake_message_add(fake_mailbox(fixture->fake, "A"), "m3", 100);
	for (guint i = 0; i < 5; i++) {
		fixture->fake->watcher->watching(REMOTE_WATCHING_NOTHING,
		                                 fixture->fake->watcher_data);
		spin(fixture, 400);
	}
	g_assert_nonnull(strstr(fixture->changes->str, "new A/m3.eml "));
}

static void
check_watched(Fixture *fixture, const char *expected)
{
	g_autofree char *names = NULL;

	spin(fixture, 2500);
	names = g_strjoinv(" ", fixture->fake->watched);
	g_assert_cmpstr(names, ==, expected);
}

static void
test_used_again(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);

	changes_refresh(fixture, "B");
	check_watched(fixture, "INBOX B A");
	changes_refresh(fixture, "A");
	check_watched(fixture, "INBOX A B");
	g_assert_cmpint(change_rename(fixture, "A", "Z"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_watched(fixture, "INBOX Z B");
}

/* A server that does not say whose flags have changed is asked for all when there is a sign, but
 * the less often the more there are. */
static void
test_without_modseqs(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);
	FakeMailbox *b = fake_mailbox(fixture->fake, "B");

	b->hides_modseqs = TRUE;
	fake_message_add(b, "n2", 100);
	changes_refresh(fixture, "B");
	for (guint32 uid = 1; uid <= 2; uid++) {
		fake_message_set_flags(b, uid, "\\Seen");
		tell(fixture, "B");
		settle(fixture);
	}
	check_changes(fixture, "flags B/n1.eml(\\Seen) flags B/n2.eml(\\Seen) ");
	for (guint i = 3; i < 5000; i++)
		fake_message_add(b, "more", 100);
	changes_refresh(fixture, "B");
	tell(fixture, "B");
	settle(fixture);
	g_string_truncate(fixture->changes, 0);
	fake_message_set_flags(b, 1, "");
	tell(fixture, "B");
	check_changes(fixture, "");
	fixture_mailbox(fixture, "B")->flags_asked_at_us -= 10 * G_USEC_PER_SEC;
	tell(fixture, "B");
	check_changes(fixture, "flags B/n1.eml() ");
}

static void
await_scan(Fixture *fixture, guint n)
{
	while (fixture->fake->n_operations[FAKE_SCAN] == n)
		if (!g_main_context_iteration(NULL, FALSE))
			fake_remote_step_kind(fixture->fake, FAKE_LIST);
}

/* What could not be followed is followed later: when there is a line again, or after a while. */
static void
check_failed(ImapfsError code, gboolean listed)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);
	guint n = fixture->fake->n_operations[FAKE_SCAN];

	fake_message_add(fake_mailbox(fixture->fake, "A"), "m3", 100);
	if (listed)
		account_refresh(fixture->account, FALSE);
	else
		tell(fixture, "A");
	await_scan(fixture, n);
	fake_remote_fail(fixture->fake, FAKE_SCAN, code, FALSE);
	spin(fixture, 300);
	g_assert_cmpstr(fixture->changes->str, ==, "");
	if (code == IMAPFS_ERROR_OFFLINE || listed)
		account_refresh(fixture->account, FALSE);
	spin(fixture, code == IMAPFS_ERROR_OFFLINE || listed ? 500 : 11 * 1000);
	g_assert_cmpstr(fixture->changes->str, ==, "new A/m3.eml ");
}

static void
test_failed(void)
{
	check_failed(IMAPFS_ERROR_OFFLINE, FALSE);
	check_failed(IMAPFS_ERROR_OFFLINE, TRUE);
	check_failed(IMAPFS_ERROR_FAILED, TRUE);
	check_failed(IMAPFS_ERROR_FAILED, FALSE);
}

/* Lines have broken, or more has happened than could be told: of what is not in use the listing
 * tells. */
static void
test_told_anew(void)
{
	g_autoptr(Fixture) fixture = watched_fixture_new(0);

	for (guint i = 0; i < 12; i++) {
		g_autofree char *name = g_strdup_printf("M%02u", i);

		fake_message_add(fake_mailbox_add(fixture->fake, name, 10 + i), "m1", 100);
		fixture_list(fixture);
		changes_refresh(fixture, name);
	}
	fixture->fake->watcher->watching(REMOTE_WATCHING_ALL, fixture->fake->watcher_data);
	settle_lists(fixture);
	settle_lists(fixture);
	g_string_truncate(fixture->changes, 0);
	fake_message_add(fake_mailbox(fixture->fake, "M00"), "m2", 100);
	fixture->fake->watcher->watching(REMOTE_WATCHING_ALL, fixture->fake->watcher_data);
	settle_lists(fixture);
	check_changes(fixture, "watching 2 new M00/m2.eml ");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/watch/messages", test_messages);
	g_test_add_func("/watch/cost", test_cost);
	g_test_add_func("/watch/mailboxes", test_mailboxes);
	g_test_add_func("/watch/begun", test_begun);
	g_test_add_func("/watch/poll", test_poll);
	g_test_add_func("/watch/used", test_used);
	g_test_add_func("/watch/inbox", test_inbox);
	g_test_add_func("/watch/own", test_own);
	g_test_add_func("/watch/poll-beside-watching", test_poll_beside_watching);
	g_test_add_func("/watch/used-again", test_used_again);
	g_test_add_func("/watch/without-modseqs", test_without_modseqs);
	g_test_add_func("/watch/failed", test_failed);
	g_test_add_func("/watch/told-anew", test_told_anew);
	return g_test_run();
}
