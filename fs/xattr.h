/*
 * xattr.h: extended attributes, a table of names (xattr.c) and a file for each group of them.
 *
 *     xattr-message.c    what the index, or the server's word of one message, tells
 *     xattr-header.c     fields of the header
 *     xattr-flags.c      all flags and keywords together
 *     xattr-keyword.c    each keyword by itself, claims, and the tags of file managers
 *     xattr-mailbox.c    what a mailbox is like
 *     xattr-server.c     rights, annotations and quota of a mailbox
 *
 * Handlers are those of GETXATTR, LISTXATTR and SETXATTR: they run from their top as often as it
 * takes (request.h). What a list names can be had from memory, or from the one round trip that
 * listing took; what costs a round trip of its own is answered by name, and not listed.
 */
#pragma once

#include "node.h"
#include "request.h"

typedef enum { XATTR_OF_MESSAGE = 1, XATTR_OF_MAILBOX = 2 } XattrOwner;

typedef struct {
	const char *name; /* of a family: up to and with its last dot */
	guint owners;     /* XattrOwner */
	gboolean listed;  /* every owner has it */
	/* Answers. @rest: what follows the name of a family. */
	void (*get)(Request *request, const char *rest);
	/* Changes it, to request->text (of an annotation request->size bytes, else no NUL is among
	 * them), or takes it away (request->removes), and answers. NULL: it cannot be changed. */
	void (*set)(Request *request, const char *rest);
	/* Appends the names that are there, with xattr_list_add(). FALSE: the handler returns at
	 * once, as with request_go_on(). NULL: as listed says. */
	gboolean (*list)(Request *request, GString *names);
} Xattr;

#define XATTR_CACHED   "user.imap.cached"
#define XATTR_FLAGS    "user.imap.flags"
#define XATTR_KEYWORD  "user.imap.keyword."
#define XATTR_TAGS     "user.xdg.tags"
#define XATTR_METADATA "user.imap.metadata."

/* What the kernel carries at the most. */
#define XATTR_MAX 65536

/* The mailbox that is asked about; NULL: it is gone, and the request is answered. */
Mailbox *xattr_mailbox(Request *request);

/* The same, for an errand. NULL also where that is under way already: the request is answered, or
 * will be when it has ended. */
Mailbox *xattr_mailbox_for_errand(Request *request);

/* The end of the name and the value, or the length that it needs. */
void xattr_list_add(GString *names, const char *name, const char *rest);
void xattr_reply_bytes(Request *request, const char *bytes, size_t length);
void xattr_reply_text(Request *request, const char *text);
void xattr_reply_number(Request *request, guint64 number);

/* ENODATA for NULL and, where @empty_is_none, for "". */
void xattr_reply_text_or_none(Request *request, const char *text, gboolean empty_is_none);

/* --- what is in the table --- */

void xattr_get_cached(Request *request, const char *rest);
void xattr_get_uid(Request *request, const char *rest);
void xattr_get_modseq(Request *request, const char *rest);
void xattr_get_internaldate(Request *request, const char *rest);
void xattr_get_emailid(Request *request, const char *rest);
void xattr_get_threadid(Request *request, const char *rest);
void xattr_get_labels(Request *request, const char *rest);
void xattr_get_mime_type(Request *request, const char *rest);
gboolean xattr_list_uid(Request *request, GString *names);

void xattr_get_subject(Request *request, const char *rest);
void xattr_get_from(Request *request, const char *rest);
void xattr_get_to(Request *request, const char *rest);
void xattr_get_date(Request *request, const char *rest);
void xattr_get_message_id(Request *request, const char *rest);

void xattr_get_flags(Request *request, const char *rest);
void xattr_set_flags(Request *request, const char *rest);

/* A change of the message's flags through the journal: TRUE once that is made and settled, and
 * another may follow. FALSE: as with request_go_on(). */
gboolean xattr_flags_changed(Request *request, char sign, const char *words);

/* Before the first of several changes: whether all of @words may be changed, as far as is known.
 * FALSE: not, and the request is answered. */
gboolean xattr_flags_allowed(Request *request, const char *words);

/* A keyword, or a system flag that can be set (RFC 3501 section 9). */
gboolean xattr_is_flag(const char *word);

void xattr_get_keyword(Request *request, const char *rest);
void xattr_set_keyword(Request *request, const char *rest);
gboolean xattr_list_keywords(Request *request, GString *names);
void xattr_get_tags(Request *request, const char *rest);
void xattr_set_tags(Request *request, const char *rest);
gboolean xattr_list_tags(Request *request, GString *names);

void xattr_get_messages(Request *request, const char *rest);
void xattr_get_unseen(Request *request, const char *rest);
void xattr_get_uidvalidity(Request *request, const char *rest);
void xattr_get_uidnext(Request *request, const char *rest);
void xattr_get_highestmodseq(Request *request, const char *rest);
void xattr_get_special_use(Request *request, const char *rest);
void xattr_get_subscribed(Request *request, const char *rest);
void xattr_set_subscribed(Request *request, const char *rest);
gboolean xattr_list_figures(Request *request, GString *names);

void xattr_get_myrights(Request *request, const char *rest);
gboolean xattr_list_myrights(Request *request, GString *names);
void xattr_get_acl(Request *request, const char *rest);
void xattr_set_acl(Request *request, const char *rest);
void xattr_get_quota(Request *request, const char *rest);
void xattr_get_metadata(Request *request, const char *rest);
void xattr_set_metadata(Request *request, const char *rest);
gboolean xattr_list_metadata(Request *request, GString *names);
