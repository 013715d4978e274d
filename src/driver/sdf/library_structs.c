/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs of GM/T 0018-2023 6.1 (2012: clause 5) and of vendors who deviate, written and read by offsets: widths and
 * order are the profile's, and no vendor's header is needed. Numbers stand big-endian at the right end of their
 * field; lengths are the machine's own.
 */
#include "driver/sdf/library_internal.h"

#include "sm/sm2.h"

#include <string.h>

#define SM2_BITS 256
#define C3_BYTES 32

bool all_zero(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

bool point_is_good(const uint8_t point[64])
{
	struct sm2_public key;
	return sm2_public_init(&key, point) == SM2_OK;
}

static void put_u32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static uint32_t get_u32(const uint8_t *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof(value));
	return value;
}

static void put_number(uint8_t *to, size_t width, const uint8_t number[32])
{
	memset(to, 0, width - 32);
	memcpy(to + width - 32, number, 32);
}

/* False: it is too large, or stands at the wrong end of its field. */
static bool get_number(const uint8_t *from, size_t width, uint8_t number[32])
{
	memcpy(number, from + width - 32, 32);
	return all_zero(from, width - 32);
}

/* -- keys and signatures --------------------------------------------------------------------- */

size_t public_size(const struct sdf_profile *p)
{
	return 4 + 2 * (size_t)p->width;
}

size_t private_size(const struct sdf_profile *p)
{
	return 4 + (size_t)p->width;
}

size_t signature_size(const struct sdf_profile *p)
{
	return 2 * (size_t)p->width;
}

size_t rsa_public_size(const struct sdf_profile *p)
{
	return 4 + 2 * (size_t)p->rsa_bytes;
}

void public_put(const struct sdf_profile *p, void *to, const uint8_t point[64])
{
	uint8_t *at = to;
	put_u32(at, SM2_BITS);
	put_number(at + 4, p->width, point);
	put_number(at + 4 + p->width, p->width, point + 32);
}

bool public_get(const struct sdf_profile *p, const void *from, uint8_t point[64])
{
	const uint8_t *at = from;
	return get_u32(at) == SM2_BITS && get_number(at + 4, p->width, point) &&
	       get_number(at + 4 + p->width, p->width, point + 32) && point_is_good(point);
}

void private_put(const struct sdf_profile *p, void *to, const uint8_t d[32])
{
	put_u32(to, SM2_BITS);
	put_number((uint8_t *)to + 4, p->width, d);
}

bool private_get(const struct sdf_profile *p, const void *from, uint8_t d[32])
{
	return get_u32(from) == SM2_BITS && get_number((const uint8_t *)from + 4, p->width, d);
}

void signature_put(const struct sdf_profile *p, void *to, const uint8_t sig[64])
{
	put_number(to, p->width, sig);
	put_number((uint8_t *)to + p->width, p->width, sig + 32);
}

bool signature_get(const struct sdf_profile *p, const void *from, uint8_t sig[64])
{
	const uint8_t *at = from;
	return get_number(at, p->width, sig) && get_number(at + p->width, p->width, sig + 32);
}

/* -- ciphers --------------------------------------------------------------------------------------- */

struct cipher_at {
	size_t x, y, m, l, c;
};

static struct cipher_at cipher_offsets(const struct sdf_profile *p)
{
	size_t w = p->width;
	if (p->cipher == SDF_CIPHER_LENGTH_FIRST)
		return (struct cipher_at){.l = 0, .x = 4, .y = 4 + w, .c = 4 + 2 * w, .m = 4 + 2 * w + p->cipher_room};
	return (struct cipher_at){.x = 0, .y = w, .m = 2 * w, .l = 2 * w + C3_BYTES, .c = 2 * w + C3_BYTES + 4};
}

/* The standard's struct ends with C[1], which the compiler pads to four bytes: a library may clear as many. */
size_t cipher_size(const struct sdf_profile *p, size_t len)
{
	struct cipher_at at = cipher_offsets(p);
	size_t c = len < 4 ? 4 : len;
	if (p->cipher == SDF_CIPHER_LENGTH_FIRST)
		return len <= p->cipher_room ? at.m + C3_BYTES : 0;
	return at.c + (c < p->envelope_max ? p->envelope_max : c);
}

void cipher_put(const struct sdf_profile *p, void *to, const uint8_t *in, size_t len)
{
	struct cipher_at at = cipher_offsets(p);
	uint8_t *s = to;
	put_number(s + at.x, p->width, in);
	put_number(s + at.y, p->width, in + 32);
	memcpy(s + at.m, in + 64, C3_BYTES);
	put_u32(s + at.l, (uint32_t)len);
	memcpy(s + at.c, in + 96, len);
}

bool cipher_get(const struct sdf_profile *p, const void *from, size_t len, uint8_t *out)
{
	struct cipher_at at = cipher_offsets(p);
	const uint8_t *s = from;
	if (get_u32(s + at.l) != len || !get_number(s + at.x, p->width, out) || !get_number(s + at.y, p->width, out + 32))
		return false;
	memcpy(out + 64, s + at.m, C3_BYTES);
	memcpy(out + 96, s + at.c, len);
	return point_is_good(out);
}
