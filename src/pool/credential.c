/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials: what devices want to be told before they let their keys be used.
 *
 * They are presented on an admission (admit.c), so never in a caller's thread where
 * the pool has a keeper, and before proofs, which may be by keys that they open. What a
 * device refused it is not told again, whoever brings it: its tries may be counted.
 */
#include "pool/care.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "driver/driver.h"
#include "sm/bytes.h"
#include "sm/sm3.h"

#define NAME_MAX_LEN 64
#define VALUE_MAX 4096
#define REFUSAL_KEY_LEN 32

struct credential {
	struct credential *next;
	_Atomic uint32_t refs;
	uint64_t serial;           /* 1, 2, ...: of a pool's, in the order that they came in */
	char *domain, *name;
	uint64_t set_s;
	uint8_t *value;            /* secret memory */
	size_t len;
};

/* A credential that a device refused, by a MAC of it: the value itself is not kept. */
struct refusal {
	struct refusal *next;
	unsigned view;             /* the device's */
	uint8_t mac[SM3_DIGEST_LEN];
};

static void rele(struct credential *credential)
{
	if (atomic_fetch_sub(&credential->refs, 1) != 1)
		return;
	secret_free(credential->value);
	free(credential->domain);
	free(credential->name);
	free(credential);
}

static struct credential *new(const char *domain, const char *name, uint64_t set_s, const uint8_t *value, size_t len)
{
	struct credential *credential = calloc(1, sizeof(*credential));

	if (!credential)
		return NULL;
	atomic_init(&credential->refs, 1);
	credential->domain = strdup(domain);
	credential->name = strdup(name);
	credential->value = secret_alloc(len);
	credential->set_s = set_s;
	credential->len = len;
	if (!credential->domain || !credential->name || !credential->value) {
		rele(credential);
		return NULL;
	}
	memcpy(credential->value, value, len);
	return credential;
}

static bool is_named(const struct credential *credential, const char *domain, const char *name)
{
	return strcmp(credential->domain, domain) == 0 && strcmp(credential->name, name) == 0;
}

/* -- refusals ------------------------------------------------------------------------ */

/* False: there is no key for it, so nothing was refused yet, or memory is out. */
static bool mac_of_locked(const struct pool *pool, const struct credential *c, uint8_t mac[SM3_DIGEST_LEN])
{
	struct sm3_hmac_key key;
	struct sm3_hmac ctx;
	uint8_t set[8];

	if (!pool->refusal_key)
		return false;
	sm3_hmac_key_init(&key, pool->refusal_key, REFUSAL_KEY_LEN);
	sm3_hmac_init(&ctx, &key);
	sm3_hmac_update(&ctx, (const uint8_t *)c->name, strlen(c->name) + 1);
	store_be64(set, c->set_s);
	sm3_hmac_update(&ctx, set, sizeof(set));
	sm3_hmac_update(&ctx, c->value, c->len);
	sm3_hmac_final(&ctx, mac);
	secret_wipe(&key, sizeof(key));
	secret_wipe(&ctx, sizeof(ctx));
	return true;
}

static bool was_refused_locked(const struct device *device, const struct credential *c)
{
	uint8_t mac[SM3_DIGEST_LEN];

	if (!device->pool->refusals || !mac_of_locked(device->pool, c, mac))
		return false;
	for (const struct refusal *r = device->pool->refusals; r; r = r->next)
		if (r->view == device->view && secret_equal(r->mac, mac, sizeof(mac)))
			return true;
	return false;
}

static bool was_refused(const struct device *device, const struct credential *c)
{
	pthread_mutex_lock(&device->pool->keys_lock);
	bool refused = was_refused_locked(device, c);
	pthread_mutex_unlock(&device->pool->keys_lock);
	return refused;
}

static bool make_key_locked(struct pool *pool)
{
	if (pool->refusal_key)
		return true;
	uint8_t *key = secret_alloc(REFUSAL_KEY_LEN);
	if (!key || driver_host()->random(key, REFUSAL_KEY_LEN) != HUFU_OK) {
		secret_free(key);
		return false;
	}
	pool->refusal_key = key;
	return true;
}

