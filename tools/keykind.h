/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of keys that the tool makes and uses: one table says what belongs to each. */
#ifndef KEYKIND_H
#define KEYKIND_H

#include "tools/names.h"

struct key_kind {
	const char *name;                /* as in --type; libcrypto's name too where curve is given */
	const char *sizes;               /* what may follow a colon, for help; NULL: nothing */
	CK_KEY_TYPE type;
	bool pair;                       /* public and private */
	CK_MECHANISM_TYPE generate;
	CK_ULONG value_len;              /* CKA_VALUE_LEN to be given, 0: not at all (fixed) */
	CK_ULONG nbits;                  /* 0: each key its own */
	CK_FLAGS uses;                   /* CKF_SIGN, CKF_ENCRYPT, ... that new keys get */
	CK_MECHANISM_TYPE mac;           /* secret keys: the usual one, 0: none */
	const unsigned char *curve;      /* CKA_EC_PARAMS of a type that has several kinds */
	const char *curve_name;          /* its other form, a PrintableString (6.3.1 of PKCS#11 3.1) */
};

extern const struct key_kind key_kinds[]; /* ends with name NULL */
/* All their names, for a message. */
#define KEY_KIND_NAMES_MAX 320
const char *key_kind_names(char buf[KEY_KIND_NAMES_MAX]);

/* SM2's curve as CKA_EC_PARAMS: OID 1.2.156.10197.1.301 (GM/T 0006). */
extern const unsigned char sm2_curve_oid[10];
/* Of an OID that kind.curve points to. */
#define EDWARDS_OID_LEN 5

/* By type, and curve where that makes a difference (SM2 may be shown as CKK_EC). NULL: not one of ours. */
const struct key_kind *key_kind_of(CK_KEY_TYPE, const unsigned char *ec_params, CK_ULONG len);
/* "sm2", "aes:256", "ec:P-256": the kind, and what follows the colon (NULL: nothing). */
const struct key_kind *key_kind_parse(const char *text, const char **size);

#endif
