/* SPDX-License-Identifier: Apache-2.0 */
/* Key agreement: GM/T 0018 6.3. */
#include "card.h"

CARD(GenerateAgreementDataWithECC, void *session, unsigned int index, unsigned int nbits, unsigned char *id, unsigned int id_len,
     struct card_point *own, struct card_point *own_tmp, void **agreement)
{
	ECCrefPublicKey fixed, fresh;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DERIVE, session))
		return call.code;
	int code = sdf_face_generate_agreement_data_with_ecc(call.face, index, nbits, id, id_len, &fixed, &fresh, agreement);
	if (code == SDR_OK) {
		card_point_out(own, &fixed);
		card_point_out(own_tmp, &fresh);
	}
	return card_leave(&call, code, own_tmp->y, sizeof(own_tmp->y), NULL);
}

CARD(GenerateKeyWithECC, void *session, unsigned char *id, unsigned int id_len, struct card_point *peer,
     struct card_point *peer_tmp, void *agreement, void **handle)
{
	ECCrefPublicKey fixed, fresh;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DERIVE, session))
		return call.code;
	card_point_in(&fixed, peer);
	card_point_in(&fresh, peer_tmp);
	int code = sdf_face_generate_key_with_ecc(call.face, id, id_len, &fixed, &fresh, agreement, handle);
	return card_leave(&call, code, NULL, 0, NULL);
}

CARD(GenerateAgreementDataAndKeyWithECC, void *session, unsigned int index, unsigned int nbits, unsigned char *id,
     unsigned int id_len, unsigned char *peer_id, unsigned int peer_id_len, struct card_point *peer, struct card_point *peer_tmp,
     struct card_point *own, struct card_point *own_tmp, void **handle)
{
	ECCrefPublicKey theirs, theirs_tmp, fixed, fresh;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_DERIVE, session))
		return call.code;
	card_point_in(&theirs, peer);
	card_point_in(&theirs_tmp, peer_tmp);
	int code = sdf_face_generate_agreement_data_and_key_with_ecc(call.face, index, nbits, id, id_len, peer_id, peer_id_len,
	                                                             &theirs, &theirs_tmp, &fixed, &fresh, handle);
	if (code == SDR_OK) {
		card_point_out(own, &fixed);
		card_point_out(own_tmp, &fresh);
	}
	return card_leave(&call, code, own_tmp->y, sizeof(own_tmp->y), NULL);
}
