/*
 * Parts of a listing: a queue in the order of UIDs, cut only as far as parts have been taken.
 */
#include "scan-parts.h"

#include <string.h>

#define LARGE       20000              /* messages: nothing smaller is cut */
#define LEAST       1000               /* messages in a part */
#define WAIT_BYTES  (8 * 1024 * 1024)  /* kept: then no further part is begun but the first */
#define SPILL_BYTES (32 * 1024 * 1024) /* kept: no more than that */

struct ScanParts {
	void (*tell)(const RemoteMessage *message, gpointer data);
	gpointer data;
	GQueue queue;   /* of ScanPart: those that are not told yet */
	guint64 next;   /* first UID that is in no part yet; beyond all of them: there is none */
	guint32 last;   /* the last UID that is asked for */
	guint32 until;  /* the last UID that is known of; 0: it is not cut */
	guint messages; /* that there are thought to be */
	guint n_come;
	gint64 n_uncut; /* of messages, those that are probably in no part yet */
	gsize n_kept;   /* bytes */
};

ScanParts *
scan_parts_new(guint32 first, guint32 last, guint32 messages, guint32 uidnext,
               void (*tell)(const RemoteMessage *message, gpointer data), gpointer data)
{
	ScanParts *parts = g_new0(ScanParts, 1);

	parts->tell = tell;
	parts->data = data;
	parts->next = first;
	parts->last = MAX(first, last);
	if (messages >= LARGE && uidnext > first && uidnext - first >= messages) {
		parts->messages = messages;
		parts->n_uncut = messages;
		parts->until = uidnext - 1;
	}
	g_queue_init(&parts->queue);
	return parts;
}

/* Its strings lie behind it. */
typedef struct {
	RemoteMessage message;
	gsize size; /* bytes of all this */
} KeptMessage;

static KeptMessage *
part_pop_kept(ScanParts *parts, ScanPart *part)
{
	KeptMessage *kept = g_queue_pop_head(&part->kept);

	parts->n_kept -= kept ? kept->size : 0;
	return kept;
}

static void
part_forget_kept(ScanParts *parts, ScanPart *part)
{
	KeptMessage *kept;

	while ((kept = part_pop_kept(parts, part)))
		g_free(kept);
	part->spilled = FALSE;
}

static void
part_free(ScanParts *parts, ScanPart *part)
{
	part_forget_kept(parts, part);
	g_free(part);
}

void
scan_parts_free(ScanParts *parts)
{
	ScanPart *part;

	while ((part = g_queue_pop_head(&parts->queue)))
		part_free(parts, part);
	g_free(parts);
}

gboolean
scan_parts_are_many(const ScanParts *parts)
{
	return parts->until > 0;
}

static gboolean
parts_are_all_cut(const ScanParts *parts)
{
	return parts->next > parts->last;
}

guint
scan_parts_n_come(const ScanParts *parts)
{
	return parts->n_come;
}

guint
scan_parts_n_left(const ScanParts *parts)
{
	return parts->messages > parts->n_come ? parts->messages - parts->n_come : 0;
}

/* --- cutting --- */

/* As if those that are in no part yet were spread evenly over the UIDs that are left. What is left
 * at the end is not worth a part of its own. */
static guint32
parts_find_end(const ScanParts *parts, guint n_messages)
{
	guint64 left = (guint64)MAX(parts->n_uncut, 1), span;

	if (!parts->until || parts->next > parts->until)
		return parts->last;
	span = (parts->until - parts->next + 1) * MAX(n_messages, LEAST) / left;
	if (parts->next + span + span / 4 >= parts->until)
		return parts->last;
	return (guint32)(parts->next + MAX(span, 1) - 1);
}

static ScanPart *
parts_cut(ScanParts *parts, guint n_messages)
{
	ScanPart *part = g_new0(ScanPart, 1);

	part->first = (guint32)parts->next;
	part->last = parts_find_end(parts, n_messages);
	part->n_expected = MAX(n_messages, LEAST);
	parts->n_uncut -= part->n_expected;
	parts->next = (guint64)part->last + 1;
	g_queue_push_tail(&parts->queue, part);
	return part;
}

