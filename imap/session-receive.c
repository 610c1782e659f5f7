/*
 * Replies on their way in, and whose they are.
 *
 * Tagged replies are found by tag. Untagged data is offered to the commands in flight from the
 * oldest on: each takes what it asked for. Data about the selected mailbox and about the session
 * itself is taken here, whatever command is in flight.
 */
#include "session-private.h"

#include <string.h>

#include "login.h"

#define LEAST_PROGRESS 4096                /* bytes of a literal: a trickle is none */
#define MAX_UNWANTED   (256 * 1024 * 1024) /* bytes that are read and thrown away at the most */
#define MAX_HEADER     (256 * 1024) /* bytes of header fields: longer ones are as good as none */

/* What is said in clear before TLS may be anybody's. */
static gboolean
session_is_trustworthy(const ImapSession *session)
{
	return session->settings->tls == IMAP_TLS_NONE || session_tls_version(session);
}

/* A mod-sequence has 63 bits (RFC 7162 7). */
static void
selected_take_modseq(ImapSelected *selected, const char *argument)
{
	guint64 modseq = g_ascii_isdigit(*argument) ? g_ascii_strtoull(argument, NULL, 10) : 0;

	if (modseq <= G_MAXINT64)
		selected->highestmodseq = modseq;
}

static void
session_set_permanent_flags(ImapSession *session, const char *flags)
{
	g_free(session->selected.permanent_flags);
	session->selected.permanent_flags = g_strdup(flags);
}

static void
session_take_code(ImapSession *session, const ImapResponse *response)
{
	const char *argument;

	if (imap_response_has_code(response, "UIDVALIDITY", &argument))
		session->selected.uidvalidity = (guint32)g_ascii_strtoull(argument, NULL, 10);
	else if (imap_response_has_code(response, "UIDNEXT", &argument))
		session->selected.uidnext = (guint32)g_ascii_strtoull(argument, NULL, 10);
	else if (imap_response_has_code(response, "HIGHESTMODSEQ", &argument))
		selected_take_modseq(&session->selected, argument);
	else if (imap_response_has_code(response, "NOMODSEQ", NULL))
		session->selected.lacks_modseqs = TRUE;
	else if (imap_response_has_code(response, "READ-ONLY", NULL))
		session->selected.read_only = TRUE;
	else if (imap_response_has_code(response, "PERMANENTFLAGS", &argument))
		session_set_permanent_flags(session, argument);
	else if (imap_response_has_code(response, "CAPABILITY", &argument))
		session_set_capabilities(session, argument);
	else if (session_is_trustworthy(session) &&
	         imap_response_has_code(response, "ALERT", NULL)) {
		g_autofree char *text = imap_printable(response->text, -1);

		g_message("%s says: %s", session->settings->host, text);
	}
}

/* Where QRESYNC is in use, this stands for EXPUNGE (RFC 7162 3.2.10). What vanished EARLIER was not
 * counted any more. A server that names more than there were has lost count, or this side has. */
static void
selected_take_vanished(ImapSelected *selected, const ImapResponse *response)
{
	g_autoptr(UidSet) uids = uid_set_new();
	gboolean earlier = FALSE;
	guint64 n_vanished;

	if (!imap_vanished_parse(response, uids, &earlier, NULL) || earlier) {
		selected->n_changes += !earlier;
		return;
	}
	n_vanished = uid_set_count(uids);
	selected->n_changes++;
	if (n_vanished > selected->exists && selected->open)
		selected->miscounted = TRUE;
	selected->exists -= (guint32)MIN(selected->exists, n_vanished);
}

/* FALSE: a command in flight may want to hear it, too. */
static gboolean
session_take_own(ImapSession *session, const ImapResponse *response)
{
	const char *name = response->name;
	ImapSelected *selected = &session->selected;

	if (response->has_number && g_str_equal(name, "EXISTS")) {
		selected->exists = response->number;
		selected->n_changes++;
	} else if (response->has_number && g_str_equal(name, "EXPUNGE")) {
		selected->exists -= selected->exists > 0;
		selected->n_changes++;
	} else if (g_str_equal(name, "VANISHED")) {
		selected_take_vanished(selected, response);
		return FALSE;
	} else if (g_str_equal(name, "CAPABILITY")) {
		session_take_capability_response(session, response);
	} else {
		return FALSE;
	}
	return TRUE; /* news, but nothing that a command waits for */
}

static gboolean
is_told(const ImapCommand *command, gboolean overhearing, const ImapResponse *response)
{
	const ImapCommandHandler *handler = command->handler;

	return handler->untagged && handler->overhears == overhearing &&
	       handler->untagged(response, command->data);
}

/* A server may answer a later command before the first is done. But it tells of messages at any time
 * (RFC 3501, section 7.4.2): if that were progress, a FETCH that never ends would not be given up
 * while others are sent behind it. */
