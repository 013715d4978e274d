/* SPDX-License-Identifier: Apache-2.0 */
/* SM2: GM/T 0018 6.3 and 6.4. */
#include "card.h"

typedef int export_fn(void *session, unsigned int index, ECCrefPublicKey *);

static int export_point(void *session, unsigned int index, struct card_point *out, export_fn *from)
{
	ECCrefPublicKey point;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_EXPORT, session))
		return call.code;
	int code = from(call.face, index, &point);
	if (code == SDR_OK)
		card_point_out(out, &point);
	return card_leave(&call, code, out->y, sizeof(out->y), NULL);
}

CARD(ExportSignPublicKey_ECC, void *session, unsigned int index, struct card_point *out)
{
	return export_point(session, index, out, sdf_face_export_sign_public_key_ecc);
}

CARD(ExportEncPublicKey_ECC, void *session, unsigned int index, struct card_point *out)
{
	return export_point(session, index, out, sdf_face_export_enc_public_key_ecc);
}

/* -- signatures --------------------------------------------------------------------------- */

static int sign(void *face, unsigned index, unsigned char *data, unsigned len, struct card_signature *out)
{
	ECCSignature sig;
	int code = sdf_face_internal_sign_ecc(face, index, data, len, &sig);

	if (code == SDR_OK)
		card_signature_out(out, &sig);
	return code;
}

CARD(InternalSign_ECC, void *session, unsigned int index, unsigned char *data, unsigned int len, struct card_signature *out)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_SIGN, session))
		return call.code;
	int code = engine_sign(sign, call.face, index, data, len, out);
	return card_leave(&call, code, out->s, sizeof(out->s), NULL);
}

CARD(InternalVerify_ECC, void *session, unsigned int index, unsigned char *data, unsigned int len, struct card_signature *in)
{
	ECCSignature sig;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_VERIFY, session))
		return call.code;
	card_signature_in(&sig, in);
	return card_leave(&call, sdf_face_internal_verify_ecc(call.face, index, data, len, &sig), NULL, 0, NULL);
}

CARD(ExternalVerify_ECC, void *session, unsigned int alg, struct card_point *by, unsigned char *data, unsigned int len,
     struct card_signature *in)
{
	ECCrefPublicKey point;
	ECCSignature sig;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_VERIFY, session))
		return call.code;
	card_point_in(&point, by);
	card_signature_in(&sig, in);
	return card_leave(&call, sdf_face_external_verify_ecc(call.face, card_alg(alg), &point, data, len, &sig), NULL, 0, NULL);
}

/* -- encryption ---------------------------------------------------------------------------- */

int card_leave_cipher(struct call *call, int code, struct card_cipher *out, const union standard_cipher *made)
{
	if (code == SDR_OK)
		card_cipher_out(out, made);
	return card_leave(call, code, out->c3, sizeof(out->c3), &out->len);
}

CARD(ExternalEncrypt_ECC, void *session, unsigned int alg, struct card_point *to, unsigned char *data, unsigned int len,
     struct card_cipher *out)
{
	union standard_cipher made;
	ECCrefPublicKey point;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_ENCRYPT, session))
		return call.code;
	if (len > CARD_CIPHER_MAX)
		return card_code(SDR_INARGERR);
	card_point_in(&point, to);
	int code = sdf_face_external_encrypt_ecc(call.face, card_alg(alg), &point, data, len, &made.cipher);
	return card_leave_cipher(&call, code, out, &made);
}

static int decrypt(void *session, unsigned int index, unsigned int alg, struct card_cipher *in, unsigned char *out,
                   unsigned int *len)
{
	union standard_cipher cipher;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DECRYPT, session))
		return call.code;
	if (!card_cipher_in(&cipher, in))
		return card_code(SDR_INARGERR);
	/* Nobody who calls it says how much room there is: what the ciphertext holds. */
	*len = cipher.cipher.L;
	int code = sdf_face_internal_decrypt_ecc(call.face, index, alg, &cipher.cipher, out, len);
	return card_leave(&call, code, out, code == SDR_OK ? *len : 0, len);
}

#ifdef CARD_2012
CARD(InternalDecrypt_ECC, void *session, unsigned int index, struct card_cipher *in, unsigned char *out, unsigned int *len)
{
	return decrypt(session, index, SGD_SM2_3, in, out, len);
}
#else
CARD(InternalDecrypt_ECC, void *session, unsigned int index, unsigned int alg, struct card_cipher *in, unsigned char *out,
     unsigned int *len)
{
	return decrypt(session, index, card_alg(alg), in, out, len);
}
#endif
