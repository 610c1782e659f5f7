/*
 * test-prefetch-faults.c: reading ahead across messages when things go wrong: whatever becomes of
 * a batch, every reader gets every byte.
 */
#include <string.h>

#include "walk.h"

/* --- joined --- */

/* Reads the first two messages of the mailbox: now a batch is on its way. The last UID in it. */
static guint32
begin_batch(Setup *setup, FakeMailbox *mailbox)
{
	const FakeMany *many;

	read_whole(setup, mailbox, 1);
	read_whole(setup, mailbox, 2);
	g_assert_cmpuint(setup->fake->many->len, >, 0);
	many = setup->fake->many->pdata[0];
	g_assert_cmpstr(many->mailbox, ==, mailbox->name);
	g_assert_cmpuint(many->uidvalidity, ==, mailbox->uidvalidity);
	g_assert_cmpuint(many->uids->len, >=, 3);
	return g_array_index(many->uids, guint32, many->uids->len - 1);
}

static void
test_joined(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 100, 5000, 5000);
	guint32 last = begin_batch(&setup, mailbox);
	guint n_reads = setup.fake->reads->len;
	Ask *asks[10];

	for (guint i = 0; i < G_N_ELEMENTS(asks); i++) {
		asks[i] = ask_read(setup.fixture, id_in(&setup, mailbox, last), i * 100, 4096);
		g_assert_false(asks[i]->answered);
	}
	for (guint i = 0; i < G_N_ELEMENTS(asks); i++) {
		ask_check_bytes(asks[i], fake_message(mailbox, last));
		ask_free(asks[i]);
	}
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, ==, n_reads);
	g_assert_cmpuint(times_asked(&setup, last), ==, 1);
}

/* Joined, and then left out of the answer. */
static void
test_joined_in_vain(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 100, 5000, 5000);
	guint32 last = begin_batch(&setup, mailbox);
	g_autoptr(Ask) one = ask_read(setup.fixture, id_in(&setup, mailbox, last), 0, 4096);
	g_autoptr(Ask) other = ask_read(setup.fixture, id_in(&setup, mailbox, last - 1), 0, 4096);

	setup.fake->many_omits = 1;
	ask_check_bytes(one, fake_message(mailbox, last));
	ask_check_bytes(other, fake_message(mailbox, last - 1));
	g_assert_cmpuint(times_asked(&setup, last), ==, 2);
}

/* Who gives up takes nothing with him. */
static void
test_joined_and_left(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 100, 5000, 5000);
	guint32 last = begin_batch(&setup, mailbox);

	ask_free(ask_read(setup.fixture, id_in(&setup, mailbox, last), 0, 4096));
	fixture_settle(setup.fixture);
	read_whole(&setup, mailbox, last);
	g_assert_cmpuint(times_asked(&setup, last), ==, 1);
}

/* --- batches that go wrong --- */

static void
fails_once(ImapfsError code, guint after)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 150, 100, 90 * KIB);
	g_autoptr(GArray) path = path_of(mailbox, BY_UID, 1, 1);

	fake_remote_fail(setup.fake, FAKE_MANY, code, after);
	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	/* Those of the batch at the most; behind it another goes on. */
	g_assert_cmpuint(setup.fake->reads->len, <=, 40);
}

static void
test_fails_once(void)
{
	static const guint after[] = {0, 1, 2, 3, 4, 7, 20};

	for (ImapfsError code = IMAPFS_ERROR_FAILED; code <= IMAPFS_ERROR_READ_ONLY; code++)
		for (guint i = 0; i < G_N_ELEMENTS(after); i++)
			fails_once(code, after[i]);
}

/* Each batch fails: it is as if there were none. No error is anybody's but the batch's. */
static void
test_always_fails(void)
{
	for (ImapfsError code = IMAPFS_ERROR_FAILED; code <= IMAPFS_ERROR_READ_ONLY; code++) {
		g_auto(Setup) setup = setup_new(0);
		FakeMailbox *mailbox = add_mailbox(&setup, "A", 100, 100, 200 * KIB);

		for (guint32 uid = 1; uid <= 100; uid++) {
			fake_remote_fail(setup.fake, FAKE_MANY, code, uid % 5);
			read_whole(&setup, mailbox, uid);
		}
	}
}

