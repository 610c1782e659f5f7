/*
 * test-attributes.c: what is known besides names and bytes, what is done at once, and what may not
 * be done.
 */
#include "changes-fixture.h"

#include <string.h>

#include "account-private.h"
#include "imapfs/attributes.h"

#define MAX_TURNS 100000
#define SECOND    G_USEC_PER_SEC

/* --- asking --- */

typedef struct Probe Probe;
struct Probe {
	Waiter waiter;
	Fixture *fixture;
	CacheResult (*ask)(Probe *probe, GError **error);
	const char *mailbox, *word;
	guint64 id;
	Errand *errand;
	gboolean waits; /* asked, and not woken yet */
	char *answer;
	GError *error;
};

static void
on_wake(Waiter *waiter, const GError *error)
{
	Probe *probe = (Probe *)waiter;

	probe->waits = FALSE;
	if (error)
		probe->error = g_error_copy(error);
}

/* TRUE: it is answered. */
static gboolean
probe_try(Probe *probe)
{
	CacheResult result;

	if (probe->waits)
		return FALSE;
	if (probe->error)
		return TRUE;
	result = probe->ask(probe, &probe->error);
	probe->waits = result == CACHE_PARKED;
	g_assert_cmpint(probe->waits, ==, probe->waiter.queue != NULL);
	return !probe->waits;
}

/* DONE, or the ImapfsError. */
static int
probe_end(Probe *probe)
{
	int code;

	for (guint n = 0; !probe_try(probe); n++) {
		g_assert_cmpuint(n, <, MAX_TURNS);
		changes_turn(probe->fixture);
	}
	code = probe->error ? probe->error->code : DONE;
	g_clear_error(&probe->error);
	if (probe->errand)
		errand_release(probe->errand);
	probe->errand = NULL;
	return code;
}

static Mailbox *
probe_mailbox(Probe *probe)
{
	return *probe->mailbox ? fixture_mailbox(probe->fixture, probe->mailbox)
	                       : account_root(probe->fixture->account);
}

#define PROBE(name, fixture_, ask_)                                                                \
	Probe name = {.waiter.wake = on_wake, .fixture = (fixture_), .ask = (ask_)}

static CacheResult
ask_claim(Probe *probe, GError **error)
{
	if (!probe->errand) {
		CacheResult result = account_claim(probe->fixture->account, probe->id, probe->word,
		                                   &probe->errand, &probe->waiter, error);

		if (result != CACHE_READY)
			return result;
	}
	return errand_done(probe->errand, &probe->waiter, error);
}

static CacheResult
ask_modseq(Probe *probe, GError **error)
{
	const RemoteDetails *details;
	CacheResult result = account_details(probe->fixture->account, probe->id, &details,
	                                     &probe->waiter, error);

	if (result == CACHE_READY)
		probe->answer = g_strdup_printf("%" G_GUINT64_FORMAT " %s", details->modseq,
		                                details->flags);
	return result;
}

typedef CacheResult (*AskText)(Mailbox *mailbox, const char **text, Waiter *waiter, GError **error);

static CacheResult
ask_text(Probe *probe, AskText ask, GError **error)
{
	const char *text;
	CacheResult result = ask(probe_mailbox(probe), &text, &probe->waiter, error);

	if (result == CACHE_READY)
		probe->answer = g_strdup(text);
	return result;
}

static CacheResult
ask_rights(Probe *probe, GError **error)
{
	return ask_text(probe, mailbox_rights, error);
}

static CacheResult
ask_acl(Probe *probe, GError **error)
{
	return ask_text(probe, mailbox_acl, error);
}

static CacheResult
ask_quota(Probe *probe, GError **error)
{
	return ask_text(probe, mailbox_quota, error);
}

static CacheResult
ask_names(Probe *probe, GError **error)
{
	return ask_text(probe, mailbox_metadata_names, error);
}

static CacheResult
ask_metadata(Probe *probe, GError **error)
{
	GBytes *value = NULL;
	CacheResult result =
		mailbox_metadata(probe_mailbox(probe), probe->word, &value, &probe->waiter, error);

	if (result == CACHE_READY && value)
		probe->answer = g_strndup(g_bytes_get_data(value, NULL), g_bytes_get_size(value));
	return result;
}

static CacheResult
set_acl(Probe *probe, GError **error)
{
	if (!probe->errand) {
		CacheResult result = mailbox_set_acl(probe_mailbox(probe), probe->word,
		                                     &probe->errand, &probe->waiter, error);

		if (result != CACHE_READY)
			return result;
	}
	return errand_done(probe->errand, &probe->waiter, error);
}

static CacheResult
set_metadata(Probe *probe, GError **error)
{
	g_autoptr(GBytes) value = g_bytes_new("new", 3);

	if (!probe->errand) {
		CacheResult result = mailbox_set_metadata(probe_mailbox(probe), probe->word, value,
		                                          &probe->errand, &probe->waiter, error);

		if (result != CACHE_READY)
			return result;
	}
	return errand_done(probe->errand, &probe->waiter, error);
}

static CacheResult
subscribe(Probe *probe, GError **error)
{
	if (!probe->errand) {
		CacheResult result =
			mailbox_subscribe(probe_mailbox(probe), g_str_equal(probe->word, "1"),
		                          &probe->errand, &probe->waiter, error);

		if (result != CACHE_READY)
			return result;
	}
	return errand_done(probe->errand, &probe->waiter, error);
}

/* What it answers; fails if that is an error. */
static void
check_text(Fixture *fixture, CacheResult (*ask)(Probe *probe, GError **error), const char *mailbox,
           const char *word, const char *expected)
{
	PROBE(probe, fixture, ask);

	probe.mailbox = mailbox;
	probe.word = word;
	g_assert_cmpint(probe_end(&probe), ==, DONE);
	g_assert_cmpstr(probe.answer, ==, expected);
	g_free(probe.answer);
}

static int
do_errand(Fixture *fixture, CacheResult (*ask)(Probe *probe, GError **error), const char *mailbox,
          const char *word)
{
	PROBE(probe, fixture, ask);

	probe.mailbox = mailbox;
	probe.word = word;
	return probe_end(&probe);
}

static Fixture *
fixture_that_offers(RemoteCapabilities offers)
{
	Fixture *fixture = changes_fixture_new();

	fixture->fake->offers = offers;
	return fixture;
}

/* --- claims --- */

typedef enum { NOTHING, OTHER_FLAG, SAME_FLAG, EXPUNGED } Meanwhile;

