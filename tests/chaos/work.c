/* SPDX-License-Identifier: Apache-2.0 */
/* The operations and how often each is drawn; the keys that all share. */
#include "chaos.h"

struct shared shared;

const struct work works_mixed[] = {
	{"SM2 signature", 12, work_sm2_sign},
	{"SM2 verification", 5, work_sm2_verify},
	{"SM2 encryption", 5, work_sm2_encrypt},
	{"SM2 decryption", 6, work_sm2_decrypt},
	{"SM4-CBC", 12, work_sm4_cbc},
	{"SM4-CTR", 10, work_sm4_ctr},
	{"SM4-GCM", 10, work_sm4_gcm},
	{"SM3", 4, work_sm3},
	{"HMAC-SM3", 8, work_hmac},
	{"RSA signature", 3, work_rsa_sign},
	{"ECDSA signature", 4, work_ecdsa_sign},
	{"ECDH", 3, work_ecdh},
	{"AES-CBC", 4, work_aes_cbc},
	{"AES-GCM", 4, work_aes_gcm},
	{"random", 4, work_random},
	{"new SM4 key", 5, work_new_sm4},
	{"new SM2 pair", 5, work_new_sm2},
	{"new data", 2, work_new_data},
	{"session pair", 4, work_session_pair},
	{"unwrap", 5, work_unwrap},
	{"destroy", 8, work_destroy},
	{"rename", 4, work_rename},
	{"find", 4, work_find},
	{"use of a kept object", 8, work_use_kept},
	{"login elsewhere", 1, work_other_login},
	{NULL, 0, NULL},
};

/* Whose answers are verified before release, so that a device may even lie. */
const struct work works_sign[] = {
	{"SM2 signature", 6, work_sm2_sign},
	{"RSA signature", 2, work_rsa_sign},
	{"ECDSA signature", 3, work_ecdsa_sign},
	{NULL, 0, NULL},
};

const struct work works_fork[] = {
	{"a child", 4, work_fork},
	{"SM2 signature", 10, work_sm2_sign},
	{"SM4-CBC", 10, work_sm4_cbc},
	{"SM4-GCM", 10, work_sm4_gcm},
	{"HMAC-SM3", 5, work_hmac},
	{"RSA signature", 2, work_rsa_sign},
	{"random", 4, work_random},
	{"new SM4 key", 3, work_new_sm4},
	{"session pair", 3, work_session_pair},
	{"use of a kept object", 3, work_use_kept},
	{"find", 3, work_find},
	{NULL, 0, NULL},
};

/* What cards can, and what is the token's alone. */
const struct work works_cards[] = {
	{"signature of a card", 12, work_card_sign},
	{"decryption of a card", 8, work_card_decrypt},
	{"key of a card", 5, work_card_sm4},
	{"SM4-CBC", 10, work_sm4_cbc},
	{"SM4-CTR", 8, work_sm4_ctr},
	{"SM3", 3, work_sm3},
	{"random", 4, work_random},
	{"new data", 2, work_new_data},
	{"unwrap", 5, work_unwrap},
	{"destroy", 4, work_destroy},
	{"rename", 3, work_rename},
	{"find", 3, work_find},
	{"use of a kept object", 6, work_use_kept},
	{NULL, 0, NULL},
};

bool work_failed(struct worker *w, CK_RV rv, const char *why)
{
	w->rv = rv;
	w->why = why;
	return false;
}

CK_RV work_timed(struct worker *w, double begun_s, CK_RV rv)
{
	double took_s = life_now_s() - begun_s;

	if (took_s > w->longest_s)
		w->longest_s = took_s;
	return rv;
}

/* -- keys ---------------------------------------------------------------------------- */

static CK_OBJECT_HANDLE import_secret(CK_SESSION_HANDLE s, CK_KEY_TYPE type, const uint8_t *value, size_t len)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_VALUE, value, len), ATTR(CKA_ENCRYPT, yes),
		ATTR(CKA_DECRYPT, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_VERIFY, yes), ATTR(CKA_UNWRAP, yes),
	};

	NEED(p11->C_CreateObject(s, templ, COUNT(templ), &h));
	return h;
}

