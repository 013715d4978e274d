/* SPDX-License-Identifier: Apache-2.0 */
/* A device of the pool: found, opened at its first use, asked what it can do. */
#include "pool/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "driver/driver.h"

/* Isolation: only direct stands. */
static bool may_run_direct(const struct device *device, const struct hufu_driver *driver)
{
	const char *why = NULL;

	if (!(driver->flags & HUFU_DRIVER_RETURNS_BY_DEADLINE))
		why = "does not promise to return by its deadline";
	else if (driver->flags & HUFU_DRIVER_THREAD_AFFINE)
		why = "binds its sessions to threads";
	if (why)
		log_device(HUFU_LOG_ERROR, device->conf->name,
		           "driver %s %s, so it cannot run in the application's threads, and this hufu has no other "
		           "place for it. Use a driver that can, or a hufu with thread or process isolation",
		           driver->name, why);
	return !why;
}

static const struct hufu_driver *find_driver_locked(struct device *device)
{
	char why[512];

	if (device->driver)
		return device->driver;
	const struct hufu_driver *driver = driver_find(device->conf->driver, why, sizeof(why));
	if (!driver)
		log_device(HUFU_LOG_ERROR, device->conf->name, "%s", why);
	else if (may_run_direct(device, driver))
		atomic_store(&device->driver, driver);
	return device->driver;
}

/* A driver that cannot be had stays so: it is reported once. */
const struct hufu_driver *device_driver(struct device *device)
{
	const struct hufu_driver *driver = atomic_load_explicit(&device->driver, memory_order_acquire);

	if (driver || health_state(&device->health) == POOL_QUARANTINED)
		return driver;
	pthread_mutex_lock(&device->open_lock);
	if (health_state(&device->health) != POOL_QUARANTINED)
		driver = find_driver_locked(device);
	if (!driver)
		health_note(&device->health, HEALTH_REFUSED, clock_now_ns());
	pthread_mutex_unlock(&device->open_lock);
	return driver;
}

static int by_mechanism(const void *a, const void *b)
{
	const struct capability *x = a, *y = b;

	return (x->mechanism > y->mechanism) - (x->mechanism < y->mechanism);
}

static enum hufu_err read_info(struct device *device, struct hufu_device *handle)
{
	device->info = (struct hufu_device_info){.size = sizeof(device->info)};
	enum hufu_err err = device->driver->info(handle, &device->info);
	if (err != HUFU_OK)
		return err;
	struct capability *caps = calloc(device->info.ncaps + 1, sizeof(*caps));
	if (!caps)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < device->info.ncaps; i++) {
		const struct hufu_capability *cap = &device->info.caps[i];

		caps[i].mechanism = cap->mechanism;
		caps[i].max_in = cap->max_in ? cap->max_in : UINT64_MAX;
		caps[i].multi_part = cap->multi_part;
		atomic_init(&caps[i].verbs, cap->verbs);
	}
	qsort(caps, device->info.ncaps, sizeof(*caps), by_mechanism);
	free(device->caps);
	device->caps = caps;
	device->ncaps = device->info.ncaps;
	return HUFU_OK;
}

static enum hufu_err open_locked(struct device *device, uint64_t deadline_ns)
{
	struct hufu_conf conf = driver_conf(device->conf);
	struct hufu_device *handle;

	enum hufu_err err = device->driver->open(driver_host(), &conf, deadline_ns, &handle);
	if (err != HUFU_OK)
		return err;
	err = read_info(device, handle);
	if (err != HUFU_OK) {
		device->driver->close(handle, deadline_ns);
		return err;
	}
	atomic_store_explicit(&device->handle, handle, memory_order_release);
	return HUFU_OK;
}

static void note_open(struct device *device, enum hufu_err err)
{
	uint64_t now = clock_now_ns();

	if (err == HUFU_OK)
		health_note(&device->health, HEALTH_OPENED, now);
	else if (err == HUFU_ERR_CONFIG || hufu_err_group(err) == HUFU_GROUP_DENIED)
		health_note(&device->health, HEALTH_REFUSED, now);
	else if (hufu_err_group(err) != HUFU_GROUP_BUSY)
		health_note(&device->health, HEALTH_HARD_ERROR, now);
}

enum hufu_err device_open(struct device *device, uint64_t deadline_ns)
{
	enum hufu_err err = HUFU_OK;

	if (atomic_load_explicit(&device->handle, memory_order_acquire))
		return HUFU_OK;
	if (!device_driver(device))
		return HUFU_ERR_CONFIG;
	pthread_mutex_lock(&device->open_lock);
	if (!atomic_load(&device->handle)) {
		err = open_locked(device, deadline_ns);
		note_open(device, err);
	}
	pthread_mutex_unlock(&device->open_lock);
	return err;
}

/* Opens it first where that was what failed. A device that is busy is alive. */
void device_probe_if_due(struct device *device, uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t deadline = now_ns + PROBE_TIME_NS < deadline_ns ? now_ns + PROBE_TIME_NS : deadline_ns;

	if (!health_begin_probe(&device->health, now_ns))
		return;
	enum hufu_err err = device_open(device, deadline);
	if (err == HUFU_OK)
		err = device->driver->probe(atomic_load(&device->handle), deadline);
	bool alive = err == HUFU_OK || hufu_err_group(err) == HUFU_GROUP_BUSY;
	health_note(&device->health, alive ? HEALTH_PROBE_OK : HEALTH_PROBE_FAILED, clock_now_ns());
}

void device_close(struct device *device)
{
	struct hufu_device *handle = atomic_load(&device->handle);

	if (handle) {
		lease_discard_parked(device);
		device->driver->close(handle, clock_now_ns() + PROBE_TIME_NS);
	}
	free(device->caps);
	health_clear(&device->health);
	pthread_mutex_destroy(&device->open_lock);
}

uint64_t device_mechanism(uint64_t mechanism, enum hufu_verb verb)
{
	bool none = verb == HUFU_VERB_RANDOM || verb == HUFU_VERB_IMPORT || verb == HUFU_VERB_EXPORT || verb == HUFU_VERB_EVICT;

	return none ? 0 : mechanism;
}

/* Where the rows of a mechanism begin, or would: they are sorted. */
static struct capability *first_of(struct device *device, uint64_t mechanism)
{
	struct capability *first = device->caps;
	size_t n = device->ncaps;

	while (n) {
		size_t half = n / 2;
		bool behind = first[half].mechanism < mechanism;

		first += behind ? half + 1 : 0;
		n = behind ? n - half - 1 : half;
	}
	return first;
}

struct capability *device_capability(struct device *device, uint64_t mechanism, enum hufu_verb verb, bool multi_part)
{
	const struct capability *end = device->caps + device->ncaps;

	for (struct capability *cap = first_of(device, mechanism); cap < end && cap->mechanism == mechanism; cap++)
		if (atomic_load_explicit(&cap->verbs, memory_order_relaxed) & 1u << verb &&
		    (cap->multi_part || !multi_part))
			return cap;
	return NULL;
}

bool device_is_software(struct device *device)
{
	const struct hufu_driver *driver = device_driver(device);

	return driver && driver->flags & HUFU_DRIVER_SOFTWARE;
}
