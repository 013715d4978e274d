/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as leases hold them. A handle belongs to one session and dies with it, so
 * what key->loaded keeps is an id, the same for all sessions and for every
 * connection of the device; each lease holds a few handles by that id, and
 * imports the key when it has none.
 */
#include "driver/sdf/sdf.h"

#include <stdlib.h>

#include "driver/soft/rsa.h"
#include "sm/sm3.h"

struct loaded {
	uint64_t id;
	_Atomic uint64_t proven, alien; /* the opening of the device that has this INDEX key; that has another there */
	_Atomic(struct rsa_key *) rsa;  /* of RSA keys, once one was proven */
};

/* -- key->loaded ---------------------------------------------------------------------- */

static void loaded_free(struct loaded *loaded)
{
	if (loaded)
		free(atomic_load(&loaded->rsa));
	free(loaded);
}

/* Several leases may come here with one key at once: the first to publish wins. */
static struct loaded *publish(struct hufu_key *key)
{
	static _Atomic uint64_t ids;
	struct loaded *mine = calloc(1, sizeof(*mine));
	void *found = NULL;

	if (!mine)
		return NULL;
	mine->id = atomic_fetch_add(&ids, 1) + 1;
	if (__atomic_compare_exchange_n(&key->loaded, &found, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	loaded_free(mine);
	return found;
}

static struct loaded *loaded_of(struct hufu_key *key)
{
	struct loaded *found = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE);

	return found ? found : publish(key);
}

static struct loaded *take(struct hufu_key *key)
{
	return __atomic_exchange_n(&key->loaded, NULL, __ATOMIC_ACQ_REL);
}

void handles_forget(struct hufu_key *key)
{
	loaded_free(take(key));
}

enum hufu_err handles_op_evict(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	struct loaded *loaded = op->key ? take(op->key) : NULL;

	if (!loaded)
		return HUFU_OK;
	pthread_mutex_lock(&device->lock);
	uint64_t n = atomic_load(&device->evictions.n);
	device->evictions.ids[n % SDF_EVICTIONS] = loaded->id;
	atomic_store(&device->evictions.n, n + 1);
	pthread_mutex_unlock(&device->lock);
	loaded_free(loaded);
	if (lease->session)
		lease->session->deadline_ns = op->deadline_ns; /* that of the op before has passed: handles would stay where calls wait */
	handles_evict(lease);
	return HUFU_OK;
}

/* -- the handles of a lease -------------------------------------------------------------- */

static void forget(struct hufu_lease *lease, struct held *held)
{
	if (held->id && lease->session && !lease->session->dead)
		sdf_destroy_key(lease->session, held->handle);
	*held = (struct held){0};
}

void handles_forget_all(struct hufu_lease *lease)
{
	for (uint32_t i = 0; i < lease->device->profile->handles_max; i++)
		forget(lease, &lease->held[i]);
}

static struct held *find(struct hufu_lease *lease, uint64_t id)
{
	for (uint32_t i = 0; i < lease->device->profile->handles_max; i++)
		if (lease->held[i].id == id)
			return &lease->held[i];
	return NULL;
}

/* A free one, else that which was not used for longest. */
static struct held *place(struct hufu_lease *lease)
{
	struct held *oldest = &lease->held[0];

	for (uint32_t i = 0; i < lease->device->profile->handles_max; i++) {
		struct held *held = &lease->held[i];

		if (!held->id)
			return held;
		if (held->used < oldest->used)
			oldest = held;
	}
	forget(lease, oldest);
	return oldest;
}

void handles_make_room(struct hufu_lease *lease)
{
	(void)place(lease);
}

/* A handle that the library gives out again means another key from then on, whatever it meant before. */
static void disown(struct hufu_lease *lease, const void *handle)
{
	for (uint32_t i = 0; i < lease->device->profile->handles_max; i++)
		if (lease->held[i].id && lease->held[i].handle == handle)
			lease->held[i] = (struct held){0};
}

void handles_destroy(struct hufu_lease *lease, void *handle)
{
	disown(lease, handle);
	sdf_destroy_key(lease->session, handle);
}

/* One that has slept through more evictions than are remembered knows none of its keys any more. */
void handles_evict(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;
	uint64_t ids[SDF_EVICTIONS], n = 0;

	if (lease->evictions == atomic_load(&device->evictions.n))
		return;
	pthread_mutex_lock(&device->lock);
	uint64_t now = atomic_load(&device->evictions.n), missed = now - lease->evictions;
	if (missed <= SDF_EVICTIONS)
		for (; n < missed; n++)
			ids[n] = device->evictions.ids[(lease->evictions + n) % SDF_EVICTIONS];
	lease->evictions = now;
	pthread_mutex_unlock(&device->lock);
	if (missed > SDF_EVICTIONS)
		handles_forget_all(lease);
	for (uint64_t i = 0; i < n; i++) {
		struct held *held = find(lease, ids[i]);

		if (held)
			forget(lease, held);
	}
}

/* -- importing ------------------------------------------------------------------------------- */

struct import {
	const struct copy *copy;
	void **handle;
};

static enum hufu_err import_with_isk(struct hufu_lease *lease, uint32_t index, void *arg)
{
	const struct import *import = arg;

