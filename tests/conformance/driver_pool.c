/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a pool of devices that fail all the time, each in its own way, keeps
 * the contract as one good device does. The third never loses an answer, so
 * every op has an end.
 */
#include "driver_kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"

#define DEVICE(name, script) "device \"" name "\" { driver = \"fault\"  domain = \"soft\"  script = \"" script "\" }\n"

static const char configuration[] =
	DEVICE("one", "") DEVICE("two", "open:gone*2") DEVICE("three", "")
	"token \"t\" { store = \"sqlite:/nowhere/t.db\"  devices = { \"one\", \"two\", \"three\" } }\n";

/* From when they have shown that they are sound: one that gives wrong answers then is not let in. */
static const char *const scripts[][2] = {
	{"one", "run:lost%7; lease:busy%5; run:no-key%13; run:overlong%17"},
	{"two", "run:corrupt%11; run:gone%9; probe:gone%3"},
	{"three", "run:busy%3; lease:gone%19; run:expired@8; any:delay=1ms%50"},
};
#define NDEVICES (sizeof(scripts) / sizeof(scripts[0]))

/* Virtual time: backoffs cost nothing. */
static _Atomic uint64_t now = NS_PER_S;

static uint64_t virtual_now(void)
{
	return atomic_fetch_add(&now, 1000);
}

static void virtual_sleep(uint64_t ns)
{
	atomic_fetch_add(&now, ns);
}

static bool virtual_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until_ns)
{
	uint64_t from = atomic_load(&now);

	(void)cond;
	pthread_mutex_unlock(mutex);
	if (until_ns > from && until_ns != CLOCK_NEVER)
		virtual_sleep(until_ns - from);
	pthread_mutex_lock(mutex);
	return false;
}

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void break_them(struct pool *pool)
{
	for (unsigned i = 0; i < 100 && !pooled_serves(pool, NDEVICES); i++) {
		(void)!pool_can(pool, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT);
		virtual_sleep(NS_PER_S);
	}
	pooled_break(pool, scripts, NDEVICES);
}

int main(void)
{
	static const struct pooled failing = {.configuration = configuration, .opened = break_them, .closed = fault_reset};

	pool_allow_threads(false); /* all of it in the callers, whose time this is */
	clock_inject(virtual_now);
	clock_inject_sleep(virtual_sleep);
	clock_inject_wait(virtual_wait);
	need(fault_register() == HUFU_OK);
	pooled_use(&failing);
	return driver_suite("pool over failing devices", &pooled_subject);
}
