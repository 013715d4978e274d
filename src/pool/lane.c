/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: taken, ordered, handed to lanes, given up. */
#include "pool/lane_internal.h"

#include <stdlib.h>

#include "base/log.h"

static _Atomic uint32_t hung_ever;

/* -- jobs ------------------------------------------------------------------ */

void job_init(struct job *job)
{
	atomic_init(&job->state, JOB_WAITING);
	atomic_init(&job->refs, 1);
	job->next = job->prev = NULL;
	job->lane = NULL;
	job->waiter = NULL;
}

void job_hold(struct job *job)
{
	atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
}

void job_rele(struct job *job)
{
	if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) == 1)
		job->destroy(job);
}

/* The condition is on the waiter's stack: signalled under the lock. */
static void settle_locked(struct job *job, enum job_state state)
{
	atomic_store_explicit(&job->state, state, memory_order_release);
	job->lane = NULL;
	if (job->waiter)
		pthread_cond_signal(job->waiter);
}

void job_over_locked(struct job *job, enum hufu_err err)
{
	job->err = err;
	settle_locked(job, JOB_DONE);
}

void job_end(struct job *job)
{
	if (job->over)
		job->over(job);
	job_rele(job);
}

static void end_locked(struct job *job, enum hufu_err err, struct ended *ended)
{
	job_over_locked(job, err);
	job->next = ended->jobs;
	ended->jobs = job;
}

void ended_clear(struct ended *ended)
{
	while (ended->jobs) {
		struct job *job = ended->jobs;

		ended->jobs = job->next;
		job_end(job);
	}
}

bool job_wait(struct lanes *lanes, struct job *job, uint64_t until_ns)
{
	pthread_cond_t cond;

	if (atomic_load_explicit(&job->state, memory_order_acquire) == JOB_DONE)
		return true;
	clock_cond_init(&cond);
	pthread_mutex_lock(&lanes->lock);
	job->waiter = &cond;
	while (atomic_load(&job->state) < JOB_DONE && clock_wait(&cond, &lanes->lock, until_ns))
		;
	job->waiter = NULL;
	bool over = atomic_load(&job->state) == JOB_DONE;
	pthread_mutex_unlock(&lanes->lock);
	pthread_cond_destroy(&cond);
	return over;
}

/* -- the queue ------------------------------------------------------------- */

static uint64_t due_ns(const struct job *job)
{
	return job->deadline_ns ? job->deadline_ns : CLOCK_NEVER;
}

/* A device may have several lanes of different kinds: what is published is the sum. */
static void count_waiting_locked(struct lanes *lanes, int by)
{
	struct stats_device *stats = atomic_load(&lanes->device->stats);

	lanes->nwaiting += (uint32_t)by;
	if (stats)
		atomic_fetch_add_explicit(&stats->queued, (uint32_t)by, memory_order_relaxed);
}

/* From the end: most come in the order of their deadlines. */
static void enqueue_locked(struct lanes *lanes, struct job *job)
{
	struct job *before = lanes->last;

	while (before && due_ns(before) > due_ns(job))
		before = before->prev;
	job->prev = before;
	job->next = before ? before->next : lanes->first;
	*(before ? &before->next : &lanes->first) = job;
	*(job->next ? &job->next->prev : &lanes->last) = job;
	count_waiting_locked(lanes, 1);
}

static void dequeue_locked(struct lanes *lanes, struct job *job)
{
	*(job->prev ? &job->prev->next : &lanes->first) = job->next;
	*(job->next ? &job->next->prev : &lanes->last) = job->prev;
	job->next = job->prev = NULL;
	count_waiting_locked(lanes, -1);
}

static void expire_locked(struct lanes *lanes, uint64_t now_ns, struct ended *ended)
{
	while (lanes->first && due_ns(lanes->first) <= now_ns) {
		struct job *job = lanes->first;

		dequeue_locked(lanes, job);
		end_locked(job, HUFU_ERR_DEADLINE, ended);
	}
}

static void flush_locked(struct lanes *lanes, enum hufu_err err, struct ended *ended)
{
	while (lanes->first) {
		struct job *job = lanes->first;

		dequeue_locked(lanes, job);
		end_locked(job, err, ended);
	}
}

struct job *lanes_next_locked(struct lanes *lanes, struct lane *lane, struct ended *ended)
{
	uint64_t now = lane->job || lanes->first ? clock_now_ns() : 0;
	struct job *job = lane->job;

	if (job && due_ns(job) <= now) {
		end_locked(job, HUFU_ERR_DEADLINE, ended);
		job = NULL;
	}
	expire_locked(lanes, now, ended);
	if (!job && lanes->first) {
		job = lanes->first;
		dequeue_locked(lanes, job);
	}
	lane->job = job;
	if (job) {
		job->lane = lane;
		atomic_store(&job->state, JOB_RUNNING);
	}
	return job;
}

/* -- hanging --------------------------------------------------------------- */

static bool too_many_hang_locked(const struct lanes *lanes)
{
	return lanes->nhung && lanes->nhung >= lanes->hung_max;
}

