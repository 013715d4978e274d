/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/signature.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/context.h"
#include "ossl/param.h"

const OSSL_ALGORITHM signature_algorithms[] = {
	ALGORITHM("RSA:rsaEncryption:1.2.840.113549.1.1.1", signature_rsa_functions, "RSA with a token's key"),
	ALGORITHM("ECDSA", signature_ecdsa_functions, "ECDSA with a token's key"),
	ALGORITHM("SM2:1.2.156.10197.1.301", signature_sm2_functions, "SM2 with a token's key"),
	ALGORITHM("ED25519:1.3.101.112", signature_ed25519_functions, "Ed25519 with a token's key"),
	ALGORITHM("ED448:1.3.101.113", signature_ed448_functions, "Ed448 with a token's key"),
	{NULL, NULL, NULL, NULL},
};

/* -- the life of a context ------------------------------------------------------------- */

void *signature_new(void *provider, const struct signature_type *type)
{
	struct signature *s = calloc(1, sizeof *s);

	if (s) {
		s->provider = provider;
		s->type = type;
		s->digest.hash = type->only_hash;
	}
	return s;
}

void signature_free(void *ctx)
{
	struct signature *s = ctx;

	if (!s)
		return;
	if (s->key)
		key_rele(s->key);
	md_clear(&s->md);
	free(s->sm2.id);
	free(s);
}

static bool copy_id(struct signature *to, const struct signature *from)
{
	if (!from->sm2.id)
		return true;
	to->sm2.id = malloc(from->sm2.id_len ? from->sm2.id_len : 1);
	if (to->sm2.id)
		memcpy(to->sm2.id, from->sm2.id, from->sm2.id_len);
	return to->sm2.id;
}

void *signature_dup(void *ctx)
{
	const struct signature *s = ctx;
	struct signature *copy = malloc(sizeof *copy);

	if (!copy)
		return NULL;
	*copy = *s;
	copy->key = s->key ? key_hold(s->key) : NULL;
	copy->md = (struct md){0};
	copy->sm2.id = NULL;
	if (copy_id(copy, s) && md_copy(&copy->md, &s->md))
		return copy;
	signature_free(copy);
	return NULL;
}

/* -- beginning ------------------------------------------------------------------------- */

/* key NULL: once more with the last one. */
static int take_key(struct signature *s, struct key *key, bool verifies)
{
	char title[160];

	if (!key)
		return s->key || fail(s->provider, REASON_PARAMETER, "no key was given");
	if (key->kind != s->type->kind)
		return fail(s->provider, REASON_KEY_TYPE, "%s wants a key of its own type, not one of %s", key_kind_name(s->type->kind),
		            key_kind_name(key->kind));
	if (!key->spki)
		return fail(s->provider, REASON_KEY_TYPE, "these are a key's parameters, and no key");
	if (!verifies && !key_is_private(key))
		return fail(s->provider, REASON_KEY_USE, "%s has no private half to sign with", key_title(key, title));
	key_hold(key);
	if (s->key)
		key_rele(s->key);
	s->key = key;
	return 1;
}

static int init(struct signature *s, void *key, const OSSL_PARAM params[], bool verifies)
{
	if (!take_key(s, key, verifies))
		return 0;
	s->verifies = verifies;
	s->hashes = false;
	md_clear(&s->md);
	if (s->type->reset)
		s->type->reset(s);
	return signature_set_params(s, params);
}

int signature_sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return init(ctx, key, params, false);
}

int signature_verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return init(ctx, key, params, true);
}

static int choose_digest(struct signature *s, const char *name)
{
	struct md_choice choice;

	if (!md_choose(s->provider, name, &choice))
		return 0;
	if (s->type->only_hash != HASH_NONE && (choice.hash != s->type->only_hash || choice.behind_md5))
		return fail(s->provider, REASON_PARAMETER, "%s signs with the message digest %s, not with %s", key_kind_name(s->type->kind),
		            hash_name(s->type->only_hash), md_name(choice));
	if (s->hashes && !md_same(choice, s->digest))
		return fail(s->provider, REASON_PARAMETER, "the message digest of this signature is %s already, and cannot become %s",
		            md_name(s->digest), md_name(choice));
	s->digest = choice;
	return 1;
}

