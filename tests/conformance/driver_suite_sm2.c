/* SPDX-License-Identifier: Apache-2.0 */
/* SM2: the values of GB/T 32918.5-2017 Annex A; libcrypto checks what the driver makes, and the other way round. */
#include "driver_suite.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define D "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
#define POINT                                                                                                                      \
	"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f607" \
	"2da9ad13"
#define E "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
#define SIG                                                                                                                        \
	"f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c4" \
	"85bbc1aa"
#define N_MINUS_1 "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122"
#define N_MINUS_2 "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54121"
#define N "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"
#define CIPHER "04" \
	"04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73" \
	"e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0" \
	"59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766" \
	"21886ca989ca9c7d58087307ca93092d651efa"
#define PLAIN "encryption standard"

static enum hufu_err verify(struct kit_key *key, const uint8_t *e, size_t e_len, const uint8_t *sig, size_t sig_len)
{
	struct hufu_op op = {
		.verb = HUFU_VERB_VERIFY, .mechanism = CKM_HUFU_SM2, .in = e, .in_len = e_len, .in2 = sig, .in2_len = sig_len};

	return subject->run(&op, key);
}

static enum hufu_err crypt(enum hufu_verb verb, struct kit_key *key, const uint8_t *in, size_t len, struct output *out,
                           size_t *out_len)
{
	struct hufu_op op = {.verb = verb, .mechanism = CKM_HUFU_SM2_C1C3C2, .in = in, .in_len = len};
	enum hufu_err err = run_checked(&op, key, out);

	*out_len = op.out_len;
	return err;
}

void suite_sm2_known(void)
{
	struct kit_key *private = key_of_hex(HUFU_KEY_SM2_PRIVATE, D), *public = key_of_hex(HUFU_KEY_SM2_PUBLIC, POINT);
	uint8_t e[32], sig[64], cipher[128];
	struct output out;
	size_t len = unit_hex(CIPHER, cipher);

	unit_hex(E, e);
	unit_hex(SIG, sig);
	CU_ASSERT(verify(public, e, 32, sig, 64) == HUFU_OK);
	CU_ASSERT(crypt(HUFU_VERB_DECRYPT, private, cipher, len, &out, &len) == HUFU_OK && len == strlen(PLAIN));
	ASSERT_SAME(out.bytes, PLAIN, strlen(PLAIN));
	subject->key_free(private);
	subject->key_free(public);
}

/* -- libcrypto's view ------------------------------------------------------ */

/* d NULL: the public key. */
static EVP_PKEY *pkey_of(const uint8_t *d, const uint8_t point[64])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *scalar = d ? BN_bin2bn(d, 32, NULL) : NULL;
	uint8_t encoded[65] = {4};
	EVP_PKEY *pkey = NULL;

	memcpy(encoded + 1, point, 64);
	OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof(encoded));
	if (scalar)
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(ctx) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata(ctx, &pkey, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(scalar);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool verifies(const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64])
{
	EVP_PKEY *pkey = pkey_of(NULL, point);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	uint8_t *der = NULL;

	ECDSA_SIG_set0(pair, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL));
	int len = i2d_ECDSA_SIG(pair, &der);
	bool good = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der, (size_t)len, e, 32) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

/* An INTEGER of DER: no leading zeros but one before a high bit. */
static size_t put_integer(uint8_t *out, const uint8_t x[32])
{
	size_t skip = 0;

	while (skip < 31 && !x[skip])
		skip++;
	size_t pad = x[skip] >> 7, len = 32 - skip + pad;
	out[0] = 0x02;
	out[1] = (uint8_t)len;
	out[2] = 0;
	memcpy(out + 2 + pad, x + skip, 32 - skip);
	return 2 + len;
}

/* GM/T 0009 7.2, messages of up to 127 bytes. */
static size_t sm2_cipher_der(uint8_t *out, const uint8_t *raw, size_t len)
{
	uint8_t body[512];
	size_t n = put_integer(body, raw + 1);

	n += put_integer(body + n, raw + 33);
	body[n++] = 0x04;
	body[n++] = 32;
	memcpy(body + n, raw + 65, 32);
	n += 32;
	body[n++] = 0x04;
	body[n++] = (uint8_t)(len - 97);
	memcpy(body + n, raw + 97, len - 97);
	n += len - 97;
	size_t head = n < 128 ? 2 : 3;
	out[0] = 0x30;
	out[1] = n < 128 ? (uint8_t)n : 0x81;
	out[head - 1] = (uint8_t)n;
	memcpy(out + head, body, n);
	return head + n;
}

static size_t decrypt_with_libcrypto(const uint8_t *raw, size_t len, uint8_t *out)
{
	uint8_t d[32], point[64], der[600];
	size_t out_len = 512;

	unit_hex(D, d);
	unit_hex(POINT, point);
	EVP_PKEY *pkey = pkey_of(d, point);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool good = EVP_PKEY_decrypt_init(ctx) == 1 &&
	            EVP_PKEY_decrypt(ctx, out, &out_len, der, sm2_cipher_der(der, raw, len)) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good ? out_len : 0;
}

