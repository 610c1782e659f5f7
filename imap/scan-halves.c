/*
 * Halves of messages: a table by UID, which is empty where a server says all of a message at once.
 */
#include "scan-halves.h"

#define MAX_HALVES 100000 /* messages waiting for the other half, which a server may never send */

typedef struct {
	RemoteMessage message; /* strings owned */
} Half;

static void
half_free(gpointer data)
{
	Half *half = data;

	g_free((char *)half->message.header);
	g_free((char *)half->message.flags);
	g_free((char *)half->message.email_id);
	g_free(half);
}

void
scan_halves_init(ScanHalves *halves, gboolean with_header)
{
	halves->with_header = with_header;
	halves->flags = g_string_new(NULL);
	halves->waiting = g_hash_table_new_full(NULL, NULL, NULL, half_free);
}

void
scan_halves_clear(ScanHalves *halves)
{
	g_hash_table_unref(halves->waiting);
	g_string_free(halves->flags, TRUE);
}

void
scan_halves_reset(ScanHalves *halves)
{
	g_hash_table_remove_all(halves->waiting);
}

const char *
scan_halves_flags(ScanHalves *halves, const ImapFetch *fetch)
{
	return fetch->has_flags && imap_flags_to_text(fetch->flags, halves->flags)
	               ? halves->flags->str
	               : NULL;
}

static void
half_take_string(const char **mine, const char *news)
{
	if (!news)
		return;
	g_free((char *)*mine);
	*mine = g_strdup(news);
}

static void
half_merge(Half *half, const RemoteMessage *news)
{
	if (news->has_size) {
		half->message.has_size = TRUE;
		half->message.size = news->size;
	}
	if (news->internaldate)
		half->message.internaldate = news->internaldate;
	if (news->header && !half->message.header) {
		half->message.header = g_memdup2(news->header, news->header_length + 1);
		half->message.header_length = news->header_length;
	}
	half_take_string(&half->message.flags, news->flags);
	half_take_string(&half->message.email_id, news->email_id);
}

static Half *
half_of(ScanHalves *halves, guint32 uid)
{
	Half *half = g_hash_table_lookup(halves->waiting, GUINT_TO_POINTER(uid));

	if (half || g_hash_table_size(halves->waiting) >= MAX_HALVES)
		return half;
	half = g_new0(Half, 1);
	half->message.uid = uid;
	g_hash_table_insert(halves->waiting, GUINT_TO_POINTER(uid), half);
	return half;
}

void
scan_halves_take(ScanHalves *halves, const ImapFetch *fetch,
                 void (*tell)(const RemoteMessage *message, gpointer data), gpointer data)
{
	const RemoteMessage message = {
		.uid = fetch->uid,
		.has_size = fetch->has_size,
		.size = fetch->size,
		.internaldate = fetch->internaldate,
		.header = fetch->header,
		.header_length = fetch->header_length,
		.flags = scan_halves_flags(halves, fetch),
		.email_id = fetch->emailid,
	};
	Half *half;

	if (fetch->has_size && fetch->has_internaldate &&
	    (!halves->with_header || message.header) &&
	    !g_hash_table_contains(halves->waiting, GUINT_TO_POINTER(fetch->uid))) {
		tell(&message, data);
		return;
	}
	half = half_of(halves, fetch->uid);
	if (!half)
		return;
	half_merge(half, &message);
	if (half->message.has_size && half->message.internaldate &&
	    (!halves->with_header || half->message.header)) {
		tell(&half->message, data);
		g_hash_table_remove(halves->waiting, GUINT_TO_POINTER(fetch->uid));
	}
}

void
scan_halves_tell_rest(ScanHalves *halves, void (*tell)(const RemoteMessage *message, gpointer data),
                      gpointer data)
{
	GHashTableIter iter;
	gpointer half;

	g_hash_table_iter_init(&iter, halves->waiting);
	while (g_hash_table_iter_next(&iter, NULL, &half)) {
		tell(&((Half *)half)->message, data);
		g_hash_table_iter_remove(&iter);
	}
}
