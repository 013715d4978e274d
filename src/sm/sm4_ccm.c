/* SPDX-License-Identifier: Apache-2.0 */
/* CCM with SM4: GB/T 36624-2018; clauses below are those of SP 800-38C, which formats its blocks in the same way. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/declassify.h"
#include "sm/sm4.h"
#include "sm/sm4_impl.h"

#define BULK_LEN (SM4_BULK_BLOCKS * SM4_BLOCK_LEN)

/* One message. Its parts are taken in this order: AAD, text, tag. */
struct ccm {
	const struct sm4_key *key;
	size_t q;                      /* bytes that count the text's, and its blocks */
	uint8_t chain[SM4_BLOCK_LEN];
	uint8_t counter[SM4_BLOCK_LEN]; /* Ctr_0 at first */
};

/* A.1 */
static bool lengths_allowed(size_t nonce_len, size_t tag_len, uint64_t len)
{
	if (nonce_len < 7 || nonce_len > 13 || tag_len < 4 || tag_len > 16 || tag_len % 2)
		return false;
	size_t q = 15 - nonce_len;
	return q == 8 || len >> 8 * q == 0;
}

/* A.2.1: B_0. A.3: Ctr_0. */
static void begin(struct ccm *c, const struct sm4_key *key, const uint8_t *nonce, size_t nonce_len, bool has_aad, uint64_t len,
                  size_t tag_len)
{
	uint8_t b0[SM4_BLOCK_LEN] = {0};

	*c = (struct ccm){.key = key, .q = 15 - nonce_len};
	store_be64(b0 + 8, len);
	b0[0] = (uint8_t)((has_aad ? 0x40 : 0) | (tag_len - 2) / 2 << 3 | (c->q - 1));
	memcpy(b0 + 1, nonce, nonce_len); /* over zeros of the length */
	sm4_cbc_mac(key, c->chain, b0, 1);
	c->counter[0] = (uint8_t)(c->q - 1);
	memcpy(c->counter + 1, nonce, nonce_len);
}

/* Whole blocks, and a last one filled up with zeros. */
static void absorb(struct ccm *c, const uint8_t *data, size_t len)
{
	uint8_t block[SM4_BLOCK_LEN] = {0};
	size_t whole = len / SM4_BLOCK_LEN, rest = len % SM4_BLOCK_LEN;

	sm4_cbc_mac(c->key, c->chain, data, whole);
	if (!rest)
		return;
	memcpy(block, data + len - rest, rest);
	sm4_cbc_mac(c->key, c->chain, block, 1);
	secret_wipe(block, sizeof(block));
}

/* A.2.2: how the length is written. */
static size_t put_aad_len(uint8_t *out, uint64_t len)
{
	if (len < 0xff00) {
		out[0] = (uint8_t)(len >> 8);
		out[1] = (uint8_t)len;
		return 2;
	}
	out[0] = 0xff;
	if (len <= UINT32_MAX) {
		out[1] = 0xfe;
		store_be32(out + 2, (uint32_t)len);
		return 6;
	}
	out[1] = 0xff;
	store_be64(out + 2, len);
	return 10;
}

static void absorb_aad(struct ccm *c, const uint8_t *aad, size_t len)
{
	uint8_t block[SM4_BLOCK_LEN] = {0};

	if (!len)
		return;
	size_t head = put_aad_len(block, len), beside = SM4_BLOCK_LEN - head;
	if (beside > len)
		beside = len;
	memcpy(block + head, aad, beside);
	absorb(c, block, sizeof(block));
	absorb(c, aad + beside, len - beside);
}

/* Ctr_0 encrypts the tag, those after it the text. */
static void crypt(const struct ccm *c, uint8_t counter[SM4_BLOCK_LEN], const uint8_t *in, uint8_t *out, size_t len)
{
	sm4_ctr(c->key, counter, (unsigned)(8 * c->q), in, out, len);
}

bool sm4_ccm_seal(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag, size_t tag_len)
{
	uint8_t full[SM4_BLOCK_LEN];
	struct ccm c;

	if (!lengths_allowed(nonce_len, tag_len, len))
		return false;
	begin(&c, key, nonce, nonce_len, aad_len != 0, len, tag_len);
	absorb_aad(&c, aad, aad_len);
	absorb(&c, in, len);
	crypt(&c, c.counter, c.chain, full, sizeof(full));
	memcpy(tag, full, tag_len);
	crypt(&c, c.counter, in, out, len);
	secret_wipe(full, sizeof(full));
	secret_wipe(&c, sizeof(c));
	return true;
}

/* The text goes into the chain piece by piece and is kept nowhere: it is made again once it is known to be good. */
static void absorb_decrypted(struct ccm *c, const uint8_t counter[SM4_BLOCK_LEN], const uint8_t *in, size_t len)
{
	uint8_t piece[BULK_LEN], at[SM4_BLOCK_LEN];

	memcpy(at, counter, sizeof(at));
	for (size_t n; len; in += n, len -= n) {
		n = len < sizeof(piece) ? len : sizeof(piece);
		crypt(c, at, in, piece, n);
		absorb(c, piece, n);
	}
	secret_wipe(piece, sizeof(piece));
}

bool sm4_ccm_open(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag, size_t tag_len)
{
	uint8_t mask[SM4_BLOCK_LEN] = {0}, expected[SM4_BLOCK_LEN];
	struct ccm c;
	bool good;

	if (!lengths_allowed(nonce_len, tag_len, len))
		return false;
	begin(&c, key, nonce, nonce_len, aad_len != 0, len, tag_len);
	crypt(&c, c.counter, mask, mask, sizeof(mask));
	absorb_aad(&c, aad, aad_len);
	absorb_decrypted(&c, c.counter, in, len);
	xor_bytes(expected, c.chain, mask, sizeof(expected));
	good = secret_equal(expected, tag, tag_len);
	declassify(&good, sizeof(good));
	if (good)
		crypt(&c, c.counter, in, out, len);
	secret_wipe(mask, sizeof(mask));
	secret_wipe(expected, sizeof(expected));
	secret_wipe(&c, sizeof(c));
	return good;
}
