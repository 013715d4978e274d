/* SPDX-License-Identifier: Apache-2.0 */
/* What GM/T 0018-2023 brought: authenticated encryption, operations in parts, HMAC (6.5, 6.6). */
#include "card.h"

#ifdef CARD_2023
static int leave_out(struct call *call, int code, unsigned char *out, unsigned int *out_len)
{
	return card_leave(call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

/* -- authenticated encryption ---------------------------------------------------------------- */

CARD(AuthEnc, void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len, unsigned char *aad,
     unsigned int aad_len, unsigned char *in, unsigned int len, unsigned char *out, unsigned int *out_len, unsigned char *tag,
     unsigned int *tag_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_ENCRYPT, session))
		return call.code;
	int code = sdf_face_auth_enc(call.face, handle, alg, nonce, nonce_len, aad, aad_len, in, len, out, out_len, tag, tag_len);
	return leave_out(&call, code, out, out_len);
}

CARD(AuthDec, void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len, unsigned char *aad,
     unsigned int aad_len, unsigned char *tag, unsigned int *tag_len, unsigned char *in, unsigned int len, unsigned char *out,
     unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DECRYPT, session))
		return call.code;
	int code = sdf_face_auth_dec(call.face, handle, alg, nonce, nonce_len, aad, aad_len, tag, tag_len, in, len, out, out_len);
	return leave_out(&call, code, out, out_len);
}

CARD(AuthEncInit, void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len, unsigned char *aad,
     unsigned int aad_len, unsigned int len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_ENCRYPT, session))
		return call.code;
	int code = sdf_face_auth_enc_init(call.face, handle, alg, nonce, nonce_len, aad, aad_len, len);
	return card_leave(&call, code, NULL, 0, NULL);
}

CARD(AuthEncUpdate, void *session, unsigned char *in, unsigned int len, unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_ENCRYPT, session))
		return call.code;
	return leave_out(&call, sdf_face_auth_enc_update(call.face, in, len, out, out_len), out, out_len);
}

CARD(AuthEncFinal, void *session, unsigned char *out, unsigned int *out_len, unsigned char *tag, unsigned int *tag_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_ENCRYPT, session))
		return call.code;
	return leave_out(&call, sdf_face_auth_enc_final(call.face, out, out_len, tag, tag_len), out, out_len);
}

CARD(AuthDecInit, void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len, unsigned char *aad,
     unsigned int aad_len, unsigned char *tag, unsigned int tag_len, unsigned int len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DECRYPT, session))
		return call.code;
	int code = sdf_face_auth_dec_init(call.face, handle, alg, nonce, nonce_len, aad, aad_len, tag, tag_len, len);
	return card_leave(&call, code, NULL, 0, NULL);
}

CARD(AuthDecUpdate, void *session, unsigned char *in, unsigned int len, unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DECRYPT, session))
		return call.code;
	return leave_out(&call, sdf_face_auth_dec_update(call.face, in, len, out, out_len), out, out_len);
}

CARD(AuthDecFinal, void *session, unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DECRYPT, session))
		return call.code;
	return leave_out(&call, sdf_face_auth_dec_final(call.face, out, out_len), out, out_len);
}

/* -- in parts ----------------------------------------------------------------------------------- */

typedef int init_fn(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len);
typedef int update_fn(void *session, unsigned char *in, unsigned int len, unsigned char *out, unsigned int *out_len);
typedef int final_fn(void *session, unsigned char *out, unsigned int *out_len);

static int init(enum hufu_verb verb, init_fn *face, void *session, void *handle, unsigned int alg, unsigned char *iv,
                unsigned int iv_len)
{
	struct call call;

	if (!card_enter(&call, verb, session))
		return call.code;
	return card_leave(&call, face(call.face, handle, alg, iv, iv_len), NULL, 0, NULL);
}

static int update(enum hufu_verb verb, update_fn *face, void *session, unsigned char *in, unsigned int len, unsigned char *out,
                  unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, verb, session))
		return call.code;
	return leave_out(&call, face(call.face, in, len, out, out_len), out, out_len);
}

static int final(enum hufu_verb verb, final_fn *face, void *session, unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, verb, session))
		return call.code;
	return leave_out(&call, face(call.face, out, out_len), out, out_len);
}

CARD(EncryptInit, void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return init(HUFU_VERB_ENCRYPT, sdf_face_encrypt_init, session, handle, alg, iv, iv_len);
}

CARD(EncryptUpdate, void *session, unsigned char *in, unsigned int len, unsigned char *out, unsigned int *out_len)
{
	return update(HUFU_VERB_ENCRYPT, sdf_face_encrypt_update, session, in, len, out, out_len);
}

CARD(EncryptFinal, void *session, unsigned char *out, unsigned int *out_len)
{
	return final(HUFU_VERB_ENCRYPT, sdf_face_encrypt_final, session, out, out_len);
}

CARD(DecryptInit, void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return init(HUFU_VERB_DECRYPT, sdf_face_decrypt_init, session, handle, alg, iv, iv_len);
}

CARD(DecryptUpdate, void *session, unsigned char *in, unsigned int len, unsigned char *out, unsigned int *out_len)
{
	return update(HUFU_VERB_DECRYPT, sdf_face_decrypt_update, session, in, len, out, out_len);
}

CARD(DecryptFinal, void *session, unsigned char *out, unsigned int *out_len)
{
	return final(HUFU_VERB_DECRYPT, sdf_face_decrypt_final, session, out, out_len);
}

CARD(CalculateMACInit, void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return init(HUFU_VERB_SIGN, sdf_face_calculate_mac_init, session, handle, alg, iv, iv_len);
}

CARD(CalculateMACUpdate, void *session, unsigned char *in, unsigned int len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_SIGN, session))
		return call.code;
	return card_leave(&call, sdf_face_calculate_mac_update(call.face, in, len), NULL, 0, NULL);
}

CARD(CalculateMACFinal, void *session, unsigned char *out, unsigned int *out_len)
{
	return final(HUFU_VERB_SIGN, sdf_face_calculate_mac_final, session, out, out_len);
}

/* -- HMAC ------------------------------------------------------------------------------------------ */

CARD(HMACInit, void *session, void *handle, unsigned int alg)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_SIGN, session))
		return call.code;
	return card_leave(&call, sdf_face_hmac_init(call.face, handle, alg), NULL, 0, NULL);
}

CARD(HMACUpdate, void *session, unsigned char *in, unsigned int len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_SIGN, session))
		return call.code;
	return card_leave(&call, sdf_face_hmac_update(call.face, in, len), NULL, 0, NULL);
}

CARD(HMACFinal, void *session, unsigned char *out, unsigned int *out_len)
{
	return final(HUFU_VERB_SIGN, sdf_face_hmac_final, session, out, out_len);
}
#else
typedef int card_2023_is_empty; /* ISO C wants something in a file */
#endif
