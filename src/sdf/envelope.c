/* SPDX-License-Identifier: Apache-2.0 */
/* Session keys on their way: to and from an SM2 key (GM/T 0018-2023 6.3.8 to 6.3.10), from one to another (2012, 6.3.15). */
#include "base/secret.h"
#include "sdf/internal.h"

/* A key that was made, in the envelope and under a handle; both or none. */
static int generate_to_point(struct face_session *session, struct session *s, const uint8_t point[64], unsigned int nbits,
                             ECCCipher *out, void **handle)
{
	uint8_t *value;
	size_t len;
	if (!out || !handle)
		return SDR_OUTARGERR;
	int result = key_random(s, nbits, &value, &len);
	if (result != SDR_OK)
		return result;
	result = encrypt_to_point(session, s, point, value, len, out);
	if (result == SDR_OK)
		result = key_new(session, value, len, handle);
	secret_free(value);
	return result;
}

int sdf_face_generate_key_with_ipk_ecc(void *session_handle, unsigned int index, unsigned int nbits, ECCCipher *key, void **handle)
{
	uint8_t point[64];
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = point_of_index(s, index, ROLE_ENCRYPT, point);
	if (result == SDR_OK)
		result = generate_to_point(session, s, point, nbits, key, handle);
	return face_end(session, s, result);
}

int sdf_face_generate_key_with_epk_ecc(void *session_handle, unsigned int nbits, unsigned int alg, ECCrefPublicKey *public_key,
                                       ECCCipher *key, void **handle)
{
	uint8_t point[64];
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	if (!alg_is_sm2(alg, SGD_SM2_3))
		result = SDR_ALGNOTSUPPORT;
	else
		result = public_key ? point_read(public_key, point) : SDR_INARGERR;
	if (result == SDR_OK)
		result = generate_to_point(session, s, point, nbits, key, handle);
	return face_end(session, s, result);
}

static int import(struct face_session *session, struct session *s, unsigned int index, const ECCCipher *key, void **handle)
{
	uint8_t *value;
	size_t len;
	if (!key)
		return SDR_INARGERR;
	if (!handle)
		return SDR_OUTARGERR;
	int result = index_decrypt(session, s, index, key, &value, &len);
	if (result != SDR_OK)
		return result;
	result = key_new(session, value, len, handle);
	secret_free(value);
	return result;
}

int sdf_face_import_key_with_isk_ecc(void *session_handle, unsigned int index, ECCCipher *key, void **handle)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, import(session, s, index, key, handle));
}

/* The key is never the caller's in between. */
static int exchange(struct face_session *session, struct session *s, unsigned int index, const ECCrefPublicKey *public_key,
                    const ECCCipher *in, ECCCipher *out)
{
	uint8_t point[64], *value;
	size_t len;
	if (!public_key || !in)
		return SDR_INARGERR;
	if (!out)
		return SDR_OUTARGERR;
	int result = point_read(public_key, point);
	if (result == SDR_OK)
		result = index_decrypt(session, s, index, in, &value, &len);
	if (result != SDR_OK)
		return result;
	result = encrypt_to_point(session, s, point, value, len, out);
	secret_free(value);
	return result;
}

int sdf_face_exchange_digit_envelope_base_on_ecc(void *handle, unsigned int index, unsigned int alg, ECCrefPublicKey *public_key,
                                                 ECCCipher *in, ECCCipher *out)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = alg_is_sm2(alg, SGD_SM2_3) ? exchange(session, s, index, public_key, in, out) : SDR_ALGNOTSUPPORT;
	return face_end(session, s, result);
}
