/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token objects, made, found, changed and destroyed. What was acknowledged is
 * written down at once: at the end the store must hold that, once, and nothing else.
 */
#include "chaos.h"

#define DER_POINT 67

static void new_label(struct worker *w, char label[LABEL_MAX])
{
	snprintf(label, LABEL_MAX, "w%u-%u", w->number, w->made++);
}

static struct kept *keep(struct worker *w, enum kept_kind kind, const char *label)
{
	struct kept *kept = &w->kept[w->nkept++];

	*kept = (struct kept){.kind = kind};
	memcpy(kept->label, label, LABEL_MAX);
	return kept;
}

static CK_RV find(struct worker *w, const char *label, CK_OBJECT_HANDLE found[8], CK_ULONG *n)
{
	CK_ATTRIBUTE templ = BYTES(CKA_LABEL, label, strlen(label));
	CK_RV rv = p11->C_FindObjectsInit(w->session, &templ, 1);

	if (rv == CKR_OK)
		rv = p11->C_FindObjects(w->session, found, 8, n);
	return rv == CKR_OK ? p11->C_FindObjectsFinal(w->session) : rv;
}

/* -- does it do what it should? ------------------------------------------------------ */

static bool sm4_is_right(struct worker *w, const struct kept *kept)
{
	CK_MECHANISM ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	uint8_t block[16], out[16], want[16], iv[16] = {0};
	CK_ULONG n = sizeof(out);

	chance_fill(&w->chance, block, sizeof(block));
	oracle_cipher("SM4-ECB", kept->value, iv, block, sizeof(block), want);
	TRY(p11->C_EncryptInit(w->session, &ecb, kept->handle));
	TRY(p11->C_Encrypt(w->session, block, sizeof(block), out, &n));
	HOLDS(n == sizeof(out) && memcmp(out, want, sizeof(want)) == 0);
	return true;
}

static bool sm2_is_right(struct worker *w, const struct kept *kept)
{
	CK_MECHANISM sm2_sm3 = {CKM_HUFU_SM2_SM3, NULL, 0};
	uint8_t text[50], sig[64];
	CK_ULONG n = sizeof(sig);

	chance_fill(&w->chance, text, sizeof(text));
	TRY(p11->C_SignInit(w->session, &sm2_sm3, kept->handle));
	TRY(p11->C_Sign(w->session, text, sizeof(text), sig, &n));
	struct evp_pkey_st *key = oracle_sm2(kept->value, NULL);
	bool good = n == 64 && oracle_sm2_verify(key, text, sizeof(text), sig);
	oracle_free(key);
	HOLDS(good);
	return true;
}

static bool data_is_right(struct worker *w, const struct kept *kept)
{
	uint8_t value[32];
	CK_ATTRIBUTE read = BYTES(CKA_VALUE, value, sizeof(value));

	TRY(p11->C_GetAttributeValue(w->session, kept->handle, &read, 1));
	HOLDS(read.ulValueLen == sizeof(value) && memcmp(value, kept->value, sizeof(value)) == 0);
	return true;
}

bool kept_is_right(struct worker *w, const struct kept *kept)
{
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0;

	TRY(find(w, kept->label, found, &n));
	HOLDS(n == (kept->kind == KEPT_SM2 ? 2 : 1));
	if (!kept->known)
		return true;
	if (kept->kind == KEPT_SM4)
		return sm4_is_right(w, kept);
	return kept->kind == KEPT_SM2 ? sm2_is_right(w, kept) : data_is_right(w, kept);
}

/* -- makers ---------------------------------------------------------------------------- */

static bool is_full(const struct worker *w)
{
	return w->nkept == KEPT_MAX;
}

/* Of a key that may be read. */
static bool learn_sm4(struct worker *w, struct kept *kept)
{
	CK_ATTRIBUTE read = BYTES(CKA_VALUE, kept->value, 16);

	TRY(p11->C_GetAttributeValue(w->session, kept->handle, &read, 1));
	HOLDS(read.ulValueLen == 16);
	kept->known = true;
	return sm4_is_right(w, kept);
}

bool work_new_sm4(struct worker *w)
{
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_OBJECT_HANDLE h;
	char label[LABEL_MAX] = "";

	if (is_full(w))
		return work_destroy(w);
	new_label(w, label);
	CK_ATTRIBUTE templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_ENCRYPT, yes),
	                        ATTR(CKA_DECRYPT, yes), ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	TRY(p11->C_GenerateKey(w->session, &gen, templ, COUNT(templ), &h));
	struct kept *kept = keep(w, KEPT_SM4, label);
	kept->handle = h;
	return learn_sm4(w, kept);
}

bool work_new_sm2(struct worker *w)
{
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;
	uint8_t der[DER_POINT];
	char label[LABEL_MAX] = "";

	if (is_full(w))
		return work_destroy(w);
	new_label(w, label);
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_VERIFY, yes)};
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_SIGN, yes)};
	CK_ATTRIBUTE read = BYTES(CKA_EC_POINT, der, sizeof(der));
	TRY(p11->C_GenerateKeyPair(w->session, &gen, pub_templ, 3, priv_templ, 3, &pub, &priv));
	struct kept *kept = keep(w, KEPT_SM2, label);
	kept->handle = priv;
	kept->pub = pub;
	TRY(p11->C_GetAttributeValue(w->session, pub, &read, 1));
	HOLDS(read.ulValueLen == sizeof(der));
	memcpy(kept->value, der + 2, 65);
	kept->known = true;
	return sm2_is_right(w, kept);
}

