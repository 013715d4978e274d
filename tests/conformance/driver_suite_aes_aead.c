/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES with a tag. Known answers: the GCM specification's appendix B (SP 800-38D
 * refers to it), SP 800-38C appendix C, SP 800-38B appendix D (RFC 4493 4 for
 * 128 bits). The modes of AES over lengths and alignments: libgcrypt.
 */
#include "config.h"

#include "driver_suite.h"

#ifdef HAVE_GCRYPT
#include <gcrypt.h>
#endif

static enum hufu_err cipher(enum hufu_verb verb, uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *in,
                            size_t len, struct output *out, size_t *out_len)
{
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .param = param, .in = in, .in_len = len};
	enum hufu_err err = run_checked(&op, key, out);

	*out_len = op.out_len;
	return err;
}

static void both_ways(uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *text, size_t len,
                      const uint8_t *sealed, size_t sealed_len)
{
	struct output out;
	size_t n;

	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, mechanism, key, param, text, len, &out, &n) == HUFU_OK && n == sealed_len);
	ASSERT_SAME(out.bytes, sealed, sealed_len);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, mechanism, key, param, sealed, sealed_len, &out, &n) == HUFU_OK && n == len);
	if (len)
		ASSERT_SAME(out.bytes, text, len);
}

/* Nothing of the plaintext is released when the tag is wrong. */
static void refuse(uint64_t mechanism, struct kit_key *key, const void *param, const uint8_t *sealed, size_t len,
                   enum hufu_err want)
{
	uint8_t out[256] = {0};
	struct hufu_op op = {.verb = HUFU_VERB_DECRYPT, .mechanism = mechanism, .param = param, .in = sealed, .in_len = len,
	                     .out = out, .out_cap = sizeof(out)};

	CU_ASSERT(subject->run(&op, key) == want && op.out_len == 0);
	for (size_t i = 0; i < sizeof(out); i++)
		CU_ASSERT(out[i] == 0);
}

static void refuse_garbled(uint64_t mechanism, struct kit_key *key, const void *param, uint8_t *sealed, size_t len, size_t tag_len)
{
	for (size_t i = 0; i < len; i++) {
		sealed[i] ^= 0x80;
		refuse(mechanism, key, param, sealed, len, HUFU_ERR_CIPHERTEXT);
		sealed[i] ^= 0x80;
	}
	for (size_t n = 0; n < len; n++)
		refuse(mechanism, key, param, sealed, n, n < tag_len ? HUFU_ERR_CIPHERTEXT_LEN : HUFU_ERR_CIPHERTEXT);
	refuse(mechanism, key, param, NULL, 0, HUFU_ERR_CIPHERTEXT_LEN);
}

/* -- GCM ------------------------------------------------------------------------- */

#define KEY128 "feffe9928665731c6d6a8f9467308308"
#define KEY192 KEY128 "feffe9928665731c"
#define KEY256 KEY128 KEY128
#define IV96 "cafebabefacedbaddecaf888"
#define AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define TEXT60                                                                                                               \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657" \
	"ba637b39"
#define TEXT64 TEXT60 "1aafd255"
#define ZEROS96 "000000000000000000000000"
#define ZEROS128 "00000000000000000000000000000000"

