/* SPDX-License-Identifier: Apache-2.0 */
/* RSA: GM/T 0018 6.3 and 6.4. */
#include <string.h>

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

#ifndef CARD_NARROW
/* -- what the narrow card has not --------------------------------------------------------------- */

static void key_in(RSArefPublicKey *to, const struct card_rsa_public *from)
{
	to->bits = from->bits;
	memcpy(to->m, from->m, sizeof(to->m));
	memcpy(to->e, from->e, sizeof(to->e));
}

CARD(ExternalPublicKeyOperation_RSA, void *session, struct card_rsa_public *by, unsigned char *in, unsigned int len,
     unsigned char *out, unsigned int *out_len)
{
	RSArefPublicKey key;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_VERIFY, session))
		return call.code;
	key_in(&key, by);
	int code = sdf_face_external_public_key_operation_rsa(call.face, &key, in, len, out, out_len);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

CARD(GenerateKeyWithIPK_RSA, void *session, unsigned int index, unsigned int nbits, unsigned char *out, unsigned int *out_len,
     void **handle)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_GENERATE, session))
		return call.code;
	int code = sdf_face_generate_key_with_ipk_rsa(call.face, index, nbits, out, out_len, handle);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

CARD(GenerateKeyWithEPK_RSA, void *session, unsigned int nbits, struct card_rsa_public *to, unsigned char *out,
     unsigned int *out_len, void **handle)
{
	RSArefPublicKey key;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_GENERATE, session))
		return call.code;
	key_in(&key, to);
	int code = sdf_face_generate_key_with_epk_rsa(call.face, nbits, &key, out, out_len, handle);
	return card_leave(&call, code, out, code == SDR_OK ? *out_len : 0, out_len);
}

CARD(ImportKeyWithISK_RSA, void *session, unsigned int index, unsigned char *in, unsigned int len, void **handle)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_UNWRAP, session))
		return call.code;
	return card_leave(&call, sdf_face_import_key_with_isk_rsa(call.face, index, in, len, handle), NULL, 0, NULL);
}
#endif
