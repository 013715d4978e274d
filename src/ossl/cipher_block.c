/* SPDX-License-Identifier: Apache-2.0 */
/* ECB, CBC, CTR, OFB and CFB: what waits for its block, padding, and whole blocks by whoever has the key. */
#include <string.h>

#include "base/secret.h"
#include "ossl/cipher.h"
#include "token/operation.h"

#define PIECE_BLOCKS 4096               /* that a token is given at once */

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* -- whole blocks -------------------------------------------------------------------- */

static void sm4_blocks(struct cipher *c, const uint8_t *in, uint8_t *out, size_t n)
{
	switch (c->kind->mode) {
	case MODE_ECB: (c->encrypts ? sm4_ecb_encrypt : sm4_ecb_decrypt)(&c->sm4, in, out, n); break;
	case MODE_CBC: (c->encrypts ? sm4_cbc_encrypt : sm4_cbc_decrypt)(&c->sm4, c->iv, in, out, n); break;
	case MODE_CTR: sm4_ctr(&c->sm4, c->iv, 128, in, out, n * BLOCK_LEN); break;
	case MODE_OFB: sm4_ofb(&c->sm4, c->iv, in, out, n * BLOCK_LEN); break;
	case MODE_CFB: (c->encrypts ? sm4_cfb128_encrypt : sm4_cfb128_decrypt)(&c->sm4, c->iv, in, out, n * BLOCK_LEN); break;
	case MODE_GCM:
	case MODE_CCM: break;           /* cipher_aead.c's */
	}
}

static void add_to_counter(uint8_t counter[BLOCK_LEN], size_t n)
{
	for (size_t i = BLOCK_LEN; i-- && n; n >>= 8) {
		n += counter[i];
		counter[i] = (uint8_t)n;
	}
}

/* The IV of the block behind those: last_in, last_out: the last one of them. */
static void chain(struct cipher *c, const uint8_t last_in[BLOCK_LEN], const uint8_t last_out[BLOCK_LEN], size_t n)
{
	switch (c->kind->mode) {
	case MODE_CBC:
	case MODE_CFB: memcpy(c->iv, c->encrypts ? last_out : last_in, BLOCK_LEN); break;
	case MODE_OFB:
		for (size_t i = 0; i < BLOCK_LEN; i++)
			c->iv[i] = last_in[i] ^ last_out[i];
		break;
	case MODE_CTR: add_to_counter(c->iv, n); break;
	case MODE_ECB:
	case MODE_GCM:
	case MODE_CCM: break;
	}
}

/* In place, in memory that the operation may keep. */
struct piece {
	struct cipher *c;
	uint8_t *data;
	size_t len;
};

static CK_RV begin(struct session *session, CK_OBJECT_HANDLE handle, void *arg)
{
	const struct cipher *c = ((struct piece *)arg)->c;
	CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 128};
	CK_MECHANISM mechanism = {c->kind->mechanism, NULL, 0};

	if (c->kind->mode == MODE_CTR) {
		memcpy(ctr.cb, c->iv, BLOCK_LEN);
		mechanism.pParameter = &ctr;
		mechanism.ulParameterLen = sizeof ctr;
	} else if (c->kind->mode != MODE_ECB) {
		mechanism.pParameter = (void *)(uintptr_t)c->iv;
		mechanism.ulParameterLen = BLOCK_LEN;
	}
	return crypt_init(session, c->encrypts ? OP_ENCRYPT : OP_DECRYPT, &mechanism, handle);
}

static CK_RV run(struct session *session, void *arg)
{
	struct piece *piece = arg;
	CK_ULONG n = piece->len;
	CK_RV rv = crypt_once(session, piece->c->encrypts ? OP_ENCRYPT : OP_DECRYPT, piece->data, piece->len, piece->data, &n);

	return rv == CKR_OK && n != piece->len ? CKR_DEVICE_ERROR : rv;
}

