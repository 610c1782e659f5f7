/*
 * read-window.h: how far ahead to read in a large message.
 *
 * A reader that goes on where it stopped gets a window that doubles with each step; one that jumps
 * gets only what it asks for. The few most recent readers are remembered by message, not by open
 * file, because a read-only mount never sees files being opened.
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
