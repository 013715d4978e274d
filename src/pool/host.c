/* SPDX-License-Identifier: Apache-2.0 */
/* This host's own software, without a device of the token's. */
#include "driver/driver.h"
#include "pool/pool.h"

static enum hufu_err run_on(struct hufu_device *device, struct hufu_op *op)
{
	struct hufu_lease *lease;
	enum hufu_err err = driver_soft.lease(device, op->deadline_ns, &lease);

	if (err != HUFU_OK)
		return err;
	op->size = sizeof(*op);
	op->copy_kind = HUFU_COPY_BLOB;
	driver_soft.run(lease, &op, 1);
	driver_soft.release(lease);
	return op->outcome;
}

enum hufu_err pool_run_on_host(struct hufu_op *op)
{
	char name[] = "host";
	struct conf_device section = {.name = name};
	struct hufu_conf conf = driver_conf(&section);
	struct hufu_device *device;
	enum hufu_err err = driver_soft.open(driver_host(), &conf, op->deadline_ns, &device);

	if (err != HUFU_OK)
		return err;
	err = run_on(device, op);
	driver_soft.close(device, op->deadline_ns);
	return err;
}
