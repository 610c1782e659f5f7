/*
 * Certificates of one hour's life, each with a key of its own.
 */
#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

static X509 *
sign(EVP_PKEY *key, const char *names)
{
	X509 *x509 = X509_new();
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	g_assert_nonnull(extension);
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), (long)g_random_int_range(1, G_MAXINT32));
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
	                           (const guchar *)"scripted server", -1, -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(x509));
	X509_set_pubkey(x509, key);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
	g_assert_cmpint(X509_sign(x509, key, EVP_sha256()), >, 0);
	return x509;
}

static char *
write_pem(X509 *x509)
{
	char *file = NULL;
	int fd = g_file_open_tmp("imapfs-test-XXXXXX.pem", &file, NULL);
	FILE *stream;

	g_assert_cmpint(fd, >=, 0);
	stream = fdopen(fd, "w");
	g_assert_true(PEM_write_X509(stream, x509));
	fclose(stream);
	return file;
}

Certificate *
certificate_new(const char *names)
{
	Certificate *certificate = g_new0(Certificate, 1);

	certificate->key = EVP_EC_gen("P-256");
	g_assert_nonnull(certificate->key);
	certificate->x509 = sign(certificate->key, names);
	certificate->file = write_pem(certificate->x509);
	return certificate;
}

void
certificate_free(Certificate *certificate)
{
	unlink(certificate->file);
	g_free(certificate->file);
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	g_free(certificate);
}
