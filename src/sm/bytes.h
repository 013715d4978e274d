/* SPDX-License-Identifier: Apache-2.0 */
/* Words to bytes and back, whatever the machine's order; rotations; XOR of short runs. */
#ifndef SM_BYTES_H
#define SM_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be32(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 24);
	p[1] = (uint8_t)(x >> 16);
	p[2] = (uint8_t)(x >> 8);
	p[3] = (uint8_t)x;
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline void store_be64(uint8_t *p, uint64_t x)
{
	store_be32(p, (uint32_t)(x >> 32));
	store_be32(p + 4, (uint32_t)x);
}

/* Any n: taken mod 32. */
static inline uint32_t rotl32(uint32_t x, unsigned n)
{
	return x << (n & 31) | x >> (-n & 31);
}

/* out may be a or b. */
static inline void xor_bytes(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t x, y;

	for (; len >= sizeof(x); len -= sizeof(x), out += sizeof(x), a += sizeof(x), b += sizeof(x)) {
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		x ^= y;
		memcpy(out, &x, sizeof(x));
	}
	while (len--)
		*out++ = *a++ ^ *b++;
}

#endif
