/*
 * Who may do what with a mailbox: MYRIGHTS, GETACL, SETACL, DELETEACL (RFC 4314 3).
 *
 * All is repeated after a lost connection: setting rights twice, also adding them to what there is
 * ("+lr"), is setting them once.
 */
#include "change.h"
#include "inquiry.h"
#include "remote-operations.h"

#include <string.h>

#define MAX_IDENTIFIERS 1000
#define MAX_IDENTIFIER  900 /* bytes of one that is sent */
#define NO_RIGHTS       "\"\""

/* MYRIGHTS or GETACL. */
typedef struct {
	Inquiry inquiry;
	const RemoteTextHandler *handler;
	gpointer data;
	GString *text;
	guint n_identifiers;
} Asked;

static void
asked_reset(Inquiry *inquiry)
{
	Asked *asked = (Asked *)inquiry;

	g_string_truncate(asked->text, 0);
	asked->n_identifiers = 0;
}

static void
asked_finish(Operation *operation, const GError *error)
{
	Asked *asked = (Asked *)operation;

	asked->handler->done(error ? NULL : asked->text->str, error, asked->data);
	g_string_free(asked->text, TRUE);
	inquiry_clear(&asked->inquiry);
	g_free(asked);
}

static void
asked_submit(ImapPool *pool, const InquiryKind *kind, const char *mailbox,
             const RemoteTextHandler *handler, gpointer data)
{
	Asked *asked = g_new0(Asked, 1);

	asked->handler = handler;
	asked->data = data;
	asked->text = g_string_new(NULL);
	inquiry_submit(&asked->inquiry, kind, pool, mailbox);
}

/* --- MYRIGHTS --- */

static gboolean
on_myrights(const ImapResponse *response, gpointer data)
{
	Asked *asked = data;
	const char *mailbox, *rights;

	if (!g_str_equal(response->name, "MYRIGHTS") ||
	    !imap_myrights_parse(response, &mailbox, &rights, NULL) ||
	    !inquiry_is_about(&asked->inquiry, mailbox))
		return FALSE;
	asked->inquiry.answered = TRUE;
	g_string_assign(asked->text, rights);
	return TRUE;
}

void
remote_rights(ImapPool *pool, const char *mailbox, const RemoteTextHandler *handler, gpointer data)
{
	static const InquiryKind kind = {
		.command = "MYRIGHTS",
		.handler = {.untagged = on_myrights, .overhears = TRUE, .done = inquiry_on_done},
		.reset = asked_reset,
		.is_offered = inquiry_offers_acl,
		.write = inquiry_write_name,
		.finish = asked_finish,
	};

	asked_submit(pool, &kind, mailbox, handler, data);
}

/* --- GETACL --- */

/* Exactly as it is, for whoever writes the list means the same identifiers; or so that nobody can
 * take it for another one. Caller frees. */
static char *
identifier_text(const char *identifier)
{
	const char *end = identifier + strlen(identifier);
	GString *text = g_string_new(*identifier ? NULL : REMOTE_UNTOLD);

	while (identifier < end && text->len <= MAX_IDENTIFIER) {
		gunichar c = g_utf8_get_char_validated(identifier, end - identifier);
		gboolean valid = c < G_MAXINT32;

		if (valid && imap_is_printable(c))
			g_string_append_unichar(text, c);
		else
			g_string_append(text, REMOTE_UNTOLD);
		identifier = valid ? g_utf8_next_char(identifier) : identifier + 1;
	}
	if (text->len > MAX_IDENTIFIER)
		g_string_append(text, REMOTE_UNTOLD);
	return g_string_free(text, FALSE);
}

/* An identifier may hold spaces, and rights none. Whatever else it holds, it is one line. */
static void
on_identifier(const char *identifier, const char *rights, gpointer data)
{
	Asked *asked = data;
	g_autofree char *text = NULL;

	if (++asked->n_identifiers > MAX_IDENTIFIERS)
		return;
	text = identifier_text(identifier);
	g_string_append_printf(asked->text, "%s%s %s", asked->text->len ? "\n" : "", text,
	                       *rights ? rights : NO_RIGHTS);
}

static void
ignore_identifier(const char *identifier, const char *rights, gpointer data)
{
	(void)identifier, (void)rights, (void)data;
}

