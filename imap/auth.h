/*
 * auth.h: SASL for AUTHENTICATE (RFC 3501 6.2.2, RFC 4422), by GNU SASL.
 */
#pragma once

#include "session.h"

typedef struct ImapAuth ImapAuth;

/* Chooses a mechanism among those that @session's server offers, for @settings' user and password;
 * NULL if there is none (LOGIN is then the way). */
ImapAuth *auth_new(const ImapSettings *settings, const ImapSession *session);
void auth_free(ImapAuth *auth);

const char *auth_mechanism(const ImapAuth *auth);

/* Whether the client speaks first, so that SASL-IR saves a round trip. */
gboolean auth_client_first(const ImapAuth *auth);

/* The answer to @challenge (both base64, "" for nothing). NULL and IMAPFS_ERROR_PROTOCOL where the
 * challenge is nonsense, or the server cannot prove that it knows the password. Caller wipes and
 * frees. */
char *auth_step(ImapAuth *auth, const char *challenge, GError **error);

/* Whether the mechanism came to its end, on the server's side too (SCRAM); else FALSE and _DENIED.
 */
gboolean auth_finished(const ImapAuth *auth, GError **error);
