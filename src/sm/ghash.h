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

#endif
