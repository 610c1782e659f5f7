/*
 * session.h: one connection to the server, from the greeting to the end.
 *
 * A session logs in by itself (login.c), then sends any number of commands without waiting for one
 * to end, and hands each reply to the command it belongs to. It knows which mailbox is selected and
 * how many messages that has. It ends once, for whatever reason: every command in flight is told,
 * then the owner, who frees it.
 *
 * All calls return at once; handlers run from the main loop, never inside session_send().
 */
#pragma once

#include <openssl/ssl.h>

#include "command.h"
#include "imapfs/imap.h"
#include "stream.h"

typedef struct {
	/* Logged in: commands may be sent. */
	void (*ready)(ImapSession *session, gpointer data);
	/* A command ended: there may be room for the next. */
	void (*idle)(ImapSession *session, gpointer data);
	/* Logged in, and an untagged response has come, whoever it is for; what is known of the
	 * selected mailbox is still as before. The session is not to be freed. May be NULL. */
	void (*heard)(ImapSession *session, const ImapResponse *response, gpointer data);
	/* The end; no command is left. To be freed now or later, but not used. */
	void (*closed)(ImapSession *session, const GError *error, gpointer data);
} ImapSessionEvents;

typedef enum { SESSION_CONNECTING, SESSION_LOGIN, SESSION_READY, SESSION_CLOSED } ImapSessionState;

/* The selected mailbox, as far as the server has told. */
typedef struct {
	char *name;    /* server's bytes, or NULL: none selected */
	gboolean open; /* SELECT was answered with OK */
	guint32 exists;
	gboolean miscounted;       /* more vanished than there were: exists is not to be trusted */
	guint64 n_changes;         /* EXISTS, EXPUNGE and VANISHED (not EARLIER) responses so far */
	guint64 n_complaints;      /* untagged NO and BAD so far */
	guint64 opened_complaints; /* the same when SELECT ended */
	guint32 uidvalidity;
	guint32 uidnext;        /* 0: not told */
	guint64 highestmodseq;  /* the last that was told, 0: none */
	guint64 opened_modseq;  /* the same when SELECT ended */
	gboolean lacks_modseqs; /* NOMODSEQ (RFC 7162 3.1.2.2) */
	gboolean read_only;
	char *permanent_flags; /* "(\\Seen \\*)", or NULL: not told */
} ImapSelected;

typedef struct {
	guint64 n_commands;
	guint64 n_completed; /* of these, with a reply; those of the login are left out */
	guint64 n_bytes_in, n_bytes_out; /* of IMAP, before it is deflated or encrypted */
	guint64 n_flowed;                /* bytes of messages ... */
	gint64 flowed_us; /* ... and the time between the first and the last of each */
} ImapTraffic;

ImapSession *session_new(const ImapSettings *settings, SSL_CTX *context,
                         const ImapSessionEvents *events, gpointer data);

/* Says LOGOUT without waiting and closes. Commands in flight end with IMAPFS_ERROR_INTERRUPTED; the
 * owner is not told. */
void session_free(ImapSession *session);

/* Takes the command and sends it behind those already sent. */
void session_send(ImapSession *session, ImapCommand *command);

/* Sends a line that belongs to the command in flight: DONE (RFC 2177). */
void session_send_line(ImapSession *session, const char *line);

/* Whether whatever comes after a SELECT sent now belongs to the new mailbox: no command is in
 * flight, or none that can be about a mailbox, as there was none yet (ID, LIST). */
gboolean session_may_select(const ImapSession *session);

/* SELECT (RFC 3501 6.3.1) or, read-only, EXAMINE (6.3.2), only while session_may_select().
 * Commands may follow at once; if it fails, so do they. */
void session_select(ImapSession *session, const char *mailbox);

/* The selected mailbox is not what its name stands for any more: whoever wants it selects it anew.
 * For those whose commands are in flight all stays as it is. */
void session_forget_selected(ImapSession *session);

const ImapSelected *session_selected(const ImapSession *session);

/* Why the last SELECT failed, or NULL. */
const GError *session_select_error(const ImapSession *session);

ImapSessionState session_state(const ImapSession *session);
guint session_n_commands(const ImapSession *session);  /* in flight or waiting to be */
gint64 session_idle_since(const ImapSession *session); /* monotonic microseconds */

/* The line may have died unnoticed, as in a sleep of this machine: whatever is in flight must show
 * within 5 seconds that it has not, else it ends with IMAPFS_ERROR_OFFLINE. */
void session_doubt(ImapSession *session);
const ImapTraffic *session_traffic(const ImapSession *session);
const ImapSettings *session_settings(const ImapSession *session);
const char *session_tls_version(const ImapSession *session); /* NULL in clear */
gboolean session_is_compressed(const ImapSession *session);

/* Whether the oldest command in flight is one with @data: a server that keeps the order answers it
 * now. */
gboolean session_is_oldest(const ImapSession *session, gconstpointer data);

/* Whether the server has capability @name ("LIST-STATUS"; without case), and all of them in one
 * line. */
gboolean session_has_capability(const ImapSession *session, const char *name);

/* The same for an extension that became part of IMAP4rev2 (RFC 9051 appendix E): MOVE, UIDPLUS,
 * LITERAL-. */
gboolean session_offers(const ImapSession *session, const char *name);

/* Whether it tells quotas: by QUOTA (RFC 2087), or what of it (RFC 9208 3.1). */
gboolean session_has_quota(const ImapSession *session);

/* What of it a Remote tells. */
RemoteCapabilities session_remote_capabilities(const ImapSession *session);

/* The most bytes that APPEND takes (APPENDLIMIT, RFC 7889); 0: not told. */
guint64 session_append_limit(const ImapSession *session);
char *session_capabilities(const ImapSession *session);

/* Whether the server says that it is Dovecot (ID, RFC 2971). */
gboolean session_is_dovecot(const ImapSession *session);

/* Whether it has mod-sequences (RFC 7162) and has not shown yet that it only says so. */
gboolean session_has_modseqs(const ImapSession *session);

/* Whether there are none in the mailbox that is selected. */
gboolean session_lacks_modseqs(const ImapSession *session);

/* The server refused CHANGEDSINCE in the selected mailbox: it is not asked so again there, or
 * anywhere if the mailbox was said to have mod-sequences. */
void session_forget_modseqs(ImapSession *session);

/* Whether the server has said that QRESYNC is in use (ENABLED, RFC 5161). An OK to ENABLE does not
 * say that. */
gboolean session_has_qresync(const ImapSession *session);

/* For login.c: */
void session_take_enabled(ImapSession *session, const ImapResponse *response);
void session_take_id(ImapSession *session, const ImapResponse *response);
void session_forget_capabilities(ImapSession *session);
gboolean session_knows_capabilities(const ImapSession *session);
void session_start_tls(ImapSession *session);
void session_start_deflate(ImapSession *session);
void session_logged_in(ImapSession *session);
void session_fail(ImapSession *session,
                  GError *error); /* takes @error; ends at the next turn of the loop */
