/*
 * A new message: APPEND (RFC 3501 6.3.11), or UID REPLACE (RFC 8508).
 *
 * The mailbox need not be selected for that, but it is, so that several messages for it travel on
 * one session, one behind another without waiting, and because its SELECT tells the UIDVALIDITY. A
 * message of 100 KiB or more is announced first (session-send.c), and keeps others away from its
 * session, who would have to wait behind it.
 *
 * A REPLACE that is refused, but not for what an APPEND would be refused for as well, becomes an
 * APPEND: what it was to replace may be gone, or the server only half knows the command.
 *
 * It must never be in the mailbox twice, so it is not repeated once any of it was sent, except
 * without its flags where the server has refused it for these.
 */
#include "change.h"
#include "flags.h"
#include "remote-operations.h"

#include <string.h>

#define LARGE (100 * 1024) /* bytes: others should not wait behind so many */

typedef struct {
	Change change;
	const RemoteAppendHandler *handler;
	gpointer data;
	GBytes *content;
	char *flags; /* NULL: none, or none any more */
	gint64 internaldate;
	guint32 replaces;         /* 0: none, or not any more */
	gboolean flags_refused;   /* the server said no, and perhaps for these */
	gboolean replace_refused; /* the same for the whole command */
	gboolean replaced;
	guint32 new_uidvalidity, uid; /* as the server told */
} Append;

/* "17-Jul-1996 02:44:25 +0000", in no language but IMAP's; NULL for a time that has no such form.
 * Caller frees. */
static char *
format_internaldate(gint64 seconds)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(seconds);

	if (!date)
		return NULL;
	return g_strdup_printf("%02d-%s-%04d %02d:%02d:%02d +0000",
	                       g_date_time_get_day_of_month(date),
	                       months[g_date_time_get_month(date) - 1], g_date_time_get_year(date),
	                       g_date_time_get_hour(date), g_date_time_get_minute(date),
	                       g_date_time_get_second(date));
}

/* A refusal that names no reason of its own may be about a keyword that is not known here: Zimbra
 * only says "APPEND failed", others BAD, or "Unable to parse flag". */
static gboolean
is_about_flags(const ImapResponse *tagged, const GError *error)
{
	static const char *const words[] = {"flag", "keyword"};
	g_autofree char *text = g_ascii_strdown(tagged->text ? tagged->text : "", -1);

	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(text, words[i]))
			return TRUE;
	return g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED);
}

static void
append_take_code(Append *append, const ImapResponse *response)
{
	if (!imap_appenduid_parse(response, &append->new_uidvalidity, &append->uid))
		append->new_uidvalidity = append->uid = 0;
}

static void
on_appended(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Append *append = data;

	if (tagged && !error)
		append_take_code(append, tagged);
	append->flags_refused = tagged && error && append->flags && is_about_flags(tagged, error);
	operation_command_done(&append->change.operation, tagged, error);
}

static const ImapCommandHandler append_handler = {.done = on_appended};

/* Where it is comes before the news that the old one is gone (RFC 8508 3.4). */
static gboolean
on_replace_untagged(const ImapResponse *response, gpointer data)
{
	Append *append = data;

	if (append->uid || !g_str_equal(response->name, "OK"))
		return FALSE;
	append_take_code(append, response);
	return append->uid != 0;
}

static gboolean
is_about_replace(const GError *error)
{
	switch (error->code) {
	case IMAPFS_ERROR_FAILED:
	case IMAPFS_ERROR_PROTOCOL:
	case IMAPFS_ERROR_NOT_FOUND:
	case IMAPFS_ERROR_STALE:
	case IMAPFS_ERROR_UNSUPPORTED:
		return TRUE;
	default:
		return FALSE;
	}
}

/* Refused, but the new message is there: that much is done. */
static void
on_replaced(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Append *append = data;

	if (tagged && !error && !append->uid)
		append_take_code(append, tagged);
	append->replaced = tagged && !error;
	append->replace_refused = tagged && error && !append->uid && is_about_replace(error);
	if (tagged && append->uid)
		error = NULL;
	operation_command_done(&append->change.operation, tagged, error);
}

static const ImapCommandHandler replace_handler = {
	.untagged = on_replace_untagged,
	.done = on_replaced,
};

/* What keeps the message from being sent on this session, or NULL. */
static GError *
append_obstacle(const Append *append, const ImapSession *session, gboolean has_nul)
{
	const ImapSelected *selected = session_selected(session);
	gsize length = g_bytes_get_size(append->content);
	guint64 limit = session_append_limit(session);

	if (limit && length > limit)
		return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_TOO_BIG,
		                   "APPEND: the server takes messages of at most %" G_GUINT64_FORMAT
		                   " bytes",
		                   limit);
	if (has_nul && !session_has_capability(session, "BINARY"))
		return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		                   "APPEND: not a message: there are NUL bytes in it");
	if (selected->open && selected->read_only)
		return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_READ_ONLY,
		                   "APPEND: the server has opened the mailbox read-only");
	return NULL;
}

