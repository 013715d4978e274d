/* SPDX-License-Identifier: Apache-2.0 */
/* Random inputs: what the device does, software undoes, and the reverse. */
#include "sm/sm3.h"
#include "sm/sm4.h"
#include "tools/qualify/examine.h"

#include <string.h>

#define ROUNDS 200
#define ROUNDS_FULL 5000
#define TEXT_MAX 1024

/* What one kind of check found. */
struct tally {
	uint32_t done, wrong, code;
};

static uint32_t random_below(uint32_t n)
{
	uint32_t value;

	host_fill((uint8_t *)&value, sizeof value);
	return value % n;
}

static void tell_tally(const struct card *card, const char *id, const char *what, const struct tally *t)
{
	if (t->code == CARD_MISSING)
		tell(RESULT_skipped, id, "%s: no such function, or it hung before", what);
	else if (t->code != SDR_OK)
		tell(RESULT_fault, id, "%s: after %u rounds %s", what, t->done, code_text(card, t->code));
	else
		tell(t->wrong ? RESULT_fault : RESULT_pass, id, "%s: %u of %u wrong", what, t->wrong, t->done);
}

/* True: right. */
typedef bool cross_fn(struct card *, void *session, const struct known_key *, uint32_t *code);

static bool sign(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	(void)key;
	return round_sign(card, session, 0, code);
}

/* Software signs, the device verifies: the right one, and one that is not. */
static bool verify(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	struct sm2_private pair;
	uint8_t d[32], point[64], e[32], sig[64];

	(void)key;
	host_fill(e, sizeof e);
	if (sm2_generate(&host_random, d, point) || sm2_private_init(&pair, d) || sm2_sign(&pair, e, &host_random, sig))
		return false;
	*code = card_verify(card, session, point, e, sig);
	e[random_below(32)] ^= 1;
	return *code == SDR_OK && card_verify(card, session, point, e, sig) != SDR_OK;
}

static bool encrypt_ecc(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t d[32], point[64], text[128], cipher[1 + 96 + 128] = {4}, back[128];
	size_t len = 1 + random_below(sizeof text);
	struct sm2_private pair;

	(void)key;
	host_fill(text, len);
	if (sm2_generate(&host_random, d, point) || sm2_private_init(&pair, d))
		return false;
	*code = card_encrypt_ecc(card, session, point, text, len, cipher + 1);
	return *code == SDR_OK && sm2_decrypt(&pair, cipher, 97 + len, back) == SM2_OK && !memcmp(back, text, len);
}

static bool decrypt_ecc(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t text[128], cipher[SM2_CIPHER_OVERHEAD + 128], back[128];
	size_t len = 1 + random_below(sizeof text);
	struct sm2_public to;

	(void)key;
	host_fill(text, len);
	if (sm2_public_init(&to, card->encrypt_point) || sm2_encrypt(&to, text, len, &host_random, cipher))
		return false;
	*code = card_decrypt_ecc(card, session, card->encrypt_index, cipher + 1, len, back);
	return *code == SDR_OK && !memcmp(back, text, len);
}

static bool hash(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t text[TEXT_MAX], digest[32], right[32];
	size_t len = 1 + random_below(sizeof text);

	(void)key;
	host_fill(text, len);
	sm3(text, len, right);
	*code = card_hash(card, session, NULL, NULL, 0, text, len, digest);
	return *code == SDR_OK && !memcmp(digest, right, 32);
}

static bool crypt_ecb(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t text[TEXT_MAX], out[TEXT_MAX], right[TEXT_MAX];
	size_t len = 16 * (1 + random_below(TEXT_MAX / 16));
	struct sm4_key sm4;

	host_fill(text, len);
	sm4_key_init(&sm4, key->value);
	sm4_ecb_encrypt(&sm4, text, right, len / 16);
	*code = card_crypt(card, session, key->handle, card->profile->alg[SDF_ALG_SM4_ECB], true, NULL, text, len, out);
	return *code == SDR_OK && !memcmp(out, right, len);
}

static bool crypt_cbc(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t text[TEXT_MAX], out[TEXT_MAX], right[TEXT_MAX], iv[16], chain[16];
	size_t len = 16 * (1 + random_below(TEXT_MAX / 16));
	struct sm4_key sm4;

	host_fill(text, len);
	host_fill(iv, sizeof iv);
	memcpy(chain, iv, sizeof chain);
	sm4_key_init(&sm4, key->value);
	sm4_cbc_decrypt(&sm4, chain, text, right, len / 16);
	*code = card_crypt(card, session, key->handle, card->profile->alg[SDF_ALG_SM4_CBC], false, iv, text, len, out);
	return *code == SDR_OK && !memcmp(out, right, len);
}

static bool hmac(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t text[TEXT_MAX], mac[32], right[32];
	size_t len = 1 + random_below(sizeof text);
	struct sm3_hmac_key schedule;

	host_fill(text, len);
	sm3_hmac_key_init(&schedule, key->value, sizeof key->value);
	sm3_hmac(&schedule, text, len, right);
	*code = card_hmac(card, session, key->handle, text, len, mac);
	return *code == SDR_OK && !memcmp(mac, right, 32);
}

