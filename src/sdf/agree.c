/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 key agreement (GM/T 0018-2023 6.3.11 to 6.3.13; GB/T 32918.3): the sponsor
 * begins, the response answers, the sponsor ends. The static keys are an index's
 * encryption pair; an ephemeral one serves one agreement and is destroyed.
 */
#include "sdf/agree.h"
#include "base/secret.h"
#include "sdf/internal.h"
#include "sm/sm2.h"

#include <stdlib.h>
#include <string.h>

struct agreement {
	size_t at;                      /* of the index */
	unsigned int nbits;
	size_t id_len;
	uint8_t id[];                   /* the sponsor's */
};

/* One side, as it goes into the derivation. */
struct side {
	CK_ULONG role;
	const uint8_t *own_id, *peer_id;
	size_t own_id_len, peer_id_len;
	const ECCrefPublicKey *peer, *peer_tmp;
	CK_OBJECT_HANDLE ephemeral;
};

void agreement_free(struct agreement *a)
{
	free(a);
}

static bool bad_id(const uint8_t *id, size_t len)
{
	return !id || len == 0 || len > SM2_ID_MAX;
}

static bool bad_nbits(unsigned int nbits)
{
	return nbits == 0 || nbits % 8 || nbits / 8 > KEY_MAX;
}

/* -- ephemeral keys ----------------------------------------------------------------------- */

static CK_RV read_point(struct session *s, CK_OBJECT_HANDLE key, uint8_t point[64])
{
	uint8_t der[67];
	CK_ATTRIBUTE a = {CKA_EC_POINT, der, sizeof der};
	CK_RV rv = object_get_attributes(s, key, &a, 1);
	if (rv == CKR_OK)
		memcpy(point, der + 3, 64);
	return rv;
}

static CK_RV make_ephemeral(struct session *s, CK_OBJECT_HANDLE *private, uint8_t point[64])
{
	CK_MECHANISM m = MECH(CKM_HUFU_SM2_KEY_PAIR_GEN);
	CK_ATTRIBUTE pub[] = {ATTR(CKA_PRIVATE, ck_false)};
	CK_ATTRIBUTE priv[] = {ATTR(CKA_PRIVATE, ck_false), ATTR(CKA_DERIVE, ck_true), ATTR(CKA_SIGN, ck_false),
	                       ATTR(CKA_DECRYPT, ck_false)};
	CK_OBJECT_HANDLE public;
	CK_RV rv = key_generate_pair(s, &m, pub, COUNT(pub), priv, COUNT(priv), &public, private);
	if (rv != CKR_OK)
		return rv;
	rv = read_point(s, public, point);
	object_destroy(s, public);
	if (rv != CKR_OK)
		object_destroy(s, *private);
	return rv;
}

/* The static and an ephemeral public key, for the peer. */
static int own_points(struct session *s, size_t at, ECCrefPublicKey *fixed, ECCrefPublicKey *tmp, CK_OBJECT_HANDLE *ephemeral)
{
	uint8_t point[64], tmp_point[64];
	CK_RV rv = index_point(s, at, ROLE_ENCRYPT, point);
	if (rv == CKR_OK)
		rv = make_ephemeral(s, ephemeral, tmp_point);
	if (rv != CKR_OK)
		return sdr_of(rv, SDR_SKOPERR);
	point_write(fixed, point);
	point_write(tmp, tmp_point);
	return SDR_OK;
}

/* -- the key ---------------------------------------------------------------------------------- */

static CK_RV derive_with(struct session *s, size_t at, CK_HUFU_SM2_KEY_AGREEMENT_PARAMS *p, CK_ULONG len, CK_OBJECT_HANDLE *key)
{
	static const CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE_LEN, len), ATTR(CKA_PRIVATE, ck_false),
		ATTR(CKA_SENSITIVE, ck_false), ATTR(CKA_EXTRACTABLE, ck_true),
	};
	CK_MECHANISM m = {CKM_HUFU_SM2_KEY_AGREEMENT, p, sizeof *p};
	CK_RV rv = CKR_KEY_HANDLE_INVALID;
	for (int tries = 0; tries < 2 && rv == CKR_KEY_HANDLE_INVALID; tries++) {
		CK_OBJECT_HANDLE base;
		rv = index_private(s, at, ROLE_ENCRYPT, &base);
		if (rv != CKR_OK)
			return rv;
		rv = key_derive(s, &m, base, templ, COUNT(templ), key);
		if (rv == CKR_KEY_HANDLE_INVALID)
			index_forget(base);
	}
	return rv;
}

/* 04 || x || y */
static int peer_point(const ECCrefPublicKey *key, uint8_t point[65])
{
	point[0] = 0x04;
	return key ? point_read(key, point + 1) : SDR_INARGERR;
}

/* The agreed key, as one of the session's. */
static int adopt(struct face_session *session, struct session *s, CK_OBJECT_HANDLE object, size_t len, void **handle)
{
	uint8_t *value = secret_alloc(len);
	CK_ATTRIBUTE a = {CKA_VALUE, value, len};
	CK_RV rv = value ? object_get_attributes(s, object, &a, 1) : CKR_HOST_MEMORY;
	int result = rv == CKR_OK ? key_new(session, value, a.ulValueLen, handle) : sdr_of(rv, SDR_KEYERR);
	object_destroy(s, object);
	secret_free(value);
	return result;
}

