/* SPDX-License-Identifier: Apache-2.0 */
/* RSA's mechanisms: known answers, agreement with libcrypto both ways, and what is refused. */
#include "driver_suite_rsa.h"

#include <openssl/err.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rsa_vectors.h"

const struct tried suite_rsa_tried[] = {
	{CKM_RSA_PKCS_KEY_PAIR_GEN, VERB(GENERATE)},
	{CKM_RSA_PKCS, VERB(SIGN) | VERB(VERIFY) | VERB(ENCRYPT) | VERB(DECRYPT)},
	{CKM_RSA_X_509, VERB(SIGN) | VERB(VERIFY) | VERB(ENCRYPT) | VERB(DECRYPT)},
	{CKM_RSA_PKCS_PSS, VERB(SIGN) | VERB(VERIFY)},
	{CKM_RSA_PKCS_OAEP, VERB(ENCRYPT) | VERB(DECRYPT)},
	{0, 0},
};

/* -- keys ------------------------------------------------------------------- */

struct rsa_pair rsa_pair_of_der(const uint8_t *pkcs8, size_t len)
{
	const uint8_t *p = pkcs8;
	struct rsa_pair pair = {.pkey = d2i_AutoPrivateKey(NULL, &p, (long)len)};
	uint8_t *spki = NULL;
	int spki_len = i2d_PUBKEY(pair.pkey, &spki);

	CU_ASSERT_FATAL(pair.pkey && spki_len > 0);
	pair.private = subject->key_new(HUFU_KEY_RSA_PRIVATE, pkcs8, len);
	pair.public = subject->key_new(HUFU_KEY_RSA_PUBLIC, spki, (size_t)spki_len);
	pair.len = (size_t)EVP_PKEY_get_size(pair.pkey);
	OPENSSL_free(spki);
	return pair;
}

static struct rsa_pair pair_of_hex(const char *hex)
{
	uint8_t der[2048];

	return rsa_pair_of_der(der, unit_hex(hex, der));
}

struct rsa_pair rsa_pair_of_bits(size_t nbits)
{
	EVP_PKEY *pkey = EVP_RSA_gen(nbits);
	uint8_t der[RSA_DER_MAX];
	size_t len = rsa_pkcs8(pkey, der);

	EVP_PKEY_free(pkey);
	return rsa_pair_of_der(der, len);
}

size_t rsa_pkcs8(const EVP_PKEY *pkey, uint8_t der[RSA_DER_MAX])
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	CU_ASSERT_FATAL(len > 0 && len <= RSA_DER_MAX && i2d_PKCS8_PRIV_KEY_INFO(info, &der) == len);
	PKCS8_PRIV_KEY_INFO_free(info);
	return (size_t)len;
}

void rsa_pair_free(struct rsa_pair *pair)
{
	subject->key_free(pair->private);
	subject->key_free(pair->public);
	EVP_PKEY_free(pair->pkey);
}

/* -- ops -------------------------------------------------------------------- */

struct text {
	const uint8_t *bytes;
	size_t len;
};

static enum hufu_err run(enum hufu_verb verb, uint64_t mechanism, const void *param, struct kit_key *key, struct text in,
                         struct output *out, size_t *len)
{
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .param = param, .in = in.bytes, .in_len = in.len};
	op.out = out->bytes;
	op.out_cap = sizeof(out->bytes);
	op.pub = out->pub;
	enum hufu_err err = subject->run(&op, key);

	*len = op.out_len;
	return err;
}

static enum hufu_err verify(uint64_t mechanism, const void *param, struct kit_key *key, struct text in, struct text signature)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .param = param, .in = in.bytes, .in_len = in.len,
	                     .in2 = signature.bytes, .in2_len = signature.len};

	return subject->run(&op, key);
}

static struct text text_of(const char *hex, uint8_t *room)
{
	size_t len = unit_hex(hex, room);

	return (struct text){room, len};
}

/* -- known answers ------------------------------------------------------------ */

