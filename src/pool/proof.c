/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs: how devices show that they belong to their domain, or hold the key they should at an index. */
#include "pool/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"

struct proof {
	struct proof *next;
	_Atomic uint32_t refs;
	char *domain;
	enum hufu_copy_kind kind;
	uint8_t *copy;             /* secret memory */
	size_t len;
	bool resident;             /* of a key that was found there: a device that cannot use it is not wrong */
	enum hufu_key_type type;   /* SM2_PRIVATE; SM4 or AES: encrypts in to out */
	uint8_t in[16], out[16];
	struct sm2_public point;
};

static void proof_rele(struct proof *proof)
{
	if (atomic_fetch_sub(&proof->refs, 1) != 1)
		return;
	secret_free(proof->copy);
	free(proof->domain);
	free(proof);
}

static struct proof *proof_new(const struct pool_copy *copy)
{
	struct proof *proof = calloc(1, sizeof(*proof));

	if (!proof)
		return NULL;
	atomic_init(&proof->refs, 1);
	proof->kind = copy->kind;
	proof->domain = strdup(copy->domain ? copy->domain : "");
	proof->copy = secret_alloc(copy->len ? copy->len : 1);
	if (!proof->domain || !proof->copy) {
		proof_rele(proof);
		return NULL;
	}
	memcpy(proof->copy, copy->data, copy->len);
	proof->len = copy->len;
	return proof;
}

void proof_ask_again_locked(struct pool *pool, const char *domain)
{
	atomic_fetch_add(&pool->proofs_given, 1);
	for (size_t i = 0; i < pool->ndevices; i++)
		if (strcmp(atomic_load(&pool->devices[i])->conf->domain, domain) == 0)
			atomic_store(&atomic_load(&pool->devices[i])->proven, false);
}

static void add(struct pool *pool, struct proof *proof)
{
	pthread_mutex_lock(&pool->keys_lock);
	proof->next = pool->proofs;
	pool->proofs = proof;
	proof_ask_again_locked(pool, proof->domain);
	pthread_mutex_unlock(&pool->keys_lock);
	atomic_store(&pool->inline_due_ns, 0);
	keeper_poke();
}

static enum hufu_err add_signing(struct pool *pool, const struct pool_copy *copy, const uint8_t point[64], bool resident)
{
	struct sm2_public public;

	if (sm2_public_init(&public, point) != SM2_OK)
		return HUFU_ERR_KEY_VALUE;
	struct proof *proof = proof_new(copy);
	if (!proof)
		return HUFU_ERR_NO_MEMORY;
	proof->type = HUFU_KEY_SM2_PRIVATE;
	proof->point = public;
	proof->resident = resident;
	add(pool, proof);
	return HUFU_OK;
}

enum hufu_err pool_add_proof(struct pool *pool, const struct pool_copy *copy, const uint8_t point[64])
{
	return add_signing(pool, copy, point, false);
}

enum hufu_err pool_add_resident_proof(struct pool *pool, const struct pool_copy *copy, const uint8_t point[64])
{
	return add_signing(pool, copy, point, true);
}

enum hufu_err pool_add_secret_proof(struct pool *pool, enum hufu_key_type type, const struct pool_copy *copy, const uint8_t in[16],
                                    const uint8_t out[16])
{
	if (type != HUFU_KEY_SM4 && type != HUFU_KEY_AES)
		return HUFU_ERR_KEY_TYPE;
	struct proof *proof = proof_new(copy);
	if (!proof)
		return HUFU_ERR_NO_MEMORY;
	proof->type = type;
	memcpy(proof->in, in, sizeof(proof->in));
	memcpy(proof->out, out, sizeof(proof->out));
	add(pool, proof);
	return HUFU_OK;
}

