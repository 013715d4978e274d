/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphers: SM4's modes, GCM, EEA3. Known answers: GB/T 32907, RFC 8998, GM/T 0001.2; libcrypto on patterns. */
#include "driver_suite.h"

#include <openssl/evp.h>

#define STANDARD_KEY "0123456789abcdeffedcba9876543210"

static enum hufu_err crypt(enum hufu_verb verb, uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *in,
                           size_t len, struct output *out, size_t *out_len)
{
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .param = param, .in = in, .in_len = len};
	enum hufu_err err = run_checked(&op, key, out);

	*out_len = op.out_len;
	return err;
}

void suite_sm4_known(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
	struct output out;
	uint8_t in[16], want[16];
	size_t len;

	unit_hex(STANDARD_KEY, in);
	unit_hex("681edf34d206965e86b3e94f536e4246", want);
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, key, NULL, in, 16, &out, &len) == HUFU_OK && len == 16);
	ASSERT_SAME(out.bytes, want, 16);
	CU_ASSERT(crypt(HUFU_VERB_DECRYPT, CKM_HUFU_SM4_ECB, key, NULL, want, 16, &out, &len) == HUFU_OK && len == 16);
	ASSERT_SAME(out.bytes, in, 16);
	subject->key_free(key);
}

static void of_libcrypto(const char *name, const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	CU_ASSERT_FATAL(cipher && EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) == 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	CU_ASSERT_FATAL(EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

static const struct {
	uint64_t mechanism;
	const char *name;
	size_t unit;
} modes[] = {
	{CKM_HUFU_SM4_ECB, "SM4-ECB", 16}, {CKM_HUFU_SM4_CBC, "SM4-CBC", 16}, {CKM_HUFU_SM4_CTR, "SM4-CTR", 1},
	{CKM_HUFU_SM4_CFB128, "SM4-CFB", 1}, {CKM_HUFU_SM4_OFB, "SM4-OFB", 1},
};

void suite_sm4_random(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
	uint8_t bytes[16], in[1100], want[1100];
	struct output out;
	size_t got;

	unit_hex(STANDARD_KEY, bytes);
	for (size_t m = 0; m < ARRAY_LEN(modes); m++)
		for (size_t len = 0; len < 1100; len += modes[m].unit * (1 + len / 3)) {
			struct hufu_param_iv param = {.counter_bits = 128};

			len -= len % modes[m].unit;
			fill_pattern(in, len, len + m);
			fill_pattern(param.iv, 16, len);
			of_libcrypto(modes[m].name, bytes, param.iv, in, len, want);
			CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, modes[m].mechanism, key, &param, in, len, &out, &got) == HUFU_OK &&
			          got == len);
			ASSERT_SAME(out.bytes, want, len);
			CU_ASSERT(crypt(HUFU_VERB_DECRYPT, modes[m].mechanism, key, &param, want, len, &out, &got) == HUFU_OK &&
			          got == len);
			ASSERT_SAME(out.bytes, in, len);
		}
	subject->key_free(key);
}

void suite_sm4_lengths(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
	struct hufu_param_iv param = {.counter_bits = 128}, none = {.counter_bits = 0}, many = {.counter_bits = 129};
	uint8_t in[48] = {0};
	struct output out;
	size_t len;

	for (size_t n = 1; n < sizeof(in); n++) {
		if (n % 16 == 0)
			continue;
		CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, key, NULL, in, n, &out, &len) == HUFU_ERR_DATA_LEN);
		CU_ASSERT(crypt(HUFU_VERB_DECRYPT, CKM_HUFU_SM4_ECB, key, NULL, in, n, &out, &len) == HUFU_ERR_CIPHERTEXT_LEN);
		CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CBC, key, &param, in, n, &out, &len) == HUFU_ERR_DATA_LEN);
		CU_ASSERT(crypt(HUFU_VERB_DECRYPT, CKM_HUFU_SM4_CBC, key, &param, in, n, &out, &len) == HUFU_ERR_CIPHERTEXT_LEN);
	}
	for (size_t m = 1; m < ARRAY_LEN(modes); m++)
		CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, modes[m].mechanism, key, NULL, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CTR, key, &none, in, 16, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CTR, key, &many, in, 16, &out, &len) == HUFU_ERR_PARAM);
	subject->key_free(key);
}

/* -- GCM: RFC 8998 A.1 ----------------------------------------------------- */

#define GCM_TEXT                                                                                                                   \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaa" \
	"aaaaaaaa"
#define GCM_CIPHER                                                                                                                 \
	"17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a26" \
	"91233b8d"
#define GCM_TAG "83de3541e4c2b58177e065a9bf7b62ec"

static struct {
	uint8_t iv[12], aad[20], text[64], sealed[80];
	struct hufu_param_gcm param;
} gcm;

static struct kit_key *gcm_set_up(void)
{
	unit_hex("00001234567800000000abcd", gcm.iv);
	unit_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", gcm.aad);
	unit_hex(GCM_TEXT, gcm.text);
	unit_hex(GCM_CIPHER GCM_TAG, gcm.sealed);
	gcm.param = (struct hufu_param_gcm){.iv = gcm.iv, .iv_len = 12, .aad = gcm.aad, .aad_len = 20, .tag_len = 16};
	return key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
}

