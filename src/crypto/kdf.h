/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation functions, from libcrypto. Outputs and inputs may be secret:
 * the caller wipes. HUFU_ERR_NO_MEMORY, HUFU_ERR_UNSUPPORTED (a hash that
 * libcrypto does not have), HUFU_ERR_PARAM (lengths that the function refuses).
 */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H

#include "crypto/hash.h"

struct bytes_view {
	const uint8_t *data;
	size_t len;
};

/* RFC 5869. Extract gives hash_len bytes whatever out_len; expand takes a key of at least hash_len. */
enum hkdf_mode { HKDF_EXTRACT_AND_EXPAND, HKDF_EXTRACT_ONLY, HKDF_EXPAND_ONLY };
enum hufu_err kdf_hkdf(enum hash_id, enum hkdf_mode, struct bytes_view key, struct bytes_view salt, struct bytes_view info,
                       uint8_t *out, size_t out_len) MUST_CHECK;
/* RFC 8018 5.2. */
enum hufu_err kdf_pbkdf2(enum hash_id, struct bytes_view password, struct bytes_view salt, uint64_t iterations, uint8_t *out,
                         size_t out_len) MUST_CHECK;
/* ANSI X9.63, SEC 1 3.6.1: hash(z || counter || info). */
enum hufu_err kdf_x963(enum hash_id, struct bytes_view z, struct bytes_view info, uint8_t *out, size_t out_len) MUST_CHECK;
/* SP 800-56C 4.1 with a hash: hash(counter || z || info). */
enum hufu_err kdf_single_step(enum hash_id, struct bytes_view z, struct bytes_view info, uint8_t *out, size_t out_len) MUST_CHECK;

#endif
