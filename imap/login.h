/*
 * login.h: from the greeting to a session that is logged in.
 */
#pragma once

#include "session.h"

/* The server's greeting has come (RFC 3501 7.1: OK, or PREAUTH if @preauth). Leads to
 * session_logged_in() or session_fail(). Errors: IMAPFS_ERROR_TLS where the settings demand TLS
 * that cannot be had, _DENIED for a refused password, _LIMIT for too many connections, _UNSUPPORTED
 * when no way to log in is offered. */
void login_begin(ImapSession *session, gboolean preauth);

/* TLS stands after STARTTLS. */
void login_tls_ready(ImapSession *session);
