/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: any template becomes a plan all of whose attributes are sound and have
 * a rule, with no key material among them, or is refused with one of the codes
 * that object.h names. Input: origin, login, flags, 1 byte each, then attributes
 * in the portable form: type, 8 bytes; length, 4 bytes; value.
 */
#include "token/policy.h"
#include "token/rules.h"

#include "fuzz.h"

#include <string.h>

/* Planning sets no latch. */
CK_RV object_latch(struct session *s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE latch, const struct barred *barred)
{
	(void)s;
	(void)handle;
	(void)latch;
	(void)barred;
	abort();
}

/* The token's devices are software, or not: the pool is not made. */
static bool all_software;

bool pool_is_software(struct pool *pool)
{
	(void)pool;
	return all_software;
}

static const struct rule_set *check_plan(const struct plan *plan)
{
	CK_ULONG kind = plan->object_class == CKO_CERTIFICATE ? attrs_ulong(&plan->attrs, CKA_CERTIFICATE_TYPE, 0) : plan->key_type;
	const struct rule_set *set = rules_find(plan->object_class, kind);
	if (!set || template_check(plan->attrs.list, plan->attrs.n) != CKR_OK)
		abort();
	for (size_t i = 0; i < plan->attrs.n; i++) {
		const struct rule *rule = rules_get(set, plan->attrs.list[i].type);
		if (!rule || rule->flags & F7)
			abort();
	}
	if (plan->private_object != attrs_bool(&plan->attrs, CKA_PRIVATE, !plan->private_object))
		abort();
	return set;
}

static void check_code(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
	case CKR_ARGUMENTS_BAD:
	case CKR_ATTRIBUTE_READ_ONLY:
	case CKR_ATTRIBUTE_TYPE_INVALID:
	case CKR_ATTRIBUTE_VALUE_INVALID:
	case CKR_CURVE_NOT_SUPPORTED:
	case CKR_SESSION_READ_ONLY:
	case CKR_TEMPLATE_INCOMPLETE:
	case CKR_TEMPLATE_INCONSISTENT:
	case CKR_USER_NOT_LOGGED_IN: return;
	default: abort();
	}
}

static void try_plan(struct session *s, enum origin origin, const CK_ATTRIBUTE *list, CK_ULONG n)
{
	struct plan *plan;
	CK_RV rv = object_plan(s, origin, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, list, n, &plan);
	check_code(rv);
	if (rv != CKR_OK)
		return;
	const struct rule_set *set = check_plan(plan);
	check_code(rules_check_change(set, &plan->attrs, origin == ORIGIN_GENERATE, LOGIN_NONE, list, n));
	plan_free(plan);
}

/* Values as an application has them; a template within is taken as bytes that mean nothing, so it is left out. */
static bool next_attribute(struct reader *r, struct attrs *attrs)
{
	bool known;
	CK_ATTRIBUTE_TYPE type = (CK_ATTRIBUTE_TYPE)read_u64(r);
	uint32_t len = read_u32(r);
	const uint8_t *value = read_bytes(r, len);
	if (r->bad)
		return false;
	if (attr_decode(type, value, len, attrs))
		return true;
	return attr_kind(type, &known) == ATTR_TEMPLATE || attrs_set(attrs, type, value, len);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct conf_token conf = {.des3 = CONF_DES3_READ, .policy = CONF_POLICY_STRICT};
	struct token token = {.conf = &conf};
	struct session s = {.token = &token};
	struct attrs attrs;
	struct reader r = reader_of(data, len);
	enum origin origin = (enum origin)(read_u8(&r) % 4);
	atomic_init(&token.login, read_u8(&r) % 3);
	uint8_t flags = read_u8(&r);
	s.flags = flags & 1 ? CKF_RW_SESSION : 0;
	all_software = flags & 2;
	attrs_init(&attrs, false);
	while (r.left && next_attribute(&r, &attrs))
		;
	if (!r.bad)
		try_plan(&s, origin, attrs.list, attrs.n);
	attrs_clear(&attrs);
}
