/*
 * file-name.h: what message names and mailbox names have in common.
 *
 * Text from servers and from strangers' mail made into parts of file names, and short hashes that
 * keep such names apart. Pure functions.
 */
#pragma once

#include <glib.h>

/* NAME_MAX on every file system that mail could be copied to, in bytes. */
#define FILE_NAME_MAX 255

/* The digits of file_name_hash(): lower case, without i, l, o and u, which look like others. */
#define FILE_NAME_HASH_DIGITS "0123456789abcdefghjkmnpqrstvwxyz"

/* Writes @n_characters (at most 32) of the SHA-256 of @bytes, and of @number unless it is 0, to
 * @out, five bits in each, without a final NUL. Names live in users' scripts and notes: what comes
 * out must never change. */
void file_name_hash(char *out, gsize n_characters, const void *bytes, gsize length, guint64 number);

/* Writes @text (@length bytes of anything) as one part of a file name to @out, at most @limit bytes
 * without a final NUL, and returns how many: 0 if nothing of it may stand in a name. Letters and
 * digits of any script stay, marks after them, and '_', '+' and '@'; everything else becomes '-',
 * of which there is never one at an end or two in a row. In NFC, cut between characters. */
gsize file_name_clean(char *out, gsize limit, const char *text, gsize length);

/* TRUE if @text, valid UTF-8, is certainly in NFC: it is of characters that neither change nor join
 * with any others. Of most text this is true, and a tenth of the work of composing it. */
gboolean file_name_is_composed(const char *text);
