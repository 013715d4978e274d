/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of fault devices over soft, on virtual time. */
#ifndef POOL_UTIL_H
#define POOL_UTIL_H

#include "unit.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"

#define DIGEST_LEN 32
#define SIG_LEN 64

/* What a test's device is; a domain of NULL is "soft", a weight of 0 is 100. */
struct lab_device {
	const char *name, *script, *domain, *driver;
	uint32_t weight;
	bool permanent;          /* what it makes stays in it, it says */
};

extern _Atomic uint64_t lab_now_ns;

/* Virtual clock, and the drivers that tests need: "fault", "spy" (fault, whose ops are recorded). */
void lab_start(void);
/* After lab_start, for tests of many threads: no caller's waiting is to make another's time pass. */
void lab_real_time(void);
/* Of the devices up to the one without a name. */
struct pool *lab_pool(const struct lab_device *);
/* Also checks that all leases and devices were given back, and all secret memory. */
void lab_free(struct pool *);
void lab_script(const char *device, const char *script);
/* Ops that were run, and that came to it, without those of its first admission. */
uint64_t lab_ops(const char *device, enum hufu_verb);
uint64_t lab_asked(const char *device, enum hufu_verb);
enum pool_state lab_state(struct pool *, const char *device);

/* The key pair of GB/T 32918.5 A.2; the private one with its point. */
struct pool_key *lab_private(struct pool *);
struct pool_key *lab_public(struct pool *);
/* The key of GB/T 32907 A.1, with copies for these domains, separated by blanks. */
struct pool_key *lab_sm4(struct pool *, const char *domains);

/* One op each; the answer is checked by a kernel of src/sm. HUFU_ERR_CORRUPT: the answer is wrong. */
enum hufu_err lab_sign(struct pool *, struct pool_key *, struct pool_request *);
enum hufu_err lab_encrypt(struct pool *, struct pool_key *, struct pool_request *);
enum hufu_err lab_random(struct pool *, struct pool_request *);

/* What the spy saw last. */
struct spied {
	uint8_t op_id[16];
	uint32_t attempts[8];
	size_t n;
	bool same_id;
	uint64_t deadline_ns;
};
extern struct spied lab_spied;

#endif