static const struct {
	const char *label, *before; /* flags */
	Meanwhile meanwhile;        /* between FETCH and STORE */
	int failure;                /* of STORE; DONE: none */
	gboolean carried_out;       /* all the same */
	int code;                   /* what the claim ends with */
} claims[] = {
	{"free", "", NOTHING, DONE, FALSE, DONE},
	{"free-with-flags", "\\Seen work", NOTHING, DONE, FALSE, DONE},
	{"taken", "Taken", NOTHING, DONE, FALSE, IMAPFS_ERROR_EXISTS},
	{"changed-meanwhile", "", OTHER_FLAG, DONE, FALSE, DONE},
	{"changed-meanwhile-and-no", "", OTHER_FLAG, IMAPFS_ERROR_FAILED, TRUE, DONE},
	{"taken-meanwhile-and-no", "", SAME_FLAG, IMAPFS_ERROR_FAILED, TRUE, IMAPFS_ERROR_EXISTS},
	{"taken-meanwhile", "", SAME_FLAG, DONE, FALSE, IMAPFS_ERROR_EXISTS},
	{"expunged-meanwhile", "", EXPUNGED, DONE, FALSE, IMAPFS_ERROR_NOT_FOUND},
	{"line-lost-before", "", NOTHING, IMAPFS_ERROR_UNKNOWN, FALSE, DONE},
	{"line-lost-after", "", NOTHING, IMAPFS_ERROR_UNKNOWN, TRUE, IMAPFS_ERROR_UNKNOWN},
	{"line-lost-and-taken", "", SAME_FLAG, IMAPFS_ERROR_UNKNOWN, FALSE, IMAPFS_ERROR_UNKNOWN},
	{"denied", "", NOTHING, IMAPFS_ERROR_DENIED, FALSE, IMAPFS_ERROR_DENIED},
	{"offline", "", NOTHING, IMAPFS_ERROR_OFFLINE, FALSE, IMAPFS_ERROR_OFFLINE},
};

static void
do_meanwhile(FakeMailbox *mailbox, Meanwhile what)
{
	if (what == OTHER_FLAG)
		fake_message_set_flags(mailbox, 1, "\\Seen");
	else if (what == SAME_FLAG)
		fake_message_set_flags(mailbox, 1, "taken");
	else if (what == EXPUNGED)
		fake_message_expunge(mailbox, 1);
}

static void
step_until_store(Probe *probe)
{
	for (guint n = 0; !fake_remote_has_kind(probe->fixture->fake, FAKE_STORE) && n < 10; n++) {
		if (probe_try(probe))
			return;
		fake_remote_step(probe->fixture->fake);
	}
}

static void
test_claim(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");
	PROBE(probe, fixture, ask_claim);

	fake_message_set_flags(mailbox, 1, claims[i].before);
	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	step_until_store(&probe);
	do_meanwhile(mailbox, claims[i].meanwhile);
	if (claims[i].failure != DONE)
		fake_remote_fail(fixture->fake, FAKE_STORE, (ImapfsError)claims[i].failure,
		                 claims[i].carried_out);
	g_assert_cmpint(probe_end(&probe), ==, claims[i].code);
	if (claims[i].code == DONE) {
		GRefString *flags = account_flags(fixture->account, probe.id);

		g_assert_true(flags_have(flags, "taken"));
		g_assert_true(flags_have(fake_message(mailbox, 1)->flags, "taken"));
		g_ref_string_release(flags);
	}
	g_assert_false(changes_has_kind(fixture, FAKE_STORE));
}

/* What is still to be done to the message is done first. */
static void
test_claim_after_changes(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	PROBE(probe, fixture, ask_claim);

	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "taken"), ==, DONE);
	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_EXISTS);
	g_assert_cmpint(change_rename(fixture, "A/m2.eml", "B/m2.eml"), ==, DONE);
	probe.id = changes_id(fixture, "B/m2.eml");
	g_assert_cmpint(probe_end(&probe), ==, DONE);
	g_assert_cmpstr(fake_message(fake_mailbox(fixture->fake, "B"), 2)->flags, ==, "taken");
}

/* Another's STORE that the server let pass in the same moment: whose came first nobody can tell. */
static void
test_claim_disturbed(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	PROBE(probe, fixture, ask_claim);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	fake_message(fake_mailbox(fixture->fake, "A"), 1)->disturbed = TRUE;
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_UNKNOWN);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_STORE], ==, 1);
}

/* Two at the same message never race: the second begins when the first has ended. */
static void
test_claim_by_two(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	PROBE(first, fixture, ask_claim);
	PROBE(second, fixture, ask_claim);

	first.id = second.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	first.word = second.word = "taken";
	step_until_store(&first);
	g_assert_false(probe_try(&second));
	g_assert_null(second.errand);
	g_assert_cmpint(probe_end(&first), ==, DONE);
	g_assert_cmpint(probe_end(&second), ==, IMAPFS_ERROR_EXISTS);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_STORE], ==, 1);
}

/* A first look may show what is gone already. */
static void
test_claim_gone_late(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	PROBE(probe, fixture, ask_claim);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	while (fixture->fake->n_operations[FAKE_DETAILS] < 3) {
		g_assert_false(probe_try(&probe));
		g_assert_true(fake_remote_step(fixture->fake));
	}
	fake_message_expunge(fake_mailbox(fixture->fake, "A"), 1);
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_NOT_FOUND);
}

/* Nobody waits any more: nothing more is begun, and what is under way ends. */
static void
test_claim_given_up(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	PROBE(probe, fixture, ask_claim);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	step_until_store(&probe);
	fake_remote_fail(fixture->fake, FAKE_STORE, IMAPFS_ERROR_UNKNOWN, 0);
	waiter_cancel(&probe.waiter);
	errand_release(probe.errand);
	fixture_settle(fixture);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_STORE], ==, 1);
}

static void
test_claim_unsupported(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	PROBE(probe, fixture, ask_claim);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_UNSUPPORTED);
	fixture->fake->offers = REMOTE_CONDSTORE;
	fake_mailbox(fixture->fake, "A")->hides_modseqs = TRUE;
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_UNSUPPORTED);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_STORE], ==, 0);
}

/* What the server does not tell now is no reason never to try again; nor to believe that nobody
 * has it, after the line broke. */
static void
test_claim_not_told(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	PROBE(probe, fixture, ask_claim);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	probe.word = "taken";
	fake_mailbox(fixture->fake, "A")->keeps_modseqs_back = TRUE;
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_FAILED);
	fake_mailbox(fixture->fake, "A")->keeps_modseqs_back = FALSE;
	step_until_store(&probe);
	fake_remote_fail(fixture->fake, FAKE_STORE, IMAPFS_ERROR_UNKNOWN, FALSE);
	fake_mailbox(fixture->fake, "A")->keeps_modseqs_back = TRUE;
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_UNKNOWN);
}

/* Nor is there a way to name the message for certain. */
static void
test_claim_without_uidvalidity(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	Mailbox *mailbox = fixture_mailbox(fixture, "A");
	PROBE(probe, fixture, ask_claim);

	probe.id = message_id(mailbox->id, 1);
	probe.word = "taken";
	mailbox->uidvalidity = 0;
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_UNSUPPORTED);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_DETAILS], ==, 0);
}

/* --- rights --- */

