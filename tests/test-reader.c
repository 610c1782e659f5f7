/*
 * test-reader.c: the bytes of messages, and what is asked of the server for them.
 */
#include "cache-fixture.h"

#include <string.h>

/* An account with one mailbox, listed, and in it a message of @size bytes that the server calls
 * @told_size bytes long. */
typedef struct {
	Fixture *fixture;
	FakeRemote *fake;
	FakeMailbox *mailbox;
	FakeMessage *message;
	guint64 id;
} Setup;

static Setup
setup_with_memory(guint64 memory, guint64 size, guint64 told_size)
{
	Setup setup = {.fixture = fixture_new(memory, NULL)};

	setup.fake = setup.fixture->fake;
	setup.mailbox = fake_mailbox_add(setup.fake, "A", 1);
	setup.message = fake_message_add(setup.mailbox, "m", size);
	setup.message->told_size = told_size;
	setup.id = fixture_open(setup.fixture, "A", 1);
	return setup;
}

static Setup
setup_new(guint64 size, guint64 told_size)
{
	return setup_with_memory(0, size, told_size);
}

static void
setup_clear(Setup *setup)
{
	fixture_free(setup->fixture);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Setup, setup_clear)

static const Message *
message_of(const Setup *setup)
{
	return mailbox_message(fixture_mailbox(setup->fixture, "A"), (guint32)setup->id);
}

static void
check_read(Setup *setup, guint64 offset, gsize length)
{
	g_autoptr(Ask) ask = ask_read(setup->fixture, setup->id, offset, length);

	ask_check_bytes(ask, setup->message);
}

/* "0+128 128+0 ..." in KiB: offsets and lengths of what was asked for, 0 meaning all. */
static void
check_asked(const Setup *setup, const char *expected)
{
	g_autoptr(GString) asked = g_string_new(NULL);

	for (guint i = 0; i < setup->fake->reads->len; i++) {
		const FakeRead *read = &g_array_index(setup->fake->reads, FakeRead, i);

		g_string_append_printf(asked, "%s%u+%u", i ? " " : "", (guint)(read->offset / KIB),
		                       (guint)(read->length / KIB));
	}
	g_assert_cmpstr(asked->str, ==, expected);
}

/* --- what is asked for --- */

typedef struct {
	const char *label;
	guint64 size, offset;
	gsize length;
	const char *asked;
} AskRow;

static const AskRow ask_rows[] = {
	{"empty", 0, 0, 4096, "0+0"},
	{"one-byte", 1, 0, 4096, "0+0"},
	{"small", 5000, 0, 4096, "0+0"},
	{"small-middle", 200 * KIB, 150 * KIB, 4096, "0+0"},
	{"small-all", 200 * KIB, 0, 1 * MIB, "0+0"},
	{"one-block", 128 * KIB, 0, 1 * MIB, "0+0"},
	{"two-blocks", 256 * KIB, 0, 4096, "0+0"},
	{"small-past-the-end", 5000, 5 * MIB, 4096, "0+0"},
	{"nothing", 5000, 0, 0, ""},
	{"large-beginning", 30 * MIB, 0, 4096, "0+128"},
	{"just-large", 256 * KIB + 1, 0, 4096, "0+128"},
	{"large-middle", 30 * MIB, 1000 * KIB, 4096, "896+128"},
	{"across-a-border", 30 * MIB, 126 * KIB, 4096, "0+256"},
	{"large-read", 30 * MIB, 0, 1 * MIB, "0+1024"},
	{"large-read-off-the-grid", 30 * MIB, 64 * KIB, 1 * MIB, "0+1024 1024+128"},
	{"last-block", 1 * MIB + 5, 1 * MIB, 4096, "1024+128"},
	{"last-block-is-full", 1 * MIB, 1 * MIB - 100, 4096, "896+256"},
	{"to-the-end", 1 * MIB - 5, 1 * MIB - 1000, 1 * MIB, "896+128"},
	{"past-the-end", 1 * MIB - 5, 3 * MIB, 1 * MIB, "3072+128"},
	{"far-past-the-end", 1 * MIB, 1000 * MIB, 1 * MIB, "1024000+128"},
};

