/*
 * response-uidplus.c: where messages have gone: the codes APPENDUID and COPYUID (RFC 4315).
 *
 * The two sets of COPYUID belong together one by one, in the order in which they are written, so
 * they are walked side by side and never expanded, sorted or merged.
 */
#include "response.h"

#include "token.h"

/* Walks over a set such as "304,319:320", as it is written. */
typedef struct {
	const char *text;   /* what is still to be read */
	guint32 next, last; /* of the range being walked over; next > last: at its end */
	guint64 n;          /* UIDs so far */
} SetWalk;

static gboolean
take_number(const char **text, guint32 *number)
{
	char *end;
	guint64 value;

	if (!g_ascii_isdigit(**text))
		return FALSE;
	value = g_ascii_strtoull(*text, &end, 10);
	*text = end;
	*number = (guint32)value;
	return value > 0 && value <= G_MAXUINT32;
}

/* "10:12" is the same as "12:10" (RFC 4315 4). */
static gboolean
walk_range(SetWalk *walk)
{
	guint32 first, last;

	if (!take_number(&walk->text, &first))
		return FALSE;
	last = first;
	if (*walk->text == ':') {
		walk->text++;
		if (!take_number(&walk->text, &last))
			return FALSE;
	}
	walk->next = MIN(first, last);
	walk->last = MAX(first, last);
	return TRUE;
}

/* How many UIDs the set names; 0 if it is none. */
static guint64
count_set(const char *text)
{
	SetWalk walk = {.text = text};
	guint64 n = 0;

	for (;;) {
		if (!walk_range(&walk))
			return 0;
		n += (guint64)walk.last - walk.next + 1;
		if (*walk.text != ',')
			return *walk.text == '\0' ? n : 0;
		walk.text++;
	}
}

/* The next UID of a set that count_set() has found good. */
static guint32
walk_next(SetWalk *walk)
{
	if (walk->n++ == 0) {
		walk_range(walk);
	} else if (walk->next == walk->last) {
		walk->text++; /* the comma */
		walk_range(walk);
	} else {
		walk->next++;
	}
	return walk->next;
}

gboolean
imap_appenduid_parse(const ImapResponse *response, guint32 *uidvalidity, guint32 *uid)
{
	const char *text;

	return imap_response_has_code(response, "APPENDUID", &text) &&
	       take_number(&text, uidvalidity) && *text++ == ' ' && take_number(&text, uid) &&
	       *text == '\0';
}

gboolean
imap_copyuid_parse(const ImapResponse *response, guint64 max, guint32 *uidvalidity,
                   ImapCopied copied, gpointer data)
{
	const char *text;
	g_auto(GStrv) sets = NULL;
	SetWalk from = {0}, to = {0};
	guint64 n;

	if (!imap_response_has_code(response, "COPYUID", &text) ||
	    !take_number(&text, uidvalidity) || *text != ' ')
		return FALSE;
	sets = g_strsplit(text + 1, " ", -1);
	if (g_strv_length(sets) != 2)
		return FALSE;
	n = count_set(sets[0]);
	if (n == 0 || n > max || n != count_set(sets[1]))
		return FALSE;
	from.text = sets[0];
	to.text = sets[1];
	while (n--) {
		guint32 uid = walk_next(&from);

		copied(uid, walk_next(&to), data);
	}
	return TRUE;
}
