/*
 * scan-halves.h: messages put together from the FETCH responses of a listing.
 *
 * Servers may spread what was asked for over several responses. What has come of such a message
 * waits here until it is whole.
 */
#pragma once

#include "imapfs/remote.h"
#include "response.h"

typedef struct {
	gboolean with_header; /* header fields were asked for */
	GHashTable *waiting;  /* uid -> Half */
	GString *flags;       /* of the message at hand */
} ScanHalves;

void scan_halves_init(ScanHalves *halves, gboolean with_header);
void scan_halves_clear(ScanHalves *halves);

/* Forgets what waits. */
void scan_halves_reset(ScanHalves *halves);

/* The flags in @fetch; NULL where there are none, or more than anybody needs. Valid until the next
 * call. */
const char *scan_halves_flags(ScanHalves *halves, const ImapFetch *fetch);

/* A response has come: tells the message if that makes it whole. */
void scan_halves_take(ScanHalves *halves, const ImapFetch *fetch,
                      void (*tell)(const RemoteMessage *message, gpointer data), gpointer data);

/* Tells, and forgets, what is still incomplete. */
void scan_halves_tell_rest(ScanHalves *halves,
                           void (*tell)(const RemoteMessage *message, gpointer data),
                           gpointer data);
