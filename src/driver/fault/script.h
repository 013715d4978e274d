/* SPDX-License-Identifier: Apache-2.0 */
/* The script of fault.h, parsed. */
#ifndef DRIVER_FAULT_SCRIPT_H
#define DRIVER_FAULT_SCRIPT_H

#include "base/err.h"

#define SCRIPT_FAULTS_MAX 32

/* Places that are calls; ops are their verbs, below HUFU_VERB_EVICT. */
enum { PLACE_OPEN = 32, PLACE_LEASE, PLACE_PROBE, PLACE_RUN, PLACE_ANY };

enum fault_what { WHAT_ERROR, WHAT_FLIP_OUT, WHAT_FLIP_PUB, WHAT_FLIP_STATE, WHAT_WRONG, WHAT_OVERLONG, WHAT_DELAY };
enum fault_when { WHEN_ALWAYS, WHEN_AT, WHEN_EVERY, WHEN_FIRST };

struct fault {
	unsigned place;
	enum fault_what what;
	enum hufu_err err;         /* WHAT_ERROR */
	uint64_t delay_ns;         /* WHAT_DELAY */
	enum fault_when when;
	uint64_t n;
	uint64_t seen;             /* how often its place came by */
};

struct script {
	struct fault faults[SCRIPT_FAULTS_MAX];
	size_t n;
};

/* HUFU_ERR_CONFIG with a message that names the column. */
enum hufu_err script_parse(const char *text, struct script *, char *err, size_t err_len) MUST_CHECK;
/* Counts that place came by; delay_ns adds up, *fault is the first other one due, or NULL. */
void script_step(struct script *, unsigned place, uint64_t *delay_ns, const struct fault **fault);

#endif
