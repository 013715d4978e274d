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
	begin();
	note(HEALTH_TIMEOUT);
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
	static const enum health_event events[] = {
		HEALTH_OPENED, HEALTH_SERVED, HEALTH_SOFT_ERROR, HEALTH_TIMEOUT, HEALTH_HARD_ERROR, HEALTH_PROBE_OK,
		HEALTH_PROBE_FAILED, HEALTH_REFUSED, HEALTH_CLOSED, HEALTH_TIME,
	};

	begin();
	note(HEALTH_OPENED);
	note(HEALTH_REFUSED);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		now += 100 * NS_PER_S;
		note(events[i]);
		CU_ASSERT(health_state(&h) == POOL_QUARANTINED && !probe_due() && !health_begin_probe(&h, true, now));
	}
	note(HEALTH_ENABLED);
	CU_ASSERT(health_state(&h) == POOL_JOINING);
	note(HEALTH_OPENED);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START); /* nobody trusts it at once */
	end();
}

static void test_back_in_service(void)
{
	begin();
	note(HEALTH_OPENED);
	note(HEALTH_ENABLED); /* it was drained, and stayed open */
	CU_ASSERT(health_state(&h) == POOL_SLOW_START);
	note(HEALTH_CLOSED); /* under maintenance */
	CU_ASSERT(health_state(&h) == POOL_JOINING);
	note(HEALTH_OPENED);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START);
	note(HEALTH_HARD_ERROR);
	CU_ASSERT(!probe_due());
	note(HEALTH_ENABLED);
	CU_ASSERT(health_state(&h) == POOL_EJECTED && probe_due()); /* what was is forgiven */
	end();
}

/* A suspicion does not shorten slow start, and time alone ends it. */
static void test_suspect_of_slow_start(void)
{
	begin();
	note(HEALTH_HARD_ERROR);
	now += BACKOFF_MAX_NS;
	CU_ASSERT(probe_due());
	note(HEALTH_PROBE_OK);
	note(HEALTH_TIMEOUT);
	CU_ASSERT(health_state(&h) == POOL_SUSPECT);
	note(HEALTH_SERVED);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START && health_share_percent(&h, now) == 10);
	now += RAMP_NS;
	note(HEALTH_TIME);
	CU_ASSERT(health_state(&h) == POOL_UP && h.ejections == 0);
	end();
}

static void test_urgent_probe(void)
{
	begin();
	note(HEALTH_HARD_ERROR);
	CU_ASSERT(!probe_due() && health_begin_probe(&h, true, now));
	CU_ASSERT(!health_begin_probe(&h, true, now)); /* one at a time all the same */
	end();
}

static void test_configured(void)
{
	struct conf_pool conf = conf_pool_defaults();

	conf.eject_soft_errors = 1;
	conf.backoff_min_ms = conf.backoff_max_ms = 100;
	conf.slow_start_ms = 0;
	conf.slow_start_percent = 50;
	begin();
	health_configure(&h, &conf);
	note(HEALTH_OPENED);
	note(HEALTH_SOFT_ERROR);
	CU_ASSERT(health_state(&h) == POOL_EJECTED && atomic_load(&h.until_ns) <= now + 120 * NS_PER_MS);
	now += 120 * NS_PER_MS;
	CU_ASSERT(probe_due());
	note(HEALTH_PROBE_OK);
	CU_ASSERT(health_state(&h) == POOL_SLOW_START && health_share_percent(&h, now) == 100); /* none is configured */
	end();
}

/* -- the model: the same machine, told once more as a table -------------------- */

enum what {
	STAYS,
	COUNTS,  /* one more error; suspect, or ejected at three */
	ADDS,    /* one more error, no more */
	CLEARS,  /* no error any more */
	OPENS,   /* up, or slow start if it was in service before */
	EJECTS,
	RAMPS,   /* slow start */
	SETTLES, /* slow start until that is over, then up */
	CLEARS_AND_SETTLES,
	JUDGED,  /* the probe is passed: whence it came decides */
	LATCHES, /* quarantined */
	JOINS,
	IS_DUE   /* its backoff is over */
};

#define EVENTS 11
#define STATES 7

