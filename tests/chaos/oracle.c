/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto, and libgcrypt for what it lacks. Any failure of theirs ends the program: nothing could be said any more. */
#include "chaos.h"

#include "config.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/ec.h>

#ifdef HAVE_GCRYPT
#include <gcrypt.h>
#endif

#define SM2_ID "1234567812345678"

static void sure(bool holds, const char *what)
{
	if (holds)
		return;
	printf("Bail out! the independent library fails: %s\n", what);
	abort();
}
#define SURE(claim) sure((claim), #claim)

void oracle_start(void)
{
#ifdef HAVE_GCRYPT
	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
#endif
}

/* -- keys ------------------------------------------------------------------------- */

static EVP_PKEY *from_data(const char *type, OSSL_PARAM_BLD *build, int selection)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	SURE(params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, selection, params) == 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *of_point(const char *type, const char *group, const uint8_t point[65], const uint8_t d[32])
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = d ? BN_bin2bn(d, 32, NULL) : NULL;

	SURE(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1);
	SURE(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65) == 1);
	SURE(!n || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, n) == 1);
	EVP_PKEY *key = from_data(type, build, n ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
	BN_clear_free(n);
	return key;
}

EVP_PKEY *oracle_sm2(const uint8_t point[65], const uint8_t d[32])
{
	return of_point("SM2", "SM2", point, d);
}

EVP_PKEY *oracle_p256(const uint8_t point[65])
{
	return of_point("EC", "P-256", point, NULL);
}

static void point_of(EVP_PKEY *key, uint8_t point[65])
{
	size_t len = 0;

	SURE(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") == 1);
	SURE(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, 65, &len) == 1 && len == 65);
}

EVP_PKEY *oracle_p256_pair(uint8_t point[65])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	SURE(key);
	point_of(key, point);
	return key;
}

void oracle_sm2_pair(EVP_PKEY **key, uint8_t point[65], uint8_t d[32])
{
	BIGNUM *n = NULL;

	*key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	SURE(*key);
	point_of(*key, point);
	SURE(EVP_PKEY_get_bn_param(*key, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1 && BN_bn2binpad(n, d, 32) == 32);
	BN_clear_free(n);
}

static void put_number(EVP_PKEY *key, const char *name, uint8_t *out, size_t len)
{
	BIGNUM *n = NULL;

	SURE(EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_bn2binpad(n, out, (int)len) == (int)len);
	BN_clear_free(n);
}

/* Making one takes longer than what is tried with it: all seeds of a process share it. */
EVP_PKEY *oracle_rsa_pair(uint8_t n[256], uint8_t e[3], uint8_t d[256])
{
	static EVP_PKEY *key;

	if (!key)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	SURE(key && EVP_PKEY_up_ref(key) == 1);
	put_number(key, OSSL_PKEY_PARAM_RSA_N, n, 256);
	put_number(key, OSSL_PKEY_PARAM_RSA_E, e, 3);
	put_number(key, OSSL_PKEY_PARAM_RSA_D, d, 256);
	return key;
}

void oracle_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
}

/* -- signatures --------------------------------------------------------------------- */

static size_t to_der(const uint8_t sig[64], uint8_t der[80])
{
	ECDSA_SIG *rs = ECDSA_SIG_new();
	uint8_t *p = der;

	SURE(rs && ECDSA_SIG_set0(rs, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL)) == 1);
	int len = i2d_ECDSA_SIG(rs, &p);
	ECDSA_SIG_free(rs);
	SURE(len > 0 && len <= 80);
	return (size_t)len;
}

/* With the default identity of GM/T 0009; in *ctx what the caller frees. */
static EVP_MD_CTX *sm2_context(EVP_PKEY *key, EVP_PKEY_CTX **ctx)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	*ctx = EVP_PKEY_CTX_new(key, NULL);
	SURE(md && *ctx);
	EVP_MD_CTX_set_pkey_ctx(md, *ctx);
	SURE(EVP_PKEY_CTX_set1_id(*ctx, SM2_ID, (int)strlen(SM2_ID)) == 1);
	return md;
}

