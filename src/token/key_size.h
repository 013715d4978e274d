/* SPDX-License-Identifier: Apache-2.0 */
/* How long keys are, and so what they make: from the attributes that every key shows. */
#ifndef TOKEN_KEY_SIZE_H
#define TOKEN_KEY_SIZE_H

#include "token/object.h"

/* Of the modulus, the curve, the value; 0 where the attributes do not tell. */
size_t key_nbits(const struct object *);
/* k of RFC 8017: bytes of the modulus; 0 for keys of other types. */
size_t key_modulus_len(const struct object *);
/* r || s of ECDSA (PKCS#11 3.1 6.3.1), R || S of EdDSA (RFC 8032 5.1.6, 5.2.6); 0 for keys of other types. */
size_t key_curve_sig_len(const struct object *);

/* The longest of any: RSA with 8192 bits. */
#define KEY_SIG_MAX 1024

#endif
