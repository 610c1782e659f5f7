/*
 * scan-private.h: the parts of a scan that its files share.
 *
 *     remote-scan.c  what is asked, what comes, the end
 *     scan-lanes.c   further connections, where they help
 *     scan-parts.c   ranges of UIDs, and their order
 *     scan-halves.c  messages from FETCH responses
 */
#pragma once

#include "pace.h"
#include "remote-changes.h"
#include "remote-operations.h"
#include "scan-halves.h"
#include "scan-parts.h"

typedef struct Scan Scan;

/* A connection at work for a scan. */
typedef struct {
	Operation operation; /* first */
	Scan *scan;
	guint n_asked;        /* parts */
	gboolean answered;    /* a message has come */
	guint64 began_modseq; /* the session's HIGHESTMODSEQ, where the mailbox was open */
} ScanLane;

struct Scan {
	ScanLane main; /* first: the scan is its operation */
	const RemoteScanHandler *handler;
	gpointer data;
	guint32 after_uid, until_uid;
	guint32 messages, uidnext; /* as far as the caller knows */
	char *header_fields;
	Changes changes;
	ScanHalves halves;
	ScanParts *parts;
	ScanPart *part; /* that the message at hand belongs to */
	gboolean opened;
	gboolean news; /* messages or flags were told since the last batch() */
	guint n_taken, n_vanished;
	RemoteScanned scanned;
	GString *permanent_flags; /* that of scanned */
	guint32 last_uid;         /* the highest that came */
	guint64 lowest_modseq;    /* that another lane's answers may be as old as */
	GPtrArray *lanes;         /* of ScanLane: all but the main one */
	Pace pace;
	gboolean alone;      /* no more connections can be had */
	gboolean main_waits; /* for other lanes: the main one has nothing left to ask for */
	gboolean over;       /* done() has been called */
};

/* --- remote-scan.c --- */

/* Asks for what nobody has been asked for yet, a little ahead of what comes. */
void scan_lane_ask(ScanLane *lane);

/* A lane has ended: goes on where the main one waits for that. Frees a scan that is over. */
void scan_settle(Scan *scan);

/* --- scan-lanes.c --- */

/* How many messages one lane brings in a second, as far as can be told. */
guint scan_pace_messages(const Scan *scan);

/* Messages have come: lets another connection join where that may help. */
void scan_consider_lane(Scan *scan);

/* @lane had its first message. */
void scan_lane_answered(ScanLane *lane);