static void
test_ask(gconstpointer data)
{
	const AskRow *row = data;
	g_auto(Setup) setup = setup_new(row->size, row->size);

	check_read(&setup, row->offset, row->length);
	check_asked(&setup, row->asked);
	fixture_settle(setup.fixture);
	check_read(&setup, row->offset, row->length);
	check_asked(&setup, row->asked);
	g_assert_cmpuint(message_of(&setup)->size, ==, row->size);
	g_assert_cmpuint(setup.fixture->n_size_changes, ==, 0);
	g_assert_false(account_sizes_lie(setup.fixture->account));
}

static void
test_impossible_offsets(void)
{
	static const guint64 offsets[] = {G_MAXUINT64, G_MAXUINT64 - 5, G_MAXINT64,
	                                  (guint64)G_MAXUINT32 * REMOTE_BLOCK_SIZE,
	                                  (guint64)G_MAXUINT32 / 2 * REMOTE_BLOCK_SIZE};
	g_auto(Setup) setup = setup_new(1 * MIB, 1 * MIB);

	for (guint i = 0; i < G_N_ELEMENTS(offsets); i++)
		check_read(&setup, offsets[i], 4096);
	g_assert_cmpuint(setup.fake->reads->len, ==, 0);
	check_read(&setup, (guint64)G_MAXUINT32 / 2 * REMOTE_BLOCK_SIZE - 1, 1 * MIB);
}

/* However many ask, one fetch. */
static void
many_readers(guint64 size, guint n_reads)
{
	g_auto(Setup) setup = setup_new(size, size);
	Ask *asks[20];

	for (guint i = 0; i < G_N_ELEMENTS(asks); i++)
		asks[i] = ask_read(setup.fixture, setup.id, i * 100, 4096);
	for (guint i = 0; i < G_N_ELEMENTS(asks); i++) {
		ask_check_bytes(asks[i], setup.message);
		ask_free(asks[i]);
	}
	g_assert_cmpuint(setup.fake->reads->len, ==, n_reads);
}

static void
test_many_readers(void)
{
	many_readers(100 * KIB, 1);
	many_readers(250 * KIB, 1);
	many_readers(30 * MIB, 1);
}

/* A reader that gives up leaves the others waiting, and the fetch going. */
static void
test_reader_gives_up(void)
{
	g_auto(Setup) setup = setup_new(100 * KIB, 100 * KIB);
	Ask *impatient = ask_read(setup.fixture, setup.id, 0, 100);
	g_autoptr(Ask) patient = ask_read(setup.fixture, setup.id, 0, 100);

	ask_free(impatient);
	ask_check_bytes(patient, setup.message);
}

/* From front to back: few commands, and never much further than the reader is. The first step gets
 * one block, every later one four times what was read. */
static void
test_sequential(void)
{
	g_auto(Setup) setup = setup_new(40 * MIB, 40 * MIB);
	guint64 asked_until = 0;

	for (guint64 offset = 0; offset < 40 * MIB; offset += BLOCK) {
		guint64 step = offset / BLOCK;
		guint64 window = step > 1 ? MIN(4 * (step + 1), 64) : step;

		check_read(&setup, offset, BLOCK);
		for (guint i = 0; i < setup.fake->reads->len; i++) {
			const FakeRead *read = &g_array_index(setup.fake->reads, FakeRead, i);

			asked_until = MAX(asked_until, read->offset + read->length);
			g_assert_cmpuint(read->length, <=, 1 * MIB);
		}
		g_assert_cmpuint(asked_until, <=, offset + BLOCK + window * BLOCK);
	}
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->n_bytes, ==, 40 * MIB);
	g_assert_cmpuint(setup.fake->reads->len, <=, 50);
	g_assert_true(message_of(&setup)->size_exact);
	g_assert_cmpuint(setup.fixture->n_size_changes, ==, 0);
}

static void
test_window_is_bounded_by_memory(void)
{
	g_auto(Setup) setup = setup_with_memory(8 * MIB, 40 * MIB, 40 * MIB);

	fixture_read_through(setup.fixture, setup.id, setup.message, BLOCK);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->n_bytes, ==, 40 * MIB);
}

static void
test_random_reads(void)
{
	static const guint blocks[] = {200, 7, 100, 5, 300, 50};
	g_auto(Setup) setup = setup_new(40 * MIB, 40 * MIB);

	for (guint i = 0; i < G_N_ELEMENTS(blocks); i++)
		check_read(&setup, blocks[i] * BLOCK + 10, 4096);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(setup.fake->n_bytes, ==, G_N_ELEMENTS(blocks) * BLOCK);
}