static const struct {
	const char *rights, *steps;   /* of mailbox A, and what cannot be done */
	gboolean directory, messages; /* look writable */
} rights[] = {
	{"lrswipkxtea", "", TRUE, TRUE},
	{"lrswipkxteacd", "", TRUE, TRUE},
	{"lrswipcda", "", TRUE, TRUE},
	{"lr", "=A/m1.eml -A/m1.eml A/m1.eml>B/m1.eml B/n1.eml>A/n1.eml +A/x.eml ^A/new A>Z", FALSE,
         FALSE},
	{"lrs", "=A/m1.eml -A/m1.eml A/m1.eml>B/m1.eml B/n1.eml>A/n1.eml +A/x.eml ^A/new A>Z", TRUE,
         TRUE},
	{"lra", "=A/m1.eml -A/m1.eml A/m1.eml>B/m1.eml B/n1.eml>A/n1.eml +A/x.eml ^A/new A>Z", TRUE,
         FALSE},
	{"lrik", "=A/m1.eml -A/m1.eml A/m1.eml>B/m1.eml A>Z", TRUE, FALSE},
	{"lrite", "^A/new A>Z", TRUE, TRUE},
	{"lrswite", "^A/new A>Z", TRUE, TRUE},
	{"lrswik", "=A/m1.eml -A/m1.eml A/m1.eml>B/m1.eml A>Z", TRUE, TRUE},
	{"lrswikxcd", "=A/m1.eml -A/m1.eml A/m1.eml>B/m1.eml", TRUE, TRUE},
	{"lrswxte", "=A/m1.eml B/n1.eml>A/n1.eml +A/x.eml ^A/new", TRUE, TRUE},
	{"lrswit", "=A/m1.eml -A/m1.eml", TRUE, TRUE},
	{"lrid", "^A/new", TRUE, TRUE},
	{"lrswid", "^A/new", TRUE, TRUE},
};

static const char *const all_steps[] = {
	"A/m1.eml>A/again.eml", "-A/m2.eml", "A/m3.eml>B/m3.eml",
	"B/n1.eml>A/n1.eml",    "+A/x.eml",  "^A/new",
};

static void
give_rights(Fixture *fixture, const char *letters)
{
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");

	g_free(mailbox->rights);
	mailbox->rights = g_strdup(letters);
	mailbox->lists_rights = TRUE;
	fixture_list(fixture);
}

/* What a step that cannot be ends with. */
static int
refused_step(Fixture *fixture, const char *step)
{
	g_autoptr(GError) error = NULL;
	Mailbox *mailbox = fixture_mailbox(fixture, "A");
	guint64 draft;

	if (*step == '=') {
		g_assert_cmpint(draft_open(fixture->account, changes_id(fixture, step + 1), FALSE,
		                           &draft, NULL, &error),
		                ==, CACHE_FAILED);
		return error->code;
	}
	if (*step != '+')
		return changes_step(fixture, step);
	g_assert_cmpuint(draft_create(fixture->account, mailbox, step + 3, &error), ==, 0);
	return error->code;
}

static void
test_rights(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);
	g_auto(GStrv) steps = g_strsplit(rights[i].steps, " ", -1);
	const Mailbox *mailbox;

	give_rights(fixture, rights[i].rights);
	mailbox = fixture_mailbox(fixture, "A");
	g_assert_cmpint(mailbox_is_writable(mailbox), ==, rights[i].directory);
	g_assert_cmpint(mailbox_has_writable_messages(mailbox), ==, rights[i].messages);
	for (char **step = steps; *step; step++)
		g_assert_cmpint(refused_step(fixture, *step), ==, IMAPFS_ERROR_DENIED);
	for (guint step = 0; !*rights[i].steps && step < G_N_ELEMENTS(all_steps); step++)
		g_assert_cmpint(changes_step(fixture, all_steps[step]), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

/* Another name in the same mailbox is none of the server's. */
static void
test_rights_to_names(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);

	give_rights(fixture, "lr");
	g_assert_cmpint(changes_step(fixture, "A/m1.eml>A/again.eml"), ==, DONE);
	g_assert_cmpint(changes_step(fixture, "A/again.eml>A/m2.eml"), ==, IMAPFS_ERROR_DENIED);
}

static void
test_rights_to_flags(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);

	give_rights(fixture, "lrs");
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "\\Seen"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "\\Flagged"), ==,
	                IMAPFS_ERROR_DENIED);
	give_rights(fixture, "lrwt");
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '-', "work"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "\\Deleted"), ==, DONE);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '-', "\\seen"), ==, IMAPFS_ERROR_DENIED);
}

/* Where no listing tells them they are asked for when the mailbox is opened, and nobody waits. */
static void
test_rights_asked_for(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "B");

	mailbox->rights = g_strdup("lr");
	g_assert_true(mailbox_is_writable(fixture_mailbox(fixture, "B")));
	mailbox_refresh(fixture_mailbox(fixture, "B"));
	fixture_settle(fixture);
	g_assert_cmpuint(fixture->n_access_changes, ==, 1);
	g_assert_false(mailbox_is_writable(fixture_mailbox(fixture, "B")));
	changes_refresh(fixture, "B");
	check_text(fixture, ask_rights, "B", NULL, "lr");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_RIGHTS], ==, 1);
	fixture_pass_time(301 * SECOND);
	changes_refresh(fixture, "B");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_RIGHTS], ==, 2);
}

/* Nobody has opened the mailboxes, so nobody has asked; who wants to change something waits. */
static const struct {
	const char *label, *rights; /* of mailbox A */
	const char *step;
	int code;
	guint n_questions;
} firsts[] = {
	{"move-there", "lrswkxte", "B/n1.eml>A/n1.eml", IMAPFS_ERROR_DENIED, 2},
	{"move-from", "lrswikxt", "A/m1.eml>B/m1.eml", IMAPFS_ERROR_DENIED, 2},
	{"move", "lrswite", "A/m1.eml>B/m1.eml", DONE, 2},
	{"rename", "lr", "A/m1.eml>A/again.eml", DONE, 0},
	{"replace", "lr", "A/m1.eml>A/m2.eml", IMAPFS_ERROR_DENIED, 1},
	{"remove", "lrswikx", "-A/m1.eml", IMAPFS_ERROR_DENIED, 1},
	{"make", "lrswitexa", "^A/new", IMAPFS_ERROR_DENIED, 1},
	{"rename-mailbox", "lrswitek", "A>Z", IMAPFS_ERROR_DENIED, 1},
	{"remove-mailbox", "lrswitek", "!A", IMAPFS_ERROR_NOT_EMPTY, 1},
};

static void
test_first_change(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offers = REMOTE_ACL;
	fake_mailbox(fixture->fake, "A")->rights = g_strdup(firsts[i].rights);
	g_assert_cmpint(changes_step(fixture, firsts[i].step), ==, firsts[i].code);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_RIGHTS], ==, firsts[i].n_questions);
	changes_step(fixture, firsts[i].step);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_RIGHTS], ==, firsts[i].n_questions);
	changes_finish(fixture);
}

/* Where they cannot be told, be it that nobody is there, changes are made as ever. */
static void
test_first_change_unknown(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offers = REMOTE_ACL;
	fake_remote_fail(fixture->fake, FAKE_RIGHTS, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(changes_step(fixture, "-A/m1.eml"), ==, DONE);
	g_assert_cmpint(changes_step(fixture, "-A/m2.eml"), ==, DONE);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_RIGHTS], ==, 1);
	fixture->fake->offline = TRUE;
	g_assert_cmpint(changes_step(fixture, "-B/n1.eml"), ==, DONE);
	fixture->fake->offline = FALSE;
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