void pool_drop_proofs(struct pool *pool)
{
	struct proof *next;

	pthread_mutex_lock(&pool->keys_lock);
	struct proof *proof = pool->proofs;
	pool->proofs = NULL;
	for (size_t i = 0; i < pool->ndevices && !pool->credentials; i++)
		atomic_store(&atomic_load(&pool->devices[i])->proven, true);
	pthread_mutex_unlock(&pool->keys_lock);
	for (; proof; proof = next) {
		next = proof->next;
		proof_rele(proof);
	}
}

/* The nth of this domain, held; NULL: there are not so many. */
static struct proof *proof_hold(struct pool *pool, const char *domain, size_t n)
{
	pthread_mutex_lock(&pool->keys_lock);
	struct proof *proof = pool->proofs;
	while (proof && (strcmp(proof->domain, domain) != 0 || n--))
		proof = proof->next;
	if (proof)
		atomic_fetch_add(&proof->refs, 1);
	pthread_mutex_unlock(&pool->keys_lock);
	return proof;
}

bool proof_is_given_for(struct pool *pool, const char *domain)
{
	struct proof *proof = proof_hold(pool, domain, 0);

	if (proof)
		proof_rele(proof);
	return proof != NULL;
}

bool device_must_prove(const struct device *device)
{
	return !atomic_load(&device->proven) && device->proofs_asked != atomic_load(&device->pool->proofs_given);
}

/* A proof that was given while it was asked for the others is still to come. */
void device_set_proven(struct device *device, bool proven, uint32_t proofs)
{
	pthread_mutex_lock(&device->pool->keys_lock);
	bool all = proofs == atomic_load(&device->pool->proofs_given);
	device->proofs_asked = proofs;
	atomic_store(&device->proven, (proven && all) || !(device->pool->proofs || device->pool->credentials));
	pthread_mutex_unlock(&device->pool->keys_lock);
	if (proven && all)
		pool_changed(device->pool);
}

/* -- asked ------------------------------------------------------------------------- */

static enum hufu_err fails(struct admission *a, const struct proof *proof)
{
	uint32_t index = 0;

	for (size_t i = 0; i < proof->len && i < 4; i++)
		index = index << 8 | proof->copy[i];
	if (proof->kind == HUFU_COPY_INDEX && proof->len == 4)
		snprintf(a->why, a->why_len, "it holds another key at index %u", index);
	else if (proof->kind == HUFU_COPY_INDEX)
		snprintf(a->why, a->why_len, "it holds another key than domain \"%.60s\" where that keeps one", proof->domain);
	else
		snprintf(a->why, a->why_len, "it belongs to another domain than \"%.60s\"", proof->domain);
	return HUFU_ERR_CORRUPT;
}

/* A copy that it cannot open, or an index that is empty, is as good as a wrong signature. */
static enum hufu_err prove(struct admission *a, struct proof *proof)
{
	struct hufu_key key = {.size = sizeof(key), .version = 1, .type = proof->type, .copy_kind = proof->kind,
	                       .blob = proof->copy, .blob_len = proof->len};
	bool right;
	enum hufu_err err = proof->type == HUFU_KEY_SM2_PRIVATE ? admit_signs(a, &key, &proof->point, &right) :
	                                                          admit_encrypts(a, &key, proof->in, proof->out, &right);
	bool cannot = hufu_err_group(err) == HUFU_GROUP_CALLER || hufu_err_group(err) == HUFU_GROUP_NO_KEY;

	admit_forget(a, &key);
	if (right || (cannot && proof->resident))
		return HUFU_OK;
	if (err == HUFU_OK || cannot)
		return fails(a, proof);
	return err;
}

enum hufu_err admit_prove(struct admission *a, uint32_t *proofs)
{
	enum hufu_err err = HUFU_OK;
	struct proof *proof;

	*proofs = atomic_load(&a->device->pool->proofs_given); /* before: one that comes meanwhile counts as not asked */
	for (size_t n = 0; err == HUFU_OK && (proof = proof_hold(a->device->pool, a->device->conf->domain, n)); n++) {
		err = prove(a, proof);
		proof_rele(proof);
	}
	return err;
}
