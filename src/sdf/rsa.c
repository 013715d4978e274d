/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA (GM/T 0018-2023 6.3.1 to 6.3.5, 6.4.1 to 6.4.3). The operations of 6.4 are raw:
 * the application makes the padding. Session keys travel with that of PKCS #1 v1.5.
 */
#include "base/secret.h"
#include "sdf/internal.h"

#include <string.h>

/* -- public keys ------------------------------------------------------------------------ */

static CK_RV read_number(struct session *s, size_t at, enum role role, CK_ATTRIBUTE_TYPE type, unsigned char *field, size_t *len)
{
	uint8_t value[RSAref_MAX_LEN];
	CK_RV rv = index_attribute(s, at, role, type, value, sizeof value, len);
	if (rv == CKR_OK)
		field_write(field, RSAref_MAX_LEN, value, *len);
	return rv == CKR_BUFFER_TOO_SMALL ? CKR_KEY_SIZE_RANGE : rv; /* longer than the standard's struct */
}

static CK_RV read_public(struct session *s, size_t at, enum role role, RSArefPublicKey *key)
{
	size_t len, e_len;
	CK_RV rv = read_number(s, at, role, CKA_MODULUS, key->m, &len);
	if (rv == CKR_OK)
		rv = read_number(s, at, role, CKA_PUBLIC_EXPONENT, key->e, &e_len);
	if (rv == CKR_OK)
		key->bits = (unsigned int)len * 8;
	return rv;
}

static int public_of_index(struct session *s, unsigned int index, enum role role, RSArefPublicKey *key)
{
	size_t at;
	int result = index_find(index, &at);
	return result == SDR_OK ? sdr_of(read_public(s, at, role, key), SDR_KEYERR) : result;
}

static int export(void *handle, unsigned int index, enum role role, RSArefPublicKey *out)
{
	RSArefPublicKey key;
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = out ? public_of_index(s, index, role, &key) : SDR_OUTARGERR;
	if (result == SDR_OK)
		*out = key;
	return face_end(session, s, result);
}

int sdf_face_export_sign_public_key_rsa(void *session, unsigned int index, RSArefPublicKey *public_key)
{
	return export(session, index, ROLE_RSA_SIGN, public_key);
}

int sdf_face_export_enc_public_key_rsa(void *session, unsigned int index, RSArefPublicKey *public_key)
{
	return export(session, index, ROLE_RSA_ENCRYPT, public_key);
}

/* -- with public keys ---------------------------------------------------------------------- */

static CK_RV encrypt_with(struct session *s, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len,
                          uint8_t *out, CK_ULONG *out_len)
{
	CK_MECHANISM m = MECH(type);
	CK_RV rv = crypt_init(s, OP_ENCRYPT, &m, key);
	return rv == CKR_OK ? crypt_once(s, OP_ENCRYPT, in, len, out, out_len) : rv;
}

/* Of a key that is no longer than the struct; out has RSAref_MAX_LEN bytes. */
static int encrypt_to(struct session *s, CK_MECHANISM_TYPE type, const RSArefPublicKey *key, const uint8_t *in, size_t len,
                      uint8_t *out)
{
	CK_OBJECT_HANDLE object;
	CK_ULONG n = RSAref_MAX_LEN;
	CK_RV rv = external_modulus(s, key, &object);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_KEYERR);
	rv = encrypt_with(s, type, object, in, len, out, &n);
	object_destroy(s, object);
	return sdr_of(rv, SDR_PKOPERR);
}

static int check_raw(const uint8_t *in, const unsigned char *out, const unsigned int *out_len)
{
	if (!in)
		return SDR_INARGERR;
	return out && out_len ? SDR_OK : SDR_OUTARGERR;
}

/* 6.4.1: input and output are as long as the modulus. */
static int raw_public(struct session *s, const RSArefPublicKey *key, const uint8_t *in, size_t len, unsigned char *out,
                      unsigned int *out_len)
{
	uint8_t value[RSAref_MAX_LEN];
	size_t n = key->bits / 8;
	if (key->bits > RSAref_MAX_BITS || key->bits % 8 || len != n)
		return SDR_INARGERR;
	int result = check_room(out_len, n);
	if (result == SDR_OK)
		result = encrypt_to(s, CKM_RSA_X_509, key, in, len, value);
	if (result == SDR_OK)
		memcpy(out, value, n);
	secret_wipe(value, sizeof value);
	return result;
}

int sdf_face_external_public_key_operation_rsa(void *handle, RSArefPublicKey *public_key, unsigned char *in, unsigned int in_len,
                                               unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = public_key ? check_raw(in, out, out_len) : SDR_INARGERR;
	if (result == SDR_OK)
		result = raw_public(s, public_key, in, in_len, out, out_len);
	return face_end(session, s, result);
}

int sdf_face_internal_public_key_operation_rsa(void *handle, unsigned int index, unsigned char *in, unsigned int in_len,
                                               unsigned char *out, unsigned int *out_len)
{
	RSArefPublicKey key;
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_raw(in, out, out_len);
	if (result == SDR_OK)
		result = public_of_index(s, index, ROLE_RSA_SIGN, &key);
	if (result == SDR_OK)
		result = raw_public(s, &key, in, in_len, out, out_len);
	return face_end(session, s, result);
}

/* -- with private keys ------------------------------------------------------------------------ */