/* As what they are removed to. */
static void
test_rights_to_trash(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new();

	fixture->fake->offers = REMOTE_ACL;
	fixture_mailbox(fixture, "B")->special_use = REMOTE_USE_TRASH;
	fixture->account->trash = ACCOUNT_TRASH_YES;
	fake_mailbox(fixture->fake, "B")->rights = g_strdup("lrswtekxa");
	g_assert_cmpint(changes_step(fixture, "-A/m1.eml"), ==, IMAPFS_ERROR_DENIED);
	g_assert_cmpint(changes_step(fixture, "-B/n1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

static void
test_read_only(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);

	fake_mailbox(fixture->fake, "A")->read_only = TRUE;
	g_assert_cmpint(changes_step(fixture, "-A/m3.eml"), ==, DONE); /* nobody has told */
	changes_refresh(fixture, "A");
	g_assert_cmpint(changes_step(fixture, "-A/m1.eml"), ==, IMAPFS_ERROR_READ_ONLY);
	g_assert_cmpint(changes_step(fixture, "B/n1.eml>A/n1.eml"), ==, IMAPFS_ERROR_READ_ONLY);
	g_assert_cmpint(changes_step(fixture, "A/m1.eml>B/m1.eml"), ==, IMAPFS_ERROR_READ_ONLY);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "x"), ==, IMAPFS_ERROR_READ_ONLY);
	g_assert_false(mailbox_has_writable_messages(fixture_mailbox(fixture, "A")));
	g_assert_false(mailbox_is_writable(fixture_mailbox(fixture, "A")));
	give_rights(fixture, "lra");
	g_assert_true(mailbox_is_writable(fixture_mailbox(fixture, "A")));
	give_rights(fixture, "lrswikxte");
	fake_mailbox(fixture->fake, "A")->read_only = FALSE;
	changes_refresh(fixture, "A");
	g_assert_cmpint(changes_step(fixture, "-A/m1.eml"), ==, DONE);
}

static const struct {
	const char *permanent, *word;
	int code;
} kept[] = {
	{NULL, "work", DONE},
	{"\\Seen \\*", "work", DONE},
	{"\\Seen \\*", "\\Flagged", IMAPFS_ERROR_NOT_PERMITTED},
	{"\\Seen Work", "work", DONE},
	{"\\Seen work", "worker", IMAPFS_ERROR_NOT_PERMITTED},
	{"\\seen", "\\Seen", DONE},
	{"", "\\Seen", IMAPFS_ERROR_NOT_PERMITTED},
};

static void
test_permanent_flags(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");

	for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
		g_free(mailbox->permanent_flags);
		mailbox->permanent_flags = g_strdup(kept[i].permanent);
		changes_refresh(fixture, "A");
		g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', kept[i].word), ==,
		                kept[i].code);
	}
}

static gboolean
may_set_flags(Fixture *fixture, guint64 id, const char *words, int code)
{
	g_autoptr(GError) error = NULL;
	gboolean may = account_may_set_flags(fixture->account, id, words, &error);

	g_assert_cmpint(error ? error->code : DONE, ==, code);
	return may;
}

/* Several are judged together, before anything is done. */
static void
test_flags_judged_before(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	guint64 id = message_id(fixture_mailbox_id(fixture, "A"), 1);

	fake_mailbox(fixture->fake, "A")->permanent_flags = g_strdup("\\Seen old");
	changes_refresh(fixture, "A");
	g_assert_true(may_set_flags(fixture, id, "\\Seen old", DONE));
	g_assert_false(may_set_flags(fixture, id, "old new", IMAPFS_ERROR_NOT_PERMITTED));
	g_assert_true(may_set_flags(fixture, id + 70, "new", DONE)); /* there is none */
	g_assert_false(changes_has_kind(fixture, FAKE_STORE));
	g_assert_cmpint(change_rename(fixture, "A/m1.eml", "B/m1.eml"), ==, DONE);
	g_assert_true(may_set_flags(fixture, changes_id(fixture, "B/m1.eml"), "new", DONE));
}

/* --- access control lists --- */

static const struct {
	const char *label, *before, *wanted, *after;
	guint n_steps;
	int code;
} acls[] = {
	{"same", "alice lrswi\nbob lr\n", "bob rl\nalice lrswi\n", "alice lrswi\nbob lr\n", 0,
         DONE},
	{"add", "alice lra\n", "alice lra\nbob lr", "alice lra\nbob lr\n", 1, DONE},
	{"change", "alice lra\nbob lr\n", "alice lra\nbob lrs\n", "alice lra\nbob lrs\n", 1, DONE},
	{"remove", "alice lra\nbob lr\n", "alice lra\n", "alice lra\n", 1, DONE},
	{"all", "a l\nb l\n", "b r\nc r\n", "b r\nc r\n", 3, DONE},
	{"spaces", "", "my group lr\n-my group w\n", "-my group w\nmy group lr\n", 2, DONE},
	{"virtual", "alice lrkxtecd\n", "alice lrkxte\n", "alice lrkxtecd\n", 0, DONE},
	{"empty-rights", "alice lra\nfred \"\"\n", "alice lra\nfred \"\"\nbob lr\r\n\n",
         "alice lra\nbob lr\nfred \"\"\n", 1, DONE},
	{"to-empty-rights", "alice lra\nfred lr\n", "alice lra\nfred \"\"",
         "alice lra\nfred \"\"\n", 1, DONE},
	{"blanks", "alice lra\nbob lr\n", "alice lra \t\r\n \t\nbob lrs  \n",
         "alice lra\nbob lrs\n", 1, DONE},
	{"no-rights", "", "alice\n", "", 0, IMAPFS_ERROR_USAGE},
	{"no-rights-but-a-blank", "alice lra\n", "alice \n", "alice lra\n", 0, IMAPFS_ERROR_USAGE},
	{"more-rights", "", "alice +l\n", "", 0, IMAPFS_ERROR_USAGE},
	{"untold", "alice lra\nb\xef\xbf\xbd lr\n", "alice lra\nb\xef\xbf\xbd lr\nbob l\n",
         "alice lra\nbob l\nb\xef\xbf\xbd lr\n", 1, DONE},
	{"untold-removed", "alice lra\nb\xef\xbf\xbd lr\n", "alice lra\nbob l\n",
         "alice lra\nb\xef\xbf\xbd lr\n", 0, IMAPFS_ERROR_USAGE},
	{"untold-changed", "alice lra\nb\xef\xbf\xbd lr\n", "alice lra\nb\xef\xbf\xbd l\n",
         "alice lra\nb\xef\xbf\xbd lr\n", 0, IMAPFS_ERROR_USAGE},
	{"twice", "", "alice l\nalice r\n", "", 0, IMAPFS_ERROR_USAGE},
};

static void
fill_acl(FakeMailbox *mailbox, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++) {
		char *space = strrchr(*line, ' ');

		if (space)
			g_tree_replace(mailbox->acl, g_strndup(*line, (gsize)(space - *line)),
			               g_strdup(g_str_equal(space + 1, "\"\"") ? "" : space + 1));
	}
}

static void
test_acl(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);

	fill_acl(fake_mailbox(fixture->fake, "A"), acls[i].before);
	check_text(fixture, ask_acl, "A", NULL, acls[i].before);
	g_assert_cmpint(do_errand(fixture, set_acl, "A", acls[i].wanted), ==, acls[i].code);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_SET_ACL], ==, acls[i].n_steps);
	check_text(fixture, ask_acl, "A", NULL, acls[i].after);
}

