/*
 * read-window.h: how far ahead to read in a large message.
 *
 * A reader that goes on where it stopped gets a window: as much again as that step at first, then
 * four times all that it has read in sequence. So a line with a long round trip is full after few
 * of them, and one who stops has moved at most four times more than was read. One that jumps gets
 * only what it asks for. The few most recent readers are remembered by message, not by open file,
 * because a read-only mount never sees files being opened.
 */
#pragma once

#include <glib.h>

typedef struct ReadWindows ReadWindows;

/* @max_blocks: no window grows beyond. */
ReadWindows *read_windows_new(guint max_blocks);
void read_windows_free(ReadWindows *windows);

/* Block @first of @message is being read, up to and including @last: how many blocks beyond @last
 * are worth having (0: none). Repeating the same question does not change the answer. */
guint read_windows_ahead(ReadWindows *windows, guint64 message, guint32 first, guint32 last);