static void
test_told_twice(void)
{
	g_auto(Setup) setup = setup_new(3 * MIB + 7, 3 * MIB + 7);

	setup.fake->repeats = TRUE;
	fixture_read_through(setup.fixture, setup.id, setup.message, 100 * KIB);
	fixture_settle(setup.fixture);
	g_assert_true(message_of(&setup)->size_exact);
}

/* --- sizes that lie --- */

typedef struct {
	const char *label;
	guint64 size, told_size;
	gboolean hides_size;
} LieRow;

static const LieRow lie_rows[] = {
	{"truth-small", 5000, 5000, FALSE},
	{"truth-large", 3 * MIB + 5, 3 * MIB + 5, FALSE},
	{"truth-multiple", 3 * MIB, 3 * MIB, FALSE},
	{"small-too-small", 5000, 4900, FALSE},
	{"small-too-large", 4900, 5000, FALSE},
	{"small-told-empty", 5000, 0, FALSE},
	{"empty-told-small", 0, 5000, FALSE},
	{"empty-told-large", 0, 5 * MIB, FALSE},
	{"large-told-small", 3 * MIB, 100, FALSE},
	{"large-told-one-block", 3 * MIB + 1, 128 * KIB, FALSE},
	{"large-told-two-blocks", 3 * MIB + 1, 256 * KIB, FALSE},
	{"small-told-large", 100, 3 * MIB, FALSE},
	{"two-blocks-told-large", 256 * KIB, 257 * KIB, FALSE},
	{"one-byte-more", 3 * MIB + 6, 3 * MIB + 5, FALSE},
	{"one-byte-less", 3 * MIB + 4, 3 * MIB + 5, FALSE},
	{"multiple-one-more", 3 * MIB + 1, 3 * MIB, FALSE},
	{"multiple-one-less", 3 * MIB - 1, 3 * MIB, FALSE},
	{"truly-multiple-one-more", 3 * MIB, 3 * MIB - 1, FALSE},
	{"truly-multiple-one-less", 3 * MIB, 3 * MIB + 1, FALSE},
	{"both-multiples-more", 4 * MIB, 3 * MIB, FALSE},
	{"both-multiples-less", 3 * MIB, 4 * MIB, FALSE},
	{"much-more", 20 * MIB + 77, 1 * MIB + 3, FALSE},
	{"much-more-multiple", 1 * MIB + 65 * BLOCK, 1 * MIB, FALSE},
	{"much-less", 1 * MIB + 3, 200 * MIB, FALSE},
	{"absurd", 1 * MIB + 3, G_MAXUINT64, FALSE},
	{"unknown-small", 5000, 0, TRUE},
	{"unknown-large", 3 * MIB + 5, 0, TRUE},
	{"unknown-empty", 0, 0, TRUE},
};

/* Each is read to its true end whatever the steps, and the layer above hears of it in time: the
 * fixture checks that at each answer. */
static void
test_lie_read_through(gconstpointer data)
{
	const LieRow *row = data;
	static const gsize lengths[] = {4096, 100000, 128 * 1024, 300000, 1024 * 1024};

	for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
		gboolean lies = row->hides_size ? row->size != 0 : row->size != row->told_size;
		g_auto(Setup) setup = setup_new(0, 0);
		g_autofree char *messages = NULL;

		setup.message = fake_message_add(setup.mailbox, "lie", row->size);
		setup.message->told_size = row->told_size;
		setup.message->hides_size = row->hides_size;
		messages = fixture_messages(setup.fixture, "A");
		setup.id = message_id((guint32)(setup.id >> 32), 2);
		fixture_read_through(setup.fixture, setup.id, setup.message, lengths[i]);
		fixture_settle(setup.fixture);
		g_assert_cmpuint(message_of(&setup)->size, ==, row->size);
		g_assert_false(message_of(&setup)->growing);
		g_assert_cmpint(setup.fixture->n_size_changes > 0, ==, lies);
		g_assert_cmpint(account_sizes_lie(setup.fixture->account), ==,
		                lies || row->hides_size);
	}
}

/* The same from back to front: what lies past the end is asked for first. */
static void
test_lie_read_backwards(gconstpointer data)
{
	const LieRow *row = data;
	g_auto(Setup) setup = setup_new(row->size, row->told_size);

	for (gint64 offset = 6 * MIB; offset >= 0; offset -= 100 * KIB)
		check_read(&setup, (guint64)offset, 100 * KIB);
	fixture_settle(setup.fixture);
	fixture_read_through(setup.fixture, setup.id, setup.message, BLOCK);
	fixture_settle(setup.fixture);
	g_assert_cmpuint(message_of(&setup)->size, ==, row->size);
}

