/*
 * What the server can do. Capabilities change with TLS and with the login, and are then forgotten:
 * nothing learned before counts after. What it says to be able to do it may still refuse.
 */
#include "session-private.h"
#include "token.h"

#include <string.h>

void
session_set_capabilities(ImapSession *session, const char *list)
{
	g_auto(GStrv) names = g_strsplit_set(list, " \t", -1);

	session_forget_capabilities(session);
	session->capabilities = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (char **name = names; *name; name++)
		if (**name)
			g_hash_table_add(session->capabilities, g_ascii_strup(*name, -1));
}

void
session_take_capability_response(ImapSession *session, const ImapResponse *response)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < response->n_tokens; i++)
		if (response->tokens[i].text)
			g_string_append_printf(list, "%s ", response->tokens[i].text);
	session_set_capabilities(session, list->str);
}

void
session_forget_capabilities(ImapSession *session)
{
	g_clear_pointer(&session->capabilities, g_hash_table_unref);
}

gboolean
session_knows_capabilities(const ImapSession *session)
{
	return session->capabilities != NULL;
}

gboolean
session_has_capability(const ImapSession *session, const char *name)
{
	g_autofree char *upper = g_ascii_strup(name, -1);

	return session->capabilities && g_hash_table_contains(session->capabilities, upper);
}

gboolean
session_offers(const ImapSession *session, const char *name)
{
	return session_has_capability(session, name) ||
	       session_has_capability(session, "IMAP4REV2");
}

gboolean
session_has_quota(const ImapSession *session)
{
	return session_has_capability(session, "QUOTA") ||
	       session_has_capability(session, "QUOTA=RES-STORAGE");
}

RemoteCapabilities
session_remote_capabilities(const ImapSession *session)
{
	static const struct {
		const char *name;
		RemoteCapabilities capability;
	} table[] = {
		{"REPLACE", REMOTE_REPLACE},
		{"X-GM-EXT-1", REMOTE_GMAIL},
		{"ACL", REMOTE_ACL},
		{"METADATA", REMOTE_METADATA},
		{"METADATA-SERVER", REMOTE_METADATA},
		{"NOTIFY", REMOTE_NOTIFY},
	};
	RemoteCapabilities found = REMOTE_KNOWN;

	for (guint i = 0; i < G_N_ELEMENTS(table); i++)
		if (session_has_capability(session, table[i].name))
			found |= table[i].capability;
	if (session_offers(session, "MOVE"))
		found |= REMOTE_MOVE;
	if (session_offers(session, "UIDPLUS"))
		found |= REMOTE_UIDPLUS;
	if (session_offers(session, "IDLE"))
		found |= REMOTE_IDLE;
	if (session_has_modseqs(session))
		found |= REMOTE_CONDSTORE;
	if (session_has_quota(session))
		found |= REMOTE_QUOTA;
	return found;
}

guint64
session_append_limit(const ImapSession *session)
{
	static const char prefix[] = "APPENDLIMIT=";
	GHashTableIter iter;
	gpointer name;

	if (!session->capabilities)
		return 0;
	g_hash_table_iter_init(&iter, session->capabilities);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (g_str_has_prefix(name, prefix))
			return g_ascii_strtoull((char *)name + strlen(prefix), NULL, 10);
	return 0;
}

char *
session_capabilities(const ImapSession *session)
{
	g_autoptr(GList) names = NULL;
	GString *text = g_string_new(NULL);

	if (session->capabilities)
		names = g_list_sort(g_hash_table_get_keys(session->capabilities),
		                    (GCompareFunc)strcmp);
	for (GList *link = names; link; link = link->next) {
		g_autofree char *name = imap_printable(link->data, -1);

		g_string_append_printf(text, "%s%s", text->len ? " " : "", name);
	}
	return g_string_free(text, FALSE);
}

gboolean
session_has_modseqs(const ImapSession *session)
{
	return !session->refuses_modseqs && (session_has_capability(session, "CONDSTORE") ||
	                                     session_has_capability(session, "QRESYNC"));
}

gboolean
session_lacks_modseqs(const ImapSession *session)
{
	return !session_has_modseqs(session) || session->selected.lacks_modseqs;
}

void
session_forget_modseqs(ImapSession *session)
{
	if (!session->selected.lacks_modseqs)
		session->refuses_modseqs = TRUE;
	session->selected.lacks_modseqs = TRUE;
}

gboolean
session_has_qresync(const ImapSession *session)
{
	return session->qresync;
}

void
session_take_enabled(ImapSession *session, const ImapResponse *response)
{
	for (guint i = 0; i < response->n_tokens; i++)
		if (response->tokens[i].text &&
		    g_ascii_strcasecmp(response->tokens[i].text, "QRESYNC") == 0)
			session->qresync = TRUE;
}

void
session_take_id(ImapSession *session, const ImapResponse *response)
{
	for (guint i = 0; i + 1 < response->n_tokens; i++) {
		const ImapToken *name = token_at(response, i), *value = token_at(response, i + 1);

		if (token_is_text(name) && token_is_text(value) &&
		    g_ascii_strcasecmp(name->text, "name") == 0)
			session->is_dovecot = g_ascii_strcasecmp(value->text, "Dovecot") == 0;
	}
}

gboolean
session_is_dovecot(const ImapSession *session)
{
	return session->is_dovecot;
}
