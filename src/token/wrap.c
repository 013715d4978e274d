/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_WrapKey, C_UnwrapKey (PKCS#11 3.1 5.18.3, 5.18.4).
 *
 * A secret key travels as its value, a private SM2 key as PKCS#8; both in secret
 * memory, and encrypted by a device with the wrapping key.
 */
#include "base/secret.h"
#include "token/merge.h"
#include "token/operation_impl.h"
#include "token/policy.h"
#include "token/rules.h"
#include "token/show.h"

#include <string.h>

static const struct key_use use_wrap = {CKF_WRAP, CKA_WRAP, CKO_PUBLIC_KEY, CKR_WRAPPING_KEY_HANDLE_INVALID,
                                        CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CKR_WRAPPING_KEY_SIZE_RANGE};
static const struct key_use use_unwrap = {CKF_UNWRAP, CKA_UNWRAP, CKO_PRIVATE_KEY, CKR_UNWRAPPING_KEY_HANDLE_INVALID,
                                          CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_UNWRAPPING_KEY_SIZE_RANGE};

/* An operation of this call alone: the key found, the parameter parsed. operation_free it. */
static CK_RV begin(struct session *s, enum op_kind kind, const CK_MECHANISM *m, const struct key_use *use, CK_OBJECT_HANDLE handle,
                   struct operation **out)
{
	const struct mech *mech;
	struct object *key;
	CK_RV rv = mech_check(s->token, m, use->flag, &mech);
	if (rv == CKR_OK)
		rv = operation_find_key(s, mech, use, handle, &key);
	if (rv != CKR_OK)
		return rv;
	struct operation *op = secret_alloc(sizeof *op);
	if (!op) {
		object_rele(key);
		return CKR_HOST_MEMORY;
	}
	*op = (struct operation){.active = true, .kind = kind, .token = s->token, .mech = mech, .key = key};
	operation_used(op);
	/* CKA_ALWAYS_AUTHENTICATE: there is no Init that a login could follow. */
	rv = op->wants_login ? CKR_USER_NOT_LOGGED_IN : mech->parse(m, &op->param);
	if (rv != CKR_OK) {
		operation_free(op);
		return rv;
	}
	*out = op;
	return CKR_OK;
}

/* -- wrapping: may it leave? ---------------------------------------------------------------------- */

/* Policy "standard": sensitive keys leave only where what arrives is known to be what left. */
static bool carries_sensitive(const struct mech *mech)
{
	return mech->shape == SHAPE_AEAD || mech->shape == SHAPE_PK_CRYPT;
}

/* Private keys as PKCS#8 are of no block's length, and longer than an SM2 envelope is made for. */
static bool carries_private(const struct mech *mech)
{
	return mech->shape == SHAPE_AEAD || mech->shape == SHAPE_BLOCK_PAD;
}

/* 5.18.3: by the rules of C_FindObjects, so what the key shows counts; an attribute that it does not have mismatches. */
static bool matches(const struct object *wrapping, struct object *key)
{
	const CK_ATTRIBUTE *templ = attrs_get(&wrapping->attrs, CKA_WRAP_TEMPLATE);
	const CK_ATTRIBUTE *list = templ ? templ->pValue : NULL;
	size_t n = templ ? templ->ulValueLen / sizeof *list : 0;
	for (size_t i = 0; i < n; i++)
		if (!shows(key, &list[i]))
			return false;
	return true;
}

static CK_RV may_leave(const struct operation *op, struct object *key)
{
	const struct object *wrapping = op->key;
	if (key->object_class != CKO_SECRET_KEY && key->object_class != CKO_PRIVATE_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	if (!attrs_bool(&key->attrs, CKA_EXTRACTABLE, false))
		return CKR_KEY_UNEXTRACTABLE;
	if (!matches(wrapping, key))
		return CKR_KEY_HANDLE_INVALID;
	if (attrs_bool(&key->attrs, CKA_WRAP_WITH_TRUSTED, false) && !attrs_bool(&wrapping->attrs, CKA_TRUSTED, false))
		return CKR_KEY_NOT_WRAPPABLE;
	if (attrs_bool(&key->attrs, CKA_SENSITIVE, true) && !carries_sensitive(op->mech))
		return CKR_KEY_NOT_WRAPPABLE;
	if (key->object_class == CKO_PRIVATE_KEY && (!mech_is_sm2(key) || !carries_private(op->mech)))
		return CKR_KEY_NOT_WRAPPABLE;
	return CKR_OK;
}

/* -- wrapping: the value ------------------------------------------------------------------------------ */

static CK_RV pkcs8_of(const struct object *key, uint8_t **value, size_t *len)
{
	const CK_ATTRIBUTE *point = attrs_get(&key->attrs, CKA_EC_POINT);
	if (*len != 32 || !point || point->ulValueLen != 67)
		return CKR_KEY_NOT_WRAPPABLE;
	uint8_t *der = secret_alloc(ASN1_PKCS8_LEN);
	if (!der)
		return CKR_HOST_MEMORY;
	asn1_pkcs8_encode(*value, (const uint8_t *)point->pValue + 3, der);
	secret_free(*value);
	*value = der;
	*len = ASN1_PKCS8_LEN;
	return CKR_OK;
}

/* What travels; secret_free it, whatever the code. */
static CK_RV export(struct object *key, uint8_t **value, size_t *len)
{
	*value = NULL;
	CK_RV rv = key_export(key, value, len);
	return rv == CKR_OK && key->object_class == CKO_PRIVATE_KEY ? pkcs8_of(key, value, len) : rv;
}

/* Its length, without taking it out. */
static size_t exported_len(const struct object *key)
{
	return key->object_class == CKO_PRIVATE_KEY ? ASN1_PKCS8_LEN : attrs_ulong(&key->attrs, CKA_VALUE_LEN, 16);
}

static CK_RV wrap_rv(CK_RV rv)
{
	return rv == CKR_DATA_LEN_RANGE ? CKR_KEY_SIZE_RANGE : rv;
}

static CK_RV wrap(struct session *s, struct operation *op, struct object *key, CK_BYTE *out, CK_ULONG *out_len)
{
	uint8_t *value = NULL;
	size_t len = exported_len(key), n;
	CK_RV rv = may_leave(op, key);
	if (rv != CKR_OK)
		return rv;
	if (out) {
		rv = policy_use(s, op->key, CKF_WRAP);
		if (rv == CKR_OK)
			rv = export(key, &value, &len);
		if (rv == CKR_OK)
			rv = crypt_whole(op, value, len, out, *out_len, &n);
	} else
		rv = crypt_whole(op, NULL, len, NULL, 0, &n);
	secret_free(value);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = n;
	return wrap_rv(rv);
}

CK_RV key_wrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE handle, CK_BYTE *out,
               CK_ULONG *out_len)
{
	struct operation *op;
	struct object *key;
	CK_RV rv = begin(s, OP_ENCRYPT, m, &use_wrap, wrapping, &op);
	if (rv != CKR_OK)
		return rv;
	/* A row that anybody could have written is no wrapping key (DESIGN 3). */
	rv = op->key->by_login ? object_find(s, handle, CKR_KEY_HANDLE_INVALID, &key) : CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK) {
		rv = wrap(s, op, key, out, out_len);
		object_rele(key);
	}
	operation_free(op);
	return rv;
}

