/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as objects, had once a connection: resident ones looked up, others unwrapped or, if public, written. */
#include "driver/p11/p11.h"

#include <stdlib.h>

/* What key->loaded points to: made once, and filled anew under device->lock when the connection is another. */
struct loaded {
	_Atomic uint64_t connection;
	_Atomic CK_OBJECT_HANDLE handle;
	bool ours;                      /* an object that goes with the key */
};

/* -- loading ------------------------------------------------------------------------ */

static enum hufu_err write_public(struct hufu_lease *lease, const struct hufu_key *key, CK_OBJECT_HANDLE *handle)
{
	struct hufu_device *device = lease->device;
	struct p11_public pub;
	enum hufu_err err = p11_public_template(device, key->type, key->blob, key->blob_len, &pub);

	if (err != HUFU_OK)
		return err;
	return p11_answer(lease, P11_CALL(device->module, C_CreateObject, device->keeper, pub.templ.list, pub.templ.n, handle));
}

static enum hufu_err have_locked(struct hufu_lease *lease, const struct hufu_key *key, CK_OBJECT_HANDLE *handle, bool *ours)
{
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;

	if (!p11_key_kind(lease->device, key->type, &object_class, &key_type))
		return HUFU_ERR_KEY_TYPE;
	*ours = key->copy_kind != HUFU_COPY_INDEX;
	if (key->copy_kind == HUFU_COPY_INDEX)
		return p11_resident_locked(lease, key, handle);
	if (key->copy_kind != HUFU_COPY_BLOB || !key->blob)
		return HUFU_ERR_NO_KEY;
	return object_class == CKO_PUBLIC_KEY ? write_public(lease, key, handle) : p11_unwrap_locked(lease, key, handle);
}

static enum hufu_err load_locked(struct hufu_lease *lease, struct hufu_key *key, CK_OBJECT_HANDLE *handle)
{
	struct loaded *loaded = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE);
	bool ours;

	if (atomic_load(&lease->device->connection) != lease->connection) {
		lease->lost = true;
		return HUFU_ERR_GONE;
	}
	if (loaded && atomic_load(&loaded->connection) == lease->connection) { /* another lease was faster */
		*handle = atomic_load(&loaded->handle);
		return HUFU_OK;
	}
	if (!loaded && !(loaded = calloc(1, sizeof(*loaded))))
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = have_locked(lease, key, handle, &ours);
	if (err == HUFU_OK) {
		loaded->ours = ours;
		atomic_store(&loaded->handle, *handle);
		atomic_store(&loaded->connection, lease->connection);
	}
	__atomic_store_n(&key->loaded, loaded, __ATOMIC_RELEASE);
	return err;
}

enum hufu_err p11_key_load(struct hufu_lease *lease, struct hufu_key *key, CK_OBJECT_HANDLE *handle)
{
	struct loaded *loaded = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE);

	if (loaded && atomic_load(&loaded->connection) == lease->connection) {
		*handle = atomic_load(&loaded->handle);
		return HUFU_OK;
	}
	pthread_mutex_lock(&lease->device->lock);
	enum hufu_err err = load_locked(lease, key, handle);
	pthread_mutex_unlock(&lease->device->lock);
	return err;
}

static struct loaded *take(struct hufu_key *key)
{
	return __atomic_exchange_n(&key->loaded, NULL, __ATOMIC_ACQ_REL);
}

/* An object of a connection that is gone went with it. */
enum hufu_err p11_evict(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	struct loaded *loaded = op->key ? take(op->key) : NULL;

	(void)offer;
	if (!loaded)
		return HUFU_OK;
	pthread_mutex_lock(&device->lock);
	if (loaded->ours && atomic_load(&loaded->connection) != 0 &&
	    atomic_load(&loaded->connection) == atomic_load(&device->connection))
		(void)P11_CALL(device->module, C_DestroyObject, device->keeper, atomic_load(&loaded->handle));
	pthread_mutex_unlock(&device->lock);
	free(loaded);
	return HUFU_OK;
}

void p11_forget(struct hufu_key *key)
{
	free(take(key));
}
