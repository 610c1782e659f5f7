/*
 * user.imap.flags: the flags and keywords of a message.
 *
 *     +\Seen -\Flagged      adds and takes away
 *     \Seen work            sets these and no others, as does removing the attribute (none)
 *
 * What makes several changes of the journal is judged as a whole before the first.
 */
#include <errno.h>
#include <string.h>

#include "imapfs/attributes.h"
#include "settle.h"
#include "xattr.h"

#define BLANKS " \t\n"

static const char signs[] = {'+', '-', '='};

void
xattr_get_flags(Request *request, const char *rest)
{
	char *flags = account_flags(request->fs->account, request->node);

	(void)rest;
	if (!flags) {
		request_reply_errno(request, ESTALE);
		return;
	}
	xattr_reply_text(request, flags);
	g_ref_string_release(flags);
}

static gboolean
has_sign(const char *word)
{
	return *word == '+' || *word == '-';
}

/* The words of @value that @sign is for, without it; a word without one is for '='; 0: all. */
static char *
words_for(const char *value, char sign)
{
	g_auto(GStrv) words = g_strsplit_set(value, BLANKS, -1);
	GString *text = g_string_new(NULL);

	for (char **word = words; *word; word++) {
		if (!**word || (sign && (has_sign(*word) ? **word : '=') != sign))
			continue;
		g_string_append_printf(text, "%s%s", text->len ? " " : "", *word + has_sign(*word));
	}
	return g_string_free(text, FALSE);
}

/* \\Recent nobody sets; Gmail has keywords with ']' in them. */
gboolean
xattr_is_flag(const char *word)
{
	if (g_ascii_strcasecmp(word, "\\Recent") == 0)
		return FALSE;
	word += *word == '\\';
	for (const char *at = word; *at; at++)
		if (*at <= ' ' || *at >= 0x7f || strchr("(){%*\"\\", *at))
			return FALSE;
	return *word != '\0';
}

/* Words with and without signs together mean nothing, nor does a sign without a word. */
static gboolean
is_sensible(const char *value)
{
	g_auto(GStrv) words = g_strsplit_set(value, BLANKS, -1);
	gboolean with = FALSE, without = FALSE;

	for (char **word = words; *word; word++) {
		if (!**word)
			continue;
		if (!xattr_is_flag(*word + has_sign(*word)))
			return FALSE;
		with |= has_sign(*word);
		without |= !has_sign(*word);
	}
	return !with || !without;
}

gboolean
xattr_flags_allowed(Request *request, const char *words)
{
	GError *error = NULL;

	if (request->changed || request->step ||
	    account_may_set_flags(request->fs->account, request->node, words, &error))
		return TRUE;
	request_reply_error(request, error);
	g_error_free(error);
	return FALSE;
}

gboolean
xattr_flags_changed(Request *request, char sign, const char *words)
{
	GError *error = NULL;

	if (!request->changed &&
	    !request_made(request,
	                  account_set_flags(request->fs->account, request->node, sign, words,
	                                    &request->change, &request->waiter, &error),
	                  &error))
		return FALSE;
	if (!request_settled(request))
		return FALSE;
	request->changed = FALSE;
	request->change = 0;
	return TRUE;
}

static void
change_flags(Request *request)
{
	g_autofree char *all = words_for(request->text, 0);

	if (!xattr_flags_allowed(request, all))
		return;
	for (; request->step < sizeof(signs); request->step++) {
		char sign = signs[request->step];
		g_autofree char *words = words_for(request->text, sign);

		if (*words && !xattr_flags_changed(request, sign, words))
			return;
	}
	request_reply_errno(request, 0);
}

void
xattr_set_flags(Request *request, const char *rest)
{
	(void)rest;
	if (!is_sensible(request->text))
		request_reply_errno(request, EINVAL);
	else if (request->text[strspn(request->text, BLANKS)])
		change_flags(request);
	else if (xattr_flags_changed(request, '=', ""))
		request_reply_errno(request, 0);
}
