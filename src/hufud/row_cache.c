/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of rows: sets of a few ways each, picked by bytes of the uuid, which is random (it follows from a keyed hash). With
 * the store down they go on serving, for as long as the store's owner bears it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hufud/token_internal.h"

#define SETS 1024u
#define WAYS 8u

struct kept {
	uint8_t uuid[16];
	uint64_t version, changes, used;
	struct facts facts;
	struct pool_key *key;          /* NULL: the way is free */
};

struct row_cache {
	pthread_mutex_t lock;
	uint64_t tick;
	struct kept ways[SETS][WAYS];
};

enum hufu_err row_cache_new(struct row_cache **out)
{
	struct row_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_init(&cache->lock, NULL);
	*out = cache;
	return HUFU_OK;
}

void row_cache_free(struct row_cache *cache)
{
	if (!cache)
		return;
	row_cache_drop_all(cache);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static struct kept *set_of(struct row_cache *cache, const uint8_t uuid[16])
{
	return cache->ways[((unsigned)uuid[14] << 8 | uuid[15]) % SETS];
}

static struct kept *find_locked(struct row_cache *cache, const uint8_t uuid[16])
{
	struct kept *set = set_of(cache, uuid);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key && memcmp(set[i].uuid, uuid, sizeof(set[i].uuid)) == 0)
			return &set[i];
	return NULL;
}

/* Its own, a free one, or the one that was used longest ago. */
static struct kept *place_locked(struct row_cache *cache, const uint8_t uuid[16])
{
	struct kept *set = set_of(cache, uuid), *place = find_locked(cache, uuid);

	for (size_t i = 0; i < WAYS && !place; i++)
		if (!set[i].key)
			place = &set[i];
	if (place)
		return place;
	place = &set[0];
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < place->used)
			place = &set[i];
	return place;
}

static bool give_locked(struct row_cache *cache, struct kept *kept, struct facts *facts, struct pool_key **key, uint64_t *version)
{
	kept->used = ++cache->tick;
	*facts = kept->facts;
	*key = pool_key_hold(kept->key);
	*version = kept->version;
	return true;
}

bool row_cache_get(struct row_cache *cache, const uint8_t uuid[16], uint64_t changes, struct facts *facts, struct pool_key **key,
                   uint64_t *version)
{
	pthread_mutex_lock(&cache->lock);
	struct kept *kept = find_locked(cache, uuid);
	bool found = kept && kept->changes == changes && give_locked(cache, kept, facts, key, version);
	pthread_mutex_unlock(&cache->lock);
	return found;
}

bool row_cache_get_stale(struct row_cache *cache, const uint8_t uuid[16], struct facts *facts, struct pool_key **key,
                         uint64_t *version)
{
	pthread_mutex_lock(&cache->lock);
	struct kept *kept = find_locked(cache, uuid);
	bool found = kept && give_locked(cache, kept, facts, key, version);
	pthread_mutex_unlock(&cache->lock);
	return found;
}

void row_cache_put(struct row_cache *cache, const uint8_t uuid[16], uint64_t version, uint64_t changes, const struct facts *facts,
                   struct pool_key *key)
{
	pthread_mutex_lock(&cache->lock);
	struct kept *kept = place_locked(cache, uuid);
	struct pool_key *former = kept->key;
	*kept = (struct kept){.version = version, .changes = changes, .used = ++cache->tick, .facts = *facts,
	                      .key = pool_key_hold(key)};
	memcpy(kept->uuid, uuid, sizeof(kept->uuid));
	pthread_mutex_unlock(&cache->lock);
	pool_key_rele(former); /* devices forget it: not under the lock */
}

void row_cache_confirm(struct row_cache *cache, const uint8_t uuid[16], uint64_t version, uint64_t changes)
{
	pthread_mutex_lock(&cache->lock);
	struct kept *kept = find_locked(cache, uuid);
	if (kept && kept->version == version)
		kept->changes = changes;
	pthread_mutex_unlock(&cache->lock);
}

void row_cache_drop(struct row_cache *cache, const uint8_t uuid[16])
{
	struct pool_key *key = NULL;

	pthread_mutex_lock(&cache->lock);
	struct kept *kept = find_locked(cache, uuid);
	if (kept) {
		key = kept->key;
		kept->key = NULL;
	}
	pthread_mutex_unlock(&cache->lock);
	pool_key_rele(key);
}

void row_cache_drop_all(struct row_cache *cache)
{
	for (size_t set = 0; set < SETS; set++)
		for (size_t way = 0; way < WAYS; way++) {
			pthread_mutex_lock(&cache->lock);
			struct pool_key *key = cache->ways[set][way].key;
			cache->ways[set][way].key = NULL;
			pthread_mutex_unlock(&cache->lock);
			pool_key_rele(key);
		}
}
