/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes (GM/T 0018-2023 5.2): the configuration names an object of the token
 * for each use of an index. Handles of objects that were found are kept; the
 * core tells of one that has died.
 */
#include "base/log.h"
#include "base/secret.h"
#include "sdf/internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX 255

typedef _Atomic CK_OBJECT_HANDLE kept_handle;

static struct {
	kept_handle (*keys)[ROLES][2];  /* private, public */
	kept_handle *keks;
} kept;

bool index_start(void)
{
	const struct conf_sdf *conf = face_conf();
	kept.keys = calloc(conf->nkeys + 1, sizeof *kept.keys);
	kept.keks = calloc(conf->nkeks + 1, sizeof *kept.keks);
	return kept.keys && kept.keks;
}

void index_stop(void)
{
	free(kept.keys);
	free(kept.keks);
	kept.keys = NULL;
	kept.keks = NULL;
}

int index_find(uint32_t index, size_t *at)
{
	const struct conf_sdf *conf = face_conf();
	for (size_t i = 0; i < conf->nkeys; i++) {
		if (conf->keys[i].index != index)
			continue;
		*at = i;
		return SDR_OK;
	}
	return SDR_KEYNOTEXIST;
}

static const char *name_of(const struct conf_sdf_key *key, enum role role)
{
	switch (role) {
	case ROLE_SIGN: return key->sign;
	case ROLE_ENCRYPT: return key->encrypt;
	case ROLE_RSA_SIGN: return key->rsa_sign;
	case ROLE_RSA_ENCRYPT: return key->rsa_encrypt;
	}
	return NULL;
}

/* -- finding ----------------------------------------------------------------------------- */

struct wanted {
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE type;
	const char *name;
};

/* SM2 keys are shown as the token's configuration has it. */
static CK_KEY_TYPE shown_type(const struct token *token, CK_KEY_TYPE type)
{
	return type == CKK_HUFU_SM2 && token->conf->sm2_view == CONF_SM2_EC ? CKK_EC : type;
}

static CK_ULONG fill_template(const struct wanted *wanted, const CK_KEY_TYPE *shown, uint8_t id[ID_MAX], CK_ATTRIBUTE templ[4])
{
	size_t len;
	CK_ULONG n = 0;
	templ[n++] = (CK_ATTRIBUTE)ATTR(CKA_CLASS, wanted->object_class);
	templ[n++] = (CK_ATTRIBUTE)ATTR(CKA_KEY_TYPE, *shown);
	if (conf_sdf_read_id(wanted->name, id, ID_MAX, &len))
		templ[n++] = (CK_ATTRIBUTE)ATTR_BYTES(CKA_ID, id, len);
	else
		templ[n++] = (CK_ATTRIBUTE)ATTR_BYTES(CKA_LABEL, wanted->name, strlen(wanted->name));
	if (*shown != wanted->type) /* of all curves, SM2's */
		templ[n++] = (CK_ATTRIBUTE)ATTR_BYTES(CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN);
	return n;
}

/* One that two objects answer to is nobody's: either may be the wrong one. */
static CK_RV find(struct session *s, const struct wanted *wanted, CK_OBJECT_HANDLE *handle)
{
	uint8_t id[ID_MAX];
	CK_ATTRIBUTE templ[4];
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;
	CK_KEY_TYPE shown = shown_type(s->token, wanted->type);
	CK_RV rv = find_init(s, templ, fill_template(wanted, &shown, id, templ));
	if (rv != CKR_OK)
		return rv;
	rv = find_next(s, found, 2, &n);
	find_final(s);
	if (rv != CKR_OK)
		return rv;
	if (n == 2)
		log_error("more than one key answers to \"%s\", which the configuration names for GM/T 0018. Name it by id=", wanted->name);
	*handle = found[0];
	return n == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID;
}

