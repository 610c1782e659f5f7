/*
 * parser-dump.h: what the parser makes of some bytes, as text that two runs can be compared by.
 *
 *     * 12 FETCH ( UID 5 BODY[] stream<hello> {5}~ )
 *
 * One line for each response: atoms as they are, strings in quotes, kept literals as {length}bytes,
 * streamed ones first as stream<bytes> and in the response as {length}~. Status responses show as
 * "name [code] <text>", an error as "error". How the bytes were cut into chunks does not show.
 */
#pragma once

#include "parser.h"

typedef void (*ParserDumpSee)(const ImapResponse *response);

/* Feeds @bytes in chunks of at most @chunk bytes: all of exactly that, or of random sizes if @rand
 * is given. Keeps header literals, streams the others. Calls @see, if given, for each response,
 * whole or as far as a literal. Caller frees. */
char *parser_dump(const char *bytes, gsize length, gsize chunk, GRand *rand, ParserDumpSee see);
