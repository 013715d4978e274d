/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CKM_RSA_AES_KEY_WRAP (PKCS#11 3.1 6.1): an AES key made for this one wrapping
 * goes ahead under RSA OAEP; the key behind it under that one, by AES key wrap
 * with padding (RFC 5649).
 */
#ifndef TOKEN_ENVELOPE_H
#define TOKEN_ENVELOPE_H

#include "token/operation_impl.h"

/* As crypt_whole: wraps or unwraps, by op->kind. What is wrong with either part is CKR_ENCRYPTED_DATA_INVALID. */
CK_RV envelope_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len);

/*
 * CKM_HUFU_SM2_ENVELOPED_KEY (GB/T 35276, GM/T 0009): a private SM2 key, which
 * comes and goes here as PKCS#8 with its public half, under an SM4 key made for
 * this one wrapping, and that under SM2. The same contract.
 */
CK_RV sm2_envelope_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len);

#endif
