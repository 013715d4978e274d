/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with keys: an Init and one call. How long an answer is, the module says; whether that can be, is asked here. */
#include "driver/p11/p11.h"

#include <string.h>

#include <openssl/ecdsa.h>

#include "base/secret.h"
#include "driver/soft/evp.h"

#define MAC_MAX 64
#define SM2_GROWTH 97 /* 04 || x || y, C3 */
#define DER_MAX 72 /* of SEQUENCE { r, s } on a curve of 256 bits */

/* A NULL buffer would ask for the length. */
static uint8_t nothing[1];

static CK_BYTE *bytes_of(const uint8_t *in)
{
	return in ? (CK_BYTE *)(uintptr_t)in : nothing;
}

/*
 * CKR_BUFFER_TOO_SMALL leaves the operation active (PKCS#11 3.1 5.2), and 2.40 has no way to end it: the session is
 * given up.
 */
static enum hufu_err settle(struct hufu_lease *lease, CK_RV rv, size_t cap, CK_ULONG len, size_t *out_len)
{
	*out_len = len;
	if (rv == CKR_BUFFER_TOO_SMALL) {
		p11_close_session(lease->device, lease->session);
		lease->connection = 0;
		return len > cap ? HUFU_ERR_BUFFER : HUFU_ERR_CORRUPT;
	}
	if (rv == CKR_OK && len > cap)
		return HUFU_ERR_CORRUPT;
	return p11_answer(lease, rv);
}

enum hufu_err p11_random(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	(void)offer;
	op->out_len = op->out_cap;
	if (op->out_cap == 0)
		return HUFU_OK;
	return p11_answer(lease, P11_CALL(lease->device->module, C_GenerateRandom, lease->session, op->out, op->out_cap));
}

/* -- encryption ---------------------------------------------------------------------- */

/* How much longer what comes out is than what goes in, where the mechanism says so; false: it does not. */
static bool growth_of(const struct hufu_op *op, size_t *growth)
{
	switch (op->mechanism) {
	case CKM_AES_GCM:
	case CKM_HUFU_SM4_GCM: *growth = ((const struct hufu_param_gcm *)op->param)->tag_len; return true;
	case CKM_AES_CCM:
	case CKM_HUFU_SM4_CCM: *growth = ((const struct hufu_param_ccm *)op->param)->tag_len; return true;
	case CKM_HUFU_SM2_C1C3C2: *growth = SM2_GROWTH; return true;
	default: *growth = 0; return op->key->type == HUFU_KEY_AES || op->key->type == HUFU_KEY_SM4;
	}
}

/* An answer that is cut short is a lie of the device's, and no success. */
static enum hufu_err check_whole(const struct hufu_op *op)
{
	size_t growth, shorter = op->verb == HUFU_VERB_ENCRYPT ? op->in_len : op->out_len;
	size_t longer = op->verb == HUFU_VERB_ENCRYPT ? op->out_len : op->in_len;

	return !growth_of(op, &growth) || longer == shorter + growth ? HUFU_OK : HUFU_ERR_CORRUPT;
}

enum hufu_err p11_encrypt(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	struct p11_module *module = lease->device->module;
	struct p11_mechanism mechanism;
	CK_OBJECT_HANDLE key;
	CK_ULONG len = op->out_cap;
	enum hufu_err err = p11_mechanism(offer, op, &mechanism);

	if (err == HUFU_OK)
		err = p11_key_load(lease, op->key, &key);
	if (err == HUFU_OK)
		err = p11_answer_of_object(lease, P11_CALL(module, C_EncryptInit, lease->session, &mechanism.m, key));
	if (err != HUFU_OK)
		return err;
	CK_RV rv = P11_CALL(module, C_Encrypt, lease->session, bytes_of(op->in), op->in_len, op->out_cap ? op->out : nothing, &len);
	err = settle(lease, rv, op->out_cap, len, &op->out_len);
	return err == HUFU_OK ? check_whole(op) : err;
}

