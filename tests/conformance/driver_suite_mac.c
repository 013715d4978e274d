/* SPDX-License-Identifier: Apache-2.0 */
/* MACs: HMAC (GM/T 0042-2015 D.3; libcrypto on patterns) and EIA3 (GM/T 0001.3). */
#include "driver_suite.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define HMAC_KEY "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define HMAC_TEXT "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopqabcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
#define HMAC_MAC "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"

static enum hufu_err sign(uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *in, size_t len,
                          struct output *out, size_t *out_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .param = param, .in = in, .in_len = len};
	enum hufu_err err = run_checked(&op, key, out);

	*out_len = op.out_len;
	return err;
}

static enum hufu_err verify(uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *in, size_t len,
                            const uint8_t *mac, size_t mac_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .param = param, .in = in, .in_len = len,
	                     .in2 = mac, .in2_len = mac_len};

	return subject->run(&op, key);
}

void suite_hmac_known(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SECRET, HMAC_KEY);
	const uint8_t *text = (const uint8_t *)HMAC_TEXT;
	uint8_t want[32];
	struct output out;
	size_t len;

	unit_hex(HMAC_MAC, want);
	CU_ASSERT(sign(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, &out, &len) == HUFU_OK && len == 32);
	ASSERT_SAME(out.bytes, want, 32);
	for (size_t n = 1; n <= 32; n++) {
		struct hufu_param_mac param = {.mac_len = n};

		CU_ASSERT(sign(CKM_HUFU_SM3_HMAC, key, &param, text, 112, &out, &len) == HUFU_OK && len == n);
		ASSERT_SAME(out.bytes, want, n);
		CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, &param, text, 112, want, n) == HUFU_OK);
		CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, &param, text, 112, want, n - 1) == HUFU_ERR_SIGNATURE_LEN);
	}
	subject->key_free(key);
}

static const struct {
	uint64_t mechanism;
	const char *hash; /* libcrypto's */
	bool in_parts;
} hmacs[] = {
	{CKM_HUFU_SM3_HMAC, "SM3", true}, {CKM_SHA_1_HMAC, "SHA1", true}, {CKM_SHA224_HMAC, "SHA224", true},
	{CKM_SHA256_HMAC, "SHA256", true}, {CKM_SHA384_HMAC, "SHA384", true}, {CKM_SHA512_HMAC, "SHA512", true},
	{CKM_SHA512_224_HMAC, "SHA512-224", true}, {CKM_SHA512_256_HMAC, "SHA512-256", true},
	{CKM_SHA3_224_HMAC, "SHA3-224", false}, {CKM_SHA3_256_HMAC, "SHA3-256", false},
	{CKM_SHA3_384_HMAC, "SHA3-384", false}, {CKM_SHA3_512_HMAC, "SHA3-512", false},
};

#define MAC (VERB(SIGN) | VERB(VERIFY))
const struct tried suite_hmac_tried[] = {
	{CKM_HUFU_SM3_HMAC, MAC}, {CKM_SHA_1_HMAC, MAC}, {CKM_SHA224_HMAC, MAC}, {CKM_SHA256_HMAC, MAC},
	{CKM_SHA384_HMAC, MAC}, {CKM_SHA512_HMAC, MAC}, {CKM_SHA512_224_HMAC, MAC}, {CKM_SHA512_256_HMAC, MAC},
	{CKM_SHA3_224_HMAC, MAC}, {CKM_SHA3_256_HMAC, MAC}, {CKM_SHA3_384_HMAC, MAC}, {CKM_SHA3_512_HMAC, MAC},
	{0, 0},
};

static size_t expect_hmac(const char *hash, const uint8_t *key, size_t key_len, const uint8_t *text, size_t len, uint8_t want[64])
{
	EVP_MD *md = EVP_MD_fetch(NULL, hash, NULL);
	unsigned n = 0;

	CU_ASSERT_FATAL(md && HMAC(md, key, (int)key_len, text, len, want, &n));
	EVP_MD_free(md);
	return n;
}