/* Whoever gives the right to administer away, under whatever name, does so last. */
static const struct {
	const char *administrator, *before, *wanted;
} lockouts[] = {
	{"alice", "alice lra\nbob lr\n", "alice lr\nbob lra\n"},
	{"alice", "alice lra\nbob lr\n", "alice lr\ncarol lra\n"},
	{"alice", "alice lra\nbob lr\ndave lrs\n", "alice lr\nbob l\ncarol lra\n"},
	{"alice", "alice lra\nbob lr\ndave lr\n", "owner lra\n"},
	{"owner", "alice lr\nowner lra\nzoe lr\n", "-alice w\nalice lra\n"},
	{"zoe", "anna lrs\nbob lra\nzoe lra\n", "anna lr\nbob lr\ncarol lr\nzoe lr\n"},
};

static void
test_acl_lockouts(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(lockouts); i++) {
		g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);
		FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");

		fill_acl(mailbox, lockouts[i].before);
		mailbox->administrator = lockouts[i].administrator;
		g_assert_cmpint(do_errand(fixture, set_acl, "A", lockouts[i].wanted), ==, DONE);
		check_text(fixture, ask_acl, "A", NULL, lockouts[i].wanted);
	}
}

/* It says what is so already, and what is not. */
static void
test_acl_half_done(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");
	PROBE(probe, fixture, set_acl);

	fill_acl(mailbox, "alice lra\nbob lr\nowner lra\n");
	mailbox->administrator = "alice";
	probe.mailbox = "A";
	probe.word = "bob lrs\n";
	while (!probe_try(&probe))
		changes_turn(fixture);
	g_assert_error(probe.error, IMAPFS_ERROR, IMAPFS_ERROR_DENIED);
	g_assert_nonnull(strstr(probe.error->message, "DELETEACL owner; 2 of 3 changes"));
	g_assert_nonnull(strstr(probe.error->message, "SETACL bob lrs, DELETEACL alice"));
	probe_end(&probe);
	check_text(fixture, ask_acl, "A", NULL, "bob lrs\nowner lra\n");
}

/* What was done before stays done. */
static void
test_acl_refused(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_ACL);

	fill_acl(fake_mailbox(fixture->fake, "A"), "alice lra\n");
	fake_remote_fail(fixture->fake, FAKE_SET_ACL, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(do_errand(fixture, set_acl, "A", "alice lra\nbob l\n"), ==,
	                IMAPFS_ERROR_DENIED);
	check_text(fixture, ask_acl, "A", NULL, "alice lra\n");
	fixture->fake->offers = 0;
	g_assert_cmpint(do_errand(fixture, set_acl, "A", "alice l\n"), ==,
	                IMAPFS_ERROR_UNSUPPORTED);
}

/* --- annotations --- */

static void
annotate(FakeMailbox *mailbox, const char *entry, const char *value)
{
	g_tree_replace(mailbox->metadata, g_strdup(entry), g_bytes_new(value, strlen(value)));
}

/* The values come with the names, those that are not long. */
static void
test_metadata(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");

	annotate(mailbox, "/shared/comment", "one");
	annotate(mailbox, "/private/x", "two");
	check_text(fixture, ask_names, "A", NULL, "/private/x\n/shared/comment\n");
	check_text(fixture, ask_metadata, "A", "/shared/comment", "one");
	check_text(fixture, ask_metadata, "A", "/private/x", "two");
	check_text(fixture, ask_names, "A", NULL, "/private/x\n/shared/comment\n");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_METADATA], ==, 0);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_ALL_METADATA], ==, 1);
	check_text(fixture, ask_metadata, "A", "/shared/none", NULL);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_METADATA], ==, 1);
	fixture->fake->hides_values = TRUE;
	annotate(fake_mailbox(fixture->fake, "B"), "/shared/comment", "long");
	check_text(fixture, ask_names, "B", NULL, "/shared/comment\n");
	check_text(fixture, ask_metadata, "B", "/shared/comment", "long");
}

/* What the server refuses to list is asked for once, for the length and for the names. */
static void
test_metadata_names_refused(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);

	annotate(fake_mailbox(fixture->fake, "A"), "/shared/comment", "one");
	fake_remote_fail(fixture->fake, FAKE_ALL_METADATA, IMAPFS_ERROR_DENIED, 0);
	check_text(fixture, ask_names, "A", NULL, "");
	check_text(fixture, ask_names, "A", NULL, "");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_ALL_METADATA], ==, 1);
	fixture_pass_time(3 * SECOND);
	check_text(fixture, ask_names, "A", NULL, "/shared/comment\n");
	fake_remote_fail(fixture->fake, FAKE_ALL_METADATA, IMAPFS_ERROR_OFFLINE, 0);
	g_assert_cmpint(do_errand(fixture, ask_names, "B", NULL), ==, IMAPFS_ERROR_OFFLINE);
	check_text(fixture, ask_names, "B", NULL, "");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_ALL_METADATA], ==, 4);
}

static void
test_metadata_set(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);

	annotate(fake_mailbox(fixture->fake, "A"), "/shared/comment", "one");
	check_text(fixture, ask_metadata, "A", "/shared/comment", "one");
	g_assert_cmpint(do_errand(fixture, set_metadata, "A", "/shared/comment"), ==, DONE);
	check_text(fixture, ask_metadata, "A", "/shared/comment", "new");
	fake_remote_fail(fixture->fake, FAKE_SET_METADATA, IMAPFS_ERROR_QUOTA, 0);
	g_assert_cmpint(do_errand(fixture, set_metadata, "A", "/shared/comment"), ==,
	                IMAPFS_ERROR_QUOTA);
}

/* One that is changed from here while it is coming is not believed. */
static void
test_metadata_outdated(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);
	PROBE(reader, fixture, ask_metadata);

	annotate(fake_mailbox(fixture->fake, "A"), "/shared/comment", "one");
	reader.mailbox = "A";
	reader.word = "/shared/comment";
	g_assert_false(probe_try(&reader));
	g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_METADATA)); /* taken up */
	fixture->fake->order = FAKE_NEWEST;
	g_assert_cmpint(do_errand(fixture, set_metadata, "A", "/shared/comment"), ==, DONE);
	g_assert_cmpint(probe_end(&reader), ==, DONE);
	g_assert_cmpstr(reader.answer, ==, "new");
	g_free(reader.answer);
}

/* Nor is what comes with the names. */
static void
test_metadata_names_outdated(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);
	PROBE(reader, fixture, ask_names);

	annotate(fake_mailbox(fixture->fake, "A"), "/shared/comment", "one");
	reader.mailbox = "A";
	g_assert_false(probe_try(&reader));
	g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_ALL_METADATA)); /* taken up */
	fixture->fake->order = FAKE_NEWEST;
	g_assert_cmpint(do_errand(fixture, set_metadata, "A", "/shared/other"), ==, DONE);
	g_assert_cmpint(probe_end(&reader), ==, DONE);
	g_assert_cmpstr(reader.answer, ==, "/shared/comment\n/shared/other\n");
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_ALL_METADATA], ==, 2);
	g_free(reader.answer);
}

