/*
 * tls.h: what imapfs trusts (RFC 8314, RFC 7817).
 */
#pragma once

#include <openssl/ssl.h>

#include "imapfs/error.h"

/* A client context: TLS 1.2 or later, peers verified against @ca_file or the system's store.
 * IMAPFS_ERROR_TLS if that cannot be loaded. SSL_CTX_free() it. */
SSL_CTX *tls_context_new(const char *ca_file, GError **error);

/* A connection that accepts only a certificate for @host (a name or an address). NULL and
 * IMAPFS_ERROR_TLS if no check could be set up. SSL_free() it. */
SSL *tls_connection_new(SSL_CTX *context, const char *host, GError **error);

/* Why the handshake of @ssl failed: the certificate's fault if it was one, else OpenSSL's reason.
 */
GError *tls_handshake_error(SSL *ssl, const char *host);
