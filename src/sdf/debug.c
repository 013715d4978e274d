/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in the clear (GM/T 0018-2023 6.8): "for debugging and test, not for
 * production". Where the configuration does not say debug = true they are not
 * there. The printed text forgets the session; every implementation has it first.
 */
#include "base/secret.h"
#include "sdf/symmetric.h"

#include <string.h>

static int debug_begin(void *handle, enum lane lane, struct face_session **session, struct session **s)
{
	int result = face_begin(handle, lane, session, s);
	if (result != SDR_OK)
		return result;
	return face_conf()->debug ? SDR_OK : face_end(*session, *s, SDR_NOTSUPPORT);
}

/* -- pairs -------------------------------------------------------------------------------- */

static CK_RV make_pair(struct session *s, CK_MECHANISM_TYPE type, CK_ULONG nbits, CK_OBJECT_HANDLE *private)
{
	CK_MECHANISM m = MECH(type);
	CK_ATTRIBUTE pub[] = {ATTR(CKA_PRIVATE, ck_false), ATTR(CKA_MODULUS_BITS, nbits)};
	CK_ATTRIBUTE priv[] = {ATTR(CKA_PRIVATE, ck_false), ATTR(CKA_SENSITIVE, ck_false), ATTR(CKA_EXTRACTABLE, ck_true)};
	CK_OBJECT_HANDLE public;
	CK_RV rv = key_generate_pair(s, &m, pub, nbits ? 2 : 1, priv, COUNT(priv), &public, private);
	if (rv == CKR_OK)
		object_destroy(s, public);
	return rv;
}

/* To the right of its field. */
static CK_RV read_field(struct session *s, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, unsigned char *field, size_t field_len)
{
	uint8_t value[RSAref_MAX_LEN];
	CK_ATTRIBUTE a = {type, value, field_len};
	CK_RV rv = object_get_attributes(s, key, &a, 1);
	if (rv == CKR_OK)
		field_write(field, field_len, value, a.ulValueLen);
	secret_wipe(value, sizeof value);
	return rv;
}

static CK_RV read_rsa(struct session *s, CK_OBJECT_HANDLE key, RSArefPrivateKey *out)
{
	const struct {
		CK_ATTRIBUTE_TYPE type;
		unsigned char *field;
		size_t len;
	} fields[] = {
		{CKA_MODULUS, out->m, sizeof out->m}, {CKA_PUBLIC_EXPONENT, out->e, sizeof out->e},
		{CKA_PRIVATE_EXPONENT, out->d, sizeof out->d},
		{CKA_PRIME_1, out->prime[0], sizeof out->prime[0]}, {CKA_PRIME_2, out->prime[1], sizeof out->prime[1]},
		{CKA_EXPONENT_1, out->pexp[0], sizeof out->pexp[0]}, {CKA_EXPONENT_2, out->pexp[1], sizeof out->pexp[1]},
		{CKA_COEFFICIENT, out->coef, sizeof out->coef},
	};
	CK_RV rv = CKR_OK;
	for (size_t i = 0; i < COUNT(fields) && rv == CKR_OK; i++)
		rv = read_field(s, key, fields[i].type, fields[i].field, fields[i].len);
	return rv;
}

static int generate_rsa(struct session *s, unsigned int nbits, RSArefPublicKey *public_key, RSArefPrivateKey *private_key)
{
	CK_OBJECT_HANDLE key;
	if (nbits > RSAref_MAX_BITS || nbits % 8)
		return SDR_INARGERR;
	if (!public_key || !private_key)
		return SDR_OUTARGERR;
	CK_RV rv = make_pair(s, CKM_RSA_PKCS_KEY_PAIR_GEN, nbits, &key);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_KEYERR);
	rv = read_rsa(s, key, private_key);
	object_destroy(s, key);
	private_key->bits = public_key->bits = nbits;
	memcpy(public_key->m, private_key->m, sizeof public_key->m);
	memcpy(public_key->e, private_key->e, sizeof public_key->e);
	return sdr_of(rv, SDR_KEYERR);
}