static void
test_left_out(void)
{
	for (guint omits = 1; omits < 6; omits++) {
		g_auto(Setup) setup = setup_new(0);
		FakeMailbox *mailbox = add_mailbox(&setup, "A", 200, 100, 20000);
		g_autoptr(GArray) path = path_of(mailbox, BY_UID, 1, 1);

		setup.fake->many_omits = omits;
		walk(&setup, mailbox, path);
		fixture_settle(setup.fixture);
		g_assert_cmpuint(setup.fake->reads->len, <=, 200 / omits + 3);
		for (guint32 uid = 1; uid <= 200; uid++)
			g_assert_cmpuint(times_asked(&setup, uid), <=, 2);
	}
}

/* NIL for a message that is none (RFC 2180 section 4.1.3 has it for expunged ones): it is asked for
 * alone, and nobody believes that it is empty. */
static void
test_told_empty(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 200, 100, 20000);
	g_autoptr(GArray) path = path_of(mailbox, BY_UID, 1, 1);

	setup.fake->many_empties = 4;
	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, <=, 200 / 4 + 3);
	g_assert_cmpuint(setup.fixture->n_size_changes, ==, 0);
	g_assert_false(account_sizes_lie(setup.fixture->account));
}

/* The server sends none of a message, alone or not: its reader is told, the others get theirs. */
static void
test_refused(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 200, 100, 20000);

	for (guint32 uid = 5; uid <= 200; uid += 10)
		fake_message(mailbox, uid)->refusal = IMAPFS_ERROR_FAILED;
	for (guint32 uid = 1; uid <= 200; uid++) {
		g_autoptr(Ask) ask = NULL;

		if (uid % 10 != 5) {
			read_whole(&setup, mailbox, uid);
			continue;
		}
		ask = ask_read(setup.fixture, id_in(&setup, mailbox, uid), 0, PIECE);
		ask_check_error(ask, IMAPFS_ERROR_FAILED);
	}
	g_assert_cmpuint(setup.fake->reads->len, <=, 20 + 4);
}

static void
test_any_order_and_twice(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 200, 100, 200 * KIB);
	g_autoptr(GArray) path = path_of(mailbox, BY_NAME, 1, 1);

	setup.fake->many_mixed = TRUE;
	setup.fake->repeats = TRUE;
	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, <=, 3);
	g_assert_cmpuint(setup.fixture->n_size_changes, ==, 0);
}

/* --- sizes that lie --- */

typedef struct {
	const char *label;
	guint64 size, told_size;
} LieRow;

static const LieRow lie_rows[] = {
	{"longer", 9000, 4000},
	{"much-longer", 400 * KIB, 4000},
	{"longer-by-blocks", 384 * KIB, 128 * KIB},
	{"longer-than-two-blocks", 256 * KIB + 1, 256 * KIB},
	{"shorter", 4000, 9000},
	{"much-shorter", 10, 250 * KIB},
	{"shorter-by-a-block", 128 * KIB, 256 * KIB},
	{"nothing", 0, 5000},
	{"was-nothing", 5000, 0},
	{"long-and-shorter", 300 * KIB, 900 * KIB},
	{"long-and-longer", 2 * MIB, 900 * KIB},
};

static FakeMailbox *
add_liars(Setup *setup, const LieRow *row)
{
	FakeMailbox *mailbox = add_mailbox(setup, "A", 0, 0, 0);

	for (guint i = 0; i < 60; i++) {
		if (i % 3 == 2)
			add_message(mailbox, row->size)->told_size = row->told_size;
		else
			add_message(mailbox, 40000);
	}
	g_free(fixture_messages(setup->fixture, "A"));
	return mailbox;
}

static void
check_true_sizes(Setup *setup, FakeMailbox *mailbox)
{
	const Mailbox *cached = fixture_mailbox(setup->fixture, "A");

	for (guint32 uid = 1; uid < mailbox->next_uid; uid++) {
		const Message *message = mailbox_message(cached, uid);

		g_assert_cmpuint(message->size, ==, fake_message(mailbox, uid)->size);
		g_assert_false(message->growing);
	}
}

static void
test_lie(gconstpointer data)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_liars(&setup, data);
	g_autoptr(GArray) path = path_of(mailbox, BY_UID, 1, 1);

	walk(&setup, mailbox, path);
	fixture_settle(setup.fixture);
	check_true_sizes(&setup, mailbox);
}

