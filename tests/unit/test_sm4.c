/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sm_util.h"

#include <openssl/evp.h>
#ifdef HAVE_GCRYPT
#include <gcrypt.h>
#endif

#include "sm/sm4.h"
#include "sm/sm4_impl.h"

#define STANDARD_KEY "0123456789abcdeffedcba9876543210"

static OSSL_LIB_CTX *ctx;

static void key_of_hex(struct sm4_key *key, const char *hex)
{
	uint8_t bytes[16];

	CU_ASSERT_FATAL(unit_hex(hex, bytes) == 16);
	sm4_key_init(key, bytes);
}

/* -- the cipher ---------------------------------------------------------- */

static void test_block(void)
{
	struct sm4_key key;
	uint8_t block[16];

	key_of_hex(&key, STANDARD_KEY);
	/* A.1 prints the round keys too: the first and the last. */
	CU_ASSERT(key.rk[0] == 0xf12186f9);
	CU_ASSERT(key.rk[31] == 0x9124a012);
	unit_hex(STANDARD_KEY, block);
	sm4_ecb_encrypt(&key, block, block, 1);
	ASSERT_HEX(block, 16, "681edf34d206965e86b3e94f536e4246");
	sm4_ecb_decrypt(&key, block, block, 1);
	ASSERT_HEX(block, 16, STANDARD_KEY);
}

static void test_million(void)
{
	struct sm4_key key;
	uint8_t block[16];

	key_of_hex(&key, STANDARD_KEY);
	unit_hex(STANDARD_KEY, block);
	for (int i = 0; i < 1000000; i++)
		sm4_ecb_encrypt(&key, block, block, 1);
	ASSERT_HEX(block, 16, "595298c7c6fd271f0402f804c33d3f66");
}

static void test_any_number_of_blocks(void)
{
	uint8_t in[100 * 16], one_by_one[100 * 16], out[100 * 16], back[100 * 16];
	struct sm4_key key;

	rng_fill(in, sizeof(in));
	key_of_hex(&key, STANDARD_KEY);
	for (size_t i = 0; i < 100; i++)
		sm4_impl()->block(key.rk, in + 16 * i, one_by_one + 16 * i);
	for (size_t n = 0; n <= 100; n++) {
		memset(out, 0x77, sizeof(out));
		sm4_ecb_encrypt(&key, in, out, n);
		ASSERT_SAME(out, one_by_one, 16 * n);
		for (size_t i = 16 * n; i < sizeof(out); i++)
			CU_ASSERT(out[i] == 0x77);
		sm4_ecb_decrypt(&key, out, back, n);
		ASSERT_SAME(back, in, 16 * n);
	}
}

/* -- modes --------------------------------------------------------------- */

enum mode { ECB, CBC, CFB, OFB, CTR, MODES };

static const char *const evp_names[MODES] = {"SM4-ECB", "SM4-CBC", "SM4-CFB", "SM4-OFB", "SM4-CTR"};

static void crypt(enum mode mode, bool encrypt, const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                  size_t len)
{
	switch (mode) {
	case ECB:
		(encrypt ? sm4_ecb_encrypt : sm4_ecb_decrypt)(key, in, out, len / 16);
		break;
	case CBC:
		(encrypt ? sm4_cbc_encrypt : sm4_cbc_decrypt)(key, iv, in, out, len / 16);
		break;
	case CFB:
		(encrypt ? sm4_cfb128_encrypt : sm4_cfb128_decrypt)(key, iv, in, out, len);
		break;
	case OFB:
		sm4_ofb(key, iv, in, out, len);
		break;
	case CTR:
		sm4_ctr(key, iv, 128, in, out, len);
		break;
	case MODES:
		break;
	}
}

