/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: made, taken in, opened, forgotten. What the standard has no call for is left to the vendor's extra ones. */
#include "driver/sdf/sdf.h"

#include "sm/sm2.h"

#define SM4_NBITS 128

/* -- room for what a device wraps ---------------------------------------------------- */

/* In ECB a key's length, with an IV and padding two blocks more; 96 bytes before it under a pair. */
#define WRAPPED_MAX (SDF_KEY_MAX + 128)

/* Under a pair, a key is as long as the library's ciphertext has room. */
static enum hufu_err check_cipher_room(const struct hufu_device *device, size_t len)
{
	return len <= device_cipher_max(device) ? HUFU_OK : HUFU_ERR_KEY_SIZE;
}

/* HUFU_ERR_UNSUPPORTED: with such a key the device could do nothing. */
static enum hufu_err check_secret(const struct hufu_device *device, enum hufu_key_type type, size_t len)
{
	switch (type) {
	case HUFU_KEY_SM4:
		if (!device_can(device, SDF_CAN_CRYPT))
			return HUFU_ERR_UNSUPPORTED;
		return len == SM4_NBITS / 8 ? HUFU_OK : HUFU_ERR_KEY_SIZE;
	case HUFU_KEY_SECRET:
		if (!device_can(device, SDF_CAN_HMAC))
			return HUFU_ERR_UNSUPPORTED;
		return len >= 1 && len <= SDF_KEY_MAX ? HUFU_OK : HUFU_ERR_KEY_SIZE;
	case HUFU_KEY_SM2_PRIVATE:
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_ZUC:
	case HUFU_KEY_AES:
	case HUFU_KEY_DES3:
	case HUFU_KEY_RSA_PRIVATE:
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PRIVATE:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PRIVATE:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PRIVATE:
	case HUFU_KEY_MONTGOMERY_PUBLIC:
		break;
	}
	return HUFU_ERR_UNSUPPORTED;
}

/* -- symmetric keys made by the device -------------------------------------------------- */

static bool offers_under_kek(const struct hufu_device *device)
{
	return device->settings.kek_index && device_can(device, SDF_CAN_GENERATE_KEK) && device_can(device, SDF_CAN_IMPORT_KEK);
}

static bool offers_under_ipk(const struct hufu_device *device)
{
	return device->settings.isk_index && device_can(device, SDF_CAN_GENERATE_IPK) && device_can(device, SDF_CAN_IMPORT_ISK);
}

static bool offers_generate(const struct hufu_device *device)
{
	return offers_under_kek(device) || offers_under_ipk(device);
}

static bool offers_generate_sm4(const struct hufu_device *device)
{
	return offers_generate(device) && device_can(device, SDF_CAN_CRYPT);
}

static bool offers_generate_secret(const struct hufu_device *device)
{
	return offers_generate(device) && device_can(device, SDF_CAN_HMAC);
}

/* Can SM4 keys come to be here at all? */
bool offers_symmetric(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_CRYPT) &&
	       (device_can(device, SDF_CAN_IMPORT_KEK) || device_can(device, SDF_CAN_IMPORT_ISK));
}

static enum hufu_err generate_secret_key(struct hufu_lease *lease, struct hufu_op *op, size_t len)
{
	const struct hufu_device *device = lease->device;
	bool under_kek = offers_under_kek(device);
	uint8_t wrapped[WRAPPED_MAX];
	struct copy copy = {under_kek ? COPY_UNDER_KEK : COPY_UNDER_ISK,
	                    under_kek ? device->settings.kek_index : device->settings.isk_index, wrapped, 0};
	void *handle;
	enum hufu_err err = under_kek ? HUFU_OK : check_cipher_room(device, len);

	if (err != HUFU_OK)
		return err;
	handles_make_room(lease);
	err = (under_kek ? sdf_generate_kek : sdf_generate_ipk)(lease->session, copy.index, (uint32_t)(8 * len), wrapped,
	                                                        sizeof(wrapped), &copy.len, &handle);

	if (err != HUFU_OK)
		return err;
	handles_destroy(lease, handle);
	return copy.len <= sizeof(wrapped) ? copy_give(op, &copy) : HUFU_ERR_CORRUPT;
}

static enum hufu_err generate_sm4(struct hufu_lease *lease, struct hufu_op *op)
{
	if (op->new_type != HUFU_KEY_SM4)
		return HUFU_ERR_KEY_TYPE;
	if (op->new_len && op->new_len != SM4_NBITS / 8)
		return HUFU_ERR_KEY_SIZE;
	return generate_secret_key(lease, op, SM4_NBITS / 8);
}