int sdf_face_generate_key_pair_rsa(void *handle, unsigned int nbits, RSArefPublicKey *public_key, RSArefPrivateKey *private_key)
{
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, generate_rsa(s, nbits, public_key, private_key));
}

static int generate_ecc(struct session *s, ECCrefPublicKey *public_key, ECCrefPrivateKey *private_key)
{
	uint8_t der[67];
	CK_ATTRIBUTE a = {CKA_EC_POINT, der, sizeof der};
	CK_OBJECT_HANDLE key;
	if (!public_key || !private_key)
		return SDR_OUTARGERR;
	CK_RV rv = make_pair(s, CKM_HUFU_SM2_KEY_PAIR_GEN, 0, &key);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_KEYERR);
	rv = object_get_attributes(s, key, &a, 1);
	if (rv == CKR_OK)
		rv = read_field(s, key, CKA_VALUE, private_key->K, sizeof private_key->K);
	object_destroy(s, key);
	private_key->bits = 256;
	if (rv == CKR_OK)
		point_write(public_key, der + 3);
	return sdr_of(rv, SDR_KEYERR);
}

int sdf_face_generate_key_pair_ecc(void *handle, unsigned int alg, unsigned int nbits, ECCrefPublicKey *public_key,
                                   ECCrefPrivateKey *private_key)
{
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	bool sm2 = alg_is_sm2(alg, SGD_SM2_1) || alg_is_sm2(alg, SGD_SM2_2) || alg_is_sm2(alg, SGD_SM2_3);
	if (!sm2 || nbits != 256)
		result = sm2 ? SDR_INARGERR : SDR_ALGNOTSUPPORT;
	else
		result = generate_ecc(s, public_key, private_key);
	return face_end(session, s, result);
}

/* -- private keys that the caller brings ------------------------------------------------------ */

static int bring_ecc(struct session *s, const ECCrefPrivateKey *private_key, CK_OBJECT_HANDLE *key)
{
	static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	static const CK_KEY_TYPE type = CKK_HUFU_SM2;
	uint8_t d[32];
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR_BYTES(CKA_VALUE, d, sizeof d), ATTR(CKA_PRIVATE, ck_false),
		ATTR(CKA_SIGN, ck_true), ATTR(CKA_DECRYPT, ck_true),
	};
	if (!private_key || private_key->bits != 256 || !field_read(private_key->K, sizeof private_key->K, d, sizeof d))
		return SDR_INARGERR;
	CK_RV rv = object_create(s, templ, COUNT(templ), key);
	secret_wipe(d, sizeof d);
	return sdr_of(rv, SDR_KEYERR);
}

static int bring_rsa(struct session *s, const RSArefPrivateKey *k, CK_OBJECT_HANDLE *key)
{
	static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	static const CK_KEY_TYPE type = CKK_RSA;
	if (!k || k->bits > RSAref_MAX_BITS || k->bits % 8)
		return SDR_INARGERR;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_PRIVATE, ck_false), ATTR(CKA_SIGN, ck_true),
		external_number(CKA_MODULUS, k->m, sizeof k->m), external_number(CKA_PUBLIC_EXPONENT, k->e, sizeof k->e),
		external_number(CKA_PRIVATE_EXPONENT, k->d, sizeof k->d),
		external_number(CKA_PRIME_1, k->prime[0], sizeof k->prime[0]),
		external_number(CKA_PRIME_2, k->prime[1], sizeof k->prime[1]),
		external_number(CKA_EXPONENT_1, k->pexp[0], sizeof k->pexp[0]),
		external_number(CKA_EXPONENT_2, k->pexp[1], sizeof k->pexp[1]),
		external_number(CKA_COEFFICIENT, k->coef, sizeof k->coef),
	};
	return sdr_of(object_create(s, templ, COUNT(templ), key), SDR_KEYERR);
}

