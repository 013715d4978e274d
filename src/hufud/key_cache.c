/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that clients sent, opened and ready for use: a hash table by uuid
 * and version, one entry each, and a list by last use. What an entry is for is
 * told by all bytes of the copy: a client that says another's uuid gets an entry of its own in
 * place of that one, never that one's key.
 */
#include "hufud/key_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "rand/rand.h"

struct entry {
	struct entry *chain;           /* of its bucket */
	struct entry *newer, *older;   /* by last use; a ring through the cache */
	uint8_t uuid[16];
	uint64_t version;
	enum hufu_key_type type;
	enum hufu_copy_kind kind;
	bool hardware_only;            /* as the request said */
	void *value;
	size_t len;
	uint8_t *bytes;
};

struct key_cache {
	const struct key_cache_ops *ops;
	void *arg;
	pthread_mutex_t lock;
	uint32_t n, max, mask;
	uint64_t seed;                 /* clients do not know which uuids share a bucket */
	struct entry ring;             /* newer of it: the one used longest ago; older of it: the one used last */
	struct entry **buckets;
};

enum hufu_err key_cache_new(const struct key_cache_ops *ops, void *arg, uint32_t max, struct key_cache **out)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));
	uint32_t nbuckets = 1;

	while (nbuckets < max)
		nbuckets *= 2;
	if (!cache || !(cache->buckets = calloc(nbuckets, sizeof(struct entry *)))) {
		free(cache);
		return HUFU_ERR_NO_MEMORY;
	}
	cache->ops = ops;
	cache->arg = arg;
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
	return entry->type == key->type && entry->kind == key->copy_kind && entry->hardware_only == key->hardware_only &&
	       entry->len == key->blob_len && (!entry->len || secret_equal(entry->bytes, key->blob, entry->len));
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

static void bytes_free(const struct key_cache *cache, uint8_t *bytes)
{
	if (cache->ops->secret)
		secret_free(bytes);
	else
		free(bytes);
}

/* Without the lock: devices forget the key. Ops that hold it still go on. */
static void entry_free(const struct key_cache *cache, struct entry *entry)
{
	if (!entry)
		return;
	cache->ops->rele(entry->value);
	bytes_free(cache, entry->bytes);
	free(entry);
}

/* NULL: no memory, and nothing is kept. */
static struct entry *entry_new(const struct key_cache *cache, const struct hufu_key *key, void *value)
{
	struct entry *entry = malloc(sizeof(*entry));
	uint8_t *bytes = cache->ops->secret ? secret_alloc(key->blob_len + 1) : malloc(key->blob_len + 1);

	if (!entry || !bytes) {
		free(entry);
		bytes_free(cache, bytes);
		return NULL;
	}
	*entry = (struct entry){.version = key->version, .type = key->type, .kind = key->copy_kind,
	                        .hardware_only = key->hardware_only, .value = value, .len = key->blob_len, .bytes = bytes};
	memcpy(entry->uuid, key->uuid, sizeof(entry->uuid));
	if (key->blob_len)
		memcpy(bytes, key->blob, key->blob_len);
	return entry;
}

/* -- the cache ----------------------------------------------------------------------- */

static void *hold_cached(struct key_cache *cache, const struct hufu_key *key)
{
	void *held = NULL;

	pthread_mutex_lock(&cache->lock);
	struct entry *entry = find_locked(cache, key);
	if (entry && is_same(entry, key)) {
		unplace_locked(entry);
		place_newest_locked(cache, entry);
		held = entry->value;
		cache->ops->hold(held);
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
	entry_free(cache, before);
	entry_free(cache, oldest);
}

enum hufu_err key_cache_get(struct key_cache *cache, const struct hufu_key *key, void **value)
{
	*value = hold_cached(cache, key);
	if (*value)
		return HUFU_OK;
	enum hufu_err err = cache->ops->open(cache->arg, key, value);
	if (err != HUFU_OK)
		return err;
	struct entry *entry = entry_new(cache, key, *value);
	if (entry) {
		cache->ops->hold(*value);
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
	entry_free(cache, entry);
}

void key_cache_free(struct key_cache *cache)
{
	struct entry *newer;

	if (!cache)
		return;
	for (struct entry *entry = cache->ring.newer; entry != &cache->ring; entry = newer) {
		newer = entry->newer;
		entry_free(cache, entry);
	}
	pthread_mutex_destroy(&cache->lock);
	free(cache->buckets);
	free(cache);
}
