/*
 * Flags of what is being written.
 *
 * A new file is sent with those that were given to it and, unless these were said to be all, with
 * those of the message in whose place it is put (editors save so), or those that suit the mailbox.
 * What that does not keep is left out: one refused flag would cost the others, too. So is \Deleted,
 * which nobody wants of what has just been put there, and without UIDPLUS would hide it.
 *
 * A new version of a message has the flags of that.
 */
#include "draft.h"

#include "flags-words.h"
#include "rights.h"

char *
draft_kept_flags(const Mailbox *to, const char *words)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);
	GString *kept = g_string_new(NULL);

	for (char **word = list; *word; word++)
		if (**word && g_ascii_strcasecmp(*word, "\\Deleted") != 0 &&
		    rights_allow_flags(to, *word, NULL))
			g_string_append_printf(kept, "%s%s", kept->len ? " " : "", *word);
	return g_string_free(kept, FALSE);
}

gboolean
draft_change_flags(Draft *draft, char sign, const char *words, GError **error)
{
	const char *present = draft->local.message.flags;
	g_autofree char *flags = flags_words_apply(present, sign, words);

	if (draft->copied && !g_str_equal(flags, present)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_UNSUPPORTED,
		            "a copy has the flags of its original");
		return FALSE;
	}
	draft->flags_set |= sign == '=';
	local_set_flags(&draft->local, flags);
	return TRUE;
}

static const char *
suitable_flags(const Mailbox *to)
{
	if (to->special_use & REMOTE_USE_DRAFTS)
		return "\\Draft \\Seen";
	return to->special_use & REMOTE_USE_SENT ? "\\Seen" : "";
}

void
draft_settle_flags(Draft *draft, const Mailbox *to, const char *replaced)
{
	const char *others = replaced ? replaced : suitable_flags(to);
	g_autofree char *flags = NULL, *kept = NULL;

	if (!draft->made || draft->copied)
		return;
	flags = flags_words_apply(draft->flags_set ? "" : others, '+', draft->local.message.flags);
	kept = draft_kept_flags(to, flags);
	local_set_flags(&draft->local, kept);
}