static gboolean
is_progress(const ImapSession *session, const ImapCommand *taker, const ImapResponse *response)
{
	return taker == g_queue_peek_head((GQueue *)&session->sent) ||
	       !g_str_equal(response->name, "FETCH");
}

/* First to all that overhear, then to the others until one takes it, which may end the session. */
static void
session_offer(ImapSession *session, const ImapResponse *response)
{
	for (GList *link = session->sent.head; link; link = link->next)
		if (is_told(link->data, TRUE, response) &&
		    is_progress(session, link->data, response))
			session_progress(session);
	for (GList *link = session->sent.head; link; link = link->next) {
		gboolean progress = is_progress(session, link->data, response);

		if (!is_told(link->data, FALSE, response))
			continue;
		if (progress)
			session_progress(session);
		return;
	}
}

static gboolean
is_status(const char *name)
{
	static const char *const names[] = {"OK", "NO", "BAD", "BYE", "PREAUTH", NULL};

	return g_strv_contains(names, name);
}

static void
session_greeted(ImapSession *session, const ImapResponse *response)
{
	g_autoptr(GError) refused = NULL;

	session->greeted = TRUE;
	session_progress(session);
	if (g_str_equal(response->name, "OK") || g_str_equal(response->name, "PREAUTH")) {
		session->state = SESSION_LOGIN;
		session_take_code(session, response);
		login_begin(session, g_str_equal(response->name, "PREAUTH"));
		return;
	}
	session_protocol_error(session, "the greeting is not that of an IMAP server");
}

static void
session_bye(ImapSession *session, const ImapResponse *response)
{
	GError *error = imap_response_to_error(response, session->settings->host);

	/* Whatever its reason, what was asked may be asked again on another connection. */
	if (error->code != IMAPFS_ERROR_DENIED)
		error->code = IMAPFS_ERROR_OFFLINE;
	session_fail(session, error);
}

static void
session_remark(ImapSession *session, const ImapResponse *response)
{
	session_take_code(session, response);
	if (!g_str_equal(response->name, "OK"))
		session->selected.n_complaints++;
	if (session->state == SESSION_READY && response->code)
		session_offer(session, response); /* MOVE is answered by a code (RFC 6851 4.3) */
}

/* Before the login only what the login needs is listened to: the rest may be a forger's. */
static gboolean
session_listens_to(const ImapSession *session, const char *name)
{
	return session->state == SESSION_READY || g_str_equal(name, "CAPABILITY") ||
	       g_str_equal(name, "ENABLED");
}

static void
session_untagged(ImapSession *session, const ImapResponse *response)
{
	if (session->state == SESSION_READY && session->events->heard)
		session->events->heard(session, response, session->data);
	if (g_str_equal(response->name, "BYE"))
		session_bye(session, response);
	else if (!session->greeted)
		session_greeted(session, response);
	else if (is_status(response->name))
		session_remark(session, response);
	else if (session_listens_to(session, response->name) &&
	         !session_take_own(session, response))
		session_offer(session, response);
}

static GList *
find_tag(GQueue *queue, const char *tag)
{
	for (GList *link = queue->head; link; link = link->next)
		if (g_str_equal(((ImapCommand *)link->data)->tag, tag))
			return link;
	return NULL;
}

/* The server may refuse a literal that it was asked to take, but cannot accept half a command. One
 * that refuses in the middle of the literal may take the rest of it for commands. */
static ImapCommand *
session_take_command(ImapSession *session, const ImapResponse *response)
{
	ImapCommand *command = session_blocked(session);
	GList *link = find_tag(&session->sent, response->tag);

	if (link) {
		command = link->data;
		g_queue_delete_link(&session->sent, link);
		return command;
	}
	if (!command || !g_str_equal(command->tag, response->tag) ||
	    g_str_equal(response->name, "OK"))
		return NULL;
	if (!command->awaits_plus)
		session_fail(session, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
		                                  "%s: refused in the middle of a message",
		                                  session->settings->host));
	return g_queue_pop_head(&session->unsent);
}

static void
session_tagged(ImapSession *session, const ImapResponse *response)
{
	ImapCommand *command = session_take_command(session, response);
	g_autoptr(GError) error = NULL;

	if (!command) {
		session_protocol_error(session, "a reply to a command that was not sent");
		return;
	}
	session_progress(session);
	session->traffic.n_completed += !command->of_login;
	session_take_code(session, response);
	if (!g_str_equal(response->name, "OK"))
		error = imap_response_to_error(response, command->name);
	session_finish_command(command, response, error);
	if (session_n_commands(session) == 0)
		session->idle_since_us = g_get_monotonic_time();
	session_flush(session);
	if (session->state == SESSION_READY && !session->error)
		session->events->idle(session, session->data);
}

