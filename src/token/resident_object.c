/* SPDX-License-Identifier: Apache-2.0 */
#include "token/resident_object.h"
#include "sm/sm3.h"
#include "token/asn1.h"
#include "token/object.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX (STORE_DOMAIN_MAX + 1 + 64)

/* -- what it is ------------------------------------------------------------------------ */

struct kind {
	enum hufu_key_type type;
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;
	size_t len;                     /* of a secret key; 0: as it is told */
};

static const struct kind *kind_of(enum hufu_key_type type)
{
	static const struct kind kinds[] = {
		{HUFU_KEY_SM2_PRIVATE, CKO_PRIVATE_KEY, CKK_HUFU_SM2, 0},
		{HUFU_KEY_RSA_PRIVATE, CKO_PRIVATE_KEY, CKK_RSA, 0},
		{HUFU_KEY_EC_PRIVATE, CKO_PRIVATE_KEY, CKK_EC, 0},
		{HUFU_KEY_EDWARDS_PRIVATE, CKO_PRIVATE_KEY, CKK_EC_EDWARDS, 0},
		{HUFU_KEY_MONTGOMERY_PRIVATE, CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY, 0},
		{HUFU_KEY_SM4, CKO_SECRET_KEY, CKK_HUFU_SM4, 16},
		{HUFU_KEY_ZUC, CKO_SECRET_KEY, CKK_HUFU_ZUC, 16},
		{HUFU_KEY_DES3, CKO_SECRET_KEY, CKK_DES3, 24},
		{HUFU_KEY_AES, CKO_SECRET_KEY, CKK_AES, 0},
		{HUFU_KEY_SECRET, CKO_SECRET_KEY, CKK_GENERIC_SECRET, 0},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

CK_KEY_TYPE resident_key_type(const struct resident *r)
{
	const struct kind *kind = kind_of(r->told.type);
	return kind ? kind->key_type : CK_UNAVAILABLE_INFORMATION;
}

size_t resident_public_info(const struct resident *r, uint8_t info[HUFU_PUB_MAX])
{
	if (r->told.type == HUFU_KEY_SM2_PRIVATE) {
		asn1_spki_encode(r->pub, info);
		return ASN1_SPKI_LEN;
	}
	memcpy(info, r->pub, r->pub_len);
	return r->pub_len;
}

/* -- its attributes ---------------------------------------------------------------------- */

/* What no terminal should be sent is left out. */
static size_t label_of(const struct resident *r, char label[LABEL_MAX + 1])
{
	int len = r->own_label && r->told.label[0] ? snprintf(label, LABEL_MAX + 1, "%.63s", r->told.label) :
	                                             snprintf(label, LABEL_MAX + 1, "%s %.63s", r->domain, r->told.label);
	for (int i = 0; i < len; i++)
		if ((unsigned char)label[i] < 0x20 || label[i] == 0x7f)
			label[i] = '?';
	return (size_t)len;
}

static bool set_name(struct attrs *attrs, const struct resident *r)
{
	char label[LABEL_MAX + 1];
	size_t len = label_of(r, label);
	return attrs_set(attrs, CKA_LABEL, label, len) &&
	       (!r->told.id_len || attrs_set(attrs, CKA_ID, r->told.id, r->told.id_len)) && attrs_set_bool(attrs, CKA_TOKEN, true);
}

/* A device that decrypts with it opens wrapped keys with it, too: the fall-back of C_UnwrapKey. */
#define BIT(verb) (1u << HUFU_VERB_##verb)
static const struct usage {
	CK_ATTRIBUTE_TYPE type;
	uint32_t verbs;                 /* one of these */
} private_usage[] = {
	{CKA_SIGN, BIT(SIGN)}, {CKA_DECRYPT, BIT(DECRYPT)}, {CKA_UNWRAP, BIT(UNWRAP) | BIT(DECRYPT)}, {CKA_DERIVE, BIT(DERIVE)},
}, public_usage[] = {
	{CKA_VERIFY, BIT(SIGN)}, {CKA_ENCRYPT, BIT(DECRYPT)}, {CKA_WRAP, BIT(UNWRAP) | BIT(DECRYPT)},
}, secret_usage[] = {
	{CKA_ENCRYPT, BIT(ENCRYPT)}, {CKA_DECRYPT, BIT(DECRYPT)}, {CKA_SIGN, BIT(SIGN)}, {CKA_VERIFY, BIT(SIGN) | BIT(VERIFY)},
	{CKA_WRAP, BIT(WRAP)}, {CKA_UNWRAP, BIT(UNWRAP)}, {CKA_DERIVE, BIT(DERIVE)},
};

static bool set_usage(struct attrs *attrs, const struct usage *usage, size_t n, uint32_t verbs)
{
	bool ok = true;
	for (size_t i = 0; i < n && ok; i++)
		ok = attrs_set_bool(attrs, usage[i].type, (usage[i].verbs & verbs) != 0);
	return ok;
}

#define SET_USAGE(attrs, usage, verbs) set_usage((attrs), (usage), sizeof(usage) / sizeof(usage)[0], (verbs))

static void plan_begin(struct plan *plan, CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type)
{
	*plan = (struct plan){
		.origin = ORIGIN_CREATE, .on_token = true, .private_object = object_class != CKO_PUBLIC_KEY,
		.object_class = object_class, .key_type = key_type,
	};
	attrs_init(&plan->attrs, plan->private_object);
	attrs_init(&plan->material, true);
}

static bool plan_key(struct plan *plan, const struct kind *kind, const struct resident *r)
{
	struct attrs *attrs = &plan->attrs;
	plan_begin(plan, kind->object_class, kind->key_type);
	return set_name(attrs, r) && attrs_set_bool(attrs, CKA_PRIVATE, true) && attrs_set_bool(attrs, CKA_SENSITIVE, true) &&
	       attrs_set_bool(attrs, CKA_DESTROYABLE, false) &&
	       attrs_set_bool(attrs, CKA_EXTRACTABLE, false) && attrs_set_bool(attrs, CKA_COPYABLE, false) &&
	       attrs_set_bool(attrs, CKA_HUFU_HARDWARE_ONLY, true) &&
	       attrs_set(attrs, CKA_HUFU_RESIDENT, r->domain, strlen(r->domain)) &&
	       (kind->object_class == CKO_PRIVATE_KEY ? SET_USAGE(attrs, private_usage, r->told.verbs) :
	                                                SET_USAGE(attrs, secret_usage, r->told.verbs)) &&
	       plan_set_defaults(plan);
}

static bool plan_public(struct plan *plan, const struct kind *kind, const struct resident *r)
{
	plan_begin(plan, CKO_PUBLIC_KEY, kind->key_type);
	return set_name(&plan->attrs, r) && attrs_set_bool(&plan->attrs, CKA_PRIVATE, false) &&
	       SET_USAGE(&plan->attrs, public_usage, r->told.verbs) && plan_set_defaults(plan);
}

static void plan_end(struct plan *plan)
{
	attrs_clear(&plan->attrs);
	attrs_clear(&plan->material);
}

/* -- its rows ------------------------------------------------------------------------------ */

/* Whoever finds this key in this domain asks under this id. */
static void op_id_of(const struct resident *r, uint8_t op_id[16])
{
	static const char what[] = "a resident key";
	struct sm3 ctx;
	uint8_t digest[SM3_DIGEST_LEN], lens[4] = {(uint8_t)strlen(r->domain), (uint8_t)(r->told.copy_len >> 8),
	                                           (uint8_t)r->told.copy_len, (uint8_t)r->told.type};
	sm3_init(&ctx);
	sm3_update(&ctx, what, sizeof what);
	sm3_update(&ctx, lens, sizeof lens);
	sm3_update(&ctx, r->domain, strlen(r->domain));
	sm3_update(&ctx, r->told.copy, r->told.copy_len);
	sm3_update(&ctx, r->pub, r->pub_len);
	sm3_final(&ctx, digest);
	memcpy(op_id, digest, 16);
}

static void copies_of(const struct resident *r, struct copies *copies)
{
	*copies = (struct copies){.type = r->told.type, .n = 1, .pub_len = r->pub_len};
	copies->list[0] = (struct pool_copy){.kind = HUFU_COPY_INDEX, .domain = r->domain, .data = r->told.copy,
	                                     .len = r->told.copy_len};
	memcpy(copies->pub, r->pub, r->pub_len);
}

enum hufu_err resident_store(struct token *token, const struct resident *r)
{
	const struct kind *kind = kind_of(r->told.type);
	struct copies copies;
	struct plan key, public;
	uint8_t op_id[16];
	if (!kind)
		return HUFU_ERR_UNSUPPORTED;
	copies_of(r, &copies);
	op_id_of(r, op_id);
	struct material material = {
		.copies = &copies, .value_len = kind->len ? kind->len : r->told.nbits / 8, .mechanism = CK_UNAVAILABLE_INFORMATION,
		.always_sensitive = true, .never_extractable = true,
	};
	bool pair = kind->object_class == CKO_PRIVATE_KEY;
	bool ok = plan_key(&key, kind, r);
	plan_begin(&public, CKO_PUBLIC_KEY, kind->key_type);
	if (pair && ok)
		ok = plan_public(&public, kind, r);
	enum hufu_err err = ok ? object_commit_resident(token, pair ? &public : NULL, &key, &material, op_id) : HUFU_ERR_NO_MEMORY;
	if (err == HUFU_ERR_CONFLICT && pair) /* a public half that was left, of what it was told of then */
		err = object_commit_resident(token, NULL, &key, &material, op_id);
	plan_end(&public);
	plan_end(&key);
	return err == HUFU_ERR_CONFLICT ? HUFU_OK : err; /* it was told of otherwise before: it is there */
}
