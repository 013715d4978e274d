/* SPDX-License-Identifier: Apache-2.0 */
#include "sm_util.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "sm/sm3.h"

static OSSL_LIB_CTX *ctx;

static void test_standard(void)
{
	uint8_t digest[SM3_DIGEST_LEN];

	sm3("abc", 3, digest);
	ASSERT_HEX(digest, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	sm3("abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd", 64, digest);
	ASSERT_HEX(digest, 32, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

static void digest_of_libcrypto(const void *data, size_t len, uint8_t *digest)
{
	CU_ASSERT_FATAL(EVP_Q_digest(ctx, "SM3", NULL, data, len, digest, NULL) == 1);
}

static void test_every_length(void)
{
	uint8_t data[400], got[32], want[32];

	rng_fill(data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		sm3(data, len, got);
		digest_of_libcrypto(data, len, want);
		ASSERT_SAME(got, want, 32);
	}
}

static void test_every_split(void)
{
	uint8_t data[200], got[32], want[32];
	struct sm3 s;

	rng_fill(data, sizeof(data));
	for (size_t len = 120; len <= sizeof(data); len += 8) {
		sm3(data, len, want);
		for (size_t a = 0; a <= len; a++) {
			sm3_init(&s);
			sm3_update(&s, data, a);
			sm3_update(&s, data + a, (len - a) / 2);
			sm3_update(&s, data + a + (len - a) / 2, len - a - (len - a) / 2);
			sm3_final(&s, got);
			ASSERT_SAME(got, want, 32);
		}
	}
}

static void test_random_pieces(void)
{
	static uint8_t data[20000];
	uint8_t got[32], want[32];
	struct sm3 s;

	for (int round = 0; round < 300; round++) {
		size_t len = rng_below(sizeof(data)), done = 0;

		rng_fill(data, len);
		sm3_init(&s);
		while (done < len) {
			size_t n = rng_below(300) + 1;

			if (n > len - done)
				n = len - done;
			sm3_update(&s, data + done, n);
			done += n;
		}
		sm3_final(&s, got);
		digest_of_libcrypto(data, len, want);
		ASSERT_SAME(got, want, 32);
	}
}

static void test_long_message(void)
{
	static uint8_t data[1 << 20];
	uint8_t got[32], want[32];
	struct sm3 s;
	EVP_MD *md = EVP_MD_fetch(ctx, "SM3", NULL);
	EVP_MD_CTX *m = EVP_MD_CTX_new();

	CU_ASSERT_FATAL(md && m && EVP_DigestInit_ex2(m, md, NULL) == 1);
	sm3_init(&s);
	/* 520 MiB are more than 2^32 bits: the length needs its upper word. */
	for (int i = 0; i < 520; i++) {
		sm3_update(&s, data, sizeof(data));
		EVP_DigestUpdate(m, data, sizeof(data));
	}
	sm3_final(&s, got);
	CU_ASSERT(EVP_DigestFinal_ex(m, want, NULL) == 1);
	ASSERT_SAME(got, want, 32);
	EVP_MD_CTX_free(m);
	EVP_MD_free(md);
}

static void test_fork_of_state(void)
{
	uint8_t data[150], a[32], b[32], want[32];
	struct sm3 s, copy;

	rng_fill(data, sizeof(data));
	sm3_init(&s);
	sm3_update(&s, data, 100);
	copy = s;
	sm3_update(&s, data + 100, 50);
	sm3_final(&s, a);
	sm3_update(&copy, data, 20);
	sm3_final(&copy, b);
	sm3(data, 150, want);
	ASSERT_SAME(a, want, 32);
	memcpy(data + 100, data, 20);
	sm3(data, 120, want);
	ASSERT_SAME(b, want, 32);
}

static void test_export(void)
{
	uint8_t data[200], state[SM3_STATE_LEN], again[SM3_STATE_LEN], got[32], want[32];
	struct sm3 s;

	rng_fill(data, sizeof(data));
	sm3(data, sizeof(data), want);
	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		sm3_init(&s);
		sm3_update(&s, data, cut);
		sm3_export(&s, state);
		memset(&s, 0xee, sizeof(s));
		sm3_import(&s, state);
		sm3_export(&s, again);
		ASSERT_SAME(state, again, sizeof(state));
		sm3_update(&s, data + cut, sizeof(data) - cut);
		sm3_final(&s, got);
		ASSERT_SAME(got, want, 32);
	}
}

static void test_export_bytes(void)
{
	uint8_t state[SM3_STATE_LEN];
	struct sm3 s;

	memset(&s, 0xee, sizeof(s));
	sm3_init(&s);
	sm3_update(&s, "abc", 3);
	sm3_export(&s, state);
	ASSERT_HEX(state, 43, "7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e 0000000000000003 616263");
	for (size_t i = 43; i < sizeof(state); i++)
		CU_ASSERT(state[i] == 0);
}

static void test_export_hides_what_was(void)
{
	uint8_t data[SM3_BLOCK_LEN + 3], state[SM3_STATE_LEN];
	struct sm3 s;

	memset(data, 0x5a, sizeof(data));
	sm3_init(&s);
	sm3_update(&s, data, 40);
	sm3_update(&s, data + 40, sizeof(data) - 40);
	sm3_export(&s, state);
	for (size_t i = 43; i < sizeof(state); i++)
		CU_ASSERT(state[i] == 0);
}

static void test_final_wipes(void)
{
	static const struct sm3 zero;
	static const struct sm3_hmac zero_mac;
	uint8_t out[32];
	struct sm3_hmac_key key;
	struct sm3_hmac mac;
	struct sm3 s;

	sm3_init(&s);
	sm3_update(&s, "secret", 6);
	sm3_final(&s, out);
	ASSERT_SAME(&s, &zero, sizeof(s));
	sm3_hmac_key_init(&key, "secret", 6);
	sm3_hmac_init(&mac, &key);
	sm3_hmac_update(&mac, "secret", 6);
	sm3_hmac_final(&mac, out);
	ASSERT_SAME(&mac, &zero_mac, sizeof(mac));
}

static void hmac_case(const void *key, size_t key_len, const char *message, const char *want)
{
	struct sm3_hmac_key k;
	uint8_t mac[32];

	sm3_hmac_key_init(&k, key, key_len);
	sm3_hmac(&k, message, strlen(message), mac);
	ASSERT_HEX(mac, 32, want);
}

static void test_hmac_standard(void)
{
	uint8_t key[32];

	unit_hex("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", key);
	hmac_case(key, 32, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
	          "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	          "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a");
	memset(key, 0x0b, sizeof(key));
	hmac_case(key, 32, "Hi There", "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e");
	hmac_case("Jefe", 4, "what do ya want for nothing?", "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882");
}

static void test_hmac_random(void)
{
	uint8_t key[200], data[300], got[32], want[32];
	struct sm3_hmac_key k;
	struct sm3_hmac m;

	for (int i = 0; i < 2000; i++) {
		size_t key_len = rng_below(sizeof(key)), len = rng_below(sizeof(data)), cut = rng_below(len + 1);

		rng_fill(key, key_len);
		rng_fill(data, len);
		CU_ASSERT_FATAL(EVP_Q_mac(ctx, "HMAC", NULL, "SM3", NULL, key, key_len, data, len, want, 32, NULL) != NULL);
		sm3_hmac_key_init(&k, key, key_len);
		sm3_hmac_init(&m, &k);
		sm3_hmac_update(&m, data, cut);
		sm3_hmac_update(&m, data + cut, len - cut);
		sm3_hmac_final(&m, got);
		ASSERT_SAME(got, want, 32);
		sm3_hmac(&k, data, len, got);
		ASSERT_SAME(got, want, 32);
	}
}

static void kdf_of_libcrypto(const char *name, OSSL_PARAM *params, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(ctx, name, NULL);
	EVP_KDF_CTX *k = EVP_KDF_CTX_new(kdf);

	CU_ASSERT_FATAL(k != NULL);
	CU_ASSERT_FATAL(EVP_KDF_derive(k, out, len, params) == 1);
	EVP_KDF_CTX_free(k);
	EVP_KDF_free(kdf);
}

static void test_pbkdf2(void)
{
	static const uint32_t counts[] = {1, 2, 3, 1000};
	uint8_t pin[80], salt[80], got[100], want[100];

	for (int i = 0; i < 200; i++) {
		size_t pin_len = rng_below(sizeof(pin)), salt_len = rng_below(sizeof(salt)), len = 1 + rng_below(sizeof(got));
		unsigned count = counts[i % 4];
		int lax = 1;
		OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SM3", 0),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, pin, pin_len),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, salt_len),
			OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &count),
			OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &lax),
			OSSL_PARAM_construct_end(),
		};

		rng_fill(pin, sizeof(pin));
		rng_fill(salt, sizeof(salt));
		kdf_of_libcrypto("PBKDF2", params, want, len);
		sm3_pbkdf2(pin, pin_len, salt, salt_len, count, got, len);
		ASSERT_SAME(got, want, len);
	}
}

