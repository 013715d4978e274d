/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulator: keys in this host's memory, kernels of src/sm. A file a family
 * of algorithms, each with its rows: what the driver can do is what the rows
 * say, and its capabilities are made from them.
 */
#ifndef DRIVER_SOFT_SOFT_H
#define DRIVER_SOFT_SOFT_H

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "hufu/driver.h"
#include "hufu/mechanisms.h"
#include "sm/sm2.h"

typedef enum hufu_err (*soft_fn)(const struct hufu_host *, struct hufu_op *);

struct soft_row {
	uint64_t mechanism;
	enum hufu_verb verb;
	enum hufu_key_type key;        /* that op->key must have; 0: the op has none, or any */
	bool phases;                   /* takes HUFU_PHASE_FIRST, NEXT, LAST */
	soft_fn run;
	uint32_t min_nbits, max_nbits;
};

/* End with a row whose run is NULL. */
extern const struct soft_row soft_key_rows[], soft_sm2_rows[], soft_sm4_rows[], soft_gcm_rows[], soft_hmac_rows[], soft_zuc_rows[];

#define SOFT_SECRET_MAX 4096

/* -- keys.c ---------------------------------------------------------------- */

/*
 * The expanded form, made at the first use and kept with the key until EVICT:
 * struct sm2_private, sm2_public, sm4_key or sm3_hmac_key, as the key's type
 * says. ZUC keys are used as they are. HUFU_ERR_KEY_VALUE, NO_MEMORY, NO_KEY.
 */
enum hufu_err soft_load(const struct hufu_host *, struct hufu_key *, const void **loaded) MUST_CHECK;
/* The copy is one of this driver's, of a length that its type may have. */
enum hufu_err soft_check_copy(const struct hufu_key *) MUST_CHECK;

/* -- sm2.c ----------------------------------------------------------------- */

enum hufu_err soft_sm2_err(enum sm2_result) MUST_CHECK;
/* A pair that signs and verifies, d -> op->out, the point -> op->pub. */
enum hufu_err soft_sm2_generate(const struct hufu_host *, struct hufu_op *) MUST_CHECK;

/* -- what all share -------------------------------------------------------- */

/* Is there room for len bytes of output? Says how much it takes either way. */
static inline enum hufu_err soft_room(struct hufu_op *op, size_t len)
{
	op->out_len = len;
	return len <= op->out_cap ? HUFU_OK : HUFU_ERR_BUFFER;
}

static inline bool soft_starts(const struct hufu_op *op)
{
	return op->phase == HUFU_PHASE_WHOLE || op->phase == HUFU_PHASE_FIRST;
}

static inline bool soft_ends(const struct hufu_op *op)
{
	return op->phase == HUFU_PHASE_WHOLE || op->phase == HUFU_PHASE_LAST;
}

/* Gives the MAC out, or compares it with the one that is to be verified. */
enum hufu_err soft_give_mac(struct hufu_op *, const uint8_t *mac, size_t len) MUST_CHECK;

#endif
