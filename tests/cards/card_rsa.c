/* SPDX-License-Identifier: Apache-2.0 */
/* RSA: GM/T 0018 6.3 and 6.4. */
#include "card.h"

typedef int export_fn(void *session, unsigned int index, RSArefPublicKey *);

static int export_key(void *session, unsigned int index, struct card_rsa_public *out, export_fn *from)
{
	RSArefPublicKey key;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_EXPORT, session))
		return call.code;
	int code = from(call.face, index, &key);
	if (code == SDR_OK)
		card_rsa_out(out, &key);
	return card_leave(&call, code, out->m, sizeof(out->m), NULL);
}

CARD(ExportSignPublicKey_RSA, void *session, unsigned int index, struct card_rsa_public *out)
{
	return export_key(session, index, out, sdf_face_export_sign_public_key_rsa);
}

CARD(ExportEncPublicKey_RSA, void *session, unsigned int index, struct card_rsa_public *out)
{
	return export_key(session, index, out, sdf_face_export_enc_public_key_rsa);
}

CARD(InternalPublicKeyOperation_RSA, void *session, unsigned int index, unsigned char *in, unsigned int len, unsigned char *out,
     unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_VERIFY, session))
		return call.code;
	int code = sdf_face_internal_public_key_operation_rsa(call.face, index, in, len, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

static int run_private(void *session, unsigned int index, unsigned char *in, unsigned int len, unsigned char *out,
                       unsigned int *out_len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_SIGN, session))
		return call.code;
	int code = sdf_face_internal_private_key_operation_rsa(call.face, index, in, len, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

#ifdef CARD_NARROW
/* A pair for each usage (1: signatures, 2: encryption), where the standard's function knows one. */
CARD(InternalPrivateKeyOperation_RSA, void *session, unsigned int index, unsigned int usage, unsigned char *in, unsigned int len,
     unsigned char *out, unsigned int *out_len)
{
	if (usage != 1 && usage != 2)
		return card_code(SDR_INARGERR);
	return run_private(session, index, in, len, out, out_len);
}
#else
CARD(InternalPrivateKeyOperation_RSA, void *session, unsigned int index, unsigned char *in, unsigned int len, unsigned char *out,
     unsigned int *out_len)
{
	return run_private(session, index, in, len, out, out_len);
}
#endif