static const struct {
	const char *key, *iv, *aad, *text, *sealed;
} gcm_cases[] = {
	{ZEROS128, ZEROS96, "", "", "58e2fccefa7e3061367f1d57a4e7455a"}, /* test case 1 */
	{ZEROS128, ZEROS96, "", ZEROS128, "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
	{KEY128, IV96, "", TEXT64,
	 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac97"
	 "3d58e091473f5985" "4d5c2af327cd64a62cf35abd2ba6fab4"},
	{KEY128, IV96, AAD, TEXT60,
	 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac97"
	 "3d58e091" "5bc94fbc3221a5db94fae95ae7121a47"},
	{KEY128, "cafebabefacedbad", AAD, TEXT60,
	 "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b424989b5e1ebac0f07"
	 "c23f4598" "3612d2e79e3b0785561be14aaca2fccb"},
	{KEY128, "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57"
	         "a637b39b", AAD, TEXT60,
	 "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca41703"
	 "4c34aee5" "619cc5aefffe0bfa462af43c1699d050"},
	{KEY192, IV96, AAD, TEXT60, /* 10 */
	 "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9"
	 "ccda2710" "2519498e80f1478f37ba55bd6d27618c"},
	{KEY256, IV96, AAD, TEXT60, /* 16 */
	 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
	 "bcc9f662" "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static struct {
	uint8_t iv[64], aad[32], text[64], sealed[80];
	size_t len;
	struct hufu_param_gcm param;
} gcm;

static struct kit_key *gcm_set_up(size_t i)
{
	gcm.param = (struct hufu_param_gcm){.iv = gcm.iv, .aad = gcm.aad, .tag_len = 16};
	gcm.param.iv_len = unit_hex(gcm_cases[i].iv, gcm.iv);
	gcm.param.aad_len = unit_hex(gcm_cases[i].aad, gcm.aad);
	gcm.len = unit_hex(gcm_cases[i].text, gcm.text);
	unit_hex(gcm_cases[i].sealed, gcm.sealed);
	return key_of_hex(HUFU_KEY_AES, gcm_cases[i].key);
}

void suite_aes_gcm_known(void)
{
	struct output out;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(gcm_cases); i++) {
		struct kit_key *key = gcm_set_up(i);

		both_ways(CKM_AES_GCM, key, &gcm.param, gcm.text, gcm.len, gcm.sealed, gcm.len + 16);
		/* A short tag is the head of the long one: SP 800-38D 7.1, step 6. */
		for (gcm.param.tag_len = 12; gcm.param.tag_len < 16; gcm.param.tag_len++) {
			CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_GCM, key, &gcm.param, gcm.text, gcm.len, &out, &n) == HUFU_OK);
			CU_ASSERT(n == gcm.len + gcm.param.tag_len);
			ASSERT_SAME(out.bytes, gcm.sealed, n);
		}
		subject->key_free(key);
	}
}

static void check_parts(struct kit_key *key, const struct hufu_param_gcm *param, const uint8_t *text, size_t len,
                        const uint8_t *sealed)
{
	struct output out;

	for (size_t a = 0; a <= len; a++)
		for (size_t b = a; b <= len; b += 5) {
			struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_AES_GCM, .param = param, .in = text,
			                     .in_len = len};

			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == len + param->tag_len);
			ASSERT_SAME(out.bytes, sealed, len + param->tag_len);
		}
}

void suite_aes_gcm_parts(void)
{
	for (size_t i = 0; i < ARRAY_LEN(gcm_cases); i++) {
		struct kit_key *key = gcm_set_up(i);

		check_parts(key, &gcm.param, gcm.text, gcm.len, gcm.sealed);
		subject->key_free(key);
	}
}

/* The IV was computed so that the pre-counter block ends in fffffffe: 6.2 counts on at 0 in these 32 bits alone. */
void suite_aes_gcm_wrap(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, "2b7e151628aed2a6abf7158809cf4f3c");
	uint8_t iv[16], text[64];
	struct hufu_param_gcm param = {.iv = iv, .iv_len = 16, .tag_len = 16};
	struct output whole;
	size_t n;

	unit_hex("b1a6f976266ace5c186bb12e3469ef7c", iv);
	fill_pattern(text, sizeof(text), 1);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_GCM, key, &param, text, sizeof(text), &whole, &n) == HUFU_OK && n == 80);
	check_parts(key, &param, text, sizeof(text), whole.bytes);
	subject->key_free(key);
}

