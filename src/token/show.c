/* SPDX-License-Identifier: Apache-2.0 */
#include "token/show.h"
#include "base/secret.h"
#include "token/key_form.h"
#include "token/rules.h"

#include <string.h>

void shown_clear(struct shown *shown)
{
	secret_free(shown->exported);
	shown->exported = NULL;
}

static CK_RV show_number(struct shown *shown, CK_ULONG number)
{
	shown->number = number;
	shown->value = &shown->number;
	shown->len = sizeof shown->number;
	return CKR_OK;
}

static CK_RV show_flag(struct shown *shown, bool flag)
{
	shown->flag = flag ? CK_TRUE : CK_FALSE;
	shown->value = &shown->flag;
	shown->len = sizeof shown->flag;
	return CKR_OK;
}

/*
 * Footnote 7. The policy that the key's copies are sealed with is asked too: a
 * key that was made sensitive stays so.
 */
static bool revealable(const struct object *o)
{
	return !attrs_bool(&o->attrs, CKA_SENSITIVE, true) && attrs_bool(&o->attrs, CKA_EXTRACTABLE, false) &&
	       !(o->policy & OBJECT_POLICY_SENSITIVE);
}

/* The part of the exported form that the attribute is. */
static CK_RV show_part(const struct object *o, CK_ATTRIBUTE_TYPE type, struct shown *shown)
{
	struct key_form form;
	struct der_view part;
	shown->value = shown->exported;
	if (o->object_class == CKO_SECRET_KEY || o->key_type == CKK_HUFU_SM2)
		return CKR_OK;
	if (!key_form_read_private(shown->exported, shown->len, &form))
		return CKR_DEVICE_ERROR;
	if (!key_form_part(&form, type, &part))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	shown->value = part.p;
	shown->len = part.len;
	return CKR_OK;
}

static CK_RV show_material(struct object *o, CK_ATTRIBUTE_TYPE type, struct shown *shown)
{
	if (!revealable(o))
		return CKR_ATTRIBUTE_SENSITIVE;
	CK_RV rv = key_export(o, &shown->exported, &shown->len);
	if (rv == CKR_KEY_UNEXTRACTABLE) /* no device gives it away */
		return CKR_ATTRIBUTE_SENSITIVE;
	if (rv == CKR_OK)
		rv = show_part(o, type, shown);
	if (rv != CKR_OK)
		shown_clear(shown);
	return rv;
}

/* What is not stored, but had by every object of its kind. */
static CK_RV show_default(const struct rule *rule, struct shown *shown)
{
	switch (rule->fallback) {
	case DEFAULT_EMPTY: return CKR_OK;
	case DEFAULT_FALSE: return show_flag(shown, false);
	case DEFAULT_TRUE: return show_flag(shown, true);
	case DEFAULT_ZERO: return show_number(shown, 0);
	case DEFAULT_CURVE:
	case DEFAULT_NONE:
	case DEFAULT_LATER: break;
	}
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

/* Names of domains, in the order of its copies. */
static CK_RV show_domains(const struct object *o, struct shown *shown)
{
	const struct pool_copy *copies;
	struct writer w;
	size_t n = o->key ? pool_key_copies(o->key, &copies) : 0;
	writer_init(&w, true);
	for (size_t i = 0; i < n; i++) {
		if (!copies[i].domain)
			continue;
		if (w.len)
			write_u8(&w, ',');
		write_bytes(&w, copies[i].domain, strlen(copies[i].domain));
	}
	bool bad = w.bad;
	shown->exported = writer_take(&w, &shown->len);
	shown->value = shown->exported;
	if (!shown->exported)
		shown->len = 0;
	return bad ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV show(struct object *o, CK_ATTRIBUTE_TYPE type, struct shown *shown)
{
	const CK_ATTRIBUTE *a = attrs_get(&o->attrs, type);
	const struct rule_set *set = rules_of(o);
	const struct rule *rule = set ? rules_get(set, type) : NULL;

	*shown = (struct shown){0};
	if (rule && rule->flags & F7)
		return show_material(o, type, shown);
	if (type == CKA_HUFU_DOMAINS && rule)
		return show_domains(o, shown);
	if (type == CKA_HUFU_SOFTWARE_FALLBACK && rule)
		return show_flag(shown, object_falls_back(o));
	if (type == CKA_KEY_TYPE && o->key_type == CKK_HUFU_SM2 && o->token->conf->sm2_view == CONF_SM2_EC)
		return show_number(shown, CKK_EC);
	/* Set without a login, it was not the SO's word: see store.h, by_login. */
	if (type == CKA_TRUSTED && a && !o->by_login)
		return show_flag(shown, false);
	if (!a)
		return rule ? show_default(rule, shown) : CKR_ATTRIBUTE_TYPE_INVALID;
	shown->value = a->pValue;
	shown->len = a->ulValueLen;
	return CKR_OK;
}

bool shows(struct object *o, const CK_ATTRIBUTE *wanted)
{
	struct shown shown;
	if (show(o, wanted->type, &shown) != CKR_OK)
		return false;
	CK_ATTRIBUTE is = {.type = wanted->type, .pValue = (void *)(uintptr_t)shown.value, .ulValueLen = shown.len};
	bool same = attr_equal(&is, wanted);
	shown_clear(&shown);
	return same;
}
