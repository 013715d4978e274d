/* SPDX-License-Identifier: Apache-2.0 */
/* A device of the pool: found, opened, asked what it can do; who is inside it; what happened to it. */
#include "pool/care.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "driver/driver.h"

#define LANES_MAX 64
#define PRIORITY_HARDWARE 10
#define PRIORITY_SOFTWARE 30

struct device *device_new(struct pool *pool, const struct conf_device *conf)
{
	struct device *device = aligned_alloc(CACHE_LINE, (sizeof(*device) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	if (!device)
		return NULL;
	memset(device, 0, sizeof(*device));
	device->pool = pool;
	device->conf = member_conf_copy(conf);
	if (!device->conf) {
		free(device);
		return NULL;
	}
	device_set_limits(device, conf);
	pthread_mutex_init(&device->open_lock, NULL);
	const struct conf_token *token = atomic_load(&pool->token);
	health_init(&device->health, &token->pool, clock_now_ns() ^ (uint64_t)(uintptr_t)device);
	return device;
}

/* Its driver says how many sessions it has, or that there is no limit. */
static uint32_t lanes_of(const struct device *device)
{
	uint32_t limit = device_lease_limit(device);

	return limit && limit < LANES_MAX ? limit : LANES_MAX;
}

static void publish_limits(struct device *device)
{
	struct stats_device *stats = atomic_load(&device->stats);

	if (!stats)
		return;
	atomic_store(&stats->weight, atomic_load(&device->weight));
	atomic_store(&stats->priority, atomic_load(&device->priority));
	atomic_store(&stats->leases_max, device_lease_limit(device));
	atomic_store(&stats->isolation, device->hosted ? CONF_ISOLATION_PROCESS : device->threaded ? CONF_ISOLATION_THREAD :
	             CONF_ISOLATION_DIRECT);
	atomic_store(&stats->software, device->driver && device->driver->flags & HUFU_DRIVER_SOFTWARE);
	atomic_store(&stats->admin, atomic_load(&device->admin));
}

/* By its driver, once that is known, where the configuration does not say. */
static uint32_t priority_of(const struct device *device, uint32_t conf)
{
	const struct hufu_driver *driver = atomic_load(&device->driver);

	if (conf != CONF_PRIORITY_AUTO || !driver)
		return conf;
	return driver->flags & HUFU_DRIVER_SOFTWARE ? PRIORITY_SOFTWARE : PRIORITY_HARDWARE;
}

void device_set_limits(struct device *device, const struct conf_device *conf)
{
	atomic_store(&device->conf_priority, conf->priority);
	atomic_store(&device->priority, priority_of(device, conf->priority));
	atomic_store(&device->weight, conf->weight);
	atomic_store(&device->sessions, conf->sessions);
	atomic_store(&device->share, conf->share);
	atomic_store(&device->queue, conf->queue);
	atomic_store(&device->connects_per_s, conf->connects_per_s);
	atomic_store(&device->hung_max, conf->hung_max);
	publish_limits(device);
	if (atomic_load(&device->lanes))
		lanes_limit(device->lanes, lanes_of(device), conf->queue, conf->hung_max);
}

/* -- its driver ------------------------------------------------------------- */

/* Where its calls may run: in the caller's thread, on lanes, nowhere. */
static bool find_place(struct device *device, const struct hufu_driver *driver)
{
	enum conf_isolation isolation = device->conf->isolation;
	const char *name = device->conf->name, *why = driver_why_not_direct(driver);

	if (isolation == CONF_ISOLATION_DIRECT && why) {
		log_device(HUFU_LOG_ERROR, name, "isolation = direct, but driver %s %s. Set isolation = thread", driver->name, why);
		return false;
	}
	device->threaded = why || isolation == CONF_ISOLATION_THREAD;
	if (!device->threaded || pool_may_have_threads())
		return true;
	log_device(HUFU_LOG_ERROR, name, "the application forbids threads (CKF_LIBRARY_CANT_CREATE_OS_THREADS), and driver %s %s. "
	           "Give the application a device that runs without, or set isolation = process", driver->name,
	           why ? why : "was given isolation = thread");
	atomic_store(&device->needs_threads, true);
	return false;
}

/* A machine tries its own devices and verifies what they sign, unless it does nothing but lend one (role HOST). */
static bool is_machine(const struct device *device, const struct hufu_driver *driver)
{
	struct hufu_conf conf = driver_conf(device->conf);
	const char *role = conf.get(&conf, "role");

	return driver == &driver_net && !device->hosted && !(role && strcmp(role, "host") == 0);
}

static const struct hufu_driver *find_own(const struct device *device)
{
	char why[512];
	const struct hufu_driver *driver = driver_find(device->conf->driver, why, sizeof(why));

	if (!driver)
		log_device(HUFU_LOG_ERROR, device->conf->name, "%s", why);
	return driver;
}

/*
 * In another process: it is not loaded here. What is built in says what it is; a vendor's object is taken for hardware, and
 * its host refuses one that is not.
 */
static const struct hufu_driver *find_hosted(struct device *device)
{
	const struct hufu_driver *own = device->conf->driver[0] == '/' ? NULL : find_own(device);

	device->hosted = own || device->conf->driver[0] == '/';
	return device->hosted ? driver_hosted(own && own->flags & HUFU_DRIVER_SOFTWARE) : NULL;
}

/* isolation = auto, and a driver that may hang: with hufud where it hosts the device, and else here, which is said. */
static const struct hufu_driver *find_by_itself(struct device *device)
{
	const struct conf_device *conf = device->conf;
	struct driver_host_address address;
	char why[512];
	const struct hufu_driver *own = find_own(device);

	if (!own || !conf_device_is_hosted(conf) || !driver_why_not_direct(own))
		return own;
	if (driver_host_find(conf, &address, why, sizeof(why)) == HUFU_OK)
		return find_hosted(device);
	log_device(HUFU_LOG_NOTICE, conf->name, "its library runs within this program: should it crash, so does the program (%s). "
	           "isolation = thread says that this is meant", why);
	return own;
}

static const struct hufu_driver *find_driver_locked(struct device *device)
{
	if (device->driver)
		return device->driver;
	const bool apart = device->conf->isolation == CONF_ISOLATION_PROCESS;
	const struct hufu_driver *driver = apart ? find_hosted(device) : find_by_itself(device);
	if (driver && find_place(device, driver)) {
		device->is_machine = is_machine(device, driver);
		atomic_store(&device->driver, driver);
		atomic_store(&device->priority, priority_of(device, atomic_load(&device->conf_priority)));
	}
	return device->driver;
}

/* Its host may be started later: then the device is there. Said once, until it was there. */
static enum hufu_err connect_to_host(struct device *device, uint64_t deadline_ns, struct hufu_device **handle)
{
	struct driver_host_address address;
	char why[512];
	enum hufu_err err = driver_host_find(device->conf, &address, why, sizeof(why));

	if (err != HUFU_OK) {
		if (!atomic_exchange(&device->host_missed, true))
			log_device(HUFU_LOG_ERROR, device->conf->name, "isolation = process, but %s", why);
		return err;
	}
	atomic_store(&device->host_missed, false);
	const struct hufu_conf conf = driver_hosted_conf(device->conf, &address);
	return device->driver->open(driver_host(), &conf, deadline_ns, handle);
}

enum hufu_err device_connect(struct device *device, uint64_t deadline_ns, struct hufu_device **handle)
{
	const struct hufu_conf conf = driver_conf(device->conf);

	if (device->hosted)
		return connect_to_host(device, deadline_ns, handle);
	return device->driver->open(driver_host(), &conf, deadline_ns, handle);
}

/* A driver that cannot be had stays so: it is reported once. */
const struct hufu_driver *device_driver(struct device *device)
{
	const struct hufu_driver *driver = atomic_load_explicit(&device->driver, memory_order_acquire);

	if (driver || health_state(&device->health) == POOL_QUARANTINED)
		return driver;
	pthread_mutex_lock(&device->open_lock);
	driver = find_driver_locked(device);
	pthread_mutex_unlock(&device->open_lock);
	if (!driver)
		device_note(device, HEALTH_REFUSED, HUFU_ERR_CONFIG, "there is no driver for it", clock_now_ns());
	return driver;
}

/* -- what it can do ----------------------------------------------------------- */

static int by_mechanism(const void *a, const void *b)
{
	const struct capability *x = a, *y = b;

	return (x->mechanism > y->mechanism) - (x->mechanism < y->mechanism);
}

struct capabilities *device_capabilities_of(const struct hufu_device_info *info)
{
	struct capabilities *caps = calloc(1, sizeof(*caps) + info->ncaps * sizeof(caps->rows[0]));

	if (!caps)
		return NULL;
	caps->n = info->ncaps;
	for (size_t i = 0; i < info->ncaps; i++) {
		const struct hufu_capability *cap = &info->caps[i];

		caps->rows[i].mechanism = cap->mechanism;
		caps->rows[i].max_in = cap->max_in ? cap->max_in : UINT64_MAX;
		caps->rows[i].multi_part = cap->multi_part;
		caps->rows[i].permanent = cap->permanent;
		caps->rows[i].min_nbits = cap->min_nbits;
		caps->rows[i].max_nbits = cap->max_nbits;
		caps->rows[i].cost_us = cap->cost_us;
		atomic_init(&caps->rows[i].verbs, cap->verbs);
	}
	qsort(caps->rows, caps->n, sizeof(caps->rows[0]), by_mechanism);
	return caps;
}

static bool same_capabilities(const struct capabilities *a, const struct capabilities *b)
{
	if (!a || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->rows[i].mechanism != b->rows[i].mechanism || a->rows[i].max_in != b->rows[i].max_in ||
		    a->rows[i].multi_part != b->rows[i].multi_part || a->rows[i].permanent != b->rows[i].permanent)
			return false;
	return true;
}

/* The usual device comes back as it was: then its table stays, and only what was found missing is given another chance. */
static void adopt_capabilities(struct device *device, struct capabilities *caps)
{
	struct capabilities *before = atomic_load(&device->caps);

	if (!same_capabilities(before, caps)) {
		caps->older = before;
		atomic_store_explicit(&device->caps, caps, memory_order_release);
		return;
	}
	for (size_t i = 0; i < caps->n; i++)
		atomic_store(&before->rows[i].verbs, atomic_load(&caps->rows[i].verbs));
	free(caps);
}

static void free_capabilities(struct device *device)
{
	struct capabilities *older;

	for (struct capabilities *caps = atomic_load(&device->caps); caps; caps = older) {
		older = caps->older;
		free(caps);
	}
}

uint64_t device_mechanism(uint64_t mechanism, enum hufu_verb verb)
{
	bool none = verb == HUFU_VERB_RANDOM || verb == HUFU_VERB_IMPORT || verb == HUFU_VERB_EXPORT || verb >= HUFU_VERB_EVICT;

	return none ? 0 : mechanism;
}

/* Where the rows of a mechanism begin, or would: they are sorted. */
static struct capability *first_of(struct capabilities *caps, uint64_t mechanism)
{
	struct capability *first = caps->rows;
	size_t n = caps->n;

	while (n) {
		size_t half = n / 2;
		bool behind = first[half].mechanism < mechanism;

		first += behind ? half + 1 : 0;
		n = behind ? n - half - 1 : half;
	}
	return first;
}

struct capability *capabilities_find(struct capabilities *caps, uint64_t mechanism, enum hufu_verb verb, bool multi_part)
{
	for (struct capability *cap = first_of(caps, mechanism); cap < caps->rows + caps->n && cap->mechanism == mechanism; cap++)
		if (atomic_load_explicit(&cap->verbs, memory_order_relaxed) & 1u << verb &&
		    (cap->multi_part || !multi_part))
			return cap;
	return NULL;
}

struct capability *device_capability(struct device *device, uint64_t mechanism, enum hufu_verb verb, bool multi_part)
{
	struct capabilities *caps = atomic_load_explicit(&device->caps, memory_order_acquire);

	return caps ? capabilities_find(caps, mechanism, verb, multi_part) : NULL;
}

bool device_is_software(struct device *device)
{
	const struct hufu_driver *driver = device_driver(device);

	return driver && driver->flags & HUFU_DRIVER_SOFTWARE;
}

/* -- its connections ------------------------------------------------------------ */

/*
 * Counted first, then looked at again: whoever closes takes the opening away
 * first and waits for the count, so one of the two sees the other.
 */
struct opening *opening_hold(struct device *device)
{
	struct opening *opening;

	while ((opening = atomic_load(&device->opening))) {
		atomic_fetch_add(&opening->leases, 1);
		if (opening == atomic_load(&device->opening))
			return opening;
		opening_rele(opening);
	}
	return NULL;
}

void opening_rele(struct opening *opening)
{
	atomic_fetch_sub(&opening->leases, 1);
}

static void publish(struct device *device, struct opening *opening, struct hufu_device *handle)
{
	atomic_store(&opening->handle, handle);
	atomic_store(&device->opening, opening);
	atomic_store_explicit(&device->handle, handle, memory_order_release);
}

/* No lease is made on it from now on, and none that was is used again. */
void device_leave_opening(struct device *device)
{
	if (!atomic_load(&device->opening))
		return;
	atomic_store(&device->handle, NULL);
	atomic_store(&device->opening, NULL);
	atomic_fetch_add(&device->generation, 1);
}

void device_adopt(struct device *device, struct opening *opening, struct hufu_device *handle,
                  const struct hufu_device_info *info, struct capabilities *caps)
{
	adopt_capabilities(device, caps);
	pthread_mutex_lock(&device->open_lock);
	device->info = *info;
	device->info.caps = NULL; /* the connection's; it may go before info does */
	pthread_mutex_unlock(&device->open_lock);
	atomic_store(&device->max_leases, info->max_leases);
	atomic_store(&device->proven, false);
	publish_limits(device);
	publish(device, opening, handle);
}

enum hufu_err device_open_here(struct device *device, uint64_t deadline_ns)
{
	if (atomic_load_explicit(&device->handle, memory_order_acquire))
		return HUFU_OK;
	return device_driver(device) ? care_open(device, deadline_ns) : HUFU_ERR_CONFIG;
}

enum hufu_err device_open(struct device *device, uint64_t deadline_ns)
{
	if (atomic_load_explicit(&device->handle, memory_order_acquire) || device_wanted(device, deadline_ns))
		return HUFU_OK;
	enum pool_state state = health_state(&device->health);
	if (state == POOL_QUARANTINED)
		return HUFU_ERR_CONFIG;
	return state == POOL_EJECTED || state == POOL_PROBING ? HUFU_ERR_GONE : HUFU_ERR_BUSY;
}

void device_probe_if_due(struct device *device, uint64_t now_ns, uint64_t deadline_ns)
{
	enum pool_state state = health_state(&device->health);

	if ((state == POOL_SUSPECT || state == POOL_EJECTED) && atomic_load(&device->pool->keeping) != KEEPING_BY_KEEPER)
		care_do_due(device, false, now_ns, now_ns + PROBE_TIME_NS < deadline_ns ? now_ns + PROBE_TIME_NS : deadline_ns);
}

void device_free(struct device *device)
{
	if (!device)
		return;
	stats_device_free(atomic_load(&device->stats));
	free_capabilities(device);
	latency_clear(&device->latencies);
	health_clear(&device->health);
	pthread_mutex_destroy(&device->open_lock);
	member_conf_free(device->conf);
	free(device);
}

struct lanes *device_lanes(struct device *device)
{
	struct lanes *lanes = atomic_load_explicit(&device->lanes, memory_order_acquire);

	if (lanes || !pool_may_have_threads())
		return lanes;
	pthread_mutex_lock(&device->open_lock);
	lanes = atomic_load(&device->lanes);
	if (!lanes) {
		lanes = lanes_new(device, lanes_of(device), atomic_load(&device->queue), atomic_load(&device->hung_max));
		atomic_store_explicit(&device->lanes, lanes, memory_order_release);
	}
	pthread_mutex_unlock(&device->open_lock);
	return lanes;
}

void device_forget_others(struct device *device)
{
	atomic_store(&device->in_flight, 0);
	atomic_store(&device->on_trial, false);
	for (size_t i = 0; i < OPENINGS_MAX; i++)
		atomic_store(&device->openings[i].leases, 0);
	for (size_t i = 0; i < LEASE_SLOTS; i++) {
		struct lease *parked = atomic_load(&device->slots[i].lease);

		atomic_store(&device->slots[i].left, atomic_load(&device->slots[i].entered));
		if (parked)
			atomic_fetch_add(&parked->opening->leases, 1);
	}
	care_forget(device);
}

void device_abandon_openings(struct device *device)
{
	atomic_store(&device->handle, NULL);
	atomic_store(&device->opening, NULL);
	for (size_t i = 0; i < OPENINGS_MAX; i++) {
		atomic_store(&device->openings[i].handle, NULL);
		atomic_store(&device->openings[i].leases, 0);
	}
}

/* -- who is inside ---------------------------------------------------------------- */

bool device_enter(struct device *device)
{
	atomic_fetch_add(&device->slots[lease_thread() % LEASE_SLOTS].entered, 1);
	if (atomic_load(&device->admin) == POOL_ENABLED && atomic_load(&device->handle) &&
	    health_state(&device->health) != POOL_QUARANTINED)
		return true;
	device_leave(device);
	return false;
}

void device_leave(struct device *device)
{
	atomic_fetch_add_explicit(&device->slots[lease_thread() % LEASE_SLOTS].left, 1, memory_order_release);
}

/* Leavers are counted before enterers: were they as many, then at the moment between nobody was inside. */
bool device_is_idle(const struct device *device)
{
	uint64_t left = 0, entered = 0;

	for (size_t i = 0; i < LEASE_SLOTS; i++)
		left += atomic_load(&device->slots[i].left);
	for (size_t i = 0; i < LEASE_SLOTS; i++)
		entered += atomic_load(&device->slots[i].entered);
	return left == entered;
}

bool device_is_closed(struct device *device)
{
	if (atomic_load(&device->opening) || care_is_under_way(device))
		return false;
	for (size_t i = 0; i < OPENINGS_MAX; i++)
		if (atomic_load(&device->openings[i].handle) || atomic_load(&device->openings[i].leases))
			return false;
	return true;
}

/* -- what happened to it ------------------------------------------------------------ */

static void publish_state(struct device *device, enum pool_state state)
{
	struct stats_device *stats = atomic_load(&device->stats);
	uint64_t until = atomic_load(&device->health.until_ns), now = clock_now_ns(), wall_ms = (uint64_t)clock_wall_s() * 1000;

	if (!stats)
		return;
	atomic_store(&stats->state, state);
	atomic_store(&stats->since_wall_ms, wall_ms);
	bool timed = (state == POOL_EJECTED || state == POOL_SLOW_START) && until > now;
	atomic_store(&stats->until_wall_ms, timed ? wall_ms + (until - now) / NS_PER_MS : 0);
}

static enum hufu_level level_of(struct health_change change)
{
	if (change.to == POOL_QUARANTINED)
		return HUFU_LOG_ERROR;
	if (change.to == POOL_EJECTED)
		return HUFU_LOG_WARNING;
	return change.to == POOL_SLOW_START ? HUFU_LOG_NOTICE : HUFU_LOG_INFO;
}

static void report(struct device *device, struct health_change change, enum hufu_err err, const char *why)
{
	struct stats_device *stats = atomic_load(&device->stats);
	char text[160];

	snprintf(text, sizeof(text), "%s%s%s", why ? why : "", why && err ? ": " : "", err ? err_text(err) : "");
	log_device(level_of(change), device->conf->name, "%s -> %s%s%s%s", pool_state_name(change.from), pool_state_name(change.to),
	           text[0] ? ": " : "", text,
	           change.to == POOL_QUARANTINED ? ". Nothing is sent to it until an administrator, having mended this, "
	           "puts it under maintenance and back (hufu device maintain, undrain) or the program starts again" : "");
	if (!stats)
		return;
	stats_event(stats, change.from, change.to, err, text);
	if (change.to == POOL_EJECTED)
		stats_add(stats, STATS_EJECTIONS, 1);
}

static bool falls(struct health_change change, enum health_event event)
{
	if (change.from == change.to)
		return false;
	return change.to == POOL_QUARANTINED ||
	       (change.to == POOL_EJECTED && (event == HEALTH_HARD_ERROR || event == HEALTH_PROBE_FAILED));
}

void device_note(struct device *device, enum health_event event, enum hufu_err err, const char *why, uint64_t now_ns)
{
	/* By a session of a connection that has fallen meanwhile. */
	if (event == HEALTH_SERVED && !atomic_load(&device->handle))
		return;
	struct health_change change = health_note(&device->health, event, now_ns);

	if (change.from == change.to)
		return;
	if (falls(change, event))
		device_leave_opening(device);
	publish_state(device, change.to);
	report(device, change, err, why);
	atomic_store(&device->pool->inline_due_ns, 0);
	pool_changed(device->pool);
	keeper_poke();
}

/* An event of its own: the state may be what it was. */
void device_set_admin(struct device *device, enum pool_admin admin)
{
	enum pool_admin before = atomic_exchange(&device->admin, admin);
	struct stats_device *stats = atomic_load(&device->stats);
	enum pool_state state = health_state(&device->health);
	char text[64];

	if (before == admin)
		return;
	snprintf(text, sizeof(text), "by the administrator: %s -> %s", pool_admin_name(before), pool_admin_name(admin));
	log_device(HUFU_LOG_NOTICE, device->conf->name, "%s", text);
	if (stats) {
		atomic_store(&stats->admin, admin);
		stats_event(stats, state, state, HUFU_OK, text);
	}
	if (admin == POOL_ENABLED)
		device_note(device, HEALTH_ENABLED, HUFU_OK, "an administrator's act", clock_now_ns());
	pool_changed(device->pool);
	keeper_poke();
}
