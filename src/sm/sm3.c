/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/sm3.h"
#include "sm/sm3_impl.h"

/* GB/T 32905-2016 clause 4.1. */
static const uint32_t iv[8] = {
	0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
};

const struct sm3_impl *sm3_impl(void)
{
	return &sm3_portable;
}

void sm3_init(struct sm3 *s)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->h, iv, sizeof(iv));
}

void sm3_update(struct sm3 *s, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t held = s->nbytes % SM3_BLOCK_LEN;
	size_t space = SM3_BLOCK_LEN - held;

	if (!len)
		return;
	s->nbytes += len;
	if (len < space) {
		memcpy(s->block + held, p, len);
		return;
	}
	if (held) {
		memcpy(s->block + held, p, space);
		sm3_impl()->compress(s->h, s->block, 1);
		p += space;
		len -= space;
	}
	sm3_impl()->compress(s->h, p, len / SM3_BLOCK_LEN);
	memcpy(s->block, p + len / SM3_BLOCK_LEN * SM3_BLOCK_LEN, len % SM3_BLOCK_LEN);
}

/* Padding of clause 5.2: a one bit, zeros, the length in bits in 64 bits. */
void sm3_final(struct sm3 *s, uint8_t digest[SM3_DIGEST_LEN])
{
	size_t held = s->nbytes % SM3_BLOCK_LEN;

	s->block[held++] = 0x80;
	memset(s->block + held, 0, SM3_BLOCK_LEN - held);
	if (held > SM3_BLOCK_LEN - 8) {
		sm3_impl()->compress(s->h, s->block, 1);
		memset(s->block, 0, SM3_BLOCK_LEN);
	}
	store_be64(s->block + SM3_BLOCK_LEN - 8, s->nbytes << 3);
	sm3_impl()->compress(s->h, s->block, 1);
	for (int i = 0; i < 8; i++)
		store_be32(digest + 4 * i, s->h[i]);
	secret_wipe(s, sizeof(*s));
}

void sm3(const void *data, size_t len, uint8_t digest[SM3_DIGEST_LEN])
{
	struct sm3 s;

	sm3_init(&s);
	sm3_update(&s, data, len);
	sm3_final(&s, digest);
}

/* h || nbytes || block, big-endian; what the block does not hold is zero. */
void sm3_export(const struct sm3 *s, uint8_t out[SM3_STATE_LEN])
{
	size_t held = s->nbytes % SM3_BLOCK_LEN;

	for (int i = 0; i < 8; i++)
		store_be32(out + 4 * i, s->h[i]);
	store_be64(out + 32, s->nbytes);
	memcpy(out + 40, s->block, held);
	memset(out + 40 + held, 0, SM3_BLOCK_LEN - held);
}

void sm3_import(struct sm3 *s, const uint8_t in[SM3_STATE_LEN])
{
	for (int i = 0; i < 8; i++)
		s->h[i] = load_be32(in + 4 * i);
	s->nbytes = load_be64(in + 32);
	memcpy(s->block, in + 40, SM3_BLOCK_LEN);
}