static ImapCommand *
append_command(Append *append)
{
	ImapCommand *command;

	if (!append->replaces ||
	    !session_has_capability(append->change.operation.session, "REPLACE")) {
		command = command_new("APPEND", &append_handler, append);
		command_text(command, "APPEND ");
	} else {
		command = command_new("REPLACE", &replace_handler, append);
		command_text(command, "UID REPLACE %u ", append->replaces);
	}
	return command;
}

static void
append_send(Append *append, gboolean binary)
{
	ImapCommand *command = append_command(append);
	g_autofree char *date =
		append->internaldate ? format_internaldate(append->internaldate) : NULL;

	command->once = TRUE;
	command_astring(command, append->change.operation.mailbox);
	command_text(command, " ");
	if (append->flags)
		command_text(command, "(%s) ", append->flags);
	if (date)
		command_text(command, "\"%s\" ", date);
	command_content(command, append->content, binary);
	operation_send(&append->change.operation, command);
}

static void
append_start(Change *change)
{
	Append *append = (Append *)change;
	gsize length;
	const char *bytes = g_bytes_get_data(append->content, &length);
	gboolean has_nul = memchr(bytes, '\0', length) != NULL;
	GError *obstacle = append_obstacle(append, change->operation.session, has_nul);

	if (obstacle)
		operation_fail_run(&change->operation, obstacle);
	else
		append_send(append, has_nul);
}

static void
append_free(Append *append)
{
	g_bytes_unref(append->content);
	g_free(append->flags);
	change_clear(&append->change);
	g_free(append);
}

/* Keywords, which some servers have limits for, or then all. */
static void
append_leave_out_flags(Append *append)
{
	g_auto(GStrv) words = g_strsplit(append->flags, " ", -1);
	GString *fewer = g_string_new(NULL);

	for (char **word = words; *word; word++)
		if (**word == '\\')
			g_string_append_printf(fewer, "%s%s", fewer->len ? " " : "", *word);
	if (!fewer->len || g_str_equal(fewer->str, append->flags))
		g_string_truncate(fewer, 0);
	g_free(append->flags);
	append->flags = g_string_free(fewer, !fewer->len);
}

static void
append_finish(Operation *operation, const GError *error)
{
	Append *append = (Append *)operation;

	if (error && append->replace_refused) {
		g_info("%s: APPEND instead", error->message);
		append->replace_refused = FALSE;
		append->replaces = 0;
		operation_submit_again(operation);
		return;
	}
	if (error && append->flags_refused) {
		g_info("%s: once more without some of %s", error->message, append->flags);
		append->flags_refused = FALSE;
		append_leave_out_flags(append);
		operation_submit_again(operation);
		return;
	}
	append->handler->done(append->new_uidvalidity, append->uid, append->replaced, error,
	                      append->data);
	append_free(append);
}

/* What no server takes. */
static gboolean
append_check(const RemoteAppend *arguments, const char *flags, GError **error)
{
	gsize length = g_bytes_get_size(arguments->content);

	if (length == 0)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		            "APPEND: not a message: there is nothing in it");
	else if (length > G_MAXUINT32)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TOO_BIG,
		            "APPEND: larger than a message can be");
	else
		return !flags || flags_check(flags, error);
	return FALSE;
}

void
remote_append(ImapPool *pool, const RemoteAppend *arguments, const RemoteAppendHandler *handler,
              gpointer data)
{
	Append *append = g_new0(Append, 1);
	GError *error = NULL;

	append->handler = handler;
	append->data = data;
	append->content = g_bytes_ref(arguments->content);
	append->flags = flags_to_send(arguments->flags ? arguments->flags : "");
	if (!*append->flags)
		g_clear_pointer(&append->flags, g_free);
	append->internaldate = arguments->internaldate;
	append->replaces = arguments->uidvalidity ? arguments->replaces : 0;
	append->change.start = append_start;
	append->change.operation.finish = append_finish;
	append->change.operation.any_mailbox = !arguments->uidvalidity;
	if (g_bytes_get_size(append->content) >= LARGE)
		append->change.operation.job.kind = JOB_SENDING;
	if (!append_check(arguments, append->flags, &error))
		change_refuse(&append->change, pool, error);
	else
		change_submit(&append->change, pool, arguments->mailbox, arguments->uidvalidity);
}
