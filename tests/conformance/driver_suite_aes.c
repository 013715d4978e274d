/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES without a tag, key wrapping, DES3. Known answers: SP 800-38A appendix F,
 * SP 800-67 B.1, RFC 3394, RFC 5649.
 */
#include "driver_suite.h"

#include <openssl/err.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define CIPHER (VERB(ENCRYPT) | VERB(DECRYPT))
const struct tried suite_aes_tried[] = {
	{CKM_AES_KEY_GEN, VERB(GENERATE)}, {CKM_AES_ECB, CIPHER}, {CKM_AES_CBC, CIPHER}, {CKM_AES_CTR, CIPHER},
	{CKM_AES_GCM, CIPHER}, {CKM_AES_CCM, CIPHER}, {CKM_AES_CMAC, VERB(SIGN) | VERB(VERIFY)},
	{CKM_AES_KEY_WRAP, CIPHER}, {CKM_AES_KEY_WRAP_KWP, CIPHER},
	{CKM_DES3_ECB, VERB(DECRYPT)}, {CKM_DES3_CBC, VERB(DECRYPT)},
	{0, 0},
};

static enum hufu_err cipher(enum hufu_verb verb, uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *in,
                            size_t len, struct output *out, size_t *out_len)
{
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .param = param, .in = in, .in_len = len};
	enum hufu_err err = run_checked(&op, key, out);

	*out_len = op.out_len;
	return err;
}

/* plain <-> sealed, both ways, to the byte. */
static void both_ways(uint64_t mechanism, struct kit_key *key, const void *param, const char *plain, const char *sealed)
{
	uint8_t text[128], other[128];
	size_t text_len = unit_hex(plain, text), other_len = unit_hex(sealed, other), len;
	struct output out;

	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, mechanism, key, param, text, text_len, &out, &len) == HUFU_OK && len == other_len);
	ASSERT_SAME(out.bytes, other, other_len);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, mechanism, key, param, other, other_len, &out, &len) == HUFU_OK && len == text_len);
	ASSERT_SAME(out.bytes, text, text_len);
}

/* -- SP 800-38A ---------------------------------------------------------------- */

#define TEXT \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

static const struct {
	const char *key, *ecb, *cbc, *ctr;
} sizes[] = {
	{"2b7e151628aed2a6abf7158809cf4f3c", /* F.1.1, F.2.1, F.5.1 */
	 "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
	 "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
	 "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
	 "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
	 "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
	 "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"},
	{"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", /* F.1.3, F.2.3, F.5.3 */
	 "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef"
	 "ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
	 "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
	 "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
	 "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
	 "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050"},
	{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", /* F.1.5, F.2.5, F.5.5 */
	 "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
	 "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
	 "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	 "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
	 "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
	 "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"},
};

void suite_aes_known(void)
{
	struct hufu_param_iv chain = {.counter_bits = 0}, counter = {.counter_bits = 128};

	unit_hex("000102030405060708090a0b0c0d0e0f", chain.iv);
	unit_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", counter.iv);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct kit_key *key = key_of_hex(HUFU_KEY_AES, sizes[i].key);

		both_ways(CKM_AES_ECB, key, NULL, TEXT, sizes[i].ecb);
		both_ways(CKM_AES_CBC, key, &chain, TEXT, sizes[i].cbc);
		both_ways(CKM_AES_CTR, key, &counter, TEXT, sizes[i].ctr);
		subject->key_free(key);
	}
}

void suite_aes_lengths(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, sizes[0].key);
	struct hufu_param_iv param = {.counter_bits = 128}, none = {.counter_bits = 0}, many = {.counter_bits = 129};
	uint8_t in[48] = {0};
	struct output out;
	size_t len;

	for (size_t n = 1; n < sizeof(in); n++) {
		if (n % 16 == 0)
			continue;
		CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_ECB, key, NULL, in, n, &out, &len) == HUFU_ERR_DATA_LEN);
		CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_ECB, key, NULL, in, n, &out, &len) == HUFU_ERR_CIPHERTEXT_LEN);
		CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CBC, key, &param, in, n, &out, &len) == HUFU_ERR_DATA_LEN);
		CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_CBC, key, &param, in, n, &out, &len) == HUFU_ERR_CIPHERTEXT_LEN);
	}
	enum hufu_err none_there = cipher(HUFU_VERB_ENCRYPT, CKM_AES_CBC, key, &param, NULL, 16, &out, &len);
	CU_ASSERT(hufu_err_group(none_there) == HUFU_GROUP_CALLER);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CBC, key, NULL, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_CBC, key, NULL, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CTR, key, NULL, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CTR, key, &none, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CTR, key, &many, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CBC, key, &param, in, 0, &out, &len) == HUFU_OK && len == 0);
	subject->key_free(key);
}

