/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests, made by libcrypto in a fresh directory: an authority,
 * and what it, or another, has signed. Errors end the program: nothing here is
 * under test.
 */
#ifndef TLS_UTIL_H
#define TLS_UTIL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct tls_ca {
	EVP_PKEY *key;
	X509 *cert;
	char dir[128];   /* the files of all it makes; tls_ca_free takes it away */
	char path[192];  /* its certificate */
	const char *kind;      /* of keys */
	long serial;
};

struct tls_ask {
	const char *file;      /* FILE.pem and FILE.key are made */
	const char *subject;   /* common name */
	const char *names;     /* subjectAltName as in openssl.cnf: "DNS:machine,IP:127.0.0.1"; NULL none */
	const char *usage;     /* extendedKeyUsage, or NULL */
	const char *key;       /* "P-256" (NULL: as the authority's), "RSA-2048", "ED25519", "SM2" */
	const char *key_usage; /* as in openssl.cnf, or NULL */
	long from_s, until_s;  /* from now; both 0: an hour ago to an hour from now */
};

struct tls_ca *tls_ca_new(const char *name);
struct tls_ca *tls_ca_new_sm2(const char *name);
void tls_ca_free(struct tls_ca *);
/* The certificate's serial number. */
long tls_make(struct tls_ca *, const struct tls_ask *);
/* A revocation list of these serial numbers, in DIR/FILE. */
void tls_revoke(struct tls_ca *, const char *file, const long *serials, size_t n, long until_s);
/* DIR/NAME.EXT; four of them are kept, in turn. */
const char *tls_path(const struct tls_ca *, const char *name, const char *ext);

#endif
