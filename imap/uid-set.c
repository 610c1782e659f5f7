/*
 * uid-set.c: a set of UIDs as sorted, disjoint ranges.
 *
 * What comes in ascending order is merged into the last range or appended. What comes in any other
 * order is appended too, and the array is sorted and merged when it is next looked at: inserting in
 * place would let a server that lists a million UIDs backwards keep us busy for minutes.
 */
#include "uid-set.h"

#include "imapfs/error.h"
#include "response.h"

struct UidSet {
	GArray *ranges;     /* of UidRange */
	gboolean is_sorted; /* and disjoint, and not even touching */
};

UidSet *
uid_set_new(void)
{
	UidSet *set = g_new0(UidSet, 1);

	set->ranges = g_array_new(FALSE, FALSE, sizeof(UidRange));
	set->is_sorted = TRUE;
	return set;
}

void
uid_set_free(UidSet *set)
{
	if (!set)
		return;
	g_array_unref(set->ranges);
	g_free(set);
}

void
uid_set_add(UidSet *set, guint32 uid)
{
	uid_set_add_range(set, uid, uid);
}

/* Whether @next, which begins no earlier than @range, overlaps it or begins right behind it. */
static gboolean
range_touches(const UidRange *range, const UidRange *next)
{
	return next->first <= range->last || next->first - range->last == 1;
}

void
uid_set_add_range(UidSet *set, guint32 first, guint32 last)
{
	UidRange range = {MIN(first, last), MAX(first, last)};
	guint n = set->ranges->len;
	UidRange *end = n > 0 ? &g_array_index(set->ranges, UidRange, n - 1) : NULL;

	if (range.last == 0)
		return;
	range.first = MAX(range.first, 1);
	if (end && range.first >= end->first && range_touches(end, &range)) {
		end->last = MAX(end->last, range.last);
		return;
	}
	if (end && range.first < end->first)
		set->is_sorted = FALSE;
	g_array_append_val(set->ranges, range);
}

static int
compare_ranges(gconstpointer a, gconstpointer b)
{
	const UidRange *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

/* The ranges, sorted and merged. That changes how the set is kept but not what is in it, so it may
 * be done to a const one. */
static const GArray *
sorted_ranges(const UidSet *set)
{
	GArray *ranges = set->ranges;
	guint n = 0;

	if (set->is_sorted)
		return ranges;
	g_array_sort(ranges, compare_ranges);
	for (guint i = 1; i < ranges->len; i++) {
		UidRange *range = &g_array_index(ranges, UidRange, n);
		UidRange *next = &g_array_index(ranges, UidRange, i);
		if (range_touches(range, next))
			range->last = MAX(range->last, next->last);
		else
			g_array_index(ranges, UidRange, ++n) = *next;
	}
	g_array_set_size(ranges, n + 1);
	((UidSet *)set)->is_sorted = TRUE;
	return ranges;
}

gboolean
uid_set_contains(const UidSet *set, guint32 uid)
{
	const GArray *ranges = sorted_ranges(set);
	guint low = 0, high = ranges->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		const UidRange *range = &g_array_index(ranges, UidRange, middle);
		if (uid > range->last)
			low = middle + 1;
		else if (uid < range->first)
			high = middle;
		else
			return TRUE;
	}
	return FALSE;
}

guint64
uid_set_count(const UidSet *set)
{
	const GArray *ranges = sorted_ranges(set);
	guint64 count = 0;

	for (guint i = 0; i < ranges->len; i++) {
		const UidRange *range = &g_array_index(ranges, UidRange, i);
		count += (guint64)range->last - range->first + 1;
	}
	return count;
}

const UidRange *
uid_set_ranges(const UidSet *set, guint *n_ranges)
{
	const GArray *ranges = sorted_ranges(set);

	*n_ranges = ranges->len;
	return (const UidRange *)ranges->data;
}

/* Reads a UID or '*' at *@text and moves behind it. */
static gboolean
take_uid(const char **text, guint32 *uid)
{
	guint64 number = 0;

	if (**text == '*') {
		(*text)++;
		*uid = G_MAXUINT32;
		return TRUE;
	}
	if (!g_ascii_isdigit(**text))
		return FALSE;
	for (; g_ascii_isdigit(**text) && number <= G_MAXUINT32; (*text)++)
		number = number * 10 + (**text - '0');
	*uid = number;
	return number <= G_MAXUINT32;
}

/* Adds what @text says to @set, or only checks it if that is NULL. */
static gboolean
read_ranges(const char *text, UidSet *set)
{
	for (;; text++) {
		guint32 first, last;
		if (!take_uid(&text, &first))
			return FALSE;
		last = first;
		if (*text == ':') {
			text++;
			if (!take_uid(&text, &last))
				return FALSE;
		}
		if (set)
			uid_set_add_range(set, first, last);
		if (*text != ',')
			return *text == '\0';
	}
}

gboolean
uid_set_parse(UidSet *set, const char *text, GError **error)
{
	if (!read_ranges(text, NULL)) {
		g_autofree char *printable = imap_printable(text, -1);
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "not a set of UIDs: \"%s\"",
		            printable);
		return FALSE;
	}
	return read_ranges(text, set);
}

/* "1:3": at most 21 bytes. */
static void
write_range(GString *text, const UidRange *range)
{
	g_string_append_printf(text, text->len ? ",%u" : "%u", range->first);
	if (range->last > range->first)
		g_string_append_printf(text, ":%u", range->last);
}

char *
uid_set_to_string(const UidSet *set)
{
	const GArray *ranges = sorted_ranges(set);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < ranges->len; i++)
		write_range(text, &g_array_index(ranges, UidRange, i));
	return g_string_free(text, FALSE);
}

GPtrArray *
uid_set_to_strings(const UidSet *set, gsize max_length)
{
	const GArray *ranges = sorted_ranges(set);
	GPtrArray *strings = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < ranges->len; i++) {
		gsize length = text->len;

		write_range(text, &g_array_index(ranges, UidRange, i));
		if (text->len <= max_length || length == 0)
			continue;
		g_ptr_array_add(strings, g_strndup(text->str, length));
		g_string_truncate(text, 0);
		write_range(text, &g_array_index(ranges, UidRange, i));
	}
	if (text->len)
		g_ptr_array_add(strings, g_strdup(text->str));
	return strings;
}