/* -- keys ------------------------------------------------------------------------ */

static enum hufu_err make_key(enum hufu_verb verb, enum hufu_key_type type, size_t len, struct output *out, size_t *out_len)
{
	static const uint8_t clear[40] = {1};
	struct hufu_op op = {.verb = verb, .new_type = type};

	if (verb == HUFU_VERB_GENERATE) {
		op.mechanism = CKM_AES_KEY_GEN;
		op.new_len = len;
	} else {
		op.in = clear;
		op.in_len = len;
	}
	enum hufu_err err = run_checked(&op, NULL, out);
	*out_len = op.out_len;
	return err;
}

void suite_aes_keys(void)
{
	struct output a, b;
	size_t len;

	for (size_t n = 1; n <= 40; n++) {
		enum hufu_err want = n == 16 || n == 24 || n == 32 ? HUFU_OK : HUFU_ERR_KEY_SIZE;

		CU_ASSERT(make_key(HUFU_VERB_IMPORT, HUFU_KEY_AES, n, &a, &len) == want);
		CU_ASSERT(make_key(HUFU_VERB_GENERATE, HUFU_KEY_AES, n, &a, &len) == want);
		if (want != HUFU_OK)
			continue;
		CU_ASSERT(len == n && make_key(HUFU_VERB_GENERATE, HUFU_KEY_AES, n, &b, &len) == HUFU_OK && len == n);
		CU_ASSERT(memcmp(a.bytes, b.bytes, n) != 0);
	}
	CU_ASSERT(make_key(HUFU_VERB_GENERATE, HUFU_KEY_AES, 0, &a, &len) == HUFU_ERR_KEY_SIZE);
	CU_ASSERT(make_key(HUFU_VERB_GENERATE, HUFU_KEY_SM4, 16, &a, &len) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(make_key(HUFU_VERB_GENERATE, HUFU_KEY_DES3, 24, &a, &len) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(make_key(HUFU_VERB_IMPORT, HUFU_KEY_DES3, 24, &a, &len) == HUFU_OK && len == 24);
	CU_ASSERT(make_key(HUFU_VERB_IMPORT, HUFU_KEY_DES3, 16, &a, &len) == HUFU_ERR_KEY_SIZE);
	/* A copy of a length between: made by nobody, refused at its use. */
	struct kit_key *odd = key_of_hex(HUFU_KEY_AES, "000102030405060708090a0b0c0d0e0f1011");
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_ECB, odd, NULL, a.pub, 16, &a, &len) == HUFU_ERR_KEY_SIZE);
	subject->key_free(odd);
}

/* -- key wrapping ------------------------------------------------------------------ */

#define KEK "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_DATA "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"

static const struct {
	size_t kek_len, data_len;
	const char *wrapped;
} wraps[] = { /* RFC 3394 4.1 to 4.6 */
	{16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
	{24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},
	{32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},
	{24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"},
	{32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"},
	{32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
};

/* The head of it, as hex. */
static const char *head(const char *hex, size_t len)
{
	static char text[129];

	snprintf(text, sizeof(text), "%.*s", (int)(2 * len), hex);
	return text;
}

void suite_aes_kw(void)
{
	for (size_t i = 0; i < ARRAY_LEN(wraps); i++) {
		struct kit_key *kek = key_of_hex(HUFU_KEY_AES, head(KEK, wraps[i].kek_len));

		both_ways(CKM_AES_KEY_WRAP, kek, NULL, head(KEY_DATA, wraps[i].data_len), wraps[i].wrapped);
		subject->key_free(kek);
	}
}

#define KWP_KEK "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"

void suite_aes_kwp(void)
{
	struct kit_key *kek = key_of_hex(HUFU_KEY_AES, KWP_KEK);
	uint8_t in[100];
	struct output wrapped, out;
	size_t len;

	/* RFC 5649 6 */
	both_ways(CKM_AES_KEY_WRAP_KWP, kek, NULL, "c37b7e6492584340bed12207808941155068f738",
	          "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a");
	both_ways(CKM_AES_KEY_WRAP_KWP, kek, NULL, "466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f");
	for (size_t n = 1; n <= sizeof(in); n++) {
		fill_pattern(in, n, n);
		CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_KEY_WRAP_KWP, kek, NULL, in, n, &wrapped, &len) == HUFU_OK);
		CU_ASSERT(len == (n + 7) / 8 * 8 + 8);
		CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_KEY_WRAP_KWP, kek, NULL, wrapped.bytes, len, &out, &len) == HUFU_OK);
		CU_ASSERT(len == n);
		ASSERT_SAME(out.bytes, in, n);
	}
	subject->key_free(kek);
}

