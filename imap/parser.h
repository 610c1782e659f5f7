/*
 * parser.h: bytes in, responses out.
 *
 * The parser turns what a server sends into responses: one line of RFC 3501/9051 syntax each, cut
 * into tokens, literals included. It is pure (no sockets, no time, no callbacks), resumable at
 * every byte, and bounded: what a hostile server can make it hold is limited by the IMAP_PARSER_MAX
 * constants. It knows just enough grammar to find the end of a response (status text runs to the
 * end of the line, BODY[...] is one atom, a LIST name may be sloppy); what the tokens mean is
 * response.h.
 *
 * Use: feed a chunk, then call imap_parser_next() until it says IMAP_PARSER_MORE; the chunk must
 * stay valid until then. An error is final: the connection is of no more use.
 */
#pragma once

#include <glib.h>

#define IMAP_PARSER_MAX_LINE    (64 * 1024)        /* bytes of one response outside literals */
#define IMAP_PARSER_MAX_LITERAL (1024 * 1024)      /* bytes of literals held in one response */
#define IMAP_PARSER_MAX_SEARCH  (16 * 1024 * 1024) /* a line of SEARCH, ESEARCH, VANISHED, SORT */
#define IMAP_PARSER_MAX_DEPTH   64                 /* nested parentheses */

typedef struct ImapParser ImapParser;

typedef enum {
	IMAP_TOKEN_ATOM,    /* also numbers, flags, NIL and BODY[...]<n> whole */
	IMAP_TOKEN_STRING,  /* quoted string, unescaped */
	IMAP_TOKEN_LITERAL, /* kept literal, or the mark of a streamed one (streamed is set) */
	IMAP_TOKEN_OPEN,
	IMAP_TOKEN_CLOSE,
} ImapTokenType;

typedef struct {
	ImapTokenType type;
	gboolean streamed; /* the bytes went out as IMAP_PARSER_LITERAL_DATA; text is empty */
	guint32 length;    /* of text, in bytes, without the NUL after it */
	const char *text;  /* NUL-terminated; may hold NULs itself when it was a literal */
	guint64 size;      /* of a literal, as the server announced it */
} ImapToken;

typedef enum {
	IMAP_RESPONSE_UNTAGGED,
	IMAP_RESPONSE_TAGGED,
	IMAP_RESPONSE_CONTINUATION,
} ImapResponseKind;

/* One response, whole, or as much as came before a literal. Valid until the next call. Parentheses
 * need not balance. SEARCH and SORT have one token, an atom with the rest of the line. A response
 * too garbled to cut has no tokens, unless that is an error: in FETCH, and where a literal may
 * follow. */
typedef struct {
	ImapResponseKind kind;
	const char *tag;  /* of a tagged response, else NULL */
	const char *name; /* upper case: "OK", "FETCH", "LIST"; "" in a continuation */
	gboolean has_number;
	guint32 number;          /* "* 12 FETCH": 12 */
	const ImapToken *tokens; /* after the name; none in status responses */
	guint n_tokens;
	const char *code; /* status responses: what stood between [ and ], else NULL */
	const char *text; /* status responses and continuations: the rest, raw as sent */
} ImapResponse;

typedef enum {
	IMAP_PARSER_MORE,         /* the chunk is used up */
	IMAP_PARSER_RESPONSE,     /* imap_parser_response() is whole */
	IMAP_PARSER_LITERAL,      /* a literal of message bytes begins (a FETCH item BODY[...],
	                             BINARY[...] or RFC822...), or a value of METADATA for which
	                             there is no room: imap_parser_response() holds the tokens
	                             before it, imap_parser_literal_size() its length. Call
	                             imap_parser_keep_literal() to have it as a token, else it streams */
	IMAP_PARSER_LITERAL_DATA, /* imap_parser_literal_data(): the next bytes of a streamed
	                             literal */
	IMAP_PARSER_LITERAL_END,  /* all bytes of the streamed literal have been given */
	IMAP_PARSER_ERROR,
} ImapParserEvent;

ImapParser *imap_parser_new(void);
void imap_parser_free(ImapParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapParser, imap_parser_free)

/* Gives the parser @length bytes that it borrows until it says IMAP_PARSER_MORE. The previous chunk
 * must be used up. */
void imap_parser_feed(ImapParser *parser, const guint8 *data, gsize length);

/* The next event in the chunk. IMAP_PARSER_ERROR sets @error to IMAPFS_ERROR_PROTOCOL, with the
 * offending bytes made printable, and repeats for ever. */
ImapParserEvent imap_parser_next(ImapParser *parser, GError **error);

/* The current response; see the events for when it is there. Owned by the parser. */
const ImapResponse *imap_parser_response(ImapParser *parser);

/* Right after IMAP_PARSER_LITERAL: its length in bytes. */
guint64 imap_parser_literal_size(const ImapParser *parser);

/* Right after IMAP_PARSER_LITERAL: hold the bytes and make them a token. A literal that would
 * exceed IMAP_PARSER_MAX_LITERAL is a protocol error at the next call of imap_parser_next(). */
void imap_parser_keep_literal(ImapParser *parser);

/* Right after IMAP_PARSER_LITERAL_DATA: @length bytes inside the chunk that was fed. */
const guint8 *imap_parser_literal_data(const ImapParser *parser, gsize *length);

/* Bytes of the chunk that are not used yet (after STARTTLS there must be none). */
gsize imap_parser_pending(const ImapParser *parser);

/* Takes these bytes away from the parser, to which they are not IMAP (after COMPRESS): where they
 * are in the chunk, @length of them. */
const guint8 *imap_parser_take_pending(ImapParser *parser, gsize *length);
