/* SPDX-License-Identifier: Apache-2.0 */
/* The errands that devices are cared for by, as a lane or a caller runs them. */
#include "pool/care_internal.h"

#include "driver/driver.h"

/* -- connections -------------------------------------------------------------- */

/* NULL: as many as may be are left behind, and something hangs in each. */
struct opening *care_reserve_opening(struct device *device)
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

bool care_has_free(struct device *device)
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

bool care_has_left(struct device *device)
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
void care_close_left(struct device *device, bool evict, uint64_t deadline_ns)
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

/* -- the errand itself ------------------------------------------------------------ */

/* One that cannot sign at all is admitted without: it runs nothing with keys. One that gave no answer is asked again. */
static enum hufu_err ask_proofs(struct care *care, struct admission *admission)
{
	enum hufu_err err = admit_prove(admission, &care->proofs);
	bool cannot = hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED;

	care->asked_proofs = err == HUFU_OK || cannot;
	care->proven = err == HUFU_OK;
	return cannot ? HUFU_OK : err;
}

/* Only keys that nobody holds: what could not be evicted when they were given up. */
static void forget_unwanted(struct admission *admission)
{
	if (key_is_loaded_in(admission->device) && admit_lease(admission) == HUFU_OK)
		key_evict_unwanted(admission->device, admission->lease, admission->deadline_ns);
}

/*
 * The claims of a device are believed when it has shown them; what it can do with a credential, too. Its session then serves on,
 * where any thread may use it.
 */
static enum hufu_err admit(struct care *care, struct hufu_device *handle, bool answers)
{
	struct device *device = care->device;
	struct admission admission = {
		.device = device, .handle = handle, .deadline_ns = care->job.deadline_ns,
		.caps = care->caps ? care->caps : atomic_load(&device->caps), .why = care->why, .why_len = sizeof(care->why),
	};
	enum hufu_err err = admit_login(&admission, &care->login, &answers);

	care->login_refused = admission.login_refused;
	if (err == HUFU_OK && answers)
		err = admit_known_answers(&admission);
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

	if (!device_driver(device))
		return HUFU_ERR_CONFIG;
	enum hufu_err err = device_connect(device, care->job.deadline_ns, &care->handle);
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
	struct hufu_device *handle;

	if (device_connect(device, care->job.deadline_ns, &handle) != HUFU_OK)
		return;
	key_evict_all(device, handle, care->job.deadline_ns);
	device->driver->close(handle, care->job.deadline_ns);
}

static void empty(struct care *care)
{
	struct device *device = care->device;

	lease_discard_stale(device);
	care_close_left(device, care->kind == CARE_CLOSE, care->job.deadline_ns);
	if (care->kind == CARE_CLOSE && is_unused(device) && key_is_loaded_in(device))
		evict_on_new_connection(care);
}

void care_work(struct job *job, struct lane *lane)
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
