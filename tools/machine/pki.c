/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for machines and their clients. */
#include "tools/machine/pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/context.h"
#include "tools/report.h"

#define CA_DAYS 3650
#define SERIAL_BITS 127 /* RFC 5280 4.1.2.2: positive, at most 20 bytes; unguessable, CA/B 7.1 */
#define BACKDATE_S 300  /* clocks of hosts differ */

static char *path_in(const char *dir, const char *name, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s/%s%s", dir, name, suffix) < 0 ? NULL : path;
}

bool pki_has(const char *dir, const char *name)
{
	char *path = path_in(dir, name, "");
	const bool has = path && access(path, F_OK) == 0;

	free(path);
	return has;
}

static bool write_file(const char *path, const void *data, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;

	while (fd >= 0 && done < len) {
		const ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	const bool good = fd >= 0 && done == len && fsync(fd) == 0;
	const int error = errno;
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && !good)
		unlink(path);
	errno = error;
	return good;
}

enum status pki_write(const char *dir, const char *name, const void *data, size_t len)
{
	char *path = path_in(dir, name, "");
	enum status status = path ? ST_OK : fail_memory();

	if (path && !write_file(path, data, len))
		status = fail_errno(errno == EEXIST ? "Name another, or move that file away." : NULL, "making %s", path);
	free(path);
	return status;
}

static enum status write_bio(const char *dir, const char *name, const char *suffix, BIO *bio)
{
	char *file, *data;
	const long len = BIO_get_mem_data(bio, &data);

	if (asprintf(&file, "%s%s", name, suffix) < 0)
		return fail_memory();
	const enum status status = pki_write(dir, file, data, (size_t)len);
	free(file);
	return status;
}

/* -- certificates --------------------------------------------------------------- */

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	const bool good = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}

static bool set_serial(X509 *cert)
{
	BN_CTX *ctx = BN_CTX_new_ex(libcrypto_context());
	BIGNUM *serial = BN_new();
	const bool good = ctx && serial && BN_rand_ex(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY, 0, ctx) &&
	                  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));

	BN_free(serial);
	BN_CTX_free(ctx);
	return good;
}

static bool set_name(X509 *cert, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0);
}

bool pki_is_address(const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* "DNS:a.example,IP:10.0.0.7"; free(). */
static char *names_of(const struct pki_subject *subject)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; out && i < subject->nhosts; i++) {
		const char *host = subject->hosts[i];
		fprintf(out, "%s%s:%s", i ? "," : "", pki_is_address(host) ? "IP" : "DNS", host);
	}
	if (out && fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static bool add_purpose(X509 *cert, X509 *ca, const struct pki_subject *subject)
{
	char *names = subject->server ? names_of(subject) : NULL;
	const bool good = add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	                  add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
	                  add_extension(cert, ca, NID_ext_key_usage, subject->server ? "serverAuth,clientAuth" : "clientAuth") &&
	                  (!subject->server || (names && add_extension(cert, ca, NID_subject_alt_name, names)));

	free(names);
	return good;
}

static bool add_ca_purpose(X509 *cert)
{
	return add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
}

/* ca NULL: signs itself. */
static X509 *make_cert(EVP_PKEY *key, const char *name, unsigned long days, X509 *ca, EVP_PKEY *ca_key, const struct pki_subject *subject)
{
	X509 *cert = X509_new_ex(libcrypto_context(), NULL), *issuer = ca ? ca : cert;
	const bool good = cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) && set_name(cert, name) &&
	                  X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
	                  X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_S) &&
	                  X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) && X509_set_pubkey(cert, key) &&
	                  add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
	                  add_extension(cert, issuer, NID_authority_key_identifier, "keyid") &&
	                  (subject ? add_purpose(cert, issuer, subject) : add_ca_purpose(cert)) &&
	                  X509_sign(cert, ca ? ca_key : key, EVP_sha256()) > 0;

	if (good)
		return cert;
	X509_free(cert);
	return NULL;
}

/* NAME.key first: a certificate without its key is of no use to anybody. */
static enum status write_pair(const char *dir, const char *name, EVP_PKEY *key, X509 *cert)
{
	BIO *pem = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	enum status status = ST_OK;

	if (!pem || !secret || !PEM_write_bio_X509(pem, cert) || !PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL))
		status = fail(ST_UNAVAILABLE, NULL, "libcrypto cannot write the certificate of %s", name);
	if (status == ST_OK)
		status = write_bio(dir, name, ".key", secret);
	if (status == ST_OK)
		status = write_bio(dir, name, ".pem", pem);
	BIO_free(secret);
	BIO_free(pem);
	return status;
}

static EVP_PKEY *make_key(void)
{
	return EVP_PKEY_Q_keygen(libcrypto_context(), NULL, "EC", "P-256");
}

enum status pki_make_ca(const char *dir, bool *made)
{
	*made = !pki_has(dir, "ca.pem") && !pki_has(dir, "ca.key");
	if (!*made)
		return ST_OK;
	EVP_PKEY *key = make_key();
	X509 *cert = key ? make_cert(key, "hufu machines", CA_DAYS, NULL, NULL, NULL) : NULL;
	const enum status status = cert ? write_pair(dir, "ca", key, cert)
	                                : fail(ST_UNAVAILABLE, NULL, "libcrypto cannot make a certificate authority");
	X509_free(cert);
	EVP_PKEY_free(key);
	return status;
}

/* NULL: it is no certificate. */
static X509 *read_cert(FILE *file)
{
	X509 *cert = X509_new_ex(libcrypto_context(), NULL);

	if (cert && !PEM_read_X509(file, &cert, NULL, NULL)) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static FILE *open_pem(const char *dir, const char *name)
{
	char *path = path_in(dir, name, "");
	FILE *file = path ? fopen(path, "re") : NULL;

	free(path);
	return file;
}

static enum status read_ca(const char *dir, X509 **cert, EVP_PKEY **key)
{
	FILE *cert_file = open_pem(dir, "ca.pem"), *key_file = open_pem(dir, "ca.key");

	*cert = cert_file ? read_cert(cert_file) : NULL;
	*key = key_file ? PEM_read_PrivateKey_ex(key_file, NULL, NULL, NULL, libcrypto_context(), NULL) : NULL;
	if (cert_file)
		fclose(cert_file);
	if (key_file)
		fclose(key_file);
	if (*cert && *key && X509_check_private_key(*cert, *key))
		return ST_OK;
	return fail(ST_NOT_FOUND, "Make one with: hufu machine init DIR", "%s has no ca.pem and ca.key that belong together", dir);
}

enum status pki_issue(const char *dir, const struct pki_subject *subject)
{
	X509 *ca = NULL, *cert = NULL;
	EVP_PKEY *ca_key = NULL, *key = NULL;
	enum status status = read_ca(dir, &ca, &ca_key);

	if (status == ST_OK) {
		key = make_key();
		cert = key ? make_cert(key, subject->name, subject->days, ca, ca_key, subject) : NULL;
		status = cert ? write_pair(dir, subject->name, key, cert)
		              : fail(ST_UNAVAILABLE, "Look at the names given with --host.", "libcrypto cannot make the certificate of %s",
		                     subject->name);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	return status;
}
