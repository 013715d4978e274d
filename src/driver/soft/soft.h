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
#include "hufu/pkcs11.h"
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
extern const struct soft_row soft_aes_rows[], soft_aes_gcm_rows[], soft_ccm_rows[], soft_block_mac_rows[], soft_des3_rows[];
extern const struct soft_row soft_rsa_rows[];
extern const struct soft_row soft_ec_rows[], soft_edwards_rows[], soft_montgomery_rows[];

#define SOFT_SECRET_MAX 4096

/* -- keys.c ---------------------------------------------------------------- */

/*
 * How keys of a type are held. The expanded form is made at the first use and
 * kept with the key until EVICT.
 */
struct soft_kind {
	enum hufu_key_type type;
	size_t min_len, max_len;       /* of the clear form */
	size_t loaded_len;             /* of the expanded form, in secret memory; 0: keys are used as they are */
	/* Into loaded, which is zero. HUFU_ERR_KEY_VALUE, NO_MEMORY. NULL where loaded_len is 0. */
	enum hufu_err (*expand)(const struct soft_kind *, const struct hufu_key *, void *loaded);
	/* What loaded points to; may come on one that expand has left half made. NULL: nothing. */
	void (*forget)(void *loaded);
	/* Checked in->out, pub: NULL copies. Length and room for in_len bytes are checked by then. */
	enum hufu_err (*import)(const struct hufu_host *, struct hufu_op *);
	/*
	 * loaded begins with a uint32_t, set by expand to libcrypto_epoch(): in a
	 * forked child it is expanded anew, and what the parent made left alone.
	 */
	bool of_libcrypto;
};

/* A file a family; end with a row of type 0. */
extern const struct soft_kind soft_sm_kinds[], soft_secret_kinds[];
extern const struct soft_kind soft_aes_kinds[], soft_des3_kinds[];
extern const struct soft_kind soft_rsa_kinds[];
extern const struct soft_kind soft_ec_kinds[], soft_edwards_kinds[], soft_montgomery_kinds[];

/* HUFU_ERR_KEY_VALUE, NO_MEMORY, NO_KEY. */
enum hufu_err soft_load(const struct hufu_host *, struct hufu_key *, const void **loaded) MUST_CHECK;
/* The copy is one of this driver's, of a length that its type may have. */
enum hufu_err soft_check_copy(const struct hufu_key *) MUST_CHECK;

/* A clear form, op->in, as IMPORT takes it. */
enum hufu_err soft_import(const struct hufu_host *, struct hufu_op *) MUST_CHECK;

/* -- sm2.c ----------------------------------------------------------------- */

enum hufu_err soft_sm2_err(enum sm2_result) MUST_CHECK;
/* A pair that signs and verifies, d -> op->out, the point -> op->pub. */
enum hufu_err soft_sm2_generate(const struct hufu_host *, struct hufu_op *) MUST_CHECK;

/* -- what all share -------------------------------------------------------- */

static inline void soft_give_public(struct hufu_op *op, const void *pub, size_t len)
{
	if (!op->pub || len > HUFU_PUB_MAX)
		return;
	memcpy(op->pub, pub, len);
	op->pub_len = len;
}

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