static void check_parts(uint64_t mechanism, struct kit_key *key, const uint8_t *text, const uint8_t *want, size_t want_len)
{
	struct output out;

	for (size_t a = 0; a <= 112; a += 7)
		for (size_t b = a; b <= 112; b += 9) {
			struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .in = text, .in_len = 112};

			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == want_len);
			ASSERT_SAME(out.bytes, want, want_len);
			op = (struct hufu_op){.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .in = text, .in_len = 112,
			                      .in2 = want, .in2_len = want_len};
			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK);
		}
}

void suite_hmac_parts(void)
{
	const uint8_t *text = (const uint8_t *)HMAC_TEXT;
	uint8_t bytes[32], want[64];

	unit_hex(HMAC_KEY, bytes);
	for (size_t i = 0; i < ARRAY_LEN(hmacs); i++) {
		struct kit_key *key = key_of_hex(HUFU_KEY_SECRET, HMAC_KEY);
		size_t want_len = expect_hmac(hmacs[i].hash, bytes, sizeof(bytes), text, 112, want);

		if (hmacs[i].in_parts)
			check_parts(hmacs[i].mechanism, key, text, want, want_len);
		subject->key_free(key);
	}
}

static void check_lengths(uint64_t mechanism, const char *hash, struct kit_key *key, const uint8_t *bytes, size_t key_len)
{
	struct hufu_param_mac none = {.mac_len = 0}, many;
	uint8_t text[300], want[64];
	struct output out;
	size_t len;

	fill_pattern(text, sizeof(text), 2);
	for (size_t n = 0; n <= sizeof(text); n += 50) {
		size_t want_len = expect_hmac(hash, bytes, key_len, text, n, want);

		CU_ASSERT(sign(mechanism, key, NULL, text, n, &out, &len) == HUFU_OK && len == want_len);
		ASSERT_SAME(out.bytes, want, want_len);
		many.mac_len = want_len + 1;
	}
	CU_ASSERT(sign(mechanism, key, &none, text, 1, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(sign(mechanism, key, &many, text, 1, &out, &len) == HUFU_ERR_PARAM);
}

/* One key with every hash: what it has loaded for one does not disturb another. */
void suite_hmac_lengths(void)
{
	static const size_t key_lens[] = {1, 16, 63, 64, 65, 128, 129, 144, 145, 200, 4096};
	uint8_t bytes[4096];

	fill_pattern(bytes, sizeof(bytes), 1);
	for (size_t k = 0; k < ARRAY_LEN(key_lens); k++) {
		struct kit_key *key = subject->key_new(HUFU_KEY_SECRET, bytes, key_lens[k]);

		for (size_t i = 0; i < ARRAY_LEN(hmacs); i++)
			check_lengths(hmacs[i].mechanism, hmacs[i].hash, key, bytes, key_lens[k]);
		subject->key_free(key);
	}
}

/* -- EIA3 ------------------------------------------------------------------ */

static const struct {
	const char *key;
	struct hufu_param_zuc param;
	const char *in, *mac;
} eia3_sets[] = {
	{"00000000000000000000000000000000", {0, 0, 0, 1}, "00000000", "c8a9595e"},
	{"47054125561eb2dda94059da05097850", {0x561eb2dd, 0x14, 0, 90}, "000000000000000000000000", "6719a088"},
	{"c9e6cec4607c72db000aefa88385ab0a", {0xa94059da, 0xa, 1, 577},
	 "983b41d47d780c9e1ad11d7eb70391b1de0b35da2dc62f83e7b78d6306ca0ea07e941b7be91348f9fcb170e2217fecd9"
	 "7f9f68adb16e5d7d21e569d280ed775cebde3f4093c53881000000", "fae8ff0b"},
};

void suite_eia3(void)
{
	struct output out;
	uint8_t in[128], want[4];
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(eia3_sets); i++) {
		struct kit_key *key = key_of_hex(HUFU_KEY_ZUC, eia3_sets[i].key);
		struct hufu_param_zuc param = eia3_sets[i].param;
		size_t n = unit_hex(eia3_sets[i].in, in);

		unit_hex(eia3_sets[i].mac, want);
		CU_ASSERT(sign(CKM_HUFU_ZUC_EIA3, key, &param, in, n, &out, &len) == HUFU_OK && len == 4);
		ASSERT_SAME(out.bytes, want, 4);
		/* What lies beyond the last bit does not count. */
		in[n - 1] ^= 1;
		CU_ASSERT(verify(CKM_HUFU_ZUC_EIA3, key, &param, in, n, want, 4) == HUFU_OK);
		CU_ASSERT(sign(CKM_HUFU_ZUC_EIA3, key, &param, in, (size_t)(param.nbits - 1) / 8, &out, &len) == HUFU_ERR_DATA_LEN);
		param.bearer = 32;
		CU_ASSERT(sign(CKM_HUFU_ZUC_EIA3, key, &param, in, n, &out, &len) == HUFU_ERR_PARAM);
		subject->key_free(key);
	}
}

/* nbits 0 is every bit that comes: as if the length had been said. */
static void eia3_unsaid_length(struct kit_key *key, struct hufu_param_zuc param, const uint8_t *in, size_t len)
{
	struct output said, unsaid;
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_ZUC_EIA3, .param = &param, .in = in, .in_len = len};

	param.nbits = 8 * len;
	CU_ASSERT(run_checked(&op, key, &said) == HUFU_OK && op.out_len == 4);
	param.nbits = 0;
	CU_ASSERT(run_checked(&op, key, &unsaid) == HUFU_OK && op.out_len == 4);
	ASSERT_SAME(said.bytes, unsaid.bytes, 4);
	CU_ASSERT(run_parts(&op, key, &unsaid, len / 3, len / 2) == HUFU_OK);
	ASSERT_SAME(said.bytes, unsaid.bytes, 4);
}

