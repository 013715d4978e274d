/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of the lanes. */
#include "pool/lane_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* -- begin and end --------------------------------------------------------- */

void lanes_join(struct lane *finished)
{
	while (finished) {
		struct lane *next = finished->next;

		pthread_join(finished->thread, NULL);
		free(finished);
		finished = next;
	}
}

/* It needs the lock no more: joining it with the lock held cannot block for long. */
static void reap_locked(struct lanes *lanes)
{
	lanes_join(lanes->finished);
	lanes->finished = NULL;
}

/* The application's signals are for its own threads. */
static int create(pthread_t *thread, void *(*run)(void *), struct lane *lane)
{
	pthread_attr_t attr;
	sigset_t all, before;

	sigfillset(&all);
	if (pthread_attr_init(&attr) != 0)
		return ENOMEM;
	int err = pthread_attr_setstacksize(&attr, LANE_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (err == 0)
		err = pthread_create(thread, &attr, run, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static struct lane *start_locked(struct lanes *lanes, void *(*run)(void *))
{
	struct lane *lane = calloc(1, sizeof(*lane));
	pthread_t thread;

	reap_locked(lanes);
	if (!lane)
		return NULL;
	lane->lanes = lanes;
	clock_cond_init(&lane->wake);
	if (create(&thread, run, lane) != 0) {
		pthread_cond_destroy(&lane->wake);
		free(lane);
		return NULL;
	}
	lane->next = lanes->all;
	lane->link = &lanes->all;
	if (lane->next)
		lane->next->link = &lane->next;
	lanes->all = lane;
	lanes->nthreads++;
	return lane;
}

static void begin(struct lane *lane)
{
	char name[16];

	snprintf(name, sizeof(name), LANE_NAME "%s", lane->lanes->device->conf->name);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&lane->lanes->lock);
	lane->thread = pthread_self();
}

/* With the lock, which it lets go. Whoever starts or stops lanes joins it, unless they were given up. */
static void end_locked(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;
	bool given_up = lanes->given_up, last = --lanes->nthreads == 0;

	*lane->link = lane->next;
	if (lane->next)
		lane->next->link = lane->link;
	pthread_cond_destroy(&lane->wake);
	if (!given_up) {
		lane->next = lanes->finished;
		lanes->finished = lane;
		pthread_cond_signal(&lanes->ended);
		pthread_mutex_unlock(&lanes->lock);
		return;
	}
	pthread_mutex_unlock(&lanes->lock);
	pthread_detach(lane->thread);
	free(lane);
	if (!last)
		return;
	lanes->last_back(lanes->device);
	lanes_free(lanes);
}

/* -- a lane ---------------------------------------------------------------- */

static void leave_idle_locked(struct lane *lane)
{
	for (struct lane **l = &lane->lanes->idle; lane->idle; l = &(*l)->idle_next)
		if (*l == lane) {
			*l = lane->idle_next;
			lane->idle = false;
			return;
		}
}

/* False: the time has come. */
static bool idle_locked(struct lane *lane, uint64_t until_ns)
{
	struct lanes *lanes = lane->lanes;

	lane->idle_next = lanes->idle;
	lanes->idle = lane;
	lane->idle = true;
	bool woken = clock_wait(&lane->wake, &lanes->lock, until_ns);
	leave_idle_locked(lane);
	return woken;
}

/* A lease is given back before the last look at the queue: the driver is called without the lock. */
static struct job *take_locked(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;
	uint64_t until = 0;
	bool in_time = true;

	while (!lane->hung) {
		struct ended ended = {0};
		struct job *job = lanes_next_locked(lanes, lane, &ended);

		if (ended.jobs) {
			pthread_mutex_unlock(&lanes->lock);
			ended_clear(&ended);
			pthread_mutex_lock(&lanes->lock);
			if (!job)
				continue;
		}
		if (job)
			return job;
		bool ends = !in_time || lanes->stopping || lanes->nlanes > lanes->lanes_max;
		if (lane->lease && (ends || lane_lease_is_stale(lane))) {
			lane_release_locked(lane);
			continue;
		}
		if (ends)
			return NULL;
		until = until ? until : clock_now_ns() + LANE_IDLE_NS;
		in_time = idle_locked(lane, until);
	}
	return NULL;
}

/* The answer is nobody's any more: its memory goes, and so does the lane. */
static void come_back_locked(struct lane *lane, struct job *job)
{
	struct lanes *lanes = lane->lanes;
	struct stats_device *stats = atomic_load(&lanes->device->stats);

	lane->job = NULL;
	lane->cancel = false;
	while (lane->cancelling)
		clock_wait(&lane->wake, &lanes->lock, CLOCK_NEVER);
	if (stats)
		stats_add(stats, STATS_LATE, 1);
	lane_release_locked(lane);
	pthread_mutex_unlock(&lanes->lock);
	job_rele(job);
	pthread_mutex_lock(&lanes->lock);
}

static void run_locked(struct lane *lane, struct job *job)
{
	struct lanes *lanes = lane->lanes;

	pthread_mutex_unlock(&lanes->lock);
	job->work(job, lane);
	pthread_mutex_lock(&lanes->lock);
	if (lane->hung) {
		come_back_locked(lane, job);
		return;
	}
	lane->job = NULL;
	job_over_locked(job, job->err);
	pthread_mutex_unlock(&lanes->lock);
	job_end(job);
	pthread_mutex_lock(&lanes->lock);
	if (lane->drop)
		lane_release_locked(lane);
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct job *job;

	begin(lane);
	while ((job = take_locked(lane)))
		run_locked(lane, job);
	if (lane->hung) {
		lane_release_locked(lane); /* of one that was idle when all were given up */
		lane_is_back_locked(lane);
	} else {
		lane->lanes->nlanes--;
	}
	end_locked(lane);
	return NULL;
}

bool lane_start_locked(struct lanes *lanes, struct job *job)
{
	struct lane *lane = start_locked(lanes, lane_main);

	if (!lane)
		return false;
	lanes->nlanes++;
	lane->job = job;
	if (job)
		job->lane = lane;
	return true;
}

/* -- cancelling ------------------------------------------------------------ */

static struct lane *to_cancel_locked(const struct lanes *lanes)
{
	struct lane *lane = lanes->all;

	while (lane && !lane->cancel)
		lane = lane->next;
	return lane;
}

static void *cancel_main(void *arg)
{
	struct lane *self = arg, *lane;
	struct lanes *lanes = self->lanes;

	begin(self);
	while ((lane = to_cancel_locked(lanes))) {
		struct hufu_lease *lease = lane->lease;

		lane->cancel = false;
		lane->cancelling = true;
		pthread_mutex_unlock(&lanes->lock);
		lanes->device->driver->cancel(lease);
		pthread_mutex_lock(&lanes->lock);
		lane->cancelling = false;
		pthread_cond_signal(&lane->wake);
	}
	lanes->canceller = NULL;
	end_locked(self);
	return NULL;
}

/* On a thread of its own, for this call may hang like any other: one a device, which is enough for what is best effort. */
void lane_cancel_locked(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;

	if (!lane->lease || !lanes->device->driver->cancel)
		return;
	lane->cancel = true;
	if (!lanes->canceller)
		lanes->canceller = start_locked(lanes, cancel_main);
	if (!lanes->canceller)
		lane->cancel = false;
}