/* X9.63 KDF with SM3 and no shared info is the KDF of GB/T 32918.4. */
static void test_kdf(void)
{
	uint8_t z[100], got[200], want[200];

	for (size_t len = 1; len <= sizeof(got); len++) {
		size_t z_len = 1 + rng_below(sizeof(z));
		OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SM3", 0),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z, z_len),
			OSSL_PARAM_construct_end(),
		};

		rng_fill(z, sizeof(z));
		kdf_of_libcrypto("X963KDF", params, want, len);
		sm3_kdf(z, z_len, got, len);
		ASSERT_SAME(got, want, len);
	}
}

static const struct unit_case cases[] = {
	{"SM3 gives the digests of GB/T 32905 A.1 and A.2", test_standard},
	{"SM3 agrees with libcrypto at every length to 400", test_every_length},
	{"SM3 in three pieces is SM3 in one, at every split", test_every_split},
	{"SM3 in random pieces agrees with libcrypto", test_random_pieces},
	{"SM3 counts more than 2^32 bits", test_long_message},
	{"a copied SM3 context goes its own way", test_fork_of_state},
	{"an SM3 state survives export and import at every length", test_export},
	{"an exported SM3 state has the bytes that sm3.h promises", test_export_bytes},
	{"an exported SM3 state shows nothing of blocks already absorbed", test_export_hides_what_was},
	{"final leaves SM3 and HMAC contexts wiped", test_final_wipes},
	{"HMAC-SM3 gives the values of GM/T 0042 D.3", test_hmac_standard},
	{"HMAC-SM3 agrees with libcrypto on random keys and messages", test_hmac_random},
	{"PBKDF2-HMAC-SM3 agrees with libcrypto", test_pbkdf2},
	{"the KDF of GB/T 32918.4 agrees with libcrypto", test_kdf},
	{0},
};

int main(void)
{
	ctx = OSSL_LIB_CTX_new();
	int status = ctx ? unit_main("sm3", cases) : 99;
	OSSL_LIB_CTX_free(ctx);
	return status;
}