/* The same message gives this signature, in as much room as it takes. */
static void check_signed(uint64_t mechanism, const struct rsa_pair *pair, struct text in, const char *hex)
{
	uint8_t room[256];
	struct text want = text_of(hex, room);
	struct output out;
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .in = in.bytes, .in_len = in.len};

	CU_ASSERT(run_checked(&op, pair->private, &out) == HUFU_OK && op.out_len == want.len);
	ASSERT_SAME(out.bytes, want.bytes, want.len);
	CU_ASSERT(verify(mechanism, NULL, pair->public, in, want) == HUFU_OK);
}

static void check_pss(const struct rsa_pair *pair, size_t i)
{
	const struct hufu_param_pss param = {rsa_pss[i].hash, rsa_pss[i].mgf_hash, rsa_pss[i].salt_len};
	uint8_t digest[64], signature[256];
	struct text in = text_of(rsa_pss[i].digest, digest), want = text_of(rsa_pss[i].signature, signature);

	CU_ASSERT(verify(CKM_RSA_PKCS_PSS, &param, pair->public, in, want) == HUFU_OK);
}

static void check_oaep(const struct rsa_pair *pair, size_t i)
{
	uint8_t label[300], ciphertext[256], message[256];
	struct text l = text_of(rsa_oaep[i].label, label), in = text_of(rsa_oaep[i].ciphertext, ciphertext);
	struct text want = text_of(rsa_oaep[i].message, message);
	const struct hufu_param_oaep param = {rsa_oaep[i].hash, rsa_oaep[i].mgf_hash, l.bytes, l.len};
	struct output out;
	struct hufu_op op = {.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_RSA_PKCS_OAEP, .param = &param, .in = in.bytes, .in_len = in.len};

	CU_ASSERT(run_checked(&op, pair->private, &out) == HUFU_OK && op.out_len == want.len);
	ASSERT_SAME(out.bytes, want.bytes, want.len);
}

void suite_rsa_known(void)
{
	struct rsa_pair pair = pair_of_hex(rsa_2048);
	uint8_t info[64];

	check_signed(CKM_RSA_PKCS, &pair, text_of(rsa_digest_info, info), rsa_digest_info_signed);
	check_signed(CKM_RSA_X_509, &pair, (struct text){(const uint8_t *)"hufu", 4}, rsa_raw_signed);
	for (size_t i = 0; i < ARRAY_LEN(rsa_pss); i++)
		check_pss(&pair, i);
	for (size_t i = 0; i < ARRAY_LEN(rsa_oaep); i++)
		check_oaep(&pair, i);
	rsa_pair_free(&pair);
}

/* Again and again the same, with room or without: a second try tells no more than the first. */
void suite_rsa_rejection(void)
{
	uint8_t ciphertext[257], message[257];
	struct output out;

	for (size_t i = 0; i < ARRAY_LEN(rsa_opened); i++) {
		struct rsa_pair pair = pair_of_hex(rsa_opened[i].key);
		struct text in = text_of(rsa_opened[i].ciphertext, ciphertext), want = text_of(rsa_opened[i].message, message);

		for (int round = 0; round < 2; round++) {
			struct hufu_op op = {
				.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_RSA_PKCS, .in = in.bytes, .in_len = in.len};

			CU_ASSERT(run_checked(&op, pair.private, &out) == HUFU_OK && op.out_len == want.len);
			ASSERT_SAME(out.bytes, want.bytes, want.len);
		}
		rsa_pair_free(&pair);
	}
}

/* -- libcrypto, in its default context ------------------------------------------ */

static const struct {
	uint64_t mechanism;
	const char *name;
	size_t len;
} hashes[] = {
	{CKM_SHA_1, "SHA1", 20},           {CKM_SHA224, "SHA224", 28},        {CKM_SHA256, "SHA256", 32},
	{CKM_SHA384, "SHA384", 48},        {CKM_SHA512, "SHA512", 64},        {CKM_SHA512_224, "SHA512-224", 28},
	{CKM_SHA512_256, "SHA512-256", 32}, {CKM_SHA3_224, "SHA3-224", 28},   {CKM_SHA3_256, "SHA3-256", 32},
	{CKM_SHA3_384, "SHA3-384", 48},    {CKM_SHA3_512, "SHA3-512", 64},
};

