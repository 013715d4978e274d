/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No connection lives across a fork: SQLite's locks belong to one process, and a
 * connection used on both sides loses acknowledged commits. So it is closed
 * before, and opened again by whoever needs it. The lock is held
 * meanwhile: the child has no thread that could be amid anything.
 */
#include "store/internal.h"

void sealed_before_fork(struct store *base)
{
	struct sealed *s = sealed_of(base);
	pthread_mutex_lock(&s->lock);
	s->engine->kind->disconnect(s->engine);
}

void sealed_after_fork_parent(struct store *base)
{
	struct sealed *s = sealed_of(base);
	pthread_mutex_unlock(&s->lock);
}

/* A lock of the parent's is not given back by another thread's heir: it is made anew. */
void sealed_after_fork_child(struct store *base)
{
	struct sealed *s = sealed_of(base);
	pthread_mutex_init(&s->lock, NULL);
}