void suite_aes_gcm_refuses(void)
{
	struct kit_key *key = gcm_set_up(3);
	uint8_t long_iv[200] = {1};
	struct output out;
	size_t n;

	refuse_garbled(CKM_AES_GCM, key, &gcm.param, gcm.sealed, 76, 16);
	gcm.aad[3] ^= 1;
	refuse(CKM_AES_GCM, key, &gcm.param, gcm.sealed, 76, HUFU_ERR_CIPHERTEXT);
	/* The way of IVs that libcrypto does not take. */
	gcm.param.iv = long_iv;
	gcm.param.iv_len = sizeof(long_iv);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_GCM, key, &gcm.param, gcm.text, 60, &out, &n) == HUFU_OK && n == 76);
	refuse_garbled(CKM_AES_GCM, key, &gcm.param, out.bytes, 76, 16);
	for (size_t tag_len = 0; tag_len <= 18; tag_len++) {
		bool allowed = tag_len == 4 || tag_len == 8 || (tag_len >= 12 && tag_len <= 16);

		gcm.param.tag_len = tag_len;
		CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_GCM, key, &gcm.param, gcm.text, 60, &out, &n) ==
		          (allowed ? HUFU_OK : HUFU_ERR_PARAM));
	}
	gcm.param = (struct hufu_param_gcm){.iv = gcm.iv, .iv_len = 0, .tag_len = 16};
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_GCM, key, &gcm.param, gcm.text, 60, &out, &n) == HUFU_ERR_PARAM);
	gcm.param = (struct hufu_param_gcm){.iv = gcm.iv, .iv_len = 12, .aad_len = 1, .tag_len = 16};
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_GCM, key, &gcm.param, gcm.sealed, 60, &out, &n) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_GCM, key, NULL, gcm.text, 60, &out, &n) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_GCM, key, NULL, gcm.sealed, 76, &out, &n) == HUFU_ERR_PARAM);
	subject->key_free(key);
}

/* -- CCM ------------------------------------------------------------------------- */

#define CCM_KEY "404142434445464748494a4b4c4d4e4f"

static const struct {
	size_t nonce_len, aad_len, text_len, tag_len;
	const char *sealed;
} ccm_cases[] = { /* C.1 to C.4: nonces 10 11 .., AAD 00 01 .., texts 20 21 .. */
	{7, 8, 4, 4, "7162015b4dac255d"},
	{8, 16, 16, 6, "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd"},
	{12, 20, 24, 8, "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951"},
	{13, 65536, 32, 14, "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b"},
};

static struct {
	uint8_t nonce[13], aad[65536], text[32], sealed[48];
	struct hufu_param_ccm param;
} ccm;

static void ccm_set_up(size_t i)
{
	for (size_t n = 0; n < sizeof(ccm.aad); n++)
		ccm.aad[n] = (uint8_t)n;
	for (size_t n = 0; n < sizeof(ccm.text); n++)
		ccm.text[n] = (uint8_t)(0x20 + n);
	for (size_t n = 0; n < sizeof(ccm.nonce); n++)
		ccm.nonce[n] = (uint8_t)(0x10 + n);
	unit_hex(ccm_cases[i].sealed, ccm.sealed);
	ccm.param = (struct hufu_param_ccm){.nonce = ccm.nonce, .nonce_len = ccm_cases[i].nonce_len, .aad = ccm.aad,
	                                    .aad_len = ccm_cases[i].aad_len, .tag_len = ccm_cases[i].tag_len};
}

void suite_aes_ccm_known(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, CCM_KEY);

	/* Twice: the lengths of one op do not stay with the key. */
	for (size_t n = 0; n < 2 * ARRAY_LEN(ccm_cases); n++) {
		size_t i = n % ARRAY_LEN(ccm_cases), len = ccm_cases[i].text_len;

		ccm_set_up(i);
		both_ways(CKM_AES_CCM, key, &ccm.param, ccm.text, len, ccm.sealed, len + ccm_cases[i].tag_len);
	}
	subject->key_free(key);
}

static enum hufu_err ccm_encrypt(struct kit_key *key, size_t nonce_len, size_t tag_len, const uint8_t *text, size_t len)
{
	struct output out;
	size_t n;

	ccm.param.nonce_len = nonce_len;
	ccm.param.tag_len = tag_len;
	return cipher(HUFU_VERB_ENCRYPT, CKM_AES_CCM, key, &ccm.param, text, len, &out, &n);
}

