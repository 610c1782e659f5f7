/*
 * response.h: what the tokens of a response mean.
 *
 * Pure functions from an ImapResponse (parser.h) to a small struct, lenient where real servers are
 * sloppy. None of them keeps a pointer into the response unless its comment says so. A response
 * that cannot be understood gives FALSE and @error IMAPFS_ERROR_PROTOCOL; the caller logs it and
 * goes on.
 */
#pragma once

#include "imapfs/error.h"
#include "parser.h"
#include "uid-set.h"

/* FETCH (RFC 3501 7.4.2). Items may come in any order, and several FETCH responses may each bring
 * a part of what was asked for one message. Strings point into the response. */
typedef struct {
	guint32 uid;       /* 0: not in this response */
	gboolean has_size; /* RFC822.SIZE was there and a plain number */
	guint64 size;      /* bytes */
	gboolean has_internaldate;
	gint64 internaldate; /* seconds since 1970, UTC */
	gboolean has_flags;
	GPtrArray *flags; /* of const char *, as sent; only if has_flags, else NULL */
	gboolean has_modseq;
	guint64 modseq;
	const char *emailid;    /* RFC 8474, or NULL */
	const char *threadid;   /* likewise */
	const char *gm_msgid;   /* X-GM-MSGID, or NULL */
	const char *gm_thrid;   /* X-GM-THRID, or NULL */
	guint labels;           /* of X-GM-LABELS: the token that opens the list, or 0 */
	const char *header;     /* BODY[HEADER.FIELDS ...]: the kept literal or string, else NULL */
	gsize header_length;    /* bytes */
	gboolean has_body;      /* BODY[] was there, streamed or not */
	gboolean body_streamed; /* its bytes went out as literal data already */
	guint64 body_origin;    /* of BODY[]<origin>, else 0 */
	const char *body;       /* BODY[] as a quoted string or kept literal, "" for NIL */
	gsize body_length;      /* bytes */
} ImapFetch;

/* Fills @fetch from a FETCH or UIDFETCH response; imap_fetch_clear() releases what it owns. */
gboolean imap_fetch_parse(const ImapResponse *response, ImapFetch *fetch, GError **error);
void imap_fetch_clear(ImapFetch *fetch);

/* Writes @flags to @text in the one form that equal flags have: sorted without regard to case, each
 * once, separated by single spaces, RFC 3501's in its spelling; without \Recent and without what
 * no atom can be. Sorts @flags itself. FALSE: more than 4 KiB. */
gboolean imap_flags_to_text(GPtrArray *flags, GString *text);

/* Writes the labels of @fetch to @text, one a line, as UTF-8 made printable. FALSE: there was no
 * list of them, or one of more than 16 KiB. */
gboolean imap_labels_to_text(const ImapResponse *response, const ImapFetch *fetch, GString *text);

/* At IMAP_PARSER_LITERAL: which item the literal that begins belongs to, from the tokens so far.
 * @uid is 0 when the UID has not come yet. */
typedef enum { IMAP_LITERAL_BODY, IMAP_LITERAL_HEADER, IMAP_LITERAL_OTHER } ImapLiteralKind;
ImapLiteralKind imap_fetch_literal(const ImapResponse *response, guint32 *uid, guint64 *origin);

/* LIST (RFC 3501 7.2.2, RFC 5258, RFC 6154). The name is the server's own bytes. */
typedef enum {
	IMAP_LIST_NOSELECT = 1 << 0, /* also \NonExistent */
	IMAP_LIST_NOINFERIORS = 1 << 1,
	IMAP_LIST_HAS_CHILDREN = 1 << 2,
	IMAP_LIST_HAS_NO_CHILDREN = 1 << 3,
	IMAP_LIST_SUBSCRIBED = 1 << 4,
	IMAP_LIST_ALL = 1 << 8,
	IMAP_LIST_ARCHIVE = 1 << 9,
	IMAP_LIST_DRAFTS = 1 << 10,
	IMAP_LIST_FLAGGED = 1 << 11,
	IMAP_LIST_JUNK = 1 << 12,
	IMAP_LIST_SENT = 1 << 13,
	IMAP_LIST_TRASH = 1 << 14,
} ImapListAttributes;

typedef struct {
	ImapListAttributes attributes;
	char delimiter;   /* 0: flat */
	const char *name; /* points into the response */
} ImapList;

gboolean imap_list_parse(const ImapResponse *response, ImapList *list, GError **error);

/* STATUS (RFC 3501 7.2.4, 7162, 8438). What did not come is 0 with its bit unset in has. */
typedef enum {
	IMAP_STATUS_MESSAGES = 1 << 0,
	IMAP_STATUS_UIDNEXT = 1 << 1,
	IMAP_STATUS_UIDVALIDITY = 1 << 2,
	IMAP_STATUS_UNSEEN = 1 << 3,
	IMAP_STATUS_HIGHESTMODSEQ = 1 << 4,
	IMAP_STATUS_SIZE = 1 << 5,
} ImapStatusItems;

