/*
 * Commands on their way out.
 *
 * They leave one after another, without waiting for replies. Only a literal may have to wait, for
 * the server's "+" (RFC 3501 7.5) or, a large one, for the socket to take what there is of it, and
 * then everything behind it waits too.
 */
#include "session-private.h"

#include <string.h>

#define DOUBT_IDLE_US  (30 * G_USEC_PER_SEC) /* after so much idleness the line may be dead */
#define MAX_WAITING    (256 * 1024)          /* bytes of a message queued for the socket */
#define CHUNK          (64 * 1024)           /* bytes queued at once */
#define ASK_FIRST_FROM (100 * 1024) /* bytes that a server may want to refuse before they come */

void
session_log(ImapSession *session, const char *direction, const char *bytes, gssize length)
{
	g_autofree char *line = imap_printable(bytes, length);

	g_debug("%p %s %s", (void *)session, direction, line);
}

static void
log_command(ImapSession *session, const ImapCommand *command)
{
	g_autofree char *text = command_to_text(command);

	session_log(session, ">", text, -1);
}

void
session_write(ImapSession *session, const char *bytes, gsize length)
{
	stream_write(session->stream, bytes, length);
	session->traffic.n_bytes_out += length;
}

/* Whether a literal of @length bytes may follow its announcement at once (RFC 7888). */
static gboolean
literal_is_free(ImapSession *session, gsize length)
{
	if (length >= ASK_FIRST_FROM)
		return FALSE;
	return session_has_capability(session, "LITERAL+") ||
	       (length <= 4096 && session_offers(session, "LITERAL-"));
}

static void
session_announce(ImapSession *session, ImapCommand *command, const ImapCommandPart *part)
{
	char announcement[40];
	gsize length;

	command_part_data(part, &length);
	command->announced = TRUE;
	command->awaits_plus = !literal_is_free(session, length);
	g_snprintf(announcement, sizeof(announcement), "%s{%" G_GSIZE_FORMAT "%s}\r\n",
	           part->binary ? "~" : "", length, command->awaits_plus ? "" : "+");
	session_write(session, announcement, strlen(announcement));
}

/* FALSE if the rest must wait for the socket. */
static gboolean
session_send_bytes(ImapSession *session, ImapCommand *command, const ImapCommandPart *part)
{
	gsize length;
	const char *bytes = command_part_data(part, &length);

	while (command->n_bytes_sent < length) {
		gsize n = MIN(length - command->n_bytes_sent, CHUNK);

		if (part->content && stream_n_waiting(session->stream) >= MAX_WAITING) {
			stream_tell_drained(session->stream);
			return FALSE;
		}
		session_write(session, bytes + command->n_bytes_sent, n);
		command->n_bytes_sent += n;
	}
	return TRUE;
}

/* Sends the next part; FALSE if that must wait, for the server's "+" or for the socket. */
static gboolean
session_send_part(ImapSession *session, ImapCommand *command)
{
	const ImapCommandPart *part =
		&g_array_index(command->parts, ImapCommandPart, command->n_parts_sent);

	if (part->literal && !command->announced)
		session_announce(session, command, part);
	if (command->awaits_plus || !session_send_bytes(session, command, part))
		return FALSE;
	command->announced = FALSE;
	command->n_bytes_sent = 0;
	command->n_parts_sent++;
	return TRUE;
}

/* Sends as much of the oldest unsent command as the server lets; TRUE when it is out. */
static gboolean
session_send_head(ImapSession *session)
{
	ImapCommand *command = g_queue_peek_head(&session->unsent);

	if (command->n_parts_sent == 0 && g_log_get_debug_enabled())
		log_command(session, command);
	while (command->n_parts_sent < command->parts->len)
		if (!session_send_part(session, command))
			return FALSE;
	session_write(session, "\r\n", 2);
	g_queue_push_tail(&session->sent, g_queue_pop_head(&session->unsent));
	return TRUE;
}

/* A command of which a part is sent. */
ImapCommand *
session_blocked(const ImapSession *session)
{
	ImapCommand *head = g_queue_peek_head((GQueue *)&session->unsent);

	return head && head->n_parts_sent ? head : NULL;
}

void
session_flush(ImapSession *session)
{
	if (!session->stream || session->error)
		return;
	while (!g_queue_is_empty(&session->unsent))
		if (!session_send_head(session))
			break;
}

void
session_unblock(ImapSession *session)
{
	session_blocked(session)->awaits_plus = FALSE;
	session_flush(session);
}

void
session_send(ImapSession *session, ImapCommand *command)
{
	gint64 now = g_get_monotonic_time();

	g_queue_push_tail(&session->unsent, command);
	command->of_login = session->state != SESSION_READY;
	if (session->state == SESSION_CLOSED)
		return; /* told with the others at the end, which is near */
	if (session_n_commands(session) == 1) {
		session->in_doubt = session->state == SESSION_READY &&
		                    now - session->idle_since_us > DOUBT_IDLE_US;
		session->progress_us = now;
	}
	session->traffic.n_commands++;
	session_start_watch(session);
	session_flush(session);
}

void
session_send_line(ImapSession *session, const char *line)
{
	if (!session->stream || session->error)
		return;
	if (g_log_get_debug_enabled())
		session_log(session, ">", line, -1);
	session_write(session, line, strlen(line));
	session_write(session, "\r\n", 2);
}

static void
on_selected(const ImapResponse *tagged, const GError *error, gpointer data)
{
	ImapSession *session = data;

	if (!error) {
		session->selected.open = TRUE;
		session->selected.opened_modseq = session->selected.highestmodseq;
		session->selected.opened_complaints = session->selected.n_complaints;
		return;
	}
	g_clear_error(&session->select_error);
	session->select_error = g_error_copy(error);
	if (tagged)
		session_forget_selected(session);
}

static const ImapCommandHandler select_handler = {.done = on_selected};

gboolean
session_may_select(const ImapSession *session)
{
	return session_n_commands(session) == 0 || !session->ever_selected;
}

void
session_select(ImapSession *session, const char *mailbox)
{
	gboolean examine = session->settings->read_only;
	ImapCommand *command =
		command_new(examine ? "EXAMINE" : "SELECT", &select_handler, session);

	g_assert(session_may_select(session));
	session->ever_selected = TRUE;
	session_clear_selected(session);
	session->selected = (ImapSelected){.name = g_strdup(mailbox)};
	g_clear_error(&session->select_error);
	command_text(command, "%s ", command->name);
	command_astring(command, mailbox);
	session_send(session, command);
}

void
session_forget_selected(ImapSession *session)
{
	g_clear_pointer(&session->selected.name, g_free);
}

void
session_clear_selected(ImapSession *session)
{
	g_clear_pointer(&session->selected.name, g_free);
	g_clear_pointer(&session->selected.permanent_flags, g_free);
}
