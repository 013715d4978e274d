/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that clients sent, opened and known to the pool: a hash table by uuid
 * and version, one entry each, and a list by last use. What an entry is for is
 * told by all bytes of the copy: a client that says another's uuid gets an entry of its own in
 * place of that one, never that one's key.
 */
#include <stdlib.h>
#include <string.h>

#include "hufud/tenant_internal.h"
#include "rand/rand.h"

struct entry {
	struct entry *chain;           /* of its bucket */
	struct entry *newer, *older;   /* by last use; a ring through the cache */
	uint8_t uuid[16];
	uint64_t version;
	enum hufu_key_type type;
	bool said_hardware_only;       /* as the request said */
	bool hardware_only;            /* as it is */
	struct pool_key *key;
	size_t len;
	uint8_t bytes[];
};

struct key_cache {
	struct tenant *tenant;
	pthread_mutex_t lock;
	uint32_t n, max, mask;
	uint64_t seed;                 /* clients do not know which uuids share a bucket */
	struct entry ring;             /* newer of it: the one used longest ago; older of it: the one used last */
	struct entry **buckets;
};

enum hufu_err key_cache_new(struct tenant *tenant, uint32_t max, struct key_cache **out)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));
	uint32_t nbuckets = 1;

	while (nbuckets < max)
		nbuckets *= 2;
	if (!cache || !(cache->buckets = calloc(nbuckets, sizeof(struct entry *)))) {
		free(cache);
		return HUFU_ERR_NO_MEMORY;
	}
	cache->tenant = tenant;
	cache->max = max;
	cache->mask = nbuckets - 1;
	cache->ring.newer = cache->ring.older = &cache->ring;
	pthread_mutex_init(&cache->lock, NULL);
	enum hufu_err err = rand_bytes(&cache->seed, sizeof(cache->seed));
	if (err != HUFU_OK) {
		key_cache_free(cache);
		return err;
	}
	*out = cache;
	return HUFU_OK;
}

/* -- entries ---------------------------------------------------------------------- */

static struct entry **bucket_of(struct key_cache *cache, const uint8_t uuid[16], uint64_t version)
{
	uint64_t halves[2], h;

	memcpy(halves, uuid, sizeof(halves));
	h = (halves[0] ^ cache->seed) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 32 ^ halves[1] ^ version) * 0xd6e8feb86659fd93u;
	return &cache->buckets[(h ^ h >> 32) & cache->mask];
}

static bool is_same(const struct entry *entry, const struct hufu_key *key)
{
	return entry->type == key->type && entry->said_hardware_only == key->hardware_only && entry->len == key->blob_len &&
	       memcmp(entry->bytes, key->blob, entry->len) == 0;
}

static struct entry *find_locked(struct key_cache *cache, const struct hufu_key *key)
{
	for (struct entry *entry = *bucket_of(cache, key->uuid, key->version); entry; entry = entry->chain)
		if (entry->version == key->version && memcmp(entry->uuid, key->uuid, sizeof(entry->uuid)) == 0)
			return entry;
	return NULL;
}

static void place_newest_locked(struct key_cache *cache, struct entry *entry)
{
	entry->newer = &cache->ring;
	entry->older = cache->ring.older;
	entry->older->newer = entry;
	cache->ring.older = entry;
}

static void unplace_locked(struct entry *entry)
{
	entry->newer->older = entry->older;
	entry->older->newer = entry->newer;
}

static void take_out_locked(struct key_cache *cache, struct entry *entry)
{
	struct entry **at = bucket_of(cache, entry->uuid, entry->version);

	while (*at != entry)
		at = &(*at)->chain;
	*at = entry->chain;
	unplace_locked(entry);
	cache->n--;
}

static void put_in_locked(struct key_cache *cache, struct entry *entry)
{
	struct entry **bucket = bucket_of(cache, entry->uuid, entry->version);

	entry->chain = *bucket;
	*bucket = entry;
	place_newest_locked(cache, entry);
	cache->n++;
}

/* Without the lock: devices forget the key. Ops that hold it still go on. */
static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	pool_key_rele(entry->key);
	free(entry);
}

static struct entry *entry_new(const struct hufu_key *key, struct pool_key *pool_key, bool hardware_only)
{
	struct entry *entry = malloc(sizeof(*entry) + key->blob_len);

	if (!entry)
		return NULL;
	*entry = (struct entry){.version = key->version, .type = key->type, .said_hardware_only = key->hardware_only,
	                        .hardware_only = hardware_only, .key = pool_key, .len = key->blob_len};
	memcpy(entry->uuid, key->uuid, sizeof(entry->uuid));
	memcpy(entry->bytes, key->blob, key->blob_len);
	return entry;
}

