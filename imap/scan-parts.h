/*
 * scan-parts.h: a mailbox that is listed part by part.
 *
 * A large mailbox is cut into ranges of UIDs, which several connections can be asked for at the
 * same time. Its messages are told in the order of these parts all the same: of the first one each
 * as it comes, of the later ones when their turn has come.
 *
 *     FREE --take--> ASKED --end--> ENDED --its turn--> told, and gone
 *       ^              |
 *       +---put back---+    what came of it is forgotten, or will be told twice
 *
 * Knows nothing of connections and commands.
 */
#pragma once

#include "imapfs/remote.h"

typedef struct ScanParts ScanParts;

typedef struct {
	guint32 first, last; /* UIDs; last is G_MAXUINT32 where there is no end */
	gboolean asked, ended;
	gboolean spilled; /* more came than is kept */
	GQueue kept;      /* of KeptMessage: not told yet */
	guint n_expected; /* messages */
	guint n_come;
} ScanPart;

/* UIDs @first to @last (G_MAXUINT32: to the end) of a mailbox that is thought to hold @messages of
 * them, below @uidnext. One that is not large, or of which nothing is known (0), is one part. */
ScanParts *scan_parts_new(guint32 first, guint32 last, guint32 messages, guint32 uidnext,
                          void (*tell)(const RemoteMessage *message, gpointer data), gpointer data);
void scan_parts_free(ScanParts *parts);

/* Whether there is, or was, more than one. */
gboolean scan_parts_are_many(const ScanParts *parts);

/* The first part that nobody has been asked for, of about @n_messages where it is new; NULL: there
 * is none, or so much has come too early that more of it must wait. */
ScanPart *scan_parts_take(ScanParts *parts, guint n_messages);

/* The part that UID @uid belongs to; NULL: none yet, or it is over. */
ScanPart *scan_parts_find(const ScanParts *parts, guint32 uid);

/* Whether scan_parts_take() would bring one. */
gboolean scan_parts_have_more(const ScanParts *parts);

/* A message of @part has come. Copied where it is not told at once. */
void scan_part_add(ScanParts *parts, ScanPart *part, const RemoteMessage *message);

/* All of it has come. */
void scan_part_end(ScanParts *parts, ScanPart *part);

/* It will not: to be asked for again. */
void scan_part_put_back(ScanParts *parts, ScanPart *part);

/* Tells up to @most of those messages whose turn has come meanwhile; whether there are more. Parts
 * of which all is told are gone then. */
gboolean scan_parts_tell(ScanParts *parts, guint most);

/* Whether all parts have ended and all is told. */
gboolean scan_parts_are_over(const ScanParts *parts);

/* How many messages have come, and how many are probably yet to come. */
guint scan_parts_n_come(const ScanParts *parts);
guint scan_parts_n_left(const ScanParts *parts);