static void import_sm2(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS pub_class = CKO_PUBLIC_KEY, priv_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	CK_BYTE curve[] = HUFU_SM2_CURVE_OID, der[67] = {0x04, 0x41}, d[32];

	oracle_sm2_pair(&shared.sm2, der + 2, d);
	CK_ATTRIBUTE pub[] = {ATTR(CKA_CLASS, pub_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_EC_PARAMS, curve, HUFU_SM2_CURVE_OID_LEN),
	                      ATTR(CKA_EC_POINT, der), ATTR(CKA_VERIFY, yes), ATTR(CKA_ENCRYPT, yes)};
	CK_ATTRIBUTE priv[] = {ATTR(CKA_CLASS, priv_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_EC_PARAMS, curve, HUFU_SM2_CURVE_OID_LEN),
	                       ATTR(CKA_VALUE, d), ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes)};
	NEED(p11->C_CreateObject(s, pub, COUNT(pub), &shared.sm2_pub));
	NEED(p11->C_CreateObject(s, priv, COUNT(priv), &shared.sm2_priv));
}

static void import_rsa(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	uint8_t n[256], e[3], d[256];
	CK_ATTRIBUTE priv[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_MODULUS, n), ATTR(CKA_PUBLIC_EXPONENT, e),
	                       ATTR(CKA_PRIVATE_EXPONENT, d), ATTR(CKA_SIGN, yes)};

	shared.rsa = oracle_rsa_pair(n, e, d);
	NEED(p11->C_CreateObject(s, priv, COUNT(priv), &shared.rsa_priv));
}

static void make_p256(CK_SESSION_HANDLE s)
{
	CK_MECHANISM gen = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	uint8_t curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, der[67];
	CK_OBJECT_HANDLE pub;
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_EC_PARAMS, curve), ATTR(CKA_VERIFY, yes)};
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_SIGN, yes), ATTR(CKA_DERIVE, yes)}, read = ATTR(CKA_EC_POINT, der);

	NEED(p11->C_GenerateKeyPair(s, &gen, pub_templ, 2, priv_templ, 2, &pub, &shared.p256_priv));
	NEED(p11->C_GetAttributeValue(s, pub, &read, 1));
	shared.p256 = oracle_p256(der + 2);
}

void shared_make(CK_SESSION_HANDLE s, struct chance *chance)
{
	chance_fill(chance, shared.sm4_key, sizeof(shared.sm4_key));
	chance_fill(chance, shared.hmac_key, sizeof(shared.hmac_key));
	chance_fill(chance, shared.aes_key, sizeof(shared.aes_key));
	shared.sm4 = import_secret(s, CKK_HUFU_SM4, shared.sm4_key, sizeof(shared.sm4_key));
	shared.hmac = import_secret(s, CKK_HUFU_SM3_HMAC, shared.hmac_key, sizeof(shared.hmac_key));
	shared.aes = import_secret(s, CKK_AES, shared.aes_key, sizeof(shared.aes_key));
	import_sm2(s);
	import_rsa(s);
	make_p256(s);
}

void shared_make_sm4(CK_SESSION_HANDLE s, struct chance *chance)
{
	chance_fill(chance, shared.sm4_key, sizeof(shared.sm4_key));
	shared.sm4 = import_secret(s, CKK_HUFU_SM4, shared.sm4_key, sizeof(shared.sm4_key));
}

void shared_make_few(CK_SESSION_HANDLE s, struct chance *chance)
{
	shared_make_sm4(s, chance);
	make_p256(s);
}

void shared_clear(void)
{
	oracle_free(shared.card_signer);
	oracle_free(shared.card_reader);
	oracle_free(shared.sm2);
	oracle_free(shared.rsa);
	oracle_free(shared.p256);
	memset(&shared, 0, sizeof(shared));
}
