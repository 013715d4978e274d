/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual cipher machine: one token section with its devices, its store if it
 * has one, its keys and its limits. None sees another, and none can starve
 * another: each has lanes (threads that may wait for a device or a store) and a
 * bounded queue of its own.
 */
#ifndef HUFUD_TENANT_H
#define HUFUD_TENANT_H

#include "base/conf.h"
#include "hufud/service.h"
#include "pool/pool.h"
#include "store/store.h"

struct tenant;

#define MASTER_LEN 32
/*
 * Reads conf_machine.master: a file of root's or this user's, closed to all others. master: secret memory. HUFU_ERR_CONFIG
 * after a message.
 */
enum hufu_err master_load(const char *where, uint8_t master[MASTER_LEN]) MUST_CHECK;

/* Loads nothing from a device or store yet. master: of the machines of the domain. HUFU_ERR_CONFIG after a message. */
enum hufu_err tenant_new(const struct conf *, const struct conf_token *, const uint8_t master[MASTER_LEN],
                         struct tenant **) MUST_CHECK;
/* All requests are answered. */
void tenant_free(struct tenant *);
const char *tenant_name(const struct tenant *);
struct pool *tenant_pool(struct tenant *);
/* As it is now; what it says of devices is the pool's alone. Lives as long as the tenant. */
const struct conf_token *tenant_conf(const struct tenant *);

/* Runs fn(request) on a lane, in order of arrival; false: the queue is full or the tenant ends (answer BUSY). */
bool tenant_later(struct tenant *, struct request *, void (*fn)(struct request *)) MUST_CHECK;
void tenant_load(struct tenant *, struct wire_load *);

/*
 * The tenant's secret keys, derived from the master by label and the token's name: the same on every machine with this
 * master. out: secret memory.
 */
void tenant_key(const struct tenant *, const char *label, uint8_t out[32]);
/* The domain's SM2 key pair: its point, and a signature by it. */
void tenant_domain_point(const struct tenant *, uint8_t point[64]);
enum hufu_err tenant_domain_sign(const struct tenant *, const uint8_t e[32], uint8_t signature[64]) MUST_CHECK;

/* -- sealed copies: what clients hold of keys in the role DEVICES ---------------------- */

/*
 * Sealed by SM4-GCM under a one-time key derived from the tenant's and a fresh salt; AAD: format, tenant, type, policy.
 * It holds the key's copies for the domains of this machine's devices. HUFU_ERR_NO_KEY: not of this tenant, or damaged.
 */
enum hufu_err tenant_seal_copy(struct tenant *, enum hufu_key_type, bool hardware_only, const struct pool_copy *, size_t n,
                               const uint8_t *pub, size_t pub_len, struct writer *out) MUST_CHECK;
struct tenant_copy {               /* tenant_copy_free */
	enum hufu_key_type type;
	bool hardware_only;
	struct pool_copy *copies;
	size_t n;
	const uint8_t *pub;
	size_t pub_len;
	uint8_t *plain;            /* secret memory that the others point into */
};
enum hufu_err tenant_open_copy(struct tenant *, const uint8_t *sealed, size_t len, struct tenant_copy **) MUST_CHECK;
void tenant_copy_free(struct tenant_copy *);

/* For hot configuration: takes over what may change while it works, and the administrator's wishes for devices. */
enum hufu_err tenant_reconfigure(struct tenant *, const struct conf *, const struct conf_token *, const struct conf_states *) MUST_CHECK;

#endif
