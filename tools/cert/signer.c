/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cert/signer.h"
#include "tools/report.h"

#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* -- what the module says ---------------------------------------------------------------- */

static enum status describe(const struct session *s, const char *target, struct signer_key *key)
{
	struct object o;
	enum status status = key_find_one(s, WANT_PRIVATE, target, &o);

	if (status)
		return status;
	*key = (struct signer_key){
		.uri = object_uri(s, &o),
		.label = object_label(&o),
		.sm2 = o.kind && o.kind->type == CKK_HUFU_SM2,
		.may_sign = object_flag(s, o.handle, CKA_SIGN) == 1,
		.may_unwrap = object_flag(s, o.handle, CKA_UNWRAP) == 1,
	};
	object_clear(&o);
	return key->uri && key->label ? ST_OK : fail_memory();
}

/* The same token, another key. */
static enum status describe_other(const struct args *args, struct session *s, const char *target, struct signer_key *key)
{
	struct selector mine = s->selector;
	enum status status = selector_init(args, target, SELECT_OBJECT, &s->selector);

	if (status == ST_OK && !selector_match_slot(&s->selector, &s->module, &s->slot))
		status = fail(ST_USAGE, "The pair of a certificate holder's keys is on one token.", "\"%s\" is not on token \"%s\"",
		              target, s->label);
	if (status == ST_OK)
		status = describe(s, target, key);
	selector_clear(&s->selector);
	s->selector = mine;
	return status;
}

enum status signer_open(const struct args *args, const char *other, struct signer *signer)
{
	const char *target = arg_target(args, 0);
	struct session s;

	*signer = (struct signer){.args = args};
	enum status status = session_find_token(args, target, SELECT_OBJECT, &s);
	if (status == ST_OK)
		status = session_begin(&s, false);
	if (status == ST_OK)
		status = session_login_keep(args, &s, LOGIN_USER, &signer->pin);
	if (status == ST_OK)
		status = describe(&s, target, &signer->key);
	if (status == ST_OK && other)
		status = describe_other(args, &s, other, &signer->other);
	session_close(&s);
	if (status == ST_OK)
		status = sm2_id_get(args, &signer->sm2_id);
	return status ? status : ossl_open(&signer->ossl);
}

static void key_clear(struct signer_key *key)
{
	free(key->uri);
	free(key->label);
}

void signer_clear(struct signer *signer)
{
	key_clear(&signer->key);
	key_clear(&signer->other);
	pin_clear(&signer->pin);
	ossl_close(&signer->ossl);
}

enum status signer_may_sign(const struct signer_key *key)
{
	if (key->may_sign)
		return ST_OK;
	return fail(ST_POLICY,
	            "A request is signed by its own key. An encryption key comes from the authority (hufu cert import-enveloped).",
	            "the key \"%s\" must not sign (CKA_SIGN is false)", key->label);
}

/* -- signing ------------------------------------------------------------------------------ */

enum status signer_load(struct signer *signer, const struct signer_key *key, EVP_PKEY **pkey)
{
	return ossl_private_key(&signer->ossl, key->uri, &signer->pin, pkey);
}

/* NULL with ST_OK: the algorithm has a hash of its own (RFC 8410). */
static enum status hash_of(const struct args *args, const EVP_PKEY *pkey, const char **hash)
{
	const char *wanted = arg_get(args, "hash");
	bool rsa = EVP_PKEY_is_a(pkey, "RSA"), ec = EVP_PKEY_is_a(pkey, "EC");

	*hash = EVP_PKEY_is_a(pkey, "SM2") ? "SM3" : NULL;
	if (wanted && !rsa && !ec)
		return fail(ST_USAGE, "Leave --hash out.", "the hash is the key's own: --hash is for RSA and EC");
	if (arg_has(args, "pss") && !rsa)
		return fail(ST_USAGE, "Leave --pss out.", "--pss is for RSA");
	if (rsa || ec)
		*hash = wanted ? wanted : "SHA256";
	return ST_OK;
}

static bool set_scheme(const struct signer *signer, EVP_PKEY *pkey, EVP_PKEY_CTX *ctx)
{
	if (EVP_PKEY_is_a(pkey, "SM2"))
		return EVP_PKEY_CTX_set1_id(ctx, signer->sm2_id.bytes, (int)signer->sm2_id.len) > 0;
	if (!arg_has(signer->args, "pss"))
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

enum status signer_begin(struct signer *signer, const struct signer_key *key, EVP_PKEY *pkey, EVP_MD_CTX **md)
{
	EVP_PKEY_CTX *ctx;
	const char *hash;
	enum status status = hash_of(signer->args, pkey, &hash);

	*md = NULL;
	if (status)
		return status;
	*md = EVP_MD_CTX_new();
	if (*md && EVP_DigestSignInit_ex(*md, &ctx, hash, signer->ossl.context, NULL, pkey, NULL) > 0 &&
	    set_scheme(signer, pkey, ctx))
		return ST_OK;
	EVP_MD_CTX_free(*md);
	*md = NULL;
	return ossl_fail(ST_UNAVAILABLE, "hufu key show prints what the key is for.", "signing with the key \"%s\"%s%s", key->label,
	                 hash ? " and " : "", hash ? hash : "");
}