/* While the end is looked for, nobody is told a size. */
static void
await_size(guint64 size, guint64 told_size)
{
	g_auto(Setup) setup = setup_new(size, told_size);
	g_autoptr(Ask) before = ask_size(setup.fixture, setup.id), during = NULL, end = NULL;
	g_autoptr(Ask) read = ask_read(setup.fixture, setup.id, told_size / BLOCK * BLOCK, 4096);

	g_assert_true(before->answered);
	g_assert_cmpuint(before->size, ==, told_size);
	while (!message_of(&setup)->growing)
		g_assert_true(fake_remote_step(setup.fake));
	g_assert_false(read->answered);
	during = ask_size(setup.fixture, setup.id);
	g_assert_false(during->answered);
	end = ask_read(setup.fixture, setup.id, size - 100, 4096);
	g_assert_false(end->answered);
	ask_wait(during);
	g_assert_cmpuint(during->size, ==, size);
	ask_check_bytes(read, setup.message);
	ask_check_bytes(end, setup.message);
	g_assert_true(message_of(&setup)->size_exact);
}

static void
test_await_size(void)
{
	await_size(200 * KIB, 100);
	await_size(3 * MIB, 100 * KIB);
	await_size(3 * MIB, 1 * MIB);
	await_size(3 * MIB + 1, 1 * MIB + 1);
	await_size(30 * MIB + 1, 1 * MIB + 1);
}

/* Other fetches of the message that end meanwhile do not end the search for its end. */
static void
test_await_size_beside_other_fetches(void)
{
	g_auto(Setup) setup = setup_new(3 * MIB, 1 * MIB + 1);
	g_autoptr(Ask) first = ask_read(setup.fixture, setup.id, 0, 4096), size = NULL;
	g_autoptr(Ask) last = ask_read(setup.fixture, setup.id, 1 * MIB, 4096);

	setup.fake->order = FAKE_NEWEST;
	while (setup.fake->reads->len < 3)
		g_assert_true(fake_remote_step(setup.fake));
	size = ask_size(setup.fixture, setup.id);
	g_assert_false(size->answered);
	setup.fake->order = FAKE_OLDEST;
	ask_check_bytes(first, setup.message);
	ask_wait(size);
	g_assert_cmpuint(size->size, ==, 3 * MIB);
	ask_check_bytes(last, setup.message);
}

/* The line breaks while the end is looked for: what has come is there, and counts. */
static void
end_breaks_off(guint64 size, guint64 told_size, guint after)
{
	g_auto(Setup) setup = setup_new(size, told_size);
	g_autoptr(Ask) read = ask_read(setup.fixture, setup.id, told_size / BLOCK * BLOCK, BLOCK);
	g_autoptr(Ask) waiting = NULL;

	while (!message_of(&setup)->growing)
		g_assert_true(fake_remote_step(setup.fake));
	waiting = ask_size(setup.fixture, setup.id);
	fake_remote_fail(setup.fake, FAKE_READ, IMAPFS_ERROR_OFFLINE, after);
	fixture_settle(setup.fixture);
	g_assert_true(read->answered && waiting->answered);
	g_assert_false(message_of(&setup)->growing);
	fixture_read_through(setup.fixture, setup.id, setup.message, BLOCK);
	g_assert_cmpuint(message_of(&setup)->size, ==, size);
}

static void
test_end_breaks_off(void)
{
	for (guint after = 0; after < 10; after++) {
		end_breaks_off(1 * MIB + 5, 100, after);
		end_breaks_off(3 * MIB + 5, 1 * MIB + 5, after);
		end_breaks_off(3 * MIB, 1 * MIB, after);
	}
}

/* --- failures --- */

static void
test_every_error_wakes_everybody(void)
{
	for (ImapfsError code = IMAPFS_ERROR_FAILED; code <= IMAPFS_ERROR_READ_ONLY; code++) {
		g_auto(Setup) setup = setup_new(1 * MIB, 1 * MIB);
		g_autoptr(Ask) one = ask_read(setup.fixture, setup.id, 0, 4096);
		g_autoptr(Ask) other = ask_read(setup.fixture, setup.id, 5000, 4096);

		fake_remote_fail(setup.fake, FAKE_READ, code, 0);
		ask_check_error(one, code);
		g_assert_true(other->answered);
		ask_check_error(other, code);
		fixture_pass_time(6 * G_USEC_PER_SEC);
		check_read(&setup, 0, 4096);
	}
}

