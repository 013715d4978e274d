/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/care.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "driver/driver.h"

#define RETRY_NS (NS_PER_S / 20)       /* of what was busy, or had no memory */
#define URGENT_NS (NS_PER_S / 4)       /* between errands to a device that somebody waits for */
#define PING_NS (15 * NS_PER_S)        /* a device that nobody asked for so long is asked whether it is there */
#define CARE_QUEUE 4

enum care_kind { CARE_OPEN, CARE_PROBE, CARE_PING, CARE_ANSWERS, CARE_PROOFS, CARE_EMPTY, CARE_CLOSE };

struct care {
	struct job job;
	struct device *device;
	enum care_kind kind;
	bool probing;                  /* PROBE_OK or PROBE_FAILED follows */
	bool admits;                   /* PROBE: of one that was out of service */
	bool here;                     /* in the thread that asked: it cannot be given up */
	bool asked_proofs, proven;
	struct opening *opening;       /* held */
	struct hufu_device *handle;    /* of OPEN, until it is the device's */
	struct hufu_lease *lease;      /* on it, likewise */
	struct hufu_device_info info;
	struct capabilities *caps;
	uint32_t proofs;               /* as there were when they were asked for */
	uint64_t begun_ns;
	char why[120];                 /* what is wrong, for people */
};

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

/* -- connections -------------------------------------------------------------- */

/* NULL: as many as may be are left behind, and something hangs in each. */
static struct opening *reserve_opening(struct device *device)
{
	for (size_t i = 0; i < OPENINGS_MAX; i++) {
		struct opening *opening = &device->openings[i];
		uint32_t none = 0;

		if (opening == atomic_load(&device->opening) || atomic_load(&opening->handle))
			continue;
		if (atomic_compare_exchange_strong(&opening->leases, &none, 1))
			return opening;
	}
	return NULL;
}

static bool has_free(struct device *device)
{
	for (size_t i = 0; i < OPENINGS_MAX; i++)
		if (!atomic_load(&device->openings[i].handle))
			return true;
	return false;
}

static bool is_left(struct device *device, struct opening *opening)
{
	return opening != atomic_load(&device->opening) && atomic_load(&opening->handle);
}

static bool has_left(struct device *device)
{
	for (size_t i = 0; i < OPENINGS_MAX; i++)
		if (is_left(device, &device->openings[i]))
			return true;
	return false;
}

/* Nobody has a lease, not even a lane that hangs: nothing that was loaded is being used. */
static bool is_unused(struct device *device)
{
	for (size_t i = 0; i < OPENINGS_MAX; i++)
		if (atomic_load(&device->openings[i].leases))
			return false;
	return true;
}

/* Those that nobody uses any more. With its last one the device forgets the keys that it holds loaded. */
static void close_left(struct device *device, bool evict, uint64_t deadline_ns)
{
	evict = evict && is_unused(device);
	for (size_t i = 0; i < OPENINGS_MAX; i++) {
		struct opening *opening = &device->openings[i];
		uint32_t none = 0;

		if (!is_left(device, opening) || !atomic_compare_exchange_strong(&opening->leases, &none, 1))
			continue;
		struct hufu_device *handle = atomic_exchange(&opening->handle, NULL);
		if (evict)
			key_evict_all(device, handle, deadline_ns);
		device->driver->close(handle, deadline_ns);
		opening_rele(opening);
	}
}

/* -- the errand itself, which may hang ------------------------------------------ */

/* One that cannot sign at all is admitted without: it runs nothing with keys. */
static enum hufu_err ask_proofs(struct care *care, struct admission *admission)
{
	enum hufu_err err = admit_prove(admission, &care->proofs);

	care->asked_proofs = true;
	care->proven = err == HUFU_OK;
	return hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED ? HUFU_OK : err;
}

/* Only keys that nobody holds: what could not be evicted when they were given up. */
static void forget_unwanted(struct admission *admission)
{
	if (key_is_loaded_in(admission->device) && admit_lease(admission) == HUFU_OK)
		key_evict_unwanted(admission->device, admission->lease, admission->deadline_ns);
}

