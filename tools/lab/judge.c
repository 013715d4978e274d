/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto, whose SM2 and SM4 hufu does not use, looks at every output. */
#include "tools/lab/lab.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

struct judge {
	EVP_PKEY *pkey;
	EVP_CIPHER *cbc;
	uint8_t cipher_value[16];
};

static EVP_PKEY *public_key(const struct bed *bed)
{
	static char group[] = "SM2";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	                       OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(size_t)bed->point,
	                                                         sizeof bed->point),
	                       OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

struct judge *judge_new(const struct bed *bed)
{
	struct judge *judge = calloc(1, sizeof *judge);

	if (!judge)
		return NULL;
	judge->pkey = public_key(bed);
	judge->cbc = EVP_CIPHER_fetch(NULL, "SM4-CBC", NULL);
	memcpy(judge->cipher_value, bed->cipher_value, sizeof judge->cipher_value);
	if (judge->pkey && judge->cbc)
		return judge;
	lab_fail("this libcrypto has no SM2 or no SM4: nobody is there to judge the answers");
	judge_free(judge);
	return NULL;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	EVP_PKEY_free(judge->pkey);
	EVP_CIPHER_free(judge->cbc);
	free(judge);
}

/* r || s as libcrypto wants it. 0: no memory. */
static int as_der(const uint8_t sig[64], uint8_t **der)
{
	BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int len = 0;

	*der = NULL;
	if (r && s && pair && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL; /* the pair's */
		len = i2d_ECDSA_SIG(pair, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return len > 0 ? len : 0;
}

bool judge_signature(const struct judge *judge, const uint8_t e[32], const uint8_t sig[64])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, judge->pkey, NULL);
	uint8_t *der;
	int len = as_der(sig, &der);
	bool good = ctx && len && EVP_PKEY_verify_init(ctx) > 0 && EVP_PKEY_verify(ctx, der, (size_t)len, e, 32) == 1;

	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

bool judge_ciphertext(const struct judge *judge, const uint8_t *in, size_t len, const uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t back[256];
	int n = 0;
	bool good = ctx && len <= sizeof back && EVP_DecryptInit_ex2(ctx, judge->cbc, judge->cipher_value, iv, NULL) == 1 &&
	            EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_DecryptUpdate(ctx, back, &n, out, (int)len) == 1 &&
	            (size_t)n == len && !memcmp(back, in, len);

	EVP_CIPHER_CTX_free(ctx);
	return good;
}
