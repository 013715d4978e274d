/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC (GM/T 0018-2023 6.6.1 to 6.6.3), of GB/T 15852.2. */
#include "sdf/symmetric.h"

static bool mechanism_of(unsigned int alg, CK_MECHANISM_TYPE *mechanism)
{
	switch (alg) {
	case SGD_SM3: *mechanism = CKM_HUFU_SM3_HMAC; return true;
	case SGD_SHA1: *mechanism = CKM_SHA_1_HMAC; return true;
	case SGD_SHA256: *mechanism = CKM_SHA256_HMAC; return true;
	default: return false;
	}
}

int hmac_begin(struct session *s, unsigned int alg, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM m = {0};
	if (!mechanism_of(alg, &m.mechanism))
		return SDR_ALGNOTSUPPORT;
	(void)sign_init(s, NULL, 0);
	return sdr_of(sign_init(s, &m, key), SDR_MACERR);
}

int sdf_face_hmac_init(void *session_handle, void *handle, unsigned int alg)
{
	CK_OBJECT_HANDLE key;
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	result = key_object(session, s, handle, CKK_GENERIC_SECRET, &key); /* good for each hash function */
	if (result == SDR_OK)
		result = hmac_begin(s, alg, key);
	return face_end(session, s, result);
}

int sdf_face_hmac_update(void *handle, unsigned char *data, unsigned int data_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	result = data || !data_len ? sdr_of(sign_update(s, data, data_len), SDR_MACERR) : SDR_INARGERR;
	return face_end(session, s, result);
}

static int final(struct session *s, unsigned char *mac, unsigned int *mac_len)
{
	if (!mac_len)
		return SDR_OUTARGERR;
	CK_ULONG n = room_of(mac_len);
	CK_RV rv = sign_final(s, mac, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*mac_len = (unsigned int)n;
	return sdr_of(rv, SDR_MACERR);
}

int sdf_face_hmac_final(void *handle, unsigned char *mac, unsigned int *mac_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, final(s, mac, mac_len));
}