	return sdf_import_isk(lease->session, index, import->copy->bytes, import->copy->len, import->handle);
}

static enum hufu_err import(struct hufu_lease *lease, const struct copy *copy, void **handle)
{
	struct import import = {copy, handle};
	enum hufu_err err = HUFU_ERR_NO_KEY;

	if (copy->form == COPY_UNDER_KEK)
		err = sdf_import_kek(lease->session, copy->index, copy->bytes, copy->len, handle);
	else if (copy->form == COPY_UNDER_ISK)
		err = rights_run(lease, copy->index, import_with_isk, &import);
	if (err == HUFU_OK)
		disown(lease, *handle);
	return err;
}

enum hufu_err handles_try(struct hufu_lease *lease, const struct copy *copy)
{
	void *handle;

	handles_make_room(lease);
	enum hufu_err err = import(lease, copy, &handle);
	if (err == HUFU_OK)
		handles_destroy(lease, handle);
	return hufu_err_group(err) == HUFU_GROUP_CALLER ? HUFU_ERR_CIPHERTEXT : err;
}

static enum hufu_err hold(struct hufu_lease *lease, struct hufu_key *key, struct held **out, bool *fresh)
{
	const struct loaded *loaded = loaded_of(key);
	struct held *held = loaded ? find(lease, loaded->id) : NULL;
	struct copy copy;
	void *handle;

	if (!loaded)
		return HUFU_ERR_NO_MEMORY;
	*fresh = !held;
	if (!held) {
		enum hufu_err err = copy_read(key, &copy);
		if (err != HUFU_OK)
			return err;
		held = place(lease);
		err = import(lease, &copy, &handle);
		/* What the device calls a bad argument is a copy that is none of its own: the core had sealed it. */
		if (err != HUFU_OK)
			return hufu_err_group(err) == HUFU_GROUP_CALLER ? HUFU_ERR_NO_KEY : err;
		*held = (struct held){.id = loaded->id, .handle = handle};
	}
	held->used = ++lease->uses;
	*out = held;
	return HUFU_OK;
}

/* KEYNOTEXIST by the book, KEYERR where vendors differ. */
static bool lost_the_handle(const struct hufu_lease *lease, enum hufu_err err)
{
	return !lease->session->dead && (err == HUFU_ERR_NO_KEY || err == HUFU_ERR_KEY_VALUE);
}

enum hufu_err handles_run(struct hufu_lease *lease, struct hufu_op *op, handle_fn call)
{
	struct held *held;
	bool fresh;
	enum hufu_err err = hold(lease, op->key, &held, &fresh);

	if (err == HUFU_OK)
		err = call(lease, held->handle, op);
	if (err == HUFU_OK || fresh || !lost_the_handle(lease, err))
		return err;
	forget(lease, held);
	err = hold(lease, op->key, &held, &fresh);
	return err == HUFU_OK ? call(lease, held->handle, op) : err;
}

/* -- keys that stay in the device -------------------------------------------------------------- */

/* No key at all, whatever word the vendor has for it. */
static bool says_none(enum hufu_err err)
{
	return err == HUFU_ERR_NO_KEY || hufu_err_group(err) == HUFU_GROUP_CALLER;
}

static enum hufu_err alien(struct hufu_lease *lease, struct loaded *loaded, uint32_t index)
{
	const struct hufu_device *device = lease->device;

	if (atomic_exchange(&loaded->alien, device->id) != device->id)
		device->host->log(HUFU_LOG_ERROR, device->name,
		                  "ALARM: the key at index %u is not the one that the token knows. Check "
		                  "that the device belongs in its domain and has the same keys", (unsigned)index);
	return HUFU_ERR_NO_KEY;
}

static enum hufu_err same_point(struct hufu_lease *lease, const struct copy *copy, enum sdf_usage usage, bool *same)
{
	uint8_t point[SDF_POINT_LEN];
	enum hufu_err err = sdf_export_ecc(lease->session, copy->index, usage, point);

