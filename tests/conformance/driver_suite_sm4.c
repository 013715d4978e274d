/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4 with a tag: CCM (RFC 8998 A.2; the inputs of SP 800-38C appendix C under
 * SM4 from an independent implementation in Python), CMAC and CBC-MAC (GB/T
 * 15852.1-2020 appendix B). Lengths and alignments: libgcrypt.
 */
#include "config.h"

#include "driver_suite.h"

#ifdef HAVE_GCRYPT
#include <gcrypt.h>
#endif

#define STANDARD_KEY "0123456789abcdeffedcba9876543210"

#define MAC (VERB(SIGN) | VERB(VERIFY))
const struct tried suite_sm4_tried[] = {
	{CKM_HUFU_SM4_CCM, VERB(ENCRYPT) | VERB(DECRYPT)}, {CKM_HUFU_SM4_CMAC, MAC}, {CKM_HUFU_SM4_CBC_MAC, MAC},
	{0, 0},
};

/* -- CCM ------------------------------------------------------------------- */

static enum hufu_err ccm(enum hufu_verb verb, struct kit_key *key, const struct hufu_param_ccm *param, const uint8_t *in, size_t len,
                         struct output *out, size_t *out_len)
{
	struct hufu_op op = {.verb = verb, .mechanism = CKM_HUFU_SM4_CCM, .param = param, .in = in, .in_len = len};
	enum hufu_err err = run_checked(&op, key, out);

	*out_len = op.out_len;
	return err;
}

static void ccm_both_ways(struct kit_key *key, const struct hufu_param_ccm *param, const uint8_t *text, size_t len,
                          const uint8_t *sealed)
{
	size_t sealed_len = len + param->tag_len, n;
	struct output out;

	CU_ASSERT(ccm(HUFU_VERB_ENCRYPT, key, param, text, len, &out, &n) == HUFU_OK && n == sealed_len);
	ASSERT_SAME(out.bytes, sealed, sealed_len);
	CU_ASSERT(ccm(HUFU_VERB_DECRYPT, key, param, sealed, sealed_len, &out, &n) == HUFU_OK && n == len);
	if (len)
		ASSERT_SAME(out.bytes, text, len);
}

#define RFC_TEXT \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd" \
	"eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
#define RFC_SEALED \
	"48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094" \
	"fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b" \
	"16842d4fa186f56ab33256971fa110f4"

static struct {
	uint8_t nonce[16], aad[65536], text[64], sealed[80];
	struct hufu_param_ccm param;
} rfc;

static struct kit_key *rfc_set_up(void)
{
	unit_hex("00001234567800000000abcd", rfc.nonce);
	unit_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", rfc.aad);
	unit_hex(RFC_TEXT, rfc.text);
	unit_hex(RFC_SEALED, rfc.sealed);
	rfc.param = (struct hufu_param_ccm){.nonce = rfc.nonce, .nonce_len = 12, .aad = rfc.aad, .aad_len = 20, .tag_len = 16};
	return key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
}

static const struct {
	size_t nonce_len, aad_len, text_len, tag_len;
	const char *sealed;
} ccm_cases[] = { /* key 40 41 .., nonces 10 11 .., AAD 00 01 .., texts 20 21 .. */
	{7, 8, 4, 4, "a9550cebba3bb146"},
	{8, 16, 16, 6, "bb1a5e7b6979ca8239371083310fd0f18bcd2716ceec"},
	{12, 20, 24, 8, "d4caf482fed2d13d91d5260b1f61d31f01f938b8fe1ec0a801decde82076383e"},
	{13, 65536, 32, 14, "35fb45fb2d4d28530dba9e43a0b38f30486d96a1e57bafc79d3c33dc43821ea57e990b557ee78c27c5a6cffc0b9f"},
	{11, 0, 0, 16, "01170867b8a329b374b082314bcac8ac"},
	/* The longest AAD whose length takes two bytes, and one more. */
	{10, 65279, 33, 10, "f8e28ed1cdfe1fd260c4db760de7c826548a58b3d4b35b3180386e911eeef37c423ff7a97b92a5496a4686"},
	{9, 65280, 1, 12, "e26e8cbf958ce63124de499815"},
};

