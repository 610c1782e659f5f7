/*
 * The files of a segment.
 *
 *     record  message 8, other 8, index 4, offset 4, length 4, crc 4, kind 4, own crc 4
 *     header  the same with message = magic, other = store_id, index = version, offset = number
 *
 * The CRC of a record covers all before it. The number in the header keeps a log that somebody has
 * renamed from being taken for another one.
 */
#include "segment.h"

#include "imapfs/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   0x6b6c62736670616dULL /* "mapfsblk" in the file */
#define VERSION 1

enum {
	FIELDS_CRC = SEGMENT_RECORD_SIZE - 4, /* where the record's own is */
	KIND_HEADER = 0x68,
	RECORDS_AT_ONCE = 1024,
};

typedef struct {
	guint64 message, other;
	guint32 index, offset, length, crc, kind, own_crc;
} RawRecord;

G_STATIC_ASSERT(sizeof(RawRecord) == SEGMENT_RECORD_SIZE);

/* --- names --- */

typedef struct {
	char text[24];
} FileName;

static FileName
file_name(guint32 number, const char *suffix)
{
	FileName name;

	g_snprintf(name.text, sizeof(name.text), "%u.%s", number, suffix);
	return name;
}

static guint32
number_of(const char *name, const char *suffix)
{
	guint64 number = g_ascii_strtoull(name, NULL, 10);

	if (number == 0 || number > G_MAXUINT32 ||
	    strcmp(name, file_name((guint32)number, suffix).text) != 0)
		return 0;
	return (guint32)number;
}

guint32
segment_number_of_log(const char *name)
{
	return number_of(name, "log");
}

guint32
segment_number_of_data(const char *name)
{
	return number_of(name, "data");
}

void
segment_delete(int folder_fd, guint32 number)
{
	unlinkat(folder_fd, file_name(number, "log").text, 0);
	unlinkat(folder_fd, file_name(number, "data").text, 0);
}

/* --- life --- */

Segment *
segment_new(Disk *disk, int folder_fd, guint32 number)
{
	Segment *segment = g_new0(Segment, 1);

	segment->disk = disk;
	segment->folder_fd = folder_fd;
	segment->number = number;
	segment->n_refs = 1;
	segment->data_fd = segment->write_fd = segment->log_fd = -1;
	segment->blocks = (BlockList){BLOCK_NONE, BLOCK_NONE};
	return segment;
}

Segment *
segment_ref(Segment *segment)
{
	segment->n_refs++;
	return segment;
}

typedef struct {
	DiskJob job;
	Segment *segment;
} Closing;