typedef int (*begin_fn)(EVP_PKEY_CTX *);

static EVP_PKEY_CTX *theirs(const struct rsa_pair *pair, begin_fn begin, int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->pkey, NULL);

	CU_ASSERT_FATAL(ctx && begin(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1);
	return ctx;
}

static void agree_pss_one(const struct rsa_pair *pair, size_t h, size_t m, size_t salt_len)
{
	const struct hufu_param_pss param = {hashes[h].mechanism, hashes[m].mechanism, salt_len};
	const EVP_MD *md = EVP_get_digestbyname(hashes[h].name), *mgf = EVP_get_digestbyname(hashes[m].name);
	uint8_t digest[64], signature[1024];
	size_t len = sizeof(signature);
	struct text in = {digest, hashes[h].len};
	struct output out;

	fill_pattern(digest, sizeof(digest), h);
	EVP_PKEY_CTX *ctx = theirs(pair, EVP_PKEY_sign_init, RSA_PKCS1_PSS_PADDING);
	CU_ASSERT(EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) == 1);
	CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)salt_len) == 1 && EVP_PKEY_sign(ctx, signature, &len, digest, in.len) == 1);
	CU_ASSERT(verify(CKM_RSA_PKCS_PSS, &param, pair->public, in, (struct text){signature, len}) == HUFU_OK);
	EVP_PKEY_CTX_free(ctx);

	CU_ASSERT(run(HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &param, pair->private, in, &out, &len) == HUFU_OK && len == pair->len);
	ctx = theirs(pair, EVP_PKEY_verify_init, RSA_PKCS1_PSS_PADDING);
	CU_ASSERT(EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) == 1);
	CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)salt_len) == 1);
	CU_ASSERT(EVP_PKEY_verify(ctx, out.bytes, len, digest, in.len) == 1);
	EVP_PKEY_CTX_free(ctx);
}

static void agree_pss(const struct rsa_pair *pair)
{
	size_t em_len = ((size_t)EVP_PKEY_get_bits(pair->pkey) - 1 + 7) / 8;

	for (size_t h = 0; h < ARRAY_LEN(hashes); h++) {
		agree_pss_one(pair, h, h, 0);
		agree_pss_one(pair, h, (h + 4) % ARRAY_LEN(hashes), em_len - hashes[h].len - 2);
	}
}

static void set_oaep(EVP_PKEY_CTX *ctx, const struct hufu_param_oaep *param, size_t h, size_t m)
{
	void *label = param->label_len ? OPENSSL_memdup(param->label, param->label_len) : NULL;

	CU_ASSERT(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hashes[h].name, NULL) == 1);
	CU_ASSERT(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, hashes[m].name, NULL) == 1);
	CU_ASSERT(!label || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)param->label_len) == 1);
}

static void agree_oaep_one(const struct rsa_pair *pair, size_t h, size_t m, size_t label_len, size_t text_len)
{
	uint8_t label[40], text[1024], ciphertext[1024];
	const struct hufu_param_oaep param = {hashes[h].mechanism, hashes[m].mechanism, label, label_len};
	size_t len = sizeof(ciphertext), back_len;
	struct output out;

	fill_pattern(label, sizeof(label), h);
	fill_pattern(text, sizeof(text), m);
	EVP_PKEY_CTX *ctx = theirs(pair, EVP_PKEY_encrypt_init, RSA_PKCS1_OAEP_PADDING);
	set_oaep(ctx, &param, h, m);
	CU_ASSERT(EVP_PKEY_encrypt(ctx, ciphertext, &len, text, text_len) == 1);
	CU_ASSERT(run(HUFU_VERB_DECRYPT, CKM_RSA_PKCS_OAEP, &param, pair->private, (struct text){ciphertext, len}, &out,
	              &back_len) == HUFU_OK);
	CU_ASSERT(back_len == text_len);
	ASSERT_SAME(out.bytes, text, text_len);
	EVP_PKEY_CTX_free(ctx);

	CU_ASSERT(run(HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, &param, pair->public, (struct text){text, text_len}, &out, &len) == HUFU_OK);
	ctx = theirs(pair, EVP_PKEY_decrypt_init, RSA_PKCS1_OAEP_PADDING);
	set_oaep(ctx, &param, h, m);
	back_len = sizeof(ciphertext);
	CU_ASSERT(len == pair->len && EVP_PKEY_decrypt(ctx, ciphertext, &back_len, out.bytes, len) == 1 && back_len == text_len);
	ASSERT_SAME(ciphertext, text, text_len);
	EVP_PKEY_CTX_free(ctx);
}

