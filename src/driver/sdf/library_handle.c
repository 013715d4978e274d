/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018-2023 6.3: symmetric keys that a session holds, made or taken in under a key of the device. */
#include "driver/sdf/library_internal.h"

#include <string.h>

#define WRAPPED_MAX 512

void sdf_destroy_key(struct sdf_session *s, void *handle)
{
	(void)!SDF_CALL(s, DestroyKey, handle); /* a session that is dead took it along */
}

/* What a call that should have given a handle gave. */
static enum hufu_err take_handle(struct sdf_session *s, enum hufu_err err, void **handle)
{
	if (err != HUFU_OK)
		return err;
	*handle = room_handle(s);
	return *handle ? HUFU_OK : HUFU_ERR_CORRUPT;
}

/* An answer that is none: the handle that came with it goes. */
static enum hufu_err give_back(struct sdf_session *s, void **handle)
{
	uint32_t code = s->code;
	sdf_destroy_key(s, *handle);
	s->code = code;
	*handle = NULL;
	return HUFU_ERR_CORRUPT;
}

enum hufu_err sdf_generate_kek(struct sdf_session *s, uint32_t kek, uint32_t nbits, uint8_t *wrapped, size_t cap, size_t *len,
                               void **handle)
{
	uint32_t alg = alg_of(s, SDF_ALG_KEK);
	size_t room = cap < WRAPPED_MAX ? cap : WRAPPED_MAX;
	if (!alg)
		return HUFU_ERR_UNSUPPORTED;
	unsigned char *key = room_out(s, SDF_REGION_OUT, room);
	room_mark(s, key, room);
	unsigned *key_len = room_len_out(s, SDF_REGION_LEN, (uint32_t)room);
	void *slot = room_out(s, SDF_REGION_HANDLE, sizeof(void *));
	enum hufu_err err = SDF_CALL(s, GenerateKeyWithKEK, nbits, alg, kek, key, key_len, slot);
	err = take_handle(s, err, handle);
	if (err != HUFU_OK)
		return err;
	*len = room_len(s, SDF_REGION_LEN);
	if (*len < nbits / 8 || *len > room || room_is_unwritten(s, key, room))
		return give_back(s, handle);
	memcpy(wrapped, key, *len);
	return HUFU_OK;
}

enum hufu_err sdf_import_kek(struct sdf_session *s, uint32_t kek, const uint8_t *wrapped, size_t len, void **handle)
{
	uint32_t alg = alg_of(s, SDF_ALG_KEK);
	room_in(s);
	unsigned char *key = len <= WRAPPED_MAX ? room_put(s, 0, wrapped, len) : NULL;
	if (!key || !alg)
		return HUFU_ERR_UNSUPPORTED;
	void *slot = room_out(s, SDF_REGION_HANDLE, sizeof(void *));
	return take_handle(s, SDF_CALL(s, ImportKeyWithKEK, alg, kek, key, (unsigned)len, slot), handle);
}

enum hufu_err sdf_generate_ipk(struct sdf_session *s, uint32_t index, uint32_t nbits, uint8_t *wrapped, size_t cap, size_t *len,
                               void **handle)
{
	const struct sdf_profile *p = profile_of(s);
	size_t key_len = nbits / 8, size = key_len && key_len <= SDF_SM2_MAX ? cipher_size(p, key_len) : 0;
	if (!size)
		return HUFU_ERR_UNSUPPORTED;
	if (cap < 96 + key_len)
		return HUFU_ERR_BUFFER;
	void *cipher = room_out(s, SDF_REGION_OUT, size);
	void *slot = room_out(s, SDF_REGION_HANDLE, sizeof(void *));
	enum hufu_err err = take_handle(s, SDF_CALL(s, GenerateKeyWithIPK_ECC, index, nbits, cipher, slot), handle);
	if (err != HUFU_OK)
		return err;
	if (!cipher_get(p, cipher, key_len, wrapped))
		return give_back(s, handle);
	*len = 96 + key_len;
	return HUFU_OK;
}

enum hufu_err sdf_import_isk(struct sdf_session *s, uint32_t index, const uint8_t *wrapped, size_t len, void **handle)
{
	const struct sdf_profile *p = profile_of(s);
	if (len <= 96)
		return HUFU_ERR_CIPHERTEXT_LEN;
	size_t key_len = len - 96;
	if (key_len > SDF_SM2_MAX || !cipher_size(p, key_len))
		return HUFU_ERR_UNSUPPORTED;
	if (!point_is_good(wrapped))
		return HUFU_ERR_CIPHERTEXT;
	void *cipher = room_in(s);
	cipher_put(p, cipher, wrapped, key_len);
	void *slot = room_out(s, SDF_REGION_HANDLE, sizeof(void *));
	enum hufu_err err = SDF_CALL(s, ImportKeyWithISK_ECC, index, cipher, slot);
	if (err == HUFU_ERR_CORRUPT)
		return HUFU_ERR_CIPHERTEXT; /* the operation failed over what somebody sent */
	return take_handle(s, err, handle);
}

enum hufu_err sdf_import_clear(struct sdf_session *s, const uint8_t *key, size_t len, void **handle)
{
	room_in(s);
	unsigned char *copy = room_put(s, 0, key, len);
	if (!copy)
		return HUFU_ERR_UNSUPPORTED;
	void *slot = room_out(s, SDF_REGION_HANDLE, sizeof(void *));
	enum hufu_err err = SDF_CALL(s, import_key, copy, (unsigned)len, slot);
	err = take_handle(s, err, handle);
	room_wipe(s);
	return err;
}
