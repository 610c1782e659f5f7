/*
 * A block store in a folder of its own.
 */
#include "store-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

void
store_fixture_init(Fixture *fixture, guint64 max_bytes)
{
	*fixture = (Fixture){.store_id = 42, .max_bytes = max_bytes};
	fixture->path = g_dir_make_tmp("block-store-XXXXXX", NULL);
	g_assert_nonnull(fixture->path);
	fixture->folder_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pthread_mutex_init(&fixture->gate, NULL);
	store_fixture_open(fixture);
}

void
store_fixture_open(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	fixture->disk = disk_new();
	fixture->store = block_store_open(fixture->disk, fixture->folder_fd, fixture->store_id,
	                                  fixture->max_bytes, &error);
	g_assert_no_error(error);
}

void
store_fixture_close(Fixture *fixture)
{
	block_store_free(fixture->store);
	disk_free(fixture->disk);
}

void
store_fixture_reopen(Fixture *fixture)
{
	store_fixture_close(fixture);
	store_fixture_open(fixture);
}

static void
empty_folder(const Fixture *fixture)
{
	g_autoptr(GDir) folder = g_dir_open(fixture->path, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(folder)))
		if (unlinkat(fixture->folder_fd, name, 0))
			unlinkat(fixture->folder_fd, name, AT_REMOVEDIR);
}

void
store_fixture_clear(Fixture *fixture)
{
	store_fixture_close(fixture);
	empty_folder(fixture);
	close(fixture->folder_fd);
	g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
	pthread_mutex_destroy(&fixture->gate);
	g_free(fixture->path);
}

/* A batch that is done begins the next: the last rounds are for what has no bytes. */
void
store_fixture_settle(Fixture *fixture)
{
	while (block_store_statistics(fixture->store).n_queued_bytes)
		disk_flush(fixture->disk);
	for (guint i = 0; i < 50; i++)
		disk_flush(fixture->disk);
}

typedef struct {
	DiskJob job;
	pthread_mutex_t *gate;
} Hold;

static void
hold_run(DiskJob *job)
{
	Hold *hold = (Hold *)job;

	pthread_mutex_lock(hold->gate);
	pthread_mutex_unlock(hold->gate);
	g_free(hold);
}

void
store_fixture_hold_worker(Fixture *fixture)
{
	Hold *hold = g_new0(Hold, 1);

	hold->job.run = hold_run;
	hold->gate = &fixture->gate;
	pthread_mutex_lock(hold->gate);
	disk_push_urgent(fixture->disk, &hold->job);
}

void
store_fixture_release_worker(Fixture *fixture)
{
	pthread_mutex_unlock(&fixture->gate);
}

GBytes *
content_of(guint64 seed, gsize length)
{
	guint8 *bytes = g_malloc(length + 8);
	guint64 state = seed + 1;

	for (gsize i = 0; i < length; i += 8) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(bytes + i, &state, 8);
	}
	return g_bytes_new_take(bytes, length);
}

gboolean
is_content(GBytes *bytes, guint64 seed, gsize length)
{
	g_autoptr(GBytes) expected = content_of(seed, length);

	return g_bytes_equal(bytes, expected);
}

void
store_fixture_put(Fixture *fixture, guint64 message, guint32 index, guint64 seed, gsize length)
{
	g_autoptr(GBytes) bytes = content_of(seed, length);

	block_store_put(fixture->store, message, index, bytes);
}

typedef struct {
	GBytes *bytes;
	gboolean is_done;
} Answer;

static void
on_answer(GBytes *bytes, gpointer data)
{
	Answer *answer = data;

	answer->is_done = TRUE;
	if (bytes)
		answer->bytes = g_bytes_ref(bytes);
}

GBytes *
store_fixture_get(Fixture *fixture, guint64 message, guint32 index)
{
	Answer answer = {0};

	if (!block_store_get(fixture->store, message, index, on_answer, &answer))
		return NULL;
	g_assert_false(answer.is_done);
	while (!answer.is_done)
		g_main_context_iteration(NULL, TRUE);
	return answer.bytes;
}

void
store_fixture_check(Fixture *fixture, guint64 message, guint32 index, guint64 seed, gsize length)
{
	g_autoptr(GBytes) now = block_store_get_now(fixture->store, message, index);
	g_autoptr(GBytes) bytes = store_fixture_get(fixture, message, index);

	g_assert_true(block_store_has(fixture->store, message, index));
	g_assert_true(!now || is_content(now, seed, length));
	g_assert_true(bytes && is_content(bytes, seed, length));
}

guint64
store_fixture_folder_bytes(const Fixture *fixture)
{
	g_autoptr(GDir) folder = g_dir_open(fixture->path, 0, NULL);
	guint64 n_bytes = 0;
	const char *name;

	while ((name = g_dir_read_name(folder))) {
		struct stat status;

		if (!fstatat(fixture->folder_fd, name, &status, AT_SYMLINK_NOFOLLOW))
			n_bytes += (guint64)status.st_size;
	}
	return n_bytes;
}

static guint n_messages;

static void
count_message(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
	if ((level & G_LOG_LEVEL_MASK) == G_LOG_LEVEL_MESSAGE && g_strcmp0(domain, "cache") == 0 &&
	    g_str_has_prefix(message, "block store: "))
		n_messages++;
	else
		g_log_default_handler(domain, level, message, data);
}

void
store_fixture_catch_messages(void)
{
	g_log_set_default_handler(count_message, NULL);
}

guint
store_fixture_take_messages(void)
{
	guint n = n_messages;

	n_messages = 0;
	return n;
}