/* Batches break in the midst of such messages. */
static void
test_lie_in_a_batch_that_breaks(gconstpointer data)
{
	for (guint after = 0; after < 14; after++) {
		g_auto(Setup) setup = setup_new(0);
		FakeMailbox *mailbox = add_liars(&setup, data);

		for (guint32 uid = 1; uid < mailbox->next_uid; uid++) {
			fake_remote_fail(setup.fake, FAKE_MANY, IMAPFS_ERROR_OFFLINE, after);
			read_whole(&setup, mailbox, uid);
		}
		fixture_settle(setup.fixture);
		check_true_sizes(&setup, mailbox);
	}
}

/* --- mailboxes that change --- */

/* Expunges and arrivals that the cache hears of, here and there. */
static void
test_changes_during_a_walk(gconstpointer data)
{
	Order order = GPOINTER_TO_UINT(data);
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 300, 100, 20000);
	g_autoptr(GArray) path = path_of(mailbox, order, 1, 1);
	g_autoptr(GRand) rand = g_rand_new_with_seed(11);

	for (guint i = 0; i < path->len; i++) {
		guint32 uid = g_array_index(path, guint32, i);

		if (i % 15 == 7) {
			guint32 victim =
				(guint32)g_rand_int_range(rand, 1, (gint32)mailbox->next_uid);

			if (fake_message(mailbox, victim))
				fake_message_expunge(mailbox, victim);
			add_message(mailbox, 3000);
			g_free(fixture_messages(setup.fixture, "A"));
		}
		if (fake_message(mailbox, uid))
			read_whole(&setup, mailbox, uid);
	}
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->reads->len, <=, 25);
}

/* Expunges that the server has not told of: the batch comes without them. */
static void
test_expunged_unheard(void)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 300, 100, 20000);

	for (guint32 uid = 1; uid <= 300; uid++) {
		if (uid % 20 == 3)
			for (guint32 victim = uid + 4; victim < uid + 8; victim++)
				fake_message_expunge(mailbox, victim);
		if (fake_message(mailbox, uid)) {
			read_whole(&setup, mailbox, uid);
		} else {
			g_autoptr(Ask) ask =
				ask_read(setup.fixture, id_in(&setup, mailbox, uid), 0, 4096);

			ask_wait(ask);
			if (ask->error)
				g_assert_error(ask->error, IMAPFS_ERROR, IMAPFS_ERROR_STALE);
		}
	}
	fixture_settle(setup.fixture);
}

/* After @n_steps of a batch the mailbox becomes another one, or goes. Readers of the old messages
 * wait meanwhile. */
static void
mailbox_changes(guint n_steps, gboolean goes)
{
	g_auto(Setup) setup = setup_new(0);
	FakeMailbox *mailbox = add_mailbox(&setup, "A", 40, 10, 20000);
	guint32 last = begin_batch(&setup, mailbox);
	guint64 old_id = id_in(&setup, mailbox, last);
	FakeMessage old = *fake_message(mailbox, last);
	g_autoptr(Ask) waiting = ask_read(setup.fixture, old_id, 0, PIECE), late = NULL;

	while (n_steps-- && fake_remote_step_kind(setup.fake, FAKE_MANY))
		;
	if (goes) {
		fake_mailbox_remove(setup.fake, "A");
		account_refresh(setup.fixture->account, FALSE);
	} else {
		mailbox->uidvalidity = 2;
		for (guint i = 0; i < mailbox->messages->len; i++)
			((FakeMessage *)mailbox->messages->pdata[i])->seed += 100000;
		mailbox_refresh(fixture_mailbox(setup.fixture, "A"));
	}
	while (fake_remote_step_kind(setup.fake, FAKE_LIST) ||
	       fake_remote_step_kind(setup.fake, FAKE_SCAN) ||
	       fake_remote_step_kind(setup.fake, FAKE_UIDS))
		;
	fixture_settle(setup.fixture);
	late = ask_read(setup.fixture, old_id, 0, PIECE);
	ask_wait(waiting);
	ask_wait(late);
	if (!waiting->error)
		ask_check_bytes(waiting, &old);
	if (!late->error)
		ask_check_bytes(late, &old);
	if (goes)
		return;
	g_free(fixture_messages(setup.fixture, "A"));
	g_assert_cmpuint(id_in(&setup, mailbox, last), !=, old_id);
	for (guint32 uid = 1; uid <= 40; uid++)
		read_whole(&setup, mailbox, uid);
}