static int run_piece(struct cipher *c, uint8_t *data, size_t len)
{
	struct piece piece = {c, data, len};

	return token_key_work(c->token, &(struct token_work){.begin = begin, .run = run, .arg = &piece,
	                                                     .what = c->encrypts ? "encrypt" : "decrypt"});
}

/* How many blocks there are before CTR's counter begins again at 0, which PKCS#11 does not let it do within one call. */
static size_t blocks_before_wrap(const struct cipher *c)
{
	uint64_t left = 0;

	for (size_t i = 0; i < BLOCK_LEN - 4; i++)
		if (c->kind->mode != MODE_CTR || c->iv[i] != 0xff)
			return PIECE_BLOCKS;
	for (size_t i = BLOCK_LEN - 4; i < BLOCK_LEN; i++)
		left = left << 8 | (uint8_t)~c->iv[i];
	return left < PIECE_BLOCKS ? (size_t)left + 1 : PIECE_BLOCKS;
}

/* Operations of their own: nothing in the token waits for the program's next call. */
static int token_blocks(struct cipher *c, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t cap = min(n, PIECE_BLOCKS);
	uint8_t *piece = secret_alloc(cap * BLOCK_LEN), last[BLOCK_LEN];
	int good = piece ? 1 : fail(c->provider, REASON_INTERNAL, "no memory");

	for (size_t m; n && good; in += m * BLOCK_LEN, out += m * BLOCK_LEN, n -= m) {
		m = min(min(n, cap), blocks_before_wrap(c));
		memcpy(piece, in, m * BLOCK_LEN);
		memcpy(last, in + (m - 1) * BLOCK_LEN, BLOCK_LEN);
		good = run_piece(c, piece, m * BLOCK_LEN);
		if (!good)
			break;
		memcpy(out, piece, m * BLOCK_LEN);
		chain(c, last, piece + (m - 1) * BLOCK_LEN, m);
	}
	secret_free(piece);
	secret_wipe(last, sizeof last);
	return good;
}

int cipher_blocks(struct cipher *c, const uint8_t *in, uint8_t *out, size_t n)
{
	if (!n)
		return 1;
	if (c->token)
		return token_blocks(c, in, out, n);
	sm4_blocks(c, in, out, n);
	return 1;
}

/* -- block modes: the default provider's way to hold bytes back, to the byte ------------------- */

/* While it decrypts with padding, a whole block may be the last one. */
static size_t blocks_of(const struct cipher *c, size_t len)
{
	size_t n = len / BLOCK_LEN;

	return n && !c->encrypts && c->padding && len % BLOCK_LEN == 0 ? n - 1 : n;
}

static int no_room(const struct cipher *c, size_t wanted)
{
	return fail(c->provider, REASON_BUFFER, "%s: %zu bytes are wanted for the result", c->kind->name, wanted);
}

int cipher_block_update(struct cipher *c, uint8_t *out, size_t *out_len, size_t room, const uint8_t *in, size_t len)
{
	size_t done = 0;

	if (c->held) {
		size_t n = min(BLOCK_LEN - c->held, len);

		memcpy(c->block + c->held, in, n);
		c->held += n;
		in += n;
		len -= n;
	}
	if (c->held == BLOCK_LEN && (c->encrypts || len || !c->padding)) {
		if (room < BLOCK_LEN)
			return no_room(c, BLOCK_LEN);
		if (!cipher_blocks(c, c->block, out, 1))
			return 0;
		c->held = 0;
		done = BLOCK_LEN;
	}
	size_t n = blocks_of(c, len);
	if (room - done < n * BLOCK_LEN)
		return no_room(c, done + n * BLOCK_LEN);
	if (!cipher_blocks(c, in, out + done, n))
		return 0;
	len -= n * BLOCK_LEN;
	if (len) {
		memcpy(c->block, in + n * BLOCK_LEN, len);
		c->held = len;
	}
	*out_len = done + n * BLOCK_LEN;
	return 1;
}

