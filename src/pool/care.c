/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/care_internal.h"

#include <stdlib.h>

#define CARE_QUEUE 4

/*
 * Guards device->care and device->cared of all devices; no lock is taken inside.
 * Whoever has claimed a device, and its errand after that, alone looks at its
 * times (asked_ns and so on).
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t over_cond;
static pthread_once_t cond_once = PTHREAD_ONCE_INIT;

static void make_cond(void)
{
	clock_cond_init(&over_cond);
}

/* False: it has an errand, or another thread is about to give it one. */
static bool claim(struct device *device)
{
	pthread_mutex_lock(&lock);
	bool mine = !device->cared;
	device->cared = true;
	pthread_mutex_unlock(&lock);
	return mine;
}

bool care_is_under_way(struct device *device)
{
	pthread_mutex_lock(&lock);
	bool cared = device->cared;
	pthread_mutex_unlock(&lock);
	return cared;
}

static void unclaim(struct device *device)
{
	pthread_once(&cond_once, make_cond);
	pthread_mutex_lock(&lock);
	device->care = NULL;
	device->cared = false;
	pthread_cond_broadcast(&over_cond);
	pthread_mutex_unlock(&lock);
}

/* The device is free for its next errand. */
static void detach(struct device *device)
{
	unclaim(device);
	keeper_poke();
}

/* What was opened and is nobody's. Before anybody else looks after the device, who may want to close it. */
static void give_back(struct care *care)
{
	if (care->lease)
		care->device->driver->release(care->lease);
	if (care->handle)
		care->device->driver->close(care->handle, clock_now_ns() + PROBE_TIME_NS);
	if (care->opening)
		opening_rele(care->opening);
	care->lease = NULL;
	care->handle = NULL;
	care->opening = NULL;
}

static void over(struct job *job)
{
	struct care *care = job->arg;

	care_conclude(care, clock_now_ns());
	give_back(care);
	detach(care->device);
}

static void destroy(struct job *job)
{
	struct care *care = job->arg;

	give_back(care);
	free(care->caps);
	free(care);
}

/* -- an errand begun ---------------------------------------------------------------- */

/* What becomes of its first open is news, too. */
static void make_stats(struct device *device)
{
	const struct conf_token *token = atomic_load(&device->pool->token);

	if (!atomic_load(&device->stats))
		atomic_store(&device->stats, stats_device_new(token->name, device->conf));
}

static struct care *care_new(struct device *device, enum care_kind kind, uint64_t now_ns, uint64_t deadline_ns)
{
	struct care *care = calloc(1, sizeof(*care));

	if (!care)
		return NULL;
	job_init(&care->job);
	care->job.work = care_work;
	care->job.over = over;
	care->job.destroy = destroy;
	care->job.arg = care;
	care->job.deadline_ns = deadline_ns;
	care->job.open = true;
	care->device = device;
	care->kind = kind;
	care->begun_ns = now_ns;
	if (kind != CARE_OPEN) /* a new connection was told nothing */
		care->login = device->login;
	if (kind == CARE_OPEN) {
		make_stats(device);
		care->opening = care_reserve_opening(device);
	} else if (kind != CARE_EMPTY && kind != CARE_CLOSE) {
		care->opening = opening_hold(device);
	}
	if (care->opening || kind == CARE_EMPTY || kind == CARE_CLOSE)
		return care;
	free(care);
	return NULL;
}

static void attach(struct device *device, struct care *care)
{
	pthread_mutex_lock(&lock);
	device->care = care;
	device->care_until_ns = care->job.deadline_ns;
	pthread_mutex_unlock(&lock);
}

static struct care *errand_of(struct device *device, bool urgent, uint64_t now_ns, uint64_t deadline_ns)
{
	enum care_kind kind;
	bool probing;

	care_give_back_sessions(device);
	if (!care_due(device, urgent, now_ns, &kind, &probing))
		return NULL;
	uint64_t until = now_ns + care_time_for(device, kind);
	struct care *care = care_new(device, kind, now_ns, until < deadline_ns ? until : deadline_ns);
	if (kind == CARE_EMPTY || kind == CARE_CLOSE)
		device->emptied_ns = now_ns;
	if (kind == CARE_ANSWERS)
		device->answered_ns = now_ns;
	if (kind == CARE_PROOFS) {
		device->proofs_tried = atomic_load(&device->pool->proofs_given);
		device->dropped_tried = atomic_load(&device->pool->credentials_dropped);
	}
	if (kind == CARE_PROOFS || !care)
		device->care_not_before_ns = now_ns + CARE_RETRY_NS;
	if (care) {
		care->probing = probing;
		care->admits = probing && device->health.was_ejected;
		attach(device, care);
	} else if (probing) {
		device_note(device, HEALTH_PROBE_FAILED, HUFU_ERR_BUSY, "too many of its connections hang", now_ns);
	}
	return care;
}

/* NULL: nothing is due, or it has an errand. What is given is the device's until it is over. */
static struct care *next_errand(struct device *device, bool urgent, uint64_t now_ns, uint64_t deadline_ns)
{
	struct care *care = NULL;

	if (!claim(device))
		return NULL;
	care = errand_of(device, urgent, now_ns, deadline_ns);
	if (!care)
		unclaim(device);
	return care;
}

/* A fork takes the locks of the lanes that it finds: none appear while it holds this one. */
static struct lanes *care_lanes_of(struct device *device)
{
	pthread_mutex_lock(&device->open_lock);
	if (!device->care_lanes)
		device->care_lanes = lanes_new(device, 1, CARE_QUEUE, atomic_load(&device->hung_max));
	struct lanes *lanes = device->care_lanes;
	pthread_mutex_unlock(&device->open_lock);
	return lanes;
}

