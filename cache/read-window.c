/*
 * Windows of the most recent sequential readers, in a small array searched from the front.
 */
#include "read-window.h"

#include <string.h>

#define N_READERS 32
#define GROWTH    4
#define RECENT    16 /* blocks: as many READs as the kernel may have in flight behind the newest */

typedef struct {
	guint64 message;
	guint32 next;   /* the block that a sequential reader reads next */
	guint64 n_read; /* blocks in sequence up to there */
	guint n_ahead;  /* the window, in blocks */
} Reader;

struct ReadWindows {
	guint max_blocks;
	guint n_readers;
	Reader readers[N_READERS]; /* most recent first */
};

ReadWindows *
read_windows_new(guint max_blocks)
{
	ReadWindows *windows = g_new0(ReadWindows, 1);

	windows->max_blocks = max_blocks;
	return windows;
}

void
read_windows_free(ReadWindows *windows)
{
	g_free(windows);
}

/* The reader of @message, brought to the front; a new one takes the place of the oldest. */
static Reader *
reader_of(ReadWindows *windows, guint64 message)
{
	Reader found = {.message = message};
	guint i = 0;

	while (i < windows->n_readers && windows->readers[i].message != message)
		i++;
	if (i < windows->n_readers)
		found = windows->readers[i];
	else if (windows->n_readers < N_READERS)
		windows->n_readers++;
	else
		i = N_READERS - 1;
	memmove(&windows->readers[1], &windows->readers[0], i * sizeof(Reader));
	windows->readers[0] = found;
	return &windows->readers[0];
}

/* To the end of the next READ in sequence; the first such step may still be chance. */
static void
reader_go_on(Reader *reader, guint32 last, guint max_blocks)
{
	guint32 step = last + 1 - reader->next;

	reader->n_read += step;
	reader->n_ahead = (guint)MIN(reader->n_ahead ? GROWTH * reader->n_read : step, max_blocks);
}

guint
read_windows_ahead(ReadWindows *windows, guint64 message, guint32 first, guint32 last)
{
	Reader *reader = reader_of(windows, message);

	if (last < reader->next && reader->next - last <= RECENT)
		return reader->n_ahead; /* asked again, when what it waited for had come */
	if (reader->next && (first == reader->next || first + 1 == reader->next)) {
		reader_go_on(reader, last, windows->max_blocks);
	} else {
		reader->n_read = last + 1 - first;
		reader->n_ahead = 0;
	}
	reader->next = last + 1;
	return reader->n_ahead;
}
