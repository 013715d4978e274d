/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what is translated, held against what the token offers; parameters as PKCS#11 has them. */
#include "driver/p11/p11.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/mechanism.h"

/* -- the table ----------------------------------------------------------------------- */

#define CRYPT(mechanism, key, bits) \
	{mechanism, HUFU_VERB_ENCRYPT, key, CKF_ENCRYPT, p11_encrypt, bits}, \
	{mechanism, HUFU_VERB_DECRYPT, key, CKF_DECRYPT, p11_decrypt, bits}
#define MAC(mechanism, key, bits) \
	{mechanism, HUFU_VERB_SIGN, key, CKF_SIGN, p11_sign, bits}, \
	{mechanism, HUFU_VERB_VERIFY, key, CKF_VERIFY, p11_verify, bits}
#define SIGNS(mechanism, pair, bits) \
	{mechanism, HUFU_VERB_SIGN, HUFU_KEY_##pair##_PRIVATE, CKF_SIGN, p11_sign, bits}, \
	{mechanism, HUFU_VERB_VERIFY, HUFU_KEY_##pair##_PUBLIC, CKF_VERIFY, p11_verify, bits}
#define OPENS(mechanism, pair, bits) \
	{mechanism, HUFU_VERB_ENCRYPT, HUFU_KEY_##pair##_PUBLIC, CKF_ENCRYPT, p11_encrypt, bits}, \
	{mechanism, HUFU_VERB_DECRYPT, HUFU_KEY_##pair##_PRIVATE, CKF_DECRYPT, p11_decrypt, bits}
#define MAKES_PAIR(mechanism, pair, bits) \
	{mechanism, HUFU_VERB_GENERATE, HUFU_KEY_##pair##_PRIVATE, CKF_GENERATE_KEY_PAIR, p11_generate_pair, bits}
#define MAKES_SECRET(mechanism, key, bits) {mechanism, HUFU_VERB_GENERATE, key, CKF_GENERATE, p11_generate_secret, bits}

#define SM2_BITS 256, 256
#define SM4_BITS 128, 128
#define AES_BITS 128, 256
#define RSA_BITS 1024, 8192
#define NEW_RSA_BITS 2048, 4096
#define EC_BITS 256, 521
#define EDWARDS_BITS 255, 448
#define SECRET_BITS 8, 8 * 4096

static const struct p11_row rows[] = {
	{0, HUFU_VERB_RANDOM, 0, 0, p11_random, 0, 0},
	{0, HUFU_VERB_IMPORT, 0, 0, p11_import, 0, 0},
	{0, HUFU_VERB_EVICT, 0, 0, p11_evict, 0, 0},
	{0, HUFU_VERB_FIND, 0, 0, p11_find, 0, 0},
	{0, HUFU_VERB_LOGIN, 0, 0, p11_login, 0, 0},
	{0, HUFU_VERB_LOGOUT, 0, 0, p11_logout, 0, 0},

	MAKES_PAIR(CKM_HUFU_SM2_KEY_PAIR_GEN, SM2, SM2_BITS), SIGNS(CKM_HUFU_SM2, SM2, SM2_BITS),
	OPENS(CKM_HUFU_SM2_C1C3C2, SM2, SM2_BITS),
	MAKES_SECRET(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, SM4_BITS), CRYPT(CKM_HUFU_SM4_ECB, HUFU_KEY_SM4, SM4_BITS),
	CRYPT(CKM_HUFU_SM4_CBC, HUFU_KEY_SM4, SM4_BITS), CRYPT(CKM_HUFU_SM4_CTR, HUFU_KEY_SM4, SM4_BITS),
	CRYPT(CKM_HUFU_SM4_OFB, HUFU_KEY_SM4, SM4_BITS), CRYPT(CKM_HUFU_SM4_GCM, HUFU_KEY_SM4, SM4_BITS),
	CRYPT(CKM_HUFU_SM4_CCM, HUFU_KEY_SM4, SM4_BITS),
	MAC(CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET, SECRET_BITS),
	MAKES_SECRET(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, SECRET_BITS),

	MAKES_SECRET(CKM_AES_KEY_GEN, HUFU_KEY_AES, AES_BITS), CRYPT(CKM_AES_ECB, HUFU_KEY_AES, AES_BITS),
	CRYPT(CKM_AES_CBC, HUFU_KEY_AES, AES_BITS), CRYPT(CKM_AES_CTR, HUFU_KEY_AES, AES_BITS),
	CRYPT(CKM_AES_GCM, HUFU_KEY_AES, AES_BITS), CRYPT(CKM_AES_CCM, HUFU_KEY_AES, AES_BITS), MAC(CKM_AES_CMAC, HUFU_KEY_AES, AES_BITS),
	MAC(CKM_SHA_1_HMAC, HUFU_KEY_SECRET, SECRET_BITS), MAC(CKM_SHA224_HMAC, HUFU_KEY_SECRET, SECRET_BITS),
	MAC(CKM_SHA256_HMAC, HUFU_KEY_SECRET, SECRET_BITS), MAC(CKM_SHA384_HMAC, HUFU_KEY_SECRET, SECRET_BITS),
	MAC(CKM_SHA512_HMAC, HUFU_KEY_SECRET, SECRET_BITS),

	MAKES_PAIR(CKM_RSA_PKCS_KEY_PAIR_GEN, RSA, NEW_RSA_BITS), SIGNS(CKM_RSA_PKCS, RSA, RSA_BITS),
	{CKM_RSA_PKCS, HUFU_VERB_ENCRYPT, HUFU_KEY_RSA_PUBLIC, CKF_ENCRYPT, p11_encrypt, RSA_BITS},
	{CKM_RSA_PKCS, HUFU_VERB_DECRYPT, HUFU_KEY_RSA_PRIVATE, CKF_DECRYPT, p11_decrypt_pkcs1, RSA_BITS},
	SIGNS(CKM_RSA_X_509, RSA, RSA_BITS), OPENS(CKM_RSA_X_509, RSA, RSA_BITS), SIGNS(CKM_RSA_PKCS_PSS, RSA, RSA_BITS),
	OPENS(CKM_RSA_PKCS_OAEP, RSA, RSA_BITS),
	MAKES_PAIR(CKM_EC_KEY_PAIR_GEN, EC, EC_BITS), SIGNS(CKM_ECDSA, EC, EC_BITS),
	MAKES_PAIR(CKM_EC_EDWARDS_KEY_PAIR_GEN, EDWARDS, EDWARDS_BITS), SIGNS(CKM_EDDSA, EDWARDS, EDWARDS_BITS),
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))

/* -- what of it the token offers --------------------------------------------------------- */

/* Devices have one way to make keys for HMAC, whatever the hash. */
static uint64_t asked_for(const struct p11_row *row)
{
	if (row->mechanism == CKM_HUFU_SM3_KEY_GEN)
		return CKM_GENERIC_SECRET_KEY_GEN;
	return row->run == p11_decrypt_pkcs1 ? CKM_RSA_X_509 : row->mechanism; /* it takes the padding off itself */
}

bool p11_number(const struct hufu_device *device, uint64_t own, CK_MECHANISM_TYPE *type)
{
	const struct alias_mech *row = alias_mech_of_own(device->alias, own);

	*type = row ? row->vendor : own;
	return row || (own & ~0xffULL) != HUFU_VENDOR;
}

static bool token_has(struct hufu_device *device, uint64_t own, enum p11_form form, struct p11_offer *offer)
{
	CK_MECHANISM_INFO info = {0};

	offer->form = form;
	if (!p11_number(device, own, &offer->type))
		return false;
	CK_RV rv = P11_CALL(device->module, C_GetMechanismInfo, device->slot, offer->type, &info);
	return rv == CKR_OK && info.flags & offer->row->flag;
}

/* Verbs that have no mechanism. New keys have nowhere to go without a key to wrap them. */
static bool does(const struct hufu_device *device, enum hufu_verb verb)
{
	if (verb == HUFU_VERB_RANDOM)
		return device->token.flags & CKF_RNG;
	return verb != HUFU_VERB_IMPORT || (device->wrap_key && device->soft);
}

static bool offers(struct hufu_device *device, const struct p11_row *row, struct p11_offer *offer)
{
	*offer = (struct p11_offer){.row = row};
	if (!row->flag)
		return does(device, row->verb);
	if (row->verb == HUFU_VERB_GENERATE && !device->wrap_key)
		return false;
	if (token_has(device, asked_for(row), P11_AS_IS, offer))
		return true;
	/* There are vendors who have SM2 signatures in DER alone. */
	return row->mechanism == CKM_HUFU_SM2 && token_has(device, CKM_HUFU_SM2_DER, P11_DER, offer);
}

/* RSA's way of making pairs has the number 0, as the verbs without a mechanism: its row is its own. */
static bool is_alike(const struct hufu_capability *cap, const struct p11_row *row)
{
	return cap->mechanism == row->mechanism && cap->min_nbits == row->min_nbits && cap->max_nbits == row->max_nbits;
}

static void add_capability(struct hufu_device *device, const struct p11_row *row)
{
	struct hufu_capability *cap = device->caps;

	while (cap < device->caps + device->ncaps && !is_alike(cap, row))
		cap++;
	if (cap == device->caps + device->ncaps) {
		device->ncaps++;
		*cap = (struct hufu_capability){.mechanism = row->mechanism, .min_nbits = row->min_nbits, .max_nbits = row->max_nbits};
	}
	cap->verbs |= 1u << row->verb;
}

enum hufu_err p11_offer_all(struct hufu_device *device)
{
	device->offers = calloc(NROWS, sizeof(*device->offers));
	device->caps = calloc(NROWS, sizeof(*device->caps));
	if (!device->offers || !device->caps)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < NROWS; i++) {
		if (!offers(device, &rows[i], &device->offers[device->noffers]))
			continue;
		device->noffers++;
		add_capability(device, &rows[i]);
	}
	return HUFU_OK;
}

const struct p11_offer *p11_offer_find(const struct hufu_device *device, uint64_t mechanism, enum hufu_verb verb)
{
	for (size_t i = 0; i < device->noffers; i++)
		if (device->offers[i].row->mechanism == mechanism && device->offers[i].row->verb == verb)
			return &device->offers[i];
	return NULL;
}

/* -- parameters -------------------------------------------------------------------------------- */

size_t p11_mac_len(uint64_t mechanism)
{
	enum hash_id hash = hash_of_hmac(mechanism);

	if (mechanism == CKM_AES_CMAC)
		return 16;
	return hash == HASH_NONE ? 0 : hash_len(hash);
}

static CK_RSA_PKCS_MGF_TYPE mgf_of(uint64_t hash)
{
	static const CK_RSA_PKCS_MGF_TYPE known[] = {CKG_MGF1_SHA1, CKG_MGF1_SHA224, CKG_MGF1_SHA256, CKG_MGF1_SHA384, CKG_MGF1_SHA512,
	                                             CKG_MGF1_SHA3_224, CKG_MGF1_SHA3_256, CKG_MGF1_SHA3_384, CKG_MGF1_SHA3_512};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (hash_mechanism(hash_of_mgf(known[i])) == hash)
			return known[i];
	return 0;
}

static void set(struct p11_mechanism *m, void *param, size_t len)
{
	m->m.pParameter = param;
	m->m.ulParameterLen = len;
}

static enum hufu_err set_iv(const struct hufu_op *op, struct p11_mechanism *m)
{
	memcpy(m->iv, ((const struct hufu_param_iv *)op->param)->iv, sizeof(m->iv));
	set(m, m->iv, sizeof(m->iv));
	return HUFU_OK;
}

static enum hufu_err set_ctr(const struct hufu_op *op, struct p11_mechanism *m)
{
	const struct hufu_param_iv *p = op->param;

	m->ctr.ulCounterBits = p->counter_bits;
	memcpy(m->ctr.cb, p->iv, sizeof(m->ctr.cb));
	set(m, &m->ctr, sizeof(m->ctr));
	return HUFU_OK;
}

static enum hufu_err set_gcm(const struct hufu_op *op, struct p11_mechanism *m)
{
	const struct hufu_param_gcm *p = op->param;

	m->gcm = (CK_GCM_PARAMS){.pIv = (CK_BYTE *)(uintptr_t)p->iv, .ulIvLen = p->iv_len, .ulIvBits = 8 * p->iv_len,
	                         .pAAD = (CK_BYTE *)(uintptr_t)p->aad, .ulAADLen = p->aad_len, .ulTagBits = 8 * p->tag_len};
	set(m, &m->gcm, sizeof(m->gcm));
	return HUFU_OK;
}

/* SP 800-38C says beforehand how long the text is. */
static enum hufu_err set_ccm(const struct hufu_op *op, struct p11_mechanism *m)
{
	const struct hufu_param_ccm *p = op->param;
	size_t tag = op->verb == HUFU_VERB_DECRYPT ? p->tag_len : 0;

	if (op->in_len < tag)
		return HUFU_ERR_CIPHERTEXT_LEN;
	m->ccm = (CK_CCM_PARAMS){.ulDataLen = op->in_len - tag, .pNonce = (CK_BYTE *)(uintptr_t)p->nonce, .ulNonceLen = p->nonce_len,
	                         .pAAD = (CK_BYTE *)(uintptr_t)p->aad, .ulAADLen = p->aad_len, .ulMACLen = p->tag_len};
	set(m, &m->ccm, sizeof(m->ccm));
	return HUFU_OK;
}

static enum hufu_err set_pss(const struct hufu_op *op, struct p11_mechanism *m)
{
	const struct hufu_param_pss *p = op->param;

	m->pss = (CK_RSA_PKCS_PSS_PARAMS){.hashAlg = p->hash, .mgf = mgf_of(p->mgf_hash), .sLen = p->salt_len};
	set(m, &m->pss, sizeof(m->pss));
	return m->pss.mgf ? HUFU_OK : HUFU_ERR_PARAM;
}

static enum hufu_err set_oaep(const struct hufu_op *op, struct p11_mechanism *m)
{
	const struct hufu_param_oaep *p = op->param;

	m->oaep = (CK_RSA_PKCS_OAEP_PARAMS){.hashAlg = p->hash, .mgf = mgf_of(p->mgf_hash), .source = CKZ_DATA_SPECIFIED,
	                                    .pSourceData = p->label_len ? (void *)(uintptr_t)p->label : NULL,
	                                    .ulSourceDataLen = p->label_len};
	set(m, &m->oaep, sizeof(m->oaep));
	return m->oaep.mgf ? HUFU_OK : HUFU_ERR_PARAM;
}

enum hufu_err p11_mechanism(const struct p11_offer *offer, const struct hufu_op *op, struct p11_mechanism *m)
{
	enum hufu_err (*how)(const struct hufu_op *, struct p11_mechanism *) = NULL;

	m->m = (CK_MECHANISM){offer->type, NULL, 0};
	switch (op->mechanism) {
	case CKM_AES_CBC:
	case CKM_HUFU_SM4_CBC:
	case CKM_HUFU_SM4_OFB: how = set_iv; break;
	case CKM_AES_CTR:
	case CKM_HUFU_SM4_CTR: how = set_ctr; break;
	case CKM_AES_GCM:
	case CKM_HUFU_SM4_GCM: how = set_gcm; break;
	case CKM_AES_CCM:
	case CKM_HUFU_SM4_CCM: how = set_ccm; break;
	case CKM_RSA_PKCS_PSS: how = set_pss; break;
	case CKM_RSA_PKCS_OAEP: how = set_oaep; break;
	default: return HUFU_OK; /* none */
	}
	return op->param ? how(op, m) : HUFU_ERR_PARAM;
}
