/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_GetOperationState, C_SetOperationState (PKCS#11 3.1 5.6.6, 5.6.7).
 *
 * A state is for the process that saved it, and for children that it forks: it
 * is sealed under a random key that the process keeps in secret memory and never
 * writes anywhere. Sealed: SM4-GCM with a key and IV of one use, derived from a
 * fresh 256-bit salt by HMAC-SM3.
 *
 *	blob:  salt (32) | sealed | tag (16); AAD: version, slot
 *	plain: number of operations, then each in the form of state_write
 *
 * Keys are not in it: it names their uuid, and they have to be given again.
 */
#include "base/secret.h"
#include "rand/rand.h"
#include "sm/sm4.h"
#include "token/rv.h"
#include "token/state_impl.h"

#include <pthread.h>
#include <string.h>

#define SALT_LEN 32
#define TAG_LEN 16
#define KEY_LEN 32
#define VERSION 1
#define OVERHEAD (SALT_LEN + TAG_LEN)

/* -- the key of this process --------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	uint8_t *key;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The session of every caller is locked while a fork goes on: no child inherits this lock taken. */
static enum hufu_err process_key(struct sm3_hmac_key *key)
{
	enum hufu_err err = HUFU_OK;
	pthread_mutex_lock(&process.lock);
	if (!process.key) {
		process.key = secret_alloc(KEY_LEN);
		err = process.key ? rand_bytes(process.key, KEY_LEN) : HUFU_ERR_NO_MEMORY;
	}
	if (err == HUFU_OK)
		sm3_hmac_key_init(key, process.key, KEY_LEN);
	else {
		secret_free(process.key);
		process.key = NULL;
	}
	pthread_mutex_unlock(&process.lock);
	return err;
}

void state_forget(void)
{
	pthread_mutex_lock(&process.lock);
	secret_free(process.key);
	process.key = NULL;
	pthread_mutex_unlock(&process.lock);
}

/* -- sealing -------------------------------------------------------------------------------- */

struct seal {
	struct sm4_key key;
	uint8_t iv[12];
	uint8_t aad[1 + 8];
};

static enum hufu_err seal_init(struct seal *seal, const uint8_t salt[SALT_LEN], CK_SLOT_ID slot)
{
	struct sm3_hmac_key process_hmac;
	uint8_t derived[32];
	enum hufu_err err = process_key(&process_hmac);
	if (err != HUFU_OK)
		return err;
	sm3_hmac(&process_hmac, salt, SALT_LEN, derived);
	sm4_key_init(&seal->key, derived);
	memcpy(seal->iv, derived + SM4_KEY_LEN, sizeof seal->iv);
	seal->aad[0] = VERSION;
	for (int i = 0; i < 8; i++)
		seal->aad[1 + i] = (uint8_t)((uint64_t)slot >> (56 - 8 * i));
	secret_wipe(derived, sizeof derived);
	secret_wipe(&process_hmac, sizeof process_hmac);
	return HUFU_OK;
}

static enum hufu_err seal(CK_SLOT_ID slot, const struct writer *plain, uint8_t *blob)
{
	struct seal seal;
	enum hufu_err err = rand_bytes(blob, SALT_LEN);
	if (err == HUFU_OK)
		err = seal_init(&seal, blob, slot);
	if (err != HUFU_OK)
		return err;
	uint8_t *sealed = blob + SALT_LEN;
	bool ok = sm4_gcm_seal(&seal.key, seal.iv, sizeof seal.iv, seal.aad, sizeof seal.aad, plain->data, plain->len, sealed,
	                       sealed + plain->len, TAG_LEN);
	secret_wipe(&seal, sizeof seal);
	return ok ? HUFU_OK : HUFU_ERR_DATA_LEN;
}

/* plain: secret_free it. Length: blob_len - OVERHEAD. */
static CK_RV unseal(CK_SLOT_ID slot, const uint8_t *blob, size_t blob_len, uint8_t **plain)
{
	struct seal seal;
	if (blob_len <= OVERHEAD || blob_len > OVERHEAD + STATE_MAX)
		return CKR_SAVED_STATE_INVALID;
	size_t len = blob_len - OVERHEAD;
	CK_RV rv = rv_of(seal_init(&seal, blob, slot));
	if (rv != CKR_OK)
		return rv;
	*plain = secret_alloc(len);
	if (!*plain)
		rv = CKR_HOST_MEMORY;
	else if (!sm4_gcm_open(&seal.key, seal.iv, sizeof seal.iv, seal.aad, sizeof seal.aad, blob + SALT_LEN, len, *plain,
	                       blob + SALT_LEN + len, TAG_LEN)) {
		secret_free(*plain);
		rv = CKR_SAVED_STATE_INVALID;
	}
	secret_wipe(&seal, sizeof seal);
	return rv;
}

/* -- saving ----------------------------------------------------------------------------------- */

static bool has_state(enum op_kind kind)
{
	return kind == OP_ENCRYPT || kind == OP_DECRYPT || kind == OP_DIGEST || kind == OP_SIGN || kind == OP_VERIFY;
}

/* A search or a process of messages has no form here, nor has what a context-specific login allowed once. */
static CK_RV count_saveable(const struct session *s, unsigned *n)
{
	*n = 0;
	if (s->find)
		return CKR_STATE_UNSAVEABLE;
	for (int kind = 0; kind < OP_KINDS; kind++) {
		const struct operation *op = s->ops[kind];
		if (!operation_active(op))
			continue;
		if (!has_state((enum op_kind)kind) || !state_saveable(op))
			return CKR_STATE_UNSAVEABLE;
		++*n;
	}
	return *n ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

static CK_RV write_all(const struct session *s, unsigned n, struct writer *plain)
{
	write_u8(plain, (uint8_t)n);
	for (int kind = 0; kind < OP_KINDS; kind++)
		if (operation_active(s->ops[kind]))
			state_write(s->ops[kind], plain);
	return plain->bad ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV state_save(struct session *s, CK_BYTE *out, CK_ULONG *out_len)
{
	struct writer plain;
	unsigned n;
	CK_RV rv = count_saveable(s, &n);
	if (rv != CKR_OK)
		return rv;
	writer_init(&plain, true);
	rv = write_all(s, n, &plain);
	size_t need = plain.len + OVERHEAD;
	if (rv == CKR_OK && out)
		rv = operation_fits(need, *out_len, &need);
	if (rv == CKR_OK && out)
		rv = rv_of(seal(s->token->slot, &plain, out));
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = need;
	writer_clear(&plain);
	return rv;
}

/* -- restoring ---------------------------------------------------------------------------------- */

/* Operations as read, before they take the place of the session's. */
struct restored {
	struct operation *ops[OP_KINDS];
};

static void restored_clear(struct restored *r)
{
	for (int kind = 0; kind < OP_KINDS; kind++)
		operation_free(r->ops[kind]);
}

static CK_RV read_all(struct token *token, struct reader *plain, struct restored *r)
{
	unsigned n = read_u8(plain);
	if (n < 1)
		return CKR_SAVED_STATE_INVALID;
	for (unsigned i = 0; i < n; i++) {
		struct operation *op = secret_alloc(sizeof *op);
		if (!op)
			return CKR_HOST_MEMORY;
		CK_RV rv = state_read(token, plain, op);
		if (rv == CKR_OK && (!has_state(op->kind) || r->ops[op->kind]))
			rv = CKR_SAVED_STATE_INVALID;
		if (rv != CKR_OK) {
			operation_free(op);
			return rv;
		}
		r->ops[op->kind] = op;
	}
	return reader_done(plain) ? CKR_OK : CKR_SAVED_STATE_INVALID;
}

/* The same key, and still allowed to do it. */
static CK_RV attach_key(struct session *s, struct operation *op, CK_OBJECT_HANDLE handle)
{
	struct object *key;
	if (handle == 0)
		return CKR_KEY_NEEDED;
	CK_RV rv = object_find(s, handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv != CKR_OK)
		return rv;
	bool same = memcmp(key->uuid, op->key_uuid, sizeof key->uuid) == 0;
	object_rele(key);
	if (!same)
		return CKR_KEY_CHANGED;
	return operation_find_key(s, op->mech, operation_use(op->kind), handle, &op->key);
}

static CK_RV attach_keys(struct session *s, struct restored *r, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE auth_key)
{
	bool enc_used = false, auth_used = false;
	CK_RV rv = CKR_OK;
	for (int kind = 0; kind < OP_KINDS && rv == CKR_OK; kind++) {
		if (!r->ops[kind] || kind == OP_DIGEST)
			continue;
		bool crypts = kind == OP_ENCRYPT || kind == OP_DECRYPT;
		rv = attach_key(s, r->ops[kind], crypts ? enc_key : auth_key);
		*(crypts ? &enc_used : &auth_used) = true;
	}
	if (rv == CKR_OK && ((enc_key && !enc_used) || (auth_key && !auth_used)))
		rv = CKR_KEY_NOT_NEEDED;
	return rv;
}

/* What the session was doing is over, whatever was restored. */
static void replace(struct session *s, struct restored *r)
{
	for (int kind = 0; kind < OP_KINDS; kind++) {
		operation_end(s->ops[kind]);
		if (!r->ops[kind])
			continue;
		operation_free(s->ops[kind]);
		s->ops[kind] = r->ops[kind];
		r->ops[kind] = NULL;
	}
}

CK_RV state_restore(struct session *s, const CK_BYTE *state, CK_ULONG len, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE auth_key)
{
	struct restored restored = {0};
	uint8_t *plain;
	CK_RV rv = unseal(s->token->slot, state, len, &plain);
	if (rv != CKR_OK)
		return rv;
	struct reader r = reader_of(plain, len - OVERHEAD);
	rv = read_all(s->token, &r, &restored);
	if (rv == CKR_OK)
		rv = attach_keys(s, &restored, enc_key, auth_key);
	if (rv == CKR_OK)
		replace(s, &restored);
	restored_clear(&restored);
	secret_free(plain);
	return rv;
}
