/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant: made from its section, with keys that follow from the master's and its name. */
#include "hufud/tenant_internal.h"
#include "hufud/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"

#define QUEUE_PER_LANE 16u

/* -- its section ------------------------------------------------------------------ */

struct tenant_conf {
	struct tenant_conf *older;
	struct conf_token token;
};

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static void conf_free_one(struct tenant_conf *conf)
{
	free(conf->token.name);
	free(conf->token.store);
	free(conf->token.host_secret);
	free(conf);
}

/* devices are places in a configuration that may be replaced: the pool has made its own of them. */
static struct tenant_conf *conf_copy(const struct conf_token *from)
{
	struct tenant_conf *to = malloc(sizeof(*to));

	if (!to)
		return NULL;
	*to = (struct tenant_conf){.token = *from};
	to->token.name = to->token.store = to->token.host_secret = NULL;
	to->token.devices = NULL;
	to->token.ndevices = 0;
	if (copy_text(&to->token.name, from->name) && copy_text(&to->token.store, from->store) &&
	    copy_text(&to->token.host_secret, from->host_secret))
		return to;
	conf_free_one(to);
	return NULL;
}

static enum hufu_err take_conf(struct tenant *tenant, const struct conf_token *from)
{
	struct tenant_conf *conf = conf_copy(from);

	if (!conf)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_lock(&tenant->lock);
	conf->older = tenant->confs;
	tenant->confs = conf;
	atomic_store(&tenant->conf, &conf->token);
	pthread_mutex_unlock(&tenant->lock);
	return HUFU_OK;
}

/* -- its keys ------------------------------------------------------------------------ */

/* HMAC-SM3(master, "hufu-machine-1" 0 "tenant" 0 name): no two tenants, and no other use of the master, share a message. */
static void derive_base(const uint8_t master[MASTER_LEN], const char *name, uint8_t base[32])
{
	static const char scheme[] = "hufu-machine-1", use[] = "tenant";
	struct sm3_hmac_key key;
	struct sm3_hmac h;

	sm3_hmac_key_init(&key, master, MASTER_LEN);
	sm3_hmac_init(&h, &key);
	sm3_hmac_update(&h, scheme, sizeof(scheme));
	sm3_hmac_update(&h, use, sizeof(use));
	sm3_hmac_update(&h, name, strlen(name));
	sm3_hmac_final(&h, base);
	secret_wipe(&key, sizeof(key));
}

static void derive(const uint8_t base[32], const char *label, uint8_t counter, uint8_t out[32])
{
	struct sm3_hmac_key key;
	struct sm3_hmac h;

	sm3_hmac_key_init(&key, base, 32);
	sm3_hmac_init(&h, &key);
	sm3_hmac_update(&h, label, strlen(label) + 1);
	sm3_hmac_update(&h, &counter, 1);
	sm3_hmac_final(&h, out);
	secret_wipe(&key, sizeof(key));
}

/* The first of a row of derived values that is a private key, 1..n-2 (GB/T 32918.1 6.1): no bias, as a reduction had. */
static bool derive_domain(struct tenant_secrets *secrets)
{
	uint8_t d[SM2_SCALAR_LEN];
	bool found = false;

	for (unsigned counter = 0; counter < 256 && !found; counter++) {
		derive(secrets->base, "domain", (uint8_t)counter, d);
		found = sm2_private_init(&secrets->domain, d) == SM2_OK;
	}
	secret_wipe(d, sizeof(d));
	return found;
}

static enum hufu_err take_secrets(struct tenant *tenant, const uint8_t master[MASTER_LEN], const char *name)
{
	struct tenant_secrets *secrets = tenant->secrets = secret_alloc(sizeof(*secrets));
	uint8_t key[32];

	if (!secrets)
		return HUFU_ERR_NO_MEMORY;
	derive_base(master, name, secrets->base);
	tenant_key(tenant, "copies", key);
	sm3_hmac_key_init(&secrets->copies, key, sizeof(key));
	tenant_key(tenant, "states", key);
	sm3_hmac_key_init(&secrets->states, key, sizeof(key));
	secret_wipe(key, sizeof(key));
	return derive_domain(secrets) ? HUFU_OK : log_bug();
}