/* -- unwrapping -------------------------------------------------------------------------------------------- */

/* A block mode without padding may bring more than the key: CKA_VALUE_LEN says where it ends. */
static CK_RV secret_len(const struct operation *op, const struct plan *plan, size_t *len)
{
	const struct rule_set *set = rules_find(plan->object_class, plan->key_type);
	CK_ULONG asked = attrs_ulong(&plan->attrs, CKA_VALUE_LEN, *len);
	if (!set || asked > *len || (asked < *len && op->mech->shape != SHAPE_BLOCK))
		return CKR_TEMPLATE_INCONSISTENT;
	*len = asked;
	return rules_value_fits(set, asked) ? CKR_OK : CKR_WRAPPED_KEY_LEN_RANGE;
}

static CK_RV set_value(struct plan *plan, const uint8_t *value, size_t len)
{
	return attrs_set(&plan->material, CKA_VALUE, value, len) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV take_private(const struct operation *op, struct plan *plan, const uint8_t *der, size_t len, uint8_t point[64],
                          bool *have_point)
{
	uint8_t d[32];
	if (plan->key_type != CKK_HUFU_SM2 || !carries_private(op->mech))
		return CKR_TEMPLATE_INCONSISTENT;
	CK_RV rv = CKR_WRAPPED_KEY_INVALID;
	if (asn1_pkcs8_decode(der, len, d, point, have_point))
		rv = set_value(plan, d, sizeof d);
	secret_wipe(d, sizeof d);
	return rv;
}

/* What was wrapped, as the plan's material. */
static CK_RV take_value(const struct operation *op, struct plan *plan, const uint8_t *value, size_t len, uint8_t point[64],
                        bool *have_point)
{
	if (plan->object_class == CKO_PRIVATE_KEY)
		return take_private(op, plan, value, len, point, have_point);
	if (plan->object_class != CKO_SECRET_KEY)
		return CKR_TEMPLATE_INCONSISTENT;
	CK_RV rv = secret_len(op, plan, &len);
	return rv == CKR_OK ? set_value(plan, value, len) : rv;
}

/* point: what the wrapped key told of its public half, which must be true. */
static CK_RV import(struct session *s, struct plan *plan, const uint8_t *point, CK_OBJECT_HANDLE *handle)
{
	struct material_holder holder;
	struct material material;
	CK_RV rv = material_import(s, plan, &holder, &material);
	if (rv == CKR_ATTRIBUTE_VALUE_INVALID)
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK && point && (material.pub_len != 64 || memcmp(material.pub, point, 64) != 0))
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = object_commit(s, plan, &material, NULL, handle);
	material_clear(&holder);
	return rv;
}