static void
test_mailbox_changes(void)
{
	for (guint n_steps = 0; n_steps < 12; n_steps++) {
		mailbox_changes(n_steps, FALSE);
		mailbox_changes(n_steps, TRUE);
	}
}

/* --- anything --- */

typedef struct {
	FakeMailbox *mailbox;
	guint32 mailbox_id;
	GArray *path;
	guint at;
	gboolean sniffs, jumps;
	Ask *ask;
	guint64 offset;
	GHashTable *truth; /* UID -> FakeMessage, of those that are expunged as well */
} Walker;

static guint64
random_size(GRand *rand)
{
	switch (g_rand_int_range(rand, 0, 8)) {
	case 0:
		return (guint64)g_rand_int_range(rand, 0, 3) * BLOCK;
	case 1:
		return (guint64)g_rand_int_range(rand, 0, (gint32)(2 * MIB));
	case 2:
		return (guint64)g_rand_int_range(rand, 0, (gint32)(300 * KIB));
	default:
		return (guint64)g_rand_int_range(rand, 0, 20000);
	}
}

static FakeMessage *
add_random_message(FakeMailbox *mailbox, GHashTable *truth, gboolean lies, GRand *rand)
{
	FakeMessage *message = add_message(mailbox, random_size(rand));

	if (lies && g_rand_int_range(rand, 0, 6) == 0)
		message->told_size = random_size(rand);
	g_hash_table_insert(truth, GUINT_TO_POINTER(message->uid),
	                    g_memdup2(message, sizeof(*message)));
	return message;
}

/* The answer is the truth; if not, then an error where there may be one. */
static void
walker_take_answer(Walker *walker, gboolean may_fail)
{
	guint32 uid = (guint32)walker->ask->id;
	const FakeMessage *message = g_hash_table_lookup(walker->truth, GUINT_TO_POINTER(uid));
	gboolean gone = !fake_message(walker->mailbox, uid);

	ask_wait(walker->ask);
	if (!walker->ask->error) {
		ask_check_bytes(walker->ask, message);
	} else if (!may_fail) {
		g_assert_true(gone);
		g_assert_error(walker->ask->error, IMAPFS_ERROR, IMAPFS_ERROR_STALE);
	}
	walker->offset += PIECE;
	if (walker->ask->error || walker->sniffs || walker->ask->bytes->len < PIECE)
		walker->offset = 0;
	g_clear_pointer(&walker->ask, ask_free);
}

static void
walker_ask(Walker *walker, Fixture *fixture, GRand *rand)
{
	if (!walker->offset)
		walker->at = walker->jumps ? g_rand_int(rand) : walker->at + 1;
	walker->at %= walker->path->len;
	walker->ask = ask_read(
		fixture,
		message_id(walker->mailbox_id, g_array_index(walker->path, guint32, walker->at)),
		walker->offset, walker->sniffs ? 16 * KIB : PIECE);
}

static void
change_at_random(FakeMailbox *mailbox, GHashTable *truth, gboolean lies, GRand *rand)
{
	guint32 uid = (guint32)g_rand_int_range(rand, 1, (gint32)mailbox->next_uid);

	if (fake_message(mailbox, uid) && mailbox->messages->len > 10)
		fake_message_expunge(mailbox, uid);
	add_random_message(mailbox, truth, lies, rand);
}

