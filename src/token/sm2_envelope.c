/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "rand/rand.h"
#include "sm/sm4.h"
#include "token/envelope.h"
#include "token/rv.h"

#define SCALAR_BLOCKS (ASN1_SCALAR_LEN / SM4_BLOCK_LEN)

/* GB/T 35276 says ECB and nothing of padding: two blocks need none. */
static void crypt_scalar(const uint8_t key[SM4_KEY_LEN], bool decrypts, const uint8_t *in, uint8_t *out)
{
	struct sm4_key sm4;
	sm4_key_init(&sm4, key);
	(decrypts ? sm4_ecb_decrypt : sm4_ecb_encrypt)(&sm4, in, out, SCALAR_BLOCKS);
	secret_wipe(&sm4, sizeof sm4);
}

/* -- wrapping ------------------------------------------------------------------------ */

static CK_RV seal(struct operation *op, const uint8_t d[ASN1_SCALAR_LEN], struct asn1_enveloped *e)
{
	uint8_t key[SM4_KEY_LEN];
	CK_RV rv = rv_of(rand_bytes(key, sizeof key));
	if (rv == CKR_OK)
		rv = crypt_whole(op, key, sizeof key, e->cipher, sizeof e->cipher, &e->cipher_len);
	if (rv == CKR_OK)
		crypt_scalar(key, false, d, e->encrypted);
	secret_wipe(key, sizeof key);
	return rv;
}

static CK_RV wrap(struct operation *op, const uint8_t *pkcs8, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint8_t d[ASN1_SCALAR_LEN];
	struct asn1_enveloped e;
	bool have_point;
	CK_RV rv = operation_fits(ASN1_ENVELOPED_MAX, cap, out_len);
	if (rv != CKR_OK)
		return rv;
	rv = asn1_pkcs8_decode(pkcs8, len, d, e.point, &have_point) && have_point ? seal(op, d, &e) : CKR_KEY_NOT_WRAPPABLE;
	if (rv == CKR_OK)
		*out_len = asn1_enveloped_encode(&e, out);
	secret_wipe(d, sizeof d);
	return rv;
}

/* -- unwrapping ------------------------------------------------------------------------ */

/* Whether d and the point belong together is seen when the key is made of them. */
static CK_RV unwrap(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint8_t key[SM4_KEY_LEN], d[ASN1_SCALAR_LEN];
	struct asn1_enveloped e;
	size_t key_len = 0;
	if (!asn1_enveloped_decode(in, len, &e))
		return CKR_ENCRYPTED_DATA_INVALID;
	CK_RV rv = operation_fits(ASN1_PKCS8_LEN, cap, out_len);
	if (rv == CKR_OK)
		rv = crypt_whole(op, e.cipher, e.cipher_len, key, sizeof key, &key_len);
	if (rv == CKR_OK && key_len != sizeof key)
		rv = CKR_ENCRYPTED_DATA_INVALID;
	if (rv == CKR_OK) {
		crypt_scalar(key, true, e.encrypted, d);
		asn1_pkcs8_encode(d, e.point, out);
	}
	secret_wipe(key, sizeof key);
	secret_wipe(d, sizeof d);
	return rv == CKR_BUFFER_TOO_SMALL ? CKR_ENCRYPTED_DATA_INVALID : rv;
}

CK_RV sm2_envelope_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	if (operation_decrypts(op))
		return unwrap(op, in, len, out, cap, out_len);
	if (out)
		return wrap(op, in, len, out, cap, out_len);
	*out_len = ASN1_ENVELOPED_MAX;
	return CKR_OK;
}
