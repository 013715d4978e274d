/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: their copies, and a view of each for every device. */
#include "pool/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"

/* A public key's copy has no domain: any device can use it. */
static bool is_for(const struct pool_copy *copy, const struct device *device)
{
	return !copy->domain || strcmp(copy->domain, device->conf->domain) == 0;
}

static void make_views(struct pool_key *key, const uint8_t uuid[16], uint64_t version)
{
	struct pool *pool = key->pool;

	for (size_t d = 0; d < pool->ndevices; d++) {
		struct hufu_key *view = &key->views[d];

		*view = (struct hufu_key){.size = sizeof(*view), .version = version, .type = key->type};
		memcpy(view->uuid, uuid, sizeof(view->uuid));
		for (size_t i = 0; i < key->ncopies && !view->blob; i++)
			if (is_for(&key->copies[i], pool->devices[d])) {
				view->copy_kind = key->copies[i].kind;
				view->blob = key->copies[i].data;
				view->blob_len = key->copies[i].len;
			}
	}
}

/* One block holds domains (for they may go with the caller's memory) and the copies' bytes. */
static bool take_copies(struct pool_key *key, const struct pool_copy *copies, size_t n)
{
	size_t len = 1;

	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(len, copies[i].len + (copies[i].domain ? strlen(copies[i].domain) + 1 : 0), &len))
			return false;
	key->copies = calloc(n + 1, sizeof(*key->copies));
	uint8_t *p = key->secrets = secret_alloc(len);
	if (!key->copies || !p)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct pool_copy *copy = &key->copies[i];
		size_t name_len = copies[i].domain ? strlen(copies[i].domain) + 1 : 0;

		*copy = (struct pool_copy){.kind = copies[i].kind, .data = p, .len = copies[i].len};
		if (copies[i].len)
			memcpy(p, copies[i].data, copies[i].len);
		p += copies[i].len;
		if (name_len)
			copy->domain = memcpy(p, copies[i].domain, name_len);
		p += name_len;
	}
	key->ncopies = n;
	return true;
}

static void key_free(struct pool_key *key)
{
	secret_free(key->secrets);
	free(key->copies);
	free(key->point);
	check_key_free(key->pool, key->check);
	free(key);
}

enum hufu_err pool_key_new(struct pool *pool, const uint8_t uuid[16], uint64_t version, enum hufu_key_type type,
                           const struct pool_copy *copies, size_t ncopies, struct pool_key **out)
{
	struct pool_key *key = calloc(1, sizeof(*key) + pool->ndevices * sizeof(key->views[0]));

	if (!key)
		return HUFU_ERR_NO_MEMORY;
	key->pool = pool;
	key->type = type;
	atomic_init(&key->refs, 1);
	if (!take_copies(key, copies, ncopies)) {
		key_free(key);
		return HUFU_ERR_NO_MEMORY;
	}
	make_views(key, uuid, version);
	pthread_mutex_lock(&pool->keys_lock);
	key->next = pool->keys;
	key->link = &pool->keys;
	if (key->next)
		key->next->link = &key->next;
	pool->keys = key;
	pthread_mutex_unlock(&pool->keys_lock);
	*out = key;
	return HUFU_OK;
}

enum hufu_err pool_key_set_point(struct pool_key *key, const uint8_t point[64])
{
	struct sm2_public *public = malloc(sizeof(*public));

	if (!public)
		return HUFU_ERR_NO_MEMORY;
	if (key->type != HUFU_KEY_SM2_PRIVATE || sm2_public_init(public, point) != SM2_OK) {
		free(public);
		return HUFU_ERR_KEY_VALUE;
	}
	free(key->point);
	key->point = public;
	return HUFU_OK;
}

enum hufu_err pool_key_set_public(struct pool_key *key, const uint8_t *spki, size_t len)
{
	struct check_key *check;
	enum hufu_err err = check_key_new(key->type, spki, len, &check);

	if (err != HUFU_OK)
		return err;
	check_key_free(key->pool, key->check);
	key->check = check;
	return HUFU_OK;
}

struct pool_key *pool_key_hold(struct pool_key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

/* -- eviction -------------------------------------------------------------- */

/* False: the device gives no lease now. */
static bool evict_from(struct device *device, struct hufu_key *view)
{
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_EVICT, .key = view};
	struct hufu_op *ops = &op;
	struct lease *lease;

	op.deadline_ns = clock_now_ns() + PROBE_TIME_NS;
	if (lease_take(device, op.deadline_ns, &lease) != HUFU_OK)
		return false;
	device->driver->run(lease->handle, &ops, 1);
	lease_put(device, lease);
	return true;
}

static bool evict(struct pool_key *key)
{
	bool all = true;

	for (size_t d = 0; d < key->pool->ndevices; d++) {
		struct hufu_key *view = &key->views[d];

		if (__atomic_load_n(&view->loaded, __ATOMIC_ACQUIRE))
			all &= evict_from(key->pool->devices[d], view);
	}
	return all;
}

/* A device that gives no lease now keeps its loaded form until the pool ends: the key waits for that in the list. */
void pool_key_rele(struct pool_key *key)
{
	if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (!evict(key))
		return;
	pthread_mutex_lock(&key->pool->keys_lock);
	*key->link = key->next;
	if (key->next)
		key->next->link = key->link;
	pthread_mutex_unlock(&key->pool->keys_lock);
	key_free(key);
}

void key_evict_leftovers(struct pool *pool)
{
	struct pool_key *next;

	for (struct pool_key *key = pool->keys; key; key = next) {
		next = key->next;
		if (atomic_load(&key->refs))
			(void)log_bug(); /* somebody still holds it: freeing it would make matters worse */
		else if (!evict(key))
			log_warning("a device that is gone keeps a key loaded");
		if (!atomic_load(&key->refs))
			key_free(key);
	}
	pool->keys = NULL;
}

void key_abandon_loaded(struct pool *pool, const struct device *device)
{
	for (struct pool_key *key = pool->keys; key; key = key->next)
		__atomic_store_n(&key->views[device->index].loaded, NULL, __ATOMIC_RELAXED);
}

enum hufu_key_type pool_key_type(const struct pool_key *key)
{
	return key->type;
}

size_t pool_key_copies(const struct pool_key *key, const struct pool_copy **copies)
{
	*copies = key->copies;
	return key->ncopies;
}
