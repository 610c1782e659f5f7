/*
 * inquiry.h: what is asked of the server about a mailbox by its name, without opening it, and by
 * an extension that it must offer (RFC 4314, 5464, 9208).
 *
 * An inquiry is an Operation of one command on any session. Its answer is an untagged response that
 * names the mailbox. Servers answer what is pipelined in any order (Dovecot does, once an answer is
 * long), so such a response is overheard: all that ask about the mailbox hear it. It is true for
 * each of them, and the last one that they hear is the newest.
 */
#pragma once

#include "operation.h"

typedef struct Inquiry Inquiry;

typedef struct {
	const char *command;        /* "MYRIGHTS" */
	ImapCommandHandler handler; /* it overhears */
	/* NULL, or forgets what an earlier run has told. */
	void (*reset)(Inquiry *inquiry);
	/* Whether the server can do it. */
	gboolean (*is_offered)(const ImapSession *session, const char *about);
	/* All of the command. */
	void (*write)(const Inquiry *inquiry, ImapCommand *command);
	void (*finish)(Operation *operation, const GError *error);
} InquiryKind;

struct Inquiry {
	Operation operation; /* first */
	const InquiryKind *kind;
	char *about;       /* the mailbox, server's bytes; "": the server itself */
	gboolean answered; /* in this run, for the caller */
};

/* Queues the inquiry. @mailbox is copied. The data of its command is the Inquiry.
 * IMAPFS_ERROR_UNSUPPORTED, before anything is sent, where the server does not offer it. */
void inquiry_submit(Inquiry *inquiry, const InquiryKind *kind, ImapPool *pool, const char *mailbox);

/* Ends it with @error, which is taken, without sending anything. Instead of inquiry_submit(). */
void inquiry_refuse(Inquiry *inquiry, const InquiryKind *kind, ImapPool *pool, GError *error);

/* "NAME mailbox". */
void inquiry_write_name(const Inquiry *inquiry, ImapCommand *command);

/* Whether a response that names @mailbox (or NULL) is an answer. INBOX has no case (RFC 3501 5.1).
 */
gboolean inquiry_is_about(const Inquiry *inquiry, const char *mailbox);

/* The done() of its command: without an answer an OK is an error. */
void inquiry_on_done(const ImapResponse *tagged, const GError *error, gpointer data);

/* The run has failed: the answer means nothing, as @what says. */
void inquiry_fail(Inquiry *inquiry, ImapfsError code, const char *what);

/* Releases what these took, not @inquiry itself. */
void inquiry_clear(Inquiry *inquiry);

/* Whether the server offers what @command needs; else operation_fail_run() with UNSUPPORTED. Also
 * for changes. */
gboolean operation_check_offer(Operation *operation, gboolean offered, const char *command);

/* What is_offered() may be. */
gboolean inquiry_offers_acl(const ImapSession *session, const char *about);
gboolean inquiry_offers_metadata(const ImapSession *session, const char *about);
gboolean inquiry_offers_quota(const ImapSession *session, const char *about);
