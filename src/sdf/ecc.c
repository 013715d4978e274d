/* SPDX-License-Identifier: Apache-2.0 */
/* SM2: public keys (GM/T 0018-2023 6.3.6, 6.3.7), signatures and encryption (6.4.4 to 6.4.7). */
#include "base/secret.h"
#include "sdf/internal.h"

#include <string.h>

#define E_LEN 32u
#define SIG_LEN 64u

bool alg_is_sm2(unsigned int alg, unsigned int use)
{
	return alg == SGD_SM2 || alg == use;
}

/* -- public keys ------------------------------------------------------------------------- */

static int export_point(struct session *s, unsigned int index, enum role role, ECCrefPublicKey *out)
{
	uint8_t point[64];
	size_t at;
	if (!out)
		return SDR_OUTARGERR;
	int result = index_find(index, &at);
	if (result != SDR_OK)
		return result;
	CK_RV rv = index_point(s, at, role, point);
	if (rv == CKR_OK)
		point_write(out, point);
	return sdr_of(rv, SDR_KEYERR);
}

static int export(void *handle, unsigned int index, enum role role, ECCrefPublicKey *out)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, export_point(s, index, role, out));
}

int sdf_face_export_sign_public_key_ecc(void *session, unsigned int index, ECCrefPublicKey *public_key)
{
	return export(session, index, ROLE_SIGN, public_key);
}

int sdf_face_export_enc_public_key_ecc(void *session, unsigned int index, ECCrefPublicKey *public_key)
{
	return export(session, index, ROLE_ENCRYPT, public_key);
}

/* -- signatures ------------------------------------------------------------------------------ */

/* An object that was replaced since it was found is looked for once more. */
CK_RV index_begin(struct session *s, size_t at, enum role role, enum use use, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM m = MECH(type);
	CK_RV rv = CKR_KEY_HANDLE_INVALID;
	for (int tries = 0; tries < 2 && rv == CKR_KEY_HANDLE_INVALID; tries++) {
		CK_OBJECT_HANDLE key;
		rv = index_private(s, at, role, &key);
		if (rv != CKR_OK)
			return rv;
		rv = use == USE_SIGN ? sign_init(s, &m, key) : crypt_init(s, OP_DECRYPT, &m, key);
		if (rv == CKR_KEY_HANDLE_INVALID)
			index_forget(key);
	}
	return rv;
}

static int sign(const struct face_session *session, struct session *s, unsigned int index, const uint8_t *e, size_t len,
                ECCSignature *out)
{
	uint8_t sig[SIG_LEN];
	CK_ULONG n = sizeof sig;
	size_t at;
	if (!e || len != E_LEN)
		return SDR_INARGERR;
	if (!out)
		return SDR_OUTARGERR;
	int result = right_check(session, index, &at);
	if (result != SDR_OK)
		return result;
	CK_RV rv = index_begin(s, at, ROLE_SIGN, USE_SIGN, CKM_HUFU_SM2);
	if (rv == CKR_OK)
		rv = sign_once(s, e, len, sig, &n);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_SIGNERR);
	field_write(out->r, sizeof out->r, sig, 32);
	field_write(out->s, sizeof out->s, sig + 32, 32);
	return SDR_OK;
}

int sdf_face_internal_sign_ecc(void *handle, unsigned int index, unsigned char *data, unsigned int data_len,
                               ECCSignature *signature)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, sign(session, s, index, data, data_len, signature));
}

static CK_RV verify_with(struct session *s, CK_OBJECT_HANDLE key, const uint8_t e[E_LEN], const uint8_t sig[SIG_LEN])
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM2);
	CK_RV rv = verify_init(s, &m, key, NULL, 0);
	return rv == CKR_OK ? verify_once(s, e, E_LEN, sig, SIG_LEN) : rv;
}

static int verify(struct face_session *session, struct session *s, const uint8_t point[64], const uint8_t *e, size_t len,
                  const ECCSignature *signature)
{
	uint8_t sig[SIG_LEN];
	CK_OBJECT_HANDLE key;
	if (!e || len != E_LEN || !signature)
		return SDR_INARGERR;
	if (!field_read(signature->r, sizeof signature->r, sig, 32) || !field_read(signature->s, sizeof signature->s, sig + 32, 32))
		return SDR_VERIFYERR;
	CK_RV rv = external_point(session, s, point, &key);
	return rv == CKR_OK ? sdr_of(verify_with(s, key, e, sig), SDR_VERIFYERR) : sdr_of(rv, SDR_PKOPERR);
}