static int bad_length(const struct cipher *c)
{
	return fail(c->provider, REASON_INPUT, "%s: the text is not of whole blocks", c->kind->name);
}

static int final_encrypt(struct cipher *c, uint8_t *out, size_t *out_len, size_t room)
{
	*out_len = 0;
	if (!c->padding)
		return c->held ? bad_length(c) : 1;
	if (room < BLOCK_LEN)
		return no_room(c, BLOCK_LEN);
	memset(c->block + c->held, (int)(BLOCK_LEN - c->held), BLOCK_LEN - c->held);
	c->held = 0;
	*out_len = BLOCK_LEN;
	return cipher_blocks(c, c->block, out, 1);
}

/* PKCS #7's; in constant time but for the length that is left, which the caller is told. BLOCK_LEN: it is none. */
static size_t unpadded(const uint8_t block[BLOCK_LEN])
{
	unsigned pad = block[BLOCK_LEN - 1], bad = (pad - 1) >> 4;

	for (unsigned i = 0; i < BLOCK_LEN; i++) {
		unsigned within = (i - pad) >> 31; /* 1 where i < pad */

		bad |= within * (block[BLOCK_LEN - 1 - i] ^ pad);
	}
	return bad ? BLOCK_LEN : BLOCK_LEN - pad;
}

static int final_decrypt(struct cipher *c, uint8_t *out, size_t *out_len, size_t room)
{
	*out_len = 0;
	if (!c->padding && !c->held)
		return 1;
	if (!c->padding || c->held != BLOCK_LEN)
		return bad_length(c);
	c->held = 0;
	if (!cipher_blocks(c, c->block, c->block, 1))
		return 0;
	size_t len = unpadded(c->block);
	if (len == BLOCK_LEN)
		return fail(c->provider, REASON_DECRYPTION, "%s: this does not end as it was padded: another key, or another text",
		            c->kind->name);
	if (room < len)
		return no_room(c, len);
	memcpy(out, c->block, len);
	secret_wipe(c->block, BLOCK_LEN);
	*out_len = len;
	return 1;
}

int cipher_block_final(struct cipher *c, uint8_t *out, size_t *out_len, size_t room)
{
	return c->encrypts ? final_encrypt(c, out, out_len, room) : final_decrypt(c, out, out_len, room);
}

/* -- streams --------------------------------------------------------------------------- */

/* The keystream of the next block, which zeros show. */
static int next_keystream(struct cipher *c)
{
	memset(c->block, 0, BLOCK_LEN);
	return cipher_blocks(c, c->block, c->block, 1);
}

/* Within a block. CFB's next IV is the ciphertext, as far as it goes. */
static void use_keystream(struct cipher *c, const uint8_t *in, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t from = in[i], to = from ^ c->block[c->held];

		if (c->kind->mode == MODE_CFB)
			c->iv[c->held] = c->encrypts ? to : from;
		out[i] = to;
		c->held++;
	}
	c->held %= BLOCK_LEN;
}

static size_t rest_of_block(const struct cipher *c, size_t len)
{
	return c->held ? min(BLOCK_LEN - c->held, len) : 0;
}

int cipher_stream_update(struct cipher *c, uint8_t *out, size_t *out_len, size_t room, const uint8_t *in, size_t len)
{
	if (room < len)
		return no_room(c, len);
	*out_len = len;
	size_t first = rest_of_block(c, len), n = (len - first) / BLOCK_LEN, last = (len - first) % BLOCK_LEN;
	use_keystream(c, in, out, first);
	in += first;
	out += first;
	if (!cipher_blocks(c, in, out, n))
		return 0;
	if (last && !next_keystream(c))
		return 0;
	use_keystream(c, in + n * BLOCK_LEN, out + n * BLOCK_LEN, last);
	return 1;
}