static enum hufu_err generate_secret(struct hufu_lease *lease, struct hufu_op *op)
{
	if (op->new_type != HUFU_KEY_SECRET)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = check_secret(lease->device, op->new_type, op->new_len);
	return err == HUFU_OK ? generate_secret_key(lease, op, op->new_len) : err;
}

/* -- pairs, by a vendor's extra calls ------------------------------------------------------- */

static enum hufu_err say_no_pairs(struct hufu_device *device, const char *why)
{
	if (!atomic_exchange(&device->said_pairs, true))
		device->host->log(HUFU_LOG_WARNING, device->name,
		                  "no SM2 pair is made or taken in: %s. Pairs are made with the vendor's "
		                  "management tool; hufu shows them then", why);
	return HUFU_ERR_UNSUPPORTED;
}

static bool reserve(struct hufu_device *device, uint32_t index)
{
	pthread_mutex_lock(&device->lock);
	bool free_here = !index_in(&device->making, index);
	index_add(&device->making, index);
	pthread_mutex_unlock(&device->lock);
	return free_here;
}

static void unreserve(struct hufu_device *device, uint32_t index)
{
	pthread_mutex_lock(&device->lock);
	index_drop(&device->making, index);
	pthread_mutex_unlock(&device->lock);
}

/* KEYERR is what some call KEYNOTEXIST; an index beyond the device's, or with a key of another kind or curve, is not free. */
static enum hufu_err is_free(struct hufu_lease *lease, uint32_t index, enum sdf_usage usage, bool *is)
{
	uint8_t point[SDF_POINT_LEN];
	enum hufu_err err = sdf_export_ecc(lease->session, index, usage, point);

	*is = err == HUFU_ERR_NO_KEY || err == HUFU_ERR_KEY_VALUE;
	if (hufu_err_group(err) == HUFU_GROUP_CORRUPT && !lease->session->dead)
		return HUFU_OK;
	return *is || hufu_err_group(err) == HUFU_GROUP_CALLER ? HUFU_OK : err;
}

/* The next configured index that has neither pair. Reserved, so that two leases do not both take it; 0: there is none. */
static enum hufu_err find_free(struct hufu_lease *lease, uint32_t *index)
{
	struct hufu_device *device = lease->device;

	for (uint32_t i = *index + 1; i <= SDF_INDEX_MAX; i++) {
		bool is = false;

		if (!index_in(&device->settings.indexes, i) || !reserve(device, i))
			continue;
		enum hufu_err err = is_free(lease, i, SDF_USAGE_SIGN, &is);
		if (err == HUFU_OK && is)
			err = is_free(lease, i, SDF_USAGE_ENCRYPT, &is);
		if (err == HUFU_OK && is) {
			*index = i;
			return HUFU_OK;
		}
		unreserve(device, i);
		if (err != HUFU_OK)
			return err;
	}
	*index = 0;
	return HUFU_OK;
}

static bool pair_permanent(const struct hufu_device *device)
{
	(void)device;
	return true;
}

/* It may have been made all the same. */
static bool effect_is_unknown(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_LOST || hufu_err_group(err) == HUFU_GROUP_CORRUPT;
}

/* There is a key by now: another process was quicker, and nothing was done. */
static bool is_taken(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_CALLER;
}

static bool has_time(const struct hufu_lease *lease, const struct hufu_op *op)
{
	return !op->deadline_ns || lease->device->host->now_ns() < op->deadline_ns;
}

/*
 * What became of a pair that the call may have made: the index is looked at, in another session if that one died. Where it
 * has none, nothing was done, and others may be asked. err stands where it cannot be seen.
 */
static enum hufu_err look_at_made(struct hufu_lease *lease, struct hufu_op *op, uint32_t index, enum sdf_usage usage,
                                  uint8_t point[SDF_POINT_LEN], enum hufu_err err)
{
	bool died = lease->session->dead;

	if (!has_time(lease, op) || lease_ready(lease, op->deadline_ns) != HUFU_OK)
		return err;
	enum hufu_err seen = sdf_export_ecc(lease->session, index, usage, point);
	if (seen == HUFU_ERR_NO_KEY)
		return died ? HUFU_ERR_GONE : HUFU_ERR_NO_KEY;
	return seen == HUFU_OK ? HUFU_OK : err;
}

