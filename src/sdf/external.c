/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "sdf/internal.h"

#include <string.h>

static CK_RV create_point(struct session *s, const uint8_t point[64], CK_OBJECT_HANDLE *handle)
{
	static const CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
	static const CK_KEY_TYPE type = CKK_HUFU_SM2;
	uint8_t der[67] = {0x04, 0x41, 0x04}; /* OCTET STRING of the uncompressed form */
	memcpy(der + 3, point, 64);
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR_BYTES(CKA_EC_POINT, der, sizeof der),
		ATTR(CKA_VERIFY, ck_true), ATTR(CKA_ENCRYPT, ck_true),
	};
	return object_create(s, templ, COUNT(templ), handle);
}

/* Many programs have one peer: its key is made ready once. An object that is gone is no peer's. */
CK_RV external_point(struct face_session *session, struct session *s, const uint8_t point[64], CK_OBJECT_HANDLE *handle)
{
	CK_ULONG size;
	bool known = session->known.object && memcmp(session->known.point, point, 64) == 0;
	if (known && object_size(s, session->known.object, &size) == CKR_OK) {
		*handle = session->known.object;
		return CKR_OK;
	}
	if (session->known.object)
		object_destroy(s, session->known.object);
	session->known.object = 0;
	CK_RV rv = create_point(s, point, handle);
	if (rv != CKR_OK)
		return rv;
	memcpy(session->known.point, point, 64);
	session->known.object = *handle;
	return CKR_OK;
}

CK_ATTRIBUTE external_number(CK_ATTRIBUTE_TYPE type, const unsigned char *field, size_t len)
{
	while (len > 1 && *field == 0) {
		field++;
		len--;
	}
	return (CK_ATTRIBUTE)ATTR_BYTES(type, field, len);
}

CK_RV external_modulus(struct session *s, const RSArefPublicKey *key, CK_OBJECT_HANDLE *handle)
{
	static const CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
	static const CK_KEY_TYPE type = CKK_RSA;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), external_number(CKA_MODULUS, key->m, sizeof key->m),
		external_number(CKA_PUBLIC_EXPONENT, key->e, sizeof key->e), ATTR(CKA_VERIFY, ck_true), ATTR(CKA_ENCRYPT, ck_true),
	};
	if (templ[2].ulValueLen * 8 != key->bits)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return object_create(s, templ, COUNT(templ), handle);
}

static int encrypt_with(struct session *s, CK_OBJECT_HANDLE key, const uint8_t *data, size_t len, ECCCipher *out)
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM2_C1C3C2);
	CK_ULONG n = len + 97;
	uint8_t *bytes = secret_alloc(n); /* it may hold what it will encrypt, should that fail */
	if (!bytes)
		return SDR_NOBUFFER;
	CK_RV rv = crypt_init(s, OP_ENCRYPT, &m, key);
	if (rv == CKR_OK)
		rv = crypt_once(s, OP_ENCRYPT, data, len, bytes, &n);
	if (rv == CKR_OK)
		cipher_write(out, bytes, n);
	secret_free(bytes);
	return sdr_of(rv, SDR_PKOPERR);
}

int encrypt_to_point(struct face_session *session, struct session *s, const uint8_t point[64], const uint8_t *data, size_t len,
                     ECCCipher *out)
{
	CK_OBJECT_HANDLE key;
	if (len == 0 || len > CIPHER_MAX)
		return SDR_INARGERR;
	CK_RV rv = external_point(session, s, point, &key);
	return rv == CKR_OK ? encrypt_with(s, key, data, len, out) : sdr_of(rv, SDR_PKOPERR);
}
