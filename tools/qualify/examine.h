/* SPDX-License-Identifier: Apache-2.0 */
/* The examiner's chapters. Each tells what it sees (tell.h) and leaves sessions as it finds them. */
#ifndef QUALIFY_EXAMINE_H
#define QUALIFY_EXAMINE_H

#include "tools/qualify/card.h"

typedef void examine_fn(struct card *);

/* The library is loaded, nothing is open. */
examine_fn examine_symbols, examine_open, examine_misuse;
/* A device is open (card->device), the pairs are looked for. */
examine_fn examine_layouts, examine_answers, examine_cross, examine_chaining, examine_rights, examine_errors, examine_sizes,
	examine_threads, examine_threads_devices, examine_reconnect, examine_late, examine_leaks, examine_random,
	examine_performance, examine_idle;

/* A driver of hufu's in place of a GM/T 0018 library. */
void examine_driver(const struct request *);

/* "pass" where the code is SDR_OK, else "fault" with it; skipped where the function is not there. True: pass. */
bool tell_code(const struct card *, const char *id, const char *what, uint32_t code);

/* An algorithm's id to try: own, the profile's, comes first, then those that vendors are known to use. 0: there are no more. */
uint32_t id_to_try(enum sdf_alg, uint32_t own, unsigned nth);
void tell_alg(enum sdf_alg, uint32_t id);

/* A symmetric key that we know, with its SM4 schedule, on one session. */
struct known_key {
	uint8_t value[16];
	void *handle;
};
/* False after a finding. */
bool known_key_load(struct card *, void *session, const char *id, struct known_key *);

/* Threads that do the same, at the same time. */
struct crew {
	struct card *card;
	uint32_t threads, rounds;   /* rounds of each thread */
	bool own_device;
	/* One round. False: a wrong answer, or an error (*code). */
	bool (*round)(struct card *, void *session, uint32_t thread, uint32_t *code);
	_Atomic uint64_t done, wrong, errors;
	_Atomic uint32_t code;      /* the last error */
	_Atomic bool stop;          /* set by anybody: threads end after their round */
};
/* Each with a session of its own. Returns after the last has ended; seconds: that it took. */
double crew_run(struct crew *);
/* The same in pieces, for who wants to do something meanwhile. */
struct crew_run;
struct crew_run *crew_start(struct crew *);
double crew_end(struct crew_run *);

/* Signs a random digest and verifies it here. */
bool round_sign(struct card *, void *session, uint32_t thread, uint32_t *code);
/* Draws twice, and sees that they differ. */
bool round_random(struct card *, void *session, uint32_t thread, uint32_t *code);

#endif
