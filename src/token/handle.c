/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers pin an entry, look, take a reference, unpin: no lock. A writer
 * changes the entry first and then waits until no reader that may have seen
 * the older snapshot is left; pins last nanoseconds.
 */
#include "token/handle.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 1024u
#define CHUNKS ((HANDLES_MAX + CHUNK) / CHUNK)
#define INDEX_BITS 22
#define GENERATIONS 0x3ffu
#define FREE_MIN 1024u

struct entry {
	_Atomic uint32_t pins;
	_Atomic uint32_t generation;     /* 1..GENERATIONS of the handle that lives; a dead entry has the next one's */
	_Atomic(struct token *) token;   /* NULL: free */
	_Atomic(struct object *) object;
	uint8_t uuid[16];                /* constant while the entry lives */
	uint64_t login_epoch;            /* likewise */
	uint32_t next_free;              /* index + 1 */
};

static struct {
	pthread_mutex_t lock;            /* what follows; entries themselves are read without it */
	uint32_t used;
	uint32_t free_first, free_last;  /* index + 1; first in, first out: a dead handle stays recognisable for long */
	uint32_t nfree;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic(struct entry *) chunks[CHUNKS];

static struct entry *entry_at(uint32_t index)
{
	struct entry *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
	return chunk ? &chunk[index % CHUNK] : NULL;
}

static struct entry *entry_of(CK_OBJECT_HANDLE handle, uint32_t *generation)
{
	uint32_t index = (uint32_t)handle & ((1u << INDEX_BITS) - 1);
	if (handle > UINT32_MAX || index == 0 || index > HANDLES_MAX)
		return NULL;
	*generation = (uint32_t)handle >> INDEX_BITS;
	return entry_at(index - 1);
}

static void pin(struct entry *e)
{
	atomic_fetch_add(&e->pins, 1);
}

static void unpin(struct entry *e)
{
	atomic_fetch_sub(&e->pins, 1);
}

static void wait_unpinned(struct entry *e)
{
	while (atomic_load(&e->pins) != 0)
		sched_yield();
}

/* -- uuid -> handle: open addressing, linear probing; uuids are random ------- */

struct handle_map {
	size_t n, cap;                   /* cap: a power of two */
	CK_OBJECT_HANDLE *slots;         /* 0: empty */
};

struct handle_map *handle_map_new(void)
{
	return calloc(1, sizeof(struct handle_map));
}

void handle_map_free(struct handle_map *map)
{
	if (!map)
		return;
	free(map->slots);
	free(map);
}

static size_t map_start(const struct handle_map *map, const uint8_t uuid[16])
{
	uint64_t h;
	memcpy(&h, uuid, sizeof h);
	return (size_t)h & (map->cap - 1);
}

static const uint8_t *uuid_of(CK_OBJECT_HANDLE handle)
{
	uint32_t generation;
	return entry_of(handle, &generation)->uuid;
}

/* The slot that holds uuid, or the empty one where it would go. */
static size_t map_find(const struct handle_map *map, const uint8_t uuid[16])
{
	size_t i = map_start(map, uuid);
	while (map->slots[i] && memcmp(uuid_of(map->slots[i]), uuid, 16) != 0)
		i = (i + 1) & (map->cap - 1);
	return i;
}

static bool map_grow(struct handle_map *map)
{
	struct handle_map bigger = {.n = map->n, .cap = map->cap ? map->cap * 2 : 64};
	bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i])
			bigger.slots[map_find(&bigger, uuid_of(map->slots[i]))] = map->slots[i];
	free(map->slots);
	*map = bigger;
	return true;
}

/* Closes the gap, so that no probe ends early. */
static void map_remove(struct handle_map *map, const uint8_t uuid[16])
{
	if (map->cap == 0)
		return;
	size_t gap = map_find(map, uuid);
	if (!map->slots[gap])
		return;
	map->slots[gap] = 0;
	map->n--;
	for (size_t i = (gap + 1) & (map->cap - 1); map->slots[i]; i = (i + 1) & (map->cap - 1)) {
		CK_OBJECT_HANDLE moved = map->slots[i];
		map->slots[i] = 0;
		map->slots[map_find(map, uuid_of(moved))] = moved;
	}
}

/* -- entries ---------------------------------------------------------------- */

static struct entry *entry_grow(uint32_t index)
{
	if (index >= HANDLES_MAX)
		return NULL;
	if (!entry_at(index)) {
		struct entry *chunk = calloc(CHUNK, sizeof *chunk);
		if (!chunk)
			return NULL;
		for (uint32_t i = 0; i < CHUNK; i++)
			atomic_init(&chunk[i].generation, 1);
		atomic_store_explicit(&chunks[index / CHUNK], chunk, memory_order_release);
	}
	table.used = index + 1;
	return entry_at(index);
}

