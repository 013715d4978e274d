/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption and decryption (GM/T 0018-2023 6.5.1, 6.5.2, 6.5.6 to 6.5.11). Nothing is padded. */
#include "base/secret.h"
#include "sdf/symmetric.h"

#include <string.h>

/* -- at once ------------------------------------------------------------------------------ */

static void count_on(uint8_t counter[BLOCK], size_t nblocks)
{
	uint64_t carry = nblocks;
	for (size_t i = BLOCK; i-- > 0 && carry;) {
		carry += counter[i];
		counter[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* last_in: the last block of input, which output may have overwritten. */
static void chain_on(enum chain chain, enum op_kind kind, uint8_t iv[BLOCK], const uint8_t last_in[BLOCK], const uint8_t *out,
                     size_t len)
{
	const uint8_t *last_out = out + len - BLOCK;
	switch (chain) {
	case CHAIN_NONE: break;
	case CHAIN_CIPHERTEXT: memcpy(iv, kind == OP_ENCRYPT ? last_out : last_in, BLOCK); break;
	case CHAIN_KEYSTREAM:
		for (size_t i = 0; i < BLOCK; i++)
			iv[i] = last_in[i] ^ last_out[i];
		break;
	case CHAIN_COUNTER: count_on(iv, len / BLOCK); break;
	}
}

static int run_once(struct session *s, enum op_kind kind, const struct cipher_alg *alg, CK_OBJECT_HANDLE key, unsigned char *iv,
                    const uint8_t *in, size_t len, unsigned char *out)
{
	struct cipher_mech c;
	uint8_t last_in[BLOCK];
	CK_ULONG n = len;
	int result = cipher_mech_set(&c, alg, iv, alg->iv_len);
	if (result != SDR_OK)
		return result;
	if (alg->chain != CHAIN_NONE)
		memcpy(last_in, in + len - BLOCK, BLOCK);
	CK_RV rv = crypt_init(s, kind, &c.m, key);
	if (rv == CKR_OK)
		rv = crypt_once(s, kind, in, len, out, &n);
	if (rv == CKR_OK && alg->chain != CHAIN_NONE)
		chain_on(alg->chain, kind, iv, last_in, out, len);
	return sdr_of(rv, SDR_SYMOPERR);
}

int cipher_once(struct session *s, enum op_kind kind, const struct cipher_alg *alg, CK_OBJECT_HANDLE key, unsigned char *iv,
                const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len)
{
	if (!in || len == 0 || len % alg->unit)
		return SDR_INARGERR;
	if (!out_len)
		return SDR_OUTARGERR;
	if (!out) {
		*out_len = (unsigned int)len;
		return SDR_OK;
	}
	int result = check_room(out_len, len);
	return result == SDR_OK ? run_once(s, kind, alg, key, iv, in, len, out) : result;
}

static int once(void *handle, enum op_kind kind, void *key, unsigned int id, unsigned char *iv, const uint8_t *in, size_t len,
                unsigned char *out, unsigned int *out_len)
{
	const struct cipher_alg *alg;
	CK_OBJECT_HANDLE object;
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = cipher_alg_find(id, &alg);
	if (result == SDR_OK)
		result = key_object(session, s, key, alg->key_type, &object);
	if (result == SDR_OK)
		result = cipher_once(s, kind, alg, object, iv, in, len, out, out_len);
	return face_end(session, s, result);
}

int sdf_face_encrypt(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *data, unsigned int data_len,
                     unsigned char *encrypted, unsigned int *encrypted_len)
{
	return once(session, OP_ENCRYPT, handle, alg, iv, data, data_len, encrypted, encrypted_len);
}

int sdf_face_decrypt(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *encrypted,
                     unsigned int encrypted_len, unsigned char *data, unsigned int *data_len)
{
	return once(session, OP_DECRYPT, handle, alg, iv, encrypted, encrypted_len, data, data_len);
}

/* -- in parts --------------------------------------------------------------------------------- */

int cipher_begin(struct session *s, enum op_kind kind, const struct cipher_alg *alg, CK_OBJECT_HANDLE key, const uint8_t *iv,
                 size_t iv_len)
{
	struct cipher_mech c;
	int result = cipher_mech_set(&c, alg, iv, iv_len);
	if (result != SDR_OK)
		return result;
	(void)crypt_init(s, kind, NULL, 0);
	return sdr_of(crypt_init(s, kind, &c.m, key), SDR_SYMOPERR);
}

static int init(void *handle, enum op_kind kind, void *key, unsigned int id, const uint8_t *iv, size_t iv_len)
{
	const struct cipher_alg *alg;
	CK_OBJECT_HANDLE object;
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	result = cipher_alg_find(id, &alg);
	if (result == SDR_OK)
		result = key_object(session, s, key, alg->key_type, &object);
	if (result == SDR_OK)
		result = cipher_begin(s, kind, alg, object, iv, iv_len);
	return face_end(session, s, result);
}

int crypt_part(struct session *s, enum op_kind kind, const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len)
{
	if (!in && len)
		return SDR_INARGERR;
	if (!out_len)
		return SDR_OUTARGERR;
	CK_ULONG n = room_of(out_len);
	CK_RV rv = crypt_update(s, kind, in, len, out, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = (unsigned int)n;
	return sdr_of(rv, SDR_SYMOPERR);
}

static int update(void *handle, enum op_kind kind, const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, crypt_part(s, kind, in, len, out, out_len));
}

/* Nothing comes but the verdict, save for EEA3, which gives whole words before. */
static int last(struct session *s, enum op_kind kind, unsigned char *out, unsigned int *out_len)
{
	uint8_t rest[BLOCK];
	CK_ULONG n = sizeof rest;
	if (!out_len)
		return SDR_OUTARGERR;
	CK_RV rv = crypt_final(s, kind, NULL, &n);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_SYMOPERR);
	if (n && !out) {
		*out_len = (unsigned int)n;
		return SDR_OK;
	}
	int result = check_room(out_len, n);
	if (result != SDR_OK)
		return result;
	n = sizeof rest;
	rv = crypt_final(s, kind, rest, &n);
	if (rv == CKR_OK && n)
		memcpy(out, rest, n);
	secret_wipe(rest, sizeof rest);
	return sdr_of(rv, SDR_SYMOPERR);
}

static int final(void *handle, enum op_kind kind, unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, last(s, kind, out, out_len));
}

int sdf_face_encrypt_init(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return init(session, OP_ENCRYPT, handle, alg, iv, iv_len);
}

int sdf_face_encrypt_update(void *session, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                            unsigned int *encrypted_len)
{
	return update(session, OP_ENCRYPT, data, data_len, encrypted, encrypted_len);
}

int sdf_face_encrypt_final(void *session, unsigned char *out, unsigned int *out_len)
{
	return final(session, OP_ENCRYPT, out, out_len);
}

int sdf_face_decrypt_init(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return init(session, OP_DECRYPT, handle, alg, iv, iv_len);
}

int sdf_face_decrypt_update(void *session, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                            unsigned int *data_len)
{
	return update(session, OP_DECRYPT, encrypted, encrypted_len, data, data_len);
}

int sdf_face_decrypt_final(void *session, unsigned char *out, unsigned int *out_len)
{
	return final(session, OP_DECRYPT, out, out_len);
}