/* What is about to be made is waited for. */
static void
test_of_a_new_mailbox(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);

	g_assert_cmpint(change_make_mailbox(fixture, "New"), ==, DONE);
	g_assert_cmpint(do_errand(fixture, set_metadata, "New", "/shared/comment"), ==, DONE);
	g_assert_cmpint(do_errand(fixture, subscribe, "New", "1"), ==, DONE);
	g_assert_true(fake_mailbox(fixture->fake, "New")->subscribed);
}

/* Also where it is what is above that gets another name. */
static void
test_of_a_renamed_mailbox(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA | REMOTE_ACL);

	fake_mailbox_add(fixture->fake, "A/below", 41);
	fixture_list(fixture);
	g_assert_cmpint(changes_step(fixture, "A>Z"), ==, DONE);
	changes_await_kind(fixture, FAKE_RENAME);
	g_assert_true(fake_remote_step_kind(fixture->fake, FAKE_RENAME)); /* taken up */
	g_assert_cmpint(do_errand(fixture, set_metadata, "Z/below", "/shared/comment"), ==, DONE);
	g_assert_cmpint(changes_step(fixture, "Z>Y"), ==, DONE);
	g_assert_cmpint(changes_step(fixture, "Y>X"), ==, DONE);
	g_assert_cmpint(do_errand(fixture, subscribe, "X/below", "1"), ==, DONE);
	g_assert_true(fake_mailbox(fixture->fake, "X/below")->subscribed);
	g_assert_cmpint(changes_step(fixture, "X>W"), ==, DONE);
	g_assert_cmpint(do_errand(fixture, set_acl, "W/below", "alice lra"), ==, DONE);
}

/* --- quota --- */

static void
test_quota(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_QUOTA);
	FakeMailbox *inbox = fake_mailbox(fixture->fake, "INBOX");
	guint64 usage, limit;

	inbox->quota_usage = 100;
	inbox->quota_limit = 4000;
	g_assert_false(account_storage(fixture->account, &usage, &limit));
	fixture_settle(fixture);
	g_assert_true(account_storage(fixture->account, &usage, &limit));
	g_assert_cmpuint(usage, ==, 100);
	g_assert_cmpuint(limit, ==, 4000);
	inbox->quota_usage = 200;
	fixture_pass_time(59 * SECOND);
	account_storage(fixture->account, &usage, &limit);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_QUOTA], ==, 1);
	fixture_pass_time(2 * SECOND);
	g_assert_true(account_storage(fixture->account, &usage, &limit));
	g_assert_cmpuint(usage, ==, 100);
	fixture_settle(fixture);
	account_storage(fixture->account, &usage, &limit);
	g_assert_cmpuint(usage, ==, 200);
	check_text(fixture, ask_quota, "INBOX", NULL,
	           "\"\" MESSAGE 1 1000\nUser quota STORAGE 200 4000\n");
}

/* It is asked for as soon as the account is listed, for whoever wants to know it first. */
static void
test_quota_at_first(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *inbox = fake_mailbox_add(fixture->fake, "INBOX", 31);
	guint64 usage, limit;

	fixture->fake->offers = REMOTE_QUOTA;
	inbox->quota_usage = 100;
	inbox->quota_limit = 4000;
	fixture_list(fixture);
	fixture_settle(fixture);
	g_assert_true(account_storage(fixture->account, &usage, &limit));
	g_assert_cmpuint(limit, ==, 4000);
	fixture_list(fixture);
	fixture_settle(fixture);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_QUOTA], ==, 1);
}

/* What others are told of is not the account's, nor is what they are refused. */
static void
test_quota_of_others(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_QUOTA);
	guint64 usage, limit;

	fake_mailbox(fixture->fake, "INBOX")->quota_usage = 100;
	fake_mailbox(fixture->fake, "INBOX")->quota_limit = 4000;
	fake_mailbox(fixture->fake, "A")->quota_usage = 7;
	fake_mailbox(fixture->fake, "A")->quota_limit = 8;
	fake_remote_fail(fixture->fake, FAKE_QUOTA, IMAPFS_ERROR_DENIED, 0);
	g_assert_cmpint(do_errand(fixture, ask_quota, "B", NULL), ==, IMAPFS_ERROR_DENIED);
	account_storage(fixture->account, &usage, &limit);
	fixture_settle(fixture);
	check_text(fixture, ask_quota, "A", NULL, "\"\" MESSAGE 1 1000\nUser quota STORAGE 7 8\n");
	check_text(fixture, ask_quota, "C", NULL, "");
	g_assert_true(account_storage(fixture->account, &usage, &limit));
	g_assert_cmpuint(usage, ==, 100);
	g_assert_cmpuint(limit, ==, 4000);
}

static void
test_without_quota(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	guint64 usage, limit;

	g_assert_false(account_storage(fixture->account, &usage, &limit));
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_QUOTA], ==, 0);
	g_assert_cmpint(do_errand(fixture, ask_quota, "A", NULL), ==, IMAPFS_ERROR_UNSUPPORTED);
}

/* Whether asking for the room now makes the server hear of it. */
static gboolean
asks_for_storage(Fixture *fixture)
{
	guint n_before = fixture->fake->n_operations[FAKE_QUOTA];
	guint64 usage, limit;

	fixture_pass_time(61 * SECOND);
	account_storage(fixture->account, &usage, &limit);
	fixture_settle(fixture);
	return fixture->fake->n_operations[FAKE_QUOTA] != n_before;
}

/* Then nobody tries to log in for it, however often it is wanted. */
static void
test_quota_offline(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_QUOTA);

	g_assert_true(asks_for_storage(fixture));
	fixture->fake->offline = TRUE;
	g_assert_true(asks_for_storage(fixture));
	g_assert_false(asks_for_storage(fixture));
	account_refresh(fixture->account, FALSE);
	fixture_settle(fixture);
	g_assert_false(asks_for_storage(fixture));
	fixture->fake->offline = FALSE;
	g_assert_false(asks_for_storage(fixture));
	fixture_list(fixture);
	g_assert_true(asks_for_storage(fixture));
}

/* --- details and answers --- */

/* Those who ask the same are told by one answer, which is believed for a moment. */
static void
test_details(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");
	PROBE(first, fixture, ask_modseq);
	PROBE(second, fixture, ask_modseq);
	g_autofree char *expected = NULL;

	fake_message_set_flags(mailbox, 2, "work");
	expected = g_strdup_printf("%" G_GUINT64_FORMAT " work", fake_message(mailbox, 2)->modseq);
	first.id = second.id = message_id(fixture_mailbox_id(fixture, "A"), 2);
	g_assert_false(probe_try(&first));
	g_assert_false(probe_try(&second));
	g_assert_cmpint(probe_end(&first), ==, DONE);
	g_assert_cmpint(probe_end(&second), ==, DONE);
	g_assert_cmpstr(first.answer, ==, expected);
	g_assert_cmpstr(second.answer, ==, expected);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_DETAILS], ==, 1);
	fixture_pass_time(3 * SECOND);
	g_free(first.answer);
	g_assert_cmpint(probe_end(&first), ==, DONE);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_DETAILS], ==, 2);
	g_free(first.answer);
	g_free(second.answer);
}