bool work_new_data(struct worker *w)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE h;
	uint8_t value[32];
	char label[LABEL_MAX] = "";

	if (is_full(w))
		return work_destroy(w);
	new_label(w, label);
	chance_fill(&w->chance, value, sizeof(value));
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)),
	                        ATTR(CKA_VALUE, value)};
	TRY(p11->C_CreateObject(w->session, templ, COUNT(templ), &h));
	struct kept *kept = keep(w, KEPT_DATA, label);
	kept->handle = h;
	memcpy(kept->value, value, sizeof(value));
	kept->known = true;
	return true;
}

/* A key that the oracle wrapped. */
bool work_unwrap(struct worker *w)
{
	uint8_t iv[16], padded[32], wrapped[32];
	CK_MECHANISM cbc_pad = {CKM_HUFU_SM4_CBC_PAD, iv, sizeof(iv)};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_OBJECT_HANDLE h;
	char label[LABEL_MAX] = "";

	if (is_full(w))
		return work_destroy(w);
	new_label(w, label);
	chance_fill(&w->chance, iv, sizeof(iv));
	chance_fill(&w->chance, padded, 16);
	memset(padded + 16, 16, 16);
	oracle_cipher("SM4-CBC", shared.sm4_key, iv, padded, sizeof(padded), wrapped);
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_TOKEN, yes),
	                        BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_ENCRYPT, yes)};
	TRY(p11->C_UnwrapKey(w->session, &cbc_pad, shared.sm4, wrapped, sizeof(wrapped), templ, COUNT(templ), &h));
	struct kept *kept = keep(w, KEPT_SM4, label);
	kept->handle = h;
	memcpy(kept->value, padded, 16);
	kept->known = true;
	return sm4_is_right(w, kept);
}

/* -- what was made earlier ---------------------------------------------------------------- */

static struct kept *draw_kept(struct worker *w)
{
	return w->nkept ? &w->kept[chance_below(&w->chance, w->nkept)] : NULL;
}

bool work_use_kept(struct worker *w)
{
	struct kept *kept = draw_kept(w);

	return kept ? kept_is_right(w, kept) : work_new_data(w);
}

bool work_find(struct worker *w)
{
	struct kept *kept = draw_kept(w);
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0;

	if (!kept)
		return work_new_data(w);
	TRY(find(w, kept->label, found, &n));
	HOLDS(n == (kept->kind == KEPT_SM2 ? 2 : 1));
	HOLDS(found[0] == kept->handle || (n == 2 && found[1] == kept->handle));
	return true;
}

bool work_destroy(struct worker *w)
{
	struct kept *kept = draw_kept(w);
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0;
	char label[LABEL_MAX];

	if (!kept)
		return work_new_data(w);
	memcpy(label, kept->label, sizeof(label));
	TRY(p11->C_DestroyObject(w->session, kept->handle));
	if (kept->kind == KEPT_SM2)
		TRY(p11->C_DestroyObject(w->session, kept->pub));
	*kept = w->kept[--w->nkept];
	TRY(find(w, label, found, &n));
	HOLDS(n == 0);
	return true;
}

bool work_rename(struct worker *w)
{
	struct kept *kept = draw_kept(w);
	char label[LABEL_MAX] = "";

	if (!kept)
		return work_unwrap(w);
	new_label(w, label);
	CK_ATTRIBUTE templ = BYTES(CKA_LABEL, label, strlen(label));
	TRY(p11->C_SetAttributeValue(w->session, kept->handle, &templ, 1));
	if (kept->kind == KEPT_SM2)
		TRY(p11->C_SetAttributeValue(w->session, kept->pub, &templ, 1));
	memcpy(kept->label, label, sizeof(label));
	return true;
}

/* On another token of the same devices: login state belongs to the application, so one thread at a time. */
static bool log_in_and_out(struct worker *w, CK_SESSION_HANDLE s)
{
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_TOKEN, no), ATTR(CKA_ENCRYPT, yes)};
	CK_OBJECT_HANDLE h;

	TRY(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	TRY(p11->C_GenerateKey(s, &gen, templ, 2, &h));
	TRY(p11->C_Logout(s));
	return true;
}

bool work_other_login(struct worker *w)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	CK_SESSION_HANDLE s;

	pthread_mutex_lock(&lock);
	CK_RV rv = p11->C_OpenSession(life_slot("other"), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);
	bool good = rv == CKR_OK ? log_in_and_out(w, s) : work_failed(w, rv, "C_OpenSession");
	if (rv == CKR_OK && (rv = p11->C_CloseSession(s)) != CKR_OK)
		good = work_failed(w, rv, "C_CloseSession");
	pthread_mutex_unlock(&lock);
	return good;
}
