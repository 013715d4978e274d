/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and CRLs in files, and what certificates say. */
#include "tools/cert/certs.h"
#include "base/secret.h"
#include "crypto/context.h"
#include "tools/cert/armor.h"
#include "tools/io.h"
#include "tools/mechanism.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum status sm2_id_get(const struct args *args, struct sm2_id *id)
{
	if (arg_has(args, "sm2-id"))
		return bytes_option(args, "sm2-id", false, id->bytes, sizeof id->bytes, &id->len);
	id->len = strlen(SM2_DEFAULT_ID);
	memcpy(id->bytes, SM2_DEFAULT_ID, id->len);
	return ST_OK;
}

static ASN1_OCTET_STRING *octets_of(const struct sm2_id *id)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();

	if (octets && ASN1_OCTET_STRING_set(octets, id->bytes, (int)id->len))
		return octets;
	ASN1_OCTET_STRING_free(octets);
	return NULL;
}

/* libcrypto fails at other signatures that have one. */
bool cert_set_sm2_id(X509 *cert, const struct sm2_id *id)
{
	if (X509_get_signature_nid(cert) != NID_SM2_with_SM3)
		return true;
	ASN1_OCTET_STRING *octets = octets_of(id);
	if (octets)
		X509_set0_distinguishing_id(cert, octets); /* transferred */
	return octets != NULL;
}

bool request_set_sm2_id(X509_REQ *req, const struct sm2_id *id)
{
	if (X509_REQ_get_signature_nid(req) != NID_SM2_with_SM3)
		return true;
	ASN1_OCTET_STRING *octets = octets_of(id);
	if (octets)
		X509_REQ_set0_distinguishing_id(req, octets); /* transferred */
	return octets != NULL;
}

/* -- files ------------------------------------------------------------------------------- */

X509 *cert_of_der(const unsigned char *der, size_t len)
{
	X509 *cert = X509_new_ex(libcrypto_context(), NULL);
	const unsigned char *p = der;

	if (cert && (!d2i_X509(&cert, &p, (long)len) || p != der + len)) {
		X509_free(cert); /* NULL after a failure of d2i_X509 */
		cert = NULL;
	}
	return cert;
}

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

/* Keys may stand beside certificates in a file; they are passed over. */
static bool read_pem(const unsigned char *file, size_t len, STACK_OF(X509) *certs, STACK_OF(X509_CRL) *crls)
{
	BIO *bio = BIO_new_mem_buf(file, (int)len);
	STACK_OF(X509_INFO) *all = NULL;

	if (bio)
		all = PEM_X509_INFO_read_bio_ex(bio, NULL, no_passphrase, NULL, libcrypto_context(), NULL);
	bool good = all != NULL;

	for (int i = 0; i < sk_X509_INFO_num(all); i++) {
		X509_INFO *info = sk_X509_INFO_value(all, i);
		if (info->x509)
			good &= sk_X509_push(certs, info->x509) > 0;
		if (info->crl)
			good &= sk_X509_CRL_push(crls, info->crl) > 0;
		info->x509 = NULL; /* transferred */
		info->crl = NULL;
	}
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(bio);
	return good;
}