void tenant_key(const struct tenant *tenant, const char *label, uint8_t out[32])
{
	derive(tenant->secrets->base, label, 0, out);
}

void tenant_domain_point(const struct tenant *tenant, uint8_t point[64])
{
	memcpy(point, tenant->secrets->domain.point, SM2_POINT_LEN);
}

enum hufu_err tenant_domain_sign(const struct tenant *tenant, const uint8_t e[32], uint8_t signature[64])
{
	static const struct sm2_random random = {.fill = rand_for_sm2};

	switch (sm2_sign(&tenant->secrets->domain, e, &random, signature)) {
	case SM2_OK:
		return HUFU_OK;
	case SM2_NO_RANDOM:
		return HUFU_ERR_RANDOM;
	case SM2_BAD_KEY:
	case SM2_BAD_SIGNATURE:
	case SM2_BAD_CIPHERTEXT:
	case SM2_FAULT:
		break;
	}
	return log_bug();
}

/* -- the whole ------------------------------------------------------------------------- */

enum hufu_err tenant_new(const struct conf *conf, const struct conf_token *token, const uint8_t master[MASTER_LEN],
                         struct tenant **out)
{
	struct tenant *tenant = calloc(1, sizeof(*tenant));

	if (!tenant)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_init(&tenant->lock, NULL);
	enum hufu_err err = take_conf(tenant, token);
	if (err == HUFU_OK)
		err = take_secrets(tenant, master, token->name);
	if (err == HUFU_OK)
		err = pool_new(conf, token, &tenant->pool);
	if (err == HUFU_OK)
		err = key_cache_new(&tenant_key_ops, tenant, KEY_CACHE_MAX, &tenant->keys);
	if (err == HUFU_OK)
		err = token->store ? token_side_new(tenant, conf, &tenant->token) : HUFU_OK;
	if (err == HUFU_OK)
		err = tenant_lanes_new(token->name, conf->machine.lanes, conf->machine.lanes * QUEUE_PER_LANE, &tenant->lanes);
	if (err != HUFU_OK) {
		tenant_free(tenant);
		return err;
	}
	*out = tenant;
	return HUFU_OK;
}

void tenant_free(struct tenant *tenant)
{
	struct tenant_conf *older;

	if (!tenant)
		return;
	tenant_lanes_free(tenant->lanes);
	key_cache_free(tenant->keys);
	token_side_free(tenant->token);
	pool_free(tenant->pool);
	secret_free(tenant->secrets);
	for (struct tenant_conf *conf = tenant->confs; conf; conf = older) {
		older = conf->older;
		conf_free_one(conf);
	}
	pthread_mutex_destroy(&tenant->lock);
	free(tenant);
}

const char *tenant_name(const struct tenant *tenant)
{
	return tenant_conf(tenant)->name;
}

struct pool *tenant_pool(struct tenant *tenant)
{
	return tenant->pool;
}

const struct conf_token *tenant_conf(const struct tenant *tenant)
{
	return atomic_load(&tenant->conf);
}

struct token_side *tenant_token(struct tenant *tenant)
{
	return tenant->token;
}

/* A store that moved is another token: it wants a restart. Keys follow from the name, which is what makes it this tenant. */
enum hufu_err tenant_reconfigure(struct tenant *tenant, const struct conf *conf, const struct conf_token *token,
                                 const struct conf_states *states)
{
	enum hufu_err err = take_conf(tenant, token);

	if (err == HUFU_OK)
		err = pool_reconfigure(tenant->pool, conf, token, states);
	return err;
}

bool tenant_later(struct tenant *tenant, struct request *req, void (*fn)(struct request *))
{
	return tenant_lanes_add(tenant->lanes, req, fn);
}

void tenant_load(struct tenant *tenant, struct wire_load *load)
{
	uint32_t queued, running, threads;

	tenant_lanes_load(tenant->lanes, &queued, &running, &threads);
	*load = (struct wire_load){.in_flight = queued + running + atomic_load(&tenant->in_flight), .queue = queued,
	                           .capacity = threads};
}
