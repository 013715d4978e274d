/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pubkey.h"
#include "tools/curve.h"
#include "tools/report.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

const char *libcrypto_error(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason ? reason : "no reason given";
}

static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* CKA_EC_POINT is the DER OCTET STRING of the point (2.3.3 of PKCS#11 3.1); some modules leave the wrapping out. */
static void unwrap_point(const unsigned char **point, CK_ULONG *len)
{
	const unsigned char *p = *point;

	if (*len > 2 && p[0] == 0x04 && p[1] == *len - 2 && p[1] < 0x80) {
		*point += 2;
		*len -= 2;
	} else if (*len > 3 && p[0] == 0x04 && p[1] == 0x81 && p[2] == *len - 3) {
		*point += 3;
		*len -= 3;
	}
}

static EVP_PKEY *ec_key(const unsigned char *oid, CK_ULONG oid_len, const unsigned char *point, CK_ULONG len)
{
	const char *group = curve_libcrypto_name(oid, oid_len);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	bool sm2 = oid_len == sizeof sm2_curve_oid && !memcmp(oid, sm2_curve_oid, oid_len);

	unwrap_point(&point, &len);
	if (build && group && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, len))
		key = make(sm2 ? "SM2" : "EC", build);
	OSSL_PARAM_BLD_free(build);
	return key;
}

/* RFC 8410: of Edwards and Montgomery curves libcrypto takes the bare bytes. */
static EVP_PKEY *raw_key(const struct key_kind *kind, const unsigned char *point, CK_ULONG len)
{
	unwrap_point(&point, &len);
	return EVP_PKEY_new_raw_public_key_ex(NULL, kind->name, NULL, point, len);
}

static EVP_PKEY *rsa_key(const unsigned char *modulus, CK_ULONG n_len, const unsigned char *exponent, CK_ULONG e_len)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, (int)n_len, NULL), *e = BN_bin2bn(exponent, (int)e_len, NULL);
	EVP_PKEY *key = NULL;

	if (build && n && e && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		key = make("RSA", build);
	BN_free(n);
	BN_free(e);
	OSSL_PARAM_BLD_free(build);
	return key;
}

/* Private EC keys of other modules carry no point (2.3.4 of PKCS#11 3.1): the public object of the same id does. */
static CK_OBJECT_HANDLE public_half(const struct session *s, const struct object *o)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE attrs[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, o->id, o->id_len}};
	CK_OBJECT_HANDLE h = o->handle, *found = NULL;
	CK_ULONG n = 0;

	if (o->class == CKO_PRIVATE_KEY && o->id_len && objects_find(s, attrs, 2, &found, &n) == ST_OK && n > 0)
		h = found[0];
	free(found);
	return h;
}

enum status pubkey_of_object(const struct session *s, const struct object *o, EVP_PKEY **key)
{
	bool rsa = o->key_type == CKK_RSA;
	CK_ULONG a_len, b_len;
	unsigned char *a = object_attribute(s, o->handle, rsa ? CKA_MODULUS : CKA_EC_PARAMS, &a_len);
	unsigned char *b = object_attribute(s, o->handle, rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, &b_len);

	if (!b)
		b = object_attribute(s, public_half(s, o), rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, &b_len);

	*key = NULL;
	/* A vendor's SM2 key may leave its only curve out. */
	const unsigned char *curve = a ? a : sm2_curve_oid;
	if (!a && o->key_type == CKK_HUFU_SM2)
		a_len = sizeof sm2_curve_oid;
	if (b && a_len && a_len < 65536 && b_len < 65536)
		*key = rsa                          ? rsa_key(curve, a_len, b, b_len)
		       : o->kind && o->kind->curve ? raw_key(o->kind, b, b_len)
		                                    : ec_key(curve, a_len, b, b_len);
	free(a);
	free(b);
	return *key ? ST_OK
	            : fail(ST_UNAVAILABLE,
	                   "Only SM2, RSA and curve keys can be written as public keys; a private key object must carry its point.",
	                   "the key's public part cannot be expressed: %s", libcrypto_error());
}

unsigned char *signature_to_der(const unsigned char *raw, size_t len, size_t *der_len)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	BIGNUM *r = BN_bin2bn(raw, (int)(len / 2), NULL), *s = BN_bin2bn(raw + len / 2, (int)(len / 2), NULL);

	*der_len = 0;
	if (sig && r && s && len % 2 == 0 && len > 0 && len < 1024 && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL; /* transferred */
		int n = i2d_ECDSA_SIG(sig, &der);
		*der_len = n > 0 ? (size_t)n : 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return der;
}

unsigned char *signature_to_raw(const unsigned char *der, size_t len, size_t half, size_t *raw_len)
{
	const unsigned char *p = der;
	ECDSA_SIG *sig = len < 1024 ? d2i_ECDSA_SIG(NULL, &p, (long)len) : NULL;
	unsigned char *raw = malloc(2 * half);

	*raw_len = 2 * half;
	if (!sig || !raw || p != der + len || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) < 0) {
		free(raw);
		raw = NULL;
	}
	ECDSA_SIG_free(sig);
	ERR_clear_error();
	return raw;
}

int pubkey_verify(EVP_PKEY *key, const char *digest, const unsigned char *id, size_t id_len, const unsigned char *sig,
                  size_t sig_len, const unsigned char *data, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int good = -1;

	if (ctx && pctx) {
		EVP_MD_CTX_set_pkey_ctx(ctx, pctx);
		bool ready = EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) > 0 &&
		             (!id || EVP_PKEY_CTX_set1_id(pctx, id, (int)id_len) > 0);
		if (ready)
			good = EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(pctx);
	ERR_clear_error();
	return good;
}