/* Where memory is out the device stays quarantined all the same, until an administrator acts. */
static void note_refusal(const struct device *device, const struct credential *c)
{
	struct pool *pool = device->pool;
	struct refusal *refusal = calloc(1, sizeof(*refusal));

	if (!refusal)
		return;
	refusal->view = device->view;
	pthread_mutex_lock(&pool->keys_lock);
	if (make_key_locked(pool) && !was_refused_locked(device, c) && mac_of_locked(pool, c, refusal->mac)) {
		refusal->next = pool->refusals;
		pool->refusals = refusal;
		refusal = NULL; /* the pool's */
	}
	pthread_mutex_unlock(&pool->keys_lock);
	free(refusal);
}

/* Held, the nth of the domain; NULL: there are not so many. */
static struct credential *hold_nth(struct pool *pool, const char *domain, size_t n)
{
	pthread_mutex_lock(&pool->keys_lock);
	struct credential *credential = pool->credentials;
	while (credential && (strcmp(credential->domain, domain) != 0 || n--))
		credential = credential->next;
	if (credential)
		atomic_fetch_add(&credential->refs, 1);
	pthread_mutex_unlock(&pool->keys_lock);
	return credential;
}

void credentials_were_denied(struct device *device)
{
	struct credential *c;

	for (size_t n = 0; (c = hold_nth(device->pool, device->conf->domain, n)); n++) {
		note_refusal(device, c);
		rele(c);
		atomic_store(&device->login_refused, true);
	}
}

bool pool_refused_credential(struct pool *pool, const char *domain, const char *name, uint64_t set_s, const uint8_t *value, size_t len)
{
	struct credential c = {.domain = (char *)(uintptr_t)domain, .name = (char *)(uintptr_t)name, .set_s = set_s,
	                       .value = (uint8_t *)(uintptr_t)value, .len = len};
	bool refused = false;

	pthread_mutex_lock(&pool->keys_lock);
	if (!domain)
		refused = pool->refusals != NULL;
	for (size_t i = 0; domain && i < atomic_load(&pool->ndevices) && !refused; i++) {
		const struct device *device = atomic_load(&pool->devices[i]);

		refused = strcmp(device->conf->domain, domain) == 0 && was_refused_locked(device, &c);
	}
	pthread_mutex_unlock(&pool->keys_lock);
	return refused;
}

/* -- given and taken back ------------------------------------------------------------- */

/* Holds it, in the order of serials; *old: the one that it replaces. False: it is there already, as it is. */
static bool put_locked(struct pool *pool, struct credential *credential, struct credential **old)
{
	struct credential **link = &pool->credentials;

	*old = NULL;
	while (*link && !is_named(*link, credential->domain, credential->name))
		link = &(*link)->next;
	if (*link && (*link)->set_s == credential->set_s && (*link)->len == credential->len &&
	    secret_equal((*link)->value, credential->value, credential->len))
		return false;
	*old = *link;
	if (*old)
		*link = (*old)->next;
	while (*link)
		link = &(*link)->next;
	credential->serial = ++pool->credential_serial;
	atomic_fetch_add(&credential->refs, 1);
	*link = credential;
	return true;
}

/* One that fell because of its credential is given another chance by another one: setting that is the administrator's act. */
static void forgive(struct pool *pool, const struct credential *c)
{
	for (size_t i = 0; i < atomic_load(&pool->ndevices); i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		if (strcmp(device->conf->domain, c->domain) == 0 && atomic_load(&device->login_refused) && !was_refused(device, c) &&
		    atomic_exchange(&device->login_refused, false))
			device_note(device, HEALTH_ENABLED, HUFU_OK, "it has another credential", clock_now_ns());
	}
}

enum hufu_err pool_add_credential(struct pool *pool, const char *domain, const char *name, uint64_t set_s, const uint8_t *value,
                                  size_t len)
{
	if (!len || len > VALUE_MAX || !*name || strlen(name) > NAME_MAX_LEN)
		return HUFU_ERR_ARGUMENT;
	struct credential *credential = new(domain, name, set_s, value, len);
	if (!credential)
		return HUFU_ERR_NO_MEMORY;
	struct credential *old;
	pthread_mutex_lock(&pool->keys_lock);
	bool is_news = put_locked(pool, credential, &old);
	if (is_news)
		proof_ask_again_locked(pool, domain);
	pthread_mutex_unlock(&pool->keys_lock);
	if (old)
		rele(old);
	if (is_news) {
		forgive(pool, credential);
		atomic_store(&pool->inline_due_ns, 0);
		keeper_poke();
	}
	rele(credential);
	return HUFU_OK;
}

