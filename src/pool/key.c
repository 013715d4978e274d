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

/* As one device sees it. */
static void make_view(struct hufu_key *view, const struct pool_key *key, const struct device *device)
{
	*view = (struct hufu_key){.size = sizeof(*view), .version = key->version, .type = key->type,
	                          .hardware_only = key->hardware_only};
	memcpy(view->uuid, key->uuid, sizeof(view->uuid));
	for (size_t i = 0; i < key->ncopies && !view->blob; i++)
		if (is_for(&key->copies[i], device)) {
			view->copy_kind = key->copies[i].kind;
			view->blob = key->copies[i].data;
			view->blob_len = key->copies[i].len;
		}
}

static struct key_views *views_new(unsigned first, unsigned n)
{
	struct key_views *views = calloc(1, sizeof(*views) + n * sizeof(views->views[0]));

	if (views) {
		views->first = first;
		views->n = n;
	}
	return views;
}

/* Of all devices that there are; the views of those that are gone are not made. */
static bool make_views_locked(struct pool_key *key)
{
	struct pool *pool = key->pool;
	unsigned first = pool->nviews;

	for (size_t i = 0; i < pool->ndevices; i++)
		if (pool->devices[i]->view < first)
			first = pool->devices[i]->view;
	key->views = views_new(first, pool->nviews - first);
	if (!key->views)
		return false;
	for (size_t i = 0; i < pool->ndevices; i++)
		make_view(&key->views->views[pool->devices[i]->view - first].key, key, pool->devices[i]);
	return true;
}

static void append_views(struct pool_key *key, struct key_views *views)
{
	struct key_views *last = key->views;

	while (atomic_load(&last->next))
		last = atomic_load(&last->next);
	atomic_store_explicit(&last->next, views, memory_order_release);
}

static bool add_views_locked(const struct device *device)
{
	for (struct pool_key *key = device->pool->keys; key; key = key->next) {
		struct key_views *views = views_new(device->view, 1);

		if (!views)
			return false;
		make_view(&views->views[0].key, key, device);
		append_views(key, views);
	}
	return true;
}

enum hufu_err key_join(struct device *device, unsigned index)
{
	struct pool *pool = device->pool;

	pthread_mutex_lock(&pool->keys_lock);
	device->index = index;
	device->view = pool->nviews++; /* spent even where memory runs out: some keys may have it already */
	bool joined = add_views_locked(device);
	if (joined) {
		atomic_store(&pool->devices[index], device);
		if (index == pool->ndevices)
			pool->ndevices++;
	}
	pthread_mutex_unlock(&pool->keys_lock);
	return joined ? HUFU_OK : HUFU_ERR_NO_MEMORY;
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

void key_free(struct pool_key *key)
{
	struct key_views *next;

	for (struct key_views *views = key->views; views; views = next) {
		next = atomic_load(&views->next);
		free(views);
	}
	secret_free(key->secrets);
	free(key->copies);
	free(key->point);
	check_key_free(key->pool, key->check);
	free(key);
}

static void link_locked(struct pool_key *key)
{
	key->next = key->pool->keys;
	key->link = &key->pool->keys;
	if (key->next)
		key->next->link = &key->next;
	key->pool->keys = key;
}

enum hufu_err pool_key_new(struct pool *pool, const uint8_t uuid[16], uint64_t version, enum hufu_key_type type,
                           const struct pool_copy *copies, size_t ncopies, struct pool_key **out)
{
	struct pool_key *key = calloc(1, sizeof(*key));

	if (!key)
		return HUFU_ERR_NO_MEMORY;
	key->pool = pool;
	key->type = type;
	key->version = version;
	memcpy(key->uuid, uuid, sizeof(key->uuid));
	atomic_init(&key->refs, 1);
	if (!take_copies(key, copies, ncopies)) {
		key_free(key);
		return HUFU_ERR_NO_MEMORY;
	}
	pthread_mutex_lock(&pool->keys_lock);
	bool made = make_views_locked(key);
	if (made)
		link_locked(key);
	pthread_mutex_unlock(&pool->keys_lock);
	if (!made) {
		key_free(key);
		return HUFU_ERR_NO_MEMORY;
	}
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

void pool_key_set_policy(struct pool_key *key, bool hardware_only, bool fallback)
{
	key->hardware_only = hardware_only;
	key->fallback = fallback && !hardware_only;
	key->has_policy = true;
	for (struct key_views *views = key->views; views; views = atomic_load(&views->next))
		for (unsigned i = 0; i < views->n; i++)
			views->views[i].key.hardware_only = hardware_only;
}

struct pool_key *pool_key_hold(struct pool_key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

bool key_type_is_public(enum hufu_key_type type)
{
	switch (type) {
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PUBLIC:
		return true;
	case HUFU_KEY_SM2_PRIVATE:
	case HUFU_KEY_SM4:
	case HUFU_KEY_ZUC:
	case HUFU_KEY_SECRET:
	case HUFU_KEY_AES:
	case HUFU_KEY_DES3:
	case HUFU_KEY_RSA_PRIVATE:
	case HUFU_KEY_EC_PRIVATE:
	case HUFU_KEY_EDWARDS_PRIVATE:
	case HUFU_KEY_MONTGOMERY_PRIVATE:
		break;
	}
	return false;
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