static ScanPart *
parts_find_free(const ScanParts *parts)
{
	for (GList *link = parts->queue.head; link; link = link->next) {
		ScanPart *part = link->data;

		if (!part->asked && !part->ended)
			return part;
	}
	return NULL;
}

ScanPart *
scan_parts_find(const ScanParts *parts, guint32 uid)
{
	for (GList *link = parts->queue.head; link; link = link->next) {
		ScanPart *part = link->data;

		if (uid >= part->first && uid <= part->last)
			return part;
	}
	return NULL;
}

/* The first part goes on whatever is kept, for it alone makes room. */
static gboolean
parts_may_begin(const ScanParts *parts, const ScanPart *part)
{
	return parts->n_kept < WAIT_BYTES || part == g_queue_peek_head((GQueue *)&parts->queue);
}

gboolean
scan_parts_have_more(const ScanParts *parts)
{
	const ScanPart *part = parts_find_free(parts);

	return part ? parts_may_begin(parts, part)
	            : !parts_are_all_cut(parts) &&
	                       (parts->n_kept < WAIT_BYTES || !parts->queue.length);
}

ScanPart *
scan_parts_take(ScanParts *parts, guint n_messages)
{
	ScanPart *part;

	if (!scan_parts_have_more(parts))
		return NULL;
	part = parts_find_free(parts);
	if (!part)
		part = parts_cut(parts, n_messages);
	part->asked = TRUE;
	return part;
}

/* --- what comes --- */

static gsize
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *
copy_to(char **end, const char *bytes, gsize size)
{
	char *copy = *end;

	if (!bytes)
		return NULL;
	*end += size;
	return memcpy(copy, bytes, size);
}

static void
part_keep(ScanParts *parts, ScanPart *part, const RemoteMessage *message)
{
	gsize header = message->header ? message->header_length + 1 : 0;
	gsize flags = text_size(message->flags), email_id = text_size(message->email_id);
	gsize size = sizeof(KeptMessage) + header + flags + email_id;
	KeptMessage *kept;
	char *end;

	part->spilled |= parts->n_kept + size > SPILL_BYTES;
	if (part->spilled)
		return;
	kept = g_malloc(size);
	end = (char *)(kept + 1);
	kept->message = *message;
	kept->size = size;
	kept->message.header = copy_to(&end, message->header, header);
	kept->message.flags = copy_to(&end, message->flags, flags);
	kept->message.email_id = copy_to(&end, message->email_id, email_id);
	g_queue_push_tail(&part->kept, kept);
	parts->n_kept += size;
}

void
scan_part_add(ScanParts *parts, ScanPart *part, const RemoteMessage *message)
{
	parts->n_come++;
	part->n_come++;
	if (part == g_queue_peek_head(&parts->queue) && !part->kept.length && !part->spilled)
		parts->tell(message, parts->data);
	else
		part_keep(parts, part, message);
}

void
scan_part_end(ScanParts *parts, ScanPart *part)
{
	if (part->spilled)
		scan_part_put_back(parts, part);
	else
		part->ended = TRUE;
	parts->n_uncut += part->ended ? (gint64)part->n_expected - part->n_come : 0;
}

gboolean
scan_parts_tell(ScanParts *parts, guint most)
{
	ScanPart *part;

	while ((part = g_queue_peek_head(&parts->queue))) {
		for (; part->kept.length && most; most--) {
			g_autofree KeptMessage *kept = part_pop_kept(parts, part);

			parts->tell(&kept->message, parts->data);
		}
		if (part->kept.length)
			return TRUE;
		if (!part->ended)
			return FALSE;
		part_free(parts, g_queue_pop_head(&parts->queue));
	}
	return FALSE;
}

void
scan_part_put_back(ScanParts *parts, ScanPart *part)
{
	parts->n_come -= part->n_come;
	part->n_come = 0;
	part_forget_kept(parts, part);
	part->asked = FALSE;
}

gboolean
scan_parts_are_over(const ScanParts *parts)
{
	return parts_are_all_cut(parts) && !parts->queue.length;
}