/* -- keys of the pool -------------------------------------------------------------- */

/* Of devices that are no software an answer is checked by it before it is released. */
static enum hufu_err set_public(struct pool_key *key, const struct tenant_copy *copy)
{
	if (copy->type == HUFU_KEY_SM2_PRIVATE)
		return copy->pub_len == SM2_POINT_LEN ? pool_key_set_point(key, copy->pub) : HUFU_OK;
	if (copy->pub_len && (copy->type == HUFU_KEY_RSA_PRIVATE || copy->type == HUFU_KEY_EC_PRIVATE || copy->type == HUFU_KEY_EDWARDS_PRIVATE))
		return pool_key_set_public(key, copy->pub, copy->pub_len);
	return HUFU_OK;
}

static enum hufu_err open_sealed(struct tenant *tenant, const struct hufu_key *key, struct pool_key **out, bool *hardware_only)
{
	struct tenant_copy *copy;
	enum hufu_err err = tenant_open_copy(tenant, key->blob, key->blob_len, &copy);

	if (err != HUFU_OK)
		return err;
	err = copy->type == key->type ? pool_key_new(tenant->pool, key->uuid, key->version, copy->type, copy->copies, copy->n, out)
	                              : HUFU_ERR_NO_KEY;
	if (err == HUFU_OK && (err = set_public(*out, copy)) != HUFU_OK)
		pool_key_rele(*out);
	*hardware_only = copy->hardware_only || key->hardware_only;
	if (err == HUFU_OK && *hardware_only)
		pool_key_set_policy(*out, true, false);
	tenant_copy_free(copy);
	return err;
}

static enum hufu_err open_key(struct tenant *tenant, const struct hufu_key *key, struct pool_key **out, bool *hardware_only)
{
	const struct pool_copy open = {.kind = HUFU_COPY_BLOB, .data = key->blob, .len = key->blob_len};

	*hardware_only = false;
	if (key_type_is_open(key->type))
		return pool_key_new(tenant->pool, key->uuid, key->version, key->type, &open, 1, out);
	return open_sealed(tenant, key, out, hardware_only);
}

/* -- the cache ----------------------------------------------------------------------- */

static struct pool_key *hold_cached(struct key_cache *cache, const struct hufu_key *key, bool *hardware_only)
{
	struct pool_key *held = NULL;

	pthread_mutex_lock(&cache->lock);
	struct entry *entry = find_locked(cache, key);
	if (entry && is_same(entry, key)) {
		unplace_locked(entry);
		place_newest_locked(cache, entry);
		held = pool_key_hold(entry->key);
		*hardware_only = entry->hardware_only;
	}
	pthread_mutex_unlock(&cache->lock);
	return held;
}

/* In place of one that has the same name, as when two requests opened one copy at once, and of the one used longest ago. */
static void insert(struct key_cache *cache, const struct hufu_key *key, struct entry *entry)
{
	struct entry *before, *oldest = NULL;

	pthread_mutex_lock(&cache->lock);
	before = find_locked(cache, key);
	if (before)
		take_out_locked(cache, before);
	if (cache->n == cache->max) {
		oldest = cache->ring.newer;
		take_out_locked(cache, oldest);
	}
	put_in_locked(cache, entry);
	pthread_mutex_unlock(&cache->lock);
	entry_free(before);
	entry_free(oldest);
}

enum hufu_err key_cache_get(struct key_cache *cache, const struct hufu_key *key, struct pool_key **out, bool *hardware_only)
{
	*out = hold_cached(cache, key, hardware_only);
	if (*out)
		return HUFU_OK;
	enum hufu_err err = open_key(cache->tenant, key, out, hardware_only);
	if (err != HUFU_OK)
		return err;
	struct entry *entry = entry_new(key, *out, *hardware_only);
	if (entry) {
		pool_key_hold(*out);
		insert(cache, key, entry);
	}
	return HUFU_OK;
}

void key_cache_drop(struct key_cache *cache, const struct hufu_key *key)
{
	pthread_mutex_lock(&cache->lock);
	struct entry *entry = find_locked(cache, key);
	if (entry && is_same(entry, key))
		take_out_locked(cache, entry);
	else
		entry = NULL;
	pthread_mutex_unlock(&cache->lock);
	entry_free(entry);
}

void key_cache_free(struct key_cache *cache)
{
	struct entry *newer;

	if (!cache)
		return;
	for (struct entry *entry = cache->ring.newer; entry != &cache->ring; entry = newer) {
		newer = entry->newer;
		entry_free(entry);
	}
	pthread_mutex_destroy(&cache->lock);
	free(cache->buckets);
	free(cache);
}
