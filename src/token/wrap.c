/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_WrapKey, C_UnwrapKey (PKCS#11 3.1 5.18.3, 5.18.4).
 *
 * What hardware unwraps itself it does; else:
 *
 * A secret key travels as its value, a private key as PKCS#8 (6.7); both in
 * secret memory, and encrypted by a device with the wrapping key.
 */
#include "base/secret.h"
#include "rand/rand.h"
#include "token/envelope.h"
#include "token/key_form.h"
#include "token/merge.h"
#include "token/operation_impl.h"
#include "token/policy.h"
#include "token/rules.h"
#include "token/rv.h"
#include "token/show.h"

#include <string.h>

#define BLOCK_LEN 16 /* of what wraps: triple DES only unwraps */

static const struct key_use use_wrap = {CKF_WRAP, CKA_WRAP, CKO_PUBLIC_KEY, CKR_WRAPPING_KEY_HANDLE_INVALID,
                                        CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CKR_WRAPPING_KEY_SIZE_RANGE};
static const struct key_use use_unwrap = {CKF_UNWRAP, CKA_UNWRAP, CKO_PRIVATE_KEY, CKR_UNWRAPPING_KEY_HANDLE_INVALID,
                                          CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_UNWRAPPING_KEY_SIZE_RANGE};

/* An operation of this call alone: the key found, the parameter parsed. operation_free it. */
static CK_RV begin(struct session *s, enum op_kind kind, const CK_MECHANISM *m, const struct key_use *use, CK_OBJECT_HANDLE handle,
                   struct operation **out)
{
	const struct mech *mech;
	struct own_mechanism own;
	struct object *key;
	CK_RV rv = mech_check(s->token, m, use->flag, &own, &mech);
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
	rv = op->wants_login ? CKR_USER_NOT_LOGGED_IN : mech->parse(&own.m, &op->param);
	if (rv != CKR_OK) {
		operation_free(op);
		return rv;
	}
	*out = op;
	return CKR_OK;
}

/* Private SM2 keys, and nothing else. */
static bool carries_sm2_alone(const struct mech *mech)
{
	return mech->type == CKM_HUFU_SM2_ENVELOPED_KEY;
}

static CK_RV run(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	if (op->mech->type == CKM_RSA_AES_KEY_WRAP)
		return envelope_whole(op, in, len, out, cap, out_len);
	if (carries_sm2_alone(op->mech))
		return sm2_envelope_whole(op, in, len, out, cap, out_len);
	return crypt_whole(op, in, len, out, cap, out_len);
}

/* -- wrapping: may it leave? ---------------------------------------------------------------------- */

/*
 * Policy "standard": sensitive keys leave only where what arrives is known to be
 * what left. RSA without OAEP is not: whoever has the wrapped key can ask the
 * token, answer by answer, what is in it (Bleichenbacher 1998).
 */
static bool carries_sensitive(const struct mech *mech)
{
	if (mech->shape == SHAPE_PK_CRYPT)
		return mech->type != CKM_RSA_PKCS && mech->type != CKM_RSA_X_509;
	return mech->shape == SHAPE_AEAD || mech->shape == SHAPE_KEY_WRAP;
}

/* Private keys as PKCS#8 are of no block's length, and longer than what a public key encrypts at once. */
static bool carries_private(const struct mech *mech)
{
	return mech->shape == SHAPE_AEAD || mech->shape == SHAPE_BLOCK_PAD || mech->shape == SHAPE_KEY_WRAP ||
		mech->type == CKM_RSA_AES_KEY_WRAP || carries_sm2_alone(mech);
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
	if (key->object_class == CKO_PRIVATE_KEY && !carries_private(op->mech))
		return CKR_KEY_NOT_WRAPPABLE;
	if (carries_sm2_alone(op->mech) && (key->object_class != CKO_PRIVATE_KEY || key->key_type != CKK_HUFU_SM2))
		return CKR_KEY_NOT_WRAPPABLE;
	return CKR_OK;
}

/* -- wrapping: the value ------------------------------------------------------------------------------ */

/* Devices give other keys as PKCS#8, but SM2's as the number that it is. */
static CK_RV sm2_pkcs8_of(const struct object *key, uint8_t **value, size_t *len)
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

/*
 * ECB and CBC: the key is "padded on the trailing end with null bytes so that
 * the resulting length is a multiple of the block size".
 */
static size_t padded_len(const struct mech *mech, size_t len)
{
	return mech->shape == SHAPE_BLOCK ? (len + BLOCK_LEN - 1) / BLOCK_LEN * BLOCK_LEN : len;
}

static CK_RV pad(const struct mech *mech, uint8_t **value, size_t *len)
{
	size_t padded = padded_len(mech, *len);
	if (padded == *len)
		return CKR_OK;
	uint8_t *longer = secret_alloc(padded);
	if (!longer)
		return CKR_HOST_MEMORY;
	memcpy(longer, *value, *len);
	secret_free(*value);
	*value = longer;
	*len = padded;
	return CKR_OK;
}

/* What travels; secret_free it, whatever the code. */
static CK_RV export(const struct mech *mech, struct object *key, uint8_t **value, size_t *len)
{
	*value = NULL;
	CK_RV rv = key_export(key, value, len);
	if (rv == CKR_OK && key->object_class == CKO_PRIVATE_KEY && key->key_type == CKK_HUFU_SM2)
		rv = sm2_pkcs8_of(key, value, len);
	return rv == CKR_OK ? pad(mech, value, len) : rv;
}

/* Its length; a secret key's tells itself. */
static CK_RV exported_len(const struct mech *mech, struct object *key, size_t *len)
{
	uint8_t *value;
	if (key->object_class == CKO_SECRET_KEY) {
		*len = padded_len(mech, attrs_ulong(&key->attrs, CKA_VALUE_LEN, 0));
		return CKR_OK;
	}
	CK_RV rv = export(mech, key, &value, len);
	secret_free(value);
	return rv;
}

static CK_RV wrap_rv(CK_RV rv)
{
	return rv == CKR_DATA_LEN_RANGE ? CKR_KEY_SIZE_RANGE : rv;
}

static CK_RV wrap(struct session *s, struct operation *op, struct object *key, CK_BYTE *out, CK_ULONG *out_len)
{
	uint8_t *value = NULL;
	size_t len, n;
	CK_RV rv = may_leave(op, key);
	if (rv != CKR_OK)
		return rv;
	if (out) {
		rv = policy_use(s, op->mech, op->key, CKF_WRAP);
		if (rv == CKR_OK)
			rv = export(op->mech, key, &value, &len);
		if (rv == CKR_OK)
			rv = run(op, value, len, out, *out_len, &n);
	} else {
		rv = exported_len(op->mech, key, &len);
		if (rv == CKR_OK)
			rv = run(op, NULL, len, NULL, 0, &n);
	}
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

/*
 * What came may be longer than the key: a block mode fills up behind it, raw RSA
 * before it. CKA_VALUE_LEN says how long it is, or the type where it has one
 * length; the latter only where no more than the padding is lost.
 */
static CK_RV cut(const struct operation *op, const struct plan *plan, const uint8_t **value, size_t *len)
{
	const struct rule_set *set = rules_find(plan->object_class, plan->key_type);
	bool block = op->mech->shape == SHAPE_BLOCK, raw_rsa = op->mech->type == CKM_RSA_X_509;
	if (!set)
		return CKR_TEMPLATE_INCONSISTENT;
	bool one_length = set->value_min == set->value_max && padded_len(op->mech, set->value_min) == *len;
	CK_ULONG asked = attrs_ulong(&plan->attrs, CKA_VALUE_LEN, one_length ? set->value_min : *len);
	if (asked > *len || (asked < *len && !block && !raw_rsa))
		return CKR_TEMPLATE_INCONSISTENT;
	if (raw_rsa)
		*value += *len - asked;
	*len = asked;
	return rules_value_fits(set, asked) ? CKR_OK : CKR_WRAPPED_KEY_LEN_RANGE;
}

static CK_RV set_value(struct plan *plan, const uint8_t *value, size_t len)
{
	return attrs_set(&plan->material, CKA_VALUE, value, len) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV import_secret(struct session *s, const struct operation *op, struct plan *plan, const uint8_t *value, size_t len,
                           struct copies *copies, struct material *material)
{
	CK_RV rv = cut(op, plan, &value, &len);
	if (rv == CKR_OK)
		rv = set_value(plan, value, len);
	return rv == CKR_OK ? material_import(s, plan, copies, material) : rv;
}

/* What it tells of its public half must be true. */
static CK_RV import_sm2(struct session *s, struct plan *plan, const uint8_t *der, size_t len, struct copies *copies,
                        struct material *material)
{
	uint8_t d[32], point[64];
	bool have_point;
	CK_RV rv = CKR_WRAPPED_KEY_INVALID;
	if (asn1_pkcs8_decode(der, len, d, point, &have_point))
		rv = set_value(plan, d, sizeof d);
	secret_wipe(d, sizeof d);
	if (rv == CKR_OK)
		rv = material_import(s, plan, copies, material);
	if (rv == CKR_OK && have_point && (copies->pub_len != 64 || memcmp(copies->pub, point, 64) != 0))
		rv = CKR_WRAPPED_KEY_INVALID;
	return rv;
}

/* 5.18.4: what is "recognizably not a wrapped key of the proper type" is CKR_WRAPPED_KEY_INVALID. */
static CK_RV import_private(struct session *s, struct plan *plan, const uint8_t *der, size_t len, struct copies *copies,
                            struct material *material)
{
	struct key_form form;
	if (plan->key_type == CKK_HUFU_SM2)
		return import_sm2(s, plan, der, len, copies, material);
	if (!key_form_read_private(der, len, &form) || form.type != plan->key_type)
		return CKR_WRAPPED_KEY_INVALID;
	return material_import_form(s, plan, &form, copies, material);
}

static CK_RV import(struct session *s, const struct operation *op, struct plan *plan, const uint8_t *value, size_t len,
                    CK_OBJECT_HANDLE *handle)
{
	struct copies copies = {.n = 0};
	struct material material;
	CK_RV rv = plan->object_class == CKO_SECRET_KEY ? import_secret(s, op, plan, value, len, &copies, &material) :
	                                                  import_private(s, plan, value, len, &copies, &material);
	if (rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_KEY_SIZE_RANGE)
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = object_commit(s, plan, &material, NULL, handle);
	copies_clear(&copies);
	return rv;
}

static CK_RV unwrap_rv(CK_RV rv)
{
	if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

static CK_RV plan_unwrapped(struct session *s, const struct operation *op, CK_KEY_TYPE type, const struct merged *merged,
                            struct plan **plan)
{
	CK_RV rv = object_plan(s, ORIGIN_UNWRAP, CK_UNAVAILABLE_INFORMATION, type, merged->list, merged->n, plan);
	if (rv != CKR_OK)
		return rv;
	bool fits = ((*plan)->object_class == CKO_SECRET_KEY && !carries_sm2_alone(op->mech)) ||
		((*plan)->object_class == CKO_PRIVATE_KEY && carries_private(op->mech));
	return fits ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

/* SM2 keys may be asked for as CKK_EC; footnote 6 leaves it to the wrapped key to tell its curve. */
static CK_RV replan(struct session *s, const struct operation *op, const struct merged *merged, const uint8_t *value, size_t len,
                    struct plan **plan)
{
	struct key_form form;
	if ((*plan)->object_class != CKO_PRIVATE_KEY || (*plan)->key_type != CKK_EC ||
	    !key_form_read_private(value, len, &form) || form.type != CKK_HUFU_SM2)
		return CKR_OK;
	plan_free(*plan);
	*plan = NULL;
	return plan_unwrapped(s, op, CKK_HUFU_SM2, merged, plan);
}

/* -- in the device: the value is never on this host ---------------------------------------------------------- */

/*
 * What a device takes as it comes, and how long the key is that is in it. False: its length does not follow from that, or
 * it is the host that must look at what comes out.
 */
static bool carried_len(const struct operation *op, size_t len, size_t *carried)
{
	size_t overhead = op->mech->shape == SHAPE_PK_CRYPT ? ASN1_CIPHER_RAW_OVERHEAD : 0;
	bool sm2 = op->mech->shape == SHAPE_PK_CRYPT && op->mech->key_types[0] == CKK_HUFU_SM2;
	*carried = len - overhead;
	return (sm2 || op->mech->shape == SHAPE_BLOCK) && op->mech->device_mechanism != ON_HOST && len > overhead;
}

/* It is taken whole, as no padding: that can be cut off here alone. */
static bool fits_whole(const struct plan *plan, size_t carried)
{
	const struct rule_set *set = rules_find(plan->object_class, plan->key_type);
	return set && rules_value_fits(set, carried) && attrs_ulong(&plan->attrs, CKA_VALUE_LEN, carried) == carried;
}

static CK_RV open_in_device(struct session *s, struct operation *op, const struct plan *plan, const uint8_t *in, size_t len,
                            struct copies *copies, struct material *material)
{
	struct pool_request *req = operation_request(op, HUFU_VERB_UNWRAP);
	size_t carried;
	*material = (struct material){.copies = copies, .mechanism = CK_UNAVAILABLE_INFORMATION};
	CK_RV rv = op->mech->shape == SHAPE_PK_CRYPT ? crypt_pk_raw(op, in, len, &in, &len) : CKR_OK;
	if (rv != CKR_OK)
		return rv;
	if (!carried_len(op, len, &carried) || !fits_whole(plan, carried) ||
	    !object_material_type(plan->object_class, plan->key_type, &req->op.new_type))
		return CKR_FUNCTION_NOT_SUPPORTED;
	material->value_len = carried;
	req->op.in = in;
	req->op.in_len = len;
	return copies_unwrap(s->token, copy_policy_of(&plan->attrs), req, copies);
}

/* 4.10.2: one that the template gives must be compared; what the device cannot say of its key, the value tells this host. */
static bool check_is_known(const struct plan *plan, const struct material *material)
{
	const CK_ATTRIBUTE *given = attrs_get(&plan->attrs, CKA_CHECK_VALUE);
	return material->have_check_value || !given || given->ulValueLen == 0;
}

/* CKR_FUNCTION_NOT_SUPPORTED: none does it; there is the way over this host. */
static CK_RV unwrap_in_device(struct session *s, struct operation *op, struct plan *plan, const uint8_t *in, size_t len,
                              CK_OBJECT_HANDLE *handle)
{
	struct copies copies = {.n = 0};
	struct material material;
	uint8_t id[16];
	size_t carried;
	if (plan->object_class != CKO_SECRET_KEY || !carried_len(op, len, &carried))
		return CKR_FUNCTION_NOT_SUPPORTED;
	CK_RV rv = open_in_device(s, op, plan, in, len, &copies, &material);
	if (rv == CKR_OK)
		rv = rv_of(rand_bytes(id, sizeof id));
	if (rv == CKR_OK) {
		material_ask_check_value(s->token, id, plan, &material);
		rv = check_is_known(plan, &material) ? object_commit(s, plan, &material, id, handle) : CKR_FUNCTION_NOT_SUPPORTED;
	}
	copies_clear(&copies);
	return rv;
}

static CK_RV unwrap_on_host(struct session *s, struct operation *op, const struct merged *merged, struct plan **plan, const uint8_t *in,
                            size_t len, CK_OBJECT_HANDLE *handle)
{
	uint8_t *value = secret_alloc(len ? len : 1);
	size_t value_len;
	if (!value)
		return CKR_HOST_MEMORY;
	CK_RV rv = run(op, in, len, value, len, &value_len);
	if (rv == CKR_OK)
		rv = replan(s, op, merged, value, value_len, plan);
	if (rv == CKR_OK)
		rv = import(s, op, *plan, value, value_len, handle);
	secret_free(value);
	return rv;
}

static CK_RV unwrap(struct session *s, struct operation *op, const struct merged *merged, const uint8_t *in, size_t len,
                    CK_OBJECT_HANDLE *handle)
{
	struct plan *plan = NULL;
	CK_RV rv = plan_unwrapped(s, op, CK_UNAVAILABLE_INFORMATION, merged, &plan);
	if (rv == CKR_OK)
		rv = policy_use(s, op->mech, op->key, CKF_UNWRAP);
	if (rv == CKR_OK) {
		rv = unwrap_rv(unwrap_in_device(s, op, plan, in, len, handle));
		if (rv == CKR_FUNCTION_NOT_SUPPORTED)
			rv = unwrap_rv(unwrap_on_host(s, op, merged, &plan, in, len, handle));
	}
	plan_free(plan);
	return rv;
}

CK_RV key_unwrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
                 const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	struct operation *op;
	struct merged merged = {0};
	CK_RV rv = begin(s, OP_DECRYPT, m, &use_unwrap, unwrapping, &op);
	if (rv != CKR_OK)
		return rv;
	rv = merge_template(op->key, CKA_UNWRAP_TEMPLATE, templ, n, &merged);
	if (rv == CKR_OK)
		rv = unwrap(s, op, &merged, in, len, handle);
	merged_clear(&merged);
	operation_free(op);
	return rv;
}

/* -- bytes ------------------------------------------------------------------------------------------------- */

static CK_RV run_bytes(struct session *s, struct operation *op, CK_FLAGS use, CK_ATTRIBUTE_TYPE restricts, const uint8_t *in,
                       size_t len, uint8_t *out)
{
	size_t n;
	if (!op->key->by_login || attrs_get(&op->key->attrs, restricts))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (op->mech->shape != SHAPE_BLOCK)
		return CKR_MECHANISM_INVALID;
	CK_RV rv = policy_use(s, op->mech, op->key, use);
	return rv == CKR_OK ? run(op, in, len, out, len, &n) : rv;
}

CK_RV key_wrap_bytes(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, const CK_BYTE *in, CK_ULONG len,
                     CK_BYTE *out)
{
	struct operation *op;
	CK_RV rv = begin(s, OP_ENCRYPT, m, &use_wrap, wrapping, &op);
	if (rv != CKR_OK)
		return rv;
	rv = wrap_rv(run_bytes(s, op, CKF_WRAP, CKA_WRAP_TEMPLATE, in, len, out));
	operation_free(op);
	return rv;
}

CK_RV key_unwrap_bytes(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
                       CK_BYTE *out)
{
	struct operation *op;
	CK_RV rv = begin(s, OP_DECRYPT, m, &use_unwrap, unwrapping, &op);
	if (rv != CKR_OK)
		return rv;
	rv = unwrap_rv(run_bytes(s, op, CKF_UNWRAP, CKA_UNWRAP_TEMPLATE, in, len, out));
	operation_free(op);
	return rv;
}
