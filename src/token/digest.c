/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, on this host (PKCS#11 3.1 5.12): a device would only have to be given the data. */
#include "base/secret.h"
#include "token/operation_impl.h"
#include "token/rv.h"

CK_RV digest_init(struct session *s, const CK_MECHANISM *m)
{
	struct operation *op;
	if (!m)
		return operation_cancel(s, OP_DIGEST);
	CK_RV rv = operation_begin(s, OP_DIGEST, m, 0, NULL, &op);
	return rv == CKR_OK ? operation_settle(op, rv_of(hash_init(&op->hash, op->mech->hash)), false) : rv;
}

/* What was absorbed, and the end of the operation. */
static CK_RV finish(struct operation *op, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	size_t n = hash_len(op->mech->hash);
	if (!out) {
		*out_len = n;
		return CKR_OK;
	}
	CK_RV rv = operation_fits(n, *out_len, &n);
	*out_len = n;
	if (rv == CKR_OK) {
		hash_update(&op->hash, in, len);
		hash_final(&op->hash, out);
	}
	return operation_settle(op, rv, true);
}

CK_RV digest_once(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_DIGEST, &op);
	if (rv != CKR_OK)
		return rv;
	return op->multi ? CKR_OPERATION_ACTIVE : finish(op, in, len, out, out_len);
}

CK_RV digest_update(struct session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_DIGEST, &op);
	if (rv != CKR_OK)
		return rv;
	op->multi = true;
	hash_update(&op->hash, in, len);
	return CKR_OK;
}

/* The digest of a few secret bytes and of data of one's choice tells the secret: only a value that may be read is taken. */
static bool digestible(const struct object *key)
{
	return key->object_class == CKO_SECRET_KEY && !attrs_bool(&key->attrs, CKA_SENSITIVE, true) &&
	       attrs_bool(&key->attrs, CKA_EXTRACTABLE, false);
}

static CK_RV absorb_key(struct operation *op, struct object *key)
{
	uint8_t *value;
	size_t len;
	if (!digestible(key))
		return CKR_KEY_INDIGESTIBLE;
	CK_RV rv = key_export(key, &value, &len);
	if (rv == CKR_KEY_UNEXTRACTABLE)
		return CKR_KEY_INDIGESTIBLE;
	if (rv != CKR_OK)
		return rv;
	op->multi = true;
	hash_update(&op->hash, value, len);
	secret_free(value);
	return CKR_OK;
}

CK_RV digest_key(struct session *s, CK_OBJECT_HANDLE handle)
{
	struct operation *op;
	struct object *key;
	CK_RV rv = operation_current(s, OP_DIGEST, &op);
	if (rv != CKR_OK)
		return rv;
	rv = object_find(s, handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK) {
		rv = absorb_key(op, key);
		object_rele(key);
	}
	return operation_settle(op, rv, false);
}

CK_RV digest_final(struct session *s, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_DIGEST, &op);
	return rv == CKR_OK ? finish(op, NULL, 0, out, out_len) : rv;
}
