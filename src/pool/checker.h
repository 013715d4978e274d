/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices that are not software answer, checked by the software that every
 * build has: the emulator verifies under public keys, on this host. One a pool,
 * made when it is first needed; thread-safe, fork-safe.
 */
#ifndef POOL_CHECKER_H
#define POOL_CHECKER_H

#include "hufu/driver.h"

struct pool;

/* A public key to check by, as SPKI (RSA, EC, Edwards). */
struct check_key;

/*
 * Copies the SPKI; it is read when a signature is first checked, since most keys are software's and need no check.
 * HUFU_ERR_KEY_VALUE: of no possible length; HUFU_ERR_KEY_TYPE: no private key whose signatures could be checked.
 */
enum hufu_err check_key_new(enum hufu_key_type private_type, const uint8_t *spki, size_t len,
                            struct check_key **) __attribute__((warn_unused_result));
/* NULL is ignored. */
void check_key_free(struct pool *, struct check_key *);
/* Is sign's out a signature of sign's in under this key? */
bool check_signature(struct pool *, struct check_key *, const struct hufu_op *sign);
/* Is this a public key that belongs to a private one of this type? */
bool check_public(struct pool *, enum hufu_key_type private_type, const uint8_t *spki, size_t len);
/* The type of the public half; 0: it has none that is written as SPKI. */
enum hufu_key_type check_public_type(enum hufu_key_type private_type);
void checker_free(struct pool *);

#endif