static void agree_oaep(const struct rsa_pair *pair)
{
	for (size_t h = 0; h < ARRAY_LEN(hashes); h++) {
		if (pair->len < 2 * hashes[h].len + 2)
			continue;
		agree_oaep_one(pair, h, h, 0, pair->len - 2 * hashes[h].len - 2);
		agree_oaep_one(pair, h, (h + 3) % ARRAY_LEN(hashes), 40, 0);
	}
}

static void agree_pkcs1(const struct rsa_pair *pair)
{
	uint8_t text[1024], theirs_out[1024];
	struct output out;

	fill_pattern(text, sizeof(text), 5);
	for (size_t n = 0; n <= pair->len - 11; n += n < 64 ? 16 : pair->len - 11 - n ? pair->len - 11 - n : 1) {
		struct text in = {text, n};
		size_t len, back = sizeof(theirs_out);

		CU_ASSERT(run(HUFU_VERB_SIGN, CKM_RSA_PKCS, NULL, pair->private, in, &out, &len) == HUFU_OK && len == pair->len);
		CU_ASSERT(verify(CKM_RSA_PKCS, NULL, pair->public, in, (struct text){out.bytes, len}) == HUFU_OK);
		EVP_PKEY_CTX *ctx = theirs(pair, EVP_PKEY_verify_recover_init, RSA_PKCS1_PADDING);
		CU_ASSERT(EVP_PKEY_verify_recover(ctx, theirs_out, &back, out.bytes, len) == 1 && back == n);
		ASSERT_SAME(theirs_out, text, n);
		EVP_PKEY_CTX_free(ctx);

		CU_ASSERT(run(HUFU_VERB_ENCRYPT, CKM_RSA_PKCS, NULL, pair->public, in, &out, &len) == HUFU_OK && len == pair->len);
		ctx = theirs(pair, EVP_PKEY_decrypt_init, RSA_PKCS1_PADDING);
		back = sizeof(theirs_out);
		CU_ASSERT(EVP_PKEY_decrypt(ctx, theirs_out, &back, out.bytes, len) == 1 && back == n);
		ASSERT_SAME(theirs_out, text, n);
		EVP_PKEY_CTX_free(ctx);
		in = (struct text){memcpy(theirs_out, out.bytes, len), len};
		CU_ASSERT(run(HUFU_VERB_DECRYPT, CKM_RSA_PKCS, NULL, pair->private, in, &out, &back) == HUFU_OK && back == n);
		ASSERT_SAME(out.bytes, text, n);
	}
}