static const struct {
	enum mode mode;
	const char *key, *iv, *plain, *cipher;
} mode_vectors[] = {
	/* draft-ribose-cfrg-sm4 appendix A.2, in the edition that OpenSSL's evpciph_sm4.txt quotes. */
	{CBC, STANDARD_KEY, STANDARD_KEY, STANDARD_KEY STANDARD_KEY,
	 "2677f46b09c122cc975533105bd4a22af6125f7275ce552c3a2bbcf533de8a3b"},
	{CBC, STANDARD_KEY, STANDARD_KEY, STANDARD_KEY STANDARD_KEY STANDARD_KEY STANDARD_KEY STANDARD_KEY STANDARD_KEY,
	 "2677f46b09c122cc975533105bd4a22af6125f7275ce552c3a2bbcf533de8a3bfff5a4f208092c0901ba02d5772977369915e3fa2356c9f4"
	 "eb6460ecc457e7f8"
	 "e3cfa3deebfe9883e3a48bcf7c4a11aa3ec9e0d317c5d319be72a5cdddec640c"},
	{OFB, STANDARD_KEY, STANDARD_KEY, STANDARD_KEY STANDARD_KEY, "693d9a535bad5bb1786f53d7253a7056f2075d28b5235f58"
	 "d50027e4177d2bce"},
	{CFB, STANDARD_KEY, STANDARD_KEY, STANDARD_KEY STANDARD_KEY, "693d9a535bad5bb1786f53d7253a70569ed258a85a0467cc"
	 "92aab393dd978995"},
	{CTR, STANDARD_KEY, STANDARD_KEY,
	 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeee"
	 "aaaaaaaaaaaaaaaa",
	 "c2b4759e78ac3cf43d0852f4e8d5f9fd7256e8a5fcb65a350ee00630912e44492a0b17e1b85b060d0fba612d8a95831638b361fd5ffacd94"
	 "2f081485a83ca35d"},
	/* The same with the counter at its end, from an independent implementation in Python. */
	{CTR, STANDARD_KEY, "ffffffffffffffffffffffffffffffff",
	 "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "0000000000000000",
	 "6811af7e097364e786fb45ce5d9a60f02677f46b09c122cc975533105bd4a22a4e595bf03f23bd10329baf5698e898ecb3136c044e95482d"
	 "4f652e694f2741cd"},
	/* Keys and texts of GB/T 17964-2021 appendix B; OFB and CTR as in emmansun/gmsm. */
	{OFB, "2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f",
	 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17"
	 "ad2b417be66c3710",
	 "bc710d762d070b26361da82b54565e4607a0c62834740ad3240d239125e11621d476b21cc9f04951f0741d2ef9e094981584fc142bf13aa6"
	 "26b82f9d7d076cce"},
	{CTR, "2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f",
	 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17"
	 "ad2b417be66c3710",
	 "bc710d762d070b26361da82b54565e46b02b3dbddd50d5b458aeccb25da105e16ad70bc01175ad43b0806a2e7b9ca545602459a06b7d130d"
	 "de42a3e0476818d2"},
};

static void test_mode_vectors(void)
{
	for (size_t i = 0; i < sizeof(mode_vectors) / sizeof(mode_vectors[0]); i++) {
		uint8_t text[256], iv[16];
		size_t len = unit_hex(mode_vectors[i].plain, text);
		struct sm4_key key;

		key_of_hex(&key, mode_vectors[i].key);
		unit_hex(mode_vectors[i].iv, iv);
		crypt(mode_vectors[i].mode, true, &key, iv, text, text, len);
		ASSERT_HEX(text, len, mode_vectors[i].cipher);
		unit_hex(mode_vectors[i].iv, iv);
		crypt(mode_vectors[i].mode, false, &key, iv, text, text, len);
		ASSERT_HEX(text, len, mode_vectors[i].plain);
	}
}

/* From an independent implementation in Python: keystream of four blocks under STANDARD_KEY. */
static const struct {
	unsigned nbits;
	const char *iv, *keystream;
} counters[] = {
	{32, "00112233445566778899aabbffffffff",
	 "37f38cd4d78adeed202049a4cc642ec4d855534ba82b29f19a98441df3de06e9d4aab5e1cbeec43e98167fd13d1355a3aca5dd5a6cc5e410"
	 "52ef60329dc80cff"},
	{8, "00112233445566778899aabbccddeeff",
	 "09325c4853832dcb9337a5984f671b9a42727460f22bdb48f314fb847670e3da3d150ecff204b45944a1c031e16e2c588197a774ec540478"
	 "efcb9a51d3de477a"},
	{1, "ffffffffffffffffffffffffffffffff",
	 "6811af7e097364e786fb45ce5d9a60f0661214b1c928238e9f7c18fb838ff8586811af7e097364e786fb45ce5d9a60f0661214b1c928238e"
	 "9f7c18fb838ff858"},
	{3, "ffffffffffffffffffffffffffffffff",
	 "6811af7e097364e786fb45ce5d9a60f0995c376fdca387557d6c74f0c4253dceb5f824de56d1d45bf0403460667daa97c9ed81d72c2edad0"
	 "9ff27d449d5f4dae"},
	{12, "00000000000000000000000000000fff",
	 "f7ab98915e77584bc7832e9be154de2b2677f46b09c122cc975533105bd4a22a4e595bf03f23bd10329baf5698e898ecb3136c044e95482d"
	 "4f652e694f2741cd"},
	{63, "00112233445566777fffffffffffffff",
	 "9112f27e1839d1c94b08a6b11ad49bd437ecd61c20338cd833ca81d09b0f646a7bfcc5f89ec67c65a84eb3f8d977f591718c29a28d2c10fe"
	 "b7e16de305add807"},
	{64, "0011223344556677ffffffffffffffff",
	 "3eb9979d81e33d26ea1d4a5f6178bfcb37ecd61c20338cd833ca81d09b0f646a7bfcc5f89ec67c65a84eb3f8d977f591718c29a28d2c10fe"
	 "b7e16de305add807"},
	{65, "0011223344556676ffffffffffffffff",
	 "ce041e56b361873bd77a96386e8daa8237ecd61c20338cd833ca81d09b0f646a7bfcc5f89ec67c65a84eb3f8d977f591718c29a28d2c10fe"
	 "b7e16de305add807"},
	{100, "001122334fffffffffffffffffffffff",
	 "9977e45f1d2647cfc9f4ffc90dcc22e336071fdb8420a758244283512020cad736335b00369af644def4eb94c8bd1a31566f0d612104320e"
	 "8cbdc671cd2268ab"},
	{127, "7fffffffffffffffffffffffffffffff",
	 "d582dba1cfdd8e891105a6a46112475a2677f46b09c122cc975533105bd4a22a4e595bf03f23bd10329baf5698e898ecb3136c044e95482d"
	 "4f652e694f2741cd"},
	{128, "ffffffffffffffffffffffffffffffff",
	 "6811af7e097364e786fb45ce5d9a60f02677f46b09c122cc975533105bd4a22a4e595bf03f23bd10329baf5698e898ecb3136c044e95482d"
	 "4f652e694f2741cd"},
};

