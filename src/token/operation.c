/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/secret.h"
#include "token/key_size.h"
#include "token/operation_impl.h"
#include "token/policy.h"
#include "token/residents.h"
#include "token/rv.h"

#include <string.h>

/* Secret memory comes in slots of powers of two, of which 24 bytes are not ours: the next one would be half empty. */
_Static_assert(sizeof(struct operation) <= 4096 - 24, "an operation fits a slot of 4 KiB");

/* -- what session.c asks ------------------------------------------------------------- */

bool operation_active(const struct operation *op)
{
	return op && op->active;
}

void operation_end(struct operation *op)
{
	if (!op || !op->active)
		return;
	object_rele(op->key);
	param_clear(&op->param);
	writer_clear(&op->held);
	writer_clear(&op->fed);
	hash_clear(&op->hash);
	secret_free(op->room);
	secret_free(op->sig);
	secret_wipe(op, sizeof *op);
}

void operation_free(struct operation *op)
{
	operation_end(op);
	secret_free(op);
}

bool operation_uses_private(const struct operation *op)
{
	return op->active && op->key && op->key->private_object;
}

bool operation_wants_login(const struct operation *op)
{
	return op->active && op->wants_login;
}

bool operation_is_later(const struct operation *op, const struct operation *than)
{
	return op->init > than->init;
}

void operation_authorise(struct operation *op)
{
	op->wants_login = false;
}

/* -- keys ---------------------------------------------------------------------------- */

#define BAD_KEY CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE

const struct key_use *operation_use(enum op_kind kind)
{
	static const struct key_use uses[OP_KINDS] = {
		[OP_ENCRYPT] = {CKF_ENCRYPT, CKA_ENCRYPT, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_DECRYPT] = {CKF_DECRYPT, CKA_DECRYPT, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_DIGEST] = {.flag = CKF_DIGEST},
		[OP_SIGN] = {CKF_SIGN, CKA_SIGN, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_VERIFY] = {CKF_VERIFY, CKA_VERIFY, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_SIGN_RECOVER] = {CKF_SIGN_RECOVER, CKA_SIGN_RECOVER, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_VERIFY_RECOVER] = {CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_MESSAGE_ENCRYPT] = {CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_MESSAGE_DECRYPT] = {CKF_MESSAGE_DECRYPT, CKA_DECRYPT, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_MESSAGE_SIGN] = {CKF_MESSAGE_SIGN, CKA_SIGN, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_MESSAGE_VERIFY] = {CKF_MESSAGE_VERIFY, CKA_VERIFY, CKO_PUBLIC_KEY, BAD_KEY},
	};
	return &uses[kind];
}

static bool is_key(const struct object *o)
{
	return o->object_class == CKO_PUBLIC_KEY || o->object_class == CKO_PRIVATE_KEY || o->object_class == CKO_SECRET_KEY;
}

static CK_RV check_key(const struct mech *mech, const struct key_use *use, const struct object *key)
{
	if (!is_key(key))
		return use->bad_handle;
	CK_OBJECT_CLASS wanted = mech_is_asymmetric(mech) ? use->pair_class : CKO_SECRET_KEY;
	if (key->object_class != wanted)
		return use->bad_type;
	CK_RV rv = mech_fits_key(mech, key);
	if (rv == CKR_KEY_TYPE_INCONSISTENT)
		return use->bad_type;
	if (rv == CKR_KEY_SIZE_RANGE)
		return use->bad_size;
	if (rv != CKR_OK)
		return rv;
	if (!attrs_bool(&key->attrs, use->permission, false))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!key->key) /* sealed: a secret key that is not private still needs a login where no host secret opens it */
		return CKR_USER_NOT_LOGGED_IN;
	return CKR_OK;
}

CK_RV operation_find_key(struct session *s, const struct mech *mech, const struct key_use *use, CK_OBJECT_HANDLE handle,
                         struct object **out)
{
	struct object *key;
	CK_RV rv = object_find(s, handle, use->bad_handle, &key);
	if (rv != CKR_OK)
		return rv;
	rv = check_key(mech, use, key);
	if (rv == CKR_OK)
		rv = residents_check(key);
	if (rv == CKR_OK)
		copies_complete(s, &key);
	if (rv != CKR_OK) {
		object_rele(key);
		return rv;
	}
	*out = key;
	return CKR_OK;
}

/* -- beginning and ending -------------------------------------------------------------- */

CK_RV operation_blank(struct session *s, enum op_kind kind, struct operation **out)
{
	if (!s->ops[kind])
		s->ops[kind] = secret_alloc(sizeof *s->ops[kind]);
	if (!s->ops[kind])
		return CKR_HOST_MEMORY;
	operation_end(s->ops[kind]);
	*out = s->ops[kind];
	(*out)->kind = kind;
	(*out)->token = s->token;
	return CKR_OK;
}