static bool forget_all(struct pool *pool)
{
	struct credential *next;

	pthread_mutex_lock(&pool->keys_lock);
	struct credential *credential = pool->credentials;
	bool any = credential != NULL;
	pool->credentials = NULL;
	if (any)
		atomic_fetch_add(&pool->credentials_dropped, 1);
	pthread_mutex_unlock(&pool->keys_lock);
	for (; credential; credential = next) {
		next = credential->next;
		rele(credential);
	}
	return any;
}

/* Where there is no keeper, here and now: nobody may call for long. */
void pool_drop_credentials(struct pool *pool)
{
	uint64_t now = clock_now_ns();

	if (!forget_all(pool))
		return;
	atomic_store(&pool->inline_due_ns, 0);
	keeper_poke();
	for (size_t i = 0; i < atomic_load(&pool->ndevices) && atomic_load(&pool->keeping) == KEEPING_BY_CALLERS; i++)
		if (atomic_load(&atomic_load(&pool->devices[i])->handle))
			care_do_due(atomic_load(&pool->devices[i]), false, now, now + PROBE_TIME_NS);
}

void credentials_free(struct pool *pool)
{
	struct refusal *next;

	(void)forget_all(pool);
	for (struct refusal *refusal = pool->refusals; refusal; refusal = next) {
		next = refusal->next;
		free(refusal);
	}
	secret_free(pool->refusal_key);
}

/* -- presented -------------------------------------------------------------------------- */

/* The first that came after this one, held; NULL: none did. */
static struct credential *hold_after(struct pool *pool, const char *domain, uint64_t serial)
{
	pthread_mutex_lock(&pool->keys_lock);
	struct credential *credential = pool->credentials;
	while (credential && (credential->serial <= serial || strcmp(credential->domain, domain) != 0))
		credential = credential->next;
	if (credential)
		atomic_fetch_add(&credential->refs, 1);
	pthread_mutex_unlock(&pool->keys_lock);
	return credential;
}

static enum hufu_err refused(struct admission *a, const struct credential *c)
{
	snprintf(a->why, a->why_len, "it refused the credential \"%.32s\", which is not presented again. Set the right one "
	         "(hufu device password set)", c->name);
	a->login_refused = true;
	return HUFU_ERR_DENIED;
}

static enum hufu_err present(struct admission *a, const struct credential *c)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in = c->value, .in_len = c->len, .in2 = (const uint8_t *)c->name,
	                     .in2_len = strlen(c->name)};

	if (was_refused(a->device, c))
		return refused(a, c);
	enum hufu_err err = admit_run(a, &op);
	if (hufu_err_group(err) != HUFU_GROUP_DENIED && hufu_err_group(err) != HUFU_GROUP_CALLER)
		return err;
	note_refusal(a->device, c);
	return refused(a, c);
}

static enum hufu_err log_out(struct admission *a, struct device_login *login)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGOUT};
	enum hufu_err err = admit_lease(a);

	if (err != HUFU_OK)
		return err;
	(void)!admit_run(a, &op); /* it cannot fail */
	*login = (struct device_login){0};
	return HUFU_OK;
}

enum hufu_err admit_login(struct admission *a, struct device_login *login, bool *asked)
{
	struct pool *pool = a->device->pool;
	uint32_t dropped = atomic_load(&pool->credentials_dropped);
	struct credential *c;
	enum hufu_err err = login->in && login->dropped != dropped ? log_out(a, login) : HUFU_OK;

	if (err != HUFU_OK)
		return err;
	login->dropped = dropped;
	while (err == HUFU_OK && admit_offers(a, 0, HUFU_VERB_LOGIN) &&
	       (c = hold_after(pool, a->device->conf->domain, login->presented))) {
		err = present(a, c);
		*asked |= err == HUFU_OK;
		login->in |= err == HUFU_OK;
		if (hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED) /* it knows no credential of this name */
			err = HUFU_OK;
		if (err == HUFU_OK)
			login->presented = c->serial;
		rele(c);
	}
	return err;
}
