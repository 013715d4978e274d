/* SPDX-License-Identifier: Apache-2.0 */
/* Key material in the clear, on its way into a device's copy and out of it. */
#include "base/secret.h"
#include "token/check_value.h"
#include "token/key_form.h"
#include "token/object.h"
#include "token/point.h"
#include "token/rv.h"

#include <string.h>

#define SECRET_MAX 4096u
#define SCALAR_LEN 32u

/* -- in ------------------------------------------------------------------------------- */

static CK_RV import(struct session *s, const struct plan *plan, enum hufu_key_type type, const uint8_t *value, size_t len,
                    struct copies *copies)
{
	return copies_import(s->token, copy_policy_of(&plan->attrs), type, value, len, copies);
}

/* CKA_VALUE is a big integer (PKCS#11 3.1 6.3.4): clients leave leading zeros out, or send one too many. */
static CK_RV import_scalar(struct session *s, const struct plan *plan, const CK_ATTRIBUTE *value, struct copies *copies)
{
	const uint8_t *p = value->pValue;
	size_t len = value->ulValueLen;
	if (len == SCALAR_LEN + 1 && p[0] == 0) {
		p++;
		len--;
	}
	if (len > SCALAR_LEN)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	uint8_t d[SCALAR_LEN] = {0};
	memcpy(d + SCALAR_LEN - len, p, len);
	CK_RV rv = import(s, plan, HUFU_KEY_SM2_PRIVATE, d, sizeof d, copies);
	secret_wipe(d, sizeof d);
	return rv;
}

/* A device needs no copy of a public key: the point is the key. */
static CK_RV import_point(const struct plan *plan, struct copies *copies)
{
	const CK_ATTRIBUTE *point = attrs_get(&plan->attrs, CKA_EC_POINT);
	if (!point || !point_decode(point->pValue, point->ulValueLen, copies->pub))
		return CKR_TEMPLATE_INCOMPLETE;
	copies->pub_len = 64;
	return CKR_OK;
}

static CK_RV import_secret(struct session *s, const struct plan *plan, enum hufu_key_type type, const CK_ATTRIBUTE *value,
                           struct copies *copies, struct material *m)
{
	CK_RV rv = import(s, plan, type, value->pValue, value->ulValueLen, copies);
	if (rv != CKR_OK)
		return rv;
	m->value_len = value->ulValueLen;
	m->have_check_value = check_value_of(plan->key_type, value->pValue, value->ulValueLen, m->check_value);
	return CKR_OK;
}

/* -- keys of RSA and of curves ----------------------------------------------------------- */

/* Whether a public key is one, a device says, any; then its form is the key, and needs no copy. */
static CK_RV import_public_form(struct session *s, enum hufu_key_type type, const struct key_form *form, struct copies *copies)
{
	uint8_t out[HUFU_PUB_MAX], pub[HUFU_PUB_MAX];
	size_t len = key_form_write_public(form, copies->pub);
	struct pool_request req = {.op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = copies->pub, .in_len = len, .out = out,
	                                  .out_cap = sizeof out, .pub = pub, .repeatable = true}};
	copies->pub_len = len;
	return len ? rv_of(pool_run(s->token->pool, &req)) : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* What was told of the public half is what the device makes of the private one. */
