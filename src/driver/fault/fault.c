/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: devices, their options, leases. */
#include "driver/fault/fault.h"

#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"
#include "driver/fault/internal.h"

#define OPTION_MAX 64

/* -- options ----------------------------------------------------------------- */

static bool read_yes(const char *text, void *out)
{
	*(bool *)out = strcmp(text, "yes") == 0;
	return *(bool *)out || strcmp(text, "no") == 0;
}

static bool read_count(const char *text, void *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*(uint32_t *)out = (uint32_t)n;
	return *text >= '0' && *text <= '9' && !*end && n <= 1000000;
}

static bool read_time(const char *text, void *out)
{
	return script_time(text, out);
}

static bool read_text(const char *text, void *out)
{
	size_t len = strlen(text);

	if (!len || len >= OPTION_MAX)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static bool read_shelf(const char *text, void *out)
{
	return (*(struct shelf **)out = shelf_named(text)) != NULL;
}

static bool read_id(const char *text, void *out)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *id = out;

	for (size_t i = 0; i < 32; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit)
			return false;
		id[i / 2] = (uint8_t)(id[i / 2] << 4 | (digit - digits));
	}
	return !text[32];
}

static bool read_options(struct hufu_device *device, const struct hufu_conf *conf)
{
	const struct {
		const char *name, *wanted;
		bool (*read)(const char *, void *);
		void *out;
	} options[] = {
		{"sessions_max", "a number up to 1000000", read_count, &device->sessions},
		{"service", "a time: 200us, 5ms, 1s", read_time, &device->service_ns},
		{"split", "yes or no", read_yes, &device->split},
		{"permanent", "yes or no", read_yes, &device->permanent},
		{"shelf", "a short name; there is room for 4", read_shelf, &device->shelf},
		{"resident", "a number up to 1000000", read_count, &device->nresidents},
		{"seed", "up to 63 characters", read_text, device->seed},
		{"password", "up to 63 characters", read_text, device->password},
		{"domain_id", "32 hexadecimal digits", read_id, device->domain_id},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *text = conf->get(conf, options[i].name);
		if (!text || options[i].read(text, options[i].out))
			continue;
		device->host->log(HUFU_LOG_ERROR, conf->name, "%s = \"%s\" is none. Write %s", options[i].name, text, options[i].wanted);
		return false;
	}
	device->has_domain_id = conf->get(conf, "domain_id") != NULL;
	return true;
}

static const struct hufu_driver *wrapped(const struct hufu_host *host, const struct hufu_conf *conf)
{
	const char *name = conf->get(conf, "wraps");

	if (name && strncmp(name, "fault", 5) == 0) {
		host->log(HUFU_LOG_ERROR, conf->name, "wraps = \"%s\" would wrap itself. Name another driver", name);
		return NULL;
	}
	return host->driver(name ? name : "soft");
}

static enum hufu_err set_up(struct hufu_device *device, const struct hufu_conf *conf)
{
	const char *text = conf->get(conf, "script");
	struct script script;
	char why[256];

	if (script_parse(text ? text : "", &script, why, sizeof(why)) != HUFU_OK) {
		device->host->log(HUFU_LOG_ERROR, conf->name, "%s", why);
		return HUFU_ERR_CONFIG;
	}
	device->driver = wrapped(device->host, conf);
	if (!device->driver || !read_options(device, conf))
		return HUFU_ERR_CONFIG;
	device->subject = lab_subject(conf->name, &script);
	return device->subject ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

/* -- devices ----------------------------------------------------------------- */

static enum hufu_err open_inner(struct hufu_device *device, const struct hufu_conf *conf, uint64_t deadline_ns)
{
	enum hufu_err err = device->driver->open(device->host, conf, deadline_ns, &device->inner);