/* d times the base point. */
static void point_of(const uint8_t d[32], uint8_t point[64])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *p = EC_POINT_new(group);
	BIGNUM *scalar = BN_bin2bn(d, 32, NULL);
	uint8_t encoded[65] = {0};

	CU_ASSERT(EC_POINT_mul(group, p, scalar, NULL, NULL, NULL) == 1);
	CU_ASSERT(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, encoded, 65, NULL) == 65);
	memcpy(point, encoded + 1, 64);
	BN_free(scalar);
	EC_POINT_free(p);
	EC_GROUP_free(group);
}

/* -- cases ----------------------------------------------------------------- */

void suite_sm2_sign(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM2_PRIVATE, D);
	uint8_t e[33], point[64], before[64] = {0};
	struct output out;

	unit_hex(POINT, point);
	for (uint64_t i = 0; i < 10; i++) {
		struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in = e, .in_len = 32};

		fill_pattern(e, sizeof(e), i / 2);
		CU_ASSERT(run_checked(&op, key, &out) == HUFU_OK && op.out_len == 64);
		CU_ASSERT(verifies(point, e, out.bytes));
		/* The same digest twice gives two signatures: k is drawn anew. */
		CU_ASSERT(memcmp(before, out.bytes, 64) != 0);
		memcpy(before, out.bytes, 64);
	}
	for (size_t len = 0; len <= 33; len++) {
		struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in = e, .in_len = len};

		if (len != 32)
			CU_ASSERT(run_checked(&op, key, &out) == HUFU_ERR_DATA_LEN);
	}
	subject->key_free(key);
}

void suite_sm2_verify_refuses(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM2_PUBLIC, POINT);
	uint8_t e[32], sig[65] = {0};

	unit_hex(E, e);
	unit_hex(SIG, sig);
	for (size_t i = 0; i < 64; i++) {
		sig[i] ^= 1;
		CU_ASSERT(verify(key, e, 32, sig, 64) == HUFU_ERR_SIGNATURE);
		sig[i] ^= 1;
	}
	e[0] ^= 1;
	CU_ASSERT(verify(key, e, 32, sig, 64) == HUFU_ERR_SIGNATURE);
	e[0] ^= 1;
	CU_ASSERT(verify(key, e, 31, sig, 64) == HUFU_ERR_DATA_LEN);
	CU_ASSERT(verify(key, e, 32, sig, 63) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(verify(key, e, 32, sig, 65) == HUFU_ERR_SIGNATURE_LEN);
	CU_ASSERT(verify(key, e, 32, NULL, 0) == HUFU_ERR_SIGNATURE_LEN);
	/* GB/T 32918.2 7.1 B1, B2: r and s lie in [1, n-1]. */
	memset(sig, 0, 32);
	CU_ASSERT(verify(key, e, 32, sig, 64) == HUFU_ERR_SIGNATURE);
	unit_hex(N, sig + 32);
	CU_ASSERT(verify(key, e, 32, sig, 64) == HUFU_ERR_SIGNATURE);
	subject->key_free(key);
}

void suite_sm2_encrypt(void)
{
	struct kit_key *public = key_of_hex(HUFU_KEY_SM2_PUBLIC, POINT), *private = key_of_hex(HUFU_KEY_SM2_PRIVATE, D);
	uint8_t message[127], opened[512];
	struct output out, back;
	size_t len, back_len;

	for (size_t n = 1; n <= sizeof(message); n += 18) {
		fill_pattern(message, n, n);
		CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, public, message, n, &out, &len) == HUFU_OK && len == n + 97);
		CU_ASSERT(decrypt_with_libcrypto(out.bytes, len, opened) == n);
		ASSERT_SAME(opened, message, n);
		CU_ASSERT(crypt(HUFU_VERB_DECRYPT, private, out.bytes, len, &back, &back_len) == HUFU_OK && back_len == n);
		ASSERT_SAME(back.bytes, message, n);
	}
	/* GB/T 32918.4 6.1: a message is not empty. */
	CU_ASSERT(crypt(HUFU_VERB_ENCRYPT, public, message, 0, &out, &len) == HUFU_ERR_DATA_LEN);
	subject->key_free(public);
	subject->key_free(private);
}

void suite_sm2_decrypt_refuses(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM2_PRIVATE, D);
	uint8_t cipher[128];
	size_t len = unit_hex(CIPHER, cipher), out_len;
	struct output out;

	for (size_t i = 0; i < len; i += 3) {
		cipher[i] ^= 0x20;
		CU_ASSERT(crypt(HUFU_VERB_DECRYPT, key, cipher, len, &out, &out_len) == HUFU_ERR_CIPHERTEXT);
		cipher[i] ^= 0x20;
	}
	for (size_t n = 0; n <= 97; n += 1 + n / 2)
		CU_ASSERT(crypt(HUFU_VERB_DECRYPT, key, cipher, n, &out, &out_len) == HUFU_ERR_CIPHERTEXT_LEN);
	CU_ASSERT(crypt(HUFU_VERB_DECRYPT, key, cipher, len - 1, &out, &out_len) == HUFU_ERR_CIPHERTEXT);
	subject->key_free(key);
}

