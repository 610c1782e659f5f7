/*
 * header.h: the fields of a message's header, as bytes inside it, and GMime for what they mean.
 */
#pragma once

#include <gmime/gmime.h>

/* Bytes inside the header, not ours. */
typedef struct {
	const char *bytes;
	gsize length;
} Span;

/* To be called once before any other: sets up GMime. */
void header_init(void);

/* How GMime is to read what no standard allows. */
GMimeParserOptions *header_options(void);

/* The values of the first field of each name in @header, into @fields, which are cleared before; of
 * one that is not there, bytes is NULL. */
void header_find(const char *const *names, guint n_names, Span *fields, const char *header,
                 gsize length);

/* What GMime is given of a value: encoded words of one letter each still fill a name with this, and
 * its parser of addresses, which calls itself for every group inside a group, gets not too deep. */
#define HEADER_VALUE_MAX 4096

/* The start of @value as a string, unfolded, for GMime; the other of at most @limit bytes, which is
 * not for that parser. Caller frees. */
char *header_value(Span value);
char *header_value_until(Span value, gsize limit);

Span span_trim(const char *start, const char *end);

/* TRUE if there is nothing to decode in @value. */
gboolean span_is_plain(Span value);

/* TRUE for a byte of UTF-8 that begins no character. */
gboolean header_is_continuation(char byte);