/* What came before the line broke stays; no short message is made of it. */
static void
test_cut_off(void)
{
	static const guint64 sizes[] = {200 * KIB, 2 * MIB + 5};

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		for (guint after = 0; after < 4; after++) {
			g_auto(Setup) setup = setup_new(sizes[i], sizes[i]);
			g_autoptr(Ask) ask = NULL;

			fake_remote_fail(setup.fake, FAKE_READ, IMAPFS_ERROR_OFFLINE, after);
			ask = ask_read(setup.fixture, setup.id, 0, 1 * MIB);
			ask_wait(ask);
			fixture_settle(setup.fixture);
			g_assert_cmpuint(message_of(&setup)->size, ==, sizes[i]);
			fixture_read_through(setup.fixture, setup.id, setup.message, 1 * MIB);
		}
}

static void
test_refused(void)
{
	g_auto(Setup) setup = setup_new(5000, 5000);
	gint64 pause = 5 * G_USEC_PER_SEC;

	setup.message->refusal = IMAPFS_ERROR_FAILED;
	for (guint n = 1; n < 12; n++) {
		g_autoptr(Ask) ask = ask_read(setup.fixture, setup.id, 0, 4096), again = NULL;

		ask_check_error(ask, IMAPFS_ERROR_FAILED);
		g_assert_cmpuint(setup.fake->reads->len, ==, n);
		fixture_pass_time(pause - G_USEC_PER_SEC);
		again = ask_read(setup.fixture, setup.id, 0, 4096);
		g_assert_true(again->answered);
		ask_check_error(again, IMAPFS_ERROR_FAILED);
		g_assert_cmpuint(setup.fake->reads->len, ==, n);
		fixture_pass_time(G_USEC_PER_SEC);
		pause = MIN(pause * 2, 300 * G_USEC_PER_SEC);
	}
	setup.message->refusal = -1;
	check_read(&setup, 0, 4096);
	/* It counts from the beginning again, and what is here is read whatever was refused. */
	check_read(&setup, 100, 4096);
}

/* Only this message: others are asked for. */
static void
test_refused_beside_another(void)
{
	g_auto(Setup) setup = setup_new(5000, 5000);
	g_autoptr(Ask) ask = NULL, other = NULL;
	const FakeMessage *message = fake_message_add(setup.mailbox, "n", 5000);
	g_autofree char *messages = fixture_messages(setup.fixture, "A");

	setup.message->refusal = IMAPFS_ERROR_FAILED;
	ask = ask_read(setup.fixture, setup.id, 0, 4096);
	ask_check_error(ask, IMAPFS_ERROR_FAILED);
	other = ask_read(setup.fixture, setup.id + 1, 0, 4096);
	ask_check_bytes(other, message);
}

/* --- messages that are gone --- */

static void
test_expunged(void)
{
	g_auto(Setup) setup = setup_new(2 * MIB, 2 * MIB);
	FakeMessage old = *setup.message;
	g_autoptr(Ask) cached = NULL, missing = NULL;

	check_read(&setup, 0, 4096);
	fake_message_expunge(setup.mailbox, 1);
	g_free(fixture_messages(setup.fixture, "A"));
	g_assert_null(message_of(&setup));
	cached = ask_read(setup.fixture, setup.id, 100, 4096);
	g_assert_true(cached->answered);
	ask_check_bytes(cached, &old);
	missing = ask_read(setup.fixture, setup.id, 1 * MIB, 4096);
	g_assert_true(missing->answered);
	ask_check_error(missing, IMAPFS_ERROR_STALE);
	g_assert_cmpuint(setup.fake->reads->len, ==, 1);
}

/* The server knows already, the cache does not. */
static void
test_expunged_unheard(void)
{
	g_auto(Setup) setup = setup_new(5000, 5000);
	g_autoptr(Ask) ask = NULL;

	fake_message_expunge(setup.mailbox, 1);
	ask = ask_read(setup.fixture, setup.id, 0, 4096);
	ask_check_error(ask, IMAPFS_ERROR_STALE);
}

