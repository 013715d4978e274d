/* SPDX-License-Identifier: Apache-2.0 */
/* GCM of GB/T 36624-2018 with SM4. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/declassify.h"
#include "sm/ghash.h"
#include "sm/sm4.h"
#include "sm/sm4_impl.h"

#define TEXT_MAX ((UINT64_C(1) << 36) - 32) /* bytes: 2^39 - 256 bits */
#define COUNTER_BITS 32

static const uint8_t zeros[SM4_BLOCK_LEN];

void sm4_gcm_init(struct sm4_gcm *g, const struct sm4_key *key, const uint8_t *iv, size_t iv_len)
{
	memset(g, 0, sizeof(*g));
	sm4_impl()->block(key->rk, g->h, g->h);
	if (iv_len == 12) {
		memcpy(g->j0, iv, 12);
		g->j0[15] = 1;
	} else {
		ghash_update(g->hash, g->h, 0, iv, iv_len);
		ghash_pad(g->hash, g->h, iv_len);
		ghash_lengths(g->hash, g->h, 0, iv_len);
		memcpy(g->j0, g->hash, sizeof(g->j0));
		memset(g->hash, 0, sizeof(g->hash));
	}
	memcpy(g->counter, g->j0, sizeof(g->counter));
	store_be32(g->counter + 12, load_be32(g->counter + 12) + 1);
}

void sm4_gcm_aad(struct sm4_gcm *g, const uint8_t *aad, size_t len)
{
	ghash_update(g->hash, g->h, g->aad_len, aad, len);
	g->aad_len += len;
}

/* Applies the keystream: what is left of the last block, whole blocks, the head of one more. */
static void crypt(struct sm4_gcm *g, const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t len)
{
	size_t held = g->text_len % SM4_BLOCK_LEN;
	size_t head = held ? SM4_BLOCK_LEN - held : 0;
	size_t whole;

	if (!len)
		return;
	if (head > len)
		head = len;
	xor_bytes(out, in, g->keystream + held, head);
	whole = (len - head) / SM4_BLOCK_LEN * SM4_BLOCK_LEN;
	sm4_ctr(key, g->counter, COUNTER_BITS, in + head, out + head, whole);
	if (head + whole < len) {
		sm4_ctr(key, g->counter, COUNTER_BITS, zeros, g->keystream, SM4_BLOCK_LEN);
		xor_bytes(out + head + whole, in + head + whole, g->keystream, len - head - whole);
	}
}

/* Makes room for len bytes of text; the first of them ends the AAD. */
static bool begin_text(struct sm4_gcm *g, size_t len)
{
	if (len > TEXT_MAX - g->text_len)
		return false;
	if (g->text_len == 0 && len)
		ghash_pad(g->hash, g->h, g->aad_len);
	return true;
}

bool sm4_gcm_encrypt(struct sm4_gcm *g, const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t len)
{
	if (!begin_text(g, len))
		return false;
	crypt(g, key, in, out, len);
	ghash_update(g->hash, g->h, g->text_len, out, len);
	g->text_len += len;
	return true;
}

bool sm4_gcm_decrypt(struct sm4_gcm *g, const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t len)
{
	if (!begin_text(g, len))
		return false;
	ghash_update(g->hash, g->h, g->text_len, in, len);
	crypt(g, key, in, out, len);
	g->text_len += len;
	return true;
}

void sm4_gcm_final(struct sm4_gcm *g, const struct sm4_key *key, uint8_t *tag, size_t tag_len)
{
	ghash_pad(g->hash, g->h, g->text_len ? g->text_len : g->aad_len);
	ghash_lengths(g->hash, g->h, g->aad_len, g->text_len);
	sm4_impl()->block(key->rk, g->j0, g->j0);
	xor_bytes(tag, g->hash, g->j0, tag_len);
	secret_wipe(g, sizeof(*g));
}

bool sm4_gcm_seal(const struct sm4_key *key, const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag, size_t tag_len)
{
	struct sm4_gcm g;
	bool fits;

	sm4_gcm_init(&g, key, iv, iv_len);
	sm4_gcm_aad(&g, aad, aad_len);
	fits = sm4_gcm_encrypt(&g, key, in, out, len);
	if (fits)
		sm4_gcm_final(&g, key, tag, tag_len);
	secret_wipe(&g, sizeof(g));
	return fits;
}

/* Clause 11.2. */
static bool tag_length_allowed(size_t len)
{
	return len == 4 || len == 8 || (len >= 12 && len <= 16);
}

/* Hashes the ciphertext before it decrypts any of it: nothing unproven reaches out. */
bool sm4_gcm_open(const struct sm4_key *key, const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag, size_t tag_len)
{
	struct sm4_gcm g, reader;
	uint8_t expected[SM4_BLOCK_LEN];
	bool good;

	if (!tag_length_allowed(tag_len) || len > TEXT_MAX)
		return false;
	sm4_gcm_init(&g, key, iv, iv_len);
	reader = g;
	sm4_gcm_aad(&g, aad, aad_len);
	(void)begin_text(&g, len);
	ghash_update(g.hash, g.h, 0, in, len);
	g.text_len = len;
	sm4_gcm_final(&g, key, expected, sizeof(expected));
	good = secret_equal(expected, tag, tag_len);
	declassify(&good, sizeof(good));
	if (good)
		crypt(&reader, key, in, out, len);
	secret_wipe(&reader, sizeof(reader));
	secret_wipe(expected, sizeof(expected));
	return good;
}
