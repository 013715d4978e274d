/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant's own threads, for requests that may wait: as many as there is work
 * for, up to a limit, and a bounded queue before them. They stay until the tenant goes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "hufud/tenant_internal.h"

#define STACK_LEN (256u << 10)

struct work {
	struct request *req;
	void (*fn)(struct request *);
};

struct tenant_lanes {
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool ending;
	uint32_t idle, running, nthreads, max_threads;
	struct work *queue;            /* a ring */
	uint32_t first, nqueued, max_queued;
	char name[16];                 /* as threads may be called */
	pthread_t threads[];
};

enum hufu_err tenant_lanes_new(const char *tenant, uint32_t threads, uint32_t queue, struct tenant_lanes **out)
{
	struct tenant_lanes *lanes = calloc(1, sizeof(*lanes) + threads * sizeof(lanes->threads[0]));
	struct work *ring = calloc(queue, sizeof(*ring));

	if (!lanes || !ring) {
		free(lanes);
		free(ring);
		return HUFU_ERR_NO_MEMORY;
	}
	pthread_mutex_init(&lanes->lock, NULL);
	pthread_cond_init(&lanes->work, NULL);
	lanes->queue = ring;
	lanes->max_queued = queue;
	lanes->max_threads = threads;
	snprintf(lanes->name, sizeof(lanes->name), "t:%.12s", tenant);
	*out = lanes;
	return HUFU_OK;
}

static void *run(void *arg)
{
	struct tenant_lanes *lanes = arg;

	pthread_setname_np(pthread_self(), lanes->name);
	pthread_mutex_lock(&lanes->lock);
	while (lanes->nqueued || !lanes->ending) {
		if (!lanes->nqueued) {
			lanes->idle++;
			pthread_cond_wait(&lanes->work, &lanes->lock);
			lanes->idle--;
			continue;
		}
		struct work work = lanes->queue[lanes->first];
		lanes->first = (lanes->first + 1) % lanes->max_queued;
		lanes->nqueued--;
		lanes->running++;
		pthread_mutex_unlock(&lanes->lock);
		work.fn(work.req);
		pthread_mutex_lock(&lanes->lock);
		lanes->running--;
	}
	pthread_mutex_unlock(&lanes->lock);
	return NULL;
}

/* Signals are for the main thread. */
static bool start_locked(struct tenant_lanes *lanes)
{
	pthread_attr_t attr;
	sigset_t all, before;

	sigfillset(&all);
	if (pthread_attr_init(&attr) != 0)
		return false;
	int failed = pthread_attr_setstacksize(&attr, STACK_LEN);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!failed)
		failed = pthread_create(&lanes->threads[lanes->nthreads], &attr, run, lanes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (failed)
		return false;
	lanes->nthreads++;
	return true;
}

bool tenant_lanes_add(struct tenant_lanes *lanes, struct request *req, void (*fn)(struct request *))
{
	pthread_mutex_lock(&lanes->lock);
	bool room = !lanes->ending && lanes->nqueued < lanes->max_queued;
	if (room && lanes->nqueued >= lanes->idle && lanes->nthreads < lanes->max_threads && !start_locked(lanes))
		room = lanes->nthreads > 0; /* those that there are will come to it */
	if (room) {
		lanes->queue[(lanes->first + lanes->nqueued++) % lanes->max_queued] = (struct work){req, fn};
		pthread_cond_signal(&lanes->work);
	}
	pthread_mutex_unlock(&lanes->lock);
	return room;
}

void tenant_lanes_load(struct tenant_lanes *lanes, uint32_t *queued, uint32_t *running, uint32_t *threads)
{
	pthread_mutex_lock(&lanes->lock);
	*queued = lanes->nqueued;
	*running = lanes->running;
	*threads = lanes->max_threads;
	pthread_mutex_unlock(&lanes->lock);
}

void tenant_lanes_free(struct tenant_lanes *lanes)
{
	if (!lanes)
		return;
	pthread_mutex_lock(&lanes->lock);
	lanes->ending = true;
	pthread_cond_broadcast(&lanes->work);
	pthread_mutex_unlock(&lanes->lock);
	for (uint32_t i = 0; i < lanes->nthreads; i++)
		pthread_join(lanes->threads[i], NULL);
	pthread_cond_destroy(&lanes->work);
	pthread_mutex_destroy(&lanes->lock);
	free(lanes->queue);
	free(lanes);
}