/* The message is forgotten while its bytes are on their way. */
static void
test_expunged_during_a_fetch(void)
{
	static const guint64 sizes[][2] = {{5000, 5000}, {3 * MIB, 3 * MIB}, {3 * MIB, 100}};

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_auto(Setup) setup = setup_new(sizes[i][0], sizes[i][1]);
		g_autoptr(Ask) ask = ask_read(setup.fixture, setup.id, 0, 4096), late = NULL;

		g_assert_true(fake_remote_step(setup.fake));
		fake_message_expunge(setup.mailbox, 1);
		mailbox_refresh(fixture_mailbox(setup.fixture, "A"));
		while (fake_remote_step_kind(setup.fake, FAKE_SCAN) ||
		       fake_remote_step_kind(setup.fake, FAKE_UIDS))
			;
		g_assert_null(message_of(&setup));
		fixture_settle(setup.fixture);
		g_assert_true(ask->answered);
		late = ask_read(setup.fixture, setup.id, 2 * MIB, 4096);
		fixture_settle(setup.fixture);
		g_assert_true(late->answered);
	}
}

static void
test_no_such_message(void)
{
	g_auto(Setup) setup = setup_new(5000, 5000);
	g_autoptr(Ask) message = ask_read(setup.fixture, setup.id + 7, 0, 100);
	g_autoptr(Ask) mailbox = ask_read(setup.fixture, message_id(12345, 1), 0, 100);

	ask_check_error(message, IMAPFS_ERROR_STALE);
	ask_check_error(mailbox, IMAPFS_ERROR_STALE);
}

/* --- little memory --- */

/* What is pushed out is fetched again, and every read comes to an end. */
static void
test_little_memory(void)
{
	static const guint64 memories[] = {1, 256 * KIB, 1 * MIB, 4 * MIB};
	static const guint64 sizes[] = {256 * KIB, 3 * MIB + 5, 20 * MIB};

	for (guint m = 0; m < G_N_ELEMENTS(memories); m++)
		for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
			g_auto(Setup) setup = setup_with_memory(memories[m], sizes[s], sizes[s]);

			fixture_read_through(setup.fixture, setup.id, setup.message, 1 * MIB);
			fixture_read_through(setup.fixture, setup.id, setup.message, 100 * KIB);
			fixture_settle(setup.fixture);
			g_assert_cmpuint(setup.fake->n_bytes, <=, 4 * sizes[s]);
		}
}

/* A lie about the size of a message that memory does not hold. */
static void
test_little_memory_and_lies(void)
{
	static const guint64 told[] = {100, 1 * MIB, 2 * MIB + 5, 100 * MIB};

	for (guint i = 0; i < G_N_ELEMENTS(told); i++) {
		g_auto(Setup) setup = setup_with_memory(4 * MIB, 20 * MIB + 9, told[i]);

		fixture_read_through(setup.fixture, setup.id, setup.message, 1 * MIB);
	}
}

/* --- anything --- */

static guint64
random_size(GRand *rand)
{
	guint64 blocks = (guint64)g_rand_int_range(rand, 0, 30);

	switch (g_rand_int_range(rand, 0, 4)) {
	case 0:
		return (guint64)g_rand_int_range(rand, 0, 3000);
	case 1:
		return blocks * BLOCK;
	case 2:
		return blocks * BLOCK + 1;
	default:
		return blocks * BLOCK + (guint64)g_rand_int_range(rand, 0, REMOTE_BLOCK_SIZE);
	}
}

static void
add_random_message(FakeMailbox *mailbox, GRand *rand)
{
	FakeMessage *message = fake_message_add(mailbox, "m", random_size(rand));

	if (g_rand_boolean(rand))
		message->told_size = random_size(rand);
	message->hides_size = g_rand_int_range(rand, 0, 10) == 0;
}

static Ask *
ask_at_random(Fixture *fixture, FakeMailbox *mailbox, guint32 id, GRand *rand)
{
	guint32 uid = (guint32)g_rand_int_range(rand, 1, (gint32)mailbox->next_uid);
	guint64 offset = random_size(rand) * (g_rand_int_range(rand, 0, 9) ? 1 : 5);

	return ask_read(fixture, message_id(id, uid), offset,
	                (gsize)g_rand_int_range(rand, 1, (gint32)(1 * MIB + 1)));
}

static void
check_answer(Ask *ask, FakeMailbox *mailbox, gboolean may_fail)
{
	ask_wait(ask);
	if (!may_fail || !ask->error)
		ask_check_bytes(ask, fake_message(mailbox, (guint32)ask->id));
	ask_free(ask);
}

