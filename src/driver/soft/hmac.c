/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC with every hash function (GB/T 15852.2, FIPS 198-1), whole, and in parts where the hash's state can be saved. */
#include "driver/soft/state.h"

#include "crypto/mechanism.h"

/* A secret is a key of HMAC under any hash: each form is made when it is first asked for. */
struct secret {
	struct hmac_key *keys[HASH_COUNT]; /* of secret_alloc, or NULL */
};

struct mac {
	enum hash_id hash;
	const struct hmac_key *key;
	struct hmac hmac;
	size_t len;
};

/* -- keys ------------------------------------------------------------------ */

static void forget_key(struct hmac_key *key)
{
	if (key)
		hmac_key_clear(key);
	secret_free(key);
}

static enum hufu_err expand(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	(void)kind;
	(void)key;
	(void)loaded; /* nothing yet */
	return HUFU_OK;
}

static void forget(void *loaded)
{
	struct secret *secret = loaded;

	for (size_t i = 0; i < HASH_COUNT; i++)
		forget_key(secret->keys[i]);
}

const struct soft_kind soft_secret_kinds[] = {
	{HUFU_KEY_SECRET, 1, SOFT_SECRET_MAX, sizeof(struct secret), expand, forget, NULL, false},
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

/* Several leases may come here at once: the first to publish wins. */
static enum hufu_err make_key(const struct hufu_key *key, enum hash_id hash, struct hmac_key **slot, struct hmac_key **out)
{
	struct hmac_key *mine = secret_alloc(sizeof(*mine)), *other = NULL;
	enum hufu_err err = mine ? hmac_key_init(mine, hash, key->blob, key->blob_len) : HUFU_ERR_NO_MEMORY;

	if (err != HUFU_OK) {
		secret_free(mine);
		return err;
	}
	if (!__atomic_compare_exchange_n(slot, &other, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		forget_key(mine);
		mine = other;
	}
	*out = mine;
	return HUFU_OK;
}

static enum hufu_err load(const struct hufu_host *host, const struct hufu_op *op, enum hash_id hash, const struct hmac_key **out)
{
	const void *loaded;
	enum hufu_err err = soft_load(host, op->key, &loaded);

	if (err != HUFU_OK)
		return err;
	struct hmac_key **slot = &((struct secret *)(uintptr_t)loaded)->keys[hash];
	struct hmac_key *found = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	if (!found)
		err = make_key(op->key, hash, slot, &found);
	*out = found;
	return err;
}

/* -- the MAC ---------------------------------------------------------------- */

static enum hufu_err start(const struct hufu_op *op, struct mac *mac)
{
	const struct hufu_param_mac *param = op->param;

	mac->len = param ? param->mac_len : hash_len(mac->hash);
	if (mac->len < 1 || mac->len > hash_len(mac->hash))
		return HUFU_ERR_PARAM;
	return hmac_init(&mac->hmac, mac->key);
}

static enum hufu_err save(struct hufu_op *op, const struct mac *mac)
{
	uint8_t inner[HASH_STATE_MAX];
	size_t len = hash_export(&mac->hmac.inner, inner);

	if (!len)
		return HUFU_ERR_UNSUPPORTED;
	state_begin(op);
	put_u8(op, (uint8_t)mac->len);
	put_bytes(op, inner, len);
	secret_wipe(inner, sizeof(inner));
	return HUFU_OK;
}

/* The outer half comes from the key. */
static enum hufu_err restore(const struct hufu_op *op, struct mac *mac)
{
	struct reader r = state_read(op);

	mac->len = read_u8(&r);
	size_t len = r.left;
	const uint8_t *inner = read_bytes(&r, len);
	if (!reader_done(&r) || mac->len < 1 || mac->len > hash_len(mac->hash))
		return HUFU_ERR_DATA;
	return hash_import(&mac->hmac.inner, mac->hash, inner, len) ? HUFU_OK : HUFU_ERR_DATA;
}

static enum hufu_err finish(struct hufu_op *op, struct mac *mac)
{
	uint8_t digest[HASH_LEN_MAX];
	enum hufu_err err = hmac_final(&mac->hmac, mac->key, digest);

	if (err == HUFU_OK)
		err = soft_give_mac(op, digest, mac->len);
	secret_wipe(digest, sizeof(digest));
	return err;
}

static enum hufu_err hmac(const struct hufu_host *host, struct hufu_op *op)
{
	struct mac mac = {.hash = hash_of_hmac(op->mechanism)};

	if (op->in_len && !op->in)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = load(host, op, mac.hash, &mac.key);
	if (err == HUFU_OK)
		err = soft_starts(op) ? start(op, &mac) : restore(op, &mac);
	if (err == HUFU_OK) {
		hmac_update(&mac.hmac, op->in, op->in_len);
		err = soft_ends(op) ? finish(op, &mac) : save(op, &mac);
	}
	hmac_clear(&mac.hmac);
	return err;
}

#define HMAC(mechanism, in_parts) \
	{mechanism, HUFU_VERB_SIGN, HUFU_KEY_SECRET, in_parts, hmac, 8, 8 * SOFT_SECRET_MAX}, \
	{mechanism, HUFU_VERB_VERIFY, HUFU_KEY_SECRET, in_parts, hmac, 8, 8 * SOFT_SECRET_MAX}

const struct soft_row soft_hmac_rows[] = {
	HMAC(CKM_HUFU_SM3_HMAC, true),
	HMAC(CKM_SHA_1_HMAC, true),
	HMAC(CKM_SHA224_HMAC, true),
	HMAC(CKM_SHA256_HMAC, true),
	HMAC(CKM_SHA384_HMAC, true),
	HMAC(CKM_SHA512_HMAC, true),
	HMAC(CKM_SHA512_224_HMAC, true),
	HMAC(CKM_SHA512_256_HMAC, true),
	HMAC(CKM_SHA3_224_HMAC, false),
	HMAC(CKM_SHA3_256_HMAC, false),
	HMAC(CKM_SHA3_384_HMAC, false),
	HMAC(CKM_SHA3_512_HMAC, false),
	{0, 0, 0, false, NULL, 0, 0},
};
