/* SPDX-License-Identifier: Apache-2.0 */
/* One line after another: sealing, and looking at what was sealed. */
#include "audit/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "rand/rand.h"

#define SEQ_WORD "{\"seq\":"
#define PREV_WORD ",\"prev\":\""
#define SIG_WORD "\",\"sig\":\""
#define MAC_WORD "\",\"mac\":\""
#define END_WORD "\"}"
#define HEX_DIGEST (2 * SM3_DIGEST_LEN)
#define HEX_SIG (2 * SM2_SIG_LEN)

/* The distinguishing identifier of GM/T 0009-2012 7.1, so that any SM2 program can check a checkpoint. */
static const uint8_t signer_id[] = "1234567812345678";

void chain_hex(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * len] = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool chain_unhex(const char *in, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		const int high = hex_digit(in[2 * i]), low = high < 0 ? -1 : hex_digit(in[2 * i + 1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void chain_begin(struct chain *chain, const uint8_t seed[CHAIN_KEY_LEN])
{
	chain->seq = 1;
	memset(chain->head, 0, sizeof(chain->head));
	memcpy(chain->key, seed, CHAIN_KEY_LEN);
}

static const char next_key[] = "hufu audit: the next key";

static void mac_of(const uint8_t key[CHAIN_KEY_LEN], const void *data, size_t len, uint8_t mac[SM3_DIGEST_LEN])
{
	struct sm3_hmac_key padded;

	sm3_hmac_key_init(&padded, key, CHAIN_KEY_LEN);
	sm3_hmac(&padded, data, len, mac);
	secret_wipe(&padded, sizeof(padded));
}

void chain_evolve(uint8_t key[CHAIN_KEY_LEN])
{
	uint8_t next[SM3_DIGEST_LEN];

	mac_of(key, next_key, sizeof(next_key) - 1, next);
	memcpy(key, next, sizeof(next));
	secret_wipe(next, sizeof(next));
}

/* SM3(Z || M) of GB/T 32918.2 6.1. */
static void digest_to_sign(const uint8_t point[SM2_POINT_LEN], const void *data, size_t len, uint8_t e[SM3_DIGEST_LEN])
{
	uint8_t z[SM3_DIGEST_LEN];
	struct sm3 hash;

	sm2_z(point, signer_id, sizeof(signer_id) - 1, z);
	sm3_init(&hash);
	sm3_update(&hash, z, sizeof(z));
	sm3_update(&hash, data, len);
	sm3_final(&hash, e);
}

static void write_word(struct writer *w, const char *word)
{
	write_bytes(w, word, strlen(word));
}

static void write_hex(struct writer *w, const uint8_t *bytes, size_t len)
{
	char text[HEX_SIG + 1];

	chain_hex(bytes, len, text);
	write_bytes(w, text, 2 * len);
}

static enum hufu_err sign(const struct sm2_private *signer, struct writer *out, size_t from)
{
	static const struct sm2_random random = {.fill = rand_for_sm2};
	uint8_t e[SM3_DIGEST_LEN], signature[SM2_SIG_LEN];

	digest_to_sign(signer->point, out->data + from, out->len - from, e);
	if (sm2_sign(signer, e, &random, signature) != SM2_OK)
		return HUFU_ERR_RANDOM;
	write_word(out, SIG_WORD);
	write_hex(out, signature, sizeof(signature));
	return HUFU_OK;
}

enum hufu_err chain_append(struct chain *chain, const char *members, const struct sm2_private *signer, struct writer *out)
{
	const size_t from = out->len;
	uint8_t mac[SM3_DIGEST_LEN];
	char head[48];
	enum hufu_err err = HUFU_OK;

	snprintf(head, sizeof(head), SEQ_WORD "%" PRIu64 ",", chain->seq);
	write_word(out, head);
	write_word(out, members);
	write_word(out, PREV_WORD);
	write_hex(out, chain->head, sizeof(chain->head));
	if (!out->bad && signer)
		err = sign(signer, out, from);
	if (!out->bad && !err)
		mac_of(chain->key, out->data + from, out->len - from, mac);
	write_word(out, MAC_WORD);
	write_hex(out, mac, sizeof(mac));
	write_word(out, END_WORD "\n");
	if (out->bad)
		return HUFU_ERR_NO_MEMORY;
	if (!err && out->len - from > CHAIN_LINE_MAX)
		err = HUFU_ERR_DATA_LEN;
	if (err) {
		out->len = from;
		return err;
	}
	chain->seq++;
	sm3(out->data + from, out->len - from - 1, chain->head);
	chain_evolve(chain->key);
	return HUFU_OK;
}

/* Does word stand in the line just before what ends at *end, with nhex digits behind it? Then *end is where it begins. */
static const char *take_hex(const char *line, size_t *end, const char *word, size_t nhex)
{
	const size_t word_len = strlen(word);

	if (*end < nhex + word_len || memcmp(line + *end - nhex - word_len, word, word_len) != 0)
		return NULL;
	*end -= nhex + word_len;
	return line + *end + word_len;
}

bool chain_parse(const char *line, size_t len, struct chain_line *parsed)
{
	const size_t word_len = sizeof(SEQ_WORD) - 1, end_len = sizeof(END_WORD) - 1;
	const char *hex;

	memset(parsed, 0, sizeof(*parsed));
	if (len < word_len + 2 + end_len || len > CHAIN_LINE_MAX || memcmp(line, SEQ_WORD, word_len) != 0 ||
	    memcmp(line + len - end_len, END_WORD, end_len) != 0)
		return false;
	size_t end = len - end_len, i = word_len;
	for (; i < len && line[i] >= '0' && line[i] <= '9' && i < word_len + 19; i++)
		parsed->seq = parsed->seq * 10 + (uint64_t)(line[i] - '0');
	if (i == word_len || line[word_len] == '0' || line[i] != ',')
		return false;
	hex = take_hex(line, &end, MAC_WORD, HEX_DIGEST);
	if (!hex || !chain_unhex(hex, SM3_DIGEST_LEN, parsed->mac))
		return false;
	parsed->mac_len = parsed->signed_len = end;
	hex = take_hex(line, &end, SIG_WORD, HEX_SIG);
	parsed->checkpoint = hex != NULL;
	if (hex) {
		parsed->signed_len = end;
		if (!chain_unhex(hex, SM2_SIG_LEN, parsed->signature))
			return false;
	}
	hex = take_hex(line, &end, PREV_WORD, HEX_DIGEST);
	if (!hex || !chain_unhex(hex, SM3_DIGEST_LEN, parsed->prev) || end < i)
		return false;
	sm3(line, len, parsed->hash);
	return true;
}

bool chain_authentic(const struct chain_line *parsed, const char *line, const uint8_t key[CHAIN_KEY_LEN])
{
	uint8_t mac[SM3_DIGEST_LEN];

	mac_of(key, line, parsed->mac_len, mac);
	return secret_equal(mac, parsed->mac, sizeof(mac));
}

bool chain_signed_by(const struct chain_line *parsed, const char *line, const struct sm2_public *signer)
{
	uint8_t e[SM3_DIGEST_LEN];

	digest_to_sign(signer->point, line, parsed->signed_len, e);
	return sm2_verify(signer, e, parsed->signature) == SM2_OK;
}

void chain_follow(struct chain *chain, const struct chain_line *parsed)
{
	chain->seq = parsed->seq + 1;
	memcpy(chain->head, parsed->hash, sizeof(chain->head));
	chain_evolve(chain->key);
}
