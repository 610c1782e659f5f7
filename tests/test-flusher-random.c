/*
 * test-flusher-random.c: thousands of changes by chance, while connections break before or after
 * what was sent is carried out, the server is refused, slow or without this or that, and the daemon
 * is killed at any moment and comes back. In the end every message is where a model says.
 *
 * Each message in the model has a name that no other has, or that a twin has: what counts is how
 * many of each name a mailbox holds. Whatever was told to be done was done once, and whatever was
 * told to have failed was not done.
 */
#include "flusher-fixture.h"

#include <string.h>

#define N_ROUNDS  12
#define N_CHANGES 250

static const char *const mailboxes[] = {"A", "B", "C"};

typedef struct {
	JournalKind kind;
	char *mailbox, *to, *name;
} Change;

typedef struct {
	FlusherFixture fixture;
	GRand *rand;
	GHashTable *expected; /* "mailbox name" -> count */
	GHashTable *busy;     /* set of "mailbox uid": the owner waits for what it has asked */
	GHashTable *settled;  /* set of ids that were told, and what was told has been counted */
	guint n_done, n_failed, n_kills, n_added;
} Model;

static void
expect(Model *model, const char *mailbox, const char *name, int difference)
{
	g_autofree char *key = g_strconcat(mailbox, " ", name, NULL);
	int n = GPOINTER_TO_INT(g_hash_table_lookup(model->expected, key)) + difference;

	g_hash_table_replace(model->expected, g_steal_pointer(&key), GINT_TO_POINTER(n));
}

/* The model does what the entry asks for, once; after a kill it may be told again. */
static void
on_told(gpointer data, const JournalEntry *entry, const GError *error)
{
	Model *model = data;

	if (error && !g_str_has_prefix(entry->name, "refuse") && error->code != IMAPFS_ERROR_QUOTA)
		g_error("entry %" G_GUINT64_FORMAT " (%s): %s", entry->id, entry->name,
		        error->message);
	if (!g_hash_table_add(model->settled, g_memdup2(&entry->id, sizeof(entry->id))))
		return;
	model->n_done += !error;
	model->n_failed += error != NULL;
	if (error)
		return;
	if (entry->to)
		expect(model, entry->to, entry->name, 1);
	if (entry->kind == JOURNAL_MOVE || entry->kind == JOURNAL_REMOVE)
		expect(model, entry->mailbox, entry->name, -1);
	if (entry->parent)
		expect(model, entry->to, entry->parent, -1);
}

/* --- changes by chance --- */

static guint
chance(Model *model, guint n)
{
	return (guint)g_rand_int_range(model->rand, 0, (gint32)n);
}

/* A message that nothing is asked of yet; NULL: none was found. */
static FakeMessage *
pick_message(Model *model, const char *mailbox)
{
	const GPtrArray *messages = fake_mailbox(model->fixture.fake, mailbox)->messages;

	for (guint n = 0; messages->len && n < 20; n++) {
		FakeMessage *message = messages->pdata[chance(model, messages->len)];
		g_autofree char *key = g_strdup_printf("%s %u", mailbox, message->uid);

		if (!strstr(message->flags, "\\Deleted") &&
		    g_hash_table_add(model->busy, g_steal_pointer(&key)))
			return message;
	}
	return NULL;
}

static void
add_append(Model *model)
{
	static const char *const prefixes[] = {"m", "m", "m", "refuse"};
	const char *to = mailboxes[chance(model, 3)];
	g_autofree char *name =
		g_strdup_printf("%s%u", prefixes[chance(model, 4)], chance(model, 12));
	JournalEntry *entry = flusher_fixture_append(&model->fixture, to, name);
	const FakeMessage *replaced = chance(model, 3) ? NULL : pick_message(model, to);

	if (replaced) {
		entry->replaces = replaced->uid;
		entry->parent = g_strdup(replaced->name); /* which an APPEND has no use for */
	}
	flusher_fixture_add(&model->fixture, entry);
}

/* A burst of one kind, as a shell makes it. */
static void
add_burst(Model *model)
{
	static const JournalKind kinds[] = {JOURNAL_APPEND, JOURNAL_MOVE, JOURNAL_COPY,
	                                    JOURNAL_REMOVE};
	JournalKind kind = kinds[chance(model, 4)];
	guint from = chance(model, 3), to = (from + 1 + chance(model, 2)) % 3;

	for (guint n = 1 + chance(model, 8); n; n--) {
		const FakeMessage *message = NULL;
		JournalEntry *entry;

		model->n_added++;
		if (kind == JOURNAL_APPEND) {
			add_append(model);
			continue;
		}
		message = pick_message(model, mailboxes[from]);
		if (!message)
			return;
		entry = kind == JOURNAL_REMOVE
		                ? flusher_fixture_remove(&model->fixture, mailboxes[from],
		                                         message->uid)
		                : flusher_fixture_transfer(&model->fixture, kind, mailboxes[from],
		                                           message->uid, mailboxes[to]);
		if (!entry->name)
			entry->name = g_strdup(message->name);
		if (!chance(model, 4))
			entry->content_key = 0; /* its header will have to do */
		flusher_fixture_add(&model->fixture, entry);
	}
}