/* Types that sign messages as they are take no digest's name, and the others one, lest a default be taken for a choice. */
static int init_digest(struct signature *s, const char *name, void *key, const OSSL_PARAM params[], bool verifies)
{
	bool named = name && *name;

	if (!init(s, key, params, verifies))
		return 0;
	if (!s->type->sign)
		return !named || fail(s->provider, REASON_PARAMETER, "%s takes no message digest", key_kind_name(s->type->kind));
	if (named && !choose_digest(s, name))
		return 0;
	if (!md_len(s->digest))
		return fail(s->provider, REASON_PARAMETER, "no message digest was named");
	s->hashes = true;
	return 1;
}

int signature_digest_sign_init(void *ctx, const char *name, void *key, const OSSL_PARAM params[])
{
	return init_digest(ctx, name, key, params, false);
}

int signature_digest_verify_init(void *ctx, const char *name, void *key, const OSSL_PARAM params[])
{
	return init_digest(ctx, name, key, params, true);
}

/* -- of digests ------------------------------------------------------------------------ */

static int check_begun(const struct signature *s, bool verifies)
{
	if (s->key && s->verifies == verifies)
		return 1;
	return fail(s->provider, REASON_INTERNAL, verifies ? "no verification was begun" : "no signature was begun");
}

static int check_room(const struct signature *s, size_t room)
{
	if (room >= key_max_size(s->key))
		return 1;
	return fail(s->provider, REASON_BUFFER, "a signature may have %zu bytes, and there is room for %zu", key_max_size(s->key), room);
}

static int check_len(const struct signature *s, size_t len)
{
	size_t want = md_len(s->digest);

	if (!want || len == want)
		return 1;
	return fail(s->provider, REASON_INPUT, "a message digest %s has %zu bytes, not %zu", md_name(s->digest), want, len);
}

int signature_sign(void *ctx, unsigned char *sig, size_t *sig_len, size_t room, const unsigned char *in, size_t len)
{
	struct signature *s = ctx;

	if (!check_begun(s, false))
		return 0;
	if (!sig) {
		*sig_len = key_max_size(s->key);
		return 1;
	}
	if (!check_room(s, room) || !check_len(s, len))
		return 0;
	*sig_len = room;
	return s->type->sign(s, in, len, sig, sig_len);
}

int signature_verify(void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *in, size_t len)
{
	struct signature *s = ctx;

	return check_begun(s, true) && check_len(s, len) && s->type->verify(s, in, len, sig, sig_len);
}

int signature_verify_public(struct signature *s, const OSSL_PARAM params[], const uint8_t *in, size_t len, const uint8_t *sig,
                            size_t sig_len)
{
	EVP_PKEY *public = key_public(s->key);
	EVP_PKEY_CTX *ctx = public ? EVP_PKEY_CTX_new_from_pkey(libcrypto_context(), public, NULL) : NULL;
	bool good = ctx && EVP_PKEY_verify_init_ex(ctx, params) == 1 && EVP_PKEY_verify(ctx, sig, sig_len, in, len) == 1;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(public);
	return good;
}

/* -- of messages ----------------------------------------------------------------------- */

static int begin_message(struct signature *s)
{
	if (s->md.begun)
		return 1;
	return md_begin(s->provider, &s->md, s->digest) && (!s->type->begin || s->type->begin(s));
}

int signature_digest_update(void *ctx, const unsigned char *in, size_t len)
{
	struct signature *s = ctx;

	if (!s->hashes)
		return fail(s->provider, REASON_INTERNAL, "no message was begun");
	if (!begin_message(s))
		return 0;
	md_update(&s->md, in, len);
	return 1;
}