/* PKCS#11 4.9: a private key that wants its own login for each use. */
void operation_used(struct operation *op)
{
	const struct object *key = op->key;
	op->wants_login = key && key->object_class == CKO_PRIVATE_KEY && attrs_bool(&key->attrs, CKA_ALWAYS_AUTHENTICATE, false);
}

CK_RV operation_begin(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE handle, operation_parse parse,
                      struct operation **out)
{
	const struct key_use *use = operation_use(kind);
	const struct mech *mech;
	struct own_mechanism own;
	struct operation *op;
	struct object *key = NULL;

	if (operation_active(s->ops[kind]))
		return CKR_OPERATION_ACTIVE;
	CK_RV rv = mech_check(s->token, m, use->flag, &own, &mech);
	if (rv == CKR_OK && kind != OP_DIGEST)
		rv = operation_find_key(s, mech, use, handle, &key);
	if (rv != CKR_OK)
		return rv;
	rv = operation_blank(s, kind, &op);
	if (rv != CKR_OK) {
		object_rele(key);
		return rv;
	}
	op->active = true;
	op->init = ++s->ninits;
	op->mech = mech;
	op->key = key;
	operation_used(op);
	rv = parse ? parse(&own.m, &op->param) : mech->parse(&own.m, &op->param);
	if (rv == CKR_OK && key)
		rv = policy_use(s, mech, key, use->flag);
	if (rv != CKR_OK) {
		operation_end(op);
		return rv;
	}
	*out = op;
	return CKR_OK;
}

CK_RV operation_cancel(struct session *s, enum op_kind kind)
{
	operation_end(s->ops[kind]);
	return CKR_OK;
}

CK_RV operation_current(struct session *s, enum op_kind kind, struct operation **out)
{
	struct operation *op = s->ops[kind];
	if (!operation_active(op))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->wants_login)
		return CKR_USER_NOT_LOGGED_IN;
	*out = op;
	return CKR_OK;
}

CK_RV operation_settle(struct operation *op, CK_RV rv, bool last)
{
	if (rv != CKR_BUFFER_TOO_SMALL && (rv != CKR_OK || last))
		operation_end(op);
	return rv;
}

/* -- running ---------------------------------------------------------------------------- */

struct pool_request *operation_request(struct operation *op, enum hufu_verb verb)
{
	struct pool_request *req = &op->req;
	memset(req, 0, sizeof *req);
	req->key = op->key->key;
	req->op.verb = verb;
	req->op.mechanism = op->mech->device_mechanism;
	req->op.param = param_for_device(&op->param);
	req->op.repeatable = true;
	return req;
}

/* The codes of C_Decrypt for what a device says of its input. */
static CK_RV rv_of_op(const struct operation *op, enum hufu_err err)
{
	if (operation_decrypts(op) && err == HUFU_ERR_DATA_LEN)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (operation_decrypts(op) && err == HUFU_ERR_DATA)
		return CKR_ENCRYPTED_DATA_INVALID;
	if (err == HUFU_ERR_BUFFER) /* the space is ours, and enough */
		return CKR_DEVICE_ERROR;
	return rv_of(err);
}

CK_RV operation_submit_any(struct operation *op, size_t *out_len)
{
	struct pool_request *req = &op->req;

	req->may_park = true;
	enum hufu_err err = pool_run(op->token->pool, req);
	*out_len = req->op.out_len;
	return err == HUFU_OK ? CKR_OK : rv_of_op(op, err);
}

CK_RV operation_submit(struct operation *op, size_t expect)
{
	size_t out_len;
	CK_RV rv = operation_submit_any(op, &out_len);
	if (rv != CKR_OK || out_len == expect)
		return rv;
	log_error("device %s answered %s with %zu bytes in place of %zu", op->req.served_by, op->mech->name, out_len, expect);
	return CKR_DEVICE_ERROR;
}

bool operation_in_parts(const struct operation *op, enum hufu_verb verb)
{
	if (op->have_state || op->held.len)
		return op->have_state;
	return pool_can_in_parts(op->token->pool, op->mech->device_mechanism, verb);
}

CK_RV operation_keep(struct operation *op, const uint8_t *in, size_t len, size_t most)
{
	if (op->held.len > most || len > most - op->held.len)
		return operation_bad_len(op);
	if (!op->held.data)
		op->held.secret = !operation_decrypts(op);
	write_bytes(&op->held, in, len);
	return op->held.bad ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV operation_keep_sig(struct operation *op, const uint8_t *sig, size_t len)
{
	if (len > KEY_SIG_MAX)
		return CKR_SIGNATURE_LEN_RANGE;
	op->sig = secret_alloc(len ? len : 1);
	if (!op->sig)
		return CKR_HOST_MEMORY;
	if (len)
		memcpy(op->sig, sig, len);
	op->sig_len = len;
	op->signature_given = true;
	return CKR_OK;
}

uint8_t *operation_room(struct operation *op, size_t len)
{
	if (len <= OP_SCRATCH)
		return op->scratch;
	secret_free(op->room);
	op->room = secret_alloc(len);
	return op->room;
}