void suite_sm4_ccm_known(void)
{
	struct kit_key *key = rfc_set_up();
	uint8_t nonce[16], text[64], sealed[80];

	ccm_both_ways(key, &rfc.param, rfc.text, 64, rfc.sealed);
	subject->key_free(key);
	key = key_of_hex(HUFU_KEY_SM4, "404142434445464748494a4b4c4d4e4f");
	for (size_t n = 0; n < sizeof(rfc.aad); n++)
		rfc.aad[n] = (uint8_t)n;
	for (size_t n = 0; n < sizeof(nonce); n++)
		nonce[n] = (uint8_t)(0x10 + n);
	for (size_t n = 0; n < sizeof(text); n++)
		text[n] = (uint8_t)(0x20 + n);
	for (size_t i = 0; i < ARRAY_LEN(ccm_cases); i++) {
		struct hufu_param_ccm param = {.nonce = nonce, .nonce_len = ccm_cases[i].nonce_len, .aad = rfc.aad,
		                               .aad_len = ccm_cases[i].aad_len, .tag_len = ccm_cases[i].tag_len};

		unit_hex(ccm_cases[i].sealed, sealed);
		ccm_both_ways(key, &param, text, ccm_cases[i].text_len, sealed);
	}
	subject->key_free(key);
}

/* Nothing of the plaintext is released before the tag agrees. */
static void ccm_refuse(struct kit_key *key, const uint8_t *sealed, size_t len, enum hufu_err want)
{
	uint8_t out[128] = {0};
	struct hufu_op op = {.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM4_CCM, .param = &rfc.param, .in = sealed,
	                     .in_len = len, .out = out, .out_cap = sizeof(out)};

	CU_ASSERT(subject->run(&op, key) == want && op.out_len == 0);
	for (size_t i = 0; i < sizeof(out); i++)
		CU_ASSERT(out[i] == 0);
}

static enum hufu_err ccm_encrypt(struct kit_key *key, size_t nonce_len, size_t tag_len, const uint8_t *text, size_t len)
{
	struct output out;
	size_t n;

	rfc.param.nonce_len = nonce_len;
	rfc.param.tag_len = tag_len;
	return ccm(HUFU_VERB_ENCRYPT, key, &rfc.param, text, len, &out, &n);
}

void suite_sm4_ccm_refuses(void)
{
	struct kit_key *key = rfc_set_up();
	static const uint8_t text[65536];
	struct output out;
	size_t n;

	for (size_t i = 0; i < 80; i++) {
		rfc.sealed[i] ^= 0x80;
		ccm_refuse(key, rfc.sealed, 80, HUFU_ERR_CIPHERTEXT);
		rfc.sealed[i] ^= 0x80;
	}
	for (size_t len = 0; len < 80; len++)
		ccm_refuse(key, rfc.sealed, len, len < 16 ? HUFU_ERR_CIPHERTEXT_LEN : HUFU_ERR_CIPHERTEXT);
	rfc.aad[19] ^= 1;
	ccm_refuse(key, rfc.sealed, 80, HUFU_ERR_CIPHERTEXT);
	for (size_t len = 0; len <= 18; len++) {
		bool tag_allowed = len >= 4 && len <= 16 && len % 2 == 0;

		CU_ASSERT(ccm_encrypt(key, len, 8, text, 5) == (len >= 7 && len <= 13 ? HUFU_OK : HUFU_ERR_PARAM));
		CU_ASSERT(ccm_encrypt(key, 12, len, text, 5) == (tag_allowed ? HUFU_OK : HUFU_ERR_PARAM));
	}
	/* A nonce of 13 bytes leaves two for the length. */
	CU_ASSERT(ccm_encrypt(key, 13, 8, text, 65536) == HUFU_ERR_DATA_LEN);
	CU_ASSERT(hufu_err_group(ccm_encrypt(key, 13, 8, NULL, 5)) == HUFU_GROUP_CALLER);
	rfc.param.aad = NULL;
	CU_ASSERT(ccm_encrypt(key, 12, 8, text, 5) == HUFU_ERR_PARAM);
	CU_ASSERT(ccm(HUFU_VERB_ENCRYPT, key, NULL, text, 5, &out, &n) == HUFU_ERR_PARAM);
	CU_ASSERT(ccm(HUFU_VERB_DECRYPT, key, NULL, text, 50, &out, &n) == HUFU_ERR_PARAM);
	subject->key_free(key);
}

/* -- MACs ------------------------------------------------------------------ */