void suite_gcm_known(void)
{
	struct kit_key *key = gcm_set_up();
	struct output out;
	size_t len;

	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, key, &gcm.param, gcm.text, 64, &out, &len) == HUFU_OK && len == 80);
	ASSERT_SAME(out.bytes, gcm.sealed, 80);
	CU_ASSERT(crypt(HUFU_VERB_DECRYPT, CKM_HUFU_SM4_GCM, key, &gcm.param, gcm.sealed, 80, &out, &len) == HUFU_OK && len == 64);
	ASSERT_SAME(out.bytes, gcm.text, 64);
	/* A short tag is the head of the long one: clause 9 of GB/T 36624. */
	gcm.param.tag_len = 12;
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, key, &gcm.param, gcm.text, 64, &out, &len) == HUFU_OK && len == 76);
	ASSERT_SAME(out.bytes, gcm.sealed, 76);
	subject->key_free(key);
}

void suite_gcm_parts(void)
{
	struct kit_key *key = gcm_set_up();
	struct output out;

	for (size_t a = 0; a <= 64; a++)
		for (size_t b = a; b <= 64; b += 5) {
			struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT,
			                     .mechanism = CKM_HUFU_SM4_GCM,
			                     .param = &gcm.param,
			                     .in = gcm.text,
			                     .in_len = 64};

			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == 80);
			ASSERT_SAME(out.bytes, gcm.sealed, 80);
		}
	subject->key_free(key);
}

/* Nothing of the plaintext is released before the tag agrees. */
static void refuse_sealed(struct kit_key *key, const uint8_t *sealed, size_t len, enum hufu_err want)
{
	struct hufu_op op = {
		.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM4_GCM, .param = &gcm.param, .in = sealed, .in_len = len};
	uint8_t out[80] = {0};

	op.out = out;
	op.out_cap = sizeof(out);
	CU_ASSERT(subject->run(&op, key) == want && op.out_len == 0);
	for (size_t i = 0; i < sizeof(out); i++)
		CU_ASSERT(out[i] == 0);
}

void suite_gcm_refuses(void)
{
	struct kit_key *key = gcm_set_up();
	struct output out;
	size_t len;

	for (size_t i = 0; i < 80; i++) {
		gcm.sealed[i] ^= 0x80;
		refuse_sealed(key, gcm.sealed, 80, HUFU_ERR_CIPHERTEXT);
		gcm.sealed[i] ^= 0x80;
	}
	for (size_t n = 16; n < 80; n++)
		refuse_sealed(key, gcm.sealed, n, HUFU_ERR_CIPHERTEXT);
	for (size_t n = 0; n < 16; n++)
		refuse_sealed(key, gcm.sealed, n, HUFU_ERR_CIPHERTEXT_LEN);
	gcm.aad[3] ^= 1;
	refuse_sealed(key, gcm.sealed, 80, HUFU_ERR_CIPHERTEXT);
	for (size_t tag_len = 0; tag_len <= 18; tag_len++) {
		bool allowed = tag_len == 4 || tag_len == 8 || (tag_len >= 12 && tag_len <= 16);

		gcm.param.tag_len = tag_len;
		CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, key, &gcm.param, gcm.text, 64, &out, &len) ==
		          (allowed ? HUFU_OK : HUFU_ERR_PARAM));
	}
	gcm.param = (struct hufu_param_gcm){.iv = gcm.iv, .iv_len = 0, .tag_len = 16};
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, key, &gcm.param, gcm.text, 64, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, key, NULL, gcm.text, 64, &out, &len) == HUFU_ERR_PARAM);
	subject->key_free(key);
}

/* -- EEA3: GM/T 0001.2, test set 1 ----------------------------------------- */

static const struct hufu_param_zuc eea3_param = {.count = 0x66035492, .bearer = 0xf, .direction = 0, .nbits = 193};
#define EEA3_KEY "173d14ba5003731d7a60049470f00a29"
/* Words, as the standard prints them: 193 bits in 28 bytes. */
#define EEA3_IN "6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b200000000"
#define EEA3_OUT "a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc800000000"

void suite_eea3(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_ZUC, EEA3_KEY);
	struct hufu_param_zuc param = eea3_param;
	uint8_t in[28], want[28];
	struct output out;
	size_t len;

	unit_hex(EEA3_IN, in);
	unit_hex(EEA3_OUT, want);
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, key, &param, in, 28, &out, &len) == HUFU_OK && len == 28);
	ASSERT_SAME(out.bytes, want, 28);
	CU_ASSERT(crypt(HUFU_VERB_DECRYPT, CKM_HUFU_ZUC_EEA3, key, &param, want, 25, &out, &len) == HUFU_OK && len == 25);
	ASSERT_SAME(out.bytes, in, 24);
	/* Fewer bytes than bits. */
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, key, &param, in, 24, &out, &len) == HUFU_ERR_DATA_LEN);
	/* All bits of what came. */
	param.nbits = 0;
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, key, &param, in, 24, &out, &len) == HUFU_OK && len == 24);
	ASSERT_SAME(out.bytes, want, 24);
	param.bearer = 32;
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, key, &param, in, 28, &out, &len) == HUFU_ERR_PARAM);
	param = eea3_param;
	param.direction = 2;
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, key, &param, in, 28, &out, &len) == HUFU_ERR_PARAM);
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, key, NULL, in, 28, &out, &len) == HUFU_ERR_PARAM);
	subject->key_free(key);
}

void suite_eea3_parts(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_ZUC, EEA3_KEY);
	uint8_t in[28], want[28];
	struct output out;

	unit_hex(EEA3_IN, in);
	unit_hex(EEA3_OUT, want);
	for (size_t a = 0; a <= 28; a++)
		for (size_t b = a; b <= 28; b++) {
			struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT,
			                     .mechanism = CKM_HUFU_ZUC_EEA3,
			                     .param = &eea3_param,
			                     .in = in,
			                     .in_len = 28};

			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == 28);
			ASSERT_SAME(out.bytes, want, 28);
		}
	subject->key_free(key);
}
