/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket: at most rate things a second, and as many at once after a
 * time without. One word, taken from by any number of threads without a lock;
 * all zero is full.
 */
#ifndef POOL_BUCKET_H
#define POOL_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bucket {
	_Atomic uint64_t full_ns;        /* when it will be full again, if nothing is taken */
};

/* Takes one. False: none is there; *wait_ns (or NULL) says how long until one is. per_s 0: no limit. */
bool bucket_take(struct bucket *, uint32_t per_s, uint64_t now_ns, uint64_t *wait_ns);

#endif