/* CBC-MAC takes whole blocks: its messages are filled up here by the standard's padding method 2. */
static const struct {
	uint64_t mechanism;
	const char *text, *padding, *mac;
} macs[] = {
	{CKM_HUFU_SM4_CMAC, "", "", "29e154322e5c7bd8ee6a25ba549b24bc"},
	{CKM_HUFU_SM4_CMAC, "This is the test message for mac", "", "692c437100f3b5ee2b8abcef373d990c"},
	{CKM_HUFU_SM4_CMAC, "This is the test message ", "", "4738a6c760b280fc0c8a8af3886e9f5d"},
	{CKM_HUFU_SM4_CBC_MAC, "", "80000000000000000000000000000000", "8c338e5a27e349beae39214feda97099"},
	{CKM_HUFU_SM4_CBC_MAC, "This is the test message for mac", "80000000000000000000000000000000",
	 "4b6553af3c4e27448412315ac7849535"},
	{CKM_HUFU_SM4_CBC_MAC, "This is the test message ", "80000000000000", "421ad1690aa152e2846fa2a5d83445a9"},
};

static size_t mac_text(size_t i, uint8_t text[64])
{
	size_t len = strlen(macs[i].text);

	memcpy(text, macs[i].text, len);
	return len + unit_hex(macs[i].padding, text + len);
}

static void check_mac(uint64_t mechanism, struct kit_key *key, const uint8_t *text, size_t len, const uint8_t want[16])
{
	struct output out;
	struct hufu_op op;

	for (size_t mac_len = 1; mac_len <= 16; mac_len++) {
		struct hufu_param_mac param = {.mac_len = mac_len};

		op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .param = &param, .in = text, .in_len = len};
		CU_ASSERT(run_checked(&op, key, &out) == HUFU_OK && op.out_len == mac_len);
		ASSERT_SAME(out.bytes, want, mac_len);
	}
	for (size_t a = 0; a <= len; a++)
		for (size_t b = a; b <= len; b += 3) {
			op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .in = text, .in_len = len};
			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK && op.out_len == 16);
			ASSERT_SAME(out.bytes, want, 16);
			op = (struct hufu_op){.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .in = text, .in_len = len,
			                      .in2 = want, .in2_len = 16};
			CU_ASSERT(run_parts(&op, key, &out, a, b) == HUFU_OK);
		}
}

void suite_sm4_macs_known(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
	uint8_t text[64], want[16];

	for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
		size_t len = mac_text(i, text);

		unit_hex(macs[i].mac, want);
		check_mac(macs[i].mechanism, key, text, len, want);
	}
	subject->key_free(key);
}

static enum hufu_err mac_verify(uint64_t mechanism, struct kit_key *key, const struct hufu_param_mac *param, const uint8_t *text,
                                size_t len, const uint8_t *mac, size_t mac_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .param = param, .in = text, .in_len = len,
	                     .in2 = mac, .in2_len = mac_len};

	return subject->run(&op, key);
}

