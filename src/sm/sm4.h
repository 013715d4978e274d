/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4 (GB/T 32907-2016), its modes (GB/T 17964-2021), GCM and CCM (GB/T
 * 36624-2018) and the chain of its MACs (GB/T 15852.1).
 *
 * Constant time: no table indexed by a secret, no branch on one. in and out
 * are equal or do not overlap. No function allocates, locks or fails unless it
 * returns a result. An expanded key is a secret: its owner wipes it.
 */
#ifndef SM_SM4_H
#define SM_SM4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM4_BLOCK_LEN 16
#define SM4_KEY_LEN 16

struct sm4_key {
	uint32_t rk[32]; /* in the order of encryption */
};

void sm4_key_init(struct sm4_key *, const uint8_t key[SM4_KEY_LEN]);

/* Whole blocks: n of them. Many at a time are faster than one by one. */
void sm4_ecb_encrypt(const struct sm4_key *, const uint8_t *in, uint8_t *out, size_t n);
void sm4_ecb_decrypt(const struct sm4_key *, const uint8_t *in, uint8_t *out, size_t n);

/*
 * Chained modes over n whole blocks; iv is updated so that the next call
 * continues the stream.
 */
void sm4_cbc_encrypt(const struct sm4_key *, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n);
void sm4_cbc_decrypt(const struct sm4_key *, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n);
/* The last block of CBC encryption alone, in chain: what CBC-MAC, CMAC and CCM are made of. */
void sm4_cbc_mac(const struct sm4_key *, uint8_t chain[16], const uint8_t *in, size_t n);

/*
 * Stream modes over any length; a length that is no multiple of 16 ends the
 * stream (iv is then of no further use). CTR counts in the whole 128-bit
 * block, big-endian; _bits counts in its low nbits (1..128) only.
 */
void sm4_cfb128_encrypt(const struct sm4_key *, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t len);
void sm4_cfb128_decrypt(const struct sm4_key *, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t len);
void sm4_ofb(const struct sm4_key *, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t len);
void sm4_ctr(const struct sm4_key *, uint8_t iv[16], unsigned nbits, const uint8_t *in, uint8_t *out, size_t len);

/* GCM, incremental. Any IV of 1 byte or more; tag of 4, 8, 12 to 16 bytes. */
struct sm4_gcm {
	uint8_t h[16];        /* the hash key, GCM bit order */
	uint8_t j0[16];       /* the pre-counter block */
	uint8_t counter[16];
	uint8_t hash[16];
	uint8_t keystream[16];
	uint64_t aad_len, text_len;
};

void sm4_gcm_init(struct sm4_gcm *, const struct sm4_key *, const uint8_t *iv, size_t iv_len);
/* All AAD before any text. May be called several times. */
void sm4_gcm_aad(struct sm4_gcm *, const uint8_t *aad, size_t len);
/* False: the text would exceed 2^36 - 32 bytes; nothing was done. */
bool sm4_gcm_encrypt(struct sm4_gcm *, const struct sm4_key *, const uint8_t *in, uint8_t *out, size_t len);
bool sm4_gcm_decrypt(struct sm4_gcm *, const struct sm4_key *, const uint8_t *in, uint8_t *out, size_t len);
/* Leaves the context wiped. */
void sm4_gcm_final(struct sm4_gcm *, const struct sm4_key *, uint8_t *tag, size_t tag_len);

/*
 * One shot; false also when the text is too long. open writes nothing to out
 * when the tag is wrong, or of a length not named above.
 */
bool sm4_gcm_seal(const struct sm4_key *, const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag, size_t tag_len);
bool sm4_gcm_open(const struct sm4_key *, const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag, size_t tag_len);

/*
 * CCM: a nonce of 7 to 13 bytes, a tag of 4, 6, ... 16. False: other lengths,
 * or a text whose length the bytes that the nonce leaves of a block do not
 * hold. open writes nothing to out when the tag is wrong.
 */
bool sm4_ccm_seal(const struct sm4_key *, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag, size_t tag_len);
bool sm4_ccm_open(const struct sm4_key *, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag, size_t tag_len);

#endif
