/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: every hash function and its HMAC gives what its standard says, in any
 * pieces, and its state survives being saved at any byte. Known answers: NIST's
 * examples for FIPS 180-4 and FIPS 202 ("abc"), GB/T 32905 A.1, RFC 4231;
 * libgcrypt over lengths.
 */
#include "config.h"

#include "sm_util.h"

#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_GCRYPT
#include <gcrypt.h>
#endif

#include "crypto/context.h"
#include "crypto/hash.h"
#include "crypto/mechanism.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

static const struct {
	enum hash_id id;
	size_t len, block_len;
	const char *abc;
} hashes[] = {
	{HASH_SM3, 32, 64, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
	{HASH_SHA1, 20, 64, "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{HASH_SHA224, 28, 64, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
	{HASH_SHA256, 32, 64, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{HASH_SHA384, 48, 128,
	 "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
	{HASH_SHA512, 64, 128,
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
	 "2a9ac94fa54ca49f"},
	{HASH_SHA512_224, 28, 128, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"},
	{HASH_SHA512_256, 32, 128, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"},
	{HASH_SHA3_224, 28, 144, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
	{HASH_SHA3_256, 32, 136, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
	{HASH_SHA3_384, 48, 104,
	 "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"},
	{HASH_SHA3_512, 64, 72,
	 "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a5"
	 "6592f8274eec53f0"},
};
#define NHASHES (sizeof(hashes) / sizeof(hashes[0]))

#define TEXT_LEN 300 /* over two blocks of any */

static uint8_t text[TEXT_LEN];

static void set_up(void)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 256);
}

static bool is_clear(const struct hash *h)
{
	static const struct hash zero;

	return memcmp(h, &zero, sizeof(zero)) == 0;
}

/* -- values -------------------------------------------------------------------- */

static bool all_right(void)
{
	uint8_t digest[HASH_LEN_MAX];
	bool good = true;

	for (size_t i = 0; i < NHASHES; i++)
		good = good && hash_once(hashes[i].id, "abc", 3, digest) == HUFU_OK &&
		       equals_hex(digest, hashes[i].len, hashes[i].abc);
	return good;
}

static void test_known(void)
{
	CU_ASSERT(NHASHES == HASH_COUNT - 1);
	for (size_t i = 0; i < NHASHES; i++) {
		uint8_t digest[HASH_LEN_MAX + 1] = {0};

		digest[hashes[i].len] = 0x5c;
		CU_ASSERT(hash_len(hashes[i].id) == hashes[i].len && hash_block_len(hashes[i].id) == hashes[i].block_len);
		CU_ASSERT(hash_once(hashes[i].id, "abc", 3, digest) == HUFU_OK);
		ASSERT_HEX(digest, hashes[i].len, hashes[i].abc);
		CU_ASSERT(digest[hashes[i].len] == 0x5c);
	}
}

static void test_none(void)
{
	struct hash h = {0};
	uint8_t state[HASH_STATE_MAX];

	CU_ASSERT(hash_len(HASH_NONE) == 0 && !hash_saveable(HASH_NONE));
	CU_ASSERT(hash_init(&h, HASH_NONE) == HUFU_ERR_UNSUPPORTED && is_clear(&h));
	CU_ASSERT(hash_export(&h, state) == 0);
	CU_ASSERT(!hash_import(&h, HASH_NONE, state, 0));
	hash_clear(&h);
	CU_ASSERT(is_clear(&h));
}

static void test_pieces(void)
{
	uint8_t want[HASH_LEN_MAX], got[HASH_LEN_MAX];

	set_up();
	for (size_t i = 0; i < NHASHES; i++) {
		CU_ASSERT(hash_once(hashes[i].id, text, TEXT_LEN, want) == HUFU_OK);
		for (size_t step = 1; step < 150; step++) {
			struct hash h = {0};

			CU_ASSERT_FATAL(hash_init(&h, hashes[i].id) == HUFU_OK);
			for (size_t done = 0; done < TEXT_LEN; done += step)
				hash_update(&h, text + done, done + step < TEXT_LEN ? step : TEXT_LEN - done);
			hash_update(&h, NULL, 0);
			hash_final(&h, got);
			hash_clear(&h);
			ASSERT_SAME(got, want, hashes[i].len);
		}
	}
}

static void test_mechanisms(void)
{
	for (enum hash_id id = HASH_NONE + 1; id < HASH_COUNT; id++)
		CU_ASSERT(hash_of_digest(hash_mechanism(id)) == id);
	CU_ASSERT(hash_of_digest(CKM_SHA256) == HASH_SHA256 && hash_of_digest(CKM_SHA256_HMAC) == HASH_NONE);
	CU_ASSERT(hash_of_hmac(CKM_SHA384_HMAC) == HASH_SHA384 && hash_of_hmac(CKM_SHA384_HMAC_GENERAL) == HASH_SHA384);
	CU_ASSERT(hash_of_hmac(CKM_SHA384) == HASH_NONE);
	for (enum hash_id id = HASH_NONE + 1; id < HASH_COUNT; id++) {
		CU_ASSERT(hash_of_hmac(hash_hmac_mechanism(id)) == id);
		CU_ASSERT(!hash_mgf(id) || hash_of_mgf(hash_mgf(id)) == id);
	}
	CU_ASSERT(hash_mgf(HASH_SHA256) == CKG_MGF1_SHA256 && !hash_mgf(HASH_SM3) && !hash_hmac_mechanism(HASH_NONE));
	CU_ASSERT(hash_of_mgf(CKG_MGF1_SHA512) == HASH_SHA512);
	CU_ASSERT(hash_of_mgf(0) == HASH_NONE && hash_of_mgf(UINT64_MAX) == HASH_NONE && hash_of_mgf(77) == HASH_NONE);
	CU_ASSERT(hash_mechanism(HASH_NONE) == 0 && hash_of_digest(UINT64_MAX) == HASH_NONE);
}

/* -- states ---------------------------------------------------------------------- */

static size_t state_at(enum hash_id id, size_t cut, uint8_t state[HASH_STATE_MAX])
{
	struct hash h = {0};

	CU_ASSERT_FATAL(hash_init(&h, id) == HUFU_OK);
	hash_update(&h, text, cut);
	size_t len = hash_export(&h, state);
	hash_clear(&h);
	CU_ASSERT(len <= HASH_STATE_MAX);
	return len;
}

static void test_every_cut(void)
{
	uint8_t want[HASH_LEN_MAX], got[HASH_LEN_MAX], state[HASH_STATE_MAX], again[HASH_STATE_MAX];

	set_up();
	for (size_t i = 0; i < NHASHES; i++) {
		if (!hash_saveable(hashes[i].id))
			continue;
		CU_ASSERT(hash_once(hashes[i].id, text, TEXT_LEN, want) == HUFU_OK);
		for (size_t cut = 0; cut <= TEXT_LEN; cut++) {
			struct hash h = {0};
			size_t len = state_at(hashes[i].id, cut, state);

			CU_ASSERT_FATAL(len > 0 && hash_import(&h, hashes[i].id, state, len));
			CU_ASSERT(hash_export(&h, again) == len);
			ASSERT_SAME(state, again, len);
			hash_update(&h, text + cut, TEXT_LEN - cut);
			hash_final(&h, got);
			hash_clear(&h);
			ASSERT_SAME(got, want, hashes[i].len);
		}
	}
}

static void test_sha3_not_saved(void)
{
	static const uint8_t foreign[HASH_STATE_MAX];
	uint8_t state[HASH_STATE_MAX];

	for (enum hash_id id = HASH_SHA3_224; id <= HASH_SHA3_512; id++) {
		struct hash h = {0};

		CU_ASSERT(!hash_saveable(id) && state_at(id, 5, state) == 0);
		for (size_t len = 0; len <= sizeof(foreign); len += 8)
			CU_ASSERT(!hash_import(&h, id, foreign, len) && is_clear(&h));
	}
}

static bool taken(enum hash_id id, const uint8_t *state, size_t len)
{
	uint8_t digest[HASH_LEN_MAX];
	struct hash h = {0};

	if (!hash_import(&h, id, state, len)) {
		CU_ASSERT(is_clear(&h));
		return false;
	}
	hash_update(&h, text, TEXT_LEN);
	hash_final(&h, digest);
	hash_clear(&h);
	return true;
}

/* Of a state that is taken back, whatever it holds, hashing goes on within its bounds (for the sanitizers to see). */
static void test_hostile_states(void)
{
	uint8_t state[HASH_STATE_MAX + 1] = {0};

	set_up();
	for (size_t i = 0; i < NHASHES; i++) {
		if (!hash_saveable(hashes[i].id))
			continue;
		for (size_t cut = 0; cut <= 130; cut += 13) {
			size_t len = state_at(hashes[i].id, cut, state);

			for (size_t n = 0; n < len; n++)
				CU_ASSERT(!taken(hashes[i].id, state, n));
			CU_ASSERT(!taken(hashes[i].id, state, len + 1));
			CU_ASSERT(!taken(hashes[i].id, NULL, 0));
			for (size_t at = 0; at < len; at++)
				for (unsigned bit = 0; bit < 8; bit++) {
					state[at] ^= (uint8_t)(1u << bit);
					(void)taken(hashes[i].id, state, len);
					state[at] ^= (uint8_t)(1u << bit);
				}
		}
	}
}

/* The length is of bytes whose number of bits still fits 64 bits, and says how many of them wait. */
static void test_hostile_length(void)
{
	static const struct {
		enum hash_id id;
		size_t at; /* of the length */
	} lengths[] = {{HASH_SHA1, 20}, {HASH_SHA224, 32}, {HASH_SHA256, 32}, {HASH_SHA384, 64}, {HASH_SHA512, 64}};
	uint8_t state[HASH_STATE_MAX];

	set_up();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = state_at(lengths[i].id, 5, state);

		CU_ASSERT(len == lengths[i].at + 8 + 5 && taken(lengths[i].id, state, len));
		state[lengths[i].at] = 0x1f; /* 2^61 - 2^56 and something: still in bits */
		CU_ASSERT(taken(lengths[i].id, state, len));
		state[lengths[i].at] = 0x20;
		CU_ASSERT(!taken(lengths[i].id, state, len));
		state[lengths[i].at] = 0;
		state[lengths[i].at + 7] = 6;
		CU_ASSERT(!taken(lengths[i].id, state, len));
		state[lengths[i].at + 7] = 4;
		CU_ASSERT(!taken(lengths[i].id, state, len));
	}
}

static void test_copy(void)
{
	uint8_t want[HASH_LEN_MAX], got[HASH_LEN_MAX];

	set_up();
	for (size_t i = 0; i < NHASHES; i++) {
		struct hash a = {0}, b = {0};

		CU_ASSERT_FATAL(hash_init(&a, hashes[i].id) == HUFU_OK);
		hash_update(&a, text, 77);
		CU_ASSERT_FATAL(hash_copy(&b, &a) == HUFU_OK);
		/* Each goes its own way, the first to its end before the second. */
		hash_update(&a, text, 100);
		hash_final(&a, got);
		hash_clear(&a);
		hash_update(&b, text + 77, TEXT_LEN - 77);
		hash_final(&b, got);
		hash_clear(&b);
		CU_ASSERT(hash_once(hashes[i].id, text, TEXT_LEN, want) == HUFU_OK);
		ASSERT_SAME(got, want, hashes[i].len);
		CU_ASSERT(is_clear(&a) && is_clear(&b));
	}
}

/* -- HMAC -------------------------------------------------------------------------- */

#define JEFE "4a656665"
#define LONG_KEY_LEN 131

static const struct {
	enum hash_id id;
	const char *jefe, *long_key;
} hmacs[] = { /* RFC 4231 4.3, 4.7 */
	{HASH_SHA224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
	 "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e"},
	{HASH_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{HASH_SHA384, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
	 "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"},
	{HASH_SHA512, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
	              "caeab1a34d4a6b4b636e070a38bce737",
	 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52"
	 "95e64f73f63f0aec8b915a985d786598"},
};

static void test_hmac_known(void)
{
	static const char data[] = "what do ya want for nothing?";
	static const char long_data[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[LONG_KEY_LEN], mac[HASH_LEN_MAX];

	for (size_t i = 0; i < sizeof(hmacs) / sizeof(hmacs[0]); i++) {
		enum hash_id id = hmacs[i].id;

		unit_hex(JEFE, key);
		CU_ASSERT(hmac_once(id, key, 4, data, strlen(data), mac) == HUFU_OK);
		ASSERT_HEX(mac, hash_len(id), hmacs[i].jefe);
		memset(key, 0xaa, sizeof(key));
		CU_ASSERT(hmac_once(id, key, sizeof(key), long_data, strlen(long_data), mac) == HUFU_OK);
		ASSERT_HEX(mac, hash_len(id), hmacs[i].long_key);
	}
}

/* A key serves any number of MACs, and none disturbs another. */
static void test_hmac_key_again(void)
{
	uint8_t want[HASH_LEN_MAX], got[HASH_LEN_MAX];

	set_up();
	for (size_t i = 0; i < NHASHES; i++) {
		struct hmac_key key = {0};
		struct hmac a = {0}, b = {0};

		CU_ASSERT(hmac_once(hashes[i].id, "key", 3, text, TEXT_LEN, want) == HUFU_OK);
		CU_ASSERT_FATAL(hmac_key_init(&key, hashes[i].id, "key", 3) == HUFU_OK);
		CU_ASSERT_FATAL(hmac_init(&a, &key) == HUFU_OK && hmac_init(&b, &key) == HUFU_OK);
		hmac_update(&a, text, 10);
		hmac_update(&b, text, TEXT_LEN);
		CU_ASSERT(hmac_final(&b, &key, got) == HUFU_OK && is_clear(&b.inner));
		ASSERT_SAME(got, want, hashes[i].len);
		hmac_update(&a, text + 10, TEXT_LEN - 10);
		CU_ASSERT(hmac_final(&a, &key, got) == HUFU_OK && is_clear(&a.inner));
		ASSERT_SAME(got, want, hashes[i].len);
		hmac_key_clear(&key);
		CU_ASSERT(is_clear(&key.inner) && is_clear(&key.outer));
	}
}

/* -- libgcrypt ------------------------------------------------------------------- */

#ifdef HAVE_GCRYPT
static const int gcrypt_ids[HASH_COUNT] = {
	[HASH_SM3] = GCRY_MD_SM3, [HASH_SHA1] = GCRY_MD_SHA1, [HASH_SHA224] = GCRY_MD_SHA224, [HASH_SHA256] = GCRY_MD_SHA256,
	[HASH_SHA384] = GCRY_MD_SHA384, [HASH_SHA512] = GCRY_MD_SHA512, [HASH_SHA512_224] = GCRY_MD_SHA512_224,
	[HASH_SHA512_256] = GCRY_MD_SHA512_256, [HASH_SHA3_224] = GCRY_MD_SHA3_224, [HASH_SHA3_256] = GCRY_MD_SHA3_256,
	[HASH_SHA3_384] = GCRY_MD_SHA3_384, [HASH_SHA3_512] = GCRY_MD_SHA3_512,
};

static void gcrypt_set_up(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return;
	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

/* key NULL: the hash alone */
static void by_gcrypt(enum hash_id id, const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t *out)
{
	gcry_md_hd_t h;

	CU_ASSERT_FATAL(gcry_md_open(&h, gcrypt_ids[id], key ? GCRY_MD_FLAG_HMAC : 0) == 0);
	CU_ASSERT_FATAL(!key || gcry_md_setkey(h, key, key_len) == 0);
	gcry_md_write(h, data, len);
	memcpy(out, gcry_md_read(h, 0), hash_len(id));
	gcry_md_close(h);
}

static void test_cross(void)
{
	uint8_t want[HASH_LEN_MAX], got[HASH_LEN_MAX];

	set_up();
	gcrypt_set_up();
	for (size_t i = 0; i < NHASHES; i++)
		for (size_t len = 0; len <= TEXT_LEN; len++) {
			by_gcrypt(hashes[i].id, NULL, 0, text, len, want);
			CU_ASSERT(hash_once(hashes[i].id, text, len, got) == HUFU_OK);
			ASSERT_SAME(got, want, hashes[i].len);
		}
}

static void test_hmac_cross(void)
{
	uint8_t want[HASH_LEN_MAX], got[HASH_LEN_MAX], key[HASH_BLOCK_MAX + 10];

	set_up();
	gcrypt_set_up();
	memset(key, 0x3c, sizeof(key));
	for (size_t i = 0; i < NHASHES; i++)
		for (size_t key_len = 1; key_len <= sizeof(key); key_len++) {
			by_gcrypt(hashes[i].id, key, key_len, text, key_len, want);
			CU_ASSERT(hmac_once(hashes[i].id, key, key_len, text, key_len, got) == HUFU_OK);
			ASSERT_SAME(got, want, hashes[i].len);
		}
}
#else
static void test_cross(void)
{
	UNIT_SKIP("built without libgcrypt");
}

static void test_hmac_cross(void)
{
	UNIT_SKIP("built without libgcrypt");
}
#endif

/* -- fork -------------------------------------------------------------------------- */

static void test_fork(void)
{
	UNIT_FORKS();
	CU_ASSERT(all_right());
	OSSL_LIB_CTX *before = libcrypto_context();
	uint32_t epoch = libcrypto_epoch();
	int status = -1;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		bool fresh = libcrypto_epoch() == epoch + 1 && libcrypto_context() && libcrypto_context() != before;

		_exit(fresh && all_right() ? 0 : 1);
	}
	CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT(libcrypto_context() == before && libcrypto_epoch() == epoch && all_right());
}

static const struct unit_case cases[] = {
	{"every hash gives its standard's digest of \"abc\"", test_known},
	{"none is no hash", test_none},
	{"every hash gives the same in any pieces", test_pieces},
	{"every hash agrees with libgcrypt over lengths", test_cross},
	{"mechanism numbers name their hashes, and nothing else does", test_mechanisms},
	{"a state saved at any byte goes on from there", test_every_cut},
	{"SHA-3 has no state to save", test_sha3_not_saved},
	{"states of another length are refused, and garbled ones do no harm", test_hostile_states},
	{"a state's length is one that a hash can have", test_hostile_length},
	{"copies go their own ways", test_copy},
	{"HMAC gives the values of RFC 4231", test_hmac_known},
	{"HMAC agrees with libgcrypt over lengths of key and text", test_hmac_cross},
	{"a key of HMAC serves many at once", test_hmac_key_again},
	{"a child hashes in a context of its own", test_fork},
	{0},
};

UNIT_MAIN("hash", cases)
