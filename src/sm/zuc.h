/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZUC-128 (GM/T 0001.1-2012), confidentiality 128-EEA3 (0001.2) and integrity
 * 128-EIA3 (0001.3).
 *
 * Constant time: S-boxes without secret-indexed tables. Lengths are in bits
 * where the standard counts bits; unused low bits of the last byte of an
 * output are zero. No function allocates, locks or fails. States are secrets.
 */
#ifndef SM_ZUC_H
#define SM_ZUC_H

#include <stddef.h>
#include <stdint.h>

#define ZUC_KEY_LEN 16

struct zuc {
	uint32_t lfsr[16];
	uint32_t r1, r2;
};

void zuc_init(struct zuc *, const uint8_t key[ZUC_KEY_LEN], const uint8_t iv[16]);
void zuc_words(struct zuc *, uint32_t *out, size_t n);

/*
 * EEA3, incremental: every update but the last takes a multiple of 4 bytes;
 * nbits of the last says where the message ends. in and out are equal or apart.
 * bearer 0..31, direction 0 or 1.
 */
struct zuc_eea3 {
	struct zuc zuc;
};
void zuc_eea3_init(struct zuc_eea3 *, const uint8_t key[ZUC_KEY_LEN], uint32_t count, uint32_t bearer, uint32_t direction);
void zuc_eea3_update(struct zuc_eea3 *, const uint8_t *in, uint8_t *out, uint64_t nbits);

/* EIA3, incremental: every update but the last takes a multiple of 32 bits. */
struct zuc_eia3 {
	struct zuc zuc;
	uint32_t tag;
	uint32_t word0, word1;  /* the window of the keystream */
	uint32_t last_nbits;    /* bits of the final, short update; 0 none */
};
void zuc_eia3_init(struct zuc_eia3 *, const uint8_t key[ZUC_KEY_LEN], uint32_t count, uint32_t bearer, uint32_t direction);
void zuc_eia3_update(struct zuc_eia3 *, const uint8_t *in, uint64_t nbits);
/* Leaves the context wiped. */
void zuc_eia3_final(struct zuc_eia3 *, uint8_t mac[4]);

#endif
