/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a pool of direct devices and devices on lanes, in two domains, with
 * hardware that fails or returns late before software that is merely busy, keeps the
 * contract as one good device does, for keys with a copy in each domain.
 */
#include "driver_kit.h"

#include <stdlib.h>
#include <time.h>

#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"

static const char configuration[] =
	"device \"card\" { driver = \"fault\"  domain = \"other\" }\n"
	"device \"box\" { driver = \"fault-hang\"  domain = \"other\" }\n"
	"device \"emulator\" { driver = \"fault-soft\"  domain = \"soft\" }\n"
	"token \"t\" { store = \"sqlite:/nowhere/t.db\"  devices = { \"card\", \"box\", \"emulator\" } }\n";

/* From when they have shown that they are sound. */
static const char *const scripts[][2] = {
	{"card", "run:gone%6; lease:busy%3; run:corrupt%9"},
	{"box", "run:hang=600ms@150; run:lost%12; lease:gone%7"},
	{"emulator", "run:busy%4; lease:gone%19"},
};
#define NDEVICES (sizeof(scripts) / sizeof(scripts[0]))

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void break_them(struct pool *pool)
{
	const struct timespec moment = {.tv_nsec = 10000000};

	for (unsigned i = 0; i < 3000 && !pooled_serves(pool, NDEVICES); i++) {
		(void)!pool_can(pool, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT);
		nanosleep(&moment, NULL);
	}
	pooled_break(pool, scripts, NDEVICES);
}

int main(void)
{
	static const struct pooled mixed = {.configuration = configuration, .opened = break_them, .closed = fault_reset};

	need(fault_register() == HUFU_OK);
	pooled_use(&mixed);
	return driver_suite("pool of two domains", &pooled_subject);
}
