/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu bench failover and hufu bench pool: cases that hufu-lab runs, a process
 * each; here they are chosen, their calls are counted and shown.
 */
#ifndef FAILOVER_H
#define FAILOVER_H

#include "tools/pin.h"
#include "tools/tool.h"

#include <jansson.h>
#include <stdint.h>

/* -- the lab (lab_run.c) ------------------------------------------------------------ */

#define LAB_WORDS_MAX 16

/*
 * Runs hufu-lab VERB with these words, in a directory of its own below parent
 * that is removed afterwards, and gives what it printed. NULL: it could not, as a note says.
 */
json_t *lab_run(const char *parent, const char *verb, const char *const *words);
/* The password is its standard input: no list of processes and no environment has it. NULL: none. */
json_t *lab_run_with(const char *parent, const char *verb, const char *const *words, const struct pin *password);

/* What the pool adds to a call on one of so many healthy direct devices; 0: a note says why not. */
double pool_overhead_ns(const char *parent, unsigned devices, unsigned ms);

/* -- a case ------------------------------------------------------------------------- */

#define ALL_DOWN_BACK_MS 1500   /* promised: service after the first device returned */

struct fault_kind {
	const char *name;
	double p99_ms, max_ms;      /* what is promised to be added at most */
	bool direct;                /* also where the driver runs in the caller's thread: it returns by its deadline */
};

enum call_class { CALL_SIGN, CALL_ENCRYPT, CALL_MAKE_KEY };

struct call_seen {
	enum call_class class;
	double from_ms, ended_ms;   /* since the load began; ended < 0: it never returned */
	unsigned long rv;
	int verdict;                /* enum load_verdict of the lab */
};

/* Of calls that sign and encrypt. */
struct latency {
	size_t n;
	double p50_ms, p99_ms, max_ms;
};

struct failover_case {
	const struct fault_kind *fault; /* NULL: all down */
	unsigned devices, deadline_ms;
	bool threads;
	struct call_seen *calls;
	size_t ncalls;
	double quiet_ms, begin_ms, end_ms, stop_ms; /* the phases: counted from, fault, fault over, no more calls */
	double recovered_ms;        /* the device serves again; < 0: not before the end */
	double noise_ms;            /* how late the machine woke a waiting client, at most */
	/* counted */
	struct latency quiet, fault_phase, back;
	size_t ops, keys, caller_errors, lost, duplicated, wrong;
	double p99_added_ms, max_added_ms, longest_ms, generate_max_ms;
	double service_ms;          /* from the end of the fault to the first call that was served; < 0: none was */
	bool kept;                  /* all that is promised */
	unsigned runs;              /* of which this is the one that the machine disturbed least */
};

/* From the lab's object: takes what it needs. */
bool case_read(const json_t *, struct failover_case *);
/* Fills in what is counted. */
void case_count(struct failover_case *);
/* What went wrong in another run of the same case went wrong in this case. */
void case_add_faults(struct failover_case *, const struct failover_case *other);
void case_clear(struct failover_case *);
static inline double call_ms(const struct call_seen *call)
{
	return call->ended_ms - call->from_ms;
}

/* -- shown -------------------------------------------------------------------------- */

/* "refused, 2 devices, lanes". */
void case_title(const struct failover_case *, char *out, size_t len);
/* Latency and errors over time, a panel a case, as SVG. */
enum status failover_plot(const char *path, const struct failover_case *, size_t n) MUST_USE;

#endif