static void test_narrow_counters(void)
{
	struct sm4_key key;

	key_of_hex(&key, STANDARD_KEY);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint8_t text[64] = {0}, iv[16];

		unit_hex(counters[i].iv, iv);
		sm4_ctr(&key, iv, counters[i].nbits, text, text, sizeof(text));
		ASSERT_HEX(text, sizeof(text), counters[i].keystream);
	}
}

static void crypt_of_libcrypto(enum mode mode, bool encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *in, uint8_t *out,
                               size_t len)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(ctx, evp_names[mode], NULL);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;

	CU_ASSERT_FATAL(cipher && c);
	CU_ASSERT_FATAL(EVP_CipherInit_ex2(c, cipher, key, iv, encrypt, NULL) == 1);
	EVP_CIPHER_CTX_set_padding(c, 0);
	CU_ASSERT_FATAL(EVP_CipherUpdate(c, out, &n, in, (int)len) == 1);
	CU_ASSERT_FATAL(EVP_CipherFinal_ex(c, out + n, &last) == 1);
	CU_ASSERT((size_t)(n + last) == len);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(cipher);
}

/* One random case: whole, in place and cut into pieces must all give what libcrypto gives. */
static void random_case(enum mode mode, bool encrypt)
{
	uint8_t bytes[16], first_iv[16], iv[16], in[1500], want[1500], out[1500];
	bool stream = mode == CFB || mode == OFB || mode == CTR;
	size_t len = stream ? rng_below(sizeof(in)) : rng_below(sizeof(in) / 16) * 16;
	struct sm4_key key;

	rng_fill(bytes, sizeof(bytes));
	rng_fill(first_iv, sizeof(first_iv));
	rng_fill(in, len);
	crypt_of_libcrypto(mode, encrypt, bytes, first_iv, in, want, len);
	sm4_key_init(&key, bytes);

	memcpy(iv, first_iv, 16);
	crypt(mode, encrypt, &key, iv, in, out, len);
	ASSERT_SAME(out, want, len);

	memcpy(iv, first_iv, 16);
	memset(out, 0, sizeof(out));
	for (size_t done = 0, n; done < len; done += n) {
		n = 16 * (1 + rng_below(40));
		if (n > len - done)
			n = len - done;
		crypt(mode, encrypt, &key, iv, in + done, out + done, n);
	}
	ASSERT_SAME(out, want, len);

	memcpy(iv, first_iv, 16);
	crypt(mode, encrypt, &key, iv, in, in, len);
	ASSERT_SAME(in, want, len);
}

static void test_modes_random(void)
{
	for (int i = 0; i < 600; i++)
		for (enum mode mode = ECB; mode < MODES; mode++) {
			random_case(mode, true);
			random_case(mode, false);
		}
}

static void test_modes_every_split(void)
{
	uint8_t in[80 * 16], want[80 * 16], out[80 * 16], iv[16];
	struct sm4_key key;

	key_of_hex(&key, STANDARD_KEY);
	rng_fill(in, sizeof(in));
	for (enum mode mode = CBC; mode < MODES; mode++)
		for (int encrypt = 0; encrypt < 2; encrypt++) {
			memset(iv, 0xff, sizeof(iv));
			crypt(mode, encrypt, &key, iv, in, want, sizeof(in));
			for (size_t cut = 0; cut <= sizeof(in); cut += 16) {
				memset(iv, 0xff, sizeof(iv));
				crypt(mode, encrypt, &key, iv, in, out, cut);
				crypt(mode, encrypt, &key, iv, in + cut, out + cut, sizeof(in) - cut);
				ASSERT_SAME(out, want, sizeof(in));
			}
		}
}

