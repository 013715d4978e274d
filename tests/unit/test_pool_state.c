/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a device's state moves as src/pool/state.h draws it, by what happens and by (virtual) time. */
#include "unit.h"

#include "pool/state.h"

/* conf_pool_defaults', as hufu.conf(5) promises them. */
#define SOFT_MAX 3
#define RAMP_NS (10 * NS_PER_S)
#define BACKOFF_MAX_NS (15 * NS_PER_S)

static struct health h;
static uint64_t now;

static void begin(void)
{
	struct conf_pool conf = conf_pool_defaults();

	now = 1000 * NS_PER_S;
	health_init(&h, &conf, 12345);
}

static void note(enum health_event event)
{
	health_note(&h, event, now);
}

static bool probe_due(void)
{
	return health_begin_probe(&h, false, now);
}

static void end(void)
{
	health_clear(&h);
}

static void test_joining(void)
{
	begin();
	CU_ASSERT(health_state(&h) == POOL_JOINING && !probe_due());
	note(HEALTH_OPENED);
	CU_ASSERT(health_state(&h) == POOL_UP && !probe_due());
	end();
	begin();
	note(HEALTH_HARD_ERROR);
	CU_ASSERT(health_state(&h) == POOL_EJECTED);
	end();
}

static void test_suspect(void)
{
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(health_state(&h) == POOL_SUSPECT);
	note(HEALTH_SERVED);
	CU_ASSERT(health_state(&h) == POOL_UP);
	/* Errors count only in a row. */
	for (int i = 0; i < 10; i++) {
		note(HEALTH_SOFT_ERROR);
		note(HEALTH_SOFT_ERROR);
		CU_ASSERT(health_state(&h) == POOL_SUSPECT);
		note(HEALTH_SERVED);
	}
	for (int i = 0; i < SOFT_MAX; i++) {
		CU_ASSERT(health_state(&h) != POOL_EJECTED);
		note(HEALTH_SOFT_ERROR);
	}
	CU_ASSERT(health_state(&h) == POOL_EJECTED);
	end();
}

/* A probe that a suspect passes makes it up, but does not forgive: only an op does. */
static void test_suspect_probed(void)
{
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(probe_due() && health_state(&h) == POOL_PROBING);
	CU_ASSERT(!probe_due()); /* one at a time */
	note(HEALTH_PROBE_OK);
	CU_ASSERT(health_state(&h) == POOL_UP);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(probe_due());
	note(HEALTH_PROBE_OK);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(health_state(&h) == POOL_EJECTED);
	end();
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(probe_due());
	note(HEALTH_PROBE_FAILED);
	CU_ASSERT(health_state(&h) == POOL_EJECTED);
	end();
}

/* Until when it is left alone, within 20 % of nominal. */
static void expect_backoff(uint64_t nominal)
{
	uint64_t until = atomic_load(&h.until_ns);

	CU_ASSERT(health_state(&h) == POOL_EJECTED);
	CU_ASSERT(until >= now + nominal - nominal / 5 && until <= now + nominal + nominal / 5);
	now = until - 1;
	CU_ASSERT(!probe_due());
	now = until;
	CU_ASSERT(probe_due());
}

static void test_backoff(void)
{
	static const uint64_t nominal_ms[] = {500, 1000, 2000, 4000, 8000, 15000, 15000, 15000};

	begin();
	note(HEALTH_OPENED);
	note(HEALTH_HARD_ERROR);
	for (size_t i = 0; i < sizeof(nominal_ms) / sizeof(nominal_ms[0]); i++) {
		expect_backoff(nominal_ms[i] * NS_PER_MS);
		note(HEALTH_PROBE_FAILED);
	}
	/* A return that does not last does not reset it; one that lasts does. */
	expect_backoff(15 * NS_PER_S);
	note(HEALTH_PROBE_OK);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START);
	note(HEALTH_HARD_ERROR);
	expect_backoff(15 * NS_PER_S);
	note(HEALTH_PROBE_OK);
	now += RAMP_NS;
	note(HEALTH_SERVED);
	CU_ASSERT(health_state(&h) == POOL_UP);
	note(HEALTH_HARD_ERROR);
	expect_backoff(NS_PER_S / 2);
	end();
}