/* Nothing of what fails its check is released. */
static void refuse_wrapped(uint64_t mechanism, struct kit_key *kek, const uint8_t *in, size_t len, enum hufu_err want)
{
	uint8_t out[64] = {0};
	struct hufu_op op = {.verb = HUFU_VERB_DECRYPT, .mechanism = mechanism, .in = in, .in_len = len, .out = out,
	                     .out_cap = sizeof(out)};

	CU_ASSERT(subject->run(&op, kek) == want && op.out_len == 0);
	for (size_t i = 0; i < sizeof(out); i++)
		CU_ASSERT(out[i] == 0);
}

static void refuse_garbled(uint64_t mechanism, struct kit_key *kek, const char *hex)
{
	uint8_t wrapped[64];
	size_t len = unit_hex(hex, wrapped);

	for (size_t i = 0; i < len; i++) {
		wrapped[i] ^= 0x10;
		refuse_wrapped(mechanism, kek, wrapped, len, HUFU_ERR_CIPHERTEXT);
		wrapped[i] ^= 0x10;
	}
	for (size_t n = 0; n < len; n++) {
		bool possible = n % 8 == 0 && n >= (mechanism == CKM_AES_KEY_WRAP ? 24 : 16);

		refuse_wrapped(mechanism, kek, wrapped, n, possible ? HUFU_ERR_CIPHERTEXT : HUFU_ERR_CIPHERTEXT_LEN);
	}
	refuse_wrapped(mechanism, kek, NULL, 0, HUFU_ERR_CIPHERTEXT_LEN);
}

void suite_aes_wrap_refuses(void)
{
	struct kit_key *kek = key_of_hex(HUFU_KEY_AES, KEK), *other = key_of_hex(HUFU_KEY_AES, KWP_KEK);
	struct hufu_param_iv param = {.counter_bits = 0};
	uint8_t in[40] = {0};
	struct output out;
	size_t len;

	refuse_garbled(CKM_AES_KEY_WRAP, kek, wraps[5].wrapped);
	refuse_garbled(CKM_AES_KEY_WRAP_KWP, other, "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a");
	refuse_garbled(CKM_AES_KEY_WRAP_KWP, other, "afbeb0f07dfbf5419200f2ccb50bb24f");
	for (size_t n = 0; n <= sizeof(in); n++) {
		enum hufu_err want = n >= 16 && n % 8 == 0 ? HUFU_OK : HUFU_ERR_DATA_LEN;

		CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_KEY_WRAP, kek, NULL, in, n, &out, &len) == want);
	}
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_KEY_WRAP_KWP, kek, NULL, in, 0, &out, &len) == HUFU_ERR_DATA_LEN);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_KEY_WRAP, kek, &param, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_KEY_WRAP_KWP, kek, &param, in, 16, &out, &len) == HUFU_ERR_PARAM);
	subject->key_free(kek);
	subject->key_free(other);
}

/* -- DES3 ---------------------------------------------------------------------------- */

#define DES3_KEY "0123456789abcdef23456789abcdef01456789abcdef0123"

void suite_des3(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_DES3, DES3_KEY);
	struct hufu_param_iv param = {.counter_bits = 0};
	uint8_t sealed[24], want[24];
	struct output out;
	size_t len;

	unit_hex("a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900", sealed);
	unit_hex("5468652071756663" "6b2062726f776e20" "666f78206a756d70", want);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_DES3_ECB, key, NULL, sealed, 24, &out, &len) == HUFU_OK && len == 24);
	ASSERT_SAME(out.bytes, want, 24);
	/* A chain is the plain mode with the block before added: SP 800-38A 6.2. */
	fill_pattern(param.iv, 8, 5);
	for (size_t i = 0; i < 24; i++)
		want[i] ^= i < 8 ? param.iv[i] : sealed[i - 8];
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_DES3_CBC, key, &param, sealed, 24, &out, &len) == HUFU_OK && len == 24);
	ASSERT_SAME(out.bytes, want, 24);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_DES3_CBC, key, NULL, sealed, 24, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_DES3_CBC, key, &param, sealed, 20, &out, &len) == HUFU_ERR_CIPHERTEXT_LEN);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_DES3_ECB, key, NULL, sealed, 7, &out, &len) == HUFU_ERR_CIPHERTEXT_LEN);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_DES3_CBC, key, &param, sealed, 24, &out, &len) == HUFU_ERR_UNSUPPORTED);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_DES3_ECB, key, NULL, sealed, 24, &out, &len) == HUFU_ERR_UNSUPPORTED);
	subject->key_free(key);
}

/* -- the application's side ------------------------------------------------------------- */