static const unsigned char model_table[STATES][EVENTS] = {
	/* opened, served, soft error, timeout, hard error, probe ok, probe failed, refused, closed, enabled, time */
	[POOL_JOINING] = {OPENS, CLEARS, EJECTS, EJECTS, EJECTS, STAYS, STAYS, LATCHES, JOINS, STAYS, STAYS},
	[POOL_UP] = {STAYS, CLEARS, COUNTS, COUNTS, EJECTS, STAYS, STAYS, LATCHES, JOINS, RAMPS, STAYS},
	[POOL_SUSPECT] = {STAYS, CLEARS_AND_SETTLES, COUNTS, COUNTS, EJECTS, STAYS, STAYS, LATCHES, JOINS, STAYS, STAYS},
	[POOL_EJECTED] = {STAYS, RAMPS, ADDS, ADDS, STAYS, STAYS, STAYS, LATCHES, JOINS, IS_DUE, STAYS},
	[POOL_PROBING] = {STAYS, CLEARS, ADDS, ADDS, STAYS, JUDGED, EJECTS, LATCHES, JOINS, STAYS, STAYS},
	[POOL_SLOW_START] = {STAYS, CLEARS_AND_SETTLES, COUNTS, COUNTS, EJECTS, STAYS, STAYS, LATCHES, JOINS, STAYS, SETTLES},
	[POOL_QUARANTINED] = {STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, JOINS, STAYS},
};

struct model {
	enum pool_state state;
	unsigned errors, ejections;
	uint64_t due_from, due_to;     /* ejected: its backoff ends in between */
	uint64_t ramp_until;           /* of the last slow start */
	bool out_before_probe, served_before;
};

static struct model model;
static unsigned long wrong_steps;

static void expect(bool holds)
{
	wrong_steps += !holds;
}

static void model_eject(void)
{
	static const uint64_t nominal_ms[] = {500, 1000, 2000, 4000, 8000, 15000};
	unsigned n = model.ejections < 5 ? model.ejections : 5;
	uint64_t nominal = nominal_ms[n] * NS_PER_MS;

	model.ejections++;
	model.state = POOL_EJECTED;
	model.due_from = now + nominal / 5 * 4;
	model.due_to = now + nominal / 5 * 6;
	model.ramp_until = 0;
}

static void model_ramp(void)
{
	model.errors = 0;
	model.state = POOL_SLOW_START;
	model.ramp_until = now + RAMP_NS;
}

static void model_settle(void)
{
	if (now < model.ramp_until) {
		model.state = POOL_SLOW_START;
		return;
	}
	model.state = POOL_UP;
	model.ejections = 0;
}

static void model_join(void)
{
	model = (struct model){.state = POOL_JOINING, .served_before = true};
}

static void model_event(enum health_event event)
{
	switch ((enum what)model_table[model.state][event]) {
	case STAYS:
		return;
	case COUNTS:
		model.errors++;
		if (model.errors >= SOFT_MAX)
			model_eject();
		else
			model.state = POOL_SUSPECT;
		return;
	case ADDS:
		model.errors++;
		return;
	case CLEARS:
		model.errors = 0;
		return;
	case OPENS:
		if (model.served_before)
			model_ramp();
		else
			model.state = POOL_UP;
		return;
	case EJECTS:
		model.errors += event == HEALTH_SOFT_ERROR || event == HEALTH_TIMEOUT;
		model_eject();
		return;
	case RAMPS:
		model_ramp();
		return;
	case SETTLES:
		model_settle();
		return;
	case CLEARS_AND_SETTLES:
		model.errors = 0;
		model_settle();
		return;
	case JUDGED:
		if (model.out_before_probe)
			model_ramp();
		else if (model.errors >= SOFT_MAX)
			model_eject();
		else
			model_settle();
		return;
	case LATCHES:
		model.state = POOL_QUARANTINED;
		return;
	case JOINS:
		model_join();
		return;
	case IS_DUE:
		model.due_from = model.due_to = now;
		return;
	}
}