static void
check_modseq(Fixture *fixture, guint32 uid, const char *flags)
{
	g_autofree char *expected = NULL;
	PROBE(probe, fixture, ask_modseq);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), uid);
	g_assert_cmpint(probe_end(&probe), ==, DONE);
	expected =
		g_strdup_printf("%" G_GUINT64_FORMAT " %s",
	                        fake_message(fake_mailbox(fixture->fake, "A"), uid)->modseq, flags);
	g_assert_cmpstr(probe.answer, ==, expected);
	g_free(probe.answer);
}

/* What has been changed from here is asked for anew at once. */
static void
test_own_changes(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_CONDSTORE | REMOTE_QUOTA);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");
	PROBE(claim, fixture, ask_claim);

	check_modseq(fixture, 1, "");
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "work"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_modseq(fixture, 1, "work");
	claim.id = message_id(fixture_mailbox_id(fixture, "A"), 1);
	claim.word = "taken";
	g_assert_cmpint(probe_end(&claim), ==, DONE);
	check_modseq(fixture, 1, "taken work");
	mailbox->quota_limit = 1000;
	check_text(fixture, ask_quota, "A", NULL,
	           "\"\" MESSAGE 1 1000\nUser quota STORAGE 0 1000\n");
	mailbox->quota_usage = 7;
	g_assert_cmpint(changes_step(fixture, "-B/n1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_text(fixture, ask_quota, "A", NULL,
	           "\"\" MESSAGE 1 1000\nUser quota STORAGE 7 1000\n");
}

static void
test_details_fail(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	PROBE(probe, fixture, ask_modseq);

	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 2);
	fake_message_expunge(fake_mailbox(fixture->fake, "A"), 2);
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_STALE);
	probe.id = message_id(fixture_mailbox_id(fixture, "A"), 77);
	g_assert_cmpint(probe_end(&probe), ==, IMAPFS_ERROR_STALE);
	g_assert_cmpuint(account_uid(fixture->account, probe.id), ==, 0);
}

/* However many are asked about, few are remembered. */
static void
test_many_answers(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	FakeMailbox *mailbox = fake_mailbox(fixture->fake, "A");
	PROBE(probe, fixture, ask_modseq);

	for (guint i = 0; i < 1200; i++)
		fake_message_add(mailbox, "more", 10);
	changes_refresh(fixture, "A");
	for (guint32 uid = 1; uid <= 1200; uid++) {
		probe.id = message_id(fixture_mailbox_id(fixture, "A"), uid);
		g_assert_cmpint(probe_end(&probe), ==, DONE);
		g_clear_pointer(&probe.answer, g_free);
	}
	g_assert_cmpuint(g_hash_table_size(fixture->account->answers), <=, 1024);
}

/* Nor many long ones. */
static void
test_long_answers(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(REMOTE_METADATA);
	g_autofree char *value = g_strnfill(1 << 20, 'x');

	for (guint i = 0; i < 40; i++) {
		g_autofree char *entry = g_strdup_printf("/shared/%u", i);

		annotate(fake_mailbox(fixture->fake, "A"), entry, value);
		check_text(fixture, ask_metadata, "A", entry, value);
		g_assert_cmpuint(fixture->account->n_answer_bytes, <=, 17 << 20);
	}
}

static Probe *asked_when_woken;

static void
on_wake_and_ask(Waiter *waiter, const GError *error)
{
	on_wake(waiter, error);
	g_assert_false(probe_try(asked_when_woken));
}

/* Who is woken asks something else, and there is no room: those who are to be woken next are still
 * told. */
static void
test_answers_while_waking(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	PROBE(first, fixture, ask_modseq);
	PROBE(second, fixture, ask_modseq);
	PROBE(another, fixture, ask_modseq);
	guint32 mailbox = fixture_mailbox_id(fixture, "A");

	first.id = second.id = message_id(mailbox, 1);
	another.id = message_id(mailbox, 2);
	first.waiter.wake = on_wake_and_ask;
	asked_when_woken = &another;
	g_assert_false(probe_try(&first));
	g_assert_false(probe_try(&second));
	fixture->account->n_answer_bytes += 32 << 20; /* as if others had taken all room */
	while (second.waits)
		g_assert_true(fake_remote_step(fixture->fake));
	fixture->account->n_answer_bytes -= 32 << 20;
	for (Probe *probe = &first; probe; probe = probe == &first ? &second : NULL) {
		g_assert_cmpint(probe_end(probe), ==, DONE);
		g_free(probe->answer);
	}
	g_assert_cmpint(probe_end(&another), ==, DONE);
	g_free(another.answer);
	g_assert_cmpuint(fixture->fake->n_operations[FAKE_DETAILS], ==, 2);
}

/* --- figures --- */

static void
check_counts(Fixture *fixture, const char *path, guint n_messages, guint n_unseen)
{
	MailboxCount count;

	mailbox_count(fixture_mailbox(fixture, path), &count);
	g_assert_true(count.messages_known && count.unseen_known);
	g_assert_cmpuint(count.n_messages, ==, n_messages);
	g_assert_cmpuint(count.n_unseen, ==, n_unseen);
}

static void
test_counts(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);

	check_counts(fixture, "A", 3, 3);
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "\\Seen"), ==, DONE);
	check_counts(fixture, "A", 3, 2);
	g_assert_cmpint(change_rename(fixture, "A/m2.eml", "B/m2.eml"), ==, DONE);
	check_counts(fixture, "A", 2, 1);
	check_counts(fixture, "B", 2, 2);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
	check_counts(fixture, "A", 2, 1);
	check_counts(fixture, "B", 2, 2);
}

/* What one listing told is not forgotten because the next one tells nothing. */
static void
test_counts_not_told(void)
{
	g_autoptr(Fixture) fixture = fixture_new(0, NULL);
	FakeMailbox *told = fake_mailbox_add(fixture->fake, "Told", 31);
	MailboxCount count;

	fake_message_add(told, "one", 10);
	fake_mailbox_add(fixture->fake, "Untold", 32)->hides_status = TRUE;
	fixture_list(fixture);
	mailbox_count(fixture_mailbox(fixture, "Untold"), &count);
	g_assert_false(count.messages_known || count.unseen_known);
	told->hides_status = TRUE;
	fixture_list(fixture);
	mailbox_count(fixture_mailbox(fixture, "Told"), &count);
	g_assert_true(count.messages_known && count.unseen_known);
	g_assert_cmpuint(count.n_messages, ==, 1);
}

/* What an earlier mount has kept counts as well. */
static void
test_counts_kept(void)
{
	g_autoptr(Fixture) fixture = fixture_new_kept();
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "Kept", 31);
	g_autofree char *names = NULL;
	MailboxCount count;

	fake_message_add(mailbox, "one", 10);
	fixture_list(fixture);
	names = fixture_messages(fixture, "Kept");
	fixture->fake->offline = TRUE;
	fixture_reopen(fixture);
	g_assert_cmpint(fixture_mailbox(fixture, "Kept")->state, ==, MAILBOX_STORED);
	mailbox_count(fixture_mailbox(fixture, "Kept"), &count);
	g_assert_true(count.messages_known);
	g_assert_false(count.unseen_known);
	g_assert_cmpuint(count.n_messages, ==, 1);
}