bool oracle_sm2_verify(EVP_PKEY *key, const uint8_t *in, size_t len, const uint8_t sig[64])
{
	uint8_t der[80];
	size_t der_len = to_der(sig, der);
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *md = sm2_context(key, &ctx);

	SURE(EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key) == 1);
	bool good = EVP_DigestVerify(md, der, der_len, in, len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

void oracle_sm2_sign(EVP_PKEY *key, const uint8_t *in, size_t len, uint8_t sig[64])
{
	uint8_t der[80];
	const uint8_t *p = der;
	size_t der_len = sizeof(der);
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *md = sm2_context(key, &ctx);

	SURE(EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key) == 1 && EVP_DigestSign(md, der, &der_len, in, len) == 1);
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	SURE(rs && BN_bn2binpad(ECDSA_SIG_get0_r(rs), sig, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(rs), sig + 32, 32) == 32);
	ECDSA_SIG_free(rs);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
}

bool oracle_ecdsa_verify(EVP_PKEY *key, const uint8_t digest[32], const uint8_t sig[64])
{
	uint8_t der[80];
	size_t der_len = to_der(sig, der);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	SURE(ctx && EVP_PKEY_verify_init(ctx) == 1);
	bool good = EVP_PKEY_verify(ctx, der, der_len, digest, 32) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

bool oracle_rsa_verify(EVP_PKEY *key, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	SURE(md && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1);
	bool good = EVP_DigestVerify(md, sig, sig_len, in, len) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

/* -- encryption ----------------------------------------------------------------------- */

size_t oracle_sm2_encrypt(EVP_PKEY *key, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	SURE(ctx && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_encrypt(ctx, out, &cap, in, len) == 1);
	EVP_PKEY_CTX_free(ctx);
	return cap;
}

size_t oracle_sm2_decrypt(EVP_PKEY *key, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	SURE(ctx && EVP_PKEY_decrypt_init(ctx) == 1);
	bool good = EVP_PKEY_decrypt(ctx, out, &cap, in, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good ? cap : 0;
}

void oracle_ecdh(EVP_PKEY *mine, EVP_PKEY *peer, uint8_t out[32])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
	size_t len = 32;

	SURE(ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1);
	SURE(EVP_PKEY_derive(ctx, out, &len) == 1 && len == 32);
	EVP_PKEY_CTX_free(ctx);
}

void oracle_cipher(const char *name, const uint8_t *key, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, m = 0;

	SURE(cipher && ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv) == 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	SURE(EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 && EVP_EncryptFinal_ex(ctx, out + n, &m) == 1);
	SURE((size_t)(n + m) == len);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

void oracle_hmac_sm3(const uint8_t *key, size_t key_len, const uint8_t *in, size_t len, uint8_t out[32])
{
	unsigned n = 32;

	SURE(HMAC(EVP_sm3(), key, (int)key_len, in, len, out, &n) && n == 32);
}

void oracle_digest(const char *name, const uint8_t *in, size_t len, uint8_t *out)
{
	SURE(EVP_Q_digest(NULL, name, NULL, in, len, out, NULL) == 1);
}

#ifdef HAVE_GCRYPT
static bool gcm(int algorithm, const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in,
                size_t len, uint8_t *out)
{
	gcry_cipher_hd_t h;

	SURE(gcry_cipher_open(&h, algorithm, GCRY_CIPHER_MODE_GCM, 0) == 0 && gcry_cipher_setkey(h, key, 16) == 0);
	SURE(gcry_cipher_setiv(h, iv, 12) == 0 && gcry_cipher_authenticate(h, aad, aad_len) == 0);
	SURE(gcry_cipher_final(h) == 0 && gcry_cipher_encrypt(h, out, len, in, len) == 0);
	SURE(gcry_cipher_gettag(h, out + len, 16) == 0);
	gcry_cipher_close(h);
	return true;
}
#else
#define GCRY_CIPHER_SM4 0
#define GCRY_CIPHER_AES128 0
static bool gcm(int algorithm, const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in,
                size_t len, uint8_t *out)
{
	(void)algorithm, (void)key, (void)iv, (void)aad, (void)aad_len, (void)in, (void)len, (void)out;
	return false;
}
#endif

bool oracle_gcm_sm4(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                    uint8_t *out)
{
	return gcm(GCRY_CIPHER_SM4, key, iv, aad, aad_len, in, len, out);
}

bool oracle_gcm_aes(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                    uint8_t *out)
{
	return gcm(GCRY_CIPHER_AES128, key, iv, aad, aad_len, in, len, out);
}
