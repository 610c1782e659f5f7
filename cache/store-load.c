/*
 * Opening the block store: reads the logs from the oldest to the newest.
 *
 * What cannot be of use is deleted on the way: segments of another store, data without a log, and
 * the oldest segments where there are more bytes than there may be. The last segment is gone on
 * with if it is whole; else a new one is begun, so that nothing is ever written behind garbage.
 */
#include "store-private.h"

#include "imapfs/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

static void
set_error(GError **error)
{
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "block store: %s", g_strerror(errno));
}

/* Everything in the folder that is called like a file of a segment. */
static gboolean
list_numbers(int folder_fd, GArray *logs, GArray *datas, GError **error)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!folder) {
		set_error(error);
		return FALSE;
	}
	while ((found = readdir(folder))) {
		guint32 log = segment_number_of_log(found->d_name);
		guint32 data = segment_number_of_data(found->d_name);

		if (log)
			g_array_append_val(logs, log);
		if (data)
			g_array_append_val(datas, data);
	}
	closedir(folder);
	return TRUE;
}

static gint
compare_numbers(gconstpointer a, gconstpointer b)
{
	guint32 one = *(const guint32 *)a, other = *(const guint32 *)b;

	return one < other ? -1 : one > other;
}

static void
load_block(BlockStore *store, Segment *segment, const Record *record)
{
	const BlockEntry entry = {
		.message = record->message,
		.segment = segment,
		.index = record->index,
		.offset = record->offset,
		.length = record->length & G_MAXINT32,
		.crc = record->crc,
	};

	block_index_put(&store->index, &entry);
}

static void
on_record(Segment *segment, const Record *record, gpointer data)
{
	BlockStore *store = data;
	BlockEntry *entry;

	switch (record->kind) {
	case RECORD_BLOCK:
		load_block(store, segment, record);
		break;
	case RECORD_DROP:
		entry = block_index_find(&store->index, record->message, record->index);
		if (entry)
			block_index_remove(&store->index, entry);
		break;
	case RECORD_MOVE:
		block_index_move(&store->index, record->message, record->other);
		break;
	case RECORD_FORGET:
		block_index_forget(&store->index, (guint32)record->other);
		break;
	}
}

static void
load_segment(BlockStore *store, guint32 number)
{
	Segment *segment = segment_new(store->disk, store->folder_fd, number);
	SegmentState state = segment_load(segment, store->store_id, on_record, store);

	if (!state.is_ours) {
		segment->is_doomed = !state.is_unreadable;
		if (state.is_unreadable)
			store_report_damage(store, segment, "the log cannot be read");
		segment_close(segment);
		return;
	}
	if (state.is_damaged)
		store_report_damage(store, segment,
		                    "torn or damaged, what is lost is fetched again");
	if (segment->data_end + segment->log_end >= store->segment_bytes)
		segment->is_whole = FALSE; /* full, maybe only since the limit is smaller now */
	g_ptr_array_add(store->segments, segment);
	store->statistics.n_bytes += segment->data_end + segment->log_end;
}

static gboolean
contains(GArray *numbers, guint32 number)
{
	return g_array_binary_search(numbers, &number, compare_numbers, NULL);
}

static void
delete_data_without_log(const BlockStore *store, GArray *logs, GArray *datas)
{
	for (guint i = 0; i < datas->len; i++) {
		guint32 number = g_array_index(datas, guint32, i);

		if (!contains(logs, number))
			segment_delete(store->folder_fd, number);
	}
}

static guint32
last_number(GArray *numbers)
{
	return numbers->len ? g_array_index(numbers, guint32, numbers->len - 1) : 0;
}

gboolean
store_load(BlockStore *store, GError **error)
{
	g_autoptr(GArray) logs = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_autoptr(GArray) datas = g_array_new(FALSE, FALSE, sizeof(guint32));

	if (!list_numbers(store->folder_fd, logs, datas, error))
		return FALSE;
	g_array_sort(logs, compare_numbers);
	g_array_sort(datas, compare_numbers);
	for (guint i = 0; i < logs->len; i++)
		load_segment(store, g_array_index(logs, guint32, i));
	delete_data_without_log(store, logs, datas);
	store->next_number = MAX(last_number(logs), last_number(datas)) + 1;
	while (store->segments->len && store->statistics.n_bytes > store_writable_bytes(store))
		segment_close(store_take_oldest(store));
	return TRUE;
}