void suite_aes_ccm_refuses(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, CCM_KEY);
	static const uint8_t text[65536];
	struct output out;
	size_t n;

	ccm_set_up(2);
	refuse_garbled(CKM_AES_CCM, key, &ccm.param, ccm.sealed, 32, 8);
	ccm.aad[19] ^= 1;
	refuse(CKM_AES_CCM, key, &ccm.param, ccm.sealed, 32, HUFU_ERR_CIPHERTEXT);
	for (size_t len = 0; len <= 18; len++) {
		bool tag_allowed = len >= 4 && len <= 16 && len % 2 == 0;

		CU_ASSERT(ccm_encrypt(key, len, 8, text, 5) == (len >= 7 && len <= 13 ? HUFU_OK : HUFU_ERR_PARAM));
		CU_ASSERT(ccm_encrypt(key, 12, len, text, 5) == (tag_allowed ? HUFU_OK : HUFU_ERR_PARAM));
	}
	/* A nonce of 13 bytes leaves two for the length. */
	CU_ASSERT(ccm_encrypt(key, 13, 8, text, 65536) == HUFU_ERR_DATA_LEN);
	CU_ASSERT(hufu_err_group(ccm_encrypt(key, 13, 8, NULL, 5)) == HUFU_GROUP_CALLER);
	ccm.param.aad = NULL;
	CU_ASSERT(ccm_encrypt(key, 12, 8, text, 5) == HUFU_ERR_PARAM);
	ccm.param.nonce = NULL;
	CU_ASSERT(ccm_encrypt(key, 12, 8, text, 5) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_ENCRYPT, CKM_AES_CCM, key, NULL, text, 5, &out, &n) == HUFU_ERR_PARAM);
	CU_ASSERT(cipher(HUFU_VERB_DECRYPT, CKM_AES_CCM, key, NULL, text, 50, &out, &n) == HUFU_ERR_PARAM);
	subject->key_free(key);
}

/* -- CMAC ------------------------------------------------------------------------ */

#define CMAC_TEXT \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

static const size_t cmac_lens[4] = {0, 16, 40, 64};
static const struct {
	const char *key, *macs[4];
} cmac_cases[] = {
	{"2b7e151628aed2a6abf7158809cf4f3c",
	 {"bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c", "dfa66747de9ae63030ca32611497c827",
	  "51f0bebf7e3b9d92fc49741779363cfe"}},
	{"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	 {"d17ddf46adaacde531cac483de7a9367", "9e99a7bf31e710900662f65e617c5184", "8a1de5be2eb31aad089a82e6ee908b0e",
	  "a1d5df0eed790f794d77589659f39a11"}},
	{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	 {"028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c", "aaf3d8f1de5640c232f5b169b9c911e6",
	  "e1992190549f6ed5696a2c056c315410"}},
};

static void check_cmac(struct kit_key *key, const uint8_t *text, size_t len, const uint8_t want[16])
{
	struct output out;
	struct hufu_op op;

	for (size_t mac_len = 1; mac_len <= 16; mac_len++) {
		struct hufu_param_mac param = {.mac_len = mac_len};

		op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_AES_CMAC, .param = &param, .in = text,
		                      .in_len = len};
		CU_ASSERT(run_checked(&op, key, &out) == HUFU_OK && op.out_len == mac_len);
		ASSERT_SAME(out.bytes, want, mac_len);
	}
	for (size_t a = 0; a <= len; a++)
		for (size_t b = a; b <= len; b += 3) {
			op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_AES_CMAC, .in = text, .in_len = len};
			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == 16);
			ASSERT_SAME(out.bytes, want, 16);
			op = (struct hufu_op){.verb = HUFU_VERB_VERIFY, .mechanism = CKM_AES_CMAC, .in = text, .in_len = len,
			                      .in2 = want, .in2_len = 16};
			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK);
		}
}

