/* SPDX-License-Identifier: Apache-2.0 */
/* Hash functions (GM/T 0018-2023 6.6.4 to 6.6.6). */
#include "sdf/internal.h"
#include "sm/sm2.h"

/* There is no other way to give one up. */
static CK_RV begin(struct session *s, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM m = MECH(type);
	(void)digest_init(s, NULL);
	return digest_init(s, &m);
}

/* 6.6.4: with an ID, the hash of SM2 signatures, which begins with Z of GB/T 32918.2 5.5. */
static int begin_with_z(struct session *s, const ECCrefPublicKey *key, const uint8_t *id, size_t id_len)
{
	uint8_t point[64], z[32];
	if (!key || !id || id_len > SM2_ID_MAX)
		return SDR_INARGERR;
	int result = point_read(key, point);
	if (result != SDR_OK)
		return result;
	sm2_z(point, id, id_len, z);
	CK_RV rv = begin(s, CKM_HUFU_SM3);
	if (rv == CKR_OK)
		rv = digest_update(s, z, sizeof z);
	return sdr_of(rv, SDR_UNKNOWERR);
}

static int hash_init(struct session *s, unsigned int alg, const ECCrefPublicKey *key, const uint8_t *id, size_t id_len)
{
	switch (alg) {
	case SGD_SM3: return id_len ? begin_with_z(s, key, id, id_len) : sdr_of(begin(s, CKM_HUFU_SM3), SDR_UNKNOWERR);
	case SGD_SHA1: return sdr_of(begin(s, CKM_SHA_1), SDR_UNKNOWERR);
	case SGD_SHA256: return sdr_of(begin(s, CKM_SHA256), SDR_UNKNOWERR);
	default: return SDR_ALGNOTSUPPORT;
	}
}

int sdf_face_hash_init(void *handle, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *id, unsigned int id_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, hash_init(s, alg, public_key, id, id_len));
}

int sdf_face_hash_update(void *handle, unsigned char *data, unsigned int data_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	result = data || !data_len ? sdr_of(digest_update(s, data, data_len), SDR_UNKNOWERR) : SDR_INARGERR;
	return face_end(session, s, result);
}

static int hash_final(struct session *s, unsigned char *hash, unsigned int *hash_len)
{
	if (!hash_len)
		return SDR_OUTARGERR;
	CK_ULONG n = room_of(hash_len);
	CK_RV rv = digest_final(s, hash, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*hash_len = (unsigned int)n;
	return sdr_of(rv, SDR_UNKNOWERR);
}

int sdf_face_hash_final(void *handle, unsigned char *hash, unsigned int *hash_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, hash_final(s, hash, hash_len));
}
