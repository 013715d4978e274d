/* SPDX-License-Identifier: Apache-2.0 */
/* SM2 with SM3 (GB/T 32918.2; EVP_SIGNATURE-SM2(7)): of a message under a distinguishing ID, or of the 32 bytes e. */
#include "ossl/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "sm/sm2.h"
#include "token/asn1.h"

/*
 * The ID of a signer who states none is what "sm2-id" says in the provider's section of openssl.cnf; else what this libcrypto's
 * default provider takes, so that a key does the same in a token as in a file: GM/T 0009's in Tongsuo, no octets at all in OpenSSL.
 */
#ifdef TONGSUO_VERSION_NUMBER
static const uint8_t default_id[] = SM2_DEFAULT_ID;
#define DEFAULT_ID_LEN SM2_DEFAULT_ID_LEN
#else
static const uint8_t default_id[] = "";
#define DEFAULT_ID_LEN 0
#endif

static const uint8_t *id_of(const struct signature *s, size_t *len)
{
	const char *site = s->provider->settings.sm2_id;

	if (s->sm2.id) {
		*len = s->sm2.id_len;
		return s->sm2.id;
	}
	*len = site ? strlen(site) : DEFAULT_ID_LEN;
	return site ? (const uint8_t *)site : default_id;
}

/* Without the octet that says "uncompressed". */
static const uint8_t *point_of(const struct signature *s)
{
	return s->key->form.point.p + 1;
}

/* e = SM3(Z || message), GB/T 32918.2 5.5. */
static int begin(struct signature *s)
{
	size_t len;
	const uint8_t *id = id_of(s, &len);
	uint8_t z[SM3_DIGEST_LEN];

	sm2_z(point_of(s), id, len, z);
	md_update(&s->md, z, sizeof z);
	return 1;
}

static int sign(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	static const CK_MECHANISM mechanism = {.mechanism = CKM_HUFU_SM2_DER};

	return work_sign(s->key, &mechanism, in, len, sig, sig_len);
}

static CK_RV sign_message(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	size_t id_len;
	const uint8_t *id = id_of(s, &id_len);
	CK_HUFU_SM2_SM3_PARAMS params = {(CK_BYTE *)(uintptr_t)id, id_len};
	const CK_MECHANISM mechanism = {CKM_HUFU_SM2_SM3_DER, &params, sizeof params};

	return work_sign_silently(s->key, &mechanism, in, len, sig, sig_len);
}

static int verify(struct signature *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	struct sm2_public public;
	uint8_t raw[SM2_SIG_LEN];

	return len == SM3_DIGEST_LEN && asn1_sig_decode(sig, sig_len, raw) && sm2_public_init(&public, point_of(s)) == SM2_OK &&
	       sm2_verify(&public, in, raw) == SM2_OK;
}

static X509_ALGOR *algorithm(const struct signature *s)
{
	(void)s;
	return signature_algorithm(NID_SM2_with_SM3, false);
}

/* -- parameters ------------------------------------------------------------------------ */

static int take_id(struct signature *s, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size > SM2_ID_MAX || (p->data_size && !p->data))
		return fail(s->provider, REASON_PARAMETER, "%s: a distinguishing ID of at most %d bytes is wanted", p->key, SM2_ID_MAX);
	if (s->md.begun)
		return fail(s->provider, REASON_PARAMETER, "%s: it stands before the message, which has begun", p->key);
	free(s->sm2.id);
	s->sm2.id = NULL;
	s->sm2.id_len = p->data_size;
	s->sm2.id = malloc(p->data_size ? p->data_size : 1); /* no octets are an ID, too */
	if (!s->sm2.id)
		return fail(s->provider, REASON_INTERNAL, "no memory");
	if (p->data_size)
		memcpy(s->sm2.id, p->data, p->data_size);
	return 1;
}

static int set_params(struct signature *s, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
	size_t size = SM3_DIGEST_LEN;

	if (p && (!p->data || !OSSL_PARAM_get_size_t(p, &size) || size != SM3_DIGEST_LEN))
		return fail(s->provider, REASON_PARAMETER, "%s: SM3 gives %d bytes", p->key, SM3_DIGEST_LEN);
	p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_DIST_ID);
	return !p || take_id(s, p);
}

/* -- the tables ------------------------------------------------------------------------ */

static const struct signature_type type = {
	.kind = KEY_SM2, .only_hash = HASH_SM3, .set_params = set_params, .algorithm = algorithm,
	.begin = begin, .sign = sign, .verify = verify, .sign_message = sign_message,
};

/* Not when the provider is loaded: the openssl command would go on without it, and not say why. */
static void *newctx(void *arg, const char *properties)
{
	const struct provider *provider = arg;
	const char *id = provider->settings.sm2_id;

	(void)properties;
	if (id && strlen(id) > SM2_ID_MAX)
		return fail(provider, REASON_CONFIGURATION, "sm2-id: a distinguishing ID has at most %d bytes", SM2_ID_MAX), NULL;
	return signature_new(arg, &type);
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
		OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_DIST_ID, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

const OSSL_DISPATCH signature_sm2_functions[] = {
	SIGNATURE_LIFE(newctx),
	SIGNATURE_OF_DIGESTS,
	SIGNATURE_OF_MESSAGES,
	SIGNATURE_PARAMS(gettable, settable),
	END_OF_FUNCTIONS,
};