enum hufu_err p11_decrypt_with(struct hufu_lease *lease, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t in_len,
                               uint8_t *out, size_t cap, size_t *out_len)
{
	struct p11_module *module = lease->device->module;
	CK_ULONG len = cap;
	enum hufu_err err = p11_answer_of_object(lease, P11_CALL(module, C_DecryptInit, lease->session, m, key));

	if (err != HUFU_OK)
		return err;
	CK_RV rv = P11_CALL(module, C_Decrypt, lease->session, bytes_of(in), in_len, cap ? out : nothing, &len);
	/*
	 * What does not open is the caller's, and must not count against the device: whoever can send ciphertexts could have it
	 * ejected. There are modules that have no better word for it than these.
	 */
	if (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DATA_INVALID)
		rv = CKR_ENCRYPTED_DATA_INVALID;
	return settle(lease, rv, cap, len, out_len);
}

enum hufu_err p11_decrypt(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	struct p11_mechanism mechanism;
	CK_OBJECT_HANDLE key;
	enum hufu_err err = p11_mechanism(offer, op, &mechanism);

	if (err == HUFU_OK)
		err = p11_key_load(lease, op->key, &key);
	if (err == HUFU_OK)
		err = p11_decrypt_with(lease, &mechanism.m, key, op->in, op->in_len, op->out, op->out_cap, &op->out_len);
	if (err == HUFU_OK)
		err = check_whole(op);
	/* Manger 2001: OAEP says no more than that. */
	if (op->mechanism == CKM_RSA_PKCS_OAEP && (err == HUFU_ERR_CIPHERTEXT_LEN || err == HUFU_ERR_DATA_LEN))
		err = HUFU_ERR_CIPHERTEXT;
	return err;
}

/* -- signatures in another form -------------------------------------------------------- */

static enum hufu_err raw_of_der(const uint8_t *der, size_t len, uint8_t raw[64])
{
	const unsigned char *p = der;

	soft_evp_begin();
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	bool good = sig && p == der + len && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	return soft_evp_end(good ? HUFU_OK : HUFU_ERR_CORRUPT);
}

static enum hufu_err der_of_raw(const uint8_t *raw, uint8_t der[DER_MAX], size_t *len)
{
	unsigned char *p = der;

	soft_evp_begin();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
	bool good = sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1;
	if (!good) {
		BN_free(r);
		BN_free(s);
	}
	int n = good ? i2d_ECDSA_SIG(sig, NULL) : 0;
	good = n > 0 && n <= DER_MAX && i2d_ECDSA_SIG(sig, &p) == n;
	*len = good ? (size_t)n : 0;
	ECDSA_SIG_free(sig);
	return soft_evp_end(good ? HUFU_OK : HUFU_ERR_NO_MEMORY);
}

/* -- signing ------------------------------------------------------------------------------ */

static enum hufu_err sign_into(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op, uint8_t *out,
                               size_t cap, size_t *out_len)
{
	struct p11_module *module = lease->device->module;
	struct p11_mechanism mechanism;
	CK_OBJECT_HANDLE key;
	CK_ULONG len = cap;
	enum hufu_err err = p11_mechanism(offer, op, &mechanism);

	if (err == HUFU_OK)
		err = p11_key_load(lease, op->key, &key);
	if (err == HUFU_OK)
		err = p11_answer_of_object(lease, P11_CALL(module, C_SignInit, lease->session, &mechanism.m, key));
	if (err != HUFU_OK)
		return err;
	CK_RV rv = P11_CALL(module, C_Sign, lease->session, bytes_of(op->in), op->in_len, cap ? out : nothing, &len);
	return settle(lease, rv, cap, len, out_len);
}

static enum hufu_err give(struct hufu_op *op, const uint8_t *bytes, size_t len)
{
	op->out_len = len;
	if (len > op->out_cap)
		return HUFU_ERR_BUFFER;
	memcpy(op->out, bytes, len);
	return HUFU_OK;
}