	if (err != HUFU_OK)
		return err;
	err = residents_open(device, deadline_ns);
	if (err == HUFU_OK)
		return err;
	residents_close(device);
	device->driver->close(device->inner, deadline_ns);
	return err;
}

static enum hufu_err fault_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                                struct hufu_device **out)
{
	struct hufu_device *device = calloc(1, sizeof(*device));
	if (!device)
		return HUFU_ERR_NO_MEMORY;
	device->host = host;
	enum hufu_err err = set_up(device, conf);
	if (err == HUFU_OK)
		err = lab_call(device->subject, PLACE_OPEN, deadline_ns);
	if (err == HUFU_OK)
		err = open_inner(device, conf, deadline_ns);
	if (err != HUFU_OK) {
		free(device);
		return err;
	}
	lab_count(device->subject, LAB_OPENS);
	*out = device;
	return HUFU_OK;
}

static void fault_close(struct hufu_device *device, uint64_t deadline_ns)
{
	residents_close(device);
	device->driver->close(device->inner, deadline_ns);
	lab_count(device->subject, LAB_CLOSES);
	free(device);
}

static enum hufu_err fault_info(struct hufu_device *device, struct hufu_device_info *info)
{
	enum hufu_err err = device->driver->info(device->inner, info);

	if (err == HUFU_OK && device->has_domain_id)
		memcpy(info->domain_id, device->domain_id, sizeof(info->domain_id));
	if (err == HUFU_OK && device->sessions)
		info->max_leases = device->sessions;
	if (err == HUFU_OK && device->caps) {
		info->caps = device->caps;
		info->ncaps = device->ncaps;
	}
	return err;
}

static enum hufu_err fault_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	enum hufu_err err = lab_call(device->subject, PLACE_PROBE, deadline_ns);

	if (err == HUFU_OK)
		err = device->driver->probe(device->inner, deadline_ns);
	if (err == HUFU_OK)
		lab_count(device->subject, LAB_PROBES);
	return err;
}

/* -- leases ------------------------------------------------------------------ */

static bool session_taken(struct hufu_device *device)
{
	if (atomic_fetch_add(&device->in_use, 1) < device->sessions || !device->sessions)
		return true;
	atomic_fetch_sub(&device->in_use, 1);
	return false;
}

static enum hufu_err fault_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	enum hufu_err err = lab_call(device->subject, PLACE_LEASE, deadline_ns);
	if (err != HUFU_OK)
		return err;
	if (!session_taken(device))
		return HUFU_ERR_BUSY;
	struct hufu_lease *lease = malloc(sizeof(*lease));
	if (lease) {
		*lease = (struct hufu_lease){.device = device, .life = lab_life(device->subject)};
		err = device->driver->lease(device->inner, deadline_ns, &lease->inner);
	}
	if (!lease || err != HUFU_OK) {
		atomic_fetch_sub(&device->in_use, 1);
		free(lease);
		return lease ? err : HUFU_ERR_NO_MEMORY;
	}
	lab_count(device->subject, LAB_LEASES);
	*out = lease;
	return HUFU_OK;
}

static void fault_give_back(struct hufu_lease *lease)
{
	lease->device->driver->release(lease->inner);
	atomic_fetch_sub(&lease->device->in_use, 1);
	lab_count(lease->device->subject, LAB_RELEASES);
	free(lease);
}

/* -- the same under three names ------------------------------------------------ */

#define DRIVER(its_name, its_flags) \
	{.size = sizeof(struct hufu_driver), .abi = HUFU_DRIVER_ABI, .name = (its_name), .flags = (its_flags) | HUFU_DRIVER_FORK_SAFE, \
	 .open = fault_open, .close = fault_close, .info = fault_info, .probe = fault_probe, .lease = fault_lease, \
	 .release = fault_give_back, .run = fault_run}

const struct hufu_driver driver_fault = DRIVER("fault", HUFU_DRIVER_RETURNS_BY_DEADLINE);
const struct hufu_driver driver_fault_soft = DRIVER("fault-soft", HUFU_DRIVER_RETURNS_BY_DEADLINE | HUFU_DRIVER_SOFTWARE);
const struct hufu_driver driver_fault_hang = DRIVER("fault-hang", 0);

enum hufu_err fault_register(void)
{
	const struct hufu_driver *const all[] = {&driver_fault, &driver_fault_soft, &driver_fault_hang};
	enum hufu_err err = HUFU_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && (err == HUFU_OK || err == HUFU_ERR_EXISTS); i++)
		err = driver_register(all[i]);
	return err == HUFU_ERR_EXISTS ? HUFU_OK : err;
}
