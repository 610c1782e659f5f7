/*
 * user.imap.keyword.NAME: each keyword that is set, with the value 1; and user.xdg.tags, where file
 * managers keep their tags: all keywords but those of the system (which begin with $), with commas
 * between.
 *
 * A keyword that is set with XATTR_CREATE is claimed: the server itself says whether somebody else
 * has it, and the caller waits for that. Everything else goes through the journal.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "imapfs/attributes.h"
#include "settle.h"
#include "xattr.h"

static gboolean
is_keyword(const char *word)
{
	return *word != '\\' && xattr_is_flag(word);
}

static gboolean
is_tag(const char *word)
{
	return is_keyword(word) && *word != '$' && !strchr(word, ',');
}

/* --- each by itself --- */

static gboolean
has_keyword(Request *request, const char *keyword)
{
	char *flags = account_flags(request->fs->account, request->node);
	gboolean has = flags && flags_have(flags, keyword);

	if (flags)
		g_ref_string_release(flags);
	return has;
}

void
xattr_get_keyword(Request *request, const char *rest)
{
	xattr_reply_text_or_none(request, has_keyword(request, rest) ? "1" : NULL, FALSE);
}

gboolean
xattr_list_keywords(Request *request, GString *names)
{
	char *flags = account_flags(request->fs->account, request->node);
	g_auto(GStrv) words = g_strsplit(flags ? flags : "", " ", -1);

	for (char **word = words; *word; word++)
		if (is_keyword(*word))
			xattr_list_add(names, XATTR_KEYWORD, *word);
	if (flags)
		g_ref_string_release(flags);
	return TRUE;
}

static void
claim_keyword(Request *request, const char *keyword)
{
	GError *error = NULL;

	if (!request->errand &&
	    !request_go_on(request,
	                   account_claim(request->fs->account, request->node, keyword,
	                                 &request->errand, &request->waiter, &error),
	                   &error))
		return;
	request_reply_when_done(request);
}

static void
change_keyword(Request *request, const char *keyword)
{
	gboolean needed = request->removes || request->flags & XATTR_REPLACE;

	if (needed && !request->changed && !has_keyword(request, keyword))
		request_reply_errno(request, ENODATA);
	else if (xattr_flags_changed(request, request->removes ? '-' : '+', keyword))
		request_reply_errno(request, 0);
}

void
xattr_set_keyword(Request *request, const char *rest)
{
	if (!is_keyword(rest) || (*request->text && !g_str_equal(request->text, "1")))
		request_reply_errno(request, EINVAL);
	else if (request->flags & XATTR_CREATE)
		claim_keyword(request, rest);
	else
		change_keyword(request, rest);
}

/* --- tags --- */

/* Those of @words that are tags and are not @without, each but for the first behind @separator. */
static char *
tags_among(char **words, const char *without, const char *separator)
{
	GString *text = g_string_new(NULL);

	for (; *words; words++) {
		if (!is_tag(*words) || flags_have(without, *words))
			continue;
		g_string_append_printf(text, "%s%s", text->len ? separator : "", *words);
	}
	return g_string_free(text, FALSE);
}

static char *
tags_of(Request *request)
{
	char *flags = account_flags(request->fs->account, request->node);
	g_auto(GStrv) words = g_strsplit(flags ? flags : "", " ", -1);

	if (flags)
		g_ref_string_release(flags);
	return tags_among(words, "", ",");
}

void
xattr_get_tags(Request *request, const char *rest)
{
	g_autofree char *tags = tags_of(request);

	(void)rest;
	xattr_reply_text_or_none(request, tags, TRUE);
}

gboolean
xattr_list_tags(Request *request, GString *names)
{
	g_autofree char *tags = tags_of(request);

	if (*tags)
		xattr_list_add(names, XATTR_TAGS, "");
	return TRUE;
}

/* The words of a list with commas between. FALSE: one of them cannot be a keyword. */
static gboolean
parse_tags(const char *text, char ***words)
{
	gboolean good = TRUE;

	*words = g_strsplit(text, ",", -1);
	for (char **word = *words; *word; word++) {
		g_strstrip(*word);
		good = good && (!**word || is_tag(*word));
	}
	return good;
}

/* What is to go ('-') or to come ('+'); tags that stay are not touched. */
static char *
difference(Request *request, char **wanted, char sign)
{
	g_autofree char *present = tags_of(request);
	g_auto(GStrv) present_words = g_strsplit(present, ",", -1);
	g_autofree char *all = g_strjoinv(" ", wanted);
	g_autofree char *all_present = g_strjoinv(" ", present_words);

	return sign == '+' ? tags_among(wanted, all_present, " ")
	                   : tags_among(present_words, all, " ");
}

static gboolean
tags_are_allowed(Request *request, char **wanted)
{
	g_autofree char *added = difference(request, wanted, '+');
	g_autofree char *removed = difference(request, wanted, '-');
	g_autofree char *all = g_strdup_printf("%s %s", added, removed);

	return (!*added && !*removed) || xattr_flags_allowed(request, all);
}

/* New ones first: should the server refuse them later, the old ones may yet be there. */
static void
change_tags(Request *request, char **wanted)
{
	static const char signs[] = {'+', '-'};

	if (!tags_are_allowed(request, wanted))
		return;
	for (; request->step < sizeof(signs); request->step++) {
		char sign = signs[request->step];
		g_autofree char *words = difference(request, wanted, sign);

		if ((*words || request->changed) && !xattr_flags_changed(request, sign, words))
			return;
	}
	request_reply_errno(request, 0);
}

void
xattr_set_tags(Request *request, const char *rest)
{
	g_autofree char *present = tags_of(request);
	g_auto(GStrv) wanted = NULL;
	gboolean begun = request->changed || request->step;

	(void)rest;
	if (!parse_tags(request->text, &wanted))
		request_reply_errno(request, EINVAL);
	else if (!begun && request->flags & XATTR_CREATE && *present)
		request_reply_errno(request, EEXIST);
	else if (!begun && (request->flags & XATTR_REPLACE || request->removes) && !*present)
		request_reply_errno(request, ENODATA);
	else
		change_tags(request, wanted);
}
