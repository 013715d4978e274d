/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: u8 1 || salt || ciphertext || tag, for what lies with others: rows of a
 * store, copies and states at a client.
 *
 * Each has an SM4-GCM key and IV of its own, derived from a fresh 256-bit
 * salt: nothing is ever encrypted twice under one key, so neither a repeated IV
 * nor GCM's limit on blocks a key can be reached, however many seals there are.
 */
#ifndef RAND_SEAL_H
#define RAND_SEAL_H

#include "base/err.h"
#include "sm/sm3.h"

#define SEAL_FORMAT 1
#define SEAL_SALT_LEN 32
#define SEAL_TAG_LEN 16
#define SEAL_OVERHEAD (1 + SEAL_SALT_LEN + SEAL_TAG_LEN)

/* out: len + SEAL_OVERHEAD bytes, not overlapping in. HUFU_ERR_RANDOM. */
enum hufu_err seal_close(const struct sm3_hmac_key *, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                         uint8_t *out) MUST_CHECK;
/* out: sealed_len - SEAL_OVERHEAD bytes, untouched when false: not sealed by this key for this aad. */
bool seal_open(const struct sm3_hmac_key *, const uint8_t *aad, size_t aad_len, const uint8_t *sealed, size_t sealed_len,
               uint8_t *out) MUST_CHECK;

#endif
