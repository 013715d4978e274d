/* SPDX-License-Identifier: Apache-2.0 */
/* One 32-bit word in slices: slice p has bit p of each of the four bytes, in that byte's lowest bit. */
#ifndef SM_WORD_SLICES_H
#define SM_WORD_SLICES_H

#include <stdint.h>

#include "sm/unroll.h"

typedef uint32_t slice;

#define EVERY_BYTE UINT32_C(0x01010101)

static inline void word_to_slices(uint32_t word, slice x[8])
{
	UNROLL(8)
	for (int p = 0; p < 8; p++)
		x[p] = word >> p & EVERY_BYTE;
}

/* Complements in a circuit set bits that stand for nothing: masked away. */
static inline uint32_t slices_to_word(const slice x[8])
{
	uint32_t word = 0;

	UNROLL(8)
	for (int p = 0; p < 8; p++)
		word |= (x[p] & EVERY_BYTE) << p;
	return word;
}

#endif
