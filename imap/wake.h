/*
 * wake.h: noticing that this machine has slept. Afterwards connections look alive that are long
 * forgotten at the other end, and timers have stood still.
 */
#pragma once

#include <glib.h>

typedef struct Wake Wake;

/* How long this machine has slept since it was started, in all, in microseconds. */
gint64 wake_slept_us(void);

/* Calls @woken from the main loop whenever this machine wakes up, and sometimes when it did not:
 * compare wake_slept_us(). */
Wake *wake_new(void (*woken)(gpointer data), gpointer data);
void wake_free(Wake *wake);
