/*
 * uid-set.h: a set of UIDs as sorted, disjoint ranges.
 *
 * A server may name four thousand million UIDs in nine bytes ("1:4294967295"), so a set is never
 * expanded: it is a sorted array of ranges. Used for SEARCH and VANISHED results and for the sets
 * that commands carry (RFC 3501 sequence-set, always ascending and merged).
 */
#pragma once

#include <glib.h>

typedef struct {
	guint32 first, last; /* both inclusive, first <= last, never 0 */
} UidRange;

typedef struct UidSet UidSet;

UidSet *uid_set_new(void);
void uid_set_free(UidSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UidSet, uid_set_free)

/* Adds a UID or a range; 0 is ignored; first > last is taken the other way round. Ascending calls
 * cost constant time. */
void uid_set_add(UidSet *set, guint32 uid);
void uid_set_add_range(UidSet *set, guint32 first, guint32 last);

gboolean uid_set_contains(const UidSet *set, guint32 uid);

/* How many UIDs, and the ranges themselves (owned by the set, valid until it changes). */
guint64 uid_set_count(const UidSet *set);
const UidRange *uid_set_ranges(const UidSet *set, guint *n_ranges);

/* Reads "1,3:5,7:*" ('*' is 4294967295) and adds it. FALSE and IMAPFS_ERROR_PROTOCOL on anything
 * else, with the set unchanged. */
gboolean uid_set_parse(UidSet *set, const char *text, GError **error);

/* The set as text: ascending, merged. To be freed by the caller; "" if empty. */
char *uid_set_to_string(const UidSet *set);

/* The same in pieces of at most @max_length bytes, 21 or more, for servers that bound their lines:
 * an array of strings, empty for an empty set. To be freed by the caller. */
GPtrArray *uid_set_to_strings(const UidSet *set, gsize max_length);