static void
close_all(Segment *segment)
{
	int *fds[] = {&segment->data_fd, &segment->write_fd, &segment->log_fd};

	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void
segment_close(Segment *segment)
{
	if (segment->is_doomed)
		segment_delete(segment->folder_fd, segment->number);
	close_all(segment);
	g_free(segment);
}

static void
closing_run(DiskJob *job)
{
	segment_close(((Closing *)job)->segment);
	g_free(job);
}

void
segment_unref(Segment *segment)
{
	Closing *closing;

	if (--segment->n_refs)
		return;
	closing = g_new0(Closing, 1);
	closing->job.run = closing_run;
	closing->segment = segment;
	disk_push(segment->disk, &closing->job);
}

/* --- records --- */

void
segment_encode_record(const Record *record, guint8 raw[SEGMENT_RECORD_SIZE])
{
	RawRecord fields = {
		.message = GUINT64_TO_LE(record->message),
		.other = GUINT64_TO_LE(record->other),
		.index = GUINT32_TO_LE(record->index),
		.offset = GUINT32_TO_LE(record->offset),
		.length = GUINT32_TO_LE(record->length),
		.kind = GUINT32_TO_LE((guint32)record->kind),
	};

	memcpy(raw, &fields, sizeof(fields));
}

void
segment_seal_record(guint8 raw[SEGMENT_RECORD_SIZE], guint32 crc)
{
	guint32 block = GUINT32_TO_LE(crc), own;

	memcpy(raw + G_STRUCT_OFFSET(RawRecord, crc), &block, sizeof(block));
	own = GUINT32_TO_LE(segment_crc(raw, FIELDS_CRC));
	memcpy(raw + FIELDS_CRC, &own, sizeof(own));
}

static gboolean
decode_record(const guint8 *raw, Record *record)
{
	RawRecord fields;

	memcpy(&fields, raw, sizeof(fields));
	if (GUINT32_FROM_LE(fields.own_crc) != segment_crc(raw, FIELDS_CRC))
		return FALSE;
	*record = (Record){
		.kind = GUINT32_FROM_LE(fields.kind),
		.message = GUINT64_FROM_LE(fields.message),
		.other = GUINT64_FROM_LE(fields.other),
		.index = GUINT32_FROM_LE(fields.index),
		.offset = GUINT32_FROM_LE(fields.offset),
		.length = GUINT32_FROM_LE(fields.length),
		.crc = GUINT32_FROM_LE(fields.crc),
	};
	return TRUE;
}

static Record
header_of(guint32 number, guint64 store_id)
{
	return (Record){
		.kind = (RecordKind)KIND_HEADER,
		.message = MAGIC,
		.other = store_id,
		.index = VERSION,
		.offset = number,
	};
}

static gboolean
is_header_of(const Record *record, guint32 number, guint64 store_id)
{
	return (int)record->kind == KIND_HEADER && record->message == MAGIC &&
	       record->other == store_id && record->index == VERSION && record->offset == number;
}

static gboolean
is_sound(const Record *record)
{
	return record->kind >= RECORD_BLOCK && record->kind <= RECORD_FORGET &&
	       (record->kind != RECORD_BLOCK || record->length <= REMOTE_BLOCK_SIZE);
}

/* --- opening --- */

static int
open_file(const Segment *segment, const char *suffix, int flags)
{
	return openat(segment->folder_fd, file_name(segment->number, suffix).text,
	              flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

/* A regular file of @*size bytes; -1: errno says why not. */
static int
open_to_read(const Segment *segment, const char *suffix, guint64 *size)
{
	int fd = open_file(segment, suffix, O_RDONLY);
	struct stat status;

	*size = 0;
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	*size = (guint64)status.st_size;
	return fd;
}

static int
write_header(const Segment *segment, guint64 store_id)
{
	const Record header = header_of(segment->number, store_id);
	guint8 raw[SEGMENT_RECORD_SIZE];
	struct iovec iov = {raw, sizeof(raw)};

	segment_encode_record(&header, raw);
	segment_seal_record(raw, 0);
	return segment_write(segment->log_fd, &iov, 1, 0);
}

int
segment_open_to_append(Segment *segment, gboolean create, guint64 store_id)
{
	int flags = O_WRONLY | (create ? O_CREAT | O_EXCL : 0), error = 0;
	guint64 size;

	segment->write_fd = open_file(segment, "data", flags);
	if (segment->write_fd >= 0)
		segment->log_fd = open_file(segment, "log", flags);
	if (segment->log_fd >= 0 && create)
		segment->data_fd = open_to_read(segment, "data", &size);
	if (segment->log_fd < 0 || (create && segment->data_fd < 0))
		error = errno;
	else if (create)
		error = write_header(segment, store_id);
	if (!error)
		return 0;
	if (segment->write_fd >= 0)
		close(segment->write_fd);
	if (segment->log_fd >= 0)
		close(segment->log_fd);
	segment->write_fd = segment->log_fd = -1;
	return error;
}

typedef struct {
	Segment *segment;
	guint64 data_size; /* bytes */
	guint64 data_used; /* end of the last block that there should be */
	gboolean is_short; /* data is missing */
	void (*tell)(Segment *segment, const Record *record, gpointer data);
	gpointer data;
} Loading;

/* FALSE: the log is good no further. */
static gboolean
load_record(Loading *loading, const guint8 *raw)
{
	Record record;
	guint64 end;

	if (!decode_record(raw, &record) || !is_sound(&record))
		return FALSE;
	loading->segment->log_end += SEGMENT_RECORD_SIZE;
	if (record.kind == RECORD_BLOCK) {
		end = (guint64)record.offset + record.length;
		loading->data_used = MAX(loading->data_used, end);
		if (end > loading->data_size || loading->segment->data_fd < 0) {
			loading->is_short = TRUE;
			return TRUE;
		}
	}
	loading->tell(loading->segment, &record, loading->data);
	return TRUE;
}

/* Returns FALSE where the log cannot be read. */
static gboolean
load_records(Loading *loading, int log_fd)
{
	g_autofree guint8 *raw = g_malloc(RECORDS_AT_ONCE * SEGMENT_RECORD_SIZE);

	for (;;) {
		gssize n = segment_read_up_to(log_fd, raw, RECORDS_AT_ONCE * SEGMENT_RECORD_SIZE,
		                              loading->segment->log_end);

		if (n < 0)
			return FALSE;
		for (gssize i = 0; i + SEGMENT_RECORD_SIZE <= n; i += SEGMENT_RECORD_SIZE)
			if (!load_record(loading, raw + i))
				return TRUE;
		if (n < RECORDS_AT_ONCE * SEGMENT_RECORD_SIZE)
			return TRUE;
	}
}

static gboolean
load_header(Segment *segment, int log_fd, guint64 store_id)
{
	guint8 raw[SEGMENT_RECORD_SIZE];
	Record header;

	segment->log_end = SEGMENT_RECORD_SIZE;
	return segment_read_up_to(log_fd, raw, sizeof(raw), 0) == (gssize)sizeof(raw) &&
	       decode_record(raw, &header) && is_header_of(&header, segment->number, store_id);
}

SegmentState
segment_load(Segment *segment, guint64 store_id,
             void (*tell)(Segment *segment, const Record *record, gpointer data), gpointer data)
{
	Loading loading = {.segment = segment, .tell = tell, .data = data};
	SegmentState state = {0};
	guint64 log_size;
	int log_fd = open_to_read(segment, "log", &log_size);

	if (log_fd < 0) {
		state.is_unreadable = errno != ENOENT && errno != EINVAL && errno != ELOOP;
		return state;
	}
	state.is_ours = load_header(segment, log_fd, store_id);
	if (state.is_ours) {
		segment->data_fd = open_to_read(segment, "data", &loading.data_size);
		state.is_damaged = !load_records(&loading, log_fd) || loading.is_short ||
		                   segment->log_end != log_size ||
		                   loading.data_used != loading.data_size || segment->data_fd < 0;
	}
	segment->is_whole = !state.is_damaged;
	segment->data_end = loading.data_size;
	segment->log_end = log_size;
	close(log_fd);
	return state;
}