/* What makes a pair signs with it: an encryption pair comes from a key centre (GM/T 0034), by import. */
static enum hufu_err make_pair(struct hufu_lease *lease, struct hufu_op *op, uint32_t index, const uint8_t *own)
{
	uint8_t point[SDF_POINT_LEN];
	struct copy copy = {COPY_SIGN, index, point, sizeof(point)};
	enum hufu_err err = sdf_make_pair(lease->session, index, SDF_USAGE_SIGN, point);

	(void)own;
	if (effect_is_unknown(err))
		err = look_at_made(lease, op, index, SDF_USAGE_SIGN, point, err);
	if (err == HUFU_OK)
		err = copy_give(op, &copy);
	if (err == HUFU_OK)
		soft_give_public(op, point, sizeof(point));
	return err;
}

/* own: the point of a pair that is there already, and is taken in. */
typedef enum hufu_err (*place_fn)(struct hufu_lease *, struct hufu_op *, uint32_t index, const uint8_t own[SDF_POINT_LEN]);

/* At the first index that is free, and that the device takes for it. */
static enum hufu_err place_pair(struct hufu_lease *lease, struct hufu_op *op, place_fn place, const uint8_t *own)
{
	struct hufu_device *device = lease->device;
	uint32_t index = 0;
	enum hufu_err err;

	do {
		err = find_free(lease, &index);
		if (err != HUFU_OK)
			return err;
		if (!index)
			return say_no_pairs(device, "all of the configured indexes are taken");
		err = place(lease, op, index, own);
		unreserve(device, index);
	} while (is_taken(err) && has_time(lease, op));
	return err;
}

static bool offers_pairs(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_MAKE_PAIR);
}

static enum hufu_err generate_pair(struct hufu_lease *lease, struct hufu_op *op)
{
	struct copy like = {.len = SDF_POINT_LEN};

	if (op->new_type != HUFU_KEY_SM2_PRIVATE)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = soft_room(op, copy_len(&like));
	return err == HUFU_OK ? place_pair(lease, op, make_pair, NULL) : err;
}

/* -- keys in the clear, taken in --------------------------------------------------------------- */

static int fill(void *arg, uint8_t *out, size_t len)
{
	const struct hufu_host *host = arg;

	return host->random(out, len) == HUFU_OK ? 0 : -1;
}

/* Encrypted here to the device's key: in the clear it does not travel through the vendor's library. */
static enum hufu_err import_secret(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	struct sm2_random random = {.fill = fill, .arg = (void *)(uintptr_t)device->host};
	uint8_t wrapped[SDF_KEY_MAX + SM2_CIPHER_OVERHEAD];
	struct copy copy = {COPY_UNDER_ISK, device->settings.isk_index, wrapped + 1, op->in_len + SM2_CIPHER_OVERHEAD - 1};
	enum hufu_err err = check_secret(device, op->new_type, op->in_len);

	if (err != HUFU_OK)
		return err;
	if (!device->has_isk) {
		if (!atomic_exchange(&device->said_import, true))
			device->host->log(HUFU_LOG_WARNING, device->name,
			                  "keys in the clear are not taken in: isk_index is not set, or of "
			                  "no use. Set it to an index with an encryption pair");
		return HUFU_ERR_UNSUPPORTED;
	}
	err = check_cipher_room(device, op->in_len);
	if (err == HUFU_OK)
		err = soft_room(op, copy_len(&copy));
	if (err == HUFU_OK)
		err = soft_sm2_err(sm2_encrypt(&device->isk, op->in, op->in_len, &random, wrapped));
	return err == HUFU_OK ? copy_give(op, &copy) : err;
}

static enum hufu_err import_public(struct hufu_op *op)
{
	struct sm2_public public;

	if (op->in_len != SDF_POINT_LEN)
		return HUFU_ERR_KEY_SIZE;
	if (sm2_public_init(&public, op->in) != SM2_OK)
		return HUFU_ERR_KEY_VALUE;
	enum hufu_err err = soft_room(op, SDF_POINT_LEN);
	if (err != HUFU_OK)
		return err;
	memcpy(op->out, op->in, SDF_POINT_LEN);
	soft_give_public(op, op->in, SDF_POINT_LEN);
	return HUFU_OK;
}

