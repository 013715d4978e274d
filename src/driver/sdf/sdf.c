/* SPDX-License-Identifier: Apache-2.0 */
/* The driver itself: devices opened, what they offer, and the way of an op to its function. */
#include "driver/sdf/sdf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "driver/driver.h"

static const struct sdf_row *const families[] = {
	sdf_key_rows, sdf_sm2_rows, sdf_sm4_rows, sdf_mac_rows, sdf_aead_rows, sdf_rsa_rows,
};

#define NFAMILIES (sizeof(families) / sizeof(families[0]))

/* -- what is offered ------------------------------------------------------------------- */

static void add_capability(struct hufu_device *device, const struct sdf_row *row)
{
	device->caps[device->ncaps++] = (struct hufu_capability){
		.mechanism = row->mechanism, .verbs = 1u << row->verb, .min_nbits = row->min_nbits, .max_nbits = row->max_nbits,
		.max_in = row->max_in ? row->max_in(device) : 0, .permanent = row->permanent && row->permanent(device),
	};
}

static size_t count_rows(void)
{
	size_t n = 0;

	for (size_t f = 0; f < NFAMILIES; f++)
		for (const struct sdf_row *row = families[f]; row->run; row++)
			n++;
	return n;
}

static enum hufu_err find_capabilities(struct hufu_device *device)
{
	size_t n = count_rows();

	device->rows = calloc(n + 1, sizeof(*device->rows));
	device->caps = calloc(n, sizeof(*device->caps));
	if (!device->rows || !device->caps)
		return HUFU_ERR_NO_MEMORY;
	for (size_t f = 0; f < NFAMILIES; f++)
		for (const struct sdf_row *row = families[f]; row->run; row++)
			if (!row->offered || row->offered(device)) {
				device->rows[device->ncaps] = row;
				add_capability(device, row);
			}
	return HUFU_OK;
}

/* -- open --------------------------------------------------------------------------------- */

struct reporter {
	const struct hufu_host *host;
	const char *device;
};

static void report(void *arg, const char *message)
{
	const struct reporter *reporter = arg;

	reporter->host->log(HUFU_LOG_ERROR, reporter->device, "%s", message);
}

/* A library stays loaded with the profile that it came with: what it did not adopt is freed. */
static enum hufu_err load_library(struct hufu_device *device)
{
	const struct reporter reporter = {device->host, device->name};
	struct sdf_profile *profile;
	char why[512] = "";
	enum hufu_err err = sdf_profile_load(device->settings.profile, report, (void *)(uintptr_t)&reporter, &profile);

	if (err != HUFU_OK)
		return err;
	err = sdf_library_open(device->settings.library, profile, &device->library, why, sizeof(why));
	if (err != HUFU_OK)
		device->host->log(HUFU_LOG_ERROR, device->name, "%s", why);
	else
		device->profile = sdf_library_profile(device->library);
	if (err != HUFU_OK || device->profile != profile)
		sdf_profile_free(profile);
	return err;
}

static enum hufu_err connect(struct hufu_device *device, uint64_t deadline_ns)
{
	uint32_t code = 0;
	enum hufu_err err = sdf_device_open(device->library, device->settings.open_config, deadline_ns, &device->device, &code);
	const char *name = device->profile ? sdf_code_name(device->profile, code) : NULL;

	if (err != HUFU_OK)
		device->host->log(HUFU_LOG_WARNING, device->name, "%s does not open the device: it says 0x%08x%s%s",
		                  device->settings.library, (unsigned)code, name ? ", " : "", name ? name : "");
	return err;
}

/* The public key that clear keys are encrypted to. Without it they cannot be taken in, and all else goes on. */
static enum hufu_err find_isk(struct hufu_device *device, struct sdf_session *session)
{
	uint32_t index = device->settings.isk_index;
	uint8_t point[SDF_POINT_LEN];