static void refuse_macs(uint64_t mechanism, struct kit_key *key, uint8_t *text, size_t len, uint8_t mac[17])
{
	struct hufu_param_mac none = {.mac_len = 0}, many = {.mac_len = 17}, four = {.mac_len = 4};

	CU_ASSERT(mac_verify(mechanism, key, NULL, text, len, mac, 16) == HUFU_OK);
	for (size_t i = 0; i < 16; i++) {
		mac[i] ^= 2;
		CU_ASSERT(mac_verify(mechanism, key, NULL, text, len, mac, 16) == HUFU_ERR_SIGNATURE);
		mac[i] ^= 2;
	}
	for (size_t i = 0; i < len; i++) {
		text[i] ^= 2;
		CU_ASSERT(mac_verify(mechanism, key, NULL, text, len, mac, 16) == HUFU_ERR_SIGNATURE);
		text[i] ^= 2;
	}
	CU_ASSERT(mac_verify(mechanism, key, &four, text, len, mac, 4) == HUFU_OK);
	CU_ASSERT(mac_verify(mechanism, key, &four, text, len, mac, 16) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(mac_verify(mechanism, key, NULL, text, len, mac, 15) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(mac_verify(mechanism, key, NULL, text, len, mac, 17) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(mac_verify(mechanism, key, &none, text, len, mac, 0) == HUFU_ERR_PARAM);
	CU_ASSERT(mac_verify(mechanism, key, &many, text, len, mac, 17) == HUFU_ERR_PARAM);
	CU_ASSERT(hufu_err_group(mac_verify(mechanism, key, NULL, NULL, 16, mac, 16)) == HUFU_GROUP_CALLER);
}

void suite_sm4_macs_refuse(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, STANDARD_KEY);
	uint8_t text[64], mac[17] = {0};
	struct output out;

	for (size_t i = 1; i < ARRAY_LEN(macs); i += 3) {
		size_t len = mac_text(i, text);

		unit_hex(macs[i].mac, mac);
		refuse_macs(macs[i].mechanism, key, text, len, mac);
	}
	/* GB/T 15852.1: what a broken block is filled up with is not for a device to choose. */
	for (size_t len = 0; len < sizeof(text); len++) {
		struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM4_CBC_MAC, .in = text, .in_len = len};
		enum hufu_err want = len && len % 16 == 0 ? HUFU_OK : HUFU_ERR_DATA_LEN;

		CU_ASSERT(run_checked(&op, key, &out) == want);
		CU_ASSERT(run_parts(&op, key, &out, len / 3, len / 2) == want);
	}
	subject->key_free(key);
}

/* -- a second opinion -------------------------------------------------------- */

#ifdef HAVE_GCRYPT
#define CROSS_MAX 1100

static void cross_ccm(struct kit_key *key, const uint8_t *bytes, const uint8_t *text, size_t len, size_t n)
{
	size_t nonce_len = 7 + n % 7, tag_len = 4 + 2 * (n % 7), aad_len = n * 7 % 300;
	struct hufu_param_ccm param = {.nonce = rfc.nonce, .nonce_len = nonce_len, .aad = rfc.aad, .aad_len = aad_len,
	                               .tag_len = tag_len};
	uint64_t lengths[3] = {len, aad_len, tag_len};
	uint8_t want[CROSS_MAX + 16];
	gcry_cipher_hd_t h;

	CU_ASSERT_FATAL(gcry_cipher_open(&h, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_CCM, 0) == 0);
	CU_ASSERT_FATAL(gcry_cipher_setkey(h, bytes, 16) == 0 && gcry_cipher_setiv(h, rfc.nonce, nonce_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_ctl(h, GCRYCTL_SET_CCM_LENGTHS, lengths, sizeof(lengths)) == 0);
	CU_ASSERT_FATAL(gcry_cipher_authenticate(h, rfc.aad, aad_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_encrypt(h, want, sizeof(want), text, len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_gettag(h, want + len, tag_len) == 0);
	gcry_cipher_close(h);
	ccm_both_ways(key, &param, text, len, want);
}

static void cross_cmac(struct kit_key *key, const uint8_t *bytes, const uint8_t *text, size_t len)
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM4_CMAC, .in = text, .in_len = len};
	uint8_t want[16];
	size_t want_len = sizeof(want);
	struct output out;
	gcry_mac_hd_t h;

	CU_ASSERT_FATAL(gcry_mac_open(&h, GCRY_MAC_CMAC_SM4, 0, NULL) == 0);
	CU_ASSERT_FATAL(gcry_mac_setkey(h, bytes, 16) == 0 && gcry_mac_write(h, text, len) == 0);
	CU_ASSERT_FATAL(gcry_mac_read(h, want, &want_len) == 0 && want_len == sizeof(want));
	gcry_mac_close(h);
	CU_ASSERT(run_checked(&op, key, &out) == HUFU_OK && op.out_len == 16);
	ASSERT_SAME(out.bytes, want, 16);
	CU_ASSERT(run_parts(&op, key, &out, len / 3, len / 2) == HUFU_OK && op.out_len == 16);
	ASSERT_SAME(out.bytes, want, 16);
}

void suite_sm4_tags_cross(void)
{
	static uint8_t text[CROSS_MAX + 4], bytes[16];

	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	fill_pattern(text, sizeof(text), 5);
	fill_pattern(rfc.aad, 300, 6);
	for (size_t len = 0, n = 0; len < CROSS_MAX; len += len < 70 ? 1 : 131, n++) {
		fill_pattern(bytes, sizeof(bytes), n);
		fill_pattern(rfc.nonce, sizeof(rfc.nonce), n + 1);
		struct kit_key *key = subject->key_new(HUFU_KEY_SM4, bytes, sizeof(bytes));

		cross_ccm(key, bytes, text + len % 4, len, n);
		cross_cmac(key, bytes, text + len % 4, len);
		subject->key_free(key);
	}
}
#else
void suite_sm4_tags_cross(void)
{
	UNIT_SKIP("built without libgcrypt");
}
#endif
