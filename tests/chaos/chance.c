/* SPDX-License-Identifier: Apache-2.0 */
#include "chaos.h"

/* splitmix64. */
uint64_t chance_next(struct chance *c)
{
	uint64_t x = c->state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

size_t chance_below(struct chance *c, size_t n)
{
	return (size_t)(chance_next(c) % n);
}

void chance_fill(struct chance *c, void *out, size_t len)
{
	for (uint8_t *p = out; len--; p++)
		*p = (uint8_t)(chance_next(c) >> 32);
}

struct chance chance_of(uint64_t seed, uint64_t n)
{
	struct chance c = {seed};

	c.state = chance_next(&c) + n;
	return c;
}
