/*
 * response.c: response codes, what a refusal means, and server bytes made safe to print.
 */
#include "response.h"

#include "token.h"

#include <string.h>

#define MAX_PRINTABLE 200 /* characters */

gboolean
imap_response_has_code(const ImapResponse *response, const char *name, const char **argument)
{
	gsize length = strlen(name);
	const char *code = response->code;

	while (code && *code == ' ')
		code++;
	if (!code || g_ascii_strncasecmp(code, name, length) != 0)
		return FALSE;
	if (code[length] != ' ' && code[length] != '\0')
		return FALSE;
	code += length;
	while (*code == ' ')
		code++;
	if (argument)
		*argument = code;
	return TRUE;
}

/* RFC 5530, 3501, 3516, 4978, 5464, 6154, 9051. What a server says will pass is IMAPFS_ERROR_LIMIT.
 */
static const struct {
	const char *code;
	ImapfsError error;
} codes[] = {
	{"ALREADYEXISTS", IMAPFS_ERROR_EXISTS},
	{"AUTHENTICATIONFAILED", IMAPFS_ERROR_DENIED},
	{"AUTHORIZATIONFAILED", IMAPFS_ERROR_DENIED},
	{"BADCHARSET", IMAPFS_ERROR_UNSUPPORTED},
	{"CANNOT", IMAPFS_ERROR_DENIED},
	{"CONTACTADMIN", IMAPFS_ERROR_DENIED},
	{"EXPIRED", IMAPFS_ERROR_DENIED},
	{"EXPUNGEISSUED", IMAPFS_ERROR_STALE},
	{"HASCHILDREN", IMAPFS_ERROR_EXISTS},
	{"INUSE", IMAPFS_ERROR_LIMIT},
	{"LIMIT", IMAPFS_ERROR_LIMIT},
	{"METADATA MAXSIZE", IMAPFS_ERROR_TOO_BIG},
	{"METADATA NOPRIVATE", IMAPFS_ERROR_UNSUPPORTED},
	{"METADATA TOOMANY", IMAPFS_ERROR_LIMIT},
	{"NONEXISTENT", IMAPFS_ERROR_NOT_FOUND},
	{"NOPERM", IMAPFS_ERROR_DENIED},
	{"OVERQUOTA", IMAPFS_ERROR_QUOTA},
	{"PRIVACYREQUIRED", IMAPFS_ERROR_TLS},
	{"READ-ONLY", IMAPFS_ERROR_READ_ONLY},
	{"SERVERBUG", IMAPFS_ERROR_LIMIT},
	{"THROTTLED", IMAPFS_ERROR_LIMIT},
	{"TOOBIG", IMAPFS_ERROR_TOO_BIG},
	{"TRYCREATE", IMAPFS_ERROR_NOT_FOUND},
	{"UNAVAILABLE", IMAPFS_ERROR_LIMIT},
	{"UNKNOWN-CTE", IMAPFS_ERROR_UNSUPPORTED},
	{"USEATTR", IMAPFS_ERROR_UNSUPPORTED},
};

/* What servers say in words where no code tells: Gmail, Exchange, Cyrus, Courier, and servers
 * before RFC 5530. */
static const struct {
	const char *words;
	ImapfsError error;
} phrases[] = {
	{"[THROTTLED]", IMAPFS_ERROR_LIMIT},
	{"Too many simultaneous connections", IMAPFS_ERROR_LIMIT},
	{"authenticated but not connected", IMAPFS_ERROR_DENIED},
	{"already exists", IMAPFS_ERROR_EXISTS},
	{"Mailbox doesn't exist", IMAPFS_ERROR_NOT_FOUND},
	{"Mailbox does not exist", IMAPFS_ERROR_NOT_FOUND},
	{"No such mailbox", IMAPFS_ERROR_NOT_FOUND},
	{"Unknown mailbox", IMAPFS_ERROR_NOT_FOUND},
	{"[TRYCREATE]", IMAPFS_ERROR_NOT_FOUND},
	{"quota exceeded", IMAPFS_ERROR_QUOTA},
	{"over quota", IMAPFS_ERROR_QUOTA},
	{"exceeded your mail quota", IMAPFS_ERROR_QUOTA},
	{"message too large", IMAPFS_ERROR_TOO_BIG},
	{"message size exceeds", IMAPFS_ERROR_TOO_BIG},
	{"Permission denied", IMAPFS_ERROR_DENIED},
	{"Invalid mailbox name", IMAPFS_ERROR_USAGE},
	{"Invalid annotation entry", IMAPFS_ERROR_USAGE},
	{"Invalid annotation value", IMAPFS_ERROR_USAGE},
	{"Invalid ACL identifier", IMAPFS_ERROR_USAGE},
	{"right is not supported", IMAPFS_ERROR_USAGE},
};

static gboolean
has_words(const char *text, const char *words)
{
	gsize length = strlen(words);

	for (; *text; text++) {
		if (g_ascii_strncasecmp(text, words, length) == 0)
			return TRUE;
	}
	return FALSE;
}

/* BYE is about the connection: it may pass, but it refuses nothing. */
static gboolean
may_mean(gboolean is_bye, ImapfsError error)
{
	return !is_bye || error == IMAPFS_ERROR_LIMIT;
}

static ImapfsError
error_code(const ImapResponse *response)
{
	gboolean is_bye = strcmp(response->name, "BYE") == 0;

	for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
		if (imap_response_has_code(response, codes[i].code, NULL))
			return codes[i].error;
	}
	for (guint i = 0; response->text && i < G_N_ELEMENTS(phrases); i++) {
		if (may_mean(is_bye, phrases[i].error) &&
		    has_words(response->text, phrases[i].words))
			return phrases[i].error;
	}
	return is_bye ? IMAPFS_ERROR_OFFLINE : IMAPFS_ERROR_FAILED;
}

GError *
imap_response_to_error(const ImapResponse *response, const char *command)
{
	g_autofree char *name = imap_printable(response->name, -1);
	g_autofree char *text = imap_printable(response->text ? response->text : "", -1);
	ImapfsError code = error_code(response);

	if (!response->code)
		return g_error_new(IMAPFS_ERROR, code, "%s: %s %s", command, name, text);
	g_autofree char *printable = imap_printable(response->code, -1);
	return g_error_new(IMAPFS_ERROR, code, "%s: %s [%s] %s", command, name, printable, text);
}

gboolean
imap_is_printable(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);

	return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
	       type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *
imap_printable(const char *bytes, gssize length)
{
	GString *out = g_string_new(NULL);
	const char *end = bytes + (length < 0 ? strlen(bytes) : (gsize)length);
	guint n = 0;

	for (; bytes < end && n < MAX_PRINTABLE; n++) {
		gunichar c = *bytes == '\0' ? 0 : g_utf8_get_char_validated(bytes, end - bytes);
		if (c < G_MAXINT32 && imap_is_printable(c)) {
			g_string_append_unichar(out, c);
			bytes = g_utf8_next_char(bytes);
		} else {
			g_string_append_printf(out, "\\x%02x", (guchar)*bytes++);
			n += strlen("\\x00") - 1;
		}
	}
	if (bytes < end)
		g_string_append(out, "...");
	return g_string_free(out, FALSE);
}
