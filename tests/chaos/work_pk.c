/* SPDX-License-Identifier: Apache-2.0 */
/* Operations with pairs of keys, checked by the oracle. */
#include "chaos.h"

#define TEXT_MAX 3000
#define DER_POINT 67

static CK_MECHANISM sm2_sm3 = {CKM_HUFU_SM2_SM3, NULL, 0}, sm2_enc = {CKM_HUFU_SM2_ENC_DER, NULL, 0};

struct text {
	uint8_t bytes[TEXT_MAX];
	CK_ULONG len;
};

static void draw_text(struct worker *w, struct text *text, size_t longest)
{
	text->len = 1 + chance_below(&w->chance, longest);
	chance_fill(&w->chance, text->bytes, text->len);
}

/* Whole, or in parts. */
static CK_RV sign(struct worker *w, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct text *text, uint8_t *sig, CK_ULONG *len)
{
	CK_ULONG cut = chance_below(&w->chance, text->len + 1);
	CK_RV rv = p11->C_SignInit(w->session, mechanism, key);

	if (rv != CKR_OK)
		return rv;
	if (chance_below(&w->chance, 2))
		return p11->C_Sign(w->session, text->bytes, text->len, sig, len);
	rv = p11->C_SignUpdate(w->session, text->bytes, cut);
	if (rv == CKR_OK)
		rv = p11->C_SignUpdate(w->session, text->bytes + cut, text->len - cut);
	return rv == CKR_OK ? p11->C_SignFinal(w->session, sig, len) : rv;
}

bool work_sm2_sign(struct worker *w)
{
	struct text text;
	uint8_t sig[64];
	CK_ULONG n = sizeof(sig);

	draw_text(w, &text, TEXT_MAX);
	TRY(sign(w, &sm2_sm3, shared.sm2_priv, &text, sig, &n));
	HOLDS(n == 64 && oracle_sm2_verify(shared.sm2, text.bytes, text.len, sig));
	return true;
}

/* A good signature is good; a bad one is the caller's mistake, wherever it is found. */
bool work_sm2_verify(struct worker *w)
{
	struct text text;
	uint8_t sig[64];

	draw_text(w, &text, 200);
	oracle_sm2_sign(shared.sm2, text.bytes, text.len, sig);
	TRY(p11->C_VerifyInit(w->session, &sm2_sm3, shared.sm2_pub));
	TRY(p11->C_Verify(w->session, text.bytes, text.len, sig, 64));
	sig[chance_below(&w->chance, 64)] ^= 1;
	TRY(p11->C_VerifyInit(w->session, &sm2_sm3, shared.sm2_pub));
	CK_RV rv = p11->C_Verify(w->session, text.bytes, text.len, sig, 64);
	return rv == CKR_SIGNATURE_INVALID || work_failed(w, rv, "C_Verify of a bad signature");
}

bool work_sm2_encrypt(struct worker *w)
{
	struct text text;
	uint8_t out[400], back[400];
	CK_ULONG n = sizeof(out);

	draw_text(w, &text, 200);
	TRY(p11->C_EncryptInit(w->session, &sm2_enc, shared.sm2_pub));
	TRY(p11->C_Encrypt(w->session, text.bytes, text.len, out, &n));
	HOLDS(oracle_sm2_decrypt(shared.sm2, out, n, back, sizeof(back)) == text.len && memcmp(back, text.bytes, text.len) == 0);
	return true;
}

bool work_sm2_decrypt(struct worker *w)
{
	struct text text;
	uint8_t sealed[400], back[400];
	CK_ULONG n = sizeof(back);

	draw_text(w, &text, 200);
	size_t len = oracle_sm2_encrypt(shared.sm2, text.bytes, text.len, sealed, sizeof(sealed));
	TRY(p11->C_DecryptInit(w->session, &sm2_enc, shared.sm2_priv));
	TRY(p11->C_Decrypt(w->session, sealed, len, back, &n));
	HOLDS(n == text.len && memcmp(back, text.bytes, n) == 0);
	return true;
}

bool work_rsa_sign(struct worker *w)
{
	CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
	struct text text;
	uint8_t sig[256];
	CK_ULONG n = sizeof(sig);

	draw_text(w, &text, TEXT_MAX);
	TRY(sign(w, &mechanism, shared.rsa_priv, &text, sig, &n));
	HOLDS(oracle_rsa_verify(shared.rsa, text.bytes, text.len, sig, n));
	return true;
}

bool work_ecdsa_sign(struct worker *w)
{
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	uint8_t digest[32], sig[64];
	CK_ULONG n = sizeof(sig);

	chance_fill(&w->chance, digest, sizeof(digest));
	TRY(p11->C_SignInit(w->session, &mechanism, shared.p256_priv));
	TRY(p11->C_Sign(w->session, digest, sizeof(digest), sig, &n));
	HOLDS(n == 64 && oracle_ecdsa_verify(shared.p256, digest, sig));
	return true;
}

static bool agree(struct worker *w, const uint8_t peer[65], uint8_t value[32])
{
	CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, 65, (CK_BYTE_PTR)(uintptr_t)peer};
	CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof(params)};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE_LEN, len), ATTR(CKA_SENSITIVE, no),
	                        ATTR(CKA_EXTRACTABLE, yes)};
	CK_ATTRIBUTE read = BYTES(CKA_VALUE, value, 32);

	TRY(p11->C_DeriveKey(w->session, &mechanism, shared.p256_priv, templ, COUNT(templ), &h));
	TRY(p11->C_GetAttributeValue(w->session, h, &read, 1));
	TRY(p11->C_DestroyObject(w->session, h));
	return true;
}

bool work_ecdh(struct worker *w)
{
	uint8_t peer[65], value[32], want[32];
	struct evp_pkey_st *mine = oracle_p256_pair(peer);

	oracle_ecdh(mine, shared.p256, want);
	oracle_free(mine);
	if (!agree(w, peer, value))
		return false;
	HOLDS(memcmp(value, want, sizeof(want)) == 0);
	return true;
}

/* Made, used and destroyed with its session's objects. */
bool work_session_pair(struct worker *w)
{
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;
	uint8_t der[DER_POINT], sig[64];
	struct text text;
	CK_ULONG n = sizeof(sig);
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, no), ATTR(CKA_VERIFY, yes)}, priv_templ[] = {ATTR(CKA_TOKEN, no), ATTR(CKA_SIGN, yes)};
	CK_ATTRIBUTE point = BYTES(CKA_EC_POINT, der, sizeof(der));

	draw_text(w, &text, 100);
	TRY(p11->C_GenerateKeyPair(w->session, &gen, pub_templ, 2, priv_templ, 2, &pub, &priv));
	TRY(p11->C_GetAttributeValue(w->session, pub, &point, 1));
	TRY(p11->C_SignInit(w->session, &sm2_sm3, priv));
	TRY(p11->C_Sign(w->session, text.bytes, text.len, sig, &n));
	TRY(p11->C_DestroyObject(w->session, pub));
	TRY(p11->C_DestroyObject(w->session, priv));
	struct evp_pkey_st *key = oracle_sm2(der + 2, NULL);
	bool good = oracle_sm2_verify(key, text.bytes, text.len, sig);
	oracle_free(key);
	HOLDS(good);
	return true;
}
