/*
 * What all inquiries do alike.
 */
#include "inquiry.h"

gboolean
inquiry_offers_acl(const ImapSession *session, const char *about)
{
	(void)about;
	return session_has_capability(session, "ACL");
}

/* Some servers have annotations of their own only (RFC 5464 1). */
gboolean
inquiry_offers_metadata(const ImapSession *session, const char *about)
{
	return session_has_capability(session, "METADATA") ||
	       (!*about && session_has_capability(session, "METADATA-SERVER"));
}

gboolean
inquiry_offers_quota(const ImapSession *session, const char *about)
{
	(void)about;
	return session_has_quota(session);
}

gboolean
operation_check_offer(Operation *operation, gboolean offered, const char *command)
{
	if (!offered)
		operation_fail_run(operation,
		                   g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		                               "%s: the server does not offer it", command));
	return offered;
}

static void
inquiry_start(Operation *operation)
{
	Inquiry *inquiry = (Inquiry *)operation;
	gboolean offered = inquiry->kind->is_offered(operation->session, inquiry->about);
	ImapCommand *command;

	inquiry->answered = FALSE;
	if (inquiry->kind->reset)
		inquiry->kind->reset(inquiry);
	if (!operation_check_offer(operation, offered, inquiry->kind->command))
		return;
	command = command_new(inquiry->kind->command, &inquiry->kind->handler, inquiry);
	inquiry->kind->write(inquiry, command);
	operation_send(operation, command);
}

void
inquiry_submit(Inquiry *inquiry, const InquiryKind *kind, ImapPool *pool, const char *mailbox)
{
	inquiry->kind = kind;
	inquiry->about = g_strdup(mailbox);
	inquiry->operation.start = inquiry_start;
	inquiry->operation.finish = kind->finish;
	operation_submit(&inquiry->operation, pool, NULL, 0);
}

void
inquiry_refuse(Inquiry *inquiry, const InquiryKind *kind, ImapPool *pool, GError *error)
{
	inquiry->kind = kind;
	inquiry->operation.finish = kind->finish;
	operation_refuse(&inquiry->operation, pool, error);
}

void
inquiry_write_name(const Inquiry *inquiry, ImapCommand *command)
{
	command_text(command, "%s ", inquiry->kind->command);
	command_astring(command, inquiry->about);
}

gboolean
inquiry_is_about(const Inquiry *inquiry, const char *mailbox)
{
	if (!mailbox)
		return FALSE;
	return g_str_equal(mailbox, inquiry->about) ||
	       (g_ascii_strcasecmp(mailbox, "INBOX") == 0 &&
	        g_ascii_strcasecmp(inquiry->about, "INBOX") == 0);
}

void
inquiry_fail(Inquiry *inquiry, ImapfsError code, const char *what)
{
	operation_fail_run(&inquiry->operation,
	                   g_error_new(IMAPFS_ERROR, code, "%s: %s", inquiry->kind->command, what));
}

void
inquiry_on_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Inquiry *inquiry = data;

	if (tagged && !error && !inquiry->answered)
		inquiry_fail(inquiry, IMAPFS_ERROR_PROTOCOL, "no answer that makes sense");
	operation_command_done(&inquiry->operation, tagged, error);
}

void
inquiry_clear(Inquiry *inquiry)
{
	g_free(inquiry->about);
	operation_clear(&inquiry->operation);
}
