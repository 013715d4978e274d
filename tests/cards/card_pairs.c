/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's own call: SM2 pairs made inside the card, which GM/T 0018 leaves to
 * the vendor's tools. Of cards that share their keys one makes a pair at a time.
 */
#include "card.h"

#ifdef CARD_NARROW
#include <pthread.h>
#include <string.h>

#include "hufu/mechanisms.h"
#include "sdf/internal.h"
#include "token/session.h"

enum { USAGE_SIGN = 1, USAGE_ENCRYPT = 2 };

static const char *label_of(unsigned index, unsigned usage)
{
	size_t at;

	if (index_find(index, &at) != SDR_OK)
		return NULL;
	return usage == USAGE_SIGN ? face_conf()->keys[at].sign : face_conf()->keys[at].encrypt;
}

static int export_point(void *face, unsigned index, unsigned usage, ECCrefPublicKey *point)
{
	return usage == USAGE_SIGN ? sdf_face_export_sign_public_key_ecc(face, index, point)
	                           : sdf_face_export_enc_public_key_ecc(face, index, point);
}

static CK_RV generate(CK_SLOT_ID slot, const char *label)
{
	const CK_MECHANISM how = MECH(CKM_HUFU_SM2_KEY_PAIR_GEN);
	const CK_ATTRIBUTE pub[] = {ATTR(CKA_TOKEN, ck_true), ATTR_BYTES(CKA_LABEL, label, strlen(label))};
	const CK_ATTRIBUTE priv[] = {ATTR(CKA_TOKEN, ck_true), ATTR(CKA_PRIVATE, ck_true), ATTR(CKA_SIGN, ck_true),
	                             ATTR(CKA_DECRYPT, ck_true), ATTR(CKA_DERIVE, ck_true), ATTR(CKA_UNWRAP, ck_true),
	                             ATTR_BYTES(CKA_LABEL, label, strlen(label))};
	CK_OBJECT_HANDLE pub_handle, priv_handle;
	CK_SESSION_HANDLE handle;
	struct session *session;

	CK_RV rv = session_open(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &handle);
	if (rv != CKR_OK)
		return rv;
	rv = session_enter(handle, &session);
	if (rv == CKR_OK) {
		rv = key_generate_pair(session, &how, pub, COUNT(pub), priv, COUNT(priv), &pub_handle, &priv_handle);
		session_leave(session);
	}
	(void)session_close(handle);
	return rv;
}

static int slot_of(void *face, CK_SLOT_ID *slot)
{
	struct face_session *session;
	int code = face_enter(face, &session);

	if (code != SDR_OK)
		return code;
	*slot = session->device->slot;
	return face_leave(session, SDR_OK);
}

static int make(void *face, unsigned index, unsigned usage, ECCrefPublicKey *point)
{
	const char *label = label_of(index, usage);
	CK_SLOT_ID slot;

	if (!label || (usage != USAGE_SIGN && usage != USAGE_ENCRYPT))
		return SDR_INARGERR;
	if (export_point(face, index, usage, point) == SDR_OK)
		return SDR_KEYERR; /* there is one */
	int code = slot_of(face, &slot);
	if (code != SDR_OK)
		return code;
	return generate(slot, label) == CKR_OK ? export_point(face, index, usage, point) : SDR_SKOPERR;
}

CARD_NAMED(make_pair, "VENDOR_MakePair", void *session, unsigned int index, unsigned int usage, struct card_point *out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	ECCrefPublicKey point;
	struct call call;

	if (!card_enter(&call, HUFU_VERB_GENERATE, session))
		return call.code;
	pthread_mutex_lock(&lock);
	int code = make(call.face, index, usage, &point);
	pthread_mutex_unlock(&lock);
	if (code == SDR_OK)
		card_point_out(out, &point);
	return card_leave(&call, code, out->y, sizeof(out->y), NULL);
}
#else
typedef int card_pairs_is_empty; /* ISO C wants something in a file */
#endif