static int derive(struct face_session *session, struct session *s, size_t at, const struct side *side, unsigned int nbits,
                  void **handle)
{
	uint8_t peer[65], peer_tmp[65];
	CK_OBJECT_HANDLE key;
	int result = peer_point(side->peer, peer);
	if (result == SDR_OK)
		result = peer_point(side->peer_tmp, peer_tmp);
	if (result != SDR_OK)
		return result;
	CK_HUFU_SM2_KEY_AGREEMENT_PARAMS p = {
		.ulRole = side->role,
		.pOwnId = (CK_BYTE *)(uintptr_t)side->own_id, .ulOwnIdLen = side->own_id_len,
		.pPeerId = (CK_BYTE *)(uintptr_t)side->peer_id, .ulPeerIdLen = side->peer_id_len,
		.pPeerStatic = peer, .ulPeerStaticLen = sizeof peer,
		.pPeerEphemeral = peer_tmp, .ulPeerEphemeralLen = sizeof peer_tmp,
		.hOwnEphemeral = side->ephemeral,
	};
	CK_RV rv = derive_with(s, at, &p, nbits / 8, &key);
	return rv == CKR_OK ? adopt(session, s, key, nbits / 8, handle) : sdr_of(rv, SDR_SKOPERR);
}

/* -- the sponsor -------------------------------------------------------------------------------- */

static int sponsor_new(struct face_session *session, size_t at, unsigned int nbits, const uint8_t *id, size_t id_len,
                       CK_OBJECT_HANDLE ephemeral, void **handle)
{
	struct key *key = calloc(1, sizeof *key);
	struct agreement *a = malloc(sizeof *a + id_len);
	if (!key || !a) {
		free(key);
		free(a);
		return SDR_NOBUFFER;
	}
	a->at = at;
	a->nbits = nbits;
	a->id_len = id_len;
	memcpy(a->id, id, id_len);
	key->kind = KEY_AGREEMENT;
	key->agreement = a;
	key->objects[0].type = CKK_HUFU_SM2;
	key->objects[0].object = ephemeral;
	return key_add(session, key, handle);
}

static int sponsor_begin(struct face_session *session, struct session *s, unsigned int index, unsigned int nbits,
                         const uint8_t *id, size_t id_len, ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp, void **agreement)
{
	CK_OBJECT_HANDLE ephemeral;
	size_t at;
	if (bad_nbits(nbits) || bad_id(id, id_len))
		return SDR_INARGERR;
	if (!sponsor || !sponsor_tmp || !agreement)
		return SDR_OUTARGERR;
	int result = right_check(session, index, &at);
	if (result == SDR_OK)
		result = own_points(s, at, sponsor, sponsor_tmp, &ephemeral);
	if (result != SDR_OK)
		return result;
	result = sponsor_new(session, at, nbits, id, id_len, ephemeral, agreement);
	if (result != SDR_OK)
		object_destroy(s, ephemeral);
	return result;
}

int sdf_face_generate_agreement_data_with_ecc(void *handle, unsigned int index, unsigned int nbits, unsigned char *sponsor_id,
                                              unsigned int sponsor_id_len, ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp,
                                              void **agreement)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = sponsor_begin(session, s, index, nbits, sponsor_id, sponsor_id_len, sponsor, sponsor_tmp, agreement);
	return face_end(session, s, result);
}

/* Whatever comes of it, the agreement is over: an ephemeral key answers once. */
static int sponsor_end(struct face_session *session, struct session *s, const uint8_t *id, size_t id_len,
                       const ECCrefPublicKey *response, const ECCrefPublicKey *response_tmp, void *agreement, void **handle)
{
	struct key *key;
	if (bad_id(id, id_len) || !response || !response_tmp)
		return SDR_INARGERR;
	if (!handle)
		return SDR_OUTARGERR;
	int result = key_take(session, agreement, KEY_AGREEMENT, &key);
	if (result != SDR_OK)
		return SDR_INARGERR;
	const struct agreement *a = key->agreement;
	const struct side side = {HUFU_SM2_INITIATOR, a->id, id, a->id_len, id_len, response, response_tmp, key->objects[0].object};
	result = right_held(session, a->at) ? derive(session, s, a->at, &side, a->nbits, handle) : SDR_PARDENY;
	key_end(s, key);
	return result;
}

int sdf_face_generate_key_with_ecc(void *session_handle, unsigned char *response_id, unsigned int response_id_len,
                                   ECCrefPublicKey *response, ECCrefPublicKey *response_tmp, void *agreement, void **handle)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = sponsor_end(session, s, response_id, response_id_len, response, response_tmp, agreement, handle);
	return face_end(session, s, result);
}

/* -- the response ---------------------------------------------------------------------------------- */

static int respond(struct face_session *session, struct session *s, unsigned int index, unsigned int nbits, struct side *side,
                   ECCrefPublicKey *response, ECCrefPublicKey *response_tmp, void **handle)
{
	size_t at;
	if (bad_nbits(nbits) || bad_id(side->own_id, side->own_id_len) || bad_id(side->peer_id, side->peer_id_len))
		return SDR_INARGERR;
	if (!response || !response_tmp || !handle)
		return SDR_OUTARGERR;
	int result = right_check(session, index, &at);
	if (result == SDR_OK)
		result = own_points(s, at, response, response_tmp, &side->ephemeral);
	if (result != SDR_OK)
		return result;
	result = derive(session, s, at, side, nbits, handle);
	object_destroy(s, side->ephemeral);
	return result;
}

int sdf_face_generate_agreement_data_and_key_with_ecc(void *session_handle, unsigned int index, unsigned int nbits,
                                                      unsigned char *response_id, unsigned int response_id_len,
                                                      unsigned char *sponsor_id, unsigned int sponsor_id_len,
                                                      ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp,
                                                      ECCrefPublicKey *response, ECCrefPublicKey *response_tmp, void **handle)
{
	struct side side = {HUFU_SM2_RESPONDER, response_id, sponsor_id, response_id_len, sponsor_id_len, sponsor, sponsor_tmp, 0};
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, respond(session, s, index, nbits, &side, response, response_tmp, handle));
}
