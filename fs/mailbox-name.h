/*
 * mailbox-name.h: one component of a mailbox name as a file name.
 *
 * Servers allow names that no file can have: with '/' (where that is not the delimiter), '.', '..',
 * control characters, 255 bytes and more, bytes that are no UTF-8. These are escaped as %XX, and
 * '%' itself as %25, so that different names stay different and the way back is exact. Everything
 * else is shown as it is, in NFC. Pure functions.
 *
 * Escaped, in capitals, are: '%', '/', control and format characters (which hide or turn text
 * around: bidi, zero width), line and paragraph separators, the first '.' of ".", ".." and of our
 * own ".imapfs", every byte above 0x7f of a name that is not UTF-8 as a whole, a mark that would
 * stand on an escape, and the '~' of a name that would look like a cut one. Two components have
 * one file name only if they have one NFC (and so look the same), but for a broken 40-bit hash.
 */
#pragma once

#include <glib.h>

/* @component (one level of a mailbox name, UTF-8 if the name could be decoded, else the server's
 * own bytes) as a file name. Longer than 255 bytes: cut at a character, with '~' and eight
 * characters of a hash of the whole. Never empty ("%" stands for the empty name), "." or "..",
 * never with a '/'. Caller frees. */
char *mailbox_name_escape(const char *component);

/* The component that mailbox_name_escape() made @file_name from, or NULL if @file_name is not
 * something that it makes: a bad or needless %XX, a cut name, which does not lead back, or text
 * that is not in NFC. A component that was not in NFC comes back in NFC: the server's own bytes
 * for a mailbox that exists are to be looked up, not made from its file name. Caller frees. */
char *mailbox_name_unescape(const char *file_name);
