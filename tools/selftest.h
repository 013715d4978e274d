/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include "hufu/pkcs11-sm.h"

enum kat_kind {
	KAT_DIGEST,
	KAT_MAC,
	KAT_CIPHER,                 /* in is encrypted to out, out decrypted to in */
	KAT_VERIFY,                 /* out is in's signature; another one is refused */
	KAT_DECRYPT                 /* out is decrypted to in, and refused when changed */
};

/* Bytes in hexadecimal; NULL where there are none. */
struct kat {
	const char *name;           /* algorithm, and where the answer stands */
	enum kat_kind kind;
	CK_MECHANISM_TYPE mech;
	CK_KEY_TYPE key_type;
	const char *key;            /* value; public keys: CKA_EC_POINT or CKA_MODULUS */
	const char *iv, *aad;
	const char *in, *out;
	const char *point;          /* CKA_EC_POINT of a private key */
	const char *curve;          /* CKA_EC_PARAMS of keys that lie on one */
	const char *exponent;       /* CKA_PUBLIC_EXPONENT of RSA keys */
	CK_HUFU_ZUC_PARAMS zuc;
	CK_RSA_PKCS_PSS_PARAMS pss;
};

extern const struct kat kats[]; /* ends with name NULL */

#endif