static CK_RV unwrap_rv(CK_RV rv)
{
	if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

static CK_RV unwrap(struct session *s, struct operation *op, const uint8_t *in, size_t len, struct plan *plan,
                    CK_OBJECT_HANDLE *handle)
{
	uint8_t point[64], *value = secret_alloc(len ? len : 1);
	bool have_point = false;
	size_t value_len;
	if (!value)
		return CKR_HOST_MEMORY;
	CK_RV rv = policy_use(s, op->key, CKF_UNWRAP);
	if (rv == CKR_OK)
		rv = unwrap_rv(crypt_whole(op, in, len, value, len, &value_len));
	if (rv == CKR_OK)
		rv = take_value(op, plan, value, value_len, point, &have_point);
	if (rv == CKR_OK)
		rv = import(s, plan, have_point ? point : NULL, handle);
	secret_free(value);
	return rv;
}

CK_RV key_unwrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
                 const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	struct operation *op;
	struct merged merged = {0};
	struct plan *plan = NULL;
	CK_RV rv = begin(s, OP_DECRYPT, m, &use_unwrap, unwrapping, &op);
	if (rv != CKR_OK)
		return rv;
	rv = merge_template(op->key, CKA_UNWRAP_TEMPLATE, templ, n, &merged);
	if (rv == CKR_OK)
		rv = object_plan(s, ORIGIN_UNWRAP, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, merged.list, merged.n,
		                 &plan);
	if (rv == CKR_OK)
		rv = unwrap(s, op, in, len, plan, handle);
	plan_free(plan);
	merged_clear(&merged);
	operation_free(op);
	return rv;
}
