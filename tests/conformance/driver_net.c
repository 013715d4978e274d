/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a token over two cipher machines, one reached by TLS and one by a Unix socket, which are one domain, and a device
 * that is none keeps the contract as one good device does, whoever of them runs an op.
 */
#include "driver_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hufu/mechanisms.h"
#include "machines.h"
#include "pool/pool.h"

#define NDEVICES 3

static char configuration[4 * MACHINES_TEXT];

static void wait_until_up(struct pool *pool)
{
	const struct timespec moment = {.tv_nsec = 10000000};

	for (unsigned i = 0; i < 3000 && !pooled_serves(pool, NDEVICES); i++) {
		(void)!pool_can(pool, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT);
		nanosleep(&moment, NULL);
	}
	if (!pooled_serves(pool, NDEVICES)) {
		printf("Bail out! the machines do not serve\n");
		exit(99);
	}
}

int main(void)
{
	static const struct pooled machines = {.configuration = configuration, .imports = "machines", .opened = wait_until_up};
	char near[MACHINES_TEXT], far[MACHINES_TEXT];

	if (!machines_begin()) {
		printf("1..0 # SKIP hufud is not built\n");
		return 0;
	}
	machine_start(0);
	machine_start(1);
	machine_device(near, 0, false, "near", "domain = machines");
	machine_device(far, 1, true, "far", "domain = machines");
	snprintf(configuration, sizeof(configuration),
	         "%s%sdevice emulator { driver = soft domain = soft }\n"
	         "token t { store = \"sqlite:/nowhere/t.db\" devices = { near, far, emulator } }\n", near, far);
	pooled_use(&machines);
	int status = driver_suite("pool of machines", &pooled_subject);
	printf("# the machines ran %lu operations\n", pooled_imports_served());
	return pooled_imports_served() ? status : 1;
}
