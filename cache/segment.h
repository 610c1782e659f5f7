/*
 * segment.h: the files of the block store, and what their records mean.
 *
 * A segment is two files that only grow: <n>.data holds blocks, one after the other, <n>.log a
 * header and then a record for each block and for each change of what older records say. The bytes
 * of a block are written before its record. So what is whole in the log is in the data too, short
 * of a power failure, and there the block's CRC tells. All integers are little-endian.
 *
 * References are counted in the loop; all else is for whichever thread has the files in hand.
 */
#pragma once

#include "block-index.h"
#include "disk.h"

#include <sys/uio.h>

#define SEGMENT_RECORD_SIZE 40 /* bytes, of a record and of the header */

/* What a record says. Order counts: each changes what those before it, in this and in all older
 * segments, have said. */
typedef enum {
	RECORD_BLOCK = 1, /* the block (message, index) is here; replaces what was there */
	RECORD_DROP,      /* the block (message, index) is void */
	RECORD_MOVE,      /* each block of message is other's, unless other has one of that index */
	RECORD_FORGET,    /* all blocks of the messages of the mailbox other are void */
} RecordKind;

typedef struct {
	RecordKind kind;
	guint64 message, other;
	guint32 index;
	guint32 offset, length; /* bytes, in the data */
	guint32 crc;            /* of the block */
} Record;

/* A segment that is open. Its fields are the loop's; a job that uses a file holds a reference. */
struct Segment {
	guint32 number;
	guint n_refs;
	int data_fd;          /* for reading; -1: the file is missing */
	int write_fd, log_fd; /* for appending; -1: not open for it */
	guint64 data_end;     /* bytes written or being written */
	guint64 log_end;      /* bytes, header included */
	BlockList blocks;     /* by offset */
	gboolean is_whole;    /* may be appended to */
	gboolean is_reported; /* its damage has been */
	Disk *disk;           /* the next three are for the last unref */
	int folder_fd;
	gboolean is_doomed; /* its files go with it */
};

Segment *segment_new(Disk *disk, int folder_fd, guint32 number);
Segment *segment_ref(Segment *segment);

/* The last reference closes the files, and deletes them where the segment is doomed, on the worker.
 * In the loop only. */
void segment_unref(Segment *segment);

/* The same at once, of a segment that nobody else refers to. */
void segment_close(Segment *segment);

/* The number of the segment whose log is called @name; 0: that is no name of a log. */
guint32 segment_number_of_log(const char *name);

/* The same for data. */
guint32 segment_number_of_data(const char *name);

/* Deletes the files of segment @number, the log first: data without a log is nothing. */
void segment_delete(int folder_fd, guint32 number);

/* Opens the files for appending, or makes them (@create), with the header. Returns an errno; then
 * nothing is open. */
int segment_open_to_append(Segment *segment, gboolean create, guint64 store_id);

typedef struct {
	gboolean is_ours;       /* FALSE: no log, or one of another store or version */
	gboolean is_damaged;    /* something is torn, missing or corrupt */
	gboolean is_unreadable; /* could not be read at all */
} SegmentState;

/* Opens the data for reading and tells of each good record of the log in order, up to the first
 * that is not; blocks beyond the end of the data are left out. Sets what the segment knows of its
 * files. */
SegmentState segment_load(Segment *segment, guint64 store_id,
                          void (*tell)(Segment *segment, const Record *record, gpointer data),
                          gpointer data);

/* Writes @record as it is in the file, but for the two CRCs. */
void segment_encode_record(const Record *record, guint8 raw[SEGMENT_RECORD_SIZE]);

/* Completes @raw with the CRC of the block (0 where it is none) and its own. */
void segment_seal_record(guint8 raw[SEGMENT_RECORD_SIZE], guint32 crc);

/* CRC-32 of a block. */
guint32 segment_crc(gconstpointer bytes, gsize length);

/* Fills @buffer as far as the file goes; returns the bytes, or -1. */
gssize segment_read_up_to(int fd, void *buffer, gsize length, guint64 offset);

/* Reads a block, waiting for it. NULL: it is not what was written. */
GBytes *segment_read(int data_fd, guint32 offset, guint32 length, guint32 crc);

/* The same if it is in memory; NULL with *@damaged FALSE: not all of it. */
GBytes *segment_read_now(int data_fd, guint32 offset, guint32 length, guint32 crc,
                         gboolean *damaged);

/* Writes all of @iov at @offset; changes @iov. Returns an errno. */
int segment_write(int fd, struct iovec *iov, guint n_iov, guint64 offset);
