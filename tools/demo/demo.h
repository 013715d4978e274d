/* SPDX-License-Identifier: Apache-2.0 */
/* hufu demo cluster: two cipher machines on this host serve one token, while they go away in turn. */
#ifndef DEMO_H
#define DEMO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/module.h"

/* -- load.c: threads that sign without pause ---------------------------------------- */

struct load {
	const struct module *module;
	CK_SLOT_ID slot;
	_Atomic bool stop;
	_Atomic uint64_t calls, failed, slowest_ns;
	_Atomic unsigned long first_failure; /* CK_RV */
	pthread_t *threads;
	unsigned long nthreads;
};
/* Finds the token's SM2 key in each thread's own session. load_stop after either outcome. */
enum status load_start(struct load *, unsigned long nthreads) MUST_USE;
void load_stop(struct load *);

/* -- processes.c: what the demonstration starts, and ends by pid --------------------------- */

struct machine {
	const char *name;
	unsigned port;
	pid_t pid;                 /* 0: does not run */
};
/* Runs this program with these words, without its output; what goes wrong it says itself. NULL ends. */
enum status demo_run(const char *const *words) MUST_USE;
/* Starts hufud and waits until it answers. */
enum status machine_start(const char *dir, struct machine *) MUST_USE;
/* SIGKILL, or SIGTERM and its end. */
void machine_kill(struct machine *);
void machine_stop(struct machine *);
/* Two ports of 127.0.0.1 that nobody has. */
enum status free_ports(struct machine machines[2]) MUST_USE;

#endif
