/* SPDX-License-Identifier: Apache-2.0 */
/* C_CopyObject (PKCS#11 3.1 4.1.3, 5.7.2). */
#include "token/draft.h"
#include "token/policy.h"
#include "token/rules.h"

#include <string.h>

/* The uuid of a row on machines, which make copies of what it holds. One of a session ends with the row that it names. */
static bool names_a_row(const struct object *o, const struct pool_copy *copy)
{
	return o->token->conf->engine == CONF_STORE_NET && copy->kind == HUFU_COPY_INDEX;
}

/* A public key's only copy has no domain: the point, which is an attribute. One that lies in one place cannot have two owners. */
static CK_RV copies_of(const struct object *o, struct pool_copy copies[STORE_COPIES_MAX], size_t *n)
{
	const struct pool_copy *have;
	size_t nhave = o->key ? pool_key_copies(o->key, &have) : 0;
	*n = 0;
	for (size_t i = 0; i < nhave && *n < STORE_COPIES_MAX; i++) {
		if (!have[i].domain)
			continue;
		if (have[i].kind != HUFU_COPY_BLOB && have[i].kind != HUFU_COPY_RECIPE && !names_a_row(o, &have[i]))
			return CKR_ACTION_PROHIBITED;
		copies[(*n)++] = have[i];
	}
	return CKR_OK;
}

/* What the copies were sealed as stays true of them; what is stricter in the new object is added. */
static uint32_t policy_of(const struct object *o, const struct attrs *attrs)
{
	uint32_t policy = o->policy;
	if (attrs_bool(attrs, CKA_SENSITIVE, false))
		policy |= OBJECT_POLICY_SENSITIVE;
	if (attrs_bool(attrs, CKA_WRAP_WITH_TRUSTED, false))
		policy |= OBJECT_POLICY_WRAP_WITH_TRUSTED;
	return policy;
}

static CK_RV publish(struct session *s, const struct object *o, const struct attrs *attrs, CK_OBJECT_HANDLE *handle)
{
	struct pool_copy copies[STORE_COPIES_MAX];
	struct draft draft = {
		.on_token = attrs_bool(attrs, CKA_TOKEN, false), .private_object = attrs_bool(attrs, CKA_PRIVATE, false),
		.object_class = o->object_class, .key_type = o->key_type, .policy = policy_of(o, attrs), .attrs = attrs,
		.copies = copies, .unproven = draft_unproven(o, attrs),
	};
	CK_RV rv = draft_allowed(s, draft.on_token, draft.private_object);
	if (rv == CKR_OK)
		rv = copies_of(o, copies, &draft.ncopies);
	return rv == CKR_OK ? draft_publish(s, &draft, handle) : rv;
}

static CK_RV copy(struct session *s, const struct object *o, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	struct attrs attrs;
	const struct rule_set *set = rules_of(o);
	if (!attrs_bool(&o->attrs, CKA_COPYABLE, true) || !set)
		return CKR_ACTION_PROHIBITED;
	CK_RV rv = rules_check_change(set, &o->attrs, true, token_login(s->token), templ, n);
	if (rv == CKR_OK)
		rv = policy_check_change(o, templ, n);
	if (rv == CKR_OK)
		rv = policy_check_copy(o);
	if (rv != CKR_OK)
		return rv;
	attrs_init(&attrs, true); /* it may become private */
	rv = draft_change(&attrs, o, templ, n) ? draft_set_unique_id(&attrs) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = publish(s, o, &attrs, handle);
	attrs_clear(&attrs);
	return rv;
}

CK_RV object_copy(struct session *s, CK_OBJECT_HANDLE original, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	struct object *o;
	CK_RV rv = template_check(templ, n);
	if (rv == CKR_OK)
		rv = object_find(s, original, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	rv = copy(s, o, templ, n, handle);
	object_rele(o);
	return rv;
}
