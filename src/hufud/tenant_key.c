/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of clients as the tenant's pool knows them. */
#include <stdlib.h>

#include "hufud/tenant_internal.h"

/* Of devices that are no software an answer is checked by it before it is released. */
static enum hufu_err set_public(struct pool_key *key, const struct tenant_copy *copy)
{
	if (copy->type == HUFU_KEY_SM2_PRIVATE)
		return copy->pub_len == SM2_POINT_LEN ? pool_key_set_point(key, copy->pub) : HUFU_OK;
	if (copy->pub_len && (copy->type == HUFU_KEY_RSA_PRIVATE || copy->type == HUFU_KEY_EC_PRIVATE ||
	                      copy->type == HUFU_KEY_EDWARDS_PRIVATE))
		return pool_key_set_public(key, copy->pub, copy->pub_len);
	return HUFU_OK;
}

static enum hufu_err open_sealed(struct tenant *tenant, const struct hufu_key *key, struct tenant_key *out)
{
	struct tenant_copy *copy;
	enum hufu_err err = tenant_open_copy(tenant, key->blob, key->blob_len, &copy);

	if (err != HUFU_OK)
		return err;
	err = HUFU_ERR_NO_KEY;
	if (copy->type == key->type)
		err = pool_key_new(tenant->pool, key->uuid, key->version, copy->type, copy->copies, copy->n, &out->key);
	if (err == HUFU_OK && (err = set_public(out->key, copy)) != HUFU_OK)
		pool_key_rele(out->key);
	out->hardware_only = copy->hardware_only || (key->hardware_only && !pool_is_software(tenant->pool)); /* as when it was made */
	if (err == HUFU_OK && out->hardware_only)
		pool_key_set_policy(out->key, true, false);
	tenant_copy_free(copy);
	return err;
}

static enum hufu_err open_key(struct tenant *tenant, const struct hufu_key *key, struct tenant_key *out)
{
	const struct pool_copy open = {.kind = HUFU_COPY_BLOB, .data = key->blob, .len = key->blob_len};

	if (key_type_is_public(key->type))
		return pool_key_new(tenant->pool, key->uuid, key->version, key->type, &open, 1, &out->key);
	return open_sealed(tenant, key, out);
}

/* -- for the cache ------------------------------------------------------------------- */

static enum hufu_err open_counted(void *arg, const struct hufu_key *key, void **value)
{
	struct tenant_key *made = calloc(1, sizeof(*made));

	if (!made)
		return HUFU_ERR_NO_MEMORY;
	atomic_init(&made->refs, 1);
	enum hufu_err err = open_key(arg, key, made);
	if (err != HUFU_OK)
		free(made);
	else
		*value = made;
	return err;
}

static void hold(void *value)
{
	struct tenant_key *key = value;

	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
}

static void rele(void *value)
{
	tenant_key_rele(value);
}

const struct key_cache_ops tenant_key_ops = {.open = open_counted, .hold = hold, .rele = rele};

enum hufu_err tenant_key_get(struct tenant *tenant, const struct hufu_key *key, struct tenant_key **out)
{
	void *value = NULL;
	enum hufu_err err = key_cache_get(tenant->keys, key, &value);

	*out = value;
	return err;
}

void tenant_key_rele(struct tenant_key *key)
{
	if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	pool_key_rele(key->key);
	free(key);
}