	*same = err == HUFU_OK && memcmp(point, copy->bytes, sizeof(point)) == 0;
	return says_none(err) ? HUFU_OK : err;
}

static enum hufu_err prove(struct hufu_lease *lease, const struct copy *copy, bool *same)
{
	enum hufu_err err;

	switch (copy->form) {
	case COPY_SIGN:
		return same_point(lease, copy, SDF_USAGE_SIGN, same);
	case COPY_ENCRYPT:
		return same_point(lease, copy, SDF_USAGE_ENCRYPT, same);
	case COPY_PAIR:
		err = same_point(lease, copy, SDF_USAGE_SIGN, same);
		return err == HUFU_OK && *same ? same_point(lease, copy, SDF_USAGE_ENCRYPT, same) : err;
	case COPY_KEK:
		*same = true; /* nothing of it can be seen: the core proves KEKs by what they wrap */
		return HUFU_OK;
	case COPY_RSA_SIGN:
	case COPY_RSA_ENCRYPT:
	case COPY_UNDER_KEK:
	case COPY_UNDER_ISK:
		break;
	}
	return HUFU_ERR_NO_KEY;
}

enum hufu_err index_key(struct hufu_lease *lease, struct hufu_op *op, struct copy *copy)
{
	uint64_t id = lease->device->id;
	enum hufu_err err = copy_read(op->key, copy);
	struct loaded *loaded = err == HUFU_OK ? loaded_of(op->key) : NULL;
	bool same;

	if (err != HUFU_OK)
		return err;
	if (!loaded)
		return HUFU_ERR_NO_MEMORY;
	if (atomic_load(&loaded->proven) == id)
		return HUFU_OK;
	if (atomic_load(&loaded->alien) == id)
		return HUFU_ERR_NO_KEY;
	err = prove(lease, copy, &same);
	if (err != HUFU_OK)
		return err;
	if (!same)
		return alien(lease, loaded, copy->index);
	atomic_store(&loaded->proven, id);
	return HUFU_OK;
}

/* -- RSA ------------------------------------------------------------------------------------------ */

static enum hufu_err prove_rsa(struct hufu_lease *lease, const struct copy *copy, struct rsa_key *rsa, bool *same)
{
	uint8_t spki[HUFU_PUB_MAX], digest[32];
	size_t len;
	enum hufu_err err = sdf_export_rsa(lease->session, copy->index,
	                                   copy->form == COPY_RSA_SIGN ? SDF_USAGE_SIGN : SDF_USAGE_ENCRYPT, spki, &len);

	*same = false;
	if (err != HUFU_OK)
		return says_none(err) ? HUFU_OK : err;
	sm3(spki, len, digest);
	*same = memcmp(digest, copy->bytes, sizeof(digest)) == 0;
	return *same ? rsa_modulus(spki, len, rsa) : HUFU_OK;
}

/* Once an opening of the device what it says is compared; the modulus stays with the key. */
static enum hufu_err load_rsa(struct hufu_lease *lease, struct loaded *loaded, const struct copy *copy)
{
	struct rsa_key *rsa = calloc(1, sizeof(*rsa)), *none = NULL;
	bool same;

	if (!rsa)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = prove_rsa(lease, copy, rsa, &same);
	if (err != HUFU_OK || !same || !atomic_compare_exchange_strong(&loaded->rsa, &none, rsa))
		free(rsa);
	if (err != HUFU_OK)
		return err;
	if (!same)
		return alien(lease, loaded, copy->index);
	atomic_store(&loaded->proven, lease->device->id);
	return HUFU_OK;
}

enum hufu_err index_rsa_key(struct hufu_lease *lease, struct hufu_op *op, struct copy *copy, const struct rsa_key **rsa)
{
	uint64_t id = lease->device->id;
	enum hufu_err err = copy_read(op->key, copy);
	struct loaded *loaded = err == HUFU_OK ? loaded_of(op->key) : NULL;

	if (err != HUFU_OK)
		return err;
	if (!loaded)
		return HUFU_ERR_NO_MEMORY;
	if ((copy->form != COPY_RSA_SIGN && copy->form != COPY_RSA_ENCRYPT) || atomic_load(&loaded->alien) == id)
		return HUFU_ERR_NO_KEY;
	if (atomic_load(&loaded->proven) != id)
		err = load_rsa(lease, loaded, copy);
	*rsa = atomic_load(&loaded->rsa);
	return err;
}
