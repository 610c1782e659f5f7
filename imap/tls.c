/*
 * TLS as this program uses it: one context per account, and for each connection a check of the
 * server's name that cannot be forgotten, because the connection is only made together with it.
 */
#include "tls.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

static char *
openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return g_strdup(reason ? reason : "no reason given");
}

SSL_CTX *
tls_context_new(const char *ca_file, GError **error)
{
	SSL_CTX *context;
	gboolean trusted;

	if (ca_file && access(ca_file, R_OK) != 0) { /* OpenSSL would only say "system lib" */
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		            "cannot load certificates from %s: %s", ca_file, g_strerror(errno));
		return NULL;
	}
	context = SSL_CTX_new(TLS_client_method());
	ERR_clear_error();
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                  SSL_MODE_RELEASE_BUFFERS);
	/* One read(2) a record. Not with a larger buffer: OpenSSL moves what is left in it to its
	 * beginning for each record. */
	SSL_CTX_set_read_ahead(context, 1);
	trusted = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
	                  : SSL_CTX_set_default_verify_paths(context);
	if (!trusted) {
		g_autofree char *reason = openssl_reason();

		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		            "cannot load certificates from %s: %s",
		            ca_file ? ca_file : "the system's store", reason);
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

/* An address is checked against the certificate's addresses and sent as no SNI (RFC 6066 3). */
static gboolean
expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);

	if (g_hostname_is_ip_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *
tls_connection_new(SSL_CTX *context, const char *host, GError **error)
{
	SSL *ssl = SSL_new(context);

	/* An empty name would mean to OpenSSL that no name is checked. */
	if (!*host || !expect_host(ssl, host)) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		            "cannot check a certificate for \"%s\"", host);
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

GError *
tls_handshake_error(SSL *ssl, const char *host)
{
	long verdict = SSL_get_verify_result(ssl);
	g_autofree char *reason = openssl_reason();

	if (verdict != X509_V_OK)
		return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_TLS,
		                   "the certificate of %s cannot be trusted: %s", host,
		                   X509_verify_cert_error_string(verdict));
	return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_TLS, "no TLS connection to %s: %s", host,
	                   reason);
}
