/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: made, taken in, given out, expanded, forgotten. A copy of the soft domain is the clear form of the key. */
#include "driver/soft/soft.h"

#include "sm/sm3.h"
#include "sm/sm4.h"
#include "sm/zuc.h"

/* The lengths that a type's clear form may have (enum hufu_key_type). False: no such type. */
static bool clear_len(enum hufu_key_type type, size_t *min, size_t *max)
{
	switch (type) {
	case HUFU_KEY_SM2_PRIVATE:
		*min = *max = SM2_SCALAR_LEN;
		return true;
	case HUFU_KEY_SM2_PUBLIC:
		*min = *max = SM2_POINT_LEN;
		return true;
	case HUFU_KEY_SM4:
		*min = *max = SM4_KEY_LEN;
		return true;
	case HUFU_KEY_ZUC:
		*min = *max = ZUC_KEY_LEN;
		return true;
	case HUFU_KEY_SECRET:
		*min = 1;
		*max = SOFT_SECRET_MAX;
		return true;
	}
	return false;
}

static enum hufu_err check_len(enum hufu_key_type type, size_t len)
{
	size_t min, max;

	if (!clear_len(type, &min, &max))
		return HUFU_ERR_KEY_TYPE;
	return len >= min && len <= max ? HUFU_OK : HUFU_ERR_KEY_SIZE;
}

enum hufu_err soft_check_copy(const struct hufu_key *key)
{
	if (key->copy_kind != HUFU_COPY_BLOB || !key->blob)
		return HUFU_ERR_NO_KEY;
	return check_len(key->type, key->blob_len);
}

/* -- the expanded form ----------------------------------------------------- */

static size_t loaded_len(enum hufu_key_type type)
{
	switch (type) {
	case HUFU_KEY_SM2_PRIVATE:
		return sizeof(struct sm2_private);
	case HUFU_KEY_SM2_PUBLIC:
		return sizeof(struct sm2_public);
	case HUFU_KEY_SM4:
		return sizeof(struct sm4_key);
	case HUFU_KEY_SECRET:
		return sizeof(struct sm3_hmac_key);
	case HUFU_KEY_ZUC:
		break;
	}
	return 0;
}

static enum hufu_err expand(const struct hufu_key *key, void *loaded)
{
	switch (key->type) {
	case HUFU_KEY_SM2_PRIVATE:
		return soft_sm2_err(sm2_private_init(loaded, key->blob));
	case HUFU_KEY_SM2_PUBLIC:
		return soft_sm2_err(sm2_public_init(loaded, key->blob));
	case HUFU_KEY_SM4:
		sm4_key_init(loaded, key->blob);
		return HUFU_OK;
	case HUFU_KEY_SECRET:
		sm3_hmac_key_init(loaded, key->blob, key->blob_len);
		return HUFU_OK;
	case HUFU_KEY_ZUC:
		break;
	}
	return HUFU_ERR_KEY_TYPE;
}

/* Several leases may come here with one key at once: the first to publish wins, the others free theirs. */
static enum hufu_err load_slowly(const struct hufu_host *host, struct hufu_key *key, const void **out)
{
	enum hufu_err err = soft_check_copy(key);
	if (err != HUFU_OK)
		return err;
	void *mine = host->secret_alloc(loaded_len(key->type));
	if (!mine)
		return HUFU_ERR_NO_MEMORY;
	err = expand(key, mine);
	if (err != HUFU_OK) {
		host->secret_free(mine);
		return err;
	}
	void *other = NULL;
	if (!__atomic_compare_exchange_n(&key->loaded, &other, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		host->secret_free(mine);
		mine = other;
	}
	*out = mine;
	return HUFU_OK;
}

enum hufu_err soft_load(const struct hufu_host *host, struct hufu_key *key, const void **loaded)
{
	*loaded = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE);
	return *loaded ? HUFU_OK : load_slowly(host, key, loaded);
}

static enum hufu_err evict(const struct hufu_host *host, struct hufu_op *op)
{
	if (op->key)
		host->secret_free(__atomic_exchange_n(&op->key->loaded, NULL, __ATOMIC_ACQ_REL));
	return HUFU_OK;
}

/* -- verbs ----------------------------------------------------------------- */

static enum hufu_err random_bytes(const struct hufu_host *host, struct hufu_op *op)
{
	op->out_len = op->out_cap;
	return op->out_cap ? host->random(op->out, op->out_cap) : HUFU_OK;
}

/* What is imported is what a copy holds; only SM2 has values that are none. */
static enum hufu_err import(const struct hufu_host *host, struct hufu_op *op)
{
	enum hufu_err err = op->in ? check_len(op->new_type, op->in_len) : HUFU_ERR_ARGUMENT;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len);
	if (err != HUFU_OK)
		return err;
	if (op->new_type == HUFU_KEY_SM2_PRIVATE || op->new_type == HUFU_KEY_SM2_PUBLIC) {
		struct hufu_key key = {.size = sizeof(key),
		                       .type = op->new_type,
		                       .copy_kind = HUFU_COPY_BLOB,
		                       .blob = op->in,
		                       .blob_len = op->in_len};
		const void *loaded;

		err = soft_load(host, &key, &loaded);
		if (err != HUFU_OK)
			return err;
		memcpy(op->pub, op->new_type == HUFU_KEY_SM2_PRIVATE ? ((const struct sm2_private *)loaded)->point :
		                                                      ((const struct sm2_public *)loaded)->point, SM2_POINT_LEN);
		op->pub_len = SM2_POINT_LEN;
		host->secret_free(key.loaded);
	}
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

const struct soft_row soft_key_rows[] = {
	{0, HUFU_VERB_RANDOM, 0, false, random_bytes, 0, 0},
	{0, HUFU_VERB_IMPORT, 0, false, import, 0, 0},
	{0, HUFU_VERB_EXPORT, 0, false, export, 0, 0},
	{0, HUFU_VERB_EVICT, 0, false, evict, 0, 0},
	{CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, false, soft_sm2_generate, 256, 256},
	{CKM_HUFU_SM3_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate_secret, 8, 8 * SOFT_SECRET_MAX},
	{CKM_HUFU_SM4_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate_sm4, 128, 128},
	{CKM_HUFU_ZUC_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate_zuc, 128, 128},
	{0, 0, 0, false, NULL, 0, 0},
};
