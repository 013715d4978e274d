/* SPDX-License-Identifier: Apache-2.0 */
#include "token/vendor.h"

#include <string.h>

const struct alias_profile *vendor_of(const struct conf_token *conf)
{
	return conf->alias == CONF_ALIAS_NONE ? NULL : alias_at(conf->alias - 1);
}

CK_RV vendor_take_mechanism(const struct alias_mech *row, const CK_MECHANISM *said, struct own_mechanism *own)
{
	own->m = *said;
	own->m.mechanism = row->own;
	if (row->param == ALIAS_PARAM_SAME || (row->param == ALIAS_PARAM_ID && said->ulParameterLen == 0))
		return CKR_OK;
	if (!said->pParameter || said->ulParameterLen == 0)
		return CKR_MECHANISM_PARAM_INVALID;
	own->id = (CK_HUFU_SM2_SM3_PARAMS){said->pParameter, said->ulParameterLen};
	own->m.pParameter = &own->id;
	own->m.ulParameterLen = sizeof own->id;
	return CKR_OK;
}

/* -- attributes ------------------------------------------------------------------- */

/* Appends what number stands for in the other numbers: one, or as many as a vendor's mechanism is of ours. */
typedef bool (*translate)(const struct alias_profile *, CK_ATTRIBUTE_TYPE, CK_ULONG number, struct writer *);

static bool put(struct writer *w, CK_ULONG number)
{
	write_bytes(w, &number, sizeof number);
	return !w->bad;
}

static bool to_own(const struct alias_profile *vendor, CK_ATTRIBUTE_TYPE type, CK_ULONG number, struct writer *w)
{
	if (type == CKA_KEY_TYPE)
		return put(w, alias_key_type_own(vendor, number));
	const struct alias_mech *row = alias_mech_next(vendor, number, NULL);
	if (!row)
		return put(w, number);
	bool ok = put(w, row->own);
	while (ok && type == CKA_ALLOWED_MECHANISMS && (row = alias_mech_next(vendor, number, row)) != NULL)
		ok = put(w, row->own);
	return ok;
}

static bool ends_with(const struct writer *w, CK_ULONG number)
{
	return w->len && memcmp(w->data + w->len - sizeof number, &number, sizeof number) == 0;
}

/* The meanings that to_own put side by side are one number again. */
static bool to_vendor(const struct alias_profile *vendor, CK_ATTRIBUTE_TYPE type, CK_ULONG number, struct writer *w)
{
	if (type == CKA_KEY_TYPE)
		return put(w, alias_key_type_vendor(vendor, number));
	const struct alias_mech *row = alias_mech_of_own(vendor, number);
	if (!row)
		return put(w, number);
	return ends_with(w, row->vendor) || put(w, row->vendor);
}

static bool has_numbers(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_KEY_TYPE || type == CKA_KEY_GEN_MECHANISM || type == CKA_ALLOWED_MECHANISMS;
}

static bool is_template(CK_ATTRIBUTE_TYPE type)
{
	bool known;
	return attr_kind(type, &known) == ATTR_TEMPLATE;
}

static bool copy_all(const struct alias_profile *, translate, const CK_ATTRIBUTE *list, size_t n, struct attrs *to);

static bool copy_numbers(const struct alias_profile *vendor, translate number, const CK_ATTRIBUTE *a, struct attrs *to)
{
	struct writer w;
	bool ok = true;
	writer_init(&w, false);
	for (size_t at = 0; ok && at + sizeof(CK_ULONG) <= a->ulValueLen; at += sizeof(CK_ULONG)) {
		CK_ULONG value;
		memcpy(&value, (const uint8_t *)a->pValue + at, sizeof value);
		ok = number(vendor, a->type, value, &w);
	}
	ok = ok && attrs_set(to, a->type, w.data, w.len);
	writer_clear(&w);
	return ok;
}

/* What was handed in has been checked: templates within templates are not deep. */
static bool copy_one(const struct alias_profile *vendor, translate number, const CK_ATTRIBUTE *a, struct attrs *to)
{
	if (has_numbers(a->type))
		return copy_numbers(vendor, number, a, to);
	if (!is_template(a->type))
		return attrs_set(to, a->type, a->pValue, a->ulValueLen);
	struct attrs inner;
	attrs_init(&inner, to->secret);
	bool ok = copy_all(vendor, number, a->pValue, a->ulValueLen / sizeof *a, &inner) &&
	          attrs_set(to, a->type, inner.list, inner.n * sizeof *inner.list);
	attrs_clear(&inner);
	return ok;
}

static bool copy_all(const struct alias_profile *vendor, translate number, const CK_ATTRIBUTE *list, size_t n, struct attrs *to)
{
	for (size_t i = 0; i < n; i++)
		if (!copy_one(vendor, number, &list[i], to))
			return false;
	return true;
}

static bool any_numbers(const CK_ATTRIBUTE *list, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (has_numbers(list[i].type) || is_template(list[i].type))
			return true;
	return false;
}

CK_RV vendor_take_template(const struct conf_token *conf, const CK_ATTRIBUTE *templ, CK_ULONG n, struct own_template *own)
{
	const struct alias_profile *vendor = vendor_of(conf);
	*own = (struct own_template){.list = templ, .n = n};
	attrs_init(&own->copy, true);
	CK_RV rv = template_check(templ, n);
	if (rv != CKR_OK || !vendor || !any_numbers(templ, n))
		return rv;
	if (!copy_all(vendor, to_own, templ, n, &own->copy)) {
		own_template_clear(own);
		return CKR_HOST_MEMORY;
	}
	own->list = own->copy.list;
	own->n = own->copy.n;
	return CKR_OK;
}

void own_template_clear(struct own_template *own)
{
	attrs_clear(&own->copy);
	own->list = NULL;
	own->n = 0;
}

CK_RV vendor_show(const struct conf_token *conf, CK_ATTRIBUTE *a, struct attrs *shown)
{
	const struct alias_profile *vendor = vendor_of(conf);
	attrs_init(shown, true);
	if (!vendor || !any_numbers(a, 1))
		return CKR_OK;
	if (!copy_one(vendor, to_vendor, a, shown))
		return CKR_HOST_MEMORY;
	*a = shown->list[0];
	return CKR_OK;
}