/* Under table.lock. Places are used again when many are free: of a few, each would soon have gone through its generations. */
static struct entry *entry_unused(uint32_t *index)
{
	struct entry *e = NULL;
	if (table.nfree < FREE_MIN) {
		*index = table.used;
		e = entry_grow(*index);
	}
	if (e || !table.free_first)
		return e;
	*index = table.free_first - 1;
	e = entry_at(*index);
	table.free_first = e->next_free;
	if (!table.free_first)
		table.free_last = 0;
	table.nfree--;
	return e;
}

static CK_OBJECT_HANDLE entry_take(struct token *token, const uint8_t uuid[16], struct object *object)
{
	CK_OBJECT_HANDLE handle = 0;
	pthread_mutex_lock(&table.lock);
	uint32_t index;
	struct entry *e = entry_unused(&index);
	if (!e)
		goto out;
	memcpy(e->uuid, uuid, 16);
	e->login_epoch = atomic_load(&token->login_epoch);
	handle = (CK_OBJECT_HANDLE)atomic_load(&e->generation) << INDEX_BITS | (index + 1);
	if (object)
		object->handle = handle;
	atomic_store(&e->object, object);
	atomic_store(&e->token, token);
out:
	pthread_mutex_unlock(&table.lock);
	return handle;
}

static void entry_give(struct entry *e, uint32_t index)
{
	pthread_mutex_lock(&table.lock);
	e->next_free = 0;
	if (table.free_last)
		entry_at(table.free_last - 1)->next_free = index + 1;
	else
		table.free_first = index + 1;
	table.free_last = index + 1;
	table.nfree++;
	pthread_mutex_unlock(&table.lock);
}

CK_OBJECT_HANDLE handle_of_uuid(struct token *token, const uint8_t uuid[16])
{
	struct handle_map *map = token->handles;
	if ((map->n + 1) * 2 > map->cap && !map_grow(map))
		return 0;
	size_t i = map_find(map, uuid);
	if (!map->slots[i]) {
		map->slots[i] = entry_take(token, uuid, NULL);
		if (map->slots[i])
			map->n++;
	}
	return map->slots[i];
}

CK_OBJECT_HANDLE handle_new(struct object *object)
{
	return entry_take(object->token, object->uuid, object);
}

bool handle_get(struct token *token, CK_OBJECT_HANDLE handle, struct object **object, uint8_t uuid[16])
{
	uint32_t generation;
	struct entry *e = entry_of(handle, &generation);
	if (!e)
		return false;
	pin(e);
	bool found = atomic_load(&e->generation) == generation && atomic_load(&e->token) == token;
	if (found) {
		struct object *seen = atomic_load(&e->object);
		*object = seen ? object_hold(seen) : NULL;
		memcpy(uuid, e->uuid, 16);
	}
	unpin(e);
	return found;
}

uint64_t handle_login_epoch(CK_OBJECT_HANDLE handle)
{
	uint32_t generation;
	struct entry *e = entry_of(handle, &generation);
	return e ? e->login_epoch : 0;
}

void handle_put(CK_OBJECT_HANDLE handle, struct object *object)
{
	uint32_t generation;
	struct entry *e = entry_of(handle, &generation);
	struct object *older = atomic_exchange(&e->object, object);
	wait_unpinned(e);
	object_rele(older);
}

void handle_kill(struct token *token, CK_OBJECT_HANDLE handle)
{
	uint32_t generation;
	struct entry *e = entry_of(handle, &generation);
	if (!e || atomic_load(&e->generation) != generation || atomic_load(&e->token) != token)
		return;
	map_remove(token->handles, e->uuid);
	atomic_store(&e->generation, generation % GENERATIONS + 1);
	atomic_store(&e->token, NULL);
	struct object *last = atomic_exchange(&e->object, NULL);
	wait_unpinned(e);
	object_rele(last);
	entry_give(e, (uint32_t)(handle & ((1u << INDEX_BITS) - 1)) - 1);
}

void handle_kill_if(struct token *token, bool (*f)(const struct object *, void *), void *arg)
{
	pthread_mutex_lock(&table.lock);
	uint32_t used = table.used;
	pthread_mutex_unlock(&table.lock);
	for (uint32_t i = 0; i < used; i++) {
		struct entry *e = entry_at(i);
		if (atomic_load(&e->token) != token || !f(atomic_load(&e->object), arg))
			continue;
		handle_kill(token, (CK_OBJECT_HANDLE)atomic_load(&e->generation) << INDEX_BITS | (i + 1));
	}
}

void handle_before_fork(void)
{
	pthread_mutex_lock(&table.lock);
}

void handle_after_fork_parent(void)
{
	pthread_mutex_unlock(&table.lock);
}

/* Pins of threads that the child does not have would never go. */
void handle_after_fork_child(void)
{
	pthread_mutex_init(&table.lock, NULL);
	for (uint32_t i = 0; i < table.used; i++)
		atomic_store(&entry_at(i)->pins, 0);
}
