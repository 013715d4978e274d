/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of GM/T 0006 and the mechanisms behind them. */
#ifndef SDF_SYMMETRIC_H
#define SDF_SYMMETRIC_H

#include "sdf/internal.h"

#define BLOCK 16u

/* How an IV goes on after a call (GM/T 0018-2023 6.5.1: it is updated). */
enum chain { CHAIN_NONE, CHAIN_CIPHERTEXT, CHAIN_KEYSTREAM, CHAIN_COUNTER };

struct cipher_alg {
	unsigned int id;
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE key_type;
	size_t iv_len;
	size_t unit;              /* one-shot input is of so many bytes, or several times as many */
	enum chain chain;
};

/* A mechanism with its parameter, which it points to. */
struct cipher_mech {
	CK_MECHANISM m;
	union {
		CK_BYTE iv[BLOCK];
		CK_AES_CTR_PARAMS ctr;
		CK_HUFU_ZUC_PARAMS zuc;
	} param;
};

/* SDR_ALGNOTSUPPORT, SDR_ALGMODNOTSUPPORT. */
int cipher_alg_find(unsigned int id, const struct cipher_alg **);
/* NULL or another length where there is an IV: SDR_INARGERR. */
int cipher_mech_set(struct cipher_mech *, const struct cipher_alg *, const uint8_t *iv, size_t iv_len);
/* COUNT, BEARER and DIRECTION, of which 128-EEA3 and 128-EIA3 make their IV (GM/T 0001.2, GM/T 0001.3 4.2); false: it is none. */
bool zuc_read_eea3(const uint8_t iv[BLOCK], CK_HUFU_ZUC_PARAMS *);
bool zuc_read_eia3(const uint8_t iv[BLOCK], CK_HUFU_ZUC_PARAMS *);

/* One-shot encryption or decryption with an object of the core. */
int cipher_once(struct session *, enum op_kind, const struct cipher_alg *, CK_OBJECT_HANDLE, unsigned char *iv, const uint8_t *in,
                size_t len, unsigned char *out, unsigned int *out_len);
/* Begins one in parts; what was going on in its place is given up. */
int cipher_begin(struct session *, enum op_kind, const struct cipher_alg *, CK_OBJECT_HANDLE, const uint8_t *iv, size_t iv_len);
/* A part of one; out NULL asks for the length. */
int crypt_part(struct session *, enum op_kind, const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len);
int hmac_begin(struct session *, unsigned int alg, CK_OBJECT_HANDLE);

#endif
