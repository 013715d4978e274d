/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of keys that the tool makes and uses: one table says what belongs to each. */
#ifndef KEYKIND_H
#define KEYKIND_H

#include "tools/names.h"

struct key_kind {
	const char *name;                /* as in --type */
	const char *sizes;               /* what may follow a colon, for help; NULL: nothing */
	CK_KEY_TYPE type;
	bool pair;                       /* public and private */
	CK_MECHANISM_TYPE generate;
	CK_ULONG value_len;              /* CKA_VALUE_LEN to be given, 0: not at all (fixed) */
	CK_FLAGS uses;                   /* CKF_SIGN, CKF_ENCRYPT, ... that new keys get */
};

extern const struct key_kind key_kinds[]; /* ends with name NULL */

/* SM2's curve as CKA_EC_PARAMS: OID 1.2.156.10197.1.301 (GM/T 0006). */
extern const unsigned char sm2_curve_oid[10];

/* By type, and curve for CKK_EC (SM2 may be shown as such). NULL: not one of ours. */
const struct key_kind *key_kind_of(CK_KEY_TYPE, const unsigned char *ec_params, CK_ULONG len);
/* "sm2", "aes:256", "ec:prime256v1": the kind, and what follows the colon (NULL: nothing). */
const struct key_kind *key_kind_parse(const char *text, const char **size);

#endif
