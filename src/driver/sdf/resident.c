/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that the vendor's tool made in the device. It is asked about every
 * configured index when a search begins; the rest of the search reads on in what it said.
 */
#include "driver/sdf/sdf.h"

#include <stdio.h>
#include <stdlib.h>

#include "driver/soft/rsa.h"
#include "sm/sm3.h"

#define VERB(name) (1u << HUFU_VERB_##name)
#define ID_LEN 20

struct found {
	struct hufu_resident *list;
	uint8_t (*pubs)[HUFU_PUB_MAX];
	size_t *pub_lens;
	size_t n, cap;
};

static void found_clear(struct found *found)
{
	free(found->list);
	free(found->pubs);
	free(found->pub_lens);
	*found = (struct found){0};
}

static bool grow(struct found *found)
{
	size_t cap = found->cap ? 2 * found->cap : 16;
	struct hufu_resident *list = reallocarray(found->list, cap, sizeof(*list));

	if (!list)
		return false;
	found->list = list;
	uint8_t (*pubs)[HUFU_PUB_MAX] = reallocarray(found->pubs, cap, sizeof(*pubs));
	if (!pubs)
		return false;
	found->pubs = pubs;
	size_t *lens = reallocarray(found->pub_lens, cap, sizeof(*lens));
	if (!lens)
		return false;
	found->pub_lens = lens;
	found->cap = cap;
	return true;
}

/* CKA_ID of a pair says which it is, of a KEK only where. */
static void make_id(struct hufu_resident *resident, const uint8_t *pub, size_t pub_len)
{
	uint8_t digest[32];

	if (pub_len)
		sm3(pub, pub_len, digest);
	else
		sm3(resident->label, strlen(resident->label), digest);
	memcpy(resident->id, digest, ID_LEN);
	resident->id_len = ID_LEN;
}

static enum hufu_err add(struct found *found, const struct copy *copy, struct hufu_resident *resident, const char *what,
                         const uint8_t *pub, size_t pub_len)
{
	if (found->n == found->cap && !grow(found))
		return HUFU_ERR_NO_MEMORY;
	resident->size = sizeof(*resident);
	snprintf(resident->label, sizeof(resident->label), "%s %u", what, (unsigned)copy->index);
	resident->copy_len = copy_write(copy, resident->copy);
	make_id(resident, pub, pub_len);
	found->list[found->n] = *resident;
	if (pub_len)
		memcpy(found->pubs[found->n], pub, pub_len);
	found->pub_lens[found->n++] = pub_len;
	return HUFU_OK;
}

/*
 * The device knows no such key, or no such index, or wants a password for it: it is left out. So is one that is no key for us
 * (of another curve, too short), for whose sake none of the others is hidden.
 */
static bool leaves_out(const struct hufu_lease *lease, enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_NO_KEY || hufu_err_group(err) == HUFU_GROUP_CALLER ||
	       hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED || hufu_err_group(err) == HUFU_GROUP_EXPIRED ||
	       hufu_err_group(err) == HUFU_GROUP_DENIED ||
	       (hufu_err_group(err) == HUFU_GROUP_CORRUPT && !lease->session->dead);
}

static enum hufu_err look_for_pair(struct hufu_lease *lease, uint32_t index, enum sdf_usage usage, struct found *found)
{
	bool signs = usage == SDF_USAGE_SIGN;
	uint8_t point[SDF_POINT_LEN];
	struct copy copy = {signs ? COPY_SIGN : COPY_ENCRYPT, index, point, sizeof(point)};
	struct hufu_resident resident = {.type = HUFU_KEY_SM2_PRIVATE,
	                                 .verbs = signs ? VERB(SIGN) : VERB(DECRYPT) | VERB(UNWRAP)};
	enum hufu_err err = sdf_export_ecc(lease->session, index, usage, point);

	if (err != HUFU_OK)
		return leaves_out(lease, err) ? HUFU_OK : err;
	return add(found, &copy, &resident, signs ? "sign" : "encrypt", point, sizeof(point));
}

static enum hufu_err look_for_rsa(struct hufu_lease *lease, uint32_t index, enum sdf_usage usage, struct found *found)
{
	bool signs = usage == SDF_USAGE_SIGN;
	uint8_t spki[HUFU_PUB_MAX], digest[32];
	struct copy copy = {signs ? COPY_RSA_SIGN : COPY_RSA_ENCRYPT, index, digest, sizeof(digest)};
	struct hufu_resident resident = {.type = HUFU_KEY_RSA_PRIVATE, .verbs = signs ? VERB(SIGN) : VERB(DECRYPT)};
	struct rsa_key rsa = {0};
	size_t len;
	enum hufu_err err = sdf_export_rsa(lease->session, index, usage, spki, &len);