	if (!index || !device_can(device, SDF_CAN_EXPORT_ECC) || !device_can(device, SDF_CAN_IMPORT_ISK))
		return HUFU_OK;
	enum hufu_err err = sdf_export_ecc(session, index, SDF_USAGE_ENCRYPT, point);
	if (err == HUFU_ERR_NO_KEY || hufu_err_group(err) == HUFU_GROUP_CALLER) {
		device->host->log(HUFU_LOG_ERROR, device->name, "isk_index = %u, but there is no encryption pair at this "
		                  "index. Make one with the vendor's management tool, or name the index of one", (unsigned)index);
		return HUFU_OK;
	}
	if (err == HUFU_OK && sm2_public_init(&device->isk, point) != SM2_OK)
		err = HUFU_ERR_CORRUPT;
	device->has_isk = err == HUFU_OK;
	return err;
}

static enum hufu_err get_acquainted(struct hufu_device *device, uint64_t deadline_ns)
{
	struct sdf_session *session;
	uint32_t code;
	enum hufu_err err = sdf_session_open(device->device, deadline_ns, &session, &code);

	if (err != HUFU_OK)
		return err;
	err = sdf_info(session, &device->about);
	if (err == HUFU_OK)
		err = find_isk(device, session);
	sdf_session_close(session);
	return err;
}

static void free_device(struct hufu_device *device, uint64_t deadline_ns)
{
	if (device->device)
		sdf_device_close(device->device, deadline_ns);
	rights_forget(device);
	residents_forget(device);
	pthread_cond_destroy(&device->shown);
	pthread_mutex_destroy(&device->lock);
	free(device->rows);
	free(device->caps);
	free(device);
}

static enum hufu_err driver_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                                 struct hufu_device **out)
{
	static _Atomic uint64_t openings;
	struct hufu_device *device = calloc(1, sizeof(*device));

	if (!device)
		return HUFU_ERR_NO_MEMORY;
	device->host = host;
	device->id = atomic_fetch_add(&openings, 1) + 1;
	snprintf(device->name, sizeof(device->name), "%s", conf->name);
	pthread_mutex_init(&device->lock, NULL);
	clock_cond_init(&device->shown);
	enum hufu_err err = settings_read(host, conf, &device->settings);
	if (err == HUFU_OK)
		err = load_library(device);
	if (err == HUFU_OK)
		err = connect(device, deadline_ns);
	if (err == HUFU_OK)
		err = get_acquainted(device, deadline_ns);
	if (err == HUFU_OK)
		err = find_capabilities(device);
	device->settings.library = device->settings.profile = device->settings.open_config = NULL;
	if (err == HUFU_OK)
		*out = device;
	else
		free_device(device, deadline_ns);
	return err;
}

static void driver_close(struct hufu_device *device, uint64_t deadline_ns)
{
	struct sdf_session *spare = atomic_exchange(&device->spare, NULL);

	if (spare)
		sdf_session_close(spare);
	free_device(device, deadline_ns);
}

/* -- what it says of itself ------------------------------------------------------------------ */

/* One session of the device's is the probe's. */
static uint32_t max_leases(const struct hufu_device *device)
{
	uint32_t most = device->profile->sessions_max;

	return most > 1 ? most - 1 : most;
}

static enum hufu_err driver_info(struct hufu_device *device, struct hufu_device_info *info)
{
	const struct sdf_device_info *about = &device->about;

	if (info->size < sizeof(*info))
		return HUFU_ERR_ARGUMENT;
	*info = (struct hufu_device_info){.size = sizeof(*info), .max_leases = max_leases(device), .caps = device->caps,
	                                  .ncaps = device->ncaps, .key_cache = device->profile->handles_max};
	snprintf(info->vendor, sizeof(info->vendor), "%.31s", about->vendor);
	snprintf(info->model, sizeof(info->model), "%s", about->model);
	snprintf(info->serial, sizeof(info->serial), "%s", about->serial);
	snprintf(info->firmware, sizeof(info->firmware), "%x", (unsigned)about->device_version);
	return HUFU_OK;
}