int signature_digest_sign_final(void *ctx, unsigned char *sig, size_t *sig_len, size_t room)
{
	struct signature *s = ctx;
	uint8_t digest[MD_LEN_MAX];

	if (!sig)
		return signature_sign(s, NULL, sig_len, 0, NULL, 0);
	if (!check_begun(s, false) || !check_room(s, room) || !begin_message(s))
		return 0;
	md_final(&s->md, digest);
	return signature_sign(s, sig, sig_len, room, digest, md_len(s->digest));
}

int signature_digest_verify_final(void *ctx, const unsigned char *sig, size_t sig_len)
{
	struct signature *s = ctx;
	uint8_t digest[MD_LEN_MAX];

	if (!check_begun(s, true) || !begin_message(s))
		return 0;
	md_final(&s->md, digest);
	return signature_verify(s, sig, sig_len, digest, md_len(s->digest));
}

/* A key may be allowed to sign by the mechanism that hashes only, or only by the one that does not (CKA_ALLOWED_MECHANISMS). */
int signature_digest_sign(void *ctx, unsigned char *sig, size_t *sig_len, size_t room, const unsigned char *in, size_t len)
{
	struct signature *s = ctx;

	if (!sig || s->md.begun)
		return (!sig || signature_digest_update(s, in, len)) && signature_digest_sign_final(s, sig, sig_len, room);
	if (!check_begun(s, false) || !check_room(s, room))
		return 0;
	*sig_len = room;
	CK_RV rv = s->type->sign_message(s, in, len, sig, sig_len);
	if (rv == CKR_OK)
		return 1;
	if (rv != CKR_MECHANISM_INVALID || !s->type->sign)
		return work_failed(s->key, rv, "sign");
	return signature_digest_update(s, in, len) && signature_digest_sign_final(s, sig, sig_len, room);
}

int signature_digest_verify(void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *in, size_t len)
{
	struct signature *s = ctx;

	if (!s->type->sign)
		return signature_verify(s, sig, sig_len, in, len);
	return signature_digest_update(s, in, len) && signature_digest_verify_final(s, sig, sig_len);
}

/* -- parameters ------------------------------------------------------------------------ */

static int give_algorithm(const struct signature *s, OSSL_PARAM *p)
{
	X509_ALGOR *algorithm = s->key ? s->type->algorithm(s) : NULL;
	unsigned char *der = NULL;
	int len = algorithm ? i2d_X509_ALGOR(algorithm, &der) : 0;
	int good = len > 0 ? OSSL_PARAM_set_octet_string(p, der, (size_t)len) :
	                     fail(s->provider, REASON_PARAMETER, "no algorithm identifier is known for %s with %s",
	                          key_kind_name(s->type->kind), *md_name(s->digest) ? md_name(s->digest) : "no message digest");

	OPENSSL_free(der);
	X509_ALGOR_free(algorithm);
	return good;
}

int signature_get_params(void *ctx, OSSL_PARAM params[])
{
	const struct signature *s = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);

	if (p && !give_algorithm(s, p))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
	if (p && !OSSL_PARAM_set_utf8_string(p, md_name(s->digest)))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
	if (p && (!p->data || !param_set_size(p, md_len(s->digest))))
		return 0;
	return !s->type->get_params || s->type->get_params(s, params);
}

/* The digest's properties are not asked: it is computed here. */
int signature_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct signature *s = ctx;
	const OSSL_PARAM *p = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST) : NULL;
	char name[64], *text = name;

	if (p && !OSSL_PARAM_get_utf8_string(p, &text, sizeof name))
		return fail(s->provider, REASON_PARAMETER, "%s: the name of a message digest is wanted", p->key);
	if (p && !choose_digest(s, name))
		return 0;
	return !params || !s->type->set_params || s->type->set_params(s, params);
}

X509_ALGOR *signature_algorithm(int nid, bool with_null)
{
	X509_ALGOR *algorithm = nid == NID_undef ? NULL : X509_ALGOR_new();

	if (algorithm)
		X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), with_null ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
	return algorithm;
}
