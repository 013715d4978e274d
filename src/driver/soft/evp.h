/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asymmetric keys in libcrypto: what the families that it computes share.
 *
 * A loaded key keeps a few contexts that are ready to run, so that an operation
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

#define SOFT_EVP_USES 3  /* such as private and public operations: numbered by each family */
#define SOFT_EVP_SLOTS 8 /* contexts kept a use; more leases at once make and free theirs */

/* Begins the loaded form of a key. Zeroed memory is one that is empty. */
struct soft_evp {
	uint32_t epoch;
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *idle[SOFT_EVP_USES][SOFT_EVP_SLOTS];
};

/* EVP_PKEY_sign_init and kin, or one that sets parameters too: 1 when it succeeded. */
typedef int (*soft_evp_init_fn)(EVP_PKEY_CTX *);

/* Adopts pkey; NULL is HUFU_ERR_KEY_VALUE. */
enum hufu_err soft_evp_init(struct soft_evp *, EVP_PKEY *pkey) MUST_CHECK;
/* Nobody uses it any more, and it is of this process. */
void soft_evp_clear(struct soft_evp *);

/* A context for one of the uses, at the same init every time. HUFU_ERR_NO_MEMORY. */
enum hufu_err soft_evp_take(struct soft_evp *, unsigned use, soft_evp_init_fn, EVP_PKEY_CTX **) MUST_CHECK;
/* One that failed, or whose parameters are others than init's: free it instead. */
void soft_evp_put(struct soft_evp *, unsigned use, EVP_PKEY_CTX *);

/*
 * The DER forms of hufu/driver.h. NULL: not such a key of libcrypto's. What is
 * read need not be DER to the byte: who wants that compares with what is written.
 */
EVP_PKEY *soft_evp_from_pkcs8(const uint8_t *der, size_t len);
EVP_PKEY *soft_evp_from_spki(const uint8_t *der, size_t len);
/* Checks room: HUFU_ERR_BUFFER, NO_MEMORY. Into op->out, which is secret memory. */
enum hufu_err soft_evp_give_pkcs8(struct hufu_op *, const EVP_PKEY *) MUST_CHECK;
/* Into op->pub. HUFU_ERR_NO_MEMORY. */
enum hufu_err soft_evp_give_spki(struct hufu_op *, const EVP_PKEY *) MUST_CHECK;

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