/* An ejected device is let alone until its backoff is over, and no longer; what lies between is the jitter's. */
static void step_probe(bool urgent)
{
	bool begun = health_begin_probe(&h, urgent, now);
	bool may = model.state == POOL_SUSPECT || (model.state == POOL_EJECTED && (urgent || now >= model.due_from));
	bool must = model.state == POOL_SUSPECT || (model.state == POOL_EJECTED && (urgent || now >= model.due_to));

	expect(begun ? may : !must);
	if (!begun)
		return;
	expect(!health_begin_probe(&h, true, now)); /* it is one's alone */
	model.out_before_probe = model.state == POOL_EJECTED;
	model.state = POOL_PROBING;
}

static uint32_t share_then(uint64_t ns)
{
	return health_share_percent(&h, now + ns);
}

static void check_step(enum pool_state before, enum health_event event, bool is_event)
{
	expect(health_state(&h) == model.state);
	expect(atomic_load(&h.soft_errors) == model.errors || model.state == POOL_QUARANTINED);
	if (before == POOL_QUARANTINED && model.state != POOL_QUARANTINED)
		expect(is_event && event == HEALTH_ENABLED);
	if (model.state == POOL_SUSPECT || model.state == POOL_UP || model.state == POOL_SLOW_START)
		expect(atomic_load(&h.soft_errors) < SOFT_MAX);
	if (model.state == POOL_EJECTED) {
		uint64_t until = atomic_load(&h.until_ns);
		expect(until >= model.due_from && until <= model.due_to);
	}
	if (model.state == POOL_SLOW_START)
		expect(share_then(0) >= 10 && share_then(0) <= share_then(NS_PER_S) && share_then(RAMP_NS) == 100);
	else
		expect(share_then(0) == 100);
}

/* Events, the beginning of a probe, and times that end none, some and all of the waits. */
#define STEPS (EVENTS + 4)

static void do_step(unsigned step)
{
	static const uint64_t times[] = {700 * NS_PER_MS, 20 * NS_PER_S};
	enum pool_state before = model.state;

	if (step < EVENTS) {
		health_note(&h, (enum health_event)step, now);
		model_event((enum health_event)step);
	} else if (step < EVENTS + 2) {
		step_probe(step == EVENTS + 1);
	} else {
		now += times[step - EVENTS - 2];
	}
	check_step(before, (enum health_event)step, step < EVENTS);
}

static void begin_model(void)
{
	begin();
	model = (struct model){.state = POOL_JOINING};
	wrong_steps = 0;
}

/* Nobody holds the lock between steps, so the machine may be copied back. */
static void walk_all(unsigned depth)
{
	struct health h_before = h;
	struct model model_before = model;
	uint64_t now_before = now;

	for (unsigned step = 0; step < STEPS && depth; step++) {
		do_step(step);
		walk_all(depth - 1);
		h = h_before;
		model = model_before;
		now = now_before;
	}
}

static void test_model(void)
{
	begin_model();
	walk_all(6);
	CU_ASSERT_EQUAL(wrong_steps, 0);
	end();
}

static void test_model_at_length(void)
{
	uint64_t x = 88172645463325252u;

	begin_model();
	for (unsigned long i = 0; i < 2000000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		do_step((unsigned)((x >> 20) % STEPS));
	}
	CU_ASSERT_EQUAL(wrong_steps, 0);
	end();
}

static void test_names(void)
{
	for (int state = POOL_JOINING; state <= POOL_QUARANTINED; state++)
		CU_ASSERT(strcmp(pool_state_name((enum pool_state)state), "unknown") != 0);
	for (int admin = POOL_ENABLED; admin <= POOL_REMOVED; admin++)
		CU_ASSERT(strcmp(pool_admin_name((enum pool_admin)admin), "unknown") != 0);
	CU_ASSERT(strcmp(pool_admin_name((enum pool_admin)99), "unknown") == 0);
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
	{"quarantine ends by an administrator's act only", test_quarantine},
	{"what an administrator brings back starts slowly", test_back_in_service},
	{"a suspicion does not shorten slow start", test_suspect_of_slow_start},
	{"a probe that somebody waits for does not wait for the backoff", test_urgent_probe},
	{"thresholds, backoff and slow start are as configured", test_configured},
	{"the state is the table's after every sequence of six steps", test_model},
	{"the state is the table's after two million steps in a row", test_model_at_length},
	{"states have names", test_names},
	{0},
};

UNIT_MAIN("pool state", cases)
