/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session keys under a key encryption key (GM/T 0018-2023 6.3.14, 6.3.15): SM4 in
 * ECB, which 2012 left open. The KEK wraps and unwraps and need not encrypt, so
 * that nobody opens with it by other means what it wrapped.
 */
#include "base/secret.h"
#include "sdf/internal.h"

#define BLOCK 16u

static int check_alg(unsigned int alg)
{
	if (alg == SGD_SM4_ECB)
		return SDR_OK;
	return (alg & ~0xffu) == (SGD_SM4_ECB & ~0xffu) ? SDR_ALGMODNOTSUPPORT : SDR_ALGNOTSUPPORT;
}

/* -- out -------------------------------------------------------------------------------- */

static CK_RV wrap(struct session *s, unsigned int index, const uint8_t *value, size_t len, uint8_t *out)
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM4_ECB);
	CK_RV rv = CKR_WRAPPING_KEY_HANDLE_INVALID;
	for (int tries = 0; tries < 2 && rv == CKR_WRAPPING_KEY_HANDLE_INVALID; tries++) {
		CK_OBJECT_HANDLE kek;
		rv = index_kek(s, index, &kek);
		if (rv != CKR_OK)
			return rv;
		rv = key_wrap_bytes(s, &m, kek, value, len, out);
		if (rv == CKR_WRAPPING_KEY_HANDLE_INVALID)
			index_forget(kek);
	}
	return rv;
}

static int generate(struct face_session *session, struct session *s, unsigned int nbits, unsigned int index, unsigned char *out,
                    unsigned int *out_len, void **handle)
{
	uint8_t *value;
	size_t len;
	if (nbits % (8 * BLOCK))
		return SDR_INARGERR;
	if (!out || !out_len || !handle)
		return SDR_OUTARGERR;
	int result = key_random(s, nbits, &value, &len);
	if (result != SDR_OK)
		return result;
	result = check_room(out_len, len);
	if (result == SDR_OK)
		result = sdr_of(wrap(s, index, value, len, out), SDR_SYMOPERR);
	if (result == SDR_OK)
		result = key_new(session, value, len, handle);
	secret_free(value);
	return result;
}

int sdf_face_generate_key_with_kek(void *session_handle, unsigned int nbits, unsigned int alg, unsigned int index,
                                   unsigned char *key, unsigned int *key_len, void **handle)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_alg(alg);
	if (result == SDR_OK)
		result = generate(session, s, nbits, index, key, key_len, handle);
	return face_end(session, s, result);
}

/* -- in ----------------------------------------------------------------------------------- */

static CK_RV unwrap(struct session *s, unsigned int index, const uint8_t *in, size_t len, uint8_t *value)
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM4_ECB);
	CK_RV rv = CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	for (int tries = 0; tries < 2 && rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID; tries++) {
		CK_OBJECT_HANDLE kek;
		rv = index_kek(s, index, &kek);
		if (rv != CKR_OK)
			return rv;
		rv = key_unwrap_bytes(s, &m, kek, in, len, value);
		if (rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID)
			index_forget(kek);
	}
	return rv;
}

static int import(struct face_session *session, struct session *s, unsigned int index, const uint8_t *in, size_t len,
                  void **handle)
{
	if (!in || len == 0 || len % BLOCK || len > KEY_MAX)
		return SDR_INARGERR;
	if (!handle)
		return SDR_OUTARGERR;
	uint8_t *value = secret_alloc(len);
	CK_RV rv = value ? unwrap(s, index, in, len, value) : CKR_HOST_MEMORY;
	int result = rv == CKR_OK ? key_new(session, value, len, handle) : sdr_of(rv, SDR_SYMOPERR);
	secret_free(value);
	return result;
}

int sdf_face_import_key_with_kek(void *session_handle, unsigned int alg, unsigned int index, unsigned char *key,
                                 unsigned int key_len, void **handle)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_alg(alg);
	if (result == SDR_OK)
		result = import(session, s, index, key, key_len, handle);
	return face_end(session, s, result);
}
