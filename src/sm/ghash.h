/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GHASH of GB/T 36624-2018 (the hash of GCM). ghash_impl() picks the best tier
 * this processor runs; a faster one is a file with such a struct and a line there.
 */
#ifndef SM_GHASH_H
#define SM_GHASH_H

#include <stddef.h>
#include <stdint.h>

struct ghash_impl {
	const char *name;
	/* For each of n blocks: hash = (hash ^ block) * h. */
	void (*absorb)(uint8_t hash[16], const uint8_t h[16], const uint8_t *blocks, size_t n);
};

extern const struct ghash_impl ghash_portable;

const struct ghash_impl *ghash_impl(void);

/*
 * Strings of any length, for any block cipher. update hashes more of a string of
 * which done bytes were hashed before; pad fills its last block, len being its
 * length; lengths ends the hash with both lengths, in bytes.
 */
void ghash_update(uint8_t hash[16], const uint8_t h[16], uint64_t done, const uint8_t *in, size_t len);
void ghash_pad(uint8_t hash[16], const uint8_t h[16], uint64_t len);
void ghash_lengths(uint8_t hash[16], const uint8_t h[16], uint64_t aad_len, uint64_t text_len);

#endif
