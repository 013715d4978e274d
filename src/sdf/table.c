/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf/table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* A handle: kind above, generation, index + 1 below. 32 bits, so that it fits whatever a pointer is. */
#define INDEX_BITS 18
#define KIND_SHIFT 30
#define GENERATIONS 0xfffu
#define CHUNK 256u
#define CHUNKS (((1u << INDEX_BITS) - 1) / CHUNK)

struct place {
	pthread_mutex_t lock;
	uint32_t handle;         /* 0: free; under lock */
	void *object;            /* likewise */
	uint32_t generation;     /* of the last handle given out here; under the table's lock */
	uint32_t next_free;      /* index + 1; likewise */
};

static struct table {
	pthread_mutex_t lock;
	uint32_t most;           /* places that there may be */
	uint32_t used;
	uint32_t free_first, free_last; /* first in, first out: a dead handle stays dead for long */
	_Atomic(struct place *) chunks[CHUNKS];
} tables[HANDLE_KINDS] = {
	[HANDLE_DEVICE] = {.lock = PTHREAD_MUTEX_INITIALIZER, .most = 1024},
	[HANDLE_SESSION] = {.lock = PTHREAD_MUTEX_INITIALIZER, .most = 16384}, /* each may need three of the core's 65535 */
	[HANDLE_KEY] = {.lock = PTHREAD_MUTEX_INITIALIZER, .most = CHUNKS * CHUNK},
};

static struct place *place_at(struct table *t, uint32_t index)
{
	struct place *chunk = atomic_load_explicit(&t->chunks[index / CHUNK], memory_order_acquire);
	return chunk ? &chunk[index % CHUNK] : NULL;
}

static uint32_t number_of(const void *handle)
{
	return (uintptr_t)handle > UINT32_MAX ? 0 : (uint32_t)(uintptr_t)handle;
}

static struct place *place_of(enum handle_kind kind, const void *handle)
{
	uint32_t number = number_of(handle), index = number & ((1u << INDEX_BITS) - 1);
	if (number >> KIND_SHIFT != kind || index == 0 || index > tables[kind].most)
		return NULL;
	return place_at(&tables[kind], index - 1);
}

/* -- places --------------------------------------------------------------------- */

static struct place *grow_locked(struct table *t)
{
	if (t->used == t->most)
		return NULL;
	if (!place_at(t, t->used)) {
		struct place *chunk = calloc(CHUNK, sizeof *chunk);
		if (!chunk)
			return NULL;
		for (uint32_t i = 0; i < CHUNK; i++)
			pthread_mutex_init(&chunk[i].lock, NULL);
		atomic_store_explicit(&t->chunks[t->used / CHUNK], chunk, memory_order_release);
	}
	return place_at(t, t->used++);
}

static struct place *take_locked(struct table *t, uint32_t *index)
{
	if (!t->free_first) {
		*index = t->used;
		return grow_locked(t);
	}
	*index = t->free_first - 1;
	struct place *p = place_at(t, *index);
	t->free_first = p->next_free;
	if (!t->free_first)
		t->free_last = 0;
	return p;
}

void *table_new(enum handle_kind kind, void *object)
{
	struct table *t = &tables[kind];
	uint32_t index, handle = 0;
	pthread_mutex_lock(&t->lock);
	struct place *p = take_locked(t, &index);
	if (p) {
		p->generation = p->generation % GENERATIONS + 1;
		handle = (uint32_t)kind << KIND_SHIFT | p->generation << INDEX_BITS | (index + 1);
	}
	pthread_mutex_unlock(&t->lock);
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->object = object;
	p->handle = handle;
	pthread_mutex_unlock(&p->lock);
	return (void *)(uintptr_t)handle;
}

static void give_back(struct table *t, uint32_t index)
{
	pthread_mutex_lock(&t->lock);
	place_at(t, index)->next_free = 0;
	if (t->free_last)
		place_at(t, t->free_last - 1)->next_free = index + 1;
	else
		t->free_first = index + 1;
	t->free_last = index + 1;
	pthread_mutex_unlock(&t->lock);
}

/* -- entering ---------------------------------------------------------------------- */

void *table_enter(enum handle_kind kind, void *handle)
{
	struct place *p = place_of(kind, handle);
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	if (p->handle == number_of(handle))
		return p->object;
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void table_leave(enum handle_kind kind, void *handle)
{
	pthread_mutex_unlock(&place_of(kind, handle)->lock);
}

static void kill_entered(struct table *t, struct place *p)
{
	uint32_t index = (p->handle & ((1u << INDEX_BITS) - 1)) - 1;
	p->handle = 0;
	p->object = NULL;
	pthread_mutex_unlock(&p->lock);
	give_back(t, index);
}

void table_close(enum handle_kind kind, void *handle)
{
	kill_entered(&tables[kind], place_of(kind, handle));
}

static uint32_t used_of(struct table *t)
{
	pthread_mutex_lock(&t->lock);
	uint32_t used = t->used;
	pthread_mutex_unlock(&t->lock);
	return used;
}

void table_each(enum handle_kind kind, bool (*f)(void *object, void *arg), void *arg)
{
	struct table *t = &tables[kind];
	uint32_t used = used_of(t);
	for (uint32_t i = 0; i < used; i++) {
		struct place *p = place_at(t, i);
		pthread_mutex_lock(&p->lock);
		if (p->handle && f(p->object, arg))
			kill_entered(t, p);
		else
			pthread_mutex_unlock(&p->lock);
	}
}

/* -- fork ------------------------------------------------------------------------------ */

void table_before_fork(void)
{
	for (int kind = HANDLE_DEVICE; kind < HANDLE_KINDS; kind++) {
		uint32_t used = used_of(&tables[kind]);
		for (uint32_t i = 0; i < used; i++)
			pthread_mutex_lock(&place_at(&tables[kind], i)->lock);
	}
	for (int kind = HANDLE_DEVICE; kind < HANDLE_KINDS; kind++)
		pthread_mutex_lock(&tables[kind].lock);
}

void table_after_fork_parent(void)
{
	for (int kind = HANDLE_KINDS - 1; kind >= HANDLE_DEVICE; kind--) {
		struct table *t = &tables[kind];
		uint32_t used = t->used;
		pthread_mutex_unlock(&t->lock);
		for (uint32_t i = 0; i < used; i++)
			pthread_mutex_unlock(&place_at(t, i)->lock);
	}
}

void table_after_fork_child(void)
{
	for (int kind = HANDLE_DEVICE; kind < HANDLE_KINDS; kind++) {
		struct table *t = &tables[kind];
		pthread_mutex_init(&t->lock, NULL);
		for (uint32_t i = 0; i < t->used; i++)
			pthread_mutex_init(&place_at(t, i)->lock, NULL);
	}
}
