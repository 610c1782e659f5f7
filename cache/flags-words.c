/*
 * Sets of flags, as strings.
 */
#include "flags-words.h"

#include <string.h>

static int
compare(gconstpointer a, gconstpointer b)
{
	return g_ascii_strcasecmp(*(char *const *)a, *(char *const *)b);
}

static gboolean
contains(const GPtrArray *set, const char *word, guint *index)
{
	for (guint i = 0; i < set->len; i++) {
		if (g_ascii_strcasecmp(set->pdata[i], word) != 0)
			continue;
		*index = i;
		return TRUE;
	}
	return FALSE;
}

static void
apply(GPtrArray *set, gboolean add, char **words)
{
	guint index = 0;

	for (; *words; words++) {
		gboolean there = **words && contains(set, *words, &index);

		if (**words && add && !there)
			g_ptr_array_add(set, *words);
		else if (!add && there)
			g_ptr_array_remove_index(set, index);
	}
}

char *
flags_words_apply(const char *flags, char sign, const char *words)
{
	g_auto(GStrv) old = g_strsplit(flags, " ", -1);
	g_auto(GStrv) changes = g_strsplit(words, " ", -1);
	g_autoptr(GPtrArray) set = g_ptr_array_new();

	if (sign != '=')
		apply(set, TRUE, old);
	apply(set, sign != '-', changes);
	g_ptr_array_sort(set, compare);
	g_ptr_array_add(set, NULL);
	return g_strjoinv(" ", (char **)set->pdata);
}

gboolean
flags_words_contain(const char *flags, const char *word)
{
	gsize length = strlen(word);

	for (const char *at = flags, *end; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, ' ');
		if ((gsize)(end - at) == length && g_ascii_strncasecmp(at, word, length) == 0)
			return TRUE;
	}
	return FALSE;
}
