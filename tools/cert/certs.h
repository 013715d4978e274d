/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates: of files, of tokens, and what they say. All by libcrypto, in our own context of it. */
#ifndef CERTS_H
#define CERTS_H

#include "tools/object.h"

#include <openssl/x509.h>

#define CERTS_FILE_MAX ((size_t)4 << 20)

/* GM/T 0009-2012 section 10: the distinguishing identifier of a signer who states none; at most 8191 bytes (its bits fill 16). */
#define SM2_DEFAULT_ID "1234567812345678"
struct sm2_id {
	unsigned char bytes[8191];
	size_t len;
};
#define OPT_SM2_ID {"sm2-id", 0, "ID", "SM2: the signer's identifier, text or hex:...; default " SM2_DEFAULT_ID}
/* --sm2-id, or the default. */
enum status sm2_id_get(const struct args *, struct sm2_id *) MUST_USE;
/* Its signature, if it is one of SM2, is of this signer. False: out of memory. */
bool cert_set_sm2_id(X509 *, const struct sm2_id *);
bool request_set_sm2_id(X509_REQ *, const struct sm2_id *);

/* NULL: no certificate, or more than one. */
X509 *cert_of_der(const unsigned char *, size_t len);
/* Adds all that a file holds: PEM, also several, DER, base64 or PKCS#7. At least one, or ST_USAGE after a message. */
enum status certs_read(const char *path, STACK_OF(X509) *) MUST_USE;
enum status crls_read(const char *path, STACK_OF(X509_CRL) *) MUST_USE;
/* PEM, or DER of a single one; OPENSSL_free. NULL: out of memory. */
unsigned char *certs_write(const STACK_OF(X509) *, bool der, size_t *len);

/* What people read; malloc. NULL: out of memory. */
char *name_text(const X509_NAME *);             /* RFC 4514, UTF-8 */
char *serial_text(const X509 *);                /* hexadecimal */
char *time_text(const ASN1_TIME *);             /* ISO 8601 in UTC */
/* Whole days, rounded towards the past: 0 is the last one, what is over is negative. */
int days_left(const X509 *);
bool is_self_issued(const X509 *);

/* -- on a token ------------------------------------------------------------------------ */

/* Those that the session's selector means; certs[i] belongs to objects[i]. What libcrypto cannot read is left out, with a note. */
struct token_certs {
	struct object *objects;
	X509 **certs;
	CK_ULONG n;
};
enum status token_certs_find(const struct session *, struct token_certs *) MUST_USE;
void token_certs_clear(struct token_certs *);
/* Exactly one, or ST_NOT_FOUND, or ST_USAGE for several. target: as the user wrote it. */
enum status token_cert_find_one(const struct session *, const char *target, struct token_certs *) MUST_USE;

/*
 * The private key on the token whose public half the certificate holds; *found false: there is none. Of several the one with
 * this CKA_ID, or ST_USAGE; the first, where id is NULL.
 */
struct id {
	unsigned char bytes[64];
	size_t len;
};
enum status token_key_of_cert(const struct session *, X509 *, const struct id *, struct object *, bool *found) MUST_USE;
/* --id; len 0: not given. */
enum status id_option(const struct args *, struct id *) MUST_USE;

/* The object that has this very certificate, if it is there. */
enum status token_cert_find(const struct session *, X509 *, CK_OBJECT_HANDLE *, bool *there) MUST_USE;
/* Makes it an object of the token, or finds the one that it is there already (*there). */
enum status token_cert_store(const struct session *, X509 *, const void *label, size_t label_len, const unsigned char *id,
                             size_t id_len, CK_OBJECT_HANDLE *, bool *there) MUST_USE;

#endif