/* Whether the first block of SP 800-38A F.2.1 comes out. */
static bool cbc_right(struct kit_key *key)
{
	uint8_t text[16], want[16], out[16];
	struct hufu_param_iv param = {.counter_bits = 0};
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_AES_CBC, .param = &param, .in = text, .in_len = 16,
	                     .out = out, .out_cap = sizeof(out)};

	unit_hex(head(TEXT, 16), text);
	unit_hex(head(sizes[0].cbc, 16), want);
	for (size_t i = 0; i < 16; i++)
		param.iv[i] = (uint8_t)i;
	return subject->run(&op, key) == HUFU_OK && memcmp(out, want, 16) == 0;
}

void suite_aes_fork(void)
{
	UNIT_FORKS();
	if (!subject->driver)
		UNIT_SKIP("what a pool does in a child is its own suite's");
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, sizes[0].key);
	int status = -1;

	CU_ASSERT(cbc_right(key));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct hufu_op evict = {.verb = HUFU_VERB_EVICT};
		bool good = cbc_right(key) && cbc_right(key) && subject->run(&evict, key) == HUFU_OK && cbc_right(key);

		_exit(good ? 0 : 1);
	}
	CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT(cbc_right(key));
	subject->key_free(key);
}

/* A key never used before the fork, and one evicted in the child without a use there. */
void suite_aes_fork_evict(void)
{
	UNIT_FORKS();
	if (!subject->driver)
		UNIT_SKIP("what a pool does in a child is its own suite's");
	struct kit_key *used = key_of_hex(HUFU_KEY_AES, sizes[0].key), *fresh = key_of_hex(HUFU_KEY_AES, sizes[0].key);
	int status = -1;

	CU_ASSERT(cbc_right(used));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct hufu_op evict = {.verb = HUFU_VERB_EVICT};

		_exit(subject->run(&evict, used) == HUFU_OK && cbc_right(fresh) ? 0 : 1);
	}
	CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	subject->key_free(used);
	subject->key_free(fresh);
}

/* What libcrypto says of a failure is ours to hear; what the application has on its queue stays the last of it. */
void suite_aes_error_queue(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, KEK);
	uint8_t in[24] = {0};
	struct hufu_param_gcm param = {.iv = in, .iv_len = 12, .tag_len = 16};
	struct output out;
	size_t len;

	for (int round = 0; round < 2; round++) {
		ERR_clear_error();
		if (round)
			ERR_raise(ERR_LIB_USER, 77);
		unsigned long before = ERR_peek_last_error();
		CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_KEY_WRAP, key, NULL, in, 24, &out, &len) == HUFU_ERR_CIPHERTEXT);
		CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_GCM, key, &param, in, 24, &out, &len) == HUFU_ERR_CIPHERTEXT);
		CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_ECB, key, NULL, in, 16, &out, &len) == HUFU_OK);
		CU_ASSERT(ERR_peek_last_error() == before && ERR_peek_error() == before);
	}
	ERR_clear_error();
	subject->key_free(key);
}

/* -- leases ----------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct kit_key *key;
	unsigned number, wrong;
};

/* Each with IVs of its own: what one has set must not show in another's output. */
static void *work(void *arg)
{
	struct worker *worker = arg;
	uint8_t text[48], out[64], back[64];

	for (unsigned i = 0; i < 300; i++) {
		struct hufu_param_iv param = {.counter_bits = 128};
		struct hufu_param_gcm gcm = {.iv = param.iv, .iv_len = i % 3 ? 12 : 16, .tag_len = 16};
		uint64_t mechanism = i % 2 ? CKM_AES_GCM : i % 4 ? CKM_AES_CTR : CKM_AES_CBC;
		struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = mechanism, .in = text, .in_len = sizeof(text),
		                     .out = out, .out_cap = sizeof(out)};

		op.param = mechanism == CKM_AES_GCM ? (const void *)&gcm : &param;
		fill_pattern(param.iv, 16, worker->number * 1000 + i);
		fill_pattern(text, sizeof(text), i);
		worker->wrong += subject->run(&op, worker->key) != HUFU_OK;
		op.verb = HUFU_VERB_DECRYPT;
		op.in = out;
		op.in_len = op.out_len;
		op.out = back;
		worker->wrong += subject->run(&op, worker->key) != HUFU_OK || op.out_len != sizeof(text) ||
		                 memcmp(back, text, sizeof(text)) != 0;
	}
	return NULL;
}

void suite_aes_threads(void)
{
	struct worker workers[12] = {0};
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, sizes[2].key);

	for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
		workers[i].key = key;
		workers[i].number = i;
		CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT(workers[i].wrong == 0);
	}
	subject->key_free(key);
}