/* The claims of a device are believed when it has shown them. Its session then serves on, where any thread may use it. */
static enum hufu_err admit(struct care *care, struct hufu_device *handle, bool answers)
{
	struct device *device = care->device;
	struct admission admission = {
		.device = device, .handle = handle, .deadline_ns = care->job.deadline_ns,
		.caps = care->caps ? care->caps : atomic_load(&device->caps), .why = care->why, .why_len = sizeof(care->why),
	};
	enum hufu_err err = answers ? admit_known_answers(&admission) : HUFU_OK;

	if (err == HUFU_OK)
		err = ask_proofs(care, &admission);
	if (err == HUFU_OK)
		forget_unwanted(&admission);
	if (err == HUFU_OK && care->kind == CARE_OPEN && !device->threaded)
		care->lease = admission.lease;
	else if (admission.lease)
		device->driver->release(admission.lease);
	return err;
}

static enum hufu_err open_anew(struct care *care)
{
	struct device *device = care->device;
	struct hufu_conf conf = driver_conf(device->conf);

	if (!device_driver(device))
		return HUFU_ERR_CONFIG;
	enum hufu_err err = device->driver->open(driver_host(), &conf, care->job.deadline_ns, &care->handle);
	if (err != HUFU_OK) {
		care->handle = NULL;
		return err;
	}
	care->info = (struct hufu_device_info){.size = sizeof(care->info)};
	err = device->driver->info(care->handle, &care->info);
	if (err != HUFU_OK)
		return err;
	care->caps = device_capabilities_of(&care->info);
	return care->caps ? admit(care, care->handle, true) : HUFU_ERR_NO_MEMORY;
}

static enum hufu_err probe(struct care *care, bool admits)
{
	struct hufu_device *handle = atomic_load(&care->opening->handle);
	enum hufu_err err = care->device->driver->probe(handle, care->job.deadline_ns);

	if (err != HUFU_OK || !admits)
		return err;
	return admit(care, handle, true);
}

/* It had fallen before its keys could be evicted. */
static void evict_on_new_connection(struct care *care)
{
	struct device *device = care->device;
	struct hufu_conf conf = driver_conf(device->conf);
	struct hufu_device *handle;

	if (device->driver->open(driver_host(), &conf, care->job.deadline_ns, &handle) != HUFU_OK)
		return;
	key_evict_all(device, handle, care->job.deadline_ns);
	device->driver->close(handle, care->job.deadline_ns);
}

static void empty(struct care *care)
{
	struct device *device = care->device;

	lease_discard_stale(device);
	close_left(device, care->kind == CARE_CLOSE, care->job.deadline_ns);
	if (care->kind == CARE_CLOSE && is_unused(device) && key_is_loaded_in(device))
		evict_on_new_connection(care);
}

static void work(struct job *job, struct lane *lane)
{
	struct care *care = job->arg;

	(void)lane;
	switch (care->kind) {
	case CARE_OPEN:
		job->err = open_anew(care);
		return;
	case CARE_PROBE:
		job->err = probe(care, care->admits);
		return;
	case CARE_PING:
		job->err = probe(care, false);
		return;
	case CARE_ANSWERS:
		job->err = admit(care, atomic_load(&care->opening->handle), true);
		return;
	case CARE_PROOFS:
		job->err = admit(care, atomic_load(&care->opening->handle), false);
		return;
	case CARE_EMPTY:
	case CARE_CLOSE:
		empty(care);
		job->err = HUFU_OK;
		return;
	}
}

/* -- what follows from it --------------------------------------------------------- */

static void count(struct device *device, enum stats_count what)
{
	struct stats_device *stats = atomic_load(&device->stats);

	if (stats)
		stats_add(stats, what, 1);
}

static bool is_refusal(enum hufu_err err)
{
	return err == HUFU_ERR_CONFIG || err == HUFU_ERR_CORRUPT || hufu_err_group(err) == HUFU_GROUP_DENIED;
}

/* No fault of the device's: it is asked again soon. */
static bool is_passing(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_BUSY || (hufu_err_group(err) == HUFU_GROUP_HOST && err != HUFU_ERR_CONFIG);
}

