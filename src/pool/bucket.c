/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/bucket.h"

#include "base/clock.h"

/* Each token taken moves the moment of fullness by the time that one takes to drip: ITU-T I.371, virtual scheduling. */
bool bucket_take(struct bucket *bucket, uint32_t per_s, uint64_t now_ns, uint64_t *wait_ns)
{
	uint64_t full = atomic_load_explicit(&bucket->full_ns, memory_order_relaxed);

	if (wait_ns)
		*wait_ns = 0;
	if (!per_s)
		return true;
	uint64_t drip = NS_PER_S / per_s, depth = (per_s - 1) * drip;
	for (;;) {
		uint64_t from = full > now_ns ? full : now_ns;

		if (from - now_ns > depth) {
			if (wait_ns)
				*wait_ns = from - now_ns - depth;
			return false;
		}
		if (atomic_compare_exchange_weak_explicit(&bucket->full_ns, &full, from + drip, memory_order_relaxed,
		                                          memory_order_relaxed))
			return true;
	}
}
