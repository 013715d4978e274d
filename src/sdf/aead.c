/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticated encryption (GM/T 0018-2023 6.5.4, 6.5.5, 6.5.15 to 6.5.20): GCM and
 * CCM of SM4. The core has the tag behind the ciphertext, the standard beside it.
 * Decryption gives nothing before the tag was found right: in parts, everything
 * comes at the end.
 */
#include "base/secret.h"
#include "sdf/symmetric.h"

#include <string.h>

#define TAG_LEN 16u
#define TAG_MIN 8u

struct auth_param {
	CK_MECHANISM m;
	union {
		CK_GCM_PARAMS gcm;
		CK_CCM_PARAMS ccm;
	} param;
};

struct auth_input {
	unsigned int alg;
	const uint8_t *nonce, *aad;
	size_t nonce_len, aad_len;
	size_t data_len;
	size_t tag_len;
};

static int set_param(struct auth_param *p, const struct auth_input *in)
{
	if (!in->nonce || (!in->aad && in->aad_len))
		return SDR_INARGERR;
	CK_BYTE *nonce = (CK_BYTE *)(uintptr_t)in->nonce, *aad = (CK_BYTE *)(uintptr_t)in->aad;
	switch (in->alg) {
	case SGD_SM4_GCM:
		p->param.gcm = (CK_GCM_PARAMS){.pIv = nonce, .ulIvLen = in->nonce_len, .ulIvBits = in->nonce_len * 8, .pAAD = aad,
		                               .ulAADLen = in->aad_len, .ulTagBits = in->tag_len * 8};
		p->m = (CK_MECHANISM){CKM_HUFU_SM4_GCM, &p->param.gcm, sizeof p->param.gcm};
		return SDR_OK;
	case SGD_SM4_CCM:
		p->param.ccm = (CK_CCM_PARAMS){.ulDataLen = in->data_len, .pNonce = nonce, .ulNonceLen = in->nonce_len, .pAAD = aad,
		                               .ulAADLen = in->aad_len, .ulMACLen = in->tag_len};
		p->m = (CK_MECHANISM){CKM_HUFU_SM4_CCM, &p->param.ccm, sizeof p->param.ccm};
		return SDR_OK;
	default: return SDR_ALGNOTSUPPORT;
	}
}

static int begin(const struct face_session *session, struct session *s, enum op_kind kind, void *handle,
                 const struct auth_input *in)
{
	struct auth_param p;
	CK_OBJECT_HANDLE key;
	int result = set_param(&p, in);
	if (result == SDR_OK)
		result = key_object(session, s, handle, CKK_HUFU_SM4, &key);
	if (result != SDR_OK)
		return result;
	(void)crypt_init(s, kind, NULL, 0);
	return sdr_of(crypt_init(s, kind, &p.m, key), SDR_SYMOPERR);
}

/* A wrong tag is all that can be wrong with a ciphertext of the right length. */
static int opened(CK_RV rv)
{
	return rv == CKR_ENCRYPTED_DATA_INVALID ? SDR_MACERR : sdr_of(rv, SDR_SYMOPERR);
}

/* -- at once ------------------------------------------------------------------------------- */

/* A caller with less room than a whole tag is asking for a shorter one. */
static size_t wanted_tag_len(const unsigned int *tag_len)
{
	size_t room = room_of(tag_len);
	return room < TAG_LEN ? room : TAG_LEN;
}

static int seal(struct session *s, const uint8_t *in, size_t len, unsigned char *out, unsigned char *tag, size_t tag_len)
{
	CK_ULONG n = len + tag_len;
	uint8_t *sealed = secret_alloc(n);
	if (!sealed)
		return SDR_NOBUFFER;
	CK_RV rv = crypt_once(s, OP_ENCRYPT, in, len, sealed, &n);
	if (rv == CKR_OK) {
		if (len)
			memcpy(out, sealed, len);
		memcpy(tag, sealed + len, tag_len);
	}
	secret_free(sealed);
	return sdr_of(rv, SDR_SYMOPERR);
}

