/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of libcrypto's EVP layer, and what all families that it computes share.
 *
 * A loaded key may keep a few contexts that are ready to run, so that an operation
 * fetches nothing and sets nothing up. Several leases use a key at once: each
 * takes a context of its own, and puts it back.
 *
 * The private value is kept in libcrypto's heap while the key is loaded, which
 * is ordinary memory: libcrypto wipes it when it is freed.
 */
#ifndef DRIVER_SOFT_EVP_H
#define DRIVER_SOFT_EVP_H

#include "driver/soft/soft.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#define SOFT_EVP_SLOTS 8 /* contexts kept; more leases at once make and free theirs */

/* Begins the loaded form of a key. Zeroed memory is one that is empty. */
struct soft_evp {
	uint32_t epoch;
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *idle[SOFT_EVP_SLOTS]; /* at one init */
};

/* EVP_PKEY_sign_init and kin, or one that sets parameters too: 1 when it succeeded. */
typedef int (*soft_evp_init_fn)(EVP_PKEY_CTX *);

/* Adopts pkey; NULL is HUFU_ERR_KEY_VALUE. */
enum hufu_err soft_evp_init(struct soft_evp *, EVP_PKEY *pkey) MUST_CHECK;
/* Nobody uses it any more, and it is of this process. */
void soft_evp_clear(struct soft_evp *);

/* A context, at the same init every time. HUFU_ERR_NO_MEMORY. */
enum hufu_err soft_evp_take(struct soft_evp *, soft_evp_init_fn, EVP_PKEY_CTX **) MUST_CHECK;
/* One that failed, or whose parameters are others than init's: free it instead. */
void soft_evp_put(struct soft_evp *, EVP_PKEY_CTX *);

/*
 * The application's errors are left on this thread's queue, ours are not:
 * around everything that calls libcrypto.
 */
static inline void soft_evp_begin(void)
{
	(void)ERR_set_mark();
}

static inline enum hufu_err soft_evp_end(enum hufu_err err)
{
	(void)ERR_pop_to_mark();
	return err;
}

#endif
