/*
 * command.h: one IMAP command, from its words to its tagged reply.
 *
 * A command is built piece by piece, so that quoting cannot be forgotten: text that this program
 * wrote goes through command_text(), anything else through command_astring(). Then session_send()
 * takes it (session.h) and calls the handler's functions, done() exactly once and last.
 */
#pragma once

#include "imapfs/error.h"
#include "response.h"

typedef struct ImapSession ImapSession;

/* Any member but done may be NULL. */
typedef struct {
	/* An untagged response that may be this command's; TRUE takes it, FALSE leaves it to the
	 * next command in flight. */
	gboolean (*untagged)(const ImapResponse *response, gpointer data);
	/* It is told what others take too, and what it takes, which is progress of the session's,
	 * is told to others all the same. */
	gboolean overhears;
	/* @size message bytes of @uid from @origin on are about to stream; TRUE takes them. */
	gboolean (*literal)(guint32 uid, guint64 origin, guint64 size, gpointer data);
	void (*literal_data)(const guint8 *bytes, gsize length, gpointer data);
	void (*literal_end)(gpointer data);
	/* All that one read from the network brought has been handled. */
	void (*batch)(gpointer data);
	/* The server wants another line (RFC 3501 7.5), without its CRLF: the caller frees it. NULL
	 * and @error end the session; NULL alone: there is nothing to say yet. */
	char *(*continuation)(const char *text, gpointer data, GError **error);
	/* @tagged is the server's verdict, NULL if none came; @error is set unless that was OK. */
	void (*done)(const ImapResponse *tagged, const GError *error, gpointer data);
} ImapCommandHandler;

typedef struct {
	GString *bytes;
	GBytes *content;  /* instead of bytes, which is NULL then */
	gboolean literal; /* to be sent as {n} */
	gboolean binary;  /* to be sent as ~{n} */
	gboolean secret;  /* never logged */
} ImapCommandPart;

typedef struct {
	char tag[24];
	const char *name; /* "FETCH": for messages */
	const ImapCommandHandler *handler;
	gpointer data;
	gboolean open_ended; /* the server may take as long as it likes to end it: IDLE */
	gboolean once; /* if it gets lost once any of it was sent: IMAPFS_ERROR_UNKNOWN */
	GArray *parts; /* of ImapCommandPart */
	/* How far it has been sent. */
	guint n_parts_sent;
	gsize n_bytes_sent;   /* of the part behind these */
	gboolean announced;   /* that part, which is a literal */
	gboolean awaits_plus; /* and the server must ask for it */
	gboolean of_login;    /* sent before the session was ready */
} ImapCommand;

/* A command named @name (a literal of the program's) with a tag that cannot be guessed: a man in
 * the middle who could foretell tags could answer before the server (STARTTLS injection). */
ImapCommand *command_new(const char *name, const ImapCommandHandler *handler, gpointer data);
void command_free(ImapCommand *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapCommand, command_free)

/* Appends formatted text. No user's or server's string may be among the arguments. */
void command_text(ImapCommand *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Appends an astring (RFC 3501 9): quoted where that is safe, else a literal. */
void command_astring(ImapCommand *command, const char *bytes);

/* Appends a literal of any size, which is sent bit by bit and never copied whole. @binary: it holds
 * NUL bytes, for a server with BINARY (RFC 3516). */
void command_content(ImapCommand *command, GBytes *content, gboolean binary);

/* The bytes of a part. */
const char *command_part_data(const ImapCommandPart *part, gsize *length);

/* command_astring(), kept out of every log. */
void command_secret(ImapCommand *command, const char *bytes);

/* An atom of this program's making (base64), as it is, kept out of every log. */
void command_secret_word(ImapCommand *command, const char *word);

/* The command as a line for a log, without secrets. Caller frees. */
char *command_to_text(const ImapCommand *command);