static int check_text(const uint8_t *in, size_t len, const unsigned char *out, const unsigned int *out_len)
{
	if (!in && len)
		return SDR_INARGERR;
	return out_len && (out || !len) ? SDR_OK : SDR_OUTARGERR;
}

int sdf_face_auth_enc(void *session_handle, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                      unsigned char *aad, unsigned int aad_len, unsigned char *data, unsigned int data_len,
                      unsigned char *encrypted, unsigned int *encrypted_len, unsigned char *tag, unsigned int *tag_len)
{
	struct auth_input in = {alg, nonce, aad, nonce_len, aad_len, data_len, 0};
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_text(data, data_len, encrypted, encrypted_len);
	if (result == SDR_OK)
		result = tag && tag_len ? check_room(encrypted_len, data_len) : SDR_OUTARGERR;
	if (result == SDR_OK) {
		in.tag_len = wanted_tag_len(tag_len);
		*tag_len = (unsigned int)(in.tag_len < TAG_MIN ? TAG_LEN : in.tag_len);
		result = in.tag_len < TAG_MIN ? SDR_NOBUFFER : begin(session, s, OP_ENCRYPT, handle, &in);
	}
	if (result == SDR_OK)
		result = seal(s, data, data_len, encrypted, tag, in.tag_len);
	return face_end(session, s, result);
}

static int open_sealed(struct session *s, const uint8_t *in, size_t len, const uint8_t *tag, size_t tag_len, unsigned char *out)
{
	uint8_t nothing;
	CK_ULONG n = len;
	uint8_t *sealed = secret_alloc(len + tag_len);
	if (!sealed)
		return SDR_NOBUFFER;
	if (len)
		memcpy(sealed, in, len);
	memcpy(sealed + len, tag, tag_len);
	CK_RV rv = crypt_once(s, OP_DECRYPT, sealed, len + tag_len, len ? out : &nothing, &n);
	secret_free(sealed);
	return opened(rv);
}

int sdf_face_auth_dec(void *session_handle, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                      unsigned char *aad, unsigned int aad_len, unsigned char *tag, unsigned int *tag_len,
                      unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data, unsigned int *data_len)
{
	struct auth_input in = {alg, nonce, aad, nonce_len, aad_len, encrypted_len, tag_len ? *tag_len : 0};
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = check_text(encrypted, encrypted_len, data, data_len);
	if (result == SDR_OK && (!tag || in.tag_len < TAG_MIN || in.tag_len > TAG_LEN))
		result = SDR_INARGERR;
	if (result == SDR_OK)
		result = check_room(data_len, encrypted_len);
	if (result == SDR_OK)
		result = begin(session, s, OP_DECRYPT, handle, &in);
	if (result == SDR_OK)
		result = open_sealed(s, encrypted, encrypted_len, tag, in.tag_len, data);
	return face_end(session, s, result);
}

/* -- in parts --------------------------------------------------------------------------------- */

static int update(void *handle, enum op_kind kind, const uint8_t *in, size_t len, unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, crypt_part(s, kind, in, len, out, out_len));
}

/* How much comes yet. */
static int rest_len(struct session *s, enum op_kind kind, size_t *len)
{
	CK_ULONG n = 0;
	CK_RV rv = crypt_final(s, kind, NULL, &n);
	*len = n;
	return sdr_of(rv, SDR_SYMOPERR);
}

int sdf_face_auth_enc_init(void *session_handle, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                           unsigned char *aad, unsigned int aad_len, unsigned int data_len)
{
	struct auth_input in = {alg, nonce, aad, nonce_len, aad_len, data_len, TAG_LEN};
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, begin(session, s, OP_ENCRYPT, handle, &in));
}

int sdf_face_auth_enc_update(void *session, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                             unsigned int *encrypted_len)
{
	return update(session, OP_ENCRYPT, data, data_len, encrypted, encrypted_len);
}