static gboolean
acl_is_mine(Asked *asked, const ImapResponse *response)
{
	const char *mailbox;

	return g_str_equal(response->name, "ACL") &&
	       imap_acl_parse(response, &mailbox, ignore_identifier, NULL, NULL) &&
	       inquiry_is_about(&asked->inquiry, mailbox);
}

static gboolean
on_acl(const ImapResponse *response, gpointer data)
{
	Asked *asked = data;
	const char *mailbox;

	if (!acl_is_mine(asked, response))
		return FALSE;
	asked_reset(&asked->inquiry);
	imap_acl_parse(response, &mailbox, on_identifier, asked, NULL);
	asked->inquiry.answered = TRUE;
	if (asked->n_identifiers > MAX_IDENTIFIERS)
		inquiry_fail(&asked->inquiry, IMAPFS_ERROR_TOO_BIG, "too many identifiers");
	return TRUE;
}

void
remote_acl(ImapPool *pool, const char *mailbox, const RemoteTextHandler *handler, gpointer data)
{
	static const InquiryKind kind = {
		.command = "GETACL",
		.handler = {.untagged = on_acl, .overhears = TRUE, .done = inquiry_on_done},
		.reset = asked_reset,
		.is_offered = inquiry_offers_acl,
		.write = inquiry_write_name,
		.finish = asked_finish,
	};

	asked_submit(pool, &kind, mailbox, handler, data);
}

/* --- SETACL, DELETEACL --- */

typedef struct {
	Change change;
	const RemoteDoneHandler *handler;
	gpointer data;
	char *mailbox, *identifier;
	char *rights; /* NULL: DELETEACL */
} SetAcl;

static const ImapCommandHandler set_handler = {.done = operation_on_done};

static void
set_start(Change *change)
{
	const SetAcl *set = (SetAcl *)change;
	const char *name = set->rights ? "SETACL" : "DELETEACL";
	gboolean offered = inquiry_offers_acl(change->operation.session, set->mailbox);
	ImapCommand *command;

	if (!operation_check_offer(&change->operation, offered, name))
		return;
	command = command_new(name, &set_handler, change);
	command_text(command, "%s ", name);
	command_astring(command, set->mailbox);
	command_text(command, " ");
	command_astring(command, set->identifier);
	if (set->rights) {
		command_text(command, " ");
		command_astring(command, set->rights);
	}
	operation_send(&change->operation, command);
}

static void
set_finish(Operation *operation, const GError *error)
{
	SetAcl *set = (SetAcl *)operation;

	set->handler->done(error, set->data);
	change_clear(&set->change);
	g_free(set->mailbox);
	g_free(set->identifier);
	g_free(set->rights);
	g_free(set);
}

/* UTF-8 without control characters (RFC 4314 3). */
static gboolean
is_identifier(const char *text)
{
	if (!*text || strlen(text) > MAX_IDENTIFIER || !g_utf8_validate(text, -1, NULL) ||
	    strstr(text, REMOTE_UNTOLD))
		return FALSE;
	for (; *text; text = g_utf8_next_char(text))
		if (g_unichar_iscntrl(g_utf8_get_char(text)))
			return FALSE;
	return TRUE;
}

static gboolean
set_check(const char *identifier, const char *rights, GError **error)
{
	if (!is_identifier(identifier)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "SETACL: not an identifier");
		return FALSE;
	}
	if (rights && strchr("+-", *rights) && *rights)
		rights++;
	if (!rights || imap_is_rights(rights))
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "SETACL: not a set of rights");
	return FALSE;
}

void
remote_set_acl(ImapPool *pool, const char *mailbox, const char *identifier, const char *rights,
               const RemoteDoneHandler *handler, gpointer data)
{
	SetAcl *set = g_new0(SetAcl, 1);
	GError *error = NULL;

	set->handler = handler;
	set->data = data;
	set->mailbox = g_strdup(mailbox);
	set->identifier = g_strdup(identifier);
	set->rights = g_strdup(rights);
	set->change.start = set_start;
	set->change.operation.finish = set_finish;
	if (set_check(identifier, rights, &error))
		change_submit(&set->change, pool, NULL, 0);
	else
		change_refuse(&set->change, pool, error);
}
