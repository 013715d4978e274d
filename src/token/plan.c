/* SPDX-License-Identifier: Apache-2.0 */
/* From a template to all that an object will be, before any key is made (PKCS#11 3.1 4.1.1). */
#include "base/log.h"
#include "token/certificate.h"
#include "token/draft.h"
#include "token/key_form.h"
#include "token/object.h"
#include "token/point.h"
#include "token/policy.h"
#include "token/rules.h"
#include "token/vendor.h"

#include <stdlib.h>
#include <string.h>

/* -- what is it? ---------------------------------------------------------------- */

static const CK_ATTRIBUTE *in_template(const CK_ATTRIBUTE *list, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (list[i].type == type)
			return &list[i];
	return NULL;
}

/* What the template says, or what the mechanism contributes. */
static CK_RV one_of(const CK_ATTRIBUTE *given, CK_ULONG contributed, CK_ULONG *value)
{
	*value = contributed;
	if (!given)
		return contributed == CK_UNAVAILABLE_INFORMATION ? CKR_TEMPLATE_INCOMPLETE : CKR_OK;
	memcpy(value, given->pValue, sizeof *value);
	return contributed == CK_UNAVAILABLE_INFORMATION || *value == contributed ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

static bool has_curve(CK_KEY_TYPE type)
{
	return type == CKK_EC || type == CKK_EC_EDWARDS || type == CKK_EC_MONTGOMERY || type == CKK_HUFU_SM2;
}

/*
 * SM2 keys are spelled CKK_HUFU_SM2, or CKK_EC with the curve's OID; the first
 * is what objects hold inside.
 */
static CK_RV take_curve(struct plan *plan, const CK_ATTRIBUTE *params, CK_ULONG *kind)
{
	CK_RV rv = curve_of_params(params->pValue, params->ulValueLen, &plan->curve);
	if (rv != CKR_OK)
		return rv;
	if (*kind == CKK_EC && plan->curve->key_type == CKK_HUFU_SM2)
		*kind = CKK_HUFU_SM2;
	return plan->curve->key_type == *kind ? CKR_OK : CKR_CURVE_NOT_SUPPORTED;
}

/* made: what the mechanism makes. An elliptic curve's makes an SM2 key where the template names that curve. */
static CK_RV key_kind(struct plan *plan, CK_KEY_TYPE made, const CK_ATTRIBUTE *list, CK_ULONG n, CK_ULONG *kind)
{
	const CK_ATTRIBUTE *type = in_template(list, n, CKA_KEY_TYPE), *params = in_template(list, n, CKA_EC_PARAMS);
	CK_RV rv = one_of(type, CK_UNAVAILABLE_INFORMATION, kind);
	if (rv == CKR_TEMPLATE_INCOMPLETE && made != CK_UNAVAILABLE_INFORMATION) {
		*kind = made;
		rv = CKR_OK;
	}
	if (rv != CKR_OK)
		return rv;
	if (*kind == CKK_EC && !params && plan->origin == ORIGIN_CREATE)
		return CKR_TEMPLATE_INCOMPLETE;
	if (*kind == CKK_EC && made == CKK_HUFU_SM2)
		*kind = CKK_HUFU_SM2;
	if (params && has_curve(*kind)) {
		rv = take_curve(plan, params, kind);
		if (rv != CKR_OK)
			return rv;
	}
	bool fits = made == CK_UNAVAILABLE_INFORMATION || made == *kind || (made == CKK_EC && *kind == CKK_HUFU_SM2);
	return fits ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

static CK_RV kind_of(struct plan *plan, CK_KEY_TYPE made, const CK_ATTRIBUTE *list, CK_ULONG n, CK_ULONG *kind)
{
	*kind = CK_UNAVAILABLE_INFORMATION;
	if (plan->object_class == CKO_DATA)
		return CKR_OK;
	if (plan->object_class == CKO_CERTIFICATE)
		return one_of(in_template(list, n, CKA_CERTIFICATE_TYPE), CK_UNAVAILABLE_INFORMATION, kind);
	return key_kind(plan, made, list, n, kind);
}

/* 4.3, 4.12 to 4.14: what the token has, and no application makes. */
static CK_RV unknown_class(CK_OBJECT_CLASS object_class)
{
	bool the_tokens = object_class == CKO_HW_FEATURE || object_class == CKO_MECHANISM || object_class == CKO_PROFILE ||
	                  object_class == CKO_VALIDATION;
	return the_tokens ? CKR_TEMPLATE_INCONSISTENT : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* hufu.conf(5), des3: keys of it come in only where old data must be opened. */
static bool taken_in(const struct token *token, CK_OBJECT_CLASS object_class, CK_ULONG kind)
{
	return object_class != CKO_SECRET_KEY || kind != CKK_DES3 || token->conf->des3 == CONF_DES3_READ;
}

static CK_RV identify(struct plan *plan, const struct token *token, CK_OBJECT_CLASS made, CK_KEY_TYPE made_type,
                      const CK_ATTRIBUTE *list, CK_ULONG n, const struct rule_set **set)
{
	CK_ULONG kind;
	CK_RV rv = one_of(in_template(list, n, CKA_CLASS), made, &plan->object_class);
	if (rv != CKR_OK)
		return rv;
	if (!rules_know_class(plan->object_class))
		return unknown_class(plan->object_class);
	rv = kind_of(plan, made_type, list, n, &kind);
	if (rv != CKR_OK)
		return rv;
	*set = rules_find(plan->object_class, kind);
	if (!*set || !taken_in(token, plan->object_class, kind))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	plan->key_type = plan->object_class == CKO_CERTIFICATE ? CK_UNAVAILABLE_INFORMATION : kind;
	return CKR_OK;
}

/* -- attributes ------------------------------------------------------------------ */

static CK_RV set_or_memory(bool ok)
{
	return ok ? CKR_OK : CKR_HOST_MEMORY;
}

/* The device that takes the key in looks whether other curves' points lie on them. */
static CK_RV check_point(const struct plan *plan, const CK_ATTRIBUTE *a, struct der_view *point)
{
	static const struct der_view sm2_oid = {(const uint8_t *)HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN};
	const struct curve *curve = plan->key_type == CKK_HUFU_SM2 ? curve_of_oid(sm2_oid) : plan->curve;
	if (!curve)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!curve_point_decode(curve, a->pValue, a->ulValueLen, point))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return plan->key_type != CKK_HUFU_SM2 || point_on_curve(point->p + 1) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* Stored as the OCTET STRING, whichever way it came. */
static CK_RV take_point(struct plan *plan, const CK_ATTRIBUTE *a)
{
	struct der_view point;
	uint8_t der[CURVE_POINT_DER_MAX];
	CK_RV rv = check_point(plan, a, &point);
	if (rv != CKR_OK)
		return rv;
	size_t len = curve_point_encode(point, der);
	return set_or_memory(attrs_set(&plan->attrs, CKA_EC_POINT, der, len));
}

/* Stored as the OID, whichever way it came. */
static CK_RV take_params(struct plan *plan)
{
	const struct curve *curve = plan->curve;
	return set_or_memory(!curve || attrs_set(&plan->attrs, CKA_EC_PARAMS, curve->oid.p, curve->oid.len));
}

static CK_RV take_number(struct plan *plan, const CK_ATTRIBUTE *a)
{
	struct der_view number = key_form_number(a);
	return number.len ? set_or_memory(attrs_set(&plan->attrs, a->type, number.p, number.len)) : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV check_len(const struct rule_set *set, CK_ULONG len)
{
	return rules_value_fits(set, len) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV take(struct plan *plan, const struct rule_set *set, const CK_ATTRIBUTE *a)
{
	const struct rule *rule = rules_get(set, a->type);
	CK_RV rv = CKR_OK;
	CK_ULONG len;

	if (a->type == CKA_CLASS || a->type == CKA_KEY_TYPE)
		return CKR_OK; /* identify has looked at it */
	if (a->type == CKA_EC_PARAMS)
		return take_params(plan);
	if (a->type == CKA_EC_POINT)
		return take_point(plan, a);
	if (a->type == CKA_MODULUS || a->type == CKA_PUBLIC_EXPONENT)
		return take_number(plan, a);
	if (rule->flags & F7) {
		rv = check_len(set, a->ulValueLen);
		return rv == CKR_OK ? set_or_memory(attrs_set(&plan->material, a->type, a->pValue, a->ulValueLen)) : rv;
	}
	if (a->type == CKA_VALUE_LEN) {
		memcpy(&len, a->pValue, sizeof len);
		rv = check_len(set, len);
	}
	if (a->ulValueLen == 0 && (rule->fallback == DEFAULT_EMPTY || a->type == CKA_PUBLIC_KEY_INFO))
		return rv;
	return rv == CKR_OK ? set_or_memory(attrs_set(&plan->attrs, a->type, a->pValue, a->ulValueLen)) : rv;
}

static bool set_default(struct attrs *attrs, const struct rule *rule)
{
	switch (rule->fallback) {
	case DEFAULT_FALSE: return attrs_set_bool(attrs, rule->type, false);
	case DEFAULT_TRUE: return attrs_set_bool(attrs, rule->type, true);
	case DEFAULT_ZERO: return attrs_set_ulong(attrs, rule->type, 0);
	case DEFAULT_CURVE: return attrs_set(attrs, rule->type, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN);
	case DEFAULT_NONE:
	case DEFAULT_EMPTY:
	case DEFAULT_LATER: break;
	}
	return true;
}

static bool set_kind(struct plan *plan)
{
	return attrs_set_ulong(&plan->attrs, CKA_CLASS, plan->object_class) &&
	       (plan->key_type == CK_UNAVAILABLE_INFORMATION || attrs_set_ulong(&plan->attrs, CKA_KEY_TYPE, plan->key_type));
}

static bool set_defaults(struct plan *plan, const struct rule_set *set)
{
	const struct rule *rule;
	bool ok = true;
	for (size_t i = 0; ok && (rule = rules_at(set, i)) != NULL; i++)
		if (!attrs_get(&plan->attrs, rule->type))
			ok = set_default(&plan->attrs, rule);
	return ok;
}

bool plan_set_defaults(struct plan *plan)
{
	const struct rule_set *set = rules_find(plan->object_class, plan->key_type);
	return set && set_kind(plan) && set_defaults(plan, set);
}

static CK_RV fill(struct plan *plan, const struct rule_set *set, const CK_ATTRIBUTE *list, CK_ULONG n)
{
	bool ok = set_kind(plan);
	for (CK_ULONG i = 0; ok && i < n; i++) {
		CK_RV rv = take(plan, set, &list[i]);
		if (rv != CKR_OK)
			return rv;
	}
	return set_or_memory(ok && set_defaults(plan, set));
}

static CK_RV check_whole(struct plan *plan)
{
	/* 4.9: the PIN that each use asks for is the user's. */
	if (attrs_bool(&plan->attrs, CKA_ALWAYS_AUTHENTICATE, false) && !plan->private_object)
		return CKR_TEMPLATE_INCONSISTENT;
	if (plan->object_class == CKO_CERTIFICATE)
		return certificate_complete(&plan->attrs);
	return CKR_OK;
}

/* -- where may it live? ---------------------------------------------------------------- */

/* Where the objects live on machines it is theirs to say what makes keys. */
static bool wants_hardware(const struct token *token)
{
	switch (token->conf->pool.hardware_only) {
	case CONF_HARDWARE_YES: return true;
	case CONF_HARDWARE_NO: return false;
	case CONF_HARDWARE_AUTO: break;
	}
	return token->conf->engine != CONF_STORE_NET && !pool_is_software(token->pool);
}

/* What the template does not say, the configuration does; once and for all. */
static CK_RV decide_hardware(struct plan *plan, const struct token *token, const CK_ATTRIBUTE *list, CK_ULONG n)
{
	if (plan->object_class != CKO_PRIVATE_KEY && plan->object_class != CKO_SECRET_KEY)
		return CKR_OK;
	if (!in_template(list, n, CKA_HUFU_HARDWARE_ONLY) && wants_hardware(token) &&
	    !attrs_set_bool(&plan->attrs, CKA_HUFU_HARDWARE_ONLY, true))
		return CKR_HOST_MEMORY;
	if (!attrs_bool(&plan->attrs, CKA_HUFU_HARDWARE_ONLY, false) || !pool_is_software(token->pool))
		return CKR_OK;
	log_error("token \"%s\": a key that is to be hardware-only is not made: all its devices are software. Add one that is "
	          "not, or set hardware_only = no (hufu.conf), CKA_HUFU_HARDWARE_ONLY to false",
	          token->conf->name ? token->conf->name : "");
	return CKR_TEMPLATE_INCONSISTENT;
}

/* -- whose is it? ----------------------------------------------------------------- */

/* 5.6.1, table 6: who may make what. The SO makes public objects only. */
CK_RV draft_allowed(struct session *s, bool on_token, bool private_object)
{
	if (private_object && token_login(s->token) != LOGIN_USER)
		return CKR_USER_NOT_LOGGED_IN;
	return on_token && !session_rw(s) ? CKR_SESSION_READ_ONLY : CKR_OK;
}

/* templ in our own numbers, checked. */
static CK_RV draw(struct session *s, struct plan *plan, CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type,
                  const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	const struct rule_set *set;
	CK_RV rv = identify(plan, s->token, object_class, key_type, templ, n, &set);
	if (rv == CKR_OK)
		rv = rules_check_new(set, plan->origin, token_login(s->token), templ, n);
	if (rv == CKR_OK)
		rv = fill(plan, set, templ, n);
	if (rv == CKR_OK)
		rv = decide_hardware(plan, s->token, templ, n);
	if (rv == CKR_OK) {
		plan->on_token = attrs_bool(&plan->attrs, CKA_TOKEN, false);
		plan->private_object = attrs_bool(&plan->attrs, CKA_PRIVATE, false);
		rv = check_whole(plan);
	}
	if (rv == CKR_OK)
		rv = policy_check_new(s->token, plan);
	return rv == CKR_OK ? draft_allowed(s, plan->on_token, plan->private_object) : rv;
}

CK_RV object_plan(struct session *s, enum origin origin, CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type,
                  const CK_ATTRIBUTE *templ, CK_ULONG n, struct plan **out)
{
	struct own_template own;
	CK_RV rv = vendor_take_template(s->token->conf, templ, n, &own);
	if (rv != CKR_OK)
		return rv;
	struct plan *plan = calloc(1, sizeof *plan);
	if (plan) {
		plan->origin = origin;
		attrs_init(&plan->attrs, true); /* whether it is private comes out below */
		attrs_init(&plan->material, true);
	}
	rv = plan ? draw(s, plan, object_class, key_type, own.list, own.n) : CKR_HOST_MEMORY;
	own_template_clear(&own);
	if (rv != CKR_OK) {
		plan_free(plan);
		return rv;
	}
	*out = plan;
	return CKR_OK;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	attrs_clear(&plan->attrs);
	attrs_clear(&plan->material);
	free(plan);
}