static enum hufu_err sign_sm2(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	uint8_t bytes[DER_MAX], raw[64];
	size_t len;
	enum hufu_err err = sign_into(lease, offer, op, bytes, sizeof(bytes), &len);

	if (err != HUFU_OK)
		return err == HUFU_ERR_BUFFER ? HUFU_ERR_CORRUPT : err;
	if (offer->form == P11_AS_IS)
		return len == sizeof(raw) ? give(op, bytes, len) : HUFU_ERR_CORRUPT;
	err = raw_of_der(bytes, len, raw);
	return err == HUFU_OK ? give(op, raw, sizeof(raw)) : err;
}

/* The whole of a MAC. */
static enum hufu_err make_mac(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op, uint8_t mac[MAC_MAX])
{
	size_t len, want = p11_mac_len(op->mechanism);
	enum hufu_err err = sign_into(lease, offer, op, mac, MAC_MAX, &len);

	if (err == HUFU_ERR_BUFFER || (err == HUFU_OK && len != want))
		return HUFU_ERR_CORRUPT;
	return err;
}

static size_t mac_wanted(const struct hufu_op *op)
{
	const struct hufu_param_mac *param = op->param;

	return param ? param->mac_len : p11_mac_len(op->mechanism);
}

enum hufu_err p11_sign(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	uint8_t mac[MAC_MAX];

	if (op->mechanism == CKM_HUFU_SM2)
		return sign_sm2(lease, offer, op);
	if (!p11_mac_len(op->mechanism))
		return sign_into(lease, offer, op, op->out, op->out_cap, &op->out_len);
	enum hufu_err err = mac_wanted(op) <= p11_mac_len(op->mechanism) ? make_mac(lease, offer, op, mac) : HUFU_ERR_PARAM;
	if (err == HUFU_OK)
		err = give(op, mac, mac_wanted(op));
	secret_wipe(mac, sizeof(mac));
	return err;
}

/* -- verifying -------------------------------------------------------------------------------- */

static enum hufu_err verify_with(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op, const uint8_t *sig,
                                 size_t sig_len)
{
	struct p11_module *module = lease->device->module;
	struct p11_mechanism mechanism;
	CK_OBJECT_HANDLE key;
	enum hufu_err err = p11_mechanism(offer, op, &mechanism);

	if (err == HUFU_OK)
		err = p11_key_load(lease, op->key, &key);
	if (err == HUFU_OK)
		err = p11_answer_of_object(lease, P11_CALL(module, C_VerifyInit, lease->session, &mechanism.m, key));
	if (err != HUFU_OK)
		return err;
	return p11_answer(lease, P11_CALL(module, C_Verify, lease->session, bytes_of(op->in), op->in_len, bytes_of(sig), sig_len));
}

/* A MAC that is cut short is made here and compared: which of them a module verifies differs. */
static enum hufu_err verify_mac(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	uint8_t mac[MAC_MAX];
	size_t want = mac_wanted(op), whole = p11_mac_len(op->mechanism);

	if (op->in2_len != want)
		return HUFU_ERR_SIGNATURE_LEN;
	if (want == whole)
		return verify_with(lease, offer, op, op->in2, op->in2_len);
	enum hufu_err err = want < whole ? make_mac(lease, offer, op, mac) : HUFU_ERR_PARAM;
	if (err == HUFU_OK && !secret_equal(mac, op->in2, want))
		err = HUFU_ERR_SIGNATURE;
	secret_wipe(mac, sizeof(mac));
	return err;
}

enum hufu_err p11_verify(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	uint8_t der[DER_MAX];
	size_t len;

	if (p11_mac_len(op->mechanism))
		return verify_mac(lease, offer, op);
	if (op->mechanism != CKM_HUFU_SM2 || offer->form == P11_AS_IS)
		return verify_with(lease, offer, op, op->in2, op->in2_len);
	if (op->in2_len != 64)
		return HUFU_ERR_SIGNATURE_LEN;
	enum hufu_err err = der_of_raw(op->in2, der, &len);
	return err == HUFU_OK ? verify_with(lease, offer, op, der, len) : err;
}
