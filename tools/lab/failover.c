/* SPDX-License-Identifier: Apache-2.0 */
/* One case: load, a fault that begins and ends, every call recorded. */
#include "tools/lab/load.h"

#include <string.h>
#include <unistd.h>

#define CLIENTS 64          /* more than calls that ever wait at once: those of a second at 60/s, or of 100 ms at 500/s */
#define KEY_CLIENTS 8
#define KEY_RATE 10
#define WARM_FACTOR 4       /* devices are known, by a hundred calls of each kind, before anything is counted */
#define GRACE_NS (15 * NS_PER_S)

static const struct {
	const char *name, *faults;
} faults[] = {
	{"refused", "any:device-gone"},          /* dead: what was open is broken, nothing can be opened */
	{"reset", "any:lost"},                   /* ops are done, and the answer never comes */
	{"hung", "run:hang"},                    /* ops never return, whatever the deadline; all else is well */
	{"black-holed", "any:hang"},             /* nothing returns */
	{"slow", "run:slow=10"},
	{"none", ""},
};

struct phases {
	uint64_t start_ns, quiet_ns, begin_ns, end_ns, stop_ns; /* when the phase begins; stop: no more calls */
};

struct failover {
	struct bed_plan plan;
	const char *faults;
	bool all;                   /* all devices fail, and the first comes back first */
	unsigned rate;
	uint64_t seed;
	struct bed bed;
	struct phases at;
	struct load ops, keys;
	uint64_t recovered_ns;      /* the device did an op again; 0: not before the end */
};

static const char *faults_of(const char *name)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		if (!strcmp(faults[i].name, name))
			return faults[i].faults;
	lab_fail("there is no fault \"%s\"", name);
	return NULL;
}

static bool plan(struct failover *f, const struct lab_args *args)
{
	const struct phases *at = &f->at;
	uint64_t seed = f->seed;

	f->at.start_ns = clock_now_ns() + 50 * NS_PER_MS;
	f->at.quiet_ns = at->start_ns + lab_number(args, "warm_ms", 1, 600000, 700) * NS_PER_MS;
	f->at.begin_ns = at->quiet_ns + lab_number(args, "quiet_ms", 1, 600000, 1000) * NS_PER_MS;
	f->at.end_ns = at->begin_ns + lab_number(args, "fault_ms", 1, 600000, 1200) * NS_PER_MS;
	f->at.stop_ns = at->end_ns + lab_number(args, "back_ms", 1, 600000, 800) * NS_PER_MS;
	return load_plan(&f->ops, false, at->start_ns, at->quiet_ns, f->rate * WARM_FACTOR, &seed) &&
	       load_plan(&f->ops, false, at->quiet_ns, at->stop_ns, f->rate, &seed) &&
	       load_plan(&f->keys, true, at->quiet_ns, at->stop_ns, KEY_RATE, &seed);
}

static void sleep_until(uint64_t ns)
{
	uint64_t now = clock_now_ns();

	if (ns > now)
		clock_sleep_ns(ns - now);
}

static bool break_devices(const char *script, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!bed_break(i, script))
			return false;
	return true;
}

/* The fault comes and goes while the clients call; the first device is the one looked at. */
static bool let_happen(struct failover *f)
{
	unsigned broken = f->all ? f->plan.devices : 1;

	sleep_until(f->at.begin_ns);
	f->at.begin_ns = clock_now_ns();
	if (!break_devices(f->faults, broken))
		return false;
	sleep_until(f->at.end_ns);
	uint64_t served = bed_served(0);
	f->at.end_ns = clock_now_ns();
	if (!bed_mend(0))
		return false;
	while (!f->recovered_ns && clock_now_ns() < f->at.stop_ns) {
		sleep_until(clock_now_ns() + NS_PER_MS);
		if (bed_served(0) > served)
			f->recovered_ns = clock_now_ns();
	}
	for (unsigned i = 1; i < broken; i++)
		if (!bed_mend(i))
			return false;
	return true;
}

static json_t *report(const struct failover *f)
{
	uint64_t start = f->at.start_ns;
	json_t *recovered = f->recovered_ns ? json_integer((json_int_t)((f->recovered_ns - start) / 1000)) : json_null();

	return json_pack("{s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "quiet_us", (json_int_t)((f->at.quiet_ns - start) / 1000), "begin_us",
	                 (json_int_t)((f->at.begin_ns - start) / 1000), "end_us", (json_int_t)((f->at.end_ns - start) / 1000),
	                 "stop_us", (json_int_t)((f->at.stop_ns - start) / 1000), "recovered_us", recovered, "calls",
	                 load_json(&f->ops, start), "keys", load_json(&f->keys, start));
}

static json_t *run(struct failover *f, const struct lab_args *args)
{
	if (!bed_make(&f->plan, &f->bed) || !plan(f, args) || !load_start(&f->ops, &f->bed, CLIENTS) ||
	    !load_start(&f->keys, &f->bed, KEY_CLIENTS) || !let_happen(f))
		return NULL;
	uint64_t patience = f->at.stop_ns + GRACE_NS;
	bool returned = load_wait(&f->ops, patience) && load_wait(&f->keys, patience);
	if (!load_judge(&f->ops) || !load_judge(&f->keys))
		return NULL;
	json_t *doc = report(f);
	/* Where some have not returned their memory stays theirs until the process ends. */
	if (returned) {
		load_clear(&f->ops);
		load_clear(&f->keys);
		if (!lab_ok(C_Finalize(NULL), "C_Finalize"))
			return json_decref(doc), NULL;
	}
	return doc;
}

json_t *lab_failover(const struct lab_args *args)
{
	const char *fault = lab_text(args, "fault", "refused");
	struct failover f = {
		.plan = {
			.dir = lab_text(args, "dir", "."),
			.devices = (unsigned)lab_number(args, "devices", 1, LAB_DEVICES_MAX, 2),
			.threads = !strcmp(lab_text(args, "isolation", "thread"), "thread"),
			.service_us = (unsigned)lab_number(args, "service_us", 0, 1000000, 2000),
			.sessions = (unsigned)lab_number(args, "sessions", 1, 64, 8),
			.deadline_ms = (unsigned)lab_number(args, "deadline_ms", 10, 600000, 5000),
		},
		.all = !strcmp(fault, "all-down"),
		.faults = faults_of(strcmp(fault, "all-down") ? fault : "refused"),
		.rate = (unsigned)lab_number(args, "rate", 1, 100000, 500),
		.seed = lab_number(args, "seed", 0, (unsigned long)-1, 1),
	};

	return f.faults ? run(&f, args) : NULL;
}