static void agree_raw(const struct rsa_pair *pair)
{
	uint8_t text[1024], back[1024];
	size_t len, back_len = sizeof(back);
	struct output out;

	fill_pattern(text, sizeof(text), 6);
	text[0] = 0;
	struct text in = {text, pair->len};
	CU_ASSERT(run(HUFU_VERB_ENCRYPT, CKM_RSA_X_509, NULL, pair->public, in, &out, &len) == HUFU_OK && len == pair->len);
	EVP_PKEY_CTX *ctx = theirs(pair, EVP_PKEY_decrypt_init, RSA_NO_PADDING);
	CU_ASSERT(EVP_PKEY_decrypt(ctx, back, &back_len, out.bytes, len) == 1 && back_len == len);
	ASSERT_SAME(back, text, len);
	EVP_PKEY_CTX_free(ctx);
	in = (struct text){memcpy(back, out.bytes, len), len};
	CU_ASSERT(run(HUFU_VERB_DECRYPT, CKM_RSA_X_509, NULL, pair->private, in, &out, &len) == HUFU_OK && len == pair->len);
	ASSERT_SAME(out.bytes, text, len);
	/* A short number is one with zeros in front. */
	in = (struct text){text + 1, pair->len - 1};
	CU_ASSERT(run(HUFU_VERB_SIGN, CKM_RSA_X_509, NULL, pair->private, in, &out, &len) == HUFU_OK && len == pair->len);
	CU_ASSERT(verify(CKM_RSA_X_509, NULL, pair->public, (struct text){text, pair->len}, (struct text){out.bytes, len}) == HUFU_OK);
}

/* Sizes at the edges of a byte: PSS is one byte shorter than a modulus of 8 k + 1 bits. */
void suite_rsa_libcrypto(void)
{
	static const size_t sizes[] = {1024, 1025, 1031, 1536, 2047};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rsa_pair pair = rsa_pair_of_bits(sizes[i]);

		agree_pkcs1(&pair);
		agree_raw(&pair);
		agree_pss(&pair);
		agree_oaep(&pair);
		rsa_pair_free(&pair);
	}
}

/* -- refusals --------------------------------------------------------------------- */

static const struct {
	uint64_t mechanism;
	const void *param;
	size_t in_len;
} signatures[] = {
	{CKM_RSA_PKCS, NULL, 51},
	{CKM_RSA_X_509, NULL, 256},
	{CKM_RSA_PKCS_PSS, &(const struct hufu_param_pss){CKM_SHA256, CKM_SHA256, 32}, 32},
};

static void refuse_signature(const struct rsa_pair *pair, size_t i)
{
	uint8_t text[256] = {0}, signature[258] = {0};
	struct text in = {text, signatures[i].in_len};
	struct output out;
	size_t len;

	fill_pattern(text + 1, sizeof(text) - 1, 8);
	CU_ASSERT_FATAL(run(HUFU_VERB_SIGN, signatures[i].mechanism, signatures[i].param, pair->private, in, &out, &len) == HUFU_OK);
	memcpy(signature, out.bytes, len);
	for (size_t n = 0; n <= sizeof(signature); n++)
		CU_ASSERT(verify(signatures[i].mechanism, signatures[i].param, pair->public, in, (struct text){signature, n}) ==
		          (n == len ? HUFU_OK : HUFU_ERR_SIGNATURE_LEN));
	for (size_t at = 0; at < len; at++) {
		signature[at] ^= 0x10;
		CU_ASSERT(verify(signatures[i].mechanism, signatures[i].param, pair->public, in, (struct text){signature, len}) ==
		          HUFU_ERR_SIGNATURE);
		signature[at] ^= 0x10;
	}
	for (size_t at = 0; at < in.len; at++) {
		text[at] ^= 1;
		CU_ASSERT(verify(signatures[i].mechanism, signatures[i].param, pair->public, in, (struct text){signature, len}) ==
		          HUFU_ERR_SIGNATURE);
		text[at] ^= 1;
	}
	memset(signature, 0xff, len);
	CU_ASSERT(verify(signatures[i].mechanism, signatures[i].param, pair->public, in, (struct text){signature, len}) ==
	          HUFU_ERR_SIGNATURE);
}

void suite_rsa_verify_refuses(void)
{
	struct rsa_pair pair = pair_of_hex(rsa_2048);

	for (size_t i = 0; i < ARRAY_LEN(signatures); i++)
		refuse_signature(&pair, i);
	rsa_pair_free(&pair);
}

