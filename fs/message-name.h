/*
 * message-name.h: the file name of a message, made from the message alone.
 *
 *     2026-11-20.Alice-Smith.Re-Budget-for-2027.k3f9q.eml
 *
 * Date (of the Date header in its own zone, else INTERNALDATE in UTC), sender (display name, else
 * address, else "unknown"), subject (else "no-subject"), and five characters of a hash of
 * Message-ID (else of the header bytes) and the size. The same message so has the same name in
 * every mailbox, on every machine and after every mount; and two that are nearly the same, a list's
 * copy and the one that was sent besides, or what is sent each night without a Message-ID, have
 * two, so that none of them replaces another by mv. Parts hold letters and digits of any script,
 * marks after them, and '-', '_', '+' and '@'; a '.' only stands between parts. Pure functions; no
 * state, no network.
 */
#pragma once

#include <glib.h>

/* The header fields that names need, as they stand in HEADER.FIELDS (...). */
#define MESSAGE_NAME_FIELDS "DATE FROM SUBJECT MESSAGE-ID"

/* To be called once before any other: sets up GMime. */
void message_name_init(void);

/* The name of a message with the header @header (@length bytes, as a server sends HEADER.FIELDS;
 * may be empty or garbage), @internaldate (seconds since 1970, UTC) and @size (bytes; 0: not
 * known). Always a valid file name: NFC UTF-8 of at most 255 bytes minus room for a "~4294967295"
 * before ".eml", no control, bidi or separator character, nothing special to a shell, no leading
 * dot or dash. Caller frees. */
char *message_name_from_header(const char *header, gsize length, gint64 internaldate, guint64 size);

/* "4711.eml" (-o names=uid). Caller frees. */
char *message_name_from_uid(guint32 uid);

/* The name for the later of two messages with one name: @name with "~UID" before ".eml", cut at a
 * character where a name that a user gave is too long for that. Caller frees. */
char *message_name_with_uid(const char *name, guint32 uid);