static void
session_continue(ImapSession *session, const ImapResponse *response)
{
	ImapCommand *command = g_queue_peek_head(&session->sent);
	ImapCommand *blocked = session_blocked(session);
	g_autofree char *line = NULL;
	GError *error = NULL;

	session_progress(session);
	if (blocked && blocked->awaits_plus) {
		session_unblock(session);
		return;
	}
	if (!command || !command->handler->continuation)
		return; /* sloppy servers say + for no reason */
	line = command->handler->continuation(response->text, command->data, &error);
	if (!line) {
		if (error)
			session_fail(session, error);
		return;
	}
	session_write(session, line, strlen(line));
	session_write(session, "\r\n", 2);
	explicit_bzero(line, strlen(line));
}

static void
log_response(ImapSession *session, const ImapResponse *response)
{
	g_autoptr(GString) line = g_string_new(response->tag ? response->tag : "*");

	if (response->has_number)
		g_string_append_printf(line, " %u", response->number);
	g_string_append_printf(line, " %s", response->name);
	if (response->code)
		g_string_append_printf(line, " [%s]", response->code);
	for (guint i = 0; i < response->n_tokens; i++)
		g_string_append_printf(line, " %s",
		                       response->tokens[i].text ? response->tokens[i].text : "");
	if (response->text)
		g_string_append_printf(line, " %s", response->text);
	session_log(session, "<", line->str, (gssize)line->len);
}

static void
session_response(ImapSession *session)
{
	const ImapResponse *response = imap_parser_response(session->parser);

	if (g_log_get_debug_enabled())
		log_response(session, response);
	if (response->kind == IMAP_RESPONSE_TAGGED)
		session_tagged(session, response);
	else if (response->kind == IMAP_RESPONSE_CONTINUATION)
		session_continue(session, response);
	else
		session_untagged(session, response);
}

/* Message bytes are about to come. Those whose UID is still unknown, and header fields, are kept as
 * a token; what nobody asked for streams to nobody. */
static void
session_literal(ImapSession *session)
{
	const ImapResponse *response = imap_parser_response(session->parser);
	guint64 size = imap_parser_literal_size(session->parser), origin = 0;
	guint32 uid = 0;
	ImapLiteralKind kind = imap_fetch_literal(response, &uid, &origin);

	session->streaming = NULL;
	if ((kind == IMAP_LITERAL_HEADER && size <= MAX_HEADER) ||
	    (kind == IMAP_LITERAL_BODY && !uid)) {
		imap_parser_keep_literal(session->parser);
		return;
	}
	for (GList *link = session->sent.head; link && kind == IMAP_LITERAL_BODY;
	     link = link->next) {
		ImapCommand *command = link->data;

		if (command->handler->literal &&
		    command->handler->literal(uid, origin, size, command->data)) {
			session->streaming = command;
			session->streamed_us = g_get_monotonic_time();
			return;
		}
	}
	if (size > MAX_UNWANTED)
		session_protocol_error(session, "sends a large literal that nobody asked for");
}

/* Within a literal the server has all that it needs to send: how fast it comes is up to the line.
 */
static void
session_note_flow(ImapSession *session, gsize length)
{
	gint64 now = g_get_monotonic_time();

	session->traffic.n_flowed += length;
	session->traffic.flowed_us += now - session->streamed_us;
	session->streamed_us = now;
}

static void
session_literal_data(ImapSession *session)
{
	gsize length;
	const guint8 *bytes = imap_parser_literal_data(session->parser, &length);

	if (!session->streaming)
		return;
	session_note_flow(session, length);
	session->n_streamed += length;
	if (session->n_streamed >= LEAST_PROGRESS)
		session_progress(session);
	session->streaming->handler->literal_data(bytes, length, session->streaming->data);
}

static void
session_literal_end(ImapSession *session)
{
	ImapCommand *command = session->streaming;

	session->streaming = NULL;
	if (!command)
		return;
	session_progress(session);
	command->handler->literal_end(command->data);
}

gboolean
session_parse(ImapSession *session, gsize length)
{
	GError *error = NULL;

	imap_parser_feed(session->parser, session->buffer, length);
	while (!session->error) {
		switch (imap_parser_next(session->parser, &error)) {
		case IMAP_PARSER_MORE:
			return TRUE;
		case IMAP_PARSER_RESPONSE:
			session_response(session);
			break;
		case IMAP_PARSER_LITERAL:
			session_literal(session);
			break;
		case IMAP_PARSER_LITERAL_DATA:
			session_literal_data(session);
			break;
		case IMAP_PARSER_LITERAL_END:
			session_literal_end(session);
			break;
		case IMAP_PARSER_ERROR:
			g_prefix_error(&error, "%s: ", session->settings->host);
			session_fail(session, error);
			break;
		}
	}
	return FALSE;
}

void
session_tell_batch(ImapSession *session)
{
	GList *link = session->sent.head;

	while (link) {
		ImapCommand *command = link->data;

		link = link->next;
		if (command->handler->batch)
			command->handler->batch(command->data);
	}
}
