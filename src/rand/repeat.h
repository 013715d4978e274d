/* SPDX-License-Identifier: Apache-2.0 */
/* The continuous test of the generator's output: two equal blocks in a row. */
#ifndef RAND_REPEAT_H
#define RAND_REPEAT_H

#include "sm/drbg.h"

/*
 * Kept of a block are not its bytes, which may be somebody's key by now, but 64
 * bits folded of all 256. Zero: no block yet.
 */
struct repeat_test {
	uint64_t fold;
	bool begun;
};

/* False when the block equals the one before. */
bool repeat_test_feed(struct repeat_test *, const uint8_t block[DRBG_OUT_MAX]);

#endif