static int raw_private(const struct face_session *session, struct session *s, unsigned int index, const uint8_t *in, size_t len,
                       unsigned char *out, unsigned int *out_len)
{
	RSArefPublicKey key;
	uint8_t value[RSAref_MAX_LEN];
	CK_ULONG n = sizeof value;
	size_t at;
	int result = right_check(session, index, &at);
	if (result == SDR_OK)
		result = public_of_index(s, index, ROLE_RSA_SIGN, &key);
	if (result == SDR_OK)
		result = len == key.bits / 8 ? check_room(out_len, len) : SDR_INARGERR;
	if (result != SDR_OK)
		return result;
	CK_RV rv = index_begin(s, at, ROLE_RSA_SIGN, USE_SIGN, CKM_RSA_X_509);
	if (rv == CKR_OK)
		rv = sign_once(s, in, len, value, &n);
	if (rv == CKR_OK)
		memcpy(out, value, n);
	secret_wipe(value, sizeof value);
	return sdr_of(rv, SDR_SKOPERR);
}

int sdf_face_internal_private_key_operation_rsa(void *handle, unsigned int index, unsigned char *in, unsigned int in_len,
                                                unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_raw(in, out, out_len);
	if (result == SDR_OK)
		result = raw_private(session, s, index, in, in_len, out, out_len);
	return face_end(session, s, result);
}

/* -- session keys -------------------------------------------------------------------------------- */

static int envelope(struct session *s, const RSArefPublicKey *key, const uint8_t *value, size_t len, unsigned char *out,
                    unsigned int *out_len)
{
	uint8_t encrypted[RSAref_MAX_LEN];
	size_t n = key->bits / 8;
	if (key->bits > RSAref_MAX_BITS || key->bits % 8)
		return SDR_INARGERR;
	int result = check_room(out_len, n);
	if (result == SDR_OK)
		result = encrypt_to(s, CKM_RSA_PKCS, key, value, len, encrypted);
	if (result == SDR_OK)
		memcpy(out, encrypted, n);
	return result;
}

static int generate(struct face_session *session, struct session *s, const RSArefPublicKey *key, unsigned int nbits,
                    unsigned char *out, unsigned int *out_len, void **handle)
{
	uint8_t *value;
	size_t len;
	if (!out || !out_len || !handle)
		return SDR_OUTARGERR;
	int result = key_random(s, nbits, &value, &len);
	if (result != SDR_OK)
		return result;
	result = envelope(s, key, value, len, out, out_len);
	if (result == SDR_OK)
		result = key_new(session, value, len, handle);
	secret_free(value);
	return result;
}

int sdf_face_generate_key_with_ipk_rsa(void *session_handle, unsigned int index, unsigned int nbits, unsigned char *key,
                                       unsigned int *key_len, void **handle)
{
	RSArefPublicKey public_key;
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = public_of_index(s, index, ROLE_RSA_ENCRYPT, &public_key);
	if (result == SDR_OK)
		result = generate(session, s, &public_key, nbits, key, key_len, handle);
	return face_end(session, s, result);
}

int sdf_face_generate_key_with_epk_rsa(void *session_handle, unsigned int nbits, RSArefPublicKey *public_key, unsigned char *key,
                                       unsigned int *key_len, void **handle)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = public_key ? generate(session, s, public_key, nbits, key, key_len, handle) : SDR_INARGERR;
	return face_end(session, s, result);
}

/* What is no key of ours comes out as some other key: the core tells nobody whether the padding was right. */
static int open_envelope(const struct face_session *session, struct session *s, unsigned int index, const uint8_t *in, size_t len,
                         uint8_t **value, size_t *value_len)
{
	size_t at;
	CK_ULONG n = RSAref_MAX_LEN;
	if (!in)
		return SDR_INARGERR;
	int result = right_check(session, index, &at);
	if (result != SDR_OK)
		return result;
	*value = secret_alloc(n);
	CK_RV rv = *value ? index_begin(s, at, ROLE_RSA_ENCRYPT, USE_DECRYPT, CKM_RSA_PKCS) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = crypt_once(s, OP_DECRYPT, in, len, *value, &n);
	*value_len = n;
	if (rv != CKR_OK)
		secret_free(*value);
	return sdr_of(rv, SDR_SKOPERR);
}

static int import(struct face_session *session, struct session *s, unsigned int index, const uint8_t *key, size_t len,
                  void **handle)
{
	uint8_t *value;
	size_t value_len;
	if (!handle)
		return SDR_OUTARGERR;
	int result = open_envelope(session, s, index, key, len, &value, &value_len);
	if (result != SDR_OK)
		return result;
	result = key_new(session, value, value_len, handle);
	secret_free(value);
	return result;
}

int sdf_face_import_key_with_isk_rsa(void *session_handle, unsigned int index, unsigned char *key, unsigned int key_len,
                                     void **handle)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, import(session, s, index, key, key_len, handle));
}

static int exchange(const struct face_session *session, struct session *s, unsigned int index, const RSArefPublicKey *public_key,
                    const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len)
{
	uint8_t *value;
	size_t value_len;
	if (!public_key)
		return SDR_INARGERR;
	if (!out || !out_len)
		return SDR_OUTARGERR;
	int result = open_envelope(session, s, index, in, len, &value, &value_len);
	if (result != SDR_OK)
		return result;
	result = envelope(s, public_key, value, value_len, out, out_len);
	secret_free(value);
	return result;
}

int sdf_face_exchange_digit_envelope_base_on_rsa(void *handle, unsigned int index, RSArefPublicKey *public_key, unsigned char *in,
                                                 unsigned int in_len, unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, exchange(session, s, index, public_key, in, in_len, out, out_len));
}
