/* SPDX-License-Identifier: Apache-2.0 */
/* A derivation, for derive.c, which makes the key, and derive_value.c, which computes its value. */
#ifndef TOKEN_DERIVE_IMPL_H
#define TOKEN_DERIVE_IMPL_H

#include "token/mech.h"

/* What one derivation may give, and be given. */
#define DERIVE_MAX 4096u

struct derivation {
	struct session *session;
	const struct mech *mech;
	const CK_MECHANISM *m;         /* the caller's: looked at during the call only */
	struct object *base;
	struct object *second;         /* a key of the parameter's (concatenated, salt, ephemeral): a reference, or NULL */
	size_t wanted;                 /* bytes of the new key; 0: as many as the mechanism gives by itself */
	uint8_t *value;                /* secret memory, DERIVE_MAX bytes */
	size_t len;
};

/*
 * The value of wanted bytes, or of the mechanism's own length.
 * CKR_MECHANISM_PARAM_INVALID; CKR_KEY_SIZE_RANGE: it does not give as much;
 * CKR_KEY_FUNCTION_NOT_PERMITTED: what is computed here needs a value that no
 * device gives away, or that policy keeps whole.
 */
CK_RV derive_value(struct derivation *);

/* CKM_PKCS5_PBKD2: there is no base key. */
CK_RV derive_from_password(struct derivation *);

/* -- derive.c -------------------------------------------------------------------- */

/* A secret key that the parameter names, into d->second. */
CK_RV derive_second(struct derivation *, CK_OBJECT_HANDLE);
/* A private key, that may do what the base key may. CKR_KEY_HANDLE_INVALID and what operation_find_key gives. */
CK_RV derive_second_private(struct derivation *, CK_OBJECT_HANDLE);

#endif
