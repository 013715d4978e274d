/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers: one SM3 Hash_DRBG a thread (GM/T 0105-2021), seeded from
 * more than one source where the machine has them (getrandom, RDSEED/RNDR,
 * timing jitter), with start-up and continuous health tests. Claims and what is
 * not claimed: docs/RANDOM.md.
 *
 * States lie on pages that a fork wipes (MADV_WIPEONFORK): a child seeds anew.
 * Thread-safe, without a lock shared by two threads on the way of a call.
 */
#ifndef RAND_RAND_H
#define RAND_RAND_H

#include "base/err.h"

/* Start-up tests: a known answer and >= 1024 samples of each source. Idempotent. */
enum hufu_err rand_start(void) MUST_CHECK;
/* Fills out. HUFU_ERR_RANDOM: a health test failed; out is zeroed and stays refused. */
enum hufu_err rand_bytes(void *out, size_t len) MUST_CHECK;
/* Mixes in what the application offers (C_SeedRandom); never counts as entropy. */
enum hufu_err rand_mix(const void *seed, size_t len) MUST_CHECK;
/* For sm2.h. */
int rand_for_sm2(void *arg, uint8_t *out, size_t len);

/* Which sources feed it: "getrandom rdseed jitter". */
const char *rand_sources(void);
/* Frees every thread's state (C_Finalize). No other thread is inside. */
void rand_stop(void);

#endif