	if (err == HUFU_OK)
		err = rsa_modulus(spki, len, &rsa);
	if (err != HUFU_OK)
		return leaves_out(lease, err) ? HUFU_OK : err;
	sm3(spki, len, digest);
	resident.nbits = rsa.nbits;
	return add(found, &copy, &resident, signs ? "rsa sign" : "rsa encrypt", spki, len);
}

/* A KEK shows itself by what it wraps, and by nothing else. */
static enum hufu_err look_for_kek(struct hufu_lease *lease, uint32_t index, struct found *found)
{
	uint8_t wrapped[256];
	struct copy copy = {COPY_KEK, index, NULL, 0};
	struct hufu_resident resident = {.type = HUFU_KEY_SM4, .verbs = VERB(UNWRAP)};
	size_t len;
	void *handle;

	handles_make_room(lease);
	enum hufu_err err = sdf_generate_kek(lease->session, index, 128, wrapped, sizeof(wrapped), &len, &handle);

	if (err != HUFU_OK)
		return leaves_out(lease, err) ? HUFU_OK : err;
	handles_destroy(lease, handle);
	return add(found, &copy, &resident, "kek", NULL, 0);
}

static enum hufu_err look_at(struct hufu_lease *lease, uint32_t index, struct found *found)
{
	const struct hufu_device *device = lease->device;
	enum hufu_err err = HUFU_OK;

	for (int usage = SDF_USAGE_SIGN; usage <= SDF_USAGE_ENCRYPT && err == HUFU_OK; usage++) {
		if (index_in(&device->settings.indexes, index) && device_can(device, SDF_CAN_EXPORT_ECC))
			err = look_for_pair(lease, index, (enum sdf_usage)usage, found);
		if (err == HUFU_OK && index_in(&device->settings.rsa_indexes, index) && device_can(device, SDF_CAN_EXPORT_RSA))
			err = look_for_rsa(lease, index, (enum sdf_usage)usage, found);
	}
	if (err == HUFU_OK && index_in(&device->settings.keks, index) && device_can(device, SDF_CAN_GENERATE_KEK))
		err = look_for_kek(lease, index, found);
	return err;
}

static enum hufu_err look(struct hufu_lease *lease, struct found *found)
{
	enum hufu_err err = HUFU_OK;

	for (uint32_t i = 1; i <= SDF_INDEX_MAX && err == HUFU_OK; i++)
		err = look_at(lease, i, found);
	return err;
}

/* -- FIND ------------------------------------------------------------------------------ */

static void forget_locked(struct hufu_device *device)
{
	struct found found = {device->residents, device->resident_pubs, device->resident_pub_lens, 0, 0};

	found_clear(&found);
	device->residents = NULL;
	device->resident_pubs = NULL;
	device->resident_pub_lens = NULL;
	device->nresidents = 0;
	device->looked = false;
}

void residents_forget(struct hufu_device *device)
{
	pthread_mutex_lock(&device->lock);
	forget_locked(device);
	pthread_mutex_unlock(&device->lock);
}

static enum hufu_err look_again(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;
	struct found found = {0};
	enum hufu_err err = look(lease, &found);

	if (err != HUFU_OK) {
		found_clear(&found);
		return err;
	}
	pthread_mutex_lock(&device->lock);
	forget_locked(device);
	device->residents = found.list;
	device->resident_pubs = found.pubs;
	device->resident_pub_lens = found.pub_lens;
	device->nresidents = found.n;
	device->looked = true;
	pthread_mutex_unlock(&device->lock);
	return HUFU_OK;
}

static enum hufu_err give(struct hufu_device *device, uint32_t nth, struct hufu_op *op)
{
	enum hufu_err err = nth < device->nresidents ? soft_room(op, sizeof(struct hufu_resident)) : HUFU_ERR_NO_KEY;

	if (err != HUFU_OK)
		return err;
	memcpy(op->out, &device->residents[nth], sizeof(struct hufu_resident));
	if (device->resident_pub_lens[nth])
		soft_give_public(op, device->resident_pubs[nth], device->resident_pub_lens[nth]);
	return HUFU_OK;
}

enum hufu_err resident_find(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	const struct hufu_param_find *param = op->param;
	enum hufu_err err = param ? HUFU_OK : HUFU_ERR_PARAM;

	if (err != HUFU_OK)
		return err;
	pthread_mutex_lock(&device->lock);
	bool looked = device->looked && param->nth > 0;
	pthread_mutex_unlock(&device->lock);
	if (!looked)
		err = look_again(lease);
	if (err != HUFU_OK)
		return err;
	pthread_mutex_lock(&device->lock);
	err = give(device, param->nth, op);
	pthread_mutex_unlock(&device->lock);
	return err;
}
