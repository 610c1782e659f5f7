/*
 * certificate.h: a certificate made for one test, and a file from which a client can trust it.
 */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>

typedef struct {
	EVP_PKEY *key;
	X509 *x509;
	char *file; /* PEM of the certificate: a ca_file */
} Certificate;

/* Signed by itself; @names is what a subjectAltName says, such as "IP:127.0.0.1,DNS:localhost". */
Certificate *certificate_new(const char *names);
void certificate_free(Certificate *certificate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Certificate, certificate_free)
