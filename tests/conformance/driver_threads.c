/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a device on lanes, whose driver sees copies only and never the caller's thread, keeps the contract as a direct one does. */
#include "driver_kit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"
#include "pool/pool.h"

static const struct pooled lanes = {.driver = "lane-only", .configuration =
	"device \"lanes\" { driver = \"soft\"  domain = \"soft\"  isolation = thread  sessions = 4 }\n"
	"token \"t\" { store = \"sqlite:/nowhere/t.db\"  devices = { \"lanes\" } }\n"};

/* soft, in lanes and nowhere else. */
static struct hufu_driver lane_only;

static void lane_only_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	if (strncmp(name, "hufu-lanes", 10) != 0)
		abort();
	driver_soft.run(lease, ops, n);
}

int main(void)
{
	lane_only = driver_soft;
	lane_only.name = "lane-only";
	lane_only.run = lane_only_run;
	if (driver_register(&lane_only) != HUFU_OK)
		return 99;
	pooled_use(&lanes);
	return driver_suite("soft on lanes", &pooled_subject);
}