void suite_eia3_parts(void)
{
	struct output out;
	uint8_t in[128], want[4];

	for (size_t i = 0; i < ARRAY_LEN(eia3_sets); i++) {
		struct kit_key *key = key_of_hex(HUFU_KEY_ZUC, eia3_sets[i].key);
		size_t n = unit_hex(eia3_sets[i].in, in);

		unit_hex(eia3_sets[i].mac, want);
		for (size_t a = 0; a <= n; a++)
			for (size_t b = a; b <= n; b += 3) {
				struct hufu_op op = {.verb = HUFU_VERB_SIGN,
				                     .mechanism = CKM_HUFU_ZUC_EIA3,
				                     .param = &eia3_sets[i].param,
				                     .in = in,
				                     .in_len = n};

				CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == 4);
				ASSERT_SAME(out.bytes, want, 4);
			}
		for (size_t len = 1; len < n; len++)
			eia3_unsaid_length(key, eia3_sets[i].param, in, len);
		subject->key_free(key);
	}
}

void suite_mac_verify(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SECRET, HMAC_KEY);
	uint8_t mac[33] = {0}, text[112];

	memcpy(text, HMAC_TEXT, sizeof(text));
	unit_hex(HMAC_MAC, mac);
	CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, mac, 32) == HUFU_OK);
	for (size_t i = 0; i < 32; i++) {
		mac[i] ^= 4;
		CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, mac, 32) == HUFU_ERR_SIGNATURE);
		mac[i] ^= 4;
	}
	text[50] ^= 1;
	CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, mac, 32) == HUFU_ERR_SIGNATURE);
	CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, mac, 31) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, mac, 33) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(verify(CKM_HUFU_SM3_HMAC, key, NULL, text, 112, NULL, 0) == HUFU_ERR_SIGNATURE_LEN);
	subject->key_free(key);
}