static bool push_der(STACK_OF(X509) *certs, const unsigned char *der, size_t len)
{
	X509 *cert = cert_of_der(der, len);

	if (cert && sk_X509_push(certs, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

/* A copy of each in our own context: what PKCS7 holds may be of another. */
static bool read_pkcs7(const unsigned char *der, size_t len, STACK_OF(X509) *certs)
{
	const unsigned char *p = der;
	PKCS7 *bag = d2i_PKCS7(NULL, &p, (long)len);
	const STACK_OF(X509) *inside = bag && PKCS7_type_is_signed(bag) && bag->d.sign ? bag->d.sign->cert : NULL;
	bool good = inside && p == der + len;

	for (int i = 0; good && i < sk_X509_num(inside); i++) {
		unsigned char *copy = NULL;
		int n = i2d_X509(sk_X509_value(inside, i), &copy);
		good = n > 0 && push_der(certs, copy, (size_t)n);
		OPENSSL_free(copy);
	}
	PKCS7_free(bag);
	return good;
}

static bool read_der(const unsigned char *der, size_t len, STACK_OF(X509) *certs, STACK_OF(X509_CRL) *crls)
{
	const unsigned char *p = der;
	X509_CRL *crl;

	if (push_der(certs, der, len) || read_pkcs7(der, len, certs))
		return true;
	crl = d2i_X509_CRL(NULL, &p, (long)len);
	if (crl && p == der + len && sk_X509_CRL_push(crls, crl) > 0)
		return true;
	X509_CRL_free(crl);
	return false;
}

static bool read_any(const unsigned char *file, size_t len, STACK_OF(X509) *certs, STACK_OF(X509_CRL) *crls)
{
	size_t der_len;
	unsigned char *der;

	if (!certs || !crls)
		return false;
	if (memmem(file, len, "-----BEGIN ", 11) && !memmem(file, len, "-----BEGIN PKCS7-----", 21))
		return read_pem(file, len, certs, crls);
	der = armor_decode(file, len, &der_len);
	bool good = der && read_der(der, der_len, certs, crls);
	free(der);
	return good;
}

static enum status read_file(const char *path, STACK_OF(X509) *certs, STACK_OF(X509_CRL) *crls)
{
	unsigned char *file;
	size_t len;
	enum status status = input_all(path, CERTS_FILE_MAX, &file, &len);

	if (status)
		return status;
	ERR_clear_error();
	if (!read_any(file, len, certs, crls))
		status = fail(ST_USAGE, "It must be PEM, DER, base64 or PKCS#7 (.p7b).",
		              "%s holds nothing of X.509 that can be read: %s", path, libcrypto_error());
	ERR_clear_error();
	secret_free(file);
	return status;
}

enum status certs_read(const char *path, STACK_OF(X509) *certs)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	int before = sk_X509_num(certs);
	enum status status = read_file(path, certs, crls);

	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	if (status == ST_OK && sk_X509_num(certs) == before)
		status = fail(ST_USAGE, "It must be PEM, DER, base64 or PKCS#7 (.p7b).", "%s holds no certificate", path);
	return status;
}

enum status crls_read(const char *path, STACK_OF(X509_CRL) *crls)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int before = sk_X509_CRL_num(crls);
	enum status status = read_file(path, certs, crls);

	sk_X509_pop_free(certs, X509_free);
	if (status == ST_OK && sk_X509_CRL_num(crls) == before)
		status = fail(ST_USAGE, "It must be PEM, DER or base64.", "%s holds no certificate revocation list", path);
	return status;
}

unsigned char *certs_write(const STACK_OF(X509) *certs, bool der, size_t *len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio != NULL;
	char *data;

	for (int i = 0; good && i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);
		good = der ? i2d_X509_bio(bio, cert) : PEM_write_bio_X509(bio, cert);
	}
	*len = good ? (size_t)BIO_get_mem_data(bio, &data) : 0;
	unsigned char *out = good ? OPENSSL_memdup(data, *len) : NULL;
	BIO_free(bio);
	return out;
}

/* -- what they say ----------------------------------------------------------------------- */

char *name_text(const X509_NAME *name)
{
	static const unsigned long form = (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT;
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out = NULL;

	if (bio && X509_NAME_print_ex(bio, name, 0, form) >= 0) {
		long len = BIO_get_mem_data(bio, &data);
		out = strndup(len > 0 ? data : "", (size_t)len);
	}
	BIO_free(bio);
	return out;
}

char *serial_text(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

	return hex_string(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

char *time_text(const ASN1_TIME *time)
{
	struct tm tm;
	char out[32];

	if (!ASN1_TIME_to_tm(time, &tm) || !strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return strdup("?");
	return strdup(out);
}

int days_left(const X509 *cert)
{
	int days = 0, seconds = 0;

	if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		return -1; /* a time that cannot be read is no good one */
	return days - (seconds < 0);
}

bool is_self_issued(const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}
