/* SPDX-License-Identifier: Apache-2.0 */
#include "token/policy.h"

static bool is_strict(const struct token *token)
{
	return token->conf->policy == CONF_POLICY_STRICT;
}

/* What a use leaves behind, and what must not have been. */
static const struct latch {
	CK_FLAGS uses;
	CK_ATTRIBUTE_TYPE sets, barred;
} latches[] = {
	{CKF_ENCRYPT | CKF_MESSAGE_ENCRYPT, CKA_HUFU_HAS_ENCRYPTED, CKA_HUFU_HAS_UNWRAPPED},
	{CKF_DECRYPT | CKF_MESSAGE_DECRYPT, CKA_HUFU_HAS_DECRYPTED, CKA_HUFU_HAS_WRAPPED},
	{CKF_WRAP, CKA_HUFU_HAS_WRAPPED, CKA_HUFU_HAS_DECRYPTED},
	{CKF_UNWRAP, CKA_HUFU_HAS_UNWRAPPED, CKA_HUFU_HAS_ENCRYPTED},
};

static const struct latch *latch_of(CK_FLAGS use)
{
	for (size_t i = 0; i < sizeof latches / sizeof latches[0]; i++)
		if (latches[i].uses & use)
			return &latches[i];
	return NULL;
}

/* Generated here, or vouched for by the SO under a login. */
static bool may_wrap(const struct object *key)
{
	return attrs_bool(&key->attrs, CKA_LOCAL, false) || (key->by_login && attrs_bool(&key->attrs, CKA_TRUSTED, false));
}

CK_RV policy_use(struct session *s, const struct object *key, CK_FLAGS use)
{
	const struct latch *latch = latch_of(use);
	if (!latch || !is_strict(s->token))
		return CKR_OK;
	if (use & CKF_WRAP && !may_wrap(key))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (key->object_class != CKO_SECRET_KEY || attrs_bool(&key->attrs, latch->sets, false))
		return CKR_OK;
	return object_latch(s, key->handle, latch->sets, latch->barred);
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

static bool is_a_use(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_ENCRYPT || type == CKA_DECRYPT || type == CKA_WRAP || type == CKA_UNWRAP;
}

CK_RV policy_check_change(const struct object *o, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	if (!is_strict(o->token))
		return CKR_OK;
	for (CK_ULONG i = 0; i < n; i++)
		if (is_a_use(templ[i].type) && *(const CK_BBOOL *)templ[i].pValue && !attrs_bool(&o->attrs, templ[i].type, false))
			return CKR_ATTRIBUTE_READ_ONLY;
	return CKR_OK;
}

static bool has_both(const struct object *o, CK_ATTRIBUTE_TYPE a, CK_ATTRIBUTE_TYPE b)
{
	return attrs_bool(&o->attrs, a, false) && attrs_bool(&o->attrs, b, false);
}

CK_RV policy_check_copy(const struct object *o)
{
	bool two_uses = has_both(o, CKA_WRAP, CKA_DECRYPT) || has_both(o, CKA_UNWRAP, CKA_ENCRYPT);
	return two_uses && is_strict(o->token) ? CKR_ACTION_PROHIBITED : CKR_OK;
}