/* Every input that is no input, and every parameter that is none. */
void suite_rsa_refuses(void)
{
	static const struct hufu_param_pss long_salt = {CKM_SHA256, CKM_SHA256, 223}, fits = {CKM_SHA256, CKM_SHA256, 222};
	static const struct hufu_param_pss no_hash = {CKM_SHA256_HMAC, CKM_SHA256, 32}, no_mgf = {CKM_SHA256, 0, 32};
	static const struct hufu_param_pss huge_salt = {CKM_SHA256, CKM_SHA256, SIZE_MAX};
	static const struct hufu_param_oaep oaep = {CKM_SHA256, CKM_SHA256, NULL, 0}, no_label = {CKM_SHA256, CKM_SHA256, NULL, 3};
	static const struct hufu_param_oaep oaep_hash = {0, CKM_SHA256, NULL, 0}, oaep_mgf = {CKM_SHA256, CKM_MD5, NULL, 0};
	static const struct {
		enum hufu_verb verb;
		uint64_t mechanism;
		const void *param;
		size_t in_len;
		enum hufu_err err;
	} cases[] = {
		{HUFU_VERB_SIGN, CKM_RSA_PKCS, NULL, 245, HUFU_OK},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS, NULL, 246, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS, NULL, 257, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS, NULL, 246, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_DECRYPT, CKM_RSA_PKCS, NULL, 255, HUFU_ERR_CIPHERTEXT_LEN},
		{HUFU_VERB_DECRYPT, CKM_RSA_PKCS, NULL, 257, HUFU_ERR_CIPHERTEXT_LEN},
		{HUFU_VERB_DECRYPT, CKM_RSA_PKCS, NULL, 0, HUFU_ERR_CIPHERTEXT_LEN},
		{HUFU_VERB_DECRYPT, CKM_RSA_PKCS, NULL, 256, HUFU_ERR_CIPHERTEXT}, /* not below n */
		{HUFU_VERB_SIGN, CKM_RSA_X_509, NULL, 257, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_SIGN, CKM_RSA_X_509, NULL, 256, HUFU_ERR_DATA},
		{HUFU_VERB_ENCRYPT, CKM_RSA_X_509, NULL, 256, HUFU_ERR_DATA},
		{HUFU_VERB_DECRYPT, CKM_RSA_X_509, NULL, 256, HUFU_ERR_CIPHERTEXT},
		{HUFU_VERB_DECRYPT, CKM_RSA_X_509, NULL, 255, HUFU_ERR_CIPHERTEXT_LEN},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &fits, 32, HUFU_OK},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &fits, 31, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &fits, 33, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &long_salt, 32, HUFU_ERR_PARAM},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &huge_salt, 32, HUFU_ERR_PARAM},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &no_hash, 32, HUFU_ERR_PARAM},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, &no_mgf, 32, HUFU_ERR_PARAM},
		{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, NULL, 32, HUFU_ERR_PARAM},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, &oaep, 190, HUFU_OK},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, &oaep, 191, HUFU_ERR_DATA_LEN},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, &oaep_hash, 1, HUFU_ERR_PARAM},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, &oaep_mgf, 1, HUFU_ERR_PARAM},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, &no_label, 1, HUFU_ERR_PARAM},
		{HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, NULL, 1, HUFU_ERR_PARAM},
		{HUFU_VERB_DECRYPT, CKM_RSA_PKCS_OAEP, &oaep, 255, HUFU_ERR_CIPHERTEXT_LEN},
	};
	struct rsa_pair pair = pair_of_hex(rsa_2048);
	uint8_t in[257];
	struct output out;
	size_t len;

	memset(in, 0xff, sizeof(in));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool private = cases[i].verb == HUFU_VERB_SIGN || cases[i].verb == HUFU_VERB_DECRYPT;
		struct text text = {in, cases[i].in_len};

		CU_ASSERT(run(cases[i].verb, cases[i].mechanism, cases[i].param, private ? pair.private : pair.public, text, &out,
		              &len) == cases[i].err);
		/* The other half of the pair is no key for it; of two mistakes either may be told. */
		enum hufu_err other = run(cases[i].verb, cases[i].mechanism, cases[i].param, private ? pair.public : pair.private,
		                          text, &out, &len);
		CU_ASSERT(other == HUFU_ERR_KEY_TYPE || (other == HUFU_ERR_PARAM && cases[i].err == HUFU_ERR_PARAM));
	}
	rsa_pair_free(&pair);
}

