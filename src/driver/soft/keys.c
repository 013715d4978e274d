/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: made, taken in, given out, expanded, forgotten. A copy of the soft domain is the clear form of the key. */
#include "driver/soft/soft.h"

#include "crypto/context.h"
#include "sm/sm4.h"
#include "sm/zuc.h"

static const struct soft_kind *const families[] = {
	soft_sm_kinds, soft_secret_kinds,
	soft_aes_kinds, soft_des3_kinds,
	soft_rsa_kinds,
	soft_ec_kinds, soft_edwards_kinds, soft_montgomery_kinds,
};

/* NULL: no such type. */
static const struct soft_kind *kind_of(enum hufu_key_type type)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct soft_kind *kind = families[i]; kind->type; kind++)
			if (kind->type == type)
				return kind;
	return NULL;
}

static enum hufu_err check_len(enum hufu_key_type type, size_t len)
{
	const struct soft_kind *kind = kind_of(type);

	if (!kind)
		return HUFU_ERR_KEY_TYPE;
	return len >= kind->min_len && len <= kind->max_len ? HUFU_OK : HUFU_ERR_KEY_SIZE;
}

enum hufu_err soft_check_copy(const struct hufu_key *key)
{
	if (key->copy_kind != HUFU_COPY_BLOB || !key->blob)
		return HUFU_ERR_NO_KEY;
	return check_len(key->type, key->blob_len);
}

/* -- the expanded form ----------------------------------------------------- */

static void discard(const struct hufu_host *host, const struct soft_kind *kind, void *loaded)
{
	if (loaded && kind && kind->forget)
		kind->forget(loaded);
	host->secret_free(loaded);
}

/* Made before a fork, in a library context that this process does not touch. */
static bool is_foreign(const struct soft_kind *kind, const void *loaded)
{
	return kind->of_libcrypto && *(const uint32_t *)loaded != libcrypto_epoch();
}

static enum hufu_err make(const struct hufu_host *host, const struct soft_kind *kind, const struct hufu_key *key, void **out)
{
	enum hufu_err err = soft_check_copy(key);
	if (err != HUFU_OK)
		return err;
	void *loaded = host->secret_alloc(kind->loaded_len);
	if (!loaded)
		return HUFU_ERR_NO_MEMORY;
	err = kind->expand(kind, key, loaded);
	if (err != HUFU_OK) {
		discard(host, kind, loaded);
		return err;
	}
	*out = loaded;
	return HUFU_OK;
}

/*
 * Several leases may come here with one key at once: the first to publish wins,
 * the others free theirs. What stands there from before a fork is replaced, and
 * left to the parent.
 */
static enum hufu_err load_slowly(const struct hufu_host *host, struct hufu_key *key, void *found, const void **out)
{
	const struct soft_kind *kind = kind_of(key->type);
	void *mine;

	if (!kind || !kind->loaded_len)
		return HUFU_ERR_KEY_TYPE;
	if (kind->of_libcrypto && !libcrypto_context())
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = make(host, kind, key, &mine);
	if (err != HUFU_OK)
		return err;
	if (!__atomic_compare_exchange_n(&key->loaded, &found, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		discard(host, kind, mine);
		mine = found;
	}
	*out = mine;
	return HUFU_OK;
}

enum hufu_err soft_load(const struct hufu_host *host, struct hufu_key *key, const void **loaded)
{
	void *found = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE);

	*loaded = found;
	if (found && (key->type <= HUFU_KEY_SECRET || (libcrypto_context() && !is_foreign(kind_of(key->type), found))))
		return HUFU_OK;
	return load_slowly(host, key, found, loaded);
}

static enum hufu_err evict(const struct hufu_host *host, struct hufu_op *op)
{
	const struct soft_kind *kind = op->key ? kind_of(op->key->type) : NULL;
	void *loaded = op->key ? __atomic_exchange_n(&op->key->loaded, NULL, __ATOMIC_ACQ_REL) : NULL;

	if (loaded && kind && is_foreign(kind, loaded))
		host->secret_free(loaded);
	else
		discard(host, kind, loaded);
	return HUFU_OK;
}

/* -- verbs ----------------------------------------------------------------- */

static enum hufu_err random_bytes(const struct hufu_host *host, struct hufu_op *op)
{
	op->out_len = op->out_cap;
	return op->out_cap ? host->random(op->out, op->out_cap) : HUFU_OK;
}

enum hufu_err soft_import(const struct hufu_host *host, struct hufu_op *op)
{
	const struct soft_kind *kind = kind_of(op->new_type);
	enum hufu_err err = op->in ? check_len(op->new_type, op->in_len) : HUFU_ERR_ARGUMENT;