void suite_aes_cmac_known(void)
{
	uint8_t text[64], want[16];

	unit_hex(CMAC_TEXT, text);
	for (size_t i = 0; i < ARRAY_LEN(cmac_cases); i++) {
		struct kit_key *key = key_of_hex(HUFU_KEY_AES, cmac_cases[i].key);

		for (size_t n = 0; n < ARRAY_LEN(cmac_lens); n++) {
			unit_hex(cmac_cases[i].macs[n], want);
			check_cmac(key, text, cmac_lens[n], want);
		}
		subject->key_free(key);
	}
}

static enum hufu_err cmac_verify(struct kit_key *key, const struct hufu_param_mac *param, const uint8_t *text, size_t len,
                                 const uint8_t *mac, size_t mac_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = CKM_AES_CMAC, .param = param, .in = text, .in_len = len,
	                     .in2 = mac, .in2_len = mac_len};

	return subject->run(&op, key);
}

void suite_aes_cmac_refuses(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_AES, cmac_cases[0].key);
	struct hufu_param_mac none = {.mac_len = 0}, many = {.mac_len = 17}, four = {.mac_len = 4};
	uint8_t text[64], mac[17] = {0};

	unit_hex(CMAC_TEXT, text);
	unit_hex(cmac_cases[0].macs[3], mac);
	CU_ASSERT(cmac_verify(key, NULL, text, 64, mac, 16) == HUFU_OK);
	for (size_t i = 0; i < 64; i++) {
		mac[i % 16] ^= 2;
		CU_ASSERT(cmac_verify(key, NULL, text, 64, mac, 16) == HUFU_ERR_SIGNATURE);
		mac[i % 16] ^= 2;
		text[i] ^= 2;
		CU_ASSERT(cmac_verify(key, NULL, text, 64, mac, 16) == HUFU_ERR_SIGNATURE);
		text[i] ^= 2;
		CU_ASSERT(cmac_verify(key, NULL, text, i, mac, 16) == HUFU_ERR_SIGNATURE);
	}
	CU_ASSERT(cmac_verify(key, NULL, text, 64, mac, 15) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(cmac_verify(key, NULL, text, 64, mac, 17) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(cmac_verify(key, NULL, text, 64, NULL, 0) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(cmac_verify(key, &four, text, 64, mac, 16) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(cmac_verify(key, &none, text, 64, mac, 0) == HUFU_ERR_PARAM);
	CU_ASSERT(cmac_verify(key, &many, text, 64, mac, 17) == HUFU_ERR_PARAM);
	CU_ASSERT(hufu_err_group(cmac_verify(key, NULL, NULL, 64, mac, 16)) == HUFU_GROUP_CALLER);
	subject->key_free(key);
}

/* -- libgcrypt ------------------------------------------------------------------- */

#ifdef HAVE_GCRYPT
#define CROSS_MAX 1500

static const int gcrypt_ciphers[] = {GCRY_CIPHER_AES128, GCRY_CIPHER_AES192, GCRY_CIPHER_AES256};

static struct cross {
	int cipher;
	uint8_t key[32], iv[200], aad[300], text[CROSS_MAX + 4];
	size_t key_len;
	struct kit_key *ours;
} cross;

static void gcrypt_set_up(void)
{
	if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
		gcry_check_version(NULL);
		gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
		gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	}
}

/* Another key of the size every time. */
static void cross_key(size_t size, uint64_t seed)
{
	cross.cipher = gcrypt_ciphers[size];
	cross.key_len = 16 + 8 * size;
	fill_pattern(cross.key, sizeof(cross.key), seed);
	fill_pattern(cross.iv, sizeof(cross.iv), seed + 1);
	fill_pattern(cross.aad, sizeof(cross.aad), seed + 2);
	fill_pattern(cross.text, sizeof(cross.text), seed + 3);
	cross.ours = subject->key_new(HUFU_KEY_AES, cross.key, cross.key_len);
}

static gcry_cipher_hd_t gcrypt_open(int mode, unsigned flags)
{
	gcry_cipher_hd_t h;

	CU_ASSERT_FATAL(gcry_cipher_open(&h, cross.cipher, mode, flags) == 0);
	CU_ASSERT_FATAL(gcry_cipher_setkey(h, cross.key, cross.key_len) == 0);
	return h;
}

static void cross_plain(uint64_t mechanism, int mode, const uint8_t *text, size_t len)
{
	gcry_cipher_hd_t h = gcrypt_open(mode, 0);
	struct hufu_param_iv param = {.counter_bits = 128};
	uint8_t want[CROSS_MAX];

	memcpy(param.iv, cross.iv, 16);
	if (mode == GCRY_CIPHER_MODE_CTR)
		CU_ASSERT_FATAL(gcry_cipher_setctr(h, param.iv, 16) == 0);
	if (mode == GCRY_CIPHER_MODE_CBC)
		CU_ASSERT_FATAL(gcry_cipher_setiv(h, param.iv, 16) == 0);
	CU_ASSERT_FATAL(len == 0 || gcry_cipher_encrypt(h, want, len, text, len) == 0);
	gcry_cipher_close(h);
	both_ways(mechanism, cross.ours, &param, text, len, want, len);
}

/* Every length to some blocks, then longer ones; every alignment of the input. */
void suite_aes_cross(void)
{
	gcrypt_set_up();
	for (size_t len = 0; len < CROSS_MAX; len += len < 70 ? 1 : 131) {
		size_t whole = len / 16 * 16;

		cross_key(len % 3, len);
		const uint8_t *text = cross.text + len % 4;
		cross_plain(CKM_AES_ECB, GCRY_CIPHER_MODE_ECB, text, whole);
		cross_plain(CKM_AES_CBC, GCRY_CIPHER_MODE_CBC, text, whole);
		cross_plain(CKM_AES_CTR, GCRY_CIPHER_MODE_CTR, text, len);
		subject->key_free(cross.ours);
	}
}

static void cross_gcm(const uint8_t *text, size_t len, size_t iv_len, size_t aad_len)
{
	gcry_cipher_hd_t h = gcrypt_open(GCRY_CIPHER_MODE_GCM, 0);
	struct hufu_param_gcm param = {.iv = cross.iv, .iv_len = iv_len, .aad = cross.aad, .aad_len = aad_len, .tag_len = 16};
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_AES_GCM, .param = &param, .in = text, .in_len = len};
	uint8_t want[CROSS_MAX + 16];
	struct output out;

	CU_ASSERT_FATAL(gcry_cipher_setiv(h, cross.iv, iv_len) == 0 && gcry_cipher_authenticate(h, cross.aad, aad_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_final(h) == 0 && gcry_cipher_encrypt(h, want, sizeof(want), text, len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_gettag(h, want + len, 16) == 0);
	gcry_cipher_close(h);
	both_ways(CKM_AES_GCM, cross.ours, &param, text, len, want, len + 16);
	CU_ASSERT(run_parts(&op, cross.ours, &out, len / 3, len / 2) == HUFU_OK && op.out_len == len + 16);
	ASSERT_SAME(out.bytes, want, len + 16);
}

static void cross_ccm(const uint8_t *text, size_t len, size_t nonce_len, size_t aad_len, size_t tag_len)
{
	gcry_cipher_hd_t h = gcrypt_open(GCRY_CIPHER_MODE_CCM, 0);
	struct hufu_param_ccm param = {.nonce = cross.iv, .nonce_len = nonce_len, .aad = cross.aad, .aad_len = aad_len,
	                               .tag_len = tag_len};
	uint64_t lengths[3] = {len, aad_len, tag_len};
	uint8_t want[CROSS_MAX + 16];

	CU_ASSERT_FATAL(gcry_cipher_setiv(h, cross.iv, nonce_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_ctl(h, GCRYCTL_SET_CCM_LENGTHS, lengths, sizeof(lengths)) == 0);
	CU_ASSERT_FATAL(gcry_cipher_authenticate(h, cross.aad, aad_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_encrypt(h, want, sizeof(want), text, len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_gettag(h, want + len, tag_len) == 0);
	gcry_cipher_close(h);
	both_ways(CKM_AES_CCM, cross.ours, &param, text, len, want, len + tag_len);
}

void suite_aes_aead_cross(void)
{
	static const size_t iv_lens[] = {12, 1, 16, 12, 60, 128, 129, 12, 200};

	gcrypt_set_up();
	for (size_t len = 0, n = 0; len < CROSS_MAX; len += len < 70 ? 1 : 131, n++) {
		size_t aad_len = n * 7 % sizeof(cross.aad);

		cross_key(len % 3, len + 7);
		const uint8_t *text = cross.text + len % 4;
		cross_gcm(text, len, iv_lens[n % ARRAY_LEN(iv_lens)], aad_len);
		cross_ccm(text, len, 7 + n % 7, aad_len, 4 + 2 * (n % 7));
		subject->key_free(cross.ours);
	}
	/* The counter that wraps, by a second opinion. */
	cross_key(0, 1);
	subject->key_free(cross.ours);
	unit_hex("2b7e151628aed2a6abf7158809cf4f3c", cross.key);
	unit_hex("b1a6f976266ace5c186bb12e3469ef7c", cross.iv);
	cross.ours = subject->key_new(HUFU_KEY_AES, cross.key, 16);
	cross_gcm(cross.text, 100, 16, 0);
	subject->key_free(cross.ours);
}

void suite_aes_cmac_cross(void)
{
	uint8_t want[16];
	struct output out;

	gcrypt_set_up();
	for (size_t len = 0; len < CROSS_MAX; len += len < 70 ? 1 : 131) {
		gcry_mac_hd_t h;
		size_t want_len = 16;

		cross_key(len % 3, len + 17);
		const uint8_t *text = cross.text + len % 4;
		CU_ASSERT_FATAL(gcry_mac_open(&h, GCRY_MAC_CMAC_AES, 0, NULL) == 0);
		CU_ASSERT_FATAL(gcry_mac_setkey(h, cross.key, cross.key_len) == 0 && gcry_mac_write(h, text, len) == 0);
		CU_ASSERT_FATAL(gcry_mac_read(h, want, &want_len) == 0 && want_len == 16);
		gcry_mac_close(h);
		struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_AES_CMAC, .in = text, .in_len = len};
		CU_ASSERT(run_checked(&op, cross.ours, &out) == HUFU_OK && op.out_len == 16);
		ASSERT_SAME(out.bytes, want, 16);
		CU_ASSERT(run_parts(&op, cross.ours, &out, len / 3, len / 2) == HUFU_OK && op.out_len == 16);
		ASSERT_SAME(out.bytes, want, 16);
		subject->key_free(cross.ours);
	}
}

static void cross_wrap(uint64_t mechanism, unsigned flags, const uint8_t *text, size_t len)
{
	gcry_cipher_hd_t h = gcrypt_open(GCRY_CIPHER_MODE_AESWRAP, flags);
	uint8_t want[CROSS_MAX];
	size_t want_len = (len + 7) / 8 * 8 + 8;

	CU_ASSERT_FATAL(gcry_cipher_encrypt(h, want, want_len, text, len) == 0);
	gcry_cipher_close(h);
	both_ways(mechanism, cross.ours, NULL, text, len, want, want_len);
}

void suite_aes_wrap_cross(void)
{
	gcrypt_set_up();
	for (size_t len = 16; len <= 400; len += 8) {
		cross_key(len % 3, len + 27);
		cross_wrap(CKM_AES_KEY_WRAP, 0, cross.text + len % 4, len);
#if GCRYPT_VERSION_NUMBER >= 0x010a00
		cross_wrap(CKM_AES_KEY_WRAP_KWP, GCRY_CIPHER_EXTENDED, cross.text + len % 4, len - 15);
#endif
		subject->key_free(cross.ours);
	}
}
#else
#define NO_GCRYPT UNIT_SKIP("built without libgcrypt")
void suite_aes_cross(void) { NO_GCRYPT; }
void suite_aes_aead_cross(void) { NO_GCRYPT; }
void suite_aes_cmac_cross(void) { NO_GCRYPT; }
void suite_aes_wrap_cross(void) { NO_GCRYPT; }
#endif