typedef struct {
	const char *name; /* points into the response */
	ImapStatusItems has;
	guint32 messages, uidnext, uidvalidity, unseen;
	guint64 highestmodseq;
	guint64 size; /* bytes */
} ImapStatus;

gboolean imap_status_parse(const ImapResponse *response, ImapStatus *status, GError **error);

/* SEARCH (a list of numbers; UID 0 is dropped) and ESEARCH (RFC 4731, ALL as a set). Adds to @uids.
 * @tag, if given, receives the TAG of an ESEARCH (pointing into the response) or NULL. On FALSE
 * @uids may hold a part of a SEARCH; an ESEARCH of sequence numbers (no UID in it) is FALSE too. */
gboolean imap_search_parse(const ImapResponse *response, UidSet *uids, const char **tag,
                           GError **error);

/* VANISHED (RFC 7162 3.2.10). @earlier tells which form it was. */
gboolean imap_vanished_parse(const ImapResponse *response, UidSet *uids, gboolean *earlier,
                             GError **error);

/* NAMESPACE (RFC 2342): calls @found for each; kind 0 personal, 1 other users', 2 shared. */
typedef void (*ImapNamespaceFound)(int kind, const char *prefix, char delimiter, gpointer data);
gboolean imap_namespace_parse(const ImapResponse *response, ImapNamespaceFound found, gpointer data,
                              GError **error);

/* In the following @mailbox receives the name in the response, pointing into it, or NULL; it is set
 * even where FALSE is returned. Nothing is called then. */

/* Whether @text is a set of rights (RFC 4314 2): letters and digits, or nothing. */
gboolean imap_is_rights(const char *text);

/* MYRIGHTS (RFC 4314 3.8). @rights points into the response. */
gboolean imap_myrights_parse(const ImapResponse *response, const char **mailbox,
                             const char **rights, GError **error);

/* ACL (RFC 4314 3.6): calls @found for each identifier. */
typedef void (*ImapAclFound)(const char *identifier, const char *rights, gpointer data);
gboolean imap_acl_parse(const ImapResponse *response, const char **mailbox, ImapAclFound found,
                        gpointer data, GError **error);

/* METADATA (RFC 5464 4.4): calls @found for each entry with a value; for none in the form that
 * only says what has changed. */
typedef struct {
	const char *entry;
	const char *value; /* with a NUL behind it; NULL: NIL, or too long */
	gsize length;      /* bytes */
	gboolean too_long; /* the parser could not keep it */
} ImapAnnotation;
typedef void (*ImapMetadataFound)(const ImapAnnotation *annotation, gpointer data);
gboolean imap_metadata_parse(const ImapResponse *response, const char **mailbox,
                             ImapMetadataFound found, gpointer data, GError **error);

/* QUOTAROOT (RFC 9208 5.2): calls @found for each root. */
typedef void (*ImapQuotaRootFound)(const char *root, gpointer data);
gboolean imap_quotaroot_parse(const ImapResponse *response, const char **mailbox,
                              ImapQuotaRootFound found, gpointer data, GError **error);

/* QUOTA (RFC 9208 5.1): calls @found for each resource of the root. */
typedef void (*ImapQuotaFound)(const char *root, const char *resource, guint64 usage, guint64 limit,
                               gpointer data);
gboolean imap_quota_parse(const ImapResponse *response, ImapQuotaFound found, gpointer data,
                          GError **error);

/* Response codes (RFC 3501 7.1, 4315, 5530, 7162): whether @response carries code @name, compared
 * without case; @argument, if given, receives what follows the name ("" if nothing), pointing into
 * the response. */
gboolean imap_response_has_code(const ImapResponse *response, const char *name,
                                const char **argument);

/* APPENDUID (RFC 4315 3): FALSE if @response has none that can be understood. */
gboolean imap_appenduid_parse(const ImapResponse *response, guint32 *uidvalidity, guint32 *uid);

/* COPYUID (RFC 4315 3): calls @copied for each pair, in the server's order. FALSE, and nothing is
 * called, if @response has none that can be understood, or one of more than @max messages. */
typedef void (*ImapCopied)(guint32 uid, guint32 new_uid, gpointer data);
gboolean imap_copyuid_parse(const ImapResponse *response, guint64 max, guint32 *uidvalidity,
                            ImapCopied copied, gpointer data);

/* The error that a NO, BAD or BYE stands for: code from RFC 5530's table, message the server's
 * text, made printable. @command names what was tried ("FETCH"), for the message. */
GError *imap_response_to_error(const ImapResponse *response, const char *command);

/* No control, format (bidi, zero width), separator or unassigned character: these steer terminals. */
gboolean imap_is_printable(gunichar c);

/* @length bytes (or to the NUL if -1) as text for a log or a terminal: valid UTF-8 without control
 * or bidi characters, anything else as \xNN, cut at 200 characters. To be freed by the caller. */
char *imap_printable(const char *bytes, gssize length);
