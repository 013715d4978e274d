/* SPDX-License-Identifier: Apache-2.0 */
/* Key files: PKCS#8 (also encrypted), SEC1 and PKCS#1 private keys, SPKI; PEM or DER. */
#ifndef KEYFILE_H
#define KEYFILE_H

#include "tools/curve.h"
#include "tools/template.h"

#include <openssl/evp.h>

struct keyfile {
	const struct key_kind *kind;
	bool has_private;
	EVP_PKEY *pkey;
	unsigned char params[CURVE_OID_MAX]; /* CKA_EC_PARAMS */
	size_t params_len;
	unsigned char point[2 + 1 + 2 * 80]; /* CKA_EC_POINT, P-521 at most */
	size_t point_len;
	struct keyfile_number {
		unsigned char *bytes; /* secret memory */
		size_t len;
	} numbers[8];               /* curves: the private value; RSA: n e d p q dp dq qinv */
};

/* path: for messages. The passphrase comes from the --passphrase-... options, or is asked for. */
enum status keyfile_read(const struct args *, const char *path, const unsigned char *file, size_t len, struct keyfile *) MUST_USE;
/* Adds what the key itself is, for CKO_PUBLIC_KEY or CKO_PRIVATE_KEY: views into the keyfile. */
void keyfile_attributes(const struct keyfile *, CK_OBJECT_CLASS, struct template *);
void keyfile_clear(struct keyfile *);

#endif