static enum hufu_err import_half(struct hufu_lease *lease, struct hufu_op *op, uint32_t index, enum sdf_usage usage,
                                 const uint8_t own[SDF_POINT_LEN])
{
	uint8_t point[SDF_POINT_LEN];
	enum hufu_err err = sdf_import_pair(lease->session, index, usage, op->in);

	if (!effect_is_unknown(err))
		return err;
	err = look_at_made(lease, op, index, usage, point, err);
	return err == HUFU_OK && memcmp(point, own, sizeof(point)) != 0 ? HUFU_ERR_CORRUPT : err;
}

/* Into both places: what it may be used for, its attributes say and not where it lies. */
static enum hufu_err import_both(struct hufu_lease *lease, struct hufu_op *op, uint32_t index, const uint8_t point[SDF_POINT_LEN])
{
	const struct hufu_device *device = lease->device;
	enum hufu_err err = import_half(lease, op, index, SDF_USAGE_SIGN, point);

	if (err != HUFU_OK)
		return err;
	err = import_half(lease, op, index, SDF_USAGE_ENCRYPT, point);
	if (err == HUFU_OK)
		return HUFU_OK;
	device->host->log(HUFU_LOG_ERROR, device->name, "a pair was taken in by half: it signs at index %u, and no token knows it. "
	                  "Delete it with the vendor's management tool", (unsigned)index);
	return HUFU_ERR_LOST; /* half is done: it goes nowhere else */
}

static enum hufu_err import_at(struct hufu_lease *lease, struct hufu_op *op, uint32_t index, const uint8_t own[SDF_POINT_LEN])
{
	struct copy copy = {COPY_PAIR, index, own, SDF_POINT_LEN};
	enum hufu_err err = import_both(lease, op, index, own);

	if (err == HUFU_OK)
		err = copy_give(op, &copy);
	if (err == HUFU_OK)
		soft_give_public(op, own, SDF_POINT_LEN);
	return err;
}

static enum hufu_err import_pair(struct hufu_lease *lease, struct hufu_op *op)
{
	struct copy like = {.len = SDF_POINT_LEN};
	struct sm2_private private;
	uint8_t point[SDF_POINT_LEN];

	if (!device_can(lease->device, SDF_CAN_IMPORT_PAIR))
		return say_no_pairs(lease->device, "GM/T 0018 has no call for it, and the profile names none of the vendor's");
	if (op->in_len != SM2_SCALAR_LEN)
		return HUFU_ERR_KEY_SIZE;
	enum hufu_err err = soft_room(op, copy_len(&like));
	if (err == HUFU_OK)
		err = soft_sm2_err(sm2_private_init(&private, op->in));
	if (err != HUFU_OK)
		return err;
	memcpy(point, private.point, sizeof(point));
	secret_wipe(&private, sizeof(private));
	return place_pair(lease, op, import_at, point);
}

/* Of what is taken in, only pairs stay: the pool tells them from the rest. */
static bool import_permanent(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_IMPORT_PAIR);
}

static bool offers_import(const struct hufu_device *device)
{
	return device->has_isk || device_can(device, SDF_CAN_IMPORT_PAIR);
}

static enum hufu_err import(struct hufu_lease *lease, struct hufu_op *op)
{
	if (!op->in)
		return HUFU_ERR_ARGUMENT;
	if (op->new_type == HUFU_KEY_SM2_PRIVATE)
		return import_pair(lease, op);
	return op->new_type == HUFU_KEY_SM2_PUBLIC ? import_public(op) : import_secret(lease, op);
}

/* -- keys that others have wrapped ----------------------------------------------------------------- */

static bool offers_unwrap_isk(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_IMPORT_ISK);
}

static bool offers_unwrap_kek(const struct hufu_device *device)
{
	const uint32_t *alg = device->profile->alg;

	/* GM/T 0018-2023 wraps in ECB; that of 2012 leaves it to the vendor. */
	return device_can(device, SDF_CAN_IMPORT_KEK) && alg[SDF_ALG_KEK] && alg[SDF_ALG_KEK] == alg[SDF_ALG_SM4_ECB];
}

/* It is opened once, to see whether it opens; the copy is what came. */
static enum hufu_err keep_as(struct hufu_lease *lease, struct hufu_op *op, const struct copy *copy, enum hufu_copy_kind kind)
{
	enum hufu_err err = soft_room(op, copy_len(copy));

	if (err == HUFU_OK)
		err = handles_try(lease, copy);
	if (err == HUFU_OK)
		err = copy_give(op, copy);
	if (err == HUFU_OK)
		op->copy_kind = kind;
	return err;
}

