/* SPDX-License-Identifier: Apache-2.0 */
/* Symmetric keys, operations and hash functions of 2012: GM/T 0018 6.3, 6.5, 6.6. */
#include "card.h"

/* -- keys ----------------------------------------------------------------------------------- */

CARD(GenerateKeyWithKEK, void *session, unsigned int nbits, unsigned int alg, unsigned int index, unsigned char *out,
     unsigned int *len, void **handle)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_GENERATE, session))
		return call.code;
	int code = sdf_face_generate_key_with_kek(call.face, nbits, card_alg(alg), index, out, len, handle);
	return card_leave(&call, code, out, code == SDR_OK ? *len : 0, len);
}

CARD(ImportKeyWithKEK, void *session, unsigned int alg, unsigned int index, unsigned char *in, unsigned int len, void **handle)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_UNWRAP, session))
		return call.code;
	int code = sdf_face_import_key_with_kek(call.face, card_alg(alg), index, in, len, handle);
	return card_leave(&call, code, NULL, 0, NULL);
}

#ifndef CARD_2023
CARD(ImportKey, void *session, unsigned char *in, unsigned int len, void **handle)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_IMPORT, session))
		return call.code;
	return card_leave(&call, sdf_face_import_key(call.face, in, len, handle), NULL, 0, NULL);
}
#endif

CARD(DestroyKey, void *session, void *handle)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_EVICT, session))
		return call.code;
	return card_leave(&call, sdf_face_destroy_key(call.face, handle), NULL, 0, NULL);
}

/* -- operations ------------------------------------------------------------------------------ */

CARD(Encrypt, void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *in, unsigned int len,
     unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_ENCRYPT, session))
		return call.code;
	int code = sdf_face_encrypt(call.face, handle, card_alg(alg), iv, in, len, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

CARD(Decrypt, void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *in, unsigned int len,
     unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DECRYPT, session))
		return call.code;
	int code = sdf_face_decrypt(call.face, handle, card_alg(alg), iv, in, len, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

CARD(CalculateMAC, void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *in, unsigned int len,
     unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_SIGN, session))
		return call.code;
	int code = sdf_face_calculate_mac(call.face, handle, card_alg(alg), iv, in, len, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

/* -- hash functions ---------------------------------------------------------------------------- */

CARD(HashInit, void *session, unsigned int alg, struct card_point *by, unsigned char *id, unsigned int id_len)
{
	ECCrefPublicKey point;
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	if (by)
		card_point_in(&point, by);
	return card_leave(&call, sdf_face_hash_init(call.face, card_alg(alg), by ? &point : NULL, id, id_len), NULL, 0, NULL);
}

CARD(HashUpdate, void *session, unsigned char *in, unsigned int len)
{
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	return card_leave(&call, sdf_face_hash_update(call.face, in, len), NULL, 0, NULL);
}

CARD(HashFinal, void *session, unsigned char *out, unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	int code = sdf_face_hash_final(call.face, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}