/* What was added and never committed is as if nobody had asked. What was settled and not noted is
 * told again, under the same id. Ids of what was lost are given out again. */
static void
kill_it(Model *model)
{
	model->n_kills++;
	flusher_fixture_kill(&model->fixture);
}

/* --- the end --- */

static GHashTable *
count_names(Model *model)
{
	GHashTable *counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(mailboxes); i++) {
		g_autofree char *list = flusher_fixture_list(&model->fixture, mailboxes[i]);
		g_auto(GStrv) names = g_strsplit(list, " ", -1);

		for (char **name = names; *name && **name; name++) {
			char *key = g_strconcat(mailboxes[i], " ", *name, NULL);
			int n = GPOINTER_TO_INT(g_hash_table_lookup(counts, key));

			g_hash_table_replace(counts, key, GINT_TO_POINTER(n + 1));
		}
	}
	return counts;
}

static void
check(Model *model)
{
	g_autoptr(GHashTable) counts = count_names(model);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, counts);
	while (g_hash_table_iter_next(&iter, &key, &value))
		if (g_hash_table_lookup(model->expected, key) != value)
			g_error("%s: %d are there, not %d", (char *)key, GPOINTER_TO_INT(value),
			        GPOINTER_TO_INT(g_hash_table_lookup(model->expected, key)));
	g_hash_table_iter_init(&iter, model->expected);
	while (g_hash_table_iter_next(&iter, &key, &value))
		if (g_hash_table_lookup(counts, key) != value)
			g_error("%s: %d expected", (char *)key, GPOINTER_TO_INT(value));
}

static void
run_changes(Model *model, gboolean kills)
{
	while (model->n_added < N_CHANGES) {
		if (!chance(model, 12))
			add_burst(model);
		if (kills && !chance(model, 150))
			kill_it(model);
		flusher_fixture_turn(&model->fixture);
	}
	if (kills)
		kill_it(model);
	flusher_fixture_run(&model->fixture);
	journal_flush(model->fixture.files.journal);
}

static void
set_knobs(Model *model)
{
	FakeRemote *fake = model->fixture.fake;

	fake->unknown_percent = chance(model, 3) * 10;
	fake->no_move = chance(model, 2);
	fake->no_uidplus = !chance(model, 3);
	fake->hides_uids = !chance(model, 4);
	fake->replaces = chance(model, 2);
	fake->replaces_half = chance(model, 2);
	fake->repeats = chance(model, 2);
	fake->backwards = chance(model, 2);
	fake->order = chance(model, 2) ? FAKE_RANDOM : FAKE_OLDEST;
	model->fixture.uidnext_true = chance(model, 2);
	g_test_message("unknown %u%%, no_move %d, no_uidplus %d, hides_uids %d, replaces %d%s",
	               fake->unknown_percent, fake->no_move, fake->no_uidplus, fake->hides_uids,
	               fake->replaces, fake->replaces_half ? " half" : "");
}

static void
fill(Model *model)
{
	for (guint i = 0; i < 60; i++) {
		g_autofree char *name = g_strdup_printf("m%u", i % 25);
		const char *mailbox = mailboxes[i % 3];

		fake_message_add(fake_mailbox(model->fixture.fake, mailbox), name,
		                 strlen(name) + 2);
		expect(model, mailbox, name, 1);
	}
}

static void
test_round(guint32 seed, gboolean kills)
{
	Model model = {.rand = g_rand_new_with_seed(seed)};

	g_random_set_seed(seed);
	model.expected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	model.busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	model.settled = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	flusher_fixture_set_up(&model.fixture, kills ? NULL : "memory");
	g_rand_set_seed(model.fixture.fake->rand, seed);
	model.fixture.on_told = on_told;
	model.fixture.data = &model;
	set_knobs(&model);
	fill(&model);
	run_changes(&model, kills);
	check(&model);
	g_test_message("seed %u: %u done, %u failed, %u kills", seed, model.n_done, model.n_failed,
	               model.n_kills);
	flusher_fixture_tear_down(&model.fixture, NULL);
	g_hash_table_unref(model.expected);
	g_hash_table_unref(model.busy);
	g_hash_table_unref(model.settled);
	g_rand_free(model.rand);
}

static void
test_rounds(gconstpointer kills)
{
	const char *fixed = g_getenv("IMAPFS_TEST_SEED");
	guint32 first =
		fixed ? (guint32)g_ascii_strtoull(fixed, NULL, 10) : (guint32)g_test_rand_int();

	for (guint32 n = 0; n < (fixed ? 1 : N_ROUNDS); n++) {
		g_test_message("seed %u", first + n);
		test_round(first + n, kills != NULL);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/flusher-random/breaks", NULL, test_rounds);
	g_test_add_data_func("/flusher-random/kills", "kills", test_rounds);
	return g_test_run();
}
