/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tier of SM3 must offer. sm3_impl() picks the best one this processor
 * runs; a faster tier is a file with such a struct and a line in sm3_impl().
 */
#ifndef SM_SM3_IMPL_H
#define SM_SM3_IMPL_H

#include <stddef.h>
#include <stdint.h>

struct sm3_impl {
	const char *name;
	/* Absorbs n whole blocks into the state. Leaves no copy of them behind. */
	void (*compress)(uint32_t h[8], const uint8_t *blocks, size_t n);
};

extern const struct sm3_impl sm3_portable;

const struct sm3_impl *sm3_impl(void);

#endif
