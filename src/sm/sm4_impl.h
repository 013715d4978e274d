/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tier of SM4 must offer. sm4_impl() picks the best one this processor
 * runs; a faster tier is a file with such a struct and a line in sm4_impl().
 * Decryption is encryption with the round keys in reverse.
 */
#ifndef SM_SM4_IMPL_H
#define SM_SM4_IMPL_H

#include <stddef.h>
#include <stdint.h>

#define SM4_ROUNDS 32
/* Modes that may, offer the cipher this many blocks at a time. */
#define SM4_BULK_BLOCKS 32

struct sm4_impl {
	const char *name;
	void (*expand)(uint32_t rk[SM4_ROUNDS], const uint8_t key[16]);
	/* One block, for modes in which each waits for the one before. in may be out. */
	void (*block)(const uint32_t rk[SM4_ROUNDS], const uint8_t in[16], uint8_t out[16]);
	/* n blocks, of which none waits. in may be out. */
	void (*blocks)(const uint32_t rk[SM4_ROUNDS], const uint8_t *in, uint8_t *out, size_t n);
};

extern const struct sm4_impl sm4_portable;

const struct sm4_impl *sm4_impl(void);

/* The portable tier's parts: one block (sm4_single.c), 32 at once (sm4_bulk.c). */
void sm4_single_expand(uint32_t rk[SM4_ROUNDS], const uint8_t key[16]);
void sm4_single_block(const uint32_t rk[SM4_ROUNDS], const uint8_t in[16], uint8_t out[16]);
void sm4_bulk_blocks(const uint32_t rk[SM4_ROUNDS], const uint8_t *in, uint8_t *out, size_t n);

#endif