/* -- GCM ----------------------------------------------------------------- */

static const struct gcm_vector {
	const char *key, *iv, *aad, *plain, *cipher, *tag;
} gcm_vectors[] = {
	/* RFC 8998 A.1 */
	{STANDARD_KEY, "00001234567800000000abcd", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeee"
	 "aaaaaaaaaaaaaaaa",
	 "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397"
	 "b4024a2691233b8d",
	 "83de3541e4c2b58177e065a9bf7b62ec"},
	/* GB/T 36624-2018 C.5 */
	{"00000000000000000000000000000000", "000000000000000000000000", "", "", "", "232f0cfe308b49ea6fc88229b5dc858d"},
	{"00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
	 "7de2aa7f1110188218063be1bfeb6d89", "b851b5f39493752be508f1bb4482c557"},
	/* GB/T 15852.3-2019 A.4, GMAC */
	{"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeef", "", "",
	 "9d632570f93064264a20918e3081b4cd"},
	{"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	 "feedfacedeadbeeffeedfacedeadbeefabaddad242831ec2217774244b7221b7", "", "", "1eeaeb669e96bd059bd9929123030e78"},
	/* IVs of other lengths: from an independent implementation in Python. */
	{"1655e7c81fd50c755a9ea22c21f9073a", "86", "", "", "", "7fa222d30390685e50af03416512e778"},
	{"adf81f69a2d5c20cf99660078812d7d5", "976b295dbe5ae3a8", "228b80af123703c3caa89cafc4edff837525699d",
	 "2fb35ba0067455e03ca466e33728617adedd85746cef256b473e04044be5e0b0b20f7b624628778bd2add8366d762e4c4c090906ab4ef109"
	 "2bf68d5305ea3651",
	 "f6b5f164c477dd3180c9721cc4a944d25452544340f2ec78c1b4bc5c3c89e538dee45a7ceae9e23be36a29552653b4e70974d78e9bc66f7f"
	 "bfff771569e12dfa",
	 "7ea3f5f984f778f870a3adeff321813e"},
	{"02e620aba4135b5fe909c2e45f59b8f0", "dc1bde8541b1b28608b483dac24bacf2", "08cd754a7bdf32bc8f77c63ae2",
	 "bc2a303d186087a4f8b0506ef6ab6182e98c778a23d8ecf8f4a8f7ff53bd9b", "cb8859049eafbcaae68dd072f773690c9d9c4330"
	 "9012730a8cda244916b7c0",
	 "330038d91e19eff7802ef550d685d689"},
	{"5e5e83ee708d7a61c7d7c3ceba7520d9",
	 "46b32c326bd695060fd629bbbdba03ecab9b430fcbde14b36fe88c41482d486fe3f8efe5f4f759ed2c8b3953d4f39b58ce6f1333bb64b025"
	 "dc0be40a", "",
	 "b4aa4e65ed8dd87b71e0ef46a08406236eb5ffce56aef3e0df947f2d081a94faa15b1d37905c4813d2c29d8050fb0a38f497797c14e08a4f"
	 "31eb5d7bc01e72fd"
	 "f58804b65b70ab3c2fa6e85f4f38b7fb6f3988677b9886901c6b0bb67e44eefc5e9762b1",
	 "de8a571efe68dff1f76c487ad654a8285be0206bc0b14a5df2d285725ba16bcb78126ea41f639ceaa9dcdae265496ce311638dbae3d2c7b3"
	 "7e41255f5052728b"
	 "dfeeeef6dd56d82e343679b38f06c318df50ee324fcc12b01e802c43ab0dd85b5d298544",
	 "db684cf82c0ad9e97a196b82870d5a59"},
	{"dad6e68d0720d178017e8b018ae8281c", "77f4d4c3dafc4d13a09efd1079", "a67a5e2d93762c097fa61857a59d8a82", "e4", "d3",
	 "2257cfce8ec89678dd10d92503e3c54c"},
	{"ffe551f22db60593f66672c70b0404f8",
	 "f4a71d3ef0052fb67b5dcaa8519ec81989c5d567972ebcb8430d5e96004c93d7d7df492e1395ff61e9f4b577f8d968535bfb808285c51b57"
	 "25846a275e071c93"
	 "087499e0057396e7bc15d574c8b75879515fe921fef96a01b05d29819803992d4169deab5c74349f339eb56160dc5698d3ac35bdc267f327"
	 "8eda479b7024d854",
	 "e7", "08dfea87658d5677d8bbb450a704f634e3d550e1d3d444ffe9c8d5249e13589ab20bcdd92da8b609ea2b793eeb2574",
	 "2fb1838f57797ba99639f740df660ca7661db3ecc63219bf771500d70232e26177a71b1a90fbcea1f411a9fe2c017d",
	 "549ee087ea7d0b27e795a110b93225a2"},
};

#define GCM_VECTORS (sizeof(gcm_vectors) / sizeof(gcm_vectors[0]))

struct gcm_case {
	struct sm4_key key;
	uint8_t iv[128], aad[64], plain[128];
	size_t iv_len, aad_len, len;
};

static void gcm_load(struct gcm_case *c, const struct gcm_vector *v)
{
	key_of_hex(&c->key, v->key);
	c->iv_len = unit_hex(v->iv, c->iv);
	c->aad_len = unit_hex(v->aad, c->aad);
	c->len = unit_hex(v->plain, c->plain);
}

static void test_gcm_vectors(void)
{
	for (size_t i = 0; i < GCM_VECTORS; i++) {
		const struct gcm_vector *v = &gcm_vectors[i];
		uint8_t out[128], tag[16];
		struct gcm_case c;

		gcm_load(&c, v);
		CU_ASSERT(sm4_gcm_seal(&c.key, c.iv, c.iv_len, c.aad, c.aad_len, c.plain, c.len, out, tag, 16));
		ASSERT_HEX(out, c.len, v->cipher);
		ASSERT_HEX(tag, 16, v->tag);
		CU_ASSERT(sm4_gcm_open(&c.key, c.iv, c.iv_len, c.aad, c.aad_len, out, c.len, out, tag, 16));
		ASSERT_HEX(out, c.len, v->plain);
	}
}

static void test_gcm_tag_lengths(void)
{
	struct gcm_case c;
	uint8_t out[128], back[128], tag[17], full[16];

	gcm_load(&c, &gcm_vectors[0]);
	sm4_gcm_seal(&c.key, c.iv, c.iv_len, c.aad, c.aad_len, c.plain, c.len, out, full, 16);
	memcpy(tag, full, 16);
	tag[16] = 0;
	for (size_t len = 0; len <= 17; len++) {
		bool allowed = len == 4 || len == 8 || (len >= 12 && len <= 16);

		memset(back, 0x55, sizeof(back));
		CU_ASSERT(sm4_gcm_open(&c.key, c.iv, c.iv_len, c.aad, c.aad_len, out, c.len, back, tag, len) == allowed);
		CU_ASSERT((back[0] == 0x55) == !allowed);
		if (allowed) {
			uint8_t cut[17];

			memset(cut, 0x55, sizeof(cut));
			sm4_gcm_seal(&c.key, c.iv, c.iv_len, c.aad, c.aad_len, c.plain, c.len, back, cut, len);
			ASSERT_SAME(cut, full, len);
			CU_ASSERT(cut[len] == 0x55);
		}
	}
}

static bool opens(const struct gcm_case *c, const uint8_t *cipher, const uint8_t *tag)
{
	uint8_t out[128];
	bool good;

	memset(out, 0x55, sizeof(out));
	good = sm4_gcm_open(&c->key, c->iv, c->iv_len, c->aad, c->aad_len, cipher, c->len, out, tag, 16);
	for (size_t i = 0; !good && i < sizeof(out); i++)
		CU_ASSERT(out[i] == 0x55);
	return good;
}

/* Flips each bit of the field in turn. */
static void refuse_flips(const struct gcm_case *c, uint8_t *field, size_t len, const uint8_t *cipher, const uint8_t *tag)
{
	for (size_t bit = 0; bit < 8 * len; bit++) {
		field[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(!opens(c, cipher, tag));
		field[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT(opens(c, cipher, tag));
}

static void test_gcm_tampered(void)
{
	for (size_t i = 0; i < GCM_VECTORS; i++) {
		uint8_t cipher[128], tag[16];
		struct gcm_case c;

		gcm_load(&c, &gcm_vectors[i]);
		unit_hex(gcm_vectors[i].cipher, cipher);
		unit_hex(gcm_vectors[i].tag, tag);
		refuse_flips(&c, tag, 16, cipher, tag);
		refuse_flips(&c, cipher, c.len, cipher, tag);
		refuse_flips(&c, c.aad, c.aad_len, cipher, tag);
		refuse_flips(&c, c.iv, c.iv_len, cipher, tag);
		if (c.len) {
			c.len--;
			CU_ASSERT(!opens(&c, cipher, tag));
			c.len++;
		}
		if (c.aad_len) {
			c.aad_len--;
			CU_ASSERT(!opens(&c, cipher, tag));
		}
	}
}

/* Two pieces of AAD and three of text, at every place. */
static void test_gcm_pieces(void)
{
	uint8_t iv[12], aad[40], plain[75], cipher[75], out[75], tag[16], got[16];
	struct sm4_key key;
	struct sm4_gcm g;

	rng_fill(iv, sizeof(iv));
	rng_fill(aad, sizeof(aad));
	rng_fill(plain, sizeof(plain));
	key_of_hex(&key, STANDARD_KEY);
	for (size_t a = 0; a <= sizeof(plain); a++)
		for (size_t b = a; b <= sizeof(plain); b++) {
			size_t aad_len = (a + b) % (sizeof(aad) + 1), cut = aad_len / 3;

			sm4_gcm_seal(&key, iv, sizeof(iv), aad, aad_len, plain, sizeof(plain), cipher, tag, 16);
			sm4_gcm_init(&g, &key, iv, sizeof(iv));
			sm4_gcm_aad(&g, aad, cut);
			sm4_gcm_aad(&g, aad + cut, aad_len - cut);
			CU_ASSERT(sm4_gcm_encrypt(&g, &key, plain, out, a));
			CU_ASSERT(sm4_gcm_encrypt(&g, &key, plain + a, out + a, b - a));
			CU_ASSERT(sm4_gcm_encrypt(&g, &key, plain + b, out + b, sizeof(plain) - b));
			sm4_gcm_final(&g, &key, got, 16);
			ASSERT_SAME(out, cipher, sizeof(out));
			ASSERT_SAME(got, tag, 16);

			sm4_gcm_init(&g, &key, iv, sizeof(iv));
			sm4_gcm_aad(&g, aad, aad_len);
			CU_ASSERT(sm4_gcm_decrypt(&g, &key, out, out, a));
			CU_ASSERT(sm4_gcm_decrypt(&g, &key, out + a, out + a, b - a));
			CU_ASSERT(sm4_gcm_decrypt(&g, &key, out + b, out + b, sizeof(plain) - b));
			sm4_gcm_final(&g, &key, got, 16);
			ASSERT_SAME(out, plain, sizeof(out));
			ASSERT_SAME(got, tag, 16);
		}
}

static void test_gcm_limit(void)
{
	const uint64_t limit = (UINT64_C(1) << 36) - 32;
	uint8_t text[64] = {0};
	struct sm4_key key;
	struct sm4_gcm g, before;

	key_of_hex(&key, STANDARD_KEY);
	sm4_gcm_init(&g, &key, text, 12);
	g.text_len = limit - 16;
	before = g;
	CU_ASSERT(!sm4_gcm_encrypt(&g, &key, text, text, 17));
	CU_ASSERT(!sm4_gcm_decrypt(&g, &key, text, text, 17));
	CU_ASSERT(!sm4_gcm_encrypt(&g, &key, text, text, SIZE_MAX));
	ASSERT_SAME(&g, &before, sizeof(g));
	CU_ASSERT(sm4_gcm_encrypt(&g, &key, text, text, 16));
	CU_ASSERT(!sm4_gcm_encrypt(&g, &key, text, text, 1));
	CU_ASSERT(!sm4_gcm_open(&key, text, 12, NULL, 0, text, SIZE_MAX, text, text, 16));
	CU_ASSERT(!sm4_gcm_seal(&key, text, 12, NULL, 0, text, SIZE_MAX, text, text, 16));
}

static void test_gcm_wipes(void)
{
	static const struct sm4_gcm zero;
	uint8_t text[20] = {0}, tag[16];
	struct sm4_key key;
	struct sm4_gcm g;

	key_of_hex(&key, STANDARD_KEY);
	sm4_gcm_init(&g, &key, text, 12);
	sm4_gcm_encrypt(&g, &key, text, text, sizeof(text));
	sm4_gcm_final(&g, &key, tag, 16);
	ASSERT_SAME(&g, &zero, sizeof(g));
}

#ifdef HAVE_GCRYPT
static void gcm_of_gcrypt(const uint8_t *key, const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *text,
                          size_t len, uint8_t tag[16])
{
	gcry_cipher_hd_t h;

	CU_ASSERT_FATAL(gcry_cipher_open(&h, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_GCM, 0) == 0);
	CU_ASSERT_FATAL(gcry_cipher_setkey(h, key, 16) == 0);
	CU_ASSERT_FATAL(gcry_cipher_setiv(h, iv, iv_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_authenticate(h, aad, aad_len) == 0);
	CU_ASSERT_FATAL(gcry_cipher_encrypt(h, text, len, NULL, 0) == 0);
	CU_ASSERT_FATAL(gcry_cipher_gettag(h, tag, 16) == 0);
	gcry_cipher_close(h);
}

static void test_gcm_random(void)
{
	uint8_t bytes[16], iv[80], aad[100], plain[1300], want[1300], got[1300], want_tag[16], tag[16];
	struct sm4_key key;

	for (int i = 0; i < 2000; i++) {
		size_t iv_len = i & 1 ? 12 : 1 + rng_below(sizeof(iv));
		size_t aad_len = rng_below(sizeof(aad)), len = rng_below(sizeof(plain));

		rng_fill(bytes, sizeof(bytes));
		rng_fill(iv, iv_len);
		rng_fill(aad, aad_len);
		rng_fill(plain, len);
		memcpy(want, plain, len);
		gcm_of_gcrypt(bytes, iv, iv_len, aad, aad_len, want, len, want_tag);
		sm4_key_init(&key, bytes);
		CU_ASSERT(sm4_gcm_seal(&key, iv, iv_len, aad, aad_len, plain, len, got, tag, 16));
		ASSERT_SAME(got, want, len);
		ASSERT_SAME(tag, want_tag, 16);
		CU_ASSERT(sm4_gcm_open(&key, iv, iv_len, aad, aad_len, got, len, got, tag, 16));
		ASSERT_SAME(got, plain, len);
	}
}
#else
static void test_gcm_random(void)
{
	UNIT_SKIP("built without libgcrypt");
}
#endif

/* -- CCM ----------------------------------------------------------------- */

static const struct ccm_vector {
	const char *key, *nonce, *aad, *plain, *cipher, *tag;
} ccm_vectors[] = {
	/* RFC 8998 A.2 */
	{STANDARD_KEY, "00001234567800000000abcd", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeee"
	 "aaaaaaaaaaaaaaaa",
	 "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094fd12e518ce062c98acee28d95df4416bed31a2f04476c18b"
	 "b40c84a74b97dc5b",
	 "16842d4fa186f56ab33256971fa110f4"},
	/* The inputs of SP 800-38C C.1, C.2 and none at all, from an independent implementation in Python. */
	{"404142434445464748494a4b4c4d4e4f", "10111213141516", "0001020304050607", "20212223", "a9550ceb", "ba3bb146"},
	{"404142434445464748494a4b4c4d4e4f", "1011121314151617", "000102030405060708090a0b0c0d0e0f",
	 "202122232425262728292a2b2c2d2e2f", "bb1a5e7b6979ca8239371083310fd0f1", "8bcd2716ceec"},
	{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a", "", "", "", "01170867b8a329b374b082314bcac8ac"},
};

struct ccm_case {
	struct sm4_key key;
	uint8_t nonce[16], aad[64], plain[128], tag[16];
	size_t nonce_len, aad_len, len, tag_len;
};

static void ccm_load(struct ccm_case *c, const struct ccm_vector *v)
{
	key_of_hex(&c->key, v->key);
	c->nonce_len = unit_hex(v->nonce, c->nonce);
	c->aad_len = unit_hex(v->aad, c->aad);
	c->len = unit_hex(v->plain, c->plain);
	c->tag_len = unit_hex(v->tag, c->tag);
}

static void test_ccm_vectors(void)
{
	for (size_t i = 0; i < sizeof(ccm_vectors) / sizeof(ccm_vectors[0]); i++) {
		const struct ccm_vector *v = &ccm_vectors[i];
		uint8_t text[128], tag[16];
		struct ccm_case c;

		ccm_load(&c, v);
		memcpy(text, c.plain, c.len);
		CU_ASSERT(sm4_ccm_seal(&c.key, c.nonce, c.nonce_len, c.aad, c.aad_len, text, c.len, text, tag, c.tag_len));
		ASSERT_HEX(text, c.len, v->cipher);
		ASSERT_HEX(tag, c.tag_len, v->tag);
		CU_ASSERT(sm4_ccm_open(&c.key, c.nonce, c.nonce_len, c.aad, c.aad_len, text, c.len, text, tag, c.tag_len));
		ASSERT_HEX(text, c.len, v->plain);
	}
}

static bool ccm_opens(const struct ccm_case *c, const uint8_t *cipher, const uint8_t *tag)
{
	uint8_t out[128];
	bool good;

	memset(out, 0x55, sizeof(out));
	good = sm4_ccm_open(&c->key, c->nonce, c->nonce_len, c->aad, c->aad_len, cipher, c->len, out, tag, c->tag_len);
	for (size_t i = 0; !good && i < sizeof(out); i++)
		CU_ASSERT(out[i] == 0x55);
	return good;
}

static void test_ccm_tampered(void)
{
	struct ccm_case c;
	uint8_t cipher[128];

	ccm_load(&c, &ccm_vectors[0]);
	unit_hex(ccm_vectors[0].cipher, cipher);
	CU_ASSERT(ccm_opens(&c, cipher, c.tag));
	for (size_t bit = 0; bit < 8 * c.len; bit++) {
		cipher[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(!ccm_opens(&c, cipher, c.tag));
		cipher[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * c.tag_len; bit++) {
		c.tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(!ccm_opens(&c, cipher, c.tag));
		c.tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	c.aad_len--;
	CU_ASSERT(!ccm_opens(&c, cipher, c.tag));
	c.aad_len++;
	/* A shorter tag is another message's: its length is part of what is hashed. */
	c.tag_len -= 2;
	CU_ASSERT(!ccm_opens(&c, cipher, c.tag));
}

static void test_ccm_lengths(void)
{
	static uint8_t text[65536], out[65536];
	uint8_t nonce[16] = {0}, tag[16];
	struct sm4_key key;

	key_of_hex(&key, STANDARD_KEY);
	for (size_t n = 0; n <= 16; n++) {
		bool tag_allowed = n >= 4 && n % 2 == 0;

		CU_ASSERT(sm4_ccm_seal(&key, nonce, n, NULL, 0, text, 1, out, tag, 16) == (n >= 7 && n <= 13));
		CU_ASSERT(sm4_ccm_seal(&key, nonce, 12, NULL, 0, text, 1, out, tag, n) == tag_allowed);
		CU_ASSERT(tag_allowed == sm4_ccm_open(&key, nonce, 12, NULL, 0, out, 1, out, tag, n));
	}
	CU_ASSERT(sm4_ccm_seal(&key, nonce, 13, NULL, 0, text, 65535, out, tag, 16));
	CU_ASSERT(!sm4_ccm_seal(&key, nonce, 13, NULL, 0, text, 65536, out, tag, 16));
	CU_ASSERT(!sm4_ccm_open(&key, nonce, 13, NULL, 0, text, 65536, out, tag, 16));
}

/* GB/T 15852.1-2020 appendix B, algorithm 1 with padding method 2. */
static void test_cbc_mac(void)
{
	uint8_t text[48] = "This is the test message for mac\x80", chain[16] = {0};
	struct sm4_key key;

	key_of_hex(&key, STANDARD_KEY);
	sm4_cbc_mac(&key, chain, text, 3);
	ASSERT_HEX(chain, 16, "4b6553af3c4e27448412315ac7849535");
	memset(chain, 0, sizeof(chain));
	sm4_cbc_mac(&key, chain, text, 1);
	sm4_cbc_mac(&key, chain, text + 16, 0);
	sm4_cbc_mac(&key, chain, text + 16, 2);
	ASSERT_HEX(chain, 16, "4b6553af3c4e27448412315ac7849535");
}

static const struct unit_case cases[] = {
	{"SM4 gives the block of GB/T 32907 A.1 and takes it back", test_block},
	{"SM4 a million times over gives the block of GB/T 32907 A.2", test_million},
	{"SM4 on many blocks is SM4 on each, for 0 to 100 of them", test_any_number_of_blocks},
	{"the modes give the published values, both ways, in place", test_mode_vectors},
	{"CTR counts in its low bits only, and wraps there", test_narrow_counters},
	{"the modes agree with libcrypto: whole, in pieces, in place", test_modes_random},
	{"the modes continue across every block boundary", test_modes_every_split},
	{"GCM gives the values of RFC 8998, GB/T 36624 and GB/T 15852.3", test_gcm_vectors},
	{"GCM cuts tags to the standard's lengths and takes no other", test_gcm_tag_lengths},
	{"GCM refuses any flipped bit and releases nothing", test_gcm_tampered},
	{"GCM in pieces is GCM in one, at every split", test_gcm_pieces},
	{"GCM stops at 2^36 - 32 bytes and changes nothing then", test_gcm_limit},
	{"GCM leaves its context wiped", test_gcm_wipes},
	{"GCM agrees with libgcrypt on random input", test_gcm_random},
	{"CCM gives the values of RFC 8998, in place", test_ccm_vectors},
	{"CCM refuses any flipped bit and releases nothing", test_ccm_tampered},
	{"CCM takes the nonces, tags and texts that SP 800-38C A.1 allows, and no other", test_ccm_lengths},
	{"CBC-MAC gives the values of GB/T 15852.1, at once and piece by piece", test_cbc_mac},
	{0},
};

int main(void)
{
	int status;

#ifdef HAVE_GCRYPT
	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
#endif
	ctx = OSSL_LIB_CTX_new();
	status = ctx ? unit_main("sm4", cases) : 99;
	OSSL_LIB_CTX_free(ctx);
	return status;
}
