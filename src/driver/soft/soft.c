/* SPDX-License-Identifier: Apache-2.0 */
/* The driver itself: devices, leases, capabilities, and the way of an op to its function. */
#include "driver/soft/soft.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "driver/driver.h"

#define NVERBS (HUFU_VERB_EVICT + 1)
#define SLOTS 512        /* a power of two, well above the number of mechanisms */
#define CAPS_MAX 160

/* A mechanism's rows, found by hashing: the slot of its number, or one behind it. */
struct slot {
	uint64_t mechanism;
	bool used;
	const struct soft_row *rows[NVERBS];
};

struct hufu_device {
	const struct hufu_host *host;
	struct slot slots[SLOTS];
	struct hufu_capability caps[CAPS_MAX];
	size_t ncaps;
};

/* Nothing is kept a lease: any number of them may run at once. */
struct hufu_lease {
	const struct hufu_device *device;
};

static const struct soft_row *const families[] = {
	soft_key_rows, soft_sm2_rows, soft_sm4_rows, soft_gcm_rows, soft_hmac_rows, soft_zuc_rows,
	soft_aes_rows, soft_aes_gcm_rows, soft_ccm_rows, soft_block_mac_rows, soft_des3_rows,
	soft_rsa_rows,
	soft_ec_rows, soft_edwards_rows, soft_montgomery_rows,
};

/* The mechanism's, or the free one where it would be. */
static size_t slot_of(const struct hufu_device *device, uint64_t mechanism)
{
	size_t i = (size_t)((mechanism ^ mechanism >> 9) % SLOTS);

	while (device->slots[i].used && device->slots[i].mechanism != mechanism)
		i = (i + 1) % SLOTS;
	return i;
}

static bool is_alike(const struct hufu_capability *cap, const struct soft_row *row)
{
	return cap->mechanism == row->mechanism && cap->multi_part == row->phases && cap->min_nbits == row->min_nbits &&
	       cap->max_nbits == row->max_nbits;
}

/*
 * Verbs of one mechanism share a row where they agree in all else. Making RSA
 * keys does not with the verbs that have no mechanism: its number is 0 as well.
 */
static void add_capability(struct hufu_device *device, const struct soft_row *row)
{
	struct hufu_capability *cap = device->caps;

	while (cap < device->caps + device->ncaps && !is_alike(cap, row))
		cap++;
	if (cap == device->caps + device->ncaps) {
		device->ncaps++;
		*cap = (struct hufu_capability){.mechanism = row->mechanism, .multi_part = row->phases,
		                                .min_nbits = row->min_nbits, .max_nbits = row->max_nbits};
	}
	cap->verbs |= 1u << row->verb;
}

static enum hufu_err soft_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                               struct hufu_device **out)
{
	struct hufu_device *device = calloc(1, sizeof(*device));

	(void)conf;
	(void)deadline_ns;
	if (!device)
		return HUFU_ERR_NO_MEMORY;
	device->host = host;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct soft_row *row = families[i]; row->run; row++) {
			struct slot *slot = &device->slots[slot_of(device, row->mechanism)];
			slot->used = true;
			slot->mechanism = row->mechanism;
			slot->rows[row->verb] = row;
			add_capability(device, row);
		}
	*out = device;
	return HUFU_OK;
}

static void soft_close(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)deadline_ns;
	free(device);
}

static enum hufu_err soft_info(struct hufu_device *device, struct hufu_device_info *info)
{
	/* Copies are keys in the clear: every soft device can use those of every other. */
	static const uint8_t domain_id[16] = "hufu soft clear";

	if (info->size < sizeof(*info))
		return HUFU_ERR_ARGUMENT;
	*info = (struct hufu_device_info){.size = sizeof(*info), .vendor = "hufu", .model = "soft", .serial = "0",
	                                  .caps = device->caps, .ncaps = device->ncaps};
	snprintf(info->firmware, sizeof(info->firmware), "%s", PACKAGE_VERSION);
	memcpy(info->domain_id, domain_id, sizeof(domain_id));
	return HUFU_OK;
}

static enum hufu_err soft_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)device;
	(void)deadline_ns;
	return HUFU_OK;
}

static enum hufu_err soft_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = malloc(sizeof(*lease));

	(void)deadline_ns;
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	lease->device = device;
	*out = lease;
	return HUFU_OK;
}

static void soft_release(struct hufu_lease *lease)
{
	free(lease);
}

static enum hufu_err check_phase(const struct soft_row *row, const struct hufu_op *op)
{
	switch (op->phase) {
	case HUFU_PHASE_WHOLE:
		return HUFU_OK;
	case HUFU_PHASE_FIRST:
	case HUFU_PHASE_NEXT:
		return row->phases && op->state_out ? HUFU_OK : HUFU_ERR_ARGUMENT;
	case HUFU_PHASE_LAST:
		return row->phases ? HUFU_OK : HUFU_ERR_ARGUMENT;
	}
	return HUFU_ERR_ARGUMENT;
}

static enum hufu_err check_key(const struct soft_row *row, const struct hufu_op *op)
{
	if (!row->key)
		return HUFU_OK;
	if (!op->key || op->key->size < sizeof(*op->key))
		return HUFU_ERR_ARGUMENT;
	return op->key->type == row->key ? HUFU_OK : HUFU_ERR_KEY_TYPE;
}

static enum hufu_err run_one(const struct hufu_device *device, struct hufu_op *op)
{
	const struct slot *slot = &device->slots[slot_of(device, op->mechanism)];
	const struct soft_row *row = (unsigned)op->verb < NVERBS ? slot->rows[op->verb] : NULL;
	enum hufu_err err;

	if (!row)
		return HUFU_ERR_UNSUPPORTED;
	err = check_phase(row, op);
	if (err == HUFU_OK)
		err = check_key(row, op);
	return err == HUFU_OK ? row->run(device->host, op) : err;
}

static void soft_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];

		if (op->size < sizeof(*op)) {
			op->outcome = HUFU_ERR_ARGUMENT;
			continue;
		}
		op->out_len = op->pub_len = op->state_out_len = 0;
		op->outcome = run_one(lease->device, op);
		if (op->outcome == HUFU_OK)
			continue;
		op->pub_len = op->state_out_len = 0;
		if (op->outcome != HUFU_ERR_BUFFER)
			op->out_len = 0;
	}
}

enum hufu_err soft_give_mac(struct hufu_op *op, const uint8_t *mac, size_t len)
{
	if (op->verb == HUFU_VERB_VERIFY) {
		if (op->in2_len != len)
			return HUFU_ERR_SIGNATURE_LEN;
		return secret_equal(mac, op->in2, len) ? HUFU_OK : HUFU_ERR_SIGNATURE;
	}
	enum hufu_err err = soft_room(op, len);
	if (err == HUFU_OK)
		memcpy(op->out, mac, len);
	return err;
}

const struct hufu_driver driver_soft = {
	.size = sizeof(driver_soft),
	.abi = HUFU_DRIVER_ABI,
	.name = "soft",
	.flags = HUFU_DRIVER_RETURNS_BY_DEADLINE | HUFU_DRIVER_FORK_SAFE | HUFU_DRIVER_SOFTWARE,
	.open = soft_open,
	.close = soft_close,
	.info = soft_info,
	.probe = soft_probe,
	.lease = soft_lease,
	.release = soft_release,
	.run = soft_run,
};
