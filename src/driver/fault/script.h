/* SPDX-License-Identifier: Apache-2.0 */
/* The script of fault.h, parsed. */
#ifndef DRIVER_FAULT_SCRIPT_H
#define DRIVER_FAULT_SCRIPT_H

#include "base/err.h"

#define SCRIPT_FAULTS_MAX 32

/* Places that are calls; ops are their verbs. */
enum { PLACE_OPEN = 32, PLACE_LEASE, PLACE_PROBE, PLACE_RUN, PLACE_ANY };

enum fault_what {
	WHAT_NONE,
	WHAT_ERROR,
	WHAT_FLIP_OUT, WHAT_FLIP_PUB, WHAT_FLIP_STATE, WHAT_WRONG, WHAT_OVERLONG, WHAT_COPY_LIVE, WHAT_SESSION_LOST, /* of ops only */
	WHAT_DEVICE_GONE, WHAT_FLAP, WHAT_HANG, WHAT_CRASH,
	WHAT_DELAY, WHAT_SLOW      /* beside another */
};
enum fault_when { WHEN_ALWAYS, WHEN_AT, WHEN_EVERY, WHEN_FIRST, WHEN_WINDOW, WHEN_CHANCE };

struct fault {
	unsigned place;
	enum fault_what what;
	enum hufu_err err;         /* ERROR */
	uint64_t time_ns;          /* DELAY, HANG (0: until it is released), DEVICE_GONE (0: amount, or for good), FLAP: up */
	uint64_t down_ns;          /* FLAP */
	uint64_t amount;           /* SLOW: factor; DEVICE_GONE: opens and probes that fail, 0 for good */
	enum fault_when when;
	uint64_t n;                /* AT, EVERY, FIRST: count; WINDOW: its start in ns; CHANCE: percent */
	uint64_t window_ns, seed;
	uint64_t seen;             /* how often its place came by */
};

struct script {
	struct fault faults[SCRIPT_FAULTS_MAX];
	size_t n;
};

/* HUFU_ERR_CONFIG with a message that names the column. */
enum hufu_err script_parse(const char *text, struct script *, char *err, size_t err_len) MUST_CHECK;
/* 20ms, 5s, 300us; false: something else. */
bool script_time(const char *text, uint64_t *ns) MUST_CHECK;

/* What is due at once. */
struct strike {
	uint64_t delay_ns;         /* all that are due, added up */
	uint64_t slow;             /* the largest factor; 1: none */
	struct fault fault;        /* the first other one; what: WHAT_NONE, there is none */
};
/* Counts that place came by. age_ns: since the script began. */
struct strike script_step(struct script *, unsigned place, uint64_t age_ns) MUST_CHECK;

#endif