bool lanes_may_start_locked(const struct lanes *lanes)
{
	return !lanes->stopping && lanes->nlanes < lanes->lanes_max && !too_many_hang_locked(lanes);
}

static void count_hung_locked(struct lanes *lanes, int by)
{
	struct stats_device *stats = atomic_load(&lanes->device->stats);

	lanes->nhung += (uint32_t)by;
	atomic_fetch_add(&hung_ever, (uint32_t)by);
	if (stats)
		stats_add(stats, STATS_HUNG, (uint64_t)(int64_t)by);
}

/* Another takes its place where there is work; where none may, nobody will do that work. */
void lane_hangs_locked(struct lane *lane, struct ended *ended)
{
	struct lanes *lanes = lane->lanes;

	lane->hung = true;
	lanes->nlanes--;
	count_hung_locked(lanes, 1);
	pthread_cond_signal(&lanes->ended);
	if (lanes->first && lanes_may_start_locked(lanes) && lane_start_locked(lanes, NULL))
		return;
	if (lanes->nlanes == 0)
		flush_locked(lanes, HUFU_ERR_BUSY, ended);
}

void lane_is_back_locked(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;

	count_hung_locked(lanes, -1);
	if (lanes->first && lanes_may_start_locked(lanes))
		(void)!lane_start_locked(lanes, NULL); /* those that are there do the work */
}

static void leave_driver_locked(struct job *job, struct ended *ended)
{
	struct lane *lane = job->lane;

	settle_locked(job, JOB_GIVEN_UP);
	pthread_cond_signal(&lane->wake); /* it may wait for its turn to connect */
	if (!job->open)
		lane_cancel_locked(lane);
	lane_hangs_locked(lane, ended);
}

static bool is_overdue(const struct job *job, uint64_t now_ns)
{
	return job->unattended && atomic_load(&job->state) == JOB_RUNNING && due_ns(job) <= now_ns;
}

/* Nobody has a timer on these, nor on a release between jobs: whoever finds all lanes taken looks whether one hangs there. */
static void look_for_hung_locked(struct lanes *lanes, uint64_t now_ns, struct ended *ended)
{
	for (struct lane *lane = lanes->all; lane; lane = lane->next) {
		if (lane->hung)
			continue;
		if (lane->job && is_overdue(lane->job, now_ns))
			leave_driver_locked(lane->job, ended);
		else if (!lane->job && lane->release_until_ns && lane->release_until_ns <= now_ns)
			lane_hangs_locked(lane, ended);
	}
}

uint32_t lanes_hung(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	uint32_t n = lanes->nhung;
	pthread_mutex_unlock(&lanes->lock);
	return n;
}

uint32_t lanes_waiting(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	uint32_t n = lanes->nwaiting;
	pthread_mutex_unlock(&lanes->lock);
	return n;
}

uint32_t lanes_hung_ever(void)
{
	return atomic_load(&hung_ever);
}

/* -- in and out ------------------------------------------------------------ */

/* No queue is passed over: a lane is idle only when nothing waits. */
static bool hand_over_locked(struct lanes *lanes, struct job *job)
{
	struct lane *lane = lanes->idle;

	if (!lane)
		return false;
	lanes->idle = lane->idle_next;
	lane->idle = false;
	lane->job = job;
	job->lane = lane;
	pthread_cond_signal(&lane->wake);
	return true;
}

static enum hufu_err accept_locked(struct lanes *lanes, struct job *job)
{
	if (lanes->stopping || too_many_hang_locked(lanes))
		return HUFU_ERR_BUSY;
	if (hand_over_locked(lanes, job))
		return HUFU_OK;
	if (lanes_may_start_locked(lanes) && lane_start_locked(lanes, job))
		return HUFU_OK;
	if (lanes->nlanes == 0)
		return HUFU_ERR_NO_MEMORY;
	if (lanes->nwaiting >= lanes->queue_max)
		return HUFU_ERR_BUSY;
	enqueue_locked(lanes, job);
	return HUFU_OK;
}

enum hufu_err lanes_submit(struct lanes *lanes, struct job *job)
{
	struct ended ended = {0};

	job_hold(job);
	pthread_mutex_lock(&lanes->lock);
	if (!lanes->idle && lanes->nlanes >= lanes->lanes_max) {
		uint64_t now = clock_now_ns();

		expire_locked(lanes, now, &ended);
		look_for_hung_locked(lanes, now, &ended);
	}
	enum hufu_err err = accept_locked(lanes, job);
	pthread_mutex_unlock(&lanes->lock);
	ended_clear(&ended);
	if (err == HUFU_ERR_NO_MEMORY)
		log_device(HUFU_LOG_ERROR, lanes->device->conf->name, "no thread to be had for its work. Raise the limits of threads "
		           "and memory (ulimit -u, TasksMax=)");
	if (err != HUFU_OK)
		job_rele(job);
	return err;
}

/* Gives back the queue's reference. */
static void leave_queue_locked(struct lanes *lanes, struct job *job)
{
	if (job->lane)
		job->lane->job = NULL; /* it was about to begin it, and finds nothing */
	else
		dequeue_locked(lanes, job);
	settle_locked(job, JOB_GIVEN_UP);
}