static const char *reason(const struct care *care, const char *otherwise)
{
	if (care->why[0])
		return care->why;
	if (care->job.err == HUFU_ERR_CONFIG)
		return "its configuration is wrong";
	return hufu_err_group(care->job.err) == HUFU_GROUP_DENIED ? "it refused our credential" : otherwise;
}

/* A device that drains or was taken away meanwhile is not opened by mistake: what was opened is closed again. */
static bool hand_over(struct care *care)
{
	struct device *device = care->device;
	enum pool_admin admin = atomic_load(&device->admin);

	if (admin == POOL_MAINTENANCE || admin == POOL_REMOVED)
		return false;
	device_adopt(device, care->opening, care->handle, &care->info, care->caps);
	device_set_proven(device, care->proven, care->proofs);
	if (care->lease)
		lease_adopt(device, care->opening, care->lease);
	care->lease = NULL;
	care->handle = NULL;
	care->caps = NULL;
	return true;
}

static void conclude_open(struct care *care, uint64_t now_ns)
{
	struct device *device = care->device;
	enum hufu_err err = care->job.err;

	if (err == HUFU_OK && !hand_over(care)) {
		device_note(device, HEALTH_CLOSED, HUFU_OK, "it was taken out of service while it was opened", now_ns);
	} else if (err == HUFU_OK) {
		count(device, STATS_OPENS);
		device->open_ns = now_ns - care->begun_ns;
		device_note(device, care->probing ? HEALTH_PROBE_OK : HEALTH_OPENED, err, NULL, now_ns);
	} else if (is_refusal(err)) {
		device_note(device, HEALTH_REFUSED, err, reason(care, "it could not be opened"), now_ns);
	} else if (care->probing) {
		device_note(device, HEALTH_PROBE_FAILED, err, reason(care, "it could not be opened"), now_ns);
	} else if (!is_passing(err)) {
		device_note(device, HEALTH_HARD_ERROR, err, reason(care, "it could not be opened"), now_ns);
	}
	device->care_not_before_ns = now_ns + RETRY_NS;
	atomic_store(&device->tried, true);
}

static void conclude_probe(struct care *care, uint64_t now_ns)
{
	struct device *device = care->device;
	enum hufu_err err = care->job.err;
	bool alive = err == HUFU_OK || is_passing(err);

	count(device, alive ? STATS_PROBES : STATS_PROBES_FAILED);
	if (is_refusal(err))
		device_note(device, HEALTH_REFUSED, err, reason(care, "it refused a probe"), now_ns);
	else
		device_note(device, alive ? HEALTH_PROBE_OK : HEALTH_PROBE_FAILED, err, alive ? NULL : reason(care, "a probe failed"),
		            now_ns);
}

/* Of a device that is up. */
static void conclude_look(struct care *care, const char *what, uint64_t now_ns)
{
	struct device *device = care->device;
	enum hufu_err err = care->job.err;
	bool alive = err == HUFU_OK || is_passing(err);

	count(device, alive ? STATS_PROBES : STATS_PROBES_FAILED);
	if (alive)
		return;
	if (is_refusal(err))
		device_note(device, HEALTH_REFUSED, err, reason(care, what), now_ns);
	else
		device_note(device, hufu_err_group(err) == HUFU_GROUP_GONE ? HEALTH_HARD_ERROR : HEALTH_SOFT_ERROR, err,
		            reason(care, what), now_ns);
}

static void conclude(struct care *care, uint64_t now_ns)
{
	struct device *device = care->device;

	switch (care->kind) {
	case CARE_OPEN:
		conclude_open(care, now_ns);
		break;
	case CARE_PROBE:
		conclude_probe(care, now_ns);
		break;
	case CARE_PING:
		conclude_look(care, "it was asked whether it is there", now_ns);
		break;
	case CARE_ANSWERS:
		conclude_look(care, "its known answers were asked for", now_ns);
		break;
	case CARE_PROOFS:
		conclude_look(care, "the proof of its domain was asked for", now_ns);
		break;
	case CARE_EMPTY:
	case CARE_CLOSE:
		return;
	}
	device->asked_ns = now_ns;
	if (care->kind != CARE_PING && care->kind != CARE_PROOFS)
		device->answered_ns = now_ns;
	if (care->kind != CARE_OPEN && care->asked_proofs)
		device_set_proven(device, care->proven, care->proofs);
}