int sdf_face_external_verify_ecc(void *handle, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *in,
                                 unsigned int in_len, ECCSignature *signature)
{
	uint8_t point[64];
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	if (!alg_is_sm2(alg, SGD_SM2_1))
		result = SDR_ALGNOTSUPPORT;
	else
		result = public_key ? point_read(public_key, point) : SDR_INARGERR;
	if (result == SDR_OK)
		result = verify(session, s, point, in, in_len, signature);
	return face_end(session, s, result);
}

int point_of_index(struct session *s, unsigned int index, enum role role, uint8_t point[64])
{
	size_t at;
	int result = index_find(index, &at);
	return result == SDR_OK ? sdr_of(index_point(s, at, role, point), SDR_KEYERR) : result;
}

int sdf_face_internal_verify_ecc(void *handle, unsigned int index, unsigned char *data, unsigned int data_len,
                                 ECCSignature *signature)
{
	uint8_t point[64];
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = point_of_index(s, index, ROLE_SIGN, point);
	if (result == SDR_OK)
		result = verify(session, s, point, data, data_len, signature);
	return face_end(session, s, result);
}

/* -- encryption ---------------------------------------------------------------------------------- */

static int check_encrypt(unsigned int alg, const uint8_t *data, const ECCCipher *out)
{
	if (!alg_is_sm2(alg, SGD_SM2_3))
		return SDR_ALGNOTSUPPORT;
	if (!data)
		return SDR_INARGERR;
	return out ? SDR_OK : SDR_OUTARGERR;
}

int sdf_face_external_encrypt_ecc(void *handle, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *data,
                                  unsigned int data_len, ECCCipher *encrypted)
{
	uint8_t point[64];
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_encrypt(alg, data, encrypted);
	if (result == SDR_OK)
		result = public_key ? point_read(public_key, point) : SDR_INARGERR;
	if (result == SDR_OK)
		result = encrypt_to_point(session, s, point, data, data_len, encrypted);
	return face_end(session, s, result);
}

int sdf_face_internal_encrypt_ecc(void *handle, unsigned int index, unsigned int alg, unsigned char *data,
                                  unsigned int data_len, ECCCipher *encrypted)
{
	uint8_t point[64];
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_encrypt(alg, data, encrypted);
	if (result == SDR_OK)
		result = point_of_index(s, index, ROLE_ENCRYPT, point);
	if (result == SDR_OK)
		result = encrypt_to_point(session, s, point, data, data_len, encrypted);
	return face_end(session, s, result);
}

int index_decrypt(const struct face_session *session, struct session *s, unsigned int index, const ECCCipher *in, uint8_t **out,
                  size_t *len)
{
	uint8_t *bytes, *plain;
	size_t bytes_len, at;
	int result = right_check(session, index, &at);
	if (result == SDR_OK)
		result = cipher_read(in, &bytes, &bytes_len);
	if (result != SDR_OK)
		return result;
	CK_ULONG n = in->L;
	plain = secret_alloc(n);
	CK_RV rv = plain ? index_begin(s, at, ROLE_ENCRYPT, USE_DECRYPT, CKM_HUFU_SM2_C1C3C2) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = crypt_once(s, OP_DECRYPT, bytes, bytes_len, plain, &n);
	secret_free(bytes);
	if (rv != CKR_OK) {
		secret_free(plain);
		return sdr_of(rv, SDR_SKOPERR);
	}
	*out = plain;
	*len = n;
	return SDR_OK;
}

static int decrypt(const struct face_session *session, struct session *s, unsigned int index, unsigned int alg,
                   const ECCCipher *in, unsigned char *out, unsigned int *out_len)
{
	uint8_t *plain;
	size_t len;
	if (!alg_is_sm2(alg, SGD_SM2_3))
		return SDR_ALGNOTSUPPORT;
	if (!in)
		return SDR_INARGERR;
	if (!out_len)
		return SDR_OUTARGERR;
	if (!out) {
		*out_len = in->L;
		return SDR_OK;
	}
	int result = in->L <= CIPHER_MAX ? check_room(out_len, in->L) : SDR_ENCDATAERR;
	if (result == SDR_OK)
		result = index_decrypt(session, s, index, in, &plain, &len);
	if (result != SDR_OK)
		return result;
	memcpy(out, plain, len);
	secret_free(plain);
	return SDR_OK;
}

int sdf_face_internal_decrypt_ecc(void *handle, unsigned int index, unsigned int alg, ECCCipher *encrypted, unsigned char *data,
                                  unsigned int *data_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, decrypt(session, s, index, alg, encrypted, data, data_len));
}