/* A wrapped key is its clear form, encrypted; what is unwrapped is taken in as IMPORT would. */
void suite_sm2_wrap(void)
{
	struct kit_key *public = key_of_hex(HUFU_KEY_SM2_PUBLIC, POINT), *private = key_of_hex(HUFU_KEY_SM2_PRIVATE, D);
	struct hufu_op wrap = {.verb = HUFU_VERB_WRAP, .mechanism = CKM_HUFU_SM2_C1C3C2};
	struct output out, back;
	uint8_t d[32], point[64], opened[512];

	unit_hex(D, d);
	unit_hex(POINT, point);
	subject->set_subject(private);
	CU_ASSERT(run_checked(&wrap, public, &out) == HUFU_OK && wrap.out_len == 32 + 97);
	subject->set_subject(NULL);
	CU_ASSERT(run_checked(&wrap, public, &back) != HUFU_OK);
	CU_ASSERT(decrypt_with_libcrypto(out.bytes, 32 + 97, opened) == 32);
	ASSERT_SAME(opened, d, 32);

	struct hufu_op unwrap = {.verb = HUFU_VERB_UNWRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .new_type = HUFU_KEY_SM2_PRIVATE,
	                         .in = out.bytes, .in_len = 32 + 97};
	CU_ASSERT(run_checked(&unwrap, private, &back) == HUFU_OK && unwrap.pub_len == 64);
	ASSERT_SAME(back.pub, point, 64);
	unwrap.new_type = HUFU_KEY_SM4; /* it is too long for one */
	CU_ASSERT(run_checked(&unwrap, private, &back) == HUFU_ERR_KEY_SIZE);
	unwrap.new_type = HUFU_KEY_SM2_PRIVATE;
	out.bytes[100] ^= 1;
	CU_ASSERT(run_checked(&unwrap, private, &back) == HUFU_ERR_CIPHERTEXT);
	unwrap.in_len = 97;
	CU_ASSERT(run_checked(&unwrap, private, &back) == HUFU_ERR_CIPHERTEXT_LEN);
	subject->key_free(public);
	subject->key_free(private);
}

void suite_sm2_generate(void)
{
	struct output out;
	uint8_t point[64], before[32] = {0};

	for (int i = 0; i < 3; i++) {
		struct hufu_op op = {
			.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE};

		CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_OK && op.out_len == 32 && op.pub_len == 64);
		point_of(out.bytes, point);
		ASSERT_SAME(op.pub, point, 64);
		CU_ASSERT(memcmp(before, out.bytes, 32) != 0);
		memcpy(before, out.bytes, 32);
	}
	struct hufu_op wrong = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM4};
	CU_ASSERT(run_checked(&wrong, NULL, &out) == HUFU_ERR_KEY_TYPE);
	wrong.new_type = HUFU_KEY_SM2_PRIVATE;
	wrong.new_len = 31;
	CU_ASSERT(run_checked(&wrong, NULL, &out) == HUFU_ERR_KEY_SIZE);
}

static enum hufu_err import(enum hufu_key_type type, const char *hex, struct hufu_op *op, struct output *out)
{
	static uint8_t bytes[128];

	*op = (struct hufu_op){.verb = HUFU_VERB_IMPORT, .new_type = type, .in = bytes};
	op->in_len = unit_hex(hex, bytes);
	return run_checked(op, NULL, out);
}

void suite_sm2_import(void)
{
	struct output out;
	struct hufu_op op;
	uint8_t d[32], point[64];

	unit_hex(D, d);
	unit_hex(POINT, point);
	CU_ASSERT(import(HUFU_KEY_SM2_PRIVATE, D, &op, &out) == HUFU_OK && op.pub_len == 64);
	ASSERT_SAME(op.pub, point, 64);
	CU_ASSERT(import(HUFU_KEY_SM2_PRIVATE, N_MINUS_2, &op, &out) == HUFU_OK);
	/* GB/T 32918.1 6.1: d lies in [1, n-2]. */
	CU_ASSERT(import(HUFU_KEY_SM2_PRIVATE, "0000000000000000000000000000000000000000000000000000000000000000", &op, &out) ==
	          HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import(HUFU_KEY_SM2_PRIVATE, N_MINUS_1, &op, &out) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import(HUFU_KEY_SM2_PRIVATE, N, &op, &out) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import(HUFU_KEY_SM2_PRIVATE, "00", &op, &out) == HUFU_ERR_KEY_SIZE);
	CU_ASSERT(import(HUFU_KEY_SM2_PUBLIC, POINT, &op, &out) == HUFU_OK && op.pub_len == 64);
	ASSERT_SAME(op.pub, point, 64);
	CU_ASSERT(import(HUFU_KEY_SM2_PUBLIC, D D, &op, &out) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import(HUFU_KEY_SM2_PUBLIC, POINT "00", &op, &out) == HUFU_ERR_KEY_SIZE);
}