/* Nobody knows when it will come back, or whether. */
static void conclude_hung(const struct care *care, uint64_t now_ns)
{
	struct device *device = care->device;

	device->asked_ns = now_ns;
	if (care->kind == CARE_EMPTY || care->kind == CARE_CLOSE)
		return;
	count(device, STATS_PROBES_FAILED);
	device_note(device, care->probing ? HEALTH_PROBE_FAILED : HEALTH_TIMEOUT, HUFU_OK,
	            care->kind == CARE_OPEN ? "it did not open in time" : "it did not answer a probe in time", now_ns);
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

	conclude(care, clock_now_ns());
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

/* -- which errand ------------------------------------------------------------------ */

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
	care->job.work = work;
	care->job.over = over;
	care->job.destroy = destroy;
	care->job.arg = care;
	care->job.deadline_ns = deadline_ns;
	care->job.open = true;
	care->device = device;
	care->kind = kind;
	care->begun_ns = now_ns;
	if (kind == CARE_OPEN) {
		make_stats(device);
		care->opening = reserve_opening(device);
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

static uint64_t attempts_of(const struct device *device)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LEASE_SLOTS; i++)
		n += atomic_load_explicit(&device->slots[i].entered, memory_order_relaxed);
	return n;
}

/* Nobody came by since it was last looked at, and that is long ago. */
static bool is_forgotten(struct device *device, uint64_t now_ns)
{
	uint64_t attempts = attempts_of(device);

	if (attempts != device->attempts_seen || device_is_software(device)) {
		device->attempts_seen = attempts;
		device->asked_ns = now_ns;
	}
	return now_ns >= device->asked_ns + PING_NS;
}

static bool answers_are_due(const struct device *device, uint64_t now_ns)
{
	uint64_t every = atomic_load(&device->pool->token)->pool.deep_probe_s * NS_PER_S;

	/* Where a caller would wait for it, software is believed from its opening on. */
	if (device->driver->flags & HUFU_DRIVER_SOFTWARE && atomic_load(&device->pool->keeping) != KEEPING_BY_KEEPER)
		return false;
	return every && now_ns >= device->answered_ns + every;
}

/* What others still use is looked at again later. */
static bool emptying_is_due(struct device *device, uint64_t now_ns)
{
	return has_left(device) && now_ns >= device->emptied_ns + (has_free(device) ? RETRY_NS : RETRY_NS / 10);
}

/* What a login has just brought is asked for at once: its caller waits for that. What was busy, later. */
static bool proofs_are_due(const struct device *device, uint64_t now_ns)
{
	bool is_new = device->proofs_tried != atomic_load(&device->pool->proofs_given);

	return device_must_prove(device) && (is_new || now_ns >= device->care_not_before_ns);
}

/* Is there an errand to a device in service? */
static bool due_in_service(struct device *device, enum care_kind *kind, uint64_t now_ns)
{
	/* It served once more as it fell. */
	if (!atomic_load(&device->opening))
		*kind = CARE_OPEN;
	else if (proofs_are_due(device, now_ns))
		*kind = CARE_PROOFS;
	else if (answers_are_due(device, now_ns))
		*kind = CARE_ANSWERS;
	else if (is_forgotten(device, now_ns))
		*kind = CARE_PING;
	else
		return false;
	return true;
}

static bool due_out_of_service(struct device *device, enum care_kind *kind, uint64_t now_ns)
{
	if (!device_is_idle(device))
		return false;
	device_leave_opening(device);
	device_note(device, HEALTH_CLOSED, HUFU_OK, NULL, now_ns);
	*kind = CARE_CLOSE;
	return emptying_is_due(device, now_ns);
}

/* Drained: what it did is done, its sessions are given back; it stays open and is looked after. */
static void give_back_sessions(struct device *device)
{
	if (atomic_load(&device->admin) != POOL_DRAINING || !atomic_load(&device->nleases) || !device_is_idle(device))
		return;
	atomic_fetch_add(&device->generation, 1);
	if (atomic_load(&device->lanes))
		lanes_refresh(device->lanes);
	lease_discard_stale(device);
}

