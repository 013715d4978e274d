/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MACs (GM/T 0018-2023 6.5.3, 6.5.12 to 6.5.14): CBC-MAC of SM4, whole blocks from
 * an IV, and 128-EIA3. The core's CBC-MAC begins at zero: an IV other than that
 * is added to the first block, which is the same.
 */
#include "base/secret.h"
#include "sdf/symmetric.h"

#include <string.h>

struct mac_alg {
	unsigned int id;
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE key_type;
	size_t len;
};

static const struct mac_alg algs[] = {
	{SGD_SM4_MAC, CKM_HUFU_SM4_CBC_MAC, CKK_HUFU_SM4, BLOCK},
	{SGD_ZUC_EIA3, CKM_HUFU_ZUC_EIA3, CKK_HUFU_ZUC, 4},
};

static int alg_find(unsigned int id, const struct mac_alg **alg)
{
	for (size_t i = 0; i < COUNT(algs); i++) {
		if (algs[i].id != id)
			continue;
		*alg = &algs[i];
		return SDR_OK;
	}
	return SDR_ALGNOTSUPPORT;
}

/* EIA3 is nothing without its IV; CBC-MAC begins at zero where there is none. */
static int begin(struct face_session *session, struct session *s, const struct mac_alg *alg, CK_OBJECT_HANDLE key,
                 const uint8_t *iv)
{
	CK_HUFU_ZUC_PARAMS zuc;
	CK_MECHANISM m = MECH(alg->mechanism);
	session->mac.used = BLOCK;
	if (alg->id == SGD_ZUC_EIA3) {
		if (!iv || !zuc_read_eia3(iv, &zuc))
			return SDR_INARGERR;
		m.pParameter = &zuc;
		m.ulParameterLen = sizeof zuc;
	} else if (iv) {
		memcpy(session->mac.iv, iv, BLOCK);
		session->mac.used = 0;
	}
	(void)sign_init(s, NULL, 0);
	return sdr_of(sign_init(s, &m, key), SDR_MACERR);
}

/* The part of the first block that this is, with the IV added; the rest as it is. */
static CK_RV add(struct face_session *session, struct session *s, const uint8_t *in, size_t len)
{
	uint8_t first[BLOCK];
	size_t n = BLOCK - session->mac.used < len ? BLOCK - session->mac.used : len;
	CK_RV rv = CKR_OK;
	for (size_t i = 0; i < n; i++)
		first[i] = in[i] ^ session->mac.iv[session->mac.used + i];
	session->mac.used += n;
	if (n)
		rv = sign_update(s, first, n);
	if (rv == CKR_OK && (len > n || n == 0))
		rv = sign_update(s, in + n, len - n);
	secret_wipe(first, sizeof first);
	return rv;
}

static int end(struct session *s, unsigned char *mac, unsigned int *mac_len)
{
	CK_ULONG n = room_of(mac_len);
	CK_RV rv = sign_final(s, mac, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*mac_len = (unsigned int)n;
	return sdr_of(rv, SDR_MACERR);
}

/* -- at once ------------------------------------------------------------------------------- */

/* What the parts of a MAC have noted stays theirs. */
static int run_once(struct face_session *session, struct session *s, const struct mac_alg *alg, CK_OBJECT_HANDLE key,
                    const uint8_t *iv, const uint8_t *in, size_t len, unsigned char *mac)
{
	struct mac_chain aside = session->mac;
	unsigned int n = (unsigned int)alg->len;
	int result = begin(session, s, alg, key, iv);
	if (result == SDR_OK)
		result = sdr_of(add(session, s, in, len), SDR_MACERR);
	if (result == SDR_OK)
		result = end(s, mac, &n);
	session->mac = aside;
	return result;
}

static int once(struct face_session *session, struct session *s, void *handle, unsigned int id, unsigned char *iv,
                const uint8_t *in, size_t len, unsigned char *mac, unsigned int *mac_len)
{
	const struct mac_alg *alg;
	CK_OBJECT_HANDLE key;
	int result = alg_find(id, &alg);
	if (result != SDR_OK)
		return result;
	if (!in || len == 0 || (id == SGD_SM4_MAC && len % BLOCK))
		return SDR_INARGERR;
	if (!mac_len)
		return SDR_OUTARGERR;
	if (!mac) {
		*mac_len = (unsigned int)alg->len;
		return SDR_OK;
	}
	result = check_room(mac_len, alg->len);
	if (result == SDR_OK)
		result = key_object(session, s, handle, alg->key_type, &key);
	if (result == SDR_OK)
		result = run_once(session, s, alg, key, iv, in, len, mac);
	if (result == SDR_OK && iv && id == SGD_SM4_MAC) /* 6.5.3: updated, so that calls go on from each other */
		memcpy(iv, mac, BLOCK);
	return result;
}

int sdf_face_calculate_mac(void *session_handle, void *handle, unsigned int alg, unsigned char *iv, unsigned char *data,
                           unsigned int data_len, unsigned char *mac, unsigned int *mac_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, once(session, s, handle, alg, iv, data, data_len, mac, mac_len));
}

/* -- in parts --------------------------------------------------------------------------------- */

static int init(struct face_session *session, struct session *s, void *handle, unsigned int id, const uint8_t *iv, size_t iv_len)
{
	const struct mac_alg *alg;
	CK_OBJECT_HANDLE key;
	int result = alg_find(id, &alg);
	if (result == SDR_OK && iv && iv_len != BLOCK)
		result = SDR_INARGERR;
	if (result == SDR_OK)
		result = key_object(session, s, handle, alg->key_type, &key);
	return result == SDR_OK ? begin(session, s, alg, key, iv) : result;
}

int sdf_face_calculate_mac_init(void *session_handle, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(session_handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, init(session, s, handle, alg, iv, iv_len));
}

int sdf_face_calculate_mac_update(void *handle, unsigned char *data, unsigned int data_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	result = data || !data_len ? sdr_of(add(session, s, data, data_len), SDR_MACERR) : SDR_INARGERR;
	return face_end(session, s, result);
}

int sdf_face_calculate_mac_final(void *handle, unsigned char *mac, unsigned int *mac_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_PARTS, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, mac_len ? end(s, mac, mac_len) : SDR_OUTARGERR);
}