static void test_jitter(void)
{
	struct conf_pool conf = conf_pool_defaults();
	uint64_t first = 0, differ = 0;

	for (uint64_t seed = 0; seed < 20; seed++) {
		health_init(&h, &conf, seed);
		health_note(&h, HEALTH_HARD_ERROR, 0);
		first = seed ? first : atomic_load(&h.until_ns);
		differ += atomic_load(&h.until_ns) != first;
		end();
	}
	CU_ASSERT(differ >= 18);
}

static void test_slow_start(void)
{
	begin();
	note(HEALTH_OPENED);
	CU_ASSERT(health_share_percent(&h, now) == 100);
	note(HEALTH_HARD_ERROR);
	now += BACKOFF_MAX_NS;
	CU_ASSERT(probe_due());
	note(HEALTH_PROBE_OK);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START);
	CU_ASSERT(health_share_percent(&h, now) == 10);
	CU_ASSERT(health_share_percent(&h, now + RAMP_NS / 2) == 55);
	CU_ASSERT(health_share_percent(&h, now + RAMP_NS) == 100);
	health_note(&h, HEALTH_SERVED, now + RAMP_NS - 1);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(health_state(&h) == POOL_SUSPECT);
	end();
}

/* With nothing fit, ejected devices are tried unprobed: what they serve counts. */
static void test_served_while_ejected(void)
{
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_HARD_ERROR);
	uint64_t until = atomic_load(&h.until_ns);
	note(HEALTH_HARD_ERROR);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(health_state(&h) == POOL_EJECTED && atomic_load(&h.until_ns) == until);
	note(HEALTH_SERVED);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START);
	end();
}

/* What other threads report meanwhile does not end a probe. */
static void test_probing_is_left_alone(void)
{
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(probe_due());
	note(HEALTH_SOFT_ERROR);
	note(HEALTH_HARD_ERROR);
	note(HEALTH_OPENED);
	note(HEALTH_SERVED);
	CU_ASSERT(health_state(&h) == POOL_PROBING);
	note(HEALTH_PROBE_FAILED);
	CU_ASSERT(health_state(&h) == POOL_EJECTED);
	/* An answer to a probe that is not on is nothing. */
	note(HEALTH_PROBE_OK);
	note(HEALTH_PROBE_FAILED);
	CU_ASSERT(health_state(&h) == POOL_EJECTED && h.ejections == 1);
	end();
}

/* The parent's thread that was probing does not exist in the child. */
static void test_probe_across_fork(void)
{
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(probe_due());
	health_after_fork(&h);
	CU_ASSERT(health_state(&h) == POOL_SUSPECT && probe_due());
	note(HEALTH_PROBE_FAILED);
	now += BACKOFF_MAX_NS;
	CU_ASSERT(probe_due());
	health_after_fork(&h);
	CU_ASSERT(health_state(&h) == POOL_EJECTED && probe_due());
	end();
}

static void test_quarantine(void)
{
	static const enum health_event events[] = {HEALTH_OPENED,   HEALTH_SERVED,       HEALTH_SOFT_ERROR, HEALTH_HARD_ERROR,
	                                           HEALTH_PROBE_OK, HEALTH_PROBE_FAILED, HEALTH_REFUSED};

	begin();
	note(HEALTH_OPENED);
	note(HEALTH_REFUSED);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		now += 100 * NS_PER_S;
		note(events[i]);
		CU_ASSERT(health_state(&h) == POOL_QUARANTINED && !probe_due());
	}
	end();
}

static void test_names(void)
{
	for (int state = POOL_JOINING; state <= POOL_QUARANTINED; state++)
		CU_ASSERT(strcmp(pool_state_name((enum pool_state)state), "unknown") != 0);
	CU_ASSERT(strcmp(pool_state_name((enum pool_state)99), "unknown") == 0);
}

static const struct unit_case cases[] = {
	{"a device joins, or is ejected if it cannot be opened", test_joining},
	{"three soft errors in a row eject, served ops between them forgive", test_suspect},
	{"a suspect is probed by one at a time", test_suspect_probed},
	{"backoff doubles from 0.5 to 15 s and starts anew after a return that lasted", test_backoff},
	{"backoff is spread", test_jitter},
	{"a returning device bears 10 rising to 100 percent", test_slow_start},
	{"an ejected device that serves is back", test_served_while_ejected},
	{"a probe ends by its own answer only", test_probing_is_left_alone},
	{"a probe does not outlive a fork", test_probe_across_fork},
	{"quarantine is for good", test_quarantine},
	{"states have names", test_names},
	{0},
};

UNIT_MAIN("pool state", cases)