static CK_RV check_public_half(const struct key_form *told, const struct copies *copies)
{
	struct key_form is;
	if (!key_form_read_public(copies->pub, copies->pub_len, &is))
		return CKR_DEVICE_ERROR;
	if (!told->curve || told->point.len == 0)
		return CKR_OK;
	return told->point.len == is.point.len && memcmp(told->point.p, is.point.p, is.point.len) == 0 ? CKR_OK :
	                                                                                              CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV import_private_form(struct session *s, const struct plan *plan, enum hufu_key_type type, const struct key_form *form,
                                 struct copies *copies)
{
	size_t len;
	uint8_t *der = key_form_write_private(form, &len);
	if (!der)
		return CKR_HOST_MEMORY;
	CK_RV rv = import(s, plan, type, der, len, copies);
	secret_free(der);
	return rv == CKR_OK ? check_public_half(form, copies) : rv;
}

static void begin(struct copies *copies, struct material *m)
{
	copies->n = copies->pub_len = 0;
	copies->on_host = copies->left_device = false;
	*m = (struct material){.copies = copies, .mechanism = CK_UNAVAILABLE_INFORMATION};
}

CK_RV material_import_form(struct session *s, const struct plan *plan, const struct key_form *form, struct copies *copies,
                           struct material *m)
{
	enum hufu_key_type type;
	begin(copies, m);
	if (form->type != plan->key_type || !object_material_type(plan->object_class, plan->key_type, &type))
		return CKR_TEMPLATE_INCONSISTENT;
	if (plan->object_class == CKO_PUBLIC_KEY)
		return import_public_form(s, type, form, copies);
	return import_private_form(s, plan, type, form, copies);
}

static CK_RV import_attrs(struct session *s, const struct plan *plan, struct copies *copies, struct material *m)
{
	struct key_form form;
	const struct attrs *material = plan->object_class == CKO_PRIVATE_KEY ? &plan->material : NULL;
	CK_RV rv = key_form_of_attrs(plan->key_type, &plan->attrs, material, &form);
	return rv == CKR_OK ? material_import_form(s, plan, &form, copies, m) : rv;
}

/* -- all of them --------------------------------------------------------------------------- */

CK_RV material_import(struct session *s, const struct plan *plan, struct copies *copies, struct material *m)
{
	enum hufu_key_type type;
	const CK_ATTRIBUTE *value = attrs_get(&plan->material, CKA_VALUE);
	begin(copies, m);
	if (!object_material_type(plan->object_class, plan->key_type, &type))
		return CKR_TEMPLATE_INCONSISTENT;
	if (type == HUFU_KEY_SM2_PUBLIC)
		return import_point(plan, copies);
	if (plan->object_class != CKO_SECRET_KEY && type != HUFU_KEY_SM2_PRIVATE)
		return import_attrs(s, plan, copies, m);
	if (!value)
		return CKR_TEMPLATE_INCOMPLETE;
	if (type == HUFU_KEY_SM2_PRIVATE)
		return import_scalar(s, plan, value, copies);
	return import_secret(s, plan, type, value, copies, m);
}

/* -- out ------------------------------------------------------------------------------ */

/* The longest clear form: a private key of RSA, 8192 bits, takes 4.7 KB. */
static size_t clear_max(enum hufu_key_type type)
{
	switch (type) {
	case HUFU_KEY_RSA_PRIVATE: return 8192;
	case HUFU_KEY_SECRET: return SECRET_MAX;
	case HUFU_KEY_EC_PRIVATE:
	case HUFU_KEY_EDWARDS_PRIVATE:
	case HUFU_KEY_MONTGOMERY_PRIVATE: return 512;
	case HUFU_KEY_SM2_PRIVATE:
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_SM4:
	case HUFU_KEY_ZUC:
	case HUFU_KEY_AES:
	case HUFU_KEY_DES3: return 64;
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PUBLIC: break;
	}
	return HUFU_PUB_MAX;
}

enum hufu_err key_export_clear(struct pool *pool, struct pool_key *key, const char *domain, uint64_t deadline_ns, uint8_t **value,
                               size_t *len)
{
	size_t cap = clear_max(pool_key_type(key));
	uint8_t *out = secret_alloc(cap);
	if (!out)
		return HUFU_ERR_NO_MEMORY;
	struct pool_request req = {.op = {.verb = HUFU_VERB_EXPORT, .out = out, .out_cap = cap, .deadline_ns = deadline_ns,
	                                  .repeatable = true},
	                           .key = key, .domain = domain};
	enum hufu_err err = pool_run(pool, &req);
	if (err != HUFU_OK) {
		secret_free(out);
		return err;
	}
	*value = out;
	*len = req.op.out_len;
	return HUFU_OK;
}

CK_RV key_export(struct object *o, uint8_t **value, size_t *len)
{
	if (!o->key)
		return CKR_KEY_UNEXTRACTABLE;
	enum hufu_err err = key_export_clear(o->token->pool, o->key, NULL, 0, value, len);
	enum hufu_group group = hufu_err_group(err);
	if (group == HUFU_GROUP_UNSUPPORTED || group == HUFU_GROUP_NO_KEY || err == HUFU_ERR_NO_DEVICE)
		return CKR_KEY_UNEXTRACTABLE;
	return rv_of(err);
}