bool job_give_up(struct lanes *lanes, struct job *job)
{
	struct ended ended = {0};

	pthread_mutex_lock(&lanes->lock);
	enum job_state state = (enum job_state)atomic_load(&job->state);
	if (state == JOB_WAITING)
		leave_queue_locked(lanes, job);
	else if (state == JOB_RUNNING)
		leave_driver_locked(job, &ended);
	pthread_mutex_unlock(&lanes->lock);
	ended_clear(&ended);
	if (state == JOB_WAITING)
		job_rele(job);
	return state != JOB_DONE;
}

/* -- the whole ------------------------------------------------------------- */

static void wake_idle_locked(struct lanes *lanes)
{
	for (struct lane *lane = lanes->idle; lane; lane = lane->idle_next)
		pthread_cond_signal(&lane->wake);
}

void lanes_limit(struct lanes *lanes, uint32_t lanes_max, uint32_t queue, uint32_t hung_max)
{
	pthread_mutex_lock(&lanes->lock);
	lanes->lanes_max = lanes_max ? lanes_max : 1;
	lanes->queue_max = queue;
	lanes->hung_max = hung_max;
	for (uint32_t n = lanes->nwaiting; n && lanes_may_start_locked(lanes) && lane_start_locked(lanes, NULL); n--)
		;
	wake_idle_locked(lanes);
	pthread_mutex_unlock(&lanes->lock);
}

struct lanes *lanes_new(struct device *device, uint32_t lanes_max, uint32_t queue, uint32_t hung_max)
{
	struct lanes *lanes = calloc(1, sizeof(*lanes));

	if (!lanes)
		return NULL;
	lanes->device = device;
	pthread_mutex_init(&lanes->lock, NULL);
	clock_cond_init(&lanes->ended);
	lanes_limit(lanes, lanes_max, queue, hung_max);
	return lanes;
}

void lanes_refresh(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	wake_idle_locked(lanes);
	pthread_mutex_unlock(&lanes->lock);
}

void lanes_free(struct lanes *lanes)
{
	pthread_cond_destroy(&lanes->ended);
	pthread_mutex_destroy(&lanes->lock);
	free(lanes);
}

/* What still runs has had its time; what was handed over and not begun has missed it. */
static void give_up_rest_locked(struct lanes *lanes, struct ended *ended)
{
	for (struct lane *lane = lanes->all; lane; lane = lane->next) {
		if (lane->hung || lane == lanes->canceller)
			continue;
		if (lane->job && atomic_load(&lane->job->state) == JOB_RUNNING) {
			settle_locked(lane->job, JOB_GIVEN_UP);
		} else if (lane->job) {
			end_locked(lane->job, HUFU_ERR_GONE, ended);
			lane->job = NULL;
		}
		lane_hangs_locked(lane, ended);
	}
}

bool lanes_stop(struct lanes *lanes, uint64_t deadline_ns, void (*last)(struct device *))
{
	struct ended ended = {0};

	pthread_mutex_lock(&lanes->lock);
	lanes->stopping = true;
	flush_locked(lanes, HUFU_ERR_GONE, &ended);
	for (struct lane *lane = lanes->all; lane; lane = lane->next)
		pthread_cond_signal(&lane->wake);
	while (lanes->nthreads > lanes->nhung && clock_wait(&lanes->ended, &lanes->lock, deadline_ns))
		;
	give_up_rest_locked(lanes, &ended);
	bool none = lanes->nthreads == 0;
	struct lane *finished = lanes->finished;
	lanes->finished = NULL;
	lanes->last_back = last;
	lanes->given_up = true; /* from here on the last one may free it all */
	pthread_mutex_unlock(&lanes->lock);
	ended_clear(&ended);
	lanes_join(finished);
	if (none)
		lanes_free(lanes);
	return none;
}

/* -- fork ------------------------------------------------------------------ */

void lanes_before_fork(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
}

void lanes_after_fork_parent(struct lanes *lanes)
{
	pthread_mutex_unlock(&lanes->lock);
}

/* Its lease is the parent's; a device that stays open in the child has it no more. */
static void forget(struct device *device, struct lane *lane)
{
	while (lane) {
		struct lane *next = lane->next;

		if (lane->opening) {
			opening_rele(lane->opening);
			atomic_fetch_sub(&device->nleases, 1);
		}
		free(lane);
		lane = next;
	}
}

void lanes_after_fork_child(struct lanes *lanes)
{
	struct device *device = lanes->device;
	uint32_t lanes_max = lanes->lanes_max, queue = lanes->queue_max, hung_max = lanes->hung_max;

	atomic_store(&hung_ever, 0);
	forget(device, lanes->all);
	forget(device, lanes->finished);
	*lanes = (struct lanes){.device = device, .lanes_max = lanes_max, .queue_max = queue, .hung_max = hung_max};
	pthread_mutex_init(&lanes->lock, NULL);
	clock_cond_init(&lanes->ended);
}