/* Reads of random places in random messages with sizes that lie, many at a time, answered in any
 * order by a line that breaks: each answer is the truth or an error, and there is an answer. */
static void
random_round(GRand *rand, gboolean may_fail)
{
	g_autoptr(Fixture) fixture = fixture_new(g_rand_boolean(rand) ? 0 : 6 * MIB, NULL);
	FakeMailbox *mailbox = fake_mailbox_add(fixture->fake, "A", 1);
	Ask *asks[4] = {NULL};
	guint32 id;

	for (int i = 0; i < 6; i++)
		add_random_message(mailbox, rand);
	id = (guint32)(fixture_open(fixture, "A", 1) >> 32);
	fixture->fake->order = FAKE_RANDOM;
	fixture->fake->repeats = g_rand_int_range(rand, 0, 5) == 0;
	for (guint n = 0; n < 60; n++) {
		guint i = n % G_N_ELEMENTS(asks);

		if (may_fail && g_rand_int_range(rand, 0, 10) == 0)
			fake_remote_fail(fixture->fake, FAKE_READ, IMAPFS_ERROR_OFFLINE,
			                 (guint)g_rand_int_range(rand, 0, 9));
		if (asks[i])
			check_answer(asks[i], mailbox, may_fail);
		asks[i] = ask_at_random(fixture, mailbox, id, rand);
		for (int steps = g_rand_int_range(rand, 0, 10); steps > 0; steps--)
			fake_remote_step(fixture->fake);
	}
	for (guint i = 0; i < G_N_ELEMENTS(asks); i++)
		check_answer(asks[i], mailbox, may_fail);
	memset(fixture->fake->failures, 0, sizeof(fixture->fake->failures));
	fixture_settle(fixture);
	for (guint32 uid = 1; uid < mailbox->next_uid; uid++)
		fixture_read_through(fixture, message_id(id, uid), fake_message(mailbox, uid),
		                     BLOCK);
}

static void
test_random(void)
{
	for (guint32 seed = 0; seed < 60; seed++) {
		g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

		g_test_message("seed %u", seed);
		random_round(rand, seed % 3 == 0);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(ask_rows); i++) {
		g_autofree char *name = g_strconcat("/reader/ask/", ask_rows[i].label, NULL);

		g_test_add_data_func(name, &ask_rows[i], test_ask);
	}
	g_test_add_func("/reader/impossible-offsets", test_impossible_offsets);
	g_test_add_func("/reader/many-readers", test_many_readers);
	g_test_add_func("/reader/gives-up", test_reader_gives_up);
	g_test_add_func("/reader/sequential", test_sequential);
	g_test_add_func("/reader/window-is-bounded", test_window_is_bounded_by_memory);
	g_test_add_func("/reader/random-reads", test_random_reads);
	g_test_add_func("/reader/told-twice", test_told_twice);
	for (guint i = 0; i < G_N_ELEMENTS(lie_rows); i++) {
		const char *label = lie_rows[i].label;
		g_autofree char *forwards = g_strconcat("/reader/lie/forwards/", label, NULL);
		g_autofree char *backwards = g_strconcat("/reader/lie/backwards/", label, NULL);

		g_test_add_data_func(forwards, &lie_rows[i], test_lie_read_through);
		g_test_add_data_func(backwards, &lie_rows[i], test_lie_read_backwards);
	}
	g_test_add_func("/reader/await-size", test_await_size);
	g_test_add_func("/reader/await-size-beside-others", test_await_size_beside_other_fetches);
	g_test_add_func("/reader/end-breaks-off", test_end_breaks_off);
	g_test_add_func("/reader/every-error", test_every_error_wakes_everybody);
	g_test_add_func("/reader/cut-off", test_cut_off);
	g_test_add_func("/reader/refused", test_refused);
	g_test_add_func("/reader/refused-beside-another", test_refused_beside_another);
	g_test_add_func("/reader/expunged", test_expunged);
	g_test_add_func("/reader/expunged-unheard", test_expunged_unheard);
	g_test_add_func("/reader/expunged-during-a-fetch", test_expunged_during_a_fetch);
	g_test_add_func("/reader/no-such-message", test_no_such_message);
	g_test_add_func("/reader/little-memory", test_little_memory);
	g_test_add_func("/reader/little-memory-and-lies", test_little_memory_and_lies);
	g_test_add_func("/reader/random", test_random);
	return g_test_run();
}