static int raw_private(struct session *s, const RSArefPrivateKey *private_key, const uint8_t *in, size_t len, unsigned char *out,
                       unsigned int *out_len)
{
	CK_MECHANISM m = MECH(CKM_RSA_X_509);
	CK_OBJECT_HANDLE key;
	if (!in || !private_key || len != private_key->bits / 8)
		return SDR_INARGERR;
	if (!out || !out_len)
		return SDR_OUTARGERR;
	int result = check_room(out_len, len);
	if (result == SDR_OK)
		result = bring_rsa(s, private_key, &key);
	if (result != SDR_OK)
		return result;
	CK_ULONG n = len;
	CK_RV rv = sign_init(s, &m, key);
	if (rv == CKR_OK)
		rv = sign_once(s, in, len, out, &n);
	object_destroy(s, key);
	return sdr_of(rv, SDR_SKOPERR);
}

int sdf_face_external_private_key_operation_rsa(void *handle, RSArefPrivateKey *private_key, unsigned char *in,
                                                unsigned int in_len, unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, raw_private(s, private_key, in, in_len, out, out_len));
}

static int sign(struct session *s, const ECCrefPrivateKey *private_key, const uint8_t *e, size_t len, ECCSignature *out)
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM2);
	CK_OBJECT_HANDLE key;
	uint8_t sig[64];
	CK_ULONG n = sizeof sig;
	if (!e || len != 32)
		return SDR_INARGERR;
	if (!out)
		return SDR_OUTARGERR;
	int result = bring_ecc(s, private_key, &key);
	if (result != SDR_OK)
		return result;
	CK_RV rv = sign_init(s, &m, key);
	if (rv == CKR_OK)
		rv = sign_once(s, e, len, sig, &n);
	object_destroy(s, key);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_SIGNERR);
	field_write(out->r, sizeof out->r, sig, 32);
	field_write(out->s, sizeof out->s, sig + 32, 32);
	return SDR_OK;
}

int sdf_face_external_sign_ecc(void *handle, unsigned int alg, ECCrefPrivateKey *private_key, unsigned char *in,
                               unsigned int in_len, ECCSignature *signature)
{
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = alg_is_sm2(alg, SGD_SM2_1) ? sign(s, private_key, in, in_len, signature) : SDR_ALGNOTSUPPORT;
	return face_end(session, s, result);
}

static int decrypt_with(struct session *s, CK_OBJECT_HANDLE key, const ECCCipher *in, unsigned char *out)
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM2_C1C3C2);
	CK_ULONG n = in->L;
	uint8_t *bytes;
	size_t len;
	int result = cipher_read(in, &bytes, &len);
	if (result != SDR_OK)
		return result;
	CK_RV rv = crypt_init(s, OP_DECRYPT, &m, key);
	if (rv == CKR_OK)
		rv = crypt_once(s, OP_DECRYPT, bytes, len, out, &n);
	secret_free(bytes);
	return sdr_of(rv, SDR_SKOPERR);
}

static int decrypt(struct session *s, const ECCrefPrivateKey *private_key, const ECCCipher *in, unsigned char *out,
                   unsigned int *out_len)
{
	CK_OBJECT_HANDLE key;
	if (!in)
		return SDR_INARGERR;
	if (!out || !out_len)
		return SDR_OUTARGERR;
	int result = in->L <= CIPHER_MAX ? check_room(out_len, in->L) : SDR_ENCDATAERR;
	if (result == SDR_OK)
		result = bring_ecc(s, private_key, &key);
	if (result != SDR_OK)
		return result;
	result = decrypt_with(s, key, in, out);
	object_destroy(s, key);
	return result;
}

int sdf_face_external_decrypt_ecc(void *handle, unsigned int alg, ECCrefPrivateKey *private_key, ECCCipher *encrypted,
                                  unsigned char *data, unsigned int *data_len)
{
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = alg_is_sm2(alg, SGD_SM2_3) ? decrypt(s, private_key, encrypted, data, data_len) : SDR_ALGNOTSUPPORT;
	return face_end(session, s, result);
}