static void
random_round(GRand *rand, gboolean may_fail, gboolean lies)
{
	g_autoptr(Fixture) fixture = fixture_new(g_rand_boolean(rand) ? 0 : 5 * MIB, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	g_autoptr(GHashTable) truth = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	guint n_walkers = (guint)g_rand_int_range(rand, 1, 6);
	Walker walkers[5] = {0};
	guint32 id;

	for (int i = 0; i < 120; i++)
		add_random_message(mailbox, truth, lies, rand);
	id = (guint32)(fixture_open(fixture, "A", 1) >> 32);
	fixture->fake->order = (FakeOrder)g_rand_int_range(rand, 0, 3);
	fixture->fake->many_mixed = g_rand_boolean(rand);
	fixture->fake->many_omits = (guint)g_rand_int_range(rand, 0, 8);
	fixture->fake->repeats = g_rand_int_range(rand, 0, 5) == 0;
	for (guint i = 0; i < n_walkers; i++)
		walkers[i] = (Walker){
			.mailbox = mailbox,
			.mailbox_id = id,
			.truth = truth,
			.path = path_of(mailbox, g_rand_boolean(rand) ? BY_UID : BY_NAME,
		                        (guint)g_rand_int_range(rand, 1, 17), g_rand_int(rand)),
			.at = g_rand_int(rand),
			.sniffs = g_rand_int_range(rand, 0, 5) == 0,
			.jumps = g_rand_int_range(rand, 0, 5) == 0,
		};
	for (guint n = 0; n < 400; n++) {
		Walker *walker = &walkers[g_rand_int(rand) % n_walkers];

		if (may_fail && g_rand_int_range(rand, 0, 10) == 0)
			fake_remote_fail(fixture->fake,
			                 g_rand_boolean(rand) ? FAKE_READ : FAKE_MANY,
			                 IMAPFS_ERROR_OFFLINE, (guint)g_rand_int_range(rand, 0, 9));
		if (g_rand_int_range(rand, 0, 20) == 0)
			change_at_random(mailbox, truth, lies, rand);
		if (g_rand_int_range(rand, 0, 20) == 0)
			mailbox_refresh(fixture_mailbox(fixture, "A"));
		if (walker->ask)
			walker_take_answer(walker, may_fail);
		walker_ask(walker, fixture, rand);
		for (int steps = g_rand_int_range(rand, 0, 12); steps > 0; steps--)
			fake_remote_step(fixture->fake);
	}
	for (guint i = 0; i < n_walkers; i++) {
		if (walkers[i].ask)
			walker_take_answer(&walkers[i], may_fail);
		g_array_unref(walkers[i].path);
	}
	memset(fixture->fake->failures, 0, sizeof(fixture->fake->failures));
	fixture_settle(fixture);
	g_free(fixture_messages(fixture, "A"));
	for (guint i = 0; i < mailbox->messages->len; i++) {
		const FakeMessage *message = mailbox->messages->pdata[i];

		fixture_read_through(fixture, message_id(id, message->uid), message, PIECE);
	}
}

static void
test_random(gconstpointer data)
{
	guint32 n_seeds = g_test_slow() ? 20 : 6; /* -m slow: all of them */

	for (guint32 seed = 0; seed < n_seeds; seed++) {
		g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

		g_test_message("seed %u", seed);
		random_round(rand, GPOINTER_TO_UINT(data) & 1, GPOINTER_TO_UINT(data) & 2);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/prefetch-faults/joined", test_joined);
	g_test_add_func("/prefetch-faults/joined-in-vain", test_joined_in_vain);
	g_test_add_func("/prefetch-faults/joined-and-left", test_joined_and_left);
	g_test_add_func("/prefetch-faults/fails-once", test_fails_once);
	g_test_add_func("/prefetch-faults/always-fails", test_always_fails);
	g_test_add_func("/prefetch-faults/left-out", test_left_out);
	g_test_add_func("/prefetch-faults/told-empty", test_told_empty);
	g_test_add_func("/prefetch-faults/refused", test_refused);
	g_test_add_func("/prefetch-faults/any-order-and-twice", test_any_order_and_twice);
	ADD_ROWS("/prefetch-faults/lie/", lie_rows, test_lie);
	ADD_ROWS("/prefetch-faults/lie-and-break/", lie_rows, test_lie_in_a_batch_that_breaks);
	g_test_add_data_func("/prefetch-faults/changes/uid", GUINT_TO_POINTER(BY_UID),
	                     test_changes_during_a_walk);
	g_test_add_data_func("/prefetch-faults/changes/name", GUINT_TO_POINTER(BY_NAME),
	                     test_changes_during_a_walk);
	g_test_add_func("/prefetch-faults/expunged-unheard", test_expunged_unheard);
	g_test_add_func("/prefetch-faults/mailbox-changes", test_mailbox_changes);
	g_test_add_data_func("/prefetch-faults/random/truth", GUINT_TO_POINTER(0), test_random);
	g_test_add_data_func("/prefetch-faults/random/fails", GUINT_TO_POINTER(1), test_random);
	g_test_add_data_func("/prefetch-faults/random/lies", GUINT_TO_POINTER(2), test_random);
	g_test_add_data_func("/prefetch-faults/random/lies-and-fails", GUINT_TO_POINTER(3),
	                     test_random);
	return g_test_run();
}
