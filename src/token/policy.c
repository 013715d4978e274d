/* SPDX-License-Identifier: Apache-2.0 */
#include "token/policy.h"

#include "crypto/context.h"

static bool is_strict(const struct token *token)
{
	return token->conf->policy == CONF_POLICY_STRICT;
}

/*
 * What a use leaves behind, and what must not have been. GCM and CCM wrap with a
 * keystream that encryption under the same key gives to whoever asks: so a key
 * that wraps does not encrypt either.
 */
static const struct latch {
	CK_FLAGS uses;
	CK_ATTRIBUTE_TYPE sets;
	struct barred barred;
} latches[] = {
	{CKF_ENCRYPT | CKF_MESSAGE_ENCRYPT, CKA_HUFU_HAS_ENCRYPTED, {{CKA_HUFU_HAS_UNWRAPPED, CKA_HUFU_HAS_WRAPPED}, 2}},
	{CKF_DECRYPT | CKF_MESSAGE_DECRYPT, CKA_HUFU_HAS_DECRYPTED, {{CKA_HUFU_HAS_WRAPPED}, 1}},
	{CKF_WRAP, CKA_HUFU_HAS_WRAPPED, {{CKA_HUFU_HAS_DECRYPTED, CKA_HUFU_HAS_ENCRYPTED}, 2}},
	{CKF_UNWRAP, CKA_HUFU_HAS_UNWRAPPED, {{CKA_HUFU_HAS_ENCRYPTED}, 1}},
};

static const struct latch *latch_of(CK_FLAGS use)
{
	for (size_t i = 0; i < sizeof latches / sizeof latches[0]; i++)
		if (latches[i].uses & use)
			return &latches[i];
	return NULL;
}

/* Generated here, but not of a password, which somebody knows; or vouched for by the SO under a login. */
static bool may_wrap(const struct object *key)
{
	bool of_password = attrs_ulong(&key->attrs, CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION) == CKM_PKCS5_PBKD2;
	if (attrs_bool(&key->attrs, CKA_LOCAL, false) && !of_password)
		return true;
	return key->by_login && attrs_bool(&key->attrs, CKA_TRUSTED, false);
}

/* A raw RSA signature is what decryption gives (RFC 8017 5.1.2, 5.2.1). */
static bool decrypts_by_signing(const struct mech *mech, CK_FLAGS use)
{
	return mech->type == CKM_RSA_X_509 && use & (CKF_SIGN | CKF_SIGN_RECOVER);
}

/*
 * Whatever bytes come so become a key, of as many of them as one likes: keys of
 * one byte, two and so on, each told by its check value, give away what the
 * unwrapping key decrypts.
 */
static bool unwraps_anything(const struct mech *mech, CK_FLAGS use)
{
	bool weak = mech->shape == SHAPE_BLOCK || mech->shape == SHAPE_BLOCK_PAD || mech->type == CKM_RSA_X_509;
	return weak && use & CKF_UNWRAP;
}

/*
 * The CBC-MAC of one block is the block encrypted (GB/T 15852.1 algorithm 1); to
 * verify MACs of one byte, then of two and so on, tells it as well. CMAC's masks
 * keep it from that.
 */
static bool encrypts_by_signing(const struct mech *mech, CK_FLAGS use)
{
	return mech->device_mechanism == CKM_HUFU_SM4_CBC_MAC && use & (CKF_SIGN | CKF_VERIFY);
}

static bool has(const struct object *o, CK_ATTRIBUTE_TYPE use)
{
	return attrs_bool(&o->attrs, use, false);
}

/* Of a type that encrypts_by_signing is about. */
static bool has_cbc_mac(const struct object *o)
{
	return o->object_class == CKO_SECRET_KEY && o->key_type == CKK_HUFU_SM4;
}

/* CKA_DERIVE: CKM_AES_ECB_ENCRYPT_DATA. Whoever will encrypts with a public key. */
static bool can_encrypt(const struct object *o)
{
	if (o->object_class != CKO_SECRET_KEY)
		return false;
	return has(o, CKA_ENCRYPT) || has(o, CKA_DERIVE) || (has_cbc_mac(o) && (has(o, CKA_SIGN) || has(o, CKA_VERIFY)));
}

/* Uses of which a latch will take one away. */
static bool has_two_uses(const struct object *o)
{
	return has(o, CKA_WRAP) ? can_encrypt(o) || has(o, CKA_DECRYPT) : has(o, CKA_UNWRAP) && can_encrypt(o);
}

/* A session key is two keys after a fork, each with latches of its own: the child's may not choose what the parent's may. */
static bool is_a_forked_copy(const struct object *o)
{
	return o->session && o->born != libcrypto_epoch();
}

CK_RV policy_use(struct session *s, const struct mech *mech, const struct object *key, CK_FLAGS use)
{
	const struct latch *latch = latch_of(encrypts_by_signing(mech, use) ? CKF_ENCRYPT : use);
	if (!is_strict(s->token))
		return CKR_OK;
	if (decrypts_by_signing(mech, use) && !attrs_bool(&key->attrs, CKA_DECRYPT, false))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (unwraps_anything(mech, use) || (use & CKF_WRAP && !may_wrap(key)))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!latch || key->object_class != CKO_SECRET_KEY || attrs_bool(&key->attrs, latch->sets, false))
		return CKR_OK;
	if (is_a_forked_copy(key) && has_two_uses(key))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return object_latch(s, key->handle, latch->sets, &latch->barred);
}

CK_RV policy_check_new(const struct token *token, const struct plan *plan)
{
	if (!is_strict(token) || plan->origin != ORIGIN_UNWRAP)
		return CKR_OK;
	bool kept = attrs_bool(&plan->attrs, CKA_SENSITIVE, true) && !attrs_bool(&plan->attrs, CKA_EXTRACTABLE, false);
	return kept ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV policy_check_pair(const struct token *token, const struct plan *pub, const struct plan *priv)
{
	bool both = attrs_bool(&pub->attrs, CKA_WRAP, false) && attrs_bool(&priv->attrs, CKA_DECRYPT, false);
	return both && is_strict(token) ? CKR_TEMPLATE_INCONSISTENT : CKR_OK;
}

static bool is_a_use(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_ENCRYPT || type == CKA_DECRYPT || type == CKA_WRAP || type == CKA_UNWRAP || type == CKA_DERIVE ||
	       (has_cbc_mac(o) && (type == CKA_SIGN || type == CKA_VERIFY));
}

CK_RV policy_check_change(const struct object *o, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	if (!is_strict(o->token))
		return CKR_OK;
	for (CK_ULONG i = 0; i < n; i++)
		if (is_a_use(o, templ[i].type) && *(const CK_BBOOL *)templ[i].pValue && !attrs_bool(&o->attrs, templ[i].type, false))
			return CKR_ATTRIBUTE_READ_ONLY;
	return CKR_OK;
}

CK_RV policy_check_copy(const struct object *o)
{
	return has_two_uses(o) && is_strict(o->token) ? CKR_ACTION_PROHIBITED : CKR_OK;
}