/* -- symmetric keys that the caller brings ---------------------------------------------------------- */

static int crypt(void *handle, enum op_kind kind, unsigned int id, const uint8_t *value, size_t value_len, const uint8_t *iv,
                 size_t iv_len, const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len)
{
	const struct cipher_alg *alg;
	CK_OBJECT_HANDLE object;
	void *key;
	uint8_t chained[BLOCK] = {0}; /* 6.8.8: the caller's own stays */
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = cipher_alg_find(id, &alg);
	if (result == SDR_OK && (!value || (alg->iv_len && (!iv || iv_len != alg->iv_len))))
		result = SDR_INARGERR;
	if (result == SDR_OK)
		result = key_new(session, value, value_len, &key);
	if (result != SDR_OK)
		return face_end(session, s, result);
	if (alg->iv_len)
		memcpy(chained, iv, alg->iv_len);
	result = key_object(session, s, key, alg->key_type, &object);
	if (result == SDR_OK)
		result = cipher_once(s, kind, alg, object, chained, in, len, out, out_len);
	key_destroy(session, s, key);
	return face_end(session, s, result);
}

int sdf_face_external_key_encrypt(void *session, unsigned int alg, unsigned char *key, unsigned int key_len, unsigned char *iv,
                                  unsigned int iv_len, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                                  unsigned int *encrypted_len)
{
	return crypt(session, OP_ENCRYPT, alg, key, key_len, iv, iv_len, data, data_len, encrypted, encrypted_len);
}

int sdf_face_external_key_decrypt(void *session, unsigned int alg, unsigned char *key, unsigned int key_len, unsigned char *iv,
                                  unsigned int iv_len, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                                  unsigned int *data_len)
{
	return crypt(session, OP_DECRYPT, alg, key, key_len, iv, iv_len, encrypted, encrypted_len, data, data_len);
}

/* What was begun keeps the core's object, so the key may go at once. */
static int crypt_init_with(void *handle, enum op_kind kind, unsigned int id, const uint8_t *value, size_t value_len,
                           const uint8_t *iv, size_t iv_len)
{
	const struct cipher_alg *alg;
	CK_OBJECT_HANDLE object;
	void *key;
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	result = cipher_alg_find(id, &alg);
	if (result == SDR_OK)
		result = value ? key_new(session, value, value_len, &key) : SDR_INARGERR;
	if (result != SDR_OK)
		return face_end(session, s, result);
	result = key_object(session, s, key, alg->key_type, &object);
	if (result == SDR_OK)
		result = cipher_begin(s, kind, alg, object, iv, iv_len);
	key_destroy(session, s, key);
	return face_end(session, s, result);
}

int sdf_face_external_key_encrypt_init(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                       unsigned char *iv, unsigned int iv_len)
{
	return crypt_init_with(session, OP_ENCRYPT, alg, key, key_len, iv, iv_len);
}

int sdf_face_external_key_decrypt_init(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                       unsigned char *iv, unsigned int iv_len)
{
	return crypt_init_with(session, OP_DECRYPT, alg, key, key_len, iv, iv_len);
}

int sdf_face_external_key_hmac_init(void *handle, unsigned int alg, unsigned char *value, unsigned int value_len)
{
	CK_OBJECT_HANDLE object;
	void *key;
	struct face_session *session;
	struct session *s;
	int result = debug_begin(handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	result = value ? key_new(session, value, value_len, &key) : SDR_INARGERR;
	if (result != SDR_OK)
		return face_end(session, s, result);
	result = key_object(session, s, key, CKK_GENERIC_SECRET, &object);
	if (result == SDR_OK)
		result = hmac_begin(s, alg, object);
	key_destroy(session, s, key);
	return face_end(session, s, result);
}