void care_begin_due(struct device *device, bool urgent, uint64_t now_ns)
{
	struct care *care = next_errand(device, urgent, now_ns, UINT64_MAX);

	if (!care)
		return;
	struct lanes *lanes = care_lanes_of(device);
	bool probing = care->probing;
	enum hufu_err err = lanes ? lanes_submit(lanes, &care->job) : HUFU_ERR_NO_MEMORY;
	if (err != HUFU_OK) {
		if (probing)
			device_note(device, HEALTH_PROBE_FAILED, err, "too many probes of it hang", now_ns);
		device->care_not_before_ns = now_ns + CARE_RETRY_NS;
		give_back(care);
		detach(device);
	}
	job_rele(&care->job);
}

static void do_here(struct care *care)
{
	care->here = true;
	care_work(&care->job, NULL);
	over(&care->job);
	job_rele(&care->job);
}

void care_do_due(struct device *device, bool urgent, uint64_t now_ns, uint64_t deadline_ns)
{
	struct care *care = device->threaded ? NULL : next_errand(device, urgent, now_ns, deadline_ns);

	if (care)
		do_here(care);
}

/* False: the time has come. */
static bool claim_in_time(struct device *device, uint64_t until_ns)
{
	bool in_time = true;

	pthread_once(&cond_once, make_cond);
	pthread_mutex_lock(&lock);
	while (device->cared && (in_time || until_ns == CLOCK_NEVER))
		in_time = clock_wait(&over_cond, &lock, until_ns);
	bool mine = !device->cared;
	device->cared = true;
	pthread_mutex_unlock(&lock);
	return mine;
}

enum hufu_err care_open(struct device *device, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), until = now + OPEN_TIME_NS;

	/* Whoever is at it does so in his own thread, and may have more time than this caller. */
	if (!claim_in_time(device, deadline_ns))
		return HUFU_ERR_BUSY;
	if (atomic_load(&device->handle)) {
		unclaim(device);
		return HUFU_OK;
	}
	if (device_driver(device)) {
		lease_discard_stale(device);
		care_close_left(device, false, now + PROBE_TIME_NS);
	}
	struct care *care = care_new(device, CARE_OPEN, now, until < deadline_ns ? until : deadline_ns);
	if (!care) {
		unclaim(device);
		return HUFU_ERR_BUSY;
	}
	attach(device, care);
	job_hold(&care->job);
	do_here(care);
	enum hufu_err err = care->job.err;
	job_rele(&care->job);
	return err;
}

/* -- its end ---------------------------------------------------------------------------- */

static void give_up(struct device *device, uint64_t now_ns)
{
	pthread_mutex_lock(&lock);
	struct care *care = device->care && !device->care->here ? device->care : NULL;
	if (care)
		job_hold(&care->job);
	pthread_mutex_unlock(&lock);
	if (!care)
		return;
	if (device->care_lanes && job_give_up(device->care_lanes, &care->job)) {
		care_conclude_hung(care, now_ns);
		detach(device);
	}
	job_rele(&care->job);
}

void care_check(struct device *device, uint64_t now_ns)
{
	pthread_mutex_lock(&lock);
	bool late = device->care && now_ns >= device->care_until_ns;
	pthread_mutex_unlock(&lock);
	if (late)
		give_up(device, now_ns);
}

void care_wait(uint64_t until_ns)
{
	pthread_once(&cond_once, make_cond);
	pthread_mutex_lock(&lock);
	clock_wait(&over_cond, &lock, until_ns);
	pthread_mutex_unlock(&lock);
}

static bool is_open_at_all(struct device *device)
{
	return atomic_load(&device->opening) || care_has_left(device);
}

/* The device is claimed. On its lane where it may hang. */
static void close_for_good(struct device *device, uint64_t deadline_ns)
{
	struct care *care = care_new(device, CARE_CLOSE, clock_now_ns(), deadline_ns);

	if (!care)
		return;
	attach(device, care);
	if (!device->threaded) {
		do_here(care);
		return;
	}
	struct lanes *lanes = care_lanes_of(device);
	if (!lanes || lanes_submit(lanes, &care->job) != HUFU_OK)
		detach(device);
	job_rele(&care->job);
	if (!claim_in_time(device, deadline_ns))
		give_up(device, clock_now_ns());
}

unsigned care_end(struct device *device, uint64_t deadline_ns, void (*last)(struct device *))
{
	struct lanes *lanes = atomic_exchange(&device->lanes, NULL);
	unsigned hung = 0;

	if (!claim_in_time(device, deadline_ns))
		give_up(device, clock_now_ns());
	device_leave_opening(device);
	if (lanes && !lanes_stop(lanes, deadline_ns, last))
		hung++;
	if (is_open_at_all(device) || key_is_loaded_in(device))
		close_for_good(device, deadline_ns);
	lanes = device->care_lanes;
	device->care_lanes = NULL;
	if (lanes && !lanes_stop(lanes, deadline_ns, last))
		hung++;
	return hung;
}

void care_last(struct device *device)
{
	if (device->driver)
		care_close_left(device, true, clock_now_ns() + PROBE_TIME_NS);
}

/* -- fork ------------------------------------------------------------------------------- */

void care_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
	make_cond();
}

/* What it had in hand is forgotten with its memory: the thread that holds the rest of it is not here. */
void care_forget(struct device *device)
{
	device->care = NULL;
	device->cared = false;
}