static uint64_t urgent_every(const struct device *device)
{
	uint64_t backoff = atomic_load(&device->pool->token)->pool.backoff_min_ms * NS_PER_MS;

	return backoff < URGENT_NS ? backoff : URGENT_NS;
}

static bool due_by_state(struct device *device, bool urgent, uint64_t now_ns, enum care_kind *kind, bool *probing)
{
	enum pool_state state = health_state(&device->health);

	if (emptying_is_due(device, now_ns)) {
		*kind = CARE_EMPTY;
		return true;
	}
	if (state == POOL_UP || state == POOL_SLOW_START)
		return due_in_service(device, kind, now_ns);
	if (state == POOL_PROBING)
		return false;
	if (state == POOL_JOINING) {
		*kind = CARE_OPEN;
		return now_ns >= device->care_not_before_ns;
	}
	urgent = urgent && now_ns >= device->asked_ns + urgent_every(device);
	*probing = health_begin_probe(&device->health, urgent, now_ns);
	*kind = atomic_load(&device->opening) ? CARE_PROBE : CARE_OPEN;
	return *probing;
}

static bool due(struct device *device, bool urgent, uint64_t now_ns, enum care_kind *kind, bool *probing)
{
	*probing = false;
	switch (atomic_load(&device->admin)) {
	case POOL_ENABLED:
	case POOL_DRAINING:
		break;
	case POOL_MAINTENANCE:
	case POOL_REMOVED:
		return due_out_of_service(device, kind, now_ns);
	}
	if (health_state(&device->health) == POOL_QUARANTINED)
		return due_out_of_service(device, kind, now_ns);
	if (health_state(&device->health) == POOL_SLOW_START)
		device_note(device, HEALTH_TIME, HUFU_OK, NULL, now_ns);
	return due_by_state(device, urgent, now_ns, kind, probing);
}

/* A device that is slow to open is given the time that it took before. */
static uint64_t time_for(const struct device *device, enum care_kind kind)
{
	if (kind != CARE_OPEN)
		return PROBE_TIME_NS;
	if (!device->open_ns)
		return OPEN_TIME_NS;
	uint64_t ns = 2 * device->open_ns;
	return ns < PROBE_TIME_NS ? PROBE_TIME_NS : ns < OPEN_TIME_NS ? ns : OPEN_TIME_NS;
}

static struct care *errand_of(struct device *device, bool urgent, uint64_t now_ns, uint64_t deadline_ns)
{
	enum care_kind kind;
	bool probing;

	give_back_sessions(device);
	if (!due(device, urgent, now_ns, &kind, &probing))
		return NULL;
	uint64_t until = now_ns + time_for(device, kind);
	struct care *care = care_new(device, kind, now_ns, until < deadline_ns ? until : deadline_ns);
	if (kind == CARE_EMPTY || kind == CARE_CLOSE)
		device->emptied_ns = now_ns;
	if (kind == CARE_ANSWERS)
		device->answered_ns = now_ns;
	if (kind == CARE_PROOFS)
		device->proofs_tried = atomic_load(&device->pool->proofs_given);
	if (kind == CARE_PROOFS || !care)
		device->care_not_before_ns = now_ns + RETRY_NS;
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
		device->care_not_before_ns = now_ns + RETRY_NS;
		detach(device);
	}
	job_rele(&care->job);
}

static void do_here(struct care *care)
{
	care->here = true;
	work(&care->job, NULL);
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

	/* Whoever is at it does so in his own thread, and a direct driver returns by its deadline. */
	if (!claim_in_time(device, CLOCK_NEVER))
		return HUFU_ERR_BUSY;
	if (atomic_load(&device->handle)) {
		unclaim(device);
		return HUFU_OK;
	}
	if (device_driver(device)) {
		lease_discard_stale(device);
		close_left(device, false, now + PROBE_TIME_NS);
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
		conclude_hung(care, now_ns);
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
	return atomic_load(&device->opening) || has_left(device);
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
		close_left(device, true, clock_now_ns() + PROBE_TIME_NS);
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
