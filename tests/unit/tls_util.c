/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_util.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NEED(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); abort(); } } while (0)

const char *tls_path(const struct tls_ca *ca, const char *name, const char *ext)
{
	static char paths[16][256];
	static unsigned turn;
	char *path = paths[turn++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s.%s", ca->dir, name, ext);
	return path;
}

static EVP_PKEY *make_key(const char *kind)
{
	EVP_PKEY *key;

	if (kind && strncmp(kind, "RSA-", 4) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(kind + 4));
	else if (kind && strcmp(kind, "ED25519") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (kind && strcmp(kind, "SM2") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	NEED(key);
	return key;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	NEED(ext && X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

static X509 *begin(EVP_PKEY *key, const char *subject, long serial, long from_s, long until_s)
{
	X509 *cert = X509_new();

	NEED(cert && X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) && X509_set_pubkey(cert, key));
	NEED(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1, -1, 0));
	NEED(X509_gmtime_adj(X509_getm_notBefore(cert), from_s) && X509_gmtime_adj(X509_getm_notAfter(cert), until_s));
	return cert;
}

static FILE *create(const char *path, mode_t mode)
{
	FILE *f = fopen(path, "we");

	NEED(f && fchmod(fileno(f), mode) == 0);
	return f;
}

static void write_cert(X509 *cert, const char *path)
{
	FILE *f = create(path, 0644);

	NEED(PEM_write_X509(f, cert));
	NEED(fclose(f) == 0);
}

static const EVP_MD *hash_of(const struct tls_ca *ca)
{
	return strcmp(ca->kind, "SM2") == 0 ? EVP_sm3() : EVP_sha256();
}

static struct tls_ca *ca_new(const char *name, const char *kind)
{
	struct tls_ca *ca = calloc(1, sizeof(*ca));
	const char *tmp = getenv("TMPDIR");

	NEED(ca);
	snprintf(ca->dir, sizeof(ca->dir), "%s/hufu-tls.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(ca->dir));
	ca->serial = 1;
	ca->kind = kind;
	ca->key = make_key(kind);
	ca->cert = begin(ca->key, name, ca->serial, -7200, 86400);
	NEED(X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)));
	extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	NEED(X509_sign(ca->cert, ca->key, hash_of(ca)));
	snprintf(ca->path, sizeof(ca->path), "%s/ca.pem", ca->dir);
	write_cert(ca->cert, ca->path);
	return ca;
}

struct tls_ca *tls_ca_new(const char *name)
{
	return ca_new(name, "P-256");
}

struct tls_ca *tls_ca_new_sm2(const char *name)
{
	return ca_new(name, "SM2");
}

void tls_ca_free(struct tls_ca *ca)
{
	DIR *dir = opendir(ca->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(ca->dir);
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca);
}

long tls_make(struct tls_ca *ca, const struct tls_ask *ask)
{
	EVP_PKEY *key = make_key(ask->key ? ask->key : ca->kind);
	const bool usual = ask->from_s == 0 && ask->until_s == 0;
	X509 *cert = begin(key, ask->subject, ++ca->serial, usual ? -3600 : ask->from_s, usual ? 3600 : ask->until_s);

	NEED(X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)));
	extend(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	extend(cert, ca->cert, NID_authority_key_identifier, "keyid:always");
	if (ask->names)
		extend(cert, ca->cert, NID_subject_alt_name, ask->names);
	if (ask->usage)
		extend(cert, ca->cert, NID_ext_key_usage, ask->usage);
	if (ask->key_usage)
		extend(cert, ca->cert, NID_key_usage, ask->key_usage);
	NEED(X509_sign(cert, ca->key, hash_of(ca)));
	write_cert(cert, tls_path(ca, ask->file, "pem"));
	FILE *f = create(tls_path(ca, ask->file, "key"), 0600);
	NEED(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	NEED(fclose(f) == 0);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ca->serial;
}

void tls_revoke(struct tls_ca *ca, const char *file, const long *serials, size_t n, long until_s)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -7200), *until = X509_gmtime_adj(NULL, until_s);

	NEED(crl && X509_CRL_set_version(crl, 1) && X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)));
	NEED(X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, until));
	for (size_t i = 0; i < n; i++) {
		X509_REVOKED *revoked = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();
		NEED(revoked && serial && ASN1_INTEGER_set(serial, serials[i]) && X509_REVOKED_set_serialNumber(revoked, serial));
		NEED(X509_REVOKED_set_revocationDate(revoked, from) && X509_CRL_add0_revoked(crl, revoked));
		ASN1_INTEGER_free(serial);
	}
	NEED(X509_CRL_sign(crl, ca->key, hash_of(ca)));
	FILE *f = create(tls_path(ca, file, "crl"), 0644);
	NEED(PEM_write_X509_CRL(f, crl));
	NEED(fclose(f) == 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(crl);
}
