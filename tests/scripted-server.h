/*
 * scripted-server.h: a server on loopback that does what a test says, in the test's own main loop.
 *
 * A script is a list of steps, and each connection follows one, in the order in which they are
 * accepted:
 *
 *     "C: a NOOP"      waits for a line: one letter that names its tag, and a pattern (with * and
 * ?) for the rest "c: pattern"     waits for a line without a tag "S: $a OK"       sends a line; $a
 * is the tag of line a "s: bytes"       the same without CRLF "L: 7 100"       sends a literal,
 * "{100}" and bytes 7 to 106 of the sample message "L: 7 100 50"    announces as much but sends
 * only 50 bytes "X"              hands the next line to the server's hook and sends what that
 * returns "TLS"            turns to TLS "NOTLS"          begins TLS and waits for the client to
 * give up "WAIT 100"       sends nothing for so many milliseconds "GATE a"         waits until the
 * test opens gate a "TRICKLE 50 ..." sends this line every 50 milliseconds, till the client goes
 *     "DEFLATE"        turns to COMPRESS=DEFLATE; "DEFLATED END" ends the stream of deflated bytes
 *     "r: 00ff7e"      sends bytes, in hexadecimal, that are not deflated
 *     "MANY 1000 text" sends the text so often, without any CRLF
 *     "B: 1000"        waits for so many bytes, whatever they are
 *     "STALL 100"      does not even read, for so many milliseconds
 *     "HANG"           reads and says nothing, till the client goes
 *     "EOF"            waits for the client to go; it may say LOGOUT
 *     "DROP", "RESET"  ends the connection, the latter with RST
 *
 * What does not fit the script ends the test, with the script's name and both lines. Behind the
 * last step the client may say LOGOUT and go, or stay in silence.
 */
#pragma once

#include <glib.h>

#include "certificate.h"

#define SCRIPT(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct ScriptedServer ScriptedServer;

/* @label names the test in messages. Listens at once; @certificate may be NULL where there is no
 * TLS. */
ScriptedServer *scripted_server_new(const char *label, const Certificate *certificate);

/* Closes everything. Scripts that were not followed to their end, in five seconds, end the test. */
void scripted_server_free(ScriptedServer *server);

/* The script (not copied) for the next connection that has none yet. */
void scripted_server_add(ScriptedServer *server, const char *const *script);

/* To be called before the first connection: the newest TLS version; at most so many bytes in one
 * write, each in a turn of the loop of its own; what answers lines at "X". */
void scripted_server_limit_tls(ScriptedServer *server, int version);
void scripted_server_split(ScriptedServer *server, gsize n_bytes);

/* From the next connection on: a small piece waits until the one before is acknowledged. */
void scripted_server_nagle(ScriptedServer *server);
void scripted_server_hook(ScriptedServer *server, char *(*hook)(const char *line, gpointer data),
                          gpointer data);

void scripted_server_open_gate(ScriptedServer *server, char gate);

/* From now on connections are refused, and accepted again. */
void scripted_server_stop(ScriptedServer *server);
void scripted_server_listen(ScriptedServer *server);

guint16 scripted_server_port(const ScriptedServer *server);
guint scripted_server_n_accepted(const ScriptedServer *server);
guint scripted_server_n_open(const ScriptedServer *server);

/* Whether every script has been followed to its end. */
gboolean scripted_server_is_done(const ScriptedServer *server);

/* Byte @offset of the sample message, which begins with an 'A'. */
static inline guint8
sample_byte(guint64 offset)
{
	return (guint8)('A' + offset * 31 + (offset >> 8) + (offset >> 16) * 7);
}

/* One turn of the main loop. Ends the test once @deadline_us, 0 before the first call, has passed:
 * ten seconds after that. */
void test_turn(const char *label, gint64 *deadline_us);

#define WAIT_UNTIL(label, condition)                                                               \
	do {                                                                                       \
		gint64 wait_deadline_us = 0;                                                       \
		while (!(condition))                                                               \
			test_turn((label), &wait_deadline_us);                                     \
	} while (0)

/* Turns of the main loop for so long. */
void test_linger(guint milliseconds);