/* What is made under a KEK opens under it, and is the same key. */
static bool kek(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint32_t alg = card->profile->alg[SDF_ALG_KEK], index = card->request->kek, ecb = card->profile->alg[SDF_ALG_SM4_ECB];
	uint8_t text[16], a[16], b[16], *wrapped = room(256);
	void *made = NULL, *opened = NULL;
	unsigned len = 256;

	(void)key;
	host_fill(text, sizeof text);
	*code = CALL(card, GenerateKeyWithKEK, session, 128, alg, index, wrapped, &len, &made);
	if (*code == SDR_OK)
		*code = len <= 256 ? CALL(card, ImportKeyWithKEK, session, alg, index, wrapped, len, &opened) : CARD_STRANGE;
	if (*code == SDR_OK)
		*code = card_crypt(card, session, made, ecb, true, NULL, text, sizeof text, a);
	if (*code == SDR_OK)
		*code = card_crypt(card, session, opened, ecb, true, NULL, text, sizeof text, b);
	card_destroy(card, session, made);
	card_destroy(card, session, opened);
	return *code == SDR_OK && !memcmp(a, b, sizeof a);
}

/* The same with the encryption pair of an index. */
static bool ipk(struct card *card, void *session, const struct known_key *key, uint32_t *code)
{
	uint8_t text[16], a[16], b[16], *wrapped = room(card_cipher_len(card, 16));
	uint32_t ecb = card->profile->alg[SDF_ALG_SM4_ECB];
	void *made = NULL, *opened = NULL;

	(void)key;
	host_fill(text, sizeof text);
	*code = CALL(card, GenerateKeyWithIPK_ECC, session, card->encrypt_index, 128, (ECCCipher *)(void *)wrapped, &made);
	if (*code == SDR_OK)
		*code = CALL(card, ImportKeyWithISK_ECC, session, card->encrypt_index, (ECCCipher *)(void *)wrapped, &opened);
	if (*code == SDR_OK)
		*code = card_crypt(card, session, made, ecb, true, NULL, text, sizeof text, a);
	if (*code == SDR_OK)
		*code = card_crypt(card, session, opened, ecb, true, NULL, text, sizeof text, b);
	card_destroy(card, session, made);
	card_destroy(card, session, opened);
	return *code == SDR_OK && !memcmp(a, b, sizeof a);
}

static bool has_alg(const struct card *card, enum sdf_alg alg)
{
	return card->profile->alg[alg] != 0;
}

static void cross(struct card *card, void *session, const struct known_key *key, cross_fn *check, const char *id, const char *what)
{
	uint32_t rounds = card->request->full ? ROUNDS_FULL : ROUNDS;
	struct tally t = {0};

	for (; t.done < rounds && t.code == SDR_OK; t.done++) {
		bool good = check(card, session, key, &t.code);
		t.wrong += t.code == SDR_OK && !good;
		tell_at(t.done, rounds);
	}
	tell_tally(card, id, what, &t);
}

static void without_key(struct card *card, void *session)
{
	if (card->sign_index)
		cross(card, session, NULL, sign, "sm2-sign", "SM2: the device signs, software verifies");
	else
		tell(RESULT_skipped, "sm2-sign", "no index has a signing pair");
	cross(card, session, NULL, verify, "sm2-verify", "SM2: software signs, the device verifies");
	cross(card, session, NULL, encrypt_ecc, "sm2-encrypt", "SM2: the device encrypts, software decrypts");
	if (card->InternalDecrypt_ECC && !card->profile->decrypt_args)
		tell(RESULT_skipped, "sm2-decrypt", "the profile does not say how many arguments SDF_InternalDecrypt_ECC takes");
	else if (card->encrypt_index)
		cross(card, session, NULL, decrypt_ecc, "sm2-decrypt", "SM2: software encrypts, the device decrypts");
	else
		tell(RESULT_skipped, "sm2-decrypt", "no index has an encryption pair");
	if (has_alg(card, SDF_ALG_SM3))
		cross(card, session, NULL, hash, "sm3", "SM3");
	if (card->encrypt_index && has_alg(card, SDF_ALG_SM4_ECB))
		cross(card, session, NULL, ipk, "ipk", "a key made under an index's encryption key is opened by it");
	if (card->request->kek)
		cross(card, session, NULL, kek, "kek", "a key made under the KEK is opened under it");
	else
		tell(RESULT_skipped, "kek", "no KEK was named (--kek N)");
}

void examine_cross(struct card *card)
{
	void *session = card_ready(card, "session");
	struct known_key key;

	if (!session)
		return;
	without_key(card, session);
	if (known_key_load(card, session, "known-key", &key)) {
		if (has_alg(card, SDF_ALG_SM4_ECB))
			cross(card, session, &key, crypt_ecb, "sm4-ecb", "SM4-ECB: the device encrypts");
		if (has_alg(card, SDF_ALG_SM4_CBC))
			cross(card, session, &key, crypt_cbc, "sm4-cbc", "SM4-CBC: the device decrypts");
		if (has_alg(card, SDF_ALG_SM3) && card->HMACInit)
			cross(card, session, &key, hmac, "hmac-sm3", "HMAC-SM3");
		card_destroy(card, session, key.handle);
	}
	card_close_session(card, session);
}
