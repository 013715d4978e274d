/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_DeriveKey (PKCS#11 3.1 5.18.5), and the keys that C_GenerateKey makes of a
 * password. What the value is stands in derive_value.c; here, who may, and what
 * becomes of it.
 */
#include "base/secret.h"
#include "token/derive.h"
#include "token/derive_impl.h"
#include "token/merge.h"
#include "token/operation_impl.h"
#include "token/rules.h"

static const struct key_use use_derive = {CKF_DERIVE, CKA_DERIVE, CKO_PRIVATE_KEY, CKR_KEY_HANDLE_INVALID,
                                          CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE};

/* CKA_ALWAYS_AUTHENTICATE: there is no Init that a login could follow. */
static bool wants_login(const struct object *key)
{
	return key->object_class == CKO_PRIVATE_KEY && attrs_bool(&key->attrs, CKA_ALWAYS_AUTHENTICATE, false);
}

CK_RV derive_second(struct derivation *d, CK_OBJECT_HANDLE handle)
{
	CK_RV rv = object_find(d->session, handle, CKR_KEY_HANDLE_INVALID, &d->second);
	if (rv == CKR_OK && d->second->object_class != CKO_SECRET_KEY)
		return CKR_KEY_TYPE_INCONSISTENT;
	return rv == CKR_OK && !d->second->key ? CKR_USER_NOT_LOGGED_IN : rv;
}

CK_RV derive_second_private(struct derivation *d, CK_OBJECT_HANDLE handle)
{
	CK_RV rv = operation_find_key(d->session, d->mech, &use_derive, handle, &d->second);
	return rv == CKR_OK && wants_login(d->second) ? CKR_USER_NOT_LOGGED_IN : rv;
}

/* -- how long? ------------------------------------------------------------------------ */

/* 0: neither key type nor template says. A length that the type does not have is found when the key is made. */
static CK_RV wanted_len(const struct plan *plan, size_t *len)
{
	const struct rule_set *set = rules_find(plan->object_class, plan->key_type);
	CK_ULONG asked = attrs_ulong(&plan->attrs, CKA_VALUE_LEN, 0);
	if (plan->object_class != CKO_SECRET_KEY || !set)
		return CKR_TEMPLATE_INCONSISTENT;
	*len = asked ? asked : set->value_min == set->value_max ? set->value_min : 0;
	return *len && (*len < set->value_min || *len > set->value_max) ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
}

/* -- the key ---------------------------------------------------------------------------- */

/* 6.43: a key is as its ancestors always were, at best. Without ancestors (a password) it was never secret before. */
static bool always(const struct derivation *d, CK_ATTRIBUTE_TYPE type)
{
	if (!d->base || !attrs_bool(&d->base->attrs, type, false))
		return false;
	return !d->second || attrs_bool(&d->second->attrs, type, false);
}

static CK_RV commit(struct derivation *d, struct plan *plan, CK_OBJECT_HANDLE *handle)
{
	struct copies copies;
	struct material material;
	if (!attrs_set(&plan->material, CKA_VALUE, d->value, d->len))
		return CKR_HOST_MEMORY;
	CK_RV rv = material_import(d->session, plan, &copies, &material);
	if (!d->base)
		material.mechanism = d->mech->type;
	material.always_sensitive = always(d, CKA_ALWAYS_SENSITIVE);
	material.never_extractable = always(d, CKA_NEVER_EXTRACTABLE);
	if (rv == CKR_OK)
		rv = object_commit(d->session, plan, &material, NULL, handle);
	copies_clear(&copies);
	return rv;
}

static CK_RV make(struct derivation *d, struct plan *plan, CK_RV (*compute)(struct derivation *), CK_OBJECT_HANDLE *handle)
{
	CK_RV rv = wanted_len(plan, &d->wanted);
	if (rv != CKR_OK)
		return rv;
	d->value = secret_alloc(DERIVE_MAX);
	if (!d->value)
		return CKR_HOST_MEMORY;
	rv = compute(d);
	if (rv == CKR_OK)
		rv = commit(d, plan, handle);
	secret_free(d->value);
	object_rele(d->second);
	return rv;
}

CK_RV key_from_password(struct session *s, const struct mech *mech, const CK_MECHANISM *m, struct plan *plan,
                        CK_OBJECT_HANDLE *handle)
{
	struct derivation d = {.session = s, .mech = mech, .m = m};
	return make(&d, plan, derive_from_password, handle);
}

/* -- deriving ------------------------------------------------------------------------------ */

static bool gives(const struct merged *merged, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < merged->n; i++)
		if (merged->list[i].type == type)
			return true;
	return false;
}

/* 6.43: "If no length or key type is provided in the template, then the key produced will be a generic secret key." */
static CK_RV plan_key(struct derivation *d, const CK_ATTRIBUTE *templ, CK_ULONG n, struct plan **plan)
{
	struct merged merged;
	CK_RV rv = merge_template(d->base, CKA_DERIVE_TEMPLATE, templ, n, &merged);
	CK_KEY_TYPE type = rv == CKR_OK && gives(&merged, CKA_KEY_TYPE) ? CK_UNAVAILABLE_INFORMATION : CKK_GENERIC_SECRET;
	if (rv == CKR_OK)
		rv = object_plan(d->session, ORIGIN_DERIVE, CKO_SECRET_KEY, type, merged.list, merged.n, plan);
	merged_clear(&merged);
	return rv;
}

static CK_RV derive(struct derivation *d, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	struct plan *plan = NULL;
	if (wants_login(d->base))
		return CKR_USER_NOT_LOGGED_IN;
	CK_RV rv = plan_key(d, templ, n, &plan);
	if (rv == CKR_OK)
		rv = make(d, plan, derive_value, handle);
	plan_free(plan);
	return rv;
}

CK_RV key_derive(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *templ, CK_ULONG n,
                 CK_OBJECT_HANDLE *handle)
{
	struct own_mechanism own;
	struct derivation d = {.session = s, .m = &own.m};
	CK_RV rv = mech_check(s->token, m, CKF_DERIVE, &own, &d.mech);
	if (rv == CKR_OK)
		rv = operation_find_key(s, d.mech, &use_derive, base, &d.base);
	if (rv != CKR_OK)
		return rv;
	rv = derive(&d, templ, n, handle);
	object_rele(d.base);
	return rv;
}