static int seal_rest(struct session *s, size_t len, unsigned char *out, unsigned char *tag)
{
	CK_ULONG n = len;
	uint8_t *rest = secret_alloc(len);
	if (!rest)
		return SDR_NOBUFFER;
	CK_RV rv = crypt_final(s, OP_ENCRYPT, rest, &n);
	if (rv == CKR_OK && n != len) /* of an AEAD the core knows it to the byte */
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK) {
		if (len > TAG_LEN)
			memcpy(out, rest, len - TAG_LEN);
		memcpy(tag, rest + len - TAG_LEN, TAG_LEN);
	}
	secret_free(rest);
	return sdr_of(rv, SDR_SYMOPERR);
}

static int seal_end(struct session *s, unsigned char *out, unsigned int *out_len, unsigned char *tag, unsigned int *tag_len)
{
	size_t len = 0;
	if (!out_len || !tag || !tag_len)
		return SDR_OUTARGERR;
	int result = rest_len(s, OP_ENCRYPT, &len);
	if (result != SDR_OK)
		return result;
	if (len > TAG_LEN && !out)
		return SDR_OUTARGERR;
	result = check_room(out_len, len - TAG_LEN);
	if (result == SDR_OK)
		result = check_room(tag_len, TAG_LEN);
	return result == SDR_OK ? seal_rest(s, len, out, tag) : result;
}

int sdf_face_auth_enc_final(void *handle, unsigned char *out, unsigned int *out_len, unsigned char *tag, unsigned int *tag_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, seal_end(s, out, out_len, tag, tag_len));
}

int sdf_face_auth_dec_init(void *session_handle, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                           unsigned char *aad, unsigned int aad_len, unsigned char *tag, unsigned int tag_len,
                           unsigned int data_len)
{
	struct auth_input in = {alg, nonce, aad, nonce_len, aad_len, data_len, tag_len};
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	if (!tag || tag_len < TAG_MIN || tag_len > TAG_LEN)
		result = SDR_INARGERR;
	else
		result = begin(session, s, OP_DECRYPT, handle, &in);
	if (result == SDR_OK) {
		memcpy(session->auth.tag, tag, tag_len);
		session->auth.len = tag_len;
	}
	return face_end(session, s, result);
}

int sdf_face_auth_dec_update(void *session, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                             unsigned int *data_len)
{
	return update(session, OP_DECRYPT, encrypted, encrypted_len, data, data_len);
}

/* The core takes the tag for the end of the ciphertext. Once: the call may come again with more room. */
static int give_tag(struct face_session *session, struct session *s)
{
	uint8_t nothing;
	CK_ULONG n = 0;
	if (!session->auth.len)
		return SDR_OK;
	CK_RV rv = crypt_update(s, OP_DECRYPT, session->auth.tag, session->auth.len, &nothing, &n);
	if (rv == CKR_OK)
		session->auth.len = 0;
	return sdr_of(rv, SDR_SYMOPERR);
}

static int open_end(struct face_session *session, struct session *s, unsigned char *out, unsigned int *out_len)
{
	uint8_t nothing;
	size_t len = 0;
	if (!out_len)
		return SDR_OUTARGERR;
	int result = give_tag(session, s);
	if (result == SDR_OK)
		result = rest_len(s, OP_DECRYPT, &len);
	if (result == SDR_OK && len && !out)
		result = SDR_OUTARGERR;
	if (result == SDR_OK)
		result = check_room(out_len, len);
	if (result != SDR_OK)
		return result;
	CK_ULONG n = len;
	CK_RV rv = crypt_final(s, OP_DECRYPT, len ? out : &nothing, &n);
	if (rv == CKR_OK)
		*out_len = (unsigned int)n;
	return opened(rv);
}

int sdf_face_auth_dec_final(void *handle, unsigned char *out, unsigned int *out_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_AUTH, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, open_end(session, s, out, out_len));
}
