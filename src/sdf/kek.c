/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session keys under a key encryption key (GM/T 0018-2023 6.3.14, 6.3.15): SM4 in
 * ECB, which 2012 left open. The KEK wraps and unwraps and need not encrypt, so
 * that nobody opens with it by other means what it wrapped.
 */
#include "base/secret.h"
#include "sdf/internal.h"

#define BLOCK 16u

static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static const CK_KEY_TYPE generic_type = CKK_GENERIC_SECRET;

static int check_alg(unsigned int alg)
{
	if (alg == SGD_SM4_ECB)
		return SDR_OK;
	return (alg & ~0xffu) == (SGD_SM4_ECB & ~0xffu) ? SDR_ALGMODNOTSUPPORT : SDR_ALGNOTSUPPORT;
}

/* -- out -------------------------------------------------------------------------------- */

/* As an object that may leave: in ECB a sensitive one may not (src/token/wrap.c). */
static CK_RV leaving_object(struct session *s, const uint8_t *value, size_t len, CK_OBJECT_HANDLE *object)
{
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, generic_type), ATTR_BYTES(CKA_VALUE, value, len),
		ATTR(CKA_PRIVATE, ck_false), ATTR(CKA_SENSITIVE, ck_false), ATTR(CKA_EXTRACTABLE, ck_true),
	};
	return object_create(s, templ, COUNT(templ), object);
}

static CK_RV wrap_object(struct session *s, unsigned int index, CK_OBJECT_HANDLE object, uint8_t *out, CK_ULONG *out_len)
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM4_ECB);
	CK_RV rv = CKR_WRAPPING_KEY_HANDLE_INVALID;
	for (int tries = 0; tries < 2 && rv == CKR_WRAPPING_KEY_HANDLE_INVALID; tries++) {
		CK_OBJECT_HANDLE kek;
		rv = index_kek(s, index, &kek);
		if (rv != CKR_OK)
			return rv;
		rv = key_wrap(s, &m, kek, object, out, out_len);
		if (rv == CKR_WRAPPING_KEY_HANDLE_INVALID)
			index_forget(kek);
	}
	return rv;
}

static int wrap(struct session *s, unsigned int index, const uint8_t *value, size_t len, uint8_t *out)
{
	CK_ULONG n = len;
	CK_OBJECT_HANDLE object;
	CK_RV rv = leaving_object(s, value, len, &object);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_KEYERR);
	rv = wrap_object(s, index, object, out, &n);
	object_destroy(s, object);
	return sdr_of(rv, SDR_SYMOPERR);
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
		result = wrap(s, index, value, len, out);
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

static CK_RV unwrap_object(struct session *s, unsigned int index, const uint8_t *in, size_t len, CK_OBJECT_HANDLE *object)
{
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, generic_type), ATTR(CKA_PRIVATE, ck_false),
		ATTR(CKA_SENSITIVE, ck_false), ATTR(CKA_EXTRACTABLE, ck_true),
	};
	CK_MECHANISM m = MECH(CKM_HUFU_SM4_ECB);
	CK_RV rv = CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	for (int tries = 0; tries < 2 && rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID; tries++) {
		CK_OBJECT_HANDLE kek;
		rv = index_kek(s, index, &kek);
		if (rv != CKR_OK)
			return rv;
		rv = key_unwrap(s, &m, kek, in, len, templ, COUNT(templ), object);
		if (rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID)
			index_forget(kek);
	}
	return rv;
}

int key_adopt(struct face_session *session, struct session *s, CK_OBJECT_HANDLE object, size_t len, void **handle)
{
	uint8_t *value = secret_alloc(len);
	CK_ATTRIBUTE a = {CKA_VALUE, value, len};
	CK_RV rv = value ? object_get_attributes(s, object, &a, 1) : CKR_HOST_MEMORY;
	int result = rv == CKR_OK ? key_new(session, value, a.ulValueLen, handle) : sdr_of(rv, SDR_KEYERR);
	object_destroy(s, object);
	secret_free(value);
	return result;
}

static int import(struct face_session *session, struct session *s, unsigned int index, const uint8_t *in, size_t len,
                  void **handle)
{
	CK_OBJECT_HANDLE object;
	if (!in || len == 0 || len % BLOCK || len > KEY_MAX)
		return SDR_INARGERR;
	if (!handle)
		return SDR_OUTARGERR;
	CK_RV rv = unwrap_object(s, index, in, len, &object);
	return rv == CKR_OK ? key_adopt(session, s, object, len, handle) : sdr_of(rv, SDR_SYMOPERR);
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
