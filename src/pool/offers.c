/* SPDX-License-Identifier: Apache-2.0 */
/* What the devices of a pool can do between them, for whoever offers it to others. */
#include "pool/internal.h"

/* Of mechanism 0 are the verbs that have none, and making RSA pairs, whose sizes are not theirs. */
static bool is_alike(const struct hufu_capability *row, const struct capability *cap)
{
	return row->mechanism == cap->mechanism && row->multi_part == cap->multi_part && row->permanent == cap->permanent &&
	       (cap->mechanism || row->max_nbits == cap->max_nbits);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Of devices that differ in how much they take or how long their keys may be, the widest holds: the pool knows which is which. */
static void widen(struct hufu_capability *row, const struct capability *cap)
{
	uint64_t max_in = cap->max_in == UINT64_MAX ? 0 : cap->max_in;

	row->verbs |= atomic_load(&cap->verbs);
	row->min_nbits = least(row->min_nbits, cap->min_nbits);
	row->max_nbits = row->max_nbits > cap->max_nbits ? row->max_nbits : cap->max_nbits;
	row->max_in = row->max_in && max_in ? (row->max_in > max_in ? row->max_in : max_in) : 0;
	row->cost_us = least(row->cost_us, cap->cost_us);
}

static size_t add(struct hufu_capability *rows, size_t n, size_t max, const struct capability *cap)
{
	size_t i = 0;

	if (!atomic_load(&cap->verbs))
		return n;
	while (i < n && !is_alike(&rows[i], cap))
		i++;
	if (i == max)
		return n;
	if (i == n)
		rows[n++] = (struct hufu_capability){
			.mechanism = cap->mechanism, .multi_part = cap->multi_part, .permanent = cap->permanent,
			.min_nbits = cap->min_nbits, .max_nbits = cap->max_nbits, .cost_us = cap->cost_us,
			.max_in = cap->max_in == UINT64_MAX ? 0 : cap->max_in,
		};
	widen(&rows[i], cap);
	return n;
}

size_t pool_offers(struct pool *pool, struct hufu_capability *rows, size_t max)
{
	size_t n = 0;

	pool_open_all(pool);
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = atomic_load(&pool->devices[i]);
		bool counts = device_is_known(device) && atomic_load(&device->admin) != POOL_REMOVED;
		struct capabilities *caps = counts ? atomic_load_explicit(&device->caps, memory_order_acquire) : NULL;

		for (size_t row = 0; caps && row < caps->n; row++)
			n = add(rows, n, max, &caps->rows[row]);
	}
	return n;
}
