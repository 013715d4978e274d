/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that are kept in the device, and the password that it wants for them.
 *
 * resident = N: so many SM2 signing keys, found by FIND, named by copies of
 * their own ("lab:0003"). They follow from their numbers and from seed, so that
 * devices with the same options hold the same; a split one holds others.
 *
 * password = TEXT: until LOGIN has brought it no op finds such a key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "driver/fault/internal.h"
#include "sm/sm3.h"

#define NAME_LEN 8
#define BLOB_MAX 256

struct resident {
	uint8_t *blob;             /* as the wrapped driver knows it; secret memory */
	size_t blob_len;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
};

/* -- made when the device is opened ----------------------------------------------- */

static void scalar_of(const struct hufu_device *device, uint32_t n, uint8_t d[32])
{
	char text[160];

	snprintf(text, sizeof(text), "a key of the lab: %s %u %d", device->seed, n, device->split);
	sm3((const uint8_t *)text, strlen(text), d);
	d[0] &= 0x7f; /* below the order */
}

static enum hufu_err make(struct hufu_device *device, struct hufu_lease *inner, uint32_t n, struct resident *resident)
{
	uint8_t d[32];
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM2_PRIVATE, .in = d,
	                     .in_len = sizeof(d), .out_cap = BLOB_MAX, .pub = resident->pub, .copy_kind = HUFU_COPY_BLOB, .attempt = 1};
	struct hufu_op *ops[] = {&op};

	resident->blob = op.out = secret_alloc(BLOB_MAX);
	if (!op.out)
		return HUFU_ERR_NO_MEMORY;
	scalar_of(device, n, d);
	device->driver->run(inner, ops, 1);
	resident->blob_len = op.out_len;
	resident->pub_len = op.pub_len;
	secret_wipe(d, sizeof(d));
	return op.outcome;
}

static enum hufu_err make_all(struct hufu_device *device, uint64_t deadline_ns)
{
	struct hufu_lease *inner;

	device->residents = calloc(device->nresidents, sizeof(*device->residents));
	if (!device->residents)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = device->driver->lease(device->inner, deadline_ns, &inner);
	if (err != HUFU_OK)
		return err;
	for (uint32_t i = 0; i < device->nresidents && err == HUFU_OK; i++)
		err = make(device, inner, i, &device->residents[i]);
	device->driver->release(inner);
	return err;
}

/* -- used ------------------------------------------------------------------------- */

static void name_of(uint32_t n, char name[NAME_LEN + 1])
{
	snprintf(name, NAME_LEN + 1, "lab:%04u", n % 10000);
}

static bool is_open_to_us(const struct hufu_device *device)
{
	return !device->password[0] || atomic_load(&device->logged_in);
}

bool residents_name(const struct hufu_key *key)
{
	return key->copy_kind == HUFU_COPY_INDEX && key->blob_len == NAME_LEN && memcmp(key->blob, "lab:", 4) == 0;
}

uint8_t *residents_blob(const struct hufu_device *device, const struct hufu_key *key, size_t *len)
{
	char name[NAME_LEN + 1];

	for (uint32_t i = 0; i < device->nresidents && is_open_to_us(device); i++) {
		const struct resident *resident = &device->residents[i];

		name_of(i, name);
		if (memcmp(key->blob, name, NAME_LEN) != 0)
			continue;
		uint8_t *blob = secret_alloc(resident->blob_len);
		if (blob)
			memcpy(blob, resident->blob, *len = resident->blob_len);
		return blob;
	}
	return NULL;
}

/* -- asked ------------------------------------------------------------------------- */

static enum hufu_err find(const struct hufu_device *device, struct hufu_op *op)
{
	const struct hufu_param_find *param = op->param;
	char name[NAME_LEN + 1];

	if (!param || op->out_cap < sizeof(struct hufu_resident) || !op->pub)
		return HUFU_ERR_ARGUMENT;
	if (param->nth >= device->nresidents)
		return HUFU_ERR_NO_KEY;
	struct hufu_resident found = {
		.size = sizeof(found), .type = HUFU_KEY_SM2_PRIVATE, .verbs = 1u << HUFU_VERB_SIGN | 1u << HUFU_VERB_DECRYPT,
		.id = {(uint8_t)(param->nth >> 8), (uint8_t)param->nth}, .id_len = 2, .copy_len = NAME_LEN,
	};
	snprintf(found.label, sizeof(found.label), "sign %u", param->nth);
	name_of(param->nth, name);
	memcpy(found.copy, name, NAME_LEN);
	memcpy(op->out, &found, op->out_len = sizeof(found));
	memcpy(op->pub, device->residents[param->nth].pub, op->pub_len = device->residents[param->nth].pub_len);
	return HUFU_OK;
}

static enum hufu_err login(struct hufu_device *device, const struct hufu_op *op)
{
	size_t len = strlen(device->password);

	if (!len)
		return HUFU_ERR_UNSUPPORTED;
	if (op->in_len != len || !secret_equal(op->in, device->password, len))
		return HUFU_ERR_DENIED;
	atomic_store(&device->logged_in, true);
	return HUFU_OK;
}

bool residents_run(struct hufu_device *device, struct hufu_op *op)
{
	switch ((unsigned)op->verb) {
	case HUFU_VERB_FIND:
		op->outcome = find(device, op);
		return true;
	case HUFU_VERB_LOGIN:
		op->outcome = login(device, op);
		return true;
	case HUFU_VERB_LOGOUT:
		atomic_store(&device->logged_in, false);
		op->outcome = HUFU_OK;
		return true;
	default:
		return false;
	}
}

/* -- told --------------------------------------------------------------------------- */

static void say_permanent(struct hufu_capability *caps, size_t n)
{
	const uint32_t makes = 1u << HUFU_VERB_GENERATE | 1u << HUFU_VERB_IMPORT | 1u << HUFU_VERB_UNWRAP;

	for (size_t i = 0; i < n; i++)
		if (caps[i].verbs & makes)
			caps[i].permanent = true;
}

/* What the wrapped driver offers, and one row more. */
static enum hufu_err offer(struct hufu_device *device, uint32_t verbs)
{
	struct hufu_device_info info = {.size = sizeof(info)};
	enum hufu_err err = device->driver->info(device->inner, &info);

	if (err != HUFU_OK)
		return err;
	device->caps = calloc(info.ncaps + 1, sizeof(*device->caps));
	if (!device->caps)
		return HUFU_ERR_NO_MEMORY;
	memcpy(device->caps, info.caps, info.ncaps * sizeof(*device->caps));
	device->caps[info.ncaps] = (struct hufu_capability){.verbs = verbs};
	device->ncaps = info.ncaps + 1;
	if (device->permanent)
		say_permanent(device->caps, device->ncaps);
	return HUFU_OK;
}

enum hufu_err residents_open(struct hufu_device *device, uint64_t deadline_ns)
{
	uint32_t verbs = (device->nresidents ? 1u << HUFU_VERB_FIND : 0) |
	                 (device->password[0] ? 1u << HUFU_VERB_LOGIN | 1u << HUFU_VERB_LOGOUT : 0);
	enum hufu_err err = verbs || device->permanent ? offer(device, verbs) : HUFU_OK;

	return err == HUFU_OK && device->nresidents ? make_all(device, deadline_ns) : err;
}

void residents_close(struct hufu_device *device)
{
	for (uint32_t i = 0; device->residents && i < device->nresidents; i++)
		secret_free(device->residents[i].blob);
	free(device->residents);
	free(device->caps);
}
