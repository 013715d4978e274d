/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of keys in other forms than the wrapped driver's.
 *
 * split: the device has another KEK than its domain. Played by one bit of each
 * copy turned over on its way in and out: what the device makes it can use and
 * nobody else, what others made is another key to it.
 *
 * shelf: keys stay in the devices, which give out their index, 4 bytes. A split
 * device of a shelf has another key at the index.
 */
#include <pthread.h>
#include <string.h>

#include "base/secret.h"
#include "driver/fault/internal.h"

#define SHELVES_MAX 4
#define KEYS_MAX 256
#define INDEX_LEN 4

struct kept {
	uint8_t *blob;             /* secret memory; NULL: nothing at this index */
	size_t len;
};

struct shelf {
	char name[80];
	struct kept keys[KEYS_MAX];
	uint32_t n;
};

static struct {
	pthread_mutex_t lock;
	struct shelf shelves[SHELVES_MAX];
	size_t n;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct shelf *shelf_named(const char *name)
{
	struct shelf *found = NULL;

	pthread_mutex_lock(&store.lock);
	for (size_t i = 0; i < store.n && !found; i++)
		if (strcmp(store.shelves[i].name, name) == 0)
			found = &store.shelves[i];
	if (!found && store.n < SHELVES_MAX && strlen(name) < sizeof(found->name)) {
		found = &store.shelves[store.n++];
		memcpy(found->name, name, strlen(name) + 1);
	}
	pthread_mutex_unlock(&store.lock);
	return found;
}

void shelf_clear_all(void)
{
	pthread_mutex_lock(&store.lock);
	for (size_t i = 0; i < store.n; i++)
		for (uint32_t k = 0; k < store.shelves[i].n; k++)
			secret_free(store.shelves[i].keys[k].blob);
	memset(store.shelves, 0, sizeof(store.shelves));
	store.n = 0;
	pthread_mutex_unlock(&store.lock);
}

bool copies_are_own(const struct hufu_device *device)
{
	return device->split || device->shelf || device->nresidents;
}

static void turn(uint8_t *blob, size_t len)
{
	blob[len - 1] ^= 1;
}

/* -- in: the copy as the wrapped driver knows it ---------------------------------- */

static bool fetch(struct shelf *shelf, const struct hufu_key *key, uint8_t **blob, size_t *len)
{
	const uint8_t *b = key->blob;
	uint32_t index = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

	*blob = NULL;
	pthread_mutex_lock(&store.lock);
	if (index < shelf->n && (*blob = secret_alloc(shelf->keys[index].len)) != NULL)
		memcpy(*blob, shelf->keys[index].blob, *len = shelf->keys[index].len);
	pthread_mutex_unlock(&store.lock);
	return *blob != NULL;
}

static bool is_public(enum hufu_key_type type)
{
	return type == HUFU_KEY_SM2_PUBLIC || type == HUFU_KEY_RSA_PUBLIC || type == HUFU_KEY_EC_PUBLIC ||
	       type == HUFU_KEY_EDWARDS_PUBLIC || type == HUFU_KEY_MONTGOMERY_PUBLIC;
}

/* A key of the op's own, loaded for it alone. False: no such key here. */
static bool translate(struct hufu_device *device, struct hufu_key **key, struct hufu_key *own)
{
	uint8_t *blob;
	size_t len;

	if (!*key || is_public((*key)->type))
		return true;
	if (residents_name(*key)) {
		if (!(blob = residents_blob(device, *key, &len)))
			return false;
	} else if (device->shelf && (*key)->copy_kind == HUFU_COPY_INDEX && (*key)->blob_len == INDEX_LEN) {
		if (!fetch(device->shelf, *key, &blob, &len))
			return false;
	} else {
		len = (*key)->blob_len;
		if (!len || !(blob = secret_alloc(len)))
			return false;
		memcpy(blob, (*key)->blob, len);
	}
	if (device->split && !residents_name(*key))
		turn(blob, len);
	*own = **key;
	own->copy_kind = HUFU_COPY_BLOB;
	own->blob = blob;
	own->blob_len = len;
	own->loaded = NULL;
	*key = own;
	return true;
}

static void evict(struct hufu_lease *lease, struct hufu_key *own)
{
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_EVICT, .key = own};
	struct hufu_op *ops[] = {&op};

	if (!own->blob)
		return;
	lease->device->driver->run(lease->inner, ops, 1);
	secret_free((void *)(uintptr_t)own->blob);
}

/* -- out: the copy as this device gives it ------------------------------------------ */

static enum hufu_err keep(struct shelf *shelf, struct hufu_op *op)
{
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	pthread_mutex_lock(&store.lock);
	struct kept *kept = shelf->n < KEYS_MAX ? &shelf->keys[shelf->n] : NULL;
	if (kept && (kept->blob = secret_alloc(op->out_len)) != NULL) {
		const uint8_t index[INDEX_LEN] = {0, 0, (uint8_t)(shelf->n >> 8), (uint8_t)shelf->n};

		memcpy(kept->blob, op->out, kept->len = op->out_len);
		shelf->n++;
		secret_wipe(op->out, op->out_len);
		memcpy(op->out, index, op->out_len = INDEX_LEN);
		op->copy_kind = HUFU_COPY_INDEX;
		err = HUFU_OK;
	}
	pthread_mutex_unlock(&store.lock);
	return err;
}

static bool makes_copy(const struct hufu_op *op)
{
	bool makes = op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT || op->verb == HUFU_VERB_UNWRAP;

	return makes && op->outcome == HUFU_OK && op->out_len >= INDEX_LEN && !is_public(op->new_type);
}

void copies_run(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	struct hufu_key *key = op->key, *subject = op->subject, own[2] = {{0}, {0}};

	if (op->verb == HUFU_VERB_EVICT && !(key && key->loaded)) {
		op->outcome = HUFU_OK;
		return;
	}
	if (op->verb == HUFU_VERB_EVICT ||
	    (translate(device, &op->key, &own[0]) && translate(device, &op->subject, &own[1])))
		device->driver->run(lease->inner, &op, 1);
	else
		op->outcome = HUFU_ERR_NO_KEY;
	/* A copy of another KEK opens to what is no key of this type, where that can be seen. */
	if (device->split && op->outcome == HUFU_ERR_KEY_VALUE && op->key)
		op->outcome = HUFU_ERR_NO_KEY;
	if (makes_copy(op) && device->split)
		turn(op->out, op->out_len);
	if (makes_copy(op) && device->shelf)
		op->outcome = keep(device->shelf, op);
	evict(lease, &own[0]);
	evict(lease, &own[1]);
	op->key = key;
	op->subject = subject;
}
