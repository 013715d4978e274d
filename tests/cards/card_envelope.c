/* SPDX-License-Identifier: Apache-2.0 */
/* Session keys under SM2: GM/T 0018 6.3. */
#include "card.h"

CARD(GenerateKeyWithIPK_ECC, void *session, unsigned int index, unsigned int nbits, struct card_cipher *out, void **handle)
{
	union standard_cipher made;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_GENERATE, session))
		return call.code;
	return card_leave_cipher(&call, sdf_face_generate_key_with_ipk_ecc(call.face, index, nbits, &made.cipher, handle), out, &made);
}

CARD(GenerateKeyWithEPK_ECC, void *session, unsigned int nbits, unsigned int alg, struct card_point *to, struct card_cipher *out,
     void **handle)
{
	union standard_cipher made;
	ECCrefPublicKey point;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_GENERATE, session))
		return call.code;
	card_point_in(&point, to);
	int code = sdf_face_generate_key_with_epk_ecc(call.face, nbits, card_alg(alg), &point, &made.cipher, handle);
	return card_leave_cipher(&call, code, out, &made);
}

CARD(ImportKeyWithISK_ECC, void *session, unsigned int index, struct card_cipher *in, void **handle)
{
	union standard_cipher cipher;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_UNWRAP, session))
		return call.code;
	if (!card_cipher_in(&cipher, in))
		return card_code(SDR_INARGERR);
	return card_leave(&call, sdf_face_import_key_with_isk_ecc(call.face, index, &cipher.cipher, handle), NULL, 0, NULL);
}
