/* SPDX-License-Identifier: Apache-2.0 */
/* What an errand says of its device. */
#include "pool/care_internal.h"

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
	device->care_not_before_ns = now_ns + CARE_RETRY_NS;
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

void care_conclude(struct care *care, uint64_t now_ns)
{
	struct device *device = care->device;

	device->login = care->login;
	if (care->login_refused)
		atomic_store(&device->login_refused, true);
	else if (hufu_err_group(care->job.err) == HUFU_GROUP_DENIED)
		credentials_were_denied(device);
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
void care_conclude_hung(const struct care *care, uint64_t now_ns)
{
	struct device *device = care->device;

	device->asked_ns = now_ns;
	if (care->kind == CARE_EMPTY || care->kind == CARE_CLOSE)
		return;
	if (care->kind != CARE_OPEN) /* whether it took a credential nobody knows: the connection has to forget it once */
		device->login.in = true;
	count(device, STATS_PROBES_FAILED);
	device_note(device, care->probing ? HEALTH_PROBE_FAILED : HEALTH_TIMEOUT, HUFU_OK,
	            care->kind == CARE_OPEN ? "it did not open in time" : "it did not answer a probe in time", now_ns);
}