/* 04 || x || y || C3 || C2, for the encryption pair: any device with that pair opens it again. */
static enum hufu_err unwrap_sm2(struct hufu_lease *lease, struct hufu_op *op)
{
	struct sm2_public c1;
	struct copy key, copy = {.form = COPY_UNDER_ISK};

	if (!op->in || op->in_len <= SM2_CIPHER_OVERHEAD)
		return HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = check_secret(lease->device, op->new_type, op->in_len - SM2_CIPHER_OVERHEAD);
	if (err == HUFU_OK)
		err = check_cipher_room(lease->device, op->in_len - SM2_CIPHER_OVERHEAD);
	if (err != HUFU_OK)
		return err;
	/* GB/T 32918.4 7.1 B1, before a card sees it: a point of another curve asks it for parts of its key. */
	if (op->in[0] != 4 || sm2_public_init(&c1, op->in + 1) != SM2_OK)
		return HUFU_ERR_CIPHERTEXT;
	err = index_key(lease, op, &key);
	if (err == HUFU_OK && key.form != COPY_ENCRYPT && key.form != COPY_PAIR)
		err = HUFU_ERR_NO_KEY;
	if (err != HUFU_OK)
		return err;
	copy.index = key.index;
	copy.bytes = op->in + 1;
	copy.len = op->in_len - 1;
	return keep_as(lease, op, &copy, HUFU_COPY_RECIPE);
}

/* In ECB, as the device's own under the same KEK: its length is the key's. */
static enum hufu_err unwrap_kek(struct hufu_lease *lease, struct hufu_op *op)
{
	struct copy key, copy = {.form = COPY_UNDER_KEK, .bytes = op->in, .len = op->in_len};

	if (!op->in || !op->in_len || op->in_len % SDF_BLOCK_LEN)
		return HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = check_secret(lease->device, op->new_type, op->in_len);
	if (err == HUFU_OK)
		err = index_key(lease, op, &key);
	if (err == HUFU_OK && key.form != COPY_KEK)
		err = HUFU_ERR_NO_KEY;
	if (err != HUFU_OK)
		return err;
	copy.index = key.index;
	return keep_as(lease, op, &copy, HUFU_COPY_BLOB);
}

/* -- random numbers ------------------------------------------------------------------------------------ */

static bool offers_random(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_RANDOM);
}

static enum hufu_err random_bytes(struct hufu_lease *lease, struct hufu_op *op)
{
	op->out_len = op->out_cap;
	return op->out_cap ? sdf_random(lease->session, op->out, op->out_cap) : HUFU_OK;
}

static bool offers_rights(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_RIGHTS);
}

const struct sdf_row sdf_key_rows[] = {
	{0, HUFU_VERB_RANDOM, 0, offers_random, random_bytes, 0, 0, NULL, NULL},
	{0, HUFU_VERB_EVICT, 0, NULL, handles_op_evict, 0, 0, NULL, NULL},
	{0, HUFU_VERB_FIND, 0, NULL, resident_find, 0, 0, NULL, NULL},
	{0, HUFU_VERB_LOGIN, 0, offers_rights, rights_login, 0, 0, NULL, NULL},
	{0, HUFU_VERB_LOGOUT, 0, offers_rights, rights_logout, 0, 0, NULL, NULL},
	{0, HUFU_VERB_IMPORT, 0, offers_import, import, 0, 0, NULL, import_permanent},
	{CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, offers_pairs, generate_pair, 256, 256, NULL, pair_permanent},
	{CKM_HUFU_SM4_KEY_GEN, HUFU_VERB_GENERATE, 0, offers_generate_sm4, generate_sm4, 128, 128, NULL, NULL},
	{CKM_HUFU_SM3_KEY_GEN, HUFU_VERB_GENERATE, 0, offers_generate_secret, generate_secret, 8, 8 * SDF_KEY_MAX, NULL, NULL},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_UNWRAP, HUFU_KEY_SM2_PRIVATE, offers_unwrap_isk, unwrap_sm2, 256, 256, NULL, NULL},
	{CKM_HUFU_SM4_ECB, HUFU_VERB_UNWRAP, HUFU_KEY_SM4, offers_unwrap_kek, unwrap_kek, 128, 128, NULL, NULL},
	{0, 0, 0, NULL, NULL, 0, 0, NULL, NULL},
};
