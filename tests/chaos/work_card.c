/* SPDX-License-Identifier: Apache-2.0 */
/* Operations with keys that are kept in cards, checked by the oracle. */
#include "chaos.h"

#include <time.h>

#define DER_POINT 67

/* -- the pairs at the cards' indexes ------------------------------------------------------ */

/* A login that cannot ask the cards in time goes without their keys; searches ask again. */
static CK_OBJECT_HANDLE find_first(CK_SESSION_HANDLE s, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	const struct timespec moment = {.tv_nsec = 50000000};
	CK_OBJECT_HANDLE found = 0;
	CK_ULONG nfound = 0;

	for (unsigned i = 0; i < 1200 && nfound == 0; i++) {
		if (i > 0)
			nanosleep(&moment, NULL);
		NEED(p11->C_FindObjectsInit(s, templ, n));
		NEED(p11->C_FindObjects(s, &found, 1, &nfound));
		NEED(p11->C_FindObjectsFinal(s));
	}
	life_need(nfound == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID, "a pair of the cards that is no object");
	return found;
}

/* One that does this, and its public key. */
static CK_OBJECT_HANDLE find_pair(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE does, struct evp_pkey_st **pub)
{
	CK_OBJECT_CLASS priv_class = CKO_PRIVATE_KEY, pub_class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	uint8_t id[64], der[DER_POINT];
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_CLASS, priv_class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_TOKEN, yes), ATTR(does, yes)};
	CK_OBJECT_HANDLE priv = find_first(s, priv_templ, COUNT(priv_templ));
	CK_ATTRIBUTE read_id = ATTR(CKA_ID, id), read_point = ATTR(CKA_EC_POINT, der);

	NEED(p11->C_GetAttributeValue(s, priv, &read_id, 1));
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_CLASS, pub_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_ID, id, read_id.ulValueLen)};
	NEED(p11->C_GetAttributeValue(s, find_first(s, pub_templ, COUNT(pub_templ)), &read_point, 1));
	*pub = oracle_sm2(der + 2, NULL);
	return priv;
}

void shared_make_cards(CK_SESSION_HANDLE s, struct chance *chance)
{
	shared_make_sm4(s, chance);
	shared.card_sign = find_pair(s, CKA_SIGN, &shared.card_signer);
	shared.card_decrypt = find_pair(s, CKA_DECRYPT, &shared.card_reader);
}

/* -- operations ------------------------------------------------------------------------------ */

bool work_card_sign(struct worker *w)
{
	CK_MECHANISM sm2_sm3 = {CKM_HUFU_SM2_SM3, NULL, 0};
	uint8_t text[1000], sig[64];
	CK_ULONG len = 1 + chance_below(&w->chance, sizeof(text)), n = sizeof(sig);

	chance_fill(&w->chance, text, len);
	TRY(p11->C_SignInit(w->session, &sm2_sm3, shared.card_sign));
	TRY(p11->C_Sign(w->session, text, len, sig, &n));
	HOLDS(n == 64 && oracle_sm2_verify(shared.card_signer, text, len, sig));
	return true;
}

/* As much as the card of the least room takes. */
bool work_card_decrypt(struct worker *w)
{
	CK_MECHANISM sm2_enc = {CKM_HUFU_SM2_ENC_DER, NULL, 0};
	uint8_t text[100], sealed[300], back[300];
	CK_ULONG len = 1 + chance_below(&w->chance, sizeof(text)), n = sizeof(back);

	chance_fill(&w->chance, text, len);
	size_t sealed_len = oracle_sm2_encrypt(shared.card_reader, text, len, sealed, sizeof(sealed));
	TRY(p11->C_DecryptInit(w->session, &sm2_enc, shared.card_decrypt));
	TRY(p11->C_Decrypt(w->session, sealed, sealed_len, back, &n));
	HOLDS(n == len && memcmp(back, text, n) == 0);
	return true;
}

/* A key that nobody can read, of a session; what one call encrypts, perhaps another card decrypts. */
bool work_card_sm4(struct worker *w)
{
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0}, ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_TOKEN, no), ATTR(CKA_ENCRYPT, yes), ATTR(CKA_DECRYPT, yes)};
	uint8_t in[64], out[64], back[64];
	CK_ULONG n = sizeof(out);
	CK_OBJECT_HANDLE key;

	chance_fill(&w->chance, in, sizeof(in));
	TRY(p11->C_GenerateKey(w->session, &gen, templ, COUNT(templ), &key));
	TRY(p11->C_EncryptInit(w->session, &ecb, key));
	TRY(p11->C_Encrypt(w->session, in, sizeof(in), out, &n));
	TRY(p11->C_DecryptInit(w->session, &ecb, key));
	TRY(p11->C_Decrypt(w->session, out, n, back, &n));
	HOLDS(n == sizeof(in) && memcmp(back, in, n) == 0);
	TRY(p11->C_DestroyObject(w->session, key));
	return true;
}