/* Whatever is wrong inside, and whatever the room: one answer. */
void suite_rsa_oaep_refuses(void)
{
	const struct hufu_param_oaep param = {CKM_SHA256, CKM_SHA256, NULL, 0};
	struct rsa_pair pair = pair_of_hex(rsa_2048);
	uint8_t ciphertext[256];
	struct output out;

	for (size_t i = 0; i < ARRAY_LEN(rsa_oaep_bad); i++) {
		struct text in = text_of(rsa_oaep_bad[i].ciphertext, ciphertext);
		struct hufu_op op = {
			.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_RSA_PKCS_OAEP, .param = &param, .in = in.bytes, .in_len = in.len};

		CU_ASSERT(run_checked(&op, pair.private, &out) == (i ? HUFU_ERR_CIPHERTEXT : HUFU_OK));
		op.out = NULL;
		op.out_cap = 0;
		CU_ASSERT(subject->run(&op, pair.private) == (i ? HUFU_ERR_CIPHERTEXT : HUFU_ERR_BUFFER));
	}
	rsa_pair_free(&pair);
}

/* -- the process around it ----------------------------------------------------------- */

struct worker {
	pthread_t thread;
	const struct rsa_pair *pair;
	unsigned wrong;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	uint8_t info[64], want[256];
	struct text in = text_of(rsa_digest_info, info);
	struct output out;
	size_t len;

	unit_hex(rsa_digest_info_signed, want);
	for (int i = 0; i < 12; i++) {
		worker->wrong += run(HUFU_VERB_SIGN, CKM_RSA_PKCS, NULL, worker->pair->private, in, &out, &len) != HUFU_OK;
		worker->wrong += len != 256 || memcmp(out.bytes, want, 256) != 0;
		worker->wrong += verify(CKM_RSA_PKCS, NULL, worker->pair->public, in, (struct text){want, 256}) != HUFU_OK;
	}
	return NULL;
}

/* More of them than a key keeps contexts for. */
void suite_rsa_threads(void)
{
	struct rsa_pair pair = pair_of_hex(rsa_2048);
	struct worker workers[12] = {0};

	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		workers[i].pair = &pair;
		CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT(workers[i].wrong == 0);
	}
	rsa_pair_free(&pair);
}

void suite_rsa_fork(void)
{
	UNIT_FORKS();
	if (!subject->driver)
		UNIT_SKIP("a pool is made anew in a child");
	struct rsa_pair pair = pair_of_hex(rsa_2048);
	struct worker worker = {.pair = &pair};
	int status = -1;
	(void)work(&worker);
	pid_t child = fork();
	if (child == 0) {
		(void)work(&worker);
		subject->key_free(pair.private);
		subject->key_free(pair.public);
		_exit(worker.wrong ? 1 : 0);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	(void)work(&worker);
	CU_ASSERT(worker.wrong == 0);
	rsa_pair_free(&pair);
}

/* The application's libcrypto is this one: what it has not read yet is still there, and nothing else. */
void suite_rsa_errors(void)
{
	static const uint8_t junk[64] = {0x30, 0x3e, 0x02, 0x01};
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_RSA_PRIVATE, .in = junk, .in_len = sizeof(junk)};
	struct rsa_pair pair = pair_of_hex(rsa_2048);
	struct output out;
	size_t len;

	ERR_clear_error();
	CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(ERR_peek_error() == 0);
	ERR_raise(ERR_LIB_USER, 77);
	CU_ASSERT(run(HUFU_VERB_DECRYPT, CKM_RSA_PKCS, NULL, pair.private, (struct text){junk, 64}, &out, &len) != HUFU_OK);
	CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(ERR_GET_REASON(ERR_get_error()) == 77);
	CU_ASSERT(ERR_get_error() == 0);
	rsa_pair_free(&pair);
}
