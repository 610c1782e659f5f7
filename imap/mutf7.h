/*
 * mutf7.h: modified UTF-7, the encoding of mailbox names (RFC 3501 5.1.3).
 */
#pragma once

#include <glib.h>

/* UTF-8 of @name; NULL if @name is no modified UTF-7, or does not come out the same when encoded
 * again (so that what is shown always leads back to the server's own bytes). Caller frees. */
char *mutf7_decode(const char *name);

/* Modified UTF-7 of valid UTF-8 @text. Caller frees. */
char *mutf7_encode(const char *text);