static CK_RV find_kept(struct session *s, kept_handle *at, const struct wanted *wanted, CK_OBJECT_HANDLE *handle)
{
	*handle = atomic_load_explicit(at, memory_order_relaxed);
	if (*handle)
		return CKR_OK;
	if (!wanted->name)
		return CKR_KEY_HANDLE_INVALID;
	CK_RV rv = find(s, wanted, handle);
	if (rv == CKR_OK)
		atomic_store_explicit(at, *handle, memory_order_relaxed);
	return rv;
}

static void forget_if(kept_handle *at, CK_OBJECT_HANDLE handle)
{
	atomic_compare_exchange_strong(at, &handle, 0);
}

void index_forget(CK_OBJECT_HANDLE handle)
{
	const struct conf_sdf *conf = face_conf();
	for (size_t i = 0; i < conf->nkeys; i++)
		for (int role = 0; role < ROLES; role++)
			for (int half = 0; half < 2; half++)
				forget_if(&kept.keys[i][role][half], handle);
	for (size_t i = 0; i < conf->nkeks; i++)
		forget_if(&kept.keks[i], handle);
}

static CK_RV find_half(struct session *s, size_t at, enum role role, CK_OBJECT_CLASS object_class, CK_OBJECT_HANDLE *handle)
{
	bool rsa = role == ROLE_RSA_SIGN || role == ROLE_RSA_ENCRYPT;
	struct wanted wanted = {object_class, rsa ? CKK_RSA : CKK_HUFU_SM2, name_of(&face_conf()->keys[at], role)};
	return find_kept(s, &kept.keys[at][role][object_class == CKO_PUBLIC_KEY], &wanted, handle);
}

CK_RV index_private(struct session *s, size_t at, enum role role, CK_OBJECT_HANDLE *handle)
{
	return find_half(s, at, role, CKO_PRIVATE_KEY, handle);
}

CK_RV index_kek(struct session *s, uint32_t index, CK_OBJECT_HANDLE *handle)
{
	const struct conf_sdf *conf = face_conf();
	for (size_t i = 0; i < conf->nkeks; i++) {
		struct wanted wanted = {CKO_SECRET_KEY, CKK_HUFU_SM4, conf->keks[i].key};
		if (conf->keks[i].index == index)
			return find_kept(s, &kept.keks[i], &wanted, handle);
	}
	return CKR_KEY_HANDLE_INVALID;
}

/* -- public halves ------------------------------------------------------------------------- */

static CK_RV read_attribute(struct session *s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type, void *value, size_t cap,
                            size_t *len)
{
	CK_ATTRIBUTE a = {type, value, cap};
	CK_RV rv = object_get_attributes(s, handle, &a, 1);
	*len = a.ulValueLen;
	return rv;
}

/* A private key shows its public half, but not before somebody has logged in. */
CK_RV index_attribute(struct session *s, size_t at, enum role role, CK_ATTRIBUTE_TYPE type, void *value, size_t cap, size_t *len)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	CK_RV rv = CKR_KEY_HANDLE_INVALID;
	for (size_t i = 0; i < COUNT(classes); i++) {
		CK_OBJECT_HANDLE handle;
		for (int tries = 0; tries < 2; tries++) {
			rv = find_half(s, at, role, classes[i], &handle);
			if (rv == CKR_OK)
				rv = read_attribute(s, handle, type, value, cap, len);
			if (rv != CKR_OBJECT_HANDLE_INVALID)
				break;
			index_forget(handle);
		}
		if (rv == CKR_OK)
			return rv;
	}
	return rv;
}

/* CKA_EC_POINT: an OCTET STRING of 04 || x || y. */
CK_RV index_point(struct session *s, size_t at, enum role role, uint8_t point[64])
{
	uint8_t der[67];
	size_t len;
	CK_RV rv = index_attribute(s, at, role, CKA_EC_POINT, der, sizeof der, &len);
	if (rv != CKR_OK)
		return rv;
	if (len != sizeof der || memcmp(der, "\x04\x41\x04", 3) != 0)
		return CKR_KEY_TYPE_INCONSISTENT;
	memcpy(point, der + 3, 64);
	return CKR_OK;
}
