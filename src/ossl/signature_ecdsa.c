/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA over P-256, P-384 and P-521 (FIPS 186-5 6; EVP_SIGNATURE-ECDSA(7)): r and s go out in DER (RFC 3279 2.2.3). */
#include "ossl/signature.h"

#include <openssl/core_names.h>

#define HALF_MAX 66 /* P-521 */

static struct der_view number(const uint8_t *p, size_t len)
{
	while (len && *p == 0) {
		p++;
		len--;
	}
	return (struct der_view){p, len};
}

static size_t encode(const uint8_t *raw, size_t len, uint8_t *der)
{
	struct der_view r = number(raw, len / 2), s = number(raw + len / 2, len / 2);
	uint8_t *p = der_put_header(der, DER_SEQUENCE, der_integer_len(r) + der_integer_len(s));

	return (size_t)(der_put_integer(der_put_integer(p, r), s) - der);
}

static CK_RV sign_with(struct signature *s, CK_MECHANISM_TYPE type, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	const CK_MECHANISM mechanism = {.mechanism = type};
	uint8_t raw[2 * HALF_MAX];
	size_t raw_len = sizeof raw;
	CK_RV rv = work_sign_silently(s->key, &mechanism, in, len, raw, &raw_len);

	if (rv == CKR_OK)
		*sig_len = encode(raw, raw_len, sig);
	return rv;
}

static int sign(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	CK_RV rv = sign_with(s, CKM_ECDSA, in, len, sig, sig_len);

	return rv == CKR_OK ? 1 : work_failed(s->key, rv, "sign");
}

static CK_RV sign_message(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	static const CK_MECHANISM_TYPE mechanisms[HASH_COUNT] = {
		[HASH_SHA1] = CKM_ECDSA_SHA1, [HASH_SHA224] = CKM_ECDSA_SHA224, [HASH_SHA256] = CKM_ECDSA_SHA256,
		[HASH_SHA384] = CKM_ECDSA_SHA384, [HASH_SHA512] = CKM_ECDSA_SHA512, [HASH_SHA3_224] = CKM_ECDSA_SHA3_224,
		[HASH_SHA3_256] = CKM_ECDSA_SHA3_256, [HASH_SHA3_384] = CKM_ECDSA_SHA3_384, [HASH_SHA3_512] = CKM_ECDSA_SHA3_512,
	};
	CK_MECHANISM_TYPE mechanism = s->digest.behind_md5 ? 0 : mechanisms[s->digest.hash];

	return mechanism ? sign_with(s, mechanism, in, len, sig, sig_len) : CKR_MECHANISM_INVALID;
}

static int verify(struct signature *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	return signature_verify_public(s, NULL, in, len, sig, sig_len);
}

static X509_ALGOR *algorithm(const struct signature *s)
{
	static const int nids[HASH_COUNT] = {
		[HASH_SHA1] = NID_ecdsa_with_SHA1, [HASH_SHA224] = NID_ecdsa_with_SHA224, [HASH_SHA256] = NID_ecdsa_with_SHA256,
		[HASH_SHA384] = NID_ecdsa_with_SHA384, [HASH_SHA512] = NID_ecdsa_with_SHA512,
		[HASH_SHA3_224] = NID_ecdsa_with_SHA3_224, [HASH_SHA3_256] = NID_ecdsa_with_SHA3_256,
		[HASH_SHA3_384] = NID_ecdsa_with_SHA3_384, [HASH_SHA3_512] = NID_ecdsa_with_SHA3_512,
	};

	return s->digest.behind_md5 ? NULL : signature_algorithm(nids[s->digest.hash], false);
}

static const struct signature_type type = {
	.kind = KEY_EC, .algorithm = algorithm, .sign = sign, .verify = verify, .sign_message = sign_message,
};

static void *newctx(void *provider, const char *properties)
{
	(void)properties;
	return signature_new(provider, &type);
}

static const OSSL_PARAM *gettable(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
		OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static const OSSL_PARAM *settable(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_END,
	};
	static const OSSL_PARAM none[] = {OSSL_PARAM_END};
	const struct signature *s = ctx;

	(void)provider;
	return s && s->hashes ? none : params;
}

const OSSL_DISPATCH signature_ecdsa_functions[] = {
	SIGNATURE_LIFE(newctx),
	SIGNATURE_OF_DIGESTS,
	SIGNATURE_OF_MESSAGES,
	SIGNATURE_PARAMS(gettable, settable),
	END_OF_FUNCTIONS,
};