/* Who mounts again need not find out anew what the server does not keep. */
static void
test_access_kept(void)
{
	g_autoptr(Fixture) fixture = changes_fixture_new_kept();

	fake_mailbox(fixture->fake, "A")->permanent_flags = g_strdup("\\Seen");
	fake_mailbox(fixture->fake, "B")->read_only = TRUE;
	changes_refresh(fixture, "A");
	changes_refresh(fixture, "B");
	fixture_reopen(fixture);
	g_assert_false(mailbox_has_writable_messages(fixture_mailbox(fixture, "B")));
	g_assert_cmpint(change_flags(fixture, "A/m1.eml", '+', "work"), ==,
	                IMAPFS_ERROR_NOT_PERMITTED);
	g_assert_cmpint(changes_step(fixture, "-B/n1.eml"), ==, IMAPFS_ERROR_READ_ONLY);
	fake_mailbox(fixture->fake, "B")->read_only = FALSE;
	changes_refresh(fixture, "B");
	fixture_reopen(fixture);
	g_assert_cmpint(changes_step(fixture, "-B/n1.eml"), ==, DONE);
	g_assert_cmpint(changes_finish(fixture), ==, DONE);
}

static void
test_facts(void)
{
	g_autoptr(Fixture) fixture = fixture_that_offers(0);
	MailboxFacts facts;

	fake_mailbox(fixture->fake, "A")->subscribed = TRUE;
	fixture_list(fixture);
	mailbox_facts(fixture_mailbox(fixture, "A"), &facts);
	g_assert_true(facts.selectable && facts.subscription_known && facts.subscribed);
	g_assert_cmpuint(facts.uidvalidity, ==, 11);
	g_assert_cmpuint(facts.uidnext, ==, 4);
	g_assert_cmpint(do_errand(fixture, subscribe, "A", "0"), ==, DONE);
	mailbox_facts(fixture_mailbox(fixture, "A"), &facts);
	g_assert_false(facts.subscribed);
	mailbox_facts(account_root(fixture->account), &facts);
	g_assert_false(facts.selectable);
}

/* What an earlier mount was told of subscriptions is not kept. */
static void
test_subscription_told(void)
{
	g_autoptr(Fixture) fixture = fixture_new_kept();
	MailboxFacts facts;

	fake_mailbox_add(fixture->fake, "Kept", 31)->subscribed = TRUE;
	fixture_list(fixture);
	mailbox_facts(fixture_mailbox(fixture, "Kept"), &facts);
	g_assert_true(facts.subscription_known && facts.subscribed);
	fixture->fake->offline = TRUE;
	fixture_reopen(fixture);
	mailbox_facts(fixture_mailbox(fixture, "Kept"), &facts);
	g_assert_false(facts.subscription_known);
	fixture->fake->offline = FALSE;
	fixture_list(fixture);
	mailbox_facts(fixture_mailbox(fixture, "Kept"), &facts);
	g_assert_true(facts.subscription_known && facts.subscribed);
}

static void
add_tables(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(claims); i++) {
		g_autofree char *path = g_strdup_printf("/attributes/claim/%s", claims[i].label);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_claim);
	}
	for (guint i = 0; i < G_N_ELEMENTS(rights); i++) {
		g_autofree char *path = g_strdup_printf("/attributes/rights/%s", rights[i].rights);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_rights);
	}
	for (guint i = 0; i < G_N_ELEMENTS(firsts); i++) {
		g_autofree char *path =
			g_strdup_printf("/attributes/first-change/%s", firsts[i].label);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_first_change);
	}
	for (guint i = 0; i < G_N_ELEMENTS(acls); i++) {
		g_autofree char *path = g_strdup_printf("/attributes/acl/%s", acls[i].label);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_acl);
	}
}

int
main(int argc, char *argv[])
{
	g_test_init(&argc, &argv, NULL);
	add_tables();
	g_test_add_func("/attributes/claim/after-changes", test_claim_after_changes);
	g_test_add_func("/attributes/claim/disturbed", test_claim_disturbed);
	g_test_add_func("/attributes/claim/by-two", test_claim_by_two);
	g_test_add_func("/attributes/claim/gone-late", test_claim_gone_late);
	g_test_add_func("/attributes/claim/given-up", test_claim_given_up);
	g_test_add_func("/attributes/claim/unsupported", test_claim_unsupported);
	g_test_add_func("/attributes/claim/not-told", test_claim_not_told);
	g_test_add_func("/attributes/claim/no-uidvalidity", test_claim_without_uidvalidity);
	g_test_add_func("/attributes/rights/names", test_rights_to_names);
	g_test_add_func("/attributes/rights/flags", test_rights_to_flags);
	g_test_add_func("/attributes/rights/asked-for", test_rights_asked_for);
	g_test_add_func("/attributes/rights/unknown", test_first_change_unknown);
	g_test_add_func("/attributes/rights/trash", test_rights_to_trash);
	g_test_add_func("/attributes/rights/read-only", test_read_only);
	g_test_add_func("/attributes/rights/permanent-flags", test_permanent_flags);
	g_test_add_func("/attributes/rights/flags-judged-before", test_flags_judged_before);
	g_test_add_func("/attributes/acl/lockouts", test_acl_lockouts);
	g_test_add_func("/attributes/acl/half-done", test_acl_half_done);
	g_test_add_func("/attributes/acl/refused", test_acl_refused);
	g_test_add_func("/attributes/metadata/read", test_metadata);
	g_test_add_func("/attributes/metadata/names-refused", test_metadata_names_refused);
	g_test_add_func("/attributes/metadata/set", test_metadata_set);
	g_test_add_func("/attributes/metadata/outdated", test_metadata_outdated);
	g_test_add_func("/attributes/metadata/names-outdated", test_metadata_names_outdated);
	g_test_add_func("/attributes/metadata/new-mailbox", test_of_a_new_mailbox);
	g_test_add_func("/attributes/metadata/renamed", test_of_a_renamed_mailbox);
	g_test_add_func("/attributes/quota/told", test_quota);
	g_test_add_func("/attributes/quota/offline", test_quota_offline);
	g_test_add_func("/attributes/quota/at-first", test_quota_at_first);
	g_test_add_func("/attributes/quota/others", test_quota_of_others);
	g_test_add_func("/attributes/quota/none", test_without_quota);
	g_test_add_func("/attributes/details/told", test_details);
	g_test_add_func("/attributes/details/own-changes", test_own_changes);
	g_test_add_func("/attributes/details/fail", test_details_fail);
	g_test_add_func("/attributes/details/many", test_many_answers);
	g_test_add_func("/attributes/details/while-waking", test_answers_while_waking);
	g_test_add_func("/attributes/metadata/long", test_long_answers);
	g_test_add_func("/attributes/figures/counts", test_counts);
	g_test_add_func("/attributes/figures/not-told", test_counts_not_told);
	g_test_add_func("/attributes/figures/kept", test_counts_kept);
	g_test_add_func("/attributes/rights/kept", test_access_kept);
	g_test_add_func("/attributes/figures/facts", test_facts);
	g_test_add_func("/attributes/figures/subscription-told", test_subscription_told);
	return g_test_run();
}