	if (err == HUFU_OK && kind->of_libcrypto && !libcrypto_context())
		err = HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len);
	if (err != HUFU_OK)
		return err;
	if (kind->import)
		return kind->import(host, op);
	memcpy(op->out, op->in, op->in_len);
	return HUFU_OK;
}

static enum hufu_err export(const struct hufu_host *host, struct hufu_op *op)
{
	enum hufu_err err = op->key ? soft_check_copy(op->key) : HUFU_ERR_ARGUMENT;

	(void)host;
	if (err == HUFU_OK)
		err = soft_room(op, op->key->blob_len);
	if (err == HUFU_OK)
		memcpy(op->out, op->key->blob, op->key->blob_len);
	return err;
}

static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op, enum hufu_key_type type, size_t len)
{
	if (op->new_type != type)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = check_len(type, len);
	if (err == HUFU_OK)
		err = soft_room(op, len);
	return err == HUFU_OK ? host->random(op->out, len) : err;
}

/* new_len is of keys that have a choice; where there is none, it is left out or right. */
static enum hufu_err generate_16(const struct hufu_host *host, struct hufu_op *op, enum hufu_key_type type)
{
	return generate(host, op, type, op->new_len ? op->new_len : 16);
}

static enum hufu_err generate_sm4(const struct hufu_host *host, struct hufu_op *op)
{
	return generate_16(host, op, HUFU_KEY_SM4);
}

static enum hufu_err generate_zuc(const struct hufu_host *host, struct hufu_op *op)
{
	return generate_16(host, op, HUFU_KEY_ZUC);
}

static enum hufu_err generate_secret(const struct hufu_host *host, struct hufu_op *op)
{
	return generate(host, op, HUFU_KEY_SECRET, op->new_len);
}

/* -- the kinds of SM keys --------------------------------------------------- */

static enum hufu_err expand_sm2_private(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	(void)kind;
	return soft_sm2_err(sm2_private_init(loaded, key->blob));
}

static enum hufu_err expand_sm2_public(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	(void)kind;
	return soft_sm2_err(sm2_public_init(loaded, key->blob));
}

static enum hufu_err expand_sm4(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	(void)kind;
	sm4_key_init(loaded, key->blob);
	return HUFU_OK;
}

/* Only SM2 has values that are no keys. */
static enum hufu_err import_sm2(const struct hufu_host *host, struct hufu_op *op)
{
	struct hufu_key key = {.size = sizeof(key), .type = op->new_type, .copy_kind = HUFU_COPY_BLOB, .blob = op->in,
	                       .blob_len = op->in_len};
	const void *loaded;
	enum hufu_err err = soft_load(host, &key, &loaded);

	if (err != HUFU_OK)
		return err;
	const uint8_t *point = op->new_type == HUFU_KEY_SM2_PRIVATE ? ((const struct sm2_private *)loaded)->point :
	                                                             ((const struct sm2_public *)loaded)->point;
	soft_give_public(op, point, SM2_POINT_LEN);
	memcpy(op->out, op->in, op->in_len);
	host->secret_free(key.loaded);
	return HUFU_OK;
}

const struct soft_kind soft_sm_kinds[] = {
	{HUFU_KEY_SM2_PRIVATE, SM2_SCALAR_LEN, SM2_SCALAR_LEN, sizeof(struct sm2_private), expand_sm2_private, NULL, import_sm2, false},
	{HUFU_KEY_SM2_PUBLIC, SM2_POINT_LEN, SM2_POINT_LEN, sizeof(struct sm2_public), expand_sm2_public, NULL, import_sm2, false},
	{HUFU_KEY_SM4, SM4_KEY_LEN, SM4_KEY_LEN, sizeof(struct sm4_key), expand_sm4, NULL, NULL, false},
	{HUFU_KEY_ZUC, ZUC_KEY_LEN, ZUC_KEY_LEN, 0, NULL, NULL, NULL, false},
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

/* -- the driver's rows -------------------------------------------------------- */

const struct soft_row soft_key_rows[] = {
	{0, HUFU_VERB_RANDOM, 0, false, random_bytes, 0, 0},
	{0, HUFU_VERB_IMPORT, 0, false, soft_import, 0, 0},
	{0, HUFU_VERB_EXPORT, 0, false, export, 0, 0},
	{0, HUFU_VERB_EVICT, 0, false, evict, 0, 0},
	{CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, false, soft_sm2_generate, 256, 256},
	{CKM_HUFU_SM3_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate_secret, 8, 8 * SOFT_SECRET_MAX},
	{CKM_HUFU_SM4_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate_sm4, 128, 128},
	{CKM_HUFU_ZUC_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate_zuc, 128, 128},
	{0, 0, 0, false, NULL, 0, 0},
};