/* -- ops ----------------------------------------------------------------------------------------- */

static const struct sdf_row *row_of(const struct hufu_device *device, const struct hufu_op *op)
{
	for (const struct sdf_row **row = device->rows; *row; row++)
		if ((*row)->verb == op->verb && (*row)->mechanism == op->mechanism)
			return *row;
	return NULL;
}

static enum hufu_err check_key(const struct sdf_row *row, const struct hufu_op *op)
{
	if (!row->key)
		return HUFU_OK;
	if (!op->key || op->key->size < sizeof(*op->key))
		return HUFU_ERR_ARGUMENT;
	return op->key->type == row->key ? HUFU_OK : HUFU_ERR_KEY_TYPE;
}

static bool is_the_callers(const struct hufu_op *op, enum hufu_err err)
{
	if (err == HUFU_ERR_CIPHERTEXT || err == HUFU_ERR_CIPHERTEXT_LEN)
		return op->verb == HUFU_VERB_DECRYPT || op->verb == HUFU_VERB_UNWRAP;
	return err == HUFU_ERR_SIGNATURE && op->verb == HUFU_VERB_VERIFY;
}

/*
 * What an op brings was checked here: what a device calls a mistake (INARGERR, KEYERR of a key that was deleted) is its own
 * view, and no caller's. Another device is asked; this one is not put out of service by it.
 */
static enum hufu_err as_ours(const struct hufu_lease *lease, const struct hufu_op *op, enum hufu_err err)
{
	bool by_device = lease->session && lease->session->code;

	if (hufu_err_group(err) == HUFU_GROUP_DENIED)
		return op->verb == HUFU_VERB_LOGIN ? err : HUFU_ERR_NO_KEY;
	return hufu_err_group(err) == HUFU_GROUP_CALLER && by_device && !is_the_callers(op, err) ? HUFU_ERR_NO_KEY : err;
}

static enum hufu_err run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	const struct sdf_row *row = row_of(lease->device, op);

	if (!row)
		return HUFU_ERR_UNSUPPORTED;
	if (op->phase != HUFU_PHASE_WHOLE || (op->in_len && !op->in))
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = check_key(row, op);
	/* What cannot fail asks the device for nothing. */
	if (err == HUFU_OK && op->verb != HUFU_VERB_EVICT && op->verb != HUFU_VERB_LOGOUT)
		err = lease_ready(lease, op->deadline_ns);
	return err == HUFU_OK ? as_ours(lease, op, row->run(lease, op)) : err;
}

static void run_and_note(struct hufu_lease *lease, struct hufu_op *op)
{
	if (op->size < sizeof(*op)) {
		op->outcome = HUFU_ERR_ARGUMENT;
		return;
	}
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->outcome = run_one(lease, op);
	if (op->outcome == HUFU_OK)
		return;
	op->pub_len = 0;
	if (op->outcome != HUFU_ERR_BUFFER)
		op->out_len = 0;
}

static void driver_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	uint64_t logins = atomic_load(&lease->device->logins);

	pthread_mutex_lock(&lease->lock);
	for (size_t i = 0; i < n; i++)
		run_and_note(lease, ops[i]);
	pthread_mutex_unlock(&lease->lock);
	if (atomic_load(&lease->device->logins) != logins)
		lease_drop_rights_if_stale(lease);
}

const struct hufu_driver driver_sdf = {
	.size = sizeof(driver_sdf),
	.abi = HUFU_DRIVER_ABI,
	.name = "sdf",
	.flags = 0,
	.open = driver_open,
	.close = driver_close,
	.info = driver_info,
	.probe = device_probe,
	.lease = lease_new,
	.release = lease_free,
	.run = driver_run,
	.forget = handles_forget,
};
