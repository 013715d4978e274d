/* SPDX-License-Identifier: Apache-2.0 */
/* Resident keys: those that are kept in devices, as one device of a domain tells of them. */
#include "pool/internal.h"

#include <string.h>

/* The first that is up; else the first of which that is not known. NULL: none tells of such keys, or what it keeps lies open here. */
static struct device *teller_of(struct pool *pool, const char *domain)
{
	struct device *other = NULL;

	for (size_t i = 0; i < atomic_load(&pool->ndevices); i++) {
		struct device *device = atomic_load(&pool->devices[i]);
		enum pool_state state = health_state(&device->health);

		if (strcmp(device->conf->domain, domain) != 0)
			continue;
		if (device_is_software(device))
			return NULL;
		if (atomic_load(&device->admin) != POOL_ENABLED ||
		    state == POOL_QUARANTINED || (atomic_load(&device->caps) && !device_capability(device, 0, HUFU_VERB_FIND, false)))
			continue;
		if (atomic_load(&device->handle) && (state == POOL_UP || state == POOL_SLOW_START))
			return device;
		other = other ? other : device;
	}
	return other;
}

static bool pub_is_sound(struct pool *pool, enum hufu_key_type type, const uint8_t *pub, size_t len)
{
	struct sm2_public point;

	if (type == HUFU_KEY_SM2_PRIVATE)
		return len == SM2_POINT_LEN && sm2_public_init(&point, pub) == SM2_OK;
	return check_public_type(type) ? check_public(pool, type, pub, len) : len == 0;
}

/* Whatever number a device may write there. */
static bool is_kept_type(enum hufu_key_type type)
{
	return type >= HUFU_KEY_SM2_PRIVATE && type <= HUFU_KEY_MONTGOMERY_PUBLIC && !key_type_is_public(type);
}

static bool is_sound(struct pool *pool, const struct hufu_resident *r, const uint8_t *pub, size_t pub_len)
{
	return r->size >= sizeof(*r) && is_kept_type(r->type) && r->id_len <= sizeof(r->id) && r->copy_len &&
	       r->copy_len <= sizeof(r->copy) && memchr(r->label, 0, sizeof(r->label)) && pub_is_sound(pool, r->type, pub, pub_len);
}

static enum hufu_err ask(struct pool *pool, const struct device *device, uint32_t nth, uint64_t deadline_ns,
                         struct hufu_resident *resident, uint8_t *pub, size_t *pub_len)
{
	struct hufu_param_find param = {.nth = nth};
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)resident, .out_cap = sizeof(*resident), .pub = pub,
		       .deadline_ns = deadline_ns, .repeatable = true},
		.impatient = true,
		.domain = device->conf->domain,
		.device = device->conf->name,
	};
	enum hufu_err err = pool_run(pool, &req);
	if (err != HUFU_OK)
		return err;
	*pub_len = req.op.pub_len;
	return req.op.out_len == sizeof(*resident) && is_sound(pool, resident, pub, *pub_len) ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* A device that was being opened may turn out to be none of the domain's: then another begins the list. */
enum hufu_err pool_resident(struct pool *pool, const char *domain, uint32_t nth, uint64_t deadline_ns, struct hufu_resident *resident,
                            uint8_t *pub, size_t *pub_len)
{
	const struct device *device = teller_of(pool, domain), *asked = NULL;
	enum hufu_err err = HUFU_ERR_UNSUPPORTED;

	for (size_t i = 0; i < POOL_DEVICES_MAX && device && device != asked; i++) {
		err = ask(pool, device, nth, deadline_ns, resident, pub, pub_len);
		if (nth || err == HUFU_OK || err == HUFU_ERR_NO_KEY || err == HUFU_ERR_KEY_VALUE)
			break;
		asked = device;
		device = teller_of(pool, domain);
	}
	return err;
}
